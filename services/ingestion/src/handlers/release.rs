//! Lets go what was held because a machine seems to have sent it: a person has looked at it, or nobody for too long. Or a
//! person says that it is a machine's.
//!
//! Published, written down and no longer held in one transaction, so that it is told once however often it is asked.
//! Deliberately not here: what is held (domain), and the list of it of all centers (the operator's command).

use std::sync::Arc;
use std::time::Duration;

use causeway_auth::audit::{self, AuditError, Entry, Outcome};
use causeway_auth::{Action, Actor, ActorKind};
use causeway_envelope::TraceContext;
use causeway_mailbox::{Database, Ts, Tx};
use causeway_proto::inquiry::v1 as wire;
use causeway_runtime::Stop;
use prost::Message as _;
use tracing::{debug, error, warn};
use uuid::Uuid;

use super::accept::Acceptance;
use super::grpc::{Calls, allow, deny};
use super::reveal::ids;
use crate::error::Refusal;
use crate::store::{self, held};
use crate::writer::batch::tell;

/// Most inquiries released by one call.
const MOST: usize = 200;
/// Most inquiries listed by one call.
const LISTED: i64 = 100;
/// Why an inquiry may be said to be a machine's.
const WHY_SPAM: [&str; 4] = ["advertising", "test", "abuse", "other"];
/// How often it is looked for what is held too long.
const LOOK: Duration = Duration::from_secs(20);

/// Releases inquiries of a center; none of them known is `NotFound`.
pub async fn release(
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
                let released = let_go(tx, &ids, (actor, action.word()), ("release_held", "released"), trace).await?;
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

/// Hands inquiries on, and writes down who let them go and why.
async fn let_go(
    tx: &mut Tx,
    ids: &[Uuid],
    (actor, action): (Actor, &str),
    (purpose, outcome): (&str, &str),
    trace: TraceContext,
) -> Result<Vec<Uuid>, Refusal> {
    held::lock(tx, ids).await?;
    let released = store::release(tx, ids).await?;
    for (inquiry_id, facts) in &released {
        let facts = read_facts(*inquiry_id, facts)?;
        tell(tx, *inquiry_id, &wire::InquiryReceived { facts: Some(facts) }, trace.clone());
    }
    let released: Vec<Uuid> = released.into_iter().map(|(inquiry_id, _)| inquiry_id).collect();
    held::settle(tx, tx.now(), &released, (outcome, "")).await?;
    write_down(tx, &released, (actor, action, purpose), &trace).await?;
    Ok(released)
}

async fn write_down(
    tx: &mut Tx,
    ids: &[Uuid],
    (actor, action, purpose): (Actor, &str, &str),
    trace: &TraceContext,
) -> Result<(), Refusal> {
    let entry = |inquiry_id: &Uuid| Entry {
        actor: actor.clone(),
        action: action.to_owned(),
        object_kind: "inquiry",
        object_id: inquiry_id.to_string(),
        purpose: purpose.to_owned(),
        outcome: Outcome::Done,
        request_id: trace.traceparent().unwrap_or_default().to_owned(),
    };
    let entries: Vec<Entry> = ids.iter().map(entry).collect();
    audit::append_all(tx, &entries).await.map_err(|AuditError::Database(cause)| Refusal::from(cause))
}

/// What is held and waits for a person, the oldest first.
pub async fn list(
    calls: &Calls,
    actor: &Actor,
    request: wire::ListHeldRequest,
) -> Result<wire::ListHeldResponse, Refusal> {
    permit(actor, &request.center)?;
    let read = calls
        .database
        .read(&request.center, |tx| Box::pin(async move { Ok::<_, Refusal>(held::list(tx, LISTED).await?) }));
    // One that can't be read must not hide the others.
    let shown = |(inquiry_id, facts, signs): (Uuid, Vec<u8>, Vec<String>)| {
        let facts = read_facts(inquiry_id, &facts).ok()?;
        Some(wire::HeldInquiry {
            inquiry_id: inquiry_id.to_string(),
            reference: facts.reference.clone(),
            received_at: facts.received_at,
            consult_type: facts.consult_type,
            signs,
        })
    };
    Ok(wire::ListHeldResponse { held: read.await?.into_iter().filter_map(shown).collect() })
}

fn read_facts(inquiry_id: Uuid, facts: &[u8]) -> Result<wire::Facts, Refusal> {
    wire::Facts::decode(facts).map_err(|cause| {
        error!(%cause, inquiry.id = %inquiry_id, "read the stored facts of an inquiry");
        Refusal::Internal
    })
}

/// Says that inquiries are a machine's. They stay held, so that nobody is told of them and a mistake can be mended: released
/// they go on like any other.
pub async fn spam(
    calls: &Calls,
    actor: Actor,
    request: wire::MarkSpamRequest,
    trace: TraceContext,
) -> Result<wire::MarkSpamResponse, Refusal> {
    let action = permit(&actor, &request.center)?;
    let asked = ids(&request.inquiry_ids, MOST)?;
    let reason = WHY_SPAM.into_iter().find(|word| *word == request.reason);
    let reason = reason.ok_or(Refusal::BadRequest("reason must be one of advertising, test, abuse, other"))?;
    let wanted = asked.clone();
    let marked = calls
        .database
        .with_tx(&request.center, move |tx| {
            Box::pin(async move {
                let marked = held::waiting_of(tx, &wanted).await?;
                held::settle(tx, tx.now(), &marked, ("spam", reason)).await?;
                write_down(tx, &marked, (actor, action.word(), "mark_spam"), &trace).await?;
                Ok::<_, Refusal>(marked)
            })
        })
        .await?;
    let not_held = asked.iter().filter(|id| !marked.contains(id)).map(Uuid::to_string).collect();
    Ok(wire::MarkSpamResponse { marked: marked.iter().map(Uuid::to_string).collect(), not_held })
}

/// Lets go what nobody has looked at for too long, until the stop: better a machine in the queue than a person in none.
pub async fn watch((acceptance, database, minutes): (Arc<Acceptance>, Database, u32), stop: Stop) {
    loop {
        for center in acceptance.profiles.names() {
            let Some(in_force) = acceptance.profiles.current(&center) else { continue };
            let over = database.read(&center, move |tx| {
                Box::pin(async move {
                    let (now, calendar) = (tx.now(), in_force.1.calendar(None));
                    let waiting = held::waiting(tx, MOST as i64).await?;
                    let is_over = |at: &Ts| calendar.add_business(at.0, minutes) <= now;
                    let over = waiting.iter().filter(|(_, at)| is_over(at)).map(|(id, _)| *id);
                    Ok::<_, Refusal>(over.collect::<Vec<Uuid>>())
                })
            });
            match over.await {
                Ok(over) if over.is_empty() => {}
                Ok(over) => let_go_what_waited(&database, &center, over).await,
                Err(cause) => debug!(%cause, center, "look for what is held too long; tried again"),
            }
        }
        tokio::select! {
            () = stop.requested() => return,
            () = tokio::time::sleep(LOOK) => {}
        }
    }
}

/// All at once, or where that fails one by one: one that can't be let go must not keep the others.
async fn let_go_what_waited(database: &Database, center: &str, over: Vec<Uuid>) {
    let let_go = |over: Vec<Uuid>| async {
        let released = database.with_tx(center, move |tx| {
            Box::pin(async move {
                // Somebody may just have said what they are.
                let over = held::waiting_of(tx, &over).await?;
                let who = (Actor::service("ingestion"), Action::RepairInquiry.word());
                let trace = TraceContext::current_or(&TraceContext::default());
                let released = let_go(tx, &over, who, ("held_too_long", "waited"), trace).await?;
                Ok::<_, Refusal>(released.len())
            })
        });
        released.await
    };
    let mut count = 0;
    match let_go(over.clone()).await {
        Ok(all) => count = all,
        Err(cause) => {
            warn!(%cause, center, "let go what is held too long; tried one by one");
            for one in over {
                match let_go(vec![one]).await {
                    Ok(released) => count += released,
                    Err(cause) => warn!(%cause, center, inquiry.id = %one, "let go what is held too long"),
                }
            }
        }
    }
    if count > 0 {
        warn!(center, count, "inquiries were held and nobody looked at them; they are handed on");
    }
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
