//! `CancelAppointment`: the visit is called off with a reason, and its seat is free for somebody else.
//!
//! A closed inquiry's visit may be cancelled too; that is how its seat comes back.

use causeway_auth::Action;
use causeway_mailbox::Tx;
use causeway_proto::scheduling::v1 as wire;
use tonic::{Request, Response, Status};
use uuid::Uuid;

use super::asker::{Asker, appointment_id, reason};
use super::publish::Change;
use super::{Api, Case, Done};
use crate::domain::appointment::{By, State, Step};
use crate::error::Error;
use crate::store;

/// A wish to call off.
struct Cancel {
    appointment: Uuid,
    reason: String,
    by: By,
    asker: Asker,
}

pub(super) async fn cancel_appointment(
    api: &Api,
    request: Request<wire::CancelAppointmentRequest>,
) -> Result<Response<wire::Appointment>, Status> {
    let asker = Asker::of(&request, Action::BookAppointment, &request.get_ref().center)?;
    let ask = request.into_inner();
    let wish = Cancel {
        appointment: appointment_id(&ask.appointment_id)?,
        reason: reason(ask.reason)?,
        by: asker.by_or(&ask.by)?,
        asker,
    };
    let done = api.database.with_tx(&ask.center, move |tx| Box::pin(async move { wish.go(tx).await })).await?;
    Ok(api.answer(&ask.center, done))
}

impl Cancel {
    async fn go(self, tx: &mut Tx) -> Result<Done, Error> {
        let now = tx.now();
        let mut case = Case::open(tx, self.appointment, &self.asker).await?;
        if case.appointment.may_cancel(now)? == Step::Taken {
            return Ok(case.unchanged());
        }
        store::free_seat(tx, &case.appointment).await?;
        case.appointment.state = State::Cancelled;
        (case.appointment.reason, case.appointment.by) = (self.reason, self.by);
        case.close(tx, Change::Cancelled).await
    }
}
