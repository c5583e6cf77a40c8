//! The section `[intake_desk]` of the configuration.

use causeway_mailbox::{DatabaseSettings, Pace};
use serde::{Deserialize, Serialize};

/// What can be set.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Pools and time limits of the database.
    pub database: DatabaseSettings,
    /// How often the machine looks, and how patient it is.
    pub pace: Pace,
    /// Most rows in one page of the worklist.
    pub most_rows: i32,
    /// How often open inquiries are counted for the metrics, seconds.
    pub count_every_seconds: u64,
    /// Seal notes before they are stored. Only development may switch it off, to prove that a leak would be seen.
    pub sealing: bool,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            database: DatabaseSettings::default(),
            pace: Pace::default(),
            most_rows: 200,
            count_every_seconds: 15,
            sealing: true,
        }
    }
}
