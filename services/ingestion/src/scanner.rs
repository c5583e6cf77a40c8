//! Asks clamd whether bytes are malware (command INSTREAM of clamd(8)), over TCP or a socket of this machine.
//!
//! Bytes go part by part, so a long document costs no memory here. Each scan has a connection of its own: clamd ends one after
//! an INSTREAM anyway. Deliberately not here: what is made of the answer (handlers).

use std::path::PathBuf;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpStream, UnixStream};
use tokio::time::timeout;

/// Longest answer: a line with the name of what was found.
const ANSWER: u64 = 4096;

/// Where clamd listens.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Place {
    Tcp(String),
    Unix(PathBuf),
}

/// A scanner. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Scanner {
    place: Place,
    patience: Duration,
}

/// What the scanner says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Finding {
    /// It found nothing.
    Clean,
    /// It found something.
    Infected,
}

/// No answer that can be relied on.
#[derive(Debug, thiserror::Error)]
pub enum ScanError {
    /// The connection failed.
    #[error(
        "speak to the malware scanner: {0}; check that clamd runs and listens where ingestion.documents.scanner says"
    )]
    Connection(#[from] std::io::Error),
    /// It took too long.
    #[error("the malware scanner did not answer in time; see ingestion.documents.scan_seconds")]
    Slow,
    /// It said something else, such as that the stream is too long for it.
    #[error("the malware scanner refused; compare its StreamMaxLength with ingestion.documents.file_bytes")]
    Refused,
}

impl Scanner {
    /// A scanner at `tcp://host:port` or `unix:/path`.
    ///
    /// # Errors
    /// It is no such place.
    pub fn at(place: &str, patience: Duration) -> anyhow::Result<Self> {
        let place = match (place.strip_prefix("tcp://"), place.strip_prefix("unix:")) {
            (Some(address), _) if address.contains(':') => Place::Tcp(address.to_owned()),
            (_, Some(path)) if path.starts_with('/') => Place::Unix(path.into()),
            _ => {
                anyhow::bail!("ingestion.documents.scanner must be like tcp://host:3310 or unix:/run/clamav/clamd.ctl")
            }
        };
        Ok(Self { place, patience })
    }

    /// Begins a scan.
    ///
    /// # Errors
    /// The scanner can't be reached.
    pub async fn begin(&self) -> Result<Scan, ScanError> {
        let open = async {
            let mut line: Box<dyn Line> = match &self.place {
                Place::Tcp(address) => Box::new(TcpStream::connect(address).await?),
                Place::Unix(path) => Box::new(UnixStream::connect(path).await?),
            };
            line.write_all(b"zINSTREAM\0").await?;
            Ok(Scan { line, patience: self.patience })
        };
        in_time(self.patience, open).await
    }
}

trait Line: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Line for T {}

/// A scan under way.
pub struct Scan {
    line: Box<dyn Line>,
    patience: Duration,
}

impl Scan {
    /// Hands on the next bytes.
    ///
    /// # Errors
    /// The scanner does not take them.
    pub async fn push(&mut self, bytes: &[u8]) -> Result<(), ScanError> {
        // A chunk of length 0 is the end.
        if bytes.is_empty() {
            return Ok(());
        }
        let length = u32::try_from(bytes.len()).map_err(|_| ScanError::Refused)?;
        in_time(self.patience, async {
            self.line.write_all(&length.to_be_bytes()).await?;
            self.line.write_all(bytes).await
        })
        .await
    }

    /// Ends the stream and hears what was found.
    ///
    /// # Errors
    /// There is no answer that can be relied on.
    pub async fn finish(mut self) -> Result<Finding, ScanError> {
        let mut answer = Vec::new();
        in_time(self.patience, async {
            self.line.write_all(&0_u32.to_be_bytes()).await?;
            self.line.flush().await?;
            (&mut self.line).take(ANSWER).read_to_end(&mut answer).await
        })
        .await?;
        let answer = answer.strip_suffix(b"\0").unwrap_or(&answer);
        match answer.trim_ascii_end() {
            b"stream: OK" => Ok(Finding::Clean),
            found if found.starts_with(b"stream: ") && found.ends_with(b" FOUND") => Ok(Finding::Infected),
            _ => Err(ScanError::Refused),
        }
    }
}

async fn in_time<T>(patience: Duration, work: impl Future<Output = std::io::Result<T>>) -> Result<T, ScanError> {
    timeout(patience, work).await.map_err(|_| ScanError::Slow)?.map_err(ScanError::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_told_in_one_of_two_ways() {
        let place = |text: &str| Scanner::at(text, Duration::from_secs(1)).ok().map(|scanner| scanner.place);
        assert_eq!(place("tcp://clamd:3310"), Some(Place::Tcp("clamd:3310".into())));
        assert_eq!(place("unix:/run/clamd.ctl"), Some(Place::Unix("/run/clamd.ctl".into())));
        for odd in ["clamd:3310", "tcp://clamd", "unix:clamd.ctl", "http://clamd:3310"] {
            assert_eq!(place(odd), None, "{odd}");
        }
    }
}
