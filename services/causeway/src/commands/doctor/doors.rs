//! What the services reach, and what reaches them: the mail server, and each service's gRPC port.

use std::time::Duration;

use causeway_runtime::network::section_name;
use causeway_runtime::{Peers, RuntimeConfig, Settings};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::Finding;
use crate::cli::Common;
use crate::commands::operator;
use crate::installation;

const PATIENCE: Duration = Duration::from_secs(5);

/// Looks at all of them.
pub(super) async fn look(settings: &Settings, config: &RuntimeConfig, common: &Common) -> Vec<Finding> {
    let mut findings = vec![mail(settings).await];
    let beside = operator::addresses(common).unwrap_or_default();
    let known = Peers::new(&Default::default(), &config.peers);
    for service in installation::with_database() {
        let section = section_name(service);
        let about = format!("gRPC of {service}");
        let url = known.url(service).ok().or_else(|| beside.get(&format!("grpc_{section}")).cloned());
        let Some(url) = url else {
            findings.push(Finding::bad(about, format!("its address is not known here; set runtime.peers.{section}")));
            continue;
        };
        findings.push(match causeway_serve::is_serving(&url).await {
            Ok(()) => Finding::good(about, format!("answers at {url}")),
            Err(cause) => {
                let text = format!("{cause}; start the service, see its log, or correct runtime.peers.{section}");
                Finding::bad(about, text)
            }
        });
    }
    findings
}

/// Whether the mail server greets. A server that speaks TLS from the first byte greets inside it, so there the connection is enough.
async fn mail(settings: &Settings) -> Finding {
    let about = "mail server";
    let smtp = match settings.section::<causeway_notification::Config>("notification") {
        Ok(config) => config.smtp,
        Err(cause) => return Finding::bad(about, cause.to_string()),
    };
    let place = format!("{}:{}", smtp.host, smtp.port);
    let remedy =
        "notices wait meanwhile, and fail after notification.retry_hours; start it, or correct notification.smtp";
    let connected = timeout(PATIENCE, TcpStream::connect((smtp.host.as_str(), smtp.port))).await;
    let Ok(Ok(stream)) = connected else {
        return Finding::bad(about, format!("nothing answers at {place}: {remedy}"));
    };
    if smtp.tls == causeway_notification::Tls::Tls {
        return Finding::good(about, format!("takes connections at {place}"));
    }
    let mut greeting = String::new();
    let read = timeout(PATIENCE, BufReader::new(stream).read_line(&mut greeting)).await;
    match read {
        Ok(Ok(_)) if greeting.starts_with("220") => Finding::good(about, format!("greets at {place}")),
        _ => Finding::bad(about, format!("what answers at {place} does not greet as a mail server does: {remedy}")),
    }
}
