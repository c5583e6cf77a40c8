//! Who sends a file: the holder of a feed's key.
//!
//! Whoever has no key learns nothing of which centers and feeds exist. A key that is somebody else's is told as such, because
//! its holder can do something about it. Deliberately not here: how keys are compared (key), and HTTP.

use std::sync::Arc;

use causeway_funnel::profile::{FeedKind, Profile};
use http::HeaderMap;

use crate::error::Refusal;
use crate::handlers::accept::Acceptance;
use crate::handlers::key::Key;

/// The profile of the center whose feed the key of the request opens.
///
/// # Errors
/// No key, an unknown one, one of another feed, or no profile has arrived yet.
pub fn admit(
    acceptance: &Acceptance,
    (center, feed): (&str, &str),
    headers: &HeaderMap,
) -> Result<Arc<(String, Profile)>, Refusal> {
    let key = Key::told(headers).ok_or(Refusal::NoKey)?;
    let in_force = acceptance.profiles.current(center);
    if let Some(profile) = in_force
        && profile.1.feed(feed).is_some_and(|feed| feed.kind == FeedKind::Csv && key.opens(feed))
    {
        return Ok(profile);
    }
    let profiles = &acceptance.profiles;
    let names = profiles.names();
    // Nobody's key is known yet, a right one no more than a wrong one.
    if names.is_empty() {
        return Err(Refusal::NotReady);
    }
    let known = names.iter().filter_map(|name| profiles.current(name));
    // All are compared, whichever opens.
    let anybodys =
        known.fold(false, |any, profile| profile.1.feeds.feeds.iter().fold(any, |any, feed| key.opens(feed) | any));
    match anybodys {
        true => Err(Refusal::Denied("this key is not of this feed, or the feed sends no files".to_owned())),
        false => Err(Refusal::NoKey),
    }
}
