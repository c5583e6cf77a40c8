//! The consumer: batches from the bus to a handler, one transaction for each center, the answer to the bus after the commit.
//!
//! A message can hold several events; each has its own place in the inbox and its own outcome. A batch that fails is
//! handled again event by event, so that a poisoned one holds up nobody. Whether one is poisoned is decided here, never by
//! the server: after so many tries it becomes a row in `parked`.

use std::collections::{BTreeMap, HashMap};
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

use crate::database::{Database, is_slug};
use crate::tx::{Tx, TxError};
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

/// A message that waits for something is asked about at most once a minute: this is about a day.
const MOST_WAITS: i64 = 1500;

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
    /// Somebody gave the stream or the consumer a setting that breaks the promise, or it can't be opened for a minute
    /// although the bus is well. A service that hears nothing and looks well is worse than one that ends and says why.
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
            if matches!(cause, BusError::Unsafe(_)) || failures >= MOST_FAILURES {
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
        let mut by_center: BTreeMap<&str, Vec<(usize, Received)>> = BTreeMap::new();
        let mut open: Vec<Open> = batch.iter().map(|_| Open::default()).collect();
        for (at, delivery) in batch.iter().enumerate() {
            for event in &delivery.events {
                let Some(envelope) = readable(event) else { continue };
                let attempt = delivery.attempt;
                let received = Received { envelope: envelope.clone(), payload: event.payload.clone(), attempt };
                by_center.entry(&envelope.center).or_default().push((at, received));
                open[at].events += 1;
            }
        }
        for (delivery, open) in batch.iter().zip(&open).filter(|(_, open)| open.events == 0) {
            self.answer(delivery, open).await;
        }
        for (center, events) in by_center {
            let mut out_of_order = false;
            for some in events.chunks(self.most.max(1)) {
                let verdicts = if out_of_order {
                    // What has just failed would fail again and again, while the bus waits for all the answers.
                    some.iter().map(|(_, event)| Verdict::Again(backoff(event.attempt))).collect()
                } else {
                    let events = some.iter().map(|(_, event)| event.clone()).collect();
                    let (verdicts, transient) = self.handle_center(center, events).await;
                    out_of_order = transient;
                    verdicts
                };
                for ((at, _), verdict) in some.iter().zip(verdicts) {
                    open[*at].note(verdict);
                    if open[*at].events == 0 {
                        self.answer(&batch[*at], &open[*at]).await;
                    }
                }
            }
        }
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
        match again {
            None => delivery.ack().await,
            Some(wait) => delivery.retry_after(wait).await,
        }
    }

    /// One verdict for each; and whether the database could not be used.
    async fn handle_center(&self, center: &str, events: Vec<Received>) -> (Vec<Verdict>, bool) {
        let cause = match self.transact(center, events.clone()).await {
            Ok(outcomes) => {
                let verdicts = outcomes.iter().zip(&events);
                return (verdicts.map(|(outcome, event)| self.verdict(outcome, event.attempt)).collect(), false);
            }
            Err(cause) => cause,
        };
        let transient = cause.is_transient();
        // Company that failed together again and again is handled one by one, so that the cause stands alone.
        if transient && events.iter().all(|event| event.attempt < ALONE_FROM) {
            debug!(%cause, "batch could not be handled; it is delivered again");
            return (events.iter().map(|event| Verdict::Again(backoff(event.attempt))).collect(), true);
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
        (verdicts, failures >= MOST_IN_A_ROW)
    }

    /// The verdict; and whether the database could not be used.
    async fn handle_one(&self, center: &str, one: Received) -> (Verdict, bool) {
        let (id, attempt) = (one.envelope.id, one.attempt);
        let cause = match self.transact(center, vec![one.clone()]).await {
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
                    inbox::take(tx, &[one.envelope.id]).await?;
                    warn!(event.id = %one.envelope.id, event.kind = %one.envelope.kind, "message is parked for an operator");
                    parked::insert(tx, &one.envelope, &one.payload, &reason, one.attempt).await?;
                    Ok(())
                })
            })
            .await
    }

    /// Handles a parked message again.
    pub async fn replay(&self, message: parked::ParkedMessage) -> Result<(), HandlerError> {
        let envelope = message.envelope().ok_or_else(|| HandlerError::Failed("its headers can not be read".into()))?;
        let (center, parked_id, id) = (envelope.center.clone(), message.parked_id, envelope.id);
        let one = Received { envelope, payload: Bytes::from(message.payload), attempt: 1 };
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

    /// Runs one transaction: inbox, handler, what it parks or gives back. One outcome for each message.
    async fn transact(&self, center: &str, mut received: Vec<Received>) -> Result<Vec<Outcome>, HandlerError> {
        let handler = self.handler.clone();
        let service = self.database.service();
        let spans: Vec<Span> = received.iter_mut().map(|message| open_span(service, message)).collect();
        let outcomes = self
            .database
            .with_tx(center, move |tx| {
                Box::pin(async move {
                    let ids: Vec<Uuid> = received.iter().map(|message| message.envelope.id).collect();
                    let mut fresh: HashMap<Uuid, bool> =
                        inbox::take(tx, &ids).await?.into_iter().map(|id| (id, true)).collect();
                    // A message that stands twice in one batch is handled once.
                    let (new, order): (Vec<Received>, Vec<bool>) = {
                        let flags: Vec<bool> = ids.iter().map(|id| fresh.remove(id).unwrap_or(false)).collect();
                        let new = received.into_iter().zip(&flags).filter(|(_, new)| **new).map(|(one, _)| one);
                        (new.collect(), flags)
                    };
                    let outcomes = if new.is_empty() { Vec::new() } else { handler.handle(tx, &new).await? };
                    if outcomes.len() != new.len() {
                        return Err(HandlerError::Failed(
                            "handler gave another number of outcomes than messages".into(),
                        ));
                    }
                    settle(tx, &new, &outcomes).await?;
                    let mut outcomes = outcomes.into_iter();
                    Ok(order
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

/// An event that can be handled: its attributes can be read and its center's name is one.
fn readable(event: &Arrived) -> Option<&Envelope> {
    event.envelope.as_ref().ok().filter(|envelope| is_slug(&envelope.center))
}

/// A delivered message whose events are not all dealt with.
#[derive(Default)]
struct Open {
    events: usize,
    again: Option<Duration>,
}

impl Open {
    /// A message comes again as late as the last of its events may.
    fn note(&mut self, verdict: Verdict) {
        self.events -= 1;
        if let Verdict::Again(wait) = verdict {
            self.again = Some(self.again.map_or(wait, |known| known.max(wait)));
        }
    }
}

async fn settle(tx: &mut Tx, new: &[Received], outcomes: &[Outcome]) -> Result<(), HandlerError> {
    let mut back = Vec::new();
    for (message, outcome) in new.iter().zip(outcomes) {
        match outcome {
            Outcome::Done | Outcome::AlreadyApplied => {}
            Outcome::RetryAfter(_) if message.attempt < MOST_WAITS => back.push(message.envelope.id),
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
    if !back.is_empty() {
        inbox::put_back(tx, &back).await?;
    }
    Ok(())
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
