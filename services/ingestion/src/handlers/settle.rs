//! Takes messages and files of partner systems off the list of what waits: a person has done what they ask for,
//! or wants the good rows of a file all the same, or has it looked through again.
//!
//! Who did so is written down in the same transaction. Deliberately not here: what waits and why (hear), and the list of it
//! (the operator's command).

use causeway_auth::Actor;
use causeway_auth::audit::{self, AuditError, Entry, Outcome};
use causeway_envelope::TraceContext;
use causeway_proto::inquiry::v1 as wire;
use uuid::Uuid;

use super::grpc::Calls;
use super::hooks::tell;
use super::release::permit;
use super::repair::{Doer, open};
use crate::adapters::csv::fault::Code;
use crate::error::Refusal;
use crate::store::repairs::{self, Step};
use crate::store::{self, files, messages};

/// Most messages settled by one call.
const MOST: usize = 200;

/// Settles messages of a center.
pub async fn messages(
    calls: &Calls,
    actor: Actor,
    request: wire::SettleMessagesRequest,
    trace: TraceContext,
) -> Result<wire::SettleMessagesResponse, Refusal> {
    let action = permit(&actor, &request.center)?;
    let ids: Result<Vec<Uuid>, _> = request.message_ids.iter().map(|text| Uuid::parse_str(text)).collect();
    let ids = ids.map_err(|_| Refusal::BadRequest("a message id is not a uuid; see 'causeway messages list'"))?;
    if ids.is_empty() || ids.len() > MOST {
        return Err(Refusal::BadRequest("name at least one message, and not more than the service takes at once"));
    }
    let Compared { fit: asked, other_patient, not_opened } = compare(calls, &request.center, ids.clone()).await?;
    let settled = calls
        .database
        .with_tx(&request.center, move |tx| {
            Box::pin(async move {
                let mut settled = messages::settle(tx, &asked).await?;
                tell::settled(tx, &settled).await?;
                let files = files::settle(tx, &asked).await?;
                settled.extend(&files);
                let entry = |id: &Uuid| Entry {
                    actor: actor.clone(),
                    action: action.word().to_owned(),
                    object_kind: if files.contains(id) { "file" } else { "message" },
                    object_id: id.to_string(),
                    purpose: "settle_message".to_owned(),
                    outcome: Outcome::Done,
                    request_id: trace.traceparent().unwrap_or_default().to_owned(),
                };
                let entries: Vec<Entry> = settled.iter().map(entry).collect();
                audit::append_all(tx, &entries).await.map_err(|AuditError::Database(cause)| Refusal::from(cause))?;
                Ok::<_, Refusal>(settled)
            })
        })
        .await?;
    let waits = |id: &Uuid| other_patient.contains(id) || not_opened.contains(id);
    let is_gone = |id: &&Uuid| !settled.contains(id) && !waits(id);
    let words = |ids: &[Uuid]| ids.iter().map(Uuid::to_string).collect::<Vec<_>>();
    Ok(wire::SettleMessagesResponse {
        settled: words(&settled),
        not_waiting: ids.iter().filter(is_gone).map(Uuid::to_string).collect(),
        other_patient: words(&other_patient),
        not_opened: words(&not_opened),
    })
}

/// Messages by whether they may be settled.
struct Compared {
    fit: Vec<Uuid>,
    /// They carry documents for an inquiry whose patient is another than theirs.
    other_patient: Vec<Uuid>,
    /// They, or the person of their inquiry, can't be opened.
    not_opened: Vec<Uuid>,
}

/// Divides messages by whether they may be settled: once they are, nobody would look at their documents again. One that can't be opened
/// keeps the others from nothing.
async fn compare(calls: &Calls, center: &str, ids: Vec<Uuid>) -> Result<Compared, Refusal> {
    let in_force = calls.acceptance.profile(center)?;
    let (own, asked) = (calls.clone(), ids.clone());
    let (other_patient, not_opened) = calls
        .database
        .read(center, move |tx| {
            Box::pin(async move {
                let (mut others, mut not_opened) = (Vec::new(), Vec::new());
                for id in repairs::to_compare(tx, &asked).await? {
                    let Some(message) = repairs::message(tx, id, false).await? else { continue };
                    let Some(feed) = open::feed(&in_force.1, &message.feed) else { continue };
                    let Some(inquiry) = message.inquiry_id else { continue };
                    let Some((_, sealed)) = store::people(tx, &[inquiry]).await?.pop() else { continue };
                    let person = open::person(&own, tx.center(), (inquiry, &sealed));
                    let told = open::read(&own, (&in_force.1, feed), &message, None);
                    match (person, told) {
                        (Ok(person), Ok(told)) if open::is_of_another(&person, &told.told(), feed.kind) => {
                            others.push(id)
                        }
                        (Ok(_), Ok(_)) => {}
                        (Err(_), _) | (_, Err(_)) => not_opened.push(id),
                    }
                }
                Ok::<_, Refusal>((others, not_opened))
            })
        })
        .await?;
    let fit = ids.into_iter().filter(|id| !other_patient.contains(id) && !not_opened.contains(id)).collect();
    Ok(Compared { fit, other_patient, not_opened })
}

/// Has a parked file looked through again. A worker finds it by itself.
pub async fn retry_file(
    calls: &Calls,
    actor: Actor,
    request: wire::RetryFileRequest,
    trace: TraceContext,
) -> Result<wire::RetryFileResponse, Refusal> {
    let doer = Doer::permitted(actor, &request.center, trace)?;
    let file_id = file_id(&request.file_id)?;
    calls
        .database
        .with_tx(&request.center, move |tx| {
            Box::pin(async move {
                if !files::retry(tx, file_id).await? {
                    return Err(Refusal::WrongState("no file is parked under this id"));
                }
                let actor = &doer.actor.id;
                let step = Step { object_kind: "file", object_id: file_id, step: "retry", outcome: "waiting", actor };
                repairs::note(tx, &[step]).await?;
                let entry = doer.entry(("file", file_id), "retry_file");
                audit::append(tx, entry).await.map_err(|AuditError::Database(cause)| Refusal::from(cause))?;
                Ok(wire::RetryFileResponse {})
            })
        })
        .await
}

fn file_id(text: &str) -> Result<Uuid, Refusal> {
    Uuid::parse_str(text).map_err(|_| Refusal::BadRequest("a file id is not a uuid; see 'causeway files list'"))
}

/// Takes the good rows of a file that is parked for its bad ones. A worker finds it by itself.
pub async fn take_good_rows(
    calls: &Calls,
    actor: Actor,
    request: wire::TakeGoodRowsRequest,
    trace: TraceContext,
) -> Result<wire::TakeGoodRowsResponse, Refusal> {
    let action = permit(&actor, &request.center)?;
    let file_id = file_id(&request.file_id)?;
    calls
        .database
        .with_tx(&request.center, move |tx| {
            Box::pin(async move {
                if !files::want_good_rows(tx, None, file_id, Code::TooManyBadRows.word()).await? {
                    return Err(Refusal::WrongState("no file is parked for its bad rows under this id"));
                }
                let entry = Entry {
                    actor,
                    action: action.word().to_owned(),
                    object_kind: "file",
                    object_id: file_id.to_string(),
                    purpose: "take_good_rows".to_owned(),
                    outcome: Outcome::Done,
                    request_id: trace.traceparent().unwrap_or_default().to_owned(),
                };
                audit::append(tx, entry).await.map_err(|AuditError::Database(cause)| Refusal::from(cause))?;
                Ok(wire::TakeGoodRowsResponse {})
            })
        })
        .await
}
