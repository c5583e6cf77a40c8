//! The page of the routing table while routing does not answer, and for who may not see it.

use super::*;

#[tokio::test]
async fn the_routing_page_says_that_it_can_not_be_shown_and_is_offered_only_to_those_who_may_try_a_table() {
    let app = development();
    let router = staff::router(Arc::clone(&app));
    let (analyst, csrf) = signed_in(&app, &[Role::Analyst]);
    let cookies = [("cookie", analyst.as_str())];
    let seen = ask(&router, Method::GET, "/routing", &cookies, "").await;
    assert_eq!(seen.status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(seen.body.contains("The routing table can’t be shown") && seen.body.contains("href=\"/routing\""));
    let tried = ask(&router, Method::POST, "/routing", &cookies, &format!("csrf={csrf}&csv=row&days=90")).await;
    assert_eq!(tried.status, StatusCode::SERVICE_UNAVAILABLE);
    let forged = ask(&router, Method::POST, "/routing", &cookies, "csv=row&days=90").await;
    assert_eq!(forged.status, StatusCode::FORBIDDEN, "no token");
    let (scheduler, csrf) = signed_in(&app, &[Role::Scheduler]);
    let cookies = [("cookie", scheduler.as_str())];
    let refused = ask(&router, Method::GET, "/routing", &cookies, "").await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    assert!(!refused.body.contains("href=\"/routing\""), "a page that would be refused is not offered");
    let tried = ask(&router, Method::POST, "/routing", &cookies, &format!("csrf={csrf}&csv=row&days=90")).await;
    assert_eq!(tried.status, StatusCode::FORBIDDEN);
}
