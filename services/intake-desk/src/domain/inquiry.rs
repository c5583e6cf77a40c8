//! An inquiry as the desk knows it, the rules of its center, and how it begins.

use causeway_funnel::booking::BookWhen;
use causeway_funnel::calendar::Calendar;
use causeway_funnel::inquiry::Facts;
use causeway_funnel::next_action::{NextAction, Situation, Targets};
use causeway_funnel::profile::Profile;
use causeway_funnel::records::{Line, LineState, records_ready, records_reviewed};
use causeway_funnel::routing::Priority;
use causeway_funnel::stage::{CloseReason, Stage, StageEvent, StageFact, Standing, standing};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// What routing decided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// The program.
    pub program: String,
    /// The team whose queue it stands in.
    pub team: String,
    /// The site; empty: none chosen.
    pub site: String,
    /// The call script.
    pub script: String,
    /// How pressing it is.
    pub priority: Priority,
    /// When first contact is due.
    pub response_due_at: Timestamp,
    /// It came in while the center was closed.
    pub after_hours: bool,
    /// Version of the decision; an older one changes nothing.
    pub version: i64,
}

/// One line of the records checklist, as small as it can be stored; its words stand in the profile.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordLine {
    /// Kind of document.
    pub kind: String,
    /// Whether booking waits for it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub needed: bool,
    /// How far it is.
    pub state: LineState,
    /// When the person was last asked for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asked_at: Option<Timestamp>,
    /// When it came.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub received_at: Option<Timestamp>,
}

/// The newest word on the visit, and when it was told: an older word that comes later changes nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Visit {
    /// When it was told.
    pub told_at: Timestamp,
    /// Version of the appointment at that time.
    pub version: i64,
    /// Start of the visit; none: there is none ahead.
    pub starts_at: Option<Timestamp>,
}

/// An inquiry as the desk knows it.
#[derive(Debug, Clone, PartialEq)]
pub struct Inquiry {
    /// Its id.
    pub inquiry_id: Uuid,
    /// What it is, without PHI.
    pub facts: Facts,
    /// What routing decided; the team is the present one.
    pub route: Route,
    /// Who works it; empty: nobody yet.
    pub owner: String,
    /// How far it is.
    pub stage: Stage,
    /// What staff do next.
    pub next_action: NextAction,
    /// By when; none exactly where there is nothing to do.
    pub due_at: Option<Timestamp>,
    /// Tries to reach the person.
    pub attempts: u32,
    /// The first try.
    pub first_attempt_at: Option<Timestamp>,
    /// The first time that somebody was reached.
    pub first_contact_at: Option<Timestamp>,
    /// When the person asked to be called back.
    pub call_back_at: Option<Timestamp>,
    /// Version of the intake note; 0: none yet.
    pub note_version: i64,
    /// Every field that the note needs is filled.
    pub intake_complete: bool,
    /// The checklist.
    pub records: Vec<RecordLine>,
    /// Every document that booking waits for is there or waived.
    pub records_ready: bool,
    /// A reviewer has accepted the records.
    pub reviewed: bool,
    /// What happened to it, as far as its stage is concerned.
    pub stage_facts: Vec<StageFact>,
    /// Why it was closed.
    pub close_reason: Option<CloseReason>,
    /// When it was closed.
    pub closed_at: Option<Timestamp>,
    /// The newest word on the visit.
    pub visit: Option<Visit>,
    /// Counts the changes.
    pub version: i64,
}

/// What a decision depends on beyond the inquiry.
#[derive(Debug, Clone, Copy)]
pub struct Rules<'a> {
    /// Opening times of the inquiry's site.
    pub calendar: &'a Calendar,
    /// How long each action may take.
    pub targets: &'a Targets,
    /// When such a visit may be booked.
    pub book_when: BookWhen,
}

impl<'a> Rules<'a> {
    /// The rules of a center for an inquiry at a site.
    pub fn of(profile: &'a Profile, facts: &Facts, site: &str) -> Self {
        let rule = profile.booking.rule_for(facts.consult_type, facts.cancer_area);
        Self {
            calendar: profile.calendar((!site.is_empty()).then_some(site)),
            targets: &profile.center.targets,
            book_when: rule.map(|rule| rule.when).unwrap_or_default(),
        }
    }
}

/// The response clock as the worklist shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClockState {
    /// Time is left.
    Pending,
    /// Little time is left.
    Soon,
    /// Due, and nobody has tried yet.
    Late,
    /// Tried in time.
    Met,
    /// Tried, but late.
    MetLate,
    /// Closed before anybody tried.
    Cancelled,
}

impl ClockState {
    /// The word on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Soon => "soon",
            Self::Late => "late",
            Self::Met => "met",
            Self::MetLate => "met_late",
            Self::Cancelled => "cancelled",
        }
    }
}

/// Less than this is little time.
const SOON: SignedDuration = SignedDuration::from_mins(30);

/// How the response clock stands: the first try stops it, whatever became of it.
pub fn clock_state(
    response_due_at: Timestamp,
    first_attempt_at: Option<Timestamp>,
    closed: bool,
    now: Timestamp,
) -> ClockState {
    match first_attempt_at {
        Some(tried) if tried <= response_due_at => ClockState::Met,
        Some(_) => ClockState::MetLate,
        None if closed => ClockState::Cancelled,
        None if now > response_due_at => ClockState::Late,
        None if now.duration_until(response_due_at) <= SOON => ClockState::Soon,
        None => ClockState::Pending,
    }
}

impl Inquiry {
    /// Somebody still has to do something about it.
    pub const fn is_open(&self) -> bool {
        !matches!(self.stage, Stage::Attended | Stage::Closed)
    }

    /// Where it stands by the facts.
    pub fn standing(&self) -> Standing {
        standing(&self.stage_facts)
    }

    /// Start of the visit that is ahead, if one is booked.
    pub fn visit_at(&self) -> Option<Timestamp> {
        self.visit.and_then(|visit| visit.starts_at)
    }

    /// What the next action depends on.
    pub(super) fn situation(&self, standing: Standing, rules: &Rules<'_>) -> Situation {
        Situation {
            standing,
            missed_call: self.facts.missed_call,
            attempts: self.attempts,
            book_when: rules.book_when,
            records_reviewed: self.reviewed,
            visit_at: self.visit_at(),
        }
    }

    /// The checklist as the funnel's rules take it.
    pub fn lines(&self) -> Vec<Line> {
        let line =
            |line: &RecordLine| Line { kind: line.kind.clone(), needed_for_booking: line.needed, state: line.state };
        self.records.iter().map(line).collect()
    }

    /// Computes what follows from the lines. An acceptance lapses with the first needed document that is not accepted.
    pub(super) fn recount_records(&mut self) {
        let lines = self.lines();
        let any_needed = lines.iter().any(|line| line.needed_for_booking);
        self.records_ready = records_ready(&lines);
        self.reviewed = records_reviewed(&lines) && (self.reviewed || any_needed);
    }

    /// Adds a fact unless it is known. Gives whether it is new.
    pub(super) fn learn(&mut self, at: Timestamp, version: i64, what: StageEvent) -> bool {
        let fact = StageFact { at, version, what };
        let new = !self.stage_facts.contains(&fact);
        if new {
            self.stage_facts.push(fact);
        }
        new
    }
}

/// An inquiry at the moment at which a team gets it. `records` is the checklist of its kind.
pub fn routed(
    inquiry_id: Uuid,
    facts: Facts,
    (route, decided_at): (Route, Timestamp),
    records: Vec<RecordLine>,
) -> Inquiry {
    let mut stage_facts = vec![StageFact { at: decided_at, version: 1, what: StageEvent::Routed }];
    let nothing_needed = !records.iter().any(|line| line.needed);
    if nothing_needed {
        stage_facts.push(StageFact { at: decided_at, version: 1, what: StageEvent::RecordsComplete(true) });
    }
    // A call that nobody answered is called back; everybody else is contacted for the first time.
    let next_action = if facts.missed_call { NextAction::CallBack } else { NextAction::FirstContact };
    Inquiry {
        inquiry_id,
        facts,
        owner: String::new(),
        stage: Stage::Routed,
        next_action,
        due_at: Some(route.response_due_at),
        route,
        attempts: 0,
        first_attempt_at: None,
        first_contact_at: None,
        call_back_at: None,
        note_version: 0,
        intake_complete: false,
        records,
        records_ready: nothing_needed,
        reviewed: false,
        stage_facts,
        close_reason: None,
        closed_at: None,
        visit: None,
        version: 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_response_clock_is_stopped_by_the_first_try_and_by_a_close() {
        let at = |minute: i64| Timestamp::from_second(minute * 60).expect("a time");
        let due = at(60);
        assert_eq!(clock_state(due, None, false, at(0)), ClockState::Pending);
        assert_eq!(clock_state(due, None, false, at(31)), ClockState::Soon);
        assert_eq!(clock_state(due, None, false, at(61)), ClockState::Late);
        assert_eq!(clock_state(due, Some(at(60)), false, at(90)), ClockState::Met);
        assert_eq!(clock_state(due, Some(at(61)), true, at(90)), ClockState::MetLate);
        assert_eq!(clock_state(due, None, true, at(90)), ClockState::Cancelled);
    }
}
