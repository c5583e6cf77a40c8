//! The desk on real servers: its own PostgreSQL and NATS, a clock set by hand, and callers of every kind.

use std::future::Future;
use std::path::{Path, PathBuf};
use std::time::Duration;

use causeway_auth::{Actor, Identity, Role, Sealer};
use causeway_bus::{Bus, BusSettings, Outgoing, StreamSpec};
use causeway_envelope::{Envelope, TraceContext};
use causeway_funnel::inquiry::{CancerArea, ConsultType, Facts};
use causeway_funnel::profile::Bundle;
use causeway_intake_desk::{Config, IntakeDesk};
use causeway_local::find::Search;
use causeway_local::{PrivateNats, PrivatePostgres, ServiceDatabase};
use causeway_mailbox::{Pace, migrate};
use causeway_proto::convert::{facts_to_wire, micros};
use causeway_proto::events::{Event, fact};
use causeway_proto::inquiry::v1::Channel;
use causeway_proto::intake::v1::intake_desk_client::IntakeDeskClient;
use causeway_proto::intake::v1::quality_audits_client::QualityAuditsClient;
use causeway_proto::intake::v1::{
    GetInquiryRequest, Inquiry, InquiryCommand, LogAttemptRequest, ReopenInquiryRequest, SaveNoteRequest,
};
use causeway_proto::routing::v1::RouteDecided;
use causeway_proto::scheduling::v1::Appointment;
use causeway_proto::subjects;
use causeway_runtime::{Clock, DatabaseUrls, Deps, Listeners, Mode, NatsSettings, Peers, Running, Service, Stop};
use causeway_serve::Client;
use jiff::{SignedDuration, Timestamp};
use secrecy::ExposeSecret as _;
use sqlx::PgPool;
use uuid::Uuid;

pub const CENTER: &str = "harbor-valley";
pub const OTHER: &str = "lakeside";
pub const TEAM: &str = "gi-second-opinion";

pub type Desk = IntakeDeskClient<Client>;

/// Answers that make the note of a second opinion complete.
const NOTE: [(&str, &str); 7] = [
    ("diagnosis", "told"),
    ("diagnosis_date", "told"),
    ("treating_doctor", "told"),
    ("records_plan", "patient_uploads"),
    ("insurance_plan", "none"),
    ("visit_needs", "interpreter"),
    ("question_for_doctor", "told"),
];

pub fn at(text: &str) -> Timestamp {
    text.parse().expect("an instant")
}

/// Servers, the service, and what the tests need around it.
pub struct World {
    pub clock: Clock,
    pub bus: Bus,
    pub admin: PgPool,
    pub database: ServiceDatabase,
    pub metrics: prometheus::Registry,
    pub running: Running,
    stop: Stop,
    identity: Identity,
    url: String,
    postgres: PrivatePostgres,
    nats: PrivateNats,
    folder: tempfile::TempDir,
}

impl World {
    /// Starts everything. It is a Thursday at 10:00 in Seattle, and both demo centers are in force.
    pub async fn start() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let search = Search::from_environment();
        let (postgres_dir, nats_dir) = (folder.path().join("postgres"), folder.path().join("nats"));
        let (postgres, nats) = tokio::try_join!(
            PrivatePostgres::start(&postgres_dir, 0, &search),
            PrivateNats::start(&nats_dir, 0, 0, &search)
        )
        .expect("servers start");
        let database = postgres.create_database_and_roles(IntakeDesk::NAME).await.expect("a database");
        let roles = ("intake_desk_app", "intake_desk_machine");
        let owner = database.admin.expose_secret();
        migrate(owner, IntakeDesk::NAME, IntakeDesk::migrator(), roles).await.expect("migrated");
        let admin = PgPool::connect(owner).await.expect("the owner's connection");
        let clock = Clock::manual(at("2027-03-04T18:00:00Z"));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let keys = folder.path().join("keys");
        let identity = Identity::load(&keys, "portal", Mode::Development).expect("an identity");
        let bus = connect(&nats.url()).await;
        let bucket = bus.bucket(subjects::CENTERS_BUCKET).await.expect("the bucket");
        for center in [CENTER, OTHER] {
            bucket.put(center, bundle(center).to_bytes().into()).await.expect("put");
        }
        let (stop, metrics) = (Stop::new(), prometheus::Registry::new());
        let deps =
            deps(&database, &nats, (clock.clone(), metrics.clone()), Listeners::none().with("grpc", listener), keys);
        let config = Config {
            pace: Pace { timers_every_ms: 50, ..Pace::default() },
            count_every_seconds: 1,
            ..Config::default()
        };
        let running = IntakeDesk::start(deps, config, stop.clone()).await.expect("the desk starts");
        let in_force = "SELECT count(*) FROM revisions WHERE current";
        eventually("both profiles in force", || async { count(&admin, in_force).await == 2 }).await;
        Self { clock, bus, admin, database, metrics, running, stop, identity, url, postgres, nats, folder }
    }

    /// The desk, called by somebody.
    pub fn as_actor(&self, actor: &Actor) -> Desk {
        let peer = Client::connect(&self.url, self.identity.clone(), IntakeDesk::NAME).expect("a url");
        IntakeDeskClient::new(peer.on_behalf_of(actor))
    }

    /// Its audits of quality, asked by a member of staff of a center.
    pub fn audits(&self, id: &str, role: Role, center: &str) -> QualityAuditsClient<Client> {
        let peer = Client::connect(&self.url, self.identity.clone(), IntakeDesk::NAME).expect("a url");
        QualityAuditsClient::new(peer.on_behalf_of(&Actor::staff(id, id, center, vec![role])))
    }

    /// The desk, called by a member of staff of the first center.
    pub fn staff(&self, id: &str, role: Role) -> Desk {
        self.as_actor(&Actor::staff(id, id, CENTER, vec![role]))
    }

    pub fn coordinator(&self, id: &str) -> Desk {
        self.staff(id, Role::Coordinator)
    }

    /// The keys of the desk as a process that starts now opens them.
    pub fn sealer(&self) -> Sealer {
        Sealer::open_keyring(&self.folder.path().join("keys"), Mode::Development).expect("the master key")
    }

    /// Publishes as the owner of an event would.
    pub async fn publish<E: Event>(&self, center: &str, inquiry: Uuid, version: i64, events: &[E]) {
        let batch: Vec<Outgoing> =
            events.iter().map(|event| self.outgoing((center, inquiry), version, event)).collect();
        self.send(&batch).await;
    }

    pub async fn send(&self, batch: &[Outgoing]) {
        for answer in self.bus.publish(batch).await {
            answer.expect("published");
        }
    }

    pub fn outgoing<E: Event>(&self, (center, inquiry): (&str, Uuid), version: i64, event: &E) -> Outgoing {
        let fact = fact(center, event);
        let id = self.clock.new_id();
        let envelope = Envelope {
            id,
            kind: fact.kind.to_owned(),
            source: "test".to_owned(),
            subject: fact.subject,
            center: center.to_owned(),
            aggregate_id: inquiry,
            version,
            time: self.clock.now(),
            trace: TraceContext::default(),
        };
        Outgoing::one(envelope, fact.payload.into(), id.to_string())
    }

    /// An inquiry of a second opinion in the GI team's queue, due in four hours.
    pub fn routed(&self, center: &str, inquiry: Uuid) -> RouteDecided {
        let now = self.clock.now();
        let facts = Facts {
            center: center.into(),
            reference: "HV-7K4M-2QX".into(),
            consult_type: ConsultType::SecondOpinion,
            cancer_area: CancerArea::Gi,
            language: "es".into(),
            time_zone: "America/Los_Angeles".into(),
            received_at: now - SignedDuration::from_mins(1),
            ..Facts::default()
        };
        RouteDecided {
            facts: Some(facts_to_wire(inquiry, &facts)),
            program: "gi".into(),
            team: TEAM.into(),
            site: "harbor".into(),
            priority: "high".into(),
            script: "no-records-yet".into(),
            response_due_at: micros(now + SignedDuration::from_hours(4)),
            clock_starts_at: micros(now),
            after_hours: false,
            target_minutes: 240,
            revision: "test".into(),
            row: "6".into(),
            decided_at: micros(now),
            owner: String::new(),
        }
    }

    /// Brings so many inquiries to the desk and waits until they are there.
    pub async fn begin(&self, count: usize) -> Vec<Uuid> {
        let ids: Vec<Uuid> = (0..count).map(|_| self.clock.new_id()).collect();
        let batch: Vec<Outgoing> =
            ids.iter().map(|id| self.outgoing((CENTER, *id), 1, &self.routed(CENTER, *id))).collect();
        let before = self.count("SELECT count(*) FROM inquiries").await;
        self.send(&batch).await;
        let wanted = before + i64::try_from(count).expect("few");
        eventually("all at the desk", || async { self.count("SELECT count(*) FROM inquiries").await == wanted }).await;
        ids
    }

    /// An inquiry whose person was reached and whose note is complete.
    pub async fn intake_done(&self) -> Uuid {
        let inquiry = self.begin(1).await[0];
        let mut dana = self.coordinator("dana-whitfield");
        let (center, inquiry_id) = (CENTER.to_owned(), inquiry.to_string());
        let reached = LogAttemptRequest {
            center: center.clone(),
            inquiry_id: inquiry_id.clone(),
            channel: Channel::Phone.into(),
            outcome: "reached".into(),
            ..Default::default()
        };
        dana.log_attempt(reached).await.expect("a try");
        let fields = NOTE.iter().map(|(key, answer)| ((*key).to_owned(), (*answer).to_owned())).collect();
        dana.save_note(SaveNoteRequest { center, inquiry_id, fields, base_note_version: 0 }).await.expect("a note");
        inquiry
    }

    pub fn appointment(&self, inquiry: Uuid, starts_at: Timestamp) -> Appointment {
        Appointment {
            appointment_id: Uuid::from_u128(77).to_string(),
            inquiry_id: inquiry.to_string(),
            center: CENTER.into(),
            site: "harbor".into(),
            starts_at: micros(starts_at),
            ends_at: micros(starts_at + SignedDuration::from_hours(1)),
            time_zone: "America/Los_Angeles".into(),
            ..Default::default()
        }
    }

    /// Events of a kind in the desk's outbox, oldest first.
    pub async fn told<E: Event>(&self, inquiry: Uuid) -> Vec<E> {
        let rows: Vec<Vec<u8>> = sqlx::query_scalar(
            "SELECT payload FROM outbox WHERE kind = $1 AND aggregate_id = $2 ORDER BY version, event_id",
        )
        .bind(E::KIND)
        .bind(inquiry)
        .fetch_all(&self.admin)
        .await
        .expect("the outbox");
        rows.iter().map(|row| E::decode(row.as_slice()).expect("readable")).collect()
    }

    pub async fn count(&self, sql: &'static str) -> i64 {
        count(&self.admin, sql).await
    }

    pub fn figures(&self) -> String {
        prometheus::TextEncoder::new().encode_to_string(&self.metrics.gather()).expect("text")
    }

    /// True where some file below the servers' folders holds these words.
    pub fn on_disk(&self, canary: &str) -> bool {
        let mut folders = vec![self.folder.path().to_owned()];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
                let path = entry.path();
                if path.is_dir() {
                    folders.push(path);
                } else if std::fs::read(&path).is_ok_and(|bytes| String::from_utf8_lossy(&bytes).contains(canary)) {
                    return true;
                }
            }
        }
        false
    }

    pub async fn end(mut self) {
        self.stop.soft.cancel();
        self.running.tasks.close();
        let done = tokio::time::timeout(Duration::from_secs(20), self.running.tasks.wait()).await;
        self.stop.hard.cancel();
        assert!(done.is_ok() || tokio::time::timeout(Duration::from_secs(5), self.running.tasks.wait()).await.is_ok());
        assert_eq!(self.stop.crash_reason(), None);
        self.bus.close().await;
        self.admin.close().await;
        self.nats.stop().await.expect("nats stops");
        self.postgres.stop().await.expect("postgres stops");
    }
}

pub fn command(inquiry: Uuid) -> InquiryCommand {
    InquiryCommand { center: CENTER.into(), inquiry_id: inquiry.to_string(), idempotency_key: String::new() }
}

pub fn reopen(inquiry: Uuid, reason: &str) -> ReopenInquiryRequest {
    let (center, inquiry_id, reason) = (CENTER.into(), inquiry.to_string(), reason.to_owned());
    ReopenInquiryRequest { center, inquiry_id, reason, ..ReopenInquiryRequest::default() }
}

pub fn get(inquiry: Uuid) -> GetInquiryRequest {
    GetInquiryRequest { center: CENTER.into(), inquiry_id: inquiry.to_string() }
}

pub async fn page(desk: &mut Desk, inquiry: Uuid) -> Inquiry {
    desk.get_inquiry(get(inquiry)).await.expect("a page").into_inner()
}

async fn count(admin: &PgPool, sql: &'static str) -> i64 {
    sqlx::query_scalar(sql).fetch_one(admin).await.expect("counted")
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

/// A demo center's profile.
pub fn bundle(center: &str) -> Bundle {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy/centers").join(center);
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

fn deps(
    database: &ServiceDatabase,
    nats: &PrivateNats,
    (clock, metrics): (Clock, prometheus::Registry),
    listeners: Listeners,
    keys_dir: PathBuf,
) -> Deps {
    Deps {
        service: IntakeDesk::NAME,
        mode: Mode::Development,
        clock,
        database: Some(DatabaseUrls { app: database.app.clone(), machine: database.machine.clone() }),
        nats: NatsSettings { url: nats.url(), credentials: None },
        listeners,
        peers: Peers::default(),
        data_dir: keys_dir.clone(),
        keys_dir,
        metrics,
    }
}

async fn connect(url: &str) -> Bus {
    let limits = (subjects::MAX_BYTES, subjects::MAX_MESSAGE);
    let streams = StreamSpec::all(subjects::streams(), (subjects::RETENTION, subjects::DEDUPE_WINDOW), limits);
    let settings = BusSettings { url: url.to_owned(), credentials: None, name: "test".into() };
    Bus::connect(settings, streams).await.expect("a bus")
}
