//! The reconciler: what was published is compared with what each listener has seen, and what is missing is published again.
//!
//! This turns the loss of the whole bus into a delay. It asks each listener over the bus which events its inbox lacks,
//! walks the outbox in order of time, and remembers up to where everybody has everything.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::time::Duration;

use bytes::Bytes;
use causeway_bus::{Bus, Outgoing};
use jiff::Timestamp;
use sqlx::{AssertSqlSafe, PgPool};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::warn;
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

/// How often a missing message was published again, and when it may be the next time.
type Tries = HashMap<Uuid, (u32, Instant)>;

pub(crate) struct Reconciler {
    pub database: Database,
    pub bus: Bus,
    pub listeners: Listeners,
    pub after: Duration,
    pub republished: prometheus::IntCounter,
    pub through: prometheus::IntGauge,
    pub tries: Tries,
}

impl Reconciler {
    pub async fn run(mut self, every: Duration, stop: CancellationToken) {
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(every) => {}
            }
            if let Err(cause) = self.step(every).await {
                warn!(%cause, "compare the outbox with the listeners; tried again shortly");
            }
        }
    }

    /// Walks from where everybody has everything to the present. The first gap holds up what is remembered, not the walk:
    /// what is missing behind it is published in the same step.
    async fn step(&mut self, every: Duration) -> Result<(), sqlx::Error> {
        let pool = self.database.machine().clone();
        let known = through(&pool).await?;
        // Asked before the first page: what waits now is on none of them, and may be published and off the list at the end.
        let waited = waits_since(&pool).await?;
        let (mut cursor, mut confirmed, mut gap) = (known, known, false);
        let mut silent = BTreeSet::new();
        for _ in 0..MOST_PAGES {
            let rows = published(&pool, self.database.service(), cursor, self.after).await?;
            let Some(last) = rows.last().map(|row| row.created) else { break };
            let missing = compare(&self.bus, self.listeners, &rows, &mut silent).await;
            self.republish(&missing, every).await;
            if !gap {
                let first_missing = missing.iter().map(|row| row.created).min();
                gap = !silent.is_empty() || first_missing.is_some();
                match first_missing {
                    None if silent.is_empty() => confirmed = Some(last),
                    Some(first) if silent.is_empty() => confirmed = Some(just_before(first)),
                    _ => {}
                }
            }
            cursor = Some(last);
            if rows.len() < BATCH as usize {
                break;
            }
        }
        self.remember(&pool, known, confirmed, waited).await
    }

    /// What waited to be published at any moment of the walk may not have been compared, so nothing behind it counts as
    /// confirmed.
    async fn remember(
        &self,
        pool: &PgPool,
        known: Option<Timestamp>,
        confirmed: Option<Timestamp>,
        waited: Option<Timestamp>,
    ) -> Result<(), sqlx::Error> {
        let oldest = waited.into_iter().chain(waits_since(pool).await?).min();
        let confirmed = confirmed.map(|at| oldest.map_or(at, |oldest| at.min(just_before(oldest))));
        let Some(at) = confirmed.filter(|at| known.is_none_or(|known| *at > known)) else { return Ok(()) };
        if move_through(pool, known, at).await? {
            self.through.set(at.as_second());
        }
        Ok(())
    }

    /// The first time the server may still hold the message and only the listener lags: the same message, with the same id,
    /// is recognised. After that a new id makes sure that it is delivered again, less and less often, because a listener that keeps giving a
    /// message back would otherwise drown in copies.
    async fn republish(&mut self, missing: &[Row], every: Duration) {
        let now = Instant::now();
        let mut by_message: BTreeMap<Uuid, Vec<&Row>> = BTreeMap::new();
        missing.iter().for_each(|row| by_message.entry(row.unit()).or_default().push(row));
        let mut due: BTreeMap<u32, Vec<&Row>> = BTreeMap::new();
        for (message, rows) in by_message {
            let (tries, next) = self.tries.entry(message).or_insert((0, now));
            if *next > now {
                continue;
            }
            *tries += 1;
            *next = now + every.saturating_mul(1 << (*tries).min(8)).min(LONGEST_WAIT);
            due.entry(*tries).or_default().extend(rows);
        }
        let mut outgoing = Vec::new();
        for (tries, rows) in due {
            let copy = if tries == 1 { String::new() } else { format!(":r{tries}") };
            outgoing.extend(outbox::messages(rows, &copy).into_iter().map(|(message, rows)| (message, rows.len())));
        }
        if outgoing.is_empty() {
            return;
        }
        let mut through = 0;
        for chunk in outgoing.chunks(512) {
            let (messages, events): (Vec<Outgoing>, Vec<usize>) = chunk.iter().cloned().unzip();
            let answers = self.bus.publish(&messages).await;
            through +=
                answers.iter().zip(events).filter(|(answer, _)| answer.is_ok()).map(|(_, count)| count).sum::<usize>();
        }
        warn!(
            missing = outgoing.iter().map(|(_, events)| events).sum::<usize>(),
            published = through,
            "events were missing at a listener and are published again"
        );
        self.republished.inc_by(through as u64);
        if self.tries.len() > 100_000 {
            self.tries.clear();
        }
    }
}

/// Most pages of one walk; the next walk begins where everybody has everything.
const MOST_PAGES: usize = 500;
/// Longest time between two copies of one message.
const LONGEST_WAIT: Duration = Duration::from_secs(3600);

fn just_before(at: Timestamp) -> Timestamp {
    at - jiff::SignedDuration::from_micros(1)
}

/// Compares the whole outbox with all listeners, from the beginning, for an operator.
pub async fn reconcile_all(
    pool: &PgPool,
    service: &str,
    bus: &Bus,
    listeners: fn(&str) -> Vec<&'static str>,
) -> Result<Compared, sqlx::Error> {
    let mut total = Compared::default();
    let (mut through, mut silent) = (None, BTreeSet::new());
    loop {
        let rows = published(pool, service, through, Duration::ZERO).await?;
        let Some(last) = rows.last() else { return Ok(total) };
        through = Some(last.created);
        let missing = compare(bus, listeners, &rows, &mut silent).await;
        let stamp: i64 = sqlx::query_scalar("SELECT extract(epoch FROM now())::bigint").fetch_one(pool).await?;
        let (again, events): (Vec<Outgoing>, Vec<u64>) = outbox::messages(&missing, &format!(":o{stamp}"))
            .into_iter()
            .map(|(message, rows)| (message, rows.len() as u64))
            .unzip();
        for (chunk, events) in again.chunks(512).zip(events.chunks(512)) {
            let answers = bus.publish(chunk).await.into_iter().zip(events);
            total.republished += answers.filter(|(answer, _)| answer.is_ok()).map(|(_, events)| *events).sum::<u64>();
        }
        total.events += rows.len() as u64;
        total.silent = silent.len() as u64;
    }
}

/// Answers which of the asked messages this service lacks.
pub(crate) async fn answer(database: &Database, question: Bytes) -> Option<Bytes> {
    let asked = inbox::unpack(&question)?;
    let missing = inbox::missing(database.machine(), &asked).await.ok()?;
    Some(inbox::pack(&missing))
}

/// Rows that a listener lacks. A listener that did not answer is asked no more in this walk.
async fn compare(bus: &Bus, listeners: Listeners, rows: &[Row], silent: &mut BTreeSet<&'static str>) -> Vec<Row> {
    let mut wanted: BTreeMap<&'static str, BTreeSet<Uuid>> = BTreeMap::new();
    for row in rows {
        for listener in listeners(&row.envelope.subject) {
            wanted.entry(listener).or_default().insert(row.unit());
        }
    }
    let mut missing = HashSet::new();
    for (listener, ids) in wanted {
        let ids: Vec<Uuid> = ids.into_iter().collect();
        for chunk in ids.chunks(1000) {
            if silent.contains(listener) {
                break;
            }
            let answer = bus.ask(subject(listener), inbox::pack(chunk), Duration::from_secs(5)).await;
            match answer.ok().and_then(|bytes| inbox::unpack(&bytes)) {
                Some(lacking) => missing.extend(lacking),
                None => {
                    silent.insert(listener);
                }
            }
        }
    }
    rows.iter().filter(|row| missing.contains(&row.unit())).cloned().collect()
}

async fn through(pool: &PgPool) -> Result<Option<Timestamp>, sqlx::Error> {
    let through: Option<Ts> = sqlx::query_scalar("SELECT through FROM reconciled").fetch_optional(pool).await?;
    Ok(through.map(|at| at.0))
}

/// When the oldest event came about that is not known to be published; `None`: none waits.
async fn waits_since(pool: &PgPool) -> Result<Option<Timestamp>, sqlx::Error> {
    let oldest: Option<Ts> = sqlx::query_scalar("SELECT min(created_at) FROM outbox_pending").fetch_one(pool).await?;
    Ok(oldest.map(|at| at.0))
}

/// Moves the mark on; `false` where somebody has moved it meanwhile, such as a replay that pulled it back.
async fn move_through(pool: &PgPool, known: Option<Timestamp>, at: Timestamp) -> Result<bool, sqlx::Error> {
    let moved = match known {
        None => {
            let first = sqlx::query("INSERT INTO reconciled (through) VALUES ($1) ON CONFLICT DO NOTHING");
            first.bind(Ts(at)).execute(pool).await?
        }
        Some(known) => {
            let next = sqlx::query("UPDATE reconciled SET through = $1 WHERE through = $2");
            next.bind(Ts(at)).bind(Ts(known)).execute(pool).await?
        }
    };
    Ok(moved.rows_affected() == 1)
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
         AND NOT EXISTS (SELECT 1 FROM outbox_pending WHERE outbox_pending.created_at = outbox.created_at \
            AND outbox.event_id = ANY(outbox_pending.waiting)) \
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
