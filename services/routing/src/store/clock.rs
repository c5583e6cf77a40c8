//! SQL of the decisions whose clocks move, and of the pauses that move them.
//!
//! Timers before decisions, and decisions by the order of their ids, as everywhere. Deliberately not here: closures.

use std::collections::HashMap;

use causeway_funnel::calendar::Pause;
use causeway_mailbox::{Ts, Tx};
use jiff::{SignedDuration, Timestamp};
use sqlx::postgres::PgRow;
use sqlx::{FromRow, Row as _};
use uuid::Uuid;

/// A decision as far as its clock is concerned.
#[derive(Debug, Clone)]
pub(crate) struct Clocked {
    pub inquiry_id: Uuid,
    pub revision: String,
    pub team: String,
    /// By whose hours the clock counts: the team of the table's row, whoever has the inquiry now.
    pub clock_team: String,
    pub site: Option<String>,
    pub target_minutes: i32,
    /// The facts as the event carried them.
    pub facts: Vec<u8>,
    pub response_due_at: Timestamp,
    pub clock_starts_at: Timestamp,
    pub after_hours: bool,
    pub first_attempt_at: Option<Timestamp>,
    pub clock_state: String,
    pub version: i64,
}

impl FromRow<'_, PgRow> for Clocked {
    fn from_row(row: &PgRow) -> Result<Self, sqlx::Error> {
        Ok(Self {
            inquiry_id: row.try_get("inquiry_id")?,
            revision: row.try_get("revision")?,
            team: row.try_get("team")?,
            clock_team: row.try_get("clock_team")?,
            site: row.try_get("site")?,
            target_minutes: row.try_get("target_minutes")?,
            facts: row.try_get("facts")?,
            response_due_at: row.try_get::<Ts, _>("response_due_at")?.0,
            clock_starts_at: row.try_get::<Ts, _>("clock_starts_at")?.0,
            after_hours: row.try_get("after_hours")?,
            first_attempt_at: row.try_get::<Option<Ts>, _>("first_attempt_at")?.map(|at| at.0),
            clock_state: row.try_get("clock_state")?,
            version: row.try_get("version")?,
        })
    }
}

macro_rules! columns {
    () => {
        "SELECT inquiry_id, revision, team, coalesce(clock_team, team) AS clock_team, site, target_minutes, facts, \
             response_due_at, clock_starts_at, after_hours, first_attempt_at, clock_state, version FROM decisions "
    };
}

/// Decisions that a stretch may touch, a part at a time: center, the last one of the part before (two), the latest decision,
/// how many.
pub const TOUCHED: &str = concat!(
    columns!(),
    "WHERE center_id = $1 AND (response_due_at, inquiry_id) > ($2, $3) AND decided_at < $4 AND clock_state <> 'cancelled' \
     ORDER BY response_due_at, inquiry_id LIMIT $5"
);

/// A decision follows its inquiry within this time, also after an outage of the bus; more are looked at than touched.
const DECIDED_WITHIN: SignedDuration = SignedDuration::from_hours(7 * 24);

/// Decisions that are due after the last one of the part before and may be of inquiries from before the end of a stretch.
pub(crate) async fn touched(
    tx: &mut Tx,
    (due, inquiry_id): (Timestamp, Uuid),
    to: Timestamp,
    most: i64,
) -> Result<Vec<Clocked>, sqlx::Error> {
    let center = tx.center().to_owned();
    sqlx::query_as(TOUCHED)
        .bind(center)
        .bind(Ts(due))
        .bind(inquiry_id)
        .bind(Ts(to.saturating_add(DECIDED_WITHIN).unwrap_or(to)))
        .bind(most)
        .fetch_all(tx.conn())
        .await
}

/// Decisions by their inquiries.
pub(crate) async fn find(tx: &mut Tx, inquiries: &[Uuid]) -> Result<Vec<Clocked>, sqlx::Error> {
    let center = tx.center().to_owned();
    sqlx::query_as(concat!(columns!(), "WHERE center_id = $1 AND inquiry_id = ANY($2)"))
        .bind(center)
        .bind(inquiries)
        .fetch_all(tx.conn())
        .await
}

/// Decisions by their inquiries, locked until the transaction ends.
pub(crate) async fn lock(tx: &mut Tx, inquiries: &[Uuid]) -> Result<Vec<Clocked>, sqlx::Error> {
    let center = tx.center().to_owned();
    sqlx::query_as(concat!(columns!(), "WHERE center_id = $1 AND inquiry_id = ANY($2) ORDER BY inquiry_id FOR UPDATE"))
        .bind(center)
        .bind(inquiries)
        .fetch_all(tx.conn())
        .await
}

/// Locks decisions until the transaction ends, for who changes them by several statements: in which order each of these comes upon its
/// rows is the planner's affair.
pub(crate) async fn lock_rows(tx: &mut Tx, inquiries: &[Uuid]) -> Result<(), sqlx::Error> {
    if inquiries.len() < 2 {
        return Ok(());
    }
    let center = tx.center().to_owned();
    sqlx::query("SELECT 1 FROM decisions WHERE center_id = $1 AND inquiry_id = ANY($2) ORDER BY inquiry_id FOR UPDATE")
        .bind(center)
        .bind(inquiries)
        .execute(tx.conn())
        .await?;
    Ok(())
}

/// Keeps how clocks stand now, each under the next version of its decision.
pub(crate) async fn save(tx: &mut Tx, moved: &[Clocked]) -> Result<(), sqlx::Error> {
    if moved.is_empty() {
        return Ok(());
    }
    let center = tx.center().to_owned();
    sqlx::query(
        "UPDATE decisions AS d SET response_due_at = t.due, clock_starts_at = t.starts, after_hours = t.after_hours, \
             clock_state = t.state, version = t.version \
         FROM unnest($2::uuid[], $3::timestamptz[], $4::timestamptz[], $5::boolean[], $6::text[], $7::bigint[]) \
             AS t (id, due, starts, after_hours, state, version) WHERE d.center_id = $1 AND d.inquiry_id = t.id",
    )
    .bind(center)
    .bind(moved.iter().map(|one| one.inquiry_id).collect::<Vec<_>>())
    .bind(moved.iter().map(|one| Ts(one.response_due_at)).collect::<Vec<_>>())
    .bind(moved.iter().map(|one| Ts(one.clock_starts_at)).collect::<Vec<_>>())
    .bind(moved.iter().map(|one| one.after_hours).collect::<Vec<_>>())
    .bind(moved.iter().map(|one| one.clock_state.as_str()).collect::<Vec<_>>())
    .bind(moved.iter().map(|one| one.version).collect::<Vec<_>>())
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// A pause of one clock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Paused {
    pub from: Timestamp,
    pub to: Timestamp,
    pub reason: String,
}

impl Paused {
    /// As the calendar takes it.
    pub(crate) fn stretch(&self) -> Pause {
        Pause { from: self.from, to: Some(self.to) }
    }
}

/// The pauses of inquiries, each inquiry's in order.
pub(crate) async fn pauses(tx: &mut Tx, inquiries: &[Uuid]) -> Result<HashMap<Uuid, Vec<Paused>>, sqlx::Error> {
    let center = tx.center().to_owned();
    let rows: Vec<(Uuid, Ts, Ts, String)> = sqlx::query_as(
        "SELECT inquiry_id, from_at, to_at, reason FROM pauses WHERE center_id = $1 AND inquiry_id = ANY($2) \
         ORDER BY inquiry_id, from_at",
    )
    .bind(center)
    .bind(inquiries)
    .fetch_all(tx.conn())
    .await?;
    let mut all: HashMap<Uuid, Vec<Paused>> = HashMap::new();
    for (inquiry_id, from, to, reason) in rows {
        all.entry(inquiry_id).or_default().push(Paused { from: from.0, to: to.0, reason });
    }
    Ok(all)
}

/// Sets a pause of an inquiry from an instant on; the one that begins there already gets this end and reason.
pub(crate) async fn set_pause(tx: &mut Tx, inquiry_id: Uuid, pause: &Paused, by: &str) -> Result<(), sqlx::Error> {
    let center = tx.center().to_owned();
    sqlx::query(
        "INSERT INTO pauses (center_id, inquiry_id, from_at, to_at, reason, set_by) VALUES ($1, $2, $3, $4, $5, $6) \
         ON CONFLICT (center_id, inquiry_id, from_at) DO UPDATE \
         SET to_at = excluded.to_at, reason = excluded.reason, set_by = excluded.set_by, ended_by = NULL",
    )
    .bind(center)
    .bind(inquiry_id)
    .bind(Ts(pause.from))
    .bind(Ts(pause.to))
    .bind(&pause.reason)
    .bind(by)
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Ends what stands still at this moment.
pub(crate) async fn end_pauses(tx: &mut Tx, inquiry_id: Uuid, by: &str) -> Result<bool, sqlx::Error> {
    let (center, now) = (tx.center().to_owned(), tx.now());
    let ended = sqlx::query(
        "UPDATE pauses SET to_at = $3, ended_by = $4 \
         WHERE center_id = $1 AND inquiry_id = $2 AND from_at <= $3 AND to_at > $3",
    )
    .bind(center)
    .bind(inquiry_id)
    .bind(Ts(now))
    .bind(by)
    .execute(tx.conn())
    .await?;
    Ok(ended.rows_affected() > 0)
}
