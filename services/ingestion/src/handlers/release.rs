//! Lets go what was held because a machine seems to have sent it: a person has looked at it.
//!
//! Published, written down and no longer held in one transaction, so that it is told once however often it is asked.
//! Deliberately not here: what is held (domain) and the list of it (the operator's command).

use causeway_auth::audit::{self, AuditError, Entry, Outcome};
use causeway_auth::{Action, Actor, ActorKind};
use causeway_envelope::TraceContext;
use causeway_proto::inquiry::v1 as wire;
use prost::Message as _;
use tracing::error;
use uuid::Uuid;

use super::grpc::{Calls, allow, deny};
use super::reveal::ids;
use crate::error::Refusal;
use crate::store;
use crate::writer::batch::tell;

/// Most inquiries released by one call.
const MOST: usize = 200;

/// Releases inquiries of a center; none of them known is `NotFound`.
pub async fn held(
    calls: &Calls,
    actor: Actor,
    request: wire::ReleaseHeldRequest,
    trace: TraceContext,
) -> Result<wire::ReleaseHeldResponse, Refusal> {
    let action = permit(&actor, &request.center)?;
    let ids = ids(&request.inquiry_ids, MOST)?;
    let (released, known) = calls
        .database
        .with_tx(&request.center, move |tx| {
            Box::pin(async move {
                let known = store::known(tx, &ids).await?;
                let released = store::release(tx, &ids).await?;
                for (inquiry_id, facts) in &released {
                    let facts = wire::Facts::decode(facts.as_slice()).map_err(|cause| {
                        error!(%cause, inquiry.id = %inquiry_id, "read the stored facts of an inquiry");
                        Refusal::Internal
                    })?;
                    tell(tx, *inquiry_id, &wire::InquiryReceived { facts: Some(facts) }, trace.clone());
                }
                let released: Vec<Uuid> = released.into_iter().map(|(inquiry_id, _)| inquiry_id).collect();
                let entry = |inquiry_id: &Uuid| Entry {
                    actor: actor.clone(),
                    action: action.word().to_owned(),
                    object_kind: "inquiry",
                    object_id: inquiry_id.to_string(),
                    purpose: "release_held".to_owned(),
                    outcome: Outcome::Done,
                    request_id: trace.traceparent().unwrap_or_default().to_owned(),
                };
                let entries: Vec<Entry> = released.iter().map(entry).collect();
                audit::append_all(tx, &entries).await.map_err(|AuditError::Database(cause)| Refusal::from(cause))?;
                Ok::<_, Refusal>((released, known))
            })
        })
        .await?;
    if known.is_empty() {
        return Err(Refusal::UnknownInquiry);
    }
    let not_held = known.iter().filter(|id| !released.contains(id)).map(Uuid::to_string).collect();
    Ok(wire::ReleaseHeldResponse { released: released.iter().map(Uuid::to_string).collect(), not_held })
}

/// A person has to have looked: one of the center's who repairs inquiries, or an operator, but no service by itself.
pub(super) fn permit(actor: &Actor, center: &str) -> Result<Action, Refusal> {
    let action = match actor.kind {
        ActorKind::Operator => Action::Operate,
        ActorKind::Staff | ActorKind::Patient => Action::RepairInquiry,
        ActorKind::Service => return Err(deny("only a person may do this, after a look".to_owned())),
    };
    allow(actor, action, center)?;
    Ok(action)
}

#[cfg(test)]
mod tests {
    use super::*;
    use causeway_auth::Role;

    #[test]
    fn people_who_repair_and_operators_release_and_nobody_else() {
        let staff = |role| Actor::staff("u1", "Sam", "lakeside", vec![role]);
        assert_eq!(permit(&staff(Role::Coordinator), "lakeside"), Ok(Action::RepairInquiry));
        assert_eq!(permit(&Actor::operator("ops", "Ops"), "lakeside"), Ok(Action::Operate));
        let others = [
            (staff(Role::Coordinator), "harbor-valley"),
            (staff(Role::Scheduler), "lakeside"),
            (staff(Role::Operator), "lakeside"),
            (Actor::service("portal"), "lakeside"),
            (Actor::patient("p", "lakeside"), "lakeside"),
        ];
        for (actor, center) in others {
            assert!(permit(&actor, center).is_err(), "{actor:?} {center}");
        }
    }
}
