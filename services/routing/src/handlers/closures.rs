//! Closures on short notice as a manager enters, ends and sees them.
//!
//! A command keeps the closure and sets a timer that is due at once; what it touches is computed anew by that, a part at a
//! time (`closure_changed`). Deliberately not here: closed days that are known long before; those are the profile's.

use causeway_auth::Actor;
use causeway_funnel::stillness::ClosureReason;
use causeway_mailbox::{Timer, Tx};
use causeway_proto::convert::{micros, optional_instant};
use causeway_proto::error::Reason;
use causeway_proto::events::id;
use causeway_proto::routing::v1 as wire;
use jiff::{SignedDuration, Timestamp};

use super::api::Api;
use super::closure_changed::{CLOSURE_CHANGED, Part};
use super::moved::Cause;
use crate::domain::Closed;
use crate::error::{Error, refused};
use crate::store::closures::{self, Closure};

/// How far back a closure may begin, and how long one that is over is listed.
const BACK: SignedDuration = SignedDuration::from_hours(24 * 31);
/// How far ahead one may end: what is known earlier belongs into the profile.
const AHEAD: SignedDuration = SignedDuration::from_hours(24 * 366);
/// Longest note, in characters.
const LONGEST_NOTE: usize = 160;
/// Most closures in one list.
const MOST: i64 = 200;

pub(super) async fn list(api: &Api, asked: wire::ListClosuresRequest) -> Result<wire::ListClosuresResponse, Error> {
    let all = api.database.read(&asked.center, |tx| {
        Box::pin(async move { Ok::<_, Error>(closures::list(tx, tx.now() - BACK, MOST).await?) })
    });
    Ok(wire::ListClosuresResponse { closures: all.await?.iter().map(to_wire).collect() })
}

pub(super) async fn enter(api: &Api, actor: Actor, asked: wire::EnterClosureRequest) -> Result<wire::Closure, Error> {
    let in_force = api.in_force(&asked.center)?;
    let profile = &in_force.1;
    let fault = |text: String| Err(refused(Reason::FieldFault, text));
    if !asked.site.is_empty() && profile.site(&asked.site).is_none() {
        return Err(refused(
            Reason::UnknownName,
            format!("site: \"{}\" is no site of this center; leave it empty for all", asked.site),
        ));
    }
    if !asked.team.is_empty() && profile.team(&asked.team).is_none() {
        return Err(refused(
            Reason::UnknownName,
            format!("team: \"{}\" is no team of this center; leave it empty for all", asked.team),
        ));
    }
    let reason: ClosureReason = match asked.reason.parse() {
        Ok(reason) => reason,
        Err(cause) => {
            let cause: causeway_funnel::words::UnknownWord = cause;
            return fault(format!("reason: {cause}"));
        }
    };
    let note = asked.note.trim().to_owned();
    if note.chars().count() > LONGEST_NOTE || note.chars().any(char::is_control) {
        return fault(format!("note: write up to {LONGEST_NOTE} characters in one line, and nothing about a patient"));
    }
    let (Some(from), Some(to)) = (optional_instant(asked.from), optional_instant(asked.to)) else {
        return fault("from and to: say when the closure begins and when it ends".to_owned());
    };
    let closed = Closed { site: asked.site, team: asked.team, from, to };
    let center = asked.center.clone();
    let kept = api.database.with_tx(&center, move |tx| {
        Box::pin(async move {
            is_sensible(&closed, tx.now())?;
            let (reason, entered_at) = (reason.as_str().to_owned(), tx.now());
            let new = Closure { closure_id: tx.new_id(), closed, reason, note, entered_at, entered_by: actor.id };
            let (kept, is_new) = closures::enter(tx, &new).await?;
            if is_new {
                compute_soon(tx, &kept, (kept.closed.from, kept.closed.to), Cause::ClosureEntered).await?;
            }
            Ok::<_, Error>(kept)
        })
    });
    Ok(to_wire(&kept.await?))
}

fn is_sensible(closed: &Closed, now: Timestamp) -> Result<(), Error> {
    let text = if closed.to <= closed.from {
        "to: the closure ends before it begins; enter a later end"
    } else if now.duration_since(closed.from) > BACK {
        "from: the closure begins more than 31 days ago; enter the part since then"
    } else if now.duration_until(closed.to) > AHEAD {
        "to: the closure ends more than a year ahead; put closed days that are known so early into center.toml"
    } else {
        return Ok(());
    };
    Err(refused(Reason::FieldFault, text))
}

pub(super) async fn end(api: &Api, actor: Actor, asked: wire::EndClosureRequest) -> Result<wire::Closure, Error> {
    let closure_id =
        id("closure_id", &asked.closure_id).map_err(|cause| refused(Reason::FieldFault, cause.to_string()))?;
    let withdraw = match asked.how.as_str() {
        "now" => false,
        "withdraw" => true,
        _ => return Err(refused(Reason::FieldFault, "how: write now, or withdraw to take the closure back")),
    };
    let ended = api.database.with_tx(&asked.center, move |tx| {
        Box::pin(async move {
            let Some(mut one) = closures::find_to_end(tx, closure_id).await? else {
                return Err(refused(
                    Reason::NotFound,
                    "no such closure stands in this center; it may be taken back already",
                ));
            };
            let (now, Closed { from, to, .. }) = (tx.now(), one.closed.clone());
            if !withdraw && now >= to {
                // Pressed twice, or a moment too late: it is over.
                return Ok(one);
            }
            if !withdraw && now <= from {
                return Err(refused(Reason::WrongState, "the closure has not begun; take it back instead"));
            }
            closures::end(tx, closure_id, withdraw, &actor.id).await?;
            let opened = if withdraw { from } else { now };
            compute_soon(tx, &one, (opened, to), Cause::ClosureEnded).await?;
            if !withdraw {
                one.closed.to = now;
            }
            Ok(one)
        })
    });
    Ok(to_wire(&ended.await?))
}

/// Has the due times that a stretch touches computed anew, as soon as this transaction is committed.
async fn compute_soon(
    tx: &mut Tx,
    closure: &Closure,
    (from, to): (Timestamp, Timestamp),
    cause: Cause,
) -> Result<(), Error> {
    let (now, part) = (tx.now(), Part::first((from, to), cause, tx.new_id()));
    let timer = Timer {
        aggregate_id: closure.closure_id,
        kind: CLOSURE_CHANGED,
        occurrence: part.occurrence(),
        due_at: now,
        payload: part.payload(),
        trace: tx.trace().clone(),
    };
    Ok(tx.schedule(timer).await?)
}

fn to_wire(one: &Closure) -> wire::Closure {
    wire::Closure {
        closure_id: one.closure_id.to_string(),
        site: one.closed.site.clone(),
        team: one.closed.team.clone(),
        from: micros(one.closed.from),
        to: micros(one.closed.to),
        reason: one.reason.clone(),
        note: one.note.clone(),
        entered_by: one.entered_by.clone(),
        entered_at: micros(one.entered_at),
    }
}
