//! What one connection brings next, and when it is over: a message that has begun must go on and come to its end, and a connection may
//! rest for a while.
//!
//! Deliberately not here: what is answered (mllp).

use std::io;
use std::time::Duration;

use futures::StreamExt as _;
use tokio::io::AsyncRead;
use tokio::time::{Instant, timeout};
use tokio_util::codec::{Decoder as _, Framed};

use super::Limits;
use super::room::Metered;
use crate::adapters::mllp::{Framer, Received};

/// What comes next.
pub enum Came {
    /// A frame, or what is left of one.
    One(Received),
    /// Nothing more, and why.
    Over(&'static str),
}

/// What the connection brings next.
pub async fn next<S>(frames: &mut Framed<Metered<S>, Framer>, limits: Limits) -> Came
where
    S: AsyncRead + Unpin,
{
    let look = (limits.stall / 5).clamp(Duration::from_millis(50), Duration::from_secs(1));
    let begun = Instant::now();
    let (mut moved, mut length, mut inside) = (begun, None, None);
    loop {
        // Given up, it loses nothing: what has been read stays in the buffer.
        match timeout(look, frames.next()).await {
            Ok(Some(Ok(received))) => return Came::One(received),
            Ok(Some(Err(_))) => return Came::Over("it broke"),
            Ok(None) => return Came::Over("its system hung up"),
            Err(_) => {}
        }
        let (now, buffered) = (Instant::now(), frames.read_buffer().len());
        if !frames.codec().is_inside() {
            frames.get_mut().holds(buffered);
            if now.duration_since(begun) >= limits.rest {
                return Came::Over("it rested for too long");
            }
            (moved, length, inside) = (now, None, None);
            continue;
        }
        let since = inside.get_or_insert(now);
        if frames.get_ref().is_waiting() {
            // We keep it waiting.
            (moved, *since) = (now, *since + look);
        }
        let since = *since;
        if length.replace(buffered) != Some(buffered) {
            moved = now;
        } else if frames.codec().awaits_return(frames.read_buffer()) {
            return rest(frames).map_or(Came::Over("it broke"), Came::One);
        }
        if now.duration_since(moved) >= limits.stall {
            return Came::Over("a message stood still");
        }
        if now.duration_since(since) >= limits.frame {
            return Came::Over("a message took too long");
        }
    }
}

/// What is left where nothing more comes: the message whose sender leaves out the return and waits for the reply, which is whole and
/// would be sent for ever; or the beginning of one.
pub fn rest<S>(frames: &mut Framed<Metered<S>, Framer>) -> Option<Received> {
    let mut bytes = std::mem::take(frames.read_buffer_mut());
    let received: io::Result<Option<Received>> = frames.codec_mut().decode_eof(&mut bytes);
    *frames.read_buffer_mut() = bytes;
    received.ok().flatten()
}
