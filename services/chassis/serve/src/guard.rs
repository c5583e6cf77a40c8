//! What every gRPC call passes on its way to a handler: span, place, identity, deadline, panic, metric.
//!
//! It is one service and not seven layers, because the order matters (a refused call must still be counted and traced) and one place
//! shows it. Health and reflection are open: they tell nothing about anybody.
//!
//! Deliberately not here: whether the caller may do what it asks (the handler asks auth's policy).

use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use causeway_auth::{TokenError, Verifier};
use causeway_runtime::Clock;
use futures::FutureExt;
use http::{HeaderMap, Request, Response, header};
use prometheus::{HistogramOpts, HistogramVec, IntCounterVec, Opts, Registry};
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout};
use tonic::Status;
use tonic::body::Body;
use tower::{BoxError, Layer, Service};
use tracing::{Instrument, Span, field};

use crate::code::Code;
use crate::propagation;

const OPEN: [&str; 2] = ["/grpc.health.", "/grpc.reflection."];
const TIMEOUT_HEADER: &str = "grpc-timeout";

/// What the guard of one server knows.
pub(crate) struct Rules {
    pub(crate) service: &'static str,
    pub(crate) verifier: Verifier,
    pub(crate) deadline: Duration,
    pub(crate) places: Semaphore,
    pub(crate) names: Vec<&'static str>,
    pub(crate) requests: IntCounterVec,
    pub(crate) duration: HistogramVec,
    pub(crate) clock: Clock,
}

/// The counter and the histogram of a gRPC server.
pub(crate) fn metrics(registry: &Registry) -> prometheus::Result<(IntCounterVec, HistogramVec)> {
    let labels = ["service", "method", "code"];
    let requests = IntCounterVec::new(Opts::new("causeway_grpc_requests_total", "gRPC calls answered"), &labels)?;
    let duration = HistogramVec::new(
        HistogramOpts::new("causeway_grpc_request_duration_seconds", "time to answer a gRPC call")
            .buckets(vec![0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0]),
        &labels[..2],
    )?;
    registry.register(Box::new(requests.clone()))?;
    registry.register(Box::new(duration.clone()))?;
    Ok((requests, duration))
}

/// Puts the guard around a server's routes.
#[derive(Clone)]
pub(crate) struct GuardLayer(pub(crate) Arc<Rules>);

impl<S> Layer<S> for GuardLayer {
    type Service = Guard<S>;

    fn layer(&self, inner: S) -> Guard<S> {
        Guard { inner, rules: Arc::clone(&self.0) }
    }
}

/// The guarded routes.
#[derive(Clone)]
pub(crate) struct Guard<S> {
    inner: S,
    rules: Arc<Rules>,
}

impl<S> Service<Request<Body>> for Guard<S>
where
    S: Service<Request<Body>, Response = Response<Body>> + Clone + Send + 'static,
    S::Error: Into<BoxError> + Send,
    S::Future: Send,
{
    type Response = Response<Body>;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, BoxError>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.inner.poll_ready(context).map_err(Into::into)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let ready = self.inner.clone();
        let inner = std::mem::replace(&mut self.inner, ready);
        let rules = Arc::clone(&self.rules);
        Box::pin(answer(rules, inner, request))
    }
}

async fn answer<S>(rules: Arc<Rules>, inner: S, request: Request<Body>) -> Result<Response<Body>, BoxError>
where
    S: Service<Request<Body>, Response = Response<Body>>,
    S::Error: Into<BoxError>,
{
    let path = request.uri().path().to_owned();
    let begun = Instant::now();
    if OPEN.iter().any(|open| path.starts_with(open)) {
        let mut inner = inner;
        return inner.call(request).await.map_err(Into::into);
    }
    let span = rules.span(rules.method(&path), request.headers());
    let answered = rules.call(inner, request).instrument(span.clone()).await;
    let response = match answered {
        Ok(response) => response,
        Err(status) => status.into_http(),
    };
    rules.count(&path, &response, begun, &span);
    Ok(response)
}

impl Rules {
    fn span(&self, method: &str, headers: &HeaderMap) -> Span {
        let span = tracing::info_span!(
            "rpc",
            otel.name = method,
            otel.kind = "server",
            otel.status_code = field::Empty,
            causeway.service = self.service,
            rpc.system = "grpc",
            rpc.method = method,
            rpc.grpc.status_code = field::Empty,
            rpc.caller = field::Empty,
        );
        propagation::adopt(&span, headers);
        span
    }

    /// A path is a caller's text: only those of our own services become names.
    fn method<'a>(&self, path: &'a str) -> &'a str {
        let known =
            path.trim_start_matches('/').split_once('/').is_some_and(|(service, _)| self.names.contains(&service));
        if known { path } else { "unknown" }
    }

    async fn call<S>(&self, mut inner: S, mut request: Request<Body>) -> Result<Response<Body>, Status>
    where
        S: Service<Request<Body>, Response = Response<Body>>,
        S::Error: Into<BoxError>,
    {
        let Ok(_place) = self.places.try_acquire() else {
            return Err(Code::ResourceExhausted.status("this service is at its limit of calls, try again in a moment"));
        };
        self.authenticate(&mut request)?;
        let allowed = deadline(request.headers()).map_or(self.deadline, |asked| asked.min(self.deadline));
        let work = AssertUnwindSafe(inner.call(request)).catch_unwind();
        match timeout(allowed, work).await {
            Ok(Ok(Ok(response))) => Ok(response),
            Ok(Ok(Err(cause))) => Err(Status::from_error(cause.into())),
            Ok(Err(_panic)) => Err(Code::Internal.status("the handler crashed, see this service's log")),
            Err(_elapsed) => {
                Err(Code::DeadlineExceeded.status("the call took longer than its deadline, it may or may not be done"))
            }
        }
    }

    fn authenticate(&self, request: &mut Request<Body>) -> Result<(), Status> {
        let token = bearer(request.headers())
            .ok_or_else(|| Code::Unauthenticated.status("no bearer token: send one in 'authorization'"))?;
        let caller = self.verifier.verify(token, self.service, self.clock.now()).map_err(|cause| {
            tracing::warn!(%cause, "call refused");
            match cause {
                // A key file's path is for our own log.
                TokenError::Key(_) => {
                    Code::Unauthenticated.status("the token could not be checked, see this service's log")
                }
                told => Code::Unauthenticated.status(told.to_string()),
            }
        })?;
        Span::current().record("rpc.caller", caller.service.as_str());
        request.extensions_mut().insert(caller);
        Ok(())
    }

    fn count(&self, path: &str, response: &Response<Body>, begun: Instant, span: &Span) {
        let code = Status::from_header_map(response.headers()).map_or(tonic::Code::Ok, |status| status.code());
        let method = match code {
            tonic::Code::Unimplemented => "unknown",
            _ => self.method(path),
        };
        let word = format!("{code:?}");
        self.requests.with_label_values(&[self.service, method, word.as_str()]).inc();
        self.duration.with_label_values(&[self.service, method]).observe(begun.elapsed().as_secs_f64());
        span.record("rpc.grpc.status_code", code as i32);
        if matches!(code, tonic::Code::Internal | tonic::Code::Unknown | tonic::Code::DataLoss) {
            span.record("otel.status_code", "ERROR");
        }
    }
}

/// The token of an `authorization: Bearer …` header.
pub(crate) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// The caller's `grpc-timeout`: up to eight digits and a unit.
fn deadline(headers: &HeaderMap) -> Option<Duration> {
    let value = headers.get(TIMEOUT_HEADER)?.to_str().ok()?;
    let (digits, unit) = value.split_at_checked(value.len().checked_sub(1)?)?;
    if digits.len() > 8 {
        return None;
    }
    let amount: u64 = digits.parse().ok()?;
    match unit {
        "H" => Some(Duration::from_secs(amount * 3600)),
        "M" => Some(Duration::from_secs(amount * 60)),
        "S" => Some(Duration::from_secs(amount)),
        "m" => Some(Duration::from_millis(amount)),
        "u" => Some(Duration::from_micros(amount)),
        "n" => Some(Duration::from_nanos(amount)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    #[test]
    fn a_callers_deadline_is_read_in_every_unit_and_nonsense_is_none() {
        let read = |text: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(TIMEOUT_HEADER, HeaderValue::from_static(text));
            deadline(&headers)
        };
        assert_eq!(read("2S"), Some(Duration::from_secs(2)));
        assert_eq!(read("1500m"), Some(Duration::from_millis(1500)));
        assert_eq!(read("1H"), Some(Duration::from_secs(3600)));
        for nonsense in ["", "S", "2", "2x", "123456789S", "-1S"] {
            assert_eq!(read(nonsense), None, "{nonsense}");
        }
    }

    #[test]
    fn only_a_bearer_token_is_a_token() {
        let read = |text: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::AUTHORIZATION, HeaderValue::from_static(text));
            bearer(&headers).map(str::to_owned)
        };
        assert_eq!(read("Bearer abc"), Some("abc".into()));
        assert_eq!(read("bearer abc"), Some("abc".into()));
        assert_eq!(read("Basic abc"), None);
        assert_eq!(read("abc"), None);
    }
}
