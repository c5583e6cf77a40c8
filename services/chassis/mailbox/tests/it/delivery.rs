//! From outbox to inbox: each event once, poison parked and replayed, unsafe settings refused.

use std::sync::atomic::Ordering;

use causeway_bus::{Bus, BusError, BusSettings};
use causeway_mailbox::{HandlerError, list_parked, reconcile_all, request_replay};

use crate::rig::{self, eventually};

#[tokio::test(flavor = "multi_thread")]
async fn each_event_reaches_its_listener_exactly_once() {
    let nats = rig::nats().await;
    let owner = rig::owner(&rig::database("owner").await, rig::bus(&nats, "owner").await).await;
    let listener = rig::listening(&rig::database("listener").await, rig::bus(&nats, "listener").await).await;
    rig::emit(&owner.database, 1000).await;
    eventually("all thousand events were handled", 30, async || listener.handler.total() == 1000).await;
    assert_eq!(listener.handler.twice(), 0);
    eventually("all are marked as published", 10, async || {
        rig::count(&owner.database, "SELECT count(*) FROM outbox_pending").await == 0
    })
    .await;
    owner.end().await;
    listener.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_that_fails_is_handled_again_and_loses_nothing() {
    let nats = rig::nats().await;
    let owner = rig::owner(&rig::database("owner").await, rig::bus(&nats, "owner").await).await;
    let listener = rig::listening(&rig::database("listener").await, rig::bus(&nats, "listener").await).await;
    listener.handler.failing.store(3, Ordering::SeqCst);
    rig::emit(&owner.database, 50).await;
    eventually("all were handled after the failures", 30, async || listener.handler.total() == 50).await;
    assert_eq!(listener.handler.twice(), 0);
    owner.end().await;
    listener.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_whose_events_were_handled_one_by_one_is_known_as_a_whole_at_once() {
    let nats = rig::nats().await;
    let owner = rig::owner(&rig::database("owner").await, rig::bus(&nats, "owner").await).await;
    let listener = rig::listening(&rig::database("listener").await, rig::bus(&nats, "listener").await).await;
    listener.handler.failing.store(1, Ordering::SeqCst);
    rig::emit(&owner.database, 50).await;
    eventually("all were handled", 30, async || listener.handler.total() == 50).await;
    // Before its publisher could send it once more: fifty events and their message.
    eventually("the message stands there", 1, async || {
        rig::count(&listener.database, "SELECT count(*) FROM inbox").await == 51
    })
    .await;
    owner.end().await;
    listener.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_parked_message_holds_up_nobody_and_has_its_effect_once_when_replayed() {
    let nats = rig::nats().await;
    let owner = rig::owner(&rig::database("owner").await, rig::bus(&nats, "owner").await).await;
    let listener = rig::listening(&rig::database("listener").await, rig::bus(&nats, "listener").await).await;
    *listener.handler.poison.lock().expect("no panic holds it") = Some(b"7".to_vec());
    rig::emit(&owner.database, 20).await;
    eventually("the neighbours went on", 20, async || listener.handler.total() == 19).await;
    // What a handler has seen may not be committed yet.
    eventually("it is parked", 20, async || rig::count(&listener.database, "SELECT count(*) FROM parked").await == 1)
        .await;
    let parked = list_parked(listener.database.machine(), false, 10).await.expect("listed");
    assert_eq!(parked.len(), 1);
    assert_eq!((parked[0].payload.as_slice(), parked[0].reason.as_str()), (b"7".as_slice(), "told to park"));
    *listener.handler.poison.lock().expect("no panic holds it") = None;
    assert!(request_replay(listener.database.machine(), parked[0].parked_id).await.expect("asked"));
    eventually("the replay had its effect", 20, async || listener.handler.total() == 20).await;
    assert!(!request_replay(listener.database.machine(), parked[0].parked_id).await.expect("asked"), "only once");
    assert_eq!(listener.handler.twice(), 0);
    owner.end().await;
    listener.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_makes_the_handler_panic_is_parked_after_some_tries_and_its_neighbours_flow() {
    let nats = rig::nats().await;
    let owner = rig::owner(&rig::database("owner").await, rig::bus(&nats, "owner").await).await;
    let listener = rig::listening(&rig::database("listener").await, rig::bus(&nats, "listener").await).await;
    *listener.handler.panicking.lock().expect("no panic holds it") = Some(b"3".to_vec());
    rig::emit(&owner.database, 10).await;
    eventually("the neighbours went on", 20, async || listener.handler.total() == 9).await;
    eventually("the poisoned one is parked", 90, async || {
        rig::count(&listener.database, "SELECT count(*) FROM parked WHERE state = 'parked'").await == 1
    })
    .await;
    owner.end().await;
    listener.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_parked_event_of_a_message_that_comes_once_more_waits_for_its_replay() {
    let nats = rig::nats().await;
    let owner = rig::owner(&rig::database("owner").await, rig::bus(&nats, "owner").await).await;
    let listener = rig::listening(&rig::database("listener").await, rig::bus(&nats, "listener").await).await;
    *listener.handler.panicking.lock().expect("no panic holds it") = Some(b"poison".to_vec());
    let emitted: Result<(), HandlerError> = owner
        .database
        .with_tx(rig::CENTER, |tx| {
            Box::pin(async move {
                (0..2).for_each(|_| tx.emit(rig::draft(b"poison")));
                Ok(())
            })
        })
        .await;
    emitted.expect("emitted");
    eventually("both are parked", 90, async || {
        rig::count(&listener.database, "SELECT count(*) FROM parked WHERE state = 'parked'").await == 2
    })
    .await;
    *listener.handler.panicking.lock().expect("no panic holds it") = None;
    eventually("all of the message is dealt with", 5, async || {
        rig::count(&listener.database, "SELECT count(*) FROM inbox WHERE NOT torn").await == 3
    })
    .await;
    let bus = rig::bus(&nats, "operator").await;
    let compared =
        reconcile_all(owner.database.machine(), "owner", &bus, |_| vec!["listener"]).await.expect("compared");
    assert_eq!((compared.events, compared.republished), (2, 0), "its publisher finds it whole");
    assert_eq!(listener.handler.total(), 0);
    for parked in list_parked(listener.database.machine(), false, 10).await.expect("listed") {
        assert!(request_replay(listener.database.machine(), parked.parked_id).await.expect("asked"));
    }
    eventually("the replay had its effect", 20, async || listener.handler.total() == 2).await;
    tokio::time::sleep(std::time::Duration::from_secs(5)).await;
    assert_eq!(listener.handler.twice(), 0);
    listener.end().await;
    owner.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_whose_setting_breaks_the_promise_stops_the_start_and_is_named() {
    let nats = rig::nats().await;
    let mut streams = rig::streams();
    streams[0].duplicate_window = std::time::Duration::from_secs(120);
    let settings = || BusSettings { url: nats.server.url(), credentials: None, name: "test".into() };
    let made = Bus::connect(settings(), streams).await;
    let Err(BusError::Unsafe(breach)) = made else { panic!("a short dedupe window was taken") };
    assert_eq!((breach.place.as_str(), breach.setting), ("stream FACTS", "duplicate_window"));
    let again = Bus::connect(settings(), rig::streams()).await;
    assert!(
        again.err().expect("refused").to_string().contains("duplicate_window"),
        "what is there is checked, not what is wanted"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_too_large_for_the_bus_is_parked_and_the_rest_of_its_transaction_goes_out() {
    let nats = rig::nats().await;
    let owner = rig::owner(&rig::database("owner").await, rig::bus(&nats, "owner").await).await;
    let listener = rig::listening(&rig::database("listener").await, rig::bus(&nats, "listener").await).await;
    let too_large = vec![b'x'; 80 << 10];
    let emitted: Result<(), HandlerError> = owner
        .database
        .with_tx(rig::CENTER, move |tx| {
            Box::pin(async move {
                [b"before".as_slice(), &too_large, b"after"].iter().for_each(|payload| tx.emit(rig::draft(payload)));
                Ok(())
            })
        })
        .await;
    emitted.expect("emitted");
    eventually("its neighbours arrived", 20, async || listener.handler.total() == 2).await;
    eventually("it is parked", 20, async || {
        rig::count(&owner.database, "SELECT count(*) FROM parked WHERE reason LIKE '%exceeds maximum%'").await == 1
    })
    .await;
    eventually("nothing waits any more", 10, async || {
        rig::count(&owner.database, "SELECT count(*) FROM outbox_pending").await == 0
    })
    .await;
    // Asked for again, it is refused again and stands there as before: it is never lost.
    let parked = list_parked(owner.database.machine(), false, 10).await.expect("listed");
    assert!(request_replay(owner.database.machine(), parked[0].parked_id).await.expect("asked"));
    eventually("it is parked anew", 20, async || {
        rig::count(&owner.database, "SELECT count(*) FROM parked WHERE state = 'parked'").await == 1
            && rig::count(&owner.database, "SELECT count(*) FROM parked").await == 2
    })
    .await;
    owner.end().await;
    listener.end().await;
}
