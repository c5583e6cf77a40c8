//! Adapters: the formats in which partner systems speak, read and written without any I/O.
//!
//! What comes over a connection is bytes that anybody may have sent, so everything here takes bytes or text and gives
//! values: it can be tested with each byte changed, and no test needs a socket. Deliberately not here: connections,
//! certificates and time limits (the listener), and what is kept of a message (store).

pub mod csv;
pub mod fhir;
pub mod hl7;
pub mod mllp;
pub mod openapi;

/// A body of JSON without the mark that some systems write before UTF-8 (RFC 8259, section 8.1: a reader may ignore it).
#[must_use]
pub fn without_mark(body: &[u8]) -> &[u8] {
    body.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(body)
}
