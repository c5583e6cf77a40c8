//! The desk of a center has handed an inquiry to a sister center: the sister gets a new inquiry of its own, in one transaction with
//! everything that is told of it.
//!
//! The person is opened with the one center's key and sealed with the other's, and never leaves this process in between. What can't
//! be done is told to the desk with a reason, so that the inquiry is the first center's again. Documents stay where they are: the new
//! inquiry says how many there are. Deliberately not here: whether it closes there (the desk) and what of the facts goes along
//! (domain).

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use causeway_auth::Actor;
use causeway_auth::audit::{self, Entry};
use causeway_funnel::inquiry::{Facts, Stay};
use causeway_funnel::sister::{NotTaken, SisterReason, hindrance};
use causeway_mailbox::{Draft, HandlerError, Outcome, Received, Tx};
use causeway_proto::convert::{facts_from_wire, facts_to_wire, micros};
use causeway_proto::events::{self, Event, decode};
use causeway_proto::inquiry::v1 as wire;
use causeway_proto::intake::v1::HandedToCenter;
use jiff::{SignedDuration, Timestamp};
use prost::Message as _;
use tracing::warn;
use uuid::Uuid;

use super::accept::Acceptance;
use super::hooks;
use crate::domain::{person, sister};
use crate::store::sisters::{self, Became, Handover};
use crate::store::{documents, journeys, repairs};
use crate::writer::batch::{self, Way};
use crate::writer::{Answer, Arrival, Verdict};

/// What is not there yet is looked for again after this time.
const SHORTLY: Duration = Duration::from_secs(1);

/// So long after it was told a hand-over waits for a center that is not known. Tries can't be counted: who has a parked one handled
/// again begins anew each time.
const PATIENCE: SignedDuration = SignedDuration::from_secs(3);

/// A hand-over that was read.
struct Asked<'m> {
    handover: Handover,
    to: String,
    reason: SisterReason,
    message: &'m Received,
}

/// Hands one inquiry to a sister center; the outcome of its message. Whoever calls appends `looks` to the audit chain last of all,
/// since who appends holds the chain until the transaction ends.
pub async fn take(
    acceptance: &Arc<Acceptance>,
    tx: &mut Tx,
    (message, looks): (&Received, &mut Vec<Entry>),
) -> Result<Outcome, HandlerError> {
    let asked = match read(message) {
        Ok(asked) => asked,
        Err(cause) => return Ok(Outcome::Park(cause)),
    };
    // Profiles come within seconds of the first start; a sister's that is not there by then is none of this installation.
    let is_known = |center: &str| acceptance.profiles.current(center).is_some();
    if !is_known(tx.center()) || (!is_known(&asked.to) && may_come(message.envelope.time, tx.now())) {
        return Ok(Outcome::RetryAfter(SHORTLY));
    }
    if sisters::known(tx, asked.handover).await? {
        return Ok(Outcome::AlreadyApplied);
    }
    let arrival = match prepare(acceptance, tx, &asked).await? {
        Ok(arrival) => arrival,
        Err(why) => {
            // It was opened, or tried to be; every other reason stands before that.
            looks.extend((why == NotTaken::NotSealed).then(|| look(&asked, audit::Outcome::Failed)));
            return refuse(tx, &asked, why).await;
        }
    };
    let Some(answer) = write(tx, &asked.to, arrival).await? else { return Ok(Outcome::RetryAfter(SHORTLY)) };
    acceptance.count(&asked.to, causeway_funnel::inquiry::Source::SisterCenter.as_str(), false, &answer);
    settle(tx, &asked, &answer).await?;
    looks.push(look(&asked, audit::Outcome::Done));
    Ok(Outcome::Done)
}

/// Whether the profile of a center may still be on its way.
fn may_come(told_at: Timestamp, now: Timestamp) -> bool {
    now.duration_since(told_at) < PATIENCE
}

fn read(message: &Received) -> Result<Asked<'_>, String> {
    let event: HandedToCenter = decode(&message.payload).map_err(|cause| cause.to_string())?;
    let facts = event.facts.ok_or("field facts is missing")?;
    if facts.center != message.envelope.center {
        return Err("facts are of another center than the message".to_owned());
    }
    let inquiry_id = events::id("inquiry_id", &facts.inquiry_id).map_err(|cause| cause.to_string())?;
    if event.to_center.is_empty() {
        return Err("field to_center is missing".to_owned());
    }
    // A reason of a newer desk is the last of the list.
    let reason = event.reason.parse().unwrap_or_default();
    Ok(Asked { handover: (inquiry_id, event.number), to: event.to_center, reason, message })
}

/// The new inquiry, ready to be written; or why there is none.
async fn prepare(
    acceptance: &Acceptance,
    tx: &mut Tx,
    asked: &Asked<'_>,
) -> Result<Result<Arrival, NotTaken>, HandlerError> {
    let (own, own_id) = (acceptance.profiles.current(tx.center()), tx.center().to_owned());
    let (Some(own), Some(sister)) = (own, acceptance.profiles.current(&asked.to)) else {
        return Ok(Err(NotTaken::UnknownCenter));
    };
    let (inquiry_id, _) = asked.handover;
    let Some(kept) = repairs::inquiry(tx, inquiry_id).await? else { return Ok(Err(NotTaken::PersonGone)) };
    let stored = wire::Facts::decode(kept.facts.as_slice()).map_err(|cause| HandlerError::Failed(cause.to_string()))?;
    let (_, known) = facts_from_wire(&stored).map_err(|cause| HandlerError::Failed(cause.to_string()))?;
    let (ours, theirs) = (&own.1.center, &sister.1.center);
    let of = (known.stays.as_slice(), asked.reason);
    if let Some(stands) = hindrance((&own_id, &ours.sisters), (&theirs.id, &theirs.sisters), of) {
        warn!(inquiry.id = %inquiry_id, to = asked.to, %stands, "hand an inquiry to a sister center; it is not taken");
        return Ok(Err(NotTaken::NotAgreed));
    }
    let new_id = tx.new_id();
    let anew = seal_anew(acceptance, (&own_id, inquiry_id), (&asked.to, new_id), &kept.sealed);
    let Some((sealed, given)) = anew else { return Ok(Err(NotTaken::NotSealed)) };
    let count = documents::kept(tx, inquiry_id).await?;
    let stay = Stay {
        center: own_id,
        reference: kept.reference,
        received_at: kept.received_at.0,
        documents: u32::try_from(count).unwrap_or(u32::MAX),
        inquiry_id,
    };
    let faults = repairs::defects(tx, inquiry_id).await?;
    let facts = sister::facts(&sister.1, known, (stay, &given));
    Ok(Ok(arrival(&sister.1.center.prefix, (new_id, sealed), &facts, (faults, asked.message))))
}

fn arrival(
    prefix: &str,
    (inquiry_id, sealed): (Uuid, Vec<u8>),
    facts: &Facts,
    (faults, message): (Vec<(String, String)>, &Received),
) -> Arrival {
    let fault = |(field, code)| wire::FieldFault { field, code, message: String::new() };
    Arrival {
        inquiry_id,
        prefix: prefix.to_owned(),
        key: None,
        consult_type: facts.consult_type.as_str(),
        source: facts.source.as_str(),
        facts: wire::Facts { needs_repair: !faults.is_empty(), ..facts_to_wire(inquiry_id, facts) },
        sealed,
        held: false,
        signs: Vec::new(),
        faults: faults.into_iter().map(fault).collect(),
        trace: message.envelope.trace.clone(),
        message: None,
        showing_id: None,
    }
}

/// What was typed, by the names of the answers. PHI: it only says how far somebody lives from the sister.
type Given = BTreeMap<String, String>;

/// From the one center's key to the other's, with what was typed; nothing where that can't be done.
fn seal_anew(
    acceptance: &Acceptance,
    (own, inquiry_id): (&str, Uuid),
    (sister, new_id): (&str, Uuid),
    sealed: &[u8],
) -> Option<(Vec<u8>, Given)> {
    let sealer = &acceptance.sealer;
    let opened = sealer.open(own, &person::context(inquiry_id), sealed);
    let anew = opened.and_then(|opened| {
        let given = person::read(opened.expose()).map(|person| person.given).unwrap_or_default();
        Ok((sealer.seal(sister, &person::context(new_id), opened.expose())?, given))
    });
    anew.inspect_err(|cause| warn!(inquiry.id = %inquiry_id, %cause, "seal a person for a sister center")).ok()
}

/// No record, no look: that the person passes to another center stands in the audit chain of the one that hands over.
fn look(asked: &Asked<'_>, outcome: audit::Outcome) -> Entry {
    let (inquiry_id, _) = asked.handover;
    Entry {
        actor: Actor::service("ingestion"),
        action: "read person".to_owned(),
        object_kind: "inquiry",
        object_id: inquiry_id.to_string(),
        purpose: format!("hand_to_center:{}", asked.to),
        outcome,
        request_id: asked.message.envelope.trace.traceparent().unwrap_or_default().to_owned(),
    }
}

/// Writes the new inquiry as the sister's own and has the sister's routing hear of it; nothing where it has no free number.
async fn write(tx: &mut Tx, to: &str, arrival: Arrival) -> Result<Option<Answer>, HandlerError> {
    tx.in_center(to, move |tx| {
        Box::pin(async move {
            let verdicts = batch::commit(tx, &[arrival], Way::Careful).await?;
            Ok::<_, HandlerError>(verdicts.into_iter().find_map(|verdict| match verdict {
                Verdict::Kept(answer) => Some(answer),
                _ => None,
            }))
        })
    })
    .await
}

/// The desk hears that it is taken. What was still to be mended of it is the sister's to mend now.
async fn settle(tx: &mut Tx, asked: &Asked<'_>, answer: &Answer) -> Result<(), HandlerError> {
    let (inquiry_id, number) = asked.handover;
    let new_id =
        events::id("inquiry_id", &answer.inquiry_id).map_err(|cause| HandlerError::Failed(cause.to_string()))?;
    sisters::note(tx, asked.handover, &asked.to, &Became::Taken(new_id, &answer.reference)).await?;
    mended_there(tx, inquiry_id).await?;
    called_off(tx, inquiry_id).await?;
    let event = wire::HandoverTaken {
        inquiry_id: inquiry_id.to_string(),
        center: tx.center().to_owned(),
        number,
        to_center: asked.to.clone(),
        reference: answer.reference.clone(),
        at: micros(tx.now()),
    };
    tell(tx, asked, &event);
    Ok(())
}

/// Only now is it over here for the office that referred it: until the answer it may open again.
async fn called_off(tx: &mut Tx, inquiry_id: Uuid) -> Result<(), HandlerError> {
    let sent = journeys::senders(tx, &[inquiry_id]).await?;
    let mut ended = journeys::take(tx, &sent).await?;
    let off = journeys::called_off(tx, &[inquiry_id]).await?;
    ended.retain_mut(|(_, journey)| journey.hand_over(!off.is_empty()));
    if !ended.is_empty() {
        journeys::save(tx, &ended).await?;
        hooks::tell::changed(tx, &[inquiry_id]).await?;
    }
    Ok(())
}

/// Nothing of it is to be mended here any more.
async fn mended_there(tx: &mut Tx, inquiry_id: Uuid) -> Result<(), HandlerError> {
    if repairs::mended(tx, &[inquiry_id], None).await?.is_empty() {
        return Ok(());
    }
    let Some(kept) = repairs::inquiry(tx, inquiry_id).await? else { return Ok(()) };
    let facts = wire::Facts::decode(kept.facts.as_slice()).map_err(|cause| HandlerError::Failed(cause.to_string()))?;
    let facts = wire::Facts { needs_repair: false, ..facts }.encode_to_vec();
    repairs::rewrite(tx, inquiry_id, (None, &facts, false)).await?;
    Ok(())
}

async fn refuse(tx: &mut Tx, asked: &Asked<'_>, why: NotTaken) -> Result<Outcome, HandlerError> {
    let (inquiry_id, number) = asked.handover;
    sisters::note(tx, asked.handover, &asked.to, &Became::NotTaken(why.as_str())).await?;
    let event = wire::HandoverNotTaken {
        inquiry_id: inquiry_id.to_string(),
        center: tx.center().to_owned(),
        number,
        to_center: asked.to.clone(),
        why: why.as_str().to_owned(),
        at: micros(tx.now()),
    };
    tell(tx, asked, &event);
    Ok(Outcome::Done)
}

fn tell<E: Event>(tx: &mut Tx, asked: &Asked<'_>, event: &E) {
    let fact = events::fact(tx.center(), event);
    let (aggregate_id, version) = asked.handover;
    let trace = asked.message.envelope.trace.clone();
    let (subject, kind, payload) = (fact.subject, fact.kind, fact.payload);
    tx.emit(Draft { event_id: None, subject, kind, aggregate_id, version, payload, trace });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_center_that_is_not_known_is_waited_for_by_the_age_of_the_hand_over_so_that_handling_it_again_ends_as_well() {
        let told_at = Timestamp::UNIX_EPOCH;
        assert!(may_come(told_at, told_at + SignedDuration::from_secs(1)));
        assert!(!may_come(told_at, told_at + SignedDuration::from_secs(3)));
        assert!(!may_come(told_at, told_at + SignedDuration::from_hours(24)));
    }
}
