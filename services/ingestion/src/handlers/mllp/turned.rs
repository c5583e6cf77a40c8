//! Who was turned away before a message could be read: counted each time, and said in the log once in a while for each address.
//!
//! Whoever sets up a partner's line looks here first: the partner's side often tells no more than that the line was closed. A
//! scanner that tries for hours must not fill the log. Deliberately not here: messages that are refused, which are answered (hear).

use std::collections::HashMap;
use std::fmt::Display;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use prometheus::IntCounterVec;
use tokio::time::Instant;
use tracing::warn;

/// So long nothing more is said of an address for the same reason.
const REST: Duration = Duration::from_secs(600);
/// Of more addresses than these nothing is said, until some have rested.
const MOST: usize = 1024;

/// Why.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Why {
    /// Their TLS handshake failed: no certificate, one that nobody vouches for, or no TLS at all.
    Handshake,
    /// It took too long.
    SlowHandshake,
    /// Their address has as many connections as one may have.
    AddressFull,
    /// All places are taken.
    Full,
}

impl Why {
    const fn word(self) -> &'static str {
        match self {
            Self::Handshake => "handshake",
            Self::SlowHandshake => "slow_handshake",
            Self::AddressFull => "address_full",
            Self::Full => "full",
        }
    }

    const fn words(self) -> &'static str {
        match self {
            Self::Handshake => {
                "their TLS handshake failed; compare their certificate with ingestion.mllp.client_authorities"
            }
            Self::SlowHandshake => "their TLS handshake took too long; the port speaks TLS, and they may not",
            Self::AddressFull => {
                "their address has too many connections; raise ingestion.mllp.connections_per_address where it is a gateway of many"
            }
            Self::Full => "all places are taken; raise ingestion.mllp.connections",
        }
    }
}

/// The count, and of whom something was said lately.
#[derive(Clone)]
pub struct Turned {
    count: IntCounterVec,
    said: Arc<Mutex<HashMap<(IpAddr, Why), Instant>>>,
}

impl Turned {
    /// Nobody yet.
    #[must_use]
    pub fn new(count: IntCounterVec) -> Self {
        Self { count, said: Arc::default() }
    }

    /// Notes that one was turned away.
    pub fn away(&self, address: IpAddr, why: Why, cause: impl Display) {
        self.count.with_label_values(&[why.word()]).inc();
        if self.is_news(address, why) {
            warn!(%address, %cause, reason = why.word(), "a partner's connection is not let in: {}", why.words());
        }
    }

    fn is_news(&self, address: IpAddr, why: Why) -> bool {
        let (mut said, now) = (self.said.lock().unwrap_or_else(PoisonError::into_inner), Instant::now());
        said.retain(|_, at| now.duration_since(*at) < REST);
        let is_news = said.len() < MOST && !said.contains_key(&(address, why));
        if is_news {
            said.insert((address, why), now);
        }
        is_news
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn an_address_is_named_once_for_each_reason_until_it_has_rested() {
        let count = prometheus::Opts::new("turned", "x");
        let turned = Turned::new(IntCounterVec::new(count, &["reason"]).expect("a counter"));
        let (one, other) = (IpAddr::from([10, 0, 0, 1]), IpAddr::from([10, 0, 0, 2]));
        assert!(turned.is_news(one, Why::Handshake) && !turned.is_news(one, Why::Handshake));
        assert!(turned.is_news(other, Why::Handshake) && turned.is_news(one, Why::Full));
        tokio::time::advance(REST).await;
        assert!(turned.is_news(one, Why::Handshake));
        for at in 0..3000_u32 {
            turned.is_news(IpAddr::from(at.to_be_bytes()), Why::Handshake);
        }
        assert!(turned.said.lock().expect("free").len() <= MOST);
        turned.away(one, Why::Full, "x");
        assert_eq!(turned.count.with_label_values(&["full"]).get(), 1);
    }
}
