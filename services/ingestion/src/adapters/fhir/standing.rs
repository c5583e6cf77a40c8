//! How a Task words where a referral stands: a code of BSeR where one fits, words of ours beside it, and the reason of an end.
//!
//! The office hears what it needs to act, and no more of the patient than that: why somebody asked not to be called again,
//! or that somebody has died, is told by a person. Deliberately not here: the Task around it (task).

use causeway_funnel::stage::{CloseReason, Stage};
use serde_json::{Value, json};

use super::task::Standing;
use crate::domain::journey::{Journey, Status, Visit};

/// Business status of a referral (HL7 Bidirectional Services eReferral, code system TaskBusinessStatusCS).
const BSER: &str = "http://hl7.org/fhir/us/bser/CodeSystem/TaskBusinessStatusCS";

type Code = (&'static str, &'static str);

const CREATED: Code = ("2.0", "Service Request Created");
const ACCEPTED: Code = ("3.0", "Service Request Accepted");
const DECLINED: Code = ("4.0", "Service Request Declined");
const SCHEDULED: Code = ("5.1.1", "Service Request Event Scheduled");
const UNATTENDED: Code = ("5.1.2", "Scheduled Service Request Event Unattended");
const VISIT_OFF: Code = ("5.1.3", "Scheduled Service Request Event Cancelled");
const VISITED: Code = ("5.1.4", "Service Request Event Completed");
const OFF_ASKED: Code = ("5.2", "Service Request Cancellation Requested");
const OFF: Code = ("6.0", "Service Request Fulfillment Cancelled");
const DONE: Code = ("7.0", "Service Request Fulfillment Completed");

/// What a Task says of where its referral stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    code: Option<Code>,
    words: String,
    /// Why, where FHIR wants it said.
    pub reason: Option<&'static str>,
}

impl Told {
    fn of(code: Option<Code>, words: impl Into<String>) -> Self {
        Self { code, words: words.into(), reason: None }
    }

    /// `Task.businessStatus`
    #[must_use]
    pub fn business_status(&self) -> Value {
        let mut status = json!({ "text": self.words });
        if let Some((code, display)) = self.code {
            status["coding"] = json!([{ "system": BSER, "code": code, "display": display }]);
        }
        status
    }
}

/// Where a referral stands, in words.
#[must_use]
pub fn told(standing: &Standing) -> Told {
    const WITHDRAWN: &str = "The office has withdrawn the referral";
    let (journey, status) = (&standing.journey, standing.status());
    if status.is_end() {
        let mut told = ended(status, journey.reason);
        if standing.is_cancelled && journey.reason.is_none() && status == Status::Cancelled {
            (told.words, told.reason) = ("Withdrawn".to_owned(), Some(WITHDRAWN));
        }
        if journey.is_taken_up_again() {
            told.words = format!("Ended, and taken up again at the center: {}", lower(underway(journey).words));
        }
        return told;
    }
    let came = status == Status::Received;
    let mut told = match standing {
        Standing { is_withdrawn: true, .. } => Told::of(Some(OFF_ASKED), "Withdrawal received; a person acts on it"),
        Standing { is_changed: true, .. } if came => Told::of(Some(CREATED), "Received; a change waits for a person"),
        Standing { is_changed: true, .. } => {
            let told = underway(journey);
            Told { words: format!("{}; a change waits for a person", told.words), ..told }
        }
        Standing { is_mended: true, .. } if came => {
            Told::of(Some(CREATED), "Received; a person mends what could not be read")
        }
        _ => underway(journey),
    };
    let asked: Vec<&str> = standing.asks().iter().map(|document| document.label.as_str()).collect();
    if !asked.is_empty() {
        told.words = format!("{}; documents are asked of you: {}", told.words, asked.join("; "));
    }
    told
}

fn underway(journey: &Journey) -> Told {
    match (journey.stage, journey.visit) {
        (_, Visit::Booked) => Told::of(Some(SCHEDULED), "Appointment booked"),
        (_, Visit::Attended) => Told::of(Some(VISITED), "The visit took place"),
        (Stage::Scheduled, _) => Told::of(Some(ACCEPTED), "A next step with a date is agreed"),
        (_, Visit::Missed) => {
            Told::of(Some(UNATTENDED), "The visit did not take place; the center offers another date")
        }
        (_, Visit::Cancelled) => {
            Told::of(Some(VISIT_OFF), "The appointment was called off; another date is looked for")
        }
        (Stage::IntakeComplete, _) => {
            Told::of(Some(ACCEPTED), "In progress; the center gathers and reviews the records")
        }
        (Stage::RecordsReady, _) => {
            Told::of(Some(ACCEPTED), "In progress; the records are ready and a date is looked for")
        }
        (Stage::Contacted, _) => Told::of(Some(ACCEPTED), "Accepted; the center has reached the patient"),
        (Stage::Routed, _) if journey.status == Status::Received => {
            Told::of(Some(CREATED), "Received; its team calls the patient")
        }
        (Stage::Received, _) if journey.status == Status::Received => {
            Told::of(Some(CREATED), "Received; the center calls the patient")
        }
        (Stage::Received | Stage::Routed | Stage::Attended | Stage::Closed, _) => {
            Told::of(Some(ACCEPTED), "The center works on it")
        }
    }
}

fn ended(status: Status, reason: Option<CloseReason>) -> Told {
    let told = match status {
        Status::Completed => return Told::of(Some(DONE), "The visit took place"),
        Status::Rejected => Told::of(Some(DECLINED), "Declined"),
        // What the center had taken on and a reviewer declined: the status may not go back to rejected, and the words say it.
        Status::Cancelled if reason == Some(CloseReason::OutOfScopeReferred) => Told::of(Some(DECLINED), "Declined"),
        Status::Failed => Told::of(Some(OFF), "Ended without a visit"),
        _ => Told::of(Some(OFF), "Called off"),
    };
    Told { reason: Some(reason.map_or(ASK, why)), ..told }
}

const ASK: &str = "Please call the center for the reason";

/// Why a referral ended, as the office that sent it may know it.
#[must_use]
pub const fn why(reason: CloseReason) -> &'static str {
    match reason {
        CloseReason::ChoseAnotherCenter => "The patient chose another center",
        CloseReason::NotReady => "The patient is not ready now",
        CloseReason::Unreachable => "The patient could not be reached after all tries",
        CloseReason::OutOfScopeReferred => "This center does not take it on; the patient was told where to go",
        CloseReason::Insurance => "The insurance does not cover a visit at this center",
        CloseReason::NoSuitableDate => "No date fitted",
        CloseReason::Duplicate => "The same referral stands already under another number",
        CloseReason::DistanceOrTravel => "The way is too far for the patient",
        CloseReason::CareElsewhereStarted => "Care has started elsewhere",
        CloseReason::HandedToSister => {
            "A sister center has it and calls the patient; please ask this center for its number there"
        }
        CloseReason::NotAnInquiry => "It asks for nothing that this center does",
        CloseReason::Deceased | CloseReason::AskedToStop | CloseReason::OtherReason => ASK,
    }
}

fn lower(words: String) -> String {
    let mut letters = words.chars();
    letters.next().map_or_else(String::new, |first| first.to_lowercase().collect::<String>() + letters.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::wanted::Asked;
    use jiff::Timestamp;
    use uuid::Uuid;

    fn standing(journey: Journey) -> Standing {
        Standing {
            inquiry_id: Uuid::from_u128(7),
            reference: "HV-7K4M-2QX".into(),
            is_form: false,
            received_at: Timestamp::UNIX_EPOCH,
            changed_at: Timestamp::UNIX_EPOCH,
            version: 1,
            is_mended: false,
            is_withdrawn: false,
            is_changed: false,
            is_cancelled: false,
            numbers: Vec::new(),
            asked: Vec::new(),
            journey,
        }
    }

    fn code(told: &Told) -> &'static str {
        told.code.map_or("", |code| code.0)
    }

    #[test]
    fn every_end_but_a_visit_says_why_and_keeps_to_itself_what_a_person_tells() {
        for reason in CloseReason::ALL {
            for status in [Status::Rejected, Status::Cancelled, Status::Failed] {
                let journey = Journey { stage: Stage::Closed, status, reason: Some(*reason), ..Journey::default() };
                let why = told(&standing(journey)).reason.expect("a reason");
                assert!(why.len() > 10 && !why.contains("died") && !why.contains("stop"), "{why}");
            }
        }
        let seen = Journey { stage: Stage::Attended, status: Status::Completed, ..Journey::default() };
        let seen = told(&standing(seen));
        assert_eq!((code(&seen), seen.reason), ("7.0", None));
    }

    #[test]
    fn what_a_reviewer_declined_late_is_told_as_declined_and_not_as_called_off() {
        let with = |status, reason| {
            told(&standing(Journey { stage: Stage::Closed, status, reason: Some(reason), ..Journey::default() }))
        };
        for status in [Status::Rejected, Status::Cancelled] {
            let declined = with(status, CloseReason::OutOfScopeReferred);
            assert_eq!((code(&declined), declined.words.as_str()), ("4.0", "Declined"));
            assert_eq!(declined.reason, Some("This center does not take it on; the patient was told where to go"));
        }
        assert_eq!(with(Status::Cancelled, CloseReason::Insurance).words, "Called off");
    }

    #[test]
    fn a_visit_is_told_from_its_booking_to_its_end() {
        let with =
            |stage, visit| told(&standing(Journey { stage, visit, status: Status::InProgress, ..Journey::default() }));
        assert_eq!(code(&with(Stage::Scheduled, Visit::Booked)), "5.1.1");
        assert_eq!(code(&with(Stage::RecordsReady, Visit::Missed)), "5.1.2");
        assert_eq!(code(&with(Stage::RecordsReady, Visit::Cancelled)), "5.1.3");
        assert_eq!(code(&with(Stage::Scheduled, Visit::None)), "3.0", "a dated next step is no visit");
    }

    #[test]
    fn what_waits_at_the_door_is_told_beside_where_it_stands() {
        let underway = Journey { stage: Stage::Contacted, status: Status::Accepted, ..Journey::default() };
        let changed = told(&Standing { is_changed: true, ..standing(underway.clone()) });
        assert_eq!(changed.words, "Accepted; the center has reached the patient; a change waits for a person");
        let asked = told(&Standing { is_withdrawn: true, ..standing(underway.clone()) });
        assert_eq!((code(&asked), asked.words.as_str()), ("5.2", "Withdrawal received; a person acts on it"));
        let asked = vec![Asked { label: "Notes".into(), codes: Vec::new() }];
        let both = told(&Standing { is_changed: true, asked, ..standing(underway.clone()) });
        assert!(
            both.words.ends_with("; a change waits for a person; documents are asked of you: Notes"),
            "{}",
            both.words
        );
        let off = Standing { is_cancelled: true, ..standing(underway.clone()) };
        assert_eq!((off.status(), told(&off).words.as_str()), (Status::Cancelled, "Withdrawn"));
        let seen = Journey { status: Status::Completed, ..underway.clone() };
        assert_eq!(Standing { is_cancelled: true, ..standing(seen) }.status(), Status::Completed, "an end is an end");
        let ended = Journey { status: Status::Failed, reason: Some(CloseReason::Unreachable), ..underway };
        assert_eq!(told(&standing(ended.clone())).words, "Ended without a visit", "no close was heard");
        let again = Journey { closed_version: 1, ..ended };
        assert_eq!(
            told(&standing(again)).words,
            "Ended, and taken up again at the center: accepted; the center has reached the patient"
        );
    }
}
