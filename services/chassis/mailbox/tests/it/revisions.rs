//! Named values: in force when the service says that it is up, kept for the day when the bus is not there.

use bytes::Bytes;
use causeway_mailbox::{DatabaseSettings, Reading, Revisions};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::rig::{self, eventually};

/// Some can't be read, some have faults.
fn read(content: &[u8]) -> Result<Reading<String>, String> {
    let text = String::from_utf8_lossy(content).into_owned();
    if text.starts_with("unreadable") {
        return Err("unreadable".to_owned());
    }
    let fault = text.starts_with("faulty").then(|| "a fault".to_owned());
    Ok(Reading { revision: format!("revision of {text}"), value: text, fault })
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_pinned_up_is_in_force_as_soon_as_the_service_is_up_and_without_the_bucket_later() {
    let nats = rig::nats().await;
    let bus = rig::bus(&nats, "owner").await;
    let bucket = bus.bucket("VALUES").await.expect("a bucket");
    for name in ["harbor-valley", "lakeside"] {
        bucket.put(name, Bytes::from(format!("profile of {name}"))).await.expect("pinned up");
    }
    let database = rig::open("owner", &rig::database("owner").await, &DatabaseSettings::default());
    let (stop, tasks) = (CancellationToken::new(), TaskTracker::new());
    let started = Revisions::start(Some(&database), bus.clone(), "VALUES", read, stop.clone(), &tasks).await;
    let revisions = started.expect("started");
    let current = |name: &str| revisions.current(name).map(|value| value.1.clone());
    assert_eq!(current("harbor-valley").as_deref(), Some("profile of harbor-valley"), "at once");
    assert_eq!(current("lakeside").as_deref(), Some("profile of lakeside"), "at once");
    eventually("both are kept", 10, async || {
        rig::count(&database, "SELECT count(*) FROM revisions WHERE current").await == 2
    })
    .await;
    stop.cancel();
    // A bucket with nothing in it: what was kept is in force all the same.
    let (stop, empty) = (CancellationToken::new(), rig::nats().await);
    let later = rig::bus(&empty, "owner").await;
    let started = Revisions::start(Some(&database), later, "VALUES", read, stop.clone(), &tasks).await;
    assert_eq!(started.expect("started").names(), ["harbor-valley", "lakeside"]);
    stop.cancel();
    tasks.close();
    tasks.wait().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_earlier_release_put_in_force_is_served_with_its_faults_but_never_replaces_what_is_in_order() {
    let nats = rig::nats().await;
    let bus = rig::bus(&nats, "owner").await;
    let bucket = bus.bucket("VALUES").await.expect("a bucket");
    let pin = async |text: &str| bucket.put("lakeside", Bytes::from(text.to_owned())).await.expect("pinned up");
    pin("faulty, from before the upgrade").await;
    let database = rig::open("owner", &rig::database("owner").await, &DatabaseSettings::default());
    let tasks = TaskTracker::new();
    let start = async || {
        let stop = CancellationToken::new();
        let started = Revisions::start(Some(&database), bus.clone(), "VALUES", read, stop.clone(), &tasks).await;
        (started.expect("started"), stop)
    };
    let in_force = |of: &Revisions<String>| of.current("lakeside").map(|value| value.1.clone()).unwrap_or_default();
    let (revisions, stop) = start().await;
    assert_eq!(in_force(&revisions), "faulty, from before the upgrade", "a center's doors stay open");
    pin("in order").await;
    eventually("the mended one is in force", 10, async || in_force(&revisions) == "in order").await;
    let kept = "SELECT count(*) FROM revisions WHERE current AND name = 'lakeside' AND content = 'in order'";
    eventually("and kept", 10, async || rig::count(&database, kept).await == 1).await;
    for (worse, name) in [("faulty again", "harbor-valley"), ("unreadable", "riverside")] {
        pin(worse).await;
        // What is pinned up later is looked at later.
        bucket.put(name, Bytes::from("in order")).await.expect("pinned up");
        eventually("what came later is in force", 10, async || revisions.current(name).is_some()).await;
        assert_eq!(in_force(&revisions), "in order", "{worse}");
    }
    stop.cancel();
    let (again, stop) = start().await;
    assert_eq!(in_force(&again), "in order", "what is kept comes before what is pinned up");
    assert_eq!(rig::count(&database, kept).await, 1, "nothing was kept under another's revision");
    stop.cancel();
    tasks.close();
    tasks.wait().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bucket_that_was_lost_and_made_again_by_somebody_else_is_filled_by_who_runs_and_followed_on() {
    let mut nats = rig::nats().await;
    let bus = rig::bus(&nats, "owner").await;
    bus.bucket("VALUES").await.expect("a bucket").put("lakeside", Bytes::from("one")).await.expect("pinned up");
    let database = rig::open("owner", &rig::database("owner").await, &DatabaseSettings::default());
    let (stop, tasks) = (CancellationToken::new(), TaskTracker::new());
    let started = Revisions::start(Some(&database), bus.clone(), "VALUES", read, stop.clone(), &tasks).await;
    let revisions = started.expect("started");
    eventually("kept", 10, async || rig::count(&database, "SELECT count(*) FROM revisions WHERE current").await == 1)
        .await;

    nats.server.kill().await.expect("killed");
    nats.server.delete_store().expect("lost");
    nats.server.restart().await.expect("up again");
    let made = rig::bus(&nats, "other").await.bucket("VALUES").await.expect("made again by whoever starts now");
    assert_eq!(made.get("lakeside").await.expect("read"), None);
    eventually("filled again", 40, async || made.get("lakeside").await.expect("read").is_some()).await;
    made.put("lakeside", Bytes::from("two")).await.expect("pinned up");
    let current = || revisions.current("lakeside").map(|value| value.1.clone());
    eventually("followed on", 40, async || current().as_deref() == Some("two")).await;
    stop.cancel();
    tasks.close();
    tasks.wait().await;
}
