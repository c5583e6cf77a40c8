//! Why a call could not be answered, and which refusal of the contract that is.
//!
//! Deliberately not here: anything about the person whom the refused call was about.

use causeway_auth::audit::AuditError;
use causeway_auth::{Refused, SealError};
use causeway_mailbox::{HandlerError, TxError};
use causeway_proto::error::Reason;
use causeway_serve::Code;
use tonic::Status;

use crate::domain::{ItemFault, NoteFault, Refusal};

/// Why a call could not be answered.
#[derive(Debug, thiserror::Error)]
pub enum DeskError {
    /// The database refused or could not be reached.
    #[error(transparent)]
    Tx(#[from] TxError),
    /// The decision was against it.
    #[error(transparent)]
    Refusal(#[from] Refusal),
    /// A field of the note can't be saved.
    #[error(transparent)]
    NoteFault(#[from] NoteFault),
    /// The answers of an audit can't be taken.
    #[error(transparent)]
    ItemFault(#[from] ItemFault),
    /// The caller may not.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// The audit log could not be written.
    #[error(transparent)]
    Audit(#[from] AuditError),
    /// The note could not be sealed or opened.
    #[error(transparent)]
    Seal(#[from] SealError),
    /// The stored note is not what was sealed once.
    #[error("could not read an opened note; restore the table notes from a backup")]
    Note,
    /// No such inquiry in this center.
    #[error("no such inquiry in this center")]
    NotFound,
    /// Nothing waits for whoever asked for the next one.
    #[error("nothing is free in your teams at the moment; look at the worklist, or ask again later")]
    NothingFree,
    /// The center's profile is not known here yet.
    #[error("the profile of this center is not known yet; apply it with 'causeway center apply', then try again")]
    NotReady,
    /// The idempotency key was used for something else.
    #[error("the idempotency key was used for something else; take a new one")]
    KeyReused,
    /// No such center in this installation.
    #[error("no such center in this installation; use the id of a sister center, as in its center.toml")]
    UnknownCenter,
    /// A field of the request can't be read.
    #[error("{0}")]
    Field(&'static str),
    /// A name that the center's profile does not hold.
    #[error("{0}")]
    UnknownName(&'static str),
}

impl From<sqlx::Error> for DeskError {
    fn from(cause: sqlx::Error) -> Self {
        Self::Tx(TxError::Database(cause))
    }
}

impl From<DeskError> for HandlerError {
    fn from(cause: DeskError) -> Self {
        match cause {
            DeskError::Tx(cause) => Self::Tx(cause),
            other => Self::Failed(other.to_string()),
        }
    }
}

impl DeskError {
    /// The answer to the caller.
    pub fn status(self) -> Status {
        let text = self.to_string();
        match self {
            Self::Refusal(refusal) => reason_of(&refusal).status(text),
            Self::ItemFault(ItemFault::NoItem) => Reason::WrongState.status(text),
            Self::NoteFault(_) | Self::ItemFault(_) | Self::Field(_) => Reason::FieldFault.status(text),
            Self::UnknownName(_) => Reason::UnknownName.status(text),
            Self::NotFound | Self::NothingFree => Reason::NotFound.status(text),
            Self::NotReady => Reason::NotReady.status(text),
            Self::UnknownCenter => Reason::UnknownCenter.status(text),
            Self::KeyReused => Reason::KeyReused.status(text),
            Self::Refused(_) => Code::PermissionDenied.status(text),
            Self::Tx(TxError::BadCenter) => Reason::UnknownCenter.status("no such center in this installation"),
            Self::Tx(cause) if cause.is_transient() => {
                tracing::warn!(%cause, "answer a call; the caller may try again");
                Code::Unavailable.status("the desk's database does not answer at the moment; try again")
            }
            Self::Tx(_) | Self::Audit(_) | Self::Seal(_) | Self::Note => {
                tracing::error!(cause = %text, "answer a call");
                Code::Internal.status("the desk could not answer; see its log")
            }
        }
    }
}

fn reason_of(refusal: &Refusal) -> Reason {
    match refusal {
        Refusal::Closed => Reason::Closed,
        Refusal::Conflict(_) => Reason::Conflict,
        Refusal::WrongState(_) => Reason::WrongState,
        Refusal::UnknownName(_) => Reason::UnknownName,
        Refusal::FieldFault(_) | Refusal::TimeFault(_) => Reason::FieldFault,
    }
}
