//! Drafts of intake notes: what one person typed and has not saved, sealed as a whole.
//!
//! Deliberately not here: the note itself (note), which a draft never changes.

use std::collections::BTreeMap;

use causeway_auth::{Phi, Sealer};
use causeway_mailbox::{Ts, Tx};
use jiff::Timestamp;
use uuid::Uuid;

use super::note::Fields;
use crate::error::DeskError;

/// A draft as it was typed.
pub struct Draft {
    /// The fields by key.
    pub fields: Fields,
    /// Version of the note that the person saw.
    pub base_version: i64,
    /// When it was kept.
    pub saved_at: Timestamp,
}

fn context(inquiry_id: Uuid, actor: &str) -> String {
    format!("drafts.sealed:{inquiry_id}:{actor}")
}

/// Opens somebody's draft, if there is one.
pub async fn open(tx: &mut Tx, sealer: &Sealer, inquiry_id: Uuid, actor: &str) -> Result<Option<Draft>, DeskError> {
    let found: Option<(Vec<u8>, i64, Ts)> =
        sqlx::query_as("SELECT sealed, base_version, saved_at FROM drafts WHERE inquiry_id = $1 AND actor_id = $2")
            .bind(inquiry_id)
            .bind(actor)
            .fetch_optional(tx.conn())
            .await?;
    let Some((sealed, base_version, saved_at)) = found else { return Ok(None) };
    let opened = sealer.open(tx.center(), &context(inquiry_id, actor), &sealed)?;
    // The cause would quote the content.
    let read =
        opened.map(|bytes| serde_json::from_slice::<BTreeMap<String, String>>(&bytes).map_err(|_| DeskError::Note));
    let fields: Fields = read.transpose()?;
    Ok(Some(Draft { fields, base_version, saved_at: saved_at.0 }))
}

/// Seals and keeps somebody's draft in the place of the one before.
pub async fn save(
    tx: &mut Tx,
    sealer: &Sealer,
    (inquiry_id, actor): (Uuid, &str),
    fields: &Phi<BTreeMap<String, String>>,
    base_version: i64,
) -> Result<(), DeskError> {
    let json = serde_json::to_vec(fields.expose()).map_err(|_| DeskError::Note)?;
    let sealed = sealer.seal(tx.center(), &context(inquiry_id, actor), &json)?;
    let (center, now) = (tx.center().to_owned(), tx.now());
    sqlx::query(
        "INSERT INTO drafts (center_id, inquiry_id, actor_id, sealed, base_version, saved_at) VALUES ($1, $2, $3, $4, $5, $6) \
         ON CONFLICT (inquiry_id, actor_id) DO UPDATE \
         SET sealed = excluded.sealed, base_version = excluded.base_version, saved_at = excluded.saved_at",
    )
    .bind(center)
    .bind(inquiry_id)
    .bind(actor)
    .bind(sealed)
    .bind(base_version)
    .bind(Ts(now))
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Drops drafts of an inquiry: of one person, or of everybody where none is named.
pub async fn drop_of(tx: &mut Tx, inquiry_id: Uuid, actor: Option<&str>) -> Result<(), sqlx::Error> {
    sqlx::query("DELETE FROM drafts WHERE inquiry_id = $1 AND ($2::text IS NULL OR actor_id = $2)")
        .bind(inquiry_id)
        .bind(actor)
        .execute(tx.conn())
        .await?;
    Ok(())
}
