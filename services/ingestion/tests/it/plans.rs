//! How PostgreSQL answers what is asked with each message, where there are many.

use secrecy::ExposeSecret as _;
use sqlx::{Connection as _, PgConnection};

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
