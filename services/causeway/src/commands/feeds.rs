//! `causeway feeds`: which partners' feeds send as usual, who subscribes to what became of referrals, and keys for new ones.
//!
//! What is told of a feed is how much comes and when; nothing of a person. Deliberately not here: what is usual (ingestion),
//! and what a feed is (its center's feeds.toml).

use std::process::ExitCode;

use anyhow::Context as _;
use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::rand;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use causeway_mailbox::Ts;
use clap::{Args, Subcommand};
use jiff::Timestamp;
use serde::Serialize;

use super::subscriptions;
use crate::cli::Common;
use crate::installation;

/// Tells which partners' feeds send as usual and how their subscriptions stand, and makes keys.
#[derive(Debug, Args)]
pub struct Feeds {
    /// What to do.
    #[command(subcommand)]
    pub action: Action,
}

/// What can be done with feeds.
#[derive(Debug, Subcommand)]
pub enum Action {
    /// Lists feeds: the last message, how many came in the hour before the last look and how many are usual, and since when a
    /// feed is quiet, floods us or repeats itself.
    List,
    /// Lists the last incidents, the newest first: when a feed went quiet, flooded us or sent one message again and again, and
    /// until when.
    Incidents,
    /// Lists subscriptions by FHIR: state, how many events there are and how many were told, and why one stands still.
    Subscriptions,
    /// Stops a subscription, or lets it go on.
    Switch(subscriptions::Switch),
    /// Makes a key for an office, and prints it once, with its digest for feeds.toml.
    Key,
}

/// Most incidents that are listed.
const MOST: i64 = 200;
/// Random bytes of a key.
const KEY_BYTES: usize = 32;

/// A feed as ingestion sees it.
#[derive(Debug, Serialize)]
struct Seen {
    center: String,
    feed: String,
    state: String,
    since: Option<Timestamp>,
    last_at: Option<Timestamp>,
    seen: i32,
    expected: Option<f64>,
    missed: f64,
    looked_at: Timestamp,
}

/// An incident.
#[derive(Debug, Serialize)]
struct Incident {
    center: String,
    feed: String,
    kind: String,
    opened_at: Timestamp,
    closed_at: Option<Timestamp>,
    seen: i32,
    expected: f64,
}

/// A key, as it is shown once.
#[derive(Debug, Serialize)]
struct NewKey {
    key: String,
    key_sha256: String,
}

impl Feeds {
    /// Runs the command.
    pub async fn execute(self, common: &Common) -> anyhow::Result<ExitCode> {
        match self.action {
            Action::Key => key(common.json),
            Action::List => list(common).await,
            Action::Incidents => incidents(common).await,
            Action::Subscriptions => subscriptions::list(common).await,
            Action::Switch(switch) => switch.execute(common).await,
        }
    }
}

fn key(json: bool) -> anyhow::Result<ExitCode> {
    let mut bytes = [0; KEY_BYTES];
    rand::fill(&mut bytes).context("take random bytes")?;
    let made = new_key(&bytes);
    if json {
        println!("{}", serde_json::to_string(&made)?);
    } else {
        println!("key, for the office alone, by a safe way: {}", made.key);
        println!("for the feed in feeds.toml: key_sha256 = \"{}\"", made.key_sha256);
        println!("While the office changes its key, write it as next_key_sha256: both are taken.");
    }
    Ok(ExitCode::SUCCESS)
}

fn new_key(bytes: &[u8]) -> NewKey {
    let key = URL_SAFE_NO_PAD.encode(bytes);
    let key_sha256 = hex::encode(digest(&SHA256, key.as_bytes()));
    NewKey { key, key_sha256 }
}

type SeenRow = (String, String, Option<String>, Option<Ts>, Option<Ts>, i32, Option<f64>, f64, Ts);

async fn list(common: &Common) -> anyhow::Result<ExitCode> {
    let (_, config) = installation::settings(common)?;
    let pool = installation::machine_pool(&config, "ingestion").await?;
    let rows: Vec<SeenRow> = sqlx::query_as(
        "SELECT center_id, feed, kind, opened_at, last_at, feed_states.seen, feed_states.expected, missed, looked_at \
         FROM feed_states LEFT JOIN feed_incidents USING (center_id, feed) \
         WHERE closed_at IS NULL ORDER BY center_id, feed",
    )
    .fetch_all(&pool)
    .await
    .context("read the feeds")?;
    let seen = |(center, feed, kind, since, last_at, seen, expected, missed, looked_at): SeenRow| Seen {
        state: kind.unwrap_or_else(|| if expected.is_some() { "as usual" } else { "not known yet" }.to_owned()),
        center,
        feed,
        since: since.map(|at| at.0),
        last_at: last_at.map(|at| at.0),
        seen,
        expected,
        missed,
        looked_at: looked_at.0,
    };
    let feeds: Vec<Seen> = rows.into_iter().map(seen).collect();
    for feed in &feeds {
        println!("{}", if common.json { serde_json::to_string(feed)? } else { line(feed) });
    }
    if feeds.is_empty() && !common.json {
        println!("no feed was looked at yet; ingestion looks once a minute");
    }
    Ok(ExitCode::SUCCESS)
}

fn line(feed: &Seen) -> String {
    let last = feed.last_at.map_or_else(|| "never".to_owned(), |at| format!("{at:.0}"));
    let usual = feed.expected.map_or_else(|| "?".to_owned(), |usual| format!("{usual:.1}"));
    let since = feed.since.map(|at| format!(" since {at:.0}, {:.0} missed", feed.missed)).unwrap_or_default();
    format!(
        "{:<20} {:<24} last {last:<20}  {:>5} in the last hour, usual {usual:>6}  {}{since}",
        feed.center, feed.feed, feed.seen, feed.state
    )
}

/// An incident as its row has it.
type IncidentRow = (String, String, String, Ts, Option<Ts>, i32, f64);

async fn incidents(common: &Common) -> anyhow::Result<ExitCode> {
    let (_, config) = installation::settings(common)?;
    let pool = installation::machine_pool(&config, "ingestion").await?;
    let rows: Vec<IncidentRow> = sqlx::query_as(
        "SELECT center_id, feed, kind, opened_at, closed_at, seen, expected FROM feed_incidents \
         ORDER BY opened_at DESC, incident_id LIMIT $1",
    )
    .bind(MOST)
    .fetch_all(&pool)
    .await
    .context("read the incidents")?;
    for (center, feed, kind, opened, closed, seen, expected) in rows {
        let (opened_at, closed_at) = (opened.0, closed.map(|at| at.0));
        let one = Incident { center, feed, kind, opened_at, closed_at, seen, expected };
        if common.json {
            println!("{}", serde_json::to_string(&one)?);
        } else {
            let until = one.closed_at.map_or_else(|| "now".to_owned(), |at| format!("{at:.0}"));
            println!("{:<20} {:<24} {:<8} {:.0} to {until}", one.center, one.feed, one.kind, one.opened_at);
        }
    }
    Ok(ExitCode::SUCCESS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_digest_of_a_new_key_is_that_of_the_key_as_the_office_sends_it() {
        let made = new_key(&[7; KEY_BYTES]);
        assert_eq!(made.key.len(), 43);
        assert_eq!(made.key_sha256, hex::encode(digest(&SHA256, made.key.as_bytes())));
    }

    #[test]
    fn a_line_tells_what_is_usual_and_since_when_it_is_not() {
        let seen = Seen {
            center: "lakeside".into(),
            feed: "cedar-hl7".into(),
            state: "quiet".into(),
            since: Some(Timestamp::UNIX_EPOCH),
            last_at: None,
            seen: 0,
            expected: Some(4.04),
            missed: 7.6,
            looked_at: Timestamp::UNIX_EPOCH,
        };
        let text = line(&seen);
        for part in ["last never", "usual    4.0", "quiet since 1970-01-01T00:00:00Z, 8 missed"] {
            assert!(text.contains(part), "{text}");
        }
    }
}
