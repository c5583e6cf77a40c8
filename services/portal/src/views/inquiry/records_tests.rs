//! What the records section says of who was asked, and the letter.

use causeway_auth::Role;

use super::*;
use crate::handlers::tests::{harbor_valley, staff_frame};
use crate::views::inquiry::Parts;
use crate::views::inquiry::tests::{actor, now, parts};

/// Friday, March 5, 2027, midnight in Seattle: the end of Thursday.
const PROMISED: i64 = 1_804_233_600_000_000;
const DAY: i64 = 24 * 3600 * 1_000_000;

fn asked(line: &mut RecordLine, of: &str) {
    line.state = "requested".to_owned();
    line.asked_of = of.to_owned();
    line.from = "hospital".to_owned();
    (line.asked_at, line.first_asked_at, line.asked_times) = (PROMISED - 2 * DAY, PROMISED - 5 * DAY, 2);
}

#[test]
fn who_was_asked_since_when_and_what_comes_next_stands_beside_each_record() {
    let mut parts = parts();
    let profile = harbor_valley();
    let staff = actor(&[Role::Coordinator]);
    let note = |parts: &Parts| {
        let looking = Looking { profile: &profile, actor: &staff, now: now(), parts };
        looking.record(&parts.inquiry.records[0], false).note
    };
    let line = |parts: &mut Parts, of: &str| asked(&mut parts.inquiry.records[0], of);
    line(&mut parts, "patient");
    parts.inquiry.records[0].asks_again_at = PROMISED + 1;
    assert_eq!(note(&parts), "Patient asked Sunday, February 28, 2 times, we ask again Friday, March 5.");
    line(&mut parts, "hospital");
    (parts.inquiry.records[0].asks_again_at, parts.inquiry.records[0].promised_at) = (0, PROMISED);
    assert_eq!(
        note(&parts),
        "Hospital or imaging center asked Sunday, February 28, 2 times, promised for Thursday, March 4."
    );
    let looking = Looking { profile: &profile, actor: &staff, now: now(), parts: &parts };
    let row = looking.record(&parts.inquiry.records[0], false);
    assert_eq!(row.promise.as_deref(), Some("2027-03-04"));
    let labels: Vec<&str> = row.actions.iter().map(|act| act.label.as_str()).collect();
    assert_eq!(labels[..3], ["Ask the patient", "Ask the hospital again", "It is here"]);
    assert!(looking.record(&parts.inquiry.records[0], true).actions.is_empty(), "a closed one asks for nothing");
}

#[test]
fn the_letter_names_the_patient_the_papers_and_the_office_and_goes_to_who_was_asked_alone() {
    let mut parts = parts();
    let (profile, staff) = (harbor_valley(), actor(&[Role::Coordinator]));
    asked(&mut parts.inquiry.records[0], "referring_office");
    let person = parts.person.as_mut().and_then(Option::as_mut).expect("a person");
    person.birth_date = "1961-04-02".to_owned();
    person.answers.insert("referring_fax".to_owned(), "+1 513 555 0143".to_owned());
    person.answers.insert("insurance_id".to_owned(), "W1".to_owned());
    let looking = Looking { profile: &profile, actor: &staff, now: now(), parts: &parts };
    let links: Vec<String> = looking.letters().into_iter().map(|letter| letter.url).collect();
    assert_eq!(links, ["/inquiries/i1/letter/referring_office"]);
    let letter = looking.letter(RecordsFrom::ReferringOffice, staff_frame(&profile));
    assert_eq!((letter.patient.as_str(), letter.birth_date.as_str()), ("Rosa", "1961-04-02"));
    assert_eq!(letter.papers, ["pathology_report"]);
    let told: Vec<&str> = letter.to_lines.iter().map(|line| line.value.as_str()).collect();
    assert_eq!(told, ["+1 513 555 0143"], "nothing else that was answered");
    assert!(asked_of(&parts.inquiry, RecordsFrom::Hospital).is_empty(), "nothing is waited for from them");
    let analyst = actor(&[Role::Analyst]);
    let looking = Looking { actor: &analyst, ..looking };
    assert!(looking.letters().is_empty(), "a letter tells who it is");
    assert_eq!(letter_to("patient"), None);
}

#[test]
fn who_asked_for_somebody_else_is_never_named_as_the_patient() {
    let (mut parts, profile) = (parts(), harbor_valley());
    asked(&mut parts.inquiry.records[0], "hospital");
    let person = parts.person.as_mut().and_then(Option::as_mut).expect("a person");
    (person.name, person.caregiver_name) = (String::new(), "Marcus".to_owned());
    person.birth_date = "1961-04-02".to_owned();
    let shown = |role| {
        let staff = actor(&[role]);
        let looking = Looking { profile: &profile, actor: &staff, now: now(), parts: &parts };
        askama::Template::render(&looking.letter(RecordsFrom::Hospital, staff_frame(&profile))).expect("a page")
    };
    let page = shown(Role::Coordinator);
    for told in ["Marcus", "1961", "pathology_report", "Please send us"] {
        assert!(!page.contains(told), "{told}: {page}");
    }
    assert!(page.contains("Nobody has noted yet who the patient is") && page.contains("/repairs/i1?kind=inquiry"));
    let page = shown(Role::Scheduler);
    assert!(page.contains("Ask a coordinator to write down the patient’s name") && !page.contains("/repairs/"));
}

#[test]
fn nothing_is_asked_by_letter_for_an_inquiry_that_nobody_works() {
    let (mut parts, profile, staff) = (parts(), harbor_valley(), actor(&[Role::Coordinator]));
    asked(&mut parts.inquiry.records[0], "hospital");
    let letters = |parts: &Parts| {
        let looking = Looking { profile: &profile, actor: &staff, now: now(), parts };
        (looking.letters().len(), asked_of(&parts.inquiry, RecordsFrom::Hospital).len())
    };
    assert_eq!(letters(&parts), (1, 1));
    parts.inquiry.decline_reason = "no_capacity".to_owned();
    assert_eq!(letters(&parts), (0, 0), "declined");
    (parts.inquiry.decline_reason, parts.inquiry.stage) = (String::new(), Stage::Closed.into());
    assert_eq!(letters(&parts), (0, 0), "closed");
}

#[test]
fn the_office_can_be_asked_for_each_record_where_there_is_one() {
    let (mut parts, profile, staff) = (parts(), harbor_valley(), actor(&[Role::Coordinator]));
    parts.inquiry.records[0].from = "hospital".to_owned();
    let actions = |parts: &Parts| {
        let looking = Looking { profile: &profile, actor: &staff, now: now(), parts };
        let row = looking.record(&parts.inquiry.records[0], false);
        row.actions.into_iter().map(|act| act.action).collect::<Vec<_>>()
    };
    let facts = |parts: &mut Parts, source: Source, office: &str| {
        let facts = parts.inquiry.facts.as_mut().expect("facts");
        (facts.source, facts.referring_office) = (source.into(), office.to_owned());
    };
    facts(&mut parts, Source::WebForm, "");
    assert_eq!(actions(&parts), ["ask_patient", "ask_hospital", "received"], "nobody referred them");
    for (source, office) in [(Source::WebForm, "cedar"), (Source::Hl7, ""), (Source::Fhir, ""), (Source::Csv, "")] {
        facts(&mut parts, source, office);
        assert_eq!(actions(&parts), ["ask_patient", "ask_referring_office", "ask_hospital", "received"], "{source:?}");
    }
}
