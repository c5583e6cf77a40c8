//! What is measured: private servers, and all services as `causeway run` runs them on one machine.
//!
//! The door is a process of its own and the other services are one, as the run book advises for a single machine. Both are
//! child processes, so that their CPU and memory can be told from the load generator's. Everything
//! lies in a folder of its own that is removed at the end. Deliberately absent: how the servers are found and kept (local).

use std::collections::BTreeMap;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use causeway_runtime::{Clock, RuntimeConfig};
use secrecy::ExposeSecret as _;
use sqlx::{Connection as _, Executor as _, PgConnection};
use tokio::time::{Instant, sleep};

use super::http::Connection;
use super::load::Doors;
use super::machine::Processes;
use crate::cli::Common;
use crate::commands::{center, dev::Dev};
use crate::installation;
use crate::local::Workbench;
use crate::local::process::{Child, Launch, Signal, log_tail};

/// How long the services may take to start.
const PATIENCE: Duration = Duration::from_secs(60);

/// Servers and services, up and ready.
pub struct Stage {
    /// The servers.
    pub servers: Workbench,
    /// Configuration of the services.
    pub config: RuntimeConfig,
    /// The doors of ingestion.
    pub doors: Doors,
    /// `/metrics` and `/readyz` of the services behind the door.
    pub operations: SocketAddr,
    /// Folder of all files.
    pub folder: PathBuf,
    services: [Child; 2],
}

/// A process of services and where it listens.
struct Up {
    child: Child,
    addresses: BTreeMap<String, SocketAddr>,
}

impl Stage {
    /// Starts all of it in an empty folder.
    pub async fn start(folder: &Path, centers: Option<PathBuf>, common: &Common) -> anyhow::Result<Self> {
        let dev = Dev { data: folder.to_owned(), demo: false, port_base: Some(0), centers, servers_only: false };
        let (mut servers, config, _) = dev.prepare(common, folder, Arc::new(|| Clock::system().now())).await?;
        note_commit_times(&mut servers).await?;
        let bus = installation::bus(&config).await?;
        for center in dev.center_folders()? {
            center::apply(&bus, &center).await?;
        }
        bus.close().await;
        let door = run(folder, "door", &["ingestion"], &common.set).await?;
        let grpc = door.address("ingestion.grpc")?;
        let peer = format!("runtime.peers.ingestion=http://{grpc}");
        let behind: Vec<&str> =
            installation::services().iter().map(|service| service.name()).filter(|name| *name != "ingestion").collect();
        let set: Vec<String> = common.set.iter().cloned().chain([peer]).collect();
        let rest = run(folder, "behind", &behind, &set).await?;
        Ok(Self {
            servers,
            config,
            doors: Doors { http: door.address("ingestion.http")?, mllp: door.address("ingestion.mllp")? },
            operations: rest.address("operations")?,
            folder: folder.to_owned(),
            services: [door.child, rest.child],
        })
    }

    /// Whose CPU and memory is counted.
    pub fn processes(&self) -> anyhow::Result<Processes> {
        if let Some(at) = self.services.iter().position(|child| !child.is_running()) {
            bail!("services ended: {}", log_tail(&self.folder.join(format!("{}.log", ["door", "behind"][at]))));
        }
        Ok(Processes {
            services: [self.services[0].pid(), self.services[1].pid()],
            postgres: self.servers.postgres().pid().context("PostgreSQL ended")?,
            nats: self.servers.nats().pid().context("nats-server ended")?,
        })
    }

    /// Lets the services behind the door stand still. Their messages and rows wait for them.
    pub fn pause_behind(&self) {
        self.services[1].signal(Signal::STOP);
    }

    /// Lets them go on.
    pub fn resume_behind(&self) {
        self.services[1].signal(Signal::CONT);
    }

    /// What the services behind the door wrote.
    pub fn log(&self) -> PathBuf {
        self.folder.join("behind.log")
    }

    /// Stops the services and then the servers.
    pub async fn stop(mut self) -> anyhow::Result<()> {
        for child in self.services.iter_mut().rev() {
            child.stop(Signal::TERM, Duration::from_secs(40)).await?;
        }
        self.servers.stop().await
    }
}

impl Up {
    fn address(&self, name: &str) -> anyhow::Result<SocketAddr> {
        self.addresses.get(name).copied().with_context(|| format!("no address {name} was told"))
    }
}

/// Starts services as a process and waits until they are ready.
async fn run(folder: &Path, name: &'static str, only: &[&str], set: &[String]) -> anyhow::Result<Up> {
    let log = folder.join(format!("{name}.log"));
    let child = launch(folder, (name, &log), only, set)?;
    let deadline = Instant::now() + PATIENCE;
    let mut told = None;
    while Instant::now() < deadline {
        if !child.is_running() {
            bail!("services ended while starting; the end of their log says:\n{}", log_tail(&log));
        }
        told = told.or_else(|| addresses_in(&fs::read_to_string(&log).unwrap_or_default()));
        if let Some(operations) = told.as_ref().and_then(|told| told.get("operations"))
            && is_ready(*operations).await
        {
            return Ok(Up { child, addresses: told.unwrap_or_default() });
        }
        sleep(Duration::from_millis(50)).await;
    }
    bail!("services were not ready within {PATIENCE:?}; the end of their log says:\n{}", log_tail(&log))
}

/// Lets the server note when each transaction was committed: from commit to commit is what an inquiry's way takes. For
/// the floor as well, so that both pay for it.
async fn note_commit_times(servers: &mut Workbench) -> anyhow::Result<()> {
    let url = servers.postgres().admin_url("postgres");
    let mut connection = PgConnection::connect(url.expose_secret()).await?;
    connection.execute("ALTER SYSTEM SET track_commit_timestamp = on").await?;
    connection.close().await?;
    servers.postgres_mut().restart().await.context("restart PostgreSQL with commit times")
}

/// This very binary with some services, quiet, without mail: what is measured ends with the recorded notice. With half of the
/// cores, as the run book advises where the servers stand on the same machine.
fn launch(folder: &Path, (name, log): (&'static str, &Path), only: &[&str], set: &[String]) -> anyhow::Result<Child> {
    let own = std::env::current_exe().context("find this program's own file")?;
    let only = only.join(",");
    let mut args: Vec<std::ffi::OsString> = vec!["run".into(), "--only".into(), only.into(), "--json".into()];
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZeroUsize::get);
    args.extend(["--threads".into(), (cores / 2).max(1).to_string().into()]);
    args.extend(["--config".into(), folder.join(installation::CONFIG_FILE).into()]);
    let quiet = ["runtime.log_level=error", "runtime.log_format=json", "notification.sender_enabled=false"];
    // More is sent than any center's forms would ever have.
    let unlimited = ["ingestion.limits.form_per_minute=0", "ingestion.limits.center_per_minute=0"];
    for value in quiet.into_iter().chain(unlimited).chain(set.iter().map(String::as_str)) {
        args.extend(["--set".into(), value.into()]);
    }
    Child::start(Launch { name, program: &own, args, run_as: None, log, at_our_death: "TERM" })
}

/// The addresses in the line that `causeway run --json` writes when it is up.
fn addresses_in(log: &str) -> Option<BTreeMap<String, SocketAddr>> {
    #[derive(serde::Deserialize)]
    struct Ready {
        ready: bool,
        addresses: BTreeMap<String, SocketAddr>,
    }
    let ready: Ready = log.lines().find_map(|line| serde_json::from_str(line).ok())?;
    (ready.ready && !ready.addresses.is_empty()).then_some(ready.addresses)
}

async fn is_ready(operations: SocketAddr) -> bool {
    let request = format!("GET /readyz HTTP/1.1\r\nhost: {operations}\r\n\r\n");
    match Connection::open(operations).await {
        Ok(mut connection) => connection.send(request.as_bytes()).await.is_ok_and(|status| status == 200),
        Err(_) => false,
    }
}

/// A folder that is removed when this is dropped, unless it is to be kept.
pub struct Folder {
    path: PathBuf,
    keep: bool,
}

impl Folder {
    /// The named one, which is kept; else a new one on the disk, because commits to a file system in memory would cost
    /// nothing.
    pub fn make(named: Option<&Path>) -> anyhow::Result<Self> {
        let unnamed = || PathBuf::from("/var/tmp").join(format!("causeway-bench-{}", std::process::id()));
        let path = named.map_or_else(unnamed, Path::to_owned);
        if path.read_dir().is_ok_and(|mut entries| entries.next().is_some()) {
            bail!("{} is not empty; name an empty folder with --data", path.display());
        }
        fs::create_dir_all(&path).with_context(|| format!("make the folder {}", path.display()))?;
        Ok(Self { path: path.canonicalize()?, keep: named.is_some() })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if !self.keep {
            let _ = fs::remove_dir_all(&self.path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_doors_are_found_in_the_line_that_says_ready() {
        let log = "{\"level\":\"ERROR\",\"message\":\"x\"}\nplain words\n\
            {\"addresses\":{\"ingestion.http\":\"127.0.0.1:8090\",\"operations\":\"127.0.0.1:9600\",\"portal.staff\":\"127.0.0.1:1\"},\"ready\":true}\n";
        let told = addresses_in(log).expect("addresses");
        assert_eq!(told["ingestion.http"], "127.0.0.1:8090".parse().expect("address"));
        assert_eq!(told["operations"], "127.0.0.1:9600".parse().expect("address"));
        assert_eq!(addresses_in("{\"ready\":true,\"addresses\":{}}"), None);
        assert_eq!(addresses_in(""), None);
    }

    #[test]
    fn a_folder_of_our_own_is_removed_and_one_that_holds_something_is_refused() {
        let path = {
            let folder = Folder::make(None).expect("a folder");
            assert!(Folder::make(Some(folder.path())).is_ok(), "an empty one will do");
            fs::write(folder.path().join("x"), "x").expect("a file");
            assert!(Folder::make(Some(folder.path())).is_err());
            folder.path().to_owned()
        };
        assert!(!path.exists());
    }
}
