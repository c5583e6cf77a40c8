//! How somebody found a form: carried from page to page in links and hidden fields, and kept nowhere else.
//!
//! There is no cookie and no store in the browser, so somebody who comes back another day by another link is somebody new:
//! then the last touch is all that is known. A first touch stands beside it where a link tells one (`first_utm_campaign`),
//! which a center's own site can carry along. Deliberately not here: which words travel further (ingestion).

use axum::http::{HeaderMap, header};
use causeway_proto::inquiry::v1::{Attribution, Touch};

use crate::views::form::{FIRST, HIDDEN, Sent};

/// Longest value of where somebody came from.
const LONGEST: usize = 200;

/// What a request tells: the words of its address, and of the page that linked here its path and its host.
pub fn told(query: &[(String, String)], headers: &HeaderMap) -> Vec<(String, String)> {
    let linked = headers.get(header::REFERER).and_then(|value| value.to_str().ok());
    let linked = linked.and_then(|url| reqwest::Url::parse(url).ok());
    let own = headers.get(header::HOST).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let foreign = linked.as_ref().filter(|url| !own.starts_with(url.host_str().unwrap_or_default()));
    let from_page = |name: &str| match name {
        "landing_page" => foreign.map(|url| url.path().to_owned()),
        "referrer_host" => foreign.and_then(|url| url.host_str().map(str::to_owned)),
        _ => None,
    };
    let found = names().filter_map(|name| {
        let asked = query.iter().find(|(key, _)| *key == name).map(|(_, value)| value.clone());
        let value = asked.or_else(|| from_page(&name))?;
        let value: String = value.chars().filter(|sign| !sign.is_control()).take(LONGEST).collect();
        (!value.is_empty()).then_some((name, value))
    });
    found.collect()
}

/// Names of all fields, of both touches.
pub fn names() -> impl Iterator<Item = String> {
    HIDDEN.iter().map(|name| (*name).to_owned()).chain(HIDDEN.iter().map(|name| format!("{FIRST}{name}")))
}

/// What a sent form says of both touches.
pub fn of(sent: &Sent) -> Attribution {
    let touch = |prefix: &str| {
        let text = |name: &str| sent.get(&format!("{prefix}{name}")).to_owned();
        Touch {
            landing_page: text("landing_page"),
            campaign: text("utm_campaign"),
            utm_source: text("utm_source"),
            utm_medium: text("utm_medium"),
            utm_term: text("utm_term"),
            utm_content: text("utm_content"),
            referrer_host: text("referrer_host"),
        }
    };
    let (first, last) = (touch(FIRST), touch(""));
    let (first, last) = if first == Touch::default() { (last, None) } else { (first, Some(last)) };
    Attribution {
        landing_page: first.landing_page,
        campaign: first.campaign,
        utm_source: first.utm_source,
        utm_medium: first.utm_medium,
        utm_term: first.utm_term,
        utm_content: first.utm_content,
        referrer_host: first.referrer_host,
        last: last.filter(|last| *last != Touch::default()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    fn pairs(told: &[(&str, &str)]) -> Vec<(String, String)> {
        told.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn where_somebody_came_from_is_the_query_first_and_then_the_page_before() {
        let mut headers = HeaderMap::new();
        headers.insert(header::HOST, HeaderValue::from_static("care.example"));
        headers.insert(header::REFERER, HeaderValue::from_static("https://www.hospital.example/colon?x=secret"));
        let query = pairs(&[("utm_campaign", "spring")]);
        let found = told(&query, &headers);
        let value = |name: &str| found.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
        assert_eq!(value("landing_page"), Some("/colon"));
        assert_eq!(value("referrer_host"), Some("www.hospital.example"));
        assert_eq!(value("utm_campaign"), Some("spring"));
        headers.insert(header::REFERER, HeaderValue::from_static("https://care.example/harbor-valley"));
        assert_eq!(told(&query, &headers).len(), 1, "our own page is no landing page");
    }

    #[test]
    fn one_touch_is_the_first_and_a_link_that_tells_of_an_earlier_one_makes_it_the_last() {
        let one = of(&Sent::of(pairs(&[("utm_campaign", "spring"), ("utm_term", "colon")])));
        assert_eq!((one.campaign.as_str(), one.utm_term.as_str(), one.last), ("spring", "colon", None));
        let both = of(&Sent::of(pairs(&[("utm_campaign", "spring"), ("first_utm_campaign", "autumn")])));
        assert_eq!((both.campaign.as_str(), both.last.expect("a last one").campaign.as_str()), ("autumn", "spring"));
    }
}
