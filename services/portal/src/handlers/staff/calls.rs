//! The calls that wait for somebody, and what a person says of one.
//!
//! Deliberately not here: taking one down (call).

use std::collections::HashMap;
use std::sync::Arc;

use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use causeway_auth::Action;
use causeway_proto::inquiry::v1::{CallRow, ListCallsRequest, SettleCallRequest};
use uuid::Uuid;

use super::super::{App, page, see_other};
use super::{Posted, Staff, frame, not_yours, tell, trouble};
use crate::pages::{CallLink, CallsPage, Tone};
use crate::refusals::for_staff;
use crate::views::calls::Looking;

/// Name of the page in the bar.
pub const NAME: &str = "Calls";

/// Who looks.
pub fn looking<'a>(app: &App, staff: &'a Staff) -> Looking<'a> {
    Looking { profile: &staff.in_force.1, now: app.clock.now() }
}

/// Calls of the last hour that are no entry yet, such as are wanted; none where ingestion does not tell.
pub async fn recent(app: &App, staff: &Staff, is_wanted: impl Fn(&CallRow) -> bool) -> Vec<CallLink> {
    let request = ListCallsRequest { center: staff.center(), view: "recent".to_owned(), ..Default::default() };
    match staff.peers.ingestion().list_calls(request).await {
        Ok(answer) => {
            let calls = answer.into_inner().calls;
            calls.iter().filter(|call| is_wanted(call)).map(|call| looking(app, staff).link(call)).collect()
        }
        Err(status) => {
            tracing::warn!(code = ?status.code(), "list calls of late; they are left out");
            Vec::new()
        }
    }
}

/// The list.
pub async fn show(State(app): State<Arc<App>>, Query(query): Query<HashMap<String, String>>, staff: Staff) -> Response {
    if !staff.may(Action::EnterInquiry) {
        return not_yours(&app, &staff);
    }
    let page_token = query.get("page").cloned().unwrap_or_default();
    let request = ListCallsRequest { center: staff.center(), page_token, ..Default::default() };
    let mut ingestion = staff.peers.ingestion();
    // Those that wait already stand in the table.
    let now = app.clock.now().as_microsecond();
    let (answer, recent) =
        tokio::join!(ingestion.list_calls(request), recent(&app, &staff, |call| call.waits_from > now));
    let answer = match answer {
        Ok(answer) => answer.into_inner(),
        Err(status) => {
            tracing::warn!(code = ?status.code(), "list calls that wait");
            let heading = "The calls can’t be shown";
            return trouble(&app, &staff, StatusCode::SERVICE_UNAVAILABLE, heading, &for_staff(&status));
        }
    };
    let caption = match answer.waiting {
        1 => "1 call waits.".to_owned(),
        many => format!("{many} calls wait, the oldest first."),
    };
    let looking = looking(&app, &staff);
    let shown = CallsPage {
        frame: frame(&app, &staff, NAME),
        caption,
        recent,
        rows: answer.calls.iter().map(|call| looking.row(call, &answer.calls)).collect(),
        next_url: (!answer.next_page_token.is_empty()).then(|| format!("/calls?page={}", answer.next_page_token)),
    };
    page(StatusCode::OK, &shown)
}

/// Says what became of one.
pub async fn settle(State(app): State<Arc<App>>, Path(id): Path<String>, posted: Posted) -> Response {
    let Ok(id) = id.parse::<Uuid>() else { return see_other("/calls") };
    let (staff, sent) = (&posted.staff, &posted.sent);
    if sent.get("reason").is_empty() {
        return tell(&app, staff, ("Choose what became of the call.".to_owned(), Tone::Bad), "/calls");
    }
    let request = SettleCallRequest {
        center: staff.center(),
        call_id: id.to_string(),
        reason: sent.get("reason").to_owned(),
        inquiry_id: sent.get("inquiry_id").to_owned(),
        also: sent.get("also").split(',').filter(|id| !id.is_empty()).map(str::to_owned).collect(),
    };
    let said = match staff.peers.ingestion().settle_call(request).await.map(|answer| answer.into_inner().settled.len())
    {
        Ok(0) => ("It did not wait any more. Somebody else dealt with it.".to_owned(), Tone::Bad),
        Ok(1) => ("Saved. The call waits no more.".to_owned(), Tone::Ok),
        Ok(many) => (format!("Saved. {many} calls of this person wait no more."), Tone::Ok),
        Err(status) => {
            tracing::info!(code = ?status.code(), "what became of a call was refused");
            (for_staff(&status), Tone::Bad)
        }
    };
    // Who says to which request a call belongs goes on there.
    let to = match sent.get("inquiry_id").parse::<Uuid>() {
        Ok(inquiry) if said.1 == Tone::Ok => format!("/inquiries/{inquiry}"),
        _ => "/calls".to_owned(),
    };
    tell(&app, staff, said, &to)
}
