//! Why a step is refused, and what stands against booking in words that both sides understand.
//!
//! Deliberately not here: the status that a caller gets (error.rs).

use causeway_funnel::booking::{BookWhen, BookingRule, RefusalReason, may_book};
use causeway_funnel::words::Words;
use jiff::Timestamp;
use uuid::Uuid;

use super::appointment::{Bookable, State};

/// What stands against booking now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Barrier {
    /// Stable word: `intake_first`, `records_first`, `review_first` or `closed`.
    pub by: &'static str,
    /// Words for staff.
    pub staff: String,
    /// Words for the patient.
    pub patient: String,
}

/// Why a step was not taken. None of them says anything about the person.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// The booking rule, or the state of the inquiry, stands against it.
    #[error("booking rule stands against it: {}", .0.staff)]
    Rule(Barrier),
    /// The inquiry is closed.
    #[error("inquiry is closed, reopen it first")]
    Closed,
    /// The inquiry has a visit ahead.
    #[error("inquiry has appointment {id} at {starts_at}, reschedule or cancel that one")]
    HasAppointment {
        /// The present appointment.
        id: Uuid,
        /// Its start.
        starts_at: Timestamp,
    },
    /// The appointment is not in a state that allows the step.
    #[error("appointment is {state}, only a booked one can be changed")]
    NotBooked {
        /// Its state.
        state: State,
    },
    /// The visit has begun.
    #[error("visit began at {starts_at}, record the attendance instead")]
    Begun {
        /// Its start.
        starts_at: Timestamp,
    },
    /// The visit is still ahead.
    #[error("visit begins at {starts_at}, attendance is recorded after that")]
    NotBegun {
        /// Its start.
        starts_at: Timestamp,
    },
    /// The slot is for another kind of visit than the inquiry's rule asks for.
    #[error("slot is for another kind of visit than the booking rule asks for, take one of the offered slots")]
    OtherVisit,
    /// The slot is full, over, or no longer in the center's calendar.
    #[error("slot is taken, over, or no longer offered")]
    SlotTaken {
        /// The inquiry that wanted it, for which other times can be looked up.
        inquiry_id: Uuid,
    },
    /// The slot lies further ahead than visits are offered.
    #[error("field slot_id: visits are booked {days} days ahead at most, take one of the offered slots")]
    TooFarAhead {
        /// How far ahead visits are offered, days.
        days: u32,
    },
    /// The key booked something else before.
    #[error("idempotency key was used for another booking, make a new one for each wish")]
    KeyReused,
    /// There is no such appointment here.
    #[error("no such appointment in this center")]
    NoSuchAppointment,
}

/// What stands against booking, in the languages of staff and of the patient; nothing if it may be booked. An inquiry
/// of which the intake desk has told nothing yet counts as one whose intake has not begun. What it asks for is not known
/// then, so no rule's words are said of it: they would be another rule's.
#[must_use]
pub fn barrier(bookable: Option<&Bookable>, rule: &BookingRule, (staff, patient): (&str, &str)) -> Option<Barrier> {
    if bookable.is_some_and(|bookable| !bookable.open) {
        return Some(Barrier { by: "closed", staff: closed_words_for_staff(staff), patient: closed_words(patient) });
    }
    let Some(bookable) = bookable else {
        let first = RefusalReason::IntakeIncomplete.label(staff);
        let patient = format!("{} {}", talk_first().get(patient), dates_then().get(patient));
        return Some(Barrier { by: "intake_first", staff: format!("{first}."), patient });
    };
    let refusal = may_book(rule, bookable.readiness).err()?;
    let (by, for_patient) = match refusal.reason {
        RefusalReason::IntakeIncomplete => ("intake_first", intake_words(rule, patient)),
        RefusalReason::RecordsMissing => ("records_first", refusal.patient.get(patient).to_owned()),
        RefusalReason::ReviewPending => ("review_first", refusal.patient.get(patient).to_owned()),
    };
    Some(Barrier { by, staff: refusal.words(staff), patient: for_patient })
}

/// A rule's words tell what comes after the intake; that a date can be chosen now must not stand beside a refusal.
fn intake_words(rule: &BookingRule, language: &str) -> String {
    let then = dates_then();
    let then = match rule.when {
        BookWhen::BookAtOnce => then.get(language),
        BookWhen::WaitForRecords | BookWhen::WaitForReview => rule.patient.get(language),
    };
    format!("{} {then}", talk_first().get(language)).trim_end().to_owned()
}

fn talk_first() -> Words {
    Words::from([
        ("en", "We talk with you first."),
        ("es", "Primero hablamos con usted."),
        ("fr", "Nous parlons d'abord avec vous."),
    ])
}

fn dates_then() -> Words {
    Words::from([
        ("en", "Then we offer dates."),
        ("es", "Después ofrecemos fechas."),
        ("fr", "Ensuite, nous proposons des dates."),
    ])
}

fn closed_words(language: &str) -> String {
    let words = Words::from([
        ("en", "This request is closed. Call us if you would like a visit after all."),
        ("es", "Esta solicitud está cerrada. Llámenos si desea una cita después de todo."),
        ("fr", "Cette demande est fermée. Appelez-nous si vous souhaitez tout de même une visite."),
    ]);
    words.get(language).to_owned()
}

fn closed_words_for_staff(language: &str) -> String {
    let words = Words::from([
        ("en", "The inquiry is closed. Reopen it before you book."),
        ("es", "La solicitud está cerrada. Reábrala antes de dar una cita."),
        ("fr", "La demande est fermée. Rouvrez-la avant de donner une date."),
    ]);
    words.get(language).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::diary::tests::rule;
    use causeway_funnel::booking::Readiness;
    use causeway_funnel::inquiry::Facts;

    fn bookable(intake_complete: bool, records_ready: bool, reviewed: bool) -> Bookable {
        let readiness = Readiness { intake_complete, records_ready, reviewed };
        Bookable { facts: Facts::default(), readiness, open: true, site: None }
    }

    fn by(bookable: Option<&Bookable>, when: BookWhen) -> &'static str {
        barrier(bookable, &rule(when), ("en", "en")).map_or("", |barrier| barrier.by)
    }

    #[test]
    fn each_step_that_is_missing_is_named_in_its_order() {
        assert_eq!(by(None, BookWhen::BookAtOnce), "intake_first");
        assert_eq!(by(Some(&bookable(false, true, true)), BookWhen::BookAtOnce), "intake_first");
        assert_eq!(by(Some(&bookable(true, false, false)), BookWhen::BookAtOnce), "");
        assert_eq!(by(Some(&bookable(true, false, false)), BookWhen::WaitForRecords), "records_first");
        assert_eq!(by(Some(&bookable(true, true, false)), BookWhen::WaitForRecords), "");
        assert_eq!(by(Some(&bookable(true, true, false)), BookWhen::WaitForReview), "review_first");
        assert_eq!(by(Some(&bookable(true, true, true)), BookWhen::WaitForReview), "");
        assert_eq!(by(Some(&Bookable { open: false, ..bookable(true, true, true) }), BookWhen::BookAtOnce), "closed");
    }

    #[test]
    fn staff_and_patient_read_the_rule_each_in_their_language() {
        let found = barrier(Some(&bookable(true, true, false)), &rule(BookWhen::WaitForReview), ("en", "es")).unwrap();
        assert_eq!(found.staff, "Records review first. A reviewer reads first.");
        assert_eq!(found.patient, "Primero lee un médico.");
    }

    #[test]
    fn a_patient_whose_intake_is_open_is_never_told_to_choose_a_date_now() {
        let mut at_once = rule(BookWhen::BookAtOnce);
        at_once.patient = Words::from([("en", "You can choose a date now.")]);
        let early = bookable(false, false, false);
        let patient = |early, rule| barrier(early, rule, ("en", "en")).unwrap().patient;
        assert_eq!(patient(Some(&early), &at_once), "We talk with you first. Then we offer dates.");
        let review = rule(BookWhen::WaitForReview);
        assert_eq!(patient(Some(&early), &review), "We talk with you first. A doctor reads first.");
    }

    #[test]
    fn of_an_inquiry_that_is_not_known_here_yet_no_rule_says_anything() {
        let found = barrier(None, &rule(BookWhen::WaitForReview), ("en", "es")).unwrap();
        assert_eq!(found.staff, "Complete the intake note first.");
        assert_eq!(found.patient, "Primero hablamos con usted. Después ofrecemos fechas.");
    }
}
