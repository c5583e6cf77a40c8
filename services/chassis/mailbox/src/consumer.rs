//! The consumer: batches from the bus to a handler, one transaction for each center, the answer to the bus after the commit.
//!
//! A message can hold several events, each with its own outcome. A batch that fails is handled again event by event, so that a
//! poisoned one holds up nobody. Whether one is poisoned is decided here, never by the server: after so many tries it becomes a
//! row in `parked`. Deliberately not here: which events are new, and when a message is dealt with (whole).

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use causeway_bus::{Arrived, BusError, Delivery, Subscription as BusSubscription};
use causeway_envelope::{Envelope, TraceContext};
use futures::future::BoxFuture;
use prometheus::IntCounterVec;
use tokio_util::sync::CancellationToken;
use tracing::{Span, debug, info_span, warn};
use uuid::Uuid;

use crate::database::Database;
use crate::tx::{Tx, TxError};
use crate::whole::{Company, readable, settle, take, unit};
use crate::{inbox, parked};

/// What became of a message or timer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It had its effect.
    Done,
    /// An equal or newer fact is known: nothing to do.
    AlreadyApplied,
    /// Something it needs is not there yet. Nothing was changed for it; it comes again after this time.
    RetryAfter(Duration),
    /// It can't be handled; an operator has to look. Nothing was changed for it.
    Park(String),
}

/// Why a batch failed as a whole.
#[derive(Debug, thiserror::Error)]
pub enum HandlerError {
    /// The transaction.
    #[error(transparent)]
    Tx(#[from] TxError),
    /// Anything else; it counts as a try.
    #[error("{0}")]
    Failed(String),
}

impl From<sqlx::Error> for HandlerError {
    fn from(cause: sqlx::Error) -> Self {
        Self::Tx(TxError::Database(cause))
    }
}

impl HandlerError {
    /// True where the same work may succeed later without anybody changing anything.
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Tx(cause) if cause.is_transient())
    }
}

/// A message as a handler gets it. It is new to this service.
#[derive(Debug, Clone)]
pub struct Received {
    /// All about it but its content. Its trace is the span of this handling: give it to the drafts that it causes.
    pub envelope: Envelope,
    /// Its content.
    pub payload: Bytes,
    /// How often it was delivered, from 1.
    pub attempt: i64,
    /// The message that it shares with others; its copies hold the very same events.
    pub unit: Option<Uuid>,
}

/// Handles messages: loads, decides, saves, emits. Neither acknowledges nor publishes (F1).
pub trait Handler: Send + Sync + 'static {
    /// All of one center, each new to this service; one outcome each, in the same order.
    fn handle<'a>(&'a self, tx: &'a mut Tx, batch: &'a [Received])
    -> BoxFuture<'a, Result<Vec<Outcome>, HandlerError>>;
}

/// So often in a row, a second apart, a consumer may fail to open while the bus is well.
const MOST_FAILURES: u32 = 60;

/// A message that failed this often by its own fault is parked.
const MOST_ATTEMPTS: i64 = 6;

/// From this delivery on, events that fail because the database can't be used are tried one by one.
const ALONE_FROM: i64 = 3;
/// After so many of them in a row it is the database and not the event.
const MOST_IN_A_ROW: usize = 2;

pub(crate) struct Consumer {
    pub database: Database,
    pub handler: Arc<dyn Handler>,
    pub handled: IntCounterVec,
    /// Most events in one transaction.
    pub most: usize,
}

/// What to tell the bus about one event.
enum Verdict {
    Ack,
    Again(Duration),
}

impl Consumer {
    /// Handles what comes, until stopped. A batch that is under way is finished first.
    ///
    /// # Errors
    /// Somebody gave the stream or the consumer a setting that breaks the promise, it stalls for good, or it can't be opened for
    /// a minute although the bus is well. A service that hears nothing and looks well is worse than one that ends and says why.
    pub async fn run(
        self: Arc<Self>,
        mut subscription: BusSubscription,
        stop: CancellationToken,
    ) -> Result<(), BusError> {
        let mut failures = 0;
        loop {
            let batch = tokio::select! {
                () = stop.cancelled() => return Ok(()),
                batch = subscription.next_batch() => batch,
            };
            let cause = match batch {
                Ok(batch) => {
                    failures = 0;
                    self.handle_batch(batch).await;
                    continue;
                }
                Err(cause) => cause,
            };
            failures = if subscription.bus_is_healthy() { failures + 1 } else { 0 };
            if matches!(cause, BusError::Unsafe(_) | BusError::Stalled { .. }) || failures >= MOST_FAILURES {
                return Err(cause);
            }
            warn!(%cause, "listen on the message bus; tried again shortly");
            tokio::select! {
                () = stop.cancelled() => return Ok(()),
                () = tokio::time::sleep(Duration::from_secs(1)) => {}
            }
        }
    }

    async fn handle_batch(&self, batch: Vec<Delivery>) {
        let mut by_center: BTreeMap<&str, Vec<(usize, Vec<Received>)>> = BTreeMap::new();
        let mut open: Vec<Open> = batch.iter().map(|_| Open::default()).collect();
        for (at, delivery) in batch.iter().enumerate() {
            let unit = unit(delivery);
            for event in &delivery.events {
                let Some(envelope) = readable(event) else { continue };
                let attempt = delivery.attempt;
                let received = Received { envelope: envelope.clone(), payload: event.payload.clone(), attempt, unit };
                let messages = by_center.entry(&envelope.center).or_default();
                match messages.last_mut().filter(|(last, _)| *last == at) {
                    Some((_, events)) => events.push(received),
                    None => messages.push((at, vec![received])),
                }
                open[at].events += 1;
            }
        }
        for (delivery, open) in batch.iter().zip(&open).filter(|(_, open)| open.events == 0) {
            self.answer(delivery, open).await;
        }
        for (center, messages) in by_center {
            let mut out_of_order = false;
            for some in self.transactions(messages) {
                let handled = if out_of_order {
                    // What has just failed would fail again and again, while the bus waits for all the answers.
                    let again = some.iter().flat_map(|(_, events)| events);
                    Handled {
                        verdicts: again.map(|event| Verdict::Again(backoff(event.attempt))).collect(),
                        company: Company::Whole,
                        transient: true,
                    }
                } else {
                    self.handle_center(center, some.iter().flat_map(|(_, events)| events.clone()).collect()).await
                };
                out_of_order = handled.transient;
                let places = some.iter().flat_map(|(at, events)| std::iter::repeat_n(*at, events.len()));
                for (at, verdict) in places.zip(handled.verdicts) {
                    open[at].note(verdict, handled.company);
                    if open[at].events == 0 {
                        self.answer(&batch[at], &open[at]).await;
                    }
                }
            }
        }
    }

    /// Whole messages, as many as make up a transaction.
    fn transactions(&self, messages: Vec<(usize, Vec<Received>)>) -> Vec<Vec<(usize, Vec<Received>)>> {
        let mut all: Vec<(usize, Vec<_>)> = Vec::new();
        for message in messages {
            let count = message.1.len();
            match all.last_mut().filter(|(events, _)| *events + count <= self.most.max(1)) {
                Some((events, some)) => {
                    *events += count;
                    some.push(message);
                }
                None => all.push((count, vec![message])),
            }
        }
        all.into_iter().map(|(_, some)| some).collect()
    }

    /// Answers a message whose events are dealt with. It comes again as long as one of them has to, and those that are
    /// done are recognised then; what can't be read in it is parked the last time.
    async fn answer(&self, delivery: &Delivery, open: &Open) {
        let mut again = open.again;
        if again.is_none() {
            for event in delivery.events.iter().filter(|event| readable(event).is_none()) {
                if let Verdict::Again(wait) = self.park_malformed(delivery, event).await {
                    again = Some(wait);
                }
            }
        }
        if again.is_none() && open.apart && self.note_whole(delivery).await.is_err() {
            again = Some(backoff(delivery.attempt));
        }
        match again {
            None => delivery.ack().await,
            Some(wait) => delivery.retry_after(wait).await,
        }
    }

    /// All events of a message were dealt with, one by one: from now on it is known as a whole, which is what its publisher
    /// asks about.
    async fn note_whole(&self, delivery: &Delivery) -> Result<(), HandlerError> {
        let Some(unit) = unit(delivery) else { return Ok(()) };
        let Some(center) = delivery.events.iter().find_map(readable).map(|envelope| &envelope.center) else {
            return Ok(());
        };
        self.database
            .with_tx(center, move |tx| Box::pin(async move { Ok(inbox::mark(tx, &[unit], false).await?) }))
            .await
    }

    /// Handles whole messages.
    async fn handle_center(&self, center: &str, events: Vec<Received>) -> Handled {
        let handled = |verdicts, company, transient| Handled { verdicts, company, transient };
        let cause = match self.transact(center, events.clone(), Company::Whole).await {
            Ok(outcomes) => {
                let verdicts = outcomes.iter().zip(&events);
                let verdicts = verdicts.map(|(outcome, event)| self.verdict(outcome, event.attempt)).collect();
                return handled(verdicts, Company::Whole, false);
            }
            Err(cause) => cause,
        };
        let transient = cause.is_transient();
        // Company that failed together again and again is handled one by one, so that the cause stands alone.
        if transient && events.iter().all(|event| event.attempt < ALONE_FROM) {
            debug!(%cause, "batch could not be handled; it is delivered again");
            let verdicts = events.iter().map(|event| Verdict::Again(backoff(event.attempt))).collect();
            return handled(verdicts, Company::Whole, true);
        }
        debug!(%cause, count = events.len(), "batch failed; its messages are handled one by one");
        let (mut verdicts, mut failures) = (Vec::with_capacity(events.len()), 0);
        for one in events {
            if failures >= MOST_IN_A_ROW {
                verdicts.push(Verdict::Again(backoff(one.attempt)));
                continue;
            }
            let (verdict, transient) = self.handle_one(center, one).await;
            failures = if transient { failures + 1 } else { 0 };
            verdicts.push(verdict);
        }
        handled(verdicts, Company::Alone, failures >= MOST_IN_A_ROW)
    }

    /// The verdict; and whether the database could not be used.
    async fn handle_one(&self, center: &str, one: Received) -> (Verdict, bool) {
        let (id, attempt) = (one.envelope.id, one.attempt);
        let cause = match self.transact(center, vec![one.clone()], Company::Alone).await {
            Ok(outcomes) => {
                return (outcomes.first().map_or(Verdict::Ack, |outcome| self.verdict(outcome, attempt)), false);
            }
            Err(cause) => cause,
        };
        let transient = cause.is_transient();
        if transient || attempt < MOST_ATTEMPTS {
            warn!(event.id = %id, attempt, %cause, "message could not be handled; it is delivered again");
            return (Verdict::Again(backoff(attempt)), transient);
        }
        let reason = format!("failed {attempt} times: {cause}");
        match self.park(center, one, reason).await {
            Ok(()) => (self.verdict(&Outcome::Park(String::new()), attempt), false),
            Err(_) => (Verdict::Again(backoff(attempt)), true),
        }
    }

    async fn park(&self, center: &str, one: Received, reason: String) -> Result<(), HandlerError> {
        self.database
            .with_tx(center, move |tx| {
                Box::pin(async move {
                    // Another process may have had more luck with it meanwhile.
                    let (is_new, _) = take(tx, std::slice::from_ref(&one), Company::Alone).await?;
                    if is_new == [true] {
                        warn!(event.id = %one.envelope.id, event.kind = %one.envelope.kind, "message is parked for an operator");
                        parked::insert(tx, &one.envelope, &one.payload, &reason, one.attempt).await?;
                    }
                    Ok(())
                })
            })
            .await
    }

    /// Handles a parked message again.
    pub async fn replay(&self, message: parked::ParkedMessage) -> Result<(), HandlerError> {
        let envelope = message.envelope().ok_or_else(|| HandlerError::Failed("its headers can not be read".into()))?;
        let (center, parked_id, id) = (envelope.center.clone(), message.parked_id, envelope.id);
        let one = Received { envelope, payload: Bytes::from(message.payload), attempt: 1, unit: None };
        let handler = self.handler.clone();
        self.database
            .with_tx(&center, move |tx| {
                Box::pin(async move {
                    // The row is the token: of two instances that read it one goes on.
                    if !parked::mark_replayed(tx, parked_id).await? {
                        return Ok(());
                    }
                    inbox::take(tx, &[id]).await?;
                    let outcomes = handler.handle(tx, std::slice::from_ref(&one)).await?;
                    match outcomes.into_iter().next() {
                        Some(Outcome::Park(reason)) => Err(HandlerError::Failed(reason)),
                        Some(Outcome::RetryAfter(_)) => {
                            Err(HandlerError::Failed("what it needs is not there yet".into()))
                        }
                        _ => Ok(()),
                    }
                })
            })
            .await
    }

    /// Runs one transaction: inbox, handler, what it parks or gives back. One outcome for each event.
    async fn transact(
        &self,
        center: &str,
        mut received: Vec<Received>,
        company: Company,
    ) -> Result<Vec<Outcome>, HandlerError> {
        let handler = self.handler.clone();
        let service = self.database.service();
        let spans: Vec<Span> = received.iter_mut().map(|message| open_span(service, message)).collect();
        let outcomes = self
            .database
            .with_tx(center, move |tx| {
                Box::pin(async move {
                    let (is_new, mended) = take(tx, &received, company).await?;
                    let new = received.iter().zip(&is_new).filter(|(_, new)| **new).map(|(one, _)| one.clone());
                    let new: Vec<Received> = new.collect();
                    let outcomes = if new.is_empty() { Vec::new() } else { handler.handle(tx, &new).await? };
                    if outcomes.len() != new.len() {
                        return Err(HandlerError::Failed(
                            "handler gave another number of outcomes than messages".into(),
                        ));
                    }
                    settle(tx, &new, &outcomes, (company, mended)).await?;
                    let mut outcomes = outcomes.into_iter();
                    Ok(is_new
                        .into_iter()
                        .map(|new| if new { outcomes.next() } else { None }.unwrap_or(Outcome::AlreadyApplied))
                        .collect())
                })
            })
            .await;
        drop(spans);
        outcomes
    }

    fn verdict(&self, outcome: &Outcome, attempt: i64) -> Verdict {
        let (word, verdict) = match outcome {
            Outcome::Done => ("done", Verdict::Ack),
            Outcome::AlreadyApplied => ("already_applied", Verdict::Ack),
            // What waits long is asked about less and less often.
            Outcome::RetryAfter(wait) => ("retry", Verdict::Again((*wait).max(backoff(attempt)))),
            Outcome::Park(_) => ("parked", Verdict::Ack),
        };
        self.handled.with_label_values(&[word]).inc();
        verdict
    }

    async fn park_malformed(&self, delivery: &Delivery, event: &Arrived) -> Verdict {
        let reason = match &event.envelope {
            Err(cause) => cause.to_string(),
            Ok(_) => "header ce-center is no center's name".to_owned(),
        };
        let id = self.database.clock().new_id();
        let parked =
            parked::insert_malformed(self.database.machine(), id, (&delivery.subject, &event.payload), &reason).await;
        match parked {
            Ok(()) => {
                warn!(%reason, "message with unreadable headers is parked for an operator");
                Verdict::Ack
            }
            Err(_) => Verdict::Again(backoff(delivery.attempt)),
        }
    }
}

/// What became of some messages of a center.
struct Handled {
    /// One for each event.
    verdicts: Vec<Verdict>,
    company: Company,
    /// The database could not be used.
    transient: bool,
}

/// A delivered message whose events are not all dealt with.
#[derive(Default)]
struct Open {
    events: usize,
    again: Option<Duration>,
    /// Its events were handled one by one.
    apart: bool,
}

impl Open {
    /// A message comes again as late as the last of its events may.
    fn note(&mut self, verdict: Verdict, company: Company) {
        self.events -= 1;
        self.apart |= company == Company::Alone;
        if let Verdict::Again(wait) = verdict {
            self.again = Some(self.again.map_or(wait, |known| known.max(wait)));
        }
    }
}

/// Opens the span of a handling as a child of the publisher's and puts its context in the message.
fn open_span(service: &'static str, message: &mut Received) -> Span {
    let span = info_span!(
        "handle",
        otel.name = %message.envelope.kind,
        otel.kind = "consumer",
        causeway.service = service,
        event.id = %message.envelope.id,
    );
    message.envelope.trace.adopt(&span);
    let own = TraceContext::of(&span);
    if own.traceparent().is_some() {
        message.envelope.trace = own;
    }
    span
}

fn backoff(attempt: i64) -> Duration {
    let seconds = 0.25 * f64::powi(2.0, i32::try_from(attempt.clamp(1, 10)).unwrap_or(10));
    Duration::from_secs_f64(seconds.min(60.0) * (0.75 + rand::random::<f64>() * 0.5))
}
