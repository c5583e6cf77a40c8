//! The relay: from the outbox to the bus.
//!
//! What was just committed comes through a channel and is published at once; what the channel missed (crash, full
//! channel, bus down) is found in the table. Publishing twice is harmless: the server recognises the id, and the
//! listeners' inboxes are the guarantee. No row lock is held while waiting for the bus.

use std::time::Duration;

use causeway_bus::Bus;
use sqlx::PgPool;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};
use uuid::Uuid;

use crate::database::Database;
use crate::outbox::{self, Row};
use crate::parked;

/// Most messages in flight at once.
const BATCH: usize = 512;
/// How long the relay stays for what the last requests commit.
const LINGER: Duration = Duration::from_millis(700);
/// A row that failed this often while others went through is parked.
const MOST_ATTEMPTS: i32 = 20;

/// Publishes the outbox of one database.
#[derive(Clone)]
pub(crate) struct Relay {
    database: Database,
    bus: Bus,
    marked: mpsc::Sender<Vec<Uuid>>,
}

impl Relay {
    pub fn new(database: Database, bus: Bus) -> (Self, mpsc::Receiver<Vec<Uuid>>) {
        let (marked, to_mark) = mpsc::channel(256);
        (Self { database, bus, marked }, to_mark)
    }

    /// Publishes what was just committed. After a soft stop it goes on until nothing came for a moment, so that what the
    /// last requests committed still goes out; whatever is later is found by the sweep of the next start.
    pub async fn run_fresh(self, mut committed: mpsc::Receiver<Vec<Row>>, stop: CancellationToken) {
        let mut waiting = Vec::new();
        loop {
            let count = if stop.is_cancelled() {
                let last = tokio::time::timeout(LINGER, committed.recv_many(&mut waiting, 64));
                last.await.unwrap_or_default()
            } else {
                tokio::select! {
                    () = stop.cancelled() => continue,
                    count = committed.recv_many(&mut waiting, 64) => count,
                }
            };
            if count == 0 {
                return;
            }
            let rows: Vec<Row> = waiting.drain(..).flatten().collect();
            // While the bus is down the sweep alone tries, so that this channel never stands still.
            if self.bus.is_healthy() {
                for chunk in rows.chunks(BATCH) {
                    self.publish(chunk).await;
                }
            }
        }
    }

    /// Finds what the channel missed, until stopped.
    pub async fn run_sweep(self, every: Duration, older_than: Duration, stop: CancellationToken) {
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(every) => {}
            }
            loop {
                match self.sweep(older_than).await {
                    Ok(published) if published == BATCH && !stop.is_cancelled() => {}
                    Ok(_) => break,
                    Err(cause) => {
                        debug!(%cause, "read the outbox; tried again shortly");
                        break;
                    }
                }
            }
        }
    }

    /// Publishes one batch of rows that have waited; gives how many went through.
    async fn sweep(&self, older_than: Duration) -> Result<usize, sqlx::Error> {
        let rows = claim(self.database.machine(), self.database.service(), older_than).await?;
        if rows.is_empty() {
            return Ok(0);
        }
        let published = self.publish(&rows).await;
        if published == 0 {
            let no_stream = self.bus.ensure_streams().await;
            debug!(recovered = no_stream.is_ok(), "nothing could be published; streams were checked");
        }
        Ok(published)
    }

    async fn publish(&self, rows: &[Row]) -> usize {
        let batch: Vec<_> = rows.iter().map(|row| row.outgoing("")).collect();
        let answers = self.bus.publish(&batch).await;
        let (mut done, mut failed) = (Vec::with_capacity(rows.len()), Vec::new());
        for (row, answer) in rows.iter().zip(&answers) {
            match answer {
                Ok(_) => done.push(row.envelope.id),
                // A full stream is nobody's own fault: the row waits until there is room.
                Err(cause) if cause.cause.contains("maximum") => {}
                Err(cause) => failed.push((row, cause)),
            }
        }
        let published = done.len();
        if !done.is_empty() {
            // The marker writes many batches with one statement; if it is gone the process is ending.
            let _ = self.marked.send(done).await;
        }
        // A failure while others went through is the row's own; a failure of all is the bus's.
        if published > 0 && !failed.is_empty() {
            self.count_failures(&failed).await;
        }
        published
    }

    async fn count_failures(&self, failed: &[(&Row, &causeway_bus::PublishFailed)]) {
        let ids: Vec<Uuid> = failed.iter().map(|(row, _)| row.envelope.id).collect();
        let counted = sqlx::query_as::<_, (Uuid, i32)>(
            "UPDATE outbox_pending SET attempts = attempts + 1 WHERE event_id = ANY($1) RETURNING event_id, attempts",
        )
        .bind(&ids)
        .fetch_all(self.database.machine())
        .await;
        let Ok(counted) = counted else { return };
        for (row, cause) in failed {
            let attempts = counted.iter().find(|(id, _)| *id == row.envelope.id).map_or(0, |(_, attempts)| *attempts);
            if attempts >= MOST_ATTEMPTS {
                warn!(event.id = %row.envelope.id, event.kind = %row.envelope.kind, "event can not be published and is parked");
                let reason = format!("could not be published {attempts} times: {}", cause.cause);
                let parked = parked::insert_unpublished(self.database.machine(), row, &reason, attempts).await;
                if parked.is_ok() {
                    let _ = self.marked.send(vec![row.envelope.id]).await;
                }
            }
        }
    }
}

/// Takes published rows off the list of what waits, many with one statement, until the relay is gone.
pub(crate) async fn run_marker(pool: PgPool, mut to_mark: mpsc::Receiver<Vec<Uuid>>) {
    let mut waiting = Vec::new();
    while to_mark.recv_many(&mut waiting, 64).await > 0 {
        let ids: Vec<Uuid> = waiting.drain(..).flatten().collect();
        let marked = sqlx::query("DELETE FROM outbox_pending WHERE event_id = ANY($1)").bind(&ids).execute(&pool).await;
        if let Err(cause) = marked {
            // The sweep publishes them once more, which the server recognises.
            debug!(%cause, "mark events as published");
        }
        // Lets the next few batches gather: one statement for many rows costs hardly more than for few.
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn claim(pool: &PgPool, source: &str, older_than: Duration) -> Result<Vec<Row>, sqlx::Error> {
    let rows = sqlx::query(
        "WITH due AS (SELECT event_id FROM outbox_pending \
            WHERE created_at < now() - make_interval(secs => $1) AND (leased_until IS NULL OR leased_until < now()) \
            ORDER BY created_at LIMIT $2 FOR UPDATE SKIP LOCKED), \
         leased AS (UPDATE outbox_pending SET leased_until = now() + interval '15 seconds' FROM due \
            WHERE outbox_pending.event_id = due.event_id RETURNING outbox_pending.event_id, outbox_pending.created_at) \
         SELECT outbox.event_id, center_id, subject, kind, aggregate_id, version, occurred_at, traceparent, payload, outbox.created_at \
         FROM leased JOIN outbox ON outbox.event_id = leased.event_id AND outbox.created_at = leased.created_at",
    )
    .bind(older_than.as_secs_f64())
    .bind(BATCH as i64)
    .fetch_all(pool)
    .await?;
    rows.iter().map(|row| outbox::from_sql(source, row)).collect()
}
