//! Dates: offering, booking, moving, calling off, and what became of a visit.

use causeway_auth::{Actor, Role};
use causeway_funnel::stage::CloseReason;
use causeway_proto::intake::v1 as intake;
use causeway_proto::scheduling::v1 as wire;
use jiff::{SignedDuration, Timestamp};
use rand::seq::IndexedRandom as _;

use super::fate::{Change, Fate};
use super::staff::{Desk, Memory, Trouble, trouble};
use super::steps::instant;

/// Who gives dates.
const SCHEDULERS: [Role; 4] = [Role::Scheduler, Role::Coordinator, Role::TrialCoordinator, Role::Manager];
const MOVED: [&str; 4] = ["time_does_not_fit", "no_ride", "not_well", "other"];
const CALLED_OFF: [&str; 3] = ["not_well", "time_does_not_fit", "care_elsewhere"];

impl Desk {
    fn scheduler(&self, row: &intake::WorkRow, fate: &Fate) -> Option<Actor> {
        self.center.somebody(&SCHEDULERS, &row.owner, &row.team, fate.salt)
    }

    async fn slots(
        &self,
        row: &intake::WorkRow,
        actor: &Actor,
        from: Timestamp,
    ) -> Result<wire::OfferSlotsResponse, Trouble> {
        let request = wire::OfferSlotsRequest {
            center: self.center.id().to_owned(),
            inquiry_id: row.inquiry_id.clone(),
            from: from.as_microsecond(),
            ..wire::OfferSlotsRequest::default()
        };
        Ok(self.calendar(actor).offer_slots(request).await.map_err(trouble("offer slots"))?.into_inner())
    }

    /// Offers dates and books the one that suits.
    pub(super) async fn offer(&self, row: &intake::WorkRow, fate: &Fate, memory: &mut Memory) -> Result<(), Trouble> {
        let Some(actor) = self.scheduler(row, fate) else { return Ok(()) };
        let now = self.clock.now();
        // In time lapse a slot that is close is over before the call comes back.
        let offered = self.slots(row, &actor, now + SignedDuration::from_hours(4)).await?;
        if !offered.refused_by.is_empty() || offered.slots.is_empty() {
            // The rule is told once; the news that records came may still be on its way to scheduling.
            self.tally.done("offers refused by rule");
            memory.not_before = now + SignedDuration::from_hours(if offered.refused_by.is_empty() { 24 } else { 2 });
            return Ok(());
        }
        let Some(slot) = choose(&offered.slots, fate, memory.round) else { return Ok(()) };
        let request = wire::BookSlotRequest {
            center: self.center.id().to_owned(),
            inquiry_id: row.inquiry_id.clone(),
            slot_id: slot.slot_id.clone(),
            idempotency_key: format!("{}-{}-book-{}", self.play, row.inquiry_id, memory.round),
        };
        let booked = self.calendar(&actor).book_slot(request).await.map_err(trouble("book slot"))?.into_inner();
        self.tally.done("booked");
        // The desk hears of it by an event; until then the row still says that dates are to be offered.
        memory.not_before = now + SignedDuration::from_hours(3);
        memory.visit = Some((booked.appointment_id, instant(booked.ends_at, now)));
        Ok(())
    }

    /// A visit is ahead or has just been: moved, called off, kept or missed.
    pub(super) async fn visit(&self, row: &intake::WorkRow, fate: &Fate, memory: &mut Memory) -> Result<(), Trouble> {
        let Some(actor) = self.scheduler(row, fate) else { return Ok(()) };
        let now = self.clock.now();
        let Some((appointment, ends_at)) = self.visit_of(row, &actor, memory).await? else {
            memory.not_before = now + SignedDuration::from_hours(6);
            return Ok(());
        };
        let known_after = ends_at + SignedDuration::from_mins(20);
        if now >= known_after {
            return self.attendance(&appointment, fate, &actor, memory).await;
        }
        memory.not_before = known_after;
        // Nobody changes a visit in its last hours here, so that a fast clock does not run past it.
        let far_enough = ends_at > now + SignedDuration::from_hours(12);
        if memory.changed || fate.change == Change::None || !far_enough {
            return Ok(());
        }
        memory.changed = true;
        if fate.change == Change::Moved {
            return self.move_visit(row, (appointment, ends_at), fate, &actor, memory).await;
        }
        self.call_off(&appointment, fate, &actor).await?;
        memory.visit = None;
        if fate.change == Change::CalledOff {
            let owner = self.worker(&row.owner, &row.team, fate.salt).unwrap_or(actor);
            self.close(row, CloseReason::NoSuitableDate, &owner).await?;
        }
        memory.not_before = now + SignedDuration::from_hours(3);
        Ok(())
    }

    async fn visit_of(
        &self,
        row: &intake::WorkRow,
        actor: &Actor,
        memory: &mut Memory,
    ) -> Result<Option<(String, Timestamp)>, Trouble> {
        if memory.visit.is_none() {
            let request = wire::ListAppointmentsRequest {
                center: self.center.id().to_owned(),
                inquiry_id: row.inquiry_id.clone(),
            };
            let answer = self.calendar(actor).list_appointments(request).await.map_err(trouble("list appointments"))?;
            let booked = answer.into_inner().appointments.into_iter().find(|booked| booked.state == "booked");
            memory.visit = booked
                .and_then(|booked| booked.appointment)
                .map(|found| (found.appointment_id, instant(found.ends_at, self.clock.now())));
        }
        Ok(memory.visit.clone())
    }

    async fn attendance(
        &self,
        appointment: &str,
        fate: &Fate,
        actor: &Actor,
        memory: &mut Memory,
    ) -> Result<(), Trouble> {
        // Whoever came back after a missed visit keeps the second one.
        let attended = fate.attends || memory.missed;
        let request = wire::RecordAttendanceRequest {
            center: self.center.id().to_owned(),
            appointment_id: appointment.to_owned(),
            attended,
        };
        self.calendar(actor).record_attendance(request).await.map_err(trouble("record attendance"))?;
        self.tally.done(if attended { "attended" } else { "missed" });
        memory.missed |= !attended;
        memory.visit = None;
        memory.not_before = self.clock.now() + SignedDuration::from_hours(2);
        Ok(())
    }

    async fn move_visit(
        &self,
        row: &intake::WorkRow,
        (appointment, ends_at): (String, Timestamp),
        fate: &Fate,
        actor: &Actor,
        memory: &mut Memory,
    ) -> Result<(), Trouble> {
        let offered = self.slots(row, actor, ends_at + SignedDuration::from_hours(12)).await?;
        let Some(slot) = choose(&offered.slots, fate, memory.round) else { return Ok(()) };
        let mut rng = fate.rng("move");
        let request = wire::RescheduleAppointmentRequest {
            center: self.center.id().to_owned(),
            appointment_id: appointment,
            slot_id: slot.slot_id.clone(),
            reason: MOVED.choose(&mut rng).copied().unwrap_or("time_does_not_fit").to_owned(),
        };
        let moved =
            self.calendar(actor).reschedule_appointment(request).await.map_err(trouble("reschedule"))?.into_inner();
        self.tally.done("moved");
        let ends_at = instant(moved.ends_at, ends_at);
        memory.not_before = ends_at + SignedDuration::from_mins(20);
        memory.visit = Some((moved.appointment_id, ends_at));
        Ok(())
    }

    async fn call_off(&self, appointment: &str, fate: &Fate, actor: &Actor) -> Result<(), Trouble> {
        let request = wire::CancelAppointmentRequest {
            center: self.center.id().to_owned(),
            appointment_id: appointment.to_owned(),
            reason: CALLED_OFF.choose(&mut fate.rng("call off")).copied().unwrap_or("time_does_not_fit").to_owned(),
            by: "patient".to_owned(),
        };
        self.calendar(actor).cancel_appointment(request).await.map_err(trouble("cancel"))?;
        self.tally.done("called off");
        Ok(())
    }

    /// A call after a missed visit: a new date, or the end.
    pub(super) async fn follow_up(
        &self,
        row: &intake::WorkRow,
        fate: &Fate,
        actor: &Actor,
        memory: &mut Memory,
    ) -> Result<(), Trouble> {
        self.attempt(row, fate, actor, true, memory.round).await?;
        if fate.comes_back {
            self.offer(row, fate, memory).await
        } else {
            self.close(row, CloseReason::NotReady, actor).await
        }
    }
}

fn choose<'a>(slots: &'a [wire::Slot], fate: &Fate, round: u32) -> Option<&'a wire::Slot> {
    if fate.takes_first_date && round < 8 {
        return slots.iter().min_by_key(|slot| slot.starts_at);
    }
    slots.choose(&mut fate.rng(&format!("slot {round}")))
}
