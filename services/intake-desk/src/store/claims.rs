//! Whether anything was done about inquiries that somebody took, and when that was last.

use std::collections::{HashMap, HashSet};

use causeway_mailbox::{Ts, Tx};
use jiff::Timestamp;
use uuid::Uuid;

/// Those of the inquiries, each with the moment of a claim, about which a person did something since then: a try, a note, a
/// request, a review, a word on whether it is treated here.
pub async fn touched(tx: &mut Tx, claims: &[(Uuid, Timestamp)]) -> Result<HashSet<(Uuid, Timestamp)>, sqlx::Error> {
    let found: Vec<(Uuid, Ts)> = sqlx::query_as(
        "SELECT claim.inquiry_id, claim.since FROM unnest($1::uuid[], $2::timestamptz[]) AS claim (inquiry_id, since) \
         WHERE EXISTS (SELECT 1 FROM timeline AS line WHERE line.inquiry_id = claim.inquiry_id AND line.at >= claim.since \
            AND (line.kind IN ('attempt', 'note_saved', 'records_requested', 'review', 'scope') \
                OR line.kind = 'record' AND line.actor NOT IN ('', 'ingestion')))",
    )
    .bind(claims.iter().map(|claim| claim.0).collect::<Vec<_>>())
    .bind(claims.iter().map(|claim| Ts(claim.1)).collect::<Vec<_>>())
    .fetch_all(tx.conn())
    .await?;
    Ok(found.into_iter().map(|(inquiry_id, since)| (inquiry_id, since.0)).collect())
}

/// When a person last did something about inquiries; those about which nobody did are left out. Looked for from the newest line back.
pub async fn last_touched(tx: &mut Tx, inquiries: &[Uuid]) -> Result<HashMap<Uuid, Timestamp>, sqlx::Error> {
    let found: Vec<(Uuid, Ts)> = sqlx::query_as(
        "SELECT asked.id, line.at FROM unnest($1::uuid[]) AS asked (id) CROSS JOIN LATERAL \
            (SELECT at FROM timeline WHERE timeline.inquiry_id = asked.id \
                AND (kind IN ('attempt', 'note_saved', 'records_requested', 'review', 'scope') \
                    OR kind = 'record' AND actor NOT IN ('', 'ingestion')) \
             ORDER BY at DESC LIMIT 1) AS line",
    )
    .bind(inquiries)
    .fetch_all(tx.conn())
    .await?;
    Ok(found.into_iter().map(|(inquiry, at)| (inquiry, at.0)).collect())
}
