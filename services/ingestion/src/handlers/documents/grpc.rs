//! The calls by which a document is sent: who may, and which inquiry it is for.
//!
//! A patient holds a link to one inquiry and sends to that one alone. Deliberately not here: what becomes of the bytes (keep).

use causeway_auth::{Action, Actor, ActorKind};
use causeway_proto::inquiry::v1 as wire;
use uuid::Uuid;

use super::keep::Origin;
use super::look::shown;
use super::{Documents, Heading, PART};
use crate::error::Refusal;
use crate::handlers::grpc::{allow, deny};

/// Longest name of a file that is kept; a longer one is cut.
const NAME: usize = 200;

/// Begins a document.
pub async fn begin(
    documents: &Documents,
    actor: &Actor,
    request: wire::BeginDocumentRequest,
) -> Result<wire::DocumentUpload, Refusal> {
    let inquiry_id = permitted(actor, &request.center, &request.inquiry_id)?;
    let door = if actor.kind == ActorKind::Patient { "patient" } else { "staff" };
    let length = request.length;
    let heading = Heading { name: request.name.chars().take(NAME).collect(), length, ..Heading::default() };
    let origin = Origin { door, feed: "", record_kind: &request.record_kind, heading, message_id: None };
    let document_id = documents.begin(&request.center, inquiry_id, origin).await?;
    Ok(upload(documents, document_id, (0, length)))
}

/// Keeps the next bytes.
pub async fn append(
    documents: &Documents,
    actor: &Actor,
    request: wire::AppendDocumentRequest,
) -> Result<wire::DocumentUpload, Refusal> {
    let ids = ids(actor, &request.center, (&request.inquiry_id, &request.document_id))?;
    let document = documents.reached(&request.center, ids).await?;
    let reached = documents.append(&request.center, &document, request.offset, &request.content).await?;
    Ok(upload(documents, ids.1, reached))
}

/// How far a document is.
pub async fn reached(
    documents: &Documents,
    actor: &Actor,
    request: wire::GetDocumentUploadRequest,
) -> Result<wire::DocumentUpload, Refusal> {
    let ids = ids(actor, &request.center, (&request.inquiry_id, &request.document_id))?;
    let document = documents.reached(&request.center, ids).await?;
    let length = documents.told_length(&request.center, &document)?;
    Ok(upload(documents, ids.1, (document.bytes, length)))
}

/// All bytes were sent.
pub async fn finish(
    documents: &Documents,
    actor: &Actor,
    request: wire::FinishDocumentRequest,
) -> Result<wire::Document, Refusal> {
    let ids = ids(actor, &request.center, (&request.inquiry_id, &request.document_id))?;
    let document = documents.reached(&request.center, ids).await?;
    let kept = documents.finish(&request.center, document).await?;
    Ok(wire::Document { repeated: kept.repeated, ..shown(&kept.document) })
}

fn ids(actor: &Actor, center: &str, (inquiry, document): (&str, &str)) -> Result<(Uuid, Uuid), Refusal> {
    let inquiry_id = permitted(actor, center, inquiry)?;
    Ok((inquiry_id, Uuid::parse_str(document).map_err(|_| Refusal::UnknownDocument)?))
}

fn permitted(actor: &Actor, center: &str, inquiry: &str) -> Result<Uuid, Refusal> {
    allow(actor, Action::AddDocument, center)?;
    let inquiry_id = Uuid::parse_str(inquiry).map_err(|_| Refusal::UnknownInquiry)?;
    own(actor, inquiry_id)?;
    Ok(inquiry_id)
}

/// A patient's inquiry is their own.
pub fn own(actor: &Actor, inquiry_id: Uuid) -> Result<(), Refusal> {
    match actor.kind == ActorKind::Patient && Uuid::parse_str(&actor.id) != Ok(inquiry_id) {
        true => Err(deny("a patient's documents are those of their own inquiry alone".to_owned())),
        false => Ok(()),
    }
}

fn upload(documents: &Documents, document_id: Uuid, (offset, length): (i64, i64)) -> wire::DocumentUpload {
    wire::DocumentUpload {
        document_id: document_id.to_string(),
        offset,
        length,
        most_bytes: i32::try_from(PART).unwrap_or(i32::MAX),
        most_file_bytes: i64::try_from(documents.settings.file_bytes).unwrap_or(i64::MAX),
    }
}
