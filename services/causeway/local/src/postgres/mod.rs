//! A private PostgreSQL: made on first use, on loopback only, gone with us, whole again after any crash.
//!
//! It runs with the durability of production (fsync on), so that what tests show about crashes is true, and with
//! logging that holds no parameter, so that what is true of our own logs is true of the server's. Not here: tables,
//! which each service's migrations make, and the grants on them.

mod home;
mod roles;

use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use secrecy::{ExposeSecret as _, SecretString};
use sqlx::{Connection as _, PgConnection};

use home::{Home, Passwords, write_private};
pub use roles::ServiceDatabase;

use super::find::{self, Fetch, Found, Search};
use super::needed;
use super::ports::{self, Claim};
use super::process::{self, Child, Launch, Signal};

/// The role that owns everything; migrations run as it, services never do.
const ADMIN: &str = "causeway_admin";

/// Settings that differ from the server's own defaults, each with its reason.
const SETTINGS: &[(&str, &str)] = &[
    ("listen_addresses", "127.0.0.1"),
    // One way in: a socket in a directory would need a path that both users can reach.
    ("unix_socket_directories", ""),
    // Stated, not assumed: the fault tests build on them.
    ("fsync", "on"),
    ("synchronous_commit", "on"),
    ("shared_buffers", "256MB"),
    // Every service of one process has its own pools.
    ("max_connections", "300"),
    ("max_wal_size", "2GB"),
    // Short queries only; compiling them costs more than it saves.
    ("jit", "off"),
    ("timezone", "UTC"),
    ("log_timezone", "UTC"),
    // No value of a row or a parameter in the log.
    ("log_parameter_max_length", "0"),
    ("log_parameter_max_length_on_error", "0"),
    ("log_error_verbosity", "terse"),
    ("log_line_prefix", "%m [%p] %q%u@%d "),
    // Our keeper holds the log file; the server only writes to its standard error.
    ("logging_collector", "off"),
];

/// A private server and the process that runs it.
#[derive(Debug)]
pub struct PrivatePostgres {
    found: Found,
    home: Home,
    port: Claim,
    admin_password: SecretString,
    passwords: Mutex<Passwords>,
    child: Option<Child>,
}

impl PrivatePostgres {
    /// Starts a server whose files are in `folder`; port 0 takes the one of last time, or any free one.
    pub async fn start(folder: &Path, port: u16, search: &Search) -> Result<Self> {
        let search = search.clone();
        let answer = tokio::task::spawn_blocking(move || find::postgres_bin(&search, Fetch::Yes)).await;
        let found = needed(answer.context("the search for PostgreSQL was cut short")??, "PostgreSQL")?;
        let home = Home::open(folder)?;
        end_earlier_run(&home.cluster).await?;
        let mut passwords = Passwords::load(&home.folder)?;
        let admin_password = passwords.of(ADMIN, &home.folder)?;
        make_cluster(&found, &home, &admin_password).await?;
        let port = ports::choose("PostgreSQL", port, &home.folder.join("port"))?;
        let mut server = Self {
            found,
            home,
            port,
            admin_password: admin_password.into(),
            passwords: Mutex::new(passwords),
            child: None,
        };
        server.launch().await?;
        Ok(server)
    }

    /// What the search found.
    pub fn found(&self) -> &Found {
        &self.found
    }

    /// The port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port.port()
    }

    /// The server's log.
    pub fn log(&self) -> PathBuf {
        self.home.log()
    }

    /// The process id of the postmaster, while it runs.
    pub fn pid(&self) -> Option<i32> {
        self.child.as_ref().filter(|child| child.is_running()).map(Child::pid)
    }

    /// The address of a database for the owner of everything.
    pub fn admin_url(&self, database: &str) -> SecretString {
        self.url(ADMIN, self.admin_password.expose_secret(), database)
    }

    fn password_of(&self, role: &str) -> Result<String> {
        self.passwords.lock().unwrap_or_else(PoisonError::into_inner).of(role, &self.home.folder)
    }

    fn url(&self, role: &str, password: &str, database: &str) -> SecretString {
        format!("postgres://{role}:{password}@127.0.0.1:{}/{database}", self.port()).into()
    }

    /// Makes the database `causeway_<service>` and its two roles, or brings them to the state they should have.
    pub async fn create_database_and_roles(&self, service: &str) -> Result<ServiceDatabase> {
        roles::create(self, service).await.with_context(|| format!("cannot make the database of {service}"))
    }

    /// Makes the database `causeway_<service>_<name>`, a copy of the service's own with all that stands in it, for the same
    /// roles. Much faster than to migrate another one; nobody may be connected to the one that is copied.
    pub async fn copy_database(&self, service: &str, name: &str) -> Result<ServiceDatabase> {
        roles::copy(self, service, name).await.with_context(|| format!("cannot copy the database of {service}"))
    }

    /// Ends whoever is connected to a copy, and takes it away.
    pub async fn drop_copy(&self, copy: &str) -> Result<()> {
        roles::drop_copy(self, copy).await.with_context(|| format!("cannot drop {copy}"))
    }

    /// Stops the server: open transactions are rolled back, everything is written.
    pub async fn stop(&mut self) -> Result<()> {
        if let Some(mut child) = self.child.take() {
            child.stop(Signal::INT, Duration::from_secs(60)).await?;
        }
        end_earlier_run(&self.home.cluster).await
    }

    /// Kills the postmaster and all its backends at once, as a power cut of the process would.
    pub async fn kill(&mut self) -> Result<()> {
        if let Some(mut child) = self.child.take() {
            child.signal(Signal::KILL);
            child.wait_gone(Duration::from_secs(10)).await?;
        }
        let cluster = self.home.cluster.clone();
        process::end_strays("postgres", Signal::KILL, Duration::from_secs(10), move || of_cluster(&cluster)).await
    }

    /// Starts it again on the same files and port, stopping it first where it runs.
    pub async fn restart(&mut self) -> Result<()> {
        self.stop().await?;
        self.launch().await
    }

    async fn launch(&mut self) -> Result<()> {
        remove_stale_pid_file(&self.home.cluster)?;
        let mut args: Vec<OsString> =
            vec!["-D".into(), self.home.cluster.clone().into(), "-p".into(), self.port().to_string().into()];
        args.extend(SETTINGS.iter().flat_map(|(name, value)| ["-c".into(), format!("{name}={value}").into()]));
        let child = Child::start(Launch {
            name: "postgres",
            program: &self.found.path.join("postgres"),
            args,
            run_as: self.home.run_as,
            log: &self.home.log(),
            at_our_death: "INT",
        })?;
        self.child = Some(child);
        self.wait_ready().await
    }

    async fn wait_ready(&mut self) -> Result<()> {
        let url = self.admin_url("postgres");
        // Recovery after a kill replays what was written since the last checkpoint.
        let ready = async {
            while self.pid().is_some() {
                if let Ok(connection) = PgConnection::connect(url.expose_secret()).await {
                    let _ = connection.close().await;
                    return true;
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            false
        };
        let log = self.home.log();
        match tokio::time::timeout(Duration::from_secs(90), ready).await {
            Ok(true) => Ok(()),
            Ok(false) => bail!(
                "PostgreSQL ended while starting; the end of {} says:\n{}",
                log.display(),
                process::log_tail(&log)
            ),
            Err(_) => bail!("PostgreSQL did not accept a connection within 90 s; see {}", log.display()),
        }
    }
}

impl Drop for PrivatePostgres {
    /// Asks the server to stop without waiting: a test that failed must not leave it behind.
    fn drop(&mut self) {
        if let Some(child) = &self.child {
            child.signal(Signal::INT);
        }
    }
}

/// Every process of a cluster works in its directory, also the backends of a postmaster that was killed.
fn of_cluster(cluster: &Path) -> Vec<rustix::process::Pid> {
    process::strays("postgres", |folder| fs::read_link(folder.join("cwd")).is_ok_and(|cwd| cwd == cluster))
}

/// A server whose parent was killed is on its way out; a second one on the same files would be refused.
async fn end_earlier_run(cluster: &Path) -> Result<()> {
    if of_cluster(cluster).is_empty() {
        return Ok(());
    }
    process::end_strays("postgres", Signal::INT, Duration::from_secs(30), || of_cluster(cluster)).await
}

/// After a kill the pid file stays, and its number may by now belong to somebody else, which the server takes for a
/// running server. By the time this is called no process of the cluster is left.
fn remove_stale_pid_file(cluster: &Path) -> Result<()> {
    let file = cluster.join("postmaster.pid");
    if cfg!(target_os = "linux") && file.exists() && of_cluster(cluster).is_empty() {
        fs::remove_file(&file).with_context(|| format!("cannot remove {}", file.display()))?;
    }
    Ok(())
}

async fn make_cluster(found: &Found, home: &Home, password: &str) -> Result<()> {
    if let Some(version) = home.cluster_version() {
        if version != found.version.0 {
            bail!(
                "the data in {} was made by PostgreSQL {version}, and the one found is {} ({}); set CAUSEWAY_POSTGRES_BIN to version {version}, or use another data directory",
                home.folder.display(),
                found.version,
                found.path.display()
            );
        }
        return Ok(());
    }
    empty_after_a_broken_start(&home.cluster)?;
    let password_file = home.cluster.with_file_name(format!("{ADMIN}-{}.pw", std::process::id()));
    write_private(&password_file, password.as_bytes())?;
    if let Some(user) = home.run_as {
        chown(&password_file, Some(user.uid), Some(user.gid))
            .context("cannot hand the password to the server's user")?;
    }
    let outcome = run_initdb(found, home, &password_file).await;
    let _ = fs::remove_file(&password_file);
    outcome
}

/// `initdb` refuses a directory that is not empty, and one that was cut short leaves such a directory.
fn empty_after_a_broken_start(cluster: &Path) -> Result<()> {
    let entries = fs::read_dir(cluster).with_context(|| format!("cannot list {}", cluster.display()))?;
    for entry in entries.flatten() {
        let path = entry.path();
        let removed = if path.is_dir() { fs::remove_dir_all(&path) } else { fs::remove_file(&path) };
        removed.with_context(|| format!("cannot remove {}", path.display()))?;
    }
    Ok(())
}

async fn run_initdb(found: &Found, home: &Home, password_file: &Path) -> Result<()> {
    let mut command = Command::new(found.path.join("initdb"));
    command.arg("-D").arg(&home.cluster).args(["-U", ADMIN, "-E", "UTF8", "--locale=C.UTF-8", "--auth=scram-sha-256"]);
    command.arg("--pwfile").arg(password_file).current_dir("/").stdin(Stdio::null());
    if let Some(user) = home.run_as {
        command.uid(user.uid).gid(user.gid);
    }
    let output = tokio::task::spawn_blocking(move || command.output()).await.context("initdb was cut short")?;
    let output = output.with_context(|| format!("cannot run {}/initdb; where PostgreSQL lies in a private directory, move it to one that every user can reach", found.path.display()))?;
    if !output.status.success() || !home.has_cluster() {
        bail!(
            "initdb could not make a cluster in {}: {}",
            home.cluster.display(),
            String::from_utf8_lossy(&output.stderr).trim()
        );
    }
    Ok(())
}
