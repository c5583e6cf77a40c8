//! The HTTP server: the same layers around every router, and a stop that lets requests finish.
//!
//! How many connections there are is bounded, and so is the time in which a caller names its request: a caller that opens many and
//! says nothing, or says it a byte at a time, keeps nobody else out. A request gets an id, a span that continues the caller's trace,
//! a time limit and a size limit, and who sends too much is heard out; a panic becomes a problem answer. Routes and not paths are recorded, because a path may carry a token.
//!
//! Deliberately not here: who the caller is (each face signs people in its own way) and which limits there are (the doors know their keys).

use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{ConnectInfo, DefaultBodyLimit, MatchedPath, Request, State};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::serve::Listener;
use causeway_runtime::{Clock, Stop};
use futures::FutureExt;
use http::{HeaderName, HeaderValue, header};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use prometheus::{HistogramOpts, HistogramVec, Registry};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::ServiceExt;
use tower_http::limit::RequestBodyLimitLayer;
use tracing::{Instrument, field};

use crate::code::Code;
use crate::grpc::ServeError;
use crate::problem::{Problem, of_router};
use crate::propagation;

mod linger;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Limits of an HTTP server.
#[derive(Clone, Debug)]
pub struct HttpLimits {
    /// The largest body.
    pub body: usize,
    /// The longest that a request may take.
    pub deadline: Duration,
    /// How long a soft stop waits for requests to end.
    pub drain: Duration,
    /// Connections at one time in the whole server; more wait until one ends.
    pub connections: usize,
    /// The longest that a caller may take to send the head of a request, and to say nothing between two: longer than proxies keep
    /// a connection that they mean to use again.
    pub head: Duration,
}

impl Default for HttpLimits {
    fn default() -> Self {
        Self {
            body: 1024 * 1024,
            deadline: Duration::from_secs(15),
            drain: Duration::from_secs(15),
            connections: 2048,
            head: Duration::from_secs(65),
        }
    }
}

/// The histogram of a service's HTTP servers: made once per registry, shared by its faces.
#[derive(Clone)]
pub struct HttpMetrics {
    duration: HistogramVec,
}

impl HttpMetrics {
    /// Registers the histogram.
    pub fn new(registry: &Registry) -> Result<Self, ServeError> {
        let duration = HistogramVec::new(
            HistogramOpts::new("http_server_request_duration_seconds", "time to answer an HTTP request")
                .buckets(vec![0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0]),
            &["service", "route", "method", "status"],
        )?;
        registry.register(Box::new(duration.clone()))?;
        Ok(Self { duration })
    }
}

/// The id of a request, for logs, audit and answers; handlers take it as an extension.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestId(pub String);

#[derive(Clone)]
struct Rules {
    service: &'static str,
    metrics: HttpMetrics,
    deadline: Duration,
    clock: Clock,
}

/// Puts the common layers around a router.
pub fn http_layers(router: Router, service: &'static str, metrics: &HttpMetrics, limits: &HttpLimits) -> Router {
    let rules = Rules { service, metrics: metrics.clone(), deadline: limits.deadline, clock: Clock::system() };
    router
        .layer(DefaultBodyLimit::disable())
        .layer(RequestBodyLimitLayer::new(limits.body))
        .layer(from_fn_with_state(rules, around))
        // Outside the time limit: the answer stands, and only waits for its caller.
        .layer(from_fn(linger::linger))
}

/// Adds the strict security headers with this Content-Security-Policy; a header that a handler has set itself stays.
pub fn security_headers(router: Router, policy: HeaderValue) -> Router {
    router.layer(from_fn_with_state(policy, secure))
}

/// Serves a router, whose handlers can ask for the peer's address (`ConnectInfo`), until the stop: softly it lets requests end, for as long as the limits say; hard it drops them.
pub async fn http(listener: TcpListener, router: Router, stop: Stop, limits: &HttpLimits) -> Result<(), ServeError> {
    let (connections, dropped) = (TaskTracker::new(), CancellationToken::new());
    // Whatever ends this ends what is left of the connections.
    let _guard = dropped.clone().drop_guard();
    accept(listener, &router, &stop, limits, (&connections, &dropped)).await;
    connections.close();
    tokio::select! {
        drained = timeout(limits.drain, connections.wait()) => {
            if drained.is_err() {
                tracing::warn!("requests did not end in time, dropping them");
            }
        }
        () = stop.hard.cancelled() => {}
    }
    Ok(())
}

/// Takes connections, as many as there are places, until the soft stop.
async fn accept(
    mut listener: TcpListener,
    router: &Router,
    stop: &Stop,
    limits: &HttpLimits,
    (connections, dropped): (&TaskTracker, &CancellationToken),
) {
    let places = Arc::new(Semaphore::new(limits.connections));
    let mut builder = http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(limits.head);
    loop {
        let next = async {
            // Whoever comes while there is no place waits in the listener's queue.
            let place = places.clone().acquire_owned().await.ok()?;
            let (stream, peer) = Listener::accept(&mut listener).await;
            Some((place, stream, peer))
        };
        let (place, stream, peer) = tokio::select! {
            () = stop.requested() => return,
            next = next => match next {
                Some(next) => next,
                None => return,
            },
        };
        let service = router.clone().map_request(move |mut request: Request<Incoming>| {
            request.extensions_mut().insert(ConnectInfo(peer));
            request.map(Body::new)
        });
        let connection = builder.serve_connection(TokioIo::new(stream), TowerToHyperService::new(service));
        let (soft, dropped) = (stop.soft.clone(), dropped.clone());
        connections.spawn(async move {
            let mut connection = pin!(connection);
            let _place = place;
            tokio::select! {
                // How a caller's link ended is the caller's matter.
                _ = connection.as_mut() => return,
                () = soft.cancelled() => {}
                () = dropped.cancelled() => return,
            }
            // The request under way is answered, and no other is taken.
            connection.as_mut().graceful_shutdown();
            tokio::select! {
                _ = connection => {}
                () = dropped.cancelled() => {}
            }
        });
    }
}

async fn around(State(rules): State<Rules>, mut request: Request, next: Next) -> Response {
    let begun = Instant::now();
    let route = request.extensions().get::<MatchedPath>().map_or("unmatched", MatchedPath::as_str).to_owned();
    let method = known_method(request.method());
    let id = rules.clock.new_id().to_string();
    request.extensions_mut().insert(RequestId(id.clone()));
    let span = tracing::info_span!(
        "http",
        otel.name = format!("{method} {route}"),
        otel.kind = "server",
        otel.status_code = field::Empty,
        causeway.service = rules.service,
        http.route = route,
        http.request.method = method,
        http.response.status_code = field::Empty,
        request_id = id,
    );
    propagation::adopt(&span, request.headers());
    let work = AssertUnwindSafe(next.run(request)).catch_unwind();
    let mut response = match timeout(rules.deadline, work.instrument(span.clone())).await {
        Ok(Ok(response)) => of_router(response),
        Ok(Err(_panic)) => Problem::new(Code::Internal, "try again, and tell us the request id").into_response(),
        Err(_elapsed) => Problem::new(Code::DeadlineExceeded, "try again in a moment").into_response(),
    };
    let status = response.status();
    span.record("http.response.status_code", status.as_u16());
    if status.is_server_error() {
        span.record("otel.status_code", "ERROR");
    }
    rules
        .metrics
        .duration
        .with_label_values(&[rules.service, route.as_str(), method, status.as_str()])
        .observe(begun.elapsed().as_secs_f64());
    if let Ok(id) = HeaderValue::try_from(id) {
        response.headers_mut().insert(REQUEST_ID, id);
    }
    response
}

/// A method is a caller's text: only the ordinary ones become labels.
fn known_method(method: &http::Method) -> &'static str {
    match method.as_str() {
        "GET" => "GET",
        "HEAD" => "HEAD",
        "POST" => "POST",
        "PUT" => "PUT",
        "PATCH" => "PATCH",
        "DELETE" => "DELETE",
        "OPTIONS" => "OPTIONS",
        _ => "other",
    }
}

async fn secure(State(policy): State<HeaderValue>, request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let fixed = [
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CACHE_CONTROL, "no-store"),
        (header::STRICT_TRANSPORT_SECURITY, "max-age=63072000; includeSubDomains"),
        (HeaderName::from_static("permissions-policy"), "camera=(), geolocation=(), microphone=(), interest-cohort=()"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    ];
    let headers = response.headers_mut();
    for (name, value) in fixed {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
    headers.entry(header::CONTENT_SECURITY_POLICY).or_insert(policy);
    response
}

#[cfg(test)]
mod tests;
