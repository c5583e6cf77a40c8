//! Each service in a process of its own beside servers that a test may kill, stop or empty.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use causeway::installation;
use causeway_local::find::Search;
use causeway_local::ports::Claim;
use causeway_local::{Ports, Workbench, WorkbenchSettings};
use causeway_runtime::network::section_name;
use causeway_runtime::settings::Sources;
use causeway_runtime::{Clock, RuntimeConfig, Settings};
use causeway_serve::Channel;
use secrecy::ExposeSecret as _;
use tokio::process::{Child, Command};

/// Servers in the test's hands and one process for each service.
pub struct Fleet {
    /// PostgreSQL, NATS and the mail receiver.
    pub bench: Workbench,
    folder: PathBuf,
    ports: BTreeMap<String, Claim>,
    running: BTreeMap<&'static str, Child>,
}

impl Fleet {
    /// Starts everything in a folder. `extra` is appended to the configuration.
    pub async fn start(folder: &Path, extra: &str) -> Self {
        let settings = WorkbenchSettings {
            data_dir: folder.join("data"),
            ports: Ports::default(),
            search: Search::from_environment(),
            now: Arc::new(|| Clock::system().now()),
        };
        let bench = Workbench::start(settings).await.expect("private servers");
        let mut fleet = Self { bench, folder: folder.to_owned(), ports: claimed_ports(), running: BTreeMap::new() };
        fleet.prepare(extra).await;
        for service in fleet.services() {
            fleet.launch(service);
        }
        for service in fleet.services() {
            fleet.ready(service).await;
        }
        fleet
    }

    /// Names of the services, in the order of start.
    pub fn services(&self) -> Vec<&'static str> {
        installation::services().iter().map(|service| service.name()).collect()
    }

    async fn prepare(&self, extra: &str) {
        let mut text = format!(
            "[runtime]\nmode = \"development\"\nlog_format = \"json\"\nlog_level = \"warn,causeway=info\"\n\
             keys_dir = \"{0}/keys\"\ndata_dir = \"{0}/files\"\n{extra}\n[runtime.nats]\nurl = \"{1}\"\n\n[runtime.ports]\n",
            self.folder.display(),
            self.bench.nats().url()
        );
        for (name, claim) in self.ports.iter().filter(|(name, _)| !name.starts_with("operations")) {
            text.push_str(&format!("{name} = {}\n", claim.port()));
        }
        for service in installation::services() {
            let section = section_name(service.name());
            text.push_str(&format!("\n[runtime.peers.{section}]\n"));
            for spec in service.ports() {
                let port = self.ports[&format!("{section}_{}", spec.name)].port();
                text.push_str(&format!("{} = \"http://127.0.0.1:{port}\"\n", spec.name));
            }
            let Some(migrator) = service.migrator() else { continue };
            let database = self.bench.postgres().create_database_and_roles(service.name()).await.expect("a database");
            let roles = (format!("{section}_app"), format!("{section}_machine"));
            let owner = database.admin.expose_secret();
            causeway_mailbox::migrate(owner, service.name(), Some(migrator), (&roles.0, &roles.1))
                .await
                .expect("migrated");
            text.push_str(&format!(
                "\n[runtime.databases.{section}]\napp = \"{}\"\nmachine = \"{}\"\n",
                database.app.expose_secret(),
                database.machine.expose_secret()
            ));
            text.push_str(&format!(
                "\n[{section}.pace]\nreconcile_every_seconds = 3\nreconcile_after_seconds = 20\nack_wait_seconds = 10\n"
            ));
        }
        let smtp = self.bench.mail().smtp_addr();
        text.push_str(&format!(
            "\n[notification.smtp]\nhost = \"{}\"\nport = {}\ntls = \"none\"\n",
            smtp.ip(),
            smtp.port()
        ));
        std::fs::write(self.config_file(), text).expect("the configuration");
        let bus = installation::bus(&self.config()).await.expect("the bus");
        for center in ["harbor-valley", "lakeside"] {
            let profile = Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/centers").join(center);
            causeway::commands::center::apply(&bus, &profile).await.expect("a profile");
        }
    }

    fn config_file(&self) -> PathBuf {
        self.folder.join("causeway.toml")
    }

    /// The configuration of all services.
    pub fn config(&self) -> RuntimeConfig {
        let settings = Settings::load(&Sources { file: Some(self.config_file()), ..Sources::default() });
        RuntimeConfig::from_settings(&settings.expect("the configuration")).expect("the runtime section")
    }

    /// Base address of a service's port.
    pub fn url(&self, service: &str, port: &str) -> String {
        format!("http://127.0.0.1:{}", self.ports[&format!("{}_{port}", section_name(service))].port())
    }

    /// Folder of the fleet; each service logs to `<service>.log` in it.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// A channel to a service on behalf of a center's staff.
    pub fn staff(&self, service: &str, center: &str, person: &str) -> Channel {
        let keys = self.folder.join("keys");
        crate::installation::staff_channel(&keys, &self.url(service, "grpc"), service, center, person)
    }

    /// Starts one service.
    pub fn launch(&mut self, service: &'static str) {
        let log =
            std::fs::OpenOptions::new().create(true).append(true).open(self.folder.join(format!("{service}.log")));
        let log = log.expect("a log file");
        let operations = self.ports[&format!("operations_{}", section_name(service))].port();
        let child = Command::new(crate::binary())
            .arg("--config")
            .arg(self.config_file())
            .args(["--set", &format!("runtime.operations=127.0.0.1:{operations}"), "run", "--only", service])
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("a handle"))
            .stderr(log)
            .kill_on_drop(true)
            .spawn()
            .expect("the service starts");
        self.running.insert(service, child);
    }

    /// Kills one service without warning, as `kill -9` does.
    pub async fn kill(&mut self, service: &'static str) {
        if let Some(mut child) = self.running.remove(service) {
            child.kill().await.expect("killed");
        }
    }

    /// Starts again whatever ended by itself, as a supervisor does; gives the names.
    pub fn revive(&mut self) -> Vec<&'static str> {
        let ended: Vec<&'static str> = self
            .running
            .iter_mut()
            .filter_map(|(name, child)| matches!(child.try_wait(), Ok(Some(_))).then_some(*name))
            .collect();
        for service in &ended {
            self.launch(service);
        }
        ended
    }

    /// Waits until a service says that it is ready.
    pub async fn ready(&mut self, service: &'static str) {
        let operations = self.ports[&format!("operations_{}", section_name(service))].port();
        let url = format!("http://127.0.0.1:{operations}/readyz");
        for _ in 0..600 {
            if let Ok(answer) = reqwest::get(&url).await
                && answer.status().is_success()
            {
                return;
            }
            self.revive();
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        let log = std::fs::read_to_string(self.folder.join(format!("{service}.log"))).unwrap_or_default();
        panic!("{service} does not become ready; its log:\n{log}");
    }

    /// Stops everything.
    pub async fn stop(mut self) {
        for (_, mut child) in std::mem::take(&mut self.running) {
            child.kill().await.expect("killed");
        }
        self.bench.stop().await.expect("servers stop");
    }
}

/// A port for each port of each service, and one for the operations of each process; ours, also while a process is gone.
fn claimed_ports() -> BTreeMap<String, Claim> {
    let specs = installation::services().into_iter().flat_map(|service| {
        let section = section_name(service.name());
        let ports = service.ports().iter().map(|spec| format!("{section}_{}", spec.name)).collect::<Vec<_>>();
        ports.into_iter().chain([format!("operations_{section}")])
    });
    specs.map(|name| (name, Claim::any().expect("a port"))).collect()
}
