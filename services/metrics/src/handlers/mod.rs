//! What metrics does when a fact arrives or somebody asks.
//!
//! A batch is folded in memory first, so that many events of one inquiry cost one row. Nothing here waits for another
//! event: each one is joined as it comes, in any order. Deliberately not here: emitting; metrics tells nobody anything.

mod get_funnel;
mod told;

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use causeway_mailbox::{BoxFuture, Handler, HandlerError, Outcome, Received, Tx};
use uuid::Uuid;

pub(crate) use get_funnel::Api;

use crate::domain::Progress;
use crate::store;

/// Handles all that metrics listens to.
pub(crate) struct Handlers;

impl Handler for Handlers {
    fn handle<'a>(
        &'a self,
        tx: &'a mut Tx,
        batch: &'a [Received],
    ) -> BoxFuture<'a, Result<Vec<Outcome>, HandlerError>> {
        Box::pin(async move {
            let mut all: BTreeMap<Uuid, Progress> = BTreeMap::new();
            let mut outcomes = Vec::with_capacity(batch.len());
            for message in batch {
                outcomes.push(match told::read(message) {
                    Ok((inquiry_id, progress)) => {
                        match all.entry(inquiry_id) {
                            Entry::Vacant(place) => drop(place.insert(progress)),
                            Entry::Occupied(mut known) => known.get_mut().join(progress),
                        }
                        Outcome::Done
                    }
                    Err(reason) => Outcome::Park(reason),
                });
            }
            store::upsert(tx, &all).await?;
            Ok(outcomes)
        })
    }
}
