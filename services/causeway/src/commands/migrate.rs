//! `causeway migrate`: brings the databases up to date. Migrations only go forward.

use std::process::ExitCode;

use anyhow::{Context as _, bail};
use causeway_runtime::RuntimeConfig;
use clap::Args;
use secrecy::ExposeSecret as _;

use crate::cli::Common;
use crate::installation;

/// What stands for the name of a database in the owner's address.
const PLACE: &str = "{database}";

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
        let known: Vec<&str> = installation::services().iter().map(|service| service.name()).collect();
        installation::check_names(&self.only, &known)?;
        let with_database = installation::with_database();
        if let Some(without) = self.only.iter().find(|name| !with_database.contains(&name.as_str())) {
            anyhow::bail!("'{without}' has no database to migrate; {} have one", with_database.join(", "));
        }
        let (_, config) = installation::settings(common)?;
        for service in installation::services() {
            let wanted = self.only.is_empty() || self.only.iter().any(|name| name == service.name());
            let (true, Some(migrator)) = (wanted, service.migrator()) else { continue };
            let (database, app, machine) = names(&config, service.name())?;
            let url = owners(&self.owner_url, &database)?;
            causeway_mailbox::migrate(&url, service.name(), Some(migrator), (&app, &machine))
                .await
                .with_context(|| installation::unreachable(&url, service.name()))?;
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

/// The owner's address of a database. One without a place for its name would have every service's tables made in one database.
fn owners(url: &str, database: &str) -> anyhow::Result<String> {
    if url.contains(PLACE) {
        return Ok(url.replace(PLACE, database));
    }
    let named = reqwest::Url::parse(url).map(|url| url.path().trim_start_matches('/').to_owned());
    match named {
        Ok(named) if named == database => Ok(url.to_owned()),
        _ => bail!(
            "the owner's address must hold {PLACE} where the name of the database belongs (here {database}), \
             for example postgres://owner:secret@db.internal/{PLACE}"
        ),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_that_is_of_another_database_is_refused() {
        let url = owners("postgres://owner:x@db/{database}", "causeway_routing").expect("a place for the name");
        assert_eq!(url, "postgres://owner:x@db/causeway_routing");
        let own = "postgres://owner:x@db/causeway_routing";
        assert_eq!(owners(own, "causeway_routing").expect("its own name"), own);
        for wrong in ["postgres://owner:geheim@db/postgres", "postgres://owner:geheim@db", "geheim"] {
            let refused = owners(wrong, "causeway_routing").expect_err(wrong).to_string();
            assert!(refused.contains("{database}") && !refused.contains("geheim"), "{refused}");
        }
    }
}
