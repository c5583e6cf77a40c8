//! Whether a gRPC server answers, by the health protocol that each of ours speaks without a token.
//!
//! Deliberately not here: what the server's own health rests on (its `/readyz`).

use std::time::Duration;

use tonic::transport::Endpoint;
use tonic_health::ServingStatus;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;

const PATIENCE: Duration = Duration::from_secs(3);

/// Asks the server behind a url whether it serves; the error says what came instead.
pub async fn is_serving(url: &str) -> Result<(), String> {
    let endpoint =
        Endpoint::from_shared(url.to_owned()).map_err(|_| format!("'{url}' is not the url of a gRPC service"))?;
    let channel = endpoint.connect_timeout(PATIENCE).timeout(PATIENCE).connect().await;
    let channel = channel.map_err(|_| format!("nothing answers at {url}"))?;
    let answer = HealthClient::new(channel).check(HealthCheckRequest::default()).await;
    let status = answer.map_err(|status| format!("{url} answers {:?}", status.code()))?.into_inner().status;
    if status == ServingStatus::Serving as i32 { Ok(()) } else { Err(format!("{url} says that it does not serve")) }
}
