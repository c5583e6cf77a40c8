//! Loading and saving inquiries.

use causeway_funnel::stage::StageFact;
use causeway_mailbox::{Ts, Tx};
use causeway_proto::convert::facts_from_wire;
use causeway_proto::inquiry::v1 as wire;
use prost::Message as _;
use sqlx::types::Json;
use uuid::Uuid;

use crate::domain::{Handover, Inquiry, Loose, NextStep, Paused, RecordLine, Route, Scope, Turn, Visit, Waiting};

/// An inquiry and its facts as every event carries them.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// The inquiry.
    pub inquiry: Inquiry,
    /// Its facts as they came.
    pub facts: wire::Facts,
    /// How it first came to a team, for the timeline.
    pub routed_line: String,
}

/// A row of `inquiries`.
#[derive(sqlx::FromRow)]
pub struct InquiryRow {
    inquiry_id: Uuid,
    facts: Vec<u8>,
    stage: String,
    program: String,
    team: String,
    site: String,
    script: String,
    owner: String,
    priority: String,
    next_action: String,
    due_at: Option<Ts>,
    response_due_at: Ts,
    after_hours: bool,
    attempts: i32,
    tries_in_vain: i32,
    first_attempt_at: Option<Ts>,
    first_contact_at: Option<Ts>,
    call_back_at: Option<Ts>,
    note_version: i64,
    intake_complete: bool,
    records_ready: bool,
    reviewed: bool,
    stage_facts: Json<Vec<StageFact>>,
    checklist: Json<Vec<RecordLine>>,
    loose: Json<Vec<Loose>>,
    close_reason: Option<String>,
    closed_at: Option<Ts>,
    visit_at: Option<Ts>,
    visit_told_at: Option<Ts>,
    visit_version: i64,
    route_version: i64,
    clock_version: i64,
    version: i64,
    routed_line: String,
    chosen: bool,
    moved_version: i64,
    moved_at: Option<Ts>,
    pauses: Json<Vec<Paused>>,
    choice: i64,
    escalated: i32,
    bounced: bool,
    scope_entry: String,
    scope_state: String,
    scope_reason: String,
    handover: Option<Json<Handover>>,
    review_since: Option<Ts>,
    review_due_at: Option<Ts>,
    review_escalated: i32,
    decline_reason: String,
    next_step: Option<Json<NextStep>>,
    stopped_at: Option<Ts>,
    amended: i64,
}

const COLUMNS: &str = "inquiry_id, facts, stage, program, team, site, script, owner, priority, next_action, due_at, \
     response_due_at, after_hours, attempts, first_attempt_at, first_contact_at, call_back_at, note_version, \
     intake_complete, records_ready, reviewed, stage_facts, checklist, close_reason, closed_at, visit_at, visit_told_at, \
     visit_version, route_version, clock_version, version, routed_line, chosen, moved_version, choice, escalated, bounced, \
     scope_entry, scope_state, scope_reason, handover, moved_at, pauses, review_since, review_due_at, \
     review_escalated, decline_reason, next_step, loose, tries_in_vain, stopped_at, amended";

/// A word in a row that this release does not know.
fn unreadable(column: &str, cause: impl std::fmt::Display) -> sqlx::Error {
    sqlx::Error::ColumnDecode { index: column.to_owned(), source: cause.to_string().into() }
}

impl InquiryRow {
    fn read(self) -> Result<Loaded, sqlx::Error> {
        let facts = wire::Facts::decode(self.facts.as_slice()).map_err(|cause| unreadable("facts", cause))?;
        let (_, known) = facts_from_wire(&facts).map_err(|cause| unreadable("facts", cause))?;
        let route = Route {
            program: self.program,
            team: self.team,
            site: self.site,
            script: self.script,
            priority: self.priority.parse().map_err(|cause| unreadable("priority", cause))?,
            response_due_at: self.response_due_at.0,
            after_hours: self.after_hours,
            version: self.route_version,
            clock_version: self.clock_version,
        };
        let reason = Some(self.scope_reason).filter(|reason| !reason.is_empty());
        let scope = Scope {
            entry: self.scope_entry,
            state: self.scope_state.parse().map_err(|cause| unreadable("scope_state", cause))?,
            reason: reason
                .map(|reason| reason.parse())
                .transpose()
                .map_err(|cause: causeway_funnel::words::UnknownWord| unreadable("scope_reason", cause))?,
        };
        let waiting = |(since, due_at): (Ts, Ts)| Waiting {
            since: since.0,
            due_at: due_at.0,
            escalated: u32::try_from(self.review_escalated).unwrap_or_default(),
        };
        let declined = Some(self.decline_reason).filter(|reason| !reason.is_empty());
        let close_reason = self.close_reason.map(|reason| reason.parse()).transpose();
        let visit = |told_at: Ts| Visit {
            told_at: told_at.0,
            version: self.visit_version,
            starts_at: self.visit_at.map(|at| at.0),
        };
        let inquiry = Inquiry {
            inquiry_id: self.inquiry_id,
            facts: known,
            route,
            owner: self.owner,
            pauses: self.pauses.0,
            turn: Turn {
                chosen: self.chosen,
                moved_version: self.moved_version,
                moved_at: self.moved_at.map(|at| at.0),
                choice: self.choice,
            },
            escalated: u32::try_from(self.escalated).unwrap_or_default(),
            bounced: self.bounced,
            scope,
            handover: self.handover.map(|handover| handover.0),
            stage: self.stage.parse().map_err(|cause| unreadable("stage", cause))?,
            next_action: self.next_action.parse().map_err(|cause| unreadable("next_action", cause))?,
            due_at: self.due_at.map(|at| at.0),
            attempts: u32::try_from(self.attempts).unwrap_or(0),
            tries_in_vain: u32::try_from(self.tries_in_vain).unwrap_or(0),
            first_attempt_at: self.first_attempt_at.map(|at| at.0),
            first_contact_at: self.first_contact_at.map(|at| at.0),
            call_back_at: self.call_back_at.map(|at| at.0),
            note_version: self.note_version,
            intake_complete: self.intake_complete,
            records: self.checklist.0,
            loose: self.loose.0,
            records_ready: self.records_ready,
            reviewed: self.reviewed,
            stage_facts: self.stage_facts.0,
            review: self.review_since.zip(self.review_due_at).map(waiting),
            declined: declined
                .map(|reason| reason.parse())
                .transpose()
                .map_err(|cause: causeway_funnel::words::UnknownWord| unreadable("decline_reason", cause))?,
            close_reason: close_reason
                .map_err(|cause: causeway_funnel::words::UnknownWord| unreadable("close_reason", cause))?,
            closed_at: self.closed_at.map(|at| at.0),
            visit: self.visit_told_at.map(visit),
            next_step: self.next_step.map(|step| step.0),
            stopped_at: self.stopped_at.map(|at| at.0),
            amended: self.amended,
            version: self.version,
        };
        Ok(Loaded { inquiry, facts, routed_line: self.routed_line })
    }
}

/// Loads inquiries and locks them, in the order of their ids so that two batches never wait for each other.
pub async fn load_for_update(tx: &mut Tx, ids: &[Uuid]) -> Result<Vec<Loaded>, sqlx::Error> {
    load(tx, ids, " ORDER BY inquiry_id FOR UPDATE").await
}

/// Loads one inquiry without locking it.
pub async fn find(tx: &mut Tx, inquiry_id: Uuid) -> Result<Option<Loaded>, sqlx::Error> {
    Ok(load(tx, &[inquiry_id], "").await?.pop())
}

async fn load(tx: &mut Tx, ids: &[Uuid], suffix: &'static str) -> Result<Vec<Loaded>, sqlx::Error> {
    let sql = format!("SELECT {COLUMNS} FROM inquiries WHERE inquiry_id = ANY($1){suffix}");
    let rows: Vec<InquiryRow> = sqlx::query_as(sqlx::AssertSqlSafe(sql)).bind(ids).fetch_all(tx.conn()).await?;
    rows.into_iter().map(InquiryRow::read).collect()
}

/// Those of the ids that the desk knows.
pub async fn known(tx: &mut Tx, ids: &[Uuid]) -> Result<Vec<Uuid>, sqlx::Error> {
    sqlx::query_scalar("SELECT inquiry_id FROM inquiries WHERE inquiry_id = ANY($1)")
        .bind(ids)
        .fetch_all(tx.conn())
        .await
}

const UPDATE: &str = "UPDATE inquiries AS i SET stage = t.stage, program = t.program, team = t.team, site = t.site, \
     script = t.script, owner = t.owner, priority = t.priority, next_action = t.next_action, due_at = t.due_at, \
     response_due_at = t.response_due_at, after_hours = t.after_hours, attempts = t.attempts, \
     first_attempt_at = t.first_attempt_at, first_contact_at = t.first_contact_at, call_back_at = t.call_back_at, \
     note_version = t.note_version, intake_complete = t.intake_complete, records_ready = t.records_ready, \
     reviewed = t.reviewed, stage_facts = t.stage_facts, checklist = t.checklist, close_reason = t.close_reason, \
     closed_at = t.closed_at, visit_at = t.visit_at, visit_told_at = t.visit_told_at, visit_version = t.visit_version, \
     route_version = t.route_version, version = t.version, clock_version = t.clock_version, chosen = t.chosen, \
     moved_version = t.moved_version, choice = t.choice, escalated = t.escalated, bounced = t.bounced, \
     scope_state = t.scope_state, scope_reason = t.scope_reason, handover = t.handover, moved_at = t.moved_at, pauses = t.pauses, \
     scope_entry = t.scope_entry, review_since = t.review_since, review_due_at = t.review_due_at, \
     review_escalated = t.review_escalated, decline_reason = t.decline_reason, next_step = t.next_step, loose = t.loose, \
     tries_in_vain = t.tries_in_vain, stopped_at = t.stopped_at, amended = t.amended \
     FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], \
     $9::text[], $10::timestamptz[], $11::timestamptz[], $12::boolean[], $13::integer[], $14::timestamptz[], \
     $15::timestamptz[], $16::timestamptz[], $17::bigint[], $18::boolean[], $19::boolean[], $20::boolean[], $21::jsonb[], \
     $22::jsonb[], $23::text[], $24::timestamptz[], $25::timestamptz[], $26::timestamptz[], $27::bigint[], $28::bigint[], \
     $29::bigint[], $30::bigint[], $31::boolean[], $32::bigint[], $33::bigint[], $34::integer[], $35::boolean[], $36::text[], $37::text[], $38::jsonb[], $39::timestamptz[], $40::jsonb[], \
     $41::text[], $42::timestamptz[], $43::timestamptz[], $44::integer[], $45::text[], $46::jsonb[], $47::jsonb[], $48::integer[], $49::timestamptz[], $50::bigint[]) AS t \
     (inquiry_id, stage, program, team, site, script, owner, priority, next_action, due_at, \
     response_due_at, after_hours, attempts, first_attempt_at, first_contact_at, call_back_at, note_version, \
     intake_complete, records_ready, reviewed, stage_facts, checklist, close_reason, closed_at, visit_at, visit_told_at, \
     visit_version, route_version, version, clock_version, chosen, moved_version, choice, escalated, bounced, \
     scope_state, scope_reason, handover, moved_at, pauses, scope_entry, review_since, review_due_at, review_escalated, decline_reason, next_step, loose, tries_in_vain, stopped_at, amended) \
     WHERE i.inquiry_id = t.inquiry_id";

/// Saves inquiries that were loaded for update, with one statement.
pub async fn save(tx: &mut Tx, all: &[&Inquiry]) -> Result<(), sqlx::Error> {
    fn column<'a, T>(all: &[&'a Inquiry], get: impl Fn(&'a Inquiry) -> T) -> Vec<T> {
        all.iter().map(|one| get(one)).collect()
    }
    if all.is_empty() {
        return Ok(());
    }
    let saved = sqlx::query(UPDATE)
        .bind(column(all, |one| one.inquiry_id))
        .bind(column(all, |one| one.stage.as_str()))
        .bind(column(all, |one| one.route.program.as_str()))
        .bind(column(all, |one| one.route.team.as_str()))
        .bind(column(all, |one| one.route.site.as_str()))
        .bind(column(all, |one| one.route.script.as_str()))
        .bind(column(all, |one| one.owner.as_str()))
        .bind(column(all, |one| one.route.priority.as_str()))
        .bind(column(all, |one| one.next_action.as_str()))
        .bind(column(all, |one| one.due_at.map(Ts)))
        .bind(column(all, |one| Ts(one.route.response_due_at)))
        .bind(column(all, |one| one.route.after_hours))
        .bind(column(all, |one| i32::try_from(one.attempts).unwrap_or(i32::MAX)))
        .bind(column(all, |one| one.first_attempt_at.map(Ts)))
        .bind(column(all, |one| one.first_contact_at.map(Ts)))
        .bind(column(all, |one| one.call_back_at.map(Ts)))
        .bind(column(all, |one| one.note_version))
        .bind(column(all, |one| one.intake_complete))
        .bind(column(all, |one| one.records_ready))
        .bind(column(all, |one| one.reviewed))
        .bind(column(all, |one| Json(&one.stage_facts)))
        .bind(column(all, |one| Json(&one.records)))
        .bind(column(all, |one| one.close_reason.map(|reason| reason.as_str())))
        .bind(column(all, |one| one.closed_at.map(Ts)))
        .bind(column(all, |one| one.visit_at().map(Ts)))
        .bind(column(all, |one| one.visit.map(|visit| Ts(visit.told_at))))
        .bind(column(all, |one| one.visit.map_or(0, |visit| visit.version)))
        .bind(column(all, |one| one.route.version))
        .bind(column(all, |one| one.version))
        .bind(column(all, |one| one.route.clock_version))
        .bind(column(all, |one| one.turn.chosen))
        .bind(column(all, |one| one.turn.moved_version))
        .bind(column(all, |one| one.turn.choice))
        .bind(column(all, |one| i32::try_from(one.escalated).unwrap_or(i32::MAX)))
        .bind(column(all, |one| one.bounced))
        .bind(column(all, |one| one.scope.state.as_str()))
        .bind(column(all, |one| one.scope.reason.map_or("", |reason| reason.as_str())))
        .bind(column(all, |one| one.handover.as_ref().map(Json)))
        .bind(column(all, |one| one.turn.moved_at.map(Ts)))
        .bind(column(all, |one| Json(&one.pauses)))
        .bind(column(all, |one| one.scope.entry.as_str()))
        .bind(column(all, |one| one.review.map(|waiting| Ts(waiting.since))))
        .bind(column(all, |one| one.review.map(|waiting| Ts(waiting.due_at))))
        .bind(column(all, |one| one.review.map_or(0, |waiting| i32::try_from(waiting.escalated).unwrap_or(i32::MAX))))
        .bind(column(all, |one| one.declined.map_or("", |reason| reason.as_str())))
        .bind(column(all, |one| one.next_step.as_ref().map(Json)))
        .bind(column(all, |one| Json(&one.loose)))
        .bind(column(all, |one| i32::try_from(one.tries_in_vain).unwrap_or(i32::MAX)))
        .bind(column(all, |one| one.stopped_at.map(Ts)))
        .bind(column(all, |one| one.amended))
        .execute(tx.conn())
        .await?;
    // They were locked by this transaction, so none can be gone.
    if saved.rows_affected() != all.len() as u64 {
        return Err(sqlx::Error::RowNotFound);
    }
    Ok(())
}

/// Saves what inquiries are now that their answers were mended: their facts as every event carries them, and what the worklist filters by.
pub async fn save_facts(tx: &mut Tx, all: &[&Loaded]) -> Result<(), sqlx::Error> {
    if all.is_empty() {
        return Ok(());
    }
    let texts = |get: fn(&Inquiry) -> &str| -> Vec<&str> { all.iter().map(|one| get(&one.inquiry)).collect() };
    sqlx::query(
        "UPDATE inquiries AS i SET facts = t.facts, consult_type = t.consult, cancer_area = t.area, language = t.language \
         FROM unnest($1::uuid[], $2::bytea[], $3::text[], $4::text[], $5::text[]) AS t (inquiry_id, facts, consult, area, language) \
         WHERE i.inquiry_id = t.inquiry_id",
    )
    .bind(all.iter().map(|one| one.inquiry.inquiry_id).collect::<Vec<_>>())
    .bind(all.iter().map(|one| one.facts.encode_to_vec()).collect::<Vec<_>>())
    .bind(texts(|one| one.facts.consult_type.as_str()))
    .bind(texts(|one| one.facts.cancer_area.as_str()))
    .bind(texts(|one| &one.facts.language))
    .execute(tx.conn())
    .await?;
    Ok(())
}
