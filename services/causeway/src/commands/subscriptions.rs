//! What `causeway feeds` tells of subscriptions by FHIR, and how an operator stops one.
//!
//! The list is read from the record as an operator may; where notifications go is sealed and told to nobody. Switching is asked
//! of ingestion, which alone writes its record. Deliberately not here: what a subscriber does itself (ingestion's FHIR door).

use std::process::ExitCode;

use anyhow::{Context as _, bail};
use causeway_mailbox::Ts;
use causeway_proto::inquiry::v1::SwitchSubscriptionRequest;
use causeway_proto::inquiry::v1::ingestion_client::IngestionClient;
use clap::{Args, ValueEnum};
use jiff::Timestamp;
use serde::Serialize;
use uuid::Uuid;

use super::operator::Operator;
use crate::cli::Common;
use crate::installation;

/// Which subscription is switched, and by whom.
#[derive(Debug, Args)]
pub struct Switch {
    /// Off: nothing is sent, and events are counted on. On: after a handshake, all that was not told is sent.
    #[arg(value_enum)]
    pub to: To,
    /// Its id.
    pub id: Uuid,
    /// Who asks.
    #[command(flatten)]
    pub operator: Operator,
}

/// On or off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum To {
    /// It goes on.
    On,
    /// It is stopped.
    Off,
}

/// A subscription as ingestion keeps it.
#[derive(Debug, Serialize)]
struct Standing {
    center: String,
    feed: String,
    subscription_id: Uuid,
    state: String,
    reason: String,
    events: i64,
    delivered: i64,
    failures: i32,
    next_try_at: Option<Timestamp>,
}

type Row = (String, String, Uuid, String, String, i64, i64, i32, Option<Ts>);

/// Lists all of them.
pub async fn list(common: &Common) -> anyhow::Result<ExitCode> {
    let (_, config) = installation::settings(common)?;
    let pool = installation::machine_pool(&config, "ingestion").await?;
    let rows: Vec<Row> = sqlx::query_as(
        "SELECT center_id, feed, subscription_id, state, reason, events, delivered, failures, next_try_at FROM subscriptions \
         ORDER BY center_id, feed, subscription_id",
    )
    .fetch_all(&pool)
    .await
    .context("read the subscriptions")?;
    let standing = |(center, feed, subscription_id, state, reason, events, delivered, failures, next): Row| Standing {
        center,
        feed,
        subscription_id,
        state,
        reason,
        events,
        delivered,
        failures,
        next_try_at: next.map(|at| at.0),
    };
    let all: Vec<Standing> = rows.into_iter().map(standing).collect();
    for one in &all {
        println!("{}", if common.json { serde_json::to_string(one)? } else { line(one) });
    }
    if all.is_empty() && !common.json {
        println!("no feed has subscribed");
    }
    Ok(ExitCode::SUCCESS)
}

fn line(one: &Standing) -> String {
    let next = one.next_try_at.map_or_else(|| "nothing due".to_owned(), |at| format!("next {at:.0}"));
    let failed = if one.failures > 0 { format!(", {} failed", one.failures) } else { String::new() };
    format!(
        "{} {:<20} {:<24} {:<9} {:>6} of {} told{failed}, {next} {}",
        one.subscription_id, one.center, one.feed, one.state, one.delivered, one.events, one.reason
    )
}

impl Switch {
    /// Runs the command.
    pub async fn execute(self, common: &Common) -> anyhow::Result<ExitCode> {
        let (_, config) = installation::settings(common)?;
        let pool = installation::machine_pool(&config, "ingestion").await?;
        let center: Option<String> =
            sqlx::query_scalar("SELECT center_id FROM subscriptions WHERE subscription_id = $1")
                .bind(self.id)
                .fetch_optional(&pool)
                .await
                .context("look the subscription up")?;
        let Some(center) = center else {
            bail!("there is no subscription {}; see 'causeway feeds subscriptions'", self.id);
        };
        let request = SwitchSubscriptionRequest { center, subscription_id: self.id.to_string(), on: self.to == To::On };
        let channel = self.operator.ingestion(&config, common)?;
        let answer = IngestionClient::new(channel).switch_subscription(request).await;
        let answer = answer.context("ask ingestion to switch the subscription")?.into_inner();
        let state = answer.subscription.map(|one| one.state).unwrap_or_default();
        if common.json {
            println!("{}", serde_json::json!({ "subscription_id": self.id, "state": state }));
        } else {
            println!("{} is {state}", self.id);
        }
        Ok(ExitCode::SUCCESS)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_tells_how_far_a_subscription_is_and_why_it_stands_still() {
        let one = Standing {
            center: "lakeside".into(),
            feed: "lake-fhir".into(),
            subscription_id: Uuid::nil(),
            state: "error".into(),
            reason: "too_slow".into(),
            events: 9,
            delivered: 4,
            failures: 14,
            next_try_at: None,
        };
        let text = line(&one);
        for part in ["error", "4 of 9 told, 14 failed, nothing due too_slow"] {
            assert!(text.contains(part), "{text}");
        }
    }
}
