//! `causeway dev`: everything on this machine, with private servers and the demo centers, in one process.
//!
//! With `--demo` the first start plays a time lapse: the services' clock begins a week ago and runs fast until it meets
//! the present, so that the funnel shows a week of work after little more than a minute. The mapping is kept beside the
//! data; a later start finds the same history.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use anyhow::{Context as _, bail};
use causeway_runtime::config::{DatabaseConfig, NatsConfig};
use causeway_runtime::network::section_name;
use causeway_runtime::{Clock, Launcher, Mode, RuntimeConfig, Secret, Settings, Stop, Up, settings, telemetry};
use clap::Args;
use jiff::{SignedDuration, Timestamp};
use secrecy::ExposeSecret as _;
use serde::{Deserialize, Serialize};

use crate::cli::Common;
use crate::commands::{center, simulate};
use crate::installation;
use crate::local::{Now, Ports, Workbench, WorkbenchSettings, assets, find};

/// Starts private servers, applies the demo centers, and runs every service in one process until Ctrl-C.
#[derive(Debug, Args)]
pub struct Dev {
    /// Where everything is kept; a second start finds it again.
    #[arg(long, default_value = installation::DATA_DIR, value_name = "DIR")]
    pub data: PathBuf,
    /// Plays a week of life-like traffic in time lapse on the first start, then goes on at a gentle pace.
    #[arg(long)]
    pub demo: bool,
    /// Moves all ports of the services together, beginning with this one; 0: any free ones.
    #[arg(long, value_name = "N")]
    pub port_base: Option<u16>,
    /// Folder that holds the profiles of the centers, one folder each.
    #[arg(long, value_name = "DIR")]
    pub centers: Option<PathBuf>,
    /// Starts the servers, migrates and writes the configuration, but runs no service: for `causeway run` beside it.
    #[arg(long)]
    pub servers_only: bool,
}

/// How the first demo start maps real time to the services' time.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
struct Lapse {
    real_start: Timestamp,
    sim_start: Timestamp,
    speed: f64,
}

/// A week in about eighty seconds.
const LAPSE_DAYS: i64 = 7;
const LAPSE_SPEED: f64 = 7_600.0;
const CLOCK_FILE: &str = "clock.json";
/// Written when all services are up for the first time.
const ADDRESSES_FILE: &str = "addresses.json";

/// Until one of the private servers ends by itself; tells which, and what it said.
async fn server_ended(bench: &Workbench) -> String {
    loop {
        tokio::time::sleep(LOOK).await;
        if let Some(ended) = bench.ended() {
            return ended;
        }
    }
}

/// How often it is looked whether the private servers run.
const LOOK: Duration = Duration::from_secs(1);

impl Dev {
    /// Runs the command.
    pub async fn execute(self, common: &Common) -> anyhow::Result<ExitCode> {
        std::fs::create_dir_all(&self.data).with_context(|| format!("make the folder {}", self.data.display()))?;
        let data = self.data.canonicalize()?;
        let stop = Stop::on_signals()?;
        // Fetching the servers can take minutes, and a time lapse that began before them would be over before the first
        // inquiry. So the services' clock is set when all but the services is there.
        let set: Arc<OnceLock<Clock>> = Arc::default();
        let mail_clock = Arc::clone(&set);
        let now = move || mail_clock.get().map_or_else(|| Clock::system().now(), Clock::now);
        let prepared = tokio::select! {
            prepared = self.prepare(common, &data, Arc::new(now)) => prepared?,
            () = stop.requested() => {
                eprintln!("causeway: stopped before all was up; the next start goes on from here");
                return Ok(ExitCode::SUCCESS);
            }
        };
        let (bench, config, settings) = prepared;
        let clock = self.clock(&data)?;
        let clock = set.get_or_init(|| clock).clone();
        let guard = telemetry::init(&config.telemetry("causeway")).context("start logs and traces")?;
        let served = self.serve(common, &bench, config, settings, clock, stop).await;
        guard.shutdown().await;
        bench.stop().await.context("stop the private servers")?;
        served
    }

    /// Servers, databases, configuration file: all that must be there before the first service.
    pub(crate) async fn prepare(
        &self,
        common: &Common,
        data: &Path,
        now: Now,
    ) -> anyhow::Result<(Workbench, RuntimeConfig, Settings)> {
        say(common, "starting private PostgreSQL, NATS and a mail receiver");
        let bench = Workbench::start(WorkbenchSettings {
            data_dir: data.to_owned(),
            ports: Ports::default(),
            search: find::Search::from_environment(),
            now,
        })
        .await?;
        say(common, "bringing the databases up to date");
        let mut config = self.config(data, &bench);
        for service in installation::services() {
            let Some(migrator) = service.migrator() else { continue };
            let database = bench.postgres().create_database_and_roles(service.name()).await?;
            let section = section_name(service.name());
            let roles = (format!("{section}_app"), format!("{section}_machine"));
            let owner = database.admin.expose_secret();
            causeway_mailbox::migrate(owner, service.name(), Some(migrator), (&roles.0, &roles.1)).await?;
            let secret = |url: &secrecy::SecretString| Secret::new(url.expose_secret().to_owned());
            config
                .databases
                .insert(section, DatabaseConfig { app: secret(&database.app), machine: secret(&database.machine) });
        }
        let assets = assets().await;
        let file = data.join(installation::CONFIG_FILE);
        write_config(&file, &config, &bench, assets.as_deref())?;
        let sources = settings::Sources::from_process(Some(file), common.set.clone());
        let settings = Settings::load(&sources)?;
        let config = RuntimeConfig::from_settings(&settings)?;
        Ok((bench, config, settings))
    }

    fn config(&self, data: &Path, bench: &Workbench) -> RuntimeConfig {
        RuntimeConfig {
            mode: Mode::Development,
            log_format: telemetry::LogFormat::Human,
            log_level: "warn,sqlx=error,causeway=info".to_owned(),
            nats: NatsConfig { url: bench.nats().url(), credentials: BTreeMap::new() },
            keys_dir: data.join("keys"),
            data_dir: data.join("files"),
            port_base: self.port_base,
            ..RuntimeConfig::default()
        }
    }

    async fn serve(
        &self,
        common: &Common,
        bench: &Workbench,
        config: RuntimeConfig,
        settings: Settings,
        clock: Clock,
        stop: Stop,
    ) -> anyhow::Result<ExitCode> {
        say(common, "applying the demo centers");
        let bus = installation::bus(&config).await?;
        for folder in self.center_folders()? {
            center::apply(&bus, &folder).await?;
        }
        bus.close().await;
        if self.servers_only {
            self.announce(common, bench, &BTreeMap::new());
            return tokio::select! {
                () = stop.requested() => Ok(ExitCode::SUCCESS),
                ended = server_ended(bench) => Err(self.without(&ended)),
            };
        }
        let launcher = Launcher::new(config.clone()).settings(settings).clock(clock.clone());
        let launcher = installation::services().into_iter().fold(launcher, Launcher::add);
        let up = launcher.start(stop.clone()).await?;
        if !up.ready().await {
            return Ok(up.wait().await);
        }
        let (addresses, ending) = (addresses(&up), stop.clone());
        write_addresses(&self.data, &addresses)?;
        self.announce(common, bench, &addresses);
        let demo = self.demo.then(|| {
            let player = simulate::Player::demo(&addresses, &config, clock);
            tokio::spawn(async move {
                if let Err(cause) = player.play(stop.soft.clone()).await {
                    tracing::warn!(cause = %format!("{cause:#}"), "demo traffic ended");
                }
            })
        });
        let waiting = up.wait();
        tokio::pin!(waiting);
        let watched = tokio::select! {
            code = &mut waiting => Ok(code),
            // Without it the services would wait for it for ever, and whoever started this would wait for them.
            ended = server_ended(bench) => {
                ending.soft.cancel();
                waiting.await;
                Err(self.without(&ended))
            }
        };
        if let Some(demo) = demo {
            demo.abort();
        }
        watched
    }

    /// Why it ends without one of its servers, and what to do.
    fn without(&self, ended: &str) -> anyhow::Error {
        anyhow::anyhow!("{ended}\nstart again: the data is kept in {}", self.data.display())
    }

    /// The folders of all profiles. A build knows its own source tree, so that `cargo run` works from anywhere.
    pub(crate) fn center_folders(&self) -> anyhow::Result<Vec<PathBuf>> {
        if let Some(named) = self.centers.as_ref().filter(|named| !named.is_dir()) {
            bail!("{} is no folder; --centers names the one that holds a folder for each center", named.display());
        }
        let candidates = [
            self.centers.clone(),
            Some(PathBuf::from("deploy/centers")),
            Some(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy/centers")),
        ];
        let root = candidates.into_iter().flatten().find(|path| path.is_dir());
        let root = root.context("no folder with center profiles; name one with --centers")?;
        let mut folders: Vec<PathBuf> = std::fs::read_dir(&root)?
            .filter_map(|entry| Some(entry.ok()?.path()))
            .filter(|path| path.join("center.toml").exists())
            .collect();
        folders.sort();
        Ok(folders)
    }

    fn clock(&self, data: &Path) -> anyhow::Result<Clock> {
        // A lapse over data that is there already would turn its time back. There is none before all was up once.
        let fresh = !data.join(ADDRESSES_FILE).exists();
        if !fresh && let Some(clock) = kept_clock(data)? {
            return Ok(clock);
        }
        if !self.demo || !fresh {
            return Ok(Clock::system());
        }
        let now = Clock::system().now();
        // The services take some seconds before anything can happen.
        let real_start = now + SignedDuration::from_secs(3);
        let lapse =
            Lapse { real_start, sim_start: now - SignedDuration::from_hours(24 * LAPSE_DAYS), speed: LAPSE_SPEED };
        std::fs::write(data.join(CLOCK_FILE), serde_json::to_string_pretty(&lapse)?)?;
        Ok(Clock::lapse(lapse.real_start, lapse.sim_start, lapse.speed))
    }

    fn announce(&self, common: &Common, bench: &Workbench, addresses: &BTreeMap<String, String>) {
        let mut all = addresses.clone();
        all.insert("smtp".into(), bench.mail().smtp_addr().to_string());
        all.insert("mailbox".into(), bench.mail().url());
        all.insert("nats".into(), bench.nats().url());
        all.insert("postgres".into(), format!("127.0.0.1:{}", bench.postgres().port()));
        if common.json {
            println!("{}", serde_json::json!({ "ready": true, "addresses": all }));
            return;
        }
        println!("\nCauseway is up. Ctrl-C stops all; a second start finds the data in {}.\n", self.data.display());
        let told = [
            ("patient", "patient face (try /harbor-valley/forms/second-opinion)"),
            ("staff", "staff face (sign in with the development login)"),
            ("mailbox", "mail that was sent"),
            ("ingestion_http", "inquiries by machine"),
            ("mllp", "referrals by HL7 v2 (MLLP)"),
            ("operations", "health and metrics"),
        ];
        for (name, what) in told {
            if let Some(address) = all.get(name) {
                println!("  {address:<28} {what}");
            }
        }
        println!();
        for (name, address) in all.iter().filter(|(name, _)| told.iter().all(|(known, _)| known != name)) {
            println!("  {address:<28} {name}");
        }
        println!();
    }
}

/// The services' clock as a first demo start in this folder set it; nothing where it is the machine's own.
pub fn kept_clock(data: &Path) -> anyhow::Result<Option<Clock>> {
    let file = data.join(CLOCK_FILE);
    let Ok(text) = std::fs::read_to_string(&file) else { return Ok(None) };
    let lapse: Lapse = serde_json::from_str(&text).with_context(|| format!("read {}", file.display()))?;
    Ok(Some(Clock::lapse(lapse.real_start, lapse.sim_start, lapse.speed)))
}

fn say(common: &Common, what: &str) {
    if !common.json {
        eprintln!("causeway: {what}");
    }
}

/// Addresses by the names that scripts use: `patient`, `staff`, `ingestion_http`, `grpc_routing`, `operations`.
pub fn addresses(up: &Up) -> BTreeMap<String, String> {
    up.addresses()
        .iter()
        .map(|(name, address)| match name.split_once('.') {
            Some(("ingestion", "mllp")) => ("mllp".to_owned(), address.to_string()),
            Some(("portal", face)) => (face.to_owned(), format!("http://{address}")),
            Some((service, "grpc")) => (format!("grpc_{}", section_name(service)), format!("http://{address}")),
            Some((service, "http")) => (format!("{}_http", section_name(service)), format!("http://{address}")),
            Some((service, port)) => (format!("{}_{port}", section_name(service)), address.to_string()),
            None => (name.clone(), format!("http://{address}")),
        })
        .collect()
}

fn write_addresses(data: &Path, addresses: &BTreeMap<String, String>) -> anyhow::Result<()> {
    std::fs::write(data.join(ADDRESSES_FILE), serde_json::to_string_pretty(addresses)?)?;
    Ok(())
}

/// The folder with the pages' font and htmx; the pages work without it.
async fn assets() -> Option<PathBuf> {
    let cache = find::Search::from_environment().cache;
    let found =
        tokio::task::spawn_blocking(move || assets::folder(&cache)).await.map_err(anyhow::Error::from).flatten();
    found.inspect_err(|cause| eprintln!("causeway: the pages use the system's font and load whole: {cause:#}")).ok()
}

/// Writes the configuration with the private servers' logins, readable by the owner alone.
fn write_config(file: &Path, config: &RuntimeConfig, bench: &Workbench, assets: Option<&Path>) -> anyhow::Result<()> {
    use std::io::Write as _;
    use std::os::unix::fs::OpenOptionsExt as _;
    let runtime = plain_toml(config)?;
    let smtp = bench.mail().smtp_addr();
    let portal = assets
        .map_or_else(String::new, |folder| format!("\n[portal]\nassets_dir = {:?}\n", folder.display().to_string()));
    let text = format!(
        "# Written by 'causeway dev' at each start. Its commands find it here.\n{runtime}\n\
         [notification.smtp]\nhost = \"{}\"\nport = {}\ntls = \"none\"\n{portal}",
        smtp.ip(),
        smtp.port()
    );
    let mut options = std::fs::OpenOptions::new();
    let mut open = options.write(true).create(true).truncate(true).mode(0o600).open(file)?;
    open.write_all(text.as_bytes())?;
    Ok(())
}

/// The runtime section with its secrets, which the redacting form of [`settings::describe`] leaves out.
fn plain_toml(config: &RuntimeConfig) -> anyhow::Result<String> {
    let mut redacted = config.clone();
    let databases = std::mem::take(&mut redacted.databases);
    let mut text = settings::describe("runtime", &redacted)?;
    for (section, database) in databases {
        text.push_str(&format!(
            "\n[runtime.databases.{section}]\napp = \"{}\"\nmachine = \"{}\"\n",
            database.app.expose(),
            database.machine.expose()
        ));
    }
    Ok(text)
}
