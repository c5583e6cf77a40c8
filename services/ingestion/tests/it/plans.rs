//! How PostgreSQL answers what is asked with each message, where there are many.

use causeway_ingestion::store::referrals::NEWS;
use causeway_mailbox::Ts;
use secrecy::ExposeSecret as _;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};

use crate::world::{CENTER, World};

const MANY: &str = "INSERT INTO messages (center_id, message_id, feed, kind, control_key, content_hash, state, sealed, received_at) \
     SELECT 'harbor-valley', gen_random_uuid(), 'cedar-hl7', 'REF^I12', decode(md5(n::text), 'hex'), decode(md5(n::text), 'hex'), \
         CASE WHEN n % 10 = 0 THEN 'refused' ELSE 'accepted' END, '\\x00', now() FROM generate_series(1, 50000) AS n";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_stands_under_a_control_id_is_found_by_an_index_among_many_messages() {
    let world = World::start().await;
    // As a process from before the news writes: it does not know when something changed.
    sqlx::query(MANY).execute(&world.admin).await.expect("inserted");
    sqlx::query("ANALYZE messages").execute(&world.admin).await.expect("analyzed");
    let mut app = PgConnection::connect(world.database.app.expose_secret()).await.expect("a login");
    sqlx::query("SELECT set_config('app.center', $1, false)").bind(CENTER).execute(&mut app).await.expect("set");
    let plan: Vec<String> = sqlx::query_scalar(
        "EXPLAIN SELECT message_id, control_key, messages.content_hash, state, reason, messages.inquiry_id, reference \
         FROM messages LEFT JOIN inquiries USING (center_id, inquiry_id) \
         WHERE center_id = $1 AND control_key = ANY($2)",
    )
    .bind(CENTER)
    .bind(vec![vec![7_u8; 16]])
    .fetch_all(&mut app)
    .await
    .expect("a plan");
    let plan = plan.join("\n");
    assert!(plan.contains("messages_control") && !plan.contains("Seq Scan on messages"), "{plan}");
}

const MANY_REFERRALS: [&str; 2] = [
    "INSERT INTO messages (center_id, message_id, feed, kind, control_key, content_hash, state, sealed, received_at, changed_at, \
        inquiry_id) \
     SELECT 'harbor-valley', gen_random_uuid(), 'feed-' || n % 5, 'ServiceRequest', decode(md5(n::text), 'hex'), \
         decode(md5(n::text), 'hex'), 'accepted', '\\x00', now(), now() - make_interval(secs => n), md5(n::text)::uuid \
     FROM generate_series(1, 50000) AS n",
    "INSERT INTO referral_states (center_id, inquiry_id, feed, version, changed_at) \
     SELECT 'harbor-valley', md5(n::text)::uuid, 'feed-' || n % 5, 1, now() - make_interval(secs => n) \
     FROM generate_series(1, 50000, 2) AS n",
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_new_of_a_feed_is_found_by_indexes_among_many_referrals() {
    let world = World::start().await;
    for sql in MANY_REFERRALS {
        sqlx::query(sql).execute(&world.admin).await.expect("inserted");
    }
    sqlx::raw_sql("ANALYZE messages; ANALYZE referral_states").execute(&world.admin).await.expect("analyzed");
    let mut app = PgConnection::connect(world.database.app.expose_secret()).await.expect("a login");
    sqlx::query("SELECT set_config('app.center', $1, false)").bind(CENTER).execute(&mut app).await.expect("set");
    let plan: Vec<String> = sqlx::query_scalar(AssertSqlSafe(format!("EXPLAIN {NEWS}")))
        .bind(CENTER)
        .bind("feed-3")
        .bind(Ts("2020-01-01T00:00:00Z".parse().expect("a time")))
        .bind(Ts("2100-01-01T00:00:00Z".parse().expect("a time")))
        .bind(Ts("2020-01-01T00:00:00Z".parse().expect("a time")))
        .bind(uuid::Uuid::nil())
        .bind(51_i64)
        .fetch_all(&mut app)
        .await
        .expect("a plan");
    let plan = plan.join("\n");
    for index in ["messages_news", "referral_states_news", "messages_inquiry", "referral_states_pkey"] {
        assert!(plan.contains(index), "{index}: {plan}");
    }
    assert!(!plan.contains("Seq Scan"), "{plan}");
}
