//! What is told around a referral: nothing that another door keeps is lost, nothing of somebody else's is filed, and a sender
//! hears of what nobody sees.

use serde_json::{Value, json};

use super::intake::Intake;
use super::referral_tests::alone;
use super::sample_tests::{changed, decided, errors, taken};

fn with(change: impl FnOnce(&mut Value)) -> Intake {
    let mut request = alone();
    change(&mut request);
    decided(request.to_string().as_bytes()).expect("JSON")
}

fn contain(request: &mut Value, resource: Value) {
    request["contained"].as_array_mut().expect("a list").push(resource);
}

fn answers_with(change: impl FnOnce(&mut Value)) -> std::collections::BTreeMap<String, String> {
    taken(with(change)).answers
}

#[test]
fn what_other_doors_keep_is_kept_under_their_keys() {
    let told = answers_with(|request| {
        request["contained"][0]["birthDate"] = json!("1970-01-02");
        request["contained"][0]["contact"] = json!([{ "relationship": [{ "text": "Wife" }],
            "name": { "text": "Ada Testpatient" }, "telecom": [{ "system": "phone", "value": "206 555 0150" }] }]);
        contain(
            request,
            json!({ "resourceType": "Practitioner", "id": "w", "name": [{ "family": "Lindqvist" }],
            "identifier": [{ "system": "http://hl7.org/fhir/sid/us-npi", "value": "1234567893" }] }),
        );
        contain(
            request,
            json!({ "resourceType": "Organization", "id": "o", "name": "Riverbend",
            "telecom": [{ "system": "fax", "value": "206 555 0151" }] }),
        );
        contain(
            request,
            json!({ "resourceType": "Coverage", "id": "c1", "order": 1, "status": "active",
            "payor": [{ "display": "Example Blue" }], "subscriber": { "display": "Ada Testpatient" },
            "relationship": { "coding": [{ "code": "spouse" }] },
            "class": [{ "type": { "coding": [{ "code": "group" }] }, "value": "G-7" },
                      { "type": { "coding": [{ "code": "plan" }] }, "value": "P-1", "name": "Gold" }] }),
        );
        contain(
            request,
            json!({ "resourceType": "Coverage", "id": "c2", "order": 2, "status": "active", "payor": [{ "display": "Medicare" }] }),
        );
        request["contained"][1]["organization"] = json!({ "reference": "#o" });
        request["performer"] = json!([{ "reference": "#w" }, { "display": "Dr Second" }]);
        request["performerType"] = json!({ "coding": [{ "code": "394593009", "display": "Medical oncology" }] });
        request["category"] = json!([{ "coding": [{ "code": "3457005", "display": "Patient referral" }] }]);
        request["bodySite"] = json!([{ "text": "Neck" }]);
        request["locationCode"] = json!([{ "text": "Downtown" }]);
        request["orderDetail"] = json!([{ "text": "With imaging" }]);
        request["requisition"] = json!({ "value": "G-100" });
        request["authoredOn"] = json!("2026-04-12T10:00:00Z");
        request["reasonReference"] = json!([{ "display": "A lump" }]);
        request["supportingInfo"] = json!([{ "display": "CT of April" }]);
    });
    for (key, expected) in [
        ("requested_doctor", "Lindqvist; Dr Second"),
        ("requested_npi", "1234567893"),
        ("requested_specialty", "Medical oncology"),
        ("requested_location", "Downtown"),
        ("referring_fax", "206 555 0151"),
        ("referring_practice", "Riverbend"),
        ("contact_name", "Ada Testpatient"),
        ("contact_phone", "206 555 0150"),
        ("contact_relationship", "Wife"),
        ("phone", "206 555 0143"),
        ("second_phone", "206 555 0142"),
        ("insurance", "Example Blue"),
        ("group_number", "G-7"),
        ("insurance_plan", "P-1, Gold"),
        ("insured_name", "Ada Testpatient"),
        ("insured_relationship", "spouse"),
        ("other_insurance", "Medicare"),
        ("category", "Patient referral"),
        ("body_site", "Neck"),
        ("order_detail", "With imaging"),
        ("requisition_number", "G-100"),
        ("referral_date", "2026-04-12"),
        ("supporting_info", "CT of April"),
        ("who", "patient"),
    ] {
        assert_eq!(told.get(key).map_or("", String::as_str), expected, "{key}");
    }
    assert!(told["message"].lines().any(|line| line == "A lump"));
}

#[test]
fn findings_medicines_and_answers_are_told_in_lines() {
    let quantity = json!({ "value": 1.8, "unit": "cm" });
    for (resource, key, line) in [
        (
            json!({ "resourceType": "Observation", "status": "final", "code": { "text": "Tumor size" },
                "valueQuantity": quantity, "effectiveDateTime": "2026-04-01T10:00:00Z",
                "component": [{ "code": { "text": "ER" }, "valueCodeableConcept": { "text": "positive" } }] }),
            "observations",
            "Tumor size: 1.8 cm, ER: positive, 2026-04-01",
        ),
        (
            json!({ "resourceType": "MedicationStatement", "status": "active", "medicationCodeableConcept": { "text": "Warfarin" },
                "dosage": [{ "text": "5 mg daily" }] }),
            "medications",
            "Warfarin, 5 mg daily",
        ),
        (
            json!({ "resourceType": "AllergyIntolerance", "code": { "coding": [{ "display": "Iodine contrast" }] }, "criticality": "high",
                "reaction": [{ "manifestation": [{ "text": "Hives" }] }] }),
            "allergies",
            "Iodine contrast, high, Hives",
        ),
        (
            json!({ "resourceType": "DiagnosticReport", "status": "final", "code": { "text": "Pathology" }, "conclusion": "Invasive" }),
            "reports",
            "Pathology, Invasive",
        ),
        (
            json!({ "resourceType": "Condition", "code": { "text": "IDC" }, "stage": [{ "summary": { "text": "Stage IIA" } }],
                "note": [{ "text": "Left as well" }] }),
            "condition_details",
            "IDC: Stage IIA, Left as well",
        ),
        (
            json!({ "resourceType": "QuestionnaireResponse", "status": "completed", "item": [{ "linkId": "1", "text": "Pain",
                "answer": [{ "valueInteger": 7 }], "item": [{ "linkId": "1.1", "answer": [{ "valueBoolean": true }] }] }] }),
            "form_answers",
            "Pain: 7\n1.1: yes",
        ),
    ] {
        let intake = with(|request| contain(request, resource.clone()));
        assert!(!intake.faults.iter().any(|fault| fault.expression.ends_with("contained[3]")), "{:?}", intake.faults);
        assert_eq!(taken(intake).answers.get(key).map_or("", String::as_str), line, "{key}");
        let mut withdrawn = resource;
        withdrawn["status"] = json!("entered-in-error");
        assert!(!answers_with(|request| contain(request, withdrawn)).contains_key(key), "{key}");
    }
}

#[test]
fn a_sender_hears_of_each_resource_that_nobody_sees() {
    for resource in [
        json!({ "resourceType": "Immunization", "status": "completed" }),
        json!({ "resourceType": "Observation", "status": "final", "code": 7 }),
        json!({ "resourceType": "QuestionnaireResponse", "status": "completed" }),
    ] {
        let intake = with(|request| contain(request, resource.clone()));
        let told = ("not-supported", "ServiceRequest.contained[3]");
        let heard = intake.faults.iter().find(|fault| (fault.issue.code(), fault.expression.as_str()) == told);
        assert!(heard.is_some_and(|fault| !fault.refuses()), "{resource}: {:?}", intake.faults);
        taken(intake);
    }
}

#[test]
fn what_may_turn_a_meaning_round_is_refused_however_deep_it_stands() {
    let modifier = json!([{ "url": "x" }]);
    for (resource, place) in [
        (
            json!({ "resourceType": "Observation", "code": { "text": "ER" }, "component": [{ "modifierExtension": modifier }] }),
            "ServiceRequest.contained[3]",
        ),
        (
            json!({ "resourceType": "DocumentReference", "status": "current", "content": [{ "modifierExtension": modifier }] }),
            "ServiceRequest.contained[3].content[0].modifierExtension",
        ),
        (
            json!({ "resourceType": "QuestionnaireResponse", "item": [{ "linkId": "1", "answer": [{ "modifierExtension": modifier }] }] }),
            "ServiceRequest.contained[3]",
        ),
    ] {
        let intake = with(|request| contain(request, resource.clone()));
        assert!(errors(&intake).contains(&("extension", place.to_owned())), "{resource}: {:?}", intake.faults);
    }
    let contact = with(|request| request["contained"][0]["contact"] = json!([{ "modifierExtension": modifier }]));
    assert_eq!(
        errors(&contact),
        [("extension", "ServiceRequest.contained[0].contact[0].modifierExtension".to_owned())]
    );
}

#[test]
fn what_is_about_another_patient_is_refused_within_a_bundle_and_within_a_resource() {
    let document = |subject: Value| {
        json!({ "resourceType": "DocumentReference", "status": "current", "subject": subject,
            "content": [{ "attachment": { "data": "SGVsbG8=" } }] })
    };
    let place = |name: &str| ("business-rule", format!("ServiceRequest.contained[3].{name}"));
    for subject in [
        json!({ "reference": "Patient/999" }),
        json!({ "reference": "#d" }),
        json!({ "identifier": { "value": "MR-9" } }),
    ] {
        let intake = with(|request| contain(request, document(subject.clone())));
        assert!(errors(&intake).contains(&place("subject")), "{subject}: {:?}", intake.faults);
    }
    for subject in [json!({ "reference": "#p" }), json!({ "display": "Jo" }), Value::Null] {
        taken(with(|request| contain(request, document(subject.clone()))));
    }
    for (kind, name) in [("Condition", "subject"), ("Observation", "subject"), ("AllergyIntolerance", "patient")] {
        let mut other = json!({ "resourceType": kind, "code": { "text": "x" } });
        other[name] = json!({ "reference": "Patient/999" });
        let intake = with(|request| contain(request, other));
        assert!(errors(&intake).contains(&place(name)), "{kind}: {:?}", intake.faults);
    }
    let in_bundle = changed(|bundle| bundle["entry"][8]["resource"]["subject"] = json!({ "reference": "Patient/999" }));
    assert_eq!(errors(&in_bundle), [("business-rule", "Bundle.entry[8].resource.subject".to_owned())]);
}

#[test]
fn a_document_may_lie_in_a_binary_of_the_same_request() {
    let with_binary = |url: &str, binary: Value| {
        changed(|bundle| {
            let content =
                json!({ "contentType": "text/plain", "url": url, "size": 5, "hash": "9/+ei3uy4Jtwk1pdeF4MxdnQq/A=" });
            bundle["entry"][8]["resource"]["content"][0]["attachment"] = content;
            let entry = json!({ "fullUrl": "urn:uuid:00000000-0000-4000-8000-0000000000ff", "resource": binary,
                "request": { "method": "POST", "url": "Binary" } });
            bundle["entry"].as_array_mut().expect("entries").push(entry);
        })
    };
    let hello = json!({ "resourceType": "Binary", "id": "b1", "contentType": "text/plain", "data": "SGVsbG8=" });
    for url in ["urn:uuid:00000000-0000-4000-8000-0000000000ff", "Binary/b1"] {
        let told = taken(with_binary(url, hello.clone())).answers;
        assert_eq!(told["documents"], "Pathology study, text/plain", "{url}");
    }
    let mut other = hello.clone();
    other["data"] = json!("SGVsbGE=");
    let place = |name: &str| format!("Bundle.entry[8].resource.content[0].attachment.{name}");
    assert_eq!(errors(&with_binary("Binary/b1", other)), [("value", place("hash"))]);
    assert_eq!(errors(&with_binary("Binary/b2", hello.clone())), [("security", place("url"))]);
    assert_eq!(errors(&with_binary("urn:uuid:7", hello)), [("not-found", place("url"))]);
}

#[test]
fn a_child_for_whom_nobody_speaks_is_told_of() {
    let intake = with(|request| request["contained"][0]["birthDate"] = json!("2015-01-01"));
    let told =
        intake.faults.iter().any(|fault| !fault.refuses() && fault.expression == "ServiceRequest.contained[0].contact");
    assert!(told, "{:?}", intake.faults);
}
