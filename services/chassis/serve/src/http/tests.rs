//! The HTTP layers around a small router.

use axum::body::Body;
use axum::routing::{get, post};
use http_body_util::BodyExt;
use tower::ServiceExt;

use super::*;

fn app(registry: &Registry) -> Router {
    let limits = HttpLimits { body: 16, deadline: Duration::from_millis(50), ..HttpLimits::default() };
    let router = Router::new()
        .route("/p/{token}", get(|| async { "fine" }))
        .route("/panic", get(panics))
        .route("/slow", get(|| async { tokio::time::sleep(Duration::from_secs(5)).await }))
        .route("/body", post(|body: String| async move { body }));
    let metrics = HttpMetrics::new(registry).expect("metrics");
    let router = security_headers(router, HeaderValue::from_static("default-src 'none'"));
    http_layers(router, "portal", &metrics, &limits)
}

async fn panics() -> &'static str {
    panic!("with a value")
}

async fn ask(app: &Router, method: &str, path: &str, body: &'static str) -> Response {
    let request = Request::builder().method(method).uri(path).body(Body::from(body)).expect("request");
    app.clone().oneshot(request).await.expect("answer")
}

fn page(registry: &Registry) -> String {
    let mut page = String::new();
    prometheus::TextEncoder::new().encode_utf8(&registry.gather(), &mut page).expect("text");
    page
}

#[tokio::test]
async fn an_answer_has_an_id_strict_headers_and_a_metric_by_route() {
    let registry = Registry::new();
    let app = app(&registry);
    let response = ask(&app, "GET", "/p/s3cret", "").await;
    assert_eq!(response.status(), 200);
    assert!(response.headers().contains_key(REQUEST_ID));
    assert_eq!(response.headers()[header::CONTENT_SECURITY_POLICY], "default-src 'none'");
    assert_eq!(response.headers()[header::X_CONTENT_TYPE_OPTIONS], "nosniff");
    let page = page(&registry);
    assert!(page.contains("route=\"/p/{token}\""), "{page}");
    assert!(!page.contains("s3cret"), "{page}");
}

#[tokio::test]
async fn a_panic_is_a_problem_that_does_not_tell_the_value() {
    let response = ask(&app(&Registry::new()), "GET", "/panic", "").await;
    assert_eq!(response.status(), 500);
    let body = response.into_body().collect().await.expect("body").to_bytes();
    assert!(!String::from_utf8_lossy(&body).contains("with a value"));
}

#[tokio::test]
async fn a_slow_request_is_answered_at_its_deadline_and_a_large_one_is_refused() {
    let app = app(&Registry::new());
    assert_eq!(ask(&app, "GET", "/slow", "").await.status(), 504);
    assert_eq!(ask(&app, "POST", "/body", "short").await.status(), 200);
    let large = ask(&app, "POST", "/body", "a body that is longer than sixteen").await;
    assert_eq!(large.status(), 413);
}

#[tokio::test]
async fn a_soft_stop_lets_a_request_end_and_then_stops_listening() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("bind");
    let stop = Stop::new();
    let limits = HttpLimits::default();
    let router = Router::new().route("/", get(|| async { "fine" }));
    stop.soft.cancel();
    let served = timeout(Duration::from_secs(5), http(listener, router, stop, &limits)).await;
    assert!(served.expect("in time").is_ok());
}
