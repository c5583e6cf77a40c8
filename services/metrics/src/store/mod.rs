//! All SQL of metrics: one statement takes a whole batch in, a few read it.
//!
//! Deliberately not here: what the numbers mean (domain).

mod question;
mod write;

pub use question::TALLIES;
pub(crate) use question::{DIMENSIONS, Day, Range, StageTimes, Tallied, count_all, days, tallies, times};
pub(crate) use write::upsert;
