//! `causeway doctor`: what this machine has, and what an installation lacks, with the remedy.

use std::process::ExitCode;

use causeway_runtime::RuntimeConfig;
use clap::Args;

use crate::cli::Common;
use crate::installation;
use crate::local::find;

/// Tells what this machine has, and what an installation lacks.
#[derive(Debug, Args)]
pub struct Doctor {}

struct Finding {
    about: String,
    in_order: bool,
    text: String,
}

impl Doctor {
    /// Runs the command. It fails where something is not in order.
    pub async fn execute(self, common: &Common) -> anyhow::Result<ExitCode> {
        let mut findings = machine();
        let (_, config) = installation::settings(common)?;
        if config.databases.is_empty() {
            findings.push(Finding {
                about: "installation".into(),
                in_order: true,
                text: "none configured here; 'causeway dev' makes one, --config names another".into(),
            });
        } else {
            findings.extend(installed(&config).await);
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
                println!("{mark} {:<24} {}", finding.about, finding.text);
            }
        }
        Ok(if in_order { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}

fn machine() -> Vec<Finding> {
    let search = find::Search::from_environment();
    let answers = [
        ("nats-server", find::nats_server(&search, find::Fetch::No)),
        ("postgresql", find::postgres_bin(&search, find::Fetch::No)),
    ];
    let finding = |(about, answer): (&str, anyhow::Result<find::Answer>)| {
        let (in_order, text) = match answer {
            Ok(find::Answer { found: Some(found), .. }) => {
                (true, format!("{} at {} ({})", found.version, found.path.display(), found.how))
            }
            Ok(answer) => (true, format!("none new enough; 'causeway dev' fetches one. {}", answer.notes.join("; "))),
            Err(cause) => (false, format!("{cause:#}")),
        };
        Finding { about: about.to_owned(), in_order, text }
    };
    answers.into_iter().map(finding).collect()
}

async fn installed(config: &RuntimeConfig) -> Vec<Finding> {
    let mut findings = Vec::new();
    for service in installation::with_database() {
        let about = format!("database of {service}");
        findings.push(match database(config, service).await {
            Ok(text) => Finding { about, in_order: true, text },
            Err(cause) => Finding {
                about,
                in_order: false,
                text: format!("{cause:#}; is the server up, and was 'causeway migrate' run?"),
            },
        });
    }
    let about = "message bus".to_owned();
    findings.push(match installation::bus(config).await {
        Ok(bus) => Finding {
            about,
            in_order: true,
            text: format!(
                "nats-server {} at {}; with 'sync_interval: always' a power cut would cost no delay, at about 1/100 of the rate",
                bus.server_version(),
                config.nats.url
            ),
        },
        Err(cause) => Finding { about, in_order: false, text: format!("{cause:#}") },
    });
    findings
}

async fn database(config: &RuntimeConfig, service: &str) -> anyhow::Result<String> {
    let pool = installation::machine_pool(config, service).await?;
    let version: String = sqlx::query_scalar("SHOW server_version").fetch_one(&pool).await?;
    let (unpublished, parked): (i64, i64) = sqlx::query_as(
        "SELECT (SELECT coalesce(sum(cardinality(waiting)), 0) FROM outbox_pending), (SELECT count(*) FROM parked WHERE state <> 'replayed')",
    )
    .fetch_one(&pool)
    .await?;
    let without_month: i64 = sqlx::query_scalar(
        "SELECT count(*) FROM generate_series(0, 2) AS ahead WHERE to_regclass('outbox_' || \
            to_char(date_trunc('month', now()) + make_interval(months => ahead), 'YYYY_MM')) IS NULL",
    )
    .fetch_one(&pool)
    .await?;
    anyhow::ensure!(
        without_month == 0,
        "the months of the outbox run out; 'causeway migrate' makes those of the next year (nothing is lost: rows stand in outbox_rest)"
    );
    anyhow::ensure!(parked == 0, "{parked} messages are parked; see 'causeway parked list'");
    Ok(format!("postgresql {version}, {unpublished} events wait to be published, nothing is parked"))
}
