//! An inquiry is durable: decide where it goes and by when somebody is to be reached.
//!
//! One decision for each inquiry, for good: the same inquiry told again changes nothing. Three statements for a whole
//! batch (decisions, timers, outbox). Deliberately not here: re-routing by people.

use std::collections::HashSet;

use causeway_funnel::profile::Profile;
use causeway_mailbox::{Draft, HandlerError, Outcome, Revisions, Timer, Tx};
use causeway_proto::convert::{facts_from_wire, micros};
use causeway_proto::events::fact;
use causeway_proto::inquiry::v1::{self as wire, InquiryReceived};
use causeway_proto::routing::v1::RouteDecided;
use prost::Message as _;
use uuid::Uuid;

use super::response_due::RESPONSE_DUE;
use super::{Placed, later, read};
use crate::domain::{Route, route};
use crate::store::{self, NewDecision};

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
    let (mut new, mut told) = (Vec::with_capacity(placed.len()), Vec::with_capacity(placed.len()));
    for (place, message) in placed {
        match decided(profile, message) {
            Ok((decision, _)) if !seen.insert(decision.inquiry_id) => outcomes[*place] = Outcome::AlreadyApplied,
            Ok((decision, facts)) => {
                new.push(decision);
                told.push((*place, *message, facts));
            }
            Err(reason) => outcomes[*place] = Outcome::Park(reason),
        }
    }
    let kept: HashSet<Uuid> = store::insert(tx, revision, &new).await?.into_iter().collect();
    let mut timers = Vec::with_capacity(kept.len());
    for (decision, (place, message, facts)) in new.into_iter().zip(told) {
        if !kept.contains(&decision.inquiry_id) {
            outcomes[place] = Outcome::AlreadyApplied;
            continue;
        }
        timers.push(Timer {
            aggregate_id: decision.inquiry_id,
            kind: RESPONSE_DUE,
            occurrence: String::new(),
            due_at: decision.route.clock.due_at,
            payload: serde_json::json!({}),
            trace: message.envelope.trace.clone(),
        });
        let event = event(facts, &decision.route, revision, micros(tx.now()));
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

/// Reads one message and decides; the reason for an operator where that can't be done.
fn decided(profile: &Profile, message: &causeway_mailbox::Received) -> Result<(NewDecision, wire::Facts), String> {
    let event: InquiryReceived =
        read(message, |event: &InquiryReceived| event.facts.as_ref().map(|facts| facts.center.as_str()))?;
    let wire = event.facts.unwrap_or_default();
    let (inquiry_id, facts) = facts_from_wire(&wire).map_err(|cause| cause.to_string())?;
    let route = route(profile, &facts);
    Ok((NewDecision { inquiry_id, route, facts: wire.encode_to_vec() }, wire))
}

fn event(facts: wire::Facts, route: &Route, revision: &str, decided_at: i64) -> RouteDecided {
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
    }
}
