//! The gRPC server: every service's methods behind the same guard, with health and reflection.
//!
//! Draining can hang on a client that does not answer (hyper issue 4170), so a soft stop has an end of its own, keepalive finds dead
//! peers, and connections have an age, which also lets clients find new replicas.
//!
//! Deliberately not here: what happens to one call (guard).

use std::sync::Arc;
use std::time::Duration;

use causeway_auth::{Caller, Verifier};
use causeway_runtime::{Clock, Stop};
use http::Request;
use prometheus::Registry;
use thiserror::Error;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::time::timeout;
use tonic::Status;
use tonic::body::Body;
use tonic::server::NamedService;
use tonic::service::{Routes, RoutesBuilder};
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;
use tower::Service;

use crate::code::Code;
use crate::guard::{self, GuardLayer, Rules};

/// Limits of a gRPC server.
#[derive(Clone, Debug)]
pub struct GrpcLimits {
    /// The longest that a call may take; a caller may ask for less.
    pub deadline: Duration,
    /// Calls at one time in the whole server; more are refused.
    pub calls: usize,
    /// Calls at one time on one connection.
    pub calls_per_connection: u32,
    /// How long a soft stop waits for calls to end.
    pub drain: Duration,
}

impl Default for GrpcLimits {
    fn default() -> Self {
        Self {
            deadline: Duration::from_secs(10),
            calls: 1024,
            calls_per_connection: 256,
            drain: Duration::from_secs(15),
        }
    }
}

/// A server could not be set up or broke down.
#[derive(Debug, Error)]
pub enum ServeError {
    /// The registry has a metric of that name.
    #[error("could not register a server's metrics: {0}; make one server of a kind per registry")]
    Metrics(#[from] prometheus::Error),
    /// The descriptors are none.
    #[error("could not offer reflection: {0}; check the file descriptor set")]
    Reflection(#[from] tonic_reflection::server::Error),
    /// Listening ended.
    #[error("could not serve gRPC: {0}; check the listener")]
    Grpc(#[from] tonic::transport::Error),
    /// Listening ended.
    #[error("could not serve HTTP: {0}; check the listener")]
    Http(#[from] std::io::Error),
    /// Not a url.
    #[error("'{url}' is not the url of a gRPC service: write it like http://host:50051")]
    Url {
        /// What was given.
        url: String,
    },
}

/// A gRPC server being put together.
pub struct Grpc {
    listener: TcpListener,
    service: &'static str,
    verifier: Verifier,
    metrics: Registry,
    stop: Stop,
    limits: GrpcLimits,
    routes: RoutesBuilder,
    names: Vec<&'static str>,
    descriptors: Vec<&'static [u8]>,
}

/// A server on a bound listener. `service` is its own name: the audience that tokens must be made for.
pub fn grpc(listener: TcpListener, service: &'static str, verifier: Verifier, metrics: &Registry, stop: Stop) -> Grpc {
    Grpc {
        listener,
        service,
        verifier,
        metrics: metrics.clone(),
        stop,
        limits: GrpcLimits::default(),
        routes: Routes::builder(),
        names: Vec::new(),
        descriptors: Vec::new(),
    }
}

impl Grpc {
    /// Other limits.
    #[must_use]
    pub fn limits(mut self, limits: GrpcLimits) -> Self {
        self.limits = limits;
        self
    }

    /// Adds a generated server.
    #[must_use]
    #[allow(clippy::should_implement_trait, reason = "adds a service, not a number")]
    pub fn add<S>(mut self, service: S) -> Self
    where
        S: Service<Request<Body>, Error = std::convert::Infallible> + NamedService + Clone + Send + Sync + 'static,
        S::Response: axum::response::IntoResponse,
        S::Future: Send + 'static,
    {
        self.routes.add_service(service);
        self.names.push(S::NAME);
        self
    }

    /// Adds an encoded file descriptor set, so that reflection can tell the methods.
    #[must_use]
    pub fn descriptors(mut self, encoded: &'static [u8]) -> Self {
        self.descriptors.push(encoded);
        self
    }

    /// Serves until the stop: softly it lets calls end, for as long as the limits say; hard it drops them.
    pub async fn run(mut self) -> Result<(), ServeError> {
        let health = self.add_health().await;
        self.add_reflection()?;
        let rules = self.rules()?;
        let incoming = TcpIncoming::from(self.listener).with_nodelay(Some(true));
        let soft = self.stop.soft.clone();
        let serving = Server::builder()
            .http2_keepalive_interval(Some(Duration::from_secs(20)))
            .http2_keepalive_timeout(Some(Duration::from_secs(10)))
            .tcp_keepalive(Some(Duration::from_secs(60)))
            .max_concurrent_streams(Some(self.limits.calls_per_connection))
            .http2_max_header_list_size(Some(32 * 1024))
            .max_connection_age(Duration::from_secs(30 * 60))
            .max_connection_age_grace(self.limits.deadline)
            .layer(GuardLayer(Arc::new(rules)))
            .add_routes(self.routes.routes())
            .serve_with_incoming_shutdown(incoming, soft.clone().cancelled_owned());
        tokio::pin!(serving);
        tokio::select! {
            done = &mut serving => return done.map_err(ServeError::from),
            () = soft.cancelled() => {}
        }
        for name in &self.names {
            health.set_service_status(*name, tonic_health::ServingStatus::NotServing).await;
        }
        tokio::select! {
            drained = timeout(self.limits.drain, serving) => match drained {
                Ok(done) => done.map_err(ServeError::from),
                Err(_elapsed) => {
                    tracing::warn!(service = self.service, "calls did not end in time, dropping them");
                    Ok(())
                }
            },
            () = self.stop.hard.cancelled() => Ok(()),
        }
    }

    async fn add_health(&mut self) -> tonic_health::server::HealthReporter {
        let (reporter, server) = tonic_health::server::health_reporter();
        for name in &self.names {
            reporter.set_service_status(*name, tonic_health::ServingStatus::Serving).await;
        }
        self.routes.add_service(server);
        reporter
    }

    fn add_reflection(&mut self) -> Result<(), ServeError> {
        let builder = || {
            let own = tonic_reflection::server::Builder::configure()
                .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET);
            self.descriptors.iter().fold(own, |builder, encoded| builder.register_encoded_file_descriptor_set(encoded))
        };
        let (new, old) = (builder().build_v1()?, builder().build_v1alpha()?);
        self.routes.add_service(new);
        // Many tools of today still ask by the name of before.
        self.routes.add_service(old);
        Ok(())
    }

    fn rules(&self) -> Result<Rules, ServeError> {
        let (requests, duration) = guard::metrics(&self.metrics)?;
        Ok(Rules {
            service: self.service,
            verifier: self.verifier.clone(),
            deadline: self.limits.deadline,
            places: Semaphore::new(self.limits.calls),
            names: self.names.clone(),
            requests,
            duration,
            clock: Clock::system(),
        })
    }
}

/// Who calls, as the guard found out.
pub fn caller<T>(request: &tonic::Request<T>) -> Result<&Caller, Status> {
    request
        .extensions()
        .get::<Arc<Caller>>()
        .map(AsRef::as_ref)
        .ok_or_else(|| Code::Unauthenticated.status("the caller is not known: send a bearer token"))
}

#[cfg(test)]
mod tests;
