//! The audit trail of an inquiry, for those who may read the audit log.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use causeway_auth::Action;
use causeway_proto::inquiry::v1::ListAccessRequest;
use causeway_proto::intake::v1::GetInquiryRequest;
use uuid::Uuid;

use super::super::{App, page};
use super::inquiry::{kept, nothing_here};
use super::{Staff, frame, not_yours};
use crate::views::access::{self, Told};

/// The page.
pub async fn show(State(app): State<Arc<App>>, Path(id): Path<String>, staff: Staff) -> Response {
    if !staff.may(Action::ReadAuditLog) {
        return not_yours(&app, &staff);
    }
    let Ok(id) = id.parse::<Uuid>().map(|id| id.to_string()) else { return nothing_here(&app, &staff) };
    let asked = ListAccessRequest { center: staff.center(), inquiry_id: id.clone() };
    let (mut ingestion, mut desk, mut known) = (staff.peers.ingestion(), staff.peers.desk(), staff.peers.desk());
    let (at_ingestion, at_desk, inquiry) = tokio::join!(
        ingestion.list_access(asked.clone()),
        desk.list_access(asked),
        known.get_inquiry(GetInquiryRequest { center: staff.center(), inquiry_id: id.clone() })
    );
    let facts = kept("intake-desk", inquiry).and_then(|inquiry| inquiry.facts);
    let Some(reference) = facts.map(|facts| facts.reference) else { return nothing_here(&app, &staff) };
    let told = Told {
        ingestion: kept("ingestion", at_ingestion).map(|told| told.entries),
        desk: kept("intake-desk", at_desk).map(|told| told.entries),
    };
    let looking = (&staff.in_force.1, app.clock.now());
    page(StatusCode::OK, &access::page(looking, (&id, &reference), told, frame(&app, &staff, "Worklist")))
}
