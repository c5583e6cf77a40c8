//! SQL of closures on short notice.
//!
//! Entering and ending one waits for every computation that has begun without it (see the migration), so what it touches can
//! be seen from then on. Deliberately not here: what becomes of due times.

use causeway_mailbox::{Ts, Tx};
use jiff::Timestamp;
use sqlx::postgres::PgRow;
use sqlx::{FromRow, PgPool, Row as _};
use uuid::Uuid;

use crate::domain::Closed;

/// A closure as it was entered.
#[derive(Debug, Clone)]
pub(crate) struct Closure {
    pub closure_id: Uuid,
    pub closed: Closed,
    pub reason: String,
    pub note: String,
    pub entered_at: Timestamp,
    pub entered_by: String,
}

impl FromRow<'_, PgRow> for Closure {
    fn from_row(row: &PgRow) -> Result<Self, sqlx::Error> {
        Ok(Self {
            closure_id: row.try_get("closure_id")?,
            closed: closed(row)?,
            reason: row.try_get("reason")?,
            note: row.try_get("note")?,
            entered_at: row.try_get::<Ts, _>("entered_at")?.0,
            entered_by: row.try_get("entered_by")?,
        })
    }
}

fn closed(row: &PgRow) -> Result<Closed, sqlx::Error> {
    Ok(Closed {
        site: row.try_get("site")?,
        team: row.try_get("team")?,
        from: row.try_get::<Ts, _>("from_at")?.0,
        to: row.try_get::<Ts, _>("to_at")?.0,
    })
}

macro_rules! columns {
    () => {
        "closure_id, site, team, from_at, to_at, reason, note, entered_at, entered_by"
    };
}

/// The closures that are not over before an instant. From here until the transaction ends nobody enters or ends one.
pub(crate) async fn standing(tx: &mut Tx, since: Timestamp) -> Result<Vec<Closed>, sqlx::Error> {
    let center = tx.center().to_owned();
    let rows = sqlx::query("SELECT site, team, from_at, to_at FROM standing_closures($1, $2)")
        .bind(center)
        .bind(Ts(since))
        .fetch_all(tx.conn())
        .await?;
    rows.iter().map(closed).collect()
}

/// Waits for the computations that do not know yet what this transaction is about to change.
async fn hold_off(tx: &mut Tx) -> Result<(), sqlx::Error> {
    let center = tx.center().to_owned();
    sqlx::query("SELECT pg_advisory_xact_lock(hashtextextended('closures of ' || $1, 0))")
        .bind(center)
        .execute(tx.conn())
        .await?;
    Ok(())
}

/// Keeps a closure; gives the one that stands for it, and whether it is new.
pub(crate) async fn enter(tx: &mut Tx, new: &Closure) -> Result<(Closure, bool), sqlx::Error> {
    hold_off(tx).await?;
    let center = tx.center().to_owned();
    let kept: Option<Closure> = sqlx::query_as(concat!(
        "INSERT INTO closures (center_id, ",
        columns!(),
        ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) \
         ON CONFLICT (center_id, to_at, from_at, site, team) WHERE NOT withdrawn DO NOTHING RETURNING ",
        columns!()
    ))
    .bind(&center)
    .bind(new.closure_id)
    .bind(&new.closed.site)
    .bind(&new.closed.team)
    .bind(Ts(new.closed.from))
    .bind(Ts(new.closed.to))
    .bind(&new.reason)
    .bind(&new.note)
    .bind(Ts(new.entered_at))
    .bind(&new.entered_by)
    .fetch_optional(tx.conn())
    .await?;
    if let Some(kept) = kept {
        return Ok((kept, true));
    }
    let known = sqlx::query_as(concat!(
        "SELECT ",
        columns!(),
        " FROM closures WHERE center_id = $1 AND to_at = $2 AND from_at = $3 AND site = $4 AND team = $5 AND NOT withdrawn"
    ))
    .bind(center)
    .bind(Ts(new.closed.to))
    .bind(Ts(new.closed.from))
    .bind(&new.closed.site)
    .bind(&new.closed.team)
    .fetch_one(tx.conn())
    .await?;
    Ok((known, false))
}

/// Finds a closure that was not taken back, locks it, and holds off whoever computes with it.
pub(crate) async fn find_to_end(tx: &mut Tx, closure_id: Uuid) -> Result<Option<Closure>, sqlx::Error> {
    hold_off(tx).await?;
    let center = tx.center().to_owned();
    sqlx::query_as(concat!(
        "SELECT ",
        columns!(),
        " FROM closures WHERE center_id = $1 AND closure_id = $2 AND NOT withdrawn FOR UPDATE"
    ))
    .bind(center)
    .bind(closure_id)
    .fetch_optional(tx.conn())
    .await
}

/// Ends a closure now, or takes it back.
pub(crate) async fn end(tx: &mut Tx, closure_id: Uuid, withdraw: bool, by: &str) -> Result<(), sqlx::Error> {
    let (center, now) = (tx.center().to_owned(), tx.now());
    sqlx::query(
        "UPDATE closures SET withdrawn = $3, to_at = CASE WHEN $3 THEN to_at ELSE $4 END, ended_at = $4, ended_by = $5 \
         WHERE center_id = $1 AND closure_id = $2",
    )
    .bind(center)
    .bind(closure_id)
    .bind(withdraw)
    .bind(Ts(now))
    .bind(by)
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Those that end after an instant, the last end first: center, the instant, how many.
pub const LISTED: &str = concat!(
    "SELECT ",
    columns!(),
    " FROM closures WHERE center_id = $1 AND NOT withdrawn AND to_at > $2 ORDER BY to_at DESC, from_at DESC LIMIT $3"
);

/// The closures that end after an instant.
pub(crate) async fn list(tx: &mut Tx, since: Timestamp, most: i64) -> Result<Vec<Closure>, sqlx::Error> {
    let center = tx.center().to_owned();
    sqlx::query_as(LISTED).bind(center).bind(Ts(since)).bind(most).fetch_all(tx.conn()).await
}

/// What stands or lies ahead in every center, with a login that sees them all.
pub(crate) async fn ahead(machine: &PgPool, now: Timestamp) -> Result<Vec<(String, Closed)>, sqlx::Error> {
    let rows = sqlx::query(
        "SELECT center_id, site, team, from_at, to_at FROM closures WHERE NOT withdrawn AND to_at > $1 ORDER BY center_id",
    )
    .bind(Ts(now))
    .fetch_all(machine)
    .await?;
    rows.iter().map(|row| Ok((row.try_get("center_id")?, closed(row)?))).collect()
}
