//! `causeway bench --doors`: each door by itself, in the protocol of those who come to it, beside the same floor.
//!
//! The services behind the doors stand still while a slice is measured and then carry on with all that was taken in, and
//! every acknowledged message must stand exactly once. Deliberately absent: the way behind the doors (rounds), and CSV files,
//! whose rows nobody waits for.

use std::fmt;

use indicatif::ProgressBar;
use serde::Serialize;

use super::figures::Latency;
use super::load::Tongue;
use super::machine::Machine;
use super::parse::{self, Parsed};
use super::proof::{self, Station};
use super::report::{Method, Servers};
use super::rounds::{AtDoor, Rig};

/// What is measured, and the aim as a share of A.
pub const DOORS: [(Tongue, usize, Option<f64>); 7] = [
    (Tongue::Web, 1, None),
    (Tongue::Web, 8, None),
    (Tongue::Web, 32, None),
    (Tongue::Hl7, 1, None),
    (Tongue::Hl7, 8, Some(0.7)),
    (Tongue::Hl7, 32, Some(0.8)),
    (Tongue::Fhir, 16, Some(0.5)),
];
/// REF^I12 messages for each second of CPU time.
const AIM_PARSE: f64 = 300_000.0;

/// Measures all of them.
pub async fn measure(rig: &mut Rig<'_>, rounds: usize, progress: &ProgressBar) -> anyhow::Result<Vec<AtDoor>> {
    let mut measured = Vec::with_capacity(DOORS.len());
    for (tongue, clients, _) in DOORS {
        progress.set_message(format!("{}, {clients} connections", name(tongue)));
        measured.push(rig.measure_door((tongue, clients), rounds, progress).await?);
    }
    Ok(measured)
}

/// Parses on a thread of its own.
pub async fn parsed() -> anyhow::Result<Parsed> {
    Ok(tokio::task::spawn_blocking(parse::measure).await?)
}

fn name(tongue: Tongue) -> &'static str {
    match tongue {
        Tongue::Web => "form API",
        Tongue::Hl7 => "HL7 (MLLP)",
        Tongue::Fhir => "FHIR Bundle",
    }
}

/// What was measured at the doors.
#[derive(Debug, Serialize)]
pub struct DoorsReport {
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
    /// Door by door.
    pub doors: Vec<AtDoor>,
    /// How fast messages are taken apart.
    pub parse: Parsed,
    /// All that was acknowledged.
    pub accepted: u64,
    /// Where it stands at the end.
    pub stations: Vec<Station>,
}

impl DoorsReport {
    /// True where each acknowledged message stands exactly once everywhere.
    pub fn is_exact(&self) -> bool {
        proof::is_exact(&self.stations, self.accepted)
    }
}

impl fmt::Display for DoorsReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        super::report::heading(f, (self.version, self.optimised), &self.machine, &self.servers, &self.method)?;
        writeln!(
            f,
            "{:<12} {:>11}  {:>22}  {:>8}  {:>20}  {:>5}  {:>14}  {:>26}",
            "door",
            "connections",
            "per second",
            "floor A",
            "ratio to A",
            "aim",
            "p50 / p99 ms",
            "CPU us each (PostgreSQL)"
        )?;
        for (one, (_, _, aim)) in self.doors.iter().zip(DOORS) {
            let (rate, ratio) = (&one.rate.per_second, &one.rate.ratio);
            let latency = |latency: Latency| format!("{:.1} / {:.1}", latency.p50_ms, latency.p99_ms);
            writeln!(
                f,
                "{:<12} {:>11}  {:>22}  {:>8.0}  {:>20}  {:>5}  {:>14}  {:>26}",
                name(one.door),
                one.clients,
                format!("{:.0} ({:.0} to {:.0})", rate.median, rate.min, rate.max),
                one.rate.floor_per_second.median,
                format!("{:.2} ({:.2} to {:.2})", ratio.median, ratio.min, ratio.max),
                aim.map(|aim| format!("{aim}")).unwrap_or_default(),
                one.latency.map(latency).unwrap_or_default(),
                format!("{:.0} ({:.0})", one.cpu_micros.total, one.cpu_micros.postgresql),
            )?;
        }
        let parse = &self.parse;
        writeln!(
            f,
            "\nREF^I12 of {} bytes, for each second of CPU time: {:.0} taken apart with twelve fields read (aim {AIM_PARSE:.0}), \
             {:.0} read as referrals",
            parse.bytes, parse.fields_per_cpu_second, parse.referrals_per_cpu_second
        )?;
        let lost: u64 = self.doors.iter().map(|one| one.lost).sum();
        let refused: u64 = self.doors.iter().flat_map(|one| one.refused.values()).sum();
        writeln!(f, "refused {refused}, without answer {lost}")?;
        let verdict = if self.is_exact() { "each exactly once" } else { "NOT EXACT" };
        writeln!(f, "acknowledged {}; {}: {verdict}", self.accepted, proof::in_words(&self.stations))
    }
}
