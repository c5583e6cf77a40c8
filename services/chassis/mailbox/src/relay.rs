//! The relay: from the outbox to the bus.
//!
//! What was just committed comes through a channel and is published at once; what the channel missed (crash, full
//! channel, bus down) is found in the table. Publishing twice is harmless: the server recognises the id, and the
//! listeners' inboxes are the guarantee. No row lock is held while waiting for the bus.

use std::time::Duration;

use causeway_bus::{Bus, Outgoing, PublishFailed};
use sqlx::{PgPool, Row as _};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};
use uuid::Uuid;

use crate::database::Database;
use crate::outbox::{self, Row};
use crate::parked;
use crate::time::Ts;

/// About so many events are in flight at once; a transaction's are never torn apart.
const FLIGHT: usize = 512;
/// Transactions that one sweep takes up.
const SWEPT: i64 = 64;
/// How long the relay stays for what the last requests commit.
const LINGER: Duration = Duration::from_millis(700);

/// The events of one transaction, as far as they wait.
struct Batch {
    place: Place,
    rows: Vec<Row>,
}

/// Where a batch stands in the table: the time of its transaction, and its id.
type Place = (Ts, Uuid);

impl Batch {
    /// What a transaction has just committed.
    fn fresh(rows: Vec<Row>) -> Option<Self> {
        let place = rows.first().map(|row| (Ts(row.created), row.envelope.id))?;
        Some(Self { place, rows })
    }
}

/// Publishes the outbox of one database.
#[derive(Clone)]
pub(crate) struct Relay {
    database: Database,
    bus: Bus,
    marked: mpsc::Sender<Vec<Place>>,
}

impl Relay {
    pub fn new(database: Database, bus: Bus) -> (Self, Marker) {
        let (marked, to_mark) = mpsc::channel(256);
        let pool = database.machine().clone();
        (Self { database, bus, marked }, Marker { pool, to_mark })
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
            let batches: Vec<Batch> = waiting.drain(..).filter_map(Batch::fresh).collect();
            // While the bus is down the sweep alone tries, so that this channel never stands still.
            if self.bus.is_healthy() {
                self.publish_all(batches).await;
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
                    Ok(full) if full && !stop.is_cancelled() => {}
                    Ok(_) => break,
                    Err(cause) => {
                        debug!(%cause, "read the outbox; tried again shortly");
                        break;
                    }
                }
            }
        }
    }

    /// Publishes some of what has waited; true where it all went through and more may wait.
    async fn sweep(&self, older_than: Duration) -> Result<bool, sqlx::Error> {
        let batches = claim(self.database.machine(), self.database.service(), older_than).await?;
        let (claimed, events) = (batches.len(), batches.iter().map(|batch| batch.rows.len()).sum::<usize>());
        if events == 0 {
            return Ok(false);
        }
        let published = self.publish_all(batches).await;
        if published == 0 {
            let no_stream = self.bus.ensure_streams().await;
            debug!(recovered = no_stream.is_ok(), "nothing could be published; streams were checked");
        }
        Ok(claimed == SWEPT as usize && published == events)
    }

    /// Gives how many events went through.
    async fn publish_all(&self, batches: Vec<Batch>) -> usize {
        let (mut published, mut flight, mut size) = (0, Vec::new(), 0);
        for batch in batches {
            size += batch.rows.len();
            flight.push(batch);
            if size >= FLIGHT {
                published += self.publish(&flight).await;
                (flight, size) = (Vec::new(), 0);
            }
        }
        if !flight.is_empty() {
            published += self.publish(&flight).await;
        }
        published
    }

    async fn publish(&self, batches: &[Batch]) -> usize {
        let messages: Vec<Vec<(Outgoing, Vec<&Row>)>> =
            batches.iter().map(|batch| outbox::messages(&batch.rows, "")).collect();
        let (mut outgoing, mut groups) = (Vec::with_capacity(batches.len()), Vec::with_capacity(batches.len()));
        for batch in messages {
            let (messages, rows): (Vec<Outgoing>, Vec<Vec<&Row>>) = batch.into_iter().unzip();
            outgoing.extend(messages);
            groups.push(rows);
        }
        let mut answers = self.bus.publish(&outgoing).await.into_iter();
        let (mut published, mut done, mut partly) = (0, Vec::with_capacity(batches.len()), Vec::new());
        for (batch, groups) in batches.iter().zip(groups) {
            let mut rest = Vec::new();
            for (rows, answer) in groups.into_iter().zip(answers.by_ref()) {
                match answer {
                    Ok(_) => published += rows.len(),
                    Err(cause) => rest.extend(rows.into_iter().map(|row| (row, cause.clone()))),
                }
            }
            if rest.is_empty() {
                done.push(batch.place);
            } else {
                partly.push((batch.place, rest));
            }
        }
        if !done.is_empty() {
            // The marker writes many batches with one statement; if it is gone the process is ending.
            let _ = self.marked.send(done).await;
        }
        // Where nothing went through the bus is at fault, and what waits may as well wait as it is.
        for (place, rest) in partly {
            if (published > 0 || rest.iter().any(|(_, cause)| cause.its_own))
                && let Err(cause) = self.keep_rest(place, &rest).await
            {
                debug!(%cause, "note what of a batch still waits; the sweep publishes it as a whole");
            }
        }
        published
    }

    /// What of a batch was not published waits on by itself; what can never be published is parked.
    async fn keep_rest(&self, place: Place, rest: &[(&Row, PublishFailed)]) -> Result<(), sqlx::Error> {
        let mut waiting = Vec::with_capacity(rest.len());
        for (row, failed) in rest {
            if !failed.its_own {
                waiting.push(row.envelope.id);
                continue;
            }
            warn!(event.id = %row.envelope.id, event.kind = %row.envelope.kind, "event can not be published and is parked");
            let id = self.database.clock().new_id();
            parked::insert_unpublished(self.database.machine(), id, row, &failed.to_string()).await?;
        }
        if waiting.is_empty() {
            let _ = self.marked.send(vec![place]).await;
            return Ok(());
        }
        sqlx::query("UPDATE outbox_pending SET waiting = $3 WHERE created_at = $1 AND batch_id = $2")
            .bind(place.0)
            .bind(place.1)
            .bind(&waiting)
            .execute(self.database.machine())
            .await?;
        Ok(())
    }
}

/// Takes published batches off the list of what waits.
pub(crate) struct Marker {
    pool: PgPool,
    to_mark: mpsc::Receiver<Vec<Place>>,
}

impl Marker {
    /// Many with one statement, until the relay is gone.
    pub async fn run(mut self) {
        let mut waiting = Vec::new();
        while self.to_mark.recv_many(&mut waiting, 64).await > 0 {
            let (times, ids): (Vec<Ts>, Vec<Uuid>) = waiting.drain(..).flatten().unzip();
            let marked = sqlx::query(
                "DELETE FROM outbox_pending USING unnest($1::timestamptz[], $2::uuid[]) AS given (created_at, batch_id) \
                 WHERE outbox_pending.created_at = given.created_at AND outbox_pending.batch_id = given.batch_id",
            )
            .bind(&times)
            .bind(&ids)
            .execute(&self.pool)
            .await;
            if let Err(cause) = marked {
                // The sweep publishes them once more, which the server recognises.
                debug!(%cause, "mark events as published");
            }
            // Lets the next few batches gather: one statement for many rows costs hardly more than for few.
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

async fn claim(pool: &PgPool, source: &str, older_than: Duration) -> Result<Vec<Batch>, sqlx::Error> {
    let rows = sqlx::query(
        "WITH due AS (SELECT batch_id, created_at FROM outbox_pending \
            WHERE created_at < now() - make_interval(secs => $1) AND (leased_until IS NULL OR leased_until < now()) \
            ORDER BY created_at LIMIT $2 FOR UPDATE SKIP LOCKED), \
         leased AS (UPDATE outbox_pending AS pending SET leased_until = now() + interval '15 seconds' FROM due \
            WHERE pending.created_at = due.created_at AND pending.batch_id = due.batch_id \
            RETURNING pending.batch_id, pending.created_at, pending.waiting) \
         SELECT batch_id, event_id, center_id, subject, kind, aggregate_id, version, occurred_at, traceparent, payload, \
            message_id, outbox.created_at \
         FROM leased JOIN outbox ON outbox.created_at = leased.created_at AND outbox.event_id = ANY(leased.waiting) \
         ORDER BY outbox.created_at, batch_id",
    )
    .bind(older_than.as_secs_f64())
    .bind(SWEPT)
    .fetch_all(pool)
    .await?;
    let mut batches: Vec<Batch> = Vec::new();
    for row in &rows {
        let (batch_id, row): (Uuid, Row) = (row.try_get("batch_id")?, outbox::from_sql(source, row)?);
        let place = (Ts(row.created), batch_id);
        match batches.last_mut().filter(|last| last.place == place) {
            Some(last) => last.rows.push(row),
            None => batches.push(Batch { place, rows: vec![row] }),
        }
    }
    Ok(batches)
}
