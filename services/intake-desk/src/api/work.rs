//! The worklist: what is due first comes first.

use causeway_auth::{Actor, Role};
use causeway_funnel::next_step::StepEnd;
use causeway_funnel::profile::Profile;
use causeway_funnel::records::LineState;
use causeway_funnel::stage::Stage;
use causeway_mailbox::Tx;
use causeway_proto::convert::{micros, stage_to_wire};
use causeway_proto::inquiry::v1::Facts;
use causeway_proto::intake::v1 as wire;
use jiff::{SignedDuration, Timestamp};
use prost::Message as _;
use uuid::Uuid;

use super::Desk;
use crate::domain::{RecordLine, clock_state, standing_pause};
use crate::error::DeskError;
use crate::store::worklist::{Asked, MOST_COUNTED, Only, View, WorkItem, counts, page};

const USUAL_ROWS: i32 = 50;

/// A page of the worklist and how many each view has.
pub async fn list(
    desk: &Desk,
    actor: Actor,
    request: wire::ListWorkRequest,
) -> Result<wire::ListWorkResponse, DeskError> {
    let current = desk.profile(&request.center)?;
    let view = View::parse(&request.view)
        .ok_or(DeskError::Field("view is unknown; use all, mine, unclaimed, late, due_today, to_review or closed"))?;
    let ids: Result<Vec<Uuid>, _> = request.inquiry_ids.iter().map(|id| Uuid::parse_str(id)).collect();
    let ids = ids.map_err(|_| DeskError::Field("inquiry_ids holds what is not a uuid"))?;
    if ids.len() > usize::try_from(desk.parts.most_rows).unwrap_or_default() {
        return Err(DeskError::Field("inquiry_ids are more than a page has rows; ask for fewer at once"));
    }
    let after = read_token(&request.page_token)?;
    let rows = if !ids.is_empty() {
        desk.parts.most_rows
    } else if request.page_size <= 0 {
        USUAL_ROWS
    } else {
        request.page_size.min(desk.parts.most_rows)
    };
    let only = Only {
        consult_type: request.consult_type,
        site: request.site,
        owner: request.owner,
        next_action: request.next_action,
    };
    let review_teams =
        if request.team.is_empty() { own_teams(&current.1, &actor).join(",") } else { request.team.clone() };
    let center = request.center;
    let listed = desk.parts.database.read(&center, move |tx| {
        Box::pin(async move {
            let now = tx.now();
            let day_ends = day_ends(&current.1, now);
            // One more than wanted tells whether there is another page.
            let limit = i64::from(rows) + 1;
            let (team, me) = (request.team, actor.id);
            let asked = Asked { view, team, review_teams, only, me, after, limit, ids, now, day_ends };
            answer(tx, &current.1, &asked).await
        })
    });
    listed.await
}

async fn answer(tx: &mut Tx, profile: &Profile, asked: &Asked) -> Result<wire::ListWorkResponse, DeskError> {
    let mut found = page(tx, asked).await?;
    let counted = counts(tx, asked).await?;
    let wanted = usize::try_from(asked.limit - 1).unwrap_or(0);
    let more = found.len() > wanted;
    found.truncate(wanted);
    let next_page_token = if more { found.last().map(token).unwrap_or_default() } else { String::new() };
    let rows = found.into_iter().map(|item| row(profile, item, asked.now)).collect::<Result<_, _>>()?;
    let count = |((_, view), count): (&(View, &str), i64)| wire::ViewCount {
        view: (*view).to_owned(),
        count: count.min(MOST_COUNTED),
        more: count > MOST_COUNTED,
    };
    Ok(wire::ListWorkResponse { rows, next_page_token, counts: View::ALL.iter().zip(counted).map(count).collect() })
}

/// The teams whose records somebody reviews; none: all of them, for a manager and for whom the profile does not know.
fn own_teams<'a>(profile: &'a Profile, actor: &Actor) -> &'a [String] {
    let own = profile.staff(&actor.id).filter(|_| !actor.has(Role::Manager));
    own.map_or(&[], |staff| staff.teams.as_slice())
}

/// Midnight at the center.
fn day_ends(profile: &Profile, now: Timestamp) -> Timestamp {
    let zone = profile.zone();
    let tomorrow = zone.to_datetime(now).date().tomorrow();
    let midnight = tomorrow.ok().and_then(|day| zone.to_timestamp(day.at(0, 0, 0, 0)).ok());
    midnight.unwrap_or(now + SignedDuration::from_hours(24))
}

fn row(profile: &Profile, item: WorkItem, now: Timestamp) -> Result<wire::WorkRow, DeskError> {
    let facts = Facts::decode(item.facts.as_slice())
        .map_err(|cause| sqlx::Error::ColumnDecode { index: "facts".into(), source: cause.into() })?;
    let stage: Stage = item
        .stage
        .parse()
        .map_err(|cause| sqlx::Error::ColumnDecode { index: "stage".into(), source: Box::new(cause) })?;
    let first_attempt_at = item.first_attempt_at.map(|at| at.0);
    let clock = clock_state(item.response_due_at.0, first_attempt_at, stage == Stage::Closed, now);
    let pause = standing_pause(&item.pauses.0, first_attempt_at, matches!(stage, Stage::Attended | Stage::Closed), now);
    let (records_have, records_need) = records(&item.checklist.0);
    let (waiting_for, waiting_since, promised_at) = waiting(profile, &item.checklist.0);
    let step = |ended: Option<StepEnd>| {
        item.next_step.as_ref().filter(|step| step.ended == ended).map(|step| step.kind.clone()).unwrap_or_default()
    };
    Ok(wire::WorkRow {
        inquiry_id: item.inquiry_id.to_string(),
        consult_type: facts.consult_type,
        cancer_area: facts.cancer_area,
        source: facts.source,
        preferred_channel: facts.preferred_channel,
        reference: facts.reference,
        best_time: facts.best_time,
        time_zone: facts.time_zone,
        language: facts.language,
        referring_office: facts.referring_office,
        stays: facts.stays,
        landing_page: facts.attribution.map(|told| told.landing_page).unwrap_or_default(),
        team: item.team,
        owner: item.owner,
        stage: stage_to_wire(stage).into(),
        next_action: item.next_action,
        due_at: item.due_at.map_or(0, |at| micros(at.0)),
        attempts: item.attempts,
        records_have,
        records_need,
        waiting_for,
        waiting_since,
        promised_at,
        priority: item.priority,
        received_at: micros(item.received_at.0),
        clock_state: clock.as_str().to_owned(),
        version: item.version,
        chosen: item.chosen,
        escalated: item.escalated,
        bounced: item.bounced,
        pause_reason: pause.map_or("", |pause| pause.reason.as_str()).to_owned(),
        paused_since: pause.map_or(0, |pause| micros(pause.from)),
        paused_until: pause.map_or(0, |pause| micros(pause.to)),
        review_since: item.review_since.map_or(0, |at| micros(at.0)),
        review_due_at: item.review_due_at.map_or(0, |at| micros(at.0)),
        came: came(profile, &item.checklist.0),
        missed_step: step(Some(StepEnd::Missed)),
        next_step: step(None),
    })
}

/// Documents that are there, of those that are wanted.
fn records(lines: &[RecordLine]) -> (i32, i32) {
    let wanted = lines.iter().filter(|line| line.state != LineState::Waived);
    let there = |line: &&RecordLine| matches!(line.state, LineState::Received | LineState::Reviewed);
    let count = |number: usize| i32::try_from(number).unwrap_or(i32::MAX);
    (count(wanted.clone().filter(there).count()), count(wanted.count()))
}

/// The documents that booking waits for and that were asked for, each with who was asked, in words for staff; since when the longest of
/// them is waited for, and the end of the first day for which one is promised.
fn waiting(profile: &Profile, lines: &[RecordLine]) -> (Vec<String>, i64, i64) {
    let asked = lines.iter().filter(|line| line.needed && line.state == LineState::Requested);
    let language = profile.default_language();
    let since = asked.clone().filter_map(RecordLine::waited_since).min().map_or(0, micros);
    let promised = asked.clone().filter_map(|line| line.promised_at).min().map_or(0, micros);
    let words = asked.map(|line| match profile.checklists.document(&line.kind) {
        Some(document) => {
            let of = line.asked_of.label(language).to_lowercase();
            format!("{} ({of})", document.label.get(language))
        }
        None => line.kind.clone(),
    });
    (words.collect(), since, promised)
}

/// The documents that came and that nobody has reviewed, in words for staff.
fn came(profile: &Profile, lines: &[RecordLine]) -> Vec<String> {
    let came = lines.iter().filter(|line| line.state == LineState::Received);
    let language = profile.default_language();
    let label =
        |line: &RecordLine| profile.checklists.document(&line.kind).map(|document| document.label.get(language));
    came.map(|line| label(line).unwrap_or(line.kind.as_str()).to_owned()).collect()
}

fn token(last: &WorkItem) -> String {
    format!("{}.{}", last.at.map_or(0, |at| micros(at.0)), last.inquiry_id)
}

pub(super) fn read_token(token: &str) -> Result<Option<(Timestamp, Uuid)>, DeskError> {
    if token.is_empty() {
        return Ok(None);
    }
    let read = || {
        let (at, id) = token.split_once('.')?;
        Some((Timestamp::from_microsecond(at.parse().ok()?).ok()?, id.parse().ok()?))
    };
    read().map(Some).ok_or(DeskError::Field("page_token is none that the desk gave; begin with the first page"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_token_reads_back_and_a_made_up_one_is_refused() {
        let id = Uuid::from_u128(9);
        let at = Timestamp::from_microsecond(1_790_000_000_000_001).expect("a time");
        assert!(matches!(read_token(&format!("{}.{id}", micros(at))), Ok(Some(read)) if read == (at, id)));
        assert!(matches!(read_token(""), Ok(None)));
        assert!(read_token("1.2").is_err() && read_token("page2").is_err());
    }

    #[test]
    fn a_waived_document_is_neither_had_nor_wanted() {
        let line = |state| RecordLine { kind: "x".into(), needed: true, state, ..RecordLine::default() };
        let lines = [LineState::Waived, LineState::Received, LineState::Needed].map(line);
        assert_eq!(records(&lines), (1, 2));
    }
}
