//! A person says of which inquiry a message is: news of a patient that tell no number of a referral, or a wrong one.
//!
//! The patient of the message is compared with the inquiry's, and where they differ it has to be confirmed; after that nobody
//! compares them again. What a message asks for besides, such as a change, then waits at that inquiry. Deliberately not here: how
//! documents are unpacked (documents).

use std::collections::BTreeMap;

use causeway_auth::Actor;
use causeway_auth::audit::{self, AuditError};
use causeway_envelope::TraceContext;
use causeway_funnel::profile::FeedKind;
use causeway_mailbox::Tx;
use causeway_proto::convert;
use causeway_proto::inquiry::v1 as wire;
use tracing::warn;
use uuid::Uuid;

use super::apply::settle;
use super::door::Wish;
use super::open::{self, FEED_GONE, feed, person};
use super::take::{NOT_WAITING, Outcome};
use super::{Doer, OTHER_PATIENT, UNKNOWN, retry};
use crate::domain::identity::clues::Identity;
use crate::domain::identity::score::{self, compare};
use crate::error::Refusal;
use crate::handlers::documents::unpack;
use crate::handlers::grpc::Calls;
use crate::handlers::hear::news;
use crate::handlers::hooks::tell;
use crate::handlers::recognise::token;
use crate::store;
use crate::store::people::{self, Candidate};
use crate::store::repairs::{self, Message, Step};
use crate::writer::heard::PARKED;

/// It is put to the inquiry.
pub const ASSIGNED: &str = "assigned";
/// Most inquiries that a message is said to be perhaps of.
const MOST: usize = 5;

const OF_A_CALL: Refusal = Refusal::WrongState(
    "it is about a call, which is put to its inquiry on the page Calls: look there, and set this aside",
);
const NO_SUCH: Refusal =
    Refusal::BadRequest("no inquiry of this center has this request number: take it from the inquiry\u{2019}s page");

/// Whether a person may say of which inquiry a message is.
pub fn may(message: &Message) -> bool {
    message.state == PARKED
}

/// Puts a message to an inquiry.
pub async fn message(
    calls: &Calls,
    actor: Actor,
    request: wire::AssignMessageRequest,
    trace: TraceContext,
) -> Result<wire::RepairOutcome, Refusal> {
    let doer = Doer::permitted(actor, &request.center, trace)?;
    let id = super::id(&request.message_id)?;
    let (message, row) = retry::stored(calls, &request.center, id).await?;
    if !may(&message) {
        return Ok(Outcome::of(NOT_WAITING, message.inquiry_id, message.reference).told(id));
    }
    let in_force = calls.acceptance.profile(&request.center)?;
    let feed = feed(&in_force.1, &message.feed).ok_or(FEED_GONE)?;
    if feed.kind == FeedKind::Phone {
        return Err(OF_A_CALL);
    }
    let understood = open::read(calls, (&in_force.1, feed), &message, row.as_ref())?;
    let (told, is_confirmed) = (understood.told(), request.confirmed);
    // What changes a referral or calls it off is still to be done there.
    let asks_for = match understood.wish {
        Wish::About(reason, _) => Some(reason),
        _ => None,
    };
    let reference = request.reference.trim().to_uppercase();
    let own = calls.clone();
    let outcome = calls
        .database
        .with_tx(&request.center, move |tx| {
            Box::pin(async move {
                let message = repairs::held(tx, id).await?.ok_or(UNKNOWN)?;
                if !may(&message) {
                    return Ok(Outcome::of(NOT_WAITING, message.inquiry_id, message.reference));
                }
                let (inquiry, reference, _) = store::by_reference(tx, &reference).await?.ok_or(NO_SUCH)?;
                let stored = repairs::inquiry(tx, inquiry).await?.ok_or(NO_SUCH)?;
                let known = person(&own, tx.center(), (inquiry, &stored.sealed))?;
                if !is_confirmed && !news::is_of(&known, &told) {
                    return Ok(Outcome::of(OTHER_PATIENT, Some(inquiry), Some(reference)));
                }
                match asks_for {
                    Some(reason) => {
                        repairs::assign(tx, id, (PARKED, reason, inquiry)).await?;
                        tell::changed(tx, &[inquiry]).await?;
                        let noted = Step {
                            object_kind: "message",
                            object_id: id,
                            step: "assign",
                            outcome: reason,
                            actor: &doer.actor.id,
                        };
                        repairs::note(tx, &[noted]).await?;
                    }
                    None => settle(tx, &doer, (id, inquiry), (&message.reason, ASSIGNED)).await?,
                }
                let entries =
                    [doer.entry(("message", id), "assign_message"), doer.entry(("inquiry", inquiry), "assign_message")];
                audit::append_all(tx, &entries).await.map_err(|AuditError::Database(cause)| Refusal::from(cause))?;
                Ok::<_, Refusal>(Outcome::of(asks_for.unwrap_or(ASSIGNED), Some(inquiry), Some(reference)))
            })
        })
        .await?;
    unpack(calls, &request.center, id, &outcome).await;
    Ok(outcome.told(id))
}

/// Unpacks the documents of a message at once, where a person said whose they are. What fails is taken up again by itself.
pub async fn unpack(calls: &Calls, center: &str, id: Uuid, outcome: &Outcome) {
    if !outcome.is(ASSIGNED) && !outcome.is(super::apply::APPLIED) {
        return;
    }
    if let Err(cause) = unpack::message(&calls.documents, center, id).await {
        warn!(%cause, message.id = %id, "unpack the documents of a message that was put to its inquiry; it is taken up again");
    }
}

/// The inquiries that a message may be of, the likeliest first. Each is somebody's, so each is written down.
pub async fn candidates(
    tx: &mut Tx,
    calls: &Calls,
    doer: &Doer,
    (of, told): (&Identity, &BTreeMap<String, String>),
    purpose: &str,
) -> Result<Vec<wire::RepairCandidate>, Refusal> {
    let center = tx.center().to_owned();
    let tokens = of.clues().iter().map(|clue| token(&calls.acceptance.sealer, &center, clue)).collect::<Result<_, _>>();
    let tokens: Vec<[u8; 16]> = tokens.map_err(|_| Refusal::Internal)?;
    let mut found = Vec::new();
    for one in people::found_by(tx, &tokens, people::CROWD).await? {
        let Candidate { inquiry_id, reference, received_at, sealed, facts } = one;
        let known = person(calls, &center, (inquiry_id, &sealed))?;
        let office = super::mend::facts(inquiry_id, &facts)?.referring_office;
        let score = compare(of, &Identity::of(&known, &office));
        if score.strength().is_none() {
            continue;
        }
        let because = score::explain(score.because.iter().map(|reason| reason.word()));
        let candidate = wire::RepairCandidate {
            inquiry_id: inquiry_id.to_string(),
            reference,
            name: known.patient().to_owned(),
            birth_date: known.birth_date.map(|date| date.to_string()).unwrap_or_default(),
            received_at: convert::micros(received_at.0),
            because,
            is_same: news::is_of(&known, told),
        };
        found.push((score.sum, inquiry_id, candidate));
    }
    found.sort_by_key(|(sum, id, _)| (-sum, std::cmp::Reverse(*id)));
    found.truncate(MOST);
    let entries: Vec<_> = found.iter().map(|(_, id, _)| doer.entry(("inquiry", *id), purpose)).collect();
    audit::append_all(tx, &entries).await.map_err(|AuditError::Database(cause)| Refusal::from(cause))?;
    Ok(found.into_iter().map(|(.., candidate)| candidate).collect())
}
