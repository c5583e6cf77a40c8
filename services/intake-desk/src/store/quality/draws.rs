//! What rules may draw from, and what they have drawn.

use causeway_mailbox::{Ts, Tx};
use jiff::Timestamp;
use jiff::civil::Date;
use uuid::Uuid;

/// An inquiry that was worked, as it stands.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct WorkedInquiry {
    /// Which one.
    pub inquiry_id: Uuid,
    /// Its team.
    pub team: String,
    /// Whose work it is: its owner's where they tried themselves, else that of who tried last, with a script before without.
    pub person: String,
    /// The script beside the last try that had one, and its version; empty: none had.
    pub script: String,
    /// Its version.
    pub script_version: String,
    /// attended, no_show, a close reason, or open.
    pub outcome: String,
}

/// Whose work it is, and which script was used: both are of one try. Who has it at the end may have only closed it. Tries are few, so
/// the last ones are found by their key.
macro_rules! worked {
    ($from:literal) => {
        concat!(
            "SELECT i.inquiry_id, i.team, last.actor AS person, last.script, last.script_version, i.outcome FROM ",
            $from,
            " CROSS JOIN LATERAL (SELECT a.actor, a.script, a.script_version FROM attempts AS a \
             WHERE a.inquiry_id = i.inquiry_id \
             ORDER BY a.actor = i.owner DESC, a.script <> '' DESC, a.number DESC LIMIT 1) AS last"
        )
    };
}

/// What ended in a stretch of time and was worked, and neither waits for a reader nor was put there since it ended: each of the three
/// ways to end has its index. A visit that was missed is one, whatever came after it, so an inquiry can be there twice. `OFFSET 0`
/// has its audits looked up inquiry by inquiry, whatever was ever audited.
pub const CANDIDATES_SQL: &str = worked!(
    "(SELECT * FROM (SELECT inquiry_id, team, owner, close_reason AS outcome, closed_at AS ended_at FROM inquiries \
         WHERE center_id = $1 AND stage = 'closed' AND closed_at >= $2 AND closed_at < $3 \
      UNION ALL SELECT inquiry_id, team, owner, 'attended', visit_told_at FROM inquiries \
         WHERE center_id = $1 AND stage = 'attended' AND visit_told_at >= $2 AND visit_told_at < $3 \
      UNION ALL SELECT inquiry_id, team, owner, 'no_show', missed_at FROM inquiries \
         WHERE center_id = $1 AND missed_at >= $2 AND missed_at < $3) AS ended \
      WHERE NOT EXISTS (SELECT FROM quality_audits AS q WHERE q.inquiry_id = ended.inquiry_id \
         AND (q.state <> 'finished' OR q.created_at >= ended.ended_at) OFFSET 0)) AS i"
);

/// What may be drawn of what ended in a stretch of time.
pub async fn candidates(tx: &mut Tx, (from, to): (Timestamp, Timestamp)) -> Result<Vec<WorkedInquiry>, sqlx::Error> {
    let center = tx.center().to_owned();
    sqlx::query_as(CANDIDATES_SQL).bind(center).bind(Ts(from)).bind(Ts(to)).fetch_all(tx.conn()).await
}

/// Keeps inquiries from being deleted or changed until the draw is over, in the order in which everybody locks them.
pub async fn hold(tx: &mut Tx, ids: &[Uuid]) -> Result<(), sqlx::Error> {
    sqlx::query("SELECT FROM inquiries WHERE inquiry_id = ANY($1) ORDER BY inquiry_id FOR KEY SHARE")
        .bind(ids)
        .execute(tx.conn())
        .await?;
    Ok(())
}

/// One inquiry, if it was worked.
pub async fn worked(tx: &mut Tx, inquiry_id: Uuid) -> Result<Option<WorkedInquiry>, sqlx::Error> {
    const SQL: &str = worked!(
        "(SELECT inquiry_id, team, owner, CASE WHEN stage = 'attended' THEN 'attended' WHEN stage = 'closed' THEN close_reason \
             WHEN next_action = 'follow_up_no_show' THEN 'no_show' ELSE 'open' END AS outcome FROM inquiries WHERE inquiry_id = $1) AS i"
    );
    sqlx::query_as(SQL).bind(inquiry_id).fetch_optional(tx.conn()).await
}

/// What a rule has drawn for a week.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct Drawn {
    /// Id of the rule.
    pub rule: String,
    /// When.
    pub drawn_at: Ts,
    /// From how many.
    pub found: i32,
    /// How many.
    pub drawn: i32,
}

/// What each rule has drawn for a week.
pub async fn of_week(tx: &mut Tx, week: Date) -> Result<Vec<Drawn>, sqlx::Error> {
    let center = tx.center().to_owned();
    sqlx::query_as(
        "SELECT rule, drawn_at, found, drawn FROM quality_draws WHERE center_id = $1 AND week = $2::text::date ORDER BY rule",
    )
    .bind(center)
    .bind(week.to_string())
    .fetch_all(tx.conn())
    .await
}

/// Whether a rule has not drawn for a week yet; who asks at the same moment waits here until the first one has.
pub async fn begin(tx: &mut Tx, rule: &str, week: Date) -> Result<bool, sqlx::Error> {
    let (center, now) = (tx.center().to_owned(), tx.now());
    let begun = sqlx::query(
        "INSERT INTO quality_draws (center_id, rule, week, drawn_at, found, drawn) VALUES ($1, $2, $3::text::date, $4, 0, 0) \
         ON CONFLICT DO NOTHING",
    )
    .bind(center)
    .bind(rule)
    .bind(week.to_string())
    .bind(Ts(now))
    .execute(tx.conn())
    .await?;
    Ok(begun.rows_affected() == 1)
}

/// Writes down what a rule drew, from how many.
pub async fn finish(
    tx: &mut Tx,
    (rule, week): (&str, Date),
    found: usize,
    drawn: &[WorkedInquiry],
) -> Result<(), sqlx::Error> {
    let center = tx.center().to_owned();
    sqlx::query(
        "UPDATE quality_draws SET found = $4, drawn = $5 WHERE center_id = $1 AND rule = $2 AND week = $3::text::date",
    )
    .bind(&center)
    .bind(rule)
    .bind(week.to_string())
    .bind(i32::try_from(found).unwrap_or(i32::MAX))
    .bind(i32::try_from(drawn.len()).unwrap_or(i32::MAX))
    .execute(tx.conn())
    .await?;
    insert(tx, (rule, week), drawn).await
}

/// Puts inquiries into the queue; one that stands there for this week already stays.
pub async fn insert(tx: &mut Tx, (rule, week): (&str, Date), all: &[WorkedInquiry]) -> Result<(), sqlx::Error> {
    fn column<'a, T>(all: &'a [WorkedInquiry], get: impl Fn(&'a WorkedInquiry) -> T) -> Vec<T> {
        all.iter().map(get).collect()
    }
    if all.is_empty() {
        return Ok(());
    }
    let (center, now) = (tx.center().to_owned(), tx.now());
    let ids: Vec<Uuid> = all.iter().map(|_| tx.new_id()).collect();
    sqlx::query(
        "INSERT INTO quality_audits (center_id, rule, week, created_at, audit_id, inquiry_id, team, person, script, script_version, outcome) \
         SELECT $1, $2, $3::text::date, $4, * FROM unnest($5::uuid[], $6::uuid[], $7::text[], $8::text[], $9::text[], $10::text[], $11::text[]) \
         ON CONFLICT DO NOTHING",
    )
    .bind(center)
    .bind(rule)
    .bind(week.to_string())
    .bind(Ts(now))
    .bind(ids)
    .bind(column(all, |one| one.inquiry_id))
    .bind(column(all, |one| one.team.as_str()))
    .bind(column(all, |one| one.person.as_str()))
    .bind(column(all, |one| one.script.as_str()))
    .bind(column(all, |one| one.script_version.as_str()))
    .bind(column(all, |one| one.outcome.as_str()))
    .execute(tx.conn())
    .await?;
    Ok(())
}
