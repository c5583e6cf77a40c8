//! What is offered, and what is said where nothing is.

use causeway_funnel::inquiry::{CancerArea, ConsultType};
use causeway_proto::scheduling::v1::OfferSlotsRequest;
use uuid::Uuid;

use crate::world::{CENTER, MONDAY, Word, World, at, ready};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_opinion_waits_for_the_review_in_words_and_is_then_offered_dates_at_both_sites() {
    let world = World::start().await;
    let (inquiry, desk) = (Uuid::from_u128(1), world.scheduler());
    let unknown = desk.offers(inquiry).await;
    assert_eq!((unknown.refused_by.as_str(), unknown.slots.len()), ("intake_first", 0));
    assert!(!unknown.words_for_staff.is_empty() && !unknown.words_for_patient.is_empty());
    let second = Word {
        consult_type: ConsultType::SecondOpinion,
        cancer_area: CancerArea::Gi,
        language: "es",
        routed: "harbor",
        ..ready()
    };
    world.tell(CENTER, inquiry, &second).await;
    let waiting = desk.offers(inquiry).await;
    assert_eq!(waiting.refused_by, "review_first");
    assert!(waiting.words_for_staff.starts_with("Records review first. "), "{}", waiting.words_for_staff);
    assert!(waiting.words_for_patient.starts_with("Primero un médico"), "{}", waiting.words_for_patient);
    world.tell(CENTER, inquiry, &Word { records_ready: true, reviewed: true, version: 2, ..second.clone() }).await;
    let offered = desk.offers(inquiry).await;
    assert_eq!(offered.refused_by, "");
    let sites: Vec<&str> = offered.slots.iter().map(|slot| slot.site.as_str()).collect();
    assert_eq!(sites, ["harbor", "harbor", "harbor", "harbor", "valley", "valley"]);
    let lead = at(MONDAY).as_microsecond() + 120 * 60_000_000;
    assert!(offered.slots.iter().all(|slot| slot.starts_at >= lead && slot.visit_kind == "second_opinion"));
    assert!(offered.slots.iter().all(|slot| slot.time_zone == "America/Los_Angeles"));
    world.tell(CENTER, inquiry, &Word { open: false, version: 3, ..second }).await;
    let closed = desk.offers(inquiry).await;
    assert_eq!(closed.refused_by, "closed");
    assert!(closed.words_for_patient.contains("cerrada"), "{}", closed.words_for_patient);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_preferred_site_comes_first_full_slots_are_left_out_and_a_later_start_is_respected() {
    let world = World::start().await;
    let (inquiry, desk) = (Uuid::from_u128(1), world.scheduler());
    world.tell(CENTER, inquiry, &Word { preferred: Some("valley"), ..ready() }).await;
    let offered = desk.offers(inquiry).await.slots;
    assert_eq!(offered[0].site, "valley");
    let full = &offered[0].slot_id;
    let other = world.inquiry().await;
    desk.book(other, full, "k").await.expect("booked");
    assert!(desk.offers(inquiry).await.slots.iter().all(|slot| slot.slot_id != *full));
    let from = at("2026-12-07T00:00:00Z").as_microsecond();
    let ask = OfferSlotsRequest {
        center: CENTER.into(),
        inquiry_id: inquiry.to_string(),
        from,
        limit: 3,
        ..Default::default()
    };
    let later = desk.client.clone().offer_slots(ask).await.expect("offers").into_inner().slots;
    assert_eq!(later.len(), 3);
    assert!(later.iter().all(|slot| slot.starts_at >= from));
    // Who has a visit is offered times to move to, and not the one they have.
    let mine = desk.book(inquiry, &later[0].slot_id, "mine").await.expect("booked");
    world.tell(CENTER, inquiry, &Word { intake_complete: false, version: 2, ..ready() }).await;
    let again = desk.offers_at(inquiry, &mine.site, 50).await;
    assert!(again.refused_by.is_empty() && !again.slots.is_empty());
    assert!(again.slots.iter().all(|slot| slot.starts_at != mine.starts_at));
    world.stop().await;
}
