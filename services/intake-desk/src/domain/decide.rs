//! The one decision: a step is either refused, or known already, or changes the inquiry and is told.

use std::borrow::Cow;

use causeway_funnel::stage::{CloseReason, ReopenReason};
use jiff::Timestamp;

use super::inquiry::{Inquiry, Rules};
use super::settle::Before;
use super::step::{By, Decided, Entry, How, Refusal, Step, Told};

/// A decision under way.
pub(super) struct Work<'a> {
    pub inquiry: Inquiry,
    pub now: Timestamp,
    pub by: &'a By,
    pub rules: &'a Rules<'a>,
    pub entries: Vec<Entry>,
    pub told: Vec<Told>,
    /// The step changes something.
    pub changed: bool,
    /// The next try is to be set anew.
    pub retry: bool,
    /// The clock of the next action starts anew even where the action is the same.
    pub restart: bool,
    /// When the step happened, where that is not now.
    pub happened_at: Option<Timestamp>,
    /// How it came that it is somebody else's; a choice that comes too late says so as well.
    pub how: Option<How>,
    /// It was opened again: why, and why it had been closed.
    pub reopened: Option<(ReopenReason, CloseReason)>,
}

/// Decides one step. What follows from it (stage, readiness, next action, due time) is computed from all facts, so the
/// order in which steps arrive does not matter for the stage.
///
/// # Errors
/// Tells why the step is refused; nothing has changed then.
pub fn decide(inquiry: Inquiry, step: &Step, by: &By, now: Timestamp, rules: &Rules<'_>) -> Result<Decided, Refusal> {
    let before = Before::of(&inquiry);
    let mut work = Work {
        inquiry,
        now,
        by,
        rules,
        entries: Vec::new(),
        told: Vec::new(),
        changed: false,
        retry: false,
        restart: false,
        happened_at: None,
        how: None,
        reopened: None,
    };
    work.take(step)?;
    if work.changed {
        work.honour_stop();
        work.settle(&before);
    }
    let Work { inquiry, changed, entries, told, .. } = work;
    Ok(Decided { inquiry, changed, entries, told })
}

impl Work<'_> {
    fn take(&mut self, step: &Step) -> Result<(), Refusal> {
        match step {
            Step::Rerouted(route) => self.reroute(route),
            Step::ResponseMoved(moved) => self.response_moved(moved),
            Step::ResponseMissed { level } => self.response_missed(*level),
            Step::Chosen(choice) => self.chosen(choice),
            Step::Escalated { why, level, to } => self.escalated(why, *level, to),
            Step::Visit { what, at, version, starts_at, why } => {
                self.visit(*what, (*at, *version), (*starts_at, why));
            }
            Step::VisitTimePassed => self.visit_time_passed(),
            Step::ReviewEscalated { since, level, to, staff } => self.review_escalated(*since, *level, (to, staff)),
            Step::Document { document, kind, previous, at, door } => {
                self.document((*document, door), (kind, previous), *at);
            }
            Step::LooseDocument { document, door, at } => self.loose_document(*document, door, *at),
            Step::RecordsNotTold { at, text } => self.records_not_told(*at, text),
            Step::Amended(told) => self.amended(told),
            Step::ContactStopped { channel, at } => self.contact_stopped(*channel, *at),
            Step::ClaimIdle { owner, version, since } => self.claim_idle(owner, *version, *since),
            Step::LeftLate { owner, due, touched } => self.left_late(owner, *due, *touched),
            Step::NextStepTimePassed { number } => self.next_step_time_passed(*number),
            Step::AgreeNextStep { kind, at } => return self.agree_next_step(kind, *at),
            Step::EndNextStep(how) => return self.end_next_step(*how),
            Step::Claim => return self.claim(),
            Step::Release => return self.release(),
            Step::HandOver(to) => return self.hand_over(to),
            Step::Attempt { channel, outcome, call_back_at } => {
                return self.attempt(*channel, *outcome, *call_back_at);
            }
            Step::Note { base_version, missing } => return self.note(*base_version, *missing),
            Step::RequestRecords { kinds, of } => return self.request_records(kinds, *of),
            Step::PromiseRecord { kind, at, of } => return self.promise_record(kind, *at, *of),
            Step::ChaseRecords => self.chase_records(),
            Step::Record { kind, state, why } => return self.record(kind, *state, *why),
            Step::Review(verdict) => return self.review(verdict),
            Step::ReferElsewhere => return self.refer_elsewhere(),
            Step::Keep(reason) => return self.keep(*reason),
            Step::ReferralTold { fate, at, text } => return self.referral_told(*fate, (*at, text)),
            Step::HandToCenter { to, reason } => return self.hand_to_center(to, *reason),
            Step::HandoverTold { number, fate } => return self.handover_told(*number, fate),
            Step::Close(reason) => return self.close_by_hand(*reason),
            Step::Reopen(reason) => return self.reopen(*reason),
        }
        Ok(())
    }

    /// Marks the inquiry as changed; gives its new version.
    pub(super) fn begin(&mut self) -> i64 {
        if !self.changed {
            self.changed = true;
            self.inquiry.version += 1;
        }
        self.inquiry.version
    }

    /// A person changed who works it. Gives the new version.
    pub(super) fn moved(&mut self, how: How) {
        self.inquiry.turn.moved_version = self.begin();
        self.inquiry.turn.moved_at = Some(self.now);
        self.inquiry.turn.chosen = false;
        self.how = Some(how);
    }

    /// Whoever begins what is theirs holds it from then on: a choice of routing that did not know of it comes too late, and nobody looks
    /// whether it was left lying. Stands after [`Self::begin`].
    pub(super) fn acted(&mut self) {
        if self.by.0 == self.inquiry.owner {
            self.inquiry.turn.chosen = false;
            self.inquiry.turn.moved_version = self.inquiry.version;
            self.inquiry.turn.moved_at = None;
        }
    }

    /// Writes a line into the timeline.
    pub(super) fn enter(&mut self, kind: &'static str, text: impl Into<Cow<'static, str>>) {
        let at = self.happened_at.unwrap_or(self.now);
        self.entries.push(Entry { at, kind, text: text.into(), actor: self.by.0.clone() });
    }

    /// Refuses what makes sense only while somebody still works it.
    pub(super) fn require_open(&self) -> Result<(), Refusal> {
        if self.inquiry.close_reason.is_some() {
            Err(Refusal::Closed)
        } else if self.inquiry.is_open() {
            Ok(())
        } else {
            Err(Refusal::WrongState("the visit has taken place; there is nothing left to work".into()))
        }
    }
}
