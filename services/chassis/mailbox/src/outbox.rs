//! The outbox: the event log of a service, written in the transaction that causes the events.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use bytes::Bytes;
use causeway_bus::Outgoing;
use causeway_envelope::{Envelope, TraceContext};
use jiff::Timestamp;
use sqlx::postgres::PgArguments;
use sqlx::query::Query;
use sqlx::{PgConnection, Postgres};
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
    /// The message that it shares with others of its transaction.
    pub message: Option<Uuid>,
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
        Self { envelope, payload: Bytes::from(draft.payload), message: None, created }
    }

    /// What a listener knows it by once it has dealt with it: its message, or where it has that to itself, its own id.
    pub fn unit(&self) -> Uuid {
        self.message.unwrap_or(self.envelope.id)
    }
}

/// So many events share a message at most, and so many bytes of content: a stream takes messages of 64 KiB.
const MOST_TOGETHER: (usize, usize) = (64, 16 << 10);

/// What was caused together travels together: gives the events of a transaction that have the same subject a message, in the
/// order in which they were caused. Done once, when they are written: whoever publishes them later finds the same messages.
pub(crate) fn bring_together(rows: &mut [Row], mut new_id: impl FnMut() -> Uuid) {
    let mut groups: Vec<(usize, Vec<usize>)> = Vec::new();
    let mut open: HashMap<&str, usize> = HashMap::new();
    for (at, row) in rows.iter().enumerate() {
        let (subject, size) = (row.envelope.subject.as_str(), row.payload.len());
        let group = open.get(subject).and_then(|at| groups.get_mut(*at));
        match group.filter(|(bytes, group)| group.len() < MOST_TOGETHER.0 && *bytes + size <= MOST_TOGETHER.1) {
            Some((bytes, group)) => {
                *bytes += size;
                group.push(at);
            }
            None => {
                open.insert(subject, groups.len());
                groups.push((size, vec![at]));
            }
        }
    }
    for (_, group) in groups.iter().filter(|(_, group)| group.len() > 1) {
        let id = new_id();
        group.iter().for_each(|at| rows[*at].message = Some(id));
    }
}

/// The messages that events travel in, each with its events in the order of their ids. `copy` makes the server take a repeat
/// that it would otherwise recognise.
pub(crate) fn messages<'a>(rows: impl IntoIterator<Item = &'a Row>, copy: &str) -> Vec<(Outgoing, Vec<&'a Row>)> {
    let mut groups: Vec<Vec<&Row>> = Vec::new();
    let mut known: HashMap<Uuid, usize> = HashMap::new();
    for row in rows {
        match known.entry(row.unit()) {
            Entry::Occupied(at) => groups[*at.get()].push(row),
            Entry::Vacant(place) => {
                place.insert(groups.len());
                groups.push(vec![row]);
            }
        }
    }
    groups.into_iter().filter_map(|group| Some((message(group.clone(), copy)?, group))).collect()
}

fn message(mut group: Vec<&Row>, copy: &str) -> Option<Outgoing> {
    group.sort_unstable_by_key(|row| row.envelope.id);
    match group.as_slice() {
        [one] => {
            let id = format!("{}{copy}", one.envelope.id);
            Some(Outgoing::one(one.envelope.clone(), one.payload.clone(), id))
        }
        several => {
            let id = format!("{}{copy}", several.first()?.unit());
            Outgoing::several(several.iter().map(|row| (&row.envelope, &row.payload)), id)
        }
    }
}

const INSERT: &str = "WITH log AS ( \
        INSERT INTO outbox (center_id, event_id, subject, kind, aggregate_id, version, occurred_at, traceparent, payload, message_id) \
        SELECT $1, * FROM unnest($2::uuid[], $3::text[], $4::text[], $5::uuid[], $6::bigint[], $7::timestamptz[], $8::text[], $9::bytea[], $10::uuid[])) \
     INSERT INTO outbox_pending (batch_id, center_id, created_at, waiting) VALUES (($2::uuid[])[1], $1, now(), $2)";

/// Writes all rows of a transaction with one statement. They wait as one batch, which bears the id of its first event.
pub(crate) async fn insert(connection: &mut PgConnection, rows: &[Row]) -> Result<(), sqlx::Error> {
    let Some(first) = rows.first() else { return Ok(()) };
    bind(sqlx::query(INSERT).bind(first.envelope.center.as_str()), rows).execute(connection).await?;
    Ok(())
}

/// Binds the rows of a transaction, one array for each column.
pub(crate) fn bind<'q>(query: Query<'q, Postgres, PgArguments>, rows: &[Row]) -> Query<'q, Postgres, PgArguments> {
    let column = |get: fn(&Row) -> &str| -> Vec<String> { rows.iter().map(|row| get(row).to_owned()).collect() };
    query
        .bind(rows.iter().map(|row| row.envelope.id).collect::<Vec<_>>())
        .bind(column(|row| &row.envelope.subject))
        .bind(column(|row| &row.envelope.kind))
        .bind(rows.iter().map(|row| row.envelope.aggregate_id).collect::<Vec<_>>())
        .bind(rows.iter().map(|row| row.envelope.version).collect::<Vec<_>>())
        .bind(rows.iter().map(|row| Ts(row.envelope.time)).collect::<Vec<_>>())
        .bind(rows.iter().map(|row| row.envelope.trace.traceparent()).collect::<Vec<_>>())
        .bind(rows.iter().map(|row| row.payload.to_vec()).collect::<Vec<_>>())
        .bind(rows.iter().map(|row| row.message).collect::<Vec<_>>())
}

/// Columns of a row, in the order of [`from_sql`].
pub(crate) const COLUMNS: &str = "event_id, center_id, subject, kind, aggregate_id, version, occurred_at, traceparent, payload, message_id, created_at";

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
        message: row.try_get("message_id")?,
        created: created.0,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(id: u128, subject: &str, size: usize) -> Row {
        let draft = Draft {
            event_id: Some(Uuid::from_u128(id)),
            subject: subject.to_owned(),
            kind: "a.v1.B",
            aggregate_id: Uuid::from_u128(1),
            version: 1,
            payload: vec![7; size],
            trace: TraceContext::default(),
        };
        let then = Timestamp::UNIX_EPOCH;
        Row::new(draft, "routing", "lakeside", (then, then), Uuid::nil())
    }

    /// Brings them together under the ids 1000, 1001, ...
    fn together(mut rows: Vec<Row>) -> Vec<Row> {
        let mut next = 999;
        bring_together(&mut rows, || {
            next += 1;
            Uuid::from_u128(next)
        });
        rows
    }

    fn sizes(rows: Vec<Row>) -> Vec<(String, usize)> {
        let rows = together(rows);
        messages(&rows, "").iter().map(|(_, group)| (group[0].envelope.subject.clone(), group.len())).collect()
    }

    #[test]
    fn events_share_a_message_by_subject_and_none_is_left_out() {
        let rows = vec![row(1, "a", 10), row(2, "b", 10), row(3, "a", 10), row(4, "c", 10)];
        assert_eq!(sizes(rows.clone()), [("a".to_owned(), 2), ("b".to_owned(), 1), ("c".to_owned(), 1)]);
        let units: Vec<u128> = together(rows).iter().map(|row| row.unit().as_u128()).collect();
        assert_eq!(units, [1000, 2, 1000, 4], "an event alone needs no other name");
    }

    #[test]
    fn a_message_is_never_larger_than_a_stream_takes() {
        let many: Vec<Row> = (0..150).map(|id| row(id, "a", 100)).collect();
        assert_eq!(sizes(many).iter().map(|(_, count)| *count).collect::<Vec<_>>(), [64, 64, 22]);
        let large: Vec<Row> = (0..4).map(|id| row(id, "a", 7000)).collect();
        assert_eq!(sizes(large).iter().map(|(_, count)| *count).collect::<Vec<_>>(), [2, 2]);
        // One alone that is too large for any company still goes out, and is refused by the server if it must.
        assert_eq!(sizes(vec![row(1, "a", 10), row(2, "a", 40_000), row(3, "a", 10)]).len(), 3);
    }

    #[test]
    fn the_same_events_make_the_same_messages_in_whatever_order_and_company_they_were_read() {
        let rows: Vec<Row> = (0..100).map(|id| row(id, if id % 3 == 0 { "a" } else { "b" }, 300)).collect();
        let mut rows = together(rows);
        let all = |rows: &[Row]| -> Vec<String> {
            let mut all: Vec<_> = messages(rows, "").iter().map(|(message, _)| format!("{message:?}")).collect();
            all.sort();
            all
        };
        let before = all(&rows);
        rows.reverse();
        assert_eq!(all(&rows), before);
        // Whatever of it was published meanwhile: the rest are the same messages still.
        let last = rows[0].unit();
        rows.retain(|row| row.unit() != last);
        assert_eq!(all(&rows).len(), before.len() - 1);
        assert!(all(&rows).iter().all(|message| before.contains(message)));
    }
}
