//! The outside world: templates, the people (ingestion), the mail server.

pub mod book;
pub mod letter;
pub mod people;
pub mod post;
