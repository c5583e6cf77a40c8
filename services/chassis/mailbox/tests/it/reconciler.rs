//! What the reconciler remembers never passes an event that it has not compared.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use causeway_bus::Bus;
use causeway_mailbox::{Database, DatabaseSettings, list_parked, request_replay};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::rig::{self, eventually};

/// A listener that lacks nothing, takes its time to say so, and keeps what it was asked about.
struct Slow {
    asked: Arc<Mutex<Vec<Uuid>>>,
    stop: CancellationToken,
}

impl Slow {
    async fn listen(bus: &Bus, wait: Duration) -> Self {
        let responder =
            bus.respond("causeway.machine.inbox.listener".into(), "listener".into()).await.expect("it listens");
        let (asked, stop) = (Arc::<Mutex<Vec<Uuid>>>::default(), CancellationToken::new());
        let (noted, until) = (asked.clone(), stop.clone());
        tokio::spawn(async move {
            let answer = |question: bytes::Bytes| {
                let ids = question.as_chunks::<16>().0.iter().map(|id| Uuid::from_bytes(*id));
                noted.lock().expect("free").extend(ids);
                async move {
                    tokio::time::sleep(wait).await;
                    Some(bytes::Bytes::new())
                }
            };
            responder.run(until, answer).await;
        });
        Self { asked, stop }
    }

    fn knows(&self, id: Uuid) -> bool {
        self.asked.lock().expect("free").contains(&id)
    }
}

/// An event of that many minutes ago that is not on the list of what waits.
async fn published(database: &Database, id: Uuid, minutes: i32) {
    let row = "INSERT INTO outbox (event_id, center_id, subject, kind, aggregate_id, version, occurred_at, payload, created_at) \
         VALUES ($1, 'lakeside', 'test.lakeside.fact.stated', 'test.v1.Fact', $1, 1, now(), '', now() - make_interval(mins => $2))";
    sqlx::query(row).bind(id).bind(minutes).execute(database.machine()).await.expect("an event");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_old_event_that_is_published_during_a_walk_is_compared_by_the_next_one() {
    let nats = rig::nats().await;
    let made = rig::database("owner").await;
    let database = rig::open("owner", &made, &DatabaseSettings::default());
    let (old, younger) = (Uuid::from_u128(1), Uuid::from_u128(2));
    published(&database, old, 60).await;
    published(&database, younger, 30).await;
    let waits = "INSERT INTO outbox_pending (batch_id, center_id, created_at, waiting, leased_until) \
         SELECT event_id, center_id, created_at, ARRAY[event_id], now() + interval '1 hour' FROM outbox WHERE event_id = $1";
    sqlx::query(waits).bind(old).execute(database.machine()).await.expect("it waits");
    let slow = Slow::listen(&rig::bus(&nats, "listener").await, Duration::from_secs(2)).await;
    let owner = rig::owner(&made, rig::bus(&nats, "owner").await).await;
    eventually("the walk is under way", 20, async || slow.knows(younger)).await;
    assert!(!slow.knows(old), "what waits to be published is nobody's to know");
    // The relay publishes it now, and the marker takes it off the list before the walk has ended.
    sqlx::query("DELETE FROM outbox_pending").execute(database.machine()).await.expect("published");
    eventually("the old one is compared too", 20, async || slow.knows(old)).await;
    slow.stop.cancel();
    owner.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_parked_event_that_is_published_after_all_is_compared_however_old_it_is() {
    let nats = rig::nats().await;
    let made = rig::database("owner").await;
    let database = rig::open("owner", &made, &DatabaseSettings::default());
    let old = Uuid::from_u128(1);
    published(&database, old, 60).await;
    let parked = "INSERT INTO parked (parked_id, center_id, event_id, subject, kind, aggregate_id, source, occurred_at, payload, reason) \
         VALUES ($1, 'lakeside', $1, 'test.lakeside.fact.stated', 'test.v1.Fact', $1, 'owner', now(), '', 'too large')";
    sqlx::query(parked).bind(old).execute(database.machine()).await.expect("parked");
    sqlx::query("INSERT INTO reconciled (through) VALUES (now())").execute(database.machine()).await.expect("passed");
    let slow = Slow::listen(&rig::bus(&nats, "listener").await, Duration::ZERO).await;
    let owner = rig::owner(&made, rig::bus(&nats, "owner").await).await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert!(!slow.knows(old), "everybody had everything up to now");
    let parked = list_parked(database.machine(), false, 10).await.expect("listed");
    assert!(request_replay(database.machine(), parked[0].parked_id).await.expect("asked"));
    eventually("its listener is asked about it", 20, async || slow.knows(old)).await;
    slow.stop.cancel();
    owner.end().await;
}
