//! `causeway parked`: a message that nobody can read, from the bus to its replay.

use causeway_bus::Outgoing;
use causeway_envelope::{Envelope, TraceContext};
use causeway_runtime::Clock;
use causeway_tests::{Installation, eventually};
use serde_json::Value;
use uuid::Uuid;

use crate::{CENTER, bus};

const KIND: &str = "causeway.inquiry.v1.InquiryReceived";
const POISON: &[u8] = b"no message of ours \xff";

async fn listed(installation: &Installation, more: &[&str]) -> Vec<Value> {
    let (code, listed) = installation.json(&[&["parked", "list"][..], more].concat()).await;
    assert_eq!(code, 0, "{listed:?}");
    listed
}

/// Ids by the service that parked it.
fn ids(listed: &[Value]) -> Vec<(&str, &str)> {
    let mut ids: Vec<(&str, &str)> = listed
        .iter()
        .map(|one| (one["service"].as_str().expect("a name"), one["message"]["parked_id"].as_str().expect("an id")))
        .collect();
    ids.sort_unstable();
    ids
}

pub async fn a_poisoned_message_is_listed_read_and_handled_again_after_it_was_mended(installation: &Installation) {
    let (code, told) = installation.command(&["parked", "list"]).await;
    assert!(code == 0 && told.contains("nothing is parked"), "{told}");
    let mut owner = installation.owner("ingestion").await;
    let (inquiry, sound): (Uuid, Vec<u8>) =
        sqlx::query_as("SELECT aggregate_id, payload FROM outbox WHERE kind = $1 AND center_id = $2 LIMIT 1")
            .bind(KIND)
            .bind(CENTER)
            .fetch_one(&mut owner)
            .await
            .expect("an event that was published");
    let clock = Clock::system();
    let envelope = Envelope {
        id: clock.new_id(),
        kind: KIND.to_owned(),
        source: "ingestion".to_owned(),
        subject: causeway_proto::subjects::subject(CENTER, "inquiry", "received"),
        center: CENTER.to_owned(),
        aggregate_id: inquiry,
        version: 1,
        time: clock.now(),
        trace: TraceContext::default(),
    };
    let id = envelope.id.to_string();
    let poison = Outgoing::one(envelope, POISON.to_vec().into(), id.clone());
    let bus = bus(installation).await;
    assert!(bus.publish(&[poison]).await.iter().all(Result::is_ok), "it is on the bus");
    eventually("both listeners park it", 60, async || listed(installation, &[]).await.len() == 2).await;

    let parked = listed(installation, &[]).await;
    let [(first, one), (second, other)] = ids(&parked)[..] else { panic!("{parked:?}") };
    assert_eq!((first, second), ("metrics", "routing"));
    for row in &parked {
        assert_eq!((&row["message"]["event_id"], &row["message"]["state"]), (&id.as_str().into(), &"parked".into()));
        assert_eq!(row["message"]["kind"], KIND);
    }
    let (_, text) = installation.command(&["parked", "list"]).await;
    assert!(text.lines().any(|line| line.contains(one) && line.contains("metrics") && line.contains(CENTER)), "{text}");
    let (code, told) = installation.command(&["doctor"]).await;
    assert!(code == 1 && told.contains("parked at routing") && told.contains("causeway parked list"), "{told}");

    let (code, shown) = installation.json(&["parked", "show", other]).await;
    assert_eq!((code, shown.len()), (0, 1));
    assert_eq!(shown[0]["message"]["payload"], hex::encode(POISON));
    assert_eq!(shown[0]["content"], Value::Null, "it can't be told in words");
    assert!(shown[0]["message"]["reason"].as_str().is_some_and(|reason| !reason.is_empty()), "{shown:?}");
    let (code, told) = installation.command(&["parked", "show", &clock.new_id().to_string()]).await;
    assert!(code == 1 && told.contains("causeway parked list --all"), "{told}");

    let (code, told) = installation.command(&["parked", "replay", one]).await;
    assert!(code == 0 && told.starts_with("1 messages are handled again"), "{told}");
    eventually("as poisoned as before, it is parked again", 90, async || {
        let attempts = |row: &Value| row["message"]["attempts"].as_i64().unwrap_or(0);
        let rows = listed(installation, &[]).await;
        rows.len() == 2 && rows.iter().any(|row| row["message"]["parked_id"] == one && attempts(row) == 2)
    })
    .await;
    let (code, told) = installation.command(&["parked", "replay", &clock.new_id().to_string()]).await;
    assert!(code == 1 && told.contains("no parked message waits under"), "{told}");

    for service in [first, second] {
        let mend = sqlx::query("UPDATE parked SET payload = $1 WHERE state = 'parked'").bind(&sound);
        mend.execute(&mut installation.owner(service).await).await.expect("mended");
    }
    let (_, shown) = installation.json(&["parked", "show", other]).await;
    assert!(shown[0]["content"].as_str().is_some_and(|words| words.contains(&inquiry.to_string())), "{shown:?}");
    let (code, told) = installation.json(&["parked", "replay", "--all"]).await;
    assert_eq!((code, &told[0]), (0, &serde_json::json!({ "asked": 2 })));
    eventually("nothing waits any more", 90, async || listed(installation, &[]).await.is_empty()).await;
    let all = listed(installation, &["--all"]).await;
    assert_eq!(ids(&all), [(first, one), (second, other)], "and it is not forgotten");
    assert!(all.iter().all(|row| row["message"]["state"] == "replayed"), "{all:?}");
    assert_eq!(installation.command(&["doctor"]).await.0, 0);
    assert_eq!(installation.command(&["parked"]).await.0, 2, "wrong use has an exit code of its own");
}
