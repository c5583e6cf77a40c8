//! How offices ask by FHIR R4: formats, preferences, checks and searches by habit, and what they are told where they err.

use std::path::Path;

use reqwest::Method;
use serde_json::{Value, json};

use crate::fhir::{Answer, Office, id_in, request};
use crate::world::World;

fn sample(name: &str) -> Value {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/samples/fhir").join(name);
    serde_json::from_slice(&std::fs::read(file).expect("a sample")).expect("JSON")
}

async fn asked(
    office: &Office<'_>,
    (method, path): (Method, &str),
    headers: &[(&str, &str)],
    body: impl Into<reqwest::Body>,
) -> Answer {
    let plain = office.ask(method, path);
    let asked = headers.iter().fold(plain, |asked, (name, value)| asked.header(*name, *value));
    Answer::of(asked.body(body).send().await.expect("an answer")).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_format_is_heeded_at_every_place_and_a_body_in_another_is_told_so() {
    let world = World::start().await;
    let office = Office::of(&world);
    let id = id_in(office.post("/ServiceRequest", &request("R-1", "Testpatient")).await.header("location"));
    let places = ["/metadata".to_owned(), format!("/Task/{id}"), "/Task".to_owned(), "/Subscription".to_owned()];
    for place in &places {
        for (format, accept, status) in
            [("xml", "*/*", 406), ("application/fhir%2Bxml", "application/json", 406), ("json", "application/xml", 200)]
        {
            let path = format!("{place}?_format={format}");
            let told = asked(&office, (Method::GET, &path), &[("accept", accept)], "").await;
            assert_eq!(told.status, status, "{path}");
        }
        let told = asked(&office, (Method::GET, place), &[("accept", "Application/FHIR+JSON;q=0.5")], "").await;
        assert_eq!(told.status, 200, "{place}");
    }
    let form = ("content-type", "application/x-www-form-urlencoded");
    let xml = asked(&office, (Method::POST, "/Task/_search"), &[form], "_format=xml").await;
    assert_eq!(xml.status, 406);
    let body = request("R-2", "Testpatient").to_string();
    for (headers, status) in [
        (vec![("content-type", "application/fhir+json; fhirversion=5.0")], 415),
        (vec![("content-type", "application/fhir+json"), ("content-encoding", "gzip")], 415),
    ] {
        let told = asked(&office, (Method::POST, "/ServiceRequest"), &headers, body.clone()).await;
        assert_eq!(told.status, status, "{headers:?}");
    }
    let json = [("content-type", "application/fhir+json")];
    let utf_16: Vec<u8> = body.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let latin: Vec<u8> = body
        .replace("Marisol", "Mar\u{ed}a")
        .chars()
        .map(|sign| u8::try_from(u32::from(sign)).unwrap_or(b'?'))
        .collect();
    for bytes in [utf_16, latin] {
        let told = asked(&office, (Method::POST, "/ServiceRequest"), &json, bytes).await;
        assert!(told.status == 400 && told.body.to_string().contains("UTF-8"), "{}", told.body);
    }
    let deep = format!("{}{}", "{\"item\":[".repeat(60), "]}".repeat(60));
    let told = asked(&office, (Method::POST, "/ServiceRequest"), &json, deep).await;
    assert_eq!((told.status, told.issues()[0].1.as_str()), (400, "too-long"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_preference_is_heeded_among_others_and_a_version_however_it_is_written() {
    let world = World::start().await;
    let office = Office::of(&world);
    let json = ("content-type", "application/fhir+json");
    let send = async |number: &str, prefer: &str| {
        let body = request(number, "Testpatient").to_string();
        asked(&office, (Method::POST, "/ServiceRequest"), &[json, ("prefer", prefer)], body).await
    };
    let minimal = send("R-1", "handling=strict; return=minimal").await;
    assert_eq!((minimal.status, &minimal.body), (201, &Value::Null));
    let whole = send("R-2", "respond-async, return=representation").await;
    assert_eq!((whole.status, &whole.body["resourceType"]), (201, &json!("ServiceRequest")));
    for (number, version, prefer) in [("R-1", "*", "return=minimal"), ("R-2", "\"1\"", "return=representation")] {
        let id = id_in(send(number, "return=minimal").await.header("location"));
        let mut task = sample("task_x_cancelled_by_referrer.json");
        task["id"] = json!(id);
        let headers = [json, ("if-match", version), ("prefer", prefer)];
        let told = asked(&office, (Method::PUT, &format!("/Task/{id}")), &headers, task.to_string()).await;
        assert_eq!((told.status, told.body.is_null()), (200, prefer.ends_with("minimal")), "{version}");
        assert_eq!(office.get(&format!("/Task/{id}")).await.header("etag"), "W/\"2\"");
    }
    assert_eq!(world.count("SELECT count(*) FROM messages WHERE reason = 'referral_cancelled'").await, 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn searches_by_habit_are_answered_and_faults_are_named() {
    let world = World::start().await;
    let office = Office::of(&world);
    office.post("/ServiceRequest", &request("R-1", "Testpatient")).await;
    let number = "identifier=https://office.example/referral%7CR-1";
    for (search, total) in [
        (format!("{number}&status=http://hl7.org/fhir/task-status%7Creceived"), json!(1)),
        (format!("{number}&_total=accurate&_count=0"), json!(1)),
        ("status=requested,on-hold".to_owned(), json!(0)),
        ("_total=none&_pretty=true&_lastUpdated=ge2020-01-01T00:00Z".to_owned(), Value::Null),
    ] {
        let found = office.get(&format!("/Task?{search}")).await;
        assert_eq!((found.status, &found.body["total"]), (200, &total), "{search}: {}", found.body);
    }
    let by_address = asked(&office, (Method::POST, &format!("/Task/_search?{number}")), &[], "").await;
    assert_eq!((by_address.status, &by_address.body["total"]), (200, &json!(1)));
    for (search, total) in [("_id=nope", json!(0)), (&*format!("{number}&_summary=count"), json!(1))] {
        let found = office.get(&format!("/Task?{search}")).await;
        assert_eq!((found.status, &found.body["total"]), (200, &total), "{search}: {}", found.body);
    }
    let lenient = [("prefer", "handling=lenient")];
    let lenient = asked(&office, (Method::GET, &format!("/Task?{number}&patient=Patient/7")), &lenient, "").await;
    assert_eq!((lenient.status, &lenient.body["total"]), (200, &json!(1)), "{}", lenient.body);
    let task = format!("/Task/{}", lenient.body["entry"][0]["resource"]["id"].as_str().expect("an id"));
    let seen = office.ask(Method::GET, &task).header("if-none-match", "W/\"1\"").send().await.expect("an answer");
    assert_eq!((seen.status().as_u16(), seen.text().await.expect("a body").len()), (304, 0));
    let bundle = office.post("/Bundle", &json!({ "resourceType": "Bundle" })).await;
    assert!(bundle.status == 404 && bundle.body.to_string().contains("base address"), "{}", bundle.body);
    let unknown = office.get("/Task?patient=Patient/7").await;
    assert!(unknown.status == 400 && unknown.body.to_string().contains("patient: "), "{}", unknown.body);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_check_hears_its_address_and_tells_what_r4_requires() {
    let world = World::start().await;
    let office = Office::of(&world);
    let patient =
        json!({ "resourceType": "Patient", "name": [{ "family": "Testpatient" }], "birthDate": "1968-07-19" });
    for (path, body, status, issue) in [
        ("/Patient/$validate", patient.clone(), 200, ("information", "informational")),
        ("/ServiceRequest/$validate", patient.clone(), 200, ("error", "invalid")),
        ("/$validate", json!({ "resourceType": "Coverage" }), 200, ("error", "required")),
        ("/Patient/$validate?mode=bogus", patient.clone(), 400, ("error", "not-supported")),
        ("/Patient/$validate?profile=https://x.example/p", patient, 200, ("warning", "not-supported")),
    ] {
        let told = office.post(path, &body).await;
        assert_eq!((told.status, told.has(issue.0, issue.1)), (status, true), "{path}: {}", told.body);
    }
    assert_eq!(world.count("SELECT count(*) FROM messages").await, 0, "nothing is kept");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_wrong_with_an_answer_is_told_at_its_place_in_the_bundle() {
    let world = World::start().await;
    let office = Office::of(&world);
    let mut bundle = sample("referral_transaction_breast.json");
    bundle["entry"][0]["resource"]["birthDate"] = json!("1968");
    bundle["entry"][0]["resource"]["telecom"] = json!([{ "system": "phone", "value": "12" }]);
    let told = office.post("", &bundle).await;
    assert_eq!(told.status, 200, "{}", told.body);
    let places: Vec<String> = told.issues().into_iter().map(|(_, _, place)| place).collect();
    for place in ["Bundle.entry[0].resource.birthDate", "Bundle.entry[0].resource.telecom"] {
        assert!(places.iter().any(|told| told == place), "{place}: {}", told.body);
    }
    assert!(!told.body.to_string().contains("Enter"), "{}", told.body);
    bundle["entry"][0]["resource"]["telecom"] = json!([{ "system": "phone", "value": "206 555 0199" }]);
    let changed = office.post("", &bundle).await;
    let waits = changed.issues().into_iter().find(|(_, code, _)| code == "conflict");
    assert_eq!(waits.map(|(_, _, place)| place).as_deref(), Some("Bundle.entry[9].resource"), "{}", changed.body);
    let mut event = sample("referral_message_breast.json");
    event["entry"][0]["resource"]["eventCoding"]["code"] = json!("I99");
    let refused = office.post("/$process-message", &event).await;
    let header = &refused.body["entry"][0]["resource"];
    assert_eq!((refused.status, &header["eventCoding"]["code"]), (422, &json!("I99")), "{}", refused.body);
}
