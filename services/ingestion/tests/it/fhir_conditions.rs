//! What an office asks to be looked for first by FHIR R4: by number, by our id and at a version, wherever that is told.

use reqwest::Method;
use serde_json::{Value, json};

use crate::fhir::{Answer, Office, id_in, request};
use crate::world::World;

const NUMBER: &str = "https://office.example/referral";

fn without_number(family: &str) -> Value {
    let mut told = request("R-0", family);
    told.as_object_mut().expect("an object").remove("identifier");
    told
}

async fn if_none_exist(office: &Office<'_>, search: &str, body: &Value) -> Answer {
    let asked = office.ask(Method::POST, "/ServiceRequest").header("content-type", "application/fhir+json");
    Answer::of(asked.header("if-none-exist", search).body(body.to_string()).send().await.expect("an answer")).await
}

/// A referral and its patient as a transaction, the referral under a request of its own.
fn transaction(told: &Value, asked: Value) -> Value {
    json!({ "resourceType": "Bundle", "type": "transaction", "entry": [{ "resource": told, "request": asked }] })
}

fn outcome(answer: &Answer) -> (u16, Value) {
    (answer.status, answer.body["entry"][0]["response"]["status"].clone())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_number_that_stands_in_the_header_alone_tells_referrals_apart() {
    let world = World::start().await;
    let office = Office::of(&world);
    let body = without_number("Testpatient");
    let plain = office.post("/ServiceRequest", &body).await;
    let first = if_none_exist(&office, &format!("identifier={NUMBER}|R-10"), &body).await;
    let second = if_none_exist(&office, &format!("identifier={NUMBER}|R-11"), &body).await;
    assert_eq!((plain.status, first.status, second.status), (201, 201, 201));
    assert_eq!(world.count("SELECT count(*) FROM inquiries").await, 3);
    for (number, answer) in [("R-10", &first), ("R-11", &second)] {
        let again = if_none_exist(&office, &format!("identifier={NUMBER}|{number}"), &body).await;
        assert_eq!((again.status, id_in(again.header("location"))), (200, id_in(answer.header("location"))));
        let found = office.get(&format!("/Task?identifier={NUMBER}|{number}")).await;
        assert_eq!(found.body["total"], 1, "{number}");
    }
    // A mended phone under the same number is a change of that referral.
    let mut mended = body.clone();
    mended["contained"][0]["telecom"][0]["value"] = json!("206 555 0198");
    let changed = if_none_exist(&office, &format!("identifier={NUMBER}|R-10"), &mended).await;
    assert_eq!((changed.status, changed.has("warning", "conflict")), (200, true), "{}", changed.body);
    assert_eq!(world.count("SELECT count(*) FROM inquiries").await, 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_number_is_read_alike_wherever_it_is_searched() {
    let world = World::start().await;
    let office = Office::of(&world);
    let first = office.post("/ServiceRequest", &request("E,1", "Testpatient")).await;
    let id = id_in(first.header("location"));
    for search in ["identifier=SYS|E\\,1", "identifier=SYS%7CE%5C%2C1", "identifier=E\\,1"] {
        let search = search.replace("SYS", NUMBER);
        let again = if_none_exist(&office, &search, &without_number("Testpatient")).await;
        assert_eq!((again.status, id_in(again.header("location"))), (200, id.clone()), "{search}");
    }
    for search in ["identifier=s|A,s|B", "identifier=s|A&status=active", "identifier=s|", "name=x"] {
        let refused = if_none_exist(&office, search, &without_number("Testpatient")).await;
        assert_eq!((refused.status, refused.has("error", "not-supported")), (400, true), "{search}");
    }
    let mut other = request("E,1", "Testpatient");
    other["identifier"][0]["system"] = json!("https://office.example/other");
    assert_eq!(office.post("/ServiceRequest", &other).await.status, 201);
    let many = if_none_exist(&office, "identifier=E\\,1", &without_number("Testother")).await;
    assert_eq!((many.status, many.has("error", "multiple-matches")), (412, true), "{}", many.body);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_entry_is_updated_by_number_or_id_at_the_version_that_was_seen_or_not_at_all() {
    let world = World::start().await;
    let office = Office::of(&world);
    let by_number = json!({ "method": "PUT", "url": format!("ServiceRequest?identifier={NUMBER}|P-1") });
    let body = without_number("Testpatient");
    let made = office.post("", &transaction(&body, by_number.clone())).await;
    assert_eq!(outcome(&made), (200, json!("201 Created")));
    let id = id_in(made.body["entry"][0]["response"]["location"].as_str().expect("a place"));
    assert_eq!(outcome(&office.post("", &transaction(&body, by_number.clone())).await), (200, json!("200 OK")));
    let by_id = |id: &str| json!({ "method": "PUT", "url": format!("ServiceRequest/{id}") });
    let with = |mut asked: Value, name: &str, value: &str| {
        asked[name] = json!(value);
        asked
    };
    let note = |text: &str| {
        let mut told = body.clone();
        told["note"][0]["text"] = json!(text);
        told
    };
    let absent = "01890000-0000-7000-8000-000000000001";
    for (asked, status) in [
        (by_id(absent), 404),
        (by_id("7"), 404),
        (with(by_id(&id), "ifMatch", "W/\"9\""), 412),
        (with(by_number.clone(), "ifMatch", "W/\"9\""), 412),
        (with(by_number.clone(), "ifNoneMatch", "*"), 422),
        (with(by_number.clone(), "ifModifiedSince", "2026-01-01T00:00:00Z"), 422),
        (json!({ "method": "PUT", "url": "ServiceRequest" }), 400),
        (json!({ "method": "PUT", "url": "ServiceRequest?identifier=s|A,s|B" }), 400),
        (json!({ "method": "POST", "url": format!("ServiceRequest/{id}") }), 400),
    ] {
        let told = office.post("", &transaction(&note(&asked.to_string()), asked.clone())).await;
        assert_eq!(told.status, status, "{asked}: {}", told.body);
    }
    assert_eq!(world.count("SELECT count(*) FROM inquiries").await, 1);
    // What a person then compares stands at the inquiry that was named.
    let seen = office.get(&format!("/ServiceRequest/{id}")).await;
    let changed = with(by_id(&id), "ifMatch", seen.header("etag"));
    let told = office.post("", &transaction(&note("Treat soon"), changed.clone())).await;
    assert_eq!((told.status, told.has("warning", "conflict")), (200, true), "{}", told.body);
    let again = office.post("", &transaction(&note("Treat soon"), changed)).await;
    assert_eq!(again.status, 200, "the same again is the same, though its version has passed: {}", again.body);
    let waiting = "SELECT count(inquiry_id) FROM messages WHERE state = 'parked' AND reason = 'referral_modified'";
    assert_eq!(world.count(waiting).await, 1);
    assert_eq!(world.count("SELECT count(*) FROM inquiries").await, 1);
    for url in [format!("{}/ServiceRequest", office.base), "/ServiceRequest".to_owned()] {
        let told = request(&format!("of {}", url.len()), "Testpatient");
        let made = office.post("", &transaction(&told, json!({ "method": "POST", "url": url }))).await;
        assert_eq!(outcome(&made), (200, json!("201 Created")), "{url}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn our_number_is_searched_like_theirs_and_is_never_taken_for_theirs() {
    let world = World::start().await;
    let office = Office::of(&world);
    let first = office.post("/ServiceRequest", &request("R-1", "Testpatient")).await;
    let id = id_in(first.header("location"));
    let read = office.get(&format!("/ServiceRequest/{id}")).await;
    let numbers = read.body["identifier"].as_array().expect("numbers");
    let ours = numbers.iter().find(|number| number["system"] == "urn:causeway:request-number").expect("ours").clone();
    let value = ours["value"].as_str().expect("a number");
    for search in [format!("urn:causeway:request-number|{value}"), value.to_owned()] {
        let found = office.get(&format!("/Task?identifier={search}")).await;
        assert_eq!((&found.body["total"], &found.body["entry"][0]["resource"]["id"]), (&json!(1), &json!(id)));
    }
    assert_eq!(office.get("/Task?identifier=urn:causeway:request-number|HV-0000-0000").await.body["total"], 0);
    // The identifiers that were read back stand before their own.
    let mut again = request("R-1", "Testpatient");
    again["identifier"] = json!([ours, again["identifier"][0]]);
    let told = office.post("/ServiceRequest", &again).await;
    assert_eq!((told.status, id_in(told.header("location"))), (200, id.clone()));
    // Asked for by our number, it is the same one, and there is none of that number to create.
    let by_ours = |value: &str| format!("identifier=urn:causeway:request-number|{value}");
    let found = if_none_exist(&office, &by_ours(value), &without_number("Testpatient")).await;
    assert_eq!((found.status, id_in(found.header("location"))), (200, id.clone()), "{}", found.body);
    let none = if_none_exist(&office, &by_ours("HV-0000-0000"), &without_number("Testpatient")).await;
    assert_eq!((none.status, none.has("error", "not-found")), (404, true), "{}", none.body);
    // The official number goes before a secondary one that stands first.
    let mut two = request("R-2", "Testpatient");
    two["identifier"] = json!([{ "use": "secondary", "system": "https://lab.example", "value": "L-2" },
        { "use": "official", "system": NUMBER, "value": "R-2" }]);
    let made = office.post("/ServiceRequest", &two).await;
    let again = office.post("/ServiceRequest", &request("R-2", "Testpatient")).await;
    assert_eq!((made.status, id_in(again.header("location"))), (201, id_in(made.header("location"))));
}
