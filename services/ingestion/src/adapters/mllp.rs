//! MLLP frames: a start byte, a message, and two end bytes, out of whatever the reads of a connection bring.
//!
//! The framer remembers how far it has looked, so each byte is looked at once, however few come at a time. It bends where
//! that loses nothing: noise between frames is passed over and counted, empty frames keep a connection alive, and the last
//! of the end bytes may be missing (nothing follows the first for a moment: the listener's clock) or a line feed. It does not end a frame at an end byte in the middle of a text, as
//! lenient receivers do, because the rest of the message would be taken for noise and nobody would know. A start byte
//! inside a frame means that the frame before it was cut; that one is handed out as evidence and never as a message.
//! Deliberately not here: time limits, and what is answered (the listener).

use std::io;

use bytes::{Buf as _, BufMut as _, Bytes, BytesMut};
use memchr::{memchr, memchr2};
use tokio_util::codec::{Decoder, Encoder};

/// Begins a frame.
pub const START: u8 = 0x0b;
/// Ends a frame, before a carriage return.
pub const END: u8 = 0x1c;
const RETURN: u8 = b'\r';

/// Longest frame unless told otherwise: a referral with scanned papers.
pub const LONGEST: usize = 50 * 1024 * 1024;
/// What is kept of a longer one: enough for its header.
const HEAD: usize = 4096;

/// What a connection brought. PHI: no `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub enum Received {
    /// A message.
    Frame(Bytes),
    /// The beginning of a message whose end never came.
    Cut(Bytes),
    /// The beginning of a message that is too long. The rest of it is passed over.
    TooLong(Bytes),
}

/// Where the framer stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Between,
    /// In a frame, with so many bytes of it looked at.
    Inside(usize),
    /// In a frame that is too long.
    Passing,
}

/// Cuts a stream of bytes into frames.
pub struct Framer {
    state: State,
    longest: usize,
    noise: u64,
}

impl Default for Framer {
    fn default() -> Self {
        Self::with_longest(LONGEST)
    }
}

/// What comes next in the buffer.
enum Next {
    /// Something for the caller.
    Item(Received),
    /// The state has changed: look again.
    Again,
    /// Nothing, until more bytes come.
    Wait,
}

impl Framer {
    /// One that takes frames up to a length.
    #[must_use]
    pub fn with_longest(longest: usize) -> Self {
        Self { state: State::Between, longest, noise: 0 }
    }

    /// Bytes outside of frames so far; line ends are none.
    #[must_use]
    pub fn noise(&self) -> u64 {
        self.noise
    }

    /// Whether a frame has begun and not ended, so that its sender must not keep us waiting for long.
    #[must_use]
    pub fn is_inside(&self) -> bool {
        self.state != State::Between
    }

    /// Whether all that is missing from a frame is the return after its end byte, which some systems never send.
    #[must_use]
    pub fn awaits_return(&self, bytes: &[u8]) -> bool {
        self.state == State::Inside(bytes.len().saturating_sub(1)) && bytes.last() == Some(&END)
    }

    fn next(&mut self, bytes: &mut BytesMut, at_end: bool) -> Next {
        match self.state {
            State::Between => self.between(bytes),
            State::Inside(seen) => self.inside(bytes, seen, at_end),
            State::Passing => self.passing(bytes, at_end),
        }
    }

    fn between(&mut self, bytes: &mut BytesMut) -> Next {
        let start = memchr(START, bytes);
        let noise = bytes.split_to(start.unwrap_or(bytes.len()));
        self.noise += noise.iter().filter(|byte| !matches!(byte, b'\r' | b'\n')).count() as u64;
        if start.is_none() {
            return Next::Wait;
        }
        bytes.advance(1);
        self.state = State::Inside(0);
        Next::Again
    }

    fn inside(&mut self, bytes: &mut BytesMut, mut seen: usize, at_end: bool) -> Next {
        while let Some(found) = memchr2(START, END, &bytes[seen..]) {
            let at = seen + found;
            if at > self.longest {
                return self.too_long(bytes);
            }
            match Mark::at(at, bytes, at_end) {
                Mark::Start => return self.take(bytes, (at, 1), Received::Cut, State::Inside(0)),
                Mark::End(length) => return self.take(bytes, (at, length), Received::Frame, State::Between),
                Mark::Text => seen = at + 1,
                Mark::Unknown => {
                    self.state = State::Inside(at);
                    return Next::Wait;
                }
            }
        }
        if bytes.len() > self.longest {
            return self.too_long(bytes);
        }
        if at_end {
            return self.take(bytes, (bytes.len(), 0), Received::Cut, State::Between);
        }
        self.state = State::Inside(bytes.len());
        Next::Wait
    }

    /// Takes what stands before a mark of some length. What is blank keeps the connection alive and is nothing.
    fn take(&mut self, bytes: &mut BytesMut, mark: (usize, usize), item: fn(Bytes) -> Received, then: State) -> Next {
        let content = bytes.split_to(mark.0).freeze();
        bytes.advance(mark.1);
        self.state = then;
        if content.iter().all(u8::is_ascii_whitespace) { Next::Again } else { Next::Item(item(content)) }
    }

    fn too_long(&mut self, bytes: &BytesMut) -> Next {
        self.state = State::Passing;
        // Copied, so that a few bytes of evidence do not hold the memory of the whole.
        Next::Item(Received::TooLong(Bytes::copy_from_slice(&bytes[..HEAD.min(self.longest)])))
    }

    fn passing(&mut self, bytes: &mut BytesMut, at_end: bool) -> Next {
        while let Some(at) = memchr2(START, END, bytes) {
            bytes.advance(at);
            match Mark::at(0, bytes, at_end) {
                Mark::Text => bytes.advance(1),
                Mark::Unknown => return Next::Wait,
                Mark::Start => {
                    self.state = State::Between;
                    return Next::Again;
                }
                Mark::End(length) => {
                    bytes.advance(length);
                    self.state = State::Between;
                    return Next::Again;
                }
            }
        }
        bytes.clear();
        Next::Wait
    }

    fn receive(&mut self, bytes: &mut BytesMut, at_end: bool) -> Option<Received> {
        loop {
            match self.next(bytes, at_end) {
                Next::Item(item) => return Some(item),
                Next::Again => {}
                Next::Wait => return None,
            }
        }
    }
}

/// What a start or end byte inside a frame means.
enum Mark {
    Start,
    /// The frame ends with so many bytes.
    End(usize),
    /// It belongs to the text.
    Text,
    /// The next byte decides.
    Unknown,
}

impl Mark {
    fn at(at: usize, bytes: &[u8], at_end: bool) -> Self {
        match (bytes[at], bytes.get(at + 1)) {
            (START, _) => Self::Start,
            (_, Some(&RETURN | &b'\n')) => Self::End(2),
            // Who leaves out the return begins the next frame at once, or hangs up.
            (_, Some(&START)) => Self::End(1),
            (_, None) if at_end => Self::End(1),
            (_, None) => Self::Unknown,
            (_, Some(_)) => Self::Text,
        }
    }
}

impl Decoder for Framer {
    type Item = Received;
    type Error = io::Error;

    fn decode(&mut self, bytes: &mut BytesMut) -> Result<Option<Received>, io::Error> {
        Ok(self.receive(bytes, false))
    }

    fn decode_eof(&mut self, bytes: &mut BytesMut) -> Result<Option<Received>, io::Error> {
        Ok(self.receive(bytes, true))
    }
}

impl Encoder<&[u8]> for Framer {
    type Error = io::Error;

    fn encode(&mut self, content: &[u8], out: &mut BytesMut) -> Result<(), io::Error> {
        out.reserve(content.len() + 3);
        out.put_u8(START);
        out.put_slice(content);
        out.put_slice(&[END, RETURN]);
        Ok(())
    }
}

#[cfg(test)]
#[path = "mllp_tests.rs"]
mod tests;
