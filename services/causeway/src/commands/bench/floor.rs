//! The floor: how many single rows of one kilobyte the same database server commits each second for as many clients.
//!
//! No service that answers after a commit of its own can do better without grouping commits, so a rate divided by this
//! floor means the same on a fast machine and on a slow, busy one. Deliberately absent: the comparison (figures).

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, bail};
use secrecy::{ExposeSecret as _, SecretString};
use sqlx::{Connection as _, Executor as _, PgConnection};
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::local::{PrivatePostgres, process};

const DATABASE: &str = "causeway_bench_floor";
const ROW_BYTES: usize = 1024;

/// Commits single rows.
pub struct Floor {
    url: SecretString,
    /// `pgbench` and the script it plays; absent: a loop of our own.
    pgbench: Option<(PathBuf, PathBuf)>,
}

impl Floor {
    /// Makes the floor's own database on the server, and finds out who drives it.
    pub async fn prepare(postgres: &PrivatePostgres, folder: &Path) -> anyhow::Result<Self> {
        let mut server = PgConnection::connect(postgres.admin_url("postgres").expose_secret()).await?;
        server
            .execute(sqlx::AssertSqlSafe(format!("CREATE DATABASE {DATABASE}")))
            .await
            .context("make the floor's database")?;
        server.close().await?;
        let url = postgres.admin_url(DATABASE);
        let mut connection = PgConnection::connect(url.expose_secret()).await?;
        connection.execute("CREATE TABLE floor (id bigserial PRIMARY KEY, body text NOT NULL)").await?;
        connection.close().await?;
        let pgbench = match program_beside(&postgres.found().path) {
            Some(program) => {
                let script = folder.join("floor.sql");
                std::fs::write(&script, format!("INSERT INTO floor (body) VALUES ('{}');\n", row()))?;
                Some((program, script))
            }
            None => None,
        };
        Ok(Self { url, pgbench })
    }

    /// Who drives it.
    pub fn driver(&self) -> &'static str {
        if self.pgbench.is_some() { "pgbench" } else { "sqlx loop" }
    }

    /// Commits for a while with so many clients; gives commits in each second.
    pub async fn run(&self, clients: usize, time: Duration) -> anyhow::Result<f64> {
        let mut connection = PgConnection::connect(self.url.expose_secret()).await?;
        connection.execute("TRUNCATE floor").await?;
        connection.close().await?;
        match &self.pgbench {
            Some((program, script)) => self.pgbench(program, script, clients, time).await,
            None => self.own_loop(clients, time).await,
        }
    }

    async fn pgbench(&self, program: &Path, script: &Path, clients: usize, time: Duration) -> anyhow::Result<f64> {
        let (clients, seconds) = (clients.to_string(), time.as_secs().max(1).to_string());
        let output = tokio::process::Command::new(program)
            .args(["-n", "-M", "prepared", "-j", "1", "-c", &clients, "-T", &seconds, "-f"])
            .arg(script)
            // The password stands in the URL, which must not stand in the list of processes.
            .envs(environment(self.url.expose_secret())?)
            .stdin(Stdio::null())
            .kill_on_drop(true)
            .output()
            .await
            .with_context(|| format!("run {}", program.display()))?;
        let told = String::from_utf8_lossy(&output.stdout);
        match rate_in(&told) {
            Some(rate) if output.status.success() => Ok(rate),
            // It tells no rate where the time was over before a client had committed anything.
            None if output.status.success() => {
                bail!(
                    "pgbench committed nothing within {seconds} s: the machine is too busy; try again, or with a longer --seconds"
                )
            }
            _ => bail!("pgbench failed ({}): {}", output.status, String::from_utf8_lossy(&output.stderr).trim()),
        }
    }

    async fn own_loop(&self, clients: usize, time: Duration) -> anyhow::Result<f64> {
        let mut connections = Vec::with_capacity(clients);
        for _ in 0..clients {
            connections.push(PgConnection::connect(self.url.expose_secret()).await?);
        }
        let begun = Instant::now();
        let deadline = begun + time;
        let mut running: JoinSet<Result<u64, sqlx::Error>> =
            connections.into_iter().map(|connection| commit_until(connection, deadline)).collect();
        let mut committed = 0;
        while let Some(ended) = running.join_next().await {
            committed += ended??;
        }
        Ok(committed as f64 / begun.elapsed().as_secs_f64())
    }
}

async fn commit_until(mut connection: PgConnection, deadline: Instant) -> Result<u64, sqlx::Error> {
    let (body, mut committed) = (row(), 0);
    while Instant::now() < deadline {
        sqlx::query("INSERT INTO floor (body) VALUES ($1)").bind(&body).execute(&mut connection).await?;
        committed += 1;
    }
    connection.close().await?;
    Ok(committed)
}

fn row() -> String {
    "abcdefghijklmnopqrstuvwxyz0123456789".chars().cycle().take(ROW_BYTES).collect()
}

/// `pgbench` beside the server's program, or beside the file that this is a link to, or wherever the shell finds it.
fn program_beside(bin: &Path) -> Option<PathBuf> {
    let linked = bin.join("postgres").canonicalize().ok().and_then(|file| Some(file.parent()?.join("pgbench")));
    let candidates = [Some(bin.join("pgbench")), linked, process::on_path("pgbench")];
    candidates.into_iter().flatten().find(|program| process::is_executable(program))
}

/// What libpq reads instead of a URL.
fn environment(url: &str) -> anyhow::Result<[(&'static str, String); 5]> {
    let parsed = reqwest::Url::parse(url).context("read the address of the private database")?;
    let port = parsed.port().context("the address of the private database has no port")?;
    Ok([
        ("PGHOST", parsed.host_str().unwrap_or("127.0.0.1").to_owned()),
        ("PGPORT", port.to_string()),
        ("PGUSER", parsed.username().to_owned()),
        ("PGPASSWORD", parsed.password().unwrap_or_default().to_owned()),
        ("PGDATABASE", parsed.path().trim_start_matches('/').to_owned()),
    ])
}

/// The rate that `pgbench` prints, without the time that connecting took.
fn rate_in(output: &str) -> Option<f64> {
    let lines = output.lines().filter_map(|line| line.strip_prefix("tps = "));
    lines.filter_map(|line| line.split(' ').next()?.parse().ok()).next_back()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_is_read_from_what_pgbench_prints() {
        let now = "latency average = 2.1 ms\ninitial connection time = 24.1 ms\ntps = 3710.061420 (without initial connection time)\n";
        assert_eq!(rate_in(now), Some(3710.06142));
        let before_14 =
            "tps = 80.1 (including connections establishing)\ntps = 81.5 (excluding connections establishing)\n";
        assert_eq!(rate_in(before_14), Some(81.5));
        assert_eq!(rate_in("pgbench: error"), None);
    }

    #[test]
    fn the_password_travels_in_the_environment() {
        let read = environment("postgres://causeway_admin:abc123@127.0.0.1:5544/floor").expect("a good address");
        let value = |name: &str| read.iter().find(|(known, _)| *known == name).map(|(_, value)| value.as_str());
        assert_eq!(
            (value("PGPASSWORD"), value("PGPORT"), value("PGDATABASE")),
            (Some("abc123"), Some("5544"), Some("floor"))
        );
        assert_eq!(row().len(), ROW_BYTES);
    }
}
