//! The inbox: which events this service has dealt with.

use bytes::{BufMut as _, Bytes, BytesMut};
use sqlx::PgPool;
use uuid::Uuid;

use crate::tx::Tx;

/// Takes events in, and gives those that are new.
pub(crate) async fn take(tx: &mut Tx, ids: &[Uuid]) -> Result<Vec<Uuid>, sqlx::Error> {
    let center = tx.center().to_owned();
    sqlx::query_scalar(
        "INSERT INTO inbox (event_id, center_id) SELECT DISTINCT id, $2 FROM unnest($1::uuid[]) AS id \
         ON CONFLICT DO NOTHING RETURNING event_id",
    )
    .bind(ids)
    .bind(center)
    .fetch_all(tx.conn())
    .await
}

/// Gives events back that could not be dealt with yet.
pub(crate) async fn put_back(tx: &mut Tx, ids: &[Uuid]) -> Result<(), sqlx::Error> {
    sqlx::query("DELETE FROM inbox WHERE event_id = ANY($1)").bind(ids).execute(tx.conn()).await?;
    Ok(())
}

/// Those of the ids that this service has not dealt with.
pub(crate) async fn missing(pool: &PgPool, ids: &[Uuid]) -> Result<Vec<Uuid>, sqlx::Error> {
    sqlx::query_scalar(
        "SELECT id FROM unnest($1::uuid[]) AS id WHERE NOT EXISTS (SELECT 1 FROM inbox WHERE event_id = id)",
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
