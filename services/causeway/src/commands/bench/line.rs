//! A line of a partner's interface engine: one HL7 message in flight, the next when it is acknowledged (MLLP).
//!
//! Deliberately absent: TLS, and the reading of anything but the code of the acknowledgement.

use std::io;
use std::net::SocketAddr;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// An acknowledgement that is longer is none of ours.
const LONGEST: usize = 64 << 10;

/// An open line.
pub struct Line {
    stream: TcpStream,
    reply: Vec<u8>,
}

impl Line {
    /// Opens it.
    pub async fn open(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, reply: Vec::with_capacity(1024) })
    }

    /// Sends a message in its frame, gives what it comes to in the words of HTTP: 202 where it was accepted (`AA`), 422 (`AE`) or 400
    /// where it was not.
    pub async fn ask(&mut self, frame: &[u8]) -> io::Result<u16> {
        self.stream.write_all(frame).await?;
        self.reply.clear();
        while !self.reply.ends_with(b"\x1c\r") {
            if self.stream.read_buf(&mut self.reply).await? == 0 {
                return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "line closed before the acknowledgement"));
            }
            if self.reply.len() > LONGEST {
                return Err(io::Error::new(io::ErrorKind::InvalidData, "no acknowledgement"));
            }
        }
        Ok(status(&self.reply))
    }
}

/// MSA-1 (HL7 v2.5.1, 2.14.8.1).
fn status(reply: &[u8]) -> u16 {
    let at = reply.windows(5).position(|window| window == b"\rMSA|");
    match at.and_then(|at| reply.get(at + 5..at + 7)) {
        Some(b"AA") => 202,
        Some(b"AE") => 422,
        _ => 400,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_aa_counts_as_accepted() {
        assert_eq!(status(b"\x0bMSH|^~\\&|C\rMSA|AA|1\r\x1c\r"), 202);
        assert_eq!(status(b"\x0bMSH|^~\\&|C\rMSA|AE|1\r\x1c\r"), 422);
        assert_eq!(status(b"\x0bMSH|^~\\&|C\rMSA|AR|1\r\x1c\r"), 400);
        assert_eq!(status(b"\x0bMSH|^~\\&|C|MSA|AA\r\x1c\r"), 400);
    }
}
