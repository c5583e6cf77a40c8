//! The vocabulary of Causeway: what an inquiry is, and every decision about one that needs no database and no network.
//!
//! All services import this crate, so that "stage", "due" and "complete" mean one thing in all of them. Everything here is
//! a value or a pure function: time comes in as an argument, text comes in as a string.
//!
//! Deliberately not here: files, sockets, SQL, clocks, message formats, and who may do what.

pub mod booking;
pub mod cadence;
pub mod calendar;
pub mod contact;
pub mod diagnosis;
pub mod document;
pub mod fault;
pub mod form;
pub mod holiday;
pub mod ids;
pub mod inquiry;
pub mod intake;
pub mod next_action;
pub mod profile;
pub mod records;
pub mod routing;
pub mod script;
pub mod stage;
pub mod time_words;
pub mod words;
