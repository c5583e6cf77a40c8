//! What the desk learns of a person after the inquiry came: answers that were mended, and the wish not to be contacted.

use causeway_proto::convert::micros;
use causeway_proto::inquiry::v1::{ConsultType, InquiryAmended};
use causeway_proto::intake::v1::{ListWorkRequest, ReadinessChanged, Stage, StageChanged};
use causeway_proto::notice::v1::ContactStopped;
use uuid::Uuid;

use crate::world::{CENTER, World, eventually, page, reopen};

fn stopped(world: &World, inquiry: Uuid) -> ContactStopped {
    let at = micros(world.clock.now());
    ContactStopped { inquiry_id: inquiry.to_string(), center: CENTER.into(), channel: "all".into(), at }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_asks_on_their_page_not_to_be_contacted_leaves_every_queue_and_all_hear_why() {
    let world = World::start().await;
    let mut desk = world.coordinator("dana-whitfield");
    let inquiry = world.clock.new_id();
    // It may overtake its inquiry.
    world.publish(CENTER, inquiry, 1, &[stopped(&world, inquiry)]).await;
    world.publish(CENTER, inquiry, 1, &[world.routed(CENTER, inquiry)]).await;
    let closed =
        || async { world.told::<StageChanged>(inquiry).await.into_iter().find(|told| told.to() == Stage::Closed) };
    eventually("it is closed", || async { closed().await.is_some() }).await;
    assert_eq!(closed().await.expect("told").close_reason, "asked_to_stop");
    let listed = ListWorkRequest { center: CENTER.into(), ..ListWorkRequest::default() };
    let listed = desk.list_work(listed).await.expect("a list").into_inner();
    assert!(listed.rows.is_empty(), "nobody calls");
    let looked = page(&mut desk, inquiry).await;
    assert!(looked.timeline.iter().any(|line| line.text == "The person asked not to be contacted any more."));
    // Who changes their mind on the phone is worked again.
    desk.reopen_inquiry(reopen(inquiry, "came_back")).await.expect("opened again");
    let looked = page(&mut desk, inquiry).await;
    assert_eq!(looked.stage(), Stage::Routed);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mended_answers_reach_checklist_worklist_and_booking_and_an_older_word_changes_nothing() {
    let world = World::start().await;
    let mut desk = world.coordinator("dana-whitfield");
    let inquiry = world.clock.new_id();
    let route = world.routed(CENTER, inquiry);
    let amended = |consult: ConsultType, version| {
        let mut facts = route.facts.clone().expect("facts");
        facts.consult_type = consult.into();
        let at = micros(world.clock.now());
        InquiryAmended { facts: Some(facts), changed: vec!["consult_type".into()], version, at }
    };
    world.publish(CENTER, inquiry, 1, std::slice::from_ref(&route)).await;
    eventually("it came", || async { world.count("SELECT count(*) FROM inquiries").await == 1 }).await;
    let before = page(&mut desk, inquiry).await;
    let other = ConsultType::ClinicalTrial;
    assert_ne!(before.facts.as_ref().expect("facts").consult_type(), other);
    world.publish(CENTER, inquiry, 3, &[amended(other, 3)]).await;
    eventually("booking hears of it", || async {
        let told = world.told::<ReadinessChanged>(inquiry).await;
        told.last().is_some_and(|told| told.facts.as_ref().is_some_and(|facts| facts.consult_type() == other))
    })
    .await;
    world.publish(CENTER, inquiry, 2, &[amended(ConsultType::NewConsult, 2)]).await;
    let filtered = |consult: &str| ListWorkRequest {
        center: CENTER.into(),
        consult_type: consult.to_owned(),
        ..ListWorkRequest::default()
    };
    let rows = desk.list_work(filtered("clinical_trial")).await.expect("a list").into_inner().rows;
    assert_eq!(rows.len(), 1, "the worklist finds it by what it is now");
    let looked = page(&mut desk, inquiry).await;
    assert_eq!(looked.facts.as_ref().expect("facts").consult_type(), other);
    assert!(looked.timeline.iter().any(|line| line.text == "Answers were mended: consult type."));
    let kinds = |page: &causeway_proto::intake::v1::Inquiry| -> Vec<(String, bool)> {
        page.records.iter().map(|line| (line.kind.clone(), line.needed_for_booking)).collect()
    };
    assert_ne!(kinds(&looked), kinds(&before), "a trial needs other papers");
    assert_eq!(
        looked.facts.as_ref().map(|facts| &facts.attribution),
        before.facts.as_ref().map(|facts| &facts.attribution)
    );
    world.end().await;
}
