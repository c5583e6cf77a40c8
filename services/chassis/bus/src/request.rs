//! Small questions between the machines of two services over the bus, without a stream.
//!
//! The reconciler asks a listener which events its inbox lacks. Core NATS request and reply is enough: a question that
//! gets no answer is asked again later.

use std::future::Future;
use std::time::Duration;

use bytes::Bytes;
use futures::StreamExt as _;
use tokio_util::sync::CancellationToken;
use tracing::warn;

use crate::{Bus, BusError};

/// Answers questions on a subject until it is stopped.
pub struct Responder {
    subscriber: async_nats::Subscriber,
    client: async_nats::Client,
}

impl Bus {
    /// Asks and waits for one answer.
    pub async fn ask(&self, subject: String, question: Bytes, wait: Duration) -> Result<Bytes, BusError> {
        match tokio::time::timeout(wait, self.client.request(subject.clone(), question)).await {
            Ok(Ok(answer)) => Ok(answer.payload),
            Ok(Err(cause)) => Err(BusError::server(format!("ask {subject}"), cause)),
            Err(_) => Err(BusError::server(format!("ask {subject}"), "no answer")),
        }
    }

    /// Starts to answer questions on a subject. Instances of the same `group` share them.
    pub async fn respond(&self, subject: String, group: String) -> Result<Responder, BusError> {
        let subscriber = self
            .client
            .queue_subscribe(subject.clone(), group)
            .await
            .map_err(|cause| BusError::server(format!("listen on {subject}"), cause))?;
        Ok(Responder { subscriber, client: self.client.clone() })
    }
}

impl Responder {
    /// Answers each question with what `answer` gives; none where it fails, so that the asker tries again later.
    pub async fn run<F, A>(mut self, stop: CancellationToken, answer: F)
    where
        F: Fn(Bytes) -> A,
        A: Future<Output = Option<Bytes>>,
    {
        loop {
            let message = tokio::select! {
                () = stop.cancelled() => return,
                message = self.subscriber.next() => message,
            };
            let Some(message) = message else { return };
            let (Some(reply), Some(bytes)) = (message.reply, answer(message.payload).await) else { continue };
            if let Err(cause) = self.client.publish(reply, bytes).await {
                warn!(%cause, "answer on the message bus could not be sent");
            }
        }
    }
}
