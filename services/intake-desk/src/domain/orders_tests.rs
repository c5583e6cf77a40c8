//! What others tell comes in any order: after ten facts the stage, the timeline and all that follows are the same.

use std::collections::BTreeSet;

use causeway_funnel::booking::BookWhen;
use causeway_funnel::inquiry::Channel;
use causeway_funnel::next_action::Targets;
use causeway_funnel::stage::{ReopenReason, Stage, StageStep, Standing, walk};
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;

use super::tests::{FIRST_WORD, START, at, calendar, line, new_inquiry, quiet};
use super::*;

/// What must not depend on the order: where it stands, how the stage went, the visit, the checklist, the lines of the timeline.
type Seen = (Stage, Standing, Vec<StageStep>, Option<Visit>, Vec<RecordLine>, BTreeSet<(Timestamp, String)>);

fn hour(number: i64) -> Timestamp {
    at(START) + SignedDuration::from_hours(number)
}

fn visit(what: VisitEvent, told: i64, version: i64) -> Step {
    Step::Visit { what, at: hour(told), version, starts_at: hour(200 + told), why: String::new() }
}

fn document(kind: &str, told: i64) -> Step {
    Step::Document {
        door: "patient".into(),
        document: FIRST_WORD,
        kind: kind.into(),
        previous: String::new(),
        at: Some(hour(told)),
    }
}

/// Ten facts of one inquiry, in the order in which they happened.
fn history() -> Vec<Step> {
    vec![
        document("pathology_report", 2),
        visit(VisitEvent::Booked, 3, 1),
        visit(VisitEvent::Cancelled, 4, 2),
        document("imaging", 5),
        visit(VisitEvent::Booked, 6, 3),
        document("genomic_report", 7),
        visit(VisitEvent::Moved, 8, 4),
        visit(VisitEvent::Missed, 9, 5),
        document("x_ray_of_a_cat", 10),
        visit(VisitEvent::Booked, 11, 6),
    ]
}

/// Another one, which ends with the visit.
fn another() -> Vec<Step> {
    let mut steps = history();
    steps[7] = visit(VisitEvent::Moved, 9, 5);
    steps[9] = visit(VisitEvent::Attended, 11, 6);
    steps
}

/// Somebody talked with the person and wrote the whole note; then the facts come, all of them long after they happened.
fn after(facts: &[Step]) -> Seen {
    let (calendar, targets) = (calendar(), Targets::default());
    let rules = Rules {
        calendar: &calendar,
        targets: &targets,
        book_when: BookWhen::WaitForReview,
        quiet: quiet(),
        chase: None,
    };
    let mut inquiry = new_inquiry();
    inquiry.records.push(line("imaging", true));
    let talked = Step::Attempt { channel: Channel::Phone, outcome: Outcome::Reached, call_back_at: None };
    let began = [talked, Step::Note { base_version: 0, missing: 0 }];
    let (mut lines, mut told) = (BTreeSet::new(), Stage::Routed);
    for (place, step) in began.iter().chain(facts).enumerate() {
        let seconds = i64::try_from(place).expect("few");
        let now = if place < 2 { at(START) + SignedDuration::from_secs(seconds) } else { hour(100 + seconds) };
        let decided = decide(inquiry, step, &By("x".into()), now, &rules).expect("not refused");
        inquiry = decided.inquiry;
        lines.extend(decided.entries.into_iter().map(|entry| (entry.at, entry.text.into_owned())));
        for one in decided.told {
            if let Told::StageChanged { from, to, .. } = one {
                assert_eq!(from, told, "each change goes on from the last one that was told");
                told = to;
            }
        }
    }
    assert_eq!(told, inquiry.stage, "who listens ends where the desk stands");
    assert_eq!(inquiry.due_at.is_some(), inquiry.is_open());
    let steps = walk(&inquiry.stage_facts);
    (inquiry.stage, inquiry.standing(), steps, inquiry.visit, inquiry.records, lines)
}

/// Calls with every order of the steps.
fn every_order(steps: &mut [Step], left: usize, seen: &mut impl FnMut(&[Step])) {
    if left <= 1 {
        return seen(steps);
    }
    for place in 0..left {
        every_order(steps, left - 1, seen);
        if place + 1 < left {
            steps.swap(if left.is_multiple_of(2) { place } else { 0 }, left - 1);
        }
    }
}

#[test]
fn all_orders_of_seven_of_the_facts_are_one() {
    for facts in [&history()[..7], &history()[3..], &another()[3..]] {
        let (first, mut orders, mut differ) = (after(facts), 0, 0);
        every_order(&mut facts.to_vec(), 7, &mut |order| {
            orders += 1;
            differ += usize::from(after(order) != first);
        });
        assert_eq!((orders, differ), (5040, 0));
    }
}

#[test]
fn two_neighbours_of_the_ten_may_be_exchanged_anywhere() {
    for facts in [history(), another()] {
        for place in 1..facts.len() {
            let mut exchanged = facts.clone();
            exchanged.swap(place - 1, place);
            assert_eq!(after(&exchanged), after(&facts), "{place}");
        }
    }
}

#[test]
fn the_walk_of_the_ten_shows_each_stage_at_the_hour_at_which_it_began() {
    let (stage, _, steps, visit, ..) = after(&history());
    let hours: Vec<(i64, Stage)> =
        steps.iter().map(|step| (at(START).duration_until(step.at).as_hours(), step.to)).collect();
    let wanted = [
        (0, Stage::Routed),
        (0, Stage::Contacted),
        (0, Stage::IntakeComplete),
        (3, Stage::Scheduled),
        (4, Stage::IntakeComplete),
        (5, Stage::RecordsReady),
        (6, Stage::Scheduled),
        (9, Stage::RecordsReady),
        (11, Stage::Scheduled),
    ];
    assert_eq!(hours, wanted);
    assert_eq!((stage, visit.and_then(|visit| visit.starts_at)), (Stage::Scheduled, Some(hour(211))));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn any_order_of_all_ten_is_one(
        one in Just(history()).prop_shuffle(),
        other in Just(another()).prop_shuffle(),
        again in 0usize..10,
    ) {
        let twice = [&one[..], &one[again..=again]].concat();
        prop_assert_eq!(after(&twice), after(&history()));
        prop_assert_eq!(after(&other), after(&another()));
    }
}

#[test]
fn a_clock_that_was_set_back_does_not_make_the_newest_word_the_older_one() {
    let (calendar, targets) = (calendar(), Targets::default());
    let rules =
        Rules { calendar: &calendar, targets: &targets, book_when: BookWhen::BookAtOnce, quiet: quiet(), chase: None };
    let step = |inquiry, step: Step, now| {
        decide(inquiry, &step, &By("dana".into()), now, &rules).expect("not refused").inquiry
    };
    let note = |base_version, missing| Step::Note { base_version, missing };
    let written = step(step(new_inquiry(), note(0, 0), hour(3)), note(1, 2), hour(2));
    assert_eq!((written.intake_complete, written.standing().intake_complete), (false, false));
    let closed = step(written, Step::Close(causeway_funnel::stage::CloseReason::NotReady), hour(3));
    let open = step(closed, Step::Reopen(ReopenReason::CameBack), hour(1));
    assert_eq!((open.stage, open.close_reason), (Stage::Routed, None));
}
