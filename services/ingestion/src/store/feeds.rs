//! SQL of what people see of feeds: how each was seen last, what waits, what was not as usual, what it is known by.
//!
//! Deliberately not here: looking after them (volume).

use causeway_mailbox::{Ts, Tx};
use jiff::Timestamp;

/// A feed as it was seen last.
#[derive(Debug, sqlx::FromRow)]
pub struct Seen {
    /// The feed.
    pub feed: String,
    /// When the last message came.
    pub last_at: Option<Ts>,
    /// How many came within sixty minutes.
    pub seen: i32,
    /// How many are usual.
    pub expected: Option<f64>,
    /// How many would have come since the last one.
    pub missed: f64,
    /// When it was looked at.
    pub looked_at: Ts,
}

/// How all feeds of the center were seen last.
pub async fn seen(tx: &mut Tx) -> Result<Vec<Seen>, sqlx::Error> {
    let center = tx.center().to_owned();
    sqlx::query_as("SELECT feed, last_at, seen, expected, missed, looked_at FROM feed_states WHERE center_id = $1")
        .bind(center)
        .fetch_all(tx.conn())
        .await
}

/// The statement by which what waits is counted; a test asks for its plan.
pub const WAITING: &str = "SELECT feed, sum(waiting)::bigint FROM ( \
        SELECT feed, count(*) AS waiting FROM messages WHERE center_id = $1 AND state = 'parked' GROUP BY feed \
        UNION ALL SELECT feed, count(*) FROM files WHERE center_id = $1 AND state = 'parked' GROUP BY feed) AS parked \
     GROUP BY feed";

/// How many messages and files of each feed wait for a person.
pub async fn waiting(tx: &mut Tx) -> Result<Vec<(String, i64)>, sqlx::Error> {
    let center = tx.center().to_owned();
    sqlx::query_as(WAITING).bind(center).fetch_all(tx.conn()).await
}

/// An incident, over or not.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct Incident {
    /// The feed.
    pub feed: String,
    /// `quiet`, `flood` or `repeats`.
    pub kind: String,
    /// Since when.
    pub opened_at: Ts,
    /// Until when.
    pub closed_at: Option<Ts>,
    /// What had come then.
    pub seen: i32,
    /// What was missed or usual then.
    pub expected: f64,
}

/// The statement by which the last incidents are found; a test asks for its plan.
pub const INCIDENTS: &str = "SELECT recent.* FROM unnest($2::text[]) AS asked CROSS JOIN LATERAL ( \
        SELECT feed, kind, opened_at, closed_at, seen, expected FROM feed_incidents \
        WHERE center_id = $1 AND feed = asked ORDER BY opened_at DESC LIMIT $3) AS recent";

/// The last incidents of each of some feeds, the newest first.
pub async fn incidents(tx: &mut Tx, feeds: &[&str], most: i64) -> Result<Vec<Incident>, sqlx::Error> {
    let center = tx.center().to_owned();
    sqlx::query_as(INCIDENTS).bind(center).bind(feeds).bind(most).fetch_all(tx.conn()).await
}

/// A key or a certificate that was used: feed, SHA-256, when.
pub type Used = (String, Vec<u8>, Timestamp);

/// Notes what was used. What was noted by another process later stays.
pub async fn note_used(tx: &mut Tx, used: &[Used]) -> Result<(), sqlx::Error> {
    let center = tx.center().to_owned();
    sqlx::query(
        "INSERT INTO feed_credentials (center_id, feed, digest, used_at) \
         SELECT $1, feed, digest, max(used_at) FROM unnest($2::text[], $3::bytea[], $4::timestamptz[]) \
             AS given (feed, digest, used_at) GROUP BY feed, digest \
         ON CONFLICT (center_id, feed, digest) DO UPDATE SET \
             used_at = greatest(feed_credentials.used_at, EXCLUDED.used_at)",
    )
    .bind(center)
    .bind(used.iter().map(|(feed, _, _)| feed.as_str()).collect::<Vec<_>>())
    .bind(used.iter().map(|(_, digest, _)| digest.as_slice()).collect::<Vec<_>>())
    .bind(used.iter().map(|(_, _, at)| Ts(*at)).collect::<Vec<_>>())
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// What was used, and when last.
pub async fn used(tx: &mut Tx) -> Result<Vec<(String, Vec<u8>, Ts)>, sqlx::Error> {
    let center = tx.center().to_owned();
    sqlx::query_as("SELECT feed, digest, used_at FROM feed_credentials WHERE center_id = $1")
        .bind(center)
        .fetch_all(tx.conn())
        .await
}
