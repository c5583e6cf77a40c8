//! SQL of what an office can ask about its referrals. Every question is about one feed, which sees nothing of another one.
//!
//! Deliberately not here: how an answer is written (adapters).

use causeway_mailbox::{Ts, Tx};
use jiff::Timestamp;
use uuid::Uuid;

/// What is known of a referral.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct Known {
    /// The inquiry that stands for it.
    pub inquiry_id: Uuid,
    /// Our number of it.
    pub reference: String,
    /// When it came.
    pub received_at: Ts,
    /// When something of it changed last.
    pub changed_at: Ts,
    /// Grows with each change.
    pub version: i64,
    /// Some answers could not be read.
    pub is_mended: bool,
    /// A withdrawal waits for a person.
    pub is_withdrawn: bool,
    /// Another change waits for a person.
    pub is_changed: bool,
    /// A person has dealt with its withdrawal.
    pub is_cancelled: bool,
    /// It came as the answers of a form.
    pub is_form: bool,
}

/// Those of the inquiries that a feed has sent.
pub async fn of_feed(tx: &mut Tx, feed: &str, ids: &[Uuid]) -> Result<Vec<Known>, sqlx::Error> {
    let center = tx.center().to_owned();
    sqlx::query_as(
        "SELECT inquiry_id, reference, inquiries.received_at, max(changed_at) AS changed_at, \
            count(*) + count(*) FILTER (WHERE state = 'settled') AS version, needs_repair AS is_mended, \
            bool_or(state = 'parked' AND reason = 'referral_cancelled') AS is_withdrawn, \
            bool_or(state = 'parked' AND reason <> 'referral_cancelled') AS is_changed, \
            bool_or(state = 'settled' AND reason = 'referral_cancelled') AS is_cancelled, \
            bool_or(kind = 'QuestionnaireResponse') AS is_form \
         FROM messages JOIN inquiries USING (center_id, inquiry_id) \
         WHERE center_id = $1 AND feed = $2 AND inquiry_id = ANY($3) \
         GROUP BY inquiry_id, reference, inquiries.received_at, needs_repair",
    )
    .bind(center)
    .bind(feed)
    .bind(ids)
    .fetch_all(tx.conn())
    .await
}

/// Which changes are asked for.
#[derive(Debug, Clone, Copy)]
pub struct Span {
    /// From this moment on.
    pub from: Timestamp,
    /// Before this moment.
    pub until: Timestamp,
    /// After this change: where the page before ended.
    pub after: (Timestamp, Uuid),
}

/// The newest change of each inquiry of a feed, the oldest first: inquiry, when, and the message that tells one change from
/// another of the same moment.
pub async fn news(tx: &mut Tx, feed: &str, span: Span, most: i64) -> Result<Vec<(Uuid, Ts, Uuid)>, sqlx::Error> {
    let center = tx.center().to_owned();
    sqlx::query_as(
        "SELECT inquiry_id, changed_at, message_id FROM messages AS newest \
         WHERE center_id = $1 AND feed = $2 AND inquiry_id IS NOT NULL AND changed_at >= $3 AND changed_at < $4 \
            AND (changed_at, message_id) > ($5, $6) \
            AND NOT EXISTS (SELECT FROM messages AS later WHERE later.center_id = $1 AND later.feed = $2 \
                AND later.inquiry_id = newest.inquiry_id \
                AND (later.changed_at, later.message_id) > (newest.changed_at, newest.message_id)) \
         ORDER BY changed_at, message_id LIMIT $7",
    )
    .bind(center)
    .bind(feed)
    .bind(Ts(span.from))
    .bind(Ts(span.until))
    .bind(Ts(span.after.0))
    .bind(span.after.1)
    .bind(most)
    .fetch_all(tx.conn())
    .await
}
