//! SQL of partners' files: received, claimed, taken, told.
//!
//! A file is worked by whoever holds its lease, and each chunk of rows is written under a lock on the file, so that two
//! workers may race and no row is written twice. Leases run on the database's clock. Deliberately not here: rows (file_rows).

use causeway_mailbox::{Ts, Tx};
use jiff::Timestamp;
use sqlx::PgPool;
use uuid::Uuid;

/// How long a worker that says nothing keeps a file.
const LEASE: &str = "15 seconds";

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

macro_rules! columns {
    () => {
        "file_id, feed, door, state, reason, detail, heading, bytes, parts, reading, good_rows_wanted, total, accepted, \
         linked, parked, refused, skipped, done_line, times, received_at, finished_at"
    };
}

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

/// All bytes of a file are there: it waits to be read.
pub async fn complete(
    tx: &mut Tx,
    file_id: Uuid,
    (content_key, heading): (&[u8], &[u8]),
    (bytes, parts): (i64, i32),
) -> Result<(), sqlx::Error> {
    let center = tx.center().to_owned();
    sqlx::query(
        "UPDATE files SET state = 'waiting', content_key = $3, heading = $4, bytes = $5, parts = $6 \
         WHERE center_id = $1 AND file_id = $2",
    )
    .bind(center)
    .bind(file_id)
    .bind(content_key)
    .bind(heading)
    .bind(bytes)
    .bind(parts)
    .execute(tx.conn())
    .await?;
    Ok(())
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

/// The file of a feed with the same bytes, counted once more. One of which nothing was made is looked at again: its
/// mapping may have been mended.
pub async fn again(
    tx: &mut Tx,
    (feed, content_key): (&str, &[u8]),
    (heading, is_told): (&[u8], bool),
) -> Result<Option<Standing>, sqlx::Error> {
    let center = tx.center().to_owned();
    sqlx::query_as(concat!(
        "UPDATE files SET times = times + 1, heading = $4, is_told = is_told AND $5, \
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

/// Forgets a file that never came whole, or came before.
pub async fn forget(tx: &mut Tx, file_id: Uuid) -> Result<(), sqlx::Error> {
    let center = tx.center().to_owned();
    sqlx::query("DELETE FROM file_parts WHERE center_id = $1 AND file_id = $2")
        .bind(&center)
        .bind(file_id)
        .execute(tx.conn())
        .await?;
    sqlx::query("DELETE FROM files WHERE center_id = $1 AND file_id = $2 AND state = 'receiving'")
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

/// Center and id of files that wait for a worker: of each feed the oldest, because a later list builds on it. For the
/// machine's login, which sees all centers.
pub async fn open(machine: &PgPool) -> Result<Vec<(String, Uuid)>, sqlx::Error> {
    sqlx::query_as(
        "SELECT center_id, file_id FROM (SELECT DISTINCT ON (center_id, feed) center_id, file_id, leased_until FROM files \
            WHERE state IN ('waiting', 'taking') ORDER BY center_id, feed, file_id) AS oldest \
         WHERE leased_until IS NULL OR leased_until < now()",
    )
    .fetch_all(machine)
    .await
}

/// Center and id of files whose bytes stopped to come an hour ago.
pub async fn abandoned(machine: &PgPool) -> Result<Vec<(String, Uuid)>, sqlx::Error> {
    sqlx::query_as(
        "SELECT center_id, file_id FROM files WHERE state = 'receiving' AND received_at < now() - interval '1 hour'",
    )
    .fetch_all(machine)
    .await
}

/// How many files stand where, by center, state and why. For the machine's login.
pub async fn waiting(machine: &PgPool) -> Result<Vec<(String, String, i64)>, sqlx::Error> {
    sqlx::query_as(
        "SELECT center_id, 'open', count(*) FROM files WHERE state IN ('waiting', 'taking') GROUP BY center_id \
         UNION ALL SELECT center_id, reason, count(*) FROM files WHERE state = 'parked' GROUP BY center_id, reason",
    )
    .fetch_all(machine)
    .await
}

/// Takes the lease of a file, or keeps it.
pub async fn claim(tx: &mut Tx, file_id: Uuid, worker: Uuid) -> Result<Option<Standing>, sqlx::Error> {
    let center = tx.center().to_owned();
    let sql = concat!(
        "UPDATE files SET worker = $3, leased_until = now() + $4::interval WHERE center_id = $1 AND file_id = $2 \
            AND state IN ('waiting', 'taking') AND (leased_until IS NULL OR leased_until < now() OR worker = $3) \
         RETURNING ",
        columns!()
    );
    sqlx::query_as(sql).bind(center).bind(file_id).bind(worker).bind(LEASE).fetch_optional(tx.conn()).await
}

/// Gives the lease back.
pub async fn release(tx: &mut Tx, file_id: Uuid, worker: Uuid) -> Result<(), sqlx::Error> {
    let center = tx.center().to_owned();
    sqlx::query("UPDATE files SET leased_until = NULL WHERE center_id = $1 AND file_id = $2 AND worker = $3")
        .bind(center)
        .bind(file_id)
        .bind(worker)
        .execute(tx.conn())
        .await?;
    Ok(())
}

/// Locks a file to the end of the transaction, and gives the line behind which its holder goes on; nothing where another
/// holds it.
pub async fn lock(tx: &mut Tx, file_id: Uuid, worker: Uuid) -> Result<Option<i64>, sqlx::Error> {
    let center = tx.center().to_owned();
    sqlx::query_scalar(
        "SELECT done_line FROM files WHERE center_id = $1 AND file_id = $2 AND worker = $3 \
            AND state IN ('waiting', 'taking') FOR UPDATE",
    )
    .bind(center)
    .bind(file_id)
    .bind(worker)
    .fetch_optional(tx.conn())
    .await
}

/// The file is in order: its rows are taken from now on.
pub async fn start(tx: &mut Tx, file_id: Uuid, reading: &str, (total, skipped): (i64, i64)) -> Result<(), sqlx::Error> {
    let center = tx.center().to_owned();
    sqlx::query(
        "UPDATE files SET state = 'taking', reading = $3, total = $4, skipped = $5 WHERE center_id = $1 AND file_id = $2",
    )
    .bind(center)
    .bind(file_id)
    .bind(reading)
    .bind(total)
    .bind(skipped)
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// What a chunk of rows adds to a file.
#[derive(Debug, Clone, Copy, Default)]
pub struct Tally {
    /// Rows that became inquiries.
    pub accepted: i64,
    /// Rows that are known.
    pub linked: i64,
    /// Rows that wait.
    pub parked: i64,
    /// Rows that nobody could act on.
    pub refused: i64,
    /// The line of the last.
    pub done_line: i64,
}

/// Counts a chunk whose rows were written, and keeps the lease.
pub async fn advance(tx: &mut Tx, file_id: Uuid, tally: Tally) -> Result<(), sqlx::Error> {
    let center = tx.center().to_owned();
    sqlx::query(
        "UPDATE files SET accepted = accepted + $3, linked = linked + $4, parked = parked + $5, refused = refused + $6, \
            done_line = $7, leased_until = now() + $8::interval WHERE center_id = $1 AND file_id = $2",
    )
    .bind(center)
    .bind(file_id)
    .bind(tally.accepted)
    .bind(tally.linked)
    .bind(tally.parked)
    .bind(tally.refused)
    .bind(tally.done_line)
    .bind(LEASE)
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Nothing more is to be done: `done`, or `parked` with why. What came by a folder is still to be told there.
pub async fn finish(
    tx: &mut Tx,
    file_id: Uuid,
    (state, reason, detail): (&'static str, &str, &str),
    total: Option<i64>,
) -> Result<(), sqlx::Error> {
    let (center, now) = (tx.center().to_owned(), tx.now());
    sqlx::query(
        "UPDATE files SET state = $3, reason = $4, detail = $5, total = coalesce($6, total), finished_at = $7, \
            leased_until = NULL, is_told = door <> 'folder' WHERE center_id = $1 AND file_id = $2",
    )
    .bind(center)
    .bind(file_id)
    .bind(state)
    .bind(reason)
    .bind(detail)
    .bind(total)
    .bind(Ts(now))
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Somebody wants the good rows of a file that is parked for its bad ones. False where it is not.
pub async fn want_good_rows(tx: &mut Tx, feed: &str, file_id: Uuid, reason: &str) -> Result<bool, sqlx::Error> {
    let center = tx.center().to_owned();
    let changed = sqlx::query(
        "UPDATE files SET state = 'waiting', reason = '', detail = '', good_rows_wanted = true, finished_at = NULL \
         WHERE center_id = $1 AND feed = $2 AND file_id = $3 AND state = 'parked' AND reason = $4",
    )
    .bind(center)
    .bind(feed)
    .bind(file_id)
    .bind(reason)
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

/// Files of a center whose result has to be put into their folder.
pub async fn untold(tx: &mut Tx) -> Result<Vec<Standing>, sqlx::Error> {
    let center = tx.center().to_owned();
    sqlx::query_as(concat!(
        "SELECT ",
        columns!(),
        " FROM files WHERE center_id = $1 AND NOT is_told AND state IN ('done', 'parked', 'settled') ORDER BY file_id LIMIT 50"
    ))
    .bind(center)
    .fetch_all(tx.conn())
    .await
}

/// The result of a file lies in its folder.
pub async fn told(tx: &mut Tx, file_id: Uuid) -> Result<(), sqlx::Error> {
    let center = tx.center().to_owned();
    sqlx::query("UPDATE files SET is_told = true WHERE center_id = $1 AND file_id = $2")
        .bind(center)
        .bind(file_id)
        .execute(tx.conn())
        .await?;
    Ok(())
}

impl Standing {
    /// When it first came.
    #[must_use]
    pub fn received_at(&self) -> Timestamp {
        self.received_at.0
    }
}
