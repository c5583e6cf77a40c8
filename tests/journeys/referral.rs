//! A referral without its papers: the office speaks HL7 at its door, all that the center does goes by gRPC.

use causeway_proto::inquiry::v1::Source;
use causeway_proto::intake::v1::Stage;
use causeway_tests::{Days, Office, eventually, funnel, reached, some_thursday};
use jiff::SignedDuration;
use jiff::civil::time;

use crate::story::{CENTER, Story, assert_told, checklist, instant, profile};

#[tokio::test(flavor = "multi_thread")]
async fn a_referral_by_hl7_is_worked_by_grpc_from_missing_papers_to_a_visit_that_was_kept() {
    let morning = some_thursday(profile().calendar(None), time(9, 0, 0, 0));
    let office = Office { number: "GRPC-1" };
    let referral = office.referral("I12", "G-1");

    // The same message three times is one referral.
    let days = Days::begin(morning).await;
    let first = office.tell(days.here(), &referral, 2).await;
    for _ in 0..2 {
        assert_eq!(office.tell(days.here(), &referral, 2).await, first, "it gets the same answer");
    }
    let mut story = Story::of_the_only_one(days).await;
    let shown = story.stands(Stage::Routed, "first_contact").await;
    let facts = shown.facts.as_ref().expect("facts");
    let due = instant(facts.received_at) + SignedDuration::from_hours(4);
    assert_eq!((shown.team.as_str(), instant(shown.due_at)), ("thoracic", due));
    assert_eq!((facts.source(), facts.referring_office.as_str()), (Source::Hl7, "cedar-family"));
    let state = |lines: [&'static str; 3]| {
        ["imaging", "physician_notes", "blood_tests"].into_iter().zip(lines).collect::<Vec<_>>()
    };
    assert_eq!(checklist(&shown), state(["needed", "needed", "needed"]));
    assert_eq!(office.standing(story.days.here(), "G-2").await, "P", "it is here, and nobody has decided");

    // The coordinator calls and asks for what is missing; booking waits.
    let owner = story.owner_is_one_of(&["sam-lindqvist", "rosa-delgado"]).await;
    let mut desk = story.desk(&owner);
    let claimed = desk.claim(&story.id).await.expect("claimed");
    assert_eq!(claimed.script_id, "referral-triage");
    let called = story.days.now();
    desk.attempt(&story.id, "reached").await.expect("reached");
    let shown = story.stands(Stage::Contacted, "complete_intake").await;
    story.assert_due(&shown, called, 480);
    desk.fill_note(&story.id).await.expect("noted");
    let asked = story.days.now();
    desk.ask_for(&story.id, &["imaging", "physician_notes"], "patient").await.expect("asked for");
    // She left a phone number alone, so no message reaches her: she is to be called as soon as somebody is there.
    let untold = "The person could not be asked for documents";
    eventually("no message went out", 60, async || {
        story.inquiry().await.timeline.iter().any(|line| line.text.starts_with(untold))
    })
    .await;
    let shown = story.stands(Stage::IntakeComplete, "gather_records").await;
    story.assert_due(&shown, asked, 0);
    assert_eq!(checklist(&shown), state(["requested", "requested", "needed"]));
    let refused = desk.offers(&story.id).await.expect("an answer");
    assert_eq!((refused.refused_by.as_str(), refused.slots.len()), ("records_first", 0), "{refused:?}");
    assert_eq!(office.standing(story.days.here(), "G-3").await, "A", "the center works on it");

    // Its system sends one, twice, and booking waits still; then the other.
    for _ in 0..2 {
        office.tell(story.days.here(), &office.report("G-R1", "18748-4"), 1).await;
    }
    eventually("the images are here", 60, async || {
        checklist(&story.inquiry().await) == state(["received", "requested", "needed"])
    })
    .await;
    assert_eq!(desk.offers(&story.id).await.expect("an answer").refused_by, "records_first");
    let sent = story.days.now();
    office.tell(story.days.here(), &office.report("G-R2", "11506-3"), 1).await;
    let shown = story.stands(Stage::RecordsReady, "offer_dates").await;
    story.assert_due(&shown, sent, 240);
    assert_eq!(checklist(&shown), state(["received", "received", "needed"]));

    // The desk books what the clinic has.
    let slot = desk.offered(&story.id, 0).await.expect("a date");
    let visit = desk.book(&story.id, &slot.slot_id).await.expect("booked");
    assert_eq!(visit.site, "harbor", "the only site that has it");
    let shown = story.stands(Stage::Scheduled, "await_visit").await;
    assert_eq!(shown.due_at, visit.starts_at);
    story.counted("it is booked", |counted| reached(counted, Stage::Scheduled) == 1).await;

    story.comes(instant(visit.starts_at)).await;
    story.stands(Stage::Scheduled, "confirm_attendance").await;
    story.desk(&owner).attended(&visit.appointment_id).await.expect("came");
    let shown = story.stands(Stage::Attended, "nothing").await;
    let told = [
        "Came in by HL7 referral.",
        "Routed to Lung and chest team.",
        "The confirmation could not be sent",
        "Claimed.",
        "Attempt 1 by phone call: reached. Script: referral-triage,",
        "Stage is now: contacted.",
        "Stage is now: intake complete.",
        "Asked for: Pictures from CT, MRI, PET or X-ray, with the report, Notes from your doctor's visits.",
        untold,
        "Pictures from CT, MRI, PET or X-ray, with the report: received.",
        "Notes from your doctor's visits: received.",
        "Stage is now: records ready.",
        "Visit booked for",
        "Stage is now: scheduled.",
        "The visit's time is over",
        "Visit took place on",
        "Stage is now: attended.",
    ];
    assert_told(&shown, &told);
    story.counted("it is counted", |counted| reached(counted, Stage::Attended) == 1).await;
    assert_eq!(office.standing(story.days.here(), "G-4").await, "A", "seen");
    assert_eq!(office.tell(story.days.here(), &referral, 2).await, first, "and again much later");
    assert_eq!(reached(&funnel(story.days.here(), CENTER).await, Stage::Received), 1, "there is one inquiry");
    // She left a phone number alone: each message that can't go out is known, and none is repeated.
    let kinds = ["confirmation", "records_request", "appointment_booked"];
    let expected = kinds.map(|kind| format!("{kind} suppressed no_channel"));
    story.notices_become(&expected.each_ref().map(String::as_str)).await;
    story.days.end().await;
}
