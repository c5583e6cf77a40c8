//! `RescheduleAppointment`: the new seat is taken and the old one given back in one transaction, so that nobody is ever
//! without a seat. Where the new one is taken by somebody else, the old one stays.
//!
//! The readiness of the inquiry is not asked again: who has a visit keeps it. The new slot must serve the rule.

use std::sync::Arc;

use causeway_auth::Action;
use causeway_mailbox::Tx;
use causeway_proto::scheduling::v1 as wire;
use tonic::{Request, Response, Status};
use uuid::Uuid;

use super::asker::{Asker, appointment_id, reason, slot_id};
use super::offer_slots::taken;
use super::publish::Change;
use super::{Api, Case, Done, InForce, within};
use crate::Config;
use crate::domain::appointment::{Step, serves};
use crate::domain::refusal::Refused;
use crate::domain::slot_id::SlotId;
use crate::error::Error;
use crate::store;

/// A wish to move.
struct Move {
    diary: InForce,
    config: Arc<Config>,
    appointment: Uuid,
    to: SlotId,
    reason: String,
    asker: Asker,
}

pub(super) async fn reschedule_appointment(
    api: &Api,
    request: Request<wire::RescheduleAppointmentRequest>,
) -> Result<Response<wire::Appointment>, Status> {
    let asker = Asker::of(&request, Action::BookAppointment, &request.get_ref().center)?;
    let ask = request.into_inner();
    let diary = api.diary(&ask.center)?;
    let wish = Move {
        diary: diary.clone(),
        config: api.config.clone(),
        appointment: appointment_id(&ask.appointment_id)?,
        to: slot_id(&ask.slot_id)?,
        reason: reason(ask.reason)?,
        asker,
    };
    let done = api.database.with_tx(&ask.center, move |tx| Box::pin(async move { wish.go(tx).await })).await;
    match done {
        Ok(done) => Ok(api.answer(&ask.center, done)),
        Err(Error::Refused(Refused::SlotTaken { inquiry_id })) => {
            Err(taken(api, &ask.center, &diary, inquiry_id).await)
        }
        Err(cause) => Err(cause.into()),
    }
}

impl Move {
    async fn go(self, tx: &mut Tx) -> Result<Done, Error> {
        let (diary, now) = (&self.diary.1, tx.now());
        let mut case = Case::open(tx, self.appointment, &self.asker).await?;
        if case.appointment.may_move(&self.to, now)? == Step::Taken {
            return Ok(case.unchanged());
        }
        if !case.told.bookable.open {
            return Err(Refused::Closed.into());
        }
        let rule = diary.rule(&case.told.bookable.facts).ok_or(Refused::OtherVisit)?;
        serves(rule, &self.to)?;
        within(&self.config, &self.to, now)?;
        let full = Refused::SlotTaken { inquiry_id: case.told.inquiry_id };
        let slot = diary.find(rule, &self.to).filter(|slot| slot.start > now).ok_or_else(|| full.clone())?;
        let seat = store::take_seat(tx, &self.to.to_string(), slot.capacity, case.appointment.id).await?.ok_or(full)?;
        store::free_seat(tx, &case.appointment).await?;
        let previous = case.appointment.starts_at;
        case.appointment.sit(&slot, seat, diary.zone_name(&slot.site));
        (case.appointment.reason, case.appointment.by) = (self.reason, self.asker.by());
        case.close(tx, Change::Rescheduled(previous)).await
    }
}
