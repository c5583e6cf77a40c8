//! What the outer rings of tests stand on: a whole installation to look at, or its parts as processes to break.
//!
//! Everything is real: PostgreSQL, NATS, SMTP, gRPC, pages. [`Installation`] is the program as a user starts it
//! (`causeway dev`), [`Fleet`] is each service in a process of its own beside servers that a test may kill.

mod days;
mod figures;
mod fleet;
pub mod installation;
mod office;
mod otlp;
mod pages;
mod patient;
pub mod people;
mod work;

use std::path::PathBuf;
use std::time::Duration;

pub use days::{Days, some_thursday};
pub use figures::{funnel, reached};
pub use fleet::Fleet;
pub use installation::{Installation, keep_clock};
pub use office::{Office, PAPER, ask};
pub use otlp::{Collector, SeenSpan};
pub use pages::{sign_in, sign_in_as};
pub use patient::{Patient, ask_by_form};
pub use people::{Answers, planted};
pub use work::{Desk, book_through, book_through_from};

/// The binary under test, built beside the tests by `cargo test --workspace`.
pub fn binary() -> PathBuf {
    let own = std::env::current_exe().expect("the test has a path");
    let folder = own.parent().and_then(|deps| deps.parent()).expect("target folder");
    let binary = folder.join("causeway");
    assert!(binary.exists(), "{} is missing; run the tests with 'cargo test --workspace'", binary.display());
    binary
}

/// Waits until something holds; names what did not where it takes too long.
pub async fn eventually(what: &str, seconds: u64, holds: impl AsyncFn() -> bool) {
    let until = tokio::time::Instant::now() + Duration::from_secs(seconds);
    while !holds().await {
        assert!(tokio::time::Instant::now() < until, "not within {seconds} s: {what}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}
