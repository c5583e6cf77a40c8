//! When documents are asked for again: distances, promises, who is asked, and what stops it.

use causeway_funnel::booking::BookWhen;
use causeway_funnel::cadence::{Cadence, CadenceEnd, CadenceStatus, CadenceStep};
use causeway_funnel::calendar::Calendar;
use causeway_funnel::inquiry::Channel;
use causeway_funnel::next_action::{NextAction, Targets};
use causeway_funnel::records::WaiveReason;
use causeway_funnel::stage::{CloseReason, ReopenReason};
use proptest::prelude::*;

use super::*;
use crate::domain::tests::{FIRST_WORD, START, at, calendar, new_inquiry, quiet};
use crate::domain::{By, Outcome, Refusal, Step, Told, Verdict, VisitEvent, decide};

/// At once, after three days, and after a week.
pub(in crate::domain) fn cadence() -> Cadence {
    let step = |hours| CadenceStep {
        hours,
        from: StepFrom::StatusStart,
        business: false,
        channels: vec![Channel::Email],
        template: "records-request".to_owned(),
    };
    Cadence {
        id: "records-missing".to_owned(),
        status: CadenceStatus::RecordsMissing,
        steps: [0, 72, 168].map(step).to_vec(),
        end: CadenceEnd::CallTask,
    }
}

struct Desk {
    inquiry: Inquiry,
    now: Timestamp,
    calendar: Calendar,
    targets: Targets,
    cadence: Option<Cadence>,
    told: Vec<Told>,
    said: Vec<String>,
}

impl Desk {
    /// Reached and with a complete note, so that records are what is missing.
    fn new() -> Self {
        let mut desk = Self {
            inquiry: new_inquiry(),
            now: at(START),
            calendar: calendar(),
            targets: Targets::default(),
            cadence: Some(cadence()),
            told: Vec::new(),
            said: Vec::new(),
        };
        desk.step(&Step::Attempt { channel: Channel::Phone, outcome: Outcome::Reached, call_back_at: None });
        desk.step(&Step::Note { base_version: 0, missing: 0 });
        assert_eq!(desk.inquiry.next_action, NextAction::GatherRecords);
        desk
    }

    /// With a second document that booking waits for.
    fn with_two() -> Self {
        let mut desk = Self::new();
        desk.inquiry.records[1].needed = true;
        desk
    }

    fn rules(&self) -> Rules<'_> {
        Rules {
            calendar: &self.calendar,
            targets: &self.targets,
            book_when: BookWhen::WaitForRecords,
            quiet: quiet(),
            chase: self.cadence.as_ref(),
        }
    }

    fn try_step(&mut self, step: &Step) -> Result<bool, Refusal> {
        let decided = decide(self.inquiry.clone(), step, &By("dana".into()), self.now, &self.rules())?;
        (self.inquiry, self.told) = (decided.inquiry, decided.told);
        self.said = decided.entries.into_iter().map(|entry| entry.text.into_owned()).collect();
        Ok(decided.changed)
    }

    fn step(&mut self, step: &Step) {
        assert!(self.try_step(step).expect("not refused"), "{step:?} changed nothing");
    }

    fn ask(&mut self, kinds: &[&str], of: RecordsFrom) {
        self.step(&Step::RequestRecords { kinds: kinds.iter().map(|kind| (*kind).to_owned()).collect(), of });
    }

    fn promise(&mut self, kind: &str, on: &str) {
        self.step(&Step::PromiseRecord { kind: kind.to_owned(), at: Some(at(on)), of: None });
    }

    /// The timer fires at an instant. Gives what the person is asked for.
    fn fires(&mut self, now: &str) -> Vec<String> {
        self.now = at(now);
        self.try_step(&Step::ChaseRecords).expect("not refused");
        let asked = self.told.iter().find_map(|told| match told {
            Told::RecordsRequested { kinds, .. } => Some(kinds.clone()),
            _ => None,
        });
        asked.unwrap_or_default()
    }

    fn due(&self) -> Option<String> {
        chase_due(&self.inquiry, &self.rules()).map(|at| at.to_string())
    }

    fn staff_due(&self) -> String {
        self.inquiry.due_at.map(|at| at.to_string()).unwrap_or_default()
    }
}

const PATHOLOGY: &str = "pathology_report";

#[test]
fn the_person_is_asked_again_after_three_days_and_a_week_and_then_it_is_ours_to_call() {
    let mut desk = Desk::new();
    assert_eq!(desk.due(), None, "nobody was asked yet");
    desk.ask(&[PATHOLOGY], RecordsFrom::Patient);
    // Two working days and six hours after the message a week later, as the center gives.
    assert_eq!(desk.due().as_deref(), Some("2026-03-05T16:00:00Z"));
    assert_eq!(desk.staff_due(), "2026-03-11T22:00:00Z");
    assert_eq!(desk.fires("2026-03-05T15:59:59Z"), Vec::<String>::new(), "too early");
    assert_eq!(desk.fires("2026-03-05T16:00:00Z"), [PATHOLOGY]);
    assert_eq!(desk.fires("2026-03-05T16:00:01Z"), Vec::<String>::new(), "the same timer once more");
    // A week after the first question it is summer time, and an hour later by the clock.
    assert_eq!(desk.due().as_deref(), Some("2026-03-09T16:00:00Z"));
    assert_eq!(desk.fires("2026-03-09T16:00:00Z"), [PATHOLOGY]);
    assert_eq!((desk.due(), desk.inquiry.records[0].asked_times), (None, 3));
    assert_eq!(desk.staff_due(), "2026-03-11T22:00:00Z", "the same");
    assert_eq!(desk.inquiry.next_action, NextAction::GatherRecords);
}

#[test]
fn nobody_is_reminded_of_what_they_promised_before_that_day_has_passed() {
    let mut desk = Desk::with_two();
    desk.ask(&[PATHOLOGY, "genomic_report"], RecordsFrom::Patient);
    // Until the end of Saturday, in Chicago; Monday is the first day on which somebody is there.
    desk.promise(PATHOLOGY, "2026-03-08T06:00:00Z");
    assert_eq!(desk.said, ["pathology_report: promised for 2026-03-07."], "the day that ends then");
    assert_eq!(desk.fires("2026-03-05T16:00:00Z"), ["genomic_report"], "the other one was not promised");
    assert_eq!(desk.fires("2026-03-08T07:00:00Z"), Vec::<String>::new(), "it is Sunday");
    assert_eq!(desk.fires("2026-03-09T13:00:00Z"), [PATHOLOGY, GENOMIC], "the other one is due later that day");
    assert_eq!(desk.inquiry.records[0].promised_at, None, "a promise that was not kept is over");
    for (on, wanted) in
        [("2026-03-09T13:00:00Z", false), ("2026-06-20T05:00:00Z", false), ("2026-03-10T05:00:00Z", true)]
    {
        let step = Step::PromiseRecord { kind: PATHOLOGY.to_owned(), at: Some(at(on)), of: None };
        assert_eq!(desk.try_step(&step).is_ok(), wanted, "{on}");
    }
    desk.step(&Step::PromiseRecord { kind: PATHOLOGY.to_owned(), at: None, of: None });
    assert_eq!(desk.inquiry.records[0].promised_at, None);
}

#[test]
fn an_office_or_a_hospital_is_asked_again_by_staff_to_whom_it_comes_back() {
    let mut desk = Desk::new();
    desk.ask(&[PATHOLOGY], RecordsFrom::Hospital);
    assert!(!desk.told.iter().any(|told| matches!(told, Told::RecordsRequested { .. })), "no message to the person");
    assert_eq!((desk.due(), desk.staff_due().as_str()), (None, "2026-03-05T16:00:00Z"));
    assert_eq!(desk.fires("2026-03-06T16:00:00Z"), Vec::<String>::new());
    assert_eq!(desk.staff_due(), "2026-03-05T16:00:00Z", "late until somebody asks again");
    desk.ask(&[PATHOLOGY], RecordsFrom::Hospital);
    assert_eq!(desk.staff_due(), "2026-03-10T16:00:00Z", "four days later, as the second message would be");
    desk.promise(PATHOLOGY, "2026-03-14T05:00:00Z");
    assert_eq!(desk.staff_due(), "2026-03-16T13:00:00Z", "on Monday at eight, since it was promised for Friday");
    desk.ask(&[PATHOLOGY], RecordsFrom::Patient);
    let line = &desk.inquiry.records[0];
    assert_eq!(
        (line.asked_times, line.promised_at, line.waited_since()),
        (1, None, Some(desk.now)),
        "somebody else is asked"
    );
}

/// What the office is told that is waited for from it; none: nothing new.
fn told_office(desk: &Desk) -> Option<Vec<String>> {
    let mut told = desk.told.iter().filter_map(|told| match told {
        Told::OfficeRecordsWanted { kinds, .. } => Some(kinds.clone()),
        _ => None,
    });
    let first = told.next();
    assert_eq!(told.next(), None, "told once");
    first
}

#[test]
fn the_office_is_told_of_all_that_is_waited_for_from_it_whenever_that_is_another_and_when_nothing_is() {
    let genomic = "genomic_report";
    let asked = || {
        let mut desk = Desk::new();
        desk.ask(&[PATHOLOGY], RecordsFrom::ReferringOffice);
        assert_eq!(told_office(&desk), Some(vec![PATHOLOGY.to_owned()]));
        desk
    };
    let mut desk = asked();
    desk.ask(&[PATHOLOGY], RecordsFrom::ReferringOffice);
    assert_eq!(told_office(&desk), None, "asked again for the same");
    desk.promise(PATHOLOGY, "2026-03-08T06:00:00Z");
    assert_eq!(told_office(&desk), None);
    desk.ask(&[genomic], RecordsFrom::Hospital);
    assert_eq!(told_office(&desk), None, "of somebody else");
    desk.ask(&[genomic], RecordsFrom::ReferringOffice);
    assert_eq!(told_office(&desk), Some(vec![PATHOLOGY.to_owned(), genomic.to_owned()]), "all, and not what is new");

    let document = |kind: &str, previous: &str| Step::Document {
        door: "patient".into(),
        document: FIRST_WORD,
        kind: kind.to_owned(),
        previous: previous.to_owned(),
        at: None,
    };
    desk.step(&document(genomic, ""));
    assert_eq!(told_office(&desk), Some(vec![PATHOLOGY.to_owned()]));
    desk.step(&document("", genomic));
    assert_eq!(told_office(&desk), Some(vec![PATHOLOGY.to_owned(), genomic.to_owned()]), "it was another document");

    let record = |state| Step::Record { kind: PATHOLOGY.to_owned(), state, why: None };
    let of_patient = Step::RequestRecords { kinds: vec![PATHOLOGY.to_owned()], of: RecordsFrom::Patient };
    let close = Step::Close(CloseReason::NotReady);
    for step in [record(LineState::Received), record(LineState::Waived), document(PATHOLOGY, ""), of_patient, close] {
        let mut desk = asked();
        desk.step(&step);
        assert_eq!(told_office(&desk), Some(Vec::new()), "{step:?}");
    }
    let mut desk = asked();
    desk.step(&Step::Close(CloseReason::NotReady));
    desk.step(&Step::Reopen(ReopenReason::CameBack));
    assert_eq!(told_office(&desk), Some(vec![PATHOLOGY.to_owned()]), "it is waited for again");
}

#[test]
fn what_has_come_or_is_not_needed_and_who_is_closed_is_asked_for_nothing_more() {
    let asked = || {
        let mut desk = Desk::new();
        desk.ask(&[PATHOLOGY], RecordsFrom::Patient);
        desk
    };
    let record = |state| Step::Record { kind: PATHOLOGY.to_owned(), state, why: None };
    let document = Step::Document {
        door: "patient".into(),
        document: FIRST_WORD,
        kind: PATHOLOGY.to_owned(),
        previous: String::new(),
        at: None,
    };
    for step in [record(LineState::Received), record(LineState::Waived), document, Step::Close(CloseReason::NotReady)] {
        let mut desk = asked();
        assert!(desk.due().is_some());
        desk.step(&step);
        assert_eq!(desk.due(), None, "{step:?}");
        assert_eq!(desk.fires("2026-03-12T16:00:00Z"), Vec::<String>::new(), "{step:?}");
    }
}

const GENOMIC: &str = "genomic_report";

fn loose(version: i64) -> Step {
    Step::LooseDocument {
        document: (FIRST_WORD.0, version),
        door: "patient".to_owned(),
        at: at("2026-03-03T16:00:00Z"),
    }
}

#[test]
fn nobody_is_asked_for_what_may_lie_here_unnamed_and_somebody_looks_at_it_in_time() {
    let asked = || {
        let mut desk = Desk::with_two();
        desk.ask(&[PATHOLOGY, GENOMIC], RecordsFrom::Patient);
        desk.now = at("2026-03-03T16:00:00Z");
        desk.step(&loose(1));
        desk
    };
    let mut desk = asked();
    assert_eq!(desk.said, ["A document came from the patient; say which line of the checklist it is."]);
    assert_eq!(desk.due(), None);
    assert_eq!(desk.staff_due(), "2026-03-05T22:00:00Z", "two working days and six hours after it came");
    assert_eq!(desk.fires("2026-03-05T16:00:00Z"), Vec::<String>::new());
    // A person names it: the other one is asked for at once, since it is time.
    let named = Step::Document {
        door: "patient".into(),
        document: (FIRST_WORD.0, 2),
        kind: GENOMIC.to_owned(),
        previous: String::new(),
        at: Some(at("2026-03-03T16:00:00Z")),
    };
    desk.step(&named);
    assert_eq!(desk.due().as_deref(), Some("2026-03-05T16:00:00Z"));
    assert_eq!(desk.fires("2026-03-05T16:00:01Z"), [PATHOLOGY]);
    assert!(!desk.try_step(&loose(1)).expect("not refused"), "an older word changes nothing");

    // The word with the name overtook the one without.
    let mut desk = Desk::with_two();
    desk.ask(&[PATHOLOGY, GENOMIC], RecordsFrom::Patient);
    desk.step(&named);
    assert!(!desk.try_step(&loose(1)).expect("not refused"));
    assert!(desk.due().is_some());

    // Whoever asks again has seen it.
    let mut desk = asked();
    desk.ask(&[PATHOLOGY], RecordsFrom::Patient);
    assert!(desk.due().is_some());
    // One whose name is taken back is nobody's again.
    let mut desk = asked();
    desk.step(&named);
    let nameless = Step::Document {
        door: "patient".into(),
        document: (FIRST_WORD.0, 3),
        kind: String::new(),
        previous: GENOMIC.to_owned(),
        at: Some(at("2026-03-03T16:00:00Z")),
    };
    desk.step(&nameless);
    assert_eq!(desk.due(), None);
}

#[test]
fn who_did_not_get_the_question_is_asked_by_staff_as_soon_as_somebody_is_there() {
    let told = |at_: &str| Step::RecordsNotTold { at: at(at_), text: "Not told.".to_owned() };
    let mut desk = Desk::new();
    desk.ask(&[PATHOLOGY], RecordsFrom::Patient);
    desk.step(&told("2026-03-03T03:00:00Z"));
    assert_eq!(desk.said, ["Not told."]);
    assert_eq!(desk.due(), None);
    assert_eq!(desk.staff_due(), "2026-03-03T14:00:00Z", "at eight on Tuesday");
    assert_eq!(desk.fires("2026-03-05T16:00:00Z"), Vec::<String>::new());
    desk.promise(PATHOLOGY, "2026-03-10T05:00:00Z");
    assert_eq!(desk.due(), None, "what they said by phone is for staff to look after");
    desk.ask(&[PATHOLOGY], RecordsFrom::Patient);
    assert!(desk.due().is_some(), "asked anew");
    // One that was asked for again since, or has come, is left alone.
    desk.step(&told("2026-03-03T03:00:00Z"));
    assert!(desk.due().is_some());
    desk.step(&Step::Record { kind: PATHOLOGY.to_owned(), state: LineState::Received, why: None });
    desk.step(&told("2026-03-12T03:00:00Z"));
    assert_eq!(desk.inquiry.records[0].untold_at, None);
}

#[test]
fn what_booking_can_do_without_is_asked_for_once() {
    let mut desk = Desk::new();
    desk.inquiry.records[1].needed = false;
    desk.ask(&[PATHOLOGY, GENOMIC], RecordsFrom::Patient);
    assert_eq!(desk.fires("2026-03-05T16:00:00Z"), [PATHOLOGY]);
    desk.step(&Step::Record { kind: PATHOLOGY.to_owned(), state: LineState::Received, why: None });
    assert_eq!(desk.due(), None);
    assert_eq!(desk.fires("2026-03-12T16:00:00Z"), Vec::<String>::new());
}

#[test]
fn nobody_is_asked_from_the_hour_of_the_visit_on() {
    let mut desk = Desk::new();
    desk.ask(&[PATHOLOGY], RecordsFrom::Patient);
    let visit = |starts_at: &str| Step::Visit {
        what: VisitEvent::Booked,
        at: at(START),
        version: 1,
        starts_at: at(starts_at),
        why: String::new(),
    };
    desk.step(&visit("2026-03-05T16:00:00Z"));
    assert_eq!(desk.due(), None);
    assert_eq!(desk.fires("2026-03-05T16:00:00Z"), Vec::<String>::new());
    let mut desk = Desk::new();
    desk.ask(&[PATHOLOGY], RecordsFrom::Patient);
    desk.step(&visit("2026-03-06T16:00:00Z"));
    assert_eq!(desk.fires("2026-03-05T16:00:00Z"), [PATHOLOGY], "it is needed for the visit");
    assert_eq!(desk.due(), None, "the next one would be after it");
}

#[test]
fn questions_that_are_close_together_are_one_message() {
    let mut desk = Desk::with_two();
    desk.ask(&[PATHOLOGY], RecordsFrom::Patient);
    desk.now = at("2026-03-02T16:02:00Z");
    desk.ask(&[GENOMIC], RecordsFrom::Patient);
    assert_eq!(desk.fires("2026-03-05T16:00:00Z"), [PATHOLOGY, GENOMIC]);
    assert_eq!(desk.due().as_deref(), Some("2026-03-09T16:00:00Z"));
    // Staff ask for another one minutes before a reminder: that waits until the next morning.
    let mut desk = Desk::with_two();
    desk.ask(&[PATHOLOGY], RecordsFrom::Patient);
    desk.now = at("2026-03-05T15:55:00Z");
    desk.ask(&[GENOMIC], RecordsFrom::Patient);
    assert_eq!(desk.fires("2026-03-05T16:00:00Z"), Vec::<String>::new());
    assert_eq!(desk.due().as_deref(), Some("2026-03-06T14:00:00Z"));
    // A promise is not broken by it.
    let mut desk = Desk::with_two();
    desk.ask(&[PATHOLOGY, GENOMIC], RecordsFrom::Patient);
    desk.promise(GENOMIC, "2026-03-05T20:00:00Z");
    assert_eq!(desk.fires("2026-03-05T16:00:00Z"), [PATHOLOGY]);
}

#[test]
fn nothing_goes_out_while_the_center_is_closed_and_the_timer_comes_again_when_it_opens() {
    let mut desk = Desk::new();
    desk.ask(&[PATHOLOGY], RecordsFrom::Patient);
    let again = |desk: &Desk| {
        crate::domain::looks_again(&desk.inquiry, &Step::ChaseRecords, desk.now, &desk.rules()).map(|at| at.to_string())
    };
    assert_eq!(desk.fires("2026-03-07T08:00:00Z"), Vec::<String>::new(), "in the night of Saturday");
    assert_eq!(again(&desk).as_deref(), Some("2026-03-09T13:00:00Z"));
    assert_eq!(desk.fires("2026-03-09T13:00:00Z"), [PATHOLOGY]);
    // Without a cadence it is looked again each day, so that one that comes back is heard.
    let mut desk = Desk::new();
    desk.cadence = None;
    desk.ask(&[PATHOLOGY], RecordsFrom::Patient);
    assert_eq!(
        chase_look(&desk.inquiry, &desk.rules()).map(|at| at.to_string()).as_deref(),
        Some("2026-03-03T16:00:00Z")
    );
    assert_eq!(desk.fires("2026-03-03T16:00:00Z"), Vec::<String>::new());
    assert_eq!(again(&desk).as_deref(), Some("2026-03-04T16:00:00Z"));
    desk.cadence = Some(cadence());
    assert_eq!(again(&desk).as_deref(), Some("2026-03-05T16:00:00Z"));
    desk.step(&Step::Close(CloseReason::NotReady));
    assert_eq!(again(&desk), None);
}

#[test]
fn who_is_opened_again_is_not_asked_the_same_moment_and_is_not_late_by_the_time_in_between() {
    let mut desk = Desk::new();
    desk.ask(&[PATHOLOGY], RecordsFrom::Patient);
    desk.step(&Step::Close(CloseReason::NotReady));
    desk.now = at("2026-03-31T01:00:00Z");
    desk.step(&Step::Reopen(ReopenReason::ClosedByMistake));
    assert_eq!(desk.due().as_deref(), Some("2026-04-03T13:00:00Z"), "three days from then, when the center opens");
    assert!(desk.staff_due().as_str() >= "2026-03-31T13:00:00Z", "{}", desk.staff_due());
}

#[test]
fn what_nobody_was_asked_for_does_not_wait_for_the_promise_of_another() {
    let mut desk = Desk::with_two();
    let record = |state, why| Step::Record { kind: GENOMIC.to_owned(), state, why };
    desk.step(&record(LineState::Waived, Some(WaiveReason::OtherReason)));
    desk.ask(&[PATHOLOGY], RecordsFrom::Patient);
    assert_eq!(desk.staff_due(), "2026-03-11T22:00:00Z");
    desk.step(&record(LineState::Needed, None));
    assert_eq!(desk.staff_due(), "2026-03-04T22:00:00Z", "in the time that the center gives");
}

#[test]
fn a_promise_of_what_nobody_was_asked_for_is_kept_with_who_gave_it() {
    let mut desk = Desk::new();
    let promise = Step::PromiseRecord {
        kind: PATHOLOGY.to_owned(),
        at: Some(at("2026-03-08T06:00:00Z")),
        of: Some(RecordsFrom::Hospital),
    };
    desk.step(&promise);
    let line = &desk.inquiry.records[0];
    assert_eq!((line.state, line.asked_of), (LineState::Requested, RecordsFrom::Hospital));
    assert_eq!(line.promised_at, Some(at("2026-03-08T06:00:00Z")));
}

#[test]
fn a_reviewer_who_asks_for_more_leaves_others_their_promise() {
    let mut desk = Desk::with_two();
    desk.ask(&[GENOMIC], RecordsFrom::ReferringOffice);
    desk.promise(GENOMIC, "2026-03-08T06:00:00Z");
    desk.step(&Step::Record { kind: PATHOLOGY.to_owned(), state: LineState::Received, why: None });
    for kinds in [vec![GENOMIC.to_owned()], Vec::new()] {
        desk.step(&Step::Review(Verdict::AskForMore(kinds)));
        let line = &desk.inquiry.records[1];
        assert_eq!((line.asked_of, line.asked_times, line.needed), (RecordsFrom::ReferringOffice, 1, true));
        assert!(line.promised_at.is_some());
        assert_eq!(told_office(&desk), None);
    }
    assert!(desk.told.iter().any(|told| matches!(told, Told::RecordsRequested { kinds, .. } if *kinds == [PATHOLOGY])));
}

#[test]
fn after_an_outage_one_message_stands_for_all_that_were_missed() {
    let mut desk = Desk::new();
    desk.ask(&[PATHOLOGY], RecordsFrom::Patient);
    assert_eq!(desk.fires("2026-03-23T16:00:00Z"), [PATHOLOGY]);
    assert_eq!(desk.fires("2026-03-23T16:00:01Z"), Vec::<String>::new());
    assert_eq!(desk.due().as_deref(), Some("2026-03-27T16:00:00Z"), "the next one keeps its distance");
}

#[test]
fn without_a_cadence_the_centers_target_stands_and_nobody_is_asked_again() {
    let mut desk = Desk::new();
    desk.cadence = None;
    let by_target = desk.staff_due();
    desk.ask(&[PATHOLOGY], RecordsFrom::Patient);
    assert_eq!((desk.due(), desk.staff_due()), (None, by_target.clone()));
    desk.promise(PATHOLOGY, "2026-03-08T06:00:00Z");
    assert_eq!((desk.due(), desk.staff_due()), (None, by_target));
}

#[test]
fn a_line_from_before_questions_were_counted_is_asked_for_again_as_after_the_first() {
    let mut desk = Desk::new();
    desk.ask(&[PATHOLOGY], RecordsFrom::Patient);
    let counted = (desk.due(), desk.inquiry.records[0].waited_since());
    (desk.inquiry.records[0].asked_times, desk.inquiry.records[0].first_asked_at) = (0, None);
    assert_eq!((desk.due(), desk.inquiry.records[0].waited_since()), counted);
    assert_eq!(desk.fires("2026-03-05T16:00:00Z"), [PATHOLOGY]);
    assert_eq!(desk.inquiry.records[0].waited_since(), counted.1, "it is waited for since then");
}

proptest! {
    #[test]
    fn nobody_is_asked_more_often_than_the_cadence_says_nor_at_a_time_at_which_the_center_is_closed(
        hours in prop::collection::vec(1u32..200, 1..6),
        promised in prop::option::of(1i64..40),
    ) {
        let mut desk = Desk::new();
        let mut sum = 0;
        let steps = hours.iter().map(|gap| { sum += gap; CadenceStep { hours: sum, ..cadence().steps[0].clone() } });
        desk.cadence.as_mut().expect("a cadence").steps.extend(steps.collect::<Vec<_>>());
        desk.cadence.as_mut().expect("a cadence").steps.retain({ let mut last = None; move |step| {
            let keep = last.is_none_or(|last| step.hours > last); if keep { last = Some(step.hours); } keep
        }});
        let most = desk.cadence.as_ref().expect("a cadence").steps.len();
        desk.ask(&[PATHOLOGY], RecordsFrom::Patient);
        if let Some(days) = promised {
            let day = desk.now + SignedDuration::from_hours(24 * days);
            desk.promise(PATHOLOGY, &day.to_string());
            prop_assert!(chase_due(&desk.inquiry, &desk.rules()).is_some_and(|due| due >= day));
        }
        let mut asked = 1;
        while let Some(due) = chase_due(&desk.inquiry, &desk.rules()) {
            prop_assert!(due > desk.now && desk.calendar.next_opening(due) == due);
            let due = due.to_string();
            prop_assert_eq!(desk.fires(&due), [PATHOLOGY]);
            asked += 1;
            prop_assert!(asked <= most, "{} of {}", asked, most);
        }
        prop_assert!(desk.inquiry.due_at.is_some_and(|due| due >= desk.now));
    }
}
