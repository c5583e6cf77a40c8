//! Messages: the header, and what its event makes of a referral (FHIR R4 section 2.4).
//!
//! Events are those of HL7 v2, because an office that sends messages thinks in them. Deliberately not here: the answer
//! (response).

use super::element::Element;
use super::fault::{Class, Issue};
use super::referral::{Referral, Verb};
use super::shape;

/// Header of a message (FHIR R4 section 2.4).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// Its id, which the answer names.
    pub id: String,
    /// Its event, as far as it can be one.
    pub event: String,
}

const NO_EVENT: &str = "The message does not tell its event: send eventCoding with I12, I13, I14 or I15";
const OTHER_EVENT: &str = "Referrals are taken with the events I12, I13, I14 and I15 of HL7 v2";
const ANSWER: &str =
    "This is the answer to a message, and none was sent from here: send a message of your own, without response";
const NO_ID: &str =
    "The message has no id by which the answer could name it: send one of letters, digits, points and hyphens";
const NO_SOURCE: &str = "The message does not tell where it comes from: send source with its endpoint";
const EVENTS: [(&str, &str); 4] =
    [("I12", "message I12"), ("I13", "message I13"), ("I14", "message I14"), ("I15", "message I15")];

/// The event says what a message does; what the referral itself says of its end goes before it.
#[must_use]
pub fn by_event(told: Referral, event: &str) -> Referral {
    let verb = match (told.verb, event) {
        (_, "I15") => Verb::Status,
        (_, "I14") => Verb::About("referral_cancelled"),
        (Verb::New, "I13") => Verb::About("referral_modified"),
        (verb, _) => verb,
    };
    Referral { verb, ..told }
}

/// What kind of message it is, and its header where that can be read.
#[must_use]
pub fn header(first: &Element<'_>) -> (&'static str, Option<Header>) {
    let told = first.child("eventCoding").and_then(|event| event.text("code")).unwrap_or_default();
    let known = EVENTS.iter().find(|(event, _)| *event == told);
    match known {
        Some(_) => {}
        None if first.has_any(&["eventCoding", "eventUri"]) => {
            first.error("event", Issue::NotSupported, Class::Rule, OTHER_EVENT);
        }
        None => first.missing("event", Class::Malformed, NO_EVENT),
    }
    if first.has("response") {
        first.error("response", Issue::BusinessRule, Class::Rule, ANSWER);
    }
    if first.child("source").is_none_or(|source| !source.has("endpoint")) {
        first.warn("source", Issue::Required, NO_SOURCE);
    }
    let id = first.text("id").filter(|id| shape::is_id(id));
    if id.is_none() {
        first.missing("id", Class::Rule, NO_ID);
    }
    let kind = known.map_or("message", |(_, kind)| kind);
    // An answer names the event that it is one to, also where that is none of ours.
    let is_event = matches!(told.as_bytes(), [letter, digits @ ..] if letter.is_ascii_uppercase()
        && digits.len() == 2 && digits.iter().all(u8::is_ascii_digit));
    let event = if is_event { told } else { "I12" }.to_owned();
    (kind, id.map(|id| Header { id: id.to_owned(), event }))
}
