//! `causeway doctor`: what this machine has, and what an installation lacks, with the remedy.
//!
//! It looks at everything, not up to the first fault, and changes nothing. Each finding that is not in order says what to do behind a
//! semicolon. Deliberately not here: whether inquiries are lost (`causeway ledger`).

mod bus;
mod databases;
mod disk;
mod doors;
mod keys;
mod machine;

use std::process::ExitCode;

use clap::Args;
use jiff::{SignedDuration, Timestamp};

use crate::cli::Common;
use crate::installation;

/// Tells what this machine has, and what an installation lacks.
#[derive(Debug, Args)]
pub struct Doctor {}

/// One thing that was looked at.
struct Finding {
    about: String,
    in_order: bool,
    /// What is there; or what is wrong, a semicolon, and what to do.
    text: String,
}

impl Finding {
    fn good(about: impl Into<String>, text: impl Into<String>) -> Self {
        Self { about: about.into(), in_order: true, text: text.into() }
    }

    fn bad(about: impl Into<String>, text: impl Into<String>) -> Self {
        Self { about: about.into(), in_order: false, text: text.into() }
    }
}

impl Doctor {
    /// Runs the command. It fails where something is not in order.
    pub async fn execute(self, common: &Common) -> anyhow::Result<ExitCode> {
        let mut findings = machine::look();
        let (settings, config) = installation::settings(common)?;
        if config.databases.is_empty() {
            let text = "none configured here; 'causeway dev' makes one, --config names another";
            findings.push(Finding::good("installation", text));
        } else {
            findings.extend(keys::look(&config));
            findings.push(disk::look(&config));
            findings.extend(databases::look(&config).await);
            findings.extend(bus::look(&settings, &config).await);
            findings.extend(doors::look(&settings, &config, common).await);
        }
        let in_order = findings.iter().all(|finding| finding.in_order);
        for finding in &findings {
            if common.json {
                println!(
                    "{}",
                    serde_json::json!({ "about": finding.about, "in_order": finding.in_order, "text": finding.text })
                );
            } else {
                let mark = if finding.in_order { "ok  " } else { "LOOK" };
                println!("{mark} {:<30} {}", finding.about, finding.text);
            }
        }
        Ok(if in_order { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}

/// Tokens are refused half a minute from their time on; well before that somebody should hear of it.
const MOST_SKEW: SignedDuration = SignedDuration::from_secs(5);

/// How far another machine's clock is from ours, given what it said and when it was asked and answered.
fn skew(about: &str, asked: Timestamp, said: Timestamp, answered: Timestamp) -> Finding {
    let (behind, ahead) = (asked.duration_since(said), said.duration_since(answered));
    // It said so at some moment between the question and the answer.
    let apart = behind.max(ahead).max(SignedDuration::ZERO);
    let seconds = apart.as_secs_f64();
    if apart <= MOST_SKEW {
        return Finding::good(about, format!("within {seconds:.1} s of this machine's"));
    }
    let which = if ahead > behind { "ahead of" } else { "behind" };
    Finding::bad(
        about,
        format!(
            "{seconds:.0} s {which} this machine's, and calls are refused from 30 s on; have both machines take their time from the network (NTP)"
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_differs_is_told_with_its_direction_and_a_slow_answer_is_no_difference() {
        let at = |second: i64| Timestamp::from_second(1_800_000_000 + second).expect("a time");
        assert!(skew("clock", at(0), at(20), at(40)).in_order, "it may have said so in the middle");
        assert!(skew("clock", at(0), at(4), at(0)).in_order);
        let ahead = skew("clock", at(0), at(61), at(1));
        assert!(!ahead.in_order && ahead.text.starts_with("60 s ahead of") && ahead.text.contains("; have both"));
        assert!(skew("clock", at(100), at(0), at(101)).text.starts_with("100 s behind"));
    }
}
