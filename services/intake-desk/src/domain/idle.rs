//! What somebody took and left lying: from when on it counts, when it has been for too long, and that it goes back.
//!
//! Deliberately not here: whether others did anything about it (the timeline tells, and the caller asks it).

use causeway_funnel::calendar::{Clocked, Pause};
use causeway_funnel::next_action::NextAction;
use jiff::Timestamp;

use super::chase::chase_look_again;
use super::decide::Work;
use super::inquiry::{Inquiry, Rules};
use super::step::{HandTo, How, Step};

/// When somebody who took an inquiry at an instant has held it for too long without doing anything; nothing where the center sets no
/// limit. What rightly waits counts from when it has waited, and the time of a pause of the response clock, which ends with the first try, does
/// not count.
pub fn idle_after(inquiry: &Inquiry, since: Timestamp, rules: &Rules<'_>) -> Option<Timestamp> {
    held_too_long(inquiry, waits_until(inquiry).map_or(since, |until| until.max(since)), rules)
}

/// Since when somebody has held an inquiry, where a step calls for looking at it again: a claim, a hand-over to a colleague, and a pause
/// of what somebody holds and has done nothing about, since its time does not count.
pub fn watched_since(inquiry: &Inquiry, step: &Step, now: Timestamp) -> Option<Timestamp> {
    let is_held = !inquiry.owner.is_empty() && !inquiry.turn.chosen && inquiry.is_open();
    match step {
        Step::Claim | Step::HandOver(HandTo::Staff(_)) => Some(now),
        Step::ResponseMoved(moved) if is_held && !moved.pauses.is_empty() => inquiry.turn.moved_at,
        _ => None,
    }
}

/// When to look again, where somebody still holds what a timer came too early for: the center's limit grew, its hours are others, or there
/// was a pause since it was set.
pub fn looks_again(inquiry: &Inquiry, step: &Step, now: Timestamp, rules: &Rules<'_>) -> Option<Timestamp> {
    let Step::ClaimIdle { owner, version, since } = step else {
        return match step {
            Step::ChaseRecords => chase_look_again(inquiry, now, rules),
            Step::LeftLate { owner, due, touched } if begun_by(inquiry) == Some((owner, *due)) => {
                left_after(*due, *touched, rules).filter(|until| *until > now)
            }
            _ => None,
        };
    };
    if !is_held_by(inquiry, owner, *version) {
        return None;
    }
    idle_after(inquiry, *since, rules).filter(|until| *until > now)
}

/// What somebody has begun and what they have to do next by when; none where nobody has, or it is not theirs to do: a visit, a reviewer
/// or a message is waited for.
pub fn begun_by(inquiry: &Inquiry) -> Option<(&str, Timestamp)> {
    use NextAction as Next;
    let waits = matches!(
        inquiry.next_action,
        Next::Nothing | Next::AwaitVisit | Next::AwaitNextStep | Next::AwaitReferral | Next::ReviewRecords
    );
    // Whose turn it only is, and who has not begun what they took, is watched by the time since then.
    let is_begun = !inquiry.owner.is_empty() && !inquiry.turn.chosen && inquiry.turn.moved_at.is_none();
    let due = inquiry.due_at.filter(|_| inquiry.is_open() && is_begun && !waits)?;
    Some((&inquiry.owner, due))
}

/// When what is due has been left lying by who has begun it; nothing where the center sets no limit. `touched`: when anything was last
/// done about it.
pub fn left_after(due: Timestamp, touched: Option<Timestamp>, rules: &Rules<'_>) -> Option<Timestamp> {
    let minutes = rules.targets.claim_idle_minutes;
    let since = touched.map_or(due, |touched| touched.max(due));
    (minutes > 0).then(|| rules.calendar.add_business(since, minutes))
}

/// Whether somebody has it by the claim of this version, and has done nothing about it since.
fn is_held_by(inquiry: &Inquiry, owner: &str, version: i64) -> bool {
    !owner.is_empty() && inquiry.owner == owner && inquiry.turn.moved_version == version && inquiry.is_open()
}

fn held_too_long(inquiry: &Inquiry, started: Timestamp, rules: &Rules<'_>) -> Option<Timestamp> {
    let minutes = rules.targets.claim_idle_minutes;
    // The clock of the response has ended with the first try, and its pauses with it.
    let ended = inquiry.first_attempt_at.unwrap_or(Timestamp::MAX);
    let pauses = inquiry.pauses.iter().filter(|pause| pause.from < ended);
    let pauses = pauses.map(|pause| Pause { from: pause.from, to: Some(pause.to.min(ended)) }).collect();
    (minutes > 0).then(|| rules.calendar.due(&Clocked { started, pauses }, minutes))
}

/// Until when nothing needs to be done, where that is so: somebody is to be called back then, or missing records are to be asked
/// after then.
fn waits_until(inquiry: &Inquiry) -> Option<Timestamp> {
    inquiry.call_back_at.or(inquiry.due_at.filter(|_| inquiry.next_action == NextAction::GatherRecords))
}

impl Work<'_> {
    /// Late work goes back to the queue where who has begun it does nothing more: they may be ill, and nobody else would take it.
    pub(super) fn left_late(&mut self, owner: &str, due: Timestamp, touched: Option<Timestamp>) {
        let is_left = left_after(due, touched, self.rules).is_some_and(|until| until <= self.now);
        if begun_by(&self.inquiry) != Some((owner, due)) || !is_left {
            return;
        }
        self.begin();
        self.inquiry.owner.clear();
        self.moved(How::Released);
        let minutes = self.rules.targets.claim_idle_minutes;
        self.enter(
            "released",
            format!(
                "Back in the queue: it has been late for {minutes} open minutes, and {owner} did nothing about it."
            ),
        );
    }

    /// Goes back to the queue of who comes next. It changes nothing for who holds it no more or took it anew, and a visit that is
    /// booked, a next step that is agreed, a message that is on its way, a call that was asked for and records that were asked for want nothing until their
    /// time; nor does the time of a pause count: [`looks_again`] says when to come back. Whether anything was done about it by others is the caller's
    /// question.
    pub(super) fn claim_idle(&mut self, owner: &str, version: i64, since: Timestamp) {
        let inquiry = &self.inquiry;
        let waits = matches!(
            inquiry.next_action,
            NextAction::AwaitVisit | NextAction::AwaitNextStep | NextAction::AwaitReferral
        ) || waits_until(inquiry).is_some_and(|until| until > self.now)
            || held_too_long(inquiry, since, self.rules).is_none_or(|until| until > self.now);
        if !is_held_by(inquiry, owner, version) || waits {
            return;
        }
        let minutes = self.rules.targets.claim_idle_minutes;
        self.back(format!("{owner} took it {minutes} open minutes ago and nothing was done."));
    }

    /// Back to the queue, and why.
    fn back(&mut self, why: String) {
        self.begin();
        self.inquiry.owner.clear();
        self.moved(How::Released);
        self.enter("released", format!("Back in the queue: {why}"));
    }
}
