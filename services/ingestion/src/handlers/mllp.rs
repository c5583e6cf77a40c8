//! The MLLP door: connections of partner systems, one message after the other, each answered before the next is read.
//!
//! A slow or silent sender costs one place and no more: a frame that has begun must go on and come to its end, a connection
//! may rest for a while, there are so many places, and one address has only some of them; one that sends more than its feed may is read more slowly. Deliberately not here: frames (adapters) and what a message means (hear).

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use causeway_runtime::Stop;
use futures::{SinkExt as _, StreamExt as _};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout};
use tokio_rustls::TlsAcceptor;
use tokio_util::codec::{Decoder as _, Framed};
use tokio_util::task::TaskTracker;
use tracing::{debug, warn};

use super::hear::Hearing;
use super::tls::{Certificate, shown};
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

/// Takes connections until the stop. A message that is being heard then is still answered.
pub async fn serve(
    listener: TcpListener,
    tls: Option<TlsAcceptor>,
    hearing: Arc<Hearing>,
    limits: Limits,
    stop: Stop,
) -> io::Result<()> {
    let places = Arc::new(Semaphore::new(limits.connections.max(1)));
    let addresses = Addresses::default();
    let tasks = TaskTracker::new();
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
            warn!(%peer, most = limits.connections_per_address, "a connection is refused: its address has too many");
            continue;
        };
        let Ok(place) = Arc::clone(&places).try_acquire_owned() else {
            warn!(%peer, most = limits.connections, "a connection is refused: all places are taken");
            continue;
        };
        let _ = stream.set_nodelay(true);
        let (tls, hearing, stop) = (tls.clone(), Arc::clone(&hearing), stop.clone());
        tasks.spawn(async move {
            match tls {
                None => converse(stream, (peer, None), &hearing, limits, &stop).await,
                Some(tls) => match timeout(limits.stall, tls.accept(stream)).await {
                    Ok(Ok(stream)) => {
                        let certificate = shown(&stream);
                        converse(stream, (peer, certificate), &hearing, limits, &stop).await;
                    }
                    Ok(Err(cause)) => debug!(%peer, %cause, "a partner system is not let in"),
                    Err(_) => debug!(%peer, "a handshake took too long"),
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

async fn converse<S>(
    stream: S,
    (peer, certificate): (SocketAddr, Option<Certificate>),
    hearing: &Hearing,
    limits: Limits,
    stop: &Stop,
) where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut frames = Framed::new(stream, Framer::with_longest(limits.frame_bytes));
    loop {
        let next = tokio::select! {
            () = stop.soft.cancelled() => return,
            next = next(&mut frames, limits) => next,
        };
        let received = match next {
            Some(Ok(received)) => received,
            Some(Err(cause)) => return debug!(%peer, %cause, "a connection of a partner system broke"),
            None => return debug!(%peer, "a connection of a partner system ended, or stood still and is closed"),
        };
        let heeded = match received {
            Received::Frame(frame) => hearing.hear(&frame, certificate.as_ref()).await,
            Received::Cut(bytes) => {
                warn!(%peer, bytes = bytes.len(), "a message was cut; its sender has no reply and sends it again");
                continue;
            }
            Received::TooLong(_) => {
                warn!(%peer, most = limits.frame_bytes, "a message is too long; the connection is closed without a reply");
                return;
            }
        };
        for reply in &heeded.replies {
            if !matches!(timeout(limits.stall, frames.send(reply.as_slice())).await, Ok(Ok(()))) {
                return debug!(%peer, "a reply could not be sent; the same message gets it again");
            }
        }
        if heeded.hang_up {
            return;
        }
        // Whoever sends too much is never refused, since a refusal may be the end of a message: the next one is read later, but
        // not so late that its sender has long hung up and takes another place.
        let slowed = timeout(limits.rest, hearing.acceptance.limits.slow(peer.ip(), &heeded.counted));
        tokio::select! {
            () = stop.soft.cancelled() => return,
            _ = slowed => {}
        }
    }
}

/// What the connection brings next; nothing where it ends, rests for too long, or a message stands still or takes too long.
async fn next<S>(frames: &mut Framed<S, Framer>, limits: Limits) -> Option<io::Result<Received>>
where
    S: AsyncRead + Unpin,
{
    let look = (limits.stall / 5).clamp(Duration::from_millis(50), Duration::from_secs(1));
    let begun = Instant::now();
    let (mut moved, mut length, mut inside) = (begun, None, None);
    loop {
        // Given up, it loses nothing: what has been read stays in the buffer.
        if let Ok(next) = timeout(look, frames.next()).await {
            return next;
        }
        let (now, buffered) = (Instant::now(), frames.read_buffer().len());
        if !frames.codec().is_inside() {
            if now.duration_since(begun) >= limits.rest {
                return None;
            }
            (moved, length, inside) = (now, None, None);
            continue;
        }
        let since = *inside.get_or_insert(now);
        if length.replace(buffered) != Some(buffered) {
            moved = now;
        } else if frames.codec().awaits_return(frames.read_buffer()) {
            return whole(frames);
        }
        if now.duration_since(moved) >= limits.stall || now.duration_since(since) >= limits.frame {
            return None;
        }
    }
}

/// The message whose sender leaves out the return and waits for the reply: it is whole, and its sender would send it for ever.
fn whole<S>(frames: &mut Framed<S, Framer>) -> Option<io::Result<Received>> {
    let mut bytes = std::mem::take(frames.read_buffer_mut());
    let received = frames.codec_mut().decode_eof(&mut bytes).transpose();
    *frames.read_buffer_mut() = bytes;
    received
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
