//! One inquiry from the queue to the visit, as staff work it.

use std::collections::HashMap;

use causeway_auth::{Role, audit};
use causeway_funnel::script::NAME_GAP;
use causeway_proto::convert::micros;
use causeway_proto::error::Reason;
use causeway_proto::inquiry::v1::Channel;
use causeway_proto::intake::v1::{
    CloseInquiryRequest, ContactAttempted, HandOverInquiryRequest, InquiryCommand, LogAttemptRequest, ReadinessChanged,
    RecordsRequested, RequestRecordsRequest, ReviewRecordsRequest, SaveDraftRequest, SaveNoteRequest, Stage,
    StageChanged, UpdateRecordRequest,
};
use causeway_proto::notice::v1::{NoticeFailed, NoticeOutcome};
use causeway_proto::routing::v1::ResponseMissed;
use secrecy::ExposeSecret as _;
use sqlx::PgPool;
use tonic::Code;
use uuid::Uuid;

use crate::world::{CENTER, Desk, World, command, eventually, get, page, reopen};

fn attempt(inquiry: Uuid, outcome: &str, key: &str) -> LogAttemptRequest {
    LogAttemptRequest {
        center: CENTER.into(),
        inquiry_id: inquiry.to_string(),
        channel: Channel::Phone.into(),
        outcome: outcome.into(),
        call_back_at: 0,
        idempotency_key: key.into(),
        ..Default::default()
    }
}

fn note(inquiry: Uuid, base_note_version: i64, fields: &[(&str, &str)]) -> SaveNoteRequest {
    let fields: HashMap<String, String> =
        fields.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    SaveNoteRequest { center: CENTER.into(), inquiry_id: inquiry.to_string(), fields, base_note_version }
}

fn record(inquiry: Uuid, kind: &str, state: &str, reason: &str) -> UpdateRecordRequest {
    UpdateRecordRequest {
        center: CENTER.into(),
        inquiry_id: inquiry.to_string(),
        kind: kind.into(),
        state: state.into(),
        reason: reason.into(),
    }
}

fn review(inquiry: Uuid, decision: &str) -> ReviewRecordsRequest {
    ReviewRecordsRequest {
        center: CENTER.into(),
        inquiry_id: inquiry.to_string(),
        decision: decision.into(),
        ..Default::default()
    }
}

const CANARY: &str = "canary-adenocarcinoma-of-the-colon";
const WHOLE_NOTE: [(&str, &str); 7] = [
    ("diagnosis", CANARY),
    ("diagnosis_date", "January"),
    ("treating_doctor", "Dr. Example"),
    ("records_plan", "patient_uploads"),
    ("insurance_plan", "none"),
    ("visit_needs", "interpreter"),
    ("question_for_doctor", "is surgery needed"),
];

async fn begins_with_all_that_a_call_needs(world: &World, dana: &mut Desk, inquiry: Uuid) {
    let begun = page(dana, inquiry).await;
    assert_eq!(
        (begun.stage(), begun.next_action.as_str(), begun.clock_state.as_str()),
        (Stage::Routed, "first_contact", "pending")
    );
    assert_eq!(begun.timeline.iter().map(|line| line.kind.as_str()).collect::<Vec<_>>(), ["routed", "received"]);
    assert_eq!(begun.timeline[0].text, "Routed to Digestive care team.", "in the names of the profile");
    assert_eq!((begun.records.len(), begun.records_ready, begun.due_at), (4, false, begun.response_due_at));
    assert!(begun.script_text.contains("dana-whitfield") && begun.script_id == "no-records-yet");
    assert!(begun.script_text.contains("Diga"), "the script is in the person's language: {}", begun.script_text);
    assert!(begun.script_text.contains(NAME_GAP), "who shows it says the name: {}", begun.script_text);
    assert_eq!(begun.note.iter().filter(|field| field.missing && !field.why.is_empty()).count(), WHOLE_NOTE.len());
    assert!(world.told::<ReadinessChanged>(inquiry).await.is_empty(), "nothing can be booked before the call");
}

/// The version of the script on the page, which the timeline names beside the try.
async fn begun_script_version(dana: &mut Desk, inquiry: Uuid) -> String {
    let page = page(dana, inquiry).await;
    let line = format!("Script: {}, version {}.", page.script_id, page.script_version);
    assert!(page.timeline.iter().any(|entry| entry.kind == "attempt" && entry.text.ends_with(&line)), "{line}");
    page.script_version
}

async fn told_each_stage_and_the_readiness(world: &World, inquiry: Uuid) {
    let stages = world.told::<StageChanged>(inquiry).await;
    let walked: Vec<Stage> = stages.iter().map(StageChanged::to).collect();
    assert_eq!(walked, [Stage::Routed, Stage::Contacted, Stage::IntakeComplete, Stage::RecordsReady]);
    assert!(stages.windows(2).all(|pair| pair[0].version < pair[1].version && pair[0].to == pair[1].from));
    let ready = world.told::<ReadinessChanged>(inquiry).await;
    let last = ready.last().expect("told");
    assert!(last.intake_complete && last.records_ready && last.reviewed && last.open);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_opinion_is_worked_from_the_queue_to_offered_dates_and_its_note_stays_sealed() {
    let world = World::start().await;
    let inquiry = world.begin(1).await[0];
    let (mut dana, mut mei) = (world.coordinator("dana-whitfield"), world.staff("mei-tanaka", Role::Reviewer));

    begins_with_all_that_a_call_needs(&world, &mut dana, inquiry).await;
    dana.claim_inquiry(command(inquiry)).await.expect("claimed");
    for _ in 0..2 {
        dana.log_attempt(attempt(inquiry, "reached", "call-1")).await.expect("logged, once");
    }
    let reused = dana.log_attempt(attempt(inquiry, "no_answer", "call-1")).await.expect_err("another content");
    assert_eq!(Reason::of(&reused), Some(Reason::KeyReused));
    let attempts = world.told::<ContactAttempted>(inquiry).await;
    assert_eq!(attempts.iter().map(|told| (told.number, told.within_target)).collect::<Vec<_>>(), [(1, true)]);

    let used: (String, String) =
        sqlx::query_as("SELECT script, script_version FROM attempts").fetch_one(&world.admin).await.expect("the try");
    assert_eq!(
        (used.0.as_str(), used.1.as_str()),
        ("no-records-yet", begun_script_version(&mut dana, inquiry).await.as_str())
    );
    dana.save_note(note(inquiry, 0, &WHOLE_NOTE[..2])).await.expect("half a note");
    let stale = dana.save_note(note(inquiry, 0, &WHOLE_NOTE)).await.expect_err("an old base");
    assert_eq!((stale.code(), Reason::of(&stale)), (Code::Aborted, Some(Reason::Conflict)));
    let unknown = dana.save_note(note(inquiry, 1, &[("shoe_size", "9")])).await.expect_err("no such field");
    assert_eq!(Reason::of(&unknown), Some(Reason::FieldFault));
    let whole = dana.save_note(note(inquiry, 1, &WHOLE_NOTE[2..])).await.expect("a whole note").into_inner();
    assert_eq!(
        (whole.stage(), whole.intake_complete, whole.next_action.as_str()),
        (Stage::IntakeComplete, true, "gather_records")
    );
    assert_eq!(
        whole.note.iter().find(|field| field.key == "diagnosis").map(|field| field.value.as_str()),
        Some(CANARY)
    );

    let (center, inquiry_id) = (CENTER.to_owned(), inquiry.to_string());
    let all = RequestRecordsRequest { center, inquiry_id, ..Default::default() };
    dana.request_records(all).await.expect("asked");
    assert_eq!(world.told::<RecordsRequested>(inquiry).await[0].kinds.len(), 4);
    for kind in ["pathology_report", "imaging"] {
        dana.update_record(record(inquiry, kind, "received", "")).await.expect("received");
    }
    let refused = dana.review_records(review(inquiry, "accept")).await.expect_err("a coordinator does not review");
    assert_eq!(refused.code(), Code::PermissionDenied);
    let reviewed = mei.review_records(review(inquiry, "accept")).await.expect("accepted").into_inner();
    assert_eq!(
        (reviewed.stage(), reviewed.reviewed, reviewed.next_action.as_str()),
        (Stage::RecordsReady, true, "offer_dates")
    );

    told_each_stage_and_the_readiness(&world, inquiry).await;
    sqlx::query("CHECKPOINT").execute(&world.admin).await.expect("on disk");
    assert!(!world.on_disk(CANARY), "the note must not be readable in any file");
    let machine = PgPool::connect(world.database.machine.expose_secret()).await.expect("a login");
    let chain = audit::verify(&machine, CENTER).await.expect("the chain");
    assert!(chain.fault.is_none() && chain.rows >= 4, "each look at the note is written down: {chain:?}");
    machine.close().await;
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_belongs_to_the_person_who_sent_it() {
    let world = World::start().await;
    let inquiry = world.begin(1).await[0];
    let (mut dana, mut luis) = (world.coordinator("dana-whitfield"), world.coordinator("luis-ortega"));
    let claim = || InquiryCommand { idempotency_key: "claim-1".into(), ..command(inquiry) };
    let (first, second) = tokio::join!(dana.claim_inquiry(claim()), luis.claim_inquiry(claim()));
    assert_eq!(usize::from(first.is_ok()) + usize::from(second.is_ok()), 1, "exactly one owns it");
    let (owner, lost) = if first.is_ok() { ("dana-whitfield", second) } else { ("luis-ortega", first) };
    let lost = lost.expect_err("the other one is told");
    assert_eq!((lost.code(), Reason::of(&lost)), (Code::Aborted, Some(Reason::Conflict)));
    assert_eq!(page(&mut dana, inquiry).await.owner, owner);
    let winner = if owner == "dana-whitfield" { &mut dana } else { &mut luis };
    winner.claim_inquiry(claim()).await.expect("the winner's repeat is answered as before");

    for _ in 0..2 {
        dana.log_attempt(attempt(inquiry, "no_answer", "call-1")).await.expect("logged, once");
        luis.log_attempt(attempt(inquiry, "no_answer", "call-1")).await.expect("logged, once");
    }
    let kept: Vec<String> =
        sqlx::query_scalar("SELECT actor FROM attempts ORDER BY number").fetch_all(&world.admin).await.expect("read");
    assert_eq!(kept, ["dana-whitfield", "luis-ortega"]);
    assert_eq!(world.told::<ContactAttempted>(inquiry).await.len(), 2);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_others_tell_stands_in_the_timeline_and_an_inquiry_is_closed_and_reopened_by_rule() {
    let world = World::start().await;
    let inquiry = world.begin(1).await[0];
    let mut dana = world.coordinator("dana-whitfield");
    let missed =
        ResponseMissed { inquiry_id: inquiry.to_string(), center: CENTER.into(), level: 2, ..Default::default() };
    world.publish(CENTER, inquiry, 2, &[missed]).await;
    let outcome = NoticeOutcome {
        inquiry_id: inquiry.to_string(),
        center: CENTER.into(),
        kind: "confirmation".into(),
        channel: Channel::Email.into(),
        at: micros(world.clock.now()),
        reason: "mailbox_full".into(),
        ..Default::default()
    };
    world.publish(CENTER, inquiry, 1, &[NoticeFailed { outcome: Some(outcome) }]).await;
    eventually("both told", || async {
        world.count("SELECT count(*) FROM timeline WHERE kind IN ('escalated', 'notice')").await == 2
    })
    .await;
    let told = page(&mut dana, inquiry).await;
    assert_eq!(told.priority, "urgent");
    assert!(told.timeline.iter().any(|line| line.text.contains("reach them by phone")));

    let close = |reason: &str| CloseInquiryRequest {
        center: CENTER.into(),
        inquiry_id: inquiry.to_string(),
        reason: reason.into(),
    };
    let odd = dana.close_inquiry(close("bored")).await.expect_err("no such reason");
    assert_eq!(Reason::of(&odd), Some(Reason::UnknownName));
    let early = dana.close_inquiry(close("unreachable")).await.expect_err("nobody has tried");
    assert_eq!(Reason::of(&early), Some(Reason::WrongState));
    let closed = dana.close_inquiry(close("chose_another_center")).await.expect("closed").into_inner();
    assert_eq!((closed.stage(), closed.due_at, closed.clock_state.as_str()), (Stage::Closed, 0, "cancelled"));
    let refused = dana.claim_inquiry(command(inquiry)).await.expect_err("closed");
    assert_eq!(Reason::of(&refused), Some(Reason::Closed));
    for reason in ["", "bored", "not_taken"] {
        let refused = dana.reopen_inquiry(reopen(inquiry, reason)).await.expect_err("why?");
        assert_eq!(
            (refused.code(), refused.message().starts_with("reason ")),
            (Code::InvalidArgument, true),
            "{reason}"
        );
    }
    let open = dana.reopen_inquiry(reopen(inquiry, "came_back")).await.expect("open again").into_inner();
    assert_eq!((open.stage(), open.close_reason.as_str()), (Stage::Routed, ""));
    assert_ne!(open.due_at, 0);
    assert!(open.timeline.iter().any(|line| line.text == "Opened again: the patient came back."));
    let told = world.told::<StageChanged>(inquiry).await.pop().expect("told");
    assert_eq!((told.reopen_reason.as_str(), told.reopened_from.as_str()), ("came_back", "chose_another_center"));
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_inquiry_is_handed_over_by_its_owner_and_a_document_waived_by_a_reviewer_with_sealed_reasons() {
    let world = World::start().await;
    let inquiry = world.begin(1).await[0];
    let (mut dana, mut priya) = (world.coordinator("dana-whitfield"), world.staff("priya-nair", Role::Manager));
    let hand = |to_staff: &str, to_team: &str, reason: &str| HandOverInquiryRequest {
        center: CENTER.into(),
        inquiry_id: inquiry.to_string(),
        to_staff: to_staff.into(),
        to_team: to_team.into(),
        reason: reason.into(),
        reason_kind: String::new(),
    };
    let not_hers = dana.hand_over_inquiry(hand("luis-ortega", "", "")).await.expect_err("she does not hold it");
    assert_eq!(not_hers.code(), Code::PermissionDenied);
    dana.claim_inquiry(command(inquiry)).await.expect("claimed");
    let given = dana.hand_over_inquiry(hand("luis-ortega", "", "speaks Spanish")).await.expect("given").into_inner();
    assert_eq!(given.owner, "luis-ortega");
    let nobody = priya.hand_over_inquiry(hand("nobody", "", "")).await.expect_err("unknown");
    assert_eq!(Reason::of(&nobody), Some(Reason::UnknownName));
    assert_eq!(
        Reason::of(&priya.hand_over_inquiry(hand("", "breast", " ")).await.expect_err("no reason")),
        Some(Reason::FieldFault)
    );
    let moved = priya.hand_over_inquiry(hand("", "breast", "canary-reason")).await.expect("moved").into_inner();
    assert_eq!((moved.team.as_str(), moved.owner.as_str()), ("breast", ""));
    assert!(moved.timeline.iter().any(|line| line.text.ends_with("canary-reason")));
    sqlx::query("CHECKPOINT").execute(&world.admin).await.expect("on disk");
    assert!(!world.on_disk("canary-reason"), "free words of staff are sealed");
    let noted =
        LogAttemptRequest { note: "canary-note: call after five".into(), ..attempt(inquiry, "no_answer", "n-1") };
    let tried = dana.log_attempt(noted.clone()).await.expect("logged").into_inner();
    let line = tried.timeline.iter().find(|line| line.kind == "attempt").expect("a line");
    assert!(
        line.text.starts_with("Attempt 1 by ") && line.text.ends_with("canary-note: call after five"),
        "{}",
        line.text
    );
    let again = dana.log_attempt(noted).await.expect("the same once more").into_inner();
    assert_eq!(again.attempts, 1);
    sqlx::query("CHECKPOINT").execute(&world.admin).await.expect("on disk");
    assert!(!world.on_disk("canary-note"), "so is the note of a try");
    let long = LogAttemptRequest { note: "x".repeat(501), ..attempt(inquiry, "no_answer", "n-2") };
    assert_eq!(dana.log_attempt(long).await.expect_err("too long").code(), Code::InvalidArgument);

    let waived = dana.update_record(record(inquiry, "imaging", "waived", "no")).await.expect_err("not her decision");
    assert_eq!(waived.code(), Code::PermissionDenied);
    assert!(priya.update_record(record(inquiry, "imaging", "waived", "")).await.is_err(), "a reason is needed");
    let waived = priya.update_record(record(inquiry, "imaging", "waived", "done here")).await.expect("waived");
    let told: Vec<String> = waived.into_inner().timeline.into_iter().map(|line| line.text).collect();
    assert!(told.iter().any(|text| text.starts_with("Pictures from CT")), "documents have their names: {told:?}");
    assert!(!told.iter().any(|text| text.contains("imaging:") || text.contains("team breast")), "{told:?}");
    let patient = causeway_auth::Actor::patient(inquiry.to_string(), CENTER);
    let status = world.as_actor(&patient).get_patient_status(get(inquiry)).await.expect("a status").into_inner();
    assert_eq!((status.language.as_str(), status.open, status.records.len()), ("es", true, 4));
    assert!(status.contact_by > 0 && status.records[0].label.contains("biopsia"));
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_that_nobody_answered_comes_to_the_desk_to_be_called_back_by_the_time_that_routing_promised() {
    let world = World::start().await;
    let mut dana = world.coordinator("dana-whitfield");
    let inquiry = world.clock.new_id();
    let mut decided = world.routed(CENTER, inquiry);
    decided.after_hours = true;
    decided.facts.as_mut().expect("facts").missed_call = true;
    world.publish(CENTER, inquiry, 1, std::slice::from_ref(&decided)).await;
    eventually("at the desk", || async { world.count("SELECT count(*) FROM inquiries").await == 1 }).await;
    let begun = page(&mut dana, inquiry).await;
    assert_eq!((begun.stage(), begun.next_action.as_str()), (Stage::Routed, "call_back"));
    assert!(begun.next_action_words.starts_with("Call back"), "{}", begun.next_action_words);
    assert_eq!(begun.due_at, decided.response_due_at);
    dana.log_attempt(attempt(inquiry, "no_answer", "k-1")).await.expect("tried");
    assert_eq!(page(&mut dana, inquiry).await.next_action, "try_again");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_draft_is_its_writers_alone_until_they_save_and_does_not_write_over_what_was_saved_since() {
    let world = World::start().await;
    let inquiry = world.begin(1).await[0];
    let (mut dana, mut luis) = (world.coordinator("dana-whitfield"), world.coordinator("luis-ortega"));
    let draft = |base_note_version, pairs: &[(&str, &str)]| {
        let SaveNoteRequest { center, inquiry_id, fields, base_note_version } = note(inquiry, base_note_version, pairs);
        SaveDraftRequest { center, inquiry_id, fields, base_note_version }
    };
    let typed = [("diagnosis", "canary-of-a-draft"), ("diagnosis_date", "")];
    let kept = dana.save_draft(draft(0, &typed)).await.expect("kept").into_inner();
    assert_eq!(kept.saved_at, micros(world.clock.now()));
    let unknown = dana.save_draft(draft(0, &[("shoe_size", "9")])).await.expect_err("no such field");
    assert_eq!(Reason::of(&unknown), Some(Reason::FieldFault));
    let own = page(&mut dana, inquiry).await;
    assert_eq!(
        (own.draft.len(), own.draft["diagnosis"].as_str(), own.draft["diagnosis_date"].as_str()),
        (2, typed[0].1, "")
    );
    assert_eq!((own.draft_base_version, own.note_version, own.version), (0, 0, 1), "the inquiry is as it was");
    assert!(page(&mut luis, inquiry).await.draft.is_empty(), "nobody else sees it");
    sqlx::query("CHECKPOINT").execute(&world.admin).await.expect("on disk");
    assert!(!world.on_disk("canary-of-a-draft"), "it is sealed");

    luis.save_note(note(inquiry, 0, &WHOLE_NOTE[..1])).await.expect("saved meanwhile");
    let mine = page(&mut dana, inquiry).await;
    assert_eq!((mine.draft_base_version, mine.note_version), (0, 1), "the draft stands on the note of before");
    let stale = dana.save_note(note(inquiry, mine.draft_base_version, &typed)).await.expect_err("a conflict");
    assert_eq!(Reason::of(&stale), Some(Reason::Conflict));
    assert_eq!(page(&mut dana, inquiry).await.draft.len(), 2, "a refused note leaves the draft");
    dana.save_note(note(inquiry, 1, &typed)).await.expect("chosen");
    let saved = page(&mut dana, inquiry).await;
    assert_eq!((saved.draft.len(), saved.draft_saved_at), (0, 0));

    // What the note says already is no draft, and one is dropped by its writer.
    dana.save_draft(draft(2, &typed)).await.expect("kept");
    assert!(page(&mut dana, inquiry).await.draft.is_empty());
    assert_eq!(world.count("SELECT count(*) FROM drafts").await, 0);
    let other = [("diagnosis", "something else")];
    dana.save_draft(draft(1, &other)).await.expect("kept");
    luis.save_draft(draft(2, &other)).await.expect("kept");
    assert_eq!(page(&mut dana, inquiry).await.draft.len(), 1);
    let dropped = dana.save_draft(draft(2, &[])).await.expect("dropped").into_inner();
    assert_eq!((dropped.saved_at, page(&mut dana, inquiry).await.draft.len()), (0, 0));
    assert_eq!(page(&mut luis, inquiry).await.draft.len(), 1, "his is left alone");

    dana.save_draft(draft(2, &typed)).await.expect("kept");
    let close =
        CloseInquiryRequest { center: CENTER.into(), inquiry_id: inquiry.to_string(), reason: "not_ready".into() };
    luis.close_inquiry(close).await.expect("closed");
    assert_eq!(world.count("SELECT count(*) FROM drafts").await, 0, "what is closed has no drafts");
    let closed = dana.save_draft(draft(2, &typed)).await.expect_err("closed");
    assert_eq!(Reason::of(&closed), Some(Reason::Closed));
    world.end().await;
}
