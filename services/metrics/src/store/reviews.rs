//! What reviewers decided: taken in, and counted by the receipt of the inquiries.
//!
//! A row is never changed, so that it does not matter how often and in which order it is told. Deliberately not here: the rules of a
//! review, which are the desk's.

use causeway_mailbox::{Ts, Tx};
use jiff::Timestamp;
use uuid::Uuid;

use super::Range;

/// A reviewer's decision.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Review {
    pub inquiry_id: Uuid,
    /// Of the inquiry at the desk, after it.
    pub version: i64,
    pub at: Timestamp,
    pub team: String,
    pub decision: String,
    pub reason: String,
    pub waiting_since: Option<Timestamp>,
    pub due_at: Option<Timestamp>,
}

/// Keeps what a batch tells. Rows go in by their key, so that two batches never wait for each other in a circle.
pub(crate) async fn insert(tx: &mut Tx, mut told: Vec<Review>) -> Result<(), sqlx::Error> {
    if told.is_empty() {
        return Ok(());
    }
    told.sort_unstable();
    let center = tx.center().to_owned();
    let text = |get: fn(&Review) -> &str| -> Vec<&str> { told.iter().map(get).collect() };
    sqlx::query(
        "INSERT INTO reviews (center_id, inquiry_id, version, at, team, decision, reason, waiting_since, due_at) \
         SELECT $1, t.* FROM unnest($2::uuid[], $3::bigint[], $4::timestamptz[], $5::text[], $6::text[], $7::text[], \
             $8::timestamptz[], $9::timestamptz[]) AS t ON CONFLICT DO NOTHING",
    )
    .bind(center)
    .bind(told.iter().map(|one| one.inquiry_id).collect::<Vec<_>>())
    .bind(told.iter().map(|one| one.version).collect::<Vec<_>>())
    .bind(told.iter().map(|one| Ts(one.at)).collect::<Vec<_>>())
    .bind(text(|one| &one.team))
    .bind(text(|one| &one.decision))
    .bind(text(|one| &one.reason))
    .bind(told.iter().map(|one| one.waiting_since.map(Ts)).collect::<Vec<_>>())
    .bind(told.iter().map(|one| one.due_at.map(Ts)).collect::<Vec<_>>())
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// So often a decision was made for a reason.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub(crate) struct ReviewCount {
    pub decision: String,
    pub reason: String,
    pub count: i64,
}

/// How long records had waited for a reviewer.
#[derive(Debug, Clone, Default, PartialEq, sqlx::FromRow)]
pub(crate) struct Waited {
    pub waited: i64,
    pub in_time: i64,
    pub median_seconds: f64,
    pub p90_seconds: f64,
}

macro_rules! of_received {
    ($what:literal, $rest:literal) => {
        concat!(
            "SELECT ",
            $what,
            " FROM inquiries AS i JOIN reviews AS r ON r.center_id = i.center_id AND r.inquiry_id = i.inquiry_id \
             WHERE i.center_id = $1 AND i.received_at >= $2 AND i.received_at < $3",
            $rest
        )
    };
}

/// Counts the decisions on the inquiries of a center ($1) that were received in a range ($2, $3).
pub const REVIEWS: &str =
    of_received!("r.decision, r.reason, count(*) AS count", " GROUP BY 1, 2 ORDER BY count DESC, 1, 2");
const WAITED: &str = of_received!(
    "count(*) AS waited, count(*) FILTER (WHERE r.at <= r.due_at) AS in_time, \
     coalesce(percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM r.at - r.waiting_since)::float8), 0) AS median_seconds, \
     coalesce(percentile_cont(0.9) WITHIN GROUP (ORDER BY extract(epoch FROM r.at - r.waiting_since)::float8), 0) AS p90_seconds",
    " AND r.waiting_since IS NOT NULL"
);

/// What was decided on the inquiries of a range, and how long their records had waited.
pub(crate) async fn reviews(tx: &mut Tx, range: Range) -> Result<(Vec<ReviewCount>, Waited), sqlx::Error> {
    let (center, from, to) = (tx.center().to_owned(), Ts(range.from), Ts(range.to));
    let counts = sqlx::query_as(REVIEWS).bind(&center).bind(from).bind(to).fetch_all(tx.conn()).await?;
    let waited = sqlx::query_as(WAITED).bind(&center).bind(from).bind(to).fetch_one(tx.conn()).await?;
    Ok((counts, waited))
}
