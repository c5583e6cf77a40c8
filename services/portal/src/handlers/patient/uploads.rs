//! The same files sent by script, part by part, so that what was cut goes on where it was reached.
//!
//! The methods and headers are those of tus 1.0's core (POST, HEAD and PATCH with `Upload-Offset`), with a request of its own at
//! the end, because a file is looked through before it is said to be here. A fault is told as a word in `Upload-Fault`; the
//! page after it has the sentence. Deliberately not here: the form without script (files).

use std::collections::HashMap;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use causeway_funnel::document::DocumentFault;
use causeway_proto::error::Reason;
use causeway_proto::inquiry::v1::{
    AppendDocumentRequest, BeginDocumentRequest, FinishDocumentRequest, GetDocumentUploadRequest,
};
use futures::StreamExt as _;
use percent_encoding::percent_decode_str;
use tonic::{Code, Status};

use super::super::App;
use super::files::{NotKept, Sending, refused, stopped};

type Asked = Query<HashMap<String, String>>;

const OFFSET: HeaderName = HeaderName::from_static("upload-offset");
const FAULT: HeaderName = HeaderName::from_static("upload-fault");
/// Largest body of one PATCH: what is kept of a request is bounded, and a longer file comes in several.
const MOST: usize = 1024 * 1024;

/// Begins a file.
pub async fn begin(
    State(app): State<Arc<App>>,
    Path(token): Path<String>,
    query: Asked,
    headers: HeaderMap,
) -> Response {
    let sending = match Sending::by(&app, &token, &query, &headers) {
        Ok(sending) => sending,
        Err(response) => return *response,
    };
    let told = |name: &str| {
        let value = headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
        percent_decode_str(value).decode_utf8_lossy().into_owned()
    };
    let request = BeginDocumentRequest {
        center: sending.center.clone(),
        inquiry_id: sending.inquiry.clone(),
        record_kind: sending.record(&told("upload-record")),
        name: told("upload-name"),
    };
    match sending.peers.ingestion().begin_document(request).await {
        Ok(begun) => {
            let place = format!("/p/{token}/uploads/{}", begun.into_inner().document_id);
            let place = HeaderValue::try_from(place).unwrap_or(HeaderValue::from_static("/"));
            (StatusCode::CREATED, [(header::LOCATION, place), (OFFSET, HeaderValue::from_static("0"))]).into_response()
        }
        Err(status) => not_taken(&status),
    }
}

/// How far a file is.
pub async fn reached(
    State(app): State<Arc<App>>,
    Path((token, document)): Path<(String, String)>,
    query: Asked,
    headers: HeaderMap,
) -> Response {
    let sending = match Sending::by(&app, &token, &query, &headers) {
        Ok(sending) => sending,
        Err(response) => return *response,
    };
    let request = GetDocumentUploadRequest {
        center: sending.center.clone(),
        inquiry_id: sending.inquiry.clone(),
        document_id: document,
    };
    match sending.peers.ingestion().get_document_upload(request).await {
        Ok(upload) => (StatusCode::OK, [(OFFSET, HeaderValue::from(upload.into_inner().offset))]).into_response(),
        Err(status) => not_taken(&status),
    }
}

/// Keeps the next bytes.
pub async fn append(
    State(app): State<Arc<App>>,
    Path((token, document)): Path<(String, String)>,
    query: Asked,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let sending = match Sending::by(&app, &token, &query, &headers) {
        Ok(sending) => sending,
        Err(response) => return *response,
    };
    let offset = headers.get(OFFSET).and_then(|value| value.to_str().ok()).and_then(|text| text.parse().ok());
    let Some(offset) = offset else { return StatusCode::BAD_REQUEST.into_response() };
    let (mut content, mut stream) = (Vec::new(), body.into_data_stream());
    while let Some(bytes) = stream.next().await {
        // What was cut off is not kept in part: the sender asks how far it is.
        let Ok(bytes) = bytes else { return StatusCode::BAD_REQUEST.into_response() };
        if content.len() + bytes.len() > MOST {
            return StatusCode::PAYLOAD_TOO_LARGE.into_response();
        }
        content.extend_from_slice(&bytes);
    }
    let request = AppendDocumentRequest {
        center: sending.center.clone(),
        inquiry_id: sending.inquiry.clone(),
        document_id: document,
        offset,
        content,
    };
    match sending.peers.ingestion().append_document(request).await {
        Ok(upload) => {
            (StatusCode::NO_CONTENT, [(OFFSET, HeaderValue::from(upload.into_inner().offset))]).into_response()
        }
        Err(status) => not_taken(&status),
    }
}

/// All bytes were sent.
pub async fn finish(
    State(app): State<Arc<App>>,
    Path((token, document)): Path<(String, String)>,
    query: Asked,
    headers: HeaderMap,
) -> Response {
    let sending = match Sending::by(&app, &token, &query, &headers) {
        Ok(sending) => sending,
        Err(response) => return *response,
    };
    let request = FinishDocumentRequest {
        center: sending.center.clone(),
        inquiry_id: sending.inquiry.clone(),
        document_id: document,
    };
    match sending.peers.ingestion().finish_document(request).await {
        Ok(document) => match stopped(document.get_ref()) {
            Some(fault) => unusable(fault),
            None => StatusCode::NO_CONTENT.into_response(),
        },
        Err(status) => not_taken(&status),
    }
}

fn unusable(fault: DocumentFault) -> Response {
    (StatusCode::UNPROCESSABLE_ENTITY, [(FAULT, HeaderValue::from_static(fault.as_str()))]).into_response()
}

/// A fault is final; a conflict is asked about; what is away is tried again.
fn not_taken(status: &Status) -> Response {
    if Reason::of(status) == Some(Reason::Conflict) {
        return StatusCode::CONFLICT.into_response();
    }
    match (refused(status), status.code()) {
        (NotKept::Fault(fault), _) => unusable(fault),
        (NotKept::Cut, Code::NotFound | Code::InvalidArgument | Code::PermissionDenied) => {
            StatusCode::NOT_FOUND.into_response()
        }
        (NotKept::Cut, _) => StatusCode::SERVICE_UNAVAILABLE.into_response(),
    }
}
