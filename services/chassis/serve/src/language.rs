//! Which languages a caller reads, as the `Accept-Language` header tells (RFC 9110, section 12.5.4).
//!
//! Deliberately not here: which of them there is a text in (each caller's question), and choices that people made on a page.

use http::{HeaderMap, header};

/// Most codes that are looked at.
const MOST: usize = 20;

/// The languages of a request, most wanted first, as primary codes (`fr` of `fr-CA`). What can't be read is passed over.
#[must_use]
pub fn languages(headers: &HeaderMap) -> Vec<&str> {
    let accepted = headers.get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let read = |part| {
        let (code, weight) = str::split_once(part, ';').unwrap_or((part, "q=1"));
        let weight: f32 = weight.trim().strip_prefix("q=")?.trim().parse().ok()?;
        Some((weight, code.trim().split(['-', '_']).next().unwrap_or_default()))
    };
    let mut weighted: Vec<(f32, &str)> = accepted.split(',').take(MOST).filter_map(read).collect();
    weighted.retain(|(weight, code)| *weight > 0.0 && !code.is_empty());
    weighted.sort_by(|one, other| other.0.total_cmp(&one.0));
    weighted.into_iter().map(|(_, code)| code).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_wanted_language_comes_first_and_rubbish_is_passed_over() {
        let told = |text: &'static str| {
            let headers = HeaderMap::from_iter([(header::ACCEPT_LANGUAGE, text.parse().expect("a value"))]);
            languages(&headers).into_iter().map(str::to_owned).collect::<Vec<_>>()
        };
        assert_eq!(told("en;q=0.1, fr-CA, es;q=0.8"), ["fr", "es", "en"]);
        assert_eq!(told("en ; q=0.1, fr; q=0.5"), ["fr", "en"], "blanks may stand around the semicolon");
        assert_eq!(told("fr;q=x, de;q=0, es"), ["es"]);
        assert!(languages(&HeaderMap::new()).is_empty());
    }
}
