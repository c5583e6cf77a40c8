//! Notices that are decided on, listed, and cancelled before they went out.

use std::collections::{HashMap, HashSet};

use causeway_envelope::TraceContext;
use causeway_mailbox::{Ts, Tx, TxError};
use jiff::Timestamp;
use sqlx::Row as _;
use uuid::Uuid;

use crate::domain::notice::{Intended, Kind, State, reason};
use crate::handlers::Moved;

const INSERT: &str = "INSERT INTO notices (center_id, revision, intended_at, notice_id, inquiry_id, kind, occurrence, channel, \
        language, template, reference, consult_type, cancer_area, contact_by, opens_at, params, appointment_id, \
        appointment_version, consented_at, caused_at, not_after, traceparent, state, reason, next_try_at) \
    SELECT $1, $2, $3, notice, inquiry, kind, occurrence, channel, language, template, reference, consult, area, contact_by, \
        opens_at, params::jsonb, appointment, appointment_version, consented, caused, not_after, trace, state, reason, send_at \
    FROM unnest($4::uuid[], $5::uuid[], $6::text[], $7::text[], $8::text[], $9::text[], $10::text[], $11::text[], $12::text[], \
        $13::text[], $14::timestamptz[], $15::timestamptz[], $16::text[], $17::uuid[], $18::bigint[], $19::timestamptz[], \
        $20::timestamptz[], $21::timestamptz[], $22::text[], $23::text[], $24::text[], $25::timestamptz[]) \
        AS t (notice, inquiry, kind, occurrence, channel, language, template, reference, consult, area, contact_by, opens_at, \
        params, appointment, appointment_version, consented, caused, not_after, trace, state, reason, send_at) \
    ON CONFLICT (center_id, inquiry_id, kind, occurrence) DO NOTHING RETURNING notice_id";

/// A notice with the id and the trace that it will have.
pub struct NewNotice {
    /// Its id.
    pub notice_id: Uuid,
    /// What it is.
    pub intended: Intended,
    /// The trace of what caused it.
    pub trace: TraceContext,
}

/// Writes notices with one statement, and gives the ids of those that were new: a cause that comes again makes no second
/// notice, whatever way it took.
pub async fn insert(tx: &mut Tx, revision: &str, all: &[NewNotice]) -> Result<Vec<Uuid>, TxError> {
    if all.is_empty() {
        return Ok(Vec::new());
    }
    let (center, now) = (tx.center().to_owned(), tx.now());
    let texts = |get: fn(&NewNotice) -> &str| -> Vec<&str> { all.iter().map(get).collect() };
    let times = |get: fn(&NewNotice) -> Timestamp| -> Vec<Ts> { all.iter().map(|one| Ts(get(one))).collect() };
    let maybe = |get: fn(&NewNotice) -> Option<Timestamp>| -> Vec<Option<Ts>> {
        all.iter().map(|one| get(one).map(Ts)).collect()
    };
    Ok(sqlx::query_scalar(INSERT)
        .bind(center)
        .bind(revision)
        .bind(Ts(now))
        .bind(all.iter().map(|one| one.notice_id).collect::<Vec<_>>())
        .bind(all.iter().map(|one| one.intended.about.inquiry_id).collect::<Vec<_>>())
        .bind(texts(|one| one.intended.kind.word()))
        .bind(texts(|one| &one.intended.occurrence))
        .bind(texts(|one| if one.intended.refused().is_some() { "none" } else { "email" }))
        .bind(texts(|one| &one.intended.about.language))
        .bind(texts(|one| &one.intended.template))
        .bind(texts(|one| &one.intended.about.reference))
        .bind(texts(|one| one.intended.about.consult_type.as_str()))
        .bind(texts(|one| one.intended.about.cancer_area.as_str()))
        .bind(maybe(|one| one.intended.contact_by))
        .bind(maybe(|one| one.intended.opens_at))
        .bind(all.iter().map(params).collect::<Vec<_>>())
        .bind(all.iter().map(|one| one.intended.appointment.map(|visit| visit.0)).collect::<Vec<_>>())
        .bind(all.iter().map(|one| one.intended.appointment.map(|visit| visit.1)).collect::<Vec<_>>())
        .bind(times(|one| one.intended.about.consented_at))
        .bind(times(|one| one.intended.caused_at))
        .bind(maybe(|one| one.intended.not_after))
        .bind(all.iter().map(|one| one.trace.traceparent()).collect::<Vec<_>>())
        .bind(texts(|one| state_of(one).word()))
        .bind(texts(|one| one.intended.refused().unwrap_or_default()))
        .bind(times(|one| one.intended.send_at))
        .fetch_all(tx.conn())
        .await?)
}

fn state_of(one: &NewNotice) -> State {
    if one.intended.refused().is_some() { State::Suppressed } else { State::Intended }
}

/// A few ids and words; always serialises.
fn params(one: &NewNotice) -> Option<String> {
    one.intended.params.as_ref().and_then(|params| serde_json::to_string(params).ok())
}

/// A notice as staff see it in a list.
pub struct Listed {
    /// Its id.
    pub notice_id: Uuid,
    /// What it is about, as a word.
    pub kind: String,
    /// `email` or `none`.
    pub channel: String,
    /// Where it stands, as a word.
    pub state: String,
    /// Why.
    pub reason: String,
    /// When that was.
    pub at: Timestamp,
}

/// Most notices in one list.
const MOST_LISTED: i64 = 200;

/// The notices of an inquiry to the person, newest first; what staff are told of it is none.
pub async fn list(tx: &mut Tx, inquiry_id: Uuid) -> Result<Vec<Listed>, TxError> {
    let rows = sqlx::query(
        "SELECT notice_id, kind, channel, state, reason, coalesce(finished_at, sending_since, intended_at) AS at \
         FROM notices WHERE inquiry_id = $1 AND kind <> 'staff_escalation' ORDER BY intended_at DESC, notice_id DESC LIMIT $2",
    )
    .bind(inquiry_id)
    .bind(MOST_LISTED)
    .fetch_all(tx.conn())
    .await?;
    let read = |row: &sqlx::postgres::PgRow| -> Result<Listed, sqlx::Error> {
        let at: Ts = row.try_get("at")?;
        Ok(Listed {
            notice_id: row.try_get("notice_id")?,
            kind: row.try_get("kind")?,
            channel: row.try_get("channel")?,
            state: row.try_get("state")?,
            reason: row.try_get("reason")?,
            at: at.0,
        })
    };
    Ok(rows.iter().map(read).collect::<Result<_, _>>()?)
}

/// Confirmations that are not out yet promise the new time; one that is out stays as it was sent. An older word than the one
/// that is known changes nothing. Gives the inquiries that have a confirmation at all.
pub async fn move_contact(tx: &mut Tx, moved: &[Moved]) -> Result<HashSet<Uuid>, TxError> {
    if moved.is_empty() {
        return Ok(HashSet::new());
    }
    // One inquiry may have moved twice in one batch, and one row can't be written twice by one statement.
    let mut newest: HashMap<Uuid, Moved> = HashMap::new();
    for one in moved {
        let known = newest.entry(one.inquiry_id).or_insert(*one);
        if one.at > known.at {
            *known = *one;
        }
    }
    let newest: Vec<Moved> = newest.into_values().collect();
    let inquiries: Vec<Uuid> = newest.iter().map(|one| one.inquiry_id).collect();
    let times = |get: fn(&Moved) -> Timestamp| -> Vec<Ts> { newest.iter().map(|one| Ts(get(one))).collect() };
    sqlx::query(
        "UPDATE notices SET contact_by = t.due, not_after = t.due, caused_at = t.at, version = version + 1, \
             opens_at = CASE WHEN opens_at IS NULL THEN NULL ELSE t.starts END \
         FROM unnest($1::uuid[], $2::timestamptz[], $3::timestamptz[], $4::timestamptz[]) AS t (inquiry, due, starts, at) \
         WHERE inquiry_id = inquiry AND kind = 'confirmation' AND state = 'intended' AND caused_at <= t.at",
    )
    .bind(&inquiries)
    .bind(times(|one| one.contact_by))
    .bind(times(|one| one.starts_at))
    .bind(times(|one| one.at))
    .execute(tx.conn())
    .await?;
    let known: Vec<Uuid> =
        sqlx::query_scalar("SELECT inquiry_id FROM notices WHERE inquiry_id = ANY($1) AND kind = 'confirmation'")
            .bind(&inquiries)
            .fetch_all(tx.conn())
            .await?;
    Ok(known.into_iter().collect())
}

/// A confirmation that had no address to go to goes out after all, where what it promises still holds. Which of them were meant to be mailed
/// at all was said by their people; those that are closed, or whose people asked for no more, are held back at the claim.
pub async fn confirm_after_all(tx: &mut Tx, inquiries: &[Uuid]) -> Result<(), TxError> {
    if inquiries.is_empty() {
        return Ok(());
    }
    let now = tx.now();
    sqlx::query(
        "UPDATE notices SET state = 'intended', reason = '', version = version + 1, next_try_at = $3, finished_at = NULL \
         WHERE inquiry_id = ANY($1) AND kind = 'confirmation' AND channel = 'email' AND state = 'suppressed' AND reason = $2 \
             AND (not_after IS NULL OR not_after > $3)",
    )
    .bind(inquiries)
    .bind(reason::NO_CHANNEL)
    .bind(Ts(now))
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Forgets that inquiries were closed which were opened again since; gives those that are open now. What was held back stays so.
pub async fn reopen(tx: &mut Tx, reopened: &[(Uuid, Timestamp)]) -> Result<Vec<Uuid>, TxError> {
    let (inquiries, times): (Vec<Uuid>, Vec<Ts>) = reopened.iter().map(|(inquiry, at)| (*inquiry, Ts(*at))).unzip();
    let open: Vec<Uuid> = sqlx::query_scalar(
        "DELETE FROM closures USING unnest($1::uuid[], $2::timestamptz[]) AS t (inquiry, opened) \
         WHERE inquiry_id = inquiry AND closed_at <= opened RETURNING inquiry_id",
    )
    .bind(&inquiries)
    .bind(&times)
    .fetch_all(tx.conn())
    .await?;
    Ok(open)
}

/// Keeps when inquiries were closed and suppresses what was caused before and is not out yet; gives how many by kind. That an agreed
/// step is called off is told all the same: the person else waits for a call that nobody makes.
pub async fn close(tx: &mut Tx, closed: &[(Uuid, Timestamp)]) -> Result<HashMap<Kind, i64>, TxError> {
    let (center, now) = (tx.center().to_owned(), tx.now());
    // One inquiry may be closed twice in one batch, and one row can't be written twice by one statement.
    let mut last: HashMap<Uuid, Timestamp> = HashMap::new();
    for (inquiry, at) in closed {
        let known = last.entry(*inquiry).or_insert(*at);
        *known = (*known).max(*at);
    }
    let (inquiries, times): (Vec<Uuid>, Vec<Ts>) = last.into_iter().map(|(inquiry, at)| (inquiry, Ts(at))).unzip();
    sqlx::query(
        "INSERT INTO closures (center_id, inquiry_id, closed_at) SELECT $1, * FROM unnest($2::uuid[], $3::timestamptz[]) \
         ON CONFLICT (center_id, inquiry_id) DO UPDATE SET closed_at = greatest(closures.closed_at, excluded.closed_at)",
    )
    .bind(center)
    .bind(&inquiries)
    .bind(&times)
    .execute(tx.conn())
    .await?;
    let kinds: Vec<String> = sqlx::query_scalar(
        "UPDATE notices SET state = 'suppressed', reason = $3, version = version + 1, finished_at = $4 \
         FROM unnest($1::uuid[], $2::timestamptz[]) AS t (inquiry, closed) \
         WHERE inquiry_id = inquiry AND state = 'intended' AND caused_at <= closed AND kind <> 'next_step_called_off' RETURNING kind",
    )
    .bind(&inquiries)
    .bind(&times)
    .bind(reason::CLOSED)
    .bind(Ts(now))
    .fetch_all(tx.conn())
    .await?;
    let mut counts = HashMap::new();
    for kind in kinds.iter().filter_map(|kind| Kind::from_word(kind)) {
        *counts.entry(kind).or_insert(0) += 1;
    }
    Ok(counts)
}
