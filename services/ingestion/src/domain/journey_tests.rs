//! The status of a referral moves only as the Task of a shared one may, whatever is told in whichever order.

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
    let out =
        |from, version| News::Stage { from, to: Stage::Closed, reason: Some(CloseReason::OutOfScopeReferred), version };
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

#[test]
fn what_is_handed_to_a_sister_ends_when_the_sister_has_it_and_not_before() {
    let handed = |version| News::Stage {
        from: Stage::Contacted,
        to: Stage::Closed,
        reason: Some(CloseReason::HandedToSister),
        version,
    };
    let mut journey = Journey::default();
    journey.hear(staged(Stage::Received, Stage::Contacted, 1), true, false);
    assert_eq!(journey.hear(handed(2), true, false), Effect::Changed);
    assert_eq!((journey.status, journey.reason), (Status::Accepted, None), "nobody knows yet who has it");
    let mut not_taken = journey.clone();
    not_taken.hear(staged(Stage::Closed, Stage::Contacted, 3), true, false);
    assert_eq!(not_taken.hear(handed(2), true, false), Effect::Nothing, "told anew it counts no change");
    not_taken.hear(staged(Stage::Contacted, Stage::Attended, 4), true, false);
    assert_eq!(not_taken.status, Status::Completed, "it came back and went on");
    let version = journey.version;
    assert!(journey.hand_over(false) && !journey.hand_over(false), "once");
    assert_eq!((journey.status, journey.reason), (Status::Cancelled, Some(CloseReason::HandedToSister)));
    assert_eq!((journey.version, journey.is_taken_up_again()), (version + 1, false));
    let mut answered_first = Journey::default();
    assert!(answered_first.hand_over(false));
    answered_first.hear(handed(2), false, false);
    assert_eq!((answered_first.status, answered_first.is_taken_up_again()), (Status::Cancelled, false));
    let mut off = Journey::default();
    off.hand_over(true);
    assert_eq!((off.status, off.reason), (Status::Cancelled, None), "the office has called it off");
}

fn wanted(kinds: &[&str], version: i64) -> News {
    News::Wanted { kinds: kinds.iter().map(|kind| (*kind).to_owned()).collect(), version }
}

#[test]
fn what_is_wanted_of_the_office_is_what_the_desk_said_last_and_a_change_of_it_counts() {
    let mut journey = Journey::default();
    assert_eq!(journey.hear(wanted(&["notes"], 3), true, false), Effect::Changed);
    assert_eq!((journey.version, journey.wanted.as_slice()), (1, ["notes".to_owned()].as_slice()));
    assert_eq!(journey.hear(wanted(&["notes"], 3), true, false), Effect::Nothing, "told again");
    assert_eq!(journey.hear(wanted(&[], 2), true, false), Effect::Nothing, "older");
    // The same once more: what lies between came and went, or comes later and is older then.
    assert_eq!(journey.hear(wanted(&["notes"], 7), true, false), Effect::Noted);
    assert_eq!(journey.hear(wanted(&[], 5), true, false), Effect::Nothing);
    assert_eq!((journey.version, journey.wanted.len(), journey.wanted_version), (1, 1, 7));
    assert_eq!(journey.hear(wanted(&[], 8), true, false), Effect::Changed);
    assert_eq!((journey.version, journey.wanted.is_empty(), journey.status), (2, true, Status::Received));
}

#[test]
fn from_a_referral_that_has_ended_nothing_is_wanted_whatever_ended_it() {
    let asked = || {
        let mut journey = Journey::default();
        journey.hear(wanted(&["notes"], 3), true, false);
        journey
    };
    let mut closed = asked();
    closed.hear(staged(Stage::Received, Stage::Closed, 4), true, false);
    let mut called_off = asked();
    called_off.call_off();
    let mut handed = asked();
    assert!(handed.hand_over(false));
    for mut ended in [closed, called_off, handed] {
        assert_eq!((ended.status.is_end(), ended.wanted.len()), (true, 0));
        let version = ended.version;
        assert_eq!(ended.hear(wanted(&["notes"], 9), true, false), Effect::Noted, "taken up again at the center");
        assert_eq!((ended.version, ended.wanted.len(), ended.wanted_version), (version, 0, 9));
    }
}

/// A journey of the desk: stages that follow on one another, one end somewhere, after which the inquiry may be opened
/// again, visits beside it once somebody was reached, to whom no team comes any more, and what is wanted of the office.
fn told() -> impl Strategy<Value = Vec<News>> {
    let open: Vec<Stage> = Stage::ALL[2..6].to_vec();
    let stages = prop::collection::vec((prop::sample::select(open), 1_i64..4), 0..7);
    let reason = prop::option::of(prop::sample::select(CloseReason::ALL.to_vec()));
    let end = (0..7_usize, prop::sample::select(vec![Stage::Attended, Stage::Closed]), reason);
    let visits = [Visit::Booked, Visit::Cancelled, Visit::Missed, Visit::Attended];
    let visits = prop::collection::vec(prop::sample::select(visits.to_vec()), 0..4);
    let wishes = prop::collection::vec((0..3_usize, 1_i64..4), 0..4);
    let all = (any::<bool>(), stages, prop::option::of(end), visits, wishes);
    all.prop_map(|(is_routed, mut stages, end, visits, wishes)| {
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
        let mut version = 0;
        all.extend(wishes.into_iter().map(|(many, gap)| {
            version += gap;
            wanted(&["notes", "imaging"][..many], version)
        }));
        all
    })
}

/// Hears all of it as it comes; what is early comes again after the others. Nothing goes another way than a Task may.
fn hear_all(mut news: Vec<News>, waits: bool, is_called_off: bool) -> Journey {
    let mut journey = Journey::default();
    while !news.is_empty() {
        let many = news.len();
        news.retain(|one| {
            let before = journey.clone();
            let effect = journey.hear(one.clone(), waits, is_called_off);
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
    fn what_is_wanted_in_the_end_is_what_was_told_last_unless_it_has_ended(
        mixed in told().prop_shuffle()
    ) {
        let last = mixed.iter().filter_map(|news| match news {
            News::Wanted { kinds, version } => Some((*version, kinds.clone())),
            _ => None,
        }).max().unwrap_or_default();
        let journey = hear_all(mixed, true, false);
        let kinds = if journey.status.is_end() { Vec::new() } else { last.1 };
        prop_assert_eq!((journey.wanted_version, journey.wanted), (last.0, kinds));
    }

    #[test]
    fn what_is_not_waited_for_any_more_ends_as_well_and_what_was_called_off_ends_as_that(
        (told, mixed) in told().prop_flat_map(|told| (Just(told.clone()), Just(told).prop_shuffle()))
    ) {
        let is_handed =
            |news: &News| matches!(news, News::Stage { reason: Some(CloseReason::HandedToSister), .. });
        let is_end = |news: &News| {
            matches!(news, News::Stage { to: Stage::Closed | Stage::Attended, .. }) && !is_handed(news)
        };
        let ends = told.iter().any(is_end);
        let (free, off) = (hear_all(mixed.clone(), false, false), hear_all(mixed, false, true));
        prop_assert_eq!(free.status.is_end(), ends);
        let is_wish = |news: &News| matches!(news, News::Wanted { .. });
        prop_assert_eq!((off.status, off.reason), (if told.iter().all(is_wish) { Status::Received } else { Status::Cancelled }, None));
        let straight = hear_all(told, true, false);
        prop_assert_eq!((free.stage, free.closed_version), (straight.stage, straight.closed_version));
    }
}
