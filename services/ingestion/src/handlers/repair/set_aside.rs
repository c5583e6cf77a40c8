//! Takes what waits off the list for a reason of a closed list, so that it can be counted why.
//!
//! Deliberately not here: settling, by which somebody says that what a message asks for is done.

use causeway_auth::Actor;
use causeway_auth::audit::{self, AuditError};
use causeway_envelope::TraceContext;
use causeway_proto::inquiry::v1 as wire;
use uuid::Uuid;

use super::{Doer, mend};
use crate::error::Refusal;
use crate::handlers::grpc::Calls;
use crate::handlers::hooks::tell;
use crate::store::messages;
use crate::store::repairs::{self, Step};

/// Why something is set aside.
pub const REASONS: [&str; 4] = ["test_message", "duplicate", "not_ours", "entered_otherwise"];

/// Most of one call.
const MOST: usize = 200;

/// Sets things aside.
pub async fn repairs(
    calls: &Calls,
    actor: Actor,
    request: wire::SetAsideRepairsRequest,
    trace: TraceContext,
) -> Result<wire::SetAsideRepairsResponse, Refusal> {
    let doer = Doer::permitted(actor, &request.center, trace)?;
    let Some(reason) = REASONS.into_iter().find(|known| *known == request.reason) else {
        return Err(Refusal::BadRequest("reason must be one of test_message, duplicate, not_ours, entered_otherwise"));
    };
    let kind = match request.kind.as_str() {
        "message" => "message",
        "inquiry" => "inquiry",
        _ => return Err(Refusal::BadRequest("kind must be message or inquiry")),
    };
    if request.ids.is_empty() || request.ids.len() > MOST {
        return Err(Refusal::BadRequest("name at least one, and not more than the service takes at once"));
    }
    let ids = request.ids.iter().map(|text| super::id(text)).collect::<Result<Vec<Uuid>, _>>()?;
    let asked = ids.clone();
    let done = calls
        .database
        .with_tx(&request.center, move |tx| {
            Box::pin(async move {
                let done = if kind == "message" {
                    let mut done = messages::set_aside(tx, &asked).await?;
                    let about = messages::inquiries(tx, &done).await?;
                    tell::changed(tx, &about).await?;
                    done.extend(repairs::close(tx, &asked).await?);
                    done
                } else {
                    let done = mend::give_up(tx, &asked).await?;
                    tell::moved(tx, &done).await?;
                    done
                };
                if done.is_empty() {
                    return Ok(done);
                }
                let step = |id: &Uuid| Step {
                    object_kind: kind,
                    object_id: *id,
                    step: "set_aside",
                    outcome: reason,
                    actor: &doer.actor.id,
                };
                let steps: Vec<Step<'_>> = done.iter().map(step).collect();
                repairs::note(tx, &steps).await?;
                let entries: Vec<_> = done.iter().map(|id| doer.entry((kind, *id), "set_aside")).collect();
                audit::append_all(tx, &entries).await.map_err(|AuditError::Database(cause)| Refusal::from(cause))?;
                Ok::<_, Refusal>(done)
            })
        })
        .await?;
    let not_waiting = ids.iter().filter(|id| !done.contains(id)).map(Uuid::to_string).collect();
    Ok(wire::SetAsideRepairsResponse { set_aside: done.iter().map(Uuid::to_string).collect(), not_waiting })
}
