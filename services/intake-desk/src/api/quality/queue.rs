//! The queue of audits, and an auditor's own draw.

use causeway_auth::Actor;
use causeway_funnel::quality_audit::sampling::week_of;
use causeway_proto::convert::micros;
use causeway_proto::inquiry::v1::Facts;
use causeway_proto::intake::v1 as wire;
use prost::Message as _;

use super::super::Desk;
use super::super::work::read_token;
use crate::error::DeskError;
use crate::handlers::draw_audits;
use crate::store::quality::audits::{AuditRow, AuditView, page};
use crate::store::quality::draws::of_week;

const USUAL_ROWS: i32 = 50;

/// A page of the queue.
pub(super) async fn list(
    desk: &Desk,
    actor: Actor,
    asked: wire::ListAuditsRequest,
) -> Result<wire::ListAuditsResponse, DeskError> {
    let current = desk.profile(&asked.center)?;
    let view = AuditView::parse(&asked.view)
        .ok_or(DeskError::Field("view is unknown; use waiting, mine, open or finished"))?;
    let after = read_token(&asked.page_token)?;
    let rows = if asked.page_size <= 0 { USUAL_ROWS } else { asked.page_size.min(desk.parts.most_rows) };
    let listed = desk.parts.database.read(&asked.center, move |tx| {
        Box::pin(async move {
            let drawn = of_week(tx, week_of(tx.now(), current.1.zone())).await?;
            // One more than wanted tells whether there is another page.
            let mut found = page(tx, (view, &actor.id), after, i64::from(rows) + 1).await?;
            let wanted = usize::try_from(rows).unwrap_or_default();
            let more = found.len() > wanted;
            found.truncate(wanted);
            let at =
                |last: &AuditRow| if view == AuditView::Finished { last.finished_at } else { Some(last.created_at) };
            let token = |last: &AuditRow| format!("{}.{}", at(last).map_or(0, |at| micros(at.0)), last.audit_id);
            let next_page_token = found.last().filter(|_| more).map(token).unwrap_or_default();
            Ok::<_, DeskError>(wire::ListAuditsResponse {
                rows: found.iter().map(|one| listed(one, &actor.id)).collect::<Result<_, _>>()?,
                next_page_token,
                drawn_this_week: !drawn.is_empty(),
                drawn_count: drawn.iter().map(|one| one.drawn).sum(),
            })
        })
    });
    listed.await
}

/// An audit in a list: who may still be its second reader hears no score.
fn listed(one: &AuditRow, who: &str) -> Result<wire::AuditRow, DeskError> {
    let shown = row(one)?;
    if one.audit()?.hides_score(who) {
        return Ok(wire::AuditRow { score: 0, has_score: false, score_hidden: true, ..shown });
    }
    Ok(shown)
}

/// An audit on the wire, without what anybody answered.
pub(super) fn row(row: &AuditRow) -> Result<wire::AuditRow, DeskError> {
    let facts = Facts::decode(row.facts.as_slice())
        .map_err(|cause| sqlx::Error::ColumnDecode { index: "facts".into(), source: cause.into() })?;
    Ok(wire::AuditRow {
        audit_id: row.audit_id.to_string(),
        inquiry_id: row.inquiry_id.to_string(),
        reference: facts.reference,
        rule: row.rule.clone(),
        week: row.week.clone(),
        state: row.state.clone(),
        team: row.team.clone(),
        person: row.person.clone(),
        script_id: row.script.clone(),
        script_version: row.script_version.clone(),
        outcome: row.outcome.clone(),
        first_reader: row.first_reader.clone(),
        second_reader: row.second_reader.clone(),
        score: row.score.unwrap_or_default(),
        has_score: row.score.is_some(),
        created_at: micros(row.created_at.0),
        finished_at: row.finished_at.map_or(0, |at| micros(at.0)),
        version: row.version,
        score_hidden: false,
    })
}

/// Draws for the week that runs, by each rule that has not.
pub(super) async fn draw(desk: &Desk, asked: wire::DrawAuditsRequest) -> Result<wire::DrawAuditsResponse, DeskError> {
    let current = desk.profile(&asked.center)?;
    if current.1.audits.samples.is_empty() {
        return Err(DeskError::UnknownName("this center has no rule that draws; add a [[sample]] to its audits.toml"));
    }
    let sealer = desk.parts.sealer.clone();
    let drawn = desk.parts.database.with_tx(&asked.center, move |tx| {
        Box::pin(async move {
            let profile = &current.1;
            let week = week_of(tx.now(), profile.zone());
            let new = draw_audits(tx, &sealer, profile, week).await?;
            let known = of_week(tx, week).await?;
            let rules = profile.audits.samples.iter().filter_map(|rule| known.iter().find(|one| one.rule == rule.id));
            let rules = rules.map(|one| wire::RuleDraw {
                rule: one.rule.clone(),
                found: one.found,
                drawn: one.drawn,
                drawn_at: micros(one.drawn_at.0),
            });
            Ok::<_, DeskError>(wire::DrawAuditsResponse {
                week: week.to_string(),
                rules: rules.collect(),
                newly_drawn: i32::try_from(new).unwrap_or(i32::MAX),
            })
        })
    });
    drawn.await
}
