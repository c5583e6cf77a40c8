//! What a service is: a name, ports, a configuration, migrations and one `start`.
//!
//! `start` gets everything from outside ([`Deps`]) and gives back what the runtime needs to watch and end it ([`Running`]). A service
//! never reads the environment, binds a port or installs a signal handler, which is why many of them can share one process.
//!
//! Deliberately not here: how services are ordered, watched and drained (launcher).

use std::fmt;
use std::future::Future;
use std::path::PathBuf;
use std::sync::Arc;

use futures::FutureExt;
use futures::future::BoxFuture;
use secrecy::SecretString;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tokio_util::task::TaskTracker;

use crate::clock::Clock;
use crate::lifecycle::Stop;
use crate::network::{Listeners, Peers};
use crate::settings::{Settings, SettingsError, describe};

/// What a process may be lenient about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// Keys are made when missing, a login without a provider is possible, the clock may run fast.
    Development,
    /// Nothing is made up: what is missing is refused.
    #[default]
    Production,
}

impl Mode {
    /// Whether the lenient rules hold.
    pub fn is_development(self) -> bool {
        self == Self::Development
    }
}

/// A port that a service listens on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PortSpec {
    /// Its name within the service, for example `grpc`.
    pub name: &'static str,
    /// The port used when nothing is configured; 0 means any free one.
    pub default: u16,
}

/// The two database logins of one service.
#[derive(Clone)]
pub struct DatabaseUrls {
    /// Bound by row-level security; requests and handlers use it.
    pub app: SecretString,
    /// Sees every center; relays, timers and operators' commands use it.
    pub machine: SecretString,
}

impl fmt::Debug for DatabaseUrls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DatabaseUrls([redacted])")
    }
}

/// How one service logs in at the message bus.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NatsCredentials {
    /// A `.creds` file with a user token and its key.
    CredentialsFile(PathBuf),
    /// A file that holds an nkey seed.
    NkeySeedFile(PathBuf),
}

/// Where the message bus is and who we are there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NatsSettings {
    /// Server urls, comma separated.
    pub url: String,
    /// This service's own login, if the bus asks for one.
    pub credentials: Option<NatsCredentials>,
}

/// Everything a service is given.
#[derive(Debug)]
pub struct Deps {
    /// The service's own name.
    pub service: &'static str,
    /// What may be lenient.
    pub mode: Mode,
    /// The process's clock.
    pub clock: Clock,
    /// The service's own database, if it has one configured.
    pub database: Option<DatabaseUrls>,
    /// The message bus.
    pub nats: NatsSettings,
    /// Its bound ports.
    pub listeners: Listeners,
    /// Where the other services are.
    pub peers: Peers,
    /// Where keys are kept.
    pub keys_dir: PathBuf,
    /// The service's own metrics; `/metrics` joins all services and adds the label `service`.
    pub metrics: prometheus::Registry,
    /// Where a service may keep files of its own.
    pub data_dir: PathBuf,
}

/// What a readiness check asks; the error says what is missing.
pub type CheckFn = Arc<dyn Fn() -> Result<(), String> + Send + Sync>;

/// One named readiness check.
#[derive(Clone)]
pub struct Check {
    /// Its name in `/readyz`.
    pub name: &'static str,
    /// Asked on every `/readyz`; must be quick and must not block.
    pub run: CheckFn,
}

impl Check {
    /// A check from a closure.
    pub fn new<F>(name: &'static str, run: F) -> Self
    where
        F: Fn() -> Result<(), String> + Send + Sync + 'static,
    {
        Self { name, run: Arc::new(run) }
    }
}

impl fmt::Debug for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Check").field(&self.name).finish()
    }
}

/// A started service.
#[derive(Debug, Default)]
pub struct Running {
    /// Its tasks; the service has ended when all of them have. Spawn with [`Stop::spawn`] or [`Stop::supervise`] so that a crash is seen.
    pub tasks: TaskTracker,
    /// What must hold before it takes traffic.
    pub readiness: Vec<Check>,
}

/// A service that the runtime can start.
pub trait Service: Send + Sync + 'static {
    /// Its name in addresses, metrics, traces and (with `_` for `-`) in the configuration.
    const NAME: &'static str;
    /// The ports it listens on.
    const PORTS: &'static [PortSpec];
    /// Its own configuration section.
    type Config: DeserializeOwned + Serialize + Default + Send + Sync + 'static;

    /// Its database migrations; none for a service without a database.
    fn migrator() -> Option<&'static sqlx::migrate::Migrator>;

    /// Connects, spawns its tasks and returns. An error stops the whole start.
    fn start(deps: Deps, config: Self::Config, stop: Stop) -> impl Future<Output = anyhow::Result<Running>> + Send;
}

/// A service whose type was forgotten, so that a process can hold a list of them.
pub trait ErasedService: Send + Sync {
    /// [`Service::NAME`].
    fn name(&self) -> &'static str;
    /// [`Service::PORTS`].
    fn ports(&self) -> &'static [PortSpec];
    /// [`Service::migrator`].
    fn migrator(&self) -> Option<&'static sqlx::migrate::Migrator>;
    /// Prints the effective configuration of its section, secrets redacted.
    fn describe(&self, settings: &Settings) -> Result<String, SettingsError>;
    /// Reads its section and starts it.
    fn start<'a>(&'a self, deps: Deps, settings: &'a Settings, stop: Stop) -> BoxFuture<'a, anyhow::Result<Running>>;
}

struct Entry<S: Service> {
    service: std::marker::PhantomData<fn() -> S>,
}

/// Forgets the type of a service.
pub fn entry<S: Service>() -> Box<dyn ErasedService> {
    Box::new(Entry::<S> { service: std::marker::PhantomData })
}

impl<S: Service> ErasedService for Entry<S> {
    fn name(&self) -> &'static str {
        S::NAME
    }

    fn ports(&self) -> &'static [PortSpec] {
        S::PORTS
    }

    fn migrator(&self) -> Option<&'static sqlx::migrate::Migrator> {
        S::migrator()
    }

    fn describe(&self, settings: &Settings) -> Result<String, SettingsError> {
        let config: S::Config = settings.section(S::NAME)?;
        describe(S::NAME, &config)
    }

    fn start<'a>(&'a self, deps: Deps, settings: &'a Settings, stop: Stop) -> BoxFuture<'a, anyhow::Result<Running>> {
        async move {
            let config: S::Config = settings.section(S::NAME)?;
            S::start(deps, config, stop).await
        }
        .boxed()
    }
}
