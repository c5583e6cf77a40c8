//! One inquiry: five services are asked at once, and a part that does not answer is missing alone.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use causeway_auth::Action;
use causeway_proto::inquiry::v1::{
    Document, LinksOfInquiry, ListCallsRequest, ListDocumentsRequest, ListLinksRequest, Person, RevealPeopleRequest,
};
use causeway_proto::intake::v1::{GetInquiryRequest, Inquiry};
use causeway_proto::notice::v1::ListNoticesRequest;
use causeway_proto::routing::v1::ExplainRouteRequest;
use causeway_proto::scheduling::v1::{ListAppointmentsRequest, OfferSlotsRequest};
use causeway_serve::Code;
use tonic::{Response as Answer, Status};
use uuid::Uuid;

use super::super::{App, page};
use super::{Staff, frame, not_yours, trouble};
use crate::refusals::for_staff;
use crate::views::inquiry::{Looking, Parts, asked_of, letter_to};

/// A new inquiry from a call may need a moment to reach the desk.
const TRIES: usize = 10;
/// Of so many linked inquiries it is said where they stand.
const LOOKED_UP: usize = 5;
const BETWEEN: Duration = Duration::from_millis(200);

/// The page.
pub async fn show(
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
    Query(query): Query<HashMap<String, String>>,
    staff: Staff,
) -> Response {
    if !staff.may(Action::ViewWorklist) {
        return not_yours(&app, &staff);
    }
    // The id goes into calls and addresses; only an id may.
    let Ok(id) = id.parse::<Uuid>().map(|id| id.to_string()) else { return nothing_here(&app, &staff) };
    let (inquiry, person, links, documents, rest) = tokio::join!(
        inquiry(&staff, &id, query.contains_key("new")),
        person(&staff, &id),
        links(&staff, &id),
        documents(&staff, &id),
        rest(&staff, &id)
    );
    let linked = linked(&staff, links.as_ref().and_then(Option::as_ref)).await;
    let inquiry = match inquiry {
        Ok(inquiry) => inquiry,
        Err(status) if Code::of(&status) == Code::NotFound => return nothing_here(&app, &staff),
        Err(status) => {
            tracing::warn!(code = ?status.code(), "read an inquiry from the desk");
            let text = for_staff(&status);
            return trouble(&app, &staff, StatusCode::SERVICE_UNAVAILABLE, "This inquiry can’t be shown", &text);
        }
    };
    let sisters = app.centers.all();
    let parts = Parts { inquiry, person, links, linked, documents, sisters, ..rest };
    let looking =
        Looking { profile: &staff.in_force.1, actor: &staff.session.actor, now: app.clock.now(), parts: &parts };
    page(StatusCode::OK, &looking.page(frame(&app, &staff, "Worklist")))
}

/// The letter that asks an office or a hospital for what is missing. It names the person, so the reading is written down.
pub async fn letter(State(app): State<Arc<App>>, Path((id, of)): Path<(String, String)>, staff: Staff) -> Response {
    if !staff.may(Action::WorkInquiry) || !staff.may(Action::ReadPerson) {
        return not_yours(&app, &staff);
    }
    let id = id.parse::<Uuid>().map(|id| id.to_string());
    let (Ok(id), Some(of)) = (id, letter_to(&of)) else { return nothing_here(&app, &staff) };
    let inquiry = match inquiry(&staff, &id, false).await {
        Ok(inquiry) => inquiry,
        Err(status) if Code::of(&status) == Code::NotFound => return nothing_here(&app, &staff),
        Err(_) => return no_letter(&app, &staff),
    };
    // Nobody is opened for a letter that nobody writes.
    if asked_of(&inquiry, of).is_empty() {
        let text = "Nothing is waited for from them, or nobody works this inquiry any more.";
        return trouble(&app, &staff, StatusCode::NOT_FOUND, "There is no such letter", text);
    }
    let Some(person) = person(&staff, &id).await else { return no_letter(&app, &staff) };
    let parts = Parts { inquiry, person: Some(person), ..Parts::default() };
    let looking =
        Looking { profile: &staff.in_force.1, actor: &staff.session.actor, now: app.clock.now(), parts: &parts };
    page(StatusCode::OK, &looking.letter(of, frame(&app, &staff, "Worklist")))
}

fn no_letter(app: &App, staff: &Staff) -> Response {
    let text = "A part of the system does not answer. Try again in a minute.";
    trouble(app, staff, StatusCode::SERVICE_UNAVAILABLE, "This letter can’t be shown", text)
}

pub(super) fn nothing_here(app: &App, staff: &Staff) -> Response {
    let text = "Your center has no inquiry with this number. It may belong to another center.";
    trouble(app, staff, StatusCode::NOT_FOUND, "There is no such inquiry", text)
}

async fn inquiry(staff: &Staff, id: &str, is_new: bool) -> Result<Inquiry, Status> {
    let request = GetInquiryRequest { center: staff.center(), inquiry_id: id.to_owned() };
    let mut tries = if is_new { TRIES } else { 1 };
    loop {
        tries -= 1;
        match staff.peers.desk().get_inquiry(request.clone()).await {
            Err(status) if tries > 0 && Code::of(&status) == Code::NotFound => tokio::time::sleep(BETWEEN).await,
            answer => return answer.map(Answer::into_inner),
        }
    }
}

async fn person(staff: &Staff, id: &str) -> Option<Option<Person>> {
    if !staff.may(Action::ReadPerson) {
        return Some(None);
    }
    let request = RevealPeopleRequest {
        center: staff.center(),
        inquiry_ids: vec![id.to_owned()],
        purpose: "inquiry_page".to_owned(),
    };
    let answer = staff.peers.ingestion().reveal_people(request).await;
    kept("ingestion", answer).map(|answer| answer.people.into_iter().next())
}

async fn documents(staff: &Staff, id: &str) -> Option<Vec<Document>> {
    let request = ListDocumentsRequest { center: staff.center(), inquiry_id: id.to_owned() };
    kept("ingestion", staff.peers.ingestion().list_documents(request).await).map(|answer| answer.documents)
}

/// Who may be the same person, for who may read people.
async fn links(staff: &Staff, id: &str) -> Option<Option<LinksOfInquiry>> {
    if !staff.may(Action::ReadPerson) {
        return Some(None);
    }
    let request = ListLinksRequest { center: staff.center(), inquiry_ids: vec![id.to_owned()], ..Default::default() };
    let answer = staff.peers.ingestion().list_links(request).await;
    kept("ingestion", answer).map(|answer| answer.inquiries.into_iter().next())
}

/// Where the surest of the linked inquiries stand; those that the desk does not tell are shown without it.
async fn linked(staff: &Staff, links: Option<&LinksOfInquiry>) -> HashMap<String, Inquiry> {
    let asked = links.into_iter().flat_map(|links| &links.links).take(LOOKED_UP).map(|link| async move {
        let request = GetInquiryRequest { center: staff.center(), inquiry_id: link.inquiry_id.clone() };
        let answer = staff.peers.desk().get_inquiry(request).await;
        kept("intake-desk", answer).map(|inquiry| (link.inquiry_id.clone(), inquiry))
    });
    futures::future::join_all(asked).await.into_iter().flatten().collect()
}

/// The parts that stand beside; the inquiry and the person are laid in by the caller.
async fn rest(staff: &Staff, id: &str) -> Parts {
    let (center, inquiry_id) = (staff.center(), id.to_owned());
    let route = ExplainRouteRequest { center: center.clone(), inquiry_id: inquiry_id.clone() };
    let notices = ListNoticesRequest { center: center.clone(), inquiry_id: inquiry_id.clone() };
    let list = ListAppointmentsRequest { center: center.clone(), inquiry_id: inquiry_id.clone() };
    let calls = ListCallsRequest { center: center.clone(), inquiry_id: inquiry_id.clone(), ..Default::default() };
    let offer = OfferSlotsRequest { center, inquiry_id, language: "en".to_owned(), ..OfferSlotsRequest::default() };
    let (mut routing, mut messages) = (staff.peers.routing(), staff.peers.notices());
    let (mut visits, mut slots) = (staff.peers.scheduling(), staff.peers.scheduling());
    let mut ingestion = staff.peers.ingestion();
    let (route, notices, appointments, offers, calls) = tokio::join!(
        routing.explain_route(route),
        messages.list_notices(notices),
        visits.list_appointments(list),
        slots.offer_slots(offer),
        ingestion.list_calls(calls),
    );
    Parts {
        inquiry: Inquiry::default(),
        person: None,
        links: None,
        calls: kept("ingestion", calls).map(|answer| answer.calls),
        linked: HashMap::new(),
        documents: None,
        sisters: Vec::new(),
        route: kept("routing", route),
        notices: kept("notification", notices).map(|answer| answer.notices),
        appointments: kept("scheduling", appointments).map(|answer| answer.appointments),
        offers: kept("scheduling", offers),
    }
}

pub(super) fn kept<T>(peer: &'static str, answer: Result<Answer<T>, Status>) -> Option<T> {
    answer
        .map(Answer::into_inner)
        .inspect_err(|status| tracing::warn!(peer, code = ?status.code(), "a part of an inquiry's page did not answer"))
        .ok()
}
