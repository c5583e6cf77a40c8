//! Answers of a form of the center that were given on a partner's own site: the same checks as for the form itself.
//!
//! Deliberately not here: those checks (domain), and how the answers are read (adapters).

use causeway_funnel::inquiry::Source;

use super::given::form_key;
use super::read::Read;
use super::sender::Sender;
use super::told::Told;
use super::{Door, line_of};
use crate::adapters::fhir::fault::{Issue, Severity};
use crate::adapters::fhir::form::Form;
use crate::adapters::fhir::intake::Topic;
use crate::adapters::fhir::outcome::{Line, lines};
use crate::adapters::fhir::places::Places;
use crate::domain::referral;
use crate::domain::submission::Submission;
use crate::error::Refusal;
use crate::handlers::keep;
use crate::writer::heard::ACCEPTED;

impl Read {
    /// Answers of a form of the center, with the same checks as for the form itself.
    pub async fn form(&self, door: &Door, told: &Form) -> Result<Told, Refusal> {
        let of_form = unknown_form(&self.sender, told);
        if of_form.as_ref().is_some_and(|line| line.severity == Severity::Error) {
            return self.refuse(door, of_form.into_iter().collect(), 422).await;
        }
        let said = lines(&self.intake.faults).into_iter().chain(of_form).collect();
        if told.is_complete {
            return self.write(door, self.answers(told), said).await;
        }
        let fate = keep::Fate { state: ACCEPTED, reason: "in_progress", inquiry_id: None, early: None };
        Ok(match keep::message(&door.database, self.sender.center(), self.heard(door)?, fate).await? {
            keep::Kept::ControlIdReused => Told::number_reused(),
            keep::Kept::New | keep::Kept::Before(_) => Told::in_progress(said),
        })
    }

    fn answers(&self, told: &Form) -> Submission {
        Submission {
            center: self.sender.center().to_owned(),
            form_id: told.form_id.clone(),
            language: told.language.clone(),
            source: Source::Fhir,
            urgency: Default::default(),
            attribution: Default::default(),
            referring_office: Some(self.sender.feed.id.clone()),
            idempotency_key: told.numbers.own.as_ref().map(|number| form_key(&self.sender.feed.id, number)),
            answers: self.told_by_form(told),
            strict: false,
            missed_call: false,
        }
    }

    /// The answers: as they were typed where the form asks for them, and in words, with the question's, where people alone read them.
    fn told_by_form(&self, told: &Form) -> referral::Told {
        let form = self.sender.profile().form(&told.form_id);
        let is_read = |key: &str| {
            key.starts_with("consent_") || form.is_some_and(|form| form.fields().any(|(_, field)| field.key == key))
        };
        let said = |(key, typed): (&String, &String)| {
            let said = told.in_words.get(key).filter(|_| !is_read(key)).unwrap_or(typed);
            (key.clone(), said.clone())
        };
        told.answers.iter().map(said).collect()
    }

    /// What would be said of the answers of a form, if they were given in.
    pub fn form_faults(&self, door: &Door, told: &Form) -> Vec<Line> {
        let of_form = unknown_form(&self.sender, told);
        if of_form.as_ref().is_some_and(|line| line.severity == Severity::Error) {
            return of_form.into_iter().collect();
        }
        let (severity, faults) = match door.acceptance.faults(self.sender.profile(), &self.answers(told)) {
            Ok(faults) => (Severity::Warning, faults),
            Err(Refusal::Faults(faults)) => (Severity::Error, faults),
            Err(other) => return vec![line_of(&other)],
        };
        let faults =
            faults.iter().map(|fault| self.field((&fault.field, fault.code.as_str(), &fault.message), severity));
        of_form.into_iter().chain(faults).collect()
    }

    /// What is to be mended in an answer: its key, the code of its fault and the form's words.
    pub fn field(&self, fault: (&str, &str, &str), severity: Severity) -> Line {
        let unplaced = Places::default();
        let places = match &self.intake.topic {
            Topic::Referral(told) => &told.places,
            Topic::Form(told) => &told.places,
            Topic::Withdrawal(_) | Topic::Refused => &unplaced,
        };
        places.line(fault, severity)
    }
}

/// What is to be said of the form itself: that the center has none of that name, or that it has another version by now.
fn unknown_form(sender: &Sender, told: &Form) -> Option<Line> {
    const UNKNOWN: &str = "The center has no form of this name: questionnaire has to end in the id of one of its forms";
    const OTHER_VERSION: &str = "The center has another version of this form by now; the answers are taken as they are";
    let line = |severity, issue, words: &str| {
        Some(Line::new(severity, issue, words).at(format!("{}.questionnaire", told.places.request)))
    };
    match sender.profile().form(&told.form_id) {
        None => line(Severity::Error, Issue::NotFound, UNKNOWN),
        Some(form) if told.version.as_ref().is_some_and(|version| *version != form.version.to_string()) => {
            line(Severity::Warning, Issue::BusinessRule, OTHER_VERSION)
        }
        Some(_) => None,
    }
}
