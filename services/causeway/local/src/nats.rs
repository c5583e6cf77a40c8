//! A private nats-server with JetStream: on loopback only, gone with us, its store kept for the next start.
//!
//! The sync interval is short rather than `always`: PostgreSQL is the record, and losing a store is a delay. Clients
//! need no password, because nothing on the bus is private and the port is on loopback. Not here: streams and
//! consumers, which the services make for themselves.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::find::{self, Fetch, Found, Search};
use super::needed;
use super::ports::{self, Claim};
use super::process::{self, Child, Launch, Signal};

const GIB: u64 = 1 << 30;
const CONFIG: &str = "nats.conf";

/// A private server and the process that runs it.
#[derive(Debug)]
pub struct PrivateNats {
    found: Found,
    folder: PathBuf,
    port: Claim,
    monitor_port: Claim,
    child: Option<Child>,
}

impl PrivateNats {
    /// Starts a server whose files are in `folder`; port 0 takes the one of last time, or any free one.
    pub async fn start(folder: &Path, port: u16, monitor_port: u16, search: &Search) -> Result<Self> {
        let search = search.clone();
        let answer = tokio::task::spawn_blocking(move || find::nats_server(&search, Fetch::Yes)).await;
        let found = needed(answer.context("the search for nats-server was cut short")??, "nats-server")?;
        fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
        let folder = folder.canonicalize().with_context(|| format!("cannot resolve {}", folder.display()))?;
        end_earlier_run(&found.path, &folder.join(CONFIG)).await?;
        let port = ports::choose("nats-server", port, &folder.join("port"))?;
        let monitor_port = ports::choose("the monitor of nats-server", monitor_port, &folder.join("monitor-port"))?;
        let mut server = Self { found, folder, port, monitor_port, child: None };
        server.launch().await?;
        Ok(server)
    }

    /// What the search found.
    pub fn found(&self) -> &Found {
        &self.found
    }

    /// The port of clients on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port.port()
    }

    /// The address for clients.
    pub fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port.port())
    }

    /// The address of the server's own monitoring pages.
    pub fn monitor_url(&self) -> String {
        format!("http://127.0.0.1:{}", self.monitor_port.port())
    }

    /// The process id, while it runs.
    pub fn pid(&self) -> Option<i32> {
        self.child.as_ref().filter(|child| child.is_running()).map(Child::pid)
    }

    /// Where JetStream keeps its files.
    pub fn store(&self) -> PathBuf {
        self.folder.join("jetstream")
    }

    /// The server's log.
    pub fn log(&self) -> PathBuf {
        self.folder.join("server.log")
    }

    /// Stops the server: clients are told, the store is written.
    pub async fn stop(&mut self) -> Result<()> {
        match self.child.take() {
            Some(mut child) => child.stop(Signal::TERM, Duration::from_secs(30)).await,
            None => Ok(()),
        }
    }

    /// Kills the server at once.
    pub async fn kill(&mut self) -> Result<()> {
        match self.child.take() {
            Some(mut child) => {
                child.signal(Signal::KILL);
                child.wait_gone(Duration::from_secs(10)).await
            }
            None => Ok(()),
        }
    }

    /// Starts it again on the same store and ports, stopping it first where it runs.
    pub async fn restart(&mut self) -> Result<()> {
        self.stop().await?;
        self.launch().await
    }

    /// Removes the whole store, as a lost disk would; only while the server is stopped.
    pub fn delete_store(&self) -> Result<()> {
        if self.pid().is_some() {
            bail!("the store of a running nats-server cannot be deleted; stop or kill it first");
        }
        match fs::remove_dir_all(self.store()) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(error).context("cannot delete the jetstream store")
            }
            _ => Ok(()),
        }
    }

    fn config_file(&self) -> PathBuf {
        self.folder.join(CONFIG)
    }

    async fn launch(&mut self) -> Result<()> {
        fs::write(self.config_file(), self.config()?).context("cannot write the configuration of nats-server")?;
        let child = Child::start(Launch {
            name: "nats-server",
            program: &self.found.path,
            args: vec!["--config".into(), self.config_file().into()],
            run_as: None,
            log: &self.log(),
            at_our_death: "TERM",
        })?;
        self.child = Some(child);
        self.wait_ready().await
    }

    fn config(&self) -> Result<String> {
        let disk = rustix::fs::statvfs(&self.folder).context("cannot ask how much room the disk has")?;
        enough(&self.folder, disk.f_bavail.saturating_mul(disk.f_frsize))?;
        // Quoted by JSON's rules, which are the configuration's own for strings.
        let store = serde_json::to_string(&self.store()).context("the store's path is not readable text")?;
        Ok(format!(
            "server_name: causeway\nlisten: \"127.0.0.1:{}\"\nhttp: \"127.0.0.1:{}\"\n\
             jetstream {{\n  store_dir: {store}\n  sync_interval: \"10s\"\n  max_file: {}\n  max_mem: {}\n}}\n",
            self.port.port(),
            self.monitor_port.port(),
            // What the limits of the streams come to. The server holds them against this figure and not against the disk,
            // which a machine for development need not have free: nothing of it is taken before messages come.
            16 * GIB,
            GIB / 4,
        ))
    }

    async fn wait_ready(&mut self) -> Result<()> {
        let ready = async {
            while self.pid().is_some() {
                if is_healthy(self.monitor_port.port()).await {
                    return true;
                }
                tokio::time::sleep(Duration::from_millis(25)).await;
            }
            false
        };
        let log = self.log();
        match tokio::time::timeout(Duration::from_secs(60), ready).await {
            Ok(true) => Ok(()),
            Ok(false) => bail!(
                "nats-server ended while starting; the end of {} says:\n{}",
                log.display(),
                process::log_tail(&log)
            ),
            Err(_) => bail!("nats-server was not healthy within 60 s; see {}", log.display()),
        }
    }
}

impl Drop for PrivateNats {
    /// Asks the server to stop without waiting: a test that failed must not leave it behind.
    fn drop(&mut self) {
        if let Some(child) = &self.child {
            child.signal(Signal::TERM);
        }
    }
}

/// Refuses to start where the disk would be full within minutes: what comes out of that is harder to read than this.
fn enough(folder: &Path, free: u64) -> Result<()> {
    if free < GIB {
        bail!("the disk of {} has {} MiB left and the servers need 1024; free some", folder.display(), free >> 20);
    }
    Ok(())
}

/// One whose parent was killed is on its way out, and still holds the store and the port.
async fn end_earlier_run(program: &Path, config: &Path) -> Result<()> {
    // The program may have any name, as a path that was configured; the configuration file is what is ours.
    let program = program.canonicalize().unwrap_or_else(|_| program.to_owned());
    let Some(name) = program.file_name().and_then(|name| name.to_str()) else { return Ok(()) };
    let find = || process::strays(name, |folder| has_argument(folder, config));
    if find().is_empty() {
        return Ok(());
    }
    process::end_strays("nats-server", Signal::TERM, Duration::from_secs(15), find).await
}

fn has_argument(process: &Path, file: &Path) -> bool {
    use std::os::unix::ffi::OsStrExt as _;
    let words = fs::read(process.join("cmdline")).unwrap_or_default();
    words.split(|byte| *byte == 0).any(|word| word == file.as_os_str().as_bytes())
}

/// Asks `/healthz`, which is green when JetStream has recovered its store; one request needs no HTTP client.
async fn is_healthy(port: u16) -> bool {
    let ask = async {
        let mut stream = TcpStream::connect(("127.0.0.1", port)).await?;
        stream.write_all(b"GET /healthz HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n").await?;
        let mut answer = Vec::new();
        stream.take(4096).read_to_end(&mut answer).await?;
        Ok::<_, std::io::Error>(answer.starts_with(b"HTTP/1.0 200") || answer.starts_with(b"HTTP/1.1 200"))
    };
    matches!(tokio::time::timeout(Duration::from_secs(2), ask).await, Ok(Ok(true)))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{GIB, enough};

    #[test]
    fn a_disk_that_is_all_but_full_is_named_with_what_it_has_and_what_is_needed() {
        let folder = Path::new("/var/causeway");
        assert!(enough(folder, GIB).is_ok());
        let refusal = enough(folder, GIB - 1).expect_err("too little").to_string();
        assert_eq!(refusal, "the disk of /var/causeway has 1023 MiB left and the servers need 1024; free some");
    }
}
