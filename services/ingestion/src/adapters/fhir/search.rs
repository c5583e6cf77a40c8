//! Searches: which parameters are understood, and what they ask for (FHIR R4 section 3.1.1).
//!
//! A parameter that is not understood is refused: left out, it would give more than was asked for. Deliberately not here: what
//! is found (handlers).

use jiff::civil::Time;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan as _};
use uuid::Uuid;

use super::date::{Day, instant};
use super::fault::{Issue, Severity};
use super::outcome::Line;
use super::task::Standing;
use crate::domain::journey::Status;

/// Told at once if nobody says how many.
const PAGE: u32 = 50;
/// Most that are told at once.
const MOST: u32 = 200;

const UNKNOWN: &str = "A parameter of the search is not understood here: see metadata for those that are";
const NO_IDENTIFIER: &str = "identifier is searched as system|value";
const NO_FOCUS: &str = "focus is searched as ServiceRequest/ID, as the referral was answered with";
const NO_ID: &str = "_id is searched as the id that the referral was answered with";
const NO_DATE: &str = "_lastUpdated is searched with ge, gt, le or lt before a date or an instant with its zone";
const NO_STATUS: &str = "status is searched by received, accepted, in-progress, completed, rejected, cancelled, failed, several with commas";
const NO_COUNT: &str = "_count is a whole number";
const NO_PAGE: &str = "Follow the next link as it was told";

/// What is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wanted {
    /// The referral with an office's number, by who gave it.
    Number(String, String),
    /// The one of an inquiry.
    One(Uuid),
    /// All of which there is news.
    News,
}

/// A search.
#[derive(Debug, Clone)]
pub struct Search {
    /// What is wanted.
    pub wanted: Wanted,
    /// With one of these statuses; empty: any.
    pub statuses: Vec<Status>,
    /// Changed from this moment on.
    pub from: Option<Timestamp>,
    /// Changed before this moment.
    pub until: Option<Timestamp>,
    /// Where the page before ended.
    pub after: Option<(Timestamp, Uuid)>,
    /// How many are told at once.
    pub count: u32,
}

impl Search {
    /// Reads a search. `has_news`: whether it may ask for news.
    ///
    /// # Errors
    /// What is not understood, without what stands there.
    pub fn read(asked: &[(String, String)], has_news: bool, zone: &TimeZone) -> Result<Self, Line> {
        let mut search =
            Self { wanted: Wanted::News, statuses: Vec::new(), from: None, until: None, after: None, count: PAGE };
        for (name, value) in asked {
            search
                .parameter(name, value, zone)
                .map_err(|words| Line::new(Severity::Error, Issue::NotSupported, words))?;
        }
        if search.wanted == Wanted::News && !has_news {
            return Err(Line::new(Severity::Error, Issue::Required, NO_IDENTIFIER));
        }
        Ok(search)
    }

    fn parameter(&mut self, name: &str, value: &str, zone: &TimeZone) -> Result<(), &'static str> {
        match name {
            "identifier" => {
                let (system, value) = value.split_once('|').unwrap_or(("", value));
                if value.is_empty() {
                    return Err(NO_IDENTIFIER);
                }
                self.wanted = Wanted::Number(system.to_owned(), value.to_owned());
            }
            "_id" => self.wanted = Wanted::One(Uuid::parse_str(value).map_err(|_| NO_ID)?),
            "focus" => {
                let (kind, id) = value.rsplit_once('/').ok_or(NO_FOCUS)?;
                let is_kind = kind.ends_with("ServiceRequest") || kind.ends_with("QuestionnaireResponse");
                self.wanted = Wanted::One(Uuid::parse_str(id).ok().filter(|_| is_kind).ok_or(NO_FOCUS)?);
            }
            "status" => {
                let told: Option<Vec<Status>> = value.split(',').map(|code| Status::parse(code.trim())).collect();
                self.statuses = told.ok_or(NO_STATUS)?;
            }
            "_lastUpdated" => self.updated(value, zone).ok_or(NO_DATE)?,
            "_count" => self.count = value.parse::<u32>().map_err(|_| NO_COUNT)?.clamp(1, MOST),
            "_after" => self.after = Some(cursor(value).ok_or(NO_PAGE)?),
            "_sort" if value == "_lastUpdated" => {}
            "_format" if value.contains("json") => {}
            _ => return Err(UNKNOWN),
        }
        Ok(())
    }

    fn updated(&mut self, value: &str, zone: &TimeZone) -> Option<()> {
        let at = value.find(|c: char| c.is_ascii_digit())?;
        let (start, end) = span(&value[at..], zone)?;
        match &value[..at] {
            "ge" => self.from = Some(start),
            "gt" | "sa" => self.from = Some(end),
            "lt" | "eb" => self.until = Some(start),
            "le" => self.until = Some(end),
            "" | "eq" => (self.from, self.until) = (Some(start), Some(end)),
            _ => return None,
        }
        Some(())
    }

    /// Whether a referral is among those that are asked for, as far as its status says.
    #[must_use]
    pub fn takes(&self, standing: &Standing) -> bool {
        self.statuses.is_empty() || self.statuses.contains(&standing.status())
    }

    /// The address of this search, or of its next page. An office's number does not stand in it.
    #[must_use]
    pub fn link(&self, address: &str, after: Option<(Timestamp, Uuid)>) -> String {
        let mut parts = Vec::new();
        if let Wanted::One(id) = self.wanted {
            parts.push(format!("_id={id}"));
        }
        if !self.statuses.is_empty() {
            let codes: Vec<&str> = self.statuses.iter().map(|status| status.code()).collect();
            parts.push(format!("status={}", codes.join(",")));
        }
        parts.extend(self.from.map(|at| format!("_lastUpdated=ge{at:.6}")));
        parts.extend(self.until.map(|at| format!("_lastUpdated=lt{at:.6}")));
        if self.wanted == Wanted::News {
            parts.push(format!("_count={}", self.count));
        }
        let after = after.or(self.after);
        parts.extend(after.map(|(at, id)| format!("_after={}.{id}", at.as_microsecond())));
        if parts.is_empty() { address.to_owned() } else { format!("{address}?{}", parts.join("&")) }
    }
}

/// The time that a date or an instant stands for, from its beginning to just after its end.
fn span(text: &str, zone: &TimeZone) -> Option<(Timestamp, Timestamp)> {
    if let Some(at) = instant(text) {
        let fraction = text.split_once('.').map_or("", |(_, rest)| rest);
        let digits = fraction.bytes().take_while(u8::is_ascii_digit).count().min(6);
        let width = 10_i64.pow(6 - u32::try_from(digits).ok()?);
        return Some((at, at.checked_add(SignedDuration::from_micros(width)).ok()?));
    }
    let first = Day::parse(text)?.earliest();
    let after = match text.len() {
        4 => first.checked_add(1.year()),
        7 => first.checked_add(1.month()),
        _ => first.checked_add(1.day()),
    };
    let begin = |day: jiff::civil::Date| zone.to_timestamp(day.to_datetime(Time::midnight())).ok();
    Some((begin(first)?, begin(after.ok()?)?))
}

fn cursor(text: &str) -> Option<(Timestamp, Uuid)> {
    let (micros, id) = text.split_once('.')?;
    Some((Timestamp::from_microsecond(micros.parse().ok()?).ok()?, Uuid::parse_str(id).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(asked: &[(&str, &str)]) -> Result<Search, Line> {
        let asked: Vec<_> = asked.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Search::read(&asked, true, &TimeZone::UTC)
    }

    fn at(text: &str) -> Option<Timestamp> {
        text.parse().ok()
    }

    #[test]
    fn times_are_as_exact_as_they_are_written() {
        for (value, from, until) in [
            ("ge2026-04-12", at("2026-04-12T00:00:00Z"), None),
            ("gt2026-04-12", at("2026-04-13T00:00:00Z"), None),
            ("le2026-04", None, at("2026-05-01T00:00:00Z")),
            ("2026", at("2026-01-01T00:00:00Z"), at("2027-01-01T00:00:00Z")),
            ("gt2026-04-12T10:30:00Z", at("2026-04-12T10:30:01Z"), None),
            ("gt2026-04-12T10:30:00.123456Z", at("2026-04-12T10:30:00.123457Z"), None),
            ("lt2026-04-12T10:30:00-04:00", None, at("2026-04-12T14:30:00Z")),
        ] {
            let search = read(&[("_lastUpdated", value)]).unwrap_or_else(|line| panic!("{}", line.words));
            assert_eq!((search.from, search.until), (from, until), "{value}");
        }
    }

    #[test]
    fn what_is_not_understood_is_refused_and_not_repeated() {
        for (name, value) in [
            ("patient", "Rosa"),
            ("identifier", ""),
            ("focus", "Rosa"),
            ("focus", "Patient/00000000-0000-0000-0000-000000000001"),
            ("_lastUpdated", "ne2026"),
            ("_lastUpdated", "Rosa"),
            ("_lastUpdated", "ge9999-12-31"),
            ("_id", "Rosa"),
            ("_count", "Rosa"),
            ("status", "Rosa"),
            ("status", "received,requested"),
            ("_after", "1.Rosa"),
            ("_sort", "-_lastUpdated"),
        ] {
            let refused = read(&[(name, value)]).err().unwrap_or_else(|| panic!("{name}={value}"));
            assert!(!refused.words.contains("Rosa"));
        }
        assert!(Search::read(&[], false, &TimeZone::UTC).is_err(), "a search for all of them needs a number");
    }

    #[test]
    fn the_next_page_is_asked_for_by_its_link_and_no_number_stands_in_one() {
        let search = read(&[("_lastUpdated", "ge2026-04-12"), ("_count", "1000"), ("status", "accepted,failed")])
            .unwrap_or_else(|line| panic!("{}", line.words));
        let link = search.link("https://x/Task", Some((Timestamp::UNIX_EPOCH, Uuid::from_u128(1))));
        assert_eq!(
            link,
            "https://x/Task?status=accepted,failed&_lastUpdated=ge2026-04-12T00:00:00.000000Z&_count=200&_after=0.00000000-0000-0000-0000-000000000001"
        );
        let numbered = read(&[("identifier", "s|7")]).unwrap_or_else(|line| panic!("{}", line.words));
        assert_eq!(
            (numbered.wanted.clone(), numbered.link("https://x/Task", None)),
            (Wanted::Number("s".into(), "7".into()), "https://x/Task".into())
        );
    }
}
