//! What a patient changes by the link: choosing, moving and giving up a visit.
//!
//! The scheduler decides; this only carries the wish and says what became of it. Deliberately not here: free words about
//! what would fit; the page gives the phone number of a person instead.

use std::collections::HashMap;
use std::sync::Arc;

use axum::Form as Body;
use axum::extract::{Path, Query, State};
use axum::http::HeaderMap;
use axum::response::Response;
use causeway_auth::Actor;
use causeway_proto::error::Reason;
use causeway_proto::scheduling::v1::{
    Appointment, BookSlotRequest, CancelAppointmentRequest, ListAppointmentsRequest, RescheduleAppointmentRequest,
};
use causeway_serve::Code;
use tonic::Status;

use super::super::{App, see_other};
use super::{link, own};
use crate::peers::Peers;
use crate::views::own::{booked, read_offer};
use crate::words::Words;

type Asked = Query<HashMap<String, String>>;
type Sent = Body<HashMap<String, String>>;

/// A checked wish: who, where, and back to which page.
struct Wish {
    peers: Peers,
    center: String,
    inquiry: String,
    base: String,
    words: &'static Words,
}

impl Wish {
    fn of(app: &App, token: &str, query: &Asked, headers: &HeaderMap) -> Result<Self, Box<Response>> {
        let link = link::check(app, token, query, headers)?.into_link();
        let inquiry = link.subject.to_string();
        let peers = app.peers.on_behalf_of(&Actor::patient(inquiry.clone(), link.center.clone()));
        Ok(Self {
            peers,
            center: link.center,
            inquiry,
            base: format!("/p/{token}"),
            words: super::front::any_language(query, headers),
        })
    }

    async fn visit(&self) -> Result<Option<Appointment>, Status> {
        let request = ListAppointmentsRequest { center: self.center.clone(), inquiry_id: self.inquiry.clone() };
        let listed = self.peers.scheduling().list_appointments(request).await?.into_inner();
        Ok(booked(&listed.appointments).cloned())
    }

    fn back(&self, said: &str) -> Response {
        see_other(&format!("{}?said={said}", self.base))
    }

    fn answer(&self, done: Result<&str, Status>) -> Response {
        match done {
            Ok(said) => self.back(said),
            Err(status) => {
                let code = Code::of(&status);
                tracing::info!(?code, reason = Reason::of(&status).map(Reason::word), "a patient's change was refused");
                self.back(match (Reason::of(&status), code) {
                    (Some(Reason::SlotTaken), _) | (None, Code::Conflict) => "taken",
                    (_, Code::Unavailable | Code::DeadlineExceeded | Code::Internal) => "away",
                    _ => "refused",
                })
            }
        }
    }
}

/// Chooses a time: the first one, or another one for a visit that is booked.
pub async fn pick(
    State(app): State<Arc<App>>,
    Path(token): Path<String>,
    query: Asked,
    headers: HeaderMap,
    Body(sent): Sent,
) -> Response {
    let wish = match Wish::of(&app, &token, &query, &headers) {
        Ok(wish) => wish,
        Err(response) => return *response,
    };
    let Some((count, slot)) = sent.get("offer").and_then(|offer| read_offer(offer)) else {
        return wish.back("refused");
    };
    let reason = sent.get("reason").map(String::as_str).filter(|reason| own::is_reason(wish.words, reason));
    let done = match reason {
        Some(reason) => shift(&wish, slot, reason).await.map(|()| "moved"),
        None => book(&wish, slot, count).await.map(|()| "booked"),
    };
    wish.answer(done)
}

async fn book(wish: &Wish, slot: &str, count: &str) -> Result<(), Status> {
    let request = BookSlotRequest {
        center: wish.center.clone(),
        inquiry_id: wish.inquiry.clone(),
        slot_id: slot.to_owned(),
        idempotency_key: format!("patient:{}:{count}:{slot}", wish.inquiry),
    };
    wish.peers.scheduling().book_slot(request).await.map(|_| ())
}

async fn shift(wish: &Wish, slot: &str, reason: &str) -> Result<(), Status> {
    let Some(visit) = wish.visit().await? else { return Err(Reason::WrongState.status("no visit is booked")) };
    let request = RescheduleAppointmentRequest {
        center: wish.center.clone(),
        appointment_id: visit.appointment_id,
        slot_id: slot.to_owned(),
        reason: reason.to_owned(),
    };
    wish.peers.scheduling().reschedule_appointment(request).await.map(|_| ())
}

/// Asks for another time: the page then shows times, and the visit stays as it is until one is chosen.
pub async fn reschedule(
    State(app): State<Arc<App>>,
    Path(token): Path<String>,
    query: Asked,
    headers: HeaderMap,
    Body(sent): Sent,
) -> Response {
    let wish = match Wish::of(&app, &token, &query, &headers) {
        Ok(wish) => wish,
        Err(response) => return *response,
    };
    match sent.get("reason").filter(|reason| own::is_reason(wish.words, reason)) {
        Some(reason) => see_other(&format!("{}?move={reason}#times-h", wish.base)),
        None => wish.back("reason"),
    }
}

/// Gives up the visit.
pub async fn cancel(
    State(app): State<Arc<App>>,
    Path(token): Path<String>,
    query: Asked,
    headers: HeaderMap,
    Body(sent): Sent,
) -> Response {
    let wish = match Wish::of(&app, &token, &query, &headers) {
        Ok(wish) => wish,
        Err(response) => return *response,
    };
    let Some(reason) = sent.get("reason").filter(|reason| own::is_reason(wish.words, reason)) else {
        return wish.back("reason");
    };
    let done = async {
        let Some(visit) = wish.visit().await? else { return Err(Reason::WrongState.status("no visit is booked")) };
        let request = CancelAppointmentRequest {
            center: wish.center.clone(),
            appointment_id: visit.appointment_id,
            reason: reason.clone(),
            by: "patient".to_owned(),
        };
        wish.peers.scheduling().cancel_appointment(request).await.map(|_| "cancelled")
    };
    wish.answer(done.await)
}
