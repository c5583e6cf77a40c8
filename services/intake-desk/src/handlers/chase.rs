//! Asking again for documents that have not come: a durable timer for the next time at which the person is asked.
//!
//! A timer that something has overtaken (a document came, a promise, another question) finds nothing to do, and one that comes too
//! early, since hours or the cadence are others by now, comes again. Deliberately not here: what is asked (domain), and the message.

use causeway_envelope::TraceContext;
use causeway_mailbox::Timer;
use jiff::Timestamp;

use crate::domain::{Inquiry, Rules, chase_look};

/// Timer that fires when the person is to be asked again for documents.
pub(super) const RECORDS_CHASE: &str = "records-chase";

/// The timer that a change calls for; none where nobody is asked again, or at the time for which there is one.
pub fn chase_timer(
    before: Option<Timestamp>,
    inquiry: &Inquiry,
    rules: &Rules<'_>,
    trace: &TraceContext,
) -> Option<Timer> {
    let due_at = chase_look(inquiry, rules).filter(|due| Some(*due) != before)?;
    Some(Timer {
        aggregate_id: inquiry.inquiry_id,
        kind: RECORDS_CHASE,
        occurrence: inquiry.version.to_string(),
        due_at,
        payload: serde_json::Value::Null,
        trace: trace.clone(),
    })
}
