//! Who works an inquiry, what other services tell of it, and how it ends.

use causeway_funnel::next_action::NextAction;
use causeway_funnel::routing::Priority;
use causeway_funnel::stage::{CloseReason, Stage, StageEvent};
use causeway_funnel::time_words;
use jiff::Timestamp;

use super::decide::Work;
use super::inquiry::{Route, Visit};
use super::step::{HandTo, Refusal, VisitEvent};

impl Work<'_> {
    pub(super) fn reroute(&mut self, route: &Route) {
        if route.version <= self.inquiry.route.version {
            return;
        }
        self.begin();
        if route.team != self.inquiry.route.team {
            self.inquiry.owner.clear();
        }
        self.enter("routed", format!("Routed again, to team {}.", route.team));
        self.inquiry.route = route.clone();
    }

    pub(super) fn response_missed(&mut self, level: i32) {
        let inquiry = &self.inquiry;
        let tried_in_time = inquiry.first_attempt_at.is_some_and(|at| at <= inquiry.route.response_due_at);
        if tried_in_time || !inquiry.is_open() {
            return;
        }
        self.begin();
        let at_least = if level > 1 { Priority::Urgent } else { Priority::High };
        // The more pressing of two priorities is the lesser one in the order of the list.
        self.inquiry.route.priority = self.inquiry.route.priority.min(at_least);
        self.enter("escalated", "First contact was not tried in time; the priority was raised.");
    }

    pub(super) fn visit(&mut self, what: VisitEvent, (at, version): (Timestamp, i64), starts_at: Timestamp) {
        let (event, words) = match what {
            VisitEvent::Booked => (StageEvent::AppointmentBooked, "Visit booked for"),
            VisitEvent::Moved => (StageEvent::AppointmentBooked, "Visit moved to"),
            VisitEvent::Cancelled => (StageEvent::AppointmentCancelled, "Visit called off; it was planned for"),
            VisitEvent::Attended => (StageEvent::Attended, "Visit took place on"),
            VisitEvent::Missed => (StageEvent::NoShow, "Visit was not kept; it was planned for"),
        };
        let ahead = matches!(what, VisitEvent::Booked | VisitEvent::Moved);
        let told = Visit { told_at: at, version, starts_at: ahead.then_some(starts_at) };
        let newest = self.inquiry.visit.is_none_or(|known| (known.told_at, known.version) < (at, version));
        if !self.inquiry.learn(at, version, event) {
            return;
        }
        self.begin();
        if newest {
            self.inquiry.visit = Some(told);
        }
        self.happened_at = Some(at);
        let when = time_words::words(starts_at, self.rules.calendar.zone(), "en");
        self.enter("appointment", format!("{words} {when}."));
    }

    /// A timer that comes too early or too late finds nothing to do.
    pub(super) fn visit_time_passed(&mut self) {
        let passed = self.inquiry.visit_at().is_some_and(|at| at <= self.now);
        if passed && self.inquiry.next_action == NextAction::AwaitVisit {
            self.begin();
            self.enter("appointment", "The visit's time is over; what became of it is to be confirmed.");
        }
    }

    pub(super) fn claim(&mut self) -> Result<(), Refusal> {
        self.require_open()?;
        if self.inquiry.owner == self.by.0 {
            return Ok(());
        }
        if !self.inquiry.owner.is_empty() {
            return Err(Refusal::Conflict("somebody else has taken this inquiry; choose another one"));
        }
        self.begin();
        self.inquiry.owner.clone_from(&self.by.0);
        self.enter("claimed", "Claimed.");
        Ok(())
    }

    pub(super) fn release(&mut self) -> Result<(), Refusal> {
        self.require_open()?;
        if self.inquiry.owner.is_empty() {
            return Ok(());
        }
        if self.inquiry.owner != self.by.0 {
            return Err(Refusal::Conflict("somebody else holds this inquiry; ask them, or hand it over as a manager"));
        }
        self.begin();
        self.inquiry.owner.clear();
        self.enter("released", "Given back to the queue.");
        Ok(())
    }

    pub(super) fn hand_over(&mut self, to: &HandTo) -> Result<(), Refusal> {
        self.require_open()?;
        match to {
            HandTo::Staff(staff) if *staff == self.inquiry.owner => {}
            HandTo::Staff(staff) => {
                self.begin();
                self.inquiry.owner.clone_from(staff);
                self.enter("handed_over", format!("Handed over to {staff}."));
            }
            HandTo::Team(team) if *team == self.inquiry.route.team => {
                return Err(Refusal::FieldFault("the inquiry is in this team's queue already"));
            }
            HandTo::Team(team) => {
                self.begin();
                self.inquiry.route.team.clone_from(team);
                self.inquiry.owner.clear();
                self.enter("handed_over", format!("Handed over to team {team}."));
            }
        }
        Ok(())
    }

    pub(super) fn close(&mut self, reason: CloseReason) -> Result<(), Refusal> {
        self.require_open()?;
        let tries = self.rules.targets.attempts_before_unreachable;
        if reason == CloseReason::Unreachable && self.inquiry.attempts < tries {
            let text = format!("close as unreachable needs {tries} attempts; there are {}", self.inquiry.attempts);
            return Err(Refusal::WrongState(text.into()));
        }
        let (version, now) = (self.begin(), self.now);
        self.inquiry.learn(now, version, StageEvent::Closed(reason));
        self.inquiry.close_reason = Some(reason);
        self.inquiry.closed_at = Some(now);
        self.inquiry.call_back_at = None;
        self.enter("closed", format!("Closed: {}.", reason.label("en")));
        Ok(())
    }

    pub(super) fn reopen(&mut self) -> Result<(), Refusal> {
        if self.inquiry.stage != Stage::Closed {
            return Err(Refusal::WrongState("the inquiry is not closed".into()));
        }
        let (version, now) = (self.begin(), self.now);
        self.inquiry.learn(now, version, StageEvent::Reopened);
        self.inquiry.close_reason = None;
        self.inquiry.closed_at = None;
        self.restart = true;
        self.enter("reopened", "Opened again.");
        Ok(())
    }
}
