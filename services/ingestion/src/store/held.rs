//! SQL of why inquiries are held, and what became of them.
//!
//! Deliberately not here: letting one go (the module above).

use causeway_mailbox::{Ts, Tx};
use jiff::Timestamp;
use uuid::Uuid;

/// Notes why inquiries are held: each with its signs, parted by blanks.
pub async fn note(tx: &mut Tx, now: Timestamp, held: &[(Uuid, String)]) -> Result<(), sqlx::Error> {
    let center = tx.center().to_owned();
    sqlx::query(
        "INSERT INTO held_inquiries (center_id, inquiry_id, signs, held_at) \
         SELECT $1, inquiry_id, string_to_array(signs, ' '), $2 FROM unnest($3::uuid[], $4::text[]) \
         AS given (inquiry_id, signs)",
    )
    .bind(center)
    .bind(Ts(now))
    .bind(held.iter().map(|(id, _)| *id).collect::<Vec<_>>())
    .bind(held.iter().map(|(_, signs)| signs.as_str()).collect::<Vec<_>>())
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Says what became of inquiries.
pub async fn settle(
    tx: &mut Tx,
    now: Timestamp,
    ids: &[Uuid],
    (outcome, reason): (&str, &str),
) -> Result<(), sqlx::Error> {
    let center = tx.center().to_owned();
    sqlx::query(
        "UPDATE held_inquiries SET settled_at = $2, outcome = $4, reason = $5 WHERE center_id = $1 AND inquiry_id = ANY($3)",
    )
    .bind(center)
    .bind(Ts(now))
    .bind(ids)
    .bind(outcome)
    .bind(reason)
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Keeps others from saying what becomes of some inquiries. In order, and before the inquiries themselves, so that two never wait
/// for each other in a circle.
pub async fn lock(tx: &mut Tx, ids: &[Uuid]) -> Result<(), sqlx::Error> {
    let center = tx.center().to_owned();
    sqlx::query(
        "SELECT FROM held_inquiries WHERE center_id = $1 AND inquiry_id = ANY($2) ORDER BY inquiry_id FOR UPDATE",
    )
    .bind(center)
    .bind(ids)
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Those of some inquiries that are held and not said to be a machine's, locked.
pub async fn waiting_of(tx: &mut Tx, ids: &[Uuid]) -> Result<Vec<Uuid>, sqlx::Error> {
    let center = tx.center().to_owned();
    sqlx::query_scalar(
        "SELECT inquiry_id FROM held_inquiries WHERE center_id = $1 AND inquiry_id = ANY($2) AND settled_at IS NULL \
         ORDER BY inquiry_id FOR UPDATE",
    )
    .bind(center)
    .bind(ids)
    .fetch_all(tx.conn())
    .await
}

/// The oldest that nobody has looked at, with the time since when they are held.
pub async fn waiting(tx: &mut Tx, most: i64) -> Result<Vec<(Uuid, Ts)>, sqlx::Error> {
    let center = tx.center().to_owned();
    sqlx::query_as(
        "SELECT inquiry_id, held_at FROM held_inquiries WHERE center_id = $1 AND settled_at IS NULL \
         ORDER BY held_at LIMIT $2",
    )
    .bind(center)
    .bind(most)
    .fetch_all(tx.conn())
    .await
}

/// The oldest that nobody has looked at, with their encoded facts and their signs.
pub async fn list(tx: &mut Tx, most: i64) -> Result<Vec<(Uuid, Vec<u8>, Vec<String>)>, sqlx::Error> {
    let center = tx.center().to_owned();
    sqlx::query_as(
        "SELECT inquiry_id, facts, signs FROM held_inquiries JOIN inquiries USING (center_id, inquiry_id) \
         WHERE center_id = $1 AND settled_at IS NULL ORDER BY held_at LIMIT $2",
    )
    .bind(center)
    .bind(most)
    .fetch_all(tx.conn())
    .await
}
