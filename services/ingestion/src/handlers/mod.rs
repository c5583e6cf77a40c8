//! What comes in: the doors for inquiries, and the questions about them.
//!
//! Deliberately not here: decisions (domain) and SQL (store).

pub mod accept;
pub mod access;
mod answers;
pub mod cors;
pub mod credentials;
pub mod csv;
pub mod documents;
pub mod erase;
pub mod facts;
pub mod feeds;
pub mod fhir;
pub mod find;
pub mod follow;
pub mod forms;
pub mod grpc;
pub mod hear;
pub mod hooks;
pub mod http;
pub mod journeys;
pub mod keep;
pub mod key;
pub mod limit;
pub mod links;
pub mod mllp;
pub mod phone;
pub mod proof;
pub mod recognise;
pub mod refused;
pub mod release;
pub mod repair;
pub mod reveal;
pub mod settle;
pub mod showings;
pub mod sisters;
pub mod subscriptions;
pub mod tls;
pub mod told;
pub mod unaddressed;
pub mod volume;
