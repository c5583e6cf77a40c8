//! Every page in a real browser: headless Chromium at 1280 and 390 pixels, with script on and off, with axe, under the
//! strict content policy. What is checked stands in `check.mjs`.

mod journeys;

use std::path::{Path, PathBuf};
use std::time::Duration;

use causeway_proto::inquiry::v1::ingestion_client::IngestionClient;
use causeway_proto::inquiry::v1::{GetFormCountsRequest, ListHeldRequest};
use causeway_proto::intake::v1::intake_desk_client::IntakeDeskClient;
use causeway_proto::intake::v1::quality_audits_client::QualityAuditsClient;
use causeway_proto::intake::v1::{
    AuditAnswer, AuditCommand, ChooseInquiryRequest, PromiseRecordRequest, RequestRecordsRequest, SaveAuditRequest,
};
use causeway_tests::{Desk, Installation, PAPER, ask, book_through, eventually, people, planted, sign_in, sign_in_as};
use tokio::process::Command;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("browser")
}

/// Paths of Node and Chromium, with the pinned packages beside; fetched where they are missing and the machine allows it.
async fn tools() -> (PathBuf, PathBuf) {
    let ready = Command::new("bash").arg(folder().join("prepare.sh")).output().await.expect("bash runs");
    let told = String::from_utf8_lossy(&ready.stdout).into_owned();
    assert!(
        ready.status.success(),
        "the browser could not be prepared:\n{told}{}",
        String::from_utf8_lossy(&ready.stderr)
    );
    let mut lines = told.lines().rev();
    let mut path = || PathBuf::from(lines.next().expect("two paths").trim());
    let chromium = path();
    (path(), chromium)
}

/// The path of the signed link in a mail.
fn link_in(text: &str) -> String {
    let start = text.find("/p/").expect("a signed link");
    text[start..].split(|c: char| c.is_whitespace() || c == '"' || c == '>').next().expect("its end").to_owned()
}

/// A partner's system refers two people, changes both referrals, and sends a report of each that tells no number of a referral.
async fn partner(installation: &Installation) {
    let mut line = tokio::net::TcpStream::connect(installation.address("mllp")).await.expect("the HL7 door");
    let head = |kind: &str, id: &str, ends: &str| {
        format!("MSH|^~\\&|HUB|CEDARFM|CAUSEWAY|HARBORVALLEY|20260412103015-0500||{kind}|{id}|P|2.5.1{ends}")
    };
    let patient = |name: &str, birth: &str, phone: &str| {
        format!("PID|1||{name}^^^CEDARFM^MR||{name}^Marisol||{birth}|F|||||^PRN^CP^^1^206^{phone}")
    };
    for (number, name, birth) in [("WALK-1", "Testone", "19680719"), ("WALK-2", "Testtwo", "19700102")] {
        let referral = |event: &str, phone: &str| {
            let segments = [
                head(&format!("REF^{event}^REF_I12"), &format!("{number}-{event}"), "|||AL|AL"),
                format!("RF1|P|A^ASAP^HL70280|Med||O|{number}^CEDARFM|20260412"),
                "PRD|RP^Referring Provider^HL70286|Okafor^Adaeze^^^Dr^MD^L|||^WPN^PH^^1^206^5550142".to_owned(),
                patient(name, birth, phone),
                "DG1|1||C50.411^IDC right breast^I10C|||W".to_owned(),
                "NTE|1|P|Evaluate and treat|1R^Primary Reason^HL70364".to_owned(),
            ];
            (segments.join("\r"), 2)
        };
        let report = [
            head("MDM^T02^MDM_T02", &format!("{number}-T02"), ""),
            patient(name, birth, "5550199"),
            format!("OBR|1|NONE-{number}^CEDARFM|||||20260412"),
            format!("OBX|1|ED|11526-1^Report^LN||HUB^application^pdf^Base64^{PAPER}|||||||F"),
        ];
        for (message, replies) in [referral("I12", "5550199"), referral("I13", "5550177"), (report.join("\r"), 1)] {
            let told = ask(&mut line, &message, replies).await;
            assert!(told.contains("MSA|AA|"), "{told}");
        }
    }
}

/// Two inquiries with a phone that can't be read, a row of a list with a birth date that is none, a request that is refused, and
/// what a partner's system sends: the pages of the last inquiry, the row, the last change and the last report.
async fn to_repair(installation: &Installation, cookie: &str) -> [String; 4] {
    let client = reqwest::Client::new();
    let door = format!("{}/v1/centers/harbor-valley", installation.address("ingestion_http"));
    for name in ["Rosa Testpatient", "Olu Testpatient"] {
        let answers = serde_json::json!({ "who": "patient", "name": name, "phone": "12", "cancer_area": "gi", "consent_phone": "yes" });
        let body = serde_json::json!({ "form": "second-opinion", "answers": answers });
        let answer = client.post(format!("{door}/inquiries")).json(&body).send().await.expect("the door answers");
        assert_eq!(answer.status(), 202, "kept with its fault");
    }
    let list =
        "referral_id,patient_last,patient_first,birth_date,phone\nRB-1,Testpatient,Ana,1968-02-31,206-555-0142\n";
    let answer =
        client.post(format!("{door}/feeds/cedar-csv/csv")).bearer_auth("cedar-demo-key").body(list).send().await;
    assert!(answer.expect("the door answers").status().is_success());
    let empty = serde_json::json!({ "resourceType": "ServiceRequest" }).to_string();
    let request = client.post(format!("{}/fhir/harbor-valley/ServiceRequest", installation.address("ingestion_http")));
    let request = request.bearer_auth("imaging-demo-key").header("content-type", "application/fhir+json").body(empty);
    assert!(request.send().await.expect("the door answers").status().is_client_error(), "refused, and kept");
    let queue = format!("{}/repairs", installation.address("staff"));
    let listed = async || {
        let page = client.get(&queue).header("cookie", cookie).send().await.expect("the queue");
        page.text().await.expect("a page")
    };
    partner(installation).await;
    eventually("all seven wait", 60, async || listed().await.contains("7 wait, the oldest first.")).await;
    let page = listed().await;
    let rows: Vec<&str> = page.split("<tr role=\"row\">").collect();
    let last = |why: &str| {
        let row = rows.iter().rfind(|row| row.contains(why)).unwrap_or_else(|| panic!("nothing waits as: {why}"));
        let mut links = row.split("href=\"").filter_map(|part| part.split('"').next());
        links.find(|link| link.starts_with("/repairs/")).expect("it is opened").to_owned()
    };
    [
        "An answer that can’t be read",
        "A birth date that can’t be right",
        "A change to a referral",
        "Papers for a referral",
    ]
    .map(last)
}

/// A hospital promises its report, and the person is asked for the pictures.
async fn records_asked_for(installation: &Installation, inquiry: &str) {
    let mut desk = IntakeDeskClient::new(installation.staff("intake-desk", "harbor-valley", "coordinator-1"));
    let (center, inquiry_id) = ("harbor-valley".to_owned(), inquiry.to_owned());
    for (kind, of) in [("pathology_report", "hospital"), ("imaging", "patient")] {
        let (center, inquiry_id) = (center.clone(), inquiry_id.clone());
        let asked = RequestRecordsRequest { center, inquiry_id, kinds: vec![kind.to_owned()], of: of.to_owned() };
        desk.request_records(asked).await.expect("asked");
    }
    let later = causeway_runtime::Clock::system().now() + jiff::SignedDuration::from_hours(9 * 24);
    let on = later.to_zoned_datetime(jiff::tz::TimeZone::UTC).date().to_string();
    let promised =
        PromiseRecordRequest { center, inquiry_id, kind: "pathology_report".to_owned(), on, ..Default::default() };
    desk.promise_record(promised).await.expect("kept");
}

/// One audit of an inquiry that a colleague has finished, and one that the signed-in manager reads: the page of the latter.
async fn audited(installation: &Installation, cookie: &str, inquiry: &str) -> String {
    let center = || "harbor-valley".to_owned();
    let mut audits = QualityAuditsClient::new(installation.staff("intake-desk", "harbor-valley", "auditor-2"));
    let chosen = || ChooseInquiryRequest { center: center(), inquiry_id: inquiry.to_owned() };
    let first = audits.choose_inquiry(chosen()).await.expect("chosen").into_inner().row.expect("a row");
    let asked = AuditCommand { center: center(), audit_id: first.audit_id.clone() };
    let taken = audits.take_audit(asked.clone()).await.expect("taken").into_inner();
    let answer = |item: &causeway_proto::intake::v1::AuditItem| AuditAnswer {
        item: item.id.clone(),
        answer: "no".to_owned(),
        comment: "Nothing was written down.".to_owned(),
    };
    let done = SaveAuditRequest {
        center: center(),
        audit_id: first.audit_id,
        base_version: taken.row.expect("a row").version,
        answers: taken.items.iter().map(answer).collect(),
        comment: "Calm and clear.".to_owned(),
        finish: true,
    };
    let finished = audits.save_audit(done).await.expect("finished").into_inner().row.expect("a row");
    let mine = match finished.state.as_str() {
        "finished" => audits.choose_inquiry(chosen()).await.expect("chosen").into_inner().row.expect("a row").audit_id,
        // Luck wants it read again.
        _ => finished.audit_id,
    };
    let staff = installation.address("staff");
    let page = format!("/audits/{mine}");
    let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().expect("a client");
    let shown = client.get(format!("{staff}{page}")).header("cookie", cookie).send().await.expect("the audit");
    let shown = shown.text().await.expect("a page");
    let csrf = shown.split("name=\"csrf\" value=\"").nth(1).and_then(|rest| rest.split('"').next()).expect("a token");
    let take = client.post(format!("{staff}{page}/take")).header("origin", staff).header("cookie", cookie);
    let answer = take.form(&[("csrf", csrf)]).send().await.expect("the audit is taken");
    assert_eq!(answer.status(), 303);
    page
}

#[tokio::test(flavor = "multi_thread")]
async fn every_page_passes_in_a_real_browser_at_both_widths_with_script_on_and_off() {
    let (node, chromium) = tools().await;
    let mut installation = Installation::start(&[]).await;
    let (patient, staff) = (installation.address("patient").to_owned(), installation.address("staff").to_owned());
    let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().expect("a client");
    let form = format!("{patient}/harbor-valley/forms/second-opinion");
    for mark in ["browserone", "browsertwo"] {
        let answer = client.post(&form).form(&planted(mark)).send().await.expect("the form answers");
        assert_eq!(answer.status(), 303, "the form is accepted");
        let address = people::email(mark);
        eventually("the confirmation arrives", 60, async || !installation.mails(&address).await.is_empty()).await;
    }
    let mail = installation.mails(&people::email("browserone")).await.remove(0);
    let link = link_in(mail["text"].as_str().expect("a text"));
    let channel = |service| installation.staff(service, "harbor-valley", "coordinator-1");
    let mut desk = Desk::new("harbor-valley", channel("intake-desk"), channel("scheduling-sync"));
    let rows = desk.worklist().await;
    book_through(&mut desk, &rows[0].inquiry_id).await.expect("booked");
    records_asked_for(&installation, &rows[1].inquiry_id).await;
    let cookie = sign_in(&staff, "Harbor Valley").await;
    let [with_fault, bad_row, change, papers] = to_repair(&installation, &cookie).await;
    let audit = audited(&installation, &cookie, &rows[0].inquiry_id).await;
    let (cookie_name, cookie_value) = cookie.split_once('=').expect("name and value");
    let page = |name: &str, url: String| serde_json::json!({ "name": name, "url": url, "public": true });
    let staff_page = |name: &str, path: &str| {
        let cookies = serde_json::json!([{ "name": cookie_name, "value": cookie_value }]);
        serde_json::json!({ "name": name, "url": format!("{staff}{path}"), "cookies": cookies })
    };
    // Only an auditor sees the trail.
    let auditor = sign_in_as(&staff, &["Priya Nair"]).await;
    let trail = {
        let (name, value) = auditor.split_once('=').expect("name and value");
        let cookies = serde_json::json!([{ "name": name, "value": value }]);
        let url = format!("{staff}/inquiries/{}/access", rows[0].inquiry_id);
        serde_json::json!({ "name": "access", "url": url, "cookies": cookies })
    };
    let pages = vec![
        page("form", form.clone()),
        page("form-es", format!("{form}?lang=es")),
        page("form-lakeside", format!("{patient}/lakeside/forms/new-consult")),
        page("done", format!("{patient}{link}/done")),
        page("own", format!("{patient}{link}")),
        page("stop", format!("{patient}{link}/stop")),
        page("privacy", format!("{patient}/harbor-valley/privacy")),
        serde_json::json!({ "name": "sign-in", "url": format!("{staff}/sign-in") }),
        staff_page("worklist", "/worklist"),
        staff_page("worklist-to-review", "/worklist?view=to_review"),
        staff_page("inquiry", &format!("/inquiries/{}", rows[0].inquiry_id)),
        staff_page("inquiry-new", &format!("/inquiries/{}", rows[1].inquiry_id)),
        trail,
        staff_page("letter", &format!("/inquiries/{}/letter/hospital", rows[1].inquiry_id)),
        staff_page("call", "/inquiries/new"),
        staff_page("teams", "/teams"),
        staff_page("calls", "/calls"),
        staff_page("closures", "/closures"),
        staff_page("held", "/held"),
        staff_page("repairs", "/repairs"),
        staff_page("repairs-refused", "/repairs?view=refused"),
        staff_page("repair-inquiry", &with_fault),
        staff_page("repair-row", &bad_row),
        staff_page("repair-change", &change),
        staff_page("repair-papers", &papers),
        staff_page("feeds", "/feeds"),
        staff_page("routing", "/routing"),
        staff_page("audits", "/audits"),
        staff_page("audit", &audit),
        staff_page("audit-results", "/audits/results"),
        staff_page("audit-own", "/audits/mine"),
        staff_page("funnel", "/funnel"),
    ];
    let walk = serde_json::json!({
        "form": format!("{form}?lang=en"),
        "own": format!("{patient}{link}"),
        "claim": format!("{staff}/inquiries/{}", rows[1].inquiry_id),
        "worklist": format!("{staff}/worklist"),
        "repairs": format!("{staff}/repairs"),
        "cookies": [{ "name": cookie_name, "value": cookie_value }],
    });
    let pictures = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/pictures");
    std::fs::create_dir_all(&pictures).expect("a folder");
    let config = pictures.join("pages.json");
    std::fs::write(&config, serde_json::to_string(&pages).expect("JSON")).expect("written");
    let checked = Command::new(node)
        .arg(folder().join("check.mjs"))
        .arg(format!("@{}", config.display()))
        .arg(&pictures)
        .arg(walk.to_string())
        .env("CHROMIUM", chromium)
        .output()
        .await
        .expect("node runs");
    let said = format!("{}{}", String::from_utf8_lossy(&checked.stdout), String::from_utf8_lossy(&checked.stderr));
    assert!(checked.status.success(), "{said}");
    assert_eq!(installation.stop().await, Some(0));
}

/// A demo center's profile in which some forms want a proof of work.
fn wanting(folder: &Path, forms: &[(&str, &str)]) {
    fn copy(from: &Path, to: &Path) {
        std::fs::create_dir_all(to).expect("a folder");
        for entry in std::fs::read_dir(from).expect("a folder") {
            let path = entry.expect("an entry").path();
            let to = to.join(path.file_name().expect("a name"));
            if path.is_dir() {
                copy(&path, &to);
            } else {
                std::fs::copy(&path, &to).expect("copied");
            }
        }
    }
    copy(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/centers/harbor-valley"), folder);
    for (form, without) in forms {
        let path = folder.join("forms").join(format!("{form}.toml"));
        let text = std::fs::read_to_string(&path).expect("a form");
        let table = format!("[proof_of_work]\nwhen = \"always\"\nbits = 16\nwithout = \"{without}\"\n\n[consent]");
        std::fs::write(&path, text.replacen("[consent]", &table, 1)).expect("written");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_browser_does_the_work_that_a_form_wants_and_without_script_a_person_is_taken_or_looked_at_first() {
    let (node, chromium) = tools().await;
    let mut installation = Installation::start(&[]).await;
    let patient = installation.address("patient").to_owned();
    let profile = installation.folder().join("wanting");
    let last = "treatment-follow-up";
    wanting(&profile, &[("second-opinion", "hold"), ("general", "take"), (last, "take")]);
    let (code, said) = installation.command(&["center", "apply", &profile.display().to_string()]).await;
    assert_eq!(code, 0, "{said}");
    // Not a form that is counted below.
    let probe = format!("{patient}/harbor-valley/forms/{last}");
    eventually("the profile is in force", 90, async || {
        let page = reqwest::get(&probe).await.expect("an answer").text().await.expect("a body");
        page.contains("data-worker")
    })
    .await;
    let form = |name: &str| format!("{patient}/harbor-valley/forms/{name}?lang=en");
    let walk = serde_json::json!({ "hold": form("second-opinion"), "take": form("general") });
    let mut walking = Command::new(node);
    walking.arg(folder().join("work.mjs")).arg(walk.to_string()).env("CHROMIUM", chromium);
    let walked = walking.output().await.expect("node runs");
    let said = format!("{}{}", String::from_utf8_lossy(&walked.stdout), String::from_utf8_lossy(&walked.stderr));
    assert!(walked.status.success(), "{said}");
    let told: serde_json::Value = serde_json::from_slice(&walked.stdout).expect("JSON");

    let client = || IngestionClient::new(installation.staff("ingestion", "harbor-valley", "manager-1"));
    let asked = ListHeldRequest { center: "harbor-valley".into() };
    let held = client().list_held(asked).await.expect("listed").into_inner().held;
    let held: Vec<(&str, &[String])> = held.iter().map(|one| (one.reference.as_str(), one.signs.as_slice())).collect();
    let sign = ["no_proof".to_owned()];
    let wanted = [(told["hold"].as_str().expect("a number"), sign.as_slice())];
    assert_eq!(held, wanted, "only the one without script, of the form that holds: {said}");

    let counts = async || {
        let asked = GetFormCountsRequest { center: "harbor-valley".into(), from: 0, to: 0 };
        let told = client().get_form_counts(asked).await.expect("counted").into_inner();
        let of = |form: &str| {
            let one = told.forms.iter().find(|one| one.form_id == form).cloned().unwrap_or_default();
            (one.shown, one.begun, one.sent)
        };
        let missing = told.fields.iter().filter(|one| (one.field.as_str(), one.code.as_str()) == ("name", "missing"));
        (of("second-opinion"), of("general"), missing.map(|one| one.showings).sum::<i64>())
    };
    let wanted = ((3, 2, 2), (1, 1, 1), 1);
    eventually("each showing is counted once", 60, async || counts().await == wanted).await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(counts().await, wanted, "and stays so");
    assert_eq!(installation.stop().await, Some(0));
}
