//! Durable timers: once each, moved, cancelled, and after a restart.

use causeway_envelope::TraceContext;
use causeway_mailbox::{Database, HandlerError, Timer, list_parked, request_replay};
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

#[tokio::test(flavor = "multi_thread")]
async fn a_timer_that_keeps_failing_is_parked_its_neighbours_fire_and_its_replay_fires_it() {
    let nats = rig::nats().await;
    let running = rig::owner(&rig::database("timers").await, rig::bus(&nats, "owner").await).await;
    *running.handler.stuck.lock().expect("free") = Some("stuck".to_owned());
    let machine = running.database.machine();
    let parked = async || list_parked(machine, false, 10).await.expect("listed");
    schedule(&running.database, vec![timer("stuck", Timestamp::now()), timer("well", Timestamp::now())]).await;
    let fired = || running.handler.fired.lock().expect("free").clone();
    eventually("its neighbour fired", 10, async || fired() == ["reminder/well"]).await;
    // Its leases get longer and longer; here they end at once.
    for tries in 2..=6 {
        assert!(parked().await.is_empty(), "too early, after {} tries", tries - 1);
        sqlx::query("UPDATE timers SET lease_until = NULL WHERE state = 'pending'")
            .execute(machine)
            .await
            .expect("ended");
        eventually("it was tried again", 10, async || {
            let tried = "SELECT coalesce(max(attempts), 0)::bigint FROM timers WHERE occurrence = 'stuck'";
            rig::count(&running.database, tried).await == tries
        })
        .await;
    }
    eventually("it is parked", 10, async || parked().await.len() == 1).await;
    let found = parked().await.remove(0);
    assert!(found.is_timer() && found.subject == "timer.reminder", "{found:?}");
    assert!(found.reason.starts_with("failed 6 times"), "{}", found.reason);
    assert_eq!((found.attempts, found.payload.as_slice()), (6, b"{}".as_slice()));
    tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    assert_eq!(fired().len(), 1, "a parked timer waits for its replay");
    *running.handler.stuck.lock().expect("free") = None;
    assert!(request_replay(machine, found.parked_id).await.expect("asked"));
    eventually("the replay fired it", 10, async || fired().contains(&"reminder/stuck".to_owned())).await;
    assert!(parked().await.is_empty());
    assert!(!request_replay(machine, found.parked_id).await.expect("asked"), "only once");
    assert_eq!(fired().len(), 2);
    running.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_parked_timer_that_is_gone_stays_parked_and_says_so() {
    let nats = rig::nats().await;
    let running = rig::owner(&rig::database("timers").await, rig::bus(&nats, "owner").await).await;
    let machine = running.database.machine();
    let row = "INSERT INTO parked (parked_id, center_id, event_id, subject, kind, aggregate_id, occurred_at, payload, reason) \
         VALUES ($1, 'lakeside', $1, 'timer.reminder', 'timer reminder', $1, now(), '{}', 'failed 6 times')";
    sqlx::query(row).bind(Uuid::from_u128(5)).execute(machine).await.expect("parked");
    assert!(request_replay(machine, Uuid::from_u128(5)).await.expect("asked"));
    eventually("it says why", 10, async || {
        let parked = list_parked(machine, false, 10).await.expect("listed");
        parked.len() == 1 && parked[0].state == "parked" && parked[0].reason.contains("not there any more")
    })
    .await;
    running.end().await;
}
