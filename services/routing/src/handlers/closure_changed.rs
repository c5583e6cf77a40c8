//! A closure was entered or ended: the due times that it touches are computed anew, a part at a time.
//!
//! Each part is one transaction of a timer, which sets the timer of the next part; so a restart goes on where it stopped.
//! A decision may be looked at twice, since its due time moves on: computed again it stands the same. Deliberately not here:
//! when the closure counts for new inquiries, which is from its commit on.

use causeway_funnel::profile::Profile;
use causeway_mailbox::{DueTimer, HandlerError, Outcome, Revisions, Timer, Tx};
use causeway_proto::convert::micros;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::PATIENCE;
use super::moved::{Cause, Hours, compute_anew};
use crate::store::clock;

/// Kind of the timer.
pub(super) const CLOSURE_CHANGED: &str = "closure-changed";
/// Decisions in one part.
const PART: i64 = 200;

/// What is still to be looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Part {
    /// End of the stretch, and the last decision of the part before: microseconds and an id.
    to: i64,
    after_due: i64,
    after_id: Uuid,
    cause: Cause,
    /// Tells several changes of one closure apart.
    run: Uuid,
    number: u32,
}

impl Part {
    pub(super) fn first((from, to): (Timestamp, Timestamp), cause: Cause, run: Uuid) -> Self {
        // What is due by the beginning of the stretch is untouched by it.
        Self { to: micros(to), after_due: micros(from), after_id: Uuid::max(), cause, run, number: 0 }
    }

    pub(super) fn occurrence(&self) -> String {
        format!("{}.{}", self.run, self.number)
    }

    /// Numbers and an id; always serialises.
    pub(super) fn payload(&self) -> serde_json::Value {
        serde_json::to_value(self).unwrap_or_default()
    }
}

pub(super) async fn fire(
    profiles: &Revisions<Profile>,
    tx: &mut Tx,
    due: &[DueTimer],
    outcomes: &mut [Outcome],
) -> Result<(), HandlerError> {
    for (timer, outcome) in due.iter().zip(outcomes).filter(|(timer, _)| timer.kind == CLOSURE_CHANGED) {
        *outcome = match serde_json::from_value::<Part>(timer.payload.clone()) {
            Ok(part) => one_part(profiles, tx, timer, part).await?,
            Err(cause) => Outcome::Park(format!("what is to be computed can not be read: {cause}")),
        };
    }
    Ok(())
}

async fn one_part(
    profiles: &Revisions<Profile>,
    tx: &mut Tx,
    timer: &DueTimer,
    part: Part,
) -> Result<Outcome, HandlerError> {
    let Some(in_force) = profiles.current(tx.center()) else { return Ok(Outcome::RetryAfter(PATIENCE)) };
    let instant = |micros| Timestamp::from_microsecond(micros).unwrap_or_default();
    let after = (instant(part.after_due), part.after_id);
    let looked_at = clock::touched(tx, after, instant(part.to), PART).await?;
    let Some(last) = looked_at.last() else { return Ok(Outcome::Done) };
    let next =
        Part { after_due: micros(last.response_due_at), after_id: last.inquiry_id, number: part.number + 1, ..part };
    let is_last = (looked_at.len() as i64) < PART;
    let hours = Hours::of(profiles, in_force, tx, &looked_at).await?;
    let moved = compute_anew(&hours, tx, looked_at, part.cause).await?;
    tracing::info!(count = moved.len(), part = part.number, "due times were computed anew after a closure changed");
    if !is_last {
        let next = Timer {
            aggregate_id: timer.aggregate_id,
            kind: CLOSURE_CHANGED,
            occurrence: next.occurrence(),
            due_at: tx.now(),
            payload: next.payload(),
            trace: timer.trace.clone(),
        };
        tx.schedule(next).await?;
    }
    Ok(Outcome::Done)
}
