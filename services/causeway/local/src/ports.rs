//! Ports of private servers: a given one, the one of last time, or any free one, held for as long as the server is ours.
//!
//! A second start should find its servers where the first one had them, because people keep addresses open in other
//! windows; but a port that somebody else took since must not stop a start. A server is told its port and binds it some
//! time later, and again after each restart. So a free one is claimed from the other starts on this machine by a lock,
//! and lies below those that the kernel gives away: else any connection that goes out in between may sit on it.
//! Not here: the services' own listeners, which are bound once and handed over, so no port is ever looked up for them.

use std::fs::{self, File, TryLockError};
use std::net::{Ipv4Addr, TcpListener};
use std::ops::Range;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use rand::Rng as _;

use super::fetch::say;

/// Below this live servers that people know by their numbers.
const LOWEST: u16 = 12_000;
/// How often another one is looked for, before it must be the machine.
const TRIES: usize = 1_000;

/// A port of ours until this is dropped.
#[derive(Debug)]
pub struct Claim {
    port: u16,
    // Held, never read: the lock goes when the file closes, also where the process is killed.
    _lock: Option<File>,
}

impl Claim {
    /// The port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Any free port that no other claim has.
    pub fn any() -> Result<Self> {
        let range = below(&fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range").unwrap_or_default());
        let mut random = rand::rng();
        for _ in 0..TRIES {
            if let Some(claim) = Self::of(random.random_range(range.clone()))? {
                return Ok(claim);
            }
        }
        bail!("no free port on 127.0.0.1 between {} and {}", range.start, range.end - 1)
    }

    /// This port, unless somebody listens there or has claimed it.
    fn of(port: u16) -> Result<Option<Self>> {
        let folder = folder()?;
        let file = folder.join(port.to_string());
        let lock = File::create(&file).with_context(|| format!("cannot make {}", file.display()))?;
        match lock.try_lock() {
            Ok(()) if is_free(port) => Ok(Some(Self { port, _lock: Some(lock) })),
            Ok(()) | Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(cause)) => Err(cause).with_context(|| format!("cannot lock {}", file.display())),
        }
    }
}

/// The port to use: `given` unless 0, else the one kept in `file` if still free, else a free one; kept in `file`.
pub fn choose(server: &str, given: u16, file: &Path) -> Result<Claim> {
    if given != 0 {
        if !is_free(given) {
            bail!("port {given} for {server} is in use; stop what uses it, or give another port");
        }
        return keep(Claim { port: given, _lock: None }, file);
    }
    let last: Option<u16> = fs::read_to_string(file).ok().and_then(|text| text.trim().parse().ok());
    if let Some(port) = last {
        if let Some(claim) = Claim::of(port)? {
            return Ok(claim);
        }
        say(&format!("port {port}, which {server} had last time, is in use; taking another"));
    }
    keep(Claim::any()?, file)
}

fn keep(claim: Claim, file: &Path) -> Result<Claim> {
    fs::write(file, claim.port.to_string()).with_context(|| format!("cannot write {}", file.display()))?;
    Ok(claim)
}

fn is_free(port: u16) -> bool {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok()
}

/// The ports below those of outgoing connections, which the kernel tells as two numbers; where these leave little room,
/// all of them.
fn below(outgoing: &str) -> Range<u16> {
    match outgoing.split_whitespace().next().map_or(Ok(32_768), str::parse) {
        Ok(first) if first >= LOWEST + 2_000 => LOWEST..first,
        _ => LOWEST..u16::MAX,
    }
}

/// Where the locks are: one folder for every process of this user.
fn folder() -> Result<PathBuf> {
    let user = rustix::process::geteuid().as_raw();
    let folder = std::env::temp_dir().join(format!("causeway-ports-{user}"));
    fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    Ok(folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_is_kept_for_the_next_start() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let file = folder.path().join("port");
        let first = choose("a test", 0, &file).expect("a free port").port();
        assert_eq!(choose("a test", 0, &file).expect("the same port").port(), first);
    }

    #[test]
    fn a_kept_port_that_somebody_took_is_replaced_and_a_given_one_is_refused() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let file = folder.path().join("port");
        let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a listener");
        let port = taken.local_addr().expect("an address").port();
        std::fs::write(&file, port.to_string()).expect("written");
        assert_ne!(choose("a test", 0, &file).expect("another port").port(), port);
        let error = choose("a test", port, &file).expect_err("the port is taken");
        assert!(error.to_string().contains(&port.to_string()));
    }

    #[test]
    fn a_port_that_another_start_has_chosen_is_not_chosen_before_it_listens() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let [one, other] = ["one", "other"].map(|name| folder.path().join(name));
        let first = choose("a test", 0, &one).expect("a free port");
        std::fs::write(&other, first.port().to_string()).expect("written");
        let second = choose("a test", 0, &other).expect("another port");
        assert_ne!(second.port(), first.port());
        let port = first.port();
        drop(first);
        assert_eq!(Claim::of(port).expect("asked").map(|claim| claim.port()), Some(port), "it is given back");
    }

    #[test]
    fn a_port_lies_below_those_of_outgoing_connections_where_these_leave_room() {
        assert_eq!(below("32768\t60999\n"), 12_000..32_768);
        assert_eq!(below(""), 12_000..32_768);
        assert_eq!(below("1024\t65535\n"), 12_000..65_535);
        assert_eq!(below("what\n"), 12_000..65_535);
    }
}
