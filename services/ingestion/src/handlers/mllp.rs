//! The MLLP door: connections of partner systems, one message after the other, each answered before the next is read.
//!
//! A slow or silent sender costs one place and no more: a frame that has begun must go on, a connection may rest for a
//! while, and there are so many places; one that sends more than its feed may is read more slowly. Deliberately not here: frames (adapters) and what a message means (hear).

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use causeway_runtime::Stop;
use futures::{SinkExt as _, StreamExt as _};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout};
use tokio_rustls::TlsAcceptor;
use tokio_util::codec::Framed;
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
    /// How long a frame that has begun may stand still, and a handshake or a reply may take.
    pub stall: Duration,
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
            drop(place);
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

/// What the connection brings next; nothing where it ends, rests for too long, or stands still in the middle of a message.
async fn next<S>(frames: &mut Framed<S, Framer>, limits: Limits) -> Option<io::Result<Received>>
where
    S: AsyncRead + Unpin,
{
    let begun = Instant::now();
    loop {
        let before = frames.read_buffer().len();
        // Given up, it loses nothing: what has been read stays in the buffer.
        if let Ok(next) = timeout(limits.stall, frames.next()).await {
            return next;
        }
        let stands_still = frames.codec().is_inside() && frames.read_buffer().len() == before;
        let rested = !frames.codec().is_inside() && begun.elapsed() >= limits.rest;
        if stands_still || rested {
            return None;
        }
    }
}
