//! The closed list of refusals, each with its gRPC and HTTP status.
//!
//! A caller can rely on the stable word in `reason`; the sentence may change. Deliberately absent: anything about the
//! person whom the refused call was about.

use std::fmt;

/// Why a call was refused. Each one says what the caller can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Reason {
    /// A field is missing or can't be read; the answer names it.
    FieldFault,
    /// No such center in this installation.
    UnknownCenter,
    /// No such form, team, site, document kind or reason in the center's profile.
    UnknownName,
    /// No such inquiry, appointment or notice in this center.
    NotFound,
    /// The idempotency key was used with other content.
    KeyReused,
    /// Somebody else holds the inquiry or changed it since it was read.
    Conflict,
    /// The slot is taken.
    SlotTaken,
    /// The center's booking rule stands against it.
    BookingRule,
    /// The inquiry is closed.
    Closed,
    /// The state does not allow this step.
    WrongState,
    /// The center's profile is not known to this service yet.
    NotReady,
}

/// Each refusal once: the reason, its stable word, its gRPC code (numbers of the gRPC specification) and its HTTP status.
pub const REASONS: &[(Reason, &str, i32, u16)] = &[
    (Reason::FieldFault, "field_fault", 3, 422),
    (Reason::UnknownCenter, "unknown_center", 5, 404),
    (Reason::UnknownName, "unknown_name", 3, 422),
    (Reason::NotFound, "not_found", 5, 404),
    (Reason::KeyReused, "key_reused", 6, 409),
    (Reason::Conflict, "conflict", 10, 409),
    (Reason::SlotTaken, "slot_taken", 10, 409),
    (Reason::BookingRule, "booking_rule", 9, 422),
    (Reason::Closed, "closed", 9, 409),
    (Reason::WrongState, "wrong_state", 9, 409),
    (Reason::NotReady, "not_ready", 14, 503),
];

impl Reason {
    fn row(self) -> &'static (Reason, &'static str, i32, u16) {
        // The test below proves that each reason stands in the table.
        REASONS.iter().find(|row| row.0 == self).unwrap_or(&REASONS[0])
    }

    /// Stable word of the reason, sent as `x-causeway-reason`.
    pub fn word(self) -> &'static str {
        self.row().1
    }

    /// HTTP status of the reason.
    pub fn http(self) -> u16 {
        self.row().3
    }

    /// A gRPC status with the reason's code, its stable word in the metadata, and a sentence for people.
    pub fn status(self, sentence: impl Into<String>) -> tonic::Status {
        let mut status = tonic::Status::new(tonic::Code::from_i32(self.row().2), sentence);
        status.metadata_mut().insert("x-causeway-reason", tonic::metadata::MetadataValue::from_static(self.word()));
        status
    }

    /// The reason that a status carries, if it is one of ours.
    pub fn of(status: &tonic::Status) -> Option<Reason> {
        let word = status.metadata().get("x-causeway-reason")?.to_str().ok()?;
        REASONS.iter().find(|row| row.1 == word).map(|row| row.0)
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
        for (reason, word, code, _) in REASONS {
            let status = reason.status("something to do");
            assert_eq!(Reason::of(&status), Some(*reason));
            assert_eq!(status.code() as i32, *code);
            assert_eq!(reason.word(), *word);
        }
    }
}
