//! What follows from every change: stage, readiness, next action and due time.

use causeway_funnel::next_action::{NextAction, due, next_action};
use causeway_funnel::stage::{Stage, StageEvent};
use jiff::Timestamp;

use super::attempts::next_try;
use super::decide::Work;
use super::inquiry::Inquiry;
use super::step::Told;

/// What has to be compared after a step.
pub(super) struct Before {
    stage: Stage,
    next_action: NextAction,
    visit_at: Option<Timestamp>,
    response_due_at: Timestamp,
    readiness: [bool; 4],
    /// Team and site, by which scheduling offers and books.
    place: (String, String),
}

impl Before {
    pub fn of(inquiry: &Inquiry) -> Self {
        Self {
            stage: inquiry.stage,
            next_action: inquiry.next_action,
            visit_at: inquiry.visit_at(),
            response_due_at: inquiry.route.response_due_at,
            readiness: readiness(inquiry),
            place: (inquiry.route.team.clone(), inquiry.route.site.clone()),
        }
    }
}

/// How far it is, which booking depends on.
fn readiness(inquiry: &Inquiry) -> [bool; 4] {
    [inquiry.intake_complete, inquiry.records_ready, inquiry.reviewed, inquiry.is_open()]
}

impl Work<'_> {
    /// Brings everything computed up to date and tells what is another than before.
    pub(super) fn settle(&mut self, before: &Before) {
        let at = self.happened_at.unwrap_or(self.now);
        let known = self.inquiry.standing().records_complete;
        if known != self.inquiry.records_ready {
            let (version, ready) = (self.inquiry.version, self.inquiry.records_ready);
            self.inquiry.learn(self.now, version, StageEvent::RecordsComplete(ready));
        }
        let standing = self.inquiry.standing();
        self.inquiry.stage = standing.stage;
        if standing.stage != before.stage {
            self.told.push(Told::StageChanged { from: before.stage, to: standing.stage, at });
            // Closing and reopening write their own line.
            if standing.stage != Stage::Closed && before.stage != Stage::Closed {
                self.enter("stage", format!("Stage is now: {}.", standing.stage.label("en").to_lowercase()));
            }
        }
        let route = &self.inquiry.route;
        let moved = (&route.team, &route.site) != (&before.place.0, &before.place.1);
        if moved || readiness(&self.inquiry) != before.readiness {
            self.told.push(Told::ReadinessChanged);
        }
        let situation = self.inquiry.situation(standing, self.rules);
        let action = next_action(&situation, self.now);
        self.inquiry.due_at = self.due(action, before).or_else(|| {
            due(
                action,
                &situation,
                self.now,
                self.inquiry.route.response_due_at,
                self.rules.calendar,
                self.rules.targets,
            )
        });
        self.inquiry.next_action = action;
    }

    /// The due time where the desk's own rules set it; none: by the center's targets from now on.
    fn due(&self, action: NextAction, before: &Before) -> Option<Timestamp> {
        use NextAction as Next;
        let inquiry = &self.inquiry;
        let is_call = !matches!(action, Next::Nothing | Next::AwaitVisit | Next::ConfirmAttendance);
        if let (true, Some(asked_for)) = (is_call, inquiry.call_back_at) {
            return Some(asked_for);
        }
        if is_call && self.retry {
            return Some(next_try(self.now, &inquiry.facts, self.rules));
        }
        let moved = match action {
            Next::AwaitVisit | Next::ConfirmAttendance => inquiry.visit_at() != before.visit_at,
            Next::FirstContact | Next::CallBack => inquiry.route.response_due_at != before.response_due_at,
            _ => false,
        };
        if self.restart && matches!(action, Next::FirstContact | Next::CallBack) {
            // Opened again after its response time: due as soon as the center is open.
            return Some(self.rules.calendar.next_opening(self.now).max(inquiry.route.response_due_at));
        }
        // The same thing to do keeps its time: saving half a note does not win a day.
        let keeps = action == before.next_action && !moved && !self.restart && action != Next::Nothing;
        if keeps { inquiry.due_at } else { None }
    }
}
