//! The closed list of refusals, each with its gRPC and its HTTP status.
//!
//! Deliberately not here: the domain's reasons, which the contract lists with the same statuses; a contract test holds both
//! lists together.

use http::StatusCode;
use tonic::Status;

/// Why a request was not done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Code {
    /// The request itself is wrong; the caller must change it.
    InvalidArgument,
    /// There is no such thing here.
    NotFound,
    /// It is there already.
    AlreadyExists,
    /// Somebody else changed it first; read again and decide again.
    Conflict,
    /// It is not possible in this state.
    FailedPrecondition,
    /// The caller is known and may not.
    PermissionDenied,
    /// The caller is not known.
    Unauthenticated,
    /// Too much, or too many; later it may work.
    ResourceExhausted,
    /// A part that is needed is not there at the moment; the same request may be sent again.
    Unavailable,
    /// It took too long; whether it was done is unknown.
    DeadlineExceeded,
    /// Our fault.
    Internal,
}

impl Code {
    /// Every code.
    pub const ALL: [Self; 11] = [
        Self::InvalidArgument,
        Self::NotFound,
        Self::AlreadyExists,
        Self::Conflict,
        Self::FailedPrecondition,
        Self::PermissionDenied,
        Self::Unauthenticated,
        Self::ResourceExhausted,
        Self::Unavailable,
        Self::DeadlineExceeded,
        Self::Internal,
    ];

    /// The gRPC code.
    pub fn grpc(self) -> tonic::Code {
        match self {
            Self::InvalidArgument => tonic::Code::InvalidArgument,
            Self::NotFound => tonic::Code::NotFound,
            Self::AlreadyExists => tonic::Code::AlreadyExists,
            Self::Conflict => tonic::Code::Aborted,
            Self::FailedPrecondition => tonic::Code::FailedPrecondition,
            Self::PermissionDenied => tonic::Code::PermissionDenied,
            Self::Unauthenticated => tonic::Code::Unauthenticated,
            Self::ResourceExhausted => tonic::Code::ResourceExhausted,
            Self::Unavailable => tonic::Code::Unavailable,
            Self::DeadlineExceeded => tonic::Code::DeadlineExceeded,
            Self::Internal => tonic::Code::Internal,
        }
    }

    /// The HTTP status.
    pub fn http(self) -> StatusCode {
        match self {
            Self::InvalidArgument => StatusCode::BAD_REQUEST,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::AlreadyExists | Self::Conflict | Self::FailedPrecondition => StatusCode::CONFLICT,
            Self::PermissionDenied => StatusCode::FORBIDDEN,
            Self::Unauthenticated => StatusCode::UNAUTHORIZED,
            Self::ResourceExhausted => StatusCode::TOO_MANY_REQUESTS,
            Self::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
            Self::DeadlineExceeded => StatusCode::GATEWAY_TIMEOUT,
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// A few words that fit every refusal of this code.
    pub fn title(self) -> &'static str {
        match self {
            Self::InvalidArgument => "the request is not valid",
            Self::NotFound => "not found",
            Self::AlreadyExists => "exists already",
            Self::Conflict => "changed by somebody else",
            Self::FailedPrecondition => "not possible in this state",
            Self::PermissionDenied => "not allowed",
            Self::Unauthenticated => "sign in first",
            Self::ResourceExhausted => "too many requests",
            Self::Unavailable => "not available at the moment",
            Self::DeadlineExceeded => "took too long",
            Self::Internal => "something went wrong on our side",
        }
    }

    /// The code of a gRPC status; codes outside our list are the peer's fault and so ours to the caller.
    pub fn of(status: &Status) -> Self {
        match status.code() {
            tonic::Code::InvalidArgument | tonic::Code::OutOfRange => Self::InvalidArgument,
            tonic::Code::NotFound => Self::NotFound,
            tonic::Code::AlreadyExists => Self::AlreadyExists,
            tonic::Code::Aborted => Self::Conflict,
            tonic::Code::FailedPrecondition => Self::FailedPrecondition,
            tonic::Code::PermissionDenied => Self::PermissionDenied,
            tonic::Code::Unauthenticated => Self::Unauthenticated,
            tonic::Code::ResourceExhausted => Self::ResourceExhausted,
            tonic::Code::Unavailable => Self::Unavailable,
            tonic::Code::DeadlineExceeded | tonic::Code::Cancelled => Self::DeadlineExceeded,
            _ => Self::Internal,
        }
    }

    /// A gRPC status with a message; peers log it, so it must not carry health information.
    pub fn status(self, message: impl Into<String>) -> Status {
        Status::new(self.grpc(), message)
    }

    /// Whether the same request may simply be sent again.
    pub fn is_transient(self) -> bool {
        matches!(self, Self::Unavailable | Self::DeadlineExceeded | Self::ResourceExhausted)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_survives_the_way_over_grpc() {
        for code in Code::ALL {
            assert_eq!(Code::of(&code.status("x")), code);
        }
    }

    #[test]
    fn every_code_is_an_error_in_http_and_only_our_faults_are_5xx() {
        for code in Code::ALL {
            let ours = matches!(code, Code::Internal | Code::Unavailable | Code::DeadlineExceeded);
            assert_eq!(code.http().is_server_error(), ours, "{code:?}");
            assert!(code.http().is_client_error() || ours);
        }
    }

    #[test]
    fn a_code_outside_the_list_is_internal() {
        assert_eq!(Code::of(&Status::data_loss("x")), Code::Internal);
        assert_eq!(Code::of(&Status::unimplemented("x")), Code::Internal);
    }
}
