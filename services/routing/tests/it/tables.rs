//! The table: shown, proved and tried on past inquiries, changed under load, and explained when it is gone.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use causeway_auth::{Actor, Role};
use causeway_funnel::inquiry::{CancerArea, ConsultType, Facts};
use causeway_proto::error::Reason;
use causeway_proto::routing::v1::{CheckTableRequest, ListRowsRequest, RouteDecided, WhatIfRequest, WhatIfResponse};
use jiff::SignedDuration;
use tonic::Code;
use uuid::Uuid;

use crate::explain;
use crate::world::{CENTER, World, bundle, eventually, received, with_rows};

async fn what_if(world: &World, csv: &str, days: i32) -> WhatIfResponse {
    let asked = WhatIfRequest { center: CENTER.into(), csv: csv.into(), days };
    world.client.clone().what_if(asked).await.expect("figures").into_inner()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_table_in_force_is_shown_and_a_proposed_one_is_proved_without_putting_it_in_force() {
    let world = World::start().await;
    world.apply(&bundle()).await;
    let rows = || ListRowsRequest { center: CENTER.into() };
    eventually("the profile", || async { world.client.clone().list_rows(rows()).await.is_ok() }).await;
    let shown = world.client.clone().list_rows(rows()).await.expect("rows").into_inner();
    assert_eq!((shown.revision, shown.faults.len(), shown.rows.len()), (bundle().revision(), 0, 20));
    let opinion = &shown.rows[4];
    let cells: Vec<(&str, &str)> =
        opinion.conditions.iter().map(|one| (one.column.as_str(), one.cell.as_str())).collect();
    assert_eq!(cells, [("cancer_area", "gi"), ("consult_type", "second_opinion"), ("records", "yes")]);
    assert_eq!((opinion.row.as_str(), opinion.line, opinion.target_minutes), ("5", 6, 180));

    let check = |csv: String| CheckTableRequest { center: CENTER.into(), csv };
    let open = bundle().files["routing.csv"].replace("\n20,,", "\n20,skin,");
    let told = world.client.clone().check_table(check(open.clone())).await.expect("an answer").into_inner();
    assert_eq!((told.faults.len(), told.rows), (1, 0));
    let fault = &told.faults[0];
    assert!(fault.line == 21 && fault.what.contains("not every inquiry reaches a row"), "{fault:?}");
    assert!(fault.example.starts_with("an inquiry with the cancer area “"), "{fault:?}");
    assert_eq!(what_if(&world, &open, 90).await.faults, told.faults, "what is not proved is not replayed");
    let fine = world.client.clone().check_table(check(bundle().files["routing.csv"].clone())).await.expect("an answer");
    assert_eq!((fine.get_ref().faults.len(), fine.get_ref().rows), (0, 20));
    assert_eq!(world.count("SELECT count(*) FROM revisions").await, 1);

    let refused = world.client.clone().check_table(check("  ".into())).await.expect_err("refused");
    assert_eq!(Reason::of(&refused), Some(Reason::FieldFault));
    let days = WhatIfRequest { center: CENTER.into(), csv: "row".into(), days: 0 };
    let refused = world.client.clone().what_if(days).await.expect_err("refused");
    assert!(Reason::of(&refused) == Some(Reason::FieldFault) && refused.message().starts_with("days: "));
    let mut scheduler = world.client_of(Actor::staff("bo", "Bo", CENTER, vec![Role::Scheduler]));
    assert_eq!(scheduler.list_rows(rows()).await.expect_err("refused").code(), Code::PermissionDenied);
    let mut stranger = world.client_of(Actor::staff("bo", "Bo", "lakeside", vec![Role::Manager]));
    assert_eq!(stranger.list_rows(rows()).await.expect_err("refused").code(), Code::PermissionDenied);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn past_inquiries_are_replayed_through_a_proposed_table_with_the_same_figures_each_time() {
    let mut world = World::start().await;
    world.apply(&bundle()).await;
    let now = world.clock.now();
    let facts = |area: CancerArea| Facts { cancer_area: area, received_at: now, ..Facts::default() };
    let inquiries: Vec<Uuid> = (0..6).map(|_| world.clock.new_id()).collect();
    let areas =
        [CancerArea::Breast, CancerArea::Breast, CancerArea::Breast, CancerArea::Skin, CancerArea::Gi, CancerArea::Gi];
    for (inquiry, area) in inquiries.iter().zip(areas) {
        world.publish(CENTER, *inquiry, &[received(*inquiry, facts(area))]).await;
    }
    world.published::<RouteDecided>(6).await;
    // Tried after two open hours: in time for the three of the breast team.
    world.publish(CENTER, inquiries[0], &[crate::attempted(inquiries[0], now + SignedDuration::from_hours(2))]).await;
    crate::wait_for_clock(&world, inquiries[0], "met").await;
    let proposed = with_rows("quick,breast,!clinical_trial,,,,,,,,general,general,,high,1,first-call,\n");
    let csv = &proposed.files["routing.csv"];
    // Row 9 and those after it are left without the inquiries about the breast.
    let csv: String = csv
        .lines()
        .filter(|line| !["9,", "10,", "11,", "12,"].iter().any(|row| line.starts_with(row)))
        .map(|line| format!("{line}\n"))
        .collect();
    let told = what_if(&world, &csv, 90).await;
    assert_eq!(told.faults, []);
    assert_eq!((told.considered, told.moved, told.unreadable), (6, 3, 0));
    let moves: Vec<_> = told.moves.iter().map(|one| (one.from.as_str(), one.to.as_str(), one.count)).collect();
    assert_eq!(moves, [("breast", "general", 3)]);
    assert_eq!((told.met_before, told.met_after, told.missed, told.gained, told.not_tried), (1, 0, 1, 0, 5));
    world.clock.set(now + SignedDuration::from_hours(24 * 400));
    assert_eq!(what_if(&world, &csv, 90).await, told, "no clock has a say");
    let mut other = world.client_of(Actor::staff("bo", "Bo", "lakeside", vec![Role::Manager]));
    let foreign = WhatIfRequest { center: CENTER.into(), csv: csv.clone(), days: 90 };
    assert_eq!(other.what_if(foreign).await.expect_err("refused").code(), Code::PermissionDenied);
    sqlx::query("UPDATE decisions SET facts = '\\xff' WHERE inquiry_id = $1")
        .bind(inquiries[5])
        .execute(&world.admin)
        .await
        .expect("broken");
    assert_eq!(what_if(&world, &csv, 90).await.unreadable, 1);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_past_inquiries_are_read_by_an_index_and_replayed_fast() {
    let mut world = World::start().await;
    world.apply(&bundle()).await;
    let inquiry = world.clock.new_id();
    let facts = Facts { cancer_area: CancerArea::Breast, received_at: world.clock.now(), ..Facts::default() };
    world.publish(CENTER, inquiry, &[received(inquiry, facts)]).await;
    world.published::<RouteDecided>(1).await;
    let count: i64 = std::env::var("CAUSEWAY_PAST").ok().and_then(|text| text.parse().ok()).unwrap_or(40_000);
    // Each a second before the one after it, the whole in one center, as many again in another.
    let copy = "INSERT INTO decisions (center_id, inquiry_id, revision, row_name, program, team, site, priority, script, \
            target_minutes, response_due_at, clock_starts_at, after_hours, facts, decided_at, first_attempt_at) \
        SELECT c, (lpad(to_hex((extract(epoch FROM decided_at) * 1000)::bigint - n * 7), 12, '0') || '7' || substr(md5(n::text), 1, 3) \
            || '8' || substr(md5(n::text), 4, 15))::uuid, revision, row_name, program, team, site, priority, script, target_minutes, \
            response_due_at, clock_starts_at, after_hours, facts, decided_at, decided_at + interval '100 minutes' \
        FROM decisions, generate_series(1, $1) AS n, unnest(ARRAY[center_id, 'lakeside']) AS c";
    sqlx::query(copy).bind(count).execute(&world.admin).await.expect("copied");
    sqlx::query("ANALYZE decisions").execute(&world.admin).await.expect("analysed");
    let plan: Vec<String> =
        sqlx::query_scalar(sqlx::AssertSqlSafe(format!("EXPLAIN {}", causeway_routing::answers::PAGE_STATEMENT)))
            .bind(CENTER)
            .bind(Uuid::nil())
            .bind(inquiry)
            .bind(1_000_i64)
            .fetch_all(&world.admin)
            .await
            .expect("a plan");
    let plan = plan.join("\n");
    assert!(plan.contains("decisions_pkey") && !plan.contains("Sort") && !plan.contains("Seq Scan"), "{plan}");
    let began = Instant::now();
    let told = what_if(&world, &bundle().files["routing.csv"], 90).await;
    println!("{count} replayed in {:?}", began.elapsed());
    assert_eq!((told.considered, told.moved), (u64::try_from(count).expect("positive") + 1, 0));
    assert_eq!((told.met_before, told.met_after), (told.considered - 1, told.considered - 1));
    assert!(began.elapsed() < Duration::from_secs(9), "{:?}", began.elapsed());
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_old_decision_is_explained_when_its_revision_is_gone() {
    let mut world = World::start().await;
    world.apply(&bundle()).await;
    let inquiry = world.clock.new_id();
    let facts = Facts {
        consult_type: ConsultType::SecondOpinion,
        cancer_area: CancerArea::Gi,
        received_at: world.clock.now(),
        ..Facts::default()
    };
    world.publish(CENTER, inquiry, &[received(inquiry, facts)]).await;
    world.published::<RouteDecided>(1).await;
    let by_revision = explain(&world, inquiry).await;
    world.apply(&with_rows("0,skin,!clinical_trial,,,,,,,,general,general,,high,2,first-call,\n")).await;
    eventually("the newer revision", || async { world.count("SELECT count(*) FROM revisions").await == 2 }).await;
    sqlx::query("DELETE FROM revisions WHERE NOT current").execute(&world.admin).await.expect("gone");
    let alone = explain(&world, inquiry).await;
    assert_eq!(
        (&alone.revision, &alone.row, &alone.team),
        (&by_revision.revision, &by_revision.row, &by_revision.team)
    );
    assert!(alone.sentence.contains("no longer kept here"), "{}", alone.sentence);
    let why = |told: &causeway_proto::routing::v1::ExplainRouteResponse| {
        told.failed.iter().map(|row| (row.column.clone(), row.found.clone())).collect::<Vec<_>>()
    };
    assert_eq!(why(&alone), why(&by_revision));
    assert_eq!((alone.failed.len(), alone.failed[4].row.as_str()), (5, "no. 5"));
    world.end().await;
}

/// A thousand a minute.
const EVERY: Duration = Duration::from_millis(60);
const ARRIVALS: usize = 250;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_a_thousand_inquiries_a_minute_arrive_rules_change_and_each_is_decided_by_one_revision_within_a_second() {
    let mut world = World::start().await;
    let revisions = [bundle(), with_rows("new,skin,!clinical_trial,,,,,,,,general,general,,high,2,first-call,\n")];
    world.apply(&revisions[0]).await;
    let names = revisions.each_ref().map(|bundle| bundle.revision());
    let facts = Facts { cancer_area: CancerArea::Skin, received_at: world.clock.now(), ..Facts::default() };
    let warm = world.clock.new_id();
    world.publish(CENTER, warm, &[received(warm, facts.clone())]).await;
    world.published::<RouteDecided>(1).await;
    let heard = world.hear().await;
    let mut sent = BTreeMap::new();
    let mut ticks = tokio::time::interval(EVERY);
    for number in 0..ARRIVALS {
        ticks.tick().await;
        if number % 50 == 25 {
            world.apply(&revisions[usize::from(number % 100 == 25)]).await;
        }
        let inquiry = world.clock.new_id();
        sent.insert(inquiry, Instant::now());
        world.publish(CENTER, inquiry, &[received(inquiry, facts.clone())]).await;
    }
    let decided = world.published::<RouteDecided>(ARRIVALS + 1).await;
    let routed: BTreeSet<Uuid> = decided.iter().map(|(envelope, _)| envelope.aggregate_id).collect();
    assert!(sent.keys().all(|inquiry| routed.contains(inquiry)) && routed.len() == ARRIVALS + 1);
    eventually("all are heard", || async {
        let heard = heard.lock().expect("heard");
        sent.keys().all(|inquiry| heard.contains_key(inquiry))
    })
    .await;
    let heard = heard.lock().expect("heard").clone();
    let mut waited: Vec<Duration> = sent.iter().map(|(inquiry, asked)| heard[inquiry] - *asked).collect();
    waited.sort();
    println!("waited: p50 {:?}, longest {:?}", waited[waited.len() / 2], waited[waited.len() - 1]);
    assert!(waited[waited.len() - 1] < Duration::from_secs(1), "{:?}", waited[waited.len() - 1]);
    let mut by = BTreeMap::new();
    for (envelope, event) in &decided {
        let place = names.iter().position(|name| *name == event.revision).expect("one of the two revisions");
        assert_eq!(event.row, ["20", "new"][place], "the row is that of the revision");
        *by.entry(place).or_insert(0) += 1;
        if envelope.aggregate_id != warm && by[&place] % 40 == 1 {
            let told = explain(&world, envelope.aggregate_id).await;
            assert_eq!((told.revision, told.row), (event.revision.clone(), event.row.clone()));
        }
    }
    assert!(by.len() == 2 && by.values().all(|count| *count > 30), "both were in force: {by:?}");
    world.end().await;
}
