//! The two faces of the portal: what patients reach, and what staff reach.
//!
//! A GET changes nothing, since mail scanners open links; every change is a POST that ends in a redirect. Deliberately
//! not here: how answers become pages (views).

pub mod files;
pub mod patient;
pub mod staff;
mod submit;
#[cfg(test)]
pub mod tests;

use std::net::IpAddr;
use std::sync::Arc;

use askama::Template;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use causeway_auth::{SignedLinks, oidc};
use causeway_runtime::{Clock, Mode};
use causeway_serve::{Limiter, Pressure};

use crate::assets::Assets;
use crate::centers::Centers;
use crate::config::Config;
use crate::peers::Peers;
use crate::session::Sessions;
use crate::tally::Tally;
use crate::waiting::Waiting;
use crate::words::{LANGUAGES, Words};

/// All that a handler may need.
pub struct App {
    /// The centers.
    pub centers: Centers,
    /// The other services, asked on the portal's own account.
    pub peers: Peers,
    /// Style sheets, scripts and the font.
    pub assets: Assets,
    /// Who is signed in.
    pub sessions: Sessions,
    /// How much waits to be mended at each center.
    pub waiting: Waiting,
    /// Signed links of patients.
    pub links: SignedLinks,
    /// The domain's time.
    pub clock: Clock,
    /// The identity provider, if there is one.
    pub provider: Option<oidc::Client>,
    /// How often an address may send a form.
    pub limiter: Limiter<IpAddr>,
    /// How often it may do so before that is a sign of a machine.
    pub often: Limiter<IpAddr>,
    /// How often an address may begin a form.
    pub beginners: Limiter<IpAddr>,
    /// How near an address is to its limit: the nearer, the harder the work that a form asks for.
    pub of_address: Pressure<IpAddr>,
    /// The same of a center's form.
    pub of_form: Pressure<(String, String)>,
    /// What became of the showings of forms.
    pub tally: Arc<Tally>,
    /// What may be lenient.
    pub mode: Mode,
    /// The settings.
    pub config: Config,
}

/// A page as an answer.
pub fn page(status: StatusCode, page: &impl Template) -> Response {
    match page.render() {
        Ok(html) => {
            let kind = (header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
            (status, [kind], html).into_response()
        }
        Err(cause) => {
            tracing::error!(%cause, "render a page");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

/// A redirect after a POST.
pub fn see_other(to: &str) -> Response {
    match HeaderValue::try_from(to) {
        Ok(to) => (StatusCode::SEE_OTHER, [(header::LOCATION, to)]).into_response(),
        Err(_) => StatusCode::BAD_REQUEST.into_response(),
    }
}

/// The language of a page: the one asked for, then the inquiry's own, then the browser's, then the center's first. Only
/// languages that the center offers.
pub fn language(asked: Option<&str>, known: Option<&str>, headers: &HeaderMap, offered: &[String]) -> &'static Words {
    let speaks = |code: &str| {
        let words = LANGUAGES.into_iter().find(|words| words.code == primary(code))?;
        offered.iter().any(|offer| offer == words.code).then_some(words)
    };
    asked
        .and_then(speaks)
        .or_else(|| known.and_then(speaks))
        .or_else(|| causeway_serve::languages(headers).into_iter().find_map(speaks))
        .unwrap_or_else(|| Words::of(offered.first().map_or("en", String::as_str)))
}

fn primary(code: &str) -> &str {
    code.trim().split(['-', '_']).next().unwrap_or_default()
}
