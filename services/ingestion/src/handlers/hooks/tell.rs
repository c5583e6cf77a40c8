//! Counts changed Tasks for those who want to hear of them, in the transaction of the change.
//!
//! Deliberately not here: what changed them (journeys, settle), and the sending.

use std::collections::BTreeMap;

use causeway_mailbox::Tx;
use uuid::Uuid;

use crate::handlers::fhir::standing;
use crate::store::journeys;
use crate::store::referrals;
use crate::store::subscriptions;

/// Tells of changed inquiries: those that no feed has sent, or whose feed asks for nothing, are passed over.
pub async fn changed(tx: &mut Tx, ids: &[Uuid]) -> Result<(), sqlx::Error> {
    if ids.is_empty() {
        return Ok(());
    }
    let sent = journeys::senders(tx, ids).await?;
    let mut by_feed: BTreeMap<&str, Vec<Uuid>> = BTreeMap::new();
    for one in &sent {
        by_feed.entry(one.feed.as_str()).or_default().push(one.inquiry_id);
    }
    let feeds: Vec<&str> = by_feed.keys().copied().collect();
    let listening = subscriptions::listening(tx, &feeds).await?;
    let mut changed = Vec::new();
    for feed in &listening {
        let of_feed = by_feed.get(feed.as_str()).map_or(&[][..], Vec::as_slice);
        for known in referrals::of_feed(tx, feed, of_feed).await? {
            let standing = standing(known);
            changed.push((feed.clone(), standing.inquiry_id, standing.status().code()));
        }
    }
    if !changed.is_empty() {
        subscriptions::count(tx, &changed).await?;
    }
    Ok(())
}
