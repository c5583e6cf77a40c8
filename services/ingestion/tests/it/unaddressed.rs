//! What belongs to nobody is kept for an operator, within bounds, and becomes somebody's.

use std::time::Duration;

use causeway_auth::{Actor, audit};
use causeway_ingestion::Config;
use causeway_ingestion::store::unaddressed as store;
use causeway_proto::inquiry::v1::{
    AssignUnaddressedRequest, HeardMessage, OpenUnaddressedRequest, SetAsideUnaddressedRequest, UnaddressedFrame,
};
use secrecy::ExposeSecret as _;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection, PgPool, Row as _};
use tonic::{Code, Status};

use crate::hl7::{Office, code, framed, referral};
use crate::privacy::tables_with;
use crate::world::{CENTER, World, coordinator, eventually};

fn operator() -> Option<Actor> {
    Some(Actor::operator("ops", "Ops"))
}

/// Reason, state, times and id of what is kept, the oldest first.
async fn kept(world: &World) -> Vec<(String, String, i32, String)> {
    sqlx::query_as("SELECT reason, state, times, frame_id::text FROM unaddressed ORDER BY received_at, frame_id")
        .fetch_all(&world.admin)
        .await
        .expect("frames")
}

async fn reasons(world: &World) -> Vec<String> {
    kept(world).await.into_iter().map(|(reason, ..)| reason).collect()
}

async fn is_kept(world: &World, reason: &str) {
    eventually(reason, || async { reasons(world).await.iter().any(|kept| kept == reason) }).await;
}

async fn show(world: &World, actor: Option<Actor>, id: &str) -> Result<UnaddressedFrame, Status> {
    let request = OpenUnaddressedRequest { frame_id: id.into(), purpose: "repair".into() };
    Ok(world.client("portal", actor).open_unaddressed(request).await?.into_inner())
}

async fn assign(world: &World, id: &str, feed: &str) -> Result<Vec<HeardMessage>, Status> {
    let request = AssignUnaddressedRequest { frame_id: id.into(), center: CENTER.into(), feed: feed.into() };
    Ok(world.client("portal", operator()).assign_unaddressed(request).await?.into_inner().heard)
}

async fn set_aside(world: &World, id: &str, reason: &str) -> Result<(), Status> {
    let request = SetAsideUnaddressedRequest { frame_id: id.into(), reason: reason.into() };
    world.client("portal", operator()).set_aside_unaddressed(request).await.map(|_| ())
}

fn from_nobody(control_id: &str) -> String {
    referral(control_id, control_id, "Testpatient").replace("|CEDARFM|", "|CEDARFMILY|")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_is_nobodys_is_kept_with_its_reason_and_its_sender_hears_what_it_heard_before() {
    let mut config = Config::default();
    (config.mllp.frame_bytes, config.mllp.stall_seconds) = (20_000, 1);
    let world = World::start_with(config).await;
    let mut office = Office::calls(&world).await;
    let elsewhere = referral("U-1", "U-1", "Testpatient").replace("HARBORVALLEY", "SOMEBODYELSE");
    assert_eq!(code(&office.ask(&elsewhere, 1).await[0]), "CR");
    assert_eq!(code(&office.ask(&from_nobody("U-2"), 1).await[0]), "CR");
    assert_eq!(code(&office.ask(&elsewhere, 1).await[0]), "CR");
    let file =
        "BHS|^~\\&|HUB|CEDARFM|CW|HARBORVALLEY|2026|||||B-1\r".to_owned() + &referral("U-3", "U-3", "Testpatient");
    assert_eq!(code(&office.ask(&(file.clone() + "BTS|2\r"), 1).await[0]), "AE");
    office.send(&framed("GET / HTTP/1.1\r\n")).await;
    let long = referral("U-4", "U-4", "Testpatient").replace("Evaluate", &"x".repeat(30_000));
    let replies = office.ask(&long, 1).await;
    assert_eq!(code(&replies[0]), "CR", "it would be sent for ever");
    assert!(replies[0].contains("|207^") && replies[0].contains("longer than is taken here"), "{}", replies[0]);
    assert_eq!(code(&office.ask(&referral("U-5", "U-5", "Testpatient"), 2).await[0]), "CA", "the line goes on");
    let whole = framed(&referral("U-6", "U-6", "Testpatient"));
    Office::calls(&world).await.send(&whole[..200]).await;
    let mut slow = Office::calls(&world).await;
    slow.send(&whole[..180]).await;
    is_kept(&world, "cut").await;
    assert!(slow.ended(Duration::from_secs(10)).await.is_empty(), "who stands still loses the line");
    eventually("it is the same message", || async {
        kept(&world).await.iter().any(|one| one.0 == "cut" && one.2 == 2)
    })
    .await;
    let expected = ["unknown_center", "unknown_sender", "batch_refused", "no_header", "too_long", "cut"];
    assert_eq!(reasons(&world).await, expected);
    assert_eq!(kept(&world).await[0].2, 2, "the same came twice");
    assert_eq!(world.count("SELECT count(*) FROM inquiries").await, 1);
    let first = show(&world, operator(), &kept(&world).await[0].3).await.expect("opened");
    assert!(first.raw.contains("SOMEBODYELSE") && first.raw.contains("Testpatient"), "as it came");
    assert_eq!((first.network.as_str(), first.times), ("127.0.0.1", 2));
    let counted = world.door.metric("causeway_unaddressed_frames_total", "kept");
    assert!((counted - 6.0).abs() < f64::EPSILON, "{counted}");
    eventually("operators see that it waits", || async {
        (world.door.gauge("causeway_unaddressed_frames_waiting", "no_header") - 1.0).abs() < f64::EPSILON
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_cut_before_its_header_was_whole_is_kept_nowhere() {
    let world = World::start().await;
    let whole = framed(&referral("V-1", "V-1", "Testpatient"));
    let header = whole.iter().position(|byte| *byte == b'\r').expect("a header");
    for end in [1, 9, 40, header, header + 3] {
        Office::calls(&world).await.send(&whole[..end]).await;
    }
    Office::calls(&world).await.send(b"GET / HTTP/1.1\r\n\r\n").await;
    eventually("all are counted", || async {
        (world.door.metric("causeway_partner_messages_total", "cut") - 4.0).abs() < f64::EPSILON
    })
    .await;
    assert_eq!(reasons(&world).await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_operator_puts_a_frame_to_a_feed_and_it_is_as_if_it_had_come_from_it() {
    let world = World::start().await;
    let mut office = Office::calls(&world).await;
    office.ask(&from_nobody("W-1"), 1).await;
    let file = "BHS|^~\\&|HUB|CEDARFM|CW|HARBORVALLEY|2026|||||B-1\r".to_owned()
        + &referral("W-2", "W-2", "Testpatient")
        + &referral("W-3", "W-3", "Testpatient").replace("Testpatient^Marisol", "");
    office.ask(&(file + "BTS|9\r"), 1).await;
    office.send(&framed("nothing at all")).await;
    is_kept(&world, "no_header").await;
    let ids: Vec<String> = kept(&world).await.into_iter().map(|one| one.3).collect();

    let denied = show(&world, Some(coordinator(CENTER)), &ids[0]).await.expect_err("of no center");
    assert_eq!(denied.code(), Code::PermissionDenied);
    assert_eq!(assign(&world, &ids[0], "no-feed").await.expect_err("none").code(), Code::InvalidArgument);
    let heard = assign(&world, &ids[0], "cedar-hl7").await.expect("heard");
    assert_eq!((heard.len(), heard[0].kind.as_str(), heard[0].outcome.as_str()), (1, "REF^I12", "accepted"));
    assert!(heard[0].reference.starts_with("HV-"), "{}", heard[0].reference);
    let again = assign(&world, &ids[0], "cedar-hl7").await.expect_err("it waits no more");
    assert_eq!(again.code(), Code::FailedPrecondition);
    let both = assign(&world, &ids[1], "cedar-hl7").await.expect("heard, whatever it counts");
    let outcomes: Vec<&str> = both.iter().map(|one| one.outcome.as_str()).collect();
    assert_eq!(outcomes, ["accepted", "refused"]);
    assert_eq!(assign(&world, &ids[2], "cedar-hl7").await.expect_err("no message").code(), Code::FailedPrecondition);
    assert_eq!(set_aside(&world, &ids[2], "boredom").await.expect_err("no reason").code(), Code::InvalidArgument);
    set_aside(&world, &ids[2], "not_ours").await.expect("set aside");

    let states: Vec<String> = kept(&world).await.into_iter().map(|one| one.1).collect();
    assert_eq!(states, ["assigned", "assigned", "set_aside"]);
    assert_eq!(world.count("SELECT count(*) FROM unaddressed WHERE sealed <> '' OR bytes > 0").await, 0);
    assert_eq!(world.count("SELECT count(*) FROM inquiries WHERE source = 'hl7'").await, 2);
    assert_eq!(world.count("SELECT count(*) FROM messages WHERE feed = 'cedar-hl7' AND state = 'refused'").await, 1);
    // Sent again under its right name it is the same referral.
    let facts = "SELECT count(*) FROM messages WHERE feed = 'cedar-hl7' AND state = 'accepted'";
    assert_eq!(code(&office.ask(&referral("W-9", "W-1", "Testpatient"), 2).await[1]), "AA");
    assert_eq!((world.count(facts).await, world.count("SELECT count(*) FROM inquiries").await), (3, 2));
    let verified = audit::verify(&world.admin, "-").await.expect("verified");
    assert_eq!((verified.rows, verified.fault), (4, None), "a refused look, two put to a feed, one set aside");
}

fn file(messages: &[String]) -> String {
    let head = "BHS|^~\\&|HUB|CEDARFM|CW|HARBORVALLEY|2026|||||B-1\r";
    format!("{head}{}BTS|{}\r", messages.concat(), messages.len())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_nobodys_in_a_file_is_kept_at_once_and_nothing_of_it_is_lost_when_it_is_put_to_a_feed() {
    let mut config = Config::default();
    config.mllp.unaddressed.per_minute = 2;
    let world = World::start_with(config).await;
    let mut office = Office::calls(&world).await;
    let mut messages: Vec<String> = (0..10).map(|number| from_nobody(&format!("F-{number}"))).collect();
    messages.push("MSH|^~\r".to_owned() + "PID|1||Quillonia\r");
    messages.push(referral("F-99", "F-99", "Testpatient"));
    let replies = office.ask(&file(&messages), 12).await;
    assert!(replies[..10].iter().all(|reply| code(reply) == "CR"), "{replies:?}");
    assert_eq!(reasons(&world).await, ["unknown_sender"], "one for all of it");
    assert_eq!(world.count("SELECT count(*) FROM inquiries").await, 1, "the others are taken");
    let id = kept(&world).await[0].3.clone();
    let raw = show(&world, operator(), &id).await.expect("opened").raw;
    assert!(raw.starts_with("BHS|") && raw.contains("F-9|") && raw.contains("Quillonia") && !raw.contains("F-99"));
    let heard = assign(&world, &id, "cedar-hl7").await.expect("heard");
    assert!(heard.len() == 10 && heard.iter().all(|one| one.outcome == "accepted"), "{heard:?}");
    assert_eq!(world.count("SELECT count(*) FROM inquiries").await, 11);
    let left = kept(&world).await;
    assert_eq!((left[1].0.as_str(), left[1].1.as_str()), ("no_header", "waiting"), "what nobody could read waits");
    assert!(show(&world, operator(), &left[1].3).await.expect("opened").raw.contains("Quillonia"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_was_refused_is_heard_by_its_feed_also_where_its_headers_say_nothing() {
    let world = World::start().await;
    let mut office = Office::calls(&world).await;
    let named = "BHS|^~\\&|HUB|CEDARFM|CW|HARBORVALLEY\r";
    for (at, head) in ["FHS|^~\\&\rBHS|^~\\&\r", "BHS|^~\\&\r", "FHS|^~\\&\r", named].into_iter().enumerate() {
        let ids = [format!("H-{at}-1"), format!("H-{at}-2")];
        let messages = ids.each_ref().map(|id| referral(id, id, "Testpatient")).concat();
        office.send(&framed(&format!("{head}{messages}BTS|9\rFTS|1\r"))).await;
        eventually("it is kept", || async { kept(&world).await.len() == at + 1 }).await;
        let (reason, state, _, id) = kept(&world).await.pop().expect("one");
        assert_eq!((reason.as_str(), state.as_str()), ("batch_refused", "waiting"), "{head}");
        let heard = assign(&world, &id, "cedar-hl7").await.expect("heard");
        let outcomes: Vec<&str> = heard.iter().map(|one| one.outcome.as_str()).collect();
        assert_eq!(outcomes, ["accepted", "accepted"], "{head}");
    }
    assert_eq!(world.count("SELECT count(*) FROM inquiries").await, 8);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refusal_waits_until_there_is_room_to_keep_what_is_refused() {
    let mut config = Config::default();
    config.mllp.unaddressed.per_minute = 1;
    let world = World::start_with(config).await;
    let mut office = Office::calls(&world).await;
    assert_eq!(code(&office.ask(&from_nobody("R-1"), 1).await[0]), "CR");
    let reply = office.ask(&from_nobody("R-2"), 1).await.remove(0);
    assert!(!["CR", "CA"].contains(&code(&reply)), "{reply}");
    assert!(office.ended(Duration::from_secs(5)).await.is_empty(), "the line is closed, and it is sent again");
    assert_eq!(world.count("SELECT count(*) FROM unaddressed").await, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn messages_that_are_too_long_and_have_no_control_id_are_not_taken_for_one() {
    let mut config = Config::default();
    config.mllp.frame_bytes = 20_000;
    let world = World::start_with(config).await;
    for number in ["L-1", "L-2"] {
        let long = referral("", number, "Testpatient").replace("Evaluate", &"x".repeat(30_000));
        Office::calls(&world).await.send(&framed(&long)).await;
    }
    eventually("both are kept", || async { reasons(&world).await == ["too_long", "too_long"] }).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_frame_that_one_feed_hears_is_heard_by_no_other_and_can_be_finished_after_a_crash() {
    let world = World::start().await;
    let mut office = Office::calls(&world).await;
    office.ask(&from_nobody("K-1"), 1).await;
    let id = kept(&world).await[0].3.clone();
    let begun = |feed: &str| format!("UPDATE unaddressed SET outcome = '{feed}'");
    for sql in [begun("lakeside/other-hl7"), begun("harbor-valley/cedar-hl7")] {
        sqlx::raw_sql(AssertSqlSafe(sql)).execute(&world.admin).await.expect("somebody began");
        let aside = set_aside(&world, &id, "not_ours").await.expect_err("a feed hears it");
        assert_eq!(aside.code(), Code::FailedPrecondition);
        if world.count("SELECT count(*) FROM unaddressed WHERE outcome LIKE 'lakeside%'").await == 1 {
            assert_eq!(assign(&world, &id, "cedar-hl7").await.expect_err("another").code(), Code::FailedPrecondition);
            assert_eq!(world.count("SELECT count(*) FROM inquiries").await, 0);
        }
    }
    assert_eq!(assign(&world, &id, "cedar-hl7").await.expect("it goes on").len(), 1);
    assert_eq!(world.count("SELECT count(*) FROM inquiries").await, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_of_such_frames_takes_the_room_it_may_and_no_center_and_no_table_tells_of_them() {
    const CANARY: &str = "Quillonia Marsh zebrafish";
    let mut config = Config::default();
    (config.mllp.unaddressed.bytes, config.mllp.unaddressed.per_minute) = (80_000, 12);
    let world = World::start_with(config).await;
    let mut office = Office::calls(&world).await;
    for number in 0..20 {
        office.send(&framed(&format!("{CANARY} {number}"))).await;
    }
    eventually("all are counted", || async {
        (world.door.metric("causeway_partner_messages_total", "unaddressed") - 20.0).abs() < f64::EPSILON
            && world.door.metric("causeway_unaddressed_frames_total", "too_often") > 0.0
    })
    .await;
    let of = |outcome: &str| world.door.metric("causeway_unaddressed_frames_total", outcome);
    assert!((of("kept") - 4.0).abs() < f64::EPSILON, "a quarter of the room: {}", of("kept"));
    assert!((of("no_room") - 8.0).abs() < f64::EPSILON && (of("too_often") - 8.0).abs() < f64::EPSILON);
    assert_eq!(world.count("SELECT count(*) FROM unaddressed").await, 4);
    assert_eq!(tables_with(&world, CANARY).await, Vec::<String>::new());

    let app = PgPool::connect(world.database.app.expose_secret()).await.expect("the app's login");
    for (center, count) in [("-", 4_i64), (CENTER, 0)] {
        let sql = format!("SELECT set_config('app.center', '{center}', true); SELECT count(*) FROM unaddressed");
        let rows = sqlx::raw_sql(AssertSqlSafe(sql)).fetch_all(&app).await.expect("counted");
        assert_eq!(rows.last().map(|row| row.get::<i64, _>(0)), Some(count), "{center}");
    }
    let old = "UPDATE unaddressed SET last_at = now() - interval '31 days' WHERE frame_id = (SELECT frame_id FROM unaddressed LIMIT 1)";
    sqlx::query(old).execute(&world.admin).await.expect("aged");
    let config = Config { erase_look_seconds: 1, ..Config::default() };
    let _second = world.second_door_with(config).await;
    eventually("what is old is erased", || async { world.count("SELECT count(*) FROM unaddressed").await == 3 }).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_the_database_no_refusal_is_given_that_nothing_is_kept_of() {
    let mut world = World::start_alone(Config::default()).await;
    let mut office = Office::calls(&world).await;
    world.postgres().kill().await.expect("killed");
    office.send(&framed(&from_nobody("X-1"))).await;
    let heard = String::from_utf8(office.ended(Duration::from_secs(20)).await).expect("text");
    assert!(!heard.contains("MSA|CR"), "{heard}");
    world.postgres().restart().await.expect("started again");
    eventually("the same is kept", || async { Office::calls(&world).await.try_ask(&from_nobody("X-1")).await }).await;
    is_kept(&world, "unknown_sender").await;
}

const MANY: &str = "INSERT INTO unaddressed (frame_id, same, reason, state, origin, network, bytes, sealed, received_at, last_at) \
     SELECT gen_random_uuid(), decode(md5(n::text), 'hex'), 'no_header', CASE WHEN n % 10 = 0 THEN 'waiting' ELSE 'set_aside' END, \
         'public', 'n' || n % 50, 4096, '\\x00', now() - make_interval(secs => n), now() - make_interval(secs => n) \
     FROM generate_series(1, 50000) AS n";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn frames_are_known_counted_listed_and_erased_by_indexes_among_many() {
    let world = World::start().await;
    sqlx::query(MANY).execute(&world.admin).await.expect("inserted");
    sqlx::raw_sql("VACUUM ANALYZE unaddressed").execute(&world.admin).await.expect("analyzed");
    let mut app = PgConnection::connect(world.database.app.expose_secret()).await.expect("a login");
    sqlx::query("SELECT set_config('app.center', '-', false)").execute(&mut app).await.expect("set");
    let list = "SELECT frame_id FROM unaddressed WHERE center_id = '-' AND state = 'waiting' ORDER BY received_at, frame_id LIMIT 100";
    for (query, index) in [
        (store::AGAIN.replace("$1", "'-'").replace("$2", "'\\x07'").replace("$3", "now()"), "unaddressed_same"),
        (store::ROOM.replace("$1", "'-'").replace("$2", "'n7'"), "unaddressed_room"),
        (
            store::OLD.replace("$1", "'-'").replace("$2", "now() - interval '12 hours'").replace("$3", "200"),
            "unaddressed_old",
        ),
        (list.to_owned(), "unaddressed_waiting"),
    ] {
        let explained = AssertSqlSafe(format!("EXPLAIN {query}"));
        let plan: Vec<String> = sqlx::query_scalar(explained).fetch_all(&mut app).await.expect("a plan");
        let plan = plan.join("\n");
        assert!(plan.contains(index) && !plan.contains("Seq Scan"), "{index}: {plan}");
    }
}
