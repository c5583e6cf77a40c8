//! The program as a user starts it: `causeway dev` in a folder of its own, on free ports.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use causeway::commands::dev;
use causeway_auth::{Actor, Identity, Role};
use causeway_runtime::settings::Sources;
use causeway_runtime::{Clock, Mode, RuntimeConfig, Settings};
use causeway_serve::Channel;
use jiff::Timestamp;
use sqlx::{Connection as _, PgConnection};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};

/// A running installation.
pub struct Installation {
    child: Child,
    addresses: BTreeMap<String, String>,
    folder: PathBuf,
    _keep: Option<tempfile::TempDir>,
}

impl Installation {
    /// Starts in a new folder.
    pub async fn start(arguments: &[&str]) -> Self {
        let keep = tempfile::tempdir().expect("a temporary folder");
        let folder = keep.path().to_owned();
        let mut started = Self::start_in(&folder, arguments).await;
        started._keep = Some(keep);
        started
    }

    /// Starts in a folder that may hold data of an earlier start. Logs go to `dev.log` in it.
    pub async fn start_in(folder: &Path, arguments: &[&str]) -> Self {
        let log =
            std::fs::OpenOptions::new().create(true).append(true).open(folder.join("dev.log")).expect("a log file");
        let mut child = Command::new(crate::binary())
            .args(["dev", "--json", "--port-base", "0", "--data"])
            .arg(folder.join("data"))
            .args(arguments)
            .current_dir(folder)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log)
            .kill_on_drop(true)
            .spawn()
            .expect("causeway dev starts");
        let mut lines = BufReader::new(child.stdout.take().expect("its output")).lines();
        let ready = tokio::time::timeout(Duration::from_secs(300), lines.next_line()).await;
        let line = ready.ok().and_then(Result::ok).flatten().unwrap_or_else(|| {
            panic!("not ready; its log:\n{}", std::fs::read_to_string(folder.join("dev.log")).unwrap_or_default())
        });
        let ready: serde_json::Value = serde_json::from_str(&line).expect("one line of JSON");
        assert_eq!(ready["ready"], true, "{line}");
        let addresses = serde_json::from_value(ready["addresses"].clone()).expect("addresses");
        Self { child, addresses, folder: folder.to_owned(), _keep: None }
    }

    /// An address by its name: `patient`, `staff`, `ingestion_http`, `grpc_routing`, `mailbox`, …
    pub fn address(&self, name: &str) -> &str {
        self.addresses.get(name).unwrap_or_else(|| panic!("no address {name} in {:?}", self.addresses))
    }

    /// Where its data is.
    pub fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    /// Where it was started.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Its configuration, as its commands read it.
    pub fn config(&self) -> RuntimeConfig {
        let file = self.data().join("causeway.toml");
        let settings = Settings::load(&Sources { file: Some(file), ..Sources::default() }).expect("its configuration");
        RuntimeConfig::from_settings(&settings).expect("the runtime section")
    }

    /// A channel to a service on behalf of a member of a center's staff with every role of the desk.
    pub fn staff(&self, service: &str, center: &str, person: &str) -> Channel {
        staff_channel(&self.data().join("keys"), self.address(&grpc_name(service)), service, center, person)
    }

    /// A channel to a service on behalf of who holds the signed link to an inquiry.
    pub fn patient(&self, service: &str, center: &str, inquiry: &str) -> Channel {
        self.portal(service).on_behalf_of(&Actor::patient(inquiry, center))
    }

    /// A channel of the portal's to a service, on nobody's behalf.
    pub fn portal(&self, service: &str) -> Channel {
        portal_channel(&self.data().join("keys"), self.address(&grpc_name(service)), service)
    }

    /// Mails that went to an address (all where it is empty), newest first.
    pub async fn mails(&self, to: &str) -> Vec<serde_json::Value> {
        let mut url = format!("{}/messages", self.address("mailbox").trim_end_matches('/'));
        if !to.is_empty() {
            url.push_str(&format!("?to={to}"));
        }
        let body = reqwest::get(url).await.expect("the mailbox answers").text().await.expect("a body");
        serde_json::from_str(&body).expect("JSON")
    }

    /// Runs an operator's command against it and gives its exit code and all that it says.
    pub async fn command(&self, arguments: &[&str]) -> (i32, String) {
        let (code, out, err) = self.ran(arguments).await;
        (code, out + &err)
    }

    /// Runs an operator's command with `--json`; gives its exit code and the documents that it prints, one a line.
    pub async fn json(&self, arguments: &[&str]) -> (i32, Vec<serde_json::Value>) {
        let (code, out, err) = self.ran(&[&["--json"][..], arguments].concat()).await;
        let read = |line: &str| serde_json::from_str(line).unwrap_or_else(|_| panic!("{line} is no JSON; {err}"));
        (code, out.lines().map(read).collect())
    }

    async fn ran(&self, arguments: &[&str]) -> (i32, String, String) {
        let output = Command::new(crate::binary())
            .arg("--config")
            .arg(self.config_file())
            .args(arguments)
            .output()
            .await
            .expect("the command runs");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (output.status.code().unwrap_or(-1), text(&output.stdout), text(&output.stderr))
    }

    /// Where its configuration is kept.
    pub fn config_file(&self) -> PathBuf {
        self.data().join("causeway.toml")
    }

    /// The owner's address of a database; `{database}` gives the form that `causeway migrate` takes.
    pub fn owner_url(&self, database: &str) -> String {
        let kept = std::fs::read(self.data().join("postgres/passwords.json")).expect("the passwords");
        let passwords: BTreeMap<String, String> = serde_json::from_slice(&kept).expect("JSON");
        let owner = "causeway_admin";
        format!("postgres://{owner}:{}@{}/{database}", passwords[owner], self.address("postgres"))
    }

    /// A service's database as its owner, who may do what no service may.
    pub async fn owner(&self, service: &str) -> PgConnection {
        let url = self.owner_url(&format!("causeway_{}", service.replace('-', "_")));
        PgConnection::connect(&url).await.expect("the owner's login")
    }

    /// The services' clock.
    pub fn clock(&self) -> Clock {
        dev::kept_clock(&self.data()).expect("it can be read").unwrap_or_else(Clock::system)
    }

    /// Asks it to stop as Ctrl-C does, waits, and gives its exit code.
    pub async fn stop(&mut self) -> Option<i32> {
        let pid = self.child.id().and_then(|pid| rustix::process::Pid::from_raw(pid.cast_signed()))?;
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).ok()?;
        let status = tokio::time::timeout(Duration::from_secs(60), self.child.wait()).await.expect("it stops in time");
        status.expect("a status").code()
    }

    /// Processes that still have its folder in their command line or as their working folder.
    pub fn left_behind(&self) -> Vec<String> {
        processes_of(&self.folder)
    }
}

impl Drop for Installation {
    /// A failed test shows what the program said last; its folder goes with the test.
    fn drop(&mut self) {
        if std::thread::panicking() {
            let log = std::fs::read_to_string(self.folder.join("dev.log")).unwrap_or_default();
            let lines: Vec<&str> = log.lines().collect();
            eprintln!("the last lines of its log:\n{}", lines[lines.len().saturating_sub(60)..].join("\n"));
        }
    }
}

/// Sets the clock that services started in a folder will have: from now on it reads `from` and runs so many times as fast, until it
/// meets the present. As `causeway dev --demo` keeps it.
pub fn keep_clock(folder: &Path, from: Timestamp, speed: f64) {
    let data = folder.join("data");
    std::fs::create_dir_all(&data).expect("a folder");
    let lapse = serde_json::json!({ "real_start": Clock::system().now(), "sim_start": from, "speed": speed });
    std::fs::write(data.join("clock.json"), lapse.to_string()).expect("written");
    // A kept clock counts where all was up once.
    let addresses = data.join("addresses.json");
    if !addresses.exists() {
        std::fs::write(addresses, "{}").expect("written");
    }
}

/// Processes whose command line names a folder.
pub fn processes_of(folder: &Path) -> Vec<String> {
    let needle = folder.display().to_string();
    let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    entries
        .filter_map(|entry| {
            let pid = entry.file_name().to_string_lossy().parse::<u32>().ok()?;
            let line = std::fs::read_to_string(format!("/proc/{pid}/cmdline")).ok()?.replace('\0', " ");
            line.contains(&needle).then(|| format!("{pid} {line}"))
        })
        .collect()
}

fn grpc_name(service: &str) -> String {
    format!("grpc_{}", service.replace('-', "_"))
}

/// A channel on behalf of a member of staff, signed with the development keys in a folder.
pub fn staff_channel(keys: &Path, url: &str, service: &str, center: &str, person: &str) -> Channel {
    let roles =
        [Role::Coordinator, Role::TrialCoordinator, Role::Scheduler, Role::Reviewer, Role::Manager, Role::Analyst];
    portal_channel(keys, url, service).on_behalf_of(&Actor::staff(person, person, center, roles))
}

fn portal_channel(keys: &Path, url: &str, service: &str) -> Channel {
    let identity = Identity::load(keys, "portal", Mode::Development).expect("the portal's key");
    Channel::connect(url, identity, service).expect("an address")
}
