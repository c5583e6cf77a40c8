//! How does a request come in, and how does one service call another?
//!
//! One gRPC stack and one HTTP stack, the same for every service: who calls is known before a handler runs, every request has a
//! deadline, a size limit, a span and a metric, a panic becomes an answer, and a stop lets requests finish. Refusals come from one
//! closed list ([`Code`]), so that a gRPC status and an HTTP status never tell different stories.
//!
//! Deliberately not here: what is asked (proto), whether the caller may (auth's policy, asked by handlers), and pages (portal).

mod client;
mod code;
mod grpc;
mod guard;
mod health;
mod http;
mod language;
mod limit;
mod pressure;
mod problem;
mod propagation;

pub use client::{Channel, Client, ClientStack};
pub use code::Code;
pub use grpc::{Grpc, GrpcLimits, ServeError, caller, grpc};
pub use health::is_serving;
pub use http::{HttpLimits, HttpMetrics, RequestId, http, http_layers, security_headers};
pub use language::languages;
pub use limit::{Limiter, address, network};
pub use pressure::Pressure;
pub use problem::{FieldProblem, Problem};
