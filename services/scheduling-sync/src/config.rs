//! What can be set for this service, section `[scheduling_sync]`.

use causeway_mailbox::{DatabaseSettings, Pace};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

/// Settings of scheduling-sync.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Pools and time limits.
    pub database: DatabaseSettings,
    /// How often the machine looks.
    pub pace: Pace,
    /// A visit is offered no earlier than this many minutes from now, so that the site can prepare.
    pub lead_minutes: u32,
    /// Visits are offered and booked this many days ahead, at most.
    pub horizon_days: u32,
    /// How many dates are offered where the caller does not say.
    pub offers: u16,
}

impl Config {
    /// The latest start of a visit that is offered or booked now.
    #[must_use]
    pub fn latest(&self, now: Timestamp) -> Timestamp {
        let horizon = SignedDuration::from_hours(24 * i64::from(self.horizon_days));
        now.saturating_add(horizon).unwrap_or(Timestamp::MAX)
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            database: DatabaseSettings::default(),
            pace: Pace::default(),
            lead_minutes: 120,
            horizon_days: 60,
            offers: 6,
        }
    }
}
