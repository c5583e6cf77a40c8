//! SQL of the rows of partners' files: what became of each line.
//!
//! Deliberately not here: the rows themselves, which stand as inquiries or, sealed, as messages.

use causeway_mailbox::Tx;
use uuid::Uuid;

/// What became of a row.
pub struct NewRow<'a> {
    /// The line on which it begins.
    pub line: i64,
    /// `accepted`, `linked`, `parked` or `refused`.
    pub state: &'static str,
    /// Why it was not accepted.
    pub reason: &'a str,
    /// What should be looked at.
    pub remarks: &'a str,
    /// The inquiry that stands for it.
    pub inquiry_id: Option<Uuid>,
    /// The message under which it is kept.
    pub message_id: Option<Uuid>,
    /// The office's number of it, sealed.
    pub sealed: &'a [u8],
}

/// A row as its result tells it.
#[derive(Debug, sqlx::FromRow)]
pub struct Told {
    /// The line on which it begins.
    pub line: i64,
    /// What became of it.
    pub state: String,
    /// Why.
    pub reason: String,
    /// What should be looked at.
    pub remarks: String,
    /// Request number of the inquiry that stands for it.
    pub reference: Option<String>,
    /// The office's number of it, sealed.
    pub sealed: Vec<u8>,
}

/// Writes rows of a file.
pub async fn insert(tx: &mut Tx, file_id: Uuid, rows: &[NewRow<'_>]) -> Result<(), sqlx::Error> {
    if rows.is_empty() {
        return Ok(());
    }
    let center = tx.center().to_owned();
    sqlx::query(
        "INSERT INTO file_rows (center_id, file_id, line, state, reason, remarks, inquiry_id, message_id, sealed) \
         SELECT $1, $2, * FROM unnest($3::bigint[], $4::text[], $5::text[], $6::text[], $7::uuid[], $8::uuid[], $9::bytea[])",
    )
    .bind(center)
    .bind(file_id)
    .bind(rows.iter().map(|row| row.line).collect::<Vec<_>>())
    .bind(rows.iter().map(|row| row.state).collect::<Vec<_>>())
    .bind(rows.iter().map(|row| row.reason).collect::<Vec<_>>())
    .bind(rows.iter().map(|row| row.remarks).collect::<Vec<_>>())
    .bind(rows.iter().map(|row| row.inquiry_id).collect::<Vec<_>>())
    .bind(rows.iter().map(|row| row.message_id).collect::<Vec<_>>())
    .bind(rows.iter().map(|row| row.sealed).collect::<Vec<_>>())
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// The rows of a file behind a line, in their order.
pub async fn page(tx: &mut Tx, file_id: Uuid, after: i64, most: i64) -> Result<Vec<Told>, sqlx::Error> {
    let center = tx.center().to_owned();
    sqlx::query_as(
        "SELECT line, state, reason, remarks, reference, file_rows.sealed FROM file_rows \
         LEFT JOIN inquiries USING (center_id, inquiry_id) \
         WHERE center_id = $1 AND file_id = $2 AND line > $3 ORDER BY line LIMIT $4",
    )
    .bind(center)
    .bind(file_id)
    .bind(after)
    .bind(most)
    .fetch_all(tx.conn())
    .await
}

/// The file that a row came in.
#[derive(sqlx::FromRow)]
pub struct FileOf {
    /// The file.
    pub file_id: Uuid,
    /// How it was read.
    pub reading: Option<String>,
    /// Number of its parts.
    pub parts: i32,
    /// Its first part, sealed; none where it is erased.
    pub head: Option<Vec<u8>>,
}

/// The file that a row came in; of several, the first.
pub async fn file_of(tx: &mut Tx, message_id: Uuid) -> Result<Option<FileOf>, sqlx::Error> {
    let center = tx.center().to_owned();
    sqlx::query_as(
        "SELECT files.file_id, reading, files.parts, head.sealed AS head FROM file_rows JOIN files USING (center_id, file_id) \
         LEFT JOIN file_parts AS head ON head.center_id = $1 AND head.file_id = files.file_id AND head.part = 0 \
         WHERE files.center_id = $1 AND message_id = $2 ORDER BY files.file_id, line LIMIT 1",
    )
    .bind(center)
    .bind(message_id)
    .fetch_optional(tx.conn())
    .await
}

/// Forgets the rows of a file of which nothing was made.
pub async fn forget(tx: &mut Tx, file_id: Uuid) -> Result<(), sqlx::Error> {
    let center = tx.center().to_owned();
    sqlx::query("DELETE FROM file_rows WHERE center_id = $1 AND file_id = $2")
        .bind(center)
        .bind(file_id)
        .execute(tx.conn())
        .await?;
    Ok(())
}
