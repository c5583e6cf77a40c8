//! Checks of one resource that is sent to be checked alone: the faults that it would have as a part of a referral.
//!
//! References are not followed, since what they lead to is sent with the referral. Deliberately not here: whole requests (intake).

use super::bundle::check_kind;
use super::concept::Concept;
use super::details;
use super::document;
use super::element::Element;
use super::intake::{Expectations, Intake, Letter, Topic, judge, unwrapped};
use super::json::Json;
use super::kinds;
use super::links;
use super::message;
use super::notes::{Notes, Path};
use super::patient::Patient;
use super::person::{contact, name};
use super::provider;
use crate::domain::referral::Told;

/// What is a request by itself.
const REQUESTS: [&str; 2] = ["QuestionnaireResponse", "ServiceRequest"];

/// Tells the faults of a body: of a request as a whole, of any other resource that is read here as a part of one.
#[must_use]
pub fn check<'t>(body: &'t Json<'t>, expected: &Expectations<'t>) -> Intake {
    let kind = unwrapped(body).and_then(|object| match object.get("resourceType") {
        Some(Json::Text(kind)) => Some((object, kinds::named(kind))),
        _ => None,
    });
    let Some((object, kind)) = kind.filter(|(_, kind)| kinds::is_read(kind) && !REQUESTS.contains(kind)) else {
        return judge(body, None, expected);
    };
    let notes = Notes::default();
    let resource = Element::resource(object, Path::of(kind), &notes);
    for inside in resource.contained() {
        check_kind(&inside, inside.kind());
    }
    part(&resource, expected);
    let (faults, oddities) = notes.into_parts();
    Intake { letter: Letter { kind: "other", ..Letter::default() }, topic: Topic::Refused, faults, oddities }
}

fn part(resource: &Element<'_>, expected: &Expectations<'_>) {
    let scope = document::Scope { resolver: None, hosts: expected.hosts };
    match resource.kind() {
        "Patient" => Patient::read(resource, expected.today).around(&mut Told::new()),
        "Practitioner" | "PractitionerRole" | "Organization" => provider::alone(resource, expected.today),
        "RelatedPerson" => {
            let _ = contact(resource, name(resource, expected.today), expected.today);
        }
        "Condition" => {
            let code = Concept::below(resource, "code");
            if let Some(element) = resource.child("code") {
                code.warn_of_retired(&element);
            }
        }
        "DocumentReference" | "Binary" => {
            let _ = document::read(resource, &scope);
        }
        "DiagnosticReport" => {
            let _ = (details::line(resource), document::read(resource, &scope));
        }
        "Coverage" => {
            let _ = (Concept::below(resource, "type"), resource.number("order"), resource.text("subscriberId"));
        }
        "Task" => {
            let _ = links::status(resource);
        }
        "MessageHeader" => {
            let _ = message::header(resource);
        }
        _ => drop(details::line(resource)),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::json;
    use super::super::sample_tests::{expected, sample};
    use super::*;

    fn faults(body: &Value) -> Vec<(&'static str, String)> {
        let text = body.to_string();
        let read = json::read(text.as_bytes()).unwrap_or_else(|_| panic!("JSON"));
        check(&read, &expected()).faults.iter().map(|fault| (fault.issue.code(), fault.expression.clone())).collect()
    }

    #[test]
    fn every_part_of_a_sound_referral_is_sound_alone() {
        let bundle: Value = serde_json::from_slice(&sample("referral_transaction_breast.json")).expect("JSON");
        for entry in bundle["entry"].as_array().expect("entries") {
            let resource = &entry["resource"];
            if resource["resourceType"] != "ServiceRequest" {
                assert!(faults(resource).is_empty(), "{}: {:?}", resource["resourceType"], faults(resource));
            }
        }
    }

    #[test]
    fn a_part_hears_the_faults_that_it_would_have_within_a_referral() {
        for (body, issue, place) in [
            (
                json!({ "resourceType": "Patient", "name": [{ "family": "Testpatient" }], "birthDate": "1968-02-30" }),
                "value",
                "Patient.birthDate",
            ),
            (
                json!({ "resourceType": "Practitioner",
                    "identifier": [{ "system": "http://hl7.org/fhir/sid/us-npi", "value": "1234567890" }] }),
                "business-rule",
                "Practitioner.identifier",
            ),
            (json!({ "resourceType": "Task", "status": "off" }), "code-invalid", "Task.status"),
            (
                json!({ "resourceType": "Condition", "modifierExtension": [{ "url": "x" }] }),
                "extension",
                "Condition.modifierExtension",
            ),
            (
                json!({ "resourceType": "DocumentReference", "status": "current" }),
                "required",
                "DocumentReference.content",
            ),
        ] {
            assert!(faults(&body).contains(&(issue, place.to_owned())), "{place}: {:?}", faults(&body));
        }
        assert!(faults(&json!({ "resourceType": "Observation" })).iter().any(|(issue, _)| *issue == "not-supported"));
    }
}
