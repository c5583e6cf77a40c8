//! An inquiry was closed: nobody is to be reached any more, so its response clock stops.
//!
//! A close that is older than an open inquiry of which the desk has told since stops nothing: it was opened again. Deliberately not here:
//! other changes of the stage, to which routing does not listen, and the clock that runs again (work_moved).

use std::collections::BTreeMap;

use causeway_mailbox::{HandlerError, Outcome, Tx};
use causeway_proto::convert::instant;
use causeway_proto::events::id;
use causeway_proto::intake::v1::{Stage, StageChanged};
use uuid::Uuid;

use super::{Placed, Told, read};
use crate::store;

/// What a batch tells of closes.
#[derive(Default)]
pub(super) struct Closed {
    pub(super) told: Told,
    /// The desk's newest version of each.
    versions: BTreeMap<Uuid, i64>,
}

/// Reads a batch; what can't be read is parked.
pub(super) fn read_all(placed: &[Placed<'_>], outcomes: &mut [Outcome]) -> Closed {
    let mut all = Closed::default();
    for (place, message) in placed {
        match read(message, |event: &StageChanged| event.facts.as_ref().map(|facts| facts.center.as_str())) {
            Ok(event) if event.to() != Stage::Closed => outcomes[*place] = Outcome::AlreadyApplied,
            Ok(event) => {
                let inquiry = event.facts.as_ref().map_or("", |facts| facts.inquiry_id.as_str());
                let closed = id("inquiry_id", inquiry).and_then(|id| Ok((id, instant("at", event.at)?)));
                if let Ok((id, _)) = &closed {
                    let newest = all.versions.entry(*id).or_default();
                    *newest = event.version.max(*newest);
                }
                all.told.add(*place, closed, outcomes);
            }
            Err(reason) => outcomes[*place] = Outcome::Park(reason),
        }
    }
    all
}

/// Gives those that are open again: their clocks run, and their timers were taken back.
pub(super) async fn handle(
    tx: &mut Tx,
    (closed, placed): (&Closed, &[Placed<'_>]),
    outcomes: &mut [Outcome],
) -> Result<Vec<Uuid>, HandlerError> {
    let version = |id: &Uuid| closed.versions.get(id).copied().unwrap_or_default();
    let told: Vec<_> = closed.told.list().into_iter().map(|(id, at)| (id, at, version(&id))).collect();
    let known = store::note_closings(tx, &told).await?;
    let (ids, stale): (Vec<_>, Vec<_>) = known.into_iter().map(|(id, is_stale)| (id, is_stale.then_some(id))).unzip();
    closed.told.postpone_unknown(&ids, placed, outcomes);
    Ok(stale.into_iter().flatten().collect())
}
