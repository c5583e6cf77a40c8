//! A keep-alive HTTP/1.1 connection that does just what a benchmark needs.
//!
//! The load generator shares the cores with what it measures, so it must cost a small part of it: one write and usually
//! one read for each request, no header map, no body copy. Deliberately absent: chunked answers, TLS and redirects, which
//! our own services do not send here.

use std::io;
use std::net::SocketAddr;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// An answer that is longer is none of ours.
const LONGEST_ANSWER: usize = 4 << 20;

/// One connection; requests on it follow one another.
pub struct Connection {
    stream: TcpStream,
    answer: Vec<u8>,
}

impl Connection {
    /// Opens it.
    pub async fn open(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, answer: Vec::with_capacity(4096) })
    }

    /// Sends a whole request, gives the status of the answer.
    pub async fn send(&mut self, request: &[u8]) -> io::Result<u16> {
        self.exchange(request).await.map(|(status, _)| status)
    }

    /// Sends a whole request, gives the status and the body of the answer.
    pub async fn ask(&mut self, request: &[u8]) -> io::Result<(u16, &[u8])> {
        let (status, head) = self.exchange(request).await?;
        Ok((status, &self.answer[head..]))
    }

    /// Gives the status and where the body begins.
    async fn exchange(&mut self, request: &[u8]) -> io::Result<(u16, usize)> {
        self.stream.write_all(request).await?;
        self.answer.clear();
        let mut whole = None;
        loop {
            if self.stream.read_buf(&mut self.answer).await? == 0 {
                return Err(io::Error::new(
                    io::ErrorKind::UnexpectedEof,
                    "connection closed before the answer was whole",
                ));
            }
            if whole.is_none() {
                whole = head(&self.answer)?;
            }
            if let Some(head) = whole
                && self.answer.len() >= head.end + head.body
            {
                return Ok((head.status, head.end));
            }
            if self.answer.len() > LONGEST_ANSWER {
                return Err(unreadable());
            }
        }
    }
}

/// The part of an answer's head that matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Head {
    status: u16,
    /// Where the body begins.
    end: usize,
    /// How long it is.
    body: usize,
}

/// Reads the head; `None` where it is not whole yet.
fn head(bytes: &[u8]) -> io::Result<Option<Head>> {
    let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") else { return Ok(None) };
    let text = std::str::from_utf8(&bytes[..end]).map_err(|_| unreadable())?;
    let mut lines = text.split("\r\n");
    let status = lines.next().and_then(|line| line.split(' ').nth(1)).and_then(|word| word.parse().ok());
    let length = lines
        .filter_map(|line| line.split_once(':'))
        .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
        .and_then(|(_, value)| value.trim().parse().ok());
    match (status, length) {
        (Some(status), Some(body)) => Ok(Some(Head { status, end: end + 4, body })),
        _ => Err(unreadable()),
    }
}

fn unreadable() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "answer is no HTTP/1.1 answer with a content-length")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_is_read_once_it_is_whole() {
        let answer = b"HTTP/1.1 202 Accepted\r\nContent-Length: 2\r\nx: y\r\n\r\n{}";
        assert_eq!(head(&answer[..30]).expect("no fault yet"), None);
        let read = head(answer).expect("a good head").expect("whole");
        assert_eq!((read.status, read.body, &answer[read.end..]), (202, 2, &b"{}"[..]));
    }

    #[test]
    fn an_answer_without_a_length_is_refused() {
        assert!(head(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n").is_err());
        assert!(head(b"nonsense\r\n\r\n").is_err());
    }

    #[tokio::test]
    async fn one_connection_carries_several_requests() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("its address");
        let server = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.expect("a client");
            for status in ["200 OK", "503 Service Unavailable"] {
                let mut request = [0; 64];
                let _ = stream.read(&mut request).await.expect("a request");
                let answer = format!("HTTP/1.1 {status}\r\ncontent-length: 4\r\n\r\nbody");
                // In two pieces: what arrives in parts must be put together.
                stream.write_all(&answer.as_bytes()[..20]).await.expect("first part");
                stream.flush().await.expect("sent");
                tokio::time::sleep(std::time::Duration::from_millis(5)).await;
                stream.write_all(&answer.as_bytes()[20..]).await.expect("second part");
            }
        });
        let mut connection = Connection::open(address).await.expect("connected");
        let request = b"GET / HTTP/1.1\r\nhost: x\r\n\r\n";
        assert_eq!(connection.ask(request).await.expect("an answer"), (200, &b"body"[..]));
        assert_eq!(connection.send(request).await.expect("another"), 503);
        server.await.expect("the server ended well");
    }
}
