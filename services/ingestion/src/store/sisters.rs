//! SQL of hand-overs to sister centers: what became of each.

use causeway_mailbox::{Ts, Tx};
use uuid::Uuid;

/// A hand-over: which inquiry, and which of its hand-overs.
pub type Handover = (Uuid, i64);

/// Whether it is known what became of a hand-over.
pub async fn known(tx: &mut Tx, (inquiry_id, number): Handover) -> Result<bool, sqlx::Error> {
    let center = tx.center().to_owned();
    sqlx::query_scalar("SELECT EXISTS (SELECT FROM handovers WHERE center_id = $1 AND inquiry_id = $2 AND number = $3)")
        .bind(center)
        .bind(inquiry_id)
        .bind(number)
        .fetch_one(tx.conn())
        .await
}

/// What became of a hand-over.
pub enum Became<'a> {
    /// The sister's new inquiry and its request number.
    Taken(Uuid, &'a str),
    /// Why it was not taken.
    NotTaken(&'a str),
}

/// Writes down what became of a hand-over to a center.
pub async fn note(
    tx: &mut Tx,
    (inquiry_id, number): Handover,
    to_center: &str,
    became: &Became<'_>,
) -> Result<(), sqlx::Error> {
    let (center, now) = (tx.center().to_owned(), tx.now());
    let (to_inquiry, reference, why) = match became {
        Became::Taken(inquiry, reference) => (Some(*inquiry), *reference, ""),
        Became::NotTaken(why) => (None, "", *why),
    };
    sqlx::query(
        "INSERT INTO handovers (center_id, inquiry_id, number, to_center, to_inquiry_id, to_reference, why, at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
    )
    .bind(center)
    .bind(inquiry_id)
    .bind(number)
    .bind(to_center)
    .bind(to_inquiry)
    .bind(reference)
    .bind(why)
    .bind(Ts(now))
    .execute(tx.conn())
    .await?;
    Ok(())
}
