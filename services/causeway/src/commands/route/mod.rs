//! `causeway route`: proves a routing table before it goes live, says why an inquiry went where it went, and what a proposed
//! table would have done with past ones.
//!
//! Everything is read: a table goes live with the rest of its profile (`causeway center apply`). Deliberately not here: how a
//! table decides and is proved (the vocabulary), and what is told of decisions (routing).

mod check;
mod explain;
mod what_if;

use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context as _, bail};
use causeway_funnel::fault::Fault;
use causeway_funnel::profile::Profile;
use causeway_runtime::RuntimeConfig;
use clap::{Args, Subcommand};

use crate::cli::Common;
use crate::installation;

/// Proves routing tables, explains routes, and tries proposed tables on past inquiries.
#[derive(Debug, Args)]
pub struct Route {
    /// What to do.
    #[command(subcommand)]
    pub action: Action,
}

/// What can be done with routing tables.
#[derive(Debug, Subcommand)]
pub enum Action {
    /// Proves that every inquiry lands in a row, that no row is unreachable or asks for what can not be, and that each promise is
    /// staffed; a fault is told with line, remedy, and an inquiry that shows it.
    Check(check::Check),
    /// Says which row takes an inquiry and why the rows before it do not: one that was decided on, or made-up facts.
    Explain(explain::Explain),
    /// Replays past inquiries through a proposed table: who would move, the load of each team, targets gained and missed.
    WhatIf(what_if::Try),
}

impl Route {
    /// Runs the command.
    pub async fn execute(self, common: &Common) -> anyhow::Result<ExitCode> {
        match self.action {
            Action::Check(check) => check.execute(common).await,
            Action::Explain(explain) => explain.execute(common).await,
            Action::WhatIf(what_if) => what_if.execute(common).await,
        }
    }
}

/// The profile of a center in force, as routing has it.
async fn in_force(config: &RuntimeConfig, center: &str) -> anyhow::Result<Profile> {
    let pool = installation::machine_pool(config, "routing").await?;
    let content = causeway_routing::answers::in_force(&mut *pool.acquire().await?, center).await?;
    let Some(content) = content else {
        bail!("center '{center}' has no profile in force; see 'causeway center list'");
    };
    let (profile, _) = Profile::from_stored(&content).map_err(anyhow::Error::msg)?;
    Ok(profile)
}

fn text_of(file: &Path) -> anyhow::Result<String> {
    std::fs::read_to_string(file).with_context(|| format!("read {}", file.display()))
}

/// Tells faults of one file, each as text or as a line of JSON.
fn tell_faults(file: &Path, faults: &[Fault], json: bool) {
    for fault in faults {
        let Fault { line, what, remedy, example, .. } = fault;
        if json {
            let told =
                serde_json::json!({ "file": file, "line": line, "what": what, "remedy": remedy, "example": example });
            println!("{told}");
            continue;
        }
        println!("{}:{line}: {what}", file.display());
        if let Some(example) = example {
            println!("    for example: {example}");
        }
        println!("    {remedy}");
    }
}
