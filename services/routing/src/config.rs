//! What can be set for routing, section `[routing]`.
//!
//! Deliberately not here: tables, hours and targets, which are a center's profile.

use causeway_mailbox::{DatabaseSettings, Pace};
use serde::{Deserialize, Serialize};

/// Settings of the service.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Sizes and time limits of the database pools.
    pub database: DatabaseSettings,
    /// Batch size, and how often the outbox and the timers are looked at.
    pub pace: Pace,
}
