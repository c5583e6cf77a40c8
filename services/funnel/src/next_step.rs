//! Dated next steps that count as conversion where no appointment applies: a screening call, a day on which records are reviewed.
//!
//! Which ones there are is data of the center (booking.toml); that one is agreed, and what became of it, is the desk's. Deliberately
//! not here: visits, and at which times a step may lie.

use serde::{Deserialize, Serialize};

use crate::booking::Fits;
use crate::inquiry::{CancerArea, ConsultType};
use crate::words::{Words, vocabulary};

vocabulary! {
    /// How an agreed next step ended.
    StepEnd ("end of a next step") {
        #[default]
        Done = "done", "It took place", "Se realizó", "Elle a eu lieu";
        Missed = "missed", "The person could not be reached", "No se logró el contacto", "La personne n'a pas été jointe";
        CalledOffByPerson = "called_off_by_person", "Called off by the person", "Cancelado por la persona", "Annulée par la personne";
        CalledOffByCenter = "called_off_by_center", "Called off by us", "Cancelado por nosotros", "Annulée par nous";
        Superseded = "superseded", "A visit was booked instead", "Se dio una cita en su lugar", "Un rendez-vous a été pris à la place";
        Closed = "closed", "The inquiry was closed", "La solicitud se cerró", "La demande a été close";
    }
}

impl StepEnd {
    /// Whether somebody of the staff can say so; the others follow from something else.
    #[must_use]
    pub const fn is_said(self) -> bool {
        !matches!(self, Self::Superseded | Self::Closed)
    }
}

/// One of the steps that are to be expected, such as "a nurse calls you".
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExpectedStep {
    /// What happens, for the patient.
    pub words: Words,
    /// How many days it usually takes.
    pub days: u32,
}

/// A kind of dated next step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NextStepKind {
    /// Name in events and figures, such as `screening_call`.
    pub id: String,
    /// Which inquiries it is for.
    #[serde(default)]
    pub fits: Fits,
    /// Words for staff.
    pub label: Words,
    /// Words for the patient, with their article: "a call with our research nurse".
    pub patient: Words,
    /// How long it takes.
    pub minutes: u32,
    /// The person is called. Otherwise it is something that we do without them.
    #[serde(default)]
    pub call: bool,
    /// What is to be expected, in order.
    #[serde(default)]
    pub steps: Vec<ExpectedStep>,
}

impl NextStepKind {
    /// Whether it may be agreed for an inquiry of this kind.
    #[must_use]
    pub fn fits(&self, consult: ConsultType, area: CancerArea) -> bool {
        self.fits.matches(consult, area)
    }

    /// How many days all that is to be expected usually takes.
    #[must_use]
    pub fn days(&self) -> u32 {
        self.steps.iter().map(|step| step.days).sum()
    }
}

/// Whether a name can stand in events, addresses and figures: small letters, digits and underscores.
#[must_use]
pub fn is_id(text: &str) -> bool {
    (2..=31).contains(&text.len())
        && text.starts_with(|first: char| first.is_ascii_lowercase())
        && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_days_of_all_that_is_expected_add_up() {
        let step = |days| ExpectedStep { words: Words::from([("en", "We read your records")]), days };
        let kind = NextStepKind {
            id: "screening_call".into(),
            fits: Fits { consult_types: vec![ConsultType::ClinicalTrial], ..Fits::default() },
            label: Words::default(),
            patient: Words::default(),
            minutes: 30,
            call: true,
            steps: vec![step(3), step(7)],
        };
        assert_eq!(kind.days(), 10);
        assert!(kind.fits(ConsultType::ClinicalTrial, CancerArea::NotSure));
        assert!(!kind.fits(ConsultType::NewConsult, CancerArea::NotSure));
    }

    #[test]
    fn a_name_is_small_letters_digits_and_underscores() {
        assert!(is_id("screening_call") && is_id("review2"));
        assert!(!is_id("Screening") && !is_id("2nd") && !is_id("screening-call") && !is_id("x"));
    }

    #[test]
    fn what_follows_from_something_else_is_said_by_nobody() {
        let said: Vec<&str> = StepEnd::ALL.iter().filter(|end| end.is_said()).map(|end| end.as_str()).collect();
        assert_eq!(said, ["done", "missed", "called_off_by_person", "called_off_by_center"]);
    }
}
