//! Searching the worklist by a name, a phone number, an email address or a request number, and asking for the next one.
//!
//! What was typed names a person, so it is posted and stands in no address. Ingestion finds whose inquiries they are, the desk says
//! how far they are. Deliberately not here: how a name is found (ingestion).

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use causeway_auth::{Action, Role};
use causeway_proto::error::Reason;
use causeway_proto::inquiry::v1::{FindPeopleRequest, FindPeopleResponse};
use causeway_proto::intake::v1::{ClaimNextRequest, ListWorkRequest, ListWorkResponse};
use tonic::Status;

use super::super::{App, page, see_other};
use super::worklist::{figures, rows};
use super::{Posted, frame, not_yours, tell, trouble};
use crate::pages::{Tone, WorklistPage};
use crate::refusals::{for_staff, status_of};
use crate::views::worklist::{Chosen, filters, tabs};
use crate::words::EN;

/// The inquiries of who was searched for.
pub async fn search(State(app): State<Arc<App>>, posted: Posted) -> Response {
    let staff = &posted.staff;
    if !staff.may(Action::ViewWorklist) || !staff.may(Action::ReadPerson) {
        return not_yours(&app, staff);
    }
    let text = posted.sent.get("q").trim().to_owned();
    if text.is_empty() {
        return see_other("/worklist");
    }
    let (found, answer) = match find(&posted, &text).await {
        Ok(both) => both,
        Err(status) => {
            tracing::warn!(code = ?status.code(), "search the worklist of a center");
            let heading = "The search did not work";
            return trouble(&app, staff, status_of(&status), heading, &for_staff(&status));
        }
    };
    let rows = rows(&app, staff, &answer.rows).await;
    let (profile, chosen) = (&staff.in_force.1, Chosen::default());
    let shown = WorklistPage {
        as_of: EN.dates.moment(&app.clock.now().to_zoned_datetime(profile.zone().clone())),
        figures: figures(&answer),
        views: tabs(&answer.counts, "", &chosen, staff.session.actor.has(Role::Reviewer)),
        filters: filters(profile, "all", &chosen),
        keep: Vec::new(),
        searched: Some(text),
        caption: caption(rows.len(), found.more),
        empty: "Nobody was found. Try the first and the family name, the whole phone number or the request number."
            .to_owned(),
        rows_url: String::new(),
        next_one: None,
        new_call_url: staff.may(Action::EnterInquiry).then(|| "/inquiries/new".to_owned()),
        next_url: None,
        rows,
        frame: frame(&app, staff, "Worklist"),
    };
    page(StatusCode::OK, &shown)
}

/// Whose inquiries they are, and their rows.
async fn find(posted: &Posted, text: &str) -> Result<(FindPeopleResponse, ListWorkResponse), Status> {
    let staff = &posted.staff;
    let request = FindPeopleRequest { center: staff.center(), text: text.to_owned(), ..Default::default() };
    let found = staff.peers.ingestion().find_people(request).await?.into_inner();
    let inquiry_ids: Vec<String> = found.found.iter().map(|one| one.inquiry_id.clone()).collect();
    let is_none = inquiry_ids.is_empty();
    let request = ListWorkRequest { center: staff.center(), inquiry_ids, page_size: 1, ..Default::default() };
    let mut answer = staff.peers.desk().list_work(request).await?.into_inner();
    if is_none {
        // Without ids it is the first row of all.
        answer.rows.clear();
    }
    Ok((found, answer))
}

fn caption(count: usize, more: bool) -> String {
    match (count, more) {
        (0, _) => "Nothing was found.".to_owned(),
        (1, false) => "1 inquiry was found.".to_owned(),
        (count, false) => format!("{count} inquiries were found, soonest due first."),
        (count, true) => format!("Many were found. Showing {count}; a phone or request number finds one."),
    }
}

/// The next one: it is claimed and shown.
pub async fn next(State(app): State<Arc<App>>, posted: Posted) -> Response {
    let staff = &posted.staff;
    let idempotency_key = format!("next:{}", posted.sent.get("version"));
    let request = ClaimNextRequest { center: staff.center(), team: String::new(), idempotency_key };
    match staff.peers.desk().claim_next(request).await {
        Ok(answer) => {
            let inquiry = answer.into_inner();
            // A page that is sent again is answered with what it was given, whoever has it by now.
            let said = if inquiry.owner == staff.session.actor.id {
                ("You work this inquiry now.".to_owned(), Tone::Ok)
            } else {
                ("You were given this inquiry before, and it is not yours any more.".to_owned(), Tone::Warn)
            };
            tell(&app, staff, said, &format!("/inquiries/{}", inquiry.facts.unwrap_or_default().inquiry_id))
        }
        Err(status) => {
            tracing::info!(code = ?status.code(), reason = Reason::of(&status).map(Reason::word), "nobody got the next one");
            let said = match Reason::of(&status) {
                Some(Reason::NotFound) => "Nothing is free in your teams right now.".to_owned(),
                _ => for_staff(&status),
            };
            tell(&app, staff, (said, Tone::Bad), "/worklist")
        }
    }
}
