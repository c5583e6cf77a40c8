//! The closed list of refusals, each with its gRPC and HTTP status.
//!
//! A caller can rely on the stable word in `reason`; the sentence may change. Deliberately absent: anything about the
//! person whom the refused call was about.

use std::fmt;

macro_rules! reasons {
    ($($(#[$doc:meta])* $name:ident = $word:literal, $grpc:literal, $http:literal;)+) => {
        /// Why a call was refused. Each one says what the caller can do.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Reason { $($(#[$doc])* $name,)+ }

        impl Reason {
            /// Every reason.
            pub const ALL: &'static [Self] = &[$(Self::$name,)+];

            /// Stable word of the reason, sent as `x-causeway-reason`.
            pub fn word(self) -> &'static str {
                match self { $(Self::$name => $word,)+ }
            }

            /// gRPC code of the reason (numbers of the gRPC specification).
            pub fn grpc(self) -> tonic::Code {
                match self { $(Self::$name => tonic::Code::from_i32($grpc),)+ }
            }

            /// HTTP status of the reason: 422 where a field of a readable request must change, else that of its gRPC code.
            pub fn http(self) -> u16 {
                match self { $(Self::$name => $http,)+ }
            }
        }
    };
}

// Each refusal once: the reason, its stable word, its gRPC code and its HTTP status.
reasons! {
    /// A field is missing or can't be read; the answer names it.
    FieldFault = "field_fault", 3, 422;
    /// No such center in this installation.
    UnknownCenter = "unknown_center", 5, 404;
    /// No such form, team, site, document kind or reason in the center's profile.
    UnknownName = "unknown_name", 3, 422;
    /// No such inquiry, appointment or notice in this center.
    NotFound = "not_found", 5, 404;
    /// The idempotency key was used with other content.
    KeyReused = "key_reused", 6, 409;
    /// Somebody else holds the inquiry or changed it since it was read.
    Conflict = "conflict", 10, 409;
    /// The slot is taken.
    SlotTaken = "slot_taken", 10, 409;
    /// The center's booking rule stands against it.
    BookingRule = "booking_rule", 9, 409;
    /// The inquiry is closed.
    Closed = "closed", 9, 409;
    /// The state does not allow this step.
    WrongState = "wrong_state", 9, 409;
    /// The center's profile is not known to this service yet.
    NotReady = "not_ready", 14, 503;
}

impl Reason {
    /// A gRPC status with the reason's code, its stable word in the metadata, and a sentence for people.
    pub fn status(self, sentence: impl Into<String>) -> tonic::Status {
        let mut status = tonic::Status::new(self.grpc(), sentence);
        status.metadata_mut().insert("x-causeway-reason", tonic::metadata::MetadataValue::from_static(self.word()));
        status
    }

    /// The reason that a status carries, if it is one of ours.
    pub fn of(status: &tonic::Status) -> Option<Reason> {
        let word = status.metadata().get("x-causeway-reason")?.to_str().ok()?;
        Self::ALL.iter().copied().find(|reason| reason.word() == word)
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_survives_the_way_over_the_wire() {
        for reason in Reason::ALL {
            let status = reason.status("something to do");
            assert_eq!(Reason::of(&status), Some(*reason));
            assert_eq!(status.code(), reason.grpc());
        }
    }
}
