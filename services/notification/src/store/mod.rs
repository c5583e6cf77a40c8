//! All SQL of this service. Each statement takes a whole batch.

pub mod appointments;
pub mod claims;
pub mod notices;
pub mod stops;
