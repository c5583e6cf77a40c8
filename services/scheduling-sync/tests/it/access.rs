//! Who may do what to whose appointment, down to the rows of the database.

use causeway_auth::{Actor, Role};
use causeway_proto::error::Reason;
use sqlx::{Executor as _, PgConnection};
use tonic::Code;
use uuid::Uuid;

use crate::world::{Asking, CENTER, OTHER, World, ready};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_patient_sees_and_changes_their_own_appointment_and_nobody_elses() {
    let world = World::start().await;
    let (ann, bob) = (world.inquiry().await, world.inquiry().await);
    let (by_ann, by_bob) = (world.patient(ann), world.patient(bob));
    let slots = by_ann.offers_at(ann, "valley", 2).await.slots;
    let own = by_ann.book(ann, &slots[0].slot_id, "ann").await.expect("booked");
    let id = own.appointment_id.as_str();
    assert_eq!(by_bob.book(ann, &slots[1].slot_id, "bob").await.expect_err("refused").code(), Code::PermissionDenied);
    assert_eq!(by_bob.list(ann).await.expect_err("refused").code(), Code::PermissionDenied);
    // Another's appointment is as if it were not there.
    for refusal in [by_bob.cancel(id, "no_ride").await, by_bob.reschedule(id, &slots[1].slot_id).await] {
        assert_eq!(Reason::of(&refusal.expect_err("refused")), Some(Reason::NotFound));
    }
    assert_eq!(by_ann.list(ann).await.expect("listed"), [(own.clone(), "booked".to_owned())]);
    by_ann.cancel(id, "no_ride").await.expect("cancelled");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_centers_staff_and_roles_without_the_right_are_refused_and_ids_do_not_cross_centers() {
    let world = World::start().await;
    let ann = world.inquiry().await;
    let desk = world.scheduler();
    let slot = desk.first_slot(ann, "valley").await;
    let booked = desk.book(ann, &slot, "ann").await.expect("booked");
    let stranger = world.client(&Actor::staff("u2", "Kim", OTHER, vec![Role::Manager]));
    let analyst = world.client(&Actor::staff("u3", "Lee", CENTER, vec![Role::Analyst]));
    for asking in [&stranger, &analyst] {
        assert_eq!(
            asking.cancel(&booked.appointment_id, "other").await.expect_err("refused").code(),
            Code::PermissionDenied
        );
        assert_eq!(asking.list(ann).await.expect_err("refused").code(), Code::PermissionDenied);
    }
    let there = Asking { center: OTHER.to_owned(), ..stranger };
    assert_eq!(there.cancel(&booked.appointment_id, "other").await.expect_err("refused").code(), Code::NotFound);
    assert_eq!(there.list(ann).await.expect("listed"), []);
    assert_eq!(there.offers(ann).await.refused_by, "intake_first");
    // The same slot of another center is another slot.
    let eve = Uuid::from_u128(9);
    world.tell(OTHER, eve, &ready()).await;
    there.book(eve, &slot, "ann").await.expect("booked there, with a key that is free there");
    assert_eq!(world.seats().await, 2);
    world.stop().await;
}

/// A transaction without a center, in the service's own role; it ends with its connection.
async fn begun(world: &World) -> PgConnection {
    let mut bare = world.app.acquire().await.expect("a connection").detach();
    bare.execute("BEGIN").await.expect("begun");
    bare
}

async fn count(connection: &mut PgConnection, table: &'static str) -> i64 {
    let statement = match table {
        "bookables" => "SELECT count(*) FROM bookables",
        "appointments" => "SELECT count(*) FROM appointments",
        _ => "SELECT count(*) FROM slots_taken",
    };
    sqlx::query_scalar(statement).fetch_one(connection).await.expect("counted")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_database_shows_a_center_its_own_rows_alone_and_takes_no_others() {
    let world = World::start().await;
    let ann = world.inquiry().await;
    let desk = world.scheduler();
    let slot = desk.first_slot(ann, "valley").await;
    desk.book(ann, &slot, "ann").await.expect("booked");
    for (setting, seen) in [
        ("SELECT set_config('app.center', 'harbor-valley', true)", 1),
        ("SELECT set_config('app.center', 'lakeside', true)", 0),
        ("SELECT 1", 0),
    ] {
        let mut bare = begun(&world).await;
        bare.execute(setting).await.expect("set");
        for table in ["bookables", "appointments", "slots_taken"] {
            assert_eq!(count(&mut bare, table).await, seen, "{table} after {setting}");
        }
    }
    let mut bare = begun(&world).await;
    bare.execute("SELECT set_config('app.center', 'lakeside', true)").await.expect("set");
    let stolen = bare.execute("INSERT INTO slots_taken (center_id, slot_id, seat, appointment_id) VALUES ('harbor-valley', 's', 0, gen_random_uuid())").await;
    assert!(stolen.expect_err("refused").to_string().contains("row-level security"));
    world.stop().await;
}
