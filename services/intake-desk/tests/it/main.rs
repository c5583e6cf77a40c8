//! The intake desk as a whole: events in, events out, commands, timers, on real servers.

mod access;
mod amended;
mod audits;
mod claims;
mod clock;
mod documents;
mod journey;
mod load;
mod month;
mod next_steps;
mod records;
mod scope;
mod sisters;
mod triage;
mod turns;
mod visits;
mod world;
