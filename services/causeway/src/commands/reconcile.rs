//! `causeway reconcile`: the whole outbox of each service against the inboxes of all listeners.
//!
//! The services do this by themselves for what is new; an operator does it after a restore from a backup.

use std::process::ExitCode;

use causeway_proto::subjects;
use clap::Args;

use crate::cli::Common;
use crate::installation;

/// Compares all that was published with all that was seen, and publishes again what is missing.
#[derive(Debug, Args)]
pub struct Reconcile {
    /// Only these services. Default: all.
    #[arg(long, value_delimiter = ',', value_name = "SERVICE,…")]
    pub only: Vec<String>,
}

impl Reconcile {
    /// Runs the command. It fails where a listener did not answer.
    pub async fn execute(self, common: &Common) -> anyhow::Result<ExitCode> {
        installation::check_names(&self.only, &installation::with_database())?;
        let (_, config) = installation::settings(common)?;
        let bus = installation::bus(&config).await?;
        let mut silent = 0;
        for service in installation::with_database() {
            if !self.only.is_empty() && !self.only.iter().any(|name| name == service) {
                continue;
            }
            let pool = installation::machine_pool(&config, service).await?;
            let compared = causeway_mailbox::reconcile_all(&pool, service, &bus, subjects::listeners).await?;
            silent += compared.silent;
            if common.json {
                println!("{}", serde_json::json!({ "service": service, "compared": compared }));
            } else {
                println!(
                    "{service:<16} {:>9} events, {:>6} published again, {} questions without an answer",
                    compared.events, compared.republished, compared.silent
                );
            }
        }
        Ok(if silent == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}
