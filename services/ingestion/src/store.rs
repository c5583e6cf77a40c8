//! All SQL of ingestion. Every statement takes a whole batch as arrays, whatever its size.
//!
//! Deliberately not here: what a clash or a lost race means (writer).

use std::collections::{HashMap, HashSet};

use causeway_mailbox::{Ts, Tx};
use jiff::Timestamp;
use uuid::Uuid;

/// One inquiry as it is written.
pub struct NewInquiry<'a> {
    /// Its id.
    pub inquiry_id: Uuid,
    /// Keyed hashes of its key and of its content; none: nothing to recognise it by.
    pub key: Option<(&'a [u8], &'a [u8])>,
    /// The answer that a repeat gets.
    pub answer: Vec<u8>,
    /// Its request number.
    pub reference: &'a str,
    /// Consult type, for those who count.
    pub consult_type: &'static str,
    /// The door.
    pub source: &'static str,
    /// Not published; waits for a person.
    pub held: bool,
    /// Has answers to mend.
    pub needs_repair: bool,
    /// Encoded facts.
    pub facts: Vec<u8>,
    /// The sealed person.
    pub sealed: &'a [u8],
}

/// Which of a batch were written.
#[derive(Debug, Default)]
pub struct Written {
    /// Those whose key was new.
    pub keys: HashSet<Uuid>,
    /// Those whose inquiry stands now.
    pub inquiries: HashSet<Uuid>,
}

/// An inquiry is written only where its key was new, a person only where its inquiry was: all in one statement, so that
/// a lost race leaves nothing behind. The inserted key waits for a rival's transaction, which makes it safe between
/// processes.
const INSERT: &str = "WITH given AS ( \
        SELECT * FROM unnest($3::uuid[], $4::bytea[], $5::bytea[], $6::bytea[], $7::text[], $8::text[], $9::text[], \
            $10::boolean[], $11::boolean[], $12::bytea[], $13::bytea[]) \
        AS given (inquiry_id, key, content_hash, answer, reference, consult_type, source, held, needs_repair, facts, sealed) \
    ), keyed AS ( \
        INSERT INTO idempotency_keys (center_id, key, content_hash, inquiry_id, answer) \
        SELECT $1, key, content_hash, inquiry_id, answer FROM given WHERE key IS NOT NULL \
        ON CONFLICT DO NOTHING RETURNING inquiry_id \
    ), written AS ( \
        INSERT INTO inquiries (center_id, inquiry_id, reference, received_at, consult_type, source, held, needs_repair, facts) \
        SELECT $1, inquiry_id, reference, $2, consult_type, source, held, needs_repair, facts FROM given \
        WHERE key IS NULL OR inquiry_id IN (SELECT inquiry_id FROM keyed) \
        ON CONFLICT DO NOTHING RETURNING inquiry_id \
    ), people AS ( \
        INSERT INTO people (center_id, inquiry_id, sealed) \
        SELECT $1, inquiry_id, sealed FROM given WHERE inquiry_id IN (SELECT inquiry_id FROM written) \
    ) \
    SELECT inquiry_id, false FROM keyed UNION ALL SELECT inquiry_id, true FROM written";

/// Writes a batch and gives what of it stands.
pub async fn insert(tx: &mut Tx, now: Timestamp, rows: &[NewInquiry<'_>]) -> Result<Written, sqlx::Error> {
    let center = tx.center().to_owned();
    let found: Vec<(Uuid, bool)> = sqlx::query_as(INSERT)
        .bind(center)
        .bind(Ts(now))
        .bind(rows.iter().map(|row| row.inquiry_id).collect::<Vec<_>>())
        .bind(rows.iter().map(|row| row.key.map(|(key, _)| key)).collect::<Vec<_>>())
        .bind(rows.iter().map(|row| row.key.map(|(_, hash)| hash)).collect::<Vec<_>>())
        .bind(rows.iter().map(|row| row.answer.as_slice()).collect::<Vec<_>>())
        .bind(rows.iter().map(|row| row.reference).collect::<Vec<_>>())
        .bind(rows.iter().map(|row| row.consult_type).collect::<Vec<_>>())
        .bind(rows.iter().map(|row| row.source).collect::<Vec<_>>())
        .bind(rows.iter().map(|row| row.held).collect::<Vec<_>>())
        .bind(rows.iter().map(|row| row.needs_repair).collect::<Vec<_>>())
        .bind(rows.iter().map(|row| row.facts.as_slice()).collect::<Vec<_>>())
        .bind(rows.iter().map(|row| row.sealed).collect::<Vec<_>>())
        .fetch_all(tx.conn())
        .await?;
    let mut written = Written::default();
    for (inquiry_id, is_inquiry) in found {
        if is_inquiry {
            written.inquiries.insert(inquiry_id)
        } else {
            written.keys.insert(inquiry_id)
        };
    }
    Ok(written)
}

/// Corrects the kept answers of inquiries that got another request number than the one first tried.
pub async fn correct_answers(tx: &mut Tx, keys: &[&[u8]], answers: &[Vec<u8>]) -> Result<(), sqlx::Error> {
    let center = tx.center().to_owned();
    sqlx::query(
        "UPDATE idempotency_keys AS kept SET answer = given.answer FROM unnest($2::bytea[], $3::bytea[]) AS given (key, answer) \
         WHERE kept.center_id = $1 AND kept.key = given.key",
    )
    .bind(center)
    .bind(keys)
    .bind(answers)
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Frees the keys of inquiries that could not be written, so that they can be sent again.
pub async fn free_keys(tx: &mut Tx, keys: &[&[u8]]) -> Result<(), sqlx::Error> {
    let center = tx.center().to_owned();
    sqlx::query("DELETE FROM idempotency_keys WHERE center_id = $1 AND key = ANY($2)")
        .bind(center)
        .bind(keys)
        .execute(tx.conn())
        .await?;
    Ok(())
}

/// What was kept under keys: keyed hash of the content, and the answer.
pub type Kept = HashMap<Vec<u8>, (Vec<u8>, Vec<u8>)>;

/// What was kept under keys.
pub async fn kept_answers(tx: &mut Tx, keys: &[&[u8]]) -> Result<Kept, sqlx::Error> {
    let center = tx.center().to_owned();
    let rows: Vec<(Vec<u8>, Vec<u8>, Vec<u8>)> =
        sqlx::query_as("SELECT key, content_hash, answer FROM idempotency_keys WHERE center_id = $1 AND key = ANY($2)")
            .bind(center)
            .bind(keys)
            .fetch_all(tx.conn())
            .await?;
    Ok(rows.into_iter().map(|(key, hash, answer)| (key, (hash, answer))).collect())
}

/// Notes answers to mend: inquiry, field and code of the fault.
pub async fn note_repairs(tx: &mut Tx, now: Timestamp, faults: &[(Uuid, &str, &str)]) -> Result<(), sqlx::Error> {
    let center = tx.center().to_owned();
    sqlx::query(
        "INSERT INTO repairs (center_id, inquiry_id, field, code, noted_at) \
         SELECT $1, inquiry_id, field, code, $2 FROM unnest($3::uuid[], $4::text[], $5::text[]) \
         AS given (inquiry_id, field, code) ON CONFLICT DO NOTHING",
    )
    .bind(center)
    .bind(Ts(now))
    .bind(faults.iter().map(|(id, _, _)| *id).collect::<Vec<_>>())
    .bind(faults.iter().map(|(_, field, _)| *field).collect::<Vec<_>>())
    .bind(faults.iter().map(|(_, _, code)| *code).collect::<Vec<_>>())
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// The sealed people of inquiries; those that are not this center's are absent.
pub async fn people(tx: &mut Tx, ids: &[Uuid]) -> Result<Vec<(Uuid, Vec<u8>)>, sqlx::Error> {
    let center = tx.center().to_owned();
    sqlx::query_as("SELECT inquiry_id, sealed FROM people WHERE center_id = $1 AND inquiry_id = ANY($2)")
        .bind(center)
        .bind(ids)
        .fetch_all(tx.conn())
        .await
}

/// The encoded facts of an inquiry.
pub async fn facts(tx: &mut Tx, inquiry_id: Uuid) -> Result<Option<Vec<u8>>, sqlx::Error> {
    let center = tx.center().to_owned();
    sqlx::query_scalar("SELECT facts FROM inquiries WHERE center_id = $1 AND inquiry_id = $2")
        .bind(center)
        .bind(inquiry_id)
        .fetch_optional(tx.conn())
        .await
}

/// Lets go those of the inquiries that are held, and gives them with their encoded facts. Whoever asks at the same time
/// waits, and gets none of them.
pub async fn release(tx: &mut Tx, ids: &[Uuid]) -> Result<Vec<(Uuid, Vec<u8>)>, sqlx::Error> {
    let center = tx.center().to_owned();
    sqlx::query_as(
        "UPDATE inquiries SET held = false WHERE center_id = $1 AND inquiry_id = ANY($2) AND held \
         RETURNING inquiry_id, facts",
    )
    .bind(center)
    .bind(ids)
    .fetch_all(tx.conn())
    .await
}

/// Those of the ids that are inquiries of the center.
pub async fn known(tx: &mut Tx, ids: &[Uuid]) -> Result<Vec<Uuid>, sqlx::Error> {
    let center = tx.center().to_owned();
    sqlx::query_scalar("SELECT inquiry_id FROM inquiries WHERE center_id = $1 AND inquiry_id = ANY($2)")
        .bind(center)
        .bind(ids)
        .fetch_all(tx.conn())
        .await
}
