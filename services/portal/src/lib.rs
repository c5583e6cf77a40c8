//! causeway-portal: the pages that people see, for patients and for staff.
//!
//! The patient face asks and answers by form and signed link; the staff face is the worklist, the inquiry and the
//! funnel. Pages are HTML from the server that work without script. Listens to nothing and publishes nothing; owns the
//! sessions of staff, in memory. Deliberately not here: facts. The portal asks the services that own each fact, on behalf
//! of the person who looks.

pub mod assets;
mod centers;
mod config;
mod handlers;
pub mod pages;
mod peers;
mod refusals;
mod session;
mod tally;
pub mod theme;
mod views;
mod waiting;
pub mod words;

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use causeway_auth::{Identity, SignedLinks, oidc};
use causeway_bus::StreamSpec;
use causeway_mailbox::Revisions;
use causeway_proto::subjects;
use causeway_runtime::{Check, Clock, Deps, PortSpec, Running, Service, Stop};
use causeway_serve::{HttpLimits, HttpMetrics};
use sqlx::migrate::Migrator;

pub use config::{Config, SessionConfig};
use handlers::App;

/// The service.
pub struct Portal;

impl Service for Portal {
    const NAME: &'static str = "portal";
    const PORTS: &'static [PortSpec] =
        &[PortSpec { name: "patient", default: 8080 }, PortSpec { name: "staff", default: 8081 }];
    type Config = Config;

    fn migrator() -> Option<&'static Migrator> {
        None
    }

    async fn start(deps: Deps, config: Config, stop: Stop) -> anyhow::Result<Running> {
        let mut running = Running::default();
        let limits = (subjects::MAX_BYTES, subjects::MAX_MESSAGE);
        let streams = StreamSpec::all(subjects::streams(), (subjects::RETENTION, subjects::DEDUPE_WINDOW), limits);
        let bus = causeway_mailbox::open_bus(&deps, streams).await?;
        let profiles = Revisions::start(
            None,
            bus,
            subjects::CENTERS_BUCKET,
            centers::read_profile,
            stop.soft.clone(),
            &running.tasks,
        )
        .await?;
        let known = Arc::clone(&profiles);
        let app = Arc::new(app(&deps, config, centers::Centers::followed(profiles))?);
        let handing_over =
            tally::hand_over(Arc::clone(&app.tally), app.peers.clone(), deps.clock.clone(), stop.clone());
        stop.spawn(&running.tasks, "counts of forms", handing_over);
        let metrics = HttpMetrics::new(&deps.metrics)?;
        let layered = |router, limits: &HttpLimits| causeway_serve::http_layers(router, Self::NAME, &metrics, limits);
        let limits = HttpLimits::default();
        let for_files = HttpLimits {
            body: usize::try_from(app.config.upload_megabytes)?.saturating_mul(1024 * 1024),
            deadline: Duration::from_secs(app.config.upload_seconds),
            ..HttpLimits::default()
        };
        let patient = layered(handlers::patient::router(Arc::clone(&app)), &limits)
            .merge(layered(handlers::patient::file_router(Arc::clone(&app)), &for_files));
        let staff = layered(handlers::staff::router(Arc::clone(&app)), &limits);
        for (port, router) in [("patient", patient), ("staff", staff)] {
            let listener = deps.listeners.take(port)?;
            let (stopping, limits) = (stop.clone(), limits.clone());
            let serving = async move { causeway_serve::http(listener, router, stopping, &limits).await };
            stop.supervise(&running.tasks, port, serving);
        }
        // Not the bus: what has been read of the profiles serves on while it is down, and so does the way to every service.
        running.readiness.push(Check::new("profiles", move || match known.names().is_empty() {
            true => Err("no center's profile is in force; apply one with 'causeway center apply'".into()),
            false => Ok(()),
        }));
        Ok(running)
    }
}

fn app(deps: &Deps, config: Config, centers: centers::Centers) -> anyhow::Result<App> {
    let identity = Identity::load(&deps.keys_dir, Portal::NAME, deps.mode)?;
    let provider = match config.oidc.is_set() {
        true => Some(oidc::Client::new(config.oidc.clone(), deps.mode)?),
        false => None,
    };
    if provider.is_none() && !deps.mode.is_development() {
        tracing::warn!("nobody can sign in: set portal.oidc.issuer and the rest of that section");
    }
    let assets = assets::Assets::load(config.assets_dir.as_deref()).context("read portal.assets_dir")?;
    Ok(App {
        centers,
        peers: peers::Peers::connect(&deps.peers, &identity)?,
        assets,
        // Sessions count real time, also where the domain's clock runs fast.
        sessions: session::Sessions::new(&config.session, Clock::system()),
        waiting: waiting::Waiting::new(Clock::system()),
        links: SignedLinks::open_keyring(&deps.keys_dir, deps.mode)?,
        clock: deps.clock.clone(),
        provider,
        limiter: causeway_serve::Limiter::per_minute(config.forms_per_minute),
        often: causeway_serve::Limiter::per_minute(config.often_per_minute),
        beginners: causeway_serve::Limiter::per_minute(config.forms_per_minute),
        of_address: causeway_serve::Pressure::per_minute(config.often_per_minute),
        of_form: causeway_serve::Pressure::per_minute(config.form_per_minute),
        tally: Arc::default(),
        mode: deps.mode,
        config,
    })
}
