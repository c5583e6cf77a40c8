//! Who asks, and the parts of a request that must be right before anything is looked up.

use causeway_auth::{Action, Actor, ActorKind, fingerprint, policy};
use causeway_funnel::ids::InquiryId;
use causeway_funnel::stage::VisitReason;
use causeway_proto::error::Reason;
use causeway_serve::{Code, caller};
use tonic::{Request, Status};
use uuid::Uuid;

use crate::domain::appointment::By;
use crate::domain::slot_id::SlotId;

/// Longest idempotency key.
const LONGEST_KEY: usize = 200;

/// Who asks, already allowed to ask for this action in this center.
#[derive(Debug, Clone)]
pub struct Asker {
    actor: Actor,
}

impl Asker {
    /// The asker of a request.
    ///
    /// # Errors
    /// When nobody is known to ask, or the policy refuses.
    pub fn of<T>(request: &Request<T>, action: Action, center: &str) -> Result<Self, Status> {
        let actor = caller(request)?.accountable();
        policy::may(&actor, action, center).map_err(|cause| Code::PermissionDenied.status(cause.to_string()))?;
        Ok(Self { actor })
    }

    /// Whether it is a patient, by their link.
    pub fn is_patient(&self) -> bool {
        self.actor.kind == ActorKind::Patient
    }

    /// Whether the appointments of this inquiry are their business: a patient has one inquiry.
    pub fn may_touch(&self, inquiry_id: Uuid) -> bool {
        !self.is_patient() || self.actor.id.parse::<InquiryId>().is_ok_and(|own| own.0 == inquiry_id)
    }

    /// Refuses a patient who names another inquiry, before anything is looked up.
    pub fn must_touch(&self, inquiry_id: Uuid) -> Result<(), Status> {
        if self.may_touch(inquiry_id) {
            return Ok(());
        }
        Err(Code::PermissionDenied.status("the link is for another inquiry"))
    }

    /// Refuses everybody but staff: what became of a visit is the clinic's word.
    pub fn must_be_staff(&self) -> Result<(), Status> {
        if self.actor.kind == ActorKind::Staff {
            return Ok(());
        }
        Err(Code::PermissionDenied.status("attendance is recorded by staff of the center"))
    }

    /// On whose wish a change is made.
    pub fn by(&self) -> By {
        if self.is_patient() { By::Patient } else { By::Center }
    }

    /// As [`Self::by`], or what staff say; a patient speaks for nobody else.
    pub fn by_or(&self, said: &str) -> Result<By, Status> {
        if self.is_patient() || said.is_empty() {
            return Ok(self.by());
        }
        said.parse().map_err(|_| Reason::FieldFault.status("field by: write patient or center, or leave it empty"))
    }
}

/// The inquiry of a request.
pub fn inquiry_id(text: &str) -> Result<Uuid, Status> {
    let id: Result<InquiryId, _> = text.parse();
    id.map(|id| id.0).map_err(|cause| Reason::FieldFault.status(format!("field inquiry_id: {cause}")))
}

/// The appointment of a request.
pub fn appointment_id(text: &str) -> Result<Uuid, Status> {
    Uuid::parse_str(text).map_err(|_| Reason::FieldFault.status("field appointment_id: not an appointment's id"))
}

/// The slot of a request.
pub fn slot_id(text: &str) -> Result<SlotId, Status> {
    text.parse().map_err(|cause| Reason::FieldFault.status(format!("field slot_id: {cause}")))
}

/// What is kept of the key of a booking, which may be somebody's name.
pub fn idempotency_key(text: String) -> Result<String, Status> {
    if text.is_empty() || text.len() > LONGEST_KEY {
        let what =
            format!("field idempotency_key: send a key of 1 to {LONGEST_KEY} characters, the same one for a repeat");
        return Err(Reason::FieldFault.status(what));
    }
    Ok(fingerprint([text.as_str()]))
}

/// The reason of a change. It travels in events, where free text could tell about a person: a word of the list alone.
pub fn reason(text: String) -> Result<String, Status> {
    if text.parse::<VisitReason>().is_err() {
        let words: Vec<&str> = VisitReason::ALL.iter().map(|reason| reason.as_str()).collect();
        return Err(Reason::FieldFault.status(format!("field reason: send one of {}", words.join(", "))));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use causeway_auth::Role;

    fn asker(actor: Actor) -> Asker {
        Asker { actor }
    }

    #[test]
    fn a_patient_touches_their_own_inquiry_alone_and_staff_touch_all() {
        let (own, other) = (Uuid::from_u128(1), Uuid::from_u128(2));
        for id in [own.to_string(), InquiryId(own).to_string()] {
            let patient = asker(Actor::patient(id, "north"));
            assert!(patient.may_touch(own) && !patient.may_touch(other));
            assert!(patient.must_be_staff().is_err());
        }
        assert!(!asker(Actor::patient("nonsense", "north")).may_touch(own));
        let staff = asker(Actor::staff("u1", "Sam", "north", vec![Role::Scheduler]));
        assert!(staff.may_touch(own) && staff.may_touch(other) && staff.must_be_staff().is_ok());
        assert!(asker(Actor::service("portal")).must_be_staff().is_err());
    }

    #[test]
    fn staff_may_say_that_the_patient_called_and_a_patient_speaks_for_themselves() {
        let staff = asker(Actor::staff("u1", "Sam", "north", vec![Role::Scheduler]));
        assert_eq!(staff.by_or("patient").unwrap(), By::Patient);
        assert_eq!(staff.by_or("").unwrap(), By::Center);
        assert!(staff.by_or("weather").is_err());
        assert_eq!(asker(Actor::patient("x", "north")).by_or("center").unwrap(), By::Patient);
    }

    #[test]
    fn a_reason_is_a_word_of_the_list_and_nothing_else() {
        for known in VisitReason::ALL {
            assert!(reason(known.as_str().to_owned()).is_ok());
        }
        for text in ["", "I have chemo that day", "ms_doe_has_cancer", "TIME_DOES_NOT_FIT", "x".repeat(61).as_str()] {
            let refused = reason(text.to_owned()).expect_err("refused");
            assert!(refused.message().contains("time_does_not_fit, no_ride"), "{text}: {refused}");
            assert!(text.is_empty() || !refused.message().contains(text), "{text}");
        }
    }
}
