//! The routers as a browser meets them, with services that do not answer: what must hold without them.

mod asked;
mod audits;
mod door;
mod feeds;
mod files;
mod flow;
mod repairs;
mod routing;
mod signing_in;

use std::path::Path as FilePath;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::http::{Method, Request};
use causeway_auth::{Actor, Identity, Role};
use causeway_funnel::profile::{Bundle, Profile};
use causeway_proto::PATIENT_LINK;
use http_body_util::BodyExt as _;
use jiff::{SignedDuration, Timestamp};
use tower::ServiceExt as _;
use uuid::Uuid;

use super::*;
use crate::pages::{PublicFrame, StaffFrame};
use crate::words::EN;

/// The demo center as it ships.
pub fn harbor_valley() -> Profile {
    demo("harbor-valley")
}

/// The other one.
pub fn lakeside() -> Profile {
    demo("lakeside")
}

fn demo(center: &str) -> Profile {
    let root = FilePath::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy/centers").join(center);
    let mut bundle = Bundle::new();
    gather(&root, &root, &mut bundle);
    Profile::from_bundle(&bundle).expect("the demo center is sound")
}

fn gather(root: &FilePath, folder: &FilePath, bundle: &mut Bundle) {
    for entry in std::fs::read_dir(folder).expect("folder") {
        let path = entry.expect("entry").path();
        if path.is_dir() {
            gather(root, &path, bundle);
        } else {
            let name = path.strip_prefix(root).expect("inside").to_string_lossy().replace('\\', "/");
            bundle.insert(name, std::fs::read_to_string(&path).expect("text"));
        }
    }
}

pub fn public_frame(profile: &Profile) -> PublicFrame {
    PublicFrame {
        words: &EN,
        assets: Default::default(),
        center_name: profile.center.name.clone(),
        home_url: "/".to_owned(),
        phone: profile.center.contact.phone.clone(),
        hours: String::new(),
        tty: None,
        languages: Vec::new(),
        privacy_url: "/".to_owned(),
        language_url: "/".to_owned(),
    }
}

pub fn staff_frame(profile: &Profile) -> StaffFrame {
    StaffFrame {
        assets: Default::default(),
        center_name: profile.center.short_name.clone(),
        staff_name: "Dana".to_owned(),
        nav: Vec::new(),
        has_other_centers: false,
        csrf: "c".to_owned(),
        flash: None,
    }
}

/// A portal whose services are all away.
fn app(mode: Mode, config: Config) -> Arc<App> {
    app_with(mode, config, "http://127.0.0.1:9")
}

/// A portal with ingestion at this address, and all others away. Its centers are Harbor Valley and one that is like it.
fn app_with(mode: Mode, config: Config, ingestion: &str) -> Arc<App> {
    let mut sister = harbor_valley();
    sister.center.id = "sister".to_owned();
    sister.center.short_name = "Sister House".to_owned();
    let keys = tempfile::tempdir().expect("folder");
    let identity = Identity::load(keys.path(), "portal", Mode::Development).expect("identity");
    let place = |service: &str| {
        let url = if service == "ingestion" { ingestion } else { "http://127.0.0.1:9" };
        (service.to_owned(), causeway_runtime::network::PeerAddress::Grpc(url.to_owned()))
    };
    let services = ["ingestion", "routing", "intake_desk", "notification", "scheduling_sync", "metrics"];
    let known = causeway_runtime::Peers::new(&Default::default(), &services.into_iter().map(place).collect());
    let clock = Clock::manual("2027-03-03T22:14:00Z".parse().expect("time"));
    Arc::new(App {
        centers: Centers::fixed(vec![harbor_valley(), sister]),
        peers: Peers::connect(&known, &identity).expect("lazy connections"),
        assets: Assets::load(None).expect("our own files"),
        sessions: Sessions::new(&config.session, Clock::system()),
        waiting: Waiting::new(Clock::system()),
        links: SignedLinks::open_keyring(keys.path(), Mode::Development).expect("keys"),
        clock,
        provider: config.oidc.is_set().then(|| oidc::Client::new(config.oidc.clone(), mode).expect("a provider")),
        limiter: Limiter::per_minute(config.forms_per_minute),
        often: Limiter::per_minute(config.often_per_minute),
        beginners: Limiter::per_minute(config.forms_per_minute),
        of_address: Pressure::per_minute(config.often_per_minute),
        of_form: Pressure::per_minute(config.form_per_minute),
        tally: Arc::default(),
        mode,
        config,
    })
}

fn development() -> Arc<App> {
    app(Mode::Development, Config::default())
}

struct Seen {
    status: StatusCode,
    headers: HeaderMap,
    body: String,
}

impl Seen {
    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map(|value| value.to_str().expect("text")).unwrap_or_default()
    }
}

async fn ask(router: &Router, method: Method, path: &str, headers: &[(&str, &str)], body: &str) -> Seen {
    let mut request = Request::builder().method(method.clone()).uri(path);
    if method == Method::POST {
        request = request.header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
    }
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request.body(Body::from(body.to_owned())).expect("request");
    let response = router.clone().oneshot(request).await.expect("answer");
    let (parts, body) = response.into_parts();
    let bytes = body.collect().await.expect("body").to_bytes();
    Seen { status: parts.status, headers: parts.headers, body: String::from_utf8_lossy(&bytes).into_owned() }
}

async fn get(router: &Router, path: &str) -> Seen {
    ask(router, Method::GET, path, &[], "").await
}

/// A session's cookie and form token.
fn signed_in(app: &App, roles: &[Role]) -> (String, String) {
    let actor = Actor::staff("dana-whitfield", "Dana Whitfield", "harbor-valley", roles.to_vec());
    let token = app.sessions.begin(vec![actor]).expect("begun");
    let csrf = app.sessions.find(&token).expect("found").csrf;
    (format!("session={token}"), csrf)
}

const FILLED: &str =
    "who=patient&name=Rosa&phone=206+555+0142&consult_type=new_consult&cancer_area=breast&consent_phone=yes";

#[tokio::test]
async fn every_answer_carries_the_security_headers() {
    let app = development();
    for router in [patient::router(Arc::clone(&app)), staff::router(app)] {
        let seen = get(&router, "/harbor-valley").await;
        let policy = seen.header("content-security-policy");
        assert!(policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"), "{policy}");
        assert!(!policy.contains("unsafe"));
        assert_eq!(seen.header("referrer-policy"), "same-origin");
        assert_eq!(seen.header("x-content-type-options"), "nosniff");
        assert_eq!(seen.header("cache-control"), "no-store");
    }
}

#[tokio::test]
async fn assets_are_kept_for_a_year_and_a_theme_is_the_centers_own() {
    let router = patient::router(development());
    let home = get(&router, "/harbor-valley").await;
    let css = home.body.split("href=\"/a/public.").nth(1).and_then(|rest| rest.split('"').next()).expect("sheet");
    let sheet = get(&router, &format!("/a/public.{css}")).await;
    assert_eq!((sheet.status, sheet.header("content-type")), (StatusCode::OK, "text/css; charset=utf-8"));
    assert!(sheet.header("cache-control").contains("immutable"));
    let theme = get(&router, "/a/theme/harbor-valley.css").await;
    assert!(theme.body.contains("#0b5563"), "{}", theme.body);
    assert_eq!(get(&router, "/a/nothing.css").await.status, StatusCode::NOT_FOUND);
    assert_eq!(get(&router, "/a/theme/nowhere.css").await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn the_front_leads_to_centers_and_their_forms() {
    let router = patient::router(development());
    assert!(get(&router, "/").await.body.contains("href=\"/harbor-valley?lang=en\""));
    let home = get(&router, "/harbor-valley").await;
    assert!(home.body.contains("/harbor-valley/forms/second-opinion?lang=en"), "{}", home.body);
    for page in ["/harbor-valley/privacy", "/harbor-valley/language-help"] {
        assert_eq!(get(&router, page).await.status, StatusCode::OK, "{page}");
    }
}

#[tokio::test]
async fn an_unknown_center_form_or_page_is_a_friendly_404() {
    let router = patient::router(development());
    for path in ["/nowhere", "/nowhere/forms/general", "/nowhere/privacy", "/harbor-valley/forms/nothing", "/a/b/c/d"] {
        let seen = get(&router, path).await;
        assert_eq!(seen.status, StatusCode::NOT_FOUND, "{path}");
        assert!(seen.body.contains("<h1>We do not have this page</h1>"), "{path}");
    }
    assert!(get(&router, "/harbor-valley/forms/nothing").await.body.contains("206 555 0140"));
}

#[tokio::test]
async fn the_form_is_shown_while_routing_is_away_and_speaks_the_readers_language() {
    let router = patient::router(development());
    let form = get(&router, "/harbor-valley/forms/general?utm_campaign=spring").await;
    assert_eq!(form.status, StatusCode::OK);
    assert!(form.body.contains("contact you when we are open"), "the sentence without a time");
    assert!(form.body.contains("name=\"utm_campaign\" value=\"spring\""));
    let spanish = get(&router, "/harbor-valley/forms/general?lang=es").await;
    assert!(spanish.body.contains("<html lang=\"es\">"));
    let accepted = [("accept-language", "fr, es;q=0.8, en;q=0.1")];
    let by_browser = ask(&router, Method::GET, "/harbor-valley/forms/general", &accepted, "").await;
    assert!(by_browser.body.contains("<html lang=\"es\">"), "French is not offered here, Spanish is next");
    assert!(form.headers.get("set-cookie").is_none(), "the patient face sets no cookie");
}

#[tokio::test]
async fn a_wrong_answer_comes_back_with_the_form_and_is_told_in_place() {
    let router = patient::router(development());
    let body = "who=patient&name=Rosa&phone=12&consult_type=new_consult&cancer_area=breast";
    let seen = ask(&router, Method::POST, "/harbor-valley/forms/general", &[], body).await;
    assert_eq!(seen.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(seen.body.contains("There is a problem") && seen.body.contains("value=\"Rosa\""), "{}", seen.body);
    assert!(seen.body.contains("href=\"#phone\"") && seen.body.contains("href=\"#consent-consent_phone\""));
    assert!(!seen.body.split("</title>").next().expect("title").contains("Rosa"));
}

#[tokio::test]
async fn answers_are_kept_behind_one_button_when_they_can_not_be_stored() {
    let router = patient::router(development());
    let seen = ask(&router, Method::POST, "/harbor-valley/forms/general", &[], FILLED).await;
    assert_eq!(seen.status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(seen.body.contains("We could not save this"));
    assert!(seen.body.contains("name=\"name\" value=\"Rosa\"") && seen.body.contains("name=\"idempotency_key\""));
}

#[tokio::test]
async fn a_robot_is_slowed_by_its_address() {
    let config = Config { forms_per_minute: 1, trusted_proxy_hops: 1, ..Config::default() };
    let router = patient::router(app(Mode::Development, config));
    let from = [("x-forwarded-for", "10.0.0.1, 192.0.2.7")];
    let path = "/harbor-valley/forms/general";
    assert_eq!(ask(&router, Method::POST, path, &from, "a=b").await.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(ask(&router, Method::POST, path, &from, "a=b").await.status, StatusCode::TOO_MANY_REQUESTS);
    // Who shares a network with a robot loses nothing.
    let person = ask(&router, Method::POST, path, &from, FILLED).await;
    assert_eq!(person.status, StatusCode::TOO_MANY_REQUESTS);
    assert!(person.body.contains("name=\"name\" value=\"Rosa\"") && person.body.contains("name=\"idempotency_key\""));
    assert!(person.headers.contains_key("retry-after"));
    let spoofed = [("x-forwarded-for", "10.9.9.9, 192.0.2.7")];
    assert_eq!(ask(&router, Method::POST, path, &spoofed, "a=b").await.status, StatusCode::TOO_MANY_REQUESTS);
}

#[tokio::test]
async fn a_link_that_is_over_or_cut_is_gone() {
    let app = development();
    let router = patient::router(Arc::clone(&app));
    let past = app.clock.now().checked_sub(SignedDuration::from_hours(1)).expect("time");
    let over = app.links.issue("harbor-valley", PATIENT_LINK, Uuid::from_u128(1), past).expect("link");
    let other = app.links.issue("harbor-valley", "upload", Uuid::from_u128(1), Timestamp::MAX).expect("link");
    for (token, phone) in [(over.as_str(), true), ("rubbish", false), (other.as_str(), false)] {
        let seen = get(&router, &format!("/p/{token}")).await;
        assert_eq!(seen.status, StatusCode::GONE);
        assert_eq!(seen.body.contains("206 555 0140"), phone, "a center's phone is named where the center is known");
    }
    let stop = ask(&router, Method::POST, &format!("/p/{over}/stop"), &[], "").await;
    assert_eq!(stop.status, StatusCode::GONE);
}

#[tokio::test]
async fn opening_the_stop_page_asks_and_a_failed_stop_does_not_claim_to_have_stopped() {
    let app = development();
    let router = patient::router(Arc::clone(&app));
    let later = app.clock.now().checked_add(SignedDuration::from_hours(1)).expect("time");
    let token = app.links.issue("harbor-valley", PATIENT_LINK, Uuid::from_u128(1), later).expect("link");
    let asked = get(&router, &format!("/p/{token}/stop")).await;
    assert!(asked.status == StatusCode::OK && asked.body.contains(&format!("action=\"/p/{token}/stop?lang=en\"")));
    let asked = get(&router, &format!("/p/{token}/stop?lang=es")).await;
    assert!(asked.body.contains("<html lang=\"es\"") && asked.body.contains(&format!("/p/{token}/stop?lang=es\"")));
    let failed = ask(&router, Method::POST, &format!("/p/{token}/stop"), &[], "").await;
    assert_eq!(failed.status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(!failed.body.contains("We will stop contacting you"));
    assert_eq!(get(&router, &format!("/p/{token}")).await.status, StatusCode::SERVICE_UNAVAILABLE);
}

#[tokio::test]
async fn without_a_session_pages_lead_to_sign_in_and_rows_are_refused() {
    let router = staff::router(development());
    let seen = get(&router, "/inquiries/7").await;
    assert_eq!((seen.status, seen.header("location")), (StatusCode::SEE_OTHER, "/sign-in?next=/inquiries/7"));
    assert_eq!(get(&router, "/worklist?view=all&part=rows").await.status, StatusCode::UNAUTHORIZED);
    let refresh = ask(&router, Method::GET, "/worklist", &[("hx-request", "true")], "").await;
    assert_eq!(refresh.status, StatusCode::UNAUTHORIZED);
    assert_eq!(get(&router, "/").await.header("location"), "/worklist");
}

#[tokio::test]
async fn a_form_without_the_sessions_token_or_from_another_site_is_refused() {
    let app = development();
    let router = staff::router(Arc::clone(&app));
    let (cookie, csrf) = signed_in(&app, &[Role::Coordinator]);
    let claire = Actor::staff("claire", "Claire", "harbor-valley", vec![Role::Coordinator]);
    let other = format!("session={}", app.sessions.begin(vec![claire]).expect("begun"));
    let post = async |cookie: &str, site: &str, csrf: &str| {
        let headers = [("cookie", cookie), ("sec-fetch-site", site)];
        ask(&router, Method::POST, "/sign-out", &headers, &format!("csrf={csrf}")).await.status
    };
    assert_eq!(post(&cookie, "same-origin", "").await, StatusCode::FORBIDDEN);
    assert_eq!(post(&cookie, "same-origin", "guess").await, StatusCode::FORBIDDEN);
    assert_eq!(post(&other, "same-origin", &csrf).await, StatusCode::FORBIDDEN);
    assert_eq!(post(&cookie, "cross-site", &csrf).await, StatusCode::FORBIDDEN);
    assert_eq!(post(&cookie, "same-origin", &csrf).await, StatusCode::SEE_OTHER);
    assert_eq!(post(&cookie, "same-origin", &csrf).await, StatusCode::SEE_OTHER, "signed out: to the door");
    let seen = ask(&router, Method::GET, "/worklist", &[("cookie", &cookie)], "").await;
    assert!(seen.header("location").starts_with("/sign-in"));
}

#[tokio::test]
async fn what_was_typed_when_the_session_had_ended_is_given_back_and_taken_from_the_same_person_at_the_same_center() {
    let app = development();
    let router = staff::router(Arc::clone(&app));
    let (cookie, csrf) = signed_in(&app, &[Role::Coordinator]);
    let post = async |cookie: &str, site: &str, body: &str| {
        ask(&router, Method::POST, "/inquiries/new", &[("cookie", cookie), ("sec-fetch-site", site)], body).await
    };
    let session = app.sessions.find(cookie.trim_start_matches("session=")).expect("signed in");
    app.sessions.end(&session);
    let typed = "form=second-opinion&name=Rosa+%3Cb%3E+Testpatient&phone=12";
    let old = format!("csrf={csrf}&{typed}");
    let out = post(&cookie, "same-origin", &old).await;
    assert_eq!(out.status, StatusCode::UNAUTHORIZED);
    assert!(out.body.contains("You were signed out") && out.body.contains("action=\"/inquiries/new\""), "{}", out.body);
    assert!(out.body.contains("name=\"phone\" value=\"12\"") && !out.body.contains("<b> Test"), "{}", out.body);
    let chosen = post(&cookie, "same-origin", &format!("csrf={csrf}&form=x&outcome=no_answer")).await;
    assert!(chosen.status == StatusCode::UNAUTHORIZED && chosen.body.contains("What you chose is kept"));
    let unknown = post(&cookie, "same-origin", &format!("csrf=of-before&{typed}")).await;
    assert!(unknown.body.contains("Copy what you need") && !unknown.body.contains("Send again"), "{}", unknown.body);

    // They have signed in again, in another tab; somebody else, and they at another center, are not taken for them.
    let (again, _) = signed_in(&app, &[Role::Coordinator]);
    let sent = post(&again, "same-origin", &old).await;
    assert!(
        sent.status == StatusCode::UNPROCESSABLE_ENTITY && sent.body.contains("There is a problem"),
        "{}",
        sent.body
    );
    let begin = |id: &str, center: &str| {
        let actor = Actor::staff(id, "Somebody", center, vec![Role::Coordinator]);
        format!("session={}", app.sessions.begin(vec![actor]).expect("begun"))
    };
    for other in [begin("claire", "harbor-valley"), begin("dana-whitfield", "lakeside")] {
        let refused = post(&other, "same-origin", &old).await;
        assert!(refused.status == StatusCode::FORBIDDEN || refused.status == StatusCode::SERVICE_UNAVAILABLE);
        assert!(!refused.body.contains("Testpatient"), "{}", refused.body);
    }
    for site in ["cross-site", "none"] {
        let foreign = post("session=gone", site, &old).await;
        assert!(!foreign.body.contains("Testpatient"), "{site}");
    }
    let nothing = post("session=gone", "same-origin", "csrf=x&form=second-opinion&idempotency_key=a+b").await;
    assert_eq!(nothing.status, StatusCode::SEE_OTHER, "nothing was filled in: to the door");
}

#[tokio::test]
async fn a_service_that_is_away_is_said_in_plain_words() {
    let app = development();
    let router = staff::router(Arc::clone(&app));
    let (cookie, csrf) = signed_in(&app, &[Role::Manager]);
    for (path, heading) in [
        ("/worklist", "The worklist can’t be shown"),
        ("/teams", "The teams can’t be shown"),
        ("/funnel", "The funnel can’t be shown"),
    ] {
        let seen = ask(&router, Method::GET, path, &[("cookie", &cookie)], "").await;
        assert_eq!(seen.status, StatusCode::SERVICE_UNAVAILABLE, "{path}");
        assert!(seen.body.contains(heading) && seen.body.contains("not available right now"), "{}", seen.body);
    }
    let id = Uuid::from_u128(7);
    let body = format!("csrf={csrf}&version=1.0");
    let claimed = ask(&router, Method::POST, &format!("/inquiries/{id}/claim"), &[("cookie", &cookie)], &body).await;
    assert_eq!(claimed.header("location"), format!("/inquiries/{id}"));
    let elsewhere = ask(&router, Method::POST, "/inquiries/rubbish/claim", &[("cookie", &cookie)], &body).await;
    assert_eq!(elsewhere.header("location"), "/worklist");
}

#[tokio::test]
async fn a_team_is_told_why_it_gets_an_inquiry_and_a_colleague_need_not_be() {
    let app = development();
    let router = staff::router(Arc::clone(&app));
    let (cookie, csrf) = signed_in(&app, &[Role::Manager]);
    let said = async |body: &str| {
        let (path, body) =
            (format!("/inquiries/{}/route", Uuid::from_u128(7)), format!("csrf={csrf}&version=1.0&{body}"));
        ask(&router, Method::POST, &path, &[("cookie", &cookie)], &body).await;
        ask(&router, Method::GET, "/teams", &[("cookie", &cookie)], "").await.body
    };
    assert!(said("team=breast&reason=&reason_kind=other").await.contains("ay why you pass it on"));
    assert!(said("staff=&reason=").await.contains("hoose a colleague or a team"));
    let colleague = said("staff=grace-okafor&reason=").await;
    assert!(!colleague.contains("ay why") && !colleague.contains("hoose a colleague"), "it is asked for: {colleague}");
}

#[tokio::test]
async fn an_absence_without_its_times_or_with_routing_away_is_not_saved_and_says_so() {
    let app = development();
    let router = staff::router(Arc::clone(&app));
    let (cookie, csrf) = signed_in(&app, &[Role::Manager]);
    let said = async |path: &str, body: &str| {
        let body = format!("csrf={csrf}&{body}");
        let seen = ask(&router, Method::POST, path, &[("cookie", &cookie)], &body).await;
        assert_eq!((seen.status, seen.header("location")), (StatusCode::SEE_OTHER, "/teams"));
        ask(&router, Method::GET, "/teams", &[("cookie", &cookie)], "").await.body
    };
    let half = said("/teams/away", "staff=dana-whitfield&from=2027-03-05T08%3A00&to=").await;
    assert!(half.contains("Enter the day and the time of both"), "{half}");
    let whole = said("/teams/away", "staff=dana-whitfield&from=2027-03-05T08%3A00&to=2027-03-06T08%3A00").await;
    assert!(whole.contains("not available right now") && !whole.contains("Saved."), "{whole}");
    let end = said(&format!("/teams/away/{}/end", Uuid::from_u128(7)), "").await;
    assert!(!end.contains("Ended."), "{end}");
    let foreign = ask(&router, Method::POST, "/teams/away", &[("cookie", &cookie)], "csrf=guess").await;
    assert_eq!(foreign.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn a_role_that_may_not_open_a_page_is_told_so() {
    let app = development();
    let router = staff::router(Arc::clone(&app));
    let (analyst, _) = signed_in(&app, &[Role::Analyst]);
    for path in ["/worklist", "/teams", "/inquiries/new", "/inquiries/00000000-0000-0000-0000-000000000007"] {
        let seen = ask(&router, Method::GET, path, &[("cookie", &analyst)], "").await;
        assert_eq!(seen.status, StatusCode::FORBIDDEN, "{path}");
    }
    let (coordinator, _) = signed_in(&app, &[Role::Coordinator]);
    assert_eq!(
        ask(&router, Method::GET, "/funnel", &[("cookie", &coordinator)], "").await.status,
        StatusCode::FORBIDDEN
    );
    let call = ask(&router, Method::GET, "/inquiries/new", &[("cookie", &coordinator)], "").await;
    assert!(call.status == StatusCode::OK && call.body.contains("OK to call?") && call.body.contains("Dana Whitfield"));
}

#[tokio::test]
async fn a_call_with_a_wrong_answer_comes_back_with_its_answers() {
    let app = development();
    let router = staff::router(Arc::clone(&app));
    let (cookie, csrf) = signed_in(&app, &[Role::Coordinator]);
    let wrong = format!("csrf={csrf}&name=Rosa&phone=12");
    let seen = ask(&router, Method::POST, "/inquiries/new", &[("cookie", &cookie)], &wrong).await;
    assert_eq!(seen.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(seen.body.contains("value=\"Rosa\"") && seen.body.contains("There is a problem"));
    let fine = format!("csrf={csrf}&{FILLED}");
    let seen = ask(&router, Method::POST, "/inquiries/new", &[("cookie", &cookie)], &fine).await;
    assert_eq!(seen.status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(seen.body.contains("Not saved.") && seen.body.contains("value=\"Rosa\""));
}
