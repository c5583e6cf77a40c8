//! The HTTP layers around a small router.

use axum::body::Body;
use axum::routing::{get, post};
use http_body_util::BodyExt;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

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
async fn what_the_router_itself_refuses_is_a_problem_that_says_what_to_do() {
    let app = app(&Registry::new());
    for (method, path, body, status) in
        [("POST", "/body", "a body that is longer than sixteen", 413), ("PUT", "/body", "", 405)]
    {
        let refused = ask(&app, method, path, body).await;
        assert_eq!(refused.status(), status);
        assert_eq!(refused.headers()[header::CONTENT_TYPE], "application/problem+json");
        assert_eq!(refused.headers().contains_key(header::ALLOW), status == 405);
        let told = refused.into_body().collect().await.expect("body").to_bytes();
        let told: serde_json::Value = serde_json::from_slice(&told).expect("json");
        assert!(told["status"] == status && !told["detail"].as_str().expect("words").is_empty(), "{told}");
        assert!(!told["reason"].as_str().expect("a word").is_empty(), "{told}");
    }
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

/// A server of a small router on a port of its own.
async fn serving(limits: HttpLimits) -> (std::net::SocketAddr, Stop, tokio::task::JoinHandle<Result<(), ServeError>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("bind");
    let (address, stop) = (listener.local_addr().expect("address"), Stop::new());
    let slow = || async {
        tokio::time::sleep(Duration::from_millis(600)).await;
        "late"
    };
    let whence = |ConnectInfo(peer): ConnectInfo<std::net::SocketAddr>| async move { peer.ip().to_string() };
    let router = Router::new().route("/", get(whence)).route("/slow", get(slow));
    let until = stop.clone();
    let served = tokio::spawn(async move { http(listener, router, until, &limits).await });
    (address, stop, served)
}

/// The whole answer to one request, after which the connection ends.
async fn fetch(address: std::net::SocketAddr, path: &str) -> String {
    let mut stream = TcpStream::connect(address).await.expect("connected");
    let head = format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    stream.write_all(head.as_bytes()).await.expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("answered");
    answer
}

/// Connections that have sent half of a request's head.
async fn half_sent(address: std::net::SocketAddr, count: usize) -> Vec<TcpStream> {
    let mut all = Vec::new();
    for _ in 0..count {
        let mut stream = TcpStream::connect(address).await.expect("connected");
        stream.write_all(b"GET / HTTP/1.1\r\nHost: x\r\nX-Slow: ").await.expect("sent");
        all.push(stream);
    }
    all
}

#[tokio::test]
async fn a_good_request_is_answered_beside_two_hundred_half_sent_ones() {
    let (address, stop, served) = serving(HttpLimits::default()).await;
    let half = half_sent(address, 200).await;
    let answer = timeout(Duration::from_secs(2), fetch(address, "/")).await.expect("in time");
    assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("127.0.0.1"), "{answer}");
    drop(half);
    stop.soft.cancel();
    served.await.expect("no panic").expect("it ends");
}

#[tokio::test]
async fn half_sent_requests_lose_their_places_to_whoever_waits() {
    let limits = HttpLimits { connections: 50, head: Duration::from_millis(300), ..HttpLimits::default() };
    let (address, stop, served) = serving(limits).await;
    let mut half = half_sent(address, 200).await;
    let answer = timeout(Duration::from_secs(10), fetch(address, "/")).await.expect("in time");
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    let mut rest = Vec::new();
    let ended = timeout(Duration::from_secs(1), half[0].read_to_end(&mut rest)).await;
    assert!(ended.is_ok(), "the connection was closed");
    stop.soft.cancel();
    served.await.expect("no panic").expect("it ends");
}

#[tokio::test]
async fn whoever_comes_while_there_is_no_place_waits_for_one() {
    let (address, stop, served) = serving(HttpLimits { connections: 1, ..HttpLimits::default() }).await;
    let idle = TcpStream::connect(address).await.expect("connected");
    tokio::time::sleep(Duration::from_millis(100)).await;
    let waiting = tokio::spawn(fetch(address, "/"));
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(!waiting.is_finished(), "there was one place only");
    drop(idle);
    let answer = timeout(Duration::from_secs(5), waiting).await.expect("in time").expect("no panic");
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    stop.soft.cancel();
    served.await.expect("no panic").expect("it ends");
}

#[tokio::test]
async fn a_soft_stop_lets_the_request_under_way_end_and_a_hard_one_does_not() {
    for hard in [false, true] {
        let (address, stop, served) = serving(HttpLimits::default()).await;
        let asked = tokio::spawn(fetch(address, "/slow"));
        tokio::time::sleep(Duration::from_millis(200)).await;
        if hard {
            stop.hard.cancel();
        }
        stop.soft.cancel();
        timeout(Duration::from_secs(5), served).await.expect("in time").expect("no panic").expect("it ends");
        let answer = asked.await;
        assert_eq!(answer.is_ok_and(|answer| answer.ends_with("late")), !hard);
        assert!(TcpStream::connect(address).await.is_err(), "it listens no more");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_sends_far_too_much_before_looking_for_an_answer_finds_it() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("bind");
    let (address, stop) = (listener.local_addr().expect("address"), Stop::new());
    let router = app(&Registry::new());
    let until = stop.clone();
    let served = tokio::spawn(async move { http(listener, router, until, &HttpLimits::default()).await });
    for _ in 0..20 {
        let mut line = TcpStream::connect(address).await.expect("connected");
        let body = vec![b'x'; 8 << 20];
        let head = format!("POST /body HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\n\r\n", body.len());
        line.write_all(head.as_bytes()).await.expect("the head is heard");
        line.write_all(&body).await.expect("all of it is heard");
        let mut answer = [0; 12];
        line.read_exact(&mut answer).await.expect("an answer");
        assert_eq!(&answer, b"HTTP/1.1 413");
    }
    stop.soft.cancel();
    served.await.expect("no panic").expect("served");
}
