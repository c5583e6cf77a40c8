//! The closures that stand or lie ahead, as known without asking the database: for the promise on a form's page.
//!
//! A task reads them anew every second, so a page that is looked at without end costs no query. Decisions do not use it:
//! they read the closures in their own transaction.

use std::collections::HashMap;
use std::sync::{Arc, RwLock};
use std::time::Duration;

use causeway_mailbox::Database;
use causeway_runtime::Stop;
use tokio_util::task::TaskTracker;

use crate::domain::Closed;
use crate::store::closures;

const EVERY: Duration = Duration::from_secs(1);

type Known = Arc<HashMap<String, Vec<Closed>>>;

/// What is known.
#[derive(Debug, Default)]
pub(crate) struct Ahead(RwLock<Known>);

impl Ahead {
    /// Follows the database until stopped.
    pub(crate) fn follow(database: &Database, stop: &Stop, tasks: &TaskTracker) -> Arc<Self> {
        let ahead = Arc::new(Self::default());
        let (own, database, soft) = (ahead.clone(), database.clone(), stop.soft.clone());
        stop.spawn(tasks, "closures-ahead", async move {
            loop {
                match closures::ahead(database.machine(), database.clock().now()).await {
                    Ok(found) => own.know(found),
                    Err(cause) => tracing::debug!(%cause, "read the closures ahead; those of before stay known"),
                }
                tokio::select! {
                    () = soft.cancelled() => return,
                    () = tokio::time::sleep(EVERY) => {}
                }
            }
        });
        ahead
    }

    fn know(&self, found: Vec<(String, Closed)>) {
        let mut by_center: HashMap<String, Vec<Closed>> = HashMap::new();
        found.into_iter().for_each(|(center, closed)| by_center.entry(center).or_default().push(closed));
        if let Ok(mut known) = self.0.write() {
            *known = Arc::new(by_center);
        }
    }

    /// The closures of all centers.
    pub(crate) fn known(&self) -> Known {
        self.0.read().map(|known| known.clone()).unwrap_or_default()
    }
}
