//! Takes the bytes of a document, whichever way they come: begun, grown part by part, kept.
//!
//! A document of any length costs the memory of one part. It stands only after all of its parts were read back, opened and
//! looked at, so what is answered to be there can be opened later. The same content of one inquiry is one document, however
//! often and under whatever name it comes. Deliberately not here: who may send (grpc), and partners' messages (unpack).

use aws_lc_rs::digest::{Context, SHA256};
use causeway_funnel::document::{DocumentFault, DocumentType};
use tracing::debug;
use uuid::Uuid;

use super::{Documents, Heading, PART, broken, internal, part_context, tell};
use crate::domain::document::{Examiner, Seen};
use crate::error::Refusal;
use crate::store;
use crate::store::documents::{self, NewDocument, Standing, Whole};

/// Purpose of the keyed hash by which the same content of an inquiry is known.
const CONTENT_KEY: &str = "documents.content";

/// So many parts more than a file of the largest size needs may come: for lines that were cut within one, and for clients that send
/// small ones.
const CUT: u64 = 640;

/// Where a document comes from.
pub struct Origin<'a> {
    /// `patient`, `staff`, `hl7` or `fhir`.
    pub door: &'static str,
    /// The feed; empty: none.
    pub feed: &'a str,
    /// Kind by its id in records.toml; empty: not said.
    pub record_kind: &'a str,
    /// Its name, title and address.
    pub heading: Heading,
    /// The partner's message that brings it.
    pub message_id: Option<Uuid>,
}

/// A document that stands, and whether it did before.
pub struct Kept {
    /// As it stands.
    pub document: Standing,
    /// The same content came before.
    pub repeated: bool,
}

impl Documents {
    /// Begins a document of an inquiry.
    ///
    /// # Errors
    /// No more are taken, or there is no such inquiry or kind.
    pub async fn begin(&self, center: &str, inquiry_id: Uuid, origin: Origin<'_>) -> Result<Uuid, Refusal> {
        self.known_kind(center, origin.record_kind)?;
        match u64::try_from(origin.heading.length) {
            Ok(length) if length <= self.settings.file_bytes => {}
            Ok(_) => return Err(Refusal::Document(DocumentFault::TooLarge)),
            Err(_) => return Err(Refusal::BadRequest("the length of a file is a number of bytes")),
        }
        let document_id = self.acceptance.clock.new_id();
        let heading = self.seal_heading(center, document_id, &origin.heading)?;
        let (door, feed, kind) = (origin.door, origin.feed.to_owned(), origin.record_kind.to_owned());
        let message_id = origin.message_id;
        let most = self.settings.files;
        self.database
            .with_tx(center, move |tx| {
                Box::pin(async move {
                    if store::known(tx, &[inquiry_id]).await?.is_empty() {
                        return Err(Refusal::UnknownInquiry);
                    }
                    if door == "patient" {
                        documents::lock(tx, inquiry_id).await?;
                        let (kept, coming) = documents::sent(tx, inquiry_id).await?;
                        if kept >= most || coming >= most {
                            return Err(Refusal::Document(DocumentFault::TooMany));
                        }
                    }
                    let document = NewDocument {
                        document_id,
                        inquiry_id,
                        state: "receiving",
                        door,
                        feed: &feed,
                        record_kind: &kind,
                        fault: "",
                        heading: &heading,
                        content_key: None,
                        message_id,
                    };
                    documents::begin(tx, &document).await?;
                    Ok::<_, Refusal>(())
                })
            })
            .await?;
        Ok(document_id)
    }

    /// How far an unfinished document of an inquiry is.
    ///
    /// # Errors
    /// There is none.
    pub async fn reached(&self, center: &str, (inquiry_id, document_id): (Uuid, Uuid)) -> Result<Standing, Refusal> {
        let found = self.database.read(center, move |tx| {
            Box::pin(async move { Ok::<_, Refusal>(documents::one(tx, document_id, false).await?) })
        });
        found.await?.filter(|found| found.inquiry_id == inquiry_id).ok_or(Refusal::UnknownDocument)
    }

    /// The bytes of a whole file as they were told at its beginning; 0: they were not.
    ///
    /// # Errors
    /// Its heading can not be opened.
    pub fn told_length(&self, center: &str, document: &Standing) -> Result<i64, Refusal> {
        Ok(self.open_heading(center, document)?.length)
    }

    /// Keeps the next bytes; gives the offset behind them and the length that was told. `document`: as it was when they were sent.
    ///
    /// # Errors
    /// They are none, too many, not the next ones, or show that nobody could use the file; then it is forgotten.
    pub async fn append(
        &self,
        center: &str,
        document: &Standing,
        offset: i64,
        bytes: &[u8],
    ) -> Result<(i64, i64), Refusal> {
        let (document_id, part) = (document.document_id, document.parts);
        if bytes.is_empty() || bytes.len() > PART {
            return Err(Refusal::BadRequest("send between one byte and as many as the answer to the beginning said"));
        }
        if document.state != "receiving" || document.bytes != offset {
            return Err(Refusal::Conflict);
        }
        if u64::try_from(part).unwrap_or(u64::MAX) >= self.settings.file_bytes.div_ceil(PART as u64) + CUT {
            return Err(Refusal::BadRequest("send it anew, in parts as large as the answer to the beginning said"));
        }
        let length = i32::try_from(bytes.len()).map_err(|_| Refusal::Internal)?;
        let behind = offset + i64::from(length);
        let whole = self.told_length(center, document)?;
        if whole > 0 && behind > whole {
            return Err(Refusal::TooLong);
        }
        let mut fault =
            (u64::try_from(behind).unwrap_or(u64::MAX) > self.settings.file_bytes).then_some(DocumentFault::TooLarge);
        if part == 0 && fault.is_none() {
            let mut examiner = Examiner::default();
            examiner.push(bytes);
            fault = examiner.fault_so_far();
        }
        if let Some(fault) = fault {
            return Err(self.refuse(center, document, fault).await);
        }
        let sealed = self.acceptance.sealer.seal(center, &part_context(document_id, part), bytes).map_err(internal)?;
        let object_id = self.acceptance.clock.new_id();
        // First the object, then the row that knows it.
        self.vault.put(center, document_id, object_id, sealed).await.map_err(broken)?;
        let grown = self.database.with_tx(center, move |tx| {
            Box::pin(async move {
                Ok::<_, Refusal>(documents::grow(tx, document_id, (part, object_id), (offset, length)).await?)
            })
        });
        if grown.await? {
            return Ok((behind, whole));
        }
        // Somebody else was faster with this part: nobody knows the object.
        if let Err(cause) = self.vault.remove(center, document_id, object_id).await {
            debug!(%cause, "take an object away that nobody knows; it is swept later");
        }
        Err(Refusal::Conflict)
    }

    /// All bytes were sent: reads them through and keeps the document, or the one that stands for it.
    ///
    /// # Errors
    /// Nobody could use it; then nothing of it is kept.
    pub async fn finish(&self, center: &str, document: Standing) -> Result<Kept, Refusal> {
        let document_id = document.document_id;
        if document.state == "same" {
            let standing = self.reached(center, (document.inquiry_id, document.same_as.unwrap_or_default())).await?;
            return Ok(Kept { document: standing, repeated: true });
        }
        if document.state != "receiving" {
            return Ok(Kept { document, repeated: false });
        }
        // A file that was cut is sent on, and not taken for a shorter one.
        if document.bytes < self.told_length(center, &document)? {
            return Err(Refusal::Conflict);
        }
        let (seen, sha256) = match self.look_through(center, &document).await? {
            Ok(whole) => whole,
            Err(fault) => return Err(self.refuse(center, &document, fault).await),
        };
        let mut outcome = self.settle(center, &document, (seen, &sha256)).await;
        // Somebody else finished it, or brought the same content, at this moment: theirs stands now.
        if matches!(outcome, Err(Refusal::Conflict)) {
            let now = self.reached(center, (document.inquiry_id, document_id)).await?;
            if now.state == "kept" {
                return Ok(Kept { document: now, repeated: false });
            }
            outcome = self.settle(center, &document, (seen, &sha256)).await;
        }
        let kept = outcome?;
        let word = if kept.repeated { "repeated" } else { "kept" };
        self.acceptance.metrics.documents.with_label_values(&[document.door.as_str(), word]).inc();
        if kept.repeated {
            self.drop_parts(center, document_id).await;
        } else {
            self.bell.notify_one();
        }
        Ok(kept)
    }

    /// Reads all parts back, opens them, and looks at what they are together.
    async fn look_through(
        &self,
        center: &str,
        document: &Standing,
    ) -> Result<Result<(Seen, String), DocumentFault>, Refusal> {
        let (mut examiner, mut digest) = (Examiner::default(), Context::new(&SHA256));
        let mut parts = self.parts_of(center, document).await?;
        while let Some(part) = parts.next().await? {
            digest.update(part.expose());
            examiner.push(part.expose());
        }
        let sha256 = hex::encode(digest.finish());
        Ok(match examiner.finish() {
            Err(fault) => Err(fault),
            Ok(seen) if seen.pages.is_some_and(|pages| pages > self.settings.pages) => Err(DocumentFault::TooManyPages),
            Ok(seen) => Ok((seen, sha256)),
        })
    }

    async fn settle(&self, center: &str, document: &Standing, (seen, sha256): (Seen, &str)) -> Result<Kept, Refusal> {
        let (document_id, inquiry_id, kind) = (document.document_id, document.inquiry_id, document.record_kind.clone());
        let (looked_through, message_id) = ((document.parts, document.bytes), document.message_id);
        let content_key = self.content_key(center, inquiry_id, sha256)?;
        let opened = self.open_heading(center, document)?;
        let heading = self.seal_heading(center, document_id, &Heading { sha256: sha256.to_owned(), ..opened })?;
        let (content_type, scan): (DocumentType, _) = (seen.kind, self.scan_of_new());
        let pages = seen.pages.and_then(|pages| i32::try_from(pages).ok()).unwrap_or_default();
        self.database
            .with_tx(center, move |tx| {
                Box::pin(async move {
                    if let Some(standing) = again(tx, (inquiry_id, &content_key), (&kind, message_id)).await? {
                        documents::stands_for(tx, document_id, standing.document_id).await?;
                        return Ok(Kept { document: standing, repeated: true });
                    }
                    let whole = Whole {
                        content_type: content_type.as_str(),
                        pages,
                        scan,
                        heading: &heading,
                        content_key: &content_key,
                        looked_through,
                    };
                    let kept = documents::keep(tx, document_id, &whole).await.map_err(taken)?;
                    // Somebody finished it meanwhile, it grew while it was looked through, or it was swept.
                    let document = kept.ok_or(Refusal::Conflict)?;
                    if super::is_ready(&document) {
                        tell(tx, &document, "");
                    }
                    Ok::<_, Refusal>(Kept { document, repeated: false })
                })
            })
            .await
    }

    /// The document of an inquiry with some content, counted once more if a message brings it that did not before.
    ///
    /// # Errors
    /// It can't be asked for.
    pub async fn came_before(
        &self,
        center: &str,
        inquiry_id: Uuid,
        (sha256, record_kind, message_id): (&str, &str, Uuid),
    ) -> Result<Option<Standing>, Refusal> {
        let (content_key, kind) = (self.content_key(center, inquiry_id, sha256)?, record_kind.to_owned());
        self.database
            .with_tx(center, move |tx| {
                Box::pin(async move {
                    let standing = documents::with_content(tx, inquiry_id, &content_key).await?;
                    match standing {
                        Some(known) if known.message_id != Some(message_id) => {
                            again(tx, (inquiry_id, &content_key), (&kind, Some(message_id))).await
                        }
                        known => Ok(known),
                    }
                })
            })
            .await
    }

    /// Keeps a document that has no bytes here: an address alone, or what nobody could use. Once for the same, which `known_by`
    /// tells. With `parks` its message waits for a person: its sender was told that all is well.
    ///
    /// # Errors
    /// It can't be written.
    pub async fn note(
        &self,
        center: &str,
        inquiry_id: Uuid,
        origin: Origin<'_>,
        (fault, known_by, parks): (Option<DocumentFault>, &str, bool),
    ) -> Result<(), Refusal> {
        let document_id = self.acceptance.clock.new_id();
        let known_by = format!("{known_by}\n{}", origin.heading.address);
        let content_key = self.content_key(center, inquiry_id, &known_by)?;
        let heading = self.seal_heading(center, document_id, &origin.heading)?;
        let (door, feed, kind) = (origin.door, origin.feed.to_owned(), origin.record_kind.to_owned());
        let message_id = origin.message_id;
        self.database
            .with_tx(center, move |tx| {
                Box::pin(async move {
                    let document = NewDocument {
                        document_id,
                        inquiry_id,
                        state: if fault.is_some() { "refused" } else { "wished" },
                        door,
                        feed: &feed,
                        record_kind: &kind,
                        fault: fault.map_or("", DocumentFault::as_str),
                        heading: &heading,
                        content_key: Some(&content_key),
                        message_id,
                    };
                    documents::begin(tx, &document).await?;
                    if parks {
                        super::park(tx, message_id).await?;
                    }
                    Ok::<_, Refusal>(())
                })
            })
            .await
    }

    fn content_key(&self, center: &str, inquiry_id: Uuid, content: &str) -> Result<[u8; 16], Refusal> {
        self.acceptance.sealer.blind(center, CONTENT_KEY, &format!("{inquiry_id}:{content}")).map_err(internal)
    }

    /// Forgets a document that nobody could use, and says why.
    async fn refuse(&self, center: &str, document: &Standing, fault: DocumentFault) -> Refusal {
        self.acceptance.metrics.documents.with_label_values(&[document.door.as_str(), fault.as_str()]).inc();
        self.forget(center, document.document_id, None).await;
        Refusal::Document(fault)
    }

    /// Forgets a document that does not stand, with its bytes: first the rows, then the objects. `resting`: only if it had no news
    /// for so many hours. What can't be forgotten now is swept later.
    pub async fn forget(&self, center: &str, document_id: Uuid, resting: Option<i32>) {
        let forgotten = self.database.with_tx(center, move |tx| {
            Box::pin(async move {
                if !drops(tx, document_id).await? {
                    return Ok(Vec::new());
                }
                // Somebody may have gone on with it since it was looked for.
                if let Some(hours) = resting
                    && !documents::rests(tx, document_id, hours).await?
                {
                    return Ok(Vec::new());
                }
                let objects = documents::objects(tx, document_id).await?;
                documents::forget(tx, document_id).await?;
                Ok::<_, Refusal>(objects)
            })
        });
        self.take_away(center, document_id, forgotten.await).await;
    }

    /// Takes the bytes of a document away for which another stands.
    async fn drop_parts(&self, center: &str, document_id: Uuid) {
        let dropped = self.database.with_tx(center, move |tx| {
            Box::pin(async move {
                if !drops(tx, document_id).await? {
                    return Ok(Vec::new());
                }
                let objects = documents::objects(tx, document_id).await?;
                documents::forget_parts(tx, document_id).await?;
                Ok::<_, Refusal>(objects)
            })
        });
        self.take_away(center, document_id, dropped.await).await;
    }

    async fn take_away(&self, center: &str, document_id: Uuid, objects: Result<Vec<Uuid>, Refusal>) {
        let objects = objects.inspect_err(|cause| debug!(%cause, "forget a document; it is swept later"));
        for object_id in objects.unwrap_or_default() {
            if let Err(cause) = self.vault.remove(center, document_id, object_id).await {
                debug!(%cause, "take an object away that nobody knows; it is swept later");
            }
        }
    }
}

/// Whether a document is one that does not stand; locks it.
async fn drops(tx: &mut causeway_mailbox::Tx, document_id: Uuid) -> Result<bool, Refusal> {
    let found = documents::one(tx, document_id, true).await?;
    Ok(found.is_some_and(|document| ["receiving", "same"].contains(&document.state.as_str())))
}

/// The document with the same content, counted once more. One that nobody had named is named by the repeat, and told anew.
async fn again(
    tx: &mut causeway_mailbox::Tx,
    (inquiry_id, content_key): (Uuid, &[u8]),
    (record_kind, message_id): (&str, Option<Uuid>),
) -> Result<Option<Standing>, Refusal> {
    let Some(standing) = documents::again(tx, inquiry_id, content_key, message_id).await? else { return Ok(None) };
    if !standing.record_kind.is_empty() || record_kind.is_empty() {
        return Ok(Some(standing));
    }
    let Some(named) = documents::name(tx, standing.document_id, record_kind).await? else { return Ok(Some(standing)) };
    if super::is_ready(&named) {
        tell(tx, &named, "");
    }
    Ok(Some(named))
}

fn taken(cause: sqlx::Error) -> Refusal {
    match &cause {
        sqlx::Error::Database(database) if database.is_unique_violation() => Refusal::Conflict,
        _ => cause.into(),
    }
}
