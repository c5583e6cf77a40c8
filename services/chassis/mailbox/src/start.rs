//! Wires the machine of one service: relay, consumers, reconciler, timers, replay.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use causeway_bus::{Bus, BusCredentials, BusError, BusSettings, StreamSpec, SubscriptionSpec};
use causeway_runtime::{NatsCredentials, Stop};
use prometheus::{IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry};
use tokio_util::task::TaskTracker;
use tracing::debug;

use crate::consumer::{Consumer, Handler};
use crate::database::{Database, DatabaseSettings};
use crate::parked;
use crate::reconciler::{self, Reconciler};
use crate::relay::Relay;
use crate::timers::{self, TimerHandler};

/// Why the machine can't start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The service was given no database.
    #[error("service {service} has no database; set [runtime.databases.{service}] app and machine")]
    NoDatabase {
        /// The service.
        service: &'static str,
    },
    /// The database's address is wrong.
    #[error(transparent)]
    Database(#[from] crate::TxError),
    /// The bus can't be used.
    #[error(transparent)]
    Bus(#[from] BusError),
}

/// Opens what every service with a database stands on: its database and the bus.
pub async fn open(
    deps: &causeway_runtime::Deps,
    settings: &DatabaseSettings,
    streams: Vec<StreamSpec>,
) -> Result<(Database, Bus), StartError> {
    let urls = deps.database.as_ref().ok_or(StartError::NoDatabase { service: deps.service })?;
    let database = Database::connect(deps.service, urls, settings, deps.clock.clone())?;
    let bus = Bus::connect_when_there(bus_settings(deps), streams).await?;
    Ok((database, bus))
}

/// Opens the bus alone, for a service without a database, which can do nothing without it.
pub async fn open_bus(deps: &causeway_runtime::Deps, streams: Vec<StreamSpec>) -> Result<Bus, BusError> {
    Bus::connect(bus_settings(deps), streams).await
}

fn bus_settings(deps: &causeway_runtime::Deps) -> BusSettings {
    let credentials = match &deps.nats.credentials {
        None => None,
        Some(NatsCredentials::CredentialsFile(path)) => Some(BusCredentials::File(path.clone())),
        Some(NatsCredentials::NkeySeedFile(path)) => Some(BusCredentials::NkeySeed(path.clone())),
    };
    BusSettings { url: deps.nats.url.clone(), credentials, name: deps.service.to_owned() }
}

/// What a service listens to on one stream.
pub struct Subscription {
    /// Name of the stream.
    pub stream: &'static str,
    /// Subjects wanted, with wildcards.
    pub subjects: Vec<String>,
    /// Who handles them.
    pub handler: Arc<dyn Handler>,
}

/// How often the machine looks, and how patient it is. In real time, whatever the service's clock says.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Pace {
    /// Most events handled in one transaction.
    pub batch: usize,
    /// The bus delivers a message again that was not answered in this time, seconds.
    pub ack_wait_seconds: u64,
    /// How often the outbox is searched for what the direct way missed, milliseconds.
    pub sweep_every_ms: u64,
    /// Rows younger than this are left to the direct way, milliseconds.
    pub sweep_after_ms: u64,
    /// How often due timers are looked for, milliseconds.
    pub timers_every_ms: u64,
    /// How often the outbox is compared with the listeners, seconds.
    pub reconcile_every_seconds: u64,
    /// Events younger than this are not compared yet, seconds. Longer than the longest transaction.
    pub reconcile_after_seconds: u64,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            batch: 256,
            ack_wait_seconds: 30,
            sweep_every_ms: 500,
            sweep_after_ms: 1500,
            timers_every_ms: 250,
            reconcile_every_seconds: 15,
            reconcile_after_seconds: 60,
        }
    }
}

/// All that the machine of a service needs.
pub struct MailboxSettings {
    /// What the service listens to.
    pub subscriptions: Vec<Subscription>,
    /// What happens when its timers fire.
    pub timers: Option<Arc<dyn TimerHandler>>,
    /// Who must have seen an event with a subject.
    pub listeners: fn(&str) -> Vec<&'static str>,
    /// How often it looks.
    pub pace: Pace,
}

/// The machine of a service: its loops live on the service's task tracker.
pub struct Mailbox;

impl Mailbox {
    /// Starts all its loops on the tracker. Consumers end at the soft stop after the batch under way, the relay a
    /// moment later, so that what the last requests committed is still published.
    pub async fn start(
        database: Database,
        bus: Bus,
        settings: MailboxSettings,
        stop: &Stop,
        tasks: &TaskTracker,
        metrics: &Registry,
    ) -> Result<Self, BusError> {
        let counters = Counters::register(metrics).map_err(|cause| BusError::Server {
            what: "register the machine's metrics".into(),
            cause: cause.to_string(),
        })?;
        let pace = &settings.pace;
        let (relay, marker) = Relay::new(database.clone(), bus.clone());
        if let Some(committed) = database.take_committed() {
            stop.spawn(tasks, "relay", relay.clone().run_fresh(committed, stop.soft.clone()));
        }
        let (every, older) = (Duration::from_millis(pace.sweep_every_ms), Duration::from_millis(pace.sweep_after_ms));
        stop.spawn(tasks, "sweep", relay.run_sweep(every, older, stop.soft.clone()));
        stop.spawn(tasks, "marker", marker.run());
        let responder = bus.respond(reconciler::subject(database.service()), database.service().to_owned()).await?;
        let (answering, until) = (database.clone(), stop.soft.clone());
        stop.spawn(tasks, "inbox", async move {
            responder.run(until, |question| reconciler::answer(&answering, question)).await;
        });
        let reconciler = Reconciler {
            database: database.clone(),
            bus: bus.clone(),
            listeners: settings.listeners,
            after: Duration::from_secs(pace.reconcile_after_seconds),
            republished: counters.republished.clone(),
            tries: HashMap::new(),
            through: counters.through.clone(),
        };
        stop.spawn(
            tasks,
            "reconciler",
            reconciler.run(Duration::from_secs(pace.reconcile_every_seconds), stop.soft.clone()),
        );
        if let Some(handler) = settings.timers {
            let every = Duration::from_millis(pace.timers_every_ms);
            stop.spawn(tasks, "timers", timers::run(database.clone(), handler, every, stop.soft.clone()));
        }
        let mut consumers = Vec::new();
        for subscription in settings.subscriptions {
            let consumer = Arc::new(Consumer {
                database: database.clone(),
                handler: subscription.handler,
                handled: counters.handled.clone(),
                most: pace.batch,
            });
            consumers.push((subscription.subjects.clone(), consumer.clone()));
            let spec = SubscriptionSpec {
                stream: subscription.stream.to_owned(),
                durable: database.service().to_owned(),
                subjects: subscription.subjects,
                batch: pace.batch,
                ack_wait: Duration::from_secs(pace.ack_wait_seconds),
            };
            let open = bus.subscribe(spec).await?;
            stop.supervise(tasks, "consumer", consumer.run(open, stop.soft.clone()));
        }
        stop.spawn(tasks, "backlog", watch_backlog(database, consumers, counters.backlog, stop.clone()));
        Ok(Self)
    }
}

struct Counters {
    handled: IntCounterVec,
    republished: IntCounter,
    backlog: IntGaugeVec,
    through: IntGauge,
}

impl Counters {
    /// The registry is the service's own and carries its name as a label.
    fn register(metrics: &Registry) -> Result<Self, prometheus::Error> {
        let handled = IntCounterVec::new(
            Opts::new("causeway_messages_handled_total", "events handled, by outcome"),
            &["outcome"],
        )?;
        let republished = IntCounter::new(
            "causeway_republished_total",
            "events that a listener lacked and that were published again",
        )?;
        let backlog = IntGaugeVec::new(Opts::new("causeway_backlog", "rows that wait, by kind"), &["kind"])?;
        let through = IntGauge::new(
            "causeway_reconciled_through_seconds",
            "up to here, in Unix time, every listener has every event of this service",
        )?;
        metrics.register(Box::new(through.clone()))?;
        metrics.register(Box::new(handled.clone()))?;
        metrics.register(Box::new(republished.clone()))?;
        metrics.register(Box::new(backlog.clone()))?;
        Ok(Self { handled, republished, backlog, through })
    }
}

/// Counts what waits, and handles parked messages whose replay was asked for.
async fn watch_backlog(
    database: Database,
    consumers: Vec<(Vec<String>, Arc<Consumer>)>,
    backlog: IntGaugeVec,
    stop: Stop,
) {
    let mut rounds = 0_u32;
    loop {
        tokio::select! {
            () = stop.soft.cancelled() => return,
            () = tokio::time::sleep(Duration::from_secs(1)) => {}
        }
        for message in parked::to_replay(database.machine()).await.unwrap_or_default() {
            replay(&database, &consumers, message).await;
        }
        if rounds.is_multiple_of(5) {
            count_backlog(&database, &backlog).await;
        }
        rounds = rounds.wrapping_add(1);
    }
}

async fn replay(database: &Database, consumers: &[(Vec<String>, Arc<Consumer>)], message: parked::ParkedMessage) {
    let id = message.parked_id;
    if message.source == database.service() {
        if let Err(cause) = parked::publish_again(database.machine(), &message).await {
            debug!(%cause, "publish a parked event again; it is tried again");
        }
        return;
    }
    if message.is_timer() {
        let outcome = match parked::fire_again(database.machine(), &message).await {
            Ok(true) => return,
            Ok(false) => parked::mark_failed(database.machine(), id, "the timer is not there any more").await,
            Err(cause) => Err(cause),
        };
        if let Err(cause) = outcome {
            debug!(%cause, "set a parked timer again; it is tried again");
        }
        return;
    }
    let taker = consumers.iter().find(|(subjects, _)| subjects.iter().any(|filter| matches(filter, &message.subject)));
    let outcome = match taker {
        Some((_, consumer)) => consumer.replay(message).await.map_err(|cause| cause.to_string()),
        None => Err("no handler of this service takes the subject".to_owned()),
    };
    if let Err(reason) = outcome
        && let Err(cause) = parked::mark_failed(database.machine(), id, &reason).await
    {
        debug!(%cause, "note a failed replay; it is tried again");
    }
}

async fn count_backlog(database: &Database, backlog: &IntGaugeVec) {
    let counts: Result<(i64, i64), _> = sqlx::query_as(
        "SELECT (SELECT coalesce(sum(cardinality(waiting)), 0) FROM outbox_pending), (SELECT count(*) FROM parked WHERE state <> 'replayed')",
    )
    .fetch_one(database.machine())
    .await;
    if let Ok((unpublished, parked)) = counts {
        backlog.with_label_values(&["unpublished"]).set(unpublished);
        backlog.with_label_values(&["parked"]).set(parked);
    }
}

/// True where a filter with `*` and `>` wildcards takes a subject (NATS, subject-based messaging).
fn matches(filter: &str, subject: &str) -> bool {
    let (mut filter, mut subject) = (filter.split('.'), subject.split('.'));
    loop {
        match (filter.next(), subject.next()) {
            (Some(">"), Some(_)) | (None, None) => return true,
            (Some("*"), Some(_)) => {}
            (Some(wanted), Some(found)) if wanted == found => {}
            _ => return false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_takes_the_subjects_that_its_wildcards_say() {
        assert!(matches("causeway.v1.*.inquiry.received", "causeway.v1.lakeside.inquiry.received"));
        assert!(matches("causeway.v1.*.appointment.*", "causeway.v1.lakeside.appointment.booked"));
        assert!(matches("causeway.>", "causeway.v1.a.b.c"));
        assert!(!matches("causeway.v1.*.inquiry.received", "causeway.v1.lakeside.inquiry.amended"));
        assert!(!matches("causeway.v1.*.inquiry", "causeway.v1.lakeside.inquiry.received"));
        assert!(!matches("causeway.>", "causeway"));
    }
}
