//! The reconciler: what was published is compared with what each listener has seen, and what is missing is published again.
//!
//! This turns the loss of the whole bus into a delay. It asks each listener over the bus which events its inbox lacks,
//! walks the outbox in order of time, and remembers up to where everybody has everything.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use bytes::Bytes;
use causeway_bus::Bus;
use jiff::Timestamp;
use sqlx::{AssertSqlSafe, PgPool};
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};
use uuid::Uuid;

use crate::database::Database;
use crate::inbox;
use crate::outbox::{self, Row};
use crate::time::Ts;

const BATCH: i64 = 2000;

/// Subject on which a service answers which events it lacks.
pub(crate) fn subject(service: &str) -> String {
    format!("causeway.machine.inbox.{service}")
}

/// What one comparison found.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub struct Compared {
    /// Events looked at.
    pub events: u64,
    /// Events that a listener lacked and that were published again.
    pub republished: u64,
    /// Listeners that did not answer.
    pub silent: u64,
}

/// Who must have seen an event with a subject.
pub(crate) type Listeners = fn(&str) -> Vec<&'static str>;

pub(crate) struct Reconciler {
    pub database: Database,
    pub bus: Bus,
    pub listeners: Listeners,
    pub after: Duration,
    pub republished: prometheus::IntCounter,
    pub tries: HashMap<Uuid, u32>,
}

impl Reconciler {
    pub async fn run(mut self, every: Duration, stop: CancellationToken) {
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(every) => {}
            }
            if let Err(cause) = self.step().await {
                debug!(%cause, "compare the outbox with the listeners; tried again shortly");
            }
        }
    }

    async fn step(&mut self) -> Result<(), sqlx::Error> {
        let pool = self.database.machine().clone();
        loop {
            let through = through(&pool).await?;
            let rows = published(&pool, self.database.service(), through, self.after).await?;
            if rows.is_empty() {
                return Ok(());
            }
            let last = rows.last().map(|row| row.created);
            let (compared, missing) = compare(&self.bus, self.listeners, &rows).await;
            if !missing.is_empty() {
                self.republish(&missing).await;
            }
            let first_missing = missing.iter().map(|row| row.created).min();
            let confirmed = match (compared.silent, first_missing) {
                (0, None) => last,
                (0, Some(first)) => Some(first - jiff::SignedDuration::from_micros(1)),
                _ => None,
            };
            let Some(confirmed) = confirmed.filter(|at| through.is_none_or(|through| *at > through)) else {
                return Ok(());
            };
            set_through(&pool, confirmed).await?;
            if !missing.is_empty() || rows.len() < BATCH as usize {
                return Ok(());
            }
        }
    }

    async fn republish(&mut self, missing: &[Row]) {
        // The first time the server may still hold the message and only the listener lags: the same id is recognised.
        // After that a new id makes sure that it is delivered again.
        let mut outgoing = Vec::with_capacity(missing.len());
        for row in missing {
            let tries = self.tries.entry(row.envelope.id).or_default();
            *tries += 1;
            outgoing.push(row.outgoing(&if *tries == 1 { String::new() } else { format!(":r{tries}") }));
        }
        let mut through = 0;
        for chunk in outgoing.chunks(512) {
            through += self.bus.publish(chunk).await.iter().filter(|answer| answer.is_ok()).count();
        }
        warn!(
            missing = missing.len(),
            published = through,
            "events were missing at a listener and are published again"
        );
        self.republished.inc_by(through as u64);
        if self.tries.len() > 100_000 {
            self.tries.clear();
        }
    }
}

/// Compares the whole outbox with all listeners, from the beginning, for an operator.
pub async fn reconcile_all(
    pool: &PgPool,
    service: &str,
    bus: &Bus,
    listeners: fn(&str) -> Vec<&'static str>,
) -> Result<Compared, sqlx::Error> {
    let mut total = Compared::default();
    let mut through = None;
    loop {
        let rows = published(pool, service, through, Duration::ZERO).await?;
        let Some(last) = rows.last() else { return Ok(total) };
        through = Some(last.created);
        let (compared, missing) = compare(bus, listeners, &rows).await;
        let stamp: i64 = sqlx::query_scalar("SELECT extract(epoch FROM now())::bigint").fetch_one(pool).await?;
        let again: Vec<_> = missing.iter().map(|row| row.outgoing(&format!(":o{stamp}"))).collect();
        for chunk in again.chunks(512) {
            total.republished += bus.publish(chunk).await.iter().filter(|answer| answer.is_ok()).count() as u64;
        }
        total.events += compared.events;
        total.silent = total.silent.max(compared.silent);
    }
}

/// Answers which of the asked events this service lacks.
pub(crate) async fn answer(database: &Database, question: Bytes) -> Option<Bytes> {
    let asked = inbox::unpack(&question)?;
    let missing = inbox::missing(database.machine(), &asked).await.ok()?;
    Some(inbox::pack(&missing))
}

async fn compare(bus: &Bus, listeners: Listeners, rows: &[Row]) -> (Compared, Vec<Row>) {
    let mut wanted: BTreeMap<&'static str, Vec<Uuid>> = BTreeMap::new();
    for row in rows {
        for listener in listeners(&row.envelope.subject) {
            wanted.entry(listener).or_default().push(row.envelope.id);
        }
    }
    let mut compared = Compared { events: rows.len() as u64, ..Compared::default() };
    let mut missing = std::collections::HashSet::new();
    for (listener, ids) in wanted {
        for chunk in ids.chunks(1000) {
            let answer = bus.ask(subject(listener), inbox::pack(chunk), Duration::from_secs(5)).await;
            match answer.ok().and_then(|bytes| inbox::unpack(&bytes)) {
                Some(lacking) => missing.extend(lacking),
                None => compared.silent += 1,
            }
        }
    }
    let missing = rows.iter().filter(|row| missing.contains(&row.envelope.id)).cloned().collect();
    (compared, missing)
}

async fn through(pool: &PgPool) -> Result<Option<Timestamp>, sqlx::Error> {
    let through: Option<Ts> = sqlx::query_scalar("SELECT through FROM reconciled").fetch_optional(pool).await?;
    Ok(through.map(|at| at.0))
}

async fn set_through(pool: &PgPool, at: Timestamp) -> Result<(), sqlx::Error> {
    sqlx::query(
        "INSERT INTO reconciled (through) VALUES ($1) ON CONFLICT (only_row) DO UPDATE SET through = excluded.through",
    )
    .bind(Ts(at))
    .execute(pool)
    .await?;
    Ok(())
}

/// Published events after a time, oldest first, none younger than `after`. Rows of one instant are never torn apart: all
/// of the last instant come along.
async fn published(
    pool: &PgPool,
    service: &str,
    through: Option<Timestamp>,
    after: Duration,
) -> Result<Vec<Row>, sqlx::Error> {
    let sql = format!(
        "SELECT {} FROM outbox WHERE created_at > $1 AND created_at < now() - make_interval(secs => $2) \
         AND NOT EXISTS (SELECT 1 FROM outbox_pending WHERE outbox_pending.event_id = outbox.event_id) \
         ORDER BY created_at FETCH FIRST $3 ROWS WITH TIES",
        outbox::COLUMNS
    );
    let rows = sqlx::query(AssertSqlSafe(sql))
        .bind(Ts(through.unwrap_or(Timestamp::UNIX_EPOCH)))
        .bind(after.as_secs_f64())
        .bind(BATCH)
        .fetch_all(pool)
        .await?;
    rows.iter().map(|row| outbox::from_sql(service, row)).collect()
}
