//! Past decisions in the order of their inquiries' ids, which is that of their receipt, page by page.
//!
//! Deliberately not here: what another table would have made of them.

use causeway_mailbox::Ts;
use jiff::Timestamp;
use sqlx::{PgConnection, Row as _};
use uuid::Uuid;

/// Decisions that are read at once.
const PAGE: i64 = 10_000;

/// A decision and what became of it.
pub(crate) struct PastDecision {
    pub inquiry_id: Uuid,
    /// The team of the table's row, whoever got the inquiry afterwards.
    pub team: String,
    pub site: Option<String>,
    pub target_minutes: i32,
    pub first_attempt_at: Option<Timestamp>,
    pub facts: Vec<u8>,
}

/// The statement of a page; tests look at its plan.
pub const PAGE_STATEMENT: &str = "SELECT inquiry_id, coalesce(clock_team, team) AS team, site, target_minutes, \
     first_attempt_at, facts FROM decisions \
     WHERE center_id = $1 AND inquiry_id > $2 AND inquiry_id <= $3 ORDER BY inquiry_id LIMIT $4";

/// The inquiry that was decided on last, by its id.
pub(crate) async fn newest(conn: &mut PgConnection, center: &str) -> Result<Option<Uuid>, sqlx::Error> {
    sqlx::query_scalar("SELECT inquiry_id FROM decisions WHERE center_id = $1 ORDER BY inquiry_id DESC LIMIT 1")
        .bind(center)
        .fetch_optional(conn)
        .await
}

/// The next ones after an id.
pub(crate) async fn page(
    conn: &mut PgConnection,
    center: &str,
    (after, through): (Uuid, Uuid),
) -> Result<Vec<PastDecision>, sqlx::Error> {
    let query = sqlx::query(PAGE_STATEMENT).bind(center).bind(after).bind(through).bind(PAGE);
    let rows = query.fetch_all(conn).await?;
    rows.iter()
        .map(|row| {
            Ok(PastDecision {
                inquiry_id: row.try_get("inquiry_id")?,
                team: row.try_get("team")?,
                site: row.try_get("site")?,
                target_minutes: row.try_get("target_minutes")?,
                first_attempt_at: row.try_get::<Option<Ts>, _>("first_attempt_at")?.map(|at| at.0),
                facts: row.try_get("facts")?,
            })
        })
        .collect()
}
