//! The audit trail of an inquiry, for those who may read the audit log.

use std::collections::HashMap;
use std::sync::Arc;

use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use causeway_auth::Action;
use causeway_proto::inquiry::v1::ListAccessRequest;
use causeway_serve::Code;
use uuid::Uuid;

use super::super::{App, page};
use super::inquiry::{kept, nothing_here};
use super::{Staff, frame, not_yours, trouble};
use crate::refusals::for_staff;
use crate::views::access::{self, Pages, Told};

/// The page: the newest lines, or those before the ones that were shown.
pub async fn show(
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
    Query(query): Query<HashMap<String, String>>,
    staff: Staff,
) -> Response {
    if !staff.may(Action::ReadAuditLog) {
        return not_yours(&app, &staff);
    }
    let Ok(id) = id.parse::<Uuid>().map(|id| id.to_string()) else { return nothing_here(&app, &staff) };
    let pages = Pages::sent(|name| query.get(name).cloned().unwrap_or_default());
    let asked = |page_token: &str| ListAccessRequest {
        center: staff.center(),
        inquiry_id: id.clone(),
        page_token: page_token.to_owned(),
    };
    let (mut ingestion, mut desk) = (staff.peers.ingestion(), staff.peers.desk());
    let (at_ingestion, at_desk) =
        tokio::join!(ingestion.list_access(asked(&pages.ingestion)), desk.list_access(asked(&pages.desk)));
    let desk = match at_desk {
        Ok(told) => told.into_inner(),
        Err(status) if Code::of(&status) == Code::NotFound => return nothing_here(&app, &staff),
        Err(status) => {
            tracing::warn!(code = ?status.code(), "read the desk's part of an audit trail");
            let text = for_staff(&status);
            return trouble(&app, &staff, StatusCode::SERVICE_UNAVAILABLE, "This audit trail can’t be shown", &text);
        }
    };
    let told = Told { ingestion: kept("ingestion", at_ingestion), desk };
    let looking = (&staff.in_force.1, app.clock.now());
    page(StatusCode::OK, &access::page(looking, (&id, &pages), told, frame(&app, &staff, "Worklist")))
}
