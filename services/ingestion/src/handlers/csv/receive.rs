//! Takes the bytes of a file, whichever door they come through, and keeps them sealed, part by part.
//!
//! A file of any length is held by no more than one part, and a sender who goes away leaves nothing but parts that are
//! forgotten later. The same bytes of a feed are one file. Deliberately not here: what the bytes mean.

use aws_lc_rs::digest::{Context, SHA256};
use causeway_mailbox::{Tx, TxError};
use tracing::debug;
use uuid::Uuid;

use super::{Files, Heading, internal, part_context};
use crate::adapters::csv::charset::{MAGIC, NotText, not_text};
use crate::adapters::csv::fault::Code;
use crate::error::Refusal;
use crate::store::file_work;
use crate::store::files::{self, NewFile, Standing};

/// Length of a part, bytes.
const PART: usize = 1024 * 1024;
/// Purpose of the keyed hash by which the same bytes are known.
const CONTENT_KEY: &str = "csv.file";

/// A file whose bytes come. Holds PHI: no `Debug`.
pub struct Receiving<'a> {
    files: &'a Files,
    center: String,
    feed: String,
    door: &'static str,
    file_id: Uuid,
    digest: Context,
    part: Vec<u8>,
    parts: i32,
    bytes: usize,
    head: Vec<u8>,
}

/// What became of a file that came whole.
pub struct Received {
    /// The file, or the one that stands for it.
    pub file_id: Uuid,
    /// As it stood before, where the same bytes came before.
    pub known: Option<Standing>,
    /// SHA-256 of its bytes.
    pub sha256: String,
}

impl<'a> Receiving<'a> {
    /// A file of a feed.
    pub fn begin(files: &'a Files, center: &str, feed: &str, door: &'static str) -> Self {
        Self {
            files,
            center: center.to_owned(),
            feed: feed.to_owned(),
            door,
            file_id: files.acceptance.clock.new_id(),
            digest: Context::new(&SHA256),
            part: Vec::new(),
            parts: 0,
            bytes: 0,
            head: Vec::new(),
        }
    }

    /// Takes the next bytes.
    ///
    /// # Errors
    /// It is too long, or can't be kept.
    pub async fn push(&mut self, mut bytes: &[u8]) -> Result<(), Refusal> {
        self.bytes += bytes.len();
        if self.bytes > self.files.settings.file_bytes {
            return Err(Refusal::TooLong);
        }
        self.digest.update(bytes);
        let wanted = MAGIC.saturating_sub(self.head.len()).min(bytes.len());
        self.head.extend_from_slice(&bytes[..wanted]);
        while !bytes.is_empty() {
            let (now, later) = bytes.split_at(bytes.len().min(PART - self.part.len()));
            self.part.extend_from_slice(now);
            bytes = later;
            if self.part.len() == PART {
                self.keep_part().await?;
            }
        }
        Ok(())
    }

    /// SHA-256 of what came so far.
    pub fn sha256(&self) -> String {
        hex::encode(self.digest.clone().finish())
    }

    /// Forgets what came so far, because it is not the file. What can't be forgotten now is forgotten later.
    pub async fn forget(self) {
        let file_id = self.file_id;
        if self.parts == 0 {
            return;
        }
        let forgotten = self.files.database.with_tx(&self.center, move |tx| {
            Box::pin(async move { Ok::<_, TxError>(files::forget(tx, file_id).await?) })
        });
        if let Err(cause) = forgotten.await {
            debug!(%cause, "forget what is not the file; done later");
        }
    }

    /// What it is, if it is no text.
    pub fn not_text(&self) -> Option<NotText> {
        not_text(&self.head)
    }

    async fn keep_part(&mut self) -> Result<(), Refusal> {
        let (file_id, part, door, feed) = (self.file_id, self.parts, self.door, self.feed.clone());
        let sealer = &self.files.acceptance.sealer;
        let sealed = sealer.seal(&self.center, &part_context(file_id, part), &self.part).map_err(internal)?;
        self.part.clear();
        self.files
            .database
            .with_tx(&self.center, move |tx| {
                Box::pin(async move {
                    files::begin(tx, &NewFile { file_id, feed: &feed, door, heading: &[] }).await?;
                    files::keep_part(tx, file_id, part, &sealed).await?;
                    Ok::<_, Refusal>(())
                })
            })
            .await?;
        self.parts += 1;
        Ok(())
    }

    /// All bytes are there: the file stands, or the one with the same bytes is counted once more. `fault`: it is parked for this.
    ///
    /// # Errors
    /// It can't be kept, or the same bytes under another name are to be answered first.
    pub async fn finish(mut self, name: &str, fault: Option<Code>) -> Result<Received, Refusal> {
        if self.parts == 0 || !self.part.is_empty() {
            self.keep_part().await?;
        }
        let sha256 = self.sha256();
        let heading = Heading { name: name.to_owned(), sha256: sha256.clone(), detail: String::new() };
        let mut outcome = self.settle(&heading, fault).await;
        // Somebody else brought the same bytes at this moment: theirs stand now.
        if matches!(outcome, Err(Refusal::Conflict)) {
            outcome = self.settle(&heading, fault).await;
        }
        let known = outcome?;
        let word = if known.is_some() { "repeated" } else { fault.map_or("received", Code::word) };
        self.files.metrics().files.with_label_values(&[&self.feed, word]).inc();
        self.files.bell.notify_one();
        Ok(Received { file_id: known.as_ref().map_or(self.file_id, |file| file.file_id), known, sha256 })
    }

    async fn settle(&self, heading: &Heading, fault: Option<Code>) -> Result<Option<Standing>, Refusal> {
        let sealer = &self.files.acceptance.sealer;
        let content = format!("{}:{}", self.feed, heading.sha256);
        let content_key = sealer.blind(&self.center, CONTENT_KEY, &content).map_err(internal)?;
        let (file_id, feed, door) = (self.file_id, self.feed.clone(), self.door);
        let extent = (i64::try_from(self.bytes).unwrap_or(i64::MAX), self.parts);
        let sealed = self.files.seal_heading(&self.center, file_id, heading)?;
        let known = self.known(&content_key).await?;
        // A heading is bound to its file.
        let known_heading = match known {
            Some(known) => Some((known, self.files.seal_heading(&self.center, known, heading)?)),
            None => None,
        };
        let settled = self
            .files
            .database
            .with_tx(&self.center, move |tx| {
                Box::pin(async move {
                    if let Some((known, heading)) = &known_heading {
                        files::forget(tx, file_id).await?;
                        let before = files::held(tx, *known).await?.ok_or(Refusal::Conflict)?;
                        // A file has one heading, and each name is to get its answer.
                        if before.is_answered_to_folder && door == "folder" {
                            return Ok(Settled::Later);
                        }
                        let is_told = door != "folder";
                        let again = files::again(tx, (&feed, &content_key), (heading, is_told)).await?;
                        if let Some(fault) = fault.filter(|_| before.state == "parked") {
                            park(tx, *known, fault).await?;
                        }
                        return Ok(again.map_or(Settled::New, |known| Settled::Known(Box::new(known))));
                    }
                    // Where it took so long that its first parts were forgotten, it has to come again.
                    let is_whole =
                        files::complete(tx, file_id, (&content_key, &sealed), extent).await.map_err(taken)?;
                    if !is_whole {
                        return Err(Refusal::Unavailable);
                    }
                    if let Some(fault) = fault {
                        park(tx, file_id, fault).await?;
                    }
                    Ok(Settled::New)
                })
            })
            .await?;
        match settled {
            Settled::New => Ok(None),
            Settled::Known(known) => Ok(Some(*known)),
            Settled::Later => Err(Refusal::WrongState(ANSWERED_FIRST)),
        }
    }

    async fn known(&self, content_key: &[u8; 16]) -> Result<Option<Uuid>, Refusal> {
        let (feed, key) = (self.feed.clone(), *content_key);
        self.files
            .database
            .read(&self.center, move |tx| {
                Box::pin(async move { Ok::<_, Refusal>(files::by_content(tx, &feed, &key).await?) })
            })
            .await
    }
}

/// What became of bytes that came whole.
enum Settled {
    /// They are a new file.
    New,
    /// They came before.
    Known(Box<Standing>),
    /// They come under another name, which is answered first.
    Later,
}

const ANSWERED_FIRST: &str = "the same file came under another name, which is answered first";

async fn park(tx: &mut Tx, file_id: Uuid, fault: Code) -> Result<(), sqlx::Error> {
    file_work::finish(tx, file_id, ("parked", fault.word(), fault.message()), (None, None)).await
}

fn taken(cause: sqlx::Error) -> Refusal {
    match &cause {
        sqlx::Error::Database(database) if database.is_unique_violation() => Refusal::Conflict,
        _ => cause.into(),
    }
}
