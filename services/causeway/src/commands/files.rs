//! `causeway files`: files of partner systems, how far each is, and what of it waits for a person.
//!
//! Names of files, headers, numbers of referrals and all that rows say stay sealed; lines, columns and codes are enough to ask
//! the office, whose own result names the headers. A row that waits is a message as well, and settled as one. Deliberately not here: the result that the office gets (ingestion).

use std::process::ExitCode;

use anyhow::{Context as _, bail};
use causeway_mailbox::Ts;
use causeway_proto::inquiry::v1::ingestion_client::IngestionClient;
use causeway_proto::inquiry::v1::{RetryFileRequest, SettleMessagesRequest, TakeGoodRowsRequest};
use clap::{Args, Subcommand};
use serde::Serialize;
use sqlx::PgPool;
use uuid::Uuid;

use super::operator::Operator;
use crate::cli::Common;
use crate::installation;

/// Lists and shows files of partner systems, has one looked through again, takes the good rows of one, and takes parked ones off
/// the list.
#[derive(Debug, Args)]
pub struct PartnerFiles {
    /// What to do.
    #[command(subcommand)]
    pub action: Action,
}

/// What can be done with files of partner systems.
#[derive(Debug, Subcommand)]
pub enum Action {
    /// Lists files that are not done, the newest first.
    List {
        /// Those that are done as well.
        #[arg(long)]
        all: bool,
    },
    /// Shows a file, and those of its rows that need somebody.
    Show {
        /// Its id.
        id: Uuid,
    },
    /// Takes the good rows of a file that is parked for its many bad ones.
    Take {
        /// Its id.
        id: Uuid,
        /// Who says so.
        #[command(flatten)]
        operator: Operator,
    },
    /// Has a parked file looked through again, such as after its feed's mapping was mended.
    Retry {
        /// Its id.
        id: Uuid,
        /// Who asks.
        #[command(flatten)]
        operator: Operator,
    },
    /// Says that a parked file is settled: somebody has spoken with the office.
    Settle {
        /// Its id.
        id: Uuid,
        /// Who says so.
        #[command(flatten)]
        operator: Operator,
    },
}

/// Most files, and most rows of one, that are listed at once.
const MOST: i64 = 1000;

/// A file, without its name and what it says.
#[derive(Debug, Serialize, sqlx::FromRow)]
struct Listed {
    file_id: Uuid,
    #[sqlx(rename = "center_id")]
    center: String,
    feed: String,
    state: String,
    reason: String,
    detail: String,
    total: i64,
    accepted: i64,
    linked: i64,
    parked: i64,
    refused: i64,
    done_line: i64,
    times: i32,
    #[serde(serialize_with = "instant")]
    received_at: Ts,
}

fn instant<S: serde::Serializer>(at: &Ts, serializer: S) -> Result<S::Ok, S::Error> {
    at.0.serialize(serializer)
}

/// A row that needs somebody, without what it says.
#[derive(Debug, Serialize, sqlx::FromRow)]
struct Row {
    line: i64,
    state: String,
    reason: String,
    remarks: String,
    reference: Option<String>,
    message_id: Option<Uuid>,
}

const COLUMNS: &str = "SELECT file_id, center_id, feed, state, reason, detail, total, accepted, linked, parked, refused, \
    done_line, times, received_at FROM files";

impl PartnerFiles {
    /// Runs the command.
    pub async fn execute(self, common: &Common) -> anyhow::Result<ExitCode> {
        let (_, config) = installation::settings(common)?;
        let pool = installation::machine_pool(&config, "ingestion").await?;
        match self.action {
            Action::List { all } => list(&pool, all, common.json).await,
            Action::Show { id } => show(&pool, id, common.json).await,
            Action::Take { id, operator } => {
                let file = find(&pool, id).await?;
                let request = TakeGoodRowsRequest { center: file.center, file_id: id.to_string() };
                let mut client = IngestionClient::new(operator.ingestion(&config, common)?);
                client.take_good_rows(request).await.context("ask ingestion to take the good rows")?;
                done(common, "taken", id)
            }
            Action::Retry { id, operator } => {
                let file = find(&pool, id).await?;
                let request = RetryFileRequest { center: file.center, file_id: id.to_string() };
                let mut client = IngestionClient::new(operator.ingestion(&config, common)?);
                client.retry_file(request).await.context("ask ingestion to look through the file again")?;
                done(common, "retried", id)
            }
            Action::Settle { id, operator } => {
                let file = find(&pool, id).await?;
                let request = SettleMessagesRequest { center: file.center, message_ids: vec![id.to_string()] };
                let mut client = IngestionClient::new(operator.ingestion(&config, common)?);
                let answer = client.settle_messages(request).await.context("ask ingestion to settle the file")?;
                if answer.into_inner().settled.is_empty() {
                    bail!("the file is {} and does not wait; see 'causeway files show {id}'", file.state);
                }
                done(common, "settled", id)
            }
        }
    }
}

fn done(common: &Common, word: &str, id: Uuid) -> anyhow::Result<ExitCode> {
    match common.json {
        true => println!("{}", serde_json::json!({ word: id })),
        false => println!("{word}"),
    }
    Ok(ExitCode::SUCCESS)
}

async fn find(pool: &PgPool, id: Uuid) -> anyhow::Result<Listed> {
    let sql = format!("{COLUMNS} WHERE file_id = $1");
    let found = sqlx::query_as(sqlx::AssertSqlSafe(sql)).bind(id).fetch_optional(pool).await;
    found.context("look the file up")?.with_context(|| format!("no file {id}; see 'causeway files list --all'"))
}

async fn list(pool: &PgPool, all: bool, json: bool) -> anyhow::Result<ExitCode> {
    let which = if all { "state <> 'receiving'" } else { "state IN ('waiting', 'taking', 'parked')" };
    let sql = format!("{COLUMNS} WHERE {which} ORDER BY file_id DESC LIMIT $1");
    let files: Vec<Listed> =
        sqlx::query_as(sqlx::AssertSqlSafe(sql)).bind(MOST).fetch_all(pool).await.context("read the files")?;
    for file in &files {
        println!("{}", if json { serde_json::to_string(file)? } else { line(file) });
    }
    if files.is_empty() && !json {
        println!("{}", if all { "no file has come" } else { "every file is done" });
    }
    Ok(ExitCode::SUCCESS)
}

fn line(file: &Listed) -> String {
    format!(
        "{} {:<16} {:<20} {:<8} {:<20} rows {:>6}: {} accepted, {} linked, {} parked, {} refused  {:.0}",
        file.file_id,
        file.center,
        file.feed,
        file.state,
        file.reason,
        file.total,
        file.accepted,
        file.linked,
        file.parked,
        file.refused,
        file.received_at.0,
    )
}

async fn show(pool: &PgPool, id: Uuid, json: bool) -> anyhow::Result<ExitCode> {
    let file = find(pool, id).await?;
    let rows: Vec<Row> = sqlx::query_as(
        "SELECT line, file_rows.state, file_rows.reason, remarks, reference, message_id FROM file_rows \
         LEFT JOIN inquiries USING (center_id, inquiry_id) \
         WHERE center_id = $1 AND file_id = $2 AND file_rows.state IN ('parked', 'refused') ORDER BY line LIMIT $3",
    )
    .bind(&file.center)
    .bind(id)
    .bind(MOST)
    .fetch_all(pool)
    .await
    .context("read its rows")?;
    if json {
        println!("{}", serde_json::json!({ "file": file, "rows": rows }));
        return Ok(ExitCode::SUCCESS);
    }
    println!("{}", line(&file));
    if !file.detail.is_empty() {
        println!("    {}", file.detail);
    }
    for row in rows {
        println!("{}", row_line(&row));
    }
    Ok(ExitCode::SUCCESS)
}

fn row_line(row: &Row) -> String {
    let message = row.message_id.map(|id| id.to_string()).unwrap_or_default();
    let reference = row.reference.as_deref().unwrap_or("-");
    format!("line {:>7} {:<8} {:<22} {reference:<12} {message} {}", row.line, row.state, row.reason, row.remarks)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_tells_how_far_a_file_is_and_why_it_waits() {
        let file = Listed {
            file_id: Uuid::from_u128(7),
            center: "harbor-valley".into(),
            feed: "cedar-csv".into(),
            state: "parked".into(),
            reason: "header_unknown".into(),
            detail: "column 3 \"Shoe size\"".into(),
            total: 12,
            accepted: 0,
            linked: 0,
            parked: 0,
            refused: 0,
            done_line: 0,
            times: 1,
            received_at: Ts(jiff::Timestamp::UNIX_EPOCH),
        };
        let text = line(&file);
        for part in ["cedar-csv", "parked", "header_unknown", "rows     12"] {
            assert!(text.contains(part), "{text}");
        }
        assert!(serde_json::to_string(&file).expect("json").contains("\"received_at\":\"1970-01-01T00:00:00Z\""));
    }

    #[test]
    fn a_row_is_told_by_its_line_and_the_message_under_which_it_waits() {
        let row = Row {
            line: 8,
            state: "parked".into(),
            reason: "birth_date_impossible".into(),
            remarks: "birth_date_impossible@birth_date".into(),
            reference: None,
            message_id: Some(Uuid::from_u128(9)),
        };
        let text = row_line(&row);
        assert!(text.contains("line       8") && text.contains("-000000000009"), "{text}");
    }
}
