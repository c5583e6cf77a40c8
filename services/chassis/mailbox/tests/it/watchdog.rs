//! Somebody with the server's tools deletes or changes the consumer of a running service (catalogue 23).

use std::time::Duration;

use async_nats::jetstream::{self, consumer, consumer::pull};
use causeway_bus::SubscriptionSpec;

use crate::rig::{self, Nats, eventually};

/// The stream, as an operator's tool reaches it.
async fn stream(nats: &Nats) -> jetstream::stream::Stream {
    let client = async_nats::connect(nats.server.url()).await.expect("connected");
    jetstream::new(client).get_stream("FACTS").await.expect("the stream")
}

/// The subscription of a listener.
fn spec() -> SubscriptionSpec {
    SubscriptionSpec {
        stream: "FACTS".into(),
        durable: "listener".into(),
        subjects: vec!["test.*.fact.*".into()],
        batch: 16,
        ack_wait: Duration::from_secs(5),
    }
}

/// The consumer with one setting changed by hand.
async fn change(stream: &jetstream::stream::Stream, change: impl FnOnce(&mut pull::Config)) {
    let found = stream.consumer_info("listener").await.expect("the consumer").config;
    let mut config = pull::Config {
        durable_name: found.durable_name,
        filter_subjects: found.filter_subjects,
        filter_subject: found.filter_subject,
        deliver_policy: found.deliver_policy,
        ack_policy: found.ack_policy,
        ack_wait: found.ack_wait,
        max_deliver: found.max_deliver,
        max_ack_pending: found.max_ack_pending,
        replay_policy: found.replay_policy,
        ..pull::Config::default()
    };
    change(&mut config);
    stream.create_consumer(config).await.expect("changed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_consumer_that_is_deleted_is_made_anew_and_nothing_is_handled_twice() {
    let nats = rig::nats().await;
    let owner = rig::owner(&rig::database("owner").await, rig::bus(&nats, "owner").await).await;
    let listener = rig::listening(&rig::database("listener").await, rig::bus(&nats, "listener").await).await;
    rig::emit(&owner.database, 100).await;
    eventually("the first were handled", 30, async || listener.handler.total() == 100).await;
    stream(&nats).await.delete_consumer("listener").await.expect("deleted");
    rig::emit(&owner.database, 1).await;
    eventually("the next one was handled", 15, async || listener.handler.total() == 101).await;
    assert_eq!(listener.handler.twice(), 0);
    owner.end().await;
    listener.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_setting_that_only_slows_or_withholds_is_set_right_while_running() {
    let nats = rig::nats().await;
    let owner = rig::owner(&rig::database("owner").await, rig::bus(&nats, "owner").await).await;
    let listener = rig::listening(&rig::database("listener").await, rig::bus(&nats, "listener").await).await;
    let stream = stream(&nats).await;
    change(&stream, |config| config.ack_wait = Duration::from_secs(3600)).await;
    let ack_wait = async || stream.consumer_info("listener").await.map(|info| info.config.ack_wait);
    assert_eq!(ack_wait().await.expect("asked"), Duration::from_secs(3600), "the change took hold");
    eventually("ack_wait is as the service wants it", 20, async || {
        ack_wait().await.is_ok_and(|wait| wait == Duration::from_secs(5))
    })
    .await;
    change(&stream, |config| config.filter_subjects = vec!["test.elsewhere.fact.stated".into()]).await;
    rig::emit(&owner.database, 10).await;
    eventually("what was withheld was handled", 60, async || listener.handler.total() == 10).await;
    assert_eq!(listener.handler.twice(), 0);
    assert!(listener.stop.crash_reason().is_none());
    owner.end().await;
    listener.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_setting_that_breaks_the_promise_ends_the_service_and_is_named() {
    let nats = rig::nats().await;
    let made = rig::database("listener").await;
    let listener = rig::listening(&made, rig::bus(&nats, "listener").await).await;
    let stream = stream(&nats).await;
    change(&stream, |config| config.max_deliver = 5).await;
    eventually("it ends and says why", 20, async || listener.stop.crash_reason().is_some()).await;
    let reason = listener.stop.crash_reason().expect("a reason").to_owned();
    assert!(reason.contains("consumer listener of stream FACTS") && reason.contains("max_deliver"), "{reason}");
    listener.end().await;
    // The same for one that was made anew by hand and takes no answers: here the service does not even start.
    stream.delete_consumer("listener").await.expect("deleted");
    let deaf = pull::Config {
        durable_name: Some("listener".into()),
        ack_policy: consumer::AckPolicy::None,
        ..pull::Config::default()
    };
    stream.create_consumer(deaf).await.expect("made by hand");
    let refused = rig::bus(&nats, "listener").await.subscribe(spec()).await.err().expect("refused").to_string();
    assert!(refused.contains("consumer listener of stream FACTS"), "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bus_with_a_consumer_that_does_not_work_is_not_ready_and_says_which() {
    let nats = rig::nats().await;
    let bus = rig::bus(&nats, "listener").await;
    let mut subscription = bus.subscribe(spec()).await.expect("opened");
    assert!(subscription.next_batch().await.expect("nothing comes").is_empty());
    assert_eq!(bus.ready(), Ok(()));
    change(&stream(&nats).await, |config| config.max_deliver = 5).await;
    assert!(subscription.next_batch().await.is_err(), "looked at within seconds");
    let reason = bus.ready().expect_err("not ready");
    assert!(reason.contains("stream FACTS") && reason.contains("max_deliver"), "{reason}");
    change(&stream(&nats).await, |config| config.max_deliver = -1).await;
    subscription.next_batch().await.expect("in order again");
    assert_eq!(bus.ready(), Ok(()));
}
