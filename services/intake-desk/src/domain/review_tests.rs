//! A reviewer's four decisions, and how long records wait for one.

use causeway_funnel::booking::{BookWhen, Readiness};
use causeway_funnel::calendar::Calendar;
use causeway_funnel::inquiry::Channel;
use causeway_funnel::next_action::{NextAction, Targets};
use causeway_funnel::records::LineState;
use causeway_funnel::reroute::RerouteReason;
use causeway_funnel::scope::{KeepReason, ScopeState};
use causeway_funnel::sister::{NotTaken, SisterReason};
use causeway_funnel::stage::{CloseReason, ReopenReason, Stage};
use causeway_funnel::triage::{DeclineReason, ReviewDecision};
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;

use super::tests::{START, at, calendar, new_inquiry, quiet};
use super::*;

/// A desk whose records are reviewed before booking, each step a minute after the one before.
struct Desk {
    inquiry: Inquiry,
    now: Timestamp,
    calendar: Calendar,
    targets: Targets,
    told: Vec<Told>,
    lines: Vec<String>,
}

impl Desk {
    fn new() -> Self {
        let (inquiry, targets) = (new_inquiry(), Targets::default());
        Self { inquiry, now: at(START), calendar: calendar(), targets, told: Vec::new(), lines: Vec::new() }
    }

    /// Whose note is whole.
    fn gathering() -> Self {
        let mut desk = Self::new();
        desk.step(Step::Attempt { channel: Channel::Phone, outcome: Outcome::Reached, call_back_at: None });
        desk.step(Step::Note { base_version: 0, missing: 0 });
        desk
    }

    /// Whose records wait for a reviewer.
    fn waiting() -> Self {
        let mut desk = Self::gathering();
        desk.step(received("pathology_report"));
        assert_eq!(desk.inquiry.next_action, NextAction::ReviewRecords);
        desk
    }

    fn try_step(&mut self, step: &Step) -> Result<bool, Refusal> {
        self.now += SignedDuration::from_mins(1);
        let rules = Rules {
            calendar: &self.calendar,
            targets: &self.targets,
            book_when: BookWhen::WaitForReview,
            quiet: quiet(),
            chase: None,
        };
        let decided = decide(self.inquiry.clone(), step, &By("mei".into()), self.now, &rules)?;
        self.inquiry = decided.inquiry;
        self.told = decided.told;
        self.lines = decided.entries.into_iter().map(|entry| entry.text.into_owned()).collect();
        Ok(decided.changed)
    }

    fn step(&mut self, step: Step) {
        assert!(self.try_step(&step).expect("not refused"), "{step:?} changed nothing");
    }

    fn referral(&mut self, fate: ReferralFate) {
        let at = self.now;
        self.step(Step::ReferralTold { fate, at, text: "Told.".into() });
    }

    fn reviewed(&self) -> Option<(ReviewDecision, &'static str, bool)> {
        self.told.iter().find_map(|told| match told {
            Told::Reviewed { decision, reason, waited, .. } => Some((*decision, *reason, waited.is_some())),
            _ => None,
        })
    }
}

fn received(kind: &str) -> Step {
    Step::Record { kind: kind.into(), state: LineState::Received, why: None }
}

fn redirect(team: &str) -> Step {
    Step::Review(Verdict::Redirect(team.into(), RerouteReason::WrongArea))
}

fn decline() -> Step {
    Step::Review(Verdict::Decline("other-centers".into(), DeclineReason::NoCapacity))
}

fn more(kinds: &[&str]) -> Step {
    Step::Review(Verdict::AskForMore(kinds.iter().map(|kind| (*kind).to_owned()).collect()))
}

#[test]
fn what_a_reviewer_names_is_asked_for_and_waited_for_also_where_the_checklist_lacked_it_or_could_do_without() {
    let mut desk = Desk::waiting();
    desk.step(more(&["genomic_report", "slides"]));
    assert_eq!((desk.inquiry.stage, desk.inquiry.next_action), (Stage::IntakeComplete, NextAction::GatherRecords));
    let line = |kind: &str| desk.inquiry.records.iter().find(|line| line.kind == kind).expect("a line");
    assert_eq!(line("pathology_report").state, LineState::Received, "nobody asked for it again");
    for kind in ["genomic_report", "slides"] {
        assert_eq!((line(kind).state, line(kind).needed), (LineState::Requested, true), "{kind}");
    }
    let asked = vec!["genomic_report".to_owned(), "slides".to_owned()];
    assert!(desk.told.contains(&Told::RecordsRequested { kinds: asked, times: 1, at: desk.now }));
    assert_eq!(desk.lines, ["Reviewer asks for more.", "Asked for: genomic_report, slides."]);
    assert_eq!((desk.reviewed(), desk.inquiry.review), (Some((ReviewDecision::AskForMore, "", true)), None));
    desk.step(received("genomic_report"));
    assert_eq!(desk.inquiry.next_action, NextAction::GatherRecords);
    desk.step(received("slides"));
    assert_eq!(desk.inquiry.next_action, NextAction::ReviewRecords, "it comes back to the reviewer");
    desk.step(Step::Record { kind: "slides".into(), state: LineState::Requested, why: None });
    desk.step(Step::Record { kind: "slides".into(), state: LineState::Waived, why: None });
    desk.step(more(&["slides"]));
    let slides = desk.inquiry.records.iter().find(|line| line.kind == "slides").expect("a line");
    assert_eq!((slides.state, slides.why), (LineState::Requested, None), "needed after all");
}

#[test]
fn who_is_redirected_waits_anew_at_the_other_team_and_a_hand_over_wins_no_time() {
    let mut desk = Desk::waiting();
    let first = desk.inquiry.review.expect("it waits");
    assert_eq!(desk.inquiry.due_at, Some(first.due_at));
    desk.now += SignedDuration::from_hours(30);
    desk.step(Step::HandOver(HandTo::Team("thoracic".into(), RerouteReason::Other)));
    assert_eq!(desk.inquiry.review, Some(first));
    desk.step(redirect("breast"));
    let second = desk.inquiry.review.expect("it waits");
    assert_eq!((second.since, second.escalated), (desk.now, 0));
    assert!(second.due_at > first.due_at && desk.inquiry.due_at == Some(second.due_at));
    assert_eq!((desk.inquiry.route.team.as_str(), desk.inquiry.owner.as_str()), ("breast", ""));
    assert!(desk.told.contains(&Told::WorkMoved(How::HandedOver(Some(RerouteReason::WrongArea)))));
    assert_eq!(desk.lines, ["Redirected to team breast by the reviewer: another cancer area."]);
    let told = desk.told.iter().any(|told| matches!(told, Told::Reviewed { team, .. } if team == "thoracic"));
    assert!(told, "it was decided at the team that had it");
    assert!(matches!(desk.try_step(&redirect("breast")), Err(Refusal::FieldFault(_))));
    // Before its records are here it is redirected as it is handed over: what was due stays due.
    let mut early = Desk::gathering();
    let due = early.inquiry.due_at;
    early.step(redirect("breast"));
    assert_eq!((early.inquiry.due_at, early.inquiry.review), (due, None));
}

#[test]
fn who_is_declined_hears_where_to_go_and_by_phone_where_no_message_can_or_they_asked_for_a_call() {
    let mut desk = Desk::waiting();
    desk.step(decline());
    assert_eq!((desk.inquiry.next_action, desk.inquiry.scope.state), (NextAction::AwaitReferral, ScopeState::Sending));
    assert_eq!(desk.inquiry.scope.entry, "other-centers");
    assert!(desk.told.contains(&Told::ReferredElsewhere { at: desk.now }));
    assert_eq!(desk.reviewed(), Some((ReviewDecision::Decline, "no_capacity", true)));
    assert_eq!(desk.lines, ["Declined: we have no place in time. The message where to go instead is on its way."]);
    assert_eq!(desk.try_step(&decline()), Ok(false), "declined twice it goes out once");
    for step in [Step::Review(Verdict::Accept), more(&[]), redirect("breast")] {
        assert!(matches!(desk.try_step(&step), Err(Refusal::WrongState(_))), "{step:?}");
    }
    let mut failed = Desk { inquiry: desk.inquiry.clone(), ..Desk::new() };
    desk.referral(ReferralFate::Sent);
    assert_eq!(desk.inquiry.close_reason, Some(CloseReason::OutOfScopeReferred));
    assert_eq!(desk.inquiry.declined, Some(DeclineReason::NoCapacity));
    desk.step(Step::Reopen(ReopenReason::CameBack));
    assert_eq!((desk.inquiry.next_action, desk.inquiry.declined), (NextAction::ReviewRecords, None));
    assert_eq!(desk.inquiry.scope.state, ScopeState::Declined, "it is worked here, and a next step may be agreed");

    failed.referral(ReferralFate::NotSent);
    assert_eq!(failed.inquiry.next_action, NextAction::TellReferral, "a person says it");
    failed.step(Step::Keep(KeepReason::TreatedHere));
    assert_eq!((failed.inquiry.next_action, failed.inquiry.declined), (NextAction::ReviewRecords, None));

    let mut called = Desk::waiting();
    let asked_for = called.now + SignedDuration::from_hours(20);
    let outcome = Outcome::CallBackAsked;
    called.step(Step::Attempt { channel: Channel::Phone, outcome, call_back_at: Some(asked_for) });
    called.step(decline());
    called.referral(ReferralFate::Sent);
    assert_eq!((called.inquiry.next_action, called.inquiry.due_at), (NextAction::TellReferral, Some(asked_for)));
    called.step(Step::Keep(KeepReason::TreatedHere));
    assert_eq!((called.inquiry.next_action, called.inquiry.declined), (NextAction::ReviewRecords, None));
}

#[test]
fn another_decision_takes_a_decline_back_whose_message_failed_or_is_out_before_a_call() {
    let (mut failed, mut called) = (Desk::waiting(), Desk::waiting());
    failed.step(decline());
    failed.referral(ReferralFate::NotSent);
    let call_back_at = Some(called.now + SignedDuration::from_hours(20));
    called.step(Step::Attempt { channel: Channel::Phone, outcome: Outcome::CallBackAsked, call_back_at });
    called.step(decline());
    called.referral(ReferralFate::Sent);
    for declined in [failed, called] {
        assert_eq!(declined.inquiry.next_action, NextAction::TellReferral);
        for (step, wanted) in [
            (Step::Review(Verdict::Accept), NextAction::OfferDates),
            (more(&["slides"]), NextAction::GatherRecords),
            (redirect("breast"), NextAction::ReviewRecords),
        ] {
            let mut desk = Desk { inquiry: declined.inquiry.clone(), now: declined.now, ..Desk::new() };
            desk.step(step.clone());
            let inquiry = &desk.inquiry;
            assert_eq!((inquiry.next_action, inquiry.declined), (wanted, None), "{step:?}");
            assert_eq!(inquiry.scope.state, ScopeState::Declined, "{step:?}");
            assert_eq!(desk.lines.last().map(String::as_str), Some("It is not declined any more."), "{step:?}");
            assert!(desk.told.contains(&Told::ReadinessChanged), "it may be booked again: {step:?}");
        }
    }
    // What was accepted before it was declined is accepted once more, which is a decision.
    let mut accepted = Desk::waiting();
    accepted.step(Step::Review(Verdict::Accept));
    accepted.step(decline());
    accepted.referral(ReferralFate::NotSent);
    accepted.step(Step::Review(Verdict::Accept));
    assert_eq!(accepted.inquiry.next_action, NextAction::OfferDates);
    assert_eq!(accepted.reviewed(), Some((ReviewDecision::Accept, "", false)));
    // Sent anew it is a decline still.
    let mut again = Desk::waiting();
    again.step(decline());
    again.referral(ReferralFate::NotSent);
    again.step(decline());
    assert_eq!((again.inquiry.next_action, again.inquiry.declined.is_some()), (NextAction::AwaitReferral, true));
}

#[test]
fn who_is_declined_is_not_booked_until_that_is_taken_back() {
    let mut desk = Desk::waiting();
    desk.step(Step::Review(Verdict::Accept));
    let ready = desk.inquiry.readiness();
    assert!(ready.intake_complete && ready.records_ready && ready.reviewed);
    desk.step(decline());
    assert!(desk.told.contains(&Told::ReadinessChanged));
    assert_eq!(desk.inquiry.readiness(), Readiness::default());
    desk.referral(ReferralFate::NotSent);
    assert_eq!(desk.inquiry.readiness(), Readiness::default());
    desk.step(Step::Keep(KeepReason::TreatedHere));
    assert!(desk.told.contains(&Told::ReadinessChanged));
    assert_eq!(desk.inquiry.readiness(), ready);
}

#[test]
fn whoever_is_declined_after_a_missed_visit_is_not_called_about_it() {
    let mut desk = Desk::waiting();
    let at = desk.now;
    desk.step(Step::Visit { what: VisitEvent::Booked, at, version: 1, starts_at: at, why: String::new() });
    desk.step(Step::Visit { what: VisitEvent::Missed, at, version: 2, starts_at: at, why: String::new() });
    assert_eq!(desk.inquiry.next_action, NextAction::FollowUpNoShow);
    desk.step(decline());
    assert_eq!(desk.inquiry.next_action, NextAction::AwaitReferral);
    desk.referral(ReferralFate::NotSent);
    assert_eq!(desk.inquiry.next_action, NextAction::TellReferral);
}

#[test]
fn what_is_opened_again_is_not_declined_whatever_became_of_the_message() {
    let handed = Step::HandToCenter { to: "lakeside".into(), reason: SisterReason::ALL[0] };
    for (fate, close) in [
        (None, Step::Close(CloseReason::NotReady)),
        (Some(ReferralFate::NotSent), Step::Close(CloseReason::NotReady)),
        (Some(ReferralFate::NotSent), handed),
    ] {
        let mut desk = Desk::waiting();
        desk.step(decline());
        if let Some(fate) = fate {
            desk.referral(fate);
        }
        desk.step(close.clone());
        match desk.inquiry.handover.as_ref().map(|handover| handover.number) {
            Some(number) => desk.step(Step::HandoverTold { number, fate: Fate::NotTaken(NotTaken::ALL[0]) }),
            None => desk.step(Step::Reopen(ReopenReason::CameBack)),
        }
        let inquiry = &desk.inquiry;
        assert_eq!((inquiry.next_action, inquiry.declined), (NextAction::ReviewRecords, None), "{fate:?} {close:?}");
        assert_eq!(inquiry.scope.state, ScopeState::Declined, "{fate:?} {close:?}");
    }
}

#[test]
fn the_last_line_that_a_reviewer_accepts_is_the_decision_and_a_waived_one_is_none() {
    let line = |state, why| Step::Record { kind: "pathology_report".into(), state, why };
    let mut desk = Desk::waiting();
    desk.step(line(LineState::Reviewed, None));
    assert_eq!(desk.reviewed(), Some((ReviewDecision::Accept, "", true)));
    assert_eq!((desk.inquiry.next_action, desk.inquiry.review), (NextAction::OfferDates, None));
    assert_eq!(desk.try_step(&Step::Review(Verdict::Accept)), Ok(false), "counted once");
    let mut waived = Desk::waiting();
    waived.step(line(LineState::Waived, None));
    assert_eq!((waived.reviewed(), waived.inquiry.next_action), (None, NextAction::OfferDates));
    let mut declined = Desk::waiting();
    declined.step(decline());
    declined.step(line(LineState::Reviewed, None));
    assert_eq!((declined.reviewed(), declined.inquiry.next_action), (None, NextAction::AwaitReferral));
}

#[test]
fn another_team_begins_with_its_first_level_and_what_was_due_stays_due() {
    let level =
        |since, level| Step::ReviewEscalated { since, level, to: "lead".into(), staff: vec!["priya-nair".into()] };
    let mut desk = Desk::waiting();
    let first = desk.inquiry.review.expect("it waits");
    desk.step(level(first.since, 1));
    desk.step(level(first.since, 2));
    desk.step(Step::HandOver(HandTo::Team("breast".into(), RerouteReason::Other)));
    assert_eq!(desk.inquiry.review, Some(first), "no level of this team was told");
    desk.step(level(first.since, 1));
    let route = Route { team: "thoracic".into(), version: 9, ..desk.inquiry.route.clone() };
    desk.step(Step::Rerouted(route));
    assert_eq!(desk.inquiry.review, Some(first));
    desk.step(level(first.since, 1));
    desk.step(Step::HandOver(HandTo::Staff("jorge".into())));
    assert_eq!(desk.inquiry.review.map(|waiting| waiting.escalated), Some(1), "the team is the same");
}

#[test]
fn what_waited_before_waits_were_kept_is_due_when_it_was() {
    let mut desk = Desk::waiting();
    let due = desk.inquiry.due_at;
    desk.inquiry.review = None;
    desk.now += SignedDuration::from_hours(3);
    desk.step(Step::Claim);
    assert_eq!(desk.inquiry.review.map(|waiting| (Some(waiting.due_at), waiting.since)), Some((due, desk.now)));
}

#[test]
fn a_level_of_a_review_is_told_once_and_a_decision_a_missing_document_a_close_or_a_visit_ends_the_wait() {
    let level =
        |since, level| Step::ReviewEscalated { since, level, to: "lead".into(), staff: vec!["priya-nair".into()] };
    let mut desk = Desk::waiting();
    let since = desk.inquiry.review.expect("it waits").since;
    desk.step(level(since, 1));
    assert_eq!(desk.lines, ["The review of the records is due soon; the team lead is told."]);
    assert_eq!(desk.try_step(&level(since, 1)), Ok(false), "once");
    desk.now = desk.inquiry.review.expect("it waits").due_at;
    desk.step(level(since, 2));
    assert_eq!(desk.lines, ["The review of the records is late; the team lead is told."]);
    assert!(matches!(&desk.told[..], [Told::ReviewEscalated { why: "review_late", level: 2, .. }]));
    assert_eq!(desk.try_step(&level(since - SignedDuration::from_mins(1), 3)), Ok(false), "another wait");
    let visit = |desk: &Desk| Step::Visit {
        what: VisitEvent::Booked,
        at: desk.now,
        version: 1,
        starts_at: desk.now,
        why: String::new(),
    };
    let missing = Step::Record { kind: "pathology_report".into(), state: LineState::Needed, why: None };
    for end in [
        Step::Review(Verdict::Accept),
        more(&[]),
        decline(),
        missing.clone(),
        Step::Close(CloseReason::NotReady),
        visit(&desk),
    ] {
        let mut ended = Desk { inquiry: desk.inquiry.clone(), now: desk.now, ..Desk::new() };
        ended.step(end.clone());
        assert_eq!(ended.inquiry.review, None, "{end:?}");
        assert_eq!(ended.try_step(&level(since, 3)), Ok(false), "{end:?}");
    }
    // It waits anew from when they are complete again.
    desk.step(missing);
    desk.step(received("pathology_report"));
    let again = desk.inquiry.review.expect("it waits");
    assert_eq!((again.since, again.escalated), (desk.now, 0));
}

#[test]
fn each_decision_from_each_state_is_done_or_refused_with_what_stands_against_it() {
    let visit =
        Step::Visit { what: VisitEvent::Booked, at: at(START), version: 1, starts_at: at(START), why: String::new() };
    let (mut booked, mut closed, mut attended) = (Desk::waiting(), Desk::waiting(), Desk::waiting());
    booked.step(visit.clone());
    closed.step(Step::Close(CloseReason::NotReady));
    attended.step(visit);
    attended.step(Step::Visit {
        what: VisitEvent::Attended,
        at: at(START),
        version: 2,
        starts_at: at(START),
        why: String::new(),
    });
    let mut accepted = Desk::waiting();
    accepted.step(Step::Review(Verdict::Accept));
    // Accept, ask for more by name, redirect, decline: done (true), nothing to do (false), or refused (none).
    for (name, desk, wanted) in [
        ("routed", Desk::new(), [None, Some(true), Some(true), Some(true)]),
        ("gathering", Desk::gathering(), [None, Some(true), Some(true), Some(true)]),
        ("waiting", Desk::waiting(), [Some(true); 4]),
        ("accepted", accepted, [Some(false), Some(true), Some(true), Some(true)]),
        ("booked", booked, [Some(true), Some(true), None, None]),
        ("closed", closed, [None; 4]),
        ("attended", attended, [None; 4]),
    ] {
        let steps = [Step::Review(Verdict::Accept), more(&["pathology_report"]), redirect("breast"), decline()];
        for (step, wanted) in steps.iter().zip(wanted) {
            let mut desk = Desk { inquiry: desk.inquiry.clone(), now: desk.now, ..Desk::new() };
            assert_eq!(desk.try_step(step).ok(), wanted, "{name}: {step:?}");
            assert_eq!(desk.inquiry.is_open(), desk.inquiry.due_at.is_some(), "{name}: {step:?}");
        }
    }
}

proptest! {
    #[test]
    fn in_whatever_order_what_is_open_has_a_next_step_and_waits_for_a_reviewer_exactly_where_that_is_it(
        order in prop::collection::vec(0usize..12, 0..30),
    ) {
        let mut desk = Desk::gathering();
        for which in order {
            let (at, since) = (desk.now, desk.inquiry.review.map_or(at(START), |waiting| waiting.since));
            let step = match which {
                0 => received("pathology_report"),
                1 => received("genomic_report"),
                2 => Step::Record { kind: "pathology_report".into(), state: LineState::Needed, why: None },
                3 => Step::Review(Verdict::Accept),
                4 => more(&["genomic_report", "slides"]),
                5 => redirect(if desk.inquiry.route.team == "gi" { "breast" } else { "gi" }),
                6 => decline(),
                7 => Step::ReferralTold { fate: ReferralFate::Sent, at, text: "Sent.".into() },
                8 => Step::ReferralTold { fate: ReferralFate::NotSent, at, text: "Not sent.".into() },
                9 => Step::Reopen(ReopenReason::CameBack),
                10 => Step::Keep(KeepReason::TreatedHere),
                _ => Step::ReviewEscalated { since, level: 1, to: "lead".into(), staff: Vec::new() },
            };
            let before = desk.inquiry.review;
            let took = desk.try_step(&step) == Ok(true);
            let inquiry = &desk.inquiry;
            prop_assert_eq!(inquiry.is_open(), inquiry.due_at.is_some());
            prop_assert_eq!(inquiry.is_open(), inquiry.next_action != NextAction::Nothing);
            prop_assert_eq!(inquiry.review.is_some(), inquiry.next_action == NextAction::ReviewRecords);
            prop_assert!(inquiry.declined.is_none() || !inquiry.scope.entry.is_empty());
            prop_assert!(inquiry.declined.is_none() || inquiry.readiness() == Readiness::default());
            if took && matches!(step, Step::Review(Verdict::Accept | Verdict::AskForMore(_))) {
                prop_assert!(inquiry.declined.is_none() && inquiry.next_action != NextAction::TellReferral);
            }
            if let (Some(before), Some(after)) = (before, inquiry.review) {
                prop_assert!(after.since > before.since || after.due_at == before.due_at, "no time is won");
            }
        }
    }
}
