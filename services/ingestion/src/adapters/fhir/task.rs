//! The Task of a referral: what became of it (FHIR R4 section 12.1).
//!
//! A Task and its ServiceRequest bear the id of their inquiry; ids of the other resources of a request follow from it, so the
//! same referral is always answered with the same ids. Nothing here tells of the patient but what the referring office may
//! know: how far its referral is, when the visit is, and why it ended. Deliberately not here: where it stands (domain).

use jiff::Timestamp;
use serde_json::{Value, json};
use uuid::Uuid;

use super::date;
use super::standing::told;
use crate::domain::journey::{Journey, Status, Visit};
use crate::domain::wanted::Asked;

/// What the door knows of a referral.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// The inquiry that stands for it.
    pub inquiry_id: Uuid,
    /// Our number of it.
    pub reference: String,
    /// Whether it came as the answers of a form.
    pub is_form: bool,
    /// When it came.
    pub received_at: Timestamp,
    /// When something of it changed last.
    pub changed_at: Timestamp,
    /// Grows with each change.
    pub version: i64,
    /// Some answers are being mended.
    pub is_mended: bool,
    /// A withdrawal waits for a person.
    pub is_withdrawn: bool,
    /// Another change waits for a person.
    pub is_changed: bool,
    /// A person has dealt with its withdrawal.
    pub is_cancelled: bool,
    /// The office's own numbers of it, each after who gave it (empty: that is not told), the one that it is known by first.
    pub numbers: Vec<(String, String)>,
    /// The documents that the desk waits for from the office.
    pub asked: Vec<Asked>,
    /// Where it stands at the center.
    pub journey: Journey,
}

/// Who gives our numbers.
pub const REFERENCE_SYSTEM: &str = "urn:causeway:request-number";
/// What an input of a Task is.
const INPUT_SYSTEM: &str = "urn:causeway:task-input";

impl Standing {
    /// Status of its Task. Whatever the center did before, a withdrawal that was settled ends what has not ended.
    #[must_use]
    pub fn status(&self) -> Status {
        if self.is_cancelled && !self.journey.status.is_end() { Status::Cancelled } else { self.journey.status }
    }

    /// The documents that are asked of the office: none of one that has called its referral off, or whose referral has ended.
    #[must_use]
    pub fn asks(&self) -> &[Asked] {
        if self.is_withdrawn || self.status().is_end() { &[] } else { &self.asked }
    }

    /// What the Task is about.
    #[must_use]
    pub fn focus(&self) -> String {
        format!("{}/{}", if self.is_form { "QuestionnaireResponse" } else { "ServiceRequest" }, self.inquiry_id)
    }

    /// The ETag of this version.
    #[must_use]
    pub fn etag(&self) -> String {
        etag(self.version)
    }

    fn meta(&self) -> Value {
        json!({ "versionId": self.version.to_string(), "lastUpdated": date::write(self.changed_at) })
    }

    /// The Task.
    #[must_use]
    pub fn task(&self) -> Value {
        let told = told(self);
        let mut task = json!({
            "resourceType": "Task",
            "id": self.inquiry_id,
            "meta": self.meta(),
            "identifier": self.identifiers(),
            "status": self.status().code(),
            "businessStatus": told.business_status(),
            "intent": "order",
            "code": { "coding": [{ "system": "http://hl7.org/fhir/CodeSystem/task-code", "code": "fulfill" }] },
            "focus": { "reference": self.focus() },
            "for": { "reference": self.patient() },
            "authoredOn": date::write(self.received_at),
            "lastModified": date::write(self.changed_at),
        });
        if let Some(reason) = told.reason {
            task["statusReason"] = json!({ "text": reason });
        }
        let asked: Vec<Value> = self.asks().iter().map(input).collect();
        if !asked.is_empty() {
            task["input"] = json!(asked);
        }
        if let (Visit::Booked | Visit::Attended, Some((begins, ends))) = (self.journey.visit, self.journey.visit_at) {
            let period = json!({ "start": date::write(begins), "end": date::write(ends) });
            task["output"] = json!([{ "type": { "text": "appointment" }, "valuePeriod": period }]);
        }
        task
    }

    /// The ServiceRequest as far as it is told back: that it is there, under which numbers. What it says stays sealed.
    #[must_use]
    pub fn request(&self) -> Value {
        json!({
            "resourceType": "ServiceRequest",
            "id": self.inquiry_id,
            "meta": self.meta(),
            "identifier": self.identifiers(),
            "status": if self.is_cancelled { "revoked" } else { "active" },
            "intent": "order",
            "subject": { "reference": self.patient() },
        })
    }

    /// The answers of a form as far as they are told back: that they are there, under the office's number of them, else ours, since
    /// they bear one alone. What they say stays sealed.
    #[must_use]
    pub fn form(&self) -> Value {
        json!({
            "resourceType": "QuestionnaireResponse",
            "id": self.inquiry_id,
            "meta": self.meta(),
            "identifier": self.identifiers()[0],
            "status": if self.is_cancelled { "entered-in-error" } else { "completed" },
        })
    }

    /// The office's numbers, where they are known, and ours.
    fn identifiers(&self) -> Value {
        let theirs = self.numbers.iter().map(|(system, value)| match system.is_empty() {
            true => json!({ "value": value }),
            false => json!({ "system": system, "value": value }),
        });
        theirs.chain([json!({ "system": REFERENCE_SYSTEM, "value": self.reference })]).collect()
    }

    fn patient(&self) -> String {
        format!("Patient/{}", id_of(self.inquiry_id, "Patient", 0))
    }
}

/// A document that is asked for, as an input of the Task.
fn input(document: &Asked) -> Value {
    let coding = |code: &String| match is_loinc(code) {
        true => json!({ "system": "http://loinc.org", "code": code }),
        false => json!({ "code": code }),
    };
    let mut concept = json!({ "text": document.label });
    if !document.codes.is_empty() {
        concept["coding"] = document.codes.iter().map(coding).collect();
    }
    json!({
        "type": { "coding": [{ "system": INPUT_SYSTEM, "code": "requested-document" }], "text": "requested document" },
        "valueCodeableConcept": concept,
    })
}

/// Whether a code looks like one of LOINC: a number and a check digit. Of others nobody here knows whose they are.
fn is_loinc(code: &str) -> bool {
    let is_number =
        |text: &str, most| (1..=most).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    code.rsplit_once('-').is_some_and(|(number, check)| is_number(number, 7) && is_number(check, 1))
}

/// The ETag of a version.
#[must_use]
pub fn etag(version: i64) -> String {
    format!("W/\"{version}\"")
}

/// The id of the nth resource of a type that came with an inquiry.
#[must_use]
pub fn id_of(inquiry_id: Uuid, kind: &str, nth: usize) -> Uuid {
    if nth == 0 && ["ServiceRequest", "Task", "QuestionnaireResponse"].contains(&kind) {
        return inquiry_id;
    }
    let text = format!("{inquiry_id}/{kind}/{nth}");
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, text.as_bytes());
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&digest.as_ref()[..16]);
    uuid::Builder::from_custom_bytes(bytes).into_uuid()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn standing() -> Standing {
        Standing {
            inquiry_id: Uuid::from_u128(7),
            reference: "HV-7K4M-2QX".into(),
            is_form: false,
            received_at: "2026-04-12T14:30:01Z".parse().expect("an instant"),
            changed_at: "2026-04-13T14:30:01Z".parse().expect("an instant"),
            version: 2,
            is_mended: false,
            is_withdrawn: false,
            is_changed: false,
            is_cancelled: false,
            numbers: Vec::new(),
            asked: Vec::new(),
            journey: Journey::default(),
        }
    }

    #[test]
    fn a_task_tells_what_waits_and_says_why_where_it_ends() {
        let numbers = vec![("https://x.org/r".to_owned(), "7".to_owned()), (String::new(), "8".to_owned())];
        let task = Standing { numbers: numbers.clone(), ..standing() }.task();
        assert_eq!(
            (&task["status"], &task["focus"]["reference"]),
            (&json!("received"), &json!(format!("ServiceRequest/{}", Uuid::from_u128(7))))
        );
        assert_eq!(task["identifier"][0], json!({ "system": "https://x.org/r", "value": "7" }));
        assert_eq!(task["identifier"][1], json!({ "value": "8" }));
        assert_eq!(
            (&task["meta"]["versionId"], &task["meta"]["lastUpdated"]),
            (&json!("2"), &json!("2026-04-13T14:30:01.000000Z"))
        );
        let form = Standing { numbers, ..standing() }.form();
        assert_eq!(
            (&form["identifier"]["value"], standing().form()["identifier"]["value"].as_str()),
            (&json!("7"), Some("HV-7K4M-2QX"))
        );
        let changed = Standing { is_changed: true, is_mended: true, ..standing() }.task();
        assert_eq!(changed["businessStatus"]["text"], "Received; a change waits for a person");
        let ended = Standing { is_cancelled: true, ..standing() }.task();
        assert_eq!((&ended["status"], ended["statusReason"]["text"].is_string()), (&json!("cancelled"), true));
    }

    #[test]
    fn what_is_asked_of_the_office_stands_in_the_task_while_it_is_under_way() {
        let document = |label: &str, codes: &[&str]| Asked {
            label: label.into(),
            codes: codes.iter().map(|code| (*code).to_owned()).collect(),
        };
        let asked = vec![document("Doctor's notes", &["11506-3", "NOTE-A"]), document("Slides", &[])];
        let asking = Standing { asked, ..standing() };
        let task = asking.task();
        let words = "Received; the center calls the patient; documents are asked of you: Doctor's notes; Slides";
        assert_eq!(task["businessStatus"]["text"], words);
        assert_eq!(task["input"][0]["type"]["text"], "requested document");
        assert_eq!(
            task["input"][0]["valueCodeableConcept"],
            json!({ "text": "Doctor's notes", "coding": [{ "system": "http://loinc.org", "code": "11506-3" }, { "code": "NOTE-A" }] })
        );
        assert_eq!(task["input"][1]["valueCodeableConcept"], json!({ "text": "Slides" }));
        let none = |standing: Standing| {
            let task = standing.task();
            assert!(
                task["input"].is_null() && !task["businessStatus"]["text"].to_string().contains("asked of"),
                "{task}"
            );
        };
        none(standing());
        none(Standing { is_withdrawn: true, ..asking.clone() });
        none(Standing { is_cancelled: true, ..asking.clone() });
        let journey = Journey { status: Status::Completed, ..Journey::default() };
        none(Standing { journey, ..asking });
    }

    #[test]
    fn ids_are_the_same_for_the_same_referral_and_differ_within_it() {
        let (one, other) = (Uuid::from_u128(1), Uuid::from_u128(2));
        assert_eq!(id_of(one, "Task", 0), one);
        assert_eq!(id_of(one, "Patient", 0), id_of(one, "Patient", 0));
        let all = [
            id_of(one, "Patient", 0),
            id_of(one, "Patient", 1),
            id_of(one, "Organization", 0),
            id_of(other, "Patient", 0),
        ];
        let distinct: std::collections::HashSet<_> = all.iter().collect();
        assert_eq!(distinct.len(), all.len());
    }
}
