//! What an operator's command knows of an installation: its configuration, its databases, its bus.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use causeway_bus::{Bus, BusCredentials, BusSettings, StreamSpec};
use causeway_proto::subjects;
use causeway_runtime::settings::Sources;
use causeway_runtime::{ErasedService, NatsCredentials, RuntimeConfig, Settings, entry};
use secrecy::ExposeSecret as _;
use sqlx::PgPool;
use sqlx::postgres::PgPoolOptions;

use crate::cli::Common;

/// Data folder of `causeway dev` where no other is named.
pub const DATA_DIR: &str = ".causeway";
/// Name of the configuration file.
pub const CONFIG_FILE: &str = "causeway.toml";

/// All services in the order in which they start: whoever is asked stands before whoever asks.
pub fn services() -> Vec<Box<dyn ErasedService>> {
    vec![
        entry::<causeway_ingestion::Ingestion>(),
        entry::<causeway_routing::Routing>(),
        entry::<causeway_intake_desk::IntakeDesk>(),
        entry::<causeway_scheduling_sync::SchedulingSync>(),
        entry::<causeway_notification::Notification>(),
        entry::<causeway_metrics::Metrics>(),
        entry::<causeway_portal::Portal>(),
    ]
}

/// Names of the services that own a database.
pub fn with_database() -> Vec<&'static str> {
    services().iter().filter(|service| service.migrator().is_some()).map(|service| service.name()).collect()
}

/// Refuses a name that no service has: a command that does nothing for a misspelt one looks as if all were done.
pub fn check_names(only: &[String], known: &[&str]) -> anyhow::Result<()> {
    match only.iter().find(|name| !known.contains(&name.as_str())) {
        Some(unknown) => anyhow::bail!("no service is called '{unknown}'; known are {}", known.join(", ")),
        None => Ok(()),
    }
}

/// The streams of the contract as the bus takes them.
pub fn streams() -> Vec<StreamSpec> {
    StreamSpec::all(
        subjects::streams(),
        (subjects::RETENTION, subjects::DEDUPE_WINDOW),
        (subjects::MAX_BYTES, subjects::MAX_MESSAGE),
    )
}

/// The configuration that the options name.
pub fn settings(common: &Common) -> anyhow::Result<(Settings, RuntimeConfig)> {
    let sources = Sources::from_process(config_file(common), common.set.clone());
    let settings = Settings::load(&sources)?;
    check_sections(&settings.sections())?;
    let config = RuntimeConfig::from_settings(&settings)?;
    Ok((settings, config))
}

/// Refuses a section that no service has: a misspelt one would silently keep its defaults.
fn check_sections(set: &[String]) -> anyhow::Result<()> {
    let mut known = vec![causeway_runtime::config::SECTION.to_owned()];
    known.extend(services().iter().map(|service| service.name().replace('-', "_")));
    match set.iter().find(|section| !known.contains(section)) {
        Some(unknown) => {
            anyhow::bail!(
                "settings have a section [{unknown}], which nobody reads; the sections are {}",
                known.join(", ")
            )
        }
        None => Ok(()),
    }
}

fn config_file(common: &Common) -> Option<PathBuf> {
    common.config.clone().or_else(|| {
        let candidates = [PathBuf::from(CONFIG_FILE), Path::new(DATA_DIR).join(CONFIG_FILE)];
        candidates.into_iter().find(|path| path.exists())
    })
}

/// Opens the machine's view of a service's database: all centers, for operators.
pub async fn machine_pool(config: &RuntimeConfig, service: &str) -> anyhow::Result<PgPool> {
    let urls = config.database(service).with_context(|| {
        format!("no database for {service} in the configuration; name a file with --config, or start 'causeway dev' in this folder")
    })?;
    PgPoolOptions::new()
        .max_connections(2)
        .acquire_timeout(std::time::Duration::from_secs(5))
        .connect(urls.machine.expose_secret())
        .await
        .with_context(|| unreachable(urls.machine.expose_secret(), service))
}

/// What to look at where a database does not answer. Says where it should be, and nothing secret.
pub fn unreachable(url: &str, service: &str) -> String {
    let address = reqwest::Url::parse(url).ok().and_then(|url| {
        let (host, port) = (url.host_str()?.to_owned(), url.port().unwrap_or(5432));
        Some(format!("{host}:{port}, database {}", url.path().trim_start_matches('/')))
    });
    let address = address.unwrap_or_else(|| "its address".to_owned());
    format!(
        "connect to the database of {service} at {address}; check that PostgreSQL runs there and that the address in the configuration is right"
    )
}

/// Connects to the bus as an operator.
pub async fn bus(config: &RuntimeConfig) -> anyhow::Result<Bus> {
    Ok(Bus::connect(bus_settings(config), streams()).await?)
}

/// Connects to the bus as an operator who only looks: nothing is made that is missing.
pub async fn bus_as_it_is(config: &RuntimeConfig) -> anyhow::Result<Bus> {
    Ok(Bus::connect_to_look(bus_settings(config), streams()).await?)
}

fn bus_settings(config: &RuntimeConfig) -> BusSettings {
    let nats = config.nats("causeway");
    let credentials = nats.credentials.map(|credentials| match credentials {
        NatsCredentials::CredentialsFile(path) => BusCredentials::File(path),
        NatsCredentials::NkeySeedFile(path) => BusCredentials::NkeySeed(path),
    });
    BusSettings { url: nats.url, credentials, name: "causeway-operator".to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_section_that_nobody_reads_is_refused_by_name() {
        let known = ["runtime", "ingestion", "intake_desk", "scheduling_sync"].map(str::to_owned);
        assert!(check_sections(&known).is_ok());
        let refused = check_sections(&["intake".to_owned()]).expect_err("refused").to_string();
        assert!(refused.contains("[intake]") && refused.contains("intake_desk"), "{refused}");
    }

    #[test]
    fn where_a_database_should_be_is_told_without_its_password() {
        let said = unreachable("postgres://app:geheim@db.internal/causeway_routing", "routing");
        assert!(said.contains("routing at db.internal:5432, database causeway_routing;"), "{said}");
        assert!(!said.contains("geheim") && !unreachable("geheim", "routing").contains("geheim"));
    }
}
