//! How one service calls another: a lazy connection that adds identity, deadline and trace to every call.
//!
//! It is itself the `T` of a generated client, so there is no second way to call a peer that forgets one of the three. It does not
//! retry: only the caller knows whether a request may be sent twice.
//!
//! Deliberately not here: where a peer is (runtime's `Peers`).

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use causeway_auth::{Actor, Identity};
use http::{HeaderValue, Request, Response, header};
use tokio::time::timeout;
use tonic::body::Body;
use tonic::transport::Endpoint;
use tower::{BoxError, Service};
use tracing::{Instrument, field};

use crate::code::Code;
use crate::grpc::ServeError;
use crate::propagation;

const DEADLINE: Duration = Duration::from_secs(10);

/// A peer, as the `T` of its generated clients; cheap to clone.
#[derive(Clone)]
pub struct Channel {
    inner: tonic::transport::Channel,
    identity: Identity,
    audience: Arc<str>,
    actor: Option<Arc<Actor>>,
    deadline: Duration,
}

/// The same thing under the name that wiring code reads best: `Client::connect(…)`.
pub type Client = Channel;

/// The same thing under the name that generic code reads best: `FooClient<ClientStack>`.
pub type ClientStack = Channel;

impl Channel {
    /// A lazy connection to the service `audience` at `url`; it connects with the first call and again when it is lost.
    pub fn connect(url: &str, identity: Identity, audience: &str) -> Result<Self, ServeError> {
        let endpoint = Endpoint::from_shared(url.to_owned())
            .map_err(|_| ServeError::Url { url: url.to_owned() })?
            .connect_timeout(Duration::from_secs(3))
            .tcp_nodelay(true)
            .tcp_keepalive(Some(Duration::from_secs(60)))
            .http2_keep_alive_interval(Duration::from_secs(20))
            .keep_alive_timeout(Duration::from_secs(10))
            .keep_alive_while_idle(true);
        Ok(Self {
            inner: endpoint.connect_lazy(),
            identity,
            audience: audience.into(),
            actor: None,
            deadline: DEADLINE,
        })
    }

    /// The same peer, called on behalf of a person.
    #[must_use]
    pub fn on_behalf_of(&self, actor: &Actor) -> Self {
        Self { actor: Some(Arc::new(actor.clone())), ..self.clone() }
    }

    /// The same peer, called with another deadline than ten seconds.
    #[must_use]
    pub fn with_deadline(&self, deadline: Duration) -> Self {
        Self { deadline, ..self.clone() }
    }

    fn authorize(&self, request: &mut Request<Body>) -> Result<(), BoxError> {
        let refuse = |reason: String| BoxError::from(Code::Unauthenticated.status(reason));
        let token =
            self.identity.token(&self.audience, self.actor.as_deref()).map_err(|cause| refuse(cause.to_string()))?;
        let mut value = HeaderValue::try_from(format!("Bearer {token}"))
            .map_err(|_| refuse("the token does not fit a header".to_owned()))?;
        value.set_sensitive(true);
        request.headers_mut().insert(header::AUTHORIZATION, value);
        if !request.headers().contains_key("grpc-timeout") {
            let millis = self.deadline.as_millis().min(99_999_999);
            if let Ok(value) = HeaderValue::try_from(format!("{millis}m")) {
                request.headers_mut().insert("grpc-timeout", value);
            }
        }
        Ok(())
    }
}

impl Service<Request<Body>> for Channel {
    type Response = Response<Body>;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, BoxError>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.inner.poll_ready(context).map_err(Into::into)
    }

    fn call(&mut self, mut request: Request<Body>) -> Self::Future {
        let method = request.uri().path().to_owned();
        let span = tracing::info_span!(
            "call",
            otel.name = method,
            otel.kind = "client",
            otel.status_code = field::Empty,
            causeway.service = self.identity.service(),
            rpc.system = "grpc",
            rpc.method = method,
            peer.service = &*self.audience,
        );
        if let Err(refused) = self.authorize(&mut request) {
            return Box::pin(std::future::ready(Err(refused)));
        }
        propagation::inject(&span, request.headers_mut());
        let ready = self.inner.clone();
        let mut inner = std::mem::replace(&mut self.inner, ready);
        let (deadline, peer) = (self.deadline, Arc::clone(&self.audience));
        let work = async move {
            match timeout(deadline, inner.call(request)).await {
                Ok(answered) => answered.map_err(BoxError::from),
                Err(_elapsed) => Err(Code::DeadlineExceeded.status(format!("'{peer}' did not answer in time")).into()),
            }
        };
        Box::pin(work.instrument(span))
    }
}
