//! What becomes of a Subscription that is given in: made, changed, ended, or refused with its place.
//!
//! Where notifications go is sealed before it is written, and what is asked for is known by a keyed hash, so that the same again
//! is no second one. Deliberately not here: requests and answers (subscribe).

use aws_lc_rs::rand;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use causeway_auth::fingerprint;
use http::StatusCode;
use uuid::Uuid;

use super::Door;
use super::sender::Sender;
use crate::adapters::fhir::fault::{Issue, Severity};
use crate::adapters::fhir::outcome::Line;
use crate::adapters::fhir::subscription::Told;
use crate::domain::subscription::Wish;
use crate::error::Refusal;
use crate::handlers::hooks::post::Unfit;
use crate::handlers::hooks::{Destination, STOPPED};
use crate::store::subscriptions::{self, Asked, Stored};

/// Random bytes of a secret.
const SECRET_BYTES: usize = 32;
/// Purpose of the keyed hash of what is asked for.
const SAME: &str = "subscriptions.same";

/// What is not the sender's is as absent as what never was.
pub const ABSENT: &str = "There is no such Subscription of yours here";
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

/// Makes one; without a secret it is one that stands already.
pub async fn make(door: &Door, sender: &Sender, told: &Told, base: &str) -> Fate<(Stored, Option<String>)> {
    const OFF: &str = "A new Subscription is sent as requested";
    const FULL: &str = "Your feed has as many subscriptions as it may: delete one that is not needed any more";
    if told.is_off {
        return refuse(StatusCode::UNPROCESSABLE_ENTITY, Issue::BusinessRule, OFF, "Subscription.status");
    }
    if let Some(unfit) = unfit(door, sender, told) {
        return Ok(Err(unfit));
    }
    let mut bytes = [0; SECRET_BYTES];
    rand::fill(&mut bytes).map_err(|_| Refusal::Internal)?;
    let secret = URL_SAFE_NO_PAD.encode(bytes);
    let row = Row::of(door, sender, told, (door.acceptance.clock.new_id(), &secret, base))?;
    let most = door.subscriptions.per_feed;
    let made = door.database.with_tx(sender.center(), move |tx| {
        Box::pin(async move {
            let standing = subscriptions::of_feed(tx, &row.feed).await?;
            if let Some(id) = subscriptions::same(tx, &row.feed, &row.same).await? {
                return Ok(standing
                    .into_iter()
                    .find(|stored| stored.subscription_id == id)
                    .map(|stored| (stored, false)));
            }
            if standing.len() >= most {
                return Ok(None);
            }
            Ok::<_, Refusal>(Some((subscriptions::ask(tx, &row.asked()).await?, true)))
        })
    });
    match made.await? {
        None => refuse(StatusCode::UNPROCESSABLE_ENTITY, Issue::BusinessRule, FULL, "Subscription"),
        Some((stored, is_new)) => Ok(Ok((stored, is_new.then_some(secret)))),
    }
}

/// Asks for a handshake again, with what is asked for now, or ends it.
pub async fn change(door: &Door, sender: &Sender, told: &Told, (id, base): (&str, &str)) -> Fate<Stored> {
    const OTHER_ID: &str = "The id of the Subscription is another than that of the address";
    const STOPPED_WORDS: &str = "The center has stopped this subscription: call it";
    const TWICE: &str = "Another subscription of yours asks for the same";
    if told.id.as_ref().is_some_and(|told| !told.eq_ignore_ascii_case(id)) {
        return refuse(StatusCode::BAD_REQUEST, Issue::Invalid, OTHER_ID, "Subscription.id");
    }
    let Ok(id) = Uuid::parse_str(id) else {
        return refuse(StatusCode::NOT_FOUND, Issue::NotFound, ONLY_OWN, "Subscription");
    };
    if let Some(unfit) = unfit(door, sender, told).filter(|_| !told.is_off) {
        return Ok(Err(unfit));
    }
    let feed = sender.feed.id.clone();
    let read = door.database.read(sender.center(), move |tx| {
        Box::pin(async move { Ok::<_, Refusal>(subscriptions::one(tx, &feed, id).await?) })
    });
    let Some(before) = read.await? else {
        return refuse(StatusCode::NOT_FOUND, Issue::NotFound, ONLY_OWN, "Subscription");
    };
    let secret = Destination::open(&door.acceptance.sealer, sender.center(), &before)?.secret;
    let (row, is_off) = (Row::of(door, sender, told, (id, &secret, base))?, told.is_off);
    let changed = door.database.with_tx(sender.center(), move |tx| {
        Box::pin(async move {
            let standing = subscriptions::of_feed(tx, &row.feed).await?;
            let Some(now) = standing.iter().find(|stored| stored.subscription_id == id) else {
                return Ok(Err((StatusCode::NOT_FOUND, ABSENT)));
            };
            if now.reason == STOPPED {
                return Ok(Err((StatusCode::CONFLICT, STOPPED_WORDS)));
            }
            if is_off {
                let off = subscriptions::put(tx, id, "off", "").await?;
                return Ok(off.ok_or((StatusCode::NOT_FOUND, ABSENT)));
            }
            if subscriptions::same(tx, &row.feed, &row.same).await?.is_some_and(|other| other != id) {
                return Ok(Err((StatusCode::CONFLICT, TWICE)));
            }
            Ok::<_, Refusal>(Ok(subscriptions::ask(tx, &row.asked()).await?))
        })
    });
    match changed.await? {
        Ok(stored) => Ok(Ok(stored)),
        Err((status, words)) => {
            let issue = if status == StatusCode::NOT_FOUND { Issue::NotFound } else { Issue::Conflict };
            refuse(status, issue, words, "Subscription")
        }
    }
}

/// A subscription as it is to be written, with what belongs to it.
struct Row {
    id: Uuid,
    feed: String,
    same: [u8; 16],
    wish: Wish,
    base: String,
    sealed: Vec<u8>,
}

impl Row {
    fn of(door: &Door, sender: &Sender, told: &Told, (id, secret, base): (Uuid, &str, &str)) -> Result<Self, Refusal> {
        let destination =
            Destination { endpoint: told.endpoint.clone(), headers: told.headers.clone(), secret: secret.to_owned() };
        Ok(Self {
            id,
            feed: sender.feed.id.clone(),
            same: same(door, sender, told)?,
            wish: told.wish.clone(),
            base: base.to_owned(),
            sealed: destination.seal(&door.acceptance.sealer, sender.center(), id)?,
        })
    }

    fn asked(&self) -> Asked<'_> {
        Asked {
            subscription_id: self.id,
            feed: &self.feed,
            same: &self.same,
            statuses: self.wish.statuses.iter().map(|status| status.code()).collect(),
            content: self.wish.content.code(),
            base: &self.base,
            heartbeat_seconds: self.wish.heartbeat_seconds,
            timeout_seconds: self.wish.timeout_seconds,
            most_events: self.wish.most_events,
            ends_at: self.wish.ends_at,
            sealed: &self.sealed,
        }
    }
}
