//! Many inquiries at once: batches, pages, and people who press at the same moment.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use causeway_auth::Role;
use causeway_intake_desk::{HEADS_SQL, View, counts_sql, page_sql};
use causeway_mailbox::Ts;
use causeway_proto::error::Reason;
use causeway_proto::intake::v1::{ClaimNextRequest, ListWorkRequest, StageChanged};
use secrecy::ExposeSecret as _;
use sqlx::{Connection as _, PgConnection};
use tonic::Code;
use uuid::Uuid;

use crate::world::{CENTER, TEAM, World, command, eventually};

/// These load the machine, so they go one after another: what one measures is not another's load.
static ALONE: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_routed_inquiry_begins_once_however_often_it_is_told_and_pages_show_each_once() {
    let _alone = ALONE.lock().await;
    let world = World::start().await;
    let ids: Vec<Uuid> = (0..300).map(|_| world.clock.new_id()).collect();
    let twice = ids.iter().chain(&ids);
    let batch: Vec<_> = twice.map(|id| world.outgoing((CENTER, *id), 1, &world.routed(CENTER, *id))).collect();
    world.send(&batch).await;
    eventually("all handled", || async { world.count("SELECT count(*) FROM inbox").await == 600 }).await;
    assert_eq!(world.count("SELECT count(*) FROM inquiries").await, 300);
    assert_eq!(world.count("SELECT count(*) FROM outbox").await, 300);
    let told = world.told::<StageChanged>(ids[7]).await;
    assert_eq!((told.len(), told[0].version, told[0].team.as_str()), (1, 1, TEAM));
    assert_eq!(world.count("SELECT count(*) FROM parked").await, 0);

    eventually("ready", || async { world.running.readiness.iter().all(|check| (check.run)().is_ok()) }).await;

    let mut dana = world.coordinator("dana-whitfield");
    dana.claim_inquiry(command(ids[0])).await.expect("claimed");
    for team in ["", TEAM] {
        let (mut seen, mut page_token) = (Vec::new(), String::new());
        loop {
            let asked = ListWorkRequest {
                center: CENTER.into(),
                team: team.into(),
                page_size: 70,
                page_token,
                ..Default::default()
            };
            let page = dana.list_work(asked).await.expect("a page").into_inner();
            let counts: BTreeMap<&str, i64> =
                page.counts.iter().map(|count| (count.view.as_str(), count.count)).collect();
            assert_eq!((counts["all"], counts["mine"], counts["unclaimed"], counts["late"]), (300, 1, 299, 0));
            assert_eq!((counts["due_today"], counts["closed"]), (300, 0));
            seen.extend(page.rows.iter().map(|row| (row.due_at, row.inquiry_id.clone())));
            page_token = page.next_page_token;
            if page_token.is_empty() {
                break;
            }
        }
        assert!(seen.windows(2).all(|pair| pair[0] < pair[1]), "what is due first comes first, each once");
        assert_eq!(seen.len(), 300);
    }
    let narrowed = async |only: ListWorkRequest| {
        let asked = ListWorkRequest { center: CENTER.into(), page_size: 200, ..only };
        let page = world.coordinator("dana-whitfield").list_work(asked).await.expect("a page").into_inner();
        let count = page.counts[0].count;
        assert_eq!(count.min(200), page.rows.len() as i64, "the counts are narrowed with the rows");
        count
    };
    let none = ListWorkRequest::default;
    assert_eq!(narrowed(ListWorkRequest { owner: "dana-whitfield".into(), ..none() }).await, 1);
    assert_eq!(narrowed(ListWorkRequest { owner: "luis-ortega".into(), ..none() }).await, 0);
    assert_eq!(narrowed(ListWorkRequest { consult_type: "second_opinion".into(), ..none() }).await, 300);
    assert_eq!(narrowed(ListWorkRequest { consult_type: "clinical_trial".into(), ..none() }).await, 0);
    assert_eq!(narrowed(ListWorkRequest { next_action: "first_contact".into(), ..none() }).await, 300);
    assert_eq!(narrowed(ListWorkRequest { next_action: "offer_dates".into(), ..none() }).await, 0);
    assert_eq!(narrowed(ListWorkRequest { site: "nowhere".into(), ..none() }).await, 0);
    let mine = ListWorkRequest { center: CENTER.into(), view: "mine".into(), ..Default::default() };
    let mine = dana.list_work(mine).await.expect("a page").into_inner();
    assert_eq!((mine.rows.len(), mine.rows[0].owner.as_str(), mine.rows[0].records_need), (1, "dana-whitfield", 4));
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn twenty_people_who_claim_two_hundred_inquiries_at_once_never_get_the_same_one() {
    let _alone = ALONE.lock().await;
    let world = World::start().await;
    let ids = world.begin(200).await;
    let mut claimers = tokio::task::JoinSet::new();
    for number in 0..20 {
        let (mut desk, mut ids) = (world.coordinator(&format!("claimer-{number}")), ids.clone());
        // Each one begins elsewhere in the list and meets all others on the way.
        ids.rotate_left(number * 3);
        claimers.spawn(async move {
            let mut got = Vec::new();
            for id in ids {
                match desk.claim_inquiry(command(id)).await {
                    Ok(_) => got.push(id),
                    Err(status) => {
                        assert_eq!(
                            (status.code(), Reason::of(&status)),
                            (Code::Aborted, Some(Reason::Conflict)),
                            "{status}"
                        );
                    }
                }
            }
            got
        });
    }
    let claimed: Vec<Uuid> = claimers.join_all().await.into_iter().flatten().collect();
    let each: BTreeSet<Uuid> = claimed.iter().copied().collect();
    assert_eq!((claimed.len(), each.len()), (200, 200), "each inquiry has exactly one owner");
    assert_eq!(world.count("SELECT count(*) FROM timeline WHERE kind = 'claimed'").await, 200);
    assert_eq!(world.count("SELECT count(*) FROM inquiries WHERE version = 2").await, 200);
    let figures = world.figures();
    assert!(figures.contains("causeway_claims_total{result=\"taken\"} 200"), "{figures}");
    assert!(figures.contains("causeway_claims_total{result=\"conflict\"} 3800"), "{figures}");
    eventually("counted", || async {
        world.figures().contains(&format!("causeway_work_open{{center=\"{CENTER}\",team=\"{TEAM}\"}} 200"))
    })
    .await;
    world.end().await;
}

/// How long something took, at the middle and at the hundredth of all.
fn percentiles(mut took: Vec<Duration>) -> (Duration, Duration) {
    took.sort_unstable();
    (took[took.len() / 2], took[(took.len() * 99 / 100).min(took.len() - 1)])
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn twenty_people_who_ask_for_the_next_of_two_thousand_get_each_once_and_none_is_passed_over() {
    let _alone = ALONE.lock().await;
    let world = World::start().await;
    let (mut ids, mut claimers) = (world.begin(2000).await, tokio::task::JoinSet::new());
    for number in 0..20 {
        let mut desk = world.coordinator(&format!("claimer-{number}"));
        claimers.spawn(async move {
            let (mut took, mut told_to_come_back) = (Vec::new(), 0);
            loop {
                let begun = Instant::now();
                let asked = ClaimNextRequest { center: CENTER.into(), team: TEAM.into(), ..Default::default() };
                match desk.claim_next(asked).await {
                    Ok(_) => took.push(begun.elapsed()),
                    // Twenty people share twelve connections: on a machine with other work one may wait too long for theirs, is
                    // told so, and asks again as a person does. Nothing was taken for them then; the counts below say so.
                    Err(status) if status.code() == Code::Unavailable && told_to_come_back < 50 => {
                        told_to_come_back += 1;
                    }
                    Err(status) => {
                        let answer = (status.code(), Reason::of(&status));
                        assert_eq!(answer, (Code::NotFound, Some(Reason::NotFound)), "{status}");
                        return took;
                    }
                }
            }
        });
    }
    let begun = Instant::now();
    let took: Vec<Duration> = claimers.join_all().await.into_iter().flatten().collect();
    assert_eq!(took.len(), 2000, "each claim got one");
    assert_eq!(world.count("SELECT count(*) FROM inquiries WHERE owner <> '' AND version = 2").await, 2000);
    assert_eq!(world.count("SELECT count(*) FROM timeline WHERE kind = 'claimed'").await, 2000);
    let claimed: Vec<Uuid> = sqlx::query_scalar("SELECT inquiry_id FROM timeline WHERE kind = 'claimed' ORDER BY seq")
        .fetch_all(&world.admin)
        .await
        .expect("in the order of the claims");
    // All are due at the same moment: then the one that came first is the next.
    ids.sort_unstable();
    let rank: BTreeMap<Uuid, usize> = ids.into_iter().zip(0..).collect();
    let furthest = claimed.iter().enumerate().map(|(place, id)| place.abs_diff(rank[id])).max().unwrap_or(0);
    assert!(furthest < 200, "one was taken {furthest} places from its turn");
    let (middle, hundredth) = percentiles(took);
    println!("2000 claims by 20 people in {:?}: p50 {middle:?}, p99 {hundredth:?}", begun.elapsed());
    assert!(hundredth < Duration::from_secs(5), "p99 of a claim was {hundredth:?}");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_worklist_reads_its_index_among_fifty_thousand_inquiries() {
    let _alone = ALONE.lock().await;
    let world = World::start().await;
    world.begin(1).await;
    sqlx::query(
        "INSERT INTO inquiries (center_id, inquiry_id, facts, consult_type, cancer_area, program, team, site, script, owner, \
         priority, due_at, response_due_at, stage_facts, checklist, received_at, revision, routed_line) \
         SELECT center_id, gen_random_uuid(), facts, consult_type, cancer_area, program, 'team-' || n % 12, site, script, \
         CASE WHEN n % 100 = 0 THEN 'dana' ELSE '' END, priority, due_at + n * interval '1 second', response_due_at, stage_facts, \
         checklist, received_at, revision, routed_line FROM inquiries, generate_series(1, 50000) AS n",
    )
    .execute(&world.admin)
    .await
    .expect("many inquiries");
    sqlx::query("ANALYZE inquiries").execute(&world.admin).await.expect("analyzed");
    let mut app = PgConnection::connect(world.database.app.expose_secret()).await.expect("a login");
    sqlx::query("SELECT set_config('app.center', $1, false)").bind(CENTER).execute(&mut app).await.expect("set");
    let now = Ts(world.clock.now());
    for (view, team, index) in [
        (View::All, "team-3", "inquiries_worklist"),
        (View::All, "", "inquiries_worklist"),
        (View::Unclaimed, "", "inquiries_worklist"),
        (View::Late, "team-3", "inquiries_worklist"),
        (View::DueToday, "", "inquiries_worklist"),
        (View::Mine, "", "inquiries_owned"),
        (View::Closed, "", "inquiries_closed"),
        (View::Closed, "team-3", "inquiries_closed_by_team"),
    ] {
        let sql = format!("EXPLAIN {}", page_sql(view, !team.is_empty()));
        let plan: Vec<String> = sqlx::query_scalar(sqlx::AssertSqlSafe(sql))
            .bind(CENTER)
            .bind(team)
            .bind(now)
            .bind(Uuid::nil())
            .bind(51_i64)
            .bind(now)
            .bind(now)
            .bind("dana")
            .bind("second_opinion")
            .bind("")
            .bind("")
            .bind("first_contact")
            .fetch_all(&mut app)
            .await
            .expect("a plan");
        let plan = plan.join("\n");
        assert!(plan.contains(index) && !plan.contains("Seq Scan"), "{view:?} {team}\n{plan}");
    }
    for team in ["team-3", ""] {
        let plan: Vec<String> =
            sqlx::query_scalar(sqlx::AssertSqlSafe(format!("EXPLAIN {}", counts_sql(!team.is_empty()))))
                .bind(CENTER)
                .bind(team)
                .bind(now)
                .bind(now)
                .bind("dana")
                .bind(1001_i64)
                .bind("")
                .bind("")
                .bind("")
                .bind("")
                .bind("")
                .fetch_all(&mut app)
                .await
                .expect("a plan");
        let plan = plan.join("\n");
        for index in ["inquiries_worklist", "inquiries_free", "inquiries_owned", "inquiries_closed"] {
            assert!(plan.contains(index), "{index} {team}\n{plan}");
        }
        assert!(!plan.contains("Seq Scan"), "{plan}");
    }
    let plan: Vec<String> = sqlx::query_scalar(sqlx::AssertSqlSafe(format!("EXPLAIN {HEADS_SQL}")))
        .bind(CENTER)
        .bind(vec!["team-3", "team-4"])
        .bind(vec!["es", ""])
        .bind(vec!["await_visit"])
        .bind(now)
        .bind(64_i64)
        .bind("dana")
        .bind(now)
        .fetch_all(&mut app)
        .await
        .expect("a plan");
    let plan = plan.join("\n");
    for index in ["inquiries_free", "inquiries_chosen"] {
        assert!(plan.contains(index) && !plan.contains("Seq Scan"), "{index}\n{plan}");
    }
    app.close().await.expect("closed");
    world.end().await;
}

/// Closed inquiries of the big team; a whole measurement takes a million.
fn closed_ones() -> i64 {
    std::env::var("CAUSEWAY_DESK_CLOSED").ok().and_then(|text| text.parse().ok()).unwrap_or(100_000)
}

const MANY: &str = "INSERT INTO inquiries (center_id, inquiry_id, facts, consult_type, cancer_area, program, team, site, script, \
     owner, priority, stage, next_action, due_at, response_due_at, close_reason, closed_at, stage_facts, checklist, received_at, \
     revision, routed_line) \
     SELECT center_id, gen_random_uuid(), facts, consult_type, cancer_area, program, 'big', site, script, \
     CASE WHEN is_closed OR n % 5 > 0 THEN '' ELSE 'dana' END, priority, CASE WHEN is_closed THEN 'closed' ELSE 'routed' END, \
     CASE WHEN is_closed THEN 'nothing' ELSE 'first_contact' END, \
     CASE WHEN NOT is_closed THEN due_at + (n - 20000) * interval '1 second' END, response_due_at, \
     CASE WHEN is_closed THEN 'not_ready' END, CASE WHEN is_closed THEN received_at + n * interval '1 second' END, \
     stage_facts, checklist, received_at, revision, routed_line \
     FROM inquiries, generate_series(1, $1::bigint) AS n, (SELECT $2::boolean AS is_closed) AS wanted WHERE team = $3";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_team_with_fifty_thousand_open_and_many_closed_ones_gets_its_page_as_an_empty_one_does() {
    let _alone = ALONE.lock().await;
    let world = World::start().await;
    world.begin(1).await;
    for (count, is_closed) in [(50_000, false), (closed_ones(), true)] {
        sqlx::query(MANY).bind(count).bind(is_closed).bind(TEAM).execute(&world.admin).await.expect("many inquiries");
    }
    sqlx::query("ANALYZE inquiries").execute(&world.admin).await.expect("analyzed");
    let mut desk = world.staff("dana", Role::Manager);
    for view in ["all", "mine", "unclaimed", "late", "due_today", "closed"] {
        let mut middles = Vec::new();
        for team in ["breast", "big"] {
            let mut took = Vec::new();
            for _ in 0..15 {
                let asked = ListWorkRequest {
                    center: CENTER.into(),
                    team: team.into(),
                    view: view.into(),
                    ..Default::default()
                };
                let begun = Instant::now();
                let page = desk.list_work(asked).await.expect("a page").into_inner();
                took.push(begun.elapsed());
                assert_eq!(page.rows.is_empty(), team == "breast", "{view} of {team}");
                let all = page.counts.iter().find(|count| count.view == "all").expect("a count");
                assert_eq!((all.count, all.more), if team == "big" { (1000, true) } else { (0, false) });
            }
            let fastest = took.iter().min().copied().unwrap_or_default();
            middles.push((percentiles(took).0, fastest));
        }
        let [(empty, _), (big, fastest)] = middles[..] else { panic!("two teams") };
        println!("{view}: a page of the big team takes {big:?} (fastest {fastest:?}), of the empty one {empty:?}");
        // The fastest one: what others do on this machine meanwhile is no cost of the page.
        assert!(fastest < Duration::from_millis(100), "{view}: {fastest:?} beside {empty:?}");
    }
    let few: Vec<String> = sqlx::query_scalar("SELECT inquiry_id::text FROM inquiries ORDER BY closed_at LIMIT 2")
        .fetch_all(&world.admin)
        .await
        .expect("ids");
    let asked = ListWorkRequest { center: CENTER.into(), inquiry_ids: few.clone(), ..Default::default() };
    let found = desk.list_work(asked).await.expect("exactly these").into_inner();
    assert_eq!(
        found.rows.iter().map(|row| row.inquiry_id.clone()).collect::<BTreeSet<_>>(),
        few.into_iter().collect::<BTreeSet<String>>()
    );
    world.end().await;
}
