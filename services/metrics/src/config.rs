//! What can be set for metrics, section `[metrics]`.
//!
//! Deliberately not here: how long figures are kept, which is a center's retention.

use causeway_mailbox::{DatabaseSettings, Pace};
use serde::{Deserialize, Serialize};

/// Settings of the service.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Sizes and time limits of the database pools.
    pub database: DatabaseSettings,
    /// Batch size, and how often the outbox is looked at.
    pub pace: Pace,
    /// How often the gauges for Prometheus are counted anew, milliseconds. Counting never takes more than a twentieth
    /// of the time, however many inquiries there are.
    pub gauges_every_ms: u64,
}

impl Default for Config {
    fn default() -> Self {
        Self { database: DatabaseSettings::default(), pace: Pace::default(), gauges_every_ms: 3000 }
    }
}
