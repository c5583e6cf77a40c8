//! From what the services answer to what the pages show.
//!
//! Pure functions of profile, answers and time, so that each is tested without a server. Deliberately not here: asking
//! the services (handlers) and markup (pages).

pub mod access;
pub mod audits;
pub mod calls;
pub mod closures;
pub mod feeds;
pub mod form;
pub mod form_counts;
pub mod funnel;
pub mod inquiry;
pub mod own;
pub mod repairs;
pub mod rerouted;
pub mod reviewed;
pub mod routing;
pub mod script;
pub mod teams;
pub mod there;
pub mod times;
pub mod worklist;
