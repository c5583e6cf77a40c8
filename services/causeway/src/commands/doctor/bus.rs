//! The message bus: its version, its streams, the consumer of each service, and its clock.

use std::time::Duration;

use causeway_bus::SubscriptionSpec;
use causeway_mailbox::Pace;
use causeway_proto::subjects;
use causeway_runtime::{Clock, RuntimeConfig, Settings};
use serde::Deserialize;

use super::{Finding, skew};
use crate::installation;

const ABOUT: &str = "message bus";

/// The part of a service's section that says how it listens.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Listening {
    pace: Pace,
}

/// Looks at all of it.
pub(super) async fn look(settings: &Settings, config: &RuntimeConfig) -> Vec<Finding> {
    let bus = match installation::bus_as_it_is(config).await {
        Ok(bus) => bus,
        Err(cause) => return vec![Finding::bad(ABOUT, format!("{cause:#}; start it, or correct runtime.nats.url"))],
    };
    let mut findings = match bus.ailments().await {
        Ok(ailments) if ailments.is_empty() => vec![Finding::good(
            ABOUT,
            format!(
                "nats-server {} at {}; with 'sync_interval: always' a power cut would cost no delay, at about 1/100 of the rate",
                bus.server_version(),
                config.nats.url
            ),
        )],
        Ok(ailments) => ailments.into_iter().map(|one| Finding::bad(ABOUT, one.to_string())).collect(),
        Err(cause) => vec![Finding::bad(ABOUT, format!("{cause}; is JetStream on, and may this login use it?"))],
    };
    for service in installation::with_database() {
        findings.push(consumers(&bus, settings, service).await);
    }
    let asked = Clock::system().now();
    if let Ok(Some(said)) = bus.time().await {
        findings.push(skew("clock of the message bus", asked, said, Clock::system().now()));
    }
    bus.close().await;
    findings
}

/// What each service listens to stands in the contract, and how in its settings.
async fn consumers(bus: &causeway_bus::Bus, settings: &Settings, service: &str) -> Finding {
    let about = format!("consumers of {service}");
    let Listening { pace } = match settings.section(service) {
        Ok(listening) => listening,
        Err(cause) => return Finding::bad(about, cause.to_string()),
    };
    let wanted = subjects::subscriptions(service);
    let mut wrong = Vec::new();
    for (stream, subjects) in &wanted {
        let spec = SubscriptionSpec {
            stream: (*stream).to_owned(),
            durable: service.to_owned(),
            subjects: subjects.clone(),
            batch: pace.batch,
            ack_wait: Duration::from_secs(pace.ack_wait_seconds),
        };
        match bus.consumer_ailment(&spec).await {
            Ok(ailment) => wrong.extend(ailment.map(|one| one.to_string())),
            Err(cause) => wrong.push(format!("{cause}; may this login ask JetStream?")),
        }
    }
    if wrong.is_empty() {
        return Finding::good(about, format!("{}, as they are made", wanted.len()));
    }
    Finding::bad(about, wrong.join(". "))
}
