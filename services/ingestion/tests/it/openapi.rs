//! The OpenAPI document holds what it says: valid to others, its examples are taken, and every refusal is one it names.
//!
//! Deliberately not here: the doors that need a feed's key (csv, fhir).

use serde_json::{Value, json};

use crate::validator;
use crate::world::{CENTER, OTHER, World, body};

async fn get(world: &World, path: &str, languages: &str) -> (u16, Value) {
    let url = format!("{}{path}", world.door.http);
    let answer = world.browser.get(url).header("accept-language", languages).send().await.expect("an answer");
    let kind = answer.headers()["content-type"].to_str().expect("a kind").to_owned();
    let status = answer.status().as_u16();
    assert_eq!(kind, if status == 200 { "application/json" } else { "application/problem+json" }, "{path}");
    (status, answer.json().await.expect("json"))
}

fn examples(document: &Value) -> Vec<(String, Value)> {
    let body = &document["paths"]["/v1/centers/{center}/inquiries"]["post"]["requestBody"]["content"];
    let examples = body["application/json"]["examples"].as_object().expect("examples");
    examples.iter().map(|(form, example)| (form.clone(), example["value"].clone())).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_document_is_valid_its_examples_are_taken_and_answers_are_what_it_says() {
    let world = World::start().await;
    let (_, general) = get(&world, "/openapi.json", "").await;
    assert_eq!(validator::hold(&general, &[]), Ok(()));
    for center in [CENTER, OTHER] {
        let (_, document) = get(&world, &format!("/v1/centers/{center}/openapi.json"), "").await;
        let mut held = Vec::new();
        let examples = examples(&document);
        assert_eq!(examples.len(), 5, "a form for every consult type");
        for (form, example) in examples {
            let answer = world.post(center, &example).await;
            assert_eq!(answer.status(), 202, "{form}");
            let answer: Value = answer.json().await.expect("json");
            assert_eq!(answer["to_repair"], json!([]), "{form}: {example}");
            held.push((format!("Inquiry-{form}"), example.clone()));
            held.push(("Accepted".to_owned(), answer));

            let mut faulty = example;
            // Without a name, words or a number to call, nobody could act on it.
            faulty["answers"]["name"] = json!("");
            faulty["answers"]["phone"] = json!("12");
            let answer: Value = world.post(center, &faulty).await.json().await.expect("json");
            let (pointer, code) = (&answer["errors"][0]["pointer"], &answer["errors"][0]["code"]);
            assert_eq!((pointer, code), (&json!("/answers/name"), &json!("missing")), "{answer}");
            held.push(("Problem".to_owned(), answer));

            let (_, told) = get(&world, &format!("/v1/centers/{center}/forms/{form}"), "").await;
            held.push(("Form".to_owned(), told));
        }
        assert_eq!(validator::hold(&document, &held), Ok(()), "{center}");
        let wrong = json!({ "form": "general", "answers": { "who": "nobody" } });
        let judged =
            validator::hold(&document, &[("Inquiry-general".to_owned(), wrong)]).expect_err("a judge that sees");
        assert!(judged.contains("'name' is a required property") && judged.contains("nobody"), "{judged}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_form_is_told_as_data_in_the_language_that_the_caller_reads() {
    let world = World::start().await;
    let (_, list) = get(&world, "/v1/centers/lakeside/forms", "fr-CA, en;q=0.5").await;
    assert_eq!(list["language"], "fr");
    let ids: Vec<&str> =
        list["forms"].as_array().expect("forms").iter().filter_map(|form| form["id"].as_str()).collect();
    assert_eq!(ids, ["clinical-trial", "general", "new-consult", "second-opinion", "treatment-follow-up"]);
    let href = list["forms"][4]["href"].as_str().expect("a place");
    let (_, form) = get(&world, href, "fr-CA, en;q=0.5").await;
    assert_eq!(
        (&form["title"], &form["consult_type"]),
        (&json!("Suivi après un traitement"), &json!("treatment_follow_up"))
    );
    let area = form["questions"].as_array().expect("questions").iter().find(|asked| asked["key"] == "area");
    let options = area.and_then(|asked| asked["fields"][0]["options"].as_array()).expect("options");
    assert_eq!(options.last().expect("one")["value"], "not_sure");
    assert_ne!(options.last().expect("one")["label"], "not_sure", "standard words in the language");
    assert_eq!(get(&world, href, "es").await.1["language"], "en", "the center's first where it has not that one");
    assert_eq!(get(&world, "/v1/centers/lakeside/forms/none", "").await.0, 404);
    assert_eq!(get(&world, "/v1/centers/nowhere/forms", "").await.0, 404);
    assert_eq!(get(&world, "/v1/centers/nowhere/openapi.json", "").await.0, 404);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_is_sent_the_answer_is_one_that_the_document_names() {
    let world = World::start().await;
    let (_, document) = get(&world, &format!("/v1/centers/{CENTER}/openapi.json"), "").await;
    let operation = &document["paths"]["/v1/centers/{center}/inquiries"]["post"];
    let url = format!("{}/v1/centers/{CENTER}/inquiries", world.door.http);
    let mut seen = std::collections::BTreeSet::new();
    let mut problems = Vec::new();
    for (key, body) in spoilt(&examples(&document)) {
        let sent = world.browser.post(&url).header("idempotency-key", key).body(body.clone()).send();
        let answer = sent.await.expect("an answer");
        let status = answer.status().as_u16();
        seen.insert(status);
        let named = &operation["responses"][status.to_string()];
        assert!(named.is_object(), "{status} is named nowhere: {body}");
        if (400..500).contains(&status) {
            assert_eq!(answer.headers()["content-type"], "application/problem+json", "{body}");
            problems.push(("Problem".to_owned(), answer.json().await.expect("json")));
        }
    }
    assert_eq!(seen.into_iter().collect::<Vec<_>>(), [202, 400, 409, 413, 422]);
    assert_eq!(validator::hold(&document, &problems), Ok(()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_names_no_language_is_answered_in_the_one_that_their_browser_reads() {
    let world = World::start().await;
    let url = format!("{}/v1/centers/{CENTER}/inquiries", world.door.http);
    let told = async |languages: &str, language: Value| {
        let mut sent = body(&[("phone", "12")]);
        sent["language"] = language;
        let asked = world.browser.post(&url).header("accept-language", languages).json(&sent).send();
        let answer: Value = asked.await.expect("an answer").json().await.expect("json");
        answer["to_repair"][0]["message"].as_str().expect("words").to_owned()
    };
    for (languages, language, starts) in [
        ("es-MX, en;q=0.5", json!(null), "Escriba un número"),
        ("es", json!("en"), "Enter a phone number"),
        ("de, *", json!(null), "Enter a phone number"),
        ("", json!(null), "Enter a phone number"),
    ] {
        let said = told(languages, language).await;
        assert!(said.starts_with(starts), "{languages}: {said}");
    }
    assert_eq!(world.count("SELECT count(*) FROM inquiries").await, 4);
}

/// Every example with each of its parts taken away, replaced by each odd value, and cut; with the key to send it under.
fn spoilt(examples: &[(String, Value)]) -> Vec<(String, String)> {
    let odd = [
        json!(null),
        json!(7),
        json!([]),
        json!({}),
        json!(true),
        json!(""),
        json!(" "),
        json!("\u{0}"),
        json!("{{}}"),
        json!("'; --"),
        json!("ß".repeat(501)),
        json!("9".repeat(400)),
        json!("1961-02-30"),
        json!("not_sure"),
    ];
    let mut all = vec![("big".to_owned(), "x".repeat(100_000)), ("k".repeat(129), examples[0].1.to_string())];
    for (form, example) in examples {
        let text = example.to_string();
        all.extend((0..text.len()).step_by(17).map(|end| (format!("{form}-{end}"), text[..end].to_owned())));
        for odd in &odd {
            for key in ["form", "language", "answers", "attribution", "idempotency_key", "else"] {
                let mut body = example.clone();
                body[key] = odd.clone();
                all.push((format!("{form}-{key}-{}", all.len()), body.to_string()));
            }
            for key in example["answers"].as_object().expect("answers").keys().cloned().chain(["email".to_owned()]) {
                let mut body = example.clone();
                body["answers"][&key] = odd.clone();
                // The same key for other content each time.
                all.push((format!("{form}-same"), body.to_string()));
                all.push((format!("{form}-answers-{}", all.len()), body.to_string()));
            }
        }
    }
    all
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_of_a_site_that_the_center_names_may_send_its_form_and_no_other_page() {
    let world = World::start().await;
    let named = "https://www.harborvalley.example";
    let body = crate::world::body(&[]).to_string();
    for path in
        [format!("/v1/centers/{CENTER}/inquiries"), format!("/v1/centers/{CENTER}/forms/second-opinion/challenge")]
    {
        let url = format!("{}{path}", world.door.http);
        for (origin, allowed) in [(named, Some(named)), ("https://elsewhere.example", None), ("null", None)] {
            let ask = world.browser.request(reqwest::Method::OPTIONS, &url).header("origin", origin);
            let told = ask.header("access-control-request-method", "POST").send().await.expect("an answer");
            let names = |name: &str| told.headers().get(name).and_then(|value| value.to_str().ok());
            assert_eq!(names("access-control-allow-origin"), allowed, "{path} from {origin}");
            assert_eq!(told.status().as_u16(), if allowed.is_some() { 204 } else { 403 });
            assert!(names("access-control-allow-headers").is_some_and(|all| all.contains("idempotency-key")));
            assert!(names("vary").is_some_and(|what| what.contains("origin")), "caches keep the answers apart");

            // Before plain text no browser asks.
            for kind in ["application/json", "text/plain"] {
                let send = world.browser.post(&url).header("origin", origin).header("content-type", kind);
                let sent = send.body(body.clone()).send().await.expect("an answer");
                assert_eq!(sent.status().is_success(), allowed.is_some(), "{path} from {origin} as {kind}");
                if allowed.is_none() {
                    assert_eq!(sent.status().as_u16(), 403);
                    let problem: Value = sent.json().await.expect("JSON");
                    assert!(
                        problem["detail"].as_str().is_some_and(|told| told.contains("allowed_origins")),
                        "{problem}"
                    );
                }
            }
            let send = world.browser.post(&url).header("origin", origin).header("content-type", "application/json");
            let sent = send.body(body.clone()).send().await.expect("an answer");
            let shown = sent.headers().get("access-control-allow-origin").and_then(|value| value.to_str().ok());
            assert_eq!(shown, allowed, "{path} from {origin}");
        }
    }
    // A page of this very site is no other's.
    let url = format!("{}/v1/centers/{CENTER}/inquiries", world.door.http);
    let sent = world.browser.post(&url).header("origin", &world.door.http).body(body).send().await.expect("an answer");
    assert!(sent.status().is_success(), "{}", sent.status());
    // Another center does not name the site.
    let url = format!("{}/v1/centers/{OTHER}/inquiries", world.door.http);
    let ask = world.browser.request(reqwest::Method::OPTIONS, url).header("origin", named);
    let told = ask.header("access-control-request-method", "POST").send().await.expect("an answer");
    assert_eq!((told.status().as_u16(), told.headers().get("access-control-allow-origin")), (403, None));
    // What is refused is shown to the page as well, so that it can tell why.
    let url = format!("{}/v1/centers/{CENTER}/inquiries", world.door.http);
    let sent = world.browser.post(url).header("origin", named).body("{").send().await.expect("an answer");
    assert_eq!((sent.status().as_u16(), sent.headers().contains_key("access-control-allow-origin")), (400, true));
}
