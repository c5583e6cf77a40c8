//! Who looked at an inquiry, its person and its documents, and what they did, for those who may read the audit log.
//!
//! Deliberately not here: what was done at the desk, which keeps a log of its own.

use causeway_auth::audit::{self, AuditError, Entry, Outcome};
use causeway_auth::{Action, Actor};
use causeway_proto::convert::{access_before, access_page};
use causeway_proto::inquiry::v1 as wire;
use uuid::Uuid;

use super::grpc::{Calls, allow};
use crate::error::Refusal;
use crate::store::documents;

/// Most lines of one answer.
const LISTED: u16 = 200;

/// A page of lines, the newest where none is named. The look at them is one itself.
pub async fn list(
    calls: &Calls,
    actor: Actor,
    asked: wire::ListAccessRequest,
    request_id: String,
) -> Result<wire::ListAccessResponse, Refusal> {
    allow(&actor, Action::ReadAuditLog, &asked.center)?;
    let inquiry_id = Uuid::parse_str(&asked.inquiry_id).map_err(|_| Refusal::UnknownInquiry)?;
    let before = access_before(&asked.page_token);
    let before = before.ok_or(Refusal::BadRequest("page_token is none of this log; begin at its newest lines"))?;
    let seen = calls.database.with_tx(&asked.center, move |tx| {
        Box::pin(async move {
            let mut objects = documents::ids_of(tx, inquiry_id).await?;
            objects.push(inquiry_id);
            let objects: Vec<String> = objects.iter().map(Uuid::to_string).collect();
            let unread = |AuditError::Database(cause)| Refusal::from(cause);
            let seen = audit::about(tx, &objects, before, i64::from(LISTED) + 1).await.map_err(unread)?;
            let look = Entry {
                actor,
                action: Action::ReadAuditLog.word().to_owned(),
                object_kind: "inquiry",
                object_id: inquiry_id.to_string(),
                purpose: String::new(),
                outcome: Outcome::Done,
                request_id,
            };
            audit::append(tx, look).await.map_err(unread)?;
            Ok::<_, Refusal>(seen)
        })
    });
    let lines = seen.await?.into_iter().map(|seen| (seen.seq, seen.at.0, seen.words())).collect();
    Ok(access_page(before, lines, LISTED.into()))
}
