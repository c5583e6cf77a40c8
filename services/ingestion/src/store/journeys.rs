//! SQL of where the referrals of FHIR and HL7 feeds stand.
//!
//! Deliberately not here: what news does to one (domain), and what an office can ask (referrals).

use std::collections::HashSet;

use causeway_funnel::stage::Stage;
use causeway_mailbox::{Ts, Tx};
use sqlx::Row as _;
use sqlx::postgres::PgRow;
use sqlx::types::Json;
use uuid::Uuid;

use crate::domain::journey::{Journey, Status, Visit};

/// Who sent an inquiry.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct Sent {
    /// The inquiry.
    pub inquiry_id: Uuid,
    /// The feed whose message made it. What a person put to it later did not.
    pub feed: String,
    /// It came by FHIR, so that it has a Task.
    pub is_fhir: bool,
}

/// Who sent inquiries. One that came by no feed is absent.
pub async fn senders(tx: &mut Tx, ids: &[Uuid]) -> Result<Vec<Sent>, sqlx::Error> {
    let center = tx.center().to_owned();
    sqlx::query_as(SENDERS).bind(center).bind(ids).fetch_all(tx.conn()).await
}

/// See [`senders`].
pub const SENDERS: &str = "SELECT m.inquiry_id, (array_agg(m.feed ORDER BY m.message_id))[1] AS feed, \
        coalesce(bool_or(i.source = 'fhir'), false) AS is_fhir \
     FROM messages AS m LEFT JOIN inquiries AS i ON i.center_id = $1 AND i.inquiry_id = m.inquiry_id \
     WHERE m.center_id = $1 AND m.inquiry_id = ANY($2) AND m.inquiry_id IS NOT NULL AND NOT m.assigned GROUP BY m.inquiry_id";

/// Those of which a person has dealt with the withdrawal. Whoever holds their rows (see [`take`]) reads what stays so.
pub async fn called_off(tx: &mut Tx, ids: &[Uuid]) -> Result<HashSet<Uuid>, sqlx::Error> {
    let center = tx.center().to_owned();
    let found: Vec<Uuid> = sqlx::query_scalar(
        "SELECT DISTINCT inquiry_id FROM messages WHERE center_id = $1 AND inquiry_id = ANY($2) AND inquiry_id IS NOT NULL \
            AND state = 'settled' AND reason = 'referral_cancelled'",
    )
    .bind(center)
    .bind(ids)
    .fetch_all(tx.conn())
    .await?;
    Ok(found.into_iter().collect())
}

/// Those of the inquiries that the desk told to be over. One that nothing was heard of goes on.
pub async fn over(tx: &mut Tx, ids: &[Uuid]) -> Result<HashSet<Uuid>, sqlx::Error> {
    let center = tx.center().to_owned();
    let over = [Stage::Closed.as_str(), Stage::Attended.as_str()];
    let found: Vec<Uuid> = sqlx::query_scalar(
        "SELECT inquiry_id FROM referral_states WHERE center_id = $1 AND inquiry_id = ANY($2) AND stage = ANY($3)",
    )
    .bind(center)
    .bind(ids)
    .bind(over.as_slice())
    .fetch_all(tx.conn())
    .await?;
    Ok(found.into_iter().collect())
}

/// Counts a change of Tasks that the center made itself.
pub async fn count(tx: &mut Tx, sent: &[&Sent]) -> Result<(), sqlx::Error> {
    let (center, now) = (tx.center().to_owned(), tx.now());
    sqlx::query(
        "INSERT INTO referral_states (center_id, inquiry_id, feed, version, changed_at) \
         SELECT $1, inquiry_id, feed, 1, $4 FROM unnest($2::uuid[], $3::text[]) AS given (inquiry_id, feed) ORDER BY inquiry_id \
         ON CONFLICT (center_id, inquiry_id) DO UPDATE SET version = referral_states.version + 1, changed_at = excluded.changed_at",
    )
    .bind(center)
    .bind(sent.iter().map(|one| one.inquiry_id).collect::<Vec<_>>())
    .bind(sent.iter().map(|one| one.feed.as_str()).collect::<Vec<_>>())
    .bind(Ts(now))
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Where referrals stand, each with its row locked. Those that nothing was heard of yet begin here.
pub async fn take(tx: &mut Tx, sent: &[Sent]) -> Result<Vec<(Uuid, Journey)>, sqlx::Error> {
    let (center, now) = (tx.center().to_owned(), tx.now());
    let ids: Vec<Uuid> = sent.iter().map(|one| one.inquiry_id).collect();
    // In order, so that two never wait for each other in a circle.
    sqlx::query(
        "INSERT INTO referral_states (center_id, inquiry_id, feed, changed_at) \
         SELECT $1, inquiry_id, feed, $4 FROM unnest($2::uuid[], $3::text[]) AS given (inquiry_id, feed) \
         ORDER BY inquiry_id ON CONFLICT DO NOTHING",
    )
    .bind(&center)
    .bind(&ids)
    .bind(sent.iter().map(|one| one.feed.as_str()).collect::<Vec<_>>())
    .bind(Ts(now))
    .execute(tx.conn())
    .await?;
    let rows = sqlx::query(
        "SELECT inquiry_id, stage, stage_version, reason, visit, visit_version, visit_starts_at, visit_ends_at, status, version, \
            closed_version, off_version, wanted, wanted_version \
         FROM referral_states WHERE center_id = $1 AND inquiry_id = ANY($2) ORDER BY inquiry_id FOR UPDATE",
    )
    .bind(center)
    .bind(ids)
    .fetch_all(tx.conn())
    .await?;
    rows.iter().map(|row| Ok((row.try_get("inquiry_id")?, journey(row)?))).collect()
}

/// Writes down where referrals stand now. One with the version of before has not changed for its office.
pub async fn save(tx: &mut Tx, all: &[(Uuid, Journey)]) -> Result<(), sqlx::Error> {
    let (center, now) = (tx.center().to_owned(), tx.now());
    let times = |of: fn(&Journey) -> Option<Ts>| -> Vec<Option<Ts>> { all.iter().map(|(_, one)| of(one)).collect() };
    let words = |of: fn(&Journey) -> &'static str| -> Vec<&str> { all.iter().map(|(_, one)| of(one)).collect() };
    let numbers = |of: fn(&Journey) -> i64| -> Vec<i64> { all.iter().map(|(_, one)| of(one)).collect() };
    sqlx::query(
        "UPDATE referral_states SET stage = t.stage, stage_version = t.stage_version, reason = t.reason, visit = t.visit, \
            visit_version = t.visit_version, visit_starts_at = t.starts_at, visit_ends_at = t.ends_at, status = t.status, \
            version = t.version, closed_version = t.closed_version, off_version = t.off_version, \
            wanted = ARRAY(SELECT jsonb_array_elements_text(t.wanted)), wanted_version = t.wanted_version, \
            changed_at = CASE WHEN t.version = referral_states.version THEN referral_states.changed_at ELSE $16 END \
         FROM unnest($2::uuid[], $3::text[], $4::bigint[], $5::text[], $6::text[], $7::bigint[], $8::timestamptz[], \
            $9::timestamptz[], $10::text[], $11::bigint[], $12::bigint[], $13::bigint[], $14::jsonb[], $15::bigint[]) \
            AS t (id, stage, stage_version, reason, visit, visit_version, starts_at, ends_at, status, version, closed_version, \
            off_version, wanted, wanted_version) \
         WHERE center_id = $1 AND inquiry_id = t.id",
    )
    .bind(center)
    .bind(all.iter().map(|(id, _)| *id).collect::<Vec<_>>())
    .bind(words(|one| one.stage.as_str()))
    .bind(numbers(|one| one.stage_version))
    .bind(words(|one| one.reason.map_or("", |reason| reason.as_str())))
    .bind(words(|one| one.visit.as_str()))
    .bind(numbers(|one| one.visit_version))
    .bind(times(|one| one.visit_at.map(|at| Ts(at.0))))
    .bind(times(|one| one.visit_at.map(|at| Ts(at.1))))
    .bind(words(|one| one.status.code()))
    .bind(numbers(|one| one.version))
    .bind(numbers(|one| one.closed_version))
    .bind(numbers(|one| one.off_version))
    .bind(all.iter().map(|(_, one)| Json(&one.wanted)).collect::<Vec<_>>())
    .bind(numbers(|one| one.wanted_version))
    .bind(Ts(now))
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Reads where a referral stands from a row with the columns of the table.
pub fn journey(row: &PgRow) -> Result<Journey, sqlx::Error> {
    let unknown =
        |column: &'static str| move || sqlx::Error::Decode(format!("column {column} holds no word of ours").into());
    let word = |column: &str| row.try_get::<&str, _>(column);
    let at = |column: &str| row.try_get::<Option<Ts>, _>(column).map(|at| at.map(|at| at.0));
    let reason = word("reason")?;
    Ok(Journey {
        stage: word("stage")?.parse().map_err(|_| unknown("stage")())?,
        stage_version: row.try_get("stage_version")?,
        reason: if reason.is_empty() { None } else { Some(reason.parse().map_err(|_| unknown("reason")())?) },
        visit: Visit::parse(word("visit")?).ok_or_else(unknown("visit"))?,
        visit_version: row.try_get("visit_version")?,
        visit_at: at("visit_starts_at")?.zip(at("visit_ends_at")?),
        status: Status::parse(word("status")?).ok_or_else(unknown("status"))?,
        version: row.try_get("version")?,
        closed_version: row.try_get("closed_version")?,
        off_version: row.try_get("off_version")?,
        wanted: row.try_get("wanted")?,
        wanted_version: row.try_get("wanted_version")?,
    })
}
