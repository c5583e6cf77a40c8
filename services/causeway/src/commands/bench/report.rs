//! What was measured, as one JSON document and as a table.
//!
//! The document is the contract for other programs; the table may change. Deliberately absent: judgement. The aims stand
//! beside the figures, and the reader decides.

use std::fmt;

use serde::Serialize;

use super::figures::{Compared, Latency};
use super::machine::{Machine, Memory};
use super::proof::{self, Station};
use super::rounds::{AtHalfRate, Measured};

/// Aims of the ratios at 64 clients, and of the CPU for each inquiry.
const AIM_ACCEPT: f64 = 0.8;
const AIM_WHOLE_PATH: f64 = 0.2;
/// CPU of a commit of the floor at 64 clients, server and pgbench, on the quiet machine for which the aim was set.
const AIM_FLOOR_MICROS: f64 = 78.0;
const AIM_CPU_MICROS: f64 = 350.0;

/// All of it.
#[derive(Debug, Serialize)]
pub struct Report {
    /// What this document is.
    pub benchmark: &'static str,
    /// Version of Causeway.
    pub version: &'static str,
    /// False: built for debugging, so that the figures mean nothing.
    pub optimised: bool,
    /// What it was measured on.
    pub machine: Machine,
    /// Versions of the servers.
    pub servers: Servers,
    /// How it was measured.
    pub method: Method,
    /// For each number of clients.
    pub clients: Vec<Measured>,
    /// Latency at half the rate of the whole path.
    pub at_half_rate: AtHalfRate,
    /// Memory at the end.
    pub memory_bytes: Memory,
    /// All inquiries that were accepted.
    pub accepted: u64,
    /// Where they stand at the end.
    pub stations: Vec<Station>,
}

/// Versions of the servers.
#[derive(Debug, Serialize)]
pub struct Servers {
    /// PostgreSQL.
    pub postgresql: String,
    /// nats-server.
    pub nats_server: String,
}

/// How it was measured.
#[derive(Debug, Serialize)]
pub struct Method {
    /// What the floor is.
    pub floor: String,
    /// Rounds for each number of clients.
    pub rounds: usize,
    /// Seconds of each slice.
    pub seconds: u64,
    /// Most inquiries that waited for the rest of their way in a slice of the whole path.
    pub backlog: u64,
}

impl Report {
    /// True where each accepted inquiry stands exactly once everywhere.
    pub fn is_exact(&self) -> bool {
        proof::is_exact(&self.stations, self.accepted)
    }

    fn rates(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{:>7}  {:<12} {:>24}  {:>8}  {:>20}  {:>16}  {:>7}  {:>10}",
            "clients", "what", "per second", "floor A", "ratio to A", "p50 / p99 ms", "others", "dropped"
        )?;
        for one in &self.clients {
            row(f, one.clients, "accept", &one.accept, one.accept_latency)?;
            row(f, one.clients, "door alone", &one.door, one.door_latency)?;
            row(f, one.clients, "whole path", &one.whole_path, None)?;
        }
        writeln!(f, "\naims at 64 clients: accept {AIM_ACCEPT} A, whole path {AIM_WHOLE_PATH} A\n")
    }

    fn cpu(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{:>7}  {:<12} {:>8} {:>10} {:>12} {:>8}   (load generator)  in commits of A",
            "clients", "CPU us each", "total", "services", "PostgreSQL", "NATS"
        )?;
        for one in &self.clients {
            for (what, cpu) in [("door alone", &one.door_cpu_micros), ("whole path", &one.cpu_micros)] {
                writeln!(
                    f,
                    "{:>7}  {what:<12} {:>8.0} {:>10.0} {:>12.0} {:>8.0}   {:<16}  {:.1}",
                    one.clients,
                    cpu.total,
                    cpu.services,
                    cpu.postgresql,
                    cpu.nats,
                    format!("({:.0})", cpu.generator),
                    cpu.total / one.floor_cpu_micros.max(1.0)
                )?;
            }
        }
        writeln!(
            f,
            "\naim: {AIM_CPU_MICROS:.0} us for the whole path of an inquiry at 64 clients, on a machine where a commit of A \
             takes {AIM_FLOOR_MICROS:.0}: {:.1} of its commits\n",
            AIM_CPU_MICROS / AIM_FLOOR_MICROS
        )
    }

    fn rest(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let half = &self.at_half_rate;
        writeln!(
            f,
            "at {:.0} a second (half the whole path): accept {} ms, commit to last effect {} ms (p50 / p99)",
            half.per_second,
            latency(half.accept),
            latency(half.end_to_end)
        )?;
        let mib = |bytes: u64| bytes >> 20;
        let memory = &self.memory_bytes;
        writeln!(
            f,
            "memory: services {} MiB, PostgreSQL {} MiB, NATS {} MiB",
            mib(memory.services),
            mib(memory.postgres),
            mib(memory.nats)
        )?;
        let lost: u64 = self.clients.iter().map(|one| one.lost).sum();
        let refused: u64 = self.clients.iter().flat_map(|one| one.refused.values()).sum();
        writeln!(f, "requests refused {refused}, without answer {lost}")?;
        let verdict = if self.is_exact() { "each exactly once" } else { "NOT EXACT" };
        writeln!(f, "202 answers {}; {}: {verdict}", self.accepted, proof::in_words(&self.stations))
    }
}

/// What was measured on what, and how.
pub fn heading(
    f: &mut fmt::Formatter<'_>,
    (version, optimised): (&str, bool),
    machine: &Machine,
    servers: &Servers,
    method: &Method,
) -> fmt::Result {
    let Machine { processor, cores, memory_bytes, filesystem, .. } = machine;
    let optimised = if optimised { "" } else { ", NOT OPTIMISED: the figures mean nothing" };
    writeln!(f, "\ncauseway {version}{optimised}")?;
    writeln!(
        f,
        "{cores} cores of {processor}, {} GiB, {filesystem}, PostgreSQL {}, nats-server {}",
        memory_bytes >> 30,
        servers.postgresql,
        servers.nats_server
    )?;
    writeln!(f, "floor A: {}", method.floor)?;
    writeln!(f, "{} rounds of {} s; median (min to max)\n", method.rounds, method.seconds)
}

fn row(
    f: &mut fmt::Formatter<'_>,
    clients: usize,
    what: &str,
    compared: &Compared,
    micros: Option<Latency>,
) -> fmt::Result {
    let rate = &compared.per_second;
    let ratio = &compared.ratio;
    writeln!(
        f,
        "{clients:>7}  {what:<12} {:>24}  {:>8.0}  {:>20}  {:>16}  {:>5.0} %  {:>10}",
        format!("{:.0} ({:.0} to {:.0})", rate.median, rate.min, rate.max),
        compared.floor_per_second.median,
        format!("{:.2} ({:.2} to {:.2})", ratio.median, ratio.min, ratio.max),
        latency(micros),
        compared.others_cpu.median,
        if compared.unsteady {
            "all uneven".to_owned()
        } else {
            format!("{} of {}", compared.dropped, compared.rounds)
        },
    )
}

fn latency(latency: Option<Latency>) -> String {
    latency.map(|latency| format!("{:.1} / {:.1}", latency.p50_ms, latency.p99_ms)).unwrap_or_default()
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        heading(f, (self.version, self.optimised), &self.machine, &self.servers, &self.method)?;
        self.rates(f)?;
        self.cpu(f)?;
        self.rest(f)
    }
}
