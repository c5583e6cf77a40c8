//! Reads a kept file from its beginning, one part and a few records at a time.
//!
//! Deliberately not here: what a record means.

use std::time::Duration;

use encoding_rs::Encoding;
use tokio::time::Instant;
use uuid::Uuid;

use super::survey::Reading;
use super::{Files, internal, part_context};
use crate::adapters::csv::charset::{Charset, Detector, NotText, Text, not_text};
use crate::adapters::csv::records::{Record, Splitter};
use crate::error::Refusal;
use crate::store::file_work;
use crate::store::files::{self, Standing};

/// Bytes read at once: some hundred records.
pub const SLICE: usize = 64 * 1024;

/// How often the lease of a file that is read is renewed: well within its length.
const RENEW: Duration = Duration::from_secs(4);

/// A file that is read. Holds PHI: no `Debug`.
pub struct Reader<'a> {
    files: &'a Files,
    center: &'a str,
    file_id: Uuid,
    parts: i32,
    next_part: i32,
    part: Vec<u8>,
    at: usize,
    text: Text,
    splitter: Option<Splitter>,
    renewed: Instant,
}

/// A file's character set and the text at its beginning.
pub struct Head {
    /// How its bytes are text.
    pub charset: Charset,
    /// The first of its text.
    pub text: String,
    /// Whether that is all of it.
    pub is_all: bool,
    /// What it is, if it is no text.
    pub not_text: Option<NotText>,
}

/// Looks at all bytes of a file once. `otherwise`: its character set where they do not tell it.
///
/// # Errors
/// It can't be read at the moment.
pub async fn head(
    files: &Files,
    center: &str,
    (file_id, parts): (Uuid, i32),
    otherwise: &'static Encoding,
) -> Result<Head, Refusal> {
    let (mut detector, mut first) = (Detector::default(), Vec::new());
    for part in 0..parts {
        let bytes = open_part(files, center, file_id, part).await?;
        detector.push(&bytes);
        if part == 0 {
            first = bytes;
        }
    }
    let is_all = parts <= 1 && first.len() <= SLICE;
    first.truncate(SLICE);
    let (charset, not_text) = (detector.finish(otherwise), not_text(&first));
    Ok(Head { charset, text: Text::of(charset.encoding).push(&first, is_all), is_all, not_text })
}

/// Takes the lease of a file, or keeps it; nothing where somebody else has it.
///
/// # Errors
/// It can't be asked for at the moment.
pub async fn claim(files: &Files, center: &str, file_id: Uuid) -> Result<Option<Standing>, Refusal> {
    let worker = files.worker;
    let claimed = files.database.with_tx(center, move |tx| {
        Box::pin(async move { Ok::<_, Refusal>(file_work::claim(tx, file_id, worker).await?) })
    });
    claimed.await
}

async fn open_part(files: &Files, center: &str, file_id: Uuid, part: i32) -> Result<Vec<u8>, Refusal> {
    let sealed = files
        .database
        .read(center, move |tx| Box::pin(async move { Ok::<_, Refusal>(files::part(tx, file_id, part).await?) }))
        .await?
        .ok_or(Refusal::UnknownFile)?;
    let opened = files.acceptance.sealer.open(center, &part_context(file_id, part), &sealed).map_err(internal)?;
    Ok(opened.into_exposed())
}

impl<'a> Reader<'a> {
    /// From the beginning.
    pub fn of(files: &'a Files, center: &'a str, (file_id, parts): (Uuid, i32), reading: &Reading) -> Self {
        let splitter = Splitter::by(reading.layout.delimiter).with_lost_letters(reading.has_stray_bytes);
        let (text, splitter) = (Text::of(reading.encoding()), Some(splitter));
        let renewed = Instant::now();
        Self { files, center, file_id, parts, next_part: 0, part: Vec::new(), at: 0, text, splitter, renewed }
    }

    /// The next records; nothing at the end of the file. Whoever reads keeps the file's lease meanwhile.
    ///
    /// # Errors
    /// It can't be read at the moment, or somebody else has it now.
    pub async fn next(&mut self) -> Result<Option<Vec<Record>>, Refusal> {
        if self.renewed.elapsed() >= RENEW {
            claim(self.files, self.center, self.file_id).await?.ok_or(Refusal::Conflict)?;
            self.renewed = Instant::now();
        }
        let mut records = Vec::new();
        while records.is_empty() {
            let Some(splitter) = &mut self.splitter else { return Ok(None) };
            if self.at >= self.part.len() && self.next_part < self.parts {
                self.part = open_part(self.files, self.center, self.file_id, self.next_part).await?;
                self.next_part += 1;
                self.at = 0;
            }
            let end = self.part.len().min(self.at + SLICE);
            let is_last = end == self.part.len() && self.next_part >= self.parts;
            let text = self.text.push(&self.part[self.at..end], is_last);
            self.at = end;
            splitter.push(&text, |record| records.push(record));
            if is_last && let Some(splitter) = self.splitter.take() {
                splitter.finish(|record| records.push(record));
                return Ok(Some(records));
            }
        }
        // Reading is work for the processor alone: others of this thread go on in between.
        tokio::task::yield_now().await;
        Ok(Some(records))
    }
}
