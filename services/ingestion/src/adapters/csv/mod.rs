//! CSV files of partner offices: from bytes to rows, and from a row to a referral or to what is wrong with it.
//!
//! ```text
//! bytes -> charset -> text -> records -> layout (which column is which field) -> referral
//!                                                                  \-> result: the lines of the answer
//! ```
//!
//! A file is read by the center's mapping alone. Where a header, a quote or the end of a file leaves open what is meant,
//! nothing is guessed: the file, or the rest of it, is put aside for a person. Everything here takes parts of a file of any
//! size and keeps one record at a time. Deliberately not here: where files come from and what is kept (handlers, store).

pub mod cells;
pub mod charset;
pub mod dates;
pub mod fault;
pub mod layout;
pub mod records;
pub mod referral;
pub mod result;
pub mod row;

#[cfg(test)]
mod property_tests;
#[cfg(test)]
mod sample_tests;
