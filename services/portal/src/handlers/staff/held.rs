//! What is held because it looks like a machine's: a person looks, and releases it or says that it is spam.
//!
//! Who looks sees what was written, so each look is in the audit log. Deliberately not here: what is held (ingestion).

use std::collections::HashMap;
use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use causeway_auth::Action;
use causeway_proto::convert;
use causeway_proto::inquiry::v1::{
    HeldInquiry, ListHeldRequest, MarkSpamRequest, Person, ReleaseHeldRequest, RevealPeopleRequest,
};
use jiff::Timestamp;
use tonic::Status;
use uuid::Uuid;

use super::super::{App, page, see_other};
use super::{Posted, Staff, frame, not_yours, tell, trouble};
use crate::pages::{HeldPage, HeldRow, SelectOption, Tone};
use crate::refusals::for_staff;
use crate::words::EN;

/// Most that ingestion lists at once.
const MOST: usize = 100;
/// Name of the page in the bar.
pub const NAME: &str = "Held for review";
const REASONS: [(&str, &str); 4] =
    [("advertising", "Advertising"), ("test", "A test"), ("abuse", "Abuse"), ("other", "Another reason")];

/// The list.
pub async fn show(State(app): State<Arc<App>>, staff: Staff) -> Response {
    if !staff.may(Action::RepairInquiry) {
        return not_yours(&app, &staff);
    }
    let request = ListHeldRequest { center: staff.center() };
    let held = match staff.peers.ingestion().list_held(request).await {
        Ok(answer) => answer.into_inner().held,
        Err(status) => {
            tracing::warn!(code = ?status.code(), "list what is held");
            let heading = "What is held can’t be shown";
            return trouble(&app, &staff, StatusCode::SERVICE_UNAVAILABLE, heading, &for_staff(&status));
        }
    };
    let people = people(&staff, &held).await;
    let row = |one: &HeldInquiry| row(&staff, one, people.get(&one.inquiry_id));
    let reason = |(value, label): &(&str, &str)| SelectOption {
        value: (*value).to_owned(),
        label: (*label).to_owned(),
        selected: false,
    };
    let caption = match held.len() {
        1 => "1 request waits for a look.".to_owned(),
        count if count >= MOST => format!("The oldest {count} of the requests that wait for a look."),
        count => format!("{count} requests wait for a look, the oldest first."),
    };
    let shown = HeldPage {
        frame: frame(&app, &staff, NAME),
        caption,
        reasons: REASONS.iter().map(reason).collect(),
        rows: held.iter().map(row).collect(),
    };
    page(StatusCode::OK, &shown)
}

/// Who asks and what they wrote; without it the signs are shown.
async fn people(staff: &Staff, held: &[HeldInquiry]) -> HashMap<String, Person> {
    if held.is_empty() || !staff.may(Action::ReadPerson) {
        return HashMap::new();
    }
    let request = RevealPeopleRequest {
        center: staff.center(),
        inquiry_ids: held.iter().map(|one| one.inquiry_id.clone()).collect(),
        purpose: "inquiry_page".to_owned(),
    };
    match staff.peers.ingestion().reveal_people(request).await {
        Ok(answer) => {
            answer.into_inner().people.into_iter().map(|person| (person.inquiry_id.clone(), person)).collect()
        }
        Err(status) => {
            tracing::warn!(code = ?status.code(), "read the people of what is held; request numbers are shown");
            HashMap::new()
        }
    }
}

fn row(staff: &Staff, one: &HeldInquiry, person: Option<&Person>) -> HeldRow {
    let received = Timestamp::from_microsecond(one.received_at).unwrap_or_default();
    let name = person.map(|person| person.name.as_str()).filter(|name| !name.is_empty());
    let reach = person.map(|person| [person.phone.as_str(), person.email.as_str()]).unwrap_or_default();
    let consult = convert::consult_type_from_wire(one.consult_type());
    HeldRow {
        id: one.inquiry_id.clone(),
        who: name.unwrap_or(&one.reference).to_owned(),
        who_note: format!("{} · {}", one.reference, consult.label("en")),
        received: EN.dates.moment(&received.to_zoned_datetime(staff.in_force.1.zone().clone())),
        signs: one.signs.iter().map(|sign| in_words(sign).to_owned()).collect(),
        message: person.map(|person| person.message.clone()).unwrap_or_default(),
        reach: reach.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" · "),
    }
}

fn in_words(sign: &str) -> &str {
    match sign {
        "trap" => "A field that people don’t see is filled in",
        "too_fast" => "Sent within seconds",
        "no_form" => "Sent without opening the form",
        "no_proof" => "Sent without the work that the form asks of a browser",
        "often" => "Many from one address",
        "link" => "A link in the text",
        "links" => "Several links in the text",
        other => other,
    }
}

/// Lets one go.
pub async fn release(State(app): State<Arc<App>>, Path(id): Path<String>, posted: Posted) -> Response {
    let Ok(id) = id.parse::<Uuid>() else { return see_other("/held") };
    let request = ReleaseHeldRequest { center: posted.staff.center(), inquiry_ids: vec![id.to_string()] };
    let done = posted.staff.peers.ingestion().release_held(request).await;
    let changed = done.map(|answer| !answer.into_inner().released.is_empty());
    told(&app, &posted, changed, "Released. It is on its way to the team.")
}

/// Says that one is spam.
pub async fn spam(State(app): State<Arc<App>>, Path(id): Path<String>, posted: Posted) -> Response {
    let Ok(id) = id.parse::<Uuid>() else { return see_other("/held") };
    let reason = posted.sent.get("reason").to_owned();
    let request = MarkSpamRequest { center: posted.staff.center(), inquiry_ids: vec![id.to_string()], reason };
    let done = posted.staff.peers.ingestion().mark_spam(request).await;
    let changed = done.map(|answer| !answer.into_inner().marked.is_empty());
    told(&app, &posted, changed, "It is kept as spam. Nobody is called.")
}

fn told(app: &App, posted: &Posted, changed: Result<bool, Status>, done: &str) -> Response {
    let said = match changed {
        Ok(true) => (done.to_owned(), Tone::Ok),
        Ok(false) => ("It was not held any more. Somebody else looked at it.".to_owned(), Tone::Bad),
        Err(status) => {
            tracing::info!(code = ?status.code(), "a change of what is held was refused");
            (for_staff(&status), Tone::Bad)
        }
    };
    tell(app, &posted.staff, said, "/held")
}
