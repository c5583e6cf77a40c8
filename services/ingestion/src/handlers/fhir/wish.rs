//! What becomes of a Subscription that is given in: made, changed, ended, or refused with its place.
//!
//! Where notifications go is sealed before it is written, and what is asked for is known by a keyed hash, so that the same again
//! is no second one. Deliberately not here: requests and answers (subscribe).

use std::sync::Arc;

use aws_lc_rs::rand;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use causeway_auth::fingerprint;
use causeway_mailbox::Tx;
use http::StatusCode;
use uuid::Uuid;

use super::Door;
use super::condition::is_version;
use super::sender::Sender;
use crate::adapters::fhir::fault::{Issue, Severity};
use crate::adapters::fhir::outcome::Line;
use crate::adapters::fhir::subscription::Told;
use crate::domain::subscription::Wish;
use crate::error::Refusal;
use crate::handlers::accept::Acceptance;
use crate::handlers::hooks::post::{self, Unfit};
use crate::handlers::hooks::{self, Destination, STOPPED};
use crate::store::subscriptions::{self, Asked, Stored};

/// Random bytes of a secret.
const SECRET_BYTES: usize = 32;
/// Purpose of the keyed hash of what is asked for.
const SAME: &str = "subscriptions.same";

/// What is not the sender's is as absent as what never was.
pub const ABSENT: &str = "There is no such Subscription of yours here";
/// An operator has the last word.
pub const STOPPED_WORDS: &str = "The center has stopped this subscription: call it";
const ONLY_OWN: &str = "There is no such Subscription of yours here: one is made by a POST, which gives it its id";

type Refused = (StatusCode, Line);

/// What became of a request, or why it is refused.
pub type Fate<T> = Result<Result<T, Refused>, Refusal>;

fn refuse<T>(status: StatusCode, issue: Issue, words: &str, place: &str) -> Fate<T> {
    Ok(Err((status, Line::new(Severity::Error, issue, words).at(place))))
}

/// Why an endpoint is not written to, if it is not.
fn unfit(door: &Door, sender: &Sender, told: &Told) -> Option<Refused> {
    let rules = sender.feed.fhir.as_ref();
    let is_listed = |host: &str| rules.is_some_and(|rules| rules.lets_notify(host));
    let words = match door.guard.endpoint(&told.endpoint, is_listed).err()? {
        Unfit::NoAddress => {
            "The endpoint is no address: send https://host/path without a user, a password or a fragment"
        }
        Unfit::NoTls => "The endpoint has to be encrypted: send an https address",
        Unfit::NotListed => {
            "The endpoint's host is none that was agreed with the center: ask it to add the host to your feed"
        }
        Unfit::Private => "The endpoint is an address of a private network, to which nothing is sent",
    };
    let line = Line::new(Severity::Error, Issue::Security, words).at("Subscription.channel.endpoint");
    Some((StatusCode::UNPROCESSABLE_ENTITY, line))
}

/// A keyed hash of what is asked for.
fn same(door: &Door, sender: &Sender, told: &Told) -> Result<[u8; 16], Refusal> {
    let codes: Vec<&str> = told.wish.statuses.iter().map(|status| status.code()).collect();
    let wish = fingerprint([told.endpoint.as_str(), told.wish.content.code(), &codes.join(",")]);
    door.acceptance.sealer.blind(sender.center(), SAME, &wish).map_err(|_| Refusal::Internal)
}

/// Why what is asked for can't be, whatever stands: its endpoint, or its end.
fn unfit_or_past(door: &Door, sender: &Sender, told: &Told) -> Option<Refused> {
    const PAST: &str = "The end has passed already: send a later one, or none";
    let is_past = told.wish.ends_at.is_some_and(|at| at <= door.acceptance.clock.now());
    let past = || Line::new(Severity::Error, Issue::BusinessRule, PAST).at("Subscription.end");
    unfit(door, sender, told).or_else(|| is_past.then(|| (StatusCode::UNPROCESSABLE_ENTITY, past())))
}

/// What became of a request for a new one.
pub struct Made {
    /// As it stands.
    pub stored: Stored,
    /// Told until its endpoint has answered a handshake, so that whoever lost the answer learns it all the same.
    pub secret: Option<String>,
    /// It did not stand already.
    pub is_new: bool,
}

/// Makes one. The same again is the one that stands, which is asked for anew where it does something else than this says, or
/// nothing any more.
pub async fn make(door: &Door, sender: &Sender, told: &Told, base: &str) -> Fate<Made> {
    const OFF: &str = "A new Subscription is sent as requested";
    const FULL: &str = "Your feed has as many subscriptions as it may: delete one that is not needed any more";
    if told.is_off || told.is_active {
        return refuse(StatusCode::UNPROCESSABLE_ENTITY, Issue::BusinessRule, OFF, "Subscription.status");
    }
    if let Some(unfit) = unfit_or_past(door, sender, told) {
        return Ok(Err(unfit));
    }
    let mut bytes = [0; SECRET_BYTES];
    rand::fill(&mut bytes).map_err(|_| Refusal::Internal)?;
    let secret = URL_SAFE_NO_PAD.encode(bytes);
    let (row, id, most) =
        (Row::of(door, sender, told, base)?, door.acceptance.clock.new_id(), door.subscriptions.per_feed);
    let made = door.database.with_tx(sender.center(), move |tx| {
        Box::pin(async move {
            let standing = subscriptions::of_feed(tx, &row.feed).await?;
            if row.is_stopped(&standing)? {
                return Ok(Err((StatusCode::CONFLICT, STOPPED_WORDS)));
            }
            let same = subscriptions::same(tx, &row.feed, &row.same).await?;
            let Some(before) = standing.iter().find(|stored| Some(stored.subscription_id) == same) else {
                if standing.len() >= most {
                    return Ok(Err((StatusCode::UNPROCESSABLE_ENTITY, FULL)));
                }
                let stored = row.write(tx, id, &secret).await?;
                return Ok(Ok(Made { stored, secret: Some(secret), is_new: true }));
            };
            let destination = row.opened(before)?;
            let is_as_asked = hooks::shown(before).wish == row.wish && destination.headers == row.headers;
            let goes_on = before.state == "active" || (before.state == "requested" && before.failures == 0);
            let stored = if is_as_asked && goes_on {
                before.clone()
            } else {
                row.write(tx, before.subscription_id, &destination.secret).await?
            };
            let secret = (!before.answered).then_some(destination.secret);
            Ok::<_, Refusal>(Ok(Made { stored, secret, is_new: false }))
        })
    });
    told_why(made.await?)
}

/// Asks for a handshake again, with what is asked for now, or ends it. `seen`: the version that the subscriber has seen.
pub async fn change(
    door: &Door,
    sender: &Sender,
    told: &Told,
    (id, base, seen): (&str, &str, Option<String>),
) -> Fate<Stored> {
    const OTHER_ID: &str = "The id of the Subscription is another than that of the address";
    const OTHER_VERSION: &str = "The Subscription has changed since you have seen it: read it again and decide again";
    const TWICE: &str = "Another subscription of yours asks for the same";
    if told.id.as_ref().is_some_and(|told| !told.eq_ignore_ascii_case(id)) {
        return refuse(StatusCode::BAD_REQUEST, Issue::Invalid, OTHER_ID, "Subscription.id");
    }
    let Ok(id) = Uuid::parse_str(id) else {
        return refuse(StatusCode::NOT_FOUND, Issue::NotFound, ONLY_OWN, "Subscription");
    };
    if let Some(unfit) = unfit_or_past(door, sender, told).filter(|_| !told.is_off) {
        return Ok(Err(unfit));
    }
    let (row, is_off, is_active) = (Row::of(door, sender, told, base)?, told.is_off, told.is_active);
    let changed = door.database.with_tx(sender.center(), move |tx| {
        Box::pin(async move {
            let standing = subscriptions::of_feed(tx, &row.feed).await?;
            let Some(now) = standing.iter().find(|stored| stored.subscription_id == id) else {
                return Ok(Err((StatusCode::NOT_FOUND, ONLY_OWN)));
            };
            if seen.is_some_and(|seen| !is_version(&seen, &hooks::shown(now).etag())) {
                return Ok(Err((StatusCode::PRECONDITION_FAILED, OTHER_VERSION)));
            }
            if now.reason == STOPPED || (!is_off && row.is_stopped(&standing)?) {
                return Ok(Err((StatusCode::CONFLICT, STOPPED_WORDS)));
            }
            if is_off {
                let off = subscriptions::put(tx, id, "off", "").await?;
                return Ok(off.ok_or((StatusCode::NOT_FOUND, ABSENT)));
            }
            if subscriptions::same(tx, &row.feed, &row.same).await?.is_some_and(|other| other != id) {
                return Ok(Err((StatusCode::CONFLICT, TWICE)));
            }
            let before = row.opened(now)?;
            // Sent back as it was read: its headers are not told, so that none means those that stand.
            let is_same = hooks::shown(now).wish == row.wish
                && before.endpoint == row.endpoint
                && (row.headers.is_empty() || row.headers == before.headers);
            if is_active && is_same && now.state == "active" {
                return Ok(Ok(now.clone()));
            }
            Ok::<_, Refusal>(Ok(row.write(tx, id, &before.secret).await?))
        })
    });
    told_why(changed.await?)
}

fn told_why<T>(fate: Result<T, (StatusCode, &'static str)>) -> Fate<T> {
    match fate {
        Ok(done) => Ok(Ok(done)),
        Err((status, words)) => {
            let issue = match status {
                StatusCode::NOT_FOUND => Issue::NotFound,
                StatusCode::UNPROCESSABLE_ENTITY => Issue::BusinessRule,
                _ => Issue::Conflict,
            };
            refuse(status, issue, words, "Subscription")
        }
    }
}

/// A subscription as it is to be written, with what belongs to it.
struct Row {
    acceptance: Arc<Acceptance>,
    center: String,
    feed: String,
    same: [u8; 16],
    wish: Wish,
    base: String,
    endpoint: String,
    headers: Vec<(String, String)>,
}

impl Row {
    fn of(door: &Door, sender: &Sender, told: &Told, base: &str) -> Result<Self, Refusal> {
        Ok(Self {
            acceptance: Arc::clone(&door.acceptance),
            center: sender.center().to_owned(),
            feed: sender.feed.id.clone(),
            same: same(door, sender, told)?,
            wish: told.wish.clone(),
            base: base.to_owned(),
            endpoint: told.endpoint.clone(),
            headers: told.headers.clone(),
        })
    }

    fn opened(&self, stored: &Stored) -> Result<Destination, Refusal> {
        Destination::open(&self.acceptance.sealer, &self.center, stored)
    }

    /// Whether an operator has stopped one of the feed's at the same host: another one there would walk round that.
    fn is_stopped(&self, standing: &[Stored]) -> Result<bool, Refusal> {
        let own = post::host(&self.endpoint);
        for stored in standing.iter().filter(|stored| stored.reason == STOPPED) {
            if post::host(&self.opened(stored)?.endpoint) == own {
                return Ok(true);
            }
        }
        Ok(false)
    }

    async fn write(&self, tx: &mut Tx, id: Uuid, secret: &str) -> Result<Stored, Refusal> {
        let destination =
            Destination { endpoint: self.endpoint.clone(), headers: self.headers.clone(), secret: secret.to_owned() };
        let sealed = destination.seal(&self.acceptance.sealer, &self.center, id)?;
        let asked = Asked {
            subscription_id: id,
            feed: &self.feed,
            same: &self.same,
            statuses: self.wish.statuses.iter().map(|status| status.code()).collect(),
            content: self.wish.content.code(),
            base: &self.base,
            heartbeat_seconds: self.wish.heartbeat_seconds,
            timeout_seconds: self.wish.timeout_seconds,
            most_events: self.wish.most_events,
            ends_at: self.wish.ends_at,
            sealed: &sealed,
        };
        Ok(subscriptions::ask(tx, &asked).await?)
    }
}
