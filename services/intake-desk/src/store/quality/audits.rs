//! The audits: queue, one for update, and who worked the inquiry.

use std::collections::BTreeSet;

use causeway_mailbox::{Ts, Tx};
use jiff::Timestamp;
use uuid::Uuid;

use super::unreadable;
use crate::domain::{Audit, AuditState, Reading};

/// An audit as it stands in its table, with the facts of its inquiry.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct AuditRow {
    /// Its id.
    pub audit_id: Uuid,
    /// Which inquiry.
    pub inquiry_id: Uuid,
    /// The rule that drew it; empty: somebody chose it.
    pub rule: String,
    /// The Monday of its week.
    pub week: String,
    /// Team at that time.
    pub team: String,
    /// Whose work it is.
    pub person: String,
    /// The script that was used.
    pub script: String,
    /// Its version.
    pub script_version: String,
    /// How the inquiry stood.
    pub outcome: String,
    /// How far it is.
    pub state: String,
    /// Who read it first.
    pub first_reader: String,
    /// Who reads it second.
    pub second_reader: String,
    /// Somebody else reads it as well.
    pub second_wanted: bool,
    /// The reading that counts.
    pub final_reading: Option<i16>,
    /// Its score.
    pub score: Option<i32>,
    /// Who may not read it second.
    pub not_blind: Vec<String>,
    /// Who wrote the settlement that stands.
    pub settled_by: String,
    /// It was counted in the figures already.
    pub counted: bool,
    /// Counts its changes.
    pub version: i64,
    /// When it came into the queue.
    pub created_at: Ts,
    /// When it was finished.
    pub finished_at: Option<Ts>,
    /// The inquiry's facts as they came.
    pub facts: Vec<u8>,
}

impl AuditRow {
    /// What decides who may do what.
    pub fn audit(&self) -> Result<Audit, sqlx::Error> {
        let final_reading = match self.final_reading {
            None => None,
            Some(1) => Some(Reading::First),
            Some(3) => Some(Reading::Settled),
            Some(other) => return Err(unreadable("final_reading", &other.to_string())),
        };
        Ok(Audit {
            audit_id: self.audit_id,
            inquiry_id: self.inquiry_id,
            state: AuditState::parse(&self.state).ok_or_else(|| unreadable("state", &self.state))?,
            first_reader: self.first_reader.clone(),
            second_reader: self.second_reader.clone(),
            second_wanted: self.second_wanted,
            final_reading,
            score: self.score.and_then(|score| u32::try_from(score).ok()),
            not_blind: self.not_blind.iter().cloned().collect(),
            settled_by: self.settled_by.clone(),
            version: self.version,
        })
    }
}

macro_rules! columns {
    ($rest:literal) => {
        concat!(
            "SELECT q.audit_id, q.inquiry_id, q.rule, q.week::text AS week, q.team, q.person, q.script, q.script_version, q.outcome, \
             q.state, q.first_reader, q.second_reader, q.second_wanted, q.final_reading, q.score, q.not_blind, \
             q.settled_by, q.counted, q.version, q.created_at, q.finished_at, i.facts FROM quality_audits AS q JOIN inquiries AS i ON i.inquiry_id = q.inquiry_id ",
            $rest
        )
    };
}

/// Loads one and locks it.
pub async fn load_for_update(tx: &mut Tx, audit_id: Uuid) -> Result<Option<AuditRow>, sqlx::Error> {
    sqlx::query_as(columns!("WHERE q.audit_id = $1 FOR UPDATE OF q")).bind(audit_id).fetch_optional(tx.conn()).await
}

/// The one of an inquiry that is not finished, the oldest first.
pub async fn open_of(tx: &mut Tx, inquiry_id: Uuid) -> Result<Option<Uuid>, sqlx::Error> {
    sqlx::query_scalar(
        "SELECT audit_id FROM quality_audits WHERE inquiry_id = $1 AND state <> 'finished' ORDER BY created_at, audit_id LIMIT 1",
    )
    .bind(inquiry_id)
    .fetch_optional(tx.conn())
    .await
}

/// Saves one that was loaded for update.
pub async fn save(tx: &mut Tx, audit: &Audit) -> Result<(), sqlx::Error> {
    let finished_at = (audit.state == AuditState::Finished).then(|| Ts(tx.now()));
    let not_blind: Vec<&str> = audit.not_blind.iter().map(String::as_str).collect();
    // A finished one that somebody looks at stays finished when it was.
    sqlx::query(
        "UPDATE quality_audits SET state = $2, first_reader = $3, second_reader = $4, second_wanted = $5, final_reading = $6, \
         score = $7, version = $8, finished_at = CASE WHEN $9::timestamptz IS NOT NULL THEN COALESCE(finished_at, $9) END, \
         not_blind = $10, settled_by = $11, counted = counted OR $9 IS NOT NULL WHERE audit_id = $1",
    )
    .bind(audit.audit_id)
    .bind(audit.state.as_str())
    .bind(&audit.first_reader)
    .bind(&audit.second_reader)
    .bind(audit.second_wanted)
    .bind(audit.final_reading.map(Reading::number))
    .bind(audit.score.and_then(|score| i32::try_from(score).ok()))
    .bind(audit.version)
    .bind(finished_at)
    .bind(not_blind)
    .bind(&audit.settled_by)
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Everybody who worked an inquiry: who has it, who tried, and who did anything of its timeline.
pub async fn workers(tx: &mut Tx, inquiry_id: Uuid) -> Result<BTreeSet<String>, sqlx::Error> {
    let all: Vec<String> = sqlx::query_scalar(
        "SELECT owner FROM inquiries WHERE inquiry_id = $1 UNION SELECT actor FROM attempts WHERE inquiry_id = $1 \
         UNION SELECT actor FROM timeline WHERE inquiry_id = $1 UNION SELECT saved_by FROM notes WHERE inquiry_id = $1",
    )
    .bind(inquiry_id)
    .fetch_all(tx.conn())
    .await?;
    Ok(all.into_iter().filter(|who| !who.is_empty()).collect())
}

/// Which audits are listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AuditView {
    /// What waits for a reader.
    Waiting,
    /// What somebody reads or settles.
    Mine,
    /// All that is not finished.
    Open,
    /// What is finished, newest first.
    Finished,
}

impl AuditView {
    /// Reads the word on the wire; empty means open.
    pub fn parse(word: &str) -> Option<Self> {
        Some(match word {
            "waiting" => Self::Waiting,
            "mine" => Self::Mine,
            "" | "open" => Self::Open,
            "finished" => Self::Finished,
            _ => return None,
        })
    }
}

/// The statement of a page of a view: center, who asks, the last row's time and id (none: from the beginning), most rows.
pub const fn audits_sql(view: AuditView) -> &'static str {
    match view {
        AuditView::Waiting => columns!(
            "WHERE q.center_id = $1 AND q.state <> 'finished' AND q.state IN ('waiting', 'second_waiting') AND $2::text <> '' \
             AND ($3::timestamptz IS NULL OR (q.created_at, q.audit_id) > ($3, $4)) ORDER BY q.created_at, q.audit_id LIMIT $5"
        ),
        AuditView::Mine => columns!(
            "WHERE q.center_id = $1 AND q.state <> 'finished' AND (q.state = 'first' AND q.first_reader = $2 \
             OR q.state = 'second' AND q.second_reader = $2 OR q.state = 'differs' AND $2 IN (q.first_reader, q.second_reader)) \
             AND ($3::timestamptz IS NULL OR (q.created_at, q.audit_id) > ($3, $4)) ORDER BY q.created_at, q.audit_id LIMIT $5"
        ),
        AuditView::Open => columns!(
            "WHERE q.center_id = $1 AND q.state <> 'finished' AND $2::text <> '' \
             AND ($3::timestamptz IS NULL OR (q.created_at, q.audit_id) > ($3, $4)) ORDER BY q.created_at, q.audit_id LIMIT $5"
        ),
        AuditView::Finished => columns!(
            "WHERE q.center_id = $1 AND q.state = 'finished' AND $2::text <> '' \
             AND ($3::timestamptz IS NULL OR (q.finished_at, q.audit_id) < ($3, $4)) ORDER BY q.finished_at DESC, q.audit_id DESC LIMIT $5"
        ),
    }
}

/// A page of audits.
pub async fn page(
    tx: &mut Tx,
    (view, me): (AuditView, &str),
    after: Option<(Timestamp, Uuid)>,
    limit: i64,
) -> Result<Vec<AuditRow>, sqlx::Error> {
    let center = tx.center().to_owned();
    sqlx::query_as(audits_sql(view))
        .bind(center)
        .bind(me)
        .bind(after.map(|(at, _)| Ts(at)))
        .bind(after.map_or_else(Uuid::nil, |(_, id)| id))
        .bind(limit)
        .fetch_all(tx.conn())
        .await
}

/// The statement of somebody's own finished ones, newest first: center, person, from, to, most rows.
pub const OWN_SQL: &str = columns!(
    "WHERE q.center_id = $1 AND q.person = $2 AND q.state = 'finished' AND q.finished_at >= $3 AND q.finished_at < $4 \
     ORDER BY q.finished_at DESC, q.audit_id DESC LIMIT $5"
);

/// Somebody's own finished ones.
pub async fn own(
    tx: &mut Tx,
    person: &str,
    (from, to): (Timestamp, Timestamp),
    limit: i64,
) -> Result<Vec<AuditRow>, sqlx::Error> {
    let center = tx.center().to_owned();
    sqlx::query_as(OWN_SQL).bind(center).bind(person).bind(Ts(from)).bind(Ts(to)).bind(limit).fetch_all(tx.conn()).await
}
