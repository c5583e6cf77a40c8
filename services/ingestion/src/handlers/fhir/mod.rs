//! The FHIR R4 door, `/fhir/{center}`: referrals come in, and what became of them is told to who sent them.
//!
//! Who asks is known before a body is read, and everything is answered in FHIR, refusals too. Deliberately not here: what a
//! request says (adapters), and the stage of an inquiry (intake desk).

use ask::Kind;
pub use ask::standing;

mod ask;
mod condition;
mod format;
mod forms;
pub mod given;
mod read;
mod sender;
mod subscribe;
mod told;
mod wish;
mod withdraw;

use std::collections::HashMap;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, Query, Request, State};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::Response;
use axum::routing::{any, get, post};
use causeway_funnel::profile::FeedKind;
use causeway_mailbox::Database;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use serde_json::Value;
use tokio::sync::Semaphore;

use super::accept::Acceptance;
use super::hooks;
use super::limit::{self, Guard};
use crate::adapters::fhir::capability;
use crate::adapters::fhir::check;
use crate::adapters::fhir::fault::{Issue, Severity};
use crate::adapters::fhir::kinds;
use crate::adapters::fhir::outcome::{self, Line};
use crate::config;
use crate::error::Refusal;

/// What answers requests.
pub struct Door {
    acceptance: Arc<Acceptance>,
    database: Database,
    settings: config::Fhir,
    bodies: Arc<Semaphore>,
    subscriptions: config::Subscriptions,
    guard: hooks::post::Guard,
}

impl Door {
    /// A door that hands referrals to `acceptance` and keeps other messages in `database`.
    #[must_use]
    pub fn new(
        acceptance: Arc<Acceptance>,
        database: Database,
        settings: config::Fhir,
        (subscriptions, guard): (config::Subscriptions, hooks::post::Guard),
    ) -> Self {
        let bodies = Arc::new(Semaphore::new(settings.bodies.max(1)));
        Self { acceptance, database, settings, bodies, subscriptions, guard }
    }
}

const FHIR: &str = "application/fhir+json";
/// How soon a sender should come again, seconds.
const COME_AGAIN: HeaderValue = HeaderValue::from_static("5");

/// The routes of this door.
pub fn router(door: Arc<Door>) -> Router {
    let guard = Guard { acceptance: Arc::clone(&door.acceptance), kind: FeedKind::Fhir, refuse: refused };
    Router::new()
        .route("/fhir/{center}", post(given::anything))
        .route("/fhir/{center}/", post(given::anything))
        .route("/fhir/{center}/metadata", get(metadata))
        .route("/fhir/{center}/$process-message", post(given::anything))
        .merge(checks())
        .route("/fhir/{center}/Task", ask::search(Kind::Task))
        .route("/fhir/{center}/Task/{id}", ask::read(Kind::Task).put(withdraw::task))
        .route("/fhir/{center}/ServiceRequest", ask::search(Kind::ServiceRequest).post(given::request))
        .route("/fhir/{center}/ServiceRequest/{id}", ask::read(Kind::ServiceRequest))
        .route("/fhir/{center}/QuestionnaireResponse", ask::search(Kind::QuestionnaireResponse).post(given::form))
        .route("/fhir/{center}/QuestionnaireResponse/{id}", ask::read(Kind::QuestionnaireResponse))
        .merge(asked())
        .route("/fhir/{center}/Subscription", post(subscribe::create).get(subscribe::list))
        .route("/fhir/{center}/Subscription/{id}", get(subscribe::one).put(subscribe::update).delete(subscribe::delete))
        .route("/fhir/{center}/Subscription/{id}/$status", get(subscribe::status))
        .route("/fhir/{center}/Subscription/{id}/$events", get(subscribe::events))
        .route("/fhir/{center}/SubscriptionTopic/referral-status", get(subscribe::topic))
        .route("/fhir/{center}/{*rest}", any(nothing))
        .with_state(door)
        .layer(from_fn_with_state(guard, limit::partner))
}

/// What is the same for all that is read back: a search whose words stand in no address, and a version.
fn asked() -> Router<Arc<Door>> {
    [Kind::Task, Kind::ServiceRequest, Kind::QuestionnaireResponse].into_iter().fold(Router::new(), |router, kind| {
        let place = format!("/fhir/{{center}}/{}", kind.name());
        router
            .route(&format!("{place}/_search"), ask::search_by_form(kind))
            .route(&format!("{place}/{{id}}/_history/{{version}}"), ask::read(kind))
    })
}

/// `POST [base]/$validate`, and `POST [base]/[type]/$validate` for every type that a referral is read from.
fn checks() -> Router<Arc<Door>> {
    let kinds = kinds::READ.into_iter().chain(["Bundle"]).map(|kind| (format!("{kind}/"), Some(kind)));
    kinds.chain([(String::new(), None)]).fold(Router::new(), |router, (place, only)| {
        let validated = move |State(door): State<Arc<Door>>,
                              Path(center): Path<String>,
                              Query(asked): Query<HashMap<String, String>>,
                              headers: HeaderMap,
                              body: Body| async move {
            let (mode, has_profile) = (asked.get("mode").cloned(), asked.contains_key("profile"));
            given::validated(&door, &center, &headers, (check::Asked { only, mode, has_profile }, body)).await
        };
        router.route(&format!("/fhir/{{center}}/{place}$validate"), post(validated))
    })
}

/// What surrounds the layers of the server: what they refuse by themselves (too large, too slow, no such method) is told in
/// FHIR as well.
pub fn in_fhir(router: Router) -> Router {
    router.layer(from_fn(told_in_fhir))
}

async fn told_in_fhir(request: Request, next: Next) -> Response {
    if let Some(refused) = format::refused(request.uri().query().unwrap_or_default(), request.headers()) {
        return refused;
    }
    let response = next.run(request).await;
    let kind = response.headers().get(header::CONTENT_TYPE);
    let is_ours = kind.is_some_and(|kind| kind.as_bytes().starts_with(FHIR.as_bytes()));
    if is_ours || !(response.status().is_client_error() || response.status().is_server_error()) {
        return response;
    }
    let (issue, words) = match response.status() {
        StatusCode::PAYLOAD_TOO_LARGE => (Issue::TooLong, "The body is larger than this door takes"),
        StatusCode::UNSUPPORTED_MEDIA_TYPE => {
            (Issue::NotSupported, "Send what is searched for as application/x-www-form-urlencoded, or in the address")
        }
        StatusCode::METHOD_NOT_ALLOWED => (Issue::NotSupported, "This is not done here: see metadata for what is"),
        StatusCode::NOT_FOUND => (Issue::NotFound, "There is no such thing here: see metadata for what is"),
        status if status.is_server_error() => {
            (Issue::Transient, "It is not known whether the request was kept: send the same again in a moment")
        }
        _ => (Issue::Invalid, "The request can not be read"),
    };
    let (mut parts, _) = response.into_parts();
    parts.headers.remove(header::CONTENT_LENGTH);
    parts.headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(FHIR));
    if parts.status.is_server_error() {
        parts.headers.insert(header::RETRY_AFTER, COME_AGAIN);
    }
    let body = outcome::of(&[Line::new(Severity::Error, issue, words)]);
    Response::from_parts(parts, Body::from(body.to_string()))
}

async fn metadata(State(door): State<Arc<Door>>, Path(center): Path<String>, headers: HeaderMap) -> Response {
    if let Err(refusal) = door.acceptance.profile(&center) {
        return refused(&refusal);
    }
    answer(StatusCode::OK, &capability::statement(&door.endpoint(&center, &headers)))
}

async fn nothing(
    State(door): State<Arc<Door>>,
    Path((center, rest)): Path<(String, String)>,
    headers: HeaderMap,
) -> Response {
    if let Err(refused) = sender::of(&door, &center, &headers) {
        return *refused;
    }
    const WORDS: &str =
        "This is not served here: see metadata for what is. Parts of a referral are kept sealed and not read back";
    const BUNDLE: &str = "A Bundle is given in at the base address itself, without Bundle behind it";
    let words = if rest.trim_end_matches('/') == "Bundle" { BUNDLE } else { WORDS };
    said(StatusCode::NOT_FOUND, &[Line::new(Severity::Error, Issue::NotSupported, words)])
}

impl Door {
    /// The address of the door for a center, as the sender can use it.
    fn endpoint(&self, center: &str, headers: &HeaderMap) -> String {
        let text = |name: header::HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
        let own = match &self.settings.public_url {
            Some(url) => url.trim_end_matches('/').to_owned(),
            None => format!("http://{}", text(header::HOST).unwrap_or("localhost")),
        };
        format!("{own}/fhir/{center}")
    }
}

/// A resource as an answer.
fn answer(status: StatusCode, resource: &Value) -> Response {
    let mut response = Response::new(Body::from(resource.to_string()));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(FHIR));
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if matches!(status, StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS) {
        response.headers_mut().insert(header::RETRY_AFTER, COME_AGAIN);
    }
    response
}

/// An outcome as an answer.
fn said(status: StatusCode, lines: &[Line]) -> Response {
    answer(status, &outcome::of(lines))
}

/// A refusal of the service as an answer.
fn refused(refusal: &Refusal) -> Response {
    let mut response = said(status_of(refusal), &[line_of(refusal)]);
    if let Some(seconds) = refusal.seconds() {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}

fn status_of(refusal: &Refusal) -> StatusCode {
    StatusCode::from_u16(refusal.http()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

fn line_of(refusal: &Refusal) -> Line {
    let issue = match status_of(refusal) {
        StatusCode::NOT_FOUND => Issue::NotFound,
        StatusCode::TOO_MANY_REQUESTS => Issue::Throttled,
        StatusCode::SERVICE_UNAVAILABLE => Issue::Transient,
        StatusCode::INTERNAL_SERVER_ERROR => Issue::Exception,
        _ => Issue::BusinessRule,
    };
    Line::new(Severity::Error, issue, refusal.to_string())
}
