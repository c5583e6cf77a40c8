//! What was sent to another team: taken in, and counted for people and for Prometheus by the same statement.
//!
//! A row is never changed, so that it does not matter how often and in which order it is told. It counts once the receipt of its inquiry
//! is known. Deliberately not here: the rule by which an inquiry goes to and fro, which is routing's.

use causeway_mailbox::{Ts, Tx};
use jiff::Timestamp;
use sqlx::PgPool;
use uuid::Uuid;

use super::Range;

/// An inquiry was sent to another team.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Reroute {
    pub inquiry_id: Uuid,
    /// Of routing's decision after it.
    pub version: i64,
    pub at: Timestamp,
    pub program: String,
    pub row_name: String,
    pub from_team: String,
    pub to_team: String,
    pub reason: String,
    pub to_and_fro: bool,
}

/// Keeps what a batch tells. Rows go in by their key, so that two batches never wait for each other in a circle.
pub(crate) async fn insert(tx: &mut Tx, mut told: Vec<Reroute>) -> Result<(), sqlx::Error> {
    if told.is_empty() {
        return Ok(());
    }
    told.sort_unstable();
    let center = tx.center().to_owned();
    let text = |get: fn(&Reroute) -> &str| -> Vec<&str> { told.iter().map(get).collect() };
    sqlx::query(
        "INSERT INTO reroutes (center_id, inquiry_id, version, at, program, row_name, from_team, to_team, reason, to_and_fro) \
         SELECT $1, t.* FROM unnest($2::uuid[], $3::bigint[], $4::timestamptz[], $5::text[], $6::text[], $7::text[], $8::text[], \
             $9::text[], $10::boolean[]) AS t ON CONFLICT DO NOTHING",
    )
    .bind(center)
    .bind(told.iter().map(|one| one.inquiry_id).collect::<Vec<_>>())
    .bind(told.iter().map(|one| one.version).collect::<Vec<_>>())
    .bind(told.iter().map(|one| Ts(one.at)).collect::<Vec<_>>())
    .bind(text(|one| &one.program))
    .bind(text(|one| &one.row_name))
    .bind(text(|one| &one.from_team))
    .bind(text(|one| &one.to_team))
    .bind(text(|one| &one.reason))
    .bind(told.iter().map(|one| one.to_and_fro).collect::<Vec<_>>())
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// So often inquiries of a program went from one team to another for a reason.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub(crate) struct RerouteCount {
    pub center_id: String,
    pub program: String,
    pub from_team: String,
    pub to_team: String,
    pub reason: String,
    pub moves: i64,
    pub inquiries: i64,
}

/// How many inquiries of a center were sent on, and how many of them to and fro.
#[derive(Debug, Clone, Default, PartialEq, Eq, sqlx::FromRow)]
pub(crate) struct Rerouted {
    pub center_id: String,
    pub rerouted: i64,
    pub to_and_fro: i64,
}

macro_rules! counts {
    ($where:literal) => {
        concat!(
            "SELECT r.center_id, r.program, r.from_team, r.to_team, r.reason, count(*) AS moves, \
                 count(DISTINCT r.inquiry_id) AS inquiries \
             FROM inquiries AS i JOIN reroutes AS r ON r.center_id = i.center_id AND r.inquiry_id = i.inquiry_id WHERE ",
            $where,
            " GROUP BY 1, 2, 3, 4, 5 ORDER BY moves DESC, 1, 2, 3, 4, 5"
        )
    };
}

macro_rules! totals {
    ($where:literal) => {
        concat!(
            "SELECT r.center_id, count(DISTINCT r.inquiry_id) AS rerouted, \
                 count(DISTINCT r.inquiry_id) FILTER (WHERE r.to_and_fro) AS to_and_fro \
             FROM inquiries AS i JOIN reroutes AS r ON r.center_id = i.center_id AND r.inquiry_id = i.inquiry_id WHERE ",
            $where,
            " GROUP BY 1"
        )
    };
}

/// Counts what was sent on of the inquiries of a center ($1) that were received in a range ($2, $3).
pub const REROUTES: &str = counts!("i.center_id = $1 AND i.received_at >= $2 AND i.received_at < $3");
const REROUTED: &str = totals!("i.center_id = $1 AND i.received_at >= $2 AND i.received_at < $3");
const ROUTED: &str = "SELECT count(*) FILTER (WHERE furthest >= 2) FROM inquiries \
     WHERE center_id = $1 AND received_at >= $2 AND received_at < $3";

/// When the table of 0006 was made: what was sent on before was told to nobody.
const SINCE: &str = "SELECT installed_on FROM _sqlx_migrations WHERE version = 6";

/// Since when it is kept what is sent on.
pub(crate) async fn rerouted_since(tx: &mut Tx) -> Result<Option<Timestamp>, sqlx::Error> {
    let since: Option<Ts> = sqlx::query_scalar(SINCE).fetch_optional(tx.conn()).await?;
    Ok(since.map(|since| since.0))
}

/// What was sent on of a range: each way and reason, the inquiries, and how many reached a team at all.
pub(crate) async fn reroutes(tx: &mut Tx, range: Range) -> Result<(Vec<RerouteCount>, Rerouted, i64), sqlx::Error> {
    let (center, from, to) = (tx.center().to_owned(), Ts(range.from), Ts(range.to));
    let counts = sqlx::query_as(REROUTES).bind(&center).bind(from).bind(to).fetch_all(tx.conn()).await?;
    let rerouted = sqlx::query_as(REROUTED).bind(&center).bind(from).bind(to).fetch_optional(tx.conn()).await?;
    let routed = sqlx::query_scalar(ROUTED).bind(&center).bind(from).bind(to).fetch_one(tx.conn()).await?;
    Ok((counts, rerouted.unwrap_or_default(), routed))
}

/// The same of all inquiries of all centers, for the machine's gauges.
pub(crate) async fn reroutes_of_all(machine: &PgPool) -> Result<(Vec<RerouteCount>, Vec<Rerouted>), sqlx::Error> {
    let counts = sqlx::query_as(counts!("i.received_at IS NOT NULL")).fetch_all(machine).await?;
    let rerouted = sqlx::query_as(totals!("i.received_at IS NOT NULL")).fetch_all(machine).await?;
    Ok((counts, rerouted))
}
