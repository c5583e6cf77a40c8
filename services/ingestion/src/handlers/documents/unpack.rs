//! Unpacks documents from partners' messages, out of what is kept of them.
//!
//! A message says in its own transaction that it carries documents, so its answer waits for none of them and a crash loses none:
//! until all of them stand the message is taken up again, and the same content of one inquiry is one document. Deliberately
//! not here: how a message carries documents (adapters), and which inquiry it is about (hear, given).

use std::sync::Arc;
use std::time::Duration;

use causeway_funnel::document::DocumentFault;
use causeway_funnel::profile::{FeedKind, Profile};
use causeway_runtime::Stop;
use tracing::{debug, error, warn};
use uuid::Uuid;

use super::keep::Origin;
use super::{Documents, Heading, PART};
use crate::adapters::fhir::{document, json};
use crate::adapters::hl7::message::Message;
use crate::adapters::hl7::{charset, documents as hl7};
use crate::error::Refusal;
use crate::store::document_work;

/// Most messages looked up at once.
const SOME: i64 = 20;

/// A document as a message carries it. PHI: no `Debug`.
struct Carried {
    record_kind: String,
    title: String,
    bytes: Option<Vec<u8>>,
    address: String,
}

/// Unpacks what waits, until the stop.
pub async fn run(documents: Arc<Documents>, stop: Stop) {
    let every = Duration::from_secs(documents.settings.look_seconds.max(1));
    loop {
        let found = document_work::to_unpack(documents.database.machine(), SOME).await;
        let found = found.inspect_err(|cause| debug!(%cause, "look for documents to unpack")).unwrap_or_default();
        let is_full = i64::try_from(found.len()) == Ok(SOME);
        for (center, message_id) in found {
            if stop.is_requested() {
                return;
            }
            if let Err(cause) = message(&documents, &center, message_id).await {
                warn!(%cause, message.id = %message_id, "unpack the documents of a message; it is taken up again");
            }
        }
        if is_full {
            continue;
        }
        tokio::select! {
            () = stop.requested() => return,
            () = tokio::time::sleep(every) => {}
        }
    }
}

async fn message(documents: &Documents, center: &str, message_id: Uuid) -> Result<(), Refusal> {
    let taken = documents.database.with_tx(center, move |tx| {
        Box::pin(async move { Ok::<_, Refusal>(document_work::take_message(tx, message_id).await?) })
    });
    let Some((inquiry_id, feed, sealed)) = taken.await? else { return Ok(()) };
    let in_force = documents.acceptance.profile(center)?;
    // A feed that is gone may come back with the next profile.
    let Some(known) = in_force.1.feed(&feed) else {
        return Err(Refusal::WrongState("the feed of a message that carries documents is in no profile"));
    };
    let context = format!("messages.sealed:{message_id}");
    let raw = documents.acceptance.sealer.open(center, &context, &sealed).map_err(|cause| {
        error!(%cause, message.id = %message_id, "open a message");
        Refusal::Internal
    })?;
    let (door, carried) = match known.kind {
        FeedKind::Hl7 => ("hl7", of_hl7(raw.expose(), &in_force.1)),
        FeedKind::Fhir => ("fhir", of_fhir(raw.expose(), &in_force.1)),
        FeedKind::Csv | FeedKind::Phone => ("", Vec::new()),
    };
    for one in carried {
        take(documents, (center, inquiry_id), (door, &feed), one).await?;
    }
    let done = documents.database.with_tx(center, move |tx| {
        Box::pin(async move { Ok::<_, Refusal>(document_work::unpacked(tx, message_id).await?) })
    });
    done.await
}

/// Keeps one document; one that nobody could use is noted with its reason, since its sender was answered long ago.
async fn take(
    documents: &Documents,
    (center, inquiry_id): (&str, Uuid),
    (door, feed): (&'static str, &str),
    carried: Carried,
) -> Result<(), Refusal> {
    let origin = |sha256: String| Origin {
        door,
        feed,
        record_kind: &carried.record_kind,
        heading: Heading {
            title: carried.title.clone(),
            address: carried.address.clone(),
            sha256,
            ..Heading::default()
        },
    };
    let noted = async |sha256, fault| documents.note(center, inquiry_id, origin(sha256), fault).await;
    let Some(bytes) = &carried.bytes else {
        // Nothing is fetched from an address; it is kept for people.
        return noted(String::new(), carried.address.is_empty().then_some(DocumentFault::Damaged)).await;
    };
    match put(documents, (center, inquiry_id), origin(String::new()), bytes).await {
        Err(Refusal::Document(fault)) => {
            let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, bytes);
            noted(hex::encode(digest), Some(fault)).await
        }
        other => other,
    }
}

async fn put(
    documents: &Documents,
    (center, inquiry_id): (&str, Uuid),
    origin: Origin<'_>,
    bytes: &[u8],
) -> Result<(), Refusal> {
    let document_id = documents.begin(center, inquiry_id, origin).await?;
    let ids = (inquiry_id, document_id);
    let mut offset = 0;
    for part in bytes.chunks(PART) {
        let document = documents.reached(center, ids).await?;
        offset = documents.append(center, &document, offset, part).await?;
    }
    let document = documents.reached(center, ids).await?;
    documents.finish(center, document).await.map(|_| ())
}

/// The kind of document by the first code that the center knows.
fn kind_of<'c>(profile: &Profile, mut codes: impl Iterator<Item = &'c str>) -> String {
    let known = codes.find_map(|code| profile.checklists.document_by_code(code));
    known.map(|document| document.kind.clone()).unwrap_or_default()
}

fn of_hl7(raw: &[u8], profile: &Profile) -> Vec<Carried> {
    let decoded = charset::decode(raw);
    let Ok(message) = Message::parse(&decoded.text) else { return Vec::new() };
    let read = |document: hl7::Document<'_>| Carried {
        record_kind: kind_of(profile, std::iter::once(document.code.as_ref())),
        title: document.title.clone().into_owned(),
        bytes: document.bytes(),
        address: String::new(),
    };
    hl7::of(&message).map(read).collect()
}

fn of_fhir(raw: &[u8], profile: &Profile) -> Vec<Carried> {
    let Ok(body) = json::read(raw) else { return Vec::new() };
    let read = |document: document::Carried| Carried {
        record_kind: kind_of(profile, document.codes.iter().map(String::as_str)),
        title: document.title,
        bytes: document.bytes,
        address: document.address,
    };
    document::carried(&body).into_iter().map(read).collect()
}
