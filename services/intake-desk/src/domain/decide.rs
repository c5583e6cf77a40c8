//! The one decision: a step is either refused, or known already, or changes the inquiry and is told.

use std::borrow::Cow;

use jiff::Timestamp;

use super::inquiry::{Inquiry, Rules};
use super::settle::Before;
use super::step::{By, Decided, Entry, Refusal, Step, Told};

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
    };
    work.take(step)?;
    if work.changed {
        work.settle(&before);
    }
    let Work { inquiry, changed, entries, told, .. } = work;
    Ok(Decided { inquiry, changed, entries, told })
}

impl Work<'_> {
    fn take(&mut self, step: &Step) -> Result<(), Refusal> {
        match step {
            Step::Rerouted(route) => self.reroute(route),
            Step::ResponseMissed { level } => self.response_missed(*level),
            Step::Visit { what, at, version, starts_at } => self.visit(*what, (*at, *version), *starts_at),
            Step::VisitTimePassed => self.visit_time_passed(),
            Step::Document { kind, previous } => self.document(kind, previous),
            Step::Claim => return self.claim(),
            Step::Release => return self.release(),
            Step::HandOver(to) => return self.hand_over(to),
            Step::Attempt { channel, outcome, call_back_at } => {
                return self.attempt(*channel, *outcome, *call_back_at);
            }
            Step::Note { base_version, missing } => return self.note(*base_version, *missing),
            Step::RequestRecords(kinds) => return self.request_records(kinds),
            Step::Record { kind, state } => return self.record(kind, *state),
            Step::Review { accept } => return self.review(*accept),
            Step::Close(reason) => return self.close(*reason),
            Step::Reopen => return self.reopen(),
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
