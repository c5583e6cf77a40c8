//! What routing tells of its decisions, by gRPC and to the operator's commands: why one was made, and what another table
//! would have made of them.
//!
//! Everything is read from routing's own database. Deliberately not here: who may ask (handlers).

use causeway_funnel::profile::Profile;
use causeway_funnel::routing::Table;
use causeway_proto::convert::{facts_from_wire, micros};
use causeway_proto::events::Unreadable;
use causeway_proto::inquiry::v1 as inquiry;
use causeway_proto::routing::v1::{ExplainRouteResponse, FailedRow};
use causeway_proto::subjects;
use jiff::{SignedDuration, Timestamp};
use prost::Message as _;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::domain::passed::unpack;
use crate::domain::{self, Past, Replay, WhatIf, failed_rows, failed_without_rows, sentence};
use crate::error::Error;
use crate::store::{self, Decision, past};

pub use crate::store::past::PAGE_STATEMENT;

/// The stored profile of a center in force; nothing where there is none.
///
/// # Errors
/// The database.
pub async fn in_force(conn: &mut PgConnection, center: &str) -> Result<Option<Vec<u8>>, sqlx::Error> {
    sqlx::query_scalar("SELECT content FROM revisions WHERE bucket = $1 AND name = $2 AND current")
        .bind(subjects::CENTERS_BUCKET)
        .bind(center)
        .fetch_optional(conn)
        .await
}

/// Why an inquiry went where it went; nothing where no route was decided for it.
///
/// # Errors
/// The database, or what was stored with the decision can not be read.
pub async fn explain(
    conn: &mut PgConnection,
    center: &str,
    inquiry_id: Uuid,
) -> Result<Option<ExplainRouteResponse>, Error> {
    let Some(decision) = store::find(&mut *conn, center, inquiry_id).await? else { return Ok(None) };
    let content: Option<Vec<u8>> =
        sqlx::query_scalar("SELECT content FROM revisions WHERE bucket = $1 AND name = $2 AND revision = $3")
            .bind(subjects::CENTERS_BUCKET)
            .bind(center)
            .bind(&decision.revision)
            .fetch_optional(conn)
            .await?;
    let profile = content.and_then(|content| Profile::from_stored(&content).ok()).map(|(profile, _)| profile);
    Ok(Some(explained(decision, profile.as_ref())?))
}

/// A decision in rows and a sentence, by the profile of its revision; without it, by what was kept with the decision.
pub(crate) fn explained(decision: Decision, profile: Option<&Profile>) -> Result<ExplainRouteResponse, Unreadable> {
    let facts = facts(&decision.facts)?;
    let (failed, sentence) = match profile {
        Some(profile) => (
            failed_rows(&profile.routing, &facts),
            sentence(profile, &facts, &decision.row_name, decision.response_due_at),
        ),
        None => (
            failed_without_rows(&unpack(&decision.passed), &facts),
            format!(
                "Row {} of revision {} sent this inquiry to team {}; that revision is no longer kept here.",
                decision.row_name, decision.revision, decision.team
            ),
        ),
    };
    let told = |row: domain::FailedRow| FailedRow {
        row: row.row,
        column: row.column.to_owned(),
        wanted: row.wanted,
        found: row.found,
    };
    Ok(ExplainRouteResponse {
        revision: decision.revision,
        row: decision.row_name,
        team: decision.team,
        program: decision.program,
        site: decision.site.unwrap_or_default(),
        script: decision.script,
        priority: decision.priority,
        response_due_at: micros(decision.response_due_at),
        clock_starts_at: micros(decision.clock_starts_at),
        after_hours: decision.after_hours,
        failed: failed.into_iter().map(told).collect(),
        sentence,
        clock_state: decision.clock_state,
        ..ExplainRouteResponse::default()
    })
}

fn facts(stored: &[u8]) -> Result<causeway_funnel::inquiry::Facts, Unreadable> {
    let wire = inquiry::Facts::decode(stored)
        .map_err(|source| Unreadable::Payload { kind: "causeway.inquiry.v1.Facts", source })?;
    Ok(facts_from_wire(&wire)?.1)
}

/// Replays the decisions of so many days up to the newest one through another table; `progress` hears how many are done, and
/// which part of the time. Without a clock: the same decisions give the same figures at any time.
///
/// # Errors
/// The database.
pub async fn what_if(
    conn: &mut PgConnection,
    center: &str,
    (profile, table): (&Profile, &Table),
    days: u16,
    mut progress: impl FnMut(u64, f64) + Send,
) -> Result<WhatIf, sqlx::Error> {
    let Some(newest) = past::newest(&mut *conn, center).await? else { return Ok(WhatIf::default()) };
    let to = millis(newest);
    let from = to.saturating_sub(u64::from(days) * 24 * 60 * 60 * 1_000);
    let stretch = (instant(from), instant(to).saturating_add(SignedDuration::from_secs(1)).unwrap_or(instant(to)));
    let mut replay = Replay::new(profile, table, stretch);
    // Ids begin with their millisecond, so this one stands before all of the stretch.
    let mut after = Uuid::from_u128(u128::from(from) << 80);
    let mut done = 0;
    loop {
        let page = past::page(&mut *conn, center, (after, newest)).await?;
        let Some(last) = page.last() else { return Ok(replay.finish()) };
        after = last.inquiry_id;
        done += page.len() as u64;
        for one in page {
            let Ok(facts) = facts(&one.facts) else {
                replay.add_unreadable();
                continue;
            };
            let target_minutes = u32::try_from(one.target_minutes).unwrap_or_default();
            let (team, site, first_attempt_at) = (one.team, one.site, one.first_attempt_at);
            replay.add(&Past { team, site, target_minutes, first_attempt_at, facts });
        }
        progress(done, millis(after).saturating_sub(from) as f64 / to.saturating_sub(from).max(1) as f64);
    }
}

/// The millisecond of an id, since the Unix epoch.
fn millis(id: Uuid) -> u64 {
    u64::try_from(id.as_u128() >> 80).unwrap_or(u64::MAX)
}

fn instant(millis: u64) -> Timestamp {
    i64::try_from(millis).ok().and_then(|millis| Timestamp::from_millisecond(millis).ok()).unwrap_or(Timestamp::MAX)
}
