//! Where a process listens and where its peers are.
//!
//! Every port is bound before any service starts, so that peers in the same process know each other's real addresses even when the
//! configured port is 0, and a port that is taken stops the start before anything else has happened.
//!
//! Deliberately not here: what is spoken on a connection (serve).

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use serde::{Deserialize, Serialize};
use thiserror::Error;
use tokio::net::TcpListener;

/// The bound listeners of one service, each taken once by its port name.
#[derive(Debug, Default)]
pub struct Listeners {
    bound: Mutex<BTreeMap<String, TcpListener>>,
}

/// Nobody bound, or somebody has already taken, the listener of this name.
#[derive(Debug, Error)]
#[error(
    "no listener for port '{name}': it was taken already, or it is not in the service's PORTS; take each declared port once"
)]
pub struct NoListener {
    name: String,
}

impl Listeners {
    /// No listeners at all.
    pub fn none() -> Self {
        Self::default()
    }

    /// Adds a bound listener under a port name.
    #[must_use]
    pub fn with(self, name: &str, listener: TcpListener) -> Self {
        self.lock().insert(name.to_owned(), listener);
        self
    }

    /// Takes the listener of a declared port.
    pub fn take(&self, name: &str) -> Result<TcpListener, NoListener> {
        self.lock().remove(name).ok_or_else(|| NoListener { name: name.to_owned() })
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, TcpListener>> {
        self.bound.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The configured address of a service in another process: its gRPC url, or one url per named port.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq, Eq)]
#[serde(untagged)]
pub enum PeerAddress {
    /// The url of its gRPC port.
    Grpc(String),
    /// A url per port name.
    Ports(BTreeMap<String, String>),
}

/// Base urls of the other services' ports, by service and port name.
#[derive(Clone, Debug, Default)]
pub struct Peers {
    urls: Arc<BTreeMap<(String, String), String>>,
}

/// A service's address is not known to this process.
#[derive(Debug, Error)]
#[error("address of '{service}' port '{port}' is unknown: run it in this process, or set runtime.peers.{section}")]
pub struct UnknownPeer {
    service: String,
    port: String,
    section: String,
}

impl Peers {
    /// Builds the map from ports bound in this process and configured addresses; a configured address wins.
    pub fn new(bound: &BTreeMap<(String, String), SocketAddr>, configured: &BTreeMap<String, PeerAddress>) -> Self {
        let mut urls = BTreeMap::new();
        for ((service, port), address) in bound {
            let key = (section_name(service), port.clone());
            urls.insert(key, format!("http://{}", reachable(*address)));
        }
        for (service, address) in configured {
            let service = section_name(service);
            match address {
                PeerAddress::Grpc(url) => {
                    urls.insert((service, "grpc".to_owned()), trimmed(url));
                }
                PeerAddress::Ports(ports) => {
                    for (port, url) in ports {
                        urls.insert((service.clone(), port.clone()), trimmed(url));
                    }
                }
            }
        }
        Self { urls: Arc::new(urls) }
    }

    /// The gRPC base url of a service.
    pub fn url(&self, service: &str) -> Result<String, UnknownPeer> {
        self.http(service, "grpc")
    }

    /// The base url of a service's named port.
    pub fn http(&self, service: &str, port: &str) -> Result<String, UnknownPeer> {
        let section = section_name(service);
        self.urls.get(&(section.clone(), port.to_owned())).cloned().ok_or_else(|| UnknownPeer {
            service: service.to_owned(),
            port: port.to_owned(),
            section,
        })
    }
}

/// The name of a service's configuration section and environment part: dashes become underscores.
pub fn section_name(service: &str) -> String {
    service.replace('-', "_")
}

/// A wildcard bind address is not one that a client can connect to.
fn reachable(address: SocketAddr) -> SocketAddr {
    if !address.ip().is_unspecified() {
        return address;
    }
    let ip = match address {
        SocketAddr::V4(_) => std::net::Ipv4Addr::LOCALHOST.into(),
        SocketAddr::V6(_) => std::net::Ipv6Addr::LOCALHOST.into(),
    };
    SocketAddr::new(ip, address.port())
}

fn trimmed(url: &str) -> String {
    url.trim_end_matches('/').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bound_port_is_a_peer_and_a_configured_address_wins() {
        let bound = BTreeMap::from([
            (("intake-desk".into(), "grpc".into()), "0.0.0.0:50053".parse().expect("address")),
            (("routing".into(), "grpc".into()), "127.0.0.1:50052".parse().expect("address")),
        ]);
        let configured = BTreeMap::from([
            ("routing".to_owned(), PeerAddress::Grpc("https://routing.internal/".into())),
            (
                "portal".to_owned(),
                PeerAddress::Ports(BTreeMap::from([("patient".into(), "https://care.example".into())])),
            ),
        ]);
        let peers = Peers::new(&bound, &configured);
        assert_eq!(peers.url("intake-desk").expect("known"), "http://127.0.0.1:50053");
        assert_eq!(peers.url("routing").expect("known"), "https://routing.internal");
        assert_eq!(peers.http("portal", "patient").expect("known"), "https://care.example");
    }

    #[test]
    fn an_unknown_peer_names_the_setting_that_would_make_it_known() {
        let error = Peers::default().url("scheduling-sync").expect_err("unknown");
        assert!(error.to_string().contains("runtime.peers.scheduling_sync"));
    }

    #[tokio::test]
    async fn a_listener_is_taken_once() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("bind");
        let listeners = Listeners::none().with("grpc", listener);
        assert!(listeners.take("grpc").is_ok());
        let error = listeners.take("grpc").expect_err("taken");
        assert!(error.to_string().contains("'grpc'"));
    }
}
