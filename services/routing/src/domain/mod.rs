//! The decisions of routing, pure: where an inquiry goes, whose turn it is, by when somebody is to be reached, who hears when that
//! does not happen, and why.
//!
//! Deliberately not here: storing, sending, and the table's own matching, which is the vocabulary's.

mod assign;
mod clock;
mod explain;
mod open;
pub(crate) mod passed;
mod replay;
mod route;

pub(crate) use assign::{Need, Person, Roster};
pub(crate) use clock::{restated, stopped_clock};
pub(crate) use explain::{FailedRow, failed_rows, failed_without_rows, sentence};
pub(crate) use open::{Closed, Open};
pub use replay::{Load, Move, Targets, WhatIf};
pub(crate) use replay::{Past, Replay};
#[cfg(test)]
pub(crate) use route::route;
pub(crate) use route::{Route, route_in};
