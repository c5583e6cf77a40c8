//! SQL of links between inquiries: listed, and what people said of them.
//!
//! Deliberately not here: which word may be said (domain) and how links are found (people).

use causeway_mailbox::{Ts, Tx};
use uuid::Uuid;

/// A link, seen from one of its inquiries.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct Linked {
    /// From which it is seen.
    pub inquiry_id: Uuid,
    /// The other.
    pub other: Uuid,
    /// How sure it is.
    pub strength: String,
    /// The sum of the weights.
    pub score: i32,
    /// Why.
    pub because: Vec<String>,
    /// What was said of it.
    pub state: String,
    /// Who said it.
    pub decided_by: Option<String>,
    /// When.
    pub decided_at: Option<Ts>,
    /// The other's request number.
    pub reference: String,
    /// When the other came.
    pub received_at: Ts,
    /// What the other asks for.
    pub consult_type: String,
}

/// Links of inquiries, the surest first; of each inquiry not more than `most`, and what a person decided before what is only found.
pub async fn of(tx: &mut Tx, ids: &[Uuid], most: i64) -> Result<Vec<Linked>, sqlx::Error> {
    let center = tx.center().to_owned();
    sqlx::query_as(
        "SELECT asked.id AS inquiry_id, other, strength, score, because, state, decided_by, decided_at, reference, \
            received_at, consult_type \
         FROM unnest($2::uuid[]) AS asked (id) CROSS JOIN LATERAL ( \
            SELECT * FROM (SELECT older AS other, * FROM person_links WHERE center_id = $1 AND newer = asked.id \
                UNION ALL SELECT newer AS other, * FROM person_links WHERE center_id = $1 AND older = asked.id) AS both_ways \
            ORDER BY state = 'open', state = 'different', score DESC, other LIMIT $3) AS link \
         JOIN inquiries ON inquiries.center_id = $1 AND inquiries.inquiry_id = other \
         ORDER BY asked.id, state = 'different', score DESC, other",
    )
    .bind(center)
    .bind(ids)
    .bind(most)
    .fetch_all(tx.conn())
    .await
}

/// Pairs of inquiries as if a link were open between them that nothing speaks for.
pub async fn joined(tx: &mut Tx, pairs: &[(Uuid, Uuid)]) -> Result<Vec<Linked>, sqlx::Error> {
    let center = tx.center().to_owned();
    sqlx::query_as(
        "SELECT pair.id AS inquiry_id, pair.other, 'possible' AS strength, 0 AS score, '{}'::text[] AS because, \
            'open' AS state, NULL::text AS decided_by, NULL::timestamptz AS decided_at, reference, received_at, consult_type \
         FROM unnest($2::uuid[], $3::uuid[]) AS pair (id, other) \
         JOIN inquiries ON inquiries.center_id = $1 AND inquiries.inquiry_id = pair.other \
         ORDER BY pair.id, pair.other",
    )
    .bind(center)
    .bind(pairs.iter().map(|(id, _)| *id).collect::<Vec<_>>())
    .bind(pairs.iter().map(|(_, other)| *other).collect::<Vec<_>>())
    .fetch_all(tx.conn())
    .await
}

/// Lets one transaction at a time say something of a center's links: two words that contradict each other would not see
/// one another.
pub async fn lock(tx: &mut Tx) -> Result<(), sqlx::Error> {
    let center = tx.center().to_owned();
    sqlx::query("SELECT pg_advisory_xact_lock(hashtextextended('person_links ' || $1, 0))")
        .bind(center)
        .execute(tx.conn())
        .await?;
    Ok(())
}

/// All links of which something was said and that touch the people of some inquiries.
pub async fn said(tx: &mut Tx, ids: &[Uuid]) -> Result<Vec<(Uuid, Uuid, String)>, sqlx::Error> {
    let center = tx.center().to_owned();
    sqlx::query_as(
        "WITH RECURSIVE person (id) AS ( \
            SELECT unnest($2::uuid[]) \
            UNION SELECT CASE WHEN link.newer = person.id THEN link.older ELSE link.newer END FROM person \
                CROSS JOIN LATERAL (SELECT newer, older FROM person_links WHERE center_id = $1 AND newer = person.id AND state = 'same' \
                    UNION ALL SELECT newer, older FROM person_links WHERE center_id = $1 AND older = person.id AND state = 'same') \
                AS link) \
         SELECT newer, older, state FROM person_links WHERE center_id = $1 AND state <> 'open' \
            AND newer IN (SELECT id FROM person) \
         UNION SELECT newer, older, state FROM person_links WHERE center_id = $1 AND state <> 'open' \
            AND older IN (SELECT id FROM person)",
    )
    .bind(center)
    .bind(ids)
    .fetch_all(tx.conn())
    .await
}

/// Links two inquiries that no comparison has found, where there is no link of them yet. Nothing speaks for it but a person.
pub async fn link(tx: &mut Tx, (newer, older): (Uuid, Uuid)) -> Result<(), sqlx::Error> {
    let (center, now) = (tx.center().to_owned(), tx.now());
    sqlx::query(
        "INSERT INTO person_links (center_id, newer, older, strength, score, because, found_at) \
         VALUES ($1, $2, $3, 'possible', 0, '{}', $4) ON CONFLICT (center_id, newer, older) DO NOTHING",
    )
    .bind(center)
    .bind(newer)
    .bind(older)
    .bind(Ts(now))
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Forgets a link for which nothing speaks and of which nothing is said any more.
pub async fn forget(tx: &mut Tx, (newer, older): (Uuid, Uuid)) -> Result<(), sqlx::Error> {
    let center = tx.center().to_owned();
    sqlx::query(
        "DELETE FROM person_links \
         WHERE center_id = $1 AND newer = $2 AND older = $3 AND state = 'open' AND because = '{}'",
    )
    .bind(center)
    .bind(newer)
    .bind(older)
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Says something of a link; false where there is none.
pub async fn say(tx: &mut Tx, (newer, older): (Uuid, Uuid), state: &str, by: &str) -> Result<bool, sqlx::Error> {
    let (center, now) = (tx.center().to_owned(), tx.now());
    let done = sqlx::query(
        "UPDATE person_links SET state = $4, decided_by = $5, decided_at = $6 \
         WHERE center_id = $1 AND newer = $2 AND older = $3",
    )
    .bind(center)
    .bind(newer)
    .bind(older)
    .bind(state)
    .bind(by)
    .bind(Ts(now))
    .execute(tx.conn())
    .await?;
    Ok(done.rows_affected() == 1)
}
