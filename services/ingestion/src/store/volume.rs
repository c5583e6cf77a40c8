//! SQL of how much each feed sends, and of the incidents of those that went quiet or flooded us.
//!
//! Nothing is counted while messages come, but repeats, which leave no row: what came since the last look is counted by an index.
//! Deliberately not here: what is usual (domain), and what people see of it (feeds).

use std::collections::HashMap;

use causeway_mailbox::{Ts, Tx};
use jiff::Timestamp;
use uuid::Uuid;

/// Messages of one feed that came in one hour.
#[derive(Debug, sqlx::FromRow)]
pub struct Hour {
    /// The feed.
    pub feed: String,
    /// Beginning of the hour.
    pub hour: Ts,
    /// How many.
    pub messages: i32,
}

/// What came of a feed lately.
#[derive(Debug, sqlx::FromRow)]
pub struct Lately {
    /// The feed.
    pub feed: String,
    /// When the last message came.
    pub last_at: Option<Ts>,
    /// When the feed was first looked at; nothing: it never was.
    pub known_since: Option<Ts>,
    /// How many came within sixty minutes.
    pub seen: i32,
}

/// An incident that stands.
#[derive(Debug, sqlx::FromRow)]
pub struct Standing {
    /// Its id.
    pub incident_id: Uuid,
    /// The feed.
    pub feed: String,
    /// `quiet`, `flood` or `repeats`.
    pub kind: String,
    /// Since when.
    pub opened_at: Ts,
}

/// One feed as it is seen now.
#[derive(Debug, Clone)]
pub struct State {
    /// The feed.
    pub feed: String,
    /// When the last message came.
    pub last_at: Option<Timestamp>,
    /// How many came within sixty minutes.
    pub seen: i32,
    /// How many are usual.
    pub expected: Option<f64>,
    /// How many would have come since the last one.
    pub missed: f64,
}

/// Lets one process at a time look at a center.
pub async fn lock(tx: &mut Tx) -> Result<(), sqlx::Error> {
    let center = tx.center().to_owned();
    sqlx::query("SELECT pg_advisory_xact_lock(hashtextextended('feed volume ' || $1, 0))")
        .bind(center)
        .execute(tx.conn())
        .await?;
    Ok(())
}

/// When the feeds of the center were looked at last.
pub async fn looked_at(tx: &mut Tx) -> Result<Option<Timestamp>, sqlx::Error> {
    let center = tx.center().to_owned();
    let last: Option<Ts> = sqlx::query_scalar("SELECT max(looked_at) FROM feed_states WHERE center_id = $1")
        .bind(center)
        .fetch_one(tx.conn())
        .await?;
    Ok(last.map(|at| at.0))
}

/// What came since `$2` of feeds of messages (`$3`) and of feeds of files (`$4`), as a table.
pub const CAME: &str = "(SELECT feed, received_at FROM messages WHERE center_id = $1 AND received_at >= $2 AND feed = ANY($3) \
    UNION ALL SELECT feed, received_at FROM files WHERE center_id = $1 AND received_at >= $2 AND feed = ANY($4) \
        AND content_key IS NOT NULL) AS came";

/// Counts anew what came in the hours from `since` on, of feeds of messages and of feeds of files.
pub async fn count(tx: &mut Tx, since: Timestamp, (messages, files): (&[&str], &[&str])) -> Result<(), sqlx::Error> {
    let center = tx.center().to_owned();
    let sql = format!(
        "INSERT INTO feed_hours (center_id, feed, hour, messages) \
         SELECT $1, feed, date_trunc('hour', received_at, 'UTC'), count(*) FROM {CAME} GROUP BY 2, 3 \
         ON CONFLICT (center_id, feed, hour) DO UPDATE SET messages = EXCLUDED.messages"
    );
    sqlx::query(sqlx::AssertSqlSafe(sql))
        .bind(center)
        .bind(Ts(since))
        .bind(messages)
        .bind(files)
        .execute(tx.conn())
        .await?;
    Ok(())
}

/// When the last message of each feed came, and how many since `hour_ago`; what was before `since` is known already.
pub async fn lately(
    tx: &mut Tx,
    (since, hour_ago): (Timestamp, Timestamp),
    (messages, files): (&[&str], &[&str]),
) -> Result<Vec<Lately>, sqlx::Error> {
    let center = tx.center().to_owned();
    let sql = format!(
        "SELECT feed, greatest(max(received_at), max(known.last_at)) AS last_at, \
            max(known.known_since) AS known_since, \
            count(received_at) FILTER (WHERE received_at > $5)::integer AS seen \
         FROM unnest($3::text[] || $4::text[]) AS feed LEFT JOIN {CAME} USING (feed) \
         LEFT JOIN (SELECT feed, last_at, known_since FROM feed_states WHERE center_id = $1) AS known USING (feed) GROUP BY feed"
    );
    sqlx::query_as(sqlx::AssertSqlSafe(sql))
        .bind(center)
        .bind(Ts(since))
        .bind(messages)
        .bind(files)
        .bind(Ts(hour_ago))
        .fetch_all(tx.conn())
        .await
}

/// What came of some feeds hour by hour.
pub async fn hours(tx: &mut Tx, since: Timestamp, feeds: &[&str]) -> Result<Vec<Hour>, sqlx::Error> {
    let center = tx.center().to_owned();
    sqlx::query_as("SELECT feed, hour, messages FROM feed_hours WHERE center_id = $1 AND hour >= $2 AND feed = ANY($3)")
        .bind(center)
        .bind(Ts(since))
        .bind(feeds)
        .fetch_all(tx.conn())
        .await
}

/// The statement by which it is found how often one message came again; a test asks for its plan.
pub const REPEATS: &str =
    "SELECT feed, max(repeats) FROM feed_repeats WHERE center_id = $1 AND hour >= $2 GROUP BY feed";

/// How often the message of each feed that came again most often did so, within one of the hours from `since` on.
pub async fn repeats(tx: &mut Tx, since: Timestamp) -> Result<HashMap<String, i32>, sqlx::Error> {
    let center = tx.center().to_owned();
    let rows: Vec<(String, i32)> = sqlx::query_as(REPEATS).bind(center).bind(Ts(since)).fetch_all(tx.conn()).await?;
    Ok(rows.into_iter().collect())
}

/// Forgets repeats of hours before a moment.
pub async fn forget_repeats(tx: &mut Tx, before: Timestamp) -> Result<(), sqlx::Error> {
    let center = tx.center().to_owned();
    sqlx::query("DELETE FROM feed_repeats WHERE center_id = $1 AND hour < $2")
        .bind(center)
        .bind(Ts(before))
        .execute(tx.conn())
        .await?;
    Ok(())
}

/// The incidents that stand.
pub async fn standing(tx: &mut Tx) -> Result<Vec<Standing>, sqlx::Error> {
    let center = tx.center().to_owned();
    sqlx::query_as(
        "SELECT incident_id, feed, kind, opened_at FROM feed_incidents WHERE center_id = $1 AND closed_at IS NULL",
    )
    .bind(center)
    .fetch_all(tx.conn())
    .await
}

/// Opens an incident.
pub async fn open(
    tx: &mut Tx,
    now: Timestamp,
    (incident_id, feed, kind): (Uuid, &str, &str),
    (seen, expected): (i32, f64),
) -> Result<(), sqlx::Error> {
    let center = tx.center().to_owned();
    sqlx::query(
        "INSERT INTO feed_incidents (center_id, incident_id, feed, kind, opened_at, seen, expected) \
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
    )
    .bind(center)
    .bind(incident_id)
    .bind(feed)
    .bind(kind)
    .bind(Ts(now))
    .bind(seen)
    .bind(expected)
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Closes incidents.
pub async fn close(tx: &mut Tx, now: Timestamp, incidents: &[Uuid]) -> Result<(), sqlx::Error> {
    let center = tx.center().to_owned();
    sqlx::query(
        "UPDATE feed_incidents SET closed_at = $2 WHERE center_id = $1 AND incident_id = ANY($3) AND closed_at IS NULL",
    )
    .bind(center)
    .bind(Ts(now))
    .bind(incidents)
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Keeps how the feeds are seen now, and forgets those that are no more.
pub async fn keep(tx: &mut Tx, now: Timestamp, states: &[State]) -> Result<(), sqlx::Error> {
    let center = tx.center().to_owned();
    let feeds: Vec<&str> = states.iter().map(|state| state.feed.as_str()).collect();
    for forget in [
        "DELETE FROM feed_states WHERE center_id = $1 AND feed <> ALL($2)",
        "DELETE FROM feed_credentials WHERE center_id = $1 AND feed <> ALL($2)",
    ] {
        sqlx::query(forget).bind(&center).bind(&feeds).execute(tx.conn()).await?;
    }
    sqlx::query(
        "INSERT INTO feed_states (center_id, feed, last_at, seen, expected, missed, looked_at, known_since) \
         SELECT $1, feed, last_at, seen, expected, missed, $2, $2 \
         FROM unnest($3::text[], $4::timestamptz[], $5::integer[], $6::float8[], $7::float8[]) \
             AS given (feed, last_at, seen, expected, missed) \
         ON CONFLICT (center_id, feed) DO UPDATE SET last_at = EXCLUDED.last_at, seen = EXCLUDED.seen, \
             expected = EXCLUDED.expected, missed = EXCLUDED.missed, looked_at = EXCLUDED.looked_at",
    )
    .bind(&center)
    .bind(Ts(now))
    .bind(&feeds)
    .bind(states.iter().map(|state| state.last_at.map(Ts)).collect::<Vec<_>>())
    .bind(states.iter().map(|state| state.seen).collect::<Vec<_>>())
    .bind(states.iter().map(|state| state.expected).collect::<Vec<_>>())
    .bind(states.iter().map(|state| state.missed).collect::<Vec<_>>())
    .execute(tx.conn())
    .await?;
    Ok(())
}
