//! Counts changed Tasks for those who want to hear of them, in the transaction of the change.
//!
//! Deliberately not here: what changed them (journeys, settle, repair), and the sending.

use std::collections::BTreeMap;

use causeway_funnel::records::Checklists;
use causeway_mailbox::Tx;
use uuid::Uuid;

use crate::handlers::fhir::standing;
use crate::store::journeys;
use crate::store::messages;
use crate::store::referrals;
use crate::store::subscriptions;

/// Messages were settled: the Tasks of those that were withdrawals have ended. Whoever hears of their stages waits for this, and
/// this for them, so that a Task has one end.
pub async fn settled(tx: &mut Tx, messages: &[Uuid]) -> Result<(), sqlx::Error> {
    let off = messages::withdrawals(tx, messages).await?;
    if !off.is_empty() {
        let sent = journeys::senders(tx, &off).await?;
        let sent: Vec<_> = sent.into_iter().filter(|one| one.is_fhir).collect();
        let mut ended = journeys::take(tx, &sent).await?;
        for (_, journey) in &mut ended {
            journey.call_off();
        }
        journeys::save(tx, &ended).await?;
    }
    let about = messages::inquiries(tx, messages).await?;
    changed(tx, &about).await
}

/// The center itself changed inquiries by something that no message and no event says: their Tasks get a new version.
pub async fn moved(tx: &mut Tx, ids: &[Uuid]) -> Result<(), sqlx::Error> {
    let sent = journeys::senders(tx, ids).await?;
    let sent: Vec<_> = sent.iter().filter(|one| one.is_fhir).collect();
    if sent.is_empty() {
        return Ok(());
    }
    journeys::count(tx, &sent).await?;
    changed(tx, ids).await
}

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
            // The status alone is told, so that what documents are called does not matter.
            let standing = standing(known, &Checklists::default());
            changed.push((feed.clone(), standing.inquiry_id, standing.status().code()));
        }
    }
    if !changed.is_empty() {
        subscriptions::count(tx, &changed).await?;
    }
    Ok(())
}
