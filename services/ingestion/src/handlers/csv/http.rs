//! The upload door: `POST /v1/centers/{center}/feeds/{feed}/csv`, and what became of a file under `…/files`.
//!
//! 202 comes when all bytes are kept; the rows are taken afterwards. The same bytes get the same file. Deliberately not here:
//! who the sender is (key), and the folders (folder).

use std::sync::Arc;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Path, Query, State};
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use causeway_funnel::profile::FeedKind;
use futures::{StreamExt as _, stream};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::Files;
use super::key::admit;
use super::receive::Receiving;
use super::result::{At, Pages};
use crate::adapters::csv::fault::Code;
use crate::error::Refusal;
use crate::handlers::http::json;
use crate::handlers::limit::{self, Guard};
use crate::store::files::{self, Standing};

/// Most files listed at once.
const MOST: i64 = 100;

/// The routes of this door.
pub fn router(files: Arc<Files>) -> Router {
    let refuse = |refusal: &Refusal| refusal.clone().into_response();
    let guard = Guard { acceptance: Arc::clone(&files.acceptance), kind: FeedKind::Csv, refuse };
    Router::new()
        .route("/v1/centers/{center}/feeds/{feed}/csv", post(upload))
        .route("/v1/centers/{center}/feeds/{feed}/files", get(list))
        .route("/v1/centers/{center}/feeds/{feed}/files/{file}", get(show))
        .route("/v1/centers/{center}/feeds/{feed}/files/{file}/result", get(result))
        .route("/v1/centers/{center}/feeds/{feed}/files/{file}/take", post(take_good_rows))
        .with_state(files)
        .layer(from_fn_with_state(guard, limit::partner))
}

/// How far a file is.
#[derive(Serialize)]
struct Progress<'a> {
    file_id: Uuid,
    state: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    reason: &'a str,
    #[serde(skip_serializing_if = "String::is_empty")]
    detail: String,
    sha256: String,
    bytes: i64,
    times: i32,
    received_at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    finished_at: Option<Timestamp>,
    rows: Rows,
    lines_done: i64,
}

#[derive(Serialize)]
struct Rows {
    total: i64,
    accepted: i64,
    linked: i64,
    parked: i64,
    refused: i64,
    skipped: i64,
}

/// The answer to an upload.
#[derive(Serialize)]
struct Taken<'a> {
    file_id: Uuid,
    state: &'a str,
    sha256: &'a str,
    repeated: bool,
}

#[derive(Deserialize)]
struct From {
    /// Only files from before this one.
    before: Option<Uuid>,
}

type Feed = (String, String);

async fn upload(
    State(files): State<Arc<Files>>,
    Path((center, feed)): Path<Feed>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let outcome = receive(&files, (&center, &feed), &headers, body).await;
    if let Err(refusal) = &outcome {
        files.metrics().refused.with_label_values(&[refusal.word()]).inc();
    }
    outcome.unwrap_or_else(IntoResponse::into_response)
}

async fn receive(
    files: &Files,
    (center, feed): (&str, &str),
    headers: &HeaderMap,
    body: Body,
) -> Result<Response, Refusal> {
    admit(&files.acceptance, (center, feed), headers)?;
    if told_length(headers).is_some_and(|length| length > files.settings.file_bytes) {
        return Err(Refusal::TooLong);
    }
    let mut receiving = Receiving::begin(files, center, feed, "upload");
    let mut body = body.into_data_stream();
    let mut is_first = true;
    while let Some(bytes) = body.next().await {
        receiving.push(&bytes.map_err(|_| Refusal::CutOff)?).await?;
        // What is no text at all is told before the rest of it comes.
        if std::mem::take(&mut is_first)
            && let Some(what) = receiving.not_text()
        {
            return Err(Refusal::NotCsv(what.remedy()));
        }
    }
    if let Some(what) = receiving.not_text() {
        return Err(Refusal::NotCsv(what.remedy()));
    }
    let received = receiving.finish("", None).await?;
    let repeated = received.known.is_some();
    let status = if repeated { StatusCode::OK } else { StatusCode::ACCEPTED };
    let state = received.known.as_ref().map_or("waiting", |file| file.state.as_str());
    let body = Taken { file_id: received.file_id, state, sha256: &received.sha256, repeated };
    let mut response = json(status, "application/json", &body);
    let place = format!("/v1/centers/{center}/feeds/{feed}/files/{}", received.file_id);
    if let Ok(place) = HeaderValue::try_from(place) {
        response.headers_mut().insert(header::LOCATION, place);
    }
    Ok(response)
}

/// The length that a sender tells beforehand, so that one who sends too much is told before they have sent it.
fn told_length(headers: &HeaderMap) -> Option<usize> {
    headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

async fn list(
    State(files): State<Arc<Files>>,
    Path((center, feed)): Path<Feed>,
    Query(from): Query<From>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    admit(&files.acceptance, (&center, &feed), &headers)?;
    let before = from.before;
    let asked = feed.clone();
    let all = files.database.read(&center, move |tx| {
        Box::pin(async move { Ok::<_, Refusal>(files::list(tx, &asked, before, MOST).await?) })
    });
    let all = all.await?;
    let told: Result<Vec<Progress<'_>>, Refusal> = all.iter().map(|file| progress(&files, &center, file)).collect();
    Ok(json(StatusCode::OK, "application/json", &serde_json::json!({ "files": told? })))
}

async fn show(
    State(files): State<Arc<Files>>,
    Path((center, feed, file)): Path<(String, String, String)>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let file = find(&files, (&center, &feed, &file), &headers).await?;
    Ok(json(StatusCode::OK, "application/json", &progress(&files, &center, &file)?))
}

async fn result(
    State(files): State<Arc<Files>>,
    Path((center, feed, file)): Path<(String, String, String)>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let file = find(&files, (&center, &feed, &file), &headers).await?;
    if matches!(file.state.as_str(), "waiting" | "taking") {
        return Err(Refusal::WrongState("the file is still being taken; ask again in a moment"));
    }
    let pages = stream::try_unfold((files, center, file, At::First), |(files, center, file, at)| async move {
        let mut pages = Pages::of(&files, &center, &file, at);
        let text = pages.next().await.map_err(|cause| std::io::Error::other(cause.to_string()))?;
        let at = pages.at;
        Ok::<_, std::io::Error>(text.map(|text| (Bytes::from(text), (files, center, file, at))))
    });
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("text/csv; charset=utf-8")),
        (header::CONTENT_DISPOSITION, HeaderValue::from_static("attachment; filename=\"result.csv\"")),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
        (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    ];
    Ok((StatusCode::OK, headers, Body::from_stream(pages)).into_response())
}

/// The sender says: take the good rows of a file that was parked for its bad ones.
async fn take_good_rows(
    State(files): State<Arc<Files>>,
    Path((center, feed, file)): Path<(String, String, String)>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let file = find(&files, (&center, &feed, &file), &headers).await?;
    let (file_id, asked) = (file.file_id, feed.clone());
    let changed = files.database.with_tx(&center, move |tx| {
        Box::pin(async move {
            Ok::<_, Refusal>(files::want_good_rows(tx, Some(&asked), file_id, Code::TooManyBadRows.word()).await?)
        })
    });
    if !changed.await? {
        return Err(Refusal::WrongState("the file is not parked for its bad rows; look at its state"));
    }
    files.bell.notify_one();
    let file = Standing { state: "waiting".to_owned(), reason: String::new(), detail: String::new(), ..file };
    Ok(json(StatusCode::ACCEPTED, "application/json", &progress(&files, &center, &file)?))
}

async fn find(
    files: &Files,
    (center, feed, file): (&str, &str, &str),
    headers: &HeaderMap,
) -> Result<Standing, Refusal> {
    admit(&files.acceptance, (center, feed), headers)?;
    let file_id = Uuid::parse_str(file).map_err(|_| Refusal::UnknownFile)?;
    let feed = feed.to_owned();
    let found = files
        .database
        .read(center, move |tx| Box::pin(async move { Ok::<_, Refusal>(files::one(tx, &feed, file_id).await?) }));
    found.await?.ok_or(Refusal::UnknownFile)
}

fn progress<'a>(files: &Files, center: &str, file: &'a Standing) -> Result<Progress<'a>, Refusal> {
    let heading = files.open_heading(center, file.file_id, &file.heading)?;
    let detail = if heading.detail.is_empty() || file.detail.is_empty() { &file.detail } else { &heading.detail };
    Ok(Progress {
        file_id: file.file_id,
        state: &file.state,
        reason: &file.reason,
        detail: detail.clone(),
        sha256: heading.sha256,
        bytes: file.bytes,
        times: file.times,
        received_at: file.received_at.0,
        finished_at: file.finished_at.map(|at| at.0),
        rows: Rows {
            total: file.total,
            accepted: file.accepted,
            linked: file.linked,
            parked: file.parked,
            refused: file.refused,
            skipped: file.skipped,
        },
        lines_done: file.done_line,
    })
}
