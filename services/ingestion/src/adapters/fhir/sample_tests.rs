//! Whole requests, from bytes to what is decided: our own samples with what each is worth, and public ones.
//!
//! `tests/samples/fhir/MANIFEST.csv` names the status and the issue that each sample has to get. Samples of other doors
//! (schedules, slots, appointments, trials) are refused with a reason here, each by name, so that none is forgotten.

use std::path::{Path, PathBuf};

use causeway_funnel::inquiry::Urgency;
use jiff::civil::date;
use serde_json::{Value, json};

use super::fault::{refuses, status};
use super::intake::{Expectations, Intake, Shape, Topic, judge};
use super::json;
use super::outcome;
use super::referral::{Referral, Verb};

/// Of the patients in the samples, nothing may stand in an answer.
pub(super) const OF_PATIENTS: [&str; 10] = [
    "estpatient",
    "Marisol",
    "1968-07-19",
    "1968-02-30",
    "Elm St",
    "5550199",
    "marisol.t",
    "XYZ998877665",
    "RB90211",
    "Spanish interpreter",
];

pub(super) fn expected() -> Expectations<'static> {
    Expectations {
        today: date(2026, 4, 30),
        most_entries: 1000,
        hosts: &["riverbendfm.example.org"],
        if_none_exist: None,
    }
}

fn samples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/samples/fhir")
}

pub(super) fn sample(name: &str) -> Vec<u8> {
    std::fs::read(samples().join(name)).unwrap_or_else(|cause| panic!("{name}: {cause}"))
}

/// What is decided on a body; nothing where it is no JSON.
pub(super) fn decided(body: &[u8]) -> Option<Intake> {
    let json = json::read(body).ok()?;
    Some(judge(&json, None, &expected()))
}

/// The same for a sample that is sent to an address of its own.
fn decided_at_its_address(file: &str) -> Option<Intake> {
    let body = sample(file);
    let only = file.starts_with("task_x_cancelled").then_some("Task");
    json::read(&body).ok().map(|json| judge(&json, only, &expected()))
}

pub(super) fn changed(change: impl FnOnce(&mut Value)) -> Intake {
    let mut bundle: Value = serde_json::from_slice(&sample("referral_transaction_breast.json")).expect("JSON");
    change(&mut bundle);
    decided(bundle.to_string().as_bytes()).expect("JSON")
}

pub(super) fn taken(intake: Intake) -> Referral {
    match intake.topic {
        Topic::Referral(referral) => referral,
        _ => panic!("{:?}", intake.faults),
    }
}

/// Faults as issue and place, without warnings.
pub(super) fn errors(intake: &Intake) -> Vec<(&'static str, String)> {
    let errors = intake.faults.iter().filter(|fault| fault.refuses());
    errors.map(|fault| (fault.issue.code(), fault.expression.clone())).collect()
}

struct Row {
    file: String,
    category: String,
    status: String,
    issue: String,
}

fn manifest() -> Vec<Row> {
    let mut reader = csv::Reader::from_path(samples().join("MANIFEST.csv")).expect("the manifest");
    let rows = reader.records().map(|record| {
        let record = record.expect("a row");
        let [file, category, status, issue] = [0, 1, 2, 3].map(|at| record[at].to_owned());
        Row { file, category, status, issue }
    });
    rows.collect()
}

/// Why a sample that is fine by itself leads to no referral here.
fn of_others(file: &str) -> Option<&'static str> {
    let doors = [
        ("appointment_", "scheduling-sync's"),
        ("schedule", "scheduling-sync's"),
        ("slot", "scheduling-sync's"),
        ("find_", "scheduling-sync's"),
        ("hold_", "scheduling-sync's"),
        ("book_", "scheduling-sync's"),
        ("questionnaire_intake", "a form is the center's own"),
        ("subscription_", "not there yet"),
        ("research", "trials are not matched here"),
        ("trial_", "trials are not matched here"),
    ];
    doors.into_iter().find(|(begin, _)| file.starts_with(begin)).map(|(_, why)| why)
}

#[test]
fn every_sample_is_decided_as_it_is_worth() {
    let (mut taken, mut refused, mut elsewhere) = (0, 0, 0);
    for row in manifest().iter().filter(|row| row.category != "outbound") {
        let file = row.file.as_str();
        let Some(intake) = decided_at_its_address(file) else {
            assert_eq!((file, row.status.as_str(), row.issue.as_str()), ("bad_json_syntax.json", "400", "structure"));
            refused += 1;
            continue;
        };
        let told = outcome::of(&outcome::lines(&intake.faults)).to_string();
        assert!(!OF_PATIENTS.iter().any(|of_patient| told.contains(of_patient)), "{file}: {told}");
        let status = status(&intake.faults).to_string();
        if let Some(why) = of_others(file) {
            assert_eq!(errors(&intake).first().map(|(issue, _)| *issue), Some("not-supported"), "{file}: {why}");
            elsewhere += 1;
        } else if row.category == "bad" {
            let issues: Vec<&str> = intake.faults.iter().map(|fault| fault.issue.code()).collect();
            assert!(issues.contains(&row.issue.as_str()), "{file}: {:?}", intake.faults);
            let may_be = row.status.split(" or ").any(|may| may == status || (may == "warning" && status == "200"));
            assert!(may_be, "{file}: {status}, {:?}", intake.faults);
            refused += 1;
        } else {
            assert!(!matches!(intake.topic, Topic::Refused), "{file}: {:?}", intake.faults);
            taken += 1;
        }
    }
    assert_eq!((taken, refused, elsewhere), (5, 15, 23));
}

#[test]
fn nothing_of_a_sample_is_lost_on_the_way_to_its_referral() {
    for (file, shape) in
        [("referral_transaction_breast.json", Shape::Transaction), ("referral_message_breast.json", Shape::Message)]
    {
        let intake = decided(&sample(file)).expect("JSON");
        assert_eq!(intake.letter.shape, shape);
        let referral = taken(intake);
        for (key, told) in [
            ("who", "patient"),
            ("name", "Marisol Q Testpatient"),
            ("phone", "+15135550199"),
            ("email", "marisol.t@example.com"),
            ("birth_date", "1968-07-19"),
            ("sex", "female"),
            ("cancer_area", "breast"),
            ("payer", "private"),
            ("insurance", "Example Blue Plan, health maintenance organization policy, XYZ998877665"),
            ("office_record_number", "RB90211"),
            ("address", "12 Elm St, Apt 4, Riverbend, OH, 45011"),
            ("referring_doctor", "Adaeze N Okafor"),
            ("referring_npi", "1234567893"),
            ("referring_practice", "Riverbend Family Medicine"),
            ("referring_phone", "+15135550142"),
            ("referral_number", "RB-REF-77812"),
            ("documents", "Pathology study, Core biopsy report, application/pdf"),
            ("wished_time", "2026-04-12 – 2026-04-26"),
            ("patient_instruction", "The cancer center will call you to schedule."),
            ("consent_phone", "yes"),
            ("consent_sms", ""),
        ] {
            assert_eq!(referral.answers.get(key).map_or("", String::as_str), told, "{file}: {key}");
        }
        let lines: Vec<&str> = referral.answers["message"].lines().collect();
        assert_eq!(
            lines,
            [
                "New patient consultation, breast medical oncology",
                "ER+/PR+/HER2-. Prefers mornings; needs a Spanish interpreter.",
                "C50.411, Malignant neoplasm of upper-outer quadrant of right female breast",
                "C50.411, IDC right breast 1.8 cm",
            ]
        );
        assert_eq!(
            (referral.language.as_str(), referral.urgency, referral.second_opinion),
            ("es", Urgency::Soon, false)
        );
        assert_eq!(referral.numbers.own.as_ref().map(|(_, value)| value.as_str()), Some("RB-REF-77812"));
        assert_eq!(referral.verb, Verb::New);
    }
}

#[test]
fn the_message_is_known_by_its_number_and_its_header_is_kept_for_the_answer() {
    let letter = decided(&sample("referral_message_breast.json")).expect("JSON").letter;
    assert_eq!(
        (letter.kind, letter.control.as_deref()),
        ("message I12", Some("https://riverbendfm.example.org/msg|RB-20260412-000181"))
    );
    assert_eq!(letter.header.map(|header| (header.id, header.event)), Some(("mh-1".to_owned(), "I12".to_owned())));
    let entries = decided(&sample("referral_transaction_breast.json")).expect("JSON").letter.entries;
    assert_eq!((entries.len(), entries[0], entries[10]), (11, "Patient", "Task"));
}

#[test]
fn faults_name_their_place_in_the_bundle() {
    for (file, issue, place) in [
        ("bad_missing_subject.json", "required", "Bundle.entry[9].resource.subject"),
        ("bad_status_code.json", "code-invalid", "Bundle.entry[9].resource.status"),
        ("bad_r5_code_shape.json", "structure", "Bundle.entry[9].resource.code"),
        ("bad_r5_code_shape.json", "structure", "Bundle.entry[9].resource.reason"),
        ("bad_wrong_ref_type.json", "invalid", "Bundle.entry[9].resource.subject.reference"),
        ("bad_dup_fullurl.json", "duplicate", "Bundle.entry[11].fullUrl"),
        ("bad_birthdate_impossible.json", "value", "Bundle.entry[0].resource.birthDate"),
        ("bad_modifier_extension.json", "extension", "Bundle.entry[9].resource.modifierExtension"),
        ("bad_do_not_perform.json", "business-rule", "Bundle.entry[9].resource.doNotPerform"),
        ("bad_attachment_hash.json", "value", "Bundle.entry[8].resource.content[0].attachment.hash"),
        ("bad_attachment_ssrf_url.json", "security", "Bundle.entry[8].resource.content[0].attachment.url"),
        ("bad_two_patients.json", "business-rule", "Bundle.entry[11].resource"),
        ("bad_unknown_resource.json", "not-supported", "Bundle.entry[11].resource"),
        ("bad_delete_in_transaction.json", "forbidden", "Bundle.entry[11].request.method"),
    ] {
        let errors = errors(&decided(&sample(file)).expect("JSON"));
        assert!(errors.contains(&(issue, place.to_owned())), "{file}: {errors:?}");
    }
}

#[test]
fn all_faults_are_told_at_once() {
    let intake = changed(|bundle| {
        bundle["entry"][9]["resource"]["status"] = json!("Active");
        bundle["entry"][9]["resource"]["priority"] = json!(1);
        bundle["entry"][0]["resource"]["birthDate"] = json!("1968-02-30");
        bundle["entry"][0]["resource"]["name"] = json!([]);
        bundle["entry"][3]["resource"]["practitioner"]["reference"] = json!("urn:uuid:nobody");
        bundle["entry"][8]["resource"]["content"][0]["attachment"]["size"] = json!(1);
    });
    let errors = errors(&intake);
    for place in [
        "Bundle.entry[9].resource.status",
        "Bundle.entry[9].resource.priority",
        "Bundle.entry[0].resource.birthDate",
        "Bundle.entry[0].resource.name",
        "Bundle.entry[3].resource.practitioner.reference",
        "Bundle.entry[8].resource.content[0].attachment.size",
    ] {
        assert!(errors.iter().any(|(_, at)| at == place), "{place}: {errors:?}");
    }
}

#[test]
fn every_reference_that_leads_nowhere_is_named() {
    let dangling = "urn:uuid:00000000-0000-4000-8000-00000000dead";
    for (at, path, place) in [
        (9, "/subject/reference", "subject.reference"),
        (9, "/requester/reference", "requester.reference"),
        (9, "/performer/0/reference", "performer[0].reference"),
        (9, "/reasonReference/0/reference", "reasonReference[0].reference"),
        (9, "/insurance/0/reference", "insurance[0].reference"),
        (9, "/supportingInfo/0/reference", "supportingInfo[0].reference"),
        (3, "/practitioner/reference", "practitioner.reference"),
        (3, "/organization/reference", "organization.reference"),
        (6, "/beneficiary/reference", "beneficiary.reference"),
        (7, "/subject/reference", "subject.reference"),
        (8, "/subject/reference", "subject.reference"),
        (10, "/focus/reference", "focus.reference"),
        (10, "/owner/reference", "owner.reference"),
    ] {
        let intake = changed(|bundle| {
            *bundle["entry"][at]["resource"].pointer_mut(path).expect("a reference") = json!(dangling);
        });
        let errors = errors(&intake);
        let place = format!("Bundle.entry[{at}].resource.{place}");
        assert!(errors.contains(&("not-found", place.clone())), "{place}: {errors:?}");
    }
}

#[test]
fn references_resolve_by_url_id_number_and_inside_a_resource() {
    let relative = changed(|bundle| {
        bundle["entry"][0]["fullUrl"] = json!("https://riverbendfm.example.org/fhir/Patient/p1");
        for (at, name) in [(9, "subject"), (10, "for"), (6, "beneficiary"), (7, "subject"), (8, "subject")] {
            bundle["entry"][at]["resource"][name]["reference"] = json!("Patient/p1");
        }
    });
    assert_eq!(taken(relative).answers["name"], "Marisol Q Testpatient");
    let absolute = changed(|bundle| {
        bundle["entry"][2]["fullUrl"] = json!("https://riverbendfm.example.org/fhir/Practitioner/d1");
        bundle["entry"][3]["resource"]["practitioner"]["reference"] =
            json!("https://riverbendfm.example.org/fhir/Practitioner/d1");
    });
    assert_eq!(taken(absolute).answers["referring_doctor"], "Adaeze N Okafor");
    let conditional = changed(|bundle| {
        bundle["entry"][9]["resource"]["subject"]["reference"] =
            json!("Patient?identifier=https://riverbendfm.example.org/mrn|RB90211");
    });
    assert_eq!(taken(conditional).answers["name"], "Marisol Q Testpatient");
    let elsewhere = changed(|bundle| {
        bundle["entry"][9]["resource"]["requester"] =
            json!({ "reference": "https://other.example/fhir/Practitioner/9", "display": "Dr Elsewhere" });
    });
    assert!(elsewhere.faults.iter().any(|fault| fault.issue.code() == "not-found" && !fault.refuses()));
    assert_eq!(taken(elsewhere).answers["referring_doctor"], "Dr Elsewhere");
}

#[test]
fn bundles_of_other_kinds_are_refused_kindly_and_large_ones_at_once() {
    let kind = |kind: &str| errors(&changed(|bundle| bundle["type"] = json!(kind)));
    assert_eq!(kind("batch"), [("not-supported", "Bundle.type".into())]);
    assert_eq!(kind("document")[0].0, "not-supported");
    assert_eq!(kind("Transaction")[0].0, "code-invalid");
    let entry = json!({ "fullUrl": "", "resource": { "resourceType": "Observation" }, "request": { "method": "POST", "url": "Observation" } });
    let many = json!({ "resourceType": "Bundle", "type": "transaction", "entry": vec![entry; 1001] });
    let intake = decided(many.to_string().as_bytes()).expect("JSON");
    assert_eq!((errors(&intake), status(&intake.faults)), (vec![("too-long", "Bundle.entry".into())], 413));
}

#[test]
fn a_bundle_of_thousands_of_entries_is_decided_in_a_moment() {
    let mut bundle: Value = serde_json::from_slice(&sample("referral_transaction_breast.json")).expect("JSON");
    let entries = bundle["entry"].as_array_mut().expect("a list");
    for number in 0..12_000 {
        let reference = format!("urn:uuid:{number}");
        entries.push(json!({
            "fullUrl": reference,
            "resource": { "resourceType": "Condition", "identifier": [{ "system": "s", "value": number.to_string() }],
                          "subject": { "reference": "urn:uuid:00000000-0000-4000-8000-000000000001" }, "code": { "text": "x" } },
            "request": { "method": "POST", "url": "Condition" },
        }));
    }
    let text = bundle.to_string();
    let begun = std::time::Instant::now();
    let json = json::read(text.as_bytes()).expect("JSON");
    let intake = judge(&json, None, &Expectations { most_entries: 100_000, ..expected() });
    assert!(!refuses(&intake.faults), "{:?}", intake.faults);
    println!("{} bytes, 12011 entries: {:?}", text.len(), begun.elapsed());
    assert!(begun.elapsed().as_secs() < 10);
}

/// Public samples of other projects are not ours to copy; they lie beside the checkout of those who have them.
#[test]
fn every_public_sample_is_decided_with_a_reason() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/samples/fhir");
    let mut files = Vec::new();
    walk(&folder, &mut files);
    if files.is_empty() {
        println!("skipped: no samples in {}", folder.display());
        return;
    }
    let mut counts = [0, 0, 0];
    for file in &files {
        let body = std::fs::read(file).expect("a file");
        let Some(intake) = decided(&body) else {
            counts[2] += 1;
            continue;
        };
        let is_refused = matches!(intake.topic, Topic::Refused);
        assert_eq!(is_refused, refuses(&intake.faults), "{}: a refusal has a reason", file.display());
        assert!(intake.faults.iter().all(|fault| !fault.words.is_empty()));
        counts[usize::from(is_refused)] += 1;
    }
    println!("{} files: {} taken, {} refused with a reason, {} no JSON", files.len(), counts[0], counts[1], counts[2]);
}

fn walk(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            walk(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "json") {
            files.push(path);
        }
    }
}

/// A request with so many contained conditions and so many references to the last of them.
fn crowded(contained: usize, references: usize) -> Vec<u8> {
    let mut inside = vec![json!({
        "resourceType": "Patient", "id": "p", "gender": "female", "birthDate": "1968-07-19",
        "name": [{ "family": "Testpatient", "given": ["Marisol"] }], "telecom": [{ "system": "phone", "value": "206 555 0199" }],
    })];
    inside.extend((1..contained).map(|at| {
        json!({ "resourceType": "Observation", "id": format!("c{at}"), "status": "final", "code": { "text": "x" } })
    }));
    let last = format!("#c{}", contained - 1);
    let request = json!({
        "resourceType": "ServiceRequest", "status": "active", "intent": "order", "subject": { "reference": "#p" },
        "identifier": [{ "system": "https://office.example/referral", "value": "R-1" }], "note": [{ "text": "Evaluate" }],
        "contained": inside, "supportingInfo": vec![json!({ "reference": last }); references],
    });
    request.to_string().into_bytes()
}

#[test]
fn contained_resources_are_gone_through_once_however_many_references_lead_to_them() {
    let begun = std::time::Instant::now();
    taken(decided(&crowded(1000, 49_000)).expect("JSON"));
    assert!(begun.elapsed().as_secs() < 5, "{:?}", begun.elapsed());
}

#[test]
fn more_contained_resources_or_references_than_are_followed_are_refused_and_told_once() {
    for (contained, references, place) in
        [(1001, 1, "ServiceRequest.contained"), (2, 60_000, "ServiceRequest.supportingInfo[49999].reference")]
    {
        let intake = decided(&crowded(contained, references)).expect("JSON");
        let told: Vec<_> = errors(&intake).into_iter().filter(|(issue, _)| *issue == "too-long").collect();
        assert_eq!(told, [("too-long", place.to_owned())]);
    }
    let intake = changed(|bundle| {
        for entry in bundle["entry"].as_array_mut().expect("entries").iter_mut().take(3) {
            entry["resource"]["contained"] = json!(vec![
                json!({ "resourceType": "Observation", "id": "x", "status": "final", "code": { "text": "x" } });
                400
            ]);
        }
    });
    assert_eq!(errors(&intake), [("too-long", "Bundle.entry[2].resource.contained".to_owned())], "all of them count");
}
