//! Who sends more than a door takes hears that it does.
//!
//! An answer is given as soon as it is known that a body is too large. Where the connection is closed then, what the caller still
//! sends meets a closed door, its system throws the answer away, and a sender sees a broken line in place of 413. So what is left
//! of such a body is read and forgotten, for a while. Deliberately not here: what is too large (the layers inside).

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::middleware::Next;
use axum::response::Response;
use http::{StatusCode, header};
use hyper::body::{Body as _, Frame, SizeHint};
use tokio::time::timeout;

/// So long a caller is listened to whose body was refused.
const LONGEST: Duration = Duration::from_secs(5);
/// And so much of it, bytes.
const MOST: usize = 64 << 20;

/// A body that its door may leave before its end.
struct Shared(Arc<Mutex<Body>>);

impl Shared {
    fn with<T>(&self, look: impl FnOnce(&mut Body) -> T) -> T {
        look(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl hyper::body::Body for Shared {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        self.with(|body| Pin::new(body).poll_frame(cx))
    }

    fn is_end_stream(&self) -> bool {
        self.with(|body| body.is_end_stream())
    }

    fn size_hint(&self) -> SizeHint {
        self.with(|body| body.size_hint())
    }
}

/// Hears out whoever is told that the body is too large. Who asked before sending (`Expect`) sends nothing after that answer.
pub(super) async fn linger(request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    let asks_first = parts.headers.contains_key(header::EXPECT);
    let body = Arc::new(Mutex::new(body));
    let response = next.run(Request::from_parts(parts, Body::new(Shared(Arc::clone(&body))))).await;
    if response.status() == StatusCode::PAYLOAD_TOO_LARGE && !asks_first {
        // Whoever sends on for longer than this does not wait for an answer.
        let _ = timeout(LONGEST, forget(Shared(body))).await;
    }
    response
}

async fn forget(mut body: Shared) {
    let mut heard = 0;
    while let Some(Ok(frame)) = poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await {
        heard += frame.data_ref().map_or(0, Bytes::len);
        if heard > MOST {
            return;
        }
    }
}
