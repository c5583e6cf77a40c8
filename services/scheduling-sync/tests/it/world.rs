//! The world of a test: servers, the service, a clock that is moved by hand, and short ways to ask.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use bytes::Bytes;
use causeway_auth::{Actor, Identity, Role};
use causeway_bus::{Bus, Outgoing, StreamSpec};
use causeway_envelope::{Envelope, TraceContext};
use causeway_funnel::inquiry::{CancerArea, ConsultType, Facts};
use causeway_funnel::profile::Bundle;
use causeway_local::find::Search;
use causeway_local::{PrivateNats, PrivatePostgres};
use causeway_proto::convert::facts_to_wire;
use causeway_proto::events::fact;
use causeway_proto::intake::v1::ReadinessChanged;
use causeway_proto::scheduling::v1::scheduling_client::SchedulingClient;
use causeway_proto::scheduling::v1::{
    Appointment, BookSlotRequest, CancelAppointmentRequest, ListAppointmentsRequest, OfferSlotsRequest,
    OfferSlotsResponse, RecordAttendanceRequest, RescheduleAppointmentRequest,
};
use causeway_proto::subjects;
use causeway_runtime::{Clock, DatabaseUrls, Deps, Listeners, Mode, NatsSettings, Peers, Running, Service as _, Stop};
use causeway_scheduling_sync::{Config, SchedulingSync};
use causeway_serve::Channel;
use futures::future::join_all;
use jiff::Timestamp;
use secrecy::ExposeSecret as _;
use sqlx::PgPool;
use sqlx::postgres::PgPoolOptions;
use tonic::Status;
use uuid::Uuid;

/// The center of most tests, with the profile that ships as a demo.
pub const CENTER: &str = "harbor-valley";
/// Another tenant.
pub const OTHER: &str = "lakeside";

/// A Monday morning at the center (8:00 in Los Angeles), in the week of Thanksgiving.
pub const MONDAY: &str = "2026-11-23T16:00:00Z";

pub struct World {
    pub clock: Clock,
    pub bus: Bus,
    /// Sees all centers.
    pub machine: PgPool,
    /// Bound by row-level security.
    pub app: PgPool,
    pub metrics: prometheus::Registry,
    url: String,
    identity: Identity,
    stop: Stop,
    running: Running,
    // Held until the end: dropping a server ends it, dropping the folder deletes its files.
    postgres: PrivatePostgres,
    nats: PrivateNats,
    _folder: tempfile::TempDir,
}

/// What the desk tells of an inquiry.
#[derive(Clone)]
pub struct Word {
    pub consult_type: ConsultType,
    pub cancer_area: CancerArea,
    pub language: &'static str,
    pub preferred: Option<&'static str>,
    pub routed: &'static str,
    pub intake_complete: bool,
    pub records_ready: bool,
    pub reviewed: bool,
    pub open: bool,
    pub version: i64,
}

/// A new consult for breast, which may be booked at once.
pub fn ready() -> Word {
    Word {
        consult_type: ConsultType::NewConsult,
        cancer_area: CancerArea::Breast,
        language: "en",
        preferred: None,
        routed: "harbor",
        intake_complete: true,
        records_ready: false,
        reviewed: false,
        open: true,
        version: 1,
    }
}

pub fn at(text: &str) -> Timestamp {
    text.parse().expect("a time")
}

fn centers() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy/centers").join(CENTER)
}

fn bundle() -> Bundle {
    fn walk(root: &Path, folder: &Path, bundle: &mut Bundle) {
        for entry in std::fs::read_dir(folder).expect("a folder of the profile") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                walk(root, &path, bundle);
            } else {
                let name = path.strip_prefix(root).expect("below the root").to_string_lossy().into_owned();
                bundle.insert(name, std::fs::read_to_string(&path).expect("a text file"));
            }
        }
    }
    let (root, mut bundle) = (centers(), Bundle::new());
    walk(&root, &root, &mut bundle);
    bundle
}

async fn pool(url: &secrecy::SecretString) -> PgPool {
    PgPoolOptions::new().max_connections(4).connect(url.expose_secret()).await.expect("a pool")
}

impl World {
    pub async fn start() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o755)).expect("opened");
        let search = Search::from_environment();
        let (records, bus_store) = (folder.path().join("postgres"), folder.path().join("nats"));
        let (postgres, nats) =
            tokio::join!(PrivatePostgres::start(&records, 0, &search), PrivateNats::start(&bus_store, 0, 0, &search));
        let (postgres, nats) = (postgres.expect("PostgreSQL starts"), nats.expect("nats-server starts"));
        let database = postgres.create_database_and_roles(SchedulingSync::NAME).await.expect("a database");
        let roles = ("scheduling_sync_app", "scheduling_sync_machine");
        let admin = database.admin.expose_secret();
        causeway_mailbox::migrate(admin, SchedulingSync::NAME, SchedulingSync::migrator(), roles)
            .await
            .expect("migrated");
        let (app, machine) = (pool(&database.app).await, pool(&database.machine).await);
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("bound");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let (clock, keys_dir, metrics) =
            (Clock::manual(at(MONDAY)), folder.path().join("keys"), prometheus::Registry::new());
        let identity = Identity::load(&keys_dir, "portal", Mode::Development).expect("an identity");
        let deps = Deps {
            service: SchedulingSync::NAME,
            mode: Mode::Development,
            clock: clock.clone(),
            database: Some(DatabaseUrls { app: database.app, machine: database.machine }),
            nats: NatsSettings { url: nats.url(), credentials: None },
            listeners: Listeners::none().with("grpc", listener),
            peers: Peers::default(),
            keys_dir,
            metrics: metrics.clone(),
            data_dir: folder.path().join("data"),
        };
        let limits = (subjects::MAX_BYTES, subjects::MAX_MESSAGE);
        let streams = StreamSpec::all(subjects::streams(), (subjects::RETENTION, subjects::DEDUPE_WINDOW), limits);
        let bus = causeway_mailbox::open_bus(&deps, streams).await.expect("a bus");
        let pinned = bus.bucket(subjects::CENTERS_BUCKET).await.expect("a bucket");
        for center in [CENTER, OTHER] {
            pinned.put(center, Bytes::from(bundle().to_bytes())).await.expect("pinned up");
        }
        let stop = Stop::new();
        let running = SchedulingSync::start(deps, Config::default(), stop.clone()).await.expect("the service starts");
        let world =
            Self { clock, bus, machine, app, metrics, url, identity, stop, running, postgres, nats, _folder: folder };
        world.until(|| world.knows_its_centers()).await;
        world
    }

    /// The profiles come by the bus, shortly after the start.
    async fn knows_its_centers(&self) -> bool {
        let kept = "SELECT count(*) FROM revisions WHERE current";
        sqlx::query_scalar::<_, i64>(kept).fetch_one(&self.machine).await.expect("read") == 2
    }

    pub async fn stop(mut self) {
        self.stop.soft.cancel();
        self.stop.hard.cancel();
        self.running.tasks.close();
        self.running.tasks.wait().await;
        self.bus.close().await;
        self.nats.stop().await.expect("nats-server stops");
        self.postgres.stop().await.expect("PostgreSQL stops");
    }

    /// The desk tells of an inquiry, and the service has heard of it.
    pub async fn tell(&self, center: &str, inquiry: Uuid, word: &Word) {
        self.say(center, inquiry, word).await;
        self.until(|| async {
            let known: Option<i64> =
                sqlx::query_scalar("SELECT version FROM bookables WHERE center_id = $1 AND inquiry_id = $2")
                    .bind(center)
                    .bind(inquiry)
                    .fetch_optional(&self.machine)
                    .await
                    .expect("read");
            known.is_some_and(|known| known >= word.version)
        })
        .await;
    }

    /// The desk tells of many inquiries that may be booked at once.
    pub async fn tell_all(&self, inquiries: &[Uuid]) {
        let word = ready();
        join_all(inquiries.iter().map(|inquiry| self.tell(CENTER, *inquiry, &word))).await;
    }

    /// The desk tells; gives the id of the event.
    pub async fn say(&self, center: &str, inquiry: Uuid, word: &Word) -> Uuid {
        let facts = Facts {
            center: center.to_owned(),
            consult_type: word.consult_type,
            cancer_area: word.cancer_area,
            language: word.language.to_owned(),
            site_preference: word.preferred.map(str::to_owned),
            received_at: at(MONDAY),
            ..Facts::default()
        };
        let message = ReadinessChanged {
            facts: Some(facts_to_wire(inquiry, &facts)),
            version: word.version,
            intake_complete: word.intake_complete,
            records_ready: word.records_ready,
            reviewed: word.reviewed,
            open: word.open,
            team: "navigators".to_owned(),
            site: word.routed.to_owned(),
        };
        let fact = fact(center, &message);
        self.send(center, inquiry, word.version, (fact.subject, fact.kind), fact.payload).await
    }

    /// Puts any message on the bus.
    pub async fn send(
        &self,
        center: &str,
        inquiry: Uuid,
        version: i64,
        (subject, kind): (String, &str),
        payload: Vec<u8>,
    ) -> Uuid {
        let id = Uuid::from_u128(rand_bits());
        let envelope = Envelope {
            id,
            kind: kind.to_owned(),
            source: "intake-desk".to_owned(),
            subject,
            center: center.to_owned(),
            aggregate_id: inquiry,
            version,
            time: self.clock.now(),
            trace: TraceContext::default(),
        };
        let sent = self.bus.publish(&[Outgoing::one(envelope, Bytes::from(payload), id.to_string())]).await;
        sent[0].as_ref().expect("published");
        id
    }

    /// A new inquiry of the usual center that may be booked at once.
    pub async fn inquiry(&self) -> Uuid {
        let inquiry = Uuid::from_u128(rand_bits());
        self.tell(CENTER, inquiry, &ready()).await;
        inquiry
    }

    pub fn client(&self, actor: &Actor) -> Asking {
        let channel = Channel::connect(&self.url, self.identity.clone(), SchedulingSync::NAME).expect("a url");
        Asking { client: SchedulingClient::new(channel.on_behalf_of(actor)), center: CENTER.to_owned() }
    }

    pub fn scheduler(&self) -> Asking {
        self.client(&Actor::staff("u1", "Sam", CENTER, vec![Role::Scheduler]))
    }

    pub fn patient(&self, inquiry: Uuid) -> Asking {
        self.client(&Actor::patient(inquiry.to_string(), CENTER))
    }

    /// Kinds and versions of what was published about an inquiry, in order.
    pub async fn events(&self, inquiry: Uuid) -> Vec<(String, i64)> {
        sqlx::query_as("SELECT replace(kind, 'causeway.scheduling.v1.', ''), version FROM outbox WHERE aggregate_id = $1 ORDER BY version")
            .bind(inquiry)
            .fetch_all(&self.machine)
            .await
            .expect("read")
    }

    /// Seats that are taken in all slots.
    pub async fn seats(&self) -> i64 {
        sqlx::query_scalar("SELECT count(*) FROM slots_taken").fetch_one(&self.machine).await.expect("read")
    }

    /// Appointments and seats that do not belong together: a booked one without its seat, a seat without its appointment.
    pub async fn contradictions(&self) -> i64 {
        sqlx::query_scalar(
            "SELECT count(*) FROM appointments AS a FULL JOIN slots_taken AS s USING (center_id, appointment_id) \
             WHERE (a.state IS DISTINCT FROM 'cancelled') IS DISTINCT FROM (s.seat IS NOT NULL) \
                OR (s.seat IS NOT NULL AND (a.slot_id, a.seat) IS DISTINCT FROM (s.slot_id, s.seat))",
        )
        .fetch_one(&self.machine)
        .await
        .expect("read")
    }

    pub async fn until<F: Future<Output = bool>>(&self, check: impl Fn() -> F) {
        for _ in 0..4800 {
            if check().await {
                return;
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        panic!("what was waited for did not happen within two minutes");
    }
}

fn rand_bits() -> u128 {
    // A manual clock stands still, so ids come from the system's.
    Clock::system().new_id().as_u128()
}

/// Somebody who asks the service.
#[derive(Clone)]
pub struct Asking {
    pub client: SchedulingClient<Channel>,
    pub center: String,
}

impl Asking {
    pub async fn offers(&self, inquiry: Uuid) -> OfferSlotsResponse {
        self.offers_at(inquiry, "", 0).await
    }

    pub async fn offers_at(&self, inquiry: Uuid, site: &str, limit: i32) -> OfferSlotsResponse {
        let ask = OfferSlotsRequest {
            center: self.center.clone(),
            inquiry_id: inquiry.to_string(),
            site: site.to_owned(),
            limit,
            ..Default::default()
        };
        self.client.clone().offer_slots(ask).await.expect("offers").into_inner()
    }

    /// The id of the first slot that is offered at a site.
    pub async fn first_slot(&self, inquiry: Uuid, site: &str) -> String {
        self.offers_at(inquiry, site, 1).await.slots.remove(0).slot_id
    }

    pub async fn book(&self, inquiry: Uuid, slot: &str, key: &str) -> Result<Appointment, Status> {
        let ask = BookSlotRequest {
            center: self.center.clone(),
            inquiry_id: inquiry.to_string(),
            slot_id: slot.to_owned(),
            idempotency_key: key.to_owned(),
        };
        self.client.clone().book_slot(ask).await.map(tonic::Response::into_inner)
    }

    pub async fn reschedule(&self, appointment: &str, slot: &str) -> Result<Appointment, Status> {
        let ask = RescheduleAppointmentRequest {
            center: self.center.clone(),
            appointment_id: appointment.to_owned(),
            slot_id: slot.to_owned(),
            reason: "time_does_not_fit".to_owned(),
        };
        self.client.clone().reschedule_appointment(ask).await.map(tonic::Response::into_inner)
    }

    pub async fn cancel(&self, appointment: &str, reason: &str) -> Result<Appointment, Status> {
        let ask = CancelAppointmentRequest {
            center: self.center.clone(),
            appointment_id: appointment.to_owned(),
            reason: reason.to_owned(),
            by: String::new(),
        };
        self.client.clone().cancel_appointment(ask).await.map(tonic::Response::into_inner)
    }

    pub async fn record(&self, appointment: &str, attended: bool) -> Result<Appointment, Status> {
        let ask =
            RecordAttendanceRequest { center: self.center.clone(), appointment_id: appointment.to_owned(), attended };
        self.client.clone().record_attendance(ask).await.map(tonic::Response::into_inner)
    }

    /// Id and state of each appointment, newest first.
    pub async fn list(&self, inquiry: Uuid) -> Result<Vec<(Appointment, String)>, Status> {
        let ask = ListAppointmentsRequest { center: self.center.clone(), inquiry_id: inquiry.to_string() };
        let all = self.client.clone().list_appointments(ask).await?.into_inner().appointments;
        Ok(all.into_iter().map(|one| (one.appointment.unwrap_or_default(), one.state)).collect())
    }
}
