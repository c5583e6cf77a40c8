//! Who sends: the feed whose key came with the request.
//!
//! The key itself is known to the office alone; a profile holds its SHA-256. All feeds are compared, each in constant time, so
//! that the time of an answer tells nothing of a key. Deliberately not here: what a feed may see (store).

use std::sync::Arc;

use aws_lc_rs::digest::{SHA256, digest};
use axum::response::Response;
use causeway_funnel::profile::{Feed, FeedKind, Profile};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use subtle::ConstantTimeEq as _;

use super::{Door, refused, said};
use crate::adapters::fhir::fault::{Issue, Severity};
use crate::adapters::fhir::outcome::Line;
use crate::error::Refusal;

/// A feed that is known by its key.
pub struct Sender {
    in_force: Arc<(String, Profile)>,
    /// The feed.
    pub feed: Feed,
}

impl Sender {
    /// The center's profile.
    pub fn profile(&self) -> &Profile {
        &self.in_force.1
    }

    /// The center's id.
    pub fn center(&self) -> &str {
        &self.in_force.1.center.id
    }
}

/// Who sends a request to a center, or why they are not let in.
pub fn of(door: &Door, center: &str, headers: &HeaderMap) -> Result<Sender, Box<Response>> {
    const NO_KEY: &str = "Send the key of your feed as 'authorization: Bearer KEY'";
    const WRONG_KEY: &str = "This key is none of a feed of this center";
    const OTHER_FEED: &str = "This key belongs to a feed that sends by another way than FHIR";
    let Some(key) = bearer(headers) else { return Err(unknown(NO_KEY).into()) };
    let in_force = match door.acceptance.profile(center) {
        Ok(in_force) => in_force,
        Err(Refusal::NotReady) => return Err(refused(&Refusal::NotReady).into()),
        Err(_) => return Err(unknown(WRONG_KEY).into()),
    };
    match by_key(&in_force.1, key).cloned() {
        None => Err(unknown(WRONG_KEY).into()),
        Some(feed) if feed.kind == FeedKind::Fhir => Ok(Sender { in_force, feed }),
        Some(_) => Err(said(StatusCode::FORBIDDEN, &[Line::new(Severity::Error, Issue::Forbidden, OTHER_FEED)]).into()),
    }
}

fn unknown(words: &str) -> Response {
    let mut response = said(StatusCode::UNAUTHORIZED, &[Line::new(Severity::Error, Issue::Login, words)]);
    response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    response
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let told = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, key) = told.split_once(' ')?;
    (scheme.eq_ignore_ascii_case("bearer") && !key.trim().is_empty()).then(|| key.trim())
}

fn by_key<'p>(profile: &'p Profile, key: &str) -> Option<&'p Feed> {
    let told = digest(&SHA256, key.as_bytes());
    let mut found: Option<&Feed> = None;
    for feed in &profile.feeds.feeds {
        let Some(known) = feed.key_sha256.as_deref().and_then(|known| hex::decode(known).ok()) else { continue };
        // An office may use one key for all its ways.
        let is_better = found.is_none() || feed.kind == FeedKind::Fhir;
        if bool::from(known.as_slice().ct_eq(told.as_ref())) && is_better {
            found = Some(feed);
        }
    }
    found
}
