//! A caregiver's question about a trial, told by gRPC alone: a screening call on a date is the confirmed next step.

use causeway_funnel::time_words;
use causeway_proto::intake::v1::Stage;
use causeway_tests::{Days, ask_by_form, planted, reached, some_thursday};
use jiff::civil::time;
use jiff::{SignedDuration, ToSpan as _};

use crate::story::{CENTER, Story, assert_told, checklist, instant, profile};

const MARK: &str = "qazwintrial";

#[tokio::test(flavor = "multi_thread")]
async fn a_trial_question_by_grpc_goes_to_the_trial_team_and_its_screening_call_counts() {
    let profile = profile();
    let (calendar, zone) = (profile.calendar(None), profile.calendar(None).zone().clone());
    let morning = some_thursday(calendar, time(10, 0, 0, 0));
    let mut answers = planted(MARK);
    answers.remove("consult_type");
    answers.insert("cancer_area".to_owned(), "not_sure".to_owned());

    let days = Days::begin(morning).await;
    ask_by_form(days.here(), CENTER, "clinical-trial", &answers, MARK).await.expect("taken");
    let mut story = Story::of_the_only_one(days).await;
    let shown = story.stands(Stage::Routed, "first_contact").await;
    let facts = shown.facts.as_ref().expect("facts");
    let due = instant(facts.received_at) + SignedDuration::from_hours(8);
    assert_eq!((shown.team.as_str(), instant(shown.due_at)), ("trials", due), "whatever the cancer area");
    assert_eq!((facts.asked_by.as_str(), shown.after_hours), ("caregiver", false));
    assert_eq!(
        checklist(&shown),
        ["treatment_summary", "pathology_report", "genomic_report"].map(|kind| (kind, "needed"))
    );
    let confirmation = story.days.mail(MARK, "we have your request").await;
    assert!(confirmation.contains(&time_words::words(due, &zone, "en")), "{confirmation}");

    // The structured call: the kind, what was done, how far they can travel.
    let owner = story.owner_is_one_of(&["omar-haddad", "elena-vargas"]).await;
    let mut desk = story.desk(&owner);
    let claimed = desk.claim(&story.id).await.expect("claimed");
    assert_eq!(claimed.script_id, "trial-question");
    let missing: Vec<&str> =
        claimed.note.iter().filter(|field| field.missing).map(|field| field.key.as_str()).collect();
    for key in ["diagnosis", "treatment_history", "travel_reach"] {
        assert!(missing.contains(&key), "{key}: {missing:?}");
    }
    let called = story.days.now();
    desk.attempt(&story.id, "reached").await.expect("reached");
    let shown = story.stands(Stage::Contacted, "complete_intake").await;
    story.assert_due(&shown, called, 480);
    desk.fill_note(&story.id).await.expect("noted");
    let shown = story.stands(Stage::IntakeComplete, "gather_records").await;
    story.assert_due(&shown, called, 1320);

    // A night is no time for the call; the morning after is, and that date is what they are told.
    let night = zone.to_datetime(morning).date().at(23, 0, 0, 0);
    let night = zone.to_timestamp(night).expect("an instant").as_microsecond();
    let refused = desk.agree_next_step(&story.id, "screening_call", night).await.expect_err("closed");
    assert_eq!(refused.code(), tonic::Code::InvalidArgument, "{refused:?}");
    let at = zone.to_timestamp(zone.to_datetime(morning).date().checked_add(1.day()).expect("Friday").at(10, 30, 0, 0));
    let at = at.expect("an instant");
    desk.agree_next_step(&story.id, "screening_call", at.as_microsecond()).await.expect("agreed");
    let shown = story.stands(Stage::Scheduled, "await_next_step").await;
    assert_eq!(instant(shown.due_at), at);
    let told = story.days.mail(MARK, "the next step is set").await;
    let steps = ["We read your records", "A nurse calls you", "We tell you which studies may fit"];
    for said in [&[time_words::words(at, &zone, "en").as_str()], &steps[..]].concat() {
        assert!(told.contains(said), "{said}: {told}");
    }
    let status = story.patient().status().await.expect("the link");
    let step = status.next_step.expect("the agreed step");
    assert_eq!((step.kind.as_str(), instant(step.at), step.call, step.steps.len()), ("screening_call", at, true, 3));
    let is_counted = |done: i64| {
        move |counted: &causeway_proto::metrics::v1::GetFunnelResponse| {
            let conversions: Vec<_> =
                counted.conversions.iter().map(|one| (one.next_step.as_str(), one.count, one.done)).collect();
            reached(counted, Stage::Scheduled) == 1 && conversions == [("screening_call", 1, done)]
        }
    };
    story.counted("it is the confirmed next step", is_counted(0)).await;

    // The call takes place.
    story.comes(at).await;
    story.stands(Stage::Scheduled, "confirm_next_step").await;
    story.desk(&owner).end_next_step(&story.id, "done").await.expect("done");
    story.counted("the call took place", is_counted(1)).await;
    let shown = story.stands(Stage::IntakeComplete, "gather_records").await;
    assert_eq!(shown.next_step.as_ref().map(|step| step.ended.as_str()), Some("done"));
    let told = [
        "Came in by web form.",
        "Routed to Clinical trials team.",
        "Message sent by email: confirmation.",
        "Claimed.",
        "Attempt 1 by phone call: reached. Script: trial-question,",
        "Stage is now: contacted.",
        "Stage is now: intake complete.",
        "Agreed: Screening call, Friday,",
        "Stage is now: scheduled.",
        "Message sent by email: next step agreed.",
        "The time of the agreed step has come",
        "It took place: Screening call",
        "Stage is now: intake complete.",
    ];
    assert_told(&shown, &told);
    story.notices_become(&["confirmation sent", "next_step_agreed sent"]).await;
    assert_eq!(story.days.mails(MARK).await.len(), 2, "and no other mail");
    story.days.end().await;
}
