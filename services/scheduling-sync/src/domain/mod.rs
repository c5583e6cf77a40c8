//! The decisions of scheduling, pure: what may be booked, which dates fit, what may happen to an appointment.
//!
//! Time and state are handed in, so each rule is tested without a server. Deliberately not here: which seat of a slot is
//! free at this moment; only the database can say that.

pub mod appointment;
pub mod diary;
pub mod offer;
pub mod refusal;
pub mod slot_id;
