//! Opens something that waits, with all that it says, for a stated purpose, and writes that down first.
//!
//! Deliberately not here: what is made of it (take, mend).

use causeway_auth::Actor;
use causeway_auth::audit::{self, AuditError};
use causeway_envelope::TraceContext;
use causeway_funnel::profile::{Feed, Profile};
use causeway_proto::inquiry::v1 as wire;
use tracing::error;
use uuid::Uuid;

use super::door::{Understood, Wish, understand};
use super::mend;
use super::{DEFECTS, Doer, STAFF, UNKNOWN, row};
use crate::adapters::hl7::charset;
use crate::domain::person::{self, Person};
use crate::domain::submission::Submission;
use crate::error::Refusal;
use crate::handlers::grpc::Calls;
use crate::store::messages::REFUSED;
use crate::store::repairs::{self, Message, Waiting};

/// Why somebody may look: a closed list.
const PURPOSES: [&str; 2] = ["repair", "mapping"];

/// Nothing is at fault, and nobody has asked yet who called.
const MISSED_CALL: &str = "missed_call";

/// The feed was taken out of the profile.
pub const FEED_GONE: Refusal =
    Refusal::WrongState("its feed is not in feeds.toml any more: add it again, or set this aside");

/// Opens something.
pub async fn repair(
    calls: &Calls,
    actor: Actor,
    request: wire::OpenRepairRequest,
    trace: TraceContext,
) -> Result<wire::Repair, Refusal> {
    let doer = Doer::permitted(actor, &request.center, trace)?;
    if !PURPOSES.contains(&request.purpose.as_str()) {
        return Err(Refusal::BadRequest("purpose must be repair or mapping"));
    }
    let id = super::id(&request.id)?;
    match request.kind.as_str() {
        "message" => message(calls, &doer, (&request.center, id), &request.purpose).await,
        "inquiry" => inquiry(calls, &doer, (&request.center, id), &request.purpose).await,
        _ => Err(Refusal::BadRequest("kind must be message or inquiry")),
    }
}

async fn message(
    calls: &Calls,
    doer: &Doer,
    (center, id): (&str, Uuid),
    purpose: &str,
) -> Result<wire::Repair, Refusal> {
    let (by, why) = (doer.clone(), purpose.to_owned());
    let (message, reading, steps) = calls
        .database
        .with_tx(center, move |tx| {
            Box::pin(async move {
                let message = repairs::message(tx, id, false).await?.ok_or(UNKNOWN)?;
                let reading = repairs::row_of(tx, id).await?.and_then(|(reading, _)| reading);
                let entry = by.entry(("message", id), &why);
                audit::append(tx, entry).await.map_err(|AuditError::Database(cause)| Refusal::from(cause))?;
                Ok::<_, Refusal>((message, reading, repairs::steps(tx, id).await?))
            })
        })
        .await?;
    let in_force = calls.acceptance.profile(center)?;
    let raw = raw(calls, center, &message)?;
    let feed = feed(&in_force.1, &message.feed);
    let understood = feed.map(|feed| read(calls, (&in_force.1, feed), &raw, reading.as_deref()));
    let waits = message.waits();
    let view = if !waits {
        ""
    } else if message.state == REFUSED {
        "refused"
    } else {
        "waiting"
    };
    let row = row(&in_force.1, waiting(message));
    let wish = understood.as_ref().filter(|_| waits).map(|one| &one.wish);
    let mut shown = wire::Repair {
        raw: charset::decode(&raw).text.into_owned(),
        may_release: matches!(wish, Some(Wish::New | Wish::Mended)),
        may_retry: matches!(wish, Some(Wish::New | Wish::About(..))),
        steps: steps.into_iter().map(step).collect(),
        row: Some(row),
        view: view.to_owned(),
        ..wire::Repair::default()
    };
    if let (Some(understood), Some(feed)) = (understood, feed) {
        shown.faults = understood.faults.iter().map(|(place, message)| fault(place.clone(), message.clone())).collect();
        shown.columns.clone_from(&understood.columns);
        shown.fields = understood.asked.answers.clone().into_iter().collect();
        if !shown.may_release {
            return Ok(shown);
        }
        let submission = understood.submission(&in_force.1, feed);
        let for_staff = |submission| Submission { language: STAFF.to_owned(), ..submission };
        match submission.and_then(|told| calls.acceptance.faults(&in_force.1, &for_staff(told))) {
            Ok(faults) => shown.faults.extend(faults.into_iter().map(|one| fault(one.field, one.message))),
            // As it stands it would not be taken; whoever mends it has to see it all the same.
            Err(refusal) => {
                shown.may_retry = false;
                match refusal {
                    Refusal::Faults(faults) => {
                        shown.faults.extend(faults.into_iter().map(|one| fault(one.field, one.message)));
                    }
                    other => shown.faults.push(fault(String::new(), other.to_string())),
                }
            }
        }
    }
    Ok(shown)
}

/// Reads a message once more.
pub fn read(calls: &Calls, (profile, feed): (&Profile, &Feed), raw: &[u8], reading: Option<&str>) -> Understood {
    let today = profile.zone().to_datetime(calls.acceptance.clock.now()).date();
    understand(&calls.doors, (profile, feed), raw, (reading, today))
}

/// A feed of the profile.
pub fn feed<'p>(profile: &'p Profile, id: &str) -> Option<&'p Feed> {
    profile.feeds.feeds.iter().find(|feed| feed.id == id)
}

/// A message as it came.
pub fn raw(calls: &Calls, center: &str, message: &Message) -> Result<Vec<u8>, Refusal> {
    let context = format!("messages.sealed:{}", message.message_id);
    let opened = calls.acceptance.sealer.open(center, &context, &message.sealed).map_err(|cause| {
        error!(%cause, message.id = %message.message_id, "open a message");
        Refusal::Internal
    })?;
    Ok(opened.expose().clone())
}

fn waiting(message: Message) -> Waiting {
    Waiting {
        kind: "message".to_owned(),
        id: message.message_id,
        feed: message.feed,
        message_kind: message.kind,
        reason: message.reason,
        defects: String::new(),
        times: message.times,
        since: message.received_at,
        inquiry_id: message.inquiry_id,
        reference: message.reference,
    }
}

fn fault(place: String, message: String) -> wire::RepairFault {
    wire::RepairFault { place, message }
}

fn step((step, outcome, actor, at): (String, String, String, causeway_mailbox::Ts)) -> wire::RepairStep {
    wire::RepairStep { step, outcome, actor, at: causeway_proto::convert::micros(at.0) }
}

async fn inquiry(
    calls: &Calls,
    doer: &Doer,
    (center, id): (&str, Uuid),
    purpose: &str,
) -> Result<wire::Repair, Refusal> {
    let (by, why) = (doer.clone(), purpose.to_owned());
    let (stored, defects, steps) = calls
        .database
        .with_tx(center, move |tx| {
            Box::pin(async move {
                let stored = repairs::inquiry(tx, id).await?.ok_or(Refusal::UnknownInquiry)?;
                let entry = by.entry(("inquiry", id), &why);
                audit::append(tx, entry).await.map_err(|AuditError::Database(cause)| Refusal::from(cause))?;
                Ok::<_, Refusal>((stored, repairs::defects(tx, id).await?, repairs::steps(tx, id).await?))
            })
        })
        .await?;
    let person = person(calls, center, (id, &stored.sealed))?;
    let in_force = calls.acceptance.profile(center)?;
    let may_release = !defects.is_empty() || mend::facts(id, &stored.facts)?.missed_call;
    let words = |code: &str| {
        use causeway_funnel::contact::FaultCode;
        code.parse::<FaultCode>().map_or_else(|_| code.to_owned(), |code| code.label(STAFF).to_owned())
    };
    let named = defects.iter().map(|(field, code)| format!("{code}@{field}")).collect::<Vec<_>>().join(" ");
    let row = row(
        &in_force.1,
        Waiting {
            kind: "inquiry".to_owned(),
            id,
            feed: String::new(),
            message_kind: stored.source,
            reason: if defects.is_empty() && may_release { MISSED_CALL } else { DEFECTS }.to_owned(),
            defects: named,
            times: 1,
            since: stored.received_at,
            inquiry_id: Some(id),
            reference: Some(stored.reference),
        },
    );
    Ok(wire::Repair {
        row: Some(row),
        may_release,
        view: if defects.is_empty() { String::new() } else { "waiting".to_owned() },
        faults: defects.into_iter().map(|(field, code)| fault(field, words(&code))).collect(),
        fields: person.given.into_iter().collect(),
        steps: steps.into_iter().map(step).collect(),
        ..wire::Repair::default()
    })
}

/// The person of an inquiry.
pub fn person(calls: &Calls, center: &str, (id, sealed): (Uuid, &[u8])) -> Result<Person, Refusal> {
    let refuse = |cause: &dyn std::fmt::Display| {
        error!(%cause, inquiry.id = %id, "open a person to mend");
        Refusal::Internal
    };
    let opened = calls.acceptance.sealer.open(center, &person::context(id), sealed).map_err(|cause| refuse(&cause))?;
    person::read(opened.expose()).ok_or_else(|| refuse(&"its content is none of ours"))
}
