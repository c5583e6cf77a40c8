//! Who may see and do what, and what the database refuses on its own.

use causeway_auth::{Actor, Role};
use causeway_proto::error::Reason;
use causeway_proto::inquiry::v1::{Channel, ListAccessRequest};
use causeway_proto::intake::v1::{ListWorkRequest, LogAttemptRequest};
use secrecy::ExposeSecret as _;
use sqlx::{Connection as _, PgConnection};
use tonic::{Code, Response};
use uuid::Uuid;

use crate::world::{CENTER, OTHER, World, command, get, page};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_center_another_patient_and_a_role_without_the_right_get_nothing() {
    let world = World::start().await;
    let inquiry = world.begin(1).await[0];
    let stranger = Actor::staff("x", "X", OTHER, vec![Role::Manager]);
    assert_eq!(
        world.as_actor(&stranger).get_inquiry(get(inquiry)).await.expect_err("refused").code(),
        Code::PermissionDenied
    );
    let mut at_home = get(inquiry);
    at_home.center = OTHER.into();
    let unknown = world.as_actor(&stranger).get_inquiry(at_home).await.expect_err("not there");
    assert_eq!(Reason::of(&unknown), Some(Reason::NotFound));
    let analyst = world.staff("ben-kowalski", Role::Analyst).claim_inquiry(command(inquiry)).await;
    assert_eq!(analyst.expect_err("refused").code(), Code::PermissionDenied);
    let other_patient = Actor::patient(world.clock.new_id().to_string(), CENTER);
    let refused = world.as_actor(&other_patient).get_patient_status(get(inquiry)).await.expect_err("not theirs");
    assert_eq!(Reason::of(&refused), Some(Reason::NotFound));
    let auditor = world.staff("a", Role::Auditor).claim_inquiry(command(inquiry)).await;
    assert_eq!(auditor.expect_err("looks only").code(), Code::PermissionDenied);
    // A reviewer works inquiries and closes none, by whatever way.
    let tried = |outcome: &str| LogAttemptRequest {
        center: CENTER.into(),
        inquiry_id: inquiry.to_string(),
        channel: Channel::Phone.into(),
        outcome: outcome.into(),
        ..Default::default()
    };
    let mut reviewer = world.staff("mei-tanaka", Role::Reviewer);
    for outcome in ["asked_to_stop", "deceased"] {
        let refused = reviewer.log_attempt(tried(outcome)).await.expect_err("it closes");
        assert_eq!(refused.code(), Code::PermissionDenied, "{outcome}");
    }
    reviewer.log_attempt(tried("no_answer")).await.expect("a try");
    world.coordinator("dana-whitfield").log_attempt(tried("deceased")).await.expect("closed");
    let nowhere = Actor::staff("x", "X", "atlantis", vec![Role::Manager]);
    let asked = ListWorkRequest { center: "atlantis".into(), ..Default::default() };
    let unknown = world.as_actor(&nowhere).list_work(asked).await.expect_err("no profile");
    assert_eq!(Reason::of(&unknown), Some(Reason::NotReady));
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_may_read_the_audit_log_sees_each_look_at_an_inquiry_and_is_seen_themselves() {
    let world = World::start().await;
    let (inquiry, other) = (world.intake_done().await, world.intake_done().await);
    let asked = |inquiry: Uuid| {
        let (center, inquiry_id) = (CENTER.to_owned(), inquiry.to_string());
        ListAccessRequest { center, inquiry_id, ..Default::default() }
    };
    let mut dana = world.coordinator("dana-whitfield");
    dana.get_inquiry(get(inquiry)).await.expect("her inquiry");
    assert_eq!(dana.list_access(asked(inquiry)).await.expect_err("refused").code(), Code::PermissionDenied);
    let stranger = Actor::staff("x", "X", OTHER, vec![Role::Auditor]);
    let mut stranger = world.as_actor(&stranger);
    assert_eq!(stranger.list_access(asked(inquiry)).await.expect_err("refused").code(), Code::PermissionDenied);
    let at_home = ListAccessRequest { center: OTHER.into(), ..asked(inquiry) };
    let not_there = stranger.list_access(at_home).await.expect_err("another center's inquiry");
    assert_eq!(Reason::of(&not_there), Some(Reason::NotFound));
    let mut auditor = world.staff("a", Role::Auditor);
    let lines = async |auditor: &mut crate::world::Desk, inquiry| {
        let told = auditor.list_access(asked(inquiry)).await.expect("the trail").into_inner().entries;
        told.into_iter().map(|line| (line.actor_id, line.action, line.outcome)).collect::<Vec<_>>()
    };
    let first = lines(&mut auditor, inquiry).await;
    let line = |who: &str, what: &str| (who.to_owned(), what.to_owned(), "done".to_owned());
    assert!(first.contains(&line("dana-whitfield", "read note")), "{first:?}");
    let again = lines(&mut auditor, inquiry).await;
    assert_eq!((again.len(), &again[0]), (first.len() + 1, &line("a", "read audit log")), "the newest first");
    assert!(!lines(&mut auditor, other).await.contains(&line("a", "read audit log")), "of this one alone");
    let unknown = auditor.list_access(asked(Uuid::from_u128(404))).await.expect_err("no such inquiry");
    assert_eq!(Reason::of(&unknown), Some(Reason::NotFound));
    // Who may not read the note has its number by this, and is not said to have read the note.
    let told = auditor.list_access(asked(inquiry)).await.expect("the trail").into_inner();
    let facts = page(&mut dana, inquiry).await.facts.expect("facts");
    assert_eq!(told.reference, facts.reference);
    assert!(told.entries.iter().all(|line| line.actor_id != "a" || line.action == "read audit log"), "{told:?}");

    // Among many lines of others they are found by an index.
    let many = "INSERT INTO audit_log (center_id, seq, at, actor_kind, actor_id, action, object_kind, object_id, purpose, outcome, \
         request_id, prev_hash, row_hash) SELECT $1, 1000000 + n, now(), 'staff', 'x', 'read note', 'inquiry', 'o' || n % 5000, '', \
         'done', '', '', '' FROM generate_series(1, 50000) AS n";
    sqlx::query(many).bind(CENTER).execute(&world.admin).await.expect("many lines");
    sqlx::query("ANALYZE audit_log").execute(&world.admin).await.expect("analyzed");
    let mut app = PgConnection::connect(world.database.app.expose_secret()).await.expect("a login");
    sqlx::query("SELECT set_config('app.center', $1, false)").bind(CENTER).execute(&mut app).await.expect("set");
    let plan: Vec<String> = sqlx::query_scalar(sqlx::AssertSqlSafe(format!("EXPLAIN {}", causeway_auth::audit::ABOUT)))
        .bind(CENTER)
        .bind([inquiry.to_string()])
        .bind(1_000_000_i64)
        .bind(201_i64)
        .fetch_all(&mut app)
        .await
        .expect("a plan");
    let plan = plan.join("\n");
    assert!(plan.contains("audit_log_object") && !plan.contains("Seq Scan"), "{plan}");
    app.close().await.expect("closed");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_long_trail_is_read_page_by_page_and_no_look_moves_it() {
    let world = World::start().await;
    let inquiry = world.intake_done().await;
    let mut auditor = world.staff("a", Role::Auditor);
    let mut read = async |page_token: &str| {
        let (center, inquiry_id, page_token) = (CENTER.to_owned(), inquiry.to_string(), page_token.to_owned());
        auditor.list_access(ListAccessRequest { center, inquiry_id, page_token }).await.map(Response::into_inner)
    };
    for _ in 0..410 {
        read("").await.expect("a look");
    }
    let newest = read("").await.expect("the newest");
    let again = read(&newest.page_token).await.expect("the same");
    assert_eq!((&again.entries, &again.page_token), (&newest.entries, &newest.page_token), "and none written since");
    let (mut pages, mut token) = (vec![newest.entries.len()], newest.next_page_token.clone());
    let mut all = newest.entries.clone();
    while !token.is_empty() {
        let page = read(&token).await.expect("an older page");
        pages.push(page.entries.len());
        token = page.next_page_token;
        all.extend(page.entries);
    }
    let kept = "SELECT count(*), count(*) FILTER (WHERE actor_id = 'a') FROM audit_log WHERE object_id = $1";
    let (kept, looks): (i64, i64) =
        sqlx::query_as(kept).bind(inquiry.to_string()).fetch_one(&world.admin).await.expect("counted");
    // The look at the newest ones and those that followed stand on no page of them.
    let since = i64::try_from(pages.len() + 1).expect("few");
    assert_eq!((pages[..2].to_vec(), i64::try_from(all.len()).expect("few")), (vec![200, 200], kept - since));
    assert_eq!(looks, 410 + since);
    let numbers: Vec<i64> = all.iter().map(|line| line.page_token.parse().expect("a number")).collect();
    assert!(numbers.windows(2).all(|pair| pair[0] > pair[1]), "none twice, in the order of the log: {numbers:?}");
    // One may begin after any line.
    let after = read(&all[7].page_token).await.expect("those before it");
    assert_eq!(after.entries[..192], all[8..200]);
    let made_up = read("page 2").await.expect_err("no token");
    assert_eq!(made_up.code(), Code::InvalidArgument);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_database_itself_refuses_other_centers_rows_and_an_open_inquiry_without_a_next_step() {
    let world = World::start().await;
    world.begin(2).await;
    let mut app = PgConnection::connect(world.database.app.expose_secret()).await.expect("a login");
    for table in ["inquiries", "timeline", "notes", "attempts", "idempotency_keys", "drafts"] {
        let sql = format!("SELECT count(*) FROM {table}");
        let seen: i64 = sqlx::query_scalar(sqlx::AssertSqlSafe(sql)).fetch_one(&mut app).await.expect("counted");
        assert_eq!(seen, 0, "no center, no rows of {table}");
    }
    let set = "SELECT set_config('app.center', $1, false)";
    sqlx::query(set).bind(OTHER).execute(&mut app).await.expect("set");
    let touched = sqlx::query("UPDATE inquiries SET owner = 'x'").execute(&mut app).await.expect("an update");
    assert_eq!(touched.rows_affected(), 0);
    sqlx::query(set).bind(CENTER).execute(&mut app).await.expect("set");
    assert!(sqlx::query("UPDATE inquiries SET center_id = 'lakeside'").execute(&mut app).await.is_err());
    for broken in [
        "UPDATE inquiries SET due_at = NULL",
        "UPDATE inquiries SET next_action = 'nothing'",
        "UPDATE inquiries SET team = ''",
        "UPDATE inquiries SET stage = 'closed'",
        "UPDATE inquiries SET stage = 'attended'",
        "UPDATE inquiries SET close_reason = 'duplicate'",
    ] {
        let refused = sqlx::query(broken).execute(&mut app).await.expect_err(broken);
        let code = refused.as_database_error().and_then(|cause| cause.code().map(|code| code.into_owned()));
        assert_eq!(code.as_deref(), Some("23514"), "{broken}");
    }
    app.close().await.expect("closed");
    world.end().await;
}
