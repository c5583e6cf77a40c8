//! Named values: in force when the service says that it is up, kept for the day when the bus is not there.

use bytes::Bytes;
use causeway_mailbox::{DatabaseSettings, Revisions};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::rig::{self, eventually};

#[expect(clippy::unnecessary_wraps, reason = "the shape of every reader")]
fn read(content: &[u8]) -> Result<(String, String), String> {
    let text = String::from_utf8_lossy(content).into_owned();
    Ok((format!("revision of {text}"), text))
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
