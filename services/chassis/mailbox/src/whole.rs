//! A message as a whole: which of its events are new here, and when all of it is dealt with.
//!
//! Nearly always a message comes once and nothing fails: then its one row in the inbox is all that is written and asked.
//! Otherwise it is torn, and the inbox knows its events one by one. Two things must hold for that: an event has a row of its own
//! only under a message that is noted as torn (or where it has the message to itself), and whoever handles an event by itself holds the
//! row of its message meanwhile. Deliberately not here: the statements (inbox), and what is tried again when (consumer).

use std::collections::HashSet;

use causeway_bus::{Arrived, Delivery};
use causeway_envelope::Envelope;
use tracing::warn;
use uuid::Uuid;

use crate::consumer::{HandlerError, Outcome, Received};
use crate::database::is_slug;
use crate::tx::Tx;
use crate::{inbox, parked};

/// A message that waits for something is asked about at most once a minute: this is about a day.
const MOST_WAITS: i64 = 1500;

/// In whose company an event is handled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Company {
    /// All of its message.
    Whole,
    /// By itself, because it or another failed.
    Alone,
}

/// An event that can be handled: its attributes can be read and its center's name is one.
pub(crate) fn readable(event: &Arrived) -> Option<&Envelope> {
    event.envelope.as_ref().ok().filter(|envelope| is_slug(&envelope.center))
}

/// The message that the events of a delivery share. Its events were caused by one transaction, so they are one center's, and its
/// id is none of theirs; of whoever keeps to something else each event is known by itself.
pub(crate) fn unit(delivery: &Delivery) -> Option<Uuid> {
    let mut events = delivery.events.iter().filter_map(readable);
    let (unit, center) = (delivery.unit?, &events.clone().next()?.center);
    events.all(|envelope| envelope.center == *center && envelope.id != unit).then_some(unit)
}

/// Takes events in, and tells which of them are new to this service; one that stands twice among them is new once. And the
/// torn messages of which the rest is here.
pub(crate) async fn take(
    tx: &mut Tx,
    received: &[Received],
    company: Company,
) -> Result<(Vec<bool>, Vec<Uuid>), HandlerError> {
    let id = |one: &Received| one.envelope.id;
    let (mut taken, mut known, mut torn) = (HashSet::new(), HashSet::new(), Vec::new());
    match company {
        Company::Whole => {
            let units: Vec<Uuid> = received.iter().map(|one| one.unit.unwrap_or(id(one))).collect();
            taken.extend(inbox::take(tx, &units).await?);
            let mut seen: Vec<Uuid> = received.iter().filter_map(|one| one.unit).collect();
            seen.retain(|unit| !taken.contains(unit));
            if !seen.is_empty() {
                torn = inbox::torn(tx, &seen).await?;
            }
            if !torn.is_empty() {
                let shared = received.iter().filter(|one| one.unit.is_some_and(|unit| torn.contains(&unit)));
                known.extend(inbox::known(tx, &shared.map(id).collect::<Vec<_>>()).await?);
                taken.extend(&torn);
            }
        }
        Company::Alone => {
            for one in received {
                let is_open = match one.unit {
                    Some(unit) => inbox::tear(tx, unit).await?,
                    None => true,
                };
                if is_open && !inbox::take(tx, &[id(one)]).await?.is_empty() {
                    taken.insert(one.unit.unwrap_or(id(one)));
                }
            }
        }
    }
    let new = |one: &Received| taken.contains(&one.unit.unwrap_or(id(one))) && known.insert(id(one));
    let new = received.iter().map(new).collect();
    Ok((new, torn))
}

/// Parks what can't be handled, and gives back what has to come again.
pub(crate) async fn settle(
    tx: &mut Tx,
    new: &[Received],
    outcomes: &[Outcome],
    (company, mended): (Company, Vec<Uuid>),
) -> Result<(), HandlerError> {
    let mut back = Vec::new();
    for (message, outcome) in new.iter().zip(outcomes) {
        match outcome {
            Outcome::Done | Outcome::AlreadyApplied => {}
            Outcome::RetryAfter(_) if message.attempt < MOST_WAITS => back.push(message),
            Outcome::RetryAfter(_) => {
                warn!(event.id = %message.envelope.id, event.kind = %message.envelope.kind, "message waited in vain and is parked");
                let reason = "what it needs did not come in a day; replay it when it has";
                parked::insert(tx, &message.envelope, &message.payload, reason, message.attempt).await?;
            }
            Outcome::Park(reason) => {
                warn!(event.id = %message.envelope.id, event.kind = %message.envelope.kind, "message is parked for an operator");
                parked::insert(tx, &message.envelope, &message.payload, reason, message.attempt).await?;
            }
        }
    }
    let waiting: HashSet<Uuid> = back.iter().map(|message| message.envelope.id).collect();
    let stands_alone = |one: &Received| company == Company::Alone || one.unit.is_none();
    let put_back: Vec<Uuid> = back.iter().filter(|one| stands_alone(one)).map(|one| one.envelope.id).collect();
    if !put_back.is_empty() {
        inbox::put_back(tx, &put_back).await?;
    }
    if company == Company::Alone {
        return Ok(());
    }
    // Of a message that comes again what is done stands by itself.
    let torn: HashSet<Uuid> = back.iter().filter_map(|message| message.unit).collect();
    if !torn.is_empty() {
        let is_done =
            |one: &&Received| one.unit.is_some_and(|unit| torn.contains(&unit)) && !waiting.contains(&one.envelope.id);
        let done: Vec<Uuid> = new.iter().filter(is_done).map(|one| one.envelope.id).collect();
        inbox::take(tx, &done).await?;
        inbox::mark(tx, &torn.iter().copied().collect::<Vec<_>>(), true).await?;
    }
    let mended: Vec<Uuid> = mended.into_iter().filter(|unit| !torn.contains(unit)).collect();
    if !mended.is_empty() {
        inbox::mark(tx, &mended, false).await?;
    }
    Ok(())
}
