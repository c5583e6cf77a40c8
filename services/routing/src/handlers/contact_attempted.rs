//! Somebody tried to reach the person: the response clock stops, in time or late.
//!
//! The earliest attempt counts, in whatever order the attempts arrive. Deliberately not here: what became of the attempt,
//! which is the intake desk's.

use causeway_mailbox::{HandlerError, Outcome, Tx};
use causeway_proto::convert::instant;
use causeway_proto::events::id;
use causeway_proto::intake::v1::ContactAttempted;

use super::{Placed, Told, read};
use crate::store;

/// Reads a batch; what can't be read is parked.
pub(super) fn read_all(placed: &[Placed<'_>], outcomes: &mut [Outcome]) -> Told {
    let mut told = Told::default();
    for (place, message) in placed {
        match read(message, |event: &ContactAttempted| Some(event.center.as_str())) {
            Ok(event) => {
                let first = id("inquiry_id", &event.inquiry_id).and_then(|id| Ok((id, instant("at", event.at)?)));
                told.add(*place, first, outcomes);
            }
            Err(reason) => outcomes[*place] = Outcome::Park(reason),
        }
    }
    told
}

pub(super) async fn handle(
    tx: &mut Tx,
    (told, placed): (&Told, &[Placed<'_>]),
    outcomes: &mut [Outcome],
) -> Result<(), HandlerError> {
    let known = store::note_attempts(tx, &told.list()).await?;
    told.postpone_unknown(&known, placed, outcomes);
    Ok(())
}
