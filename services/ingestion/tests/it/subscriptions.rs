//! Partners who are told of changed Tasks: by a real endpoint on this machine, in order, at least once, signed, and without a
//! word of the patient.

use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::State;
use axum::routing::post;
use causeway_auth::Actor;
use causeway_funnel::stage::Stage;
use causeway_ingestion::Config;
use causeway_ingestion::config::Subscriptions;
use causeway_ingestion::handlers::hooks::post::sign;
use causeway_ingestion::store::hooks::{CLAIM, DUE};
use causeway_ingestion::store::journeys::SENDERS;
use causeway_ingestion::store::subscriptions::{COUNT, EVENTS, LISTENING};
use causeway_proto::inquiry::v1::{
    ListSubscriptionsRequest, SetAsideRepairsRequest, SettleMessagesRequest, SwitchSubscriptionRequest,
};
use http::{HeaderMap, StatusCode};
use reqwest::Method;
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Connection as _, PgConnection, Row as _};

use crate::fhir::{Answer, Office, id_in, request};
use crate::journeys::{referred, staged, tell};
use crate::privacy::tables_with;
use crate::repair::{release, waiting};
use crate::validator;
use crate::world::{CENTER, OTHER, World, coordinator, eventually};

const GUIDE: &str = "http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition/";

/// What an endpoint has got: headers and body of each notification.
type Seen = Arc<Mutex<Vec<(HeaderMap, String)>>>;

/// An office's endpoint.
pub struct Receiver {
    url: String,
    seen: Seen,
    status: Arc<AtomicU16>,
}

/// Answers as `status` says; 0: never.
async fn take(State((seen, status)): State<(Seen, Arc<AtomicU16>)>, headers: HeaderMap, body: String) -> StatusCode {
    seen.lock().expect("no test broke while it wrote").push((headers, body));
    match status.load(Ordering::Relaxed) {
        0 => std::future::pending().await,
        told => StatusCode::from_u16(told).expect("a status"),
    }
}

impl Receiver {
    pub async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}/hook-of-office", listener.local_addr().expect("an address"));
        let (seen, status) = (Seen::default(), Arc::new(AtomicU16::new(200)));
        let router = Router::new().route("/hook-of-office", post(take)).with_state((seen.clone(), status.clone()));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { url, seen, status }
    }

    fn answers(&self, status: u16) {
        self.status.store(status, Ordering::Relaxed);
    }

    /// What came of a kind, as notifications.
    fn got(&self, kind: &str) -> Vec<Value> {
        let seen = self.seen.lock().expect("no test broke while it wrote");
        let read = |(_, body): &(HeaderMap, String)| serde_json::from_str(body).expect("JSON");
        seen.iter().map(read).filter(|told| parameter(told, "type")["valueCode"] == kind).collect()
    }

    /// The numbers of the events that came, in the order in which they came.
    pub fn numbers(&self) -> Vec<String> {
        self.got("event-notification").iter().flat_map(numbers).collect()
    }
}

fn parameters(told: &Value) -> &Vec<Value> {
    told["entry"][0]["resource"]["parameter"].as_array().expect("parameters")
}

fn parameter<'v>(told: &'v Value, name: &str) -> &'v Value {
    parameters(told).iter().find(|one| one["name"] == name).unwrap_or(&Value::Null)
}

fn numbers(told: &Value) -> Vec<String> {
    let events = parameters(told).iter().filter(|one| one["name"] == "notification-event");
    events.map(|event| event["part"][0]["valueString"].as_str().expect("a number").to_owned()).collect()
}

fn wish(office: &Office<'_>, endpoint: &str) -> Value {
    json!({
        "resourceType": "Subscription", "status": "requested", "reason": "Status of referrals",
        "criteria": format!("{}/SubscriptionTopic/referral-status", office.base),
        "channel": {
            "type": "rest-hook", "endpoint": endpoint, "payload": "application/fhir+json",
            "_payload": { "extension": [{ "url": format!("{GUIDE}backport-payload-content"), "valueCode": "id-only" }] },
            "extension": [{ "url": format!("{GUIDE}backport-heartbeat-period"), "valueUnsignedInt": 3600 }],
            "header": ["Authorization: Bearer secret-of-the-office"],
        },
    })
}

fn brisk() -> Config {
    let subscriptions = Subscriptions {
        look_milliseconds: 30,
        first_wait_milliseconds: 20,
        most_failures: 3,
        per_feed: 2,
        ..Subscriptions::default()
    };
    Config { subscriptions, ..Config::default() }
}

/// A world in which the office's endpoint may be this machine.
pub async fn world() -> World {
    let world = World::start_with(brisk()).await;
    let hosts = "\"127.0.0.1\", \"10.0.0.1\", \"localhost\"";
    world.change_profile(CENTER, "feeds.toml", "\"hooks.sound-imaging.example\"", hosts).await;
    world
}

/// Subscribes, as soon as the profile is in force.
pub async fn subscribed(office: &Office<'_>, receiver: &Receiver) -> Answer {
    let wish = wish(office, &receiver.url);
    let made = Mutex::new(None);
    eventually("the host is on the list", || async {
        let answer = office.post("/Subscription", &wish).await;
        let is_made = answer.status == 201;
        *made.lock().expect("no test broke") = is_made.then_some(answer);
        is_made
    })
    .await;
    made.into_inner().expect("no test broke").expect("made")
}

pub fn id_of(made: &Answer) -> String {
    made.body["id"].as_str().expect("an id").to_owned()
}

pub async fn becomes(office: &Office<'_>, id: &str, status: &str) -> Answer {
    let path = format!("/Subscription/{id}");
    eventually(status, || async { office.get(&path).await.body["status"] == status }).await;
    office.get(&path).await
}

async fn put(office: &Office<'_>, id: &str, body: &Value) -> Answer {
    let asked = office.ask(Method::PUT, &format!("/Subscription/{id}")).header("content-type", "application/fhir+json");
    Answer::of(asked.body(body.to_string()).send().await.expect("an answer")).await
}

/// One change of a referral after the other.
fn changes(id: &str) -> Vec<causeway_bus::Outgoing> {
    let stages =
        [Stage::Received, Stage::Routed, Stage::Contacted, Stage::IntakeComplete, Stage::Scheduled, Stage::Attended];
    (1..).zip(stages.windows(2)).map(|(version, pair)| staged(id, version, (pair[0], pair[1]))).collect()
}

/// Publishes changes of referrals, side by side, each when the ones before it had their effect: what comes together is one event.
async fn walk(world: &World, inquiries: &[&str], from: usize, until: usize) {
    for nth in from..until {
        let events: Vec<_> = inquiries.iter().map(|id| changes(id).swap_remove(nth)).collect();
        tell(world, &events).await;
        let ids: Vec<uuid::Uuid> = inquiries.iter().map(|id| id.parse().expect("an id")).collect();
        eventually("changes had their effect", || async {
            let at: i64 = sqlx::query_scalar(
                "SELECT count(*) FROM referral_states WHERE stage_version = $1 AND inquiry_id = ANY($2)",
            )
            .bind(i64::try_from(nth).expect("few") + 1)
            .bind(&ids)
            .fetch_one(&world.admin)
            .await
            .expect("counted");
            at == i64::try_from(ids.len()).expect("few")
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_its_handshake_an_endpoint_is_told_of_every_change_once_in_order_and_signed() {
    let world = world().await;
    let (office, receiver) = (Office::of(&world), Receiver::start().await);
    let made = subscribed(&office, &receiver).await;
    let id = id_of(&made);
    assert_eq!((&made.body["status"], made.header("location").ends_with(&id)), (&json!("requested"), true));
    let extensions = made.body["channel"]["extension"].as_array().expect("extensions");
    let secret = extensions.iter().find(|one| one["url"] == "urn:causeway:subscription-secret").expect("a secret");
    let secret = secret["valueString"].as_str().expect("a text").to_owned();
    let active = becomes(&office, &id, "active").await;
    let text = active.body.to_string();
    assert!(!text.contains(&secret) && !text.contains("secret-of-the-office"), "told once, or never: {text}");
    let handshake = receiver.got("handshake");
    assert_eq!((handshake.len(), &parameter(&handshake[0], "status")["valueCode"]), (1, &json!("requested")));

    let again = office.post("/Subscription", &wish(&office, &receiver.url)).await;
    assert_eq!((again.status, id_of(&again)), (200, id.clone()), "the same is the same");
    let inquiry = referred(&office, "R-1").await;
    walk(&world, &[&inquiry], 0, 5).await;
    eventually("all was told", || async { receiver.numbers().len() >= 5 }).await;
    assert_eq!(receiver.numbers(), ["1", "2", "3", "4", "5"]);
    for (headers, body) in receiver.seen.lock().expect("no test broke").iter() {
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
        assert_eq!(text("authorization"), "Bearer secret-of-the-office");
        let signature = text("x-causeway-signature");
        let seconds = signature.trim_start_matches("t=").split(',').next().and_then(|told| told.parse().ok());
        assert_eq!(signature, sign(&secret, seconds.expect("a moment"), body));
        for of_patient in ["Testpatient", "Marisol", "1968-07-19", "19680719", "5550199", "C50", "Evaluate", "R-1"] {
            assert!(!body.contains(of_patient), "no notification tells of the patient: {body}");
        }
    }
    let last = receiver.got("event-notification").pop().expect("one");
    let focus = &parameter(&last, "notification-event")["part"][2]["valueReference"]["reference"];
    assert_eq!(focus, &json!(format!("{}/Task/{inquiry}", office.base)));
    assert_eq!(office.get(&format!("/Task/{inquiry}")).await.body["status"], "completed");
    let status = office.get(&format!("/Subscription/{id}/$status")).await;
    let told = parameter(&status.body, "events-since-subscription-start");
    assert_eq!((status.status, &told["valueString"]), (200, &json!("5")));

    // What a person settles at the door is told as well, and what the office does itself is not.
    let other = referred(&office, "R-2").await;
    let mut withdrawn = request("R-2", "Testpatient");
    withdrawn["status"] = json!("revoked");
    office.post("/ServiceRequest", &withdrawn).await;
    let message: uuid::Uuid = sqlx::query_scalar("SELECT message_id FROM messages WHERE reason = 'referral_cancelled'")
        .fetch_one(&world.admin)
        .await
        .expect("it waits");
    assert_eq!(world.count("SELECT events FROM subscriptions").await, 5, "counted with the change, if at all");
    let asked = SettleMessagesRequest { center: CENTER.into(), message_ids: vec![message.to_string()] };
    world.client("portal", Some(coordinator(CENTER))).settle_messages(asked).await.expect("settled");
    assert_eq!(world.count("SELECT events FROM subscriptions").await, 6);
    eventually("it is told", || async { receiver.numbers().len() == 6 }).await;
    let last = receiver.got("event-notification").pop().expect("one");
    assert!(last.to_string().contains(&format!("Task/{other}")));
    sqlx::query("UPDATE subscriptions SET next_try_at = now()").execute(&world.admin).await.expect("an hour passes");
    eventually("a sign of life", || async { receiver.got("heartbeat").len() == 1 }).await;

    let bodies: Vec<String> = receiver.seen.lock().expect("no test broke").iter().map(|seen| seen.1.clone()).collect();
    let topic = world.browser.get(format!("{}/SubscriptionTopic/referral-status", office.base)).send().await;
    let topic = Answer::of(topic.expect("an answer")).await.body.to_string();
    let resources: Vec<String> = bodies
        .into_iter()
        .chain([topic, made.body.to_string(), active.body.to_string(), status.body.to_string()])
        .collect();
    if let Err(faults) = validator::judge(&resources) {
        panic!("{faults}");
    }
    for secret in ["secret-of-the-office", "hook-of-office", secret.as_str()] {
        assert_eq!(tables_with(&world, secret).await, Vec::<String>::new(), "sealed");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_endpoint_that_was_away_gets_all_that_it_missed_in_order_and_asks_for_it_itself_after_too_many_failures() {
    let world = world().await;
    let (office, receiver) = (Office::of(&world), Receiver::start().await);
    let made = subscribed(&office, &receiver).await;
    let id = id_of(&made);
    becomes(&office, &id, "active").await;
    receiver.answers(503);
    let inquiry = referred(&office, "R-1").await;
    walk(&world, &[&inquiry], 0, 2).await;
    let failed = becomes(&office, &id, "error").await;
    assert_eq!(failed.body["error"], "The endpoint failed");
    assert!(receiver.got("event-notification").len() >= 3, "it was tried again");
    walk(&world, &[&inquiry], 2, 5).await;
    assert_eq!(world.count("SELECT events FROM subscriptions").await, 5, "events are counted on");

    let missed = office.get(&format!("/Subscription/{id}/$events?eventsSinceNumber=2&eventsUntilNumber=4")).await;
    assert_eq!((missed.status, numbers(&missed.body)), (200, vec!["2".into(), "3".into(), "4".into()]));
    let all_of_them = office.get(&format!("/Subscription/{id}/$events")).await;
    assert_eq!(numbers(&all_of_them.body), ["1", "2", "3", "4", "5"]);
    for wrong in ["eventsSinceNumber=x", "eventsSinceNumber=4&eventsUntilNumber=2", "other=1"] {
        assert_eq!(office.get(&format!("/Subscription/{id}/$events?{wrong}")).await.status, 400, "{wrong}");
    }

    receiver.answers(200);
    receiver.seen.lock().expect("no test broke").clear();
    let mut again = wish(&office, &receiver.url);
    again["id"] = json!(id);
    assert_eq!(put(&office, &id, &again).await.body["status"], "requested");
    eventually("all is told", || async { receiver.numbers().len() >= 5 }).await;
    assert_eq!(receiver.numbers(), ["1", "2", "3", "4", "5"]);
    assert_eq!(receiver.got("handshake").len(), 1);
    let active = becomes(&office, &id, "active").await;
    assert!(active.body["error"].is_null());
    assert!(world.door.metric("causeway_subscription_notifications_total", "failed") >= 3.0);
    let resources = [failed.body.to_string(), missed.body.to_string(), all_of_them.body.to_string()];
    if let Err(faults) = validator::judge(&resources) {
        panic!("{faults}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_process_left_half_sent_is_sent_again_by_another_one_as_the_same() {
    let world = world().await;
    let (office, receiver) = (Office::of(&world), Receiver::start().await);
    let id = id_of(&subscribed(&office, &receiver).await);
    let beside = Receiver::start().await;
    let other = id_of(&subscribed(&office, &beside).await);
    for id in [&id, &other] {
        becomes(&office, id, "active").await;
    }
    receiver.answers(0);
    let inquiry = referred(&office, "R-1").await;
    tell(&world, &changes(&inquiry)[..1]).await;
    eventually("it is under way", || async { receiver.numbers().len() == 1 }).await;
    eventually("the other is told", || async {
        world.count("SELECT sum(delivered)::bigint FROM subscriptions").await == 1
    })
    .await;
    // The process is gone between the commit and the answer of the endpoint.
    world.door.stop_hard();
    receiver.answers(200);
    let (delivered, held) = (
        world.count("SELECT sum(delivered)::bigint FROM subscriptions").await,
        world.count("SELECT count(*) FROM subscriptions WHERE lease_until > now() AND delivered = 0").await,
    );
    assert_eq!((delivered, held), (1, 1), "nobody has written down how it went");
    let _second = world.second_door_with(brisk()).await;
    sqlx::query("UPDATE subscriptions SET next_try_at = now() WHERE delivered = 1")
        .execute(&world.admin)
        .await
        .expect("an hour passes");
    eventually("the other process sends what is due", || async { beside.got("heartbeat").len() == 1 }).await;
    assert_eq!(receiver.numbers().len(), 1, "it may still be under way");
    sqlx::query("UPDATE subscriptions SET lease_until = now(), next_try_at = now() WHERE delivered = 0")
        .execute(&world.admin)
        .await
        .expect("the lease runs out");
    let delivered = || world.count("SELECT sum(delivered)::bigint FROM subscriptions");
    eventually("it is sent again", || async { delivered().await == 2 }).await;
    let sent = receiver.got("event-notification");
    assert_eq!((sent.len(), &sent[0]["id"]), (2, &sent[1]["id"]), "by its id it is known as the same");
    assert_eq!(receiver.numbers(), ["1", "1"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_processes_tell_each_event_once_and_a_filter_leaves_out_what_nobody_asked_for() {
    let world = world().await;
    let (office, receiver, ends) = (Office::of(&world), Receiver::start().await, Receiver::start().await);
    let _second = world.second_door_with(brisk()).await;
    let id = id_of(&subscribed(&office, &receiver).await);
    let mut of_ends = wish(&office, &ends.url);
    of_ends["_criteria"] = json!({ "extension": [
        { "url": format!("{GUIDE}backport-filter-criteria"), "valueString": "Task?status=completed,failed" }] });
    of_ends["channel"]["_payload"]["extension"][0]["valueCode"] = json!("empty");
    let filtered = office.post("/Subscription", &of_ends).await;
    assert_eq!(filtered.status, 201, "{}", filtered.body);
    becomes(&office, &id, "active").await;
    becomes(&office, &id_of(&filtered), "active").await;
    let mut ids = Vec::new();
    for number in 0..20 {
        ids.push(referred(&office, &format!("R-{number}")).await);
    }
    walk(&world, &ids.iter().map(String::as_str).collect::<Vec<_>>(), 0, 5).await;
    eventually("all was told", || async { receiver.numbers().len() >= 100 }).await;
    let expected: Vec<String> = (1..=100).map(|number| number.to_string()).collect();
    assert_eq!(receiver.numbers(), expected, "each once, in order, without a gap");
    eventually("ends were told", || async { ends.numbers().len() >= 20 }).await;
    assert_eq!(ends.numbers(), expected[..20]);
    assert!(!ends.got("event-notification")[0].to_string().contains("Task/"), "an empty one names nothing");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_would_lead_out_of_bounds_is_refused_with_its_place() {
    let world = world().await;
    let (office, receiver) = (Office::of(&world), Receiver::start().await);
    let id = id_of(&subscribed(&office, &receiver).await);
    becomes(&office, &id, "active").await;
    let place = |at: &str| ("error".to_owned(), "security".to_owned(), format!("Subscription.channel.{at}"));
    for endpoint in [
        "https://10.0.0.1/hook",
        "http://169.254.169.254/latest/meta-data",
        "https://elsewhere.example/hook",
        "ftp://127.0.0.1/",
        "hook",
        "https://office:word@127.0.0.1/",
    ] {
        let refused = office.post("/Subscription", &wish(&office, endpoint)).await;
        assert_eq!((refused.status, refused.issues()), (422, vec![place("endpoint")]), "{endpoint}");
    }
    let mut whole = wish(&office, &receiver.url);
    whole["channel"]["_payload"]["extension"][0]["valueCode"] = json!("full-resource");
    let refused = office.post("/Subscription", &whole).await;
    assert_eq!((refused.status, refused.has("error", "not-supported")), (422, true));
    let mut owner = wish(&office, &receiver.url);
    owner["_criteria"] = json!({ "extension": [
        { "url": format!("{GUIDE}backport-filter-criteria"), "valueString": "Task?owner=Organization/1" }] });
    let refused = office.post("/Subscription", &owner).await;
    assert_eq!(refused.issues()[0].2, "Subscription._criteria.extension[0].valueString");
    let second = office.post("/Subscription", &wish(&office, &format!("{}?second", receiver.url))).await;
    let third = office.post("/Subscription", &wish(&office, &format!("{}?third", receiver.url))).await;
    assert_eq!((second.status, third.status, third.has("error", "business-rule")), (201, 422, true));
    let own = office.get("/Subscription").await;
    assert_eq!(own.body["entry"].as_array().map(Vec::len), Some(2));

    // A host that is taken off the list is not written to any more, whatever stands.
    world.change_profile(CENTER, "feeds.toml", "\"hooks.sound-imaging.example\"", "\"other.example\"").await;
    let inquiry = referred(&office, "R-1").await;
    let fourth = wish(&office, &format!("{}?fourth", receiver.url));
    eventually("the list is another", || async {
        office.post("/Subscription", &fourth).await.has("error", "security")
    })
    .await;
    let before = receiver.seen.lock().expect("no test broke").len();
    tell(&world, &changes(&inquiry)[..1]).await;
    let failed = becomes(&office, &id, "error").await;
    assert!(failed.body["error"].as_str().is_some_and(|words| words.contains("not among the hosts")));
    assert_eq!(receiver.seen.lock().expect("no test broke").len(), before);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_feed_sees_and_changes_only_its_own_and_an_operator_stops_any() {
    let world = world().await;
    let (office, receiver) = (Office::of(&world), Receiver::start().await);
    let id = id_of(&subscribed(&office, &receiver).await);
    becomes(&office, &id, "active").await;
    let operator = || world.client("causeway", Some(Actor::operator("ops", "Ops")));
    let switch = |on| SwitchSubscriptionRequest { center: CENTER.into(), subscription_id: id.clone(), on };
    let by_staff = world.client("portal", Some(coordinator(CENTER))).switch_subscription(switch(false)).await;
    assert_eq!(by_staff.expect_err("not theirs").code(), tonic::Code::PermissionDenied);
    operator().switch_subscription(switch(false)).await.expect("stopped");
    let stopped = becomes(&office, &id, "error").await;
    assert!(stopped.body["error"].as_str().is_some_and(|words| words.contains("stopped")));
    let inquiry = referred(&office, "R-1").await;
    walk(&world, &[&inquiry], 0, 5).await;
    assert_eq!(world.count("SELECT events FROM subscriptions").await, 5, "events are counted on");
    let delete = async || {
        Answer::of(office.ask(Method::DELETE, &format!("/Subscription/{id}")).send().await.expect("an answer")).await
    };
    for refused in [
        put(&office, &id, &wish(&office, &receiver.url)).await,
        delete().await,
        office.post("/Subscription", &wish(&office, &receiver.url)).await,
        office.post("/Subscription", &wish(&office, &format!("{}?another", receiver.url))).await,
    ] {
        assert_eq!((refused.status, refused.has("error", "conflict")), (409, true), "{}", refused.body);
    }
    let listed = operator().list_subscriptions(ListSubscriptionsRequest { center: CENTER.into() }).await;
    let listed = listed.expect("listed").into_inner().subscriptions.remove(0);
    assert_eq!((listed.state.as_str(), listed.reason.as_str()), ("error", "stopped"));
    assert_eq!((listed.events, listed.delivered, receiver.numbers().len()), (5, 0, 0));
    operator().switch_subscription(switch(true)).await.expect("started");
    eventually("all is told", || async { receiver.numbers() == ["1", "2", "3", "4", "5"] }).await;
    assert_eq!(world.count("SELECT count(*) FROM audit_log WHERE object_kind = 'subscription'").await, 2);

    sqlx::query("UPDATE subscriptions SET feed = 'another-fhir'").execute(&world.admin).await.expect("moved");
    for path in ["", "/$status", "/$events"] {
        assert_eq!(office.get(&format!("/Subscription/{id}{path}")).await.status, 404, "{path}");
    }
    assert_eq!(put(&office, &id, &wish(&office, &receiver.url)).await.status, 404);
    assert_eq!((delete().await.status, office.get("/Subscription").await.body["entry"].is_null()), (404, true));
    sqlx::query("UPDATE subscriptions SET feed = 'sound-imaging-fhir'").execute(&world.admin).await.expect("back");
    let mut off = wish(&office, &receiver.url);
    off["status"] = json!("off");
    assert_eq!(put(&office, &id, &off).await.body["status"], "off");
    let quiet = referred(&office, "R-2").await;
    walk(&world, &[&quiet], 0, 5).await;
    assert_eq!(world.count("SELECT events FROM subscriptions").await, 5, "who has ended it is not counted for");
    assert_eq!((delete().await.status, delete().await.status), (200, 404));
    assert_eq!(world.count("SELECT count(*) FROM subscription_events").await, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_center_sees_no_subscription_and_what_is_due_is_found_by_an_index_among_many() {
    let world = World::start().await;
    let many = "INSERT INTO subscriptions (center_id, subscription_id, feed, same, state, statuses, content, base, timeout_seconds, \
            most_events, sealed, created_at, changed_at, next_try_at) \
         SELECT 'harbor-valley', md5(n::text)::uuid, 'feed-' || n % 500, decode(md5(n::text), 'hex'), 'off', '{}', 'empty', '', 1, 1, \
             '\\x00', now(), now(), CASE WHEN n < 3 THEN now() + interval '1 day' END FROM generate_series(1, 20000) AS n";
    let events = "INSERT INTO subscription_events (center_id, subscription_id, number, inquiry_id, at) \
         SELECT 'harbor-valley', md5((n % 20)::text)::uuid, n, gen_random_uuid(), now() FROM generate_series(1, 50000) AS n";
    let messages = "INSERT INTO messages (center_id, message_id, feed, kind, control_key, content_hash, state, sealed, received_at, \
            inquiry_id) \
         SELECT 'harbor-valley', gen_random_uuid(), 'feed-3', 'ServiceRequest', decode(md5(n::text), 'hex'), \
             decode(md5(n::text), 'hex'), 'accepted', '\\x00', now(), md5(n::text)::uuid FROM generate_series(1, 50000) AS n";
    let inquiries = "INSERT INTO inquiries (center_id, inquiry_id, reference, received_at, consult_type, source, held, needs_repair, facts, \
            sealed) \
         SELECT 'harbor-valley', md5(n::text)::uuid, 'HV-' || n, now(), 'x', 'fhir', false, false, '\\x00', '\\x00' \
         FROM generate_series(1, 50000) AS n";
    for sql in [many, events, messages, inquiries] {
        sqlx::query(sql).execute(&world.admin).await.expect("inserted");
    }
    sqlx::raw_sql("ANALYZE subscriptions; ANALYZE subscription_events; ANALYZE messages; ANALYZE inquiries")
        .execute(&world.admin)
        .await
        .expect("analyzed");
    let mut machine = PgConnection::connect(world.database.machine.expose_secret()).await.expect("a login");
    let mut app = PgConnection::connect(world.database.app.expose_secret()).await.expect("a login");
    let plan = async |login: &mut PgConnection, sql: &str| {
        let lines: Vec<String> =
            sqlx::query_scalar(AssertSqlSafe(format!("EXPLAIN {sql}"))).fetch_all(login).await.expect("a plan");
        lines.join("\n")
    };
    let due = plan(&mut machine, DUE).await;
    assert!(due.contains("subscriptions_due") && !due.contains("Seq Scan"), "{due}");
    for (center, count) in [(CENTER, 20_000), (OTHER, 0)] {
        let sql = format!("SELECT set_config('app.center', '{center}', false); SELECT count(*) FROM subscriptions");
        let rows = sqlx::raw_sql(AssertSqlSafe(sql)).fetch_all(&mut app).await.expect("counted");
        assert_eq!(rows.last().map(|row| row.get::<i64, _>(0)), Some(count), "{center}");
    }
    let center = "'harbor-valley'";
    let one = "'00000000-0000-0000-0000-000000000001'::uuid";
    for (sql, told, indexes) in [
        (EVENTS, &[center, one, "5", "900", "20"][..], &["subscription_events_pkey"][..]),
        (LISTENING, &[center, "'{feed-3}'"], &["subscriptions_same"]),
        (CLAIM, &[center, "2", "30", "'feed-3'"], &["subscriptions_due", "subscriptions_pkey"]),
        (
            COUNT,
            &[center, "'{feed-3}'", "'{00000000-0000-0000-0000-000000000001}'", "'{failed}'", "now()"],
            &["subscriptions_same", "subscriptions_pkey"],
        ),
        (SENDERS, &[center, "'{00000000-0000-0000-0000-000000000001}'"], &["messages_inquiry", "inquiries_pkey"]),
    ] {
        let told = told.iter().enumerate();
        let sql = told.fold(sql.to_owned(), |sql, (nth, told)| sql.replace(&format!("${}", nth + 1), told));
        let plan = plan(&mut app, &sql).await;
        for index in indexes {
            assert!(plan.contains(index), "{index}: {plan}");
        }
        for table in ["subscriptions", "subscription_events", "messages", "inquiries"] {
            assert!(!plan.contains(&format!("Seq Scan on {table}")), "{plan}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_asked_for_again_does_what_it_says_and_its_secret_is_told_until_the_endpoint_has_answered() {
    let world = world().await;
    let (office, receiver) = (Office::of(&world), Receiver::start().await);
    let secret = |answer: &Answer| {
        let extensions = answer.body["channel"]["extension"].as_array().cloned().unwrap_or_default();
        extensions
            .iter()
            .find(|one| one["url"] == "urn:causeway:subscription-secret")
            .map(|one| one["valueString"].clone())
    };
    let ask = async |wish: &Value| {
        let answer = office.post("/Subscription", wish).await;
        (answer.status, answer.body["status"].as_str().unwrap_or_default().to_owned(), id_of(&answer), secret(&answer))
    };
    receiver.answers(503);
    let made = subscribed(&office, &receiver).await;
    let (id, told) = (id_of(&made), secret(&made));
    assert!(told.is_some());
    becomes(&office, &id, "error").await;
    receiver.answers(200);
    let mut wish = wish(&office, &receiver.url);
    assert_eq!(ask(&wish).await, (200, "requested".into(), id.clone(), told), "who lost the answer has it now");
    becomes(&office, &id, "active").await;
    assert_eq!(ask(&wish).await, (200, "active".into(), id.clone(), None), "as it is asked for, it goes on");
    wish["channel"]["header"] = json!(["Authorization: Bearer another-of-the-office"]);
    assert_eq!(ask(&wish).await, (200, "requested".into(), id.clone(), None));
    let active = becomes(&office, &id, "active").await;
    let last = receiver.seen.lock().expect("no test broke").last().expect("a handshake").0["authorization"].clone();
    assert_eq!(last, "Bearer another-of-the-office");
    let mut off = wish.clone();
    off["status"] = json!("off");
    let seen = office.ask(Method::PUT, &format!("/Subscription/{id}")).header("content-type", "application/fhir+json");
    let seen = seen.header("if-match", made.header("etag")).body(off.to_string());
    let seen = Answer::of(seen.send().await.expect("an answer")).await;
    assert_eq!((seen.status, seen.has("error", "conflict")), (412, true), "not {}", active.header("etag"));
    assert_eq!(put(&office, &id, &off).await.body["status"], "off");
    assert_eq!(ask(&wish).await, (200, "requested".into(), id.clone(), None), "what was ended begins again");
    wish["end"] = json!("2020-01-01T00:00:00Z");
    let past = office.post("/Subscription", &wish).await;
    assert_eq!((past.status, past.issues()[0].2.as_str()), (422, "Subscription.end"));
    let searched = office.get("/Subscription?status=active").await;
    assert_eq!((searched.status, searched.has("error", "not-supported")), (400, true));
    assert_eq!(office.get("/Subscription?_format=json").await.status, 200);

    // Its end is noticed without a sign of life.
    becomes(&office, &id, "active").await;
    sqlx::query("UPDATE subscriptions SET ends_at = now() - interval '1 minute', next_try_at = now()")
        .execute(&world.admin)
        .await
        .expect("time passes");
    becomes(&office, &id, "off").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_person_mends_or_sets_aside_is_a_version_of_the_task_and_is_told_and_calls_nothing_off() {
    let world = world().await;
    let (office, receiver) = (Office::of(&world), Receiver::start().await);
    let id = id_of(&subscribed(&office, &receiver).await);
    becomes(&office, &id, "active").await;
    let events = async || world.count("SELECT events FROM subscriptions").await;
    let mut broken = request("R-1", "Testpatient");
    broken["contained"][0]["telecom"][0]["value"] = json!("12");
    let inquiry = id_in(office.post("/ServiceRequest", &broken).await.header("location"));
    let task = async || office.get(&format!("/Task/{inquiry}")).await;
    let text = |task: &Answer| task.body["businessStatus"]["text"].as_str().unwrap_or_default().to_owned();
    let before = task().await;
    assert_eq!(text(&before), "Received; a person mends what could not be read");
    let row = waiting(&world, "waiting").await.into_iter().find(|row| row.reason == "defects").expect("it is listed");
    assert_eq!(release(&world, &row, &[("phone", "206 555 0142")]).await.expect("mended").outcome, "mended");
    let mended = task().await;
    assert_eq!((events().await, text(&mended).as_str()), (1, "Received; the center calls the patient"));
    assert_ne!(before.header("etag"), mended.header("etag"));

    // Two withdrawals that are not theirs, and one that is.
    let withdraw = async || {
        let put = office.ask(Method::PUT, &format!("/Task/{inquiry}")).header("if-match", task().await.header("etag"));
        let body = json!({ "resourceType": "Task", "id": inquiry, "status": "cancelled", "intent": "order" });
        let put = put.header("content-type", "application/fhir+json").body(body.to_string());
        let told = Answer::of(put.send().await.expect("an answer")).await;
        assert_eq!((told.status, text(&told).as_str()), (200, "Withdrawal received; a person acts on it"));
        let row = waiting(&world, "waiting").await.into_iter().find(|row| row.reason == "referral_cancelled");
        row.expect("it waits").id
    };
    for round in 2..4 {
        let request = SetAsideRepairsRequest {
            center: CENTER.into(),
            kind: "message".into(),
            ids: vec![withdraw().await],
            reason: "not_ours".into(),
        };
        let done = world.client("portal", Some(coordinator(CENTER))).set_aside_repairs(request).await.expect("done");
        assert_eq!(done.into_inner().set_aside.len(), 1);
        let now = task().await;
        assert_eq!((events().await, text(&now).as_str()), (round, "Received; the center calls the patient"));
    }
    let asked = SettleMessagesRequest { center: CENTER.into(), message_ids: vec![withdraw().await] };
    world.client("portal", Some(coordinator(CENTER))).settle_messages(asked).await.expect("settled");
    assert_eq!((events().await, text(&task().await).as_str()), (4, "Withdrawn"));
    let ended = "SELECT count(*) FROM referral_states WHERE status = 'cancelled'";
    assert_eq!(world.count(ended).await, 1, "written where the desk's end would be");
    tell(&world, &[staged(&inquiry, 1, (Stage::Received, Stage::Attended))]).await;
    eventually("the desk is heard", || async { events().await == 5 }).await;
    assert_eq!((task().await.body["status"].as_str(), text(&task().await).as_str()), (Some("cancelled"), "Withdrawn"));
}
