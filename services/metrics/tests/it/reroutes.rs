//! What was sent to another team: the same by gRPC and by Prometheus, in whatever order it is told.

use std::collections::BTreeMap;

use causeway_auth::{Actor, Role};
use causeway_bus::Outgoing;
use causeway_funnel::stage::Stage;
use causeway_mailbox::Ts;
use causeway_metrics::REROUTES_STATEMENT;
use causeway_proto::convert::micros;
use causeway_proto::error::Reason;
use causeway_proto::metrics::v1::{GetFunnelRequest, GetReroutesRequest, GetReroutesResponse, RerouteCount};
use causeway_proto::routing::v1::InquiryRerouted;
use tonic::Code;
use uuid::Uuid;

use crate::life::{Life, Lots};
use crate::world::{CENTER, World, at, eventually};

/// One that was sent on: from, to, reason, and whether it goes to and fro.
type Way = (&'static str, &'static str, &'static str, bool);

const LIVES: [&[Way]; 5] = [
    &[("gi", "trials", "trial", false)],
    &[("gi", "trials", "trial", false)],
    &[("gi", "breast", "wrong_area", false), ("breast", "gi", "wrong_area", true)],
    &[
        ("gi", "breast", "wrong_area", false),
        ("breast", "thoracic", "workload", false),
        ("thoracic", "trials", "trial", true),
    ],
    &[],
];

fn sent_on(world: &World, inquiry: Uuid, ways: &[Way]) -> Vec<Outgoing> {
    let event = |(place, way): (usize, &Way)| InquiryRerouted {
        inquiry_id: inquiry.to_string(),
        center: CENTER.into(),
        program: "gi".into(),
        row: "6".into(),
        from_team: way.0.into(),
        to_team: way.1.into(),
        reason: way.2.into(),
        times: 1 + i32::try_from(place).expect("few"),
        to_and_fro: way.3,
        at: micros(at("2027-03-05T18:00:00Z")),
        version: 2 + place as i64,
    };
    ways.iter().enumerate().map(|one| world.outgoing(inquiry, &event(one))).collect()
}

/// The counts by their labels, in the order of the names of the labels.
fn by_labels(counts: &[RerouteCount]) -> BTreeMap<Vec<String>, i64> {
    let labels =
        |one: &RerouteCount| [&one.from_team, &one.program, &one.reason, &one.to_team].map(String::clone).to_vec();
    counts.iter().map(|one| (labels(one), one.moves)).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_sent_on_counts_by_way_and_reason_and_as_a_share_of_what_was_routed_and_is_the_same_by_prometheus() {
    let world = World::start().await;
    let mut batch = Vec::new();
    for ways in LIVES {
        let life = Life::straight(world.clock.new_id(), &[Stage::Routed]);
        batch.extend(life.events(&world));
        // Each is told twice, with another event id.
        batch.extend(sent_on(&world, life.id(), ways));
        batch.extend(sent_on(&world, life.id(), ways));
    }
    // One of which nobody knows yet when it was received.
    let unknown = Life::straight(world.clock.new_id(), &[Stage::Routed]);
    batch.extend(sent_on(&world, unknown.id(), LIVES[0]));
    Lots::new(3).shuffle(&mut batch);
    world.tell(&batch).await;

    let counted = world.reroutes(GetReroutesRequest::default()).await;
    assert_eq!((counted.routed, counted.rerouted, counted.to_and_fro, counted.moves), (5, 4, 2, 7));
    let first = &counted.counts[0];
    assert_eq!((first.moves, first.inquiries), (2, 2));
    let way = |from: &str, to: &str, reason: &str| vec![from.into(), "gi".into(), reason.into(), to.into()];
    let expected: BTreeMap<Vec<String>, i64> = [
        (way("gi", "trials", "trial"), 2),
        (way("gi", "breast", "wrong_area"), 2),
        (way("breast", "gi", "wrong_area"), 1),
        (way("breast", "thoracic", "workload"), 1),
        (way("thoracic", "trials", "trial"), 1),
    ]
    .into();
    assert_eq!(by_labels(&counted.counts), expected);
    the_same_by_prometheus(&world, &counted).await;
    let funnel = world.funnel(GetFunnelRequest::default()).await;
    assert_eq!(funnel.stages[1].reached, counted.routed, "both are of the same whole");

    // Its receipt comes: it counts, and all of it.
    world.tell(&unknown.events(&world)).await;
    let counted = world.reroutes(GetReroutesRequest::default()).await;
    assert_eq!((counted.routed, counted.rerouted, counted.moves), (6, 5, 8));
    the_same_by_prometheus(&world, &counted).await;

    let before = GetReroutesRequest { to: micros(at("2027-01-01T00:00:00Z")), ..GetReroutesRequest::default() };
    let none = GetReroutesResponse { since: counted.since, ..GetReroutesResponse::default() };
    assert_eq!(world.reroutes(before).await, none);
    let made: Ts = sqlx::query_scalar("SELECT installed_on FROM _sqlx_migrations WHERE description = 'reroutes'")
        .fetch_one(&world.admin)
        .await
        .expect("when it was made");
    assert_eq!(counted.since, micros(made.0), "it says since when it counts");
    refusals(&world).await;
    let more = "INSERT INTO reroutes SELECT center_id, inquiry_id, 2, received_at, 'gi', '6', 'gi', 'trials', 'trial', false FROM inquiries \
         ON CONFLICT DO NOTHING";
    world.a_narrow_range_is_served_by_indexes(more, REROUTES_STATEMENT, "reroutes_pkey").await;
    world.end().await;
}

async fn the_same_by_prometheus(world: &World, counted: &GetReroutesResponse) {
    eventually("the same numbers by prometheus", || async {
        world.reroute_gauges() == by_labels(&counted.counts)
            && world.gauge("causeway_rerouted", None) == Some(counted.rerouted)
            && world.gauge("causeway_rerouted_to_and_fro", None) == Some(counted.to_and_fro)
            && world.gauge("causeway_funnel_stage", Some("routed")) == Some(counted.routed)
    })
    .await;
}

async fn refusals(world: &World) {
    let ask = |center: &str| GetReroutesRequest { center: center.into(), ..GetReroutesRequest::default() };
    let mut stranger = world.client_of(Actor::staff("bo", "Bo", "lakeside", vec![Role::Manager]));
    assert_eq!(stranger.get_reroutes(ask(CENTER)).await.expect_err("refused").code(), Code::PermissionDenied);
    let own = stranger.get_reroutes(ask("lakeside")).await.expect("none").into_inner();
    let none = GetReroutesResponse { since: own.since, ..GetReroutesResponse::default() };
    assert_eq!(own, none, "another center's are not seen");
    let mut caller = world.client_of(Actor::staff("cy", "Cy", CENTER, vec![Role::Coordinator]));
    assert_eq!(caller.get_reroutes(ask(CENTER)).await.expect_err("refused").code(), Code::PermissionDenied);
    let mut analyst = world.client_of(Actor::staff("ada", "Ada", CENTER, vec![Role::Analyst]));
    let odd = GetReroutesRequest { from: 5, to: 5, ..ask(CENTER) };
    assert_eq!(Reason::of(&analyst.get_reroutes(odd).await.expect_err("no time")), Some(Reason::FieldFault));
}
