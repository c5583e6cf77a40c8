//! What a sender is told: the fate of a request, in the shape that the request came in.
//!
//! The status of HTTP says the same as the body, because many systems read nothing else: a refused message is no 200.
//! Deliberately not here: what becomes of a request (given).

use axum::response::Response;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use uuid::Uuid;

use super::answer;
use super::format::{self, Wish};
use crate::adapters::fhir::fault::{Issue, Severity};
use crate::adapters::fhir::intake::{FORM, Letter, Shape};
use crate::adapters::fhir::outcome::{self, Line};
use crate::adapters::fhir::response::{self, Word};
use crate::adapters::fhir::task::Standing;

/// A message about a referral that nobody knows.
pub const UNKNOWN_REFERRAL: &str = "unknown_referral";

/// What became of a request that is about an inquiry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// It is new.
    New,
    /// The same stands already.
    Repeated,
    /// It stands already with other content, which waits for a person.
    Changed,
    /// It waits for a person.
    Parked,
    /// It was a question.
    Asked,
}

/// What a sender is told.
pub struct Told {
    status: StatusCode,
    word: Word,
    standing: Option<Standing>,
    is_new: bool,
    said: Vec<Line>,
}

const CHANGED: &str =
    "This referral stands already with other content. What was sent now is kept and waits for a person";
const PARKED: &str = "What was sent is kept and waits for a person; until then the referral stands as it was";
const WAITING: &str = "No referral is known under this number yet. What was sent is kept and waits for a person";
const IN_PROGRESS: &str = "The answers are kept; they lead to a call once they are sent as completed";
const REUSED: &str =
    "This number was used for another request: send it under a new one. What was sent waits for a person";

impl Told {
    /// Something of an inquiry, and where in the request it stands.
    pub fn standing((standing, place): (Standing, &str), fate: Fate, mut said: Vec<Line>) -> Self {
        let words = match fate {
            Fate::Changed => Some(CHANGED),
            Fate::Parked => Some(PARKED),
            Fate::New | Fate::Repeated | Fate::Asked => None,
        };
        let warning = |words: &str| {
            Line::new(Severity::Warning, Issue::Conflict, format!("{words} (inquiry {})", standing.inquiry_id))
        };
        said.extend(words.map(|words| warning(words).at(place)));
        let kept = format!(
            "Kept under our number {}; Task/{} tells what becomes of it",
            standing.reference, standing.inquiry_id
        );
        said.insert(0, Line::new(Severity::Information, Issue::Informational, kept));
        let is_new = fate == Fate::New;
        let status = if is_new { StatusCode::CREATED } else { StatusCode::OK };
        Self { status, word: Word::Ok, standing: Some(standing), is_new, said }
    }

    /// Kept, and about no inquiry yet.
    pub fn waiting(said: Vec<Line>) -> Self {
        Self::kept(Line::new(Severity::Warning, Issue::NotFound, WAITING), said)
    }

    /// The answers of a form that is not finished.
    pub fn in_progress(said: Vec<Line>) -> Self {
        Self::kept(Line::new(Severity::Information, Issue::Informational, IN_PROGRESS), said)
    }

    fn kept(line: Line, mut said: Vec<Line>) -> Self {
        said.insert(0, line);
        Self { status: StatusCode::ACCEPTED, word: Word::Ok, standing: None, is_new: false, said }
    }

    /// Its number belongs to another request.
    pub fn number_reused() -> Self {
        Self::refused(
            StatusCode::CONFLICT,
            vec![Line::new(Severity::Error, Issue::Duplicate, REUSED).at("Bundle.identifier")],
        )
    }

    /// The sender has to mend it.
    pub fn refused(status: StatusCode, said: Vec<Line>) -> Self {
        Self { status, word: Word::Fatal, standing: None, is_new: false, said }
    }

    /// It is not kept, and the same may be sent again.
    pub fn unavailable(status: StatusCode, line: Line) -> Self {
        Self { status, word: Word::Transient, standing: None, is_new: false, said: vec![line] }
    }

    /// A word for counting.
    pub fn outcome(&self) -> &'static str {
        match self.word {
            Word::Ok => "accepted",
            Word::Fatal => "error",
            Word::Transient => "unavailable",
        }
    }
}

/// The answer to a request.
pub fn response(
    letter: &Letter,
    told: &Told,
    (endpoint, headers): (&str, &HeaderMap),
    signed: (Uuid, Timestamp),
) -> Response {
    let is_taken = told.word == Word::Ok;
    match letter.shape {
        Shape::Message => {
            let Some(header) = &letter.header else { return answer(told.status, &outcome::of(&told.said)) };
            let task = told.standing.as_ref().map(|standing| standing.task());
            let status = if is_taken { StatusCode::OK } else { told.status };
            answer(status, &response::message(header, endpoint, told.word, signed, &told.said, task))
        }
        Shape::Transaction if is_taken => {
            let body = match &told.standing {
                Some(standing) => response::transaction(&letter.entries, standing, told.is_new, &told.said),
                None if letter.kind == FORM => response::transaction_kept(&letter.entries, FORM, &told.said),
                None => response::transaction_kept(&letter.entries, "ServiceRequest", &told.said),
            };
            answer(StatusCode::OK, &body)
        }
        Shape::Single if is_taken => single(told, (endpoint, headers)),
        Shape::Transaction | Shape::Single => answer(told.status, &outcome::of(&told.said)),
    }
}

/// One resource: where it stands now, and what the sender prefers to see of it (FHIR R4 section 3.1.0.1.9).
fn single(told: &Told, (endpoint, headers): (&str, &HeaderMap)) -> Response {
    let Some(standing) = &told.standing else { return answer(told.status, &outcome::of(&told.said)) };
    let mut response = match format::wish(headers) {
        Some(Wish::Minimal) => format::empty(told.status),
        Some(Wish::Representation) if !standing.is_form => answer(told.status, &standing.request()),
        _ => answer(told.status, &outcome::of(&told.said)),
    };
    let place = format!("{endpoint}/{}/_history/{}", standing.focus(), standing.version);
    if let Ok(place) = HeaderValue::try_from(place) {
        response.headers_mut().insert(header::LOCATION, place);
    }
    versioned(response, standing)
}

/// A resource with its version.
pub fn versioned(mut response: Response, standing: &Standing) -> Response {
    let changed =
        standing.changed_at.to_zoned_datetime(TimeZone::UTC).strftime("%a, %d %b %Y %H:%M:%S GMT").to_string();
    for (name, value) in [(header::ETAG, standing.etag()), (header::LAST_MODIFIED, changed)] {
        if let Ok(value) = HeaderValue::try_from(value) {
            response.headers_mut().insert(name, value);
        }
    }
    response
}
