//! Inserting the inquiries of a batch: the hot path. What is the same for all or known by default is not sent per row.

use std::collections::HashSet;
use std::sync::Arc;

use causeway_mailbox::{Ts, Tx};
use uuid::Uuid;

use crate::domain::Inquiry;

/// An inquiry that a team has just got.
pub struct Beginning {
    /// The inquiry.
    pub inquiry: Inquiry,
    /// Its facts as they came.
    pub facts: Vec<u8>,
    /// Its checklist as JSON; the same for all of a kind.
    pub checklist: Arc<str>,
    /// How it came to its team, for the timeline.
    pub routed_line: String,
}

const INSERT: &str = "INSERT INTO inquiries (center_id, revision, inquiry_id, facts, consult_type, cancer_area, program, \
     team, site, script, priority, due_at, response_due_at, after_hours, records_ready, stage_facts, checklist, \
     route_version, clock_version, received_at, routed_line, next_action, owner, chosen, language, scope_entry, scope_state) \
     SELECT $1, $2, id, facts, consult, area, program, team, site, script, priority, due, due, after_hours, ready, \
     stage_facts::jsonb, checklist::jsonb, route_version, route_version, received, routed_line, next_action, owner, owner <> '', language, scope_entry, scope_state \
     FROM unnest($3::uuid[], $4::bytea[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[], $10::text[], \
     $11::text[], $12::timestamptz[], $13::boolean[], $14::boolean[], $15::text[], $16::text[], $17::bigint[], \
     $18::timestamptz[], $19::text[], $20::text[], $21::text[], $22::text[], $23::text[], $24::text[]) AS t (id, facts, consult, area, program, team, site, script, priority, due, after_hours, ready, \
     stage_facts, checklist, route_version, received, routed_line, next_action, owner, language, scope_entry, scope_state) \
     ON CONFLICT (inquiry_id) DO NOTHING RETURNING inquiry_id";

/// Inserts those that the desk does not know; gives their ids.
pub async fn insert(tx: &mut Tx, revision: &str, all: &[Beginning]) -> Result<HashSet<Uuid>, sqlx::Error> {
    fn column<'a, T>(all: &'a [Beginning], get: impl Fn(&'a Beginning) -> T) -> Vec<T> {
        all.iter().map(get).collect()
    }
    if all.is_empty() {
        return Ok(HashSet::new());
    }
    let center = tx.center().to_owned();
    let stage_facts = |one: &Beginning| serde_json::to_string(&one.inquiry.stage_facts).unwrap_or_default();
    let ids: Vec<Uuid> = sqlx::query_scalar(INSERT)
        .bind(center)
        .bind(revision)
        .bind(column(all, |one| one.inquiry.inquiry_id))
        .bind(column(all, |one| one.facts.as_slice()))
        .bind(column(all, |one| one.inquiry.facts.consult_type.as_str()))
        .bind(column(all, |one| one.inquiry.facts.cancer_area.as_str()))
        .bind(column(all, |one| one.inquiry.route.program.as_str()))
        .bind(column(all, |one| one.inquiry.route.team.as_str()))
        .bind(column(all, |one| one.inquiry.route.site.as_str()))
        .bind(column(all, |one| one.inquiry.route.script.as_str()))
        .bind(column(all, |one| one.inquiry.route.priority.as_str()))
        .bind(column(all, |one| Ts(one.inquiry.route.response_due_at)))
        .bind(column(all, |one| one.inquiry.route.after_hours))
        .bind(column(all, |one| one.inquiry.records_ready))
        .bind(column(all, stage_facts))
        .bind(column(all, |one| &*one.checklist))
        .bind(column(all, |one| one.inquiry.route.version))
        .bind(column(all, |one| Ts(one.inquiry.facts.received_at)))
        .bind(column(all, |one| one.routed_line.as_str()))
        .bind(column(all, |one| one.inquiry.next_action.as_str()))
        .bind(column(all, |one| one.inquiry.owner.as_str()))
        .bind(column(all, |one| one.inquiry.facts.language.as_str()))
        .bind(column(all, |one| one.inquiry.scope.entry.as_str()))
        .bind(column(all, |one| one.inquiry.scope.state.as_str()))
        .fetch_all(tx.conn())
        .await?;
    Ok(ids.into_iter().collect())
}
