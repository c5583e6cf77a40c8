//! What became of the showings of forms is counted exactly, whatever is told twice, and names nobody.

use causeway_auth::{Actor, Role};
use causeway_ingestion::Config;
use causeway_ingestion::store::proofs::FORGET;
use causeway_ingestion::store::showings::{COUNTS, FIELDS, SETTLE};
use causeway_proto::inquiry::v1::{
    FieldCode, FormBegun, FormCount, FormsShown, GetFormCountsRequest, GetFormCountsResponse, MarkSpamRequest,
    NoteFormsRequest, ReleaseHeldRequest, Source, SubmitInquiryRequest, SubmitInquiryResponse,
};
use causeway_runtime::Clock;
use jiff::SignedDuration;
use secrecy::ExposeSecret as _;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};
use tonic::{Code, Status};
use uuid::Uuid;

use crate::world::{CENTER, OTHER, World, coordinator, eventually};

const FORM: &str = "second-opinion";

fn looking() -> Config {
    Config { forms_look_seconds: 1, ..Config::default() }
}

fn now() -> i64 {
    Clock::system().now().as_microsecond()
}

fn begun(showing: u128, faults: &[(&str, &str)]) -> FormBegun {
    let fault = |(field, code): &(&str, &str)| FieldCode { field: (*field).into(), code: (*code).into() };
    FormBegun {
        showing_id: Uuid::from_u128(showing).to_string(),
        form_id: FORM.into(),
        language: "en".into(),
        shown_at: now(),
        faults: faults.iter().map(fault).collect(),
    }
}

fn batch(id: u128, shown: i64, begun: Vec<FormBegun>) -> NoteFormsRequest {
    let line = FormsShown { form_id: FORM.into(), language: "en".into(), hour: now(), count: shown };
    let (center, batch_id) = (CENTER.into(), Uuid::from_u128(id).to_string());
    NoteFormsRequest { center, batch_id, shown: vec![line], begun }
}

async fn note(world: &World, batch: NoteFormsRequest) {
    world.client("portal", None).note_forms(batch).await.expect("noted");
}

async fn counts_of(world: &World, center: &str) -> GetFormCountsResponse {
    let analyst = Actor::staff("lee", "Lee", center, vec![Role::Analyst]);
    let asked = GetFormCountsRequest { center: center.into(), from: 0, to: 0 };
    world.client("portal", Some(analyst)).get_form_counts(asked).await.expect("counted").into_inner()
}

/// Shown, begun, sent, left.
async fn steps(world: &World) -> (i64, i64, i64, i64) {
    let told = counts_of(world, CENTER).await.forms;
    assert!(told.len() <= 1, "{told:?}");
    let none = FormCount::default();
    let one = told.first().unwrap_or(&none);
    (one.shown, one.begun, one.sent, one.left)
}

/// A form as the portal hands it over.
async fn send(world: &World, showing: u128, key: &str, answers: &[(&str, &str)]) -> SubmitInquiryResponse {
    let fixed = [
        ("who", "patient"),
        ("name", "Testpatient Jo"),
        ("email", "jo@example.org"),
        ("cancer_area", "gi"),
        ("consent_email", "yes"),
    ];
    let all = fixed.iter().chain(answers).map(|(key, answer)| ((*key).to_owned(), (*answer).to_owned()));
    let request = SubmitInquiryRequest {
        center: CENTER.into(),
        form_id: FORM.into(),
        language: "en".into(),
        source: Source::WebForm.into(),
        answers: all.collect(),
        idempotency_key: key.into(),
        showing_id: Uuid::from_u128(showing).to_string(),
        ..SubmitInquiryRequest::default()
    };
    world.client("portal", None).submit_inquiry(request).await.expect("accepted").into_inner()
}

/// Lets all showings be so many hours old.
async fn age(world: &World, hours: i32) {
    for table in ["form_showings", "form_hours", "form_field_hours"] {
        let sql = format!("UPDATE {table} SET hour = hour - make_interval(hours => $1)");
        sqlx::query(AssertSqlSafe(sql)).bind(hours).execute(&world.admin).await.expect("aged");
    }
}

const OPEN: &str = "SELECT count(*) FROM form_showings";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn counts_are_exact_whatever_is_told_twice_and_across_a_restart_and_when_a_showing_is_over() {
    let mut world = World::start_with(looking()).await;
    let first = batch(1, 5, vec![begun(1, &[("phone", "phone_length")]), begun(2, &[]), begun(3, &[]), begun(4, &[])]);
    note(&world, first.clone()).await;
    note(&world, first.clone()).await;
    // Another process tells of the same showing what it has seen, and the first batch comes once more after a restart.
    note(&world, batch(2, 1, vec![begun(1, &[("phone", "phone_length"), ("name", "missing")]), begun(1, &[])])).await;
    world.door.stop_softly();
    let second = world.second_door_with(looking()).await;
    let identity = causeway_auth::Identity::load(world.keys(), "portal", causeway_runtime::Mode::Development);
    let channel =
        causeway_serve::Client::connect(&second.grpc, identity.expect("a key"), "ingestion").expect("a channel");
    let mut again = causeway_proto::inquiry::v1::ingestion_client::IngestionClient::new(channel);
    eventually("the second process has the profile", || {
        let (mut again, first) = (again.clone(), first.clone());
        async move { again.note_forms(first).await.is_ok() }
    })
    .await;
    again.note_forms(first).await.expect("noted");
    world.door = second;
    assert_eq!(steps(&world).await, (6, 4, 0, 0));

    send(&world, 1, "k-1", &[]).await;
    assert!(send(&world, 1, "k-1", &[]).await.repeated);
    send(&world, 1, "k-2", &[("message", "I forgot something")]).await;
    let held = send(&world, 2, "k-3", &[("website", "x")]).await.inquiry_id;
    let spam = send(&world, 3, "k-4", &[("website", "x")]).await.inquiry_id;
    assert_eq!(steps(&world).await, (6, 2, 1, 0), "what is held counts nowhere");
    assert_eq!(world.door.metric("causeway_form_steps_total", "sent"), 2.0, "each inquiry");

    let ana = || Some(coordinator(CENTER));
    let reason = "test".into();
    let marked = MarkSpamRequest { center: CENTER.into(), inquiry_ids: vec![spam], reason };
    world.client("portal", ana()).mark_spam(marked).await.expect("marked");
    age(&world, 30).await;
    eventually("all but the one that waits are counted", || async { world.count(OPEN).await == 1 }).await;
    assert_eq!(steps(&world).await, (6, 2, 1, 1));
    let released = ReleaseHeldRequest { center: CENTER.into(), inquiry_ids: vec![held] };
    world.client("portal", ana()).release_held(released).await.expect("released");
    eventually("the last one is counted", || async { world.count(OPEN).await == 0 }).await;
    assert_eq!(steps(&world).await, (6, 3, 2, 1), "what a person let go was sent");
    let fields = counts_of(&world, CENTER).await.fields;
    let told: Vec<_> = fields.iter().map(|one| (one.field.as_str(), one.code.as_str(), one.showings)).collect();
    assert_eq!(told, [("name", "missing", 1), ("phone", "phone_length", 1)], "each once for a showing");
    assert_eq!(counts_of(&world, OTHER).await, GetFormCountsResponse::default(), "another center has none of it");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_but_names_that_the_profile_has_is_counted_and_only_services_tell_it() {
    let world = World::start().await;
    let mut odd =
        begun(1, &[("Quillonia", "missing"), ("phone", "Quillonia"), ("email", "missing"), ("a b:c", "missing")]);
    odd.language = "Quillonia".into();
    let unknown = FormBegun { form_id: "Quillonia".into(), ..begun(2, &[]) };
    let no_id = FormBegun { showing_id: "Quillonia".into(), ..begun(3, &[]) };
    let too_late = FormBegun { shown_at: now() - 27 * 3_600_000_000, ..begun(4, &[]) };
    let ahead = FormBegun { shown_at: now() + 2 * 3_600_000_000, ..begun(5, &[]) };
    let mut told = batch(1, -5, vec![odd, unknown, no_id, too_late, ahead]);
    told.shown.push(FormsShown { form_id: "Quillonia".into(), language: "en".into(), hour: now(), count: 3 });
    note(&world, told).await;
    assert_eq!(steps(&world).await, (0, 1, 0, 0));
    let fields = counts_of(&world, CENTER).await.fields;
    let named: Vec<&str> = fields.iter().map(|one| one.field.as_str()).collect();
    assert_eq!(named, ["email", "other"]);
    for table in ["form_hours", "form_field_hours", "form_showings", "form_batches"] {
        let sql = format!("SELECT count(*) FROM {table} AS t WHERE t::text ILIKE '%quillonia%'");
        let found: i64 = sqlx::query_scalar(AssertSqlSafe(sql)).fetch_one(&world.admin).await.expect("searched");
        assert_eq!(found, 0, "{table}");
    }
    let shown = world.door.metrics.gather().iter().map(|family| format!("{family:?}")).collect::<String>();
    assert!(!shown.contains("Quillonia"), "no label has a text that somebody sent");

    let code = |answer: Result<_, Status>| answer.map(|_: tonic::Response<_>| ()).expect_err("refused").code();
    let staff = world.client("portal", Some(coordinator(CENTER))).note_forms(batch(2, 1, Vec::new())).await;
    assert_eq!(code(staff), Code::PermissionDenied);
    let bad = NoteFormsRequest { batch_id: "7".into(), ..batch(3, 1, Vec::new()) };
    assert_eq!(code(world.client("portal", None).note_forms(bad).await), Code::InvalidArgument);
    let asked = |center: &str| GetFormCountsRequest { center: center.into(), from: 0, to: 0 };
    for (actor, center) in
        [(coordinator(CENTER), CENTER), (Actor::staff("lee", "Lee", OTHER, vec![Role::Analyst]), CENTER)]
    {
        let refused = world.client("portal", Some(actor)).get_form_counts(asked(center)).await;
        assert_eq!(refused.expect_err("refused").code(), Code::PermissionDenied);
    }
    let turned = GetFormCountsRequest { from: 5, to: 5, ..asked(CENTER) };
    let turned = world.client("metrics", None).get_form_counts(turned).await;
    assert_eq!(turned.expect_err("refused").code(), Code::InvalidArgument);
}

const MANY: [&str; 5] = [
    "INSERT INTO form_hours (center_id, hour, form, language, shown) SELECT 'harbor-valley', now() - make_interval(hours => n), \
        'general', 'en', n FROM generate_series(1, 30000) AS n",
    "INSERT INTO form_field_hours (center_id, hour, form, language, field, code, showings) SELECT 'harbor-valley', \
        now() - make_interval(hours => n), 'general', 'en', 'phone', 'missing', n FROM generate_series(1, 30000) AS n",
    "INSERT INTO form_showings (center_id, showing_id, hour, form, language, faults) SELECT 'harbor-valley', gen_random_uuid(), \
        now() - make_interval(mins => n), 'general', 'en', '{name:missing}' FROM generate_series(1, 50000) AS n",
    "INSERT INTO proofs_used (center_id, proof, used_by, expires_at) SELECT 'harbor-valley', decode(md5(n::text), 'hex'), '\\x00', \
        now() + make_interval(mins => n) FROM generate_series(1, 50000) AS n",
    "INSERT INTO inquiries (center_id, inquiry_id, reference, received_at, consult_type, source, held, needs_repair, facts, sealed, \
        showing_id) SELECT 'harbor-valley', gen_random_uuid(), 'HV-' || n, now(), 'not_sure', 'web_form', n % 50 = 0, false, \
        '\\x00', '\\x00', CASE WHEN n % 2 = 0 THEN gen_random_uuid() END FROM generate_series(1, 50000) AS n",
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn counts_of_a_day_and_the_end_of_showings_use_their_indexes_among_many_rows() {
    let world = World::start_with(Config { forms_look_seconds: 3600, ..Config::default() }).await;
    for sql in MANY {
        sqlx::query(sql).execute(&world.admin).await.expect("inserted");
    }
    sqlx::query("ANALYZE").execute(&world.admin).await.expect("analyzed");
    let mut app = PgConnection::connect(world.database.app.expose_secret()).await.expect("a login");
    sqlx::query("SELECT set_config('app.center', $1, false)").bind(CENTER).execute(&mut app).await.expect("set");
    let back = |hours: i64| {
        let at = Clock::system().now().checked_sub(SignedDuration::from_hours(hours)).expect("an instant");
        format!("'{at}'::timestamptz")
    };
    let filled = |sql: &str, given: [String; 3]| {
        let sql = sql.replace("$1", &format!("'{CENTER}'"));
        given.iter().enumerate().fold(sql, |sql, (place, value)| sql.replace(&format!("${}", place + 2), value))
    };
    let day = || [back(48), back(24), back(25)];
    for (name, sql, indexes) in [
        ("counts", filled(COUNTS, day()), ["form_hours_pkey", "form_showings_hour", "inquiries_showing"].as_slice()),
        ("fields", filled(FIELDS, day()), &["form_field_hours_pkey", "form_showings_hour", "inquiries_showing"]),
        (
            "settle",
            filled(SETTLE, [back(800), "1000".into(), String::new()]),
            &["form_showings_hour", "inquiries_showing"],
        ),
        ("forget", filled(FORGET, [back(1), String::new(), String::new()]), &["proofs_used_expires"]),
    ] {
        let sql = AssertSqlSafe(format!("EXPLAIN {sql}"));
        let plan: Vec<String> = sqlx::query_scalar(sql).fetch_all(&mut app).await.expect("a plan");
        let plan = plan.join("\n");
        for index in indexes {
            assert!(plan.contains(index), "{name} without {index}: {plan}");
        }
        for table in ["form_hours", "form_field_hours", "form_showings", "inquiries", "proofs_used"] {
            let whole = plan.lines().any(|line| line.contains(&format!("Seq Scan on {table}")));
            assert!(!whole, "{name}: {plan}");
        }
    }
}
