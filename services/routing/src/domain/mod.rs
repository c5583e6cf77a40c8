//! The decisions of routing, pure: where an inquiry goes, by when somebody is to be reached, and why.
//!
//! Deliberately not here: storing, sending, and the table's own matching, which is the vocabulary's.

mod clock;
mod explain;
mod route;

pub(crate) use explain::{failed_rows, sentence};
pub(crate) use route::{Route, route};
