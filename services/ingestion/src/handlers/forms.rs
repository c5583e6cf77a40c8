//! What may be asked of the HTTP door without a key: the forms of a center as data, and the OpenAPI documents.
//!
//! Nothing here is about a person, so any site may read it from a browser. Deliberately not here: taking answers (http).

use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use causeway_funnel::profile::Profile;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use serde_json::{Value, json};

use super::accept::Acceptance;
use crate::adapters::openapi;
use crate::error::Refusal;

/// The routes of this door.
pub fn router(acceptance: Arc<Acceptance>) -> Router {
    Router::new()
        .route("/openapi.json", get(async || told(&openapi::general(), "en")))
        .route("/v1/centers/{center}/openapi.json", get(document))
        .route("/v1/centers/{center}/forms", get(forms))
        .route("/v1/centers/{center}/forms/{form}", get(form))
        .with_state(acceptance)
}

async fn document(State(acceptance): State<Arc<Acceptance>>, Path(center): Path<String>) -> Result<Response, Refusal> {
    let profile = acceptance.profile(&center)?;
    Ok(told(&openapi::of_center(&profile.1), profile.1.default_language()))
}

async fn forms(
    State(acceptance): State<Arc<Acceptance>>,
    Path(center): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let profile = acceptance.profile(&center)?;
    let language = language(&profile.1, &headers);
    let lines = profile.1.forms.values().map(|form| openapi::form::line(form, &center, language));
    let lines: Vec<Value> = lines.collect();
    Ok(told(&json!({ "language": language, "languages": profile.1.center.languages, "forms": lines }), language))
}

async fn form(
    State(acceptance): State<Arc<Acceptance>>,
    Path((center, form)): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let profile = acceptance.profile(&center)?;
    let language = language(&profile.1, &headers);
    let form = profile.1.form(&form).ok_or(Refusal::NoSuchForm)?;
    Ok(told(&openapi::form::form(form, &center, language), language))
}

/// The first language that the caller reads and the center offers, else the center's first.
fn language<'p>(profile: &'p Profile, headers: &HeaderMap) -> &'p str {
    offered(profile, headers).unwrap_or_else(|| profile.default_language())
}

/// The first language that the caller reads and the center offers.
pub fn offered<'p>(profile: &'p Profile, headers: &HeaderMap) -> Option<&'p str> {
    let offered = &profile.center.languages;
    let mut wanted = causeway_serve::languages(headers).into_iter();
    wanted.find_map(|wanted| offered.iter().find(|offer| offer.eq_ignore_ascii_case(wanted))).map(String::as_str)
}

fn told(body: &Value, language: &str) -> Response {
    let language = HeaderValue::try_from(language).unwrap_or_else(|_| HeaderValue::from_static("en"));
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("application/json")),
        (header::CONTENT_LANGUAGE, language),
        (header::VARY, HeaderValue::from_static("accept-language")),
        // A new revision of a profile is in force within seconds.
        (header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=60")),
        (header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*")),
    ];
    (StatusCode::OK, headers, body.to_string()).into_response()
}
