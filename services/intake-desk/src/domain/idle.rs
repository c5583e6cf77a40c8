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
        return chase_look_again(inquiry, now, rules).filter(|_| matches!(step, Step::ChaseRecords));
    };
    if !is_held_by(inquiry, owner, *version) {
        return None;
    }
    idle_after(inquiry, *since, rules).filter(|until| *until > now)
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
        self.begin();
        self.inquiry.owner.clear();
        self.moved(How::Released);
        let minutes = self.rules.targets.claim_idle_minutes;
        self.enter(
            "released",
            format!("Back in the queue: {owner} took it {minutes} open minutes ago and nothing was done."),
        );
    }
}
