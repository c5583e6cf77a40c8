//! SQL of what an office can ask about its referrals. Every question is about one feed, which sees nothing of another one.
//!
//! Deliberately not here: how an answer is written (adapters).

use causeway_mailbox::{Ts, Tx};
use jiff::Timestamp;
use sqlx::postgres::PgRow;
use sqlx::{FromRow, Row as _};
use uuid::Uuid;

use super::journeys;
use super::messages::Further;
use crate::domain::journey::Journey;

/// What is known of a referral.
#[derive(Debug, Clone)]
pub struct Known {
    /// The inquiry that stands for it.
    pub inquiry_id: Uuid,
    /// Our number of it.
    pub reference: String,
    /// When it came.
    pub received_at: Timestamp,
    /// When something of it changed last.
    pub changed_at: Timestamp,
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
    /// The office's own number of it, sealed, and the message that told it.
    pub number: Option<(Uuid, Vec<u8>)>,
    /// Its further numbers, likewise.
    pub further: Vec<(Uuid, Vec<u8>)>,
    /// Where it stands at the center.
    pub journey: Journey,
}

impl FromRow<'_, PgRow> for Known {
    fn from_row(row: &PgRow) -> Result<Self, sqlx::Error> {
        let journey = journeys::journey(row)?;
        Ok(Self {
            inquiry_id: row.try_get("inquiry_id")?,
            reference: row.try_get("reference")?,
            received_at: row.try_get::<Ts, _>("received_at")?.0,
            changed_at: row.try_get::<Ts, _>("changed_at")?.0,
            version: row.try_get::<i64, _>("messages")? + journey.version,
            is_mended: row.try_get("is_mended")?,
            is_withdrawn: row.try_get("is_withdrawn")?,
            is_changed: row.try_get("is_changed")?,
            is_cancelled: row.try_get("is_cancelled")?,
            is_form: row.try_get("is_form")?,
            number: row.try_get::<Option<Uuid>, _>("numbered_by")?.zip(row.try_get("number")?),
            further: {
                let told_by: Vec<Uuid> = row.try_get("further_by")?;
                told_by.into_iter().zip(row.try_get::<Vec<Vec<u8>>, _>("further")?).collect()
            },
            journey,
        })
    }
}

/// Those of the inquiries that a feed has sent.
pub async fn of_feed(tx: &mut Tx, feed: &str, ids: &[Uuid]) -> Result<Vec<Known>, sqlx::Error> {
    of_feeds(tx, &[feed], ids).await
}

/// Those that any of an office's feeds has sent.
pub async fn of_feeds(tx: &mut Tx, feeds: &[&str], ids: &[Uuid]) -> Result<Vec<Known>, sqlx::Error> {
    let center = tx.center().to_owned();
    sqlx::query_as(
        "SELECT told.*, reference, inquiries.received_at, needs_repair AS is_mended, \
            greatest(told_at, CASE WHEN s.version > 0 THEN s.changed_at END) AS changed_at, \
            coalesce(stage, 'received') AS stage, coalesce(stage_version, 0) AS stage_version, \
            coalesce(s.reason, '') AS reason, coalesce(visit, 'none') AS visit, \
            coalesce(visit_version, 0) AS visit_version, visit_starts_at, visit_ends_at, \
            coalesce(status, 'received') AS status, coalesce(s.version, 0) AS version, \
            coalesce(closed_version, 0) AS closed_version, coalesce(off_version, 0) AS off_version, \
            coalesce(wanted, '{}') AS wanted, coalesce(wanted_version, 0) AS wanted_version, \
            array(SELECT more.message_id FROM referral_numbers AS more WHERE more.center_id = $1 \
                AND more.inquiry_id = told.inquiry_id AND more.number IS NOT NULL ORDER BY more.message_id, more.key) AS further_by, \
            array(SELECT more.number FROM referral_numbers AS more WHERE more.center_id = $1 \
                AND more.inquiry_id = told.inquiry_id AND more.number IS NOT NULL ORDER BY more.message_id, more.key) AS further \
         FROM (SELECT inquiry_id, max(changed_at) AS told_at, \
                count(*) + count(*) FILTER (WHERE state = 'settled') AS messages, \
                bool_or(state = 'parked' AND reason = 'referral_cancelled') AS is_withdrawn, \
                bool_or(state = 'parked' AND reason <> 'referral_cancelled') AS is_changed, \
                bool_or(state = 'settled' AND reason = 'referral_cancelled') AS is_cancelled, \
                (array_agg(kind ORDER BY received_at, message_id))[1] = 'QuestionnaireResponse' AS is_form, \
                (array_agg(number ORDER BY received_at, message_id) FILTER (WHERE number IS NOT NULL))[1] AS number, \
                (array_agg(message_id ORDER BY received_at, message_id) FILTER (WHERE number IS NOT NULL))[1] AS numbered_by \
            FROM messages WHERE center_id = $1 AND feed = ANY($2) AND inquiry_id = ANY($3) GROUP BY inquiry_id) AS told \
         JOIN inquiries ON center_id = $1 AND inquiries.inquiry_id = told.inquiry_id \
         LEFT JOIN referral_states AS s ON s.center_id = $1 AND s.inquiry_id = told.inquiry_id",
    )
    .bind(center)
    .bind(feeds)
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

/// The inquiries of a feed with some of its own numbers, whoever gave them.
pub async fn numbered(tx: &mut Tx, feed: &str, keys: &[&[u8]]) -> Result<Vec<Uuid>, sqlx::Error> {
    let center = tx.center().to_owned();
    sqlx::query_scalar(NUMBERED).bind(center).bind(feed).bind(keys).fetch_all(tx.conn()).await
}

/// See [`numbered`]; a test asks for its plan.
pub const NUMBERED: &str = "SELECT inquiry_id FROM messages \
        WHERE center_id = $1 AND feed = $2 AND number_key = ANY($3) AND inquiry_id IS NOT NULL \
     UNION SELECT inquiry_id FROM referral_numbers WHERE center_id = $1 AND feed = $2 AND number_key = ANY($3)";

/// Notes further numbers of referrals; one that is noted already stays as it is.
pub async fn note_numbers(tx: &mut Tx, told: &[(Uuid, Uuid, &str, &Further)]) -> Result<(), sqlx::Error> {
    let center = tx.center().to_owned();
    sqlx::query(
        "INSERT INTO referral_numbers (center_id, inquiry_id, message_id, feed, key, number_key, number) \
         SELECT $1, inquiry_id, message_id, feed, key, number_key, number \
         FROM unnest($2::uuid[], $3::uuid[], $4::text[], $5::bytea[], $6::bytea[], $7::bytea[]) AS given \
            (inquiry_id, message_id, feed, key, number_key, number) \
         WHERE NOT EXISTS (SELECT FROM inquiries WHERE center_id = $1 AND inquiries.key = given.key \
            AND inquiries.inquiry_id = given.inquiry_id) \
         ON CONFLICT DO NOTHING",
    )
    .bind(center)
    .bind(told.iter().map(|(inquiry, ..)| *inquiry).collect::<Vec<_>>())
    .bind(told.iter().map(|(_, message, ..)| *message).collect::<Vec<_>>())
    .bind(told.iter().map(|(.., feed, _)| *feed).collect::<Vec<_>>())
    .bind(told.iter().map(|(.., further)| further.key.as_slice()).collect::<Vec<_>>())
    .bind(told.iter().map(|(.., further)| further.number.key.as_slice()).collect::<Vec<_>>())
    .bind(told.iter().map(|(.., further)| further.number.sealed.as_slice()).collect::<Vec<_>>())
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// The newest change of each inquiry of a feed, the oldest or the newest first: inquiry, when, and what tells one change from
/// another of the same moment (the message, or the inquiry itself where the center has moved it).
pub async fn news(
    tx: &mut Tx,
    feed: &str,
    (span, newest_first): (Span, bool),
    most: i64,
) -> Result<Vec<(Uuid, Ts, Uuid)>, sqlx::Error> {
    let center = tx.center().to_owned();
    sqlx::query_as(if newest_first { NEWS_BACK } else { NEWS })
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

/// Both halves are read in the order of an index and only as far as the page goes.
macro_rules! news {
    ($beyond:literal, $way:literal) => {
        concat!(
            "SELECT * FROM (\
                (SELECT inquiry_id, changed_at, message_id AS id FROM messages AS newest \
                 WHERE center_id = $1 AND feed = $2 AND inquiry_id IS NOT NULL AND changed_at >= $3 AND changed_at < $4 \
                    AND (changed_at, message_id) ",
            $beyond,
            " ($5, $6) \
                    AND NOT EXISTS (SELECT FROM messages AS later WHERE later.center_id = $1 AND later.feed = $2 \
                        AND later.inquiry_id = newest.inquiry_id \
                        AND (later.changed_at, later.message_id) > (newest.changed_at, newest.message_id)) \
                    AND NOT EXISTS (SELECT FROM referral_states AS later WHERE later.center_id = $1 \
                        AND later.inquiry_id = newest.inquiry_id AND later.version > 0 \
                        AND later.changed_at >= newest.changed_at) \
                 ORDER BY changed_at ",
            $way,
            ", message_id ",
            $way,
            " LIMIT $7) \
                UNION ALL \
                (SELECT inquiry_id, changed_at, inquiry_id AS id FROM referral_states AS newest \
                 WHERE center_id = $1 AND feed = $2 AND version > 0 AND changed_at >= $3 AND changed_at < $4 \
                    AND (changed_at, inquiry_id) ",
            $beyond,
            " ($5, $6) \
                    AND NOT EXISTS (SELECT FROM messages AS later WHERE later.center_id = $1 AND later.feed = $2 \
                        AND later.inquiry_id = newest.inquiry_id AND later.changed_at > newest.changed_at) \
                 ORDER BY changed_at ",
            $way,
            ", inquiry_id ",
            $way,
            " LIMIT $7)) AS changes \
             ORDER BY changed_at ",
            $way,
            ", id ",
            $way,
            " LIMIT $7"
        )
    };
}

/// See [`news`]; a test asks for its plan.
pub const NEWS: &str = news!(">", "ASC");
/// The same from the newest on.
pub const NEWS_BACK: &str = news!("<", "DESC");
