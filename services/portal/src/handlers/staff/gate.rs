//! Who is at the gate: a signed-in person for every page, and for every change also the form's token and its origin.
//!
//! Deliberately not here: signing in (sign_in).

use std::sync::Arc;

use axum::extract::{Form as Body, FromRequest, FromRequestParts, OriginalUri, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use causeway_auth::{Action, policy};

use super::super::{App, see_other};
use super::cookies::{self, Which};
use crate::centers::InForce;
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
        let staff = Staff::from_request_parts(&mut parts, app).await?;
        let request = Request::from_parts(parts, body);
        let Body(pairs) =
            Body::<Vec<(String, String)>>::from_request(request, app).await.map_err(IntoResponse::into_response)?;
        let sent = Sent::of(pairs);
        if !same_token(&staff.session.csrf, sent.get("csrf")) {
            return Err(foreign());
        }
        Ok(Self { staff, sent })
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

#[cfg(test)]
mod tests {
    use super::*;
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
