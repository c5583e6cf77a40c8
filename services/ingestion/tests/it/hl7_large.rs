//! Large messages: so many at once, the others wait and lose nothing, and small ones are answered meanwhile.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use causeway_ingestion::Config;
use tokio::time::timeout;

use crate::hl7::{Office, code, framed, referral};
use crate::world::World;

const MIB: usize = 1024 * 1024;

fn large(name: &str, mebibytes: usize) -> String {
    referral(name, name, "Testpatient")
        .replace("Evaluate and treat", &"Evaluate and treat. ".repeat(mebibytes * MIB / 20))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_large_message_waits_while_another_is_on_its_way_and_a_small_one_never_does() {
    let mut config = Config::default();
    config.mllp.large_bytes = 1;
    let world = World::start_with(config).await;
    let (mut first, mut second) = (Office::calls(&world).await, Office::calls(&world).await);
    let (one, other) = (framed(&large("L-1", 6)), framed(&large("L-2", 6)));
    first.send(&one[..5 * MIB]).await;
    let sent = tokio::spawn(async move {
        second.send(&other).await;
        second.replies(2).await
    });
    tokio::time::sleep(Duration::from_millis(1500)).await;
    assert!(!sent.is_finished(), "there is room for one");
    let small = Office::calls(&world).await.ask(&referral("L-3", "L-3", "Testpatient"), 2).await;
    assert_eq!(code(&small[1]), "AA");
    assert!(!sent.is_finished());
    first.send(&one[5 * MIB..]).await;
    assert_eq!(code(&first.replies(2).await[1]), "AA");
    let replies = timeout(Duration::from_secs(20), sent).await.expect("its turn has come").expect("no panic");
    assert_eq!(code(&replies[1]), "AA");
    assert_eq!(world.count("SELECT count(*) FROM inquiries").await, 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn while_a_large_message_is_read_the_door_goes_on_with_its_other_work() {
    let world = World::start().await;
    let mut office = Office::calls(&world).await;
    let message = framed(&large("L-4", 40));
    let (is_over, longest) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    // Sent but for its end, so that what follows is the hearing alone.
    office.send(&message[..message.len() - 2]).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    let (watched, gap) = (Arc::clone(&is_over), Arc::clone(&longest));
    let ticks = tokio::spawn(async move {
        let mut last = Instant::now();
        while !watched.load(Ordering::SeqCst) {
            tokio::time::sleep(Duration::from_millis(5)).await;
            gap.fetch_max(u64::try_from(last.elapsed().as_millis()).expect("short"), Ordering::SeqCst);
            last = Instant::now();
        }
    });
    let begun = Instant::now();
    office.send(&message[message.len() - 2..]).await;
    assert_eq!(code(&office.replies(2).await[1]), "AA");
    let took = u64::try_from(begun.elapsed().as_millis()).expect("short");
    is_over.store(true, Ordering::SeqCst);
    ticks.await.expect("no panic");
    let longest = longest.load(Ordering::SeqCst);
    println!("{took} ms, the longest pause {longest} ms");
    assert!(longest * 3 < took.max(300), "the door stood still for {longest} of {took} ms");
}
