//! The intake desk as a whole: events in, events out, commands, timers, on real servers.

mod access;
mod documents;
mod journey;
mod load;
mod visits;
mod world;
