//! Why a question could not be answered, and what the caller is told.
//!
//! Deliberately not here: why an event could not be applied; that is an outcome or a handler error of the mailbox.

use causeway_mailbox::TxError;
use causeway_proto::events::Unreadable;
use causeway_serve::Code;
use tonic::Status;

/// A question failed by no fault of the caller.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The database.
    #[error(transparent)]
    Tx(#[from] TxError),
    /// What was stored with a decision can't be read.
    #[error("facts stored with a decision can not be read: {0}")]
    Facts(#[from] Unreadable),
}

impl From<sqlx::Error> for Error {
    fn from(cause: sqlx::Error) -> Self {
        Self::Tx(TxError::Database(cause))
    }
}

impl From<Error> for Status {
    fn from(cause: Error) -> Self {
        match &cause {
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
