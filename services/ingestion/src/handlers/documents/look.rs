//! Documents as people see them: listed, opened, put to a line of the checklist. Each look at what they say or are called is
//! written down in the same transaction, before anything is told.
//!
//! Deliberately not here: the bytes' way (read), and the checklist (the desk hears of it).

use std::sync::Arc;

use causeway_auth::audit::{self, AuditError, Entry, Outcome};
use causeway_auth::{Action, Actor, ActorKind, policy};
use causeway_envelope::TraceContext;
use causeway_mailbox::Tx;
use causeway_proto::convert::micros;
use causeway_proto::inquiry::v1 as wire;
use futures::StreamExt as _;
use futures::stream::{self, BoxStream};
use tonic::Status;
use uuid::Uuid;

use super::grpc::own;
use super::{CLEAN, Documents, INFECTED, OFF, WAITING, is_ready, tell};
use crate::error::Refusal;
use crate::handlers::grpc::{allow, deny};
use crate::store::documents::{self, Standing};

/// Most documents of one list.
const LISTED: i64 = 200;
/// Why a document may be opened.
const PURPOSES: [&str; 2] = ["inquiry_page", "review"];

/// A document as it is told, without what it is called.
pub fn shown(document: &Standing) -> wire::Document {
    let state = match (document.state.as_str(), document.scan.as_str()) {
        ("kept", CLEAN | OFF) => "ready",
        ("kept", INFECTED) => "infected",
        ("kept", _) => "checking",
        (state, _) => state,
    };
    wire::Document {
        document_id: document.document_id.to_string(),
        door: document.door.clone(),
        feed: document.feed.clone(),
        record_kind: document.record_kind.clone(),
        content_type: document.content_type.clone(),
        state: state.to_owned(),
        fault: document.fault.clone(),
        bytes: document.bytes,
        pages: document.pages,
        received_at: micros(document.received_at.0),
        times: document.times,
        version: document.version,
        unscanned: document.scan == OFF,
        ..wire::Document::default()
    }
}

impl Documents {
    fn told(&self, center: &str, document: &Standing) -> Result<wire::Document, Refusal> {
        let heading = self.open_heading(center, document)?;
        let (name, title, address) = (heading.name, heading.title, heading.address);
        Ok(wire::Document { name, title, address, ..shown(document) })
    }
}

/// Documents of an inquiry.
pub async fn list(
    of: &Documents,
    actor: Actor,
    request: wire::ListDocumentsRequest,
    trace: TraceContext,
) -> Result<wire::ListDocumentsResponse, Refusal> {
    let center = request.center;
    let inquiry_id = Uuid::parse_str(&request.inquiry_id).map_err(|_| Refusal::UnknownInquiry)?;
    let is_patient = actor.kind == ActorKind::Patient;
    allow(&actor, if is_patient { Action::ViewOwnInquiry } else { Action::ViewWorklist }, &center)?;
    own(&actor, inquiry_id)?;
    let may_read = actor.kind == ActorKind::Staff && policy::may(&actor, Action::ReadDocument, &center).is_ok();
    let found = of
        .database
        .with_tx(&center, move |tx| {
            Box::pin(async move {
                let found = documents::list(tx, inquiry_id, is_patient, LISTED).await?;
                if may_read && !found.is_empty() {
                    let about = ("inquiry", inquiry_id, "list_documents");
                    write_down(tx, (actor, Action::ReadDocument), about, &trace).await?;
                }
                Ok::<_, Refusal>(found)
            })
        })
        .await?;
    // One whose heading does not open hides no other; the cause was logged where it was opened.
    let told = |one| of.told(&center, one).unwrap_or_else(|_| shown(one));
    let documents = found.iter().map(|one| if may_read { told(one) } else { shown(one) });
    Ok(wire::ListDocumentsResponse { documents: documents.collect() })
}

/// What a document is handed out as.
pub type Handed = BoxStream<'static, Result<wire::DocumentPart, Status>>;

/// Opens a document for a person of the staff.
pub async fn open(
    of: &Arc<Documents>,
    actor: Actor,
    request: wire::OpenDocumentRequest,
    trace: TraceContext,
) -> Result<Handed, Refusal> {
    if actor.kind != ActorKind::Staff {
        return Err(deny("documents are opened for a person of the staff alone".to_owned()));
    }
    allow(&actor, Action::ReadDocument, &request.center)?;
    let purpose = PURPOSES.into_iter().find(|known| *known == request.purpose);
    let purpose = purpose.ok_or(Refusal::BadRequest("purpose must be inquiry_page or review"))?;
    let document_id = Uuid::parse_str(&request.document_id).map_err(|_| Refusal::UnknownDocument)?;
    let document = of
        .database
        .with_tx(&request.center, move |tx| {
            Box::pin(async move {
                let document = documents::one(tx, document_id, false).await?.ok_or(Refusal::UnknownDocument)?;
                may_be_opened(&document)?;
                let about = ("document", document_id, purpose);
                write_down(tx, (actor, Action::ReadDocument), about, &trace).await?;
                Ok::<_, Refusal>(document)
            })
        })
        .await?;
    let first = wire::DocumentPart { document: Some(of.told(&request.center, &document)?), content: Vec::new() };
    let objects = of.objects_of(&request.center, &document).await?;
    let at = (Arc::clone(of), request.center, objects, 0);
    let parts = stream::try_unfold(at, move |(of, center, objects, part)| async move {
        let Some(object_id) = objects.get(part).copied() else { return Ok(None) };
        let read = of.part(&center, (document_id, object_id), part).await.map_err(Status::from)?;
        let content = wire::DocumentPart { document: None, content: read.expose().clone() };
        Ok::<_, Status>(Some((content, (of, center, objects, part + 1))))
    });
    Ok(stream::iter([Ok(first)]).chain(parts).boxed())
}

fn may_be_opened(document: &Standing) -> Result<(), Refusal> {
    match (document.state.as_str(), document.scan.as_str()) {
        _ if is_ready(document) => Ok(()),
        ("kept", WAITING) => {
            Err(Refusal::WrongState("the document is still being checked for malware; try again in a few minutes"))
        }
        ("kept", INFECTED) => {
            Err(Refusal::WrongState("the malware scanner stopped this document; ask its sender for another copy"))
        }
        ("wished", _) => Err(Refusal::WrongState("the office told an address alone; ask it for the document itself")),
        ("refused", _) => Err(Refusal::WrongState("nobody could use this file; ask its sender for another copy")),
        _ => Err(Refusal::UnknownDocument),
    }
}

/// A person of the staff says which line of the checklist a document is.
pub async fn matched(
    of: &Documents,
    actor: Actor,
    request: wire::MatchDocumentRequest,
    trace: TraceContext,
) -> Result<wire::Document, Refusal> {
    if actor.kind != ActorKind::Staff {
        return Err(deny("which document it is, is said by a person of the staff alone".to_owned()));
    }
    allow(&actor, Action::WorkInquiry, &request.center)?;
    of.known_kind(&request.center, &request.record_kind)?;
    let document_id = Uuid::parse_str(&request.document_id).map_err(|_| Refusal::UnknownDocument)?;
    let kind = request.record_kind;
    let document = of
        .database
        .with_tx(&request.center, move |tx| {
            Box::pin(async move {
                let before = documents::one(tx, document_id, true).await?.ok_or(Refusal::UnknownDocument)?;
                // It has that name already, or can have none.
                let Some(named) = documents::name(tx, document_id, &kind).await? else { return Ok(before) };
                // Another document keeps the line of the old name filled.
                let is_kept = documents::others(tx, &named, &before.record_kind).await?;
                let previous = if is_kept { "" } else { before.record_kind.as_str() };
                if is_ready(&named) && !(kind.is_empty() && previous.is_empty()) {
                    tell(tx, &named, previous);
                }
                let about = ("document", document_id, "match_document");
                write_down(tx, (actor, Action::WorkInquiry), about, &trace).await?;
                Ok::<_, Refusal>(named)
            })
        })
        .await?;
    Ok(shown(&document))
}

async fn write_down(
    tx: &mut Tx,
    (actor, action): (Actor, Action),
    (object_kind, id, purpose): (&'static str, Uuid, &str),
    trace: &TraceContext,
) -> Result<(), Refusal> {
    let entry = Entry {
        actor,
        action: action.word().to_owned(),
        object_kind,
        object_id: id.to_string(),
        purpose: purpose.to_owned(),
        outcome: Outcome::Done,
        request_id: trace.traceparent().unwrap_or_default().to_owned(),
    };
    audit::append(tx, entry).await.map_err(|AuditError::Database(cause)| Refusal::from(cause))
}
