//! An inquiry is over: it was closed, or its visit took place. The next call of the same number is a new one.
//!
//! Deliberately not here: other stages, to which ingestion does not listen.

use causeway_mailbox::{BoxFuture, Handler, HandlerError, Outcome, Received, Tx};
use causeway_proto::events::{Event, decode, id};
use causeway_proto::intake::v1::{Stage, StageChanged};
use uuid::Uuid;

use crate::store::calls;

/// Hears of inquiries that are over.
pub struct Endings;

impl Handler for Endings {
    fn handle<'a>(
        &'a self,
        tx: &'a mut Tx,
        batch: &'a [Received],
    ) -> BoxFuture<'a, Result<Vec<Outcome>, HandlerError>> {
        Box::pin(async move {
            let mut over = Vec::with_capacity(batch.len());
            let mut outcomes = Vec::with_capacity(batch.len());
            for received in batch {
                outcomes.push(match ended(received) {
                    Ok(Some(inquiry)) => {
                        over.push(inquiry);
                        Outcome::Done
                    }
                    Ok(None) => Outcome::AlreadyApplied,
                    Err(reason) => Outcome::Park(reason),
                });
            }
            if !over.is_empty() {
                calls::close(tx, &over).await?;
            }
            Ok(outcomes)
        })
    }
}

/// The inquiry that is over; none where it is not.
fn ended(received: &Received) -> Result<Option<Uuid>, String> {
    if received.envelope.kind != StageChanged::KIND {
        return Err(format!("ingestion does not listen to {}", received.envelope.kind));
    }
    let event: StageChanged = decode(&received.payload).map_err(|cause| cause.to_string())?;
    let facts = event.facts.as_ref().filter(|facts| facts.center == received.envelope.center);
    let facts = facts.ok_or_else(|| "center of the payload is not that of the headers".to_owned())?;
    if !matches!(event.to(), Stage::Closed | Stage::Attended) {
        return Ok(None);
    }
    id("inquiry_id", &facts.inquiry_id).map(Some).map_err(|cause| cause.to_string())
}
