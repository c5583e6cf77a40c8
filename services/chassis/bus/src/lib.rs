//! How does a message travel? The only crate that knows NATS JetStream.
//!
//! JetStream is transport, never the record (F4): it acknowledges before it syncs, so whatever was published may be gone
//! after a power cut and is then published again from the outbox. This crate creates the streams, refuses to start on a
//! server or stream setting that breaks that promise ([`audit`]), publishes pipelined ([`Bus::publish`]) and hands out
//! what has been delivered in batches ([`Subscription`]). Deliberately absent: any word of the domain, any decision on
//! what becomes of a message.

pub mod audit;
mod bucket;
mod inspect;
mod publish;
mod request;
mod subscribe;
mod watchdog;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use async_nats::connection::State;
use async_nats::jetstream::{self, context::ContextBuilder, stream};
use tracing::{info, warn};

pub use audit::Breach;
pub use bucket::{Bucket, Change};
pub use inspect::Ailment;
pub use publish::{Outgoing, PublishFailed, Published};
pub use request::Responder;
pub use subscribe::{Arrived, Delivery, Subscription, SubscriptionSpec};

/// What a stream is to be like. Names and subjects come from the contract.
#[derive(Debug, Clone)]
pub struct StreamSpec {
    /// Name in capitals.
    pub name: String,
    /// Subjects that it takes.
    pub subjects: Vec<String>,
    /// How long messages are kept.
    pub max_age: Duration,
    /// How long the server recognises a repeated message id.
    pub duplicate_window: Duration,
    /// Largest size on disk, bytes; a full stream refuses new messages.
    pub max_bytes: i64,
    /// Largest message, bytes.
    pub max_message_size: i32,
}

impl StreamSpec {
    /// Streams that differ in name and subjects only.
    pub fn all(
        streams: Vec<(&'static str, Vec<String>)>,
        (max_age, duplicate_window): (Duration, Duration),
        (max_bytes, max_message_size): (i64, i32),
    ) -> Vec<Self> {
        let spec = |(name, subjects): (&str, Vec<String>)| Self {
            name: name.to_owned(),
            subjects,
            max_age,
            duplicate_window,
            max_bytes,
            max_message_size,
        };
        streams.into_iter().map(spec).collect()
    }
}

/// How a service proves to the server who it is.
#[derive(Debug, Clone)]
pub enum BusCredentials {
    /// File with a user JWT and its nkey seed.
    File(PathBuf),
    /// File with a bare nkey seed.
    NkeySeed(PathBuf),
}

/// How to reach the server.
#[derive(Debug, Clone)]
pub struct BusSettings {
    /// Address, such as `nats://127.0.0.1:4222`.
    pub url: String,
    /// How the service proves who it is; none: no authentication.
    pub credentials: Option<BusCredentials>,
    /// Name of the connection, shown by the server's monitor; also the prefix of this service's inbox.
    pub name: String,
}

/// Why the bus can't be used.
#[derive(Debug, thiserror::Error)]
pub enum BusError {
    /// No connection.
    #[error(
        "connect to the message bus at {url}: {what}; check that nats-server runs there and that the address is right"
    )]
    Connect {
        /// The address.
        url: String,
        /// What the client said.
        what: String,
    },
    /// A setting of the server or of a stream breaks the promise that nothing is lost.
    #[error("the message bus is not safe to use: {0}")]
    Unsafe(#[from] Breach),
    /// Messages wait for a consumer, and it is given none although it was opened anew.
    #[error(
        "consumer {consumer} of stream {stream} is given nothing although {pending} messages wait for it; look at it with 'nats consumer info'"
    )]
    Stalled {
        /// The stream.
        stream: String,
        /// The consumer.
        consumer: String,
        /// How many wait.
        pending: u64,
    },
    /// The server refused or did not answer.
    #[error("{what}: {cause}")]
    Server {
        /// What was tried.
        what: String,
        /// What the server or client said.
        cause: String,
    },
}

impl BusError {
    pub(crate) fn server(what: impl Into<String>, cause: impl std::fmt::Display) -> Self {
        Self::Server { what: what.into(), cause: cause.to_string() }
    }
}

/// A connection to the bus. Cheap to clone.
#[derive(Clone)]
pub struct Bus {
    client: async_nats::Client,
    jetstream: jetstream::Context,
    streams: Arc<Vec<StreamSpec>>,
    healthy: Arc<AtomicBool>,
    /// What is wrong with the consumers of this process, by stream.
    ailing: Arc<Mutex<BTreeMap<String, String>>>,
}

/// The server gives an answer to a publication or none; after this the outcome is unknown and it is published again.
pub(crate) const ACK_TIMEOUT: Duration = Duration::from_secs(5);

/// How long a start waits for a server that it can do without.
const FIRST_CONNECTION: Duration = Duration::from_secs(3);

impl Bus {
    /// Connects, checks the server, creates the streams that are missing and checks those that are there.
    pub async fn connect(settings: BusSettings, streams: Vec<StreamSpec>) -> Result<Self, BusError> {
        let bus = Self::open(&settings, streams, async_nats::ConnectOptions::new()).await?;
        bus.ensure_streams().await?;
        Ok(bus)
    }

    /// Like [`Bus::connect`], for whoever has a record of their own to go on with: a server that is away is waited for only
    /// for a moment. What is to be published waits in the outbox, and whoever listens checks the server and its streams when
    /// they are there.
    pub async fn connect_when_there(settings: BusSettings, streams: Vec<StreamSpec>) -> Result<Self, BusError> {
        let options = async_nats::ConnectOptions::new().retry_on_initial_connect();
        let bus = Self::open(&settings, streams, options).await?;
        let until = Instant::now() + FIRST_CONNECTION;
        while !bus.is_connected() && Instant::now() < until {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        if bus.is_connected() {
            bus.ensure_streams().await?;
        } else {
            warn!(url = %settings.url, "message bus can not be reached at start; what is accepted waits in the outbox until it is there");
        }
        Ok(bus)
    }

    async fn open(
        settings: &BusSettings,
        streams: Vec<StreamSpec>,
        options: async_nats::ConnectOptions,
    ) -> Result<Self, BusError> {
        // A lost link is noticed after two missed pings; the default of 60 s would hide it for minutes.
        let mut options = options
            .name(&settings.name)
            .ping_interval(Duration::from_secs(5))
            .connection_timeout(Duration::from_secs(5))
            .request_timeout(Some(ACK_TIMEOUT))
            .custom_inbox_prefix(format!("_INBOX.{}", settings.name.replace(['.', ' ', '*', '>'], "-")))
            .client_capacity(8192)
            .subscription_capacity(65_536)
            .reconnect_delay_callback(|attempt| Duration::from_millis((100 * attempt.min(20)) as u64))
            .event_callback(|event| async move { tracing::debug!(%event, "message bus") });
        if let Some(credentials) = &settings.credentials {
            options = identify(options, credentials).await.map_err(|cause| BusError::Connect {
                url: settings.url.clone(),
                what: format!("read credentials: {cause}"),
            })?;
        }
        let client = options
            .connect(&settings.url)
            .await
            .map_err(|cause| BusError::Connect { url: settings.url.clone(), what: cause.to_string() })?;
        let jetstream = ContextBuilder::new()
            .timeout(ACK_TIMEOUT)
            .ack_timeout(ACK_TIMEOUT)
            .max_ack_inflight(4096)
            .build(client.clone());
        Ok(Self {
            client,
            jetstream,
            streams: Arc::new(streams),
            healthy: Arc::new(AtomicBool::new(true)),
            ailing: Arc::default(),
        })
    }

    /// Checks the server, creates what is missing and checks what is there. Run again after the store of the server was lost.
    pub async fn ensure_streams(&self) -> Result<(), BusError> {
        self.check_server()?;
        for spec in self.streams.iter() {
            self.ensure_stream(spec).await?;
        }
        Ok(())
    }

    pub(crate) async fn ensure_stream_named(&self, name: &str) -> Result<(), BusError> {
        self.check_server()?;
        match self.streams.iter().find(|spec| spec.name == name) {
            Some(spec) => self.ensure_stream(spec).await,
            None => Ok(()),
        }
    }

    async fn ensure_stream(&self, spec: &StreamSpec) -> Result<(), BusError> {
        let wanted = config(spec);
        let failed = |cause: &dyn std::fmt::Display| BusError::server(format!("create stream {}", spec.name), cause);
        let mut found = self.jetstream.get_or_create_stream(wanted.clone()).await.map_err(|cause| failed(&cause))?;
        let present = found.info().await.map_err(|cause| failed(&cause))?.config.clone();
        audit::stream(spec, &present)?;
        // Only ever added: a process of an older release that connects again must not take those of a newer one away.
        let missing: Vec<String> =
            wanted.subjects.into_iter().filter(|subject| !present.subjects.contains(subject)).collect();
        if !missing.is_empty() {
            info!(stream = %spec.name, "subjects of the stream follow the contract");
            let subjects = [present.subjects.clone(), missing].concat();
            self.jetstream
                .update_stream(stream::Config { subjects, ..present })
                .await
                .map_err(|cause| failed(&cause))?;
        }
        Ok(())
    }

    /// True while the connection stands and no publication has found the bus out of order since.
    pub fn is_healthy(&self) -> bool {
        self.is_connected() && self.healthy.load(Ordering::Relaxed)
    }

    /// Whether messages go out and come in, for a readiness check: the error says what does not work.
    pub fn ready(&self) -> Result<(), String> {
        if !self.is_healthy() {
            return Err("the message bus can not be reached or takes no messages".to_owned());
        }
        let ailing = self.ailing.lock().unwrap_or_else(PoisonError::into_inner);
        ailing.iter().next().map_or(Ok(()), |(stream, cause)| Err(format!("listening on stream {stream}: {cause}")))
    }

    /// Notes what is wrong with the consumer of a stream, or that nothing is.
    pub(crate) fn note_consumer(&self, stream: &str, cause: Option<String>) {
        let mut ailing = self.ailing.lock().unwrap_or_else(PoisonError::into_inner);
        match cause {
            Some(cause) => ailing.insert(stream.to_owned(), cause),
            None => ailing.remove(stream),
        };
    }

    /// Whether the link stands and the server has said what it is. The client calls a link connected a moment before that.
    pub(crate) fn is_connected(&self) -> bool {
        self.client.connection_state() == State::Connected && !self.client.server_info().version.is_empty()
    }

    /// A server that has said nothing yet is not there yet, and nothing is wrong with it.
    fn check_server(&self) -> Result<(), BusError> {
        let version = self.client.server_info().version;
        if version.is_empty() {
            return Err(BusError::server("ask the server what it is", "no answer yet"));
        }
        Ok(audit::server(&version)?)
    }

    pub(crate) fn mark(&self, healthy: bool) {
        if self.healthy.swap(healthy, Ordering::Relaxed) != healthy {
            if healthy {
                info!("message bus takes messages again");
            } else {
                warn!("message bus does not take messages; they wait in the outbox");
            }
        }
    }

    /// Version of the server.
    pub fn server_version(&self) -> String {
        self.client.server_info().version
    }

    /// Sends what is buffered and closes the connection.
    pub async fn close(&self) {
        let _ = tokio::time::timeout(Duration::from_secs(2), self.client.drain()).await;
    }
}

async fn identify(
    options: async_nats::ConnectOptions,
    credentials: &BusCredentials,
) -> std::io::Result<async_nats::ConnectOptions> {
    match credentials {
        BusCredentials::File(path) => options.credentials_file(path).await,
        BusCredentials::NkeySeed(path) => Ok(options.nkey(std::fs::read_to_string(path)?.trim().to_owned())),
    }
}

/// The settings that the promise rests on: limits retention (a server restart forgets the dedupe ids of acknowledged
/// messages under the other policies), `discard: new` (the old policy drops unread messages silently), no deletes.
fn config(spec: &StreamSpec) -> stream::Config {
    stream::Config {
        name: spec.name.clone(),
        subjects: spec.subjects.clone(),
        retention: stream::RetentionPolicy::Limits,
        discard: stream::DiscardPolicy::New,
        storage: stream::StorageType::File,
        max_age: spec.max_age,
        max_bytes: spec.max_bytes,
        max_message_size: spec.max_message_size,
        duplicate_window: spec.duplicate_window,
        deny_delete: true,
        deny_purge: true,
        num_replicas: 1,
        allow_direct: true,
        ..Default::default()
    }
}
