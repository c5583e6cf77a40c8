//! The contract in bytes: every event as it was first published, frozen in `proto/golden`.
//!
//! A sample that no longer reads is a bug in the contract, not a stale fixture: messages of that form are in outboxes and
//! streams. A new version of a message gets a sample of its own; an old one is never changed.

use std::path::{Path, PathBuf};

use causeway_proto::events::{self, Event};
use causeway_proto::{inquiry, intake, notice, routing, scheduling, subjects};
use prost::Message;

/// The sample of an inquiry that was made of a call that nobody answered.
const MISSED_CALL: &str = "causeway.inquiry.v1.InquiryReceived.missed_call";

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
    });
    check(routing::v1::ResponseMissed {
        inquiry_id: facts().inquiry_id,
        center: "lakeside".into(),
        team: "gi-second-opinion".into(),
        response_due_at: 1_790_010_000_000_000,
        level: 1,
    });
    check(intake::v1::StageChanged {
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
    });
    check(intake::v1::ContactAttempted {
        inquiry_id: facts().inquiry_id,
        center: "lakeside".into(),
        at: 1_790_005_000_000_000,
        channel: inquiry::v1::Channel::Phone.into(),
        outcome: "reached".into(),
        number: 1,
        within_target: true,
        team: "gi-second-opinion".into(),
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
    check(intake::v1::RecordsRequested { facts: Some(facts()), kinds: vec!["pathology-report".into()], at: 5 });
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
    wanted.push(format!("{MISSED_CALL}.bin"));
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
