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
pub mod distance;
pub mod document;
pub mod escalation;
pub mod fault;
pub mod form;
pub mod holiday;
pub mod ids;
pub mod inquiry;
pub mod intake;
pub mod next_action;
pub mod next_step;
pub mod profile;
pub mod quality_audit;
pub mod records;
pub mod reroute;
pub mod routing;
pub mod scope;
pub mod script;
pub mod sister;
pub mod stage;
pub mod stillness;
pub mod time_words;
pub mod triage;
pub mod words;
