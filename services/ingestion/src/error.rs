//! Why something was not accepted or not told: one list, said the same way over gRPC and HTTP.
//!
//! No variant carries an answer, so a refusal can be logged and counted. Deliberately not here: the statuses themselves
//! (the contract's reasons and the server's codes).

use causeway_funnel::contact::FieldFault;
use causeway_funnel::document::DocumentFault;
use causeway_mailbox::TxError;
use causeway_proto::error::Reason;
use causeway_serve::Code;
use tonic::Status;
use tonic_types::{ErrorDetails, FieldViolation, StatusExt as _};

/// A refusal.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// No profile of that name.
    #[error("no such center here; check the name in the address")]
    UnknownCenter,
    /// No profile at all yet.
    #[error("no center's profile has arrived yet; try again in a moment")]
    NotReady,
    /// Not a form of this center.
    #[error("the center has no such form; use one of its profile's forms")]
    UnknownForm,
    /// No form of that name in an address.
    #[error("no such form of this center; /v1/centers/CENTER/forms lists what there is")]
    NoSuchForm,
    /// Not a feed of this center.
    #[error("the center has no such referring office; use the id of one of its profile's feeds")]
    UnknownOffice,
    /// The key can't be kept.
    #[error(
        "the idempotency key must have 1 to 128 characters and no control characters, and be the same in header and body"
    )]
    UnfitKey,
    /// The body is no JSON of the expected shape. What stands there is not repeated.
    #[error("line {line}, column {column} of the body {fault}")]
    Unreadable {
        /// Line of the first fault.
        line: usize,
        /// Its column.
        column: usize,
        /// What is wrong there, and what this door takes.
        fault: String,
    },
    /// Answers that nobody could act on.
    #[error("some answers have to be repaired first; each is named")]
    Faults(Vec<FieldFault>),
    /// The key belongs to another request.
    #[error("the idempotency key was used with other content; use a new key for a new request")]
    KeyReused,
    /// The same event of the same call was told with other content.
    #[error("this event of the call was told before with other content; what is new is kept and waits for a person")]
    EventReused,
    /// Too many are waiting.
    #[error("too many requests are waiting at this center; try again in a moment")]
    Full,
    /// More came than one sender may send in a minute.
    #[error("more came from this {of} than is taken in a minute; send the same again in {seconds} seconds")]
    TooOften {
        /// Of what there were too many.
        of: &'static str,
        /// When the next is taken.
        seconds: u64,
    },
    /// Nothing was written.
    #[error("the record can not be written at the moment; send the same request again in a moment")]
    Unavailable,
    /// It may or may not have been written.
    #[error("it is not known whether the request was kept; send it again with the same idempotency key")]
    Unknown,
    /// The inquiry is not this center's or does not exist.
    #[error("no such inquiry in this center")]
    UnknownInquiry,
    /// A word or id of the request is none.
    #[error("{0}")]
    BadRequest(&'static str),
    /// The caller may not.
    #[error("{0}")]
    Denied(String),
    /// No key, or one that is nobody's.
    #[error("send the feed's key as 'authorization: Bearer KEY'; this one is missing or unknown")]
    NoKey,
    /// The body is no text.
    #[error("{0}")]
    NotCsv(&'static str),
    /// The file is longer than this door takes.
    #[error("the file is longer than this door takes; send it in parts")]
    TooLong,
    /// The file was cut on the way.
    #[error("the file was cut on the way; send it again")]
    CutOff,
    /// No such file of this feed.
    #[error("no such file of this feed")]
    UnknownFile,
    /// No such subscription of this center.
    #[error("no such subscription in this center; 'causeway feeds subscriptions' lists them")]
    UnknownSubscription,
    /// A file that is not taken.
    #[error("{}", .0.label("en"))]
    Document(DocumentFault),
    /// No such document of this center, or of this inquiry.
    #[error("no such document of this inquiry")]
    UnknownDocument,
    /// Not a kind of document of this center.
    #[error("the center has no such kind of document; use an id of its records.toml")]
    UnknownRecordKind,
    /// Somebody else did the same at the same moment.
    #[error("the same was done by somebody else at this moment; try again")]
    Conflict,
    /// The file is not where it would have to be.
    #[error("{0}")]
    WrongState(&'static str),
    /// Our fault.
    #[error("something went wrong on our side; try again, and tell us the request id")]
    Internal,
}

/// Where the answer's statuses come from.
enum Class {
    Reason(Reason),
    Code(Code),
}

impl Refusal {
    /// A body that is not of the wanted `shape`. What the parser says may quote the body, so only the place is told.
    pub fn unreadable(cause: &serde_json::Error, shape: &str) -> Self {
        let fault = match cause.classify() {
            serde_json::error::Category::Data => format!("is not what this door takes: {shape}"),
            serde_json::error::Category::Eof => "breaks off there; send the whole of it".to_owned(),
            _ => "is no JSON there; mend it and send it again".to_owned(),
        };
        Self::Unreadable { line: cause.line(), column: cause.column(), fault }
    }

    fn class(&self) -> Class {
        match self {
            Self::UnknownCenter => Class::Reason(Reason::UnknownCenter),
            Self::NotReady => Class::Reason(Reason::NotReady),
            Self::UnknownForm | Self::UnknownOffice | Self::UnknownRecordKind => Class::Reason(Reason::UnknownName),
            Self::UnfitKey | Self::Faults(_) | Self::Document(_) => Class::Reason(Reason::FieldFault),
            Self::KeyReused | Self::EventReused => Class::Reason(Reason::KeyReused),
            Self::UnknownInquiry
            | Self::UnknownFile
            | Self::UnknownDocument
            | Self::UnknownSubscription
            | Self::NoSuchForm => Class::Reason(Reason::NotFound),
            Self::Conflict => Class::Reason(Reason::Conflict),
            Self::WrongState(_) => Class::Reason(Reason::WrongState),
            Self::NoKey => Class::Code(Code::Unauthenticated),
            Self::Unreadable { .. } | Self::BadRequest(_) | Self::NotCsv(_) | Self::TooLong | Self::CutOff => {
                Class::Code(Code::InvalidArgument)
            }
            Self::Denied(_) => Class::Code(Code::PermissionDenied),
            Self::Full | Self::TooOften { .. } => Class::Code(Code::ResourceExhausted),
            Self::Unavailable | Self::Unknown => Class::Code(Code::Unavailable),
            Self::Internal => Class::Code(Code::Internal),
        }
    }

    /// HTTP status.
    pub fn http(&self) -> u16 {
        match (self, self.class()) {
            (Self::NotCsv(_), _) => 415,
            (Self::TooLong, _) => 413,
            (_, Class::Reason(reason)) => reason.http(),
            (_, Class::Code(code)) => code.http().as_u16(),
        }
    }

    /// A stable word, for callers and for counting.
    pub fn word(&self) -> &'static str {
        match self.class() {
            _ if self.seconds().is_some() => "too_often",
            Class::Reason(reason) => reason.word(),
            Class::Code(Code::InvalidArgument) => "unreadable",
            Class::Code(Code::PermissionDenied) => "denied",
            Class::Code(Code::Unauthenticated) => "no_key",
            Class::Code(Code::ResourceExhausted) => "full",
            Class::Code(Code::Unavailable) => "unavailable",
            Class::Code(_) => "internal",
        }
    }

    /// In how many seconds it may be sent again, where that is known.
    pub fn seconds(&self) -> Option<u64> {
        match self {
            Self::TooOften { seconds, .. } => Some(*seconds),
            _ => None,
        }
    }

    /// The fields to repair.
    pub fn faults(&self) -> &[FieldFault] {
        match self {
            Self::Faults(faults) => faults,
            _ => &[],
        }
    }
}

impl Refusal {
    /// The fields to repair, as gRPC tells them.
    fn violations(&self) -> Vec<FieldViolation> {
        let violation = |field: &str, message: &str, code: &str| {
            let mut violation = FieldViolation::new(field, message);
            code.clone_into(&mut violation.reason);
            violation
        };
        match self {
            Self::Document(fault) => vec![violation("file", fault.label("en"), fault.as_str())],
            _ => self.faults().iter().map(|one| violation(&one.field, &one.message, one.code.as_str())).collect(),
        }
    }
}

impl From<Refusal> for Status {
    fn from(refusal: Refusal) -> Self {
        let plain = match refusal.class() {
            Class::Reason(reason) => reason.status(refusal.to_string()),
            Class::Code(code) => code.status(refusal.to_string()),
        };
        let violations = refusal.violations();
        if violations.is_empty() {
            return plain;
        }
        let mut details = ErrorDetails::new();
        details.set_bad_request(violations);
        Self::with_error_details_and_metadata(plain.code(), plain.message(), details, plain.metadata().clone())
    }
}

impl From<&TxError> for Refusal {
    fn from(cause: &TxError) -> Self {
        match cause {
            TxError::CommitUnknown => Self::Unknown,
            cause if cause.is_transient() => Self::Unavailable,
            _ => Self::Internal,
        }
    }
}

impl From<TxError> for Refusal {
    fn from(cause: TxError) -> Self {
        let refusal = Self::from(&cause);
        if refusal == Self::Internal {
            tracing::error!(%cause, "use the database; see its log");
        }
        refusal
    }
}

impl From<sqlx::Error> for Refusal {
    fn from(cause: sqlx::Error) -> Self {
        TxError::Database(cause).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use causeway_funnel::contact::FaultCode;

    #[test]
    fn named_faults_travel_over_grpc_with_their_words_and_the_reason() {
        let fault = FieldFault::new("phone", FaultCode::PhoneLength, "en");
        let status = Status::from(Refusal::Faults(vec![fault.clone()]));
        assert_eq!((status.code(), Reason::of(&status)), (tonic::Code::InvalidArgument, Some(Reason::FieldFault)));
        let told = status.get_details_bad_request().expect("fields are named").field_violations;
        assert_eq!((told[0].field.as_str(), told[0].reason.as_str()), ("phone", "phone_length"));
        assert_eq!(told[0].description, fault.message);
    }

    #[test]
    fn each_refusal_has_the_status_that_its_caller_can_act_on() {
        let expected = [
            (Refusal::UnknownCenter, 404, tonic::Code::NotFound),
            (Refusal::KeyReused, 409, tonic::Code::AlreadyExists),
            (Refusal::EventReused, 409, tonic::Code::AlreadyExists),
            (Refusal::Faults(Vec::new()), 422, tonic::Code::InvalidArgument),
            (Refusal::UnfitKey, 422, tonic::Code::InvalidArgument),
            (Refusal::Full, 429, tonic::Code::ResourceExhausted),
            (Refusal::TooOften { of: "form", seconds: 2 }, 429, tonic::Code::ResourceExhausted),
            (Refusal::Unavailable, 503, tonic::Code::Unavailable),
            (Refusal::Unknown, 503, tonic::Code::Unavailable),
            (Refusal::NotReady, 503, tonic::Code::Unavailable),
            (Refusal::Unreadable { line: 1, column: 2, fault: String::new() }, 400, tonic::Code::InvalidArgument),
            (Refusal::Internal, 500, tonic::Code::Internal),
            (Refusal::NoKey, 401, tonic::Code::Unauthenticated),
            (Refusal::Denied(String::new()), 403, tonic::Code::PermissionDenied),
            (Refusal::UnknownFile, 404, tonic::Code::NotFound),
            (Refusal::UnknownDocument, 404, tonic::Code::NotFound),
            (Refusal::Document(DocumentFault::Program), 422, tonic::Code::InvalidArgument),
            (Refusal::NoSuchForm, 404, tonic::Code::NotFound),
            (Refusal::WrongState(""), 409, tonic::Code::FailedPrecondition),
            (Refusal::TooLong, 413, tonic::Code::InvalidArgument),
            (Refusal::NotCsv(""), 415, tonic::Code::InvalidArgument),
            (Refusal::CutOff, 400, tonic::Code::InvalidArgument),
        ];
        for (refusal, http, grpc) in expected {
            assert_eq!((refusal.http(), Status::from(refusal.clone()).code()), (http, grpc), "{refusal:?}");
        }
    }

    #[test]
    fn a_file_that_is_not_taken_is_told_as_the_field_file_with_its_word() {
        let status = Status::from(Refusal::Document(DocumentFault::Locked));
        let told = status.get_details_bad_request().expect("the field is named").field_violations;
        assert_eq!((told[0].field.as_str(), told[0].reason.as_str()), ("file", "locked"));
        assert_eq!(Reason::of(&status), Some(Reason::FieldFault));
    }

    #[test]
    fn an_unanswered_commit_is_never_called_a_failure() {
        assert_eq!(Refusal::from(&TxError::CommitUnknown), Refusal::Unknown);
        assert_eq!(Refusal::from(&TxError::Database(sqlx::Error::PoolTimedOut)), Refusal::Unavailable);
        assert_eq!(Refusal::from(&TxError::Panicked), Refusal::Internal);
    }
}
