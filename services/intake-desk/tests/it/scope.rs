//! What the center does not treat, from the route to the message that is out, on real servers.

use causeway_auth::Role;
use causeway_proto::error::Reason;
use causeway_proto::inquiry::v1::{CancerArea, Channel};
use causeway_proto::intake::v1::{
    Inquiry, InquiryCommand, KeepInquiryRequest, ListWorkRequest, ReferredElsewhere, Stage, StageChanged,
};
use causeway_proto::notice::v1::{NoticeFailed, NoticeOutcome, NoticeSent};
use jiff::SignedDuration;
use tonic::Code;
use uuid::Uuid;

use crate::world::{CENTER, Desk, OTHER, World, command, eventually, page};

/// An inquiry about an area at a center, brought to the desk.
async fn begin(world: &World, center: &str, area: CancerArea) -> Uuid {
    let inquiry = world.clock.new_id();
    let mut routed = world.routed(center, inquiry);
    if let Some(facts) = &mut routed.facts {
        facts.cancer_area = area.into();
    }
    routed.script = "not-treated-here".into();
    let before = world.count("SELECT count(*) FROM inquiries").await;
    world.publish(center, inquiry, 1, &[routed]).await;
    eventually("at the desk", || async { world.count("SELECT count(*) FROM inquiries").await == before + 1 }).await;
    inquiry
}

fn outcome(inquiry: Uuid, center: &str, reason: &str) -> Option<NoticeOutcome> {
    Some(NoticeOutcome {
        notice_id: Uuid::from_u128(5).to_string(),
        inquiry_id: inquiry.to_string(),
        center: center.into(),
        kind: "referred_elsewhere".into(),
        channel: Channel::Email.into(),
        at: 1_804_190_400_000_000,
        reason: reason.into(),
    })
}

fn keyed(inquiry: Uuid, key: &str) -> InquiryCommand {
    InquiryCommand { idempotency_key: key.into(), ..command(inquiry) }
}

fn keep(inquiry: Uuid, reason: &str) -> KeepInquiryRequest {
    KeepInquiryRequest {
        center: CENTER.into(),
        inquiry_id: inquiry.to_string(),
        idempotency_key: "keep-1".into(),
        reason: reason.into(),
    }
}

async fn reads(desk: &Desk, inquiry: Uuid, holds: impl Fn(&Inquiry) -> bool) {
    eventually("the inquiry follows", || async { holds(&page(&mut desk.clone(), inquiry).await) }).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_treated_is_approved_with_one_click_told_once_and_closes_when_the_message_is_out() {
    let world = World::start().await;
    let mut dana = world.coordinator("dana-whitfield");
    let inquiry = begin(&world, CENTER, CancerArea::Pediatric).await;
    let begun = page(&mut dana, inquiry).await;
    assert_eq!((begun.next_action.as_str(), begun.due_at), ("approve_referral", begun.response_due_at));
    assert_eq!((begun.out_of_scope.as_str(), begun.out_of_scope_state.as_str()), ("children", "proposed"));
    assert_eq!(begun.next_action_words, "Approve the referral elsewhere");
    let asked =
        ListWorkRequest { center: CENTER.into(), next_action: "approve_referral".into(), ..ListWorkRequest::default() };
    let listed = dana.list_work(asked).await.expect("a list").into_inner();
    assert_eq!(listed.rows.iter().map(|row| row.inquiry_id.clone()).collect::<Vec<_>>(), [inquiry.to_string()]);
    assert!(world.told::<ReferredElsewhere>(inquiry).await.is_empty(), "nothing goes out unasked");

    let refused = world.staff("ada", Role::Analyst).refer_elsewhere(keyed(inquiry, "k")).await.expect_err("may not");
    assert_eq!(refused.code(), Code::PermissionDenied);
    for _ in 0..2 {
        let sent = dana.refer_elsewhere(keyed(inquiry, "once")).await.expect("approved").into_inner();
        assert_eq!((sent.next_action.as_str(), sent.stage()), ("await_referral", Stage::Routed));
    }
    dana.refer_elsewhere(keyed(inquiry, "another key")).await.expect("known already");
    let told = world.told::<ReferredElsewhere>(inquiry).await;
    assert_eq!(told.iter().map(|event| event.entry.as_str()).collect::<Vec<_>>(), ["children"]);
    assert_eq!(told[0].facts.as_ref().map(|facts| facts.language.as_str()), Some("es"));

    world.publish(CENTER, inquiry, 1, &[NoticeSent { outcome: outcome(inquiry, CENTER, "") }]).await;
    reads(&dana, inquiry, |page| page.close_reason == "out_of_scope_referred").await;
    let closed = page(&mut dana, inquiry).await;
    assert_eq!((closed.stage(), closed.out_of_scope_state.as_str(), closed.due_at), (Stage::Closed, "sent", 0));
    let stages = world.told::<StageChanged>(inquiry).await;
    let last = stages.last().expect("told");
    assert_eq!((last.to(), last.close_reason.as_str()), (Stage::Closed, "out_of_scope_referred"));
    assert!(stages.iter().all(|stage| stage.out_of_scope == "children"));
    let figures = world.figures();
    let counted = "causeway_out_of_scope_decisions_total{decision=\"referred\",entry=\"children\"} 1";
    assert!(figures.contains(counted), "{figures}");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_no_approval_is_wanted_the_answer_goes_out_with_the_route_and_a_failed_one_becomes_a_call() {
    let world = World::start().await;
    let inquiry = begin(&world, OTHER, CancerArea::Hematologic).await;
    let told = world.told::<ReferredElsewhere>(inquiry).await;
    assert_eq!(told.iter().map(|event| event.entry.as_str()).collect::<Vec<_>>(), ["bone-marrow"]);
    // The route again makes no second one.
    let mut again = world.routed(OTHER, inquiry);
    again.team = "navigators".into();
    if let Some(facts) = &mut again.facts {
        facts.cancer_area = CancerArea::Hematologic.into();
    }
    world.publish(OTHER, inquiry, 2, &[again]).await;
    world.publish(OTHER, inquiry, 2, &[NoticeFailed { outcome: outcome(inquiry, OTHER, "no_channel") }]).await;
    let call = "SELECT count(*) FROM inquiries WHERE next_action = 'tell_referral' AND scope_state = 'failed' AND open \
         AND due_at IS NOT NULL AND team = 'navigators'";
    eventually("a call is next", || async { world.count(call).await == 1 }).await;
    assert_eq!(world.told::<ReferredElsewhere>(inquiry).await.len(), 1);
    let line = "SELECT count(*) FROM timeline WHERE text LIKE '%could not be sent%A person must tell them by phone.'";
    assert_eq!(world.count(line).await, 1);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_colleague_who_says_that_it_is_treated_here_has_it_worked_as_any_other_and_the_reason_is_counted() {
    let world = World::start().await;
    let mut dana = world.coordinator("dana-whitfield");
    let inquiry = begin(&world, CENTER, CancerArea::Pediatric).await;
    let odd = dana.keep_inquiry(keep(inquiry, "because")).await.expect_err("no such reason");
    assert_eq!(Reason::of(&odd), Some(Reason::UnknownName));
    for _ in 0..2 {
        let kept = dana.keep_inquiry(keep(inquiry, "entered_wrong")).await.expect("kept").into_inner();
        assert_eq!((kept.next_action.as_str(), kept.out_of_scope_state.as_str()), ("first_contact", "declined"));
    }
    let why = "SELECT count(*) FROM inquiries WHERE scope_reason = 'entered_wrong' AND scope_entry = 'children'";
    assert_eq!(world.count(why).await, 1);
    let figures = world.figures();
    let counted = "causeway_out_of_scope_decisions_total{decision=\"entered_wrong\",entry=\"children\"} 1";
    assert!(figures.contains(counted), "{figures}");
    let ordinary = world.begin(1).await[0];
    let refused = dana.refer_elsewhere(keyed(ordinary, "x")).await.expect_err("it is treated here");
    assert_eq!(Reason::of(&refused), Some(Reason::WrongState));
    assert_eq!(page(&mut dana, ordinary).await.out_of_scope_state, "in_scope");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_has_it_worked_here_all_the_same_did_something_about_what_a_colleague_holds() {
    let world = World::start().await;
    let (mut dana, mut luis) = (world.coordinator("dana-whitfield"), world.coordinator("luis-ortega"));
    let kept = begin(&world, CENTER, CancerArea::Pediatric).await;
    let left = begin(&world, CENTER, CancerArea::Pediatric).await;
    for inquiry in [kept, left] {
        dana.claim_inquiry(command(inquiry)).await.expect("claimed");
    }
    luis.keep_inquiry(keep(kept, "treated_here")).await.expect("worked here");
    world.clock.set(world.clock.now() + SignedDuration::from_mins(121));
    eventually("what lies goes back", || async { page(&mut dana.clone(), left).await.owner.is_empty() }).await;
    eventually("both timers have fired", || async {
        world.count("SELECT count(*) FROM timers WHERE kind = 'claim-idle' AND state = 'fired'").await == 2
    })
    .await;
    assert_eq!(page(&mut dana, kept).await.owner, "dana-whitfield");
    world.end().await;
}
