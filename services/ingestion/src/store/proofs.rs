//! SQL of the proofs of work that were used.
//!
//! Deliberately not here: whether a proof holds (the handler).

use causeway_mailbox::{Ts, Tx};
use jiff::Timestamp;

/// Uses a proof; gives who has used it, which is whoever came first.
pub async fn take(tx: &mut Tx, (proof, expires): (&[u8], Timestamp), used_by: &[u8]) -> Result<Vec<u8>, sqlx::Error> {
    let center = tx.center().to_owned();
    sqlx::query_scalar(
        "INSERT INTO proofs_used AS known (center_id, proof, used_by, expires_at) VALUES ($1, $2, $3, $4) \
         ON CONFLICT (center_id, proof) DO UPDATE SET used_by = known.used_by RETURNING used_by",
    )
    .bind(center)
    .bind(proof)
    .bind(used_by)
    .bind(Ts(expires))
    .fetch_one(tx.conn())
    .await
}

/// Forgets proofs whose time is over: they would not be taken again anyway.
pub const FORGET: &str = "DELETE FROM proofs_used WHERE center_id = $1 AND expires_at < $2";

/// The same, now.
pub async fn forget(tx: &mut Tx, now: Timestamp) -> Result<(), sqlx::Error> {
    let center = tx.center().to_owned();
    sqlx::query(FORGET).bind(center).bind(Ts(now)).execute(tx.conn()).await?;
    Ok(())
}
