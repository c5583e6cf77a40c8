//! The gRPC stack end to end, with a small service made by hand: no code generation, the same traits.

use std::collections::BTreeMap;
use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Mutex;
use std::task::{Context, Poll};

use causeway_auth::{Actor, Identity, Role};
use causeway_runtime::Mode;
use http::Response;
use opentelemetry::trace::TracerProvider as _;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::SdkTracerProvider;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;
use tower::ServiceExt;
use tracing::Instrument;
use tracing_subscriber::layer::SubscriberExt;

use super::*;
use crate::client::Channel;

/// Answers "not found" and keeps what it saw.
#[derive(Clone, Default)]
struct Probe {
    seen: Arc<Mutex<BTreeMap<&'static str, String>>>,
}

impl NamedService for Probe {
    const NAME: &'static str = "test.v1.Probe";
}

impl Service<Request<Body>> for Probe {
    type Response = Response<Body>;
    type Error = std::convert::Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, Self::Error>> + Send>>;

    fn poll_ready(&mut self, _context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let seen = Arc::clone(&self.seen);
        Box::pin(async move {
            match request.uri().path() {
                "/test.v1.Probe/Slow" => tokio::time::sleep(Duration::from_secs(30)).await,
                "/test.v1.Probe/Crash" => panic!("told to"),
                _ => note(&seen, &request),
            }
            Ok(Code::NotFound.status("nothing here").into_http())
        })
    }
}

fn note(seen: &Mutex<BTreeMap<&'static str, String>>, request: &Request<Body>) {
    let mut seen = seen.lock().expect("lock");
    for name in ["grpc-timeout", "traceparent"] {
        let value = request.headers().get(name);
        let value = value.and_then(|value| value.to_str().ok()).unwrap_or_default();
        seen.insert(name, value.to_owned());
    }
    let caller = request.extensions().get::<Arc<Caller>>().expect("caller");
    seen.insert("service", caller.service.clone());
    seen.insert("actor", caller.accountable().id);
    let context = causeway_envelope::TraceContext::of(&tracing::Span::current());
    seen.insert("trace", context.traceparent().unwrap_or_default().to_owned());
}

struct Fixture {
    url: String,
    portal: Identity,
    registry: Registry,
    probe: Probe,
    stop: Stop,
    served: tokio::task::JoinHandle<Result<(), ServeError>>,
}

async fn fixture(limits: GrpcLimits) -> Fixture {
    let dir = std::env::temp_dir().join(format!("causeway-serve-{}", Clock::system().new_id()));
    let portal = Identity::load(&dir, "portal", Mode::Development).expect("identity");
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("bind");
    let address: SocketAddr = listener.local_addr().expect("address");
    let (registry, probe, stop) = (Registry::new(), Probe::default(), Stop::new());
    let verifier = Verifier::new(&dir, Mode::Production);
    let server = grpc(listener, "routing", verifier, &registry, stop.clone());
    let served = tokio::spawn(server.limits(limits).add(probe.clone()).run());
    let url = format!("http://{address}");
    Fixture { url, portal, registry, probe, stop, served }
}

fn limits() -> GrpcLimits {
    GrpcLimits { drain: Duration::from_millis(300), ..GrpcLimits::default() }
}

impl Fixture {
    fn channel(&self, audience: &str) -> Channel {
        Channel::connect(&self.url, self.portal.clone(), audience).expect("url")
    }

    fn seen(&self, what: &str) -> String {
        self.probe.seen.lock().expect("lock")[what].clone()
    }

    fn metrics(&self) -> String {
        prometheus::TextEncoder::new().encode_to_string(&self.registry.gather()).expect("text")
    }
}

async fn call<S>(channel: S, path: &str) -> Status
where
    S: Service<Request<Body>, Response = Response<Body>>,
    S::Error: Into<tower::BoxError>,
{
    let request = Request::post(path).header("content-type", "application/grpc").header("te", "trailers");
    match channel.oneshot(request.body(Body::empty()).expect("request")).await {
        Ok(response) => Status::from_header_map(response.headers()).expect("status"),
        Err(cause) => Status::from_error(cause.into()),
    }
}

#[tokio::test]
async fn a_call_arrives_with_identity_person_and_deadline() {
    let fixture = fixture(limits()).await;
    let person = Actor::staff("u1", "Sam", "north", vec![Role::Coordinator]);
    let channel = fixture.channel("routing");
    let status = call(channel.on_behalf_of(&person), "/test.v1.Probe/Ask").await;
    assert_eq!(status.code(), tonic::Code::NotFound, "{status:?}");
    assert_eq!((fixture.seen("service").as_str(), fixture.seen("actor").as_str()), ("portal", "u1"));
    assert_eq!(fixture.seen("grpc-timeout"), "10000m");
    call(channel.with_deadline(Duration::from_secs(2)), "/test.v1.Probe/Ask").await;
    assert_eq!((fixture.seen("actor").as_str(), fixture.seen("grpc-timeout").as_str()), ("portal", "2000m"));
}

#[tokio::test]
async fn a_call_without_a_token_or_with_one_for_another_service_is_refused() {
    let fixture = fixture(limits()).await;
    let bare = tonic::transport::Endpoint::from_shared(fixture.url.clone()).expect("url").connect_lazy();
    assert_eq!(call(bare, "/test.v1.Probe/Ask").await.code(), tonic::Code::Unauthenticated);
    let wrong = call(fixture.channel("ingestion"), "/test.v1.Probe/Ask").await;
    assert_eq!(wrong.code(), tonic::Code::Unauthenticated);
    assert!(fixture.probe.seen.lock().expect("lock").is_empty(), "the handler must not run");
}

#[tokio::test]
async fn health_is_open_and_ends_with_the_soft_stop() {
    let fixture = fixture(limits()).await;
    let bare = tonic::transport::Endpoint::from_shared(fixture.url.clone()).expect("url").connect_lazy();
    let asked = HealthCheckRequest { service: "test.v1.Probe".into() };
    let answer = HealthClient::new(bare).check(asked).await.expect("health").into_inner();
    assert_eq!(answer.status(), tonic_health::pb::health_check_response::ServingStatus::Serving);
    fixture.stop.soft.cancel();
    let ended = timeout(Duration::from_secs(5), fixture.served).await;
    assert!(ended.expect("in time").expect("task").is_ok());
}

#[tokio::test]
async fn a_slow_call_ends_at_its_deadline_and_a_crash_is_an_answer() {
    let fixture = fixture(GrpcLimits { deadline: Duration::from_millis(50), ..limits() }).await;
    let channel = fixture.channel("routing");
    let slow = call(channel.clone(), "/test.v1.Probe/Slow").await;
    assert_eq!(slow.code(), tonic::Code::DeadlineExceeded);
    let crash = call(channel, "/test.v1.Probe/Crash").await;
    assert_eq!(crash.code(), tonic::Code::Internal);
    assert!(!crash.message().contains("told to"), "a panic's text stays inside");
}

#[tokio::test]
async fn a_call_that_does_not_end_can_not_hold_a_stop() {
    let fixture = fixture(limits()).await;
    let slow = tokio::spawn(call(fixture.channel("routing"), "/test.v1.Probe/Slow"));
    tokio::time::sleep(Duration::from_millis(100)).await;
    fixture.stop.soft.cancel();
    let ended = timeout(Duration::from_secs(5), fixture.served).await;
    assert!(ended.expect("the drain has an end").is_ok());
    slow.abort();
}

#[tokio::test]
async fn more_calls_than_places_are_refused_and_not_queued() {
    let fixture = fixture(GrpcLimits { calls: 1, ..limits() }).await;
    let slow = tokio::spawn(call(fixture.channel("routing"), "/test.v1.Probe/Slow"));
    tokio::time::sleep(Duration::from_millis(200)).await;
    let refused = call(fixture.channel("routing"), "/test.v1.Probe/Ask").await;
    assert_eq!(refused.code(), tonic::Code::ResourceExhausted);
    slow.abort();
}

#[tokio::test]
async fn calls_are_counted_by_method_and_unknown_methods_are_one() {
    let fixture = fixture(limits()).await;
    let channel = fixture.channel("routing");
    call(channel.clone(), "/test.v1.Probe/Ask").await;
    call(channel.clone(), "/made.up.Service/One").await;
    call(channel, "/made.up.Service/Two").await;
    let page = fixture.metrics();
    let known = r#"causeway_grpc_requests_total{code="NotFound",method="/test.v1.Probe/Ask",service="routing"} 1"#;
    let unknown = r#"causeway_grpc_requests_total{code="Unimplemented",method="unknown",service="routing"} 2"#;
    assert!(page.contains(known) && page.contains(unknown), "{page}");
}

#[tokio::test]
async fn one_trace_goes_through_caller_and_callee() {
    opentelemetry::global::set_text_map_propagator(TraceContextPropagator::new());
    let provider = SdkTracerProvider::builder().build();
    let layer = tracing_opentelemetry::layer().with_tracer(provider.tracer("test"));
    // For all threads: a span whose place in the code another test comes to first would be off for good if that test's thread had
    // no subscriber.
    tracing::subscriber::set_global_default(tracing_subscriber::registry().with(layer)).expect("the only one");
    tracing::callsite::rebuild_interest_cache();
    let fixture = fixture(limits()).await;
    let root = tracing::info_span!("root");
    let trace = causeway_envelope::TraceContext::of(&root);
    let trace = trace.traceparent().expect("a trace")[3..35].to_owned();
    call(fixture.channel("routing"), "/test.v1.Probe/Ask").instrument(root).await;
    assert_eq!(fixture.seen("traceparent")[3..35], trace, "the header carries the caller's trace");
    assert_eq!(fixture.seen("trace")[3..35], trace, "the handler runs inside it");
    assert_ne!(fixture.seen("trace"), fixture.seen("traceparent"), "with a span of its own");
}

#[tokio::test]
async fn a_peer_that_is_not_there_is_unavailable() {
    let fixture = fixture(limits()).await;
    let channel = Channel::connect("http://127.0.0.1:1", fixture.portal.clone(), "routing").expect("url");
    let status = call(channel, "/test.v1.Probe/Ask").await;
    assert_eq!(Code::of(&status), Code::Unavailable, "{status:?}");
}
