//! `causeway simulate`: life-like synthetic inquiries and the staff who work them, at a chosen rate, with a seed.
//!
//! Everything goes through the real doors of a running system: forms by HTTP, referrals by HL7, FHIR and in lists, calls and staff by
//! gRPC. Nobody is real: every person is called Testpatient and has a phone that is kept free for examples. Deliberately not here: load tests
//! (`causeway bench`).

mod agreed;
mod arrivals;
mod audits;
mod fate;
mod office;
mod papers;
mod people;
mod player;
mod referral;
mod reopened;
mod scene;
mod staff;
mod steps;
mod submit;
mod tally;
mod visits;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use causeway_runtime::Stop;
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};

use crate::cli::Common;
use crate::commands::dev;
use crate::installation;

pub use player::{Pace, Plan, Player};
pub use tally::{Counts, Tally};

/// Plays life-like synthetic inquiries and the staff who work them.
#[derive(Debug, Args)]
pub struct Simulate {
    /// Inquiries in a mean hour of the services' time, all centers together; more come in the morning, fewer at night.
    #[arg(long, default_value_t = 120.0, value_name = "N")]
    pub rate: f64,
    /// Ends after this many inquiries. Default: goes on until Ctrl-C.
    #[arg(long, value_name = "N")]
    pub count: Option<u64>,
    /// The same seed gives the same people and answers. A seed that was played before changes nothing.
    #[arg(long, default_value_t = 1, value_name = "S")]
    pub seed: u64,
    /// Only these centers. Default: all.
    #[arg(long, value_delimiter = ',', value_name = "CENTER,…")]
    pub centers: Vec<String>,
    /// Addresses of the running system. Default: `addresses.json` in the data folder.
    #[arg(long, value_name = "FILE")]
    pub addresses: Option<PathBuf>,
    /// Data folder of `causeway dev`.
    #[arg(long, default_value = installation::DATA_DIR, value_name = "DIR")]
    pub data: PathBuf,
    /// People ask, but nobody works what they ask.
    #[arg(long)]
    pub no_staff: bool,
}

impl Simulate {
    /// Runs the command. It fails where nothing was accepted.
    pub async fn execute(self, common: &Common) -> anyhow::Result<ExitCode> {
        if !(self.rate.is_finite() && self.rate > 0.0) {
            bail!("the rate must be a number above 0");
        }
        let mut common = common.clone();
        let kept = self.data.join(installation::CONFIG_FILE);
        if common.config.is_none() && kept.exists() {
            common.config = Some(kept);
        }
        let (_, config) = installation::settings(&common)?;
        let addresses = self.read_addresses()?;
        let clock = dev::kept_clock(&self.data)?.unwrap_or_else(causeway_runtime::Clock::system);
        let stop = Stop::on_signals()?;
        let plan = Plan {
            play: "simulate".to_owned(),
            seed: self.seed,
            pace: Pace::PerHour(self.rate),
            count: self.count,
            centers: self.centers,
            staff: !self.no_staff,
        };
        let player = Player::new(plan, &addresses, &config, clock);
        let tally = player.tally();
        let progress = tokio::spawn(show_progress(Arc::clone(&tally), self.count, common.json));
        let played = player.play(stop.soft.clone()).await;
        progress.abort();
        tell(&tally.counts(), common.json);
        played.map(|()| ExitCode::SUCCESS)
    }

    fn read_addresses(&self) -> anyhow::Result<BTreeMap<String, String>> {
        let file = self.addresses.clone().unwrap_or_else(|| self.data.join("addresses.json"));
        read_addresses(&file)
    }
}

/// Reads the file that `causeway dev` writes.
pub fn read_addresses(file: &Path) -> anyhow::Result<BTreeMap<String, String>> {
    let text = std::fs::read_to_string(file)
        .with_context(|| format!("read {}; start 'causeway dev' or name its file with --addresses", file.display()))?;
    serde_json::from_str(&text).with_context(|| format!("read {}", file.display()))
}

async fn show_progress(tally: Arc<Tally>, count: Option<u64>, json: bool) {
    let bar = match (json, count) {
        (true, _) => ProgressBar::hidden(),
        (false, Some(count)) => ProgressBar::new(count),
        (false, None) => ProgressBar::new_spinner(),
    };
    let template = if count.is_some() {
        "{elapsed_precise} {bar:24} {pos}/{len} {msg}"
    } else {
        "{elapsed_precise} {spinner} {msg}"
    };
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style);
    }
    loop {
        let counts = tally.counts();
        bar.set_position(counts.handed_in());
        bar.set_message(counts.line());
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
}

fn tell(counts: &Counts, json: bool) {
    if json {
        println!("{}", serde_json::json!({ "done": counts.done, "failed": counts.failed }));
        return;
    }
    println!("\n{}", counts.line());
    for (what, count) in &counts.failed {
        println!("  {count:>6} {what}");
    }
    if 2 * counts.of("repeated") > counts.handed_in() {
        println!("most inquiries were known already: this seed was played before; choose another one with --seed");
    }
}
