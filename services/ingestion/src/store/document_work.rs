//! SQL of the work on documents that nobody waits for: scanned, unpacked from messages, swept.
//!
//! Times run on the database's clock. What a worker takes is pushed on for as long as it may take, so that two never do the same
//! and what a crash left comes again. Deliberately not here: what people see (documents).

use causeway_mailbox::Tx;
use sqlx::PgPool;
use uuid::Uuid;

use super::documents::{Standing, columns};

/// Center and id of documents that wait for the scanner, the oldest first. For the machine's login, which sees all centers.
pub async fn to_scan(machine: &PgPool, most: i64) -> Result<Vec<(String, Uuid)>, sqlx::Error> {
    sqlx::query_as(TO_SCAN).bind(most).fetch_all(machine).await
}

/// The statement of [`to_scan`].
pub const TO_SCAN: &str = "SELECT center_id, document_id FROM documents WHERE scan = 'waiting' AND scan_at <= now() \
     ORDER BY scan_at LIMIT $1";

/// How many documents wait for the scanner, by center, and how many of them have failed before.
pub async fn waiting(machine: &PgPool) -> Result<Vec<(String, i64, i64)>, sqlx::Error> {
    sqlx::query_as(
        "SELECT center_id, count(*), count(*) FILTER (WHERE scan_tries > 0) FROM documents WHERE scan = 'waiting' \
         GROUP BY center_id",
    )
    .fetch_all(machine)
    .await
}

/// Takes a document to be scanned; nothing where another did. If nothing is heard of it, it comes again: first after a moment,
/// and later after an hour at most.
pub async fn take_scan(tx: &mut Tx, document_id: Uuid, seconds: f64) -> Result<Option<Standing>, sqlx::Error> {
    let center = tx.center().to_owned();
    sqlx::query_as(concat!(
        "UPDATE documents SET scan_tries = scan_tries + 1, \
            scan_at = now() + make_interval(secs => greatest($3, least(3600, 15 * power(2, least(scan_tries, 8))))) \
         WHERE center_id = $1 AND document_id = $2 AND scan = 'waiting' AND scan_at <= now() RETURNING ",
        columns!()
    ))
    .bind(center)
    .bind(document_id)
    .bind(seconds)
    .fetch_optional(tx.conn())
    .await
}

/// Notes what the scanner says; nothing where it was said before. Of two that looked at once, the one that found something is
/// right.
pub async fn scanned(tx: &mut Tx, document_id: Uuid, scan: &str) -> Result<Option<Standing>, sqlx::Error> {
    let center = tx.center().to_owned();
    sqlx::query_as(concat!(
        "UPDATE documents SET scan = $3, scan_at = NULL, changed_at = now() \
         WHERE center_id = $1 AND document_id = $2 AND (scan = 'waiting' OR scan = 'clean' AND $3 = 'infected') RETURNING ",
        columns!()
    ))
    .bind(center)
    .bind(document_id)
    .bind(scan)
    .fetch_optional(tx.conn())
    .await
}

/// Center and id of documents that were begun and not finished, or for which another stands, without news for some hours.
pub async fn unfinished(machine: &PgPool, hours: i32) -> Result<Vec<(String, Uuid)>, sqlx::Error> {
    sqlx::query_as(UNFINISHED).bind(hours).fetch_all(machine).await
}

/// The statement of [`unfinished`].
pub const UNFINISHED: &str = "SELECT center_id, document_id FROM documents WHERE state IN ('receiving', 'same') \
     AND changed_at < now() - make_interval(hours => $1) ORDER BY changed_at LIMIT 500";

/// Those of some objects that a document knows.
pub async fn known(tx: &mut Tx, objects: &[Uuid]) -> Result<Vec<Uuid>, sqlx::Error> {
    let center = tx.center().to_owned();
    sqlx::query_scalar("SELECT object_id FROM document_parts WHERE center_id = $1 AND object_id = ANY($2)")
        .bind(center)
        .bind(objects)
        .fetch_all(tx.conn())
        .await
}

/// Center and id of messages whose documents are to be unpacked, the oldest first: their inquiry stands, and nothing about it
/// waits for a person to decide whose they are.
pub async fn to_unpack(machine: &PgPool, most: i64) -> Result<Vec<(String, Uuid)>, sqlx::Error> {
    sqlx::query_as(TO_UNPACK).bind(most).fetch_all(machine).await
}

/// The statement of [`to_unpack`].
pub const TO_UNPACK: &str = "SELECT center_id, message_id FROM messages WHERE unpack_at IS NOT NULL AND unpack_at <= now() \
     AND inquiry_id IS NOT NULL AND (state IN ('accepted', 'settled') OR reason = 'attachment') ORDER BY unpack_at LIMIT $1";

/// A message to be unpacked.
#[derive(sqlx::FromRow)]
pub struct ToUnpack {
    /// The inquiry that it is about.
    pub inquiry_id: Uuid,
    /// The feed that sent it.
    pub feed: String,
    /// `accepted`, `parked` or `settled`.
    pub state: String,
    /// A person said that it is of this inquiry.
    pub assigned: bool,
    /// How often this was begun before.
    pub tries: i32,
    /// All of it, sealed.
    pub sealed: Vec<u8>,
}

/// Takes a message to be unpacked. Pushed on, so that what a crash or a fault left comes again: after a minute first, and after an
/// hour at most.
pub async fn take_message(tx: &mut Tx, message_id: Uuid) -> Result<Option<ToUnpack>, sqlx::Error> {
    let center = tx.center().to_owned();
    sqlx::query_as(
        "UPDATE messages SET unpack_tries = unpack_tries + 1, \
            unpack_at = now() + make_interval(secs => least(3600, 60 * power(2, least(unpack_tries, 8)))) \
         WHERE center_id = $1 AND message_id = $2 AND unpack_at <= now() AND inquiry_id IS NOT NULL \
         RETURNING inquiry_id, feed, state, assigned, unpack_tries - 1 AS tries, sealed",
    )
    .bind(center)
    .bind(message_id)
    .fetch_optional(tx.conn())
    .await
}

/// How many messages wait to be unpacked that could not be before, by center. For the machine's login, which sees all centers.
pub async fn not_unpacked(machine: &PgPool) -> Result<Vec<(String, i64)>, sqlx::Error> {
    sqlx::query_as(NOT_UNPACKED).fetch_all(machine).await
}

/// The statement of [`not_unpacked`].
pub const NOT_UNPACKED: &str = "SELECT center_id, count(*) FROM messages WHERE unpack_at IS NOT NULL \
     AND inquiry_id IS NOT NULL AND (state IN ('accepted', 'settled') OR reason = 'attachment') AND unpack_tries > 1 \
     GROUP BY center_id";

/// All documents of a message stand, or none of them is to be.
pub async fn unpacked(tx: &mut Tx, message_id: Uuid) -> Result<(), sqlx::Error> {
    let center = tx.center().to_owned();
    sqlx::query("UPDATE messages SET unpack_at = NULL WHERE center_id = $1 AND message_id = $2")
        .bind(center)
        .bind(message_id)
        .execute(tx.conn())
        .await?;
    Ok(())
}
