//! Being delivered to: a durable pull consumer whose messages come in batches, and the watchdog that rebuilds it.
//!
//! The client's stream of messages can end or stall for many reasons (server restart, consumer deleted, leadership
//! change, lost pull). Whatever it reports, the answer is the same: drop it, make sure that stream and consumer are
//! there, open it anew. Progress is watched from outside as well, by asking the server how the consumer is (watchdog).

use std::time::{Duration, Instant};

use async_nats::HeaderName;
use async_nats::jetstream::consumer::{self, AckPolicy, DeliverPolicy, PullConsumer, pull};
use async_nats::jetstream::{AckKind, message::Acker};
use bytes::Bytes;
use causeway_envelope::{Envelope, Malformed, batch, header};
use futures::StreamExt as _;
use futures::stream::BoxStream;
use tokio::time::timeout;
use tracing::warn;
use uuid::Uuid;

use crate::watchdog::{self, Finding, Patience};
use crate::{Bus, BusError, audit};

/// What a service listens to on one stream.
#[derive(Debug, Clone)]
pub struct SubscriptionSpec {
    /// Name of the stream.
    pub stream: String,
    /// Name of the durable consumer: the service's name.
    pub durable: String,
    /// Subjects wanted.
    pub subjects: Vec<String>,
    /// About so many events make a full batch.
    pub batch: usize,
    /// After this time without an answer the server delivers again.
    pub ack_wait: Duration,
}

/// One event of a delivered message.
#[derive(Debug, Clone)]
pub struct Arrived {
    /// All about it, or why that can't be read.
    pub envelope: Result<Envelope, Malformed>,
    /// Its content.
    pub payload: Bytes,
}

/// One delivered message with its answer still open. The answer is one for all its events.
pub struct Delivery {
    /// What is in it: one event, or several that were caused together.
    pub events: Vec<Arrived>,
    /// What every copy of a message with several events bears, whenever it is published: such a message always holds the same
    /// events. `None` where its events are known one by one: there is only one, or its publisher promises no such thing.
    pub unit: Option<Uuid>,
    /// Subject on the bus.
    pub subject: String,
    /// How often it was delivered, from 1.
    pub attempt: i64,
    /// Place in the stream.
    pub sequence: u64,
    acker: Acker,
}

impl Delivery {
    /// It is dealt with. Fire and forget: a lost answer means another delivery, which the inbox recognises.
    pub async fn ack(&self) {
        self.answer(AckKind::Ack).await;
    }

    /// Deliver it again after this time.
    pub async fn retry_after(&self, wait: Duration) {
        self.answer(AckKind::Nak(Some(wait))).await;
    }

    async fn answer(&self, kind: AckKind) {
        let answered = timeout(Duration::from_secs(2), self.acker.ack_with(kind)).await;
        if !matches!(answered, Ok(Ok(()))) {
            tracing::debug!("answer to a message could not be sent; it will be delivered again");
        }
    }
}

/// A batch of this many events is a flow.
const FLOW: usize = 8;
/// So many messages are taken off the client at once: each may hold many events.
const CHUNK: usize = 8;
/// How long a batch of a flow is left to grow: as long as the last one took to handle, within these limits. Where handling is
/// quick it is hardly held up; where the machine is full, larger batches are what empties it.
const LINGER: std::ops::RangeInclusive<Duration> = Duration::from_millis(4)..=Duration::from_millis(50);

/// A durable consumer, opened again whenever it breaks.
pub struct Subscription {
    bus: Bus,
    spec: SubscriptionSpec,
    open: Option<Opened>,
    /// When the last batch was given away.
    last_delivery: Instant,
    flowing: bool,
    /// When the server was last asked how the consumer is.
    last_look: Instant,
    patience: Patience,
}

type Chunk = Vec<Result<async_nats::jetstream::Message, pull::MessagesError>>;

struct Opened {
    consumer: PullConsumer,
    batches: BoxStream<'static, Chunk>,
}

impl Bus {
    /// Opens a durable consumer; refuses one whose settings break the promise. While the server is away it is opened, and
    /// checked, with the first batch after it is there.
    pub async fn subscribe(&self, spec: SubscriptionSpec) -> Result<Subscription, BusError> {
        let now = Instant::now();
        let (bus, patience) = (self.clone(), Patience::default());
        let mut subscription =
            Subscription { bus, spec, open: None, last_delivery: now, flowing: false, last_look: now, patience };
        if self.is_connected() {
            subscription.reopen().await?;
        }
        Ok(subscription)
    }
}

impl Subscription {
    /// Waits for what is delivered next and gives all that already waits, up to about the batch size. An empty batch means
    /// that nothing came for a few seconds. Dropped while it waits, what it took is delivered again.
    pub async fn next_batch(&mut self) -> Result<Vec<Delivery>, BusError> {
        let batch = self.take_batch().await;
        let cause = match &batch {
            Err(cause) => Some(cause.to_string()),
            Ok(_) if self.patience.is_tried() => Some("messages wait, and none is delivered".to_owned()),
            Ok(_) => None,
        };
        self.bus.note_consumer(&self.spec.stream, cause);
        batch
    }

    async fn take_batch(&mut self) -> Result<Vec<Delivery>, BusError> {
        if self.last_look.elapsed() >= watchdog::EVERY && self.open.is_some() {
            self.look().await?;
        }
        if self.open.is_none() {
            self.reopen().await?;
        }
        // Whoever asks for the next batch has dealt with the last one.
        let linger = self.last_delivery.elapsed().clamp(*LINGER.start(), *LINGER.end());
        let Some(open) = self.open.as_mut() else { return Ok(Vec::new()) };
        match timeout(watchdog::EVERY, open.batches.next()).await {
            Err(_) => {
                self.flowing = false;
                self.patience.in_vain();
                Ok(Vec::new())
            }
            Ok(None) => {
                self.open = None;
                Ok(Vec::new())
            }
            Ok(Some(first)) => {
                // One message alone is handled at once, with what already lies here; in a flow a short wait makes one
                // transaction of many small ones.
                let now = tokio::time::Instant::now();
                let until = if self.flowing { now + linger } else { now };
                let (mut deliveries, mut events, mut broken) = (Vec::with_capacity(first.len()), 0, None);
                let mut take = |chunk: Chunk| {
                    for message in chunk {
                        match message {
                            Ok(message) => {
                                deliveries.extend(delivery(message).inspect(|one| events += one.events.len()))
                            }
                            Err(cause) => broken = Some(cause),
                        }
                    }
                    events
                };
                let mut count = take(first);
                while count < self.spec.batch {
                    match tokio::time::timeout_at(until, open.batches.next()).await {
                        Ok(Some(more)) => count = take(more),
                        Ok(None) | Err(_) => break,
                    }
                }
                self.flowing = count >= FLOW;
                if let Some(cause) = broken {
                    warn!(stream = %self.spec.stream, consumer = %self.spec.durable, %cause, "consumer is opened anew");
                    self.open = None;
                }
                self.last_delivery = Instant::now();
                if !deliveries.is_empty() {
                    self.patience.delivered();
                }
                Ok(deliveries)
            }
        }
    }

    /// Whether the bus as a whole is well, so that a failure is this consumer's own.
    pub fn bus_is_healthy(&self) -> bool {
        self.bus.is_healthy()
    }

    /// Asks the server how the consumer is, and does what that calls for.
    async fn look(&mut self) -> Result<(), BusError> {
        self.last_look = Instant::now();
        let Some(open) = self.open.as_mut() else { return Ok(()) };
        let Ok(Ok(info)) = timeout(Duration::from_secs(5), open.consumer.get_info()).await else {
            warn!(stream = %self.spec.stream, consumer = %self.spec.durable, "consumer does not answer and is opened anew");
            self.open = None;
            return Ok(());
        };
        let finding = self.patience.judge(&wanted(&self.spec), &info)?;
        if finding == Finding::Fine {
            return Ok(());
        }
        warn!(stream = %self.spec.stream, consumer = %self.spec.durable, ?finding, "consumer is opened anew");
        self.open = None;
        Ok(())
    }

    async fn reopen(&mut self) -> Result<(), BusError> {
        self.bus.ensure_stream_named(&self.spec.stream).await?;
        let what = || format!("open consumer {} of stream {}", self.spec.durable, self.spec.stream);
        let stream =
            self.bus.jetstream.get_stream(&self.spec.stream).await.map_err(|cause| BusError::server(what(), cause))?;
        let found = stream.consumer_info(&self.spec.durable).await.ok();
        if let Some(found) = &found {
            audit::consumer(&self.spec.stream, &found.config)?;
        }
        let consumer: PullConsumer =
            stream.create_consumer(wanted(&self.spec)).await.map_err(|cause| BusError::server(what(), cause))?;
        audit::consumer(&self.spec.stream, &consumer.cached_info().config)?;
        // Each may hold many events, and what lies here unhandled for too long is delivered to somebody else.
        let at_once = (self.spec.batch / 4).max(1);
        let messages = consumer
            .stream()
            .max_messages_per_batch(at_once)
            .expires(Duration::from_secs(10))
            .heartbeat(Duration::from_secs(3))
            .messages()
            .await
            .map_err(|cause| BusError::server(what(), cause))?;
        let batches = Box::pin(messages.ready_chunks(CHUNK));
        self.open = Some(Opened { consumer, batches });
        self.last_look = Instant::now();
        Ok(())
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        self.bus.note_consumer(&self.spec.stream, None);
    }
}

/// The consumer of a subscription, as its service makes it.
pub(crate) fn wanted(spec: &SubscriptionSpec) -> pull::Config {
    pull::Config {
        durable_name: Some(spec.durable.clone()),
        filter_subjects: spec.subjects.clone(),
        deliver_policy: DeliverPolicy::All,
        ack_policy: AckPolicy::Explicit,
        ack_wait: spec.ack_wait,
        // The poison decision is ours: the server must never give up on a message by itself.
        max_deliver: -1,
        // What waits for something stays pending: room for it beside the flow.
        max_ack_pending: (spec.batch * 16) as i64,
        replay_policy: consumer::ReplayPolicy::Instant,
        ..Default::default()
    }
}

fn delivery(message: async_nats::jetstream::Message) -> Option<Delivery> {
    let (attempt, sequence) = match message.info() {
        Ok(info) => (info.delivered, info.stream_sequence),
        Err(_) => return None,
    };
    let (message, acker) = message.split();
    let get = |name: &'static str| {
        let headers = message.headers.as_ref();
        headers.and_then(|headers| headers.get(HeaderName::from_static(name))).map(|value| value.as_str())
    };
    let subject = message.subject.to_string();
    let mut unit = None;
    let arrived = |(envelope, payload)| Arrived { envelope, payload };
    let events = if get(header::CONTENT_TYPE) == Some(batch::CONTENT_TYPE) {
        unit = get(header::MESSAGE_ID).and_then(read_unit);
        let payload = &message.payload;
        let unreadable = |cause| vec![(Err(cause), payload.clone())];
        batch::read(&subject, payload.clone()).unwrap_or_else(unreadable).into_iter().map(arrived).collect()
    } else {
        vec![arrived((Envelope::read(&subject, get), message.payload.clone()))]
    };
    Some(Delivery { events, unit, subject, attempt, sequence, acker })
}

/// The id of a message, without what tells its copies apart. Earlier releases named a message by its first event and the sum of
/// the others, which is none.
fn read_unit(message_id: &str) -> Option<Uuid> {
    let id = message_id.split_once(':').map_or(message_id, |(id, _copy)| id);
    Uuid::try_parse(id).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_and_its_copies_are_one_unit_and_a_name_that_promises_nothing_is_none() {
        let id = Uuid::from_u128(7);
        assert_eq!(read_unit(&id.to_string()), Some(id));
        assert_eq!(read_unit(&format!("{id}:r2")), Some(id));
        assert_eq!(read_unit(&format!("{id}+{:032x}", 9)), None);
        assert_eq!(read_unit(""), None);
    }
}
