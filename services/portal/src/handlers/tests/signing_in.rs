//! Signing in at a provider: from the door to the worklist, and all the ways that do not lead there.

use causeway_auth::oidc::fake::{CODE, FakeProvider};
use causeway_auth::oidc::{Grant, OidcConfig};
use reqwest::Url;

use super::*;
use crate::session::door_token;

/// A portal and its provider; `intake` works at Harbor Valley, `both` also at a sister center, `runs` runs the installation.
async fn portal() -> (FakeProvider, Router) {
    let provider = FakeProvider::start().await;
    let grant = |center: Option<&str>, role| Grant { center: center.map(str::to_owned), roles: vec![role] };
    let here = || grant(Some("harbor-valley"), Role::Coordinator);
    let groups = [
        ("intake", vec![here()]),
        ("both", vec![here(), grant(Some("sister"), Role::Analyst)]),
        ("runs", vec![grant(None, Role::Operator)]),
    ];
    let oidc = OidcConfig {
        issuer: provider.issuer.clone(),
        client_id: "causeway".into(),
        redirect_url: "http://127.0.0.1:8081/sign-in/callback".into(),
        groups: groups.into_iter().map(|(name, grants)| (name.to_owned(), grants)).collect(),
        ..OidcConfig::default()
    };
    let app = app(Mode::Development, Config { oidc, ..Config::default() });
    (provider, staff::router(app))
}

/// A browser at the door: its cookie, and where the provider's button leads.
async fn sent_away(router: &Router) -> (String, Url) {
    let door = get(router, "/sign-in?next=/calls").await;
    let cookie = door.header("set-cookie").split(';').next().expect("cookie").to_owned();
    let body = format!("csrf={}&next=/calls", door_token(cookie.split_once('=').expect("value").1));
    let sent = ask(router, Method::POST, "/sign-in", &[("cookie", &cookie)], &body).await;
    assert_eq!(sent.status, StatusCode::SEE_OTHER, "{}", sent.body);
    (cookie, Url::parse(sent.header("location")).expect("an address"))
}

async fn comes_back(router: &Router, cookie: &str, state: &str) -> Seen {
    let path = format!("/sign-in/callback?code={CODE}&state={state}");
    ask(router, Method::GET, &path, &[("cookie", cookie)], "").await
}

/// The session's cookie of an answer, if it has one.
fn session_of(seen: &Seen) -> Option<String> {
    let set = seen.headers.get_all("set-cookie").iter().filter_map(|value| value.to_str().ok());
    set.filter(|text| text.starts_with("session=")).find_map(|text| text.split(';').next()).map(str::to_owned)
}

fn field(body: &str, after: &str, name: &str) -> String {
    let part = body.split(after).nth(1).expect(after);
    let value = part.split(&format!("name=\"{name}\" value=\"")).nth(1).expect(name);
    value.split('"').next().expect("its end").to_owned()
}

#[tokio::test]
async fn a_person_of_a_group_signs_in_and_works_at_its_center_in_its_role() {
    let (provider, router) = portal().await;
    let (cookie, away) = sent_away(&router).await;
    let state = provider.signs_in(&away, "u1", "Sam Testworker", &["intake", "others"]);
    let back = comes_back(&router, &cookie, &state).await;
    assert_eq!((back.status, back.header("location")), (StatusCode::SEE_OTHER, "/calls"), "{}", back.body);
    let session = session_of(&back).expect("a session");
    let page = ask(&router, Method::GET, "/worklist", &[("cookie", &session)], "").await;
    assert!(page.body.contains("Sam Testworker · Harbor Valley"), "{}", page.body);
    assert!(page.body.contains("href=\"/calls\"") && !page.body.contains("href=\"/funnel\""), "a coordinator's parts");
    assert!(!page.body.contains("Change center"), "there is one center only");
}

#[tokio::test]
async fn a_sign_in_counts_once_in_the_browser_that_began_it_and_with_its_own_state() {
    let (provider, router) = portal().await;
    let (cookie, away) = sent_away(&router).await;
    let state = provider.signs_in(&away, "u1", "Sam", &["intake"]);
    let (other_browser, _) = sent_away(&router).await;
    let stolen = comes_back(&router, &other_browser, &state).await;
    assert!(stolen.status == StatusCode::UNAUTHORIZED && session_of(&stolen).is_none(), "another browser");
    assert!(session_of(&comes_back(&router, &cookie, &state).await).is_some());
    let replayed = comes_back(&router, &cookie, &state).await;
    assert!(replayed.status == StatusCode::UNAUTHORIZED && session_of(&replayed).is_none(), "a second time");
    let (cookie, away) = sent_away(&router).await;
    provider.signs_in(&away, "u1", "Sam", &["intake"]);
    let guessed = comes_back(&router, &cookie, "guessed").await;
    assert!(guessed.status == StatusCode::UNAUTHORIZED && session_of(&guessed).is_none(), "another state");
}

#[tokio::test]
async fn without_a_role_at_a_center_nobody_comes_in_and_is_told_what_is_missing() {
    let (provider, router) = portal().await;
    for (groups, told) in [(&["others"][..], "has no role at any center"), (&["runs"], "portal.oidc.groups")] {
        let (cookie, away) = sent_away(&router).await;
        let state = provider.signs_in(&away, "u1", "Sam", groups);
        let back = comes_back(&router, &cookie, &state).await;
        assert!(back.status == StatusCode::UNAUTHORIZED && session_of(&back).is_none(), "{groups:?}");
        assert!(back.body.contains(told), "{groups:?}: {}", back.body);
    }
}

#[tokio::test]
async fn who_has_a_role_at_two_centers_chooses_one_and_may_change_it() {
    let (provider, router) = portal().await;
    let (cookie, away) = sent_away(&router).await;
    let state = provider.signs_in(&away, "u1", "Sam", &["both"]);
    let back = comes_back(&router, &cookie, &state).await;
    assert_eq!(back.header("location"), "/sign-in/center?next=%2Fcalls");
    let session = session_of(&back).expect("a session");
    let choice = ask(&router, Method::GET, back.header("location"), &[("cookie", &session)], "").await;
    assert!(choice.body.contains("Harbor Valley") && choice.body.contains("Sister House"), "{}", choice.body);
    let before = field(&choice.body, "/sign-in/center\"><input", "csrf");
    let choose = async |center: &str, csrf: &str| {
        let body = format!("csrf={csrf}&center={center}&next=/worklist");
        ask(&router, Method::POST, "/sign-in/center", &[("cookie", &session)], &body).await
    };
    let chosen = choose("sister", &before).await;
    assert_eq!(chosen.header("location"), "/funnel", "an analyst starts at the figures");
    let page = ask(&router, Method::GET, "/sign-in/center", &[("cookie", &session)], "").await;
    assert!(page.body.contains("Sam · Sister House") && page.body.contains("Change center"), "{}", page.body);
    let worklist = ask(&router, Method::GET, "/worklist", &[("cookie", &session)], "").await;
    assert_eq!(worklist.status, StatusCode::FORBIDDEN, "the role of one center is none at the other");
    assert_eq!(choose("harbor-valley", &before).await.status, StatusCode::FORBIDDEN, "a form of the center before");
    let now = field(&page.body, "/sign-in/center\"><input", "csrf");
    assert_eq!(choose("lakeside", &now).await.header("location"), "/sign-in/center", "no center of theirs");
    assert_eq!(choose("harbor-valley", &now).await.header("location"), "/worklist");
}

#[tokio::test]
async fn the_door_lets_its_form_lead_to_the_providers_own_page_wherever_that_is() {
    let (provider, router) = portal().await;
    provider.asks_people_at("http://login.example:8443/authorize");
    let door = get(&router, "/sign-in").await;
    let policy = door.header("content-security-policy");
    assert!(policy.contains("form-action 'self' http://login.example:8443;"), "{policy}");
}
