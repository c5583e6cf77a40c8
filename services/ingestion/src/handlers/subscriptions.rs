//! What operators see of subscriptions by FHIR, and how they stop one: an endpoint that does harm is nobody's to wait for.
//!
//! Deliberately not here: what a subscriber does itself (fhir), and the sending (hooks).

use causeway_auth::audit::{self, AuditError, Entry, Outcome};
use causeway_auth::{Action, Actor};
use causeway_envelope::TraceContext;
use causeway_proto::inquiry::v1 as wire;
use uuid::Uuid;

use super::grpc::{Calls, allow};
use super::hooks::STOPPED;
use crate::error::Refusal;
use crate::store::subscriptions::{self, Stored};

/// The subscriptions of a center.
pub async fn list(
    calls: &Calls,
    actor: &Actor,
    request: wire::ListSubscriptionsRequest,
) -> Result<wire::ListSubscriptionsResponse, Refusal> {
    allow(actor, Action::Operate, &request.center)?;
    let read = calls
        .database
        .read(&request.center, |tx| Box::pin(async move { Ok::<_, Refusal>(subscriptions::all(tx).await?) }));
    Ok(wire::ListSubscriptionsResponse { subscriptions: read.await?.into_iter().map(shown).collect() })
}

/// Stops one, or lets it go on.
pub async fn switch(
    calls: &Calls,
    actor: Actor,
    request: wire::SwitchSubscriptionRequest,
    trace: TraceContext,
) -> Result<wire::SwitchSubscriptionResponse, Refusal> {
    const BAD_ID: Refusal = Refusal::BadRequest("a subscription id is not a uuid; see 'causeway feeds subscriptions'");
    const ENDED: Refusal = Refusal::WrongState("its subscriber has ended it; it asks for it again itself");
    allow(&actor, Action::Operate, &request.center)?;
    let id = Uuid::parse_str(&request.subscription_id).map_err(|_| BAD_ID)?;
    let (state, reason, purpose) =
        if request.on { ("requested", "", "start_subscription") } else { ("error", STOPPED, "stop_subscription") };
    let switched = calls.database.with_tx(&request.center, move |tx| {
        Box::pin(async move {
            let standing = subscriptions::all(tx).await?.into_iter().find(|stored| stored.subscription_id == id);
            if standing.ok_or(Refusal::UnknownSubscription)?.state == "off" {
                return Err(ENDED);
            }
            let stored = subscriptions::put(tx, id, state, reason).await?.ok_or(Refusal::UnknownSubscription)?;
            let entry = Entry {
                actor,
                action: Action::Operate.word().to_owned(),
                object_kind: "subscription",
                object_id: id.to_string(),
                purpose: purpose.to_owned(),
                outcome: Outcome::Done,
                request_id: trace.traceparent().unwrap_or_default().to_owned(),
            };
            audit::append(tx, entry).await.map_err(|AuditError::Database(cause)| Refusal::from(cause))?;
            Ok::<_, Refusal>(stored)
        })
    });
    Ok(wire::SwitchSubscriptionResponse { subscription: Some(shown(switched.await?)) })
}

fn shown(stored: Stored) -> wire::Subscription {
    wire::Subscription {
        subscription_id: stored.subscription_id.to_string(),
        feed: stored.feed,
        state: stored.state,
        reason: stored.reason,
        events: stored.events,
        delivered: stored.delivered,
        failures: stored.failures,
    }
}
