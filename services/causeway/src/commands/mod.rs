//! The operator's commands, one file each.

pub mod audit;
pub mod bench;
pub mod calls;
pub mod center;
pub mod dev;
pub mod doctor;
pub mod feeds;
pub mod files;
pub mod held;
pub mod ledger;
pub mod messages;
pub mod migrate;
pub mod operator;
pub mod parked;
pub mod people;
pub mod reconcile;
pub mod repair;
pub mod route;
pub mod run;
pub mod settings;
pub mod simulate;
pub mod subscriptions;
pub mod token;
pub mod unaddressed;
