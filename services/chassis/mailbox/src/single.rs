//! A transaction that is one statement: what a service writes and the events that it causes, in one round trip.
//!
//! A transaction of several statements costs four round trips at least, and with few callers these are most of what it costs.
//! A statement that names the center, writes the service's rows and the outbox's, and commits by itself costs one. What the
//! service writes must be sure beforehand: there is nothing to read first. Its time is the database's as this process last heard
//! it, behind the true one by what that answer took on its way. Deliberately not here: a second way to do everything; whoever has to look before writing uses [`crate::Tx`].

use std::sync::Mutex;
use std::time::{Duration, Instant};

use causeway_envelope::TraceContext;
use causeway_runtime::clock::Clock;
use jiff::{SignedDuration, Timestamp};
use sqlx::pool::PoolConnection;
use sqlx::postgres::{PgArguments, PgRow};
use sqlx::query::Query;
use sqlx::{Postgres, Row as _};

use crate::outbox::{self, Draft, Row};
use crate::tx::TxError;

/// So long the database's time is known after it was last heard: two clocks run apart by less than a millisecond in it.
const HEARD: Duration = Duration::from_secs(10);

/// Makes the whole statement of a service's part: one or more `name AS (INSERT …)` that each draw on `own`, the row that says
/// which center it is (`own.center_id`), and are separated by commas. Their parameters begin with [`FIRST_PARAMETER`]; a part
/// that does not draw on `own` writes before the center is named, and row-level security refuses it.
#[macro_export]
macro_rules! single {
    ($parts:expr) => {
        concat!(
            "WITH own AS MATERIALIZED (SELECT set_config('app.center', $1, true) AS center_id), \
             told AS (INSERT INTO outbox (center_id, event_id, subject, kind, aggregate_id, version, occurred_at, traceparent, payload, message_id) \
                SELECT own.center_id, event.* FROM own CROSS JOIN unnest($2::uuid[], $3::text[], $4::text[], $5::uuid[], $6::bigint[], \
                $7::timestamptz[], $8::text[], $9::bytea[], $10::uuid[]) AS event), \
             waits AS (INSERT INTO outbox_pending (batch_id, center_id, created_at, waiting) \
                SELECT $2[1], own.center_id, now(), $2 FROM own WHERE cardinality($2) > 0), ",
            $parts,
            " SELECT (extract(epoch FROM now()) * 1000000)::bigint FROM own"
        )
    };
}

/// The number of the first parameter of a service's part.
pub const FIRST_PARAMETER: usize = 11;

/// A transaction of one statement, before it is sent.
pub struct Single {
    pub(crate) connection: PoolConnection<Postgres>,
    pub(crate) center: String,
    pub(crate) now: Timestamp,
    pub(crate) real_now: Timestamp,
    pub(crate) source: &'static str,
    pub(crate) rows: Vec<Row>,
    pub(crate) trace: TraceContext,
    pub(crate) ids: Clock,
    pub(crate) done: Option<Timestamp>,
}

impl Single {
    /// The time that its rows bear: the database's, as this process last heard it, seen through the service's clock.
    pub fn now(&self) -> Timestamp {
        self.now
    }

    /// The center whose rows it writes.
    pub fn center(&self) -> &str {
        &self.center
    }

    /// The trace that the work belongs to.
    pub fn trace(&self) -> &TraceContext {
        &self.trace
    }

    /// Adds an event, which goes with the statement.
    pub fn emit(&mut self, draft: Draft) {
        let row = Row::new(draft, self.source, &self.center, (self.now, self.real_now), self.ids.new_id());
        self.rows.push(row);
    }

    /// Sends the statement that [`crate::single!`] made, with the service's values bound in their order, and waits until it is
    /// committed. Called once.
    ///
    /// # Errors
    /// `Database` where the server refused it: nothing was written. `CommitUnknown` where no answer came.
    pub async fn write<'q>(
        &mut self,
        statement: &'static str,
        bind: impl FnOnce(Query<'q, Postgres, PgArguments>) -> Query<'q, Postgres, PgArguments> + Send,
    ) -> Result<(), TxError> {
        outbox::bring_together(&mut self.rows, || self.ids.new_id());
        let query = sqlx::query(statement).bind(self.center.clone());
        let query = bind(outbox::bind(query, &self.rows));
        let row: PgRow = query.fetch_one(&mut *self.connection).await.map_err(unanswered)?;
        let micros: i64 = row.try_get(0)?;
        let created = Timestamp::from_microsecond(micros).unwrap_or(self.real_now);
        self.rows.iter_mut().for_each(|row| row.created = created);
        self.done = Some(created);
        Ok(())
    }
}

/// A server that refused the statement wrote nothing of it. One that is going down, or a link that broke, may have.
fn unanswered(cause: sqlx::Error) -> TxError {
    match &cause {
        sqlx::Error::Database(refused) => match refused.code().as_deref() {
            Some(code) if code.starts_with("57P") || code.starts_with("08") => TxError::CommitUnknown,
            _ => TxError::Database(cause),
        },
        sqlx::Error::Io(_) | sqlx::Error::Protocol(_) | sqlx::Error::Tls(_) | sqlx::Error::WorkerCrashed => {
            TxError::CommitUnknown
        }
        _ => TxError::Database(cause),
    }
}

/// The database's time as it was last heard.
#[derive(Debug, Default)]
pub(crate) struct Heard(Mutex<Option<(Timestamp, Instant)>>);

impl Heard {
    /// Notes what the database just said.
    pub fn note(&self, time: Timestamp) {
        if let Ok(mut heard) = self.0.lock() {
            *heard = Some((time, Instant::now()));
        }
    }

    /// The link on which it was to be heard broke: whoever is next begins by asking.
    pub fn forget(&self) {
        if let Ok(mut heard) = self.0.lock() {
            *heard = None;
        }
    }

    /// What its clock shows now; nothing where that was last heard too long ago.
    pub fn now(&self) -> Option<Timestamp> {
        let (time, at) = (*self.0.lock().ok()?)?;
        let since = at.elapsed();
        if since > HEARD {
            return None;
        }
        time.checked_add(SignedDuration::try_from(since).ok()?).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_of_the_database_goes_on_after_it_was_heard() {
        let heard = Heard::default();
        assert_eq!(heard.now(), None, "nothing was heard yet");
        let then = Timestamp::UNIX_EPOCH;
        heard.note(then);
        std::thread::sleep(Duration::from_millis(5));
        let gone = heard.now().expect("heard").duration_since(then);
        assert!(gone >= SignedDuration::from_millis(5) && gone < SignedDuration::from_secs(5), "{gone}");
    }

    #[test]
    fn a_time_heard_long_ago_is_not_taken_for_known() {
        let heard = Heard::default();
        let long_ago = Instant::now().checked_sub(HEARD + Duration::from_secs(1)).expect("the machine is up that long");
        *heard.0.lock().expect("free") = Some((Timestamp::UNIX_EPOCH, long_ago));
        assert_eq!(heard.now(), None);
    }

    #[test]
    fn only_a_refusal_says_that_nothing_was_written() {
        let broken = sqlx::Error::Io(std::io::Error::from(std::io::ErrorKind::BrokenPipe));
        assert!(matches!(unanswered(broken), TxError::CommitUnknown));
        assert!(matches!(unanswered(sqlx::Error::PoolTimedOut), TxError::Database(_)));
    }

    #[test]
    fn the_parameters_of_a_service_follow_those_of_the_machine() {
        let statement = single!("mine AS (INSERT INTO mine SELECT own.center_id FROM own)");
        assert!(statement.contains(&format!("${}::uuid[]", FIRST_PARAMETER - 1)));
        assert!(!statement.contains(&format!("${FIRST_PARAMETER}")));
    }
}
