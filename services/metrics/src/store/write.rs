//! Taking events in: the join of [`Progress`] as one statement for a whole batch.
//!
//! Rows go in by id order, so that two batches that tell of the same inquiries never wait for each other in a circle.

use std::collections::BTreeMap;

use causeway_funnel::stage::Stage;
use causeway_mailbox::{Ts, Tx};
use jiff::Timestamp;
use uuid::Uuid;

use crate::domain::{Progress, Snapshot};

// Of what can change the newest version counts; of what only grows, the furthest and the first (`LEAST` passes over nulls).
const UPSERT: &str = "INSERT INTO inquiries AS known (center_id, inquiry_id, version, consult_type, cancer_area, source, language, \
         team, site, landing_page, campaign, referring_office, received_at, stage, furthest, close_reason, response_due_at, \
         first_attempt_at, routed_at, contacted_at, intake_complete_at, records_ready_at, scheduled_at, attended_at, closed_at, \
         changed_at, clock_version, out_of_scope, visit_booked, step_at, step_kind, ended_version, ended_how) \
     SELECT $1, t.* FROM unnest($2::uuid[], $3::bigint[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], \
         $9::text[], $10::text[], $11::text[], $12::text[], $13::timestamptz[], $14::smallint[], $15::smallint[], $16::text[], \
         $17::timestamptz[], $18::timestamptz[], $19::timestamptz[], $20::timestamptz[], $21::timestamptz[], \
         $22::timestamptz[], $23::timestamptz[], $24::timestamptz[], $25::timestamptz[], $26::timestamptz[], $27::bigint[], $28::text[], \
         $29::boolean[], $30::timestamptz[], $31::text[], $32::bigint[], $33::text[]) AS t \
     ON CONFLICT (center_id, inquiry_id) DO UPDATE SET \
         consult_type = CASE WHEN excluded.version > known.version THEN excluded.consult_type ELSE known.consult_type END, \
         cancer_area = CASE WHEN excluded.version > known.version THEN excluded.cancer_area ELSE known.cancer_area END, \
         source = CASE WHEN excluded.version > known.version THEN excluded.source ELSE known.source END, \
         language = CASE WHEN excluded.version > known.version THEN excluded.language ELSE known.language END, \
         team = CASE WHEN excluded.version > known.version THEN excluded.team ELSE known.team END, \
         site = CASE WHEN excluded.version > known.version THEN excluded.site ELSE known.site END, \
         landing_page = CASE WHEN excluded.version > known.version THEN excluded.landing_page ELSE known.landing_page END, \
         campaign = CASE WHEN excluded.version > known.version THEN excluded.campaign ELSE known.campaign END, \
         referring_office = CASE WHEN excluded.version > known.version THEN excluded.referring_office ELSE known.referring_office END, \
         received_at = CASE WHEN excluded.version > known.version THEN excluded.received_at ELSE known.received_at END, \
         stage = CASE WHEN excluded.version > known.version THEN excluded.stage ELSE known.stage END, \
         close_reason = CASE WHEN excluded.version > known.version THEN excluded.close_reason ELSE known.close_reason END, \
         out_of_scope = CASE WHEN excluded.version > known.version THEN excluded.out_of_scope ELSE known.out_of_scope END, \
         response_due_at = CASE WHEN excluded.response_due_at IS NOT NULL AND (known.response_due_at IS NULL \
             OR (excluded.clock_version, excluded.version) > (known.clock_version, known.version)) \
             THEN excluded.response_due_at ELSE known.response_due_at END, \
         clock_version = GREATEST(known.clock_version, excluded.clock_version), \
         first_attempt_at = LEAST(known.first_attempt_at, excluded.first_attempt_at), \
         routed_at = LEAST(known.routed_at, excluded.routed_at), \
         contacted_at = LEAST(known.contacted_at, excluded.contacted_at), \
         intake_complete_at = LEAST(known.intake_complete_at, excluded.intake_complete_at), \
         records_ready_at = LEAST(known.records_ready_at, excluded.records_ready_at), \
         scheduled_at = LEAST(known.scheduled_at, excluded.scheduled_at), \
         attended_at = LEAST(known.attended_at, excluded.attended_at), \
         closed_at = LEAST(known.closed_at, excluded.closed_at), \
         visit_booked = known.visit_booked OR excluded.visit_booked, \
         ended_how = CASE WHEN (excluded.ended_version, excluded.ended_how COLLATE \"C\") \
                 > (known.ended_version, known.ended_how COLLATE \"C\") \
             THEN excluded.ended_how ELSE known.ended_how END, \
         ended_version = GREATEST(known.ended_version, excluded.ended_version), \
         step_kind = CASE WHEN known.step_at IS NULL \
             OR (excluded.step_at, excluded.step_kind COLLATE \"C\") < (known.step_at, known.step_kind COLLATE \"C\") \
             THEN excluded.step_kind ELSE known.step_kind END, \
         step_at = LEAST(known.step_at, excluded.step_at), \
         version = GREATEST(known.version, excluded.version), \
         furthest = GREATEST(known.furthest, excluded.furthest), \
         changed_at = GREATEST(known.changed_at, excluded.changed_at)";

/// The stages whose first time has a column, in the order of the statement.
const TIMED: [Stage; 7] = [
    Stage::Routed,
    Stage::Contacted,
    Stage::IntakeComplete,
    Stage::RecordsReady,
    Stage::Scheduled,
    Stage::Attended,
    Stage::Closed,
];

/// A stage as its column keeps it.
pub(super) const fn number(stage: Stage) -> i16 {
    stage as i16 + 1
}

/// Joins what a batch tells with what is known.
pub(crate) async fn upsert(tx: &mut Tx, told: &BTreeMap<Uuid, Progress>) -> Result<(), sqlx::Error> {
    if told.is_empty() {
        return Ok(());
    }
    let center = tx.center().to_owned();
    let each = || told.values();
    let snapshots: Vec<Option<&Snapshot>> = each().map(|progress| progress.snapshot.as_ref()).collect();
    let text = |get: fn(&Snapshot) -> &str| -> Vec<&str> { snapshots.iter().map(|one| one.map_or("", get)).collect() };
    let instant = |get: fn(&Snapshot) -> Option<Timestamp>| -> Vec<Option<Ts>> {
        snapshots.iter().map(|one| one.and_then(get).map(Ts)).collect()
    };
    let mut query = sqlx::query(UPSERT)
        .bind(center)
        .bind(told.keys().copied().collect::<Vec<_>>())
        .bind(each().map(|progress| progress.version).collect::<Vec<_>>())
        .bind(text(|one| one.consult_type))
        .bind(text(|one| one.cancer_area))
        .bind(text(|one| one.source))
        .bind(text(|one| &one.language))
        .bind(text(|one| &one.team))
        .bind(text(|one| &one.site))
        .bind(text(|one| &one.landing_page))
        .bind(text(|one| &one.campaign))
        .bind(text(|one| &one.referring_office))
        .bind(instant(|one| Some(one.received_at)))
        .bind(snapshots.iter().map(|one| number(one.map_or(Stage::Received, |one| one.stage))).collect::<Vec<_>>())
        .bind(each().map(|progress| number(progress.furthest)).collect::<Vec<_>>())
        .bind(text(|one| &one.close_reason))
        .bind(each().map(|progress| progress.due.map(|(_, at)| Ts(at))).collect::<Vec<_>>())
        .bind(each().map(|progress| progress.first_attempt_at.map(Ts)).collect::<Vec<_>>());
    for stage in TIMED {
        query = query.bind(each().map(|progress| progress.reached_at[stage as usize].map(Ts)).collect::<Vec<_>>());
    }
    query
        .bind(each().map(|progress| Ts(progress.changed_at)).collect::<Vec<_>>())
        .bind(
            each().map(|progress| progress.due.map_or(0, |((clock_version, _), _)| clock_version)).collect::<Vec<_>>(),
        )
        .bind(text(|one| &one.out_of_scope))
        .bind(each().map(|progress| progress.conversion.visit).collect::<Vec<_>>())
        .bind(each().map(|progress| progress.conversion.step.as_ref().map(|(at, _)| Ts(*at))).collect::<Vec<_>>())
        .bind(
            each()
                .map(|progress| progress.conversion.step.as_ref().map_or("", |(_, kind)| kind.as_str()))
                .collect::<Vec<_>>(),
        )
        .bind(each().map(|progress| progress.conversion.ended.map_or(0, |(version, _)| version)).collect::<Vec<_>>())
        .bind(each().map(|progress| progress.conversion.ended.map_or("", |(_, how)| how)).collect::<Vec<_>>())
        .execute(tx.conn())
        .await?;
    Ok(())
}
