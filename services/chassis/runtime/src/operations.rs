//! The operations listener: `/livez`, `/readyz` and `/metrics` of all services in the process.
//!
//! One listener per process, apart from the services' ports, so that it can stay inside the cluster. It answers from the first moment
//! of the start to the last of the drain: not ready, but alive.
//!
//! Deliberately not here: anything that changes state.

use std::sync::{Arc, PoisonError, RwLock};

use axum::Json;
use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use prometheus::Registry;
use serde::Serialize;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::gather;
use crate::service::Check;

/// Where a service is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Phase {
    Starting,
    Running,
    Stopping,
}

/// What the listener knows of the process.
#[derive(Clone, Default)]
pub(crate) struct Health {
    services: Arc<RwLock<Vec<Watched>>>,
}

struct Watched {
    name: &'static str,
    phase: Phase,
    checks: Vec<Check>,
    metrics: Registry,
}

#[derive(Serialize)]
struct Report {
    ready: bool,
    services: Vec<ServiceReport>,
}

#[derive(Serialize)]
struct ServiceReport {
    service: &'static str,
    ready: bool,
    phase: Phase,
    failed: Vec<Failure>,
}

#[derive(Serialize)]
struct Failure {
    check: &'static str,
    reason: String,
}

#[derive(Serialize)]
struct Alive {
    alive: bool,
    services: Vec<&'static str>,
}

impl Health {
    pub(crate) fn watch(&self, name: &'static str, metrics: Registry) {
        self.write().push(Watched { name, phase: Phase::Starting, checks: Vec::new(), metrics });
    }

    pub(crate) fn running(&self, name: &str, checks: Vec<Check>) {
        if let Some(service) = self.write().iter_mut().find(|service| service.name == name) {
            service.phase = Phase::Running;
            service.checks = checks;
        }
    }

    pub(crate) fn stopping(&self) {
        for service in self.write().iter_mut() {
            service.phase = Phase::Stopping;
        }
    }

    fn report(&self) -> Report {
        let services: Vec<ServiceReport> = self.read().iter().map(Watched::report).collect();
        Report { ready: !services.is_empty() && services.iter().all(|service| service.ready), services }
    }

    pub(crate) fn is_ready(&self) -> bool {
        self.report().ready
    }

    fn write(&self) -> std::sync::RwLockWriteGuard<'_, Vec<Watched>> {
        self.services.write().unwrap_or_else(PoisonError::into_inner)
    }

    fn read(&self) -> std::sync::RwLockReadGuard<'_, Vec<Watched>> {
        self.services.read().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Watched {
    fn report(&self) -> ServiceReport {
        let failed: Vec<Failure> = self
            .checks
            .iter()
            .filter_map(|check| {
                let reason = (check.run)().err()?;
                Some(Failure { check: check.name, reason })
            })
            .collect();
        ServiceReport {
            service: self.name,
            ready: self.phase == Phase::Running && failed.is_empty(),
            phase: self.phase,
            failed,
        }
    }
}

/// Answers until `closed`.
pub(crate) async fn serve(listener: TcpListener, health: Health, closed: CancellationToken) {
    let router = Router::new()
        .route("/livez", get(livez))
        .route("/readyz", get(readyz))
        .route("/metrics", get(metrics))
        .with_state(health);
    let answered = axum::serve(listener, router).with_graceful_shutdown(async move { closed.cancelled().await }).await;
    if let Err(cause) = answered {
        tracing::error!(%cause, "operations listener ended");
    }
}

async fn livez(State(health): State<Health>) -> Response {
    let services = health.read().iter().map(|service| service.name).collect();
    Json(Alive { alive: true, services }).into_response()
}

async fn readyz(State(health): State<Health>) -> Response {
    let report = health.report();
    let status = if report.ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(report)).into_response()
}

async fn metrics(State(health): State<Health>) -> Response {
    let services = health.read();
    let page = gather::text(services.iter().map(|service| (service.name, &service.metrics)));
    drop(services);
    match page {
        Ok(page) => ([(header::CONTENT_TYPE, prometheus::TEXT_FORMAT)], page).into_response(),
        Err(reason) => (StatusCode::INTERNAL_SERVER_ERROR, reason).into_response(),
    }
}
