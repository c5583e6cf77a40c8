//! The decisions as staff meet them, and the two promises that hold for every history.

use causeway_funnel::booking::BookWhen;
use causeway_funnel::calendar::{Calendar, Interval};
use causeway_funnel::inquiry::{BestTime, Channel, Facts};
use causeway_funnel::next_action::{NextAction, Targets};
use causeway_funnel::records::LineState;
use causeway_funnel::routing::Priority;
use causeway_funnel::stage::{CloseReason, Stage};
use jiff::civil::Weekday;
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use uuid::Uuid;

use super::*;

fn at(text: &str) -> Timestamp {
    text.parse().expect("a time")
}

fn calendar() -> Calendar {
    let hours = Interval::parse("08:00-17:00").expect("hours");
    let days = [Weekday::Monday, Weekday::Tuesday, Weekday::Wednesday, Weekday::Thursday, Weekday::Friday];
    let empty = Calendar::new("America/Chicago").expect("a zone");
    days.into_iter().fold(empty, |calendar, day| calendar.with_hours(day, hours))
}

/// Monday 10:00 in Chicago.
const START: &str = "2026-03-02T16:00:00Z";

fn line(kind: &str, needed: bool) -> RecordLine {
    RecordLine { kind: kind.into(), needed, state: LineState::Needed, asked_at: None, received_at: None }
}

fn new_inquiry() -> Inquiry {
    let facts = Facts { center: "lakeside".into(), time_zone: "America/Chicago".into(), ..Facts::default() };
    let route = Route {
        program: "gi".into(),
        team: "gi".into(),
        site: String::new(),
        script: "first-call".into(),
        priority: Priority::Normal,
        response_due_at: at(START) + SignedDuration::from_hours(4),
        after_hours: false,
        version: 1,
    };
    routed(
        Uuid::from_u128(7),
        facts,
        (route, at(START)),
        vec![line("pathology_report", true), line("genomic_report", false)],
    )
}

/// A desk with its own clock: each step happens a minute after the one before.
struct Desk {
    inquiry: Inquiry,
    now: Timestamp,
    calendar: Calendar,
    targets: Targets,
    book_when: BookWhen,
    told: Vec<Told>,
    entries: Vec<Entry>,
}

impl Desk {
    fn new(book_when: BookWhen) -> Self {
        Self {
            inquiry: new_inquiry(),
            now: at(START),
            calendar: calendar(),
            targets: Targets::default(),
            book_when,
            told: Vec::new(),
            entries: Vec::new(),
        }
    }

    fn try_step(&mut self, who: &str, step: &Step) -> Result<bool, Refusal> {
        self.now += SignedDuration::from_mins(1);
        let rules = Rules { calendar: &self.calendar, targets: &self.targets, book_when: self.book_when };
        let decided = decide(self.inquiry.clone(), step, &By(who.into()), self.now, &rules)?;
        self.inquiry = decided.inquiry;
        self.told = decided.told;
        self.entries = decided.entries;
        Ok(decided.changed)
    }

    fn step(&mut self, step: &Step) {
        assert!(self.try_step("dana", step).expect("not refused"), "{step:?} changed nothing");
    }

    fn attempt(&mut self, outcome: Outcome) {
        self.step(&Step::Attempt { channel: Channel::Phone, outcome, call_back_at: None });
    }

    fn visit(&mut self, what: VisitEvent, version: i64, starts_at: &str) {
        let at = self.now;
        self.step(&Step::Visit { what, at, version, starts_at: self::at(starts_at) });
    }

    fn record(&mut self, kind: &str, state: LineState) {
        self.step(&Step::Record { kind: kind.into(), state });
    }

    fn note(&mut self, missing: usize) {
        let base_version = self.inquiry.note_version;
        self.step(&Step::Note { base_version, missing });
    }

    fn is(&self, stage: Stage, action: NextAction) {
        assert_eq!((self.inquiry.stage, self.inquiry.next_action), (stage, action));
    }
}

#[test]
fn a_second_opinion_walks_to_the_visit_with_a_next_step_at_every_point() {
    let mut desk = Desk::new(BookWhen::WaitForReview);
    desk.is(Stage::Routed, NextAction::FirstContact);
    assert_eq!(desk.inquiry.due_at, Some(desk.inquiry.route.response_due_at));
    desk.attempt(Outcome::Reached);
    desk.is(Stage::Contacted, NextAction::CompleteIntake);
    desk.note(2);
    desk.is(Stage::Contacted, NextAction::CompleteIntake);
    assert!(desk.told.is_empty(), "half a note is nobody else's business");
    desk.note(0);
    desk.is(Stage::IntakeComplete, NextAction::GatherRecords);
    assert!(desk.told.contains(&Told::ReadinessChanged));
    desk.record("pathology_report", LineState::Received);
    desk.is(Stage::RecordsReady, NextAction::ReviewRecords);
    desk.step(&Step::Review { accept: true });
    desk.is(Stage::RecordsReady, NextAction::OfferDates);
    desk.visit(VisitEvent::Booked, 1, "2026-03-11T15:00:00Z");
    desk.is(Stage::Scheduled, NextAction::AwaitVisit);
    assert_eq!(desk.inquiry.due_at, Some(at("2026-03-11T15:00:00Z")));
    desk.now = at("2026-03-11T15:30:00Z");
    desk.step(&Step::VisitTimePassed);
    desk.is(Stage::Scheduled, NextAction::ConfirmAttendance);
    desk.visit(VisitEvent::Attended, 2, "2026-03-11T15:00:00Z");
    desk.is(Stage::Attended, NextAction::Nothing);
    assert_eq!((desk.inquiry.due_at, desk.inquiry.is_open()), (None, false));
}

#[test]
fn a_second_person_cannot_claim_and_the_same_one_may_ask_again() {
    let mut desk = Desk::new(BookWhen::BookAtOnce);
    assert_eq!(desk.try_step("dana", &Step::Claim), Ok(true));
    assert_eq!(desk.try_step("dana", &Step::Claim), Ok(false));
    assert!(matches!(desk.try_step("jorge", &Step::Claim), Err(Refusal::Conflict(_))));
    assert!(matches!(desk.try_step("jorge", &Step::Release), Err(Refusal::Conflict(_))));
    assert_eq!(desk.try_step("dana", &Step::HandOver(HandTo::Staff("jorge".into()))), Ok(true));
    assert_eq!(desk.try_step("jorge", &Step::Release), Ok(true));
    assert_eq!(desk.try_step("dana", &Step::Claim), Ok(true));
    desk.step(&Step::HandOver(HandTo::Team("breast".into())));
    assert_eq!((desk.inquiry.owner.as_str(), desk.inquiry.route.team.as_str()), ("", "breast"));
}

#[test]
fn after_a_failed_try_the_next_one_is_due_on_the_next_business_day_at_the_latest_in_the_persons_best_time() {
    let mut desk = Desk::new(BookWhen::BookAtOnce);
    desk.inquiry.facts.best_time = BestTime::Morning;
    // Friday 16:00: eight open hours later is Monday 15:00, and the morning before it ends at noon.
    desk.now = at("2026-03-06T22:00:00Z");
    desk.attempt(Outcome::NoAnswer);
    desk.is(Stage::Routed, NextAction::TryAgain);
    assert_eq!(desk.inquiry.due_at, Some(at("2026-03-09T17:00:00Z")));
    desk.targets.try_again_minutes = 5000;
    desk.inquiry.facts.best_time = BestTime::Any;
    desk.now = at("2026-03-06T22:00:00Z");
    desk.attempt(Outcome::Voicemail);
    assert_eq!(desk.inquiry.due_at, Some(at("2026-03-09T22:00:00Z")), "closing time of the next business day");
    desk.inquiry.facts.best_time = BestTime::Evening;
    desk.now = at("2026-03-06T22:00:00Z");
    desk.attempt(Outcome::NoAnswer);
    assert_eq!(desk.inquiry.due_at, Some(at("2026-03-09T22:00:00Z")), "no evening is open, so the rule's time stays");
}

#[test]
fn a_time_that_the_person_asked_for_goes_before_the_rule_and_must_lie_ahead() {
    let mut desk = Desk::new(BookWhen::BookAtOnce);
    let asked_for = at("2026-03-04T23:30:00Z");
    let call_back =
        |call_back_at| Step::Attempt { channel: Channel::Phone, outcome: Outcome::CallBackAsked, call_back_at };
    desk.step(&call_back(Some(asked_for)));
    assert_eq!((desk.inquiry.next_action, desk.inquiry.due_at), (NextAction::TryAgain, Some(asked_for)));
    assert!(matches!(desk.try_step("dana", &call_back(Some(at("2026-03-01T00:00:00Z")))), Err(Refusal::FieldFault(_))));
    desk.attempt(Outcome::Reached);
    assert_ne!(desk.inquiry.due_at, Some(asked_for));
    assert_eq!(desk.inquiry.first_contact_at, Some(desk.now));
}

#[test]
fn saving_half_a_note_does_not_win_time() {
    let mut desk = Desk::new(BookWhen::BookAtOnce);
    desk.attempt(Outcome::Reached);
    let due = desk.inquiry.due_at;
    desk.now += SignedDuration::from_hours(2);
    desk.note(3);
    assert_eq!(desk.inquiry.due_at, due);
    let stale = Step::Note { base_version: 0, missing: 0 };
    assert!(matches!(desk.try_step("jorge", &stale), Err(Refusal::Conflict(_))));
}

#[test]
fn a_missed_first_contact_raises_the_priority_once_and_not_after_a_try_in_time() {
    let mut desk = Desk::new(BookWhen::BookAtOnce);
    desk.step(&Step::ResponseMissed { level: 1 });
    assert_eq!(desk.inquiry.route.priority, Priority::High);
    desk.step(&Step::ResponseMissed { level: 2 });
    assert_eq!(desk.inquiry.route.priority, Priority::Urgent);
    let mut quick = Desk::new(BookWhen::BookAtOnce);
    quick.attempt(Outcome::NoAnswer);
    assert_eq!(quick.try_step("routing", &Step::ResponseMissed { level: 1 }), Ok(false));
}

#[test]
fn a_missed_visit_comes_back_as_a_call_to_make_and_a_cancelled_one_as_dates_to_offer() {
    let mut desk = Desk::new(BookWhen::BookAtOnce);
    desk.attempt(Outcome::Reached);
    desk.note(0);
    desk.visit(VisitEvent::Booked, 1, "2026-03-11T15:00:00Z");
    desk.visit(VisitEvent::Cancelled, 2, "2026-03-11T15:00:00Z");
    desk.is(Stage::IntakeComplete, NextAction::OfferDates);
    desk.visit(VisitEvent::Booked, 3, "2026-03-12T15:00:00Z");
    desk.visit(VisitEvent::Moved, 4, "2026-03-13T15:00:00Z");
    assert_eq!(desk.inquiry.due_at, Some(at("2026-03-13T15:00:00Z")));
    desk.visit(VisitEvent::Missed, 5, "2026-03-13T15:00:00Z");
    desk.is(Stage::IntakeComplete, NextAction::FollowUpNoShow);
    assert_eq!(desk.inquiry.visit_at(), None);
}

#[test]
fn a_cancellation_that_arrives_before_its_booking_still_ends_cancelled() {
    let mut desk = Desk::new(BookWhen::BookAtOnce);
    desk.attempt(Outcome::Reached);
    desk.note(0);
    let told =
        |what, at: Timestamp, version| Step::Visit { what, at, version, starts_at: self::at("2026-03-11T15:00:00Z") };
    let (booked, cancelled) = (desk.now, desk.now + SignedDuration::from_secs(30));
    desk.step(&told(VisitEvent::Cancelled, cancelled, 2));
    desk.step(&told(VisitEvent::Booked, booked, 1));
    desk.is(Stage::IntakeComplete, NextAction::OfferDates);
    assert_eq!(desk.inquiry.visit_at(), None);
    assert_eq!(desk.try_step("x", &told(VisitEvent::Booked, booked, 1)), Ok(false), "twice told changes nothing");
}

#[test]
fn closing_as_unreachable_needs_the_tries_and_reopening_returns_to_where_it_stood() {
    let mut desk = Desk::new(BookWhen::BookAtOnce);
    let close = Step::Close(CloseReason::Unreachable);
    assert!(matches!(desk.try_step("dana", &close), Err(Refusal::WrongState(_))));
    for _ in 0..3 {
        desk.attempt(Outcome::NoAnswer);
    }
    desk.step(&close);
    desk.is(Stage::Closed, NextAction::Nothing);
    assert_eq!(desk.inquiry.due_at, None);
    assert!(desk.told.contains(&Told::ReadinessChanged), "nothing may be booked for a closed inquiry");
    assert_eq!(desk.try_step("dana", &Step::Claim), Err(Refusal::Closed));
    desk.step(&Step::Reopen);
    desk.is(Stage::Routed, NextAction::TryAgain);
    assert!(desk.inquiry.due_at.is_some());
}

#[test]
fn a_reviewer_who_asks_for_more_sends_the_inquiry_back_to_gathering() {
    let mut desk = Desk::new(BookWhen::WaitForReview);
    desk.attempt(Outcome::Reached);
    desk.note(0);
    assert!(matches!(desk.try_step("mei", &Step::Review { accept: true }), Err(Refusal::WrongState(_))));
    desk.step(&Step::RequestRecords(Vec::new()));
    let asked = desk.told.iter().find_map(|told| match told {
        Told::RecordsRequested { kinds, .. } => Some(kinds.clone()),
        _ => None,
    });
    assert_eq!(asked, Some(vec!["pathology_report".to_owned(), "genomic_report".to_owned()]));
    desk.record("pathology_report", LineState::Received);
    desk.step(&Step::Review { accept: true });
    assert!(desk.inquiry.reviewed);
    desk.record("pathology_report", LineState::Received);
    assert!(!desk.inquiry.reviewed, "an acceptance lapses with the document");
    desk.step(&Step::Review { accept: false });
    desk.is(Stage::IntakeComplete, NextAction::GatherRecords);
}

#[test]
fn a_line_moves_only_along_its_states_and_unknown_documents_are_refused() {
    let mut desk = Desk::new(BookWhen::WaitForRecords);
    let record = |kind: &str, state| Step::Record { kind: kind.into(), state };
    assert!(matches!(
        desk.try_step("d", &record("pathology_report", LineState::Reviewed)),
        Err(Refusal::WrongState(_))
    ));
    assert!(matches!(desk.try_step("d", &record("x_ray_of_a_cat", LineState::Received)), Err(Refusal::UnknownName(_))));
    desk.record("pathology_report", LineState::Waived);
    assert!(desk.inquiry.records_ready);
    assert!(matches!(
        desk.try_step("d", &record("pathology_report", LineState::Received)),
        Err(Refusal::WrongState(_))
    ));
    desk.record("pathology_report", LineState::Needed);
    assert!(!desk.inquiry.records_ready);
}

#[test]
fn a_document_that_comes_fills_its_line_once_and_undoes_nothing_that_a_person_said_of_it() {
    let mut desk = Desk::new(BookWhen::WaitForReview);
    let came = |kind: &str| Step::Document { kind: kind.into(), previous: String::new() };
    desk.step(&came("pathology_report"));
    assert_eq!(desk.inquiry.records[0].state, LineState::Received);
    assert!(desk.inquiry.records_ready && desk.inquiry.records[0].received_at.is_some());
    assert_eq!(
        desk.try_step("ingestion", &came("pathology_report")),
        Ok(false),
        "another copy is no news for the line"
    );
    desk.record("pathology_report", LineState::Reviewed);
    assert_eq!(desk.try_step("ingestion", &came("pathology_report")), Ok(false));
    assert_eq!(desk.inquiry.records[0].state, LineState::Reviewed);
    desk.record("genomic_report", LineState::Waived);
    assert_eq!(desk.try_step("ingestion", &came("genomic_report")), Ok(false));
    assert_eq!(desk.try_step("ingestion", &came("x_ray_of_a_cat")), Ok(true), "it is told, and refused by nothing");
    desk.step(&Step::Close(CloseReason::NotReady));
    assert!(desk.try_step("ingestion", &came("x_ray_of_a_cat")).is_ok(), "also where it is closed");
}

#[test]
fn a_document_that_was_another_one_opens_its_old_line_again_unless_somebody_reviewed_it() {
    let mut desk = Desk::new(BookWhen::WaitForReview);
    let was = |kind: &str, previous: &str| Step::Document { kind: kind.into(), previous: previous.into() };
    desk.step(&was("pathology_report", ""));
    assert!(desk.inquiry.records_ready);
    desk.step(&was("genomic_report", "pathology_report"));
    assert!(!desk.inquiry.records_ready, "booking waits for the document that is not there");
    assert_eq!(desk.inquiry.records[0].state, LineState::Needed);
    desk.step(&was("pathology_report", ""));
    desk.step(&was("", "pathology_report"));
    assert_eq!((desk.inquiry.records[0].state, desk.inquiry.records[0].received_at), (LineState::Needed, None));
    desk.step(&was("pathology_report", ""));
    desk.record("pathology_report", LineState::Reviewed);
    assert_eq!(desk.try_step("ingestion", &was("", "pathology_report")), Ok(false));
    assert_eq!(desk.inquiry.records[0].state, LineState::Reviewed);
}

#[test]
fn an_older_routing_decision_changes_nothing_and_a_newer_one_moves_the_inquiry() {
    let mut desk = Desk::new(BookWhen::BookAtOnce);
    desk.step(&Step::Claim);
    let old = desk.inquiry.route.clone();
    assert_eq!(desk.try_step("routing", &Step::Rerouted(old.clone())), Ok(false));
    let due = old.response_due_at + SignedDuration::from_hours(1);
    desk.step(&Step::Rerouted(Route { team: "trials".into(), version: 2, response_due_at: due, ..old }));
    assert_eq!((desk.inquiry.owner.as_str(), desk.inquiry.due_at), ("", Some(due)));
}

#[test]
fn another_team_or_site_is_told_so_that_scheduling_follows_and_another_owner_is_not() {
    let mut desk = Desk::new(BookWhen::BookAtOnce);
    desk.step(&Step::Claim);
    desk.step(&Step::HandOver(HandTo::Staff("jorge".into())));
    assert!(!desk.told.contains(&Told::ReadinessChanged), "the owner is nothing that booking depends on");
    desk.step(&Step::HandOver(HandTo::Team("breast".into())));
    assert_eq!(desk.told, [Told::ReadinessChanged]);
    let route = desk.inquiry.route.clone();
    desk.step(&Step::Rerouted(Route { site: "valley".into(), version: 2, ..route.clone() }));
    assert_eq!(desk.told, [Told::ReadinessChanged]);
    desk.step(&Step::Rerouted(Route { site: "valley".into(), priority: Priority::High, version: 3, ..route }));
    assert!(desk.told.is_empty(), "the place is the same");
}

fn some_fact() -> impl Strategy<Value = Step> {
    let what = prop_oneof![
        Just(VisitEvent::Booked),
        Just(VisitEvent::Moved),
        Just(VisitEvent::Cancelled),
        Just(VisitEvent::Attended),
        Just(VisitEvent::Missed)
    ];
    let visit = (what, 0i64..5, 1i64..4, 0i64..3).prop_map(|(what, minute, version, day)| Step::Visit {
        what,
        at: at(START) + SignedDuration::from_mins(minute),
        version,
        starts_at: at(START) + SignedDuration::from_hours(24 * (day + 1)),
    });
    prop_oneof![4 => visit, 1 => (1i32..3).prop_map(|level| Step::ResponseMissed { level })]
}

fn some_step() -> impl Strategy<Value = Step> {
    let outcome = (0usize..5).prop_map(|index| Outcome::ALL[index].0);
    let state = (0usize..5).prop_map(|index| LineState::ALL[index]);
    prop_oneof![
        4 => some_fact(),
        2 => outcome.prop_map(|outcome| Step::Attempt { channel: Channel::Phone, outcome, call_back_at: None }),
        2 => (0i64..4, 0usize..2).prop_map(|(base_version, missing)| Step::Note { base_version, missing }),
        2 => state.prop_map(|state| Step::Record { kind: "pathology_report".into(), state }),
        1 => Just(Step::Document { kind: "pathology_report".into(), previous: String::new() }),
        1 => Just(Step::Document { kind: "x_ray_of_a_cat".into(), previous: "pathology_report".into() }),
        1 => any::<bool>().prop_map(|accept| Step::Review { accept }),
        1 => Just(Step::Close(CloseReason::NotReady)),
        1 => Just(Step::Reopen),
        1 => Just(Step::VisitTimePassed),
        1 => Just(Step::Claim),
        1 => Just(Step::HandOver(HandTo::Team("breast".into()))),
        1 => Just(Step::RequestRecords(Vec::new())),
    ]
}

fn after(steps: &[Step]) -> Inquiry {
    let mut desk = Desk::new(BookWhen::WaitForReview);
    for step in steps {
        let _ = desk.try_step("dana", step);
    }
    desk.inquiry
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn every_order_and_repetition_of_what_others_tell_gives_the_same_stage(
        (told, shuffled) in prop::collection::vec(some_fact(), 0..9)
            .prop_flat_map(|told| (Just(told.clone()), Just(told).prop_shuffle())),
        again in 0usize..9,
    ) {
        let first = after(&told);
        let mut twice = shuffled;
        twice.extend(told.get(again).cloned());
        let second = after(&twice);
        prop_assert_eq!((first.stage, first.standing()), (second.stage, second.standing()));
    }

    #[test]
    fn whatever_happens_an_open_inquiry_has_a_queue_a_next_action_and_a_due_time(
        steps in prop::collection::vec(some_step(), 0..25),
    ) {
        let mut desk = Desk::new(BookWhen::WaitForReview);
        for step in &steps {
            let (before, version) = (desk.inquiry.stage, desk.inquiry.version);
            let changed = desk.try_step("dana", step).unwrap_or(false);
            let inquiry = &desk.inquiry;
            prop_assert_eq!(inquiry.version, version + i64::from(changed));
            let told = desk.told.iter().any(|told| matches!(told, Told::StageChanged { .. }));
            prop_assert!(!changed || told == (inquiry.stage != before));
            prop_assert_eq!(inquiry.is_open(), inquiry.due_at.is_some());
            prop_assert_eq!(inquiry.is_open(), inquiry.next_action != NextAction::Nothing);
            prop_assert!(!inquiry.route.team.is_empty());
            prop_assert_eq!(inquiry.stage == Stage::Closed, inquiry.close_reason.is_some());
            prop_assert_eq!(inquiry.stage, inquiry.standing().stage);
            prop_assert_eq!(inquiry.records_ready, inquiry.standing().records_complete);
        }
    }
}
