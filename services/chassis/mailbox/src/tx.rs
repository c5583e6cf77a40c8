//! One transaction of one center, with the events and timers that it causes.

use causeway_envelope::TraceContext;
use futures::future::BoxFuture;
use jiff::Timestamp;
use sqlx::pool::PoolConnection;
use sqlx::{PgConnection, Postgres};
use uuid::Uuid;

use crate::database::is_slug;
use crate::outbox::{self, Draft, Row};
use crate::timers::{self, Timer};

/// Why a transaction did not happen.
#[derive(Debug, thiserror::Error)]
pub enum TxError {
    /// The database refused or could not be reached. Nothing was written.
    #[error("database: {0}")]
    Database(#[from] sqlx::Error),
    /// The link broke while committing: it may or may not have happened. Ask again by the idempotency key.
    #[error("commit was sent but not answered; ask again with the same key")]
    CommitUnknown,
    /// The center's name is no slug.
    #[error("center name is not a slug of lower-case letters, digits and hyphens")]
    BadCenter,
    /// The work inside panicked; it was rolled back.
    #[error("work inside the transaction panicked; it was rolled back")]
    Panicked,
}

impl TxError {
    /// What a failed commit means. A refusal was rolled back; a server that ends says so with an error as well, possibly after it has
    /// written the commit: then it is as unknown as with a broken link (classes 08 and 57P; PostgreSQL, appendix A).
    pub(crate) fn of_commit(cause: sqlx::Error) -> Self {
        let code = cause.as_database_error().and_then(|cause| cause.code());
        let refused = code.is_some_and(|code| !["08", "57P"].iter().any(|class| code.starts_with(class)));
        if refused { Self::Database(cause) } else { Self::CommitUnknown }
    }

    /// True where the same work may succeed later without anybody changing anything.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Database(cause) => is_transient(cause),
            Self::CommitUnknown => true,
            Self::BadCenter | Self::Panicked => false,
        }
    }
}

/// True for a lost connection, a full pool, a server that starts or stops, and a lost race between transactions.
pub(crate) fn is_transient(cause: &sqlx::Error) -> bool {
    match cause {
        sqlx::Error::Io(_) | sqlx::Error::PoolTimedOut | sqlx::Error::PoolClosed | sqlx::Error::WorkerCrashed => true,
        sqlx::Error::Tls(_) | sqlx::Error::Protocol(_) => true,
        // Classes 08 connection, 40 rollback, 53 resources, 57 operator, 55 object state (PostgreSQL, appendix A).
        sqlx::Error::Database(cause) => {
            cause.code().is_some_and(|code| ["08", "40", "53", "55", "57"].iter().any(|class| code.starts_with(class)))
        }
        _ => false,
    }
}

/// A transaction. It can't be committed by hand: [`crate::Database::with_tx`] commits when the work returns `Ok`.
pub struct Tx {
    pub(crate) connection: PoolConnection<Postgres>,
    pub(crate) center: String,
    pub(crate) now: Timestamp,
    pub(crate) real_now: Timestamp,
    pub(crate) source: &'static str,
    pub(crate) rows: Vec<Row>,
    /// What was emitted for other centers, already in the outbox.
    pub(crate) elsewhere: Vec<Vec<Row>>,
    pub(crate) trace: TraceContext,
    pub(crate) ids: causeway_runtime::clock::Clock,
}

impl Tx {
    /// The time of the transaction: the database's, seen through the service's clock.
    pub fn now(&self) -> Timestamp {
        self.now
    }

    /// The center whose rows this transaction can see.
    pub fn center(&self) -> &str {
        &self.center
    }

    /// The connection, for the store's statements.
    pub fn conn(&mut self) -> &mut PgConnection {
        &mut self.connection
    }

    /// A new id (uuid v7).
    pub fn new_id(&self) -> Uuid {
        self.ids.new_id()
    }

    /// The trace that the work belongs to.
    pub fn trace(&self) -> &TraceContext {
        &self.trace
    }

    /// Adds an event; it is written to the outbox at the end of the transaction and published after the commit.
    pub fn emit(&mut self, draft: Draft) {
        let row = Row::new(draft, self.source, &self.center, (self.now, self.real_now), self.ids.new_id());
        self.rows.push(row);
    }

    /// Does a part of the work for another center, in this transaction: both parts happen or neither does. Meanwhile the database
    /// shows and takes that center's rows alone, and what is emitted is that center's.
    ///
    /// For what passes from one tenant to another, and for nothing else: no row of the one is ever seen beside a row of the other.
    ///
    /// # Errors
    /// What the work says; whoever gets an error gives it on, so that nothing of the transaction stays.
    pub async fn in_center<T, E, F>(&mut self, center: &str, work: F) -> Result<T, E>
    where
        F: for<'a> FnOnce(&'a mut Self) -> BoxFuture<'a, Result<T, E>>,
        E: From<TxError>,
    {
        if !is_slug(center) {
            return Err(TxError::BadCenter.into());
        }
        let own = self.enter(center.to_owned()).await?;
        let rows = std::mem::take(&mut self.rows);
        let mut outcome = work(self).await;
        if outcome.is_ok()
            && let Err(cause) = self.flush().await
        {
            outcome = Err(TxError::from(cause).into());
        }
        let told = std::mem::replace(&mut self.rows, rows);
        self.elsewhere.push(told);
        // Also after a failure, so that nothing that follows is written for the wrong center.
        let back = self.enter(own).await;
        let value = outcome?;
        back?;
        Ok(value)
    }

    /// Sees this center's rows from now on; gives the center before.
    async fn enter(&mut self, center: String) -> Result<String, TxError> {
        let before = std::mem::replace(&mut self.center, center);
        let set = sqlx::query("SELECT set_config('app.center', $1, true)").bind(&self.center);
        set.execute(&mut *self.connection).await?;
        Ok(before)
    }

    /// Sets a durable timer. The same aggregate, kind and occurrence again moves it, unless it has fired.
    pub async fn schedule(&mut self, timer: Timer) -> Result<(), TxError> {
        self.schedule_all(std::slice::from_ref(&timer)).await
    }

    /// Sets many durable timers with one statement.
    pub async fn schedule_all(&mut self, all: &[Timer]) -> Result<(), TxError> {
        Ok(timers::insert(self, all).await?)
    }

    /// Cancels the pending timers of an aggregate; `kind` `None`: of every kind.
    pub async fn cancel_timers(&mut self, aggregates: &[Uuid], kind: Option<&str>) -> Result<u64, TxError> {
        let which: Vec<_> = aggregates.iter().map(|aggregate| (*aggregate, kind)).collect();
        Ok(timers::cancel(self, &which).await?)
    }

    /// Cancels the pending timers of aggregates, each of its kind, in one order of locks: who cancels timers of several kinds does it at
    /// once, or two who do it the other way round wait for each other.
    pub async fn cancel_timers_of(&mut self, which: &[(Uuid, &str)]) -> Result<u64, TxError> {
        let which: Vec<_> = which.iter().map(|(aggregate, kind)| (*aggregate, Some(*kind))).collect();
        Ok(timers::cancel(self, &which).await?)
    }

    pub(crate) async fn flush(&mut self) -> Result<(), sqlx::Error> {
        outbox::bring_together(&mut self.rows, || self.ids.new_id());
        outbox::insert(&mut self.connection, &self.rows).await
    }
}
