//! How many notifications are under way at once, so that an endpoint that is slow keeps nobody but its own feed waiting.
//!
//! Deliberately not here: what is sent (mod).

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// Most notifications of one feed at once.
const OF_FEED: usize = 2;

type Taken = BTreeMap<(String, String), usize>;

/// The places of this process.
#[derive(Debug, Clone)]
pub struct Places {
    total: usize,
    taken: Arc<Mutex<Taken>>,
}

impl Places {
    /// So many, of which a center may take three of four.
    #[must_use]
    pub fn new(total: usize) -> Self {
        Self { total: total.max(1), taken: Arc::default() }
    }

    /// How many a feed of a center may take now.
    #[must_use]
    pub fn free(&self, center: &str, feed: &str) -> usize {
        self.with(|taken| {
            let sum = |is_meant: &dyn Fn(&(String, String)) -> bool| -> usize {
                taken.iter().filter(|(whose, _)| is_meant(whose)).map(|(_, count)| *count).sum()
            };
            let of_center = (self.total * 3).div_ceil(4).saturating_sub(sum(&|whose| whose.0 == center));
            let of_feed = OF_FEED.saturating_sub(sum(&|whose| whose.0 == center && whose.1 == feed));
            self.total.saturating_sub(sum(&|_| true)).min(of_center).min(of_feed)
        })
    }

    /// Takes one, until it is dropped.
    #[must_use]
    pub fn take(&self, center: &str, feed: &str) -> Place {
        let whose = (center.to_owned(), feed.to_owned());
        self.with(|taken| *taken.entry(whose.clone()).or_default() += 1);
        Place { places: self.clone(), whose }
    }

    fn with<T>(&self, act: impl FnOnce(&mut Taken) -> T) -> T {
        act(&mut self.taken.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// A place that is taken.
#[derive(Debug)]
pub struct Place {
    places: Places,
    whose: (String, String),
}

impl Drop for Place {
    fn drop(&mut self) {
        self.places.with(|taken| {
            if let Some(count) = taken.get_mut(&self.whose) {
                *count -= 1;
            }
            taken.retain(|_, count| *count > 0);
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slow_feed_keeps_neither_another_feed_nor_another_center_waiting() {
        let places = Places::new(8);
        let mut held = vec![places.take("one", "slow"), places.take("one", "slow")];
        assert_eq!((places.free("one", "slow"), places.free("one", "other"), places.free("two", "slow")), (0, 2, 2));
        for feed in ["b", "b", "c", "c"] {
            held.push(places.take("one", feed));
        }
        assert_eq!((places.free("one", "d"), places.free("two", "d")), (0, 2), "two places are left for other centers");
        held.extend([places.take("two", "d"), places.take("three", "d")]);
        assert_eq!((places.free("two", "d"), places.free("four", "d")), (0, 0), "all are taken");
        held.clear();
        assert_eq!(places.free("one", "slow"), 2);
        assert_eq!(Places::new(1).free("one", "slow"), 1, "one place is one for everybody");
    }
}
