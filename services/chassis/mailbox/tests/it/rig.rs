//! One PostgreSQL for the whole run, one NATS for each test, and a service that counts what reaches it.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use causeway_bus::{Bus, BusSettings, StreamSpec};
use causeway_envelope::TraceContext;
use causeway_local::{PrivateNats, PrivatePostgres, ServiceDatabase, find::Search};
use causeway_mailbox::{
    BoxFuture, Database, DatabaseSettings, Draft, Handler, HandlerError, Mailbox, MailboxSettings, Outcome, Pace,
    Received, Subscription, TimerHandler, Tx,
};
use causeway_runtime::{Clock, DatabaseUrls, Stop};
use secrecy::ExposeSecret as _;
use tokio::sync::OnceCell;
use tokio_util::task::TaskTracker;
use uuid::Uuid;

pub const CENTER: &str = "lakeside";

static POSTGRES: OnceCell<(PrivatePostgres, tempfile::TempDir)> = OnceCell::const_new();
static NEXT: AtomicU32 = AtomicU32::new(0);

async fn postgres() -> &'static PrivatePostgres {
    let (postgres, _) = POSTGRES
        .get_or_init(|| async {
            let folder = tempfile::tempdir().expect("a temporary folder");
            let postgres = PrivatePostgres::start(folder.path(), 0, &Search::from_environment()).await;
            (postgres.expect("PostgreSQL starts"), folder)
        })
        .await;
    postgres
}

/// A migrated database of its own; the name says whose.
pub async fn database(name: &str) -> ServiceDatabase {
    let name = format!("{name}{}", NEXT.fetch_add(1, Ordering::Relaxed));
    let made = postgres().await.create_database_and_roles(&name).await.expect("a database");
    let roles = (format!("{name}_app"), format!("{name}_machine"));
    causeway_mailbox::migrate(made.admin.expose_secret(), &name, None, (&roles.0, &roles.1)).await.expect("migrated");
    made
}

pub fn open(service: &'static str, made: &ServiceDatabase, settings: &DatabaseSettings) -> Database {
    let urls = DatabaseUrls { app: made.app.clone(), machine: made.machine.clone() };
    Database::connect(service, &urls, settings, Clock::system()).expect("pools")
}

pub struct Nats {
    pub server: PrivateNats,
    _folder: tempfile::TempDir,
}

pub async fn nats() -> Nats {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let server = PrivateNats::start(folder.path(), 0, 0, &Search::from_environment()).await.expect("NATS starts");
    Nats { server, _folder: folder }
}

pub fn streams() -> Vec<StreamSpec> {
    let day = Duration::from_secs(86_400);
    StreamSpec::all(vec![("FACTS", vec!["test.*.fact.*".to_owned()])], (day * 2, day), (64 << 20, 64 << 10))
}

pub async fn bus(nats: &Nats, name: &str) -> Bus {
    let settings = BusSettings { url: nats.server.url(), credentials: None, name: name.to_owned() };
    Bus::connect(settings, streams()).await.expect("the bus")
}

/// Counts each event that reaches it inside a transaction, and misbehaves where it is told to.
#[derive(Default)]
pub struct Counting {
    pub seen: Mutex<HashMap<Uuid, u32>>,
    /// The next so many batches fail as a whole.
    pub failing: AtomicU32,
    /// Events with this payload are parked.
    pub poison: Mutex<Option<Vec<u8>>>,
    /// Events with this payload panic.
    pub panicking: Mutex<Option<Vec<u8>>>,
    pub fired: Mutex<Vec<String>>,
    /// Timers with this occurrence panic.
    pub stuck: Mutex<Option<String>>,
}

impl Counting {
    pub fn total(&self) -> usize {
        self.seen.lock().expect("no panic holds it").len()
    }

    pub fn twice(&self) -> usize {
        self.seen.lock().expect("no panic holds it").values().filter(|count| **count > 1).count()
    }
}

impl Handler for Counting {
    fn handle<'a>(&'a self, _: &'a mut Tx, batch: &'a [Received]) -> BoxFuture<'a, Result<Vec<Outcome>, HandlerError>> {
        Box::pin(async move {
            if self.failing.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok() {
                return Err(HandlerError::Failed("told to fail".into()));
            }
            let panicking = self.panicking.lock().expect("no panic holds it").clone();
            assert!(batch.iter().all(|message| Some(message.payload.to_vec()) != panicking), "told to panic");
            let poison = self.poison.lock().expect("no panic holds it").clone();
            let mut seen = self.seen.lock().expect("no panic holds it");
            let outcome = |message: &Received| {
                if Some(message.payload.to_vec()) == poison {
                    return Outcome::Park("told to park".into());
                }
                *seen.entry(message.envelope.id).or_default() += 1;
                Outcome::Done
            };
            Ok(batch.iter().map(outcome).collect())
        })
    }
}

impl TimerHandler for Counting {
    fn fire<'a>(
        &'a self,
        _: &'a mut Tx,
        due: &'a [causeway_mailbox::DueTimer],
    ) -> BoxFuture<'a, Result<Vec<Outcome>, HandlerError>> {
        Box::pin(async move {
            let stuck = self.stuck.lock().expect("no panic holds it").clone();
            assert!(due.iter().all(|timer| Some(&timer.occurrence) != stuck.as_ref()), "told to panic");
            let mut fired = self.fired.lock().expect("no panic holds it");
            fired.extend(due.iter().map(|timer| format!("{}/{}", timer.kind, timer.occurrence)));
            Ok(due.iter().map(|_| Outcome::Done).collect())
        })
    }
}

fn nobody(_: &str) -> Vec<&'static str> {
    Vec::new()
}

fn listener(_: &str) -> Vec<&'static str> {
    vec!["listener"]
}

/// A running machine.
pub struct Running {
    pub database: Database,
    pub handler: Arc<Counting>,
    pub stop: Stop,
    pub tasks: TaskTracker,
    _mailbox: Mailbox,
}

impl Running {
    pub async fn end(self) {
        self.stop.soft.cancel();
        self.stop.hard.cancel();
        self.tasks.close();
        let ended = tokio::time::timeout(Duration::from_secs(20), self.tasks.wait()).await;
        ended.expect("all tasks end");
        self.database.close().await;
    }
}

pub fn quick() -> Pace {
    Pace {
        sweep_every_ms: 100,
        sweep_after_ms: 200,
        timers_every_ms: 50,
        reconcile_every_seconds: 1,
        reconcile_after_seconds: 2,
        ack_wait_seconds: 5,
        ..Pace::default()
    }
}

/// The service that publishes.
pub async fn owner(made: &ServiceDatabase, bus: Bus) -> Running {
    start("owner", made, bus, Vec::new(), listener).await
}

/// The service that listens.
pub async fn listening(made: &ServiceDatabase, bus: Bus) -> Running {
    start("listener", made, bus, vec!["test.*.fact.*".to_owned()], nobody).await
}

async fn start(
    service: &'static str,
    made: &ServiceDatabase,
    bus: Bus,
    subjects: Vec<String>,
    listeners: fn(&str) -> Vec<&'static str>,
) -> Running {
    let database = open(service, made, &DatabaseSettings::default());
    let handler = Arc::new(Counting::default());
    let (stop, tasks) = (Stop::new(), TaskTracker::new());
    let subscription = Subscription { stream: "FACTS", subjects: subjects.clone(), handler: handler.clone() };
    let settings = MailboxSettings {
        subscriptions: if subjects.is_empty() { Vec::new() } else { vec![subscription] },
        timers: Some(handler.clone()),
        listeners,
        pace: quick(),
    };
    let metrics = prometheus::Registry::new();
    let mailbox = Mailbox::start(database.clone(), bus, settings, &stop, &tasks, &metrics).await.expect("it starts");
    Running { database, handler, stop, tasks, _mailbox: mailbox }
}

pub fn draft(payload: &[u8]) -> Draft {
    Draft {
        event_id: None,
        subject: format!("test.{CENTER}.fact.stated"),
        kind: "test.v1.Fact",
        aggregate_id: Uuid::from_u128(1),
        version: 1,
        payload: payload.to_vec(),
        trace: TraceContext::default(),
    }
}

/// Emits so many events, a hundred in a transaction.
pub async fn emit(database: &Database, count: usize) {
    for start in (0..count).step_by(100) {
        let end = count.min(start + 100);
        let emitted: Result<(), HandlerError> = database
            .with_tx(CENTER, move |tx| {
                Box::pin(async move {
                    (start..end).for_each(|number| tx.emit(draft(number.to_string().as_bytes())));
                    Ok(())
                })
            })
            .await;
        emitted.expect("emitted");
    }
}

/// Copies a folder with all that is in it.
pub fn copy_folder(from: &std::path::Path, to: &std::path::Path) {
    std::fs::create_dir_all(to).expect("a folder");
    for entry in std::fs::read_dir(from).expect("listed").map(|entry| entry.expect("an entry")) {
        let target = to.join(entry.file_name());
        if entry.file_type().expect("a type").is_dir() {
            copy_folder(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).expect("copied");
        }
    }
}

/// Waits until something holds; names what did not where it takes too long.
pub async fn eventually(what: &str, seconds: u64, holds: impl AsyncFn() -> bool) {
    let until = tokio::time::Instant::now() + Duration::from_secs(seconds);
    while !holds().await {
        assert!(tokio::time::Instant::now() < until, "not within {seconds} s: {what}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

pub async fn count(database: &Database, sql: &'static str) -> i64 {
    sqlx::query_scalar(sql).fetch_one(database.machine()).await.expect("counted")
}
