//! The service's database: two roles, one way to write.
//!
//! sqlx up to 0.9 can hand out a connection that is still inside somebody's cancelled transaction: what the next borrower
//! writes reports success and vanishes. So every transaction runs in a task of its own that a dropped request can't
//! cancel (F9), and each connection that comes back is rolled back before anybody else gets it.

use std::str::FromStr as _;
use std::sync::Arc;
use std::time::Duration;

use causeway_envelope::TraceContext;
use causeway_runtime::DatabaseUrls;
use causeway_runtime::clock::Clock;
use futures::future::BoxFuture;
use jiff::Timestamp;
use secrecy::ExposeSecret as _;
use sqlx::pool::PoolConnection;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions, PgRow};
use sqlx::{AssertSqlSafe, Executor as _, PgPool, Postgres, Row as _};
use tokio::sync::mpsc;
use tokio_util::task::TaskTracker;
use tracing::Instrument as _;

use crate::outbox::Row;
use crate::single::{Heard, Single};
use crate::tx::{Tx, TxError};

/// Sizes and time limits of the pools.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DatabaseSettings {
    /// Most connections for the service's own work.
    pub connections: u32,
    /// Most connections for the machine (relay, consumers' bookkeeping, timers).
    pub machine_connections: u32,
    /// A single statement that runs longer is ended by the server, seconds.
    pub statement_timeout_seconds: u32,
    /// How long a caller waits for a free connection, seconds.
    pub acquire_timeout_seconds: u32,
    /// Roll back each connection that comes back. Only the test that shows the fault switches it off.
    pub heal_returned_connections: bool,
}

impl Default for DatabaseSettings {
    fn default() -> Self {
        Self {
            connections: 12,
            machine_connections: 4,
            statement_timeout_seconds: 15,
            acquire_timeout_seconds: 5,
            heal_returned_connections: true,
        }
    }
}

/// The database of one service. Cheap to clone.
#[derive(Clone)]
pub struct Database {
    inner: Arc<Inner>,
}

struct Inner {
    service: &'static str,
    app: PgPool,
    machine: PgPool,
    clock: Clock,
    tasks: TaskTracker,
    committed: mpsc::Sender<Vec<Row>>,
    to_relay: std::sync::Mutex<Option<mpsc::Receiver<Vec<Row>>>>,
    heard: Heard,
    kept: std::sync::Mutex<Vec<PoolConnection<Postgres>>>,
    most_kept: usize,
}

impl Inner {
    /// A connection whose last transaction ended in order, so that it needs neither a ping nor a healing rollback.
    fn take_kept(&self) -> Option<PoolConnection<Postgres>> {
        self.kept.lock().ok()?.pop()
    }

    fn keep(&self, connection: PoolConnection<Postgres>) {
        if let Ok(mut kept) = self.kept.lock()
            && kept.len() < self.most_kept
            && !self.app.is_closed()
        {
            kept.push(connection);
        }
    }
}

impl Database {
    /// Opens both pools. Connections are made when they are needed, so that a database that is down for a moment at
    /// start is a delay and no failure.
    pub fn connect(
        service: &'static str,
        urls: &DatabaseUrls,
        settings: &DatabaseSettings,
        clock: Clock,
    ) -> Result<Self, TxError> {
        let app = pool(urls.app.expose_secret(), settings.connections, settings, service)?;
        let machine = pool(urls.machine.expose_secret(), settings.machine_connections, settings, service)?;
        let (committed, to_relay) = mpsc::channel(1024);
        Ok(Self {
            inner: Arc::new(Inner {
                service,
                app,
                machine,
                clock,
                tasks: TaskTracker::new(),
                committed,
                to_relay: std::sync::Mutex::new(Some(to_relay)),
                heard: Heard::default(),
                kept: std::sync::Mutex::default(),
                // Some stay with the pool, for whoever works without a transaction of ours.
                most_kept: (settings.connections / 2) as usize,
            }),
        })
    }

    /// Runs work in one transaction of a center and commits when it returns `Ok`. The work goes on to its end even if
    /// the caller is dropped.
    pub async fn with_tx<T, E, F>(&self, center: &str, work: F) -> Result<T, E>
    where
        F: for<'a> FnOnce(&'a mut Tx) -> BoxFuture<'a, Result<T, E>> + Send + 'static,
        T: Send + 'static,
        E: From<TxError> + Send + 'static,
    {
        self.spawned(center, "BEGIN", work).await
    }

    /// Reads with one snapshot of a center.
    pub async fn read<T, E, F>(&self, center: &str, work: F) -> Result<T, E>
    where
        F: for<'a> FnOnce(&'a mut Tx) -> BoxFuture<'a, Result<T, E>> + Send + 'static,
        T: Send + 'static,
        E: From<TxError> + Send + 'static,
    {
        self.spawned(center, "BEGIN READ ONLY", work).await
    }

    async fn spawned<T, E, F>(&self, center: &str, begin: &'static str, work: F) -> Result<T, E>
    where
        F: for<'a> FnOnce(&'a mut Tx) -> BoxFuture<'a, Result<T, E>> + Send + 'static,
        T: Send + 'static,
        E: From<TxError> + Send + 'static,
    {
        if !is_slug(center) {
            return Err(TxError::BadCenter.into());
        }
        let (database, center, span) = (self.clone(), center.to_owned(), tracing::Span::current());
        let task = self.inner.tasks.spawn(async move { database.run(center, begin, work).await }.instrument(span));
        task.await.unwrap_or_else(|_| Err(TxError::Panicked.into()))
    }

    async fn run<T, E, F>(self, center: String, begin: &'static str, work: F) -> Result<T, E>
    where
        F: for<'a> FnOnce(&'a mut Tx) -> BoxFuture<'a, Result<T, E>>,
        E: From<TxError>,
    {
        let mut tx = self.begin(center, begin).await?;
        let value = match work(&mut tx).await {
            Ok(value) => value,
            Err(cause) => {
                // A failed rollback leaves the connection to the pool's own, which rolls it back or drops it.
                if tx.connection.execute("ROLLBACK").await.is_ok() {
                    self.inner.keep(tx.connection);
                }
                return Err(cause);
            }
        };
        tx.flush().await.map_err(TxError::from)?;
        // PostgreSQL answers the commit of a failed transaction with a rollback and no error; the outbox's statement would
        // have shown it, and where there is none this does.
        let commit = if tx.rows.is_empty() { "SELECT 1; COMMIT" } else { "COMMIT" };
        if let Err(cause) = tx.connection.execute(sqlx::raw_sql(commit)).await {
            return Err(TxError::of_commit(cause).into());
        }
        let (rows, elsewhere) = (std::mem::take(&mut tx.rows), std::mem::take(&mut tx.elsewhere));
        self.inner.keep(tx.connection);
        elsewhere.into_iter().for_each(|rows| self.to_relay(rows));
        self.to_relay(rows);
        Ok(value)
    }

    fn to_relay(&self, rows: Vec<Row>) {
        if !rows.is_empty() {
            // A full channel is no loss: the relay also looks into the table.
            let _ = self.inner.committed.try_send(rows);
        }
    }

    /// Runs a transaction of a center that is one statement, for work that is sure of what it writes. Like [`Self::with_tx`] it
    /// goes on to its end even if the caller is dropped. `None`: the database's time was last heard too long ago, and only a
    /// transaction that begins by asking for it will do; nothing was done.
    ///
    /// # Errors
    /// As [`Single::write`] says; also no connection, and a center whose name is no slug.
    pub async fn with_single<T, F>(&self, center: &str, work: F) -> Result<Option<T>, TxError>
    where
        F: for<'a> FnOnce(&'a mut Single) -> BoxFuture<'a, Result<T, TxError>> + Send + 'static,
        T: Send + 'static,
    {
        if !is_slug(center) {
            return Err(TxError::BadCenter);
        }
        let Some(real_now) = self.inner.heard.now() else { return Ok(None) };
        let (database, center, span) = (self.clone(), center.to_owned(), tracing::Span::current());
        let task = async move { database.run_single(center, real_now, work).await.map(Some) };
        self.inner.tasks.spawn(task.instrument(span)).await.unwrap_or(Err(TxError::Panicked))
    }

    async fn run_single<T, F>(self, center: String, real_now: Timestamp, work: F) -> Result<T, TxError>
    where
        F: for<'a> FnOnce(&'a mut Single) -> BoxFuture<'a, Result<T, TxError>>,
    {
        let connection = match self.inner.take_kept() {
            Some(kept) => kept,
            None => self.inner.app.acquire().await?,
        };
        let mut single = Single {
            connection,
            center,
            now: self.inner.clock.map(real_now),
            real_now,
            source: self.inner.service,
            rows: Vec::new(),
            trace: TraceContext::current_or(&TraceContext::default()),
            ids: self.inner.clock.clone(),
            done: None,
        };
        let outcome = work(&mut single).await;
        match (&outcome, single.done) {
            // A statement that was refused leaves its connection as it was, outside of any transaction.
            (Ok(_), _) | (Err(TxError::Database(sqlx::Error::Database(_))), _) => self.inner.keep(single.connection),
            _ => single.connection.close_on_drop(),
        }
        if matches!(outcome, Err(TxError::CommitUnknown)) {
            self.inner.heard.forget();
        }
        if let Some(created) = single.done {
            self.inner.heard.note(created);
            self.to_relay(single.rows);
        }
        outcome
    }

    async fn begin(&self, center: String, begin: &str) -> Result<Tx, TxError> {
        // One round trip: the center is a checked slug, so it can stand in the text.
        let sql = format!(
            "{begin}; SELECT set_config('app.center', '{center}', true), (extract(epoch FROM now()) * 1000000)::bigint"
        );
        // A kept connection may have died with its server: then the next one is tried, and at last the pool.
        while let Some(mut kept) = self.inner.take_kept() {
            match sqlx::raw_sql(AssertSqlSafe(sql.clone())).fetch_one(&mut *kept).await {
                Ok(row) => return self.begun(kept, center, &row),
                Err(_) => kept.close_on_drop(),
            }
        }
        let mut connection = self.inner.app.acquire().await?;
        let row = sqlx::raw_sql(AssertSqlSafe(sql)).fetch_one(&mut *connection).await?;
        self.begun(connection, center, &row)
    }

    fn begun(&self, connection: PoolConnection<Postgres>, center: String, row: &PgRow) -> Result<Tx, TxError> {
        let micros: i64 = row.try_get(1)?;
        let now = Timestamp::from_microsecond(micros).unwrap_or(Timestamp::UNIX_EPOCH);
        self.inner.heard.note(now);
        Ok(Tx {
            connection,
            center,
            now: self.inner.clock.map(now),
            real_now: now,
            source: self.inner.service,
            rows: Vec::new(),
            elsewhere: Vec::new(),
            trace: TraceContext::current_or(&TraceContext::default()),
            ids: self.inner.clock.clone(),
        })
    }

    /// The pool of the machine's role, which sees all centers. For bookkeeping and operators, never for a request.
    pub fn machine(&self) -> &PgPool {
        &self.inner.machine
    }

    /// The pool of the service's role, for statements outside a center, such as a health check.
    pub fn app(&self) -> &PgPool {
        &self.inner.app
    }

    /// Name of the service.
    pub fn service(&self) -> &'static str {
        self.inner.service
    }

    /// The clock through which the database's time is seen.
    pub fn clock(&self) -> &Clock {
        &self.inner.clock
    }

    /// The database's time, through the clock.
    pub async fn now(&self) -> Result<Timestamp, TxError> {
        let now: crate::Ts = sqlx::query_scalar("SELECT now()").fetch_one(&self.inner.machine).await?;
        Ok(self.inner.clock.map(now.0))
    }

    /// Waits until running transactions have ended, then closes the pools.
    pub async fn close(&self) {
        self.inner.tasks.close();
        self.inner.tasks.wait().await;
        let kept = self.inner.kept.lock().map(|mut kept| std::mem::take(&mut *kept)).unwrap_or_default();
        drop(kept);
        self.inner.app.close().await;
        self.inner.machine.close().await;
    }

    pub(crate) fn take_committed(&self) -> Option<mpsc::Receiver<Vec<Row>>> {
        self.inner.to_relay.lock().ok()?.take()
    }
}

/// A center's name as it may stand in a subject, a setting and a URL.
pub(crate) fn is_slug(center: &str) -> bool {
    !center.is_empty()
        && center.len() <= 63
        && center.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
}

fn pool(url: &str, connections: u32, settings: &DatabaseSettings, name: &str) -> Result<PgPool, TxError> {
    let statement_timeout = (settings.statement_timeout_seconds * 1000).to_string();
    let options = PgConnectOptions::from_str(url)?.application_name(name).options([
        ("statement_timeout", statement_timeout.as_str()),
        ("lock_timeout", "10000"),
        // The healing rollback of a connection that needs none would fill the log with warnings.
        ("client_min_messages", "error"),
        ("idle_in_transaction_session_timeout", "10000"),
        ("tcp_keepalives_idle", "10"),
        ("tcp_keepalives_interval", "5"),
        ("tcp_keepalives_count", "3"),
    ]);
    let mut pool = PgPoolOptions::new()
        .max_connections(connections)
        .acquire_timeout(Duration::from_secs(settings.acquire_timeout_seconds.into()))
        // The ping before each use doubles the round trips; a broken connection shows itself in the first statement.
        .test_before_acquire(false)
        .idle_timeout(Duration::from_secs(300));
    if settings.heal_returned_connections {
        pool = pool.after_release(|connection, _| {
            Box::pin(async move {
                // A lone ROLLBACK outside a transaction writes a warning to the server's log, each time. In a failed one
                // BEGIN is an error, and the pool closes the connection.
                connection.execute("BEGIN; ROLLBACK").await?;
                Ok(true)
            })
        });
    }
    Ok(pool.connect_lazy_with(options))
}
