//! What metrics does when a fact arrives or somebody asks.
//!
//! A batch is folded in memory first, so that many events of one inquiry cost one row. Nothing here waits for another
//! event: each one is joined as it comes, in any order. Deliberately not here: emitting; metrics tells nobody anything.

mod get_funnel;
mod get_reroutes;
mod get_reviews;
mod told;

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use causeway_mailbox::{BoxFuture, Handler, HandlerError, Outcome, Received, Tx};
use causeway_proto::events::Event as _;
use causeway_proto::intake::v1::ReviewDecided;
use causeway_proto::routing::v1::InquiryRerouted;
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
            let (mut rerouted, mut reviewed, mut reopened) = (Vec::new(), Vec::new(), Vec::new());
            let mut outcomes = Vec::with_capacity(batch.len());
            for message in batch {
                outcomes.push(match message.envelope.kind.as_str() {
                    InquiryRerouted::KIND => told::rerouted(message).map(|reroute| rerouted.push(reroute)),
                    ReviewDecided::KIND => told::reviewed(message).map(|review| reviewed.push(review)),
                    _ => told::read(message).map(|(inquiry_id, progress, again)| {
                        reopened.extend(again);
                        match all.entry(inquiry_id) {
                            Entry::Vacant(place) => drop(place.insert(progress)),
                            Entry::Occupied(mut known) => known.get_mut().join(progress),
                        }
                    }),
                });
            }
            let outcomes =
                outcomes.into_iter().map(|told| told.map_or_else(Outcome::Park, |()| Outcome::Done)).collect();
            store::upsert(tx, &all).await?;
            store::insert_reroutes(tx, rerouted).await?;
            store::insert_reviews(tx, reviewed).await?;
            store::insert_reopenings(tx, reopened).await?;
            Ok(outcomes)
        })
    }
}
