//! What routing does when a fact arrives, a timer fires or somebody asks: one file each.
//!
//! A batch is sorted by kind and each kind handled with one statement for each table. Deliberately not here: deciding
//! (domain) and SQL (store).

mod api;
mod contact_attempted;
mod inquiry_received;
mod response_due;
mod stage_closed;

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use causeway_funnel::profile::Profile;
use causeway_mailbox::{
    BoxFuture, DueTimer, Handler, HandlerError, Outcome, Received, Revisions, TimerHandler, Tx, TxError,
};
use causeway_proto::events::{Event, Unreadable, decode};
use causeway_proto::inquiry::v1::InquiryReceived;
use causeway_proto::intake::v1::{ContactAttempted, StageChanged};
use jiff::Timestamp;
use uuid::Uuid;

pub(crate) use api::Api;

/// Handles all that routing listens to.
pub(crate) struct Handlers {
    pub profiles: Arc<Revisions<Profile>>,
}

/// A message of a batch and its place in it.
type Placed<'a> = (usize, &'a Received);

/// How often something that is not there yet is looked for again, at most.
const PATIENCE: Duration = Duration::from_secs(60);

impl Handler for Handlers {
    fn handle<'a>(
        &'a self,
        tx: &'a mut Tx,
        batch: &'a [Received],
    ) -> BoxFuture<'a, Result<Vec<Outcome>, HandlerError>> {
        Box::pin(async move {
            let mut outcomes = vec![Outcome::Done; batch.len()];
            let (mut received, mut attempted, mut staged) = (Vec::new(), Vec::new(), Vec::new());
            for (place, message) in batch.iter().enumerate() {
                match message.envelope.kind.as_str() {
                    InquiryReceived::KIND => received.push((place, message)),
                    ContactAttempted::KIND => attempted.push((place, message)),
                    StageChanged::KIND => staged.push((place, message)),
                    other => outcomes[place] = Outcome::Park(format!("routing does not listen to {other}")),
                }
            }
            inquiry_received::handle(&self.profiles, tx, &received, &mut outcomes).await?;
            contact_attempted::handle(tx, &attempted, &mut outcomes).await?;
            stage_closed::handle(tx, &staged, &mut outcomes).await?;
            Ok(outcomes)
        })
    }
}

impl TimerHandler for Handlers {
    fn fire<'a>(&'a self, tx: &'a mut Tx, due: &'a [DueTimer]) -> BoxFuture<'a, Result<Vec<Outcome>, HandlerError>> {
        Box::pin(async move {
            response_due::fire(tx, due).await?;
            Ok(vec![Outcome::Done; due.len()])
        })
    }
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

    /// Timers before decisions, as when they fire: in the other order the two could wait for each other.
    async fn stop_timers(&self, tx: &mut Tx) -> Result<(), TxError> {
        let inquiries: Vec<Uuid> = self.first.keys().copied().collect();
        if !inquiries.is_empty() {
            tx.cancel_timers(&inquiries, Some(response_due::RESPONSE_DUE)).await?;
        }
        Ok(())
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
