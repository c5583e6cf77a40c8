//! `causeway migrate`: brings the databases up to date. Migrations only go forward.

use std::process::ExitCode;

use anyhow::Context as _;
use causeway_runtime::RuntimeConfig;
use clap::Args;
use secrecy::ExposeSecret as _;

use crate::cli::Common;
use crate::installation;

/// Brings the databases of all services up to date and gives their two roles the rights that they need.
#[derive(Debug, Args)]
pub struct Migrate {
    /// Address of the owner's connection, with `{database}` where the database's name belongs, for example
    /// `postgres://owner:secret@db.internal/{database}`.
    #[arg(long, env = "CAUSEWAY_OWNER_URL", hide_env_values = true, value_name = "URL")]
    pub owner_url: String,
    /// Only these services. Default: all.
    #[arg(long, value_delimiter = ',', value_name = "SERVICE,…")]
    pub only: Vec<String>,
}

impl Migrate {
    /// Runs the command.
    pub async fn execute(self, common: &Common) -> anyhow::Result<ExitCode> {
        installation::check_names(&self.only, &installation::with_database())?;
        let (_, config) = installation::settings(common)?;
        for service in installation::services() {
            let wanted = self.only.is_empty() || self.only.iter().any(|name| name == service.name());
            let (true, Some(migrator)) = (wanted, service.migrator()) else { continue };
            let (database, app, machine) = names(&config, service.name())?;
            let url = self.owner_url.replace("{database}", &database);
            causeway_mailbox::migrate(&url, service.name(), Some(migrator), (&app, &machine)).await?;
            if common.json {
                println!(
                    "{}",
                    serde_json::json!({ "service": service.name(), "database": database, "migrated": true })
                );
            } else {
                println!("{:<16} {database} is up to date", service.name());
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// Name of a service's database and of its two roles, read from the addresses in the configuration.
fn names(config: &RuntimeConfig, service: &str) -> anyhow::Result<(String, String, String)> {
    let urls = config.database(service).with_context(|| {
        format!("no database for {service} in the configuration; set [runtime.databases.{service}]")
    })?;
    let app =
        reqwest::Url::parse(urls.app.expose_secret()).with_context(|| format!("address of {service}'s database"))?;
    let machine = reqwest::Url::parse(urls.machine.expose_secret())
        .with_context(|| format!("address of {service}'s database"))?;
    let database = app.path().trim_start_matches('/').to_owned();
    Ok((database, app.username().to_owned(), machine.username().to_owned()))
}
