//! Booking: one seat, one person; one inquiry, one visit; one key, one effect.

use causeway_proto::error::Reason;
use causeway_proto::scheduling::v1::Appointment;
use futures::future::join_all;
use tonic::{Code, Status};
use uuid::Uuid;

use crate::world::{Asking, CENTER, Word, World, at, ready};

/// A key belongs to one wish.
async fn book_with_own_key(desk: &Asking, inquiry: Uuid, slot: &str) -> Result<Appointment, Status> {
    desk.book(inquiry, slot, &inquiry.to_string()).await
}

fn reason(answer: Result<Appointment, Status>) -> Option<Reason> {
    Reason::of(&answer.expect_err("refused"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_fifty_who_want_the_last_seat_at_once_exactly_one_gets_it_and_the_others_hear_of_other_times() {
    let world = World::start().await;
    let desk = world.scheduler();
    let inquiries: Vec<Uuid> = (1..=50).map(Uuid::from_u128).collect();
    world.tell_all(&inquiries).await;
    let slot = desk.first_slot(inquiries[0], "valley").await;
    let asked = inquiries.iter().map(|inquiry| book_with_own_key(&desk, *inquiry, &slot));
    let answers = join_all(asked).await;
    let (won, lost): (Vec<_>, Vec<_>) = answers.into_iter().partition(Result::is_ok);
    assert_eq!((won.len(), lost.len()), (1, 49));
    for refusal in lost.into_iter().filter_map(Result::err) {
        assert_eq!((refusal.code(), Reason::of(&refusal)), (Code::Aborted, Some(Reason::SlotTaken)), "{refusal}");
        assert!(refusal.message().contains("next best times: "), "{}", refusal.message());
    }
    assert_eq!((world.seats().await, world.contradictions().await), (1, 0));
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slot_for_two_takes_two_in_seats_of_their_own() {
    let world = World::start().await;
    let desk = world.scheduler();
    let inquiries: Vec<Uuid> = (1..=12).map(Uuid::from_u128).collect();
    world.tell_all(&inquiries).await;
    let slot = desk.first_slot(inquiries[0], "harbor").await;
    let answers = join_all(inquiries.iter().map(|inquiry| book_with_own_key(&desk, *inquiry, &slot))).await;
    assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 2);
    let seats: Vec<i32> =
        sqlx::query_scalar("SELECT seat FROM slots_taken ORDER BY seat").fetch_all(&world.machine).await.expect("read");
    assert_eq!(seats, [0, 1]);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_key_books_once_however_often_it_is_sent_and_means_nothing_else_ever() {
    let world = World::start().await;
    let desk = world.scheduler();
    let (inquiry, other) = (world.inquiry().await, world.inquiry().await);
    let slots = desk.offers(inquiry).await.slots;
    let asked = (0..10).map(|_| desk.book(inquiry, &slots[0].slot_id, "once"));
    let answers: Vec<String> =
        join_all(asked).await.into_iter().map(|answer| answer.expect("booked").appointment_id).collect();
    assert!(answers.iter().all(|id| *id == answers[0]));
    assert_eq!(world.events(inquiry).await, [("AppointmentBooked".to_owned(), 1)]);
    assert_eq!(world.seats().await, 1);
    assert_eq!(reason(desk.book(inquiry, &slots[1].slot_id, "once").await), Some(Reason::KeyReused));
    let keyless = desk.book(other, &slots[1].slot_id, "").await.expect_err("refused");
    assert_eq!(keyless.code(), Code::InvalidArgument);
    assert_eq!((world.seats().await, world.contradictions().await), (1, 0));
    // The counter moved once: a repeat is not a booking.
    let text = prometheus::TextEncoder::new().encode_to_string(&world.metrics.gather()).expect("text");
    assert!(text.contains(r#"causeway_appointments_total{center="harbor-valley",change="booked"} 1"#), "{text}");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_inquiries_that_use_the_same_key_text_both_get_their_seat() {
    let world = World::start().await;
    let desk = world.scheduler();
    let (one, other) = (world.inquiry().await, world.inquiry().await);
    let slot = desk.first_slot(one, "harbor").await;
    for _ in 0..2 {
        // The second round repeats: each gets its own visit again.
        let (mine, theirs) = tokio::join!(desk.book(one, &slot, "same"), desk.book(other, &slot, "same"));
        let (mine, theirs) = (mine.expect("booked"), theirs.expect("booked"));
        assert_eq!((mine.inquiry_id, theirs.inquiry_id), (one.to_string(), other.to_string()));
        assert_ne!(mine.appointment_id, theirs.appointment_id);
    }
    assert_eq!((world.seats().await, world.contradictions().await), (2, 0));
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_booking_is_refused_by_rule_state_and_calendar_with_the_reason_that_fits() {
    let world = World::start().await;
    let desk = world.scheduler();
    let inquiry = world.inquiry().await;
    let slots = desk.offers(inquiry).await.slots;
    let unknown = desk.book(Uuid::from_u128(404), &slots[0].slot_id, "a").await.expect_err("refused");
    assert_eq!((unknown.code(), Reason::of(&unknown)), (Code::FailedPrecondition, Some(Reason::BookingRule)));
    let first = desk.book(inquiry, &slots[0].slot_id, "b").await.expect("booked");
    let second = desk.book(inquiry, &slots[1].slot_id, "c").await.expect_err("refused");
    assert_eq!(Reason::of(&second), Some(Reason::WrongState));
    assert!(second.message().contains(&first.appointment_id), "{}", second.message());
    let other = Uuid::from_u128(2);
    world.tell(CENTER, other, &Word { intake_complete: false, ..ready() }).await;
    assert_eq!(reason(desk.book(other, &slots[1].slot_id, "d").await), Some(Reason::BookingRule));
    let words = world.patient(other).book(other, &slots[1].slot_id, "d").await.expect_err("refused");
    assert_eq!(words.message(), "We talk with you first. Then we offer dates.");
    world.tell(CENTER, other, &Word { version: 2, ..ready() }).await;
    let screening = slots[1].slot_id.replace("oncologist.new_visit", "trial_nurse.trial_screening");
    assert_eq!(reason(desk.book(other, &screening, "e").await), Some(Reason::BookingRule));
    let thanksgiving = format!("harbor.{}.oncologist.new_visit", at("2026-11-26T16:30:00Z").as_microsecond());
    assert_eq!(reason(desk.book(other, &thanksgiving, "f").await), Some(Reason::SlotTaken));
    let past = format!("harbor.{}.oncologist.new_visit", at("2026-11-20T16:30:00Z").as_microsecond());
    assert_eq!(reason(desk.book(other, &past, "g").await), Some(Reason::SlotTaken));
    assert_eq!(reason(desk.book(other, "tomorrow", "h").await), Some(Reason::FieldFault));
    world.tell(CENTER, other, &Word { open: false, version: 3, ..ready() }).await;
    assert_eq!(reason(desk.book(other, &slots[1].slot_id, "i").await), Some(Reason::Closed));
    assert_eq!((world.seats().await, world.contradictions().await), (1, 0));
    world.stop().await;
}
