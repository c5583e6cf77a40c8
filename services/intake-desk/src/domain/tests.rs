//! The decisions as staff meet them, and the two promises that hold for every history.

use causeway_funnel::booking::BookWhen;
use causeway_funnel::cadence::Cadence;
use causeway_funnel::calendar::{Calendar, Interval};
use causeway_funnel::inquiry::{BestTime, Channel, Facts};
use causeway_funnel::next_action::{NextAction, Targets};
use causeway_funnel::next_step::StepEnd;
use causeway_funnel::profile::QuietHours;
use causeway_funnel::records::{LineState, RecordsFrom, WaiveReason};
use causeway_funnel::reroute::RerouteReason;
use causeway_funnel::routing::Priority;
use causeway_funnel::scope::KeepReason;
use causeway_funnel::stage::{CloseReason, ReopenReason, Stage};
use causeway_funnel::stillness::PauseReason;
use causeway_funnel::triage::DeclineReason;
use jiff::civil::Weekday;
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use uuid::Uuid;

use super::*;

/// A document and the version of its word: the first one.
pub(super) const FIRST_WORD: (Uuid, i64) = (Uuid::from_u128(7), 1);

pub(super) fn at(text: &str) -> Timestamp {
    text.parse().expect("a time")
}

pub(super) fn calendar() -> Calendar {
    let hours = Interval::parse("08:00-17:00").expect("hours");
    let days = [Weekday::Monday, Weekday::Tuesday, Weekday::Wednesday, Weekday::Thursday, Weekday::Friday];
    let empty = Calendar::new("America/Chicago").expect("a zone");
    days.into_iter().fold(empty, |calendar, day| calendar.with_hours(day, hours))
}

/// Monday 10:00 in Chicago.
pub(super) const START: &str = "2026-03-02T16:00:00Z";

pub(super) fn line(kind: &str, needed: bool) -> RecordLine {
    RecordLine { kind: kind.into(), needed, ..RecordLine::default() }
}

pub(super) fn new_inquiry() -> Inquiry {
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
        clock_version: 1,
    };
    routed(
        (Uuid::from_u128(7), String::new()),
        facts,
        (route, at(START)),
        vec![line("pathology_report", true), line("genomic_report", false)],
    )
}

/// Eight at night until eight in the morning.
pub(super) fn quiet() -> QuietHours {
    QuietHours { from: "20:00".parse().expect("a time"), to: "08:00".parse().expect("a time") }
}

/// A desk with its own clock: each step happens a minute after the one before.
struct Desk {
    inquiry: Inquiry,
    now: Timestamp,
    calendar: Calendar,
    targets: Targets,
    book_when: BookWhen,
    chase: Option<Cadence>,
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
            chase: None,
            told: Vec::new(),
            entries: Vec::new(),
        }
    }

    fn try_step(&mut self, who: &str, step: &Step) -> Result<bool, Refusal> {
        self.now += SignedDuration::from_mins(1);
        let rules = Rules {
            calendar: &self.calendar,
            targets: &self.targets,
            book_when: self.book_when,
            quiet: quiet(),
            chase: self.chase.as_ref(),
        };
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
        self.step(&Step::Visit { what, at, version, starts_at: self::at(starts_at), why: String::new() });
    }

    fn record(&mut self, kind: &str, state: LineState) {
        self.step(&Step::Record { kind: kind.into(), state, why: None });
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
    desk.step(&Step::Review(Verdict::Accept));
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
    desk.step(&Step::HandOver(HandTo::Team("breast".into(), RerouteReason::Other)));
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
    let mut kept = Desk::new(BookWhen::BookAtOnce);
    kept.attempt(Outcome::Reached);
    kept.note(0);
    kept.visit(VisitEvent::Booked, 1, "2026-03-11T15:00:00Z");
    kept.step(&Step::Close(CloseReason::ChoseAnotherCenter));
    let told = &kept.entries.last().expect("told").text;
    assert!(told.contains("A visit stays booked"), "who closes it learns that the visit stands: {told}");
    // They are tried anew, and not for ever.
    let enough = Targets::default().attempts_before_unreachable;
    let unreachable = Step::Close(CloseReason::Unreachable);
    for _ in 0..enough {
        desk.is(Stage::IntakeComplete, NextAction::FollowUpNoShow);
        assert!(matches!(desk.try_step("dana", &unreachable), Err(Refusal::WrongState(_))));
        desk.attempt(Outcome::NoAnswer);
    }
    desk.is(Stage::IntakeComplete, NextAction::AllTriesMade);
    desk.attempt(Outcome::Reached);
    desk.is(Stage::IntakeComplete, NextAction::FollowUpNoShow);
    assert!(matches!(desk.try_step("dana", &unreachable), Err(Refusal::WrongState(_))), "they were reached");
}

#[test]
fn another_copy_of_a_document_undoes_nothing_and_the_first_one_counts() {
    let mut desk = Desk::new(BookWhen::WaitForReview);
    let came = |id: u128, hours: i64| Step::Document {
        door: "patient".into(),
        document: (Uuid::from_u128(id), 1),
        kind: "pathology_report".into(),
        previous: String::new(),
        at: Some(at(START) + SignedDuration::from_hours(hours)),
    };
    desk.step(&came(1, 5));
    desk.step(&Step::Record { kind: "pathology_report".into(), state: LineState::Reviewed, why: None });
    desk.step(&came(2, 2));
    let line = &desk.inquiry.records[0];
    assert_eq!(line.state, LineState::Reviewed);
    assert_eq!(line.received_at, Some(at(START) + SignedDuration::from_hours(2)), "the first one counts, heard last");
}

#[test]
fn a_cancellation_that_arrives_before_its_booking_still_ends_cancelled() {
    let mut desk = Desk::new(BookWhen::BookAtOnce);
    desk.attempt(Outcome::Reached);
    desk.note(0);
    let told = |what, at: Timestamp, version| Step::Visit {
        what,
        at,
        version,
        starts_at: self::at("2026-03-11T15:00:00Z"),
        why: String::new(),
    };
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
    desk.step(&Step::Reopen(ReopenReason::CameBack));
    desk.is(Stage::Routed, NextAction::TryAgain);
    let why = desk.told.iter().find_map(|told| match told {
        Told::StageChanged { reopened, .. } => *reopened,
        _ => None,
    });
    assert_eq!(why, Some((ReopenReason::CameBack, CloseReason::Unreachable)));
    assert_eq!(desk.inquiry.due_at, Some(desk.now), "the center is open: now");
    desk.step(&Step::Claim);
    desk.is(Stage::Routed, NextAction::TryAgain);
    desk.attempt(Outcome::NoAnswer);
    desk.is(Stage::Routed, NextAction::AllTriesMade);
}

#[test]
fn whoever_asked_to_be_called_back_is_called_however_often_they_were_tried() {
    for asked_for in [None, Some(at("2026-03-04T17:00:00Z"))] {
        let mut desk = Desk::new(BookWhen::BookAtOnce);
        for _ in 0..3 {
            desk.attempt(Outcome::NoAnswer);
        }
        desk.is(Stage::Routed, NextAction::AllTriesMade);
        let outcome = Outcome::CallBackAsked;
        desk.step(&Step::Attempt { channel: Channel::Phone, outcome, call_back_at: asked_for });
        desk.is(Stage::Routed, NextAction::TryAgain);
        assert!(desk.inquiry.due_at.is_some_and(|due| asked_for.is_none_or(|at| at == due)));
        desk.step(&Step::Claim);
        desk.is(Stage::Routed, NextAction::TryAgain);
        desk.attempt(Outcome::NoAnswer);
        desk.is(Stage::Routed, NextAction::AllTriesMade);
    }
}

#[test]
fn a_reviewer_who_asks_for_more_sends_the_inquiry_back_to_gathering() {
    let mut desk = Desk::new(BookWhen::WaitForReview);
    desk.attempt(Outcome::Reached);
    desk.note(0);
    assert!(matches!(desk.try_step("mei", &Step::Review(Verdict::Accept)), Err(Refusal::WrongState(_))));
    desk.step(&Step::RequestRecords { kinds: Vec::new(), of: RecordsFrom::Patient });
    let asked = desk.told.iter().find_map(|told| match told {
        Told::RecordsRequested { kinds, .. } => Some(kinds.clone()),
        _ => None,
    });
    assert_eq!(asked, Some(vec!["pathology_report".to_owned(), "genomic_report".to_owned()]));
    desk.record("pathology_report", LineState::Received);
    desk.step(&Step::Review(Verdict::Accept));
    assert!(desk.inquiry.reviewed);
    desk.record("pathology_report", LineState::Received);
    assert!(!desk.inquiry.reviewed, "an acceptance lapses with the document");
    desk.step(&Step::Review(Verdict::AskForMore(Vec::new())));
    desk.is(Stage::IntakeComplete, NextAction::GatherRecords);
}

#[test]
fn a_line_moves_only_along_its_states_and_unknown_documents_are_refused() {
    let mut desk = Desk::new(BookWhen::WaitForRecords);
    let record = |kind: &str, state| Step::Record { kind: kind.into(), state, why: Some(WaiveReason::NeverMade) };
    assert!(matches!(
        desk.try_step("d", &record("pathology_report", LineState::Reviewed)),
        Err(Refusal::WrongState(_))
    ));
    assert!(matches!(desk.try_step("d", &record("x_ray_of_a_cat", LineState::Received)), Err(Refusal::UnknownName(_))));
    assert_eq!(desk.try_step("mei", &record("pathology_report", LineState::Waived)), Ok(true));
    assert!(desk.inquiry.records_ready);
    let waived = &desk.inquiry.records[0];
    assert_eq!((waived.by.as_str(), waived.why), ("mei", Some(WaiveReason::NeverMade)));
    assert!(matches!(
        desk.try_step("d", &record("pathology_report", LineState::Received)),
        Err(Refusal::WrongState(_))
    ));
    assert_eq!(desk.try_step("d", &record("pathology_report", LineState::Needed)), Ok(true));
    assert!(!desk.inquiry.records_ready);
    assert_eq!(
        (desk.inquiry.records[0].by.as_str(), desk.inquiry.records[0].why),
        ("", None),
        "it is needed after all"
    );
    desk.record("pathology_report", LineState::Received);
    assert_eq!(desk.try_step("mei", &Step::Review(Verdict::Accept)), Ok(true));
    assert_eq!(desk.inquiry.records[0].by, "mei");
}

#[test]
fn a_document_that_comes_fills_its_line_once_and_undoes_nothing_that_a_person_said_of_it() {
    let mut desk = Desk::new(BookWhen::WaitForReview);
    let came = |kind: &str| Step::Document {
        door: "patient".into(),
        document: FIRST_WORD,
        kind: kind.into(),
        previous: String::new(),
        at: None,
    };
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
fn a_paper_that_comes_after_all_tries_brings_the_inquiry_back_and_one_after_a_decision_does_not() {
    let papers = |at: Timestamp| {
        let named = Step::Document {
            door: "patient".into(),
            document: FIRST_WORD,
            kind: "pathology_report".into(),
            previous: String::new(),
            at: Some(at),
        };
        [named, Step::LooseDocument { document: FIRST_WORD, door: "patient".into(), at }]
    };
    let closed = |reason| {
        let mut desk = Desk::new(BookWhen::BookAtOnce);
        (0..3).for_each(|_| desk.attempt(Outcome::NoAnswer));
        desk.step(&Step::Close(reason));
        desk
    };
    let (soon, minute) = (at(START) + SignedDuration::from_hours(1), SignedDuration::from_mins(1));
    for paper in papers(soon) {
        let mut desk = closed(CloseReason::Unreachable);
        desk.step(&paper);
        let why = desk.told.iter().find_map(|told| match told {
            Told::StageChanged { reopened, .. } => *reopened,
            _ => None,
        });
        assert_eq!(why, Some((ReopenReason::NewInformation, CloseReason::Unreachable)), "{paper:?}");
        assert!(desk.inquiry.is_open() && desk.inquiry.due_at.is_some(), "somebody looks again: {paper:?}");
        desk.now = soon + minute;
        desk.step(&Step::Close(CloseReason::NotReady));
        let _ = desk.try_step("ingestion", &paper);
        assert_eq!(desk.inquiry.stage, Stage::Closed, "told twice it is no second paper: {paper:?}");
    }
    for reason in CloseReason::ALL.iter().filter(|reason| **reason != CloseReason::HandedToSister) {
        let mut desk = closed(*reason);
        desk.step(&papers(soon)[0]);
        assert_eq!(desk.inquiry.is_open(), reason.is_open_to_papers(), "{reason}");
    }
    for filed in [
        Step::Document {
            door: "staff".into(),
            document: FIRST_WORD,
            kind: "pathology_report".into(),
            previous: String::new(),
            at: Some(soon),
        },
        Step::LooseDocument { document: FIRST_WORD, door: "staff".into(), at: soon },
    ] {
        let mut desk = closed(CloseReason::Unreachable);
        desk.step(&filed);
        assert_eq!(desk.inquiry.stage, Stage::Closed, "a colleague files it: {filed:?}");
    }
    let mut desk = closed(CloseReason::Unreachable);
    let before = desk.inquiry.closed_at.expect("closed") - minute;
    desk.step(&papers(before)[0]);
    assert_eq!(desk.inquiry.stage, Stage::Closed, "whoever closed it could have seen it");
    desk.step(&Step::Document {
        door: "patient".into(),
        document: (FIRST_WORD.0, 2),
        kind: "genomic_report".into(),
        previous: "pathology_report".into(),
        at: Some(soon),
    });
    assert_eq!(desk.inquiry.stage, Stage::Closed, "a colleague gave it another name");
}

#[test]
fn a_document_that_was_another_one_opens_its_old_line_again_unless_somebody_reviewed_it() {
    let mut desk = Desk::new(BookWhen::WaitForReview);
    let was = |kind: &str, previous: &str| Step::Document {
        door: "patient".into(),
        document: FIRST_WORD,
        kind: kind.into(),
        previous: previous.into(),
        at: None,
    };
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

fn moved(desk: &Desk, hours: i64, version: i64) -> Moved {
    Moved {
        cause: "closure_entered".into(),
        due_at: desk.inquiry.route.response_due_at + SignedDuration::from_hours(hours),
        after_hours: true,
        pause: None,
        pauses: Vec::new(),
        miss_taken_back: false,
        version,
    }
}

#[test]
fn a_due_time_that_routing_tells_anew_is_when_the_call_is_due_and_an_older_one_changes_nothing() {
    let mut desk = Desk::new(BookWhen::BookAtOnce);
    let due = desk.inquiry.route.response_due_at;
    desk.step(&Step::ResponseMissed { level: 1 });
    let back = Moved { miss_taken_back: true, ..moved(&desk, 3, 4) };
    desk.step(&Step::ResponseMoved(back.clone()));
    assert_eq!(desk.inquiry.due_at, Some(due + SignedDuration::from_hours(3)));
    assert_eq!(desk.inquiry.route.priority, Priority::High, "who was called to it has been called");
    assert_eq!(
        desk.entries[0].text,
        "A closure was entered. First contact is now due Monday, March 2, at 5 pm. It does not count as missed any more."
    );
    assert!(desk.told.is_empty(), "routing has told everybody");
    assert_eq!(desk.try_step("routing", &Step::ResponseMoved(back)), Ok(false));
    let older = moved(&desk, -1, 3);
    assert_eq!(desk.try_step("routing", &Step::ResponseMoved(older)), Ok(false));
    // A try is in time by the newest word.
    desk.now = due + SignedDuration::from_hours(2);
    desk.attempt(Outcome::NoAnswer);
    assert!(desk.told.iter().any(|told| matches!(told, Told::ContactAttempted { within_target: true, .. })));
    let next_try = desk.inquiry.due_at;
    let later = moved(&desk, 24, 5);
    desk.step(&Step::ResponseMoved(later));
    assert_eq!(desk.inquiry.due_at, next_try, "the next try is the desk's own");
    assert!(desk.entries.is_empty());
}

#[test]
fn a_pause_is_told_with_its_reason_and_its_end_even_where_it_moves_nothing() {
    let mut desk = Desk::new(BookWhen::BookAtOnce);
    let until = at("2026-03-02T18:00:00Z");
    let paused = Moved { cause: "paused".into(), pause: Some((PauseReason::Away, until)), ..moved(&desk, 0, 2) };
    desk.step(&Step::ResponseMoved(paused));
    assert_eq!(
        desk.entries[0].text,
        "The response clock stands still until Monday, March 2, at 12 noon: the person is away."
    );
    let resumed = Moved { cause: "resumed".into(), ..moved(&desk, 1, 3) };
    desk.step(&Step::ResponseMoved(resumed));
    assert_eq!(desk.entries[0].text, "The response clock runs on. First contact is now due Monday, March 2, at 3 pm.");
}

#[test]
fn a_decision_that_comes_after_a_newer_due_time_moves_the_inquiry_and_leaves_the_time() {
    let mut desk = Desk::new(BookWhen::BookAtOnce);
    let newest = moved(&desk, 5, 3);
    desk.step(&Step::ResponseMoved(newest.clone()));
    let older = Route { team: "trials".into(), version: 2, clock_version: 2, ..new_inquiry().route };
    desk.step(&Step::Rerouted(older));
    assert_eq!((desk.inquiry.route.team.as_str(), desk.inquiry.due_at), ("trials", Some(newest.due_at)));
    assert_eq!((desk.inquiry.route.version, desk.inquiry.route.clock_version), (2, 3));
}

#[test]
fn another_team_or_site_is_told_so_that_scheduling_follows_and_another_owner_is_not() {
    let mut desk = Desk::new(BookWhen::BookAtOnce);
    desk.step(&Step::Claim);
    desk.step(&Step::HandOver(HandTo::Staff("jorge".into())));
    assert!(!desk.told.contains(&Told::ReadinessChanged), "the owner is nothing that booking depends on");
    desk.step(&Step::HandOver(HandTo::Team("breast".into(), RerouteReason::WrongArea)));
    let moved = Told::WorkMoved(How::HandedOver(Some(RerouteReason::WrongArea)));
    assert_eq!(desk.told, [Told::ReadinessChanged, moved]);
    let route = desk.inquiry.route.clone();
    desk.step(&Step::Rerouted(Route { site: "valley".into(), version: 2, ..route.clone() }));
    assert_eq!(desk.told, [Told::ReadinessChanged]);
    desk.step(&Step::Rerouted(Route { site: "valley".into(), priority: Priority::High, version: 3, ..route }));
    assert!(desk.told.is_empty(), "the place is the same");
}

fn choice(number: i64, heard_version: i64, owner: &str) -> Step {
    let (team, owner, reason) = ("gi".to_owned(), owner.to_owned(), "untouched".to_owned());
    Step::Chosen(Choice { team, owner, number, heard_version, reason })
}

#[test]
fn whose_turn_it_is_may_be_claimed_by_anybody_and_a_claim_wins_over_a_choice_that_did_not_know_of_it() {
    let mut desk = Desk::new(BookWhen::BookAtOnce);
    desk.step(&choice(1, 1, "jorge"));
    assert_eq!((desk.inquiry.owner.as_str(), desk.inquiry.turn.chosen), ("jorge", true));
    assert_eq!(desk.told, [Told::WorkMoved(How::Chosen)]);
    assert_eq!(desk.try_step("routing", &choice(1, 9, "mei")), Ok(false), "the same choice again");
    desk.step(&Step::Claim);
    assert_eq!((desk.inquiry.owner.as_str(), desk.inquiry.turn.chosen), ("dana", false));
    assert_eq!(desk.told, [Told::WorkMoved(How::Claimed)]);
    let claimed_at = desk.inquiry.version;
    // It was on its way when she claimed.
    desk.step(&choice(2, claimed_at - 1, "mei"));
    assert_eq!((desk.inquiry.owner.as_str(), desk.told.as_slice()), ("dana", [Told::WorkMoved(How::Kept)].as_slice()));
    assert!(matches!(desk.try_step("mei", &Step::Claim), Err(Refusal::Conflict(_))), "a claim holds");
    // Routing has heard of the claim, and nobody has begun for too long.
    desk.step(&choice(3, claimed_at, "mei"));
    assert_eq!((desk.inquiry.owner.as_str(), desk.inquiry.turn.chosen), ("mei", true));
    assert!(desk.entries[0].text.contains("Nobody had begun"));
    desk.attempt(Outcome::NoAnswer);
    let newest = desk.inquiry.version;
    desk.step(&choice(4, newest, "jorge"));
    assert_eq!(desk.inquiry.owner, "mei", "somebody has tried to reach the person");
    // What was tried before it went to another team's queue leaves it to nobody there.
    desk.step(&Step::HandOver(HandTo::Team("breast".into(), RerouteReason::WrongArea)));
    let choice = Choice {
        team: "breast".into(),
        owner: "jorge".into(),
        number: 5,
        heard_version: desk.inquiry.version,
        reason: "queue".into(),
    };
    desk.step(&Step::Chosen(choice));
    assert_eq!(
        (desk.inquiry.owner.as_str(), desk.told.as_slice()),
        ("jorge", [Told::WorkMoved(How::Chosen)].as_slice())
    );
}

#[test]
fn a_choice_for_another_team_or_of_a_closed_inquiry_changes_nobody_and_is_answered() {
    let mut desk = Desk::new(BookWhen::BookAtOnce);
    desk.step(&Step::HandOver(HandTo::Team("breast".into(), RerouteReason::WrongArea)));
    desk.step(&choice(1, desk.inquiry.version, "jorge"));
    assert_eq!((desk.inquiry.owner.as_str(), desk.told.as_slice()), ("", [Told::WorkMoved(How::Kept)].as_slice()));
    desk.step(&Step::Close(CloseReason::NotReady));
    assert!(desk.told.contains(&Told::WorkMoved(How::Ended)));
    desk.step(&choice(2, desk.inquiry.version, "jorge"));
    assert_eq!((desk.inquiry.owner.as_str(), desk.told.as_slice()), ("", [Told::WorkMoved(How::Kept)].as_slice()));
    desk.step(&Step::Reopen(ReopenReason::CameBack));
    assert!(desk.told.contains(&Told::WorkMoved(How::Reopened)));
}

#[test]
fn who_begins_what_is_their_turn_holds_it_and_a_colleague_who_helps_does_not_take_it() {
    let mut desk = Desk::new(BookWhen::BookAtOnce);
    desk.step(&choice(1, 1, "dana"));
    let attempt = Step::Attempt { channel: Channel::Phone, outcome: Outcome::NoAnswer, call_back_at: None };
    desk.try_step("jorge", &attempt).expect("a colleague may help");
    assert!(desk.inquiry.turn.chosen);
    desk.step(&attempt);
    assert!(!desk.inquiry.turn.chosen);
    assert!(matches!(desk.try_step("jorge", &Step::Claim), Err(Refusal::Conflict(_))));
}

#[test]
fn a_note_a_line_of_the_checklist_and_a_review_of_the_owner_go_before_a_choice_that_did_not_know_of_them() {
    let steps = [
        Step::Note { base_version: 0, missing: 1 },
        Step::Record { kind: "pathology_report".into(), state: LineState::Received, why: None },
        Step::RequestRecords { kinds: Vec::new(), of: RecordsFrom::Patient },
        Step::Review(Verdict::AskForMore(Vec::new())),
    ];
    for step in steps {
        for is_chosen in [true, false] {
            let mut desk = Desk::new(BookWhen::WaitForReview);
            desk.step(&if is_chosen { choice(1, 1, "dana") } else { Step::Claim });
            let known = desk.inquiry.turn.moved_version;
            desk.step(&step);
            assert!(!desk.inquiry.turn.chosen, "{step:?}");
            desk.step(&choice(2, known, "mei"));
            assert_eq!(desk.inquiry.owner, "dana", "{step:?}");
            assert_eq!(desk.told, [Told::WorkMoved(How::Kept)]);
        }
    }
    let mut desk = Desk::new(BookWhen::WaitForReview);
    desk.step(&choice(1, 1, "dana"));
    desk.record("pathology_report", LineState::Received);
    desk.inquiry.turn = Turn { chosen: true, ..desk.inquiry.turn };
    desk.step(&Step::Review(Verdict::Accept));
    assert!(!desk.inquiry.turn.chosen, "accepting begins it too");
}

#[test]
fn what_was_taken_and_left_lying_goes_back_unless_it_was_taken_anew_or_rightly_waits() {
    let idle = |version| Step::ClaimIdle { owner: "dana".into(), version, since: at(START) };
    let mut desk = Desk::new(BookWhen::WaitForRecords);
    desk.step(&Step::Claim);
    let first = desk.inquiry.version;
    desk.now += SignedDuration::from_hours(6);
    desk.step(&Step::Release);
    desk.step(&Step::Claim);
    assert_eq!(desk.try_step("", &idle(first)), Ok(false), "the timer of the claim before");
    let second = desk.inquiry.version;
    desk.try_step("", &idle(second)).expect("given back");
    assert_eq!(desk.inquiry.owner, "");

    // Records are asked after when they are due, and a call back is made at its time.
    let mut desk = Desk::new(BookWhen::WaitForRecords);
    desk.attempt(Outcome::Reached);
    desk.note(0);
    desk.step(&Step::Claim);
    desk.is(Stage::IntakeComplete, NextAction::GatherRecords);
    let (version, due) = (desk.inquiry.version, desk.inquiry.due_at.expect("due"));
    assert_eq!(desk.try_step("", &idle(version)), Ok(false));
    desk.now = due;
    assert_eq!(desk.try_step("", &idle(version)), Ok(true), "and then it lies");
    let mut desk = Desk::new(BookWhen::WaitForRecords);
    let asked_for = desk.now + SignedDuration::from_hours(24);
    let (channel, outcome) = (Channel::Phone, Outcome::CallBackAsked);
    desk.step(&Step::Attempt { channel, outcome, call_back_at: Some(asked_for) });
    desk.step(&Step::Claim);
    let version = desk.inquiry.version;
    let rules = Rules {
        calendar: &desk.calendar,
        targets: &desk.targets,
        book_when: desk.book_when,
        quiet: quiet(),
        chase: None,
    };
    let looked_at = idle_after(&desk.inquiry, desk.now, &rules).expect("a time");
    assert_eq!(looked_at, desk.calendar.add_business(asked_for, desk.targets.claim_idle_minutes));
    assert_eq!(desk.try_step("", &idle(version)), Ok(false), "it waits for its time");
    desk.now = looked_at;
    assert_eq!(desk.try_step("", &idle(version)), Ok(true));
}

fn paused(desk: &Desk, version: i64, stretches: &[(Timestamp, Timestamp)]) -> Step {
    let stretch = |(from, to): &(Timestamp, Timestamp)| Paused { from: *from, to: *to, reason: PauseReason::Away };
    let pause = stretches.last().map(|(_, to)| (PauseReason::Away, *to));
    let pauses = stretches.iter().map(stretch).collect();
    Step::ResponseMoved(Moved { cause: "paused".into(), pause, pauses, ..moved(desk, 0, version) })
}

#[test]
fn the_time_of_a_pause_does_not_count_for_who_holds_an_inquiry_and_it_lies_afterwards_all_the_same() {
    let idle = |version, since| Step::ClaimIdle { owner: "dana".into(), version, since };
    let looked_at = |desk: &Desk, since| {
        let rules = Rules {
            calendar: &desk.calendar,
            targets: &desk.targets,
            book_when: desk.book_when,
            quiet: quiet(),
            chase: None,
        };
        idle_after(&desk.inquiry, since, &rules).expect("a time")
    };
    // Held for two of the four open hours, then paused from noon until noon on Wednesday, then two hours more.
    let (noon, wednesday) = (at("2026-03-02T18:00:00Z"), at("2026-03-04T18:00:00Z"));
    let mut desk = Desk::new(BookWhen::WaitForRecords);
    desk.targets.claim_idle_minutes = 240;
    desk.now = noon - SignedDuration::from_mins(121);
    desk.step(&Step::Claim);
    let (version, claimed) = (desk.inquiry.version, desk.now);
    assert_eq!(looked_at(&desk, claimed), noon + SignedDuration::from_hours(2));
    desk.now = noon;
    let step = paused(&desk, 2, &[(noon, wednesday)]);
    desk.step(&step);
    desk.now = noon + SignedDuration::from_hours(3);
    assert_eq!(desk.try_step("", &idle(version, claimed)), Ok(false), "the timer of the claim finds a pause");
    let ends = wednesday + SignedDuration::from_hours(2);
    assert_eq!(looked_at(&desk, claimed), ends);
    // The pause is over by itself, and what is left of the time counts.
    desk.now = ends - SignedDuration::from_mins(2);
    assert_eq!(desk.try_step("", &idle(version, claimed)), Ok(false));
    assert_eq!(desk.try_step("", &idle(version, claimed)), Ok(true), "and then it lies");

    // Claimed while a pause stands: the whole time counts from its end, also where it ends early.
    let mut desk = Desk::new(BookWhen::WaitForRecords);
    desk.targets.claim_idle_minutes = 240;
    let step = paused(&desk, 2, &[(at(START), wednesday)]);
    desk.step(&step);
    desk.step(&Step::Claim);
    let (version, claimed) = (desk.inquiry.version, desk.now);
    assert_eq!(looked_at(&desk, claimed), wednesday + SignedDuration::from_hours(4));
    desk.now = noon + SignedDuration::from_hours(4);
    assert_eq!(desk.try_step("", &idle(version, claimed)), Ok(false));
    let step = paused(&desk, 3, &[(at(START), noon)]);
    desk.step(&step);
    assert_eq!(looked_at(&desk, claimed), noon + SignedDuration::from_hours(4));
    assert_eq!(desk.try_step("", &idle(version, claimed)), Ok(true));
}

#[test]
fn a_pause_has_nobody_looked_after_who_did_something_about_what_they_hold() {
    let noon = at("2026-03-02T18:00:00Z");
    let mut desk = Desk::new(BookWhen::WaitForRecords);
    desk.step(&Step::Claim);
    let claimed = desk.now;
    let pause = |desk: &mut Desk, version, until: Timestamp| {
        let step = paused(desk, version, &[(at(START), until)]);
        desk.step(&step);
        watched_since(&desk.inquiry, &step, desk.now)
    };
    assert_eq!(pause(&mut desk, 2, noon), Some(claimed), "nothing was done");
    desk.attempt(Outcome::Voicemail);
    assert_eq!(pause(&mut desk, 3, noon + SignedDuration::from_hours(1)), None, "it was called");
    let to_luis = Step::HandOver(HandTo::Staff("luis".into()));
    desk.step(&to_luis);
    assert_eq!(watched_since(&desk.inquiry, &to_luis, desk.now), Some(desk.now));
    // Claimed before this was kept: nobody knows whether anything was done.
    desk.inquiry.turn.moved_at = None;
    assert_eq!(pause(&mut desk, 4, noon + SignedDuration::from_hours(2)), None);
}

#[test]
fn a_pause_ends_with_the_first_try_for_who_claims_it_afterwards_too() {
    let (noon, wednesday) = (at("2026-03-02T18:00:00Z"), at("2026-03-04T18:00:00Z"));
    let mut desk = Desk::new(BookWhen::WaitForRecords);
    desk.targets.claim_idle_minutes = 240;
    let step = paused(&desk, 2, &[(at(START), noon), (noon + SignedDuration::from_hours(1), wednesday)]);
    desk.step(&step);
    desk.now = at(START) + SignedDuration::from_hours(1) - SignedDuration::from_mins(1);
    desk.attempt(Outcome::Voicemail);
    desk.step(&Step::Claim);
    let rules = Rules {
        calendar: &desk.calendar,
        targets: &desk.targets,
        book_when: desk.book_when,
        quiet: quiet(),
        chase: None,
    };
    let ends = desk.now + SignedDuration::from_hours(4);
    assert_eq!(idle_after(&desk.inquiry, desk.now, &rules), Some(ends), "neither the one that stands nor the next one");
    let before = desk.now - SignedDuration::from_mins(31);
    let ends = at(START) + SignedDuration::from_hours(5);
    assert_eq!(idle_after(&desk.inquiry, before, &rules), Some(ends), "its time until the try does not count");
}

#[test]
fn a_timer_that_comes_too_early_comes_again_while_somebody_still_holds_it() {
    let mut desk = Desk::new(BookWhen::WaitForRecords);
    desk.step(&Step::Claim);
    let (version, since) = (desk.inquiry.version, desk.now);
    let idle = |owner: &str, version| Step::ClaimIdle { owner: owner.into(), version, since };
    let again = |desk: &Desk, step: &Step| {
        let rules = Rules {
            calendar: &desk.calendar,
            targets: &desk.targets,
            book_when: desk.book_when,
            quiet: quiet(),
            chase: None,
        };
        looks_again(&desk.inquiry, step, desk.now, &rules)
    };
    // The center allows four hours since then, and not two.
    desk.now = since + SignedDuration::from_hours(2);
    desk.targets.claim_idle_minutes = 240;
    assert_eq!(desk.try_step("", &idle("dana", version)), Ok(false));
    assert_eq!(again(&desk, &idle("dana", version)), Some(since + SignedDuration::from_hours(4)));
    assert_eq!(again(&desk, &idle("luis", version)), None);
    assert_eq!(again(&desk, &idle("dana", version - 1)), None, "an earlier claim");
    desk.targets.claim_idle_minutes = 0;
    assert_eq!(again(&desk, &idle("dana", version)), None, "no limit any more");
    desk.targets.claim_idle_minutes = 240;
    desk.now = since + SignedDuration::from_hours(4);
    assert_eq!(desk.try_step("", &idle("dana", version)), Ok(true));
    assert_eq!(again(&desk, &idle("dana", version)), None);
}

#[test]
fn each_level_of_escalation_stands_once_in_the_timeline_and_the_mark_only_grows() {
    let mut desk = Desk::new(BookWhen::BookAtOnce);
    let level = |level, why: &str, to: &str| Step::Escalated { why: why.into(), level, to: to.into() };
    desk.step(&level(2, "late", "team:breast"));
    assert_eq!((desk.inquiry.escalated, desk.entries[0].text.as_ref()), (2, "First contact is late; breast is told."));
    for known in [1, 2] {
        assert_eq!(desk.try_step("routing", &level(known, "due_soon", "owner")), Ok(false));
    }
    desk.step(&level(3, "late", "manager"));
    assert_eq!(desk.entries[0].text, "First contact is late; an intake manager is told.");
    assert!(!desk.inquiry.bounced);
    desk.step(&level(0, "bounced", "lead"));
    assert!(desk.inquiry.bounced);
    assert_eq!(
        (desk.inquiry.escalated, desk.entries[0].text.as_ref()),
        (3, "It goes from team to team; the team lead is told.")
    );
    desk.step(&Step::Close(CloseReason::NotReady));
    assert_eq!(desk.try_step("routing", &level(4, "late", "manager")), Ok(false));
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
        why: String::new(),
    });
    prop_oneof![4 => visit, 1 => (1i32..3).prop_map(|level| Step::ResponseMissed { level })]
}

fn some_verdict() -> impl Strategy<Value = Verdict> {
    let more = prop_oneof![
        Just(Vec::new()),
        Just(vec!["genomic_report".to_owned()]),
        Just(vec!["pathology_report".to_owned(), "imaging".to_owned()]),
    ];
    let team = prop_oneof![Just("gi".to_owned()), Just("breast".to_owned())];
    prop_oneof![
        2 => Just(Verdict::Accept),
        1 => more.prop_map(Verdict::AskForMore),
        1 => team.prop_map(|team| Verdict::Redirect(team, RerouteReason::WrongArea)),
        1 => Just(Verdict::Decline("other-centers".into(), DeclineReason::NoCapacity)),
    ]
}

fn some_step() -> impl Strategy<Value = Step> {
    let outcome = (0usize..Outcome::ALL.len()).prop_map(|index| Outcome::ALL[index].0);
    let state = (0usize..5).prop_map(|index| LineState::ALL[index]);
    prop_oneof![
        4 => some_fact(),
        2 => outcome.prop_map(|outcome| Step::Attempt { channel: Channel::Phone, outcome, call_back_at: None }),
        2 => (0i64..4, 0usize..2).prop_map(|(base_version, missing)| Step::Note { base_version, missing }),
        2 => state.prop_map(|state| Step::Record { kind: "pathology_report".into(), state, why: None }),
        1 => Just(Step::Document { door: "patient".into(), document: FIRST_WORD, kind: "pathology_report".into(), previous: String::new(), at: None }),
        1 => Just(Step::Document { door: "patient".into(), document: FIRST_WORD, kind: "x_ray_of_a_cat".into(), previous: "pathology_report".into(), at: Some(at(START)) }),
        2 => some_verdict().prop_map(Step::Review),
        1 => Just(Step::Close(CloseReason::NotReady)),
        1 => Just(Step::Reopen(ReopenReason::CameBack)),
        2 => (1i64..5).prop_map(|days| Step::AgreeNextStep {
            kind: super::agreed_tests::screening_call(),
            at: at(START) + SignedDuration::from_hours(24 * days),
        }),
        1 => prop::sample::select(vec![StepEnd::Done, StepEnd::CalledOffByPerson]).prop_map(Step::EndNextStep),
        1 => Just(Step::VisitTimePassed),
        1 => Just(Step::Claim),
        1 => (1i64..9).prop_map(|version| Step::ClaimIdle { owner: "dana".into(), version, since: at(START) - SignedDuration::from_hours(99) }),
        1 => Just(Step::HandOver(HandTo::Team("breast".into(), RerouteReason::Other))),
        1 => prop::sample::select(RecordsFrom::ALL).prop_map(|of| Step::RequestRecords { kinds: Vec::new(), of }),
        1 => (0i64..9).prop_map(|days| Step::PromiseRecord {
            kind: "pathology_report".into(),
            at: (days > 0).then(|| at(START) + SignedDuration::from_hours(24 * days)),
            of: None,
        }),
        1 => Just(Step::ChaseRecords),
        1 => Just(Step::RecordsNotTold { at: at(START), text: "Not told.".into() }),
        1 => (1i64..4).prop_map(|version| Step::LooseDocument {
            document: (FIRST_WORD.0, version),
            door: "patient".into(),
            at: at(START),
        }),
        1 => Just(Step::ReferElsewhere),
        1 => Just(Step::Keep(KeepReason::TreatedHere)),
        2 => any::<bool>().prop_map(|is_sent| Step::ReferralTold {
            fate: if is_sent { ReferralFate::Sent } else { ReferralFate::NotSent },
            at: at(START),
            text: "Told.".into(),
        }),
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
        scope in prop::option::of(any::<bool>()),
        chased in any::<bool>(),
    ) {
        let mut desk = Desk::new(BookWhen::WaitForReview);
        desk.chase = chased.then(super::chase::tests::cadence);
        if let Some(approve) = scope {
            desk.inquiry = new_inquiry().out_of_scope("children", approve);
        }
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
            prop_assert_eq!(inquiry.open_step().is_some(), inquiry.standing().dated_next_step);
            prop_assert!(inquiry.close_reason.is_none() || inquiry.open_step().is_none());
            prop_assert_eq!(inquiry.records_ready, inquiry.standing().records_complete);
        }
    }
}
