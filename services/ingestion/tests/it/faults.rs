//! What happens while a server is away.

use causeway_ingestion::Config;
use std::time::Duration;

use serde_json::Value;

use crate::world::{CENTER, World, body, eventually, keyed, published};

fn is_ready(world: &World) -> bool {
    world.door.running.readiness.iter().all(|check| (check.run)().is_ok())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_the_database_senders_are_asked_to_come_again_and_after_it_is_back_they_are_taken() {
    let mut world = World::start_alone(Config::default()).await;
    let first = world.accepted(&keyed("before", &[])).await;
    world.postgres().kill().await.expect("killed");
    let begun = tokio::time::Instant::now();
    let refused = world.post(CENTER, &keyed("during", &[])).await;
    assert_eq!((refused.status().as_u16(), refused.headers()["retry-after"].as_bytes()), (503, b"5".as_slice()));
    assert!(begun.elapsed() < Duration::from_secs(10), "a sender is told soon");
    assert!(!is_ready(&world));
    let problem: Value = refused.json().await.expect("json");
    assert_eq!(problem["reason"], "unavailable");

    world.postgres().restart().await.expect("started again");
    eventually("inquiries are taken again", || async {
        world.post(CENTER, &keyed("during", &[])).await.status() == 202
    })
    .await;
    let again = world.accepted(&keyed("before", &[])).await;
    assert_eq!((&again["inquiry_id"], &again["repeated"]), (&first["inquiry_id"], &Value::Bool(true)));
    assert_eq!(world.count("SELECT count(*) FROM inquiries").await, 2);
    eventually("it is ready", || async { is_ready(&world) }).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restart_of_the_database_between_two_inquiries_is_noticed_by_nobody() {
    let mut world = World::start_alone(Config::default()).await;
    let posts = (0..8).map(|_| async { world.accepted(&body(&[])).await });
    futures::future::join_all(posts).await;
    world.postgres().restart().await.expect("started again");
    world.accepted(&body(&[])).await;
    assert_eq!(world.count("SELECT count(*) FROM inquiries").await, 9);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_the_bus_inquiries_are_taken_and_told_when_it_is_back() {
    let mut world = World::start().await;
    world.nats.kill().await.expect("killed");
    for number in 0..3 {
        world.accepted(&keyed(&format!("k-{number}"), &[])).await;
    }
    assert!(is_ready(&world));
    world.nats.restart().await.expect("started again");
    assert_eq!(published(&world.bus().await, 3).await.len(), 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_door_that_is_opened_while_the_bus_is_away_takes_inquiries_by_the_profiles_it_knows() {
    let mut world = World::start().await;
    eventually("the profiles are kept", || async {
        world.count("SELECT count(*) FROM revisions WHERE current").await == 2
    })
    .await;
    world.nats.kill().await.expect("killed");
    let second = world.second_door().await;
    let taken = second.post(&world.browser, CENTER, &keyed("k", &[])).await;
    assert_eq!(taken.status(), 202);
    world.nats.restart().await.expect("started again");
    assert_eq!(published(&world.bus().await, 1).await.len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_soft_stop_keeps_what_it_answered_and_then_everything_ends() {
    let world = World::start().await;
    let url = format!("{}/v1/centers/{CENTER}/inquiries", world.door.http);
    let posts = (0..60).map(|number| {
        let (request, stopper) = (world.browser.post(&url).json(&keyed(&format!("k-{number}"), &[])), &world.door);
        async move {
            if number == 30 {
                stopper.stop_softly();
            }
            request.send().await.is_ok_and(|answer| answer.status() == 202)
        }
    });
    let accepted = futures::future::join_all(posts).await.into_iter().filter(|kept| *kept).count();
    world.door.running.tasks.close();
    let ended = tokio::time::timeout(Duration::from_secs(20), world.door.running.tasks.wait()).await;
    assert!(ended.is_ok(), "tasks go on after a soft stop");
    let kept = world.count("SELECT count(*) FROM inquiries").await;
    assert!(kept >= i64::try_from(accepted).expect("a count"), "{accepted} were answered, {kept} are kept");
}
