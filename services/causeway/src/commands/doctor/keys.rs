//! The keys that this process' folder should hold.

use causeway_auth::keyring;
use causeway_runtime::RuntimeConfig;

use super::Finding;

/// The services that call others.
const CALLERS: [&str; 2] = ["notification", "portal"];

/// Looks at each key, and makes none.
pub(super) fn look(config: &RuntimeConfig) -> Vec<Finding> {
    let finding = |one: keyring::Examined| {
        let about = format!("key {}", one.key);
        match one.found {
            Ok(text) => Finding::good(about, text),
            Err(cause) => {
                let copy = "where there is a copy take that one: a new key opens nothing that the old one sealed, and nobody knows it";
                Finding::bad(about, format!("{cause:#}; {copy}"))
            }
        }
    };
    keyring::examine(&config.keys_dir, &CALLERS).into_iter().map(finding).collect()
}
