//! Who is at the gate: a signed-in person for every page, and for every change also the form's token and its origin.
//!
//! Who was signed out while they typed gets back what they sent, on a page that sends it again after the next sign-in.
//! Deliberately not here: signing in (sign_in).

use std::sync::Arc;

use axum::extract::{Form as Body, FromRequest, FromRequestParts, OriginalUri, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use causeway_auth::{Action, policy};

use super::super::{App, page, see_other};
use super::cookies::{self, Which};
use crate::centers::InForce;
use crate::pages::{AgainPage, HiddenField};
use crate::peers::Peers;
use crate::session::{Session, same_token};
use crate::views::form::Sent;

/// A signed-in person at their center.
pub struct Staff {
    /// The session.
    pub session: Session,
    /// The center's profile.
    pub in_force: InForce,
    /// The other services, asked on the person's behalf.
    pub peers: Peers,
    /// How much waits to be mended, for who mends.
    pub to_repair: Option<i64>,
}

impl FromRequestParts<Arc<App>> for Staff {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Response> {
        let token = cookies::read(&parts.headers, Which::Session, app.mode);
        let Some(session) = token.and_then(|token| app.sessions.find(&token)) else { return Err(nobody(parts)) };
        let center = session.actor.center.clone().unwrap_or_default();
        let Some(in_force) = app.centers.get(&center) else {
            let text = "The settings of your center are not loaded yet. Try again in a moment.";
            return Err((StatusCode::SERVICE_UNAVAILABLE, text).into_response());
        };
        let peers = app.peers.on_behalf_of(&session.actor);
        let to_repair = match policy::may(&session.actor, Action::RepairInquiry, &center) {
            Ok(()) => app.waiting.of(&center, peers.ingestion()).await,
            Err(_) => None,
        };
        Ok(Self { session, in_force, peers, to_repair })
    }
}

/// A list that refreshes itself must not receive the sign-in page as its rows.
fn nobody(parts: &Parts) -> Response {
    let query = parts.uri.query().unwrap_or_default();
    if parts.headers.contains_key("hx-request") || query.split('&').any(|pair| pair == "part=rows") {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    // A nested route sees only its own end of the address.
    let whole = parts.extensions.get::<OriginalUri>().map_or(&parts.uri, |original| &original.0);
    let next = if parts.method.is_safe() { whole.path() } else { "/worklist" };
    see_other(&format!("/sign-in?next={next}"))
}

/// A change that a signed-in person sent from one of our pages.
pub struct Posted {
    /// The person.
    pub staff: Staff,
    /// The form.
    pub sent: Sent,
}

impl FromRequest<Arc<App>> for Posted {
    type Rejection = Response;

    async fn from_request(request: Request, app: &Arc<App>) -> Result<Self, Response> {
        if !is_ours(request.headers(), &app.config.staff_base_url) {
            return Err(foreign());
        }
        let (mut parts, body) = request.into_parts();
        let staff = match Staff::from_request_parts(&mut parts, app).await {
            // Only who is led to the door has something to take along.
            Err(refused) if refused.status() != StatusCode::SEE_OTHER => return Err(refused),
            found => found,
        };
        let from = NotTaken::of(&parts);
        let request = Request::from_parts(parts, body);
        let Body(pairs) =
            Body::<Vec<(String, String)>>::from_request(request, app).await.map_err(IntoResponse::into_response)?;
        let sent = Sent::of(pairs);
        match staff {
            Ok(staff) if is_theirs(app, &staff.session, sent.get(TOKEN)) => Ok(Self { staff, sent }),
            Ok(_) => Err(foreign()),
            Err(refused) => Err(from.again(app, &sent).unwrap_or(refused)),
        }
    }
}

/// Whether a form is of this session, or of an earlier one of the same person at the same center: who was signed out while they
/// typed sends it again after the next sign-in.
fn is_theirs(app: &App, session: &Session, token: &str) -> bool {
    same_token(&session.csrf, token) || app.sessions.was_theirs(token, &session.actor) == Some(true)
}

/// Name of the field for the session's token.
const TOKEN: &str = "csrf";
/// Fields of our forms that nobody fills in.
const NOT_FILLED: [&str; 8] = [
    TOKEN,
    "version",
    "idempotency_key",
    "form",
    "next",
    crate::views::form::CALL,
    crate::views::form::SEEN,
    "called_at",
];

/// Where a form was sent that is not taken, because the session in which its page was opened has ended.
struct NotTaken {
    action: String,
    /// The browser says that it comes from one of our pages. Without its word nothing is shown that somebody else may have made.
    is_from_our_page: bool,
}

impl NotTaken {
    fn of(parts: &Parts) -> Self {
        let whole = parts.extensions.get::<OriginalUri>().map_or(&parts.uri, |original| &original.0);
        let site = parts.headers.get("sec-fetch-site").and_then(|site| site.to_str().ok());
        let by_script = parts.headers.contains_key("hx-request");
        let action = whole.path_and_query().map(ToString::to_string).unwrap_or_default();
        Self { action, is_from_our_page: site == Some("same-origin") && !by_script }
    }

    /// What was filled in, to be sent again by the same person; nothing where nothing was.
    fn again(&self, app: &App, sent: &Sent) -> Option<Response> {
        let is_filled = |(name, value): &(&String, &String)| !NOT_FILLED.contains(&name.as_str()) && !value.is_empty();
        let filled: Vec<_> = sent.typed.iter().filter(is_filled).collect();
        if !self.is_from_our_page || filled.is_empty() {
            return None;
        }
        let field = |(name, value): (&String, &String)| HiddenField { name: name.clone(), value: value.clone() };
        let shown = AgainPage {
            assets: app.assets.console(""),
            // Whose it is is forgotten with a restart of this process: then it can be read off, and typed anew.
            may_send: app.sessions.is_known(sent.get(TOKEN)),
            action: self.action.clone(),
            fields: sent.typed.iter().map(field).collect(),
            typed: filled.into_iter().map(|(_, value)| value.clone()).filter(|value| reads_like_typed(value)).collect(),
        };
        Some(page(StatusCode::UNAUTHORIZED, &shown))
    }
}

/// The answer to a form that is not from one of our pages in this session.
pub fn foreign() -> Response {
    let text = "This form is not from this session. Go back, load the page again, and send it once more.";
    (StatusCode::FORBIDDEN, text).into_response()
}

/// Whether a form comes from a page of this address, as far as the browser tells. The form's token is asked in any case.
pub fn is_ours(headers: &HeaderMap, base_url: &str) -> bool {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    if let Some(site) = text("sec-fetch-site") {
        return matches!(site, "same-origin" | "none");
    }
    let Some(origin) = text("origin") else { return true };
    if !base_url.is_empty() {
        return origin == base_url.trim_end_matches('/');
    }
    let host = headers.get(header::HOST).and_then(|value| value.to_str().ok()).unwrap_or_default();
    origin.split_once("://").is_some_and(|(_, from)| !host.is_empty() && from == host)
}

/// Whether a person wrote it: choices are words of small letters, ids and versions are these with digits.
fn reads_like_typed(value: &str) -> bool {
    let is_of_a_page =
        |sign: char| sign.is_ascii_lowercase() || sign.is_ascii_digit() || matches!(sign, '_' | '-' | '~' | ',');
    let has_letters = value.contains(|sign: char| sign.is_alphabetic());
    let digits = value.chars().filter(char::is_ascii_digit).count();
    !value.chars().all(is_of_a_page) || (!has_letters && digits >= FEWEST_DIGITS)
}

/// A number that was typed, such as one of a telephone, has as many.
const FEWEST_DIGITS: usize = 5;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_person_wrote_is_told_from_what_a_page_sends() {
        for typed in ["Rosa", "colon cancer", "206-555-0142", "2065550142", "r@example.com", "é"] {
            assert!(reads_like_typed(typed), "{typed}");
        }
        for sent in ["", "second_opinion", "3", "0197-0000-4a3b", "019a8d3c-1111-7222-8333-000000000001", "2~aabb-cc"] {
            assert!(!reads_like_typed(sent), "{sent}");
        }
    }
    use axum::http::{HeaderName, HeaderValue};

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let pair = |(name, value): &(&'static str, &'static str)| {
            (HeaderName::from_static(name), HeaderValue::from_static(value))
        };
        pairs.iter().map(pair).collect()
    }

    #[test]
    fn a_form_of_another_site_is_known_by_what_the_browser_tells() {
        assert!(is_ours(&headers(&[("sec-fetch-site", "same-origin")]), ""));
        assert!(!is_ours(&headers(&[("sec-fetch-site", "cross-site")]), ""));
        assert!(!is_ours(&headers(&[("sec-fetch-site", "same-site")]), ""));
        assert!(is_ours(&headers(&[("origin", "http://a.example:8081"), ("host", "a.example:8081")]), ""));
        assert!(!is_ours(&headers(&[("origin", "http://b.example"), ("host", "a.example")]), ""));
        assert!(!is_ours(&headers(&[("origin", "null"), ("host", "a.example")]), ""));
        assert!(is_ours(&headers(&[("origin", "https://a.example"), ("host", "inside")]), "https://a.example/"));
        assert!(is_ours(&headers(&[]), ""), "a program without a browser still needs the token");
    }
}
