//! `POST /v1/centers/{center}/calls`: the door for phone systems. One event of one call for each request.
//!
//! 202 comes after the commit and never before. What was sent is never repeated in a refusal. Deliberately not here: what an
//! event changes (take), and the page for people who take down a call (portal).

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{Path, State};
use axum::middleware::from_fn_with_state;
use axum::response::Response;
use axum::routing::post;
use causeway_funnel::contact::FieldFault;
use causeway_funnel::profile::FeedKind;
use causeway_mailbox::Database;
use http::{HeaderMap, StatusCode};
use serde::Serialize;
use uuid::Uuid;

use super::take::{self, Sender, Taken};
use crate::error::Refusal;
use crate::handlers::accept::Acceptance;
use crate::handlers::http::{json, problem, trace};
use crate::handlers::key;
use crate::handlers::limit::{self, Guard};

/// Where the fields of a body stand.
const FIELDS: &str = "";

/// What hears of calls.
pub struct Door {
    /// Where inquiries are prepared.
    pub acceptance: Arc<Acceptance>,
    /// The record.
    pub database: Database,
}

/// The routes of this door.
pub fn router(door: Arc<Door>) -> Router {
    let refuse = |refusal: &Refusal| problem(refusal, FIELDS);
    let guard = Guard { acceptance: Arc::clone(&door.acceptance), kind: FeedKind::Phone, refuse };
    Router::new()
        .route("/v1/centers/{center}/calls", post(post_call))
        .with_state(door)
        .layer(from_fn_with_state(guard, limit::partner))
}

/// The body of a 202.
#[derive(Serialize)]
struct Kept<'a> {
    call_id: Uuid,
    state: &'a str,
    result: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    waits_for: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    inquiry_id: Option<Uuid>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reference: Option<&'a str>,
    repeated: bool,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    unusable: &'a [FieldFault],
}

async fn post_call(
    State(door): State<Arc<Door>>,
    Path(center): Path<String>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Response {
    match take(&door, &center, &headers, body).await {
        Ok(taken) => kept(&taken),
        Err(refusal) => {
            door.acceptance.metrics.refused.with_label_values(&[refusal.word()]).inc();
            problem(&refusal, FIELDS)
        }
    }
}

async fn take(
    door: &Door,
    center: &str,
    headers: &HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Taken, Refusal> {
    const OTHERS: &str = "this key is of a feed that sends no calls, or of another center";
    let (in_force, feed) = key::admit(&door.acceptance, (center, None, FeedKind::Phone), headers, OTHERS)?;
    let body = body.map_err(|_| Refusal::BadRequest("the body was cut off or is larger than this door takes"))?;
    let now = door.acceptance.clock.now();
    let heard = super::body::read(&body, &in_force.1.center.default_region, now)?;
    let sender = Sender { in_force, feed, trace: trace(headers) };
    take::event(door, sender, heard, body.to_vec()).await
}

fn kept(taken: &Taken) -> Response {
    let body = Kept {
        call_id: taken.call_id,
        state: taken.state,
        result: taken.result,
        waits_for: taken.waits_for,
        inquiry_id: taken.inquiry.as_ref().map(|(id, _)| *id),
        reference: taken.inquiry.as_ref().map(|(_, reference)| reference.as_str()),
        repeated: taken.repeated,
        unusable: &taken.unusable,
    };
    json(StatusCode::ACCEPTED, "application/json", &body)
}
