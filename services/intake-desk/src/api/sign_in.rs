//! That somebody of the staff signed in, in the center's audit chain: the portal says so, on their behalf, and keeps no record itself.
//!
//! Deliberately not here: whoever was not let in belongs to no center, so there is no chain to write it to; the portal logs it.

use causeway_auth::audit::{Entry, Outcome, append};
use causeway_auth::{ActorKind, Caller};
use causeway_proto::error::Reason;
use causeway_proto::intake::v1 as wire;
use causeway_serve::Code;
use tonic::{Request, Status};

use super::Desk;
use crate::error::DeskError;

/// Where people sign in.
const DOOR: &str = "portal";
/// How they do.
const WAYS: [&str; 2] = ["provider", "development"];

/// Writes it down.
pub async fn note(desk: &Desk, request: Request<wire::NoteSignInRequest>) -> Result<(), Status> {
    let caller: Caller = causeway_serve::caller(&request)?.clone();
    let actor = caller.accountable();
    let asked = request.into_inner();
    let is_their_own = actor.kind == ActorKind::Staff && actor.center.as_deref() == Some(asked.center.as_str());
    if caller.service != DOOR || !is_their_own {
        return Err(Code::PermissionDenied.status("the portal alone says who signed in, on behalf of who did"));
    }
    let way = WAYS.into_iter().find(|known| *known == asked.way);
    let way = way.ok_or_else(|| Reason::FieldFault.status("field way: write provider or development"))?;
    desk.profile(&asked.center).map_err(DeskError::status)?;
    let written = desk.parts.database.with_tx(&asked.center, move |tx| {
        Box::pin(async move {
            let entry = Entry {
                object_id: actor.id.clone(),
                actor,
                action: "sign in".to_owned(),
                object_kind: "staff",
                purpose: way.to_owned(),
                outcome: Outcome::Done,
                request_id: tx.trace().traceparent().unwrap_or_default().to_owned(),
            };
            append(tx, entry).await.map_err(DeskError::from)
        })
    });
    written.await.map_err(DeskError::status)
}
