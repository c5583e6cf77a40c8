//! Who works an inquiry, what other services tell of it, and how it ends. Deliberately not here: what is left lying (`idle`).

use causeway_funnel::next_action::NextAction;
use causeway_funnel::reroute::RerouteReason;
use causeway_funnel::routing::Priority;
use causeway_funnel::scope::ScopeState;
use causeway_funnel::stage::{CloseReason, ReopenReason, Stage, StageEvent};
use causeway_funnel::time_words;
use jiff::Timestamp;

use super::decide::Work;
use super::inquiry::{Route, Visit};
use super::step::{Choice, HandTo, How, Moved, Refusal, VisitEvent};

/// In words to whom a level of escalation goes.
pub(super) fn who(to: &str) -> &str {
    match to {
        "owner" => "its owner",
        "lead" => "the team lead",
        "manager" => "an intake manager",
        other => other.strip_prefix("team:").unwrap_or(other),
    }
}

impl Work<'_> {
    pub(super) fn reroute(&mut self, route: &Route) {
        if route.version <= self.inquiry.route.version {
            return;
        }
        self.begin();
        if route.team != self.inquiry.route.team {
            self.inquiry.owner.clear();
            self.moved(How::Rerouted);
        }
        self.enter("routed", format!("Routed again, to team {}.", route.team));
        let known = std::mem::replace(&mut self.inquiry.route, route.clone());
        // The due time may have moved since that decision.
        if known.clock_version > route.clock_version {
            let Route { response_due_at, after_hours, clock_version, .. } = known;
            self.inquiry.route = Route { response_due_at, after_hours, clock_version, ..route.clone() };
        }
    }

    /// The priority of a miss that is taken back stays: who was called to it has been called.
    pub(super) fn response_moved(&mut self, moved: &Moved) {
        if moved.version <= self.inquiry.route.clock_version {
            return;
        }
        self.begin();
        let before = self.inquiry.route.response_due_at;
        self.inquiry.route.response_due_at = moved.due_at;
        self.inquiry.route.after_hours = moved.after_hours;
        self.inquiry.route.clock_version = moved.version;
        self.inquiry.pauses.clone_from(&moved.pauses);
        let is_told = moved.due_at != before || moved.pause.is_some() || moved.cause == "resumed";
        if is_told && self.inquiry.first_attempt_at.is_none() && self.inquiry.is_open() {
            let text = self.why_moved(moved, moved.due_at != before);
            self.enter("clock", text);
        }
    }

    fn why_moved(&self, moved: &Moved, is_other: bool) -> String {
        let words = |at| time_words::words(at, self.rules.calendar.zone(), "en");
        let mut text = match (moved.cause.as_str(), moved.pause) {
            ("closure_entered", _) => "A closure was entered.".to_owned(),
            ("closure_ended", _) => "A closure was ended or taken back.".to_owned(),
            (_, Some((reason, until))) => {
                format!(
                    "The response clock stands still until {}: {}.",
                    words(until),
                    reason.label("en").to_lowercase()
                )
            }
            _ => "The response clock runs on.".to_owned(),
        };
        if is_other {
            text.push_str(&format!(" First contact is now due {}.", words(moved.due_at)));
        }
        if moved.miss_taken_back {
            text.push_str(" It does not count as missed any more.");
        }
        text
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

    /// What a person did after routing last heard of it goes before its choice, as does a try, while somebody has it. A choice that
    /// was looked at is answered, whatever became of it.
    pub(super) fn chosen(&mut self, choice: &Choice) {
        if choice.number <= self.inquiry.turn.choice {
            return;
        }
        self.begin();
        let inquiry = &mut self.inquiry;
        inquiry.turn.choice = choice.number;
        let knew = choice.heard_version >= inquiry.turn.moved_version && choice.team == inquiry.route.team;
        if !knew || !inquiry.is_open() || (inquiry.attempts > 0 && !inquiry.owner.is_empty()) {
            self.how = Some(How::Kept);
            return;
        }
        self.how = Some(How::Chosen);
        if inquiry.owner == choice.owner {
            return;
        }
        inquiry.owner.clone_from(&choice.owner);
        inquiry.turn.chosen = true;
        let text = match choice.reason.as_str() {
            "untouched" => format!("Nobody had begun; it is now the turn of {}.", choice.owner),
            "lead" => format!("Nobody had begun, several times; {} leads the team and has it now.", choice.owner),
            _ => format!("It is the turn of {}.", choice.owner),
        };
        self.enter("chosen", text);
    }

    /// The mark on the worklist only grows; a level that comes again is not told again.
    pub(super) fn escalated(&mut self, why: &str, level: u32, to: &str) {
        let inquiry = &mut self.inquiry;
        if (level > 0 && level <= inquiry.escalated) || !inquiry.is_open() {
            return;
        }
        inquiry.escalated = inquiry.escalated.max(level);
        inquiry.bounced |= why == "bounced";
        self.begin();
        let who = who(to);
        let text = match why {
            "due_soon" => format!("First contact is due soon; {who} is told."),
            "bounced" => format!("It goes from team to team; {who} is told."),
            _ => format!("First contact is late; {who} is told."),
        };
        self.enter("escalated", text);
    }

    pub(super) fn visit(
        &mut self,
        what: VisitEvent,
        (at, version): (Timestamp, i64),
        (starts_at, why): (Timestamp, &str),
    ) {
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
            if what == VisitEvent::Missed {
                // They are tried anew about it.
                self.inquiry.tries_in_vain = 0;
            }
        }
        self.happened_at = Some(at);
        let when = time_words::words(starts_at, self.rules.calendar.zone(), "en");
        self.enter("appointment", format!("{words} {when}{why}."));
        self.step_after_visit();
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
        let is_chosen = self.inquiry.turn.chosen;
        if self.inquiry.owner == self.by.0 && !is_chosen {
            return Ok(());
        }
        // Whose turn it was had not begun: who reaches for it has it.
        if !self.inquiry.owner.is_empty() && !is_chosen {
            return Err(Refusal::Conflict("somebody else has taken this inquiry; choose another one"));
        }
        self.inquiry.owner.clone_from(&self.by.0);
        self.moved(How::Claimed);
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
        self.inquiry.owner.clear();
        self.moved(How::Released);
        self.enter("released", "Given back to the queue.");
        Ok(())
    }

    pub(super) fn hand_over(&mut self, to: &HandTo) -> Result<(), Refusal> {
        self.require_open()?;
        match to {
            HandTo::Staff(staff) if *staff == self.inquiry.owner => {}
            HandTo::Staff(staff) => {
                self.inquiry.owner.clone_from(staff);
                self.moved(How::HandedOver(None));
                self.enter("handed_over", format!("Handed over to {staff}."));
            }
            HandTo::Team(team, reason) => {
                self.give_to_team(team, *reason)?;
                self.enter("handed_over", format!("Handed over to team {team}."));
            }
        }
        Ok(())
    }

    /// It goes to another team's queue. Whoever calls it writes the line of the timeline.
    pub(super) fn give_to_team(&mut self, team: &str, reason: RerouteReason) -> Result<(), Refusal> {
        if team == self.inquiry.route.team {
            return Err(Refusal::FieldFault("the inquiry is in this team's queue already"));
        }
        team.clone_into(&mut self.inquiry.route.team);
        self.inquiry.owner.clear();
        self.moved(How::HandedOver(Some(reason)));
        Ok(())
    }

    /// Somebody of the staff closes it.
    pub(super) fn close_by_hand(&mut self, reason: CloseReason) -> Result<(), Refusal> {
        self.require_open()?;
        if !matches!(reason, CloseReason::Deceased | CloseReason::AskedToStop) {
            self.require_said()?;
        }
        self.close(reason)
    }

    pub(super) fn close(&mut self, reason: CloseReason) -> Result<(), Refusal> {
        self.require_open()?;
        let tries = self.rules.targets.attempts_before_unreachable;
        let made = self.inquiry.tries_in_vain;
        if reason == CloseReason::Unreachable && made < tries {
            let text = format!(
                "close as unreachable needs {tries} attempts since somebody was last reached; there are {made}"
            );
            return Err(Refusal::WrongState(text.into()));
        }
        let (version, now) = (self.begin(), self.now);
        self.inquiry.learn_own(now, version, StageEvent::Closed(reason));
        self.inquiry.close_reason = Some(reason);
        self.inquiry.closed_at = Some(now);
        self.inquiry.call_back_at = None;
        let stands = match self.inquiry.standing().booked {
            true => " A visit stays booked: call it off if it is not to take place.",
            false => "",
        };
        self.enter("closed", format!("Closed: {}.{stands}", reason.label("en")));
        self.step_after_close(reason);
        Ok(())
    }

    pub(super) fn reopen(&mut self, reason: ReopenReason) -> Result<(), Refusal> {
        if self.inquiry.stage != Stage::Closed {
            return Err(Refusal::WrongState("the inquiry is not closed".into()));
        }
        if let Some(handover) = self.inquiry.handover.as_ref().filter(|handover| handover.holds()) {
            let text = format!("the sister center {} has it; it can be handed back from there", handover.to);
            return Err(Refusal::WrongState(text.into()));
        }
        let (version, now) = (self.begin(), self.now);
        self.inquiry.learn_own(now, version, StageEvent::Reopened);
        if self.inquiry.close_reason == Some(CloseReason::Unreachable) {
            // All tries were made, and somebody wants one more.
            self.inquiry.call_back_at = Some(self.rules.calendar.next_opening(now));
        }
        self.reopened = Some((reason, self.inquiry.close_reason.take().unwrap_or_default()));
        (self.inquiry.closed_at, self.inquiry.stopped_at) = (None, None);
        self.inquiry.forget_decline();
        // A message that was on its way when it was closed may have been held back by that: it is asked for anew.
        if self.inquiry.scope.state == ScopeState::Sending {
            self.inquiry.scope.state = ScopeState::Proposed;
        }
        self.restart = true;
        self.rest_questions();
        self.enter("reopened", format!("Opened again: {}.", reason.label("en").to_lowercase()));
        Ok(())
    }
}
