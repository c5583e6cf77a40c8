//! The conversation with a mail server that answers as told, breaks off, or is not there.

use causeway_runtime::Secret;
use lettre::address::Envelope;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use super::*;

/// What the server answers to each step; an empty answer breaks the connection off.
#[derive(Clone, Copy)]
struct Answers {
    from: &'static str,
    to: &'static str,
    data: &'static str,
    content: &'static str,
}

const FINE: Answers = Answers { from: "250 ok", to: "250 ok", data: "354 go on", content: "250 2.0.0 queued as 4F2A" };

async fn server(answers: Answers) -> (u16, JoinHandle<usize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let serving = tokio::spawn(async move {
        let mut connections = 0;
        while let Ok(Ok((stream, _))) = timeout(Duration::from_millis(700), listener.accept()).await {
            connections += 1;
            converse(stream, answers).await;
        }
        connections
    });
    (port, serving)
}

async fn converse(stream: tokio::net::TcpStream, answers: Answers) {
    let mut stream = BufReader::new(stream);
    let mut inside = false;
    let mut answer = "220 test";
    loop {
        if !answer.is_empty() && stream.write_all(format!("{answer}\r\n").as_bytes()).await.is_err() {
            return;
        }
        let mut line = String::new();
        let read = timeout(Duration::from_millis(500), stream.read_line(&mut line)).await;
        if !matches!(read, Ok(Ok(1..))) {
            return;
        }
        answer = match line.split_whitespace().next().unwrap_or_default() {
            "." if inside => answers.content,
            _ if inside => {
                answer = "";
                continue;
            }
            "EHLO" => "250 test",
            "MAIL" => answers.from,
            "RCPT" => answers.to,
            "DATA" => answers.data,
            _ => "250 ok",
        };
        if answer.is_empty() {
            return;
        }
        inside = answer.starts_with("354");
    }
}

fn post(port: u16) -> Post {
    let settings = Smtp {
        host: "127.0.0.1".into(),
        port,
        tls: Tls::None,
        username: String::new(),
        password: Secret::default(),
        timeout_seconds: 1,
    };
    Post::new(settings, 4)
}

fn mail() -> Letter {
    let address = |text: &str| text.parse().expect("an address");
    let envelope = Envelope::new(Some(address("care@center.example")), vec![address("rosa@home.example")]);
    Letter { envelope: envelope.expect("an envelope"), bytes: b"Subject: hello\r\n\r\nhello\r\n".to_vec() }
}

async fn tried(answers: Answers) -> Tried {
    let (port, _serving) = server(answers).await;
    post(port).hand_over(&mail()).await
}

#[tokio::test]
async fn a_mail_that_is_taken_keeps_the_servers_name_for_it_and_the_connection_is_used_again() {
    let (port, serving) = server(FINE).await;
    let post = post(port);
    for _ in 0..3 {
        assert_eq!(post.hand_over(&mail()).await, Tried::Taken("2.0.0 queued as 4F2A".into()));
    }
    assert_eq!(serving.await.expect("served"), 1);
}

#[tokio::test]
async fn a_connection_that_was_closed_in_between_costs_nothing() {
    let (port, serving) = server(FINE).await;
    let post = post(port);
    assert!(matches!(post.hand_over(&mail()).await, Tried::Taken(_)));
    // The server gives up on a silent connection after half a second.
    tokio::time::sleep(Duration::from_millis(600)).await;
    assert!(matches!(post.hand_over(&mail()).await, Tried::Taken(_)));
    assert_eq!(serving.await.expect("served"), 2);
}

#[tokio::test]
async fn a_server_that_is_not_there_has_surely_not_got_it() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    drop(listener);
    assert_eq!(post(port).hand_over(&mail()).await, Tried::NotHandedOver("connect".into()));
}

#[tokio::test]
async fn a_server_that_breaks_off_before_the_content_has_surely_not_got_it() {
    for broken in [Answers { from: "", ..FINE }, Answers { to: "", ..FINE }, Answers { data: "", ..FINE }] {
        assert!(matches!(tried(broken).await, Tried::NotHandedOver(_)));
    }
}

#[tokio::test]
async fn a_server_that_breaks_off_after_the_content_may_have_got_it() {
    assert_eq!(tried(Answers { content: "", ..FINE }).await, Tried::Unanswered);
}

#[tokio::test]
async fn a_refusal_for_now_is_tried_again_and_one_for_good_is_not_and_neither_quotes_the_address() {
    let later = Answers { to: "451 greylisted rosa@home.example", ..FINE };
    assert_eq!(tried(later).await, Tried::NotHandedOver("smtp_451".into()));
    let full = Answers { content: "452 full", ..FINE };
    assert_eq!(tried(full).await, Tried::NotHandedOver("smtp_452".into()));
    let unknown = Answers { to: "550 no such user rosa@home.example", ..FINE };
    assert_eq!(tried(unknown).await, Tried::Refused("550".into()));
    let content = Answers { content: "554 no", ..FINE };
    assert_eq!(tried(content).await, Tried::Refused("554".into()));
}

#[tokio::test]
async fn a_server_that_refuses_us_as_sender_does_not_turn_notices_into_failures() {
    let closed = Answers { from: "530 log in first", ..FINE };
    assert_eq!(tried(closed).await, Tried::NotHandedOver("sender_refused".into()));
}

#[test]
fn a_reference_that_quotes_an_address_is_not_kept() {
    assert_eq!(safe_reference("2.0.0 queued as 12"), "2.0.0 queued as 12");
    assert_eq!(safe_reference("sent to rosa@home.example"), "");
}
