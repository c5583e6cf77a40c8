//! The person behind an inquiry, as it is sealed: every answer as typed, and beside it what could be read of it.
//!
//! The typed answers stay whole, also those that failed a check and those that no form asked for, so that nothing is lost
//! and repairs can go back to them. Deliberately not here: the sealing (handlers) and who may open it (purpose).

use std::collections::BTreeMap;

use causeway_funnel::form::{Answers, HONEYPOT};
use causeway_funnel::inquiry::{AskedBy, Attribution};
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// What the sealed bytes are bound to: moved to another inquiry they do not open.
pub fn context(inquiry_id: Uuid) -> String {
    format!("people.sealed:{inquiry_id}")
}

/// As it is written: borrowed, because it is sealed at once.
#[derive(Serialize)]
struct Written<'a> {
    asked_by: AskedBy,
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    patient_name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    phone: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    email: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    birth_date: Option<Date>,
    given: &'a BTreeMap<String, String>,
    #[serde(skip_serializing_if = "is_untold")]
    came: &'a Attribution,
}

fn is_untold(came: &&Attribution) -> bool {
    **came == Attribution::default()
}

/// As it is read. PHI: no `Debug`.
#[derive(Clone, PartialEq, Eq, Deserialize)]
pub struct Person {
    /// Who asked.
    #[serde(default)]
    pub asked_by: AskedBy,
    /// Whom to contact.
    #[serde(default)]
    pub name: String,
    /// Who needs care, where somebody else asked and said so.
    #[serde(default)]
    pub patient_name: Option<String>,
    /// Phone in E.164, if it could be read.
    #[serde(default)]
    pub phone: Option<String>,
    /// E-mail address, if it could be read.
    #[serde(default)]
    pub email: Option<String>,
    /// Birth date, if it could be read.
    #[serde(default)]
    pub birth_date: Option<Date>,
    /// Every answer as typed.
    #[serde(default)]
    pub given: BTreeMap<String, String>,
    /// How they found the form, as told: also the words that do not travel.
    #[serde(default)]
    pub came: Attribution,
}

/// Keys whose answers have a field of their own, say nothing about the person, or are a machine's.
const NOT_REPEATED: [&str; 12] = [
    "who",
    "name",
    "patient_name",
    "phone",
    "email",
    "birth_date",
    "message",
    HONEYPOT,
    "consent_email",
    "consent_sms",
    "consent_phone",
    "consent_voicemail",
];

/// The bytes to seal.
pub fn write(answers: &Answers, given: &BTreeMap<String, String>, came: &Attribution) -> Vec<u8> {
    let written = Written {
        asked_by: answers.asked_by,
        name: &answers.name,
        patient_name: answers.patient_name.as_deref(),
        phone: answers.phone.as_deref(),
        email: answers.email.as_deref(),
        birth_date: answers.birth_date,
        given,
        came,
    };
    // A struct of texts always serialises.
    serde_json::to_vec(&written).unwrap_or_default()
}

/// Reads opened bytes; `None` where they are none of ours.
pub fn read(bytes: &[u8]) -> Option<Person> {
    serde_json::from_slice(bytes).ok()
}

impl Person {
    /// The one who needs care; empty where somebody else asked and did not say who.
    pub fn patient(&self) -> &str {
        match (&self.patient_name, self.asked_by) {
            (Some(name), _) => name,
            (None, AskedBy::Patient) => &self.name,
            (None, AskedBy::Caregiver | AskedBy::Office) => "",
        }
    }

    /// Who asked, if it is not the one who needs care.
    pub fn caregiver(&self) -> &str {
        if self.asked_by == AskedBy::Patient { "" } else { &self.name }
    }

    /// An answer as typed.
    pub fn given(&self, key: &str) -> &str {
        self.given.get(key).map(String::as_str).unwrap_or_default()
    }

    /// Answers that have no field of their own.
    pub fn others(&self) -> impl Iterator<Item = (&str, &str)> {
        let others = self.given.iter().filter(|(key, _)| !NOT_REPEATED.contains(&key.as_str()));
        others.map(|(key, answer)| (key.as_str(), answer.as_str()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use causeway_funnel::inquiry::Touch;
    use jiff::civil::date;

    fn given(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(key, answer)| ((*key).to_owned(), (*answer).to_owned())).collect()
    }

    fn round(answers: &Answers, given: &BTreeMap<String, String>) -> Person {
        read(&write(answers, given, &Attribution::default())).unwrap_or_else(|| panic!("not readable"))
    }

    #[test]
    fn a_person_reads_back_with_what_was_typed_and_what_was_read() {
        let typed =
            given(&[("phone", "(206) 555-0142"), ("shoe_size", "42"), ("website", "x"), ("consent_sms", "yes")]);
        let answers = Answers {
            name: "Zoë \"Z\" Vega".into(),
            phone: Some("+12065550142".into()),
            birth_date: Some(date(1961, 3, 27)),
            ..Answers::default()
        };
        let person = round(&answers, &typed);
        assert!(person.given == typed);
        assert_eq!((person.patient(), person.caregiver()), ("Zoë \"Z\" Vega", ""));
        assert_eq!((person.phone.as_deref(), person.birth_date), (Some("+12065550142"), Some(date(1961, 3, 27))));
        assert_eq!(person.others().collect::<Vec<_>>(), [("shoe_size", "42")]);
    }

    #[test]
    fn a_caregiver_is_never_taken_for_the_one_who_needs_care() {
        let mut answers = Answers { name: "Luis".into(), asked_by: AskedBy::Caregiver, ..Answers::default() };
        let person = round(&answers, &given(&[]));
        assert_eq!((person.patient(), person.caregiver()), ("", "Luis"));
        answers.patient_name = Some("Rosa".into());
        let person = round(&answers, &given(&[]));
        assert_eq!((person.patient(), person.caregiver()), ("Rosa", "Luis"));
    }

    #[test]
    fn how_somebody_came_is_kept_as_it_was_told_and_old_bytes_without_it_still_read() {
        let came = Attribution {
            first: Touch { campaign: Some("Rosa Vega".into()), ..Touch::default() },
            last: Some(Touch { utm_term: Some("lump".into()), ..Touch::default() }),
        };
        let bytes = write(&Answers::default(), &given(&[]), &came);
        assert!(read(&bytes).is_some_and(|person| person.came == came));
        let untold = write(&Answers::default(), &given(&[]), &Attribution::default());
        assert!(!String::from_utf8_lossy(&untold).contains("came"));
        assert!(read(&untold).is_some_and(|person| person.came == Attribution::default()));
    }

    #[test]
    fn rubbish_is_no_person() {
        assert!(read(b"nothing").is_none());
    }
}
