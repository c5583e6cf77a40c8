//! A feed that goes quiet or floods us is one incident, which ends when the feed is itself again.

use causeway_ingestion::Config;
use causeway_ingestion::store::volume::CAME;
use secrecy::ExposeSecret as _;
use sqlx::{Connection as _, PgConnection};

use crate::hl7::{Office, referral};
use crate::world::{CENTER, World, eventually};

fn looking() -> Config {
    Config { feeds_look_seconds: 1, ..Config::default() }
}

/// Five messages in each hour from so many hours ago to so many hours ago.
async fn sent(world: &World, feed: &str, from: i32, to: i32) {
    let sql = "INSERT INTO messages (center_id, message_id, feed, kind, control_key, content_hash, state, sealed, received_at) \
        SELECT 'harbor-valley', gen_random_uuid(), $1, 'REF^I12', gen_random_uuid()::text::bytea, '\\x00', 'accepted', '\\x00', \
            now() - make_interval(hours => hour, mins => -minute) \
        FROM generate_series($3, $2) AS hour, generate_series(1, 50, 10) AS minute";
    sqlx::query(sql).bind(feed).bind(from).bind(to).execute(&world.admin).await.expect("inserted");
}

const OPEN: &str = "SELECT count(*) FROM feed_incidents WHERE closed_at IS NULL";
const ALL: &str = "SELECT count(*) FROM feed_incidents";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_quiet_feed_is_one_incident_for_all_processes_and_across_a_restart_and_ends_with_its_next_message() {
    let world = World::start_without_profiles(looking()).await;
    // Long enough for a day on which the center is open, whatever today is.
    sent(&world, "cedar-hl7", 8 * 7 * 24, 6 * 24).await;
    sent(&world, "sound-imaging-fhir", 8 * 7 * 24, 1).await;
    let second = world.second_door_with(looking()).await;
    world.apply_profiles().await;
    eventually("an incident", || async { world.count(OPEN).await == 1 }).await;
    eventually("both processes count it", || async {
        [&world.door, &second].iter().all(|door| door.gauge("causeway_feed_incident", "cedar-hl7") == 1.0)
    })
    .await;
    second.stop_softly();
    let third = world.second_door_with(looking()).await;
    eventually("a new process counts it", || async { third.gauge("causeway_feed_incident", "quiet") == 1.0 }).await;
    let of = "SELECT count(*) FROM feed_incidents WHERE feed = 'cedar-hl7' AND kind = 'quiet' AND expected > 6";
    assert_eq!((world.count(ALL).await, world.count(of).await), (1, 1));

    Office::calls(&world).await.ask(&referral("A-1", "R-1", "Testpatient"), 2).await;
    eventually("it is over", || async { world.count(OPEN).await == 0 }).await;
    eventually("nothing is counted", || async { world.door.gauge("causeway_feed_incident", "cedar-hl7") == 0.0 }).await;
    assert_eq!(world.count(ALL).await, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_feed_whose_volume_is_stated_and_that_never_sent_is_quiet_and_one_that_is_new_is_not_yet() {
    let world = World::start_with(looking()).await;
    let stated = "sending_facility = \"CEDARFM\"\nexpect = [{ weekdays = [\"monday\", \"tuesday\", \"wednesday\", \"thursday\", \
        \"friday\", \"saturday\"], hours = \"00:00-23:00\", messages = 23 }]\n";
    world.change_profile(CENTER, "feeds.toml", "sending_facility = \"CEDARFM\"\n", stated).await;
    let looked = "SELECT count(*) FROM feed_states WHERE feed = 'cedar-hl7' AND expected IS NOT NULL";
    eventually("it is looked after", || async { world.count(looked).await == 1 }).await;
    assert_eq!(world.count(ALL).await, 0, "nothing is missed of a new one");
    let earlier = "UPDATE feed_states SET known_since = now() - interval '8 days'";
    sqlx::query(earlier).execute(&world.admin).await.expect("earlier");
    let quiet = "SELECT count(*) FROM feed_incidents WHERE feed = 'cedar-hl7' AND kind = 'quiet' AND closed_at IS NULL";
    eventually("it is missed", || async { world.count(quiet).await == 1 }).await;
    assert_eq!(world.count(ALL).await, 1, "of no other feed anything is known");
    Office::calls(&world).await.ask(&referral("A-1", "R-1", "Testpatient"), 2).await;
    eventually("it is over", || async { world.count(OPEN).await == 0 }).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_is_one_incident_also_of_a_feed_without_a_past_that_sends_more_than_an_office_could() {
    let world = World::start_without_profiles(looking()).await;
    sent(&world, "cedar-hl7", 8 * 7 * 24, 1).await;
    let flood = "INSERT INTO messages (center_id, message_id, feed, kind, control_key, content_hash, state, sealed, received_at) \
        SELECT 'harbor-valley', gen_random_uuid(), feed, 'REF^I12', gen_random_uuid()::text::bytea, '\\x00', 'parked', '\\x00', \
        now() FROM (VALUES ('cedar-hl7', 500), ('sound-imaging-fhir', 500), ('harbor-phones', 250)) AS of (feed, messages), \
            generate_series(1, messages)";
    sqlx::query(flood).execute(&world.admin).await.expect("inserted");
    world.apply_profiles().await;
    eventually("the feeds were looked at", || async { world.count("SELECT count(*) FROM feed_states").await > 5 })
        .await;
    let of = "SELECT count(*) FROM feed_incidents WHERE feed = 'cedar-hl7' AND kind = 'flood' AND seen >= 500";
    let new = "SELECT count(*) FROM feed_incidents WHERE feed = 'sound-imaging-fhir' AND kind = 'flood' AND seen = 500";
    assert_eq!((world.count(ALL).await, world.count(of).await, world.count(new).await), (2, 1, 1));
    let unknown = "SELECT count(*) FROM feed_states WHERE seen IN (250, 500) AND expected IS NULL";
    assert_eq!(world.count(unknown).await, 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_came_since_the_last_look_is_found_by_an_index_among_many_messages() {
    let world = World::start().await;
    sent(&world, "cedar-hl7", 10_000, 1).await;
    sqlx::query("ANALYZE messages").execute(&world.admin).await.expect("analyzed");
    let mut app = PgConnection::connect(world.database.app.expose_secret()).await.expect("a login");
    sqlx::query("SELECT set_config('app.center', $1, false)").bind(CENTER).execute(&mut app).await.expect("set");
    let came = CAME.replace("$2", "now() - interval '2 hours'").replace("$3", "$2").replace("$4", "$3");
    let plan: Vec<String> = sqlx::query_scalar(sqlx::AssertSqlSafe(format!("EXPLAIN SELECT count(*) FROM {came}")))
        .bind(CENTER)
        .bind(vec!["cedar-hl7"])
        .bind(vec!["cedar-csv"])
        .fetch_all(&mut app)
        .await
        .expect("a plan");
    let plan = plan.join("\n");
    assert!(plan.contains("messages_received") && !plan.contains("Seq Scan"), "{plan}");
}
