//! Ingestion on real servers: its own NATS, a database of its own, both demo centers, a witness of what it publishes.
//!
//! The databases are copies of one migrated one, on a PostgreSQL that all tests share: a server for each took longer than most
//! of the tests. Who kills or searches the server has one alone.

use std::future::Future;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use causeway_auth::{Actor, Identity, Role, SignedLinks};
use causeway_bus::{Bus, BusSettings, StreamSpec, Subscription, SubscriptionSpec};
use causeway_envelope::Envelope;
use causeway_funnel::profile::Bundle;
use causeway_ingestion::{Config, Ingestion};
use causeway_local::find::Search;
use causeway_local::{PrivateNats, PrivatePostgres, ServiceDatabase};
use causeway_mailbox::migrate;
use causeway_proto::events::Event as _;
use causeway_proto::inquiry::v1::InquiryReceived;
use causeway_proto::inquiry::v1::ingestion_client::IngestionClient;
use causeway_proto::subjects;
use causeway_runtime::{Clock, DatabaseUrls, Deps, Listeners, Mode, NatsSettings, Peers, Running, Service, Stop};
use causeway_serve::Client;
use prost::Message as _;
use reqwest::Response;
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};
use sqlx::PgPool;
use tokio::net::TcpListener;
use tokio::sync::OnceCell;

pub const CENTER: &str = "harbor-valley";
pub const OTHER: &str = "lakeside";

/// One running ingestion.
pub struct Door {
    pub http: String,
    pub grpc: String,
    pub mllp: SocketAddr,
    pub running: Running,
    pub metrics: prometheus::Registry,
    stop: Stop,
}

/// Servers, one ingestion, and what the tests need around it.
pub struct World {
    pub door: Door,
    pub admin: PgPool,
    pub database: ServiceDatabase,
    /// Of this test alone, where it has one.
    postgres: Option<PrivatePostgres>,
    pub nats: PrivateNats,
    pub browser: reqwest::Client,
    keys: PathBuf,
    _folder: tempfile::TempDir,
}

/// The PostgreSQL of all tests that leave it alone, with the migrated database that theirs are copies of.
static SHARED: OnceCell<PrivatePostgres> = OnceCell::const_new();
static COPIES: AtomicU32 = AtomicU32::new(0);
/// Databases of tests that have ended.
static ENDED: Mutex<Vec<String>> = Mutex::new(Vec::new());

async fn server(folder: &Path) -> PrivatePostgres {
    PrivatePostgres::start(folder, 0, &Search::from_environment()).await.expect("PostgreSQL starts")
}

async fn migrated(database: &ServiceDatabase) {
    let roles = ("ingestion_app", "ingestion_machine");
    migrate(database.admin.expose_secret(), Ingestion::NAME, Ingestion::migrator(), roles).await.expect("migrated");
}

async fn shared() -> PrivatePostgres {
    // The server ends with this process, and nobody is left to take its folder away: the next run does.
    let folder_of = |process: &str| std::env::temp_dir().join(format!("causeway-ingestion-it-{process}"));
    for entry in std::fs::read_dir(std::env::temp_dir()).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let process = name.to_str().and_then(|name| name.strip_prefix("causeway-ingestion-it-"));
        if process.is_some_and(|process| !Path::new("/proc").join(process).exists()) {
            let _ = std::fs::remove_dir_all(entry.path());
        }
    }
    let postgres = server(&folder_of(&std::process::id().to_string())).await;
    migrated(&postgres.create_database_and_roles(Ingestion::NAME).await.expect("a database")).await;
    postgres
}

async fn copy() -> ServiceDatabase {
    let postgres = SHARED.get_or_init(shared).await;
    let ended = std::mem::take(&mut *ENDED.lock().expect("the list"));
    for database in ended {
        postgres.drop_copy(&database).await.expect("dropped");
    }
    let name = format!("copy{}", COPIES.fetch_add(1, Ordering::Relaxed));
    postgres.copy_database(Ingestion::NAME, &name).await.expect("a copy")
}

impl Drop for World {
    fn drop(&mut self) {
        if self.postgres.is_none()
            && let Ok(mut ended) = ENDED.lock()
        {
            ended.push(self.database.name.clone());
        }
    }
}

impl World {
    pub async fn start() -> Self {
        Self::start_with(Config::default()).await
    }

    pub async fn start_with(config: Config) -> Self {
        let world = Self::start_without_profiles(config).await;
        world.apply_profiles().await;
        world
    }

    /// Puts both centers in force.
    pub async fn apply_profiles(&self) {
        let bus = self.bus().await;
        let bucket = bus.bucket(subjects::CENTERS_BUCKET).await.expect("the bucket");
        for center in [CENTER, OTHER] {
            bucket.put(center, bundle(center).to_bytes().into()).await.expect("put");
        }
        eventually("both centers are known", || async {
            let unknown = self.post(OTHER, &json!({"form": "none", "answers": {}})).await.status() != 422;
            !unknown && self.post(CENTER, &json!({"form": "none", "answers": {}})).await.status() == 422
        })
        .await;
    }

    /// With a PostgreSQL of its own, to kill it.
    pub async fn start_alone(config: Config) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let postgres = server(&folder.path().join("postgres")).await;
        let database = postgres.create_database_and_roles(Ingestion::NAME).await.expect("a database");
        migrated(&database).await;
        let world = Self::start_on((Some(postgres), database), folder, config).await;
        world.apply_profiles().await;
        world
    }

    /// Before any center's profile has arrived.
    pub async fn start_without_profiles(config: Config) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        Self::start_on((None, copy().await), folder, config).await
    }

    async fn start_on(
        (postgres, database): (Option<PrivatePostgres>, ServiceDatabase),
        folder: tempfile::TempDir,
        config: Config,
    ) -> Self {
        let search = Search::from_environment();
        let nats = PrivateNats::start(&folder.path().join("nats"), 0, 0, &search).await.expect("nats-server starts");
        let admin = PgPool::connect(database.admin.expose_secret()).await.expect("the owner's connection");
        let keys = folder.path().join("keys");
        let door = open_door(&database, &nats.url(), &keys, config).await;
        Self { door, admin, database, postgres, nats, browser: reqwest::Client::new(), keys, _folder: folder }
    }

    /// The PostgreSQL that is this test's alone.
    pub fn postgres(&mut self) -> &mut PrivatePostgres {
        self.postgres.as_mut().expect("a test that starts alone")
    }

    /// A second ingestion on the same database, as a second replica would be.
    pub async fn second_door(&self) -> Door {
        self.second_door_with(Config::default()).await
    }

    pub async fn second_door_with(&self, config: Config) -> Door {
        open_door(&self.database, &self.nats.url(), &self.keys, config).await
    }

    pub async fn bus(&self) -> Bus {
        let settings = BusSettings { url: self.nats.url(), credentials: None, name: "test".into() };
        Bus::connect(settings, streams()).await.expect("the bus")
    }

    pub async fn post(&self, center: &str, body: &Value) -> Response {
        self.door.post(&self.browser, center, body).await
    }

    /// Posts and expects a 202.
    pub async fn accepted(&self, body: &Value) -> Value {
        let response = self.post(CENTER, body).await;
        assert_eq!(response.status(), 202);
        response.json().await.expect("json")
    }

    /// A client of the gRPC face: a service on its own account, or on behalf of somebody.
    pub fn client(&self, service: &str, actor: Option<Actor>) -> IngestionClient<Client> {
        self.client_of(&self.door, service, actor)
    }

    /// The same at another door.
    pub fn client_of(&self, door: &Door, service: &str, actor: Option<Actor>) -> IngestionClient<Client> {
        let identity = Identity::load(&self.keys, service, Mode::Development).expect("an identity");
        let channel = Client::connect(&door.grpc, identity, Ingestion::NAME).expect("a channel");
        IngestionClient::new(match actor {
            Some(actor) => channel.on_behalf_of(&actor),
            None => channel,
        })
    }

    /// The folder of this installation's keys.
    pub fn keys(&self) -> &Path {
        &self.keys
    }

    /// The signed links of this installation.
    pub fn links(&self) -> SignedLinks {
        SignedLinks::open_keyring(&self.keys, Mode::Development).expect("a key")
    }

    /// Puts a center's profile in force with one of its files changed.
    pub async fn change_profile(&self, center: &str, file: &str, from: &str, to: &str) {
        let change = |text: &str| {
            assert!(text.contains(from), "{file} does not hold {from}");
            text.replacen(from, to, 1)
        };
        self.rewrite_profile(center, file, change).await;
    }

    /// The same with the whole of one of its files.
    pub async fn rewrite_profile(&self, center: &str, file: &str, change: impl FnOnce(&str) -> String) {
        let changed = |bundle: &mut Bundle| {
            let text = change(&bundle.files[file]);
            bundle.insert(file, text);
        };
        self.put_profile(center, changed).await;
    }

    /// The same with any of its files.
    pub async fn put_profile(&self, center: &str, change: impl FnOnce(&mut Bundle)) {
        let mut bundle = bundle(center);
        change(&mut bundle);
        let bus = self.bus().await;
        let bucket = bus.bucket(subjects::CENTERS_BUCKET).await.expect("the bucket");
        bucket.put(center, bundle.to_bytes().into()).await.expect("put");
    }

    /// The folder of the servers, the keys and the documents.
    pub fn folder(&self) -> PathBuf {
        self._folder.path().to_owned()
    }

    /// Where the sealed parts of documents lie.
    pub fn documents_folder(&self) -> PathBuf {
        self.keys.join("documents")
    }

    /// All files below the documents' folder.
    pub fn objects(&self) -> Vec<PathBuf> {
        let (mut files, mut folders) = (Vec::new(), vec![self.documents_folder()]);
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
                let path = entry.path();
                if path.is_dir() { folders.push(path) } else { files.push(path) }
            }
        }
        files.sort();
        files
    }

    pub async fn count(&self, sql: &'static str) -> i64 {
        sqlx::query_scalar(sql).fetch_one(&self.admin).await.expect("a count")
    }
}

impl Door {
    /// As a process that ends in the middle of what it does.
    pub fn stop_hard(&self) {
        self.stop.hard.cancel();
        self.stop.soft.cancel();
    }

    pub fn stop_softly(&self) {
        self.stop.soft.cancel();
    }

    pub async fn post(&self, browser: &reqwest::Client, center: &str, body: &Value) -> Response {
        let url = format!("{}/v1/centers/{center}/inquiries", self.http);
        browser.post(url).json(body).send().await.expect("an answer")
    }

    /// The value of a gauge with one label.
    pub fn gauge(&self, name: &str, label: &str) -> f64 {
        self.value(name, label, |metric| metric.get_gauge().get_value())
    }

    /// The value of a counter with one label.
    pub fn metric(&self, name: &str, label: &str) -> f64 {
        self.value(name, label, |metric| metric.get_counter().get_value())
    }

    fn value(&self, name: &str, label: &str, of: fn(&prometheus::proto::Metric) -> f64) -> f64 {
        let families = self.metrics.gather();
        let metrics = families.iter().filter(|family| family.name() == name).flat_map(|family| family.get_metric());
        let with_label = metrics.filter(|metric| metric.get_label().iter().any(|pair| pair.value() == label));
        with_label.map(of).sum()
    }
}

impl Drop for Door {
    fn drop(&mut self) {
        self.stop.hard.cancel();
        self.stop.soft.cancel();
    }
}

pub fn coordinator(center: &str) -> Actor {
    Actor::staff("ana", "Ana", center, vec![Role::Coordinator])
}

/// A form without fault.
pub fn body(changes: &[(&str, &str)]) -> Value {
    let mut answers = json!({
        "who": "patient", "name": "Rosa Vega", "phone": "(206) 555-0142", "email": "rosa@example.com",
        "cancer_area": "gi", "contact_channel": "email", "consent_email": "yes", "consent_phone": "yes",
    });
    for (key, answer) in changes {
        answers[*key] = json!(answer);
    }
    json!({"form": "second-opinion", "language": "en", "answers": answers})
}

/// The same with a key.
pub fn keyed(key: &str, changes: &[(&str, &str)]) -> Value {
    let mut body = body(changes);
    body["idempotency_key"] = json!(key);
    body
}

/// What was published on the stream, as far as it came within a moment of quiet.
pub async fn published(bus: &Bus, count: usize) -> Vec<(Envelope, InquiryReceived)> {
    let mut witness: Subscription = bus.subscribe(witness()).await.expect("a witness");
    let mut seen = Vec::new();
    while seen.len() < count {
        let batch = tokio::time::timeout(Duration::from_secs(120), witness.next_batch()).await.expect("events in time");
        for delivery in batch.expect("deliveries") {
            delivery.ack().await;
            for event in delivery.events {
                let envelope = event.envelope.expect("an envelope");
                if envelope.kind == InquiryReceived::KIND {
                    seen.push((envelope, InquiryReceived::decode(event.payload).expect("readable")));
                }
            }
        }
    }
    seen
}

pub async fn eventually<F, Fut>(what: &str, mut holds: F)
where
    F: FnMut() -> Fut,
    Fut: Future<Output = bool>,
{
    let deadline = tokio::time::Instant::now() + Duration::from_secs(120);
    while !holds().await {
        assert!(tokio::time::Instant::now() < deadline, "not in time: {what}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

async fn open_door(database: &ServiceDatabase, nats: &str, keys: &Path, config: Config) -> Door {
    let (grpc, http, mllp) = (free_port().await, free_port().await, free_port().await);
    let mllp_address = mllp.local_addr().expect("an address");
    let url = |listener: &TcpListener| format!("http://{}", listener.local_addr().expect("an address"));
    let (grpc_url, http_url) = (url(&grpc), url(&http));
    let metrics = prometheus::Registry::new();
    let deps = Deps {
        service: Ingestion::NAME,
        mode: Mode::Development,
        clock: Clock::system(),
        database: Some(DatabaseUrls { app: database.app.clone(), machine: database.machine.clone() }),
        nats: NatsSettings { url: nats.to_owned(), credentials: None },
        listeners: Listeners::none().with("grpc", grpc).with("http", http).with("mllp", mllp),
        peers: Peers::default(),
        keys_dir: keys.to_owned(),
        metrics: metrics.clone(),
        data_dir: keys.to_owned(),
    };
    let stop = Stop::new();
    let running = Ingestion::start(deps, config, stop.clone()).await.expect("ingestion starts");
    Door { http: http_url, grpc: grpc_url, mllp: mllp_address, running, metrics, stop }
}

async fn free_port() -> TcpListener {
    TcpListener::bind("127.0.0.1:0").await.expect("a port")
}

fn streams() -> Vec<StreamSpec> {
    StreamSpec::all(
        subjects::streams(),
        (subjects::RETENTION, subjects::DEDUPE_WINDOW),
        (subjects::MAX_BYTES, subjects::MAX_MESSAGE),
    )
}

fn witness() -> SubscriptionSpec {
    SubscriptionSpec {
        stream: "INQUIRY".into(),
        durable: "witness".into(),
        subjects: vec!["causeway.v1.*.inquiry.*".into()],
        batch: 64,
        ack_wait: Duration::from_secs(30),
    }
}

fn bundle(center: &str) -> Bundle {
    fn walk(root: &Path, folder: &Path, bundle: &mut Bundle) {
        for entry in std::fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                walk(root, &path, bundle);
            } else {
                let name = path.strip_prefix(root).expect("inside").to_string_lossy().into_owned();
                bundle.insert(name, std::fs::read_to_string(&path).expect("text"));
            }
        }
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy/centers").join(center);
    let mut bundle = Bundle::new();
    walk(&root, &root, &mut bundle);
    bundle
}
