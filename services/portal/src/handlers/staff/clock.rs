//! The response clock of an inquiry: nobody is to be called for the time being, and it runs on.
//!
//! Deliberately not here: rules, and words of one's own; the reason is from a list.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::response::Response;
use causeway_proto::error::Reason;
use causeway_proto::routing::v1::{PauseClockRequest, ResumeClockRequest};

use super::super::App;
use super::Posted;
use super::actions::act;
use crate::views::inquiry::opening_on;

/// Lets it stand still until the opening of a day.
pub async fn pause(State(app): State<Arc<App>>, Path(id): Path<String>, posted: Posted) -> Response {
    let sent = &posted.sent;
    let call = async {
        if sent.get("reason").is_empty() {
            return Err(Reason::FieldFault.status("choose why nobody is to be called"));
        }
        let Some(until) = opening_on(sent.get("until"), &posted.staff.in_force.1) else {
            return Err(Reason::FieldFault.status("choose the day from which we call again"));
        };
        let (center, inquiry_id) = (posted.staff.center(), id.clone());
        let request = PauseClockRequest { center, inquiry_id, reason: sent.get("reason").to_owned(), until };
        posted.staff.peers.routing().pause_clock(request).await
    };
    act(&app, &posted, &id, call, ("Saved. The response clock stands still until then.", None)).await
}

/// Lets it run on.
pub async fn resume(State(app): State<Arc<App>>, Path(id): Path<String>, posted: Posted) -> Response {
    let request = ResumeClockRequest { center: posted.staff.center(), inquiry_id: id.clone() };
    let mut routing = posted.staff.peers.routing();
    act(&app, &posted, &id, routing.resume_clock(request), ("Saved. The response clock runs on.", None)).await
}
