//! Who sends a file: the holder of a feed's key.
//!
//! Deliberately not here: how keys are compared (key), and HTTP.

use std::sync::Arc;

use causeway_funnel::profile::{FeedKind, Profile};
use http::HeaderMap;

use crate::error::Refusal;
use crate::handlers::accept::Acceptance;
use crate::handlers::key;

/// The profile of the center whose feed the key of the request opens.
///
/// # Errors
/// No key, an unknown one, one of another feed, or no profile has arrived yet.
pub fn admit(
    acceptance: &Acceptance,
    (center, feed): (&str, &str),
    headers: &HeaderMap,
) -> Result<Arc<(String, Profile)>, Refusal> {
    const OTHERS: &str = "this key is not of this feed, or the feed sends no files";
    Ok(key::admit(acceptance, (center, Some(feed), FeedKind::Csv), headers, OTHERS)?.0)
}
