//! What the desk decides: pure functions from a state, a step and an instant to a new state and what others must hear.
//!
//! [`decide`] is the only way in which an inquiry changes after it was routed; [`routed`] is the only way in which one
//! begins. Both leave an open inquiry with a queue, a next action and a due time (F5). Deliberately not here: SQL, the
//! wire, who may do what, and the content of notes (only whether a note is complete matters here).

mod attempts;
mod decide;
mod inquiry;
mod note;
mod paperwork;
mod settle;
mod step;
#[cfg(test)]
mod tests;
mod work;

pub use attempts::next_try;
pub use decide::decide;
pub use inquiry::{ClockState, Inquiry, RecordLine, Route, Rules, Visit, clock_state, routed};
pub use note::{NoteFault, merge};
pub use step::{By, Decided, Entry, HandTo, Outcome, Refusal, Step, Told, VisitEvent};
