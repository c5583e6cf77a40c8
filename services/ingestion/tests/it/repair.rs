//! What could not be taken waits, is mended by a person, and becomes one inquiry, whoever asks and how often.

use std::collections::HashMap;

use causeway_auth::{Actor, Role};
use causeway_ingestion::Config;
use causeway_ingestion::store;
use causeway_proto::inquiry::v1::{
    ListRepairsRequest, OpenRepairRequest, ReleaseRepairRequest, Repair, RepairOutcome, RepairRow, RetryRepairsRequest,
    SetAsideRepairsRequest,
};
use secrecy::ExposeSecret as _;
use sqlx::{Connection as _, PgConnection};
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

use crate::hl7::{Office, code, referral};
use crate::world::{CENTER, OTHER, World, body, coordinator, eventually};

pub async fn waiting(world: &World, view: &str) -> Vec<RepairRow> {
    let request = ListRepairsRequest { center: CENTER.into(), view: view.into(), ..Default::default() };
    let answer = world.client("portal", Some(coordinator(CENTER))).list_repairs(request).await.expect("a list");
    answer.into_inner().rows
}

pub async fn open(world: &World, row: &RepairRow) -> Repair {
    let request = OpenRepairRequest {
        center: CENTER.into(),
        kind: row.kind.clone(),
        id: row.id.clone(),
        purpose: "repair".into(),
    };
    world.client("portal", Some(coordinator(CENTER))).open_repair(request).await.expect("opened").into_inner()
}

pub async fn retry(world: &World, id: &str) -> Result<String, Status> {
    let request = RetryRepairsRequest { center: CENTER.into(), ids: vec![id.into()], ..Default::default() };
    let answer = world.client("portal", Some(coordinator(CENTER))).retry_repairs(request).await?;
    Ok(answer.into_inner().outcomes[0].outcome.clone())
}

pub async fn release(world: &World, row: &RepairRow, fields: &[(&str, &str)]) -> Result<RepairOutcome, Status> {
    let fields: HashMap<String, String> =
        fields.iter().map(|(key, answer)| ((*key).to_owned(), (*answer).to_owned())).collect();
    let request = ReleaseRepairRequest {
        center: CENTER.into(),
        kind: row.kind.clone(),
        id: row.id.clone(),
        fields,
        strict: true,
        ..Default::default()
    };
    let answer = world.client("portal", Some(coordinator(CENTER))).release_repair(request).await?;
    Ok(answer.into_inner())
}

/// A referral without a name, which its sender is told to mend.
pub async fn refused(world: &World, number: &str) -> RepairRow {
    let message = referral(number, number, "Testnobody").replace("Testnobody^Marisol", "");
    let replies = Office::calls(world).await.ask(&message, 2).await;
    assert_eq!(code(&replies[1]), "AE");
    waiting(world, "refused").await.pop().expect("it is listed")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_with_an_unknown_code_waits_and_is_one_inquiry_once_the_mapping_is_mended() {
    let world = World::start().await;
    let map = async |values: &str| {
        let mapping = format!(
            "sending_facility = \"CEDARFM\"\nhl7 = {{ from = {{ cancer_area = [\"ZRF-1\"] }}, unknown_codes = \"park\"{values} }}"
        );
        world.change_profile(CENTER, "feeds.toml", "sending_facility = \"CEDARFM\"", &mapping).await;
    };
    map("").await;
    let mut office = Office::calls(&world).await;
    let with_code = |name: &str| referral(name, name, "Testpatient") + "ZRF|ONC7\r";
    let mut probe = 0;
    while waiting(&world, "waiting").await.is_empty() {
        probe += 1;
        office.ask(&with_code(&format!("PROBE-{probe}")), 2).await;
    }
    let before = world.count("SELECT count(*) FROM inquiries").await;
    let replies = office.ask(&with_code("CODE-1"), 2).await;
    assert_eq!(code(&replies[1]), "AA", "it is kept");
    let row = waiting(&world, "waiting").await.pop().expect("it waits");
    assert_eq!((row.reason.as_str(), row.door.as_str(), row.feed.as_str()), ("code_unknown", "hl7", "cedar-hl7"));
    let shown = open(&world, &row).await;
    assert!(shown.faults.iter().any(|fault| fault.place == "cancer_area"), "{:?}", shown.faults);
    assert!(shown.raw.contains("ZRF|ONC7") && shown.fields["name"].contains("Testpatient"));
    assert!(!shown.may_retry, "nothing has changed yet");
    assert_eq!(retry(&world, &row.id).await.expect("tried"), "code_unknown");
    assert_eq!(world.count("SELECT count(*) FROM inquiries").await, before);

    map(", values = { cancer_area = { ONC7 = \"thoracic\" } }").await;
    eventually("the mended mapping takes it", || async { retry(&world, &row.id).await.expect("tried") == "accepted" })
        .await;
    assert_eq!(world.count("SELECT count(*) FROM inquiries").await, before + 1);
    assert_eq!(retry(&world, &row.id).await.expect("asked"), "not_waiting");
    let again = office.ask(&with_code("CODE-1"), 2).await;
    assert_eq!(code(&again[1]), "AA");
    office.ask(&with_code("CODE-2").replace("CODE-2^CEDARFM", "CODE-1^CEDARFM"), 2).await;
    assert_eq!(world.count("SELECT count(*) FROM inquiries").await, before + 1, "the same referral stands once");
    assert_eq!(world.count("SELECT count(*) FROM repair_steps WHERE outcome = 'accepted' AND actor = 'ana'").await, 1);
    assert!(world.count("SELECT count(*) FROM audit_log WHERE purpose = 'retry_message'").await >= 2);
}

const HAS_LOCK: &str = "SELECT count(*) FROM pg_locks, messages WHERE locktype = 'advisory' AND granted \
     AND database = (SELECT oid FROM pg_database WHERE datname = current_database()) \
     AND (classid::bigint << 32 | objid::bigint) = hashtextextended(encode(control_key, 'hex'), 0)";
const WAITS_FOR_ROW: &str = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND state = 'active' \
     AND wait_event_type = 'Lock' AND query LIKE '%FOR UPDATE OF messages%'";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[allow(clippy::disallowed_methods, reason = "a row is held from outside of the service")]
async fn two_who_release_the_same_at_once_make_one_inquiry_and_a_fault_is_told_at_its_field() {
    let world = World::start().await;
    let row = refused(&world, "REL-1").await;
    let shown = open(&world, &row).await;
    assert!(shown.faults.iter().any(|fault| fault.place == "PID-5"), "{:?}", shown.faults);
    let wrong = release(&world, &row, &[("name", "Marisol Testnobody"), ("phone", "12")]).await.expect_err("refused");
    assert_eq!(wrong.code(), Code::InvalidArgument);
    assert_eq!(world.count("SELECT count(*) FROM inquiries").await, 0);
    let mended = [("name", "Marisol Testnobody")];
    // Somebody holds the message until both are on their way, so that neither sees the other's work before it begins.
    let mut holder = world.admin.begin().await.expect("a transaction");
    sqlx::query("SELECT FROM messages FOR UPDATE").execute(&mut *holder).await.expect("held");
    let let_go = async {
        // Whoever takes the same message in has the lock of its control id before the row, and so has who releases it: else
        // each would wait for the other.
        eventually("one has the lock of the control id and waits for the row", || async {
            world.count(HAS_LOCK).await == 1 && world.count(WAITS_FOR_ROW).await == 1
        })
        .await;
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
        holder.rollback().await.expect("let go");
    };
    let (one, other, ()) = tokio::join!(release(&world, &row, &mended), release(&world, &row, &mended), let_go);
    let mut outcomes = [one.expect("one").outcome, other.expect("other").outcome];
    outcomes.sort();
    assert_eq!(outcomes, ["accepted", "not_waiting"]);
    assert_eq!(world.count("SELECT count(*) FROM inquiries").await, 1);
    assert!(waiting(&world, "refused").await.is_empty());
    assert_eq!(world.count("SELECT count(*) FROM repair_steps WHERE step = 'release'").await, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[allow(clippy::disallowed_methods, reason = "a table is held from outside of the service")]
async fn a_release_that_is_cut_off_by_a_crash_leaves_all_of_it_or_nothing() {
    let mut world = World::start_alone(Config::default()).await;
    let row = refused(&world, "KILL-1").await;
    let mended = [("name", "Marisol Testnobody")];
    // All of it is written when the audit entry is: there the transaction is held until its connection is cut.
    let mut holder = world.admin.begin().await.expect("a transaction");
    sqlx::query("LOCK TABLE audit_heads IN EXCLUSIVE MODE").execute(&mut *holder).await.expect("held");
    let cut = async {
        eventually("the release waits with all that it has written", || async {
            world.count("SELECT count(*) FROM pg_locks WHERE relation = 'audit_heads'::regclass AND NOT granted").await
                == 1
        })
        .await;
        sqlx::query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'ingestion_app'")
            .execute(&world.admin)
            .await
            .expect("the connections are cut");
    };
    let (told, ()) = tokio::join!(release(&world, &row, &mended), cut);
    told.expect_err("it is not told as done");
    holder.rollback().await.expect("let go");
    world.postgres().kill().await.expect("killed");
    world.postgres().restart().await.expect("started again");
    let admin = sqlx::PgPool::connect(world.database.admin.expose_secret()).await.expect("the owner");
    for left in ["inquiries", "repair_steps", "outbox", "audit_log"] {
        let sql = format!("SELECT count(*) FROM {left}");
        let count: i64 = sqlx::query_scalar(sqlx::AssertSqlSafe(sql)).fetch_one(&admin).await.expect("a count");
        assert_eq!(count, 0, "{left}");
    }
    eventually("it is released in the end", || async {
        release(&world, &row, &mended).await.is_ok_and(|told| told.outcome == "accepted")
    })
    .await;
    let count: i64 = sqlx::query_scalar("SELECT count(*) FROM inquiries").fetch_one(&admin).await.expect("a count");
    let steps: i64 = sqlx::query_scalar("SELECT count(*) FROM repair_steps WHERE outcome = 'accepted'")
        .fetch_one(&admin)
        .await
        .expect("a count");
    assert_eq!((count, steps), (1, 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_arrived_again_meanwhile_is_told_and_set_aside_needs_a_known_reason() {
    let world = World::start().await;
    let mut config = causeway_ingestion::Config::default();
    config.mllp.processing_id = "T".to_owned();
    let training = world.second_door_with(config).await;
    let message = referral("AGAIN-1", "AGAIN-1", "Testpatient");
    Office::at(&training).await.ask(&message, 1).await;
    Office::calls(&world).await.ask(&message, 2).await;
    let row = waiting(&world, "refused").await.pop().expect("it was refused once");
    assert_eq!(retry(&world, &row.id).await.expect("tried"), "arrived_again");
    assert!(waiting(&world, "refused").await.is_empty());
    assert_eq!(world.count("SELECT count(*) FROM inquiries").await, 1);

    let row = refused(&world, "ASIDE-1").await;
    let ask = |center: &str, reason: &str| SetAsideRepairsRequest {
        center: center.into(),
        kind: "message".into(),
        ids: vec![row.id.clone()],
        reason: reason.into(),
    };
    let mut client = world.client("portal", Some(coordinator(CENTER)));
    let unknown = client.set_aside_repairs(ask(CENTER, "boring")).await.expect_err("no reason");
    assert_eq!(unknown.code(), Code::InvalidArgument);
    let mut elsewhere = world.client("portal", Some(coordinator(OTHER)));
    let nothing = elsewhere.set_aside_repairs(ask(OTHER, "test_message")).await.expect("asked").into_inner();
    assert!(nothing.set_aside.is_empty(), "another center's");
    let done = client.set_aside_repairs(ask(CENTER, "test_message")).await.expect("asked").into_inner();
    assert_eq!(done.set_aside, std::slice::from_ref(&row.id));
    assert_eq!(release(&world, &row, &[("name", "Ana")]).await.expect("asked").outcome, "not_waiting");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_who_repairs_may_look_and_each_look_is_written_down() {
    let world = World::start().await;
    let row = refused(&world, "MAY-1").await;
    let request = |center: &str, purpose: &str| OpenRepairRequest {
        center: center.into(),
        kind: "message".into(),
        id: row.id.clone(),
        purpose: purpose.into(),
    };
    let scheduler = Actor::staff("sam", "Sam", CENTER, vec![Role::Scheduler]);
    for actor in [None, Some(scheduler), Some(coordinator(OTHER))] {
        let mut client = world.client("portal", actor);
        let refused = client.open_repair(request(CENTER, "repair")).await.expect_err("may not");
        assert_eq!(refused.code(), Code::PermissionDenied);
        let list = ListRepairsRequest { center: CENTER.into(), ..Default::default() };
        assert_eq!(client.list_repairs(list).await.expect_err("may not").code(), Code::PermissionDenied);
        let retry = RetryRepairsRequest { center: CENTER.into(), ids: vec![row.id.clone()], ..Default::default() };
        assert_eq!(client.retry_repairs(retry).await.expect_err("may not").code(), Code::PermissionDenied);
    }
    let written = "SELECT count(*) FROM audit_log WHERE object_kind = 'message' AND purpose = 'repair'";
    assert_eq!(world.count(written).await, 0);
    let mut client = world.client("portal", Some(coordinator(CENTER)));
    assert_eq!(client.open_repair(request(CENTER, "")).await.expect_err("why?").code(), Code::InvalidArgument);
    client.open_repair(request(CENTER, "repair")).await.expect("opened");
    assert_eq!(world.count(written).await, 1);
    let elsewhere = world.client("portal", Some(coordinator(OTHER))).open_repair(request(OTHER, "repair")).await;
    assert_eq!(elsewhere.expect_err("none of theirs").code(), Code::InvalidArgument);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_inquiry_with_a_bad_phone_is_listed_and_mended_under_the_same_queue() {
    let world = World::start().await;
    world.accepted(&body(&[("phone", "12")])).await;
    let row = waiting(&world, "waiting").await.pop().expect("it waits");
    assert_eq!((row.kind.as_str(), row.door.as_str(), row.reason.as_str()), ("inquiry", "form", "defects"));
    assert!(row.defects.iter().any(|defect| defect.ends_with("@phone")), "{:?}", row.defects);
    let shown = open(&world, &row).await;
    assert_eq!(shown.fields["phone"], "12");
    assert_eq!(shown.faults[0].place, "phone");
    assert_eq!(release(&world, &row, &[("phone", "13")]).await.expect_err("no phone").code(), Code::InvalidArgument);
    assert_eq!(
        release(&world, &row, &[("consent_sms", "yes")]).await.expect_err("theirs").code(),
        Code::InvalidArgument
    );
    assert_eq!(release(&world, &row, &[("phone", "(206) 555-0142")]).await.expect("mended").outcome, "mended");
    assert!(waiting(&world, "waiting").await.is_empty());
    assert_eq!(world.count("SELECT count(*) FROM inquiries WHERE needs_repair").await, 0);
    assert_eq!(release(&world, &row, &[("phone", "1")]).await.expect_err("no phone").code(), Code::InvalidArgument);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_mends_an_older_page_overwrites_nothing_that_another_has_mended_meanwhile() {
    let world = World::start().await;
    let id = world.accepted(&body(&[])).await["inquiry_id"].as_str().expect("an id").to_owned();
    let row = RepairRow { kind: "inquiry".into(), id, ..RepairRow::default() };
    let seen = open(&world, &row).await.fields;
    let saves = async |phone: &str, was: &str| {
        let answer = |value: &str| HashMap::from([("phone".to_owned(), value.to_owned())]);
        let request = ReleaseRepairRequest {
            center: CENTER.into(),
            kind: "inquiry".into(),
            id: row.id.clone(),
            fields: answer(phone),
            was: answer(was),
            ..Default::default()
        };
        let answer = world.client("portal", Some(coordinator(CENTER))).release_repair(request).await;
        answer.map(|answer| answer.into_inner().outcome)
    };
    assert_eq!(saves("206 555 0177", &seen["phone"]).await.expect("the first"), "mended");
    let stands = open(&world, &row).await.fields["phone"].clone();
    let refused = saves("206 555 0188", &seen["phone"]).await.expect_err("an older page");
    let told = refused.get_details_bad_request().expect("named").field_violations;
    assert_eq!((told[0].field.as_str(), told[0].reason.as_str()), ("phone", "changed_meanwhile"));
    assert_eq!(open(&world, &row).await.fields["phone"], stands, "nothing is overwritten");
    assert_eq!(saves("206 555 0188", &stands).await.expect("both were seen"), "mended");
}

const MANY: [&str; 7] = [
    "INSERT INTO messages (center_id, message_id, feed, kind, control_key, content_hash, state, sealed, received_at) \
     SELECT 'harbor-valley', gen_random_uuid(), 'cedar-hl7', 'REF^I12', decode(md5(n::text), 'hex'), decode(md5(n::text), 'hex'), \
         CASE WHEN n % 100 = 0 THEN 'refused' WHEN n % 100 = 1 THEN 'parked' ELSE 'accepted' END, '\\x00', \
         now() - n * interval '1 second' FROM generate_series(1, 50000) AS n",
    "INSERT INTO inquiries (center_id, inquiry_id, reference, received_at, consult_type, source, held, needs_repair, facts, sealed) \
     SELECT 'harbor-valley', ('00000000-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid, 'HV-' || n, now(), 'new_consult', \
         'web_form', false, false, '', '' FROM generate_series(1, 50000) AS n",
    "INSERT INTO repairs (center_id, inquiry_id, field, code, noted_at, mended_at) \
     SELECT 'harbor-valley', ('00000000-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid, 'phone', 'phone_length', now() - n * interval '1 second', \
         CASE WHEN n % 100 = 1 THEN NULL ELSE now() END FROM generate_series(1, 50000) AS n",
    "INSERT INTO indexed_people (center_id, inquiry_id, version) \
     SELECT 'harbor-valley', ('00000000-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid, CASE WHEN n % 5000 = 1 THEN ''::bytea ELSE '\\x01' END \
     FROM generate_series(1, 50000) AS n ON CONFLICT DO NOTHING",
    "INSERT INTO files (center_id, file_id, feed, door, state, heading, received_at, finished_at) \
     SELECT 'harbor-valley', gen_random_uuid(), 'cedar-csv', 'upload', CASE WHEN n % 100 = 0 THEN 'parked' ELSE 'done' END, '\\x00', \
         now() - n * interval '1 second', now() - n * interval '1 second' FROM generate_series(1, 50000) AS n",
    "INSERT INTO person_tokens (center_id, inquiry_id, token) \
     SELECT 'harbor-valley', ('00000000-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid, decode(md5((n / 3)::text), 'hex') \
     FROM generate_series(1, 50000) AS n ON CONFLICT DO NOTHING",
    "ANALYZE",
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_waits_and_who_is_read_again_is_found_by_an_index_among_many() {
    let world = World::start().await;
    for sql in MANY {
        sqlx::query(sql).execute(&world.admin).await.expect("done");
    }
    let mut app = PgConnection::connect(world.database.app.expose_secret()).await.expect("a login");
    sqlx::query("SELECT set_config('app.center', $1, false)").bind(CENTER).execute(&mut app).await.expect("set");
    let begin = jiff::Timestamp::UNIX_EPOCH;
    let long_ago: jiff::Timestamp = "2020-01-01T00:00:00Z".parse().expect("a time");
    for (sql, index) in [
        (store::repairs::PARKED, "messages_to_repair"),
        (store::repairs::REFUSED, "messages_refused_open"),
        (store::repairs::INQUIRIES, "repairs_to_mend"),
        (store::people::MENDED, "indexed_people_mended"),
        (store::repairs::FILES, "files_to_repair"),
        (store::people::FOUND_BY, "person_tokens_pkey"),
        (store::messages::TO_ERASE, "messages_to_erase"),
        (store::files::TO_ERASE, "files_to_erase"),
    ] {
        let explain = sqlx::query_scalar(sqlx::AssertSqlSafe(format!("EXPLAIN {sql}"))).bind(CENTER);
        let first_page = |query: Scalar| query.bind(causeway_mailbox::Ts(begin)).bind(uuid::Uuid::nil());
        let asked = match index {
            "repairs_to_mend" => first_page(explain).bind(51_i64).bind(vec!["web_form"]),
            "indexed_people_mended" => explain.bind(20_i64),
            "person_tokens_pkey" => explain.bind(vec![vec![7_u8; 16]]).bind(50_i64),
            "messages_to_erase" | "files_to_erase" => explain.bind(causeway_mailbox::Ts(long_ago)).bind(200_i64),
            _ => first_page(explain).bind(None::<Vec<String>>).bind("").bind(51_i64),
        };
        let plan: Vec<String> = asked.fetch_all(&mut app).await.expect("a plan");
        let plan = plan.join("\n");
        assert!(plan.contains(index), "{plan}");
        let is_sorted = index.starts_with("messages_") || index.starts_with("files_");
        assert!(!is_sorted || !plan.contains("Sort"), "{plan}");
    }
}

type Scalar = sqlx::query::QueryScalar<'static, sqlx::Postgres, String, sqlx::postgres::PgArguments>;
