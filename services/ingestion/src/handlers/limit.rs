//! Who comes too often, at every door.
//!
//! Who sends is counted by address; what they send by form and center, so that a flood from many places leaves room for the
//! other centers; a partner by their feed, as the profile says. The address is asked first: one sender's flood then neither
//! fills the queue nor uses up the center's own limit. A refusal tells when to come again; by HL7 there is none, because a
//! sender may take it for the end of a message. Deliberately not here: buckets (serve), and whether an inquiry looks like a
//! machine's (domain).

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use axum::extract::{Path, Request, State};
use axum::middleware::Next;
use axum::response::Response;
use causeway_funnel::profile::{Feed, FeedKind};
use causeway_serve::{Limiter, network};
use http::{Extensions, HeaderMap, Method};
use prometheus::IntCounterVec;

use super::accept::Acceptance;
use super::key::Key;
use crate::config;
use crate::error::Refusal;

/// A door, for those who count.
#[derive(Debug, Clone, Copy)]
pub enum Door {
    /// JSON of a form, or the portal's.
    Form,
    /// FHIR.
    Fhir,
    /// Files by HTTP.
    Csv,
    /// HL7.
    Hl7,
    /// Calls of a phone system.
    Phone,
}

impl Door {
    const fn word(self) -> &'static str {
        match self {
            Self::Form => "form",
            Self::Fhir => "fhir",
            Self::Csv => "csv",
            Self::Hl7 => "hl7",
            Self::Phone => "phone",
        }
    }
}

/// One message of a feed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sent {
    /// The center.
    pub center: String,
    /// The feed.
    pub feed: String,
    /// What it may send in a minute.
    pub per_minute: u32,
}

/// The bucket of a feed, and the limit that it was made for.
type OfFeed = (u32, Arc<Limiter<()>>);

/// All limits of the doors.
pub struct Limits {
    settings: config::Limits,
    addresses: Limiter<IpAddr>,
    often: Limiter<IpAddr>,
    forms: Limiter<(String, String)>,
    centers: Limiter<String>,
    /// By center and feed: as many as the profiles have.
    feeds: RwLock<HashMap<(String, String), OfFeed>>,
    limited: IntCounterVec,
}

impl Limits {
    /// The limits as configured; `limited` counts by door and limit what came too often.
    #[must_use]
    pub fn new(settings: config::Limits, limited: IntCounterVec) -> Self {
        Self {
            addresses: Limiter::per_minute(settings.address_per_minute),
            often: Limiter::per_minute(settings.often_per_minute),
            forms: Limiter::per_minute(settings.form_per_minute),
            centers: Limiter::per_minute(settings.center_per_minute),
            feeds: RwLock::default(),
            settings,
            limited,
        }
    }

    /// The address whose requests are counted; none: they are free.
    #[must_use]
    pub fn from(&self, headers: &HeaderMap, extensions: &Extensions) -> Option<IpAddr> {
        let from = causeway_serve::address(headers, extensions, self.settings.trusted_proxy_hops);
        from.filter(|_| self.counts(from))
    }

    /// Whether what comes from an address is counted.
    fn counts(&self, from: Option<IpAddr>) -> bool {
        from.is_some_and(|from| self.settings.own_machine || !from.to_canonical().is_loopback())
    }

    /// Counts a request of an address.
    ///
    /// # Errors
    /// It is one too many.
    pub fn address(&self, door: Door, from: IpAddr) -> Result<(), Refusal> {
        self.addresses.admit(&network(from)).map_err(|after| self.refuse(door, "address", after))
    }

    /// Counts an inquiry of an address; whether they come so often that it is a sign of a machine.
    #[must_use]
    pub fn is_often(&self, from: IpAddr) -> bool {
        self.often.admit(&network(from)).is_err()
    }

    /// Counts an inquiry by a form of a center. Both must be known, since what is counted is remembered.
    ///
    /// # Errors
    /// It is one too many.
    pub fn form(&self, center: &str, form: &str) -> Result<(), Refusal> {
        let of_form = self.forms.admit(&(center.to_owned(), form.to_owned()));
        of_form.map_err(|after| self.refuse(Door::Form, "form", after))?;
        self.centers.admit(&center.to_owned()).map_err(|after| self.refuse(Door::Form, "center", after))
    }

    /// Counts a message of a feed.
    ///
    /// # Errors
    /// It is one too many.
    pub fn feed(&self, door: Door, sent: &Sent) -> Result<(), Refusal> {
        self.bucket(sent).admit(&()).map_err(|after| self.refuse(door, "feed", after))
    }

    /// Waits until messages that came are within the limit of their feed.
    pub async fn slow(&self, from: IpAddr, sent: &[Sent]) {
        if !self.counts(Some(from)) {
            return;
        }
        for one in sent {
            let mut is_counted = false;
            while let Err(after) = self.bucket(one).admit(&()) {
                if !std::mem::replace(&mut is_counted, true) {
                    self.limited.with_label_values(&[Door::Hl7.word(), "feed"]).inc();
                }
                tokio::time::sleep(after).await;
            }
        }
    }

    fn bucket(&self, sent: &Sent) -> Arc<Limiter<()>> {
        let key = (sent.center.clone(), sent.feed.clone());
        let known = self.feeds.read().unwrap_or_else(PoisonError::into_inner).get(&key).cloned();
        match known {
            Some((per_minute, bucket)) if per_minute == sent.per_minute => bucket,
            _ => {
                let bucket = Arc::new(Limiter::per_minute(sent.per_minute));
                let mut feeds = self.feeds.write().unwrap_or_else(PoisonError::into_inner);
                feeds.insert(key, (sent.per_minute, Arc::clone(&bucket)));
                bucket
            }
        }
    }

    fn refuse(&self, door: Door, of: &'static str, after: Duration) -> Refusal {
        self.limited.with_label_values(&[door.word(), of]).inc();
        Refusal::TooOften { of, seconds: after.as_secs().saturating_add(1) }
    }
}

/// What stands before a partners' door.
#[derive(Clone)]
pub struct Guard {
    /// Knows the feeds, and counts.
    pub acceptance: Arc<Acceptance>,
    /// Whose door it is.
    pub kind: FeedKind,
    /// How a refusal is told at this door.
    pub refuse: fn(&Refusal) -> Response,
}

/// Counts what a feed gives in by its own limit, and everybody without a key of ours by their address, so that nobody can try
/// keys for long. What a feed asks is free, but for checks, which are counted by themselves.
pub async fn partner(
    State(guard): State<Guard>,
    Path(parts): Path<HashMap<String, String>>,
    request: Request,
    next: Next,
) -> Response {
    let limits = &guard.acceptance.limits;
    if let Some(from) = limits.from(request.headers(), request.extensions())
        && let Err(refusal) = guard.admit(from, &parts, &request)
    {
        guard.acceptance.metrics.refused.with_label_values(&[refusal.word()]).inc();
        return (guard.refuse)(&refusal);
    }
    next.run(request).await
}

impl Guard {
    fn admit(&self, from: IpAddr, parts: &HashMap<String, String>, request: &Request) -> Result<(), Refusal> {
        let door = match self.kind {
            FeedKind::Csv => Door::Csv,
            FeedKind::Fhir => Door::Fhir,
            FeedKind::Phone => Door::Phone,
            FeedKind::Hl7 => Door::Hl7,
        };
        match self.sent(parts, request.headers()) {
            None => self.acceptance.limits.address(door, from),
            Some(_) if request.uri().path().ends_with("/_search") => Ok(()),
            Some(sent) if [Method::POST, Method::PUT].contains(request.method()) => {
                // A check costs as much as a referral and keeps nothing: it is limited by itself.
                let is_check = request.uri().path().ends_with("/$validate");
                let feed = if is_check { format!("{}/$validate", sent.feed) } else { sent.feed };
                self.acceptance.limits.feed(door, &Sent { feed, ..sent })
            }
            Some(_) => Ok(()),
        }
    }

    /// The feed whose key came with a request. All are compared, whichever opens.
    fn sent(&self, parts: &HashMap<String, String>, headers: &HeaderMap) -> Option<Sent> {
        let (key, center) = (Key::told(headers)?, parts.get("center")?);
        let in_force = self.acceptance.profiles.current(center)?;
        let may_be = |feed: &&Feed| feed.kind == self.kind && parts.get("feed").is_none_or(|named| *named == feed.id);
        let feeds = in_force.1.feeds.feeds.iter().filter(may_be);
        let feed = feeds.fold(None, |found, feed| if key.opens(feed) { Some(feed) } else { found })?;
        Some(Sent { center: center.clone(), feed: feed.id.clone(), per_minute: feed.rate_per_minute })
    }
}

#[cfg(test)]
mod tests {
    use prometheus::Opts;

    use super::*;

    fn limits(settings: config::Limits) -> Limits {
        let limited = IntCounterVec::new(Opts::new("limited", "limited"), &["door", "limit"]).expect("a counter");
        Limits::new(settings, limited)
    }

    fn ip(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    #[test]
    fn this_machine_itself_is_free_unless_the_settings_say_otherwise() {
        let free = limits(config::Limits::default());
        assert!(
            !free.counts(Some(ip("127.0.0.1"))) && !free.counts(Some(ip("::ffff:127.0.0.1"))) && !free.counts(None)
        );
        assert!(free.counts(Some(ip("192.0.2.1"))));
        assert!(limits(config::Limits { own_machine: true, ..config::Limits::default() }).counts(Some(ip("::1"))));
    }

    #[test]
    fn a_flood_at_one_form_leaves_the_other_forms_and_centers_alone() {
        let limits = limits(config::Limits { form_per_minute: 2, center_per_minute: 3, ..config::Limits::default() });
        assert!(limits.form("a", "general").is_ok() && limits.form("a", "general").is_ok());
        assert!(matches!(limits.form("a", "general"), Err(Refusal::TooOften { of: "form", seconds: 1.. })));
        assert!(limits.form("a", "trial").is_ok(), "another form");
        assert!(matches!(limits.form("a", "trial"), Err(Refusal::TooOften { of: "center", .. })));
        assert!(limits.form("b", "general").is_ok(), "another center");
        assert_eq!(limits.limited.with_label_values(&["form", "center"]).get(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn a_feed_is_slowed_to_its_rate_and_a_new_rate_counts_at_once() {
        let limits = limits(config::Limits::default());
        let sent = |per_minute| Sent { center: "a".into(), feed: "cedar".into(), per_minute };
        assert!(limits.feed(Door::Fhir, &sent(1)).is_ok());
        assert!(limits.feed(Door::Fhir, &sent(1)).is_err());
        assert!(limits.feed(Door::Fhir, &sent(2)).is_ok(), "the profile has changed");
        limits.slow(ip("127.0.0.1"), &[sent(2), sent(2), sent(2)]).await;
        assert_eq!(limits.limited.with_label_values(&["hl7", "feed"]).get(), 0, "this machine is free");
    }
}
