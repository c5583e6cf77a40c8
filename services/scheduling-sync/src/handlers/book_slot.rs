//! `BookSlot`: a seat in a slot becomes an appointment, by the rule that is in force at this moment.
//!
//! The inquiry's row is the lock, so one inquiry gets one appointment; the seat's primary key is why one seat gets one
//! appointment. The same key again, of the same inquiry, answers with what it booked.

use std::sync::Arc;

use causeway_auth::Action;
use causeway_funnel::inquiry::Facts;
use causeway_mailbox::Tx;
use causeway_proto::error::Reason;
use causeway_proto::scheduling::v1 as wire;
use tonic::{Request, Response, Status};
use uuid::Uuid;

use super::asker::{Asker, idempotency_key, inquiry_id, slot_id};
use super::offer_slots::taken;
use super::publish::{Change, publish};
use super::{Api, Done, InForce, within};
use crate::Config;
use crate::domain::appointment::{Appointment, BUILT_IN, By, State, may_book, next_version, serves};
use crate::domain::refusal::Refused;
use crate::domain::slot_id::SlotId;
use crate::error::Error;
use crate::store;

/// A wish for one slot.
struct Booking {
    diary: InForce,
    config: Arc<Config>,
    inquiry: Uuid,
    slot: SlotId,
    key: String,
    by: By,
}

pub(super) async fn book_slot(
    api: &Api,
    request: Request<wire::BookSlotRequest>,
) -> Result<Response<wire::Appointment>, Status> {
    let asker = Asker::of(&request, Action::BookAppointment, &request.get_ref().center)?;
    let ask = request.into_inner();
    let inquiry = inquiry_id(&ask.inquiry_id)?;
    asker.must_touch(inquiry)?;
    let diary = api.diary(&ask.center)?;
    let booking = Booking {
        diary: diary.clone(),
        config: api.config.clone(),
        inquiry,
        slot: slot_id(&ask.slot_id)?,
        key: idempotency_key(ask.idempotency_key)?,
        by: asker.by(),
    };
    let done = api.database.with_tx(&ask.center, move |tx| Box::pin(async move { booking.book(tx).await })).await;
    match done {
        Ok(done) => Ok(api.answer(&ask.center, done)),
        Err(Error::Refused(Refused::SlotTaken { inquiry_id })) => {
            Err(taken(api, &ask.center, &diary, inquiry_id).await)
        }
        Err(Error::Refused(Refused::Rule(barrier))) if asker.is_patient() => {
            Err(Reason::BookingRule.status(barrier.patient))
        }
        Err(cause) => Err(cause.into()),
    }
}

impl Booking {
    async fn book(self, tx: &mut Tx) -> Result<Done, Error> {
        let diary = &self.diary.1;
        let told = store::lock_told(tx, self.inquiry).await?;
        let all = store::appointments_of(tx, self.inquiry).await?;
        if let Some(earlier) = all.iter().find(|one| one.idempotency_key == self.key) {
            return self.repeated(earlier);
        }
        let unknown = Facts::default();
        let facts = told.as_ref().map_or(&unknown, |told| &told.bookable.facts);
        let rule = diary.rule(facts).ok_or(Refused::OtherVisit)?;
        let languages = (diary.language(""), diary.language(&facts.language));
        may_book(told.as_ref().map(|told| &told.bookable), &all, rule, languages)?;
        // Of an unknown inquiry the intake is open, which no rule lets pass.
        let told = told.as_ref().ok_or(Refused::Closed)?;
        serves(rule, &self.slot)?;
        let (now, full) = (tx.now(), Refused::SlotTaken { inquiry_id: self.inquiry });
        within(&self.config, &self.slot, now)?;
        let slot = diary.find(rule, &self.slot).filter(|slot| slot.start > now).ok_or_else(|| full.clone())?;
        let id = tx.new_id();
        let seat = store::take_seat(tx, &self.slot.to_string(), slot.capacity, id).await?.ok_or(full)?;
        let mut new = self.appointment(id, next_version(&all), now);
        new.sit(&slot, seat, diary.zone_name(&slot.site));
        store::insert_appointment(tx, &new).await?;
        publish(tx, told, &new, Change::Booked);
        Ok(Done { appointment: new, change: Some(Change::Booked) })
    }

    fn repeated(&self, earlier: &Appointment) -> Result<Done, Error> {
        if earlier.asked_slot_id != self.slot.to_string() {
            return Err(Refused::KeyReused.into());
        }
        Ok(Done { appointment: earlier.clone(), change: None })
    }

    /// The appointment before it has a seat.
    fn appointment(&self, id: Uuid, version: i64, now: jiff::Timestamp) -> Appointment {
        Appointment {
            id,
            inquiry_id: self.inquiry,
            slot_id: String::new(),
            seat: 0,
            site: String::new(),
            starts_at: now,
            ends_at: now,
            time_zone: String::new(),
            role: String::new(),
            visit_kind: String::new(),
            state: State::Booked,
            reason: String::new(),
            by: self.by,
            version,
            booked_at: now,
            source: BUILT_IN.to_owned(),
            idempotency_key: self.key.clone(),
            asked_slot_id: self.slot.to_string(),
        }
    }
}
