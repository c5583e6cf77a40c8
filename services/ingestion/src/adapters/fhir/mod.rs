//! FHIR R4 (4.0.1): from the bytes of a request to what they ask for, and to the resources that answer them.
//!
//! ```text
//! bytes -> json -> element -> bundle, resources -> intake -> referral | form
//!                     \-> faults -> outcome                 task, response, capability -> json -> bytes
//! ```
//!
//! What steers a referral is read strictly: whom it is about, whether it stands, what may turn it into its opposite. All
//! faults are told at once, each with its FHIRPath expression. What a person can mend is taken and told as a warning; what
//! nobody here reads is kept with the message. No fault repeats what stands in the request, and an expression names only
//! elements that we look for. Deliberately not here: connections, keys and what was kept before (handlers).

pub mod bundle;
pub mod capability;
pub mod carried;
pub mod check;
pub mod concept;
pub mod date;
pub mod details;
pub mod document;
pub mod element;
pub mod fault;
pub mod form;
pub mod insurance;
pub mod intake;
pub mod invariants;
pub mod json;
pub mod kinds;
pub mod links;
pub mod message;
pub mod notes;
pub mod notification;
pub mod number;
pub mod outcome;
pub mod patient;
pub mod person;
pub mod places;
pub mod provider;
pub mod reference;
pub mod referral;
pub mod response;
pub mod search;
pub mod shape;
pub mod standing;
pub mod subscription;
pub mod task;

#[cfg(test)]
mod details_tests;
#[cfg(test)]
mod place_tests;
#[cfg(test)]
mod property_tests;
#[cfg(test)]
mod referral_tests;
#[cfg(test)]
mod sample_tests;
