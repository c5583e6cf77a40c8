//! Closures on short notice: a manager enters and ends them, everybody sees them.
//!
//! Deliberately not here: what becomes of due times (routing).

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use causeway_auth::Action;
use causeway_proto::error::Reason;
use causeway_proto::routing::v1::{EndClosureRequest, ListClosuresRequest};
use uuid::Uuid;

use super::super::{App, page, see_other};
use super::{Posted, Staff, frame, not_yours, tell, trouble};
use crate::pages::{ClosuresPage, Flash, Tone};
use crate::refusals::for_staff;
use crate::views::closures::Looking;
use crate::views::form::Sent;

/// Name of the page in the bar.
pub const NAME: &str = "Closures";

/// The list.
pub async fn show(State(app): State<Arc<App>>, staff: Staff) -> Response {
    if !staff.may(Action::ViewWorklist) {
        return not_yours(&app, &staff);
    }
    shown(&app, &staff, &Sent::of(Vec::new()), None).await
}

async fn shown(app: &App, staff: &Staff, sent: &Sent, refused: Option<String>) -> Response {
    let request = ListClosuresRequest { center: staff.center() };
    let closures = match staff.peers.routing().list_closures(request).await {
        Ok(answer) => answer.into_inner().closures,
        Err(status) => {
            tracing::warn!(code = ?status.code(), "list closures");
            let heading = "The closures can’t be shown";
            return trouble(app, staff, StatusCode::SERVICE_UNAVAILABLE, heading, &for_staff(&status));
        }
    };
    let now = app.clock.now();
    let looking = Looking { profile: &staff.in_force.1, now, may_change: staff.may(Action::ChangeClosures) };
    let caption = match closures.iter().filter(|one| one.to > now.as_microsecond()).count() {
        0 => "Closures on short notice".to_owned(),
        1 => "1 closure stands or lies ahead.".to_owned(),
        many => format!("{many} closures stand or lie ahead."),
    };
    let mut frame = frame(app, staff, NAME);
    let status = if refused.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    if let Some(text) = refused {
        frame.flash = Some(Flash { text, tone: Tone::Bad });
    }
    let shown = ClosuresPage {
        frame,
        caption,
        rows: closures.iter().map(|one| looking.row(one)).collect(),
        form: looking.may_change.then(|| looking.form(sent)),
        days: looking.days(),
    };
    page(status, &shown)
}

/// Enters one. What can't be entered comes back with what was typed.
pub async fn enter(State(app): State<Arc<App>>, posted: Posted) -> Response {
    let (staff, sent) = (&posted.staff, &posted.sent);
    if sent.get("reason").is_empty() {
        return shown(&app, staff, sent, Some("Choose a reason.".to_owned())).await;
    }
    let looking = Looking { profile: &staff.in_force.1, now: app.clock.now(), may_change: true };
    match staff.peers.routing().enter_closure(looking.asked(sent)).await {
        Ok(_) => {
            let text = "Saved. Times of open requests that it touches move within seconds.";
            tell(&app, staff, (text.to_owned(), Tone::Ok), "/closures")
        }
        Err(status) => {
            tracing::info!(code = ?status.code(), reason = Reason::of(&status).map(Reason::word), "a closure was refused");
            shown(&app, staff, sent, Some(for_staff(&status))).await
        }
    }
}

/// Ends one now, or takes it back.
pub async fn end(State(app): State<Arc<App>>, Path(id): Path<String>, posted: Posted) -> Response {
    let Ok(id) = id.parse::<Uuid>() else { return see_other("/closures") };
    let staff = &posted.staff;
    let how = posted.sent.get("how").to_owned();
    let done = if how == "now" { "Saved. You are open again." } else { "Saved. The closure is taken back." };
    let request = EndClosureRequest { center: staff.center(), closure_id: id.to_string(), how };
    let said = match staff.peers.routing().end_closure(request).await {
        Ok(_) => (done.to_owned(), Tone::Ok),
        Err(status) if Reason::of(&status) == Some(Reason::NotFound) => {
            ("Somebody has taken this closure back already.".to_owned(), Tone::Bad)
        }
        Err(status) => {
            tracing::info!(code = ?status.code(), "the end of a closure was refused");
            (for_staff(&status), Tone::Bad)
        }
    };
    tell(&app, staff, said, "/closures")
}
