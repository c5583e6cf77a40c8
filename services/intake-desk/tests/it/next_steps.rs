//! Dated next steps as conversion: agreed, moved, over, superseded by a visit, ended with the inquiry, and by whom.

use causeway_auth::{Actor, Role};
use causeway_funnel::inquiry::{AskedBy, CancerArea, ConsultType, Facts};
use causeway_proto::convert::{facts_to_wire, micros};
use causeway_proto::error::Reason;
use causeway_proto::inquiry::v1::Channel;
use causeway_proto::intake::v1::{
    AgreeNextStepRequest, CloseInquiryRequest, ContactAttempted, EndNextStepRequest, GetInquiryRequest, Inquiry,
    ListWorkRequest, LogAttemptRequest, NextStepAgreed, NextStepOver, Stage, StageChanged,
};
use causeway_proto::routing::v1::RouteDecided;
use causeway_proto::scheduling::v1::AppointmentBooked;
use jiff::Timestamp;
use tonic::Status;
use uuid::Uuid;

use crate::world::{CENTER, Desk, OTHER, World, at, eventually, page};

/// Friday at 10:00 in Seattle, a day after the tests begin.
const FRIDAY: &str = "2027-03-05T18:00:00Z";
const MONDAY: &str = "2027-03-08T18:00:00Z";

/// A caregiver's trial question, as journey 2 begins.
async fn trial_question(world: &World) -> Uuid {
    let inquiry = world.clock.new_id();
    let now = world.clock.now();
    let facts = Facts {
        center: CENTER.into(),
        reference: "HV-7K4M-2QX".into(),
        consult_type: ConsultType::ClinicalTrial,
        cancer_area: CancerArea::NotSure,
        asked_by: AskedBy::Caregiver,
        language: "en".into(),
        time_zone: "America/Los_Angeles".into(),
        received_at: now,
        ..Facts::default()
    };
    let route = RouteDecided {
        facts: Some(facts_to_wire(inquiry, &facts)),
        program: "trials".into(),
        team: "trials".into(),
        script: "trial-question".into(),
        ..world.routed(CENTER, inquiry)
    };
    world.publish(CENTER, inquiry, 1, &[route]).await;
    eventually("at the desk", || async { world.count("SELECT count(*) FROM inquiries").await > 0 }).await;
    inquiry
}

async fn agree(desk: &mut Desk, inquiry: Uuid, (kind, when): (&str, Timestamp), key: &str) -> Result<Inquiry, Status> {
    let request = AgreeNextStepRequest {
        center: CENTER.into(),
        inquiry_id: inquiry.to_string(),
        kind: kind.into(),
        at: micros(when),
        idempotency_key: key.into(),
    };
    desk.agree_next_step(request).await.map(tonic::Response::into_inner)
}

async fn end(desk: &mut Desk, inquiry: Uuid, how: &str) -> Result<Inquiry, Status> {
    let request = EndNextStepRequest {
        center: CENTER.into(),
        inquiry_id: inquiry.to_string(),
        how: how.into(),
        idempotency_key: String::new(),
    };
    desk.end_next_step(request).await.map(tonic::Response::into_inner)
}

fn step(page: &Inquiry) -> (&str, &str) {
    page.next_step.as_ref().map(|step| (step.label.as_str(), step.ended.as_str())).unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_screening_call_is_agreed_moved_and_over_and_each_is_told_with_its_kind() {
    let world = World::start().await;
    let mut desk = world.coordinator("dana-whitfield");
    let inquiry = trial_question(&world).await;
    assert!(page(&mut desk, inquiry).await.script_text.contains("about 14 days"), "the days of the center's steps");

    let agreed = agree(&mut desk, inquiry, ("screening_call", at(FRIDAY)), "a").await.expect("agreed");
    assert_eq!((agreed.stage(), agreed.next_action.as_str()), (Stage::Scheduled, "await_next_step"));
    assert_eq!((agreed.due_at, step(&agreed)), (micros(at(FRIDAY)), ("Screening call", "")));
    assert_eq!(agreed.next_action_words, "Next step agreed: Screening call");
    let again = agree(&mut desk, inquiry, ("screening_call", at(FRIDAY)), "a").await.expect("the same again");
    assert_eq!(again.version, agreed.version);
    let reused = agree(&mut desk, inquiry, ("screening_call", at(MONDAY)), "a").await.expect_err("another content");
    assert_eq!(Reason::of(&reused), Some(Reason::KeyReused));

    let moved = agree(&mut desk, inquiry, ("screening_call", at(MONDAY)), "b").await.expect("moved");
    assert_eq!(moved.due_at, micros(at(MONDAY)));
    let lines: Vec<&str> =
        moved.timeline.iter().filter(|line| line.kind == "next_step").map(|line| line.text.as_str()).collect();
    assert_eq!(
        lines,
        ["Moved: Screening call, Monday, March 8, at 10 am.", "Agreed: Screening call, Friday, March 5, at 10 am."]
    );
    let told = world.told::<NextStepAgreed>(inquiry).await;
    let whole: Vec<(&str, i64, bool)> =
        told.iter().map(|told| (told.kind.as_str(), told.starts_at, told.moved)).collect();
    assert_eq!(whole, [("screening_call", micros(at(FRIDAY)), false), ("screening_call", micros(at(MONDAY)), true)]);
    let worked = ListWorkRequest { center: CENTER.into(), next_action: "await_next_step".into(), ..Default::default() };
    let rows = desk.list_work(worked).await.expect("listed").into_inner().rows;
    assert_eq!((rows.len(), rows[0].next_step.as_str(), rows[0].due_at), (1, "screening_call", micros(at(MONDAY))));

    // The timer of Friday finds that it was moved; that of Monday brings it back.
    world.clock.set(at(FRIDAY) + jiff::SignedDuration::from_hours(1));
    eventually("Friday's timer has fired", || async { timers(&world).await == 1 }).await;
    assert_eq!(page(&mut desk, inquiry).await.next_action, "await_next_step");
    world.clock.set(at(MONDAY));
    eventually("its time has come", || async {
        page(&mut desk.clone(), inquiry).await.next_action == "confirm_next_step"
    })
    .await;
    let done = end(&mut desk, inquiry, "done").await.expect("over");
    assert_eq!((done.stage(), done.next_action.as_str(), step(&done).1), (Stage::Contacted, "complete_intake", "done"));
    assert_eq!((done.attempts, done.clock_state.as_str()), (1, "met_late"), "whoever was called was reached");
    let tried: Vec<(i64, String)> =
        sqlx::query_as("SELECT number::bigint, outcome FROM attempts").fetch_all(&world.admin).await.expect("attempts");
    assert_eq!(tried, [(1, "reached".to_owned())]);
    assert_eq!(world.told::<ContactAttempted>(inquiry).await[0].at, micros(at(MONDAY)));
    let stages: Vec<(Stage, String)> =
        world.told::<StageChanged>(inquiry).await.iter().map(|told| (told.to(), told.next_step.clone())).collect();
    let by = |stage, kind: &str| (stage, kind.to_owned());
    assert_eq!(
        stages,
        [by(Stage::Routed, ""), by(Stage::Scheduled, "screening_call"), by(Stage::Contacted, "screening_call")]
    );
    let over = world.told::<NextStepOver>(inquiry).await;
    assert_eq!((over.len(), over[0].how.as_str(), over[0].starts_at), (1, "done", micros(at(MONDAY))));
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn which_step_was_missed_is_named_where_it_is_called_about_and_where_that_was_done() {
    let world = World::start().await;
    let mut desk = world.coordinator("dana-whitfield");
    let inquiry = trial_question(&world).await;
    agree(&mut desk, inquiry, ("screening_call", at(FRIDAY)), "").await.expect("agreed");
    world.clock.set(at("2027-03-05T19:00:00Z"));
    let missed = end(&mut desk, inquiry, "missed").await.expect("over");
    let wanted = "Call about the agreed step that did not come about: Screening call";
    assert_eq!((missed.next_action.as_str(), missed.next_action_words.as_str()), ("follow_up_missed_step", wanted));
    let over = "The person could not be reached: Screening call, which was agreed for Friday, March 5, at 10 am.";
    assert!(missed.timeline.iter().any(|line| line.text == over), "{:?}", missed.timeline);
    let to_call =
        ListWorkRequest { center: CENTER.into(), next_action: "follow_up_missed_step".into(), ..Default::default() };
    let rows = desk.list_work(to_call).await.expect("listed").into_inner().rows;
    assert_eq!((rows.len(), rows[0].missed_step.as_str(), rows[0].next_step.as_str()), (1, "screening_call", ""));

    let reached = LogAttemptRequest {
        center: CENTER.into(),
        inquiry_id: inquiry.to_string(),
        channel: Channel::Phone.into(),
        outcome: "reached".into(),
        ..Default::default()
    };
    let done = desk.log_attempt(reached.clone()).await.expect("reached").into_inner();
    let tries = |page: &Inquiry| -> Vec<String> {
        page.timeline.iter().filter(|line| line.kind == "attempt").map(|line| line.text.clone()).collect()
    };
    let about = "It was about Screening call, agreed for Friday, March 5, at 10 am and missed.";
    assert!(tries(&done)[0].contains(about), "{:?}", tries(&done));
    assert_eq!((done.next_action.as_str(), step(&done)), ("complete_intake", ("Screening call", "missed")));
    let later = desk.log_attempt(reached).await.expect("once more").into_inner();
    assert!(!tries(&later)[0].contains("Screening call"), "{:?}", tries(&later));
    world.end().await;
}

async fn timers(world: &World) -> i64 {
    world.count("SELECT count(*) FROM timers WHERE kind = 'next-step-time' AND state = 'pending'").await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_does_not_fit_is_refused_and_says_what_to_do() {
    let world = World::start().await;
    let mut desk = world.coordinator("dana-whitfield");
    let inquiry = trial_question(&world).await;
    let mut refused = async |kind: &str, when: &str, reason, said: &str| {
        let status = agree(&mut desk, inquiry, (kind, at(when)), "").await.expect_err(said);
        assert_eq!(Reason::of(&status), Some(reason), "{said}");
        assert!(status.message().contains(said), "{}", status.message());
    };
    refused("tea", FRIDAY, Reason::UnknownName, "see booking.toml").await;
    refused("screening_call", "2027-03-04T17:00:00Z", Reason::FieldFault, "at must lie ahead").await;
    refused("screening_call", "2028-03-04T17:00:00Z", Reason::FieldFault, "within half a year").await;
    // Sunday; Monday at eight is nearer than the end of Saturday morning.
    refused(
        "screening_call",
        "2027-03-07T18:00:00Z",
        Reason::FieldFault,
        "the nearest time is Monday, March 8, at 8 am",
    )
    .await;
    // The center opens at half past seven, and nobody is called before eight.
    refused(
        "screening_call",
        "2027-03-05T15:30:00Z",
        Reason::FieldFault,
        "wants no calls then; the nearest time is Friday, March 5, at 8 am",
    )
    .await;
    assert!(agree(&mut desk, inquiry, ("records_review", at("2027-03-05T15:30:00Z")), "").await.is_ok());
    let second = world.begin(1).await[0];
    let other = agree(&mut desk, second, ("screening_call", at(FRIDAY)), "").await.expect_err("a second opinion");
    assert_eq!(Reason::of(&other), Some(Reason::WrongState));
    let unknown = end(&mut desk, inquiry, "superseded").await.expect_err("nobody says that");
    assert_eq!(Reason::of(&unknown), Some(Reason::FieldFault));
    let early = end(&mut desk, inquiry, "missed").await.expect_err("not yet");
    assert_eq!(Reason::of(&early), Some(Reason::WrongState));
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_visit_takes_its_place_and_a_close_ends_it_with_its_timer() {
    let world = World::start().await;
    let mut desk = world.coordinator("dana-whitfield");
    let inquiry = trial_question(&world).await;
    agree(&mut desk, inquiry, ("screening_call", at(FRIDAY)), "").await.expect("agreed");
    world.clock.set(at("2027-03-04T18:10:00Z"));
    let booked = AppointmentBooked {
        appointment: Some(world.appointment(inquiry, at(MONDAY))),
        version: 1,
        at: micros(world.clock.now()),
        ..Default::default()
    };
    world.publish(CENTER, inquiry, 1, &[booked]).await;
    eventually("the visit is what is waited for", || async {
        page(&mut desk.clone(), inquiry).await.next_action == "await_visit"
    })
    .await;
    assert_eq!(step(&page(&mut desk, inquiry).await).1, "superseded");
    let again = agree(&mut desk, inquiry, ("screening_call", at(MONDAY)), "").await.expect_err("a visit is booked");
    assert!(again.message().contains("call the visit off first"), "{}", again.message());

    let closing = world.begin(1).await[0];
    agree(&mut desk, closing, ("records_review", at(FRIDAY)), "").await.expect("agreed");
    let close =
        CloseInquiryRequest { center: CENTER.into(), inquiry_id: closing.to_string(), reason: "not_ready".into() };
    let closed = desk.close_inquiry(close).await.expect("closed").into_inner();
    assert_eq!((closed.stage(), step(&closed).1), (Stage::Closed, "called_off_by_center"));
    assert_eq!(world.told::<NextStepOver>(closing).await[0].how, "called_off_by_center", "the person hears of it");
    let lines = closed.timeline.len();
    world.clock.set(at("2027-03-05T19:00:00Z"));
    eventually("both timers have fired", || async { timers(&world).await == 0 }).await;
    assert_eq!(page(&mut desk, closing).await.timeline.len(), lines, "they found nothing to do");
    let late = agree(&mut desk, closing, ("records_review", at(MONDAY)), "").await.expect_err("closed");
    assert_eq!(Reason::of(&late), Some(Reason::Closed));
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn others_may_not_and_the_person_reads_their_own_in_their_words() {
    let world = World::start().await;
    let inquiry = trial_question(&world).await;
    let mut desk = world.coordinator("dana-whitfield");
    agree(&mut desk, inquiry, ("screening_call", at(FRIDAY)), "").await.expect("agreed");
    for actor in [
        Actor::staff("ada", "Ada", CENTER, vec![Role::Analyst]),
        Actor::staff("erin", "Erin", OTHER, vec![Role::Coordinator]),
        Actor::patient(inquiry.to_string(), CENTER),
    ] {
        let mut desk = world.as_actor(&actor);
        let refused = agree(&mut desk, inquiry, ("screening_call", at(MONDAY)), "").await.expect_err("may not");
        assert_eq!(refused.code(), tonic::Code::PermissionDenied, "{actor:?}");
        let refused = end(&mut desk, inquiry, "done").await.expect_err("may not");
        assert_eq!(refused.code(), tonic::Code::PermissionDenied, "{actor:?}");
    }
    let mut own = world.as_actor(&Actor::patient(inquiry.to_string(), CENTER));
    let asked = GetInquiryRequest { center: CENTER.into(), inquiry_id: inquiry.to_string() };
    let status = own.get_patient_status(asked).await.expect("one's own").into_inner();
    let agreed = status.next_step.expect("agreed");
    assert_eq!((agreed.label.as_str(), agreed.call), ("a call with our research nurse", true));
    let days: Vec<i32> = agreed.steps.iter().map(|step| step.days).collect();
    assert_eq!(days, [4, 3, 7]);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_try_keeps_the_script_that_was_used_and_a_voice_message_says_nothing_of_health() {
    let world = World::start().await;
    let mut desk = world.coordinator("dana-whitfield");
    let inquiry = trial_question(&world).await;
    let shown = page(&mut desk, inquiry).await;
    let beside: Vec<(&str, &str)> =
        shown.scripts.iter().map(|script| (script.situation.as_str(), script.id.as_str())).collect();
    assert_eq!(beside, [("caregiver_calling", "caregiver"), ("voicemail", "voicemail")]);
    let message = &shown.scripts[1].text;
    assert!(message.contains("206 555 0140") && message.contains("Monday to Friday, 7:30 am to 6:30 pm"), "{message}");
    assert_eq!(causeway_funnel::profile::health_word(message), None);
    // Nobody else asks for this one.
    let own = world.begin(1).await[0];
    assert_eq!(page(&mut desk, own).await.scripts.len(), 1);

    let attempt = |outcome: &str, script: &str, version: &str| LogAttemptRequest {
        center: CENTER.into(),
        inquiry_id: inquiry.to_string(),
        channel: Channel::Phone.into(),
        outcome: outcome.into(),
        script: script.into(),
        script_version: version.into(),
        ..Default::default()
    };
    // The last one is of a page that was opened before version 3 came.
    let tries = [
        ("voicemail", "", ""),
        ("no_answer", "", ""),
        ("reached", "caregiver", "1"),
        ("reached", "trial-question", "2"),
    ];
    for (outcome, script, version) in tries {
        desk.log_attempt(attempt(outcome, script, version)).await.expect("logged");
    }
    for (script, version) in [("a-poem", "1"), ("caregiver", "new"), ("trial-question", "4"), ("caregiver", "999")] {
        let refused = desk.log_attempt(attempt("reached", script, version)).await.expect_err("no such script");
        assert_eq!(refused.code(), tonic::Code::InvalidArgument, "{}", refused.message());
    }
    let kept: Vec<(String, String)> = sqlx::query_as("SELECT script, script_version FROM attempts ORDER BY number")
        .fetch_all(&world.admin)
        .await
        .expect("attempts");
    let wanted = [("voicemail", "1"), ("trial-question", "3"), ("caregiver", "1"), ("trial-question", "2")];
    let wanted: Vec<(String, String)> = wanted.iter().map(|(id, version)| ((*id).into(), (*version).into())).collect();
    assert_eq!(kept, wanted);
    let told: Vec<(String, String)> = world
        .told::<ContactAttempted>(inquiry)
        .await
        .into_iter()
        .map(|told| (told.script, told.script_version))
        .collect();
    assert_eq!(told, wanted);
    world.end().await;
}
