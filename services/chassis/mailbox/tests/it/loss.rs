//! The bus is down, or its whole store is gone: a delay, never a loss (F4).

use std::time::Duration;

use crate::rig::{self, eventually};

#[tokio::test(flavor = "multi_thread")]
async fn what_is_committed_while_the_bus_is_down_goes_out_when_it_is_back() {
    let mut nats = rig::nats().await;
    let owner = rig::owner(&rig::database("owner").await, rig::bus(&nats, "owner").await).await;
    let listener = rig::listening(&rig::database("listener").await, rig::bus(&nats, "listener").await).await;
    rig::emit(&owner.database, 100).await;
    nats.server.kill().await.expect("killed");
    rig::emit(&owner.database, 300).await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    nats.server.restart().await.expect("restarted");
    eventually("all four hundred were handled", 60, async || listener.handler.total() == 400).await;
    assert_eq!(listener.handler.twice(), 0);
    owner.end().await;
    listener.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn losing_the_whole_store_of_the_bus_is_a_delay() {
    let mut nats = rig::nats().await;
    let owner = rig::owner(&rig::database("owner").await, rig::bus(&nats, "owner").await).await;
    let made = rig::database("listener").await;
    let listener = rig::listening(&made, rig::bus(&nats, "listener").await).await;
    rig::emit(&owner.database, 200).await;
    eventually("the first were handled", 30, async || listener.handler.total() == 200).await;
    listener.end().await;
    // Published, acknowledged, marked, and not yet seen by anybody: exactly what the loss of the store takes away.
    rig::emit(&owner.database, 300).await;
    eventually("all are marked as published", 20, async || {
        rig::count(&owner.database, "SELECT count(*) FROM outbox_pending").await == 0
    })
    .await;
    nats.server.kill().await.expect("killed");
    nats.server.delete_store().expect("deleted");
    nats.server.restart().await.expect("restarted");
    let listener = rig::listening(&made, rig::bus(&nats, "listener").await).await;
    eventually("the reconciler filled the gap", 60, async || listener.handler.total() == 300).await;
    assert_eq!(listener.handler.twice(), 0, "and what was handled before is not handled again");
    owner.end().await;
    listener.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_that_commits_late_is_not_skipped() {
    let nats = rig::nats().await;
    let owner = rig::owner(&rig::database("owner").await, rig::bus(&nats, "owner").await).await;
    let listener = rig::listening(&rig::database("listener").await, rig::bus(&nats, "listener").await).await;
    let database = owner.database.clone();
    let slow = tokio::spawn(async move {
        let done: Result<(), causeway_mailbox::HandlerError> = database
            .with_tx(rig::CENTER, |tx| {
                Box::pin(async move {
                    tx.emit(rig::draft(b"slow"));
                    tokio::time::sleep(Duration::from_secs(3)).await;
                    Ok(())
                })
            })
            .await;
        done.expect("committed");
    });
    tokio::time::sleep(Duration::from_millis(200)).await;
    rig::emit(&owner.database, 10).await;
    eventually("the quick ones went through", 10, async || listener.handler.total() == 10).await;
    slow.await.expect("no panic");
    eventually("the slow one too", 10, async || listener.handler.total() == 11).await;
    owner.end().await;
    listener.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_published_yet_holds_back_what_counts_as_seen_by_everybody() {
    let nats = rig::nats().await;
    let owner = rig::owner(&rig::database("owner").await, rig::bus(&nats, "owner").await).await;
    let listener = rig::listening(&rig::database("listener").await, rig::bus(&nats, "listener").await).await;
    // Waits, and is leased to a relay that never comes back; what is younger goes through.
    let held = "WITH one AS (INSERT INTO outbox (event_id, center_id, subject, kind, aggregate_id, version, occurred_at, payload) \
         VALUES (gen_random_uuid(), 'lakeside', 'test.lakeside.fact.stated', 'test.v1.Fact', gen_random_uuid(), 1, now(), '') \
         RETURNING event_id, center_id, created_at) \
         INSERT INTO outbox_pending (batch_id, center_id, created_at, waiting, leased_until) \
         SELECT event_id, center_id, created_at, ARRAY[event_id], now() + interval '1 hour' FROM one";
    sqlx::query(held).execute(owner.database.machine()).await.expect("a row that waits");
    tokio::time::sleep(Duration::from_millis(50)).await;
    rig::emit(&owner.database, 10).await;
    eventually("the younger ones were handled", 20, async || listener.handler.total() == 10).await;
    tokio::time::sleep(Duration::from_secs(6)).await;
    let passed = "SELECT count(*) FROM reconciled WHERE through >= (SELECT min(created_at) FROM outbox_pending)";
    assert_eq!(rig::count(&owner.database, passed).await, 0, "the cursor passed a row that nobody has");
    sqlx::query("UPDATE outbox_pending SET leased_until = NULL")
        .execute(owner.database.machine())
        .await
        .expect("freed");
    eventually("the held one too", 20, async || listener.handler.total() == 11).await;
    eventually("the cursor moves on", 20, async || {
        rig::count(&owner.database, "SELECT count(*) FROM reconciled").await == 1
    })
    .await;
    owner.end().await;
    listener.end().await;
}

/// What a power cut leaves of the bus: the store as it was before.
struct Before {
    folder: tempfile::TempDir,
}

impl Before {
    async fn keep(nats: &mut rig::Nats) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        nats.server.stop().await.expect("stopped");
        rig::copy_folder(&nats.server.store(), &folder.path().join("store"));
        nats.server.restart().await.expect("restarted");
        Self { folder }
    }

    fn put_back(&self, nats: &rig::Nats) {
        nats.server.delete_store().expect("deleted");
        rig::copy_folder(&self.folder.path().join("store"), &nats.server.store());
    }
}

/// Where the server keeps the states of a stream's consumers.
fn consumers(store: &std::path::Path) -> std::path::PathBuf {
    let inside = |folder: &std::path::Path| {
        let entries = std::fs::read_dir(folder).expect("listed");
        entries.map(|entry| entry.expect("an entry").path()).filter(|path| path.is_dir()).collect::<Vec<_>>()
    };
    let mut folders = inside(store);
    while let Some(folder) = folders.pop() {
        if folder.ends_with("FACTS/obs") {
            return folder;
        }
        folders.extend(inside(&folder));
    }
    panic!("no stream FACTS in {}", store.display());
}

async fn all_marked(owner: &rig::Running) {
    eventually("all are marked as published", 20, async || {
        rig::count(&owner.database, "SELECT count(*) FROM outbox_pending").await == 0
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn losing_what_the_bus_had_acknowledged_last_is_a_delay() {
    let mut nats = rig::nats().await;
    let owner = rig::owner(&rig::database("owner").await, rig::bus(&nats, "owner").await).await;
    let made = rig::database("listener").await;
    let listener = rig::listening(&made, rig::bus(&nats, "listener").await).await;
    rig::emit(&owner.database, 100).await;
    eventually("the first were handled", 30, async || listener.handler.total() == 100).await;
    listener.end().await;
    let before = Before::keep(&mut nats).await;
    rig::emit(&owner.database, 300).await;
    all_marked(&owner).await;
    nats.server.kill().await.expect("killed");
    before.put_back(&nats);
    nats.server.restart().await.expect("restarted");
    let listener = rig::listening(&made, rig::bus(&nats, "listener").await).await;
    eventually("the reconciler filled the gap", 60, async || listener.handler.total() == 300).await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!((listener.handler.total(), listener.handler.twice()), (300, 0));
    owner.end().await;
    listener.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_consumer_that_stands_ahead_of_its_stream_misses_nothing_of_what_comes() {
    let mut nats = rig::nats().await;
    let owner = rig::owner(&rig::database("owner").await, rig::bus(&nats, "owner").await).await;
    let listener = rig::listening(&rig::database("listener").await, rig::bus(&nats, "listener").await).await;
    rig::emit(&owner.database, 100).await;
    eventually("the first were handled", 30, async || listener.handler.total() == 100).await;
    let before = Before::keep(&mut nats).await;
    // Each one a message of its own, so that the consumer comes far ahead of what will be left.
    for _ in 0..300 {
        rig::emit(&owner.database, 1).await;
    }
    all_marked(&owner).await;
    eventually("they were handled", 60, async || listener.handler.total() == 400).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    // The messages are lost, the consumer's state was written.
    nats.server.stop().await.expect("stopped");
    let later = tempfile::tempdir().expect("a temporary folder");
    rig::copy_folder(&consumers(&nats.server.store()), &later.path().join("obs"));
    before.put_back(&nats);
    let old = consumers(&nats.server.store());
    std::fs::remove_dir_all(&old).expect("removed");
    rig::copy_folder(&later.path().join("obs"), &old);
    nats.server.restart().await.expect("restarted");
    rig::emit(&owner.database, 10).await;
    eventually("what came after was handled", 30, async || listener.handler.total() == 410).await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!((listener.handler.total(), listener.handler.twice()), (410, 0));
    owner.end().await;
    listener.end().await;
}
