//! `POST /v1/centers/{center}/inquiries`: the door for web sites.
//!
//! 202 comes after the commit and never before. What was sent is never repeated in a refusal, because refusals end up in
//! other people's logs. Deliberately not here: feeds, which have doors of their own (so do phone systems, phone).

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use causeway_envelope::{TraceContext, header as envelope};
use causeway_funnel::contact;
use causeway_funnel::inquiry::{Attribution, Source, Urgency};
use causeway_serve::Code;
use http::{Extensions, HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::accept::Acceptance;
use super::answers::Answers;
use super::forms::offered;
use super::key::Key;
use super::limit::Door;
use super::proof::Seen;
use crate::adapters;
use crate::domain::submission::Submission;
use crate::domain::suspicion::Sign;
use crate::error::Refusal;
use crate::writer::Answer;

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
/// How soon a sender should come again, seconds.
const COME_AGAIN: HeaderValue = HeaderValue::from_static("5");

/// The routes of this door.
pub fn router(acceptance: Arc<Acceptance>) -> Router {
    Router::new().route("/v1/centers/{center}/inquiries", post(post_inquiry)).with_state(acceptance)
}

/// What a body has to be, for who sent another one.
const SHAPE: &str = "send \"form\" (a text) and \"answers\" (an object whose values are texts, numbers, true, false, null or \
                     lists of these, each name once); \"language\", \"attribution\", \"idempotency_key\" and \"proof\" may stand beside them";

/// Where the answers of a form stand in a body.
const ANSWERS: &str = "/answers";

/// The body of a request. PHI: no `Debug`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Body {
    form: String,
    #[serde(default)]
    language: Option<String>,
    answers: Answers,
    #[serde(default)]
    attribution: Option<Came>,
    #[serde(default)]
    idempotency_key: Option<String>,
    #[serde(default)]
    proof: Option<String>,
}

/// What attribution may tell.
const MEMBERS: [&str; 8] = [
    "landing_page",
    "campaign",
    "utm_campaign",
    "utm_source",
    "utm_medium",
    "utm_term",
    "utm_content",
    "referrer_host",
];

/// Attribution, and whether it has a member that this door does not know. No request for care is refused for it.
#[derive(Default)]
struct Came {
    told: Attribution,
    has_unknown: bool,
}

impl<'de> Deserialize<'de> for Came {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let told = serde_json::Map::deserialize(deserializer)?;
        let last = told.get("last").and_then(serde_json::Value::as_object);
        let mut names = told.keys().filter(|name| *name != "last").chain(last.into_iter().flat_map(|last| last.keys()));
        let has_unknown = names.any(|name| !MEMBERS.contains(&name.as_str()));
        let told = Attribution::deserialize(serde_json::Value::Object(told)).map_err(serde::de::Error::custom)?;
        Ok(Self { told, has_unknown })
    }
}

/// The body of a 202.
#[derive(Serialize)]
struct Accepted<'a> {
    inquiry_id: &'a str,
    reference: &'a str,
    received_at: Timestamp,
    repeated: bool,
    to_repair: Vec<Fault<'a>>,
    hints: Vec<Hint>,
}

/// Something that was taken as it is and may be a slip. The answer itself is not repeated: only what might stand there instead.
#[derive(Serialize)]
struct Hint {
    pointer: &'static str,
    field: &'static str,
    code: &'static str,
    suggestion: String,
}

/// A problem as RFC 9457 defines it, with the stable word and the fields beside it.
#[derive(Serialize)]
struct Problem<'a> {
    r#type: &'static str,
    title: &'static str,
    status: u16,
    detail: String,
    reason: &'static str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<Fault<'a>>,
}

#[derive(Serialize)]
struct Fault<'a> {
    field: &'a str,
    pointer: String,
    code: &'a str,
    message: &'a str,
}

impl<'a> Fault<'a> {
    /// A fault of a field, with its place in the body as a JSON pointer (RFC 6901): under which part, and its name.
    fn of((part, field): (&str, &'a str), code: &'a str, message: &'a str) -> Self {
        let pointer = format!("{part}/{}", field.replace('~', "~0").replace('/', "~1"));
        Self { field, pointer, code, message }
    }
}

async fn post_inquiry(
    State(acceptance): State<Arc<Acceptance>>,
    Path(center): Path<String>,
    headers: HeaderMap,
    extensions: Extensions,
    body: Result<Bytes, BytesRejection>,
) -> Response {
    let from = acceptance.limits.from(&headers, &extensions);
    let read = match from.map_or(Ok(()), |from| acceptance.limits.address(Door::Form, from)) {
        Ok(()) => read(center, &headers, body),
        Err(refusal) => Err(refusal),
    };
    let mut languages = None;
    let admit = |told: Told| {
        let mut submission = acceptance.admit(true, told.submission)?;
        if submission.language.is_empty() {
            submission.language = spoken(&acceptance, &submission.center, &headers);
        } else if let Some(in_force) = acceptance.profiles.current(&submission.center)
            && in_force.1.language(&submission.language).is_none()
        {
            languages = Some(in_force.1.center.languages.join(", "));
        }
        Ok(Told { submission, ..told })
    };
    let mut hints = Vec::new();
    let outcome = match read.and_then(admit) {
        Ok(Told { submission, proof, has_unknown }) => {
            hints = hints_of(&submission, has_unknown);
            hints.extend(languages.map(|suggestion| Hint {
                pointer: "/language",
                field: "language",
                code: "language_not_offered",
                suggestion,
            }));
            let often = from.filter(|from| acceptance.limits.is_often(*from)).map(|_| Sign::Often);
            let is_known = is_partner(&acceptance, &submission.center, &headers);
            let seen = Seen { signs: often.into_iter().collect(), proof, is_known, ..Seen::default() };
            acceptance.accept_public(submission, Some(seen), trace(&headers)).await
        }
        Err(refusal) => {
            acceptance.metrics.refused.with_label_values(&[refusal.word()]).inc();
            Err(refusal)
        }
    };
    outcome.map_or_else(|refusal| refusal.into_response(), |answer| accepted(&answer, hints))
}

/// Whether a request shows the key of one of the center's feeds.
fn is_partner(acceptance: &Acceptance, center: &str, headers: &HeaderMap) -> bool {
    let (Some(key), Some(in_force)) = (Key::told(headers), acceptance.profiles.current(center)) else { return false };
    let opened = in_force.1.feeds.feeds.iter().filter(|feed| key.opens(feed)).collect::<Vec<_>>();
    opened.iter().for_each(|feed| key.note(acceptance, center, &feed.id));
    !opened.is_empty()
}

/// The first language that a caller reads and the center offers; of a server that names none, nothing.
fn spoken(acceptance: &Acceptance, center: &str, headers: &HeaderMap) -> String {
    let in_force = acceptance.profiles.current(center);
    let found = in_force.as_ref().and_then(|in_force| offered(&in_force.1, headers));
    found.unwrap_or_default().to_owned()
}

/// A request as it is told. PHI: no `Debug`.
pub struct Told {
    /// What is submitted.
    pub submission: Submission,
    /// The proof of work beside it.
    pub proof: String,
    /// Whether its attribution has a member that this door does not know.
    pub has_unknown: bool,
}

/// What is submitted, and what stands beside it.
///
/// # Errors
/// The body is none that this door takes, or its key is none.
pub fn read(center: String, headers: &HeaderMap, body: Result<Bytes, BytesRejection>) -> Result<Told, Refusal> {
    let body = body.map_err(|_| Refusal::BadRequest("the body was cut off or is larger than this door takes"))?;
    let body: Body =
        serde_json::from_slice(adapters::without_mark(&body)).map_err(|cause| Refusal::unreadable(&cause, SHAPE))?;
    let came = body.attribution.unwrap_or_default();
    let submission = Submission {
        center,
        form_id: body.form,
        language: body.language.unwrap_or_default(),
        source: Source::WebForm,
        answers: body.answers.0,
        urgency: Urgency::default(),
        attribution: came.told,
        referring_office: None,
        idempotency_key: key(headers, body.idempotency_key)?,
        strict: false,
        missed_call: false,
    };
    Ok(Told { submission, proof: body.proof.unwrap_or_default(), has_unknown: came.has_unknown })
}

/// The key of the header or of the body; both where they agree.
fn key(headers: &HeaderMap, in_body: Option<String>) -> Result<Option<String>, Refusal> {
    let mut values = headers.get_all(IDEMPOTENCY_KEY).iter();
    let Some(value) = values.next() else { return Ok(in_body) };
    if values.any(|other| other != value) {
        return Err(Refusal::UnfitKey);
    }
    let text = value.to_str().map_err(|_| Refusal::UnfitKey)?.trim();
    // The header is a structured field: a string in quotes. Many senders leave them out.
    let text = text.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or(text);
    match in_body {
        Some(other) if other != text => Err(Refusal::UnfitKey),
        _ => Ok(Some(text.to_owned())),
    }
}

/// The request's span, or the sender's context where this process exports none.
pub fn trace(headers: &HeaderMap) -> TraceContext {
    let told = headers.get(envelope::TRACEPARENT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    TraceContext::current_or(&TraceContext::parse(told))
}

/// The domain of an e-mail address that is often typed wrongly: the person is best asked while they are still there. And that
/// attribution tells what nobody here reads: whoever made the site sees it when they try it.
fn hints_of(submission: &Submission, has_unknown: bool) -> Vec<Hint> {
    let read = submission.answers.get("email").and_then(|raw| contact::email("email", raw, "en").ok());
    let meant = read.and_then(|email| Some(email.hint?.rsplit_once('@')?.1.to_owned()));
    let hint = |suggestion| Hint { pointer: "/answers/email", field: "email", code: "domain_mistyped", suggestion };
    let known = || format!("{}, last", MEMBERS.join(", "));
    let unknown = has_unknown.then(|| Hint {
        pointer: "/attribution",
        field: "attribution",
        code: "member_unknown",
        suggestion: known(),
    });
    meant.map(hint).into_iter().chain(unknown).collect()
}

fn accepted(answer: &Answer, hints: Vec<Hint>) -> Response {
    let faults = answer.to_repair.iter();
    let faults = faults.map(|fault| Fault::of((ANSWERS, &fault.field), &fault.code, &fault.message));
    let body = Accepted {
        inquiry_id: &answer.inquiry_id,
        reference: &answer.reference,
        received_at: Timestamp::from_microsecond(answer.received_at).unwrap_or_default(),
        repeated: answer.repeated,
        to_repair: faults.collect(),
        hints,
    };
    json(StatusCode::ACCEPTED, "application/json", &body)
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        problem(&self, ANSWERS)
    }
}

/// A refusal as a problem; `part`: where the fields that it names stand in the body, as a JSON pointer.
pub fn problem(refusal: &Refusal, part: &str) -> Response {
    let status = StatusCode::from_u16(refusal.http()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let errors = refusal.faults().iter();
    let body = Problem {
        r#type: "about:blank",
        title: status.canonical_reason().unwrap_or(Code::Internal.title()),
        status: status.as_u16(),
        detail: refusal.to_string(),
        reason: refusal.word(),
        errors: errors.map(|fault| Fault::of((part, &fault.field), fault.code.as_str(), &fault.message)).collect(),
    };
    let mut response = json(status, "application/problem+json", &body);
    if status == StatusCode::UNAUTHORIZED {
        response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    if matches!(status, StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS) {
        let after = refusal.seconds().map_or(COME_AGAIN, HeaderValue::from);
        response.headers_mut().insert(header::RETRY_AFTER, after);
    }
    response
}

/// An answer in JSON that nobody keeps.
pub fn json(status: StatusCode, kind: &'static str, body: &impl Serialize) -> Response {
    // Structs of texts and numbers always serialise.
    let body = serde_json::to_vec(body).unwrap_or_default();
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static(kind)),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    ];
    (status, headers, body).into_response()
}

#[cfg(test)]
#[path = "http_tests.rs"]
mod tests;
