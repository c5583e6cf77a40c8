//! An inquiry was closed: nobody is to be reached any more, so its response clock stops.
//!
//! Deliberately not here: other changes of the stage, to which routing does not listen.

use causeway_mailbox::{HandlerError, Outcome, Tx};
use causeway_proto::convert::instant;
use causeway_proto::events::id;
use causeway_proto::intake::v1::{Stage, StageChanged};

use super::{Placed, Told, read};
use crate::store;

pub(super) async fn handle(tx: &mut Tx, placed: &[Placed<'_>], outcomes: &mut [Outcome]) -> Result<(), HandlerError> {
    let mut told = Told::default();
    for (place, message) in placed {
        match read(message, |event: &StageChanged| event.facts.as_ref().map(|facts| facts.center.as_str())) {
            Ok(event) if event.to() != Stage::Closed => outcomes[*place] = Outcome::AlreadyApplied,
            Ok(event) => {
                let inquiry = event.facts.as_ref().map_or("", |facts| facts.inquiry_id.as_str());
                let closed = id("inquiry_id", inquiry).and_then(|id| Ok((id, instant("at", event.at)?)));
                told.add(*place, closed, outcomes);
            }
            Err(reason) => outcomes[*place] = Outcome::Park(reason),
        }
    }
    told.stop_timers(tx).await?;
    let known = store::note_closings(tx, &told.list()).await?;
    told.postpone_unknown(&known, placed, outcomes);
    Ok(())
}
