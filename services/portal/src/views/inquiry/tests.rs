//! The inquiry's page from what the services answer.

use causeway_auth::Role;
use causeway_funnel::script::fill;
use causeway_proto::inquiry::v1::{Consent, ConsultType, KnownElsewhere, PersonLink};
use causeway_proto::intake::v1::{CallScript, NextStep, TimelineEntry};
use causeway_proto::routing::v1::FailedRow;
use causeway_proto::scheduling::v1::{Appointment, Slot};

use causeway_proto::intake::v1::RecordLine;

use super::*;
use crate::handlers::tests::{harbor_valley, staff_frame};
use crate::pages::RecordRow;

const NOW: i64 = 1_804_190_400_000_000;

pub(super) fn now() -> Timestamp {
    Timestamp::from_microsecond(NOW).expect("time")
}

pub(super) fn parts() -> Parts {
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
        sisters: Vec::new(),
    }
}

pub(super) fn actor(roles: &[Role]) -> Actor {
    Actor::staff("dana-whitfield", "Dana", "harbor-valley", roles.to_vec())
}

pub(super) fn page(parts: &Parts, roles: &[Role]) -> InquiryPage {
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
fn an_own_draft_is_shown_in_the_note_over_the_version_that_it_was_typed_over() {
    let mut parts = parts();
    let without = page(&parts, &[Role::Coordinator]);
    assert_eq!((without.note_version.as_str(), without.note_draft.as_deref()), ("7.3", None));
    parts.inquiry.draft.insert("k".into(), "half a sentence".into());
    (parts.inquiry.draft_saved_at, parts.inquiry.draft_base_version) = (NOW, 2);
    let page = page(&parts, &[Role::Coordinator]);
    assert_eq!((page.note_version.as_str(), page.note[0].value.as_str()), ("7.2", "half a sentence"));
    assert!(
        page.note_draft
            .expect("said")
            .ends_with(" The note was saved by somebody since; when you save, you are shown both.")
    );
    parts.inquiry.draft_base_version = 3;
    let page = self::page(&parts, &[Role::Coordinator]);
    assert!(page.note_draft.expect("said").ends_with(" is shown. It is not saved yet."));
}

#[test]
fn an_outcome_that_closes_stands_only_before_who_may_close_and_the_mark_of_escalation_only_until_the_first_try() {
    let mut parts = parts();
    let outcomes = |parts: &Parts, role| page(parts, &[role]).attempt[0].options.len();
    assert_eq!((outcomes(&parts, Role::Coordinator), outcomes(&parts, Role::Reviewer)), (8, 6));
    let is_marked = |parts: &Parts| page(parts, &[Role::Coordinator]).tags.iter().any(|tag| tag.text == "Escalated");
    (parts.inquiry.escalated, parts.inquiry.clock_state) = (2, "late".into());
    assert!(is_marked(&parts));
    (parts.inquiry.attempts, parts.inquiry.clock_state) = (1, "met_late".into());
    assert!(!is_marked(&parts));
}

#[test]
fn what_two_people_wrote_stands_side_by_side_and_what_is_alike_is_not_asked() {
    let mut parts = parts();
    let field = |key: &str, value: &str| NoteField { key: key.into(), value: value.into(), ..NoteField::default() };
    parts.inquiry.note = vec![
        field("diagnosis", "a growth"),
        field("insurance_plan", "none"),
        field("visit_needs", ""),
        field("x", "y"),
    ];
    let entry = TimelineEntry { kind: "note_saved".into(), actor: "luis-ortega".into(), ..Default::default() };
    parts.inquiry.timeline = vec![entry];
    let typed = BTreeMap::from([("diagnosis", "a big growth"), ("insurance_plan", " none "), ("visit_needs", "ride")]);
    let (profile, actor) = (harbor_valley(), actor(&[Role::Coordinator]));
    let looking = Looking { profile: &profile, actor: &actor, now: now(), parts: &parts };
    let page = looking.conflict(staff_frame(&profile), |key| typed.get(key).copied()).expect("they differ");
    assert_eq!((page.version.as_str(), page.base.as_str()), ("7.3", "/inquiries/i1"), "saving goes on from theirs");
    assert_eq!(page.told, "Luis Ortega saved this note while you were writing.");
    type Shown<'a> = (&'a str, Vec<(&'a str, &'a str, bool)>);
    let shown: Vec<Shown<'_>> = page
        .questions
        .iter()
        .map(|question| {
            let choices = question.options.iter().map(|one| (one.value.as_str(), one.label.as_str(), one.chosen));
            (question.key.as_str(), choices.collect())
        })
        .collect();
    let wanted = [
        ("diagnosis", vec![("a big growth", "Yours: a big growth", false), ("a growth", "Saved: a growth", false)]),
        ("visit_needs", vec![("ride", "Yours: A ride", true), ("", "Saved: nothing", false)]),
    ];
    assert_eq!(shown, wanted);
    assert!(looking.conflict(staff_frame(&profile), |_| None).is_none(), "nothing was sent, nothing differs");
}

#[test]
fn what_is_not_treated_here_shows_what_is_told_and_offers_to_send_it_or_to_work_it_until_it_is_on_its_way() {
    let mut parts = parts();
    let labels = |parts: &Parts, roles: &[Role]| -> Vec<String> {
        let told = page(parts, roles)
            .actions
            .into_iter()
            .filter(|one| one.action.contains("/keep/") || one.action.ends_with("/elsewhere"));
        told.map(|one| one.label).collect()
    };
    assert!(labels(&parts, &[Role::Coordinator]).is_empty());
    parts.inquiry.out_of_scope = "children".into();
    parts.inquiry.out_of_scope_state = "proposed".into();
    let keep = ["We do treat this", "It is about something else than was entered"];
    assert_eq!(labels(&parts, &[Role::Coordinator]), [&["Send where to go"][..], &keep].concat());
    assert!(labels(&parts, &[Role::Auditor]).is_empty(), "who may not work it is offered nothing");
    let shown = page(&parts, &[Role::Coordinator]).facts;
    let places = shown.iter().find(|fact| fact.label == "Where to go").expect("places");
    assert_eq!(places.value, "Sound Children's Hospital, 206 555 0180; Cascade Children's Clinic, 253 555 0181");
    parts.inquiry.out_of_scope_state = "failed".into();
    assert_eq!(labels(&parts, &[Role::Coordinator])[0], "Send again where to go");
    for done in ["sending", "sent", "declined", "in_scope"] {
        parts.inquiry.out_of_scope_state = done.into();
        assert!(labels(&parts, &[Role::Coordinator]).is_empty(), "{done}");
    }
    (parts.inquiry.out_of_scope_state, parts.inquiry.next_action) = ("sent".into(), "tell_referral".into());
    assert_eq!(labels(&parts, &[Role::Coordinator]), keep, "declined, and to be called still");
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
    let reviewer = self::page(&parts, &[Role::Reviewer]);
    assert_eq!(reviewer.booking.blocked.as_deref(), Some("Your role does not book visits."), "and nothing is away");
}

#[test]
fn what_a_reviewer_declined_is_not_booked_and_the_note_is_not_blamed_for_it() {
    let mut declined = parts();
    declined.appointments = Some(Vec::new());
    declined.inquiry.decline_reason = "no_capacity".into();
    let blocked = page(&declined, &[Role::Coordinator]).booking.blocked.expect("said");
    assert!(blocked.starts_with("A reviewer declined it."), "{blocked}");
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
        row("no. 4", "age", "", "18_to_39"),
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
            "Row no. 4 wants another age than “18 to 39”.",
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
    assert_eq!(labels(&coordinator.records[0]), ["ask_patient", "received"]);
    assert!(labels(&coordinator.records[1]).is_empty());
    assert_eq!(coordinator.actions[0].label, "Release");
    let manager = page(&parts(), &[Role::Manager]);
    assert_eq!(labels(&manager.records[0]), ["ask_patient", "received"]);
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
    // Said of another that is the same person as this one: nobody is asked again.
    let mut joined = with("open");
    if let Some(Some(links)) = &mut joined.links {
        let said = PersonLink {
            inquiry_id: "i2".into(),
            reference: "HV-2".into(),
            state: "same".into(),
            strength: "possible".into(),
            ..PersonLink::default()
        };
        links.links.push(said);
        links.person = ["i0", "i1", "i2"].map(str::to_owned).into();
    }
    let joined = page(&joined, &[Role::Coordinator]).twins;
    assert_eq!((joined[0].reference.as_str(), joined[0].because.as_str()), ("HV-2", "Linked by a person"));
    assert_eq!((joined[1].state.as_str(), joined[1].actions.len()), ("Same person (through HV-2)", 0));
    let duplicate = |page: &InquiryPage| page.close_reasons.iter().any(|reason| reason.selected);
    let open = page(&with("open"), &[Role::Coordinator]);
    assert_eq!(open.twins[0].state, "Likely the same person");
    assert!(open.twins[0].about.contains("Contacted"), "{}", open.twins[0].about);
    assert_eq!(open.twins[0].actions.iter().map(|(word, _)| word.as_str()).collect::<Vec<_>>(), ["same", "different"]);
    assert_eq!(open.twin_notes, ["This person has also asked Lakeside, since April 2026."]);
    assert!(!duplicate(&open));
    let same = page(&with("same"), &[Role::Coordinator]);
    assert_eq!(same.twins[0].actions[0].0, "open");
    assert!(duplicate(&same), "to close it as a duplicate stands ready");
    assert!(page(&with("open"), &[Role::Scheduler]).twins[0].actions.is_empty());
}

fn agreed(ended: &str, at: i64) -> NextStep {
    NextStep {
        kind: "screening_call".into(),
        label: "Screening call".into(),
        at,
        call: true,
        ended: ended.into(),
        ..NextStep::default()
    }
}

fn trial(next_step: Option<NextStep>) -> Parts {
    let mut parts = parts();
    parts.inquiry.next_step = next_step;
    if let Some(facts) = &mut parts.inquiry.facts {
        facts.set_consult_type(ConsultType::ClinicalTrial);
    }
    parts
}

#[test]
fn a_next_step_is_agreed_where_its_kind_fits_and_moved_or_ended_where_one_is() {
    assert!(page(&parts(), &[Role::Coordinator]).step.is_none(), "no kind fits an inquiry that says nothing");
    let none = page(&trial(None), &[Role::Coordinator]).step.expect("kinds fit");
    let kinds: Vec<&str> = none.kinds.iter().map(|kind| kind.value.as_str()).collect();
    assert_eq!((kinds, none.text, none.ends.len()), (vec!["screening_call", "records_review"], None, 0));
    assert_eq!((none.first_day.as_str(), none.day.as_str()), ("2027-03-04", ""));

    let ahead = page(&trial(Some(agreed("", NOW + 22 * 3_600_000_000))), &[Role::Coordinator]);
    assert!(ahead.tags.iter().any(|tag| tag.text == "Screening call, Fri, March 5, 10 am"), "{:?}", ahead.tags);
    let card = ahead.step.expect("agreed");
    assert_eq!(
        (card.state.as_str(), card.moves, card.day.as_str(), card.time.as_str()),
        ("Agreed", true, "2027-03-05", "10:00")
    );
    let ends: Vec<&str> = card.ends.iter().map(|end| end.value.as_str()).collect();
    assert_eq!(ends, ["done", "called_off_by_person", "called_off_by_center"], "nobody has missed it yet");

    let passed = page(&trial(Some(agreed("", NOW - 60_000_000))), &[Role::Coordinator]).step.expect("agreed");
    assert_eq!((passed.state.as_str(), passed.ends.len()), ("Its time has come", 4));
    let mut read = trial(Some(agreed("", NOW - 60_000_000)));
    read.inquiry.next_step.as_mut().expect("agreed").call = false;
    let ends = page(&read, &[Role::Coordinator]).step.expect("agreed").ends;
    assert!(ends.iter().all(|end| end.value != "missed"), "nobody was called");
    assert!(!page(&read, &[Role::Coordinator]).step.expect("agreed").told, "they get no messages");
    if let Some(facts) = &mut read.inquiry.facts {
        facts.consent = Some(Consent { email: true, ..Consent::default() });
    }
    assert!(page(&read, &[Role::Coordinator]).step.expect("agreed").told);
    let done = page(&trial(Some(agreed("done", NOW - 60_000_000))), &[Role::Coordinator]);
    assert!(done.tags.iter().all(|tag| !tag.text.starts_with("Screening call")));
    let done = done.step.expect("it is still shown");
    assert_eq!((done.state.as_str(), done.moves, done.ends.len()), ("Took place", false, 0));

    let looked = page(&trial(Some(agreed("", NOW))), &[Role::Auditor]).step.expect("shown");
    assert_eq!((looked.kinds.len(), looked.ends.len()), (0, 0), "who only looks changes nothing");
    let mut booked = trial(None);
    booked.appointments = Some(vec![BookedAppointment {
        appointment: Some(Appointment { site: "harbor".into(), starts_at: NOW, ..Appointment::default() }),
        state: "booked".into(),
    }]);
    assert!(page(&booked, &[Role::Coordinator]).step.is_none(), "a visit is the next step");
}

#[test]
fn an_agreed_step_takes_no_decision_out_of_a_reviewers_hands_and_a_booked_visit_does() {
    let mut scheduled = trial(Some(agreed("", NOW + 60_000_000)));
    scheduled.inquiry.stage = Stage::Scheduled.into();
    // Redirect and decline are for who has no visit.
    let whole = |parts: &Parts| page(parts, &[Role::Reviewer]).review.is_some_and(|card| !card.booked);
    assert!(whole(&scheduled));
    scheduled.appointments = None;
    assert!(whole(&scheduled), "scheduled by the step alone, as far as is known");
    scheduled.inquiry.next_step = None;
    assert!(!whole(&scheduled), "then it is a visit");
    scheduled.inquiry.next_step = Some(agreed("", NOW + 60_000_000));
    scheduled.appointments = Some(vec![BookedAppointment {
        appointment: Some(Appointment { site: "harbor".into(), starts_at: NOW, ..Appointment::default() }),
        state: "booked".into(),
    }]);
    assert!(!whole(&scheduled));
}

#[test]
fn a_day_and_a_time_are_read_by_the_centers_clock() {
    let zone = harbor_valley().zone().clone();
    assert_eq!(step_at("2027-03-05", "10:00", &zone), Some(NOW + 22 * 3_600_000_000));
    assert_eq!((step_at("", "10:00", &zone), step_at("2027-03-05", "ten", &zone)), (None, None));
}

#[test]
fn the_scripts_beside_that_of_the_call_are_shown_and_the_one_that_was_used_is_sent() {
    let mut parts = parts();
    let own = page(&parts, &[Role::Coordinator]);
    assert_eq!((own.attempt.len(), own.caregiver.is_some(), own.voicemail.is_some()), (4, false, false));
    let beside = |situation: &str, id: &str| CallScript {
        situation: situation.into(),
        id: id.into(),
        version: "1".into(),
        text: "# A title\n**Say:** Hello {{ name }}.".into(),
    };
    parts.inquiry.script_version = "3".into();
    parts.inquiry.scripts = vec![beside("caregiver_calling", "caregiver"), beside("voicemail", "voicemail")];
    let other = page(&parts, &[Role::Coordinator]);
    assert_eq!(other.voicemail.expect("shown").steps[0].say, ["Hello Rosa."]);
    assert_eq!(other.caregiver.expect("shown").name, "A title, version 1");
    let offered: Vec<&str> = other.attempt[3].options.iter().map(|one| one.value.as_str()).collect();
    assert_eq!(offered, ["first-call~3", "caregiver~1"]);
    let shown: Vec<_> = other.scripts_shown.iter().map(|one| (one.name.as_str(), one.value.as_str())).collect();
    assert_eq!(shown, [("script_shown", "first-call~3"), ("voicemail_shown", "voicemail~1")]);
    let used = |sent: &str, outcome: &str| used_script(sent, (shown[0].1, shown[1].1), outcome);
    let script = |id: &str, version: &str| (id.to_owned(), version.to_owned());
    assert_eq!(used("caregiver~1", "reached"), script("caregiver", "1"));
    assert_eq!(used("first-call~3", "voicemail"), script("voicemail", "1"), "a voice message has its own");
    assert_eq!(used("", "reached"), script("first-call", "3"), "what the page showed");
    assert_eq!(used_script("", ("", ""), "reached"), script("", ""), "the page showed none");
}
