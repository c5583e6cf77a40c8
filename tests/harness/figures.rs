//! What the funnel counts.

use causeway_proto::intake::v1::Stage;
use causeway_proto::metrics::v1::metrics_client::MetricsClient;
use causeway_proto::metrics::v1::{GetFunnelRequest, GetFunnelResponse};

use crate::Installation;

/// The funnel of a center as an analyst sees it.
pub async fn funnel(installation: &Installation, center: &str) -> GetFunnelResponse {
    let mut metrics = MetricsClient::new(installation.staff("metrics", center, "analyst"));
    let request = GetFunnelRequest { center: center.to_owned(), ..Default::default() };
    metrics.get_funnel(request).await.expect("a funnel").into_inner()
}

/// How many reached a stage.
pub fn reached(funnel: &GetFunnelResponse, stage: Stage) -> i64 {
    funnel.stages.iter().find(|count| count.stage() == stage).map_or(0, |count| count.reached)
}
