//! The inbox: which messages this service has dealt with as a whole, and which events by themselves.

use bytes::{BufMut as _, Bytes, BytesMut};
use sqlx::PgPool;
use uuid::Uuid;

use crate::tx::Tx;

/// Takes messages and events in, and gives those that are new. Whoever takes in the same one at the same time waits for this
/// transaction. In order, so that two never wait for each other in a circle.
pub(crate) async fn take(tx: &mut Tx, ids: &[Uuid]) -> Result<Vec<Uuid>, sqlx::Error> {
    let center = tx.center().to_owned();
    sqlx::query_scalar(
        "INSERT INTO inbox (id, center_id) SELECT DISTINCT id, $2 FROM unnest($1::uuid[]) AS id ORDER BY id \
         ON CONFLICT DO NOTHING RETURNING id",
    )
    .bind(ids)
    .bind(center)
    .fetch_all(tx.conn())
    .await
}

/// Those of the messages that are torn. Whoever else wants one of them waits for this transaction.
pub(crate) async fn torn(tx: &mut Tx, ids: &[Uuid]) -> Result<Vec<Uuid>, sqlx::Error> {
    sqlx::query_scalar("SELECT id FROM inbox WHERE id = ANY($1) AND torn ORDER BY id FOR UPDATE")
        .bind(ids)
        .fetch_all(tx.conn())
        .await
}

/// Those of the events that were dealt with by themselves.
pub(crate) async fn known(tx: &mut Tx, ids: &[Uuid]) -> Result<Vec<Uuid>, sqlx::Error> {
    sqlx::query_scalar("SELECT id FROM inbox WHERE id = ANY($1)").bind(ids).fetch_all(tx.conn()).await
}

/// Keeps out whoever has a message as a whole, and tears it; `false` where all of it was dealt with.
pub(crate) async fn tear(tx: &mut Tx, id: Uuid) -> Result<bool, sqlx::Error> {
    let center = tx.center().to_owned();
    sqlx::query_scalar(
        "INSERT INTO inbox (id, center_id, torn) VALUES ($1, $2, true) \
         ON CONFLICT (id) DO UPDATE SET torn = inbox.torn RETURNING torn",
    )
    .bind(id)
    .bind(center)
    .fetch_one(tx.conn())
    .await
}

/// Notes of messages whether they are torn.
pub(crate) async fn mark(tx: &mut Tx, ids: &[Uuid], torn: bool) -> Result<(), sqlx::Error> {
    sqlx::query("UPDATE inbox SET torn = $2 WHERE id = ANY($1)").bind(ids).bind(torn).execute(tx.conn()).await?;
    Ok(())
}

/// Gives events back that are not dealt with yet.
pub(crate) async fn put_back(tx: &mut Tx, ids: &[Uuid]) -> Result<(), sqlx::Error> {
    sqlx::query("DELETE FROM inbox WHERE id = ANY($1)").bind(ids).execute(tx.conn()).await?;
    Ok(())
}

/// Those of the ids that this service has not dealt with, or not with all of.
pub(crate) async fn missing(pool: &PgPool, ids: &[Uuid]) -> Result<Vec<Uuid>, sqlx::Error> {
    sqlx::query_scalar(
        "SELECT asked FROM unnest($1::uuid[]) AS asked \
         WHERE NOT EXISTS (SELECT 1 FROM inbox WHERE id = asked AND NOT torn)",
    )
    .bind(ids)
    .fetch_all(pool)
    .await
}

/// Ids as they travel between two machines: sixteen bytes each.
pub(crate) fn pack(ids: &[Uuid]) -> Bytes {
    let mut bytes = BytesMut::with_capacity(ids.len() * 16);
    ids.iter().for_each(|id| bytes.put_slice(id.as_bytes()));
    bytes.freeze()
}

/// The ids in a packed question or answer; `None` where it is none.
pub(crate) fn unpack(bytes: &[u8]) -> Option<Vec<Uuid>> {
    let (chunks, rest) = bytes.as_chunks::<16>();
    rest.is_empty().then(|| chunks.iter().map(|chunk| Uuid::from_bytes(*chunk)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packed_ids_unpack_to_the_same_and_half_an_id_is_refused() {
        let ids = vec![Uuid::from_u128(1), Uuid::from_u128(u128::MAX)];
        assert_eq!(unpack(&pack(&ids)), Some(ids));
        assert_eq!(unpack(&[0; 15]), None);
    }
}
