//! `causeway messages`: what partner systems sent that waits for a person, and what was refused.
//!
//! An acknowledged message that nobody looks at would be accepted and silently gone, so it is counted, alerted on, and listed
//! here until somebody says that it is settled, has it tried again, or sets it aside (repair), which is asked of ingestion.
//! The list names nobody: the message itself stays sealed. Deliberately not here: what a message means (ingestion), and the
//! person (the portal, by the request number).

use std::process::ExitCode;

use anyhow::{Context as _, bail};
use causeway_mailbox::Ts;
use causeway_proto::inquiry::v1::SettleMessagesRequest;
use causeway_proto::inquiry::v1::ingestion_client::IngestionClient;
use causeway_runtime::RuntimeConfig;
use clap::{Args, Subcommand};
use jiff::Timestamp;
use serde::Serialize;
use uuid::Uuid;

use super::operator::Operator;
use super::repair;
use super::unaddressed::Unaddressed;
use crate::cli::Common;
use crate::installation;

/// Lists messages of partner systems that wait for a person, and takes them off the list.
#[derive(Debug, Args)]
pub struct Messages {
    /// What to do.
    #[command(subcommand)]
    pub action: Action,
}

/// What can be done with messages of partner systems.
#[derive(Debug, Subcommand)]
pub enum Action {
    /// Lists what waits, oldest first: center, feed, kind, why, how often it came, and the request number it is about.
    List {
        /// Those that were refused, which their senders were told to mend, instead of those that wait.
        #[arg(long)]
        refused: bool,
        /// Which of them.
        #[command(flatten)]
        of: Of,
    },
    /// Shows one: why it waits, at which place, and what was done about it. Names nobody without --raw.
    Show(repair::Show),
    /// Tries messages again by the profile in force, such as after a feed's mapping was mended.
    Retry(repair::Retry),
    /// Puts a message to the inquiry that it is about: its documents go there at once, and what it asks for waits there.
    Assign(repair::Assign),
    /// Takes messages off the list that lead to nothing, with the reason.
    SetAside(repair::SetAside),
    /// Frames that belong to nobody: of an unknown sender, for an unknown center, without a header, cut or too long.
    Unaddressed(Unaddressed),
    /// Says that messages are settled: somebody has done what they ask for.
    Settle {
        /// Their ids.
        #[arg(required = true)]
        ids: Vec<Uuid>,
        /// Who says so.
        #[command(flatten)]
        operator: Operator,
    },
}

/// Messages settled by one call; ingestion takes no more at once.
const AT_ONCE: usize = 200;
/// Most that are listed at once.
const MOST: i64 = 1000;

/// A message, without what it says.
#[derive(Debug, Serialize)]
struct Listed {
    message_id: Uuid,
    center: String,
    feed: String,
    kind: String,
    reason: String,
    times: i32,
    received_at: Timestamp,
    reference: Option<String>,
}

type Row = (Uuid, String, String, String, String, i32, Ts, Option<String>);

impl Messages {
    /// Runs the command.
    pub async fn execute(self, common: &Common) -> anyhow::Result<ExitCode> {
        let (_, config) = installation::settings(common)?;
        match self.action {
            Action::List { refused, of } => list(&config, (refused, of), common.json).await,
            Action::Show(show) => show.execute(&config, common).await,
            Action::Retry(retry) => retry.execute(&config, common).await,
            Action::Assign(assign) => assign.execute(&config, common).await,
            Action::Unaddressed(unaddressed) => unaddressed.execute(&config, common).await,
            Action::SetAside(aside) => aside.execute(&config, common).await,
            Action::Settle { ids, operator } => settle(&config, common, &ids, &operator).await,
        }
    }
}

/// Which of them are listed; empty: all.
#[derive(Debug, Args)]
pub struct Of {
    /// Only those of this center.
    #[arg(long, value_name = "CENTER", default_value = "", hide_default_value = true)]
    center: String,
    /// Only those of this feed.
    #[arg(long, value_name = "FEED", default_value = "", hide_default_value = true)]
    feed: String,
    /// Only those that wait, or were refused, for this reason.
    #[arg(long, value_name = "REASON", default_value = "", hide_default_value = true)]
    reason: String,
}

async fn list(config: &RuntimeConfig, (refused, of): (bool, Of), json: bool) -> anyhow::Result<ExitCode> {
    let pool = installation::machine_pool(config, "ingestion").await?;
    let rows: Vec<Row> = sqlx::query_as(
        "SELECT message_id, center_id, feed, kind, reason, times, messages.received_at, reference FROM messages \
         LEFT JOIN inquiries USING (center_id, inquiry_id) WHERE state = $1 AND closed_at IS NULL \
            AND ($3 = '' OR center_id = $3) AND ($4 = '' OR feed = $4) AND ($5 = '' OR reason = $5) \
         ORDER BY messages.received_at LIMIT $2",
    )
    .bind(if refused { "refused" } else { "parked" })
    .bind(MOST + 1)
    .bind(of.center)
    .bind(of.feed)
    .bind(of.reason)
    .fetch_all(&pool)
    .await
    .context("read the messages of partner systems")?;
    let most = usize::try_from(MOST).unwrap_or_default();
    for (message_id, center, feed, kind, reason, times, at, reference) in rows.iter().take(most).cloned() {
        let one = Listed { message_id, center, feed, kind, reason, times, received_at: at.0, reference };
        if json {
            println!("{}", serde_json::to_string(&one)?);
        } else {
            println!("{}", line(&one));
        }
    }
    if rows.len() > most {
        eprintln!(
            "causeway: these are the oldest {MOST}, and there are more; --center, --feed and --reason narrow the list"
        );
    }
    if rows.is_empty() && !json {
        println!("{}", if refused { "nothing was refused" } else { "nothing waits" });
    }
    Ok(ExitCode::SUCCESS)
}

fn line(one: &Listed) -> String {
    format!(
        "{} {:<16} {:<20} {:<8} {:<22} {:>3}x {:.0} {}",
        one.message_id,
        one.center,
        one.feed,
        one.kind,
        one.reason,
        one.times,
        one.received_at,
        one.reference.as_deref().unwrap_or("-")
    )
}

async fn settle(
    config: &RuntimeConfig,
    common: &Common,
    ids: &[Uuid],
    operator: &Operator,
) -> anyhow::Result<ExitCode> {
    let by_center = repair::centers(config, ids).await?;
    let channel = operator.ingestion(config, common)?;
    let (mut settled, mut other_patient, mut not_opened) = (Vec::new(), Vec::new(), Vec::new());
    for (center, message_ids) in by_center {
        for some in message_ids.chunks(AT_ONCE) {
            let request = SettleMessagesRequest { center: center.clone(), message_ids: some.to_vec() };
            let answer = IngestionClient::new(channel.clone()).settle_messages(request).await;
            let answer = answer.with_context(|| format!("ask ingestion to settle messages of {center}"))?;
            let answer = answer.into_inner();
            settled.extend(answer.settled);
            other_patient.extend(answer.other_patient);
            not_opened.extend(answer.not_opened);
        }
    }
    if !not_opened.is_empty() {
        bail!(
            "{} settled; {} could not be opened to compare their patient, and wait: restore the master.key that sealed them, or set \
             them aside",
            settled.len(),
            not_opened.join(", ")
        );
    }
    if !other_patient.is_empty() {
        bail!(
            "{} settled; documents of {} are about another patient than their inquiry: put each to its own with 'causeway messages \
             assign', or set it aside",
            settled.len(),
            other_patient.join(", ")
        );
    }
    let waits_not = |id: &&Uuid| !settled.contains(&id.to_string());
    let unknown: Vec<String> = ids.iter().filter(waits_not).map(Uuid::to_string).collect();
    if !unknown.is_empty() {
        bail!("{} settled; no message waits under {}", settled.len(), unknown.join(", "));
    }
    if common.json {
        println!("{}", serde_json::json!({ "settled": settled }));
    } else {
        println!("{} settled", settled.len());
    }
    Ok(ExitCode::SUCCESS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_tells_where_a_message_came_from_why_it_waits_and_what_it_is_about() {
        let one = Listed {
            message_id: Uuid::from_u128(7),
            center: "harbor-valley".into(),
            feed: "cedar-hl7".into(),
            kind: "REF^I14".into(),
            reason: "referral_cancelled".into(),
            times: 2,
            received_at: Timestamp::UNIX_EPOCH,
            reference: Some("HV-7F3K2".into()),
        };
        let line = line(&one);
        for part in ["cedar-hl7", "REF^I14", "referral_cancelled", "2x", "HV-7F3K2"] {
            assert!(line.contains(part), "{line}");
        }
    }
}
