//! `Subscription`: a feed asks to be told of its changed Tasks, sees how that stands, and asks for events that it missed.
//!
//! A feed sees its own and nothing else. The same asked for again is the same subscription, so that whoever lost the answer
//! asks again. Deliberately not here: the sending (hooks), and how a Subscription is written (adapters),
//! and what becomes of one that is given in (wish).

use std::sync::Arc;

use axum::body::{Body, to_bytes};
use axum::extract::{Path, Query, State};
use axum::response::Response;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use serde_json::Value;
use uuid::Uuid;

use super::format::{self, is_json};
use super::read::IF_NONE_EXIST;
use super::sender::{self, Sender};
use super::wish::{ABSENT, STOPPED_WORDS, change, make};
use super::{Door, answer, refused, said};
use crate::adapters::fhir::fault::{self, Issue, Severity};
use crate::adapters::fhir::notification::{self, Kind};
use crate::adapters::fhir::outcome::{Line, lines};
use crate::adapters::fhir::response;
use crate::adapters::fhir::subscription::{self, Subscription, Told};
use crate::error::Refusal;
use crate::handlers::hooks::{self, Destination, STOPPED};
use crate::store::subscriptions::{self, Stored};

/// Longest body.
const LONGEST: usize = 64 * 1024;
/// Most events in one answer; the next ones are asked for by their numbers.
const MOST_EVENTS: i64 = 200;

/// `POST [base]/Subscription`
pub async fn create(
    State(door): State<Arc<Door>>,
    Path(center): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    const NO_CONDITION: &str = "A Subscription is known by what it asks for, and the same again is the one that stands: send it without If-None-Exist";
    let (sender, told) = match given(&door, &center, &headers, body).await {
        Ok(given) => given,
        Err(response) => return *response,
    };
    if headers.contains_key(IF_NONE_EXIST) {
        let line = Line::new(Severity::Error, Issue::NotSupported, NO_CONDITION);
        return said(StatusCode::BAD_REQUEST, &[line.at("Subscription")]);
    }
    let base = door.endpoint(&center, &headers);
    match make(&door, &sender, &told, &base).await {
        Err(refusal) => refused(&refusal),
        Ok(Err((status, line))) => said(status, &[line]),
        Ok(Ok(made)) => {
            let subscription = hooks::shown(&made.stored);
            let status = if made.is_new { StatusCode::CREATED } else { StatusCode::OK };
            let mut response =
                format::wished(&headers, status, &subscription.resource(&told.endpoint, made.secret.as_deref()));
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
    let seen = headers.get(header::IF_MATCH).map(|told| told.to_str().unwrap_or_default().to_owned());
    match change(&door, &sender, &told, (&id, &base, seen)).await {
        Err(refusal) => refused(&refusal),
        Ok(Err((status, line))) => said(status, &[line]),
        Ok(Ok(stored)) => shown(&door, &sender, &stored, &headers),
    }
}

/// `GET [base]/Subscription/[id]`
pub async fn one(
    State(door): State<Arc<Door>>,
    Path((center, id)): Path<(String, String)>,
    headers: HeaderMap,
) -> Response {
    match own(&door, &center, &headers, &id).await {
        Ok((sender, stored)) => shown(&door, &sender, &stored, &HeaderMap::new()),
        Err(response) => *response,
    }
}

/// `GET [base]/Subscription`: all of the feed's; nothing is searched for.
pub async fn list(
    State(door): State<Arc<Door>>,
    Path(center): Path<String>,
    headers: HeaderMap,
    Query(asked): Query<Vec<(String, String)>>,
) -> Response {
    const NOT_SEARCHED: &str = "Subscriptions are not searched: ask without parameters, and all of yours are told";
    let sender = match sender::of(&door, &center, &headers) {
        Ok(sender) => sender,
        Err(response) => return *response,
    };
    if asked.iter().any(|(name, _)| !["_format", "_pretty"].contains(&name.as_str())) {
        return said(StatusCode::BAD_REQUEST, &[Line::new(Severity::Error, Issue::NotSupported, NOT_SEARCHED)]);
    }
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
        Ok(found) => answer(
            StatusCode::OK,
            &response::searchset(&endpoint, (found, None), (&own, None), door.acceptance.clock.now()),
        ),
    }
}

/// `DELETE [base]/Subscription/[id]`: with all its events. One that an operator stopped stays, so that it is not made anew.
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
        Box::pin(async move {
            let standing = subscriptions::of_feed(tx, &feed).await?;
            if standing.iter().any(|stored| stored.subscription_id == id && stored.reason == STOPPED) {
                return Ok(None);
            }
            Ok::<_, Refusal>(Some(subscriptions::delete(tx, &feed, id).await?))
        })
    });
    match done.await {
        Err(refusal) => refused(&refusal),
        Ok(None) => said(StatusCode::CONFLICT, &[Line::new(Severity::Error, Issue::Conflict, STOPPED_WORDS)]),
        Ok(Some(false)) => absent(),
        Ok(Some(true)) => {
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
    const NO_NUMBER: &str =
        "eventsSinceNumber and eventsUntilNumber are whole numbers, the first not the larger; nothing else is asked";
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
            ("_format" | "_pretty", _) => {}
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
async fn given(door: &Door, center: &str, headers: &HeaderMap, body: Body) -> Result<(Sender, Told), Box<Response>> {
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
    match subscription::read(&body, &door.endpoint(center, headers)) {
        Ok(told) => Ok((sender, told)),
        Err(faults) => {
            let status = StatusCode::from_u16(fault::status(&faults)).unwrap_or(StatusCode::BAD_REQUEST);
            Err(Box::new(said(status, &lines(&faults))))
        }
    }
}

/// A subscription of the sender's.
async fn own(door: &Door, center: &str, headers: &HeaderMap, id: &str) -> Result<(Sender, Stored), Box<Response>> {
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

fn resource(door: &Door, sender: &Sender, stored: &Stored) -> Result<Value, Refusal> {
    let destination = Destination::open(&door.acceptance.sealer, sender.center(), stored)?;
    Ok(hooks::shown(stored).resource(&destination.endpoint, None))
}

fn shown(door: &Door, sender: &Sender, stored: &Stored, headers: &HeaderMap) -> Response {
    match resource(door, sender, stored) {
        Ok(resource) => versioned(format::wished(headers, StatusCode::OK, &resource), &hooks::shown(stored)),
        Err(refusal) => refused(&refusal),
    }
}

fn versioned(mut response: Response, subscription: &Subscription) -> Response {
    if let Ok(etag) = HeaderValue::try_from(subscription.etag()) {
        response.headers_mut().insert(header::ETAG, etag);
    }
    response
}
