//! Whether ingestion may be sent traffic: whether its record can be written.
//!
//! The bus is no part of it on purpose: while it is down inquiries are accepted all the same and wait in the outbox, and a
//! door that closes then would lose them. The watcher asks the database itself, so that a quiet service notices an outage
//! before its first caller does, and a door that was closed opens again.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use causeway_mailbox::Database;
use causeway_runtime::{Check, Running, Stop};
use tracing::{info, warn};

const EVERY: Duration = Duration::from_secs(2);

/// Whether the last thing tried on the database went well; clones share it.
#[derive(Clone)]
pub struct Health(Arc<AtomicBool>);

impl Default for Health {
    /// Well until something shows otherwise.
    fn default() -> Self {
        Self(Arc::new(AtomicBool::new(true)))
    }
}

impl Health {
    /// Notes how it went; told once when it changes, not with every inquiry.
    pub fn mark(&self, well: bool) {
        if self.0.swap(well, Ordering::Relaxed) != well {
            if well {
                info!("record can be written again");
            } else {
                warn!("record can not be written; senders are asked to come again");
            }
        }
    }

    /// The readiness check.
    fn check(&self) -> Check {
        let seen = Arc::clone(&self.0);
        Check::new("database", move || {
            let well = seen.load(Ordering::Relaxed);
            if well { Ok(()) } else { Err("the record can not be written; check the database".to_owned()) }
        })
    }
}

/// Adds the check and starts the watcher.
pub fn watch(health: Health, database: &Database, stop: &Stop, running: &mut Running) {
    running.readiness.push(health.check());
    let (database, soft) = (database.clone(), stop.soft.clone());
    stop.spawn(&running.tasks, "health", async move {
        loop {
            tokio::select! {
                () = soft.cancelled() => return,
                () = tokio::time::sleep(EVERY) => {}
            }
            let asked = sqlx::query_scalar::<_, i32>("SELECT 1").fetch_one(database.app()).await;
            health.mark(asked.is_ok());
        }
    });
}
