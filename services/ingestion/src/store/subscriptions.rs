//! SQL of who wants to hear of changed Tasks, and of the events that are told them.
//!
//! Events are counted in the transaction of the change, so that a number stands for a change and none is left out. Every
//! question is about one feed, which sees nothing of another one. Deliberately not here: the sending (hooks).

use causeway_mailbox::{Ts, Tx};
use jiff::Timestamp;
use uuid::Uuid;

/// A subscription that stands.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct Stored {
    /// Its id.
    pub subscription_id: Uuid,
    /// Whose it is.
    pub feed: String,
    /// `requested`, `active`, `error` or `off`.
    pub state: String,
    /// Why it is in error.
    pub reason: String,
    /// Statuses that are asked for; empty: any.
    pub statuses: Vec<String>,
    /// `empty` or `id-only`.
    pub content: String,
    /// Address of the door as the subscriber uses it.
    pub base: String,
    /// Seconds between two signs of life.
    pub heartbeat_seconds: Option<i32>,
    /// Seconds that the endpoint may take.
    pub timeout_seconds: i32,
    /// Most events in one notification.
    pub most_events: i32,
    /// Nothing is sent after this moment.
    pub ends_at: Option<Ts>,
    /// Endpoint, headers and secret, sealed.
    pub sealed: Vec<u8>,
    /// Grows with each change.
    pub version: i64,
    /// When it changed last.
    pub changed_at: Ts,
    /// Number of the last event.
    pub events: i64,
    /// Number of the last event that the endpoint took.
    pub delivered: i64,
    /// Tries in a row that failed.
    pub failures: i32,
    /// Which try it is.
    pub tries: i64,
    /// Its endpoint has answered a handshake once.
    pub answered: bool,
}

/// The columns of [`Stored`].
macro_rules! columns {
    () => {
        "subscription_id, feed, state, reason, statuses, content, base, heartbeat_seconds, timeout_seconds, most_events, \
            ends_at, sealed, version, changed_at, events, delivered, failures, tries, answered"
    };
}
pub(super) use columns;

/// What a subscriber asks for, as it is written.
pub struct Asked<'a> {
    /// Its id.
    pub subscription_id: Uuid,
    /// Whose it is.
    pub feed: &'a str,
    /// Keyed hash of what is asked for.
    pub same: &'a [u8],
    /// Statuses that are asked for.
    pub statuses: Vec<&'static str>,
    /// `empty` or `id-only`.
    pub content: &'static str,
    /// Address of the door as the subscriber uses it.
    pub base: &'a str,
    /// Seconds between two signs of life.
    pub heartbeat_seconds: Option<i32>,
    /// Seconds that the endpoint may take.
    pub timeout_seconds: i32,
    /// Most events in one notification.
    pub most_events: i32,
    /// Nothing is sent after this moment.
    pub ends_at: Option<Timestamp>,
    /// Endpoint, headers and secret, sealed.
    pub sealed: &'a [u8],
}

/// Lets one transaction at a time say what a feed is subscribed to, and gives what it is.
pub async fn of_feed(tx: &mut Tx, feed: &str) -> Result<Vec<Stored>, sqlx::Error> {
    let center = tx.center().to_owned();
    sqlx::query("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))")
        .bind(format!("subscriptions:{center}:{feed}"))
        .execute(tx.conn())
        .await?;
    list(tx, feed).await
}

/// The subscriptions of a feed, the oldest first.
pub async fn list(tx: &mut Tx, feed: &str) -> Result<Vec<Stored>, sqlx::Error> {
    let center = tx.center().to_owned();
    sqlx::query_as(concat!(
        "SELECT ",
        columns!(),
        " FROM subscriptions WHERE center_id = $1 AND feed = $2 ORDER BY subscription_id"
    ))
    .bind(center)
    .bind(feed)
    .fetch_all(tx.conn())
    .await
}

/// The one of a feed that asks for the same.
pub async fn same(tx: &mut Tx, feed: &str, same: &[u8]) -> Result<Option<Uuid>, sqlx::Error> {
    let center = tx.center().to_owned();
    sqlx::query_scalar("SELECT subscription_id FROM subscriptions WHERE center_id = $1 AND feed = $2 AND same = $3")
        .bind(center)
        .bind(feed)
        .bind(same)
        .fetch_optional(tx.conn())
        .await
}

/// One of a feed's.
pub async fn one(tx: &mut Tx, feed: &str, id: Uuid) -> Result<Option<Stored>, sqlx::Error> {
    let center = tx.center().to_owned();
    sqlx::query_as(concat!(
        "SELECT ",
        columns!(),
        " FROM subscriptions WHERE center_id = $1 AND subscription_id = $2 AND feed = $3"
    ))
    .bind(center)
    .bind(id)
    .bind(feed)
    .fetch_optional(tx.conn())
    .await
}

/// Writes a new one, or one anew, whose endpoint has to answer a handshake. Its number of events stays, and a try that is under
/// way changes nothing any more.
pub async fn ask(tx: &mut Tx, asked: &Asked<'_>) -> Result<Stored, sqlx::Error> {
    let (center, now) = (tx.center().to_owned(), tx.now());
    sqlx::query_as(concat!(
        "INSERT INTO subscriptions (center_id, subscription_id, feed, same, state, statuses, content, base, heartbeat_seconds, \
            timeout_seconds, most_events, ends_at, sealed, created_at, changed_at, next_try_at) \
         VALUES ($1, $2, $3, $4, 'requested', $5, $6, $7, $8, $9, $10, $11, $12, $13, $13, now()) \
         ON CONFLICT (center_id, subscription_id) DO UPDATE SET same = excluded.same, state = 'requested', reason = '', \
            statuses = excluded.statuses, content = excluded.content, base = excluded.base, \
            heartbeat_seconds = excluded.heartbeat_seconds, timeout_seconds = excluded.timeout_seconds, \
            most_events = excluded.most_events, ends_at = excluded.ends_at, sealed = excluded.sealed, \
            changed_at = excluded.changed_at, version = subscriptions.version + 1, failures = 0, \
            tries = subscriptions.tries + 1, lease_until = NULL, next_try_at = now() \
         RETURNING ",
        columns!()
    ))
    .bind(center)
    .bind(asked.subscription_id)
    .bind(asked.feed)
    .bind(asked.same)
    .bind(&asked.statuses)
    .bind(asked.content)
    .bind(asked.base)
    .bind(asked.heartbeat_seconds)
    .bind(asked.timeout_seconds)
    .bind(asked.most_events)
    .bind(asked.ends_at.map(Ts))
    .bind(asked.sealed)
    .bind(Ts(now))
    .fetch_one(tx.conn())
    .await
}

/// Puts one into a state in which nothing is sent (`off`, `error`), or asks for a handshake again (`requested`).
pub async fn put(tx: &mut Tx, id: Uuid, state: &str, reason: &str) -> Result<Option<Stored>, sqlx::Error> {
    let (center, now) = (tx.center().to_owned(), tx.now());
    sqlx::query_as(concat!(
        "UPDATE subscriptions SET state = $3, reason = $4, version = version + 1, changed_at = $5, tries = tries + 1, \
            failures = 0, lease_until = NULL, next_try_at = CASE WHEN $3 = 'requested' THEN now() END \
         WHERE center_id = $1 AND subscription_id = $2 RETURNING ",
        columns!()
    ))
    .bind(center)
    .bind(id)
    .bind(state)
    .bind(reason)
    .bind(Ts(now))
    .fetch_optional(tx.conn())
    .await
}

/// Takes one of a feed's away with all its events.
pub async fn delete(tx: &mut Tx, feed: &str, id: Uuid) -> Result<bool, sqlx::Error> {
    let center = tx.center().to_owned();
    let gone = sqlx::query("DELETE FROM subscriptions WHERE center_id = $1 AND subscription_id = $2 AND feed = $3")
        .bind(&center)
        .bind(id)
        .bind(feed)
        .execute(tx.conn())
        .await?;
    if gone.rows_affected() > 0 {
        sqlx::query("DELETE FROM subscription_events WHERE center_id = $1 AND subscription_id = $2")
            .bind(center)
            .bind(id)
            .execute(tx.conn())
            .await?;
    }
    Ok(gone.rows_affected() > 0)
}

/// Those of the feeds that have a subscription.
pub async fn listening(tx: &mut Tx, feeds: &[&str]) -> Result<Vec<String>, sqlx::Error> {
    let center = tx.center().to_owned();
    sqlx::query_scalar(LISTENING).bind(center).bind(feeds).fetch_all(tx.conn()).await
}

/// See [`listening`]; a test asks for its plan, as for the two below.
pub const LISTENING: &str =
    "SELECT DISTINCT feed FROM subscriptions WHERE center_id = $1 AND feed = ANY($2) AND state <> 'off'";

/// Counts changed Tasks for who wants to hear of them: feed, inquiry and status each. What is being sent is not hurried, and what
/// failed waits for its time. Rows are locked in order, so that two never wait for each other in a circle.
pub async fn count(tx: &mut Tx, changed: &[(String, Uuid, &'static str)]) -> Result<u64, sqlx::Error> {
    let (center, now) = (tx.center().to_owned(), tx.now());
    let done = sqlx::query(COUNT)
        .bind(center)
        .bind(changed.iter().map(|one| one.0.as_str()).collect::<Vec<_>>())
        .bind(changed.iter().map(|one| one.1).collect::<Vec<_>>())
        .bind(changed.iter().map(|one| one.2).collect::<Vec<_>>())
        .bind(Ts(now))
        .execute(tx.conn())
        .await?;
    Ok(done.rows_affected())
}

/// See [`count`].
pub const COUNT: &str = "WITH changed AS (SELECT * FROM unnest($2::text[], $3::uuid[], $4::text[]) WITH ORDINALITY \
                AS t (feed, inquiry_id, status, place)), \
            listening AS (SELECT subscription_id, feed, statuses FROM subscriptions \
                WHERE center_id = $1 AND feed = ANY($2) AND state <> 'off' AND (ends_at IS NULL OR ends_at > $5) \
                ORDER BY subscription_id FOR UPDATE), \
            matched AS (SELECT subscription_id, inquiry_id, \
                    row_number() OVER (PARTITION BY subscription_id ORDER BY place) AS nth \
                FROM listening JOIN changed USING (feed) WHERE cardinality(statuses) = 0 OR status = ANY(statuses)), \
            counted AS (UPDATE subscriptions SET events = events + more, \
                    next_try_at = CASE WHEN state = 'active' AND failures = 0 AND lease_until IS NULL THEN now() \
                        ELSE next_try_at END \
                FROM (SELECT subscription_id AS id, count(*) AS more FROM matched GROUP BY subscription_id) AS by_id \
                WHERE center_id = $1 AND subscription_id = id RETURNING subscription_id, events - more AS before) \
         INSERT INTO subscription_events (center_id, subscription_id, number, inquiry_id, at) \
         SELECT $1, subscription_id, before + nth, inquiry_id, $5 FROM matched JOIN counted USING (subscription_id)";

/// Events of a subscription from one number to another, the first ones of them.
pub async fn events(
    tx: &mut Tx,
    id: Uuid,
    (from, until): (i64, i64),
    most: i64,
) -> Result<Vec<(i64, Uuid, Ts)>, sqlx::Error> {
    let center = tx.center().to_owned();
    sqlx::query_as(EVENTS).bind(center).bind(id).bind(from).bind(until).bind(most).fetch_all(tx.conn()).await
}

/// See [`events`].
pub const EVENTS: &str = "SELECT number, inquiry_id, at FROM subscription_events \
     WHERE center_id = $1 AND subscription_id = $2 AND number BETWEEN $3 AND $4 ORDER BY number LIMIT $5";

/// All of a center, for operators.
pub async fn all(tx: &mut Tx) -> Result<Vec<Stored>, sqlx::Error> {
    let center = tx.center().to_owned();
    sqlx::query_as(concat!(
        "SELECT ",
        columns!(),
        " FROM subscriptions WHERE center_id = $1 ORDER BY feed, subscription_id"
    ))
    .bind(center)
    .fetch_all(tx.conn())
    .await
}
