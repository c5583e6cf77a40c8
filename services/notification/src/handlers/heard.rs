//! What a message from the bus means here.
//!
//! Only what a notice needs is taken out of a message: this is the hot path of every inquiry. A message that can't be read
//! is parked with a reason that names a field and never a value.

use causeway_mailbox::Received;
use causeway_proto::convert::{area_from_wire, consult_type_from_wire, instant, optional_instant};
use causeway_proto::events::{Event, decode, id};
use causeway_proto::inquiry::v1::Facts;
use causeway_proto::intake::v1::{RecordsRequested, StageChanged};
use causeway_proto::routing::v1::RouteDecided;
use causeway_proto::scheduling::v1::{
    Appointment, AppointmentAttended, AppointmentBooked, AppointmentCancelled, AppointmentMissed,
    AppointmentRescheduled,
};
use jiff::Timestamp;
use uuid::Uuid;

use crate::domain::notice::{AFTER_HOURS, About, Intended, Kind, Params};
use crate::domain::visit::{Change, Visit};

/// A message in our words.
pub enum Heard {
    /// Somebody is to hear of it.
    Notice(Box<Intended>),
    /// A visit changed.
    Visit(Box<Visit>),
    /// An inquiry was closed.
    Closed {
        /// Which one.
        inquiry_id: Uuid,
        /// When.
        at: Timestamp,
    },
    /// Nothing that we act on.
    NotForUs,
}

/// Reads a message.
pub fn read(message: &Received, now: Timestamp) -> Result<Heard, String> {
    let center = message.envelope.center.as_str();
    let payload = &message.payload[..];
    let change = match message.envelope.kind.as_str() {
        RouteDecided::KIND => return routed(open(payload)?, center, now),
        RecordsRequested::KIND => return records_requested(open(payload)?, center, now),
        StageChanged::KIND => return closed(open(payload)?, center),
        AppointmentBooked::KIND => {
            let event: AppointmentBooked = open(payload)?;
            (event.facts, event.appointment, Change::Booked, event.version, event.at)
        }
        AppointmentRescheduled::KIND => {
            let event: AppointmentRescheduled = open(payload)?;
            (event.facts, event.appointment, Change::Rescheduled, event.version, event.at)
        }
        AppointmentCancelled::KIND => {
            let event: AppointmentCancelled = open(payload)?;
            (event.facts, event.appointment, Change::Cancelled, event.version, event.at)
        }
        AppointmentAttended::KIND => {
            let event: AppointmentAttended = open(payload)?;
            (event.facts, event.appointment, Change::Attended, event.version, event.at)
        }
        AppointmentMissed::KIND => {
            let event: AppointmentMissed = open(payload)?;
            (event.facts, event.appointment, Change::Missed, event.version, event.at)
        }
        _ => return Ok(Heard::NotForUs),
    };
    visit(change, center)
}

fn open<E: Event>(payload: &[u8]) -> Result<E, String> {
    decode(payload).map_err(|cause| cause.to_string())
}

fn routed(event: RouteDecided, center: &str, now: Timestamp) -> Result<Heard, String> {
    let contact_by = instant("response_due_at", event.response_due_at).map_err(|cause| cause.to_string())?;
    let decided_at = instant("decided_at", event.decided_at).map_err(|cause| cause.to_string())?;
    let mut intended = Intended {
        contact_by: Some(contact_by),
        not_after: Some(contact_by),
        ..Intended::now(Kind::Confirmation, about(event.facts, center)?, decided_at, now)
    };
    if event.after_hours {
        AFTER_HOURS.clone_into(&mut intended.template);
        intended.opens_at = optional_instant(event.clock_starts_at);
    }
    Ok(Heard::Notice(Box::new(intended)))
}

fn records_requested(event: RecordsRequested, center: &str, now: Timestamp) -> Result<Heard, String> {
    let at = instant("at", event.at).map_err(|cause| cause.to_string())?;
    Ok(Heard::Notice(Box::new(Intended {
        occurrence: event.at.to_string(),
        params: Some(Params { records: event.kinds, visit: None }),
        ..Intended::now(Kind::RecordsRequest, about(event.facts, center)?, at, now)
    })))
}

fn closed(event: StageChanged, center: &str) -> Result<Heard, String> {
    if event.verb() != "closed" {
        return Ok(Heard::NotForUs);
    }
    let at = instant("at", event.at).map_err(|cause| cause.to_string())?;
    let facts = event.facts.ok_or("field facts is missing")?;
    same_center(&facts.center, center)?;
    let inquiry_id = id("inquiry_id", &facts.inquiry_id).map_err(|cause| cause.to_string())?;
    Ok(Heard::Closed { inquiry_id, at })
}

type Changed = (Option<Facts>, Option<Appointment>, Change, i64, i64);

fn visit((facts, appointment, change, version, at): Changed, center: &str) -> Result<Heard, String> {
    let unreadable = |cause: causeway_proto::events::Unreadable| cause.to_string();
    let appointment = appointment.ok_or("field appointment is missing")?;
    Ok(Heard::Visit(Box::new(Visit {
        appointment_id: id("appointment_id", &appointment.appointment_id).map_err(unreadable)?,
        version,
        about: about(facts, center)?,
        starts_at: instant("starts_at", appointment.starts_at).map_err(unreadable)?,
        time_zone: appointment.time_zone,
        site: appointment.site,
        visit_kind: appointment.visit_kind,
        change,
        at: instant("at", at).map_err(unreadable)?,
    })))
}

fn about(facts: Option<Facts>, center: &str) -> Result<About, String> {
    let facts = facts.ok_or("field facts is missing")?;
    same_center(&facts.center, center)?;
    Ok(About {
        inquiry_id: id("inquiry_id", &facts.inquiry_id).map_err(|cause| cause.to_string())?,
        email_allowed: facts.consent.is_some_and(|consent| consent.email),
        consented_at: instant("received_at", facts.received_at).map_err(|cause| cause.to_string())?,
        consult_type: consult_type_from_wire(facts.consult_type()),
        cancer_area: area_from_wire(facts.cancer_area()),
        reference: facts.reference,
        language: facts.language,
    })
}

fn same_center(told: &str, center: &str) -> Result<(), String> {
    if told == center { Ok(()) } else { Err("facts name another center than the envelope".to_owned()) }
}

#[cfg(test)]
mod tests {
    use causeway_envelope::{Envelope, TraceContext};
    use causeway_proto::events::fact;
    use causeway_proto::inquiry::v1::Consent;

    use super::*;
    use crate::domain::notice::reason;

    fn facts() -> Facts {
        Facts {
            inquiry_id: Uuid::from_u128(7).to_string(),
            center: "lakeside".into(),
            reference: "LS-7K4M-2QX".into(),
            language: "fr".into(),
            consent: Some(Consent { email: true, ..Consent::default() }),
            received_at: 1_790_000_000_000_000,
            ..Facts::default()
        }
    }

    fn message<E: Event>(event: &E) -> Received {
        let fact = fact("lakeside", event);
        let envelope = Envelope {
            id: Uuid::from_u128(1),
            kind: fact.kind.to_owned(),
            source: "routing".into(),
            subject: fact.subject,
            center: "lakeside".into(),
            aggregate_id: Uuid::from_u128(7),
            version: 1,
            time: Timestamp::UNIX_EPOCH,
            trace: TraceContext::default(),
        };
        Received { envelope, payload: fact.payload.into(), attempt: 1, unit: None }
    }

    fn route() -> RouteDecided {
        RouteDecided {
            facts: Some(facts()),
            response_due_at: 1_790_000_900_000_000,
            clock_starts_at: 1_790_000_500_000_000,
            decided_at: 1_790_000_001_000_000,
            ..RouteDecided::default()
        }
    }

    fn intended(event: &impl Event) -> Intended {
        match read(&message(event), Timestamp::UNIX_EPOCH) {
            Ok(Heard::Notice(intended)) => *intended,
            _ => panic!("a notice was expected"),
        }
    }

    #[test]
    fn a_route_calls_for_one_confirmation_with_the_time_of_contact() {
        let notice = intended(&route());
        assert_eq!(
            (notice.kind, notice.template.as_str(), notice.occurrence.as_str()),
            (Kind::Confirmation, "confirmation", "")
        );
        assert_eq!(notice.contact_by.map(|at| at.as_microsecond()), Some(1_790_000_900_000_000));
        assert_eq!((notice.opens_at, notice.refused()), (None, None));
    }

    #[test]
    fn after_hours_have_their_own_words_and_the_time_of_opening() {
        let notice = intended(&RouteDecided { after_hours: true, ..route() });
        assert_eq!(notice.template, AFTER_HOURS);
        assert_eq!(notice.opens_at.map(|at| at.as_microsecond()), Some(1_790_000_500_000_000));
    }

    #[test]
    fn without_consent_to_mail_there_is_no_channel() {
        let silent = Facts { consent: None, ..facts() };
        let notice = intended(&RouteDecided { facts: Some(silent), ..route() });
        assert_eq!(notice.refused(), Some(reason::NO_CHANNEL));
    }

    #[test]
    fn what_can_not_be_read_is_refused_by_the_name_of_a_field() {
        let wrong_id = Facts { inquiry_id: "7".into(), ..facts() };
        let elsewhere = Facts { center: "harbor-valley".into(), ..facts() };
        for broken in [
            RouteDecided { facts: None, ..route() },
            RouteDecided { facts: Some(wrong_id), ..route() },
            RouteDecided { facts: Some(elsewhere), ..route() },
            RouteDecided { response_due_at: 0, ..route() },
        ] {
            assert!(read(&message(&broken), Timestamp::UNIX_EPOCH).is_err());
        }
        let mut rubbish = message(&route());
        rubbish.payload = vec![0xff; 9].into();
        assert!(read(&rubbish, Timestamp::UNIX_EPOCH).is_err());
    }
}
