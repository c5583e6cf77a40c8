//! What staff change on an inquiry: each is one call to the service that owns it, and a sentence about what became of it.
//!
//! Deliberately not here: rules. A refusal is said in the words of who refused.

use std::collections::HashMap;
use std::future::{Future, ready};
use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use causeway_auth::fingerprint;
use causeway_funnel::inquiry::Channel;
use causeway_funnel::records::{RecordsFrom, WaiveReason};
use causeway_proto::convert::channel_to_wire;
use causeway_proto::error::Reason;
use causeway_proto::inquiry::v1::DecideLinkRequest;
use causeway_proto::intake::v1::{
    AgreeNextStepRequest, CloseInquiryRequest, EndNextStepRequest, HandOverInquiryRequest, HandToCenterRequest,
    InquiryCommand, KeepInquiryRequest, LogAttemptRequest, PromiseRecordRequest, ReopenInquiryRequest,
    RequestRecordsRequest, ReviewRecordsRequest, SaveDraftRequest, SaveNoteRequest, UpdateRecordRequest,
};
use causeway_proto::scheduling::v1::{
    BookSlotRequest, CancelAppointmentRequest, ListAppointmentsRequest, RecordAttendanceRequest,
};
use tonic::{Response as Answer, Status};
use uuid::Uuid;

use super::super::{App, see_other};
use super::{Posted, conflict, tell};
use crate::pages::Tone;
use crate::refusals::for_staff;
use crate::views::inquiry::{OUTCOMES, VISIT_REASONS, call_back_at, note_version, step_at, used_script};
use crate::views::own::booked;

type OfInquiry = Path<String>;

/// Where a reviewer goes on.
const TO_REVIEW: &str = "/worklist?view=to_review";

/// Carries out a call and goes back to the inquiry, or elsewhere when it worked.
pub(super) async fn act<T>(
    app: &App,
    posted: &Posted,
    id: &str,
    call: impl Future<Output = Result<T, Status>>,
    (done, to): (&str, Option<&str>),
) -> Response {
    // Anything but an id would make an address of somebody's choice.
    let Ok(id) = id.parse::<Uuid>() else { return see_other("/worklist") };
    let page = format!("/inquiries/{id}");
    match call.await {
        Ok(_) => tell(app, &posted.staff, (done.to_owned(), Tone::Ok), to.unwrap_or(&page)),
        Err(status) => {
            tracing::info!(code = ?status.code(), reason = Reason::of(&status).map(Reason::word), inquiry.id = %id, "a change by staff was refused");
            tell(app, &posted.staff, (for_staff(&status), Tone::Bad), &page)
        }
    }
}

impl Posted {
    /// The version that the person saw makes sending twice count once; what two people send is never the same.
    fn key(&self, word: &str, id: &str) -> String {
        format!("{word}:{id}:{}:{}", self.sent.get("version"), self.staff.session.actor.id)
    }

    /// A command about an inquiry.
    fn command(&self, word: &str, id: &str) -> InquiryCommand {
        InquiryCommand { center: self.staff.center(), inquiry_id: id.to_owned(), idempotency_key: self.key(word, id) }
    }
}

/// A refusal of the page's own form.
fn incomplete(sentence: &str) -> Status {
    Reason::FieldFault.status(sentence)
}

/// Takes an inquiry.
pub async fn claim(State(app): State<Arc<App>>, Path(id): OfInquiry, posted: Posted) -> Response {
    let mut desk = posted.staff.peers.desk();
    let call = desk.claim_inquiry(posted.command("claim", &id));
    act(&app, &posted, &id, call, ("You work this inquiry now.", None)).await
}

/// Gives it back to the queue.
pub async fn release(State(app): State<Arc<App>>, Path(id): OfInquiry, posted: Posted) -> Response {
    let mut desk = posted.staff.peers.desk();
    let call = desk.release_inquiry(posted.command("release", &id));
    act(&app, &posted, &id, call, ("The inquiry is back in the queue.", Some("/worklist"))).await
}

/// Hands it to another team or a colleague.
pub async fn hand_over(State(app): State<Arc<App>>, Path(id): OfInquiry, posted: Posted) -> Response {
    let text = |name: &str| posted.sent.get(name).to_owned();
    let request = HandOverInquiryRequest {
        center: posted.staff.center(),
        inquiry_id: id.clone(),
        to_staff: text("staff"),
        to_team: text("team"),
        reason: text("reason"),
        reason_kind: text("reason_kind"),
    };
    let call = async {
        if request.to_staff.is_empty() && request.to_team.is_empty() {
            return Err(incomplete("choose a colleague or a team"));
        }
        // What goes to another team was sent to the wrong one, and that is counted.
        if !request.to_team.is_empty() && request.reason.is_empty() {
            return Err(incomplete("say why you pass it on"));
        }
        posted.staff.peers.desk().hand_over_inquiry(request).await
    };
    act(&app, &posted, &id, call, ("Passed on.", Some("/worklist"))).await
}

/// Stands in the address for an inquiry that is named by its number.
const BY_NUMBER: &str = "by-number";

/// Says of a linked inquiry that it is the same person's, or another's, or takes it back.
pub async fn twin(State(app): State<Arc<App>>, Path((id, other)): Path<(String, String)>, posted: Posted) -> Response {
    let state = posted.sent.get("state").to_owned();
    let done = match state.as_str() {
        "same" => "Noted: the same person.",
        "different" => "Noted: another person.",
        _ => "Undone. It is open again who it is.",
    };
    let mut request = DecideLinkRequest {
        center: posted.staff.center(),
        inquiry_id: id.clone(),
        state,
        ..DecideLinkRequest::default()
    };
    // One that nothing is said to be alike with is named by its number.
    match other.as_str() {
        BY_NUMBER => request.other_reference = posted.sent.get("reference").to_owned(),
        _ => request.other_inquiry_id = other,
    }
    let mut ingestion = posted.staff.peers.ingestion();
    act(&app, &posted, &id, ingestion.decide_link(request), (done, None)).await
}

/// Saves the intake note.
pub async fn note(State(app): State<Arc<App>>, Path(id): OfInquiry, posted: Posted) -> Response {
    let request = SaveNoteRequest {
        center: posted.staff.center(),
        inquiry_id: id.clone(),
        fields: typed_into_note(&posted),
        base_note_version: note_version(posted.sent.get("version")),
    };
    let saved = posted.staff.peers.desk().save_note(request).await;
    if matches!(&saved, Err(status) if Reason::of(status) == Some(Reason::Conflict)) {
        match conflict::show(&app, &posted, &id).await {
            Ok(Some(both)) => return both,
            Ok(None) => {
                // Nothing of it is left to save, also not of what was kept while it was typed.
                let done = ("A colleague saved the same note a moment ago.", None);
                return act(&app, &posted, &id, keep_draft(&posted, &id, HashMap::new()), done).await;
            }
            Err(_) => {}
        }
    }
    act(&app, &posted, &id, std::future::ready(saved), ("The note is saved.", None)).await
}

/// Keeps what was typed into the note, for its writer alone: the page sends it as it is typed, or a button does. Where no field is
/// sent, the draft is dropped.
pub async fn draft(State(app): State<Arc<App>>, Path(id): OfInquiry, headers: HeaderMap, posted: Posted) -> Response {
    let fields = typed_into_note(&posted);
    let done = if fields.is_empty() {
        "The draft is dropped. What was saved stays."
    } else {
        "The draft is kept. It is not saved yet."
    };
    let kept = keep_draft(&posted, &id, fields).await;
    if headers.contains_key("hx-request") {
        let status = if kept.is_ok() { StatusCode::NO_CONTENT } else { StatusCode::SERVICE_UNAVAILABLE };
        return status.into_response();
    }
    act(&app, &posted, &id, std::future::ready(kept), (done, None)).await
}

/// Keeps these fields as the draft; none: drops it.
async fn keep_draft(posted: &Posted, id: &str, fields: HashMap<String, String>) -> Result<(), Status> {
    let request = SaveDraftRequest {
        center: posted.staff.center(),
        inquiry_id: id.to_owned(),
        fields,
        base_note_version: note_version(posted.sent.get("version")),
    };
    posted.staff.peers.desk().save_draft(request).await.map(|_| ())
}

fn typed_into_note(posted: &Posted) -> HashMap<String, String> {
    let beside = |key: &str| matches!(key, "csrf" | "version");
    let fields = posted.sent.typed.iter().filter(|(key, _)| !beside(key));
    fields.map(|(key, value)| (key.clone(), value.trim().to_owned())).collect()
}

/// Writes down a try to reach the person.
pub async fn attempt(State(app): State<Arc<App>>, Path(id): OfInquiry, posted: Posted) -> Response {
    let sent = &posted.sent;
    let call = async {
        let outcome = OUTCOMES.iter().find(|(word, _)| *word == sent.get("outcome"));
        let (Some((outcome, _)), Ok(channel)) = (outcome, sent.get("channel").parse::<Channel>()) else {
            return Err(incomplete("choose an outcome and a channel"));
        };
        let (script, script_version) =
            used_script(sent.get("script"), (sent.get("script_shown"), sent.get("voicemail_shown")), outcome);
        let request = LogAttemptRequest {
            center: posted.staff.center(),
            inquiry_id: id.clone(),
            channel: channel_to_wire(channel).into(),
            outcome: (*outcome).to_owned(),
            call_back_at: call_back_at(sent.get("call_back"), app.clock.now(), posted.staff.in_force.1.calendar(None)),
            idempotency_key: posted.key("attempt", &id),
            script,
            script_version,
            note: sent.get("note").to_owned(),
        };
        posted.staff.peers.desk().log_attempt(request).await
    };
    act(&app, &posted, &id, call, ("The attempt is saved. The next step is set.", None)).await
}

/// Asks for a document, or sets the state of its line.
pub async fn record(State(app): State<Arc<App>>, Path((id, kind)): Path<(String, String)>, posted: Posted) -> Response {
    let action = posted.sent.get("action");
    let call = async {
        let state = match action {
            "ask_patient" => return ask_for(&posted, &id, (vec![kind.clone()], RecordsFrom::Patient)).await,
            "ask_referring_office" => {
                return ask_for(&posted, &id, (vec![kind.clone()], RecordsFrom::ReferringOffice)).await;
            }
            "ask_hospital" => return ask_for(&posted, &id, (vec![kind.clone()], RecordsFrom::Hospital)).await,
            "promise" => {
                let on = posted.sent.get("on").to_owned();
                let request = PromiseRecordRequest {
                    center: posted.staff.center(),
                    inquiry_id: id.clone(),
                    kind: kind.clone(),
                    on,
                    of: String::new(),
                };
                return posted.staff.peers.desk().promise_record(request).await.map(|_| ());
            }
            "received" => "received",
            "review" => "reviewed",
            "waive" => "waived",
            "needed" => "needed",
            _ => return Err(incomplete("choose what to do with the record")),
        };
        let reason = posted.sent.get("reason");
        if state == "waived" && reason.parse::<WaiveReason>().is_err() {
            return Err(incomplete("choose why the record is not needed"));
        }
        let request = UpdateRecordRequest {
            center: posted.staff.center(),
            inquiry_id: id.clone(),
            kind: kind.clone(),
            state: state.to_owned(),
            reason: if state == "waived" { reason.to_owned() } else { String::new() },
        };
        posted.staff.peers.desk().update_record(request).await.map(|_| ())
    };
    let done = match action {
        "ask_patient" => "We ask the patient for it.",
        "ask_referring_office" => {
            "It is noted as asked for. An office that refers by HL7 or FHIR reads it there; else print or fax the letter, or call."
        }
        "ask_hospital" => "It is noted as asked for. Print or fax the letter, or call them.",
        "promise" if posted.sent.get("on").is_empty() => {
            "The promise is taken back. It is asked for again on the usual days."
        }
        "promise" => "The day is kept. Nobody is asked again before it.",
        _ => "The checklist is saved.",
    };
    act(&app, &posted, &id, call, (done, None)).await
}

/// Asks the patient for all documents that nobody was asked for.
pub async fn ask_for_all(State(app): State<Arc<App>>, Path(id): Path<String>, posted: Posted) -> Response {
    let call = ask_for(&posted, &id, (Vec::new(), RecordsFrom::Patient));
    act(&app, &posted, &id, call, ("We ask the patient for all of them.", None)).await
}

async fn ask_for(posted: &Posted, id: &str, (kinds, of): (Vec<String>, RecordsFrom)) -> Result<(), Status> {
    // Names of papers are as long as a center likes, and a key is not.
    let idempotency_key = fingerprint([posted.key("ask", id).as_str(), of.as_str(), &kinds.join(",")]);
    let (center, of) = (posted.staff.center(), of.as_str().to_owned());
    let request = RequestRecordsRequest { center, inquiry_id: id.to_owned(), kinds, of, idempotency_key };
    posted.staff.peers.desk().request_records(request).await.map(|_| ())
}

/// A reviewer's decision.
pub async fn review(
    State(app): State<Arc<App>>,
    Path((id, decision)): Path<(String, String)>,
    posted: Posted,
) -> Response {
    let text = |name: &str| posted.sent.get(name).to_owned();
    let call = async {
        let (to_team, reason_kind, entry) = (text("team"), text("reason_kind"), text("entry"));
        if decision == "redirect" && (to_team.is_empty() || reason_kind.is_empty()) {
            return Err(incomplete("choose the team and why it belongs there"));
        }
        if decision == "decline" && (entry.is_empty() || reason_kind.is_empty()) {
            return Err(incomplete("choose why it is declined and where they can go"));
        }
        let kinds = posted.sent.get("kinds").split(',').map(str::trim).filter(|kind| !kind.is_empty());
        let request = ReviewRecordsRequest {
            center: posted.staff.center(),
            inquiry_id: id.clone(),
            kinds: kinds.map(str::to_owned).collect(),
            to_team,
            reason_kind,
            entry,
            reason: text("reason"),
            idempotency_key: posted.key(&format!("review/{decision}"), &id),
            decision: decision.clone(),
        };
        posted.staff.peers.desk().review_records(request).await.map(Answer::into_inner)
    };
    let result = call.await;
    let waits = result.as_ref().is_ok_and(|inquiry| inquiry.review_since > 0);
    let (done, to) = reviewed(&decision, waits);
    act(&app, &posted, &id, ready(result), (done, to)).await
}

/// What is said of a decision, and where one goes from it. What is redirected may have nothing to review there yet.
fn reviewed(decision: &str, waits: bool) -> (&'static str, Option<&'static str>) {
    match decision {
        "accept" => ("The records are accepted.", None),
        "redirect" if waits => ("Redirected. The other team reviews it.", Some(TO_REVIEW)),
        "redirect" => ("Given to the other team.", Some(TO_REVIEW)),
        "decline" => ("Declined. The message where to go is on its way; the inquiry closes when it is out.", None),
        _ => ("We ask for more records.", None),
    }
}

/// Books a slot.
pub async fn book(State(app): State<Arc<App>>, Path((id, slot)): Path<(String, String)>, posted: Posted) -> Response {
    let request = BookSlotRequest {
        center: posted.staff.center(),
        inquiry_id: id.clone(),
        idempotency_key: format!("staff:{id}:{}:{slot}", posted.sent.get("version")),
        slot_id: slot,
    };
    let mut scheduling = posted.staff.peers.scheduling();
    act(&app, &posted, &id, scheduling.book_slot(request), ("The visit is booked.", None)).await
}

/// Cancels the visit, or says whether the person came.
pub async fn visit(State(app): State<Arc<App>>, Path(id): OfInquiry, posted: Posted) -> Response {
    let done = match posted.sent.get("action") {
        "cancel" => "The visit is cancelled.",
        _ => "Saved what became of the visit.",
    };
    act(&app, &posted, &id, change_visit(&posted, &id), (done, None)).await
}

async fn change_visit(posted: &Posted, id: &str) -> Result<(), Status> {
    let (center, mut scheduling) = (posted.staff.center(), posted.staff.peers.scheduling());
    let request = ListAppointmentsRequest { center: center.clone(), inquiry_id: id.to_owned() };
    let listed = scheduling.list_appointments(request).await.map(Answer::into_inner)?;
    let Some(visit) = booked(&listed.appointments) else { return Err(Reason::WrongState.status("no visit is booked")) };
    let appointment_id = visit.appointment_id.clone();
    match posted.sent.get("action") {
        "cancel" => {
            let reason = posted.sent.get("reason").to_owned();
            if !VISIT_REASONS.iter().any(|(word, _)| *word == reason) {
                return Err(incomplete("choose why the visit is cancelled"));
            }
            let by = if reason == "clinic_changed" { "center" } else { "patient" }.to_owned();
            let request = CancelAppointmentRequest { center, appointment_id, reason, by };
            scheduling.cancel_appointment(request).await.map(|_| ())
        }
        word @ ("attended" | "missed") => {
            let request = RecordAttendanceRequest { center, appointment_id, attended: word == "attended" };
            scheduling.record_attendance(request).await.map(|_| ())
        }
        _ => Err(incomplete("choose what to do with the visit")),
    }
}

/// Agrees on a dated next step, or moves it. Whether a message tells the person of it stands beside the form.
pub async fn agree_step(State(app): State<Arc<App>>, Path(id): OfInquiry, posted: Posted) -> Response {
    let call = async {
        let (kind, sent) = (posted.sent.get("kind").to_owned(), &posted.sent);
        let at = step_at(sent.get("day"), sent.get("time"), posted.staff.in_force.1.zone());
        let (Some(at), false) = (at, kind.is_empty()) else {
            return Err(incomplete("choose what it is, a day and a time"));
        };
        let request = AgreeNextStepRequest {
            center: posted.staff.center(),
            inquiry_id: id.clone(),
            kind,
            at,
            idempotency_key: posted.key("step", &id),
        };
        posted.staff.peers.desk().agree_next_step(request).await
    };
    act(&app, &posted, &id, call, ("The next step is agreed.", None)).await
}

/// Says what became of the agreed next step.
pub async fn end_step(State(app): State<Arc<App>>, Path(id): OfInquiry, posted: Posted) -> Response {
    let call = async {
        let how = posted.sent.get("how").to_owned();
        if how.is_empty() {
            return Err(incomplete("choose what became of it"));
        }
        let request = EndNextStepRequest {
            center: posted.staff.center(),
            inquiry_id: id.clone(),
            how,
            idempotency_key: posted.key("step-end", &id),
        };
        posted.staff.peers.desk().end_next_step(request).await
    };
    act(&app, &posted, &id, call, ("Saved what became of the next step.", None)).await
}

/// Closes with a reason.
pub async fn close(State(app): State<Arc<App>>, Path(id): OfInquiry, posted: Posted) -> Response {
    let call = async {
        let reason = posted.sent.get("reason").to_owned();
        if reason.is_empty() {
            return Err(incomplete("choose the main reason"));
        }
        let request = CloseInquiryRequest { center: posted.staff.center(), inquiry_id: id.clone(), reason };
        posted.staff.peers.desk().close_inquiry(request).await
    };
    act(&app, &posted, &id, call, ("The inquiry is closed.", None)).await
}

/// Sends the answer to what is not treated here.
pub async fn refer_elsewhere(State(app): State<Arc<App>>, Path(id): OfInquiry, posted: Posted) -> Response {
    let mut desk = posted.staff.peers.desk();
    let call = desk.refer_elsewhere(posted.command("elsewhere", &id));
    let done = "The message where to go is on its way. The inquiry closes when it is out.";
    act(&app, &posted, &id, call, (done, None)).await
}

/// Works what counts as not treated here as any other inquiry.
pub async fn keep(State(app): State<Arc<App>>, Path((id, reason)): Path<(String, String)>, posted: Posted) -> Response {
    let request = KeepInquiryRequest {
        center: posted.staff.center(),
        inquiry_id: id.clone(),
        idempotency_key: posted.key("keep", &id),
        reason,
    };
    let mut desk = posted.staff.peers.desk();
    act(&app, &posted, &id, desk.keep_inquiry(request), ("We work it here.", None)).await
}

/// Hands it to a sister center.
pub async fn sister(State(app): State<Arc<App>>, Path(id): OfInquiry, posted: Posted) -> Response {
    let call = async {
        let (to_center, reason_kind) =
            (posted.sent.get("center").to_owned(), posted.sent.get("reason_kind").to_owned());
        if to_center.is_empty() || reason_kind.is_empty() {
            return Err(incomplete("choose the center and why it belongs there"));
        }
        let request = HandToCenterRequest {
            center: posted.staff.center(),
            inquiry_id: id.clone(),
            idempotency_key: posted.key("sister", &id),
            to_center,
            reason_kind,
            reason: posted.sent.get("reason").to_owned(),
        };
        posted.staff.peers.desk().hand_to_center(request).await
    };
    act(&app, &posted, &id, call, ("It is on its way to the sister center, and closed here.", None)).await
}

/// Opens a closed inquiry again.
pub async fn reopen(State(app): State<Arc<App>>, Path(id): OfInquiry, posted: Posted) -> Response {
    let call = async {
        let reason = posted.sent.get("reason").to_owned();
        if reason.is_empty() {
            return Err(incomplete("choose why it is opened again"));
        }
        let request = ReopenInquiryRequest {
            center: posted.staff.center(),
            inquiry_id: id.clone(),
            idempotency_key: posted.key("reopen", &id),
            reason,
        };
        posted.staff.peers.desk().reopen_inquiry(request).await
    };
    act(&app, &posted, &id, call, ("The inquiry is open again.", None)).await
}
