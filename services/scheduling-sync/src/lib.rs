//! Scheduling sync: what the clinic can really do, and when.
//!
//! Listens to `readiness.changed`. Publishes `appointment.{booked,rescheduled,cancelled,attended,missed}`. Owns what the
//! desk told of each inquiry (as far as booking cares), the appointments, and which seat of which slot is taken.
//! Answers `OfferSlots`, `BookSlot`, `RescheduleAppointment`, `CancelAppointment`, `RecordAttendance` and
//! `ListAppointments`. Never holds PHI, never decides a stage, never overrules the scheduler that owns a slot.
//!
//! Slots are those of the built-in calendar: the slot templates of the center's `booking.toml` within its opening
//! times. An appointment's `source` says whose calendar its slot is from. A hospital's scheduler becomes another source
//! in a room `adapters/` of its own: it gives slots to [`domain::diary`] and takes the events of this service; seats and
//! appointments stay as they are.

mod config;
pub mod domain;
mod error;
mod handlers;
mod store;

use std::sync::Arc;

use causeway_auth::Verifier;
use causeway_bus::StreamSpec;
use causeway_funnel::profile::Profile;
use causeway_mailbox::{Mailbox, MailboxSettings, Reading, Revisions, Subscription};
use causeway_proto::scheduling::v1::scheduling_server::SchedulingServer;
use causeway_proto::subjects;
use causeway_runtime::{Check, Deps, PortSpec, Running, Service, Stop};
use sqlx::migrate::Migrator;

pub use config::Config;
use domain::diary::Diary;
use handlers::Api;
use handlers::readiness_changed::ReadinessHandler;

/// The service.
pub struct SchedulingSync;

impl Service for SchedulingSync {
    const NAME: &'static str = "scheduling-sync";
    const PORTS: &'static [PortSpec] = &[PortSpec { name: "grpc", default: 50055 }];
    type Config = Config;

    fn migrator() -> Option<&'static Migrator> {
        static MIGRATOR: Migrator = sqlx::migrate!();
        Some(&MIGRATOR)
    }

    async fn start(deps: Deps, config: Config, stop: Stop) -> anyhow::Result<Running> {
        let mut running = Running::default();
        let limits = (subjects::MAX_BYTES, subjects::MAX_MESSAGE);
        let streams = StreamSpec::all(subjects::streams(), (subjects::RETENTION, subjects::DEDUPE_WINDOW), limits);
        let (database, bus) = causeway_mailbox::open(&deps, &config.database, streams).await?;
        let diaries = Revisions::start(
            Some(&database),
            bus.clone(),
            subjects::CENTERS_BUCKET,
            read_diary,
            stop.soft.clone(),
            &running.tasks,
        )
        .await?;
        let handler = Arc::new(ReadinessHandler);
        let subscriptions = subjects::subscriptions(Self::NAME)
            .into_iter()
            .map(|(stream, subjects)| Subscription { stream, subjects, handler: handler.clone() })
            .collect();
        let settings =
            MailboxSettings { subscriptions, timers: None, listeners: subjects::listeners, pace: config.pace.clone() };
        Mailbox::start(database.clone(), bus.clone(), settings, &stop, &running.tasks, &deps.metrics).await?;
        let api = Api::new(database.clone(), diaries, config, &deps.metrics)?;
        let (listener, verifier) = (deps.listeners.take("grpc")?, Verifier::new(&deps.keys_dir, deps.mode));
        let server = causeway_serve::grpc(listener, Self::NAME, verifier, &deps.metrics, stop.clone())
            .descriptors(causeway_proto::DESCRIPTORS)
            .add(SchedulingServer::new(api));
        stop.supervise(&running.tasks, "grpc", server.run());
        running.readiness.push(Check::new("bus", move || bus.ready()));
        running.readiness.push(causeway_mailbox::readiness(database, &stop, &running.tasks));
        Ok(running)
    }
}

/// Reads what scheduling needs of a center's profile, as the bucket keeps it.
fn read_diary(bytes: &[u8]) -> Result<Reading<Diary>, String> {
    let (profile, fault) = Profile::from_stored(bytes)?;
    Ok(Reading { value: Diary::of(&profile), revision: profile.revision, fault })
}
