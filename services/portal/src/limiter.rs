//! How many forms one address may send in a minute.
//!
//! A fixed window is enough: it is there against a robot that fills the queue, and a person never meets it. Deliberately
//! not here: which address a request comes from (handlers).

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, PoisonError};

use jiff::Timestamp;

const WINDOW_SECONDS: i64 = 60;
/// More addresses than this in one minute are an attack; the oldest windows are dropped first by starting anew.
const MOST_ADDRESSES: usize = 100_000;

/// Counts by address.
pub struct Limiter {
    most: u32,
    counts: Mutex<(i64, HashMap<IpAddr, u32>)>,
}

impl Limiter {
    /// A limiter; 0 is no limit.
    pub fn new(most: u32) -> Self {
        Self { most, counts: Mutex::default() }
    }

    /// Counts one form of this address; false where it is one too many.
    pub fn admits(&self, address: Option<IpAddr>, now: Timestamp) -> bool {
        let (Some(address), 1..) = (address, self.most) else { return true };
        let window = now.as_second().div_euclid(WINDOW_SECONDS);
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        if counts.0 != window || counts.1.len() > MOST_ADDRESSES {
            *counts = (window, HashMap::new());
        }
        let count = counts.1.entry(network(address)).or_default();
        *count = count.saturating_add(1);
        *count <= self.most
    }
}

/// One household: an address of version 4, or the network of 64 bits that a household gets of version 6.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => address.into(),
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() >> 64 << 64).into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_changes_the_address_within_a_household_is_counted_on() {
        let limiter = Limiter::new(1);
        let now = Timestamp::from_second(1).expect("time");
        let at = |text: &str| limiter.admits(Some(text.parse().expect("an address")), now);
        assert!(at("2001:db8:1:2::1"));
        assert!(!at("2001:db8:1:2:ffff::9"), "the same network");
        assert!(at("2001:db8:1:3::1"), "the neighbours");
        assert!(at("192.0.2.1") && !at("::ffff:192.0.2.1"), "the same address in its other form");
    }

    #[test]
    fn an_address_is_stopped_within_a_minute_and_starts_anew_in_the_next() {
        let limiter = Limiter::new(2);
        let at = |second| Timestamp::from_second(second).expect("time");
        let one = Some(IpAddr::from([192, 0, 2, 1]));
        assert!(limiter.admits(one, at(0)) && limiter.admits(one, at(59)));
        assert!(!limiter.admits(one, at(59)));
        assert!(limiter.admits(Some(IpAddr::from([192, 0, 2, 2])), at(59)));
        assert!(limiter.admits(one, at(60)));
    }

    #[test]
    fn no_limit_and_no_address_admit_everybody() {
        let now = Timestamp::from_second(1).expect("time");
        assert!((0..10).all(|_| Limiter::new(0).admits(Some(IpAddr::from([192, 0, 2, 1])), now)));
        let limiter = Limiter::new(1);
        assert!((0..10).all(|_| limiter.admits(None, now)));
    }
}
