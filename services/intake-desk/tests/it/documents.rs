//! Documents that ingestion tells of, and the lines of the checklist.

use causeway_proto::convert::micros;
use causeway_proto::inquiry::v1::DocumentReceived;
use causeway_proto::intake::v1::{Inquiry, ReadinessChanged};
use uuid::Uuid;

use crate::world::{CENTER, World, eventually, page};

fn came(world: &World, inquiry: Uuid, kind: &str, door: &str) -> DocumentReceived {
    DocumentReceived {
        inquiry_id: inquiry.to_string(),
        center: CENTER.into(),
        document_id: world.clock.new_id().to_string(),
        record_kind: kind.into(),
        door: door.into(),
        feed: String::new(),
        at: micros(world.clock.now()),
        version: 1,
        previous_kind: String::new(),
    }
}

fn state(page: &Inquiry, kind: &str) -> String {
    page.records.iter().find(|line| line.kind == kind).map(|line| line.state.clone()).unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_document_fills_the_line_that_it_is_for_and_one_that_nobody_named_is_told_in_the_timeline() {
    let world = World::start().await;
    let mut desk = world.coordinator("dana-whitfield");
    let inquiry = world.clock.new_id();
    // It may overtake its inquiry.
    let early = came(&world, inquiry, "pathology_report", "hl7");
    world.publish(CENTER, inquiry, 1, &[early.clone(), early]).await;
    let route = world.routed(CENTER, inquiry);
    world.publish(CENTER, inquiry, 1, &[route]).await;
    eventually("the line is filled", || async {
        let filled = "SELECT count(*) FROM timeline WHERE kind = 'record'";
        world.count(filled).await == 1
    })
    .await;
    let looked = page(&mut desk, inquiry).await;
    assert_eq!(state(&looked, "pathology_report"), "received");
    assert_eq!(state(&looked, "imaging"), "needed", "and no other one");
    world.publish(CENTER, inquiry, 1, &[came(&world, inquiry, "", "patient")]).await;
    eventually("it is told", || async {
        world.count("SELECT count(*) FROM timeline WHERE kind = 'document'").await == 1
    })
    .await;
    let told = page(&mut desk, inquiry).await.timeline;
    let line = told.iter().find(|entry| entry.kind == "document").expect("a line");
    assert_eq!(line.text, "A document came from the patient; say which line of the checklist it is.");
    let rest: Vec<&str> =
        looked.records.iter().filter(|line| line.needed_for_booking).map(|line| line.kind.as_str()).collect();
    for kind in &rest {
        world.publish(CENTER, inquiry, 1, &[came(&world, inquiry, kind, "patient")]).await;
    }
    eventually("booking hears of it", || async {
        world.told::<ReadinessChanged>(inquiry).await.last().is_some_and(|told| told.records_ready)
    })
    .await;
    world.end().await;
}
