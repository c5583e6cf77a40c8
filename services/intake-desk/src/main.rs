//! The process `causeway-intake-desk`: this service alone, for deployments in which it scales by itself.
//!
//! The first argument may name a configuration file; the environment overrides it.

use std::path::PathBuf;
use std::process::ExitCode;

use causeway_intake_desk::IntakeDesk;
use causeway_runtime::settings::Sources;
use causeway_runtime::{Launcher, RuntimeConfig, Service, Settings, Stop, telemetry};

#[tokio::main]
async fn main() -> anyhow::Result<ExitCode> {
    let file = std::env::args_os().nth(1).map(PathBuf::from);
    let settings = Settings::load(&Sources::from_process(file, Vec::new()))?;
    let config = RuntimeConfig::from_settings(&settings)?;
    let telemetry = telemetry::init(&config.telemetry(IntakeDesk::NAME))?;
    let up = Launcher::new(config).settings(settings).service::<IntakeDesk>().start(Stop::on_signals()?).await?;
    let code = up.wait().await;
    telemetry.shutdown().await;
    Ok(code)
}
