//! Facts may come in any order: the stage, the standing and the walk of the stage are the same for every one.
//!
//! Ten facts have 3,628,800 orders, and of one history every one is gone through. For many others: exchanging two neighbours
//! anywhere leads from every order to every other one, so that exchange is tried everywhere; besides, all orders of eight facts
//! and random ones of ten.

use super::*;
use proptest::prelude::*;

fn some_event() -> impl Strategy<Value = StageEvent> {
    use StageEvent::*;
    prop_oneof![
        Just(Routed),
        Just(AttemptReached),
        any::<bool>().prop_map(IntakeFieldsComplete),
        any::<bool>().prop_map(RecordsComplete),
        Just(AppointmentBooked),
        Just(AppointmentCancelled),
        Just(DatedNextStep),
        prop::sample::select(StepEnd::ALL).prop_map(NextStepOver),
        Just(Attended),
        Just(NoShow),
        Just(Reopened),
        Just(Closed(CloseReason::Insurance)),
        Just(Closed(CloseReason::NotReady)),
    ]
}

/// Few instants and versions, so that facts of the same one are frequent.
fn some_fact() -> impl Strategy<Value = StageFact> {
    (0i64..4, 0i64..3, some_event()).prop_map(|(at, version, what)| StageFact {
        at: Timestamp::from_second(at).unwrap(),
        version,
        what,
    })
}

fn told(facts: &[StageFact]) -> (Standing, Vec<StageStep>) {
    (standing(facts), walk(facts))
}

/// Calls with every order of the facts (Heap's way: one exchange leads to the next).
fn every_order(facts: &mut [StageFact], left: usize, seen: &mut impl FnMut(&[StageFact])) {
    if left <= 1 {
        return seen(facts);
    }
    for place in 0..left {
        every_order(facts, left - 1, seen);
        if place + 1 < left {
            facts.swap(if left.is_multiple_of(2) { place } else { 0 }, left - 1);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn two_neighbours_of_a_ten_fact_history_may_be_exchanged_anywhere(
        facts in prop::collection::vec(some_fact(), 10),
    ) {
        let first = told(&facts);
        for place in 1..facts.len() {
            let mut exchanged = facts.clone();
            exchanged.swap(place - 1, place);
            prop_assert_eq!(&told(&exchanged), &first);
        }
    }

    #[test]
    fn every_order_of_arrival_and_every_repetition_gives_the_same_standing_and_walk(
        (facts, shuffled) in prop::collection::vec(some_fact(), 0..11)
            .prop_flat_map(|facts| (Just(facts.clone()), Just(facts).prop_shuffle())),
        again in 0usize..11,
    ) {
        prop_assert_eq!(told(&facts), told(&shuffled));
        let mut twice = shuffled;
        twice.extend(facts.get(again).copied());
        prop_assert_eq!(told(&facts), told(&twice));
    }

    #[test]
    fn the_walk_has_no_gap_and_ends_where_the_inquiry_stands(facts in prop::collection::vec(some_fact(), 0..11)) {
        let steps = walk(&facts);
        prop_assert!(steps.windows(2).all(|pair| pair[0].to == pair[1].from && pair[0].at <= pair[1].at));
        prop_assert!(steps.iter().all(|step| step.from != step.to));
        prop_assert_eq!(steps.last().map_or(Stage::Received, |step| step.to), stage_of(&facts));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3))]

    #[test]
    fn all_orders_of_eight_facts_are_one(facts in prop::collection::vec(some_fact(), 8)) {
        let (first, mut orders, mut differ) = (told(&facts), 0, 0);
        every_order(&mut facts.clone(), 8, &mut |order| {
            orders += 1;
            differ += usize::from(told(order) != first);
        });
        prop_assert_eq!((orders, differ), (40_320, 0));
    }
}

#[test]
fn all_orders_of_a_history_of_ten_facts_are_one() {
    use StageEvent::*;
    let happened = [
        Routed,
        AttemptReached,
        DatedNextStep,
        NextStepOver(StepEnd::Missed),
        IntakeFieldsComplete(true),
        RecordsComplete(true),
        AppointmentBooked,
        NoShow,
        AppointmentBooked,
        Attended,
    ];
    let fact = |(place, what): (usize, &StageEvent)| {
        let version = i64::try_from(place).unwrap();
        StageFact { at: Timestamp::from_second(version).unwrap(), version, what: *what }
    };
    let history: Vec<StageFact> = happened.iter().enumerate().map(fact).collect();
    let (first, mut orders, mut differ) = (told(&history), 0, 0);
    every_order(&mut history.clone(), 10, &mut |order| {
        orders += 1;
        differ += usize::from(told(order) != first);
    });
    assert_eq!((orders, differ), (3_628_800, 0));
}

#[test]
fn a_booking_that_is_told_after_its_cancellation_stands_in_the_walk_where_it_happened() {
    use StageEvent::*;
    let fact = |second: i64, what| StageFact { at: Timestamp::from_second(second).unwrap(), version: second, what };
    let late = [fact(1, Routed), fact(2, AttemptReached), fact(4, AppointmentCancelled), fact(3, AppointmentBooked)];
    let stages: Vec<(i64, Stage)> = walk(&late).iter().map(|step| (step.at.as_second(), step.to)).collect();
    let wanted = [(1, Stage::Routed), (2, Stage::Contacted), (3, Stage::Scheduled), (4, Stage::Contacted)];
    assert_eq!(stages, wanted);
}
