//! What is known of one inquiry: a join of facts.
//!
//! Joining is commutative, associative and idempotent, so that events may come twice, out of order, and many of one
//! inquiry in a batch, and the result is always the same. Two rules make it so: of what can change the newest version
//! counts, of what only grows (furthest stage, first times) the furthest and the first count. The store's statement does
//! the same join in the database.

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
    pub response_due_at: Option<Timestamp>,
}

/// All that is known of one inquiry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Progress {
    pub version: i64,
    pub snapshot: Option<Snapshot>,
    /// The furthest stage ever reached; never closed.
    pub furthest: Stage,
    pub first_attempt_at: Option<Timestamp>,
    /// When each stage was reached first, by the stage's place; the receipt's place stays empty.
    pub reached_at: [Option<Timestamp>; 8],
    /// The newest fact.
    pub changed_at: Timestamp,
}

impl Progress {
    /// The receipt.
    pub fn received(snapshot: Snapshot) -> Self {
        let at = snapshot.received_at;
        Self { version: RECEIVED_VERSION, snapshot: Some(snapshot), ..Self::nothing(at) }
    }

    /// A change of the stage. The snapshot's stage is the new one.
    pub fn staged(version: i64, snapshot: Snapshot, from: Stage, at: Timestamp) -> Self {
        let to = snapshot.stage;
        let mut progress = Self::nothing(at);
        progress.version = version.max(RECEIVED_VERSION + 1);
        progress.furthest = [from, to].into_iter().filter(|stage| *stage != Stage::Closed).max().unwrap_or_default();
        if to != Stage::Received {
            progress.reached_at[to as usize] = Some(at);
        }
        progress.snapshot = Some(snapshot);
        progress
    }

    /// A try to reach the person.
    pub fn attempted(at: Timestamp) -> Self {
        Self { first_attempt_at: Some(at), ..Self::nothing(at) }
    }

    fn nothing(at: Timestamp) -> Self {
        Self {
            version: NO_VERSION,
            snapshot: None,
            furthest: Stage::Received,
            first_attempt_at: None,
            reached_at: [None; 8],
            changed_at: at,
        }
    }

    /// Also first tried at this instant.
    pub fn with_attempt(mut self, at: Option<Timestamp>) -> Self {
        self.first_attempt_at = earlier(self.first_attempt_at, at);
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
        for (own, told) in self.reached_at.iter_mut().zip(other.reached_at) {
            *own = earlier(*own, told);
        }
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
            response_due_at: (stage != Stage::Received).then(|| at(3600)),
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
            2 => Just(Attended),
            1 => Just(NoShow),
            1 => Just(Reopened),
            1 => Just(Closed(CloseReason::NotReady)),
        ]
    }

    /// What the services would publish of a life: the receipt, a change for each new stage, and the attempts.
    fn told(life: &[StageEvent]) -> Vec<Progress> {
        let mut published = vec![Progress::received(snapshot(Stage::Received))];
        let (mut facts, mut before, mut version) = (Vec::new(), Stage::Received, 0);
        for (place, what) in life.iter().enumerate() {
            facts.push(StageFact { at: at(place + 1), version: place as i64, what: *what });
            let now = standing(&facts).stage;
            if *what == StageEvent::AttemptReached {
                published.push(Progress::attempted(at(place + 1)));
            }
            if now != before {
                version += 1;
                published.push(Progress::staged(version, snapshot(now), before, at(place + 1)));
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
        let mut progress = Progress::staged(4, snapshot(Stage::Contacted), Stage::Routed, at(60));
        progress.join(Progress::received(snapshot(Stage::Received)));
        assert_eq!(progress.snapshot.as_ref().map(|snapshot| snapshot.stage), Some(Stage::Contacted));
        assert_eq!((progress.version, progress.furthest), (4, Stage::Contacted));
    }

    #[test]
    fn an_older_change_changes_no_stage_but_its_time_is_kept() {
        let mut progress = Progress::staged(2, snapshot(Stage::Contacted), Stage::Routed, at(60));
        progress.join(Progress::staged(1, snapshot(Stage::Routed), Stage::Received, at(5)));
        assert_eq!(progress.snapshot.as_ref().map(|snapshot| snapshot.stage), Some(Stage::Contacted));
        assert_eq!(progress.reached_at[Stage::Routed as usize], Some(at(5)));
        assert_eq!(progress.changed_at, at(60));
    }

    #[test]
    fn closing_keeps_the_last_stage_as_the_furthest() {
        let mut progress = Progress::received(snapshot(Stage::Received));
        progress.join(Progress::staged(3, snapshot(Stage::Closed), Stage::Contacted, at(90)));
        assert_eq!(progress.furthest, Stage::Contacted);
        assert_eq!(progress.reached_at[Stage::Closed as usize], Some(at(90)));
    }
}
