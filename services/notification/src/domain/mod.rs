//! Pure decisions: what a person is to be told, when, and what becomes of a try. No clock, database or network.

pub mod notice;
pub mod retry;
pub mod staff_words;
pub mod variables;
pub mod visit;
