//! Metrics on real servers: its own PostgreSQL and NATS, and a clock set by hand.

use std::collections::BTreeMap;
use std::future::Future;
use std::path::{Path, PathBuf};
use std::time::Duration;

use causeway_auth::{Actor, Identity, Role};
use causeway_bus::{Bus, BusSettings, Outgoing, StreamSpec};
use causeway_envelope::{Envelope, TraceContext};
use causeway_funnel::profile::Bundle;
use causeway_local::find::Search;
use causeway_local::{PrivateNats, PrivatePostgres, ServiceDatabase};
use causeway_mailbox::{Ts, migrate};
use causeway_metrics::{Config, Metrics};
use causeway_proto::events::{Event, fact};
use causeway_proto::metrics::v1::metrics_client::MetricsClient;
use causeway_proto::metrics::v1::{GetFunnelRequest, GetFunnelResponse, GetReroutesRequest, GetReroutesResponse};
use causeway_proto::subjects;
use causeway_runtime::{Clock, DatabaseUrls, Deps, Listeners, Mode, NatsSettings, Peers, Running, Service, Stop};
use causeway_serve::Client;
use jiff::Timestamp;
use prometheus::Registry;
use secrecy::ExposeSecret as _;
use sqlx::{Connection as _, PgConnection, PgPool};
use uuid::Uuid;

pub const CENTER: &str = "harbor-valley";

pub fn at(text: &str) -> Timestamp {
    text.parse().expect("an instant")
}

/// Servers, the service, and what the tests need around it.
pub struct World {
    pub clock: Clock,
    pub admin: PgPool,
    pub app_url: String,
    registry: Registry,
    running: Running,
    bus: Bus,
    stop: Stop,
    identity: Identity,
    url: String,
    postgres: PrivatePostgres,
    nats: PrivateNats,
    _folder: tempfile::TempDir,
}

impl World {
    /// Starts everything, with the center's profile in force.
    pub async fn start() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let search = Search::from_environment();
        let (postgres_dir, nats_dir) = (folder.path().join("postgres"), folder.path().join("nats"));
        let (postgres, nats) = tokio::try_join!(
            PrivatePostgres::start(&postgres_dir, 0, &search),
            PrivateNats::start(&nats_dir, 0, 0, &search)
        )
        .expect("servers start");
        let database = postgres.create_database_and_roles(Metrics::NAME).await.expect("a database");
        let roles = ("metrics_app", "metrics_machine");
        migrate(database.admin.expose_secret(), Metrics::NAME, Metrics::migrator(), roles).await.expect("migrated");
        let admin = PgPool::connect(database.admin.expose_secret()).await.expect("the owner's connection");

        let bus = connect(&nats.url()).await;
        let bucket = bus.bucket(subjects::CENTERS_BUCKET).await.expect("the bucket");
        bucket.put(CENTER, bundle().to_bytes().into()).await.expect("put");
        let clock = Clock::manual(at("2027-03-04T18:00:00Z"));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let keys = folder.path().join("keys");
        let identity = Identity::load(&keys, "portal", Mode::Development).expect("an identity");
        let (stop, registry) = (Stop::new(), Registry::new());
        let listeners = Listeners::none().with("grpc", listener);
        let deps = Deps { metrics: registry.clone(), ..deps(&database, &nats, clock.clone(), listeners, keys) };
        let config = Config { gauges_every_ms: 100, ..Config::default() };
        let running = Metrics::start(deps, config, stop.clone()).await.expect("metrics starts");
        let app_url = database.app.expose_secret().to_owned();
        Self { clock, admin, app_url, registry, running, bus, stop, identity, url, postgres, nats, _folder: folder }
    }

    /// The service, called by somebody.
    pub fn client_of(&self, actor: Actor) -> MetricsClient<Client> {
        let peer = Client::connect(&self.url, self.identity.clone(), Metrics::NAME).expect("a url");
        MetricsClient::new(peer.on_behalf_of(&actor))
    }

    /// The funnel as the center's analyst sees it.
    pub async fn funnel(&self, asked: GetFunnelRequest) -> GetFunnelResponse {
        let mut client = self.client_of(Actor::staff("ada", "Ada", CENTER, vec![Role::Analyst]));
        client.get_funnel(GetFunnelRequest { center: CENTER.into(), ..asked }).await.expect("a funnel").into_inner()
    }

    /// What was sent to another team, as the center's analyst sees it.
    pub async fn reroutes(&self, asked: GetReroutesRequest) -> GetReroutesResponse {
        let mut client = self.client_of(Actor::staff("ada", "Ada", CENTER, vec![Role::Analyst]));
        client.get_reroutes(GetReroutesRequest { center: CENTER.into(), ..asked }).await.expect("counts").into_inner()
    }

    /// The gauges of what was sent to another team: their labels without the center, in the order of their names, and the number.
    pub fn reroute_gauges(&self) -> BTreeMap<Vec<String>, i64> {
        let families = self.registry.gather();
        let all =
            families.iter().filter(|family| family.name() == "causeway_reroutes").flat_map(|one| one.get_metric());
        let of_center = all.filter(|one| one.get_label().iter().any(|label| label.value() == CENTER));
        let labels = |one: &prometheus::proto::Metric| {
            one.get_label().iter().filter(|label| label.name() != "center").map(|one| one.value().to_owned()).collect()
        };
        of_center.map(|one| (labels(one), one.get_gauge().get_value() as i64)).collect()
    }

    /// The rows as a migration leaves them that adds columns, after these are taken away and it runs again as a plain owner, whom the
    /// policy holds as well: furthest stage and whether a visit was booked.
    pub async fn upgraded_from_before(&self, migration: &str) -> Vec<(i16, bool)> {
        let path = format!("{}/migrations/{migration}.sql", env!("CARGO_MANIFEST_DIR"));
        let script = std::fs::read_to_string(path).expect("the migration");
        let prepare = "CREATE ROLE plain_owner; GRANT ALL ON SCHEMA public TO plain_owner; \
            GRANT plain_owner TO CURRENT_USER; ALTER TABLE inquiries OWNER TO plain_owner; \
            ALTER TABLE inquiries DROP COLUMN visit_booked, DROP COLUMN step_at, DROP COLUMN step_kind, \
            DROP COLUMN ended_version, DROP COLUMN ended_how;";
        let mut connection = self.admin.acquire().await.expect("a connection");
        for part in [prepare, "SET ROLE plain_owner", &script, "RESET ROLE"] {
            let part = sqlx::AssertSqlSafe(part.to_owned());
            sqlx::raw_sql(part).execute(&mut *connection).await.expect("upgraded");
        }
        sqlx::query_as("SELECT furthest, visit_booked FROM inquiries ORDER BY furthest")
            .fetch_all(&mut *connection)
            .await
            .expect("rows")
    }

    /// Among twenty thousand inquiries, each with a row of another table (`more` puts them in), a statement about one day finds its
    /// rows by the index of receipts and by that table's key.
    pub async fn a_narrow_range_is_served_by_indexes(&self, more: &'static str, statement: &str, key: &str) {
        let inquiries = "INSERT INTO inquiries (center_id, inquiry_id, version, consult_type, cancer_area, source, language, team, site, \
             landing_page, campaign, referring_office, received_at, stage, furthest, close_reason, changed_at) \
             SELECT center_id, gen_random_uuid(), version, consult_type, cancer_area, source, language, team, site, landing_page, \
             campaign, referring_office, received_at - n * interval '1 hour', stage, furthest, close_reason, changed_at \
             FROM (SELECT * FROM inquiries LIMIT 1) AS one, generate_series(1, 20000) AS n";
        for many in [inquiries, more, "ANALYZE"] {
            sqlx::query(many).execute(&self.admin).await.expect(many);
        }
        let mut app = PgConnection::connect(&self.app_url).await.expect("the service's connection");
        sqlx::query("SELECT set_config('app.center', $1, false)").bind(CENTER).execute(&mut app).await.expect("set");
        let plan: Vec<String> = sqlx::query_scalar(sqlx::AssertSqlSafe(format!("EXPLAIN {statement}")))
            .bind(CENTER)
            .bind(Ts(at("2026-03-01T00:00:00Z")))
            .bind(Ts(at("2026-03-02T00:00:00Z")))
            .fetch_all(&mut app)
            .await
            .expect("a plan");
        let plan = plan.join("\n");
        assert!(plan.contains("inquiries_received") && plan.contains(key), "{plan}");
        assert!(!plan.contains("Seq Scan"), "{plan}");
    }

    /// What made inquiries of the center scheduled, and how many, by name.
    pub fn conversions(&self) -> Vec<(String, i64)> {
        self.figures_by("causeway_conversions", "by")
    }

    /// A gauge's figures for the center by the value of another label.
    pub fn figures_by(&self, name: &str, by: &str) -> Vec<(String, i64)> {
        let families = self.registry.gather();
        let all = families.iter().filter(|family| family.name() == name);
        let label = |metric: &prometheus::proto::Metric, name: &str| {
            metric.get_label().iter().find(|label| label.name() == name).map(|label| label.value().to_owned())
        };
        let of_center =
            all.flat_map(|one| one.get_metric()).filter(|one| label(one, "center").as_deref() == Some(CENTER));
        of_center.filter_map(|one| Some((label(one, by)?, one.get_gauge().get_value() as i64))).collect()
    }

    /// A gauge as Prometheus would read it.
    pub fn gauge(&self, name: &str, stage: Option<&str>) -> Option<i64> {
        let families = self.registry.gather();
        let family = families.iter().find(|family| family.name() == name)?;
        let label = |metric: &prometheus::proto::Metric, name: &str| {
            metric.get_label().iter().find(|label| label.name() == name).map(|label| label.value().to_owned())
        };
        let wanted = |metric: &&prometheus::proto::Metric| {
            label(metric, "center").as_deref() == Some(CENTER) && label(metric, "stage").as_deref() == stage
        };
        family.get_metric().iter().find(wanted).map(|metric| metric.get_gauge().get_value() as i64)
    }

    /// An event as its owner would publish it.
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
                trace: TraceContext::default(),
            },
            fact.payload.into(),
            id.to_string(),
        )
    }

    /// Publishes, and waits until metrics has dealt with all of it.
    pub async fn tell(&self, batch: &[Outgoing]) {
        let before = self.count("SELECT count(*) FROM inbox").await;
        for part in batch.chunks(500) {
            for answer in self.bus.publish(part).await {
                answer.expect("published");
            }
        }
        let all = before + batch.len() as i64;
        eventually("all is told", || async { self.count("SELECT count(*) FROM inbox").await == all }).await;
    }

    pub async fn count(&self, sql: &'static str) -> i64 {
        sqlx::query_scalar(sql).fetch_one(&self.admin).await.expect("counted")
    }

    pub async fn end(mut self) {
        assert!(self.running.readiness.iter().all(|check| (check.run)().is_ok()));
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

/// Waits until something holds. Gauges rest for many times as long as they counted, which on a busy machine is long.
pub async fn eventually<F: Future<Output = bool>>(what: &str, mut holds: impl FnMut() -> F) {
    for _ in 0..2400 {
        if holds().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("{what}: not within two minutes");
}

fn bundle() -> Bundle {
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

fn deps(database: &ServiceDatabase, nats: &PrivateNats, clock: Clock, listeners: Listeners, keys_dir: PathBuf) -> Deps {
    Deps {
        service: Metrics::NAME,
        mode: Mode::Development,
        clock,
        database: Some(DatabaseUrls { app: database.app.clone(), machine: database.machine.clone() }),
        nats: NatsSettings { url: nats.url(), credentials: None },
        listeners,
        peers: Peers::default(),
        data_dir: keys_dir.clone(),
        keys_dir,
        metrics: Registry::new(),
    }
}

async fn connect(url: &str) -> Bus {
    let limits = (subjects::MAX_BYTES, subjects::MAX_MESSAGE);
    let streams = StreamSpec::all(subjects::streams(), (subjects::RETENTION, subjects::DEDUPE_WINDOW), limits);
    Bus::connect(BusSettings { url: url.to_owned(), credentials: None, name: "test".into() }, streams)
        .await
        .expect("a bus")
}
