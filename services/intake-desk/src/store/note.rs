//! The intake note, sealed as a whole: nothing of it can be read in the database.

use std::collections::BTreeMap;

use causeway_auth::{Phi, Sealer};
use causeway_mailbox::{Ts, Tx};
use uuid::Uuid;

use crate::error::DeskError;

/// The fields of a note by key.
pub type Fields = Phi<BTreeMap<String, String>>;

fn context(inquiry_id: Uuid) -> String {
    format!("notes.sealed:{inquiry_id}")
}

/// Opens the note of an inquiry, if there is one.
pub async fn open(tx: &mut Tx, sealer: &Sealer, inquiry_id: Uuid) -> Result<Option<Fields>, DeskError> {
    let sealed: Option<Vec<u8>> = sqlx::query_scalar("SELECT sealed FROM notes WHERE inquiry_id = $1")
        .bind(inquiry_id)
        .fetch_optional(tx.conn())
        .await?;
    let Some(sealed) = sealed else { return Ok(None) };
    let opened = sealer.open(tx.center(), &context(inquiry_id), &sealed)?;
    // The cause would quote the content.
    let read = opened.map(|bytes| serde_json::from_slice(&bytes).map_err(|_| DeskError::Note));
    Ok(Some(read.transpose()?))
}

/// Seals and saves the note of an inquiry.
pub async fn save(
    tx: &mut Tx,
    sealer: &Sealer,
    (inquiry_id, version): (Uuid, i64),
    fields: &Fields,
    by: &str,
) -> Result<(), DeskError> {
    let json = serde_json::to_vec(fields.expose()).map_err(|_| DeskError::Note)?;
    let sealed = sealer.seal(tx.center(), &context(inquiry_id), &json)?;
    let (center, now) = (tx.center().to_owned(), tx.now());
    sqlx::query(
        "INSERT INTO notes (center_id, inquiry_id, sealed, version, saved_at, saved_by) VALUES ($1, $2, $3, $4, $5, $6) \
         ON CONFLICT (inquiry_id) DO UPDATE \
         SET sealed = excluded.sealed, version = excluded.version, saved_at = excluded.saved_at, saved_by = excluded.saved_by",
    )
    .bind(center)
    .bind(inquiry_id)
    .bind(sealed)
    .bind(version)
    .bind(Ts(now))
    .bind(by)
    .execute(tx.conn())
    .await?;
    Ok(())
}
