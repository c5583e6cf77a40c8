//! Dated next steps: told once with what is to be expected, reminded of, and never of what was moved or called off.

use causeway_proto::convert::micros;
use causeway_proto::inquiry::v1::{ConsultType, Facts};
use causeway_proto::intake::v1::{NextStepAgreed, NextStepOver};
use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use super::{closed, facts, mail_of, requested};
use crate::world::{World, at, eventually};

/// A week ahead, at 10:00 and at 11:30 in Seattle.
const FIRST: &str = "2027-03-11T18:00:00Z";
const SECOND: &str = "2027-03-12T19:30:00Z";

fn of_trial(inquiry: Uuid, now: Timestamp, language: &str) -> Option<Facts> {
    let consult_type = ConsultType::ClinicalTrial.into();
    Some(Facts { language: language.into(), consult_type, ..facts(inquiry, now) })
}

fn agreed(inquiry: Uuid, when: &str, version: i64, now: Timestamp) -> NextStepAgreed {
    NextStepAgreed {
        facts: of_trial(inquiry, now, "en"),
        kind: "screening_call".into(),
        starts_at: micros(at(when)),
        moved: version > 3,
        version,
        at: micros(now),
    }
}

fn over(inquiry: Uuid, how: &str, version: i64, now: Timestamp) -> NextStepOver {
    NextStepOver {
        facts: of_trial(inquiry, now, "en"),
        kind: "screening_call".into(),
        starts_at: micros(at(FIRST)),
        how: how.into(),
        version,
        at: micros(now),
    }
}

fn subjects(world: &World, inquiry: Uuid) -> Vec<String> {
    world.mail.taken().into_iter().filter(|mail| mail.to == mail_of(inquiry)).map(|mail| mail.subject).collect()
}

async fn pending(world: &World) -> i64 {
    world.count("SELECT count(*) FROM timers WHERE state = 'pending'").await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_agreed_call_is_told_once_with_what_to_expect_and_reminded_of_a_day_before() {
    let world = World::start().await;
    let (inquiry, now) = (world.clock.new_id(), world.clock.now());
    let event = agreed(inquiry, FIRST, 3, now);
    world.publish(inquiry, &[event.clone(), event]).await;
    world.wait_for(inquiry, &["next_step_agreed sent"]).await;
    let mail = world.mail.taken_by(&mail_of(inquiry)).remove(0);
    assert_eq!(mail.subject, "Harbor Valley: the next step is set, HV-7K4M-2QX");
    for part in [&mail.text, &mail.html] {
        let text = part.split_whitespace().collect::<Vec<_>>().join(" ");
        for said in [
            "a call with our research nurse: Thursday, March 11, at 10 am.",
            "We call you at that time from 206 555 0141.",
            "A nurse calls you (about 3 days)",
        ] {
            assert!(text.contains(said), "{said}: {text}");
        }
    }
    world.clock.set(at(FIRST) - SignedDuration::from_hours(24));
    world.wait_for(inquiry, &["next_step_agreed sent", "next_step_reminder sent"]).await;
    assert_eq!(subjects(&world, inquiry)[1], "Harbor Valley: your next step on Thursday, March 11, at 10 am");

    let (spanish, now) = (world.clock.new_id(), world.clock.now());
    let review = NextStepAgreed {
        facts: of_trial(spanish, now, "es"),
        kind: "records_review".into(),
        ..agreed(spanish, SECOND, 3, now)
    };
    world.publish(spanish, &[review]).await;
    world.wait_for(spanish, &["next_step_agreed sent"]).await;
    let text = world.mail.taken_by(&mail_of(spanish)).remove(0).text;
    assert!(text.contains("la revisión de su expediente") && text.contains("no tiene que hacer nada"), "{text}");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_moved_reminds_of_the_new_time_alone_and_what_was_not_out_yet_says_nothing_stale() {
    let mut world = World::start().await;
    let (inquiry, now) = (world.clock.new_id(), world.clock.now());
    world.mail.down().await;
    world.publish(inquiry, &[agreed(inquiry, FIRST, 3, now)]).await;
    world.wait_for(inquiry, &["next_step_agreed intended connect"]).await;
    let later = now + SignedDuration::from_secs(20);
    // The older word once more, after the newer one.
    world.publish(inquiry, &[agreed(inquiry, SECOND, 4, later)]).await;
    world.publish(inquiry, &[agreed(inquiry, FIRST, 3, now)]).await;
    world.mail.up().await;
    world.clock.advance(SignedDuration::from_mins(5));
    world.wait_for(inquiry, &["next_step_agreed suppressed superseded", "next_step_moved sent"]).await;
    let mail = world.mail.taken_by(&mail_of(inquiry)).remove(0);
    assert!(mail.text.contains("Friday, March 12, at 11:30 am") && !mail.text.contains("March 11"), "{}", mail.text);
    assert_eq!(pending(&world).await, 1, "one reminder, of the new time");

    world.clock.set(at(FIRST) - SignedDuration::from_hours(24));
    world.settle().await;
    assert_eq!(subjects(&world, inquiry).len(), 1, "nothing reminds of the time that was moved");
    world.clock.set(at(SECOND) - SignedDuration::from_hours(24));
    eventually("reminded", || async { subjects(&world, inquiry).len() == 2 }).await;
    assert_eq!(subjects(&world, inquiry)[1], "Harbor Valley: your next step on Friday, March 12, at 11:30 am");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_called_off_is_told_and_what_only_ended_is_not_and_neither_is_reminded_of() {
    let world = World::start().await;
    let now = world.clock.now();
    let ends =
        ["called_off_by_person", "called_off_by_center", "superseded", "closed", "done", "missed", "a_later_word"];
    let ids: Vec<(Uuid, &str)> = ends.iter().map(|how| (world.clock.new_id(), *how)).collect();
    for (inquiry, how) in &ids {
        world.publish(*inquiry, &[agreed(*inquiry, FIRST, 3, now)]).await;
        world.wait_for(*inquiry, &["next_step_agreed sent"]).await;
        world.publish(*inquiry, &[over(*inquiry, how, 4, now + SignedDuration::from_secs(5))]).await;
    }
    for (inquiry, _) in &ids[..2] {
        world.wait_for(*inquiry, &["next_step_agreed sent", "next_step_called_off sent"]).await;
        assert_eq!(subjects(&world, *inquiry)[1], "Harbor Valley: the date is called off, HV-7K4M-2QX");
    }
    eventually("no reminder waits", || async { pending(&world).await == 0 }).await;
    world.clock.set(at(FIRST) - SignedDuration::from_hours(23));
    world.settle().await;
    for (inquiry, how) in &ids[2..] {
        assert_eq!(world.notices(*inquiry).await, ["next_step_agreed sent"], "{how}");
    }
    // An end that is heard before its beginning: the beginning says nothing any more.
    let early = world.clock.new_id();
    let now = world.clock.now();
    world.publish(early, &[over(early, "superseded", 4, now)]).await;
    eventually("heard", || async {
        world.count("SELECT count(*) FROM appointments WHERE state = 'cancelled'").await == 6
    })
    .await;
    world.publish(early, &[agreed(early, SECOND, 3, now)]).await;
    world.publish(early, &[requested(early, now)]).await;
    world.wait_for(early, &["records_request sent"]).await;
    assert_eq!(subjects(&world, early).len(), 1);
    world.end().await;
}

/// In whatever order the two are heard, and also where the mail was down meanwhile.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_waits_for_a_call_hears_that_it_is_called_off_when_the_inquiry_is_closed() {
    let mut world = World::start().await;
    let now = world.clock.now();
    let ids = [world.clock.new_id(), world.clock.new_id()];
    for inquiry in ids {
        world.publish(inquiry, &[agreed(inquiry, FIRST, 3, now)]).await;
        world.wait_for(inquiry, &["next_step_agreed sent"]).await;
    }
    world.mail.down().await;
    let later = now + SignedDuration::from_secs(5);
    let off = |inquiry| over(inquiry, "called_off_by_center", 4, later);
    world.publish(ids[0], &[off(ids[0])]).await;
    world.wait_for(ids[0], &["next_step_agreed sent", "next_step_called_off intended connect"]).await;
    world.publish(ids[0], &[closed(ids[0], later)]).await;
    world.publish(ids[1], &[closed(ids[1], later)]).await;
    eventually("both are closed", || async { world.count("SELECT count(*) FROM closures").await == 2 }).await;
    world.publish(ids[1], &[off(ids[1])]).await;
    world.mail.up().await;
    world.clock.advance(SignedDuration::from_mins(5));
    for inquiry in ids {
        world.wait_for(inquiry, &["next_step_agreed sent", "next_step_called_off sent"]).await;
    }
    let text = world.mail.taken_by(&mail_of(ids[0])).pop().expect("told").text;
    assert!(!text.contains("stays open"), "{text}");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_closed_inquiry_is_reminded_of_no_step() {
    let world = World::start().await;
    let (inquiry, now) = (world.clock.new_id(), world.clock.now());
    world.publish(inquiry, &[agreed(inquiry, FIRST, 3, now)]).await;
    world.wait_for(inquiry, &["next_step_agreed sent"]).await;
    assert_eq!(pending(&world).await, 1);
    world.publish(inquiry, &[closed(inquiry, now + SignedDuration::from_secs(5))]).await;
    eventually("no reminder waits", || async { pending(&world).await == 0 }).await;
    world.clock.set(at(FIRST) - SignedDuration::from_hours(23));
    world.settle().await;
    assert_eq!(world.notices(inquiry).await, ["next_step_agreed sent"]);
    world.end().await;
}
