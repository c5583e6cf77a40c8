//! An appointment and what may become of it: booked, then moved any number of times, then cancelled, attended or missed.
//!
//! A step that was taken before is answered like the first time, so that a caller who heard nothing may ask again.

use std::fmt;
use std::str::FromStr;

use causeway_funnel::booking::{BookingRule, Readiness, Slot};
use causeway_funnel::inquiry::Facts;
use jiff::Timestamp;
use uuid::Uuid;

use super::refusal::{Refused, barrier};
use super::slot_id::SlotId;

/// Whose calendar a slot is from where no scheduler of a hospital is connected.
pub const BUILT_IN: &str = "built_in";

/// Where an appointment stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum State {
    /// The visit is ahead.
    Booked,
    /// It was called off; its seat is free again.
    Cancelled,
    /// The person came.
    Attended,
    /// The person did not come.
    Missed,
}

impl State {
    /// The stored word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Booked => "booked",
            Self::Cancelled => "cancelled",
            Self::Attended => "attended",
            Self::Missed => "missed",
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for State {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let all = [Self::Booked, Self::Cancelled, Self::Attended, Self::Missed];
        all.into_iter().find(|state| state.as_str() == text).ok_or_else(|| format!("'{text}' is no appointment state"))
    }
}

/// Who wanted a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum By {
    /// The person, by the link or by asking staff.
    Patient,
    /// The center.
    Center,
}

impl By {
    /// The stored word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Patient => "patient",
            Self::Center => "center",
        }
    }
}

impl FromStr for By {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "patient" => Ok(Self::Patient),
            "center" => Ok(Self::Center),
            _ => Err(format!("'{text}' is neither patient nor center")),
        }
    }
}

/// How far an inquiry is, as the intake desk last told.
#[derive(Debug, Clone, PartialEq)]
pub struct Bookable {
    /// The facts of the inquiry.
    pub facts: Facts,
    /// How far intake and records are.
    pub readiness: Readiness,
    /// Not closed.
    pub open: bool,
    /// The site that it was routed to.
    pub site: Option<String>,
}

/// An appointment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Appointment {
    /// Its id.
    pub id: Uuid,
    /// The inquiry that it is for.
    pub inquiry_id: Uuid,
    /// The slot, by name.
    pub slot_id: String,
    /// Which of the slot's seats.
    pub seat: i32,
    /// Site id.
    pub site: String,
    /// Start of the visit.
    pub starts_at: Timestamp,
    /// End of the visit.
    pub ends_at: Timestamp,
    /// IANA zone of the site.
    pub time_zone: String,
    /// Who sees the patient.
    pub role: String,
    /// Kind of visit.
    pub visit_kind: String,
    /// Where it stands.
    pub state: State,
    /// Why it was last moved or cancelled; empty before that.
    pub reason: String,
    /// Who wanted the last change.
    pub by: By,
    /// Number of the last change, over all appointments of the inquiry.
    pub version: i64,
    /// When it was booked.
    pub booked_at: Timestamp,
    /// Whose calendar the slot is from.
    pub source: String,
    /// The key of the booking call.
    pub idempotency_key: String,
    /// The slot of the booking call.
    pub asked_slot_id: String,
}

/// What a step asks for that may have been taken before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Take it.
    Take,
    /// It was taken: nothing to do.
    Taken,
}

impl Appointment {
    /// Takes over place and time of a slot and the seat in it.
    pub fn sit(&mut self, slot: &Slot, seat: i32, time_zone: &str) {
        self.slot_id = SlotId::of(slot).to_string();
        self.seat = seat;
        slot.site.clone_into(&mut self.site);
        self.starts_at = slot.start;
        self.ends_at = slot.end;
        time_zone.clone_into(&mut self.time_zone);
        slot.clinician_role.clone_into(&mut self.role);
        slot.visit_kind.clone_into(&mut self.visit_kind);
    }

    /// Whether it may move to a slot.
    ///
    /// # Errors
    /// When it is over, called off or has begun.
    pub fn may_move(&self, to: &SlotId, now: Timestamp) -> Result<Step, Refused> {
        if self.state == State::Booked && self.slot_id == to.to_string() {
            return Ok(Step::Taken);
        }
        self.is_ahead(now).map(|()| Step::Take)
    }

    /// Whether it may be called off.
    ///
    /// # Errors
    /// When it is over or has begun.
    pub fn may_cancel(&self, now: Timestamp) -> Result<Step, Refused> {
        if self.state == State::Cancelled {
            return Ok(Step::Taken);
        }
        self.is_ahead(now).map(|()| Step::Take)
    }

    /// Whether `outcome` may be recorded.
    ///
    /// # Errors
    /// When the visit has not begun, was called off, or its other outcome is recorded.
    pub fn may_record(&self, outcome: State, now: Timestamp) -> Result<Step, Refused> {
        match self.state {
            state if state == outcome => Ok(Step::Taken),
            State::Booked if now < self.starts_at => Err(Refused::NotBegun { starts_at: self.starts_at }),
            State::Booked => Ok(Step::Take),
            state => Err(Refused::NotBooked { state }),
        }
    }

    fn is_ahead(&self, now: Timestamp) -> Result<(), Refused> {
        match self.state {
            State::Booked if self.starts_at <= now => Err(Refused::Begun { starts_at: self.starts_at }),
            State::Booked => Ok(()),
            state => Err(Refused::NotBooked { state }),
        }
    }
}

/// Whether an inquiry may get an appointment now: open, none ahead, and the rule has nothing against it.
///
/// # Errors
/// What stands against it, in the given languages of staff and patient.
pub fn may_book(
    bookable: Option<&Bookable>,
    present: &[Appointment],
    rule: &BookingRule,
    languages: (&str, &str),
) -> Result<(), Refused> {
    if bookable.is_some_and(|bookable| !bookable.open) {
        return Err(Refused::Closed);
    }
    if let Some(ahead) = ahead(present) {
        return Err(Refused::HasAppointment { id: ahead.id, starts_at: ahead.starts_at });
    }
    barrier(bookable, rule, languages).map_or(Ok(()), |barrier| Err(Refused::Rule(barrier)))
}

/// The appointment that is booked, if there is one.
#[must_use]
pub fn ahead(all: &[Appointment]) -> Option<&Appointment> {
    all.iter().find(|appointment| appointment.state == State::Booked)
}

/// The number of the next change of an inquiry's appointments.
#[must_use]
pub fn next_version(all: &[Appointment]) -> i64 {
    all.iter().map(|appointment| appointment.version).max().unwrap_or(0) + 1
}

/// Whether a slot serves a rule at all; a slot that does not was offered for another kind of visit.
///
/// # Errors
/// When kind of visit, role or site are others than the rule's.
pub fn serves(rule: &BookingRule, slot: &SlotId) -> Result<(), Refused> {
    let fits =
        slot.visit_kind == rule.visit_kind && slot.role == rule.clinician_role && rule.sites.contains(&slot.site);
    if fits { Ok(()) } else { Err(Refused::OtherVisit) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::diary::tests::{at, rule, usual};
    use causeway_funnel::booking::BookWhen;

    fn appointment(state: State, starts_at: &str) -> Appointment {
        let starts_at = at(starts_at);
        Appointment {
            id: Uuid::from_u128(7),
            inquiry_id: Uuid::from_u128(1),
            slot_id: "main.1.oncologist.visit".into(),
            seat: 0,
            site: "main".into(),
            starts_at,
            ends_at: starts_at,
            time_zone: "UTC".into(),
            role: "oncologist".into(),
            visit_kind: "visit".into(),
            state,
            reason: String::new(),
            by: By::Center,
            version: 4,
            booked_at: at("2026-11-20T09:00:00Z"),
            source: BUILT_IN.into(),
            idempotency_key: "k".into(),
            asked_slot_id: String::new(),
        }
    }

    const BEFORE: &str = "2026-11-24T13:59:59Z";
    const START: &str = "2026-11-24T14:00:00Z";

    #[test]
    fn an_appointment_moves_and_is_cancelled_until_it_begins_and_is_recorded_from_then_on() {
        let booked = appointment(State::Booked, START);
        let other: SlotId = "main.2.oncologist.visit".parse().unwrap();
        assert_eq!(booked.may_move(&other, at(BEFORE)), Ok(Step::Take));
        assert_eq!(booked.may_cancel(at(BEFORE)), Ok(Step::Take));
        assert!(matches!(booked.may_record(State::Attended, at(BEFORE)), Err(Refused::NotBegun { .. })));
        assert!(matches!(booked.may_move(&other, at(START)), Err(Refused::Begun { .. })));
        assert!(matches!(booked.may_cancel(at(START)), Err(Refused::Begun { .. })));
        assert_eq!(booked.may_record(State::Missed, at(START)), Ok(Step::Take));
    }

    #[test]
    fn a_step_that_was_taken_is_answered_again_and_its_opposite_is_refused() {
        let now = at("2026-12-01T00:00:00Z");
        assert_eq!(appointment(State::Cancelled, START).may_cancel(now), Ok(Step::Taken));
        assert_eq!(appointment(State::Attended, START).may_record(State::Attended, now), Ok(Step::Taken));
        for (state, outcome) in
            [(State::Attended, State::Missed), (State::Missed, State::Attended), (State::Cancelled, State::Missed)]
        {
            assert_eq!(appointment(state, START).may_record(outcome, now), Err(Refused::NotBooked { state }));
        }
        let same: SlotId = "main.1.oncologist.visit".parse().unwrap();
        assert_eq!(appointment(State::Booked, START).may_move(&same, at(BEFORE)), Ok(Step::Taken));
        assert!(appointment(State::Cancelled, START).may_move(&same, at(BEFORE)).is_err());
    }

    #[test]
    fn a_second_booking_is_refused_with_the_present_one_and_a_past_one_does_not_count() {
        let readiness = Readiness { intake_complete: true, ..Readiness::default() };
        let bookable = Bookable { facts: Facts::default(), readiness, open: true, site: None };
        let try_with = |all: &[Appointment]| may_book(Some(&bookable), all, &rule(BookWhen::BookAtOnce), ("en", "en"));
        let present = appointment(State::Booked, START);
        let refused = try_with(std::slice::from_ref(&present)).unwrap_err();
        assert_eq!(refused, Refused::HasAppointment { id: present.id, starts_at: present.starts_at });
        assert!(refused.to_string().contains(&present.id.to_string()));
        assert_eq!(try_with(&[appointment(State::Missed, START), appointment(State::Cancelled, START)]), Ok(()));
    }

    #[test]
    fn sitting_down_takes_everything_from_the_slot() {
        let diary = usual();
        let rule = diary.rule(&Facts::default()).unwrap();
        let slot = diary.slots(rule, at("2026-11-24T16:00:00Z"), at("2026-11-24T19:00:00Z")).remove(0);
        let mut moved = appointment(State::Booked, START);
        moved.sit(&slot, 1, diary.zone_name(&slot.site));
        assert_eq!((moved.site.as_str(), moved.seat, moved.time_zone.as_str()), ("east", 1, "America/New_York"));
        assert_eq!((moved.starts_at, moved.ends_at), (slot.start, slot.end));
        assert_eq!(moved.slot_id, SlotId::of(&slot).to_string());
    }

    #[test]
    fn versions_count_over_all_appointments_of_the_inquiry() {
        assert_eq!(next_version(&[]), 1);
        assert_eq!(next_version(&[appointment(State::Cancelled, START), appointment(State::Booked, START)]), 5);
    }

    #[test]
    fn a_slot_of_another_kind_role_or_site_does_not_serve_the_rule() {
        let rule = rule(BookWhen::BookAtOnce);
        assert_eq!(serves(&rule, &"main.1.oncologist.visit".parse().unwrap()), Ok(()));
        for other in ["main.1.oncologist.call", "main.1.nurse.visit", "west.1.oncologist.visit"] {
            assert_eq!(serves(&rule, &other.parse().unwrap()), Err(Refused::OtherVisit), "{other}");
        }
    }
}
