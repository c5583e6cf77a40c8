//! The timeline: what happened to each inquiry, one insert for a batch.

use causeway_mailbox::{Ts, Tx};
use uuid::Uuid;

use crate::domain::Entry;

/// A line to write: of which inquiry, what, and free words of staff that were sealed before.
pub type Line = (Uuid, Entry, Option<Vec<u8>>);

/// A line as it stands in the table.
#[derive(sqlx::FromRow)]
pub struct TimelineRow {
    /// When it happened.
    pub at: Ts,
    /// What kind of thing.
    pub kind: String,
    /// One sentence.
    pub text: String,
    /// Who did it.
    pub actor: String,
    /// Free words, sealed.
    pub sealed: Option<Vec<u8>>,
}

/// What the sealed words of an inquiry's timeline are bound to.
pub fn context(inquiry_id: Uuid) -> String {
    format!("timeline.sealed:{inquiry_id}")
}

/// Writes all lines with one statement.
pub async fn insert(tx: &mut Tx, lines: &[Line]) -> Result<(), sqlx::Error> {
    if lines.is_empty() {
        return Ok(());
    }
    let center = tx.center().to_owned();
    sqlx::query(
        "INSERT INTO timeline (center_id, inquiry_id, at, kind, text, actor, sealed) \
         SELECT $1, * FROM unnest($2::uuid[], $3::timestamptz[], $4::text[], $5::text[], $6::text[], $7::bytea[])",
    )
    .bind(center)
    .bind(lines.iter().map(|line| line.0).collect::<Vec<_>>())
    .bind(lines.iter().map(|line| Ts(line.1.at)).collect::<Vec<_>>())
    .bind(lines.iter().map(|line| line.1.kind).collect::<Vec<_>>())
    .bind(lines.iter().map(|line| line.1.text.as_ref()).collect::<Vec<_>>())
    .bind(lines.iter().map(|line| line.1.actor.as_str()).collect::<Vec<_>>())
    .bind(lines.iter().map(|line| line.2.as_deref()).collect::<Vec<_>>())
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// The newest lines of an inquiry, newest first by when it happened. Those of the stage that an earlier release wrote are left
/// out: they are read from the facts.
pub async fn of(tx: &mut Tx, inquiry_id: Uuid) -> Result<Vec<TimelineRow>, sqlx::Error> {
    sqlx::query_as(
        "SELECT at, kind, text, actor, sealed FROM \
         (SELECT seq, at, kind, text, actor, sealed FROM timeline \
          WHERE inquiry_id = $1 AND kind <> 'stage' ORDER BY seq DESC LIMIT 500) AS newest \
         ORDER BY at DESC, seq DESC",
    )
    .bind(inquiry_id)
    .fetch_all(tx.conn())
    .await
}
