//! The funnel of a range of days.

use std::collections::HashMap;
use std::sync::Arc;

use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use causeway_auth::Action;
use causeway_proto::inquiry::v1::{GetFormCountsRequest, GetFormCountsResponse};
use causeway_proto::metrics::v1::{
    GetFunnelRequest, GetFunnelResponse, GetReroutesRequest, GetReroutesResponse, GetReviewsRequest, GetReviewsResponse,
};
use tonic::Status;

use super::super::{App, page};
use super::{Staff, frame, not_yours, trouble};
use crate::refusals::for_staff;
use crate::views::funnel::{self, Answers, Range};

/// The page.
pub async fn show(State(app): State<Arc<App>>, Query(query): Query<HashMap<String, String>>, staff: Staff) -> Response {
    if !staff.may(Action::ViewFunnel) {
        return not_yours(&app, &staff);
    }
    let (profile, now) = (&staff.in_force.1, app.clock.now());
    let text = |name: &str| query.get(name).map(String::as_str).unwrap_or_default();
    let range = Range::read(text("from"), text("to"), profile.zone().to_datetime(now).date());
    let (by_source, by_team, by_scope, forms, reroutes, reviews) = tokio::join!(
        ask(&staff, range, "source"),
        ask(&staff, range, "team"),
        ask(&staff, range, "out_of_scope"),
        forms(&staff, range),
        reroutes(&staff, range),
        reviews(&staff, range)
    );
    match (by_source, by_team) {
        (Ok(by_source), Ok(by_team)) => {
            let answers = Answers { by_source, by_team, by_scope: by_scope.ok(), forms, reroutes, reviews };
            page(StatusCode::OK, &funnel::page(frame(&app, &staff, "Funnel"), profile, range, &answers, now))
        }
        (Err(status), _) | (_, Err(status)) => {
            tracing::warn!(code = ?status.code(), "ask metrics for the funnel");
            let text = for_staff(&status);
            trouble(&app, &staff, StatusCode::SERVICE_UNAVAILABLE, "The funnel can’t be shown", &text)
        }
    }
}

async fn ask(staff: &Staff, range: Range, group_by: &str) -> Result<GetFunnelResponse, Status> {
    let (from, to) = range.instants(&staff.in_force.1);
    let request = GetFunnelRequest { center: staff.center(), from, to, group_by: group_by.to_owned() };
    staff.peers.metrics().get_funnel(request).await.map(tonic::Response::into_inner)
}

/// What was sent to another team; the rest of the page stands without it.
async fn reroutes(staff: &Staff, range: Range) -> Option<GetReroutesResponse> {
    let (from, to) = range.instants(&staff.in_force.1);
    match staff.peers.metrics().get_reroutes(GetReroutesRequest { center: staff.center(), from, to }).await {
        Ok(answer) => Some(answer.into_inner()),
        Err(status) => {
            tracing::warn!(code = ?status.code(), "ask metrics for what was sent to another team");
            None
        }
    }
}

/// What reviewers decided; the rest of the page stands without it.
async fn reviews(staff: &Staff, range: Range) -> Option<GetReviewsResponse> {
    let (from, to) = range.instants(&staff.in_force.1);
    match staff.peers.metrics().get_reviews(GetReviewsRequest { center: staff.center(), from, to }).await {
        Ok(answer) => Some(answer.into_inner()),
        Err(status) => {
            tracing::warn!(code = ?status.code(), "ask metrics for what reviewers decided");
            None
        }
    }
}

/// What became of forms that were shown; the rest of the page stands without it.
async fn forms(staff: &Staff, range: Range) -> Option<GetFormCountsResponse> {
    let (from, to) = range.instants(&staff.in_force.1);
    let request = GetFormCountsRequest { center: staff.center(), from, to };
    match staff.peers.ingestion().get_form_counts(request).await {
        Ok(answer) => Some(answer.into_inner()),
        Err(status) => {
            tracing::warn!(code = ?status.code(), "ask ingestion for the counts of forms");
            None
        }
    }
}
