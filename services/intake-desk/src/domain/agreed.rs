//! Dated next steps that count as conversion: agreed, moved, and what becomes of them.
//!
//! Where one stands is the stage's rule, from facts; here stands what it is and at which times it may be. A step that a visit took the
//! place of is over by the facts alone, so it does not matter in which order they come. Deliberately not here: the kinds (the center's
//! profile), and messages about it.

use causeway_funnel::inquiry::{Channel, Facts};
use causeway_funnel::next_action::NextAction;
use causeway_funnel::next_step::{NextStepKind, StepEnd};
use causeway_funnel::stage::{CloseReason, StageEvent};
use causeway_funnel::time_words;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::attempts::{awake, welcome_span};
use super::decide::Work;
use super::inquiry::{Inquiry, Rules};
use super::step::{Outcome, Refusal, Told};

/// A step further ahead than half a year is a slip of the pen.
const FURTHEST: SignedDuration = SignedDuration::from_hours(24 * 183);
/// So far around the time that was asked for a fitting one is looked for.
const NEAR: SignedDuration = SignedDuration::from_hours(24 * 14);

/// The last agreed next step, as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NextStep {
    /// Id of its kind in the center's profile.
    pub kind: String,
    /// When it is.
    pub at: Timestamp,
    /// The person is called.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub call: bool,
    /// Tries to reach the person until it was agreed or ended.
    #[serde(default)]
    pub tries: u32,
    /// Tells the agreements of one inquiry apart: the version at which it was made or moved.
    pub number: i64,
    /// How it ended; none: it is still to come about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<StepEnd>,
}

impl Inquiry {
    /// The agreed next step that has not ended.
    pub fn open_step(&self) -> Option<&NextStep> {
        self.next_step.as_ref().filter(|step| step.ended.is_none())
    }

    /// The last agreed step, where it did not come about.
    pub fn missed_step(&self) -> Option<&NextStep> {
        self.next_step.as_ref().filter(|step| step.ended == Some(StepEnd::Missed))
    }

    /// The step that the next action is about; none where it is about something else.
    pub fn step_in_hand(&self) -> Option<&NextStep> {
        match self.next_action {
            NextAction::AwaitNextStep | NextAction::ConfirmNextStep => self.open_step(),
            NextAction::FollowUpMissedStep => self.missed_step(),
            _ => None,
        }
    }
}

/// The time nearest to the one asked for at which a step fits as a whole: the center is open, and where the person is called, nothing is
/// quiet at their place. None where there is none within two weeks of it.
pub fn nearest(
    asked: Timestamp,
    (minutes, call): (u32, bool),
    now: Timestamp,
    facts: &Facts,
    rules: &Rules<'_>,
) -> Option<Timestamp> {
    let length = SignedDuration::from_mins(i64::from(minutes));
    let from = asked.checked_sub(NEAR).map_or(now, |from| from.max(now));
    let until = asked.checked_add(NEAR).ok()?;
    let zone = TimeZone::get(&facts.time_zone).unwrap_or_else(|_| rules.calendar.zone().clone());
    let spans = rules.calendar.open_spans(from).take_while(|(open, _)| *open <= until);
    let within = spans.flat_map(|span| if call { awake_parts(span, &zone, rules) } else { vec![span] });
    let candidates = within.filter_map(|(begin, end)| {
        let last = end.checked_sub(length).ok()?;
        let first = whole_minute(begin)?;
        (first <= last && last > now).then(|| asked.clamp(first, last))
    });
    candidates.filter(|at| *at > now).min_by_key(|at| at.duration_since(asked).abs())
}

/// The parts of an open span in which nothing is quiet in a zone.
fn awake_parts(
    (open, close): (Timestamp, Timestamp),
    zone: &TimeZone,
    rules: &Rules<'_>,
) -> Vec<(Timestamp, Timestamp)> {
    let (mut day, last) = (zone.to_datetime(open).date(), zone.to_datetime(close).date());
    let mut parts: Vec<(Timestamp, Timestamp)> = Vec::new();
    loop {
        for hours in awake(rules.quiet) {
            let Some((from, to)) = welcome_span(day, hours, zone) else { continue };
            let (from, to) = (from.max(open), to.min(close));
            match parts.last_mut() {
                // Midnight is no border where nothing is quiet around it.
                Some((_, end)) if *end == from && from < to => *end = to,
                _ if from < to => parts.push((from, to)),
                _ => {}
            }
        }
        match day.tomorrow() {
            Ok(next) if next <= last => day = next,
            _ => return parts,
        }
    }
}

/// The first whole minute that is not before.
fn whole_minute(at: Timestamp) -> Option<Timestamp> {
    let seconds = at.as_second() + i64::from(at.subsec_nanosecond() > 0);
    Timestamp::from_second(seconds.div_euclid(60) * 60 + if seconds.rem_euclid(60) > 0 { 60 } else { 0 }).ok()
}

impl Work<'_> {
    /// A dated next step is agreed, or the one that is agreed is moved or takes another's place.
    pub(super) fn agree_next_step(&mut self, kind: &NextStepKind, at: Timestamp) -> Result<(), Refusal> {
        self.require_open()?;
        let label = kind.label.get("en").to_lowercase();
        if self.inquiry.standing().booked {
            let text = "a visit is booked, which is the next step; call the visit off first";
            return Err(Refusal::WrongState(text.into()));
        }
        if self.inquiry.scope.state.is_out() {
            let text = "it counts as not treated here; say that it is worked here first";
            return Err(Refusal::WrongState(text.into()));
        }
        if !kind.fits(self.inquiry.facts.consult_type, self.inquiry.facts.cancer_area) {
            let text = format!("{label} is not agreed for inquiries of this kind; see next_step in booking.toml");
            return Err(Refusal::WrongState(text.into()));
        }
        let before = self.inquiry.open_step().cloned();
        if before.as_ref().is_some_and(|step| (step.kind.as_str(), step.at) == (kind.id.as_str(), at)) {
            return Ok(());
        }
        self.fits(kind, at)?;
        let version = self.begin();
        self.acted();
        let now = self.now;
        // Where scheduling's clock is ahead of ours, a visit that is called off already is still older than this.
        let visits = self.inquiry.stage_facts.iter().filter(|fact| fact.what == StageEvent::AppointmentBooked);
        let since = visits.filter_map(|fact| fact.at.checked_add(SignedDuration::from_micros(1)).ok()).max();
        self.inquiry.learn_own(since.map_or(now, |since| since.max(now)), version, StageEvent::DatedNextStep);
        let tries = self.inquiry.attempts;
        self.inquiry.next_step =
            Some(NextStep { kind: kind.id.clone(), at, call: kind.call, tries, number: version, ended: None });
        // A call that is agreed for no later is the one that was promised.
        if kind.call && self.inquiry.call_back_at.is_some_and(|promised| at <= promised) {
            self.inquiry.call_back_at = None;
        }
        self.told.push(Told::NextStepAgreed { at: now, moved: before.is_some() });
        let verb = if before.is_some_and(|step| step.kind == kind.id) { "Moved" } else { "Agreed" };
        let text = format!("{verb}: {}, {}.", kind.id, self.when(at));
        self.enter("next_step", text);
        Ok(())
    }

    fn fits(&self, kind: &NextStepKind, at: Timestamp) -> Result<(), Refusal> {
        if at <= self.now || self.now.duration_until(at) > FURTHEST {
            return Err(Refusal::FieldFault("at must lie ahead, and within half a year"));
        }
        let shape = (kind.minutes, kind.call);
        let nearest = nearest(at, shape, self.now, &self.inquiry.facts, self.rules);
        if nearest == Some(at) {
            return Ok(());
        }
        let hours = if kind.call { "opening hours, or the person wants no calls then" } else { "opening hours" };
        let remedy = nearest.map_or_else(
            || "choose another week".to_owned(),
            |nearest| format!("the nearest time is {}", self.when(nearest)),
        );
        let text = format!("that time does not fit {} minutes into {hours}; {remedy}", kind.minutes);
        Err(Refusal::TimeFault(text))
    }

    fn when(&self, at: Timestamp) -> String {
        time_words::words(at, self.rules.calendar.zone(), "en")
    }

    /// Somebody says what became of the agreed step, or calls it off.
    pub(super) fn end_next_step(&mut self, how: StepEnd) -> Result<(), Refusal> {
        self.require_open()?;
        let Some(step) = self.inquiry.open_step() else {
            return Err(Refusal::WrongState("no next step is agreed".into()));
        };
        if how == StepEnd::Missed && step.at > self.now {
            let text = "its time has not come yet; call it off, or move it";
            return Err(Refusal::WrongState(text.into()));
        }
        if how == StepEnd::Missed && !step.call {
            let text = "nobody is called for it; say that it took place, move it, or call it off";
            return Err(Refusal::WrongState(text.into()));
        }
        let talked_at = (step.call && how == StepEnd::Done).then(|| step.at.min(self.now));
        self.step_over(how);
        self.acted();
        if let Some(at) = talked_at {
            self.talked(at);
        }
        self.restart = true;
        Ok(())
    }

    /// A call that took place reached the person, at its time, and is a try as each other one.
    fn talked(&mut self, at: Timestamp) {
        let version = self.begin();
        let inquiry = &mut self.inquiry;
        inquiry.attempts += 1;
        let first = |known: Option<Timestamp>| Some(known.map_or(at, |known| known.min(at)));
        inquiry.first_attempt_at = first(inquiry.first_attempt_at);
        inquiry.first_contact_at = first(inquiry.first_contact_at);
        inquiry.call_back_at = None;
        inquiry.learn(at, version, StageEvent::AttemptReached);
        let (number, within_target) = (inquiry.attempts, at <= inquiry.route.response_due_at);
        let (channel, outcome, script) = (Channel::Phone, Outcome::Reached, Default::default());
        self.told.push(Told::ContactAttempted { at, channel, outcome, number, within_target, script });
    }

    /// What the timeline adds to a try while a step that did not come about is to be called about: which one it was.
    pub(super) fn followed_up(&self) -> String {
        let missed = self.inquiry.step_in_hand().filter(|step| step.ended == Some(StepEnd::Missed));
        let said =
            |step: &NextStep| format!(" It was about {}, agreed for {} and missed.", step.kind, self.when(step.at));
        missed.map(said).unwrap_or_default()
    }

    /// What became of a step whose time has come is said first: a close would turn one that took place into a loss.
    pub(super) fn require_said(&self) -> Result<(), Refusal> {
        if self.inquiry.open_step().is_some_and(|step| step.at <= self.now) {
            return Err(Refusal::WrongState("say first what became of the agreed step".into()));
        }
        Ok(())
    }

    /// The inquiry was closed. Who still waits for the step hears that it is called off, unless nothing is to be sent to them.
    pub(super) fn step_after_close(&mut self, reason: CloseReason) {
        let silent = matches!(reason, CloseReason::Deceased | CloseReason::AskedToStop | CloseReason::NotAnInquiry);
        let ahead = self.inquiry.open_step().is_some_and(|step| step.at > self.now);
        self.step_over(if silent || !ahead { StepEnd::Closed } else { StepEnd::CalledOffByCenter });
    }

    /// The agreed step is over, where there is one.
    pub(super) fn step_over(&mut self, how: StepEnd) {
        if self.inquiry.open_step().is_none() {
            return;
        }
        let (version, now, tries) = (self.begin(), self.now, self.inquiry.attempts);
        // That a visit takes its place is a fact of the visit.
        if how != StepEnd::Superseded {
            self.inquiry.learn_own(now, version, StageEvent::NextStepOver(how));
        }
        let Some(step) = self.inquiry.next_step.as_mut() else { return };
        (step.ended, step.tries) = (Some(how), tries);
        let (kind, at) = (step.kind.clone(), step.at);
        self.told.push(Told::NextStepOver { at: now, how });
        let text = format!("{}: {kind}, which was agreed for {}.", how.label("en"), self.when(at));
        self.enter("next_step", text);
    }

    /// A visit that was booked after the step was agreed takes its place.
    pub(super) fn step_after_visit(&mut self) {
        if self.inquiry.open_step().is_some() && !self.inquiry.standing().dated_next_step {
            self.step_over(StepEnd::Superseded);
        }
    }

    /// A timer of another agreement, and one that comes too early or too late, finds nothing to do.
    pub(super) fn next_step_time_passed(&mut self, number: i64) {
        let passed = self.inquiry.open_step().is_some_and(|step| step.number == number && step.at <= self.now);
        let asked = matches!(self.inquiry.next_action, NextAction::ConfirmNextStep | NextAction::ReviewRecords);
        if passed && !asked {
            self.begin();
            self.enter("next_step", "The time of the agreed step has come; say what becomes of it.");
        }
    }
}
