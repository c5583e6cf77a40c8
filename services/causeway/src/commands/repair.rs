//! What `causeway messages` asks of ingestion about one message or many: show it, try it again, put it to its inquiry, set it aside.
//!
//! What a message says is printed only with `--raw`, for a stated purpose that is written down. Deliberately not here: the list
//! (messages), and mending a message's fields, for which there is a page.

use std::collections::BTreeMap;
use std::process::ExitCode;

use anyhow::{Context as _, bail};
use causeway_proto::inquiry::v1::ingestion_client::IngestionClient;
use causeway_proto::inquiry::v1::{
    AssignMessageRequest, OpenRepairRequest, RepairOutcome, RetryRepairsRequest, SetAsideRepairsRequest,
};
use causeway_runtime::RuntimeConfig;
use clap::{Args, ValueEnum};
use uuid::Uuid;

use super::operator::Operator;
use crate::cli::Common;
use crate::installation;

/// Which message is shown, and why.
#[derive(Debug, Args)]
pub struct Show {
    /// Its id.
    pub id: Uuid,
    /// All that it says, which ties a person to their health.
    #[arg(long)]
    pub raw: bool,
    /// Why you look: written to the audit log.
    #[arg(long, value_enum)]
    pub purpose: Purpose,
    /// Who asks.
    #[command(flatten)]
    pub operator: Operator,
}

/// Why somebody looks.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum Purpose {
    /// To mend the message.
    Repair,
    /// To mend the mapping of its feed.
    Mapping,
}

/// Which messages are tried again.
#[derive(Debug, Args)]
pub struct Retry {
    /// Their ids.
    #[arg(required_unless_present = "center")]
    pub ids: Vec<Uuid>,
    /// All of a center that come from --feed or wait for --reason.
    #[arg(long, conflicts_with = "ids", value_name = "CENTER")]
    pub center: Option<String>,
    /// Of this feed.
    #[arg(long, requires = "center")]
    pub feed: Option<String>,
    /// For this reason, as the list names it.
    #[arg(long, requires = "center")]
    pub reason: Option<String>,
    /// Those that were refused instead of those that wait.
    #[arg(long, requires = "center")]
    pub refused: bool,
    /// Who asks.
    #[command(flatten)]
    pub operator: Operator,
}

/// Which message is put to which inquiry.
#[derive(Debug, Args)]
pub struct Assign {
    /// Its id.
    pub id: Uuid,
    /// Request number of the inquiry, such as HV-7K4M-2Q.
    pub reference: String,
    /// It is meant, although the message names another patient than the inquiry.
    #[arg(long)]
    pub confirmed: bool,
    /// Who says so.
    #[command(flatten)]
    pub operator: Operator,
}

/// Which messages are set aside, and why.
#[derive(Debug, Args)]
pub struct SetAside {
    /// Their ids.
    #[arg(required = true)]
    pub ids: Vec<Uuid>,
    /// Why.
    #[arg(long, value_enum)]
    pub reason: Reason,
    /// Who says so.
    #[command(flatten)]
    pub operator: Operator,
}

/// Why something is set aside.
#[derive(Debug, Clone, Copy, ValueEnum)]
#[value(rename_all = "snake_case")]
pub enum Reason {
    /// It was sent as a test.
    TestMessage,
    /// Another one says the same.
    Duplicate,
    /// It is for somebody else.
    NotOurs,
    /// Its person was entered by another way.
    EnteredOtherwise,
}

/// What waits is shown as it came, up to 50 MiB of a partner's message, which may stand beside another one and be longer as UTF-8.
pub(super) const LONGEST: usize = 512 * 1024 * 1024;
/// Messages of one call; ingestion takes no more at once.
const RETRIED_AT_ONCE: usize = 50;
const SET_ASIDE_AT_ONCE: usize = 200;

/// A value by its name.
pub fn word(value: impl ValueEnum) -> String {
    value.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
}

/// The centers of messages. All must be known, or nothing is done.
pub async fn centers(config: &RuntimeConfig, ids: &[Uuid]) -> anyhow::Result<BTreeMap<String, Vec<String>>> {
    let pool = installation::machine_pool(config, "ingestion").await?;
    let rows: Vec<(String, Uuid)> =
        sqlx::query_as("SELECT center_id, message_id FROM messages WHERE message_id = ANY($1)")
            .bind(ids)
            .fetch_all(&pool)
            .await
            .context("look the messages up")?;
    let unknown: Vec<String> =
        ids.iter().filter(|id| !rows.iter().any(|(_, known)| known == *id)).map(Uuid::to_string).collect();
    if !unknown.is_empty() {
        bail!("no message has the id {}; see 'causeway messages list'", unknown.join(", "));
    }
    let mut by_center: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (center, id) in rows {
        by_center.entry(center).or_default().push(id.to_string());
    }
    Ok(by_center)
}

impl Show {
    /// Shows a message.
    pub async fn execute(self, config: &RuntimeConfig, common: &Common) -> anyhow::Result<ExitCode> {
        let by_center = centers(config, &[self.id]).await?;
        let (center, _) = by_center.into_iter().next().context("find the message's center")?;
        let request =
            OpenRepairRequest { center, kind: "message".into(), id: self.id.to_string(), purpose: word(self.purpose) };
        let channel = self.operator.ingestion(config, common)?;
        let mut client = IngestionClient::new(channel).max_decoding_message_size(LONGEST);
        let answer = client.open_repair(request).await.context("ask ingestion for the message")?;
        let shown = answer.into_inner();
        let row = shown.row.unwrap_or_default();
        if common.json {
            let faults: Vec<_> = shown
                .faults
                .iter()
                .map(|fault| serde_json::json!({ "place": fault.place, "message": fault.message }))
                .collect();
            let mut told = serde_json::json!({
                "id": row.id, "feed": row.feed, "kind": row.message_kind, "reason": row.reason, "times": row.times,
                "reference": row.reference, "faults": faults, "may_retry": shown.may_retry,
                "may_assign": shown.may_assign, "is_other_patient": shown.is_other_patient, "is_erased": shown.is_erased,
                "candidates": shown.candidates.iter().map(|one| one.reference.clone()).collect::<Vec<_>>(),
            });
            if self.raw {
                told["raw"] = shown.raw.into();
            }
            println!("{told}");
            return Ok(ExitCode::SUCCESS);
        }
        println!("{} {} {} {} {}x", row.id, row.feed, row.message_kind, row.reason, row.times);
        for fault in &shown.faults {
            println!("  {:<16} {}", fault.place, fault.message);
        }
        for step in &shown.steps {
            println!("  {} by {}: {}", step.step, step.actor, step.outcome);
        }
        if shown.is_erased {
            println!("  what it said is erased, as the center's retention says");
        }
        if shown.is_other_patient {
            println!(
                "  it names another patient than its inquiry; its documents wait until it is assigned or set aside"
            );
        }
        for one in &shown.candidates {
            println!("  it may be of {}: {}", one.reference, one.because);
        }
        if shown.may_assign && (!shown.may_release || shown.is_other_patient) {
            println!("  to put it to an inquiry: causeway messages assign {} REFERENCE", row.id);
        }
        if shown.may_retry {
            println!("  it would be taken now: causeway messages retry {}", row.id);
        }
        if self.raw {
            println!("{}", shown.raw.replace('\r', "\n"));
        }
        Ok(ExitCode::SUCCESS)
    }
}

impl Retry {
    /// Tries messages again. Exit code 1 where some still wait.
    pub async fn execute(self, config: &RuntimeConfig, common: &Common) -> anyhow::Result<ExitCode> {
        let mut client = IngestionClient::new(self.operator.ingestion(config, common)?);
        let mut tally = Tally::default();
        for (center, ids) in centers(config, &self.ids).await? {
            for some in ids.chunks(RETRIED_AT_ONCE) {
                let request = RetryRepairsRequest { center: center.clone(), ids: some.to_vec(), ..Default::default() };
                let answer = client.retry_repairs(request).await.context("ask ingestion to try messages again")?;
                tally.add(common, answer.into_inner().outcomes)?;
            }
        }
        if let Some(center) = self.center {
            let mut request = RetryRepairsRequest {
                center,
                view: if self.refused { "refused".into() } else { "waiting".into() },
                feed: self.feed.unwrap_or_default(),
                reason: self.reason.unwrap_or_default(),
                ..Default::default()
            };
            loop {
                let answer = client.retry_repairs(request.clone()).await;
                let answer = answer.context("ask ingestion to try messages again")?.into_inner();
                tally.add(common, answer.outcomes)?;
                if answer.next_page_token.is_empty() {
                    break;
                }
                eprintln!("{} tried, {} taken", tally.tried, tally.taken);
                request.page_token = answer.next_page_token;
            }
        }
        if !common.json {
            println!("{} tried, {} taken, {} wait on", tally.tried, tally.taken, tally.waiting);
        }
        Ok(if tally.waiting == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}

/// What became of those that were tried.
#[derive(Default)]
struct Tally {
    tried: usize,
    taken: usize,
    waiting: usize,
}

impl Tally {
    fn add(&mut self, common: &Common, outcomes: Vec<RepairOutcome>) -> anyhow::Result<()> {
        for one in outcomes {
            self.tried += 1;
            match one.outcome.as_str() {
                "accepted" | "known" | "arrived_again" => self.taken += 1,
                "not_waiting" => {}
                _ => self.waiting += 1,
            }
            if common.json {
                let told = serde_json::json!({ "id": one.id, "outcome": one.outcome, "reference": one.reference });
                println!("{}", serde_json::to_string(&told)?);
            } else {
                println!("{} {:<22} {}", one.id, one.outcome, one.reference);
            }
        }
        Ok(())
    }
}

impl Assign {
    /// Puts a message to an inquiry. Exit code 1 where nothing was done.
    pub async fn execute(self, config: &RuntimeConfig, common: &Common) -> anyhow::Result<ExitCode> {
        let by_center = centers(config, &[self.id]).await?;
        let (center, _) = by_center.into_iter().next().context("find the message's center")?;
        let request = AssignMessageRequest {
            center,
            message_id: self.id.to_string(),
            reference: self.reference,
            confirmed: self.confirmed,
        };
        let mut client = IngestionClient::new(self.operator.ingestion(config, common)?);
        let answer = client.assign_message(request).await.context("ask ingestion to put the message to its inquiry")?;
        let outcome = answer.into_inner();
        if common.json {
            println!("{}", serde_json::json!({ "outcome": outcome.outcome, "reference": outcome.reference }));
        } else {
            println!("{}", assigned(&outcome));
        }
        let is_done = !["other_patient", "not_waiting"].contains(&outcome.outcome.as_str());
        Ok(if is_done { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}

/// What became of a message that was to be put to an inquiry.
fn assigned(outcome: &RepairOutcome) -> String {
    let number = &outcome.reference;
    match outcome.outcome.as_str() {
        "assigned" => format!("put to {number}, with its documents"),
        "not_waiting" => "it does not wait any more".to_owned(),
        "other_patient" => {
            format!(
                "nothing was done: it names another patient than {number}; with --confirmed it is put there all the same"
            )
        }
        reason => format!("put to {number}, where it waits: {reason}"),
    }
}

impl SetAside {
    /// Sets messages aside.
    pub async fn execute(self, config: &RuntimeConfig, common: &Common) -> anyhow::Result<ExitCode> {
        let mut client = IngestionClient::new(self.operator.ingestion(config, common)?);
        let (mut done, mut not_waiting) = (Vec::new(), Vec::new());
        for (center, ids) in centers(config, &self.ids).await? {
            for some in ids.chunks(SET_ASIDE_AT_ONCE) {
                let request = SetAsideRepairsRequest {
                    center: center.clone(),
                    kind: "message".into(),
                    ids: some.to_vec(),
                    reason: word(self.reason),
                };
                let answer = client.set_aside_repairs(request).await.context("ask ingestion to set messages aside")?;
                let answer = answer.into_inner();
                done.extend(answer.set_aside);
                not_waiting.extend(answer.not_waiting);
            }
        }
        if common.json {
            println!("{}", serde_json::json!({ "set_aside": done, "not_waiting": not_waiting }));
        } else {
            println!("{} set aside, {} did not wait any more", done.len(), not_waiting.len());
        }
        Ok(ExitCode::SUCCESS)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_nothing_was_done_it_is_said_how_it_is_meant_all_the_same() {
        let outcome =
            |word: &str| RepairOutcome { outcome: word.into(), reference: "HV-1".into(), ..Default::default() };
        assert_eq!(assigned(&outcome("assigned")), "put to HV-1, with its documents");
        assert!(assigned(&outcome("other_patient")).contains("--confirmed"));
        assert!(assigned(&outcome("referral_modified")).ends_with("where it waits: referral_modified"));
    }

    #[test]
    fn reasons_and_purposes_are_the_words_that_ingestion_knows() {
        let reasons: Vec<String> = Reason::value_variants().iter().copied().map(word).collect();
        assert_eq!(reasons, ["test_message", "duplicate", "not_ours", "entered_otherwise"]);
        assert_eq!([word(Purpose::Repair), word(Purpose::Mapping)], ["repair", "mapping"]);
    }
}
