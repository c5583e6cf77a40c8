//! Whose turn it is, by routing's choice and by what people do meanwhile.

use causeway_auth::Role;
use causeway_intake_desk::SHARES_SQL;
use causeway_mailbox::Ts;
use causeway_proto::convert::micros;
use causeway_proto::error::Reason;
use causeway_proto::inquiry::v1::Channel;
use causeway_proto::intake::v1::{
    CloseInquiryRequest, HandOverInquiryRequest, ListQueuesRequest, ListWorkRequest, WorkMoved,
};
use causeway_proto::notice::v1::{NoticeFailed, NoticeOutcome, NoticeSent};
use causeway_proto::routing::v1::{EscalationRaised, OwnerChosen, RouteDecided};
use uuid::Uuid;

use crate::world::{CENTER, TEAM, World, command, eventually, page};

fn chosen(inquiry: Uuid, choice: i64, heard_version: i64, owner: &str) -> OwnerChosen {
    OwnerChosen {
        inquiry_id: inquiry.to_string(),
        center: CENTER.into(),
        team: TEAM.into(),
        owner: owner.into(),
        choice,
        heard_version,
        reason: "untouched".into(),
        at: 1,
    }
}

async fn answered(world: &World, inquiry: Uuid, count: usize) -> Vec<(String, String, i64)> {
    eventually("the choice is answered", || async { world.told::<WorkMoved>(inquiry).await.len() == count }).await;
    let told = world.told::<WorkMoved>(inquiry).await;
    told.into_iter().map(|event| (event.how, event.owner, event.choice)).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_inquiry_begins_with_whose_turn_it_is_and_a_claim_wins_over_a_choice_on_its_way() {
    let world = World::start().await;
    let inquiry = world.clock.new_id();
    let routed = RouteDecided { owner: "dana-whitfield".into(), ..world.routed(CENTER, inquiry) };
    world.publish(CENTER, inquiry, 1, &[routed]).await;
    eventually("at the desk", || async { world.count("SELECT count(*) FROM inquiries").await == 1 }).await;
    let mut luis = world.coordinator("luis-ortega");
    let begun = page(&mut luis, inquiry).await;
    assert_eq!((begun.owner.as_str(), begun.chosen, begun.version), ("dana-whitfield", true, 1));
    assert!(world.told::<WorkMoved>(inquiry).await.is_empty(), "routing knows whom it chose");

    let claimed = luis.claim_inquiry(command(inquiry)).await.expect("she has not begun").into_inner();
    assert_eq!((claimed.owner.as_str(), claimed.chosen), ("luis-ortega", false));
    // It was chosen before the claim was heard of, and is told twice.
    world
        .publish(CENTER, inquiry, 1, &[chosen(inquiry, 1, 1, "mei-tanaka"), chosen(inquiry, 1, 1, "mei-tanaka")])
        .await;
    let told = answered(&world, inquiry, 2).await;
    assert_eq!(told[0], ("claimed".into(), "luis-ortega".into(), 0));
    assert_eq!(told[1], ("kept".into(), "luis-ortega".into(), 1));
    // Routing has heard of the claim, and he does not begin either.
    world.publish(CENTER, inquiry, 2, &[chosen(inquiry, 2, claimed.version, "dana-whitfield")]).await;
    assert_eq!(answered(&world, inquiry, 3).await[2], ("chosen".into(), "dana-whitfield".into(), 2));
    let moved = page(&mut luis, inquiry).await;
    assert!(moved.chosen && moved.timeline[0].text.contains("Dana Whitfield"), "{:?}", moved.timeline[0]);
    let rows = luis.list_work(ListWorkRequest { center: CENTER.into(), ..Default::default() }).await.expect("rows");
    assert!(rows.into_inner().rows[0].chosen);

    let close =
        CloseInquiryRequest { center: CENTER.into(), inquiry_id: inquiry.to_string(), reason: "not_ready".into() };
    luis.close_inquiry(close).await.expect("closed");
    let told = world.told::<WorkMoved>(inquiry).await;
    assert_eq!(told.last().map(|event| (event.how.as_str(), event.open)), Some(("ended", false)));
    assert_eq!(world.count("SELECT count(*) FROM parked").await, 0);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_team_is_told_with_a_reason_of_the_list_and_levels_of_escalation_are_marked() {
    let world = World::start().await;
    let inquiry = world.begin(1).await[0];
    let mut priya = world.staff("priya-nair", Role::Manager);
    let hand = |kind: &str| HandOverInquiryRequest {
        center: CENTER.into(),
        inquiry_id: inquiry.to_string(),
        to_team: "breast".into(),
        reason: "asks about the breast".into(),
        reason_kind: kind.into(),
        ..Default::default()
    };
    let odd = priya.hand_over_inquiry(hand("bored")).await.expect_err("no such reason");
    assert_eq!(Reason::of(&odd), Some(Reason::UnknownName));
    priya.hand_over_inquiry(hand("wrong_area")).await.expect("moved");
    let told = world.told::<WorkMoved>(inquiry).await;
    let said: Vec<_> = told.iter().map(|one| (one.how.as_str(), one.team.as_str(), one.reason.as_str())).collect();
    assert_eq!(said, [("handed_over", "breast", "wrong_area")]);

    let raised = |level: i32, why: &str, to: &str| EscalationRaised {
        inquiry_id: inquiry.to_string(),
        center: CENTER.into(),
        team: "breast".into(),
        why: why.into(),
        level,
        to: to.into(),
        ..Default::default()
    };
    let levels = [raised(1, "due_soon", "owner"), raised(2, "late", "team:general"), raised(0, "bounced", "lead")];
    world.publish(CENTER, inquiry, 3, &levels).await;
    eventually("all are told", || async {
        world.count("SELECT count(*) FROM timeline WHERE kind = 'escalated'").await == 3
    })
    .await;
    let shown = page(&mut priya, inquiry).await;
    assert_eq!((shown.escalated, shown.bounced), (2, true));
    let rows = priya.list_work(ListWorkRequest { center: CENTER.into(), ..Default::default() }).await.expect("rows");
    let row = rows.into_inner().rows.remove(0);
    assert_eq!((row.escalated, row.bounced), (2, true), "the worklist marks it");
    assert!(shown.timeline.iter().any(|line| line.text == "First contact is late; Care guides is told."), "{shown:?}");
    let outcome = NoticeOutcome {
        inquiry_id: inquiry.to_string(),
        center: CENTER.into(),
        kind: "staff_escalation".into(),
        channel: Channel::Email.into(),
        at: micros(world.clock.now()),
        ..Default::default()
    };
    world.publish(CENTER, inquiry, 4, &[NoticeSent { outcome: Some(outcome.clone()) }]).await;
    let failed = NoticeOutcome { reason: "no_channel".into(), channel: Channel::Unspecified.into(), ..outcome };
    world.publish(CENTER, inquiry, 5, &[NoticeFailed { outcome: Some(failed) }]).await;
    eventually("staff were told", || async {
        world.count("SELECT count(*) FROM timeline WHERE kind = 'notice'").await == 2
    })
    .await;
    let shown = page(&mut priya, inquiry).await;
    let notices = shown.timeline.iter().filter(|line| line.kind == "notice");
    let mut words: Vec<&str> = notices.map(|line| line.text.as_str()).collect();
    words.sort_unstable();
    assert_eq!(words, ["A colleague could not be told by email (no channel).", "A colleague was told by email."]);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_queues_of_all_teams_are_counted_by_person_through_an_index_among_many_closed_ones() {
    let world = World::start().await;
    world.begin(3).await;
    let mut dana = world.coordinator("dana-whitfield");
    let ids: Vec<Uuid> =
        sqlx::query_scalar("SELECT inquiry_id FROM inquiries").fetch_all(&world.admin).await.expect("ids");
    dana.claim_inquiry(command(ids[0])).await.expect("claimed");
    sqlx::query("UPDATE inquiries SET due_at = $2 WHERE inquiry_id = $1")
        .bind(ids[1])
        .bind(Ts(world.clock.now() - jiff::SignedDuration::from_mins(5)))
        .execute(&world.admin)
        .await
        .expect("late");
    let asked = || ListQueuesRequest { center: CENTER.into() };
    let queues = dana.list_queues(asked()).await.expect("queues").into_inner().queues;
    assert_eq!(queues.len(), 1);
    let queue = &queues[0];
    assert_eq!((queue.team.as_str(), queue.open, queue.unowned, queue.late), (TEAM, 3, 2, 1));
    assert_ne!(queue.next_due_at, 0);
    let shares: Vec<_> = queue.shares.iter().map(|share| (share.owner.as_str(), share.open, share.late)).collect();
    assert_eq!(shares, [("", 2, 1), ("dana-whitfield", 1, 0)]);
    let analyst = world.staff("ben-kowalski", Role::Analyst).list_queues(asked()).await;
    assert_eq!(analyst.expect_err("refused").code(), tonic::Code::PermissionDenied);

    sqlx::query(
        "INSERT INTO inquiries (center_id, inquiry_id, facts, consult_type, cancer_area, program, team, site, script, \
         priority, stage, next_action, due_at, response_due_at, stage_facts, checklist, received_at, revision, routed_line, \
         close_reason, closed_at) \
         SELECT center_id, gen_random_uuid(), facts, consult_type, cancer_area, program, team, site, script, priority, \
         'closed', 'nothing', NULL, response_due_at, stage_facts, checklist, received_at, revision, routed_line, 'not_ready', \
         received_at FROM inquiries CROSS JOIN generate_series(1, 10000)",
    )
    .execute(&world.admin)
    .await
    .expect("many closed ones");
    sqlx::query("ANALYZE inquiries").execute(&world.admin).await.expect("analyzed");
    let plan: Vec<String> = sqlx::query_scalar(sqlx::AssertSqlSafe(format!("EXPLAIN {SHARES_SQL}")))
        .bind(CENTER)
        .bind(Ts(world.clock.now()))
        .fetch_all(&world.admin)
        .await
        .expect("a plan");
    let plan = plan.join("\n");
    assert!(plan.contains("inquiries_worklist") && !plan.contains("Seq Scan"), "{plan}");
    world.end().await;
}
