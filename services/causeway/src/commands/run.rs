//! `causeway run`: services for a real deployment, all or some of them in one process.

use std::num::NonZeroUsize;
use std::process::ExitCode;

use anyhow::Context as _;
use causeway_runtime::{Launcher, Stop, telemetry};
use clap::Args;

use crate::cli::Common;
use crate::installation;

/// Runs services until it is told to stop. The databases must be up to date (`causeway migrate`).
#[derive(Debug, Args)]
pub struct Run {
    /// Runs only these services, for example `routing,metrics`. Default: all.
    #[arg(long, value_delimiter = ',', value_name = "SERVICE,…")]
    pub only: Vec<String>,
    /// Threads that do the work. Default: one for each core. Where PostgreSQL and nats-server stand on the same machine, half as
    /// many as cores do more, because the services then wake each other less.
    #[arg(long, value_name = "N")]
    pub threads: Option<NonZeroUsize>,
    /// Prints the effective configuration as TOML and ends; with `--json` as one JSON document.
    #[arg(long)]
    pub print_config: bool,
}

impl Run {
    /// Runs the command.
    pub async fn execute(self, common: &Common) -> anyhow::Result<ExitCode> {
        let (settings, config) = installation::settings(common)?;
        let mut services = installation::services();
        if !self.only.is_empty() {
            let known: Vec<&str> = services.iter().map(|service| service.name()).collect();
            installation::check_names(&self.only, &known)?;
            services.retain(|service| self.only.iter().any(|name| name == service.name()));
        }
        if self.print_config {
            let mut parts = vec![causeway_runtime::settings::describe("runtime", &config)?];
            for service in &services {
                parts.push(service.describe(&settings)?);
            }
            let text = parts.join("\n");
            if common.json {
                let read: toml::Table = text.parse().context("read the configuration as it is told")?;
                println!("{}", serde_json::to_string(&read)?);
            } else {
                print!("{text}");
            }
            return Ok(ExitCode::SUCCESS);
        }
        let process = match services.as_slice() {
            [one] => one.name(),
            _ => "causeway",
        };
        let guard = telemetry::init(&config.telemetry(process)).context("start logs and traces")?;
        let stop = Stop::on_signals()?;
        let launcher = services.into_iter().fold(Launcher::new(config).settings(settings), Launcher::add);
        let up = launcher.start(stop).await?;
        for (name, address) in up.addresses() {
            tracing::info!(port = %name, %address, "listening");
        }
        if common.json {
            println!("{}", serde_json::json!({ "ready": true, "addresses": up.addresses() }));
        }
        let code = up.wait().await;
        guard.shutdown().await;
        Ok(code)
    }
}
