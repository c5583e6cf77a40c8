//! Ports of private servers: a given one, the one of last time, or any free one.
//!
//! A second start should find its servers where the first one had them, because people keep addresses open in other
//! windows; but a port that somebody else took since must not stop a start. Not here: the services' own listeners,
//! which are bound once and handed over, so no port is ever looked up for them.

use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;

use anyhow::{Context as _, Result, bail};

use super::fetch::say;

/// The port to use: `given` unless 0, else the one kept in `file` if still free, else a free one; kept in `file`.
pub fn choose(server: &str, given: u16, file: &Path) -> Result<u16> {
    if given != 0 {
        if !is_free(given) {
            bail!("port {given} for {server} is in use; stop what uses it, or give another port");
        }
        return keep(given, file);
    }
    let last: Option<u16> = std::fs::read_to_string(file).ok().and_then(|text| text.trim().parse().ok());
    match last {
        Some(port) if is_free(port) => return Ok(port),
        Some(port) => say(&format!("port {port}, which {server} had last time, is in use; taking another")),
        None => {}
    }
    keep(free()?, file)
}

fn keep(port: u16, file: &Path) -> Result<u16> {
    std::fs::write(file, port.to_string()).with_context(|| format!("cannot write {}", file.display()))?;
    Ok(port)
}

fn is_free(port: u16) -> bool {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok()
}

fn free() -> Result<u16> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("cannot find a free port on 127.0.0.1")?;
    Ok(listener.local_addr().context("cannot read the port of a listener")?.port())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_is_kept_for_the_next_start() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let file = folder.path().join("port");
        let first = choose("a test", 0, &file).expect("a free port");
        assert_eq!(choose("a test", 0, &file).expect("the same port"), first);
    }

    #[test]
    fn a_kept_port_that_somebody_took_is_replaced_and_a_given_one_is_refused() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let file = folder.path().join("port");
        let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a listener");
        let port = taken.local_addr().expect("an address").port();
        std::fs::write(&file, port.to_string()).expect("written");
        assert_ne!(choose("a test", 0, &file).expect("another port"), port);
        let error = choose("a test", port, &file).expect_err("the port is taken");
        assert!(error.to_string().contains(&port.to_string()));
    }
}
