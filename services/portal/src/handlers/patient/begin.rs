//! What a form's script tells and asks once: somebody has begun to answer, and the work that the form asks for.
//!
//! Deliberately not here: forms without a script, which begin when they are sent (form).

use std::sync::Arc;

use axum::Form as Body;
use axum::extract::{Path, Query, State};
use axum::http::{Extensions, HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use causeway_auth::work::MOST_BITS;
use causeway_serve::{address, network};
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use super::super::App;
use super::form::{find, showing};
use crate::views::form::SHOWN_AT;

/// How long a challenge may be answered: as long as a form may lie open.
const CHALLENGE_LIFE: SignedDuration = SignedDuration::from_hours(24);

/// Counts that somebody has begun; answers with the work to do, or with nothing.
pub async fn begin(
    State(app): State<Arc<App>>,
    Path((center, form)): Path<(String, String)>,
    Query(query): Query<Vec<(String, String)>>,
    headers: HeaderMap,
    extensions: Extensions,
    Body(told): Body<Vec<(String, String)>>,
) -> Response {
    let asking = match find(&app, &center, &form, query, &headers) {
        Ok(asking) => asking,
        Err(response) => return *response,
    };
    let from = address(&headers, &extensions, app.config.trusted_proxy_hops).map(network);
    if let Some(Err(after)) = from.map(|from| app.beginners.admit(&from)) {
        let wait = (header::RETRY_AFTER, after.as_secs().saturating_add(1).to_string());
        return (StatusCode::TOO_MANY_REQUESTS, [wait]).into_response();
    }
    let token = told.iter().find(|(name, _)| name == SHOWN_AT).map(|(_, value)| value.as_str());
    let Some(showing) = token.and_then(|token| showing(&app, &center, token)) else {
        return (StatusCode::GONE, "shown: this form was shown too long ago; open it again").into_response();
    };
    app.tally.begun(&asking.place(), showing, &[]);
    let asked = asking.form.proof_of_work;
    if !asked.is_asked() {
        return StatusCode::NO_CONTENT.into_response();
    }
    let of_form = app.of_form.extra_bits(&(center.clone(), form));
    let of_address = from.map_or(0, |from| app.of_address.extra_bits(&from));
    let bits = (asked.bits + of_form + of_address).min(MOST_BITS);
    let ends = app.clock.now().checked_add(CHALLENGE_LIFE).unwrap_or(Timestamp::MAX);
    match app.links.challenge(&center, &asking.form.id, bits, ends) {
        Ok(challenge) => axum::Json(json!({ "challenge": challenge, "bits": bits })).into_response(),
        Err(cause) => {
            tracing::error!(%cause, "make a challenge; a person looks at what is sent without a proof");
            StatusCode::NO_CONTENT.into_response()
        }
    }
}
