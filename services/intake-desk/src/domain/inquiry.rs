//! An inquiry as the desk knows it, the rules of its center, and how it begins.

use causeway_funnel::booking::{BookWhen, Readiness};
use causeway_funnel::cadence::{Cadence, CadenceStatus};
use causeway_funnel::calendar::Calendar;
use causeway_funnel::inquiry::Facts;
use causeway_funnel::next_action::{NextAction, Situation, Targets};
use causeway_funnel::profile::{Profile, QuietHours};
use causeway_funnel::records::{Line, LineState, RecordsFrom, WaiveReason, records_ready, records_reviewed};
use causeway_funnel::routing::Priority;
use causeway_funnel::scope::{KeepReason, ScopeState};
use causeway_funnel::stage::{CloseReason, Stage, StageEvent, StageFact, Standing, standing};
use causeway_funnel::stillness::PauseReason;
use causeway_funnel::triage::DeclineReason;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::agreed::NextStep;
use super::review::Waiting;
use super::sister::Handover;

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
    /// Version of routing's word that the due time comes from; the decision may be older than that.
    pub clock_version: i64,
}

/// How the owner came to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Turn {
    /// The owner was chosen by routing and has not begun: anybody may still claim it.
    pub chosen: bool,
    /// Version at which a person last changed who works it, or its owner did something about it.
    pub moved_version: i64,
    /// When a person last changed who works it; none: nobody has, it was before this was kept, or its owner has done something about
    /// it since.
    pub moved_at: Option<Timestamp>,
    /// The newest choice of routing that was looked at.
    pub choice: i64,
}

impl Turn {
    /// At the desk's first version, with an owner that routing chose or none.
    pub const fn first(chosen: bool) -> Self {
        Self { chosen, moved_version: 1, moved_at: None, choice: 0 }
    }
}

/// A stretch in which the response clock stands still.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Paused {
    /// Since when.
    pub from: Timestamp,
    /// Until when at most; the end itself is no part of it.
    pub to: Timestamp,
    /// Why.
    pub reason: PauseReason,
}

/// Whether the center treats this, and how far the answer is where it does not.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Scope {
    /// The entry of programs.toml that says that it is not treated here; empty: none does.
    pub entry: String,
    /// How far the answer is.
    pub state: ScopeState,
    /// Why it is worked all the same.
    pub reason: Option<KeepReason>,
}

impl Scope {
    /// The entry by which it counts as not treated here; empty: it does not.
    pub fn counted(&self) -> &str {
        if self.state.is_out() { &self.entry } else { "" }
    }
}

/// One line of the records checklist, as small as it can be stored; its words stand in the profile.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordLine {
    /// Kind of document.
    pub kind: String,
    /// Whether booking waits for it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub needed: bool,
    /// How far it is.
    pub state: LineState,
    /// When it was last asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asked_at: Option<Timestamp>,
    /// Who was asked.
    #[serde(default, skip_serializing_if = "is_patient")]
    pub asked_of: RecordsFrom,
    /// When it was asked for the first time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_asked_at: Option<Timestamp>,
    /// How often it was asked for; 0: never, or before this was kept.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub asked_times: u32,
    /// The end of the day for which whoever was asked promised it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub promised_at: Option<Timestamp>,
    /// Since when it is known that the person did not get the question, so that it is for staff to ask.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub untold_at: Option<Timestamp>,
    /// It is not asked for again by itself before: it was opened again after a time in which nobody asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rests_until: Option<Timestamp>,
    /// When it came.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub received_at: Option<Timestamp>,
    /// Who reviewed it, or said that it is not needed.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub by: String,
    /// Why it is not needed, where it is not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<WaiveReason>,
}

fn is_patient(of: &RecordsFrom) -> bool {
    *of == RecordsFrom::Patient
}

fn is_zero(times: &u32) -> bool {
    *times == 0
}

/// A document of which nobody had said what it is when it came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Loose {
    /// Which.
    pub document: Uuid,
    /// The newest version that was heard of it; an older word that comes later changes nothing.
    pub version: i64,
    /// Since when it waits for somebody to say what it is; none: it does no more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<Timestamp>,
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
    /// Every stretch in which the response clock stands still, in order, as routing told them last.
    pub pauses: Vec<Paused>,
    /// Who works it; empty: nobody yet.
    pub owner: String,
    /// How the owner came to it.
    pub turn: Turn,
    /// Levels of escalation that were reached.
    pub escalated: u32,
    /// It goes from team to team.
    pub bounced: bool,
    /// Whether it is treated here.
    pub scope: Scope,
    /// Its last hand-over to a sister center.
    pub handover: Option<Handover>,
    /// How far it is.
    pub stage: Stage,
    /// What staff do next.
    pub next_action: NextAction,
    /// By when; none exactly where there is nothing to do.
    pub due_at: Option<Timestamp>,
    /// Tries to reach the person.
    pub attempts: u32,
    /// Tries since somebody was last reached, or since a visit was missed.
    pub tries_in_vain: u32,
    /// The first try.
    pub first_attempt_at: Option<Timestamp>,
    /// The first time that somebody was reached.
    pub first_contact_at: Option<Timestamp>,
    /// When the person asked to be called back, or since when somebody wants them tried once more.
    pub call_back_at: Option<Timestamp>,
    /// Version of the intake note; 0: none yet.
    pub note_version: i64,
    /// Every field that the note needs is filled.
    pub intake_complete: bool,
    /// The checklist.
    pub records: Vec<RecordLine>,
    /// Documents that came without a word what they are.
    pub loose: Vec<Loose>,
    /// Every document that booking waits for is there or waived.
    pub records_ready: bool,
    /// A reviewer has accepted the records.
    pub reviewed: bool,
    /// What happened to it, as far as its stage is concerned.
    pub stage_facts: Vec<StageFact>,
    /// How long they have waited for a reviewer; none: they do not.
    pub review: Option<Waiting>,
    /// Why a reviewer declined it; none: nobody did, or it is worked again.
    pub declined: Option<DeclineReason>,
    /// Why it was closed.
    pub close_reason: Option<CloseReason>,
    /// When it was closed.
    pub closed_at: Option<Timestamp>,
    /// The newest word on the visit.
    pub visit: Option<Visit>,
    /// The last dated next step that was agreed where no visit applies.
    pub next_step: Option<NextStep>,
    /// Since when the person wants no contact.
    pub stopped_at: Option<Timestamp>,
    /// The newest word of their mended answers; 0: none were mended.
    pub amended: i64,
    /// Counts the changes.
    pub version: i64,
}

/// What a decision depends on beyond the inquiry.
#[derive(Debug, Clone, Copy)]
pub struct Rules<'a> {
    /// Opening times of the inquiry's team at its site.
    pub calendar: &'a Calendar,
    /// How long each action may take.
    pub targets: &'a Targets,
    /// When such a visit may be booked.
    pub book_when: BookWhen,
    /// Hours of the person's own day in which nothing rings.
    pub quiet: QuietHours,
    /// How documents that were asked for are asked for again; none: they are not.
    pub chase: Option<&'a Cadence>,
}

impl<'a> Rules<'a> {
    /// The rules of a center for an inquiry of a team at a site.
    pub fn of(profile: &'a Profile, facts: &Facts, route: &Route) -> Self {
        let site = Some(route.site.as_str()).filter(|site| !site.is_empty());
        let rule = profile.booking.rule_for(facts.consult_type, facts.cancer_area);
        Self {
            calendar: profile.team_calendar(&route.team, site),
            targets: &profile.center.targets,
            book_when: rule.map(|rule| rule.when).unwrap_or_default(),
            quiet: profile.center.messages.quiet,
            chase: profile.cadences.for_status(CadenceStatus::RecordsMissing),
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

/// The pause that stands at an instant; none where a try or a close stopped the clock for good.
pub fn standing_pause(
    pauses: &[Paused],
    first_attempt_at: Option<Timestamp>,
    closed: bool,
    now: Timestamp,
) -> Option<&Paused> {
    let stands = |pause: &&Paused| first_attempt_at.is_none() && !closed && pause.from <= now && now < pause.to;
    pauses.iter().rev().find(stands)
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

    /// Whether it is closed so that a document opens it again.
    pub fn is_opened_by_papers(&self) -> bool {
        self.close_reason.is_some_and(CloseReason::is_open_to_papers) && self.stopped_at.is_none()
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
            tries_in_vain: self.tries_in_vain,
            // Whoever waits for our call has not been tried often enough.
            enough_attempts: if self.call_back_at.is_some() { 0 } else { rules.targets.attempts_before_unreachable },
            book_when: rules.book_when,
            records_reviewed: self.reviewed,
            visit_at: self.visit_at(),
            step_at: self.open_step().map(|step| step.at),
            attempts_since_step: self.next_step.as_ref().map_or(0, |step| self.attempts.saturating_sub(step.tries)),
            call_back_at: self.call_back_at,
            // Who was declined and is open still is to hear it by phone as well.
            scope: if self.declined.is_some() && self.scope.state == ScopeState::Sent {
                ScopeState::Failed
            } else {
                self.scope.state
            },
            declined: self.declined.is_some(),
        }
    }

    /// What booking depends on. Who is declined is not booked: nothing counts as ready while that stands.
    pub fn readiness(&self) -> Readiness {
        if self.declined.is_some() {
            return Readiness::default();
        }
        Readiness { intake_complete: self.intake_complete, records_ready: self.records_ready, reviewed: self.reviewed }
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

    /// Adds a fact of the desk's own. It is never older than the one that it takes the place of: where a clock was set back, the
    /// newest word would else count as the older one.
    pub(super) fn learn_own(&mut self, at: Timestamp, version: i64, what: StageEvent) {
        let same = |fact: &&StageFact| match what {
            StageEvent::Closed(_) | StageEvent::Reopened => {
                matches!(fact.what, StageEvent::Closed(_) | StageEvent::Reopened)
            }
            StageEvent::DatedNextStep | StageEvent::NextStepOver(_) => {
                matches!(fact.what, StageEvent::DatedNextStep | StageEvent::NextStepOver(_))
            }
            _ => std::mem::discriminant(&fact.what) == std::mem::discriminant(&what),
        };
        let before = self.stage_facts.iter().filter(same).map(|fact| fact.at).max();
        self.learn(before.map_or(at, |before| before.max(at)), version, what);
    }

    /// When the records became what they are: with the last needed document that came, in whatever order they were told.
    pub(super) fn records_since(&self, at: Timestamp) -> Timestamp {
        let came = self.records.iter().filter(|line| line.needed).filter_map(|line| line.received_at);
        if self.records_ready { came.max().map_or(at, |last| last.max(at)) } else { at }
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

/// An inquiry at the moment at which a team gets it. `owner`: whose turn routing says it is; empty: nobody's. `records` is the checklist
/// of its kind.
pub fn routed(
    (inquiry_id, owner): (Uuid, String),
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
        turn: Turn::first(!owner.is_empty()),
        owner,
        escalated: 0,
        bounced: false,
        scope: Scope::default(),
        handover: None,
        stage: Stage::Routed,
        next_action,
        due_at: Some(route.response_due_at),
        route,
        pauses: Vec::new(),
        attempts: 0,
        tries_in_vain: 0,
        first_attempt_at: None,
        first_contact_at: None,
        call_back_at: None,
        note_version: 0,
        intake_complete: false,
        records,
        loose: Vec::new(),
        records_ready: nothing_needed,
        reviewed: false,
        review: None,
        declined: None,
        stage_facts,
        close_reason: None,
        closed_at: None,
        visit: None,
        next_step: None,
        stopped_at: None,
        amended: 0,
        version: 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pause_stands_from_its_beginning_until_its_end_unless_the_clock_was_stopped() {
        let at = |minute: i64| Timestamp::from_second(minute * 60).expect("a time");
        let pause = |from, to, reason| Paused { from: at(from), to: at(to), reason };
        let pauses = [pause(10, 20, PauseReason::Away), pause(30, 40, PauseReason::Interpreter)];
        let reason = |now, tried, closed| standing_pause(&pauses, tried, closed, at(now)).map(|pause| pause.reason);
        assert_eq!([9, 20, 29, 40].map(|now| reason(now, None, false)), [None; 4]);
        assert_eq!(
            (reason(10, None, false), reason(39, None, false)),
            (Some(PauseReason::Away), Some(PauseReason::Interpreter))
        );
        assert_eq!((reason(35, Some(at(32)), false), reason(35, None, true)), (None, None));
    }

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
