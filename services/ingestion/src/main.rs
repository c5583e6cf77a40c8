//! Ingestion alone in a process. The first argument names the configuration file.

use std::path::PathBuf;
use std::process::ExitCode;

use causeway_ingestion::Ingestion;
use causeway_runtime::settings::Sources;
use causeway_runtime::{Launcher, RuntimeConfig, Service as _, Settings, Stop, telemetry};

#[tokio::main]
async fn main() -> anyhow::Result<ExitCode> {
    let file = std::env::args_os().nth(1).map(PathBuf::from);
    let settings = Settings::load(&Sources::from_process(file, Vec::new()))?;
    let config = RuntimeConfig::from_settings(&settings)?;
    let telemetry = telemetry::init(&config.telemetry(Ingestion::NAME))?;
    let up = Launcher::new(config).settings(settings).service::<Ingestion>().start(Stop::on_signals()?).await?;
    let code = up.wait().await;
    telemetry.shutdown().await;
    Ok(code)
}
