//! The stage funnel: for each stage who reached it, who left after it and who is still there.
//!
//! By the furthest stage, not the present one: an inquiry that skipped a stage has reached all before, and one whose visit
//! fell through has still reached the booking. That is what makes `n(k-1) = n(k) + left(k-1) + handed(k-1) + done(k-1) + open(k-1)` hold always. Who was handed to a sister
//! center has not left: there they count as an inquiry of its own.

use std::collections::BTreeMap;

use causeway_funnel::stage::{CloseReason, Stage};

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
    /// The kind of dated next step that they were converted by; empty: by a visit, or not at all.
    pub next_step: String,
    /// That step took place.
    pub step_done: bool,
    pub count: i64,
}

/// One stage in numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct StageCount {
    pub stage: Stage,
    pub reached: i64,
    pub left: i64,
    pub handed: i64,
    pub done: i64,
    pub open: i64,
}

/// So many were converted by a visit (an empty kind) or by a dated next step of a kind, and of these so many took place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Converted<'a> {
    pub next_step: &'a str,
    pub count: i64,
    pub done: i64,
}

impl Tally {
    /// A sister center has them.
    fn is_handed(&self) -> bool {
        self.closed && self.close_reason == CloseReason::HandedToSister.as_str()
    }

    /// They ended with a dated next step that took place: converted, and not lost before a visit that was never called for.
    fn is_done(&self) -> bool {
        self.closed && self.step_done && self.furthest == Stage::Scheduled
    }
}

/// Counts the stages.
pub(crate) fn stages<'a>(tallies: impl IntoIterator<Item = &'a Tally>) -> [StageCount; 7] {
    let mut counts = STAGES.map(|stage| StageCount { stage, reached: 0, left: 0, handed: 0, done: 0, open: 0 });
    for tally in tallies {
        for count in counts.iter_mut().filter(|count| count.stage <= tally.furthest) {
            count.reached += tally.count;
            if count.stage == tally.furthest {
                let part = match tally.closed {
                    true if tally.is_handed() => &mut count.handed,
                    true if tally.is_done() => &mut count.done,
                    true => &mut count.left,
                    false => &mut count.open,
                };
                *part += tally.count;
            }
        }
    }
    counts
}

/// Why people left, the most frequent reason first.
pub(crate) fn close_reasons(tallies: &[Tally]) -> Vec<(&str, i64)> {
    let mut reasons: BTreeMap<&str, i64> = BTreeMap::new();
    for tally in tallies.iter().filter(|tally| tally.closed && !tally.is_handed() && !tally.is_done()) {
        *reasons.entry(&tally.close_reason).or_default() += tally.count;
    }
    let mut sorted: Vec<(&str, i64)> = reasons.into_iter().collect();
    sorted.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    sorted
}

/// What made those scheduled who ever were: visits first, then next steps, the most frequent first.
pub(crate) fn conversions<'a>(tallies: impl IntoIterator<Item = &'a Tally>) -> Vec<Converted<'a>> {
    let mut counts: BTreeMap<&str, (i64, i64)> = BTreeMap::new();
    for tally in tallies.into_iter().filter(|tally| tally.furthest >= Stage::Scheduled) {
        let (count, done) = counts.entry(&tally.next_step).or_default();
        *count += tally.count;
        *done += if tally.step_done { tally.count } else { 0 };
    }
    let mut all: Vec<Converted<'_>> =
        counts.into_iter().map(|(next_step, (count, done))| Converted { next_step, count, done }).collect();
    all.sort_by_key(|one| (!one.next_step.is_empty(), std::cmp::Reverse(one.count)));
    all
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::Progress;
    use crate::domain::progress::tests::{fold, some_arrivals};

    fn tally(progress: &Progress) -> Tally {
        let snapshot = progress.snapshot.as_ref().expect("the receipt is known");
        let by_step = progress.furthest >= Stage::Scheduled && !progress.conversion.visit;
        let step = progress.conversion.step.as_ref().filter(|_| by_step).map(|(_, kind)| kind.clone());
        Tally {
            key: snapshot.team.clone(),
            furthest: progress.furthest,
            closed: snapshot.stage == Stage::Closed,
            close_reason: snapshot.close_reason.clone(),
            next_step: step.unwrap_or_default(),
            step_done: by_step && progress.conversion.is_done(),
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
                prop_assert_eq!(pair[0].reached, pair[1].reached + pair[0].left + pair[0].handed + pair[0].done + pair[0].open);
            }
            prop_assert_eq!(counted[0].reached, lives.len() as i64, "an inquiry counts as soon as it is received");
            prop_assert_eq!(counted[6].reached, counted[6].left + counted[6].open);
            let reasons: i64 = close_reasons(&tallies).iter().map(|(_, count)| count).sum();
            prop_assert_eq!(reasons, counted.iter().map(|count| count.left).sum::<i64>());
            let converted: i64 = conversions(&tallies).iter().map(|one| one.count).sum();
            prop_assert_eq!(converted, counted[5].reached, "whoever was scheduled was so by something");
            let named = tallies.iter().filter(|one| one.step_done).all(|one| !one.next_step.is_empty());
            prop_assert!(named, "what took place is of a kind");
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
            next_step: String::new(),
            step_done: false,
            count: 3,
        };
        let counted = stages([&straight_to_booking]);
        assert!(counted[..6].iter().all(|count| count.reached == 3));
        assert_eq!((counted[5].open, counted[6].reached), (3, 0));
    }

    #[test]
    fn who_was_handed_to_a_sister_center_has_not_left_and_is_counted_apart() {
        let closed = |reason: &str, count| Tally {
            key: String::new(),
            furthest: Stage::Contacted,
            closed: true,
            close_reason: reason.into(),
            next_step: String::new(),
            step_done: false,
            count,
        };
        let tallies = [closed("handed_to_sister", 2), closed("insurance", 1)];
        let counted = stages(&tallies);
        assert_eq!((counted[2].left, counted[2].handed, counted[2].open), (1, 2, 0));
        assert_eq!(counted[0].reached, 3);
        assert_eq!(close_reasons(&tallies), [("insurance", 1)]);
    }

    #[test]
    fn a_step_that_took_place_is_a_conversion_and_no_loss_before_a_visit() {
        let scheduled = |kind: &str, done, closed, count| Tally {
            key: String::new(),
            furthest: Stage::Scheduled,
            closed,
            close_reason: if closed { "not_ready".into() } else { String::new() },
            next_step: kind.into(),
            step_done: done,
            count,
        };
        let tallies = [
            scheduled("", false, true, 1),
            scheduled("screening_call", true, true, 4),
            scheduled("screening_call", false, true, 2),
            scheduled("records_review", true, false, 8),
        ];
        let counted = stages(&tallies);
        assert_eq!((counted[5].reached, counted[5].left, counted[5].done, counted[5].open), (15, 3, 4, 8));
        assert_eq!(close_reasons(&tallies), [("not_ready", 3)]);
        let told: Vec<(&str, i64, i64)> =
            conversions(&tallies).iter().map(|one| (one.next_step, one.count, one.done)).collect();
        assert_eq!(told, [("", 1, 0), ("records_review", 8, 8), ("screening_call", 6, 4)]);
    }

    #[test]
    fn reasons_stand_with_the_most_frequent_first() {
        let closed = |reason: &str, count| Tally {
            key: String::new(),
            furthest: Stage::Routed,
            closed: true,
            close_reason: reason.into(),
            next_step: String::new(),
            step_done: false,
            count,
        };
        let tallies = [closed("insurance", 1), closed("unreachable", 5), closed("insurance", 2)];
        assert_eq!(close_reasons(&tallies), [("unreachable", 5), ("insurance", 3)]);
    }
}
