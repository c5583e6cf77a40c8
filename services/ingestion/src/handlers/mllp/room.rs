//! How much memory messages on their way take, over all connections.
//!
//! Each connection may hold a small message; so many connections bound these. What grows beyond needs a place among the middle ones, and
//! then one among the large ones, where it may grow to the longest. Nobody who has a place of the last kind waits for anything, so all who
//! wait get theirs. One address has a share of the places of each kind, so that it can't keep them from all others. Who waits is not read
//! from, and their system waits to send. Deliberately not here: how long a message may take (line).

use std::collections::HashMap;
use std::io;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::task::{Context, Poll, ready};

use causeway_serve::network;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::PollSemaphore;

/// Up to here a message needs no place.
pub const SMALL: usize = 256 * 1024;
/// Up to here it needs one of the middle ones.
const MIDDLE: usize = 4 * 1024 * 1024;

/// One address has a place of so many, and one at least.
const SHARE: usize = 3;

/// The places of a door.
#[derive(Clone)]
pub struct Rooms {
    middle: Arc<Places>,
    large: Arc<Places>,
}

impl Rooms {
    /// Places for so many bytes in all, a quarter of them for middle messages, the longest being so long. `is_shared`: one address has
    /// not more than its share of them.
    #[must_use]
    pub fn of(bytes: usize, longest: usize, is_shared: bool) -> Self {
        let places = |bytes: usize, each: usize| Arc::new(Places::new((bytes / each.max(1)).max(1), is_shared));
        Self { middle: places(bytes / 4, MIDDLE), large: places(bytes - bytes / 4, longest) }
    }

    /// A stream from an address that is read from only while there is room for what it brings.
    pub fn meter<S>(&self, stream: S, address: IpAddr) -> Metered<S> {
        let address = network(address);
        Metered {
            stream,
            middle: Place::among(&self.middle, address, SMALL),
            large: Place::among(&self.large, address, MIDDLE),
            read: 0,
            is_waiting: false,
        }
    }
}

/// The places of one kind.
struct Places {
    all: Arc<Semaphore>,
    share: usize,
    of_addresses: Mutex<HashMap<IpAddr, Weak<Semaphore>>>,
}

impl Places {
    fn new(count: usize, is_shared: bool) -> Self {
        let share = if is_shared { (count / SHARE).max(1) } else { count };
        Self { all: Arc::new(Semaphore::new(count)), share, of_addresses: Mutex::default() }
    }

    /// What an address may have, for as long as it has a connection.
    fn of(&self, address: IpAddr) -> Arc<Semaphore> {
        // Nobody panics while holding it.
        let mut known = self.of_addresses.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(own) = known.get(&address).and_then(Weak::upgrade) {
            return own;
        }
        known.retain(|_, own| own.strong_count() > 0);
        let own = Arc::new(Semaphore::new(self.share));
        known.insert(address, Arc::downgrade(&own));
        own
    }
}

/// A place of one kind, once it is needed and had.
struct Place {
    own: PollSemaphore,
    all: PollSemaphore,
    from: usize,
    in_share: Option<OwnedSemaphorePermit>,
    held: Option<OwnedSemaphorePermit>,
}

impl Place {
    fn among(places: &Places, address: IpAddr, from: usize) -> Self {
        let own = PollSemaphore::new(places.of(address));
        Self { own, all: PollSemaphore::new(Arc::clone(&places.all)), from, in_share: None, held: None }
    }

    fn poll(&mut self, read: usize, cx: &mut Context<'_>) -> Poll<()> {
        if read >= self.from && self.held.is_none() {
            // Its share first: who waits for that stands in nobody else's way.
            if self.in_share.is_none() {
                self.in_share = ready!(self.own.poll_acquire(cx));
            }
            self.held = ready!(self.all.poll_acquire(cx));
        }
        Poll::Ready(())
    }

    fn free(&mut self) {
        self.held = None;
        self.in_share = None;
    }
}

/// A stream that takes a place before it brings more than a small message.
pub struct Metered<S> {
    stream: S,
    middle: Place,
    large: Place,
    read: usize,
    is_waiting: bool,
}

impl<S> Metered<S> {
    /// Whether it stands still because there is no place, which is not its sender's fault.
    pub fn is_waiting(&self) -> bool {
        self.is_waiting
    }

    /// So much of what came is still held; the places that it does not need are free again.
    pub fn holds(&mut self, bytes: usize) {
        self.read = bytes;
        for place in [&mut self.middle, &mut self.large] {
            if bytes < place.from {
                place.free();
            }
        }
    }

    fn poll_places(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.large.held.is_none() {
            ready!(self.middle.poll(self.read, cx));
        }
        ready!(self.large.poll(self.read, cx));
        if self.large.held.is_some() {
            self.middle.free();
        }
        Poll::Ready(())
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Metered<S> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let own = self.get_mut();
        let places = own.poll_places(cx);
        own.is_waiting = places.is_pending();
        ready!(places);
        let before = buffer.filled().len();
        let read = ready!(Pin::new(&mut own.stream).poll_read(cx, buffer));
        own.read = own.read.saturating_add(buffer.filled().len() - before);
        Poll::Ready(read)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Metered<S> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write(cx, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::time::timeout;

    use super::*;

    const KIB: usize = 1024;
    const HERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

    /// Reads so much of what never ends; none where it stands still.
    async fn read(line: &mut Metered<tokio::io::Repeat>, bytes: usize) -> Option<()> {
        let mut left = bytes;
        let mut part = vec![0; 64 * KIB];
        while left > 0 {
            let most = left.min(part.len());
            let read = timeout(Duration::from_millis(200), line.read(&mut part[..most])).await.ok()?;
            left -= read.expect("read");
        }
        Some(())
    }

    #[tokio::test(start_paused = true)]
    async fn a_second_large_message_waits_until_the_first_is_done_and_small_ones_never_do() {
        let rooms = Rooms::of(40 * MIDDLE, 50 * MIDDLE, true);
        let line = || rooms.meter(tokio::io::repeat(b'x'), HERE);
        let (mut first, mut second, mut small) = (line(), line(), line());
        assert!(read(&mut first, 6 * MIDDLE).await.is_some());
        assert!(read(&mut second, 6 * MIDDLE).await.is_none() && second.is_waiting());
        assert!(read(&mut small, SMALL).await.is_some() && !small.is_waiting());
        first.holds(0);
        assert!(read(&mut second, MIDDLE).await.is_some() && !second.is_waiting());
        second.holds(MIDDLE);
        assert!(read(&mut first, MIDDLE + SMALL).await.is_none(), "what is still held keeps its place");
        drop(second);
        assert!(read(&mut first, MIDDLE + SMALL).await.is_some(), "whoever hangs up gives it back");
    }

    #[tokio::test(start_paused = true)]
    async fn one_address_leaves_places_to_all_others_unless_all_come_from_it() {
        let from = |rooms: &Rooms, last: u8| rooms.meter(tokio::io::repeat(b'x'), IpAddr::from([198, 51, 100, last]));
        let rooms = Rooms::of(40 * MIDDLE, 10 * MIDDLE, true);
        let (mut first, mut second, mut other) = (from(&rooms, 1), from(&rooms, 1), from(&rooms, 2));
        assert!(read(&mut first, 2 * MIDDLE).await.is_some());
        assert!(read(&mut second, 2 * MIDDLE).await.is_none() && second.is_waiting(), "one of three is its share");
        assert!(read(&mut other, 2 * MIDDLE).await.is_some());
        drop(first);
        assert!(read(&mut second, MIDDLE).await.is_some(), "its own place is free again");

        let rooms = Rooms::of(40 * MIDDLE, 10 * MIDDLE, false);
        let mut lines = [1, 1, 1].map(|last| from(&rooms, last));
        for line in &mut lines {
            assert!(read(line, 2 * MIDDLE).await.is_some());
        }
    }

    #[tokio::test(start_paused = true)]
    async fn many_that_grow_at_once_all_come_to_their_end() {
        let rooms = Rooms::of(40 * MIDDLE, 20 * MIDDLE, true);
        let lines: Vec<_> = (0..32)
            .map(|_| {
                let mut line = rooms.meter(tokio::io::repeat(b'x'), HERE);
                tokio::spawn(async move {
                    let mut part = vec![0; MIDDLE];
                    for _ in 0..3 {
                        line.read_exact(&mut part).await.expect("read");
                        tokio::task::yield_now().await;
                    }
                    line.holds(0);
                })
            })
            .collect();
        let all = futures::future::join_all(lines);
        assert!(timeout(Duration::from_secs(60), all).await.is_ok(), "they wait for each other");
    }

    #[tokio::test]
    async fn what_is_written_goes_through() {
        let (near, mut far) = tokio::io::duplex(64);
        let mut line = Rooms::of(1, 1, true).meter(near, HERE);
        line.write_all(b"ACK").await.expect("written");
        let mut heard = [0; 3];
        far.read_exact(&mut heard).await.expect("read");
        assert_eq!(&heard, b"ACK");
    }
}
