//! Whether the database answers, as known without asking it at each look.
//!
//! A task asks every other second; the check reads what it found. Deliberately not here: the bus, which knows itself.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use causeway_runtime::{Check, Stop};
use tokio_util::task::TaskTracker;

use crate::Database;

const EVERY: Duration = Duration::from_secs(2);

/// A check that the service's own role can reach its tables.
pub fn readiness(database: Database, stop: &Stop, tasks: &TaskTracker) -> Check {
    let reached = Arc::new(AtomicBool::new(false));
    let (found, soft) = (reached.clone(), stop.soft.clone());
    stop.spawn(tasks, "readiness", async move {
        loop {
            let asked = sqlx::query("SELECT 1 FROM outbox LIMIT 0").execute(database.app()).await;
            found.store(asked.is_ok(), Ordering::Relaxed);
            tokio::select! {
                () = soft.cancelled() => return,
                () = tokio::time::sleep(EVERY) => {}
            }
        }
    });
    Check::new("database", move || {
        if reached.load(Ordering::Relaxed) {
            Ok(())
        } else {
            Err("the database can not be reached or is not migrated; run causeway migrate".into())
        }
    })
}
