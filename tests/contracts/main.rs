//! The contract in bytes: every event as it was first published, frozen in `proto/golden`.
//!
//! A sample that no longer reads is a bug in the contract, not a stale fixture: messages of that form are in outboxes and
//! streams. A new version of a message gets a sample of its own; an old one is never changed.

use std::path::{Path, PathBuf};

use causeway_proto::error::Reason;
use causeway_proto::events::{self, Event};
use causeway_proto::{inquiry, intake, notice, routing, scheduling, subjects};
use causeway_serve::Code;
use prost::Message;

/// The sample of an inquiry that was made of a call that nobody answered.
const MISSED_CALL: &str = "causeway.inquiry.v1.InquiryReceived.missed_call";
/// The sample of an inquiry that a sister center handed over.
const HANDED_OVER: &str = "causeway.inquiry.v1.InquiryReceived.handed_over";
/// The sample of an inquiry of somebody who lives at a known distance.
const DISTANCE: &str = "causeway.inquiry.v1.InquiryReceived.distance";
/// The sample of a due time that moved with all stretches in which its clock stood still.
const PAUSES: &str = "causeway.routing.v1.ResponseDueChanged.pauses";
/// A stage by a dated next step.
const STEP_STAGE: &str = "causeway.intake.v1.StageChanged.next_step";
/// A stage of an inquiry that was closed before.
const OPENED_AGAIN: &str = "causeway.intake.v1.StageChanged.opened_again";
/// A try with the script that was used.
const SCRIPT: &str = "causeway.intake.v1.ContactAttempted.script";

/// Documents that the person was asked for before.
const ASKED_AGAIN: &str = "causeway.intake.v1.RecordsRequested.again";

/// The sample of a stage of an inquiry that a reviewer declined.
const DECLINED: &str = "causeway.intake.v1.StageChanged.declined";

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../proto/golden")
}

fn facts() -> inquiry::v1::Facts {
    inquiry::v1::Facts {
        inquiry_id: "0191e5a8-7b1c-7c3a-9d52-2f6c5a1b0c01".into(),
        center: "lakeside".into(),
        reference: "LK-7K4M-2QX".into(),
        consult_type: inquiry::v1::ConsultType::SecondOpinion.into(),
        cancer_area: inquiry::v1::CancerArea::Gi.into(),
        source: inquiry::v1::Source::WebForm.into(),
        language: "en".into(),
        time_zone: "America/New_York".into(),
        preferred_channel: inquiry::v1::Channel::Email.into(),
        consent: Some(inquiry::v1::Consent { email: true, sms: false, phone: true, voicemail: false }),
        best_time: "morning".into(),
        payer: "medicare".into(),
        site_preference: "north".into(),
        records_on_hand: "some".into(),
        urgency: inquiry::v1::Urgency::Routine.into(),
        referring_office: String::new(),
        asked_by: "caregiver".into(),
        attribution: Some(inquiry::v1::Attribution {
            landing_page: "/second-opinion".into(),
            campaign: "autumn".into(),
            utm_source: "newsletter".into(),
            utm_medium: "email".into(),
            referrer_host: "example.org".into(),
            ..inquiry::v1::Attribution::default()
        }),
        form_id: "second-opinion".into(),
        form_version: "1".into(),
        received_at: 1_790_000_000_000_000,
        needs_repair: false,
        missed_call: false,
        age_band: String::new(),
        stays: Vec::new(),
        nearest_site: String::new(),
        distance_band: String::new(),
    }
}

fn appointment() -> scheduling::v1::Appointment {
    scheduling::v1::Appointment {
        appointment_id: "0191e5a8-7b1c-7c3a-9d52-2f6c5a1b0c02".into(),
        inquiry_id: facts().inquiry_id,
        center: "lakeside".into(),
        site: "north".into(),
        starts_at: 1_790_300_000_000_000,
        ends_at: 1_790_303_600_000_000,
        time_zone: "America/New_York".into(),
        clinician_role: "surgeon".into(),
        visit_kind: "in_person".into(),
    }
}

fn outcome() -> notice::v1::NoticeOutcome {
    notice::v1::NoticeOutcome {
        notice_id: "0191e5a8-7b1c-7c3a-9d52-2f6c5a1b0c03".into(),
        inquiry_id: facts().inquiry_id,
        center: "lakeside".into(),
        kind: "confirmation".into(),
        channel: inquiry::v1::Channel::Email.into(),
        at: 1_790_000_001_000_000,
        reason: String::new(),
    }
}

/// Reads the frozen sample and compares; writes it where a new event has none yet and says so by failing.
fn check<E: Event + Message + PartialEq + Clone>(sample: E) {
    check_as(E::KIND, sample);
}

/// The same of a sample by its own name.
fn check_as<E: Event + Message + PartialEq + Clone>(name: &str, sample: E) {
    let file = folder().join(format!("{name}.bin"));
    let Ok(frozen) = std::fs::read(&file) else {
        std::fs::create_dir_all(folder()).expect("a folder");
        std::fs::write(&file, sample.encode_to_vec()).expect("written");
        panic!("{} had no sample; it was written to {}: look at it and commit it", E::KIND, file.display());
    };
    let read = events::decode::<E>(&frozen).expect("a frozen sample reads");
    assert!(read == sample, "{} reads differently from when it was frozen", E::KIND);
    assert_eq!(sample.encode_to_vec(), frozen, "{} is written differently from when it was frozen", E::KIND);
}

#[test]
fn every_event_reads_and_writes_as_when_it_was_frozen() {
    check(inquiry::v1::InquiryReceived { facts: Some(facts()) });
    let missed = inquiry::v1::Facts { missed_call: true, ..facts() };
    check_as(MISSED_CALL, inquiry::v1::InquiryReceived { facts: Some(missed) });
    let stay = inquiry::v1::Stay {
        center: "harbor-valley".into(),
        reference: "HV-7K4M-2QX".into(),
        received_at: 1_789_000_000_000_000,
        documents: 2,
        inquiry_id: "0191e5a8-7b1c-7c3a-9d52-2f6c5a1b0c09".into(),
    };
    let source = inquiry::v1::Source::SisterCenter.into();
    let handed = inquiry::v1::Facts { source, stays: vec![stay], ..facts() };
    check_as(HANDED_OVER, inquiry::v1::InquiryReceived { facts: Some(handed) });
    check(inquiry::v1::HandoverTaken {
        inquiry_id: facts().inquiry_id,
        center: "lakeside".into(),
        number: 4,
        to_center: "harbor-valley".into(),
        reference: "HV-7K4M-2QX".into(),
        at: 5,
    });
    check(inquiry::v1::HandoverNotTaken {
        inquiry_id: facts().inquiry_id,
        center: "lakeside".into(),
        number: 4,
        to_center: "harbor-valley".into(),
        why: "not_agreed".into(),
        at: 5,
    });
    let near = inquiry::v1::Facts { nearest_site: "north".into(), distance_band: "25_to_49".into(), ..facts() };
    check_as(DISTANCE, inquiry::v1::InquiryReceived { facts: Some(near) });
    check(inquiry::v1::DocumentReceived {
        inquiry_id: facts().inquiry_id,
        center: "lakeside".into(),
        document_id: "0191e5a8-7b1c-7c3a-9d52-2f6c5a1b0c04".into(),
        record_kind: "pathology_report".into(),
        door: "hl7".into(),
        feed: "cedar-hl7".into(),
        at: 1_790_000_002_000_000,
        version: 1,
        previous_kind: String::new(),
    });
    check(routing::v1::RouteDecided {
        facts: Some(facts()),
        program: "gi".into(),
        team: "gi-second-opinion".into(),
        site: "north".into(),
        priority: "normal".into(),
        script: "no-records-yet".into(),
        response_due_at: 1_790_010_000_000_000,
        clock_starts_at: 1_790_000_000_000_000,
        after_hours: true,
        target_minutes: 240,
        revision: "a1b2c3".into(),
        row: "second-opinion-gi".into(),
        decided_at: 1_790_000_000_500_000,
        owner: String::new(),
    });
    check(routing::v1::OwnerChosen {
        inquiry_id: facts().inquiry_id,
        center: "lakeside".into(),
        team: "navigators".into(),
        owner: "claire-dubois".into(),
        choice: 2,
        heard_version: 3,
        reason: "untouched".into(),
        at: 1_790_000_003_000_000,
    });
    check(routing::v1::EscalationRaised {
        inquiry_id: facts().inquiry_id,
        center: "lakeside".into(),
        team: "navigators".into(),
        owner: "claire-dubois".into(),
        why: "late".into(),
        level: 2,
        to: "lead".into(),
        staff: vec!["helen-marsh".into()],
        response_due_at: 1_790_010_000_000_000,
        at: 1_790_010_000_000_000,
        reference: "LK-7K4M-2QX".into(),
    });
    check(intake::v1::WorkMoved {
        inquiry_id: facts().inquiry_id,
        center: "lakeside".into(),
        team: "navigators".into(),
        owner: String::new(),
        open: true,
        version: 4,
        how: "handed_over".into(),
        choice: 2,
        at: 1_790_000_004_000_000,
        reason: "wrong_area".into(),
    });
    check(routing::v1::ResponseMissed {
        inquiry_id: facts().inquiry_id,
        center: "lakeside".into(),
        team: "gi-second-opinion".into(),
        response_due_at: 1_790_010_000_000_000,
        level: 1,
    });
    check(routing::v1::InquiryRerouted {
        inquiry_id: facts().inquiry_id,
        center: "lakeside".into(),
        program: "gi".into(),
        row: "6".into(),
        from_team: "gi-second-opinion".into(),
        to_team: "trials".into(),
        reason: "trial".into(),
        times: 3,
        to_and_fro: true,
        at: 1_790_003_000_000_000,
        version: 4,
    });
    let moved = routing::v1::ResponseDueChanged {
        facts: Some(facts()),
        team: "gi-second-opinion".into(),
        site: "north".into(),
        cause: "paused".into(),
        previous_due_at: 1_790_010_000_000_000,
        response_due_at: 1_790_096_400_000_000,
        clock_starts_at: 1_790_000_000_000_000,
        after_hours: true,
        pause_reason: "asked_to_wait".into(),
        paused_until: 1_790_086_400_000_000,
        miss_taken_back: true,
        at: 1_790_003_000_000_000,
        pauses: Vec::new(),
    };
    check(moved.clone());
    let stretch = routing::v1::ClockPause {
        from: 1_790_003_000_000_000,
        to: 1_790_086_400_000_000,
        reason: "asked_to_wait".into(),
    };
    check_as(PAUSES, routing::v1::ResponseDueChanged { pauses: vec![stretch], ..moved });
    let changed = intake::v1::StageChanged {
        facts: Some(facts()),
        from: intake::v1::Stage::Received.into(),
        to: intake::v1::Stage::Routed.into(),
        at: 1_790_000_000_600_000,
        version: 1,
        team: "gi-second-opinion".into(),
        site: "north".into(),
        program: "gi".into(),
        close_reason: String::new(),
        response_due_at: 1_790_010_000_000_000,
        first_attempt_at: 0,
        first_contact_at: 0,
        clock_version: 0,
        out_of_scope: String::new(),
        decline_reason: String::new(),
        next_step: String::new(),
        reopen_reason: String::new(),
        reopened_from: String::new(),
    };
    check(changed.clone());
    let declined = intake::v1::StageChanged { decline_reason: "no_capacity".into(), ..changed.clone() };
    check_as(DECLINED, declined);
    let agreed = intake::v1::Stage::Scheduled.into();
    let by_step = intake::v1::StageChanged { to: agreed, next_step: "screening_call".into(), ..changed.clone() };
    check_as(STEP_STAGE, by_step);
    let (reopen_reason, reopened_from) = ("came_back".into(), "not_ready".into());
    let from = intake::v1::Stage::Closed.into();
    check_as(OPENED_AGAIN, intake::v1::StageChanged { from, reopen_reason, reopened_from, ..changed });
    let reached = intake::v1::ContactAttempted {
        inquiry_id: facts().inquiry_id,
        center: "lakeside".into(),
        at: 1_790_005_000_000_000,
        channel: inquiry::v1::Channel::Phone.into(),
        outcome: "reached".into(),
        number: 1,
        within_target: true,
        team: "gi-second-opinion".into(),
        script: String::new(),
        script_version: String::new(),
    };
    check(reached.clone());
    let (script, script_version) = ("first-call".into(), "3".into());
    check_as(SCRIPT, intake::v1::ContactAttempted { script, script_version, ..reached });
    check(intake::v1::NextStepAgreed {
        facts: Some(facts()),
        kind: "screening_call".into(),
        starts_at: 1_790_400_000_000_000,
        moved: true,
        version: 6,
        at: 1_790_005_000_000_000,
    });
    check(intake::v1::NextStepOver {
        facts: Some(facts()),
        kind: "screening_call".into(),
        starts_at: 1_790_400_000_000_000,
        how: "called_off_by_person".into(),
        version: 7,
        at: 1_790_006_000_000_000,
    });
    check(intake::v1::ReadinessChanged {
        facts: Some(facts()),
        version: 4,
        intake_complete: true,
        records_ready: true,
        reviewed: false,
        open: true,
        team: "gi-second-opinion".into(),
        site: "north".into(),
    });
    let asked =
        intake::v1::RecordsRequested { facts: Some(facts()), kinds: vec!["pathology-report".into()], at: 5, times: 0 };
    check(asked.clone());
    check_as(ASKED_AGAIN, intake::v1::RecordsRequested { times: 2, ..asked });
    let kinds = vec!["pathology-report".to_owned()];
    check(intake::v1::OfficeRecordsWanted { facts: Some(facts()), kinds, version: 6, at: 5 });
    check(intake::v1::HandedToCenter {
        facts: Some(facts()),
        to_center: "harbor-valley".into(),
        reason: "closer_site".into(),
        number: 4,
        at: 5,
    });
    check(intake::v1::ReviewDecided {
        facts: Some(facts()),
        team: "gi-second-opinion".into(),
        decision: "decline".into(),
        reason: "no_capacity".into(),
        waiting_since: 5,
        due_at: 8,
        at: 9,
        version: 6,
    });
    check(intake::v1::ReviewEscalated {
        inquiry_id: facts().inquiry_id,
        center: "lakeside".into(),
        team: "triage".into(),
        owner: "mei-tanaka".into(),
        why: "review_late".into(),
        level: 2,
        to: "lead".into(),
        staff: vec!["priya-nair".into()],
        review_due_at: 7,
        at: 9,
        reference: "LS-7K4M-2QX".into(),
    });
    check(intake::v1::ReferredElsewhere { facts: Some(facts()), entry: "bone-marrow".into(), at: 5 });
    let known = facts();
    let (facts, appointment) = (|| Some(facts()), || Some(appointment()));
    check(scheduling::v1::AppointmentBooked { facts: facts(), appointment: appointment(), version: 1, at: 9 });
    check(scheduling::v1::AppointmentRescheduled {
        facts: facts(),
        appointment: appointment(),
        previous_starts_at: 7,
        reason: "travel".into(),
        version: 2,
        at: 9,
    });
    check(scheduling::v1::AppointmentCancelled {
        facts: facts(),
        appointment: appointment(),
        reason: "not_ready".into(),
        by: "patient".into(),
        version: 3,
        at: 9,
    });
    check(scheduling::v1::AppointmentAttended { facts: facts(), appointment: appointment(), version: 4, at: 9 });
    check(scheduling::v1::AppointmentMissed { facts: facts(), appointment: appointment(), version: 4, at: 9 });
    check(notice::v1::NoticeSent { outcome: Some(outcome()) });
    check(notice::v1::NoticeFailed { outcome: Some(outcome()) });
    check(notice::v1::NoticeUncertain { outcome: Some(outcome()) });
    check(inquiry::v1::InquiryAmended {
        facts: Some(known.clone()),
        changed: vec!["email".into(), "consult_type".into()],
        version: 2,
        at: 9,
    });
    check(notice::v1::ContactStopped {
        inquiry_id: known.inquiry_id,
        center: "lakeside".into(),
        channel: "all".into(),
        at: 9,
    });
}

#[test]
fn every_event_of_the_catalogue_has_a_frozen_sample_and_no_sample_is_an_orphan() {
    let mut frozen: Vec<String> = std::fs::read_dir(folder())
        .expect("the folder of samples")
        .flatten()
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect();
    frozen.sort();
    let mut wanted: Vec<String> = subjects::EVENTS.iter().map(|event| format!("{}.bin", event.kind)).collect();
    wanted.extend(
        [MISSED_CALL, HANDED_OVER, DISTANCE, PAUSES, DECLINED, STEP_STAGE, OPENED_AGAIN, SCRIPT, ASKED_AGAIN]
            .map(|more| format!("{more}.bin")),
    );
    wanted.sort();
    assert_eq!(frozen, wanted);
}

#[test]
fn the_event_catalogue_page_names_every_event_with_its_owner_and_listeners() {
    let page = std::fs::read_to_string(folder().join("../README.md")).expect("the catalogue page");
    for event in subjects::EVENTS {
        let listeners: Vec<String> = event
            .listeners
            .iter()
            .map(|(name, verb)| if *verb == "*" { (*name).to_owned() } else { format!("{name} ({verb})") })
            .collect();
        let short = event.kind.rsplit('.').next().expect("a name");
        let verb = if event.verb == "*" { "<stage>" } else { event.verb };
        let row = format!(
            "| `{short}` | `causeway.v1.<center>.{}.{verb}` | {} | {} |",
            event.noun,
            event.owner,
            listeners.join(", ")
        );
        assert!(page.contains(&row), "the catalogue lacks this row:\n{row}");
    }
}

#[test]
fn a_reason_of_the_contract_and_the_machines_code_for_it_have_the_same_statuses() {
    let mut words: Vec<&str> = Reason::ALL.iter().map(|reason| reason.word()).collect();
    for reason in Reason::ALL {
        let code = Code::of(&reason.status("something to do"));
        assert_eq!(code.grpc(), reason.grpc(), "{reason}");
        // What can't be read at all is 400; a reason is given for what was read, and names what must change.
        let http = if code == Code::InvalidArgument { 422 } else { code.http().as_u16() };
        assert_eq!(reason.http(), http, "{reason}: whoever meets it by gRPC and by HTTP must be able to do the same");
    }
    words.sort_unstable();
    words.dedup();
    assert_eq!(words.len(), Reason::ALL.len(), "two reasons have one word");
}
