//! What of an inquiry may travel on the bus: the facts, with every free text either recognised or left behind.
//!
//! A sender chooses attribution, language and site; none of them may carry a name or an address out of the sealed part.
//! Deliberately not here: the request number and the time of receipt, which are known only inside the transaction.

use std::collections::BTreeMap;

use causeway_funnel::distance::DistanceBand;
use causeway_funnel::form::{Answers, Form, Origin};
use causeway_funnel::inquiry::{Attribution, Facts, Touch};
use causeway_funnel::profile::campaigns::travelling;
use causeway_funnel::profile::{Campaigns, FeedKind, Profile};
use jiff::civil::Date;

use super::submission::Submission;

const LONGEST_PATH: usize = 100;
const LONGEST_HOST: usize = 253;
const LONGEST_LABEL: usize = 63;
/// A year is no person; more digits in a row, or more in all, may be a number to call or a date of birth.
const MOST_DIGITS_IN_A_ROW: usize = 4;
const MOST_DIGITS: usize = 6;

/// The facts that may travel, without request number and time of receipt. The day is today where the center is.
pub fn facts(profile: &Profile, form: &Form, submission: &Submission, (answers, today): (&Answers, Date)) -> Facts {
    let origin = Origin {
        center: submission.center.clone(),
        source: submission.source,
        urgency: submission.urgency,
        time_zone: profile.center.time_zone.clone(),
        referring_office: submission
            .referring_office
            .as_deref()
            .and_then(|told| office(profile, told))
            .map(str::to_owned),
        attribution: clean(&profile.center.attribution, &submission.attribution),
        form_id: form.id.clone(),
        form_version: form.version,
        missed_call: submission.missed_call,
        today,
        ..Origin::default()
    };
    let mut facts = answers.facts(origin);
    if !is_language(&facts.language) {
        profile.language_or_default(&submission.language).clone_into(&mut facts.language);
    }
    facts.site_preference = facts.site_preference.filter(|site| profile.site(site).is_some());
    (facts.nearest_site, facts.distance) = whereabouts(profile, &submission.answers);
    facts
}

/// The site that is nearest to where somebody lives, and how far it is, by the postal code in their answers, which itself stays sealed.
pub fn whereabouts(profile: &Profile, answers: &BTreeMap<String, String>) -> (Option<String>, DistanceBand) {
    let near = profile.places.near(|key| answers.get(key).map(String::as_str));
    near.map_or((None, DistanceBand::NotKnown), |near| (Some(near.site.clone()), near.distance))
}

/// The referring office as routing knows it, told by its own id or by one of its feeds. A phone system refers nobody.
pub fn office<'a>(profile: &'a Profile, told: &str) -> Option<&'a str> {
    let mut offices = profile.feeds.feeds.iter().filter(|feed| feed.kind != FeedKind::Phone);
    let feed = offices.find(|feed| feed.id == told || feed.office == told)?;
    Some(&feed.office)
}

/// Attribution with what could name a person left out: queries, addresses, long and odd texts, and every word of a link that
/// the center does not know.
pub fn clean(known: &Campaigns, told: &Attribution) -> Attribution {
    let touch = |told: &Touch| touch(known, told);
    Attribution { first: touch(&told.first), last: told.last.as_ref().map(touch).filter(|last| !last.is_empty()) }
}

fn touch(known: &Campaigns, told: &Touch) -> Touch {
    let each = |text: &Option<String>, clean: fn(&str) -> Option<String>| text.as_deref().and_then(clean);
    let word = |text: &Option<String>, list: &[String]| text.as_deref().and_then(|text| travelling(list, text));
    Touch {
        landing_page: each(&told.landing_page, path),
        campaign: word(&told.campaign, &known.campaigns),
        utm_source: word(&told.utm_source, &known.sources),
        utm_medium: word(&told.utm_medium, &known.mediums),
        utm_term: word(&told.utm_term, &known.terms),
        utm_content: word(&told.utm_content, &known.contents),
        referrer_host: each(&told.referrer_host, host),
    }
}

/// The path of a page: no host, no query, no fragment.
fn path(text: &str) -> Option<String> {
    let text = text.trim();
    let after_host = text.split_once("://").map_or(text, |(_, rest)| rest.find('/').map_or("/", |at| &rest[at..]));
    let path = after_host.split(['?', '#']).next().unwrap_or_default().to_ascii_lowercase();
    let plain = path.starts_with('/') && path.bytes().all(|byte| byte == b'/' || is_plain(byte));
    (plain && path.len() <= LONGEST_PATH && no_number(&path)).then_some(path)
}

/// The host of an address, or a bare host, without its port. It has a dot and a name behind it, unlike a word or a number.
fn host(text: &str) -> Option<String> {
    let text = text.trim();
    let after_scheme = text.split_once("://").map_or(text, |(_, rest)| rest);
    let authority = after_scheme.split(['/', '?', '#']).next().unwrap_or_default();
    let host = match authority.split_once(':') {
        Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => host.to_ascii_lowercase(),
        _ => authority.to_ascii_lowercase(),
    };
    let (_, last) = host.rsplit_once('.')?;
    let named = last.bytes().next().is_some_and(|byte| byte.is_ascii_lowercase());
    (named && host.split('.').all(is_label) && host.len() <= LONGEST_HOST && no_number(&host)).then_some(host)
}

/// A label of a host name (RFC 1123).
fn is_label(label: &str) -> bool {
    let plain = label.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
    (1..=LONGEST_LABEL).contains(&label.len()) && plain && !label.starts_with('-') && !label.ends_with('-')
}

fn is_plain(byte: u8) -> bool {
    byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'.' | b'_' | b'-')
}

/// Nothing that could be a phone number, a record number or a date of birth.
fn no_number(text: &str) -> bool {
    let runs = text.split(|c: char| !c.is_ascii_digit()).map(str::len);
    runs.clone().all(|run| run <= MOST_DIGITS_IN_A_ROW) && runs.sum::<usize>() <= MOST_DIGITS
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
        let first = Touch {
            landing_page: some(landing_page),
            campaign: some(campaign),
            utm_source: some("News_Letter"),
            utm_content: some("Rosa Vega"),
            referrer_host: some(referrer),
            ..Touch::default()
        };
        Attribution { first, last: None }
    }

    fn clean(told: &Attribution) -> Touch {
        let list = |word: &str| vec![word.to_owned()];
        let known = Campaigns { campaigns: list("spring_2026"), sources: list("news_letter"), ..Campaigns::default() };
        super::clean(&known, told).first
    }

    #[test]
    fn a_landing_page_travels_without_host_query_and_fragment() {
        for page in ["/second-opinion", "/Second-opinion?name=Rosa#x", "https://example.org/second-opinion?m=a@b.c"] {
            assert_eq!(clean(&told(page, "", "")).landing_page.as_deref(), Some("/second-opinion"), "{page}");
        }
        assert_eq!(clean(&told("https://example.org", "", "")).landing_page.as_deref(), Some("/"));
        for odd in [
            "",
            "second",
            "/rosa@example.com",
            "/a%20b",
            "/a b",
            "/p/206555",
            "/p/206-555-0187",
            "/josé",
            &format!("/{}", "x".repeat(100)),
        ] {
            assert_eq!(clean(&told(odd, "", "")).landing_page, None, "{odd}");
        }
    }

    #[test]
    fn only_words_that_the_center_lists_travel_and_any_other_is_other_in_both_touches() {
        let cleaned = clean(&told("/", "Spring_2026", "https://www.Example.org/search?q=rosa"));
        assert_eq!(cleaned.campaign.as_deref(), Some("spring_2026"));
        assert_eq!(cleaned.utm_source.as_deref(), Some("news_letter"));
        assert_eq!((cleaned.utm_medium, cleaned.utm_content.as_deref()), (None, Some("other")));
        assert_eq!(cleaned.referrer_host.as_deref(), Some("www.example.org"));
        for name in ["rosa-vega", "rosa@example.com", "206-555-0187", "josé", &"x".repeat(300)] {
            assert_eq!(clean(&told("/", name, "")).campaign.as_deref(), Some("other"), "{name}");
        }
        let last = Some(Touch { campaign: Some("rosa-vega".into()), ..Touch::default() });
        let both = super::clean(&Campaigns::default(), &Attribution { last, ..told("/", "", "") });
        assert_eq!(both.last.and_then(|last| last.campaign).as_deref(), Some("other"));
    }

    #[test]
    fn only_a_host_name_is_a_referrer() {
        let referrer = |text: &str| clean(&told("/", "", text)).referrer_host;
        assert_eq!(referrer("http://Search.Example:8080/a").as_deref(), Some("search.example"));
        let long = format!("{}.example", "x".repeat(64));
        for odd in [
            "rosa@example.org",
            "rosa-vega",
            "rosa vega.org",
            "206.555.0187",
            "-a.example",
            "a-.example",
            "a..example",
            "a.example:b",
            "rosa_vega.example",
            "2065550187.example",
            &long,
        ] {
            assert_eq!(referrer(odd), None, "{odd}");
        }
    }

    #[test]
    fn only_a_short_tag_is_a_language() {
        assert!(is_language("es") && is_language("hmn"));
        assert!(!is_language("Rosa Vega") && !is_language("e") && !is_language("Es"));
    }
}
