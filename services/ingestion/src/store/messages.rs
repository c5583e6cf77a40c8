//! SQL of the messages of partner systems.
//!
//! Deliberately not here: what a repeat or a second message under one control id means (writer, handlers).

use std::collections::HashSet;

use causeway_mailbox::{Ts, Tx};
use jiff::Timestamp;
use sqlx::PgPool;
use uuid::Uuid;

/// A message as it is first written.
pub struct NewMessage<'a> {
    /// Its id.
    pub message_id: Uuid,
    /// The feed that sent it.
    pub feed: &'a str,
    /// Type and event.
    pub kind: &'a str,
    /// Keyed hash of who sent it under which control id.
    pub control_key: &'a [u8],
    /// Keyed hash of what it says.
    pub content_hash: &'a [u8],
    /// `accepted`, `parked` or `refused`.
    pub state: &'a str,
    /// A stable word for why it is not accepted.
    pub reason: &'a str,
    /// The inquiry that stands for it.
    pub inquiry_id: Option<Uuid>,
    /// All of it, sealed.
    pub sealed: &'a [u8],
    /// Whether documents have to be unpacked from it.
    pub carries: bool,
    /// The office's own number of its referral.
    pub number: Option<&'a Number>,
}

/// An office's own number of a referral, as it is kept.
pub struct Number {
    /// Keyed hash of the feed and the number, whoever gave it.
    pub key: [u8; 16],
    /// The number and who gave it, sealed.
    pub sealed: Vec<u8>,
}

/// Another number of a referral than the one that it is known by, as it is kept.
pub struct Further {
    /// Keyed hash of the feed, the number and who gave it, as an inquiry's key is.
    pub key: [u8; 16],
    /// The number itself.
    pub number: Number,
}

/// A message that stands, with the request number of its inquiry.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct Standing {
    /// Its id.
    pub message_id: Uuid,
    /// Keyed hash of who sent it under which control id.
    pub control_key: Vec<u8>,
    /// Keyed hash of what it says.
    pub content_hash: Vec<u8>,
    /// What became of it.
    pub state: String,
    /// Why.
    pub reason: String,
    /// The inquiry that stands for it.
    pub inquiry_id: Option<Uuid>,
    /// The inquiry's request number.
    pub reference: Option<String>,
    /// What its sender was told at first, where that is not this number.
    pub told: String,
    /// When it came.
    pub received_at: Ts,
}

/// A message that was refused, and kept as evidence.
pub const REFUSED: &str = "refused";

impl Standing {
    /// Whether it is the message with this content, and led to something. What was refused did not.
    pub fn stands_for(&self, content_hash: &[u8]) -> bool {
        self.content_hash == content_hash && self.state != REFUSED
    }
}

/// Lets one transaction at a time decide whose a control id is: two messages with different content under one id clash in no
/// index, and neither would see the other before both stand.
pub async fn lock(tx: &mut Tx, control_keys: &[&[u8]]) -> Result<(), sqlx::Error> {
    sqlx::query(
        "SELECT pg_advisory_xact_lock(hashtextextended(encode(key, 'hex'), 0)) \
         FROM (SELECT DISTINCT key FROM unnest($1::bytea[]) AS key ORDER BY key OFFSET 0) AS sorted",
    )
    .bind(control_keys)
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Writes those that are new and gives their ids. A rival's transaction with the same message is waited for, and one that
/// is sure of its control ids.
pub async fn insert(tx: &mut Tx, now: Timestamp, rows: &[NewMessage<'_>]) -> Result<HashSet<Uuid>, sqlx::Error> {
    let center = tx.center().to_owned();
    let written: Vec<Uuid> = sqlx::query_scalar(
        "WITH used AS (INSERT INTO control_ids (center_id, control_key) \
            SELECT DISTINCT $1, key FROM unnest($6::bytea[]) AS key ORDER BY key ON CONFLICT DO NOTHING) \
         INSERT INTO messages (center_id, received_at, changed_at, message_id, feed, kind, control_key, content_hash, state, reason, \
            inquiry_id, sealed, unpack_at, number_key, number, told) \
         SELECT $1, $2, $2, message_id, feed, kind, control_key, content_hash, state, reason, inquiry_id, sealed, \
            CASE WHEN carries THEN now() END, number_key, number, \
            CASE WHEN state = 'parked' AND inquiry_id IS NULL THEN 'no_number' ELSE '' END \
         FROM unnest($3::uuid[], $4::text[], $5::text[], $6::bytea[], $7::bytea[], $8::text[], \
            $9::text[], $10::uuid[], $11::bytea[], $12::boolean[], $13::bytea[], $14::bytea[]) AS given \
            (message_id, feed, kind, control_key, content_hash, state, reason, inquiry_id, sealed, carries, number_key, number) \
         ON CONFLICT DO NOTHING RETURNING message_id",
    )
    .bind(center)
    .bind(Ts(now))
    .bind(rows.iter().map(|row| row.message_id).collect::<Vec<_>>())
    .bind(rows.iter().map(|row| row.feed).collect::<Vec<_>>())
    .bind(rows.iter().map(|row| row.kind).collect::<Vec<_>>())
    .bind(rows.iter().map(|row| row.control_key).collect::<Vec<_>>())
    .bind(rows.iter().map(|row| row.content_hash).collect::<Vec<_>>())
    .bind(rows.iter().map(|row| row.state).collect::<Vec<_>>())
    .bind(rows.iter().map(|row| row.reason).collect::<Vec<_>>())
    .bind(rows.iter().map(|row| row.inquiry_id).collect::<Vec<_>>())
    .bind(rows.iter().map(|row| row.sealed).collect::<Vec<_>>())
    .bind(rows.iter().map(|row| row.carries).collect::<Vec<_>>())
    .bind(rows.iter().map(|row| row.number.map(|number| number.key.as_slice())).collect::<Vec<_>>())
    .bind(rows.iter().map(|row| row.number.map(|number| number.sealed.as_slice())).collect::<Vec<_>>())
    .fetch_all(tx.conn())
    .await?;
    Ok(written.into_iter().collect())
}

/// The statement by which what stands under control keys is found; a test asks for its plan. Refused ones are found apart,
/// each kind by the index that keeps it from standing twice.
pub const STANDING: &str = "SELECT message_id, control_key, found.content_hash, state, reason, found.inquiry_id, reference, told, \
        found.received_at \
     FROM (SELECT center_id, message_id, control_key, content_hash, state, reason, inquiry_id, told, received_at FROM messages \
            WHERE center_id = $1 AND control_key = ANY($2) AND state <> 'refused' \
        UNION ALL SELECT center_id, message_id, control_key, content_hash, state, reason, inquiry_id, told, received_at FROM messages \
            WHERE center_id = $1 AND control_key = ANY($2) AND state = 'refused') AS found \
     LEFT JOIN inquiries USING (center_id, inquiry_id)";

/// All that stands under control keys, whatever it says.
pub async fn standing(tx: &mut Tx, control_keys: &[&[u8]]) -> Result<Vec<Standing>, sqlx::Error> {
    let center = tx.center().to_owned();
    sqlx::query_as(STANDING).bind(center).bind(control_keys).fetch_all(tx.conn()).await
}

/// The first of some content hashes under which a message of a kind was kept.
pub async fn kept_as(
    tx: &mut Tx,
    control_key: &[u8],
    hashes: &[&[u8]],
    kind: &str,
) -> Result<Option<Vec<u8>>, sqlx::Error> {
    let center = tx.center().to_owned();
    sqlx::query_scalar(
        "SELECT content_hash FROM messages WHERE center_id = $1 AND control_key = $2 AND content_hash = ANY($3) AND kind = $4 \
         ORDER BY array_position($3, content_hash) LIMIT 1",
    )
    .bind(center)
    .bind(control_key)
    .bind(hashes)
    .bind(kind)
    .fetch_optional(tx.conn())
    .await
}

/// Notes which referral each message has overtaken, and why it waits once that has come.
pub async fn note_early(tx: &mut Tx, early: &[(Uuid, [u8; 16], &str)]) -> Result<(), sqlx::Error> {
    let center = tx.center().to_owned();
    sqlx::query(
        "UPDATE messages SET referral_key = key, early_reason = why \
         FROM unnest($2::uuid[], $3::bytea[], $4::text[]) AS given (id, key, why) WHERE center_id = $1 AND message_id = id",
    )
    .bind(center)
    .bind(early.iter().map(|one| one.0).collect::<Vec<_>>())
    .bind(early.iter().map(|one| one.1.as_slice()).collect::<Vec<_>>())
    .bind(early.iter().map(|one| one.2).collect::<Vec<_>>())
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Notes by which other numbers a message that overtook its referral names it.
pub async fn note_further(tx: &mut Tx, message_id: Uuid, keys: &[&[u8]]) -> Result<(), sqlx::Error> {
    let center = tx.center().to_owned();
    let sql = "UPDATE messages SET referral_further = $3 WHERE center_id = $1 AND message_id = $2";
    sqlx::query(sql).bind(center).bind(message_id).bind(keys).execute(tx.conn()).await?;
    Ok(())
}

/// The statement by which messages are found whose referral has come after them; a test asks for its plan. The number that a message
/// is known by decides; of its others those alone that lead to one referral.
pub const EARLY: &str = "SELECT message_id, came.inquiry_id FROM messages CROSS JOIN LATERAL (SELECT inquiry_id FROM (\
        SELECT inquiry_id, 1 AS rank FROM inquiries WHERE center_id = $1 AND key = referral_key AND key IS NOT NULL \
        UNION ALL SELECT (array_agg(inquiry_id))[1], 2 FROM referral_numbers WHERE center_id = $1 AND key = referral_key \
            HAVING count(*) = 1 \
        UNION ALL SELECT (array_agg(inquiry_id))[1], 3 FROM (\
            SELECT inquiry_id FROM inquiries WHERE center_id = $1 AND key = ANY(referral_further) AND key IS NOT NULL \
            UNION SELECT (array_agg(inquiry_id))[1] FROM referral_numbers WHERE center_id = $1 AND key = ANY(referral_further) \
                GROUP BY key HAVING count(*) = 1) AS others HAVING count(*) = 1) AS bears ORDER BY rank LIMIT 1) AS came \
     WHERE messages.center_id = $1 AND state = 'parked' AND reason = 'unknown_referral' \
     ORDER BY messages.received_at, message_id LIMIT $2";

/// Puts messages to the referrals that they overtook, the oldest first, as if they had come after them; gives each with its inquiry
/// and what it asks for.
pub async fn put_early(tx: &mut Tx, most: i64) -> Result<Vec<(Uuid, Uuid, String)>, sqlx::Error> {
    let (center, now) = (tx.center().to_owned(), tx.now());
    let sql = format!(
        "UPDATE messages SET inquiry_id = found.inquiry_id, changed_at = $3, \
            reason = early_reason \
         FROM ({EARLY} FOR UPDATE OF messages SKIP LOCKED) AS found \
         WHERE messages.center_id = $1 AND messages.message_id = found.message_id \
         RETURNING messages.message_id, messages.inquiry_id, messages.reason"
    );
    let query = sqlx::query_as(sqlx::AssertSqlSafe(sql)).bind(center).bind(most).bind(Ts(now));
    let mut put: Vec<(Uuid, Uuid, String)> = query.fetch_all(tx.conn()).await?;
    put.sort_unstable();
    Ok(put)
}

/// What a question is answered with: a word for where its referral stands, a remark, and the documents that are asked for, in words.
pub type Answered = (String, String, Vec<String>);

/// Whether a new referral under a key waits for a person, for a reason; a test asks for its plan.
pub const WAITS: &str = "SELECT EXISTS (SELECT FROM messages WHERE center_id = $1 AND referral_key = $2 AND referral_key IS NOT NULL \
        AND state = 'parked' AND reason = $3)";

/// See [`WAITS`].
pub async fn referral_waits(tx: &mut Tx, key: [u8; 16], reason: &str) -> Result<bool, sqlx::Error> {
    let center = tx.center().to_owned();
    sqlx::query_scalar(WAITS).bind(center).bind(key.as_slice()).bind(reason).fetch_one(tx.conn()).await
}

/// Notes what a question was answered with.
pub async fn answer(tx: &mut Tx, message_id: Uuid, (word, remark, wanted): &Answered) -> Result<(), sqlx::Error> {
    let center = tx.center().to_owned();
    let sql = "UPDATE messages SET answered = $3, answered_remark = $4, answered_wanted = $5 WHERE center_id = $1 AND message_id = $2";
    let query = sqlx::query(sql).bind(center).bind(message_id).bind(word).bind(remark).bind(wanted);
    query.execute(tx.conn()).await?;
    Ok(())
}

/// What a question was answered with.
pub async fn answered(tx: &mut Tx, message_id: Uuid) -> Result<Answered, sqlx::Error> {
    let center = tx.center().to_owned();
    sqlx::query_as(
        "SELECT answered, answered_remark, answered_wanted FROM messages WHERE center_id = $1 AND message_id = $2",
    )
    .bind(center)
    .bind(message_id)
    .fetch_one(tx.conn())
    .await
}

/// How many messages wait for a person, by center and why. For the machine's login, which sees all centers.
pub async fn waiting(machine: &PgPool) -> Result<Vec<(String, String, i64)>, sqlx::Error> {
    sqlx::query_as("SELECT center_id, reason, count(*) FROM messages WHERE state = 'parked' GROUP BY center_id, reason")
        .fetch_all(machine)
        .await
}

/// Those of some inquiries whose partner withdrew them and has not taken them up again since.
pub async fn withdrawn(tx: &mut Tx, inquiries: &[Uuid]) -> Result<HashSet<Uuid>, sqlx::Error> {
    let center = tx.center().to_owned();
    let last: Vec<(Uuid, bool)> = sqlx::query_as(
        "SELECT DISTINCT ON (inquiry_id) inquiry_id, reason = 'referral_cancelled' FROM messages \
         WHERE center_id = $1 AND inquiry_id = ANY($2) AND reason IN ('referral_cancelled', 'referral_reopened') \
         ORDER BY inquiry_id, received_at DESC, message_id DESC",
    )
    .bind(center)
    .bind(inquiries)
    .fetch_all(tx.conn())
    .await?;
    Ok(last.into_iter().filter(|(_, is_withdrawn)| *is_withdrawn).map(|(inquiry, _)| inquiry).collect())
}

/// Counts messages that came again, and that they did within this hour: one that does so all the time is an incident of its feed.
pub async fn came_again(tx: &mut Tx, ids: &[Uuid]) -> Result<(), sqlx::Error> {
    let (center, now) = (tx.center().to_owned(), tx.now());
    sqlx::query(
        "WITH counted AS (SELECT id, count(*)::integer AS again FROM unnest($2::uuid[]) AS given (id) GROUP BY id), \
            came AS (UPDATE messages SET times = times + again FROM counted \
                WHERE center_id = $1 AND message_id = id RETURNING feed, message_id, again) \
         INSERT INTO feed_repeats (center_id, hour, feed, message_id, repeats) \
            SELECT $1, date_trunc('hour', $3::timestamptz, 'UTC'), feed, message_id, again FROM came ORDER BY feed, message_id \
         ON CONFLICT (center_id, hour, feed, message_id) DO UPDATE SET repeats = feed_repeats.repeats + EXCLUDED.repeats",
    )
    .bind(center)
    .bind(ids)
    .bind(Ts(now))
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Counts rows of files that came again, which a daily list does by its nature.
pub async fn count_again(tx: &mut Tx, ids: &[Uuid]) -> Result<(), sqlx::Error> {
    let center = tx.center().to_owned();
    // The same one may stand in a batch more than once.
    sqlx::query(
        "UPDATE messages SET times = times + again \
         FROM (SELECT id, count(*)::integer AS again FROM unnest($2::uuid[]) AS given (id) GROUP BY id) AS counted \
         WHERE center_id = $1 AND message_id = id",
    )
    .bind(center)
    .bind(ids)
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Corrects what became of messages that were just written: state, reason, inquiry.
pub async fn correct(
    tx: &mut Tx,
    rows: &[(Uuid, &'static str, &'static str, Option<Uuid>)],
) -> Result<(), sqlx::Error> {
    let center = tx.center().to_owned();
    sqlx::query(
        "UPDATE messages SET state = given.state, reason = given.reason, inquiry_id = given.inquiry_id, \
            told = CASE WHEN given.reason = 'control_id_reused' THEN 'control_id_reused' \
                WHEN given.reason IN ('referral_changed', 'referral_reopened') THEN 'no_number' ELSE messages.told END \
         FROM unnest($2::uuid[], $3::text[], $4::text[], $5::uuid[]) AS given (message_id, state, reason, inquiry_id) \
         WHERE center_id = $1 AND messages.message_id = given.message_id",
    )
    .bind(center)
    .bind(rows.iter().map(|row| row.0).collect::<Vec<_>>())
    .bind(rows.iter().map(|row| row.1).collect::<Vec<_>>())
    .bind(rows.iter().map(|row| row.2).collect::<Vec<_>>())
    .bind(rows.iter().map(|row| row.3).collect::<Vec<_>>())
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Takes rows off the list that wait for one of these reasons and whose sender has sent them as they should be since: each under
/// its control key, with the inquiry that stands for it now.
pub async fn mended_by_sender(
    tx: &mut Tx,
    kind: &str,
    sound: &[(&[u8; 16], Uuid)],
    reasons: &[&str],
) -> Result<(), sqlx::Error> {
    let (center, now) = (tx.center().to_owned(), tx.now());
    sqlx::query(
        "UPDATE messages SET state = 'settled', inquiry_id = inquiry, changed_at = $2 \
         FROM unnest($3::bytea[], $4::uuid[]) AS given (key, inquiry) \
         WHERE center_id = $1 AND control_key = key AND state = 'parked' AND kind = $5 AND reason = ANY($6)",
    )
    .bind(center)
    .bind(Ts(now))
    .bind(sound.iter().map(|(key, _)| key.as_slice()).collect::<Vec<_>>())
    .bind(sound.iter().map(|(_, inquiry)| *inquiry).collect::<Vec<_>>())
    .bind(kind)
    .bind(reasons)
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Takes those that wait off the list, and gives them.
pub async fn settle(tx: &mut Tx, ids: &[Uuid]) -> Result<Vec<Uuid>, sqlx::Error> {
    let (center, now) = (tx.center().to_owned(), tx.now());
    sqlx::query_scalar(
        "UPDATE messages SET state = 'settled', changed_at = $3 WHERE center_id = $1 AND message_id = ANY($2) \
            AND state = 'parked' RETURNING message_id",
    )
    .bind(center)
    .bind(ids)
    .bind(Ts(now))
    .fetch_all(tx.conn())
    .await
}

/// Has a person look at a message that was taken: one of its documents can't be used. A withdrawal that a person dealt with stays as
/// it is, because what an office is told of its referral hangs on it. True where it waits now and did not before.
pub async fn park_for_documents(tx: &mut Tx, message_id: Uuid) -> Result<bool, sqlx::Error> {
    let (center, now) = (tx.center().to_owned(), tx.now());
    let parked = sqlx::query(
        "UPDATE messages SET state = 'parked', reason = CASE WHEN reason = '' THEN $3 ELSE reason END, changed_at = $4 \
         WHERE center_id = $1 AND message_id = $2 AND state IN ('accepted', 'settled') \
            AND reason NOT IN ('referral_cancelled', 'referral_reopened', 'set_aside')",
    )
    .bind(center)
    .bind(message_id)
    .bind(crate::writer::heard::ATTACHMENT)
    .bind(Ts(now))
    .execute(tx.conn())
    .await?;
    Ok(parked.rows_affected() == 1)
}

/// Takes those that wait off the list without what they ask for having been done, and gives them. Why they waited is written
/// over: a withdrawal that is set aside calls nothing off. Documents that were not unpacked yet never are.
pub async fn set_aside(tx: &mut Tx, ids: &[Uuid]) -> Result<Vec<Uuid>, sqlx::Error> {
    let (center, now) = (tx.center().to_owned(), tx.now());
    sqlx::query_scalar(
        "UPDATE messages SET state = 'settled', reason = 'set_aside', unpack_at = NULL, changed_at = $3 \
         WHERE center_id = $1 AND message_id = ANY($2) AND state = 'parked' RETURNING message_id",
    )
    .bind(center)
    .bind(ids)
    .bind(Ts(now))
    .fetch_all(tx.conn())
    .await
}

/// The statement by which old messages are found that can be erased; a test asks for its plan.
pub const TO_ERASE: &str = "SELECT message_id FROM messages WHERE center_id = $1 AND changed_at < $2 AND erased_at IS NULL \
        AND unpack_at IS NULL AND state IN ('accepted', 'settled', 'refused') ORDER BY changed_at LIMIT $3";

/// Erases what messages said that nothing is to be done about any more since before a moment; gives how many. Whoever holds one is
/// left in peace. A refused one leaves its list, since nobody could mend it any more.
pub async fn erase(tx: &mut Tx, before: Timestamp, most: i64) -> Result<i64, sqlx::Error> {
    let (center, now) = (tx.center().to_owned(), tx.now());
    let sql = format!(
        "WITH erased AS (UPDATE messages SET sealed = '', number = NULL, erased_at = $4, \
                closed_at = CASE WHEN state = 'refused' THEN coalesce(closed_at, $4) ELSE closed_at END \
             WHERE center_id = $1 AND message_id IN ({TO_ERASE} FOR UPDATE SKIP LOCKED) RETURNING message_id), \
         further AS (UPDATE referral_numbers SET number = NULL FROM erased \
             WHERE center_id = $1 AND referral_numbers.message_id = erased.message_id AND number IS NOT NULL) \
         SELECT count(*) FROM erased"
    );
    sqlx::query_scalar(sqlx::AssertSqlSafe(sql))
        .bind(center)
        .bind(Ts(before))
        .bind(most)
        .bind(Ts(now))
        .fetch_one(tx.conn())
        .await
}

/// The inquiries that messages are about.
pub async fn inquiries(tx: &mut Tx, ids: &[Uuid]) -> Result<Vec<Uuid>, sqlx::Error> {
    let center = tx.center().to_owned();
    sqlx::query_scalar(
        "SELECT DISTINCT inquiry_id FROM messages WHERE center_id = $1 AND message_id = ANY($2) AND inquiry_id IS NOT NULL",
    )
    .bind(center)
    .bind(ids)
    .fetch_all(tx.conn())
    .await
}

/// The inquiries that messages withdraw.
pub async fn withdrawals(tx: &mut Tx, ids: &[Uuid]) -> Result<Vec<Uuid>, sqlx::Error> {
    let center = tx.center().to_owned();
    sqlx::query_scalar(
        "SELECT DISTINCT inquiry_id FROM messages WHERE center_id = $1 AND message_id = ANY($2) AND inquiry_id IS NOT NULL \
            AND reason = 'referral_cancelled'",
    )
    .bind(center)
    .bind(ids)
    .fetch_all(tx.conn())
    .await
}

/// Takes messages back whose inquiry could not be written, so that they can be sent again.
pub async fn take_back(tx: &mut Tx, ids: &[Uuid]) -> Result<(), sqlx::Error> {
    let center = tx.center().to_owned();
    sqlx::query("DELETE FROM messages WHERE center_id = $1 AND message_id = ANY($2)")
        .bind(center)
        .bind(ids)
        .execute(tx.conn())
        .await?;
    Ok(())
}
