//! The services that the portal asks, each with the person on whose behalf it asks.
//!
//! Connections are lazy: a service that is down makes its part of a page missing and never stops the portal's start.
//! Deliberately not here: what is asked (handlers).

use causeway_auth::{Actor, Identity};
use causeway_proto::inquiry::v1::ingestion_client::IngestionClient;
use causeway_proto::intake::v1::intake_desk_client::IntakeDeskClient;
use causeway_proto::intake::v1::quality_audits_client::QualityAuditsClient;
use causeway_proto::metrics::v1::metrics_client::MetricsClient;
use causeway_proto::notice::v1::notices_client::NoticesClient;
use causeway_proto::routing::v1::routing_client::RoutingClient;
use causeway_proto::scheduling::v1::scheduling_client::SchedulingClient;
use causeway_serve::Channel;

/// What waits is shown as it came, up to 50 MiB of a partner's message, which may stand beside another one and be longer as UTF-8.
const LONGEST: usize = 512 * 1024 * 1024;

/// Connections to all of them.
#[derive(Clone)]
pub struct Peers {
    ingestion: Channel,
    routing: Channel,
    desk: Channel,
    notices: Channel,
    scheduling: Channel,
    metrics: Channel,
}

impl Peers {
    /// Connections to the addresses that the runtime knows.
    pub fn connect(known: &causeway_runtime::Peers, identity: &Identity) -> anyhow::Result<Self> {
        let channel = |service: &str| -> anyhow::Result<Channel> {
            Ok(Channel::connect(&known.url(service)?, identity.clone(), service)?)
        };
        Ok(Self {
            ingestion: channel("ingestion")?,
            routing: channel("routing")?,
            desk: channel("intake-desk")?,
            notices: channel("notification")?,
            scheduling: channel("scheduling-sync")?,
            metrics: channel("metrics")?,
        })
    }

    /// The same connections on behalf of a person; without it the portal asks on its own account.
    #[must_use]
    pub fn on_behalf_of(&self, actor: &Actor) -> Self {
        Self {
            ingestion: self.ingestion.on_behalf_of(actor),
            routing: self.routing.on_behalf_of(actor),
            desk: self.desk.on_behalf_of(actor),
            notices: self.notices.on_behalf_of(actor),
            scheduling: self.scheduling.on_behalf_of(actor),
            metrics: self.metrics.on_behalf_of(actor),
        }
    }

    /// Inquiries as received, and the people behind them.
    pub fn ingestion(&self) -> IngestionClient<Channel> {
        IngestionClient::new(self.ingestion.clone()).max_decoding_message_size(LONGEST)
    }

    /// Routes and the response clock.
    pub fn routing(&self) -> RoutingClient<Channel> {
        RoutingClient::new(self.routing.clone())
    }

    /// The worklist and each inquiry's state.
    pub fn desk(&self) -> IntakeDeskClient<Channel> {
        IntakeDeskClient::new(self.desk.clone())
    }

    /// Audits of intake quality.
    pub fn audits(&self) -> QualityAuditsClient<Channel> {
        QualityAuditsClient::new(self.desk.clone())
    }

    /// Messages.
    pub fn notices(&self) -> NoticesClient<Channel> {
        NoticesClient::new(self.notices.clone())
    }

    /// Slots and appointments.
    pub fn scheduling(&self) -> SchedulingClient<Channel> {
        SchedulingClient::new(self.scheduling.clone())
    }

    /// The funnel.
    pub fn metrics(&self) -> MetricsClient<Channel> {
        MetricsClient::new(self.metrics.clone())
    }
}
