//! The mailbox's pages, its JSON, and the SMS door.
//!
//! Pages carry no script and load nothing from anywhere. HTML parts are not rendered: a mail could otherwise run in the
//! reader's browser as this page. Not here: any login; it listens on loopback and holds messages of development.

use std::fmt::Write as _;
use std::sync::Arc;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Json, Path, Query, State};
use axum::http::{HeaderMap, HeaderName, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::{get, post};
use serde::{Deserialize, Serialize};

use super::{Kind, Message, Store};

const STYLE: &str = "body{font:16px/1.5 system-ui,sans-serif;max-width:64rem;margin:2rem auto;padding:0 1rem;color:#1b1b1b;background:#fff}\
table{width:100%;border-collapse:collapse}th,td{text-align:left;padding:.5rem;border-bottom:1px solid #ccc;vertical-align:top}\
pre{white-space:pre-wrap;overflow-wrap:anywhere;background:#f4f4f2;padding:1rem;font:inherit}\
dt{font-weight:600}dd{margin:0 0 .5rem}a{color:#0b4f8a}";

const HEADERS: [(HeaderName, &str); 4] = [
    (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    ),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    // A link in a mail is a secret: where it leads must not learn of this page, nor a cache keep it.
    (header::REFERRER_POLICY, "no-referrer"),
    (header::CACHE_CONTROL, "no-store"),
];

/// `GET /`, `GET /mail/{id}`, `GET` and `DELETE /messages`, `POST /sms`.
pub fn mailbox_router(store: Store) -> Router {
    Router::new()
        .route("/", get(list))
        .route("/mail/{id}", get(one))
        .route("/style.css", get(|| async { ([(header::CONTENT_TYPE, "text/css")], STYLE) }))
        .route("/messages", get(messages).delete(clear))
        .route("/sms", post(sms))
        .layer(DefaultBodyLimit::max(64 * 1024))
        .with_state(store)
}

#[derive(Deserialize)]
struct Filter {
    to: Option<String>,
}

async fn messages(State(store): State<Store>, Query(filter): Query<Filter>) -> Response {
    let messages = store.messages(filter.to.as_deref());
    let list: Vec<&Message> = messages.iter().map(Arc::as_ref).collect();
    (HEADERS, Json(list)).into_response()
}

async fn clear(State(store): State<Store>) -> Response {
    match store.clear() {
        Ok(()) => StatusCode::NO_CONTENT.into_response(),
        Err(error) => failure(&error),
    }
}

/// An SMS as a provider's interface would take it.
#[derive(Deserialize)]
struct Sms {
    to: String,
    #[serde(default)]
    from: String,
    #[serde(alias = "body", alias = "message")]
    text: String,
}

#[derive(Serialize)]
struct Taken {
    id: String,
}

/// A repeated `Idempotency-Key` is answered as the first time and kept once, as good providers do.
async fn sms(State(store): State<Store>, headers: HeaderMap, Json(sms): Json<Sms>) -> Response {
    let key = headers.get("idempotency-key").and_then(|value| value.to_str().ok()).map(str::to_owned);
    if let Some(id) = key.as_deref().and_then(|key| store.with_key(key)) {
        return (StatusCode::OK, Json(Taken { id: id.to_string() })).into_response();
    }
    match store.keep(vec![Message::sms(sms.from, sms.to, sms.text, key)]) {
        Ok(ids) => (StatusCode::CREATED, Json(Taken { id: ids.iter().map(u64::to_string).collect() })).into_response(),
        Err(error) => failure(&error),
    }
}

fn failure(error: &anyhow::Error) -> Response {
    tracing::error!(error = format!("{error:#}"), "the mailbox cannot use its file");
    StatusCode::INTERNAL_SERVER_ERROR.into_response()
}

async fn list(State(store): State<Store>) -> Response {
    let messages = store.messages(None);
    let mut rows = String::new();
    for message in messages.iter().take(500) {
        let _ = write!(
            rows,
            "<tr><td>{}</td><td>{}</td><td>{}</td><td><a href=\"/mail/{}\">{}</a></td></tr>",
            time(message),
            door(message),
            escape(&message.to),
            message.id,
            escape(&title(message)),
        );
    }
    let body = if rows.is_empty() {
        "<p>Nothing has come yet. Reload the page to look again.</p>".to_owned()
    } else {
        format!(
            "<p>{} received; the newest is first.</p><table><thead><tr><th scope=\"col\">Time (UTC)</th><th scope=\"col\">Kind</th><th scope=\"col\">To</th><th scope=\"col\">Subject</th></tr></thead><tbody>{rows}</tbody></table>",
            messages.len()
        )
    };
    page("Mailbox of development", &body)
}

async fn one(State(store): State<Store>, Path(id): Path<u64>) -> Response {
    let Some(message) = store.message(id) else {
        let gone = page("No such message", "<p><a href=\"/\">Back to all messages</a></p>");
        return (StatusCode::NOT_FOUND, gone).into_response();
    };
    let only_html = message.text.is_empty() && message.html.is_some();
    let text = if only_html { message.html.as_deref().unwrap_or_default() } else { &message.text };
    let note = if only_html { "<p>This mail has no text part; this is its HTML, not rendered.</p>" } else { "" };
    let body = format!(
        "<p><a href=\"/\">Back to all messages</a></p><dl><dt>To</dt><dd>{}</dd><dt>From</dt><dd>{}</dd><dt>Time (UTC)</dt><dd>{}</dd></dl>{note}<pre>{}</pre>",
        escape(&message.to),
        escape(&message.from),
        time(&message),
        with_links(text),
    );
    page(&title(&message), &body)
}

fn page(title: &str, body: &str) -> Response {
    let title = escape(title);
    let html = format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\"><title>{title}</title><link rel=\"stylesheet\" href=\"/style.css\"></head><body><main><h1>{title}</h1>{body}</main></body></html>"
    );
    (HEADERS, Html(html)).into_response()
}

fn title(message: &Message) -> String {
    let line =
        if message.subject.is_empty() { message.text.lines().next().unwrap_or_default() } else { &message.subject };
    let short: String = line.chars().take(80).collect();
    if short.trim().is_empty() { "(no subject)".to_owned() } else { short }
}

fn time(message: &Message) -> String {
    message.at.strftime("%Y-%m-%d %H:%M:%S").to_string()
}

fn door(message: &Message) -> &'static str {
    match message.kind {
        Kind::Mail => "Mail",
        Kind::Sms => "SMS",
    }
}

fn escape(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            c => safe.push(c),
        }
    }
    safe
}

/// Text with its http addresses made into links; everything is escaped.
fn with_links(text: &str) -> String {
    let mut html = String::new();
    let mut rest = text;
    while let Some(start) = [rest.find("http://"), rest.find("https://")].into_iter().flatten().min() {
        html.push_str(&escape(&rest[..start]));
        let tail = &rest[start..];
        let end = tail.find(|c: char| c.is_whitespace() || "<>\"'".contains(c)).unwrap_or(tail.len());
        // A full stop or bracket after an address belongs to the sentence.
        let link = tail[..end].trim_end_matches(['.', ',', ';', ':', '!', '?', ')']);
        let safe = escape(link);
        let _ = write!(html, "<a href=\"{safe}\" rel=\"noreferrer\">{safe}</a>");
        rest = &tail[link.len()..];
    }
    html + &escape(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_becomes_a_link_and_the_sentence_keeps_its_full_stop() {
        let html = with_links("Open https://example.org/p/a?b=1&c=2. Thank you");
        let address = "https://example.org/p/a?b=1&amp;c=2";
        assert_eq!(html, format!("Open <a href=\"{address}\" rel=\"noreferrer\">{address}</a>. Thank you"));
    }

    #[test]
    fn markup_in_a_message_stays_text() {
        let html = with_links("<script>alert(1)</script> http://x\"onclick=\"y");
        assert!(!html.contains("<script>") && !html.contains("\"onclick"), "{html}");
    }

    #[test]
    fn a_bare_scheme_ends() {
        assert_eq!(with_links("http://"), "<a href=\"http://\" rel=\"noreferrer\">http://</a>");
    }
}
