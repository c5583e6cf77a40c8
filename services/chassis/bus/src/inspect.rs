//! The bus as an operator sees it from outside: what is wrong with the server, its streams and their consumers.
//!
//! A service that connects makes what is missing and sets right what only slows it. Whoever looks must do neither, because what they
//! look for would be gone before they saw it. Deliberately not here: the rules themselves (audit).

use async_nats::ConnectOptions;
use async_nats::jetstream::context::{ConsumerInfoErrorKind, GetStreamErrorKind};
use bytes::Bytes;
use jiff::Timestamp;
use serde::Deserialize;

use crate::subscribe::wanted;
use crate::{ACK_TIMEOUT, Breach, Bus, BusError, BusSettings, StreamSpec, SubscriptionSpec, audit};

/// What is wrong with a part of the bus, and what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Ailment {
    /// A stream of the contract is not there.
    #[error("stream {0} is not there; start the services: it is made, and filled again from the outboxes")]
    NoStream(String),
    /// A service has no consumer on a stream that it listens to.
    #[error(
        "consumer {consumer} of stream {stream} is not there; start the service {consumer}, which makes it, or see why it does not in its log"
    )]
    NoConsumer {
        /// The stream.
        stream: String,
        /// The consumer, which has its service's name.
        consumer: String,
    },
    /// A setting breaks the promise that nothing is lost.
    #[error(transparent)]
    Unsafe(#[from] Breach),
    /// A setting that delays or withholds messages is not as the service makes it.
    #[error(
        "consumer {consumer} of stream {stream}: setting {setting} was changed by hand; the service {consumer} sets it right within seconds while it runs, else delete the consumer"
    )]
    Changed {
        /// The stream.
        stream: String,
        /// The consumer.
        consumer: String,
        /// The setting as NATS spells it.
        setting: &'static str,
    },
}

#[derive(Deserialize)]
struct Stamped {
    ts: Option<String>,
}

impl Bus {
    /// Connects and leaves all as it is.
    pub async fn connect_to_look(settings: BusSettings, streams: Vec<StreamSpec>) -> Result<Self, BusError> {
        Self::open(&settings, streams, ConnectOptions::new()).await
    }

    /// What is wrong with the server and the streams: everything, not the first fault alone.
    pub async fn ailments(&self) -> Result<Vec<Ailment>, BusError> {
        let mut ailments: Vec<Ailment> =
            audit::server(&self.server_version()).err().into_iter().map(Into::into).collect();
        for spec in self.streams.iter() {
            match self.jetstream.get_stream(&spec.name).await {
                Ok(mut stream) => {
                    let failed = |cause| BusError::server(format!("look at stream {}", spec.name), cause);
                    let found = stream.info().await.map_err(failed)?;
                    ailments.extend(audit::stream(spec, &found.config).err().map(Into::into));
                }
                Err(cause) if matches!(cause.kind(), GetStreamErrorKind::JetStream(_)) => {
                    ailments.push(Ailment::NoStream(spec.name.clone()));
                }
                Err(cause) => return Err(BusError::server(format!("look at stream {}", spec.name), cause)),
            }
        }
        Ok(ailments)
    }

    /// What is wrong with the consumer that a service makes for such a subscription; `None`: nothing.
    pub async fn consumer_ailment(&self, spec: &SubscriptionSpec) -> Result<Option<Ailment>, BusError> {
        let (stream, consumer) = (spec.stream.clone(), spec.durable.clone());
        let missing = || Some(Ailment::NoConsumer { stream: stream.clone(), consumer: consumer.clone() });
        let what = || format!("look at consumer {consumer} of stream {stream}");
        let open = match self.jetstream.get_stream(&spec.stream).await {
            Ok(open) => open,
            Err(cause) if matches!(cause.kind(), GetStreamErrorKind::JetStream(_)) => return Ok(missing()),
            Err(cause) => return Err(BusError::server(what(), cause)),
        };
        let found = match open.consumer_info(&spec.durable).await {
            Ok(found) => found,
            Err(cause) if cause.kind() == ConsumerInfoErrorKind::NotFound => return Ok(missing()),
            Err(cause) => return Err(BusError::server(what(), cause)),
        };
        if let Err(breach) = audit::consumer(&spec.stream, &found.config) {
            return Ok(Some(breach.into()));
        }
        let changed = audit::drift(&wanted(spec), &found.config);
        Ok(changed.map(|setting| Ailment::Changed { stream: stream.clone(), consumer: consumer.clone(), setting }))
    }

    /// What time it is for the server, as it stamps an answer; `None`: a server before 2.10 tells none.
    pub async fn time(&self) -> Result<Option<Timestamp>, BusError> {
        let Some(spec) = self.streams.first() else { return Ok(None) };
        let answer = self.ask(format!("$JS.API.STREAM.INFO.{}", spec.name), Bytes::new(), ACK_TIMEOUT).await?;
        let stamped: Option<Stamped> = serde_json::from_slice(&answer).ok();
        Ok(stamped.and_then(|stamped| stamped.ts?.parse().ok()))
    }
}
