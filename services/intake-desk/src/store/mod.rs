//! All SQL of the desk. One statement for a whole batch, always inside a transaction of one center.
//!
//! To add a column: the migration, [`inquiry::InquiryRow`], [`inquiry::save`], and [`begin::insert`] where it is known
//! at routing. Deliberately not here: decisions; rows go in and out as the domain's types.

pub mod attempts;
pub mod begin;
pub mod claims;
pub mod drafts;
pub mod inquiry;
pub mod next;
pub mod note;
pub mod quality;
pub mod timeline;
pub mod worklist;

use causeway_mailbox::Tx;
use jiff::Timestamp;
use uuid::Uuid;

use causeway_mailbox::Ts;

/// An idempotency key of a command and what it was used for. It belongs to the person who sent it ([`take_key`]).
#[derive(Debug, Clone)]
pub struct Key {
    /// The command.
    pub command: &'static str,
    /// The caller's key; empty: none.
    pub key: String,
    /// What was asked for.
    pub content: String,
}

/// What is known of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Known {
    /// First use.
    New,
    /// Used for the same: the command has been done.
    Repeated,
    /// Used for something else.
    Reused,
}

/// Takes an actor's key into use. The same key of another actor is another one: what two people send is never a repeat.
/// Who sends it a second time waits here until the first transaction has ended.
pub async fn take_key(tx: &mut Tx, key: &Key, (actor_id, inquiry_id): (&str, Uuid)) -> Result<Known, sqlx::Error> {
    if key.key.is_empty() {
        return Ok(Known::New);
    }
    let (center, now) = (tx.center().to_owned(), tx.now());
    let taken = sqlx::query(
        "INSERT INTO idempotency_keys (center_id, command, actor_id, key, inquiry_id, content, version, at) \
         VALUES ($1, $2, $3, $4, $5, $6, 0, $7) ON CONFLICT DO NOTHING",
    )
    .bind(&center)
    .bind(key.command)
    .bind(actor_id)
    .bind(&key.key)
    .bind(inquiry_id)
    .bind(&key.content)
    .bind(Ts(now))
    .execute(tx.conn())
    .await?;
    if taken.rows_affected() == 1 {
        return Ok(Known::New);
    }
    let (of, content): (Uuid, String) = sqlx::query_as(
        "SELECT inquiry_id, content FROM idempotency_keys \
         WHERE center_id = $1 AND command = $2 AND actor_id = $3 AND key = $4",
    )
    .bind(&center)
    .bind(key.command)
    .bind(actor_id)
    .bind(&key.key)
    .fetch_one(tx.conn())
    .await?;
    Ok(if of == inquiry_id && content == key.content { Known::Repeated } else { Known::Reused })
}

/// Writes down at which version the command with this key left the inquiry.
pub async fn finish_key(tx: &mut Tx, key: &Key, (actor_id, version): (&str, i64)) -> Result<(), sqlx::Error> {
    if key.key.is_empty() {
        return Ok(());
    }
    let center = tx.center().to_owned();
    sqlx::query(
        "UPDATE idempotency_keys SET version = $5 \
         WHERE center_id = $1 AND command = $2 AND actor_id = $3 AND key = $4",
    )
    .bind(center)
    .bind(key.command)
    .bind(actor_id)
    .bind(&key.key)
    .bind(version)
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Writes down one try to reach the person.
pub async fn insert_attempt(
    tx: &mut Tx,
    inquiry_id: Uuid,
    (number, at): (u32, Timestamp),
    (channel, outcome): (&str, &str),
    (actor, within_target): (&str, bool),
    (script, script_version): (&str, &str),
) -> Result<(), sqlx::Error> {
    let center = tx.center().to_owned();
    sqlx::query(
        "INSERT INTO attempts (center_id, inquiry_id, number, at, channel, outcome, actor, within_target, script, script_version) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
    )
    .bind(center)
    .bind(inquiry_id)
    .bind(i32::try_from(number).unwrap_or(i32::MAX))
    .bind(Ts(at))
    .bind(channel)
    .bind(outcome)
    .bind(actor)
    .bind(within_target)
    .bind(script)
    .bind(script_version)
    .execute(tx.conn())
    .await?;
    Ok(())
}
