//! Visits, told in any order, and what their time brings.

use causeway_auth::Role;
use causeway_proto::convert::micros;
use causeway_proto::intake::v1::{Stage, StageChanged};
use causeway_proto::scheduling::v1::{
    AppointmentAttended, AppointmentBooked, AppointmentCancelled, AppointmentMissed, AppointmentRescheduled,
};
use jiff::SignedDuration;

use crate::world::{CENTER, World, at, eventually, page};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn appointments_that_are_told_before_their_inquiry_or_in_the_wrong_order_end_where_the_facts_say() {
    let world = World::start().await;
    let mut desk = world.staff("priya-nair", Role::Manager);
    let (inquiry, now) = (world.clock.new_id(), world.clock.now());
    let minute = |count| micros(now + SignedDuration::from_mins(count));
    let first = Some(world.appointment(inquiry, at("2027-03-09T17:00:00Z")));
    let second = Some(world.appointment(inquiry, at("2027-03-10T17:00:00Z")));
    // The newest word first: moved after it was called off and booked again.
    let moved = AppointmentRescheduled {
        appointment: second,
        previous_starts_at: micros(at("2027-03-09T17:00:00Z")),
        reason: "patient_cannot_come".into(),
        version: 4,
        at: minute(4),
        ..Default::default()
    };
    world.publish(CENTER, inquiry, 4, &[moved]).await;
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    assert_eq!(world.count("SELECT count(*) FROM inbox").await, 0, "an inquiry that is not known yet is waited for");
    let route = world.routed(CENTER, inquiry);
    world.publish(CENTER, inquiry, 1, &[route]).await;
    let cancelled =
        AppointmentCancelled { appointment: first.clone(), version: 2, at: minute(2), ..Default::default() };
    world.publish(CENTER, inquiry, 2, &[cancelled]).await;
    let booked = |version, count| AppointmentBooked {
        appointment: first.clone(),
        version,
        at: minute(count),
        ..Default::default()
    };
    world.publish(CENTER, inquiry, 3, &[booked(3, 3), booked(1, 1), booked(1, 1)]).await;
    eventually("all told", || async { world.count("SELECT count(*) FROM inbox").await == 6 }).await;

    let scheduled = page(&mut desk, inquiry).await;
    assert_eq!((scheduled.stage(), scheduled.next_action.as_str()), (Stage::Scheduled, "await_visit"));
    assert_eq!(scheduled.due_at, micros(at("2027-03-10T17:00:00Z")), "the newest word is the visit's time");
    let told = scheduled.timeline.iter().filter(|line| line.kind == "appointment").count();
    assert_eq!(told, 4, "the repeated one is told once");

    world.clock.set(at("2027-03-10T17:05:00Z"));
    eventually("the visit's time is over", || async {
        page(&mut desk.clone(), inquiry).await.next_action == "confirm_attendance"
    })
    .await;
    let attended = AppointmentAttended {
        appointment: Some(world.appointment(inquiry, at("2027-03-10T17:00:00Z"))),
        version: 5,
        at: micros(at("2027-03-10T18:00:00Z")),
        ..Default::default()
    };
    world.publish(CENTER, inquiry, 5, &[attended]).await;
    eventually("attended", || async { page(&mut desk.clone(), inquiry).await.stage() == Stage::Attended }).await;
    assert_eq!(world.told::<StageChanged>(inquiry).await.last().map(StageChanged::to), Some(Stage::Attended));
    assert_eq!(world.count("SELECT count(*) FROM inquiries WHERE open").await, 0);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_visit_that_was_not_kept_comes_back_to_the_worklist_with_its_own_script() {
    let world = World::start().await;
    let mut desk = world.coordinator("dana-whitfield");
    let inquiry = world.begin(1).await[0];
    let (starts_at, now) = (at("2027-03-09T17:00:00Z"), world.clock.now());
    let appointment = Some(world.appointment(inquiry, starts_at));
    let booked =
        AppointmentBooked { appointment: appointment.clone(), version: 1, at: micros(now), ..Default::default() };
    world.publish(CENTER, inquiry, 1, &[booked]).await;
    let missed = AppointmentMissed { appointment, version: 2, at: micros(starts_at), ..Default::default() };
    world.publish(CENTER, inquiry, 2, &[missed]).await;
    eventually("missed", || async { page(&mut desk.clone(), inquiry).await.next_action == "follow_up_no_show" }).await;
    let missed = page(&mut desk, inquiry).await;
    assert_eq!((missed.stage(), missed.script_id.as_str()), (Stage::Routed, "missed-visit"));
    assert!(missed.due_at > 0);
    world.end().await;
}
