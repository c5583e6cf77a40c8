//! HL7 v2: from the bytes of one frame to what they ask for, and to the reply.
//!
//! ```text
//! bytes -> charset -> text -> message -> header -> intake -> referral
//!                                           \---------\----> reply, answer -> text -> charset -> bytes
//! ```
//!
//! What real systems send is rarely what the standard says, and a message refused is a patient who waits. So whatever can
//! be understood without guessing is taken, and each such [`Oddity`](fault::Oddity) is told, to be counted for the office
//! that sent it. What could belong to another person is refused. Deliberately not here: repeats (a matter of what was kept
//! before; [`Opened::sender`](intake::Opened::sender) and [`Message::body`](message::Message::body) are what they are
//! recognised by).

pub mod answer;
pub mod around;
pub mod batch;
pub mod charset;
pub mod delimiters;
pub mod documents;
pub mod escape;
pub mod fault;
pub mod findings;
pub mod header;
pub mod intake;
pub mod mapping;
pub mod message;
pub mod person;
pub mod referral;
pub mod reply;
mod scan;
pub mod segment;
pub mod time;

#[cfg(test)]
mod property_tests;
#[cfg(test)]
mod sample_tests;
