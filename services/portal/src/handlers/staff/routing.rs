//! The routing table: shown with its proof, and another one tried on past requests.
//!
//! Trying changes nothing, so the answer is a page and no redirect. Deliberately not here: deciding and proving (routing).

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use causeway_auth::Action;
use causeway_proto::routing::v1::{ListRowsRequest, WhatIfRequest};

use super::super::{App, page};
use super::{Posted, Staff, frame, not_yours, trouble};
use crate::pages::RoutingPage;
use crate::refusals::for_staff;
use crate::views::routing as view;

/// Name of the page in the bar.
pub const NAME: &str = "Routing";
/// Days to look back, where nobody says otherwise.
const DAYS: &str = "90";

/// The table in force.
pub async fn show(State(app): State<Arc<App>>, staff: Staff) -> Response {
    match in_force(&app, &staff).await {
        Ok(shown) => page(StatusCode::OK, &shown),
        Err(refused) => *refused,
    }
}

/// A proposed table, checked and tried.
pub async fn try_out(State(app): State<Arc<App>>, posted: Posted) -> Response {
    let Posted { staff, sent } = posted;
    let mut shown = match in_force(&app, &staff).await {
        Ok(shown) => shown,
        Err(refused) => return *refused,
    };
    sent.get("csv").clone_into(&mut shown.proposed);
    sent.get("days").trim().clone_into(&mut shown.days);
    let days = shown.days.parse().unwrap_or_default();
    let request = WhatIfRequest { center: staff.center(), csv: shown.proposed.clone(), days };
    match staff.peers.routing().what_if(request).await {
        Ok(answer) => {
            let told = answer.into_inner();
            shown.proposed_faults = told.faults.iter().map(view::fault).collect();
            shown.figures = told.faults.is_empty().then(|| view::figures(&staff.in_force.1, &told, days));
        }
        Err(status) => {
            tracing::info!(code = ?status.code(), "a proposed table was not tried");
            shown.trouble = Some(for_staff(&status));
        }
    }
    page(StatusCode::OK, &shown)
}

/// The page as it is before anything is tried.
async fn in_force(app: &App, staff: &Staff) -> Result<RoutingPage, Box<Response>> {
    if !staff.may(Action::TryRouting) {
        return Err(Box::new(not_yours(app, staff)));
    }
    let told = match staff.peers.routing().list_rows(ListRowsRequest { center: staff.center() }).await {
        Ok(answer) => answer.into_inner(),
        Err(status) => {
            tracing::warn!(code = ?status.code(), "list the rows of the routing table");
            let heading = "The routing table can’t be shown";
            let text = for_staff(&status);
            return Err(Box::new(trouble(app, staff, StatusCode::SERVICE_UNAVAILABLE, heading, &text)));
        }
    };
    Ok(RoutingPage {
        frame: frame(app, staff, NAME),
        revision: told.revision,
        faults: told.faults.iter().map(view::fault).collect(),
        rows: told.rows.iter().map(|row| view::row(&staff.in_force.1, row)).collect(),
        proposed: String::new(),
        days: DAYS.to_owned(),
        trouble: None,
        proposed_faults: Vec::new(),
        figures: None,
    })
}
