//! Calls of a phone system: none is lost, and one that nobody answered is an inquiry with a call back due.
//!
//! Deliberately not here: what people do about a call (phone_entry).

use std::collections::BTreeSet;

use causeway_bus::{Bus, Outgoing};
use causeway_envelope::{Envelope, TraceContext};
use causeway_ingestion::Config;
use causeway_ingestion::config::Limits;
use causeway_ingestion::store::calls::{OF_INQUIRY, RECENT, WAITING, WAITING_EVERYWHERE};
use causeway_proto::events::{Event as _, fact};
use causeway_proto::inquiry::v1::{Channel, ConsultType, Facts, Source};
use causeway_proto::intake::v1::{Stage, StageChanged};
use causeway_runtime::Clock;
use prost::Message as _;
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};
use sqlx::{Connection as _, PgConnection, Row as _};
use uuid::Uuid;

use crate::privacy::tables_with;
use crate::validator;
use crate::world::{CENTER, Door, OTHER, World, eventually, published};

pub const KEY: &str = "harbor-phone-demo-key";

/// An event of a call, and whatever else is said of it.
pub fn event(call: &str, event: &str, caller: &str, more: Value) -> Value {
    let mut body = json!({
        "call_id": call, "event": event, "direction": "inbound", "queue": "new-patients", "caller": caller,
        "started_at": "2026-03-04T19:40:00-08:00",
    });
    match event {
        "answered" => body["answered_at"] = json!("2026-03-04T19:40:12-08:00"),
        "ended" => body["ended_at"] = json!("2026-03-04T19:41:00-08:00"),
        _ => {}
    }
    for (key, value) in more.as_object().into_iter().flatten() {
        body[key] = value.clone();
    }
    body
}

pub fn ended(call: &str, caller: &str, outcome: &str) -> Value {
    event(call, "ended", caller, json!({ "outcome": outcome }))
}

pub async fn send(door: &Door, world: &World, body: &Value) -> (u16, Value) {
    let url = format!("{}/v1/centers/{CENTER}/calls", door.http);
    let answer = world.browser.post(url).bearer_auth(KEY).json(body).send().await.expect("an answer");
    (answer.status().as_u16(), answer.json().await.expect("json"))
}

pub async fn taken(world: &World, body: &Value) -> Value {
    let (status, answer) = send(&world.door, world, body).await;
    assert_eq!(status, 202, "{answer}");
    answer
}

/// What is known of a call, without what is its own by chance.
async fn row(world: &World, call_id: &Value) -> String {
    let row = sqlx::query(
        "SELECT (to_jsonb(calls) - 'call_id' - 'call_key' - 'caller_key' - 'inquiry_id' - 'sealed')::text AS shown, \
            caller_key IS NOT NULL AS has_caller, inquiry_id IS NOT NULL AS has_inquiry, length(sealed) AS length \
         FROM calls WHERE call_id = $1::uuid",
    )
    .bind(call_id.as_str().expect("an id").parse::<Uuid>().expect("a uuid"))
    .fetch_one(&world.admin)
    .await
    .expect("a call");
    let flags: Vec<bool> = ["has_caller", "has_inquiry"].into_iter().map(|name| row.get::<bool, _>(name)).collect();
    format!("{} {flags:?} {}", row.get::<String, _>("shown"), row.get::<i32, _>("length"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_order_and_repetition_of_the_events_of_a_call_gives_the_same_rows() {
    let world = World::start().await;
    // Orders in which each of the three comes, some more than once, and the last alone.
    let orders: [&[usize]; 9] = [
        &[0, 1, 2],
        &[0, 2, 1],
        &[1, 0, 2],
        &[1, 2, 0],
        &[2, 0, 1],
        &[2, 1, 0],
        &[2, 2, 1, 1, 0, 0, 2],
        &[0, 1, 0, 1, 2, 1, 0],
        &[1, 1, 1, 2, 0, 2],
    ];
    let mut number = 100;
    for outcome in ["missed", "voicemail", "answered"] {
        let mut rows = BTreeSet::new();
        for (place, order) in orders.iter().enumerate() {
            number += 1;
            let (call, caller) = (format!("{outcome}-{place}"), format!("+12065550{number}"));
            let all = [
                event(&call, "ringing", &caller, json!({})),
                event(&call, "answered", &caller, json!({ "agent": "dana" })),
                ended(&call, &caller, outcome),
            ];
            let mut answer = Value::Null;
            let mut seen = BTreeSet::new();
            for event in *order {
                answer = taken(&world, &all[*event]).await;
                assert_eq!(answer["repeated"], json!(!seen.insert(event)), "{order:?}");
            }
            rows.insert(row(&world, &answer["call_id"]).await);
        }
        assert_eq!(rows.len(), 1, "{outcome}: {rows:#?}");
    }
    let calls = i64::try_from(3 * orders.len()).expect("a count");
    assert_eq!(world.count("SELECT count(*) FROM calls").await, calls);
    assert_eq!(world.count("SELECT count(*) FROM messages WHERE state = 'accepted'").await, 3 * calls);
    assert_eq!(world.count("SELECT count(*) FROM inquiries").await, 2 * calls / 3, "one for each that nobody answered");
    assert_eq!(world.count("SELECT count(*) FROM calls WHERE opened").await, 2 * calls / 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_events_disagree_on_who_called_no_order_ties_the_call_to_a_strangers_inquiry() {
    let world = World::start().await;
    taken(&world, &ended("c-1", "+12065550142", "missed")).await;
    let mut rows = BTreeSet::new();
    for (call, order) in [("d-1", [0, 1]), ("d-2", [1, 0])] {
        let told = [
            event(call, "answered", "+12065550142", json!({})),
            event(call, "ended", "+12065550143", json!({ "outcome": "answered" })),
        ];
        let first = taken(&world, &told[order[0]]).await;
        assert_eq!(first["result"], if order[0] == 0 { "further_call" } else { "waits" });
        let last = taken(&world, &told[order[1]]).await;
        assert_eq!((&last["result"], &last["waits_for"]), (&json!("waits"), &json!("entry")), "{order:?}");
        rows.insert(row(&world, &last["call_id"]).await);
    }
    assert_eq!(rows.len(), 1, "{rows:#?}");
    // Nor does a queue that turns out to be none of intake's leave it there.
    taken(&world, &event("d-3", "answered", "+12065550142", json!({}))).await;
    let billing = json!({ "queue": "billing", "outcome": "answered" });
    let other = taken(&world, &event("d-3", "ended", "+12065550142", billing)).await;
    assert_eq!((&other["result"], other.get("inquiry_id")), (&json!("kept"), None));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_that_nobody_answered_is_an_inquiry_that_waits_to_be_called_back_and_nothing_else_is_taken_as_allowed() {
    let world = World::start().await;
    let mut body = ended("c-1", "(206) 555-0142", "voicemail");
    body["queue"] = json!("second-opinions");
    let answer = taken(&world, &body).await;
    assert_eq!((&answer["state"], &answer["result"]), (&json!("voicemail"), &json!("inquiry")));
    let told = published(&world.bus().await, 1).await;
    let facts = told[0].1.facts.as_ref().expect("facts");
    assert_eq!((&answer["inquiry_id"], &answer["reference"]), (&json!(facts.inquiry_id), &json!(facts.reference)));
    assert!(facts.missed_call && !facts.needs_repair);
    assert_eq!((facts.source(), facts.consult_type()), (Source::Phone, ConsultType::SecondOpinion));
    assert_eq!((facts.preferred_channel(), facts.referring_office.as_str()), (Channel::Phone, ""));
    let consent = facts.consent.expect("consent");
    assert!(consent.phone && !consent.sms && !consent.email && !consent.voicemail);
    assert_eq!(world.count("SELECT count(*) FROM repairs").await, 0, "what nobody was asked is no defect");
    assert_eq!(world.door.metric("causeway_inquiries_received_total", "phone"), 1.0);
    let bytes = told[0].1.encode_to_vec();
    assert!(!bytes.windows(7).any(|part| part == b"5550142"), "no number travels");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_calls_again_while_nobody_has_called_back_waits_once_and_after_it_is_closed_anew() {
    let world = World::start().await;
    let second = world.second_door().await;
    // Both calls at once, through two processes.
    let (one, other) = (ended("c-1", "+12065550142", "missed"), ended("c-2", "206 555 0142", "abandoned"));
    let (one, other) = tokio::join!(send(&world.door, &world, &one), send(&second, &world, &other));
    let mut results = [one.1["result"].clone(), other.1["result"].clone()];
    results.sort_by_key(ToString::to_string);
    assert_eq!(results, [json!("further_call"), json!("inquiry")]);
    assert_eq!(one.1["inquiry_id"], other.1["inquiry_id"]);
    assert_eq!(world.count("SELECT count(*) FROM inquiries").await, 1);
    let waits = "SELECT count(*) FROM calls WHERE waits_for = 'call_back' AND NOT opened";
    assert_eq!(world.count(waits).await, 1, "a further call is on the list");

    // Somebody takes the same person's next call: it is noted with the inquiry and still has to be taken down.
    let answered = taken(&world, &ended("c-3", "+12065550142", "answered")).await;
    assert_eq!((&answered["result"], &answered["waits_for"]), (&json!("further_call"), &json!("entry")));
    assert_eq!(answered["inquiry_id"], one.1["inquiry_id"]);
    assert_eq!(
        world.count("SELECT count(*) FROM calls WHERE closed_at IS NOT NULL").await,
        0,
        "nothing is closed by it"
    );
    let stranger = taken(&world, &ended("c-4", "+12065550143", "missed")).await;
    assert_eq!(stranger["result"], "inquiry");

    let bus = world.bus().await;
    over(&bus, &one.1["inquiry_id"], Stage::Contacted).await;
    over(&bus, &one.1["inquiry_id"], Stage::Closed).await;
    eventually("it is over", || async {
        world.count("SELECT count(*) FROM calls WHERE closed_at IS NOT NULL").await == 1
    })
    .await;
    let again = taken(&world, &ended("c-5", "+12065550142", "missed")).await;
    assert_eq!(again["result"], "inquiry");
    assert_ne!(again["inquiry_id"], one.1["inquiry_id"]);
    let further = taken(&world, &ended("c-6", "+12065550142", "missed")).await;
    assert_eq!(further["inquiry_id"], again["inquiry_id"]);
    // What came before and is told once more changes nothing, although its inquiry is over.
    let (before, repeat) =
        (world.count("SELECT count(*) FROM inquiries").await, ended("c-2", "206 555 0142", "abandoned"));
    let repeat = taken(&world, &repeat).await;
    assert_eq!((&repeat["repeated"], &repeat["inquiry_id"]), (&json!(true), &one.1["inquiry_id"]));
    assert_eq!(world.count("SELECT count(*) FROM inquiries").await, before);
}

/// The desk says where an inquiry stands.
async fn over(bus: &Bus, inquiry: &Value, to: Stage) {
    let inquiry = inquiry.as_str().expect("an id");
    let facts = Facts { inquiry_id: inquiry.to_owned(), center: CENTER.to_owned(), ..Facts::default() };
    let event = StageChanged { facts: Some(facts), to: to.into(), at: 1, version: 2, ..StageChanged::default() };
    let fact = fact(CENTER, &event);
    let clock = Clock::system();
    let envelope = Envelope {
        id: clock.new_id(),
        kind: StageChanged::KIND.to_owned(),
        source: "intake-desk".to_owned(),
        subject: fact.subject,
        center: CENTER.to_owned(),
        aggregate_id: inquiry.parse().expect("a uuid"),
        version: 2,
        time: clock.now(),
        trace: TraceContext::default(),
    };
    let id = envelope.id.to_string();
    for answer in bus.publish(&[Outgoing::one(envelope, fact.payload.into(), id)]).await {
        answer.expect("published");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_can_not_be_called_back_waits_for_a_person_and_what_is_not_for_intake_is_kept_and_counted() {
    let world = World::start().await;
    for (call, caller) in [("w-1", json!(null)), ("w-2", json!("anonymous")), ("w-3", json!("4711"))] {
        let mut body = ended(call, "", "missed");
        body["caller"] = caller;
        let answer = taken(&world, &body).await;
        assert_eq!((&answer["result"], &answer["waits_for"]), (&json!("waits"), &json!("number")), "{call}");
    }
    // Its ringing told the number, and comes late.
    let answer = taken(&world, &event("w-1", "ringing", "+12065550142", json!({}))).await;
    assert_eq!((&answer["result"], &answer["state"]), (&json!("inquiry"), &json!("missed")));

    let mut unknown = ended("u-1", "+12065550143", "missed");
    unknown["queue"] = json!("new-queue");
    assert_eq!(taken(&world, &unknown).await["waits_for"], "queue");
    assert_eq!(world.door.metric("causeway_partner_message_oddities_total", "unknown_queue"), 1.0);
    let mut ignored = ended("i-1", "+12065550144", "missed");
    ignored["queue"] = json!("billing");
    let mut outbound = ended("o-1", "+12065550145", "missed");
    outbound["direction"] = json!("outbound");
    for body in [ignored, outbound] {
        let answer = taken(&world, &body).await;
        assert_eq!((&answer["result"], answer.get("waits_for")), (&json!("kept"), None));
    }
    assert_eq!(world.door.metric("causeway_partner_messages_total", "kept"), 2.0);
    assert_eq!(world.count("SELECT count(*) FROM calls").await, 6, "nothing is dropped");
    assert_eq!(world.count("SELECT count(*) FROM inquiries").await, 1);
    eventually("operators see what waits", || async {
        let waiting = |what: &str| world.door.gauge("causeway_calls_waiting", what);
        waiting("number") == 2.0 && waiting("queue") == 1.0
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn other_content_for_the_same_event_is_refused_and_kept_for_a_person() {
    let world = World::start().await;
    let first = taken(&world, &ended("c-1", "+12065550142", "answered")).await;
    let (status, refused) = send(&world.door, &world, &ended("c-1", "+12065550142", "missed")).await;
    assert_eq!((status, &refused["reason"]), (409, &json!("key_reused")));
    assert_eq!(send(&world.door, &world, &ended("c-1", "+12065550142", "missed")).await.0, 409, "again the same");
    let again = taken(&world, &ended("c-1", "+12065550142", "answered")).await;
    assert_eq!((&again["state"], &again["call_id"]), (&json!("answered"), &first["call_id"]));
    assert_eq!(world.count("SELECT count(*) FROM inquiries").await, 0, "what stands is not overwritten");
    let parked = "SELECT count(*) FROM messages WHERE state = 'parked' AND reason = 'control_id_reused' AND times = 2";
    assert_eq!(world.count(parked).await, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_missed_call_with_a_number_is_an_inquiry_whatever_else_of_it_is_wrong() {
    let world = World::start().await;
    for (at, (field, told)) in [
        ("agent", json!("Dana W. (front desk)")),
        ("started_at", json!("2026-03-04T19:40:00")),
        ("started_at", json!("1970-01-01T00:00:00Z")),
        ("started_at", json!("2999-01-01T00:00:00Z")),
        ("started_at", json!(null)),
        ("ended_at", json!("2026-03-04T19:39:00-08:00")),
        ("outcome", json!("busy")),
        ("duration_seconds", json!(-4)),
        ("caller_name", json!("Ann Lee")),
    ]
    .into_iter()
    .enumerate()
    {
        let mut body = ended(&format!("c-{at}"), &format!("+1206555018{at}"), "missed");
        body[field] = told.clone();
        let answer = taken(&world, &body).await;
        assert_eq!((&answer["result"], &answer["unusable"][0]["field"]), (&json!("inquiry"), &json!(field)), "{told}");
        assert_eq!(answer["unusable"].as_array().map(Vec::len), Some(1), "{answer}");
        assert_eq!(taken(&world, &body).await["repeated"], json!(true), "{told}");
    }
    assert_eq!(world.count("SELECT count(*) FROM calls WHERE unusable = 'agent' AND agent = ''").await, 1);
    assert_eq!(world.count("SELECT count(*) FROM calls WHERE unusable = 'started_at'").await, 4);
    assert_eq!(world.count("SELECT count(*) FROM calls WHERE unusable = 'ended_at' AND ended_at IS NULL").await, 1);
    assert_eq!(world.count("SELECT count(*) FROM calls WHERE extract(year FROM started_at) <> 2026").await, 0);
    assert_eq!(world.door.metric("causeway_partner_message_oddities_total", "unusable_started_at"), 4.0);
    assert_eq!(world.count("SELECT count(*) FROM calls WHERE unusable = 'outcome' AND state = 'missed'").await, 1);
    assert_eq!(world.count("SELECT count(*) FROM calls WHERE unusable LIKE '%caller_name%'").await, 0);
    assert_eq!(world.door.metric("causeway_partner_message_oddities_total", "member_unknown"), 1.0);
    // Without its queue nobody knows what its caller wants.
    let mut nowhere = ended("c-nowhere", "+12065550189", "missed");
    nowhere.as_object_mut().expect("an object").remove("queue");
    let answer = taken(&world, &nowhere).await;
    assert_eq!((&answer["waits_for"], &answer["unusable"][0]["field"]), (&json!("queue"), &json!("queue")));
    // Its ringing tells when it began, and the mark is gone.
    taken(&world, &event("c-2", "ringing", "+12065550182", json!({}))).await;
    assert_eq!(world.count("SELECT count(*) FROM calls WHERE unusable = 'started_at'").await, 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_event_with_its_times_and_number_written_otherwise_is_a_repeat_and_no_clash() {
    let world = World::start().await;
    let first = taken(&world, &ended("c-1", "+12065550110", "missed")).await;
    let mut otherwise = ended("c-1", "(206) 555-0110", "missed");
    otherwise["started_at"] = json!("2026-03-05T03:40:00Z");
    otherwise["ended_at"] = json!("2026-03-05T03:41:00Z");
    let again = taken(&world, &otherwise).await;
    assert_eq!((&again["repeated"], &again["call_id"]), (&json!(true), &first["call_id"]));
    assert_eq!(world.count("SELECT count(*) FROM messages WHERE state = 'parked'").await, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fault_is_told_by_its_place_and_only_the_feeds_own_key_is_let_in() {
    let limits = Limits { trusted_proxy_hops: 1, own_machine: true, address_per_minute: 3, ..Limits::default() };
    let world = World::start_with(Config { limits, ..Config::default() }).await;
    let wrong = json!({ "call_id": "c", "event": "over", "queue": "q", "started_at": "today" });
    let (status, problem) = send(&world.door, &world, &wrong).await;
    assert_eq!((status, &problem["reason"]), (422, &json!("field_fault")));
    let pointers: Vec<&str> =
        problem["errors"].as_array().expect("errors").iter().filter_map(|error| error["pointer"].as_str()).collect();
    assert_eq!(pointers, ["/event", "/direction", "/started_at"], "all of it is told at once");
    assert_eq!(send(&world.door, &world, &json!(["call"])).await.0, 400);
    let status = async |center: &str, key: &str| {
        let url = format!("{}/v1/centers/{center}/calls", world.door.http);
        let asked = world.browser.post(url).bearer_auth(key).header("x-forwarded-for", "192.0.2.7");
        let asked = asked.json(&ended("k", "+12065550142", "missed")).send();
        asked.await.expect("an answer").status().as_u16()
    };
    assert_eq!(status(OTHER, KEY).await, 403, "the key of another center");
    assert_eq!(status(CENTER, "cedar-demo-key").await, 403, "the key of a feed of files");
    assert_eq!(status(CENTER, "guess").await, 401);
    assert_eq!(status(CENTER, "another guess").await, 429, "nobody tries keys for long");
    assert_eq!(status(CENTER, KEY).await, 202, "and a flood without a key keeps no feed waiting");
    assert_eq!(world.count("SELECT count(*) FROM calls").await, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_document_describes_the_door_for_calls_as_it_is() {
    let world = World::start().await;
    let url = format!("{}/v1/centers/{CENTER}/openapi.json", world.door.http);
    let document: Value = world.browser.get(url).send().await.expect("an answer").json().await.expect("json");
    let operation = &document["paths"]["/v1/centers/{center}/calls"]["post"];
    let example = &operation["requestBody"]["content"]["application/json"]["examples"]["missed"]["value"];
    let answer = taken(&world, example).await;
    assert_eq!(answer["result"], "inquiry", "the example is taken as what it shows");
    let mut held = vec![("Call".to_owned(), example.clone()), ("TakenCall".to_owned(), answer)];
    for key in example.as_object().expect("an object").keys() {
        for odd in [json!(null), json!(7), json!([]), json!(""), json!("\u{0}"), json!("x".repeat(200))] {
            let mut body = example.clone();
            body[key] = odd;
            let (status, answer) = send(&world.door, &world, &body).await;
            assert!(operation["responses"][status.to_string()].is_object(), "{status} is named nowhere: {body}");
            held.push((if status == 202 { "TakenCall" } else { "Problem" }.to_owned(), answer));
        }
    }
    assert_eq!(validator::hold(&document, &held), Ok(()));
    let wrong = json!({ "event": "ended", "direction": "inbound", "queue": "q", "started_at": "2026-03-04T19:40:00Z" });
    assert!(validator::hold(&document, &[("Call".to_owned(), wrong)]).is_err(), "a call has an id");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crash_between_two_events_or_within_one_leaves_all_of_it_or_nothing() {
    let mut world = World::start_alone(Config::default()).await;
    for round in 0..4_u64 {
        let (call, caller) = (format!("crash-{round}"), format!("+120655501{round:02}"));
        taken(&world, &event(&call, "ringing", &caller, json!({}))).await;
        let missed = ended(&call, &caller, "missed");
        let url = format!("{}/v1/centers/{CENTER}/calls", world.door.http);
        let sent = world.browser.post(url).bearer_auth(KEY).json(&missed).send();
        let kill = async {
            tokio::time::sleep(std::time::Duration::from_millis(2 * round)).await;
            sqlx::query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'ingestion_app'")
                .execute(&world.admin)
                .await
                .expect("cut")
        };
        let (answer, _) = tokio::join!(sent, kill);
        assert!([202, 503, 500].contains(&answer.expect("an answer").status().as_u16()));
        eventually("the sender comes again", || async { send(&world.door, &world, &missed).await.0 == 202 }).await;
    }
    world.postgres().kill().await.expect("killed");
    let refused = send(&world.door, &world, &ended("crash-9", "+12065550199", "missed")).await;
    assert_eq!((refused.0, &refused.1["reason"]), (503, &json!("unavailable")));
    world.postgres().restart().await.expect("started again");
    let last = ended("crash-9", "+12065550199", "missed");
    eventually("the sender comes again", || async { send(&world.door, &world, &last).await.0 == 202 }).await;
    let admin = sqlx::PgPool::connect(world.database.admin.expose_secret()).await.expect("the owner");
    for (sql, expected) in [
        ("SELECT count(*) FROM calls WHERE opened AND state = 'missed' AND waits_for = ''", 5),
        ("SELECT count(*) FROM inquiries", 5),
        ("SELECT count(*) FROM messages WHERE state = 'accepted'", 9),
    ] {
        let count: i64 = sqlx::query_scalar(sql).fetch_one(&admin).await.expect("a count");
        assert_eq!(count, expected, "{sql}");
    }
    assert_eq!(published(&world.bus().await, 5).await.len(), 5, "each is told once");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_callers_number_stands_in_no_table_and_no_other_center_sees_the_call() {
    let world = World::start().await;
    taken(&world, &ended("2065550177-c", "+12065550177", "missed")).await;
    let mut odd = ended("extension", "my 2065550177 left knee", "missed");
    odd["caller"] = json!("my 2065550177 left knee");
    taken(&world, &odd).await;
    // A phone system tells whom the center calls in the place of the queue, and a mobile in that of who answers.
    let called =
        json!({ "direction": "outbound", "queue": "+12065550188", "agent": "12065550189", "outcome": "answered" });
    taken(&world, &event("outbound", "ended", "", called)).await;
    let nowhere = json!({ "direction": "outbound", "queue": "", "outcome": "missed" });
    assert_eq!(taken(&world, &event("no-queue", "ended", "", nowhere)).await["result"], "kept");
    taken(&world, &event("unknown", "ringing", "", json!({ "queue": "did 206-555-0187" }))).await;
    for canary in ["2065550177", "left knee", "2065550188", "2065550189", "206-555-0187"] {
        assert_eq!(tables_with(&world, canary).await, Vec::<String>::new(), "{canary}");
    }
    let metrics = world.door.metrics.gather().iter().map(|family| format!("{family:?}")).collect::<String>();
    assert!(!metrics.contains("5550177"), "no metric names a number");
    let mut app = PgConnection::connect(world.database.app.expose_secret()).await.expect("a login");
    for (center, seen) in [(CENTER, 5), (OTHER, 0)] {
        sqlx::query("SELECT set_config('app.center', $1, false)").bind(center).execute(&mut app).await.expect("set");
        let count: i64 = sqlx::query_scalar("SELECT count(*) FROM calls").fetch_one(&mut app).await.expect("a count");
        assert_eq!(count, seen, "{center}");
    }
    let moved = sqlx::query("UPDATE calls SET center_id = 'harbor-valley'").execute(&mut app).await.expect("nothing");
    assert_eq!(moved.rows_affected(), 0);
    let open = World::start_with(Config { sealing: false, ..Config::default() }).await;
    taken(&open, &ended("c", "+12065550177", "missed")).await;
    assert_eq!(tables_with(&open, "2065550177").await, ["calls", "inquiries", "messages"], "the search would find it");
}

const MANY: &str = "INSERT INTO calls (center_id, call_id, feed, call_key, caller_key, queue, direction, state, agent, started_at, \
        over_at, waits_for, waits_from, inquiry_id, opened, closed_at, sealed) \
     SELECT 'harbor-valley', gen_random_uuid(), 'harbor-phones', decode(md5(n::text), 'hex'), decode(md5((n % 5000)::text), 'hex'), \
        'new-patients', 'inbound', 'answered', '', now() - n * interval '1 minute', \
        now() - n * interval '1 minute', \
        CASE WHEN n % 200 = 0 THEN 'entry' ELSE '' END, now() - n * interval '1 minute', gen_random_uuid(), n % 3 = 0, now(), '\\x00' \
     FROM generate_series(1, 50000) AS n";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_question_about_calls_is_answered_by_an_index_among_many() {
    let world = World::start().await;
    sqlx::query(MANY).execute(&world.admin).await.expect("inserted");
    sqlx::query("ANALYZE calls").execute(&world.admin).await.expect("analyzed");
    let mut app = PgConnection::connect(world.database.app.expose_secret()).await.expect("a login");
    sqlx::query("SELECT set_config('app.center', $1, false)").bind(CENTER).execute(&mut app).await.expect("set");
    let (id, key) = ("'00000000-0000-0000-0000-000000000007'", "decode(md5('7'), 'hex')");
    let listed = |sql: &str, given: &[&str]| {
        given
            .iter()
            .enumerate()
            .rev()
            .fold(sql.to_owned(), |sql, (place, value)| sql.replace(&format!("${}", place + 1), value))
    };
    let center = "'harbor-valley'";
    for (sql, index) in [
        (listed(WAITING, &[center, "now()", "'2020-01-01'", id, "51"]), "calls_waiting"),
        (listed(RECENT, &[center, "now() - interval '1 hour'", "50"]), "calls_recent"),
        (listed(OF_INQUIRY, &[center, id, "50"]), "calls_of_inquiry"),
        (format!("SELECT sealed FROM calls WHERE center_id = {center} AND call_key = {key}"), "calls_same"),
        (format!("SELECT sealed FROM calls WHERE center_id = {center} AND call_id = {id}"), "calls_pkey"),
        (
            format!(
                "SELECT inquiry_id FROM calls WHERE center_id = {center} AND caller_key = {key} AND opened AND closed_at IS NULL"
            ),
            "calls_open",
        ),
        (
            format!(
                "SELECT call_id FROM calls WHERE center_id = {center} AND inquiry_id = ANY(ARRAY[{id}]::uuid[]) AND inquiry_id IS NOT NULL AND opened"
            ),
            "calls_of_inquiry",
        ),
        (
            format!(
                "SELECT count(*) FROM calls WHERE center_id = {center} AND waits_for <> '' AND waits_from <= now()"
            ),
            "calls_waiting",
        ),
    ] {
        let plan: Vec<String> = sqlx::query_scalar(sqlx::AssertSqlSafe(format!("EXPLAIN {sql}")))
            .fetch_all(&mut app)
            .await
            .unwrap_or_else(|cause| panic!("{sql}: {cause}"));
        let plan = plan.join("\n");
        assert!(plan.contains(index) && !plan.contains("Seq Scan on calls"), "{sql}\n{plan}");
    }
    // Of all centers, as operators ask.
    let of_all = |place: &str, then: &str| {
        format!(
            "SELECT call_id, reference FROM calls LEFT JOIN inquiries USING (center_id, inquiry_id) WHERE {then} \
             AND ({place}, call_id) > ('1970-01-01', {id}) ORDER BY {place}, call_id LIMIT 500"
        )
    };
    for (sql, index) in [
        (WAITING_EVERYWHERE.replace("$1", "now()"), "calls_waiting"),
        (of_all("waits_from", "waits_for <> '' AND waits_from <= now()"), "calls_waiting"),
        (of_all("started_at", "started_at > now() - interval '1 day'"), "calls_began"),
    ] {
        let plan: Vec<String> = sqlx::query_scalar(sqlx::AssertSqlSafe(format!("EXPLAIN {sql}")))
            .fetch_all(&world.admin)
            .await
            .unwrap_or_else(|cause| panic!("{sql}: {cause}"));
        let plan = plan.join("\n");
        assert!(plan.contains(index) && !plan.contains("Seq Scan on calls"), "{sql}\n{plan}");
    }
}
