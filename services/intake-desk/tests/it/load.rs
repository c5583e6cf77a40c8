//! Many inquiries at once: batches, pages, and people who press at the same moment.

use std::collections::{BTreeMap, BTreeSet};

use causeway_auth::Role;
use causeway_intake_desk::{View, page_sql};
use causeway_mailbox::Ts;
use causeway_proto::error::Reason;
use causeway_proto::intake::v1::{ListWorkRequest, StageChanged};
use secrecy::ExposeSecret as _;
use sqlx::{Connection as _, PgConnection};
use tonic::Code;
use uuid::Uuid;

use crate::world::{CENTER, TEAM, World, command, eventually};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_routed_inquiry_begins_once_however_often_it_is_told_and_pages_show_each_once() {
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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_worklist_reads_its_index_among_fifty_thousand_inquiries() {
    let world = World::start().await;
    world.begin(1).await;
    sqlx::query(
        "INSERT INTO inquiries (center_id, inquiry_id, facts, consult_type, cancer_area, program, team, site, script, owner, \
         priority, due_at, response_due_at, stage_facts, checklist, received_at, revision, routed_line) \
         SELECT center_id, gen_random_uuid(), facts, consult_type, cancer_area, program, 'team-' || n % 12, site, script, \
         CASE WHEN n % 5 = 0 THEN 'dana' ELSE '' END, priority, due_at + n * interval '1 second', response_due_at, stage_facts, \
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
    app.close().await.expect("closed");
    let mut desk = world.staff("priya-nair", Role::Manager);
    let asked = ListWorkRequest { center: CENTER.into(), ..Default::default() };
    let begun = std::time::Instant::now();
    let page = desk.list_work(asked).await.expect("a page").into_inner();
    assert_eq!((page.rows.len(), page.counts[0].count), (50, 50_001));
    assert!(begun.elapsed().as_secs() < 3, "a page took {:?}", begun.elapsed());
    world.end().await;
}
