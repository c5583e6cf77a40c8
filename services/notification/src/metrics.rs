//! What operators see: how notices end, and how long the oldest one waits.

use prometheus::{Gauge, IntCounterVec, Opts, Registry};

use crate::domain::notice::Kind;

/// The service's own metrics; cheap to clone.
#[derive(Clone)]
pub struct Metrics {
    notices: IntCounterVec,
    oldest: Gauge,
}

impl Metrics {
    /// Registers them.
    pub fn register(registry: &Registry) -> Result<Self, prometheus::Error> {
        let notices = IntCounterVec::new(
            Opts::new("causeway_notices_total", "changes of notices to people, by kind, channel and outcome"),
            &["kind", "channel", "outcome"],
        )?;
        let oldest = Gauge::with_opts(Opts::new(
            "causeway_notices_oldest_intended_age_seconds",
            "how long the notice that waits longest is overdue",
        ))?;
        registry.register(Box::new(notices.clone()))?;
        registry.register(Box::new(oldest.clone()))?;
        Ok(Self { notices, oldest })
    }

    /// Counts notices that came to an outcome (intended, retried, sent, failed, unknown, suppressed).
    pub fn count(&self, kind: Kind, by_email: bool, outcome: &str, many: i64) {
        let channel = if by_email { "email" } else { "none" };
        let counter = self.notices.with_label_values(&[kind.word(), channel, outcome]);
        counter.inc_by(u64::try_from(many).unwrap_or(0));
    }

    /// Keeps how long the oldest one waits.
    pub fn set_oldest(&self, seconds: f64) {
        self.oldest.set(seconds.max(0.0));
    }
}
