//! Searches by FHIR as partner systems send them, the office's own numbers in what is read back, and creating what is not there yet.

use causeway_ingestion::store::referrals::{NEWS, NEWS_BACK, NUMBERED};
use causeway_ingestion::store::{BEARING, KEPT};
use causeway_mailbox::Ts;
use reqwest::Method;
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};

use crate::fhir::{Answer, Office, id_in, request};
use crate::validator;
use crate::world::{CENTER, World};

const NUMBER: &str = "https://office.example/referral";
const OTHER_NUMBER: &str = "https://hub.example/order";

fn found(answer: &Answer) -> Vec<String> {
    let entries = answer.body["entry"].as_array().cloned().unwrap_or_default();
    entries.iter().map(|entry| entry["resource"]["id"].as_str().unwrap_or_default().to_owned()).collect()
}

async fn referred(office: &Office<'_>, system: &str, number: &str) -> String {
    let mut body = request(number, "Testpatient");
    body["identifier"][0] =
        if system.is_empty() { json!({ "value": number }) } else { json!({ "system": system, "value": number }) };
    // What has the same content and another number is another referral.
    body["note"][0]["text"] = json!(format!("Evaluate for {system} {number}"));
    let told = office.post("/ServiceRequest", &body).await;
    assert_eq!(told.status, 201, "{}", told.body);
    id_in(told.header("location"))
}

/// Follows the next links, and gives what stood on each page.
async fn pages(office: &Office<'_>, first: &str) -> Vec<Vec<String>> {
    let (mut pages, mut next) = (Vec::new(), first.to_owned());
    while !next.is_empty() {
        let page = office.get(&next).await;
        assert_eq!(page.status, 200, "{next}: {}", page.body);
        pages.push(found(&page));
        let links = page.body["link"].as_array().expect("links").clone();
        let more = links.iter().find(|link| link["relation"] == "next").and_then(|link| link["url"].as_str());
        next = more.map(|url| url.trim_start_matches(&office.base).to_owned()).unwrap_or_default();
        assert!(!next.contains("R-"), "no number stands in a link: {next}");
    }
    pages
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_referral_is_found_by_its_number_whoever_gave_it_and_tells_the_number_wherever_it_is_read() {
    let world = World::start().await;
    let office = Office::of(&world);
    let one = referred(&office, NUMBER, "R-1").await;
    let same_number = referred(&office, OTHER_NUMBER, "R-1").await;
    let nobodys = referred(&office, "", "R-1").await;
    let other = referred(&office, NUMBER, "R-2").await;
    let sorted = |mut ids: Vec<String>| {
        ids.sort();
        ids
    };
    for (asked, wanted) in [
        (format!("{NUMBER}|R-1"), vec![&one]),
        (format!("{OTHER_NUMBER}|R-1"), vec![&same_number]),
        ("|R-1".to_owned(), vec![&nobodys]),
        ("R-1".to_owned(), vec![&one, &same_number, &nobodys]),
        (format!("{NUMBER}|"), vec![&one, &other]),
        (format!("{NUMBER}|R-2,|R-1"), vec![&other, &nobodys]),
        ("R-7".to_owned(), vec![]),
        ("https://nobody.example|".to_owned(), vec![]),
    ] {
        let wanted = sorted(wanted.into_iter().cloned().collect());
        for kind in ["Task", "ServiceRequest"] {
            let answer = office.get(&format!("/{kind}?identifier={asked}")).await;
            assert_eq!(
                (answer.status, sorted(found(&answer))),
                (200, wanted.clone()),
                "{kind} {asked}: {}",
                answer.body
            );
        }
    }
    assert_eq!(office.get("/Task?identifier=R-1").await.body["total"], 3);

    let number = json!({ "system": NUMBER, "value": "R-1" });
    for path in [format!("/Task/{one}"), format!("/ServiceRequest/{one}"), format!("/Task/{one}/_history/1")] {
        assert_eq!(office.get(&path).await.body["identifier"][0], number, "{path}");
    }
    assert_eq!(office.get("/Task?_lastUpdated=ge2020").await.body["entry"][0]["resource"]["identifier"][0], number);
    assert_eq!(office.get(&format!("/Task/{nobodys}")).await.body["identifier"][0], json!({ "value": "R-1" }));
    let plain = "SELECT count(*) FROM messages WHERE position('R-1'::bytea IN number) > 0 OR position('R-1'::bytea IN number_key) > 0";
    assert_eq!(world.count(plain).await, 0, "a number is sealed");

    // Another feed's is as absent as none, also under the very same number.
    sqlx::query("UPDATE messages SET feed = 'another-fhir' WHERE inquiry_id = $1::uuid")
        .bind(&other)
        .execute(&world.admin)
        .await
        .expect("moved");
    for asked in [format!("{NUMBER}|R-2"), "R-2".to_owned()] {
        assert!(found(&office.get(&format!("/Task?identifier={asked}")).await).is_empty(), "{asked}");
    }
    // One from before numbers were kept by themselves.
    sqlx::query("UPDATE messages SET number = NULL, number_key = NULL").execute(&world.admin).await.expect("as before");
    let old = office.get(&format!("/Task?identifier={NUMBER}|R-1")).await;
    assert_eq!((found(&old), &old.body["entry"][0]["resource"]["identifier"][0]), (vec![one], &number));
    assert_eq!(found(&office.get("/Task?identifier=R-1").await), [nobodys], "as it was then");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pages_come_in_the_order_that_is_asked_for_and_by_number_without_a_number_in_an_address() {
    let world = World::start().await;
    let office = Office::of(&world);
    let mut ids = Vec::new();
    for number in 0..5 {
        ids.push(referred(&office, NUMBER, &format!("R-{number}")).await);
    }
    let back: Vec<String> = ids.iter().rev().cloned().collect();
    let two_by_two = |ids: &[String]| ids.chunks(2).map(<[String]>::to_vec).collect::<Vec<_>>();
    assert_eq!(pages(&office, "/Task?_sort=-_lastUpdated&_count=2").await, two_by_two(&back));
    assert_eq!(pages(&office, "/Task?_sort=_lastUpdated&_count=2").await, two_by_two(&ids));
    let numbers: Vec<String> = (0..5).map(|number| format!("R-{number}")).collect();
    for (asked, wanted) in [
        (format!("/Task?identifier={}&_count=2", numbers.join(",")), &ids),
        (format!("/ServiceRequest?identifier={}&_count=2&_sort=-_lastUpdated", numbers.join(",")), &back),
        (format!("/ServiceRequest?identifier={NUMBER}|&_count=2&_sort=-_lastUpdated"), &back),
        (format!("/Task?_id={}&_count=2", ids.join(",")), &ids),
    ] {
        assert_eq!(pages(&office, &asked).await.concat(), *wanted, "{asked}");
    }
    let only = office.get(&format!("/Task?_id={}&_lastUpdated=lt2020", ids[0])).await;
    assert!(found(&only).is_empty(), "what is asked for by id has to be of that time as well");
    for refused in [
        "_include=Task:focus",
        "_revinclude=Task:focus",
        "_summary=count",
        "_count=0",
        "_sort=status",
        "identifier=R-1&identifier=R-2",
        "status=received&status=failed",
        &format!("identifier=R-1&_id={}", ids[0]),
    ] {
        let answer = office.get(&format!("/Task?{refused}")).await;
        assert_eq!((answer.status, answer.has("error", "not-supported")), (400, true), "{refused}: {}", answer.body);
    }
    let told = office.get("/Task?_include=Task:focus").await.body.to_string();
    assert!(told.contains("leave _include and _revinclude out"), "{told}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_places_of_faults_are_found_in_what_was_sent_by_somebody_elses_fhirpath() {
    let world = World::start().await;
    let office = Office::of(&world);
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/samples/fhir");
    let mut told = Vec::new();
    for entry in std::fs::read_dir(folder).expect("samples") {
        let path = entry.expect("a sample").path();
        let name = path.file_name().and_then(|name| name.to_str()).expect("a name").to_owned();
        // What is no JSON has no places.
        let Ok(sample) = serde_json::from_slice::<Value>(&std::fs::read(&path).unwrap_or_default()) else { continue };
        if !name.starts_with("bad_") {
            continue;
        }
        let refused = office.post("/$validate", &sample).await;
        let places: Vec<String> =
            refused.issues().into_iter().filter(|issue| issue.0 == "error").map(|issue| issue.2).collect();
        assert!(places.iter().all(|place| !place.is_empty()), "{name}: {}", refused.body);
        told.push((sample, places));
    }
    let many: usize = told.iter().map(|(_, places)| places.len()).sum();
    assert!(told.len() >= 14 && many >= 14, "{} samples, {many} places", told.len());
    validator::find(&told).unwrap_or_else(|faults| panic!("{faults}"));
    let (sample, _) = told.swap_remove(0);
    let nowhere = vec!["Bundle.entry[99].resource.subject".to_owned()];
    assert!(validator::find(&[(sample, nowhere)]).is_err(), "it would notice");
}

fn form(number: Option<&str>, name: &str) -> Value {
    let answer = |link: &str, value: Value| json!({ "linkId": link, "answer": [value] });
    let mut form = json!({
        "resourceType": "QuestionnaireResponse", "status": "completed",
        "questionnaire": "https://harborvalley.example/Questionnaire/second-opinion",
        "item": [
            answer("who", json!({ "valueCoding": { "code": "patient" } })),
            answer("name", json!({ "valueString": name })),
            answer("phone", json!({ "valueString": "206 555 0199" })),
            answer("cancer_area", json!({ "valueCoding": { "code": "gi" } })),
        ],
    });
    if let Some(number) = number {
        form["identifier"] = json!({ "system": NUMBER, "value": number });
    }
    form
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_is_created_is_created_only_where_its_number_is_not_there_yet() {
    let world = World::start().await;
    let office = Office::of(&world);
    let create = async |path: &str, condition: &str, body: &Value| {
        let request = office.ask(Method::POST, path).header("content-type", "application/fhir+json");
        let request = request.header("if-none-exist", condition).body(body.to_string());
        Answer::of(request.send().await.expect("an answer")).await
    };
    let condition = format!("identifier={NUMBER}|F-1");
    let first = create("/QuestionnaireResponse", &condition, &form(None, "Marisol Testpatient")).await;
    assert_eq!(first.status, 201, "{}", first.body);
    let again = create("/QuestionnaireResponse", &condition, &form(None, "Marisol Q Testpatient")).await;
    assert_eq!((again.status, id_in(again.header("location"))), (200, id_in(first.header("location"))));
    assert_eq!(world.count("SELECT count(*) FROM inquiries").await, 1);
    let read = office.get(&format!("/QuestionnaireResponse/{}", id_in(first.header("location")))).await;
    assert_eq!(read.body["identifier"], json!({ "system": NUMBER, "value": "F-1" }));
    for path in ["/QuestionnaireResponse?identifier=F-1", "/Task?identifier=F-1"] {
        assert_eq!(found(&office.get(path).await), [id_in(first.header("location"))], "{path}");
    }
    assert!(found(&office.get("/ServiceRequest?identifier=F-1").await).is_empty(), "it is no ServiceRequest");

    for (path, body) in [
        ("/QuestionnaireResponse", form(Some("F-2"), "Marisol Testpatient")),
        ("/ServiceRequest", request("R-9", "Testpatient")),
        ("/Subscription", json!({ "resourceType": "Subscription" })),
    ] {
        let other = create(path, "status=completed", &body).await;
        assert_eq!(other.status, 400, "{path}: {}", other.body);
    }
    let bundled = |condition: &str| {
        let resource = form(None, "Marisol Testpatient");
        let request = json!({ "method": "POST", "url": "QuestionnaireResponse", "ifNoneExist": condition });
        json!({ "resourceType": "Bundle", "type": "transaction",
            "entry": [{ "fullUrl": "urn:uuid:00000000-0000-4000-8000-000000000001", "resource": resource, "request": request }] })
    };
    let told = office.post("", &bundled("status=completed")).await;
    assert_eq!(
        (told.status, told.issues()[0].2.as_str()),
        (400, "Bundle.entry[0].request.ifNoneExist"),
        "{}",
        told.body
    );
    let same = office.post("", &bundled(&condition)).await;
    assert_eq!(
        (same.status, same.body["entry"][0]["response"]["status"].as_str()),
        (200, Some("200 OK")),
        "{}",
        same.body
    );
    assert_eq!(world.count("SELECT count(*) FROM inquiries").await, 1);
}

const MANY: [&str; 3] = [
    "INSERT INTO referral_numbers (center_id, inquiry_id, key, feed, number_key, message_id) \
     SELECT 'harbor-valley', md5(n::text)::uuid, decode(md5('k' || n), 'hex'), 'feed-' || n % 5, decode(md5('v' || n), 'hex'), \
         gen_random_uuid() FROM generate_series(1, 50000) AS n",
    "INSERT INTO messages (center_id, message_id, feed, kind, control_key, content_hash, state, sealed, received_at, changed_at, \
        inquiry_id, number_key) \
     SELECT 'harbor-valley', gen_random_uuid(), 'feed-' || n % 5, 'ServiceRequest', decode(md5(n::text), 'hex'), \
         decode(md5(n::text), 'hex'), 'accepted', '\\x00', now(), now() - make_interval(secs => n), md5(n::text)::uuid, \
         decode(md5(n::text), 'hex') \
     FROM generate_series(1, 50000) AS n",
    "INSERT INTO referral_states (center_id, inquiry_id, feed, version, changed_at) \
     SELECT 'harbor-valley', md5(n::text)::uuid, 'feed-' || n % 5, 1, now() - make_interval(secs => n) \
     FROM generate_series(1, 50000, 2) AS n",
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn numbers_and_the_newest_changes_are_found_by_indexes_among_many_referrals() {
    let world = World::start().await;
    for sql in MANY {
        sqlx::query(sql).execute(&world.admin).await.expect("inserted");
    }
    sqlx::raw_sql("ANALYZE messages; ANALYZE referral_states; ANALYZE referral_numbers")
        .execute(&world.admin)
        .await
        .expect("analyzed");
    let mut app = PgConnection::connect(world.database.app.expose_secret()).await.expect("a login");
    sqlx::query("SELECT set_config('app.center', $1, false)").bind(CENTER).execute(&mut app).await.expect("set");
    let numbered: Vec<String> = sqlx::query_scalar(AssertSqlSafe(format!("EXPLAIN {NUMBERED}")))
        .bind(CENTER)
        .bind("feed-3")
        .bind(vec![vec![7_u8; 16]])
        .fetch_all(&mut app)
        .await
        .expect("a plan");
    let numbered = numbered.join("\n");
    let are_used = numbered.contains("messages_number") && numbered.contains("referral_numbers_number");
    assert!(are_used && !numbered.contains("Seq Scan"), "{numbered}");
    for sql in [KEPT, BEARING] {
        let kept: Vec<String> = sqlx::query_scalar(AssertSqlSafe(format!("EXPLAIN {sql}")))
            .bind(CENTER)
            .bind(vec![vec![7_u8; 16]])
            .fetch_all(&mut app)
            .await
            .expect("a plan");
        let kept = kept.join("\n");
        assert!(kept.contains("referral_numbers_key") && !kept.contains("Seq Scan on referral_numbers"), "{kept}");
    }
    let at = |text: &str| Ts(text.parse().expect("a time"));
    for (news, after, id) in
        [(NEWS, "2020-01-01T00:00:00Z", uuid::Uuid::nil()), (NEWS_BACK, "2100-01-01T00:00:00Z", uuid::Uuid::max())]
    {
        let plan: Vec<String> = sqlx::query_scalar(AssertSqlSafe(format!("EXPLAIN {news}")))
            .bind(CENTER)
            .bind("feed-3")
            .bind(at("2020-01-01T00:00:00Z"))
            .bind(at("2100-01-01T00:00:00Z"))
            .bind(at(after))
            .bind(id)
            .bind(51_i64)
            .fetch_all(&mut app)
            .await
            .expect("a plan");
        let plan = plan.join("\n");
        for index in ["messages_news", "referral_states_news", "messages_inquiry", "referral_states_pkey"] {
            assert!(plan.contains(index), "{index}: {plan}");
        }
        assert!(!plan.contains("Seq Scan"), "{plan}");
    }
}
