//! What is accepted, what is recognised, what is refused.

use causeway_auth::{Actor, audit};
use causeway_proto::error::Reason;
use causeway_proto::inquiry::v1::{
    self as wire, ListHeldRequest, MarkSpamRequest, ReleaseHeldRequest, SubmitInquiryRequest,
};
use serde_json::json;
use tonic::Code;
use tonic_types::StatusExt as _;

use crate::world::{CENTER, OTHER, World, body, coordinator, eventually, keyed, published};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_inquiry_is_kept_before_it_is_answered_and_told_once_with_the_senders_trace() {
    let world = World::start().await;
    let url = format!("{}/v1/centers/{CENTER}/inquiries", world.door.http);
    let mut body = body(&[]);
    body["attribution"] = json!({"landing_page": "/second-opinion?name=Rosa", "campaign": "Radio-Morning",
        "utm_term": "my left knee", "last": {"campaign": "rosa-vega"}});
    let trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let answer = world.browser.post(url).header("traceparent", trace).json(&body).send().await.expect("an answer");
    assert_eq!(answer.status(), 202);
    let answer: serde_json::Value = answer.json().await.expect("json");
    assert_eq!(world.count("SELECT count(*) FROM inquiries WHERE NOT held AND NOT needs_repair").await, 1);
    assert_eq!(world.count("SELECT count(sealed) FROM inquiries").await, 1);
    assert_eq!((&answer["repeated"], &answer["to_repair"]), (&json!(false), &json!([])));
    assert!(answer["reference"].as_str().is_some_and(|reference| reference.starts_with("HV-")));

    let told = published(&world.bus().await, 1).await;
    let (envelope, event) = &told[0];
    let facts = event.facts.as_ref().expect("facts");
    assert_eq!((envelope.center.as_str(), envelope.version), (CENTER, 1));
    assert_eq!(envelope.trace.traceparent().map(|trace| &trace[3..35]), Some(&trace[3..35]));
    assert_eq!(answer["inquiry_id"], json!(facts.inquiry_id));
    assert_eq!(answer["reference"], json!(facts.reference));
    assert_eq!(envelope.aggregate_id.to_string(), facts.inquiry_id);
    assert_eq!((facts.consult_type(), facts.cancer_area()), (wire::ConsultType::SecondOpinion, wire::CancerArea::Gi));
    assert_eq!((facts.time_zone.as_str(), facts.language.as_str()), ("America/Los_Angeles", "en"));
    let attribution = facts.attribution.as_ref().expect("attribution");
    assert_eq!(
        (attribution.landing_page.as_str(), attribution.campaign.as_str()),
        ("/second-opinion", "radio-morning")
    );
    assert_eq!(attribution.utm_term, "other", "a word that the center does not list does not travel");
    assert_eq!(attribution.last.as_ref().expect("a last touch").campaign, "other");
    assert_eq!(world.door.metric("causeway_inquiries_received_total", "web_form"), 1.0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_key_gets_the_same_answer_and_other_content_is_refused() {
    let world = World::start().await;
    let faulty = [("phone", "12")];
    let first = world.accepted(&keyed("k-1", &faulty)).await;
    let again = world.accepted(&keyed("k-1", &faulty)).await;
    for part in ["inquiry_id", "reference", "received_at", "to_repair"] {
        assert_eq!(first[part], again[part], "{part}");
    }
    assert_eq!((&first["repeated"], &again["repeated"]), (&json!(false), &json!(true)));

    let other = world.post(CENTER, &keyed("k-1", &[("name", "Rosa Vegas")])).await;
    assert_eq!(other.status(), 409);
    let other: serde_json::Value = other.json().await.expect("json");
    assert_eq!(other["reason"], "key_reused");
    let elsewhere = world.post("lakeside", &keyed("k-1", &[])).await;
    assert_eq!(elsewhere.status(), 202, "a key belongs to its center");
    assert_eq!(world.count("SELECT count(*) FROM inquiries").await, 2);
    assert_eq!(world.count("SELECT count(sealed) FROM inquiries").await, 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fifty_parallel_posts_with_one_key_make_one_inquiry_even_at_two_replicas() {
    let world = World::start().await;
    let second = world.second_door().await;
    let body = keyed("storm", &[]);
    let posts = (0..50).map(|number| {
        let door = if number % 2 == 0 { &world.door } else { &second };
        async {
            let answer = door.post(&world.browser, CENTER, &body).await;
            assert_eq!(answer.status(), 202);
            answer.json::<serde_json::Value>().await.expect("json")
        }
    });
    let answers = futures::future::join_all(posts).await;
    assert!(answers.iter().all(|answer| answer["inquiry_id"] == answers[0]["inquiry_id"]));
    assert_eq!(answers.iter().filter(|answer| answer["repeated"] == json!(false)).count(), 1);
    for table in
        ["SELECT count(*) FROM inquiries", "SELECT count(sealed) FROM inquiries", "SELECT count(*) FROM outbox"]
    {
        assert_eq!(world.count(table).await, 1, "{table}");
    }

    let posts = (0..50).map(|number| {
        let body = keyed(&format!("k-{}", number / 2), &[]);
        let door = if number % 3 == 0 { &world.door } else { &second };
        async move { assert_eq!(door.post(&reqwest::Client::new(), CENTER, &body).await.status(), 202) }
    });
    futures::future::join_all(posts).await;
    assert_eq!(world.count("SELECT count(*) FROM inquiries").await, 26);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_can_not_be_taken_is_refused_by_name_and_nothing_is_kept() {
    let world = World::start().await;
    let status = async |center: &str, body: serde_json::Value| {
        let answer = world.post(center, &body).await;
        let status = answer.status().as_u16();
        (status, answer.json::<serde_json::Value>().await.unwrap_or_default())
    };
    assert_eq!(status("nowhere", body(&[])).await.0, 404);
    let mut unknown_form = body(&[]);
    unknown_form["form"] = json!("none");
    assert_eq!(status(CENTER, unknown_form).await.1["reason"], "unknown_name");

    let (code, problem) = status(CENTER, body(&[("name", ""), ("phone", "12"), ("email", "")])).await;
    assert_eq!((code, &problem["reason"]), (422, &json!("field_fault")));
    let fields: Vec<&str> =
        problem["errors"].as_array().expect("fields").iter().filter_map(|error| error["field"].as_str()).collect();
    assert_eq!(fields, ["name", "phone"]);

    let (code, problem) =
        status(CENTER, json!({"form": "general", "answers": {"phone": {"is": 2_065_550_142_u64}}})).await;
    assert_eq!(code, 400);
    assert!(!problem.to_string().contains("2065550142"));
    let (code, _) = status(CENTER, body(&[("message", &"x".repeat(70_000))])).await;
    assert_eq!(code, 413);
    assert_eq!(status(CENTER, keyed(&"k".repeat(200), &[])).await.0, 422);
    assert_eq!(world.count("SELECT count(*) FROM inquiries").await, 0);
    assert_eq!(world.count("SELECT count(key) FROM inquiries").await, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_person_can_mend_is_kept_and_what_a_page_can_show_is_not() {
    let world = World::start().await;
    let answer = world.accepted(&body(&[("phone", "12")])).await;
    assert_eq!(answer["to_repair"][0]["field"], "phone");
    assert_eq!(world.count("SELECT count(*) FROM repairs WHERE field = 'phone' AND mended_at IS NULL").await, 1);
    let told = published(&world.bus().await, 1).await;
    assert!(told[0].1.facts.as_ref().is_some_and(|facts| facts.needs_repair));

    let strict = SubmitInquiryRequest {
        center: CENTER.into(),
        form_id: "second-opinion".into(),
        language: "es".into(),
        answers: [("name", "Rosa"), ("phone", "12")].map(|(key, answer)| (key.into(), answer.into())).into(),
        strict: true,
        ..Default::default()
    };
    let refused = world.client("portal", None).submit_inquiry(strict.clone()).await.expect_err("refused");
    assert_eq!((refused.code(), Reason::of(&refused)), (Code::InvalidArgument, Some(Reason::FieldFault)));
    let fields = refused.get_details_bad_request().expect("fields").field_violations;
    assert!(fields.iter().any(|field| field.field == "phone" && field.reason == "phone_unreadable"));
    assert_eq!(world.count("SELECT count(*) FROM inquiries").await, 1);

    let by_phone = SubmitInquiryRequest { strict: false, source: wire::Source::Phone.into(), ..strict };
    let kept = world.client("portal", Some(coordinator(CENTER))).submit_inquiry(by_phone.clone()).await.expect("kept");
    assert!(kept.into_inner().to_repair.iter().any(|fault| fault.field == "phone"));
    let stranger = world.client("portal", Some(coordinator("lakeside"))).submit_inquiry(by_phone).await;
    assert_eq!(stranger.expect_err("another center").code(), Code::PermissionDenied);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_looks_like_a_machines_is_answered_kept_and_held_for_a_person() {
    let world = World::start().await;
    let held = world.accepted(&keyed("bot", &[("website", "http://example.com")])).await;
    assert!(held["reference"].is_string());
    world.accepted(&body(&[])).await;
    assert_eq!(world.count("SELECT count(*) FROM inquiries WHERE held").await, 1);
    let told = published(&world.bus().await, 1).await;
    assert_ne!(json!(told[0].1.facts.as_ref().expect("facts").inquiry_id), held["inquiry_id"]);
    assert_eq!(world.count("SELECT count(*) FROM outbox").await, 1);
    assert_eq!(world.door.metric("causeway_inquiries_held_total", CENTER), 1.0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_held_is_released_by_a_person_and_told_once_with_its_facts() {
    let world = World::start().await;
    let held = world.accepted(&keyed("bot", &[("website", "http://example.com")])).await;
    let id = held["inquiry_id"].as_str().expect("an id").to_owned();
    let ask = |center: &str| ReleaseHeldRequest { center: center.into(), inquiry_ids: vec![id.clone()] };
    let stranger = world.client("portal", Some(coordinator(OTHER))).release_held(ask(CENTER)).await;
    assert_eq!(stranger.expect_err("another center").code(), Code::PermissionDenied);
    let service = world.client("portal", None).release_held(ask(CENTER)).await;
    assert_eq!(service.expect_err("no person").code(), Code::PermissionDenied);
    let operator = || world.client("portal", Some(Actor::operator("ops", "ops")));
    assert_eq!(operator().release_held(ask(OTHER)).await.expect_err("not theirs").code(), Code::NotFound);
    assert_eq!(world.count("SELECT count(*) FROM outbox").await, 0);

    let (one, two) =
        tokio::join!(async { operator().release_held(ask(CENTER)).await.expect("released").into_inner() }, async {
            operator().release_held(ask(CENTER)).await.expect("released").into_inner()
        });
    assert_eq!(one.released.len() + two.released.len(), 1, "two at once release it once");
    let late = world.client("portal", Some(coordinator(CENTER))).release_held(ask(CENTER)).await.expect("answered");
    let late = late.into_inner();
    assert_eq!((late.released.len(), late.not_held), (0, vec![id.clone()]));
    world.accepted(&body(&[])).await;

    let told = published(&world.bus().await, 2).await;
    let (envelope, event) = told.iter().find(|(envelope, _)| envelope.aggregate_id.to_string() == id).expect("told");
    let facts = event.facts.as_ref().expect("facts");
    assert_eq!((envelope.center.as_str(), envelope.version), (CENTER, 1));
    assert_eq!(json!(facts.reference), held["reference"]);
    let received = held["received_at"].as_str().and_then(|at| at.parse::<jiff::Timestamp>().ok());
    assert_eq!(received.map(|at| at.as_microsecond()), Some(facts.received_at));
    assert_eq!(world.count("SELECT count(*) FROM outbox").await, 2, "each once");
    assert_eq!(world.count("SELECT count(*) FROM inquiries WHERE held").await, 0);
    let verified = audit::verify(&world.admin, CENTER).await.expect("verified");
    assert_eq!((verified.rows, verified.fault), (1, None));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn signs_of_a_machine_hold_an_inquiry_together_and_a_person_says_what_it_is() {
    let world = World::start().await;
    let portal = || world.client("portal", None);
    let sent = |message: &str, signs: &[&str]| SubmitInquiryRequest {
        center: CENTER.into(),
        form_id: "second-opinion".into(),
        language: "en".into(),
        source: wire::Source::WebForm.into(),
        answers: body(&[("message", message)])["answers"]
            .as_object()
            .expect("answers")
            .iter()
            .map(|(key, answer)| (key.clone(), answer.as_str().expect("text").to_owned()))
            .collect(),
        signs: signs.iter().map(|sign| (*sign).to_owned()).collect(),
        ..Default::default()
    };
    let submit = async |message: &str, signs: &[&str]| {
        portal().submit_inquiry(sent(message, signs)).await.expect("accepted").into_inner().inquiry_id
    };
    submit("A link: https://clinic.example", &[]).await;
    submit("In a hurry", &["too_fast", "nonsense"]).await;
    assert_eq!(world.count("SELECT count(*) FROM held_inquiries").await, 0, "one sign is a person's as well");
    let spam = submit("Cheap: https://a.example", &["too_fast"]).await;
    let person = submit("Cheap: https://b.example", &["often", "no_form"]).await;
    let held = "SELECT count(*) FROM inquiries JOIN held_inquiries USING (center_id, inquiry_id) WHERE held AND settled_at IS NULL";
    assert_eq!(world.count(held).await, 2);
    assert_eq!(world.count("SELECT count(*) FROM held_inquiries WHERE signs = '{too_fast,link}'").await, 1);
    // Staff type what they hear, as fast as they can.
    let by_staff = world.client("portal", Some(coordinator(CENTER)));
    by_staff.clone().submit_inquiry(sent("https://a.example", &["too_fast", "often"])).await.expect("accepted");
    assert_eq!(world.count(held).await, 2);

    let list = ListHeldRequest { center: CENTER.into() };
    let listed = by_staff.clone().list_held(list.clone()).await.expect("listed").into_inner().held;
    let listed: Vec<_> = listed.iter().map(|one| (one.inquiry_id.as_str(), one.signs.join(" "))).collect();
    assert_eq!(
        listed,
        [(spam.as_str(), "too_fast link".to_owned()), (person.as_str(), "no_form often link".to_owned())]
    );
    let stranger = world.client("portal", Some(coordinator(OTHER))).list_held(list.clone()).await;
    assert_eq!(stranger.expect_err("refused").code(), Code::PermissionDenied);

    let mark = |center: &str, reason: &str| MarkSpamRequest {
        center: center.into(),
        inquiry_ids: vec![spam.clone()],
        reason: reason.into(),
    };
    let stranger = world.client("portal", Some(coordinator(OTHER))).mark_spam(mark(CENTER, "test")).await;
    assert_eq!(stranger.expect_err("refused").code(), Code::PermissionDenied);
    let service = portal().mark_spam(mark(CENTER, "test")).await;
    assert_eq!(service.expect_err("refused").code(), Code::PermissionDenied, "a person has to have looked");
    let unknown = by_staff.clone().mark_spam(mark(CENTER, "dislike")).await;
    assert_eq!(unknown.expect_err("refused").code(), Code::InvalidArgument);
    let marked = by_staff.clone().mark_spam(mark(CENTER, "advertising")).await.expect("marked").into_inner();
    assert_eq!((marked.marked, marked.not_held.len()), (vec![spam.clone()], 0));
    let again = by_staff.clone().mark_spam(mark(CENTER, "test")).await.expect("answered").into_inner();
    assert_eq!((again.marked.len(), again.not_held), (0, vec![spam.clone()]));
    assert_eq!(world.count("SELECT count(*) FROM audit_log WHERE purpose = 'mark_spam'").await, 1);

    // The other one is somebody's, and nobody looks: half a year later it has gone on, and what is spam has not.
    sqlx::query("UPDATE held_inquiries SET held_at = held_at - interval '200 days'")
        .execute(&world.admin)
        .await
        .expect("time passes");
    eventually("it is handed on", || async {
        world.count("SELECT count(*) FROM held_inquiries WHERE outcome = 'waited'").await == 1
    })
    .await;
    assert_eq!(world.count("SELECT count(*) FROM inquiries WHERE held").await, 1);
    let told = published(&world.bus().await, 4).await;
    let ids: Vec<String> = told.into_iter().map(|(_, event)| event.facts.expect("facts").inquiry_id).collect();
    assert!(ids.contains(&person) && !ids.contains(&spam));
    assert_eq!(world.count("SELECT count(*) FROM audit_log WHERE purpose = 'held_too_long'").await, 1);
    let release = ReleaseHeldRequest { center: CENTER.into(), inquiry_ids: vec![spam.clone()] };
    assert_eq!(
        by_staff.clone().release_held(release).await.expect("a mistake is mended").into_inner().released,
        [spam]
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_form_in_a_language_that_the_center_does_not_speak_says_so_to_its_sender_and_to_who_calls() {
    let world = World::start().await;
    for (language, kept, hinted) in [
        ("pt-BR", Some("pt-BR"), true),
        ("es-MX", None, false),
        ("ES", None, false),
        ("", None, false),
        ("whatever she speaks", None, true),
    ] {
        let mut sent = body(&[]);
        sent["language"] = json!(language);
        let answer = world.browser.post(format!("{}/v1/centers/{CENTER}/inquiries", world.door.http)).json(&sent);
        let answer: serde_json::Value = answer.send().await.expect("an answer").json().await.expect("JSON");
        let hints = answer["hints"].as_array().expect("hints");
        let is_told = hints.iter().any(|hint| hint["code"] == "language_not_offered" && hint["pointer"] == "/language");
        assert_eq!(is_told, hinted, "{language}: {answer}");
        let asked = wire::RevealPeopleRequest {
            center: CENTER.into(),
            inquiry_ids: vec![answer["inquiry_id"].as_str().expect("an id").to_owned()],
            purpose: "inquiry_page".into(),
        };
        let people = world.client("portal", Some(coordinator(CENTER))).reveal_people(asked).await.expect("opened");
        let answers = people.into_inner().people.remove(0).answers;
        assert_eq!(answers.get("language_told").map(String::as_str), kept, "{language}");
        assert_eq!(answers.get("interpreter").map(String::as_str), kept.map(|_| "yes"), "{language}");
    }
}
