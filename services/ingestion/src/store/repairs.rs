//! SQL of what waits to be mended: messages that could not be taken, inquiries with answers that could not be read, and
//! what people did about them.
//!
//! Deliberately not here: what a retry or a release means (handlers).

use causeway_mailbox::{Ts, Tx};
use jiff::Timestamp;
use uuid::Uuid;

/// Something that waits, without what it says.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct Waiting {
    /// `message`, `inquiry` or `file`.
    pub kind: String,
    /// Its id.
    pub id: Uuid,
    /// The feed; of an inquiry, nothing.
    pub feed: String,
    /// Type of the message; of an inquiry, its source.
    pub message_kind: String,
    /// Why it waits.
    pub reason: String,
    /// Faults of an inquiry, such as `phone_length@phone`, divided by blanks.
    pub defects: String,
    /// How often it came.
    pub times: i32,
    /// Since when.
    pub since: Ts,
    /// The inquiry that it is about.
    pub inquiry_id: Option<Uuid>,
    /// Its request number.
    pub reference: Option<String>,
    /// Of a file: where it is at fault.
    pub detail: String,
}

/// What is listed.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// Of those that were refused instead of those that wait.
    pub is_refused: bool,
    /// Of these feeds; none: of all.
    pub feeds: Option<Vec<String>>,
    /// For this reason; empty: for any.
    pub reason: String,
    /// Inquiries of these sources too.
    pub sources: Vec<&'static str>,
    /// Files too.
    pub with_files: bool,
    /// Behind this one.
    pub after: (Timestamp, Uuid),
}

macro_rules! messages_of {
    ($state:literal) => {
        concat!(
            "SELECT 'message' AS kind, message_id AS id, feed, messages.kind AS message_kind, reason, '' AS defects, times, \
                messages.received_at AS since, messages.inquiry_id, reference, '' AS detail \
             FROM messages LEFT JOIN inquiries USING (center_id, inquiry_id) \
             WHERE center_id = $1 AND ",
            $state,
            " AND (messages.received_at, message_id) > ($2, $3) \
                AND ($4::text[] IS NULL OR feed = ANY($4)) AND ($5 = '' OR reason = $5) \
             ORDER BY messages.received_at, message_id LIMIT $6"
        )
    };
}

/// The statement by which messages that wait are listed; a test asks for its plan, as for the two below.
pub const PARKED: &str = messages_of!("state = 'parked'");
/// The same for those that were refused.
pub const REFUSED: &str = messages_of!("state = 'refused' AND closed_at IS NULL");
/// The same for inquiries with answers that could not be read.
pub const INQUIRIES: &str = "SELECT 'inquiry' AS kind, inquiry_id AS id, '' AS feed, source AS message_kind, 'defects' AS reason, \
        string_agg(code || '@' || field, ' ' ORDER BY field) AS defects, 1 AS times, noted_at AS since, inquiry_id, reference, '' AS detail \
     FROM repairs JOIN inquiries USING (center_id, inquiry_id) \
     WHERE center_id = $1 AND mended_at IS NULL AND (noted_at, inquiry_id) > ($2, $3) AND source = ANY($5) \
     GROUP BY noted_at, inquiry_id, source, reference ORDER BY noted_at, inquiry_id LIMIT $4";

/// The same for files of which nothing was made.
pub const FILES: &str = "SELECT 'file' AS kind, file_id AS id, feed, 'CSV file' AS message_kind, reason, '' AS defects, times, \
        received_at AS since, NULL::uuid AS inquiry_id, NULL::text AS reference, detail \
     FROM files WHERE center_id = $1 AND state = 'parked' AND (received_at, file_id) > ($2, $3) \
        AND ($4::text[] IS NULL OR feed = ANY($4)) AND ($5 = '' OR reason = $5) \
     ORDER BY received_at, file_id LIMIT $6";

/// A page, the oldest first.
pub async fn list(tx: &mut Tx, wanted: &Wanted, most: i64) -> Result<Vec<Waiting>, sqlx::Error> {
    let center = tx.center().to_owned();
    let mut found: Vec<Waiting> = sqlx::query_as(if wanted.is_refused { REFUSED } else { PARKED })
        .bind(&center)
        .bind(Ts(wanted.after.0))
        .bind(wanted.after.1)
        .bind(wanted.feeds.as_deref())
        .bind(&wanted.reason)
        .bind(most)
        .fetch_all(tx.conn())
        .await?;
    if !wanted.sources.is_empty() && !wanted.is_refused {
        let inquiries: Vec<Waiting> = sqlx::query_as(INQUIRIES)
            .bind(&center)
            .bind(Ts(wanted.after.0))
            .bind(wanted.after.1)
            .bind(most)
            .bind(&wanted.sources)
            .fetch_all(tx.conn())
            .await?;
        found.extend(inquiries);
    }
    if wanted.with_files && !wanted.is_refused {
        let files: Vec<Waiting> = sqlx::query_as(FILES)
            .bind(&center)
            .bind(Ts(wanted.after.0))
            .bind(wanted.after.1)
            .bind(wanted.feeds.as_deref())
            .bind(&wanted.reason)
            .bind(most)
            .fetch_all(tx.conn())
            .await?;
        found.extend(files);
    }
    found.sort_by_key(|one| (one.since.0, one.id));
    found.truncate(usize::try_from(most).unwrap_or_default());
    Ok(found)
}

/// How many there are of a view, by reason.
pub async fn counts(tx: &mut Tx, is_refused: bool) -> Result<Vec<(String, i64)>, sqlx::Error> {
    let center = tx.center().to_owned();
    let sql = if is_refused {
        "SELECT reason, count(*) FROM messages WHERE center_id = $1 AND state = 'refused' AND closed_at IS NULL \
         GROUP BY reason ORDER BY reason"
    } else {
        "SELECT reason, count(*) FROM messages WHERE center_id = $1 AND state = 'parked' GROUP BY reason \
         UNION ALL SELECT reason, count(*) FROM files WHERE center_id = $1 AND state = 'parked' GROUP BY reason \
         UNION ALL SELECT 'defects', count(DISTINCT inquiry_id) FROM repairs WHERE center_id = $1 AND mended_at IS NULL \
         ORDER BY 1"
    };
    let counts: Vec<(String, i64)> = sqlx::query_as(sql).bind(center).fetch_all(tx.conn()).await?;
    Ok(counts.into_iter().filter(|(_, count)| *count > 0).collect())
}

/// A message with what it says, sealed.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct Message {
    /// Its id.
    pub message_id: Uuid,
    /// The feed that sent it.
    pub feed: String,
    /// Type and event.
    pub kind: String,
    /// Keyed hash of who sent it under which control id.
    pub control_key: Vec<u8>,
    /// Keyed hash of what it says.
    pub content_hash: Vec<u8>,
    /// What became of it.
    pub state: String,
    /// Why.
    pub reason: String,
    /// How often it came.
    pub times: i32,
    /// When it came.
    pub received_at: Ts,
    /// When a refused one was closed.
    pub closed_at: Option<Ts>,
    /// The inquiry that it is about.
    pub inquiry_id: Option<Uuid>,
    /// Its request number.
    pub reference: Option<String>,
    /// A person said of which inquiry it is.
    pub assigned: bool,
    /// All of it, sealed; empty where it is erased.
    pub sealed: Vec<u8>,
}

impl Message {
    /// Whether somebody is to do something about it.
    pub fn waits(&self) -> bool {
        self.state == "parked" || self.state == super::messages::REFUSED && self.closed_at.is_none()
    }
}

/// A message of the center, on which nobody else decides until the end of the transaction.
///
/// Whoever takes a message in takes the lock of its control id before the row, and so does this: in the other order the two
/// would wait for each other.
pub async fn held(tx: &mut Tx, id: Uuid) -> Result<Option<Message>, sqlx::Error> {
    let Some(seen) = message(tx, id, false).await? else { return Ok(None) };
    super::messages::lock(tx, &[seen.control_key.as_slice()]).await?;
    message(tx, id, true).await
}

/// A message of the center. `is_held`: its row is held to the end of the transaction; see [`held`].
pub async fn message(tx: &mut Tx, id: Uuid, is_held: bool) -> Result<Option<Message>, sqlx::Error> {
    let center = tx.center().to_owned();
    let sql = if is_held {
        "SELECT message_id, feed, kind, control_key, messages.content_hash, state, reason, times, messages.received_at, closed_at, \
            messages.inquiry_id, reference, assigned, messages.sealed \
         FROM messages LEFT JOIN inquiries USING (center_id, inquiry_id) WHERE center_id = $1 AND message_id = $2 \
         FOR UPDATE OF messages"
    } else {
        "SELECT message_id, feed, kind, control_key, messages.content_hash, state, reason, times, messages.received_at, closed_at, \
            messages.inquiry_id, reference, assigned, messages.sealed \
         FROM messages LEFT JOIN inquiries USING (center_id, inquiry_id) WHERE center_id = $1 AND message_id = $2"
    };
    sqlx::query_as(sql).bind(center).bind(id).fetch_optional(tx.conn()).await
}

/// See [`waiting_of`].
const WAITING_OF: &str = "SELECT message_id FROM messages WHERE center_id = $1 AND inquiry_id = $2 AND inquiry_id IS NOT NULL \
        AND state = 'parked' ORDER BY received_at, message_id LIMIT $3";

/// Those of some inquiries about which a message waits for a person.
pub async fn waited_for(tx: &mut Tx, inquiries: &[Uuid]) -> Result<Vec<Uuid>, sqlx::Error> {
    let center = tx.center().to_owned();
    sqlx::query_scalar(
        "SELECT DISTINCT inquiry_id FROM messages WHERE center_id = $1 AND inquiry_id = ANY($2) AND inquiry_id IS NOT NULL \
            AND state = 'parked'",
    )
    .bind(center)
    .bind(inquiries)
    .fetch_all(tx.conn())
    .await
}

/// The messages about an inquiry that wait for a person, the oldest first.
pub async fn waiting_of(tx: &mut Tx, inquiry: Uuid, most: i64) -> Result<Vec<Message>, sqlx::Error> {
    let center = tx.center().to_owned();
    let ids: Vec<Uuid> =
        sqlx::query_scalar(WAITING_OF).bind(center).bind(inquiry).bind(most).fetch_all(tx.conn()).await?;
    let mut found = Vec::with_capacity(ids.len());
    for id in ids {
        found.extend(message(tx, id, false).await?);
    }
    Ok(found)
}

/// Says what became of a message that waited.
pub async fn decide(
    tx: &mut Tx,
    id: Uuid,
    (state, reason, inquiry_id): (&str, &str, Option<Uuid>),
) -> Result<(), sqlx::Error> {
    let (center, now) = (tx.center().to_owned(), tx.now());
    sqlx::query(
        "UPDATE messages SET state = $3, reason = $4, inquiry_id = $5, changed_at = $6 \
         WHERE center_id = $1 AND message_id = $2",
    )
    .bind(center)
    .bind(id)
    .bind(state)
    .bind(reason)
    .bind(inquiry_id)
    .bind(Ts(now))
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// A person said of which inquiry a message is. Its documents are unpacked from now on, as often as it was tried before.
pub async fn assign(tx: &mut Tx, id: Uuid, (state, reason, inquiry_id): (&str, &str, Uuid)) -> Result<(), sqlx::Error> {
    decide(tx, id, (state, reason, Some(inquiry_id))).await?;
    let center = tx.center().to_owned();
    sqlx::query(
        "UPDATE messages SET assigned = true, unpack_at = now(), unpack_tries = 0 WHERE center_id = $1 AND message_id = $2",
    )
    .bind(center)
    .bind(id)
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Those of some messages that wait, carry documents for a known inquiry, and of which nobody said that they are that one's.
pub async fn to_compare(tx: &mut Tx, ids: &[Uuid]) -> Result<Vec<Uuid>, sqlx::Error> {
    let center = tx.center().to_owned();
    sqlx::query_scalar(
        "SELECT message_id FROM messages WHERE center_id = $1 AND message_id = ANY($2) AND state = 'parked' \
            AND inquiry_id IS NOT NULL AND unpack_at IS NOT NULL AND NOT assigned",
    )
    .bind(center)
    .bind(ids)
    .fetch_all(tx.conn())
    .await
}

/// Takes refused messages off their list, and gives them.
pub async fn close(tx: &mut Tx, ids: &[Uuid]) -> Result<Vec<Uuid>, sqlx::Error> {
    let (center, now) = (tx.center().to_owned(), tx.now());
    sqlx::query_scalar(
        "UPDATE messages SET closed_at = $3 WHERE center_id = $1 AND message_id = ANY($2) AND state = 'refused' \
            AND closed_at IS NULL RETURNING message_id",
    )
    .bind(center)
    .bind(ids)
    .bind(Ts(now))
    .fetch_all(tx.conn())
    .await
}

/// An inquiry with faults that are still to be mended.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct Defective {
    /// Its request number.
    pub reference: String,
    /// The door.
    pub source: String,
    /// Encoded facts.
    pub facts: Vec<u8>,
    /// The sealed person.
    pub sealed: Vec<u8>,
    /// When it came.
    pub received_at: Ts,
}

/// An inquiry of the center, held until the end of the transaction.
pub async fn inquiry(tx: &mut Tx, id: Uuid) -> Result<Option<Defective>, sqlx::Error> {
    let center = tx.center().to_owned();
    sqlx::query_as(
        "SELECT reference, source, facts, sealed, received_at FROM inquiries WHERE center_id = $1 AND inquiry_id = $2 \
         FOR UPDATE",
    )
    .bind(center)
    .bind(id)
    .fetch_optional(tx.conn())
    .await
}

/// The faults of an inquiry that are still to be mended: field and code.
pub async fn defects(tx: &mut Tx, id: Uuid) -> Result<Vec<(String, String)>, sqlx::Error> {
    let center = tx.center().to_owned();
    sqlx::query_as(
        "SELECT field, code FROM repairs WHERE center_id = $1 AND inquiry_id = $2 AND mended_at IS NULL ORDER BY field, code",
    )
    .bind(center)
    .bind(id)
    .fetch_all(tx.conn())
    .await
}

/// Notes that faults of inquiries are dealt with, and gives the inquiries. No fields: all of them.
pub async fn mended(tx: &mut Tx, ids: &[Uuid], fields: Option<&[String]>) -> Result<Vec<Uuid>, sqlx::Error> {
    let (center, now) = (tx.center().to_owned(), tx.now());
    let mut done: Vec<Uuid> = sqlx::query_scalar(
        "UPDATE repairs SET mended_at = $3 WHERE center_id = $1 AND inquiry_id = ANY($2) AND mended_at IS NULL \
            AND ($4::text[] IS NULL OR field = ANY($4)) RETURNING inquiry_id",
    )
    .bind(center)
    .bind(ids)
    .bind(Ts(now))
    .bind(fields)
    .fetch_all(tx.conn())
    .await?;
    done.sort_unstable();
    done.dedup();
    Ok(done)
}

/// Writes what is told of an inquiry, and its mended person where it was mended. Gives how often that was written, and whether the
/// inquiry is held.
pub async fn rewrite(
    tx: &mut Tx,
    id: Uuid,
    (sealed, facts, needs_repair): (Option<&[u8]>, &[u8], bool),
) -> Result<(i32, bool), sqlx::Error> {
    let center = tx.center().to_owned();
    sqlx::query_as(
        "UPDATE inquiries SET sealed = coalesce($3, sealed), facts = $4, needs_repair = $5, mended = mended + 1 \
         WHERE center_id = $1 AND inquiry_id = $2 RETURNING mended, held",
    )
    .bind(center)
    .bind(id)
    .bind(sealed)
    .bind(facts)
    .bind(needs_repair)
    .fetch_one(tx.conn())
    .await
}

/// What somebody did.
pub struct Step<'a> {
    /// `message`, `inquiry` or `file`.
    pub object_kind: &'a str,
    /// Which.
    pub object_id: Uuid,
    /// `release`, `retry`, `mend`, `set_aside`, `assign` or `apply`.
    pub step: &'a str,
    /// What came of it.
    pub outcome: &'a str,
    /// Who.
    pub actor: &'a str,
}

/// Writes down what somebody did.
pub async fn note(tx: &mut Tx, steps: &[Step<'_>]) -> Result<(), sqlx::Error> {
    let (center, now) = (tx.center().to_owned(), tx.now());
    let ids: Vec<Uuid> = steps.iter().map(|_| tx.new_id()).collect();
    sqlx::query(
        "INSERT INTO repair_steps (center_id, at, step_id, object_kind, object_id, step, outcome, actor) \
         SELECT $1, $2, * FROM unnest($3::uuid[], $4::text[], $5::uuid[], $6::text[], $7::text[], $8::text[])",
    )
    .bind(center)
    .bind(Ts(now))
    .bind(ids)
    .bind(steps.iter().map(|step| step.object_kind).collect::<Vec<_>>())
    .bind(steps.iter().map(|step| step.object_id).collect::<Vec<_>>())
    .bind(steps.iter().map(|step| step.step).collect::<Vec<_>>())
    .bind(steps.iter().map(|step| step.outcome).collect::<Vec<_>>())
    .bind(steps.iter().map(|step| step.actor).collect::<Vec<_>>())
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// What was done about something: step, outcome, who, when. The oldest first.
pub async fn steps(tx: &mut Tx, id: Uuid) -> Result<Vec<(String, String, String, Ts)>, sqlx::Error> {
    let center = tx.center().to_owned();
    sqlx::query_as(
        "SELECT step, outcome, actor, at FROM repair_steps WHERE center_id = $1 AND object_id = $2 ORDER BY step_id LIMIT 100",
    )
    .bind(center)
    .bind(id)
    .fetch_all(tx.conn())
    .await
}
