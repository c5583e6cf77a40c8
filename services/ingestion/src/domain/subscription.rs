//! Who hears of changed Tasks: what a subscription may ask for, where notifications may go, and when one that failed is tried
//! again.
//!
//! Deliberately not here: the resource (adapters), its rows (store), the sending (handlers).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use super::journey::Status;

/// What a notification holds. The resource itself is never in one: it would leave by a way that nobody asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Content {
    /// That something changed.
    Empty,
    /// And the id of what.
    IdOnly,
}

impl Content {
    /// Its code, which is the stored name as well.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Empty => "empty",
            Self::IdOnly => "id-only",
        }
    }

    /// The one with a code.
    #[must_use]
    pub fn parse(code: &str) -> Option<Self> {
        [Self::Empty, Self::IdOnly].into_iter().find(|content| content.code() == code)
    }
}

/// What a subscriber asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wish {
    /// Tasks that become one of these; empty: whatever changes.
    pub statuses: Vec<Status>,
    /// What a notification holds.
    pub content: Content,
    /// A sign of life is sent after so many seconds without an event; none: never.
    pub heartbeat_seconds: Option<i32>,
    /// The endpoint answers within so many seconds.
    pub timeout_seconds: i32,
    /// Most events in one notification.
    pub most_events: i32,
    /// Nothing is sent after this moment.
    pub ends_at: Option<jiff::Timestamp>,
}

/// Longest wait between two tries.
const LONGEST: Duration = Duration::from_secs(3600);

/// How long to wait after a failure, the first of which is 1: twice as long each time, up to an hour.
#[must_use]
pub fn backoff(failures: i32, first: Duration) -> Duration {
    let doubled = u32::try_from(failures.clamp(1, 24) - 1).unwrap_or_default();
    first.saturating_mul(1 << doubled).min(LONGEST)
}

/// Whether an address is anybody's in the Internet. Our own networks, the host itself and a cloud's metadata are not: a
/// subscription would have us ask them.
#[must_use]
pub fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

/// IANA IPv4 special-purpose address registry.
fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    !(address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || address.is_multicast()
        || address.is_documentation()
        || a == 0
        || a >= 240
        || (a == 100 && (64..128).contains(&b))
        || (a == 192 && b == 0 && c == 0)
        || (a == 192 && b == 88 && c == 99)
        || (a == 198 && (b == 18 || b == 19)))
}

/// Only global unicast (2000::/3) without what leads back into version 4 or is for documentation (IANA IPv6 registries).
fn is_public_v6(address: Ipv6Addr) -> bool {
    let parts = address.segments();
    if let Some(inside) = address.to_ipv4_mapped() {
        return is_public_v4(inside);
    }
    let is_global = parts[0] & 0xe000 == 0x2000;
    let is_special = parts[0] == 0x2001 && (parts[1] < 0x0200 || parts[1] == 0x0db8);
    let is_documentation = parts[0] == 0x3fff && parts[1] < 0x1000;
    is_global && !is_special && !is_documentation && parts[0] != 0x2002
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_addresses_of_the_internet_are_written_to() {
        for private in [
            "127.0.0.1",
            "10.1.2.3",
            "172.16.0.1",
            "192.168.1.1",
            "169.254.169.254",
            "100.64.0.1",
            "0.0.0.0",
            "255.255.255.255",
            "224.0.0.1",
            "192.0.2.7",
            "198.18.0.1",
            "::1",
            "::",
            "fe80::1",
            "fc00::1",
            "fd12::1",
            "::ffff:10.0.0.1",
            "::ffff:127.0.0.1",
            "64:ff9b::a00:1",
            "2002:a00:1::",
            "2001::1",
            "2001:db8::1",
            "ff02::1",
            "3fff::1",
        ] {
            assert!(!is_public(private.parse().expect("an address")), "{private}");
        }
        for public in ["93.184.216.34", "8.8.8.8", "172.32.0.1", "100.128.0.1", "2606:2800:220:1::1", "::ffff:8.8.8.8"]
        {
            assert!(is_public(public.parse().expect("an address")), "{public}");
        }
    }

    #[test]
    fn each_failure_doubles_the_wait_up_to_an_hour() {
        let first = Duration::from_secs(5);
        let waits: Vec<u64> = (1..=4).map(|failures| backoff(failures, first).as_secs()).collect();
        assert_eq!(waits, [5, 10, 20, 40]);
        assert_eq!((backoff(11, first), backoff(i32::MAX, first)), (LONGEST, LONGEST));
    }
}
