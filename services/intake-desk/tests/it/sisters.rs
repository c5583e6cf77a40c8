//! Handing over to a sister center, from the refusals to the answer of ingestion, on real servers.

use causeway_auth::{Actor, Role};
use causeway_proto::error::Reason;
use causeway_proto::inquiry::v1::{HandoverNotTaken, HandoverTaken, Stay};
use causeway_proto::intake::v1::{
    CloseInquiryRequest, HandToCenterRequest, HandedToCenter, Inquiry, ListWorkRequest, Stage, StageChanged, WorkMoved,
};
use causeway_proto::scheduling::v1::AppointmentBooked;
use causeway_proto::subjects;
use jiff::SignedDuration;
use tonic::{Code, Status};
use uuid::Uuid;

use crate::world::{CENTER, Desk, OTHER, World, bundle, eventually, page, reopen};

fn asked(inquiry: Uuid, to: &str, key: &str) -> HandToCenterRequest {
    HandToCenterRequest {
        center: CENTER.into(),
        inquiry_id: inquiry.to_string(),
        idempotency_key: key.into(),
        to_center: to.into(),
        reason_kind: "closer_site".into(),
        reason: "Rosa moves in with her daughter".into(),
    }
}

async fn hand(desk: &mut Desk, request: HandToCenterRequest) -> Result<Inquiry, Status> {
    desk.hand_to_center(request).await.map(tonic::Response::into_inner)
}

async fn refused(desk: &mut Desk, request: HandToCenterRequest) -> (Option<Reason>, String) {
    let status = hand(desk, request).await.expect_err("refused");
    (Reason::of(&status), status.message().to_owned())
}

async fn state(desk: &mut Desk, inquiry: Uuid) -> (String, Stage) {
    let page = page(desk, inquiry).await;
    (page.handover.as_ref().map(|handover| handover.state.clone()).unwrap_or_default(), page.stage())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hand_over_closes_here_once_and_the_page_tells_where_it_went_without_a_word_of_the_person_on_the_bus() {
    let world = World::start().await;
    let mut dana = world.coordinator("dana-whitfield");
    let inquiry = world.begin(1).await[0];
    for _ in 0..2 {
        let after = hand(&mut dana, asked(inquiry, OTHER, "once")).await.expect("handed over");
        assert_eq!((after.stage(), after.close_reason.as_str()), (Stage::Closed, "handed_to_sister"));
    }
    let reused = refused(&mut dana, asked(inquiry, "mill-pond", "once")).await;
    assert_eq!(reused.0, Some(Reason::KeyReused));
    assert_eq!(refused(&mut dana, asked(inquiry, OTHER, "twice")).await.0, Some(Reason::Closed));
    let told = world.told::<HandedToCenter>(inquiry).await;
    assert_eq!(told.len(), 1);
    assert_eq!((told[0].to_center.as_str(), told[0].reason.as_str()), (OTHER, "closer_site"));
    assert!(!world.on_disk("Rosa moves in"), "the words are sealed, and travel nowhere");
    let last = world.told::<StageChanged>(inquiry).await.pop().expect("told");
    assert_eq!((last.to(), last.close_reason.as_str()), (Stage::Closed, "handed_to_sister"));
    assert_eq!(world.told::<WorkMoved>(inquiry).await.last().map(|moved| moved.how.clone()), Some("ended".into()));
    let reopened = dana.reopen_inquiry(reopen(inquiry, "came_back")).await.expect_err("a sister is to have it");
    assert_eq!(Reason::of(&reopened), Some(Reason::WrongState));

    let taken = HandoverTaken {
        inquiry_id: inquiry.to_string(),
        center: CENTER.into(),
        number: told[0].number,
        to_center: OTHER.into(),
        reference: "LK-7K4M-2QX".into(),
        at: told[0].at,
    };
    world.publish(CENTER, inquiry, told[0].number, &[taken.clone(), taken]).await;
    eventually("taken", || async { state(&mut dana.clone(), inquiry).await.0 == "taken" }).await;
    let shown = page(&mut dana, inquiry).await;
    assert_eq!(shown.handover.as_ref().map(|handover| handover.reference.as_str()), Some("LK-7K4M-2QX"));
    let lines: Vec<&str> =
        shown.timeline.iter().filter(|line| line.kind == "sister").map(|line| line.text.as_str()).collect();
    assert_eq!(lines.len(), 2, "told twice, written once: {lines:?}");
    assert!(lines[0].contains("Lakeside Cancer Institute has it as LK-7K4M-2QX"), "{lines:?}");
    assert!(lines[1].contains("Rosa moves in"), "colleagues here read the words: {lines:?}");
    let counted = "causeway_handed_to_center_total{reason=\"closer_site\"} 1";
    assert!(world.figures().contains(counted), "{}", world.figures());
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_thing_that_stands_against_a_hand_over_is_said_and_changes_nothing() {
    let world = World::start().await;
    let mut dana = world.coordinator("dana-whitfield");
    let inquiry = world.begin(1).await[0];
    assert_eq!(refused(&mut dana, asked(inquiry, "mill-pond", "a")).await.0, Some(Reason::UnknownCenter));
    let own = refused(&mut dana, asked(inquiry, CENTER, "b")).await;
    assert!(own.0 == Some(Reason::WrongState) && own.1.contains("at this center already"), "{own:?}");
    assert_eq!(refused(&mut dana, asked(inquiry, "", "c")).await.0, Some(Reason::FieldFault));
    let odd = HandToCenterRequest { reason_kind: "because".into(), ..asked(inquiry, OTHER, "d") };
    assert_eq!(refused(&mut dana, odd).await.0, Some(Reason::UnknownName));
    let back = HandToCenterRequest { reason_kind: "sent_back".into(), ..asked(inquiry, OTHER, "e") };
    assert_eq!(refused(&mut dana, back).await.0, Some(Reason::WrongState), "it never was there");
    let close = CloseInquiryRequest {
        center: CENTER.into(),
        inquiry_id: inquiry.to_string(),
        reason: "handed_to_sister".into(),
    };
    let close = dana.close_inquiry(close).await.expect_err("it is handed over, not closed by hand");
    assert_eq!(Reason::of(&close), Some(Reason::FieldFault));
    for stranger in [
        world.staff("ada", Role::Reviewer),
        world.as_actor(&Actor::service("portal")),
        world.as_actor(&Actor::staff("eve", "Eve", OTHER, vec![Role::Manager])),
    ] {
        let denied = hand(&mut stranger.clone(), asked(inquiry, OTHER, "f")).await.expect_err("may not");
        assert_eq!(denied.code(), Code::PermissionDenied);
    }

    let visit = AppointmentBooked {
        facts: world.routed(CENTER, inquiry).facts,
        appointment: Some(world.appointment(inquiry, world.clock.now() + SignedDuration::from_hours(48))),
        version: 1,
        at: world.clock.now().as_microsecond(),
    };
    world.publish(CENTER, inquiry, 1, &[visit]).await;
    eventually("booked", || async { state(&mut dana.clone(), inquiry).await.1 == Stage::Scheduled }).await;
    let booked = refused(&mut dana, asked(inquiry, OTHER, "g")).await;
    assert!(booked.0 == Some(Reason::WrongState) && booked.1.contains("cancel it first"), "{booked:?}");

    let travelled = begin_after(&world, &[OTHER, CENTER, OTHER]).await;
    let far = HandToCenterRequest { reason_kind: "sent_back".into(), ..asked(travelled, OTHER, "h") };
    assert!(refused(&mut dana, far).await.1.contains("3 other centers"));
    let came = begin_after(&world, &[OTHER]).await;
    assert!(refused(&mut dana, asked(came, OTHER, "i")).await.1.contains("sent_back"), "a loop is noticed");

    let mut bundle = bundle(OTHER);
    let closed = bundle.files["center.toml"].replace("takes_from = [\"harbor-valley\"]", "takes_from = []");
    bundle.insert("center.toml", closed);
    world
        .bus
        .bucket(subjects::CENTERS_BUCKET)
        .await
        .expect("the bucket")
        .put(OTHER, bundle.to_bytes().into())
        .await
        .expect("put");
    let back = |key: &str| HandToCenterRequest { reason_kind: "sent_back".into(), ..asked(came, OTHER, key) };
    eventually("the sister takes none any more", || async {
        // Nothing of it is done meanwhile: another center's word is what is waited for.
        world.count("SELECT count(*) FROM revisions").await == 3
    })
    .await;
    let (reason, text) = refused(&mut dana, back("j")).await;
    assert!(reason == Some(Reason::WrongState) && text.contains("takes no inquiries from this one"), "{text}");
    assert_eq!(world.count("SELECT count(*) FROM inquiries WHERE handover IS NOT NULL").await, 0);
    world.end().await;
}

/// An inquiry that was at these centers before, at the desk.
async fn begin_after(world: &World, centers: &[&str]) -> Uuid {
    let inquiry = world.clock.new_id();
    let mut routed = world.routed(CENTER, inquiry);
    let stay = |center: &&str| Stay {
        center: (*center).to_owned(),
        reference: "LK-7K4M-2QX".into(),
        received_at: world.clock.now().as_microsecond(),
        documents: 0,
        inquiry_id: Uuid::from_u128(4).to_string(),
    };
    if let Some(facts) = &mut routed.facts {
        facts.stays = centers.iter().map(stay).collect();
    }
    let before = world.count("SELECT count(*) FROM inquiries").await;
    world.publish(CENTER, inquiry, 1, &[routed]).await;
    eventually("at the desk", || async { world.count("SELECT count(*) FROM inquiries").await == before + 1 }).await;
    inquiry
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_sister_could_not_take_is_back_in_the_worklist_and_where_it_came_from_is_seen_there() {
    let world = World::start().await;
    let mut dana = world.coordinator("dana-whitfield");
    let inquiry = begin_after(&world, &["mill-pond"]).await;
    hand(&mut dana, asked(inquiry, OTHER, "once")).await.expect("handed over");
    let list = || ListWorkRequest { center: CENTER.into(), ..ListWorkRequest::default() };
    assert!(dana.list_work(list()).await.expect("a list").into_inner().rows.is_empty());
    let told = world.told::<HandedToCenter>(inquiry).await;
    let not_taken = HandoverNotTaken {
        inquiry_id: inquiry.to_string(),
        center: CENTER.into(),
        number: told[0].number,
        to_center: OTHER.into(),
        why: "not_sealed".into(),
        at: told[0].at,
    };
    world.publish(CENTER, inquiry, told[0].number, &[not_taken]).await;
    eventually("ours again", || async {
        state(&mut dana.clone(), inquiry).await == ("not_taken".into(), Stage::Routed)
    })
    .await;
    let rows = dana.list_work(list()).await.expect("a list").into_inner().rows;
    assert_eq!(rows.len(), 1);
    assert_eq!(rows[0].stays.iter().map(|stay| stay.center.as_str()).collect::<Vec<_>>(), ["mill-pond"]);
    assert!(rows[0].due_at > 0 && rows[0].next_action == "first_contact");
    let shown = page(&mut dana, inquiry).await;
    assert_eq!(shown.handover.map(|handover| handover.why), Some("not_sealed".into()));
    let first = shown.timeline.iter().find(|line| line.kind == "received").expect("how it began");
    assert_eq!(first.text, "Handed over by mill-pond, where it was LK-7K4M-2QX.");
    hand(&mut dana, asked(inquiry, OTHER, "again")).await.expect("it may be handed over anew");
    world.end().await;
}
