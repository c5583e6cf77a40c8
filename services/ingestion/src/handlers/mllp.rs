//! The MLLP door: connections of partner systems, one message after the other, each answered before the next is read.
//!
//! A slow or silent sender costs one place and no more: a frame that has begun must go on and come to its end, a connection
//! may rest for a while, there are so many places, and one address has only some of them; one that sends more than its feed may is read
//! more slowly, and large messages have room for so many at once. Deliberately not here: frames (adapters) and what a message means (hear).

mod line;
pub mod room;
mod turned;

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::io;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use causeway_runtime::Stop;
use futures::SinkExt as _;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::runtime::Handle;
use tokio::sync::Semaphore;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_util::codec::Framed;
use tokio_util::task::TaskTracker;
use tracing::{Instrument as _, Span, debug, warn};

use line::Came;
use room::Rooms;
use turned::{Turned, Why};

use super::hear::{Hearing, Heeded, Peer};
use super::tls::shown;
use crate::adapters::mllp::{Framer, Received};

/// Limits of the door.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Longest frame, bytes.
    pub frame_bytes: usize,
    /// Most connections at once.
    pub connections: usize,
    /// Most of them from one address.
    pub connections_per_address: usize,
    /// How long a frame that has begun may stand still, and a handshake or a reply may take.
    pub stall: Duration,
    /// How long a frame may take from its beginning to its end.
    pub frame: Duration,
    /// How long a connection may rest between messages.
    pub rest: Duration,
}

/// What all listeners of the door share: places for connections, and memory for what comes by them.
#[derive(Clone)]
pub struct Shared {
    places: Arc<Semaphore>,
    addresses: Addresses,
    rooms: Rooms,
}

impl Shared {
    /// So many bytes for large messages. Where one address may have all connections, as a gateway of all partners, it may have all of them.
    #[must_use]
    pub fn of(limits: &Limits, large_bytes: usize) -> Self {
        let is_shared = limits.connections_per_address < limits.connections;
        Self {
            places: Arc::new(Semaphore::new(limits.connections.max(1))),
            addresses: Addresses::default(),
            rooms: Rooms::of(large_bytes, limits.frame_bytes, is_shared),
        }
    }
}

/// Takes connections until the stop. A message that is being heard then is still answered.
pub async fn serve(
    listener: TcpListener,
    tls: Option<TlsAcceptor>,
    (hearing, Shared { places, addresses, rooms }): (Arc<Hearing>, Shared),
    limits: Limits,
    stop: Stop,
) -> io::Result<()> {
    let tasks = TaskTracker::new();
    let turned = Turned::new(hearing.acceptance.metrics.turned_away.clone());
    loop {
        let accepted = tokio::select! {
            () = stop.soft.cancelled() => break,
            accepted = listener.accept() => accepted,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(cause) => {
                // Too many open files, mostly: a moment later there may be some.
                warn!(%cause, "take a connection of a partner system");
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        let Some(held) = addresses.hold(peer.ip(), limits.connections_per_address.max(1)) else {
            turned.away(peer.ip(), Why::AddressFull, limits.connections_per_address);
            continue;
        };
        let Ok(place) = Arc::clone(&places).try_acquire_owned() else {
            turned.away(peer.ip(), Why::Full, limits.connections);
            continue;
        };
        let _ = stream.set_nodelay(true);
        let (tls, hearing, rooms, stop) = (tls.clone(), Arc::clone(&hearing), rooms.clone(), stop.clone());
        let turned = turned.clone();
        let address = peer.ip();
        tasks.spawn(async move {
            match tls {
                None => {
                    let peer = Peer { address, certificate: None };
                    converse(stream, peer, (hearing, &rooms), limits, &stop).await;
                }
                Some(tls) => match timeout(limits.stall, tls.accept(stream)).await {
                    Ok(Ok(stream)) => {
                        let peer = Peer { address, certificate: shown(&stream) };
                        converse(stream, peer, (hearing, &rooms), limits, &stop).await;
                    }
                    Ok(Err(cause)) => turned.away(address, Why::Handshake, cause),
                    Err(slow) => turned.away(address, Why::SlowHandshake, slow),
                },
            }
            drop((place, held));
        });
    }
    tasks.close();
    tokio::select! {
        () = stop.hard.cancelled() => {}
        () = tasks.wait() => {}
    }
    Ok(())
}

async fn converse<S>(stream: S, peer: Peer, (hearing, rooms): (Arc<Hearing>, &Rooms), limits: Limits, stop: &Stop)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let address = peer.address;
    let mut frames = Framed::new(rooms.meter(stream, address), Framer::with_longest(limits.frame_bytes));
    loop {
        let came = tokio::select! {
            () = stop.soft.cancelled() => return,
            came = line::next(&mut frames, limits) => came,
        };
        let (received, is_over) = match came {
            Came::One(received) => (received, false),
            Came::Over(why) => {
                debug!(%address, why, "a connection of a partner system is over");
                match line::rest(&mut frames) {
                    Some(received) => (received, true),
                    None => return,
                }
            }
        };
        let heeded = match received {
            Received::Frame(frame) if frame.len() > room::SMALL => apart(Arc::clone(&hearing), frame, peer).await,
            Received::Frame(frame) => hearing.hear(&frame, &peer).await,
            Received::Cut(bytes) => {
                warn!(%address, bytes = bytes.len(), "a message was cut; its sender has no reply and sends it again");
                hearing.cut(&bytes, &peer).await;
                Heeded::default()
            }
            Received::TooLong(head) => {
                warn!(%address, most = limits.frame_bytes, "a message is too long; the rest of it is passed over");
                hearing.too_long(&head, &peer).await
            }
        };
        if is_over {
            return;
        }
        let buffered = frames.read_buffer().len();
        frames.get_mut().holds(buffered);
        for reply in &heeded.replies {
            if !matches!(timeout(limits.stall, frames.send(reply.as_slice())).await, Ok(Ok(()))) {
                return debug!(%address, "a reply could not be sent; the same message gets it again");
            }
        }
        if heeded.hang_up {
            return;
        }
        // Whoever sends too much is never refused, since a refusal may be the end of a message: the next one is read later, but
        // not so late that its sender has long hung up and takes another place.
        let slowed = timeout(limits.rest, hearing.acceptance.limits.slow(address, &heeded.counted));
        tokio::select! {
            () = stop.soft.cancelled() => return,
            _ = slowed => {}
        }
    }
}

/// Hears a large message where it keeps nobody: reading, hashing and sealing it take as long as a thousand small ones.
async fn apart(hearing: Arc<Hearing>, frame: Bytes, peer: Peer) -> Heeded {
    let (runtime, span) = (Handle::current(), Span::current());
    let heard = tokio::task::spawn_blocking(move || {
        runtime.block_on(async move { hearing.hear(&frame, &peer).await }.instrument(span))
    });
    // Without an answer its sender sends it again.
    heard.await.unwrap_or_else(|_| Heeded { hang_up: true, ..Heeded::default() })
}

/// How many connections each address has.
#[derive(Clone, Default)]
struct Addresses(Arc<Mutex<HashMap<IpAddr, usize>>>);

/// One connection of an address.
struct Held {
    all: Addresses,
    address: IpAddr,
}

impl Addresses {
    /// One more of an address, unless it has as many as it may.
    fn hold(&self, address: IpAddr, most: usize) -> Option<Held> {
        // Nobody panics while holding it.
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = all.entry(address).or_default();
        if *count >= most {
            return None;
        }
        *count += 1;
        Some(Held { all: self.clone(), address })
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let mut all = self.all.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Entry::Occupied(mut count) = all.entry(self.address) {
            *count.get_mut() -= 1;
            if *count.get() == 0 {
                count.remove();
            }
        }
    }
}
