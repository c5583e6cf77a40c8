//! How a sender writes and wants to be answered: `_format`, Accept, Content-Type, Content-Encoding and Prefer (FHIR R4 section 3.1.0.1).
//!
//! Deliberately not here: what an answer says.

use axum::body::Body;
use axum::response::Response;
use http::{HeaderMap, HeaderName, StatusCode, header};
use percent_encoding::percent_decode_str;
use serde_json::Value;

use super::{answer, said};
use crate::adapters::fhir::fault::{Issue, Severity};
use crate::adapters::fhir::outcome::Line;

/// Media types of JSON that FHIR has used.
const KINDS: [&str; 4] = ["application/fhir+json", "application/json", "application/json+fhir", "text/json"];
const PREFER: HeaderName = HeaderName::from_static("prefer");

const NOT_JSON: &str = "Only FHIR R4 in JSON is spoken here: ask for application/fhir+json, by Accept or _format=json";
const ENCODED: &str = "The body is compressed: send it as it is, without Content-Encoding";

/// Why a request is not looked at: it wants another format than JSON, or comes compressed.
pub fn refused(query: &str, headers: &HeaderMap) -> Option<Response> {
    let line = |words: &str| [Line::new(Severity::Error, Issue::NotSupported, words)];
    if headers.get_all(header::CONTENT_ENCODING).iter().any(|told| !told.as_bytes().eq_ignore_ascii_case(b"identity")) {
        return Some(said(StatusCode::UNSUPPORTED_MEDIA_TYPE, &line(ENCODED)));
    }
    let mut formats = query.split('&').filter_map(|part| part.strip_prefix("_format=")).peekable();
    // What the address asks for goes before what a browser puts into each request.
    let may_be = match formats.peek() {
        Some(_) => formats.all(|told| is_format(&percent_decode_str(told).decode_utf8_lossy())),
        None => accepts(headers),
    };
    (!may_be).then(not_json)
}

/// The answer to who wants another format.
pub fn not_json() -> Response {
    said(StatusCode::NOT_ACCEPTABLE, &[Line::new(Severity::Error, Issue::NotSupported, NOT_JSON)])
}

/// Whether a `_format` is JSON. A plus sign in an address may stand for a blank.
pub fn is_format(told: &str) -> bool {
    let told = told.replace(' ', "+");
    let (kind, parameters) = told.split_once(';').unwrap_or((&told, ""));
    (kind.eq_ignore_ascii_case("json") || is_kind(kind)) && is_version(parameters)
}

fn is_kind(kind: &str) -> bool {
    KINDS.iter().any(|known| kind.trim().eq_ignore_ascii_case(known))
}

/// The parameters of a media type, their names in small letters.
fn parameters(told: &str) -> impl Iterator<Item = (String, &str)> {
    told.split(';')
        .filter_map(|part| part.split_once('='))
        .map(|(name, value)| (name.trim().to_ascii_lowercase(), value.trim().trim_matches('"')))
}

/// A version that is told has to be this one (FHIR R4 section 3.1.0.1.11).
fn is_version(told: &str) -> bool {
    parameters(told).all(|(name, value)| name != "fhirversion" || ["4.0", "4.0.1"].contains(&value))
}

/// Whether a body is JSON of FHIR R4.
pub fn is_json(headers: &HeaderMap) -> bool {
    let told = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let (kind, parameters) = told.split_once(';').unwrap_or((told, ""));
    is_kind(kind) && is_version(parameters)
}

/// Whether JSON is among what is accepted. No Accept at all: anything is.
fn accepts(headers: &HeaderMap) -> bool {
    let told = headers.get_all(header::ACCEPT).iter().filter_map(|told| told.to_str().ok());
    let ranges: Vec<&str> = told.flat_map(|told| told.split(',')).filter(|range| !range.trim().is_empty()).collect();
    let (mut is_json, mut is_any, mut is_none) = (false, ranges.is_empty(), false);
    for range in ranges {
        let (kind, rest) = range.split_once(';').unwrap_or((range, ""));
        let weight = parameters(rest).find(|(name, _)| name == "q").and_then(|(_, told)| told.parse::<f32>().ok());
        let is_wanted = weight.is_none_or(|weight| weight > 0.0) && is_version(rest);
        match kind.trim() {
            kind if is_kind(kind) => {
                is_json |= is_wanted;
                is_none |= !is_wanted && kind.eq_ignore_ascii_case(KINDS[0]);
            }
            "*/*" => is_any |= is_wanted,
            kind => is_any |= is_wanted && kind.eq_ignore_ascii_case("application/*"),
        }
    }
    is_json || (is_any && !is_none)
}

/// What of a change its sender wants to be told (FHIR R4 section 3.1.0.1.9).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wish {
    /// Nothing but headers.
    Minimal,
    /// The resource.
    Representation,
    /// What is to be said of it.
    Outcome,
}

/// The wish of a sender among its preferences, which may be several.
pub fn wish(headers: &HeaderMap) -> Option<Wish> {
    let wishes =
        [("minimal", Wish::Minimal), ("representation", Wish::Representation), ("OperationOutcome", Wish::Outcome)];
    preferred(headers, "return")
        .find_map(|told| wishes.iter().find(|(known, _)| told.eq_ignore_ascii_case(known)).map(|(_, wish)| *wish))
}

/// Whether a search may leave out what is not understood (FHIR R4 section 3.1.1.1.2.1).
pub fn is_lenient(headers: &HeaderMap) -> bool {
    preferred(headers, "handling").next().is_some_and(|told| told.eq_ignore_ascii_case("lenient"))
}

/// What a sender prefers under a name, among its preferences, which may be several.
fn preferred<'h>(headers: &'h HeaderMap, asked: &'static str) -> impl Iterator<Item = &'h str> {
    let told = headers.get_all(PREFER).iter().filter_map(|told| told.to_str().ok());
    told.flat_map(|told| told.split([',', ';'])).filter_map(move |one| {
        let (name, value) = one.split_once('=')?;
        name.trim().eq_ignore_ascii_case(asked).then(|| value.trim().trim_matches('"'))
    })
}

/// A changed resource, as far as its sender wants to see it.
pub fn wished(headers: &HeaderMap, status: StatusCode, resource: &Value) -> Response {
    match wish(headers) {
        Some(Wish::Minimal) => empty(status),
        Some(Wish::Outcome) => said(status, &[]),
        Some(Wish::Representation) | None => answer(status, resource),
    }
}

/// An answer without a body.
pub fn empty(status: StatusCode) -> Response {
    let mut response = answer(status, &Value::Null);
    *response.body_mut() = Body::empty();
    response
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn with(name: HeaderName, told: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(name, HeaderValue::from_static(told))])
    }

    #[test]
    fn only_json_of_this_version_is_read() {
        for kind in
            ["application/fhir+json", "application/json; charset=utf-8", "Application/FHIR+JSON;fhirVersion=4.0"]
        {
            assert!(is_json(&with(header::CONTENT_TYPE, kind)), "{kind}");
        }
        for kind in [
            "",
            "application/fhir+xml",
            "text/plain",
            "application/fhir+json; fhirVersion=5.0",
            "application/fhir+json; fhirversion=\"5.0\"",
        ] {
            assert!(!is_json(&with(header::CONTENT_TYPE, kind)), "{kind}");
        }
        assert!(!is_json(&HeaderMap::new()));
    }

    #[test]
    fn what_the_address_asks_for_goes_before_what_is_accepted() {
        let status = |query: &str, accept: &'static str| {
            refused(query, &with(header::ACCEPT, accept)).map_or(200, |response| response.status().as_u16())
        };
        for (query, accept, expected) in [
            ("", "*/*", 200),
            ("", "text/html, Application/*;q=0.5", 200),
            ("", "APPLICATION/FHIR+JSON", 200),
            ("", "application/fhir+json; fhirVersion=4.0", 200),
            ("", "application/fhir+xml", 406),
            ("", "application/fhir+json;q=0, text/html", 406),
            ("", "application/fhir+json;q=0, */*", 406),
            ("", "application/fhir+json;fhirVersion=5.0", 406),
            ("", "application/xml, application/json;q=0.1", 200),
            ("_format=json", "application/fhir+xml", 200),
            ("status=x&_format=application%2Ffhir%2Bjson", "text/html", 200),
            ("_format=application/fhir+json", "text/html", 200),
            ("_format=JSON", "*/*", 200),
            ("_format=xml", "application/fhir+json", 406),
            ("_format=application/fhir%2Bxml", "*/*", 406),
        ] {
            assert_eq!(status(query, accept), expected, "{query} {accept}");
        }
        assert!(refused("", &HeaderMap::new()).is_none());
        let zipped = refused("", &with(header::CONTENT_ENCODING, "gzip")).map(|response| response.status().as_u16());
        assert_eq!(zipped, Some(415));
        assert!(refused("", &with(header::CONTENT_ENCODING, "identity")).is_none());
    }

    #[test]
    fn a_wish_is_found_among_other_preferences() {
        for (told, expected) in [
            ("return=minimal", Some(Wish::Minimal)),
            ("handling=strict; return=minimal", Some(Wish::Minimal)),
            ("respond-async, return=representation", Some(Wish::Representation)),
            ("Return=\"operationoutcome\"", Some(Wish::Outcome)),
            ("return=all", None),
            ("respond-async", None),
        ] {
            assert_eq!(wish(&with(PREFER, told)), expected, "{told}");
        }
    }
}
