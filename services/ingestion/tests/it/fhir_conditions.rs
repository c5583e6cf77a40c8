//! What an office asks to be looked for first by FHIR R4: by number, by our id and at a version, wherever that is told.

use reqwest::Method;
use serde_json::{Value, json};

use crate::fhir::{Answer, Office, id_in, request};
use crate::world::{World, eventually};

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

/// A referral under several numbers of its office, the one that it calls its own order last.
fn numbered(numbers: &[&str], family: &str) -> Value {
    let mut told = request("R-0", family);
    let number = |value: &&str| json!({ "system": NUMBER, "value": value });
    told["identifier"] = numbers.iter().map(number).collect();
    let placer = json!({ "coding": [{ "system": "http://terminology.hl7.org/CodeSystem/v2-0203", "code": "PLAC" }] });
    told["identifier"][numbers.len() - 1]["type"] = placer;
    told
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_referral_with_several_numbers_is_found_by_each_of_them_and_never_doubled() {
    let world = World::start().await;
    let office = Office::of(&world);
    let told = numbered(&["EPIC-1", "R-1"], "Testpatient");
    let first = office.post("/ServiceRequest", &told).await;
    assert_eq!(first.status, 201, "{}", first.body);
    let id = id_in(first.header("location"));
    let of_number = |number: &str| format!("identifier={NUMBER}|{number}");
    for number in ["R-1", "EPIC-1", " EPIC-1 ", "%20R-1"] {
        let again = if_none_exist(&office, &of_number(number), &told).await;
        assert_eq!((again.status, id_in(again.header("location"))), (200, id.clone()), "{number}: {}", again.body);
        for search in [of_number(number), format!("identifier={number}")] {
            let found = office.get(&format!("/ServiceRequest?{search}")).await;
            assert_eq!(
                (&found.body["total"], found.body["entry"][0]["resource"]["id"].as_str()),
                (&json!(1), Some(&*id))
            );
            let numbers: Vec<_> = found.body["entry"][0]["resource"]["identifier"]
                .as_array()
                .expect("numbers")
                .iter()
                .filter_map(|one| one["value"].as_str())
                .collect();
            assert_eq!(numbers[..2], ["R-1", "EPIC-1"], "each number is told back");
        }
    }
    // Another system of the office knows it by the other number alone, as a create and as an entry.
    let alone = numbered(&["EPIC-1"], "Testpatient");
    let known = office.post("/ServiceRequest", &alone).await;
    assert_eq!((known.status, id_in(known.header("location"))), (200, id.clone()), "{}", known.body);
    let asked = json!({ "method": "POST", "url": "ServiceRequest", "ifNoneExist": of_number("EPIC-1") });
    let entry = office.post("", &transaction(&without_number("Testpatient"), asked)).await;
    assert_eq!(entry.status, 200, "{}", entry.body);
    assert!(
        entry.body["entry"][0]["response"]["location"].as_str().is_some_and(|at| at.contains(&id)),
        "{}",
        entry.body
    );
    assert_eq!(world.count("SELECT count(*) FROM inquiries").await, 1);

    // A number that a repeat brings along leads to it from then on, and one that is withdrawn by it is this one.
    let more = numbered(&["ACC-9", "EPIC-1", "R-1"], "Testpatient");
    assert_eq!(office.post("/ServiceRequest", &more).await.status, 200);
    let mut revoked = numbered(&["ACC-9"], "Testpatient");
    revoked["status"] = json!("revoked");
    let off = office.post("/ServiceRequest", &revoked).await;
    assert_eq!((off.status, id_in(off.header("location"))), (200, id.clone()), "{}", off.body);
    assert_eq!(world.count("SELECT count(*) FROM inquiries").await, 1);

    // Two referrals that are named by one request are not mixed up, and of a number that both bear nobody knows which is meant.
    let other = office.post("/ServiceRequest", &numbered(&["VISIT-3", "R-2"], "Testother")).await;
    assert_eq!(other.status, 201, "{}", other.body);
    let apart = if_none_exist(&office, &of_number("ACC-9"), &numbered(&["R-2"], "Testother")).await;
    assert_eq!((apart.status, apart.has("error", "multiple-matches")), (412, true), "{}", apart.body);
    let shares = office.post("/ServiceRequest", &numbered(&["VISIT-3", "R-3"], "Testother")).await;
    assert_eq!(shares.status, 201, "another order of one visit is another referral: {}", shares.body);
    let either = if_none_exist(&office, &of_number("VISIT-3"), &without_number("Testother")).await;
    assert_eq!((either.status, either.has("error", "multiple-matches")), (412, true), "{}", either.body);
    let by_value = if_none_exist(&office, "identifier=VISIT-3", &numbered(&["VISIT-3", "R-3"], "Testother")).await;
    assert_eq!(by_value.status, 412, "{}", by_value.body);
    assert_eq!(world.count("SELECT count(*) FROM inquiries").await, 3);
    // A search of other resources finds no referral, whatever number they have.
    let mistaken = if_none_exist(&office, &format!("Patient?{}", of_number("R-2")), &without_number("Testthird")).await;
    assert_eq!((mistaken.status, mistaken.has("error", "not-supported")), (400, true), "{}", mistaken.body);
    assert!(mistaken.issues()[0].2.is_empty() && mistaken.body.to_string().contains("If-None-Exist"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_withdrawal_by_another_number_that_overtook_its_referral_is_put_to_it() {
    let world = World::start().await;
    let office = Office::of(&world);
    let mut revoked = numbered(&["EPIC-7"], "Testpatient");
    revoked["status"] = json!("revoked");
    assert_eq!(office.post("/ServiceRequest", &revoked).await.status, 202);
    let first = office.post("/ServiceRequest", &numbered(&["EPIC-7", "R-7"], "Testpatient")).await;
    assert_eq!(first.status, 201, "{}", first.body);
    let put = "SELECT count(*) FROM messages WHERE state = 'parked' AND reason = 'referral_cancelled' AND inquiry_id IS NOT NULL";
    eventually("the withdrawal waits at the referral", async || world.count(put).await == 1).await;

    let mut by_both = numbered(&["EPIC-8", "R-8"], "Testpatient");
    by_both["status"] = json!("revoked");
    assert_eq!(office.post("/ServiceRequest", &by_both).await.status, 202);
    let second = office.post("/ServiceRequest", &numbered(&["EPIC-8"], "Testpatient")).await;
    assert_eq!(second.status, 201, "{}", second.body);
    eventually("whichever of its numbers the referral has", async || world.count(put).await == 2).await;
}

/// How often each status came, of requests that are sent at once.
async fn at_once(
    office: &Office<'_>,
    sent: impl IntoIterator<Item = (Option<String>, Value)>,
) -> std::collections::BTreeMap<u16, usize> {
    let answers = sent.into_iter().map(async |(search, body)| match search {
        Some(search) => if_none_exist(office, &search, &body).await.status,
        None => office.post("/ServiceRequest", &body).await.status,
    });
    let mut statuses = std::collections::BTreeMap::new();
    for status in futures::future::join_all(answers).await {
        *statuses.entry(status).or_default() += 1;
    }
    statuses
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_referral_under_several_numbers_is_one_also_where_all_come_at_once() {
    let world = World::start().await;
    let office = Office::of(&world);
    let of_number = |number: &str| Some(format!("identifier={NUMBER}|{number}"));
    // Many look for one number that each bears beside one of its own.
    let looks = (0..20).map(|own| (of_number("B-0"), numbered(&["B-0", &format!("A-{own}")], "Testpatient")));
    let statuses = at_once(&office, looks).await;
    assert_eq!(statuses, [(200, 19), (201, 1)].into(), "created once, and never refused");
    let mut stands = 1;
    for round in 1..6 {
        let (a, b) = (format!("A{round}"), format!("B{round}"));
        let two = |first: &str, last: &str| (None, numbered(&[last, first], "Testpatient"));
        let both = (0..10).flat_map(|_| [two(&a, &b), two(&b, &a)]);
        assert_eq!(at_once(&office, both).await[&201], 1, "each with the other's number first");
        let (a, b) = (format!("C{round}"), format!("D{round}"));
        let alone = (0..10).flat_map(|_| [two(&a, &b), (None, numbered(&[&b], "Testpatient"))]);
        assert_eq!(at_once(&office, alone).await[&201], 1, "some with one of the two");
        stands += 2;
        assert_eq!(world.count("SELECT count(*) FROM inquiries").await, stands, "{round}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_search_does_not_find_is_created_and_nobody_elses_referral_is_touched() {
    let world = World::start().await;
    let office = Office::of(&world);
    let of_number = |number: &str| format!("identifier={NUMBER}|{number}");
    let body = |numbers: [&str; 2], family: &str| {
        let mut told = request("R-0", family);
        told["identifier"] = numbers.iter().map(|value| json!({ "system": NUMBER, "value": value })).collect();
        told
    };
    let mut ids = Vec::new();
    for (number, family) in [("P-1", "Testpatient"), ("P-2", "Testother"), ("P-3", "Testthird")] {
        let made = if_none_exist(&office, &of_number(number), &body(["VISIT", number], family)).await;
        assert_eq!(made.status, 201, "{number}: {}", made.body);
        ids.push(id_in(made.header("location")));
    }
    let found = office.get(&format!("/Task?{}", of_number("P-2"))).await;
    assert_eq!((&found.body["total"], found.body["entry"][0]["resource"]["id"].as_str()), (&json!(1), Some(&*ids[1])));
    // Of a number that all bear nobody knows whose it is: it is withdrawn from nobody, and a person looks.
    let mut revoked = numbered(&["VISIT"], "Testother");
    revoked["status"] = json!("revoked");
    assert_eq!(office.post("/ServiceRequest", &revoked).await.status, 202);
    // Ours leads to its own, and to no other one of the same patient and day.
    let ours = office.get(&format!("/ServiceRequest/{}", ids[2])).await.body["identifier"]
        .as_array()
        .expect("numbers")
        .last()
        .cloned();
    let mut revoked = without_number("Testpatient");
    revoked["identifier"] = json!([ours]);
    revoked["status"] = json!("revoked");
    let off = office.post("/ServiceRequest", &revoked).await;
    assert_eq!((off.status, id_in(off.header("location"))), (200, ids[2].clone()), "{}", off.body);
    // One of ours that is nobody's waits for a person, and is put to no referral of the same patient and day.
    let unnumbered = office.post("/ServiceRequest", &without_number("Testfifth")).await;
    assert_eq!(unnumbered.status, 201, "{}", unnumbered.body);
    let mut unknown = without_number("Testfifth");
    unknown["identifier"] = json!([{ "system": "urn:causeway:request-number", "value": "HV-ZZZZ-ZZZ" }]);
    unknown["status"] = json!("revoked");
    assert_eq!(office.post("/ServiceRequest", &unknown).await.status, 202);
    let noted = "SELECT count(*) FROM messages WHERE reason = 'unknown_referral' AND referral_key IS NOT NULL";
    assert_eq!(world.count(noted).await, 1, "the one by the number that is shared, and not this one");
    // The answers of a form are no referral, whatever number they bear.
    let form = json!({
        "resourceType": "QuestionnaireResponse", "status": "completed",
        "questionnaire": "https://harborvalley.example/Questionnaire/second-opinion",
        "identifier": { "system": NUMBER, "value": "P-1" },
        "item": [{ "linkId": "name", "answer": [{ "valueString": "Marisol Testform" }] },
            { "linkId": "phone", "answer": [{ "valueString": "206 555 0191" }] }],
    });
    let form = office.post("/QuestionnaireResponse", &form).await;
    assert_eq!(form.status, 201, "{}", form.body);
    assert_eq!(office.get(&format!("/ServiceRequest/{}", ids[0])).await.status, 200);
    assert_eq!(world.count("SELECT count(*) FROM inquiries").await, 5);
    // A blank is written as a plus sign too.
    assert_eq!(office.post("/ServiceRequest", &numbered(&["S P"], "Testfourth")).await.status, 201);
    let plus = if_none_exist(&office, &of_number("S+P"), &without_number("Testfourth")).await;
    assert_eq!(plus.status, 200, "{}", plus.body);
    // Many numbers are read in no time.
    let mut many = without_number("Testmany");
    many["identifier"] = (0..40_000).map(|number| json!({ "value": number.to_string() })).collect();
    let began = std::time::Instant::now();
    office.post("/ServiceRequest/$validate", &many).await;
    assert!(began.elapsed() < std::time::Duration::from_secs(10), "{:?}", began.elapsed());
}
