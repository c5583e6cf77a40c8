//! Ingestion as a whole, on real servers: nothing is answered that is not kept, nothing kept twice, nobody shown unasked.

mod csv;
mod documents;
mod documents_of_feeds;
mod documents_scanned;
mod doors;
mod faults;
mod fhir;
mod hl7;
mod journeys;
mod limits;
mod mended;
mod numbers;
mod openapi;
mod people;
mod phone;
mod phone_entry;
mod plans;
mod privacy;
mod proofs;
mod repair;
mod samples;
mod showings;
mod subscriptions;
mod validator;
mod volume;
mod world;
