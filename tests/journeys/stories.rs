//! The three journeys that must always work (DOMAIN), by gRPC alone: what staff and patients do on pages is asked of the services
//! themselves, and after each step stands what staff would see. Only the office speaks HL7, as offices do.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use causeway_funnel::time_words;
use causeway_proto::inquiry::v1::ingestion_client::IngestionClient;
use causeway_proto::inquiry::v1::{
    AppendDocumentRequest, BeginDocumentRequest, Document, FinishDocumentRequest, Source, SubmitInquiryRequest,
    SubmitInquiryResponse,
};
use causeway_proto::intake::v1::intake_desk_client::IntakeDeskClient;
use causeway_proto::intake::v1::{
    AgreeNextStepRequest, ClaimNextRequest, EndNextStepRequest, GetInquiryRequest, Inquiry, ListWorkRequest,
    PatientStatus, ReviewRecordsRequest, Stage,
};
use causeway_proto::scheduling::v1::scheduling_client::SchedulingClient;
use causeway_proto::scheduling::v1::{Appointment, BookSlotRequest, RescheduleAppointmentRequest};
use causeway_serve::Channel;
use causeway_tests::days::{mails, profile, some_thursday};
use causeway_tests::office::{Office, PAPER};
use causeway_tests::{Days, eventually, funnel, people, reached};
use jiff::civil::time;
use jiff::{SignedDuration, Timestamp, ToSpan as _};

const CENTER: &str = "harbor-valley";

/// A form as somebody fills it, sent once more when the answer got lost.
async fn submit(days: &Days, form: &str, answers: &[(&str, &str)], key: &str) -> SubmitInquiryResponse {
    let request = SubmitInquiryRequest {
        center: CENTER.into(),
        form_id: form.into(),
        language: "en".into(),
        source: Source::WebForm.into(),
        answers: answers.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect(),
        idempotency_key: key.into(),
        strict: true,
        ..SubmitInquiryRequest::default()
    };
    let mut ingestion = IngestionClient::new(days.here().pages("ingestion"));
    let first = ingestion.submit_inquiry(request.clone()).await.expect("accepted").into_inner();
    let again = ingestion.submit_inquiry(request).await.expect("accepted").into_inner();
    assert_eq!(
        (first.repeated, again.repeated, &again.reference),
        (false, true, &first.reference),
        "it is one inquiry"
    );
    first
}

fn staff(days: &Days, person: &str) -> IntakeDeskClient<Channel> {
    IntakeDeskClient::new(days.here().staff("intake-desk", CENTER, person))
}

fn get(id: &str) -> GetInquiryRequest {
    GetInquiryRequest { center: CENTER.into(), inquiry_id: id.to_owned() }
}

async fn look(days: &Days, id: &str) -> Inquiry {
    days.desk_of("priya-nair").inquiry(id).await.expect("the inquiry")
}

/// Where it stands and what is next, once that is so; an open one has a queue and a due time, always.
async fn stands(days: &Days, id: &str, stage: Stage, next: &str) -> Inquiry {
    eventually(&format!("{} and {next}", stage.as_str_name()), 60, async || {
        let seen = look(days, id).await;
        assert!(!seen.team.is_empty() && (seen.due_at > 0) == (seen.next_action != "nothing"), "{seen:?}");
        (seen.stage(), seen.next_action.as_str()) == (stage, next)
    })
    .await;
    look(days, id).await
}

/// What the patient is told by their own link.
async fn own(days: &Days, id: &str) -> PatientStatus {
    let mut desk = IntakeDeskClient::new(days.here().patient("intake-desk", CENTER, id));
    desk.get_patient_status(get(id)).await.expect("their own status").into_inner()
}

fn line<'a>(records: &'a [causeway_proto::intake::v1::RecordLine], kind: &str) -> (&'a str, &'a str) {
    let found = records.iter().find(|line| line.kind == kind).expect("on the checklist");
    (found.state.as_str(), found.asked_of.as_str())
}

/// The patient sends a paper by their own link, in two parts.
async fn send_paper(days: &Days, id: &str, kind: &str) -> Document {
    let mut ingestion = IngestionClient::new(days.here().patient("ingestion", CENTER, id));
    let (center, inquiry_id) = (CENTER.to_owned(), id.to_owned());
    let begin = BeginDocumentRequest {
        center: center.clone(),
        inquiry_id: inquiry_id.clone(),
        record_kind: kind.to_owned(),
        name: format!("{kind}.pdf"),
    };
    let document_id = ingestion.begin_document(begin).await.expect("begun").into_inner().document_id;
    let paper = STANDARD.decode(PAPER.replacen("YWFh", &STANDARD.encode(&kind.as_bytes()[..3]), 1)).expect("a paper");
    let mut offset = 0;
    for part in paper.chunks(paper.len() / 2 + 1) {
        let append = AppendDocumentRequest {
            center: center.clone(),
            inquiry_id: inquiry_id.clone(),
            document_id: document_id.clone(),
            offset,
            content: part.to_vec(),
        };
        offset = ingestion.append_document(append).await.expect("kept").into_inner().offset;
    }
    let finish = FinishDocumentRequest { center, inquiry_id, document_id };
    ingestion.finish_document(finish).await.expect("it stands").into_inner()
}

/// What a visit is booked or moved with, on behalf of the patient.
fn by_patient(days: &Days, id: &str) -> SchedulingClient<Channel> {
    SchedulingClient::new(days.here().patient("scheduling-sync", CENTER, id))
}

fn starts(appointment: &Appointment) -> Timestamp {
    Timestamp::from_microsecond(appointment.starts_at).expect("a time")
}

/// How many reached each stage that a booked and kept visit goes through, by the funnel.
async fn counted(days: &Days, wanted: &[(Stage, i64)]) {
    eventually(&format!("the funnel counts {wanted:?}"), 60, async || {
        let counted = funnel(days.here(), CENTER).await;
        wanted.iter().all(|(stage, count)| reached(&counted, *stage) == *count)
    })
    .await;
}

/// Lines of the timeline by kind, for who looks at it later.
fn kinds(inquiry: &Inquiry) -> BTreeMap<&str, usize> {
    let mut kinds = BTreeMap::new();
    inquiry.timeline.iter().for_each(|line| *kinds.entry(line.kind.as_str()).or_default() += 1);
    kinds
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_opinion_asked_for_at_night_comes_to_a_visit_that_was_moved_and_kept_by_grpc_alone() {
    let profile = profile(CENTER);
    let (calendar, zone) = (profile.calendar(None), profile.calendar(None).zone().clone());
    let evening = some_thursday(calendar, time(19, 40, 0, 0));
    let opening = calendar.next_opening(evening);
    let mut days = Days::begin(CENTER, evening).await;

    // 19:40: accepted, and the clock starts at opening: the same time on the worklist and in the mail.
    let answers = [
        ("who", "patient"),
        ("name", "Testpatient Night"),
        ("email", "night@example.org"),
        ("phone", "206 555 0187"),
        ("cancer_area", "gi"),
        ("consent_email", "yes"),
        ("consent_phone", "yes"),
    ];
    let id = submit(&days, "second-opinion", &answers, "night-1").await.inquiry_id;
    let seen = stands_after_routing(&days, &id, "gi-second-opinion").await;
    let due = Timestamp::from_microsecond(seen.due_at).expect("a time");
    assert!(due > opening && seen.response_due_at == seen.due_at, "{due} is counted from {opening}");
    let confirmation = days.mail("night", "we have your request").await;
    for said in [time_words::words(opening, &zone, "en"), time_words::words(due, &zone, "en")] {
        assert!(confirmation.contains(&said), "{said}: {confirmation}");
    }

    // In the morning somebody else has asked as well; she is first, and whose turn it is gets her.
    days.go_on(opening + SignedDuration::from_mins(20), 1.0).await;
    let other = people::planted("morning");
    let other: Vec<(&str, &str)> = other.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
    submit(&days, "second-opinion", &other, "morning-1").await;
    eventually("both are on the worklist", 60, async || days.desk_of("priya-nair").worklist().await.len() == 2).await;
    let coordinator = look(&days, &id).await.owner;
    let coordinator = if coordinator.is_empty() { "luis-ortega".to_owned() } else { coordinator };
    let next = ClaimNextRequest { center: CENTER.into(), idempotency_key: "next-1".into(), ..Default::default() };
    let given = staff(&days, &coordinator).claim_next(next).await.expect("there is one").into_inner();
    assert_eq!(given.facts.as_ref().map(|facts| facts.inquiry_id.as_str()), Some(id.as_str()), "due first");
    assert_eq!((given.owner.as_str(), given.script_id.as_str()), (coordinator.as_str(), "no-records-yet"));
    let mut desk = days.desk_of(&coordinator);
    assert_eq!(desk.attempt(&id, "reached").await.expect("reached").next_action, "complete_intake");
    assert_eq!(desk.fill_note(&id).await.expect("noted").next_action, "gather_records");
    eventually("booking waits for the review", 60, async || {
        days.desk_of(&coordinator).offers(&id).await.is_ok_and(|told| told.refused_by == "review_first")
    })
    .await;
    let asked = desk.ask_for(&id, &["pathology_report", "imaging"], "patient").await.expect("asked");
    assert_eq!(line(&asked.records, "imaging"), ("requested", "patient"));
    let asked = days.mail("night", "papers for").await;
    assert!(asked.contains("Biopsy report") && asked.contains("Pictures from CT"), "{asked}");

    // She sends them by her link; the reviewer accepts.
    assert_eq!(line(&own(&days, &id).await.records, "imaging").0, "requested");
    for kind in ["pathology_report", "imaging"] {
        let kept = send_paper(&days, &id, kind).await;
        assert_eq!((kept.record_kind.as_str(), kept.door.as_str()), (kind, "patient"));
    }
    stands(&days, &id, Stage::RecordsReady, "review_records").await;
    assert_eq!(line(&own(&days, &id).await.records, "imaging").0, "received");
    let to_review = ListWorkRequest { center: CENTER.into(), view: "to_review".into(), ..Default::default() };
    let mut reviewer = staff(&days, "mei-tanaka");
    let waiting = reviewer.list_work(to_review).await.expect("a list").into_inner().rows;
    assert_eq!(waiting.iter().map(|row| row.inquiry_id.as_str()).collect::<Vec<_>>(), [id.as_str()]);
    let accept = ReviewRecordsRequest {
        center: CENTER.into(),
        inquiry_id: id.clone(),
        decision: "accept".into(),
        ..Default::default()
    };
    assert_eq!(reviewer.review_records(accept).await.expect("accepted").into_inner().next_action, "offer_dates");

    // Dates are there, at both sites; she takes one days ahead.
    let ahead = (days.now() + SignedDuration::from_hours(72)).as_microsecond();
    let slot = days.desk_of(&coordinator).offered(&id, ahead).await.expect("a date");
    let book = BookSlotRequest {
        center: CENTER.into(),
        inquiry_id: id.clone(),
        slot_id: slot.slot_id.clone(),
        idempotency_key: "pick-1".into(),
    };
    let booked = by_patient(&days, &id).book_slot(book.clone()).await.expect("booked").into_inner();
    let same = by_patient(&days, &id).book_slot(book).await.expect("the same").into_inner();
    assert_eq!(same.appointment_id, booked.appointment_id, "pressed twice is one visit");
    let first = starts(&booked);
    let seen = stands(&days, &id, Stage::Scheduled, "await_visit").await;
    assert_eq!(seen.due_at, booked.starts_at);
    days.mail("night", "your visit is set").await;

    // A reminder goes out; she can not come, and takes another time. Nothing reminds of the first one any more.
    days.pass_until("a reminder", async |running| !mails(running, "night", "your visit on").await.is_empty()).await;
    assert!(days.now() < first, "it is still ahead");
    let from = (first + SignedDuration::from_hours(1)).as_microsecond();
    let slot = days.desk_of(&coordinator).offered(&id, from).await.expect("another date");
    let moved = RescheduleAppointmentRequest {
        center: CENTER.into(),
        appointment_id: booked.appointment_id.clone(),
        slot_id: slot.slot_id,
        reason: "time_does_not_fit".into(),
    };
    let moved = by_patient(&days, &id).reschedule_appointment(moved).await.expect("moved").into_inner();
    let second = starts(&moved);
    assert!(second > first);
    eventually("the desk knows the other time", 60, async || look(&days, &id).await.due_at == moved.starts_at).await;
    let told_of_first = async |days: &Days| {
        let first = time_words::words(first, &zone, "en");
        days.mails("night", "your visit on").await.iter().filter(|text| text.contains(&first)).count()
    };
    let before = told_of_first(&days).await;

    days.pass_until("the visit begins", async |running| running.clock().now() > second).await;
    stands(&days, &id, Stage::Scheduled, "confirm_attendance").await;
    assert_eq!(told_of_first(&days).await, before, "nothing reminds of the first time after it was moved");
    days.desk_of(&coordinator).attended(&moved.appointment_id).await.expect("she came");
    let seen = stands(&days, &id, Stage::Attended, "nothing").await;
    let kinds = kinds(&seen);
    for kind in ["received", "routed", "claimed", "attempt", "note_saved", "records_requested", "record", "review"] {
        assert!(kinds.contains_key(kind), "{kind}: {kinds:?}");
    }
    assert_eq!(kinds.get("records_chased"), None, "nobody is asked again for what has come");
    counted(
        &days,
        &[
            (Stage::Received, 2),
            (Stage::Contacted, 1),
            (Stage::IntakeComplete, 1),
            (Stage::RecordsReady, 1),
            (Stage::Scheduled, 1),
            (Stage::Attended, 1),
        ],
    )
    .await;
    days.end().await;
}

async fn stands_after_routing(days: &Days, id: &str, team: &str) -> Inquiry {
    eventually("it is with its team", 60, async || days.desk_of("priya-nair").inquiry(id).await.is_ok()).await;
    let seen = stands(days, id, Stage::Routed, "first_contact").await;
    assert_eq!(seen.team, team);
    seen
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caregivers_trial_question_goes_to_the_trial_team_and_its_screening_call_counts_by_grpc_alone() {
    let profile = profile(CENTER);
    let (calendar, zone) = (profile.calendar(None), profile.calendar(None).zone().clone());
    let morning = some_thursday(calendar, time(10, 0, 0, 0));
    let mut days = Days::begin(CENTER, morning).await;
    let answers = [
        ("who", "caregiver"),
        ("name", "Testcaregiver Question"),
        ("email", "question@example.org"),
        ("phone", "206 555 0187"),
        ("cancer_area", "gi"),
        ("consent_email", "yes"),
        ("consent_phone", "yes"),
    ];
    let id = submit(&days, "clinical-trial", &answers, "trial-1").await.inquiry_id;
    let seen = stands_after_routing(&days, &id, "trials").await;
    assert_eq!(seen.script_id, "trial-question", "whatever the cancer area");
    let owner = if seen.owner.is_empty() { "elena-vargas".to_owned() } else { seen.owner };
    let mut desk = days.desk_of(&owner);
    desk.claim(&id).await.expect("claimed");
    desk.attempt(&id, "reached").await.expect("reached");
    let noted = desk.fill_note(&id).await.expect("noted");
    assert!(noted.intake_complete, "{:?}", noted.note);

    // A call on the next day, inside opening hours alone.
    let day = zone.to_datetime(morning).date().checked_add(1.day()).expect("Friday");
    let at = |hour, minute| {
        let at = zone.to_timestamp(day.at(hour, minute, 0, 0)).expect("an instant");
        AgreeNextStepRequest {
            center: CENTER.into(),
            inquiry_id: id.clone(),
            kind: "screening_call".into(),
            at: at.as_microsecond(),
            idempotency_key: format!("call-{hour}"),
        }
    };
    let refused = staff(&days, &owner).agree_next_step(at(23, 0)).await.expect_err("at night");
    assert!(refused.code() == tonic::Code::InvalidArgument && !refused.message().is_empty(), "{refused:?}");
    let agreed = staff(&days, &owner).agree_next_step(at(10, 30)).await.expect("agreed").into_inner();
    assert_eq!((agreed.stage(), agreed.next_action.as_str()), (Stage::Scheduled, "await_next_step"));
    let when = Timestamp::from_microsecond(agreed.due_at).expect("a time");
    let told = days.mail("question", "the next step is set").await;
    assert!(told.contains(&time_words::words(when, &zone, "en")), "{told}");
    assert!(own(&days, &id).await.next_step.is_some(), "the patient's page says it");
    let conversions = async |days: &Days| {
        let counted = funnel(days.here(), CENTER).await;
        let call = counted.conversions.iter().find(|one| one.next_step == "screening_call");
        call.map_or((0, 0), |one| (one.count, one.done))
    };
    eventually("it counts as booked", 60, async || conversions(&days).await == (1, 0)).await;
    counted(&days, &[(Stage::Received, 1), (Stage::Scheduled, 1), (Stage::Attended, 0)]).await;

    days.pass_until("the time of the call", async |running| running.clock().now() > when).await;
    stands(&days, &id, Stage::Scheduled, "confirm_next_step").await;
    let done = EndNextStepRequest {
        center: CENTER.into(),
        inquiry_id: id.clone(),
        how: "done".into(),
        idempotency_key: "done-1".into(),
    };
    let ended = staff(&days, &owner).end_next_step(done).await.expect("it took place").into_inner();
    assert!(ended.due_at > 0 && ended.next_action != "await_next_step", "somebody goes on: {}", ended.next_action);
    eventually("the call counts as done", 60, async || conversions(&days).await == (1, 1)).await;
    assert_eq!(days.mails("question", "the next step is set").await.len(), 1, "told once");
    days.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_referral_without_papers_is_asked_after_at_its_office_booked_and_seen_by_grpc_and_hl7_alone() {
    let morning = some_thursday(profile(CENTER).calendar(None), time(9, 0, 0, 0));
    let mut days = Days::begin(CENTER, morning).await;
    let office = Office { number: "TRIAGE-7" };
    let referral = office.referral("I12", "G-1");
    let first = office.tell(days.here(), &referral, 2).await;
    assert_eq!(office.tell(days.here(), &referral, 2).await, first, "the same message gets the same answer");
    eventually("it is on the worklist", 60, async || days.desk_of("priya-nair").worklist().await.len() == 1).await;
    let row = days.desk_of("priya-nair").worklist().await.remove(0);
    let id = row.inquiry_id.clone();
    assert_eq!((row.team.as_str(), row.records_have, row.waiting_for.len()), ("thoracic", 0, 0));
    assert_eq!(office.standing(days.here(), "G-2").await, "P", "nobody has decided");

    // She is reached, and what is missing is asked of who has it.
    let owner = if row.owner.is_empty() { "rosa-delgado".to_owned() } else { row.owner };
    let mut desk = days.desk_of(&owner);
    desk.claim(&id).await.expect("claimed");
    desk.attempt(&id, "reached").await.expect("reached");
    assert_eq!(desk.fill_note(&id).await.expect("noted").next_action, "gather_records");
    desk.ask_for(&id, &["physician_notes"], "referring_office").await.expect("asked");
    let asked = desk.ask_for(&id, &["imaging"], "hospital").await.expect("asked");
    let lines = (line(&asked.records, "physician_notes"), line(&asked.records, "imaging"));
    assert_eq!(lines, (("requested", "referring_office"), ("requested", "hospital")));
    let row = days.desk_of("priya-nair").worklist().await.remove(0);
    assert_eq!((row.waiting_for.len(), row.waiting_since > 0), (2, true), "{:?}", row.waiting_for);
    eventually("booking waits for the records", 60, async || {
        days.desk_of(&owner).offers(&id).await.is_ok_and(|told| told.refused_by == "records_first")
    })
    .await;
    assert_eq!(office.standing(days.here(), "G-3").await, "A", "the center works on it");
    let number = std::sync::atomic::AtomicU32::new(0);
    eventually("the office reads what it is asked for", 60, async || {
        let number = number.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let told = office.tell(days.here(), &office.referral("I15", &format!("G-N{number}")), 2).await;
        told.contains("Document asked of you: Notes from your doctor")
    })
    .await;

    // Its system sends both, and the visit is booked and kept.
    office.tell(days.here(), &office.report("G-R1", "18748-4"), 1).await;
    office.tell(days.here(), &office.report("G-R2", "11506-3"), 1).await;
    stands(&days, &id, Stage::RecordsReady, "offer_dates").await;
    let slot = days.desk_of(&owner).offered(&id, 0).await.expect("a date");
    let booked = days.desk_of(&owner).book(&id, &slot.slot_id).await.expect("booked");
    assert_eq!(stands(&days, &id, Stage::Scheduled, "await_visit").await.due_at, booked.starts_at);
    let at = starts(&booked);
    days.pass_until("the visit begins", async |running| running.clock().now() > at).await;
    stands(&days, &id, Stage::Scheduled, "confirm_attendance").await;
    days.desk_of(&owner).attended(&booked.appointment_id).await.expect("seen");
    stands(&days, &id, Stage::Attended, "nothing").await;
    assert_eq!(office.standing(days.here(), "G-4").await, "A", "seen");
    assert_eq!(office.tell(days.here(), &referral, 2).await, first, "and again much later");
    counted(&days, &[(Stage::Received, 1), (Stage::RecordsReady, 1), (Stage::Scheduled, 1), (Stage::Attended, 1)])
        .await;
    days.end().await;
}
