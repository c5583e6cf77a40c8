//! What of an inquiry may travel on the bus: the facts, with every free text either recognised or left behind.
//!
//! A sender chooses attribution, language and site; none of them may carry a name or an address out of the sealed part.
//! Deliberately not here: the request number and the time of receipt, which are known only inside the transaction.

use causeway_funnel::form::{Answers, Form, Origin};
use causeway_funnel::inquiry::{Attribution, Facts};
use causeway_funnel::profile::Profile;

use super::submission::Submission;

const LONGEST_PATH: usize = 200;
const LONGEST_WORD: usize = 100;
const LONGEST_HOST: usize = 253;

/// The facts that may travel, without request number and time of receipt.
pub fn facts(profile: &Profile, form: &Form, submission: &Submission, answers: &Answers) -> Facts {
    let origin = Origin {
        center: submission.center.clone(),
        source: submission.source,
        time_zone: profile.center.time_zone.clone(),
        referring_office: submission
            .referring_office
            .as_deref()
            .and_then(|told| office(profile, told))
            .map(str::to_owned),
        attribution: clean(&submission.attribution),
        form_id: form.id.clone(),
        form_version: form.version,
        ..Origin::default()
    };
    let mut facts = answers.facts(origin);
    if !is_language(&facts.language) {
        profile.language_or_default(&submission.language).clone_into(&mut facts.language);
    }
    facts.site_preference = facts.site_preference.filter(|site| profile.site(site).is_some());
    facts
}

/// The referring office as routing knows it, told by its own id or by one of its feeds.
pub fn office<'a>(profile: &'a Profile, told: &str) -> Option<&'a str> {
    let feed = profile.feeds.feeds.iter().find(|feed| feed.id == told || feed.office == told)?;
    Some(&feed.office)
}

/// Attribution with what could name a person left out: queries, addresses, long and odd texts.
pub fn clean(told: &Attribution) -> Attribution {
    let each = |text: &Option<String>, clean: fn(&str) -> Option<String>| text.as_deref().and_then(clean);
    Attribution {
        landing_page: each(&told.landing_page, path),
        campaign: each(&told.campaign, word),
        utm_source: each(&told.utm_source, word),
        utm_medium: each(&told.utm_medium, word),
        referrer_host: each(&told.referrer_host, host),
    }
}

/// The path of a page: no host, no query, no fragment.
fn path(text: &str) -> Option<String> {
    let text = text.trim();
    let after_host = text.split_once("://").map_or(text, |(_, rest)| rest.find('/').map_or("/", |at| &rest[at..]));
    let path = after_host.split(['?', '#']).next().unwrap_or_default();
    let plain = path.starts_with('/') && !path.chars().any(|c| c.is_control() || matches!(c, '@' | '%' | ' '));
    (plain && path.len() <= LONGEST_PATH).then(|| path.to_owned())
}

fn word(text: &str) -> Option<String> {
    let text = text.trim();
    let plain = text.chars().all(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_' | '.' | '+' | ':' | '|' | '/'));
    (!text.is_empty() && plain && text.len() <= LONGEST_WORD).then(|| text.to_owned())
}

/// The host of an address, or a bare host.
fn host(text: &str) -> Option<String> {
    let text = text.trim();
    let after_scheme = text.split_once("://").map_or(text, |(_, rest)| rest);
    let host = after_scheme.split(['/', '?', '#']).next().unwrap_or_default().to_ascii_lowercase();
    let plain = host.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b':'));
    (!host.is_empty() && plain && host.len() <= LONGEST_HOST).then_some(host)
}

/// A primary language tag of BCP 47; anything else could be free text.
fn is_language(text: &str) -> bool {
    (2..=3).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(landing_page: &str, campaign: &str, referrer: &str) -> Attribution {
        let some = |text: &str| Some(text.to_owned());
        let (utm_source, utm_medium) = (some("news letter"), None);
        Attribution {
            landing_page: some(landing_page),
            campaign: some(campaign),
            utm_source,
            utm_medium,
            referrer_host: some(referrer),
        }
    }

    #[test]
    fn a_landing_page_travels_without_host_query_and_fragment() {
        for page in ["/second-opinion", "/second-opinion?name=Rosa#x", "https://example.org/second-opinion?m=a@b.c"] {
            assert_eq!(clean(&told(page, "", "")).landing_page.as_deref(), Some("/second-opinion"), "{page}");
        }
        assert_eq!(clean(&told("https://example.org", "", "")).landing_page.as_deref(), Some("/"));
        for odd in ["", "second", "/rosa@example.com", "/a%20b", &format!("/{}", "x".repeat(200))] {
            assert_eq!(clean(&told(odd, "", "")).landing_page, None, "{odd}");
        }
    }

    #[test]
    fn words_and_hosts_travel_and_addresses_do_not() {
        let cleaned = clean(&told("/", "spring_2026", "https://www.Example.org/search?q=rosa"));
        assert_eq!(cleaned.campaign.as_deref(), Some("spring_2026"));
        assert_eq!(cleaned.utm_source.as_deref(), Some("news letter"));
        assert_eq!(cleaned.referrer_host.as_deref(), Some("www.example.org"));
        let cleaned = clean(&told("/", "rosa@example.com", "rosa@example.org"));
        assert_eq!((cleaned.campaign, cleaned.referrer_host), (None, None));
    }

    #[test]
    fn only_a_short_tag_is_a_language() {
        assert!(is_language("es") && is_language("hmn"));
        assert!(!is_language("Rosa Vega") && !is_language("e") && !is_language("Es"));
    }
}
