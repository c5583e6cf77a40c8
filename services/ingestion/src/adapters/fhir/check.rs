//! Checks of one resource that is sent to be checked alone: the faults that it would have as a part of a referral.
//!
//! References are not followed, since what they lead to is sent with the referral. Deliberately not here: whole requests (intake).

use std::collections::HashSet;

use super::bundle::check_kind;
use super::concept::Concept;
use super::details;
use super::document;
use super::element::Element;
use super::fault::{Class, Fault, Issue, Severity};
use super::intake::{Expectations, Intake, Letter, Topic, judge, unwrapped};
use super::json::{Json, Object};
use super::kinds;
use super::links;
use super::message;
use super::notes::{Notes, Path, fault_at};
use super::patient::Patient;
use super::person::{contact, name};
use super::provider;
use super::shape;
use crate::domain::referral::Told;

/// What is a request by itself.
const REQUESTS: [&str; 2] = ["QuestionnaireResponse", "ServiceRequest"];

/// How a body is to be checked, besides what it says.
#[derive(Clone, Default)]
pub struct Asked {
    /// The type that the address says.
    pub only: Option<&'static str>,
    /// For which use (`mode`).
    pub mode: Option<String>,
    /// Whether against a profile.
    pub has_profile: bool,
}

/// The place of a fault of the question itself, which is not answered then.
pub const MODE: &str = "Parameters.parameter.where(name='mode')";

const NO_MODE: &str = "Checked is what is created or updated: send the mode create or update, or none";
const NO_PROFILE: &str =
    "The profile was not looked at: checked are the shape that FHIR R4 requires and what this door needs";
const OTHER_TYPE: &str = "The body is a resource of another type than the address says";

/// Tells the faults of a body: of a request as a whole, of any other resource that is read here as a part of one; and where it has
/// another shape than FHIR R4 requires.
#[must_use]
pub fn check<'t>(body: &'t Json<'t>, asked: &Asked, expected: &Expectations<'t>) -> Intake {
    let resource = unwrapped(body).map(|object| (object, kinds::named(object.text("resourceType"))));
    let mut intake = match resource.filter(|(_, kind)| kinds::is_read(kind) && !REQUESTS.contains(kind)) {
        Some((object, kind)) => alone(object, kind, expected),
        None => judge(body, None, expected),
    };
    let mut more = Vec::new();
    if let Some((object, kind)) = resource {
        let path = Path::of(kind);
        let notes = Notes::default();
        shape::check(object, &path, &notes);
        if asked.only.is_some_and(|only| only != kind) {
            notes.fault(fault_at(&path, Issue::Invalid, Class::Malformed, OTHER_TYPE));
        }
        more = notes.into_parts().0;
    }
    // A place whose fault is told as one already is not told again.
    let told: HashSet<String> =
        intake.faults.iter().filter(|fault| fault.refuses()).map(|fault| fault.expression.clone()).collect();
    intake
        .faults
        .extend(more.into_iter().filter(|fault| fault.expression.is_empty() || !told.contains(&fault.expression)));
    let (mode, has_profile) = wished(body);
    if asked.mode.as_deref().into_iter().chain(mode).any(|mode| !["create", "update"].contains(&mode)) {
        let fault = Fault::new(Severity::Error, Issue::NotSupported, Class::Malformed, NO_MODE);
        intake.faults.push(Fault { expression: MODE.to_owned(), ..fault });
    }
    if asked.has_profile || has_profile {
        intake.faults.push(Fault::new(Severity::Warning, Issue::NotSupported, Class::Rule, NO_PROFILE));
    }
    intake
}

/// What the operation's own parameters say in a body: the mode, and whether there is a profile.
fn wished<'t>(body: &'t Json<'t>) -> (Option<&'t str>, bool) {
    let Json::Object(object) = body else { return (None, false) };
    if object.text("resourceType") != "Parameters" {
        return (None, false);
    }
    let named = |name: &'static str| object.objects("parameter").find(move |one| one.text("name") == name);
    let mode = named("mode").map(|mode| {
        let told = [mode.text("valueCode"), mode.text("valueString")];
        told.into_iter().find(|told| !told.is_empty()).unwrap_or_default()
    });
    (mode, named("profile").is_some())
}

/// A part of a referral.
fn alone<'t>(object: &'t Object<'t>, kind: &'static str, expected: &Expectations<'t>) -> Intake {
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

    fn asked(body: &Value, asked: &Asked) -> Vec<(bool, &'static str, String)> {
        let text = body.to_string();
        let read = json::read(text.as_bytes()).unwrap_or_else(|_| panic!("JSON"));
        let faults = check(&read, asked, &expected()).faults;
        faults.iter().map(|fault| (fault.refuses(), fault.issue.code(), fault.expression.clone())).collect()
    }

    #[test]
    fn the_address_the_mode_and_a_profile_are_heeded() {
        let patient =
            json!({ "resourceType": "Patient", "name": [{ "family": "Testpatient" }], "birthDate": "1968-07-19" });
        let wrapped = |name: &str, value: &str| {
            json!({ "resourceType": "Parameters", "parameter": [{ "name": "resource", "resource": patient },
                { "name": name, "valueCode": value }] })
        };
        let at = |only| Asked { only, ..Asked::default() };
        let by_mode = |mode: &str| Asked { mode: Some(mode.to_owned()), ..Asked::default() };
        assert!(asked(&patient, &at(Some("Patient"))).is_empty() && asked(&patient, &by_mode("create")).is_empty());
        let other = vec![(true, "invalid", "Patient".to_owned())];
        assert_eq!(asked(&patient, &at(Some("ServiceRequest"))), other);
        for mode in ["delete", "bogus", ""] {
            let refused = vec![(true, "not-supported", MODE.to_owned())];
            assert_eq!(asked(&patient, &by_mode(mode)), refused, "{mode}");
            assert_eq!(asked(&wrapped("mode", mode), &at(None)), refused, "{mode}");
        }
        let profile = vec![(false, "not-supported", String::new())];
        assert_eq!(asked(&wrapped("profile", "https://x"), &at(None)), profile);
        assert_eq!(asked(&patient, &Asked { has_profile: true, ..Asked::default() }), profile);
    }

    fn faults(body: &Value) -> Vec<(&'static str, String)> {
        let text = body.to_string();
        let read = json::read(text.as_bytes()).unwrap_or_else(|_| panic!("JSON"));
        check(&read, &Asked::default(), &expected())
            .faults
            .iter()
            .map(|fault| (fault.issue.code(), fault.expression.clone()))
            .collect()
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
