//! What routing does when a fact arrives, a timer fires or somebody asks: one file each.
//!
//! A batch is sorted by kind and each kind handled with one statement for each table. Deliberately not here: deciding
//! (domain) and SQL (store).

mod ahead;
mod api;
mod closure_changed;
mod closures;
mod contact_attempted;
mod duty;
mod give_out;
mod inquiry_received;
mod moved;
mod pause;
mod response_due;
mod stage_closed;
mod tables;
mod untouched;
mod work_moved;

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use causeway_funnel::profile::Profile;
use causeway_mailbox::{BoxFuture, DueTimer, Handler, HandlerError, Outcome, Received, Revisions, TimerHandler, Tx};
use causeway_proto::events::{Event, Unreadable, decode};
use causeway_proto::inquiry::v1::InquiryReceived;
use causeway_proto::intake::v1::{ContactAttempted, StageChanged, WorkMoved};
use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

pub(crate) use ahead::Ahead;
pub(crate) use api::Api;

use crate::domain::{Closed, Open};
use crate::store;

/// Handles all that routing listens to.
pub(crate) struct Handlers {
    pub profiles: Arc<Revisions<Profile>>,
}

/// A message of a batch and its place in it.
type Placed<'a> = (usize, &'a Received);

/// How often something that is not there yet is looked for again, at most.
const PATIENCE: Duration = Duration::from_secs(60);
/// Closures that ended longer ago move no level of escalation that is still to come.
const RECENT: SignedDuration = SignedDuration::from_hours(24 * 31);

impl Handler for Handlers {
    fn handle<'a>(
        &'a self,
        tx: &'a mut Tx,
        batch: &'a [Received],
    ) -> BoxFuture<'a, Result<Vec<Outcome>, HandlerError>> {
        Box::pin(async move {
            let mut outcomes = vec![Outcome::Done; batch.len()];
            let (mut received, mut attempted, mut staged, mut worked) =
                (Vec::new(), Vec::new(), Vec::new(), Vec::new());
            for (place, message) in batch.iter().enumerate() {
                match message.envelope.kind.as_str() {
                    InquiryReceived::KIND => received.push((place, message)),
                    ContactAttempted::KIND => attempted.push((place, message)),
                    StageChanged::KIND => staged.push((place, message)),
                    WorkMoved::KIND => worked.push((place, message)),
                    other => outcomes[place] = Outcome::Park(format!("routing does not listen to {other}")),
                }
            }
            inquiry_received::handle(&self.profiles, tx, &received, &mut outcomes).await?;
            let in_force = self.profiles.current(tx.center());
            let (tried, closed) = (
                contact_attempted::read_all(&attempted, &mut outcomes),
                stage_closed::read_all(&staged, &mut outcomes),
            );
            let moved = match &in_force {
                Some(_) => work_moved::read_all(&worked, &mut outcomes),
                None => {
                    worked.iter().for_each(|(place, message)| outcomes[*place] = later(message));
                    Vec::new()
                }
            };
            let closures = if moved.is_empty() { Vec::new() } else { recent_closures(tx).await? };
            // Timers, then people and work, then decisions, each of them all at once and in one order: as when timers fire, and as in
            // another batch that tells of the same inquiries the other way round.
            let mut timers = tried.timers(&[response_due::RESPONSE_DUE, untouched::UNTOUCHED]);
            timers.extend(closed.told.timers(&[response_due::RESPONSE_DUE]));
            timers.extend(work_moved::timers(&moved));
            tx.cancel_timers_of(&timers).await?;
            let decided =
                tried.first.keys().chain(closed.told.first.keys()).copied().chain(work_moved::clocks_anew(&moved));
            let decided: Vec<Uuid> = decided.collect();
            let mut open = in_force.as_ref().map(|in_force| Open::new(&in_force.1, &closures));
            let mut clocks_anew = match &mut open {
                Some(open) if !moved.is_empty() => {
                    work_moved::handle(tx, open, (moved, &worked, &decided), &mut outcomes).await?
                }
                _ => {
                    store::clock::lock_rows(tx, &decided).await?;
                    Vec::new()
                }
            };
            contact_attempted::handle(tx, (&tried, &attempted), &mut outcomes).await?;
            clocks_anew.extend(stage_closed::handle(tx, (&closed, &staged), &mut outcomes).await?);
            if let Some(open) = &mut open {
                response_due::reschedule(tx, open, &clocks_anew).await?;
            }
            Ok(outcomes)
        })
    }
}

impl TimerHandler for Handlers {
    fn fire<'a>(&'a self, tx: &'a mut Tx, due: &'a [DueTimer]) -> BoxFuture<'a, Result<Vec<Outcome>, HandlerError>> {
        Box::pin(async move {
            let Some(in_force) = self.profiles.current(tx.center()) else {
                return Ok(vec![Outcome::RetryAfter(PATIENCE); due.len()]);
            };
            let (profile, mut outcomes) = (&in_force.1, vec![Outcome::Done; due.len()]);
            // Takes timers back, which come before every other lock.
            closure_changed::fire(&self.profiles, tx, due, &mut outcomes).await?;
            let closures = recent_closures(tx).await?;
            let mut open = Open::new(profile, &closures);
            if due.iter().any(|timer| [give_out::GIVE_OUT, untouched::UNTOUCHED].contains(&timer.kind.as_str())) {
                let mut roster = store::work::roster(tx, profile).await?;
                give_out::fire(tx, &mut roster, &mut open, (due, &mut outcomes)).await?;
                untouched::fire(tx, &mut roster, &mut open, (due, &mut outcomes)).await?;
                store::work::save_roster(tx, &roster).await?;
            }
            response_due::fire(tx, &mut open, due).await?;
            Ok(outcomes)
        })
    }
}

/// The closures on short notice that hours around this instant depend on; levels of escalation count from due times that may be past.
/// From here on nobody enters or ends one until the transaction ends, so this comes before the people.
async fn recent_closures(tx: &mut Tx) -> Result<Vec<Closed>, sqlx::Error> {
    let since = tx.now().saturating_sub(RECENT).unwrap_or(Timestamp::MIN);
    store::closures::standing(tx, since).await
}

/// Decodes a message and makes sure that it speaks of the center that its headers name.
fn read<E: Event>(message: &Received, center: fn(&E) -> Option<&str>) -> Result<E, String> {
    let event: E = decode(&message.payload).map_err(|cause| cause.to_string())?;
    match center(&event) {
        Some(center) if center == message.envelope.center => Ok(event),
        _ => Err("center of the payload is not that of the headers".to_owned()),
    }
}

/// Something that the message needs is not there yet; each try waits a little longer.
fn later(message: &Received) -> Outcome {
    let seconds = u64::try_from(message.attempt).unwrap_or(1).max(1);
    Outcome::RetryAfter(Duration::from_secs(seconds).min(PATIENCE))
}

/// What a batch tells about clocks: the earliest instant for each inquiry, and which message told it.
#[derive(Default)]
struct Told {
    first: BTreeMap<Uuid, Timestamp>,
    by: Vec<(usize, Uuid)>,
}

impl Told {
    fn add(&mut self, place: usize, told: Result<(Uuid, Timestamp), Unreadable>, outcomes: &mut [Outcome]) {
        match told {
            Ok((id, at)) => {
                self.first.entry(id).and_modify(|first| *first = at.min(*first)).or_insert(at);
                self.by.push((place, id));
            }
            Err(cause) => outcomes[place] = Outcome::Park(cause.to_string()),
        }
    }

    fn list(&self) -> Vec<(Uuid, Timestamp)> {
        self.first.iter().map(|(id, at)| (*id, *at)).collect()
    }

    /// The timers that it makes needless.
    fn timers(&self, kinds: &[&'static str]) -> Vec<(Uuid, &'static str)> {
        self.first.keys().flat_map(|inquiry| kinds.iter().map(|kind| (*inquiry, *kind))).collect()
    }

    /// Messages about inquiries that have no decision yet come again.
    fn postpone_unknown(&self, known: &[Uuid], placed: &[Placed<'_>], outcomes: &mut [Outcome]) {
        if known.len() == self.first.len() {
            return;
        }
        let known: HashSet<&Uuid> = known.iter().collect();
        for (place, id) in self.by.iter().filter(|(_, id)| !known.contains(id)) {
            tracing::debug!(inquiry.id = %id, "no decision yet; the message comes again");
            if let Some((_, message)) = placed.iter().find(|(other, _)| other == place) {
                outcomes[*place] = later(message);
            }
        }
    }
}
