//! Who wants no more messages.

use std::collections::HashMap;

use causeway_mailbox::{Ts, Tx, TxError};
use jiff::Timestamp;
use uuid::Uuid;

use super::claims::{Told, told};
use crate::domain::notice::reason;

/// A wish to hear no more.
pub struct Stop {
    /// The inquiry.
    pub inquiry_id: Uuid,
    /// `email`, `sms` or `all`.
    pub channel: &'static str,
    /// Kind of the one who said so.
    pub actor_kind: &'static str,
    /// Id of the one who said so.
    pub actor_id: String,
}

/// What a stop changed.
pub struct Stopped {
    /// Since when it holds.
    pub since: Timestamp,
    /// It was not known before.
    pub is_new: bool,
    /// The notices that it ended.
    pub ended: Vec<Told>,
}

/// Writes a stop down, for the inquiry and for the addresses that it was reached at, and ends the notices that wait.
pub async fn stop(tx: &mut Tx, stop: &Stop) -> Result<Stopped, TxError> {
    let (center, now) = (tx.center().to_owned(), tx.now());
    let (since, is_new): (Ts, bool) = sqlx::query_as(
        "INSERT INTO inquiry_stops (center_id, inquiry_id, channel, since, actor_kind, actor_id) VALUES ($1, $2, $3, $4, $5, $6) \
         ON CONFLICT (center_id, inquiry_id, channel) DO UPDATE SET since = inquiry_stops.since RETURNING since, xmax = 0",
    )
    .bind(&center)
    .bind(stop.inquiry_id)
    .bind(stop.channel)
    .bind(Ts(now))
    .bind(stop.actor_kind)
    .bind(&stop.actor_id)
    .fetch_one(tx.conn())
    .await?;
    if stop.channel == "sms" {
        return Ok(Stopped { since: since.0, is_new, ended: Vec::new() });
    }
    sqlx::query(
        "INSERT INTO address_stops (center_id, address_token, channel, since) \
         SELECT DISTINCT $1, address_token, $3, $4::timestamptz FROM notices WHERE inquiry_id = $2 AND address_token IS NOT NULL \
         ON CONFLICT (center_id, address_token, channel) DO UPDATE SET since = excluded.since",
    )
    .bind(&center)
    .bind(stop.inquiry_id)
    .bind(stop.channel)
    .bind(Ts(now))
    .execute(tx.conn())
    .await?;
    let ended = sqlx::query(
        "UPDATE notices SET state = 'suppressed', reason = $2, version = version + 1, finished_at = $3 \
         WHERE inquiry_id = $1 AND state = 'intended' AND kind <> 'staff_escalation' \
         RETURNING notice_id, inquiry_id, kind, channel, version, traceparent",
    )
    .bind(stop.inquiry_id)
    .bind(reason::STOPPED)
    .bind(Ts(now))
    .fetch_all(tx.conn())
    .await?;
    Ok(Stopped { since: since.0, is_new, ended: ended.iter().map(told).collect::<Result<_, _>>()? })
}

/// What the person of an inquiry asked for no more of, and since when.
pub async fn said_of(tx: &mut Tx, inquiry_id: Uuid) -> Result<Vec<(String, Timestamp)>, TxError> {
    let center = tx.center().to_owned();
    let found: Vec<(String, Ts)> = sqlx::query_as(
        "SELECT channel, since FROM inquiry_stops WHERE center_id = $1 AND inquiry_id = $2 ORDER BY channel",
    )
    .bind(center)
    .bind(inquiry_id)
    .fetch_all(tx.conn())
    .await?;
    Ok(found.into_iter().map(|(channel, since)| (channel, since.0)).collect())
}

/// By which channels an inquiry's person wants no more messages, said of it or of the address that it was reached at since they consented.
pub async fn of_inquiry(tx: &mut Tx, inquiry_id: Uuid, consented_at: Timestamp) -> Result<Vec<&'static str>, TxError> {
    let center = tx.center().to_owned();
    let found: Vec<String> = sqlx::query_scalar(
        "SELECT channel FROM inquiry_stops WHERE center_id = $1 AND inquiry_id = $2 \
         UNION SELECT a.channel FROM notices AS n \
             JOIN address_stops AS a ON a.center_id = $1 AND a.address_token = n.address_token \
         WHERE n.center_id = $1 AND n.inquiry_id = $2 AND a.since >= $3",
    )
    .bind(center)
    .bind(inquiry_id)
    .bind(Ts(consented_at))
    .fetch_all(tx.conn())
    .await?;
    Ok(["email", "sms", "all"].into_iter().filter(|channel| found.iter().any(|one| one == channel)).collect())
}

/// Since when the owners of these addresses want no e-mail; who is not in the answer has not said so.
pub async fn of_addresses(tx: &mut Tx, tokens: Vec<Vec<u8>>) -> Result<HashMap<Vec<u8>, Timestamp>, TxError> {
    let found: Vec<(Vec<u8>, Ts)> = sqlx::query_as(
        "SELECT address_token, max(since) FROM address_stops WHERE address_token = ANY($1) AND channel IN ('email', 'all') \
         GROUP BY address_token",
    )
    .bind(tokens)
    .fetch_all(tx.conn())
    .await?;
    Ok(found.into_iter().map(|(token, since)| (token, since.0)).collect())
}
