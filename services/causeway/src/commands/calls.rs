//! `causeway calls`: calls of the phone systems that wait for a person, and what they wait for.
//!
//! The list is read from the record as an operator may; it names nobody and no number. Deliberately not here: taking a call down
//! and saying what became of it, which people of the center do on the staff face.

use std::process::ExitCode;

use anyhow::Context as _;
use causeway_mailbox::Ts;
use clap::{Args, Subcommand};
use jiff::Timestamp;
use serde::Serialize;
use uuid::Uuid;

use crate::cli::Common;
use crate::installation;

/// Lists calls of the phone systems that wait for a person.
#[derive(Debug, Args)]
pub struct Calls {
    /// What to do.
    #[command(subcommand)]
    pub action: Action,
}

/// What can be done with calls.
#[derive(Debug, Subcommand)]
pub enum Action {
    /// Lists calls of all centers that wait for a person, the oldest first.
    List(List),
}

/// Which calls.
#[derive(Debug, Args)]
pub struct List {
    /// Of one center alone.
    #[arg(long, value_name = "CENTER")]
    pub center: Option<String>,
    /// All calls of the last day, whether they wait or not.
    #[arg(long)]
    pub all: bool,
}

/// A call, without its caller.
#[derive(Debug, Serialize)]
struct Call {
    call_id: Uuid,
    center: String,
    feed: String,
    queue: String,
    state: String,
    started_at: Timestamp,
    /// end, entry, number, queue or call_back; empty: nothing.
    waits_for: String,
    /// Request number of the inquiry that it belongs to.
    reference: String,
}

impl Calls {
    /// Runs the command.
    pub async fn execute(self, common: &Common) -> anyhow::Result<ExitCode> {
        match self.action {
            Action::List(list) => list.execute(common).await,
        }
    }
}

type Row = (Uuid, String, String, String, String, Ts, String, Option<String>, Ts);

/// Rows that are read at once.
const PAGE: i64 = 500;

macro_rules! listed {
    ($place:literal, $then:literal) => {
        concat!(
            "SELECT call_id, center_id, feed, queue, state, started_at, waits_for, reference, ",
            $place,
            " FROM calls LEFT JOIN inquiries USING (center_id, inquiry_id) WHERE ($1::text IS NULL OR center_id = $1) AND ",
            $then,
            " AND (",
            $place,
            ", call_id) > ($2, $3) ORDER BY ",
            $place,
            ", call_id LIMIT $4"
        )
    };
}

/// Those that wait: few among many, by the index of them alone.
const WAITING: &str = listed!("waits_from", "waits_for <> '' AND waits_from <= now()");
/// Those of the last day.
const LATELY: &str = listed!("started_at", "started_at > now() - interval '1 day'");

impl List {
    async fn execute(self, common: &Common) -> anyhow::Result<ExitCode> {
        let (_, config) = installation::settings(common)?;
        let pool = installation::machine_pool(&config, "ingestion").await?;
        let sql = if self.all { LATELY } else { WAITING };
        let (mut behind, mut none) = ((Ts(Timestamp::UNIX_EPOCH), Uuid::nil()), true);
        loop {
            let rows: Vec<Row> = sqlx::query_as(sql)
                .bind(self.center.as_deref())
                .bind(behind.0)
                .bind(behind.1)
                .bind(PAGE)
                .fetch_all(&pool)
                .await
                .context("read the calls")?;
            let Some(last) = rows.last() else { break };
            (behind, none) = ((last.8, last.0), false);
            show(common, rows)?;
        }
        if none && !common.json {
            println!("no call waits");
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn show(common: &Common, rows: Vec<Row>) -> anyhow::Result<()> {
    for (call_id, center, feed, queue, state, at, waits_for, reference, _) in rows {
        let queue = if queue.is_empty() { "-".to_owned() } else { queue };
        let reference = reference.unwrap_or_default();
        let call = Call { call_id, center, feed, queue, state, started_at: at.0, waits_for, reference };
        if common.json {
            println!("{}", serde_json::to_string(&call)?);
        } else {
            let Call { center, queue, state, started_at, waits_for, reference, .. } = &call;
            println!("{call_id} {center:<16} {started_at:.0} {queue:<18} {state:<10} {waits_for:<10} {reference}");
        }
    }
    Ok(())
}
