//! The SMTP door: lines from a socket into the protocol machine of the `mailin` crate, and its answers back.
//!
//! Only reading and writing are ours. No TLS and no login are offered: it listens on loopback, and the senders under
//! test are configured for that. Not here: what a mail means ([`super::message`]).

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use mailin::{Action, Handler, Response, SessionBuilder, response};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::Store;
use super::message::Message;

/// Longer lines end the conversation; the standard allows 1,000.
const LONGEST_LINE: u64 = 64 * 1024;
/// A larger mail is refused.
const LARGEST_MAIL: usize = 25 * 1024 * 1024;
/// A silent client is let go.
const PATIENCE: Duration = Duration::from_secs(300);

/// Takes connections until told to stop; each conversation is a task of its own.
pub(super) async fn serve(listener: TcpListener, store: Store, tasks: TaskTracker, stop: CancellationToken) {
    loop {
        let accepted = tokio::select! {
            () = stop.cancelled() => return,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, peer)) => {
                let (store, stop) = (store.clone(), stop.clone());
                tasks.spawn(async move {
                    let talk = converse(stream, peer, store);
                    if let Some(Err(error)) = stop.run_until_cancelled(talk).await {
                        tracing::debug!(%error, "a mail conversation broke off");
                    }
                });
            }
            Err(error) => {
                // Usually too many open files: it passes, and a tight loop would not help it.
                tracing::warn!(%error, "cannot accept a mail connection");
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
        }
    }
}

async fn converse(stream: TcpStream, peer: SocketAddr, store: Store) -> io::Result<()> {
    let (reader, mut writer) = stream.into_split();
    let mut reader = BufReader::new(reader);
    let mut session = SessionBuilder::new("causeway mailbox")
        .build(peer.ip(), Letter { store, from: String::new(), to: Vec::new(), bytes: Vec::new(), too_large: false });
    answer(&mut writer, &session.greeting()).await?;
    let mut line = Vec::new();
    loop {
        line.clear();
        let mut limited = (&mut reader).take(LONGEST_LINE);
        let read = tokio::time::timeout(PATIENCE, limited.read_until(b'\n', &mut line)).await;
        let count = read.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))??;
        if count == 0 {
            return Ok(());
        }
        if line.last() != Some(&b'\n') {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "a line was too long or cut short"));
        }
        let response = session.process(&line);
        match response.action {
            Action::NoReply => {}
            Action::Reply | Action::UpgradeTls => answer(&mut writer, &response).await?,
            Action::Close => return answer(&mut writer, &response).await,
        }
    }
}

async fn answer(writer: &mut (impl tokio::io::AsyncWrite + Unpin), response: &Response) -> io::Result<()> {
    let mut bytes = Vec::new();
    response.write_to(&mut bytes)?;
    writer.write_all(&bytes).await
}

/// The mail a conversation is in the middle of.
struct Letter {
    store: Store,
    from: String,
    to: Vec<String>,
    bytes: Vec<u8>,
    too_large: bool,
}

impl Handler for Letter {
    fn data_start(&mut self, _domain: &str, from: &str, _is8bit: bool, to: &[String]) -> Response {
        self.from = from.to_owned();
        self.to = to.to_vec();
        self.bytes.clear();
        self.too_large = false;
        response::OK
    }

    fn data(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.too_large |= self.bytes.len() + bytes.len() > LARGEST_MAIL;
        if !self.too_large {
            self.bytes.extend_from_slice(bytes);
        }
        Ok(())
    }

    fn data_end(&mut self) -> Response {
        if self.too_large {
            return response::NO_STORAGE;
        }
        let messages = Message::from_mail(&self.from, &self.to, &std::mem::take(&mut self.bytes));
        match self.store.keep(messages) {
            Ok(_) => response::OK,
            Err(error) => {
                tracing::error!(error = format!("{error:#}"), "cannot keep a mail");
                response::INTERNAL_ERROR
            }
        }
    }
}
