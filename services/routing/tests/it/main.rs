//! Routing as a whole: events in, events out, timers, questions, on real servers.

mod clock;
mod locks;
mod tables;
mod work;
mod world;

use bytes::Bytes;
use causeway_auth::{Actor, Role};
use causeway_bus::Outgoing;
use causeway_funnel::inquiry::{CancerArea, Consents, ConsultType, Facts, RecordsOnHand, Source};
use causeway_proto::convert::micros;
use causeway_proto::error::Reason;
use causeway_proto::inquiry::v1::InquiryReceived;
use causeway_proto::intake::v1::{ContactAttempted, Stage, StageChanged};
use causeway_proto::routing::v1::{
    ExplainRouteRequest, ExplainRouteResponse, PreviewResponseRequest, ResponseMissed, RouteDecided,
};
use jiff::{SignedDuration, Timestamp};
use tonic::Code;
use uuid::Uuid;

use world::{CENTER, TRACE, World, at, bundle, eventually, received};

fn attempted(inquiry: Uuid, at: Timestamp) -> ContactAttempted {
    ContactAttempted {
        inquiry_id: inquiry.to_string(),
        center: CENTER.into(),
        at: micros(at),
        outcome: "no_answer".into(),
        number: 1,
        ..Default::default()
    }
}

fn closed(inquiry: Uuid, at: Timestamp) -> StageChanged {
    let facts = received(inquiry, Facts { received_at: at, ..Facts::default() }).facts;
    StageChanged {
        facts,
        to: Stage::Closed.into(),
        at: micros(at),
        version: 2,
        close_reason: "duplicate".into(),
        ..Default::default()
    }
}

async fn explain(world: &World, inquiry: Uuid) -> ExplainRouteResponse {
    let asked = ExplainRouteRequest { center: CENTER.into(), inquiry_id: inquiry.to_string() };
    world.client.clone().explain_route(asked).await.expect("an explanation").into_inner()
}

async fn wait_for_clock(world: &World, inquiry: Uuid, state: &str) {
    eventually(&format!("clock {state}"), || async { explain(world, inquiry).await.clock_state == state }).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_inquiry_is_routed_once_however_often_it_is_told() {
    let mut world = World::start().await;
    world.apply(&bundle()).await;
    let now = world.clock.now();
    let inquiries: Vec<Uuid> = (0..300).map(|_| world.clock.new_id()).collect();
    let facts = Facts { consult_type: ConsultType::ClinicalTrial, received_at: now, ..Facts::default() };
    let mut batch = Vec::new();
    for inquiry in inquiries.iter().chain(&inquiries) {
        batch.push(world.outgoing(CENTER, *inquiry, &received(*inquiry, facts.clone())));
    }
    world.send(&batch).await;

    let decided = world.published::<RouteDecided>(300).await;
    let mut routed: Vec<Uuid> = decided.iter().map(|(envelope, _)| envelope.aggregate_id).collect();
    routed.sort();
    assert_eq!(routed, inquiries, "each one exactly once");
    for (envelope, event) in &decided {
        assert_eq!(envelope.trace.traceparent(), Some(TRACE), "one trace for each inquiry");
        assert_eq!(envelope.version, 1);
        assert_eq!((event.team.as_str(), event.after_hours), ("trials", false));
        assert_eq!(event.clock_starts_at, micros(now));
        // Eight open hours after 10:00; the center closes at 18:30.
        assert_eq!(event.response_due_at, micros(at("2027-03-05T02:00:00Z")));
        let facts = event.facts.as_ref().expect("the facts ride along");
        assert_eq!(facts.inquiry_id, envelope.aggregate_id.to_string());
    }
    eventually("all told twice", || async { world.count("SELECT count(*) FROM inbox").await == 600 }).await;
    assert_eq!(world.count("SELECT count(*) FROM decisions").await, 300);
    assert_eq!(world.count("SELECT count(*) FROM outbox").await, 300);
    assert_eq!(world.count("SELECT count(*) FROM timers WHERE state = 'pending'").await, 300);
    assert!(world.running.readiness.iter().all(|check| (check.run)().is_ok()));
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_response_clock_is_met_missed_or_cancelled_by_what_happens_first() {
    let mut world = World::start().await;
    world.apply(&bundle()).await;
    let now = world.clock.now();
    let [prompt, silent, late, gone, early] = [(); 5].map(|()| world.clock.new_id());
    // The attempt is told before the inquiry itself: it waits for its decision.
    world.publish(CENTER, early, &[attempted(early, now)]).await;
    for inquiry in [prompt, silent, late, gone, early] {
        let facts = Facts { cancer_area: CancerArea::Breast, received_at: now, ..Facts::default() };
        world.publish(CENTER, inquiry, &[received(inquiry, facts)]).await;
    }
    let decided = world.published::<RouteDecided>(5).await;
    let due = Timestamp::from_microsecond(decided[0].1.response_due_at).expect("an instant");
    assert!(due > now);

    let soon = now + SignedDuration::from_mins(20);
    // Two attempts out of order: the earlier one counts.
    let after = due + SignedDuration::from_hours(2);
    world.publish(CENTER, prompt, &[attempted(prompt, after), attempted(prompt, soon)]).await;
    world.publish(CENTER, gone, &[closed(gone, soon)]).await;
    wait_for_clock(&world, prompt, "met").await;
    wait_for_clock(&world, gone, "cancelled").await;
    wait_for_clock(&world, early, "met").await;
    assert_eq!(explain(&world, silent).await.clock_state, "pending");

    world.clock.set(due + SignedDuration::from_secs(1));
    let missed = world.published::<ResponseMissed>(2).await;
    for (envelope, event) in &missed {
        assert!([silent, late].contains(&envelope.aggregate_id));
        assert_eq!((event.level, event.center.as_str(), event.team.as_str()), (1, CENTER, "breast"));
        assert_eq!(event.response_due_at, micros(due));
        assert_eq!(envelope.version, 2);
        assert_eq!(envelope.trace.traceparent(), Some(TRACE));
    }
    assert_eq!(explain(&world, silent).await.clock_state, "missed");
    world.publish(CENTER, late, &[attempted(late, after)]).await;
    wait_for_clock(&world, late, "met_late").await;
    // A stale timer that fires all the same, as one does that was already under way, finds nothing to do.
    sqlx::query("UPDATE timers SET state = 'pending', lease_until = NULL")
        .execute(&world.admin)
        .await
        .expect("set back");
    world.clock.set(due + SignedDuration::from_hours(200));
    eventually("the stale timers have fired", || async {
        world.count("SELECT count(*) FROM timers WHERE state = 'fired'").await == 5
    })
    .await;
    assert_eq!(world.count("SELECT count(*) FROM outbox WHERE kind LIKE '%ResponseMissed'").await, 2);
    assert_eq!(world.count("SELECT count(*) FROM timers WHERE state = 'pending'").await, 0);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_inquiry_waits_for_its_centers_profile_and_rubbish_is_parked_alone() {
    let mut world = World::start().await;
    let inquiry = world.clock.new_id();
    let facts = Facts { received_at: world.clock.now(), ..Facts::default() };
    let mut foreign = received(world.clock.new_id(), facts.clone());
    foreign.facts.as_mut().expect("facts").center = "lakeside".into();
    let good = world.event(CENTER, inquiry, &received(inquiry, facts));
    let (rubbish, _) = world.event(CENTER, inquiry, &InquiryReceived::default());
    let (rubbish, foreign) = ((rubbish, Bytes::from_static(&[0xff, 0xff])), world.event(CENTER, inquiry, &foreign));
    // All three in one message. The last one speaks of another center than its attributes do.
    let events = [&good, &rubbish, &foreign].map(|(envelope, payload)| (envelope, payload));
    let message = Outgoing::several(events, good.0.id.to_string()).expect("events");
    world.send(&[message]).await;
    tokio::time::sleep(std::time::Duration::from_millis(500)).await;
    assert_eq!(world.count("SELECT count(*) FROM decisions").await, 0);
    world.apply(&bundle()).await;
    let decided = world.published::<RouteDecided>(1).await;
    assert_eq!(decided[0].0.aggregate_id, inquiry);
    eventually("the rubbish is parked", || async { world.count("SELECT count(*) FROM parked").await == 2 }).await;
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_route_is_explained_by_the_revision_it_was_made_with() {
    let mut world = World::start().await;
    world.apply(&bundle()).await;
    let first = bundle().revision();
    let inquiry = world.clock.new_id();
    // 19:40 on a Thursday.
    world.clock.set(at("2027-03-05T03:40:00Z"));
    let facts = Facts {
        consult_type: ConsultType::SecondOpinion,
        cancer_area: CancerArea::Gi,
        records_on_hand: RecordsOnHand::None,
        received_at: world.clock.now(),
        ..Facts::default()
    };
    world.publish(CENTER, inquiry, &[received(inquiry, facts)]).await;
    let decided = world.published::<RouteDecided>(1).await.remove(0).1;
    assert_eq!((decided.team.as_str(), decided.script.as_str()), ("gi-second-opinion", "no-records-yet"));
    assert_eq!((decided.revision.as_str(), decided.after_hours), (first.as_str(), true));
    assert_eq!(decided.clock_starts_at, micros(at("2027-03-05T15:30:00Z")));
    assert_eq!(decided.response_due_at, micros(at("2027-03-05T19:30:00Z")));

    let mut newer = bundle();
    let table = newer.files["routing.csv"].replace(
        "\n6,gi,second_opinion",
        "\n5b,gi,second_opinion,,,,none,,,,gi,gi-second-opinion,,high,1,no-records-yet,\n6,gi,second_opinion",
    );
    newer.insert("routing.csv", table);
    world.apply(&newer).await;
    let probe =
        PreviewResponseRequest { center: CENTER.into(), consult_type: "second_opinion".into(), ..Default::default() };
    eventually("the newer revision is kept", || async { world.count("SELECT count(*) FROM revisions").await == 2 })
        .await;

    let explained = explain(&world, inquiry).await;
    assert_eq!((explained.revision.as_str(), explained.row.as_str()), (first.as_str(), decided.row.as_str()));
    let passed: Vec<&str> = explained.failed.iter().map(|row| row.row.as_str()).collect();
    assert_eq!(passed, ["1", "2", "3", "4", "5"]);
    let last = &explained.failed[4];
    assert_eq!((last.column.as_str(), last.wanted.as_str(), last.found.as_str()), ("records", "yes", "none"));
    assert!(explained.sentence.contains("Friday, March 5, at 11:30 am"), "{}", explained.sentence);
    assert_eq!(explained.clock_state, "pending");

    let preview = world.client.clone().preview_response(probe).await.expect("a preview").into_inner();
    assert!(preview.after_hours);
    assert_eq!(preview.clock_starts_at, micros(at("2027-03-05T15:30:00Z")));
    assert!(preview.response_due_at > preview.clock_starts_at);
    refusals(&world, inquiry).await;
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_that_was_missed_at_night_is_to_be_called_back_after_the_opening_by_the_same_clock_as_everybody() {
    let mut world = World::start().await;
    world.apply(&bundle()).await;
    let inquiry = world.clock.new_id();
    // 23:10 on a Saturday; the center opens again on Monday at 7:30.
    world.clock.set(at("2027-03-07T07:10:00Z"));
    let facts = Facts {
        source: Source::Phone,
        missed_call: true,
        consents: Consents { phone: true, ..Consents::default() },
        received_at: world.clock.now(),
        ..Facts::default()
    };
    world.publish(CENTER, inquiry, &[received(inquiry, facts)]).await;
    let decided = world.published::<RouteDecided>(1).await.remove(0).1;
    let opening = at("2027-03-08T15:30:00Z");
    assert_eq!((decided.after_hours, decided.clock_starts_at), (true, micros(opening)));
    let minutes = i64::from(decided.target_minutes);
    assert!((1..=660).contains(&minutes), "within the day, or this test says nothing: {minutes}");
    assert_eq!(decided.response_due_at, micros(opening + SignedDuration::from_mins(minutes)));
    assert!(decided.facts.is_some_and(|facts| facts.missed_call), "the desk learns that nobody answered");
    world.end().await;
}

async fn refusals(world: &World, inquiry: Uuid) {
    let ask = |center: &str, id: &str| ExplainRouteRequest { center: center.into(), inquiry_id: id.into() };
    let mut own = world.client.clone();
    let unknown = own.explain_route(ask(CENTER, &Uuid::nil().to_string())).await.expect_err("refused");
    assert_eq!(Reason::of(&unknown), Some(Reason::NotFound));
    let malformed = own.explain_route(ask(CENTER, "seven")).await.expect_err("refused");
    assert_eq!(Reason::of(&malformed), Some(Reason::FieldFault));
    let elsewhere = own.explain_route(ask("lakeside", &inquiry.to_string())).await.expect_err("refused");
    assert_eq!(elsewhere.code(), Code::PermissionDenied);
    let mut stranger = world.client_of(Actor::staff("bo", "Bo", "lakeside", vec![Role::Manager]));
    let foreign = stranger.explain_route(ask("lakeside", &inquiry.to_string())).await.expect_err("refused");
    assert_eq!(Reason::of(&foreign), Some(Reason::NotFound), "another center does not see that it exists");
    let preview = |center: &str, consult_type: &str| PreviewResponseRequest {
        center: center.into(),
        consult_type: consult_type.into(),
        ..Default::default()
    };
    let word = own.preview_response(preview(CENTER, "surgery")).await.expect_err("refused");
    assert_eq!(Reason::of(&word), Some(Reason::FieldFault));
    let nowhere = stranger.preview_response(preview("lakeside", "")).await.expect_err("refused");
    assert_eq!(Reason::of(&nowhere), Some(Reason::UnknownCenter));
}
