//! The pages of audits while the desk does not answer, and for who may not see them.

use super::*;

#[tokio::test]
async fn audits_are_offered_to_who_scores_and_ones_own_results_to_who_works() {
    let app = development();
    let router = staff::router(Arc::clone(&app));
    let (auditor, csrf) = signed_in(&app, &[Role::Auditor]);
    let cookies = [("cookie", auditor.as_str())];
    for (path, heading) in [
        ("/audits", "The audits can’t be shown"),
        ("/audits?view=finished", "The audits can’t be shown"),
        ("/audits/0192", "This audit can’t be shown"),
        ("/audits/results", "The results can’t be shown"),
    ] {
        let seen = ask(&router, Method::GET, path, &cookies, "").await;
        assert_eq!(seen.status, StatusCode::SERVICE_UNAVAILABLE, "{path}");
        assert!(seen.body.contains(heading) && seen.body.contains("href=\"/audits\""), "{path}");
        assert!(!seen.body.contains("href=\"/audits/mine\""), "an auditor has no work of their own");
    }
    assert_eq!(ask(&router, Method::GET, "/audits/mine", &cookies, "").await.status, StatusCode::FORBIDDEN);
    for path in ["/audits/draw", "/audits/choose", "/audits/0192", "/audits/0192/take"] {
        let forged = ask(&router, Method::POST, path, &cookies, "reference=HV-1").await;
        assert_eq!(forged.status, StatusCode::FORBIDDEN, "{path} without a token");
    }
    let drawn = ask(&router, Method::POST, "/audits/draw", &cookies, &format!("csrf={csrf}")).await;
    assert_eq!((drawn.status, drawn.header("location")), (StatusCode::SEE_OTHER, "/audits"));
    let (coordinator, _) = signed_in(&app, &[Role::Coordinator]);
    let cookies = [("cookie", coordinator.as_str())];
    for path in ["/audits", "/audits/0192", "/audits/results"] {
        let refused = ask(&router, Method::GET, path, &cookies, "").await;
        assert_eq!(refused.status, StatusCode::FORBIDDEN, "{path}");
        assert!(!refused.body.contains("href=\"/audits\"") && refused.body.contains("href=\"/audits/mine\""));
    }
    let own = ask(&router, Method::GET, "/audits/mine", &cookies, "").await;
    assert_eq!(own.status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(own.body.contains("Your audits can’t be shown"));
}
