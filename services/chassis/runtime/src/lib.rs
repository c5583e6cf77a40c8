//! How does a process live? Configuration, lifecycle, telemetry, health and the one clock.
//!
//! A service is a value of [`Service`]; a process is a [`Launcher`] with one or many of them. Both `services/<x>/src/main.rs` and the
//! all-in-one binary hand their list to the same launcher, so what is tested together is what runs apart. There are no statics: two
//! launchers live in one test process without seeing each other.
//!
//! Deliberately not here: requests (serve), identities (auth), databases and messages (mailbox, bus), and every domain word.

pub mod clock;
pub mod config;
mod gather;
pub mod launcher;
pub mod lifecycle;
pub mod network;
mod operations;
pub mod secret;
pub mod service;
pub mod settings;
pub mod telemetry;

pub use clock::Clock;
pub use config::RuntimeConfig;
pub use launcher::{Launcher, LauncherError, Up};
pub use lifecycle::Stop;
pub use network::{Listeners, Peers};
pub use secret::Secret;
pub use service::{
    Check, DatabaseUrls, Deps, ErasedService, Mode, NatsCredentials, NatsSettings, PortSpec, Running, Service, entry,
};
pub use settings::Settings;
