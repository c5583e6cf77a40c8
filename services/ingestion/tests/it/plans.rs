//! How PostgreSQL answers what is asked with each message, where there are many.

use causeway_ingestion::store::messages::STANDING;
use causeway_ingestion::store::{document_work, documents};
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
    let plan: Vec<String> = sqlx::query_scalar(AssertSqlSafe(format!("EXPLAIN {STANDING}")))
        .bind(CENTER)
        .bind(vec![vec![7_u8; 16]])
        .fetch_all(&mut app)
        .await
        .expect("a plan");
    let plan = plan.join("\n");
    assert!(
        plan.contains("messages_same") && plan.contains("messages_refused") && !plan.contains("Seq Scan on messages"),
        "{plan}"
    );
}

const MANY_DOCUMENTS: &str = "INSERT INTO documents (center_id, document_id, inquiry_id, state, door, scan, scan_at, heading, content_key, \
        received_at, changed_at) \
     SELECT 'harbor-valley', gen_random_uuid(), ('00000000-0000-0000-0000-' || lpad((n % 5000)::text, 12, '0'))::uuid, \
         CASE WHEN n % 1000 = 0 THEN 'receiving' ELSE 'kept' END, 'patient', \
         CASE WHEN n % 1000 = 0 THEN '' WHEN n % 1000 = 1 THEN 'waiting' ELSE 'clean' END, \
         CASE WHEN n % 1000 = 1 THEN now() END, '\\x00', decode(md5(n::text), 'hex'), now(), now() - interval '2 days' \
     FROM generate_series(1, 50000) AS n";
const MANY_PARTS: &str = "INSERT INTO document_parts (center_id, document_id, part, object_id, bytes) \
     SELECT center_id, document_id, part, gen_random_uuid(), 1 FROM documents, generate_series(0, 1) AS part";
const MANY_TO_UNPACK: &str = "UPDATE messages SET unpack_at = now(), inquiry_id = gen_random_uuid() \
     WHERE control_key = ANY (SELECT decode(md5(n::text), 'hex') FROM generate_series(1, 50) AS n)";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn documents_of_an_inquiry_and_the_work_on_them_are_found_by_an_index_among_many() {
    let world = World::start().await;
    for many in [MANY, MANY_DOCUMENTS, MANY_PARTS, MANY_TO_UNPACK, "ANALYZE documents, document_parts, messages"] {
        sqlx::raw_sql(many).execute(&world.admin).await.expect("done");
    }
    let inquiry = "'00000000-0000-0000-0000-000000000007'::uuid";
    let list = documents::LIST.replace("$1", "'harbor-valley'").replace("$2", inquiry).replace("$3", "false");
    let app = [
        (list.replace("$4", "200"), "documents_"),
        (
            format!(
                "SELECT document_id FROM documents WHERE center_id = 'harbor-valley' AND inquiry_id = {inquiry} \
                AND content_key = '\\x07' AND state IN ('kept', 'refused', 'wished')"
            ),
            "documents_same",
        ),
        (
            "SELECT object_id FROM document_parts WHERE center_id = 'harbor-valley' \
                AND object_id = ANY ('{00000000-0000-0000-0000-000000000001,00000000-0000-0000-0000-000000000002}'::uuid[])"
                .to_owned(),
            "document_parts_object",
        ),
        (
            format!(
                "SELECT object_id FROM document_parts WHERE center_id = 'harbor-valley' AND document_id = {inquiry}"
            ),
            "document_parts_pkey",
        ),
    ];
    let machine = [
        (document_work::TO_SCAN.replace("$1", "20"), "documents_to_scan"),
        (document_work::UNFINISHED.replace("$1", "24"), "documents_unfinished"),
        (document_work::TO_UNPACK.replace("$1", "20"), "messages_to_unpack"),
        (document_work::NOT_UNPACKED.to_owned(), "messages_to_unpack"),
    ];
    let mut own = PgConnection::connect(world.database.app.expose_secret()).await.expect("a login");
    sqlx::query("SELECT set_config('app.center', $1, false)").bind(CENTER).execute(&mut own).await.expect("set");
    let mut all = PgConnection::connect(world.database.machine.expose_secret()).await.expect("a login");
    for (connection, queries) in [(&mut own, app.as_slice()), (&mut all, machine.as_slice())] {
        for (query, index) in queries {
            let explained = sqlx::AssertSqlSafe(format!("EXPLAIN {query}"));
            let plan: Vec<String> = sqlx::query_scalar(explained).fetch_all(&mut *connection).await.expect("a plan");
            let plan = plan.join("\n");
            assert!(plan.contains(index) && !plan.contains("Seq Scan on"), "{index}: {plan}");
        }
    }
}
