//! `causeway route what-if`: past inquiries through a proposed table.
//!
//! The figures depend on the decisions alone: the days end at the newest one, and no clock has a say.

use std::fmt;
use std::path::PathBuf;
use std::process::ExitCode;

use causeway_routing::WhatIf;
use causeway_routing::answers;
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};

use super::{in_force, tell_faults, text_of};
use crate::cli::Common;
use crate::installation;

/// Parts of the progress bar.
const PARTS: u64 = 1_000;

/// Tries a table.
#[derive(Debug, Args)]
pub struct Try {
    /// The proposed routing.csv.
    #[arg(value_name = "FILE")]
    pub table: PathBuf,
    /// The center.
    #[arg(long, value_name = "CENTER")]
    pub center: String,
    /// Days up to the newest decision.
    #[arg(long, default_value_t = 90, value_parser = clap::value_parser!(u16).range(1..=3660), value_name = "N")]
    pub days: u16,
}

impl Try {
    pub async fn execute(self, common: &Common) -> anyhow::Result<ExitCode> {
        let text = text_of(&self.table)?;
        let (_, config) = installation::settings(common)?;
        let profile = in_force(&config, &self.center).await?;
        let table = match profile.propose("routing.csv", &text) {
            Ok(table) => table,
            Err(faults) => {
                tell_faults(&self.table, &faults, common.json);
                return Ok(ExitCode::FAILURE);
            }
        };
        let progress = if common.json { ProgressBar::hidden() } else { ProgressBar::new(PARTS) };
        progress.set_style(ProgressStyle::with_template("{bar:32} {percent}% {msg} {elapsed}")?);
        let pool = installation::machine_pool(&config, "routing").await?;
        let told =
            answers::what_if(&mut *pool.acquire().await?, &self.center, (&profile, &table), self.days, |done, part| {
                progress.set_message(format!("{done} inquiries"));
                progress.set_position((part * PARTS as f64) as u64);
            })
            .await?;
        progress.finish_and_clear();
        if common.json {
            println!("{}", serde_json::to_string(&told)?);
        } else {
            print!("{}", Text(&told));
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// The figures as text.
struct Text<'a>(&'a WhatIf);

impl fmt::Display for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let told = self.0;
        writeln!(f, "{} inquiries, {} would move", told.considered, told.moved)?;
        if told.unreadable > 0 {
            writeln!(f, "{} more can not be read any more", told.unreadable)?;
        }
        for one in &told.moves {
            writeln!(f, "  {:>9}  {} -> {}", one.count, one.from, one.to)?;
        }
        writeln!(f, "load by team, before and after")?;
        for one in &told.load {
            writeln!(f, "  {:>9} {:>9}  {}", one.before, one.after, one.team)?;
        }
        let targets = told.targets;
        writeln!(
            f,
            "targets met {} -> {} ({} gained, {} missed; {} not tried)",
            targets.met_before, targets.met_after, targets.gained, targets.missed, targets.not_tried
        )
    }
}

#[cfg(test)]
mod tests {
    use causeway_routing::{Load, Move, Targets};

    use super::*;

    #[test]
    fn the_figures_are_told_line_by_line() {
        let told = WhatIf {
            considered: 12,
            unreadable: 1,
            moved: 3,
            moves: vec![Move { from: "breast".into(), to: "general".into(), count: 3 }],
            load: vec![Load { team: "breast".into(), before: 5, after: 2 }],
            targets: Targets { met_before: 7, met_after: 6, gained: 1, missed: 2, not_tried: 4 },
        };
        let text = Text(&told).to_string();
        for part in [
            "12 inquiries, 3 would move",
            "1 more can not",
            "3  breast -> general",
            "5         2  breast",
            "7 -> 6 (1 gained, 2 missed; 4 not tried)",
        ] {
            assert!(text.contains(part), "{part} in {text}");
        }
    }
}
