//! What a person says of a call: into which inquiry it was taken down, to which one it belongs, or that nothing is to be done.
//!
//! Who said so is written down in the same transaction. Deliberately not here: what a call waits for (take).

use std::sync::Arc;

use causeway_auth::audit::{self, AuditError, Entry, Outcome};
use causeway_auth::{Action, Actor, ActorKind};
use causeway_envelope::TraceContext;
use causeway_proto::inquiry::v1 as wire;
use tokio::time::Instant;
use uuid::Uuid;

use super::list::NO_CALL;
use crate::domain::submission::Submission;
use crate::error::Refusal;
use crate::handlers::grpc::{Calls, allow, deny};
use crate::store::calls::Standing;
use crate::store::{self, calls};
use crate::writer::batch::{self, Answer, Verdict, Way};

/// The call was taken down.
const ENTERED: &str = "entered";
/// It belongs to an inquiry that is named.
const BELONGS: &str = "belongs";
/// Somebody called back.
const CALLED_BACK: &str = "called_back";
/// What may be said of a call.
const REASONS: [&str; 5] = [BELONGS, CALLED_BACK, "no_request", "wrong_number", "test"];
/// Most calls that are settled at once: those of a page.
const MOST: usize = 200;

fn entry(actor: &Actor, call_id: Uuid, purpose: String, trace: &TraceContext) -> Entry {
    Entry {
        actor: actor.clone(),
        action: Action::EnterInquiry.word().to_owned(),
        object_kind: "call",
        object_id: call_id.to_string(),
        purpose,
        outcome: Outcome::Done,
        request_id: trace.traceparent().unwrap_or_default().to_owned(),
    }
}

/// Takes a call off the list of those that wait.
pub async fn call(
    calls: &Calls,
    actor: Actor,
    request: wire::SettleCallRequest,
    trace: TraceContext,
) -> Result<wire::SettleCallResponse, Refusal> {
    if actor.kind != ActorKind::Staff {
        return Err(deny("only a person of the staff says what became of a call".to_owned()));
    }
    allow(&actor, Action::EnterInquiry, &request.center)?;
    let Some(reason) = REASONS.into_iter().find(|known| *known == request.reason) else {
        const KNOWN: &str = "reason must be one of belongs, called_back, no_request, wrong_number, test";
        return Err(Refusal::BadRequest(KNOWN));
    };
    let call_id = Uuid::parse_str(&request.call_id).map_err(|_| NO_CALL)?;
    if request.also.len() > MOST {
        return Err(Refusal::BadRequest("also may name at most 200 calls"));
    }
    // Only a call back speaks of all the calls that this person made; whoever called by mistake may have called rightly before.
    let also = if reason == CALLED_BACK { request.also.as_slice() } else { &[] };
    let also = also.iter().map(|id| Uuid::parse_str(id).map_err(|_| NO_CALL)).collect::<Result<Vec<Uuid>, _>>()?;
    let inquiry = match request.inquiry_id.as_str() {
        "" if reason == BELONGS => return Err(Refusal::BadRequest("name the inquiry to which the call belongs")),
        "" => None,
        named => Some(Uuid::parse_str(named).map_err(|_| Refusal::UnknownInquiry)?).filter(|_| reason == BELONGS),
    };
    let settled = calls
        .database
        .with_tx(&request.center, move |tx| {
            Box::pin(async move {
                if let Some(named) = inquiry
                    && store::known(tx, &[named]).await?.is_empty()
                {
                    return Err(Refusal::UnknownInquiry);
                }
                let held = calls::hold_with(tx, call_id, &also).await?;
                let standing = held.iter().find(|one| one.call_id == call_id).ok_or(NO_CALL)?;
                let is_with = |one: &&Standing| {
                    one.call_id == call_id || (one.inquiry_id.is_some() && one.inquiry_id == standing.inquiry_id)
                };
                let all: Vec<Uuid> = held.iter().filter(is_with).map(|one| one.call_id).collect();
                let settled = calls::settle(tx, &all, (reason, &actor.id), inquiry).await?;
                let entries: Vec<Entry> =
                    settled.iter().map(|id| entry(&actor, *id, format!("settle_call_{reason}"), &trace)).collect();
                if !entries.is_empty() {
                    audit::append_all(tx, &entries)
                        .await
                        .map_err(|AuditError::Database(cause)| Refusal::from(cause))?;
                }
                Ok::<_, Refusal>(settled)
            })
        })
        .await?;
    Ok(wire::SettleCallResponse { settled: settled.iter().map(Uuid::to_string).collect() })
}

/// Accepts what was taken down in a call, and ties the two together in one transaction: neither an inquiry that left its call
/// waiting nor a call that was taken down twice can come of it.
pub async fn enter(
    calls: &Calls,
    actor: Actor,
    (submission, call_id): (Submission, &str),
    trace: TraceContext,
) -> Result<Answer, Refusal> {
    if actor.kind != ActorKind::Staff {
        return Err(deny("only a person of the staff takes down a call".to_owned()));
    }
    let call_id = Uuid::parse_str(call_id).map_err(|_| NO_CALL)?;
    let begun = Instant::now();
    let in_force = calls.acceptance.profile(&submission.center)?;
    let arrival = calls.acceptance.prepare(&in_force.1, &submission, trace.clone())?;
    let (source, held, arrival) = (arrival.source, arrival.held, Arc::new([arrival]));
    let center = submission.center;
    let (answer, is_new) = calls
        .database
        .with_tx(&center, move |tx| {
            Box::pin(async move {
                let standing = calls::hold(tx, call_id).await?.ok_or(NO_CALL)?;
                let (answer, is_new) = match batch::commit(tx, arrival.as_slice(), Way::Careful).await?.pop() {
                    Some(Verdict::Kept(answer)) => (answer, true),
                    Some(Verdict::Repeated(answer) | Verdict::Reopened(answer)) => (answer, false),
                    Some(Verdict::KeyReused(_)) => return Err(Refusal::KeyReused),
                    // Both of its request numbers are taken: with a new id it has new ones.
                    _ => return Err(Refusal::Unavailable),
                };
                let inquiry = answer.inquiry_id.parse().ok();
                if standing.waits_for.is_empty() {
                    // The same entry sent once more finds its own work; anybody else's stands.
                    let is_own = standing.outcome == ENTERED && standing.inquiry_id == inquiry;
                    return if is_own { Ok((answer, is_new)) } else { Err(DEALT_WITH) };
                }
                calls::settle(tx, &[call_id], (ENTERED, &actor.id), inquiry).await?;
                let entry = entry(&actor, call_id, "enter_call".to_owned(), &trace);
                audit::append(tx, entry).await.map_err(|AuditError::Database(cause)| Refusal::from(cause))?;
                Ok::<_, Refusal>((answer, is_new))
            })
        })
        .await?;
    calls.acceptance.metrics.accept.observe(begun.elapsed().as_secs_f64());
    if is_new {
        calls.acceptance.count(&center, source, held, &answer);
    } else {
        calls.acceptance.metrics.repeated.with_label_values(&[&center]).inc();
    }
    Ok(answer)
}

const DEALT_WITH: Refusal = Refusal::WrongState(
    "this call is an inquiry already, or somebody has dealt with it; look at the list of calls, or enter it without the call",
);
