//! All SQL of routing. One statement for a whole batch; rows go in by id order, so that two batches never wait for each
//! other in a circle.
//!
//! The state of a response clock is a function of the facts that are known (first attempt, closing, due time), so that it
//! is the same whatever the order in which they arrive: an attempt always wins over a closing, and a newer word of the desk that the
//! inquiry is open over an older closing.

pub(crate) mod clock;
pub(crate) mod closures;
pub(crate) mod past;
pub mod work;

use causeway_mailbox::{Ts, Tx};
use jiff::Timestamp;
use sqlx::postgres::PgRow;
use sqlx::{FromRow, PgConnection, Row as _};
use uuid::Uuid;

use crate::domain::Route;

/// A decision to be kept.
pub(crate) struct NewDecision {
    pub inquiry_id: Uuid,
    pub route: Route,
    /// The facts as the event carried them.
    pub facts: Vec<u8>,
    /// Why the rows before did not take it, packed.
    pub passed: Vec<u8>,
}

/// A decision as it was kept.
pub(crate) struct Decision {
    pub revision: String,
    pub row_name: String,
    pub program: String,
    pub team: String,
    pub site: Option<String>,
    pub priority: String,
    pub script: String,
    pub response_due_at: Timestamp,
    pub clock_starts_at: Timestamp,
    pub after_hours: bool,
    pub facts: Vec<u8>,
    pub passed: Vec<u8>,
    pub clock_state: String,
}

impl FromRow<'_, PgRow> for Decision {
    fn from_row(row: &PgRow) -> Result<Self, sqlx::Error> {
        Ok(Self {
            revision: row.try_get("revision")?,
            row_name: row.try_get("row_name")?,
            program: row.try_get("program")?,
            team: row.try_get("team")?,
            site: row.try_get("site")?,
            priority: row.try_get("priority")?,
            script: row.try_get("script")?,
            response_due_at: row.try_get::<Ts, _>("response_due_at")?.0,
            clock_starts_at: row.try_get::<Ts, _>("clock_starts_at")?.0,
            after_hours: row.try_get("after_hours")?,
            facts: row.try_get("facts")?,
            passed: row.try_get("passed")?,
            clock_state: row.try_get("clock_state")?,
        })
    }
}

/// A response target that nobody met.
pub(crate) struct Missed {
    pub inquiry_id: Uuid,
    pub team: String,
    pub response_due_at: Timestamp,
    pub version: i64,
    /// It was never told before. A closure can take a miss back, and then it may come about again.
    pub is_first: bool,
}

const INSERT: &str = "INSERT INTO decisions (center_id, revision, decided_at, inquiry_id, row_name, program, team, site, \
         priority, script, target_minutes, response_due_at, clock_starts_at, after_hours, facts, passed) \
     SELECT $1, $2, $3, t.* FROM unnest($4::uuid[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[], \
         $10::text[], $11::integer[], $12::timestamptz[], $13::timestamptz[], $14::boolean[], $15::bytea[], $16::bytea[]) AS t \
     ON CONFLICT (center_id, inquiry_id) DO NOTHING RETURNING inquiry_id";

/// Keeps decisions, and gives the inquiries that had none before.
pub(crate) async fn insert(tx: &mut Tx, revision: &str, new: &[NewDecision]) -> Result<Vec<Uuid>, sqlx::Error> {
    if new.is_empty() {
        return Ok(Vec::new());
    }
    let mut sorted: Vec<&NewDecision> = new.iter().collect();
    sorted.sort_unstable_by_key(|decision| decision.inquiry_id);
    let text = |get: fn(&Route) -> &str| -> Vec<&str> { sorted.iter().map(|one| get(&one.route)).collect() };
    let instant = |get: fn(&Route) -> Timestamp| -> Vec<Ts> { sorted.iter().map(|one| Ts(get(&one.route))).collect() };
    let (center, now) = (tx.center().to_owned(), tx.now());
    sqlx::query_scalar(INSERT)
        .bind(center)
        .bind(revision)
        .bind(Ts(now))
        .bind(sorted.iter().map(|one| one.inquiry_id).collect::<Vec<_>>())
        .bind(text(|route| &route.row))
        .bind(text(|route| &route.program))
        .bind(text(|route| &route.team))
        .bind(sorted.iter().map(|one| one.route.site.as_deref()).collect::<Vec<_>>())
        .bind(text(|route| route.priority.as_str()))
        .bind(text(|route| &route.script))
        .bind(sorted.iter().map(|one| i32::try_from(one.route.target_minutes).unwrap_or(i32::MAX)).collect::<Vec<_>>())
        .bind(instant(|route| route.clock.due_at))
        .bind(instant(|route| route.clock.starts_at))
        .bind(sorted.iter().map(|one| one.route.clock.after_hours).collect::<Vec<_>>())
        .bind(sorted.iter().map(|one| one.facts.as_slice()).collect::<Vec<_>>())
        .bind(sorted.iter().map(|one| one.passed.as_slice()).collect::<Vec<_>>())
        .fetch_all(tx.conn())
        .await
}

const ATTEMPTED: &str = "UPDATE decisions AS d SET first_attempt_at = LEAST(d.first_attempt_at, t.at), version = d.version + 1, \
         clock_state = CASE WHEN LEAST(d.first_attempt_at, t.at) <= d.response_due_at THEN 'met' ELSE 'met_late' END \
     FROM unnest($2::uuid[], $3::timestamptz[]) AS t (id, at) \
     WHERE d.center_id = $1 AND d.inquiry_id = t.id RETURNING d.inquiry_id";

/// Stops the clocks of inquiries that somebody tried to answer, and gives those that have a decision.
pub(crate) async fn note_attempts(tx: &mut Tx, first: &[(Uuid, Timestamp)]) -> Result<Vec<Uuid>, sqlx::Error> {
    if first.is_empty() {
        return Ok(Vec::new());
    }
    let center = tx.center().to_owned();
    sqlx::query_scalar(ATTEMPTED)
        .bind(center)
        .bind(first.iter().map(|(id, _)| *id).collect::<Vec<_>>())
        .bind(first.iter().map(|(_, at)| Ts(*at)).collect::<Vec<_>>())
        .fetch_all(tx.conn())
        .await
}

const CLOSED: &str = "WITH told AS (SELECT t.*, EXISTS (SELECT FROM work AS w \
             WHERE w.center_id = $1 AND w.inquiry_id = t.id AND w.open AND w.heard_version > t.version) AS stale \
         FROM unnest($2::uuid[], $3::timestamptz[], $4::bigint[]) AS t (id, at, version)), \
     stopped AS (UPDATE decisions AS d SET version = d.version + 1, \
         clock_state = CASE WHEN told.at <= d.response_due_at THEN 'cancelled' ELSE 'missed' END \
     FROM told WHERE d.center_id = $1 AND d.inquiry_id = told.id AND NOT told.stale AND d.clock_state IN ('pending', 'missed')) \
     SELECT d.inquiry_id, told.stale FROM told JOIN decisions AS d ON d.center_id = $1 AND d.inquiry_id = told.id";

/// Stops the clocks of inquiries that were closed, each at an instant and a version of the desk. Gives those that have a decision, each
/// with whether the desk has told since that it is open again.
pub(crate) async fn note_closings(
    tx: &mut Tx,
    closed: &[(Uuid, Timestamp, i64)],
) -> Result<Vec<(Uuid, bool)>, sqlx::Error> {
    if closed.is_empty() {
        return Ok(Vec::new());
    }
    let center = tx.center().to_owned();
    sqlx::query_as(CLOSED)
        .bind(center)
        .bind(closed.iter().map(|(id, ..)| *id).collect::<Vec<_>>())
        .bind(closed.iter().map(|(_, at, _)| Ts(*at)).collect::<Vec<_>>())
        .bind(closed.iter().map(|(.., version)| *version).collect::<Vec<_>>())
        .fetch_all(tx.conn())
        .await
}

/// Lets clocks run again that a close has stopped before anybody tried to reach the person. Those that ran out are late all the same.
pub(crate) async fn run_again(tx: &mut Tx, reopened: &[Uuid]) -> Result<(), sqlx::Error> {
    if reopened.is_empty() {
        return Ok(());
    }
    let center = tx.center().to_owned();
    sqlx::query(
        "UPDATE decisions SET clock_state = 'pending', version = version + 1 \
         WHERE center_id = $1 AND inquiry_id = ANY($2) AND clock_state = 'cancelled' AND first_attempt_at IS NULL",
    )
    .bind(center)
    .bind(reopened)
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Marks clocks that ran out while nobody answered. One that was stopped in between is left alone.
pub(crate) async fn miss(tx: &mut Tx, due: &[Uuid]) -> Result<Vec<Missed>, sqlx::Error> {
    let (center, now) = (tx.center().to_owned(), tx.now());
    let rows = sqlx::query(
        "UPDATE decisions SET clock_state = 'missed', version = version + 1, told_missed_at = coalesce(told_missed_at, $3) \
         WHERE center_id = $1 AND inquiry_id = ANY($2) AND clock_state = 'pending' AND response_due_at <= $3 \
         RETURNING inquiry_id, team, response_due_at, version, told_missed_at = $3 AS is_first",
    )
    .bind(center)
    .bind(due)
    .bind(Ts(now))
    .fetch_all(tx.conn())
    .await?;
    rows.iter()
        .map(|row| {
            Ok(Missed {
                inquiry_id: row.try_get("inquiry_id")?,
                team: row.try_get("team")?,
                response_due_at: row.try_get::<Ts, _>("response_due_at")?.0,
                version: row.try_get("version")?,
                is_first: row.try_get("is_first")?,
            })
        })
        .collect()
}

/// Reads the decision of an inquiry.
pub(crate) async fn find(
    conn: &mut PgConnection,
    center: &str,
    inquiry_id: Uuid,
) -> Result<Option<Decision>, sqlx::Error> {
    sqlx::query_as(
        "SELECT revision, row_name, program, team, site, priority, script, response_due_at, clock_starts_at, after_hours, \
             facts, passed, clock_state FROM decisions WHERE center_id = $1 AND inquiry_id = $2",
    )
    .bind(center)
    .bind(inquiry_id)
    .fetch_optional(conn)
    .await
}
