//! The patient face: forms, and the pages behind a signed link.
//!
//! There is no session and no cookie; the link is the capability, and it opens one inquiry. Deliberately not here: names
//! and health answers, which no page of this face shows.

mod begin;
mod changes;
mod files;
pub mod form;
mod front;
mod link;
mod own;
mod stop;
mod touch;
mod uploads;

use std::sync::Arc;

use axum::Router;
use axum::http::{HeaderValue, header};
use axum::routing::{get, head, post};
use causeway_funnel::profile::Profile;
use tower_http::compression::CompressionLayer;
use tower_http::set_header::SetResponseHeaderLayer;

use super::{App, files as assets};
use crate::pages::{LanguageLink, PUBLIC_POLICY, PublicFrame};
use crate::views::times;
use crate::words::{LANGUAGES, Words};

/// The routes, with their security headers.
pub fn router(app: Arc<App>) -> Router {
    secured(pages(app))
}

/// The routes by which files come, whose requests may be larger and take longer than others.
pub fn file_router(app: Arc<App>) -> Router {
    let routes = Router::new()
        .route("/p/{token}/records", post(files::send))
        .route("/p/{token}/uploads", post(uploads::begin).options(uploads::spoken))
        .route("/p/{token}/uploads/{document}", head(uploads::reached).patch(uploads::append).options(uploads::spoken))
        .route("/p/{token}/uploads/{document}/finish", post(uploads::finish));
    secured(routes.with_state(app))
}

fn pages(app: Arc<App>) -> Router {
    Router::new()
        .route("/", get(front::centers))
        .route("/a/{name}", get(assets::file))
        .route("/a/theme/{name}", get(assets::theme))
        .route("/p/{token}", get(own::show))
        .route("/p/{token}/done", get(own::done))
        .route("/p/{token}/pick", post(changes::pick))
        .route("/p/{token}/reschedule", post(changes::reschedule))
        .route("/p/{token}/cancel", post(changes::cancel))
        .route("/p/{token}/contact", post(stop::stop_one))
        .route("/p/{token}/stop", get(stop::ask).post(stop::stop_all))
        .route("/{center}", get(front::forms))
        .route("/{center}/forms/{form}", get(form::show).post(form::send))
        .route("/{center}/forms/{form}/begin", post(begin::begin))
        .route("/{center}/privacy", get(front::privacy))
        .route("/{center}/language-help", get(front::language_help))
        .fallback(front::missing)
        .with_state(app)
        .layer(CompressionLayer::new())
}

fn secured(router: Router) -> Router {
    // Not no-referrer: it would make browsers send `Origin: null` with forms.
    let layer =
        SetResponseHeaderLayer::if_not_present(header::REFERRER_POLICY, HeaderValue::from_static("same-origin"));
    let router = router.layer(layer);
    causeway_serve::security_headers(router, HeaderValue::from_static(PUBLIC_POLICY))
}

/// What stands around a page of a center. `path` is its own address without a query, `keep` what stays of the query when
/// the language changes.
pub fn frame(
    app: &App,
    profile: &Profile,
    words: &'static Words,
    (path, keep): (&str, &[(String, String)]),
) -> PublicFrame {
    let center = &profile.center;
    let others = LANGUAGES
        .into_iter()
        .filter(|other| other.code != words.code && center.languages.iter().any(|offered| offered == other.code));
    let link = |other: &'static Words| LanguageLink {
        code: other.code.to_owned(),
        name: other.own_name.to_owned(),
        url: format!("{path}?{}", query(keep, other.code)),
    };
    let below = |page: &str| format!("/{}/{page}?lang={}", center.id, words.code);
    PublicFrame {
        words,
        assets: app.assets.public(&center.id),
        center_name: center.name.clone(),
        home_url: format!("/{}?lang={}", center.id, words.code),
        phone: center.contact.phone.clone(),
        hours: times::hours(&center.hours, words),
        tty: None,
        languages: others.map(link).collect(),
        privacy_url: below("privacy"),
        language_url: below("language-help"),
    }
}

fn query(keep: &[(String, String)], language: &str) -> String {
    let encode = |text: &str| {
        let mut encoded = String::with_capacity(text.len());
        for byte in text.bytes() {
            if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~') {
                encoded.push(char::from(byte));
            } else {
                encoded.push_str(&format!("%{byte:02X}"));
            }
        }
        encoded
    };
    let kept = keep.iter().filter(|(key, _)| key != "lang");
    let pairs = kept.map(|(key, value)| format!("{}={}", encode(key), encode(value)));
    pairs.chain(std::iter::once(format!("lang={language}"))).collect::<Vec<_>>().join("&")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_of_language_keeps_the_campaign() {
        let keep = [("utm_source".to_owned(), "news & more".to_owned()), ("lang".to_owned(), "en".to_owned())];
        assert_eq!(query(&keep, "es"), "utm_source=news%20%26%20more&lang=es");
    }
}
