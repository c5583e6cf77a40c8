//! Dated next steps: agreed inside hours, moved, ended, and superseded by a visit in whatever order that is told.

use causeway_funnel::booking::{BookWhen, Fits};
use causeway_funnel::inquiry::{Channel, ConsultType};
use causeway_funnel::next_action::{NextAction, Targets};
use causeway_funnel::next_step::{NextStepKind, StepEnd};
use causeway_funnel::records::LineState;
use causeway_funnel::reroute::RerouteReason;
use causeway_funnel::scope::KeepReason;
use causeway_funnel::sister::SisterReason;
use causeway_funnel::stage::{CloseReason, ReopenReason, Stage};
use causeway_funnel::triage::DeclineReason;
use causeway_funnel::words::Words;
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;

use super::tests::{START, at, calendar, new_inquiry, quiet};
use super::*;

/// Half an hour by phone.
pub(super) fn screening_call() -> NextStepKind {
    NextStepKind {
        id: "screening_call".into(),
        fits: Fits::default(),
        label: Words::from([("en", "Screening call")]),
        patient: Words::from([("en", "a call with our research nurse")]),
        minutes: 30,
        call: true,
        steps: Vec::new(),
    }
}

/// Tuesday 10:00 in Chicago, a day after the start.
const TUESDAY: &str = "2026-03-03T16:00:00Z";
const WEDNESDAY: &str = "2026-03-04T16:00:00Z";

struct Desk {
    inquiry: Inquiry,
    now: Timestamp,
    book_when: BookWhen,
    told: Vec<Told>,
    entries: Vec<Entry>,
}

impl Desk {
    fn new() -> Self {
        Self::where_booked(BookWhen::BookAtOnce)
    }

    fn where_booked(book_when: BookWhen) -> Self {
        Self { inquiry: new_inquiry(), now: at(START), book_when, told: Vec::new(), entries: Vec::new() }
    }

    fn step(&mut self, step: &Step) -> Result<bool, Refusal> {
        self.now += SignedDuration::from_mins(1);
        let (calendar, targets) = (calendar(), Targets::default());
        let rules =
            Rules { calendar: &calendar, targets: &targets, book_when: self.book_when, quiet: quiet(), chase: None };
        let decided = decide(self.inquiry.clone(), step, &By("dana".into()), self.now, &rules)?;
        (self.inquiry, self.told, self.entries) = (decided.inquiry, decided.told, decided.entries);
        assert_eq!(self.inquiry.is_open(), self.inquiry.due_at.is_some());
        Ok(decided.changed)
    }

    fn agree(&mut self, when: &str) -> Result<bool, Refusal> {
        self.step(&Step::AgreeNextStep { kind: screening_call(), at: at(when) })
    }

    fn end(&mut self, how: StepEnd) -> Result<bool, Refusal> {
        self.step(&Step::EndNextStep(how))
    }

    fn reach(&mut self) {
        let reached = Step::Attempt { channel: Channel::Phone, outcome: Outcome::Reached, call_back_at: None };
        assert_eq!(self.step(&reached), Ok(true));
    }

    fn visit(&mut self, what: VisitEvent, version: i64) {
        let (at, starts_at) = (self.now + SignedDuration::from_mins(1), self::at(WEDNESDAY));
        assert_eq!(self.step(&Step::Visit { what, at, version, starts_at, why: String::new() }), Ok(true));
    }

    fn attempt(&mut self, outcome: Outcome, call_back_at: Option<Timestamp>) {
        let attempt = Step::Attempt { channel: Channel::Phone, outcome, call_back_at };
        assert_eq!(self.step(&attempt), Ok(true));
    }

    fn is(&self, stage: Stage, action: NextAction) {
        assert_eq!((self.inquiry.stage, self.inquiry.next_action), (stage, action));
    }

    fn over(&self) -> Option<StepEnd> {
        let how = |told: &Told| if let Told::NextStepOver { how, .. } = told { Some(*how) } else { None };
        self.told.iter().find_map(how)
    }
}

#[test]
fn an_agreed_call_is_scheduled_waited_for_and_asked_after_when_its_time_has_come() {
    let mut desk = Desk::new();
    desk.reach();
    assert_eq!(desk.agree(TUESDAY), Ok(true));
    desk.is(Stage::Scheduled, NextAction::AwaitNextStep);
    assert_eq!(desk.inquiry.due_at, Some(at(TUESDAY)));
    let by: Vec<&str> = desk
        .told
        .iter()
        .filter_map(
            |told| if let Told::StageChanged { next_step, .. } = told { Some(next_step.as_str()) } else { None },
        )
        .collect();
    assert_eq!(by, ["screening_call"]);
    assert!(desk.told.iter().any(|told| matches!(told, Told::NextStepAgreed { moved: false, .. })));
    assert_eq!(desk.entries[0].text, "Agreed: screening_call, Tuesday, March 3, at 10 am.");
    assert_eq!(desk.agree(TUESDAY), Ok(false), "the same again changes nothing");

    assert_eq!(desk.agree(WEDNESDAY), Ok(true));
    assert!(desk.told.iter().any(|told| matches!(told, Told::NextStepAgreed { moved: true, .. })));
    assert!(!desk.told.iter().any(|told| matches!(told, Told::StageChanged { .. })));
    assert_eq!(desk.entries[0].text, "Moved: screening_call, Wednesday, March 4, at 10 am.");
    assert_eq!(desk.inquiry.due_at, Some(at(WEDNESDAY)));

    let number = desk.inquiry.open_step().expect("agreed").number;
    assert_eq!(desk.step(&Step::NextStepTimePassed { number }), Ok(false), "too early");
    desk.now = at(WEDNESDAY);
    assert_eq!(desk.step(&Step::NextStepTimePassed { number: number - 1 }), Ok(false), "of what was moved");
    assert_eq!(desk.step(&Step::NextStepTimePassed { number }), Ok(true));
    desk.is(Stage::Scheduled, NextAction::ConfirmNextStep);
    assert_eq!(desk.inquiry.due_at, Some(at("2026-03-05T15:00:00Z")), "eight open hours after its time");
    assert_eq!(desk.end(StepEnd::Done), Ok(true));
    desk.is(Stage::Contacted, NextAction::CompleteIntake);
    assert_eq!(desk.over(), Some(StepEnd::Done));
    assert_eq!(desk.end(StepEnd::Done), Err(Refusal::WrongState("no next step is agreed".into())));
}

#[test]
fn what_did_not_come_about_is_followed_up_until_somebody_talked_with_the_person() {
    let mut desk = Desk::new();
    desk.reach();
    assert_eq!(desk.agree(TUESDAY), Ok(true));
    assert!(matches!(desk.end(StepEnd::Missed), Err(Refusal::WrongState(_))), "its time has not come");
    desk.now = at(TUESDAY);
    assert_eq!(desk.end(StepEnd::Missed), Ok(true));
    desk.is(Stage::Contacted, NextAction::FollowUpMissedStep);
    for tries in 1..=3 {
        desk.is(Stage::Contacted, NextAction::FollowUpMissedStep);
        assert_eq!(desk.inquiry.step_in_hand().map(|step| step.kind.as_str()), Some("screening_call"));
        desk.attempt(Outcome::NoAnswer, None);
        assert_eq!(desk.inquiry.attempts, tries + 1);
        let about = "It was about screening_call, agreed for Tuesday, March 3, at 10 am and missed.";
        assert_eq!(desk.entries[0].kind, "attempt", "it is no word on what comes next");
        assert!(desk.entries[0].text.ends_with(about), "{}", desk.entries[0].text);
    }
    desk.is(Stage::Contacted, NextAction::AllTriesMade);
    assert!(desk.inquiry.missed_step().is_some() && desk.inquiry.step_in_hand().is_none(), "another thing is next");
    desk.reach();
    assert!(!desk.entries[0].text.contains("screening_call"), "that was no call about it");
    desk.is(Stage::Contacted, NextAction::CompleteIntake);
    for how in [StepEnd::CalledOffByPerson, StepEnd::CalledOffByCenter] {
        assert_eq!(desk.agree(WEDNESDAY), Ok(true));
        assert_eq!(desk.end(how), Ok(true));
        desk.is(Stage::Contacted, NextAction::CompleteIntake);
        assert_eq!(desk.over(), Some(how));
    }
}

#[test]
fn a_time_that_does_not_fit_is_refused_with_the_nearest_one_that_does() {
    let mut desk = Desk::new();
    for (asked, said) in [
        ("2026-03-03T01:00:00Z", "Monday, March 2, at 4:30 pm"),
        ("2026-03-03T22:45:00Z", "Tuesday, March 3, at 4:30 pm"),
        ("2026-03-07T18:00:00Z", "Friday, March 6, at 4:30 pm"),
        ("2026-03-08T18:00:00Z", "Monday, March 9, at 8 am"),
    ] {
        let refused = desk.agree(asked).expect_err("closed then").to_string();
        assert!(refused.ends_with(&format!("the nearest time is {said}")), "{asked}: {refused}");
    }
    // Eight in Chicago is six in Los Angeles, where nobody wants a call before eight.
    desk.inquiry.facts.time_zone = "America/Los_Angeles".into();
    let early = desk.agree("2026-03-03T14:30:00Z").expect_err("a night call").to_string();
    assert!(
        early.contains("the person wants no calls then; the nearest time is Tuesday, March 3, at 10 am"),
        "{early}"
    );
    let review = NextStepKind { call: false, ..screening_call() };
    assert_eq!(desk.step(&Step::AgreeNextStep { kind: review, at: at("2026-03-03T14:30:00Z") }), Ok(true));
    for far in [START, "2026-12-01T16:00:00Z"] {
        assert!(matches!(desk.agree(far), Err(Refusal::FieldFault(_))), "{far}");
    }
}

#[test]
fn it_is_refused_where_a_visit_is_booked_where_it_is_closed_and_where_it_does_not_fit() {
    let mut desk = Desk::new();
    let trial = Fits { consult_types: vec![ConsultType::ClinicalTrial], ..Fits::default() };
    let kind = NextStepKind { fits: trial, ..screening_call() };
    let refused = desk.step(&Step::AgreeNextStep { kind, at: at(TUESDAY) }).expect_err("not for such inquiries");
    assert!(refused.to_string().starts_with("screening call is not agreed for inquiries of this kind"), "{refused}");
    desk.visit(VisitEvent::Booked, 1);
    let refused = desk.agree(TUESDAY).expect_err("booked").to_string();
    assert!(refused.ends_with("call the visit off first"), "{refused}");
    desk.step(&Step::Close(CloseReason::NotReady)).expect("closed");
    assert_eq!(desk.agree(TUESDAY), Err(Refusal::Closed));
    let mut desk = Desk::new();
    desk.inquiry = new_inquiry().out_of_scope("children", true);
    assert!(matches!(desk.agree(TUESDAY), Err(Refusal::WrongState(_))), "it is not treated here");
}

#[test]
fn closing_handing_on_and_a_death_end_it_for_good() {
    let died = Step::Attempt { channel: Channel::Phone, outcome: Outcome::Deceased, call_back_at: None };
    let sister = Step::HandToCenter { to: "harbor".into(), reason: SisterReason::TrialThere };
    let silent = Step::Close(CloseReason::NotAnInquiry);
    for (close, how) in [
        (Step::Close(CloseReason::NotReady), StepEnd::CalledOffByCenter),
        (sister, StepEnd::CalledOffByCenter),
        (died, StepEnd::Closed),
        (silent, StepEnd::Closed),
    ] {
        let mut desk = Desk::new();
        desk.reach();
        assert_eq!(desk.agree(TUESDAY), Ok(true));
        assert_eq!(desk.step(&close), Ok(true), "{close:?}");
        assert_eq!((desk.over(), desk.inquiry.stage), (Some(how), Stage::Closed));
        let number = desk.inquiry.next_step.as_ref().expect("kept").number;
        desk.now = at(TUESDAY);
        assert_eq!(desk.step(&Step::NextStepTimePassed { number }), Ok(false));
        desk.inquiry.handover = None;
        assert_eq!(desk.step(&Step::Reopen(ReopenReason::CameBack)), Ok(true));
        desk.is(Stage::Contacted, NextAction::CompleteIntake);
    }
}

#[test]
fn a_visit_that_is_booked_after_it_takes_its_place_and_a_late_word_of_an_older_one_does_not() {
    let mut desk = Desk::new();
    desk.reach();
    let (older, starts_at) = (desk.now, at(WEDNESDAY));
    assert_eq!(desk.agree(TUESDAY), Ok(true));
    desk.visit(VisitEvent::Booked, 3);
    desk.is(Stage::Scheduled, NextAction::AwaitVisit);
    assert_eq!(desk.over(), Some(StepEnd::Superseded));
    desk.visit(VisitEvent::Cancelled, 4);
    desk.is(Stage::Contacted, NextAction::CompleteIntake);
    assert_eq!(desk.agree(TUESDAY), Ok(true));
    let late = Step::Visit { what: VisitEvent::Booked, at: older, version: 1, starts_at, why: String::new() };
    assert_eq!(desk.step(&late), Ok(true));
    assert_eq!((desk.over(), desk.inquiry.open_step().is_some()), (None, true));
    desk.is(Stage::Scheduled, NextAction::AwaitNextStep);
}

/// Something that is done without the person.
fn records_day() -> NextStepKind {
    NextStepKind { id: "records_day".into(), call: false, ..screening_call() }
}

#[test]
fn what_became_of_a_step_whose_time_has_come_is_said_before_a_close_or_a_hand_over() {
    let mut desk = Desk::new();
    desk.reach();
    assert_eq!(desk.agree(TUESDAY), Ok(true));
    desk.now = at(TUESDAY);
    let sister = Step::HandToCenter { to: "harbor".into(), reason: SisterReason::TrialThere };
    for close in [Step::Close(CloseReason::NotReady), sister] {
        let refused = desk.step(&close).expect_err("it may have taken place").to_string();
        assert_eq!(refused, "say first what became of the agreed step");
    }
    let mut died = Desk { inquiry: desk.inquiry.clone(), ..Desk::new() };
    died.now = desk.now;
    assert_eq!(died.step(&Step::Close(CloseReason::Deceased)), Ok(true));
    assert_eq!(died.over(), Some(StepEnd::Closed), "nothing is sent");
    assert_eq!(desk.end(StepEnd::Done), Ok(true));
    assert_eq!(desk.step(&Step::Close(CloseReason::NotReady)), Ok(true));
    assert_eq!(desk.over(), None);
}

#[test]
fn a_call_that_took_place_reached_the_person_at_its_time_and_stops_the_response_clock() {
    let mut desk = Desk::new();
    desk.inquiry.route.response_due_at = at(WEDNESDAY);
    assert_eq!(desk.agree(TUESDAY), Ok(true));
    desk.now = at(WEDNESDAY);
    assert_eq!(desk.end(StepEnd::Done), Ok(true));
    desk.is(Stage::Contacted, NextAction::CompleteIntake);
    let inquiry = &desk.inquiry;
    assert_eq!((inquiry.attempts, inquiry.first_attempt_at), (1, Some(at(TUESDAY))));
    assert_eq!(inquiry.first_contact_at, Some(at(TUESDAY)));
    let tried = desk.told.iter().any(|told| {
        matches!(told, Told::ContactAttempted { at, within_target: true, number: 1, outcome: Outcome::Reached, .. }
            if *at == self::at(TUESDAY))
    });
    assert!(tried, "{:?}", desk.told);

    let mut desk = Desk::new();
    assert_eq!(desk.step(&Step::AgreeNextStep { kind: records_day(), at: at(TUESDAY) }), Ok(true));
    desk.now = at(TUESDAY);
    let refused = desk.end(StepEnd::Missed).expect_err("nobody was called").to_string();
    assert!(refused.starts_with("nobody is called for it"), "{refused}");
    assert_eq!(desk.end(StepEnd::Done), Ok(true));
    assert_eq!((desk.inquiry.attempts, desk.inquiry.first_contact_at), (0, None));
    desk.is(Stage::Routed, NextAction::FirstContact);
}

#[test]
fn a_call_that_was_promised_stays_promised_unless_the_agreed_call_is_no_later() {
    let mut desk = Desk::new();
    desk.attempt(Outcome::CallBackAsked, Some(at(TUESDAY)));
    for kind in [records_day(), screening_call()] {
        assert_eq!(desk.step(&Step::AgreeNextStep { kind, at: at(WEDNESDAY) }), Ok(true));
        desk.is(Stage::Scheduled, NextAction::TryAgain);
        assert_eq!(desk.inquiry.due_at, Some(at(TUESDAY)));
    }
    assert_eq!(desk.agree(TUESDAY), Ok(true));
    desk.is(Stage::Scheduled, NextAction::AwaitNextStep);
    assert_eq!((desk.inquiry.call_back_at, desk.inquiry.due_at), (None, Some(at(TUESDAY))));
}

#[test]
fn records_that_wait_for_a_reviewer_go_on_waiting_while_a_step_is_agreed() {
    for verdict in [
        Verdict::Accept,
        Verdict::Redirect("breast".into(), RerouteReason::WrongArea),
        Verdict::Decline("other-centers".into(), DeclineReason::NotTreatedHere),
    ] {
        let mut desk = Desk::where_booked(BookWhen::WaitForReview);
        desk.reach();
        assert_eq!(desk.step(&Step::Note { base_version: 0, missing: 0 }), Ok(true));
        let received = LineState::Received;
        let record = Step::Record { kind: "pathology_report".into(), state: received, why: None };
        assert_eq!(desk.step(&record), Ok(true));
        let (waiting, due_at) = (desk.inquiry.review, desk.inquiry.due_at);
        assert!(waiting.is_some());
        assert_eq!(desk.step(&Step::AgreeNextStep { kind: records_day(), at: at(WEDNESDAY) }), Ok(true));
        desk.is(Stage::Scheduled, NextAction::ReviewRecords);
        assert_eq!((desk.inquiry.review, desk.inquiry.due_at), (waiting, due_at));
        let is_decline = matches!(verdict, Verdict::Decline(..));
        let is_accept = matches!(verdict, Verdict::Accept);
        assert_eq!(desk.step(&Step::Review(verdict)), Ok(true));
        if is_accept {
            desk.is(Stage::Scheduled, NextAction::AwaitNextStep);
        } else if is_decline {
            desk.is(Stage::Scheduled, NextAction::AwaitReferral);
            let sent = Step::ReferralTold { fate: ReferralFate::Sent, at: desk.now, text: "Told.".into() };
            assert_eq!(desk.step(&sent), Ok(true));
            assert_eq!((desk.over(), desk.inquiry.stage), (Some(StepEnd::CalledOffByCenter), Stage::Closed));
        } else {
            desk.is(Stage::Scheduled, NextAction::ReviewRecords);
            assert_eq!(desk.inquiry.route.team, "breast");
        }
    }
}

#[test]
fn a_visit_that_crossed_with_the_agreement_hides_neither_of_the_two() {
    let mut desk = Desk::new();
    desk.reach();
    let older = desk.now;
    assert_eq!(desk.agree(TUESDAY), Ok(true));
    let number = desk.inquiry.open_step().expect("agreed").number;
    let booked =
        Step::Visit { what: VisitEvent::Booked, at: older, version: 1, starts_at: at(WEDNESDAY), why: String::new() };
    assert_eq!(desk.step(&booked), Ok(true));
    desk.is(Stage::Scheduled, NextAction::AwaitNextStep);
    assert_eq!(desk.inquiry.due_at, Some(at(TUESDAY)));
    desk.now = at(TUESDAY);
    assert_eq!(desk.step(&Step::NextStepTimePassed { number }), Ok(true));
    assert_eq!(desk.step(&Step::NextStepTimePassed { number }), Ok(false), "once");
    desk.is(Stage::Scheduled, NextAction::ConfirmNextStep);
    assert_eq!(desk.end(StepEnd::Done), Ok(true));
    desk.is(Stage::Scheduled, NextAction::AwaitVisit);
    assert_eq!(desk.inquiry.due_at, Some(at(WEDNESDAY)));
}

#[test]
fn an_agreed_step_is_called_off_before_the_answer_that_it_is_not_treated_here() {
    let mut desk = Desk::new();
    desk.inquiry = new_inquiry().out_of_scope("children", true);
    assert_eq!(desk.step(&Step::Keep(KeepReason::TreatedHere)), Ok(true));
    assert_eq!(desk.agree(TUESDAY), Ok(true));
    let refused = desk.step(&Step::ReferElsewhere).expect_err("agreed").to_string();
    assert_eq!(refused, "a next step is agreed; call it off first");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// What scheduling tells of visits comes in any order; whether the step stands depends on when things happened.
    #[test]
    fn whether_a_visit_took_its_place_does_not_depend_on_the_order_in_which_it_is_told(
        visits in prop::collection::vec((0i64..6, any::<bool>()), 1..6)
            .prop_flat_map(|visits| (Just(visits.clone()), Just((0..visits.len()).collect::<Vec<_>>()).prop_shuffle())),
    ) {
        let (visits, order) = visits;
        let after = |order: &[usize]| {
            let mut desk = Desk::new();
            desk.agree(TUESDAY).expect("agreed");
            let agreed = desk.now;
            for place in order {
                let (minute, booked) = visits[*place];
                let what = if booked { VisitEvent::Booked } else { VisitEvent::Cancelled };
                let at = agreed + SignedDuration::from_mins(minute - 2);
                let version = i64::try_from(*place).expect("few") + 1;
                desk.step(&Step::Visit { what, at, version, starts_at: self::at(WEDNESDAY), why: String::new() }).expect("told");
            }
            (desk.inquiry.stage, desk.inquiry.standing(), desk.inquiry.next_step)
        };
        let straight: Vec<usize> = (0..visits.len()).collect();
        prop_assert_eq!(after(&straight), after(&order));
    }

    #[test]
    fn the_nearest_time_fits_itself_and_lies_ahead(minutes in 0i64..60 * 24 * 40, length in 1u32..240, call in any::<bool>()) {
        let (calendar, targets) = (calendar(), Targets::default());
        let rules = Rules { calendar: &calendar, targets: &targets, book_when: BookWhen::BookAtOnce, quiet: quiet(), chase: None };
        let (facts, now) = (new_inquiry().facts, at(START));
        let asked = now + SignedDuration::from_mins(minutes);
        let found = nearest(asked, (length, call), now, &facts, &rules).expect("the center opens within two weeks");
        prop_assert!(found > now);
        prop_assert_eq!(nearest(found, (length, call), now, &facts, &rules), Some(found));
        let end = found + SignedDuration::from_mins(i64::from(length));
        prop_assert_eq!(calendar.business_minutes_between(found, end), i64::from(length));
    }
}
