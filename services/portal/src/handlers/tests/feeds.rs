//! The page of feeds, with an ingestion that answers.

use causeway_proto::inquiry::v1::{FeedCredential, FeedIncident, FeedStatus, FeedVolume};

use super::flow::{Fake, app_before};
use super::*;

fn feed(id: &str) -> FeedStatus {
    let day = |number: i64| FeedVolume { from: number * 86_400_000_000, messages: number, expected: Some(5.0) };
    FeedStatus {
        feed: id.into(),
        kind: "fhir".into(),
        office_name: "Sound Imaging".into(),
        days: (1..15).map(day).collect(),
        credentials: vec![FeedCredential { kind: "key".into(), fingerprint: "ab12ab12ab12".into(), used_at: 0 }],
        incidents: vec![FeedIncident { kind: "quiet".into(), opened_at: 1, expected: 7.0, ..FeedIncident::default() }],
        ..FeedStatus::default()
    }
}

async fn seen_by(feeds: Vec<FeedStatus>, roles: &[Role]) -> Seen {
    let app = app_before(Fake::telling(feeds)).await;
    let router = staff::router(Arc::clone(&app));
    let (cookie, _) = signed_in(&app, roles);
    ask(&router, Method::GET, "/feeds", &[("cookie", &cookie)], "").await
}

#[tokio::test]
async fn who_may_see_feeds_sees_each_with_its_chart_and_its_numbers_and_others_are_told_so() {
    let seen = seen_by(vec![feed("sound-imaging-fhir")], &[Role::Manager]).await;
    assert_eq!(seen.status, StatusCode::OK, "{}", seen.body);
    for part in [
        "href=\"/feeds\" aria-current=\"page\"",
        "Sound Imaging",
        "1 feed. 1 sends otherwise than usual.",
        "Quiet since",
        "ab12ab12ab12…, not used yet",
        "About 7 were missing",
    ] {
        assert!(seen.body.contains(part), "{part}: {}", seen.body);
    }
    let bars = seen.body.matches("width=\"9\"").count();
    assert_eq!((bars, seen.body.contains("y=\"0.0\" height=\"50.0\"")), (14, true), "the tallest day fills the chart");
    let silent = FeedStatus { days: vec![FeedVolume::default(); 14], ..feed("a") };
    assert!(!seen_by(vec![silent], &[Role::Manager]).await.body.contains("<svg"), "nothing is no chart");
    let coordinator = seen_by(vec![feed("a")], &[Role::Coordinator]).await;
    assert_eq!(coordinator.status, StatusCode::FORBIDDEN);
    let auditor = seen_by(vec![FeedStatus { parked: 3, ..feed("a") }], &[Role::Auditor]).await;
    assert!(auditor.status == StatusCode::OK && !auditor.body.contains("/repairs"), "no link to what is not theirs");
}

#[tokio::test]
async fn without_feeds_the_page_says_how_one_is_made_and_without_ingestion_that_it_is_away() {
    let seen = seen_by(Vec::new(), &[Role::Operator]).await;
    assert!(seen.status == StatusCode::OK && seen.body.contains("No feed is set up"), "{}", seen.body);
    let app = development();
    let (cookie, _) = signed_in(&app, &[Role::Manager]);
    let away = ask(&staff::router(app), Method::GET, "/feeds", &[("cookie", &cookie)], "").await;
    assert_eq!(away.status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(away.body.contains("The feeds can’t be shown") && away.body.contains("not available right now"));
}
