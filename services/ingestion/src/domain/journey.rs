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
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
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
}

/// What is heard of a referral.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
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
}

/// What news did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// Something is another than before.
    Changed,
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
            News::Stage { from, to, reason, version } if version < self.stage_version && self.is_late(to, version) => {
                self.note(to, version);
                self.go(self.goal((from, to), reason), reason, is_called_off);
            }
            News::Stage { version, .. } if version <= self.stage_version => return Effect::Nothing,
            News::Visit { version, .. } if version <= self.visit_version => return Effect::Nothing,
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
        }
        self.version += 1;
        Effect::Changed
    }

    /// The office's withdrawal was settled: what has not ended ends as called off. The message counts the change.
    pub fn call_off(&mut self) {
        self.off_version = self.stage_version;
        self.go(Status::Cancelled, None, true);
    }

    /// Whether a stage that comes late still says something: it would be the first end, or a close that nobody heard of.
    const fn is_late(&self, stage: Stage, version: i64) -> bool {
        match stage {
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
                _ => Status::Cancelled,
            },
        }
    }

    /// Goes to a status, if something leads there, and counts each on the way but the last, which counts with the news. What the
    /// office has called off ends as that, and for no reason of the desk's.
    fn go(&mut self, to: Status, reason: Option<CloseReason>, is_called_off: bool) {
        let (to, reason) = if is_called_off { (Status::Cancelled, None) } else { (to, reason) };
        let mut steps = 0;
        while let Some(next) = self.status.towards(to) {
            (self.status, steps) = (next, steps + 1);
        }
        self.version += (steps - 1).max(0);
        if steps > 0 && self.status.is_end() {
            self.reason = reason;
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
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn staged(from: Stage, to: Stage, version: i64) -> News {
        News::Stage { from, to, reason: (to == Stage::Closed).then_some(CloseReason::Unreachable), version }
    }

    /// The moves that a Task of a shared referral may make, one by one.
    const MOVES: [(Status, Status); 8] = [
        (Status::Received, Status::Accepted),
        (Status::Received, Status::Rejected),
        (Status::Received, Status::Cancelled),
        (Status::Accepted, Status::InProgress),
        (Status::Accepted, Status::Cancelled),
        (Status::InProgress, Status::Completed),
        (Status::InProgress, Status::Failed),
        (Status::InProgress, Status::Cancelled),
    ];

    #[test]
    fn each_step_towards_a_status_is_a_move_that_a_task_may_make() {
        for from in Status::ALL {
            for to in Status::ALL {
                let Some(next) = from.towards(to) else {
                    assert!(!MOVES.contains(&(from, to)), "{from:?} may become {to:?}");
                    continue;
                };
                assert!(MOVES.contains(&(from, next)), "{from:?} to {next:?}");
            }
        }
        assert!(MOVES.iter().all(|(from, _)| !from.is_end()), "nothing follows an end");
    }

    #[test]
    fn a_jump_goes_through_what_lies_between_and_each_counts() {
        let mut journey = Journey::default();
        assert_eq!(journey.hear(staged(Stage::Received, Stage::Attended, 1), true, false), Effect::Changed);
        assert_eq!((journey.status, journey.version), (Status::Completed, 3));
        let mut called_off = Journey::default();
        called_off.hear(staged(Stage::Received, Stage::Attended, 1), true, true);
        assert_eq!((called_off.status, called_off.version), (Status::Cancelled, 1), "the office has called it off");
        let mut closed = Journey::default();
        closed.hear(staged(Stage::Received, Stage::Closed, 1), true, true);
        assert_eq!((closed.status, closed.reason), (Status::Cancelled, None));
    }

    #[test]
    fn a_referral_out_of_scope_is_declined_only_before_the_center_has_taken_it_on() {
        let out = |from, version| News::Stage {
            from,
            to: Stage::Closed,
            reason: Some(CloseReason::OutOfScopeReferred),
            version,
        };
        let mut early = Journey::default();
        early.hear(out(Stage::Received, 1), true, false);
        let mut late = Journey::default();
        late.hear(staged(Stage::Received, Stage::Contacted, 1), true, false);
        late.hear(out(Stage::Contacted, 2), true, false);
        assert_eq!((early.status, late.status), (Status::Rejected, Status::Cancelled));
        assert_eq!(late.reason, Some(CloseReason::OutOfScopeReferred));
    }

    #[test]
    fn an_end_stays_where_the_desk_opens_the_inquiry_again() {
        let mut journey = Journey::default();
        journey.hear(staged(Stage::Received, Stage::Closed, 2), true, false);
        assert_eq!((journey.status, journey.is_taken_up_again()), (Status::Failed, false));
        assert_eq!(journey.hear(staged(Stage::Closed, Stage::Attended, 5), true, false), Effect::Changed);
        assert_eq!((journey.status, journey.reason), (Status::Failed, Some(CloseReason::Unreachable)));
        assert!(journey.is_taken_up_again());
    }

    #[test]
    fn what_the_office_called_off_is_taken_up_again_only_where_the_desk_closed_it_and_opened_it_since() {
        let at = (Timestamp::UNIX_EPOCH, Timestamp::UNIX_EPOCH);
        let mut journey = Journey::default();
        journey.hear(staged(Stage::Received, Stage::Scheduled, 3), true, false);
        journey.call_off();
        assert_eq!((journey.status, journey.reason), (Status::Cancelled, None));
        journey.hear(News::Visit { what: Visit::Cancelled, at, version: 1 }, true, true);
        assert!(!journey.is_taken_up_again(), "nobody has closed it yet");
        journey.hear(staged(Stage::Scheduled, Stage::Closed, 4), true, true);
        assert!(!journey.is_taken_up_again());
        journey.hear(staged(Stage::Closed, Stage::Contacted, 5), true, true);
        assert_eq!((journey.status, journey.is_taken_up_again()), (Status::Cancelled, true));
        journey.call_off();
        assert!(!journey.is_taken_up_again(), "called off again");
        assert_eq!(journey.hear(staged(Stage::Scheduled, Stage::Closed, 4), true, true), Effect::Nothing);
    }

    /// A journey of the desk: stages that follow on one another, one end somewhere, after which the inquiry may be opened
    /// again, and visits beside it once somebody was reached, to whom no team comes any more.
    fn told() -> impl Strategy<Value = Vec<News>> {
        let open: Vec<Stage> = Stage::ALL[2..6].to_vec();
        let stages = prop::collection::vec((prop::sample::select(open), 1_i64..4), 0..7);
        let reason = prop::option::of(prop::sample::select(CloseReason::ALL.to_vec()));
        let end = (0..7_usize, prop::sample::select(vec![Stage::Attended, Stage::Closed]), reason);
        let visits = [Visit::Booked, Visit::Cancelled, Visit::Missed, Visit::Attended];
        let visits = prop::collection::vec(prop::sample::select(visits.to_vec()), 0..4);
        (any::<bool>(), stages, prop::option::of(end), visits).prop_map(|(is_routed, mut stages, end, visits)| {
            let mut why = None;
            let mut is_reached = !stages.is_empty();
            if let Some((at, end, reason)) = end {
                is_reached &= at > 0;
                why = reason;
                stages.insert(at.min(stages.len()), (end, 1));
            }
            if is_routed {
                stages.insert(0, (Stage::Routed, 1));
            }
            let (mut from, mut version, mut all) = (Stage::Received, 0, Vec::new());
            for (to, gap) in stages {
                if to != from {
                    version += gap;
                    let reason = why.filter(|_| to == Stage::Closed);
                    all.push(News::Stage { from, to, reason, version });
                    from = to;
                }
            }
            let at = (Timestamp::UNIX_EPOCH, Timestamp::UNIX_EPOCH);
            let visits = visits.into_iter().filter(|_| is_reached);
            all.extend((1..).zip(visits).map(|(version, what)| News::Visit { what, at, version }));
            all
        })
    }

    /// Hears all of it as it comes; what is early comes again after the others. Nothing goes another way than a Task may.
    fn hear_all(mut news: Vec<News>, waits: bool, is_called_off: bool) -> Journey {
        let mut journey = Journey::default();
        while !news.is_empty() {
            let many = news.len();
            news.retain(|one| {
                let before = journey;
                let effect = journey.hear(*one, waits, is_called_off);
                assert!(!before.status.is_end() || journey.status == before.status, "an end is left");
                assert!(
                    is_called_off
                        || journey.status != Status::Rejected
                        || before.status < Status::Accepted
                        || before.status == Status::Rejected
                );
                assert_eq!(
                    effect == Effect::Changed,
                    journey.version > before.version,
                    "a change counts, and nothing else"
                );
                effect == Effect::Early
            });
            assert!(news.len() < many, "what is early waits for ever");
        }
        journey
    }

    proptest! {
        #[test]
        fn any_order_and_any_repetition_end_in_the_same_place(
            (told, mixed) in told().prop_flat_map(|told| {
                let twice = [told.clone(), told.clone()].concat();
                (Just(told), Just(twice).prop_shuffle())
            })
        ) {
            for is_called_off in [false, true] {
                let straight = hear_all(told.clone(), true, is_called_off);
                let other = hear_all(mixed.clone(), true, is_called_off);
                // How many statuses were gone through one by one depends on the order; where it ends does not.
                prop_assert_eq!(Journey { version: 0, ..straight }, Journey { version: 0, ..other });
            }
        }

        #[test]
        fn what_is_not_waited_for_any_more_ends_as_well_and_what_was_called_off_ends_as_that(
            (told, mixed) in told().prop_flat_map(|told| (Just(told.clone()), Just(told).prop_shuffle()))
        ) {
            let is_end = |news: &News| matches!(news, News::Stage { to: Stage::Closed | Stage::Attended, .. });
            let ends = told.iter().any(is_end);
            let (free, off) = (hear_all(mixed.clone(), false, false), hear_all(mixed, false, true));
            prop_assert_eq!(free.status.is_end(), ends);
            prop_assert_eq!((off.status, off.reason), (if told.is_empty() { Status::Received } else { Status::Cancelled }, None));
            let straight = hear_all(told, true, false);
            prop_assert_eq!((free.stage, free.closed_version), (straight.stage, straight.closed_version));
        }
    }
}
