//! An inquiry is over: it was closed, or its visit took place. The next call of the same number is a new one.
//!
//! Deliberately not here: other stages, which change nothing for calls.

use causeway_mailbox::{HandlerError, Received, Tx};
use causeway_proto::events::{Event, decode, id};
use causeway_proto::intake::v1::{Stage, StageChanged};
use uuid::Uuid;

use crate::store::calls;

/// Parts the calls of those from their inquiries that are over.
pub async fn close<'m>(tx: &mut Tx, told: impl Iterator<Item = &'m Received>) -> Result<(), HandlerError> {
    let over: Vec<Uuid> = told.filter_map(ended).collect();
    if !over.is_empty() {
        calls::close(tx, &over).await?;
    }
    Ok(())
}

/// The inquiry that is over; none where it is not.
fn ended(received: &Received) -> Option<Uuid> {
    let is_of_a_stage = received.envelope.kind == StageChanged::KIND;
    let event: StageChanged = is_of_a_stage.then(|| decode(&received.payload).ok())??;
    let facts = event.facts.as_ref().filter(|facts| facts.center == received.envelope.center)?;
    matches!(event.to(), Stage::Closed | Stage::Attended).then(|| id("inquiry_id", &facts.inquiry_id).ok())?
}
