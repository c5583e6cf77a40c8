//! Searches: which parameters are understood, and what they ask for (FHIR R4 section 3.1.1).
//!
//! A parameter that is not understood is refused: left out, it would give more than was asked for. Deliberately not here: what
//! is found (handlers).

use std::collections::HashSet;

use jiff::civil::Time;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan as _};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use uuid::Uuid;

use super::date::{Day, instant};
use super::fault::{Issue, Severity};
use super::links::TASK_STATUSES;
use super::number::{Number, parts};
use super::outcome::Line;
use super::task::Standing;
use crate::domain::journey::Status;

/// Told at once if nobody says how many.
const PAGE: u32 = 50;
/// Most that are told at once, and most that are asked for by their numbers or ids.
const MOST: u32 = 200;

#[rustfmt::skip]
/// Parameters that are named where they are not understood: those of all resources, of Task, ServiceRequest and
/// QuestionnaireResponse in FHIR R4.
const PARAMETERS: [&str; 58] = [
    "_after", "_content", "_contained", "_containedType", "_count", "_elements", "_filter", "_format", "_has", "_id", "_include",
    "_lastUpdated", "_list", "_pretty", "_profile", "_query", "_revinclude", "_score", "_security", "_sort", "_source", "_summary",
    "_tag", "_text", "_total", "_type", "author", "authored", "authored-on", "based-on", "body-site", "business-status",
    "category", "code", "encounter", "focus", "group-identifier", "identifier", "instantiates-canonical", "instantiates-uri", "intent",
    "modified", "occurrence", "owner", "part-of", "patient", "performer", "performer-type", "period", "priority", "questionnaire",
    "replaces", "requester", "requisition", "source", "specimen", "status", "subject",
];

const UNKNOWN: &str = "A parameter of the search is not understood here: see metadata for those that are";
const NO_IDENTIFIER: &str =
    "identifier is searched as system|value, value, |value or system|, several numbers with commas";
const MIXED: &str = "All of a system are asked for by system| alone: send the other numbers in a search of their own";
const NO_FOCUS: &str = "focus is searched as ServiceRequest/ID, as the referral was answered with";
const NO_ID: &str = "_id is searched as the id that the referral was answered with, several with commas";
const NO_DATE: &str = "_lastUpdated is searched with ge, gt, le or lt before a date or an instant with its zone";
const NO_STATUS: &str = "status is searched by the codes of FHIR R4 for a Task, several with commas; one of ours is received, accepted, in-progress, completed, rejected, cancelled or failed";
const NO_COUNT: &str = "_count is a whole number";
const NO_TOTAL: &str = "How many there are is told where they are asked for by number or id, and nowhere else: leave _total out, and send a _count of at least 1";
const NO_PAGE: &str = "Follow the next link as it was told";
const NO_SORT: &str = "_sort is _lastUpdated, the oldest first, or -_lastUpdated, the newest first";
const NOTHING_INCLUDED: &str = "Nothing can be included with what is found, because the resources of a referral are kept sealed and not read back: leave _include and _revinclude out";
const NO_SUMMARY: &str = "_summary is true, false, text, data or count; all but count tell what is found as a whole";
const TWICE: &str = "A parameter is there twice, and both can not be heeded: send it once, several values with commas";
const ONE_WAY: &str = "A referral is asked for by one of identifier, _id and focus: send one of them";
const TOO_MANY: &str = "More numbers or ids are asked for than are told at once: ask for at most 200";

/// What is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wanted {
    /// The referrals with an office's numbers.
    Numbers(Vec<Number>),
    /// Those of inquiries.
    Ones(Vec<Uuid>),
    /// All whose number somebody gave.
    Of(String),
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
    /// The codes of all statuses that are asked for, also of those that none ever has.
    pub codes: Vec<&'static str>,
    /// Changed from this moment on.
    pub from: Option<Timestamp>,
    /// Changed before this moment.
    pub until: Option<Timestamp>,
    /// Whether the newest change comes first.
    pub newest_first: bool,
    /// Where the page before ended.
    pub after: Option<(Timestamp, Uuid)>,
    /// How many are told at once.
    pub count: u32,
    /// Whether it has to be told how many there are.
    is_counted: bool,
}

impl Search {
    /// Reads a search. `is_lenient`: what is no parameter here is left out. `has_news`: whether it may ask for news.
    ///
    /// # Errors
    /// What is not understood, without what stands there.
    pub fn read(
        (asked, is_lenient): (&[(String, String)], bool),
        has_news: bool,
        zone: &TimeZone,
    ) -> Result<Self, Line> {
        let mut search = Self {
            wanted: Wanted::News,
            statuses: Vec::new(),
            codes: Vec::new(),
            from: None,
            until: None,
            newest_first: false,
            after: None,
            count: PAGE,
            is_counted: false,
        };
        let mut seen = HashSet::new();
        for (name, value) in asked {
            // What is no parameter of FHIR is not repeated: it may be anything.
            let known = PARAMETERS.iter().find(|known| **known == name.split([':', '.']).next().unwrap_or_default());
            let refuse = |words: &str| {
                let words = known.map_or_else(|| words.to_owned(), |known| format!("{known}: {words}"));
                Line::new(Severity::Error, Issue::NotSupported, words)
            };
            // A time has two ends.
            if name != "_lastUpdated" && !seen.insert(name) {
                return Err(refuse(TWICE));
            }
            match search.parameter(name, value, zone) {
                // Without a modifier something else would be found.
                Err(UNKNOWN | NOTHING_INCLUDED) if is_lenient && !name.contains(':') => {}
                told => told.map_err(refuse)?,
            }
        }
        let is_known = matches!(search.wanted, Wanted::Numbers(_) | Wanted::Ones(_));
        if !is_known && (search.is_counted || search.count == 0) {
            return Err(Line::new(Severity::Error, Issue::NotSupported, NO_TOTAL));
        }
        if search.wanted == Wanted::News && !has_news {
            return Err(Line::new(Severity::Error, Issue::Required, NO_IDENTIFIER));
        }
        Ok(search)
    }

    fn parameter(&mut self, name: &str, value: &str, zone: &TimeZone) -> Result<(), &'static str> {
        match name {
            "identifier" => self.want(numbers(value)?)?,
            // What is no id of ours is the id of nothing.
            "_id" if value.trim().is_empty() => return Err(NO_ID),
            "_id" => {
                let ones = value.split(',').filter_map(|one| Uuid::parse_str(one.trim()).ok());
                self.want(Wanted::Ones(ones.collect()))?;
            }
            "focus" => {
                let of_focus = |one: &str| {
                    let (kind, id) = one.rsplit_once('/')?;
                    let is_kind = kind.ends_with("ServiceRequest") || kind.ends_with("QuestionnaireResponse");
                    Uuid::parse_str(id).ok().filter(|_| is_kind)
                };
                self.want(ids(value, of_focus).ok_or(NO_FOCUS)?)?;
            }
            "status" => {
                let told: Option<Vec<(&'static str, Option<Status>)>> =
                    value.split(',').map(|code| status(code.trim())).collect();
                let told = told.ok_or(NO_STATUS)?;
                self.codes = told.iter().map(|(code, _)| *code).collect();
                self.statuses = told.into_iter().filter_map(|(_, status)| status).collect();
            }
            "_lastUpdated" => self.updated(value, zone).ok_or(NO_DATE)?,
            "_count" => {
                self.count = value.parse::<u32>().map_err(|_| NO_COUNT)?.min(MOST);
            }
            "_after" => self.after = Some(cursor(value).ok_or(NO_PAGE)?),
            "_sort" => {
                self.newest_first = match value {
                    "_lastUpdated" => false,
                    "-_lastUpdated" => true,
                    _ => return Err(NO_SORT),
                }
            }
            // How an answer is written is settled before.
            "_format" | "_pretty" => {}
            "_total" if ["none", "estimate", "accurate"].contains(&value) => self.is_counted = value == "accurate",
            // What is told is little, and told as a whole to who wants less of it.
            "_elements" => {}
            "_summary" if ["true", "false", "text", "data"].contains(&value) => {}
            "_summary" if value == "count" => (self.is_counted, self.count) = (true, 0),
            "_summary" => return Err(NO_SUMMARY),
            _ if name.starts_with("_include") || name.starts_with("_revinclude") => return Err(NOTHING_INCLUDED),
            _ => return Err(UNKNOWN),
        }
        Ok(())
    }

    fn want(&mut self, wanted: Wanted) -> Result<(), &'static str> {
        let many = match &wanted {
            Wanted::Numbers(numbers) => numbers.len(),
            Wanted::Ones(ids) => ids.len(),
            Wanted::Of(_) | Wanted::News => 1,
        };
        if self.wanted != Wanted::News {
            return Err(ONE_WAY);
        }
        if many > MOST as usize {
            return Err(TOO_MANY);
        }
        self.wanted = wanted;
        Ok(())
    }

    fn updated(&mut self, value: &str, zone: &TimeZone) -> Option<()> {
        let at = value.find(|c: char| c.is_ascii_digit())?;
        let (start, end) = span(&value[at..], zone)?;
        let (from, until) = match &value[..at] {
            "ge" => (Some(start), None),
            "gt" | "sa" => (Some(end), None),
            "lt" | "eb" => (None, Some(start)),
            "le" => (None, Some(end)),
            "" | "eq" => (Some(start), Some(end)),
            _ => return None,
        };
        // Of two that say the same end, both hold.
        self.from = self.from.into_iter().chain(from).max();
        self.until = self.until.into_iter().chain(until).min();
        Some(())
    }

    /// Whether a referral is among those that are asked for, as far as its status, its last change and who gave its number say.
    #[must_use]
    pub fn takes(&self, standing: &Standing) -> bool {
        let is_of = |system: &str| standing.numbers.iter().any(|(of, _)| of == system);
        (self.codes.is_empty() || !self.statuses.is_empty())
            && (self.statuses.is_empty() || self.statuses.contains(&standing.status()))
            && self.from.is_none_or(|from| standing.changed_at >= from)
            && self.until.is_none_or(|until| standing.changed_at < until)
            && !matches!(&self.wanted, Wanted::Of(system) if !is_of(system))
    }

    /// The page of what was found by number or id, and where the next one begins.
    #[must_use]
    pub fn page(&self, mut found: Vec<Standing>) -> (Vec<Standing>, Option<(Timestamp, Uuid)>) {
        let place = |one: &Standing| (one.changed_at, one.inquiry_id);
        found.sort_by_key(place);
        if self.newest_first {
            found.reverse();
        }
        let is_beyond = |one: &Standing| {
            self.after.is_none_or(|after| if self.newest_first { place(one) < after } else { place(one) > after })
        };
        found.retain(is_beyond);
        let has_more = found.len() > self.count as usize;
        found.truncate(self.count as usize);
        let next = found.last().map(place).filter(|_| has_more);
        (found, next)
    }

    /// The address of this search, or of its next page. An office's number does not stand in it.
    #[must_use]
    pub fn link(&self, address: &str, after: Option<(Timestamp, Uuid)>) -> String {
        let mut parts = Vec::new();
        match &self.wanted {
            Wanted::Ones(ids) => {
                let ids: Vec<String> = ids.iter().map(Uuid::to_string).collect();
                parts.push(format!("_id={}", ids.join(",")));
            }
            // Who gives numbers is no number.
            Wanted::Of(system) => {
                parts.push(format!("identifier={}%7C", utf8_percent_encode(system, NON_ALPHANUMERIC)));
            }
            Wanted::Numbers(_) | Wanted::News => {}
        }
        if !self.codes.is_empty() {
            parts.push(format!("status={}", self.codes.join(",")));
        }
        parts.extend(self.from.map(|at| format!("_lastUpdated=ge{at:.6}")));
        parts.extend(self.until.map(|at| format!("_lastUpdated=lt{at:.6}")));
        if self.newest_first {
            parts.push("_sort=-_lastUpdated".to_owned());
        }
        if !matches!(self.wanted, Wanted::Numbers(_)) {
            parts.push(format!("_count={}", self.count));
        }
        let after = after.or(self.after);
        parts.extend(after.map(|(at, id)| format!("_after={}.{id}", at.as_microsecond())));
        if parts.is_empty() { address.to_owned() } else { format!("{address}?{}", parts.join("&")) }
    }
}

/// The ids of a list with commas.
fn ids(value: &str, id: impl Fn(&str) -> Option<Uuid>) -> Option<Wanted> {
    let ids: Option<Vec<Uuid>> = value.split(',').map(|one| id(one.trim())).collect();
    ids.map(Wanted::Ones)
}

/// The numbers of a list with commas. A comma, a bar or a backslash that is a part of one has a backslash before it.
fn numbers(value: &str) -> Result<Wanted, &'static str> {
    let numbers: Vec<Number> = parts(value, ',').iter().map(|one| Number::parse(one)).collect();
    match numbers.as_slice() {
        [Number { system: Some(system), value }] if value.is_empty() && !system.is_empty() => {
            Ok(Wanted::Of(system.clone()))
        }
        all if all.iter().any(|one| one.value.is_empty() && one.system.as_ref().is_none_or(String::is_empty)) => {
            Err(NO_IDENTIFIER)
        }
        all if all.iter().any(|one| one.value.is_empty()) => Err(MIXED),
        _ => Ok(Wanted::Numbers(numbers)),
    }
}

/// A code of FHIR R4, and the status of a Task of ours that it means: none of them ever has another.
fn status(told: &str) -> Option<(&'static str, Option<Status>)> {
    let code = match told.split_once('|') {
        Some(("" | "http://hl7.org/fhir/task-status", code)) => code,
        Some(_) => return None,
        None => told,
    };
    let known = TASK_STATUSES.iter().find(|known| **known == code)?;
    Some((known, Status::parse(code)))
}

/// The time that a date or an instant stands for, from its beginning to just after its end.
fn span(text: &str, zone: &TimeZone) -> Option<(Timestamp, Timestamp)> {
    // To the minute, with its zone.
    if text.len() > 16 && text.as_bytes()[13] == b':' && text.is_ascii() && text.as_bytes()[16] != b':' {
        let at = instant(&format!("{}:00{}", &text[..16], &text[16..]))?;
        return Some((at, at.checked_add(SignedDuration::from_mins(1)).ok()?));
    }
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
#[path = "search_tests.rs"]
mod tests;
