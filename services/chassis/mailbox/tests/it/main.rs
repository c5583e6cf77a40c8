//! The machine on real servers: PostgreSQL and NATS, killed and emptied where the promise says that it does not matter.

#![allow(
    clippy::disallowed_methods,
    reason = "tests show the fault of a bare begin, and set timers from the real time"
)]

mod cancellation;
mod commit;
mod delivery;
mod loss;
mod months;
mod reconciler;
mod revisions;
mod rig;
mod rights;
mod single;
mod timers;
mod two_centers;
mod watchdog;
mod whole;
