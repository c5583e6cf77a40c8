//! Clocks are computed anew: after a pause, after it ended, after a closure was entered or ended.
//!
//! A clock is a function of the receipt, the target, the hours with all closures, and the pauses; so computing it again
//! gives the same, and a change that is applied twice or half and then again ends where it should. Each clock that stands
//! otherwise than before gets the next version of its decision, a timer at its new end, and is told; the old timer never
//! fires. Deliberately not here: what caused it.

use std::collections::HashMap;
use std::sync::Arc;

use causeway_funnel::profile::Profile;
use causeway_mailbox::{Draft, Revisions, Tx};
use causeway_proto::convert::{instant, micros};
use causeway_proto::events::{Unreadable, fact};
use causeway_proto::inquiry::v1::Facts;
use causeway_proto::routing::v1::{ClockPause, ResponseDueChanged};
use jiff::Timestamp;
use prost::Message as _;
use uuid::Uuid;

use super::response_due::{self, RESPONSE_DUE};
use crate::domain::{Closed, Open, restated, stopped_clock};
use crate::error::Error;
use crate::store::clock::{self, Clocked, Paused};
use crate::store::{closures, work};

/// Why clocks are computed anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Cause {
    Paused,
    Resumed,
    ClosureEntered,
    ClosureEnded,
}

impl Cause {
    fn word(self) -> &'static str {
        match self {
            Self::Paused => "paused",
            Self::Resumed => "resumed",
            Self::ClosureEntered => "closure_entered",
            Self::ClosureEnded => "closure_ended",
        }
    }

    /// A pause is told also where it moves nothing: the person is not to be called meanwhile.
    fn is_told_always(self) -> bool {
        matches!(self, Self::Paused | Self::Resumed)
    }
}

/// What clocks are computed from beside their own rows: the hours of each revision, and the closures. While it is held, nobody
/// enters or ends a closure of this center.
pub(super) struct Hours {
    revisions: HashMap<String, Arc<(String, Profile)>>,
    in_force: Arc<(String, Profile)>,
    closures: Vec<Closed>,
}

impl Hours {
    /// For these decisions: each is computed by the hours of the revision that it was made with, so that a closure moves what
    /// it covers and nothing else. A revision that is not kept any more is computed by the one in force.
    pub(super) async fn of(
        profiles: &Revisions<Profile>,
        in_force: Arc<(String, Profile)>,
        tx: &mut Tx,
        all: &[Clocked],
    ) -> Result<Self, Error> {
        let mut revisions = HashMap::from([(in_force.0.clone(), in_force.clone())]);
        for one in all {
            if !revisions.contains_key(&one.revision) {
                let past = profiles.at(tx.center(), &one.revision).await?;
                let used = past.map_or_else(|| in_force.clone(), |profile| Arc::new((one.revision.clone(), profile)));
                revisions.insert(one.revision.clone(), used);
            }
        }
        let earliest = all.iter().map(|one| received(one).map(|(at, _)| at)).collect::<Result<Vec<_>, _>>()?;
        let since = earliest.into_iter().min().unwrap_or_else(|| tx.now());
        let closures = closures::standing(tx, since).await?;
        Ok(Self { revisions, in_force, closures })
    }

    /// The clocks as they stand by now, in the order of the decisions.
    pub(super) fn compute(
        &self,
        all: &[Clocked],
        pauses: &HashMap<Uuid, Vec<Paused>>,
        now: Timestamp,
    ) -> Result<Vec<Clocked>, Error> {
        let mut open: HashMap<&str, Open<'_>> = HashMap::new();
        let mut computed = Vec::with_capacity(all.len());
        for before in all {
            let profile = &self.revisions.get(&before.revision).unwrap_or(&self.in_force).1;
            let open = open.entry(&before.revision).or_insert_with(|| Open::new(profile, &self.closures));
            let calendar = open.of(&before.clock_team, before.site.as_deref());
            let stretches = pauses.get(&before.inquiry_id).into_iter().flatten().map(Paused::stretch).collect();
            let target = u32::try_from(before.target_minutes).unwrap_or_default();
            let clock = stopped_clock(calendar, received(before)?.0, target, stretches);
            computed.push(Clocked {
                response_due_at: clock.due_at,
                clock_starts_at: clock.starts_at,
                after_hours: clock.after_hours,
                clock_state: restated(&before.clock_state, clock.due_at, before.first_attempt_at, now).to_owned(),
                ..before.clone()
            });
        }
        Ok(computed)
    }
}

/// When the inquiry of a decision came in, and its facts.
fn received(one: &Clocked) -> Result<(Timestamp, Facts), Error> {
    let facts = Facts::decode(one.facts.as_slice())
        .map_err(|source| Unreadable::Payload { kind: "causeway.inquiry.v1.Facts", source })?;
    Ok((instant("received_at", facts.received_at)?, facts))
}

fn stands_otherwise(before: &Clocked, after: &Clocked) -> bool {
    let seen = |one: &Clocked| (one.response_due_at, one.clock_starts_at, one.clock_state.clone());
    seen(before) != seen(after)
}

/// Computes clocks anew that may have moved; gives how those that are known here stand after it.
pub(super) async fn compute_anew(
    hours: &Hours,
    tx: &mut Tx,
    looked_at: Vec<Clocked>,
    cause: Cause,
) -> Result<Vec<Clocked>, Error> {
    let now = tx.now();
    let ids: Vec<Uuid> = looked_at.iter().map(|one| one.inquiry_id).collect();
    let pauses = clock::pauses(tx, &ids).await?;
    let first_look = hours.compute(&looked_at, &pauses, now)?;
    let moving = looked_at.iter().zip(&first_look).filter(|(before, after)| stands_otherwise(before, after));
    let moving: Vec<Uuid> = if cause.is_told_always() { ids } else { moving.map(|(one, _)| one.inquiry_id).collect() };
    if moving.is_empty() {
        return Ok(Vec::new());
    }
    // Timers before people before work before decisions, as when they fire: in another order the two could wait for each other.
    tx.cancel_timers(&moving, Some(RESPONSE_DUE)).await?;
    work::lock_people(tx).await?;
    work::lock(tx, &moving).await?;
    let locked = clock::lock(tx, &moving).await?;
    let pauses = clock::pauses(tx, &moving).await?;
    let mut after = hours.compute(&locked, &pauses, now)?;
    let mut changed = Vec::with_capacity(after.len());
    for (before, after) in locked.iter().zip(&mut after) {
        let tells = cause.is_told_always() || stands_otherwise(before, after);
        if tells {
            after.version = before.version + 1;
            let stretches = pauses.get(&after.inquiry_id);
            tx.emit(draft(tx, &told((before, &*after), stretches, cause, now)?, after));
            changed.push(after.clone());
        }
    }
    clock::save(tx, &changed).await?;
    // What was told of a clock stays told; its end and the levels that are still to come move with it.
    let trace = tx.trace().clone();
    let traces = moving.iter().map(|inquiry| (*inquiry, &trace)).collect();
    response_due::look(tx, &mut Open::new(&hours.in_force.1, &hours.closures), &moving, &traces).await?;
    Ok(after)
}

/// The pause that stands at an instant.
pub(super) fn standing(pauses: Option<&Vec<Paused>>, now: Timestamp) -> Option<&Paused> {
    pauses?.iter().rev().find(|pause| pause.from <= now && now < pause.to)
}

fn told(
    (before, after): (&Clocked, &Clocked),
    pauses: Option<&Vec<Paused>>,
    cause: Cause,
    now: Timestamp,
) -> Result<ResponseDueChanged, Error> {
    let pause = standing(pauses, now);
    let stretch = |one: &Paused| ClockPause { from: micros(one.from), to: micros(one.to), reason: one.reason.clone() };
    Ok(ResponseDueChanged {
        facts: Some(received(after)?.1),
        team: after.team.clone(),
        site: after.site.clone().unwrap_or_default(),
        cause: cause.word().to_owned(),
        previous_due_at: micros(before.response_due_at),
        response_due_at: micros(after.response_due_at),
        clock_starts_at: micros(after.clock_starts_at),
        after_hours: after.after_hours,
        pause_reason: pause.map(|pause| pause.reason.clone()).unwrap_or_default(),
        paused_until: pause.map_or(0, |pause| micros(pause.to)),
        miss_taken_back: is_late(before) && !is_late(after),
        at: micros(now),
        pauses: pauses.into_iter().flatten().map(stretch).collect(),
    })
}

fn is_late(one: &Clocked) -> bool {
    matches!(one.clock_state.as_str(), "missed" | "met_late")
}

fn draft(tx: &Tx, event: &ResponseDueChanged, after: &Clocked) -> Draft {
    let fact = fact(tx.center(), event);
    Draft {
        event_id: None,
        subject: fact.subject,
        kind: fact.kind,
        aggregate_id: after.inquiry_id,
        version: after.version,
        payload: fact.payload,
        trace: tx.trace().clone(),
    }
}
