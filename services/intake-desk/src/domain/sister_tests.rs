//! Handed to a sister center: over here at once, never twice, and ours again where the sister could not take it.

use causeway_funnel::booking::BookWhen;
use causeway_funnel::next_action::{NextAction, Targets};
use causeway_funnel::scope::ScopeState;
use causeway_funnel::sister::{HandoverState, NotTaken, SisterReason};
use causeway_funnel::stage::{CloseReason, ReopenReason, Stage};
use jiff::{SignedDuration, Timestamp};

use super::tests::{START, at, calendar, new_inquiry, quiet};
use super::*;

struct Desk {
    inquiry: Inquiry,
    now: Timestamp,
    told: Vec<Told>,
    entries: Vec<Entry>,
}

impl Desk {
    fn new(inquiry: Inquiry) -> Self {
        Self { inquiry, now: at(START), told: Vec::new(), entries: Vec::new() }
    }

    fn step(&mut self, step: &Step) -> Result<bool, Refusal> {
        self.now += SignedDuration::from_mins(1);
        let (calendar, targets) = (calendar(), Targets::default());
        let rules = Rules {
            calendar: &calendar,
            targets: &targets,
            book_when: BookWhen::BookAtOnce,
            quiet: quiet(),
            chase: None,
        };
        let decided = decide(self.inquiry.clone(), step, &By("dana".into()), self.now, &rules)?;
        (self.inquiry, self.told, self.entries) = (decided.inquiry, decided.told, decided.entries);
        assert_eq!(self.inquiry.is_open(), self.inquiry.due_at.is_some());
        Ok(decided.changed)
    }

    fn hand(&mut self) -> Result<bool, Refusal> {
        self.step(&Step::HandToCenter { to: "harbor-valley".into(), reason: SisterReason::CloserSite })
    }

    fn number(&self) -> i64 {
        self.inquiry.handover.as_ref().map(|handover| handover.number).expect("handed over")
    }

    fn fate(&mut self, number: i64, fate: Fate) -> bool {
        self.step(&Step::HandoverTold { number, fate }).expect("never refused")
    }

    fn state(&self) -> HandoverState {
        self.inquiry.handover.as_ref().expect("handed over").state
    }
}

fn handed(told: &[Told]) -> usize {
    told.iter().filter(|told| matches!(told, Told::HandedToCenter { .. })).count()
}

#[test]
fn what_is_handed_over_closes_with_its_own_reason_and_tells_booking_and_routing_that_it_is_over() {
    let mut desk = Desk::new(new_inquiry());
    assert_eq!(desk.hand(), Ok(true));
    assert_eq!((desk.inquiry.stage, desk.inquiry.close_reason), (Stage::Closed, Some(CloseReason::HandedToSister)));
    assert_eq!(handed(&desk.told), 1);
    assert!(desk.told.contains(&Told::ReadinessChanged) && desk.told.contains(&Told::WorkMoved(How::Ended)));
    assert!(desk.entries[0].text.contains("harbor-valley"), "the free words belong to the first line");
    assert_eq!(desk.hand(), Err(Refusal::Closed));
    let number = desk.number();
    assert!(desk.fate(number, Fate::Taken("HV-7K4M-2QX".into())));
    assert_eq!((desk.state(), desk.inquiry.stage), (HandoverState::Taken, Stage::Closed));
    assert!(!desk.fate(number, Fate::Taken("HV-7K4M-2QX".into())), "told twice");
    assert!(!desk.fate(number, Fate::NotTaken(NotTaken::NotSealed)), "what is taken stays taken");
    assert!(
        matches!(desk.step(&Step::Reopen(ReopenReason::CameBack)), Err(Refusal::WrongState(_))),
        "the sister has it"
    );
}

#[test]
fn what_the_sister_could_not_take_is_ours_again_with_a_next_step_and_may_be_handed_over_anew() {
    let mut desk = Desk::new(new_inquiry());
    desk.hand().expect("handed over");
    assert!(
        matches!(desk.step(&Step::Reopen(ReopenReason::CameBack)), Err(Refusal::WrongState(_))),
        "nobody knows yet who has it"
    );
    let first = desk.number();
    assert!(desk.fate(first, Fate::NotTaken(NotTaken::NotAgreed)));
    assert_eq!((desk.state(), desk.inquiry.stage), (HandoverState::NotTaken, Stage::Routed));
    assert_eq!((desk.inquiry.next_action, desk.inquiry.close_reason), (NextAction::FirstContact, None));
    assert!(desk.told.contains(&Told::WorkMoved(How::Reopened)));
    assert_eq!(desk.hand(), Ok(true));
    assert_ne!(desk.number(), first);
    assert!(!desk.fate(first, Fate::Taken("HV-7K4M-2QX".into())), "the answer to the first one comes too late");
    assert_eq!(desk.state(), HandoverState::Asked);
}

#[test]
fn a_booked_visit_is_cancelled_first_and_a_message_on_its_way_goes_out_first() {
    let mut desk = Desk::new(new_inquiry());
    let visit = Step::Visit {
        what: VisitEvent::Booked,
        at: desk.now,
        version: 1,
        starts_at: at("2026-03-09T16:00:00Z"),
        why: String::new(),
    };
    desk.step(&visit).expect("booked");
    assert!(matches!(desk.hand(), Err(Refusal::WrongState(why)) if why.contains("cancel it first")));
    let mut desk = Desk::new(new_inquiry().out_of_scope("children", false));
    assert!(matches!(desk.hand(), Err(Refusal::WrongState(_))));
    let mut desk = Desk::new(new_inquiry().out_of_scope("children", true));
    assert_eq!(desk.hand(), Ok(true), "what waits for approval may go to a sister instead");
    assert_eq!(desk.inquiry.scope.state, ScopeState::Proposed);
}
