//! Why closed inquiries were opened again: counted once each, in whatever order it is told, by gRPC and for Prometheus.

use causeway_auth::{Actor, Role};
use causeway_funnel::stage::Stage;
use causeway_metrics::REOPENINGS_STATEMENT;
use causeway_proto::convert::micros;
use causeway_proto::intake::v1::{self as intake, StageChanged};
use causeway_proto::metrics::v1::GetFunnelRequest;

use crate::life::Life;
use crate::world::{CENTER, World, at, eventually};

fn opened(life: &Life, version: i64, (reason, from): (&str, &str)) -> StageChanged {
    StageChanged {
        facts: life.facts(),
        from: intake::Stage::Closed.into(),
        to: intake::Stage::Routed.into(),
        at: micros(at("2027-03-05T18:00:00Z")),
        version,
        team: "gi".into(),
        reopen_reason: reason.into(),
        reopened_from: from.into(),
        ..StageChanged::default()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_time_that_an_inquiry_is_opened_again_counts_once_by_why_and_by_why_it_was_closed() {
    let world = World::start().await;
    let (mut batch, mut lives) = (Vec::new(), Vec::new());
    for _ in 0..3 {
        let life = Life::straight(world.clock.new_id(), &[Stage::Routed, Stage::Closed]);
        batch.extend(life.events(&world));
        lives.push(life);
    }
    let all = [
        opened(&lives[0], 7, ("came_back", "not_ready")),
        opened(&lives[0], 11, ("closed_by_mistake", "duplicate")),
        opened(&lives[1], 9, ("came_back", "not_ready")),
        // An older desk said no reason.
        opened(&lives[2], 9, ("", "")),
    ];
    // Before what they are about, and each twice with another event id.
    for event in all.iter().chain(&all) {
        let inquiry = event.facts.as_ref().expect("facts").inquiry_id.parse().expect("an id");
        batch.insert(0, world.outgoing(inquiry, event));
    }
    world.tell(&batch).await;
    let ada = world.client_of(Actor::staff("ada", "Ada", CENTER, vec![Role::Analyst]));
    let counted = async || {
        let asked = GetFunnelRequest { center: CENTER.into(), ..GetFunnelRequest::default() };
        let told = ada.clone().get_funnel(asked).await.expect("a funnel").into_inner();
        told.reopenings.into_iter().map(|one| (one.reason, one.close_reason, one.count)).collect::<Vec<_>>()
    };
    let wanted = [("came_back", "not_ready", 2), ("", "", 1), ("closed_by_mistake", "duplicate", 1)];
    let wanted: Vec<_> =
        wanted.iter().map(|(why, from, count)| ((*why).to_owned(), (*from).to_owned(), *count)).collect();
    eventually("all counted", || async { counted().await == wanted }).await;
    eventually("prometheus is told", || async {
        let mut told = world.figures_by("causeway_reopenings", "reason");
        told.sort();
        let wanted = [("", 1), ("came_back", 2), ("closed_by_mistake", 1)];
        told == wanted.map(|(why, count)| (why.to_owned(), count))
    })
    .await;
    let more = "INSERT INTO reopenings SELECT center_id, inquiry_id, 2, received_at, 'came_back', 'not_ready' FROM inquiries \
         ON CONFLICT DO NOTHING";
    world.a_narrow_range_is_served_by_indexes(more, REOPENINGS_STATEMENT, "reopenings_pkey").await;
    world.end().await;
}
