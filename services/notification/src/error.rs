//! How a failed transaction looks to a caller.

use causeway_mailbox::TxError;
use causeway_serve::Code;
use tonic::Status;

/// Nothing of the cause is told: it names tables, and the caller can do nothing with it but ask again.
pub fn refused(cause: &TxError) -> Status {
    if matches!(cause, TxError::BadCenter) {
        return causeway_proto::error::Reason::UnknownCenter.status("no such center");
    }
    tracing::warn!(%cause, "answer a call; the caller is asked to try again");
    if cause.is_transient() {
        Code::Unavailable.status("the database does not answer; try again shortly")
    } else {
        Code::Internal.status("the database refused; an operator finds the cause in the log")
    }
}
