//! What becomes of an appointment: moved, called off, attended, missed; and its seat each time.

use causeway_proto::error::Reason;
use causeway_proto::scheduling::v1::{AppointmentCancelled, AppointmentRescheduled};
use jiff::Timestamp;
use prost::Message as _;
use tonic::Code;
use uuid::Uuid;

use crate::world::{CENTER, Word, World, ready};

async fn payload(world: &World, inquiry: Uuid, version: i64) -> Vec<u8> {
    sqlx::query_scalar("SELECT payload FROM outbox WHERE aggregate_id = $1 AND version = $2")
        .bind(inquiry)
        .bind(version)
        .fetch_one(&world.machine)
        .await
        .expect("an event")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn moving_to_a_taken_slot_keeps_the_old_one_and_moving_to_a_free_one_gives_it_back() {
    let world = World::start().await;
    let desk = world.scheduler();
    let (ann, bob) = (world.inquiry().await, world.inquiry().await);
    let valley = desk.offers_at(ann, "valley", 3).await.slots;
    let of_ann = desk.book(ann, &valley[0].slot_id, "ann").await.expect("booked");
    let of_bob = desk.book(bob, &valley[1].slot_id, "bob").await.expect("booked");
    let refusal = desk.reschedule(&of_bob.appointment_id, &valley[0].slot_id).await.expect_err("refused");
    assert_eq!((refusal.code(), Reason::of(&refusal)), (Code::Aborted, Some(Reason::SlotTaken)));
    assert!(refusal.message().contains("next best times: "), "{}", refusal.message());
    assert_eq!(desk.list(bob).await.expect("listed"), [(of_bob.clone(), "booked".to_owned())]);
    assert_eq!((world.seats().await, world.contradictions().await), (2, 0));
    // Ann moves by her link; the seat that she leaves is Bob's now.
    let moved = world.patient(ann).reschedule(&of_ann.appointment_id, &valley[2].slot_id).await.expect("moved");
    assert_eq!((moved.appointment_id.as_str(), moved.starts_at), (of_ann.appointment_id.as_str(), valley[2].starts_at));
    let repeated = world.patient(ann).reschedule(&of_ann.appointment_id, &valley[2].slot_id).await.expect("answered");
    assert_eq!(repeated, moved);
    assert_eq!(
        desk.reschedule(&of_bob.appointment_id, &valley[0].slot_id).await.expect("moved").starts_at,
        valley[0].starts_at
    );
    assert_eq!((world.seats().await, world.contradictions().await), (2, 0));
    let kinds = world.events(ann).await;
    assert_eq!(kinds, [("AppointmentBooked".to_owned(), 1), ("AppointmentRescheduled".to_owned(), 2)]);
    let event = AppointmentRescheduled::decode(payload(&world, ann, 2).await.as_slice()).expect("readable");
    assert_eq!((event.previous_starts_at, event.reason.as_str()), (valley[0].starts_at, "time_does_not_fit"));
    assert_eq!(event.facts.expect("facts").inquiry_id, ann.to_string());
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cancelled_seat_is_free_for_the_next_and_the_inquiry_may_book_again() {
    let world = World::start().await;
    let desk = world.scheduler();
    let (ann, bob) = (world.inquiry().await, world.inquiry().await);
    let slot = desk.first_slot(ann, "valley").await;
    let first = desk.book(ann, &slot, "ann").await.expect("booked");
    for reason in ["", "She has chemo that day"] {
        assert_eq!(
            desk.cancel(&first.appointment_id, reason).await.expect_err("refused").code(),
            Code::InvalidArgument
        );
    }
    // A closed inquiry's visit can still be called off: that is how its seat comes back.
    world.tell(CENTER, ann, &Word { open: false, version: 2, ..ready() }).await;
    world.patient(ann).cancel(&first.appointment_id, "no_ride").await.expect("cancelled");
    desk.cancel(&first.appointment_id, "no_ride").await.expect("answered again");
    desk.book(bob, &slot, "bob").await.expect("the seat is free");
    world.tell(CENTER, ann, &Word { version: 3, ..ready() }).await;
    let again = desk.first_slot(ann, "valley").await;
    desk.book(ann, &again, "ann-2").await.expect("booked again");
    let states: Vec<String> = desk.list(ann).await.expect("listed").into_iter().map(|(_, state)| state).collect();
    assert_eq!(states, ["booked", "cancelled"]);
    let versions: Vec<i64> = world.events(ann).await.into_iter().map(|(_, version)| version).collect();
    assert_eq!(versions, [1, 2, 3]);
    let event = AppointmentCancelled::decode(payload(&world, ann, 2).await.as_slice()).expect("readable");
    assert_eq!((event.by.as_str(), event.reason.as_str()), ("patient", "no_ride"));
    assert_eq!((world.seats().await, world.contradictions().await), (2, 0));
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn attendance_is_recorded_by_staff_after_the_start_once_and_what_is_over_cannot_be_changed() {
    let world = World::start().await;
    let desk = world.scheduler();
    let (ann, bob) = (world.inquiry().await, world.inquiry().await);
    let slots = desk.offers(ann).await.slots;
    let visit = desk.book(ann, &slots[0].slot_id, "ann").await.expect("booked");
    let id = visit.appointment_id.as_str();
    let missed = desk.book(bob, &slots[0].slot_id, "bob").await.expect("booked").appointment_id;
    let early = desk.record(id, true).await.expect_err("refused");
    assert_eq!((early.code(), Reason::of(&early)), (Code::FailedPrecondition, Some(Reason::WrongState)));
    world.clock.set(Timestamp::from_microsecond(visit.starts_at).expect("a time"));
    assert_eq!(world.patient(ann).record(id, true).await.expect_err("refused").code(), Code::PermissionDenied);
    assert_eq!(Reason::of(&desk.cancel(id, "other").await.expect_err("refused")), Some(Reason::WrongState));
    assert_eq!(
        Reason::of(&desk.reschedule(id, &slots[1].slot_id).await.expect_err("refused")),
        Some(Reason::WrongState)
    );
    desk.record(id, true).await.expect("recorded");
    desk.record(id, true).await.expect("answered again");
    assert_eq!(Reason::of(&desk.record(id, false).await.expect_err("refused")), Some(Reason::WrongState));
    desk.record(&missed, false).await.expect("recorded");
    assert_eq!(world.events(ann).await[1..], [("AppointmentAttended".to_owned(), 2)]);
    assert_eq!(world.events(bob).await[1..], [("AppointmentMissed".to_owned(), 2)]);
    // Who missed a visit may book another.
    let next = desk.first_slot(bob, "valley").await;
    desk.book(bob, &next, "bob-2").await.expect("booked again");
    assert_eq!(world.contradictions().await, 0);
    world.stop().await;
}
