//! What operators do about frames that belong to nobody: look at one, put it to a feed, set it aside.
//!
//! They are of no center, so nobody of a center may; each look and each deed is in the installation's own audit chain. Deliberately
//! not here: how a message is heard (hear).

use std::net::{IpAddr, Ipv4Addr};

use causeway_auth::audit::{self, AuditError, Entry, Outcome};
use causeway_auth::{Action, Actor};
use causeway_envelope::TraceContext;
use causeway_proto::convert;
use causeway_proto::inquiry::v1 as wire;
use tracing::error;
use uuid::Uuid;

use super::{Reason, context};
use crate::adapters::hl7::charset;
use crate::error::Refusal;
use crate::handlers::grpc::{Calls, allow};
use crate::store::unaddressed::{self, Frame, INSTALLATION};

const UNKNOWN: Refusal = Refusal::BadRequest("no frame has this id; see 'causeway messages unaddressed list'");
const NOT_WAITING: Refusal = Refusal::WrongState(
    "it was assigned or set aside already; if it still waits, the feed of its outcome was hearing it: assign it to that one again",
);
const NO_FEED: Refusal = Refusal::BadRequest("the center has no HL7 feed of this name; see 'causeway feeds list'");
const NOT_WHOLE: Refusal = Refusal::WrongState(
    "only its beginning came, of which nothing can be made: have its sender send it again, and set this aside",
);
const NO_MESSAGE: Refusal = Refusal::WrongState(
    "nothing in it can be read as a message: have its sender send it again with an MSH segment, and set this aside",
);
/// Why a frame may be set aside.
const WHY: [&str; 4] = ["test_message", "duplicate", "not_ours", "entered_otherwise"];

/// Opens a frame for a stated purpose.
pub async fn open(
    calls: &Calls,
    actor: Actor,
    request: wire::OpenUnaddressedRequest,
    trace: TraceContext,
) -> Result<wire::UnaddressedFrame, Refusal> {
    allow(&actor, Action::Operate, INSTALLATION)?;
    if !["repair", "mapping"].contains(&request.purpose.as_str()) {
        return Err(Refusal::BadRequest("purpose must be repair or mapping"));
    }
    let frame_id = id(&request.frame_id)?;
    let entry = entry(&actor, frame_id, &request.purpose, &trace);
    let frame = calls
        .database
        .with_tx(INSTALLATION, move |tx| {
            Box::pin(async move {
                let frame = unaddressed::frame(tx, frame_id, false).await?.ok_or(UNKNOWN)?;
                audit::append(tx, entry).await.map_err(|AuditError::Database(cause)| Refusal::from(cause))?;
                Ok::<_, Refusal>(frame)
            })
        })
        .await?;
    let raw = if frame.sealed.is_empty() { Vec::new() } else { raw(calls, &frame)? };
    Ok(wire::UnaddressedFrame {
        frame_id: frame.frame_id.to_string(),
        reason: frame.reason,
        state: frame.state,
        network: frame.network,
        times: frame.times,
        received_at: convert::micros(frame.received_at.0),
        outcome: frame.outcome,
        raw: charset::decode(&raw).text.into_owned(),
    })
}

/// Has a feed hear a frame as if it had come from it, and no other feed from then on: else two people could make two patients' inquiries of
/// it. Asked again after a crash it is known as the same message.
pub async fn assign(
    calls: &Calls,
    actor: Actor,
    request: wire::AssignUnaddressedRequest,
    trace: TraceContext,
) -> Result<wire::AssignUnaddressedResponse, Refusal> {
    allow(&actor, Action::Operate, INSTALLATION)?;
    let frame_id = id(&request.frame_id)?;
    let in_force = calls.acceptance.profile(&request.center)?;
    let outcome = format!("{}/{}", request.center, request.feed);
    let frame = claim(calls, frame_id, outcome.clone()).await?;
    let raw = raw(calls, &frame)?;
    let from = frame.network.parse().unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED));
    let heard = match calls.hearing.hear_as((&raw, from), &in_force.1, &request.feed).await? {
        Some(heard) if !heard.is_empty() => heard,
        nothing => {
            give_back(calls, frame_id, outcome).await?;
            return Err(if nothing.is_some() { NO_MESSAGE } else { NO_FEED });
        }
    };
    decide(calls, (frame_id, "assigned", &outcome), entry(&actor, frame_id, "assign_frame", &trace)).await?;
    let heard = heard.into_iter().map(|one| wire::HeardMessage {
        kind: one.kind,
        outcome: one.outcome.to_owned(),
        reference: one.reference.unwrap_or_default(),
    });
    Ok(wire::AssignUnaddressedResponse { heard: heard.collect() })
}

/// Takes a frame off the list that leads to nothing.
pub async fn set_aside(
    calls: &Calls,
    actor: Actor,
    request: wire::SetAsideUnaddressedRequest,
    trace: TraceContext,
) -> Result<wire::SetAsideUnaddressedResponse, Refusal> {
    allow(&actor, Action::Operate, INSTALLATION)?;
    let frame_id = id(&request.frame_id)?;
    let why = WHY
        .into_iter()
        .find(|why| *why == request.reason)
        .ok_or(Refusal::BadRequest("reason must be one of test_message, duplicate, not_ours, entered_otherwise"))?;
    decide(calls, (frame_id, "set_aside", why), entry(&actor, frame_id, "set_frame_aside", &trace)).await?;
    Ok(wire::SetAsideUnaddressedResponse {})
}

async fn claim(calls: &Calls, frame_id: Uuid, feed: String) -> Result<Frame, Refusal> {
    calls
        .database
        .with_tx(INSTALLATION, move |tx| {
            Box::pin(async move {
                let frame = unaddressed::frame(tx, frame_id, true).await?.ok_or(UNKNOWN)?;
                if [Reason::Cut, Reason::TooLong].iter().any(|reason| reason.word() == frame.reason) {
                    return Err(NOT_WHOLE);
                }
                let is_claimed = unaddressed::claim(tx, frame_id, &feed).await?;
                if is_claimed { Ok(frame) } else { Err(NOT_WAITING) }
            })
        })
        .await
}

async fn give_back(calls: &Calls, frame_id: Uuid, feed: String) -> Result<(), Refusal> {
    calls
        .database
        .with_tx(INSTALLATION, move |tx| {
            Box::pin(async move { Ok::<_, Refusal>(unaddressed::give_back(tx, frame_id, &feed).await?) })
        })
        .await
}

async fn decide(
    calls: &Calls,
    (frame_id, state, outcome): (Uuid, &'static str, &str),
    entry: Entry,
) -> Result<(), Refusal> {
    let outcome = outcome.to_owned();
    calls
        .database
        .with_tx(INSTALLATION, move |tx| {
            Box::pin(async move {
                unaddressed::frame(tx, frame_id, true).await?.ok_or(UNKNOWN)?;
                if !unaddressed::decide(tx, frame_id, (state, &outcome)).await? {
                    return Err(NOT_WAITING);
                }
                audit::append(tx, entry).await.map_err(|AuditError::Database(cause)| Refusal::from(cause))
            })
        })
        .await
}

fn entry(actor: &Actor, frame_id: Uuid, purpose: &str, trace: &TraceContext) -> Entry {
    Entry {
        actor: actor.clone(),
        action: Action::Operate.word().to_owned(),
        object_kind: "frame",
        object_id: frame_id.to_string(),
        purpose: purpose.to_owned(),
        outcome: Outcome::Done,
        request_id: trace.traceparent().unwrap_or_default().to_owned(),
    }
}

fn raw(calls: &Calls, frame: &Frame) -> Result<Vec<u8>, Refusal> {
    let opened = calls.acceptance.sealer.open(INSTALLATION, &context(frame.frame_id), &frame.sealed);
    let opened = opened.map_err(|cause| {
        error!(%cause, frame.id = %frame.frame_id, "open a frame that is nobody's");
        Refusal::Internal
    })?;
    Ok(opened.into_exposed())
}

fn id(text: &str) -> Result<Uuid, Refusal> {
    Uuid::parse_str(text)
        .map_err(|_| Refusal::BadRequest("a frame id is not a uuid; see 'causeway messages unaddressed list'"))
}
