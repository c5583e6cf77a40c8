//! Files of partner offices: two doors, one way behind them.
//!
//! ```text
//! upload (http) --\
//!                  receive: sealed parts, one file for the same bytes
//! folder ---------/   |
//!                   worker: survey (may it be read? how many bad rows?) -> chunk by chunk: judge -> write
//!                     |
//! result: asked for (http), or put into the folder
//! ```
//!
//! A file is answered when its bytes are kept, and its rows are taken afterwards: each chunk of rows, the inquiries made of
//! it and the line that it reaches stand in one transaction, so a crash goes on where the last one ended. Deliberately not
//! here: what bytes and cells mean (adapters), SQL (store).

pub mod chunk;
pub mod deliver;
pub mod folder;
pub mod http;
pub mod key;
pub mod reader;
pub mod receive;
pub mod result;
pub mod survey;
pub mod worker;
pub mod write;

use std::sync::Arc;

use causeway_auth::SealError;
use causeway_mailbox::Database;
use serde::{Deserialize, Serialize};
use tokio::sync::Notify;
use tracing::error;
use uuid::Uuid;

use super::accept::Acceptance;
use crate::config::Csv;
use crate::error::Refusal;
use crate::metrics::Metrics;

/// What both doors and the workers work with.
pub struct Files {
    /// Where referrals go.
    pub acceptance: Arc<Acceptance>,
    /// Where files are kept.
    pub database: Database,
    /// Limits.
    pub settings: Csv,
    /// Rung when there is something to take.
    pub bell: Notify,
    /// Name of this process among those that take files.
    pub worker: Uuid,
}

/// What is sealed of a file beside its bytes. PHI: a name may be a person's. No `Debug`.
#[derive(Default, Serialize, Deserialize)]
pub struct Heading {
    /// The name under which it came; empty: none.
    #[serde(default)]
    pub name: String,
    /// SHA-256 of all bytes, hexadecimal.
    pub sha256: String,
    /// Why nothing was made of it, with the headers that it has; empty: what stands beside it in clear says all.
    #[serde(default)]
    pub detail: String,
}

impl Files {
    fn metrics(&self) -> &Metrics {
        &self.acceptance.metrics
    }

    /// Seals a heading of a file.
    pub fn seal_heading(&self, center: &str, file_id: Uuid, heading: &Heading) -> Result<Vec<u8>, Refusal> {
        // A struct of texts always serialises.
        let bytes = serde_json::to_vec(heading).unwrap_or_default();
        self.acceptance.sealer.seal(center, &format!("files.heading:{file_id}"), &bytes).map_err(internal)
    }

    /// Opens a heading of a file.
    pub fn open_heading(&self, center: &str, file_id: Uuid, sealed: &[u8]) -> Result<Heading, Refusal> {
        let context = format!("files.heading:{file_id}");
        let opened = self.acceptance.sealer.open(center, &context, sealed).map_err(internal)?;
        serde_json::from_slice(opened.expose()).map_err(|_| internal(SealError::Open))
    }
}

/// What a part of a file is bound to.
pub fn part_context(file_id: Uuid, part: i32) -> String {
    format!("file_parts.sealed:{file_id}:{part}")
}

/// What the office's number of a row is bound to.
fn row_context(file_id: Uuid, line: u64) -> String {
    format!("file_rows.sealed:{file_id}:{line}")
}

fn internal(cause: SealError) -> Refusal {
    error!(%cause, "seal or open a part of a file");
    Refusal::Internal
}
