//! Documents of an inquiry, for staff: opened as a file to keep, and put to a line of the checklist.
//!
//! A document is handed on part by part as ingestion opens it, always as a download: what a stranger sent is never shown as a
//! page of this address. Its name tells nothing of the person. Deliberately not here: who may (ingestion), and the record of
//! the look, which ingestion writes before the first byte.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use causeway_funnel::document::DocumentType;
use causeway_proto::inquiry::v1::{Document, MatchDocumentRequest, OpenDocumentRequest};
use futures::StreamExt as _;
use tonic::Status;
use uuid::Uuid;

use super::super::App;
use super::actions::act;
use super::{Posted, Staff, trouble};
use crate::refusals::for_staff;

/// What a document is, and its parts one by one.
type Opened = (Document, tonic::Streaming<causeway_proto::inquiry::v1::DocumentPart>);

/// Hands out a document.
pub async fn open(State(app): State<Arc<App>>, Path((_, document)): Path<(String, String)>, staff: Staff) -> Response {
    match parts(&staff, &document).await {
        Ok((told, parts)) => {
            let bytes = parts.map(|part| part.map(|part| part.content).map_err(std::io::Error::other));
            (headers(&told), Body::from_stream(bytes)).into_response()
        }
        Err(status) => {
            tracing::info!(code = ?status.code(), "a document was not opened");
            trouble(&app, &staff, StatusCode::CONFLICT, "This document can’t be opened", &for_staff(&status))
        }
    }
}

async fn parts(staff: &Staff, document: &str) -> Result<Opened, Status> {
    let request = OpenDocumentRequest {
        center: staff.center(),
        document_id: document.to_owned(),
        purpose: "inquiry_page".to_owned(),
    };
    let mut parts = staff.peers.ingestion().open_document(request).await?.into_inner();
    let first = parts.message().await?.and_then(|part| part.document);
    Ok((first.ok_or_else(|| Status::internal("a document without its description"))?, parts))
}

fn headers(document: &Document) -> [(header::HeaderName, HeaderValue); 4] {
    let kind: DocumentType = document.content_type.parse().unwrap_or_default();
    let id: String = document.document_id.chars().filter(char::is_ascii_hexdigit).rev().take(8).collect();
    let name = format!("attachment; filename=\"document-{id}.{}\"", kind.ending());
    [
        (header::CONTENT_TYPE, HeaderValue::from_static(kind.media_type())),
        // Digits, letters and an ending of ours always make a header.
        (header::CONTENT_DISPOSITION, HeaderValue::try_from(name).unwrap_or(HeaderValue::from_static("attachment"))),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
        (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static("default-src 'none'; sandbox")),
    ]
}

/// Says which line of the checklist a document is.
pub async fn matched(
    State(app): State<Arc<App>>,
    Path((id, document)): Path<(String, String)>,
    posted: Posted,
) -> Response {
    let request = MatchDocumentRequest {
        center: posted.staff.center(),
        document_id: document.parse::<Uuid>().map(|id| id.to_string()).unwrap_or_default(),
        record_kind: posted.sent.get("kind").to_owned(),
    };
    let mut ingestion = posted.staff.peers.ingestion();
    act(&app, &posted, &id, ingestion.match_document(request), ("The document is put to its line.", None)).await
}
