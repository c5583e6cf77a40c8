//! Durable timers: once each, moved, cancelled, and after a restart.

use causeway_envelope::TraceContext;
use causeway_mailbox::{Database, HandlerError, Timer};
use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use crate::rig::{self, eventually};

fn timer(occurrence: &str, due_at: Timestamp) -> Timer {
    Timer {
        aggregate_id: Uuid::from_u128(9),
        kind: "reminder",
        occurrence: occurrence.to_owned(),
        due_at,
        payload: serde_json::json!({}),
        trace: TraceContext::default(),
    }
}

async fn schedule(database: &Database, timers: Vec<Timer>) {
    let done: Result<(), HandlerError> =
        database.with_tx(rig::CENTER, move |tx| Box::pin(async move { Ok(tx.schedule_all(&timers).await?) })).await;
    done.expect("scheduled");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_timer_fires_once_a_moved_one_at_its_new_time_and_a_cancelled_one_never() {
    let nats = rig::nats().await;
    let made = rig::database("timers").await;
    let running = rig::owner(&made, rig::bus(&nats, "owner").await).await;
    let now = Timestamp::now();
    let soon = |ms| now + SignedDuration::from_millis(ms);
    schedule(&running.database, vec![timer("first", soon(300)), timer("moved", soon(400))]).await;
    schedule(&running.database, vec![timer("moved", soon(60_000))]).await;
    let mut other = timer("cancelled", soon(1_500));
    other.aggregate_id = Uuid::from_u128(10);
    schedule(&running.database, vec![other]).await;
    let cancelled: Result<u64, HandlerError> = running
        .database
        .with_tx(rig::CENTER, |tx| {
            Box::pin(async move { Ok(tx.cancel_timers(&[Uuid::from_u128(10)], Some("reminder")).await?) })
        })
        .await;
    assert_eq!(cancelled.expect("cancelled"), 1);
    eventually("the first fired", 10, async || !running.handler.fired.lock().expect("free").is_empty()).await;
    tokio::time::sleep(std::time::Duration::from_secs(2)).await;
    assert_eq!(*running.handler.fired.lock().expect("free"), ["reminder/first"]);
    schedule(&running.database, vec![timer("first", soon(300))]).await;
    tokio::time::sleep(std::time::Duration::from_millis(600)).await;
    assert_eq!(running.handler.fired.lock().expect("free").len(), 1, "a timer that has fired does not fire again");
    running.end().await;
    let again = rig::owner(&made, rig::bus(&nats, "owner").await).await;
    schedule(&again.database, vec![timer("moved", Timestamp::now())]).await;
    eventually("the moved one fires after a restart", 10, async || {
        !again.handler.fired.lock().expect("free").is_empty()
    })
    .await;
    again.end().await;
}
