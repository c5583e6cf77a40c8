//! Documents of inquiries: two ways in, one way behind them.
//!
//! ```text
//! patient, staff (grpc) --\
//!                          keep: sealed parts -> store, then their rows; read through; one document for the same content
//! partner's message -------/   |                         (unpack: from what is kept of it, after its commit)
//!                              scan: clean -> told; infected -> kept sealed, never opened, its message waits for a person
//!                              list, open (written down first), match -> told
//! sweep: what was never finished, and objects that nobody knows
//! ```
//!
//! No transaction waits for the store: an object is written before the row that knows it, and taken away after the row is
//! gone, so that a crash leaves at most an object without a row. Deliberately not here: what a file is (domain), SQL (store).

pub mod grpc;
pub mod keep;
pub mod look;
pub mod read;
pub mod scan;
pub mod sweep;
pub mod unpack;

use std::sync::Arc;

use causeway_auth::SealError;
use causeway_mailbox::{Database, Draft, Tx};
use causeway_proto::convert::micros;
use causeway_proto::events;
use causeway_proto::inquiry::v1 as wire;
use serde::{Deserialize, Serialize};
use tokio::sync::Notify;
use tracing::error;
use uuid::Uuid;

use super::accept::Acceptance;
use super::hooks;
use crate::config;
use crate::error::Refusal;
use crate::scanner::Scanner;
use crate::store::documents::Standing;
use crate::store::messages;
use crate::vault::{Broken, Vault};

/// Most bytes of a part: what an upload holds in memory.
pub const PART: usize = 1024 * 1024;
/// It waits for the scanner.
pub const WAITING: &str = "waiting";
/// This installation has no scanner.
pub const OFF: &str = "off";
/// The scanner found nothing.
pub const CLEAN: &str = "clean";
/// The scanner found something.
pub const INFECTED: &str = "infected";

/// What documents are taken, kept and handed out with.
pub struct Documents {
    /// Profiles, sealing, ids, counting.
    pub acceptance: Arc<Acceptance>,
    /// The record.
    pub database: Database,
    /// Where the parts lie.
    pub vault: Vault,
    /// The scanner, if there is one.
    pub scanner: Option<Scanner>,
    /// The settings.
    pub settings: config::Documents,
    /// Rings where something waits to be scanned or unpacked.
    pub bell: Notify,
}

/// What is known of a document beside its bytes, sealed as one. PHI: no `Debug`.
#[derive(Default, Serialize, Deserialize)]
pub struct Heading {
    /// The file's own name.
    #[serde(default)]
    pub name: String,
    /// What its sender calls it.
    #[serde(default)]
    pub title: String,
    /// Where it lies, where an address alone was told.
    #[serde(default)]
    pub address: String,
    /// SHA-256 of its content, in hex.
    #[serde(default)]
    pub sha256: String,
    /// Its bytes as they were told at its beginning; 0: they were not.
    #[serde(default)]
    pub length: i64,
}

impl Documents {
    fn seal_heading(&self, center: &str, document_id: Uuid, heading: &Heading) -> Result<Vec<u8>, Refusal> {
        // A struct of texts and a number always serialises.
        let bytes = serde_json::to_vec(heading).unwrap_or_default();
        self.acceptance.sealer.seal(center, &heading_context(document_id), &bytes).map_err(internal)
    }

    fn open_heading(&self, center: &str, document: &Standing) -> Result<Heading, Refusal> {
        let context = heading_context(document.document_id);
        let opened = self.acceptance.sealer.open(center, &context, &document.heading).map_err(internal)?;
        serde_json::from_slice(opened.expose()).map_err(|_| {
            error!(document.id = %document.document_id, "read the opened heading of a document");
            Refusal::Internal
        })
    }

    /// `waiting` where there is a scanner.
    fn scan_of_new(&self) -> &'static str {
        if self.scanner.is_some() { WAITING } else { OFF }
    }

    /// Asks whether a kind of document is one of the center's.
    fn known_kind(&self, center: &str, record_kind: &str) -> Result<(), Refusal> {
        let in_force = self.acceptance.profile(center)?;
        match record_kind.is_empty() || in_force.1.checklists.document(record_kind).is_some() {
            true => Ok(()),
            false => Err(Refusal::UnknownRecordKind),
        }
    }
}

/// Whether staff may open it.
pub fn is_ready(document: &Standing) -> bool {
    document.state == "kept" && [CLEAN, OFF].contains(&document.scan.as_str())
}

/// Tells of a document that may be opened, with the transaction. `previous`: the kind that it was told as before and that no other
/// document of the inquiry is.
fn tell(tx: &mut Tx, document: &Standing, previous: &str) {
    let event = wire::DocumentReceived {
        inquiry_id: document.inquiry_id.to_string(),
        center: tx.center().to_owned(),
        document_id: document.document_id.to_string(),
        record_kind: document.record_kind.clone(),
        door: document.door.clone(),
        feed: document.feed.clone(),
        at: micros(document.received_at.0),
        version: document.version,
        previous_kind: previous.to_owned(),
    };
    let fact = events::fact(tx.center(), &event);
    let trace = tx.trace().clone();
    tx.emit(Draft {
        event_id: None,
        subject: fact.subject,
        kind: fact.kind,
        aggregate_id: document.document_id,
        version: document.version,
        payload: fact.payload,
        trace,
    });
}

/// Has a person look at the message that brought what can't be used, with the transaction; its sender was told that it was taken.
async fn park(tx: &mut Tx, message_id: Option<Uuid>) -> Result<(), Refusal> {
    let Some(message_id) = message_id else { return Ok(()) };
    if messages::park_for_documents(tx, message_id).await? {
        let about = messages::inquiries(tx, &[message_id]).await?;
        hooks::tell::changed(tx, &about).await?;
    }
    Ok(())
}

fn heading_context(document_id: Uuid) -> String {
    format!("documents.heading:{document_id}")
}

/// What a sealed part is bound to beside its center: in another place or another document it does not open.
fn part_context(document_id: Uuid, part: i32) -> String {
    format!("documents.part:{document_id}:{part}")
}

fn internal(cause: SealError) -> Refusal {
    error!(%cause, "seal or open a document");
    Refusal::Internal
}

fn broken(cause: Broken) -> Refusal {
    // The name of an object is no secret, and the cause is what an operator needs.
    error!(%cause, "the sender is asked to try again");
    Refusal::Unavailable
}
