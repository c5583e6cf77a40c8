//! What the desk decides: pure functions from a state, a step and an instant to a new state and what others must hear.
//!
//! [`decide`] is the only way in which an inquiry changes after it was routed; [`routed`] is the only way in which one
//! begins. Both leave an open inquiry with a queue, a next action and a due time (F5). Deliberately not here: SQL, the
//! wire, who may do what, and the content of notes (only whether a note is complete matters here).

mod agreed;
#[cfg(test)]
mod agreed_tests;
mod amend;
#[cfg(test)]
mod amend_tests;
mod attempts;
mod chase;
mod decide;
mod idle;
mod inquiry;
mod note;
#[cfg(test)]
mod orders_tests;
mod paperwork;
mod quality;
#[cfg(test)]
mod quality_tests;
mod reach;
mod review;
#[cfg(test)]
mod review_tests;
mod scope;
#[cfg(test)]
mod scope_tests;
mod settle;
#[cfg(test)]
mod simulation_tests;
mod sister;
#[cfg(test)]
mod sister_tests;
mod step;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod tries_tests;
mod work;
mod worked;

pub use agreed::{NextStep, nearest};
pub use amend::Amendment;
pub use attempts::{next_channel, next_try};
pub use chase::{asks_again_at, chase_look};
pub use decide::decide;
pub use idle::{begun_by, idle_after, left_after, looks_again, watched_since};
pub use inquiry::{
    ClockState, Inquiry, Loose, Paused, RecordLine, Route, Rules, Scope, Turn, Visit, clock_state, routed,
    standing_pause,
};
pub use note::{NoteFault, merge};
pub use quality::{Audit, AuditState, Finished, Given, ItemFault, Reading, may_finish};
pub use reach::{Reach, reach};
pub use review::{Verdict, Waiting};
pub use sister::{Fate, Handover};
pub use step::{
    By, Choice, Decided, Entry, HandTo, How, Moved, Outcome, ReferralFate, Refusal, Step, Told, VisitEvent,
};
pub use worked::{says_what_comes_next, worked};
