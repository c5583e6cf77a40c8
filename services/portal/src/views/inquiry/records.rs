//! The records checklist on the inquiry's page: who was asked for what, what they promised, what comes next, and the letter for an
//! office or a hospital.

use std::collections::HashMap;

use causeway_auth::Action;
use causeway_funnel::records::{LineState, RecordsFrom, WaiveReason};
use causeway_proto::inquiry::v1::{Facts, Source};
use causeway_proto::intake::v1::{Inquiry, RecordLine, Stage};

use super::Looking;
use super::choices::waive_reasons;
use crate::pages::{Fact, LetterLink, LetterPage, RecordAction, RecordRow, StaffFrame, Tone};
use crate::views::times;
use crate::views::worklist::owner;
use crate::words::EN;

/// Answers that say where the office that refers is reached, with their words, in the order of an address.
const OFFICE: [(&str, &str); 4] = [
    ("referring_practice", "Practice"),
    ("referring_doctor", "Doctor"),
    ("referring_fax", "Fax"),
    ("referring_phone", "Phone"),
];

/// Whom a letter can go to: everybody but the person, who gets a message.
pub fn letter_to(word: &str) -> Option<RecordsFrom> {
    word.parse().ok().filter(|of| *of != RecordsFrom::Patient)
}

/// What is waited for from them; nothing where nobody works the inquiry any more.
pub fn asked_of(inquiry: &Inquiry, of: RecordsFrom) -> Vec<&RecordLine> {
    let is_worked = inquiry.stage() != Stage::Closed && inquiry.decline_reason.is_empty();
    inquiry.records.iter().filter(|line| is_worked && is_asked(line, of)).collect()
}

fn is_asked(line: &RecordLine, of: RecordsFrom) -> bool {
    line.state == LineState::Requested.as_str() && line.asked_of.parse() == Ok(of)
}

/// Whether an office sent it, or is known by its name.
fn has_office(facts: &Facts) -> bool {
    !facts.referring_office.is_empty() || matches!(facts.source(), Source::Hl7 | Source::Fhir | Source::Csv)
}

impl Looking<'_> {
    pub(super) fn record(&self, line: &RecordLine, closed: bool) -> RecordRow {
        let state: LineState = line.state.parse().unwrap_or_default();
        let came = self.day(line.received_at).map(|day| format!("came {day}"));
        let by = |word: &str| owner(self.profile, &line.by).map(|name| format!("{word} {name}"));
        let note = match state {
            LineState::Requested => self.asked(line),
            LineState::Received => came.into_iter().collect(),
            LineState::Reviewed => [came, by("reviewed by")].into_iter().flatten().collect(),
            LineState::Waived => {
                let why = line.why.parse::<WaiveReason>().ok().map(|why| why.label("en").to_lowercase());
                [why, by("said")].into_iter().flatten().collect()
            }
            LineState::Needed if line.needed_for_booking => vec!["needed before booking".to_owned()],
            LineState::Needed => Vec::new(),
        };
        let tone = match state {
            LineState::Needed => Tone::Warn,
            LineState::Requested => Tone::Brand,
            LineState::Received | LineState::Reviewed => Tone::Ok,
            LineState::Waived => Tone::Idle,
        };
        let actions = if closed { Vec::new() } else { self.record_actions(line, state) };
        let is_missing = matches!(state, LineState::Needed | LineState::Requested);
        let may_waive = !closed && is_missing && self.may(Action::WaiveRecord);
        let is_promising = !closed && state == LineState::Requested && self.may(Action::WorkInquiry);
        RecordRow {
            key: line.kind.clone(),
            name: line.label.clone(),
            note: sentence(&note.join(", ")),
            state: state.label("en").to_owned(),
            tone,
            reasons: if may_waive { waive_reasons() } else { Vec::new() },
            actions,
            promise: is_promising.then(|| self.promised_on(line)),
        }
    }

    /// Of whom and since when, how often, for which day it was promised, and when the person is asked again by itself.
    fn asked(&self, line: &RecordLine) -> Vec<String> {
        let of = line.asked_of.parse::<RecordsFrom>().unwrap_or_default().label("en").to_lowercase();
        let times = if line.asked_times > 1 { format!(", {} times", line.asked_times) } else { String::new() };
        let since = self.day(line.first_asked_at).or_else(|| self.day(line.asked_at));
        let parts = [
            since.map(|day| format!("{of} asked {day}{times}")),
            self.last_day(line.promised_at).map(|day| format!("promised for {day}")),
            self.day(line.asks_again_at).map(|day| format!("we ask again {day}")),
        ];
        parts.into_iter().flatten().collect()
    }

    fn day(&self, micros: i64) -> Option<String> {
        times::zoned(micros, self.profile.zone()).map(|at| EN.dates.day(at.date()))
    }

    /// The day that ends at an instant.
    fn last_day(&self, micros: i64) -> Option<String> {
        self.day(micros.saturating_sub(1)).filter(|_| micros != 0)
    }

    /// The promised day as a date field has it; empty: none.
    fn promised_on(&self, line: &RecordLine) -> String {
        let ends = times::zoned(line.promised_at.saturating_sub(1), self.profile.zone());
        ends.filter(|_| line.promised_at != 0).map(|at| at.date().to_string()).unwrap_or_default()
    }

    fn record_actions(&self, line: &RecordLine, state: LineState) -> Vec<RecordAction> {
        let act = |action: &str, label: &str| RecordAction { action: action.to_owned(), label: label.to_owned() };
        let mut actions = Vec::new();
        let is_missing = matches!(state, LineState::Needed | LineState::Requested);
        if self.may(Action::WorkInquiry) && is_missing {
            let has: RecordsFrom = line.from.parse().unwrap_or_default();
            let office = self.parts.inquiry.facts.as_ref().is_some_and(has_office);
            let may_have = |of: &RecordsFrom| match of {
                RecordsFrom::Patient => true,
                RecordsFrom::ReferringOffice => has == *of || office,
                RecordsFrom::Hospital => has == *of,
            };
            for of in RecordsFrom::ALL.iter().filter(|of| may_have(of)) {
                let (action, whom) = match of {
                    RecordsFrom::Patient => ("ask_patient", "the patient"),
                    RecordsFrom::ReferringOffice => ("ask_referring_office", "the office"),
                    RecordsFrom::Hospital => ("ask_hospital", "the hospital"),
                };
                let again = if is_asked(line, *of) { " again" } else { "" };
                actions.push(act(action, &format!("Ask {whom}{again}")));
            }
            actions.push(act("received", "It is here"));
        }
        if self.may(Action::ReviewRecords) && state == LineState::Received {
            actions.push(act("review", "Reviewed"));
        }
        if self.may(Action::WaiveRecord) && state == LineState::Waived {
            actions.push(act("needed", "Needed after all"));
        }
        actions
    }

    /// Whether there is more than one document that nobody was asked for.
    pub(super) fn may_ask_for_all(&self) -> bool {
        let needed = |line: &&RecordLine| line.state == LineState::Needed.as_str();
        self.may(Action::WorkInquiry) && self.parts.inquiry.records.iter().filter(needed).count() > 1
    }

    /// Letters to whom something was asked of and who has not sent it.
    pub(super) fn letters(&self) -> Vec<LetterLink> {
        let others = RecordsFrom::ALL.iter().filter(|of| letter_to(of.as_str()).is_some());
        let asked = others.filter(|of| !asked_of(&self.parts.inquiry, **of).is_empty());
        let link = |of: &RecordsFrom| LetterLink {
            to: of.label("en").to_lowercase(),
            url: format!(
                "/inquiries/{}/letter/{of}",
                self.parts.inquiry.facts.as_ref().map_or("", |facts| facts.inquiry_id.as_str())
            ),
        };
        if self.may(Action::ReadPerson) { asked.map(link).collect() } else { Vec::new() }
    }

    /// A letter that asks for all that was asked of an office or a hospital and has not come. It asks for the patient's papers, and
    /// for those of nobody else: where it is not known who that is, there is none.
    pub fn letter(&self, of: RecordsFrom, frame: StaffFrame) -> LetterPage {
        let inquiry = &self.parts.inquiry;
        let facts = inquiry.facts.clone().unwrap_or_default();
        let person = self.parts.person.as_ref().and_then(Option::as_ref).cloned().unwrap_or_default();
        let contact = &self.profile.center.contact;
        let today = self.now.to_zoned_datetime(self.profile.zone().clone()).date();
        let to = if of == RecordsFrom::ReferringOffice { office(&person.answers) } else { Vec::new() };
        LetterPage {
            frame,
            reference: facts.reference.clone(),
            back: format!("/inquiries/{}", facts.inquiry_id),
            center: self.profile.center.name.clone(),
            address: contact.address.clone(),
            phone: contact.phone.clone(),
            fax: Some(contact.fax.clone()).filter(|fax| !fax.is_empty()),
            day: format!("{}, {}", EN.dates.day(today), today.year()),
            to: of.label("en").to_owned(),
            to_lines: to,
            mend_url: self.may(Action::RepairInquiry).then(|| format!("/repairs/{}?kind=inquiry", facts.inquiry_id)),
            patient: person.name,
            birth_date: person.birth_date,
            papers: asked_of(inquiry, of).into_iter().map(|line| line.label.clone()).collect(),
        }
    }
}

/// With a capital letter and a full stop; empty stays empty.
fn sentence(words: &str) -> String {
    let mut letters = words.chars();
    letters.next().map_or_else(String::new, |first| format!("{}{}.", first.to_uppercase(), letters.as_str()))
}

fn office(answers: &HashMap<String, String>) -> Vec<Fact> {
    let told = OFFICE.iter().filter_map(|(key, label)| Some((label, answers.get(*key)?)));
    told.map(|(label, value)| super::fact(label, value)).collect()
}

#[cfg(test)]
#[path = "records_tests.rs"]
mod tests;
