//! Which sites may send a form from a browser: the origins that the center names (Fetch Standard, section 3.2, CORS protocol).
//!
//! Browsers ask first (OPTIONS) and show the answer to the page only where its origin is named in it. They do not ask before a
//! body of plain text, so what another site sends is refused by itself. Senders that are no browsers tell no origin and are
//! none the wiser. Deliberately not here: what may be read by any site (forms).

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};

use super::accept::Acceptance;
use crate::error::Refusal;

/// How long a browser may remember the answer, seconds: a new revision of a profile is in force soon after.
const REMEMBER: HeaderValue = HeaderValue::from_static("600");
const METHODS: HeaderValue = HeaderValue::from_static("POST");
/// What a page may send beside the body.
const HEADERS: HeaderValue = HeaderValue::from_static("content-type, idempotency-key, traceparent");
/// What a page may read beside the body.
const SHOWN: HeaderValue = HeaderValue::from_static("retry-after");

/// Answers a browser's question, and names the origin in the answer to what it sends.
pub async fn origins(State(acceptance): State<Arc<Acceptance>>, request: Request<Body>, next: Next) -> Response {
    let allowed = allowed(&acceptance, request.uri().path(), request.headers());
    let mut response = if is_question(&request) {
        // Whatever stands in the answer, without the origin in it nothing is sent.
        let status = if allowed.is_some() { StatusCode::NO_CONTENT } else { StatusCode::FORBIDDEN };
        let told = [
            (header::ACCESS_CONTROL_ALLOW_METHODS, METHODS),
            (header::ACCESS_CONTROL_ALLOW_HEADERS, HEADERS),
            (header::ACCESS_CONTROL_MAX_AGE, REMEMBER),
        ];
        (status, told).into_response()
    } else if allowed.is_none() && request.method() == Method::POST && is_elsewhere(&acceptance, &request) {
        const WORDS: &str =
            "this site may not send to this center; name its origin in allowed_origins of the center's center.toml";
        acceptance.metrics.refused.with_label_values(&["denied"]).inc();
        Refusal::Denied(WORDS.to_owned()).into_response()
    } else {
        next.run(request).await
    };
    let headers = response.headers_mut();
    headers.append(header::VARY, HeaderValue::from_static("origin"));
    if let Some(origin) = allowed {
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, SHOWN);
    }
    response
}

fn is_question(request: &Request<Body>) -> bool {
    const ASKED: HeaderName = header::ACCESS_CONTROL_REQUEST_METHOD;
    request.method() == Method::OPTIONS && request.headers().contains_key(ASKED)
}

/// Whether a page of another site sends this. What no center has is refused for that.
fn is_elsewhere(acceptance: &Acceptance, request: &Request<Body>) -> bool {
    let center = request.uri().path().split('/').nth(3).and_then(|center| acceptance.profiles.current(center));
    // HTTP/2 tells the host with the address.
    let told = request.headers().get(header::HOST).and_then(|host| host.to_str().ok());
    let host = told.or_else(|| request.uri().authority().map(|host| host.as_str())).unwrap_or_default();
    let is_own = |origin: &HeaderValue| {
        let site = origin.to_str().ok().and_then(|origin| Some(origin.split_once("://")?.1));
        site.is_some_and(|site| site.eq_ignore_ascii_case(host))
    };
    center.is_some() && request.headers().get(header::ORIGIN).is_some_and(|origin| !is_own(origin))
}

/// The origin of a request, where the center of its address (`/v1/centers/{center}/…`) names it.
fn allowed(acceptance: &Acceptance, path: &str, headers: &HeaderMap) -> Option<HeaderValue> {
    let origin = headers.get(header::ORIGIN)?;
    let in_force = acceptance.profiles.current(path.split('/').nth(3)?)?;
    let is_named = in_force.1.center.allowed_origins.iter().any(|named| named.as_bytes() == origin.as_bytes());
    is_named.then(|| origin.clone())
}
