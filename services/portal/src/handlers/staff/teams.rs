//! Teams: their queues from the desk, duty and absences from routing.
//!
//! The queues stand without duty where routing does not tell. Deliberately not here: words (views).

use std::collections::HashMap;
use std::sync::Arc;

use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use causeway_auth::Action;
use causeway_proto::intake::v1::ListQueuesRequest;
use causeway_proto::routing::v1::{
    AddAbsenceRequest, Duty, EndAbsenceRequest, ListDutyRequest, ListReroutesRequest, ListReroutesResponse,
};
use jiff::SignedDuration;
use uuid::Uuid;

use super::super::{App, page, see_other};
use super::{Posted, Staff, frame, not_yours, tell, trouble};
use crate::pages::{TeamsPage, TeamsRows, Tone};
use crate::refusals::for_staff;
use crate::views::teams::Looking;
use crate::words::EN;

/// Name of the page in the bar.
pub const NAME: &str = "Teams";
/// How far back what was sent on is counted.
const COUNTED: SignedDuration = SignedDuration::from_hours(24 * 30);

fn looking<'a>(app: &App, staff: &'a Staff) -> Looking<'a> {
    Looking { profile: &staff.in_force.1, now: app.clock.now(), actor: &staff.session.actor }
}

/// The page, or its rows alone for the refresh in place.
pub async fn show(State(app): State<Arc<App>>, Query(query): Query<HashMap<String, String>>, staff: Staff) -> Response {
    if !staff.may(Action::ViewWorklist) {
        return not_yours(&app, &staff);
    }
    let (mut desk, request) = (staff.peers.desk(), ListQueuesRequest { center: staff.center() });
    let (queues, duty, reroutes) = tokio::join!(desk.list_queues(request), duty(&staff), reroutes(&app, &staff));
    let queues = match queues {
        Ok(answer) => answer.into_inner().queues,
        Err(status) => {
            tracing::warn!(code = ?status.code(), "list the queues of a center");
            let heading = "The teams can’t be shown";
            return trouble(&app, &staff, StatusCode::SERVICE_UNAVAILABLE, heading, &for_staff(&status));
        }
    };
    let looking = looking(&app, &staff);
    let shown = TeamsPage {
        frame: frame(&app, &staff, NAME),
        as_of: EN.dates.moment(&app.clock.now().to_zoned_datetime(staff.in_force.1.zone().clone())),
        rows: looking.rows(&queues, duty.as_deref().ok()),
        away: duty.as_deref().map(|duty| looking.away(duty)).unwrap_or_default(),
        duty_trouble: duty.err(),
        staff: looking.staff(),
        reroutes: reroutes.as_ref().map(|counted| looking.reroutes(counted)),
    };
    if query.get("part").is_some_and(|part| part == "rows") {
        return page(StatusCode::OK, &TeamsRows { rows: shown.rows });
    }
    page(StatusCode::OK, &shown)
}

/// Who is on duty, or why that is not shown.
async fn duty(staff: &Staff) -> Result<Vec<Duty>, String> {
    match staff.peers.routing().list_duty(ListDutyRequest { center: staff.center() }).await {
        Ok(answer) => Ok(answer.into_inner().people),
        Err(status) => {
            tracing::warn!(code = ?status.code(), "list who is on duty; queues are shown without");
            Err("Who is on duty and who is away can’t be shown at the moment.".to_owned())
        }
    }
}

/// What was sent on, for who sees figures; the page stands without it.
async fn reroutes(app: &App, staff: &Staff) -> Option<ListReroutesResponse> {
    if !staff.may(Action::ViewFunnel) {
        return None;
    }
    let from = app.clock.now().checked_sub(COUNTED).map_or(0, jiff::Timestamp::as_microsecond);
    let request = ListReroutesRequest { center: staff.center(), from, to: 0 };
    match staff.peers.routing().list_reroutes(request).await {
        Ok(answer) => Some(answer.into_inner()),
        Err(status) => {
            tracing::warn!(code = ?status.code(), "list what was sent to another team; it is left out");
            None
        }
    }
}

/// Enters an absence.
pub async fn away(State(app): State<Arc<App>>, posted: Posted) -> Response {
    let (staff, sent) = (&posted.staff, &posted.sent);
    let looking = looking(&app, staff);
    let (from, to) = (looking.instant(sent.get("from")), looking.instant(sent.get("to")));
    if from == 0 || to == 0 {
        return tell(
            &app,
            staff,
            ("Enter the day and the time of both the beginning and the end.".to_owned(), Tone::Bad),
            "/teams",
        );
    }
    let request = AddAbsenceRequest { center: staff.center(), staff: sent.get("staff").to_owned(), from, to };
    let done = staff.peers.routing().add_absence(request).await;
    let said = match done {
        Ok(_) => ("Saved. New inquiries go to others in that time.".to_owned(), Tone::Ok),
        Err(status) => {
            tracing::info!(code = ?status.code(), "an absence was refused");
            (for_staff(&status), Tone::Bad)
        }
    };
    tell(&app, staff, said, "/teams")
}

/// Ends an absence.
pub async fn end(State(app): State<Arc<App>>, Path(id): Path<String>, posted: Posted) -> Response {
    let Ok(id) = id.parse::<Uuid>() else { return see_other("/teams") };
    let staff = &posted.staff;
    let request = EndAbsenceRequest { center: staff.center(), absence_id: id.to_string() };
    let said = match staff.peers.routing().end_absence(request).await {
        Ok(_) => ("Ended.".to_owned(), Tone::Ok),
        Err(status) => {
            tracing::info!(code = ?status.code(), "the end of an absence was refused");
            (for_staff(&status), Tone::Bad)
        }
    };
    tell(&app, staff, said, "/teams")
}
