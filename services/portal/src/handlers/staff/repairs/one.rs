//! One thing that waits, with what it says: each fault at its answer, to be mended.
//!
//! Whoever opens it sees a person, so ingestion writes each look to the audit log. Deliberately not here: what is done about it
//! (changes).

use std::collections::HashMap;
use std::sync::Arc;

use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use causeway_auth::Action;
use causeway_proto::inquiry::v1::{
    OpenRepairRequest, Repair, RepairCandidate, RepairFault, RepairRow as Waiting, RepairStep,
};
use causeway_serve::Problem;
use tonic::Status;

use super::super::super::{App, page};
use super::super::{Staff, frame, not_yours, trouble};
use super::changes::changed;
use super::{NAME, kind_of, moment};
use crate::pages::{Fact, HiddenField, Moment, Raw, RepairPage, SelectOption, Tone, Whose};
use crate::refusals::for_staff;
use crate::views::form::Sent;
use crate::views::repairs::{SET_ASIDE, also, compared, door, from, questions, step, why_at};

/// One of them.
pub async fn show(
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
    Query(query): Query<HashMap<String, String>>,
    staff: Staff,
) -> Response {
    if !staff.may(Action::RepairInquiry) {
        return not_yours(&app, &staff);
    }
    let kind = kind_of(query.get("kind").map(String::as_str).unwrap_or_default());
    match open(&staff, (kind, &id)).await {
        Ok(repair) => page(StatusCode::OK, &repair_page(&app, &staff, &repair, None)),
        Err(status) => unshown(&app, &staff, &status),
    }
}

pub(super) async fn open(staff: &Staff, (kind, id): (&str, &str)) -> Result<Repair, Status> {
    let request = OpenRepairRequest {
        center: staff.center(),
        kind: kind.to_owned(),
        id: id.to_owned(),
        purpose: "repair".to_owned(),
    };
    staff.peers.ingestion().open_repair(request).await.map(tonic::Response::into_inner)
}

pub(super) fn unshown(app: &App, staff: &Staff, status: &Status) -> Response {
    tracing::info!(code = ?status.code(), "open what waits to be mended");
    let code = Problem::from(status.clone()).code.http();
    let heading = "This can’t be shown";
    trouble(
        app,
        staff,
        if code == StatusCode::BAD_REQUEST { StatusCode::NOT_FOUND } else { code },
        heading,
        &for_staff(status),
    )
}

/// `returned`: what was sent, and what is wrong with it.
pub(super) fn repair_page(
    app: &App,
    staff: &Staff,
    repair: &Repair,
    returned: Option<(&Sent, &[RepairFault])>,
) -> RepairPage {
    let row = repair.row.clone().unwrap_or_default();
    // What they left alone is shown as it stands by now, else the next save would bring back what another has mended meanwhile.
    let mine = returned.map(|(sent, _)| changed(sent)).unwrap_or_default();
    let typed = |key: &str| mine.get(key).cloned();
    let faults = returned.map_or(repair.faults.as_slice(), |(_, faults)| faults);
    let (questions, rest) = questions(&staff.in_force.1, (repair, faults), typed);
    let shown = questions.iter().map(|question| HiddenField {
        name: question.key.clone(),
        value: repair.fields.get(&question.key).cloned().unwrap_or_default(),
    });
    let is_message = row.kind == "message";
    let reason = |(value, label): &(&str, &str)| SelectOption {
        value: (*value).to_owned(),
        label: (*label).to_owned(),
        selected: false,
    };
    RepairPage {
        frame: frame(app, staff, NAME),
        base: format!("/repairs/{}", row.id),
        id: row.id.clone(),
        heading: format!("From {}", from(&staff.in_force.1, &row)),
        why: why_at(&row.door, &row.reason).sentence,
        facts: facts(staff, &row),
        faults: rest,
        shown: shown.collect(),
        release: if is_message { "Release as a new inquiry" } else { "Save the mended answers" }.to_owned(),
        may_be_lenient: is_message,
        is_returned: returned.is_some(),
        may_retry: repair.may_retry,
        may_settle: is_message && repair.view == "waiting",
        reasons: if !repair.view.is_empty() { SET_ASIDE.iter().map(reason).collect() } else { Vec::new() },
        compared: compared(&staff.in_force.1, repair),
        compared_with: match repair.standing_kind.as_str() {
            "inquiry" => row.reference.clone(),
            "message" => "the message that came first".to_owned(),
            _ => String::new(),
        },
        may_apply: repair.may_apply,
        is_other_patient: repair.is_other_patient,
        // Of what can be released as a new inquiry nobody has to say whose it is, unless it names another patient.
        may_assign: repair.may_assign && (!repair.may_release || repair.is_other_patient),
        whose: repair.candidates.iter().map(|one| whose(staff, one)).collect(),
        other_raw: Some(as_text(&repair.standing_raw)).filter(|text| !text.is_empty() && staff.may(Action::ReadPerson)),
        is_erased: repair.is_erased,
        also: also(&staff.in_force.1, repair, if repair.may_release { &questions } else { &[] }),
        raw: raw(staff, repair),
        steps: repair.steps.iter().map(|one| done(staff, one)).collect(),
        kind: row.kind,
        questions: if repair.may_release { questions } else { Vec::new() },
    }
}

fn facts(staff: &Staff, row: &Waiting) -> Vec<Fact> {
    let fact = |label: &str, value: String, link: Option<String>| Fact {
        label: label.to_owned(),
        value,
        link,
        tone: Tone::Idle,
    };
    let mut facts = vec![fact("Came by", door(row), None), fact("Since", moment(staff, row.since), None)];
    if row.times > 1 {
        facts.push(fact("Came", format!("{} times", row.times), None));
    }
    if !row.reference.is_empty() {
        facts.push(fact("About", row.reference.clone(), Some(format!("/inquiries/{}", row.inquiry_id))));
    }
    facts.push(fact("Who can act", why_at(&row.door, &row.reason).who.to_owned(), None));
    facts
}

fn done(staff: &Staff, one: &RepairStep) -> Moment {
    Moment { at: moment(staff, one.at), text: step(&one.step, &one.outcome), note: Some(format!("by {}", one.actor)) }
}

/// An inquiry that it may be of.
fn whose(staff: &Staff, one: &RepairCandidate) -> Whose {
    let parts = [one.name.clone(), one.birth_date.clone(), format!("since {}", moment(staff, one.received_at))];
    Whose {
        reference: one.reference.clone(),
        url: format!("/inquiries/{}", one.inquiry_id),
        about: parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(", "),
        because: one.because.clone(),
        differs: !one.is_same,
    }
}

/// Its segments line by line. Of a long one the lines that make it long, which are documents as a rule, are not shown whole.
fn as_text(raw: &str) -> String {
    const LONG: usize = 256 * 1024;
    const LINE: usize = 2_000;
    let text = raw.replace("\r\n", "\n").replace('\r', "\n");
    if text.len() <= LONG {
        return text;
    }
    let mut shown = String::new();
    for line in text.lines() {
        if shown.len() > LONG {
            shown.push_str("[… the rest of the lines]\n");
            break;
        }
        match line.char_indices().nth(LINE) {
            Some((at, _)) => {
                let left = line.len() - at;
                shown.push_str(&format!("{} [… {left} more bytes]\n", &line[..at]));
            }
            None => shown.push_str(&format!("{line}\n")),
        }
    }
    shown
}

/// As it came, for who may read a person.
fn raw(staff: &Staff, repair: &Repair) -> Option<Raw> {
    if repair.raw.is_empty() || !staff.may(Action::ReadPerson) {
        return None;
    }
    let cells: Option<Vec<String>> = serde_json::from_str(&repair.raw).ok().filter(|_| !repair.columns.is_empty());
    Some(match cells {
        Some(cells) => {
            let name = |at: usize| {
                repair.columns.get(at).map_or_else(|| "No column".to_owned(), |name| name.replace('_', " "))
            };
            let told = cells.into_iter().enumerate().filter(|(_, cell)| !cell.trim().is_empty());
            Raw::Cells(told.map(|(at, cell)| (name(at), cell)).collect())
        }
        None => Raw::Text(as_text(&repair.raw)),
    })
}
