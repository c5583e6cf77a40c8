//! Asked at one center and handed to its sister, through the doors that people use.

use causeway_proto::inquiry::v1::Source;
use causeway_proto::intake::v1::Stage;
use causeway_tests::{Desk, Installation, eventually, people, sign_in};

use crate::{funnel, post_form, reached};

const MARK: &str = "qazwinsister";
const FROM: &str = "harbor-valley";
const TO: &str = "lakeside";

/// A member of staff's browser without script.
struct Browser {
    staff: String,
    cookie: String,
}

impl Browser {
    async fn of(installation: &Installation, center: &str) -> Self {
        let staff = installation.address("staff").to_owned();
        let cookie = sign_in(&staff, center).await;
        Self { staff, cookie }
    }

    async fn page(&self, path: &str) -> String {
        let asked = reqwest::Client::new().get(format!("{}{path}", self.staff)).header("cookie", &self.cookie);
        asked.send().await.expect("the page answers").text().await.expect("a page")
    }

    /// Sends the page's form to a path below it.
    async fn send(&self, page: &str, path: &str, fields: &[(&str, &str)]) {
        let value = |name: &str| {
            let after = page.split(&format!("name=\"{name}\" value=\"")).nth(1).expect("the form has it");
            after.split('"').next().expect("a value").to_owned()
        };
        let (csrf, version) = (value("csrf"), value("version"));
        let fields = [&[("csrf", csrf.as_str()), ("version", version.as_str())][..], fields].concat();
        let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().expect("a client");
        let sent = client.post(format!("{}{path}", self.staff)).header("origin", &self.staff);
        let sent = sent.header("sec-fetch-site", "same-origin").header("cookie", &self.cookie).form(&fields);
        assert_eq!(sent.send().await.expect("an answer").status().as_u16(), 303);
    }
}

fn desk(installation: &Installation, center: &str) -> Desk {
    let channel = |service| installation.staff(service, center, "coordinator-1");
    Desk::new(center, channel("intake-desk"), channel("scheduling-sync"))
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_handed_to_the_sister_center_is_worked_there_and_counted_once_in_each() {
    let mut installation = Installation::start(&[]).await;
    post_form(&installation, FROM, "second-opinion", MARK).await;
    let address = people::email(MARK);
    eventually("the first center confirms", 60, async || installation.mails(&address).await.len() == 1).await;
    let row = desk(&installation, FROM).worklist().await.remove(0);
    let path = format!("/inquiries/{}", row.inquiry_id);
    let manager = Browser::of(&installation, "Harbor Valley").await;
    let page = manager.page(&path).await;
    assert!(page.contains("Hand to a sister center") && page.contains("Lakeside Cancer Institute"), "{page}");
    let fields = [("center", TO), ("reason_kind", "closer_site"), ("reason", "moves in with her daughter")];
    manager.send(&page, &format!("{path}/sister"), &fields).await;

    eventually("it is on the sister's worklist", 60, async || desk(&installation, TO).worklist().await.len() == 1)
        .await;
    let there = desk(&installation, TO).worklist().await.remove(0);
    assert_eq!((there.source(), there.stays[0].reference.as_str()), (Source::SisterCenter, row.reference.as_str()));
    assert!(there.due_at > 0 && !there.team.is_empty() && there.reference.starts_with("LK-"), "{there:?}");
    assert_eq!(there.stays[0].received_at, row.received_at, "how long the person waits stays known");
    eventually("the sister confirms", 60, async || installation.mails(&address).await.len() == 2).await;
    let mails = installation.mails(&address).await.into_iter();
    let of_the_sister =
        |mail: &serde_json::Value| mail["subject"].as_str().is_some_and(|subject| subject.contains("Lakeside"));
    let mail = mails.into_iter().find(of_the_sister).expect("the sister's mail");
    let text = mail["text"].as_str().expect("a text").split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(text.contains("Harbor Valley has passed your request to us.") && text.contains(&there.reference), "{text}");

    let sisters = Browser::of(&installation, "Lakeside").await;
    let seen = sisters.page(&format!("/inquiries/{}", there.inquiry_id)).await;
    assert!(seen.contains(&format!("Harbor Valley Cancer Center ({})", row.reference)), "{seen}");
    assert!(seen.contains(&format!("Testpatient {MARK}")), "the person was sealed anew, and opens");
    assert!(!seen.contains("moves in with her daughter"), "the words stay with who wrote them");
    assert!(sisters.page("/worklist").await.contains("From Harbor Valley, waiting since"));
    let gone = sisters.page(&path).await;
    assert!(!gone.contains(MARK), "the first center's inquiry is not theirs");
    eventually("the first center's page says who has it", 90, async || {
        manager.page(&path).await.contains(&format!("Lakeside Cancer Institute has it as {}", there.reference))
    })
    .await;
    assert!(!manager.page(&path).await.contains(&format!("{path}/reopen")), "a sister has it");

    eventually("both funnels have counted it", 90, async || {
        let (left, come) = (funnel(&installation, FROM).await, funnel(&installation, TO).await);
        let handed: i64 = left.stages.iter().map(|stage| stage.handed).sum();
        handed == 1 && left.close_reasons.is_empty() && reached(&come, Stage::Routed) == 1
    })
    .await;
    let counted = funnel(&installation, FROM).await;
    assert_eq!((reached(&counted, Stage::Received), counted.stages.iter().map(|one| one.left).sum::<i64>()), (1, 0));
    let (code, told) = installation.json(&["ledger", "--settle", "30"]).await;
    assert_eq!(code, 0, "{told:?}");
    let count = |center: &str, what: &str| told[0]["centers"][center][what].as_u64().unwrap_or(0);
    assert_eq!((count(FROM, "accepted"), count(TO, "accepted"), count(TO, "open")), (1, 1, 1), "{told:?}");
    assert_eq!(told[0]["centers"][FROM]["closed"]["handed_to_sister"].as_u64(), Some(1), "{told:?}");
    assert_eq!(installation.stop().await, Some(0));
    assert_eq!(installation.left_behind(), Vec::<String>::new(), "nothing is left running");
}
