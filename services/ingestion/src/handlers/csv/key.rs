//! Who sends a file: the holder of a feed's key.
//!
//! Digests are compared in constant time, and whoever has no key learns nothing of which centers and feeds exist. A key that
//! is somebody else's is told as such, because its holder can do something about it. Deliberately not here: HTTP.

use std::sync::Arc;

use aws_lc_rs::digest::{SHA256, digest};
use causeway_funnel::profile::{Feed, FeedKind, Profile};
use http::{HeaderMap, header};
use subtle::ConstantTimeEq as _;

use crate::error::Refusal;
use crate::handlers::accept::Acceptance;

/// The profile of the center whose feed the key of the request opens.
///
/// # Errors
/// No key, an unknown one, or one of another feed.
pub fn admit(
    acceptance: &Acceptance,
    (center, feed): (&str, &str),
    headers: &HeaderMap,
) -> Result<Arc<(String, Profile)>, Refusal> {
    let told = told(headers).ok_or(Refusal::NoKey)?;
    let told = digest(&SHA256, told.as_bytes());
    let in_force = acceptance.profiles.current(center);
    if let Some(profile) = in_force
        && profile.1.feed(feed).is_some_and(|feed| feed.kind == FeedKind::Csv && opens(feed, told.as_ref()))
    {
        return Ok(profile);
    }
    let profiles = &acceptance.profiles;
    let names = profiles.names();
    let known = names.iter().filter_map(|name| profiles.current(name));
    // All are compared, whichever opens.
    let anybodys = known.fold(false, |any, profile| {
        profile.1.feeds.feeds.iter().fold(any, |any, feed| opens(feed, told.as_ref()) | any)
    });
    match anybodys {
        true => Err(Refusal::Denied("this key is not of this feed, or the feed sends no files".to_owned())),
        false => Err(Refusal::NoKey),
    }
}

fn told(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, key) = value.split_once(' ')?;
    (scheme.eq_ignore_ascii_case("bearer") && !key.trim().is_empty()).then(|| key.trim())
}

/// Whether a digest is of the feed's key, or of its next one.
fn opens(feed: &Feed, told: &[u8]) -> bool {
    let keys = [&feed.key_sha256, &feed.next_key_sha256].into_iter().flatten();
    let known = keys.filter_map(|key| hex::decode(key).ok());
    known.fold(false, |opens, key| bool::from(key.as_slice().ct_eq(told)) | opens)
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    fn feed(key: &str, next: Option<&str>) -> Feed {
        let digest_of = |key: &str| hex::encode(digest(&SHA256, key.as_bytes()));
        Feed {
            id: "cedar-csv".into(),
            kind: FeedKind::Csv,
            office: "cedar".into(),
            office_name: "Cedar".into(),
            key_sha256: Some(digest_of(key)),
            next_key_sha256: next.map(digest_of),
            sending_facility: None,
            rate_per_minute: 1,
            status: Default::default(),
            csv: None,
        }
    }

    #[test]
    fn a_feed_is_opened_by_its_key_and_by_its_next_one() {
        let feed = feed("old", Some("new"));
        let opened = |key: &str| opens(&feed, digest(&SHA256, key.as_bytes()).as_ref());
        assert!(opened("old") && opened("new") && !opened("older") && !opened(""));
        assert!(!opens(&feed, &[]));
    }

    #[test]
    fn a_key_is_told_as_a_bearer_token() {
        let read = |value: &'static str| {
            let headers = HeaderMap::from_iter([(header::AUTHORIZATION, HeaderValue::from_static(value))]);
            told(&headers).map(str::to_owned)
        };
        assert_eq!(read("Bearer cedar-demo-key").as_deref(), Some("cedar-demo-key"));
        assert_eq!(read("bearer  k ").as_deref(), Some("k"));
        for odd in ["Basic a", "Bearer", "Bearer ", "cedar-demo-key"] {
            assert_eq!(read(odd), None, "{odd}");
        }
    }
}
