//! Tries messages again as they stand, and releases one with mended fields.
//!
//! Each is a transaction of its own, so that one that can't be taken keeps no other waiting, and a long run can be followed and
//! cut off at any point. Deliberately not here: how an inquiry is made of one (take).

use causeway_auth::Actor;
use causeway_envelope::TraceContext;
use causeway_proto::inquiry::v1 as wire;
use uuid::Uuid;

use super::door::Wish;
use super::open::{FEED_GONE, feed, read};
use super::take::{self, NOT_WAITING, Outcome};
use super::{Doer, UNKNOWN, after, mend, token};
use crate::domain::submission::Submission;
use crate::error::Refusal;
use crate::handlers::grpc::Calls;
use crate::store::file_rows::{self, FileOf};
use crate::store::repairs::{self, Message, Wanted};

/// Most messages of one call, so that each call is answered soon.
const MOST: usize = 50;

/// Tries messages again.
pub async fn messages(
    calls: &Calls,
    actor: Actor,
    request: wire::RetryRepairsRequest,
    trace: TraceContext,
) -> Result<wire::RetryRepairsResponse, Refusal> {
    let doer = Doer::permitted(actor, &request.center, trace)?;
    calls.acceptance.profile(&request.center)?;
    if request.ids.len() > MOST {
        return Err(Refusal::BadRequest("name not more messages than the service takes at once"));
    }
    let (ids, next_page_token) = if request.ids.is_empty() {
        some(calls, &request).await?
    } else {
        (request.ids.iter().map(|text| super::id(text)).collect::<Result<Vec<_>, _>>()?, String::new())
    };
    let mut outcomes = Vec::with_capacity(ids.len());
    for id in ids {
        let outcome = match retry(calls, &doer, &request.center, id).await {
            Ok(outcome) => outcome,
            // The record can't be used: the others would fare no better.
            Err(refusal @ (Refusal::Unavailable | Refusal::Unknown | Refusal::Full | Refusal::NotReady)) => {
                return Err(refusal);
            }
            Err(refusal) => Outcome::of(refusal.word(), None, None),
        };
        outcomes.push(outcome.told(id));
    }
    Ok(wire::RetryRepairsResponse { outcomes, next_page_token })
}

/// The next messages of a feed, or for a reason.
async fn some(calls: &Calls, request: &wire::RetryRepairsRequest) -> Result<(Vec<Uuid>, String), Refusal> {
    if request.feed.is_empty() && request.reason.is_empty() {
        return Err(Refusal::BadRequest("name messages, a feed or a reason"));
    }
    let wanted = Wanted {
        is_refused: super::is_refused(&request.view)?,
        feeds: (!request.feed.is_empty()).then(|| vec![request.feed.clone()]),
        reason: request.reason.clone(),
        sources: Vec::new(),
        with_files: false,
        after: after(&request.page_token)?,
    };
    let most = i64::try_from(MOST).unwrap_or_default();
    let found = calls
        .database
        .read(&request.center, move |tx| {
            Box::pin(async move { Ok::<_, Refusal>(repairs::list(tx, &wanted, most).await?) })
        })
        .await?;
    let next = found.last().filter(|_| found.len() == MOST).map(token).unwrap_or_default();
    Ok((found.into_iter().map(|one| one.id).collect(), next))
}

async fn retry(calls: &Calls, doer: &Doer, center: &str, id: Uuid) -> Result<Outcome, Refusal> {
    let (message, row) = stored(calls, center, id).await?;
    if !message.waits() {
        return Ok(Outcome::of(NOT_WAITING, message.inquiry_id, message.reference));
    }
    let in_force = calls.acceptance.profile(center)?;
    let feed = feed(&in_force.1, &message.feed).ok_or(FEED_GONE)?;
    let understood = read(calls, (&in_force.1, feed), &message, row.as_ref())?;
    match &understood.wish {
        Wish::New => {
            let submission = keyed(understood.submission(&in_force.1, feed)?, id);
            match take::message(calls, doer, (id, "retry"), submission).await {
                // Nobody could act on it as it stands.
                Err(Refusal::Faults(_)) => take::still(calls, doer, (center, id), None).await,
                other => other,
            }
        }
        Wish::About(reason, reference) => {
            let numbered = reference.clone().map(|number| (number, feed.office.clone()));
            let about = (*reason, understood.asked.key.clone(), numbered);
            take::find(calls, doer, (center, id), about).await
        }
        Wish::Mended | Wish::Nothing => take::still(calls, doer, (center, id), None).await,
    }
}

/// Without a number of the office the message itself is what a repeat is known by.
fn keyed(submission: Submission, id: Uuid) -> Submission {
    let key = submission.idempotency_key.or_else(|| Some(format!("repair:{id}")));
    Submission { idempotency_key: key, ..submission }
}

/// A message, and how the file was read in which a row came.
pub async fn stored(calls: &Calls, center: &str, id: Uuid) -> Result<(Message, Option<FileOf>), Refusal> {
    calls
        .database
        .read(center, move |tx| {
            Box::pin(async move {
                let message = repairs::message(tx, id, false).await?.ok_or(UNKNOWN)?;
                Ok::<_, Refusal>((message, file_rows::file_of(tx, id).await?))
            })
        })
        .await
}

const NOT_NEW: Refusal = Refusal::WrongState(
    "it is about a referral that is known or on its way: do there what it asks for, then settle it",
);
const NOTHING_NEW: Refusal =
    Refusal::WrongState("it refers nobody, so no inquiry can be made of it: settle it, or set it aside");

/// Releases something with mended fields.
pub async fn release(
    calls: &Calls,
    actor: Actor,
    request: wire::ReleaseRepairRequest,
    trace: TraceContext,
) -> Result<wire::RepairOutcome, Refusal> {
    let doer = Doer::permitted(actor, &request.center, trace)?;
    let id = super::id(&request.id)?;
    let fields: Vec<(String, String)> = request.fields.into_iter().collect();
    match request.kind.as_str() {
        "inquiry" => mend::inquiry(calls, &doer, (&request.center, id), (fields, request.was)).await,
        "message" => mended(calls, &doer, (&request.center, id), (fields, request.strict)).await,
        _ => Err(Refusal::BadRequest("kind must be message or inquiry")),
    }
}

async fn mended(
    calls: &Calls,
    doer: &Doer,
    (center, id): (&str, Uuid),
    (fields, strict): (Vec<(String, String)>, bool),
) -> Result<wire::RepairOutcome, Refusal> {
    let odd = mend::odd(&fields);
    if !odd.is_empty() {
        return Err(Refusal::Faults(odd));
    }
    let (message, row) = stored(calls, center, id).await?;
    if !message.waits() {
        return Ok(Outcome::of(NOT_WAITING, message.inquiry_id, message.reference).told(id));
    }
    let in_force = calls.acceptance.profile(center)?;
    let feed = feed(&in_force.1, &message.feed).ok_or(FEED_GONE)?;
    let mut understood = read(calls, (&in_force.1, feed), &message, row.as_ref())?;
    match understood.wish {
        Wish::New | Wish::Mended => {}
        Wish::About(..) => return Err(NOT_NEW),
        Wish::Nothing => return Err(NOTHING_NEW),
    }
    understood.mend(feed, fields);
    let submission = Submission { strict, ..keyed(understood.submission(&in_force.1, feed)?, id) };
    match take::message(calls, doer, (id, "release"), submission).await {
        Ok(outcome) => Ok(outcome.told(id)),
        Err(Refusal::Faults(faults)) => Err(Refusal::Faults(mend::for_staff(faults))),
        Err(other) => Err(other),
    }
}
