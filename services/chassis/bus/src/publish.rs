//! Publishing: many messages in flight, each with its own answer.
//!
//! A missing answer means "unknown": the caller publishes again with the same id and the server or the inbox recognises
//! it. Nothing here retries by itself, so that the outbox stays the only queue.

use std::error::Error as _;
use std::time::Duration;

use async_nats::jetstream::ErrorCode;
use async_nats::jetstream::context::{PublishError, PublishErrorKind};
use async_nats::jetstream::message::PublishMessage;
use async_nats::{HeaderMap, HeaderName, HeaderValue};
use bytes::Bytes;
use causeway_envelope::{Envelope, batch, header};
use futures::future::join_all;

use crate::{ACK_TIMEOUT, Bus};

/// One message on its way out: one event, or several that have the same subject.
#[derive(Debug, Clone)]
pub struct Outgoing {
    subject: String,
    body: Body,
    message_id: String,
}

#[derive(Debug, Clone)]
enum Body {
    One(Box<Envelope>, Bytes),
    Several(Bytes),
}

impl Outgoing {
    /// One event; by its id the server recognises a repeat.
    pub fn one(envelope: Envelope, payload: Bytes, message_id: String) -> Self {
        Self { subject: envelope.subject.clone(), body: Body::One(Box::new(envelope), payload), message_id }
    }

    /// Several events of one subject; `None` where there is none.
    pub fn several<'a>(
        events: impl IntoIterator<Item = (&'a Envelope, &'a Bytes)>,
        message_id: String,
    ) -> Option<Self> {
        let mut events = events.into_iter().peekable();
        let subject = events.peek()?.0.subject.clone();
        Some(Self { subject, body: Body::Several(batch::write(events)), message_id })
    }
}

/// The server has the message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Published {
    /// True where the server had it already.
    pub duplicate: bool,
}

/// The server has it not, or it is unknown whether it has it.
#[derive(Debug, Clone, thiserror::Error)]
#[error("publish on the message bus: {cause}")]
pub struct PublishFailed {
    /// What the client said.
    pub cause: String,
    /// True where this message can never be taken, whatever becomes of the link and the server: it is too large.
    pub its_own: bool,
}

impl Bus {
    /// Publishes all, pipelined, and gives the answers in the same order. Ends within about ten seconds whatever happens.
    pub async fn publish(&self, batch: &[Outgoing]) -> Vec<Result<Published, PublishFailed>> {
        let mut pending = Vec::with_capacity(batch.len());
        let mut broken = false;
        for outgoing in batch {
            // While the link is down each send would wait for its own time-out: one failure answers for the rest.
            if broken {
                pending.push(Err(failed("the link is down")));
                continue;
            }
            let sent = tokio::time::timeout(ACK_TIMEOUT, self.send(outgoing)).await;
            let sent = sent.unwrap_or_else(|_| Err(failed("no room to send within the time limit")));
            broken = matches!(&sent, Err(cause) if !cause.its_own);
            pending.push(sent);
        }
        let answers = join_all(pending.into_iter().map(|sent| async move {
            let ack = sent?;
            let wait = ACK_TIMEOUT + Duration::from_secs(1);
            let answer = tokio::time::timeout(wait, ack).await.map_err(|_| failed("no answer"))?;
            answer.map(|ack| Published { duplicate: ack.duplicate }).map_err(|cause| refused(&cause))
        }))
        .await;
        if !answers.is_empty() {
            self.mark(answers.iter().any(Result::is_ok));
        }
        answers
    }

    async fn send(
        &self,
        outgoing: &Outgoing,
    ) -> Result<async_nats::jetstream::context::PublishAckFuture, PublishFailed> {
        let mut headers = HeaderMap::new();
        let payload = match &outgoing.body {
            Body::One(envelope, payload) => {
                for (name, value) in envelope.headers() {
                    headers.insert(HeaderName::from_static(name), HeaderValue::from(value));
                }
                payload
            }
            Body::Several(payload) => {
                headers.insert(HeaderName::from_static(header::CONTENT_TYPE), batch::CONTENT_TYPE);
                payload
            }
        };
        headers.insert(HeaderName::from_static(header::MESSAGE_ID), HeaderValue::from(outgoing.message_id.clone()));
        let message = PublishMessage::build().payload(payload.clone()).headers(headers);
        self.jetstream.send_publish(outgoing.subject.clone(), message).await.map_err(|cause| refused(&cause))
    }
}

fn failed(cause: &str) -> PublishFailed {
    PublishFailed { cause: cause.to_owned(), its_own: false }
}

/// Too large for the client's link or for the stream. Everything else passes: a full stream, a lost store, a restart.
fn refused(cause: &PublishError) -> PublishFailed {
    let answer = cause.source().and_then(|source| source.downcast_ref::<async_nats::jetstream::Error>());
    let too_large = answer.is_some_and(|answer| answer.error_code() == ErrorCode::STREAM_MESSAGE_EXCEEDS_MAXIMUM);
    PublishFailed {
        cause: cause.to_string(),
        its_own: too_large || cause.kind() == PublishErrorKind::MaxPayloadExceeded,
    }
}
