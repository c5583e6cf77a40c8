//! What is not treated here: approved, declined, told, and never left waiting for a message that does not come.

use causeway_funnel::booking::BookWhen;
use causeway_funnel::inquiry::Channel;
use causeway_funnel::next_action::{NextAction, Targets};
use causeway_funnel::scope::{KeepReason, ScopeState};
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
    fn new(approve: bool) -> Self {
        let inquiry = new_inquiry().out_of_scope("children", approve);
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

    fn fate(&mut self, fate: ReferralFate) {
        let step = Step::ReferralTold { fate, at: self.now, text: "Told.".into() };
        let (waits, is_open) = (self.inquiry.scope.state == ScopeState::Sending, self.inquiry.is_open());
        assert_eq!(self.step(&step), Ok(true), "the line stands in any case");
        let calls = fate == ReferralFate::NotSent && waits && is_open;
        assert_eq!(self.entries[0].text, if calls { "Told. A person must tell them by phone." } else { "Told." });
    }

    fn attempt(&mut self, outcome: Outcome, call_back_at: Option<Timestamp>) {
        self.step(&Step::Attempt { channel: Channel::Phone, outcome, call_back_at }).expect("tried");
    }

    fn is(&self, state: ScopeState, action: NextAction) {
        assert_eq!((self.inquiry.scope.state, self.inquiry.next_action), (state, action));
    }
}

fn referred(told: &[Told]) -> usize {
    told.iter().filter(|told| matches!(told, Told::ReferredElsewhere { .. })).count()
}

#[test]
fn an_approved_answer_closes_it_with_its_own_reason_once_it_is_out_and_goes_only_once() {
    let mut desk = Desk::new(true);
    desk.is(ScopeState::Proposed, NextAction::ApproveReferral);
    assert_eq!(desk.inquiry.due_at, Some(desk.inquiry.route.response_due_at));
    assert_eq!(desk.step(&Step::ReferElsewhere), Ok(true));
    desk.is(ScopeState::Sending, NextAction::AwaitReferral);
    assert_eq!((referred(&desk.told), desk.inquiry.stage), (1, Stage::Routed), "nobody has been told anything yet");
    assert_eq!(desk.step(&Step::ReferElsewhere), Ok(false), "approved twice");
    assert_eq!(referred(&desk.told), 0);
    desk.fate(ReferralFate::Sent);
    assert_eq!((desk.inquiry.stage, desk.inquiry.close_reason), (Stage::Closed, Some(CloseReason::OutOfScopeReferred)));
    assert_eq!(desk.inquiry.scope.counted(), "children");
    // What is told late changes nothing of it.
    desk.fate(ReferralFate::NotSent);
    assert_eq!((desk.inquiry.stage, desk.inquiry.scope.state), (Stage::Closed, ScopeState::Sent));
    desk.step(&Step::Reopen(ReopenReason::CameBack)).expect("open again");
    desk.is(ScopeState::Sent, NextAction::FirstContact);
}

#[test]
fn where_no_approval_is_wanted_it_begins_with_the_message_on_its_way() {
    let mut desk = Desk::new(false);
    desk.is(ScopeState::Sending, NextAction::AwaitReferral);
    assert_eq!(desk.inquiry.due_at, Some(desk.inquiry.route.response_due_at));
    desk.fate(ReferralFate::Sent);
    assert_eq!(desk.inquiry.close_reason, Some(CloseReason::OutOfScopeReferred));
}

#[test]
fn a_message_that_failed_leaves_it_open_with_a_call_and_may_be_sent_again() {
    let mut desk = Desk::new(false);
    desk.fate(ReferralFate::NotSent);
    desk.is(ScopeState::Failed, NextAction::TellReferral);
    assert!(desk.inquiry.is_open() && desk.inquiry.due_at.is_some());
    desk.attempt(Outcome::NoAnswer, None);
    desk.is(ScopeState::Failed, NextAction::TellReferral);
    desk.attempt(Outcome::Voicemail, None);
    desk.attempt(Outcome::NoAnswer, None);
    desk.is(ScopeState::Failed, NextAction::AllTriesMade);
    assert_eq!(desk.step(&Step::ReferElsewhere), Ok(true));
    desk.is(ScopeState::Sending, NextAction::AwaitReferral);
    // Nobody knew at first, and then it was out.
    desk.fate(ReferralFate::NotSent);
    desk.fate(ReferralFate::Sent);
    assert_eq!(desk.inquiry.close_reason, Some(CloseReason::OutOfScopeReferred));
}

#[test]
fn what_is_treated_here_after_all_goes_on_as_any_other_with_its_reason_and_counts_no_more() {
    let mut desk = Desk::new(true);
    assert_eq!(desk.step(&Step::Keep(KeepReason::TreatedHere)), Ok(true));
    desk.is(ScopeState::Declined, NextAction::FirstContact);
    assert_eq!((desk.inquiry.scope.reason, desk.inquiry.scope.counted()), (Some(KeepReason::TreatedHere), ""));
    assert_eq!(desk.inquiry.due_at, Some(desk.inquiry.route.response_due_at));
    assert_eq!(desk.step(&Step::Keep(KeepReason::TreatedHere)), Ok(false));
    desk.attempt(Outcome::Reached, None);
    desk.is(ScopeState::Declined, NextAction::CompleteIntake);
    assert_eq!(desk.step(&Step::ReferElsewhere), Ok(true), "and may be told where to go after all");
    desk.is(ScopeState::Sending, NextAction::AwaitReferral);
    assert!(
        matches!(desk.step(&Step::Keep(KeepReason::EnteredWrong)), Err(Refusal::WrongState(_))),
        "it is on its way"
    );
}

#[test]
fn an_inquiry_that_is_treated_here_can_not_be_referred_and_one_with_a_visit_neither() {
    let mut desk = Desk::new(true);
    let starts_at = at("2026-03-11T15:00:00Z");
    desk.step(&Step::Visit { what: VisitEvent::Booked, at: desk.now, version: 1, starts_at, why: String::new() })
        .expect("booked");
    desk.is(ScopeState::Proposed, NextAction::AwaitVisit);
    assert!(matches!(desk.step(&Step::ReferElsewhere), Err(Refusal::WrongState(_))));
    desk.inquiry = new_inquiry();
    for step in [Step::ReferElsewhere, Step::Keep(KeepReason::TreatedHere)] {
        assert!(matches!(desk.step(&step), Err(Refusal::WrongState(_))), "{step:?}");
    }
    desk.is(ScopeState::InScope, NextAction::FirstContact);
}

#[test]
fn whoever_asked_to_be_called_back_is_called_although_the_message_is_out() {
    let mut desk = Desk::new(true);
    let asked_for = at("2026-03-03T17:00:00Z");
    desk.attempt(Outcome::CallBackAsked, Some(asked_for));
    desk.is(ScopeState::Proposed, NextAction::ApproveReferral);
    desk.step(&Step::ReferElsewhere).expect("approved");
    desk.fate(ReferralFate::Sent);
    desk.is(ScopeState::Sent, NextAction::TryAgain);
    assert_eq!((desk.inquiry.is_open(), desk.inquiry.due_at), (true, Some(asked_for)));
}

#[test]
fn closed_by_hand_while_the_message_was_on_its_way_and_opened_again_it_is_asked_for_anew() {
    let mut desk = Desk::new(false);
    desk.step(&Step::Close(CloseReason::Duplicate)).expect("closed");
    desk.step(&Step::Reopen(ReopenReason::CameBack)).expect("open again");
    desk.is(ScopeState::Proposed, NextAction::ApproveReferral);
    assert!(desk.inquiry.due_at.is_some());
}
