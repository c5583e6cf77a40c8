//! The `[runtime]` section: what every process needs to know, whatever services it runs.
//!
//! Deliberately not here: how settings are merged (settings) and the services' own sections.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::network::{PeerAddress, section_name};
use crate::secret::Secret;
use crate::service::{DatabaseUrls, Mode, NatsCredentials, NatsSettings};
use crate::settings::{Settings, SettingsError};
use crate::telemetry::{LogFormat, TelemetryConfig};

/// The name of the section.
pub const SECTION: &str = "runtime";

/// The common part of the configuration.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RuntimeConfig {
    /// `production` (default) or `development`.
    pub mode: Mode,
    /// `json` or `human`.
    pub log_format: LogFormat,
    /// Log filter in the form of `RUST_LOG`, for example `info,causeway_routing=debug`.
    pub log_level: String,
    /// Where traces go (OTLP over gRPC), for example `http://127.0.0.1:4317`; no export without it.
    pub otlp_endpoint: Option<String>,
    /// The share of new traces that is kept, 0 to 1; a caller's decision is always followed.
    pub trace_sample_ratio: f64,
    /// Address of `/livez`, `/readyz` and `/metrics`.
    pub operations: String,
    /// The address that the services' ports are bound on.
    pub bind: IpAddr,
    /// How long draining may take before it becomes hard.
    pub grace_seconds: u64,
    /// The message bus.
    pub nats: NatsConfig,
    /// Where keys are kept.
    pub keys_dir: PathBuf,
    /// Where services keep files of their own: ingestion's documents, where they lie in a folder.
    pub data_dir: PathBuf,
    /// The two logins of each service's database, by section name.
    pub databases: BTreeMap<String, DatabaseConfig>,
    /// Addresses of services in other processes, by section name.
    pub peers: BTreeMap<String, PeerAddress>,
    /// Ports that differ from the default, as `<section>_<port>`, for example `ingestion_grpc = 0`.
    pub ports: BTreeMap<String, u16>,
    /// Moves all ports together: operations takes this one, the services' ports follow in the order of start; 0: any free ones.
    pub port_base: Option<u16>,
}

/// How the message bus is reached.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct NatsConfig {
    /// Server urls, comma separated.
    pub url: String,
    /// A login file per service, by section name: `*.creds`, or an nkey seed otherwise.
    pub credentials: BTreeMap<String, PathBuf>,
}

/// The two logins of one database, as urls.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DatabaseConfig {
    /// The login that row-level security binds.
    pub app: Secret,
    /// The login that sees every center.
    pub machine: Secret,
}

impl Default for NatsConfig {
    fn default() -> Self {
        Self { url: "nats://127.0.0.1:4222".to_owned(), credentials: BTreeMap::new() }
    }
}

impl Default for RuntimeConfig {
    fn default() -> Self {
        Self {
            mode: Mode::Production,
            log_format: LogFormat::Json,
            log_level: "info".to_owned(),
            otlp_endpoint: None,
            trace_sample_ratio: 1.0,
            operations: "127.0.0.1:9600".to_owned(),
            bind: IpAddr::V4(Ipv4Addr::LOCALHOST),
            grace_seconds: 25,
            nats: NatsConfig::default(),
            keys_dir: PathBuf::from("keys"),
            data_dir: PathBuf::from("data"),
            databases: BTreeMap::new(),
            peers: BTreeMap::new(),
            ports: BTreeMap::new(),
            port_base: None,
        }
    }
}

impl RuntimeConfig {
    /// Reads the section from merged settings.
    pub fn from_settings(settings: &Settings) -> Result<Self, SettingsError> {
        settings.section(SECTION)
    }

    /// The database logins of a service, if both are configured.
    pub fn database(&self, service: &str) -> Option<DatabaseUrls> {
        let config = self.databases.get(&section_name(service))?;
        (!config.app.is_empty() && !config.machine.is_empty())
            .then(|| DatabaseUrls { app: config.app.to_secret_string(), machine: config.machine.to_secret_string() })
    }

    /// The bus settings of a service.
    pub fn nats(&self, service: &str) -> NatsSettings {
        let file = self.nats.credentials.get(&section_name(service));
        NatsSettings {
            url: self.nats.url.clone(),
            credentials: file.map(|path| {
                if path.extension().is_some_and(|extension| extension == "creds") {
                    NatsCredentials::CredentialsFile(path.clone())
                } else {
                    NatsCredentials::NkeySeedFile(path.clone())
                }
            }),
        }
    }

    /// How long draining may take.
    pub fn grace(&self) -> Duration {
        Duration::from_secs(self.grace_seconds)
    }

    /// What telemetry needs, for a process that calls itself `process`.
    pub fn telemetry(&self, process: &str) -> TelemetryConfig {
        TelemetryConfig {
            process: process.to_owned(),
            log_format: self.log_format,
            log_level: self.log_level.clone(),
            otlp_endpoint: self.otlp_endpoint.clone(),
            trace_sample_ratio: self.trace_sample_ratio,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::{Sources, describe};

    fn load(overrides: &[&str]) -> RuntimeConfig {
        let sources =
            Sources { overrides: overrides.iter().map(|text| (*text).to_owned()).collect(), ..Sources::default() };
        RuntimeConfig::from_settings(&Settings::load(&sources).expect("load")).expect("section")
    }

    #[test]
    fn the_documented_keys_can_all_be_set() {
        let config = load(&[
            "runtime.mode=development",
            "runtime.log_format=human",
            "runtime.ports.ingestion_grpc=0",
            "runtime.databases.intake_desk.app=postgres://a:b@h/d",
            "runtime.databases.intake_desk.machine=postgres://m:b@h/d",
            "runtime.peers.routing=http://routing:50052",
            "runtime.peers.portal.patient=https://care.example",
            "runtime.nats.credentials.routing=/keys/routing.creds",
        ]);
        assert!(config.mode.is_development());
        assert_eq!(config.ports["ingestion_grpc"], 0);
        assert!(config.database("intake-desk").is_some());
        assert!(config.database("routing").is_none());
        assert_eq!(config.peers["routing"], PeerAddress::Grpc("http://routing:50052".into()));
        assert!(matches!(config.peers["portal"], PeerAddress::Ports(_)));
        assert!(matches!(config.nats("routing").credentials, Some(NatsCredentials::CredentialsFile(_))));
    }

    #[test]
    fn the_defaults_are_production_on_loopback() {
        let config = RuntimeConfig::default();
        assert_eq!(config.mode, Mode::Production);
        assert!(config.bind.is_loopback() && config.operations == "127.0.0.1:9600");
    }

    #[test]
    fn database_passwords_are_never_printed() {
        let config = load(&["runtime.databases.routing.app=postgres://u:hunter2@h/d"]);
        let text = describe(SECTION, &config).expect("print");
        assert!(!text.contains("hunter2") && !format!("{config:?}").contains("hunter2"));
    }
}
