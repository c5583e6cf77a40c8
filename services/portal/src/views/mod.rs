//! From what the services answer to what the pages show.
//!
//! Pure functions of profile, answers and time, so that each is tested without a server. Deliberately not here: asking
//! the services (handlers) and markup (pages).

pub mod calls;
pub mod form;
pub mod form_counts;
pub mod funnel;
pub mod inquiry;
pub mod own;
pub mod repairs;
pub mod script;
pub mod times;
pub mod worklist;
