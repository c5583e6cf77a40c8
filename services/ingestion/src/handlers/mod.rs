//! What comes in: the doors for inquiries, and the questions about them.
//!
//! Deliberately not here: decisions (domain) and SQL (store).

pub mod accept;
pub mod facts;
pub mod grpc;
pub mod http;
pub mod release;
pub mod reveal;
