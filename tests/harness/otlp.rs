//! A receiver of traces that speaks OTLP over gRPC, as a real collector does.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use opentelemetry_proto::tonic::collector::trace::v1::trace_service_server::{TraceService, TraceServiceServer};
use opentelemetry_proto::tonic::collector::trace::v1::{ExportTraceServiceRequest, ExportTraceServiceResponse};
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use prost::Message as _;
use tonic::{Request, Response, Status};

/// What is kept of a span.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeenSpan {
    /// Trace id, hex.
    pub trace: String,
    /// The service that made it.
    pub service: String,
    /// Its name.
    pub name: String,
}

/// A running receiver.
pub struct Collector {
    address: SocketAddr,
    seen: Arc<Mutex<Vec<SeenSpan>>>,
    bytes: Arc<Mutex<Vec<u8>>>,
}

#[derive(Clone)]
struct Sink {
    seen: Arc<Mutex<Vec<SeenSpan>>>,
    bytes: Arc<Mutex<Vec<u8>>>,
}

impl Collector {
    /// Listens on a free port until the test ends.
    pub async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let sink = Sink { seen: Arc::default(), bytes: Arc::default() };
        let own = Self { address, seen: sink.seen.clone(), bytes: sink.bytes.clone() };
        let incoming = tokio_stream::wrappers::TcpListenerStream::new(listener);
        tokio::spawn(
            tonic::transport::Server::builder()
                .add_service(TraceServiceServer::new(sink))
                .serve_with_incoming(incoming),
        );
        own
    }

    /// Its address for `runtime.otlp_endpoint`.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// All spans so far.
    pub fn spans(&self) -> Vec<SeenSpan> {
        self.seen.lock().expect("no panic holds it").clone()
    }

    /// Every byte that was sent, for a search.
    pub fn bytes(&self) -> Vec<u8> {
        self.bytes.lock().expect("no panic holds it").clone()
    }
}

#[tonic::async_trait]
impl TraceService for Sink {
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        let request = request.into_inner();
        self.bytes.lock().expect("no panic holds it").extend(request.encode_to_vec());
        let mut seen = self.seen.lock().expect("no panic holds it");
        for resource in &request.resource_spans {
            let process = resource.resource.as_ref().and_then(|from| text(&from.attributes, "service.name"));
            for span in resource.scope_spans.iter().flat_map(|scope| &scope.spans) {
                let service = text(&span.attributes, "causeway.service").or_else(|| process.clone());
                seen.push(SeenSpan {
                    trace: hex::encode(&span.trace_id),
                    service: service.unwrap_or_default(),
                    name: span.name.clone(),
                });
            }
        }
        Ok(Response::new(ExportTraceServiceResponse::default()))
    }
}

fn text(attributes: &[opentelemetry_proto::tonic::common::v1::KeyValue], key: &str) -> Option<String> {
    let value = attributes.iter().find(|attribute| attribute.key == key)?.value.clone()?.value?;
    match value {
        Value::StringValue(text) => Some(text),
        _ => None,
    }
}
