//! Reading: what the funnel is made of, counted by the database.
//!
//! A range of receipt is always given by two instants, never by "or null", so that the index on (center, receipt) serves
//! it. Deliberately not here: putting the tallies together (domain).

use std::collections::BTreeMap;

use causeway_funnel::stage::Stage;
use causeway_mailbox::{Ts, Tx};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use sqlx::postgres::PgRow;
use sqlx::{PgPool, Row as _};

use super::write::number;
use crate::domain::{STAGES, Tally};

/// What the funnel can be grouped by.
pub(crate) const DIMENSIONS: [&str; 10] = [
    "consult_type",
    "cancer_area",
    "source",
    "team",
    "site",
    "language",
    "landing_page",
    "campaign",
    "referring_office",
    "out_of_scope",
];

macro_rules! key {
    () => {
        "CASE $4::text WHEN 'consult_type' THEN consult_type WHEN 'cancer_area' THEN cancer_area WHEN 'source' THEN source \
         WHEN 'team' THEN team WHEN 'site' THEN site WHEN 'language' THEN language WHEN 'landing_page' THEN landing_page \
         WHEN 'campaign' THEN campaign WHEN 'referring_office' THEN referring_office \
         WHEN 'out_of_scope' THEN out_of_scope ELSE '' END AS key"
    };
}

// By what it was converted, if it was: a dated next step counts where no visit was ever booked.
macro_rules! converted {
    () => {
        "CASE WHEN furthest >= 6 AND NOT visit_booked THEN step_kind ELSE '' END AS next_step, \
         furthest >= 6 AND NOT visit_booked AND ended_how = 'done' AS step_done"
    };
}

macro_rules! in_range {
    () => {
        " FROM inquiries WHERE center_id = $1 AND received_at >= $2 AND received_at < $3"
    };
}

// A target counts once its time has passed, unless the inquiry was closed before that without anybody having to call.
macro_rules! targets {
    ($now:literal) => {
        concat!(
            "count(*) FILTER (WHERE response_due_at <= ",
            $now,
            " AND (first_attempt_at IS NOT NULL OR stage <> 8 \
                 OR closed_at > response_due_at)) AS target_passed, \
             count(*) FILTER (WHERE response_due_at <= ",
            $now,
            " AND first_attempt_at <= response_due_at) AS target_met"
        )
    };
}

/// Counts the inquiries of a center ($1) that were received in a range ($2, $3), by a dimension ($4), at a time ($5).
pub const TALLIES: &str = concat!(
    "SELECT ",
    key!(),
    ", furthest, stage = 8 AS closed, close_reason, ",
    converted!(),
    ", count(*) AS inquiries, ",
    targets!("$5"),
    ", max(changed_at) AS newest",
    in_range!(),
    " GROUP BY 1, 2, 3, 4, 5, 6"
);

/// Who has not reached a stage has no time and does not count (GREATEST would make that 0). Who went past it without a stop was there
/// when they reached a later one.
macro_rules! seconds {
    ($column:literal $(, $later:literal)*) => {
        concat!(
            "percentile_cont(ARRAY[0.5, 0.9]) WITHIN GROUP (ORDER BY CASE WHEN LEAST(",
            $column, $(", ", $later,)*
            ") IS NOT NULL THEN GREATEST(extract(epoch FROM LEAST(",
            $column, $(", ", $later,)*
            ") - received_at), 0)::float8 END) AS ",
            $column
        )
    };
}

macro_rules! times {
    ($grouping:literal) => {
        concat!(
            "WITH picked AS MATERIALIZED (SELECT ",
            key!(),
            ", received_at, routed_at, contacted_at, intake_complete_at, \
                 records_ready_at, scheduled_at, attended_at",
            in_range!(),
            ") \
             SELECT ",
            $grouping,
            seconds!(
                "routed_at",
                "contacted_at",
                "intake_complete_at",
                "records_ready_at",
                "scheduled_at",
                "attended_at"
            ),
            ", ",
            seconds!("contacted_at", "intake_complete_at", "records_ready_at", "scheduled_at", "attended_at"),
            ", ",
            seconds!("intake_complete_at", "records_ready_at", "scheduled_at", "attended_at"),
            ", ",
            seconds!("records_ready_at", "scheduled_at", "attended_at"),
            ", ",
            seconds!("scheduled_at", "attended_at"),
            ", ",
            seconds!("attended_at"),
            " FROM picked"
        )
    };
}

const TIMES: &str = times!("NULL::text AS key, ");
const TIMES_BY_KEY: &str =
    concat!(times!("CASE WHEN GROUPING(key) = 0 THEN key END AS key, "), " GROUP BY GROUPING SETS ((), (key))");

/// Which inquiries: those of the transaction's center that were received from an instant on and before another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Range {
    pub from: Timestamp,
    pub to: Timestamp,
}

/// Alike inquiries, with their response targets.
#[derive(Debug, Clone)]
pub(crate) struct Tallied {
    pub tally: Tally,
    pub target_passed: i64,
    pub target_met: i64,
}

/// Counts by a dimension (empty: none), and tells the newest fact.
pub(crate) async fn tallies(
    tx: &mut Tx,
    range: Range,
    dimension: &str,
) -> Result<(Vec<Tallied>, Option<Timestamp>), sqlx::Error> {
    let (center, now) = (tx.center().to_owned(), tx.now());
    let rows = sqlx::query(TALLIES)
        .bind(center)
        .bind(Ts(range.from))
        .bind(Ts(range.to))
        .bind(dimension)
        .bind(Ts(now))
        .fetch_all(tx.conn())
        .await?;
    let (mut all, mut newest) = (Vec::with_capacity(rows.len()), None);
    for row in &rows {
        newest = newest.max(row.try_get::<Option<Ts>, _>("newest")?.map(|at| at.0));
        all.push(tallied(row, row.try_get("key")?, row.try_get("close_reason")?)?);
    }
    Ok((all, newest))
}

fn tallied(row: &PgRow, key: String, close_reason: String) -> Result<Tallied, sqlx::Error> {
    let furthest: i16 = row.try_get("furthest")?;
    let tally = Tally {
        key,
        // The column holds 1 to 7; what a newer release may have written counts as received.
        furthest: STAGES.into_iter().find(|stage| number(*stage) == furthest).unwrap_or(Stage::Received),
        closed: row.try_get("closed")?,
        close_reason,
        next_step: row.try_get("next_step")?,
        step_done: row.try_get("step_done")?,
        count: row.try_get("inquiries")?,
    };
    Ok(Tallied { tally, target_passed: row.try_get("target_passed")?, target_met: row.try_get("target_met")? })
}

/// Median and 90th percentile of the seconds from the receipt to a stage, by the stage's place; zero: none yet.
pub(crate) type StageTimes = [(f64, f64); 7];

/// Times of all inquiries (`None`) and of each value of the dimension.
pub(crate) async fn times(
    tx: &mut Tx,
    range: Range,
    dimension: &str,
) -> Result<BTreeMap<Option<String>, StageTimes>, sqlx::Error> {
    let center = tx.center().to_owned();
    let rows = sqlx::query(if dimension.is_empty() { TIMES } else { TIMES_BY_KEY })
        .bind(center)
        .bind(Ts(range.from))
        .bind(Ts(range.to))
        .bind(dimension)
        .fetch_all(tx.conn())
        .await?;
    let columns =
        ["routed_at", "contacted_at", "intake_complete_at", "records_ready_at", "scheduled_at", "attended_at"];
    let mut all = BTreeMap::new();
    for row in &rows {
        let mut times = StageTimes::default();
        for (time, column) in times[1..].iter_mut().zip(columns) {
            if let Some([median, p90]) = row.try_get::<Option<Vec<f64>>, _>(column)?.as_deref() {
                *time = (*median, *p90);
            }
        }
        all.insert(row.try_get("key")?, times);
    }
    Ok(all)
}

/// A day in the center's zone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Day {
    pub day: String,
    pub received: i64,
    pub scheduled: i64,
}

/// Inquiries by the day of their receipt; days without any are left out.
pub(crate) async fn days(tx: &mut Tx, range: Range, zone: &TimeZone) -> Result<Vec<Day>, sqlx::Error> {
    let center = tx.center().to_owned();
    let rows = sqlx::query(concat!(
        "SELECT to_char(received_at AT TIME ZONE $4, 'YYYY-MM-DD') AS day, count(*) AS received, \
         count(*) FILTER (WHERE furthest >= 6) AS scheduled",
        in_range!(),
        " GROUP BY 1 ORDER BY 1"
    ))
    .bind(center)
    .bind(Ts(range.from))
    .bind(Ts(range.to))
    .bind(zone.iana_name().unwrap_or("UTC"))
    .fetch_all(tx.conn())
    .await?;
    rows.iter()
        .map(|row| {
            Ok(Day {
                day: row.try_get("day")?,
                received: row.try_get("received")?,
                scheduled: row.try_get("scheduled")?,
            })
        })
        .collect()
}

/// Counts all inquiries of all centers, for the machine's gauges. The tally's key is the center.
pub(crate) async fn count_all(machine: &PgPool, now: Timestamp) -> Result<Vec<Tallied>, sqlx::Error> {
    let rows = sqlx::query(concat!(
        "SELECT center_id, furthest, stage = 8 AS closed, ",
        converted!(),
        ", count(*) AS inquiries, ",
        targets!("$1"),
        " FROM inquiries WHERE received_at IS NOT NULL GROUP BY 1, 2, 3, 4, 5"
    ))
    .bind(Ts(now))
    .fetch_all(machine)
    .await?;
    rows.iter().map(|row| tallied(row, row.try_get("center_id")?, String::new())).collect()
}
