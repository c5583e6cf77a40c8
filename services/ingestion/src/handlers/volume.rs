//! Looks after the feeds: one incident when a feed goes quiet, floods us or sends one message again and again, closed when it is
//! itself again.
//!
//! Every process looks; a lock in the database lets them do so one after the other, so that each sees what the one before has
//! written, and an incident begins and ends once, across restarts too. Deliberately not here: what is usual (domain), and who
//! is told (the alert on the metric, `causeway feeds list`).

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use causeway_funnel::profile::{FeedKind, Profile};
use causeway_mailbox::{Tx, TxError};
use causeway_runtime::Stop;
use jiff::{SignedDuration, Timestamp, ToSpan as _};
use tracing::{debug, info, warn};
use uuid::Uuid;

use super::accept::Acceptance;
use crate::domain::volume::{Kind, Past, Usual, horizon, hour_of};
use crate::store::feeds;
use crate::store::volume::{self as store, State};

/// The incidents of a center, for those who count: feed and kind.
type Incidents = Vec<(String, Kind)>;

/// How long it is known how often a message came again.
const REPEATS_KEPT: SignedDuration = SignedDuration::from_hours(14 * 24);

/// Looks until the stop.
pub async fn watch(acceptance: Arc<Acceptance>, database: causeway_mailbox::Database, every: Duration, stop: Stop) {
    let gauge = &acceptance.metrics.feed_incidents;
    // What could not be looked at stays as it was: an alert that ends for a moment is raised once more.
    let mut standing: HashMap<String, Incidents> = HashMap::new();
    loop {
        for center in acceptance.profiles.names() {
            let Some(in_force) = acceptance.profiles.current(&center) else { continue };
            let clock = acceptance.clock.clone();
            let used = acceptance.credentials.take(&center);
            let noted = used.clone();
            let looked = database.with_tx(&center, move |tx| {
                Box::pin(async move {
                    feeds::note_used(tx, &noted).await?;
                    Ok::<_, TxError>(look(tx, &in_force.1, || clock.new_id()).await?)
                })
            });
            let looked = looked.await;
            if looked.is_err() {
                acceptance.credentials.put_back(&center, &used);
            }
            match looked {
                Ok(found) => {
                    let before = standing.insert(center.clone(), found.clone()).unwrap_or_default();
                    for (feed, kind) in before.iter().filter(|incident| !found.contains(incident)) {
                        // It was set before.
                        let _ = gauge.remove_label_values(&[&center, feed, kind.word()]);
                    }
                    for (feed, kind) in &found {
                        gauge.with_label_values(&[&center, feed, kind.word()]).set(1);
                    }
                }
                Err(cause) => debug!(%cause, center, "look after the feeds; tried again in a moment"),
            }
        }
        tokio::select! {
            () = stop.requested() => return,
            () = tokio::time::sleep(every) => {}
        }
    }
}

/// Looks at the feeds of one center, and gives the incidents that stand.
async fn look(tx: &mut Tx, profile: &Profile, new_id: impl Fn() -> Uuid + Send) -> Result<Incidents, sqlx::Error> {
    store::lock(tx).await?;
    let now = tx.now();
    let of_files = |wanted: bool| {
        let feeds = profile.feeds.feeds.iter().filter(move |feed| (feed.kind == FeedKind::Csv) == wanted);
        feeds.map(|feed| feed.id.as_str()).collect::<Vec<_>>()
    };
    let (messages, files) = (of_files(false), of_files(true));
    let feeds = (messages.as_slice(), files.as_slice());
    let hour_ago = now.checked_sub(1.hour()).unwrap_or(now);
    // What was written while somebody else looked counts as well, so the last hours are counted anew.
    let known = store::looked_at(tx).await?.map_or(horizon(now), |at| at.min(now));
    let since = hour_of(known.checked_sub(1.hour()).unwrap_or(known)).min(hour_of(hour_ago));
    store::count(tx, since, feeds).await?;
    let mut hours: HashMap<String, BTreeMap<Timestamp, u32>> = HashMap::new();
    let every: Vec<&str> = messages.iter().chain(&files).copied().collect();
    for hour in store::hours(tx, horizon(now), &every).await? {
        let count = u32::try_from(hour.messages).unwrap_or_default();
        hours.entry(hour.feed).or_default().insert(hour.hour.0, count);
    }
    let repeats = store::repeats(tx, hour_of(hour_ago)).await?;
    store::forget_repeats(tx, now.checked_sub(REPEATS_KEPT).unwrap_or(now)).await?;
    let standing = store::standing(tx).await?;
    let (mut states, mut over, mut left) = (Vec::new(), Vec::new(), Incidents::new());
    for lately in store::lately(tx, (since, hour_ago), feeds).await? {
        let Some(feed) = profile.feed(&lately.feed) else { continue };
        let past = Past {
            hours: hours.remove(&lately.feed).unwrap_or_default(),
            last_at: lately.last_at.map(|at| at.0),
            known_since: lately.known_since.map(|at| at.0),
            seen: u32::try_from(lately.seen).unwrap_or_default(),
            repeats: repeats.get(&lately.feed).map_or(0, |again| u32::try_from(*again).unwrap_or_default()),
        };
        let open = standing.iter().find(|incident| incident.feed == lately.feed);
        let known = open.and_then(|incident| Some((Kind::parse(&incident.kind)?, incident.opened_at.0)));
        let usual = Usual { calendar: profile.calendar(None), stated: &feed.expect, past: &past };
        let judged = usual.judge(now, known);
        let (last_at, seen, again) = (past.last_at, lately.seen, past.repeats);
        let state = State { feed: lately.feed, last_at, seen, expected: judged.expected, missed: judged.missed };
        if judged.wrong != known.map(|(kind, _)| kind) {
            over.extend(open.map(|incident| incident.incident_id));
            if let Some((kind, since)) = known {
                info!(feed = state.feed, kind = kind.word(), %since, "a feed is itself again");
            }
            if let Some(kind) = judged.wrong {
                let expected = if kind == Kind::Quiet { judged.missed } else { judged.expected.unwrap_or_default() };
                let seen = if kind == Kind::Repeats { i32::try_from(again).unwrap_or(i32::MAX) } else { seen };
                store::close(tx, now, &std::mem::take(&mut over)).await?;
                store::open(tx, now, (new_id(), &state.feed, kind.word()), (seen, expected)).await?;
                warn!(
                    feed = state.feed,
                    kind = kind.word(),
                    expected,
                    seen,
                    "a feed sends not as usual; see 'causeway feeds list'"
                );
            }
        }
        left.extend(judged.wrong.map(|kind| (state.feed.clone(), kind)));
        states.push(state);
    }
    // A feed that left the profile sends nothing any more, and nobody waits for it.
    let is_gone = |incident: &&store::Standing| !states.iter().any(|state| state.feed == incident.feed);
    over.extend(standing.iter().filter(is_gone).map(|incident| incident.incident_id));
    store::close(tx, now, &over).await?;
    store::keep(tx, now, &states).await?;
    Ok(left)
}
