//! The page of an inquiry as staff use it without script: what is pressed twice counts once, a letter is written only of what is
//! waited for, and nobody is said to have read what they did not.

use causeway_tests::{Desk, Installation, ask_by_form, eventually, planted, sign_in_as};
use reqwest::StatusCode;

use crate::story::CENTER;

const MARK: &str = "qazwinletter";

/// Somebody of the staff at their browser.
struct Browser {
    staff: String,
    cookie: String,
    client: reqwest::Client,
}

impl Browser {
    async fn of(installation: &Installation, name: &str) -> Self {
        let staff = installation.address("staff").to_owned();
        let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().expect("a client");
        Self { cookie: sign_in_as(&staff, &[name]).await, staff, client }
    }

    async fn get(&self, path: &str) -> (StatusCode, String) {
        let asked = self.client.get(format!("{}{path}", self.staff)).header("cookie", &self.cookie);
        let answer = asked.send().await.expect("an answer");
        (answer.status(), answer.text().await.expect("a page"))
    }

    /// Presses a button of a form as it stands on a page.
    async fn press(&self, page: &str, path: &str, button: &[(&str, &str)]) -> StatusCode {
        let form = page.split("<form").find(|part| part.contains(&format!("action=\"{path}\""))).expect("the form");
        let hidden = form.split("type=\"hidden\" name=\"").skip(1).filter_map(|part| {
            let (name, rest) = part.split_once("\" value=\"")?;
            Some((name, rest.split('"').next()?))
        });
        let sent: Vec<(&str, &str)> = hidden.chain(button.iter().copied()).collect();
        let asked = self.client.post(format!("{}{path}", self.staff)).header("cookie", &self.cookie);
        let asked = asked.header("origin", &self.staff).header("sec-fetch-site", "same-origin").form(&sent);
        asked.send().await.expect("an answer").status()
    }
}

/// What a service's log says that somebody did about an inquiry, in its order.
async fn log(installation: &Installation, service: &str, (actor, inquiry): (&str, &str)) -> Vec<String> {
    let lines = "SELECT action FROM audit_log WHERE object_id = $1 AND actor_id = $2 ORDER BY seq";
    let mut owner = installation.owner(service).await;
    sqlx::query_scalar(lines).bind(inquiry).bind(actor).fetch_all(&mut owner).await.expect("the log")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caregiver_is_not_the_patient_of_a_letter_and_the_page_leads_to_where_the_patient_is_noted() {
    let mut installation = Installation::start(&[]).await;
    let mut answers = planted(MARK);
    answers.remove("patient_name");
    let asked = ask_by_form(&installation, CENTER, "second-opinion", &answers, MARK).await.expect("taken");
    let channel = |service| installation.staff(service, CENTER, "dana-whitfield");
    let desk = || Desk::new(CENTER, channel("intake-desk"), channel("scheduling-sync"));
    let base = format!("/inquiries/{}", asked.inquiry_id);
    eventually("it is at the desk", 60, async || desk().inquiry(&asked.inquiry_id).await.is_ok()).await;
    desk().ask_for(&asked.inquiry_id, &["pathology_report"], "hospital").await.expect("asked");

    let dana = Browser::of(&installation, "Dana Whitfield").await;
    let (_, page) = dana.get(&format!("{base}/letter/hospital")).await;
    assert!(page.contains("Nobody has noted yet who the patient is"), "{page}");
    assert!(!page.contains(MARK) && !page.contains("Please send us"), "{page}");
    let link = page.split("href=\"").find(|part| part.contains(">Mend an answer<")).expect("where");
    let (_, repair) = dana.get(link.split('"').next().expect("an address")).await;
    let path = format!("/repairs/{}/release", asked.inquiry_id);
    let name = format!("Testpatient {MARK}");
    assert_eq!(dana.press(&repair, &path, &[("patient_name", &name)]).await, StatusCode::SEE_OTHER);
    let (_, page) = dana.get(&format!("{base}/letter/hospital")).await;
    assert!(page.contains(&format!("<dd>{name}</dd>")) && page.contains("Please send us"), "{page}");
    assert_eq!(installation.stop().await, Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_letter_is_of_what_was_asked_once_and_who_reads_the_trail_reads_nothing_else() {
    let mut installation = Installation::start(&[]).await;
    let asked = ask_by_form(&installation, CENTER, "second-opinion", &planted(MARK), MARK).await.expect("taken");
    let id = asked.inquiry_id;
    let channel = |service| installation.staff(service, CENTER, "dana-whitfield");
    let desk = || Desk::new(CENTER, channel("intake-desk"), channel("scheduling-sync"));
    eventually("it is at the desk", 60, async || desk().inquiry(&id).await.is_ok()).await;
    desk().attempt(&id, "reached").await.expect("reached");
    desk().fill_note(&id).await.expect("a note that could be read");

    // Two presses of one page are one.
    let dana = Browser::of(&installation, "Dana Whitfield").await;
    let base = format!("/inquiries/{id}");
    let (_, page) = dana.get(&base).await;
    let path = format!("{base}/records/pathology_report");
    for _ in 0..2 {
        assert_eq!(dana.press(&page, &path, &[("action", "ask_hospital")]).await, StatusCode::SEE_OTHER);
    }
    let times = async || {
        let records = desk().inquiry(&id).await.expect("the inquiry").records;
        let line = records.into_iter().find(|line| line.kind == "pathology_report").expect("on the checklist");
        (line.asked_of, line.asked_times)
    };
    assert_eq!(times().await, ("hospital".to_owned(), 1));
    let (_, page) = dana.get(&base).await;
    dana.press(&page, &path, &[("action", "ask_hospital")]).await;
    assert_eq!(times().await, ("hospital".to_owned(), 2), "on purpose");

    // A promise that is taken back is no promise.
    let later = (installation.clock().now() + jiff::SignedDuration::from_hours(9 * 24)).to_string();
    for (on, said) in [(&later[..10], "The day is kept."), ("", "The promise is taken back.")] {
        let (_, page) = dana.get(&base).await;
        dana.press(&page, &path, &[("action", "promise"), ("on", on)]).await;
        let (_, page) = dana.get(&base).await;
        assert!(page.contains(said), "{said}");
    }

    // Who is asked for nothing gets no letter, and nobody is opened for it.
    let reads = async || {
        let lines = log(&installation, "ingestion", ("dana-whitfield", &id)).await;
        lines.iter().filter(|action| *action == "read person").count()
    };
    let before = reads().await;
    assert_eq!(dana.get(&format!("{base}/letter/referring_office")).await.0, StatusCode::NOT_FOUND);
    assert_eq!(reads().await, before);
    let (status, letter) = dana.get(&format!("{base}/letter/hospital")).await;
    assert_eq!((status, reads().await), (StatusCode::OK, before + 1));
    assert!(letter.contains(&format!("Testpatient {MARK}")) && !letter.contains("Testcaregiver"), "{letter}");

    // One look at the trail is one line in each log.
    let priya = Browser::of(&installation, "Priya Nair").await;
    let (status, trail) = priya.get(&format!("{base}/access")).await;
    assert!(status == StatusCode::OK && trail.contains(&format!("Audit trail of {}", asked.reference)), "{trail}");
    assert!(trail.contains("Dana Whitfield"));
    for service in ["ingestion", "intake-desk"] {
        assert_eq!(log(&installation, service, ("priya-nair", &id)).await, ["read audit log"], "{service}");
    }
    let unknown = priya.get("/inquiries/0191e5a8-7b1c-7c3a-9d52-2f6c5a1b0c01/access").await;
    assert_eq!(unknown.0, StatusCode::NOT_FOUND);

    // A long trail goes on from page to page, over the lines that each look adds to both logs.
    for _ in 0..110 {
        priya.get(&format!("{base}/access")).await;
    }
    let mut all = 0;
    for service in ["ingestion", "intake-desk"] {
        let lines = "SELECT count(*) FROM audit_log WHERE object_id = $1";
        let mut owner = installation.owner(service).await;
        all += sqlx::query_scalar::<_, i64>(lines).bind(&id).fetch_one(&mut owner).await.expect("counted");
    }
    let (mut pages, mut next) = (Vec::new(), Some(format!("{base}/access")));
    while let Some(url) = next {
        let (_, page) = priya.get(&url).await;
        pages.push(i64::try_from(page.matches("role=\"rowheader\"").count()).expect("few"));
        let older = page.split("href=\"").find(|part| part.contains(">Older lines<"));
        next = older.and_then(|part| part.split('"').next()).map(|url| url.replace("&#38;", "&"));
        assert_eq!(page.contains("The newest 200 lines."), pages.len() == 1);
    }
    assert_eq!(pages, [200, all - 200]);

    // Closed, it is worked by nobody.
    desk().attempt(&id, "deceased").await.expect("closed");
    assert_eq!(dana.get(&format!("{base}/letter/hospital")).await.0, StatusCode::NOT_FOUND);
    assert_eq!(installation.stop().await, Some(0));
}
