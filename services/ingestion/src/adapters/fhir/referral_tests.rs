//! Referrals: what offices send becomes the answers of a form, and what would harm somebody is refused.

use serde_json::{Value, json};

use super::intake::Intake;
use super::referral::Verb;
use super::sample_tests::{changed, decided, errors, sample, taken};

/// A ServiceRequest that contains all it needs.
pub(super) fn alone() -> Value {
    json!({
        "resourceType": "ServiceRequest",
        "contained": [
            { "resourceType": "Patient", "id": "p", "name": [{ "text": "Jo Testpatient" }], "birthDate": "1970",
              "telecom": [{ "system": "fax", "value": "1" }, { "system": "phone", "value": "206 555 0142", "rank": 2 },
                          { "system": "phone", "value": "206 555 0143", "rank": 1 }, { "system": "phone", "value": "9", "use": "old" }] },
            { "resourceType": "PractitionerRole", "id": "r", "practitioner": { "reference": "#d" } },
            { "resourceType": "Practitioner", "id": "d", "name": [{ "family": "Okafor" }] },
        ],
        "identifier": [{ "value": "F-1", "type": { "coding": [{ "system": "http://terminology.hl7.org/CodeSystem/v2-0203", "code": "FILL" }] } },
                       { "system": "https://office.example/r", "value": "R-1" }],
        "status": "active", "intent": "order",
        "subject": { "reference": "#p" }, "requester": { "reference": "#r" },
        "code": { "text": "Second opinion, thyroid" },
        "reasonCode": [{ "coding": [{ "system": "http://hl7.org/fhir/sid/icd-10-cm", "code": "C73" }] }],
    })
}

fn alone_with(change: impl FnOnce(&mut Value)) -> Intake {
    let mut request = alone();
    change(&mut request);
    decided(request.to_string().as_bytes()).expect("JSON")
}

#[test]
fn a_request_alone_holds_what_it_contains() {
    let intake = alone_with(|_| ());
    assert!(intake.faults.iter().all(|fault| !fault.refuses()), "{:?}", intake.faults);
    let referral = taken(intake);
    let answer = |key: &str| referral.answers.get(key).map_or("", String::as_str);
    assert_eq!(
        (answer("name"), answer("phone"), answer("referring_doctor")),
        ("Jo Testpatient", "206 555 0143", "Okafor")
    );
    assert_eq!((answer("birth_date"), answer("cancer_area")), ("1970", "endocrine"), "a year stays a year");
    assert_eq!(
        referral.numbers.own,
        Some(("https://office.example/r".into(), "R-1".into())),
        "the filler's number is ours to give"
    );
    assert!(referral.second_opinion);
    let dangling = alone_with(|request| request["requester"]["reference"] = json!("#nobody"));
    assert_eq!(errors(&dangling), [("not-found", "ServiceRequest.requester.reference".into())]);
}

#[test]
fn what_a_referral_does_is_told_by_its_status_its_event_and_a_task_beside_it() {
    let verb = |status: &str| taken(alone_with(|request| request["status"] = json!(status))).verb;
    assert_eq!((verb("active"), verb("revoked")), (Verb::New, Verb::About("referral_cancelled")));
    assert_eq!(
        (verb("completed"), verb("on-hold")),
        (Verb::About("referral_completed"), Verb::About("referral_on_hold"))
    );
    assert_eq!(errors(&alone_with(|request| request["status"] = json!("draft")))[0].0, "business-rule");
    assert_eq!(errors(&alone_with(|request| request["intent"] = json!("plan")))[0].1, "ServiceRequest.intent");
    let message = |event: &str, status: &str| {
        let mut bundle: Value = serde_json::from_slice(&sample("referral_message_breast.json")).expect("JSON");
        bundle["entry"][0]["resource"]["eventCoding"]["code"] = json!(event);
        bundle["entry"][2]["resource"]["status"] = json!(status);
        taken(decided(bundle.to_string().as_bytes()).expect("JSON")).verb
    };
    assert_eq!(
        (message("I13", "active"), message("I14", "active")),
        (Verb::About("referral_modified"), Verb::About("referral_cancelled"))
    );
    assert_eq!(
        (message("I15", "active"), message("I12", "revoked")),
        (Verb::Status, Verb::About("referral_cancelled"))
    );
    let called_off = changed(|bundle| bundle["entry"][10]["resource"]["status"] = json!("cancelled"));
    assert_eq!(taken(called_off).verb, Verb::About("referral_cancelled"));
}

#[test]
fn a_child_is_spoken_for_by_who_is_related_or_by_a_contact() {
    let child = changed(|bundle| bundle["entry"][0]["resource"]["birthDate"] = json!("2015-01-01"));
    let answers = taken(child).answers;
    assert_eq!(
        (answers["name"].as_str(), answers["patient_name"].as_str(), answers["who"].as_str()),
        ("Luis Testpatient", "Marisol Q Testpatient", "caregiver")
    );
    assert_eq!((answers["cancer_area"].as_str(), answers["diagnosis_area"].as_str()), ("pediatric", "breast"));
    let related = alone_with(|request| {
        request["contained"][0]["birthDate"] = json!("2015-01-01");
        let person = json!({ "resourceType": "RelatedPerson", "id": "m", "patient": { "reference": "#p" }, "name": [{ "family": "Mother" }] });
        request["contained"].as_array_mut().expect("a list").push(person);
    });
    assert_eq!(taken(related).answers["name"], "Mother");
}

#[test]
fn what_a_person_can_mend_is_taken_and_told() {
    let mended = |change: fn(&mut Value), place: &str| {
        let intake = alone_with(change);
        assert!(
            intake.faults.iter().any(|fault| !fault.refuses() && fault.expression == place),
            "{place}: {:?}",
            intake.faults
        );
        taken(intake);
    };
    mended(|request| drop(request.as_object_mut().expect("an object").remove("requester")), "ServiceRequest.requester");
    mended(
        |request| drop(request.as_object_mut().expect("an object").remove("identifier")),
        "ServiceRequest.identifier",
    );
    mended(|request| request["contained"][0]["gender"] = json!("F"), "ServiceRequest.contained[0].gender");
    mended(|request| request["authoredOn"] = json!("yesterday"), "ServiceRequest.authoredOn");
    mended(|request| request["contained"][0]["deceasedBoolean"] = json!(true), "ServiceRequest.contained[0]");
    let died = taken(alone_with(|request| request["contained"][0]["deceasedBoolean"] = json!(true)));
    assert_eq!(died.answers["patient_deceased"], "yes", "as every door calls it");
    for (index, (kind, status)) in
        [("DocumentReference", "entered-in-error"), ("Observation", "cancelled"), ("Coverage", "cancelled")]
            .iter()
            .enumerate()
    {
        let intake = alone_with(|request| {
            let all = request["contained"].as_array_mut().expect("a list");
            all.push(
                json!({ "resourceType": kind, "status": status, "content": [{ "attachment": { "title": "x" } }] }),
            );
        });
        let is_told = |fault: &crate::adapters::fhir::fault::Fault| {
            fault.words.contains("does not stand") && fault.expression.contains("contained[")
        };
        assert!(intake.faults.iter().any(is_told), "{index} {kind}: {:?}", intake.faults);
    }
    mended(
        |request| request["reasonCode"][0]["coding"][0]["system"] = json!("http://hl7.org/fhir/sid/icd-9-cm"),
        "ServiceRequest.reasonCode[0].coding",
    );
    mended(
        |request| request["encounter"] = json!({ "reference": "Encounter/1" }),
        "ServiceRequest.contained[0].birthDate",
    );
}

#[test]
fn what_nobody_could_act_on_is_refused_with_a_reason() {
    let refused = |change: fn(&mut Value), issue: &str, place: &str| {
        let errors = errors(&alone_with(change));
        assert!(errors.contains(&(issue_of(issue), place.to_owned())), "{place}: {errors:?}");
    };
    refused(|request| request["contained"][0]["name"] = json!([]), "required", "ServiceRequest.contained[0].name");
    refused(
        |request| request["contained"][0]["birthDate"] = json!("2031-01-01"),
        "value",
        "ServiceRequest.contained[0].birthDate",
    );
    refused(|request| request["subject"] = json!({ "display": "Jo" }), "required", "ServiceRequest.subject.reference");
    refused(
        |request| request["subject"] = json!({ "reference": "Patient/7" }),
        "required",
        "ServiceRequest.subject.reference",
    );
    refused(
        |request| {
            request["code"] = Value::Null;
            request["reasonCode"] = json!([]);
        },
        "business-rule",
        "ServiceRequest.reasonCode",
    );
    refused(
        |request| {
            request["contained"][0] = json!({ "resourceType": "Patient", "id": "p", "name": [{ "family": "Doe" }] });
        },
        "required",
        "ServiceRequest.contained[0].birthDate",
    );
    refused(
        |request| request["contained"][1]["implicitRules"] = json!("x"),
        "not-supported",
        "ServiceRequest.contained[1].implicitRules",
    );
}

fn issue_of(word: &str) -> &'static str {
    ["required", "value", "business-rule", "not-supported"].into_iter().find(|known| *known == word).expect("known")
}

/// What people try first must work.
#[test]
fn the_example_of_the_run_book_is_taken() {
    let page = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy/README.md");
    let page = std::fs::read_to_string(page).expect("the run book");
    let begin = page.find("{\"resourceType\":\"ServiceRequest\"").expect("an example");
    let example = page[begin..].split('\'').next().unwrap_or_default();
    let referral = taken(decided(example.as_bytes()).expect("JSON"));
    assert_eq!((referral.answers["name"].as_str(), referral.second_opinion), ("Jo Testpatient", true));
}
