//! The machine on real servers: PostgreSQL and NATS, killed and emptied where the promise says that it does not matter.

mod cancellation;
mod delivery;
mod loss;
mod rig;
mod timers;
