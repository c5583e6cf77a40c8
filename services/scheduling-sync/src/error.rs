//! Why a call failed, and the status that the caller gets for it.
//!
//! A refusal is a sentence for the caller; a failure of ours is logged here, once, and told in general words.

use causeway_mailbox::TxError;
use causeway_proto::error::Reason;
use causeway_proto::events::Unreadable;
use causeway_serve::Code;
use tonic::Status;

use crate::domain::refusal::Refused;

/// Why a call failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The transaction did not happen, or it is unknown whether it did.
    #[error(transparent)]
    Tx(#[from] TxError),
    /// A rule or a state stands against it.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// A stored row is not what this service writes.
    #[error("stored {what} can not be read; compare the row with what the migrations describe")]
    Corrupt {
        /// Which part.
        what: &'static str,
    },
}

impl From<sqlx::Error> for Error {
    fn from(cause: sqlx::Error) -> Self {
        Self::Tx(TxError::Database(cause))
    }
}

impl From<Unreadable> for Error {
    fn from(_: Unreadable) -> Self {
        Self::Corrupt { what: "facts of an inquiry" }
    }
}

impl From<Error> for Status {
    fn from(cause: Error) -> Self {
        match cause {
            Error::Refused(refused) => reason(&refused).status(refused.to_string()),
            Error::Tx(TxError::BadCenter) => Reason::UnknownCenter.status("no such center"),
            Error::Tx(TxError::CommitUnknown) => {
                Code::Unavailable.status("it may or may not be done; send the same request again")
            }
            Error::Tx(cause) if cause.is_transient() => {
                tracing::warn!(%cause, "call failed for the moment");
                Code::Unavailable.status("database is not available at the moment; send the same request again")
            }
            cause => {
                tracing::error!(%cause, "call failed");
                Code::Internal.status("call failed, see this service's log")
            }
        }
    }
}

/// The contract's reason of a refusal.
fn reason(refused: &Refused) -> Reason {
    match refused {
        Refused::Rule(_) | Refused::OtherVisit => Reason::BookingRule,
        Refused::Closed => Reason::Closed,
        Refused::HasAppointment { .. }
        | Refused::NotBooked { .. }
        | Refused::Begun { .. }
        | Refused::NotBegun { .. } => Reason::WrongState,
        Refused::TooFarAhead { .. } => Reason::FieldFault,
        Refused::SlotTaken { .. } => Reason::SlotTaken,
        Refused::KeyReused => Reason::KeyReused,
        Refused::NoSuchAppointment => Reason::NotFound,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tonic::Code as Grpc;

    #[test]
    fn a_lost_race_is_aborted_a_rule_is_a_precondition_and_a_broken_row_is_ours() {
        let code = |cause: Error| Status::from(cause).code();
        assert_eq!(code(Refused::SlotTaken { inquiry_id: uuid::Uuid::nil() }.into()), Grpc::Aborted);
        assert_eq!(code(Refused::TooFarAhead { days: 60 }.into()), Grpc::InvalidArgument);
        assert_eq!(code(Refused::Closed.into()), Grpc::FailedPrecondition);
        assert_eq!(code(Refused::OtherVisit.into()), Grpc::FailedPrecondition);
        assert_eq!(code(Refused::KeyReused.into()), Grpc::AlreadyExists);
        assert_eq!(code(Refused::NoSuchAppointment.into()), Grpc::NotFound);
        assert_eq!(code(TxError::CommitUnknown.into()), Grpc::Unavailable);
        assert_eq!(code(TxError::BadCenter.into()), Grpc::NotFound);
        assert_eq!(code(Error::Corrupt { what: "state" }), Grpc::Internal);
    }
}
