//! Metrics as a whole: events in, numbers out, on real servers.

mod conversions;
mod life;
mod reopenings;
mod reroutes;
mod reviews;
mod world;

use causeway_auth::{Actor, Role};
use causeway_funnel::stage::Stage;
use causeway_mailbox::Ts;
use causeway_metrics::FUNNEL_STATEMENT;
use causeway_proto::convert::micros;
use causeway_proto::error::Reason;
use causeway_proto::intake::v1 as wire;
use causeway_proto::metrics::v1::{GetFunnelRequest, GetFunnelResponse, StageCount};
use causeway_proto::routing::v1::ResponseDueChanged;
use jiff::SignedDuration;
use sqlx::{Connection as _, PgConnection, Row as _};
use tonic::Code;

use life::{Life, Lots};
use world::{CENTER, World, at, eventually};

const STAGES: [Stage; 7] = [
    Stage::Received,
    Stage::Routed,
    Stage::Contacted,
    Stage::IntakeComplete,
    Stage::RecordsReady,
    Stage::Scheduled,
    Stage::Attended,
];

fn assert_the_sums_hold(stages: &[StageCount]) {
    assert_eq!(stages.len(), 7);
    for pair in stages.windows(2) {
        assert_eq!(pair[0].reached, pair[1].reached + pair[0].left + pair[0].open, "{pair:?}");
    }
    assert_eq!(stages[6].reached, stages[6].left + stages[6].open);
}

fn expected(lives: &[&Life], counted: &[StageCount]) {
    for (stage, count) in STAGES.iter().zip(counted) {
        let furthest: Vec<&&Life> = lives.iter().filter(|life| life.furthest() == *stage).collect();
        let left = furthest.iter().filter(|life| life.closed()).count() as i64;
        assert_eq!((count.left, count.open), (left, furthest.len() as i64 - left), "{stage}");
        assert_eq!(count.reached, lives.iter().filter(|life| life.furthest() >= *stage).count() as i64, "{stage}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_funnel_is_right_whatever_the_order_and_however_often_events_come() {
    let world = World::start().await;
    let mut lots = Lots::new(7);
    let lives: Vec<Life> = (0..400).map(|_| Life::random(&mut lots, world.clock.new_id())).collect();
    let mut batch = Vec::new();
    for life in &lives {
        let events = life.events(&world);
        // One in four is told twice, with another event id.
        batch.extend(life.events(&world).into_iter().filter(|_| lots.below(4) == 0));
        batch.extend(events);
    }
    lots.shuffle(&mut batch);
    world.clock.set(at("2027-04-20T00:00:00Z"));
    world.tell(&batch).await;

    let funnel = world.funnel(GetFunnelRequest { group_by: "team".into(), ..Default::default() }).await;
    assert_the_sums_hold(&funnel.stages);
    assert_eq!(funnel.stages[0].reached, 400);
    expected(&lives.iter().collect::<Vec<_>>(), &funnel.stages);
    assert_eq!(funnel.groups.iter().map(|group| group.stages[0].reached).sum::<i64>(), 400);
    for group in &funnel.groups {
        assert_the_sums_hold(&group.stages);
        expected(&lives.iter().filter(|life| life.team() == group.key).collect::<Vec<_>>(), &group.stages);
    }
    let closed: i64 = funnel.close_reasons.iter().map(|reason| reason.count).sum();
    assert_eq!(closed, lives.iter().filter(|life| life.closed()).count() as i64);
    assert_eq!(funnel.target_passed, lives.iter().filter(|life| life.target().is_some()).count() as i64);
    assert_eq!(funnel.target_met, lives.iter().filter(|life| life.target() == Some(true)).count() as i64);
    assert_eq!(Some(funnel.data_to), lives.iter().map(Life::newest).max().map(micros));
    assert_eq!(funnel.days.iter().map(|day| day.received).sum::<i64>(), 400);
    the_same_by_prometheus(&world, &funnel).await;
    a_second_telling_changes_nothing(&world, &lives, &funnel).await;
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_treated_here_is_counted_by_its_entry_as_the_newest_change_tells_it() {
    let world = World::start().await;
    let received = at("2027-03-04T18:00:00Z");
    let told = |to: wire::Stage, version: i64, entry: &str| wire::StageChanged {
        to: to.into(),
        at: micros(received + SignedDuration::from_hours(version)),
        version,
        out_of_scope: entry.into(),
        close_reason: if to == wire::Stage::Closed { "out_of_scope_referred".into() } else { String::new() },
        ..Default::default()
    };
    let [referred, kept, ordinary] = [(); 3].map(|()| world.clock.new_id());
    for (inquiry, first, second) in [
        (referred, told(wire::Stage::Routed, 1, "children"), told(wire::Stage::Closed, 2, "children")),
        (kept, told(wire::Stage::Routed, 1, "children"), told(wire::Stage::Contacted, 2, "")),
        (ordinary, told(wire::Stage::Routed, 1, ""), told(wire::Stage::Contacted, 2, "")),
    ] {
        let facts = causeway_funnel::inquiry::Facts {
            center: CENTER.into(),
            language: "en".into(),
            received_at: received,
            ..Default::default()
        };
        let with_facts = |event: wire::StageChanged| wire::StageChanged {
            facts: Some(causeway_proto::convert::facts_to_wire(inquiry, &facts)),
            ..event
        };
        // The newer one comes first.
        let events = [second, first].map(|event| world.outgoing(inquiry, &with_facts(event)));
        world.tell(&events).await;
    }
    let funnel = world.funnel(GetFunnelRequest { group_by: "out_of_scope".into(), ..Default::default() }).await;
    let counted: Vec<(&str, i64, i64)> =
        funnel.groups.iter().map(|group| (group.key.as_str(), group.stages[0].reached, group.stages[1].left)).collect();
    assert_eq!(counted, [("", 2, 0), ("children", 1, 1)]);
    world.end().await;
}

async fn the_same_by_prometheus(world: &World, funnel: &GetFunnelResponse) {
    let same = || async {
        let stages = STAGES.iter().zip(&funnel.stages).all(|(stage, count)| {
            world.gauge("causeway_funnel_stage", Some(stage.as_str())) == Some(count.reached)
                && world.gauge("causeway_funnel_stage_open", Some(stage.as_str())) == Some(count.open)
        });
        let open = funnel.stages.iter().map(|count| count.open).sum();
        stages
            && world.gauge("causeway_inquiries_open", None) == Some(open)
            && world.gauge("causeway_response_target_passed", None) == Some(funnel.target_passed)
            && world.gauge("causeway_response_target_met", None) == Some(funnel.target_met)
    };
    eventually("the same numbers by prometheus", same).await;
}

async fn a_second_telling_changes_nothing(world: &World, lives: &[Life], before: &GetFunnelResponse) {
    let again: Vec<_> = lives.iter().rev().flat_map(|life| life.events(world)).collect();
    world.tell(&again).await;
    let after = world.funnel(GetFunnelRequest { group_by: "team".into(), ..Default::default() }).await;
    assert_eq!(&after, before);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_inquiry_counts_as_soon_as_it_is_received_and_a_late_receipt_resets_nothing() {
    let world = World::start().await;
    let life = Life::straight(world.clock.new_id(), &[Stage::Routed, Stage::Contacted]);
    let mut events = life.events(&world);
    let receipt = events.remove(0);
    // An attempt alone is kept but not counted: nobody knows yet when the inquiry was received.
    let attempt = life.attempt_event(&world);
    world.tell(&[attempt]).await;
    assert_eq!(world.funnel(GetFunnelRequest::default()).await.stages[0].reached, 0);
    world.tell(&events).await;
    world.tell(&[receipt]).await;
    let funnel = world.funnel(GetFunnelRequest::default()).await;
    assert_eq!((funnel.stages[0].reached, funnel.stages[2].open), (1, 1));
    assert!(funnel.groups.is_empty());
    assert!(funnel.stages[2].median_seconds > 0.0 && funnel.stages[5].median_seconds == 0.0);

    let fresh = Life::straight(world.clock.new_id(), &[]);
    world.tell(&fresh.events(&world)).await;
    let before = funnel;
    let funnel = world.funnel(GetFunnelRequest::default()).await;
    assert_eq!((funnel.stages[0].reached, funnel.stages[0].open), (2, 1));
    for stage in [1, 2] {
        let times =
            |funnel: &GetFunnelResponse| (funnel.stages[stage].median_seconds, funnel.stages[stage].p90_seconds);
        assert_eq!(times(&funnel), times(&before), "who has not reached a stage has no time in it");
    }
    let skips = Life::straight(world.clock.new_id(), &[Stage::Routed, Stage::RecordsReady]);
    world.tell(&skips.events(&world)).await;
    let funnel = world.funnel(GetFunnelRequest::default()).await;
    let (passed, reached) = (funnel.stages[3].median_seconds, funnel.stages[4].median_seconds);
    assert!(
        passed > 0.0 && (passed - reached).abs() < 1e-6,
        "{passed} {reached}: it was passed when a later one was reached"
    );
    refusals(&world).await;
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_target_is_met_by_the_newest_due_time_in_whatever_order_it_is_told() {
    let world = World::start().await;
    let received = at("2027-03-04T18:00:00Z");
    let hour = |hours| micros(received + SignedDuration::from_hours(hours));
    let [before, after] = [(); 2].map(|()| world.clock.new_id());
    for (inquiry, is_told_first) in [(before, true), (after, false)] {
        let facts = || {
            let facts = causeway_funnel::inquiry::Facts {
                center: CENTER.into(),
                language: "en".into(),
                received_at: received,
                ..Default::default()
            };
            Some(causeway_proto::convert::facts_to_wire(inquiry, &facts))
        };
        let changed = |to: wire::Stage, version| wire::StageChanged {
            facts: facts(),
            to: to.into(),
            at: hour(version),
            version,
            response_due_at: hour(3),
            first_attempt_at: if version > 1 { hour(5) } else { 0 },
            ..Default::default()
        };
        let moved = ResponseDueChanged {
            facts: facts(),
            response_due_at: hour(6),
            at: hour(4),
            cause: "closure_entered".into(),
            ..Default::default()
        };
        let mut events = vec![
            world.outgoing(inquiry, &causeway_proto::inquiry::v1::InquiryReceived { facts: facts() }),
            world.outgoing(inquiry, &changed(wire::Stage::Routed, 1)),
            // The desk had not heard of the closure when it told that somebody was reached.
            world.outgoing(inquiry, &changed(wire::Stage::Contacted, 2)),
        ];
        events.insert(if is_told_first { 0 } else { 3 }, world.outgoing(inquiry, &moved));
        for event in events {
            world.tell(std::slice::from_ref(&event)).await;
        }
    }
    world.clock.set(at("2027-03-06T00:00:00Z"));
    let funnel = world.funnel(GetFunnelRequest::default()).await;
    assert_eq!((funnel.target_passed, funnel.target_met), (2, 2), "a try after five hours is in time now");
    assert_eq!(world.count("SELECT count(*) FROM inquiries WHERE clock_version = 1").await, 2);
    world.end().await;
}

async fn refusals(world: &World) {
    let ask = |center: &str| GetFunnelRequest { center: center.into(), ..Default::default() };
    let mut stranger = world.client_of(Actor::staff("bo", "Bo", "lakeside", vec![Role::Manager]));
    assert_eq!(stranger.get_funnel(ask(CENTER)).await.expect_err("refused").code(), Code::PermissionDenied);
    let own = stranger.get_funnel(ask("lakeside")).await.expect("an empty funnel").into_inner();
    assert_eq!(own.stages[0].reached, 0, "another center's inquiries are not seen");
    let mut caller = world.client_of(Actor::staff("cy", "Cy", CENTER, vec![Role::Coordinator]));
    assert_eq!(caller.get_funnel(ask(CENTER)).await.expect_err("refused").code(), Code::PermissionDenied);
    let mut analyst = world.client_of(Actor::staff("ada", "Ada", CENTER, vec![Role::Analyst]));
    let unknown = GetFunnelRequest { group_by: "name".into(), ..ask(CENTER) };
    assert_eq!(Reason::of(&analyst.get_funnel(unknown).await.expect_err("refused")), Some(Reason::FieldFault));
}

const MANY: &str = "INSERT INTO inquiries (center_id, inquiry_id, version, consult_type, cancer_area, source, language, team, site, \
         landing_page, campaign, referring_office, received_at, stage, furthest, close_reason, response_due_at, first_attempt_at, \
         routed_at, contacted_at, scheduled_at, changed_at) \
     SELECT 'harbor-valley', gen_random_uuid(), 3, 'second_opinion', 'gi', 'web_form', 'en', 'team-' || n % 13, '', '/page-' || n % 40, \
         '', '', at, CASE WHEN n % 5 = 0 THEN 8 ELSE 1 + n % 7 END, 1 + n % 7, CASE WHEN n % 5 = 0 THEN 'insurance' ELSE '' END, \
         at + interval '4 hours', at + n % 8 * interval '1 hour', at + interval '2 seconds', \
         CASE WHEN n % 7 >= 2 THEN at + interval '3 hours' END, CASE WHEN n % 7 >= 5 THEN at + interval '3 days' END, at \
     FROM generate_series(0, 199999) AS n, LATERAL (SELECT timestamptz '2025-03-01' + n * interval '5 minutes' AS at) AS received";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_narrow_range_of_many_inquiries_is_read_by_the_index() {
    let world = World::start().await;
    sqlx::query(MANY).execute(&world.admin).await.expect("inserted");
    sqlx::query("ANALYZE inquiries").execute(&world.admin).await.expect("analyzed");
    let (from, to) = (at("2026-03-01T00:00:00Z"), at("2026-03-02T00:00:00Z"));

    let mut app = PgConnection::connect(&world.app_url).await.expect("the service's connection");
    sqlx::query("SELECT set_config('app.center', $1, false)").bind(CENTER).execute(&mut app).await.expect("set");
    let rows = sqlx::query(sqlx::AssertSqlSafe(format!("EXPLAIN {FUNNEL_STATEMENT}")))
        .bind(CENTER)
        .bind(Ts(from))
        .bind(Ts(to))
        .bind("team")
        .bind(Ts(to))
        .fetch_all(&mut app)
        .await
        .expect("a plan");
    let plan: Vec<String> = rows.iter().map(|row| row.get::<String, _>(0)).collect();
    let plan = plan.join("\n");
    assert!(plan.contains("inquiries_received") && !plan.contains("Seq Scan"), "{plan}");

    let day = GetFunnelRequest { from: micros(from), to: micros(to), group_by: "team".into(), ..Default::default() };
    let funnel = world.funnel(day.clone()).await;
    assert_eq!(funnel.stages[0].reached, 288, "one in five minutes");
    assert_the_sums_hold(&funnel.stages);
    assert_eq!((funnel.stages[1].median_seconds, funnel.stages[5].p90_seconds), (2.0, 3.0 * 86_400.0));
    assert_eq!(funnel.groups.len(), 13);
    let first = micros(from + SignedDuration::from_mins(5));
    let short = world.funnel(GetFunnelRequest { to: first, ..day }).await;
    assert_eq!(short.groups.len(), 1, "a group of one is given as well");

    let whole = world.funnel(GetFunnelRequest { group_by: "landing_page".into(), ..Default::default() }).await;
    assert_eq!((whole.stages[0].reached, whole.groups.len()), (200_000, 40));
    assert!(whole.days.len() <= 400);
    the_same_by_prometheus(&world, &whole).await;
    world.end().await;
}
