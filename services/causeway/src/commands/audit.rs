//! `causeway audit verify`: whether anybody changed, removed or cut off what was written down (X3).
//!
//! Walks each center's chain in each service's database. A chain in the same database does not stop somebody who may rewrite
//! all of it, so the heads are printed: an operator keeps them elsewhere and compares. Deliberately not here: repairing
//! anything, because a broken chain is evidence.

use std::process::ExitCode;

use anyhow::Context as _;
use causeway_auth::audit;
use clap::{Args, Subcommand};
use serde::Serialize;

use crate::cli::Common;
use crate::installation;

/// Proves that the audit log is as it was written.
#[derive(Debug, Args)]
pub struct Audit {
    /// What to do.
    #[command(subcommand)]
    pub action: Action,
}

/// What can be done with the audit log.
#[derive(Debug, Subcommand)]
pub enum Action {
    /// Walks every chain from its first row to its head; fails at the first row that was changed, removed or cut off.
    Verify,
}

/// One center's chain in one service.
#[derive(Debug, Serialize)]
struct Chain {
    service: &'static str,
    center: String,
    /// Rows that are sound.
    rows: i64,
    /// Hash of the last row, hex; to keep elsewhere.
    head: String,
    /// What is wrong; none: nothing.
    fault: Option<String>,
}

impl Audit {
    /// Runs the command. It fails where a chain is broken.
    pub async fn execute(self, common: &Common) -> anyhow::Result<ExitCode> {
        let Action::Verify = self.action;
        let (_, config) = installation::settings(common)?;
        let mut chains = Vec::new();
        for service in installation::with_database() {
            let pool = installation::machine_pool(&config, service).await?;
            // A center whose head was removed still has rows, and one whose rows were removed still has a head.
            let heads: Vec<(String, Option<Vec<u8>>)> = sqlx::query_as(
                "SELECT center_id, hash FROM audit_heads UNION ALL \
                 SELECT center_id, NULL FROM audit_log WHERE seq = 1 \
                    AND NOT EXISTS (SELECT FROM audit_heads WHERE audit_heads.center_id = audit_log.center_id) \
                 ORDER BY center_id",
            )
            .fetch_all(&pool)
            .await
            .with_context(|| format!("read the audit heads of {service}"))?;
            for (center, head) in heads {
                let verified = audit::verify(&pool, &center).await?;
                let fault = verified.fault.map(|fault| fault.to_string());
                let head = hex::encode(head.unwrap_or_default());
                chains.push(Chain { service, center, rows: verified.rows, head, fault });
            }
        }
        let sound = chains.iter().all(|chain| chain.fault.is_none());
        if common.json {
            println!("{}", serde_json::json!({ "sound": sound, "chains": chains }));
        } else {
            chains.iter().for_each(|chain| println!("{}", line(chain)));
            println!("{}", last_line(&chains, sound));
        }
        Ok(if sound { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}

fn line(chain: &Chain) -> String {
    let Chain { service, center, rows, head, fault } = chain;
    match fault {
        None => format!("{service:<16} {center:<20} {rows:>9} rows, head {}", head.get(..16).unwrap_or(head)),
        Some(fault) => format!("{service:<16} {center:<20} {rows:>9} rows sound, then: {fault}"),
    }
}

fn last_line(chains: &[Chain], sound: bool) -> String {
    match (chains.is_empty(), sound) {
        (true, _) => "nothing was written down yet".to_owned(),
        (false, true) => format!("sound: {} chains; keep their heads in another place", chains.len()),
        (false, false) => {
            "NOT sound: keep the database as it is, compare with a backup, and ask who had its owner's login".to_owned()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_broken_chain_is_told_with_its_row_and_a_sound_one_with_its_head() {
        let chain = |fault: Option<&str>| Chain {
            service: "ingestion",
            center: "lakeside".into(),
            rows: 7,
            head: "00112233445566778899".into(),
            fault: fault.map(str::to_owned),
        };
        assert!(line(&chain(None)).ends_with("7 rows, head 0011223344556677"));
        assert!(line(&chain(Some("audit row 8 was changed"))).ends_with("7 rows sound, then: audit row 8 was changed"));
        assert!(last_line(&[], true).contains("nothing"));
        assert!(last_line(&[chain(Some("x"))], false).starts_with("NOT sound"));
    }
}
