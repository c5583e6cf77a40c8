//! The two cookies of the staff face: the session's, and the one of a browser that stands at the door.
//!
//! In production both are `__Host-` cookies, which no other host and no plain connection can set. They hold random bits
//! and nothing else.

use axum::http::HeaderMap;
use axum_extra::extract::cookie::{Cookie, CookieJar, SameSite};
use causeway_runtime::Mode;

/// Which cookie.
#[derive(Clone, Copy)]
pub enum Which {
    /// Who is signed in.
    Session,
    /// Who is about to sign in.
    Door,
}

impl Which {
    fn name(self, mode: Mode) -> &'static str {
        match (self, mode.is_development()) {
            (Self::Session, false) => "__Host-session",
            (Self::Session, true) => "session",
            (Self::Door, false) => "__Host-door",
            (Self::Door, true) => "door",
        }
    }
}

/// Reads a cookie.
pub fn read(headers: &HeaderMap, which: Which, mode: Mode) -> Option<String> {
    CookieJar::from_headers(headers).get(which.name(mode)).map(|cookie| cookie.value().to_owned())
}

/// A cookie to set; it goes when the browser is closed.
pub fn set(which: Which, value: String, mode: Mode) -> Cookie<'static> {
    Cookie::build((which.name(mode), value))
        .path("/")
        .http_only(true)
        .secure(!mode.is_development())
        .same_site(SameSite::Lax)
        .build()
}

/// A cookie to take away.
pub fn gone(which: Which, mode: Mode) -> Cookie<'static> {
    let mut cookie = set(which, String::new(), mode);
    cookie.make_removal();
    cookie
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn in_production_a_cookie_is_bound_to_this_host_and_to_https() {
        let text = set(Which::Session, "t".to_owned(), Mode::Production).to_string();
        for part in ["__Host-session=t", "HttpOnly", "Secure", "SameSite=Lax", "Path=/"] {
            assert!(text.contains(part), "{text}");
        }
        assert!(!text.contains("Domain"));
        let text = set(Which::Session, "t".to_owned(), Mode::Development).to_string();
        assert!(text.starts_with("session=t;") && !text.contains("Secure"), "{text}");
    }
}
