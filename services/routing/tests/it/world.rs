//! Routing on real servers: its own PostgreSQL and NATS, a clock set by hand, and a witness of what it publishes.

use std::collections::BTreeMap;
use std::future::Future;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bytes::Bytes;
use causeway_auth::{Actor, Identity, Role};
use causeway_bus::{Bus, BusSettings, Outgoing, StreamSpec, Subscription, SubscriptionSpec};
use causeway_envelope::{Envelope, TraceContext};
use causeway_funnel::inquiry::Facts;
use causeway_funnel::profile::Bundle;
use causeway_local::find::Search;
use causeway_local::{PrivateNats, PrivatePostgres, ServiceDatabase};
use causeway_mailbox::migrate;
use causeway_proto::convert::facts_to_wire;
use causeway_proto::events::{Event, fact};
use causeway_proto::inquiry::v1::InquiryReceived;
use causeway_proto::routing::v1::PreviewResponseRequest;
use causeway_proto::routing::v1::routing_client::RoutingClient;
use causeway_proto::subjects;
use causeway_routing::{Config, Routing};
use causeway_runtime::{Clock, DatabaseUrls, Deps, Listeners, Mode, NatsSettings, Peers, Running, Service, Stop};
use causeway_serve::Client;
use jiff::Timestamp;
use secrecy::ExposeSecret as _;
use sqlx::PgPool;
use tonic::Code;
use uuid::Uuid;

pub const CENTER: &str = "harbor-valley";
pub const TRACE: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

pub fn at(text: &str) -> Timestamp {
    text.parse().expect("an instant")
}

/// Servers, the service, and what the tests need around it.
pub struct World {
    pub clock: Clock,
    pub bus: Bus,
    pub admin: PgPool,
    /// The service's own login.
    pub app_url: String,
    pub client: RoutingClient<Client>,
    pub running: Running,
    stop: Stop,
    witness: Subscription,
    seen: BTreeMap<Uuid, (Envelope, Vec<u8>)>,
    identity: Identity,
    url: String,
    database: ServiceDatabase,
    postgres: PrivatePostgres,
    nats: PrivateNats,
    folder: tempfile::TempDir,
}

impl World {
    /// Starts everything. It is a Thursday at 10:00 in Seattle.
    pub async fn start() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let search = Search::from_environment();
        let postgres_dir = folder.path().join("postgres");
        let nats_dir = folder.path().join("nats");
        let (postgres, nats) = tokio::try_join!(
            PrivatePostgres::start(&postgres_dir, 0, &search),
            PrivateNats::start(&nats_dir, 0, 0, &search)
        )
        .expect("servers start");
        let database = postgres.create_database_and_roles(Routing::NAME).await.expect("a database");
        let roles = ("routing_app", "routing_machine");
        migrate(database.admin.expose_secret(), Routing::NAME, Routing::migrator(), roles).await.expect("migrated");
        let admin = PgPool::connect(database.admin.expose_secret()).await.expect("the owner's connection");

        let app_url = database.app.expose_secret().to_owned();
        let clock = Clock::manual(at("2027-03-04T18:00:00Z"));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let keys = folder.path().join("keys");
        let identity = Identity::load(&keys, "portal", Mode::Development).expect("an identity");
        let stop = Stop::new();
        let deps = deps(&database, &nats, clock.clone(), Listeners::none().with("grpc", listener), keys);
        let running = Routing::start(deps, Config::default(), stop.clone()).await.expect("routing starts");

        let bus = connect(&nats.url()).await;
        let witness = bus.subscribe(witness("ROUTING")).await.expect("a witness");
        let client = client(&url, &identity, Actor::staff("ana", "Ana", CENTER, vec![Role::Coordinator]));
        let seen = BTreeMap::new();
        Self {
            clock,
            bus,
            admin,
            app_url,
            client,
            running,
            stop,
            witness,
            seen,
            identity,
            url,
            database,
            postgres,
            nats,
            folder,
        }
    }

    /// The same service, called by somebody else.
    pub fn client_of(&self, actor: Actor) -> RoutingClient<Client> {
        client(&self.url, &self.identity, actor)
    }

    /// Another process of the service beside the first one, on the same servers. It ends with the world.
    pub async fn another(&self) -> Running {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let (keys, listeners) = (self.folder.path().join("keys"), Listeners::none().with("grpc", listener));
        let deps = deps(&self.database, &self.nats, self.clock.clone(), listeners, keys);
        Routing::start(deps, Config::default(), self.stop.clone()).await.expect("routing starts")
    }

    /// Puts a profile in force, and waits until routing answers for the center: it comes by the bus.
    pub async fn apply(&self, bundle: &Bundle) {
        let bucket = self.bus.bucket(subjects::CENTERS_BUCKET).await.expect("the bucket");
        bucket.put(CENTER, bundle.to_bytes().into()).await.expect("put");
        eventually("the center is known", || async {
            let asked = PreviewResponseRequest { center: CENTER.into(), ..PreviewResponseRequest::default() };
            let answer = self.client.clone().preview_response(asked).await;
            answer.err().is_none_or(|status| status.code() != Code::Unavailable)
        })
        .await;
    }

    /// Publishes as the owner of an event would.
    pub async fn publish<E: Event>(&self, center: &str, inquiry: Uuid, events: &[E]) {
        let batch: Vec<Outgoing> = events.iter().map(|event| self.outgoing(center, inquiry, event)).collect();
        self.send(&batch).await;
    }

    pub async fn send(&self, batch: &[Outgoing]) {
        for answer in self.bus.publish(batch).await {
            answer.expect("published");
        }
    }

    pub fn outgoing<E: Event>(&self, center: &str, inquiry: Uuid, event: &E) -> Outgoing {
        let (envelope, payload) = self.event(center, inquiry, event);
        let id = envelope.id.to_string();
        Outgoing::one(envelope, payload, id)
    }

    pub fn event<E: Event>(&self, center: &str, inquiry: Uuid, event: &E) -> (Envelope, Bytes) {
        let fact = fact(center, event);
        let id = self.clock.new_id();
        (
            Envelope {
                id,
                kind: fact.kind.to_owned(),
                source: "test".to_owned(),
                subject: fact.subject,
                center: center.to_owned(),
                aggregate_id: inquiry,
                version: 1,
                time: self.clock.now(),
                trace: TraceContext::parse(TRACE),
            },
            fact.payload.into(),
        )
    }

    /// Waits until routing has published so many different events of a kind, and gives them.
    pub async fn published<E: Event>(&mut self, count: usize) -> Vec<(Envelope, E)> {
        let deadline = tokio::time::Instant::now() + Duration::from_secs(120);
        loop {
            let found: Vec<(Envelope, E)> = self
                .seen
                .values()
                .filter(|(envelope, _)| envelope.kind == E::KIND)
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

    /// When somebody else heard where each inquiry goes.
    pub async fn hear(&self) -> Arc<Mutex<BTreeMap<Uuid, Instant>>> {
        let spec = SubscriptionSpec { durable: "ears".to_owned(), ..witness("ROUTING") };
        let mut ears = self.bus.subscribe(spec).await.expect("ears");
        let heard: Arc<Mutex<BTreeMap<Uuid, Instant>>> = Arc::default();
        let kept = heard.clone();
        tokio::spawn(async move {
            while let Ok(deliveries) = ears.next_batch().await {
                for delivery in deliveries {
                    delivery.ack().await;
                    for event in delivery.events {
                        let inquiry = event.envelope.expect("an envelope").aggregate_id;
                        kept.lock().expect("heard").entry(inquiry).or_insert_with(Instant::now);
                    }
                }
            }
        });
        heard
    }

    pub async fn count(&self, sql: &'static str) -> i64 {
        sqlx::query_scalar(sql).fetch_one(&self.admin).await.expect("counted")
    }

    pub async fn end(mut self) {
        self.stop.soft.cancel();
        self.running.tasks.close();
        let softly = tokio::time::timeout(Duration::from_secs(10), self.running.tasks.wait()).await;
        self.stop.hard.cancel();
        assert!(softly.is_ok(), "{} tasks outlive the soft stop", self.running.tasks.len());
        assert_eq!(self.stop.crash_reason(), None);
        self.bus.close().await;
        self.admin.close().await;
        self.nats.stop().await.expect("nats stops");
        self.postgres.stop().await.expect("postgres stops");
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
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy/centers").join(CENTER);
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

/// An inquiry as ingestion tells of it.
pub fn received(inquiry: Uuid, facts: Facts) -> InquiryReceived {
    InquiryReceived {
        facts: Some(facts_to_wire(inquiry, &Facts { center: CENTER.into(), language: "en".into(), ..facts })),
    }
}

fn deps(database: &ServiceDatabase, nats: &PrivateNats, clock: Clock, listeners: Listeners, keys_dir: PathBuf) -> Deps {
    Deps {
        service: Routing::NAME,
        mode: Mode::Development,
        clock,
        database: Some(DatabaseUrls { app: database.app.clone(), machine: database.machine.clone() }),
        nats: NatsSettings { url: nats.url(), credentials: None },
        listeners,
        peers: Peers::default(),
        data_dir: keys_dir.clone(),
        keys_dir,
        metrics: prometheus::Registry::new(),
    }
}

async fn connect(url: &str) -> Bus {
    let limits = (subjects::MAX_BYTES, subjects::MAX_MESSAGE);
    let streams = StreamSpec::all(subjects::streams(), (subjects::RETENTION, subjects::DEDUPE_WINDOW), limits);
    Bus::connect(BusSettings { url: url.to_owned(), credentials: None, name: "test".into() }, streams)
        .await
        .expect("a bus")
}

fn witness(stream: &str) -> SubscriptionSpec {
    SubscriptionSpec {
        stream: stream.to_owned(),
        durable: "witness".to_owned(),
        subjects: vec!["causeway.v1.>".to_owned()],
        batch: 256,
        ack_wait: Duration::from_secs(30),
    }
}

fn client(url: &str, identity: &Identity, actor: Actor) -> RoutingClient<Client> {
    let peer = Client::connect(url, identity.clone(), Routing::NAME).expect("a url");
    RoutingClient::new(peer.on_behalf_of(&actor))
}

/// The demo center's profile with other rows before those of its table.
pub fn with_rows(rows: &str) -> Bundle {
    let mut changed = bundle();
    let table = changed.files["routing.csv"].clone();
    let (head, rest) = table.split_once('\n').expect("a head");
    changed.insert("routing.csv", format!("{head}\n{rows}{rest}"));
    changed
}
