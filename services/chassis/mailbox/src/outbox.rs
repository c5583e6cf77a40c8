//! The outbox: the event log of a service, written in the transaction that causes the events.

use bytes::Bytes;
use causeway_bus::Outgoing;
use causeway_envelope::{Envelope, TraceContext};
use jiff::Timestamp;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::time::Ts;

/// An event on its way into the outbox.
#[derive(Debug, Clone)]
pub struct Draft {
    /// Id of the event; `None`: a new one.
    pub event_id: Option<Uuid>,
    /// Subject on the bus.
    pub subject: String,
    /// Full name of the protobuf message.
    pub kind: &'static str,
    /// What the event is about.
    pub aggregate_id: Uuid,
    /// Version of the aggregate after the event.
    pub version: i64,
    /// The encoded message, without PHI (F8).
    pub payload: Vec<u8>,
    /// The trace of the message or call that causes the event.
    pub trace: TraceContext,
}

/// A row of the outbox.
#[derive(Debug, Clone)]
pub(crate) struct Row {
    pub envelope: Envelope,
    pub payload: Bytes,
    /// The database's own time of the transaction; finds the month's partition.
    pub created: Timestamp,
}

impl Row {
    pub fn new(draft: Draft, source: &str, center: &str, (now, created): (Timestamp, Timestamp), id: Uuid) -> Self {
        let envelope = Envelope {
            id: draft.event_id.unwrap_or(id),
            kind: draft.kind.to_owned(),
            source: source.to_owned(),
            subject: draft.subject,
            center: center.to_owned(),
            aggregate_id: draft.aggregate_id,
            version: draft.version,
            time: now,
            trace: draft.trace,
        };
        Self { envelope, payload: Bytes::from(draft.payload), created }
    }

    /// As the bus takes it; `suffix` makes the server take a repeat that it would otherwise recognise.
    pub fn outgoing(&self, suffix: &str) -> Outgoing {
        Outgoing {
            envelope: self.envelope.clone(),
            payload: self.payload.clone(),
            message_id: format!("{}{suffix}", self.envelope.id),
        }
    }
}

const INSERT: &str = "WITH log AS ( \
        INSERT INTO outbox (center_id, event_id, subject, kind, aggregate_id, version, occurred_at, traceparent, payload) \
        SELECT $2, * FROM unnest($1::uuid[], $3::text[], $4::text[], $5::uuid[], $6::bigint[], $7::timestamptz[], $8::text[], $9::bytea[])) \
     INSERT INTO outbox_pending (batch_id, center_id, created_at, event_ids) VALUES (($1::uuid[])[1], $2, now(), $1)";

/// Writes all rows of a transaction with one statement. They wait as one batch, which bears the id of its first event.
pub(crate) async fn insert(connection: &mut PgConnection, rows: &[Row]) -> Result<(), sqlx::Error> {
    let Some(first) = rows.first() else { return Ok(()) };
    let column = |get: fn(&Row) -> &str| -> Vec<&str> { rows.iter().map(get).collect() };
    sqlx::query(INSERT)
        .bind(rows.iter().map(|row| row.envelope.id).collect::<Vec<_>>())
        .bind(first.envelope.center.as_str())
        .bind(column(|row| &row.envelope.subject))
        .bind(column(|row| &row.envelope.kind))
        .bind(rows.iter().map(|row| row.envelope.aggregate_id).collect::<Vec<_>>())
        .bind(rows.iter().map(|row| row.envelope.version).collect::<Vec<_>>())
        .bind(rows.iter().map(|row| Ts(row.envelope.time)).collect::<Vec<_>>())
        .bind(rows.iter().map(|row| row.envelope.trace.traceparent()).collect::<Vec<_>>())
        .bind(rows.iter().map(|row| row.payload.as_ref()).collect::<Vec<_>>())
        .execute(connection)
        .await?;
    Ok(())
}

/// Columns of a row, in the order of [`from_sql`].
pub(crate) const COLUMNS: &str =
    "event_id, center_id, subject, kind, aggregate_id, version, occurred_at, traceparent, payload, created_at";

/// Reads a row whose statement names [`COLUMNS`].
pub(crate) fn from_sql(source: &str, row: &sqlx::postgres::PgRow) -> Result<Row, sqlx::Error> {
    use sqlx::Row as _;
    let time: Ts = row.try_get("occurred_at")?;
    let trace: Option<String> = row.try_get("traceparent")?;
    let payload: Vec<u8> = row.try_get("payload")?;
    let created: Ts = row.try_get("created_at")?;
    Ok(Row {
        envelope: Envelope {
            id: row.try_get("event_id")?,
            kind: row.try_get("kind")?,
            source: source.to_owned(),
            subject: row.try_get("subject")?,
            center: row.try_get("center_id")?,
            aggregate_id: row.try_get("aggregate_id")?,
            version: row.try_get("version")?,
            time: time.0,
            trace: TraceContext::parse(trace.as_deref().unwrap_or_default()),
        },
        payload: Bytes::from(payload),
        created: created.0,
    })
}
