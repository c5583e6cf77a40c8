//! Private servers for development and tests: PostgreSQL, NATS and a mailbox, under one data directory.
//!
//! `causeway dev` must work on a machine that has nothing but Rust, and tests must meet real servers, also when these
//! are killed. So the servers are found or fetched, started on loopback, and stopped with us, however we end. Not
//! here: anything a production deployment uses, and any fact of the domain.

pub mod assets;
pub mod fetch;
pub mod find;
pub mod mail;
pub mod nats;
pub mod ports;
pub mod postgres;
pub mod process;

use std::fs::{self, File};
use std::io::{Read as _, Seek as _, Write as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};

pub use mail::{Mailbox, Message, Now};
pub use nats::PrivateNats;
pub use postgres::{PrivatePostgres, ServiceDatabase};

/// Ports to use; 0 takes the one of last time (PostgreSQL, NATS) or any free one.
#[derive(Clone, Copy, Debug, Default)]
pub struct Ports {
    /// PostgreSQL.
    pub postgres: u16,
    /// Clients of NATS.
    pub nats: u16,
    /// The monitoring pages of NATS.
    pub nats_monitor: u16,
    /// Mail in.
    pub smtp: u16,
    /// The page and the JSON of what came in, and SMS in.
    pub mailbox: u16,
}

/// What a workbench needs to know.
#[derive(Clone)]
pub struct WorkbenchSettings {
    /// Where everything is kept; made when missing.
    pub data_dir: PathBuf,
    /// Which ports.
    pub ports: Ports,
    /// Where servers are looked for.
    pub search: find::Search,
    /// The clock that stamps messages.
    pub now: Now,
}

/// All private servers of one data directory, and the lock that keeps a second process away from it.
#[derive(Debug)]
pub struct Workbench {
    postgres: PrivatePostgres,
    nats: PrivateNats,
    mail: Mailbox,
    // Held, never read: the lock goes when the file closes, also where the process is killed.
    _lock: File,
}

impl Workbench {
    /// Locks the data directory and starts everything in it.
    pub async fn start(settings: WorkbenchSettings) -> Result<Self> {
        let WorkbenchSettings { data_dir, ports, search, now } = settings;
        fs::create_dir_all(&data_dir).with_context(|| format!("cannot make {}", data_dir.display()))?;
        let lock = lock(&data_dir)?;
        let (postgres_dir, nats_dir, mail_dir) =
            (data_dir.join("postgres"), data_dir.join("nats"), data_dir.join("mail"));
        let (postgres, nats, mail) = tokio::try_join!(
            PrivatePostgres::start(&postgres_dir, ports.postgres, &search),
            PrivateNats::start(&nats_dir, ports.nats, ports.nats_monitor, &search),
            Mailbox::start(&mail_dir, ports.smtp, ports.mailbox, now),
        )?;
        Ok(Self { postgres, nats, mail, _lock: lock })
    }

    /// The database server.
    pub fn postgres(&self) -> &PrivatePostgres {
        &self.postgres
    }

    /// The database server, to stop, kill or restart it.
    pub fn postgres_mut(&mut self) -> &mut PrivatePostgres {
        &mut self.postgres
    }

    /// The bus.
    pub fn nats(&self) -> &PrivateNats {
        &self.nats
    }

    /// The bus, to stop, kill or restart it.
    pub fn nats_mut(&mut self) -> &mut PrivateNats {
        &mut self.nats
    }

    /// The mailbox.
    pub fn mail(&self) -> &Mailbox {
        &self.mail
    }

    /// A server that ended by itself, with the end of its log; nothing while both run.
    pub fn ended(&self) -> Option<String> {
        let servers = [
            ("nats-server", self.nats.pid(), self.nats.log()),
            ("PostgreSQL", self.postgres.pid(), self.postgres.log()),
        ];
        let (name, _, log) = servers.into_iter().find(|(_, pid, _)| pid.is_none())?;
        Some(format!("{name} ended; the end of its log ({}) says:\n{}", log.display(), process::log_tail(&log)))
    }

    /// Stops everything, the record last; the first failure is told after all were stopped.
    pub async fn stop(mut self) -> Result<()> {
        let mail = self.mail.stop().await;
        let nats = self.nats.stop().await;
        let postgres = self.postgres.stop().await;
        mail.and(nats).and(postgres)
    }
}

/// The lock is the file's, so it ends with the process that holds it; its text only names that process.
fn lock(data_dir: &Path) -> Result<File> {
    let path = data_dir.join("lock");
    let file = File::options().create(true).read(true).write(true).truncate(false).open(&path);
    let mut file = file.with_context(|| format!("cannot write {}", path.display()))?;
    if file.try_lock().is_err() {
        let mut holder = String::new();
        let _ = file.read_to_string(&mut holder);
        bail!(
            "{} is in use by process {}; stop it, or give another directory with --data",
            data_dir.display(),
            holder.trim()
        );
    }
    let named = file.set_len(0).and_then(|()| file.rewind()).and_then(|()| writeln!(file, "{}", std::process::id()));
    named.with_context(|| format!("cannot write {}", path.display()))?;
    Ok(file)
}

fn needed(answer: find::Answer, server: &str) -> Result<find::Found> {
    answer.found.with_context(|| format!("there is no {server} to use: {}", answer.notes.join("; ")))
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_process_on_one_data_directory_is_refused_and_told_who_holds_it() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let held = lock(folder.path()).expect("the first gets it");
        let error = lock(folder.path()).expect_err("the second does not");
        assert!(error.to_string().contains(&format!("process {}", std::process::id())), "{error}");
        drop(held);
        lock(folder.path()).expect("it is free again");
    }
}
