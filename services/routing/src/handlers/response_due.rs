//! A response clock ran out: where nobody has tried to reach the person, the desk is told.
//!
//! The decision is read again in the same statement that marks it, so a timer that comes too late does nothing.
//! Deliberately not here: who hears of it, which the desk knows.

use std::collections::HashMap;

use causeway_envelope::TraceContext;
use causeway_mailbox::{Draft, DueTimer, HandlerError, Tx};
use causeway_proto::convert::micros;
use causeway_proto::events::fact;
use causeway_proto::routing::v1::ResponseMissed;
use uuid::Uuid;

use crate::store;

/// Kind of the timer that stands at the end of a response clock.
pub(super) const RESPONSE_DUE: &str = "response-due";
/// The owner and the team lead hear of it.
const FIRST_LEVEL: i32 = 1;

pub(super) async fn fire(tx: &mut Tx, due: &[DueTimer]) -> Result<(), HandlerError> {
    let traces: HashMap<Uuid, &TraceContext> =
        due.iter().filter(|timer| timer.kind == RESPONSE_DUE).map(|timer| (timer.aggregate_id, &timer.trace)).collect();
    let inquiries: Vec<Uuid> = traces.keys().copied().collect();
    for missed in store::miss(tx, &inquiries).await? {
        let event = ResponseMissed {
            inquiry_id: missed.inquiry_id.to_string(),
            center: tx.center().to_owned(),
            team: missed.team,
            response_due_at: micros(missed.response_due_at),
            level: FIRST_LEVEL,
        };
        let fact = fact(tx.center(), &event);
        tx.emit(Draft {
            event_id: None,
            subject: fact.subject,
            kind: fact.kind,
            aggregate_id: missed.inquiry_id,
            version: missed.version,
            payload: fact.payload,
            trace: traces.get(&missed.inquiry_id).map_or_else(TraceContext::default, |trace| (*trace).clone()),
        });
    }
    Ok(())
}
