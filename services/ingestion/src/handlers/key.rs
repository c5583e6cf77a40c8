//! Who sends: the holder of a feed's key.
//!
//! The key itself is known to the office alone; a profile holds its SHA-256, and while a key is changed that of the next one.
//! Digests are compared in constant time, so that the time of an answer tells nothing of a key. Whoever has no key learns nothing
//! of which centers and feeds exist; a key that is somebody else's is told as such, because its holder can do something about it.
//! Deliberately not here: what FHIR says to somebody without one.

use std::sync::Arc;

use aws_lc_rs::digest::{Digest, SHA256, digest};
use causeway_funnel::profile::{Feed, FeedKind, Profile};
use http::{HeaderMap, header};
use subtle::ConstantTimeEq as _;

use super::accept::Acceptance;
use crate::error::Refusal;

/// The digest of the key that came with a request.
pub struct Key(Digest);

impl Key {
    /// The key of a request, as a bearer token (RFC 6750, section 2.1); nothing where it has none.
    #[must_use]
    pub fn told(headers: &HeaderMap) -> Option<Self> {
        bearer(headers).map(|key| Self(digest(&SHA256, key.as_bytes())))
    }

    /// Notes that it opened a feed.
    pub fn note(&self, acceptance: &Acceptance, center: &str, feed: &str) {
        acceptance.credentials.note((center, feed), self.0.as_ref(), acceptance.clock.now());
    }

    /// Whether it is the feed's key, or its next one.
    #[must_use]
    pub fn opens(&self, feed: &Feed) -> bool {
        let keys = [&feed.key_sha256, &feed.next_key_sha256].into_iter().flatten();
        let known = keys.filter_map(|key| hex::decode(key).ok());
        known.fold(false, |opens, key| bool::from(key.as_slice().ct_eq(self.0.as_ref())) | opens)
    }
}

/// The profile of the center whose feed of this kind the key of a request opens, and that feed's id. `named`: the one feed that it
/// may be; none: any of the kind.
///
/// # Errors
/// No key, an unknown one, one of another feed (`others`: how that is told), or no profile has arrived yet.
pub fn admit(
    acceptance: &Acceptance,
    (center, named, kind): (&str, Option<&str>, FeedKind),
    headers: &HeaderMap,
    others: &str,
) -> Result<(Arc<(String, Profile)>, String), Refusal> {
    let key = Key::told(headers).ok_or(Refusal::NoKey)?;
    let profiles = &acceptance.profiles;
    if let Some(in_force) = profiles.current(center) {
        let may_be = |feed: &&Feed| feed.kind == kind && named.is_none_or(|named| named == feed.id);
        let feeds = in_force.1.feeds.feeds.iter().filter(may_be);
        // All are compared, whichever opens.
        let opened = feeds.fold(None, |found, feed| if key.opens(feed) { Some(feed.id.clone()) } else { found });
        if let Some(feed) = opened {
            key.note(acceptance, center, &feed);
            return Ok((in_force, feed));
        }
    }
    let names = profiles.names();
    // Nobody's key is known yet, a right one no more than a wrong one.
    if names.is_empty() {
        return Err(Refusal::NotReady);
    }
    let known = names.iter().filter_map(|name| profiles.current(name));
    let anybodys =
        known.fold(false, |any, profile| profile.1.feeds.feeds.iter().fold(any, |any, feed| key.opens(feed) | any));
    Err(if anybodys { Refusal::Denied(others.to_owned()) } else { Refusal::NoKey })
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, key) = value.split_once(' ')?;
    (scheme.eq_ignore_ascii_case("bearer") && !key.trim().is_empty()).then(|| key.trim())
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn feed(key: &str, next: Option<&str>) -> Feed {
        let digest_of = |key: &str| hex::encode(digest(&SHA256, key.as_bytes()));
        Feed {
            id: "cedar-csv".into(),
            kind: FeedKind::Csv,
            office: "cedar".into(),
            office_name: "Cedar".into(),
            key_sha256: Some(digest_of(key)),
            next_key_sha256: next.map(digest_of),
            certificate_sha256: Vec::new(),
            sending_facility: None,
            reply: Default::default(),
            rate_per_minute: 1,
            expect: Vec::new(),
            status: Default::default(),
            csv: None,
            hl7: None,
            phone: None,
            fhir: None,
        }
    }

    #[test]
    fn a_feed_is_opened_by_its_key_and_by_its_next_one() {
        let feed = feed("old", Some("new"));
        let opened = |key: &str| Key(digest(&SHA256, key.as_bytes())).opens(&feed);
        assert!(opened("old") && opened("new") && !opened("older") && !opened(""));
    }

    #[test]
    fn a_key_is_told_as_a_bearer_token() {
        let read = |value: &'static str| {
            let headers = HeaderMap::from_iter([(header::AUTHORIZATION, HeaderValue::from_static(value))]);
            bearer(&headers).map(str::to_owned)
        };
        assert_eq!(read("Bearer cedar-demo-key").as_deref(), Some("cedar-demo-key"));
        assert_eq!(read("bearer  k ").as_deref(), Some("k"));
        for odd in ["Basic a", "Bearer", "Bearer ", "cedar-demo-key"] {
            assert_eq!(read(odd), None, "{odd}");
        }
    }
}
