//! SQL of notifications on their way: taken on, and settled.
//!
//! A try is committed before anything is sent, with a lease in the database's own time. Who dies meanwhile leaves a row whose
//! lease runs out, and the same is sent again. Only the try that holds the row may settle it. Deliberately not here: who
//! subscribes and what is counted (subscriptions).

use std::time::Duration;

use causeway_mailbox::{Ts, Tx};
use sqlx::PgPool;

use super::subscriptions::{Stored, columns};

/// Feeds with something to send, by center. For the machine's login, which sees all centers.
pub async fn due_feeds(machine: &PgPool) -> Result<Vec<(String, String)>, sqlx::Error> {
    sqlx::query_as(DUE).fetch_all(machine).await
}

/// See [`due_feeds`].
pub const DUE: &str =
    "SELECT DISTINCT center_id, feed FROM subscriptions WHERE next_try_at <= now() ORDER BY center_id, feed";

/// Takes on up to so many of a feed, each for a little longer than its endpoint may take.
pub async fn claim(tx: &mut Tx, feed: &str, most: i64, margin: Duration) -> Result<Vec<Stored>, sqlx::Error> {
    let center = tx.center().to_owned();
    sqlx::query_as(CLAIM).bind(center).bind(most).bind(margin.as_secs_f64()).bind(feed).fetch_all(tx.conn()).await
}

/// See [`claim`]; a test asks for its plan.
pub const CLAIM: &str = concat!(
    "UPDATE subscriptions SET tries = tries + 1, \
        lease_until = now() + make_interval(secs => timeout_seconds + $3::double precision), \
        next_try_at = now() + make_interval(secs => timeout_seconds + $3::double precision) \
     WHERE center_id = $1 AND subscription_id IN (SELECT subscription_id FROM subscriptions \
        WHERE center_id = $1 AND feed = $4 AND next_try_at <= now() ORDER BY next_try_at LIMIT $2 FOR UPDATE SKIP LOCKED) \
     RETURNING ",
    columns!()
);

/// The endpoint took everything up to a number. What came meanwhile goes at once; else it is looked at again for a sign of life, or
/// when it ends.
pub async fn taken(tx: &mut Tx, sub: &Stored, through: i64) -> Result<bool, sqlx::Error> {
    let (center, now) = (tx.center().to_owned(), tx.now());
    let done = sqlx::query(
        "UPDATE subscriptions SET state = 'active', reason = '', failures = 0, answered = true, lease_until = NULL, delivered = $4, \
            version = version + CASE WHEN state = 'active' THEN 0 ELSE 1 END, \
            changed_at = CASE WHEN state = 'active' THEN changed_at ELSE $5 END, \
            next_try_at = CASE WHEN events > $4 THEN now() ELSE least(now() + make_interval(secs => heartbeat_seconds), \
                CASE WHEN ends_at IS NOT NULL THEN greatest(ends_at, now() + interval '1 second') END) END \
         WHERE center_id = $1 AND subscription_id = $2 AND tries = $3",
    )
    .bind(center)
    .bind(sub.subscription_id)
    .bind(sub.tries)
    .bind(through)
    .bind(Ts(now))
    .execute(tx.conn())
    .await?;
    Ok(done.rows_affected() > 0)
}

/// It was not taken: tried again after a while, or no more (`wait` none) until the subscriber asks for it.
pub async fn failed(tx: &mut Tx, sub: &Stored, reason: &str, wait: Option<Duration>) -> Result<bool, sqlx::Error> {
    let (center, now) = (tx.center().to_owned(), tx.now());
    let done = sqlx::query(
        "UPDATE subscriptions SET reason = $4, failures = failures + 1, lease_until = NULL, \
            next_try_at = now() + make_interval(secs => $5::double precision), \
            state = CASE WHEN $5::double precision IS NULL THEN 'error' ELSE state END, \
            version = version + CASE WHEN $5::double precision IS NULL THEN 1 ELSE 0 END, \
            changed_at = CASE WHEN $5::double precision IS NULL THEN $6 ELSE changed_at END \
         WHERE center_id = $1 AND subscription_id = $2 AND tries = $3",
    )
    .bind(center)
    .bind(sub.subscription_id)
    .bind(sub.tries)
    .bind(reason)
    .bind(wait.map(|wait| wait.as_secs_f64()))
    .bind(Ts(now))
    .execute(tx.conn())
    .await?;
    Ok(done.rows_affected() > 0)
}

/// Nothing could be sent for a reason of our own, which is not counted as a failure of the endpoint. After a while the same goes.
pub async fn put_back(tx: &mut Tx, sub: &Stored, wait: Duration) -> Result<bool, sqlx::Error> {
    let center = tx.center().to_owned();
    let done = sqlx::query(
        "UPDATE subscriptions SET lease_until = NULL, next_try_at = now() + make_interval(secs => $4::double precision) \
         WHERE center_id = $1 AND subscription_id = $2 AND tries = $3",
    )
    .bind(center)
    .bind(sub.subscription_id)
    .bind(sub.tries)
    .bind(wait.as_secs_f64())
    .execute(tx.conn())
    .await?;
    Ok(done.rows_affected() > 0)
}

/// How many events wait, by center and feed, and how many subscriptions are in which state. One that an operator stopped is
/// `stopped`, and one whose end has come `off`. For the machine's login.
pub async fn waiting(machine: &PgPool) -> Result<Vec<(String, String, String, i64, i64)>, sqlx::Error> {
    sqlx::query_as(
        "SELECT center_id, feed, CASE WHEN ends_at <= now() THEN 'off' WHEN state = 'error' AND reason = 'stopped' THEN 'stopped' \
            ELSE state END, count(*), sum(events - delivered)::bigint FROM subscriptions GROUP BY 1, 2, 3",
    )
    .fetch_all(machine)
    .await
}
