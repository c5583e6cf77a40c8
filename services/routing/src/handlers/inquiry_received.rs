//! An inquiry is durable: decide where it goes and by when somebody is to be reached.
//!
//! One decision for each inquiry, for good: the same inquiry told again changes nothing. Whose turn it is is chosen with it, where
//! somebody of the team is on duty; else, and while a closure on short notice stands, it waits. A handful of statements for a whole batch
//! (closures, decisions, people, work, timers, outbox). Deliberately not here: what people do with it afterwards.

use std::collections::{HashMap, HashSet};

use causeway_funnel::inquiry::Facts;
use causeway_funnel::profile::Profile;
use causeway_funnel::routing::passed;
use causeway_mailbox::{Draft, HandlerError, Outcome, Received, Revisions, Timer, Tx};
use causeway_proto::convert::{facts_from_wire, micros};
use causeway_proto::events::fact;
use causeway_proto::inquiry::v1::{self as wire, InquiryReceived};
use causeway_proto::routing::v1::RouteDecided;
use prost::Message as _;
use uuid::Uuid;

use super::response_due::first_timer;
use super::{Placed, give_out, later, read, untouched};
use crate::domain::passed::pack;
use crate::domain::{Need, Open, Route, route_in};
use crate::store::work::{self, Work};
use crate::store::{self, NewDecision, closures};

pub(super) async fn handle(
    profiles: &Revisions<Profile>,
    tx: &mut Tx,
    placed: &[Placed<'_>],
    outcomes: &mut [Outcome],
) -> Result<(), HandlerError> {
    if placed.is_empty() {
        return Ok(());
    }
    let Some(in_force) = profiles.current(tx.center()) else {
        placed.iter().for_each(|(place, message)| outcomes[*place] = later(message));
        return Ok(());
    };
    let (revision, profile) = (&in_force.0, &in_force.1);
    let mut seen = HashSet::with_capacity(placed.len());
    let mut readable = Vec::with_capacity(placed.len());
    for (place, message) in placed {
        match facts_of(message) {
            Ok((inquiry_id, ..)) if !seen.insert(inquiry_id) => outcomes[*place] = Outcome::AlreadyApplied,
            Ok(facts) => readable.push((*place, *message, facts)),
            Err(reason) => outcomes[*place] = Outcome::Park(reason),
        }
    }
    let Some(earliest) = readable.iter().map(|(_, _, (_, facts, _))| facts.received_at).min() else { return Ok(()) };
    let closures = closures::standing(tx, earliest).await?;
    let mut open = Open::new(profile, &closures);
    let (mut new, mut told) = (Vec::with_capacity(readable.len()), Vec::with_capacity(readable.len()));
    for (place, message, (inquiry_id, facts, wire)) in readable {
        let passed = pack(&passed(&profile.routing, &facts));
        new.push(NewDecision { inquiry_id, route: route_in(&mut open, &facts), facts: wire.encode_to_vec(), passed });
        told.push((place, message, wire));
    }
    let kept: HashSet<Uuid> = store::insert(tx, revision, &new).await?.into_iter().collect();
    let (mut timers, works) = give(tx, &mut open, (&new, &told), &kept).await?;
    for (decision, (place, message, facts)) in new.into_iter().zip(told) {
        if !kept.contains(&decision.inquiry_id) {
            outcomes[place] = Outcome::AlreadyApplied;
            continue;
        }
        let clock = (&*decision.route.team, decision.route.site.as_deref(), decision.route.clock.due_at);
        timers.push(first_timer(&mut open, decision.inquiry_id, clock, &message.envelope.trace));
        let owner = works.get(&decision.inquiry_id).map_or("", |work| work.owner.as_str());
        let event = event(facts, (&decision.route, owner), revision, micros(tx.now()));
        let fact = fact(tx.center(), &event);
        tx.emit(Draft {
            event_id: None,
            subject: fact.subject,
            kind: fact.kind,
            aggregate_id: decision.inquiry_id,
            version: 1,
            payload: fact.payload,
            trace: message.envelope.trace.clone(),
        });
    }
    Ok(tx.schedule_all(&timers).await?)
}

/// Chooses whose turn each new inquiry is, what is due first first; gives the timers that follow from it.
async fn give(
    tx: &mut Tx,
    open: &mut Open<'_>,
    (new, told): (&[NewDecision], &[(usize, &Received, wire::Facts)]),
    kept: &HashSet<Uuid>,
) -> Result<(Vec<Timer>, HashMap<Uuid, Work>), HandlerError> {
    let (mut timers, mut works) = (Vec::with_capacity(kept.len() * 2), Vec::with_capacity(kept.len()));
    if kept.is_empty() {
        return Ok((timers, HashMap::new()));
    }
    let profile = open.profile();
    let mut roster = work::roster(tx, profile).await?;
    let mut fresh: Vec<_> = new.iter().zip(told).filter(|(one, _)| kept.contains(&one.inquiry_id)).collect();
    fresh.sort_by_key(|(one, _)| (one.route.clock.due_at, one.inquiry_id));
    for (decision, (_, message, facts)) in fresh {
        let (team, site) = (&*decision.route.team, decision.route.site.as_deref());
        let need = Need { language: &facts.language, skills: &decision.route.skills, ..Need::default() };
        let closed = open.closed_until((team, site), tx.now()).is_some();
        let owner = if closed { None } else { roster.choose(team, need) };
        let work = Work {
            inquiry_id: decision.inquiry_id,
            team: team.to_owned(),
            language: facts.language.clone(),
            skills: decision.route.skills.join("|"),
            waiting: owner.is_none(),
            owner: owner.unwrap_or_default(),
            open: true,
            choice: 0,
            // The desk begins with its first version.
            heard_version: 1,
            moves: 0,
            escalated: 0,
        };
        let trace = &message.envelope.trace;
        timers.extend(if work.waiting {
            give_out::timer(tx, profile, &mut roster, &work, trace)
        } else {
            untouched::timer(tx, profile, &work, trace)
        });
        works.push(work);
    }
    work::save_roster(tx, &roster).await?;
    work::begin(tx, &works).await?;
    Ok((timers, works.into_iter().map(|work| (work.inquiry_id, work)).collect()))
}

/// Reads one message; the reason for an operator where that can't be done.
fn facts_of(message: &Received) -> Result<(Uuid, Facts, wire::Facts), String> {
    let event: InquiryReceived =
        read(message, |event: &InquiryReceived| event.facts.as_ref().map(|facts| facts.center.as_str()))?;
    let wire = event.facts.unwrap_or_default();
    let (inquiry_id, facts) = facts_from_wire(&wire).map_err(|cause| cause.to_string())?;
    Ok((inquiry_id, facts, wire))
}

fn event(facts: wire::Facts, (route, owner): (&Route, &str), revision: &str, decided_at: i64) -> RouteDecided {
    RouteDecided {
        facts: Some(facts),
        program: route.program.to_string(),
        team: route.team.to_string(),
        site: route.site.as_deref().unwrap_or_default().to_owned(),
        priority: route.priority.as_str().to_owned(),
        script: route.script.to_string(),
        response_due_at: micros(route.clock.due_at),
        clock_starts_at: micros(route.clock.starts_at),
        after_hours: route.clock.after_hours,
        target_minutes: i32::try_from(route.target_minutes).unwrap_or(i32::MAX),
        revision: revision.to_owned(),
        row: route.row.to_string(),
        decided_at,
        owner: owner.to_owned(),
    }
}
