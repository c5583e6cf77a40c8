//! Where a referral stands for the office that sent it: from the stages and visits that others tell to the status of its Task.
//!
//! The status moves only as the Task of a shared referral may (received, accepted, in-progress, then one end), however the
//! stages jump: what lies between is gone through, and an end is an end, also where the desk opens the inquiry again.
//! Deliberately not here: what waits at the door itself (store), and how it is worded (adapters).

use causeway_funnel::stage::{CloseReason, Stage};
use jiff::Timestamp;

/// Status of a Task, as far as this door uses them (FHIR R4 value set task-status).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Status {
    /// It is here.
    #[default]
    Received,
    /// The center works on it.
    Accepted,
    /// What the visit needs is known, or a visit is planned.
    InProgress,
    /// The visit took place.
    Completed,
    /// The center does not take it.
    Rejected,
    /// It was called off.
    Cancelled,
    /// The center tried, and it led to no visit.
    Failed,
}

impl Status {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Received,
        Self::Accepted,
        Self::InProgress,
        Self::Completed,
        Self::Rejected,
        Self::Cancelled,
        Self::Failed,
    ];

    /// Its code.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Received => "received",
            Self::Accepted => "accepted",
            Self::InProgress => "in-progress",
            Self::Completed => "completed",
            Self::Rejected => "rejected",
            Self::Cancelled => "cancelled",
            Self::Failed => "failed",
        }
    }

    /// The one with a code.
    #[must_use]
    pub fn parse(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.code() == code)
    }

    /// Whether nothing follows.
    #[must_use]
    pub const fn is_end(self) -> bool {
        matches!(self, Self::Completed | Self::Rejected | Self::Cancelled | Self::Failed)
    }

    /// The status on the way to another one; none: nothing leads there.
    fn towards(self, to: Self) -> Option<Self> {
        match (self, to) {
            (Self::Received, Self::Accepted | Self::Rejected | Self::Cancelled)
            | (Self::Accepted, Self::InProgress | Self::Cancelled)
            | (Self::InProgress, Self::Completed | Self::Failed | Self::Cancelled) => Some(to),
            (Self::Received, Self::InProgress | Self::Completed | Self::Failed) => Some(Self::Accepted),
            (Self::Accepted, Self::Completed | Self::Failed) => Some(Self::InProgress),
            _ => None,
        }
    }
}

/// What became of the visit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Visit {
    /// There was none.
    #[default]
    None,
    /// It is booked.
    Booked,
    /// It was called off.
    Cancelled,
    /// The patient did not come.
    Missed,
    /// It took place.
    Attended,
}

impl Visit {
    const ALL: [Self; 5] = [Self::None, Self::Booked, Self::Cancelled, Self::Missed, Self::Attended];

    /// The stored name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Booked => "booked",
            Self::Cancelled => "cancelled",
            Self::Missed => "missed",
            Self::Attended => "attended",
        }
    }

    /// The one with a stored name.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|visit| visit.as_str() == word)
    }
}

/// Where a referral stands.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Journey {
    /// The stage that the desk told last.
    pub stage: Stage,
    /// The desk's version of it.
    pub stage_version: i64,
    /// Why it ended the first time, unless by the visit.
    pub reason: Option<CloseReason>,
    /// What became of the newest visit.
    pub visit: Visit,
    /// Scheduling's version of it.
    pub visit_version: i64,
    /// When it begins and ends.
    pub visit_at: Option<(Timestamp, Timestamp)>,
    /// Status of the Task.
    pub status: Status,
    /// Counts the changes; each status on the way counts.
    pub version: i64,
    /// The desk's version of its newest close that was heard of.
    pub closed_version: i64,
    /// The desk's version that was known when the office's withdrawal was settled.
    pub off_version: i64,
    /// Kinds of the documents that the center waits for from the office; none once it has ended.
    pub wanted: Vec<String>,
    /// The desk's version of them.
    pub wanted_version: i64,
}

/// What is heard of a referral.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum News {
    /// The desk moved it.
    Stage {
        /// From which stage.
        from: Stage,
        /// To which one.
        to: Stage,
        /// Why it is closed, if it is.
        reason: Option<CloseReason>,
        /// The desk's version.
        version: i64,
    },
    /// Something became of a visit.
    Visit {
        /// What.
        what: Visit,
        /// When it begins and ends.
        at: (Timestamp, Timestamp),
        /// Scheduling's version.
        version: i64,
    },
    /// The desk waits for other documents from the office than before.
    Wanted {
        /// All of their kinds.
        kinds: Vec<String>,
        /// The desk's version.
        version: i64,
    },
}

/// What news did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// Something is another than before.
    Changed,
    /// It is newer than what is known, and the office sees the same as before.
    Noted,
    /// Older than what is known, or the same.
    Nothing,
    /// A stage before it was not heard of yet.
    Early,
}

impl Journey {
    /// Takes news in. `waits`: a stage that does not follow on the last one is told as early and changes nothing, because the
    /// one between is on its way. `is_called_off`: the office's withdrawal was settled, so whatever follows, it was called off.
    pub fn hear(&mut self, news: News, waits: bool, is_called_off: bool) -> Effect {
        match news {
            // An end that comes late is the end all the same: the desk has opened the inquiry again since.
            News::Stage { from, to, reason, version }
                if version < self.stage_version && self.is_late((to, reason), version) =>
            {
                self.note(to, version);
                self.go(self.goal((from, to), reason), reason, is_called_off);
            }
            News::Stage { version, .. } if version <= self.stage_version => return Effect::Nothing,
            News::Visit { version, .. } if version <= self.visit_version => return Effect::Nothing,
            News::Wanted { version, .. } if version <= self.wanted_version => return Effect::Nothing,
            News::Stage { from, .. } if waits && from != self.stage => return Effect::Early,
            News::Stage { from, to, reason, version } => {
                (self.stage, self.stage_version) = (to, version);
                self.note(to, version);
                let reason = reason.filter(|_| to == Stage::Closed);
                self.go(self.goal((from, to), reason), reason, is_called_off);
            }
            News::Visit { what, at, version } => {
                (self.visit, self.visit_version, self.visit_at) = (what, version, Some(at));
                self.go(Status::InProgress, None, is_called_off);
            }
            News::Wanted { kinds, version } => {
                self.wanted_version = version;
                let kinds = if self.status.is_end() { Vec::new() } else { kinds };
                if kinds == self.wanted {
                    return Effect::Noted;
                }
                self.wanted = kinds;
            }
        }
        self.version += 1;
        Effect::Changed
    }

    /// The office's withdrawal was settled: what has not ended ends as called off. The message counts the change.
    pub fn call_off(&mut self) {
        self.off_version = self.stage_version;
        self.go(Status::Cancelled, None, true);
    }

    /// A sister center has it. False where it had ended before.
    pub fn hand_over(&mut self, is_called_off: bool) -> bool {
        let is_new = !self.status.is_end();
        if is_new {
            self.go(Status::Cancelled, Some(CloseReason::HandedToSister), is_called_off);
            self.version += 1;
        }
        is_new
    }

    /// Whether a stage that comes late still says something: it would be the first end, or a close that nobody heard of.
    fn is_late(&self, (stage, reason): (Stage, Option<CloseReason>), version: i64) -> bool {
        match stage {
            Stage::Closed if reason == Some(CloseReason::HandedToSister) => version > self.closed_version,
            Stage::Closed => !self.status.is_end() || version > self.closed_version,
            Stage::Attended => !self.status.is_end(),
            _ => false,
        }
    }

    fn note(&mut self, stage: Stage, version: i64) {
        if stage == Stage::Closed {
            self.closed_version = self.closed_version.max(version);
        }
    }

    /// The status that a stage stands for. Declined is what the center has not taken on, by what the desk says of it and by what
    /// the office has been told.
    fn goal(&self, (from, to): (Stage, Stage), reason: Option<CloseReason>) -> Status {
        let is_untouched = matches!(from, Stage::Received | Stage::Routed) && self.status == Status::Received;
        match to {
            Stage::Received | Stage::Routed => Status::Received,
            Stage::Contacted => Status::Accepted,
            Stage::IntakeComplete | Stage::RecordsReady | Stage::Scheduled => Status::InProgress,
            Stage::Attended => Status::Completed,
            Stage::Closed => match reason.unwrap_or_default() {
                CloseReason::OutOfScopeReferred | CloseReason::NotAnInquiry if is_untouched => Status::Rejected,
                CloseReason::Unreachable | CloseReason::NoSuitableDate => Status::Failed,
                // It may open again: what the sister answers ends it (see [`Self::hand_over`]).
                CloseReason::HandedToSister => self.status,
                _ => Status::Cancelled,
            },
        }
    }

    /// Goes to a status, if something leads there, and counts each on the way but the last, which counts with the news. What the
    /// office has called off ends as that, and for no reason of the desk's. From what has ended nothing is waited for.
    fn go(&mut self, to: Status, reason: Option<CloseReason>, is_called_off: bool) {
        let (to, reason) = if is_called_off { (Status::Cancelled, None) } else { (to, reason) };
        let mut steps = 0;
        while let Some(next) = self.status.towards(to) {
            (self.status, steps) = (next, steps + 1);
        }
        self.version += (steps - 1).max(0);
        if steps > 0 && self.status.is_end() {
            self.reason = reason;
            self.wanted.clear();
        }
    }

    /// Whether the desk has opened it again after its end: a close was heard, since the office called it off if it did, and then
    /// another stage.
    #[must_use]
    pub fn is_taken_up_again(&self) -> bool {
        let is_opened = self.closed_version > self.off_version && self.stage != Stage::Closed;
        self.status.is_end() && self.status != Status::Completed && is_opened
    }
}

#[cfg(test)]
#[path = "journey_tests.rs"]
mod tests;
