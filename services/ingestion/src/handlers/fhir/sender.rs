//! Who sends: the feed whose key came with the request.
//!
//! Deliberately not here: what a feed may see (store).

use std::sync::Arc;

use axum::response::Response;
use causeway_funnel::profile::{Feed, FeedKind, Profile};
use http::{HeaderMap, HeaderValue, StatusCode, header};

use super::{Door, refused, said};
use crate::adapters::fhir::fault::{Issue, Severity};
use crate::adapters::fhir::outcome::Line;
use crate::error::Refusal;
use crate::handlers::key::Key;

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
    let Some(key) = Key::told(headers) else { return Err(unknown(NO_KEY).into()) };
    let in_force = match door.acceptance.profile(center) {
        Ok(in_force) => in_force,
        Err(Refusal::NotReady) => return Err(refused(&Refusal::NotReady).into()),
        Err(_) => return Err(unknown(WRONG_KEY).into()),
    };
    match by_key(&in_force.1, &key).cloned() {
        None => Err(unknown(WRONG_KEY).into()),
        Some(feed) if feed.kind == FeedKind::Fhir => {
            key.note(&door.acceptance, center, &feed.id);
            Ok(Sender { in_force, feed })
        }
        Some(_) => Err(said(StatusCode::FORBIDDEN, &[Line::new(Severity::Error, Issue::Forbidden, OTHER_FEED)]).into()),
    }
}

fn unknown(words: &str) -> Response {
    let mut response = said(StatusCode::UNAUTHORIZED, &[Line::new(Severity::Error, Issue::Login, words)]);
    response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    response
}

/// All are compared, whichever opens. An office may use one key for all its ways.
fn by_key<'p>(profile: &'p Profile, key: &Key) -> Option<&'p Feed> {
    profile.feeds.feeds.iter().fold(None, |found, feed| match key.opens(feed) {
        true if found.is_none() || feed.kind == FeedKind::Fhir => Some(feed),
        _ => found,
    })
}
