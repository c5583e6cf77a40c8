//! How often somebody may come: limits by key, and the address that a request comes from.
//!
//! A limit is a bucket that fills evenly (GCRA): a whole minute's worth may come at once, so that nobody who comes now and
//! then meets it. What is remembered is bounded, whoever comes: a bucket that is full again is forgotten, and where there
//! are still too many all start anew, since an attack from so many addresses is stopped by no limit by address.
//! Deliberately not here: what is limited, and what somebody is told who came too often (each door).

use std::hash::Hash;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{PoisonError, RwLock};
use std::time::Duration;

use axum::extract::ConnectInfo;
use governor::clock::{Clock, DefaultClock};
use governor::middleware::NoOpMiddleware;
use governor::state::keyed::DefaultKeyedStateStore;
use governor::{Quota, RateLimiter};
use http::{Extensions, HeaderMap};

/// Most buckets that are remembered.
const MOST_KEYS: usize = 100_000;
/// They are counted once in so many times.
const COUNTED: u32 = 1024;

type Buckets<K, C> = RateLimiter<K, DefaultKeyedStateStore<K>, C, NoOpMiddleware<<C as Clock>::Instant>>;

/// A limit for each key.
pub struct Limiter<K: Hash + Eq + Clone, C: Clock = DefaultClock> {
    quota: Option<Quota>,
    clock: C,
    buckets: RwLock<Option<Buckets<K, C>>>,
    asked: AtomicU32,
    most_keys: usize,
}

impl<K: Hash + Eq + Clone> Limiter<K> {
    /// So many in a minute for each key; 0 is no limit.
    #[must_use]
    pub fn per_minute(most: u32) -> Self {
        Self::with_clock(most, DefaultClock::default(), MOST_KEYS)
    }
}

impl<K: Hash + Eq + Clone, C: Clock + Clone> Limiter<K, C> {
    fn with_clock(most: u32, clock: C, most_keys: usize) -> Self {
        let quota = NonZeroU32::new(most).map(Quota::per_minute);
        let buckets = quota.map(|quota| RateLimiter::dashmap_with_clock(quota, clock.clone()));
        Self { quota, clock, buckets: RwLock::new(buckets), asked: AtomicU32::new(0), most_keys }
    }

    /// Counts one of this key.
    ///
    /// # Errors
    /// It is one too many; how long until the next may come.
    pub fn admit(&self, key: &K) -> Result<(), Duration> {
        if self.quota.is_some() && self.asked.fetch_add(1, Ordering::Relaxed) % COUNTED == COUNTED - 1 {
            self.forget();
        }
        match &*self.buckets.read().unwrap_or_else(PoisonError::into_inner) {
            Some(buckets) => buckets.check_key(key).map_err(|until| until.wait_time_from(self.clock.now())),
            None => Ok(()),
        }
    }

    /// Forgets what need not be remembered.
    fn forget(&self) {
        let mut buckets = self.buckets.write().unwrap_or_else(PoisonError::into_inner);
        let Some(known) = buckets.as_ref().filter(|known| known.len() > self.most_keys) else { return };
        known.retain_recent();
        known.shrink_to_fit();
        if known.len() > self.most_keys {
            tracing::warn!(
                keys = known.len(),
                "far too many come from far too many places: limits by address start anew"
            );
            *buckets = self.quota.map(|quota| RateLimiter::dashmap_with_clock(quota, self.clock.clone()));
        }
    }
}

/// One household: an address of version 4, or the network of 64 bits that a household gets of version 6.
#[must_use]
pub fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => address.into(),
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() >> 64 << 64).into(),
    }
}

/// The address that a request comes from: as the outermost of so many trusted proxies saw it, else as the connection says.
#[must_use]
pub fn address(headers: &HeaderMap, extensions: &Extensions, proxies: usize) -> Option<IpAddr> {
    let Some(place) = proxies.checked_sub(1) else {
        return extensions.get::<ConnectInfo<SocketAddr>>().map(|peer| peer.0.ip());
    };
    let seen = headers.get_all("x-forwarded-for").iter().filter_map(|value| value.to_str().ok());
    let all: Vec<&str> = seen.flat_map(|value| value.split(',')).map(str::trim).collect();
    all.iter().rev().nth(place)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use governor::clock::FakeRelativeClock;

    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    #[test]
    fn a_minutes_worth_may_come_at_once_and_the_rest_as_the_bucket_fills() {
        let clock = FakeRelativeClock::default();
        let limiter = Limiter::with_clock(2, clock.clone(), 10);
        assert!(limiter.admit(&1).is_ok() && limiter.admit(&1).is_ok());
        assert_eq!(limiter.admit(&1), Err(Duration::from_secs(30)));
        assert!(limiter.admit(&2).is_ok(), "somebody else's bucket is full");
        clock.advance(Duration::from_secs(30));
        assert!(limiter.admit(&1).is_ok() && limiter.admit(&1).is_err());
    }

    #[test]
    fn no_limit_admits_everybody() {
        let limiter = Limiter::per_minute(0);
        assert!((0..1000).all(|_| limiter.admit(&1).is_ok()));
    }

    #[test]
    fn what_is_remembered_is_bounded_however_many_come() {
        let limiter = Limiter::with_clock(5, FakeRelativeClock::default(), 2000);
        for key in 0..20_000_u32 {
            let _ = limiter.admit(&key);
            let known = limiter.buckets.read().expect("buckets").as_ref().map_or(0, RateLimiter::len);
            assert!(known <= 2000 + COUNTED as usize, "{known} after {key}");
        }
    }

    #[test]
    fn whoever_changes_the_address_within_a_household_is_counted_on() {
        let same = network(ip("2001:db8:1:2::1"));
        assert_eq!(network(ip("2001:db8:1:2:ffff::9")), same, "the same network");
        assert_ne!(network(ip("2001:db8:1:3::1")), same, "the neighbours");
        assert_eq!(network(ip("::ffff:192.0.2.1")), ip("192.0.2.1"), "the same address in its other form");
    }

    #[test]
    fn the_address_is_the_one_that_the_outermost_trusted_proxy_saw() {
        let mut headers = HeaderMap::new();
        headers.insert("x-forwarded-for", "10.9.9.9, 192.0.2.7".parse().expect("a value"));
        let mut extensions = Extensions::new();
        extensions.insert(ConnectInfo(SocketAddr::from(([127, 0, 0, 1], 9))));
        assert_eq!(address(&headers, &extensions, 0), Some(ip("127.0.0.1")), "nobody is believed");
        assert_eq!(address(&headers, &extensions, 1), Some(ip("192.0.2.7")));
        assert_eq!(address(&headers, &extensions, 3), None);
    }
}
