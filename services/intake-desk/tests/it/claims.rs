//! "The next one, please", and what somebody took and left lying.

use causeway_auth::Role;
use causeway_mailbox::Ts;
use causeway_proto::convert::micros;
use causeway_proto::error::Reason;
use causeway_proto::inquiry::v1::Channel;
use causeway_proto::intake::v1::{ClaimNextRequest, Inquiry, LogAttemptRequest, SaveNoteRequest};
use causeway_proto::routing::v1::RouteDecided;
use causeway_proto::scheduling::v1::AppointmentBooked;
use jiff::{SignedDuration, Timestamp};
use tonic::Code;
use uuid::Uuid;

use crate::world::{CENTER, TEAM, World, at, command, eventually, page};

fn next_one() -> ClaimNextRequest {
    next("", "")
}

fn next(team: &str, key: &str) -> ClaimNextRequest {
    ClaimNextRequest { center: CENTER.into(), team: team.into(), idempotency_key: key.into() }
}

/// An inquiry in a language, due so many minutes from now.
async fn comes(world: &World, language: &str, minutes: i64) -> Uuid {
    let inquiry = world.clock.new_id();
    let mut route = world.routed(CENTER, inquiry);
    route.facts.as_mut().expect("facts").language = language.into();
    route.response_due_at = micros(world.clock.now() + SignedDuration::from_mins(minutes));
    let before = world.count("SELECT count(*) FROM inquiries").await;
    world.publish(CENTER, inquiry, 1, &[route]).await;
    eventually("at the desk", || async { world.count("SELECT count(*) FROM inquiries").await == before + 1 }).await;
    inquiry
}

/// One that routing chose somebody for.
async fn turn_of(world: &World, owner: &str, minutes: i64) -> Uuid {
    let inquiry = world.clock.new_id();
    let due = micros(world.clock.now() + SignedDuration::from_mins(minutes));
    let route = RouteDecided { owner: owner.into(), response_due_at: due, ..world.routed(CENTER, inquiry) };
    let before = world.count("SELECT count(*) FROM inquiries").await;
    world.publish(CENTER, inquiry, 1, &[route]).await;
    eventually("at the desk", || async { world.count("SELECT count(*) FROM inquiries").await == before + 1 }).await;
    inquiry
}

fn id(inquiry: &Inquiry) -> Uuid {
    inquiry.facts.as_ref().expect("facts").inquiry_id.parse().expect("an id")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_next_one_is_due_first_of_ones_own_teams_and_languages_and_one_that_is_soon_due_goes_to_anybody() {
    let world = World::start().await;
    // Dana speaks English. Luis is of her team, on duty, and speaks Spanish as well.
    let (mut dana, mut luis) = (world.coordinator("dana-whitfield"), world.coordinator("luis-ortega"));
    let spanish = comes(&world, "es", 90).await;
    let (later, sooner) = (comes(&world, "en", 180).await, comes(&world, "en", 120).await);
    let first = dana.claim_next(next("", "k-1")).await.expect("the next one").into_inner();
    assert_eq!((id(&first), first.owner.as_str()), (sooner, "dana-whitfield"), "Spanish is left to Luis");
    let again = dana.claim_next(next("", "k-1")).await.expect("a repeat").into_inner();
    assert_eq!(id(&again), sooner, "the same key is answered with the same one");
    let reused = dana.claim_next(next(TEAM, "k-1")).await.expect_err("another team");
    assert_eq!(Reason::of(&reused), Some(Reason::KeyReused));
    assert_eq!(id(&dana.claim_next(next("", "k-2")).await.expect("the next one").into_inner()), later);
    let none = dana.claim_next(next("", "")).await.expect_err("nothing in her language");
    assert_eq!((none.code(), Reason::of(&none)), (Code::NotFound, Some(Reason::NotFound)));
    assert!(none.message().contains("nothing is free"), "{none}");
    assert_eq!(id(&luis.claim_next(next("", "")).await.expect("his language").into_inner()), spanish);
    luis.release_inquiry(command(spanish)).await.expect("given back");
    world.clock.set(world.clock.now() + SignedDuration::from_mins(31));
    assert_eq!(id(&dana.claim_next(next("", "")).await.expect("due within the hour: anybody").into_inner()), spanish);

    let other_team = dana.claim_next(next("breast", "")).await.expect_err("nothing there");
    assert_eq!(Reason::of(&other_team), Some(Reason::NotFound));
    let nowhere = dana.claim_next(next("atlantis", "")).await.expect_err("no such team");
    assert_eq!(Reason::of(&nowhere), Some(Reason::UnknownName));
    let looks_only = world.staff("a", Role::Auditor).claim_next(next("", "")).await.expect_err("looks only");
    assert_eq!(looks_only.code(), Code::PermissionDenied);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_next_one_is_also_what_routing_chose_one_for_and_a_late_one_that_a_colleague_has_not_begun() {
    let world = World::start().await;
    let (mut dana, mut luis) = (world.coordinator("dana-whitfield"), world.coordinator("luis-ortega"));
    let (his, hers) = (turn_of(&world, "luis-ortega", 30).await, turn_of(&world, "dana-whitfield", 60).await);
    let begun = turn_of(&world, "luis-ortega", 20).await;
    luis.claim_inquiry(command(begun)).await.expect("he begins");
    let got = dana.claim_next(next("", "")).await.expect("her own").into_inner();
    assert_eq!((id(&got), got.owner.as_str(), got.chosen), (hers, "dana-whitfield", false), "she has it from now on");
    let none = dana.claim_next(next("", "")).await.expect_err("his is not late");
    assert_eq!(none.code(), Code::NotFound);
    world.clock.set(world.clock.now() + SignedDuration::from_mins(31));
    assert_eq!(id(&dana.claim_next(next("", "")).await.expect("late").into_inner()), his);
    let none = dana.claim_next(next("", "")).await.expect_err("what he has begun stays his, however late");
    assert_eq!(none.code(), Code::NotFound);
    assert_eq!(page(&mut luis, begun).await.owner, "luis-ortega");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_clicks_on_the_next_one_at_the_same_moment_are_answered_with_the_same_one() {
    let world = World::start().await;
    world.begin(20).await;
    for number in 0..10 {
        let key = format!("click-{number}");
        let click = || async {
            world.coordinator("luis-ortega").claim_next(next("", &key)).await.expect("answered").into_inner()
        };
        let (one, other) = tokio::join!(click(), click());
        assert_eq!(id(&one), id(&other));
    }
    assert_eq!(world.count("SELECT count(*) FROM inquiries WHERE owner = 'luis-ortega'").await, 10);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_booked_visit_and_a_review_are_not_the_next_one_of_somebody_who_calls() {
    let world = World::start().await;
    let (mut dana, mut mei) = (world.coordinator("dana-whitfield"), world.staff("mei-tanaka", Role::Reviewer));
    let booked = comes(&world, "en", 30).await;
    let appointment = Some(world.appointment(booked, at("2027-03-09T17:00:00Z")));
    let event = AppointmentBooked { appointment, version: 1, at: micros(world.clock.now()), ..Default::default() };
    world.publish(CENTER, booked, 1, &[event]).await;
    eventually("booked", || async { page(&mut dana.clone(), booked).await.next_action == "await_visit" }).await;
    let review = comes(&world, "en", 60).await;
    sqlx::query("UPDATE inquiries SET next_action = 'review_records' WHERE inquiry_id = $1")
        .bind(review)
        .execute(&world.admin)
        .await
        .expect("set");
    assert_eq!(dana.claim_next(next("", "")).await.expect_err("nothing").code(), Code::NotFound);
    let hers = mei.claim_next(next("", "")).await.expect("a reviewer's").into_inner();
    assert_eq!(hers.facts.expect("facts").inquiry_id, review.to_string());
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_taken_and_left_lying_goes_back_after_open_hours_and_what_was_worked_stays() {
    let world = World::start().await;
    let (mut dana, mut luis) = (world.coordinator("dana-whitfield"), world.coordinator("luis-ortega"));
    let ids = world.begin(3).await;
    // It is 18:00 in Seattle, half an hour before closing; two open hours later it is 09:00 on Friday.
    world.clock.set(at("2027-03-05T02:00:00Z"));
    for (desk, inquiry) in [(&mut dana, ids[0]), (&mut luis, ids[1])] {
        desk.claim_inquiry(command(inquiry)).await.expect("claimed");
    }
    let tried = LogAttemptRequest {
        center: CENTER.into(),
        inquiry_id: ids[1].to_string(),
        channel: Channel::Phone.into(),
        outcome: "no_answer".into(),
        ..Default::default()
    };
    luis.log_attempt(tried).await.expect("logged");
    dana.claim_inquiry(command(ids[2])).await.expect("claimed");
    world.clock.set(at("2027-03-05T16:55:00Z"));
    // Claimed anew: the timer of the first claim must not end this one.
    dana.release_inquiry(command(ids[2])).await.expect("released");
    dana.claim_inquiry(command(ids[2])).await.expect("claimed again");
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    assert_eq!(page(&mut dana, ids[0]).await.owner, "dana-whitfield", "the night does not count");

    world.clock.set(at("2027-03-05T17:01:00Z"));
    eventually("given back", || async { page(&mut luis.clone(), ids[0]).await.owner.is_empty() }).await;
    let told = page(&mut luis, ids[0]).await;
    let line = told.timeline.iter().find(|line| line.kind == "released").expect("a line");
    assert_eq!(line.text, "Back in the queue: Dana Whitfield took it 120 open minutes ago and nothing was done.");
    eventually("the other timers have fired", || async {
        world.count("SELECT count(*) FROM timers WHERE kind = 'claim-idle' AND state = 'fired'").await == 3
    })
    .await;
    assert_eq!(page(&mut luis, ids[1]).await.owner, "luis-ortega", "what was worked stays");
    assert_eq!(page(&mut luis, ids[2]).await.owner, "dana-whitfield", "what was just taken stays");
    assert_eq!(luis.claim_next(next("", "")).await.expect("it is free").into_inner().owner, "luis-ortega");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_begun_and_is_late_goes_back_where_nothing_is_done_about_it_any_more() {
    let world = World::start().await;
    let (mut dana, mut luis) = (world.coordinator("dana-whitfield"), world.coordinator("luis-ortega"));
    let ids = world.begin(2).await;
    world.clock.set(at("2027-03-04T18:00:00Z"));
    let tried = |inquiry: Uuid| LogAttemptRequest {
        center: CENTER.into(),
        inquiry_id: inquiry.to_string(),
        channel: Channel::Phone.into(),
        outcome: "no_answer".into(),
        ..Default::default()
    };
    for inquiry in &ids {
        dana.claim_inquiry(command(*inquiry)).await.expect("claimed");
        dana.log_attempt(tried(*inquiry)).await.expect("logged");
    }
    let due = Timestamp::from_microsecond(page(&mut dana, ids[0]).await.due_at).expect("a time");
    let left = "SELECT min(due_at) FROM timers WHERE kind = 'left-late' AND aggregate_id = $1 AND state = 'pending'";
    let next = async |inquiry: Uuid| {
        let next: Option<Ts> = sqlx::query_scalar(left).bind(inquiry).fetch_one(&world.admin).await.expect("read");
        next.map(|next| next.0)
    };
    let first = next(ids[0]).await.expect("it is watched");
    assert!(first > due, "120 open minutes after it is due");
    // One is worked meanwhile by a colleague: that counts as done, and hers it stays.
    world.clock.set(due + SignedDuration::from_mins(1));
    let note = SaveNoteRequest { center: CENTER.into(), inquiry_id: ids[1].to_string(), ..Default::default() };
    luis.save_note(note).await.expect("saved");
    world.clock.set(first);
    eventually("it goes back", || async { page(&mut luis.clone(), ids[0]).await.owner.is_empty() }).await;
    let told = page(&mut luis, ids[0]).await;
    let line = told.timeline.iter().find(|line| line.kind == "released").expect("a line");
    let words = "Back in the queue: it has been late for 120 open minutes, and Dana Whitfield did nothing about it.";
    assert_eq!(line.text, words);
    eventually("the other one is looked at later", || async { next(ids[1]).await.is_some_and(|next| next > first) })
        .await;
    assert_eq!(page(&mut luis, ids[1]).await.owner, "dana-whitfield");
    let taken = luis.claim_next(next_one()).await.expect("it is free").into_inner();
    assert_eq!(id(&taken), ids[0]);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_timer_that_was_set_for_a_shorter_time_comes_again_at_the_end_of_the_longer_one() {
    let world = World::start().await;
    let mut dana = world.coordinator("dana-whitfield");
    let inquiry = world.begin(1).await[0];
    dana.claim_inquiry(command(inquiry)).await.expect("claimed");
    // As a profile of before with fewer minutes had set it.
    let early =
        "UPDATE timers SET due_at = due_at - interval '2 hours' WHERE kind = 'claim-idle' AND state = 'pending'";
    sqlx::query(early).execute(&world.admin).await.expect("set");
    world.clock.set(world.clock.now() + SignedDuration::from_mins(1));
    let later = "SELECT count(*) FROM timers WHERE kind = 'claim-idle' AND state = 'pending' AND due_at > '2027-03-04T19:59:00Z'";
    eventually("set for the end", || async { world.count(later).await == 1 }).await;
    assert_eq!(page(&mut dana, inquiry).await.owner, "dana-whitfield");
    world.clock.set(world.clock.now() + SignedDuration::from_mins(120));
    eventually("given back", || async { page(&mut dana.clone(), inquiry).await.owner.is_empty() }).await;
    world.end().await;
}
