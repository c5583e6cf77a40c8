//! The time of an agreed next step: a durable timer for each agreement brings it back to whoever works it.
//!
//! A timer of an agreement that was moved or has ended is left alone, as those of claims are: it names its agreement and finds nothing
//! to do.

use causeway_envelope::TraceContext;
use causeway_mailbox::{DueTimer, Timer};

use crate::domain::{Inquiry, Step};

/// Timer that fires when the time of an agreed next step has come.
pub(super) const NEXT_STEP_TIME: &str = "next-step-time";

/// The timer that a step calls for.
pub fn next_step_timer(inquiry: &Inquiry, step: &Step, trace: &TraceContext) -> Option<Timer> {
    let Step::AgreeNextStep { .. } = step else { return None };
    let agreed = inquiry.open_step()?;
    Some(Timer {
        aggregate_id: inquiry.inquiry_id,
        kind: NEXT_STEP_TIME,
        occurrence: agreed.number.to_string(),
        due_at: agreed.at,
        payload: agreed.number.into(),
        trace: trace.clone(),
    })
}

/// What a timer brings; nothing for one that names no agreement.
pub(super) fn passed(timer: &DueTimer) -> Option<Step> {
    timer.payload.as_i64().map(|number| Step::NextStepTimePassed { number })
}
