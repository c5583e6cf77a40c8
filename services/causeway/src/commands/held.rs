//! `causeway held`: inquiries that were accepted and not handed on, because a machine seems to have sent them. A person
//! looks at them, releases what is none of a machine's, and says of the rest that it is spam.
//!
//! The list is read from the record as an operator may; it names nobody. Releasing is asked of ingestion, which alone
//! writes its record. Deliberately not here: what is held (ingestion's checks) and who the person is (the portal).

use std::collections::{BTreeMap, BTreeSet};
use std::process::ExitCode;

use anyhow::{Context as _, bail};
use causeway_mailbox::Ts;
use causeway_proto::inquiry::v1::ingestion_client::IngestionClient;
use causeway_proto::inquiry::v1::{MarkSpamRequest, ReleaseHeldRequest};
use causeway_runtime::RuntimeConfig;
use clap::{Args, Subcommand};
use jiff::Timestamp;
use serde::Serialize;
use uuid::Uuid;

use super::operator::Operator;
use crate::cli::Common;
use crate::installation;

/// Lists and releases inquiries that wait for a person because a machine seems to have sent them.
#[derive(Debug, Args)]
pub struct Held {
    /// What to do.
    #[command(subcommand)]
    pub action: Action,
}

/// What can be done with held inquiries.
#[derive(Debug, Subcommand)]
pub enum Action {
    /// Lists held inquiries of all centers, oldest first.
    List(List),
    /// Hands inquiries on as if they had just been accepted.
    Release(Release),
    /// Says that inquiries are a machine's: they stay held, and are off the list.
    Spam(Spam),
}

/// Which of those that are held.
#[derive(Debug, Args)]
pub struct List {
    /// Those of which a person said that they are spam: released, one goes on like any other.
    #[arg(long)]
    pub spam: bool,
}

/// Which inquiries are spam, and who says so.
#[derive(Debug, Args)]
pub struct Spam {
    /// Their ids.
    #[arg(required = true)]
    pub ids: Vec<Uuid>,
    /// Why: advertising, test, abuse or other.
    #[arg(long, default_value = "advertising", value_parser = ["advertising", "test", "abuse", "other"])]
    pub reason: String,
    /// Who says so.
    #[command(flatten)]
    pub operator: Operator,
}

/// Which inquiries are released, and by whom.
#[derive(Debug, Args)]
pub struct Release {
    /// Their ids.
    #[arg(required_unless_present = "all")]
    pub ids: Vec<Uuid>,
    /// All that are held.
    #[arg(long, conflicts_with = "ids")]
    pub all: bool,
    /// Who asks.
    #[command(flatten)]
    pub operator: Operator,
}

/// Inquiries released by one call; ingestion takes no more at once.
const AT_ONCE: usize = 200;

/// A held inquiry, without the person.
#[derive(Debug, Clone, Serialize)]
struct Waiting {
    inquiry_id: Uuid,
    center: String,
    reference: String,
    received_at: Timestamp,
    consult_type: String,
    /// What looks like a machine's.
    signs: Vec<String>,
}

/// What became of those to release.
#[derive(Debug, Default, Serialize)]
struct Done {
    released: Vec<String>,
    not_held: Vec<String>,
}

impl Held {
    /// Runs the command.
    pub async fn execute(self, common: &Common) -> anyhow::Result<ExitCode> {
        let (_, config) = installation::settings(common)?;
        match self.action {
            Action::List(list) => self::list(&config, &list, common.json).await,
            Action::Release(release) => release.execute(&config, common).await,
            Action::Spam(spam) => spam.execute(&config, common).await,
        }
    }
}

async fn list(config: &RuntimeConfig, of: &List, json: bool) -> anyhow::Result<ExitCode> {
    let found = held(config, if of.spam { "spam" } else { WAITING }).await?;
    for one in &found {
        if json {
            println!("{}", serde_json::to_string(one)?);
        } else {
            println!(
                "{} {:<20} {:<14} {:.0} {:<18} {}",
                one.inquiry_id,
                one.center,
                one.reference,
                one.received_at,
                one.consult_type,
                one.signs.join(" ")
            );
        }
    }
    if found.is_empty() && !json {
        println!("{}", if of.spam { "nothing is held as spam" } else { "nothing is held" });
    }
    Ok(ExitCode::SUCCESS)
}

/// Outcome of what nobody has said anything of yet.
const WAITING: &str = "";

/// What is held, by what was said of it.
async fn held(config: &RuntimeConfig, outcome: &str) -> anyhow::Result<Vec<Waiting>> {
    let pool = installation::machine_pool(config, "ingestion").await?;
    let rows: Vec<(Uuid, String, String, Ts, String, Vec<String>)> = sqlx::query_as(
        "SELECT inquiry_id, center_id, reference, received_at, consult_type, signs \
         FROM inquiries JOIN held_inquiries USING (center_id, inquiry_id) WHERE held AND outcome = $1 \
         ORDER BY center_id, received_at, inquiry_id",
    )
    .bind(outcome)
    .fetch_all(&pool)
    .await
    .context("read what is held")?;
    let waiting = |(inquiry_id, center, reference, at, consult_type, signs): (_, _, _, Ts, _, _)| Waiting {
        inquiry_id,
        center,
        reference,
        received_at: at.0,
        consult_type,
        signs,
    };
    Ok(rows.into_iter().map(waiting).collect())
}

impl Release {
    async fn execute(self, config: &RuntimeConfig, common: &Common) -> anyhow::Result<ExitCode> {
        let by_center =
            if self.all { every(held(config, WAITING).await?) } else { centers_of(config, &self.ids).await? };
        let channel = self.operator.ingestion(config, common)?;
        let mut done = Done::default();
        for (center, ids) in by_center {
            for some in ids.chunks(AT_ONCE) {
                let inquiry_ids = some.iter().map(Uuid::to_string).collect();
                let request = ReleaseHeldRequest { center: center.clone(), inquiry_ids };
                let answer = IngestionClient::new(channel.clone()).release_held(request).await;
                let answer = answer.with_context(|| format!("ask ingestion to release inquiries of {center}"))?;
                let answer = answer.into_inner();
                done.released.extend(answer.released);
                done.not_held.extend(answer.not_held);
            }
        }
        if common.json {
            println!("{}", serde_json::to_string(&done)?);
        } else {
            println!("{} released, {} were not held any more", done.released.len(), done.not_held.len());
        }
        Ok(ExitCode::SUCCESS)
    }
}

impl Spam {
    async fn execute(self, config: &RuntimeConfig, common: &Common) -> anyhow::Result<ExitCode> {
        let channel = self.operator.ingestion(config, common)?;
        let (mut marked, mut not_held) = (Vec::new(), Vec::new());
        for (center, ids) in centers_of(config, &self.ids).await? {
            for some in ids.chunks(AT_ONCE) {
                let inquiry_ids = some.iter().map(Uuid::to_string).collect();
                let request = MarkSpamRequest { center: center.clone(), inquiry_ids, reason: self.reason.clone() };
                let answer = IngestionClient::new(channel.clone()).mark_spam(request).await;
                let answer = answer.with_context(|| format!("tell ingestion what is spam at {center}"))?.into_inner();
                marked.extend(answer.marked);
                not_held.extend(answer.not_held);
            }
        }
        if common.json {
            println!("{}", serde_json::json!({ "marked": marked, "not_held": not_held }));
        } else {
            println!("{} are spam, {} did not wait any more", marked.len(), not_held.len());
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn every(waiting: Vec<Waiting>) -> BTreeMap<String, Vec<Uuid>> {
    let mut by_center: BTreeMap<String, Vec<Uuid>> = BTreeMap::new();
    for one in waiting {
        by_center.entry(one.center).or_default().push(one.inquiry_id);
    }
    by_center
}

/// The centers of inquiries. All must be known, or nothing is released.
async fn centers_of(config: &RuntimeConfig, ids: &[Uuid]) -> anyhow::Result<BTreeMap<String, Vec<Uuid>>> {
    let pool = installation::machine_pool(config, "ingestion").await?;
    let rows: Vec<(String, Uuid)> =
        sqlx::query_as("SELECT center_id, inquiry_id FROM inquiries WHERE inquiry_id = ANY($1)")
            .bind(ids)
            .fetch_all(&pool)
            .await
            .context("look the inquiries up")?;
    let known: BTreeSet<Uuid> = rows.iter().map(|(_, id)| *id).collect();
    let unknown: Vec<String> = ids.iter().filter(|id| !known.contains(id)).map(Uuid::to_string).collect();
    if !unknown.is_empty() {
        bail!("no inquiry was accepted under {}; see 'causeway held list'", unknown.join(", "));
    }
    let mut by_center: BTreeMap<String, Vec<Uuid>> = BTreeMap::new();
    for (center, id) in rows {
        by_center.entry(center).or_default().push(id);
    }
    Ok(by_center)
}
