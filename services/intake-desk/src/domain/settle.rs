//! What follows from every change: stage, readiness, next action and due time.

use causeway_funnel::booking::Readiness;
use causeway_funnel::next_action::{NextAction, due, next_action};
use causeway_funnel::stage::{Stage, StageEvent, Standing, walk};
use jiff::Timestamp;

use super::attempts::next_try;
use super::chase::{gather_due, wanted_of_office};
use super::decide::Work;
use super::inquiry::Inquiry;
use super::step::{How, Told};

/// What has to be compared after a step.
pub(super) struct Before {
    stage: Stage,
    next_action: NextAction,
    visit_at: Option<Timestamp>,
    step_at: Option<Timestamp>,
    scheduled_by: String,
    response_due_at: Timestamp,
    readiness: Readiness,
    /// Team and site, by which scheduling offers and books.
    place: (String, String),
    owner: String,
    open: bool,
    wanted_of_office: Vec<String>,
}

impl Before {
    pub fn of(inquiry: &Inquiry) -> Self {
        Self {
            stage: inquiry.stage,
            next_action: inquiry.next_action,
            visit_at: inquiry.visit_at(),
            step_at: inquiry.open_step().map(|step| step.at),
            scheduled_by: scheduled_by(inquiry, &inquiry.standing()),
            response_due_at: inquiry.route.response_due_at,
            readiness: inquiry.readiness(),
            place: (inquiry.route.team.clone(), inquiry.route.site.clone()),
            owner: inquiry.owner.clone(),
            open: inquiry.is_open(),
            wanted_of_office: wanted_of_office(inquiry).map(str::to_owned).collect(),
        }
    }
}

/// The kind of next step by which it is scheduled; empty where it is not, or by a visit.
fn scheduled_by(inquiry: &Inquiry, standing: &Standing) -> String {
    let by_step = standing.stage == Stage::Scheduled && standing.dated_next_step && !standing.booked;
    inquiry.next_step.as_ref().filter(|_| by_step).map(|step| step.kind.clone()).unwrap_or_default()
}

impl Work<'_> {
    /// Brings everything computed up to date and tells what is another than before.
    pub(super) fn settle(&mut self, before: &Before) {
        let at = self.happened_at.unwrap_or(self.now);
        let known = self.inquiry.standing().records_complete;
        if known != self.inquiry.records_ready {
            let (version, ready) = (self.inquiry.version, self.inquiry.records_ready);
            let since = self.inquiry.records_since(at);
            self.inquiry.learn_own(since, version, StageEvent::RecordsComplete(ready));
        }
        let standing = self.inquiry.standing();
        self.inquiry.stage = standing.stage;
        if standing.stage != before.stage {
            // By the facts, and not by when they were heard. Its line of the timeline is read from them too.
            let since = walk(&self.inquiry.stage_facts).last().map_or(at, |step| step.at);
            let next_step = match standing.stage {
                Stage::Scheduled => scheduled_by(&self.inquiry, &standing),
                _ => before.scheduled_by.clone(),
            };
            let reopened = self.reopened;
            self.told.push(Told::StageChanged {
                from: before.stage,
                to: standing.stage,
                at: since,
                next_step,
                reopened,
            });
        }
        let route = &self.inquiry.route;
        let moved = (&route.team, &route.site) != (&before.place.0, &before.place.1);
        let (readiness, open) = (self.inquiry.readiness(), self.inquiry.is_open());
        if moved || (readiness, open) != (before.readiness, before.open) {
            self.told.push(Told::ReadinessChanged);
        }
        if !wanted_of_office(&self.inquiry).eq(&before.wanted_of_office) {
            let kinds = wanted_of_office(&self.inquiry).map(str::to_owned).collect();
            self.told.push(Told::OfficeRecordsWanted { kinds, at });
        }
        if let Some(how) = self.how_moved(before) {
            self.told.push(Told::WorkMoved(how));
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
        self.wait_for_review(action, (before.next_action, &before.place.0));
    }

    /// How who works it changed; none: it did not.
    fn how_moved(&self, before: &Before) -> Option<How> {
        let inquiry = &self.inquiry;
        let same = (&inquiry.route.team, &inquiry.owner) == (&before.place.0, &before.owner);
        match (before.open, inquiry.is_open()) {
            (true, false) => Some(How::Ended),
            (false, true) => Some(How::Reopened),
            _ if same => self.how.filter(|how| matches!(how, How::Claimed | How::Chosen | How::Kept)),
            _ => self.how,
        }
    }

    /// The due time where the desk's own rules set it; none: by the center's targets from now on.
    fn due(&self, action: NextAction, before: &Before) -> Option<Timestamp> {
        use NextAction as Next;
        let inquiry = &self.inquiry;
        let waits = matches!(
            action,
            Next::Nothing
                | Next::AwaitVisit
                | Next::ConfirmAttendance
                | Next::AwaitNextStep
                | Next::ConfirmNextStep
                | Next::AwaitReferral
        );
        let is_call = !waits;
        if let (true, Some(asked_for)) = (is_call, inquiry.call_back_at) {
            return Some(asked_for);
        }
        if is_call && self.retry {
            return Some(next_try(self.now, &inquiry.facts, self.rules));
        }
        let moved = match action {
            Next::AwaitVisit | Next::ConfirmAttendance => inquiry.visit_at() != before.visit_at,
            Next::AwaitNextStep | Next::ConfirmNextStep => inquiry.open_step().map(|step| step.at) != before.step_at,
            Next::FirstContact | Next::CallBack | Next::ApproveReferral => {
                inquiry.route.response_due_at != before.response_due_at
            }
            _ => false,
        };
        if self.restart && matches!(action, Next::FirstContact | Next::CallBack | Next::ApproveReferral) {
            // Opened again after its response time: due as soon as the center is open.
            return Some(self.rules.calendar.next_opening(self.now).max(inquiry.route.response_due_at));
        }
        // The same thing to do keeps its time: saving half a note does not win a day.
        let keeps = action == before.next_action && !moved && !self.restart && action != Next::Nothing;
        if action == Next::GatherRecords {
            let at = gather_due(inquiry, inquiry.due_at.filter(|_| keeps), self.now, self.rules);
            // Opened again it is not late by the time in which it was closed.
            return Some(if self.restart { at.max(self.rules.calendar.next_opening(self.now)) } else { at });
        }
        if keeps { inquiry.due_at } else { None }
    }
}
