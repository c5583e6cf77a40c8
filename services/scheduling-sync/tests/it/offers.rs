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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_is_offered_or_booked_a_visit_further_ahead_than_the_horizon_and_odd_wishes_are_told_by_field() {
    let world = World::start().await;
    let (inquiry, desk) = (world.inquiry().await, world.scheduler());
    let day = 86_400 * 1_000_000;
    let now = at(MONDAY).as_microsecond();
    let usual =
        OfferSlotsRequest { center: CENTER.into(), inquiry_id: inquiry.to_string(), limit: 50, ..Default::default() };
    let ask =
        async |request: OfferSlotsRequest| desk.client.clone().offer_slots(request).await.map(|it| it.into_inner());
    let last = ask(OfferSlotsRequest { from: now + 58 * day, ..usual.clone() }).await.expect("offers").slots;
    assert!(!last.is_empty() && last.iter().all(|slot| slot.starts_at <= now + 60 * day), "{last:?}");
    for (field, odd) in [
        ("from", OfferSlotsRequest { from: now + 61 * day, ..usual.clone() }),
        ("from", OfferSlotsRequest { from: 1 << 62, ..usual.clone() }),
        ("from", OfferSlotsRequest { from: i64::MIN, ..usual.clone() }),
        ("site", OfferSlotsRequest { site: "nowhere".into(), ..usual.clone() }),
        ("limit", OfferSlotsRequest { limit: -1, ..usual.clone() }),
    ] {
        let refused = ask(odd).await.expect_err(field);
        assert_eq!(refused.code(), tonic::Code::InvalidArgument);
        assert!(refused.message().starts_with(&format!("field {field}: ")), "{refused}");
    }
    // The calendar knows slots of any day; a name made up for a far one books nothing.
    let usual_slot = &ask(usual).await.expect("offers").slots[0];
    let week = jiff::SignedDuration::from_hours(24 * 7);
    let mut far =
        usual_slot.slot_id.parse::<causeway_scheduling_sync::domain::slot_id::SlotId>().expect("a slot's name");
    far.start += week * 10;
    let refused = desk.book(inquiry, &far.to_string(), "far").await.expect_err("too far ahead");
    assert!(refused.message().contains("60 days ahead"), "{refused}");
    let booked = desk.book(inquiry, &usual_slot.slot_id, "near").await.expect("booked");
    let refused = desk.reschedule(&booked.appointment_id, &far.to_string()).await.expect_err("too far ahead");
    assert!(refused.message().contains("60 days ahead"), "{refused}");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_patient_reads_why_there_is_no_date_in_the_language_of_the_page() {
    let world = World::start().await;
    let (inquiry, desk) = (Uuid::from_u128(9), world.scheduler());
    world.tell(CENTER, inquiry, &Word { language: "es", intake_complete: false, ..ready() }).await;
    for (patient_language, begins) in [("", "Primero"), ("en", "We talk"), ("es", "Primero"), ("xx", "We talk")] {
        let ask = OfferSlotsRequest {
            center: CENTER.into(),
            inquiry_id: inquiry.to_string(),
            patient_language: patient_language.into(),
            ..Default::default()
        };
        let told = desk.client.clone().offer_slots(ask).await.expect("an answer").into_inner();
        assert_eq!(told.refused_by, "intake_first");
        assert!(told.words_for_patient.starts_with(begins), "{patient_language}: {}", told.words_for_patient);
    }
    world.stop().await;
}
