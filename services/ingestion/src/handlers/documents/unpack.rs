//! Unpacks documents from partners' messages, out of what is kept of them.
//!
//! A message says in its own transaction that it carries documents, so its answer waits for none of them and a crash loses none:
//! until all of them stand the message is taken up again, and the same content of one inquiry is one document. Deliberately
//! not here: how a message carries documents (adapters), and which inquiry it is about (hear, given).

use std::sync::Arc;
use std::time::Duration;

use causeway_funnel::document::DocumentFault;
use causeway_funnel::profile::{Feed, FeedKind, Profile};
use causeway_runtime::Stop;
use tracing::{debug, error, warn};
use uuid::Uuid;

use super::keep::Origin;
use super::{Documents, Heading, INFECTED, PART};
use crate::adapters::fhir::{carried, json};
use crate::adapters::hl7::message::Message;
use crate::adapters::hl7::{charset, documents as hl7};
use crate::error::Refusal;
use crate::handlers::hear::news;
use crate::store::document_work::{self, ToUnpack};
use crate::store::documents::Standing;

/// Most messages looked up at once.
const SOME: i64 = 20;

/// After so many tries a person is asked to look at the message.
const PATIENCE: i32 = 5;

/// A document as a message carries it. PHI: no `Debug`.
struct Carried {
    record_kind: String,
    title: String,
    bytes: Option<Vec<u8>>,
    address: String,
    /// SHA-256 of what was sent for it, by which one is known that could not be unpacked.
    as_sent: String,
    /// Its sender was told at once that it can't be used, or a person has the message before them.
    is_told: bool,
}

/// Unpacks what waits, until the stop.
pub async fn run(documents: Arc<Documents>, stop: Stop) {
    let every = Duration::from_secs(documents.settings.look_seconds.max(1));
    loop {
        count(&documents).await;
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

/// Shows operators which messages could not be unpacked so far.
async fn count(documents: &Documents) {
    let Ok(waiting) = document_work::not_unpacked(documents.database.machine()).await else { return };
    let gauge = &documents.acceptance.metrics.not_unpacked;
    gauge.reset();
    for (center, all) in waiting {
        gauge.with_label_values(&[&center]).set(all);
    }
}

/// Unpacks the documents of one message, if they are due.
///
/// # Errors
/// They could not be unpacked at this try, or are about another patient; they are taken up again by the task that looks for them.
pub async fn message(documents: &Documents, center: &str, message_id: Uuid) -> Result<(), Refusal> {
    let taken = documents.database.with_tx(center, move |tx| {
        Box::pin(async move {
            let taken = document_work::take_message(tx, message_id).await?;
            // It is tried on, but a person who reads it need not wait for that.
            if taken.as_ref().is_some_and(|taken| taken.tries == PATIENCE) {
                super::park(tx, Some(message_id)).await?;
            }
            Ok::<_, Refusal>(taken)
        })
    });
    let Some(ToUnpack { inquiry_id, feed, state, assigned, sealed, .. }) = taken.await? else { return Ok(()) };
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
        FeedKind::Hl7 => {
            let decoded = charset::decode(raw.expose());
            match Message::parse(&decoded.text) {
                // What waited for a person was odd: it may bear the number of another patient's referral. Once a person said
                // whose it is, nobody compares any more.
                Ok(read)
                    if assigned
                        || state == "accepted"
                        || is_about(documents, (&in_force.1, known), &read, inquiry_id).await? =>
                {
                    ("hl7", of_hl7(&read, &in_force.1))
                }
                Ok(_) => {
                    let parked =
                        documents.database.with_tx(center, move |tx| Box::pin(super::park(tx, Some(message_id))));
                    parked.await?;
                    return Err(Refusal::WrongState(
                        "its patient is not the one of its inquiry; a person has to say whose it is",
                    ));
                }
                Err(_) => ("hl7", Vec::new()),
            }
        }
        FeedKind::Fhir => ("fhir", of_fhir(raw.expose(), &in_force.1)),
        FeedKind::Csv | FeedKind::Phone => ("", Vec::new()),
    };
    for one in carried {
        take(documents, (center, inquiry_id), (door, &feed, message_id), one).await?;
    }
    let done = documents.database.with_tx(center, move |tx| {
        Box::pin(async move { Ok::<_, Refusal>(document_work::unpacked(tx, message_id).await?) })
    });
    done.await
}

async fn is_about(
    documents: &Documents,
    of: (&Profile, &Feed),
    message: &Message<'_>,
    inquiry_id: Uuid,
) -> Result<bool, Refusal> {
    let named = news::named_by((&*documents.acceptance, &documents.database), of, message, inquiry_id);
    Ok(named.await? == news::Named::Them)
}

/// Keeps one document; one that nobody could use is noted with its reason, since its sender was answered long ago. What this
/// message brought already is not sent through again.
async fn take(
    documents: &Documents,
    (center, inquiry_id): (&str, Uuid),
    (door, feed, message_id): (&'static str, &str, Uuid),
    carried: Carried,
) -> Result<(), Refusal> {
    let origin = |sha256: &str| Origin {
        door,
        feed,
        record_kind: &carried.record_kind,
        heading: Heading {
            title: carried.title.clone(),
            address: carried.address.clone(),
            sha256: sha256.to_owned(),
            ..Heading::default()
        },
        message_id: Some(message_id),
    };
    let parks = !carried.is_told;
    let Some(bytes) = &carried.bytes else {
        // Nothing is fetched from an address; it is kept for people.
        let fault = carried.address.is_empty().then_some(DocumentFault::Damaged);
        let how = (fault, carried.as_sent.as_str(), parks && fault.is_some());
        return documents.note(center, inquiry_id, origin(""), how).await;
    };
    let sha256 = sha256(bytes);
    let known = documents.came_before(center, inquiry_id, (&sha256, &carried.record_kind, message_id)).await?;
    let standing = match known {
        Some(known) => known,
        None => match put(documents, (center, inquiry_id), origin(""), bytes).await {
            Err(Refusal::Document(fault)) => {
                return documents.note(center, inquiry_id, origin(&sha256), (Some(fault), &sha256, parks)).await;
            }
            other => other?,
        },
    };
    if standing.scan != INFECTED {
        return Ok(());
    }
    // The scanner stopped it when another message brought it.
    let parked = documents.database.with_tx(center, move |tx| Box::pin(super::park(tx, Some(message_id))));
    parked.await
}

async fn put(
    documents: &Documents,
    (center, inquiry_id): (&str, Uuid),
    origin: Origin<'_>,
    bytes: &[u8],
) -> Result<Standing, Refusal> {
    let document_id = documents.begin(center, inquiry_id, origin).await?;
    let ids = (inquiry_id, document_id);
    let mut offset = 0;
    for part in bytes.chunks(PART) {
        let document = documents.reached(center, ids).await?;
        (offset, _) = documents.append(center, &document, offset, part).await?;
    }
    let document = documents.reached(center, ids).await?;
    Ok(documents.finish(center, document).await?.document)
}

fn sha256(bytes: &[u8]) -> String {
    hex::encode(aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, bytes))
}

/// The kind of document by the first code that the center knows.
fn kind_of<'c>(profile: &Profile, mut codes: impl Iterator<Item = &'c str>) -> String {
    let known = codes.find_map(|code| profile.checklists.document_by_code(code));
    known.map(|document| document.kind.clone()).unwrap_or_default()
}

fn of_hl7(message: &Message<'_>, profile: &Profile) -> Vec<Carried> {
    let read = |document: hl7::Document<'_>| Carried {
        record_kind: kind_of(profile, std::iter::once(document.code.as_ref())),
        title: document.title.clone().into_owned(),
        bytes: document.bytes(),
        address: String::new(),
        as_sent: sha256(document.data.as_bytes()),
        is_told: document.flaw().is_some(),
    };
    hl7::valid(message).map(read).collect()
}

fn of_fhir(raw: &[u8], profile: &Profile) -> Vec<Carried> {
    let Ok(body) = json::read(raw) else { return Vec::new() };
    let read = |document: carried::Carried| Carried {
        record_kind: kind_of(profile, document.codes.iter().map(String::as_str)),
        title: document.title,
        bytes: document.bytes,
        address: document.address,
        as_sent: String::new(),
        is_told: false,
    };
    carried::carried(&body).into_iter().map(read).collect()
}
