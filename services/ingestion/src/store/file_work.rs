//! SQL of the work on partners' files: claimed, locked, advanced, finished, told.
//!
//! A file is worked by whoever holds its lease, and each chunk of rows is written under a lock on the file, so that two
//! workers may race and no row is written twice. Leases run on the database's clock. Deliberately not here: rows (file_rows).

use causeway_mailbox::{Ts, Tx};
use sqlx::PgPool;
use uuid::Uuid;

use super::files::{Standing, columns};

/// How long a worker that says nothing keeps a file.
const LEASE: &str = "15 seconds";

/// Center and id of files that wait for a worker: of each feed the oldest, because a later list builds on it. Those that
/// nobody failed at come first. For the machine's login, which sees all centers.
pub async fn open(machine: &PgPool) -> Result<Vec<(String, Uuid)>, sqlx::Error> {
    sqlx::query_as(
        "SELECT center_id, file_id FROM (SELECT DISTINCT ON (center_id, feed) center_id, file_id, leased_until FROM files \
            WHERE state IN ('waiting', 'taking') ORDER BY center_id, feed, file_id) AS oldest \
         WHERE leased_until IS NULL OR leased_until < now() ORDER BY leased_until NULLS FIRST, file_id",
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
    (total, heading): (Option<i64>, Option<&[u8]>),
) -> Result<(), sqlx::Error> {
    let (center, now) = (tx.center().to_owned(), tx.now());
    sqlx::query(
        "UPDATE files SET state = $3, reason = $4, detail = $5, total = coalesce($6, total), finished_at = $7, \
            leased_until = NULL, is_told = door <> 'folder', heading = coalesce($8, heading) \
         WHERE center_id = $1 AND file_id = $2",
    )
    .bind(center)
    .bind(file_id)
    .bind(state)
    .bind(reason)
    .bind(detail)
    .bind(total)
    .bind(Ts(now))
    .bind(heading)
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Files of a center whose result has to be put into their folder: some, behind a given one.
pub async fn untold(tx: &mut Tx, after: Uuid) -> Result<Vec<Standing>, sqlx::Error> {
    let center = tx.center().to_owned();
    sqlx::query_as(concat!(
        "SELECT ",
        columns!(),
        " FROM files WHERE center_id = $1 AND NOT is_told AND state IN ('done', 'parked', 'settled') AND file_id > $2 \
         ORDER BY file_id LIMIT 50"
    ))
    .bind(center)
    .bind(after)
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
