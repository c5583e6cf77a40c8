//! Dead letters: messages that nobody could handle, kept as rows that an operator can list, read and replay.

use causeway_envelope::{Envelope, TraceContext};
use jiff::Timestamp;
use sqlx::postgres::PgRow;
use sqlx::{PgPool, Row as _};
use uuid::Uuid;

use crate::outbox;
use crate::time::Ts;
use crate::tx::Tx;

/// A parked message.
#[derive(Debug, Clone, serde::Serialize)]
pub struct ParkedMessage {
    /// Its own id, to replay it by.
    pub parked_id: Uuid,
    /// The tenant; `-` where the message does not say.
    pub center: String,
    /// The event, if its headers could be read.
    pub event_id: Option<Uuid>,
    /// Subject on the bus.
    pub subject: String,
    /// Full name of the protobuf message.
    pub kind: String,
    /// What the event is about.
    pub aggregate_id: Option<Uuid>,
    /// Version of the aggregate.
    pub version: i64,
    /// The service that published it.
    pub source: String,
    /// When it happened.
    pub occurred_at: Timestamp,
    /// Its content, hex in JSON.
    #[serde(serialize_with = "as_hex")]
    pub payload: Vec<u8>,
    /// Why it was parked.
    pub reason: String,
    /// How often it was tried.
    pub attempts: i32,
    /// When it was parked.
    pub parked_at: Timestamp,
    /// `parked`, `replay` or `replayed`.
    pub state: String,
}

fn as_hex<S: serde::Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
    use std::fmt::Write as _;
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        // Writing to a string can't fail.
        let _ = write!(text, "{byte:02x}");
    }
    serializer.serialize_str(&text)
}

/// A parked timer's kind is this and its own.
pub(crate) const TIMER: &str = "timer ";

impl ParkedMessage {
    /// Whether it is a timer of the service itself and no message: its content is what was kept for its handler, as JSON.
    pub fn is_timer(&self) -> bool {
        self.source.is_empty() && self.kind.starts_with(TIMER)
    }

    /// The envelope that the message had, if its headers could be read.
    pub(crate) fn envelope(&self) -> Option<Envelope> {
        Some(Envelope {
            id: self.event_id?,
            kind: self.kind.clone(),
            source: self.source.clone(),
            subject: self.subject.clone(),
            center: self.center.clone(),
            aggregate_id: self.aggregate_id?,
            version: self.version,
            time: self.occurred_at,
            trace: TraceContext::default(),
        })
    }
}

const INSERT: &str = "INSERT INTO parked (parked_id, center_id, event_id, subject, kind, aggregate_id, version, source, occurred_at, payload, reason, attempts) \
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) \
     ON CONFLICT (event_id) WHERE state <> 'replayed' DO NOTHING";

/// Parks a message whose envelope could be read, inside a transaction of its center.
pub(crate) async fn insert(
    tx: &mut Tx,
    envelope: &Envelope,
    payload: &[u8],
    reason: &str,
    attempts: i64,
) -> Result<(), sqlx::Error> {
    let id = tx.new_id();
    bound(id, envelope, payload, reason, attempts).execute(tx.conn()).await?;
    Ok(())
}

fn bound<'q>(
    id: Uuid,
    envelope: &'q Envelope,
    payload: &'q [u8],
    reason: &'q str,
    attempts: i64,
) -> sqlx::query::Query<'q, sqlx::Postgres, sqlx::postgres::PgArguments> {
    sqlx::query(INSERT)
        .bind(id)
        .bind(&envelope.center)
        .bind(envelope.id)
        .bind(&envelope.subject)
        .bind(&envelope.kind)
        .bind(envelope.aggregate_id)
        .bind(envelope.version)
        .bind(&envelope.source)
        .bind(Ts(envelope.time))
        .bind(payload)
        .bind(reason)
        .bind(i32::try_from(attempts).unwrap_or(i32::MAX))
}

/// Parks an event of the own outbox that the bus does not take.
pub(crate) async fn insert_unpublished(
    pool: &PgPool,
    id: Uuid,
    row: &outbox::Row,
    reason: &str,
) -> Result<(), sqlx::Error> {
    bound(id, &row.envelope, &row.payload, reason, 1).execute(pool).await?;
    Ok(())
}

/// Parks a message whose headers can't be read, so that not even its center is known.
pub(crate) async fn insert_malformed(
    pool: &PgPool,
    id: Uuid,
    (subject, payload): (&str, &[u8]),
    reason: &str,
) -> Result<(), sqlx::Error> {
    sqlx::query(INSERT)
        .bind(id)
        .bind("-")
        .bind(None::<Uuid>)
        .bind(subject)
        .bind("")
        .bind(None::<Uuid>)
        .bind(0_i64)
        .bind("")
        .bind(Ts(Timestamp::UNIX_EPOCH))
        .bind(payload)
        .bind(reason)
        .bind(1_i32)
        .execute(pool)
        .await?;
    Ok(())
}

/// Parked messages, newest first; those that were replayed only where `all` is set.
pub async fn list_parked(pool: &PgPool, all: bool, limit: i64) -> Result<Vec<ParkedMessage>, sqlx::Error> {
    let rows = sqlx::query("SELECT * FROM parked WHERE $1 OR state <> 'replayed' ORDER BY parked_at DESC LIMIT $2")
        .bind(all)
        .bind(limit)
        .fetch_all(pool)
        .await?;
    rows.iter().map(read).collect()
}

/// Asks the service to handle a parked message again; `false` where there is none that waits.
pub async fn request_replay(pool: &PgPool, parked_id: Uuid) -> Result<bool, sqlx::Error> {
    let done = sqlx::query("UPDATE parked SET state = 'replay' WHERE parked_id = $1 AND state = 'parked'")
        .bind(parked_id)
        .execute(pool)
        .await?;
    Ok(done.rows_affected() == 1)
}

/// Messages whose replay was asked for.
pub(crate) async fn to_replay(pool: &PgPool) -> Result<Vec<ParkedMessage>, sqlx::Error> {
    let rows =
        sqlx::query("SELECT * FROM parked WHERE state = 'replay' ORDER BY parked_at LIMIT 50").fetch_all(pool).await?;
    rows.iter().map(read).collect()
}

/// Notes that a message is replayed; `false` where somebody else has done so.
pub(crate) async fn mark_replayed(tx: &mut Tx, parked_id: Uuid) -> Result<bool, sqlx::Error> {
    let done = sqlx::query(
        "UPDATE parked SET state = 'replayed', replayed_at = now() WHERE parked_id = $1 AND state = 'replay'",
    )
    .bind(parked_id)
    .execute(tx.conn())
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Puts an event of the own outbox, which the bus did not take, back on the list of what waits, with those that share its
/// message: no message ever holds a part of them. Who has seen it is asked again, however old it is: up to where everybody has
/// everything (`reconciled`) goes back to before it.
pub(crate) async fn publish_again(pool: &PgPool, message: &ParkedMessage) -> Result<(), sqlx::Error> {
    sqlx::query(
        "WITH again AS (UPDATE parked SET state = 'replayed', replayed_at = now() WHERE parked_id = $1 AND state = 'replay' \
            RETURNING event_id, aggregate_id), \
         found AS (SELECT outbox.event_id, outbox.center_id, outbox.created_at, outbox.message_id FROM outbox \
            JOIN again ON outbox.event_id = again.event_id AND outbox.aggregate_id = again.aggregate_id), \
         back AS (INSERT INTO reconciled (through) SELECT 'epoch'::timestamptz WHERE EXISTS (SELECT FROM found) \
            ON CONFLICT (only_row) DO UPDATE SET through = \
                least(reconciled.through, (SELECT min(created_at) - interval '1 microsecond' FROM found))) \
         INSERT INTO outbox_pending (batch_id, center_id, created_at, waiting) \
         SELECT found.event_id, found.center_id, found.created_at, \
            CASE WHEN found.message_id IS NULL THEN ARRAY[found.event_id] \
            ELSE ARRAY(SELECT other.event_id FROM outbox AS other WHERE other.created_at = found.created_at \
                AND other.message_id = found.message_id) END FROM found \
         ON CONFLICT DO NOTHING",
    )
    .bind(message.parked_id)
    .execute(pool)
    .await?;
    Ok(())
}

/// Sets a parked timer again, to fire at once; `false` where it is not there any more.
pub(crate) async fn fire_again(pool: &PgPool, message: &ParkedMessage) -> Result<bool, sqlx::Error> {
    let done = sqlx::query(
        "WITH again AS (UPDATE timers SET state = 'pending', lease_until = NULL, attempts = 0 FROM parked \
            WHERE parked.parked_id = $1 AND parked.state = 'replay' AND timers.center_id = parked.center_id \
                AND timers.aggregate_id = parked.aggregate_id AND timers.timer_id = parked.event_id AND timers.state = 'fired' \
            RETURNING timers.timer_id) \
         UPDATE parked SET state = 'replayed', replayed_at = now() FROM again WHERE parked_id = $1 AND state = 'replay'",
    )
    .bind(message.parked_id)
    .execute(pool)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Parks a message again whose replay failed.
pub(crate) async fn mark_failed(pool: &PgPool, parked_id: Uuid, reason: &str) -> Result<(), sqlx::Error> {
    sqlx::query("UPDATE parked SET state = 'parked', reason = $2, attempts = attempts + 1 WHERE parked_id = $1 AND state = 'replay'")
        .bind(parked_id)
        .bind(reason)
        .execute(pool)
        .await?;
    Ok(())
}

fn read(row: &PgRow) -> Result<ParkedMessage, sqlx::Error> {
    let occurred: Ts = row.try_get("occurred_at")?;
    let parked: Ts = row.try_get("parked_at")?;
    Ok(ParkedMessage {
        parked_id: row.try_get("parked_id")?,
        center: row.try_get("center_id")?,
        event_id: row.try_get("event_id")?,
        subject: row.try_get("subject")?,
        kind: row.try_get("kind")?,
        aggregate_id: row.try_get("aggregate_id")?,
        version: row.try_get("version")?,
        source: row.try_get("source")?,
        occurred_at: occurred.0,
        payload: row.try_get("payload")?,
        reason: row.try_get("reason")?,
        attempts: row.try_get("attempts")?,
        parked_at: parked.0,
        state: row.try_get("state")?,
    })
}
