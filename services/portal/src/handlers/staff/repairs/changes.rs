//! What a person does about what waits: releases it mended, tries it again, puts it to its inquiry or takes it over into that, says
//! that it is done, sets it aside.
//!
//! Each is one call to ingestion and a sentence about what became of it. A form that comes back shows its faults, and to show it
//! is a look of its own. Deliberately not here: what may be done about what (ingestion).

use std::collections::HashMap;
use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use causeway_funnel::contact::FaultCode;
use causeway_proto::inquiry::v1::{
    ApplyMessageRequest, AssignMessageRequest, ReleaseRepairRequest, RepairFault, RepairOutcome, RetryFileRequest,
    RetryRepairsRequest, SetAsideRepairsRequest, SettleMessagesRequest, TakeGoodRowsRequest,
};
use causeway_serve::{FieldProblem, Problem};
use tonic::Status;
use uuid::Uuid;

use super::super::super::{App, page, see_other};
use super::super::{Posted, Staff, tell};
use super::one::{open, repair_page, unshown};
use super::{Asked, address, kind_of};
use crate::pages::Tone;
use crate::refusals::for_staff;
use crate::views::form::Sent;
use crate::views::repairs::{SET_ASIDE, became, spoken, tally, why};

/// Releases one, with what was mended.
pub async fn release(State(app): State<Arc<App>>, Path(id): Path<String>, posted: Posted) -> Response {
    let Ok(id) = id.parse::<Uuid>().map(|id| id.to_string()) else { return see_other("/repairs") };
    let (staff, sent) = (&posted.staff, &posted.sent);
    let kind = kind_of(sent.get("kind"));
    let fields = changed(sent);
    let was = |key: &String| Some((key.clone(), sent.typed.get(&format!("was-{key}"))?.clone()));
    let request = ReleaseRepairRequest {
        center: staff.center(),
        kind: kind.to_owned(),
        id: id.clone(),
        was: fields.keys().filter_map(was).collect(),
        fields,
        strict: sent.get("lenient") != "yes",
    };
    if kind == "inquiry" && request.fields.is_empty() {
        let said = ("Nothing was changed. Mend an answer, then save.".to_owned(), Tone::Bad);
        return tell(&app, staff, said, &address(kind, &id));
    }
    let status = match staff.peers.ingestion().release_repair(request).await {
        Ok(answer) => return ended(&app, staff, &answer.into_inner(), &id),
        Err(status) => status,
    };
    let problem = Problem::from(status.clone());
    if problem.fields.is_empty() {
        tracing::info!(code = ?status.code(), "a release was refused");
        return tell(&app, staff, (for_staff(&status), Tone::Bad), &address(kind, &id));
    }
    let fault = |one: &FieldProblem| RepairFault { place: one.field.clone(), message: one.reason.clone() };
    let mut faults: Vec<RepairFault> = problem.fields.iter().map(fault).collect();
    match open(staff, (kind, &id)).await {
        Ok(repair) => {
            // Seen before it is overwritten: what another has saved meanwhile.
            let overtaken = FaultCode::ChangedMeanwhile.label("en");
            for fault in faults.iter_mut().filter(|fault| fault.message == overtaken) {
                let stands = repair.fields.get(&fault.place).map(|answer| answer.trim()).filter(|one| !one.is_empty());
                let stands = stands.map(|answer| spoken(&staff.in_force.1, &fault.place, answer));
                fault.message = format!("{overtaken}. It says now: {}", stands.as_deref().unwrap_or("nothing"));
            }
            page(StatusCode::UNPROCESSABLE_ENTITY, &repair_page(&app, staff, &repair, Some((sent, &faults))))
        }
        Err(status) => unshown(&app, staff, &status),
    }
}

/// What differs from what was shown.
pub(super) fn changed(sent: &Sent) -> HashMap<String, String> {
    let shown = sent.typed.iter().filter_map(|(name, was)| Some((name.strip_prefix("was-")?, was.trim())));
    shown
        .filter(|(key, was)| sent.typed.contains_key(*key) && as_lines(sent.get(key)) != as_lines(was))
        .map(|(key, _)| (key.to_owned(), sent.get(key).to_owned()))
        .collect()
}

/// A browser sends each end of a line of its boxes as two characters.
fn as_lines(text: &str) -> Vec<&str> {
    text.lines().map(str::trim_end).collect()
}

/// What became of one. Where somebody has to look at its team they are led to its inquiry, and where nothing was done back to it.
fn ended(app: &App, staff: &Staff, outcome: &RepairOutcome, id: &str) -> Response {
    let said = became(outcome);
    if outcome.outcome == "other_patient" {
        return tell(app, staff, said, &address("message", id));
    }
    if outcome.routed_by.is_empty() {
        return went(app, staff, said);
    }
    app.waiting.forget(&staff.center());
    tell(app, staff, said, &format!("/inquiries/{}", outcome.inquiry_id))
}

/// Says of which inquiry one is.
pub async fn assign(State(app): State<Arc<App>>, Path(id): Path<String>, posted: Posted) -> Response {
    let Ok(id) = id.parse::<Uuid>().map(|id| id.to_string()) else { return see_other("/repairs") };
    let (staff, sent) = (&posted.staff, &posted.sent);
    let reference = sent.get("reference").to_owned();
    if reference.is_empty() {
        let said = ("Enter the number of the inquiry that it belongs to.".to_owned(), Tone::Bad);
        return tell(&app, staff, said, &address("message", &id));
    }
    let confirmed = sent.get("confirmed") == "yes";
    let request = AssignMessageRequest { center: staff.center(), message_id: id.clone(), reference, confirmed };
    match staff.peers.ingestion().assign_message(request).await {
        Ok(answer) => ended(&app, staff, &answer.into_inner(), &id),
        Err(status) => refused(&app, staff, &status, &address("message", &id)),
    }
}

/// Takes what was chosen of one over into its inquiry.
pub async fn apply(State(app): State<Arc<App>>, Path(id): Path<String>, posted: Posted) -> Response {
    let Ok(id) = id.parse::<Uuid>().map(|id| id.to_string()) else { return see_other("/repairs") };
    let (staff, sent) = (&posted.staff, &posted.sent);
    let fields: Vec<String> =
        sent.typed.keys().filter_map(|name| name.strip_prefix("take-")).map(str::to_owned).collect();
    if fields.is_empty() {
        let said = ("Choose at least one answer to take over.".to_owned(), Tone::Bad);
        return tell(&app, staff, said, &address("message", &id));
    }
    let confirmed = sent.get("confirmed") == "yes";
    let request = ApplyMessageRequest { center: staff.center(), message_id: id.clone(), fields, confirmed };
    let status = match staff.peers.ingestion().apply_message(request).await {
        Ok(answer) => return ended(&app, staff, &answer.into_inner(), &id),
        Err(status) => status,
    };
    // The answer can't be read by the form: which, and why.
    let faults = Problem::from(status.clone()).fields;
    let named: Vec<String> =
        faults.iter().map(|one| format!("{}: {}.", one.field.replace('_', " "), one.reason)).collect();
    match named.is_empty() {
        true => refused(&app, staff, &status, &address("message", &id)),
        false => {
            let said = format!("Nothing was taken over. {} Mend it at the inquiry instead.", named.join(" "));
            tell(&app, staff, (said, Tone::Bad), &address("message", &id))
        }
    }
}

/// Has a file looked through again.
pub async fn retry_file(State(app): State<Arc<App>>, Path(id): Path<String>, posted: Posted) -> Response {
    let Ok(id) = id.parse::<Uuid>() else { return see_other("/repairs") };
    let staff = &posted.staff;
    let request = RetryFileRequest { center: staff.center(), file_id: id.to_string() };
    match staff.peers.ingestion().retry_file(request).await {
        Ok(_) => went(&app, staff, ("The list is looked through again.".to_owned(), Tone::Ok)),
        Err(status) => refused(&app, staff, &status, "/repairs"),
    }
}

/// Takes the good rows of a file.
pub async fn take_good_rows(State(app): State<Arc<App>>, Path(id): Path<String>, posted: Posted) -> Response {
    let Ok(id) = id.parse::<Uuid>() else { return see_other("/repairs") };
    let staff = &posted.staff;
    let request = TakeGoodRowsRequest { center: staff.center(), file_id: id.to_string() };
    match staff.peers.ingestion().take_good_rows(request).await {
        Ok(_) => went(&app, staff, ("The good rows are taken.".to_owned(), Tone::Ok)),
        Err(status) => refused(&app, staff, &status, "/repairs"),
    }
}

/// Something was done: the number in the bar is asked for anew.
fn went(app: &App, staff: &Staff, said: (String, Tone)) -> Response {
    app.waiting.forget(&staff.center());
    tell(app, staff, said, "/repairs")
}

fn refused(app: &App, staff: &Staff, status: &Status, to: &str) -> Response {
    tracing::info!(code = ?status.code(), "a change of what waits to be mended was refused");
    tell(app, staff, (for_staff(status), Tone::Bad), to)
}

/// Tries those that were chosen again.
pub async fn retry(State(app): State<Arc<App>>, posted: Posted) -> Response {
    let (staff, sent) = (&posted.staff, &posted.sent);
    let ids = sent.typed.keys().filter_map(|name| name.strip_prefix("id-")?.parse::<Uuid>().ok());
    let ids: Vec<String> = ids.map(|id| id.to_string()).collect();
    let back = Asked::of(|name| if name == "view" { sent.get("view") } else { "" }).address("");
    if ids.is_empty() {
        return tell(&app, staff, ("Choose at least one to try again.".to_owned(), Tone::Bad), &back);
    }
    let request = RetryRepairsRequest { center: staff.center(), ids, ..RetryRepairsRequest::default() };
    match staff.peers.ingestion().retry_repairs(request).await {
        Ok(answer) => {
            app.waiting.forget(&staff.center());
            tell(&app, staff, tally(&answer.into_inner().outcomes), &back)
        }
        Err(status) => refused(&app, staff, &status, &back),
    }
}

/// Says that what one asks for is done.
pub async fn settle(State(app): State<Arc<App>>, Path(id): Path<String>, posted: Posted) -> Response {
    let Ok(id) = id.parse::<Uuid>() else { return see_other("/repairs") };
    let staff = &posted.staff;
    let request = SettleMessagesRequest { center: staff.center(), message_ids: vec![id.to_string()] };
    match staff.peers.ingestion().settle_messages(request).await {
        Ok(answer) => {
            let answer = answer.into_inner();
            if !answer.other_patient.is_empty() {
                let said = format!("It still waits. {}", why("other_patient").sentence);
                return tell(&app, staff, (said, Tone::Bad), &address("message", &id.to_string()));
            }
            if !answer.not_opened.is_empty() {
                let said =
                    "It still waits. It can’t be opened to compare its patient. Ask who runs this system.".to_owned();
                return tell(&app, staff, (said, Tone::Bad), &address("message", &id.to_string()));
            }
            went(&app, staff, off_the_list(!answer.settled.is_empty(), "It is done."))
        }
        Err(status) => refused(&app, staff, &status, &address("message", &id.to_string())),
    }
}

/// Sets one aside, with the reason.
pub async fn set_aside(State(app): State<Arc<App>>, Path(id): Path<String>, posted: Posted) -> Response {
    let Ok(id) = id.parse::<Uuid>().map(|id| id.to_string()) else { return see_other("/repairs") };
    let (staff, kind) = (&posted.staff, kind_of(posted.sent.get("kind")));
    let reason = posted.sent.get("reason").to_owned();
    if !SET_ASIDE.iter().any(|(word, _)| *word == reason) {
        let said = ("Choose why nothing is to be done with it.".to_owned(), Tone::Bad);
        return tell(&app, staff, said, &address(kind, &id));
    }
    let request =
        SetAsideRepairsRequest { center: staff.center(), kind: kind.to_owned(), ids: vec![id.clone()], reason };
    match staff.peers.ingestion().set_aside_repairs(request).await {
        Ok(answer) => went(&app, staff, off_the_list(!answer.into_inner().set_aside.is_empty(), "It is set aside.")),
        Err(status) => refused(&app, staff, &status, &address(kind, &id)),
    }
}

fn off_the_list(changed: bool, done: &str) -> (String, Tone) {
    match changed {
        true => (done.to_owned(), Tone::Ok),
        false => ("It did not wait any more. Somebody else was quicker.".to_owned(), Tone::Bad),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_differs_from_what_was_shown_is_sent_on() {
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let sent = Sent::of(vec![
            pair("was-name", "Rosa"),
            pair("name", "Rosa "),
            pair("was-phone", "12"),
            pair("phone", "206 555 0142"),
            pair("was-message", "one\ntwo"),
            pair("message", "one\r\ntwo"),
            pair("was-email", "rosa@example.com"),
            pair("email", ""),
            pair("kind", "message"),
        ]);
        let expected = [("phone", "206 555 0142"), ("email", "")].map(|(key, value)| pair(key, value));
        assert_eq!(changed(&sent), HashMap::from(expected));
    }
}
