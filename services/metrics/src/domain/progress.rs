//! What is known of one inquiry: a join of facts.
//!
//! Joining is commutative, associative and idempotent, so that events may come twice, out of order, and many of one
//! inquiry in a batch, and the result is always the same. Two rules make it so: of what can change the newest version
//! counts, of what only grows (furthest stage, first times) the furthest and the first count. The store's statement does
//! the same join in the database.

use causeway_funnel::next_step::StepEnd;
use causeway_funnel::stage::Stage;
use jiff::Timestamp;

/// Version of the receipt; the desk counts its changes from 1.
pub(crate) const RECEIVED_VERSION: i64 = 0;
/// Nothing but an attempt is known.
const NO_VERSION: i64 = -1;

/// What can change: the newest version counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Snapshot {
    pub consult_type: &'static str,
    pub cancer_area: &'static str,
    pub source: &'static str,
    pub language: String,
    pub team: String,
    pub site: String,
    pub landing_page: String,
    pub campaign: String,
    pub referring_office: String,
    pub received_at: Timestamp,
    pub stage: Stage,
    /// Empty unless the stage is closed.
    pub close_reason: String,
    /// Entry of programs.toml by which it is not treated here; empty: it is.
    pub out_of_scope: String,
}

/// A due time for first contact, by the version of routing's word and then by the desk's version that told it.
pub(crate) type Due = ((i64, i64), Timestamp);

/// What made an inquiry scheduled, and how that ended. Joining is as for the rest.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Conversion {
    /// A visit was booked.
    pub visit: bool,
    /// The dated next step that was agreed first: when, and the id of its kind.
    pub step: Option<(Timestamp, String)>,
    /// How a dated next step ended last, by the desk's version that told it.
    pub ended: Option<(i64, &'static str)>,
}

impl Conversion {
    /// The last dated next step took place. In the database the question says so.
    #[cfg(test)]
    pub fn is_done(&self) -> bool {
        self.ended.is_some_and(|(_, how)| how == StepEnd::Done.as_str())
    }

    fn join(&mut self, other: Self) {
        self.visit |= other.visit;
        self.ended = self.ended.max(other.ended);
        self.step = match (self.step.take(), other.step) {
            (Some(one), Some(other)) => Some(one.min(other)),
            (one, other) => one.or(other),
        };
    }
}

/// All that is known of one inquiry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Progress {
    pub version: i64,
    pub snapshot: Option<Snapshot>,
    /// The furthest stage ever reached; never closed.
    pub furthest: Stage,
    pub first_attempt_at: Option<Timestamp>,
    /// When first contact is due: the newest word counts.
    pub due: Option<Due>,
    /// When each stage was reached first, by the stage's place; the receipt's place stays empty.
    pub reached_at: [Option<Timestamp>; 8],
    /// What made it scheduled.
    pub conversion: Conversion,
    /// The newest fact.
    pub changed_at: Timestamp,
}

impl Progress {
    /// The receipt.
    pub fn received(snapshot: Snapshot) -> Self {
        let at = snapshot.received_at;
        Self { version: RECEIVED_VERSION, snapshot: Some(snapshot), ..Self::nothing(at) }
    }

    /// A change of the stage. The snapshot's stage is the new one; `next_step`: the kind of dated next step by which it is or was
    /// scheduled, empty where that is a visit.
    pub fn staged(version: i64, snapshot: Snapshot, (from, next_step): (Stage, &str), at: Timestamp) -> Self {
        let to = snapshot.stage;
        let mut progress = Self::nothing(at);
        progress.version = version.max(RECEIVED_VERSION + 1);
        progress.furthest = [from, to].into_iter().filter(|stage| *stage != Stage::Closed).max().unwrap_or_default();
        if to != Stage::Received {
            progress.reached_at[to as usize] = Some(at);
        }
        let visited = to == Stage::Attended || from == Stage::Attended;
        let scheduled = to == Stage::Scheduled || from == Stage::Scheduled;
        progress.conversion = Conversion {
            visit: visited || (scheduled && next_step.is_empty()),
            step: (!next_step.is_empty()).then(|| (at, next_step.to_owned())),
            ended: None,
        };
        progress.snapshot = Some(snapshot);
        progress
    }

    /// A try to reach the person.
    pub fn attempted(at: Timestamp) -> Self {
        Self { first_attempt_at: Some(at), ..Self::nothing(at) }
    }

    /// First contact is due at another time, by a version of routing's word.
    pub fn moved(clock_version: i64, due_at: Timestamp, at: Timestamp) -> Self {
        Self { due: Some(((clock_version, NO_VERSION), due_at)), ..Self::nothing(at) }
    }

    /// A dated next step is over, by a version of the desk.
    pub fn step_over(version: i64, how: StepEnd, at: Timestamp) -> Self {
        let ended = Some((version, how.as_str()));
        Self { conversion: Conversion { visit: how == StepEnd::Superseded, ended, step: None }, ..Self::nothing(at) }
    }

    fn nothing(at: Timestamp) -> Self {
        Self {
            version: NO_VERSION,
            snapshot: None,
            furthest: Stage::Received,
            first_attempt_at: None,
            due: None,
            reached_at: [None; 8],
            conversion: Conversion::default(),
            changed_at: at,
        }
    }

    /// Also first tried at this instant.
    pub fn with_attempt(mut self, at: Option<Timestamp>) -> Self {
        self.first_attempt_at = earlier(self.first_attempt_at, at);
        self
    }

    /// Also due at this instant, by a version of routing's word.
    pub fn with_due(mut self, clock_version: i64, due_at: Option<Timestamp>) -> Self {
        self.due = due_at.map(|due_at| ((clock_version, self.version), due_at));
        self
    }

    /// Joins what another event tells.
    pub fn join(&mut self, other: Self) {
        if other.version > self.version {
            self.version = other.version;
            self.snapshot = other.snapshot;
        }
        self.furthest = self.furthest.max(other.furthest);
        self.first_attempt_at = earlier(self.first_attempt_at, other.first_attempt_at);
        self.due = self.due.max(other.due);
        for (own, told) in self.reached_at.iter_mut().zip(other.reached_at) {
            *own = earlier(*own, told);
        }
        self.conversion.join(other.conversion);
        self.changed_at = self.changed_at.max(other.changed_at);
    }
}

fn earlier(one: Option<Timestamp>, other: Option<Timestamp>) -> Option<Timestamp> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use causeway_funnel::stage::{CloseReason, StageEvent, StageFact, standing};
    use proptest::prelude::*;

    use super::*;

    fn at(second: usize) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + second as i64).expect("instant")
    }

    fn snapshot(stage: Stage) -> Snapshot {
        Snapshot {
            consult_type: "second_opinion",
            cancer_area: "gi",
            source: "web_form",
            language: "en".into(),
            team: if stage == Stage::Received { String::new() } else { "gi".into() },
            site: String::new(),
            landing_page: "/second-opinion".into(),
            campaign: String::new(),
            referring_office: String::new(),
            received_at: at(0),
            stage,
            close_reason: if stage == Stage::Closed { "not_ready".into() } else { String::new() },
            out_of_scope: String::new(),
        }
    }

    fn some_event() -> impl Strategy<Value = StageEvent> {
        use StageEvent::*;
        prop_oneof![
            4 => Just(Routed),
            4 => Just(AttemptReached),
            3 => any::<bool>().prop_map(IntakeFieldsComplete),
            3 => any::<bool>().prop_map(RecordsComplete),
            3 => Just(AppointmentBooked),
            1 => Just(AppointmentCancelled),
            1 => Just(DatedNextStep),
            1 => prop::sample::select(StepEnd::ALL).prop_map(NextStepOver),
            2 => Just(Attended),
            1 => Just(NoShow),
            1 => Just(Reopened),
            1 => Just(Closed(CloseReason::NotReady)),
        ]
    }

    /// What the services would publish of a life: the receipt, a change for each new stage, and the attempts.
    fn told(life: &[StageEvent]) -> Vec<Progress> {
        let mut published = vec![Progress::received(snapshot(Stage::Received))];
        let (mut facts, mut before, mut version, mut clock) = (Vec::new(), Stage::Received, 0, 0);
        for (place, what) in life.iter().enumerate() {
            facts.push(StageFact { at: at(place + 1), version: place as i64, what: *what });
            let (standing, before_it) = (standing(&facts), standing(&facts[..place]));
            let now = standing.stage;
            if let StageEvent::NextStepOver(how) = what {
                published.push(Progress::step_over(place as i64 + 1, *how, at(place + 1)));
            }
            if standing.booked && before_it.dated_next_step && !standing.dated_next_step {
                published.push(Progress::step_over(place as i64 + 1, StepEnd::Superseded, at(place + 1)));
            }
            if *what == StageEvent::AttemptReached {
                published.push(Progress::attempted(at(place + 1)));
            }
            if now != before {
                version += 1;
                // Now and then the response target moves in between, and the desk tells it from its next change on.
                let due = |clock: usize| at(3600 + 60 * clock);
                if place % 3 == 2 {
                    clock += 2;
                    published.push(Progress::moved(clock as i64, due(clock), at(place + 1)));
                }
                let shown = if now == Stage::Scheduled { &standing } else { &before_it };
                let by_step = shown.stage == Stage::Scheduled && shown.dated_next_step && !shown.booked;
                let next_step = if by_step { "screening_call" } else { "" };
                let change = Progress::staged(version, snapshot(now), (before, next_step), at(place + 1));
                published.push(change.with_due(clock as i64, Some(due(clock))));
                before = now;
            }
        }
        published
    }

    /// Lives of inquiries with their events in the order of their arrival: shuffled, some of them twice.
    pub(crate) fn some_arrivals() -> impl Strategy<Value = (Vec<Progress>, Vec<Progress>)> {
        (prop::collection::vec(some_event(), 0..14), prop::collection::vec(any::<prop::sample::Index>(), 0..6))
            .prop_map(|(life, again)| {
                let straight = told(&life);
                let mut arrivals = straight.clone();
                arrivals.extend(again.iter().map(|index| index.get(&straight).clone()));
                (straight, arrivals)
            })
            .prop_flat_map(|(straight, arrivals)| (Just(straight), Just(arrivals).prop_shuffle()))
    }

    pub(crate) fn fold(events: &[Progress]) -> Progress {
        let mut events = events.iter().cloned();
        let mut first = events.next().expect("the receipt is always told");
        events.for_each(|event| first.join(event));
        first
    }

    proptest! {
        #[test]
        fn every_order_of_arrival_and_every_repetition_gives_the_same_progress((straight, arrivals) in some_arrivals()) {
            prop_assert_eq!(fold(&straight), fold(&arrivals));
        }

        #[test]
        fn it_does_not_matter_which_events_share_a_batch((straight, arrivals) in some_arrivals(), cut in any::<prop::sample::Index>()) {
            let (first, second) = arrivals.split_at(cut.index(arrivals.len()));
            let mut whole = if first.is_empty() { fold(second) } else { fold(first) };
            if !second.is_empty() {
                whole.join(fold(second));
            }
            prop_assert_eq!(whole, fold(&straight));
        }
    }

    #[test]
    fn a_receipt_that_comes_last_resets_nothing() {
        let mut progress = Progress::staged(4, snapshot(Stage::Contacted), (Stage::Routed, ""), at(60));
        progress.join(Progress::received(snapshot(Stage::Received)));
        assert_eq!(progress.snapshot.as_ref().map(|snapshot| snapshot.stage), Some(Stage::Contacted));
        assert_eq!((progress.version, progress.furthest), (4, Stage::Contacted));
    }

    #[test]
    fn an_older_change_changes_no_stage_but_its_time_is_kept() {
        let mut progress = Progress::staged(2, snapshot(Stage::Contacted), (Stage::Routed, ""), at(60));
        progress.join(Progress::staged(1, snapshot(Stage::Routed), (Stage::Received, ""), at(5)));
        assert_eq!(progress.snapshot.as_ref().map(|snapshot| snapshot.stage), Some(Stage::Contacted));
        assert_eq!(progress.reached_at[Stage::Routed as usize], Some(at(5)));
        assert_eq!(progress.changed_at, at(60));
    }

    #[test]
    fn the_newest_due_time_counts_whichever_service_tells_it_first() {
        // The desk changed the stage before it heard that the due time has moved.
        let stage =
            Progress::staged(2, snapshot(Stage::Contacted), (Stage::Routed, ""), at(60)).with_due(0, Some(at(3600)));
        let moved = Progress::moved(3, at(7200), at(50));
        for (mut first, second) in [(stage.clone(), moved.clone()), (moved, stage)] {
            first.join(second);
            assert_eq!(first.due.map(|(_, at)| at), Some(at(7200)));
        }
    }

    #[test]
    fn what_made_it_scheduled_is_a_visit_where_there_ever_was_one_else_the_step_that_was_agreed_first() {
        let scheduled =
            |kind, second| Progress::staged(2, snapshot(Stage::Scheduled), (Stage::Routed, kind), at(second));
        let mut progress = scheduled("records_review", 90);
        progress.join(scheduled("screening_call", 60));
        progress.join(Progress::step_over(4, StepEnd::Done, at(120)));
        assert_eq!(
            progress.conversion,
            Conversion { visit: false, step: Some((at(60), "screening_call".into())), ended: Some((4, "done")) }
        );
        let mut missed = progress.clone();
        missed.join(Progress::step_over(9, StepEnd::Missed, at(140)));
        missed.join(Progress::step_over(4, StepEnd::Done, at(120)));
        assert!(!missed.conversion.is_done(), "the last one did not come about");
        progress.join(Progress::step_over(6, StepEnd::Superseded, at(150)));
        assert!(progress.conversion.visit);
        assert!(scheduled("", 60).conversion.visit);
    }

    #[test]
    fn closing_keeps_the_last_stage_as_the_furthest() {
        let mut progress = Progress::received(snapshot(Stage::Received));
        progress.join(Progress::staged(3, snapshot(Stage::Closed), (Stage::Contacted, ""), at(90)));
        assert_eq!(progress.furthest, Stage::Contacted);
        assert_eq!(progress.reached_at[Stage::Closed as usize], Some(at(90)));
    }
}
