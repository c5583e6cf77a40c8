//! Inquiries that were opened again: taken in, and counted by the receipt of the inquiries.
//!
//! A row is never changed, so that it does not matter how often and in which order it is told.

use causeway_mailbox::{Ts, Tx};
use jiff::Timestamp;
use uuid::Uuid;

use super::Range;

/// A closed inquiry was opened again.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Reopening {
    pub inquiry_id: Uuid,
    /// Of the inquiry at the desk, after it.
    pub version: i64,
    pub at: Timestamp,
    /// Empty: not said.
    pub reason: String,
    /// Why it had been closed.
    pub close_reason: String,
}

/// Keeps what a batch tells. Rows go in by their key, so that two batches never wait for each other in a circle.
pub(crate) async fn insert(tx: &mut Tx, mut told: Vec<Reopening>) -> Result<(), sqlx::Error> {
    if told.is_empty() {
        return Ok(());
    }
    told.sort_unstable();
    let center = tx.center().to_owned();
    sqlx::query(
        "INSERT INTO reopenings (center_id, inquiry_id, version, at, reason, close_reason) \
         SELECT $1, t.* FROM unnest($2::uuid[], $3::bigint[], $4::timestamptz[], $5::text[], $6::text[]) AS t \
         ON CONFLICT DO NOTHING",
    )
    .bind(center)
    .bind(told.iter().map(|one| one.inquiry_id).collect::<Vec<_>>())
    .bind(told.iter().map(|one| one.version).collect::<Vec<_>>())
    .bind(told.iter().map(|one| Ts(one.at)).collect::<Vec<_>>())
    .bind(told.iter().map(|one| one.reason.as_str()).collect::<Vec<_>>())
    .bind(told.iter().map(|one| one.close_reason.as_str()).collect::<Vec<_>>())
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// So often inquiries that were closed for one reason were opened again for another.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub(crate) struct ReopeningCount {
    pub reason: String,
    pub close_reason: String,
    pub count: i64,
}

/// The statement of [`reopenings`]. Parameters: center, from, to.
pub const REOPENINGS: &str = "SELECT r.reason, r.close_reason, count(*) AS count \
     FROM inquiries AS i JOIN reopenings AS r ON r.center_id = i.center_id AND r.inquiry_id = i.inquiry_id \
     WHERE i.center_id = $1 AND i.received_at >= $2 AND i.received_at < $3 \
     GROUP BY r.reason, r.close_reason ORDER BY count DESC, r.reason, r.close_reason";

/// Counts of the inquiries that were received in a range, the most frequent first.
pub(crate) async fn reopenings(tx: &mut Tx, range: Range) -> Result<Vec<ReopeningCount>, sqlx::Error> {
    let center = tx.center().to_owned();
    sqlx::query_as(REOPENINGS).bind(center).bind(Ts(range.from)).bind(Ts(range.to)).fetch_all(tx.conn()).await
}

/// Counts of all time and all centers, with a login that sees every center.
pub(crate) async fn reopenings_of_all(
    machine: &sqlx::PgPool,
) -> Result<Vec<(String, String, String, i64)>, sqlx::Error> {
    sqlx::query_as(
        "SELECT center_id, reason, close_reason, count(*) FROM reopenings GROUP BY center_id, reason, close_reason",
    )
    .fetch_all(machine)
    .await
}
