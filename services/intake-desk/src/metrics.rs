//! What operators see of the desk in figures.

use std::time::Duration;

use causeway_mailbox::Database;
use prometheus::{IntCounterVec, IntGaugeVec, Opts, Registry};
use tokio_util::sync::CancellationToken;
use tracing::debug;

use crate::store::worklist;

/// The desk's metrics.
#[derive(Clone)]
pub struct DeskMetrics {
    work_open: IntGaugeVec,
    claims: IntCounterVec,
}

impl DeskMetrics {
    /// Makes and registers them.
    ///
    /// # Errors
    /// When the registry has them already.
    pub fn register(registry: &Registry) -> Result<Self, prometheus::Error> {
        let work_open = IntGaugeVec::new(
            Opts::new("causeway_work_open", "open inquiries by center and team"),
            &["center", "team"],
        )?;
        let claims = IntCounterVec::new(
            Opts::new(
                "causeway_claims_total",
                "claims by result: taken (also again by the same person), conflict, refused",
            ),
            &["result"],
        )?;
        registry.register(Box::new(work_open.clone()))?;
        registry.register(Box::new(claims.clone()))?;
        Ok(Self { work_open, claims })
    }

    /// Counts a claim.
    pub fn claim(&self, result: &str) {
        self.claims.with_label_values(&[result]).inc();
    }

    /// Counts what is open, again and again.
    pub async fn count_open(self, database: Database, every: Duration, stop: CancellationToken) {
        loop {
            match worklist::open_by_team(database.machine()).await {
                Ok(counts) => {
                    self.work_open.reset();
                    for (center, team, count) in counts {
                        self.work_open.with_label_values(&[center.as_str(), team.as_str()]).set(count);
                    }
                }
                Err(cause) => debug!(%cause, "count open inquiries; tried again shortly"),
            }
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(every) => {}
            }
        }
    }
}
