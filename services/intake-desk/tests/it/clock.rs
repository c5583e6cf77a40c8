//! A due time that moves after the inquiry came to the desk: the worklist, the page of staff and the patient's page follow.

use causeway_auth::Actor;
use causeway_proto::convert::micros;
use causeway_proto::intake::v1::{ListWorkRequest, Stage, StageChanged};
use causeway_proto::routing::v1::{ClockPause, ResponseDueChanged, ResponseMissed, RouteDecided};
use jiff::{SignedDuration, Timestamp};

use crate::world::{CENTER, World, at, command, eventually, get, page};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_due_time_that_moves_is_seen_on_every_page_even_where_it_is_told_before_the_inquiry() {
    let world = World::start().await;
    let mut desk = world.coordinator("dana-whitfield");
    let (inquiry, now) = (world.clock.new_id(), world.clock.now());
    let route = world.routed(CENTER, inquiry);
    let moved = |due: Timestamp, cause: &str, paused_until: i64| ResponseDueChanged {
        facts: route.facts.clone(),
        team: route.team.clone(),
        site: route.site.clone(),
        cause: cause.into(),
        previous_due_at: route.response_due_at,
        response_due_at: micros(due),
        clock_starts_at: route.clock_starts_at,
        pause_reason: if paused_until == 0 { String::new() } else { "asked_to_wait".into() },
        paused_until,
        at: micros(now),
        ..Default::default()
    };
    let tomorrow = now + SignedDuration::from_hours(23);
    let until = micros(now + SignedDuration::from_hours(22));
    // An older routing tells the pause that stands alone; one of now tells every stretch.
    world.publish(CENTER, inquiry, 2, &[moved(tomorrow, "paused", until)]).await;
    world.publish(CENTER, inquiry, 1, std::slice::from_ref(&route)).await;
    eventually("both told", || async { world.count("SELECT count(*) FROM inbox").await == 2 }).await;
    let seen = page(&mut desk, inquiry).await;
    assert_eq!((seen.due_at, seen.response_due_at), (micros(tomorrow), micros(tomorrow)));
    assert_eq!(
        (seen.pause_reason.as_str(), seen.paused_since, seen.paused_until),
        ("asked_to_wait", micros(now), until)
    );
    let line = seen.timeline.iter().find(|line| line.kind == "clock").expect("a line");
    assert!(
        line.text.contains("the person asked us to wait") && line.text.contains("Friday, March 5, at 9 am"),
        "{}",
        line.text
    );

    // A miss is taken back by a closure that is entered afterwards; the word of before comes again, and changes nothing.
    world.publish(CENTER, inquiry, 3, &[moved(now - SignedDuration::from_hours(1), "resumed", 0)]).await;
    eventually("late", || async { page(&mut desk.clone(), inquiry).await.clock_state == "late" }).await;
    let missed =
        ResponseMissed { inquiry_id: inquiry.to_string(), center: CENTER.into(), level: 1, ..Default::default() };
    world.publish(CENTER, inquiry, 4, &[missed]).await;
    let back = ResponseDueChanged { miss_taken_back: true, ..moved(tomorrow, "closure_entered", 0) };
    world.publish(CENTER, inquiry, 5, &[back]).await;
    world.publish(CENTER, inquiry, 3, &[moved(now - SignedDuration::from_hours(1), "resumed", 0)]).await;
    eventually("all told", || async { world.count("SELECT count(*) FROM inbox").await == 6 }).await;
    let seen = page(&mut desk, inquiry).await;
    assert_eq!((seen.clock_state.as_str(), seen.due_at), ("pending", micros(tomorrow)));
    let asked = ListWorkRequest { center: CENTER.into(), ..Default::default() };
    let rows = desk.list_work(asked).await.expect("a worklist").into_inner().rows;
    assert_eq!((rows[0].due_at, rows[0].clock_state.as_str()), (micros(tomorrow), "pending"));
    assert_eq!((rows[0].pause_reason.as_str(), rows[0].paused_since, rows[0].paused_until), ("", 0, 0), "it runs on");
    let mut patient = world.as_actor(&Actor::patient(inquiry.to_string(), CENTER));
    let status = patient.get_patient_status(get(inquiry)).await.expect("the patient's page").into_inner();
    assert_eq!(status.contact_by, micros(tomorrow), "the page of the patient promises the time that holds now");

    // What is told of the stage from now on says which word of routing the time is from.
    desk.close_inquiry(causeway_proto::intake::v1::CloseInquiryRequest {
        center: CENTER.into(),
        inquiry_id: inquiry.to_string(),
        reason: "not_ready".into(),
    })
    .await
    .expect("closed");
    let told = world.told::<StageChanged>(inquiry).await;
    let last = told.last().expect("a change");
    assert_eq!((last.to(), last.clock_version, last.response_due_at), (Stage::Closed, 5, micros(tomorrow)));

    // A decision that is newer than a word on its way: that changes nothing.
    let (late, due) = (world.clock.new_id(), world.routed(CENTER, inquiry).response_due_at);
    let route = world.routed(CENTER, late);
    world.publish(CENTER, late, 3, std::slice::from_ref(&route)).await;
    eventually("at the desk", || async { world.count("SELECT count(*) FROM inquiries").await == 2 }).await;
    let older = ResponseDueChanged { facts: route.facts.clone(), ..moved(tomorrow, "resumed", 0) };
    world.publish(CENTER, late, 2, &[older]).await;
    eventually("all told", || async { world.count("SELECT count(*) FROM inbox").await == 8 }).await;
    assert_eq!(page(&mut desk, late).await.due_at, due);
    world.end().await;
}

/// A pause as routing tells it, with every stretch.
fn still(route: &RouteDecided, stretches: &[(Timestamp, Timestamp)], now: Timestamp) -> ResponseDueChanged {
    let stretch = |(from, to): &(Timestamp, Timestamp)| ClockPause {
        from: micros(*from),
        to: micros(*to),
        reason: "interpreter".into(),
    };
    let stands = stretches.iter().rfind(|(from, to)| *from <= now && now < *to);
    ResponseDueChanged {
        facts: route.facts.clone(),
        team: route.team.clone(),
        site: route.site.clone(),
        cause: if stands.is_some() { "paused".into() } else { "resumed".into() },
        previous_due_at: route.response_due_at,
        response_due_at: route.response_due_at,
        clock_starts_at: route.clock_starts_at,
        pause_reason: stands.map_or_else(String::new, |_| "interpreter".into()),
        paused_until: stands.map_or(0, |(_, to)| micros(*to)),
        pauses: stretches.iter().map(stretch).collect(),
        at: micros(now),
        ..Default::default()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_claim_during_a_pause_is_kept_until_the_clock_has_run_for_its_time_and_the_list_says_why_it_stands_still() {
    let world = World::start().await;
    let (mut dana, mut luis) = (world.coordinator("dana-whitfield"), world.coordinator("luis-ortega"));
    let ids = world.begin(2).await;
    let [long, short] = [ids[0], ids[1]];
    let route = world.routed(CENTER, long);
    let facts_of = |inquiry| RouteDecided { facts: world.routed(CENTER, inquiry).facts, ..route.clone() };
    // 10:00. One is not to be called before 14:00, the other one before tomorrow.
    let (begins, ends, tomorrow) = (world.clock.now(), at("2027-03-04T22:00:00Z"), at("2027-03-05T18:00:00Z"));
    world.publish(CENTER, long, 2, &[still(&facts_of(long), &[(begins, ends)], begins)]).await;
    world.publish(CENTER, short, 2, &[still(&facts_of(short), &[(begins, tomorrow)], begins)]).await;
    eventually("both stand still", || async {
        let rows = dana.clone().list_work(ListWorkRequest { center: CENTER.into(), ..Default::default() }).await;
        rows.expect("a worklist").into_inner().rows.iter().all(|row| row.pause_reason == "interpreter")
    })
    .await;
    for inquiry in [long, short] {
        dana.claim_inquiry(command(inquiry)).await.expect("claimed");
    }
    let rows = dana.list_work(ListWorkRequest { center: CENTER.into(), ..Default::default() }).await;
    let rows = rows.expect("a worklist").into_inner().rows;
    let of_long = rows.iter().find(|row| row.inquiry_id == long.to_string()).expect("a row");
    assert_eq!((of_long.paused_since, of_long.paused_until), (micros(begins), micros(ends)));

    // 12:30: two open hours and a half after both claims. Then one clock is let run on.
    world.clock.set(at("2027-03-04T20:30:00Z"));
    let now = world.clock.now();
    world.publish(CENTER, short, 3, &[still(&facts_of(short), &[(begins, now)], now)]).await;
    eventually("it runs on", || async { page(&mut dana.clone(), short).await.pause_reason.is_empty() }).await;
    // 14:29: one hour and 59 minutes after it ran on.
    world.clock.set(at("2027-03-04T22:29:00Z"));
    tokio::time::sleep(std::time::Duration::from_millis(400)).await;
    for inquiry in [long, short] {
        assert_eq!(page(&mut luis, inquiry).await.owner, "dana-whitfield", "the time of a pause does not count");
    }
    assert_eq!(page(&mut luis, long).await.paused_since, 0, "it is over by itself");
    world.clock.set(at("2027-03-04T22:31:00Z"));
    eventually("given back", || async { page(&mut luis.clone(), short).await.owner.is_empty() }).await;
    assert_eq!(page(&mut luis, long).await.owner, "dana-whitfield");
    world.clock.set(at("2027-03-05T00:01:00Z"));
    eventually("two hours after the pause", || async { page(&mut luis.clone(), long).await.owner.is_empty() }).await;
    world.end().await;
}
