//! The stage funnel: for each stage who reached it, who left after it and who is still there.
//!
//! By the furthest stage, not the present one: an inquiry that skipped a stage has reached all before, and one whose visit
//! fell through has still reached the booking. That is what makes `n(k-1) = n(k) + left(k-1) + open(k-1)` hold always.

use std::collections::BTreeMap;

use causeway_funnel::stage::Stage;

/// The stages of the funnel, in order; closed is none of them.
pub(crate) const STAGES: [Stage; 7] = [
    Stage::Received,
    Stage::Routed,
    Stage::Contacted,
    Stage::IntakeComplete,
    Stage::RecordsReady,
    Stage::Scheduled,
    Stage::Attended,
];

/// Inquiries that are alike as far as the funnel can tell, counted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Tally {
    /// Value of the dimension asked for; empty where none was.
    pub key: String,
    pub furthest: Stage,
    pub closed: bool,
    pub close_reason: String,
    pub count: i64,
}

/// One stage in numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct StageCount {
    pub stage: Stage,
    pub reached: i64,
    pub left: i64,
    pub open: i64,
}

/// Counts the stages.
pub(crate) fn stages<'a>(tallies: impl IntoIterator<Item = &'a Tally>) -> [StageCount; 7] {
    let mut counts = STAGES.map(|stage| StageCount { stage, reached: 0, left: 0, open: 0 });
    for tally in tallies {
        for count in counts.iter_mut().filter(|count| count.stage <= tally.furthest) {
            count.reached += tally.count;
            if count.stage == tally.furthest && tally.closed {
                count.left += tally.count;
            } else if count.stage == tally.furthest {
                count.open += tally.count;
            }
        }
    }
    counts
}

/// Why inquiries were closed, the most frequent reason first.
pub(crate) fn close_reasons(tallies: &[Tally]) -> Vec<(&str, i64)> {
    let mut reasons: BTreeMap<&str, i64> = BTreeMap::new();
    for tally in tallies.iter().filter(|tally| tally.closed) {
        *reasons.entry(&tally.close_reason).or_default() += tally.count;
    }
    let mut sorted: Vec<(&str, i64)> = reasons.into_iter().collect();
    sorted.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    sorted
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::Progress;
    use crate::domain::progress::tests::{fold, some_arrivals};

    fn tally(progress: &Progress) -> Tally {
        let snapshot = progress.snapshot.as_ref().expect("the receipt is known");
        Tally {
            key: snapshot.team.clone(),
            furthest: progress.furthest,
            closed: snapshot.stage == Stage::Closed,
            close_reason: snapshot.close_reason.clone(),
            count: 1,
        }
    }

    proptest! {
        #[test]
        fn each_stage_is_the_next_one_and_those_who_left_and_those_who_are_open(
            lives in prop::collection::vec(some_arrivals(), 0..20),
        ) {
            let tallies: Vec<Tally> = lives.iter().map(|(_, arrivals)| tally(&fold(arrivals))).collect();
            let counted = stages(&tallies);
            for pair in counted.windows(2) {
                prop_assert_eq!(pair[0].reached, pair[1].reached + pair[0].left + pair[0].open);
            }
            prop_assert_eq!(counted[0].reached, lives.len() as i64, "an inquiry counts as soon as it is received");
            prop_assert_eq!(counted[6].reached, counted[6].left + counted[6].open);
            let reasons: i64 = close_reasons(&tallies).iter().map(|(_, count)| count).sum();
            prop_assert_eq!(reasons, counted.iter().map(|count| count.left).sum::<i64>());
        }

        #[test]
        fn the_groups_of_a_dimension_add_up_to_the_whole(lives in prop::collection::vec(some_arrivals(), 0..20)) {
            let tallies: Vec<Tally> = lives.iter().map(|(straight, _)| tally(&fold(straight))).collect();
            let whole = stages(&tallies);
            let parts: Vec<_> =
                ["", "gi"].map(|key| stages(tallies.iter().filter(|tally| tally.key == key))).into_iter().collect();
            for (place, count) in whole.iter().enumerate() {
                prop_assert_eq!(count.reached, parts.iter().map(|part| part[place].reached).sum::<i64>());
            }
        }
    }

    #[test]
    fn an_inquiry_that_skipped_stages_has_reached_all_before_its_furthest() {
        let straight_to_booking = Tally {
            key: String::new(),
            furthest: Stage::Scheduled,
            closed: false,
            close_reason: String::new(),
            count: 3,
        };
        let counted = stages([&straight_to_booking]);
        assert!(counted[..6].iter().all(|count| count.reached == 3));
        assert_eq!((counted[5].open, counted[6].reached), (3, 0));
    }

    #[test]
    fn reasons_stand_with_the_most_frequent_first() {
        let closed = |reason: &str, count| Tally {
            key: String::new(),
            furthest: Stage::Routed,
            closed: true,
            close_reason: reason.into(),
            count,
        };
        let tallies = [closed("insurance", 1), closed("unreachable", 5), closed("insurance", 2)];
        assert_eq!(close_reasons(&tallies), [("unreachable", 5), ("insurance", 3)]);
    }
}
