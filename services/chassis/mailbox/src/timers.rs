//! Durable timers: a table, not a sleep. They fire on the database's time, once each, in the transaction of their effect. One that
//! keeps failing becomes a row in `parked`, and its replay sets it again.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use causeway_envelope::{Envelope, TraceContext};
use futures::future::BoxFuture;
use jiff::Timestamp;
use sqlx::Row as _;
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};
use uuid::Uuid;

use crate::consumer::{HandlerError, Outcome};
use crate::database::Database;
use crate::parked;
use crate::time::Ts;
use crate::tx::Tx;

/// A timer to set.
#[derive(Debug, Clone)]
pub struct Timer {
    /// What it is about.
    pub aggregate_id: Uuid,
    /// What is to happen.
    pub kind: &'static str,
    /// Tells several timers of one kind apart, such as the number of a reminder.
    pub occurrence: String,
    /// When, in the service's time.
    pub due_at: Timestamp,
    /// What the handler needs to know, without PHI.
    pub payload: serde_json::Value,
    /// The trace that the effect will belong to.
    pub trace: TraceContext,
}

/// A timer that fires.
#[derive(Debug, Clone)]
pub struct DueTimer {
    /// Its id.
    pub timer_id: Uuid,
    /// What it is about.
    pub aggregate_id: Uuid,
    /// What is to happen.
    pub kind: String,
    /// Tells several timers of one kind apart.
    pub occurrence: String,
    /// When it was due.
    pub due_at: Timestamp,
    /// What was kept for the handler.
    pub payload: serde_json::Value,
    /// The trace that the effect belongs to.
    pub trace: TraceContext,
}

/// What happens when timers fire. The handler reads its aggregate again: a stale timer does nothing.
pub trait TimerHandler: Send + Sync + 'static {
    /// All of one center and one kind; one outcome each. Kinds are apart so that a handler that takes timers of another kind back holds
    /// none of these: what is locked first would then not be in the order of all others.
    fn fire<'a>(&'a self, tx: &'a mut Tx, due: &'a [DueTimer]) -> BoxFuture<'a, Result<Vec<Outcome>, HandlerError>>;
}

/// Most timers that fire in one transaction.
const BATCH: i64 = 256;
/// A timer that failed this often by its own fault is parked.
const MOST_ATTEMPTS: i32 = 6;
/// From this try on, timers that fail because the database can't be used are fired one by one.
const ALONE_FROM: i32 = 3;
/// After so many of them in a row it is the database and not the timer.
const MOST_IN_A_ROW: usize = 2;

pub(crate) async fn insert(tx: &mut Tx, all: &[Timer]) -> Result<(), sqlx::Error> {
    if all.is_empty() {
        return Ok(());
    }
    let ids: Vec<Uuid> = all.iter().map(|_| tx.new_id()).collect();
    let center = tx.center().to_owned();
    sqlx::query(
        "INSERT INTO timers (timer_id, center_id, aggregate_id, kind, occurrence, due_at, payload, traceparent) \
         SELECT id, $2, aggregate, kind, occurrence, due, payload, trace \
         FROM unnest($1::uuid[], $3::uuid[], $4::text[], $5::text[], $6::timestamptz[], $7::jsonb[], $8::text[]) \
              AS t (id, aggregate, kind, occurrence, due, payload, trace) \
         ON CONFLICT (center_id, aggregate_id, kind, occurrence) DO UPDATE \
         SET due_at = excluded.due_at, payload = excluded.payload, state = 'pending', lease_until = NULL, attempts = 0 \
         WHERE timers.state <> 'fired'",
    )
    .bind(ids)
    .bind(center)
    .bind(all.iter().map(|timer| timer.aggregate_id).collect::<Vec<_>>())
    .bind(all.iter().map(|timer| timer.kind).collect::<Vec<_>>())
    .bind(all.iter().map(|timer| timer.occurrence.as_str()).collect::<Vec<_>>())
    .bind(all.iter().map(|timer| Ts(timer.due_at)).collect::<Vec<_>>())
    .bind(all.iter().map(|timer| timer.payload.clone()).collect::<Vec<_>>())
    .bind(all.iter().map(|timer| timer.trace.traceparent()).collect::<Vec<_>>())
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Rows are locked in one order by whoever takes timers back or fires them, so that two never wait for each other in a circle.
macro_rules! in_order {
    ($which:literal, $set:literal) => {
        concat!(
            "WITH mine AS (SELECT t.center_id, t.aggregate_id, t.kind, t.occurrence FROM timers AS t WHERE ",
            $which,
            " AND t.state = 'pending' ORDER BY t.aggregate_id, t.kind, t.occurrence FOR UPDATE OF t) \
             UPDATE timers SET ",
            $set,
            " FROM mine WHERE timers.center_id = mine.center_id AND timers.aggregate_id = mine.aggregate_id \
             AND timers.kind = mine.kind AND timers.occurrence = mine.occurrence"
        )
    };
}

/// Takes back the pending timers of aggregates, each with its kind; `None`: every kind.
pub(crate) async fn cancel(tx: &mut Tx, which: &[(Uuid, Option<&str>)]) -> Result<u64, sqlx::Error> {
    if which.is_empty() {
        return Ok(0);
    }
    let done = sqlx::query(in_order!(
        "t.aggregate_id = ANY($1) AND EXISTS (SELECT 1 FROM unnest($1::uuid[], $2::text[]) AS w (id, kind) \
         WHERE w.id = t.aggregate_id AND (w.kind IS NULL OR w.kind = t.kind))",
        "state = 'cancelled'"
    ))
    .bind(which.iter().map(|(aggregate, _)| *aggregate).collect::<Vec<_>>())
    .bind(which.iter().map(|(_, kind)| *kind).collect::<Vec<_>>())
    .execute(tx.conn())
    .await?;
    Ok(done.rows_affected())
}

/// Fires what is due, until stopped.
pub(crate) async fn run(database: Database, handler: Arc<dyn TimerHandler>, every: Duration, stop: CancellationToken) {
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(every) => {}
        }
        loop {
            match fire_due(&database, &handler).await {
                Ok(fired) if fired == BATCH as usize && !stop.is_cancelled() => {}
                Ok(_) => break,
                Err(cause) => {
                    debug!(%cause, "look for due timers; tried again shortly");
                    break;
                }
            }
        }
    }
}

async fn fire_due(database: &Database, handler: &Arc<dyn TimerHandler>) -> Result<usize, crate::TxError> {
    let now = database.now().await?;
    let claimed = sqlx::query(
        "WITH due AS (SELECT center_id, aggregate_id, kind, occurrence FROM timers WHERE state = 'pending' AND due_at <= $1 \
             AND (lease_until IS NULL OR lease_until < now()) ORDER BY due_at LIMIT $2 FOR UPDATE SKIP LOCKED) \
         UPDATE timers SET lease_until = now() + make_interval(secs => least(3600, 30 * (attempts + 1))), attempts = attempts + 1 \
         FROM due WHERE timers.center_id = due.center_id AND timers.aggregate_id = due.aggregate_id \
             AND timers.kind = due.kind AND timers.occurrence = due.occurrence \
         RETURNING timer_id, timers.center_id, timers.aggregate_id, timers.kind, attempts",
    )
    .bind(Ts(now))
    .bind(BATCH)
    .fetch_all(database.machine())
    .await?;
    let mut by_kind: BTreeMap<(String, String), Vec<Claimed>> = BTreeMap::new();
    for row in &claimed {
        let one = Claimed {
            timer_id: row.try_get("timer_id")?,
            aggregate_id: row.try_get("aggregate_id")?,
            attempts: row.try_get("attempts")?,
        };
        by_kind.entry((row.try_get("center_id")?, row.try_get("kind")?)).or_default().push(one);
    }
    for ((center, _), timers) in by_kind {
        fire_together(database, handler, &center, timers).await;
    }
    Ok(claimed.len())
}

/// A timer that this process may fire. The index finds it by its aggregate; the id tells it from the aggregate's others.
#[derive(Clone, Copy)]
struct Claimed {
    timer_id: Uuid,
    aggregate_id: Uuid,
    /// How often it was tried, with this time.
    attempts: i32,
}

/// Fires the timers of one kind of a center together; where that fails, each one alone, so that one does not hold up the others. One that
/// keeps failing alone is parked.
async fn fire_together(database: &Database, handler: &Arc<dyn TimerHandler>, center: &str, timers: Vec<Claimed>) {
    let Err(cause) = fire(database, handler, center, timers.clone()).await else { return };
    if let [alone] = timers.as_slice() {
        failed(database, center, *alone, &cause).await;
        return;
    }
    debug!(%cause, count = timers.len(), "timers could not be fired together");
    if cause.is_transient() && timers.iter().all(|timer| timer.attempts < ALONE_FROM) {
        return;
    }
    let mut failures = 0;
    for timer in timers {
        if failures >= MOST_IN_A_ROW {
            return;
        }
        let Err(cause) = fire(database, handler, center, vec![timer]).await else {
            failures = 0;
            continue;
        };
        failures = if cause.is_transient() { failures + 1 } else { 0 };
        failed(database, center, timer, &cause).await;
    }
}

/// A timer that could not fire alone comes again after its lease, and is parked where that has happened often enough.
async fn failed(database: &Database, center: &str, timer: Claimed, cause: &HandlerError) {
    let Claimed { timer_id, attempts, .. } = timer;
    warn!(timer.id = %timer_id, attempts, %cause, "timer could not fire");
    if cause.is_transient() || attempts < MOST_ATTEMPTS {
        return;
    }
    let reason = format!("failed {attempts} times: {cause}");
    let parked: Result<(), HandlerError> = database
        .with_tx(center, move |tx| {
            Box::pin(async move {
                // Somebody else may have had more luck with it meanwhile, or have cancelled it.
                for due in take(tx, &[timer]).await? {
                    park(tx, &due, &reason, attempts.into()).await?;
                }
                Ok(())
            })
        })
        .await;
    if let Err(cause) = parked {
        warn!(timer.id = %timer_id, %cause, "timer could not be parked; it is tried again after its lease");
    }
}

/// Marks timers as fired, as far as they still wait to.
async fn take(tx: &mut Tx, timers: &[Claimed]) -> Result<Vec<DueTimer>, sqlx::Error> {
    let rows = sqlx::query(concat!(
        in_order!("t.timer_id = ANY($1) AND t.aggregate_id = ANY($2)", "state = 'fired', lease_until = NULL"),
        " RETURNING timer_id, timers.aggregate_id, timers.kind, timers.occurrence, due_at, payload, traceparent"
    ))
    .bind(timers.iter().map(|timer| timer.timer_id).collect::<Vec<_>>())
    .bind(timers.iter().map(|timer| timer.aggregate_id).collect::<Vec<_>>())
    .fetch_all(tx.conn())
    .await?;
    rows.iter().map(read).collect()
}

async fn fire(
    database: &Database,
    handler: &Arc<dyn TimerHandler>,
    center: &str,
    timers: Vec<Claimed>,
) -> Result<(), HandlerError> {
    let handler = handler.clone();
    database
        .with_tx(center, move |tx| {
            Box::pin(async move {
                let due = take(tx, &timers).await?;
                if due.is_empty() {
                    return Ok(());
                }
                let outcomes = handler.fire(tx, &due).await?;
                if outcomes.len() != due.len() {
                    return Err(HandlerError::Failed("handler gave another number of outcomes than timers".into()));
                }
                for (timer, outcome) in due.iter().zip(outcomes) {
                    match outcome {
                        Outcome::Done | Outcome::AlreadyApplied => {}
                        Outcome::RetryAfter(wait) => again(tx, timer, wait).await?,
                        Outcome::Park(reason) => park(tx, timer, &reason, 1).await?,
                    }
                }
                Ok(())
            })
        })
        .await
}

/// A timer whose effect is impossible becomes a row that an operator sees.
async fn park(tx: &mut Tx, timer: &DueTimer, reason: &str, attempts: i64) -> Result<(), sqlx::Error> {
    warn!(timer.id = %timer.timer_id, timer.kind = %timer.kind, "timer is parked for an operator");
    let envelope = Envelope {
        id: timer.timer_id,
        kind: format!("{}{}", parked::TIMER, timer.kind),
        source: String::new(),
        subject: format!("timer.{}", timer.kind),
        center: tx.center().to_owned(),
        aggregate_id: timer.aggregate_id,
        version: 0,
        time: timer.due_at,
        trace: timer.trace.clone(),
    };
    parked::insert(tx, &envelope, timer.payload.to_string().as_bytes(), reason, attempts).await
}

/// A timer that has to wait has not failed: its tries are counted anew.
async fn again(tx: &mut Tx, timer: &DueTimer, wait: Duration) -> Result<(), sqlx::Error> {
    let due = tx.now() + jiff::SignedDuration::try_from(wait).unwrap_or(jiff::SignedDuration::from_mins(1));
    sqlx::query(
        "UPDATE timers SET state = 'pending', due_at = $3, attempts = 0 WHERE aggregate_id = $1 AND timer_id = $2",
    )
    .bind(timer.aggregate_id)
    .bind(timer.timer_id)
    .bind(Ts(due))
    .execute(tx.conn())
    .await?;
    Ok(())
}

fn read(row: &sqlx::postgres::PgRow) -> Result<DueTimer, sqlx::Error> {
    let due: Ts = row.try_get("due_at")?;
    let trace: Option<String> = row.try_get("traceparent")?;
    Ok(DueTimer {
        timer_id: row.try_get("timer_id")?,
        aggregate_id: row.try_get("aggregate_id")?,
        kind: row.try_get("kind")?,
        occurrence: row.try_get("occurrence")?,
        due_at: due.0,
        payload: row.try_get("payload")?,
        trace: TraceContext::parse(trace.as_deref().unwrap_or_default()),
    })
}
