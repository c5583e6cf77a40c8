//! Partner systems by FHIR R4: answered when it stands, once however often it is sent, and never about somebody else's.

use std::path::Path;
use std::sync::Mutex;

use causeway_ingestion::Config;
use causeway_proto::inquiry::v1::{RevealPeopleRequest, SettleMessagesRequest};
use reqwest::{Method, Response};
use serde_json::{Value, json};

use crate::validator;
use crate::world::{CENTER, Door, OTHER, World, coordinator, eventually, keyed, published};

pub const KEY: &str = "imaging-demo-key";
const NUMBER: &str = "https://office.example/referral";

/// A referral as an office sends it, alone, with what it needs contained.
pub fn request(number: &str, family: &str) -> Value {
    json!({
        "resourceType": "ServiceRequest",
        "contained": [
            { "resourceType": "Patient", "id": "p", "name": [{ "family": family, "given": ["Marisol"] }], "gender": "female",
              "birthDate": "1968-07-19", "telecom": [{ "system": "phone", "value": "206 555 0199", "use": "mobile" }] },
            { "resourceType": "Practitioner", "id": "d", "name": [{ "family": "Okafor", "given": ["Adaeze"] }] },
        ],
        "identifier": [{ "system": NUMBER, "value": number }],
        "status": "active", "intent": "order", "priority": "asap",
        "subject": { "reference": "#p" }, "requester": { "reference": "#d" },
        "reasonCode": [{ "coding": [{ "system": "http://hl7.org/fhir/sid/icd-10-cm", "code": "C50.411" }] }],
        "note": [{ "text": "Evaluate and treat" }],
    })
}

fn sample(name: &str) -> Value {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/samples/fhir").join(name);
    serde_json::from_slice(&std::fs::read(file).expect("a sample")).expect("JSON")
}

/// A partner system with a key.
pub struct Office<'w> {
    world: &'w World,
    pub base: String,
    key: &'static str,
}

impl<'w> Office<'w> {
    pub fn of(world: &'w World) -> Self {
        Self::at(world, &world.door)
    }

    pub fn at(world: &'w World, door: &Door) -> Self {
        Self { world, base: format!("{}/fhir/{CENTER}", door.http), key: KEY }
    }

    pub fn ask(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        self.world.browser.request(method, format!("{}{path}", self.base)).bearer_auth(self.key)
    }

    pub async fn post(&self, path: &str, body: &Value) -> Answer {
        let request = self.ask(Method::POST, path).header("content-type", "application/fhir+json");
        Answer::of(request.body(body.to_string()).send().await.expect("an answer")).await
    }

    pub async fn get(&self, path: &str) -> Answer {
        Answer::of(self.ask(Method::GET, path).send().await.expect("an answer")).await
    }
}

/// An answer. Each is kept for the independent validator.
pub struct Answer {
    pub status: u16,
    headers: reqwest::header::HeaderMap,
    pub body: Value,
}

impl Answer {
    pub async fn of(response: Response) -> Self {
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        assert_eq!(headers.get("content-type").map(|kind| kind.as_bytes()), Some(b"application/fhir+json".as_slice()));
        let text = response.text().await.expect("a body");
        for of_patient in [
            "Testpatient",
            "estother",
            "Marisol",
            "1968-07-19",
            "19680719",
            "5550199",
            "555 0199",
            "Evaluate and treat",
        ] {
            assert!(!text.contains(of_patient), "no answer tells of the patient: {text}");
        }
        let body: Value = if text.is_empty() { Value::Null } else { serde_json::from_str(&text).expect("JSON") };
        collect(&body);
        Self { status, headers, body }
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// Issues of an outcome: severity, code, place.
    pub fn issues(&self) -> Vec<(String, String, String)> {
        let outcome = if self.body["resourceType"] == "OperationOutcome" { &self.body } else { outcome_in(&self.body) };
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let issues = outcome["issue"].as_array().expect("issues");
        for issue in issues {
            assert!(issue["details"]["text"].as_str().is_some_and(|words| words.len() > 15), "{issue}");
        }
        issues.iter().map(|one| (text(&one["severity"]), text(&one["code"]), text(&one["expression"][0]))).collect()
    }

    pub fn has(&self, severity: &str, code: &str) -> bool {
        self.issues().iter().any(|issue| issue.0 == severity && issue.1 == code)
    }
}

fn outcome_in(bundle: &Value) -> &Value {
    let entries = bundle["entry"].as_array().expect("entries").iter();
    let mut found = entries.map(|entry| match entry["resource"]["resourceType"] == "OperationOutcome" {
        true => &entry["resource"],
        false => &entry["response"]["outcome"],
    });
    found.find(|outcome| outcome.is_object()).expect("an outcome")
}

/// All answers of this process, for the independent validator.
static ANSWERS: Mutex<Vec<String>> = Mutex::new(Vec::new());

fn collect(body: &Value) {
    if body.is_object() {
        ANSWERS.lock().expect("no test broke while it wrote").push(body.to_string());
    }
}

pub fn id_in(location: &str) -> String {
    let mut parts = location.rsplit('/');
    let found = parts.by_ref().find(|part| part.len() == 36);
    found.unwrap_or_else(|| panic!("no id in {location}")).to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_transaction_is_answered_entry_by_entry_when_it_stands_and_the_same_one_with_the_same_ids() {
    let world = World::start().await;
    let office = Office::of(&world);
    let bundle = sample("referral_transaction_breast.json");
    let first = office.post("", &bundle).await;
    assert_eq!((first.status, &first.body["type"]), (200, &json!("transaction-response")));
    let entries = first.body["entry"].as_array().expect("entries");
    assert_eq!(entries.len(), bundle["entry"].as_array().expect("entries").len());
    for (given, told) in bundle["entry"].as_array().expect("entries").iter().zip(entries) {
        let (kind, response) = (given["resource"]["resourceType"].as_str().expect("a type"), &told["response"]);
        assert_eq!((&response["status"], &response["etag"]), (&json!("201 Created"), &json!("W/\"1\"")));
        assert!(
            response["location"].as_str().is_some_and(|place| place.starts_with(&format!("{kind}/"))),
            "{response}"
        );
        assert!(response["lastModified"].is_string());
    }
    assert!(
        first.has("information", "informational")
            && entries[9]["response"]["outcome"]["issue"][0]["details"]["text"]
                .as_str()
                .is_some_and(|told| told.contains("HV-"))
    );
    assert_eq!(world.count("SELECT count(*) FROM inquiries WHERE source = 'fhir'").await, 1);
    assert_eq!(world.count("SELECT count(*) FROM messages WHERE state = 'accepted' AND kind = 'transaction'").await, 1);
    let told = published(&world.bus().await, 1).await;
    let facts = told[0].1.facts.clone().expect("facts");
    assert_eq!((facts.referring_office.as_str(), facts.needs_repair), ("sound-imaging", false));

    let again = office.post("", &bundle).await;
    let places = |answer: &Answer| -> Vec<Value> {
        answer.body["entry"]
            .as_array()
            .expect("entries")
            .iter()
            .map(|entry| entry["response"]["location"].clone())
            .collect()
    };
    assert_eq!((again.status, places(&again)), (200, places(&first)));
    assert_eq!(again.body["entry"][0]["response"]["status"], "200 OK");
    assert_eq!(world.count("SELECT count(*) FROM inquiries").await, 1);
    assert_eq!(world.count("SELECT sum(times) FROM messages").await, 2);

    let task = office
        .get(&format!("/Task/{}", id_in(first.body["entry"][10]["response"]["location"].as_str().expect("a place"))))
        .await;
    assert_eq!((task.status, &task.body["status"]), (200, &json!("received")));
    let focus = first.body["entry"][9]["response"]["location"].as_str().expect("a place");
    assert!(focus.starts_with(task.body["focus"]["reference"].as_str().expect("a focus")));
    let patient = first.body["entry"][0]["response"]["location"].as_str().expect("a place");
    assert!(patient.starts_with(task.body["for"]["reference"].as_str().expect("a patient")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_is_answered_by_a_message_and_one_that_is_refused_is_no_success() {
    let world = World::start().await;
    let office = Office::of(&world);
    let message = sample("referral_message_breast.json");
    let first = office.post("/$process-message", &message).await;
    let header = &first.body["entry"][0]["resource"];
    assert_eq!(
        (first.status, &header["response"]["code"], &header["response"]["identifier"]),
        (200, &json!("ok"), &json!("mh-1"))
    );
    assert_eq!(first.body["entry"][1]["resource"]["resourceType"], "Task");

    let again = office.post("", &message).await;
    assert_eq!(
        (again.status, &again.body["entry"][1]["resource"]["id"]),
        (200, &first.body["entry"][1]["resource"]["id"])
    );
    assert_eq!(world.count("SELECT count(*) FROM inquiries").await, 1);
    assert_eq!(world.count("SELECT count(*) FROM messages").await, 1, "sent again is the same, whatever time it bears");

    let mut other = message.clone();
    other["entry"][3]["resource"]["name"][0]["family"] = json!("Testother");
    let reused = office.post("", &other).await;
    assert_eq!((reused.status, &reused.body["entry"][0]["resource"]["response"]["code"]), (409, &json!("fatal-error")));
    assert!(reused.has("error", "duplicate"));
    assert_eq!(world.count("SELECT count(*) FROM messages WHERE reason = 'control_id_reused'").await, 1);
    assert_eq!(office.post("", &other).await.status, 409, "the same again is the same");

    let mut nameless = message.clone();
    nameless["identifier"]["value"] = json!("another");
    nameless["entry"][3]["resource"]["name"] = json!([]);
    let refused = office.post("", &nameless).await;
    assert_eq!(
        (refused.status, &refused.body["entry"][0]["resource"]["response"]["code"]),
        (422, &json!("fatal-error"))
    );
    assert!(refused.issues().contains(&("error".into(), "required".into(), "Bundle.entry[3].resource.name".into())));
    nameless["entry"][3]["resource"]["name"] = message["entry"][3]["resource"]["name"].clone();
    assert_eq!(office.post("", &nameless).await.status, 200, "a refusal holds no number");

    let event = |code: &str, number: &str| {
        let mut told = message.clone();
        told["identifier"]["value"] = json!(number);
        told["entry"][0]["resource"]["eventCoding"]["code"] = json!(code);
        told
    };
    let asked = office.post("", &event("I15", "m-15")).await;
    assert_eq!((asked.status, &asked.body["entry"][1]["resource"]["status"]), (200, &json!("received")));
    let withdrawn = office.post("", &event("I14", "m-14")).await;
    assert_eq!(
        withdrawn.body["entry"][1]["resource"]["businessStatus"]["text"],
        "Withdrawal received; a person acts on it"
    );
    let mut unknown = event("I15", "m-16");
    unknown["entry"][2]["resource"]["identifier"][0]["value"] = json!("nobody's");
    assert_eq!(office.post("", &unknown).await.status, 404);
    assert!(office.post("", &event("A01", "m-17")).await.has("error", "not-supported"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_alone_is_created_once_and_what_differs_waits_for_a_person() {
    let world = World::start().await;
    let office = Office::of(&world);
    let first = office.post("/ServiceRequest", &request("R-1", "Testpatient")).await;
    assert_eq!((first.status, first.header("etag")), (201, "W/\"1\""));
    assert!(first.header("last-modified").ends_with(" GMT"));
    let id = id_in(first.header("location"));
    assert_eq!(first.header("location"), format!("{}/ServiceRequest/{id}/_history/1", office.base));
    let again = office.post("/ServiceRequest", &request("R-1", "Testpatient")).await;
    assert_eq!((again.status, id_in(again.header("location"))), (200, id.clone()));
    assert_eq!(world.count("SELECT count(*) FROM inquiries").await, 1);

    let changed = office.post("/ServiceRequest", &request("R-1", "Testother")).await;
    assert_eq!((changed.status, id_in(changed.header("location"))), (200, id.clone()));
    assert!(changed.has("warning", "conflict"), "{}", changed.body);
    assert!(changed.body.to_string().contains(&format!("inquiry {id}")));
    assert_eq!(
        world
            .count("SELECT count(inquiry_id) FROM messages WHERE reason = 'referral_changed' AND state = 'parked'")
            .await,
        1
    );
    let repeated = office.post("/ServiceRequest", &request("R-1", "Testother")).await;
    assert!(repeated.has("warning", "conflict"), "the same again hears the same");
    assert_eq!(world.count("SELECT count(*) FROM messages").await, 2);

    let task = office.get(&format!("/Task/{id}")).await;
    assert_eq!(
        (task.header("etag"), &task.body["businessStatus"]["text"]),
        ("W/\"2\"", &json!("Received; a change waits for a person"))
    );
    let read = office.get(&format!("/ServiceRequest/{id}")).await;
    assert_eq!((read.status, &read.body["status"]), (200, &json!("active")));

    let minimal = office
        .ask(Method::POST, "/ServiceRequest")
        .header("content-type", "application/json")
        .header("prefer", "return=minimal");
    let minimal =
        Answer::of(minimal.body(request("R-2", "Testpatient").to_string()).send().await.expect("an answer")).await;
    assert_eq!((minimal.status, &minimal.body), (201, &Value::Null));
    let searched =
        office.ask(Method::POST, "/ServiceRequest").header("content-type", "application/fhir+json; charset=utf-8");
    let searched = searched
        .header("if-none-exist", format!("identifier={NUMBER}|R-2"))
        .body(request("R-2", "Testpatient").to_string());
    assert_eq!(Answer::of(searched.send().await.expect("an answer")).await.status, 200);
    // With other content, so that it is known by its number alone.
    let mut changed = request("R-2", "Testpatient");
    changed["note"][0]["text"] = json!("Treat");
    let encoded = NUMBER.replace(':', "%3A").replace('/', "%2F");
    let encoded = office
        .ask(Method::POST, "/ServiceRequest")
        .header("content-type", "application/fhir+json")
        .header("if-none-exist", format!("identifier={encoded}%7CR-2"))
        .body(changed.to_string());
    let same = Answer::of(encoded.send().await.expect("an answer")).await;
    assert_eq!((same.status, id_in(same.header("location"))), (200, id_in(minimal.header("location"))));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_fills_in_a_form_can_not_take_the_number_of_an_offices_referral() {
    let world = World::start().await;
    let office = Office::of(&world);
    // What is kept under this number is no secret to anybody who knows how it is made.
    let key = causeway_auth::fingerprint(["sound-imaging-fhir", NUMBER, "R-1"]);
    world.accepted(&keyed(&key, &[])).await;
    assert_eq!(world.accepted(&keyed(&key, &[])).await["repeated"], true);
    let told = office.post("/ServiceRequest", &request("R-1", "Testpatient")).await;
    assert_eq!((told.status, told.has("warning", "conflict")), (201, false), "{}", told.body);
    assert_eq!(world.count("SELECT count(*) FROM inquiries").await, 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_withdrawal_waits_for_a_person_and_ends_the_task_when_it_is_settled() {
    let world = World::start().await;
    let office = Office::of(&world);
    let mut early = request("R-9", "Testpatient");
    early["status"] = json!("revoked");
    let kept = office.post("/ServiceRequest", &early).await;
    assert_eq!((kept.status, kept.has("warning", "not-found")), (202, true), "it may have overtaken the referral");

    let id = id_in(office.post("/ServiceRequest", &request("R-1", "Testpatient")).await.header("location"));
    let mut withdrawn = request("R-1", "Testpatient");
    withdrawn["status"] = json!("revoked");
    let told = office.post("/ServiceRequest", &withdrawn).await;
    assert_eq!((told.status, told.has("warning", "conflict")), (200, true));
    let message: uuid::Uuid = sqlx::query_scalar("SELECT message_id FROM messages WHERE reason = 'referral_cancelled'")
        .fetch_one(&world.admin)
        .await
        .expect("it waits");
    let before = office.get(&format!("/Task/{id}")).await;
    assert_eq!(before.body["status"], "received");
    let asked = SettleMessagesRequest { center: CENTER.into(), message_ids: vec![message.to_string()] };
    world.client("portal", Some(coordinator(CENTER))).settle_messages(asked).await.expect("settled");
    let after = office.get(&format!("/Task/{id}")).await;
    assert_eq!((&after.body["status"], after.header("etag")), (&json!("cancelled"), "W/\"3\""));
    assert!(after.body["statusReason"]["text"].is_string());
    assert!(after.body["meta"]["lastUpdated"].as_str() > before.body["meta"]["lastUpdated"].as_str());

    // Sent anew as it was at first: a person takes it up again.
    let again = office.post("/ServiceRequest", &request("R-1", "Testpatient")).await;
    assert_eq!((again.status, again.has("warning", "conflict")), (200, true));
    let waits = "SELECT count(inquiry_id) FROM messages WHERE state = 'parked' AND reason = 'referral_reopened'";
    assert_eq!(world.count(waits).await, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_withdrawal_that_overtook_its_referral_waits_at_it_once_that_has_come() {
    let world = World::start().await;
    let office = Office::of(&world);
    for (number, status) in [("R-8", "active"), ("R-9", "revoked")] {
        let mut sent = request(number, "Testpatient");
        sent["status"] = json!(status);
        office.post("/ServiceRequest", &sent).await;
    }
    let early = "SELECT count(*) FROM messages WHERE state = 'parked' AND reason = 'unknown_referral'";
    assert_eq!(world.count(early).await, 1);
    let id = id_in(office.post("/ServiceRequest", &request("R-9", "Testpatient")).await.header("location"));
    let mut found: Option<uuid::Uuid> = None;
    for _ in 0..400 {
        found = sqlx::query_scalar(
            "SELECT message_id FROM messages JOIN inquiries USING (center_id, inquiry_id) \
             WHERE state = 'parked' AND reason = 'referral_cancelled'",
        )
        .fetch_optional(&world.admin)
        .await
        .expect("read");
        if found.is_some() {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    let message = found.expect("it waits at the referral");
    let asked = SettleMessagesRequest { center: CENTER.into(), message_ids: vec![message.to_string()] };
    world.client("portal", Some(coordinator(CENTER))).settle_messages(asked).await.expect("settled");
    assert_eq!(office.get(&format!("/Task/{id}")).await.body["status"], "cancelled");
    assert_eq!(world.count("SELECT count(*) FROM inquiries").await, 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_office_calls_its_referral_off_by_the_task_and_changes_nothing_else_of_it() {
    let world = World::start().await;
    let office = Office::of(&world);
    let id = id_in(office.post("/ServiceRequest", &request("R-1", "Testpatient")).await.header("location"));
    let mut task = sample("task_x_cancelled_by_referrer.json");
    task["id"] = json!(id);
    let put = async |id: &str, version: Option<&str>, task: &Value| {
        let asked = office.ask(Method::PUT, &format!("/Task/{id}")).header("content-type", "application/fhir+json");
        let asked = version.into_iter().fold(asked, |asked, version| asked.header("if-match", version));
        Answer::of(asked.body(task.to_string()).send().await.expect("an answer")).await
    };
    let version = Some("W/\"1\"");
    assert_eq!(put(&id, None, &task).await.status, 428);
    assert_eq!(put(&id, Some("W/\"7\""), &task).await.status, 412);
    let other = uuid::Uuid::nil().to_string();
    assert_eq!(put(&other, version, &task).await.status, 400, "one id in the address, another in the body");
    task["id"] = json!(other);
    assert_eq!(put(&other, version, &task).await.status, 404);
    task["id"] = json!(id);
    task["status"] = json!("completed");
    let more = put(&id, version, &task).await;
    assert_eq!((more.status, more.issues()[0].2.as_str()), (422, "Task.status"));
    assert_eq!(office.get(&format!("/Task/{id}")).await.header("etag"), "W/\"1\"");

    task["status"] = json!("cancelled");
    let off = put(&id, version, &task).await;
    assert_eq!((off.status, off.header("etag")), (200, "W/\"2\""));
    assert_eq!(off.body["businessStatus"]["text"], "Withdrawal received; a person acts on it");
    assert_eq!(put(&id, version, &task).await.header("etag"), "W/\"2\"", "whose answer was lost asks again");
    assert_eq!(
        world
            .count("SELECT count(inquiry_id) FROM messages WHERE reason = 'referral_cancelled' AND state = 'parked'")
            .await,
        1
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_referral_is_called_off_by_its_own_task_and_by_no_other_ones() {
    let world = World::start().await;
    let office = Office::of(&world);
    let mut task = sample("task_x_cancelled_by_referrer.json");
    let referred =
        async |number| id_in(office.post("/ServiceRequest", &request(number, "Testpatient")).await.header("location"));
    let put = async |id: &str, task: &Value| {
        let asked = office.ask(Method::PUT, &format!("/Task/{id}")).header("content-type", "application/fhir+json");
        let asked = asked.header("if-match", "W/\"1\"").body(task.to_string());
        Answer::of(asked.send().await.expect("an answer")).await
    };
    // One that is about another referral of the office than its address is refused, by its focus or by a number.
    let (one, other) = (referred("R-8").await, referred("R-9").await);
    let of = |focus: &str, number: &str| {
        let mut task = task.clone();
        task["id"] = json!(one);
        task["focus"]["reference"] = json!(format!("ServiceRequest/{focus}"));
        task["identifier"] = json!([{ "system": NUMBER, "value": number }]);
        task
    };
    for task in [of(&other, "R-8"), of(&one, "R-9")] {
        let refused = put(&one, &task).await;
        assert_eq!((refused.status, refused.has("error", "business-rule")), (422, true), "{}", refused.body);
    }
    assert_eq!(put(&one, &of("theirs-1", "R-8/task")).await.status, 200, "numbers of their own lead nowhere");
    task.as_object_mut().expect("an object").remove("id");
    let nameless = put(&other, &task).await;
    assert_eq!((nameless.status, nameless.issues()[0].2.as_str()), (400, "Task.id"), "{}", nameless.body);
    for number in ["R-1", "R-2"] {
        let id = referred(number).await;
        task["id"] = json!(id);
        for _ in 0..2 {
            let asked = office.ask(Method::PUT, &format!("/Task/{id}")).header("content-type", "application/fhir+json");
            let asked = asked.header("if-match", "W/\"1\"").body(task.to_string());
            let off = Answer::of(asked.send().await.expect("an answer")).await;
            assert_eq!((off.status, off.header("etag")), (200, "W/\"2\""), "{number}: {}", off.body);
            assert_eq!(off.body["businessStatus"]["text"], "Withdrawal received; a person acts on it");
        }
    }
    let waiting =
        "SELECT count(DISTINCT inquiry_id) FROM messages WHERE reason = 'referral_cancelled' AND state = 'parked'";
    assert_eq!(world.count(waiting).await, 3, "each waits for a person");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tasks_are_found_by_number_by_focus_and_by_what_is_new_page_by_page() {
    let world = World::start().await;
    let office = Office::of(&world);
    let mut ids = Vec::new();
    for number in 0..5 {
        ids.push(id_in(
            office.post("/ServiceRequest", &request(&format!("R-{number}"), "Testpatient")).await.header("location"),
        ));
    }
    let found = |answer: &Answer| -> Vec<String> {
        let entries = answer.body["entry"].as_array().cloned().unwrap_or_default();
        entries.iter().map(|entry| entry["resource"]["id"].as_str().unwrap_or_default().to_owned()).collect()
    };
    let by_number = office.get(&format!("/Task?identifier={NUMBER}|R-3")).await;
    assert_eq!(
        (found(&by_number), &by_number.body["entry"][0]["resource"]["identifier"][0]["value"]),
        (vec![ids[3].clone()], &json!("R-3"))
    );
    assert_eq!(found(&office.get(&format!("/ServiceRequest?identifier={NUMBER}%7CR-3")).await), [ids[3].clone()]);
    assert_eq!(found(&office.get(&format!("/Task?focus=ServiceRequest/{}", ids[1])).await), [ids[1].clone()]);
    assert!(found(&office.get(&format!("/Task?identifier={NUMBER}|R-77")).await).is_empty());

    let mut pages = Vec::new();
    let mut next = "/Task?_count=2&_lastUpdated=ge2020-01-01".to_owned();
    while !next.is_empty() {
        let page = office.get(&next).await;
        pages.push(found(&page));
        let links = page.body["link"].as_array().expect("links").clone();
        let more = links.iter().find(|link| link["relation"] == "next").and_then(|link| link["url"].as_str());
        next = more.map(|url| url.trim_start_matches(&office.base).to_owned()).unwrap_or_default();
    }
    assert_eq!(pages, [ids[..2].to_vec(), ids[2..4].to_vec(), ids[4..].to_vec()]);
    let newest = office.get(&format!("/Task/{}", ids[4])).await;
    let seen = newest.body["meta"]["lastUpdated"].as_str().expect("a time").to_owned();
    assert!(found(&office.get(&format!("/Task?_lastUpdated=gt{seen}")).await).is_empty(), "what was seen is not new");
    assert_eq!(found(&office.get(&format!("/Task?_lastUpdated=ge{seen}")).await), [ids[4].clone()]);
    office.post("/ServiceRequest", &request("R-0", "Testother")).await;
    assert_eq!(found(&office.get(&format!("/Task?_lastUpdated=gt{seen}")).await), [ids[0].clone()], "a change is news");
    let all = [&ids[1..], &ids[..1]].concat();
    assert_eq!(found(&office.get("/Task").await), all, "each once, where it changed last");
    assert_eq!(office.get("/Task?patient=Rosa").await.status, 400);
    assert_eq!(office.get("/ServiceRequest").await.status, 400);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_is_let_in_without_a_key_of_the_center_and_nobody_sees_anothers() {
    let world = World::start().await;
    let office = Office::of(&world);
    let id = id_in(office.post("/ServiceRequest", &request("R-1", "Testpatient")).await.header("location"));
    let keyless = world.browser.get(format!("{}/Task/{id}", office.base)).send().await.expect("an answer");
    let keyless = Answer::of(keyless).await;
    assert_eq!(
        (keyless.status, keyless.header("www-authenticate"), keyless.has("error", "login")),
        (401, "Bearer", true)
    );
    let with = |key| Office { key, base: office.base.clone(), world: &world };
    assert_eq!(with("wrong").get(&format!("/Task/{id}")).await.status, 401);
    let by_csv = with("cedar-demo-key").post("/ServiceRequest", &request("R-2", "Testpatient")).await;
    assert_eq!((by_csv.status, by_csv.has("error", "forbidden")), (403, true));
    let elsewhere = Office { key: KEY, base: office.base.replace(CENTER, OTHER), world: &world };
    assert_eq!(elsewhere.get(&format!("/Task/{id}")).await.status, 401);
    let nowhere = Office { key: KEY, base: office.base.replace(CENTER, "nowhere"), world: &world };
    assert_eq!(nowhere.get(&format!("/Task/{id}")).await.status, 401, "which centers there are is not told");
    assert_eq!(world.count("SELECT count(*) FROM inquiries").await, 1);

    // An inquiry that another feed of the same center sent is as absent as none.
    sqlx::query("UPDATE messages SET feed = 'another-fhir'").execute(&world.admin).await.expect("moved");
    for path in [format!("/Task/{id}"), format!("/ServiceRequest/{id}"), "/Task/7".into(), "/Patient/7".into()] {
        assert_eq!(office.get(&path).await.status, 404, "{path}");
    }
    for search in [format!("/Task?identifier={NUMBER}|R-1"), format!("/Task?focus=ServiceRequest/{id}"), "/Task".into()]
    {
        assert_eq!(office.get(&search).await.body["entry"], Value::Null, "{search}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_refused_is_told_in_fhir_with_its_place_and_kept_as_evidence() {
    let world = World::start().await;
    let office = Office::of(&world);
    for (file, status, issue) in [
        ("bad_missing_subject.json", 400, "required"),
        ("bad_modifier_extension.json", 422, "extension"),
        ("bad_delete_in_transaction.json", 403, "forbidden"),
        ("bad_attachment_hash.json", 422, "value"),
    ] {
        let refused = office.post("", &sample(file)).await;
        assert_eq!((refused.status, refused.has("error", issue)), (status, true), "{file}: {}", refused.body);
        let checked = office.post("/Bundle/$validate", &sample(file)).await;
        assert_eq!((checked.status, checked.issues()), (200, refused.issues()), "{file}");
    }
    assert_eq!(
        world.count("SELECT count(*) FROM messages WHERE state = 'refused'").await,
        4,
        "and a check keeps nothing"
    );
    assert_eq!(world.count("SELECT count(*) FROM inquiries").await, 0);
    let well = office.post("/$validate", &sample("referral_transaction_breast.json")).await;
    assert_eq!((well.status, world.count("SELECT count(*) FROM inquiries").await), (200, 0));
    assert!(!well.issues().iter().any(|issue| issue.0 == "error"));

    let raw = async |path: &str, kind: &str, body: Vec<u8>| {
        let request = office.ask(Method::POST, path).header("content-type", kind.to_owned()).body(body);
        Answer::of(request.send().await.expect("an answer")).await
    };
    let cut = raw("", "application/fhir+json", b"{\"resourceType\": \"Bundle\", \"Testpatient\": ".to_vec()).await;
    assert_eq!((cut.status, cut.has("fatal", "structure")), (400, true));
    let xml = raw("", "application/fhir+xml", b"<Bundle/>".to_vec()).await;
    assert_eq!((xml.status, xml.has("error", "not-supported")), (415, true));
    let only_xml = office.ask(Method::GET, "/metadata").header("accept", "application/fhir+xml").send().await;
    assert_eq!(Answer::of(only_xml.expect("an answer")).await.status, 406);
    let batch = office.post("", &json!({ "resourceType": "Bundle", "type": "batch" })).await;
    assert_eq!((batch.status, batch.has("error", "not-supported")), (422, true));
    let other = office.post("/ServiceRequest", &json!({ "resourceType": "Patient" })).await;
    assert_eq!((other.status, other.has("error", "invalid")), (400, true));
    assert_eq!(
        office.ask(Method::DELETE, "/Task/7").send().await.map(|answer| answer.status().as_u16()).ok(),
        Some(405)
    );
    assert_eq!(office.get("/Observation").await.status, 404);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bodies_are_limited_and_documents_of_some_megabytes_are_taken() {
    let mut config = Config::default();
    config.fhir.body_bytes = 3 * 1024 * 1024;
    config.fhir.entries = 20;
    let world = World::start_with(config).await;
    let office = Office::of(&world);
    let with_document = |bytes: usize| {
        let mut bundle = sample("referral_transaction_breast.json");
        bundle["entry"][8]["resource"]["content"][0]["attachment"] =
            json!({ "data": "QUJD".repeat(bytes / 3), "size": bytes });
        bundle
    };
    assert_eq!(office.post("", &with_document(2_097_150)).await.status, 200);
    let large = office.post("", &with_document(3_000_000)).await;
    assert_eq!((large.status, large.has("error", "too-long")), (413, true));
    let mut many = sample("referral_transaction_breast.json");
    let entry = many["entry"][7].clone();
    many["entry"].as_array_mut().expect("entries").extend(std::iter::repeat_n(entry, 20));
    let many = office.post("", &many).await;
    assert_eq!((many.status, many.issues()[0].2.as_str()), (413, "Bundle.entry"));
    let long =
        world.browser.post(format!("{}/v1/centers/{CENTER}/inquiries", world.door.http)).body(vec![b'x'; 100_000]);
    assert_eq!(long.send().await.expect("an answer").status(), 413, "the other doors keep their limit");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answers_of_a_form_get_the_same_checks_as_the_form() {
    let world = World::start().await;
    let office = Office::of(&world);
    let form = |status: &str, number: &str, phone: &str| {
        let answer = |link: &str, value: Value| json!({ "linkId": link, "answer": [value] });
        json!({
            "resourceType": "QuestionnaireResponse",
            "identifier": { "system": "https://office.example/form", "value": number },
            "questionnaire": "https://harborvalley.example/Questionnaire/second-opinion",
            "status": status,
            "item": [
                answer("who", json!({ "valueCoding": { "code": "patient" } })),
                answer("name", json!({ "valueString": "Marisol Testpatient" })),
                { "linkId": "reach", "item": [answer("phone", json!({ "valueString": phone }))] },
                answer("cancer_area", json!({ "valueCoding": { "code": "gi" } })),
                answer("consent_phone", json!({ "valueBoolean": true })),
            ],
        })
    };
    let partial = office.post("/QuestionnaireResponse", &form("in-progress", "F-1", "206 555 0199")).await;
    assert_eq!(partial.status, 202);
    assert_eq!(world.count("SELECT count(*) FROM inquiries").await, 0, "kept and led to nothing yet");
    let taken = office.post("/QuestionnaireResponse", &form("completed", "F-1", "206 555 0199")).await;
    assert_eq!(taken.status, 201, "{}", taken.body);
    assert!(taken.header("location").contains("/QuestionnaireResponse/"));
    assert_eq!(world.count("SELECT count(*) FROM inquiries WHERE source = 'fhir' AND NOT needs_repair").await, 1);
    assert_eq!(office.post("/QuestionnaireResponse", &form("completed", "F-1", "206 555 0199")).await.status, 200);
    let id = id_in(taken.header("location"));
    assert_eq!(
        office.get(&format!("/Task/{id}")).await.body["focus"]["reference"],
        format!("QuestionnaireResponse/{id}")
    );
    assert_eq!(office.get(&format!("/ServiceRequest/{id}")).await.status, 404);

    let mended = office.post("/QuestionnaireResponse", &form("completed", "F-2", "12")).await;
    assert_eq!(mended.status, 201, "a person can mend it");
    assert!(mended.issues().contains(&(
        "warning".into(),
        "value".into(),
        "QuestionnaireResponse.item.where(linkId='phone')".into()
    )));
    assert_eq!(world.count("SELECT count(*) FROM repairs").await, 1);
    let checked = office.post("/QuestionnaireResponse/$validate", &form("completed", "F-3", "12")).await;
    assert!(checked.issues().contains(&(
        "warning".into(),
        "value".into(),
        "QuestionnaireResponse.item.where(linkId='phone')".into()
    )));
    let mut more = form("completed", "F-6", "206 555 0177");
    more["author"] = json!({ "display": "Dr. Okafor" });
    let extra = json!([
        { "linkId": "smoker", "text": "Do you smoke?", "answer": [{ "valueCoding": { "code": "LA18978-9", "display": "Never" } }] },
        { "linkId": "scan", "answer": [{ "valueAttachment": { "title": "Letter", "contentType": "text/plain", "data": "SGVsbG8=" } }] },
        { "linkId": "odd", "answer": [{ "valueFoo": 1 }] },
    ]);
    more["item"].as_array_mut().expect("a list").extend(extra.as_array().expect("a list").clone());
    let more = office.post("/QuestionnaireResponse", &more).await;
    assert_eq!(more.status, 201, "{}", more.body);
    let places: Vec<String> = more.issues().into_iter().filter(|one| one.0 == "warning").map(|one| one.2).collect();
    assert_eq!(places, ["QuestionnaireResponse.author", "QuestionnaireResponse.item[7].answer[0]"]);
    let asked = RevealPeopleRequest {
        center: CENTER.into(),
        inquiry_ids: vec![id_in(more.header("location"))],
        purpose: "inquiry_page".into(),
    };
    let people = world.client("portal", Some(coordinator(CENTER))).reveal_people(asked).await.expect("opened");
    let told = &people.into_inner().people[0].answers;
    assert_eq!((told["smoker"].as_str(), told["scan"].as_str()), ("Do you smoke? Never", "Letter"));
    let kept = "SELECT count(*) FROM documents";
    eventually("the letter is taken out", || async { world.count(kept).await == 1 }).await;
    let mut unknown = form("completed", "F-4", "206 555 0199");
    unknown["questionnaire"] = json!("https://harborvalley.example/Questionnaire/none");
    let unknown = office.post("/QuestionnaireResponse", &unknown).await;
    assert_eq!((unknown.status, unknown.issues()[0].2.as_str()), (422, "QuestionnaireResponse.questionnaire"));
    let mut empty = form("completed", "F-5", "");
    empty["item"] = json!([]);
    assert_eq!(office.post("/QuestionnaireResponse", &empty).await.status, 422, "nobody could act on it");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_metadata_is_open_and_names_no_more_than_is_there() {
    let world = World::start().await;
    let office = Office::of(&world);
    let open = world.browser.get(format!("{}/metadata", office.base)).send().await.expect("an answer");
    let open = Answer::of(open).await;
    assert_eq!(
        (open.status, &open.body["resourceType"], &open.body["fhirVersion"]),
        (200, &json!("CapabilityStatement"), &json!("4.0.1"))
    );
    assert_eq!(open.body["implementation"]["url"], json!(office.base));
    for resource in open.body["rest"][0]["resource"].as_array().expect("resources") {
        let kind = resource["type"].as_str().expect("a type");
        let does = |code: &str| {
            resource["interaction"].as_array().is_some_and(|all| all.iter().any(|one| one["code"] == code))
        };
        let created = office.post(&format!("/{kind}"), &json!({ "resourceType": kind })).await.status;
        assert_eq!(does("create"), created == 400, "{kind}: {created}");
        // All subscriptions of a feed are one list, which nothing narrows.
        let asked = if kind == "Subscription" { "" } else { "?identifier=x" };
        let searched = office.get(&format!("/{kind}{asked}")).await.status;
        assert_eq!(does("search-type"), searched == 200, "{kind}: {searched}");
    }
    let unknown =
        world.browser.get(office.base.replace(CENTER, "nowhere") + "/metadata").send().await.expect("an answer");
    assert_eq!(unknown.status(), 404);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_at_once_and_the_same_by_two_doors_open_one_inquiry_each_and_stand_after_a_restart() {
    let world = World::start().await;
    let second = world.second_door().await;
    let lines = (0..16).map(|line| {
        let (world, second) = (&world, &second);
        async move {
            for number in 0..8 {
                let body = request(&format!("M-{number}"), "Testpatient");
                let office = if line % 2 == 0 { Office::of(world) } else { Office::at(world, second) };
                let answer = office.post("/ServiceRequest", &body).await;
                assert!([200, 201].contains(&answer.status), "{}", answer.body);
            }
        }
    });
    futures::future::join_all(lines).await;
    assert_eq!(world.count("SELECT count(*) FROM inquiries").await, 8);
    assert_eq!(world.count("SELECT sum(times) FROM messages").await, 128);
    let id: uuid::Uuid =
        sqlx::query_scalar("SELECT inquiry_id FROM inquiries LIMIT 1").fetch_one(&world.admin).await.expect("one");
    second.stop_softly();
    world.door.stop_softly();
    let third = world.second_door().await;
    let office = Office::at(&world, &third);
    eventually("the profiles are there again", || async { office.get(&format!("/Task/{id}")).await.status == 200 })
        .await;
    assert_eq!(office.post("/ServiceRequest", &request("M-3", "Testpatient")).await.status, 200);
    assert_eq!(world.count("SELECT count(*) FROM inquiries").await, 8);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_the_database_nothing_is_answered_as_kept_and_the_same_is_taken_later() {
    let mut world = World::start_alone(Config::default()).await;
    let message = sample("referral_message_breast.json");
    world.postgres().kill().await.expect("killed");
    {
        let office = Office::of(&world);
        let away = office.post("", &message).await;
        assert_eq!(
            (away.status, &away.body["entry"][0]["resource"]["response"]["code"]),
            (503, &json!("transient-error"))
        );
        assert_eq!(away.header("retry-after"), "5");
        let alone = office.post("/ServiceRequest", &request("R-1", "Testpatient")).await;
        assert_eq!((alone.status, alone.has("error", "transient")), (503, true));
    }
    world.postgres().restart().await.expect("started again");
    let office = Office::of(&world);
    eventually("the same message is taken", || async { office.post("", &message).await.status == 200 }).await;
    assert_eq!(world.count("SELECT count(*) FROM inquiries").await, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_kind_of_answer_is_fhir_to_somebody_elses_validator() {
    let world = World::start().await;
    let office = Office::of(&world);
    office.get("/metadata").await;
    for file in ["referral_transaction_breast.json", "referral_transaction_breast.json", "referral_message_breast.json"]
    {
        office.post("", &sample(file)).await;
    }
    for file in ["bad_missing_subject.json", "bad_two_patients.json", "bad_npi_checksum.json"] {
        office.post("", &sample(file)).await;
        office.post("/$validate", &sample(file)).await;
    }
    for (number, status) in
        [("R-1", "active"), ("R-1", "active"), ("R-1", "revoked"), ("R-2", "revoked"), ("R-3", "draft")]
    {
        let mut body = request(number, "Testpatient");
        body["status"] = json!(status);
        let told = office.post("/ServiceRequest", &body).await;
        if told.status == 201 {
            let id = id_in(told.header("location"));
            office.get(&format!("/Task/{id}")).await;
            office.get(&format!("/ServiceRequest/{id}")).await;
        }
    }
    let mut broken = sample("referral_message_breast.json");
    broken["identifier"]["value"] = json!("m-2");
    broken["entry"][2]["resource"]["status"] = json!("on");
    office.post("", &broken).await;
    let mut early = sample("referral_transaction_breast.json");
    early["entry"][9]["resource"]["status"] = json!("revoked");
    early["entry"][9]["request"]["ifNoneExist"] = json!("identifier=x|never-seen");
    office.post("", &early).await;
    for search in [
        "/Task?_count=1".to_owned(),
        format!("/Task?identifier={NUMBER}|R-1"),
        "/ServiceRequest?identifier=x|y".to_owned(),
        "/Task?x=y".to_owned(),
        "/nothing".to_owned(),
    ] {
        office.get(&search).await;
    }
    let answers = ANSWERS.lock().expect("no test broke while it wrote").clone();
    assert!(answers.len() >= 20, "{}", answers.len());
    println!("{} answers", answers.len());
    validator::judge(&answers).unwrap_or_else(|faults| panic!("{faults}"));
    let wrong = json!({ "resourceType": "Task", "status": "received" }).to_string();
    assert!(validator::judge(&[wrong]).is_err(), "the validator would notice");
    let no_such_code = json!({ "resourceType": "Task", "status": "nonsense", "intent": "order" }).to_string();
    assert!(validator::judge(&[no_such_code]).is_err(), "so would the one that knows the bound codes");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_place_that_is_told_of_a_referral_is_there_and_only_its_version_in_force() {
    let world = World::start().await;
    let office = Office::of(&world);
    let first = office.post("/ServiceRequest", &request("R-1", "Testpatient")).await;
    let place = first.header("location").trim_start_matches(&office.base).to_owned();
    let read = office.get(&place).await;
    assert_eq!((read.status, &read.body["meta"]["versionId"]), (200, &json!("1")), "{place}");
    office.post("/ServiceRequest", &request("R-1", "Testother")).await;
    let old = office.get(&place).await;
    assert_eq!((old.status, old.has("error", "not-found")), (404, true), "it has changed since");
    let id = id_in(&place);
    assert_eq!(office.get(&format!("/Task/{id}/_history/2")).await.header("etag"), "W/\"2\"");
    assert_eq!(office.get(&format!("/Task/{id}/_history/1")).await.status, 404);

    let form = json!({
        "resourceType": "QuestionnaireResponse", "status": "completed",
        "questionnaire": "https://harborvalley.example/Questionnaire/second-opinion",
        "item": [
            { "linkId": "who", "answer": [{ "valueCoding": { "code": "patient" } }] },
            { "linkId": "name", "answer": [{ "valueString": "Marisol Testpatient" }] },
            { "linkId": "phone", "answer": [{ "valueString": "206 555 0199" }] },
            { "linkId": "cancer_area", "answer": [{ "valueCoding": { "code": "gi" } }] },
        ],
    });
    let given = office.post("/QuestionnaireResponse", &form).await;
    let place = given.header("location").trim_start_matches(&office.base).to_owned();
    let read = office.get(&place).await;
    assert_eq!((read.status, &read.body["resourceType"]), (200, &json!("QuestionnaireResponse")), "{place}");
    assert_eq!(
        (&read.body["status"], &read.body["item"]),
        (&json!("completed"), &Value::Null),
        "what it says stays sealed"
    );
    assert_eq!(office.get(&format!("/QuestionnaireResponse/{id}")).await.status, 404, "that one is no form");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_search_may_be_posted_so_that_no_number_stands_in_an_address_and_asks_by_id_as_well() {
    let world = World::start().await;
    let office = Office::of(&world);
    let id = id_in(office.post("/ServiceRequest", &request("R-1", "Testpatient")).await.header("location"));
    office.post("/ServiceRequest", &request("R-2", "Testpatient")).await;
    for kind in ["Task", "ServiceRequest"] {
        for asked in [format!("_id={id}"), format!("identifier={NUMBER}%7CR-1")] {
            let search = office.ask(Method::POST, &format!("/{kind}/_search"));
            let search = search.header("content-type", "application/x-www-form-urlencoded").body(asked.clone());
            let found = Answer::of(search.send().await.expect("an answer")).await;
            assert_eq!((found.status, found.body["entry"].as_array().map(Vec::len)), (200, Some(1)), "{kind}?{asked}");
            assert_eq!(
                (&found.body["entry"][0]["resource"]["id"], &found.body["type"]),
                (&json!(id), &json!("searchset"))
            );
            let same = office.get(&format!("/{kind}?{asked}")).await;
            assert_eq!(same.body["entry"], found.body["entry"]);
        }
        let odd = office
            .ask(Method::POST, &format!("/{kind}/_search"))
            .header("content-type", "application/x-www-form-urlencoded");
        assert_eq!(Answer::of(odd.body("patient=x").send().await.expect("an answer")).await.status, 400);
    }
    assert_eq!(world.count("SELECT count(*) FROM messages").await, 2, "a search is no message");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_referral_without_a_number_is_known_by_patient_doctor_diagnosis_and_day() {
    let world = World::start().await;
    let office = Office::of(&world);
    let sent = |authored: &str, note: &str| {
        let mut body = request("none", "Testpatient");
        body.as_object_mut().expect("an object").remove("identifier");
        body["authoredOn"] = json!(authored);
        body["note"][0]["text"] = json!(note);
        body
    };
    let first = office.post("/ServiceRequest", &sent("2026-04-12T10:30:00Z", "Evaluate and treat")).await;
    assert_eq!((first.status, first.has("warning", "required")), (201, true), "{}", first.body);
    let again = office.post("/ServiceRequest", &sent("2026-04-12T11:45:00Z", "Evaluate and treat")).await;
    assert_eq!(
        (again.status, id_in(again.header("location"))),
        (200, id_in(first.header("location"))),
        "made anew by its system"
    );
    let changed = office.post("/ServiceRequest", &sent("2026-04-12T11:45:00Z", "Treat")).await;
    assert_eq!((changed.status, changed.has("warning", "conflict")), (200, true), "a person compares them");
    assert_eq!(world.count("SELECT count(*) FROM inquiries").await, 1);
    let other = office.post("/ServiceRequest", &sent("2026-04-20T10:30:00Z", "Evaluate and treat")).await;
    assert_eq!(other.status, 201, "another day, another referral");
    assert_eq!(world.count("SELECT count(*) FROM inquiries").await, 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_type_that_a_referral_is_read_from_can_be_checked_alone() {
    let world = World::start().await;
    let office = Office::of(&world);
    let bundle = sample("referral_transaction_breast.json");
    for entry in bundle["entry"].as_array().expect("entries") {
        let kind = entry["resource"]["resourceType"].as_str().expect("a type");
        let well = office.post(&format!("/{kind}/$validate"), &entry["resource"]).await;
        // A ServiceRequest alone is not its patient.
        let is_alone = kind == "ServiceRequest";
        let has_error = well.issues().iter().any(|issue| issue.0 == "error");
        assert_eq!((well.status, has_error), (200, is_alone), "{kind}: {}", well.body);
    }
    let nobody = json!({ "resourceType": "Patient", "birthDate": "1968-02-30" });
    let told = office.post("/Patient/$validate", &nobody).await;
    assert_eq!((told.has("error", "required"), told.has("error", "value")), (true, true), "{}", told.body);
    assert_eq!(world.count("SELECT count(*) FROM messages").await, 0, "nothing is kept");
}
