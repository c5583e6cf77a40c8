//! The binary `causeway`: all services in one process (`dev`, `run`), and the operator's commands.
//!
//! It owns no fact. Each command is one file in [`commands`]; [`local`] keeps the private servers of `dev` and of the
//! tests. Deliberately absent: anything that a service decides.

pub mod cli;
pub mod commands;
pub mod installation;
pub use causeway_local as local;
