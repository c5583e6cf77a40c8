//! Named values in force, watched on the bus and kept in the service's own database.
//!
//! A service starts and explains an old decision without the bucket: every revision that it has used stays in its
//! `revisions` table. A new one is in force within seconds, without a restart. A value that can't be read is refused
//! and the one before stays in force. One that can be read but has faults is served only where there is nothing better: it
//! was put in force by an earlier release, and a start after an upgrade must not shut a center's doors.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;
use bytes::Bytes;
use causeway_bus::{Bus, BusError, Change};
use futures::StreamExt as _;
use sqlx::PgPool;
use tokio::sync::watch;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use crate::database::Database;

/// A value that was read.
#[derive(Debug, Clone)]
pub struct Reading<T> {
    /// Its revision.
    pub revision: String,
    /// The value.
    pub value: T,
    /// Why it would not be put in force anew; nothing: it is in order.
    pub fault: Option<String>,
}

/// Reads a value; an error where none can be made of the bytes.
pub type Parse<T> = fn(&[u8]) -> Result<Reading<T>, String>;

/// How long a start waits for what is pinned up.
const FIRST_LOOK: Duration = Duration::from_secs(5);

/// So long a bucket is followed before it is followed anew. One that was lost and made again by somebody else, empty, looks the
/// same to who follows it: nothing comes any more, and nothing says so. Whoever begins anew fills it again.
const FOLLOWED: Duration = Duration::from_secs(10);

/// Why following a bucket came to its end.
enum Ended {
    /// It was followed for as long as it is: what comes meanwhile waits for nothing.
    ToBeginAnew,
    ByTheServer,
}

/// Revisions of named values.
pub struct Revisions<T> {
    bucket: &'static str,
    parse: Parse<T>,
    current: ArcSwap<BTreeMap<String, Arc<(String, T)>>>,
    pool: Option<PgPool>,
    kept: Mutex<BTreeMap<String, String>>,
    read: Mutex<BTreeMap<String, Bytes>>,
    changed: watch::Sender<u64>,
}

impl<T: Send + Sync + 'static> Revisions<T> {
    /// Loads what the database knows and what is pinned up now, then follows the bucket until stopped. `database` `None`: nothing is kept.
    pub async fn start(
        database: Option<&Database>,
        bus: Bus,
        bucket: &'static str,
        parse: Parse<T>,
        stop: CancellationToken,
        tasks: &tokio_util::task::TaskTracker,
    ) -> Result<Arc<Self>, crate::TxError> {
        let pool = database.map(|database| database.machine().clone());
        let revisions = Arc::new(Self {
            bucket,
            parse,
            current: ArcSwap::default(),
            pool,
            kept: Mutex::default(),
            read: Mutex::default(),
            changed: watch::Sender::new(0),
        });
        revisions.load().await?;
        // Whoever is told that the service is up finds in force what is pinned up. A bus that is away delays no start.
        match timeout(FIRST_LOOK, revisions.look(&bus)).await {
            Ok(Ok(())) => {}
            Ok(Err(cause)) => warn!(%cause, "look into the bucket at start; it is followed as soon as it can be"),
            Err(_) => warn!(bucket, "the bucket does not answer at start; it is followed as soon as it can be"),
        }
        let follower = revisions.clone();
        tasks.spawn(async move {
            loop {
                tokio::select! {
                    () = stop.cancelled() => return,
                    ended = follower.follow(&bus) => match ended {
                        Ok(Ended::ToBeginAnew) => continue,
                        Ok(Ended::ByTheServer) => {}
                        Err(cause) => tracing::debug!(%cause, "follow the bucket; tried again shortly"),
                    },
                }
                tokio::select! {
                    () = stop.cancelled() => return,
                    () = tokio::time::sleep(Duration::from_millis(500)) => {}
                }
            }
        });
        Ok(revisions)
    }

    /// The revision in force and its value.
    pub fn current(&self, name: &str) -> Option<Arc<(String, T)>> {
        self.current.load().get(name).cloned()
    }

    /// Names of all values in force.
    pub fn names(&self) -> Vec<String> {
        self.current.load().keys().cloned().collect()
    }

    /// A past revision.
    pub async fn at(&self, name: &str, revision: &str) -> Result<Option<T>, crate::TxError> {
        let Some(pool) = &self.pool else { return Ok(None) };
        let content: Option<Vec<u8>> =
            sqlx::query_scalar("SELECT content FROM revisions WHERE bucket = $1 AND name = $2 AND revision = $3")
                .bind(self.bucket)
                .bind(name)
                .bind(revision)
                .fetch_optional(pool)
                .await?;
        Ok(content.and_then(|content| (self.parse)(&content).ok()).map(|reading| reading.value))
    }

    /// Waits until a value with this name is in force.
    pub async fn wait_for(&self, name: &str) -> Arc<(String, T)> {
        let mut changed = self.changed.subscribe();
        loop {
            if let Some(found) = self.current(name) {
                return found;
            }
            // The sender lives as long as this struct.
            let _ = changed.changed().await;
        }
    }

    async fn load(&self) -> Result<(), crate::TxError> {
        let Some(pool) = &self.pool else { return Ok(()) };
        let rows: Vec<(String, Vec<u8>)> =
            sqlx::query_as("SELECT name, content FROM revisions WHERE bucket = $1 AND current")
                .bind(self.bucket)
                .fetch_all(pool)
                .await?;
        for (name, content) in rows {
            self.put_in_force(&name, &content);
        }
        Ok(())
    }

    /// Puts in force what is pinned up now; keeping it is left to following.
    async fn look(&self, bus: &Bus) -> Result<(), BusError> {
        let bucket = bus.bucket(self.bucket).await?;
        for name in bucket.names().await? {
            if let Some(content) = bucket.get(&name).await? {
                self.put_in_force(&name, &content);
            }
        }
        Ok(())
    }

    async fn follow(&self, bus: &Bus) -> Result<Ended, BusError> {
        let bucket = bus.bucket(self.bucket).await?;
        self.refill(&bucket).await?;
        let mut changes = Box::pin(bucket.watch().await?);
        let anew = tokio::time::sleep(FOLLOWED);
        tokio::pin!(anew);
        loop {
            let change = tokio::select! {
                change = changes.next() => change,
                () = &mut anew => return Ok(Ended::ToBeginAnew),
            };
            let Some(change) = change else { return Ok(Ended::ByTheServer) };
            let Change { key, value } = change?;
            let Some(content) = value else { continue };
            if self.was_read(&key, &content) && self.to_keep(&key).is_none() {
                continue;
            }
            if !self.put_in_force(&key, &content) {
                continue;
            }
            // A revision that could not be kept is tried again when the bucket is followed anew, half a second later.
            if let Some(revision) = self.to_keep(&key) {
                self.keep(&key, &revision, &content).await.map_err(|cause| BusError::Server {
                    what: format!("keep revision {revision} of {key}"),
                    cause: cause.to_string(),
                })?;
            }
        }
    }

    /// True where this content was read before: each time that the bucket is followed anew, all of it comes again.
    fn was_read(&self, name: &str, content: &Bytes) -> bool {
        let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        read.insert(name.to_owned(), content.clone()).is_some_and(|before| before == *content)
    }

    /// After the bucket was lost, what is in force is pinned up again.
    async fn refill(&self, bucket: &causeway_bus::Bucket) -> Result<(), BusError> {
        let Some(pool) = &self.pool else { return Ok(()) };
        for name in self.names() {
            if bucket.get(&name).await?.is_some() {
                continue;
            }
            let content: Option<Vec<u8>> =
                sqlx::query_scalar("SELECT content FROM revisions WHERE bucket = $1 AND name = $2 AND current")
                    .bind(self.bucket)
                    .bind(&name)
                    .fetch_optional(pool)
                    .await
                    .unwrap_or_default();
            if let Some(content) = content
                && bucket.put_if_absent(&name, Bytes::from(content)).await?
            {
                info!(name, bucket = self.bucket, "value in force was missing from the bucket and is pinned up again");
            }
        }
        Ok(())
    }

    /// True where what was read is what is in force now.
    fn put_in_force(&self, name: &str, content: &[u8]) -> bool {
        let Reading { revision, value, fault } = match (self.parse)(content) {
            Ok(reading) => reading,
            Err(cause) => {
                warn!(name, bucket = self.bucket, %cause, "value can not be read; the one before stays in force");
                return false;
            }
        };
        let current = self.current(name);
        if current.as_ref().is_some_and(|current| current.0 == revision) {
            return true;
        }
        match fault {
            Some(fault) if current.is_some() => {
                warn!(name, bucket = self.bucket, fault, "value has faults; the one before stays in force");
                return false;
            }
            Some(fault) => {
                error!(name, bucket = self.bucket, fault, "value in force has faults; mend it and put it in force anew")
            }
            None => {}
        }
        let mut all = BTreeMap::clone(&self.current.load());
        all.insert(name.to_owned(), Arc::new((revision.clone(), value)));
        self.current.store(Arc::new(all));
        self.changed.send_modify(|count| *count += 1);
        info!(name, revision, bucket = self.bucket, "value is in force");
        true
    }

    /// The revision in force, where it is not known to be kept.
    fn to_keep(&self, name: &str) -> Option<String> {
        let revision = self.current(name)?.0.clone();
        let kept = self.kept.lock().ok()?.get(name) == Some(&revision);
        (!kept && self.pool.is_some()).then_some(revision)
    }

    #[expect(clippy::disallowed_methods, reason = "the table belongs to no center, so with_tx can not write it")]
    async fn keep(&self, name: &str, revision: &str, content: &[u8]) -> Result<(), sqlx::Error> {
        let Some(pool) = &self.pool else { return Ok(()) };
        let mut tx = pool.begin().await?;
        sqlx::query(
            "UPDATE revisions SET current = false WHERE bucket = $1 AND name = $2 AND revision <> $3 AND current",
        )
        .bind(self.bucket)
        .bind(name)
        .bind(revision)
        .execute(&mut *tx)
        .await?;
        sqlx::query(
            "INSERT INTO revisions (bucket, name, revision, content, current) VALUES ($1, $2, $3, $4, true) \
             ON CONFLICT (bucket, name, revision) DO UPDATE SET seen_at = now(), current = true",
        )
        .bind(self.bucket)
        .bind(name)
        .bind(revision)
        .bind(content)
        .execute(&mut *tx)
        .await?;
        tx.commit().await?;
        if let Ok(mut kept) = self.kept.lock() {
            kept.insert(name.to_owned(), revision.to_owned());
        }
        Ok(())
    }
}
