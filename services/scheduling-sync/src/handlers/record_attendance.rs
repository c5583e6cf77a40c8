//! `RecordAttendance`: the clinic's word on what became of the visit, once it has begun.
//!
//! The seat stays taken: the time is over for everybody else too.

use causeway_auth::Action;
use causeway_mailbox::Tx;
use causeway_proto::scheduling::v1 as wire;
use tonic::{Request, Response, Status};
use uuid::Uuid;

use super::asker::{Asker, appointment_id};
use super::publish::Change;
use super::{Api, Case, Done};
use crate::domain::appointment::{State, Step};
use crate::error::Error;

pub(super) async fn record_attendance(
    api: &Api,
    request: Request<wire::RecordAttendanceRequest>,
) -> Result<Response<wire::Appointment>, Status> {
    let asker = Asker::of(&request, Action::BookAppointment, &request.get_ref().center)?;
    asker.must_be_staff()?;
    let ask = request.into_inner();
    let (id, attended) = (appointment_id(&ask.appointment_id)?, ask.attended);
    let done = api
        .database
        .with_tx(&ask.center, move |tx| Box::pin(async move { record(tx, id, attended, &asker).await }))
        .await?;
    Ok(api.answer(&ask.center, done))
}

async fn record(tx: &mut Tx, id: Uuid, attended: bool, asker: &Asker) -> Result<Done, Error> {
    let now = tx.now();
    let (outcome, change) =
        if attended { (State::Attended, Change::Attended) } else { (State::Missed, Change::Missed) };
    let mut case = Case::open(tx, id, asker).await?;
    if case.appointment.may_record(outcome, now)? == Step::Taken {
        return Ok(case.unchanged());
    }
    case.appointment.state = outcome;
    case.appointment.by = asker.by();
    case.close(tx, change).await
}
