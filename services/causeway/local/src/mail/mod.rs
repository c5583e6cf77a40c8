//! The mailbox of development: what the product sends by SMTP and SMS lands here and can be read.
//!
//! Mail goes through a real SMTP conversation and SMS through a real HTTP request, so that development runs the same
//! senders as production; only the far end differs. Kept in memory and in one file, for the next start. Not here:
//! relaying anything to anybody, and any check of who sends: it listens on loopback only.

mod message;
mod page;
mod smtp;

use std::collections::VecDeque;
use std::fmt;
use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::SocketAddr;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::{Context as _, Result};
use jiff::Timestamp;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub use message::{Kind, Message};
pub use page::mailbox_router;

/// The clock that stamps messages, handed in so that it can be the one the services run by.
pub type Now = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// Older messages leave the memory; the file keeps them.
const REMEMBERED: usize = 10_000;

/// Everything received, shared by both doors and the pages.
#[derive(Clone)]
pub struct Store {
    inner: Arc<Mutex<Inner>>,
    now: Now,
}

struct Inner {
    messages: VecDeque<Arc<Message>>,
    last_id: u64,
    path: PathBuf,
    file: File,
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store").field("messages", &self.lock().messages.len()).finish_non_exhaustive()
    }
}

impl Store {
    /// Opens the file of a directory and remembers its latest messages.
    pub fn open(folder: &Path, now: Now) -> Result<Self> {
        fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
        let path = folder.join("messages.jsonl");
        let file = File::options().create(true).append(true).read(true).mode(0o600).open(&path);
        let file = file.with_context(|| format!("cannot write {}", path.display()))?;
        let reader = BufReader::new(file.try_clone().context("cannot read the mailbox's file")?);
        let mut messages = VecDeque::new();
        // A line cut short by a kill is passed over: the message's sender was never told it was taken.
        for message in
            reader.lines().map_while(Result::ok).filter_map(|line| serde_json::from_str::<Message>(&line).ok())
        {
            remember(&mut messages, Arc::new(message));
        }
        let last_id = messages.back().map_or(0, |message| message.id);
        let inner = Inner { messages, last_id, path, file };
        inner.end_broken_line()?;
        Ok(Self { inner: Arc::new(Mutex::new(inner)), now })
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps messages, giving each its number and time; they are in the file when this returns.
    fn keep(&self, drafts: Vec<Message>) -> Result<Vec<u64>> {
        let at = (self.now)();
        let mut inner = self.lock();
        let mut lines = Vec::new();
        let mut kept = Vec::new();
        for (draft, id) in drafts.into_iter().zip(inner.last_id + 1..) {
            let message = Message { id, at, ..draft };
            serde_json::to_writer(&mut lines, &message).context("cannot write a message as json")?;
            lines.push(b'\n');
            kept.push(Arc::new(message));
        }
        inner.file.write_all(&lines).context("cannot append to the mailbox's file")?;
        let ids = kept.iter().map(|message| message.id).collect();
        for message in kept {
            inner.last_id = message.id;
            remember(&mut inner.messages, message);
        }
        Ok(ids)
    }

    /// Messages, newest first; with `to`, only those whose recipient it is.
    pub fn messages(&self, to: Option<&str>) -> Vec<Arc<Message>> {
        let inner = self.lock();
        let wanted = |message: &&Arc<Message>| to.is_none_or(|to| message.to.eq_ignore_ascii_case(to.trim()));
        inner.messages.iter().rev().filter(wanted).cloned().collect()
    }

    /// One message.
    pub fn message(&self, id: u64) -> Option<Arc<Message>> {
        self.lock().messages.iter().find(|message| message.id == id).cloned()
    }

    /// The message that came with this idempotency key.
    fn with_key(&self, key: &str) -> Option<u64> {
        self.lock().messages.iter().rev().find(|message| message.key.as_deref() == Some(key)).map(|message| message.id)
    }

    /// Forgets everything, also in the file; numbers go on.
    pub fn clear(&self) -> Result<()> {
        let mut inner = self.lock();
        inner.file.set_len(0).with_context(|| format!("cannot empty {}", inner.path.display()))?;
        inner.messages.clear();
        Ok(())
    }
}

impl Inner {
    /// Puts a line end after a line that a kill cut short, so that the next message begins on its own line.
    fn end_broken_line(&self) -> Result<()> {
        let whole = fs::read(&self.path).is_ok_and(|bytes| bytes.last().is_none_or(|byte| *byte == b'\n'));
        if whole {
            return Ok(());
        }
        (&self.file).write_all(b"\n").with_context(|| format!("cannot write {}", self.path.display()))
    }
}

fn remember(messages: &mut VecDeque<Arc<Message>>, message: Arc<Message>) {
    messages.push_back(message);
    if messages.len() > REMEMBERED {
        messages.pop_front();
    }
}

/// A running mailbox: both doors and the pages.
#[derive(Debug)]
pub struct Mailbox {
    store: Store,
    smtp: SocketAddr,
    http: SocketAddr,
    tasks: TaskTracker,
    stop: CancellationToken,
}

impl Mailbox {
    /// Listens on loopback; a port of 0 takes any free one.
    pub async fn start(folder: &Path, smtp_port: u16, http_port: u16, now: Now) -> Result<Self> {
        let store = Store::open(folder, now)?;
        let smtp_listener = listen("mail", smtp_port).await?;
        let http_listener = listen("the mailbox", http_port).await?;
        let smtp = smtp_listener.local_addr().context("cannot read the address of the mail port")?;
        let http = http_listener.local_addr().context("cannot read the address of the mailbox")?;
        let (tasks, stop) = (TaskTracker::new(), CancellationToken::new());
        tasks.spawn(smtp::serve(smtp_listener, store.clone(), tasks.clone(), stop.clone()));
        let pages = axum::serve(http_listener, mailbox_router(store.clone()))
            .with_graceful_shutdown(stop.clone().cancelled_owned());
        tasks.spawn(async move {
            if let Err(error) = pages.await {
                tracing::error!(%error, "the mailbox's pages ended");
            }
        });
        tasks.close();
        Ok(Self { store, smtp, http, tasks, stop })
    }

    /// Where mail is taken.
    pub fn smtp_addr(&self) -> SocketAddr {
        self.smtp
    }

    /// Where the pages, the JSON and the SMS door are.
    pub fn http_addr(&self) -> SocketAddr {
        self.http
    }

    /// The page people read.
    pub fn url(&self) -> String {
        format!("http://{}", self.http)
    }

    /// Where SMS are posted.
    pub fn sms_url(&self) -> String {
        format!("http://{}/sms", self.http)
    }

    /// Messages, newest first; with `to`, only those whose recipient it is.
    pub fn messages(&self, to: Option<&str>) -> Vec<Arc<Message>> {
        self.store.messages(to)
    }

    /// Forgets everything.
    pub fn clear(&self) -> Result<()> {
        self.store.clear()
    }

    /// Closes both doors and ends the conversations that are under way.
    pub async fn stop(&self) -> Result<()> {
        self.stop.cancel();
        let ended = tokio::time::timeout(std::time::Duration::from_secs(5), self.tasks.wait()).await;
        ended.context("a reader of the mailbox keeps its connection open")
    }
}

impl Drop for Mailbox {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

async fn listen(what: &str, port: u16) -> Result<TcpListener> {
    let listener = TcpListener::bind(("127.0.0.1", port)).await;
    listener.with_context(|| {
        format!("cannot listen on port {port} of 127.0.0.1 for {what}; stop what uses it, or give another port")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn store(folder: &Path) -> Store {
        Store::open(folder, Arc::new(|| Timestamp::UNIX_EPOCH)).expect("opened")
    }

    fn sms(to: &str) -> Vec<Message> {
        vec![Message::sms("causeway".into(), to.into(), "your visit".into(), None)]
    }

    #[test]
    fn messages_are_there_again_at_the_next_start_and_numbers_go_on() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        assert_eq!(store(folder.path()).keep(sms("+1")).expect("kept"), [1]);
        let again = store(folder.path());
        assert_eq!(again.messages(None).len(), 1);
        assert_eq!(again.keep(sms("+2")).expect("kept"), [2]);
    }

    #[test]
    fn a_line_that_a_kill_cut_short_costs_only_itself() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        store(folder.path()).keep(sms("+1")).expect("kept");
        let file = folder.path().join("messages.jsonl");
        File::options()
            .append(true)
            .open(&file)
            .and_then(|mut file| file.write_all(b"{\"id\":2,\"ki"))
            .expect("written");
        store(folder.path()).keep(sms("+3")).expect("kept");
        let to: Vec<_> = store(folder.path()).messages(None).iter().map(|message| message.to.clone()).collect();
        assert_eq!(to, ["+3", "+1"]);
    }
}
