//! Starts a list of services as one process, watches them, and drains them in reverse order.
//!
//! All ports are bound before the first service starts; services start in the order given and drain in the opposite one, so that the
//! face that people see closes first and the record behind it last. Softly means: finish what is held. When the grace time is over, or
//! a second signal comes, or a service crashed and others don't finish, the rest is cut off; the record is in the databases.
//!
//! Deliberately not here: migrations (an operator's command) and what a service does.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::Duration;

use futures::future::select_all;
use prometheus::Registry;
use thiserror::Error;
use tokio::net::TcpListener;
use tokio::time::{Instant, timeout, timeout_at};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::clock::Clock;
use crate::config::RuntimeConfig;
use crate::lifecycle::Stop;
use crate::network::{Listeners, Peers, section_name};
use crate::operations::{self, Health};
use crate::service::{Deps, ErasedService, PortSpec, Running, Service, entry};
use crate::settings::Settings;

/// How long tasks may take to notice a hard stop.
const CUT_OFF: Duration = Duration::from_secs(3);

/// The process could not be started.
#[derive(Debug, Error)]
pub enum LauncherError {
    /// Nothing to run.
    #[error("no service to run: name at least one")]
    Empty,
    /// A service is in the list twice.
    #[error("service '{0}' is in the list twice: name each once")]
    Twice(&'static str),
    /// The ports that follow the base do not all exist.
    #[error("runtime.port_base is {base}, and the last port after it would be {last}; take {most} or less")]
    Ports {
        /// What was set.
        base: u16,
        /// Where the last port would be.
        last: usize,
        /// The highest base that has room.
        most: usize,
    },
    /// A port is taken or not allowed.
    #[error("could not bind {name} on {address}: {cause}; stop what holds it or set {setting}")]
    Bind {
        /// `service.port`, or `operations`.
        name: String,
        /// What was tried.
        address: String,
        /// What the system said.
        cause: std::io::Error,
        /// The setting that moves it.
        setting: String,
    },
    /// A service refused to start.
    #[error("could not start service '{service}': {cause:#}")]
    Start {
        /// The service.
        service: &'static str,
        /// Its reason.
        cause: anyhow::Error,
    },
}

/// A process being put together.
pub struct Launcher {
    config: RuntimeConfig,
    settings: Settings,
    clock: Clock,
    services: Vec<Box<dyn ErasedService>>,
}

impl Launcher {
    /// A process without services yet; their sections are at their defaults until [`Launcher::settings`].
    pub fn new(config: RuntimeConfig) -> Self {
        Self { config, settings: Settings::default(), clock: Clock::system(), services: Vec::new() }
    }

    /// The merged settings that the services' sections are read from.
    #[must_use]
    pub fn settings(mut self, settings: Settings) -> Self {
        self.settings = settings;
        self
    }

    /// Another clock than the system's.
    #[must_use]
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// Adds a service by its type.
    #[must_use]
    pub fn service<S: Service>(self) -> Self {
        self.add(entry::<S>())
    }

    /// Adds a service whose type was forgotten.
    #[must_use]
    #[allow(clippy::should_implement_trait, reason = "adds a service, not a number")]
    pub fn add(mut self, service: Box<dyn ErasedService>) -> Self {
        self.services.push(service);
        self
    }

    /// Binds every port and starts every service. When one refuses, those already started are drained first.
    pub async fn start(self, stop: Stop) -> Result<Up, LauncherError> {
        self.refuse_bad_list()?;
        let (operations, bound) = self.bind_all().await?;
        let mut up = Up::new(&self.config, stop, &operations, &bound);
        let registries = self.open_operations(operations, &mut up);
        let peers = Peers::new(&bound.addresses, &self.config.peers);
        let started = bound.listeners.into_iter().zip(registries);
        for (service, (listeners, metrics)) in self.services.iter().zip(started) {
            let deps = self.deps(service.as_ref(), listeners, peers.clone(), metrics);
            let own = up.stop.of_service();
            let starting = service.start(deps, &self.settings, own.clone());
            let started = tokio::select! {
                started = starting => started,
                () = up.stop.requested() => Err(anyhow::anyhow!("a stop was asked for during the start")),
            };
            match started {
                Ok(running) => up.started(service.name(), own, running),
                Err(cause) => {
                    own.hard.cancel();
                    up.drain().await;
                    return Err(LauncherError::Start { service: service.name(), cause });
                }
            }
        }
        Ok(up)
    }

    fn refuse_bad_list(&self) -> Result<(), LauncherError> {
        if self.services.is_empty() {
            return Err(LauncherError::Empty);
        }
        for (index, service) in self.services.iter().enumerate() {
            if self.services[..index].iter().any(|other| other.name() == service.name()) {
                return Err(LauncherError::Twice(service.name()));
            }
        }
        let count: usize = self.services.iter().map(|service| service.ports().len()).sum();
        let last = self.config.port_base.map_or(0, |base| usize::from(base) + count);
        if let (Some(base), true) = (self.config.port_base, last > usize::from(u16::MAX)) {
            return Err(LauncherError::Ports { base, last, most: usize::from(u16::MAX) - count });
        }
        Ok(())
    }

    async fn bind_all(&self) -> Result<(TcpListener, Bound), LauncherError> {
        let operations =
            bind("operations".to_owned(), operations_address(&self.config), "runtime.operations".to_owned()).await?;
        let mut bound = Bound::default();
        let mut offset = 1;
        for service in &self.services {
            let mut listeners = Listeners::none();
            for spec in service.ports() {
                let (port, setting) = configured_port(&self.config, service.name(), spec, offset);
                offset += 1;
                let address = SocketAddr::new(self.config.bind, port).to_string();
                let name = format!("{}.{}", service.name(), spec.name);
                let listener = bind(name, address, setting).await?;
                bound.addresses.insert((service.name().to_owned(), spec.name.to_owned()), local(&listener));
                listeners = listeners.with(spec.name, listener);
            }
            bound.listeners.push(listeners);
        }
        Ok((operations, bound))
    }

    fn open_operations(&self, listener: TcpListener, up: &mut Up) -> Vec<Registry> {
        let registries: Vec<Registry> = self.services.iter().map(|_| Registry::new()).collect();
        for (service, registry) in self.services.iter().zip(&registries) {
            up.health.watch(service.name(), registry.clone());
        }
        up.operations.spawn(operations::serve(listener, up.health.clone(), up.closed.clone()));
        registries
    }

    fn deps(&self, service: &dyn ErasedService, listeners: Listeners, peers: Peers, metrics: Registry) -> Deps {
        Deps {
            service: service.name(),
            mode: self.config.mode,
            clock: self.clock.clone(),
            database: self.config.database(service.name()),
            nats: self.config.nats(service.name()),
            listeners,
            peers,
            keys_dir: self.config.keys_dir.clone(),
            metrics,
            data_dir: self.config.data_dir.clone(),
        }
    }
}

#[derive(Default)]
struct Bound {
    listeners: Vec<Listeners>,
    addresses: BTreeMap<(String, String), SocketAddr>,
}

/// How a process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// Everything finished what it held.
    Softly,
    /// The grace time ran out, or a second signal came.
    CutOff,
    /// A part of a service crashed.
    Crashed,
}

impl From<Ended> for ExitCode {
    fn from(ended: Ended) -> Self {
        match ended {
            Ended::Softly => Self::SUCCESS,
            Ended::Crashed => Self::from(1),
            Ended::CutOff => Self::from(3),
        }
    }
}

/// A process whose services all started.
pub struct Up {
    stop: Stop,
    grace: Duration,
    addresses: BTreeMap<String, SocketAddr>,
    services: Vec<Started>,
    health: Health,
    operations: TaskTracker,
    closed: CancellationToken,
}

struct Started {
    name: &'static str,
    stop: Stop,
    tasks: TaskTracker,
}

impl Up {
    fn new(config: &RuntimeConfig, stop: Stop, operations: &TcpListener, bound: &Bound) -> Self {
        let mut addresses: BTreeMap<String, SocketAddr> =
            bound.addresses.iter().map(|((service, port), address)| (format!("{service}.{port}"), *address)).collect();
        addresses.insert("operations".to_owned(), local(operations));
        Self {
            stop,
            grace: config.grace(),
            addresses,
            services: Vec::new(),
            health: Health::default(),
            operations: TaskTracker::new(),
            closed: CancellationToken::new(),
        }
    }

    fn started(&mut self, name: &'static str, stop: Stop, running: Running) {
        tracing::info!(service = name, "service started");
        self.health.running(name, running.readiness);
        self.services.push(Started { name, stop, tasks: running.tasks });
    }

    /// Every bound address: `service.port` (for example `ingestion.grpc`) and `operations`.
    pub fn addresses(&self) -> BTreeMap<String, SocketAddr> {
        self.addresses.clone()
    }

    /// Whether every service's checks pass at this moment.
    pub fn is_ready(&self) -> bool {
        self.health.is_ready()
    }

    /// Waits until every check passes; false when a stop or a crash comes first.
    pub async fn ready(&self) -> bool {
        let poll = async {
            while !self.is_ready() {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        tokio::select! {
            () = poll => true,
            () = self.ended() => false,
        }
    }

    /// Waits for the stop, drains, and tells the exit code: 0 softly, 1 after a crash, 3 when cut off.
    pub async fn wait(self) -> ExitCode {
        self.finished().await.into()
    }

    /// Like [`Up::wait`], for those who want to know and not to exit.
    pub async fn finished(mut self) -> Ended {
        self.ended().await;
        self.drain().await
    }

    async fn ended(&self) {
        let crashes = self.services.iter().map(|one| Box::pin(one.gave_up()));
        let crashes: Vec<_> = crashes.collect();
        tokio::select! {
            () = self.stop.requested() => {}
            _ = select_all(crashes) => {}
        }
    }

    async fn drain(&mut self) -> Ended {
        self.health.stopping();
        self.stop.soft.cancel();
        let deadline = Instant::now() + self.grace;
        let mut cut = false;
        for service in self.services.iter().rev() {
            cut |= !service.drain(deadline).await;
        }
        let crashed = self.services.iter().any(|service| service.stop.crash_reason().is_some());
        self.stop.hard.cancel();
        self.closed.cancel();
        self.operations.close();
        let _ = timeout(CUT_OFF, self.operations.wait()).await;
        match (crashed, cut) {
            (true, _) => Ended::Crashed,
            (false, true) => Ended::CutOff,
            (false, false) => Ended::Softly,
        }
    }
}

impl Started {
    /// Ends when the service can't go on: a supervised task crashed, or all its tasks ended though nobody asked.
    async fn gave_up(&self) {
        if self.tasks.is_empty() {
            return self.stop.crashed().await;
        }
        self.tasks.close();
        tokio::select! {
            () = self.stop.crashed() => {}
            () = self.tasks.wait() => {
                if !self.stop.is_requested() {
                    self.stop.crash(format!("all tasks of service {} ended", self.name));
                }
            }
        }
    }

    /// Whether the service finished by itself before the deadline.
    async fn drain(&self, deadline: Instant) -> bool {
        self.stop.soft.cancel();
        self.tasks.close();
        let softly = tokio::select! {
            done = timeout_at(deadline, self.tasks.wait()) => done.is_ok(),
            () = self.stop.hard.cancelled() => false,
        };
        if softly {
            tracing::info!(service = self.name, "service drained");
            return true;
        }
        tracing::warn!(service = self.name, "service did not drain in time, cutting it off");
        self.stop.hard.cancel();
        if timeout(CUT_OFF, self.tasks.wait()).await.is_err() {
            tracing::warn!(
                service = self.name,
                tasks = self.tasks.len(),
                "tasks ignore the hard stop and are left behind"
            );
        }
        false
    }
}

async fn bind(name: String, address: String, setting: String) -> Result<TcpListener, LauncherError> {
    match TcpListener::bind(&address).await {
        Ok(listener) => Ok(listener),
        Err(cause) => Err(LauncherError::Bind { name, address, cause, setting }),
    }
}

/// A bound TCP listener always has an address; the fallback keeps this total.
fn local(listener: &TcpListener) -> SocketAddr {
    listener.local_addr().unwrap_or_else(|_| SocketAddr::from(([0, 0, 0, 0], 0)))
}

fn operations_address(config: &RuntimeConfig) -> String {
    match (config.port_base, config.operations.rsplit_once(':')) {
        (Some(base), Some((host, _))) => format!("{host}:{base}"),
        _ => config.operations.clone(),
    }
}

/// The port of a service and the setting that moves it: its own setting, else counted from the base, else its default.
fn configured_port(config: &RuntimeConfig, service: &str, spec: &PortSpec, offset: u16) -> (u16, String) {
    let key = format!("{}_{}", section_name(service), spec.name);
    let port = config
        .ports
        .get(&key)
        .copied()
        .or_else(|| config.port_base.map(|base| if base == 0 { 0 } else { base.saturating_add(offset) }))
        .unwrap_or(spec.default);
    (port, format!("runtime.ports.{key}"))
}

#[cfg(test)]
mod tests;
