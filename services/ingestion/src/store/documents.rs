//! SQL of documents as people and doors see them: begun, grown, kept, listed, matched.
//!
//! Deliberately not here: the work that nobody waits for (document_work), and the bytes (vault).

use causeway_mailbox::{Ts, Tx};
use uuid::Uuid;

/// A document as it stands.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct Standing {
    /// Its id.
    pub document_id: Uuid,
    /// The inquiry.
    pub inquiry_id: Uuid,
    /// How far it is.
    pub state: String,
    /// `patient`, `staff`, `hl7` or `fhir`.
    pub door: String,
    /// The feed that sent it.
    pub feed: String,
    /// Kind by its id in records.toml.
    pub record_kind: String,
    /// What it is by its content.
    pub content_type: String,
    /// Why it was refused.
    pub fault: String,
    /// Whether a scanner has seen it.
    pub scan: String,
    /// Name, title, sum and address, sealed.
    pub heading: Vec<u8>,
    /// Its length.
    pub bytes: i64,
    /// Number of its parts.
    pub parts: i32,
    /// Its pages; 0: not known.
    pub pages: i32,
    /// The document that stands for it.
    pub same_as: Option<Uuid>,
    /// The partner's message that brought it last.
    pub message_id: Option<Uuid>,
    /// How often it came.
    pub times: i32,
    /// Counts its changes.
    pub version: i64,
    /// When it came.
    pub received_at: Ts,
}

/// The columns of a [`Standing`].
macro_rules! columns {
    () => {
        "document_id, inquiry_id, state, door, feed, record_kind, content_type, fault, scan, heading, bytes, parts, pages, \
         same_as, message_id, times, version, received_at"
    };
}

pub(super) use columns;

/// A document whose bytes begin to come, or that has none.
pub struct NewDocument<'a> {
    /// Its id.
    pub document_id: Uuid,
    /// The inquiry.
    pub inquiry_id: Uuid,
    /// `receiving`, `refused` or `wished`.
    pub state: &'a str,
    /// `patient`, `staff`, `hl7` or `fhir`.
    pub door: &'a str,
    /// The feed that sent it.
    pub feed: &'a str,
    /// Kind by its id in records.toml.
    pub record_kind: &'a str,
    /// Why it is refused.
    pub fault: &'a str,
    /// Name, title, sum and address, sealed.
    pub heading: &'a [u8],
    /// Keyed hash of inquiry and content, where it is known by now.
    pub content_key: Option<&'a [u8]>,
    /// The partner's message that brings it.
    pub message_id: Option<Uuid>,
}

/// Notes a document; true where it was not known.
pub async fn begin(tx: &mut Tx, document: &NewDocument<'_>) -> Result<bool, sqlx::Error> {
    let (center, now) = (tx.center().to_owned(), tx.now());
    let written = sqlx::query(
        "INSERT INTO documents (center_id, document_id, inquiry_id, state, door, feed, record_kind, fault, heading, \
            content_key, received_at, message_id, changed_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, now()) ON CONFLICT DO NOTHING",
    )
    .bind(center)
    .bind(document.document_id)
    .bind(document.inquiry_id)
    .bind(document.state)
    .bind(document.door)
    .bind(document.feed)
    .bind(document.record_kind)
    .bind(document.fault)
    .bind(document.heading)
    .bind(document.content_key)
    .bind(Ts(now))
    .bind(document.message_id)
    .execute(tx.conn())
    .await?;
    Ok(written.rows_affected() == 1)
}

/// Lets one transaction at a time count the files of an inquiry: two that begin at once would not see each other.
pub async fn lock(tx: &mut Tx, inquiry_id: Uuid) -> Result<(), sqlx::Error> {
    sqlx::query("SELECT pg_advisory_xact_lock(hashtextextended('documents:' || $1::text, 0))")
        .bind(inquiry_id)
        .execute(tx.conn())
        .await?;
    Ok(())
}

/// How many files a patient has sent for an inquiry: those that are kept, and those that still come.
pub async fn sent(tx: &mut Tx, inquiry_id: Uuid) -> Result<(i64, i64), sqlx::Error> {
    let center = tx.center().to_owned();
    sqlx::query_as(
        "SELECT count(*) FILTER (WHERE state = 'kept'), count(*) FILTER (WHERE state = 'receiving') FROM documents \
         WHERE center_id = $1 AND inquiry_id = $2 AND door = 'patient'",
    )
    .bind(center)
    .bind(inquiry_id)
    .fetch_one(tx.conn())
    .await
}

/// How many documents of an inquiry are kept, whichever door they came by.
pub async fn kept(tx: &mut Tx, inquiry_id: Uuid) -> Result<i64, sqlx::Error> {
    let center = tx.center().to_owned();
    sqlx::query_scalar("SELECT count(*) FROM documents WHERE center_id = $1 AND inquiry_id = $2 AND state = 'kept'")
        .bind(center)
        .bind(inquiry_id)
        .fetch_one(tx.conn())
        .await
}

/// Counts a part to its document; false where the document is not at this point, or not any more.
pub async fn grow(
    tx: &mut Tx,
    document_id: Uuid,
    (part, object_id): (i32, Uuid),
    (offset, length): (i64, i32),
) -> Result<bool, sqlx::Error> {
    let center = tx.center().to_owned();
    let grown = sqlx::query(
        "UPDATE documents SET bytes = bytes + $5, parts = parts + 1, changed_at = now() \
         WHERE center_id = $1 AND document_id = $2 AND state = 'receiving' AND parts = $3 AND bytes = $4",
    )
    .bind(&center)
    .bind(document_id)
    .bind(part)
    .bind(offset)
    .bind(i64::from(length))
    .execute(tx.conn())
    .await?;
    if grown.rows_affected() == 0 {
        return Ok(false);
    }
    sqlx::query(
        "INSERT INTO document_parts (center_id, document_id, part, object_id, bytes) VALUES ($1, $2, $3, $4, $5)",
    )
    .bind(center)
    .bind(document_id)
    .bind(part)
    .bind(object_id)
    .bind(length)
    .execute(tx.conn())
    .await?;
    Ok(true)
}

/// The objects of a document, in the order of its parts.
pub async fn objects(tx: &mut Tx, document_id: Uuid) -> Result<Vec<Uuid>, sqlx::Error> {
    let center = tx.center().to_owned();
    sqlx::query_scalar("SELECT object_id FROM document_parts WHERE center_id = $1 AND document_id = $2 ORDER BY part")
        .bind(center)
        .bind(document_id)
        .fetch_all(tx.conn())
        .await
}

/// Ids of the documents of an inquiry, the newest first; the newest thousand.
pub async fn ids_of(tx: &mut Tx, inquiry_id: Uuid) -> Result<Vec<Uuid>, sqlx::Error> {
    let center = tx.center().to_owned();
    sqlx::query_scalar(
        "SELECT document_id FROM documents WHERE center_id = $1 AND inquiry_id = $2 ORDER BY document_id DESC LIMIT 1000",
    )
    .bind(center)
    .bind(inquiry_id)
    .fetch_all(tx.conn())
    .await
}

/// A document.
pub async fn one(tx: &mut Tx, document_id: Uuid, lock: bool) -> Result<Option<Standing>, sqlx::Error> {
    let center = tx.center().to_owned();
    let sql = match lock {
        false => concat!("SELECT ", columns!(), " FROM documents WHERE center_id = $1 AND document_id = $2"),
        true => concat!("SELECT ", columns!(), " FROM documents WHERE center_id = $1 AND document_id = $2 FOR UPDATE"),
    };
    sqlx::query_as(sql).bind(center).bind(document_id).fetch_optional(tx.conn()).await
}

/// The document of an inquiry with some content.
pub async fn with_content(tx: &mut Tx, inquiry_id: Uuid, content_key: &[u8]) -> Result<Option<Standing>, sqlx::Error> {
    let center = tx.center().to_owned();
    sqlx::query_as(concat!(
        "SELECT ",
        columns!(),
        " FROM documents WHERE center_id = $1 AND inquiry_id = $2 AND content_key = $3 \
         AND state IN ('kept', 'refused', 'wished')"
    ))
    .bind(center)
    .bind(inquiry_id)
    .bind(content_key)
    .fetch_optional(tx.conn())
    .await
}

/// The document of an inquiry with some content, counted once more. `message_id`: what brings it now.
pub async fn again(
    tx: &mut Tx,
    inquiry_id: Uuid,
    content_key: &[u8],
    message_id: Option<Uuid>,
) -> Result<Option<Standing>, sqlx::Error> {
    let center = tx.center().to_owned();
    sqlx::query_as(concat!(
        "UPDATE documents SET times = times + 1, message_id = coalesce($4, message_id), changed_at = now() \
         WHERE center_id = $1 AND inquiry_id = $2 AND content_key = $3 AND state IN ('kept', 'refused', 'wished') \
         RETURNING ",
        columns!()
    ))
    .bind(center)
    .bind(inquiry_id)
    .bind(content_key)
    .bind(message_id)
    .fetch_optional(tx.conn())
    .await
}

/// What is learned of a document when all its bytes are there.
pub struct Whole<'a> {
    /// What it is.
    pub content_type: &'a str,
    /// Its pages; 0: not known.
    pub pages: i32,
    /// `waiting` or `off`.
    pub scan: &'a str,
    /// Name, title and sum, sealed.
    pub heading: &'a [u8],
    /// Keyed hash of inquiry and content.
    pub content_key: &'a [u8],
    /// How many parts and bytes were looked through.
    pub looked_through: (i32, i64),
}

/// All bytes are there: the document stands. Nothing where it is not at this point, or has grown since it was looked through.
///
/// # Errors
/// A unique violation where somebody else brought the same content at this moment.
pub async fn keep(tx: &mut Tx, document_id: Uuid, whole: &Whole<'_>) -> Result<Option<Standing>, sqlx::Error> {
    let center = tx.center().to_owned();
    sqlx::query_as(concat!(
        "UPDATE documents SET state = 'kept', content_type = $3, pages = $4, scan = $5, \
            scan_at = CASE WHEN $5 = 'waiting' THEN now() END, heading = $6, content_key = $7, changed_at = now() \
         WHERE center_id = $1 AND document_id = $2 AND state = 'receiving' AND parts = $8 AND bytes = $9 RETURNING ",
        columns!()
    ))
    .bind(center)
    .bind(document_id)
    .bind(whole.content_type)
    .bind(whole.pages)
    .bind(whole.scan)
    .bind(whole.heading)
    .bind(whole.content_key)
    .bind(whole.looked_through.0)
    .bind(whole.looked_through.1)
    .fetch_optional(tx.conn())
    .await
}

/// Another document stands for this one; its bytes are not needed.
pub async fn stands_for(tx: &mut Tx, document_id: Uuid, same_as: Uuid) -> Result<(), sqlx::Error> {
    let center = tx.center().to_owned();
    sqlx::query(
        "UPDATE documents SET state = 'same', same_as = $3, changed_at = now() \
         WHERE center_id = $1 AND document_id = $2 AND state = 'receiving'",
    )
    .bind(center)
    .bind(document_id)
    .bind(same_as)
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Forgets the parts of a document that does not stand.
pub async fn forget_parts(tx: &mut Tx, document_id: Uuid) -> Result<(), sqlx::Error> {
    let center = tx.center().to_owned();
    sqlx::query("DELETE FROM document_parts WHERE center_id = $1 AND document_id = $2")
        .bind(center)
        .bind(document_id)
        .execute(tx.conn())
        .await?;
    Ok(())
}

/// Whether a document that does not stand has had no news for some hours.
pub async fn rests(tx: &mut Tx, document_id: Uuid, hours: i32) -> Result<bool, sqlx::Error> {
    let center = tx.center().to_owned();
    sqlx::query_scalar(
        "SELECT EXISTS (SELECT FROM documents WHERE center_id = $1 AND document_id = $2 \
         AND changed_at < now() - make_interval(hours => $3))",
    )
    .bind(center)
    .bind(document_id)
    .bind(hours)
    .fetch_one(tx.conn())
    .await
}

/// Whether another document of the inquiry that may be opened is of a kind.
pub async fn others(tx: &mut Tx, document: &Standing, record_kind: &str) -> Result<bool, sqlx::Error> {
    let center = tx.center().to_owned();
    sqlx::query_scalar(
        "SELECT EXISTS (SELECT FROM documents WHERE center_id = $1 AND inquiry_id = $2 AND document_id <> $3 \
         AND record_kind = $4 AND state = 'kept' AND scan IN ('clean', 'off'))",
    )
    .bind(center)
    .bind(document.inquiry_id)
    .bind(document.document_id)
    .bind(record_kind)
    .fetch_one(tx.conn())
    .await
}

/// Forgets a document that does not stand, with what is known of its parts.
pub async fn forget(tx: &mut Tx, document_id: Uuid) -> Result<(), sqlx::Error> {
    let center = tx.center().to_owned();
    sqlx::query("DELETE FROM documents WHERE center_id = $1 AND document_id = $2 AND state IN ('receiving', 'same')")
        .bind(center)
        .bind(document_id)
        .execute(tx.conn())
        .await?;
    Ok(())
}

/// Documents of an inquiry that stand, the newest first; `own`: what the patient sent alone.
pub async fn list(tx: &mut Tx, inquiry_id: Uuid, own: bool, most: i64) -> Result<Vec<Standing>, sqlx::Error> {
    let center = tx.center().to_owned();
    sqlx::query_as(LIST).bind(center).bind(inquiry_id).bind(own).bind(most).fetch_all(tx.conn()).await
}

/// The statement of [`list`].
pub const LIST: &str = concat!(
    "SELECT ",
    columns!(),
    " FROM documents WHERE center_id = $1 AND inquiry_id = $2 AND state IN ('kept', 'refused', 'wished') \
         AND (NOT $3 OR door = 'patient') ORDER BY document_id DESC LIMIT $4"
);

/// Says which line of the checklist a document is; nothing where it does not stand.
pub async fn name(tx: &mut Tx, document_id: Uuid, record_kind: &str) -> Result<Option<Standing>, sqlx::Error> {
    let center = tx.center().to_owned();
    sqlx::query_as(concat!(
        "UPDATE documents SET record_kind = $3, version = version + 1, changed_at = now() \
         WHERE center_id = $1 AND document_id = $2 AND state IN ('kept', 'wished') AND record_kind <> $3 RETURNING ",
        columns!()
    ))
    .bind(center)
    .bind(document_id)
    .bind(record_kind)
    .fetch_optional(tx.conn())
    .await
}
