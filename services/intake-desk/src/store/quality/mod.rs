//! Audits of intake quality: what may be drawn and was, who reads it, what they answered, and what it adds up to.

pub mod answers;
pub mod audits;
pub mod draws;
pub mod results;

/// A word in a row that this release does not know.
fn unreadable(column: &str, word: &str) -> sqlx::Error {
    sqlx::Error::ColumnDecode { index: column.to_owned(), source: format!("unknown word '{word}'").into() }
}
