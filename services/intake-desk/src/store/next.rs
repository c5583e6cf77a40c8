//! The next inquiry for somebody: what is due first of their teams and languages, passed over where another is just taking it.
//!
//! It is one that nobody works, or one that routing chose them for, or a late one that it chose a colleague for who has not begun.
//!
//! Found and taken in two statements: the first reads the heads of the teams' queues through their index, the second locks the
//! first of them that nobody else has locked and that is free still. Deliberately not here: for whom it is (domain).

use causeway_mailbox::{Ts, Tx};
use jiff::SignedDuration;
use uuid::Uuid;

use super::Key;
use crate::domain::Reach;

/// So many heads are looked at first; more where as many people take them at the same moment.
const HEADS: i64 = 64;
/// So often more heads are looked at.
const ROUNDS: u32 = 5;
/// So long before it is due an inquiry is left to nobody for its language any more: who is on duty may be away all the same.
const LEFT_TO_OTHERS_UNTIL: SignedDuration = SignedDuration::from_hours(1);

/// The statement that reads the heads of queues. Parameters: center, teams, languages that are left to others for each of them
/// (with commas), steps that are left to others, due before this it is left to nobody for its language, most, who asks, now.
pub const HEADS_SQL: &str = "SELECT head.inquiry_id FROM (\
     (SELECT one.inquiry_id, one.due_at FROM unnest($2::text[], $3::text[]) AS mine (team, not_mine) CROSS JOIN LATERAL (\
        (SELECT i.inquiry_id, i.due_at FROM inquiries AS i \
        WHERE i.center_id = $1 AND i.open AND i.owner = '' AND i.team = mine.team AND NOT (i.next_action = ANY($4)) \
            AND (i.due_at < $5 OR NOT (i.language = ANY(string_to_array(mine.not_mine, ',')))) \
        ORDER BY i.due_at, i.inquiry_id LIMIT $6) \
        UNION ALL (SELECT i.inquiry_id, i.due_at FROM inquiries AS i \
        WHERE i.center_id = $1 AND i.open AND i.chosen AND i.team = mine.team AND NOT (i.next_action = ANY($4)) \
            AND i.due_at < $8 ORDER BY i.due_at, i.inquiry_id LIMIT $6)) AS one) \
     UNION ALL (SELECT i.inquiry_id, i.due_at FROM inquiries AS i \
        WHERE i.center_id = $1 AND i.open AND i.owner = $7 AND i.owner <> '' AND i.chosen AND i.team = ANY($2) \
            AND NOT (i.next_action = ANY($4)) ORDER BY i.due_at, i.inquiry_id LIMIT $6)) AS head \
     ORDER BY head.due_at, head.inquiry_id LIMIT $6";

/// Parameters: the heads, who asks, now.
const TAKE: &str = "SELECT inquiry_id FROM inquiries WHERE inquiry_id = ANY($1) AND open \
        AND (owner = '' OR chosen AND (owner = $2 OR due_at < $3)) \
     ORDER BY due_at, inquiry_id LIMIT 1 FOR UPDATE SKIP LOCKED";

/// Locks the first one that is free for somebody; nothing where there is none. What is a step of others is not given out.
pub async fn take(tx: &mut Tx, me: &str, mine: &[Reach], not_mine: &[&str]) -> Result<Option<Uuid>, sqlx::Error> {
    let (center, now) = (tx.center().to_owned(), tx.now());
    let teams: Vec<&str> = mine.iter().map(|reach| reach.team.as_str()).collect();
    let languages: Vec<String> = mine.iter().map(|reach| reach.not_mine.join(",")).collect();
    for round in 0..ROUNDS {
        let heads: Vec<Uuid> = sqlx::query_scalar(HEADS_SQL)
            .bind(&center)
            .bind(&teams)
            .bind(&languages)
            .bind(not_mine)
            .bind(Ts(now + LEFT_TO_OTHERS_UNTIL))
            .bind(HEADS << round)
            .bind(me)
            .bind(Ts(now))
            .fetch_all(tx.conn())
            .await?;
        if heads.is_empty() {
            return Ok(None);
        }
        let taken = sqlx::query_scalar(TAKE).bind(&heads).bind(me).bind(Ts(now)).fetch_optional(tx.conn()).await?;
        if taken.is_some() {
            return Ok(taken);
        }
    }
    // Others are taking every one of them at this moment.
    Ok(None)
}

/// Waits until nobody else is being answered under the same key of the same person: two clicks are one wish.
pub async fn one_at_a_time(tx: &mut Tx, key: &Key, actor_id: &str) -> Result<(), sqlx::Error> {
    if key.key.is_empty() {
        return Ok(());
    }
    let whose = format!("{}|{}|{actor_id}|{}", tx.center(), key.command, key.key);
    sqlx::query("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))").bind(whose).execute(tx.conn()).await?;
    Ok(())
}

/// What a key was answered with before: the inquiry, and what was asked for.
pub async fn answered(tx: &mut Tx, key: &Key, actor_id: &str) -> Result<Option<(Uuid, String)>, sqlx::Error> {
    if key.key.is_empty() {
        return Ok(None);
    }
    let center = tx.center().to_owned();
    sqlx::query_as(
        "SELECT inquiry_id, content FROM idempotency_keys \
         WHERE center_id = $1 AND command = $2 AND actor_id = $3 AND key = $4",
    )
    .bind(center)
    .bind(key.command)
    .bind(actor_id)
    .bind(&key.key)
    .fetch_optional(tx.conn())
    .await
}
