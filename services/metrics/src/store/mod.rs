//! All SQL of metrics: one statement takes a whole batch in, a few read it.
//!
//! Deliberately not here: what the numbers mean (domain).

mod question;
mod reopenings;
mod reroutes;
mod reviews;
mod write;

pub use question::TALLIES;
pub(crate) use question::{DIMENSIONS, Day, Range, StageTimes, Tallied, count_all, days, tallies, times};
pub use reopenings::REOPENINGS;
pub(crate) use reopenings::{Reopening, ReopeningCount, insert as insert_reopenings, reopenings, reopenings_of_all};
pub use reroutes::REROUTES;
pub(crate) use reroutes::{
    Reroute, RerouteCount, Rerouted, insert as insert_reroutes, rerouted_since, reroutes, reroutes_of_all,
};
pub use reviews::REVIEWS;
pub(crate) use reviews::{Review, ReviewCount, Waited, insert as insert_reviews, reviews};
pub(crate) use write::upsert;
