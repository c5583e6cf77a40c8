//! A refusal over HTTP: `application/problem+json` as RFC 9457 defines it.
//!
//! Deliberately not here: pages for people (portal); this is for machines.

use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use serde::Serialize;
use tonic::Status;
use tonic_types::StatusExt;

use crate::code::Code;

/// One field that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FieldProblem {
    /// Which one, by its path in the request.
    pub field: String,
    /// Why, and what would be right; never the value.
    pub reason: String,
}

/// A refusal with its reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Which refusal.
    pub code: Code,
    /// What was tried and what to do.
    pub detail: String,
    /// Fields that are wrong.
    pub fields: Vec<FieldProblem>,
}

impl Problem {
    /// A refusal with its reason.
    pub fn new(code: Code, detail: impl Into<String>) -> Self {
        Self { code, detail: detail.into(), fields: Vec::new() }
    }

    /// 400 stands for what can't be read; where it could, the fields are named, and it is 422 as the contract's reasons have it.
    fn http(&self) -> StatusCode {
        match self.code {
            Code::InvalidArgument if !self.fields.is_empty() => StatusCode::UNPROCESSABLE_ENTITY,
            code => code.http(),
        }
    }

    /// Adds a field that is wrong.
    #[must_use]
    pub fn with_field(mut self, field: impl Into<String>, reason: impl Into<String>) -> Self {
        self.fields.push(FieldProblem { field: field.into(), reason: reason.into() });
        self
    }
}

#[derive(Serialize)]
struct Body<'a> {
    r#type: &'static str,
    title: &'static str,
    status: u16,
    detail: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    reason: &'static str,
    #[serde(skip_serializing_if = "<[FieldProblem]>::is_empty")]
    errors: &'a [FieldProblem],
}

impl Body<'_> {
    fn answer(&self, status: StatusCode) -> Response {
        let mut response = (status, serde_json::to_vec(self).unwrap_or_default()).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        response
    }
}

/// An answer of a router that refuses before any handler was asked, as a problem; any other as it is.
pub fn of_router(response: Response) -> Response {
    let kind = response.headers().get(header::CONTENT_TYPE);
    let is_bare = kind.is_none_or(|kind| kind.as_bytes().starts_with(b"text/plain"));
    let (title, detail, reason) = match response.status() {
        StatusCode::PAYLOAD_TOO_LARGE if is_bare => {
            ("too large", "the body is larger than this door takes: send less at once", "unreadable")
        }
        StatusCode::METHOD_NOT_ALLOWED if is_bare => {
            ("no such method here", "send it by a method that Allow names", "method_not_allowed")
        }
        _ => return response,
    };
    let status = response.status();
    let body = Body { r#type: "about:blank", title, status: status.as_u16(), detail, reason, errors: &[] };
    let mut told = body.answer(status);
    // Which methods there are, for one.
    let kept =
        response.headers().iter().filter(|(name, _)| ![header::CONTENT_TYPE, header::CONTENT_LENGTH].contains(name));
    told.headers_mut().extend(kept.map(|(name, value)| (name.clone(), value.clone())));
    told
}

impl From<Status> for Problem {
    /// A peer's refusal as ours: its message and its field violations, but nothing of what went wrong inside.
    fn from(status: Status) -> Self {
        let code = Code::of(&status);
        let detail = match code {
            Code::Internal => "try again, and tell us if it happens again",
            Code::Unavailable | Code::DeadlineExceeded => "try again in a moment",
            _ => status.message(),
        };
        let fields = status.get_details_bad_request().map(|details| details.field_violations).unwrap_or_default();
        fields.into_iter().fold(Self::new(code, detail), |problem, violation| {
            problem.with_field(violation.field, violation.description)
        })
    }
}

impl From<causeway_auth::Refused> for Problem {
    fn from(refused: causeway_auth::Refused) -> Self {
        Self::new(Code::PermissionDenied, refused.to_string())
    }
}

impl From<Problem> for Status {
    fn from(problem: Problem) -> Self {
        if problem.fields.is_empty() {
            return problem.code.status(problem.detail);
        }
        let violations: Vec<_> = problem
            .fields
            .into_iter()
            .map(|field| tonic_types::FieldViolation::new(field.field, field.reason))
            .collect();
        let mut details = tonic_types::ErrorDetails::new();
        details.set_bad_request(violations);
        Self::with_error_details(problem.code.grpc(), problem.detail, details)
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = self.http();
        let body = Body {
            r#type: "about:blank",
            title: self.code.title(),
            status: status.as_u16(),
            detail: &self.detail,
            reason: "",
            errors: &self.fields,
        };
        let mut response = body.answer(status);
        let headers = response.headers_mut();
        if self.code == Code::Unauthenticated {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if matches!(self.code, Code::ResourceExhausted | Code::Unavailable) {
            headers.insert(header::RETRY_AFTER, HeaderValue::from_static("5"));
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http_body_util::BodyExt;

    #[test]
    fn fields_survive_the_way_over_grpc() {
        let problem = Problem::new(Code::InvalidArgument, "two answers need repair")
            .with_field("phone", "write it with the area code")
            .with_field("birth_date", "write it as year-month-day");
        assert_eq!(Problem::from(Status::from(problem.clone())), problem);
    }

    #[test]
    fn what_went_wrong_inside_a_peer_is_not_told_outside() {
        let problem = Problem::from(Status::internal("relation people does not exist"));
        assert!(!problem.detail.contains("people"));
    }

    #[test]
    fn what_can_not_be_read_is_400_and_a_field_that_is_wrong_is_422() {
        let problem = Problem::new(Code::InvalidArgument, "not JSON");
        assert_eq!(problem.clone().into_response().status(), 400);
        assert_eq!(problem.with_field("phone", "write it with the area code").into_response().status(), 422);
    }

    #[tokio::test]
    async fn a_problem_is_an_rfc_9457_answer() {
        let response = Problem::new(Code::FailedPrecondition, "records are missing").into_response();
        assert_eq!(response.status(), 409);
        assert_eq!(response.headers()[header::CONTENT_TYPE], "application/problem+json");
        let body = response.into_body().collect().await.expect("body").to_bytes();
        let body: serde_json::Value = serde_json::from_slice(&body).expect("json");
        assert_eq!(body["status"], 409);
        assert_eq!(body["detail"], "records are missing");
        assert!(body.get("errors").is_none());
    }
}
