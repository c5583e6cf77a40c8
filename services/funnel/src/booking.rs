//! Booking rules: what may be booked at once, what must wait for records or for a reviewer, told in words to both sides.
//!
//! Also the built-in slot templates of a center whose scheduler gives no slots of its own. Deliberately not here: real
//! slots, holds and appointments; scheduling keeps those and the hospital's scheduler decides.

use jiff::civil::{Time, Weekday};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::calendar::Calendar;
use crate::inquiry::{CancerArea, ConsultType};
use crate::next_step::NextStepKind;
use crate::words::{Words, vocabulary};

vocabulary! {
    /// When a visit may be booked.
    BookWhen ("booking rule") {
        #[default]
        BookAtOnce = "book_at_once", "Book at once", "Dar cita de inmediato", "Rendez-vous immédiat";
        WaitForRecords = "wait_for_records", "Wait for records", "Esperar el expediente", "Attendre les documents";
        WaitForReview = "wait_for_review", "Records review first", "Primero revisar el expediente", "Relecture des documents d'abord";
    }
}

vocabulary! {
    /// Why a visit can't be booked yet.
    RefusalReason ("refusal") {
        #[default]
        IntakeIncomplete = "intake_incomplete", "Complete the intake note first", "Complete primero la nota de admisión", "Complétez d'abord la note d'accueil";
        RecordsMissing = "records_missing", "Records first", "Primero el expediente", "Documents d'abord";
        ReviewPending = "review_pending", "Records review first", "Primero la revisión del expediente", "Relecture des documents d'abord";
    }
}

/// Which inquiries an entry is for. An empty list means any.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Fits {
    /// Consult types, or any.
    pub consult_types: Vec<ConsultType>,
    /// Cancer areas, or any.
    pub cancer_areas: Vec<CancerArea>,
}

impl Fits {
    /// Whether an inquiry of this kind is meant.
    #[must_use]
    pub fn matches(&self, consult: ConsultType, area: CancerArea) -> bool {
        (self.consult_types.is_empty() || self.consult_types.contains(&consult))
            && (self.cancer_areas.is_empty() || self.cancer_areas.contains(&area))
    }

    /// Whether every inquiry is meant.
    #[must_use]
    pub const fn is_any(&self) -> bool {
        self.consult_types.is_empty() && self.cancer_areas.is_empty()
    }
}

/// One booking rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BookingRule {
    /// Which inquiries it is for.
    #[serde(default)]
    pub fits: Fits,
    /// When they may be booked.
    pub when: BookWhen,
    /// Words for staff.
    pub staff: Words,
    /// Words for the patient.
    pub patient: Words,
    /// Kind of visit, as slots name it.
    pub visit_kind: String,
    /// Length of the visit.
    pub minutes: u32,
    /// Sites where it can take place.
    pub sites: Vec<String>,
    /// Who sees the patient.
    pub clinician_role: String,
}

/// A recurring slot of the built-in calendar.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SlotTemplate {
    /// Site id.
    pub site: String,
    /// Weekdays in English lower case (`monday`).
    pub weekdays: Vec<Day>,
    /// Starting times by the site's clock.
    pub times: Vec<Time>,
    /// Length.
    pub minutes: u32,
    /// How many patients at once.
    pub capacity: u32,
    /// Kind of visit.
    pub visit_kind: String,
    /// Who sees the patient.
    pub clinician_role: String,
}

vocabulary! {
    /// A day of the week, as profiles write it.
    Day ("weekday") {
        #[default]
        Monday = "monday", "Monday", "lunes", "lundi";
        Tuesday = "tuesday", "Tuesday", "martes", "mardi";
        Wednesday = "wednesday", "Wednesday", "miércoles", "mercredi";
        Thursday = "thursday", "Thursday", "jueves", "jeudi";
        Friday = "friday", "Friday", "viernes", "vendredi";
        Saturday = "saturday", "Saturday", "sábado", "samedi";
        Sunday = "sunday", "Sunday", "domingo", "dimanche";
    }
}

impl From<Day> for Weekday {
    fn from(day: Day) -> Self {
        match day {
            Day::Monday => Self::Monday,
            Day::Tuesday => Self::Tuesday,
            Day::Wednesday => Self::Wednesday,
            Day::Thursday => Self::Thursday,
            Day::Friday => Self::Friday,
            Day::Saturday => Self::Saturday,
            Day::Sunday => Self::Sunday,
        }
    }
}

/// All of booking.toml.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BookingRules {
    /// Rules; the first that fits decides.
    #[serde(rename = "rule", default)]
    pub rules: Vec<BookingRule>,
    /// Built-in slots.
    #[serde(rename = "slots", default)]
    pub slots: Vec<SlotTemplate>,
    /// Dated next steps that may be agreed where no visit applies.
    #[serde(rename = "next_step", default)]
    pub next_steps: Vec<NextStepKind>,
}

impl BookingRules {
    /// The rule for an inquiry. A checked profile ends with a rule for any inquiry, so there is always one.
    #[must_use]
    pub fn rule_for(&self, consult: ConsultType, area: CancerArea) -> Option<&BookingRule> {
        self.rules.iter().find(|rule| rule.fits.matches(consult, area))
    }

    /// A kind of next step by its id.
    #[must_use]
    pub fn next_step(&self, id: &str) -> Option<&NextStepKind> {
        self.next_steps.iter().find(|kind| kind.id == id)
    }

    /// The next steps that may be agreed for an inquiry, in the center's order.
    pub fn next_steps_for(&self, consult: ConsultType, area: CancerArea) -> impl Iterator<Item = &NextStepKind> {
        self.next_steps.iter().filter(move |kind| kind.fits(consult, area))
    }

    /// The slot templates that serve a rule.
    pub fn slots_for<'a>(&'a self, rule: &'a BookingRule) -> impl Iterator<Item = &'a SlotTemplate> {
        self.slots.iter().filter(move |slot| {
            slot.visit_kind == rule.visit_kind
                && slot.clinician_role == rule.clinician_role
                && slot.minutes >= rule.minutes
                && rule.sites.contains(&slot.site)
        })
    }
}

/// How far an inquiry is, as far as booking cares.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Readiness {
    /// The intake note is complete.
    pub intake_complete: bool,
    /// Every document needed for booking is there or waived.
    pub records_ready: bool,
    /// A reviewer has accepted them.
    pub reviewed: bool,
}

/// Why not yet, for staff and for the patient.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// Why, for counting.
    pub reason: RefusalReason,
    /// The rule's words for staff, by language.
    pub staff: Words,
    /// The rule's words for the patient, by language.
    pub patient: Words,
}

impl Refusal {
    /// The reason and the rule's words for staff, in one line.
    #[must_use]
    pub fn words(&self, language: &str) -> String {
        let because = self.staff.get(language);
        if because.is_empty() {
            self.reason.label(language).to_owned()
        } else {
            format!("{}. {because}", self.reason.label(language))
        }
    }
}

/// Whether a visit may be booked now.
///
/// # Errors
/// Tells what is missing, in words.
pub fn may_book(rule: &BookingRule, readiness: Readiness) -> Result<(), Refusal> {
    let refuse = |reason| Err(Refusal { reason, staff: rule.staff.clone(), patient: rule.patient.clone() });
    if !readiness.intake_complete {
        return refuse(RefusalReason::IntakeIncomplete);
    }
    match rule.when {
        BookWhen::WaitForRecords | BookWhen::WaitForReview if !readiness.records_ready => refuse(
            // One who waits for a review should hear of the review, which is what the records are for.
            if rule.when == BookWhen::WaitForReview {
                RefusalReason::ReviewPending
            } else {
                RefusalReason::RecordsMissing
            },
        ),
        BookWhen::WaitForReview if !readiness.reviewed => refuse(RefusalReason::ReviewPending),
        _ => Ok(()),
    }
}

/// One bookable time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Slot {
    /// Site id.
    pub site: String,
    /// Kind of visit.
    pub visit_kind: String,
    /// Who sees the patient.
    pub clinician_role: String,
    /// Start.
    pub start: Timestamp,
    /// End.
    pub end: Timestamp,
    /// How many patients at once.
    pub capacity: u32,
}

/// The slots of a template that start within `[from, to)`. A slot exists only while the site is open for all of it, so a
/// holiday or a closure takes its slots away.
#[must_use]
pub fn slots_between(template: &SlotTemplate, calendar: &Calendar, from: Timestamp, to: Timestamp) -> Vec<Slot> {
    let (zone, length) = (calendar.zone(), SignedDuration::from_mins(i64::from(template.minutes)));
    let mut slots = Vec::new();
    let mut day = zone.to_datetime(from).date();
    while day <= zone.to_datetime(to).date() {
        if template.weekdays.iter().any(|weekday| Weekday::from(*weekday) == day.weekday()) {
            slots.extend(template.times.iter().filter_map(|time| {
                let start = zone.to_ambiguous_timestamp(day.to_datetime(*time)).compatible().ok()?;
                let end = start.checked_add(length).ok()?;
                let open = calendar.business_minutes_between(start, end) == i64::from(template.minutes);
                (open && from <= start && start < to).then(|| slot(template, start, end))
            }));
        }
        let Ok(next) = day.tomorrow() else { break };
        day = next;
    }
    slots.sort_by_key(|slot| slot.start);
    slots
}

fn slot(template: &SlotTemplate, start: Timestamp, end: Timestamp) -> Slot {
    Slot {
        site: template.site.clone(),
        visit_kind: template.visit_kind.clone(),
        clinician_role: template.clinician_role.clone(),
        start,
        end,
        capacity: template.capacity,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::calendar::Interval;
    use crate::holiday::Holiday;

    fn rule(when: BookWhen) -> BookingRule {
        BookingRule {
            fits: Fits::default(),
            when,
            staff: Words::from([("en", "A reviewer reads the pathology report before the visit.")]),
            patient: Words::default(),
            visit_kind: "visit".into(),
            minutes: 60,
            sites: vec!["main".into()],
            clinician_role: "oncologist".into(),
        }
    }

    #[test]
    fn a_second_opinion_is_refused_until_the_records_are_reviewed() {
        let mut readiness = Readiness { intake_complete: true, ..Readiness::default() };
        let refusal = may_book(&rule(BookWhen::WaitForReview), readiness).unwrap_err();
        assert_eq!(
            refusal.words("en"),
            "Records review first. A reviewer reads the pathology report before the visit."
        );
        readiness.records_ready = true;
        assert_eq!(
            may_book(&rule(BookWhen::WaitForReview), readiness).unwrap_err().reason,
            RefusalReason::ReviewPending
        );
        assert_eq!(may_book(&rule(BookWhen::WaitForRecords), readiness), Ok(()));
        readiness.reviewed = true;
        assert_eq!(may_book(&rule(BookWhen::WaitForReview), readiness), Ok(()));
    }

    #[test]
    fn nothing_is_booked_before_the_intake_note_is_complete() {
        let refusal = may_book(&rule(BookWhen::BookAtOnce), Readiness::default()).unwrap_err();
        assert_eq!(refusal.reason, RefusalReason::IntakeIncomplete);
    }

    #[test]
    fn slots_keep_their_wall_clock_and_vanish_on_a_holiday_and_in_the_lunch_break() {
        let hours = |text| Interval::parse(text).unwrap();
        let calendar = Calendar::new("America/New_York")
            .unwrap()
            .with_hours(Weekday::Thursday, hours("08:00-12:00"))
            .with_hours(Weekday::Thursday, hours("13:00-17:00"))
            .with_holiday(Holiday::Thanksgiving);
        let template = SlotTemplate {
            site: "main".into(),
            weekdays: vec![Day::Thursday],
            minutes: 60,
            capacity: 1,
            visit_kind: "visit".into(),
            times: vec!["09:00".parse().unwrap(), "11:30".parse().unwrap()],
            clinician_role: "oncologist".into(),
        };
        let starts: Vec<String> = slots_between(
            &template,
            &calendar,
            "2026-10-29T00:00:00Z".parse().unwrap(),
            "2026-12-04T00:00:00Z".parse().unwrap(),
        )
        .iter()
        .map(|slot| slot.start.to_string())
        .collect();
        assert_eq!(
            starts,
            [
                "2026-10-29T13:00:00Z",
                "2026-11-05T14:00:00Z",
                "2026-11-12T14:00:00Z",
                "2026-11-19T14:00:00Z",
                "2026-12-03T14:00:00Z"
            ]
        );
    }
}
