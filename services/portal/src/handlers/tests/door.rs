//! The door of the staff face.

use super::*;
use crate::session::door_token;

#[tokio::test]
async fn in_development_a_person_is_chosen_and_in_production_nobody_can_be() {
    let app = development();
    let router = staff::router(Arc::clone(&app));
    let door = get(&router, "/sign-in").await;
    assert!(door.body.contains("Dana Whitfield"));
    let cookie = door.header("set-cookie").split(';').next().expect("cookie").to_owned();
    let browser = cookie.split_once('=').expect("value").1;
    let body = format!("csrf={}&person=harbor-valley:dana-whitfield&next=/worklist", door_token(browser));
    let chosen = ask(&router, Method::POST, "/sign-in/development", &[("cookie", &cookie)], &body).await;
    assert_eq!((chosen.status, chosen.header("location")), (StatusCode::SEE_OTHER, "/worklist"));
    assert!(chosen.header("set-cookie").starts_with("session="));
    let forged = ask(&router, Method::POST, "/sign-in/development", &[("cookie", &cookie)], "csrf=x&person=y").await;
    assert_eq!(forged.status, StatusCode::FORBIDDEN);

    let router = staff::router(super::app(Mode::Production, Config::default()));
    let door = get(&router, "/sign-in").await;
    assert!(!door.body.contains("Dana Whitfield") && door.body.contains("Sign-in is not set up"));
    assert!(door.header("set-cookie").starts_with("__Host-door=") && door.header("set-cookie").contains("Secure"));
    let cookie = door.header("set-cookie").split(';').next().expect("cookie").to_owned();
    let body =
        format!("csrf={}&person=harbor-valley:dana-whitfield", door_token(cookie.split_once('=').expect("value").1));
    let refused = ask(&router, Method::POST, "/sign-in/development", &[("cookie", &cookie)], &body).await;
    assert_eq!(refused.status, StatusCode::NOT_FOUND);
    assert!(refused.headers.get("set-cookie").is_none());
}

#[tokio::test]
async fn without_a_provider_a_sign_in_leads_back_and_a_stray_callback_lets_nobody_in() {
    let app = development();
    let router = staff::router(Arc::clone(&app));
    let door = get(&router, "/sign-in").await;
    assert!(!door.body.contains("action=\"/sign-in\""), "no provider, no button");
    let cookie = door.header("set-cookie").split(';').next().expect("cookie").to_owned();
    let body = format!("csrf={}", door_token(cookie.split_once('=').expect("value").1));
    let begun = ask(&router, Method::POST, "/sign-in", &[("cookie", &cookie)], &body).await;
    assert_eq!(begun.header("location"), "/sign-in");
    let stray = ask(&router, Method::GET, "/sign-in/callback?code=a&state=b", &[("cookie", &cookie)], "").await;
    assert_eq!(stray.status, StatusCode::UNAUTHORIZED);
    assert!(!stray.headers.get_all("set-cookie").iter().any(|value| value.as_bytes().starts_with(b"session")));
}
