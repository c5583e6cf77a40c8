//! Whether two inquiries are one person's: what a person is found by, how like two are, and what people said of it.
//!
//! A name, a birth date and the ways to reach somebody are read as they are meant, compared part by part, and the sum has its
//! reasons with it. Nothing is merged here: a person at the center decides. Deliberately not here: keys (handlers), rows (store).

pub mod clues;
pub mod group;
pub mod name;
pub mod score;

#[cfg(test)]
mod score_tests;
