//! When a feed's key or certificate was used last, so that people see which one an office has changed to.
//!
//! It is held in memory and written once a minute with the look after the feeds, because a write for each request would cost
//! more than the request; a crash forgets the last minute. Deliberately not here: what a key opens (key).

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use jiff::Timestamp;

use crate::store::feeds::Used;

/// What was used since it was written last, by center, feed and SHA-256. As many as the profiles name, since only what opens is
/// noted.
#[derive(Default)]
pub struct Credentials(Mutex<HashMap<Shown, Timestamp>>);

/// Center, feed and digest.
type Shown = (String, String, Vec<u8>);

impl Credentials {
    /// Notes that one was used.
    pub fn note(&self, (center, feed): (&str, &str), digest: &[u8], at: Timestamp) {
        let mut used = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let last = used.entry((center.to_owned(), feed.to_owned(), digest.to_owned())).or_insert(at);
        *last = at.max(*last);
    }

    /// What of a center is to be written.
    pub fn take(&self, center: &str) -> Vec<Used> {
        let mut used = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        used.extract_if(|(of, _, _), _| of == center).map(|((_, feed, digest), at)| (feed, digest, at)).collect()
    }

    /// Could not be written; it is written with the next.
    pub fn put_back(&self, center: &str, used: &[Used]) {
        for (feed, digest, at) in used {
            self.note((center, feed), digest, *at);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_use_is_written_once_and_what_could_not_be_written_is_kept() {
        let credentials = Credentials::default();
        let at = |second| Timestamp::from_second(second).expect("a time");
        for second in [5, 9, 7] {
            credentials.note(("north", "cedar"), &[1], at(second));
        }
        credentials.note(("south", "cedar"), &[1], at(1));
        let taken = credentials.take("north");
        assert_eq!(taken, [("cedar".to_owned(), vec![1], at(9))]);
        assert!(credentials.take("north").is_empty());
        credentials.note(("north", "cedar"), &[1], at(12));
        credentials.put_back("north", &taken);
        assert_eq!(credentials.take("north"), [("cedar".to_owned(), vec![1], at(12))]);
        assert_eq!(credentials.take("south").len(), 1);
    }
}
