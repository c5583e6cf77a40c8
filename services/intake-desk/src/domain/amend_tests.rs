//! Whoever wants no contact is not called, and what it is about follows from the answers as they were mended.

use causeway_funnel::booking::BookWhen;
use causeway_funnel::inquiry::{CancerArea, Channel, ConsultType};
use causeway_funnel::next_action::{NextAction, Targets};
use causeway_funnel::records::{LineState, RecordsFrom};
use causeway_funnel::scope::ScopeState;
use causeway_funnel::stage::{CloseReason, ReopenReason, Stage};
use jiff::{SignedDuration, Timestamp};

use super::chase::tests::cadence;
use super::tests::{START, at, calendar, line, new_inquiry, quiet};
use super::*;

struct Desk {
    inquiry: Inquiry,
    now: Timestamp,
    told: Vec<Told>,
    entries: Vec<Entry>,
}

impl Desk {
    fn new() -> Self {
        Self { inquiry: new_inquiry(), now: at(START), told: Vec::new(), entries: Vec::new() }
    }

    /// Whether it changed anything.
    fn step(&mut self, step: &Step) -> bool {
        self.now += SignedDuration::from_mins(1);
        let (calendar, targets) = (calendar(), Targets::default());
        let rules = Rules {
            calendar: &calendar,
            targets: &targets,
            book_when: BookWhen::BookAtOnce,
            quiet: quiet(),
            chase: None,
        };
        let decided = decide(self.inquiry.clone(), step, &By("dana".into()), self.now, &rules).expect("taken");
        (self.inquiry, self.told, self.entries) = (decided.inquiry, decided.told, decided.entries);
        assert_eq!(self.inquiry.is_open(), self.inquiry.due_at.is_some());
        decided.changed
    }

    fn stop(&mut self, channel: Option<Channel>) -> bool {
        self.step(&Step::ContactStopped { channel, at: self.now })
    }

    fn visit(&mut self, what: VisitEvent, version: i64) {
        let starts_at = at(START) + SignedDuration::from_hours(72);
        let at = self.now + SignedDuration::from_secs(1);
        assert!(self.step(&Step::Visit { what, at, version, starts_at, why: String::new() }));
    }

    fn is(&self, stage: Stage, action: NextAction) {
        assert_eq!((self.inquiry.stage, self.inquiry.next_action), (stage, action));
    }
}

#[test]
fn who_wants_no_contact_is_called_no_more_until_somebody_opens_the_inquiry_again() {
    let mut desk = Desk::new();
    assert!(desk.stop(None));
    desk.is(Stage::Closed, NextAction::Nothing);
    assert_eq!(desk.inquiry.close_reason, Some(CloseReason::AskedToStop));
    assert!(desk.told.iter().any(|told| matches!(told, Told::StageChanged { to: Stage::Closed, .. })), "all hear it");
    assert_eq!(desk.entries[0].text, "The person asked not to be contacted any more.");
    assert!(!desk.stop(None), "said again it changes nothing");
    assert!(desk.step(&Step::Reopen(ReopenReason::default())));
    desk.is(Stage::Routed, NextAction::FirstContact);
    assert!(desk.stop(None), "they may change their mind once more");
    desk.is(Stage::Closed, NextAction::Nothing);
}

#[test]
fn a_booked_visit_stands_and_once_it_is_off_or_was_missed_nobody_calls_about_it() {
    for (end, stage) in [
        (VisitEvent::Cancelled, Stage::Closed),
        (VisitEvent::Missed, Stage::Closed),
        (VisitEvent::Attended, Stage::Attended),
    ] {
        let mut desk = Desk::new();
        desk.visit(VisitEvent::Booked, 1);
        assert!(desk.stop(None));
        desk.is(Stage::Scheduled, NextAction::AwaitVisit);
        assert!(!desk.stop(None));
        desk.visit(VisitEvent::Moved, 2);
        desk.is(Stage::Scheduled, NextAction::AwaitVisit);
        desk.visit(end, 3);
        desk.is(stage, NextAction::Nothing);
    }
}

#[test]
fn no_more_mails_are_no_reason_not_to_call() {
    let mut desk = Desk::new();
    assert!(desk.stop(Some(Channel::Email)));
    desk.is(Stage::Routed, NextAction::FirstContact);
    assert_eq!(desk.entries[0].text, "The person asked for no more messages by email.");
}

#[test]
fn who_wants_no_contact_is_not_reminded_of_documents() {
    let mut desk = Desk::new();
    let kinds = vec!["pathology_report".to_owned()];
    assert!(desk.step(&Step::RequestRecords { kinds, of: RecordsFrom::Patient }));
    let (calendar, targets) = (calendar(), Targets::default());
    let chase = cadence();
    let (book_when, quiet) = (BookWhen::BookAtOnce, quiet());
    let rules = Rules { calendar: &calendar, targets: &targets, book_when, quiet, chase: Some(&chase) };
    assert!(chase_look(&desk.inquiry, &rules).is_some());
    // As it is where a visit is booked.
    let stopped = Inquiry { stopped_at: Some(desk.now), ..desk.inquiry };
    assert_eq!(chase_look(&stopped, &rules), None);
}

fn amended(desk: &Desk, version: i64, consult_type: ConsultType) -> Amendment {
    let facts = causeway_funnel::inquiry::Facts { consult_type, ..desk.inquiry.facts.clone() };
    let checklist = vec![line("genomic_report", true), line("slides", true)];
    let changed = vec!["consult_type".to_owned()];
    Amendment { facts, changed, version, checklist, out_of_scope: String::new() }
}

#[test]
fn mended_to_another_kind_it_has_that_kinds_checklist_and_keeps_what_came() {
    let mut desk = Desk::new();
    let kind = "pathology_report".to_owned();
    assert!(desk.step(&Step::Record { kind, state: LineState::Received, why: None }));
    let told = amended(&desk, 2, ConsultType::SecondOpinion);
    assert!(desk.step(&Step::Amended(Box::new(told.clone()))));
    assert_eq!(desk.inquiry.facts.consult_type, ConsultType::SecondOpinion);
    let lines = |desk: &Desk| -> Vec<(String, bool, LineState)> {
        desk.inquiry.records.iter().map(|line| (line.kind.clone(), line.needed, line.state)).collect()
    };
    let wanted = [
        ("genomic_report", true, LineState::Needed),
        ("slides", true, LineState::Needed),
        ("pathology_report", false, LineState::Received),
    ];
    assert_eq!(lines(&desk), wanted.map(|(kind, needed, state)| (kind.to_owned(), needed, state)));
    assert!(desk.told.contains(&Told::ReadinessChanged), "scheduling offers by the kind");
    assert_eq!(desk.entries[0].text, "Answers were mended: consult type.");
    // An older word that comes later, and the same word again.
    for older in [1, 2] {
        let told = Amendment { facts: new_inquiry().facts, version: older, ..told.clone() };
        assert!(!desk.step(&Step::Amended(Box::new(told))));
    }
    assert_eq!(desk.inquiry.facts.consult_type, ConsultType::SecondOpinion);
}

#[test]
fn another_answer_of_the_same_kind_leaves_the_checklist_alone() {
    let mut desk = Desk::new();
    let told = Amendment { changed: vec!["email".into()], ..amended(&desk, 2, desk.inquiry.facts.consult_type) };
    let before = desk.inquiry.records.clone();
    assert!(desk.step(&Step::Amended(Box::new(told))));
    assert_eq!(desk.inquiry.records, before);
    assert!(!desk.told.contains(&Told::ReadinessChanged));
}

#[test]
fn mended_to_what_is_not_treated_here_a_person_approves_the_answer_and_mended_back_it_is_worked() {
    let mut desk = Desk::new();
    let elsewhere = |desk: &Desk, version, entry: &str, area| {
        let mut told = amended(desk, version, ConsultType::NewConsult);
        (told.out_of_scope, told.facts.cancer_area) = (entry.to_owned(), area);
        Step::Amended(Box::new(told))
    };
    let out = elsewhere(&desk, 2, "children", CancerArea::Pediatric);
    assert!(desk.step(&out));
    assert_eq!((desk.inquiry.scope.state, desk.inquiry.scope.entry.as_str()), (ScopeState::Proposed, "children"));
    desk.is(Stage::Routed, NextAction::ApproveReferral);
    let back = elsewhere(&desk, 3, "", CancerArea::Gi);
    assert!(desk.step(&back));
    assert_eq!(desk.inquiry.scope.state, ScopeState::InScope);
    desk.is(Stage::Routed, NextAction::FirstContact);
}
