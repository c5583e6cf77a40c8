//! The feeds of the center.
//!
//! Deliberately not here: what is usual of one, and when it is an incident (ingestion).

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use causeway_auth::Action;
use causeway_proto::inquiry::v1::ListFeedsRequest;

use super::super::{App, page};
use super::{Staff, frame, not_yours, trouble};
use crate::pages::FeedsPage;
use crate::refusals::for_staff;
use crate::views::feeds::{Looking, caption};

/// Name of the page in the bar.
pub const NAME: &str = "Feeds";

/// The page.
pub async fn show(State(app): State<Arc<App>>, staff: Staff) -> Response {
    if !staff.may(Action::ViewFeeds) {
        return not_yours(&app, &staff);
    }
    let request = ListFeedsRequest { center: staff.center() };
    let feeds = match staff.peers.ingestion().list_feeds(request).await {
        Ok(answer) => answer.into_inner().feeds,
        Err(status) => {
            tracing::warn!(code = ?status.code(), "list the feeds");
            let heading = "The feeds can’t be shown";
            return trouble(&app, &staff, StatusCode::SERVICE_UNAVAILABLE, heading, &for_staff(&status));
        }
    };
    let may_repair = staff.may(Action::RepairInquiry);
    let looking = Looking { profile: &staff.in_force.1, now: app.clock.now(), may_repair };
    let shown = FeedsPage { frame: frame(&app, &staff, NAME), caption: caption(&feeds), feeds: looking.cards(&feeds) };
    page(StatusCode::OK, &shown)
}
