//! `causeway bench --routing`: how many routes one core decides in a second of its time, and how long one takes, with a table
//! of 20 and one of 2,000 rows.
//!
//! Decisions alone, without database and bus, which the other figures hold: the row, why each row before it did not fit, and the
//! due time are what routing works out for each inquiry. Deliberately absent: the proof, which stands in front of a change.

use std::fmt;
use std::hint::black_box;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use causeway_funnel::inquiry::{AgeBand, CancerArea, ConsultType, Facts, Payer, RecordsOnHand, Source, Urgency};
use causeway_funnel::profile::Profile;
use causeway_funnel::routing::{Table, decide, passed};
use hdrhistogram::Histogram;
use serde::Serialize;

use super::machine::Machine;
use super::parse::cpu;
use crate::commands::center;

const SIZES: [usize; 2] = [20, 2_000];
const INQUIRIES: usize = 4_096;

/// The figures.
#[derive(Debug, Serialize)]
pub struct RoutingReport {
    benchmark: &'static str,
    version: &'static str,
    optimised: bool,
    machine: Machine,
    tables: Vec<Measured>,
}

/// One table.
#[derive(Debug, Serialize)]
struct Measured {
    rows: usize,
    /// Time of its proof with the whole profile, milliseconds.
    proof_ms: f64,
    /// The row alone, for each second of CPU time.
    decisions_per_cpu_second: f64,
    /// The row, and why each row before it did not fit.
    explained_per_cpu_second: f64,
    /// Of the row alone, nanoseconds.
    p50_ns: u64,
    p99_ns: u64,
    max_ns: u64,
}

/// Measures each table for some seconds.
pub fn measure(profile: &Profile, machine: Machine, time: Duration) -> anyhow::Result<RoutingReport> {
    let inquiries: Vec<Facts> = (0..INQUIRIES).map(inquiry).collect();
    let tables = SIZES.into_iter().map(|rows| one(profile, rows, &inquiries, time)).collect::<Result<_, _>>()?;
    Ok(RoutingReport {
        benchmark: "causeway-routing",
        version: env!("CARGO_PKG_VERSION"),
        optimised: !cfg!(debug_assertions),
        machine,
        tables,
    })
}

/// The profile that is measured with.
pub fn profile(centers: &Path) -> anyhow::Result<Profile> {
    let bundle = center::read(&centers.join("harbor-valley"))?;
    Profile::from_stored(&bundle.to_bytes()).map(|(profile, _)| profile).map_err(anyhow::Error::msg)
}

fn one(profile: &Profile, rows: usize, inquiries: &[Facts], time: Duration) -> anyhow::Result<Measured> {
    let text = table(rows);
    let began = Instant::now();
    let table = profile.propose("routing.csv", &text).map_err(|faults| {
        anyhow::anyhow!(
            "the table of {rows} rows is faulty: {}",
            faults.first().map(ToString::to_string).unwrap_or_default()
        )
    })?;
    let proof_ms = began.elapsed().as_secs_f64() * 1_000.0;
    let mut times = Histogram::<u64>::new(3).context("a histogram")?;
    for facts in inquiries.iter().cycle().take(INQUIRIES * 16) {
        let began = Instant::now();
        black_box(decide(&table, black_box(facts)));
        times.saturating_record(u64::try_from(began.elapsed().as_nanos()).unwrap_or(u64::MAX));
    }
    Ok(Measured {
        rows: table.rows.len(),
        proof_ms,
        decisions_per_cpu_second: rate(inquiries, time, |facts| decide(&table, facts).row),
        explained_per_cpu_second: rate(inquiries, time, |facts| explained(&table, facts)),
        p50_ns: times.value_at_quantile(0.5),
        p99_ns: times.value_at_quantile(0.99),
        max_ns: times.max(),
    })
}

fn explained(table: &Table, facts: &Facts) -> usize {
    decide(table, facts).row + passed(table, facts).len()
}

fn rate(inquiries: &[Facts], time: Duration, decide: impl Fn(&Facts) -> usize) -> f64 {
    let (begun, before, mut count) = (Instant::now(), cpu(), 0_usize);
    while begun.elapsed() < time {
        for facts in inquiries {
            black_box(decide(black_box(facts)));
        }
        count += inquiries.len();
    }
    let spent = match (before, cpu()) {
        (Some(before), Some(after)) => after.saturating_sub(before),
        _ => begun.elapsed(),
    };
    count as f64 / spent.as_secs_f64().max(0.001)
}

/// A table of so many rows that each ask for five conditions; who fits none of them falls through all to the last one.
fn table(rows: usize) -> String {
    let mut text = "row,cancer_area,payer,records,urgency,source,age,consult_type,program,team,to_site,priority,target_hours,script\n\
        trial,,,,,,,clinical_trial,trials,trials,harbor,normal,8,trial-question\n"
        .to_owned();
    let cells = CancerArea::ALL.iter().flat_map(|area| {
        Payer::ALL.iter().flat_map(move |payer| {
            RecordsOnHand::ALL.iter().flat_map(move |records| {
                Source::ALL.iter().flat_map(move |source| {
                    Urgency::ALL.iter().map(move |urgency| format!("{area},{payer},{records},{urgency},{source}"))
                })
            })
        })
    });
    // Spread over the whole, so that no part of the inquiries is decided by the first rows.
    let all: Vec<String> = cells.collect();
    let step = all.len() / rows.max(1);
    for (number, cells) in all.iter().step_by(step.max(1)).take(rows.saturating_sub(2)).enumerate() {
        text.push_str(&format!("{number},{cells},,,general,general,,normal,8,first-call\n"));
    }
    text + "rest,,,,,,,,general,general,,normal,8,first-call\n"
}

/// Inquiries of every kind, in an order without a pattern.
fn inquiry(number: usize) -> Facts {
    let mut state = number as u64;
    let mut dice = |sides: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(state >> 33).unwrap_or_default() % sides
    };
    Facts {
        cancer_area: CancerArea::ALL[dice(CancerArea::ALL.len())],
        consult_type: ConsultType::ALL[dice(ConsultType::ALL.len())],
        payer: Payer::ALL[dice(Payer::ALL.len())],
        records_on_hand: RecordsOnHand::ALL[dice(RecordsOnHand::ALL.len())],
        urgency: Urgency::ALL[dice(Urgency::ALL.len())],
        source: Source::ALL[dice(Source::ALL.len())],
        age: AgeBand::ALL[dice(AgeBand::ALL.len())],
        language: ["en", "es"][dice(2)].to_owned(),
        ..Facts::default()
    }
}

impl fmt::Display for RoutingReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "routes decided for each second of CPU time of one core")?;
        writeln!(
            f,
            "{:>6} {:>12} {:>14} {:>18} {:>24}",
            "rows", "proof ms", "decided/s", "with reasons/s", "ns p50 / p99 / max"
        )?;
        for one in &self.tables {
            let times = format!("{} / {} / {}", one.p50_ns, one.p99_ns, one.max_ns);
            writeln!(
                f,
                "{:>6} {:>12.1} {:>14.0} {:>18.0} {times:>24}",
                one.rows, one.proof_ms, one.decisions_per_cpu_second, one.explained_per_cpu_second
            )?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tables_that_are_measured_are_proved_and_have_their_sizes() {
        let centers = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy/centers");
        let profile = profile(&centers).expect("a profile");
        for rows in SIZES {
            let table = profile.propose("routing.csv", &table(rows)).unwrap_or_else(|faults| panic!("{:?}", faults[0]));
            assert_eq!(table.rows.len(), rows);
            let inquiries: Vec<Facts> = (0..INQUIRIES).map(inquiry).collect();
            let taken: std::collections::BTreeSet<usize> =
                inquiries.iter().map(|one| decide(&table, one).row).collect();
            assert!(taken.len() > 2 && taken.len() >= rows / 10, "{} of {rows} rows decide", taken.len());
        }
    }
}
