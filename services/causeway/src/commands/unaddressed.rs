//! `causeway messages unaddressed`: frames of the HL7 door that belong to nobody, and whose they are.
//!
//! They belong to no center, so no page of one shows them. The list names nobody; what one says is printed only with `--raw`, for a
//! stated purpose that is written down. Deliberately not here: why a frame is nobody's (ingestion).

use std::process::ExitCode;

use anyhow::Context as _;
use causeway_mailbox::Ts;
use causeway_proto::inquiry::v1::ingestion_client::IngestionClient;
use causeway_proto::inquiry::v1::{AssignUnaddressedRequest, OpenUnaddressedRequest, SetAsideUnaddressedRequest};
use causeway_runtime::RuntimeConfig;
use clap::{Args, Subcommand};
use jiff::Timestamp;
use serde::Serialize;
use uuid::Uuid;

use super::operator::Operator;
use super::repair::{LONGEST, Purpose, Reason, word};
use crate::cli::Common;
use crate::installation;

/// Frames that belong to nobody.
#[derive(Debug, Args)]
pub struct Unaddressed {
    /// What to do.
    #[command(subcommand)]
    pub action: Action,
}

/// What can be done with frames that belong to nobody.
#[derive(Debug, Subcommand)]
pub enum Action {
    /// Lists what waits, oldest first: why, from where, how often it came and how long it is.
    List,
    /// Shows one. Names nobody without --raw.
    Show {
        /// Its id.
        id: Uuid,
        /// All that it says, which may tie a person to their health.
        #[arg(long)]
        raw: bool,
        /// Why you look: written to the audit log.
        #[arg(long, value_enum)]
        purpose: Purpose,
        /// Who asks.
        #[command(flatten)]
        operator: Operator,
    },
    /// Has a feed hear one as if it had sent it: a referral becomes an inquiry of its center.
    Assign {
        /// Its id.
        id: Uuid,
        /// The center.
        #[arg(long)]
        center: String,
        /// Its HL7 feed, as feeds.toml names it.
        #[arg(long)]
        feed: String,
        /// Who says so.
        #[command(flatten)]
        operator: Operator,
    },
    /// Takes one off the list that leads to nothing; what it said is erased.
    SetAside {
        /// Its id.
        id: Uuid,
        /// Why.
        #[arg(long, value_enum)]
        reason: Reason,
        /// Who says so.
        #[command(flatten)]
        operator: Operator,
    },
}

/// Most that are listed at once.
const MOST: i64 = 1000;

/// A frame, without what it says.
#[derive(Debug, Serialize)]
struct Listed {
    frame_id: Uuid,
    reason: String,
    origin: String,
    network: String,
    times: i32,
    bytes: i32,
    received_at: Timestamp,
    last_at: Timestamp,
}

type Row = (Uuid, String, String, String, i32, i32, Ts, Ts);

impl Unaddressed {
    /// Runs the command.
    pub async fn execute(self, config: &RuntimeConfig, common: &Common) -> anyhow::Result<ExitCode> {
        match self.action {
            Action::List => list(config, common.json).await?,
            Action::Show { id, raw, purpose, operator } => {
                show(config, common, (id, raw), (word(purpose), &operator)).await?;
            }
            Action::Assign { id, center, feed, operator } => {
                let request = AssignUnaddressedRequest { frame_id: id.to_string(), center, feed };
                let mut client = IngestionClient::new(operator.ingestion(config, common)?);
                let answer =
                    client.assign_unaddressed(request).await.context("ask ingestion to put the frame to the feed")?;
                for one in answer.into_inner().heard {
                    if common.json {
                        println!(
                            "{}",
                            serde_json::json!({ "kind": one.kind, "outcome": one.outcome, "reference": one.reference })
                        );
                    } else {
                        println!("{:<8} {:<9} {}", one.kind, one.outcome, one.reference);
                    }
                }
            }
            Action::SetAside { id, reason, operator } => {
                let request = SetAsideUnaddressedRequest { frame_id: id.to_string(), reason: word(reason) };
                let mut client = IngestionClient::new(operator.ingestion(config, common)?);
                client.set_aside_unaddressed(request).await.context("ask ingestion to set the frame aside")?;
                if !common.json {
                    println!("set aside");
                }
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

async fn list(config: &RuntimeConfig, json: bool) -> anyhow::Result<()> {
    let pool = installation::machine_pool(config, "ingestion").await?;
    let rows: Vec<Row> = sqlx::query_as(
        "SELECT frame_id, reason, origin, network, times, bytes, received_at, last_at FROM unaddressed \
         WHERE center_id = '-' AND state = 'waiting' ORDER BY received_at, frame_id LIMIT $1",
    )
    .bind(MOST)
    .fetch_all(&pool)
    .await
    .context("read the frames that belong to nobody")?;
    for (frame_id, reason, origin, network, times, bytes, first, last) in rows.iter().cloned() {
        let one = Listed { frame_id, reason, origin, network, times, bytes, received_at: first.0, last_at: last.0 };
        println!("{}", if json { serde_json::to_string(&one)? } else { line(&one) });
    }
    if rows.is_empty() && !json {
        println!("nothing waits");
    }
    Ok(())
}

fn line(one: &Listed) -> String {
    format!(
        "{} {:<17} {:<11} {:<24} {:>4}x {:>8} {:.0}",
        one.frame_id, one.reason, one.origin, one.network, one.times, one.bytes, one.received_at
    )
}

async fn show(
    config: &RuntimeConfig,
    common: &Common,
    (id, raw): (Uuid, bool),
    (purpose, operator): (String, &Operator),
) -> anyhow::Result<()> {
    let mut client = IngestionClient::new(operator.ingestion(config, common)?).max_decoding_message_size(LONGEST);
    let request = OpenUnaddressedRequest { frame_id: id.to_string(), purpose };
    let shown = client.open_unaddressed(request).await.context("ask ingestion for the frame")?.into_inner();
    if common.json {
        let mut told = serde_json::json!({
            "frame_id": shown.frame_id, "reason": shown.reason, "state": shown.state, "network": shown.network,
            "times": shown.times, "outcome": shown.outcome,
        });
        if raw {
            told["raw"] = shown.raw.into();
        }
        println!("{told}");
        return Ok(());
    }
    println!(
        "{} {} {} {}x {} {}",
        shown.frame_id, shown.reason, shown.network, shown.times, shown.state, shown.outcome
    );
    if raw {
        println!("{}", shown.raw.replace('\r', "\n"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_tells_why_a_frame_is_nobodys_and_where_it_came_from() {
        let one = Listed {
            frame_id: Uuid::from_u128(7),
            reason: "unknown_sender".into(),
            origin: "private".into(),
            network: "10.1.2.3".into(),
            times: 2,
            bytes: 4096,
            received_at: Timestamp::UNIX_EPOCH,
            last_at: Timestamp::UNIX_EPOCH,
        };
        let line = line(&one);
        for part in ["unknown_sender", "private", "10.1.2.3", "2x", "4096"] {
            assert!(line.contains(part), "{line}");
        }
    }
}
