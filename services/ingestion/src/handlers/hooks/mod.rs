//! The worker that tells subscribers what changed: in order, at least once, and again where an endpoint was away.
//!
//! Take on (committed), post, settle: no network call stands inside a transaction (F2). Who dies in between leaves a lease that
//! runs out, and the same is posted again under the same ids. Any process may take the next turn; a subscription is in one
//! hand at a time. Deliberately not here: what is counted (store), and where may be posted to (post).

mod places;
pub mod post;
pub mod tell;

use std::sync::Arc;
use std::time::Duration;

use causeway_auth::{SealError, Sealer};
use causeway_mailbox::Database;
use causeway_runtime::Stop;
use serde::{Deserialize, Serialize};
use tokio_util::task::TaskTracker;
use tracing::{debug, error, info, warn};
use uuid::Uuid;

use super::accept::Acceptance;
use crate::adapters::fhir::notification::{self, Event, Kind};
use crate::adapters::fhir::subscription::Subscription;
use crate::config;
use crate::domain::journey::Status;
use crate::domain::subscription::{Content, Wish, backoff};
use crate::error::Refusal;
use crate::store::hooks;
use crate::store::subscriptions::{self, Stored};
use places::Places;
use post::{Hooks, Letter, Sent};

/// Longer than the endpoint may take, by so much, is a try held: for looking its address up and writing down how it went.
const MARGIN: Duration = Duration::from_secs(30);
/// What could not be sent for a reason of our own is tried again after so long.
const OURS: Duration = Duration::from_secs(60);
/// How often what waits is counted.
const COUNT: Duration = Duration::from_secs(10);
/// Word for a subscription that an operator stopped.
pub const STOPPED: &str = "stopped";

/// Where notifications go, which is sealed. No `Debug`: it holds secrets.
#[derive(Serialize, Deserialize)]
pub struct Destination {
    /// The endpoint.
    pub endpoint: String,
    /// The subscriber's headers.
    pub headers: Vec<(String, String)>,
    /// What notifications are signed with.
    pub secret: String,
}

impl Destination {
    /// Seals it for a subscription.
    pub fn seal(&self, sealer: &Sealer, center: &str, id: Uuid) -> Result<Vec<u8>, Refusal> {
        let text = serde_json::to_vec(self).map_err(|_| Refusal::Internal)?;
        sealer.seal(center, &context(id), &text).map_err(|cause| broken(&cause, id))
    }

    /// Opens the one of a subscription.
    pub fn open(sealer: &Sealer, center: &str, stored: &Stored) -> Result<Self, Refusal> {
        let id = stored.subscription_id;
        let text = sealer.open(center, &context(id), &stored.sealed).map_err(|cause| broken(&cause, id))?;
        serde_json::from_slice(text.expose()).map_err(|_| Refusal::Internal)
    }
}

fn context(id: Uuid) -> String {
    format!("subscriptions.sealed:{id}")
}

fn broken(cause: &SealError, id: Uuid) -> Refusal {
    error!(%cause, subscription.id = %id, "seal or open where notifications of a subscription go");
    Refusal::Internal
}

/// A subscription as it is shown to its subscriber.
pub fn shown(stored: &Stored) -> Subscription {
    Subscription {
        id: stored.subscription_id,
        state: stored.state.clone(),
        error: words(&stored.reason),
        wish: Wish {
            statuses: stored.statuses.iter().filter_map(|code| Status::parse(code)).collect(),
            content: Content::parse(&stored.content).unwrap_or(Content::Empty),
            heartbeat_seconds: stored.heartbeat_seconds,
            timeout_seconds: stored.timeout_seconds,
            most_events: stored.most_events,
            ends_at: stored.ends_at.map(|at| at.0),
        },
        base: stored.base.clone(),
        version: stored.version,
        changed_at: stored.changed_at.0,
        events: stored.events,
    }
}

/// What went wrong, for the subscriber.
fn words(reason: &str) -> &'static str {
    match reason {
        "" | "ended" => "",
        "redirected" => "The endpoint answered with another address, which is not followed",
        "refused" => "The endpoint refused the notification",
        "endpoint_failed" => "The endpoint failed",
        "too_slow" => "The endpoint did not answer in time",
        "not_public" => "The name of the endpoint leads to an address that is not public",
        "not_allowed" => "The endpoint is not among the hosts that were agreed with the center any more",
        STOPPED => "The center has stopped this subscription: call it",
        _ => "The endpoint could not be reached",
    }
}

/// Events as they are told.
pub fn told(events: Vec<(i64, Uuid, causeway_mailbox::Ts)>) -> Vec<Event> {
    events.into_iter().map(|(number, inquiry_id, at)| Event { number, inquiry_id, at: at.0 }).collect()
}

/// All that the worker needs.
pub struct Worker {
    /// Profiles, keys, clock, metrics.
    pub acceptance: Arc<Acceptance>,
    /// The record.
    pub database: Database,
    /// The way out.
    pub hooks: Hooks,
    /// Sizes and times.
    pub settings: config::Subscriptions,
}

/// Sends what is due until the stop; what is under way is settled first.
pub async fn run(worker: Arc<Worker>, stop: Stop, tasks: TaskTracker) {
    let places = Places::new(worker.settings.at_once);
    let every = Duration::from_millis(worker.settings.look_milliseconds.max(10));
    let mut counted: Option<tokio::time::Instant> = None;
    let (mut turn, mut is_failing) = (0_usize, false);
    loop {
        tokio::select! {
            () = stop.soft.cancelled() => return,
            () = tokio::time::sleep(every) => {}
        }
        if counted.is_none_or(|at| at.elapsed() > COUNT) {
            counted = Some(tokio::time::Instant::now());
            worker.measure().await;
        }
        let mut feeds = match hooks::due_feeds(worker.database.machine()).await {
            Ok(feeds) => feeds,
            Err(cause) => {
                // Once, and not with every look.
                if !std::mem::replace(&mut is_failing, true) {
                    warn!(%cause, "look for who has notifications due; nothing is sent until this works again");
                }
                continue;
            }
        };
        if std::mem::take(&mut is_failing) {
            info!("who has notifications due is found again");
        }
        // Another one is the first each time: where places are few, everybody's turn comes.
        turn = turn.wrapping_add(1);
        let first = turn.checked_rem(feeds.len()).unwrap_or_default();
        feeds.rotate_left(first);
        for (center, feed) in feeds {
            // Without it nobody knows where this center lets notifications go; it comes in a moment.
            if worker.acceptance.profiles.current(&center).is_none() {
                continue;
            }
            let free = places.free(&center, &feed);
            if free == 0 {
                continue;
            }
            let claimed = match worker.claim(&center, &feed, free).await {
                Ok(claimed) => claimed,
                Err(cause) => {
                    debug!(center, feed, %cause, "look for due notifications; tried again shortly");
                    continue;
                }
            };
            for (stored, events) in claimed {
                let place = places.take(&center, &feed);
                let (worker, center, hard) = (Arc::clone(&worker), center.clone(), stop.hard.clone());
                stop.spawn(&tasks, "notification", async move {
                    // Cut off, it is sent again when its lease has run out.
                    let _sent = hard.run_until_cancelled(worker.send(&center, &stored, events)).await;
                    drop(place);
                });
            }
        }
    }
}

type Claimed = (Stored, Vec<Event>);

impl Worker {
    /// Takes on what is due of a feed, each with the events that are next.
    async fn claim(&self, center: &str, feed: &str, most: usize) -> Result<Vec<Claimed>, Refusal> {
        let (feed, most) = (feed.to_owned(), i64::try_from(most).unwrap_or_default());
        self.database
            .with_tx(center, move |tx| {
                Box::pin(async move {
                    let mut claimed = Vec::new();
                    for stored in hooks::claim(tx, &feed, most, MARGIN).await? {
                        if stored.ends_at.is_some_and(|at| at.0 <= tx.now()) {
                            subscriptions::put(tx, stored.subscription_id, "off", "ended").await?;
                            continue;
                        }
                        let span = (stored.delivered + 1, i64::MAX);
                        let events = match stored.state.as_str() {
                            "active" => {
                                let most = i64::from(stored.most_events);
                                subscriptions::events(tx, stored.subscription_id, span, most).await?
                            }
                            _ => Vec::new(),
                        };
                        claimed.push((stored, told(events)));
                    }
                    Ok::<_, Refusal>(claimed)
                })
            })
            .await
    }

    async fn send(&self, center: &str, stored: &Stored, events: Vec<Event>) {
        let kind = match stored.state.as_str() {
            "active" if events.is_empty() => Kind::Heartbeat,
            "active" => Kind::Event,
            _ => Kind::Handshake,
        };
        let through = events.last().map_or(stored.delivered, |event| event.number);
        let sent = self.post(center, stored, kind, &events).await;
        let outcome = match sent {
            Sent::Taken => "taken",
            Sent::Failed(_) => "failed",
            Sent::Held(_) => "held",
        };
        self.acceptance.metrics.hooks.with_label_values(&[center, stored.feed.as_str(), kind.code(), outcome]).inc();
        if let Err(cause) = self.settle(center, stored, (sent, through)).await {
            // The lease runs out, and the same is sent again.
            warn!(%cause, subscription.id = %stored.subscription_id, "write down how a notification went");
        }
    }

    async fn post(&self, center: &str, stored: &Stored, kind: Kind, events: &[Event]) -> Sent {
        let Ok(destination) = Destination::open(&self.acceptance.sealer, center, stored) else {
            return Sent::Held("not_opened");
        };
        let Some(in_force) = self.acceptance.profiles.current(center) else { return Sent::Held("no_profile") };
        // What was agreed may have been taken back since.
        let feed = in_force.1.feed(&stored.feed);
        let rules = feed.and_then(|feed| feed.fhir.as_ref());
        let is_listed = |host: &str| rules.is_some_and(|rules| rules.lets_notify(host));
        let Ok(url) = self.hooks.guard.endpoint(&destination.endpoint, is_listed) else {
            return Sent::Failed("not_allowed");
        };
        let now = self.acceptance.clock.now();
        let letter = Letter {
            url,
            headers: &destination.headers,
            secret: &destination.secret,
            body: notification::bundle(&shown(stored), kind, events, now).to_string(),
            timeout: Duration::from_secs(u64::try_from(stored.timeout_seconds).unwrap_or(1)),
        };
        self.hooks.post(letter, now.as_second()).await
    }

    async fn settle(&self, center: &str, stored: &Stored, (sent, through): (Sent, i64)) -> Result<(), Refusal> {
        let failures = stored.failures + 1;
        let first = Duration::from_millis(self.settings.first_wait_milliseconds);
        let is_last = failures >= self.settings.most_failures;
        let wait = (!is_last).then(|| backoff(failures, first));
        let own = stored.clone();
        self.database
            .with_tx(center, move |tx| {
                Box::pin(async move {
                    match sent {
                        Sent::Taken => hooks::taken(tx, &own, through).await?,
                        Sent::Failed(reason) => hooks::failed(tx, &own, reason, wait).await?,
                        Sent::Held(_) => hooks::put_back(tx, &own, OURS).await?,
                    };
                    Ok::<_, Refusal>(())
                })
            })
            .await?;
        let id = stored.subscription_id;
        match sent {
            Sent::Taken if stored.state == "requested" => {
                info!(subscription.id = %id, center, feed = stored.feed, "endpoint answered; a subscription is active");
            }
            Sent::Failed(reason) if is_last => {
                warn!(subscription.id = %id, center, feed = stored.feed, reason, "endpoint failed too often; its events are kept until the office asks for them");
            }
            Sent::Held(reason) => {
                error!(subscription.id = %id, center, feed = stored.feed, reason, "a notification could not be written here; tried again shortly");
            }
            Sent::Taken | Sent::Failed(_) => {}
        }
        Ok(())
    }

    /// Shows operators what waits.
    async fn measure(&self) {
        let Ok(waiting) = hooks::waiting(self.database.machine()).await else { return };
        let metrics = &self.acceptance.metrics;
        metrics.subscriptions.reset();
        metrics.hooks_waiting.reset();
        for (center, feed, state, count, events) in waiting {
            metrics.subscriptions.with_label_values(&[&center, &state]).add(count);
            if state != "off" {
                metrics.hooks_waiting.with_label_values(&[&center, &feed]).add(events);
            }
        }
    }
}
