//! The inquiry's page from what the services answer.

use causeway_auth::Role;
use causeway_funnel::script::fill;
use causeway_proto::inquiry::v1::{KnownElsewhere, PersonLink};
use causeway_proto::intake::v1::TimelineEntry;
use causeway_proto::routing::v1::FailedRow;
use causeway_proto::scheduling::v1::{Appointment, Slot};

use super::*;
use crate::handlers::tests::{harbor_valley, staff_frame};

const NOW: i64 = 1_804_190_400_000_000;

fn now() -> Timestamp {
    Timestamp::from_microsecond(NOW).expect("time")
}

fn parts() -> Parts {
    let facts = Facts { inquiry_id: "i1".into(), reference: "HV-1".into(), language: "es".into(), ..Facts::default() };
    let line = |kind: &str, state: &str| RecordLine {
        kind: kind.into(),
        label: kind.into(),
        state: state.into(),
        needed_for_booking: true,
        ..RecordLine::default()
    };
    let inquiry = Inquiry {
        facts: Some(facts),
        stage: Stage::Contacted.into(),
        team: "breast".into(),
        owner: "dana-whitfield".into(),
        records: vec![line("pathology_report", "needed"), line("imaging", "received")],
        note: vec![NoteField { key: "k".into(), label: "Diagnosis".into(), missing: true, ..NoteField::default() }],
        script_id: "first-call".into(),
        script_text: "# First call\n**Say:** May I speak with {{ name }}?".into(),
        version: 7,
        note_version: 3,
        ..Inquiry::default()
    };
    let person = Person { name: "Rosa".into(), phone: "+12065550142".into(), ..Person::default() };
    let slot = Slot { slot_id: "harbor.1.x.y".into(), site: "harbor".into(), starts_at: NOW, ..Slot::default() };
    Parts {
        inquiry,
        person: Some(Some(person)),
        route: Some(ExplainRouteResponse::default()),
        notices: Some(Vec::new()),
        offers: Some(OfferSlotsResponse { slots: vec![slot], ..OfferSlotsResponse::default() }),
        appointments: Some(Vec::new()),
        links: Some(None),
        linked: HashMap::new(),
        calls: Some(Vec::new()),
        documents: Some(Vec::new()),
    }
}

fn actor(roles: &[Role]) -> Actor {
    Actor::staff("dana-whitfield", "Dana", "harbor-valley", roles.to_vec())
}

fn page(parts: &Parts, roles: &[Role]) -> InquiryPage {
    let (profile, actor) = (harbor_valley(), actor(roles));
    Looking { profile: &profile, actor: &actor, now: now(), parts }.page(staff_frame(&profile))
}

#[test]
fn the_page_carries_both_versions_and_reads_the_notes_back() {
    let page = page(&parts(), &[Role::Coordinator]);
    assert_eq!(page.version, "7.3");
    assert_eq!((note_version(&page.version), note_version("7"), note_version("")), (3, 0, 0));
}

#[test]
fn the_script_is_said_with_the_persons_name_and_the_title_is_not() {
    let page = page(&parts(), &[Role::Coordinator]);
    assert_eq!(page.script.expect("script").steps[0].say, ["May I speak with Rosa?"]);
    assert_eq!((page.heading.as_str(), page.reference.as_str(), page.base.as_str()), ("Rosa", "HV-1", "/inquiries/i1"));
}

#[test]
fn every_script_of_the_center_says_the_name_where_it_has_one_and_heads_each_step_with_words() {
    let mut named = 0;
    for script in &harbor_valley().scripts.0 {
        let mut parts = parts();
        parts.inquiry.script_text = fill(script, &BTreeMap::from([("caller", "Dana".to_owned())]));
        let shown = page(&parts, &[Role::Coordinator]).script.expect("a script");
        let said: String = shown.steps.iter().flat_map(|step| step.say.iter().chain(&step.guidance)).cloned().collect();
        assert!(!said.contains("{{"), "{}: {said}", script.id);
        assert_eq!(script.body.contains("{{ name }}"), said.contains("Rosa"), "{}: {said}", script.id);
        named += usize::from(said.contains("Rosa"));
        let headings = shown.steps.iter().map(|step| step.heading.as_str());
        assert!(headings.clone().all(|heading| !heading.starts_with("Step ")), "{}: {:?}", script.id, shown.steps);
    }
    assert!(named > 3, "{named}");
}

#[test]
fn a_part_that_does_not_answer_says_so_in_its_place() {
    let parts = Parts { person: None, route: None, notices: None, offers: None, appointments: None, ..parts() };
    let page = page(&parts, &[Role::Coordinator]);
    assert_eq!(page.heading, "Inquiry HV-1");
    assert_eq!(page.facts[0].value, "Not available right now");
    assert!(page.routing.because.starts_with("Not available right now"));
    assert!(page.messages[0].what.starts_with("Not available right now"));
    assert!(page.booking.blocked.expect("said").starts_with("Not available right now"));
    assert_eq!(page.note.len(), 1, "the rest of the page stays");
}

#[test]
fn an_address_that_may_be_a_slip_is_shown_with_what_was_perhaps_meant() {
    let asked = |email: &str| {
        let person = Person { name: "Rosa".into(), email: email.into(), ..Person::default() };
        let page = page(&Parts { person: Some(Some(person)), ..parts() }, &[Role::Coordinator]);
        page.facts.into_iter().find(|fact| fact.label == "Ask about the email").map(|fact| fact.value)
    };
    assert_eq!(asked("rosa@gmial.com").as_deref(), Some("Perhaps rosa@gmail.com"));
    assert_eq!(asked("rosa@example.org"), None);
}

#[test]
fn why_this_team_is_told_in_words_and_what_happened_last_stands_first() {
    let row = |row: &str, column: &str, wanted: &str, found: &str| FailedRow {
        row: row.into(),
        column: column.into(),
        wanted: wanted.into(),
        found: found.into(),
    };
    let failed = vec![
        row("1", "consult_type", "clinical_trial|not_sure", "second_opinion"),
        row("2", "trial_team", "a team for trial questions", "clinical_trial"),
        row("3", "referring_office", "cedar", "none"),
    ];
    let route = ExplainRouteResponse { row: "6".into(), failed, ..ExplainRouteResponse::default() };
    let entry = |at: i64, text: &str| TimelineEntry { at, text: text.into(), ..TimelineEntry::default() };
    let mut parts = Parts { route: Some(route), ..parts() };
    parts.inquiry.timeline = (0..8).rev().map(|at| entry(NOW + at, &at.to_string())).collect();
    let page = page(&parts, &[Role::Coordinator]);
    assert_eq!(
        page.routing.looked_at,
        [
            "Row 1 wants the consult type “Question about a clinical trial” or “I am not sure”; here it is “Second opinion”.",
            "Row 2: trial questions go to the trial team.",
            "Row 3 wants the referring office “cedar”; here it is “none”.",
        ]
    );
    assert_eq!((page.timeline[0].text.as_str(), page.timeline[7].text.as_str()), ("7", "0"));
    let shown = askama::Template::render(&page).expect("a page");
    assert!(shown.contains("2 earlier") && shown.contains("Row 6 of the routing table"));
}

#[test]
fn each_role_sees_what_it_may_do() {
    let coordinator = page(&parts(), &[Role::Coordinator]);
    let labels = |row: &RecordRow| row.actions.iter().map(|act| act.action.clone()).collect::<Vec<_>>();
    assert_eq!(labels(&coordinator.records[0]), ["request", "received"]);
    assert!(labels(&coordinator.records[1]).is_empty());
    assert_eq!(coordinator.actions[0].label, "Release");
    let manager = page(&parts(), &[Role::Manager]);
    assert_eq!(labels(&manager.records[0]), ["request", "received", "waive"]);
    assert!(!manager.records[0].reasons.is_empty());
    assert_eq!(labels(&manager.records[1]), ["review"]);
    let auditor = page(&parts(), &[Role::Auditor]);
    assert!(auditor.attempt.is_empty() && auditor.note.is_empty() && auditor.close_reasons.is_empty());
    assert!(auditor.routing.teams.is_empty() && auditor.actions.is_empty());
    assert!(auditor.booking.blocked.is_some());
}

#[test]
fn a_booked_visit_can_be_cancelled_before_and_told_about_after_it_began() {
    let booked = |starts_at| BookedAppointment {
        appointment: Some(Appointment { starts_at, site: "harbor".into(), ..Appointment::default() }),
        state: "booked".into(),
    };
    let ahead = page(&Parts { appointments: Some(vec![booked(NOW + 1)]), ..parts() }, &[Role::Scheduler]);
    let visit = ahead.visit.expect("booked");
    assert!(!visit.may_tell && !visit.reasons.is_empty());
    assert!(ahead.booking.blocked.is_some());
    let begun = page(&Parts { appointments: Some(vec![booked(NOW)]), ..parts() }, &[Role::Scheduler]);
    let visit = begun.visit.expect("booked");
    assert!(visit.may_tell && visit.reasons.is_empty());
}

#[test]
fn a_document_may_be_opened_once_it_was_looked_at_and_matched_by_who_works_the_inquiry() {
    let document = |kind: &str, state: &str| Document {
        document_id: "d1".into(),
        door: "hl7".into(),
        feed: "cedar-hl7".into(),
        record_kind: kind.into(),
        content_type: "pdf".into(),
        state: state.into(),
        bytes: 3 << 20,
        pages: 2,
        ..Document::default()
    };
    let documents = vec![
        document("pathology_report", "ready"),
        document("", "checking"),
        Document { fault: "program".into(), ..document("", "refused") },
        Document { unscanned: true, ..document("", "ready") },
        document("imaging", "infected"),
        document("imaging", "wished"),
    ];
    let parts = Parts { documents: Some(documents), ..parts() };
    let seen = page(&parts, &[Role::Coordinator]).documents;
    assert!(seen[0].may_open && !seen[1].may_open && !seen[2].may_open && seen[3].may_open);
    assert!(seen[0].note.contains("PDF · 2 pages · 3 MB"), "{}", seen[0].note);
    assert_eq!((seen[1].name.as_str(), seen[3].state.as_str()), ("Not matched yet", "Not scanned"));
    let kinds: Vec<_> = seen[0].kinds.iter().map(|kind| (kind.value.as_str(), kind.selected)).collect();
    assert_eq!(kinds, [("", false), ("pathology_report", true), ("imaging", false)]);
    assert!(seen[4].kinds.is_empty() && seen[5].kinds.is_empty(), "what can't be read fills no line");
    assert!(seen[2].kinds.is_empty() && seen[2].told[0].starts_with("This file is a program"));
    let scheduler = page(&parts, &[Role::Scheduler]).documents;
    assert!(!scheduler[0].may_open && !scheduler[0].kinds.is_empty());
    let auditor = page(&parts, &[Role::Auditor]).documents;
    assert!(auditor[0].may_open && auditor[0].kinds.is_empty());
    let away = page(&Parts { documents: None, ..parts }, &[Role::Coordinator]).documents;
    assert!(away[0].note.starts_with("Not available right now"));
}

#[test]
fn a_call_back_falls_into_opening_times() {
    let profile = harbor_valley();
    let at = |word| call_back_at(word, now(), &profile);
    assert_eq!(at(""), 0);
    assert_eq!(at("1h"), NOW + 3_600_000_000);
    for word in ["next_morning", "next_afternoon"] {
        let instant = Timestamp::from_microsecond(at(word)).expect("time");
        assert!(instant > now() && profile.calendar(None).is_open(instant), "{word}");
    }
}

#[test]
fn who_may_be_the_same_person_is_shown_with_why_and_decided_by_who_repairs() {
    let link = PersonLink {
        inquiry_id: "i0".into(),
        reference: "HV-0".into(),
        received_at: NOW - 1,
        strength: "likely".into(),
        explanation: "same phone; first name differs".into(),
        state: "open".into(),
        ..PersonLink::default()
    };
    let known = KnownElsewhere { center_name: "Lakeside".into(), since_month: "2026-04".into() };
    let with = |state: &str| {
        let links = vec![PersonLink { state: state.into(), ..link.clone() }];
        let links = LinksOfInquiry { links, elsewhere: vec![known.clone()], ..LinksOfInquiry::default() };
        let mut parts = parts();
        parts.inquiry.facts.as_mut().expect("facts").received_at = NOW;
        let stands = Inquiry { stage: Stage::Contacted.into(), team: "breast".into(), ..Inquiry::default() };
        Parts { links: Some(Some(links)), linked: HashMap::from([("i0".to_owned(), stands)]), ..parts }
    };
    let duplicate = |page: &InquiryPage| page.close_reasons.iter().any(|reason| reason.selected);
    let open = page(&with("open"), &[Role::Coordinator]);
    assert_eq!(open.twins[0].state, "Likely the same person");
    assert!(open.twins[0].about.contains("Contacted"), "{}", open.twins[0].about);
    assert_eq!(open.twins[0].actions.iter().map(|(word, _)| word.as_str()).collect::<Vec<_>>(), ["same", "different"]);
    assert_eq!(open.twin_notes, ["This person has also asked Lakeside, since 2026-04."]);
    assert!(!duplicate(&open));
    let same = page(&with("same"), &[Role::Coordinator]);
    assert_eq!(same.twins[0].actions[0].0, "open");
    assert!(duplicate(&same), "to close it as a duplicate stands ready");
    assert!(page(&with("open"), &[Role::Scheduler]).twins[0].actions.is_empty());
}
