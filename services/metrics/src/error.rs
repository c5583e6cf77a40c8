//! Why a question could not be answered, and what the caller is told.
//!
//! Deliberately not here: why an event could not be applied; that is an outcome or a handler error of the mailbox.

use causeway_mailbox::TxError;
use causeway_serve::Code;
use tonic::Status;

/// A question failed by no fault of the caller.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The database.
    #[error(transparent)]
    Tx(#[from] TxError),
}

impl From<sqlx::Error> for Error {
    fn from(cause: sqlx::Error) -> Self {
        Self::Tx(TxError::Database(cause))
    }
}

impl From<Error> for Status {
    fn from(cause: Error) -> Self {
        let Error::Tx(inner) = &cause;
        if inner.is_transient() {
            return Code::Unavailable.status("metrics can not reach its database at the moment; ask again");
        }
        tracing::error!(%cause, "question could not be answered");
        Code::Internal.status("metrics could not answer; see its log")
    }
}
