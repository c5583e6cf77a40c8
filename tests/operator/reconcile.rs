//! `causeway reconcile`: as after a restore, where a listener's inbox is older than what was published.

use causeway_tests::{Installation, eventually};
use uuid::Uuid;

pub async fn what_a_listener_lacks_is_counted_and_published_again(installation: &Installation) {
    let mut owner = installation.owner("ingestion").await;
    let (unit, events): (Uuid, i64) = sqlx::query_as(
        "SELECT coalesce(message_id, event_id), count(*) FROM outbox WHERE subject LIKE '%.inquiry.received' GROUP BY 1 LIMIT 1",
    )
    .fetch_one(&mut owner)
    .await
    .expect("a message that was published");
    let reconcile = async || {
        let (code, told) = installation.json(&["reconcile", "--only", "ingestion"]).await;
        assert_eq!((code, told.len()), (0, 1), "{told:?}");
        assert_eq!((&told[0]["service"], &told[0]["compared"]["silent"]), (&"ingestion".into(), &0.into()), "{told:?}");
        assert!(told[0]["compared"]["events"].as_i64() > Some(0), "{told:?}");
        told[0]["compared"]["republished"].as_i64()
    };
    assert_eq!(reconcile().await, Some(0), "everybody has everything");
    let mut listener = installation.owner("metrics").await;
    let forgotten =
        sqlx::query("DELETE FROM inbox WHERE id = $1").bind(unit).execute(&mut listener).await.expect("gone");
    assert_eq!(forgotten.rows_affected(), 1);
    assert_eq!(reconcile().await, Some(events), "what is missing is published again");
    let known = async || {
        let asked = sqlx::query_scalar("SELECT count(*) FROM inbox WHERE id = $1").bind(unit);
        let found: i64 = asked.fetch_one(&mut installation.owner("metrics").await).await.expect("asked");
        found == 1
    };
    eventually("the listener has it", 30, known).await;
    assert_eq!(reconcile().await, Some(0));
    let (code, text) = installation.command(&["reconcile"]).await;
    assert_eq!((code, text.lines().count()), (0, 6), "{text}");
    assert!(text.contains("0 published again, 0 questions without an answer"), "{text}");
    let (code, told) = installation.command(&["reconcile", "--only", "billing"]).await;
    assert!(code == 1 && told.contains("no service is called 'billing'"), "{told}");
}
