//! Audits of intake quality: the queue, one audit, results, and one's own.
//!
//! An inquiry is chosen by its request number, which ingestion knows. Deliberately not here: who may read which audit (intake desk).

use std::collections::HashMap;
use std::sync::Arc;

use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use causeway_auth::Action;
use causeway_proto::error::Reason;
use causeway_proto::inquiry::v1::FindPeopleRequest;
use causeway_proto::intake::v1::{
    AuditCommand, ChooseInquiryRequest, DrawAuditsRequest, GetResultsRequest, ListAuditsRequest, QualityAudit,
};
use jiff::SignedDuration;
use tonic::Status;
use uuid::Uuid;

use super::super::{App, page, see_other};
use super::{Posted, Staff, frame, not_yours, tell, trouble};
use crate::pages::{AuditsPage, Flash, NavLink, Tone};
use crate::refusals::for_staff;
use crate::views::audits::{Looking, SPANS};
use crate::views::form::Sent;

/// Names of the pages in the bar.
pub const NAME: &str = "Audits";
pub const OWN: &str = "My audits";

const VIEWS: [(&str, &str); 4] =
    [("waiting", "Waiting"), ("mine", "Mine"), ("open", "All that are open"), ("finished", "Finished")];

fn looking<'a>(app: &App, staff: &'a Staff) -> Looking<'a> {
    Looking { profile: &staff.in_force.1, now: app.clock.now() }
}

/// What a refusal means here: it is about an audit, where the usual words are about an inquiry.
fn said(status: &Status) -> String {
    match Reason::of(status) {
        Some(Reason::NotFound) => "There is no such audit at this center.".to_owned(),
        _ => for_staff(status),
    }
}

fn away(app: &App, staff: &Staff, heading: &str, status: &Status) -> Response {
    let code = match Reason::of(status) {
        Some(Reason::NotFound) => StatusCode::NOT_FOUND,
        _ => StatusCode::SERVICE_UNAVAILABLE,
    };
    tracing::warn!(code = ?status.code(), "show audits of quality");
    trouble(app, staff, code, heading, &said(status))
}

/// The queue.
pub async fn show(State(app): State<Arc<App>>, Query(query): Query<HashMap<String, String>>, staff: Staff) -> Response {
    if !staff.may(Action::ScoreInquiry) {
        return not_yours(&app, &staff);
    }
    let asked = query.get("view").map_or("open", String::as_str);
    let view = VIEWS.iter().find(|(word, _)| *word == asked).map_or("open", |(word, _)| word);
    let request = ListAuditsRequest {
        center: staff.center(),
        view: view.to_owned(),
        page_token: query.get("page").cloned().unwrap_or_default(),
        ..Default::default()
    };
    let listed = match staff.peers.audits().list_audits(request).await {
        Ok(answer) => answer.into_inner(),
        Err(status) => return away(&app, &staff, "The audits can’t be shown", &status),
    };
    let looking = looking(&app, &staff);
    let tab = |(word, label): &(&str, &str)| NavLink {
        label: (*label).to_owned(),
        url: format!("/audits?view={word}"),
        count: None,
        current: *word == view,
    };
    let shown = AuditsPage {
        frame: frame(&app, &staff, NAME),
        drawn: match (listed.drawn_this_week, listed.drawn_count) {
            (false, _) => "The rules of your center have not drawn for this week yet.".to_owned(),
            (true, 1) => "The rules of your center have drawn 1 inquiry for this week.".to_owned(),
            (true, count) => format!("The rules of your center have drawn {count} inquiries for this week."),
        },
        views: VIEWS.iter().map(tab).collect(),
        caption: if view == "finished" { "Finished audits, the newest first" } else { "Audits, the oldest first" }
            .to_owned(),
        empty: if view == "finished" { "No audit is finished yet." } else { "No audit waits here." },
        rows: listed.rows.iter().map(|row| looking.line(row)).collect(),
        next_url: (!listed.next_page_token.is_empty())
            .then(|| format!("/audits?view={view}&page={}", listed.next_page_token)),
    };
    page(StatusCode::OK, &shown)
}

/// Draws for the week.
pub async fn draw(State(app): State<Arc<App>>, posted: Posted) -> Response {
    let staff = &posted.staff;
    let done = staff.peers.audits().draw_audits(DrawAuditsRequest { center: staff.center() }).await;
    let told = match done.map(|answer| answer.into_inner().newly_drawn) {
        Ok(0) => ("Nothing more is drawn for this week. What was drawn stays.".to_owned(), Tone::Idle),
        Ok(1) => ("1 inquiry was drawn.".to_owned(), Tone::Ok),
        Ok(count) => (format!("{count} inquiries were drawn."), Tone::Ok),
        Err(status) => {
            tracing::info!(code = ?status.code(), "a draw was refused");
            (said(&status), Tone::Bad)
        }
    };
    tell(&app, staff, told, "/audits")
}

/// Chooses one inquiry by its request number.
pub async fn choose(State(app): State<Arc<App>>, posted: Posted) -> Response {
    let staff = &posted.staff;
    match chosen(staff, posted.sent.get("reference")).await {
        Ok(Some(audit)) => see_other(&format!("/audits/{}", audit.row.unwrap_or_default().audit_id)),
        Ok(None) => {
            let text = "No inquiry of your center has this request number. Check it, and write all of it.";
            tell(&app, staff, (text.to_owned(), Tone::Bad), "/audits")
        }
        Err(status) => {
            tracing::info!(code = ?status.code(), "an inquiry was not chosen for an audit");
            tell(&app, staff, (for_staff(&status), Tone::Bad), "/audits")
        }
    }
}

async fn chosen(staff: &Staff, reference: &str) -> Result<Option<QualityAudit>, Status> {
    if reference.is_empty() {
        return Ok(None);
    }
    let request = FindPeopleRequest { center: staff.center(), text: reference.to_owned(), ..Default::default() };
    let found = staff.peers.ingestion().find_people(request).await?.into_inner().found;
    // A name would find many, and a part of a number is none.
    let [one] = found.as_slice() else { return Ok(None) };
    if one.by != "reference" {
        return Ok(None);
    }
    let request = ChooseInquiryRequest { center: staff.center(), inquiry_id: one.inquiry_id.clone() };
    Ok(Some(staff.peers.audits().choose_inquiry(request).await?.into_inner()))
}

/// One audit.
pub async fn one(State(app): State<Arc<App>>, Path(id): Path<String>, staff: Staff) -> Response {
    if !staff.may(Action::ScoreInquiry) {
        return not_yours(&app, &staff);
    }
    shown(&app, &staff, &id, None).await
}

async fn shown(app: &App, staff: &Staff, id: &str, refused: Option<(&Sent, String)>) -> Response {
    let request = AuditCommand { center: staff.center(), audit_id: id.to_owned() };
    let audit = match staff.peers.audits().get_audit(request).await {
        Ok(answer) => answer.into_inner(),
        Err(status) => return away(app, staff, "This audit can’t be shown", &status),
    };
    let mut frame = frame(app, staff, NAME);
    let mut code = StatusCode::OK;
    let typed = refused.map(|(sent, text)| {
        code = StatusCode::UNPROCESSABLE_ENTITY;
        frame.flash = Some(Flash { text, tone: Tone::Bad });
        sent
    });
    page(code, &looking(app, staff).page(frame, audit, typed))
}

/// Saves the answers. What can't be saved comes back with what was typed.
pub async fn save(State(app): State<Arc<App>>, Path(id): Path<String>, posted: Posted) -> Response {
    let (staff, sent) = (&posted.staff, &posted.sent);
    let asked = looking(&app, staff).asked(&id, sent);
    let finishes = asked.finish;
    match staff.peers.audits().save_audit(asked).await {
        Ok(answer) => {
            let audit = answer.into_inner();
            let is_settled_by_one = !audit.settled_by.is_empty();
            let row = audit.row.unwrap_or_default();
            let text = match row.state.as_str() {
                "finished" => "Finished. It counts from now on.",
                "second_waiting" => "Finished. A second reader looks at it before it counts.",
                "differs" if finishes && is_settled_by_one => {
                    "Saved. It counts once the other reader has looked at it and finishes it as it is."
                }
                "differs" if finishes => "Finished. You and the first reader differ; the two of you settle it below.",
                _ if finishes => "Finished.",
                _ => "Saved. You can go on later.",
            };
            tell(&app, staff, (text.to_owned(), Tone::Ok), &format!("/audits/{id}"))
        }
        Err(status) => {
            tracing::info!(code = ?status.code(), reason = Reason::of(&status).map(Reason::word), "answers of an audit were refused");
            let text = match Reason::of(&status) {
                Some(Reason::Conflict) => {
                    "This audit was saved from another page meanwhile. What you typed stands below, beside what is saved; saving it again takes its place."
                        .to_owned()
                }
                _ => said(&status),
            };
            shown(&app, staff, &id, Some((sent, text))).await
        }
    }
}

/// Takes it, gives it back, or asks for a second reader.
pub async fn change(State(app): State<Arc<App>>, Path((id, what)): Path<(String, String)>, posted: Posted) -> Response {
    let staff = &posted.staff;
    let Ok(id) = id.parse::<Uuid>() else { return see_other("/audits") };
    let request = AuditCommand { center: staff.center(), audit_id: id.to_string() };
    let mut audits = staff.peers.audits();
    let (done, text) = match what.as_str() {
        "take" => (audits.take_audit(request).await, "You read this audit now."),
        "back" => (audits.give_back_audit(request).await, "It waits for somebody else now."),
        "second" => (audits.ask_second_reader(request).await, "A second reader looks at it before it counts."),
        _ => return see_other("/audits"),
    };
    let told = match done {
        Ok(_) => (text.to_owned(), Tone::Ok),
        Err(status) => {
            tracing::info!(code = ?status.code(), "a change to an audit was refused");
            (said(&status), Tone::Bad)
        }
    };
    tell(&app, staff, told, &format!("/audits/{id}"))
}

/// How many weeks are asked for, and the request for them.
fn span(app: &App, staff: &Staff, query: &HashMap<String, String>) -> (i64, GetResultsRequest) {
    let asked: Option<i64> = query.get("weeks").and_then(|weeks| weeks.parse().ok());
    let weeks = asked.filter(|weeks| SPANS.iter().any(|(known, _)| known == weeks)).unwrap_or(13);
    let from = app.clock.now().checked_sub(SignedDuration::from_hours(weeks * 7 * 24));
    let from = from.map_or(0, jiff::Timestamp::as_microsecond);
    (weeks, GetResultsRequest { center: staff.center(), from, to: 0 })
}

/// What all audits show.
pub async fn results(
    State(app): State<Arc<App>>,
    Query(query): Query<HashMap<String, String>>,
    staff: Staff,
) -> Response {
    if !staff.may(Action::ScoreInquiry) {
        return not_yours(&app, &staff);
    }
    let (weeks, request) = span(&app, &staff, &query);
    match staff.peers.audits().get_results(request).await {
        Ok(answer) => {
            let shown = looking(&app, &staff).results(frame(&app, &staff, NAME), weeks, &answer.into_inner());
            page(StatusCode::OK, &shown)
        }
        Err(status) => away(&app, &staff, "The results can’t be shown", &status),
    }
}

/// What they show of the person's own work.
pub async fn own(State(app): State<Arc<App>>, Query(query): Query<HashMap<String, String>>, staff: Staff) -> Response {
    if !staff.may(Action::ViewOwnQuality) {
        return not_yours(&app, &staff);
    }
    let (weeks, request) = span(&app, &staff, &query);
    match staff.peers.audits().get_own_results(request).await {
        Ok(answer) => {
            let shown = looking(&app, &staff).own(frame(&app, &staff, OWN), weeks, &answer.into_inner());
            page(StatusCode::OK, &shown)
        }
        Err(status) => away(&app, &staff, "Your audits can’t be shown", &status),
    }
}
