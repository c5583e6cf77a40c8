//! RouteDecided: an inquiry comes to the desk.
//!
//! It starts in the team's queue, with whose turn it is where somebody is there, and with first contact as its next action, due
//! when routing promised it; of what the center does not treat it is the answer where to go instead. Nothing is told about booking
//! yet: before anybody has talked to the person nothing can be booked.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use causeway_funnel::inquiry::{CancerArea, ConsultType};
use causeway_funnel::profile::Profile;
use causeway_funnel::scope::ScopeState;
use causeway_funnel::stage::Stage;
use causeway_mailbox::{HandlerError, Outcome, Received, Tx};
use prost::Message as _;

use super::read::Decision;
use super::{Placed, told};
use crate::domain::{By, RecordLine, Step, routed};
use crate::store::begin::{Beginning, insert};

/// A checklist as lines and as JSON, made once for all inquiries of a kind in the batch.
type Checklist = (Vec<RecordLine>, Arc<str>);

/// The checklist of an inquiry of this kind.
pub fn checklist(profile: &Profile, consult: ConsultType, area: CancerArea) -> Vec<RecordLine> {
    let line = |line: causeway_funnel::records::ChecklistLine| RecordLine {
        kind: line.kind,
        needed: line.needed_for_booking,
        ..RecordLine::default()
    };
    profile.checklists.lines_for(consult, area).into_iter().map(line).collect()
}

/// Inserts what is new; what is known already goes on as a step.
pub(super) async fn take(
    tx: &mut Tx,
    current: &(String, Profile),
    (batch, decisions): (&[Received], Vec<Decision>),
    steps: &mut Vec<Placed>,
    outcomes: &mut [Outcome],
) -> Result<(), HandlerError> {
    if decisions.is_empty() {
        return Ok(());
    }
    let mut checklists: HashMap<(ConsultType, CancerArea), Checklist> = HashMap::new();
    let (mut beginnings, mut rest) = (Vec::with_capacity(decisions.len()), Vec::with_capacity(decisions.len()));
    let mut seen = HashSet::with_capacity(decisions.len());
    for decision in decisions {
        let Decision { place, inquiry_id, known, facts, route, decided_at, row, owner } = decision;
        if !seen.insert(inquiry_id) {
            steps.push(again(place, &batch[place], inquiry_id, route));
            continue;
        }
        let kind = (known.consult_type, known.cancer_area);
        let (records, json) = checklists.entry(kind).or_insert_with(|| written(&current.1, kind));
        let routed_line = routed_line(&route.team, &row);
        let inquiry = routed((inquiry_id, owner), known, (route, decided_at), records.clone());
        let inquiry = match current.1.out_of_scope(kind.0, kind.1) {
            Some(entry) => inquiry.out_of_scope(&entry.id, entry.approve),
            None => inquiry,
        };
        let facts_as_stored = facts.encode_to_vec();
        beginnings.push(Beginning { inquiry, facts: facts_as_stored, checklist: json.clone(), routed_line });
        rest.push((place, facts, decided_at));
    }
    let new = insert(tx, &current.0, &beginnings).await?;
    let center = tx.center().to_owned();
    for (beginning, (place, facts, decided_at)) in beginnings.into_iter().zip(rest) {
        let inquiry = beginning.inquiry;
        let received = &batch[place];
        if !new.contains(&inquiry.inquiry_id) {
            steps.push(again(place, received, inquiry.inquiry_id, inquiry.route));
            continue;
        }
        // The center wants no approval: the answer goes out at once.
        if inquiry.scope.state == ScopeState::Sending {
            let referred = told::referred_elsewhere(&inquiry, facts.clone(), decided_at);
            tx.emit(told::draft(&center, &inquiry, &referred, &received.envelope.trace));
        }
        let changed = told::stage_changed(&inquiry, facts, (Stage::Received, Stage::Routed), decided_at);
        tx.emit(told::draft(&center, &inquiry, &changed, &received.envelope.trace));
        outcomes[place] = Outcome::Done;
    }
    Ok(())
}

fn again(place: usize, received: &Received, inquiry_id: uuid::Uuid, route: crate::domain::Route) -> Placed {
    let (by, trace) = (By(received.envelope.source.clone()), received.envelope.trace.clone());
    Placed { place, inquiry_id, step: Step::Rerouted(route), by, trace }
}

fn written(profile: &Profile, (consult, area): (ConsultType, CancerArea)) -> Checklist {
    let lines = checklist(profile, consult, area);
    let json = serde_json::to_string(&lines).unwrap_or_else(|_| "[]".to_owned());
    (lines, json.into())
}

fn routed_line(team: &str, row: &str) -> String {
    if row.is_empty() { format!("Routed to team {team}.") } else { format!("Routed to team {team} by row {row}.") }
}
