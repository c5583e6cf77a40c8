//! What reviewers decided: by decision and reason, with how long the records had waited, in whatever order it is told.

use causeway_auth::{Actor, Role};
use causeway_funnel::stage::Stage;
use causeway_metrics::REVIEWS_STATEMENT;
use causeway_proto::convert::micros;
use causeway_proto::error::Reason;
use causeway_proto::inquiry::v1::Facts;
use causeway_proto::intake::v1::ReviewDecided;
use causeway_proto::metrics::v1::{GetReviewsRequest, GetReviewsResponse};
use jiff::SignedDuration;
use tonic::Code;
use uuid::Uuid;

use crate::life::Life;
use crate::world::{CENTER, World, at, eventually};

/// A decision after so many hours of waiting of which four are allowed; none: the records did not wait.
fn decided(inquiry: Uuid, version: i64, (decision, reason): (&str, &str), hours: Option<i64>) -> ReviewDecided {
    let now = at("2027-03-05T18:00:00Z");
    let since = hours.map(|hours| now - SignedDuration::from_hours(hours));
    ReviewDecided {
        facts: Some(Facts { inquiry_id: inquiry.to_string(), center: CENTER.into(), ..Facts::default() }),
        team: "gi".into(),
        decision: decision.into(),
        reason: reason.into(),
        waiting_since: since.map_or(0, micros),
        due_at: since.map_or(0, |since| micros(since + SignedDuration::from_hours(4))),
        at: micros(now),
        version,
    }
}

fn ask(center: &str) -> GetReviewsRequest {
    GetReviewsRequest { center: center.into(), ..GetReviewsRequest::default() }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn decisions_count_by_their_reason_once_each_with_how_long_the_records_had_waited() {
    let world = World::start().await;
    let (mut batch, mut ids) = (Vec::new(), Vec::new());
    for _ in 0..3 {
        let life = Life::straight(world.clock.new_id(), &[Stage::Routed]);
        ids.push(life.id());
        batch.extend(life.events(&world));
    }
    let all = [
        decided(ids[0], 7, ("ask_for_more", ""), Some(1)),
        decided(ids[0], 9, ("accept", ""), Some(3)),
        decided(ids[1], 7, ("decline", "no_capacity"), Some(10)),
        decided(ids[2], 5, ("redirect", "wrong_area"), None),
        // Its receipt was never told, so it counts for nothing yet.
        decided(Uuid::from_u128(99), 5, ("accept", ""), Some(1)),
    ];
    // Before what they are about, and each twice with another event id.
    for event in all.iter().chain(&all) {
        let inquiry = event.facts.as_ref().expect("facts").inquiry_id.parse().expect("an id");
        batch.insert(0, world.outgoing(inquiry, event));
    }
    world.tell(&batch).await;
    let mut ada = world.client_of(Actor::staff("ada", "Ada", CENTER, vec![Role::Analyst]));
    eventually("all counted", || async {
        let told = ada.clone().get_reviews(ask(CENTER)).await.expect("counts").into_inner();
        told.counts.iter().map(|one| one.count).sum::<i64>() == 4
    })
    .await;
    let told = ada.get_reviews(ask(CENTER)).await.expect("counts").into_inner();
    let counts: Vec<_> =
        told.counts.iter().map(|one| (one.decision.as_str(), one.reason.as_str(), one.count)).collect();
    let wanted =
        [("accept", "", 1), ("ask_for_more", "", 1), ("decline", "no_capacity", 1), ("redirect", "wrong_area", 1)];
    assert_eq!(counts, wanted);
    assert_eq!((told.waited, told.in_time), (3, 2));
    assert_eq!((told.median_seconds, told.p90_seconds.round()), (3.0 * 3600.0, 8.6 * 3600.0));

    let before = GetReviewsRequest { to: micros(at("2020-01-01T00:00:00Z")), ..ask(CENTER) };
    assert_eq!(ada.get_reviews(before).await.expect("none").into_inner(), GetReviewsResponse::default());
    let mut stranger = world.client_of(Actor::staff("bo", "Bo", "lakeside", vec![Role::Manager]));
    assert_eq!(stranger.get_reviews(ask(CENTER)).await.expect_err("refused").code(), Code::PermissionDenied);
    let none = stranger.get_reviews(ask("lakeside")).await.expect("none").into_inner();
    assert_eq!(none, GetReviewsResponse::default(), "another center's are not seen");
    let mut mei = world.client_of(Actor::staff("mei", "Mei", CENTER, vec![Role::Reviewer]));
    assert_eq!(mei.get_reviews(ask(CENTER)).await.expect_err("refused").code(), Code::PermissionDenied);
    let odd = GetReviewsRequest { from: 5, to: 5, ..ask(CENTER) };
    assert_eq!(Reason::of(&ada.get_reviews(odd).await.expect_err("no time")), Some(Reason::FieldFault));
    let more = "INSERT INTO reviews SELECT center_id, inquiry_id, 2, received_at, 'gi', 'accept', '' FROM inquiries ON CONFLICT DO NOTHING";
    world.a_narrow_range_is_served_by_indexes(more, REVIEWS_STATEMENT, "reviews_pkey").await;
    world.end().await;
}
