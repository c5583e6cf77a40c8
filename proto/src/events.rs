//! The link between a protobuf message and its place on the bus.
//!
//! A service hands a message to [`fact`] and gets what its outbox needs; a listener matches on the kind and uses [`decode`].

use prost::Message;
use uuid::Uuid;

use crate::{inquiry, intake, notice, routing, scheduling, subjects};

/// An event as its owner's outbox takes it.
#[derive(Debug, Clone, PartialEq)]
pub struct Fact {
    /// Subject on the bus.
    pub subject: String,
    /// Full name of the protobuf message.
    pub kind: &'static str,
    /// The encoded message.
    pub payload: Vec<u8>,
}

/// A protobuf message that travels on the bus.
pub trait Event: Message + Default {
    /// Full name of the message.
    const KIND: &'static str;
    /// Noun of the subject.
    const NOUN: &'static str;
    /// Verb of the subject.
    fn verb(&self) -> &'static str;
}

/// Encodes an event of a center for the outbox.
pub fn fact<E: Event>(center: &str, event: &E) -> Fact {
    Fact { subject: subjects::subject(center, E::NOUN, event.verb()), kind: E::KIND, payload: event.encode_to_vec() }
}

/// Why a payload could not be read.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Unreadable {
    /// The bytes are not the message that the kind names.
    #[error("payload of {kind} could not be decoded: {source}")]
    Payload {
        /// Full name of the message.
        kind: &'static str,
        /// What protobuf said.
        source: prost::DecodeError,
    },
    /// An id that must be a UUID is none.
    #[error("field {field} is not a uuid")]
    Id {
        /// Name of the field.
        field: &'static str,
    },
    /// A part without which the event means nothing is absent.
    #[error("field {field} is missing")]
    Missing {
        /// Name of the field.
        field: &'static str,
    },
}

/// Decodes the payload of an event.
pub fn decode<E: Event>(payload: &[u8]) -> Result<E, Unreadable> {
    E::decode(payload).map_err(|source| Unreadable::Payload { kind: E::KIND, source })
}

/// Reads an id.
pub fn id(field: &'static str, text: &str) -> Result<Uuid, Unreadable> {
    Uuid::parse_str(text).map_err(|_| Unreadable::Id { field })
}

macro_rules! events {
    ($($message:path, $kind:literal, $noun:literal, $verb:literal;)*) => {
        $(impl Event for $message {
            const KIND: &'static str = $kind;
            const NOUN: &'static str = $noun;
            fn verb(&self) -> &'static str { $verb }
        })*

        /// What an event says, for an operator who looks at one that nobody could handle; nothing where the kind is none of
        /// the catalogue or the bytes are none of the kind. No event holds PHI, so neither does this.
        pub fn in_words(kind: &str, payload: &[u8]) -> Option<String> {
            match kind {
                $($kind => decode::<$message>(payload).ok().map(|event| format!("{event:?}")),)*
                intake::v1::StageChanged::KIND => {
                    decode::<intake::v1::StageChanged>(payload).ok().map(|event| format!("{event:?}"))
                }
                _ => None,
            }
        }
    };
}

events! {
    inquiry::v1::InquiryReceived, "causeway.inquiry.v1.InquiryReceived", "inquiry", "received";
    inquiry::v1::InquiryAmended, "causeway.inquiry.v1.InquiryAmended", "inquiry", "amended";
    inquiry::v1::DocumentReceived, "causeway.inquiry.v1.DocumentReceived", "document", "received";
    inquiry::v1::HandoverTaken, "causeway.inquiry.v1.HandoverTaken", "sister", "taken";
    inquiry::v1::HandoverNotTaken, "causeway.inquiry.v1.HandoverNotTaken", "sister", "not_taken";
    routing::v1::RouteDecided, "causeway.routing.v1.RouteDecided", "route", "decided";
    routing::v1::ResponseMissed, "causeway.routing.v1.ResponseMissed", "response", "missed";
    routing::v1::ResponseDueChanged, "causeway.routing.v1.ResponseDueChanged", "response", "changed";
    routing::v1::InquiryRerouted, "causeway.routing.v1.InquiryRerouted", "route", "changed";
    routing::v1::OwnerChosen, "causeway.routing.v1.OwnerChosen", "owner", "chosen";
    routing::v1::EscalationRaised, "causeway.routing.v1.EscalationRaised", "escalation", "raised";
    intake::v1::WorkMoved, "causeway.intake.v1.WorkMoved", "work", "moved";
    intake::v1::ContactAttempted, "causeway.intake.v1.ContactAttempted", "attempt", "made";
    intake::v1::ReadinessChanged, "causeway.intake.v1.ReadinessChanged", "readiness", "changed";
    intake::v1::RecordsRequested, "causeway.intake.v1.RecordsRequested", "records", "requested";
    intake::v1::OfficeRecordsWanted, "causeway.intake.v1.OfficeRecordsWanted", "records", "wanted";
    intake::v1::ReferredElsewhere, "causeway.intake.v1.ReferredElsewhere", "referral", "approved";
    intake::v1::NextStepAgreed, "causeway.intake.v1.NextStepAgreed", "next_step", "agreed";
    intake::v1::NextStepOver, "causeway.intake.v1.NextStepOver", "next_step", "over";
    intake::v1::HandedToCenter, "causeway.intake.v1.HandedToCenter", "handover", "asked";
    intake::v1::ReviewDecided, "causeway.intake.v1.ReviewDecided", "review", "decided";
    intake::v1::ReviewEscalated, "causeway.intake.v1.ReviewEscalated", "review", "escalated";
    scheduling::v1::AppointmentBooked, "causeway.scheduling.v1.AppointmentBooked", "appointment", "booked";
    scheduling::v1::AppointmentRescheduled, "causeway.scheduling.v1.AppointmentRescheduled", "appointment", "rescheduled";
    scheduling::v1::AppointmentCancelled, "causeway.scheduling.v1.AppointmentCancelled", "appointment", "cancelled";
    scheduling::v1::AppointmentAttended, "causeway.scheduling.v1.AppointmentAttended", "appointment", "attended";
    scheduling::v1::AppointmentMissed, "causeway.scheduling.v1.AppointmentMissed", "appointment", "missed";
    notice::v1::NoticeSent, "causeway.notice.v1.NoticeSent", "notice", "sent";
    notice::v1::NoticeFailed, "causeway.notice.v1.NoticeFailed", "notice", "failed";
    notice::v1::NoticeUncertain, "causeway.notice.v1.NoticeUncertain", "notice", "uncertain";
    notice::v1::ContactStopped, "causeway.notice.v1.ContactStopped", "notice", "stopped";
}

impl Event for intake::v1::StageChanged {
    const KIND: &'static str = "causeway.intake.v1.StageChanged";
    const NOUN: &'static str = "stage";

    // The stage stands in the subject so that a listener that wants one stage is not woken by all of them; of a closed inquiry that
    // goes on that it does, whichever stage that is.
    fn verb(&self) -> &'static str {
        use intake::v1::Stage;
        match self.to() {
            _ if !self.reopen_reason.is_empty() => "reopened",
            Stage::Unspecified => "unknown",
            Stage::Received => "received",
            Stage::Routed => "routed",
            Stage::Contacted => "contacted",
            Stage::IntakeComplete => "intake_complete",
            Stage::RecordsReady => "records_ready",
            Stage::Scheduled => "scheduled",
            Stage::Attended => "attended",
            Stage::Closed => "closed",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_told_in_words_and_what_is_none_is_not() {
        let facts = inquiry::v1::Facts { inquiry_id: "i-7".into(), ..Default::default() };
        let event = inquiry::v1::InquiryReceived { facts: Some(facts) };
        let told = in_words(inquiry::v1::InquiryReceived::KIND, &event.encode_to_vec()).expect("known");
        assert!(told.contains("i-7"), "{told}");
        assert!(in_words(intake::v1::StageChanged::KIND, &[]).is_some());
        assert_eq!(in_words("causeway.unknown.v1.Thing", &[]), None);
        assert_eq!(in_words(notice::v1::NoticeSent::KIND, &[0xff]), None);
    }

    #[test]
    fn every_event_of_the_catalogue_has_the_subject_that_its_message_builds() {
        fn check<E: Event>() {
            let def =
                subjects::EVENTS.iter().find(|event| event.kind == E::KIND).expect("event stands in the catalogue");
            assert_eq!(def.noun, E::NOUN);
            assert!(def.verb == "*" || def.verb == E::default().verb(), "{}", E::KIND);
        }
        check::<inquiry::v1::InquiryReceived>();
        check::<inquiry::v1::DocumentReceived>();
        check::<inquiry::v1::HandoverTaken>();
        check::<inquiry::v1::HandoverNotTaken>();
        check::<routing::v1::RouteDecided>();
        check::<routing::v1::ResponseMissed>();
        check::<routing::v1::OwnerChosen>();
        check::<routing::v1::EscalationRaised>();
        check::<intake::v1::WorkMoved>();
        check::<intake::v1::StageChanged>();
        check::<intake::v1::ContactAttempted>();
        check::<intake::v1::ReadinessChanged>();
        check::<intake::v1::RecordsRequested>();
        check::<intake::v1::ReferredElsewhere>();
        check::<intake::v1::HandedToCenter>();
        check::<scheduling::v1::AppointmentBooked>();
        check::<scheduling::v1::AppointmentRescheduled>();
        check::<scheduling::v1::AppointmentCancelled>();
        check::<scheduling::v1::AppointmentAttended>();
        check::<scheduling::v1::AppointmentMissed>();
        check::<notice::v1::NoticeSent>();
        check::<notice::v1::NoticeFailed>();
        check::<notice::v1::NoticeUncertain>();
        check::<notice::v1::ContactStopped>();
        check::<inquiry::v1::InquiryAmended>();
    }

    #[test]
    fn a_decoded_event_is_the_one_that_was_encoded_and_rubbish_is_refused() {
        let event = routing::v1::ResponseMissed { inquiry_id: "x".into(), level: 2, ..Default::default() };
        let wire = fact("lakeside", &event);
        assert_eq!(wire.subject, "causeway.v1.lakeside.response.missed");
        assert_eq!(decode::<routing::v1::ResponseMissed>(&wire.payload).expect("readable"), event);
        assert!(decode::<routing::v1::ResponseMissed>(&[0xff, 0xff, 0xff]).is_err());
    }
}
