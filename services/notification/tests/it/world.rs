//! Notification on real servers: its own PostgreSQL, NATS and mail server, a clock set by hand, and a witness of what it
//! publishes. The service runs on a runtime of its own, so that a test can kill it in the middle of anything.

use std::collections::BTreeMap;
use std::future::Future;
use std::path::{Path, PathBuf};
use std::time::Duration;

use causeway_auth::{Actor, Identity, Role, SignedLinks};
use causeway_bus::{Bus, BusSettings, Outgoing, StreamSpec, Subscription, SubscriptionSpec};
use causeway_envelope::{Envelope, TraceContext};
use causeway_funnel::profile::Bundle;
use causeway_local::find::Search;
use causeway_local::{PrivateNats, PrivatePostgres, ServiceDatabase};
use causeway_mailbox::{Pace, migrate};
use causeway_notification::{Config, Notification, Smtp, Tls};
use causeway_proto::events::{Event, fact};
use causeway_proto::notice::v1::notices_client::NoticesClient;
use causeway_proto::subjects;
use causeway_runtime::network::PeerAddress;
use causeway_runtime::{Clock, DatabaseUrls, Deps, Listeners, Mode, NatsSettings, Peers, Service, Stop};
use causeway_serve::Client;
use jiff::{SignedDuration, Timestamp};
use secrecy::ExposeSecret as _;
use sqlx::PgPool;
use tokio::runtime::Runtime;
use uuid::Uuid;

use super::people::People;
use super::post::MailServer;

pub const CENTER: &str = "harbor-valley";
pub const PORTAL: &str = "https://care.example";
pub const TRACE: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

pub fn at(text: &str) -> Timestamp {
    text.parse().expect("an instant")
}

/// One run of the service.
struct Instance {
    runtime: Runtime,
    stop: Stop,
    ended: tokio::task::JoinHandle<()>,
}

/// Servers, the service, and what the tests need around it.
pub struct World {
    pub clock: Clock,
    pub bus: Bus,
    pub admin: PgPool,
    pub mail: MailServer,
    pub people: People,
    pub links: SignedLinks,
    instance: Option<Instance>,
    around: Stop,
    witness: Subscription,
    seen: BTreeMap<Uuid, (Envelope, Vec<u8>)>,
    identity: Identity,
    ingestion: String,
    url: String,
    database: ServiceDatabase,
    postgres: PrivatePostgres,
    nats: PrivateNats,
    folder: tempfile::TempDir,
}

impl World {
    /// Starts everything, with the demo center in force. It is a Thursday at 10:00 in Seattle.
    pub async fn start() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let search = Search::from_environment();
        let (postgres_dir, nats_dir) = (folder.path().join("postgres"), folder.path().join("nats"));
        let (postgres, nats) = tokio::try_join!(
            PrivatePostgres::start(&postgres_dir, 0, &search),
            PrivateNats::start(&nats_dir, 0, 0, &search)
        )
        .expect("servers start");
        let database = postgres.create_database_and_roles(Notification::NAME).await.expect("a database");
        let roles = ("notification_app", "notification_machine");
        let migrated =
            migrate(database.admin.expose_secret(), Notification::NAME, Notification::migrator(), roles).await;
        migrated.expect("migrated");
        let admin = PgPool::connect(database.admin.expose_secret()).await.expect("the owner's connection");

        let (keys, around, people) = (folder.path().join("keys"), Stop::new(), People::default());
        let identity = Identity::load(&keys, "portal", Mode::Development).expect("an identity");
        let links = SignedLinks::open_keyring(&keys, Mode::Development).expect("links");
        let ingestion = people.serve(&keys, around.clone()).await;
        let mail = MailServer::start(folder.path()).await;
        let bus = connect(&nats.url()).await;
        let bucket = bus.bucket(subjects::CENTERS_BUCKET).await.expect("the bucket");
        bucket.put(CENTER, bundle().to_bytes().into()).await.expect("put");
        let witness = bus.subscribe(witness()).await.expect("a witness");
        let mut world = Self {
            clock: Clock::manual(at("2027-03-04T18:00:00Z")),
            bus,
            admin,
            mail,
            people,
            links,
            instance: None,
            around,
            witness,
            seen: BTreeMap::new(),
            identity,
            ingestion,
            url: String::new(),
            database,
            postgres,
            nats,
            folder,
        };
        world.run().await;
        world
    }

    /// Starts the service.
    pub async fn run(&mut self) {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        listener.set_nonblocking(true).expect("nonblocking");
        self.url = format!("http://{}", listener.local_addr().expect("an address"));
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime");
        let stop = Stop::new();
        let (deps, config, of_service) = (self.deps(), self.config(), stop.clone());
        let started = runtime.spawn(async move {
            let listener = tokio::net::TcpListener::from_std(listener).expect("a listener");
            let deps = Deps { listeners: Listeners::none().with("grpc", listener), ..deps };
            Notification::start(deps, config, of_service).await
        });
        let running = started.await.expect("no panic").expect("notification starts");
        let ended = runtime.spawn(async move {
            running.tasks.close();
            running.tasks.wait().await;
        });
        self.instance = Some(Instance { runtime, stop, ended });
    }

    /// Ends the service between two instructions, as a kill of the process would.
    pub fn kill(&mut self) {
        let instance = self.instance.take().expect("the service runs");
        instance.runtime.shutdown_background();
    }

    pub fn client(&self, actor: Actor) -> NoticesClient<Client> {
        let peer = Client::connect(&self.url, self.identity.clone(), Notification::NAME).expect("a url");
        NoticesClient::new(peer.on_behalf_of(&actor))
    }

    pub fn staff(&self) -> NoticesClient<Client> {
        self.client(Actor::staff("ana", "Ana", CENTER, vec![Role::Coordinator]))
    }

    /// Publishes as the owner of an event would, each time as an event of its own.
    pub async fn publish<E: Event>(&self, inquiry: Uuid, events: &[E]) {
        let batch: Vec<Outgoing> = events.iter().map(|event| self.outgoing(inquiry, event)).collect();
        self.send(&batch).await;
    }

    pub async fn send(&self, batch: &[Outgoing]) {
        for answer in self.bus.publish(batch).await {
            answer.expect("published");
        }
    }

    pub fn outgoing<E: Event>(&self, inquiry: Uuid, event: &E) -> Outgoing {
        let (fact, id) = (fact(CENTER, event), self.clock.new_id());
        Outgoing::one(
            Envelope {
                id,
                kind: fact.kind.to_owned(),
                source: "test".to_owned(),
                subject: fact.subject,
                center: CENTER.to_owned(),
                aggregate_id: inquiry,
                version: 1,
                time: self.clock.now(),
                trace: TraceContext::parse(TRACE),
            },
            fact.payload.into(),
            id.to_string(),
        )
    }

    /// Waits until the service has published so many different events of a kind, and gives them.
    pub async fn published<E: Event>(&mut self, count: usize) -> Vec<(Envelope, E)> {
        let deadline = tokio::time::Instant::now() + Duration::from_secs(120);
        loop {
            let of_kind = self.seen.values().filter(|(envelope, _)| envelope.kind == E::KIND);
            let found: Vec<(Envelope, E)> = of_kind
                .map(|(envelope, payload)| (envelope.clone(), E::decode(payload.as_slice()).expect("readable")))
                .collect();
            assert!(found.len() <= count, "{} of {} were published, {count} expected", found.len(), E::KIND);
            if found.len() == count {
                return found;
            }
            assert!(tokio::time::Instant::now() < deadline, "only {} of {count} {}", found.len(), E::KIND);
            for delivery in self.witness.next_batch().await.expect("deliveries") {
                delivery.ack().await;
                for event in delivery.events {
                    let envelope = event.envelope.expect("an envelope");
                    self.seen.insert(envelope.id, (envelope, event.payload.to_vec()));
                }
            }
        }
    }

    /// State and reason of the notices of an inquiry, oldest first, as `kind state reason`.
    pub async fn notices(&self, inquiry: Uuid) -> Vec<String> {
        sqlx::query_scalar(
            "SELECT trim(kind || ' ' || state || ' ' || reason) FROM notices WHERE inquiry_id = $1 ORDER BY intended_at, kind",
        )
        .bind(inquiry)
        .fetch_all(&self.admin)
        .await
        .expect("notices")
    }

    pub async fn wait_for(&self, inquiry: Uuid, wanted: &[&str]) {
        let mut last = Vec::new();
        for _ in 0..2400 {
            last = self.notices(inquiry).await;
            if last == wanted {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("notices are {last:?} and not {wanted:?} within two minutes");
    }

    /// Lets the sender and the timers look a few times.
    pub async fn settle(&self) {
        tokio::time::sleep(Duration::from_millis(1200)).await;
    }

    pub fn advance(&self, hours: i64) {
        self.clock.advance(SignedDuration::from_hours(hours));
    }

    pub async fn count(&self, sql: &'static str) -> i64 {
        sqlx::query_scalar(sql).fetch_one(&self.admin).await.expect("counted")
    }

    /// Puts another center in force: the demo center under another name.
    pub async fn add_center(&self, center: &str) {
        let bucket = self.bus.bucket(subjects::CENTERS_BUCKET).await.expect("the bucket");
        bucket.put(center, bundle().to_bytes().into()).await.expect("put");
    }

    /// Makes due notices like the one of an inquiry, for an inquiry of a center.
    pub async fn copy_notices(&self, like: Uuid, (center, inquiry): (&str, Uuid), count: i32, due: Timestamp) {
        let copied = sqlx::query(
            "INSERT INTO notices (center_id, notice_id, inquiry_id, kind, occurrence, channel, language, template, revision, \
                reference, consult_type, cancer_area, contact_by, opens_at, params, consented_at, caused_at, not_after, \
                state, intended_at, next_try_at) \
             SELECT $2, gen_random_uuid(), $3, kind, 'copy ' || i, channel, language, template, revision, \
                reference, consult_type, cancer_area, contact_by, opens_at, params, consented_at, caused_at, not_after, \
                'intended', intended_at, $5::timestamptz \
             FROM notices, generate_series(1, $4) AS i WHERE inquiry_id = $1 AND occurrence NOT LIKE 'copy%'",
        )
        .bind(like)
        .bind(center)
        .bind(inquiry)
        .bind(count)
        .bind(due.to_string());
        assert_eq!(copied.execute(&self.admin).await.expect("copied").rows_affected(), u64::from(count.unsigned_abs()));
    }

    /// Makes the database refuse so many times to write down what became of a notice, as a lost race would.
    pub async fn refuse_settling(&self, times: u8) {
        let sql = format!(
            "CREATE SEQUENCE refused; \
             CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$ BEGIN \
                IF nextval('refused') <= {times} THEN RAISE EXCEPTION 'refused' USING ERRCODE = '40001'; END IF; \
                RETURN NEW; END $$; \
             CREATE TRIGGER refuse BEFORE UPDATE ON notices FOR EACH ROW WHEN (OLD.state = 'sending') \
                EXECUTE FUNCTION refuse()"
        );
        sqlx::raw_sql(sqlx::AssertSqlSafe(sql)).execute(&self.admin).await.expect("a trigger");
    }

    pub async fn end(mut self) {
        if let Some(instance) = self.instance.take() {
            instance.stop.soft.cancel();
            // The relay goes on until the hard stop, so that what was committed last is still published.
            tokio::time::sleep(Duration::from_millis(300)).await;
            instance.stop.hard.cancel();
            let done = tokio::time::timeout(Duration::from_secs(20), instance.ended).await;
            assert!(done.is_ok(), "the service does not end");
            assert_eq!(instance.stop.crash_reason(), None);
            instance.runtime.shutdown_background();
        }
        self.around.soft.cancel();
        self.bus.close().await;
        self.admin.close().await;
        self.mail.down().await;
        self.nats.stop().await.expect("nats stops");
        self.postgres.stop().await.expect("postgres stops");
    }

    fn config(&self) -> Config {
        Config {
            pace: Pace { timers_every_ms: 50, ..Pace::default() },
            public_base_url: Some(PORTAL.to_owned()),
            sender_every_ms: 50,
            smtp: Smtp { host: "127.0.0.1".to_owned(), port: self.mail.port, tls: Tls::None, ..Smtp::default() },
            ..Config::default()
        }
    }

    fn deps(&self) -> Deps {
        let keys_dir = self.folder.path().join("keys");
        let ingestion = BTreeMap::from([("ingestion".to_owned(), PeerAddress::Grpc(self.ingestion.clone()))]);
        Deps {
            service: Notification::NAME,
            mode: Mode::Development,
            clock: self.clock.clone(),
            database: Some(DatabaseUrls { app: self.database.app.clone(), machine: self.database.machine.clone() }),
            nats: NatsSettings { url: self.nats.url(), credentials: None },
            listeners: Listeners::none(),
            peers: Peers::new(&BTreeMap::new(), &ingestion),
            data_dir: keys_dir.clone(),
            keys_dir,
            metrics: prometheus::Registry::new(),
        }
    }
}

/// Waits until something holds.
pub async fn eventually<F: Future<Output = bool>>(what: &str, mut holds: impl FnMut() -> F) {
    for _ in 0..2400 {
        if holds().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("{what}: not within two minutes");
}

/// The demo center's profile.
pub fn bundle() -> Bundle {
    let root: PathBuf = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy/centers").join(CENTER);
    let (mut bundle, mut folders) = (Bundle::new(), vec![root.clone()]);
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("the folder is there") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(&root).expect("below the root").to_string_lossy().into_owned();
                bundle.insert(name, std::fs::read_to_string(&path).expect("a text file"));
            }
        }
    }
    bundle
}

async fn connect(url: &str) -> Bus {
    let limits = (subjects::MAX_BYTES, subjects::MAX_MESSAGE);
    let streams = StreamSpec::all(subjects::streams(), (subjects::RETENTION, subjects::DEDUPE_WINDOW), limits);
    Bus::connect(BusSettings { url: url.to_owned(), credentials: None, name: "test".into() }, streams)
        .await
        .expect("a bus")
}

fn witness() -> SubscriptionSpec {
    SubscriptionSpec {
        stream: "NOTICE".to_owned(),
        durable: "witness".to_owned(),
        subjects: vec!["causeway.v1.>".to_owned()],
        batch: 256,
        ack_wait: Duration::from_secs(30),
    }
}
