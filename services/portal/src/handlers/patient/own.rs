//! The patient's own page and the confirmation: they show, and change nothing.

use std::collections::HashMap;
use std::sync::Arc;

use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::Response;
use causeway_proto::convert::consult_type_from_wire;
use causeway_proto::notice::v1::ListNoticesRequest;
use causeway_proto::scheduling::v1::{
    BookedAppointment, ListAppointmentsRequest, OfferSlotsRequest, OfferSlotsResponse,
};
use jiff::{SignedDuration, Timestamp};

use super::super::{App, page};
use super::link::{self, Checked, Opened};
use super::{files, form};
use crate::pages::{Flash, Tone, UPLOAD_POLICY};
use crate::views::own::{Known, booked};
use crate::views::times;
use crate::words::Words;

type Asked = Query<HashMap<String, String>>;

/// So long the time of contact can be reckoned from now.
const FRESH: SignedDuration = SignedDuration::from_mins(10);

/// The page after the form was sent; it can be opened again.
pub async fn done(
    State(app): State<Arc<App>>,
    Path(token): Path<String>,
    query: Asked,
    headers: HeaderMap,
) -> Response {
    let checked = match link::check(&app, &token, &query, &headers) {
        Ok(checked) => checked,
        Err(response) => return *response,
    };
    let opened = match checked.open(&app, &query, &headers, true).await {
        Ok(opened) => opened,
        Err(response) => return *response,
    };
    let (due, after_hours) = match (&opened.status, &opened.facts) {
        // Reckoned from now, the time would move on each time that the page is opened.
        (None, Some(facts)) if is_fresh(facts.received_at, app.clock.now()) => {
            let consult = consult_type_from_wire(facts.consult_type()).as_str().to_owned();
            let preview = form::preview_of(&app, &opened.link.center, consult).await;
            preview.map_or((0, false), |preview| (preview.response_due_at, preview.after_hours))
        }
        _ => (0, false),
    };
    let known = opened.known(app.clock.now());
    let appointments = if known.is_in_touch() { appointments(&opened).await.unwrap_or_default() } else { Vec::new() };
    let known = Known { appointments: &appointments, ..known };
    page(StatusCode::OK, &known.done(opened.frame(&app, "/done"), &opened.base, due, after_hours))
}

/// Received a moment ago, so that the time of contact reckoned from now is right.
fn is_fresh(received_at: i64, now: Timestamp) -> bool {
    Timestamp::from_microsecond(received_at).is_ok_and(|at| at.duration_until(now) < FRESH)
}

/// The patient's own page.
pub async fn show(
    State(app): State<Arc<App>>,
    Path(token): Path<String>,
    query: Asked,
    headers: HeaderMap,
) -> Response {
    let checked = match link::check(&app, &token, &query, &headers) {
        Ok(checked) => checked,
        Err(response) => return *response,
    };
    shown(&app, checked, (&query, &headers), |_| None).await
}

/// The page with what `said` says of what was just sent, or else what the address says.
pub(super) async fn shown(
    app: &App,
    checked: Checked,
    (query, headers): (&HashMap<String, String>, &HeaderMap),
    said: impl FnOnce(&Opened) -> Option<Flash>,
) -> Response {
    let opened = match checked.open(app, query, headers, false).await {
        Ok(opened) => opened,
        Err(response) => return *response,
    };
    let told = said(&opened);
    let ((appointments, offers), documents, stopped) =
        tokio::join!(visits(&opened), files::sent(&opened), stopped(&opened));
    let appointments = appointments.unwrap_or_default();
    let known = Known {
        appointments: &appointments,
        offers: offers.as_ref(),
        documents: &documents,
        stopped: &stopped,
        ..opened.known(app.clock.now())
    };
    let moving = query.get("move").map(String::as_str).filter(|reason| is_reason(opened.words, reason));
    let flash = match query.get("said").map(String::as_str) {
        _ if told.is_some() => told,
        Some("files") => files::flash(&opened, query),
        said => said.and_then(|said| flash(&opened, &appointments, said)),
    };
    let link = (opened.base.as_str(), opened.link.expires);
    let own = known.own(opened.frame(app, ""), link, flash, (moving, app.config.file_megabytes));
    let sends = own.upload.is_some();
    let mut response = page(StatusCode::OK, &own);
    if sends {
        response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(UPLOAD_POLICY));
    }
    response
}

/// Appointments and times that fit; none for what scheduling does not answer.
async fn visits(opened: &Opened) -> (Option<Vec<BookedAppointment>>, Option<OfferSlotsResponse>) {
    let mut scheduling = opened.peers.scheduling();
    let center = opened.link.center.clone();
    let patient_language = opened.words.code.to_owned();
    let offer =
        OfferSlotsRequest { center, inquiry_id: opened.inquiry(), patient_language, ..OfferSlotsRequest::default() };
    let (appointments, offers) = tokio::join!(appointments(opened), scheduling.offer_slots(offer));
    (appointments, link::kept("scheduling", offers.map(tonic::Response::into_inner)))
}

/// What the person asked for no more of; nothing where notification does not answer.
async fn stopped(opened: &Opened) -> Vec<String> {
    let list = ListNoticesRequest { center: opened.link.center.clone(), inquiry_id: opened.inquiry() };
    let answer = opened.peers.notices().list_notices(list).await;
    let answer = link::kept("notification", answer.map(tonic::Response::into_inner)).unwrap_or_default();
    answer.stopped.into_iter().map(|one| one.channel).collect()
}

async fn appointments(opened: &Opened) -> Option<Vec<BookedAppointment>> {
    let list = ListAppointmentsRequest { center: opened.link.center.clone(), inquiry_id: opened.inquiry() };
    let answer = opened.peers.scheduling().list_appointments(list).await;
    link::kept("scheduling", answer.map(|answer| answer.into_inner().appointments))
}

/// Whether a word is one of the reasons that a patient can give.
pub fn is_reason(words: &Words, reason: &str) -> bool {
    words.change.reasons.iter().any(|(word, _)| *word == reason)
}

/// What the last action did. The address carries a word, never a sentence, so nobody can make the page say something.
fn flash(opened: &Opened, appointments: &[BookedAppointment], said: &str) -> Option<Flash> {
    let told = &opened.words.told;
    let phone = &opened.in_force.1.center.contact.phone;
    let when = || {
        let visit = booked(appointments)?;
        let zone = jiff::tz::TimeZone::get(&visit.time_zone).unwrap_or_else(|_| opened.in_force.1.zone().clone());
        times::moment(visit.starts_at, &zone, opened.words)
    };
    let (text, tone) = match said {
        "booked" => (Words::fill(told.booked, &when()?), Tone::Ok),
        "moved" => (Words::fill(told.moved, &when()?), Tone::Ok),
        "cancelled" => (told.cancelled.to_owned(), Tone::Ok),
        "stopped" => (told.channel_stopped.to_owned(), Tone::Ok),
        "taken" => (told.taken.to_owned(), Tone::Warn),
        "reason" => (told.reason_needed.to_owned(), Tone::Warn),
        "refused" => (Words::fill(told.not_possible, phone), Tone::Warn),
        "away" => (Words::fill(told.unavailable, phone), Tone::Warn),
        _ => return None,
    };
    Some(Flash { text, tone })
}
