//! Signing in at the provider, or by choosing a person in development; and signing out.
//!
//! Who comes in is told to the desk, which writes it to the center's audit chain; who is not let in belongs to no center and is logged.
//! Nobody is signed in yet at the door, so its forms are tied to a cookie of their own. Deliberately not here: passwords;
//! Causeway never sees one.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Form as Body, Query, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum_extra::extract::cookie::Cookie;
use causeway_auth::{Action, Actor, policy};
use causeway_proto::intake::v1::NoteSignInRequest;

use super::super::{App, page, see_other};
use super::cookies::{self, Which};
use super::gate::{self, Posted};
use super::{center, door};
use crate::pages::{STAFF_POLICY, SignInPage};
use crate::session::{door_token, random, same_token};

const FAILED: &str = "Sign-in did not work. Begin again, and tell the people who run Causeway if it stays so.";
const NO_ROLE: &str = "Your account has no role at any center here. Ask an intake manager.";
const NO_CENTER: &str = "Your account may run Causeway, but it has no role at a center, and these pages belong to a center. Ask for a \
     group that has one (portal.oidc.groups), or use the causeway command.";
/// The sign-in page waits no longer for the provider's addresses (the button waits for itself), nor a sign-in for its record.
const PATIENCE: Duration = Duration::from_secs(2);

type Asked = Query<HashMap<String, String>>;

/// The sign-in page.
pub async fn show(State(app): State<Arc<App>>, Query(query): Asked, headers: HeaderMap) -> Response {
    at_the_door(&app, &headers, next(query.get("next")), (StatusCode::OK, None)).await
}

async fn at_the_door(
    app: &App,
    headers: &HeaderMap,
    next: &str,
    (status, notice): (StatusCode, Option<&str>),
) -> Response {
    let known = cookies::read(headers, Which::Door, app.mode).filter(|value| !value.is_empty());
    let (browser, is_new) = match known {
        Some(browser) => (browser, false),
        None => match random() {
            Ok(browser) => (browser, true),
            Err(cause) => return failed(&cause),
        },
    };
    let sign_in = SignInPage {
        assets: app.assets.console(""),
        notice: notice.map(str::to_owned),
        provider_action: app.provider.is_some().then(|| "/sign-in".to_owned()),
        provider_name: app.config.provider_name.clone(),
        csrf: door_token(&browser),
        next: next.to_owned(),
        people: door::shown(app),
    };
    let mut response = page(status, &sign_in);
    if is_new {
        set_cookie(&mut response, &cookies::set(Which::Door, browser, app.mode));
    }
    allow_provider(app, &mut response).await;
    response
}

/// The form leads to the provider by a redirect, and browsers hold `form-action` against redirects too.
async fn allow_provider(app: &App, response: &mut Response) {
    let Some(provider) = &app.provider else { return };
    let origin = match tokio::time::timeout(PATIENCE, provider.sign_in_origin()).await {
        Ok(Ok(origin)) => origin,
        // A provider that is away can't be gone to either; this is right for most of them once it is back.
        _ => match reqwest::Url::parse(&provider.config().issuer) {
            Ok(issuer) => issuer.origin().ascii_serialization(),
            Err(_) => return,
        },
    };
    let policy = format!("form-action 'self' {origin}");
    if let Ok(policy) = HeaderValue::try_from(STAFF_POLICY.replace("form-action 'self'", &policy)) {
        response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, policy);
    }
}

/// Sends somebody to the provider.
pub async fn begin(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    Body(sent): Body<HashMap<String, String>>,
) -> Response {
    let Some(browser) = door_of(&app, &headers, &sent) else { return gate::foreign() };
    let Some(provider) = &app.provider else { return see_other("/sign-in") };
    match provider.begin().await {
        Ok((url, pending)) => {
            app.sessions.send_away(&browser, pending, next(sent.get("next")).to_owned());
            see_other(url.as_str())
        }
        Err(cause) => {
            tracing::error!(%cause, "begin a sign-in");
            at_the_door(&app, &headers, next(sent.get("next")), (StatusCode::BAD_GATEWAY, Some(FAILED))).await
        }
    }
}

/// Takes in who comes back from the provider.
pub async fn come_back(State(app): State<Arc<App>>, Query(query): Asked, headers: HeaderMap) -> Response {
    let refuse =
        async |notice| at_the_door(&app, &headers, "/worklist", (StatusCode::UNAUTHORIZED, Some(notice))).await;
    let away = cookies::read(&headers, Which::Door, app.mode).and_then(|browser| app.sessions.come_back(&browser));
    let (Some(provider), Some((pending, next))) = (&app.provider, away) else { return refuse(FAILED).await };
    let text = |name: &str| query.get(name).map(String::as_str).unwrap_or_default();
    let issuer = query.get("iss").map(String::as_str);
    match provider.finish(&pending, text("state"), text("code"), issuer).await {
        Ok(claims) => {
            let all = provider.config().actors(&claims);
            let runs_it = !all.is_empty();
            let here: Vec<Actor> = all.into_iter().filter(|actor| actor.center.is_some()).collect();
            match (here.is_empty(), runs_it) {
                (false, _) => let_in(&app, here, "provider", &next).await,
                (true, runs_it) => {
                    tracing::warn!(staff.id = %claims.sub, runs_it, "a sign-in was refused: no role at a center");
                    refuse(if runs_it { NO_CENTER } else { NO_ROLE }).await
                }
            }
        }
        Err(cause) => {
            tracing::warn!(%cause, "finish a sign-in");
            refuse(FAILED).await
        }
    }
}

/// Takes in a chosen person, in development only.
pub async fn choose(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    Body(sent): Body<HashMap<String, String>>,
) -> Response {
    if door_of(&app, &headers, &sent).is_none() {
        return gate::foreign();
    }
    match sent.get("person").and_then(|person| door::chosen(&app, person)) {
        Some(actor) => let_in(&app, vec![actor], "development", next(sent.get("next"))).await,
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

/// Signs out.
pub async fn leave(State(app): State<Arc<App>>, posted: Posted) -> Response {
    app.sessions.end(&posted.staff.session);
    let mut response = see_other("/sign-in");
    set_cookie(&mut response, &cookies::gone(Which::Session, app.mode));
    response
}

async fn let_in(app: &App, mut actors: Vec<Actor>, way: &str, next: &str) -> Response {
    // A center whose settings are not loaded yet must not keep anybody from another one.
    actors.sort_by_key(|actor| app.centers.get(actor.center.as_deref().unwrap_or_default()).is_none());
    let to = match actors.as_slice() {
        [one] => start(one, next).to_owned(),
        _ => center::choice(next),
    };
    let signed_in = actors.clone();
    match app.sessions.begin(actors) {
        Ok(token) => {
            note(app, &signed_in, way).await;
            let mut response = see_other(&to);
            set_cookie(&mut response, &cookies::set(Which::Session, token, app.mode));
            set_cookie(&mut response, &cookies::gone(Which::Door, app.mode));
            response
        }
        Err(cause) => failed(&cause),
    }
}

/// Has it written down at each center at which they have a role. A desk that is away keeps nobody out: signing in shows nothing, and each
/// look at a person is written down by itself.
async fn note(app: &App, actors: &[Actor], way: &str) {
    let noting = actors.iter().map(|actor| async move {
        let center = actor.center.clone().unwrap_or_default();
        let request = NoteSignInRequest { center: center.clone(), way: way.to_owned() };
        let mut desk = app.peers.on_behalf_of(actor).desk();
        let code = match tokio::time::timeout(PATIENCE, desk.note_sign_in(request)).await {
            Ok(Ok(_)) => return,
            Ok(Err(status)) => status.code(),
            Err(_) => tonic::Code::DeadlineExceeded,
        };
        tracing::error!(staff.id = %actor.id, center, ?code, "a sign-in could not be written down at the desk");
    });
    futures::future::join_all(noting).await;
}

/// Where somebody starts: who may not see the worklist at the figures.
pub(super) fn start<'a>(actor: &Actor, next: &'a str) -> &'a str {
    let center = actor.center.clone().unwrap_or_default();
    let works = policy::may(actor, Action::ViewWorklist, &center).is_ok();
    if works || next != "/worklist" { next } else { "/funnel" }
}

/// The browser that stands at the door, if the form is from its own page.
fn door_of(app: &App, headers: &HeaderMap, sent: &HashMap<String, String>) -> Option<String> {
    let browser = cookies::read(headers, Which::Door, app.mode)?;
    let token = sent.get("csrf").map(String::as_str).unwrap_or_default();
    let ours = gate::is_ours(headers, &app.config.staff_base_url) && same_token(&door_token(&browser), token);
    ours.then_some(browser)
}

/// Only paths of this site: another address in a link would lead people away after they signed in.
pub(super) fn next(asked: Option<&String>) -> &str {
    let asked = asked.map(String::as_str).unwrap_or_default();
    // Browsers leave out tabs and line ends before they read an address, so "/<tab>/elsewhere" would be one of another site.
    let is_plain = !asked.contains('\\') && !asked.chars().any(char::is_control);
    let is_path = asked.starts_with('/') && !asked.starts_with("//") && is_plain;
    if is_path && !asked.starts_with("/sign-") { asked } else { "/worklist" }
}

fn set_cookie(response: &mut Response, cookie: &Cookie<'_>) {
    if let Ok(value) = HeaderValue::try_from(cookie.to_string()) {
        response.headers_mut().append(header::SET_COOKIE, value);
    }
}

pub(super) fn failed(cause: &crate::session::NoRandom) -> Response {
    tracing::error!(%cause, "begin a session");
    StatusCode::INTERNAL_SERVER_ERROR.into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn after_sign_in_people_stay_on_this_site() {
        let said = |asked: &str| next(Some(&asked.to_owned())).to_owned();
        assert_eq!(said("/inquiries/7"), "/inquiries/7");
        for elsewhere in
            ["//evil.example", "https://evil.example", "/\\evil.example", "/\t/evil.example", "", "/sign-in", "a"]
        {
            assert_eq!(said(elsewhere), "/worklist", "{elsewhere}");
        }
    }
}
