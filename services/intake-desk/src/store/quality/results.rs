//! What finished audits add up to. The database adds up, so that a year of audits is as many rows as there are teams, scripts,
//! people, weeks and items.

use causeway_mailbox::{Ts, Tx};
use jiff::Timestamp;

/// Finished audits of one team, script, person and week.
#[derive(Debug, Clone, Default, sqlx::FromRow)]
pub struct Scores {
    /// Team.
    pub team: String,
    /// Script.
    pub script: String,
    /// Its version.
    pub script_version: String,
    /// Whose work.
    pub person: String,
    /// The Monday of the week for which they were drawn.
    pub week: String,
    /// How many.
    pub audits: i64,
    /// How many with a score.
    pub scored: i64,
    /// The sum of their scores.
    pub total: i64,
}

/// Answers to one item in them.
#[derive(Debug, Clone, Default, sqlx::FromRow)]
pub struct Misses {
    /// Team.
    pub team: String,
    /// Script.
    pub script: String,
    /// Its version.
    pub script_version: String,
    /// Whose work.
    pub person: String,
    /// The Monday of the week for which they were drawn.
    pub week: String,
    /// The item.
    pub item: String,
    /// What it is about.
    pub about: String,
    /// The note's field.
    pub field: String,
    /// How often the answer was no.
    pub missed: i64,
    /// How often it applied.
    pub applied: i64,
}

/// Scores: center, from, to, person (empty: everybody).
pub const SCORES_SQL: &str = "SELECT team, script, script_version, person, week::text AS week, count(*) AS audits, count(score) AS scored, \
     COALESCE(sum(score), 0)::bigint AS total FROM quality_audits \
     WHERE center_id = $1 AND state = 'finished' AND finished_at >= $2 AND finished_at < $3 AND ($4::text = '' OR person = $4) \
     GROUP BY team, script, script_version, person, week";

/// Answers: as [`SCORES_SQL`]. They are found audit by audit (that is what `OFFSET 0` keeps), so that it costs what lies in the stretch
/// of time and not all that was ever answered.
pub const MISSES_SQL: &str = "SELECT q.team, q.script, q.script_version, q.person, q.week::text AS week, a.item, a.about, a.field, \
     count(*) FILTER (WHERE a.answer = 'no') AS missed, count(*) FILTER (WHERE a.answer <> 'not_applicable') AS applied \
     FROM quality_audits AS q CROSS JOIN LATERAL (SELECT item, about, field, answer FROM quality_answers \
        WHERE audit_id = q.audit_id AND reading = q.final_reading OFFSET 0) AS a \
     WHERE q.center_id = $1 AND q.state = 'finished' AND q.finished_at >= $2 AND q.finished_at < $3 AND ($4::text = '' OR q.person = $4) \
     GROUP BY q.team, q.script, q.script_version, q.person, q.week, a.item, a.about, a.field";

/// Pairs of answers of two readers of finished audits: center, from, to.
pub const PAIRS_SQL: &str = "SELECT pair.item, pair.first, pair.second, count(*) FROM quality_audits AS q \
     CROSS JOIN LATERAL (SELECT one.item, one.answer AS first, other.answer AS second FROM quality_answers AS one \
        JOIN quality_answers AS other ON other.audit_id = one.audit_id AND other.reading = 2 AND other.item = one.item \
        WHERE one.audit_id = q.audit_id AND one.reading = 1 OFFSET 0) AS pair \
     WHERE q.center_id = $1 AND q.state = 'finished' AND q.second_reader <> '' AND q.finished_at >= $2 AND q.finished_at < $3 \
     GROUP BY pair.item, pair.first, pair.second";

/// Scores and answers of everybody, or of one person.
pub async fn added_up(
    tx: &mut Tx,
    (from, to): (Timestamp, Timestamp),
    person: &str,
) -> Result<(Vec<Scores>, Vec<Misses>), sqlx::Error> {
    let center = tx.center().to_owned();
    let scores =
        sqlx::query_as(SCORES_SQL).bind(&center).bind(Ts(from)).bind(Ts(to)).bind(person).fetch_all(tx.conn()).await?;
    let misses =
        sqlx::query_as(MISSES_SQL).bind(&center).bind(Ts(from)).bind(Ts(to)).bind(person).fetch_all(tx.conn()).await?;
    Ok((scores, misses))
}

/// Item, the first reader's answer, the second's, and how often.
pub async fn pairs(
    tx: &mut Tx,
    (from, to): (Timestamp, Timestamp),
) -> Result<Vec<(String, String, String, i64)>, sqlx::Error> {
    let center = tx.center().to_owned();
    sqlx::query_as(PAIRS_SQL).bind(center).bind(Ts(from)).bind(Ts(to)).fetch_all(tx.conn()).await
}
