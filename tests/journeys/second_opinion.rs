//! A second opinion without records, told by gRPC alone: asked at night, moved by the link, kept.

use base64::Engine as _;
use causeway_funnel::time_words;
use causeway_proto::intake::v1::Stage;
use causeway_tests::{Days, PAPER, ask_by_form, eventually, planted, reached, some_thursday};
use jiff::civil::time;
use jiff::{SignedDuration, Timestamp};

use crate::story::{CENTER, Story, assert_told, checklist, instant, profile};

const MARK: &str = "qazwinevening";
/// How long before a visit its reminders go out.
const REMINDERS: [SignedDuration; 2] = [SignedDuration::from_hours(72), SignedDuration::from_hours(24)];

#[tokio::test(flavor = "multi_thread")]
async fn a_second_opinion_by_grpc_is_called_in_the_morning_reviewed_booked_moved_and_kept() {
    let profile = profile();
    let (calendar, zone) = (profile.calendar(None), profile.calendar(None).zone().clone());
    let words = |at: Timestamp| time_words::words(at, &zone, "en");
    let evening = some_thursday(calendar, time(19, 40, 0, 0));
    let opening = calendar.next_opening(evening);

    // 19:40: sent twice by a shaky line, taken once, confirmed at once.
    let days = Days::begin(evening).await;
    let asked = ask_by_form(days.here(), CENTER, "second-opinion", &planted(MARK), MARK).await.expect("taken");
    let again = ask_by_form(days.here(), CENTER, "second-opinion", &planted(MARK), MARK).await.expect("taken");
    assert!(again.repeated && again.inquiry_id == asked.inquiry_id, "{again:?}");
    let mut story = Story::of_the_only_one(days).await;
    let shown = story.stands(Stage::Routed, "first_contact").await;
    let due = opening + SignedDuration::from_hours(4);
    assert_eq!((shown.team.as_str(), instant(shown.due_at)), ("gi-second-opinion", due));
    assert!(shown.after_hours && shown.owner.is_empty(), "nobody is on duty: {shown:?}");
    let lines = ["pathology_report", "imaging", "physician_notes", "operative_note"];
    assert_eq!(checklist(&shown), lines.map(|kind| (kind, "needed")));
    let confirmation = story.days.mail(MARK, "we have your request").await;
    for said in ["We are closed right now", &words(opening), &words(due), "/p/", &shown.records[0].label] {
        assert!(confirmation.contains(said), "{said}: {confirmation}");
    }
    let status = story.patient().status().await.expect("the link");
    assert_eq!((status.reference, instant(status.contact_by)), (asked.reference, due));

    // In the morning somebody else has asked as well, and she is first.
    story.days.go_on(opening + SignedDuration::from_mins(20), 1.0).await;
    let other = planted("qazwinmorning");
    ask_by_form(story.days.here(), CENTER, "second-opinion", &other, "morning").await.expect("taken");
    eventually("both are on the worklist", 60, async || story.worklist().await.len() == 2).await;
    assert_eq!(story.worklist().await[0].inquiry_id, story.id, "due first");
    let caller = story.owner_is_one_of(&["luis-ortega", "dana-whitfield"]).await;
    let mut desk = story.desk(&caller);
    let claimed = desk.claim_next("morning").await.expect("the next one");
    let facts = claimed.facts.as_ref().expect("facts");
    assert_eq!((facts.inquiry_id.as_str(), claimed.owner.as_str()), (story.id.as_str(), caller.as_str()), "due first");
    assert!(claimed.script_id == "no-records-yet" && claimed.script_text.contains("You do not need any papers"));
    let called = story.days.now();
    desk.attempt(&story.id, "reached").await.expect("reached");
    let shown = story.stands(Stage::Contacted, "complete_intake").await;
    assert_eq!((shown.clock_state.as_str(), shown.attempts), ("met", 1));
    story.assert_due(&shown, called, 480);
    desk.fill_note(&story.id).await.expect("noted");
    desk.ask_for(&story.id, &["pathology_report", "imaging"], "patient").await.expect("asked for");
    let shown = story.stands(Stage::IntakeComplete, "gather_records").await;
    story.assert_asks_again_first(&shown, called);
    assert_eq!(checklist(&shown)[..2], [("pathology_report", "requested"), ("imaging", "requested")]);
    let refused = story.patient().offers("").await.expect("an answer");
    assert_eq!((refused.refused_by.as_str(), refused.slots.len()), ("review_first", 0), "{refused:?}");
    assert_eq!(refused.words_for_patient, "A doctor reads your records first. Then we offer dates.");
    assert!(desk.offers(&story.id).await.expect("an answer").words_for_staff.contains("A reviewer reads"));
    let papers = story.days.mail(MARK, "papers for").await;
    assert!(papers.contains(&shown.records[0].label) && papers.contains(&shown.records[1].label), "{papers}");
    assert!(!papers.contains(&shown.records[2].label), "what she was not asked for: {papers}");

    // She sends both by the link, the reviewer accepts, and dates are there.
    let paper = base64::engine::general_purpose::STANDARD.decode(PAPER).expect("base64");
    let sent = story.days.now();
    for (kind, name) in [("pathology_report", "biopsy.pdf"), ("imaging", "images.pdf")] {
        let content = [&paper[..], name.as_bytes()].concat();
        let kept = story.patient().send_document(kind, name, &content).await.expect("kept");
        assert_eq!((kept.record_kind.as_str(), kept.content_type.as_str()), (kind, "pdf"));
    }
    let shown = story.stands(Stage::RecordsReady, "review_records").await;
    story.assert_due(&shown, sent, 960);
    assert_eq!(checklist(&shown)[..2], [("pathology_report", "received"), ("imaging", "received")]);
    assert_eq!(story.patient().offers("").await.expect("an answer").refused_by, "review_first");
    let accepted = story.days.now();
    story.desk("mei-tanaka").accept_records(&story.id).await.expect("accepted");
    let shown = story.stands(Stage::RecordsReady, "offer_dates").await;
    story.assert_due(&shown, accepted, 240);
    eventually("dates are offered", 60, async || {
        story.patient().offers("valley").await.is_ok_and(|offered| !offered.slots.is_empty())
    })
    .await;
    let offered = story.patient().offers("valley").await.expect("dates");
    let slot = offered.slots.iter().find(|slot| slot.site == "valley").expect("one at the other site");
    let first = story.patient().book(&slot.slot_id).await.expect("booked");
    let shown = story.stands(Stage::Scheduled, "await_visit").await;
    assert_eq!((shown.due_at, first.site.as_str()), (first.starts_at, "valley"));
    let first_at = instant(first.starts_at);
    assert!(story.days.mail(MARK, "your visit is set").await.contains(&words(first_at)));

    // The reminder goes out; she can not come, and moves it by the link.
    assert!(first_at - REMINDERS[0] > story.days.now(), "it is ahead");
    story.comes(first_at - REMINDERS[0]).await;
    assert!(story.days.mail(MARK, "your visit on").await.contains(&words(first_at)));
    let later = first_at + SignedDuration::from_hours(24);
    let other = story.patient().offers("harbor").await.expect("dates").slots;
    let other = other.iter().find(|slot| instant(slot.starts_at) > later).expect("a later one");
    let second = story.patient().reschedule(&first.appointment_id, &other.slot_id, "other").await.expect("moved");
    let second_at = instant(second.starts_at);
    eventually("the desk knows", 60, async || story.inquiry().await.due_at == second.starts_at).await;
    let shown = story.stands(Stage::Scheduled, "await_visit").await;
    assert_told(&shown, &["Visit booked for", "Visit moved to"]);

    // The second reminder of the old time would go out now, and does not; the first one of the new time does.
    story.comes(first_at - REMINDERS[1]).await;
    eventually("the first reminder of the new time", 60, async || reminders(&story, &words(second_at)).await >= 1)
        .await;
    let expected = [
        "confirmation sent",
        "records_request sent",
        "appointment_booked sent",
        "appointment_reminder sent",
        "appointment_rescheduled sent",
        "appointment_reminder sent",
    ];
    story.notices_become(&expected).await;

    // She comes, and is counted at every stage.
    story.comes(second_at).await;
    let shown = story.stands(Stage::Scheduled, "confirm_attendance").await;
    story.desk(&shown.owner).attended(&second.appointment_id).await.expect("she came");
    let shown = story.stands(Stage::Attended, "nothing").await;
    let told = [
        "Came in by web form.",
        "Routed to Digestive care team.",
        "Message sent by email: confirmation.",
        "It is the turn of",
        "Claimed.",
        "Attempt 1 by phone call: reached. Script: no-records-yet,",
        "Stage is now: contacted.",
        "Stage is now: intake complete.",
        "Asked for: Biopsy report (may be called a pathology report), Pictures",
        "Message sent by email: records request.",
        "Biopsy report (may be called a pathology report): received.",
        "Pictures from CT, MRI, PET or X-ray, with the report: received.",
        "Stage is now: records ready.",
        "Records reviewed and accepted.",
        "Visit booked for Monday,",
        "Stage is now: scheduled.",
        "Message sent by email: appointment reminder.",
        "Visit moved to",
        "Message sent by email: appointment rescheduled.",
        "The visit's time is over",
        "Visit took place on",
        "Stage is now: attended.",
    ];
    assert_told(&shown, &told);
    let visits = story.patient().appointments().await.expect("visits");
    assert_eq!(visits.len(), 1, "it was moved, and is no second one: {visits:?}");
    let counted = story.counted("she came", |counted| reached(counted, Stage::Attended) == 1).await;
    let by_stage: Vec<i64> = counted.stages.iter().map(|stage| stage.reached).collect();
    assert_eq!(by_stage, [2, 2, 1, 1, 1, 1, 1], "both asked, and one went all the way");
    let attended = counted.stages.last().expect("attended");
    let from_receipt = second_at.duration_since(evening).as_secs_f64();
    assert!(attended.p90_seconds > 0.0 && attended.p90_seconds <= from_receipt + 600.0, "{attended:?}");
    let sent = [reminders(&story, &words(first_at)).await, reminders(&story, &words(second_at)).await];
    assert_eq!(sent, [1, 1], "nothing reminds of the old time after it was moved");
    story.notices_become(&expected).await;
    story.days.end().await;
}

/// How many reminders of a time went out.
async fn reminders(story: &Story, at: &str) -> usize {
    let about = story.days.mails_about(MARK, "your visit on").await;
    about.iter().filter(|text| text.contains(at)).count()
}
