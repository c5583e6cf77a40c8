//! The intake desk: who works an inquiry, what happened to it, what to do next, and by when.
//!
//! Listens to: RouteDecided, InquiryAmended, ContactStopped, OwnerChosen, DocumentReceived, ResponseDueChanged, ResponseMissed, EscalationRaised, the five appointment events, what
//! became of notices and of hand-overs to sister centers. Publishes: StageChanged, WorkMoved, ReadinessChanged, ContactAttempted,
//! RecordsRequested, OfficeRecordsWanted, ReferredElsewhere, HandedToCenter, ReviewDecided, ReviewEscalated, NextStepAgreed, NextStepOver.
//! Owns: work items, attempts, notes (sealed), the records checklist, audits of quality (their words sealed), and the stage of every
//! inquiry: nobody else decides it.
//! Timers: a booked visit's time, that of an agreed next step, a claim about which nothing was done, records that wait too long for a
//! reviewer, and the weekly draw of audits.
//! Never: sends anything to a person, books anything, or reads who the person is.
//!
//! Rooms: [`domain`] decides, `store` holds all SQL, `handlers` takes messages and timers, `api` answers calls. To add a
//! command: a step in `domain::Step` with its rule and a test, an order in `api::orders`, a method in `api`.

mod api;
pub mod config;
pub mod domain;
mod error;
mod handlers;
mod metrics;
mod store;

use std::sync::Arc;
use std::time::Duration;

use causeway_auth::{Sealer, Verifier};
use causeway_bus::StreamSpec;
use causeway_funnel::profile::Profile;
use causeway_mailbox::{Mailbox, MailboxSettings, Reading, Revisions, Subscription};
use causeway_proto::intake::v1::intake_desk_server::IntakeDeskServer;
use causeway_proto::intake::v1::quality_audits_server::QualityAuditsServer;
use causeway_proto::subjects;
use causeway_runtime::{Check, Deps, PortSpec, Running, Service, Stop};
use sqlx::migrate::Migrator;

pub use config::Config;
pub use handlers::draw_key;
pub use store::next::HEADS_SQL;
pub use store::quality::audits::{AuditView, OWN_SQL, audits_sql};
pub use store::quality::draws::CANDIDATES_SQL;
pub use store::quality::results::{MISSES_SQL, PAIRS_SQL, SCORES_SQL};
pub use store::worklist::{SHARES_SQL, View, counts_sql, page_sql};

use api::{Desk, Parts};
use handlers::Listener;
use metrics::DeskMetrics;

/// The intake desk as the runtime starts it.
pub struct IntakeDesk;

impl Service for IntakeDesk {
    const NAME: &'static str = "intake-desk";
    const PORTS: &'static [PortSpec] = &[PortSpec { name: "grpc", default: 50053 }];
    type Config = Config;

    fn migrator() -> Option<&'static Migrator> {
        static MIGRATOR: Migrator = sqlx::migrate!();
        Some(&MIGRATOR)
    }

    async fn start(deps: Deps, config: Config, stop: Stop) -> anyhow::Result<Running> {
        let mut running = Running::default();
        let streams = StreamSpec::all(
            subjects::streams(),
            (subjects::RETENTION, subjects::DEDUPE_WINDOW),
            (subjects::MAX_BYTES, subjects::MAX_MESSAGE),
        );
        let (database, bus) = causeway_mailbox::open(&deps, &config.database, streams).await?;
        let (bucket, soft) = (subjects::CENTERS_BUCKET, stop.soft.clone());
        let profiles =
            Revisions::start(Some(&database), bus.clone(), bucket, read_profile, soft, &running.tasks).await?;
        let desk_metrics = DeskMetrics::register(&deps.metrics)?;
        let sealer = Sealer::configured(&deps.keys_dir, deps.mode, config.sealing)?;
        let listener = Arc::new(Listener::new(profiles.clone(), sealer.clone()));
        let subscription = |(stream, subjects)| Subscription { stream, subjects, handler: listener.clone() };
        let settings = MailboxSettings {
            subscriptions: subjects::subscriptions(Self::NAME).into_iter().map(subscription).collect(),
            timers: Some(listener.clone()),
            listeners: subjects::listeners,
            pace: config.pace,
        };
        Mailbox::start(database.clone(), bus.clone(), settings, &stop, &running.tasks, &deps.metrics).await?;
        let every = Duration::from_secs(config.count_every_seconds.max(1));
        let counting = desk_metrics.clone().count_open(database.clone(), every, stop.soft.clone());
        stop.spawn(&running.tasks, "counts", counting);
        let draws = handlers::keep_timers(database.clone(), profiles.clone(), stop.soft.clone());
        stop.spawn(&running.tasks, "draws", draws);
        running.readiness.push(causeway_mailbox::readiness(database.clone(), &stop, &running.tasks));
        let desk = Desk::new(Parts { database, profiles, sealer, metrics: desk_metrics, most_rows: config.most_rows });
        let verifier = Verifier::new(&deps.keys_dir, deps.mode);
        let server =
            causeway_serve::grpc(deps.listeners.take("grpc")?, Self::NAME, verifier, &deps.metrics, stop.clone())
                .add(QualityAuditsServer::new(desk.clone()))
                .add(IntakeDeskServer::new(desk))
                .descriptors(causeway_proto::DESCRIPTORS);
        stop.supervise(&running.tasks, "grpc", server.run());
        running.readiness.push(Check::new("bus", move || bus.ready()));
        Ok(running)
    }
}

/// Reads a profile as the bucket and the database keep it.
fn read_profile(content: &[u8]) -> Result<Reading<Profile>, String> {
    let (profile, fault) = Profile::from_stored(content)?;
    Ok(Reading { revision: profile.revision.clone(), value: profile, fault })
}
