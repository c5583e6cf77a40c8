//! A message of several events: one row in the inbox when all goes well, and each event once when nothing does.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use causeway_bus::Bus;
use causeway_local::ServiceDatabase;
use causeway_mailbox::{
    BoxFuture, Compared, Database, DatabaseSettings, Draft, Handler, HandlerError, Mailbox, MailboxSettings, Outcome,
    Received, Subscription, Tx, reconcile_all,
};
use causeway_runtime::Stop;
use tokio_util::task::TaskTracker;
use uuid::Uuid;

use crate::rig::{self, CENTER, eventually};

const EVENTS: usize = 600;

fn listener(_: &str) -> Vec<&'static str> {
    vec!["listener"]
}

fn nobody(_: &str) -> Vec<&'static str> {
    Vec::new()
}

/// Has an effect in its own database for each event, and trouble with some of them.
#[derive(Default)]
struct Troubled {
    tried: Mutex<HashMap<Uuid, u32>>,
}

impl Handler for Troubled {
    fn handle<'a>(
        &'a self,
        tx: &'a mut Tx,
        batch: &'a [Received],
    ) -> BoxFuture<'a, Result<Vec<Outcome>, HandlerError>> {
        Box::pin(async move {
            let mut outcomes = Vec::new();
            for event in batch {
                let number: u32 = std::str::from_utf8(&event.payload).expect("a number").parse().expect("a number");
                let tries = {
                    let mut tried = self.tried.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
                    let tries = tried.entry(event.envelope.id).or_default();
                    *tries += 1;
                    *tries
                };
                assert!(number % 97 != 13 || tries > 2, "panics twice");
                if number % 89 == 11 && tries < 3 {
                    return Err(HandlerError::Failed("fails twice".into()));
                }
                outcomes.push(match number % 61 {
                    7 if tries < 4 => Outcome::RetryAfter(Duration::from_millis(100)),
                    19 => Outcome::Park("told to park".into()),
                    _ => effect(tx, event),
                });
            }
            // Long enough for the other process to come across the same message.
            tokio::time::sleep(Duration::from_millis(20)).await;
            Ok(outcomes)
        })
    }
}

/// An effect in the listener's own database.
fn effect(tx: &mut Tx, event: &Received) -> Outcome {
    tx.emit(Draft {
        subject: format!("test.{CENTER}.fact.heard"),
        aggregate_id: event.envelope.id,
        ..rig::draft(&event.payload)
    });
    Outcome::Done
}

/// Whoever has a message first fails with it as a whole and goes on with its events one by one; meanwhile the other, who has
/// waited for it, has it under way as a whole.
#[derive(Default)]
struct Racing {
    wholes: AtomicU32,
}

impl Handler for Racing {
    fn handle<'a>(
        &'a self,
        tx: &'a mut Tx,
        batch: &'a [Received],
    ) -> BoxFuture<'a, Result<Vec<Outcome>, HandlerError>> {
        Box::pin(async move {
            if batch.len() > 1 && self.wholes.fetch_add(1, Ordering::SeqCst) == 0 {
                tokio::time::sleep(Duration::from_secs(1)).await;
                return Err(HandlerError::Failed("fails as a whole".into()));
            }
            if batch.len() > 1 {
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
            Ok(batch.iter().map(|event| effect(tx, event)).collect())
        })
    }
}

/// One of the processes of the listening service. Under another name it gets every message as well.
async fn listen(
    name: &'static str,
    made: &ServiceDatabase,
    bus: Bus,
    handler: Arc<dyn Handler>,
    (stop, tasks): (&Stop, &TaskTracker),
) -> Database {
    let database = rig::open(name, made, &DatabaseSettings::default());
    let subscription = Subscription { stream: "FACTS", subjects: vec!["test.*.fact.stated".to_owned()], handler };
    let settings =
        MailboxSettings { subscriptions: vec![subscription], timers: None, listeners: nobody, pace: rig::quick() };
    let metrics = prometheus::Registry::new();
    Mailbox::start(database.clone(), bus, settings, stop, tasks, &metrics).await.expect("it starts");
    database
}

#[tokio::test(flavor = "multi_thread")]
async fn what_travels_together_takes_one_row_of_the_inbox() {
    let nats = rig::nats().await;
    let owner = rig::owner(&rig::database("owner").await, rig::bus(&nats, "owner").await).await;
    let listener = rig::listening(&rig::database("listener").await, rig::bus(&nats, "listener").await).await;
    rig::emit(&owner.database, 400).await;
    eventually("all were handled", 30, async || listener.handler.total() == 400).await;
    assert_eq!(listener.handler.twice(), 0);
    // A hundred in a transaction: sixty-four and thirty-six.
    eventually("each message stands there", 10, async || {
        rig::count(&listener.database, "SELECT count(*) FROM inbox").await == 8
    })
    .await;
    owner.end().await;
    listener.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn among_failures_copies_and_two_processes_each_event_has_its_effect_once() {
    let nats = rig::nats().await;
    let owner = rig::owner(&rig::database("owner").await, rig::bus(&nats, "owner").await).await;
    let made = rig::database("listener").await;
    let (stop, tasks) = (Stop::new(), TaskTracker::new());
    let handler = || Arc::new(Troubled::default());
    let one = listen("listener", &made, rig::bus(&nats, "listener").await, handler(), (&stop, &tasks)).await;
    let two = listen("listener", &made, rig::bus(&nats, "listener").await, handler(), (&stop, &tasks)).await;
    rig::emit(&owner.database, EVENTS).await;
    let bus = rig::bus(&nats, "operator").await;
    let compare = async || -> Compared {
        reconcile_all(owner.database.machine(), "owner", &bus, listener).await.expect("compared")
    };
    // Whoever asks early sees much missing and publishes copies of messages that are being handled.
    let mut copies = 0;
    for _ in 0..8 {
        copies += compare().await.republished;
        tokio::time::sleep(Duration::from_millis(400)).await;
    }
    assert!(copies > 0, "nothing was published a second time, so nothing is shown");
    let parked = (0..EVENTS).filter(|number| number % 61 == 19).count();
    let effects = i64::try_from(EVENTS - parked).expect("few");
    eventually("every event had its effect", 90, async || {
        rig::count(&one, "SELECT count(DISTINCT aggregate_id) FROM outbox").await == effects
    })
    .await;
    eventually("the publisher finds each message as a whole", 60, async || {
        let compared = compare().await;
        (compared.republished, compared.silent) == (0, 0)
    })
    .await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(rig::count(&one, "SELECT count(*) FROM outbox").await, effects, "none had it twice");
    assert_eq!(rig::count(&one, "SELECT count(*) FROM parked").await, i64::try_from(parked).expect("few"));
    stop.soft.cancel();
    stop.hard.cancel();
    tasks.close();
    tasks.wait().await;
    one.close().await;
    two.close().await;
    owner.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_has_a_message_as_a_whole_keeps_out_who_has_its_events_one_by_one() {
    let nats = rig::nats().await;
    let owner = rig::owner(&rig::database("owner").await, rig::bus(&nats, "owner").await).await;
    let made = rig::database("listener").await;
    let (stop, tasks) = (Stop::new(), TaskTracker::new());
    let handler = Arc::new(Racing::default());
    let one = listen("listener", &made, rig::bus(&nats, "one").await, handler.clone(), (&stop, &tasks)).await;
    let two = listen("other", &made, rig::bus(&nats, "two").await, handler.clone(), (&stop, &tasks)).await;
    rig::emit(&owner.database, 20).await;
    eventually("all had their effect", 30, async || {
        rig::count(&one, "SELECT count(DISTINCT aggregate_id) FROM outbox").await == 20
    })
    .await;
    assert!(handler.wholes.load(Ordering::SeqCst) > 1, "the two never met, so nothing is shown");
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(rig::count(&one, "SELECT count(*) FROM outbox").await, 20, "none had it twice");
    stop.soft.cancel();
    stop.hard.cancel();
    tasks.close();
    tasks.wait().await;
    one.close().await;
    two.close().await;
    owner.end().await;
}
