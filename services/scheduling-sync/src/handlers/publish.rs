//! From a change of an appointment to its event and to the contract's words.
//!
//! An event carries the facts of the inquiry, so that whoever hears it need not ask back (F3).

use causeway_mailbox::{Draft, Tx};
use causeway_proto::convert::micros;
use causeway_proto::events::{Event, fact};
use causeway_proto::scheduling::v1 as wire;
use jiff::Timestamp;

use crate::domain::appointment::Appointment;
use crate::store::Told;

/// What became of an appointment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// It was made.
    Booked,
    /// It moved from this start.
    Rescheduled(Timestamp),
    /// It was called off.
    Cancelled,
    /// The person came.
    Attended,
    /// The person did not come.
    Missed,
}

impl Change {
    /// The label of the metric.
    pub fn word(self) -> &'static str {
        match self {
            Self::Booked => "booked",
            Self::Rescheduled(_) => "rescheduled",
            Self::Cancelled => "cancelled",
            Self::Attended => "attended",
            Self::Missed => "missed",
        }
    }
}

/// The appointment as the contract writes it.
pub fn appointment(center: &str, from: &Appointment) -> wire::Appointment {
    wire::Appointment {
        appointment_id: from.id.to_string(),
        inquiry_id: from.inquiry_id.to_string(),
        center: center.to_owned(),
        site: from.site.clone(),
        starts_at: micros(from.starts_at),
        ends_at: micros(from.ends_at),
        time_zone: from.time_zone.clone(),
        clinician_role: from.role.clone(),
        visit_kind: from.visit_kind.clone(),
    }
}

/// Puts the event of a change into the outbox.
pub fn publish(tx: &mut Tx, told: &Told, changed: &Appointment, change: Change) {
    let (facts, appointment) = (Some(told.facts.clone()), Some(appointment(tx.center(), changed)));
    let (version, at, reason) = (changed.version, micros(tx.now()), changed.reason.clone());
    match change {
        Change::Booked => emit(tx, changed, &wire::AppointmentBooked { facts, appointment, version, at }),
        Change::Rescheduled(previous) => {
            let previous_starts_at = micros(previous);
            emit(
                tx,
                changed,
                &wire::AppointmentRescheduled { facts, appointment, previous_starts_at, reason, version, at },
            );
        }
        Change::Cancelled => {
            let by = changed.by.as_str().to_owned();
            emit(tx, changed, &wire::AppointmentCancelled { facts, appointment, reason, by, version, at });
        }
        Change::Attended => emit(tx, changed, &wire::AppointmentAttended { facts, appointment, version, at }),
        Change::Missed => emit(tx, changed, &wire::AppointmentMissed { facts, appointment, version, at }),
    }
}

/// The inquiry is what listeners follow, so it is the aggregate, and its appointments share one count of versions.
fn emit<E: Event>(tx: &mut Tx, changed: &Appointment, event: &E) {
    let fact = fact(tx.center(), event);
    let trace = tx.trace().clone();
    tx.emit(Draft {
        event_id: None,
        subject: fact.subject,
        kind: fact.kind,
        aggregate_id: changed.inquiry_id,
        version: changed.version,
        payload: fact.payload,
        trace,
    });
}
