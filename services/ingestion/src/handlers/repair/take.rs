//! Makes an inquiry of a message that waits, by the same path and under the same key as at its door.
//!
//! Inquiry, event, the message's new state, who did it and the audit entry are one transaction, which holds the message: two
//! people who release the same thing at once make one inquiry, and a crash leaves all of it or nothing. Deliberately not
//! here: what the message says (door).

use std::sync::Arc;

use causeway_auth::audit::{self, AuditError};
use causeway_proto::inquiry::v1 as wire;
use uuid::Uuid;

use super::{Doer, UNKNOWN};
use crate::domain::submission::Submission;
use crate::error::Refusal;
use crate::handlers::grpc::Calls;
use crate::handlers::hooks::tell;
use crate::handlers::keep;
use crate::store::messages::{self, REFUSED, Standing};
use crate::store::repairs::{self, Message, Step};
use crate::writer::batch::{self, Arrival, Verdict, Way};
use crate::writer::heard::{ACCEPTED, PARKED, REFERRAL_CHANGED, REFERRAL_REOPENED, holds};

/// An inquiry was made.
pub const TAKEN: &str = "accepted";
/// One stood for it already.
pub const KNOWN: &str = "known";
/// The sender sent it again meanwhile, and that was taken.
pub const ARRIVED_AGAIN: &str = "arrived_again";
/// It does not wait, or not any more.
pub const NOT_WAITING: &str = "not_waiting";

/// What became of a message.
pub struct Outcome {
    word: String,
    inquiry_id: Option<Uuid>,
    reference: String,
}

impl Outcome {
    /// A word, and the inquiry that it is about.
    pub fn of(word: impl Into<String>, inquiry_id: Option<Uuid>, reference: Option<String>) -> Self {
        Self { word: word.into(), inquiry_id, reference: reference.unwrap_or_default() }
    }

    /// Whether it became this.
    pub fn is(&self, word: &str) -> bool {
        self.word == word
    }

    /// As it is told.
    pub fn told(self, id: Uuid) -> wire::RepairOutcome {
        wire::RepairOutcome {
            id: id.to_string(),
            outcome: self.word,
            inquiry_id: self.inquiry_id.map(|id| id.to_string()).unwrap_or_default(),
            reference: self.reference,
            routed_by: Vec::new(),
        }
    }
}

/// Makes an inquiry of a message. `step`: `release` or `retry`.
pub async fn message(
    calls: &Calls,
    doer: &Doer,
    (message_id, step): (Uuid, &'static str),
    submission: Submission,
) -> Result<Outcome, Refusal> {
    let in_force = calls.acceptance.profile(&submission.center)?;
    let arrival = calls.acceptance.prepare(&in_force.1, &submission, doer.trace.clone())?;
    let (center, source, held) = (submission.center, arrival.source, arrival.held);
    let (arrival, doer) = (Arc::new([arrival]), doer.clone());
    let (outcome, kept) = calls
        .database
        .with_tx(&center, move |tx| {
            Box::pin(async move {
                let message = repairs::held(tx, message_id).await?.ok_or(UNKNOWN)?;
                if !message.waits() {
                    return Ok((Outcome::of(NOT_WAITING, message.inquiry_id, message.reference), None));
                }
                let (outcome, kept) = match again(tx, &message).await? {
                    Some(outcome) => (outcome, None),
                    None => write(tx, &message, arrival.as_slice()).await?,
                };
                let noted = Step {
                    object_kind: "message",
                    object_id: message_id,
                    step,
                    outcome: &outcome.word,
                    actor: &doer.actor.id,
                };
                repairs::note(tx, &[noted]).await?;
                let purpose = if step == "retry" { "retry_message" } else { "release_message" };
                let entry = doer.entry(("message", message_id), purpose);
                audit::append(tx, entry).await.map_err(|AuditError::Database(cause)| Refusal::from(cause))?;
                Ok::<_, Refusal>((outcome, kept))
            })
        })
        .await?;
    if let Some(answer) = kept {
        calls.acceptance.count(&center, source, held, &answer);
    }
    Ok(outcome)
}

/// A refused message that its sender sent again, as it was or mended, and that led to something then. Under the lock of its
/// control id nobody can take it at this moment.
async fn again(tx: &mut causeway_mailbox::Tx, message: &Message) -> Result<Option<Outcome>, Refusal> {
    if message.state != REFUSED {
        return Ok(None);
    }
    let standing = messages::standing(tx, &[message.control_key.as_slice()]).await?;
    // Ids rise with time: what came before it under its control id is another matter.
    let is_mended = |one: &&Standing| one.message_id > message.message_id && holds(one);
    let same = standing.iter().find(|one| one.stands_for(&message.content_hash));
    let Some(same) = same.or_else(|| standing.iter().filter(is_mended).max_by_key(|one| one.message_id)).cloned()
    else {
        return Ok(None);
    };
    repairs::close(tx, &[message.message_id]).await?;
    Ok(Some(Outcome::of(ARRIVED_AGAIN, same.inquiry_id, same.reference)))
}

async fn write(
    tx: &mut causeway_mailbox::Tx,
    message: &Message,
    arrival: &[Arrival],
) -> Result<(Outcome, Option<batch::Answer>), Refusal> {
    let verdict = batch::commit(tx, arrival, Way::Careful).await?.pop();
    let (state, reason, outcome, kept) = match verdict {
        Some(Verdict::Kept(answer)) => {
            let outcome = Outcome::of(TAKEN, answer.inquiry_id.parse().ok(), Some(answer.reference.clone()));
            (ACCEPTED, "", outcome, Some(answer))
        }
        // It is the message by which the referral is taken up again: at its inquiry somebody has to do so.
        Some(Verdict::Repeated(answer)) if message.reason == REFERRAL_REOPENED => {
            let inquiry = answer.inquiry_id.parse().ok();
            (PARKED, REFERRAL_REOPENED, Outcome::of(REFERRAL_REOPENED, inquiry, Some(answer.reference)), None)
        }
        Some(Verdict::Repeated(answer)) => {
            (ACCEPTED, "", Outcome::of(KNOWN, answer.inquiry_id.parse().ok(), Some(answer.reference)), None)
        }
        Some(Verdict::KeyReused(inquiry)) => {
            (PARKED, REFERRAL_CHANGED, Outcome::of(REFERRAL_CHANGED, Some(inquiry), None), None)
        }
        Some(Verdict::Reopened(answer)) => {
            let inquiry = answer.inquiry_id.parse().ok();
            (PARKED, REFERRAL_REOPENED, Outcome::of(REFERRAL_REOPENED, inquiry, Some(answer.reference)), None)
        }
        // It came with no message, and both of its request numbers are taken: with a new id it has new ones.
        _ => return Err(Refusal::Unavailable),
    };
    repairs::decide(tx, message.message_id, (state, reason, outcome.inquiry_id)).await?;
    tell::moved(tx, outcome.inquiry_id.as_slice()).await?;
    Ok((outcome, kept))
}

/// Puts a message that overtook its referral to it, if that has come; else it waits on.
pub async fn find(
    calls: &Calls,
    doer: &Doer,
    (center, message_id): (&str, Uuid),
    (reason, key, numbered): (&'static str, Option<String>, Option<(String, String)>),
) -> Result<Outcome, Refusal> {
    let key = key.map(|key| calls.acceptance.kept_key(center, &key)).transpose()?;
    let known = keep::known(&calls.database, center, key.into_iter().collect(), numbered).await?;
    still(calls, doer, (center, message_id), known.map(|(inquiry, reference)| (reason, inquiry, reference))).await
}

/// Notes that a message was tried and waits on, unless its sender was quicker; `about`: why now, and for which inquiry.
pub async fn still(
    calls: &Calls,
    doer: &Doer,
    (center, message_id): (&str, Uuid),
    about: Option<(&'static str, Uuid, String)>,
) -> Result<Outcome, Refusal> {
    let doer = doer.clone();
    calls
        .database
        .with_tx(center, move |tx| {
            Box::pin(async move {
                let message = repairs::held(tx, message_id).await?.ok_or(UNKNOWN)?;
                if !message.waits() {
                    return Ok(Outcome::of(NOT_WAITING, message.inquiry_id, message.reference));
                }
                let outcome = match (again(tx, &message).await?, about) {
                    (Some(outcome), _) => outcome,
                    (None, Some((reason, inquiry, reference))) if message.state == PARKED => {
                        repairs::decide(tx, message_id, (PARKED, reason, Some(inquiry))).await?;
                        tell::moved(tx, &[inquiry]).await?;
                        Outcome::of(reason, Some(inquiry), Some(reference))
                    }
                    _ => Outcome::of(message.reason, message.inquiry_id, message.reference),
                };
                let noted = Step {
                    object_kind: "message",
                    object_id: message_id,
                    step: "retry",
                    outcome: &outcome.word,
                    actor: &doer.actor.id,
                };
                repairs::note(tx, &[noted]).await?;
                let entry = doer.entry(("message", message_id), "retry_message");
                audit::append(tx, entry).await.map_err(|AuditError::Database(cause)| Refusal::from(cause))?;
                Ok::<_, Refusal>(outcome)
            })
        })
        .await
}
