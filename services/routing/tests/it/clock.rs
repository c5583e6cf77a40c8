//! Due times that move after they were promised: pauses, closures on short notice, and nights on which the clocks change.

use std::time::Duration;

use causeway_auth::{Actor, Role};
use causeway_funnel::inquiry::{CancerArea, ConsultType, Facts};
use causeway_mailbox::Ts;
use causeway_proto::convert::micros;
use causeway_proto::error::Reason;
use causeway_proto::routing::v1::routing_client::RoutingClient;
use causeway_proto::routing::v1::{
    ClockPause, Closure, EndClosureRequest, EnterClosureRequest, ListClosuresRequest, PauseClockRequest,
    PreviewResponseRequest, ResponseClock, ResponseDueChanged, ResponseMissed, ResumeClockRequest, RouteDecided,
};
use causeway_routing::{LISTED, TOUCHED};
use causeway_serve::Client;
use jiff::{SignedDuration, Timestamp};
use sqlx::{Connection as _, PgConnection};
use tonic::{Code, Status};
use uuid::Uuid;

use super::world::{CENTER, World, at, bundle, eventually, received};
use super::{attempted, explain, wait_for_clock};

/// Three open hours.
fn breast(now: Timestamp) -> Facts {
    Facts { cancer_area: CancerArea::Breast, received_at: now, ..Facts::default() }
}

fn manager(world: &World) -> RoutingClient<Client> {
    world.client_of(Actor::staff("priya-nair", "Priya", CENTER, vec![Role::Manager]))
}

async fn pause(world: &World, inquiry: Uuid, reason: &str, until: &str) -> Result<ResponseClock, Status> {
    let until = if until.is_empty() { 0 } else { micros(at(until)) };
    let asked =
        PauseClockRequest { center: CENTER.into(), inquiry_id: inquiry.to_string(), reason: reason.into(), until };
    world.client.clone().pause_clock(asked).await.map(tonic::Response::into_inner)
}

async fn resume(world: &World, inquiry: Uuid) -> ResponseClock {
    let asked = ResumeClockRequest { center: CENTER.into(), inquiry_id: inquiry.to_string() };
    world.client.clone().resume_clock(asked).await.expect("it runs on").into_inner()
}

fn closure(from: &str, to: &str) -> EnterClosureRequest {
    EnterClosureRequest {
        center: CENTER.into(),
        from: micros(at(from)),
        to: micros(at(to)),
        reason: "weather".into(),
        note: "ice on the roads".into(),
        ..EnterClosureRequest::default()
    }
}

async fn enter(world: &World, asked: EnterClosureRequest) -> Closure {
    manager(world).enter_closure(asked).await.expect("a closure").into_inner()
}

async fn end(world: &World, closure: &Closure, how: &str) -> Result<Closure, Status> {
    let asked = EndClosureRequest { center: CENTER.into(), closure_id: closure.closure_id.clone(), how: how.into() };
    manager(world).end_closure(asked).await.map(tonic::Response::into_inner)
}

async fn due_at(world: &World, inquiry: Uuid) -> Timestamp {
    Timestamp::from_microsecond(explain(world, inquiry).await.response_due_at).expect("an instant")
}

async fn wait_for_due(world: &World, inquiry: Uuid, due: &str) {
    eventually(&format!("due {due}"), || async { due_at(world, inquiry).await == at(due) }).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clock_that_is_paused_moves_its_due_time_and_the_old_one_never_fires() {
    let mut world = World::start().await;
    world.apply(&bundle()).await;
    let [paused, silent] = [(); 2].map(|()| world.clock.new_id());
    // 10:00 on Thursday; due at 13:00.
    for inquiry in [paused, silent] {
        world.publish(CENTER, inquiry, &[received(inquiry, breast(world.clock.now()))]).await;
    }
    world.published::<RouteDecided>(2).await;
    assert_eq!(due_at(&world, paused).await, at("2027-03-04T21:00:00Z"));

    // An hour later nobody is to be called before Friday, 9:00; two hours are left then.
    world.clock.set(at("2027-03-04T19:00:00Z"));
    let clock = pause(&world, paused, "asked_to_wait", "2027-03-05T17:00:00Z").await.expect("paused");
    assert_eq!((clock.clock_state.as_str(), clock.pause_reason.as_str()), ("pending", "asked_to_wait"));
    assert_eq!(
        (clock.response_due_at, clock.paused_until),
        (micros(at("2027-03-05T19:00:00Z")), micros(at("2027-03-05T17:00:00Z")))
    );
    assert_eq!(clock.due_words, "Friday, March 5, at 11 am");
    let again = pause(&world, paused, "asked_to_wait", "2027-03-05T17:00:00Z").await.expect("the same");
    assert_eq!(again, clock, "a second press changes nothing");
    let told = world.published::<ResponseDueChanged>(1).await.remove(0);
    assert_eq!((told.0.version, told.0.aggregate_id), (2, paused));
    assert_eq!((told.1.cause.as_str(), told.1.pause_reason.as_str()), ("paused", "asked_to_wait"));
    assert_eq!(
        (told.1.previous_due_at, told.1.response_due_at),
        (micros(at("2027-03-04T21:00:00Z")), clock.response_due_at)
    );
    assert_eq!((told.1.paused_until, told.1.team.as_str()), (clock.paused_until, "breast"));
    let since = micros(at("2027-03-04T19:00:00Z"));
    let stretch = |to: &str| vec![ClockPause { from: since, to: micros(at(to)), reason: "asked_to_wait".into() }];
    assert_eq!((clock.paused_since, &told.1.pauses), (since, &stretch("2027-03-05T17:00:00Z")));
    assert!(told.1.facts.is_some_and(|facts| facts.inquiry_id == paused.to_string()), "the facts ride along");
    let explained = explain(&world, paused).await;
    assert_eq!((explained.pause_reason.as_str(), explained.paused_until), ("asked_to_wait", clock.paused_until));
    assert_eq!(explained.paused_since, since);
    assert!(explained.sentence.contains("Friday, March 5, at 11 am"), "{}", explained.sentence);

    // The old due time passes: only the other one is missed.
    world.clock.set(at("2027-03-04T22:00:00Z"));
    let missed = world.published::<ResponseMissed>(1).await.remove(0);
    assert_eq!(missed.0.aggregate_id, silent);
    let late = pause(&world, silent, "away", "2027-03-05T17:00:00Z").await.expect_err("too late");
    assert_eq!(Reason::of(&late), Some(Reason::WrongState));

    // It runs on at 14:30 already: two hours are left, and nothing reminds of the pause.
    world.clock.set(at("2027-03-04T22:30:00Z"));
    let clock = resume(&world, paused).await;
    assert_eq!((clock.response_due_at, clock.paused_until), (micros(at("2027-03-05T00:30:00Z")), 0));
    assert_eq!(resume(&world, paused).await, clock);
    let resumed = world.published::<ResponseDueChanged>(2).await.remove(1).1;
    assert_eq!((resumed.cause.as_str(), resumed.paused_until, clock.paused_since), ("resumed", 0, 0));
    assert_eq!(resumed.pauses, stretch("2027-03-04T22:30:00Z"), "the newest word tells all that stood still");
    world.clock.set(at("2027-03-05T00:31:00Z"));
    let missed = world.published::<ResponseMissed>(2).await;
    let of_paused = missed.iter().find(|(envelope, _)| envelope.aggregate_id == paused).expect("missed in the end");
    assert_eq!(of_paused.1.response_due_at, clock.response_due_at);
    assert_eq!(world.count("SELECT count(*) FROM timers WHERE state = 'pending'").await, 0);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pause_over_a_closed_night_costs_nothing_and_what_can_not_be_paused_is_told_why() {
    let mut world = World::start().await;
    world.apply(&bundle()).await;
    let [open, tried] = [(); 2].map(|()| world.clock.new_id());
    // 17:00 on Thursday; the center closes at 18:30, so half of the three hours is left for Friday from 7:30 on.
    world.clock.set(at("2027-03-05T01:00:00Z"));
    for inquiry in [open, tried] {
        world.publish(CENTER, inquiry, &[received(inquiry, breast(world.clock.now()))]).await;
    }
    world.published::<RouteDecided>(2).await;
    let due = due_at(&world, open).await;
    assert_eq!(due, at("2027-03-05T17:00:00Z"));
    world.clock.set(at("2027-03-05T02:30:00Z"));
    let clock = pause(&world, open, "away", "2027-03-05T15:30:00Z").await.expect("paused over night");
    assert_eq!(clock.response_due_at, micros(due));
    // The same pause an hour longer: that hour is lost.
    let clock = pause(&world, open, "interpreter", "2027-03-05T16:30:00Z").await.expect("longer");
    assert_eq!(
        (clock.response_due_at, clock.pause_reason.as_str()),
        (micros(at("2027-03-05T18:00:00Z")), "interpreter")
    );
    assert_eq!(world.count("SELECT count(*) FROM pauses").await, 1, "one pause, changed");

    world.publish(CENTER, tried, &[attempted(tried, world.clock.now())]).await;
    wait_for_clock(&world, tried, "met").await;
    let refused = |answer: Result<ResponseClock, Status>| {
        let status = answer.expect_err("refused");
        (Reason::of(&status), status.message().to_owned())
    };
    let (reason, text) = refused(pause(&world, tried, "away", "2027-03-05T16:30:00Z").await);
    assert!(reason == Some(Reason::WrongState) && text.contains("tried to reach the person already"), "{text}");
    let (reason, text) = refused(pause(&world, open, "chemotherapy", "2027-03-05T16:30:00Z").await);
    assert!(reason == Some(Reason::FieldFault) && text.starts_with("reason: "), "{text}");
    for until in ["", "2027-03-05T02:30:00Z", "2027-07-05T02:30:00Z"] {
        let (reason, text) = refused(pause(&world, open, "away", until).await);
        assert!(reason == Some(Reason::FieldFault) && text.starts_with("until: "), "{until} {text}");
    }
    assert_eq!(refused(pause(&world, Uuid::nil(), "away", "2027-03-05T16:30:00Z").await).0, Some(Reason::NotFound));
    let mut auditor = world.client_of(Actor::staff("eva", "Eva", CENTER, vec![Role::Auditor]));
    let asked = ResumeClockRequest { center: CENTER.into(), inquiry_id: open.to_string() };
    assert_eq!(auditor.resume_clock(asked).await.expect_err("refused").code(), Code::PermissionDenied);
    let mut stranger = world.client_of(Actor::staff("bo", "Bo", "lakeside", vec![Role::Manager]));
    let asked = ResumeClockRequest { center: "lakeside".into(), inquiry_id: open.to_string() };
    let foreign = stranger.resume_clock(asked).await.expect_err("refused");
    assert_eq!(Reason::of(&foreign), Some(Reason::UnknownCenter), "that center has no profile here");
    assert_eq!(world.count("SELECT count(*) FROM pauses").await, 1);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_closure_entered_afterwards_takes_a_miss_back_and_one_that_is_taken_back_restores_it() {
    let mut world = World::start().await;
    world.apply(&bundle()).await;
    let [missed, late, valley, met] = [(); 4].map(|()| world.clock.new_id());
    for inquiry in [missed, late, met] {
        world.publish(CENTER, inquiry, &[received(inquiry, breast(world.clock.now()))]).await;
    }
    let elsewhere = Facts { site_preference: Some("valley".into()), ..breast(world.clock.now()) };
    world.publish(CENTER, valley, &[received(valley, elsewhere)]).await;
    world.published::<RouteDecided>(4).await;
    world.publish(CENTER, met, &[attempted(met, at("2027-03-04T18:30:00Z"))]).await;
    wait_for_clock(&world, met, "met").await;
    // 15:00: all were due at 13:00. One was tried at 14:00.
    world.clock.set(at("2027-03-04T23:00:00Z"));
    assert_eq!(world.published::<ResponseMissed>(3).await.len(), 3);
    world.publish(CENTER, late, &[attempted(late, at("2027-03-04T22:00:00Z"))]).await;
    wait_for_clock(&world, late, "met_late").await;

    // Nobody could work from 11:00 on, and it is hoped to be over at 17:00.
    let storm = enter(&world, closure("2027-03-04T19:00:00Z", "2027-03-05T01:00:00Z")).await;
    wait_for_clock(&world, missed, "pending").await;
    wait_for_clock(&world, late, "met").await;
    // An hour was used up by 11:00; half an hour and the rest of Friday morning are left: 17:00 to 18:30, then 7:30 to 8:00.
    wait_for_due(&world, missed, "2027-03-05T16:00:00Z").await;
    wait_for_due(&world, valley, "2027-03-05T18:00:00Z").await;
    let told = world.published::<ResponseDueChanged>(4).await;
    for (envelope, event) in &told {
        let was_late = envelope.aggregate_id != met;
        assert_eq!((event.cause.as_str(), event.miss_taken_back), ("closure_entered", was_late), "{event:?}");
    }
    assert_eq!(
        enter(&world, closure("2027-03-04T19:00:00Z", "2027-03-05T01:00:00Z")).await,
        storm,
        "entered twice is once"
    );

    // The power is back now: an inquiry of this moment is decided by the hours as they are, and so is a form's promise.
    let probe = || PreviewResponseRequest { center: CENTER.into(), language: "es".into(), ..Default::default() };
    eventually("the promise of the form waits for the end of the closure", || async {
        let preview = world.client.clone().preview_response(probe()).await.expect("a preview").into_inner();
        preview.clock_starts_at == micros(at("2027-03-05T01:00:00Z"))
    })
    .await;
    let fresh = world.clock.new_id();
    world.publish(CENTER, fresh, &[received(fresh, breast(world.clock.now()))]).await;
    let decided = world.published::<RouteDecided>(5).await;
    let decided = &decided.iter().find(|(envelope, _)| envelope.aggregate_id == fresh).expect("decided").1;
    assert_eq!((decided.after_hours, decided.clock_starts_at), (true, micros(at("2027-03-05T01:00:00Z"))));
    let over = end(&world, &storm, "now").await.expect("ended");
    assert_eq!(over.to, micros(at("2027-03-04T23:00:00Z")));
    wait_for_due(&world, fresh, "2027-03-05T02:00:00Z").await;
    wait_for_due(&world, missed, "2027-03-05T01:00:00Z").await;

    // Taken back: what was missed is missed again, and nobody is told a second time.
    end(&world, &over, "withdraw").await.expect("taken back");
    wait_for_due(&world, missed, "2027-03-04T21:00:00Z").await;
    wait_for_clock(&world, missed, "missed").await;
    wait_for_clock(&world, late, "met_late").await;
    wait_for_clock(&world, met, "met").await;
    assert_eq!(due_at(&world, fresh).await, at("2027-03-05T02:00:00Z"));
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(world.published::<ResponseMissed>(3).await.len(), 3, "each miss is told once");
    let gone = end(&world, &over, "withdraw").await.expect_err("no such closure");
    assert_eq!(Reason::of(&gone), Some(Reason::NotFound));
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_closure_of_a_site_or_team_touches_that_alone_however_many_inquiries_there_are() {
    let mut world = World::start().await;
    world.apply(&bundle()).await;
    let now = world.clock.now();
    let inquiries: Vec<Uuid> = (0..500).map(|_| world.clock.new_id()).collect();
    let of_valley = |place: usize| !place.is_multiple_of(5);
    let batch: Vec<_> = inquiries
        .iter()
        .enumerate()
        .map(|(place, inquiry)| {
            let site = if of_valley(place) { "valley" } else { "harbor" };
            let facts = Facts { site_preference: Some(site.into()), ..breast(now) };
            world.outgoing(CENTER, *inquiry, &received(*inquiry, facts))
        })
        .collect();
    world.send(&batch).await;
    world.published::<RouteDecided>(500).await;
    let asked =
        EnterClosureRequest { site: "valley".into(), ..closure("2027-03-04T19:00:00Z", "2027-03-04T20:00:00Z") };
    enter(&world, asked).await;
    let told = world.published::<ResponseDueChanged>(400).await;
    let mut moved: Vec<Uuid> = told.iter().map(|(envelope, _)| envelope.aggregate_id).collect();
    moved.sort_unstable();
    let mut expected: Vec<Uuid> =
        inquiries.iter().enumerate().filter(|(place, _)| of_valley(*place)).map(|(_, inquiry)| *inquiry).collect();
    expected.sort_unstable();
    assert_eq!(moved, expected, "each one once, and no other");
    assert!(told.iter().all(|(_, event)| event.response_due_at == micros(at("2027-03-04T22:00:00Z"))));
    eventually("the last part is computed", || async {
        world.count("SELECT count(*) FROM timers WHERE kind = 'closure-changed' AND state = 'pending'").await == 0
    })
    .await;
    assert_eq!(world.count("SELECT count(*) FROM timers WHERE kind = 'response-due' AND state = 'pending'").await, 500);

    // A team that does not work these inquiries touches none of them.
    let asked =
        EnterClosureRequest { team: "trials".into(), ..closure("2027-03-04T19:00:00Z", "2027-03-04T20:30:00Z") };
    enter(&world, asked).await;
    eventually("computed", || async {
        world.count("SELECT count(*) FROM timers WHERE kind = 'closure-changed' AND state = 'pending'").await == 0
    })
    .await;
    assert_eq!(world.count("SELECT count(*) FROM outbox WHERE kind LIKE '%ResponseDueChanged'").await, 400);
    let listed = world.client.clone().list_closures(ListClosuresRequest { center: CENTER.into() }).await;
    let listed: Vec<(String, String)> =
        listed.expect("a list").into_inner().closures.into_iter().map(|one| (one.site, one.team)).collect();
    assert_eq!(listed, [(String::new(), "trials".to_owned()), ("valley".to_owned(), String::new())]);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_inquiry_that_is_decided_while_a_closure_is_entered_is_due_by_the_hours_with_it() {
    let mut world = World::start().await;
    world.apply(&bundle()).await;
    let now = world.clock.now();
    let inquiries: Vec<Uuid> = (0..600).map(|_| world.clock.new_id()).collect();
    for (number, some) in inquiries.chunks(20).enumerate() {
        let batch: Vec<_> =
            some.iter().map(|inquiry| world.outgoing(CENTER, *inquiry, &received(*inquiry, breast(now)))).collect();
        world.send(&batch).await;
        if number == 10 {
            enter(&world, closure("2027-03-04T18:30:00Z", "2027-03-04T19:30:00Z")).await;
        }
    }
    world.published::<RouteDecided>(600).await;
    eventually("every one is due an hour later", || async {
        world.count("SELECT count(*) FROM decisions WHERE response_due_at <> '2027-03-04T22:00:00Z'").await == 0
    })
    .await;
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_closure_can_not_be_is_refused_by_field_and_remedy_and_only_managers_enter_one() {
    let world = World::start().await;
    world.apply(&bundle()).await;
    let good = || closure("2027-03-04T19:00:00Z", "2027-03-04T20:00:00Z");
    let wrong = [
        ("site: ", Reason::UnknownName, EnterClosureRequest { site: "moon".into(), ..good() }),
        ("team: ", Reason::UnknownName, EnterClosureRequest { team: "moon".into(), ..good() }),
        ("reason: ", Reason::FieldFault, EnterClosureRequest { reason: "boredom".into(), ..good() }),
        ("note: ", Reason::FieldFault, EnterClosureRequest { note: "x".repeat(161), ..good() }),
        ("from and to: ", Reason::FieldFault, EnterClosureRequest { to: 0, ..good() }),
        ("to: ", Reason::FieldFault, closure("2027-03-04T19:00:00Z", "2027-03-04T19:00:00Z")),
        ("to: ", Reason::FieldFault, closure("2027-03-04T19:00:00Z", "2028-04-04T19:00:00Z")),
        ("from: ", Reason::FieldFault, closure("2027-01-04T19:00:00Z", "2027-03-04T19:00:00Z")),
    ];
    for (field, reason, asked) in wrong {
        let status = manager(&world).enter_closure(asked).await.expect_err("refused");
        assert!(status.message().starts_with(field), "{}", status.message());
        assert_eq!(Reason::of(&status), Some(reason), "{}", status.message());
    }
    let refused = world.client.clone().enter_closure(good()).await.expect_err("a coordinator");
    assert_eq!(refused.code(), Code::PermissionDenied);
    let ahead = enter(&world, good()).await;
    assert_eq!(Reason::of(&end(&world, &ahead, "now").await.expect_err("not begun")), Some(Reason::WrongState));
    assert_eq!(Reason::of(&end(&world, &ahead, "later").await.expect_err("no word")), Some(Reason::FieldFault));
    end(&world, &ahead, "withdraw").await.expect("taken back");
    assert_ne!(enter(&world, good()).await.closure_id, ahead.closure_id, "what was taken back can be entered anew");
    let machine = world.count("SELECT count(*) FROM closures WHERE entered_by = 'priya-nair' AND note <> ''").await;
    assert_eq!(machine, 2);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn inquiries_of_the_evening_and_of_the_nights_on_which_clocks_change_are_due_in_the_morning_by_the_wall() {
    let mut world = World::start().await;
    world.apply(&bundle()).await;
    // 19:40 on the Friday before, 02:30 by the old time on the night of spring, 02:30 on the night of autumn; all are of a
    // second opinion, four open hours. The center is closed on Sundays and opens at 7:30 on Mondays.
    let nights = [
        ("2027-03-13T03:40:00Z", "2027-03-13T16:00:00Z", "2027-03-13T20:00:00Z", "Saturday, March 13, at 12 noon"),
        ("2027-03-14T10:30:00Z", "2027-03-15T14:30:00Z", "2027-03-15T18:30:00Z", "Monday, March 15, at 11:30 am"),
        ("2027-11-07T10:30:00Z", "2027-11-08T15:30:00Z", "2027-11-08T19:30:00Z", "Monday, November 8, at 11:30 am"),
    ];
    for (count, (received_at, opens, due, words)) in nights.into_iter().enumerate() {
        let inquiry = world.clock.new_id();
        world.clock.set(at(received_at));
        let facts = Facts {
            cancer_area: CancerArea::Breast,
            consult_type: ConsultType::SecondOpinion,
            received_at: world.clock.now(),
            ..Facts::default()
        };
        world.publish(CENTER, inquiry, &[received(inquiry, facts)]).await;
        let decided = world.published::<RouteDecided>(count + 1).await;
        let decided = &decided.iter().find(|(envelope, _)| envelope.aggregate_id == inquiry).expect("decided").1;
        assert_eq!((decided.target_minutes, decided.after_hours), (240, true));
        assert_eq!((decided.clock_starts_at, decided.response_due_at), (micros(at(opens)), micros(at(due))), "{words}");
        let explained = explain(&world, inquiry).await;
        assert!(explained.sentence.contains(words), "{}", explained.sentence);
        let probe = PreviewResponseRequest {
            center: CENTER.into(),
            consult_type: "second_opinion".into(),
            language: "es".into(),
        };
        let preview = world.client.clone().preview_response(probe).await.expect("a preview").into_inner();
        assert_eq!(preview.clock_starts_at, micros(at(opens)));
        // Six open hours: on Saturday the center closes after four.
        assert!(preview.due_words.starts_with("lunes"), "{}", preview.due_words);
    }
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn closures_and_the_decisions_that_they_touch_are_found_by_their_indexes_among_many() {
    let mut world = World::start().await;
    world.apply(&bundle()).await;
    let inquiry = world.clock.new_id();
    world.publish(CENTER, inquiry, &[received(inquiry, breast(world.clock.now()))]).await;
    world.published::<RouteDecided>(1).await;
    enter(&world, closure("2027-03-04T19:00:00Z", "2027-03-04T20:00:00Z")).await;
    for many in [
        "INSERT INTO decisions (center_id, inquiry_id, revision, row_name, program, team, site, priority, script, target_minutes, \
             response_due_at, clock_starts_at, after_hours, facts, decided_at) \
         SELECT center_id, gen_random_uuid(), revision, row_name, program, team, site, priority, script, target_minutes, \
             response_due_at - n * interval '1 minute', clock_starts_at, after_hours, facts, decided_at - n * interval '1 minute' \
         FROM decisions, generate_series(1, 100000) AS n",
        "INSERT INTO closures (center_id, closure_id, site, team, from_at, to_at, reason, note, entered_at, entered_by) \
         SELECT center_id, gen_random_uuid(), site, team, from_at - n * interval '1 hour', to_at - n * interval '1 hour', reason, \
             note, entered_at, entered_by FROM closures, generate_series(1, 20000) AS n",
        "ANALYZE decisions",
        "ANALYZE closures",
    ] {
        sqlx::query(many).execute(&world.admin).await.expect("many rows");
    }
    let mut app = PgConnection::connect(&world.app_url).await.expect("the service's connection");
    sqlx::query("SELECT set_config('app.center', $1, false)").bind(CENTER).execute(&mut app).await.expect("set");
    let now = Ts(world.clock.now());
    let touched = sqlx::query_scalar(sqlx::AssertSqlSafe(format!("EXPLAIN {TOUCHED}")));
    let week = Ts(world.clock.now() + SignedDuration::from_hours(24 * 7));
    let plan: Vec<String> = touched
        .bind(CENTER)
        .bind(now)
        .bind(Uuid::max())
        .bind(week)
        .bind(200_i64)
        .fetch_all(&mut app)
        .await
        .expect("a plan");
    let plan = plan.join("\n");
    assert!(plan.contains("decisions_due") && !plan.contains("Seq Scan"), "{plan}");
    let listed = sqlx::query_scalar(sqlx::AssertSqlSafe(format!("EXPLAIN {LISTED}")));
    let plan: Vec<String> = listed.bind(CENTER).bind(now).bind(200_i64).fetch_all(&mut app).await.expect("a plan");
    let plan = plan.join("\n");
    assert!(plan.contains("closures_standing") && !plan.contains("Seq Scan"), "{plan}");
    // What the function of every decision asks, by its own name.
    let standing = "EXPLAIN SELECT * FROM closures AS c WHERE c.center_id = $1 AND c.to_at > $2 AND NOT c.withdrawn";
    let plan: Vec<String> =
        sqlx::query_scalar(standing).bind(CENTER).bind(now).fetch_all(&mut app).await.expect("a plan");
    let plan = plan.join("\n");
    assert!(plan.contains("closures_standing") && !plan.contains("Seq Scan"), "{plan}");
    app.close().await.expect("closed");
    world.end().await;
}
