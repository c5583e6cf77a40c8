//! Inquiries that somebody took and left lying: a timer for each claim and each hand-over to a colleague gives them back to the
//! queue of their team.
//!
//! What routing chose somebody for is watched here from the moment at which they take it, also by asking for the next one.
//! Deliberately not here: choices that nobody has begun; routing watches them.

use causeway_envelope::TraceContext;
use causeway_mailbox::{DueTimer, HandlerError, Outcome, Timer, Tx};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::Placed;
use super::chase::RECORDS_CHASE;
use super::next_step::{NEXT_STEP_TIME, passed};
use crate::domain::{By, Inquiry, Rules, Step, begun_by, idle_after, left_after, watched_since};
use crate::store::claims::{last_touched, touched};
use crate::store::inquiry::load_for_update;

/// Timer that fires when what somebody has begun is late and nothing was done about it.
const LEFT_LATE: &str = "left-late";

/// What that timer has to know.
#[derive(Serialize, Deserialize)]
struct Left {
    owner: String,
    /// Microseconds since the Unix epoch.
    due: i64,
}

/// Timer that fires when somebody has held an inquiry for as long as the center allows.
const CLAIM_IDLE: &str = "claim-idle";

/// What the timer has to know.
#[derive(Serialize, Deserialize)]
struct Held {
    owner: String,
    /// Version at which it became theirs.
    version: i64,
    /// Microseconds since the Unix epoch.
    since: i64,
}

/// The timer that a step calls for.
/// Those of claims before it are left alone: whoever fires one holds its row and waits for the inquiry, so taking it back here could
/// wait for ever. They know their claim by its version, and one that comes too early comes again.
pub fn claim_timer(
    inquiry: &Inquiry,
    step: &Step,
    (now, rules): (Timestamp, &Rules<'_>),
    trace: &TraceContext,
) -> Option<Timer> {
    let since = watched_since(inquiry, step, now)?;
    let version = inquiry.turn.moved_version;
    let held = Held { owner: inquiry.owner.clone(), version, since: since.as_microsecond() };
    Some(Timer {
        aggregate_id: inquiry.inquiry_id,
        kind: CLAIM_IDLE,
        occurrence: inquiry.version.to_string(),
        due_at: idle_after(inquiry, since, rules)?,
        payload: serde_json::to_value(held).ok()?,
        trace: trace.clone(),
    })
}

/// The timer that a change calls for where somebody has begun it; none where they are the same and have to do it by the same time.
pub fn left_timer(
    before: Option<&(String, Timestamp)>,
    inquiry: &Inquiry,
    rules: &Rules<'_>,
    trace: &TraceContext,
) -> Option<Timer> {
    let (owner, due) = begun_by(inquiry)
        .filter(|(owner, due)| before.is_none_or(|before| (&*before.0, before.1) != (*owner, *due)))?;
    let left = Left { owner: owner.to_owned(), due: due.as_microsecond() };
    Some(Timer {
        aggregate_id: inquiry.inquiry_id,
        kind: LEFT_LATE,
        occurrence: inquiry.version.to_string(),
        due_at: left_after(due, None, rules)?,
        payload: serde_json::to_value(left).ok()?,
        trace: trace.clone(),
    })
}

/// The steps that timers call for. One of a claim about which something was done calls for none.
pub(super) async fn steps(
    tx: &mut Tx,
    due: &[DueTimer],
    outcomes: &mut [Outcome],
) -> Result<Vec<Placed>, HandlerError> {
    let held = |timer: &DueTimer| -> Option<(Held, Timestamp)> {
        let held: Held =
            (timer.kind == CLAIM_IDLE).then(|| serde_json::from_value(timer.payload.clone()).ok()).flatten()?;
        let since = Timestamp::from_microsecond(held.since).ok()?;
        Some((held, since))
    };
    let claims: Vec<_> = due.iter().filter_map(|timer| Some((timer.aggregate_id, held(timer)?.1))).collect();
    let touched = if claims.is_empty() {
        Default::default()
    } else {
        // Locked before it is looked: what somebody is doing at this moment counts. All of the batch, so that the order of locks
        // is one.
        let mut ids: Vec<Uuid> = due.iter().map(|timer| timer.aggregate_id).collect();
        ids.sort_unstable();
        ids.dedup();
        load_for_update(tx, &ids).await?;
        touched(tx, &claims).await?
    };
    let lasts: Vec<Uuid> = due.iter().filter(|timer| timer.kind == LEFT_LATE).map(|timer| timer.aggregate_id).collect();
    let last = if lasts.is_empty() { Default::default() } else { last_touched(tx, &lasts).await? };
    let left = |timer: &DueTimer| {
        let left: Left = serde_json::from_value(timer.payload.clone()).ok()?;
        let due = Timestamp::from_microsecond(left.due).ok()?;
        Some(Step::LeftLate { owner: left.owner, due, touched: last.get(&timer.aggregate_id).copied() })
    };
    let mut steps = Vec::with_capacity(due.len());
    for (place, timer) in due.iter().enumerate() {
        let step = match (timer.kind.as_str(), held(timer)) {
            (LEFT_LATE, _) => left(timer),
            (CLAIM_IDLE, Some((_, since))) if touched.contains(&(timer.aggregate_id, since)) => None,
            (CLAIM_IDLE, held) => {
                held.map(|(held, since)| Step::ClaimIdle { owner: held.owner, version: held.version, since })
            }
            (NEXT_STEP_TIME, _) => passed(timer),
            (RECORDS_CHASE, _) => Some(Step::ChaseRecords),
            _ => Some(Step::VisitTimePassed),
        };
        let Some(step) = step else {
            outcomes[place] = Outcome::AlreadyApplied;
            continue;
        };
        let (by, trace) = (By(String::new()), timer.trace.clone());
        steps.push(Placed { place, inquiry_id: timer.aggregate_id, step, by, trace });
    }
    Ok(steps)
}
