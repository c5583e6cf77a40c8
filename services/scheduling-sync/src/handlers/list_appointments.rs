//! `ListAppointments`: all appointments of an inquiry, newest first, with their states.

use causeway_auth::Action;
use causeway_mailbox::Tx;
use causeway_proto::scheduling::v1 as wire;
use tonic::{Request, Response, Status};
use uuid::Uuid;

use super::asker::{Asker, inquiry_id};
use super::{Api, publish};
use crate::domain::appointment::Appointment;
use crate::error::Error;
use crate::store;

pub(super) async fn list_appointments(
    api: &Api,
    request: Request<wire::ListAppointmentsRequest>,
) -> Result<Response<wire::ListAppointmentsResponse>, Status> {
    let center = request.get_ref().center.clone();
    // A patient sees their own visits; of staff, whoever sees the worklist.
    let asker = Asker::of(&request, Action::ViewOwnInquiry, &center)
        .or_else(|_| Asker::of(&request, Action::ViewWorklist, &center))?;
    let inquiry = inquiry_id(&request.get_ref().inquiry_id)?;
    asker.must_touch(inquiry)?;
    let all = api.database.read(&center, move |tx| Box::pin(async move { load(tx, inquiry).await })).await?;
    let appointments = all.iter().map(|one| booked(&center, one)).collect();
    Ok(Response::new(wire::ListAppointmentsResponse { appointments }))
}

async fn load(tx: &mut Tx, inquiry: Uuid) -> Result<Vec<Appointment>, Error> {
    store::appointments_of(tx, inquiry).await
}

fn booked(center: &str, from: &Appointment) -> wire::BookedAppointment {
    wire::BookedAppointment {
        appointment: Some(publish::appointment(center, from)),
        state: from.state.as_str().to_owned(),
    }
}
