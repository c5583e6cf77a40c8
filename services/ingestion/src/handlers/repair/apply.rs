//! Takes what a message says otherwise than its inquiry into that inquiry, as far as a person chose it.
//!
//! The inquiry's new answers, what became of the message, who did it and both audit entries are one transaction, which holds the
//! message and the inquiry. Deliberately not here: how an answer is read and what of it travels (mend).

use std::collections::BTreeMap;

use causeway_auth::Actor;
use causeway_auth::audit::{self, AuditError};
use causeway_envelope::TraceContext;
use causeway_proto::convert::{consult_type_from_wire, urgency_from_wire};
use causeway_proto::inquiry::v1 as wire;
use uuid::Uuid;

use super::door::{CONSULT_TYPE, LANGUAGE, URGENCY, Understood, Wish};
use super::open::{self, FEED_GONE, feed, person};
use super::take::{NOT_WAITING, Outcome};
use super::{Doer, OTHER_PATIENT, UNKNOWN, mend, retry};
use crate::domain::person::Person;
use crate::error::Refusal;
use crate::handlers::grpc::Calls;
use crate::handlers::hear::news;
use crate::handlers::hooks::tell;
use crate::store::repairs::{self, Message, Step};
use crate::writer::heard::PARKED;

/// The inquiry says what was chosen of the message.
pub const APPLIED: &str = "applied";
/// A person has dealt with it.
pub const SETTLED: &str = "settled";

const NOTHING_TO_APPLY: Refusal = Refusal::WrongState(
    "it changes no answers of an inquiry: do there what it asks for and settle it, put it to its inquiry, or set it aside",
);
const NOT_SAID: Refusal = Refusal::BadRequest(
    "choose at least one answer, and only what the message says otherwise than its inquiry; open it again to see what that is",
);

/// Whether what a message says can be taken into its inquiry.
pub fn may(message: &Message, understood: &Understood) -> bool {
    let is_change = match &understood.wish {
        Wish::New => true,
        Wish::About(reason, _) => *reason == "referral_modified",
        Wish::Mended | Wish::Nothing => false,
    };
    is_change && message.state == PARKED && message.inquiry_id.is_some()
}

/// What a message says otherwise than a person did. What it is silent about stays.
pub fn differing(told: BTreeMap<String, String>, known: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    let stands = |key: &str| known.get(key).map(|answer| answer.trim()).unwrap_or_default();
    told.into_iter().filter(|(key, answer)| mend::is_for_staff(key) && answer.trim() != stands(key)).collect()
}

/// The answers of an inquiry as a message is compared with them, with its language, how pressing it is and what it asks for as they
/// stand in its facts, by which others work.
pub fn standing(person: &Person, facts: &wire::Facts) -> BTreeMap<String, String> {
    let mut answers = person.given.clone();
    answers.insert(LANGUAGE.to_owned(), facts.language.clone());
    answers.insert(URGENCY.to_owned(), urgency_from_wire(facts.urgency()).as_str().to_owned());
    answers.insert(CONSULT_TYPE.to_owned(), consult_type_from_wire(facts.consult_type()).as_str().to_owned());
    answers
}

/// Takes what was chosen of a message into its inquiry.
pub async fn message(
    calls: &Calls,
    actor: Actor,
    request: wire::ApplyMessageRequest,
    trace: TraceContext,
) -> Result<wire::RepairOutcome, Refusal> {
    let doer = Doer::permitted(actor, &request.center, trace)?;
    let id = super::id(&request.message_id)?;
    let (message, row) = retry::stored(calls, &request.center, id).await?;
    if message.state != PARKED {
        return Ok(Outcome::of(NOT_WAITING, message.inquiry_id, message.reference).told(id));
    }
    let in_force = calls.acceptance.profile(&request.center)?;
    let feed = feed(&in_force.1, &message.feed).ok_or(FEED_GONE)?;
    let understood = open::read(calls, (&in_force.1, feed), &message, row.as_ref())?;
    if !may(&message, &understood) {
        return Err(NOTHING_TO_APPLY);
    }
    let (told, chosen, is_confirmed) = (understood.told(), request.fields, request.confirmed);
    let (own, profile) = (calls.clone(), in_force.clone());
    let (outcome, routed_by) = calls
        .database
        .with_tx(&request.center, move |tx| {
            Box::pin(async move {
                let message = repairs::held(tx, id).await?.ok_or(UNKNOWN)?;
                let (PARKED, Some(inquiry)) = (message.state.as_str(), message.inquiry_id) else {
                    let outcome = Outcome::of(NOT_WAITING, message.inquiry_id, message.reference);
                    return Ok((outcome, Vec::new()));
                };
                let stored = repairs::inquiry(tx, inquiry).await?.ok_or(Refusal::UnknownInquiry)?;
                let person = person(&own, tx.center(), (inquiry, &stored.sealed))?;
                if !is_confirmed && !message.assigned && !news::is_of(&person, &told) {
                    let outcome = Outcome::of(OTHER_PATIENT, Some(inquiry), Some(stored.reference));
                    return Ok((outcome, Vec::new()));
                }
                let standing = standing(&person, &mend::facts(inquiry, &stored.facts)?);
                let fields = pick(differing(told, &standing), &chosen)?;
                let routed_by = mend::within(tx, &own, &profile.1, (inquiry, &stored), fields).await?;
                settle(tx, &doer, (id, inquiry), (&message.reason, APPLIED)).await?;
                tell::moved(tx, &[inquiry]).await?;
                let entries =
                    [doer.entry(("message", id), "apply_message"), doer.entry(("inquiry", inquiry), "mend_inquiry")];
                audit::append_all(tx, &entries).await.map_err(|AuditError::Database(cause)| Refusal::from(cause))?;
                Ok::<_, Refusal>((Outcome::of(APPLIED, Some(inquiry), Some(stored.reference)), routed_by))
            })
        })
        .await?;
    super::assign::unpack(calls, &request.center, id, &outcome).await;
    Ok(wire::RepairOutcome { routed_by, ..outcome.told(id) })
}

/// What was chosen, with its answer.
fn pick(mut said: BTreeMap<String, String>, chosen: &[String]) -> Result<Vec<(String, String)>, Refusal> {
    if chosen.is_empty() {
        return Err(NOT_SAID);
    }
    chosen.iter().map(|key| said.remove_entry(key).ok_or(NOT_SAID)).collect()
}

/// Says that a message is settled at an inquiry which a person has chosen, and notes what was done.
pub async fn settle(
    tx: &mut causeway_mailbox::Tx,
    doer: &Doer,
    (id, inquiry): (Uuid, Uuid),
    (reason, done): (&str, &'static str),
) -> Result<(), Refusal> {
    repairs::assign(tx, id, (SETTLED, reason, inquiry)).await?;
    tell::settled(tx, &[id]).await?;
    let step = if done == APPLIED { "apply" } else { "assign" };
    let noted = Step { object_kind: "message", object_id: id, step, outcome: done, actor: &doer.actor.id };
    repairs::note(tx, &[noted]).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answers(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(key, answer)| ((*key).to_owned(), (*answer).to_owned())).collect()
    }

    #[test]
    fn only_what_a_message_says_otherwise_is_taken_over_and_never_a_consent_or_the_number() {
        let known = answers(&[("name", "Rosa"), ("phone", "1"), ("email", "rosa@example.com")]);
        let told = answers(&[
            ("name", "Rosa "),
            ("phone", "2"),
            ("consent_phone", "yes"),
            ("referral_number", "REF-2"),
            ("address", "1200 Harbor"),
        ]);
        let said = differing(told, &known);
        assert_eq!(said, answers(&[("phone", "2"), ("address", "1200 Harbor")]));
        let pair = |key: &str, answer: &str| (key.to_owned(), answer.to_owned());
        assert_eq!(pick(said.clone(), &["phone".to_owned()]), Ok(vec![pair("phone", "2")]));
        assert_eq!(pick(said.clone(), &[]), Err(NOT_SAID));
        assert_eq!(pick(said, &["name".to_owned()]), Err(NOT_SAID));
    }
}
