//! `causeway bench`: throughput, latency and CPU for each inquiry beside the database's own floor.
//!
//! Everything is private to one run: servers, databases, services, load. What it tells is a ratio first of all: how much
//! of the rate at which this very database server commits single rows does Causeway reach with all it does? To measure
//! something new, add a slice in [`rounds`]. Deliberately absent: other systems, which need to be installed for it.

mod completion;
mod doors;
mod figures;
mod floor;
mod http;
mod inquiry;
mod line;
mod load;
mod machine;
mod parse;
mod partner;
mod proof;
mod report;
mod rounds;
mod routing;
mod stage;

use std::fmt::Display;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};

use serde::Serialize;

use crate::cli::Common;
use doors::DoorsReport;
use machine::Machine;
use report::Report;
use rounds::Rig;
use stage::{Folder, Stage};

/// Measures throughput, latency and CPU for each inquiry beside the database's own floor.
///
/// Starts private servers and all services, and stops and removes them at the end. Nothing else on this machine is
/// touched; the quieter it is, the more the figures say.
#[derive(Debug, Args)]
pub struct Bench {
    /// Numbers of clients to measure with.
    #[arg(long, value_delimiter = ',', default_value = "1,8,32,64", value_name = "N,…")]
    pub clients: Vec<usize>,
    /// Rounds for each number of clients.
    #[arg(long, default_value_t = 7, value_name = "N")]
    pub rounds: usize,
    /// Length of each slice, seconds.
    #[arg(long, default_value_t = 2, value_name = "N")]
    pub seconds: u64,
    /// A first impression in about half a minute: 2 rounds of 1 second with 8 and 64 clients.
    #[arg(long, conflicts_with_all = ["clients", "rounds", "seconds"])]
    pub quick: bool,
    /// Each door by itself instead: forms, HL7 over MLLP and FHIR at fixed numbers of connections, and the parser.
    #[arg(long, conflicts_with = "clients")]
    pub doors: bool,
    /// Deciding routes instead, by itself and without servers: with a table of 20 and one of 2,000 rows.
    #[arg(long, conflicts_with_all = ["clients", "rounds", "quick", "doors", "data"])]
    pub routing: bool,
    /// Folder for the servers' files, empty and on the disk to be measured; it is kept. Default: one that is removed.
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// Folder that holds the profiles of the demo centers.
    #[arg(long, value_name = "DIR")]
    pub centers: Option<PathBuf>,
}

/// What to measure.
struct Plan {
    clients: Vec<usize>,
    rounds: usize,
    time: Duration,
}

impl Bench {
    /// Runs the command. It fails where an accepted inquiry does not stand exactly once everywhere.
    pub async fn execute(self, common: &Common) -> anyhow::Result<ExitCode> {
        let plan = self.plan()?;
        if cfg!(debug_assertions) {
            eprintln!(
                "causeway: WARNING: built without optimisation, so the figures mean nothing; use 'cargo run --release'"
            );
        }
        if self.routing {
            return self.measure_routing(common.json);
        }
        let folder = Folder::make(self.data.as_deref())?;
        let machine = Machine::read(folder.path());
        if machine.is_in_memory() {
            eprintln!(
                "causeway: WARNING: {} lies in memory, where commits are free; name a folder on a disk with --data",
                folder.path().display()
            );
        }
        let stage = Stage::start(folder.path(), self.centers.clone(), common).await?;
        let measured = tokio::select! {
            measured = self.tell(&plan, &stage, machine, common.json) => measured,
            _ = tokio::signal::ctrl_c() => Err(anyhow::anyhow!("interrupted; nothing was measured to the end")),
        };
        let stopped = stage.stop().await;
        let (told, is_exact) = measured?;
        stopped?;
        print!("{told}");
        Ok(if is_exact { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }

    fn measure_routing(&self, json: bool) -> anyhow::Result<ExitCode> {
        let centers = self.centers.clone().unwrap_or_else(|| PathBuf::from("deploy/centers"));
        let machine = Machine::read(&std::env::temp_dir());
        let report = routing::measure(&routing::profile(&centers)?, machine, Duration::from_secs(self.seconds))?;
        print!("{}", told(&report, json)?);
        Ok(ExitCode::SUCCESS)
    }

    /// Measures, and gives what is to be printed, and whether each accepted inquiry stands exactly once everywhere.
    async fn tell(&self, plan: &Plan, stage: &Stage, machine: Machine, json: bool) -> anyhow::Result<(String, bool)> {
        if self.doors {
            let report = plan.measure_doors(stage, machine, json).await?;
            return Ok((told(&report, json)?, report.is_exact()));
        }
        let report = plan.measure(stage, machine, json).await?;
        Ok((told(&report, json)?, report.is_exact()))
    }

    fn plan(&self) -> anyhow::Result<Plan> {
        if self.quick {
            return Ok(Plan { clients: vec![8, 64], rounds: 2, time: Duration::from_secs(1) });
        }
        ensure!(
            !self.clients.is_empty() && self.clients.iter().all(|clients| (1..=150).contains(clients)),
            "numbers of clients are from 1 to 150; the database server takes no more connections beside the services'"
        );
        ensure!(self.rounds > 0 && self.seconds > 0, "--rounds and --seconds must be 1 or more");
        Ok(Plan { clients: self.clients.clone(), rounds: self.rounds, time: Duration::from_secs(self.seconds) })
    }
}

fn told<R: Serialize + Display>(report: &R, json: bool) -> anyhow::Result<String> {
    Ok(if json { serde_json::to_string_pretty(report)? + "\n" } else { report.to_string() })
}

impl Plan {
    async fn measure(&self, stage: &Stage, machine: Machine, quiet: bool) -> anyhow::Result<Report> {
        let progress = progress(quiet, self.clients.len() * self.rounds * 3)?;
        progress.set_message("warming up");
        let mut rig = Rig::new(stage, self.time).await?;
        let mut measured = Vec::with_capacity(self.clients.len());
        for clients in &self.clients {
            progress.set_message(format!("{clients} clients"));
            measured.push(rig.measure(*clients, self.rounds, &progress).await?);
        }
        progress.set_message("latency at half the rate");
        let busiest = measured.iter().max_by_key(|one| one.clients).context("no number of clients")?;
        let (clients, rate) = (busiest.clients, busiest.whole_path.per_second.median / 2.0);
        let at_half_rate = rig.at_rate(clients, rate).await?;
        let (stations, accepted) = rig.stations().await?;
        let report = Report {
            benchmark: "causeway",
            version: env!("CARGO_PKG_VERSION"),
            optimised: !cfg!(debug_assertions),
            machine,
            servers: servers(stage),
            method: self.method(&rig),
            clients: measured,
            at_half_rate,
            memory_bytes: rig.memory()?,
            accepted,
            stations,
        };
        progress.finish_and_clear();
        Ok(report)
    }

    async fn measure_doors(&self, stage: &Stage, machine: Machine, quiet: bool) -> anyhow::Result<DoorsReport> {
        let progress = progress(quiet, doors::DOORS.len() * self.rounds)?;
        progress.set_message("taking messages apart");
        let parse = doors::parsed().await?;
        progress.set_message("warming up");
        let mut rig = Rig::new(stage, self.time).await?;
        let measured = doors::measure(&mut rig, self.rounds, &progress).await?;
        let (stations, accepted) = rig.stations().await?;
        let report = DoorsReport {
            benchmark: "causeway-doors",
            version: env!("CARGO_PKG_VERSION"),
            optimised: !cfg!(debug_assertions),
            machine,
            servers: servers(stage),
            method: self.method(&rig),
            doors: measured,
            parse,
            accepted,
            stations,
        };
        progress.finish_and_clear();
        Ok(report)
    }

    fn method(&self, rig: &Rig<'_>) -> report::Method {
        report::Method {
            floor: format!("{}: single rows of 1 KB, each committed, as many clients, same server", rig.floor.driver()),
            rounds: self.rounds,
            seconds: self.time.as_secs(),
            backlog: rounds::BACKLOG,
        }
    }
}

fn servers(stage: &Stage) -> report::Servers {
    report::Servers {
        postgresql: stage.servers.postgres().found().version.to_string(),
        nats_server: stage.servers.nats().found().version.to_string(),
    }
}

fn progress(quiet: bool, slices: usize) -> anyhow::Result<ProgressBar> {
    if quiet {
        return Ok(ProgressBar::hidden());
    }
    let style = ProgressStyle::with_template("{bar:32} {pos}/{len} {msg} {elapsed}")?;
    let progress = ProgressBar::new(slices as u64).with_style(style);
    progress.enable_steady_tick(Duration::from_secs(1));
    Ok(progress)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bench(clients: &[usize], rounds: usize, quick: bool) -> Bench {
        Bench {
            clients: clients.to_vec(),
            rounds,
            seconds: 2,
            quick,
            doors: false,
            routing: false,
            data: None,
            centers: None,
        }
    }

    #[test]
    fn a_plan_that_measures_nothing_is_refused() {
        assert!(bench(&[], 7, false).plan().is_err());
        assert!(bench(&[0], 7, false).plan().is_err());
        assert!(bench(&[300], 7, false).plan().is_err());
        assert!(bench(&[8], 0, false).plan().is_err());
        assert!(bench(&[1, 8], 7, false).plan().is_ok());
    }

    #[test]
    fn the_quick_plan_is_the_documented_one() {
        let plan = bench(&[1], 7, true).plan().expect("a plan");
        assert_eq!((plan.clients, plan.rounds, plan.time), (vec![8, 64], 2, Duration::from_secs(1)));
    }
}
