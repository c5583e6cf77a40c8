//! SQL of the calls that a phone system tells of.
//!
//! Deliberately not here: what a call needs (domain) and the events as they came (messages).

use causeway_mailbox::{Ts, Tx};
use jiff::Timestamp;
use sqlx::PgPool;
use uuid::Uuid;

/// A call as it is written.
pub struct NewCall<'a> {
    /// Its id.
    pub call_id: Uuid,
    /// The feed that told of it.
    pub feed: &'a str,
    /// Keyed hash of the feed and the phone system's own id.
    pub call_key: &'a [u8],
    /// Keyed hash of the caller's number.
    pub caller_key: Option<&'a [u8]>,
    /// As the phone system names it; empty: not in feeds.toml.
    pub queue: &'a str,
    /// `inbound` or `outbound`.
    pub direction: &'static str,
    /// How it stands.
    pub state: &'static str,
    /// Who took it.
    pub agent: &'a str,
    /// When it began.
    pub started_at: Timestamp,
    /// When somebody took it.
    pub answered_at: Option<Timestamp>,
    /// When it was over.
    pub ended_at: Option<Timestamp>,
    /// When it was over, as far as is told, and never after that was heard.
    pub over_at: Timestamp,
    /// What somebody has to do about it.
    pub waits_for: &'static str,
    /// From when it is shown as waiting.
    pub waits_from: Timestamp,
    /// Its inquiry.
    pub inquiry_id: Option<Uuid>,
    /// Whether that was made of it.
    pub opened: bool,
    /// Which fields were told so that they can't be used.
    pub unusable: &'a str,
    /// What each event told, sealed.
    pub sealed: &'a [u8],
}

/// A call that stands, as far as a new event of it or a person's word needs it.
#[derive(sqlx::FromRow)]
pub struct Standing {
    /// Its id.
    pub call_id: Uuid,
    /// Keyed hash of the caller's number.
    pub caller_key: Option<Vec<u8>>,
    /// What somebody has to do about it.
    pub waits_for: String,
    /// Its inquiry.
    pub inquiry_id: Option<Uuid>,
    /// Whether that was made of it.
    pub opened: bool,
    /// What a person said of it.
    pub outcome: String,
    /// What each event told, sealed.
    pub sealed: Vec<u8>,
}

/// A call as it is listed.
#[derive(sqlx::FromRow)]
pub struct Listed {
    /// Its id.
    pub call_id: Uuid,
    /// The feed that told of it.
    pub feed: String,
    /// As the phone system names it; empty: not in feeds.toml.
    pub queue: String,
    /// `inbound` or `outbound`.
    pub direction: String,
    /// How it stands.
    pub state: String,
    /// Who took it.
    pub agent: String,
    /// When it began.
    pub started_at: Ts,
    /// When somebody took it.
    pub answered_at: Option<Ts>,
    /// When it was over.
    pub ended_at: Option<Ts>,
    /// What somebody has to do about it.
    pub waits_for: String,
    /// From when it is shown as waiting.
    pub waits_from: Ts,
    /// Its inquiry.
    pub inquiry_id: Option<Uuid>,
    /// The inquiry's request number.
    pub reference: Option<String>,
    /// Whether the inquiry was made of it.
    pub opened: bool,
    /// What a person said of it.
    pub outcome: String,
    /// Which fields were told so that they can't be used.
    pub unusable: String,
}

impl Standing {
    /// Whether its place is decided: it is an inquiry, a further call of one, or a person has dealt with it.
    pub fn is_placed(&self) -> bool {
        self.opened || !self.outcome.is_empty() || self.waits_for == "call_back"
    }
}

const STANDING: &str = "SELECT call_id, caller_key, waits_for, inquiry_id, opened, outcome, sealed FROM calls";

macro_rules! listed {
    ($then:literal) => {
        concat!(
            "SELECT call_id, feed, queue, direction, state, agent, started_at, answered_at, ended_at, waits_for, waits_from, \
                calls.inquiry_id, reference, opened, outcome, unusable \
             FROM calls LEFT JOIN inquiries USING (center_id, inquiry_id) WHERE center_id = $1 AND ",
            $then
        )
    };
}

/// Those that somebody has to look at, behind a place of the list.
pub const WAITING: &str = listed!(
    "waits_for <> '' AND waits_from <= $2 AND (waits_from, call_id) > ($3, $4) ORDER BY waits_from, call_id LIMIT $5"
);
/// Those that were answered lately and are no entry yet, the newest first.
pub const RECENT: &str = listed!("waits_for = 'entry' AND over_at > $2 ORDER BY over_at DESC, call_id DESC LIMIT $3");
/// Those of an inquiry.
pub const OF_INQUIRY: &str = listed!("calls.inquiry_id = $2 ORDER BY started_at, call_id LIMIT $3");

/// The call under a key, held until the transaction ends.
pub async fn under(tx: &mut Tx, call_key: &[u8]) -> Result<Option<Standing>, sqlx::Error> {
    let center = tx.center().to_owned();
    let sql = format!("{STANDING} WHERE center_id = $1 AND call_key = $2 FOR UPDATE");
    sqlx::query_as(sqlx::AssertSqlSafe(sql)).bind(center).bind(call_key).fetch_optional(tx.conn()).await
}

/// A call by its id, held until the transaction ends.
pub async fn hold(tx: &mut Tx, call_id: Uuid) -> Result<Option<Standing>, sqlx::Error> {
    let center = tx.center().to_owned();
    let sql = format!("{STANDING} WHERE center_id = $1 AND call_id = $2 FOR UPDATE");
    sqlx::query_as(sqlx::AssertSqlSafe(sql)).bind(center).bind(call_id).fetch_optional(tx.conn()).await
}

/// A call by its id, to be shown, with what each event told.
pub async fn one(tx: &mut Tx, call_id: Uuid) -> Result<Option<(Listed, Vec<u8>)>, sqlx::Error> {
    let center = tx.center().to_owned();
    let found: Option<Listed> =
        sqlx::query_as(listed!("call_id = $2")).bind(&center).bind(call_id).fetch_optional(tx.conn()).await?;
    let Some(found) = found else { return Ok(None) };
    let sealed = sqlx::query_scalar("SELECT sealed FROM calls WHERE center_id = $1 AND call_id = $2")
        .bind(center)
        .bind(call_id)
        .fetch_one(tx.conn())
        .await?;
    Ok(Some((found, sealed)))
}

/// The open inquiry that a call of this number made.
pub async fn open_of(tx: &mut Tx, caller_key: &[u8]) -> Result<Option<Uuid>, sqlx::Error> {
    let center = tx.center().to_owned();
    sqlx::query_scalar(
        "SELECT inquiry_id FROM calls WHERE center_id = $1 AND caller_key = $2 AND opened AND closed_at IS NULL",
    )
    .bind(center)
    .bind(caller_key)
    .fetch_optional(tx.conn())
    .await
}

/// Writes a call, or what is known of it now.
pub async fn write(tx: &mut Tx, call: &NewCall<'_>) -> Result<(), sqlx::Error> {
    let center = tx.center().to_owned();
    sqlx::query(
        "INSERT INTO calls (center_id, call_id, feed, call_key, caller_key, queue, direction, state, agent, started_at, \
            answered_at, ended_at, over_at, waits_for, waits_from, inquiry_id, opened, unusable, sealed) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19) \
         ON CONFLICT (center_id, call_key) DO UPDATE SET caller_key = EXCLUDED.caller_key, queue = EXCLUDED.queue, \
            direction = EXCLUDED.direction, state = EXCLUDED.state, agent = EXCLUDED.agent, \
            started_at = EXCLUDED.started_at, answered_at = EXCLUDED.answered_at, ended_at = EXCLUDED.ended_at, \
            over_at = EXCLUDED.over_at, waits_for = EXCLUDED.waits_for, waits_from = EXCLUDED.waits_from, inquiry_id = EXCLUDED.inquiry_id, \
            opened = EXCLUDED.opened, unusable = EXCLUDED.unusable, sealed = EXCLUDED.sealed",
    )
    .bind(center)
    .bind(call.call_id)
    .bind(call.feed)
    .bind(call.call_key)
    .bind(call.caller_key)
    .bind(call.queue)
    .bind(call.direction)
    .bind(call.state)
    .bind(call.agent)
    .bind(Ts(call.started_at))
    .bind(call.answered_at.map(Ts))
    .bind(call.ended_at.map(Ts))
    .bind(Ts(call.over_at))
    .bind(call.waits_for)
    .bind(Ts(call.waits_from))
    .bind(call.inquiry_id)
    .bind(call.opened)
    .bind(call.unusable)
    .bind(call.sealed)
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Says what a person said of calls, and to which inquiry they belong where that is said; gives those that waited.
pub async fn settle(
    tx: &mut Tx,
    calls: &[Uuid],
    (outcome, actor): (&str, &str),
    inquiry: Option<Uuid>,
) -> Result<Vec<Uuid>, sqlx::Error> {
    let (center, now) = (tx.center().to_owned(), tx.now());
    sqlx::query_scalar(
        "UPDATE calls SET waits_for = '', outcome = $3, settled_by = $4, settled_at = $5, \
            inquiry_id = coalesce($6, inquiry_id) \
         WHERE center_id = $1 AND call_id = ANY($2) AND waits_for <> '' RETURNING call_id",
    )
    .bind(center)
    .bind(calls)
    .bind(outcome)
    .bind(actor)
    .bind(Ts(now))
    .bind(inquiry)
    .fetch_all(tx.conn())
    .await
}

/// A call by its id, and those of others that wait for a call back, held until the transaction ends: in their order, so that
/// two people who settle each other's calls wait for one another and never both.
pub async fn hold_with(tx: &mut Tx, call_id: Uuid, others: &[Uuid]) -> Result<Vec<Standing>, sqlx::Error> {
    let center = tx.center().to_owned();
    let sql = format!(
        "{STANDING} WHERE center_id = $1 AND call_id = ANY($2) AND (call_id = $3 OR waits_for = 'call_back') \
         ORDER BY call_id FOR UPDATE"
    );
    let all: Vec<Uuid> = others.iter().copied().chain([call_id]).collect();
    sqlx::query_as(sqlx::AssertSqlSafe(sql)).bind(center).bind(all).bind(call_id).fetch_all(tx.conn()).await
}

/// Notes that inquiries are over: the next call of the same number is a new one.
pub async fn close(tx: &mut Tx, inquiries: &[Uuid]) -> Result<(), sqlx::Error> {
    let (center, now) = (tx.center().to_owned(), tx.now());
    sqlx::query(
        "UPDATE calls SET closed_at = $3 WHERE center_id = $1 AND inquiry_id = ANY($2) AND inquiry_id IS NOT NULL \
            AND opened AND closed_at IS NULL",
    )
    .bind(center)
    .bind(inquiries)
    .bind(Ts(now))
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Those that wait, behind a place of the list.
pub async fn waiting(tx: &mut Tx, after: (Timestamp, Uuid), most: i64) -> Result<Vec<Listed>, sqlx::Error> {
    let (center, now) = (tx.center().to_owned(), tx.now());
    sqlx::query_as(WAITING)
        .bind(center)
        .bind(Ts(now))
        .bind(Ts(after.0))
        .bind(after.1)
        .bind(most)
        .fetch_all(tx.conn())
        .await
}

/// Those that were answered lately and are no entry yet.
pub async fn recent(tx: &mut Tx, since: Timestamp, most: i64) -> Result<Vec<Listed>, sqlx::Error> {
    let center = tx.center().to_owned();
    sqlx::query_as(RECENT).bind(center).bind(Ts(since)).bind(most).fetch_all(tx.conn()).await
}

/// Those of an inquiry.
pub async fn of_inquiry(tx: &mut Tx, inquiry: Uuid, most: i64) -> Result<Vec<Listed>, sqlx::Error> {
    let center = tx.center().to_owned();
    sqlx::query_as(OF_INQUIRY).bind(center).bind(inquiry).bind(most).fetch_all(tx.conn()).await
}

/// How many wait.
pub async fn count_waiting(tx: &mut Tx) -> Result<i64, sqlx::Error> {
    let (center, now) = (tx.center().to_owned(), tx.now());
    sqlx::query_scalar("SELECT count(*) FROM calls WHERE center_id = $1 AND waits_for <> '' AND waits_from <= $2")
        .bind(center)
        .bind(Ts(now))
        .fetch_one(tx.conn())
        .await
}

/// How many wait, by center and for what.
pub const WAITING_EVERYWHERE: &str =
    "SELECT center_id, waits_for, count(*) FROM calls WHERE waits_for <> '' AND waits_from <= $1 GROUP BY 1, 2";

/// How many wait, by center and for what. For the machine's login, which sees all centers.
pub async fn waiting_everywhere(machine: &PgPool, now: Timestamp) -> Result<Vec<(String, String, i64)>, sqlx::Error> {
    sqlx::query_as(WAITING_EVERYWHERE).bind(Ts(now)).fetch_all(machine).await
}

/// The newest inquiries whose person has a token: id, request number, when, consult type.
pub async fn known_by(tx: &mut Tx, token: &[u8], most: i64) -> Result<Vec<(Uuid, String, Ts, String)>, sqlx::Error> {
    let center = tx.center().to_owned();
    sqlx::query_as(
        "SELECT inquiry_id, reference, received_at, consult_type \
         FROM person_tokens JOIN inquiries USING (center_id, inquiry_id) \
         WHERE center_id = $1 AND token = $2 ORDER BY inquiry_id DESC LIMIT $3",
    )
    .bind(center)
    .bind(token)
    .bind(most)
    .fetch_all(tx.conn())
    .await
}
