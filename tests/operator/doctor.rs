//! `causeway doctor`: sound is sound, and each thing that was broken is named with what to do.

use causeway_tests::{Installation, eventually};
use serde_json::{Value, json};
use sqlx::Executor as _;

use crate::{bus, jetstream};

/// What it looked at and found wrong: what about, and what it says.
async fn wrong(installation: &Installation, more: &[&str]) -> (i32, Vec<(String, String)>) {
    let (code, told) = installation.json(&[more, &["doctor"]].concat()).await;
    let text = |one: &Value, key: &str| one[key].as_str().expect("a text").to_owned();
    let wrong = told.iter().filter(|one| one["in_order"] == false);
    let wrong: Vec<(String, String)> = wrong.map(|one| (text(one, "about"), text(one, "text"))).collect();
    for (about, text) in &wrong {
        assert!(text.contains(';'), "{about} is told without a remedy: {text}");
    }
    (code, wrong)
}

fn says<'a>(wrong: &'a [(String, String)], about: &str) -> &'a str {
    let found = wrong.iter().find(|(name, _)| name == about);
    &found.unwrap_or_else(|| panic!("nothing is told about {about}: {wrong:?}")).1
}

pub async fn a_sound_installation_is_in_order_in_every_part(installation: &Installation) {
    let (code, told) = installation.json(&["doctor"]).await;
    assert_eq!(code, 0, "{told:?}");
    assert!(told.iter().all(|one| one["in_order"] == true), "{told:?}");
    let about: Vec<&str> = told.iter().filter_map(|one| one["about"].as_str()).collect();
    for part in [
        "key master.key",
        "key service-portal",
        "key service-notification",
        "disk of runtime.data_dir",
        "database of ingestion",
        "roles of routing",
        "clock of metrics's database",
        "message bus",
        "clock of the message bus",
        "consumers of intake-desk",
        "mail server",
        "gRPC of scheduling-sync",
    ] {
        assert!(about.contains(&part), "{part} was not looked at: {about:?}");
    }
    let (code, text) = installation.command(&["doctor"]).await;
    assert!(code == 0 && text.lines().all(|line| line.starts_with("ok  ")), "{text}");
}

pub async fn each_broken_part_is_named_with_its_remedy_and_nothing_is_made(installation: &Installation) {
    let empty = tempfile::tempdir().expect("a folder");
    let keys = format!("runtime.keys_dir={}", empty.path().display());
    let settings = [
        keys.as_str(),
        "notification.smtp.port=1",
        "runtime.peers.routing=http://127.0.0.1:1",
        "runtime.databases.metrics.app=postgres://nobody:x@127.0.0.1:1/none",
        "runtime.databases.metrics.machine=postgres://nobody:x@127.0.0.1:1/none",
    ];
    let sets: Vec<&str> = settings.iter().flat_map(|set| ["--set", set]).collect();
    let (code, wrong) = wrong(installation, &sets).await;
    assert_eq!(code, 1);
    assert!(says(&wrong, "key master.key").contains("openssl rand -hex 32"), "{wrong:?}");
    assert!(says(&wrong, "key service-portal").contains("service-portal.pub"), "{wrong:?}");
    assert!(says(&wrong, "mail server").contains("notification.smtp"), "{wrong:?}");
    assert!(says(&wrong, "gRPC of routing").contains("runtime.peers.routing"), "{wrong:?}");
    assert!(says(&wrong, "database of metrics").contains("causeway migrate"), "{wrong:?}");
    assert!(wrong.iter().all(|(_, text)| !text.contains("nobody:x")), "a login is told: {wrong:?}");
    assert_eq!(wrong.len(), 6, "and nothing else: {wrong:?}");
    assert_eq!(std::fs::read_dir(empty.path()).expect("the folder").count(), 0, "a key was made");
    let nowhere = wrong_bus(installation).await;
    assert!(nowhere.contains("runtime.nats.url"), "{nowhere}");
}

async fn wrong_bus(installation: &Installation) -> String {
    let (code, wrong) = wrong(installation, &["--set", "runtime.nats.url=nats://127.0.0.1:1"]).await;
    assert_eq!((code, wrong.len()), (1, 1), "{wrong:?}");
    says(&wrong, "message bus").to_owned()
}

/// Changes settings of a stream as an operator does by hand; gives the stream as it was.
async fn change(bus: &causeway_bus::Bus, stream: &str, setting: &str, value: Value) -> Value {
    let before = jetstream(bus, &format!("STREAM.INFO.{stream}"), json!({})).await["config"].clone();
    let mut changed = before.clone();
    changed[setting] = value;
    jetstream(bus, &format!("STREAM.UPDATE.{stream}"), changed).await;
    before
}

pub async fn every_unsafe_stream_is_named_and_stays_as_it_is(installation: &Installation) {
    let bus = bus(installation).await;
    let notice = change(&bus, "NOTICE", "discard", json!("old")).await;
    let scheduling = change(&bus, "SCHEDULING", "duplicate_window", json!(120_000_000_000_u64)).await;
    let (code, wrong) = wrong(installation, &[]).await;
    assert_eq!((code, wrong.len()), (1, 2), "{wrong:?}");
    assert!(wrong[0].1.contains("stream SCHEDULING: setting duplicate_window is 120 s"), "{wrong:?}");
    assert!(wrong[1].1.contains("stream NOTICE: setting discard is old, but must be new"), "{wrong:?}");
    let now = jetstream(&bus, "STREAM.INFO.NOTICE", json!({})).await;
    assert_eq!(now["config"]["discard"], "old", "whoever looks mends nothing");
    for before in [notice, scheduling] {
        let name = before["name"].as_str().expect("a name").to_owned();
        jetstream(&bus, &format!("STREAM.UPDATE.{name}"), before).await;
    }
    assert_eq!(installation.command(&["doctor"]).await.0, 0);
}

pub async fn a_login_that_row_level_security_does_not_bind_is_named(installation: &Installation) {
    let mut owner = installation.owner("metrics").await;
    owner.execute("ALTER ROLE metrics_app BYPASSRLS").await.expect("changed");
    let (code, found) = wrong(installation, &[]).await;
    owner.execute("ALTER ROLE metrics_app NOBYPASSRLS").await.expect("put back");
    assert_eq!((code, found.len()), (1, 1), "{found:?}");
    let told = says(&found, "roles of metrics");
    assert!(told.contains("BYPASSRLS") && told.contains("ALTER ROLE metrics_app"), "{told}");
    owner.execute("ALTER ROLE metrics_machine SUPERUSER").await.expect("changed");
    let (code, found) = wrong(installation, &[]).await;
    owner.execute("ALTER ROLE metrics_machine NOSUPERUSER").await.expect("put back");
    assert!(code == 1 && says(&found, "roles of metrics").contains("SUPERUSER"), "{found:?}");
    assert_eq!(installation.command(&["doctor"]).await.0, 0);
}

/// Without services nobody sets anything right, so that what is changed stays changed.
pub async fn services_that_do_not_run_and_consumers_that_are_not_as_they_were_are_named(servers: &Installation) {
    let bus = bus(servers).await;
    jetstream(&bus, "CONSUMER.DELETE.INQUIRY.metrics", json!({})).await;
    for (stream, consumer, setting, value) in [
        ("INTAKE", "routing", "ack_wait", json!(3_600_000_000_000_u64)),
        ("ROUTING", "notification", "max_deliver", json!(5)),
    ] {
        let mut config =
            jetstream(&bus, &format!("CONSUMER.INFO.{stream}.{consumer}"), json!({})).await["config"].clone();
        config[setting] = value;
        let body = json!({ "stream_name": stream, "config": config, "action": "update" });
        jetstream(&bus, &format!("CONSUMER.DURABLE.CREATE.{stream}.{consumer}"), body).await;
    }
    let (code, wrong) = wrong(servers, &[]).await;
    assert_eq!(code, 1);
    let told = says(&wrong, "consumers of metrics");
    assert!(told.contains("consumer metrics of stream INQUIRY is not there"), "{told}");
    assert!(says(&wrong, "consumers of routing").contains("setting ack_wait was changed by hand"), "{wrong:?}");
    assert!(says(&wrong, "consumers of notification").contains("setting max_deliver is 5"), "{wrong:?}");
    for service in ["ingestion", "routing", "intake-desk", "notification", "scheduling-sync", "metrics"] {
        assert!(says(&wrong, &format!("gRPC of {service}")).contains("start the service"), "{wrong:?}");
    }
    assert_eq!(wrong.len(), 9, "{wrong:?}");
    // The one that loses messages ends its service, as the run book says; deleted it is made anew.
    jetstream(&bus, "CONSUMER.DELETE.ROUTING.notification", json!({})).await;
    eventually("it is gone", 30, async || {
        wrong_about(servers, "consumers of notification").await.contains("not there")
    })
    .await;
}

async fn wrong_about(installation: &Installation, about: &str) -> String {
    let (_, wrong) = wrong(installation, &[]).await;
    says(&wrong, about).to_owned()
}
