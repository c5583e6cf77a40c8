//! Saving a note over one that a colleague saved meanwhile: both are shown, and a person chooses.

use axum::http::StatusCode;
use axum::response::Response;
use causeway_proto::intake::v1::GetInquiryRequest;
use tonic::Status;

use super::super::{App, page};
use super::{Posted, frame};
use crate::views::inquiry::{Looking, Parts};

/// The page with both answers; nothing where the same was saved already.
///
/// # Errors
/// The inquiry could not be read; then what stood in the way of saving is the answer.
pub async fn show(app: &App, posted: &Posted, id: &str) -> Result<Option<Response>, Status> {
    let staff = &posted.staff;
    let request = GetInquiryRequest { center: staff.center(), inquiry_id: id.to_owned() };
    let inquiry = staff.peers.desk().get_inquiry(request).await?.into_inner();
    let parts = Parts { inquiry, ..Parts::default() };
    let looking =
        Looking { profile: &staff.in_force.1, actor: &staff.session.actor, now: app.clock.now(), parts: &parts };
    let typed = |key: &str| posted.sent.typed.get(key).map(String::as_str);
    let shown = looking.conflict(frame(app, staff, "Worklist"), typed);
    Ok(shown.map(|shown| page(StatusCode::CONFLICT, &shown)))
}
