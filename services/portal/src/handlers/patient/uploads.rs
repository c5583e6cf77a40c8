//! The same files sent by script or by a client of tus, part by part, so that what was cut goes on where it was reached.
//!
//! The methods and headers are those of tus 1.0 (core and creation). Where the length was told, the last byte finishes the file;
//! otherwise a request of its own does, because a file is looked through before it is said to be here. A fault is told as a word in
//! `Upload-Fault`; the page after it has the sentence. Deliberately not here: the form without script (files).

use std::collections::HashMap;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
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
const LENGTH: HeaderName = HeaderName::from_static("upload-length");
const FAULT: HeaderName = HeaderName::from_static("upload-fault");
const VERSION: HeaderName = HeaderName::from_static("tus-resumable");
/// The version of tus that is spoken.
const TUS: &str = "1.0.0";
/// What the body of a part is said to be.
const OF_PART: &str = "application/offset+octet-stream";
/// So many bytes of a body are held at a time, and kept together.
const PART: usize = 1024 * 1024;

/// What is spoken here: `OPTIONS`.
pub async fn spoken() -> Response {
    let about = [("tus-version", TUS), ("tus-extension", "creation")];
    in_tus((StatusCode::NO_CONTENT, about).into_response())
}

fn in_tus(mut response: Response) -> Response {
    response.headers_mut().insert(VERSION, HeaderValue::from_static(TUS));
    response
}

/// Refuses another version than ours, where one is told.
fn other_version(headers: &HeaderMap) -> Option<Response> {
    let is_other = headers.get(VERSION).is_some_and(|told| told.as_bytes() != TUS.as_bytes());
    is_other.then(|| in_tus((StatusCode::PRECONDITION_FAILED, [("tus-version", TUS)]).into_response()))
}

/// A number of bytes in a header; nothing where none is told, an error where it is none.
fn bytes(headers: &HeaderMap, name: &HeaderName) -> Result<Option<i64>, StatusCode> {
    let told = headers.get(name).map(|value| value.to_str().ok().and_then(|text| text.parse().ok()));
    match told {
        Some(Some(bytes)) if bytes >= 0 => Ok(Some(bytes)),
        Some(_) => Err(StatusCode::BAD_REQUEST),
        None => Ok(None),
    }
}

/// What a client of tus calls a file: `filename` in `Upload-Metadata`, in base64.
fn told_name(headers: &HeaderMap) -> Option<String> {
    let told = headers.get("upload-metadata")?.to_str().ok()?;
    let mut pairs = told.split(',').filter_map(|pair| pair.trim().split_once(' '));
    let (_, name) = pairs.find(|(key, _)| *key == "filename" || *key == "name")?;
    String::from_utf8(STANDARD.decode(name.trim()).ok()?).ok()
}

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
    if let Some(refused) = other_version(&headers) {
        return refused;
    }
    let length = match bytes(&headers, &LENGTH) {
        Ok(Some(0)) => return unusable(DocumentFault::Empty),
        // Whoever speaks tus alone has no other way to say that a file is whole.
        Ok(None) if headers.contains_key(VERSION) => return in_tus(StatusCode::BAD_REQUEST.into_response()),
        Ok(length) => length.unwrap_or_default(),
        Err(status) => return in_tus(status.into_response()),
    };
    let request = BeginDocumentRequest {
        center: sending.center.clone(),
        inquiry_id: sending.inquiry.clone(),
        record_kind: sending.record(&told("upload-record")),
        name: told_name(&headers).unwrap_or_else(|| told("upload-name")),
        length,
    };
    match sending.peers.ingestion().begin_document(request).await {
        Ok(begun) => {
            let place = format!("/p/{token}/uploads/{}", begun.into_inner().document_id);
            let place = HeaderValue::try_from(place).unwrap_or(HeaderValue::from_static("/"));
            let told = [(header::LOCATION, place), (OFFSET, HeaderValue::from_static("0"))];
            in_tus((StatusCode::CREATED, told).into_response())
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
        Ok(upload) => {
            let upload = upload.into_inner();
            // The answer to its last byte was lost, and nobody comes again for it.
            if upload.length > 0 && upload.offset == upload.length {
                let done = end(&sending, upload.document_id.clone()).await;
                if done.status() != StatusCode::NO_CONTENT {
                    return done;
                }
            }
            let mut response = (StatusCode::OK, [(OFFSET, HeaderValue::from(upload.offset))]).into_response();
            if upload.length > 0 {
                response.headers_mut().insert(LENGTH, HeaderValue::from(upload.length));
            }
            // A proxy that kept it would tell an old offset.
            response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
            in_tus(response)
        }
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
    if let Some(refused) = other_version(&headers) {
        return refused;
    }
    let is_part = headers.get(header::CONTENT_TYPE).is_some_and(|kind| kind.as_bytes() == OF_PART.as_bytes());
    if headers.contains_key(VERSION) && !is_part {
        return in_tus(StatusCode::UNSUPPORTED_MEDIA_TYPE.into_response());
    }
    let mut offset = match bytes(&headers, &OFFSET) {
        Ok(Some(offset)) => offset,
        Ok(None) | Err(_) => return in_tus(StatusCode::BAD_REQUEST.into_response()),
    };
    let (mut stream, mut content, mut length) = (body.into_data_stream(), Vec::new(), 0);
    loop {
        let next = stream.next().await;
        let is_end = next.is_none();
        match next {
            Some(Ok(bytes)) => content.extend_from_slice(&bytes),
            // The part that was cut off is not kept: the sender asks how far it is.
            Some(Err(_)) => return in_tus(StatusCode::BAD_REQUEST.into_response()),
            None => {}
        }
        while content.len() >= PART || (is_end && !content.is_empty()) {
            let rest = content.split_off(content.len().min(PART));
            let request = AppendDocumentRequest {
                center: sending.center.clone(),
                inquiry_id: sending.inquiry.clone(),
                document_id: document.clone(),
                offset,
                content: std::mem::replace(&mut content, rest),
            };
            match sending.peers.ingestion().append_document(request).await {
                Ok(upload) => (offset, length) = (upload.get_ref().offset, upload.get_ref().length),
                // More came than the file was said to have.
                Err(status) if status.code() == Code::InvalidArgument => {
                    return match refused(&status) {
                        NotKept::Fault(fault) => unusable(fault),
                        NotKept::Cut => in_tus(StatusCode::PAYLOAD_TOO_LARGE.into_response()),
                    };
                }
                Err(status) => return not_taken(&status),
            }
        }
        if is_end {
            break;
        }
    }
    if length > 0 && offset == length {
        let done = end(&sending, document).await;
        if done.status() != StatusCode::NO_CONTENT {
            return done;
        }
    }
    in_tus((StatusCode::NO_CONTENT, [(OFFSET, HeaderValue::from(offset))]).into_response())
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
    end(&sending, document).await
}

async fn end(sending: &Sending, document: String) -> Response {
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
    let status = match fault {
        DocumentFault::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        _ => StatusCode::UNPROCESSABLE_ENTITY,
    };
    in_tus((status, [(FAULT, HeaderValue::from_static(fault.as_str()))]).into_response())
}

/// A fault is final; a conflict is asked about; what is away is tried again.
fn not_taken(status: &Status) -> Response {
    if Reason::of(status) == Some(Reason::Conflict) {
        return in_tus(StatusCode::CONFLICT.into_response());
    }
    let status = match (refused(status), status.code()) {
        (NotKept::Fault(fault), _) => return unusable(fault),
        (NotKept::Cut, Code::NotFound | Code::InvalidArgument | Code::PermissionDenied) => StatusCode::NOT_FOUND,
        (NotKept::Cut, _) => StatusCode::SERVICE_UNAVAILABLE,
    };
    in_tus(status.into_response())
}
