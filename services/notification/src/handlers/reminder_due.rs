//! A reminder is due.
//!
//! The timer only says that it is time to look. The visit is read again: one that was moved, cancelled or is too near by
//! now gets no reminder, however the timer came to fire. The notice is checked once more when it goes out.

use causeway_envelope::TraceContext;
use causeway_mailbox::{BoxFuture, DueTimer, HandlerError, Outcome, Timer, TimerHandler, Tx};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{Handling, PROFILE_WAIT};
use crate::domain::visit::{self, Reminder, Visit};
use crate::store::appointments;

/// Kind of the timers.
pub const TIMER: &str = "appointment_reminder";

/// What the timer keeps for us.
#[derive(Debug, Serialize, Deserialize)]
struct Kept {
    starts_at: i64,
    step: usize,
    template: String,
}

/// The timer of a reminder.
pub fn timer(visit: &Visit, reminder: &Reminder, trace: &TraceContext) -> Timer {
    let starts_at = visit.starts_at.as_microsecond();
    let kept = Kept { starts_at, step: reminder.step, template: reminder.template.clone() };
    Timer {
        aggregate_id: visit.appointment_id,
        kind: TIMER,
        occurrence: format!("{starts_at}:{}", reminder.step),
        due_at: reminder.due_at,
        // Two numbers and a name always serialise.
        payload: serde_json::to_value(kept).unwrap_or_default(),
        trace: trace.clone(),
    }
}

impl TimerHandler for Handling {
    fn fire<'a>(&'a self, tx: &'a mut Tx, due: &'a [DueTimer]) -> BoxFuture<'a, Result<Vec<Outcome>, HandlerError>> {
        Box::pin(self.remind(tx, due))
    }
}

impl Handling {
    async fn remind(&self, tx: &mut Tx, due: &[DueTimer]) -> Result<Vec<Outcome>, HandlerError> {
        let Some(current) = self.books.current(tx.center()) else {
            return Ok(vec![Outcome::RetryAfter(PROFILE_WAIT); due.len()]);
        };
        let ids: Vec<Uuid> = due.iter().map(|timer| timer.aggregate_id).collect();
        let visits = appointments::load(tx, &ids).await?;
        let now = tx.now();
        let mut new = Vec::new();
        let mut outcomes = Vec::with_capacity(due.len());
        for timer in due {
            let notice = visits.get(&timer.aggregate_id).and_then(|visit| {
                let kept: Kept = serde_json::from_value(timer.payload.clone()).ok()?;
                let starts_at = Timestamp::from_microsecond(kept.starts_at).ok()?;
                let pointless = visit::is_pointless(timer.due_at, starts_at, now);
                visit::reminder(visit, starts_at, kept.step, &kept.template, now).filter(|_| !pointless)
            });
            outcomes.push(if notice.is_some() { Outcome::Done } else { Outcome::AlreadyApplied });
            new.extend(notice.map(|notice| (notice, timer.trace.clone())));
        }
        self.intend(tx, &current.0, new).await?;
        Ok(outcomes)
    }
}
