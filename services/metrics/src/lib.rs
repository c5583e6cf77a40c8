//! Metrics: see where patients drop off.
//!
//! Listens to `inquiry.received`, `stage.*`, `attempt.made`, `response.changed`, `route.changed` and `review.decided`. Publishes nothing. Owns a read
//! model that is made of these events alone, which stay in their owners' outboxes; there is no command yet that empties and rebuilds it. Answers
//! `GetFunnel`, `GetReroutes` and `GetReviews`, and shows the numbers of the first two to Prometheus. Never holds PHI, never decides anything.

mod config;
mod domain;
mod error;
mod gauges;
mod handlers;
mod store;

use std::sync::Arc;
use std::time::Duration;

use causeway_auth::Verifier;
use causeway_bus::StreamSpec;
use causeway_funnel::profile::Profile;
use causeway_mailbox::{Mailbox, MailboxSettings, Reading, Revisions, Subscription};
use causeway_proto::metrics::v1::metrics_server::MetricsServer;
use causeway_proto::subjects;
use causeway_runtime::{Check, Deps, PortSpec, Running, Service, Stop};
use sqlx::migrate::Migrator;

pub use config::Config;
use gauges::Gauges;
use handlers::{Api, Handlers};
/// The statements behind the funnel, what was sent on and what reviewers decided, for whoever wants to look at their plans.
pub use store::{
    REOPENINGS as REOPENINGS_STATEMENT, REROUTES as REROUTES_STATEMENT, REVIEWS as REVIEWS_STATEMENT,
    TALLIES as FUNNEL_STATEMENT,
};

/// The service.
pub struct Metrics;

impl Service for Metrics {
    const NAME: &'static str = "metrics";
    const PORTS: &'static [PortSpec] = &[PortSpec { name: "grpc", default: 50056 }];
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
        // Only the center's zone is needed of its profile: a day of the funnel is a day of the center.
        let profiles = Revisions::start(
            Some(&database),
            bus.clone(),
            subjects::CENTERS_BUCKET,
            read_profile,
            stop.soft.clone(),
            &running.tasks,
        )
        .await?;
        let handlers = Arc::new(Handlers);
        let subscriptions = subjects::subscriptions(Self::NAME)
            .into_iter()
            .map(|(stream, subjects)| Subscription { stream, subjects, handler: handlers.clone() })
            .collect();
        let settings =
            MailboxSettings { subscriptions, timers: None, listeners: subjects::listeners, pace: config.pace };
        Mailbox::start(database.clone(), bus.clone(), settings, &stop, &running.tasks, &deps.metrics).await?;
        let every = Duration::from_millis(config.gauges_every_ms);
        Gauges::register(&deps.metrics)?.keep_counting(database.clone(), every, &stop, &running.tasks);
        let (listener, verifier) = (deps.listeners.take("grpc")?, Verifier::new(&deps.keys_dir, deps.mode));
        let server = causeway_serve::grpc(listener, Self::NAME, verifier, &deps.metrics, stop.clone())
            .descriptors(causeway_proto::DESCRIPTORS)
            .add(MetricsServer::new(Api { database: database.clone(), profiles }));
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
