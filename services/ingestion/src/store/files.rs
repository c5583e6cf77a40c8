//! SQL of partners' files as their senders and people see them: received, listed, wanted, settled.
//!
//! Deliberately not here: the work on them (file_work) and their rows (file_rows).

use causeway_mailbox::{Ts, Tx};
use jiff::Timestamp;
use uuid::Uuid;

/// A file as it stands, without what it says.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct Standing {
    /// Its id.
    pub file_id: Uuid,
    /// The feed that sent it.
    pub feed: String,
    /// `upload` or `folder`.
    pub door: String,
    /// How far it is.
    pub state: String,
    /// Why it is parked.
    pub reason: String,
    /// The same for people.
    pub detail: String,
    /// Name and sum, sealed.
    pub heading: Vec<u8>,
    /// Its length.
    pub bytes: i64,
    /// Number of its parts.
    pub parts: i32,
    /// How it is read.
    pub reading: Option<String>,
    /// Whether bad rows do not stop it.
    pub good_rows_wanted: bool,
    /// Rows in it.
    pub total: i64,
    /// Rows that became inquiries.
    pub accepted: i64,
    /// Rows that are known.
    pub linked: i64,
    /// Rows that wait.
    pub parked: i64,
    /// Rows that nobody could act on.
    pub refused: i64,
    /// Lines that are no rows.
    pub skipped: i64,
    /// The line of the last row whose result stands.
    pub done_line: i64,
    /// How often it came.
    pub times: i32,
    /// When it first came.
    pub received_at: Ts,
    /// When its last row was written.
    pub finished_at: Option<Ts>,
}

/// The columns of a [`Standing`].
macro_rules! columns {
    () => {
        "file_id, feed, door, state, reason, detail, heading, bytes, parts, reading, good_rows_wanted, total, accepted, \
         linked, parked, refused, skipped, done_line, times, received_at, finished_at"
    };
}

pub(super) use columns;

/// A file whose bytes begin to come.
pub struct NewFile<'a> {
    /// Its id.
    pub file_id: Uuid,
    /// The feed.
    pub feed: &'a str,
    /// `upload` or `folder`.
    pub door: &'static str,
    /// Name and sum, sealed; empty until all bytes are there.
    pub heading: &'a [u8],
}

/// Notes a file whose bytes begin to come; once, however often it is said.
pub async fn begin(tx: &mut Tx, file: &NewFile<'_>) -> Result<(), sqlx::Error> {
    let (center, now) = (tx.center().to_owned(), tx.now());
    sqlx::query(
        "INSERT INTO files (center_id, file_id, feed, door, state, heading, received_at) \
         VALUES ($1, $2, $3, $4, 'receiving', $5, $6) ON CONFLICT DO NOTHING",
    )
    .bind(center)
    .bind(file.file_id)
    .bind(file.feed)
    .bind(file.door)
    .bind(file.heading)
    .bind(Ts(now))
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Keeps a part.
pub async fn keep_part(tx: &mut Tx, file_id: Uuid, part: i32, sealed: &[u8]) -> Result<(), sqlx::Error> {
    let center = tx.center().to_owned();
    sqlx::query("INSERT INTO file_parts (center_id, file_id, part, sealed) VALUES ($1, $2, $3, $4)")
        .bind(center)
        .bind(file_id)
        .bind(part)
        .bind(sealed)
        .execute(tx.conn())
        .await?;
    Ok(())
}

/// A part as it was kept.
pub async fn part(tx: &mut Tx, file_id: Uuid, part: i32) -> Result<Option<Vec<u8>>, sqlx::Error> {
    let center = tx.center().to_owned();
    sqlx::query_scalar("SELECT sealed FROM file_parts WHERE center_id = $1 AND file_id = $2 AND part = $3")
        .bind(center)
        .bind(file_id)
        .bind(part)
        .fetch_optional(tx.conn())
        .await
}

/// All bytes of a file are there: it waits to be read. False where not all of its parts are, because they were forgotten
/// meanwhile, or where it stands already.
pub async fn complete(
    tx: &mut Tx,
    file_id: Uuid,
    (content_key, heading): (&[u8], &[u8]),
    (bytes, parts): (i64, i32),
) -> Result<bool, sqlx::Error> {
    let center = tx.center().to_owned();
    let changed = sqlx::query(
        "UPDATE files SET state = 'waiting', content_key = $3, heading = $4, bytes = $5, parts = $6 \
         WHERE center_id = $1 AND file_id = $2 AND state = 'receiving' \
            AND (SELECT count(*) FROM file_parts WHERE center_id = $1 AND file_id = $2) = $6",
    )
    .bind(center)
    .bind(file_id)
    .bind(content_key)
    .bind(heading)
    .bind(bytes)
    .bind(parts)
    .execute(tx.conn())
    .await?;
    Ok(changed.rows_affected() == 1)
}

/// The file of a feed with these bytes.
pub async fn by_content(tx: &mut Tx, feed: &str, content_key: &[u8]) -> Result<Option<Uuid>, sqlx::Error> {
    let center = tx.center().to_owned();
    sqlx::query_scalar("SELECT file_id FROM files WHERE center_id = $1 AND feed = $2 AND content_key = $3")
        .bind(center)
        .bind(feed)
        .bind(content_key)
        .fetch_optional(tx.conn())
        .await
}

/// Whom a file that stands is to be answered to.
#[derive(Debug, sqlx::FromRow)]
pub struct Held {
    /// How far it is.
    pub state: String,
    /// Whether its result is still to be put into a folder, under the name that it has.
    pub is_answered_to_folder: bool,
}

/// A file, held to the end of the transaction.
pub async fn held(tx: &mut Tx, file_id: Uuid) -> Result<Option<Held>, sqlx::Error> {
    let center = tx.center().to_owned();
    sqlx::query_as(
        "SELECT state, door = 'folder' AND (state IN ('waiting', 'taking') OR NOT is_told) AS is_answered_to_folder \
         FROM files WHERE center_id = $1 AND file_id = $2 FOR UPDATE",
    )
    .bind(center)
    .bind(file_id)
    .fetch_optional(tx.conn())
    .await
}

/// The file of a feed with the same bytes, counted once more. One of which nothing was made is looked at again: its
/// mapping may have been mended. What is told to a folder is told under the name that it has there, which an upload has not.
pub async fn again(
    tx: &mut Tx,
    (feed, content_key): (&str, &[u8]),
    (heading, is_told): (&[u8], bool),
) -> Result<Option<Standing>, sqlx::Error> {
    let center = tx.center().to_owned();
    sqlx::query_as(concat!(
        "UPDATE files SET times = times + 1, heading = CASE WHEN $5 THEN heading ELSE $4 END, is_told = is_told AND $5, \
            door = CASE WHEN $5 THEN door ELSE 'folder' END, \
            state = CASE WHEN state = 'parked' THEN 'waiting' ELSE state END, \
            reason = CASE WHEN state = 'parked' THEN '' ELSE reason END, \
            detail = CASE WHEN state = 'parked' THEN '' ELSE detail END \
         WHERE center_id = $1 AND feed = $2 AND content_key = $3 RETURNING ",
        columns!()
    ))
    .bind(center)
    .bind(feed)
    .bind(content_key)
    .bind(heading)
    .bind(is_told)
    .fetch_optional(tx.conn())
    .await
}

/// Forgets a file that never came whole, or came before. One that stands by now keeps its parts.
pub async fn forget(tx: &mut Tx, file_id: Uuid) -> Result<(), sqlx::Error> {
    let center = tx.center().to_owned();
    let forgotten = sqlx::query("DELETE FROM files WHERE center_id = $1 AND file_id = $2 AND state = 'receiving'")
        .bind(&center)
        .bind(file_id)
        .execute(tx.conn())
        .await?;
    if forgotten.rows_affected() == 0 {
        return Ok(());
    }
    sqlx::query("DELETE FROM file_parts WHERE center_id = $1 AND file_id = $2")
        .bind(center)
        .bind(file_id)
        .execute(tx.conn())
        .await?;
    Ok(())
}

/// A file of a feed.
pub async fn one(tx: &mut Tx, feed: &str, file_id: Uuid) -> Result<Option<Standing>, sqlx::Error> {
    let center = tx.center().to_owned();
    sqlx::query_as(concat!(
        "SELECT ",
        columns!(),
        " FROM files WHERE center_id = $1 AND feed = $2 AND file_id = $3 AND state <> 'receiving'"
    ))
    .bind(center)
    .bind(feed)
    .bind(file_id)
    .fetch_optional(tx.conn())
    .await
}

/// Files of a feed, the newest first, from before a given one.
pub async fn list(tx: &mut Tx, feed: &str, before: Option<Uuid>, most: i64) -> Result<Vec<Standing>, sqlx::Error> {
    let center = tx.center().to_owned();
    sqlx::query_as(concat!(
        "SELECT ",
        columns!(),
        " FROM files WHERE center_id = $1 AND feed = $2 AND state <> 'receiving' AND file_id < $3 \
         ORDER BY file_id DESC LIMIT $4"
    ))
    .bind(center)
    .bind(feed)
    .bind(before.unwrap_or(Uuid::max()))
    .bind(most)
    .fetch_all(tx.conn())
    .await
}

/// Somebody wants the good rows of a file that is parked for its bad ones. False where it is not.
pub async fn want_good_rows(tx: &mut Tx, feed: Option<&str>, file_id: Uuid, reason: &str) -> Result<bool, sqlx::Error> {
    let center = tx.center().to_owned();
    let changed = sqlx::query(
        "UPDATE files SET state = 'waiting', reason = '', detail = '', good_rows_wanted = true, finished_at = NULL \
         WHERE center_id = $1 AND ($2::text IS NULL OR feed = $2) AND file_id = $3 AND state = 'parked' AND reason = $4",
    )
    .bind(center)
    .bind(feed)
    .bind(file_id)
    .bind(reason)
    .execute(tx.conn())
    .await?;
    Ok(changed.rows_affected() == 1)
}

/// The statement of [`to_erase`].
pub const TO_ERASE: &str = "SELECT file_id, heading FROM files WHERE center_id = $1 AND finished_at < $2 AND erased_at IS NULL \
        AND is_told AND state IN ('done', 'settled') ORDER BY finished_at LIMIT $3 FOR UPDATE SKIP LOCKED";

/// Files that nothing is to be done about any more since before a moment, each with its sealed heading.
pub async fn to_erase(tx: &mut Tx, before: Timestamp, most: i64) -> Result<Vec<(Uuid, Vec<u8>)>, sqlx::Error> {
    let center = tx.center().to_owned();
    sqlx::query_as(TO_ERASE).bind(center).bind(Ts(before)).bind(most).fetch_all(tx.conn()).await
}

/// Erases the bytes of a file, and all of its heading that could name somebody.
pub async fn erase(tx: &mut Tx, file_id: Uuid, heading: &[u8]) -> Result<(), sqlx::Error> {
    let (center, now) = (tx.center().to_owned(), tx.now());
    sqlx::query("DELETE FROM file_parts WHERE center_id = $1 AND file_id = $2")
        .bind(&center)
        .bind(file_id)
        .execute(tx.conn())
        .await?;
    sqlx::query("UPDATE files SET heading = $3, erased_at = $4 WHERE center_id = $1 AND file_id = $2")
        .bind(center)
        .bind(file_id)
        .bind(heading)
        .bind(Ts(now))
        .execute(tx.conn())
        .await?;
    Ok(())
}

/// Has a parked file looked through again; false where it is not parked.
pub async fn retry(tx: &mut Tx, file_id: Uuid) -> Result<bool, sqlx::Error> {
    let center = tx.center().to_owned();
    let changed = sqlx::query(
        "UPDATE files SET state = 'waiting', reason = '', detail = '', finished_at = NULL \
         WHERE center_id = $1 AND file_id = $2 AND state = 'parked'",
    )
    .bind(center)
    .bind(file_id)
    .execute(tx.conn())
    .await?;
    Ok(changed.rows_affected() == 1)
}

/// Takes those that are parked off the list, and gives them.
pub async fn settle(tx: &mut Tx, ids: &[Uuid]) -> Result<Vec<Uuid>, sqlx::Error> {
    let center = tx.center().to_owned();
    sqlx::query_scalar(
        "UPDATE files SET state = 'settled' WHERE center_id = $1 AND file_id = ANY($2) AND state = 'parked' \
         RETURNING file_id",
    )
    .bind(center)
    .bind(ids)
    .fetch_all(tx.conn())
    .await
}
