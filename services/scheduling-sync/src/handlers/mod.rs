//! What comes in: the desk's news by the bus, questions and commands by gRPC; one file for each.
//!
//! A command locks the inquiry, decides in `domain`, saves and publishes in one transaction. Deliberately not here: any
//! rule, and any SQL.

pub mod asker;
mod book_slot;
mod cancel_appointment;
mod list_appointments;
mod offer_slots;
mod publish;
pub mod readiness_changed;
mod record_attendance;
mod reschedule_appointment;

use std::sync::Arc;

use causeway_mailbox::{Database, Revisions, Tx};
use causeway_proto::error::Reason;
use causeway_proto::scheduling::v1 as wire;
use causeway_proto::scheduling::v1::scheduling_server::Scheduling;
use jiff::Timestamp;
use prometheus::{IntCounterVec, Opts, Registry};
use tonic::{Request, Response, Status, async_trait};
use uuid::Uuid;

use crate::Config;
use crate::domain::appointment::Appointment;
use crate::domain::diary::Diary;
use crate::domain::refusal::Refused;
use crate::domain::slot_id::SlotId;
use crate::error::Error;
use crate::store::{self, Told};
use asker::Asker;
use publish::Change;

/// The diary in force of one center.
pub(crate) type InForce = Arc<(String, Diary)>;

/// What every call needs.
pub struct Api {
    database: Database,
    diaries: Arc<Revisions<Diary>>,
    config: Arc<Config>,
    appointments: IntCounterVec,
}

impl Api {
    /// The calls on a database.
    ///
    /// # Errors
    /// When the registry has a metric of that name.
    pub fn new(
        database: Database,
        diaries: Arc<Revisions<Diary>>,
        config: Config,
        metrics: &Registry,
    ) -> prometheus::Result<Self> {
        let appointments = IntCounterVec::new(
            Opts::new("causeway_appointments_total", "changes of appointments, by center and change"),
            &["center", "change"],
        )?;
        metrics.register(Box::new(appointments.clone()))?;
        Ok(Self { database, diaries, config: Arc::new(config), appointments })
    }

    fn diary(&self, center: &str) -> Result<InForce, Status> {
        let missing =
            || Reason::NotReady.status("the center's profile is not known here yet; apply it, or ask again shortly");
        self.diaries.current(center).ok_or_else(missing)
    }

    /// Counts what a call did and gives the appointment as it stands now.
    fn answer(&self, center: &str, done: Done) -> Response<wire::Appointment> {
        if let Some(change) = done.change {
            self.appointments.with_label_values(&[center, change.word()]).inc();
        }
        Response::new(publish::appointment(center, &done.appointment))
    }
}

/// Whether a slot begins within the time for which visits are offered.
fn within(config: &Config, slot: &SlotId, now: Timestamp) -> Result<(), Refused> {
    if slot.start <= config.latest(now) { Ok(()) } else { Err(Refused::TooFarAhead { days: config.horizon_days }) }
}

/// What a command did: nothing new, where its step was taken before.
struct Done {
    appointment: Appointment,
    change: Option<Change>,
}

/// An appointment that is to change, with all that decides about it, locked.
struct Case {
    told: Told,
    appointment: Appointment,
    version: i64,
}

impl Case {
    /// Opens the case of an appointment that is the asker's business; another one's is as if it were not there.
    async fn open(tx: &mut Tx, appointment_id: Uuid, asker: &Asker) -> Result<Self, Error> {
        let told = store::lock_told_of(tx, appointment_id).await?.ok_or(Refused::NoSuchAppointment)?;
        if !asker.may_touch(told.inquiry_id) {
            return Err(Refused::NoSuchAppointment.into());
        }
        let all = store::appointments_of(tx, told.inquiry_id).await?;
        let version = crate::domain::appointment::next_version(&all);
        let found = all.into_iter().find(|one| one.id == appointment_id);
        Ok(Self { told, appointment: found.ok_or(Refused::NoSuchAppointment)?, version })
    }

    /// Nothing to do: the step was taken before.
    fn unchanged(self) -> Done {
        Done { appointment: self.appointment, change: None }
    }

    /// Saves and publishes what became of the appointment.
    async fn close(mut self, tx: &mut Tx, change: Change) -> Result<Done, Error> {
        self.appointment.version = self.version;
        store::update_appointment(tx, &self.appointment).await?;
        publish::publish(tx, &self.told, &self.appointment, change);
        Ok(Done { appointment: self.appointment, change: Some(change) })
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl Scheduling for Api {
    async fn offer_slots(
        &self,
        request: Request<wire::OfferSlotsRequest>,
    ) -> Result<Response<wire::OfferSlotsResponse>, Status> {
        offer_slots::offer_slots(self, request).await
    }

    async fn book_slot(&self, request: Request<wire::BookSlotRequest>) -> Result<Response<wire::Appointment>, Status> {
        book_slot::book_slot(self, request).await
    }

    async fn reschedule_appointment(
        &self,
        request: Request<wire::RescheduleAppointmentRequest>,
    ) -> Result<Response<wire::Appointment>, Status> {
        reschedule_appointment::reschedule_appointment(self, request).await
    }

    async fn cancel_appointment(
        &self,
        request: Request<wire::CancelAppointmentRequest>,
    ) -> Result<Response<wire::Appointment>, Status> {
        cancel_appointment::cancel_appointment(self, request).await
    }

    async fn record_attendance(
        &self,
        request: Request<wire::RecordAttendanceRequest>,
    ) -> Result<Response<wire::Appointment>, Status> {
        record_attendance::record_attendance(self, request).await
    }

    async fn list_appointments(
        &self,
        request: Request<wire::ListAppointmentsRequest>,
    ) -> Result<Response<wire::ListAppointmentsResponse>, Status> {
        list_appointments::list_appointments(self, request).await
    }
}
