//! Takes messages and files of partner systems off the list of what waits: a person has done what they ask for,
//! or wants the good rows of a file all the same.
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
use crate::adapters::csv::fault::Code;
use crate::error::Refusal;
use crate::store::{files, messages};

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
    let asked = ids.clone();
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
    let not_waiting = ids.iter().filter(|id| !settled.contains(id)).map(Uuid::to_string).collect();
    Ok(wire::SettleMessagesResponse { settled: settled.iter().map(Uuid::to_string).collect(), not_waiting })
}

/// Takes the good rows of a file that is parked for its bad ones. A worker finds it by itself.
pub async fn take_good_rows(
    calls: &Calls,
    actor: Actor,
    request: wire::TakeGoodRowsRequest,
    trace: TraceContext,
) -> Result<wire::TakeGoodRowsResponse, Refusal> {
    let action = permit(&actor, &request.center)?;
    let file_id = Uuid::parse_str(&request.file_id)
        .map_err(|_| Refusal::BadRequest("a file id is not a uuid; see 'causeway files list'"))?;
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
