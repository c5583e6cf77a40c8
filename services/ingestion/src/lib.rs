//! Ingestion: every door, nothing lost.
//!
//! Listens to: people and systems at its doors (HTTP, FHIR R4, HL7 over MLLP, CSV files by upload or folder, calls of a phone
//! system, gRPC); to `StageChanged` and the five appointment events for what became of referrals by FHIR, and so that the next
//! call of somebody whose inquiry is over is a new one; to `OfficeRecordsWanted` for what offices are to send; to `HandedToCenter`,
//! for which a sister center gets an inquiry of its own.
//! Publishes: `InquiryReceived`, `InquiryAmended`, `DocumentReceived`, `HandoverTaken`, `HandoverNotTaken`.
//! Owns: the inquiry as received, the person behind it (all PHI of the installation, sealed), what has to be mended and what
//! people did about it, the answers given to each idempotency key, the messages and files of partner systems and the calls of
//! phone systems as they came (sealed), frames of the HL7 door that belong to nobody (sealed), the documents of inquiries (sealed), which inquiries may be the same person's, where a referral by FHIR stands for its
//! office, and who is told of it.
//! Never: decides who works an inquiry, sends a person anything, or lets PHI out but for a stated and recorded purpose.
//!
//! An answer is given after the commit. The bus may be down meanwhile: what was accepted waits in the outbox.

pub mod adapters;
pub mod config;
pub mod domain;
pub mod error;
pub mod handlers;
pub mod health;
pub mod metrics;
pub mod scanner;
pub mod store;
pub mod vault;
pub mod writer;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use causeway_auth::{Sealer, SignedLinks, Verifier};
use causeway_bus::StreamSpec;
use causeway_funnel::profile::Profile;
use causeway_mailbox::{Database, Mailbox, MailboxSettings, Reading, Revisions, Subscription};
use causeway_proto::inquiry::v1::ingestion_server::IngestionServer;
use causeway_proto::subjects;
use causeway_runtime::{Deps, PortSpec, Running, Service, Stop};
use causeway_serve::{HttpLimits, HttpMetrics, Pressure};
use sqlx::migrate::Migrator;
use tokio::net::TcpListener;

pub use config::Config;
use handlers::accept::Acceptance;
use handlers::csv::Files;
use handlers::documents::{self, Documents};
use handlers::fhir;
use handlers::follow::Followed;
use handlers::grpc::Calls;
use handlers::hear::{Hearing, early};
use handlers::hooks::post::{Guard, Hooks};
use handlers::hooks::{self, Worker};
use handlers::limit::Limits;
use handlers::mllp;
use handlers::phone;
use handlers::proof::Proofs;
use handlers::repair::door::Doors;
use handlers::unaddressed::Unaddressed;
use health::Health;
use metrics::Metrics;
use scanner::Scanner;
use vault::Vault;
use writer::{WriterParts, Writers};

/// The service.
pub struct Ingestion;

static MIGRATIONS: Migrator = sqlx::migrate!();

impl Service for Ingestion {
    const NAME: &'static str = "ingestion";
    const PORTS: &'static [PortSpec] = &[
        PortSpec { name: "grpc", default: 50051 },
        PortSpec { name: "http", default: 8090 },
        PortSpec { name: "mllp", default: 2575 },
    ];
    type Config = Config;

    fn migrator() -> Option<&'static Migrator> {
        Some(&MIGRATIONS)
    }

    async fn start(deps: Deps, config: Config, stop: Stop) -> anyhow::Result<Running> {
        config.check().map_err(anyhow::Error::msg)?;
        let mut running = Running::default();
        let streams = StreamSpec::all(
            subjects::streams(),
            (subjects::RETENTION, subjects::DEDUPE_WINDOW),
            (subjects::MAX_BYTES, subjects::MAX_MESSAGE),
        );
        let (database, bus) = causeway_mailbox::open(&deps, &config.database, streams).await?;
        let (soft, tasks) = (stop.soft.clone(), &running.tasks);
        let profiles =
            Revisions::start(Some(&database), bus.clone(), subjects::CENTERS_BUCKET, read_profile, soft, tasks).await?;
        let health = Health::default();
        let acceptance = acceptance(&deps, &config, &stop, (profiles, &database, &health), tasks)?;
        let followed = Arc::new(Followed { acceptance: acceptance.clone() });
        let subscription = |(stream, subjects)| Subscription { stream, subjects, handler: followed.clone() };
        let machine = MailboxSettings {
            subscriptions: subjects::subscriptions(Self::NAME).into_iter().map(subscription).collect(),
            timers: None,
            listeners: subjects::listeners,
            pace: config.pace.clone(),
        };
        Mailbox::start(database.clone(), bus, machine, &stop, tasks, &deps.metrics).await?;
        let documents = take_documents(&deps, &config, &stop, tasks, (acceptance.clone(), database.clone()))?;
        let hearing = hearing(&deps, &config, &stop, tasks, (acceptance.clone(), database.clone()));
        serve_grpc(&deps, &config, &stop, &running, (acceptance.clone(), hearing.clone(), documents))?;
        watch_waiting(&database, acceptance.metrics.clone(), &stop, tasks);
        let every = Duration::from_secs(config.feeds_look_seconds.max(1));
        let watch = handlers::volume::watch(acceptance.clone(), database.clone(), every, stop.clone());
        stop.spawn(tasks, "volume of feeds", watch);
        let held = (acceptance.clone(), database.clone(), config.held_business_minutes);
        stop.spawn(tasks, "held inquiries", handlers::release::watch(held, stop.clone()));
        let every = Duration::from_secs(config.forms_look_seconds.max(1));
        let settling = handlers::showings::watch((acceptance.clone(), database.clone(), every), stop.clone());
        stop.spawn(tasks, "showings of forms", settling);
        serve_mllp(&deps, &config, &stop, &running, hearing)?;
        let files = take_files(&deps, &config, &stop, tasks, (acceptance.clone(), database.clone()));
        let every = Duration::from_secs(config.erase_look_seconds.max(1));
        stop.spawn(tasks, "erasure", handlers::erase::run(files.clone(), every, stop.clone()));
        let reading =
            handlers::recognise::run(acceptance.clone(), database.clone(), config.people.clone(), stop.clone());
        stop.spawn(tasks, "person index", reading);
        let guard = Guard { is_development: deps.mode.is_development() };
        notify(&config, &stop, tasks, guard, (acceptance.clone(), database.clone()))?;
        serve_http(&deps, &config, &stop, &running, (acceptance, database.clone(), files), guard)?;
        health::watch(health, &database, &stop, &mut running);
        Ok(running)
    }
}

/// How often what waits for a person is counted.
const LOOK_AT_WAITING: Duration = Duration::from_secs(10);

/// Reads a profile as the bucket holds it.
fn read_profile(bytes: &[u8]) -> Result<Reading<Profile>, String> {
    let (profile, fault) = Profile::from_stored(bytes)?;
    Ok(Reading { revision: profile.revision.clone(), value: profile, fault })
}

fn acceptance(
    deps: &Deps,
    config: &Config,
    stop: &Stop,
    (profiles, database, health): (Arc<Revisions<Profile>>, &Database, &Health),
    tasks: &tokio_util::task::TaskTracker,
) -> anyhow::Result<Arc<Acceptance>> {
    let metrics = Metrics::register(&deps.metrics)?;
    let parts = WriterParts {
        database: database.clone(),
        metrics: metrics.clone(),
        batch: config.batch,
        queue: config.queue,
        health: health.clone(),
    };
    Ok(Arc::new(Acceptance {
        profiles,
        sealer: Sealer::configured(&deps.keys_dir, deps.mode, config.sealing)?,
        clock: deps.clock.clone(),
        writers: Writers::new(parts, stop.clone(), tasks.clone()),
        limits: Limits::new(config.limits.clone(), metrics.limited.clone()),
        proofs: Proofs {
            links: SignedLinks::open_keyring(&deps.keys_dir, deps.mode)?,
            database: database.clone(),
            of_address: Pressure::per_minute(config.limits.often_per_minute),
            of_form: Pressure::per_minute(config.limits.form_per_minute),
        },
        credentials: handlers::credentials::Credentials::default(),
        metrics,
    }))
}

fn serve_grpc(
    deps: &Deps,
    config: &Config,
    stop: &Stop,
    running: &Running,
    (acceptance, hearing, documents): (Arc<Acceptance>, Arc<Hearing>, Arc<Documents>),
) -> anyhow::Result<()> {
    let verifier = Verifier::new(&deps.keys_dir, deps.mode);
    let doors = Doors { processing_id: config.mllp.processing_id.clone(), most_entries: config.fhir.entries };
    let database = hearing.database.clone();
    let calls = Calls { acceptance, database, most_revealed: config.reveal, doors, documents, hearing };
    // A message is the form's answers or a part of a document, and a little around them.
    let most = (2 * config.body_bytes).max(documents::PART + 4096);
    let service = IngestionServer::new(calls).max_decoding_message_size(most);
    let server =
        causeway_serve::grpc(deps.listeners.take("grpc")?, deps.service, verifier, &deps.metrics, stop.clone())
            .descriptors(causeway_proto::DESCRIPTORS)
            .add(service);
    stop.supervise(&running.tasks, "grpc", server.run());
    Ok(())
}

/// Shows operators what partner systems sent, and which calls, that wait for a person.
fn watch_waiting(database: &Database, metrics: Metrics, stop: &Stop, tasks: &tokio_util::task::TaskTracker) {
    let (database, soft) = (database.clone(), stop.soft.clone());
    stop.spawn(tasks, "messages", async move {
        loop {
            if let Ok(waiting) = store::messages::waiting(database.machine()).await {
                metrics.waiting_messages.reset();
                for (center, reason, count) in waiting {
                    metrics.waiting_messages.with_label_values(&[&center, &reason]).set(count);
                }
            }
            if let Ok(waiting) = store::unaddressed::waiting(database.machine()).await {
                metrics.waiting_unaddressed.reset();
                for (reason, count) in waiting {
                    metrics.waiting_unaddressed.with_label_values(&[&reason]).set(count);
                }
            }
            let now = database.clock().now();
            if let Ok(waiting) = store::calls::waiting_everywhere(database.machine(), now).await {
                metrics.waiting_calls.reset();
                for (center, what, count) in waiting {
                    metrics.waiting_calls.with_label_values(&[&center, &what]).set(count);
                }
            }
            tokio::select! {
                () = soft.cancelled() => return,
                () = tokio::time::sleep(LOOK_AT_WAITING) => {}
            }
        }
    });
}

/// What hears the messages of partner systems, and what looks after those that wait for another one, or for somebody to say whose they
/// are.
fn hearing(
    deps: &Deps,
    config: &Config,
    stop: &Stop,
    tasks: &tokio_util::task::TaskTracker,
    (acceptance, database): (Arc<Acceptance>, Database),
) -> Arc<Hearing> {
    let settings = config.mllp.unaddressed.clone();
    let parts = (acceptance.sealer.clone(), database.clone(), deps.clock.clone());
    let unaddressed = Unaddressed::new(parts, acceptance.metrics.clone(), settings);
    let processing_id = config.mllp.processing_id.clone();
    let hearing = Arc::new(Hearing { acceptance, database, processing_id, unaddressed });
    let every = Duration::from_secs(config.erase_look_seconds.max(1));
    let (own, soft) = (Arc::clone(&hearing), stop.clone());
    stop.spawn(tasks, "unaddressed frames", async move { own.unaddressed.sweep(every, soft).await });
    let early = early::watch(hearing.acceptance.clone(), hearing.database.clone(), stop.clone());
    stop.spawn(tasks, "early messages", early);
    hearing
}

fn serve_mllp(
    deps: &Deps,
    config: &Config,
    stop: &Stop,
    running: &Running,
    hearing: Arc<Hearing>,
) -> anyhow::Result<()> {
    let settings = &config.mllp;
    let limits = mllp::Limits {
        frame_bytes: settings.frame_bytes,
        connections: settings.connections,
        connections_per_address: settings.connections_per_address,
        stall: Duration::from_secs(settings.stall_seconds),
        frame: Duration::from_secs(settings.frame_seconds),
        rest: Duration::from_secs(settings.rest_seconds),
    };
    let (listener, tls) = (deps.listeners.take("mllp")?, handlers::tls::acceptor(settings)?);
    let shared = mllp::Shared::of(&limits, settings.large_bytes);
    if let Some(address) = settings.plain_listen {
        let plain = bind(address).with_context(|| format!("listen at ingestion.mllp.plain_listen {address}"))?;
        let serving = mllp::serve(plain, None, (Arc::clone(&hearing), shared.clone()), limits, stop.clone());
        stop.supervise(&running.tasks, "mllp plain", serving);
    }
    let serving = mllp::serve(listener, tls, (hearing, shared), limits, stop.clone());
    stop.supervise(&running.tasks, "mllp", serving);
    Ok(())
}

fn bind(address: SocketAddr) -> std::io::Result<TcpListener> {
    let listener = std::net::TcpListener::bind(address)?;
    listener.set_nonblocking(true)?;
    TcpListener::from_std(listener)
}

/// Starts what takes partners' files: the workers, and the watch over the folders where there are some.
fn take_files(
    deps: &Deps,
    config: &Config,
    stop: &Stop,
    tasks: &tokio_util::task::TaskTracker,
    (acceptance, database): (Arc<Acceptance>, Database),
) -> Arc<Files> {
    let settings = config.csv.clone();
    let folder = settings.folder.clone();
    let (bell, worker) = (tokio::sync::Notify::new(), deps.clock.new_id());
    let files = Arc::new(Files { acceptance, database, settings, bell, worker });
    stop.spawn(tasks, "files", handlers::csv::worker::run(Arc::clone(&files), stop.clone(), tasks.clone()));
    stop.spawn(tasks, "forgotten files", handlers::csv::worker::tidy(Arc::clone(&files), stop.clone()));
    if let Some(folder) = folder {
        stop.spawn(tasks, "folders", handlers::csv::folder::watch(Arc::clone(&files), folder, stop.clone()));
    }
    files
}

/// Starts what tells partners of changed Tasks.
fn notify(
    config: &Config,
    stop: &Stop,
    tasks: &tokio_util::task::TaskTracker,
    guard: Guard,
    (acceptance, database): (Arc<Acceptance>, Database),
) -> anyhow::Result<()> {
    let hooks = Hooks::new(guard).context("set up the way to subscribers' endpoints")?;
    let worker = Arc::new(Worker { acceptance, database, hooks, settings: config.subscriptions.clone() });
    stop.spawn(tasks, "notifications", hooks::run(worker, stop.clone(), tasks.clone()));
    Ok(())
}

/// Starts what takes, scans and sweeps documents.
fn take_documents(
    deps: &Deps,
    config: &Config,
    stop: &Stop,
    tasks: &tokio_util::task::TaskTracker,
    (acceptance, database): (Arc<Acceptance>, Database),
) -> anyhow::Result<Arc<Documents>> {
    let settings = config.documents.clone();
    let vault = if settings.bucket.name.is_empty() {
        Vault::folder(&settings.folder.clone().unwrap_or_else(|| deps.data_dir.join("documents")))?
    } else {
        Vault::bucket(&settings.bucket)?
    };
    let patience = Duration::from_secs(settings.scan_seconds.max(1));
    let scanner = match settings.scanner.as_str() {
        "" => {
            tracing::warn!(
                "no malware scanner is set: every document is handed out unscanned. Set ingestion.documents.scanner, or 'off' if it is meant so"
            );
            None
        }
        "off" => None,
        place => Some(Scanner::at(place, patience)?),
    };
    let bell = tokio::sync::Notify::new();
    let documents = Arc::new(Documents { acceptance, database, vault, scanner: scanner.clone(), settings, bell });
    match scanner {
        Some(scanner) => {
            stop.spawn(tasks, "scans", documents::scan::run(Arc::clone(&documents), scanner, stop.clone()))
        }
        None => stop.spawn(tasks, "scans", documents::scan::idle(Arc::clone(&documents), stop.clone())),
    };
    stop.spawn(tasks, "documents of messages", documents::unpack::run(Arc::clone(&documents), stop.clone()));
    stop.spawn(tasks, "unfinished documents", documents::sweep::run(Arc::clone(&documents), stop.clone()));
    Ok(documents)
}

fn serve_http(
    deps: &Deps,
    config: &Config,
    stop: &Stop,
    running: &Running,
    (acceptance, database, files): (Arc<Acceptance>, Database, Arc<Files>),
    guard: Guard,
) -> anyhow::Result<()> {
    let listener = deps.listeners.take("http")?;
    let limits = HttpLimits { body: config.body_bytes, deadline: config.deadline(), ..HttpLimits::default() };
    let metrics = HttpMetrics::new(&deps.metrics)?;
    let layered = |router, limits: &HttpLimits| causeway_serve::http_layers(router, deps.service, &metrics, limits);
    let calls = phone::door::Door { acceptance: acceptance.clone(), database: database.clone() };
    let calls = layered(phone::door::router(Arc::new(calls)), &limits);
    let door =
        fhir::Door::new(acceptance.clone(), database, config.fhir.clone(), (config.subscriptions.clone(), guard));
    // Documents come inside a Bundle, so these bodies may be larger than a form's answers.
    let fhir_limits = HttpLimits { body: config.fhir.body_bytes, ..limits.clone() };
    let fhir = fhir::in_fhir(layered(fhir::router(Arc::new(door)), &fhir_limits));
    let for_files = HttpLimits {
        // The door counts by itself, because it keeps what comes part by part.
        body: usize::MAX,
        deadline: Duration::from_secs(config.csv.upload_seconds),
        ..HttpLimits::default()
    };
    let files = layered(handlers::csv::http::router(files), &for_files);
    let forms = handlers::http::router(acceptance.clone())
        .merge(handlers::proof::router(acceptance.clone()))
        .layer(axum::middleware::from_fn_with_state(acceptance.clone(), handlers::cors::origins))
        .merge(handlers::forms::router(acceptance));
    let router = layered(forms, &limits).merge(calls).merge(fhir).merge(files);
    let stop_serving = stop.clone();
    stop.supervise(&running.tasks, "http", async move {
        causeway_serve::http(listener, router, stop_serving, &limits).await
    });
    Ok(())
}
