//! How far inquiries have come, and what that makes in numbers, pure.
//!
//! Deliberately not here: the stage itself, which the intake desk decides, and SQL.

mod funnel;
mod progress;

pub(crate) use funnel::{STAGES, Tally, close_reasons, conversions, stages};
pub(crate) use progress::{Progress, Snapshot};
