//! Calls that a phone system tells of: none is lost, and one that nobody answered is an inquiry with a call back due.
//!
//! Deliberately not here: what a call needs (domain), and the page on which somebody takes one down (portal).

pub mod body;
pub mod door;
pub mod list;
pub mod settle;
pub mod take;
pub mod told;

use causeway_auth::{SealError, Sealer, fingerprint};
use tracing::error;
use uuid::Uuid;

use crate::domain::call::Call;
use crate::error::Refusal;

/// Purpose of the keyed hash of a call: its feed and the phone system's own id.
const CALL_KEY: &str = "phone.call";
/// Purpose of the keyed hash of one event of a call.
const EVENT_KEY: &str = "phone.event";
/// Purpose of the keyed hash of what an event tells.
const CONTENT_HASH: &str = "phone.content";
/// Purpose of the keyed hash of a caller's number.
const CALLER_KEY: &str = "phone.caller";

/// By what a call is known: its feed and the phone system's own id of it, as a keyed hash.
///
/// # Errors
/// The cryptographic library refused.
pub fn call_key(sealer: &Sealer, (center, feed): (&str, &str), call_id: &str) -> Result<[u8; 16], Refusal> {
    sealer.blind(center, CALL_KEY, &fingerprint([feed, call_id])).map_err(internal)
}

/// What the sealed bytes of a call are bound to.
fn context(call_id: Uuid) -> String {
    format!("calls.sealed:{call_id}")
}

fn seal(sealer: &Sealer, center: &str, call_id: Uuid, call: &Call) -> Result<Vec<u8>, Refusal> {
    // A struct of texts and times always serialises.
    let bytes = serde_json::to_vec(call).unwrap_or_default();
    sealer.seal(center, &context(call_id), &bytes).map_err(internal)
}

fn open(sealer: &Sealer, center: &str, call_id: Uuid, sealed: &[u8]) -> Result<Call, Refusal> {
    let opened = sealer.open(center, &context(call_id), sealed).map_err(internal)?;
    serde_json::from_slice(opened.expose()).map_err(|_| {
        error!(call.id = %call_id, "open a call: its content is none of ours");
        Refusal::Internal
    })
}

fn internal(cause: SealError) -> Refusal {
    error!(%cause, "seal or open a call");
    Refusal::Internal
}
