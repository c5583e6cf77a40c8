//! Whose turn it is, and who hears when nobody begins: in hours of duty, by the desk's word, each thing once.

use causeway_auth::{Actor, Role};
use causeway_bus::Outgoing;
use causeway_funnel::inquiry::{CancerArea, Facts};
use causeway_funnel::profile::Bundle;
use causeway_mailbox::Ts;
use causeway_proto::convert::micros;
use causeway_proto::error::Reason;
use causeway_proto::intake::v1::WorkMoved;
use causeway_proto::routing::v1::routing_client::RoutingClient;
use causeway_proto::routing::v1::{
    AddAbsenceRequest, Duty, EndAbsenceRequest, EndClosureRequest, EnterClosureRequest, EscalationRaised,
    InquiryRerouted, ListClosuresRequest, ListDutyRequest, ListReroutesRequest, OwnerChosen, PauseClockRequest,
    ResponseMissed, RouteDecided, WhatIfRequest,
};
use causeway_routing::{DECIDED_SQL, REROUTES_SQL, waiting_sql};
use causeway_serve::Client;
use jiff::{SignedDuration, Timestamp};
use tonic::Code;
use uuid::Uuid;

use crate::world::{CENTER, World, at, bundle, eventually, received};
use crate::{attempted, closed, explain, wait_for_clock};

/// The demo center with other words for the breast team, and for one of its two coordinators.
fn with(team: &str, grace: &str) -> Bundle {
    let mut bundle = bundle();
    let named = "name = { en = \"Breast care team\", es = \"Equipo de atención del seno\" }\nassignment = \"round_robin\"\n\
                 escalate_to = \"priya-nair\"\n";
    let text = &bundle.files["teams.toml"];
    assert!(text.contains(named), "the demo center has changed");
    let text = text.replace(named, &format!("{named}{team}\n"));
    bundle.insert("teams.toml", text.replace("id = \"grace-okafor\"\n", &format!("id = \"grace-okafor\"\n{grace}\n")));
    bundle
}

fn moved(inquiry: Uuid, version: i64, how: &str, team: &str, owner: &str) -> WorkMoved {
    WorkMoved {
        inquiry_id: inquiry.to_string(),
        center: CENTER.into(),
        team: team.into(),
        owner: owner.into(),
        open: how != "ended",
        version,
        how: how.into(),
        choice: 9,
        at: 1_804_200_000_000_000 + version,
        reason: if how == "handed_over" { "wrong_area".into() } else { String::new() },
    }
}

fn manager() -> Actor {
    Actor::staff("priya-nair", "Priya", CENTER, vec![Role::Manager])
}

impl World {
    /// So many inquiries for the breast team, decided now, in the order of their due times.
    async fn arrive(&mut self, count: usize, before: usize) -> Vec<(Uuid, RouteDecided)> {
        let ids: Vec<Uuid> = (0..count).map(|_| self.clock.new_id()).collect();
        for id in &ids {
            let facts = Facts { cancer_area: CancerArea::Breast, received_at: self.clock.now(), ..Facts::default() };
            self.publish(CENTER, *id, &[received(*id, facts)]).await;
        }
        let decided = self.published::<RouteDecided>(before + count).await;
        let of = |id: &Uuid| {
            decided.iter().find(|(envelope, _)| envelope.aggregate_id == *id).map(|(_, event)| event.clone())
        };
        ids.iter().map(|id| (*id, of(id).expect("decided"))).collect()
    }

    async fn duty(&self, staff: &str) -> Duty {
        let asked = ListDutyRequest { center: CENTER.into() };
        let people = self.client.clone().list_duty(asked).await.expect("people").into_inner().people;
        people.into_iter().find(|person| person.staff == staff).expect("on the staff")
    }

    /// Waits until the desk's word on so many inquiries was heard.
    async fn heard(&self, count: i64) {
        eventually("the desk's word is heard", || async {
            self.count("SELECT count(*) FROM work WHERE heard_version > 1").await == count
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_came_at_night_is_given_out_at_the_opening_by_due_time_to_who_is_there_and_has_a_free_hand() {
    let mut world = World::start().await;
    world.apply(&with("", "capacity = 2")).await;
    // 21:00 on a Thursday.
    world.clock.set(at("2027-03-05T05:00:00Z"));
    let night = world.arrive(5, 0).await;
    assert!(night.iter().all(|(_, event)| event.owner.is_empty()), "nobody is on duty");
    assert_eq!(world.count("SELECT count(*) FROM work WHERE waiting").await, 5);
    // The last one that came is due first.
    for (place, (id, _)) in night.iter().rev().enumerate() {
        let due = at("2027-03-05T19:00:00Z") + SignedDuration::from_mins(place as i64);
        sqlx::query("UPDATE decisions SET response_due_at = $2 WHERE inquiry_id = $1")
            .bind(id)
            .bind(Ts(due))
            .execute(&world.admin)
            .await
            .expect("moved");
    }
    let away = |staff: &str, from: &str, to: &str| AddAbsenceRequest {
        center: CENTER.into(),
        staff: staff.into(),
        from: micros(at(from)),
        to: micros(at(to)),
    };
    let mut priya = world.client_of(manager());
    let asked = away("luis-ortega", "2027-03-05T08:00:00Z", "2027-03-06T08:00:00Z");
    let luis = priya.add_absence(asked.clone()).await.expect("entered").into_inner();
    let again = priya.add_absence(asked.clone()).await.expect("entered before").into_inner();
    assert_eq!(luis.absence_id, again.absence_id);
    let other = world.client.clone().add_absence(asked).await.expect_err("a coordinator enters her own alone");
    assert_eq!(other.code(), Code::PermissionDenied);
    let nobody = priya.add_absence(away("nobody", "2027-03-05T08:00:00Z", "2027-03-06T08:00:00Z")).await;
    assert_eq!(Reason::of(&nobody.expect_err("unknown")), Some(Reason::UnknownName));
    for (from, to) in
        [("2027-03-06T08:00:00Z", "2027-03-05T08:00:00Z"), ("2027-03-01T08:00:00Z", "2027-03-02T08:00:00Z")]
    {
        let odd = priya.add_absence(away("grace-okafor", from, to)).await.expect_err("no such time");
        assert_eq!(Reason::of(&odd), Some(Reason::FieldFault));
    }

    world.clock.set(at("2027-03-05T15:30:01Z"));
    let given = world.published::<OwnerChosen>(2).await;
    let mut got: Vec<Uuid> = given.iter().map(|(envelope, _)| envelope.aggregate_id).collect();
    got.sort_unstable();
    assert_eq!(got, [night[3].0, night[4].0], "what is due first, and no more than she may hold");
    assert!(given.iter().all(|(_, event)| event.owner == "grace-okafor" && event.reason == "queue"));
    let grace = world.duty("grace-okafor").await;
    assert_eq!((grace.on_duty, grace.open, grace.capacity), (true, 2, 2));
    let luis_now = world.duty("luis-ortega").await;
    assert_eq!((luis_now.on_duty, luis_now.absences.len()), (false, 1));

    twice_entered_is_once_and_taken_back_is_gone(&world, &mut priya).await;

    // One of hers ends: the next one is hers at once.
    world.publish(CENTER, night[4].0, &[moved(night[4].0, 2, "ended", "breast", "grace-okafor")]).await;
    let given = world.published::<OwnerChosen>(3).await;
    assert!(given.iter().any(|(envelope, event)| envelope.aggregate_id == night[2].0 && event.owner == "grace-okafor"));
    // He comes back early: the rest is his.
    let back = EndAbsenceRequest { center: CENTER.into(), absence_id: luis.absence_id.clone() };
    let ended = priya.end_absence(back.clone()).await.expect("ended").into_inner();
    assert!(ended.to < luis.to, "it ends now");
    priya.end_absence(back).await.expect("it has ended");
    let given = world.published::<OwnerChosen>(5).await;
    assert_eq!(given.iter().filter(|(_, event)| event.owner == "luis-ortega").count(), 2);
    assert_eq!((world.duty("luis-ortega").await.open, world.duty("grace-okafor").await.open), (2, 2));
    assert_eq!(world.count("SELECT count(*) FROM work WHERE waiting").await, 0);
    world.end().await;
}

/// Next week, for somebody who has nothing of all this.
async fn twice_entered_is_once_and_taken_back_is_gone(world: &World, priya: &mut RoutingClient<Client>) {
    let asked = || AddAbsenceRequest {
        center: CENTER.into(),
        staff: "rosa-delgado".into(),
        from: micros(at("2027-03-11T08:00:00Z")),
        to: micros(at("2027-03-12T08:00:00Z")),
    };
    let (mut one, mut other) = (priya.clone(), priya.clone());
    let (one, other) = tokio::join!(one.add_absence(asked()), other.add_absence(asked()));
    let (one, other) = (one.expect("entered").into_inner(), other.expect("a second press").into_inner());
    assert_eq!(one.absence_id, other.absence_id);
    assert_eq!(world.count("SELECT count(*) FROM absences WHERE staff = 'rosa-delgado'").await, 1);
    let back = |id: &str| EndAbsenceRequest { center: CENTER.into(), absence_id: id.into() };
    priya.end_absence(back(&one.absence_id)).await.expect("taken back");
    assert_eq!(world.duty("rosa-delgado").await.absences, []);
    let again = priya.add_absence(asked()).await.expect("entered anew").into_inner();
    assert_ne!(again.absence_id, one.absence_id);
    priya.end_absence(back(&again.absence_id)).await.expect("taken back");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_inquiry_in_open_hours_gets_somebody_with_its_decision_in_turn() {
    let mut world = World::start().await;
    world.apply(&with("untouched_minutes = 60", "")).await;
    let day = world.arrive(6, 0).await;
    let of = |staff: &str| day.iter().filter(|(_, event)| event.owner == staff).count();
    assert_eq!((of("luis-ortega"), of("grace-okafor")), (3, 3));
    assert_eq!(
        world.count("SELECT count(*) FROM outbox WHERE kind LIKE '%OwnerChosen'").await,
        0,
        "the decision says it"
    );
    assert_eq!(world.duty("grace-okafor").await.open, 3);
    // A colleague claims one, and gives another back: loads follow the desk, and an older word changes nothing.
    let (claimed, released) = (&day[0], &day[1]);
    world.publish(CENTER, claimed.0, &[moved(claimed.0, 3, "claimed", "breast", "dana-whitfield")]).await;
    world.publish(CENTER, claimed.0, &[moved(claimed.0, 2, "claimed", "breast", "mei-tanaka")]).await;
    world.publish(CENTER, released.0, &[moved(released.0, 2, "released", "breast", "")]).await;
    world.heard(2).await;
    eventually("three words were handled", || async { world.count("SELECT count(*) FROM inbox").await == 9 }).await;
    assert_eq!((world.duty("dana-whitfield").await.open, world.duty("mei-tanaka").await.open), (1, 0));
    assert_eq!(
        world.count("SELECT count(*) FROM timers WHERE kind = 'untouched' AND state = 'pending'").await,
        6,
        "an older word takes back no timer for good"
    );
    assert_eq!(world.duty("luis-ortega").await.open + world.duty("grace-okafor").await.open, 4);
    assert_eq!(
        world.count("SELECT count(*) FROM work WHERE waiting").await,
        0,
        "what a person gave back waits for a person"
    );
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn untouched_work_goes_to_a_colleague_then_to_the_lead_and_a_first_attempt_keeps_it_where_it_is() {
    let mut world = World::start().await;
    world.apply(&with("untouched_minutes = 60\nmoves_to_lead = 1", "")).await;
    let day = world.arrive(2, 0).await;
    let ((lies, begun), now) = ((&day[0], &day[1]), world.clock.now());
    world.publish(CENTER, begun.0, &[attempted(begun.0, now)]).await;
    eventually("the attempt is known", || async {
        world.count("SELECT count(*) FROM decisions WHERE first_attempt_at IS NOT NULL").await == 1
    })
    .await;
    assert_eq!(world.count("SELECT count(*) FROM timers WHERE kind = 'untouched' AND state = 'cancelled'").await, 1);
    world.clock.set(now + SignedDuration::from_mins(61));
    let (envelope, next) = world.published::<OwnerChosen>(1).await.remove(0);
    assert_eq!((envelope.aggregate_id, next.reason.as_str(), next.choice), (lies.0, "untouched", 1));
    assert_ne!(next.owner, lies.1.owner);
    assert_eq!(next.heard_version, 1);
    // The desk's answer leaves the timer as it is.
    let answer = WorkMoved { choice: 1, ..moved(lies.0, 2, "chosen", "breast", &next.owner) };
    world.publish(CENTER, lies.0, &[answer]).await;
    world.heard(1).await;
    world.clock.set(now + SignedDuration::from_mins(90));
    tokio::time::sleep(std::time::Duration::from_millis(700)).await;
    assert_eq!(
        world.count("SELECT count(*) FROM outbox WHERE kind LIKE '%OwnerChosen'").await,
        1,
        "not before its time"
    );
    world.clock.set(now + SignedDuration::from_mins(125));
    let given = world.published::<OwnerChosen>(2).await;
    let lead = given.iter().map(|(_, event)| event).find(|event| event.choice == 2).expect("the second choice");
    assert_eq!((lead.reason.as_str(), lead.owner.as_str(), lead.heard_version), ("lead", "priya-nair", 2));
    assert_eq!(world.duty(&next.owner).await.open, i32::from(begun.1.owner == next.owner));
    assert_eq!(world.count("SELECT count(*) FROM timers WHERE kind = 'untouched' AND state = 'pending'").await, 0);
    world.end().await;
}

impl World {
    async fn close_breast(&self, from: &str, to: &str) {
        let asked = EnterClosureRequest {
            center: CENTER.into(),
            team: "breast".into(),
            from: micros(at(from)),
            to: micros(at(to)),
            reason: "weather".into(),
            ..EnterClosureRequest::default()
        };
        self.client_of(manager()).enter_closure(asked).await.expect("a closure");
        eventually("computed", || async {
            self.count("SELECT count(*) FROM timers WHERE kind = 'closure-changed' AND state = 'pending'").await == 0
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_paused_or_closed_on_short_notice_goes_to_nobody_and_its_time_begins_anew_afterwards() {
    let mut world = World::start().await;
    world.apply(&with("untouched_minutes = 60\nmoves_to_lead = 1", "")).await;
    let lies = world.arrive(1, 0).await.remove(0);
    // 10:00; not to be called before 12:00.
    let pause = PauseClockRequest {
        center: CENTER.into(),
        inquiry_id: lies.0.to_string(),
        reason: "asked_to_wait".into(),
        until: micros(at("2027-03-04T20:00:00Z")),
    };
    world.client.clone().pause_clock(pause).await.expect("paused");
    world.clock.set(at("2027-03-04T19:01:00Z"));
    eventually("an hour from the end of the pause", || async {
        let due = "SELECT count(*) FROM timers WHERE kind = 'untouched' AND state = 'pending' AND due_at = '2027-03-04T21:00:00Z'";
        world.count(due).await == 1
    })
    .await;
    // By then the team is closed, from 12:30 to 14:00.
    world.close_breast("2027-03-04T20:30:00Z", "2027-03-04T22:00:00Z").await;
    world.clock.set(at("2027-03-04T21:00:01Z"));
    eventually("an hour from the end of the closure", || async {
        let due = "SELECT count(*) FROM timers WHERE kind = 'untouched' AND state = 'pending' AND due_at = '2027-03-04T23:00:00Z'";
        world.count(due).await == 1
    })
    .await;
    let came = world.arrive(1, 1).await.remove(0);
    assert_eq!(came.1.owner, "", "nobody is there");
    world.clock.set(at("2027-03-04T21:30:00Z"));
    tokio::time::sleep(std::time::Duration::from_millis(700)).await;
    assert_eq!(world.count("SELECT count(*) FROM work WHERE waiting").await, 1);
    assert_eq!(world.count("SELECT count(*) FROM outbox WHERE kind LIKE '%OwnerChosen'").await, 0);
    world.clock.set(at("2027-03-04T22:10:00Z"));
    let (envelope, given) = world.published::<OwnerChosen>(1).await.remove(0);
    assert_eq!((envelope.aggregate_id, given.reason.as_str()), (came.0, "queue"));
    world.clock.set(at("2027-03-04T23:00:01Z"));
    let given = world.published::<OwnerChosen>(2).await;
    assert!(given.iter().any(|(envelope, event)| envelope.aggregate_id == lies.0 && event.reason == "untouched"));
    world.end().await;
}

/// More than are read at once.
const MANY: usize = 260;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_waits_for_a_closed_site_or_for_a_skill_that_nobody_has_hides_nothing_that_can_be_given_out() {
    let mut world = World::start().await;
    world.apply(&with("", "")).await;
    // 21:00 on a Thursday: all wait.
    world.clock.set(at("2027-03-05T05:00:00Z"));
    let ids: Vec<Uuid> = (0..=2 * MANY).map(|_| world.clock.new_id()).collect();
    let told = |(place, id): (usize, &Uuid)| {
        let site = if place < MANY { "valley" } else { "harbor" };
        let facts = Facts {
            cancer_area: CancerArea::Breast,
            site_preference: Some(site.into()),
            received_at: world.clock.now(),
            ..Facts::default()
        };
        world.outgoing(CENTER, *id, &received(*id, facts))
    };
    let batch: Vec<Outgoing> = ids.iter().enumerate().map(told).collect();
    world.send(&batch).await;
    let waiting = "SELECT count(*) FROM work WHERE waiting";
    eventually("all wait", || async { world.count(waiting).await == ids.len() as i64 }).await;
    let mut priya = world.client_of(manager());
    let closed = EnterClosureRequest {
        center: CENTER.into(),
        site: "valley".into(),
        from: micros(at("2027-03-05T08:00:00Z")),
        to: micros(at("2027-03-06T08:00:00Z")),
        reason: "weather".into(),
        ..EnterClosureRequest::default()
    };
    priya.enter_closure(closed).await.expect("a closure");
    let under_way = "SELECT count(*) FROM timers WHERE kind = 'closure-changed' AND state = 'pending'";
    eventually("computed", || async { world.count(under_way).await == 0 }).await;
    // Due in the order in which they came: the closed ones, those that nobody knows enough for, and one that anybody can take.
    for set in [
        "UPDATE decisions AS d SET response_due_at = '2027-03-05T19:00:00Z'::timestamptz + n * interval '1 second' \
         FROM unnest($1::uuid[]) WITH ORDINALITY AS t (id, n) WHERE d.inquiry_id = t.id",
        "UPDATE work AS w SET skills = 'proton_therapy' FROM unnest($1::uuid[]) WITH ORDINALITY AS t (id, n) \
         WHERE w.inquiry_id = t.id AND n > 260 AND n <= 520",
    ] {
        sqlx::query(set).bind(&ids).execute(&world.admin).await.expect(set);
    }
    world.clock.set(at("2027-03-05T15:30:01Z"));
    let given = world.published::<OwnerChosen>(1).await.remove(0);
    assert_eq!((given.0.aggregate_id, given.1.reason.as_str()), (ids[2 * MANY], "queue"));
    assert_eq!(world.count(waiting).await, 2 * MANY as i64);

    // The site opens before its time: then what waits for it is given out, as much as there are hands for.
    let listed = priya.list_closures(ListClosuresRequest { center: CENTER.into() }).await.expect("closures");
    let closure_id = listed.into_inner().closures.remove(0).closure_id;
    let end = EndClosureRequest { center: CENTER.into(), closure_id, how: "withdraw".into() };
    priya.end_closure(end).await.expect("taken back");
    world.clock.set(at("2027-03-05T15:45:00Z"));
    world.published::<OwnerChosen>(1 + MANY).await;
    assert_eq!(world.count("SELECT count(*) FROM work WHERE waiting AND skills = ''").await, 0);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pause_that_is_over_when_the_time_of_who_has_a_turn_is_up_did_not_count() {
    let mut world = World::start().await;
    world.apply(&with("untouched_minutes = 60\nmoves_to_lead = 1", "")).await;
    let lies = world.arrive(1, 0).await.remove(0);
    // 10:00; not to be called before 10:40.
    let pause = PauseClockRequest {
        center: CENTER.into(),
        inquiry_id: lies.0.to_string(),
        reason: "asked_to_wait".into(),
        until: micros(at("2027-03-04T18:40:00Z")),
    };
    world.client.clone().pause_clock(pause).await.expect("paused");
    world.clock.set(at("2027-03-04T19:01:00Z"));
    eventually("an hour from the end of the pause", || async {
        let due = "SELECT count(*) FROM timers WHERE kind = 'untouched' AND state = 'pending' AND due_at = '2027-03-04T19:40:00Z'";
        world.count(due).await == 1
    })
    .await;
    assert_eq!(world.count("SELECT count(*) FROM outbox WHERE kind LIKE '%OwnerChosen'").await, 0);
    world.clock.set(at("2027-03-04T19:40:01Z"));
    assert_eq!(world.published::<OwnerChosen>(1).await.remove(0).1.reason, "untouched");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_level_counts_the_hours_without_closures_and_who_hears_of_two_at_once_hears_it_once() {
    let mut world = World::start().await;
    world.apply(&with(LEVELS, "")).await;
    world.arrive(1, 0).await;
    // Due at 13:00, half an hour later with the closure; half an open hour before that it is 12:30, not 13:00.
    world.close_breast("2027-03-04T20:45:00Z", "2027-03-04T21:15:00Z").await;
    let at_the_level = "SELECT count(*) FROM timers WHERE kind = 'response-due' AND state = 'pending' AND due_at = '2027-03-04T20:30:00Z'";
    assert_eq!(world.count(at_the_level).await, 1);
    let nobodys = world.arrive(1, 1).await.remove(0);
    assert_eq!(world.count(at_the_level).await, 2, "one that is decided by the hours as they are");
    world.publish(CENTER, nobodys.0, &[moved(nobodys.0, 2, "released", "breast", "")]).await;
    world.heard(1).await;
    // Whoever looks was away: its levels for the owner, whom it has not, and for the lead are reached at once.
    world.clock.set(at("2027-03-04T21:31:00Z"));
    let told = world.published::<EscalationRaised>(4).await;
    let of_nobody = told.iter().filter(|(envelope, _)| envelope.aggregate_id == nobodys.0);
    let hear: Vec<String> = of_nobody.flat_map(|(_, event)| event.staff.clone()).collect();
    assert_eq!(hear, ["priya-nair"]);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_attempt_in_time_that_is_heard_late_together_with_a_hand_over_is_no_miss() {
    let mut world = World::start().await;
    world.apply(&with("", "")).await;
    let (inquiry, decided) = world.arrive(1, 0).await.remove(0);
    let due = Timestamp::from_microsecond(decided.response_due_at).expect("an instant");
    sqlx::query("UPDATE timers SET state = 'cancelled'").execute(&world.admin).await.expect("nothing fires");
    world.clock.set(due + SignedDuration::from_mins(5));
    let tried = world.event(CENTER, inquiry, &attempted(inquiry, due - SignedDuration::from_mins(5)));
    let sent_on = world.event(CENTER, inquiry, &moved(inquiry, 2, "handed_over", "thoracic", ""));
    let events = [&tried, &sent_on].map(|(envelope, payload)| (envelope, payload));
    let message = Outgoing::several(events, tried.0.id.to_string()).expect("events");
    world.send(&[message]).await;
    world.heard(1).await;
    assert_eq!(world.count("SELECT count(*) FROM decisions WHERE clock_state = 'met'").await, 1);
    assert_eq!(world.count("SELECT count(*) FROM outbox WHERE kind LIKE '%ResponseMissed'").await, 0);
    assert_eq!(world.count("SELECT count(*) FROM outbox WHERE kind LIKE '%EscalationRaised'").await, 0);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_sent_on_counts_by_the_hours_with_which_it_began_and_is_no_change_of_the_table() {
    let mut world = World::start().await;
    let mut bundle = with("", "");
    let named = "name = { en = \"Clinical trials team\", es = \"Equipo de estudios clínicos\" }\n";
    let text = bundle.files["teams.toml"].clone();
    let (before, after) = text.split_once(named).expect("the demo center has changed");
    let (own, rest) = after.split_once("\n[[team]]").expect("another team");
    let hours = "[team.hours]\nmonday = [\"09:00-10:00\"]\n";
    bundle.insert("teams.toml", format!("{before}{named}{own}{hours}\n[[team]]{rest}"));
    world.apply(&bundle).await;
    let (inquiry, decided) = world.arrive(1, 0).await.remove(0);
    world.publish(CENTER, inquiry, &[moved(inquiry, 2, "handed_over", "trials", "")]).await;
    world.heard(1).await;
    let pause = PauseClockRequest {
        center: CENTER.into(),
        inquiry_id: inquiry.to_string(),
        reason: "asked_to_wait".into(),
        until: micros(at("2027-03-04T19:00:00Z")),
    };
    let clock = world.client.clone().pause_clock(pause).await.expect("paused").into_inner();
    assert_eq!(
        clock.response_due_at,
        decided.response_due_at + 60 * 60 * 1_000_000,
        "an hour later, that of the pause"
    );
    // Tried after the first due time and before the one with the pause: late by the table that is, and by the same one.
    let tried = at("2027-03-04T21:30:00Z");
    world.publish(CENTER, inquiry, &[attempted(inquiry, tried)]).await;
    eventually("met", || async { world.count("SELECT count(*) FROM decisions WHERE clock_state = 'met'").await == 1 })
        .await;
    let asked = WhatIfRequest { center: CENTER.into(), csv: bundle.files["routing.csv"].clone(), days: 7 };
    let told = world.client.clone().what_if(asked).await.expect("figures").into_inner();
    assert_eq!((told.considered, told.moved, told.met_before, told.met_after), (1, 0, 0, 0));
    assert_eq!((told.gained, told.missed), (0, 0));
    world.end().await;
}

const LEVELS: &str = "[[team.escalation]]\nat = \"-30\"\nto = \"owner\"\n[[team.escalation]]\nat = \"0\"\nto = \"lead\"\n\
                      [[team.escalation]]\nat = \"+60\"\nto = \"manager\"";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_level_of_escalation_is_raised_once_in_order_however_late_and_a_first_attempt_ends_it() {
    let mut world = World::start().await;
    world.apply(&with(LEVELS, "")).await;
    let day = world.arrive(2, 0).await;
    let (lies, begun) = (&day[0], &day[1]);
    let due = Timestamp::from_microsecond(lies.1.response_due_at).expect("an instant");
    world.clock.set(due - SignedDuration::from_mins(31));
    tokio::time::sleep(std::time::Duration::from_millis(700)).await;
    assert_eq!(world.count("SELECT count(*) FROM outbox WHERE kind LIKE '%EscalationRaised'").await, 0);
    world.clock.set(due - SignedDuration::from_mins(29));
    let early = world.published::<EscalationRaised>(2).await;
    for (envelope, event) in &early {
        let owner = if envelope.aggregate_id == lies.0 { &lies.1.owner } else { &begun.1.owner };
        assert_eq!((event.why.as_str(), event.level, event.to.as_str()), ("due_soon", 1, "owner"));
        assert_eq!(event.staff, [owner.as_str()]);
    }
    world.publish(CENTER, begun.0, &[attempted(begun.0, world.clock.now())]).await;
    eventually("the attempt is known", || async {
        world.count("SELECT count(*) FROM decisions WHERE clock_state = 'met'").await == 1
    })
    .await;
    // Whoever looks was away for hours: both levels that passed come now, in order.
    world.clock.set(due + SignedDuration::from_hours(30));
    let mut all: Vec<EscalationRaised> =
        world.published::<EscalationRaised>(4).await.into_iter().map(|(_, event)| event).collect();
    all.retain(|event| event.level > 1);
    all.sort_by_key(|event| event.level);
    assert!(all.iter().all(|event| event.inquiry_id == lies.0.to_string() && event.why == "late"), "{all:?}");
    assert_eq!((all[0].to.as_str(), all[0].staff.as_slice()), ("lead", ["priya-nair".to_owned()].as_slice()));
    assert_eq!((all[1].to.as_str(), all[1].level), ("manager", 3));
    // A clock that goes wrong: every timer fires again, and once more after the due time was moved.
    for _ in 0..2 {
        sqlx::query("UPDATE timers SET state = 'pending', lease_until = NULL, due_at = now() - interval '9 years' WHERE kind = 'response-due'")
            .execute(&world.admin)
            .await
            .expect("set back");
        eventually("the timers have fired", || async {
            world.count("SELECT count(*) FROM timers WHERE kind = 'response-due' AND state = 'pending'").await == 0
        })
        .await;
        sqlx::query("UPDATE decisions SET response_due_at = response_due_at + interval '1 minute'")
            .execute(&world.admin)
            .await
            .expect("moved");
    }
    assert_eq!(world.count("SELECT count(*) FROM outbox WHERE kind LIKE '%EscalationRaised'").await, 4);
    assert_eq!(world.count("SELECT count(*) FROM outbox WHERE kind LIKE '%ResponseMissed'").await, 1);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clock_that_a_close_stopped_runs_on_where_the_inquiry_opens_again_and_each_level_is_raised_once() {
    let mut world = World::start().await;
    world.apply(&with(LEVELS, "")).await;
    let day = world.arrive(2, 0).await;
    let (back, ended) = (day[0].0, day[1].0);
    let due = Timestamp::from_microsecond(day[0].1.response_due_at).expect("an instant");
    world.clock.set(due - SignedDuration::from_mins(29));
    world.published::<EscalationRaised>(2).await;
    for inquiry in [back, ended] {
        world.publish(CENTER, inquiry, &[closed(inquiry, world.clock.now())]).await;
        world.publish(CENTER, inquiry, &[moved(inquiry, 2, "ended", "breast", "")]).await;
        wait_for_clock(&world, inquiry, "cancelled").await;
    }
    world.publish(CENTER, back, &[moved(back, 4, "reopened", "breast", "")]).await;
    wait_for_clock(&world, back, "pending").await;
    // The close is told once more, after it was opened again: it stops nothing.
    let heard = world.count("SELECT count(*) FROM inbox").await;
    world.publish(CENTER, back, &[closed(back, world.clock.now())]).await;
    eventually("it is heard", || async { world.count("SELECT count(*) FROM inbox").await > heard }).await;
    assert_eq!(explain(&world, back).await.clock_state, "pending");
    world.clock.set(due + SignedDuration::from_hours(30));
    let raised = world.published::<EscalationRaised>(4).await;
    let mut levels: Vec<i32> =
        raised.iter().filter(|(envelope, _)| envelope.aggregate_id == back).map(|(_, event)| event.level).collect();
    levels.sort_unstable();
    assert_eq!(levels, [1, 2, 3], "what was told before the close is not told again");
    let missed = world.published::<ResponseMissed>(1).await;
    assert_eq!(missed[0].0.aggregate_id, back);
    assert_eq!(explain(&world, ended).await.clock_state, "cancelled");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_goes_to_another_team_keeps_its_clock_is_counted_by_row_and_reason_and_is_told_where_it_bounces() {
    let mut world = World::start().await;
    world.apply(&with("", "")).await;
    let day = world.arrive(2, 0).await;
    let inquiry = day[0].0;
    let due = day[0].1.response_due_at;
    world.publish(CENTER, inquiry, &[moved(inquiry, 2, "handed_over", "thoracic", "")]).await;
    let (_, chosen) = world.published::<OwnerChosen>(1).await.remove(0);
    assert_eq!((chosen.team.as_str(), chosen.heard_version), ("thoracic", 2));
    assert_eq!(chosen.choice, 10, "after the newest that the desk has looked at");
    let stands: (String, Ts, i64) =
        sqlx::query_as("SELECT team, response_due_at, version FROM decisions WHERE inquiry_id = $1")
            .bind(inquiry)
            .fetch_one(&world.admin)
            .await
            .expect("the decision");
    assert_eq!((stands.0.as_str(), micros(stands.1.0), stands.2), ("thoracic", due, 2));
    assert_eq!(world.count("SELECT count(*) FROM outbox WHERE kind LIKE '%EscalationRaised'").await, 0);
    // Back to where it came from.
    world.publish(CENTER, inquiry, &[moved(inquiry, 5, "handed_over", "breast", "")]).await;
    let (_, bounced) = world.published::<EscalationRaised>(1).await.remove(0);
    assert_eq!((bounced.why.as_str(), bounced.level, bounced.to.as_str()), ("bounced", 0, "lead"));
    assert_eq!(bounced.staff, ["priya-nair"]);
    let mut told = world.published::<InquiryRerouted>(2).await;
    told.sort_by_key(|(envelope, _)| envelope.version);
    let said: Vec<_> = told
        .iter()
        .map(|(envelope, one)| {
            (envelope.version, one.from_team.as_str(), one.to_team.as_str(), one.times, one.to_and_fro)
        })
        .collect();
    assert_eq!(said, [(2, "breast", "thoracic", 1, false), (3, "thoracic", "breast", 2, true)]);
    let first = &told[0].1;
    assert_eq!((first.program.as_str(), first.reason.as_str(), first.version), ("breast", "wrong_area", 2));
    // The clock of the present team still runs.
    assert_eq!(world.count("SELECT count(*) FROM timers WHERE kind = 'response-due' AND state = 'pending'").await, 2);

    let asked = ListReroutesRequest { center: CENTER.into(), from: 0, to: 0 };
    let mut priya = world.client_of(manager());
    let counted = priya.list_reroutes(asked.clone()).await.expect("counted").into_inner();
    let said: Vec<_> = counted
        .counts
        .iter()
        .map(|one| (one.row.as_str(), one.from_team.as_str(), one.to_team.as_str(), one.reason.as_str(), one.count))
        .collect();
    let row = day[0].1.row.as_str();
    assert_eq!(said, [(row, "breast", "thoracic", "wrong_area", 1), (row, "thoracic", "breast", "wrong_area", 1)]);
    assert_eq!(counted.decided, 2);
    let refused = world.client.clone().list_reroutes(asked).await.expect_err("figures are for managers");
    assert_eq!(refused.code(), Code::PermissionDenied);
    let odd = ListReroutesRequest { center: CENTER.into(), from: 5, to: 5 };
    assert_eq!(Reason::of(&priya.list_reroutes(odd).await.expect_err("no time")), Some(Reason::FieldFault));
    rows_of_another_center_are_not_seen(&world).await;
    plans(&world).await;
    world.end().await;
}

/// The service's own login sees nothing of a center that it does not name.
async fn rows_of_another_center_are_not_seen(world: &World) {
    let mut login = world.admin.acquire().await.expect("a connection");
    sqlx::query("SET ROLE routing_app").execute(&mut *login).await.expect("the service's role");
    for (center, seen) in [("lakeside", false), (CENTER, true)] {
        sqlx::query("SELECT set_config('app.center', $1, false)").bind(center).execute(&mut *login).await.expect("set");
        for table in ["work", "people", "reroutes"] {
            let sql = format!("SELECT count(*) > 0 FROM {table}");
            let some: bool =
                sqlx::query_scalar(sqlx::AssertSqlSafe(sql)).fetch_one(&mut *login).await.expect("counted");
            assert_eq!(some, seen, "{table} of {center}");
        }
    }
    sqlx::query("RESET ROLE").execute(&mut *login).await.expect("the owner again");
}

/// What waits and what was sent on are found by their indexes among many rows.
async fn plans(world: &World) {
    for many in [
        "INSERT INTO work (center_id, inquiry_id, team) SELECT 'harbor-valley', gen_random_uuid(), 'breast' FROM generate_series(1, 20000)",
        "INSERT INTO reroutes (center_id, inquiry_id, version, at, row_name, from_team, to_team, reason) \
         SELECT 'harbor-valley', gen_random_uuid(), 1, now() - n * interval '1 hour', '1', 'a', 'b', 'other' FROM generate_series(1, 20000) AS n",
        "INSERT INTO decisions SELECT center_id, gen_random_uuid(), revision, row_name, program, team, site, priority, script, \
         target_minutes, response_due_at, clock_starts_at, after_hours, facts, decided_at - n * interval '1 hour' \
         FROM decisions, generate_series(1, 10000) AS n",
        "ANALYZE",
    ] {
        sqlx::query(sqlx::AssertSqlSafe(many)).execute(&world.admin).await.expect(many);
    }
    let (from, to) = (Ts(at("2026-01-01T00:00:00Z")), Ts(at("2026-01-08T00:00:00Z")));
    let explain = |sql: &str| format!("EXPLAIN {sql}");
    let waiting: Vec<String> = sqlx::query_scalar(sqlx::AssertSqlSafe(explain(&waiting_sql())))
        .bind(CENTER)
        .bind("breast")
        .bind(Ts(Timestamp::UNIX_EPOCH))
        .bind(Uuid::nil())
        .bind(["valley".to_owned()])
        .bind(["genetics".to_owned()])
        .bind(256_i64)
        .fetch_all(&world.admin)
        .await
        .expect("a plan");
    let mut found = vec![("work_waiting", waiting)];
    for (index, sql) in [("reroutes_by_time", REROUTES_SQL), ("decisions_by_time", DECIDED_SQL)] {
        let plan = sqlx::query_scalar(sqlx::AssertSqlSafe(explain(sql))).bind(CENTER).bind(from).bind(to);
        found.push((index, plan.fetch_all(&world.admin).await.expect("a plan")));
    }
    for (index, plan) in found {
        let plan = plan.join("\n");
        assert!(plan.contains(index) && !plan.contains("Seq Scan"), "{index}\n{plan}");
    }
}
