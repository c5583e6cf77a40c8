//! What a referral's Task tells of its journey through the center: heard on the real bus, in any order and any number of times.

use std::collections::BTreeMap;

use causeway_bus::Outgoing;
use causeway_envelope::{Envelope, TraceContext};
use causeway_funnel::stage::Stage;
use causeway_proto::convert::stage_to_wire;
use causeway_proto::events::{Event, fact};
use causeway_proto::inquiry::v1::{Facts, SettleMessagesRequest, Source};
use causeway_proto::intake::v1::StageChanged;
use causeway_proto::scheduling::v1::{Appointment, AppointmentBooked, AppointmentCancelled, AppointmentMissed};
use causeway_runtime::Clock;
use reqwest::Method;
use secrecy::ExposeSecret as _;
use serde_json::json;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection, Row as _};
use uuid::Uuid;

use crate::fhir::{Answer, Office, id_in, request};
use crate::validator;
use crate::world::{CENTER, OTHER, World, coordinator, eventually, keyed};

/// An event as its owner would publish it.
pub fn outgoing<E: Event>(inquiry: &str, version: i64, event: &E) -> Outgoing {
    let (clock, fact) = (Clock::system(), fact(CENTER, event));
    let id = clock.new_id();
    let envelope = Envelope {
        id,
        kind: fact.kind.to_owned(),
        source: "test".to_owned(),
        subject: fact.subject,
        center: CENTER.to_owned(),
        aggregate_id: inquiry.parse().expect("an id"),
        version,
        time: clock.now(),
        trace: TraceContext::default(),
    };
    Outgoing::one(envelope, fact.payload.into(), id.to_string())
}

fn facts(inquiry: &str) -> Option<Facts> {
    facts_of(Source::Fhir, inquiry)
}

fn facts_of(source: Source, inquiry: &str) -> Option<Facts> {
    Some(Facts { inquiry_id: inquiry.into(), center: CENTER.into(), source: source.into(), ..Facts::default() })
}

/// The desk moves an inquiry.
pub fn staged(inquiry: &str, version: i64, (from, to): (Stage, Stage)) -> Outgoing {
    closed(inquiry, version, (from, to), "")
}

fn closed(inquiry: &str, version: i64, stages: (Stage, Stage), reason: &str) -> Outgoing {
    moved((Source::Fhir, inquiry), version, stages, reason)
}

/// The same for an inquiry of any door, closed for a reason.
pub fn moved((source, inquiry): (Source, &str), version: i64, (from, to): (Stage, Stage), reason: &str) -> Outgoing {
    let event = StageChanged {
        facts: facts_of(source, inquiry),
        from: stage_to_wire(from).into(),
        to: stage_to_wire(to).into(),
        version,
        close_reason: reason.into(),
        ..StageChanged::default()
    };
    outgoing(inquiry, version, &event)
}

fn appointment(inquiry: &str) -> Option<Appointment> {
    Some(Appointment {
        inquiry_id: inquiry.into(),
        starts_at: 1_800_000_000_000_000,
        ends_at: 1_800_003_600_000_000,
        ..Appointment::default()
    })
}

fn booked(inquiry: &str, version: i64) -> Outgoing {
    let event = AppointmentBooked {
        facts: facts(inquiry),
        appointment: appointment(inquiry),
        version,
        ..AppointmentBooked::default()
    };
    outgoing(inquiry, version, &event)
}

pub async fn tell(world: &World, events: &[Outgoing]) {
    let bus = world.bus().await;
    for part in events.chunks(500) {
        for answer in bus.publish(part).await {
            answer.expect("published");
        }
    }
}

/// Sends a referral and gives its id.
pub async fn referred(office: &Office<'_>, number: &str) -> String {
    id_in(office.post("/ServiceRequest", &request(number, "Testpatient")).await.header("location"))
}

/// Waits until the Task says so, and gives it.
async fn becomes(office: &Office<'_>, id: &str, status: &str, words: &str) -> Answer {
    let path = format!("/Task/{id}");
    eventually(words, || async {
        let task = office.get(&path).await;
        task.body["status"] == status && task.body["businessStatus"]["text"] == words
    })
    .await;
    office.get(&path).await
}

fn code(task: &Answer) -> &str {
    task.body["businessStatus"]["coding"][0]["code"].as_str().unwrap_or_default()
}

fn version(task: &Answer) -> i64 {
    task.body["meta"]["versionId"].as_str().and_then(|version| version.parse().ok()).expect("a version")
}

fn orders<T: Clone>(of: &[T]) -> Vec<Vec<T>> {
    if of.is_empty() {
        return vec![Vec::new()];
    }
    let rest = |at: usize| [&of[..at], &of[at + 1..]].concat();
    (0..of.len()).flat_map(|at| orders(&rest(at)).into_iter().map(move |tail| [&of[at..=at], &tail].concat())).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn in_every_order_and_however_often_its_events_come_a_task_ends_in_the_same_place_and_never_goes_back() {
    let world = World::start().await;
    let office = Office::of(&world);
    let orders = orders(&[0, 1, 2, 3, 4]);
    assert_eq!(orders.len(), 120);
    let mut events = vec![Vec::new(); 5];
    let mut ids = Vec::new();
    for (number, order) in orders.iter().enumerate() {
        let id = referred(&office, &format!("R-{number}")).await;
        let all = [
            staged(&id, 1, (Stage::Received, Stage::Routed)),
            staged(&id, 3, (Stage::Routed, Stage::Contacted)),
            staged(&id, 6, (Stage::Contacted, Stage::Scheduled)),
            staged(&id, 9, (Stage::Scheduled, Stage::Attended)),
            booked(&id, 1),
        ];
        for (round, event) in order.iter().enumerate() {
            // Twice under another id each, as a copy that no inbox recognises.
            events[round].push(all[*event].clone());
            events[round].push(match event {
                0 => staged(&id, 1, (Stage::Received, Stage::Routed)),
                1 => staged(&id, 3, (Stage::Routed, Stage::Contacted)),
                2 => staged(&id, 6, (Stage::Contacted, Stage::Scheduled)),
                3 => staged(&id, 9, (Stage::Scheduled, Stage::Attended)),
                _ => booked(&id, 1),
            });
        }
        ids.push(id);
    }
    let ranks = ["received", "accepted", "in-progress", "completed"];
    let mut seen: BTreeMap<String, (usize, i64)> = BTreeMap::new();
    for round in events {
        tell(&world, &round).await;
        look(&office, &ranks, &mut seen).await;
    }
    let deadline = tokio::time::Instant::now() + std::time::Duration::from_secs(60);
    while seen.values().filter(|(rank, _)| *rank == 3).count() < 120 {
        assert!(tokio::time::Instant::now() < deadline, "{seen:?}");
        look(&office, &ranks, &mut seen).await;
    }
    for id in &ids {
        let task = office.get(&format!("/Task/{id}")).await;
        assert_eq!((code(&task), task.body["statusReason"].is_null()), ("7.0", true));
        assert!(task.body["output"][0]["valuePeriod"]["start"].is_string(), "{}", task.body);
        assert!(version(&task) >= 4, "received, accepted, in progress, completed: {}", task.body);
    }
    assert_eq!(world.count("SELECT count(*) FROM parked").await, 0);
}

/// Looks at all Tasks: none goes back, and each change has a version of its own.
async fn look(office: &Office<'_>, ranks: &[&str], seen: &mut BTreeMap<String, (usize, i64)>) {
    let all = office.get("/Task?_count=200").await;
    for entry in all.body["entry"].as_array().expect("entries") {
        let task = &entry["resource"];
        let rank = ranks.iter().position(|rank| task["status"] == **rank).expect("a status");
        let version = task["meta"]["versionId"].as_str().and_then(|text| text.parse().ok()).expect("a version");
        let id = task["id"].as_str().expect("an id").to_owned();
        let before = seen.insert(id, (rank, version)).unwrap_or((0, 0));
        assert!(before.0 <= rank && before.1 <= version, "{before:?} was before {task}");
        assert!(before.0 == rank || before.1 < version || before.1 == 0, "a change without a version: {task}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_task_tells_the_stage_the_visit_and_why_it_ended() {
    let world = World::start().await;
    let office = Office::of(&world);
    let id = referred(&office, "R-1").await;
    let first = office.get(&format!("/Task/{id}")).await;
    assert_eq!((code(&first), version(&first)), ("2.0", 1));
    tell(&world, &[staged(&id, 1, (Stage::Received, Stage::Routed))]).await;
    let routed = becomes(&office, &id, "received", "Received; its team calls the patient").await;
    assert!(version(&routed) == 2 && routed.body["lastModified"].as_str() > first.body["lastModified"].as_str());
    tell(&world, &[staged(&id, 2, (Stage::Routed, Stage::RecordsReady)), booked(&id, 1)]).await;
    tell(&world, &[staged(&id, 4, (Stage::RecordsReady, Stage::Scheduled))]).await;
    let with_date = becomes(&office, &id, "in-progress", "Appointment booked").await;
    assert_eq!(code(&with_date), "5.1.1");
    assert_eq!(with_date.body["output"][0]["valuePeriod"]["start"], "2027-01-15T08:00:00.000000Z");
    let missed = AppointmentMissed { facts: facts(&id), appointment: appointment(&id), version: 2, at: 0 };
    tell(&world, &[outgoing(&id, 2, &missed), staged(&id, 5, (Stage::Scheduled, Stage::RecordsReady))]).await;
    let words = "The visit did not take place; the center offers another date";
    let missed = becomes(&office, &id, "in-progress", words).await;
    assert_eq!((code(&missed), missed.body["output"].is_null()), ("5.1.2", true));
    let off = AppointmentCancelled {
        facts: facts(&id),
        appointment: appointment(&id),
        version: 4,
        ..AppointmentCancelled::default()
    };
    tell(&world, &[outgoing(&id, 4, &off)]).await;
    let words = "The appointment was called off; another date is looked for";
    assert_eq!(code(&becomes(&office, &id, "in-progress", words).await), "5.1.3");
    tell(&world, &[closed(&id, 8, (Stage::RecordsReady, Stage::Closed), "unreachable")]).await;
    let failed = becomes(&office, &id, "failed", "Ended without a visit").await;
    assert_eq!(failed.body["statusReason"]["text"], "The patient could not be reached after all tries");
    tell(&world, &[staged(&id, 9, (Stage::Closed, Stage::Contacted))]).await;
    let words = "Ended, and taken up again at the center: the appointment was called off; another date is looked for";
    let again = becomes(&office, &id, "failed", words).await;
    assert!(version(&again) > version(&failed), "{} after {}", again.body, failed.body);

    let put = office.ask(Method::PUT, &format!("/Task/{id}")).header("if-match", again.header("etag"));
    let put = put.header("content-type", "application/fhir+json");
    let body = json!({ "resourceType": "Task", "id": id, "status": "cancelled", "intent": "order" });
    let refused = Answer::of(put.body(body.to_string()).send().await.expect("an answer")).await;
    assert_eq!((refused.status, refused.has("error", "conflict")), (409, true), "what has ended is not called off");

    let mut tasks = vec![first, routed, with_date, missed, failed, again];
    for (number, to, reason, status, words) in [
        ("R-2", Stage::Contacted, "", "accepted", "Accepted; the center has reached the patient"),
        ("R-3", Stage::Attended, "", "completed", "The visit took place"),
        ("R-4", Stage::Closed, "out_of_scope_referred", "rejected", "Declined"),
        ("R-5", Stage::Closed, "deceased", "cancelled", "Called off"),
    ] {
        let id = referred(&office, number).await;
        tell(&world, &[closed(&id, 1, (Stage::Received, to), reason)]).await;
        let task = becomes(&office, &id, status, words).await;
        let is_explained = task.body["statusReason"]["text"].is_string();
        assert_eq!(is_explained, ["rejected", "cancelled"].contains(&status), "{}", task.body);
        assert!(!task.body.to_string().contains("died"), "a person tells that");
        tasks.push(task);
    }
    let resources: Vec<String> = tasks.iter().map(|task| task.body.to_string()).collect();
    if let Err(faults) = validator::judge(&resources) {
        panic!("{faults}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tasks_are_found_by_status_and_by_what_the_center_changed_since_and_by_nobody_else() {
    let world = World::start().await;
    let office = Office::of(&world);
    let mut ids = Vec::new();
    for number in 0..5 {
        ids.push(referred(&office, &format!("R-{number}")).await);
    }
    let found = |answer: &Answer| -> Vec<String> {
        let entries = answer.body["entry"].as_array().cloned().unwrap_or_default();
        entries.iter().map(|entry| entry["resource"]["id"].as_str().unwrap_or_default().to_owned()).collect()
    };
    let seen = office.get(&format!("/Task/{}", ids[4])).await.body["meta"]["lastUpdated"].as_str().map(str::to_owned);
    let since = format!("_lastUpdated=gt{}", seen.expect("a time"));
    for id in [&ids[3], &ids[1]] {
        tell(&world, &[staged(id, 1, (Stage::Received, Stage::Contacted))]).await;
        becomes(&office, id, "accepted", "Accepted; the center has reached the patient").await;
    }
    let accepted = [ids[3].clone(), ids[1].clone()];
    assert_eq!(found(&office.get(&format!("/Task?{since}")).await), accepted, "each once, where it changed last");
    assert_eq!(found(&office.get("/Task?status=accepted").await), accepted);
    assert_eq!(found(&office.get("/Task?status=completed,accepted").await), accepted);
    assert_eq!(found(&office.get("/Task?status=received").await), [&ids[0], &ids[2], &ids[4]].map(Clone::clone));
    assert!(found(&office.get(&format!("/Task?focus=ServiceRequest/{}&status=received", ids[1])).await).is_empty());
    let page = office.get("/Task?status=received&_count=2").await;
    let next = page.body["link"][1]["url"].as_str().expect("a next page").trim_start_matches(&office.base).to_owned();
    assert_eq!(
        (found(&page), found(&office.get(&next).await)),
        (vec![ids[0].clone(), ids[2].clone()], vec![ids[4].clone()])
    );
    assert_eq!(office.get("/Task?status=requested").await.body["total"], 0, "a status that none of ours has");
    let refused = office.get("/Task?status=booked").await;
    assert_eq!((refused.status, refused.has("error", "not-supported")), (400, true));

    // A settled withdrawal ends the Task, whatever the desk tells afterwards.
    let mut withdrawn = request("R-3", "Testpatient");
    withdrawn["status"] = json!("revoked");
    office.post("/ServiceRequest", &withdrawn).await;
    let waits = becomes(&office, &ids[3], "accepted", "Withdrawal received; a person acts on it").await;
    assert_eq!(code(&waits), "5.2");
    let message: Uuid = sqlx::query_scalar("SELECT message_id FROM messages WHERE reason = 'referral_cancelled'")
        .fetch_one(&world.admin)
        .await
        .expect("it waits");
    let asked = SettleMessagesRequest { center: CENTER.into(), message_ids: vec![message.to_string()] };
    world.client("portal", Some(coordinator(CENTER))).settle_messages(asked).await.expect("settled");
    becomes(&office, &ids[3], "cancelled", "Withdrawn").await;
    let late = closed(&ids[3], 2, (Stage::Contacted, Stage::Closed), "unreachable");
    tell(&world, &[late]).await;
    let told = || world.count("SELECT count(*) FROM referral_states WHERE stage_version = 2");
    eventually("the desk's end is heard", || async { told().await == 1 }).await;
    becomes(&office, &ids[3], "cancelled", "Withdrawn").await;
    assert_eq!(found(&office.get("/Task?status=cancelled").await), [ids[3].clone()]);

    // Only referrals by FHIR have a row, another center sees none, and none of another's can be written.
    let form = world.accepted(&keyed("k", &[])).await["inquiry_id"].as_str().expect("an id").to_owned();
    tell(&world, &[staged(&form, 1, (Stage::Received, Stage::Routed))]).await;
    let heard = || world.count("SELECT count(*) FROM inbox");
    eventually("all was heard", || async { heard().await == 4 }).await;
    assert_eq!(world.count("SELECT count(*) FROM referral_states").await, 2);
    let mut app = PgConnection::connect(world.database.app.expose_secret()).await.expect("the app's login");
    for (center, count) in [(CENTER, 2), (OTHER, 0)] {
        let sql = format!("SELECT set_config('app.center', '{center}', false); SELECT count(*) FROM referral_states");
        let rows = sqlx::raw_sql(AssertSqlSafe(sql)).fetch_all(&mut app).await.expect("counted");
        assert_eq!(rows.last().map(|row| row.get::<i64, _>(0)), Some(count), "{center}");
    }
    let smuggled = format!(
        "INSERT INTO referral_states (center_id, inquiry_id, feed, changed_at) VALUES ('{CENTER}', gen_random_uuid(), 'x', now())"
    );
    assert!(sqlx::raw_sql(AssertSqlSafe(smuggled)).execute(&mut app).await.is_err(), "as the other center");
}
