//! `Subscription`: a feed asks to be told of its changed Tasks, sees how that stands, and asks for events that it missed.
//!
//! A feed sees its own and nothing else. The same asked for again is the same subscription, so that whoever lost the answer
//! asks again. Deliberately not here: the sending (hooks), and how a Subscription is written (adapters).

use std::sync::Arc;

use aws_lc_rs::rand;
use axum::body::{Body, to_bytes};
use axum::extract::{Path, Query, State};
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use causeway_auth::fingerprint;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use serde_json::Value;
use uuid::Uuid;

use super::read::is_json;
use super::sender::{self, Sender};
use super::{Door, answer, refused, said};
use crate::adapters::fhir::fault::{self, Issue, Severity};
use crate::adapters::fhir::notification::{self, Kind};
use crate::adapters::fhir::outcome::{Line, lines};
use crate::adapters::fhir::response;
use crate::adapters::fhir::subscription::{self, Subscription, Told};
use crate::error::Refusal;
use crate::handlers::hooks::post::Unfit;
use crate::handlers::hooks::{self, Destination, STOPPED};
use crate::store::subscriptions::{self, Asked, Stored};

/// Longest body.
const LONGEST: usize = 64 * 1024;
/// Most events in one answer; the next ones are asked for by their numbers.
const MOST_EVENTS: i64 = 200;
/// Random bytes of a secret.
const SECRET_BYTES: usize = 32;
/// Purpose of the keyed hash of what is asked for.
const SAME: &str = "subscriptions.same";

const ABSENT: &str = "There is no such Subscription of yours here";
const ONLY_OWN: &str = "A Subscription is made by a POST, which gives it its id";

type Refused = (StatusCode, Line);

/// What became of a request, or why it is refused.
type Fate<T> = Result<Result<T, Refused>, Refusal>;

fn refuse<T>(status: StatusCode, issue: Issue, words: &str, place: &str) -> Fate<T> {
    Ok(Err((status, Line::new(Severity::Error, issue, words).at(place))))
}

/// `POST [base]/Subscription`
pub async fn create(
    State(door): State<Arc<Door>>,
    Path(center): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let (sender, told) = match given(&door, &center, &headers, body).await {
        Ok(given) => given,
        Err(response) => return *response,
    };
    let base = door.endpoint(&center, &headers);
    match make(&door, &sender, &told, &base).await {
        Err(refusal) => refused(&refusal),
        Ok(Err((status, line))) => said(status, &[line]),
        Ok(Ok((stored, secret))) => {
            let subscription = hooks::shown(&stored);
            let status = if secret.is_some() { StatusCode::CREATED } else { StatusCode::OK };
            let mut response = answer(status, &subscription.resource(&told.endpoint, secret.as_deref()));
            if let Ok(place) = HeaderValue::try_from(subscription.address()) {
                response.headers_mut().insert(header::LOCATION, place);
            }
            versioned(response, &subscription)
        }
    }
}

/// `PUT [base]/Subscription/[id]`: asks for a handshake again, with what is asked for now, or ends it.
pub async fn update(
    State(door): State<Arc<Door>>,
    Path((center, id)): Path<(String, String)>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let (sender, told) = match given(&door, &center, &headers, body).await {
        Ok(given) => given,
        Err(response) => return *response,
    };
    let base = door.endpoint(&center, &headers);
    match change(&door, &sender, &told, (&id, &base)).await {
        Err(refusal) => refused(&refusal),
        Ok(Err((status, line))) => said(status, &[line]),
        Ok(Ok(stored)) => shown(&door, &sender, &stored),
    }
}

/// `GET [base]/Subscription/[id]`
pub async fn one(
    State(door): State<Arc<Door>>,
    Path((center, id)): Path<(String, String)>,
    headers: HeaderMap,
) -> Response {
    match own(&door, &center, &headers, &id).await {
        Ok((sender, stored)) => shown(&door, &sender, &stored),
        Err(response) => *response,
    }
}

/// `GET [base]/Subscription`
pub async fn list(State(door): State<Arc<Door>>, Path(center): Path<String>, headers: HeaderMap) -> Response {
    let sender = match sender::of(&door, &center, &headers) {
        Ok(sender) => sender,
        Err(response) => return *response,
    };
    let feed = sender.feed.id.clone();
    let read = door.database.read(sender.center(), move |tx| {
        Box::pin(async move { Ok::<_, Refusal>(subscriptions::list(tx, &feed).await?) })
    });
    let found: Result<Vec<Value>, Refusal> = match read.await {
        Ok(found) => found.iter().map(|stored| resource(&door, &sender, stored)).collect(),
        Err(refusal) => Err(refusal),
    };
    let endpoint = door.endpoint(&center, &headers);
    let own = format!("{endpoint}/Subscription");
    match found {
        Err(refusal) => refused(&refusal),
        Ok(found) => {
            answer(StatusCode::OK, &response::searchset(&endpoint, found, &own, None, door.acceptance.clock.now()))
        }
    }
}

/// `DELETE [base]/Subscription/[id]`: with all its events.
pub async fn delete(
    State(door): State<Arc<Door>>,
    Path((center, id)): Path<(String, String)>,
    headers: HeaderMap,
) -> Response {
    let sender = match sender::of(&door, &center, &headers) {
        Ok(sender) => sender,
        Err(response) => return *response,
    };
    let Ok(id) = Uuid::parse_str(&id) else { return absent() };
    let feed = sender.feed.id.clone();
    let done = door.database.with_tx(sender.center(), move |tx| {
        Box::pin(async move { Ok::<_, Refusal>(subscriptions::delete(tx, &feed, id).await?) })
    });
    match done.await {
        Err(refusal) => refused(&refusal),
        Ok(false) => absent(),
        Ok(true) => {
            let words = "The subscription and its events are gone; nothing is sent any more";
            said(StatusCode::OK, &[Line::new(Severity::Information, Issue::Informational, words)])
        }
    }
}

/// `GET [base]/Subscription/[id]/$status`
pub async fn status(
    State(door): State<Arc<Door>>,
    Path((center, id)): Path<(String, String)>,
    headers: HeaderMap,
) -> Response {
    match own(&door, &center, &headers, &id).await {
        Ok((_, stored)) => {
            let told = notification::status_answer(&hooks::shown(&stored), door.acceptance.clock.now());
            answer(StatusCode::OK, &told)
        }
        Err(response) => *response,
    }
}

/// `GET [base]/Subscription/[id]/$events?eventsSinceNumber=…&eventsUntilNumber=…`
pub async fn events(
    State(door): State<Arc<Door>>,
    Path((center, id)): Path<(String, String)>,
    headers: HeaderMap,
    Query(asked): Query<Vec<(String, String)>>,
) -> Response {
    const NO_NUMBER: &str = "eventsSinceNumber and eventsUntilNumber are whole numbers, the first not the larger; nothing else is asked";
    let (sender, stored) = match own(&door, &center, &headers, &id).await {
        Ok(found) => found,
        Err(response) => return *response,
    };
    let mut span = (1, i64::MAX);
    let mut is_understood = true;
    for (name, value) in &asked {
        match (name.as_str(), value.parse::<i64>()) {
            ("eventsSinceNumber", Ok(number)) => span.0 = number,
            ("eventsUntilNumber", Ok(number)) => span.1 = number,
            ("_format", _) if value.contains("json") => {}
            _ => is_understood = false,
        }
    }
    if !is_understood || span.0 > span.1 {
        return said(StatusCode::BAD_REQUEST, &[Line::new(Severity::Error, Issue::Value, NO_NUMBER)]);
    }
    let id = stored.subscription_id;
    let read = door.database.read(sender.center(), move |tx| {
        Box::pin(async move { Ok::<_, Refusal>(subscriptions::events(tx, id, span, MOST_EVENTS).await?) })
    });
    match read.await {
        Err(refusal) => refused(&refusal),
        Ok(events) => {
            let (told, now) = (hooks::told(events), door.acceptance.clock.now());
            answer(StatusCode::OK, &notification::bundle(&hooks::shown(&stored), Kind::Query, &told, now))
        }
    }
}

/// `GET [base]/SubscriptionTopic/referral-status`: open, like metadata.
pub async fn topic(State(door): State<Arc<Door>>, Path(center): Path<String>, headers: HeaderMap) -> Response {
    match door.acceptance.profile(&center) {
        Err(refusal) => refused(&refusal),
        Ok(_) => answer(StatusCode::OK, &subscription::topic(&door.endpoint(&center, &headers))),
    }
}

/// The sender and what it sent.
async fn given(
    door: &Door,
    center: &str,
    headers: &HeaderMap,
    body: Body,
) -> Result<(Sender, Told), Box<Response>> {
    const NOT_JSON: &str = "Only FHIR R4 in JSON is spoken here: send application/fhir+json";
    const TOO_LARGE: &str = "The body was cut off or is larger than a Subscription may be";
    let sender = sender::of(door, center, headers)?;
    let told = |status, issue, words: &str| Box::new(said(status, &[Line::new(Severity::Error, issue, words)]));
    if !is_json(headers) {
        return Err(told(StatusCode::UNSUPPORTED_MEDIA_TYPE, Issue::NotSupported, NOT_JSON));
    }
    let Ok(body) = to_bytes(body, LONGEST).await else {
        return Err(told(StatusCode::PAYLOAD_TOO_LARGE, Issue::TooLong, TOO_LARGE));
    };
    match subscription::read(&body) {
        Ok(told) => Ok((sender, told)),
        Err(faults) => {
            let status = StatusCode::from_u16(fault::status(&faults)).unwrap_or(StatusCode::BAD_REQUEST);
            Err(Box::new(said(status, &lines(&faults))))
        }
    }
}

/// A subscription of the sender's.
async fn own(
    door: &Door,
    center: &str,
    headers: &HeaderMap,
    id: &str,
) -> Result<(Sender, Stored), Box<Response>> {
    let sender = sender::of(door, center, headers)?;
    let Ok(id) = Uuid::parse_str(id) else { return Err(absent().into()) };
    let feed = sender.feed.id.clone();
    let read = door.database.read(sender.center(), move |tx| {
        Box::pin(async move { Ok::<_, Refusal>(subscriptions::one(tx, &feed, id).await?) })
    });
    match read.await {
        Ok(Some(stored)) => Ok((sender, stored)),
        Ok(None) => Err(absent().into()),
        Err(refusal) => Err(refused(&refusal).into()),
    }
}

fn absent() -> Response {
    said(StatusCode::NOT_FOUND, &[Line::new(Severity::Error, Issue::NotFound, ABSENT)])
}

/// Why an endpoint is not written to, if it is not.
fn unfit(door: &Door, sender: &Sender, told: &Told) -> Option<Refused> {
    let rules = sender.feed.fhir.as_ref();
    let is_listed = |host: &str| rules.is_some_and(|rules| rules.lets_notify(host));
    let words = match door.guard.endpoint(&told.endpoint, is_listed).err()? {
        Unfit::NoAddress => "The endpoint is no address: send https://host/path without a user, a password or a fragment",
        Unfit::NoTls => "The endpoint has to be encrypted: send an https address",
        Unfit::NotListed => "The endpoint's host is none that was agreed with the center: ask it to add the host to your feed",
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
async fn make(door: &Door, sender: &Sender, told: &Told, base: &str) -> Fate<(Stored, Option<String>)> {
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
                return Ok(standing.into_iter().find(|stored| stored.subscription_id == id).map(|stored| (stored, false)));
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

async fn change(door: &Door, sender: &Sender, told: &Told, (id, base): (&str, &str)) -> Fate<Stored> {
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
    wish: crate::domain::subscription::Wish,
    base: String,
    sealed: Vec<u8>,
}

impl Row {
    fn of(
        door: &Door,
        sender: &Sender,
        told: &Told,
        (id, secret, base): (Uuid, &str, &str),
    ) -> Result<Self, Refusal> {
        let destination = Destination {
            endpoint: told.endpoint.clone(),
            headers: told.headers.clone(),
            secret: secret.to_owned(),
        };
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

fn resource(door: &Door, sender: &Sender, stored: &Stored) -> Result<Value, Refusal> {
    let destination = Destination::open(&door.acceptance.sealer, sender.center(), stored)?;
    Ok(hooks::shown(stored).resource(&destination.endpoint, None))
}

fn shown(door: &Door, sender: &Sender, stored: &Stored) -> Response {
    match resource(door, sender, stored) {
        Ok(resource) => versioned(answer(StatusCode::OK, &resource), &hooks::shown(stored)),
        Err(refusal) => refused(&refusal),
    }
}

fn versioned(mut response: Response, subscription: &Subscription) -> Response {
    if let Ok(etag) = HeaderValue::try_from(subscription.etag()) {
        response.headers_mut().insert(header::ETAG, etag);
    }
    response
}
