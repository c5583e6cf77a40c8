//! Why a question could not be answered, and what the caller is told.
//!
//! Deliberately not here: why an event could not be applied; that is an outcome or a handler error of the mailbox.

use causeway_mailbox::{HandlerError, TxError};
use causeway_proto::error::Reason;
use causeway_proto::events::Unreadable;
use causeway_serve::Code;
use tonic::Status;

/// Why a question or command failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The database.
    #[error(transparent)]
    Tx(#[from] TxError),
    /// What was stored with a decision can't be read.
    #[error("facts stored with a decision can not be read: {0}")]
    Facts(#[from] Unreadable),
    /// What was asked for can't be done; the sentence says what can.
    #[error("{1}")]
    Refused(Reason, String),
    /// Something that a handler could not do either.
    #[error("{0}")]
    Failed(String),
}

/// A refusal in words for the caller.
pub(crate) fn refused(reason: Reason, sentence: impl Into<String>) -> Error {
    Error::Refused(reason, sentence.into())
}

/// A timer or an event has no caller who could be told.
impl From<Error> for HandlerError {
    fn from(cause: Error) -> Self {
        match cause {
            Error::Tx(inner) => inner.into(),
            other => Self::Failed(other.to_string()),
        }
    }
}

impl From<HandlerError> for Error {
    fn from(cause: HandlerError) -> Self {
        match cause {
            HandlerError::Tx(cause) => Self::Tx(cause),
            HandlerError::Failed(what) => Self::Failed(what),
        }
    }
}

impl From<sqlx::Error> for Error {
    fn from(cause: sqlx::Error) -> Self {
        Self::Tx(TxError::Database(cause))
    }
}

impl From<Error> for Status {
    fn from(cause: Error) -> Self {
        match &cause {
            Error::Refused(reason, sentence) => reason.status(sentence.clone()),
            Error::Tx(inner) if inner.is_transient() => {
                Code::Unavailable.status("routing can not reach its database at the moment; ask again")
            }
            _ => {
                tracing::error!(%cause, "question could not be answered");
                Code::Internal.status("routing could not answer; see its log")
            }
        }
    }
}
