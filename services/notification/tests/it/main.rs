//! Notification as a whole: facts in, mails and facts out, through crashes, outages and changes of mind.

mod elsewhere;
mod next_steps;
mod people;
mod post;
mod sisters;
mod world;

use causeway_auth::{Actor, Role};
use causeway_proto::convert::micros;
use causeway_proto::inquiry::v1::{CancerArea, Consent, ConsultType, Facts, InquiryAmended};
use causeway_proto::intake::v1::{RecordsRequested, ReviewEscalated, Stage, StageChanged};
use causeway_proto::notice::v1::{
    ContactStopped, ListNoticesRequest, Notice, NoticeFailed, NoticeSent, NoticeUncertain, StopMessagesRequest,
};
use causeway_proto::routing::v1::{EscalationRaised, ResponseDueChanged, RouteDecided};
use causeway_proto::scheduling::v1::{Appointment, AppointmentBooked, AppointmentCancelled, AppointmentRescheduled};
use jiff::{SignedDuration, Timestamp};
use tonic::Code;
use uuid::Uuid;

use world::{CENTER, PORTAL, TRACE, World, at, eventually};

fn facts(inquiry: Uuid, received_at: Timestamp) -> Facts {
    Facts {
        inquiry_id: inquiry.to_string(),
        center: CENTER.into(),
        reference: "HV-7K4M-2QX".into(),
        consult_type: ConsultType::SecondOpinion.into(),
        cancer_area: CancerArea::Gi.into(),
        language: "en".into(),
        consent: Some(Consent { email: true, ..Consent::default() }),
        received_at: micros(received_at),
        ..Facts::default()
    }
}

fn routed(inquiry: Uuid, now: Timestamp) -> RouteDecided {
    RouteDecided {
        facts: Some(facts(inquiry, now)),
        response_due_at: micros(at("2027-03-05T20:00:00Z")),
        clock_starts_at: micros(now),
        decided_at: micros(now),
        ..RouteDecided::default()
    }
}

fn requested(inquiry: Uuid, now: Timestamp) -> RecordsRequested {
    let kinds = vec!["pathology_report".to_owned()];
    RecordsRequested { facts: Some(facts(inquiry, now)), kinds, at: micros(now), times: 1 }
}

/// A visit on Thursday, March 18.
fn booked(inquiry: Uuid, appointment: Uuid, now: Timestamp) -> AppointmentBooked {
    AppointmentBooked {
        facts: Some(facts(inquiry, now)),
        appointment: visit(inquiry, appointment, "2027-03-18T18:30:00Z"),
        version: 1,
        at: micros(now),
    }
}

fn closed(inquiry: Uuid, now: Timestamp) -> StageChanged {
    let facts = Some(facts(inquiry, now));
    StageChanged { facts, to: Stage::Closed.into(), at: micros(now), version: 2, ..StageChanged::default() }
}

fn closed_for(reason: &str, inquiry: Uuid, now: Timestamp) -> StageChanged {
    StageChanged { close_reason: reason.into(), ..closed(inquiry, now) }
}

fn visit(inquiry: Uuid, appointment: Uuid, starts_at: &str) -> Option<Appointment> {
    Some(Appointment {
        appointment_id: appointment.to_string(),
        inquiry_id: inquiry.to_string(),
        center: CENTER.into(),
        site: "valley".into(),
        starts_at: micros(at(starts_at)),
        time_zone: "America/Los_Angeles".into(),
        visit_kind: "in_person".into(),
        ..Appointment::default()
    })
}

fn mail_of(inquiry: Uuid) -> String {
    format!("{inquiry}@home.example")
}

async fn listed(world: &World, inquiry: Uuid) -> Vec<Notice> {
    let asked = ListNoticesRequest { center: CENTER.into(), inquiry_id: inquiry.to_string() };
    world.staff().list_notices(asked).await.expect("a list").into_inner().notices
}

fn stop(inquiry: Uuid) -> StopMessagesRequest {
    StopMessagesRequest { center: CENTER.into(), inquiry_id: inquiry.to_string(), channel: String::new() }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_inquiry_is_confirmed_once_however_often_its_route_is_told() {
    let mut world = World::start().await;
    let now = world.clock.now();
    let inquiries: Vec<Uuid> = (0..100).map(|_| world.clock.new_id()).collect();
    let told: Vec<_> = inquiries.iter().map(|inquiry| world.outgoing(*inquiry, &routed(*inquiry, now))).collect();
    let again: Vec<_> = inquiries.iter().map(|inquiry| world.outgoing(*inquiry, &routed(*inquiry, now))).collect();
    world.send(&told).await;
    world.send(&again).await;

    let sent = world.published::<NoticeSent>(100).await;
    world.settle().await;
    let mails = world.mail.taken();
    assert_eq!(mails.len(), 100);
    assert_eq!(world.count("SELECT count(*) FROM notices WHERE state = 'sent'").await, 100);
    let (envelope, event) = &sent[0];
    let outcome = event.outcome.as_ref().expect("an outcome");
    assert_eq!((outcome.kind.as_str(), outcome.center.as_str()), ("confirmation", CENTER));
    assert_eq!(envelope.trace.traceparent().map(|trace| &trace[3..35]), Some(&TRACE[3..35]));

    let mail = mails.iter().find(|mail| mail.to == mail_of(inquiries[0])).expect("her mail");
    assert_eq!(mail.subject, "Harbor Valley: we have your request HV-7K4M-2QX");
    assert!(mail.text.contains("Rosa Vega") && mail.text.contains("Friday, March 5, at 12 noon"), "{}", mail.text);
    let token = mail.stop.strip_prefix(&format!("{PORTAL}/p/")).and_then(|rest| rest.strip_suffix("/stop?lang=en"));
    let link = world.links.verify(token.expect("a link"), "patient", now).expect("a good link");
    assert_eq!((link.subject, link.center.as_str()), (inquiries[0], CENTER));
    assert_eq!(link.expires.duration_since(now).as_hours(), 60 * 24);
    assert!(mail.html.contains("&#x2f;stop?lang=en\""));

    let notices = listed(&world, inquiries[0]).await;
    assert_eq!(notices.len(), 1);
    assert_eq!(notices[0].state, "sent");
    let id = &notices[0].outcome.as_ref().expect("an outcome").notice_id;
    assert!(mail.message_id.contains(id.as_str()), "{}", mail.message_id);

    let asked = world.people.known.lock().expect("lock").asked.clone();
    assert!(asked.len() <= 20 && asked.iter().all(|(purpose, _)| purpose == "send_notice"), "{asked:?}");
    world.end().await;
}

fn moved(inquiry: Uuid, due: &str, now: Timestamp) -> ResponseDueChanged {
    ResponseDueChanged {
        facts: Some(facts(inquiry, now)),
        cause: "closure_entered".into(),
        response_due_at: micros(at(due)),
        clock_starts_at: micros(at("2027-03-05T21:00:00Z")),
        at: micros(now),
        ..ResponseDueChanged::default()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_confirmation_that_waits_promises_the_time_that_holds_when_it_goes_out_and_one_that_is_out_is_not_followed() {
    let world = World::start().await;
    let inquiry = world.clock.new_id();
    world.people.set_email(inquiry, "later@home.example");
    let began = world.clock.now();
    world.publish(inquiry, &[RouteDecided { after_hours: true, ..routed(inquiry, began) }]).await;
    world.wait_for(inquiry, &["confirmation intended smtp_451"]).await;
    // A closure, and the word of an earlier one that comes late.
    let now = began + SignedDuration::from_secs(20);
    world.publish(inquiry, &[moved(inquiry, "2027-03-05T23:30:00Z", now)]).await;
    world.publish(inquiry, &[moved(inquiry, "2027-03-05T22:00:00Z", began + SignedDuration::from_secs(10))]).await;
    eventually("all heard", || async { world.count("SELECT count(*) FROM inbox").await == 3 }).await;
    world.clock.advance(SignedDuration::from_mins(1));
    eventually("sent", || async { world.mail.taken().len() == 1 }).await;
    let mail = world.mail.taken().remove(0);
    let text = mail.text.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(text.contains("Friday, March 5, at 3:30 pm") && text.contains("1 pm"), "{text}");
    assert!(!text.contains("12 noon") && !text.contains("2 pm"), "{text}");

    world.publish(inquiry, &[moved(inquiry, "2027-03-06T18:00:00Z", world.clock.now())]).await;
    eventually("heard", || async { world.count("SELECT count(*) FROM inbox").await == 4 }).await;
    world.settle().await;
    assert_eq!(world.mail.taken().len(), 1, "who was told a time is not told another one by mail; the page shows it");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mail_of_the_evening_or_of_the_night_on_which_clocks_change_names_the_morning_by_the_wall() {
    let world = World::start().await;
    // 19:40 on a Friday, and half past two on the nights of spring (by the old time) and autumn.
    for (received_at, opens, due, said) in [
        (
            "2027-03-13T03:40:00Z",
            "2027-03-13T16:00:00Z",
            "2027-03-13T20:00:00Z",
            ["at 8 am", "Saturday, March 13, at 12 noon"],
        ),
        (
            "2027-03-14T10:30:00Z",
            "2027-03-15T14:30:00Z",
            "2027-03-15T18:30:00Z",
            ["at 7:30 am", "Monday, March 15, at 11:30 am"],
        ),
        (
            "2027-11-07T10:30:00Z",
            "2027-11-08T15:30:00Z",
            "2027-11-08T19:30:00Z",
            ["at 7:30 am", "Monday, November 8, at 11:30 am"],
        ),
    ] {
        let inquiry = world.clock.new_id();
        world.clock.set(at(received_at));
        let route = RouteDecided {
            after_hours: true,
            clock_starts_at: micros(at(opens)),
            response_due_at: micros(at(due)),
            ..routed(inquiry, world.clock.now())
        };
        world.publish(inquiry, &[route]).await;
        world.wait_for(inquiry, &["confirmation sent"]).await;
        let mail = world.mail.taken_by(&mail_of(inquiry)).remove(0);
        let text = mail.text.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(said.iter().all(|words| text.contains(words)), "{said:?}: {text}");
    }
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn staff_hear_once_of_an_inquiry_that_is_late_by_its_number_alone_whatever_the_patient_stopped() {
    let mut world = World::start().await;
    let (inquiry, now) = (world.clock.new_id(), world.clock.now());
    world.staff().stop_messages(stop(inquiry)).await.expect("stopped");
    let raised = EscalationRaised {
        inquiry_id: inquiry.to_string(),
        center: CENTER.into(),
        team: "breast".into(),
        why: "late".into(),
        level: 2,
        to: "lead".into(),
        staff: vec!["priya-nair".into(), "who-left".into()],
        response_due_at: micros(at("2027-03-04T19:30:00Z")),
        at: micros(now),
        reference: "HV-7K4M-2QX".into(),
        ..Default::default()
    };
    world.publish(inquiry, std::slice::from_ref(&raised)).await;
    world.publish(inquiry, &[raised]).await;
    let failed = world.published::<NoticeFailed>(1).await.remove(0).1.outcome.expect("an outcome");
    assert_eq!(
        (failed.kind.as_str(), failed.reason.as_str()),
        ("staff_escalation", "no_channel"),
        "who left has no address"
    );
    world.published::<NoticeSent>(1).await;
    world.settle().await;
    let mails = world.mail.taken();
    assert_eq!(mails.len(), 1, "the same level told again makes no second mail");
    let mail = &mails[0];
    assert_eq!(mail.to, "priya.nair@harborvalley.example");
    assert_eq!(mail.subject, "Harbor Valley: inquiry HV-7K4M-2QX, first contact is late");
    assert!(
        mail.text.contains("Hello Priya Nair") && mail.text.contains("It was due Thursday, March 4"),
        "{}",
        mail.text
    );
    assert!(mail.stop.is_empty() && !mail.text.contains("breast"));
    assert!(listed(&world, inquiry).await.is_empty(), "it is no message to the person");
    assert!(world.people.known.lock().expect("lock").asked.is_empty(), "nobody looked at the person");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn staff_hear_that_a_review_is_late_by_number_and_time_limit_once() {
    let mut world = World::start().await;
    let (inquiry, now) = (world.clock.new_id(), world.clock.now());
    let raised = ReviewEscalated {
        inquiry_id: inquiry.to_string(),
        center: CENTER.into(),
        team: "breast".into(),
        why: "review_late".into(),
        level: 1,
        to: "lead".into(),
        staff: vec!["priya-nair".into()],
        review_due_at: micros(at("2027-03-04T19:30:00Z")),
        at: micros(now),
        reference: "HV-7K4M-2QX".into(),
        ..Default::default()
    };
    world.publish(inquiry, std::slice::from_ref(&raised)).await;
    world.publish(inquiry, &[raised]).await;
    world.published::<NoticeSent>(1).await;
    world.settle().await;
    let mails = world.mail.taken();
    assert_eq!(mails.len(), 1, "the same level told again makes no second mail");
    let mail = &mails[0];
    assert_eq!(mail.to, "priya.nair@harborvalley.example");
    assert_eq!(mail.subject, "Harbor Valley: inquiry HV-7K4M-2QX, the review of its papers is late");
    assert!(mail.text.contains("It was due Thursday, March 4, at 11:30 am"), "{}", mail.text);
    assert!(listed(&world, inquiry).await.is_empty(), "it is no message to the person");
    assert!(world.people.known.lock().expect("lock").asked.is_empty(), "nobody looked at the person");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_has_died_or_asked_us_to_stop_hears_nothing_more_not_even_of_a_visit_that_is_called_off() {
    let world = World::start().await;
    let now = world.clock.now();
    let called_off = |inquiry: Uuid, appointment: Uuid, at: Timestamp| AppointmentCancelled {
        facts: Some(facts(inquiry, now)),
        appointment: visit(inquiry, appointment, "2027-03-10T18:00:00Z"),
        version: 2,
        at: micros(at),
        ..AppointmentCancelled::default()
    };
    let mut ids = Vec::new();
    for reason in ["deceased", "asked_to_stop", "not_ready"] {
        let (inquiry, appointment) = (world.clock.new_id(), world.clock.new_id());
        world.publish(inquiry, &[routed(inquiry, now)]).await;
        world.wait_for(inquiry, &["confirmation sent"]).await;
        world.publish(inquiry, &[closed_for(reason, inquiry, now)]).await;
        ids.push((inquiry, appointment));
    }
    world.settle().await;
    world.advance(1);
    for (inquiry, appointment) in &ids {
        world.publish(*inquiry, &[called_off(*inquiry, *appointment, world.clock.now())]).await;
        world.publish(*inquiry, &[requested(*inquiry, world.clock.now())]).await;
    }
    world.settle().await;
    for (inquiry, _) in &ids[..2] {
        let sent = world.mail.taken().iter().filter(|mail| mail.to == mail_of(*inquiry)).count();
        assert_eq!(sent, 1, "the confirmation of before, and nothing since");
    }
    let other = world.mail.taken().iter().filter(|mail| mail.to == mail_of(ids[2].0)).count();
    assert!(other > 1, "another reason ends what was caused before it, and a later one is sent");
    let stops = "SELECT count(*) FROM inquiry_stops WHERE actor_id = 'intake-desk' AND channel = 'all'";
    assert_eq!(world.count(stops).await, 2);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crash_between_sending_and_recording_is_told_and_never_sends_twice() {
    let mut world = World::start().await;
    let inquiry = world.clock.new_id();
    world.people.set_email(inquiry, "slow@home.example");
    world.publish(inquiry, &[routed(inquiry, world.clock.now())]).await;
    eventually("the mail server has the mail", || async { world.mail.taken().len() == 1 }).await;
    world.kill();

    world.run().await;
    world.settle().await;
    assert_eq!(world.notices(inquiry).await, ["confirmation sending"], "another's lease is respected");
    let aged = sqlx::query("UPDATE notices SET lease_until = now() - interval '1 second' WHERE state = 'sending'");
    aged.execute(&world.admin).await.expect("aged");
    world.wait_for(inquiry, &["confirmation unknown interrupted"]).await;
    let told = world.published::<NoticeUncertain>(1).await;
    assert_eq!(told[0].1.outcome.as_ref().expect("an outcome").reason, "interrupted");
    world.advance(100);
    world.publish(inquiry, &[routed(inquiry, world.clock.now())]).await;
    world.settle().await;
    assert_eq!(world.mail.taken().len(), 1);
    world.published::<NoticeSent>(0).await;
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mail_server_that_is_down_delays_and_a_notice_is_still_sent_once() {
    let mut world = World::start().await;
    world.mail.down().await;
    let inquiry = world.clock.new_id();
    world.publish(inquiry, &[routed(inquiry, world.clock.now())]).await;
    world.wait_for(inquiry, &["confirmation intended connect"]).await;
    world.clock.advance(SignedDuration::from_mins(1));
    assert!(world.people.known.lock().expect("lock").asked.is_empty(), "nobody is read of who can not be written to");
    eventually("a second try", || async { world.count("SELECT max(attempts)::bigint FROM notices").await == 2 }).await;
    world.mail.up().await;
    world.clock.advance(SignedDuration::from_mins(5));
    world.wait_for(inquiry, &["confirmation sent"]).await;
    world.published::<NoticeSent>(1).await;
    world.settle().await;
    assert_eq!(world.mail.taken_by(&mail_of(inquiry)).len(), 1);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_an_outage_that_made_it_untrue_a_confirmation_becomes_a_call() {
    let mut world = World::start().await;
    world.mail.down().await;
    let inquiry = world.clock.new_id();
    world.publish(inquiry, &[routed(inquiry, world.clock.now())]).await;
    world.wait_for(inquiry, &["confirmation intended connect"]).await;
    world.mail.up().await;
    world.advance(48);
    world.wait_for(inquiry, &["confirmation failed too_late"]).await;
    let told = world.published::<NoticeFailed>(1).await;
    assert_eq!(told[0].1.outcome.as_ref().expect("an outcome").reason, "too_late");
    assert!(world.mail.taken().is_empty());
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_mail_server_says_decides_and_staff_hear_of_what_did_not_go_out() {
    let mut world = World::start().await;
    let now = world.clock.now();
    let [later, gone, cut, homeless, silent] = std::array::from_fn(|_| world.clock.new_id());
    for (inquiry, email) in
        [(later, "later@home.example"), (gone, "gone@home.example"), (cut, "cut@home.example"), (homeless, "")]
    {
        world.people.set_email(inquiry, email);
        world.publish(inquiry, &[routed(inquiry, now)]).await;
    }
    let no_consent = Facts { consent: None, ..facts(silent, now) };
    world.publish(silent, &[RouteDecided { facts: Some(no_consent), ..routed(silent, now) }]).await;

    world.wait_for(gone, &["confirmation failed rejected"]).await;
    world.wait_for(cut, &["confirmation unknown unanswered"]).await;
    world.wait_for(homeless, &["confirmation suppressed no_channel"]).await;
    world.wait_for(silent, &["confirmation suppressed no_channel"]).await;
    world.wait_for(later, &["confirmation intended smtp_451"]).await;
    world.clock.advance(SignedDuration::from_mins(1));
    world.wait_for(later, &["confirmation sent"]).await;
    world.advance(2);
    world.settle().await;
    assert_eq!(world.mail.taken_by("cut@home.example").len(), 1, "what may have gone out is not sent again");
    assert_eq!(world.mail.taken_by("later@home.example").len(), 1);

    let failed = world.published::<NoticeFailed>(3).await;
    let mut told: Vec<(String, String)> = failed
        .into_iter()
        .map(|(_, event)| event.outcome.expect("an outcome"))
        .map(|outcome| (outcome.inquiry_id, outcome.reason))
        .collect();
    told.sort();
    let mut wanted = vec![
        (gone.to_string(), "rejected".to_owned()),
        (homeless.to_string(), "no_channel".to_owned()),
        (silent.to_string(), "no_channel".to_owned()),
    ];
    wanted.sort();
    assert_eq!(told, wanted);
    world.published::<NoticeUncertain>(1).await;
    let leaked = "SELECT count(*) FROM notices AS n WHERE n::text LIKE '%@%' OR n::text LIKE '%Rosa%'";
    assert_eq!(world.count(leaked).await, 0, "a row quotes an address or a name");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stop_counts_at_once_and_for_the_persons_other_inquiries_until_they_consent_anew() {
    let mut world = World::start().await;
    let (first, other, later) = (world.clock.new_id(), world.clock.new_id(), world.clock.new_id());
    for inquiry in [first, other, later] {
        world.people.set_email(inquiry, if inquiry == first { "rosa@home.example" } else { "Rosa@Home.example" });
    }
    let start = world.clock.now();
    world.publish(first, &[routed(first, start)]).await;
    world.wait_for(first, &["confirmation sent"]).await;
    world.mail.down().await;
    world.advance(1);
    world.publish(first, &[requested(first, world.clock.now())]).await;
    world.wait_for(first, &["confirmation sent", "records_request intended connect"]).await;

    let mut patient = world.client(Actor::patient(first.to_string(), CENTER));
    let stopped = patient.stop_messages(stop(first)).await.expect("stopped").into_inner();
    assert_eq!((stopped.cancelled, stopped.stopped_at), (1, micros(world.clock.now())));
    let again = patient.stop_messages(stop(first)).await.expect("stopped again").into_inner();
    assert_eq!((again.cancelled, again.stopped_at), (0, stopped.stopped_at));

    let told = world.published::<ContactStopped>(2).await;
    let wish = |event: &ContactStopped| (event.inquiry_id.clone(), event.channel.clone());
    assert!(told.iter().all(|(_, event)| wish(event) == (first.to_string(), "all".to_owned())), "{told:?}");
    let asked = ListNoticesRequest { center: CENTER.into(), inquiry_id: first.to_string() };
    let shown = patient.list_notices(asked).await.expect("a list").into_inner().stopped;
    assert_eq!(
        shown.iter().map(|one| (one.channel.as_str(), one.since)).collect::<Vec<_>>(),
        [("all", stopped.stopped_at)]
    );

    world.mail.up().await;
    world.advance(1);
    world.publish(first, &[requested(first, world.clock.now())]).await;
    world.publish(other, &[routed(other, start)]).await;
    world.publish(later, &[routed(later, world.clock.now())]).await;
    let ended = ["confirmation sent", "records_request suppressed stopped", "records_request suppressed stopped"];
    world.wait_for(first, &ended).await;
    world.wait_for(other, &["confirmation suppressed stopped"]).await;
    world.wait_for(later, &["confirmation sent"]).await;
    assert_eq!(world.mail.taken().len(), 2);
    let failed = world.published::<NoticeFailed>(2).await;
    let kinds = failed.iter().filter_map(|(_, event)| event.outcome.as_ref()).map(|one| one.kind.as_str());
    assert_eq!(kinds.collect::<Vec<_>>(), ["records_request"; 2], "the desk waits for these alone");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_channel_is_told_once_however_often_it_is_stopped() {
    let mut world = World::start().await;
    let inquiry = world.clock.new_id();
    for _ in 0..2 {
        let texts = StopMessagesRequest { channel: "sms".into(), ..stop(inquiry) };
        world.staff().stop_messages(texts).await.expect("stopped");
    }
    let told = world.published::<ContactStopped>(1).await;
    assert_eq!(told[0].1.channel, "sms");
    world.settle().await;
    world.end().await;
}

fn mended(inquiry: Uuid, changed: &str, version: i64, now: Timestamp) -> InquiryAmended {
    let changed = vec![changed.to_owned()];
    InquiryAmended { facts: Some(facts(inquiry, now)), changed, version, at: micros(now) }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_had_no_address_is_confirmed_once_it_is_mended_unless_that_comes_too_late_or_they_want_no_mail() {
    let mut world = World::start().await;
    let (waits, late, unwilling) = (world.clock.new_id(), world.clock.new_id(), world.clock.new_id());
    let now = world.clock.now();
    for inquiry in [waits, late, unwilling] {
        world.people.set_email(inquiry, "");
    }
    let mut no_mail = routed(unwilling, now);
    no_mail.facts.as_mut().expect("facts").consent = None;
    let soon = RouteDecided { response_due_at: micros(now + SignedDuration::from_mins(2)), ..routed(late, now) };
    world.publish(waits, &[routed(waits, now)]).await;
    world.publish(late, &[soon]).await;
    world.publish(unwilling, &[no_mail]).await;
    for inquiry in [waits, late, unwilling] {
        world.wait_for(inquiry, &["confirmation suppressed no_channel"]).await;
    }
    world.published::<NoticeFailed>(3).await;
    world.advance(1);
    let now = world.clock.now();
    // Another answer changes nothing.
    world.publish(waits, &[mended(waits, "phone", 2, now)]).await;
    world.settle().await;
    world.wait_for(waits, &["confirmation suppressed no_channel"]).await;
    for inquiry in [waits, late, unwilling] {
        world.people.set_email(inquiry, &mail_of(inquiry));
        world.publish(inquiry, &[mended(inquiry, "email", 3, now)]).await;
    }
    world.wait_for(waits, &["confirmation sent"]).await;
    // Mended once more, and told once more: nobody gets two.
    world.publish(waits, &[mended(waits, "email", 4, now)]).await;
    world.settle().await;
    for inquiry in [late, unwilling] {
        world.wait_for(inquiry, &["confirmation suppressed no_channel"]).await;
    }
    assert_eq!(world.mail.taken().iter().map(|mail| mail.to.clone()).collect::<Vec<_>>(), [mail_of(waits)]);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_else_may_stop_or_see_a_persons_messages() {
    let world = World::start().await;
    let inquiry = world.clock.new_id();
    let list = || ListNoticesRequest { center: CENTER.into(), inquiry_id: inquiry.to_string() };
    let stranger = Actor::patient(world.clock.new_id().to_string(), CENTER);
    let elsewhere = Actor::staff("ben", "Ben", "lakeside", vec![Role::Manager]);
    let analyst = Actor::staff("cleo", "Cleo", CENTER, vec![Role::Analyst]);
    for (actor, code) in
        [(stranger, Code::NotFound), (elsewhere, Code::PermissionDenied), (analyst, Code::PermissionDenied)]
    {
        let mut client = world.client(actor);
        assert_eq!(client.stop_messages(stop(inquiry)).await.expect_err("refused").code(), code);
        assert_eq!(client.list_notices(list()).await.expect_err("refused").code(), code);
    }
    let odd = StopMessagesRequest { channel: "pigeon".into(), ..stop(inquiry) };
    assert_eq!(world.staff().stop_messages(odd).await.expect_err("refused").code(), Code::InvalidArgument);
    assert_eq!(world.count("SELECT count(*) FROM inquiry_stops").await, 0);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_closed_inquiry_says_no_more_unless_something_new_happens() {
    let mut world = World::start().await;
    world.mail.down().await;
    let (inquiry, late, appointment) = (world.clock.new_id(), world.clock.new_id(), world.clock.new_id());
    let start = world.clock.now();
    let booked = booked(inquiry, appointment, start);
    world.publish(inquiry, &[routed(inquiry, start)]).await;
    world.publish(inquiry, &[booked]).await;
    world.wait_for(inquiry, &["appointment_booked intended connect", "confirmation intended connect"]).await;
    assert_eq!(world.count("SELECT count(*) FROM timers WHERE state = 'pending'").await, 2);

    world.advance(1);
    world.publish(inquiry, &[closed(inquiry, world.clock.now())]).await;
    world.publish(late, &[closed(late, world.clock.now())]).await;
    world.wait_for(inquiry, &["appointment_booked suppressed closed", "confirmation suppressed closed"]).await;
    assert_eq!(world.count("SELECT count(*) FROM timers WHERE state = 'pending'").await, 0);

    world.mail.up().await;
    // The route was decided before the closing and is heard after it.
    world.publish(late, &[routed(late, start)]).await;
    world.wait_for(late, &["confirmation suppressed closed"]).await;
    world.advance(1);
    world.publish(late, &[requested(late, world.clock.now())]).await;
    world.wait_for(late, &["confirmation suppressed closed", "records_request sent"]).await;
    assert_eq!(world.mail.taken().len(), 1);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_visit_that_stands_is_reminded_of_where_its_inquiry_was_closed_and_opened_again() {
    let world = World::start().await;
    let (inquiry, appointment) = (world.clock.new_id(), world.clock.new_id());
    let start = world.clock.now();
    let booked = booked(inquiry, appointment, start);
    world.publish(inquiry, &[booked]).await;
    world.wait_for(inquiry, &["appointment_booked sent"]).await;
    let pending = "SELECT count(*) FROM timers WHERE kind = 'appointment_reminder' AND state = 'pending'";
    let set = world.count(pending).await;
    assert!(set > 0);
    world.advance(1);
    world.publish(inquiry, &[closed(inquiry, world.clock.now())]).await;
    eventually("nobody is reminded", || async { world.count(pending).await == 0 }).await;
    world.advance(1);
    let reopened = StageChanged {
        facts: Some(facts(inquiry, start)),
        from: Stage::Closed.into(),
        to: Stage::Scheduled.into(),
        reopen_reason: "closed_by_mistake".into(),
        at: micros(world.clock.now()),
        version: 3,
        ..StageChanged::default()
    };
    world.publish(inquiry, &[reopened]).await;
    eventually("they are set again", || async { world.count(pending).await == set }).await;
    world.clock.set(at("2027-03-15T18:31:00Z"));
    world.wait_for(inquiry, &["appointment_booked sent", "appointment_reminder sent"]).await;
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_moved_visit_leaves_no_stale_reminder_and_a_cancelled_one_none_at_all() {
    let world = World::start().await;
    let (inquiry, appointment) = (world.clock.new_id(), world.clock.new_id());
    let start = world.clock.now();
    let booked = booked(inquiry, appointment, start);
    world.publish(inquiry, std::slice::from_ref(&booked)).await;
    world.wait_for(inquiry, &["appointment_booked sent"]).await;
    world.advance(1);
    let moved = AppointmentRescheduled {
        facts: Some(facts(inquiry, start)),
        appointment: visit(inquiry, appointment, "2027-03-25T17:30:00Z"),
        previous_starts_at: micros(at("2027-03-18T18:30:00Z")),
        version: 2,
        at: micros(world.clock.now()),
        ..AppointmentRescheduled::default()
    };
    world.publish(inquiry, &[moved]).await;
    world.publish(inquiry, &[booked]).await;
    world.wait_for(inquiry, &["appointment_booked sent", "appointment_rescheduled sent"]).await;

    // A timer of the old time that fires all the same reminds nobody.
    let stale =
        sqlx::query("UPDATE timers SET state = 'pending' WHERE state = 'cancelled'").execute(&world.admin).await;
    assert_eq!(stale.expect("set again").rows_affected(), 2);
    world.clock.set(at("2027-03-17T18:31:00Z"));
    eventually("stale timers have fired", || async {
        world.count("SELECT count(*) FROM timers WHERE state = 'fired'").await == 2
    })
    .await;
    world.settle().await;
    assert_eq!(world.notices(inquiry).await.len(), 2);

    world.clock.set(at("2027-03-22T17:30:30Z"));
    let reminded = ["appointment_booked sent", "appointment_rescheduled sent", "appointment_reminder sent"];
    world.wait_for(inquiry, &reminded).await;
    let mails = world.mail.taken();
    assert!(mails[1].text.contains("Thursday, March 25, at 10:30 am"), "{}", mails[1].text);
    assert!(mails[2].subject.contains("Thursday, March 25, at 10:30 am"), "{}", mails[2].subject);

    let cancelled = AppointmentCancelled {
        facts: Some(facts(inquiry, start)),
        appointment: visit(inquiry, appointment, "2027-03-25T17:30:00Z"),
        version: 3,
        at: micros(world.clock.now()),
        ..AppointmentCancelled::default()
    };
    world.publish(inquiry, &[cancelled]).await;
    eventually("the cancelled visit is known", || async {
        world.count("SELECT count(*) FROM appointments WHERE state = 'cancelled'").await == 1
    })
    .await;
    world.clock.set(at("2027-03-24T17:31:00Z"));
    world.settle().await;
    let reminders = "SELECT count(*) FROM notices WHERE kind = 'appointment_reminder'";
    assert_eq!(world.count(reminders).await, 1);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_centers_backlog_does_not_hold_up_another_center() {
    let mut world = World::start().await;
    let inquiry = world.clock.new_id();
    world.publish(inquiry, &[routed(inquiry, world.clock.now())]).await;
    world.wait_for(inquiry, &["confirmation sent"]).await;
    world.kill();

    world.add_center("lakeside").await;
    // Older than the other center's, so that the plain order of time would send them all first.
    let (elsewhere, other) = (world.clock.new_id(), world.clock.now() - SignedDuration::from_mins(1));
    world.copy_notices(inquiry, (CENTER, inquiry), 600, other - SignedDuration::from_mins(1)).await;
    world.copy_notices(inquiry, ("lakeside", elsewhere), 1, other).await;
    world.run().await;
    world.wait_for(elsewhere, &["confirmation sent"]).await;
    eventually("the backlog is sent", || async {
        world.count("SELECT count(*) FROM notices WHERE state = 'sent'").await == 602
    })
    .await;
    let mails = world.mail.taken();
    assert_eq!(mails.len(), 602);
    let place = mails.iter().position(|mail| mail.to == mail_of(elsewhere)).expect("the other center's mail");
    assert!(place <= 1 + 64, "{place} mails of one center went before the only one of another");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_stumbles_after_the_sending_makes_no_mail_uncertain() {
    let mut world = World::start().await;
    world.refuse_settling(3).await;
    let inquiry = world.clock.new_id();
    world.publish(inquiry, &[routed(inquiry, world.clock.now())]).await;
    world.wait_for(inquiry, &["confirmation sent"]).await;
    assert_eq!(world.count("SELECT last_value FROM refused").await, 4, "refused three times, then written down");
    world.published::<NoticeSent>(1).await;
    world.published::<NoticeUncertain>(0).await;
    assert_eq!(world.mail.taken().len(), 1);
    world.end().await;
}
