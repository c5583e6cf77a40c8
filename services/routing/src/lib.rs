//! Routing: the right team at once, and by when somebody is to be reached.
//!
//! Listens to `inquiry.received`, `attempt.made`, `stage.closed` and `work.moved`. Publishes `route.decided`, `route.changed`, `response.changed`,
//! `response.missed`, `owner.chosen` and `escalation.raised`. Owns each routing decision with what it was made on, the response clock
//! with its pauses, closures on short notice, who is away, and whose turn an inquiry is; who works it, the desk alone decides.
//! Answers why and by when, which table is in force and what another one would have done, pauses clocks, enters and ends closures
//! and absences. Never holds PHI, never decides a stage.

pub mod answers;
mod config;
mod domain;
mod error;
mod handlers;
#[cfg(test)]
mod samples;
mod store;

use std::sync::Arc;

use causeway_auth::Verifier;
use causeway_bus::StreamSpec;
use causeway_funnel::profile::Profile;
use causeway_mailbox::{Mailbox, MailboxSettings, Reading, Revisions, Subscription};
use causeway_proto::routing::v1::routing_server::RoutingServer;
use causeway_proto::subjects;
use causeway_runtime::{Check, Deps, PortSpec, Running, Service, Stop};
use sqlx::migrate::Migrator;

pub use config::Config;
pub use domain::{Load, Move, Targets, WhatIf};
pub use error::Error;
use handlers::{Ahead, Api, Handlers};
/// Statements for whoever wants to look at their plans.
pub use store::clock::TOUCHED;
pub use store::closures::LISTED;
pub use store::work::{DECIDED_SQL, REROUTES_SQL, waiting_sql};

/// The service.
pub struct Routing;

impl Service for Routing {
    const NAME: &'static str = "routing";
    const PORTS: &'static [PortSpec] = &[PortSpec { name: "grpc", default: 50052 }];
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
        let profiles = Revisions::start(
            Some(&database),
            bus.clone(),
            subjects::CENTERS_BUCKET,
            read_profile,
            stop.soft.clone(),
            &running.tasks,
        )
        .await?;
        let handlers = Arc::new(Handlers { profiles: profiles.clone() });
        let subscriptions = subjects::subscriptions(Self::NAME)
            .into_iter()
            .map(|(stream, subjects)| Subscription { stream, subjects, handler: handlers.clone() })
            .collect();
        let settings = MailboxSettings {
            subscriptions,
            timers: Some(handlers),
            listeners: subjects::listeners,
            pace: config.pace,
        };
        Mailbox::start(database.clone(), bus.clone(), settings, &stop, &running.tasks, &deps.metrics).await?;
        let ahead = Ahead::follow(&database, &stop, &running.tasks);
        let (listener, verifier) = (deps.listeners.take("grpc")?, Verifier::new(&deps.keys_dir, deps.mode));
        let server = causeway_serve::grpc(listener, Self::NAME, verifier, &deps.metrics, stop.clone())
            .descriptors(causeway_proto::DESCRIPTORS)
            .add(RoutingServer::new(Api { database: database.clone(), profiles, ahead }));
        stop.supervise(&running.tasks, "grpc", server.run());
        running.readiness.push(Check::new("bus", move || bus.ready()));
        running.readiness.push(causeway_mailbox::readiness(database, &stop, &running.tasks));
        Ok(running)
    }
}

/// Reads a center's profile as the bucket keeps it.
fn read_profile(bytes: &[u8]) -> Result<Reading<Profile>, String> {
    let (profile, fault) = Profile::from_stored(bytes)?;
    Ok(Reading { revision: profile.revision.clone(), value: profile, fault })
}
