//! `PUT [base]/Task/[id]`: the office calls its referral off by the Task that it was answered with.
//!
//! The Task is the center's, so nothing else of it can be changed from outside, and nothing is undone at once: the withdrawal
//! waits for a person, like one by any other way. Deliberately not here: how a Task is read (adapters).

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, State};
use axum::response::Response;
use http::{HeaderMap, StatusCode, header};
use tracing::error;
use uuid::Uuid;

use super::ask;
use super::condition::is_version;
use super::format;
use super::read::{Read, read};
use super::told::versioned;
use super::{Door, refused, said};
use crate::adapters::fhir::fault::{Issue, Severity};
use crate::adapters::fhir::intake::{Topic, Withdrawal};
use crate::adapters::fhir::outcome::Line;
use crate::adapters::fhir::task::Standing;
use crate::error::Refusal;
use crate::handlers::keep;
use crate::writer::heard::PARKED;

/// Takes a withdrawal.
pub async fn task(
    State(door): State<Arc<Door>>,
    Path((center, id)): Path<(String, String)>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let read = match read(&door, &center, &headers, body, Some("Task")).await {
        Ok(read) => read,
        Err(response) => return *response,
    };
    let outcome = withdraw(&door, &read, &id, &headers).await;
    let metrics = &door.acceptance.metrics;
    let word = match &outcome {
        Ok(Ok(_)) => "accepted",
        Ok(Err(_)) => "error",
        Err(_) => "unavailable",
    };
    metrics.heard.with_label_values(&[read.sender.feed.id.as_str(), word]).inc();
    match outcome {
        Ok(Ok(standing)) => versioned(format::wished(&headers, StatusCode::OK, &standing.task()), &standing),
        Ok(Err((status, lines))) => said(status, &lines),
        Err(refusal) => refused(&refusal),
    }
}

type Refused = (StatusCode, Vec<Line>);

async fn withdraw(
    door: &Door,
    read: &Read,
    id: &str,
    headers: &HeaderMap,
) -> Result<Result<Standing, Refused>, Refusal> {
    const ABSENT: &str = "There is no such Task of yours here";
    const OTHER_ID: &str = "The id of the Task is another than that of the address";
    const ANOTHER: &str =
        "The Task is about another referral of yours than the one of the address: read it again and decide again";
    const NO_VERSION: &str = "Send the version of the Task that you have seen: If-Match with its ETag";
    const OTHER_VERSION: &str = "The Task has changed since you have seen it: read it again and decide again";
    const ENDED: &str = "The referral has ended: read the Task for how, and call the center where that is wrong";
    let refuse = |status, issue, words: &str| Ok(Err((status, vec![Line::new(Severity::Error, issue, words)])));
    let Topic::Withdrawal(told) = &read.intake.topic else {
        let told = crate::adapters::fhir::outcome::lines(&read.intake.faults);
        let status = crate::adapters::fhir::fault::status(&read.intake.faults);
        return Ok(Err((StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_REQUEST), told)));
    };
    if !told.id.eq_ignore_ascii_case(id) {
        return refuse(StatusCode::BAD_REQUEST, Issue::Invalid, OTHER_ID);
    }
    let known = match Uuid::parse_str(id) {
        Ok(id) => super::ask::of_feed(door, &read.sender, vec![id]).await?,
        Err(_) => Vec::new(),
    };
    let Some(standing) = known.into_iter().next() else {
        return refuse(StatusCode::NOT_FOUND, Issue::NotFound, ABSENT);
    };
    if is_about_another(door, read, told, standing.inquiry_id).await? {
        return refuse(StatusCode::UNPROCESSABLE_ENTITY, Issue::BusinessRule, ANOTHER);
    }
    // Whoever asks again because an answer was lost has seen an older version.
    if standing.is_withdrawn || standing.is_cancelled {
        return Ok(Ok(standing));
    }
    if standing.status().is_end() {
        return refuse(StatusCode::CONFLICT, Issue::Conflict, ENDED);
    }
    match headers.get(header::IF_MATCH).map(|told| told.to_str().unwrap_or_default()) {
        None => return refuse(StatusCode::PRECONDITION_REQUIRED, Issue::Required, NO_VERSION),
        Some(told) if !is_version(told, &standing.etag()) => {
            return refuse(StatusCode::PRECONDITION_FAILED, Issue::Conflict, OTHER_VERSION);
        }
        Some(_) => {}
    }
    let fate =
        keep::Fate { state: PARKED, reason: "referral_cancelled", inquiry_id: Some(standing.inquiry_id), early: None };
    let heard = read.heard_of_task(door, standing.inquiry_id, &standing.etag())?;
    match keep::message(&door.database, read.sender.center(), heard, fate).await? {
        keep::Kept::New => {}
        keep::Kept::Before(same) if same.inquiry_id == Some(standing.inquiry_id) => {}
        keep::Kept::Before(_) | keep::Kept::ControlIdReused => {
            error!(inquiry = %standing.inquiry_id, "a withdrawal is taken for another one's repeat");
            return Err(Refusal::Internal);
        }
    }
    Ok(Ok(read.known(door, standing.inquiry_id).await?))
}

/// Whether what a Task says leads to another referral of the office than its address does. Numbers and ids that lead nowhere are
/// the office's own.
async fn is_about_another(door: &Door, read: &Read, told: &Withdrawal, inquiry: Uuid) -> Result<bool, Refusal> {
    let focus: Option<Uuid> = told.focus.as_ref().and_then(|id| id.parse().ok());
    let others = focus.filter(|id| *id != inquiry).into_iter().collect();
    let mut found = ask::of_feed(door, &read.sender, others).await?;
    for number in &told.numbers {
        let numbered = ask::numbered(door, &read.sender, std::slice::from_ref(number)).await?;
        let is_named = numbered.iter().any(|one| one.inquiry_id == inquiry);
        found.extend(numbered.into_iter().filter(|_| !is_named));
    }
    Ok(!found.is_empty())
}
