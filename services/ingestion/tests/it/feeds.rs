//! What people see of feeds: what came against what is usual, what waits, what was not as usual, and which key was used.

use causeway_auth::{Actor, Role};
use causeway_ingestion::Config;
use causeway_ingestion::store::feeds::{INCIDENTS, WAITING};
use causeway_ingestion::store::volume::REPEATS;
use causeway_proto::inquiry::v1::{FeedStatus, ListFeedsRequest};
use secrecy::ExposeSecret as _;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};
use tonic::Code;

use crate::fhir::{self, request};
use crate::hl7::{Office, referral};
use crate::world::{CENTER, OTHER, World, eventually};

fn looking() -> Config {
    Config { feeds_look_seconds: 1, ..Config::default() }
}

fn manager() -> Actor {
    Actor::staff("max", "Max", CENTER, vec![Role::Manager])
}

async fn feed(world: &World, id: &str) -> FeedStatus {
    let asked = ListFeedsRequest { center: CENTER.into() };
    let told = world.client("portal", Some(manager())).list_feeds(asked).await.expect("told").into_inner();
    told.feeds.into_iter().find(|feed| feed.feed == id).expect("a feed of the profile")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_feed_tells_what_came_what_is_usual_what_waits_and_which_key_was_used() {
    let world = World::start_with(looking()).await;
    let stated = "rate_per_minute = 60\nexpect = [{ weekdays = [\"monday\", \"tuesday\", \"wednesday\", \"thursday\", \
        \"friday\", \"saturday\", \"sunday\"], hours = \"00:00-23:59\", messages = 48 }]\nstatus = { kind = \"fhir\"";
    let next = "0000000000000000000000000000000000000000000000000000000000000001";
    let change = |text: &str| {
        let key = text.lines().find(|line| line.contains("5b301571d8180b")).expect("its key").to_owned();
        let with_next = format!("{key}\nnext_key_sha256 = \"{next}\"");
        text.replacen("rate_per_minute = 60\nstatus = { kind = \"fhir\"", stated, 1).replacen(&key, &with_next, 1)
    };
    world.rewrite_profile(CENTER, "feeds.toml", change).await;
    eventually("the profile is in force", || async { feed(&world, "sound-imaging-fhir").await.credentials.len() == 2 })
        .await;
    let before = feed(&world, "sound-imaging-fhir").await;
    assert!(before.credentials.iter().all(|one| one.used_at == 0), "nobody has sent yet");
    let office = fhir::Office::of(&world);
    for number in ["R-1", "R-2"] {
        office.post("/ServiceRequest", &request(number, "Testpatient")).await;
    }
    assert_eq!(office.post("/ServiceRequest", &request("R-2", "Testother")).await.status, 200, "waits for a person");
    eventually("it was looked at", || async {
        let now = feed(&world, "sound-imaging-fhir").await;
        now.seen == 3 && now.credentials.iter().any(|one| one.used_at > 0)
    })
    .await;
    let now = feed(&world, "sound-imaging-fhir").await;
    assert_eq!(
        (now.kind.as_str(), now.office_name.as_str(), now.rate_per_minute, now.parked),
        ("fhir", "Sound Imaging", 60, 1)
    );
    let used: Vec<_> =
        now.credentials.iter().map(|one| (one.kind.as_str(), one.fingerprint.as_str(), one.used_at > 0)).collect();
    assert_eq!(used, [("key", "5b301571d818", true), ("next_key", "000000000000", false)]);
    assert_eq!((now.days.len(), now.days[13].messages, now.days[12].messages), (14, 3, 0));
    assert_eq!(now.hours.iter().map(|hour| hour.messages).sum::<i64>(), 3);
    let usual: Vec<f64> = now.days.iter().filter_map(|day| day.expected).collect();
    assert_eq!(usual.len(), 14, "what is stated is known of every day");
    // A day on which the center is closed expects nothing; today has not ended.
    assert!(usual[..13].iter().all(|day| *day == 0.0 || (*day - 48.0).abs() < 2.1), "{usual:?}");
    assert!(usual.iter().any(|day| *day > 40.0) && usual[13] <= 48.1, "{usual:?}");
    assert!(now.last_at > 0 && now.looked_at >= now.last_at && now.incidents.is_empty());
    let quiet = feed(&world, "cedar-hl7").await;
    assert_eq!((quiet.last_at, quiet.expected, quiet.days[13].expected), (0, None, None), "nothing is known of it");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_message_again_and_again_is_an_incident_that_ends_when_it_stops_and_rows_of_lists_are_none() {
    let world = World::start_with(looking()).await;
    let mut office = Office::calls(&world).await;
    for _ in 0..50 {
        office.ask(&referral("A-1", "R-1", "Testpatient"), 2).await;
    }
    assert_eq!(world.count("SELECT repeats::bigint FROM feed_repeats").await, 49, "it came once, and 49 times more");
    let open =
        "SELECT count(*) FROM feed_incidents WHERE feed = 'cedar-hl7' AND kind = 'repeats' AND closed_at IS NULL";
    tokio::time::sleep(std::time::Duration::from_secs(3)).await;
    assert_eq!(world.count(open).await, 0, "one less than an incident");
    office.ask(&referral("A-1", "R-1", "Testpatient"), 2).await;
    eventually("an incident", || async { world.count(open).await == 1 }).await;
    eventually("it is counted", || async { world.door.gauge("causeway_feed_incident", "repeats") == 1.0 }).await;
    let told = feed(&world, "cedar-hl7").await;
    assert_eq!((told.repeats, told.incidents[0].kind.as_str(), told.incidents[0].seen), (50, "repeats", 50));
    assert_eq!(world.count("SELECT count(*) FROM inquiries").await, 1, "it stands once");
    sqlx::query("UPDATE feed_repeats SET hour = hour - interval '3 hours'").execute(&world.admin).await.expect("later");
    eventually("it is over", || async { world.count(open).await == 0 }).await;
    let told = feed(&world, "cedar-hl7").await;
    assert_eq!((told.repeats, told.incidents.len(), told.incidents[0].closed_at > 0), (0, 1, true));
    sqlx::query("UPDATE feed_repeats SET hour = hour - interval '15 days'").execute(&world.admin).await.expect("later");
    eventually("it is forgotten", || async { world.count("SELECT count(*) FROM feed_repeats").await == 0 }).await;

    let list =
        "referral_id,patient_last,patient_first,birth_date,phone\nRB-1,Testpatient,Ana,1968-02-31,206-555-0142\n";
    for day in 0..2 {
        let url = format!("{}/v1/centers/{CENTER}/feeds/cedar-csv/csv", world.door.http);
        let sent = world.browser.post(url).bearer_auth("cedar-demo-key").body(format!("{list}{}", "\n".repeat(day)));
        assert!(sent.send().await.expect("an answer").status().is_success());
        eventually("it is read", || async {
            world.count("SELECT count(*) FROM files WHERE state = 'done'").await == i64::try_from(day).expect("few") + 1
        })
        .await;
    }
    assert_eq!(world.count("SELECT sum(times) FROM messages WHERE feed = 'cedar-csv'").await, 2);
    assert_eq!(world.count("SELECT count(*) FROM feed_repeats").await, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_may_not_see_the_feeds_of_a_center_is_refused() {
    let world = World::start().await;
    let ask = async |actor: Actor, center: &str| {
        let asked = ListFeedsRequest { center: center.into() };
        world
            .client("portal", Some(actor))
            .list_feeds(asked)
            .await
            .map(|told| told.into_inner().feeds.len())
            .map_err(|status| status.code())
    };
    for role in [Role::Coordinator, Role::Scheduler, Role::Reviewer, Role::TrialCoordinator, Role::Analyst] {
        assert_eq!(
            ask(Actor::staff("ana", "Ana", CENTER, vec![role]), CENTER).await,
            Err(Code::PermissionDenied),
            "{role}"
        );
    }
    assert_eq!(ask(manager(), OTHER).await, Err(Code::PermissionDenied), "another center's");
    assert!(ask(manager(), CENTER).await.is_ok_and(|feeds| feeds > 2));
    assert!(ask(Actor::operator("ops", "Ops"), OTHER).await.is_ok());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_told_of_feeds_is_found_by_indexes_among_much() {
    let world = World::start().await;
    for many in [
        "INSERT INTO messages (center_id, message_id, feed, kind, control_key, content_hash, state, sealed, received_at) \
         SELECT 'harbor-valley', gen_random_uuid(), 'cedar-hl7', 'REF^I12', decode(md5(n::text), 'hex'), decode(md5(n::text), 'hex'), \
             CASE WHEN n % 1000 = 0 THEN 'parked' ELSE 'accepted' END, '\\x00', now() FROM generate_series(1, 50000) AS n",
        "INSERT INTO files (center_id, file_id, feed, door, heading, state, received_at) \
         SELECT 'harbor-valley', gen_random_uuid(), 'cedar-csv', 'upload', '\\x00', CASE WHEN n % 1000 = 0 THEN 'parked' ELSE 'done' END, now() \
         FROM generate_series(1, 20000) AS n",
        "INSERT INTO feed_incidents (center_id, incident_id, feed, kind, opened_at, closed_at, seen, expected) \
         SELECT 'harbor-valley', gen_random_uuid(), 'feed-' || n % 20, 'quiet', now() - make_interval(hours => n), now(), 0, 7 \
         FROM generate_series(1, 20000) AS n",
        "INSERT INTO feed_repeats (center_id, hour, feed, message_id, repeats) \
         SELECT 'harbor-valley', date_trunc('hour', now()) - make_interval(hours => n % 300), 'cedar-hl7', gen_random_uuid(), 1 \
         FROM generate_series(1, 20000) AS n",
        "ANALYZE messages, files, feed_incidents, feed_repeats",
    ] {
        sqlx::raw_sql(many).execute(&world.admin).await.expect("done");
    }
    let mut app = PgConnection::connect(world.database.app.expose_secret()).await.expect("a login");
    sqlx::query("SELECT set_config('app.center', $1, false)").bind(CENTER).execute(&mut app).await.expect("set");
    let center = format!("'{CENTER}'");
    for (sql, indexes) in [
        (WAITING.replace("$1", &center), ["messages_", "files_to_repair"]),
        (
            INCIDENTS.replace("$1", &center).replace("$2", "ARRAY['feed-1', 'feed-2']").replace("$3", "10"),
            ["feed_incidents_of_feed", ""],
        ),
        (REPEATS.replace("$1", &center).replace("$2", "now() - interval '2 hours'"), ["feed_repeats_pkey", ""]),
    ] {
        let explained = AssertSqlSafe(format!("EXPLAIN {sql}"));
        let plan: Vec<String> = sqlx::query_scalar(explained).fetch_all(&mut app).await.expect("a plan");
        let plan = plan.join("\n");
        assert!(indexes.iter().all(|index| plan.contains(index)) && !plan.contains("Seq Scan"), "{plan}");
    }
}
