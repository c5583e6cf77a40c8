//! `PauseClock` and `ResumeClock`: nobody is to be called for the time being, with a reason that can be counted.
//!
//! A pause always says until when at most, so an inquiry is never out of sight: its due time is known at every moment, and
//! nothing has to wake up to end the pause. Deliberately not here: free words (see the vocabulary).

use causeway_auth::Actor;
use causeway_funnel::stillness::PauseReason;
use causeway_funnel::time_words;
use causeway_mailbox::Tx;
use causeway_proto::convert::{micros, optional_instant};
use causeway_proto::error::Reason;
use causeway_proto::events::id;
use causeway_proto::routing::v1::{PauseClockRequest, ResponseClock, ResumeClockRequest};
use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use super::api::Api;
use super::moved::{Cause, Hours, compute_anew, standing};
use crate::error::{Error, refused};
use crate::store::clock::{self, Clocked, Paused};

/// The longest pause.
const LONGEST: SignedDuration = SignedDuration::from_hours(24 * 92);

/// What is to become of a clock.
enum Wish {
    Pause { reason: PauseReason, until: i64 },
    Resume,
}

pub(super) async fn pause(api: &Api, actor: Actor, asked: PauseClockRequest) -> Result<ResponseClock, Error> {
    let reason: PauseReason = asked.reason.parse().map_err(|cause: causeway_funnel::words::UnknownWord| {
        refused(Reason::FieldFault, format!("reason: {cause}"))
    })?;
    let wish = Wish::Pause { reason, until: asked.until };
    change(api, actor, (asked.center, &asked.inquiry_id), wish).await
}

pub(super) async fn resume(api: &Api, actor: Actor, asked: ResumeClockRequest) -> Result<ResponseClock, Error> {
    change(api, actor, (asked.center, &asked.inquiry_id), Wish::Resume).await
}

async fn change(
    api: &Api,
    actor: Actor,
    (center, inquiry): (String, &str),
    wish: Wish,
) -> Result<ResponseClock, Error> {
    let inquiry_id = id("inquiry_id", inquiry).map_err(|cause| refused(Reason::FieldFault, cause.to_string()))?;
    let (profiles, in_force) = (api.profiles.clone(), api.in_force(&center)?);
    api.database
        .with_tx(&center, move |tx| {
            Box::pin(async move {
                let found = clock::find(tx, &[inquiry_id]).await?;
                if found.is_empty() {
                    let text = "no route was decided for this inquiry in this center; check its number and the center";
                    return Err(refused(Reason::NotFound, text));
                }
                let hours = Hours::of(&profiles, in_force.clone(), tx, &found).await?;
                let (now, before) = (tx.now(), clock::pauses(tx, &[inquiry_id]).await?);
                let stands = standing(before.get(&inquiry_id), now);
                let cause = match wish {
                    Wish::Pause { reason, until } => {
                        let until = readable(until, now)?;
                        may_pause(&found[0], now)?;
                        let from = stands.map_or(now, |pause| pause.from);
                        let wanted = Paused { from, to: until, reason: reason.as_str().to_owned() };
                        if stands != Some(&wanted) {
                            clock::set_pause(tx, inquiry_id, &wanted, &actor.id).await?;
                        }
                        (stands != Some(&wanted)).then_some(Cause::Paused)
                    }
                    Wish::Resume => clock::end_pauses(tx, inquiry_id, &actor.id).await?.then_some(Cause::Resumed),
                };
                let after = match cause {
                    Some(cause) => compute_anew(&hours, tx, found, cause).await?,
                    None => found,
                };
                answer(tx, &after, inquiry_id, &in_force.1).await
            })
        })
        .await
}

fn readable(until: i64, now: Timestamp) -> Result<Timestamp, Error> {
    optional_instant(until).filter(|until| now < *until && now.duration_until(*until) <= LONGEST).ok_or_else(|| {
        refused(Reason::FieldFault, "until: a pause ends within the next three months; choose a day ahead")
    })
}

/// A pause is for a clock that runs.
fn may_pause(one: &Clocked, now: Timestamp) -> Result<(), Error> {
    let text = match (one.clock_state.as_str(), one.first_attempt_at) {
        ("pending", None) if now < one.response_due_at => return Ok(()),
        ("cancelled", _) => {
            "the inquiry was closed, which stopped its response clock; open it again first, or set the next try where it is open"
        }
        (_, Some(_)) => {
            "somebody has tried to reach the person already, so the response clock does not run; set the next try"
        }
        _ => "the response time has passed already; a pause can not move it. Call now, or hand the inquiry over",
    };
    Err(refused(Reason::WrongState, text))
}

async fn answer(
    tx: &mut Tx,
    after: &[Clocked],
    inquiry_id: Uuid,
    profile: &causeway_funnel::profile::Profile,
) -> Result<ResponseClock, Error> {
    let now = tx.now();
    let pauses = clock::pauses(tx, &[inquiry_id]).await?;
    let pause = standing(pauses.get(&inquiry_id), now);
    let Some(one) = after.first() else { return Ok(ResponseClock::default()) };
    Ok(ResponseClock {
        response_due_at: micros(one.response_due_at),
        clock_starts_at: micros(one.clock_starts_at),
        after_hours: one.after_hours,
        clock_state: one.clock_state.clone(),
        pause_reason: pause.map(|pause| pause.reason.clone()).unwrap_or_default(),
        paused_until: pause.map_or(0, |pause| micros(pause.to)),
        paused_since: pause.map_or(0, |pause| micros(pause.from)),
        due_words: time_words::words(one.response_due_at, profile.zone(), profile.default_language()),
    })
}
