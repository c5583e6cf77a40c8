//! What was told beside the questions of the center's forms: no service reads it, so people do.
//!
//! Deliberately not here: what has a place of its own on the page.

use causeway_funnel::contact;
use causeway_funnel::profile::Profile;
use causeway_proto::inquiry::v1::{Facts, Person, Source};

use jiff::civil::Date;

use super::{fact, phone_words};
use crate::pages::Fact;
use crate::views::repairs::{label, spoken};
use crate::views::times;

/// Answers that stand on the page in words of their own.
const SHOWN: [&str; 4] = ["language_told", "interpreter", "called_at", "phone_extension"];
/// Those of an office that do, as person, tag, reason or warning.
const SHOWN_OF_OFFICE: [&str; 13] = [
    "who",
    "name",
    "patient_name",
    "phone",
    "email",
    "patient_email",
    "birth_date",
    "message",
    "consult_type",
    "cancer_area",
    "consent_phone",
    "patient_deceased",
    "language",
];
/// What an office tells, in words for staff, as whoever calls wants to see it: why, what is known, who refers, what is wished, who
/// pays, whom to call besides.
const ORDER: [(&str, &str); 38] = [
    ("referral_reason_in_full", "Reason in full"),
    ("diagnosis_area", "Diagnosis"),
    ("condition_details", "Diagnosis in detail"),
    ("observations", "Findings"),
    ("reports", "Reports"),
    ("procedures", "Procedures"),
    ("medications", "Medicines"),
    ("allergies", "Allergies"),
    ("family_history", "Family history"),
    ("form_answers", "Answers of a form"),
    ("documents", "Documents named"),
    ("attachments", "Documents named"),
    ("supporting_info", "Supporting information"),
    ("patient_instruction", "Told to the patient"),
    ("referring_doctor", "Doctor who refers"),
    ("referring_practice", "Practice"),
    ("referring_phone", "Phone of the practice"),
    ("referring_fax", "Fax of the practice"),
    ("referring_npi", "NPI of who refers"),
    ("office_contact", "Whom to ask there"),
    ("office_contact_phone", "Phone of whom to ask"),
    ("primary_care_doctor", "Primary care doctor"),
    ("requested_service", "Service asked for"),
    ("requested_doctor", "Doctor asked for"),
    ("wished_time", "Wished time"),
    ("contact_name", "Contact"),
    ("contact_relationship", "Contact is the patient’s"),
    ("contact_phone", "Phone of the contact"),
    ("second_phone", "Second phone"),
    ("address", "Address"),
    ("payer", "Kind of insurance"),
    ("insurance", "Insurance and member number"),
    ("group_number", "Group number"),
    ("authorization", "Authorization"),
    ("status_told", "State of the referral, as the office writes it"),
    ("referral_date", "Date of the referral"),
    ("referral_expires", "Referral expires"),
    ("office_record_number", "The office’s number of the patient"),
];

/// The answers that no form of the center asks for, in the order of their names.
pub(super) fn extra(profile: &Profile, facts: &Facts, person: &Person) -> Vec<Fact> {
    if facts.source() != Source::WebForm {
        return Vec::new();
    }
    let is_asked = |key: &str| profile.forms.values().any(|form| form.fields().any(|(_, field)| field.key == key));
    told(profile, person, |key| !is_asked(key))
}

/// Whether it came from a partner office's system.
pub(super) fn is_of_office(facts: &Facts) -> bool {
    matches!(facts.source(), Source::Hl7 | Source::Fhir | Source::Csv)
}

/// What a partner office sent besides, which no form asks in the same way.
pub(super) fn of_office(profile: &Profile, facts: &Facts, person: &Person) -> Vec<Fact> {
    if !is_of_office(facts) {
        return Vec::new();
    }
    told(profile, person, |key| !SHOWN_OF_OFFICE.contains(&key))
}

/// Some of the answers, the known ones in their order and then the others by name.
fn told(profile: &Profile, person: &Person, is_told: impl Fn(&str) -> bool) -> Vec<Fact> {
    let is_shown = |(key, answer): &(&String, &String)| {
        !answer.trim().is_empty() && !SHOWN.contains(&key.as_str()) && is_told(key)
    };
    let mut told: Vec<_> = person.answers.iter().filter(is_shown).collect();
    let place = |key: &str| ORDER.iter().position(|(known, _)| *known == key).unwrap_or(ORDER.len());
    told.sort_by_key(|(key, _)| (place(key), *key));
    let one = |(key, answer): (&String, &String)| {
        let label = ORDER.get(place(key)).map_or_else(|| label(profile, key), |(_, label)| (*label).to_owned());
        match told_number(profile, answer).filter(|_| key.ends_with("phone") || key.ends_with("fax")) {
            None => fact(&label, &in_words(profile, key, answer)),
            Some((number, extension)) => {
                let (tail, more) = match extension.as_str() {
                    "" => (String::new(), String::new()),
                    digits => (format!(";ext={digits}"), format!(" ext. {digits}")),
                };
                let link = Some(format!("tel:{number}{tail}")).filter(|_| key.ends_with("phone"));
                Fact { link, ..fact(&label, &format!("{}{more}", phone_words(&number))) }
            }
        }
    };
    told.into_iter().map(one).collect()
}

/// An answer for the eye: codes and dates as people read them, all else as it was told.
fn in_words(profile: &Profile, key: &str, answer: &str) -> String {
    let is_day = matches!(key, "referral_date" | "referral_expires");
    match (key, answer) {
        // HL7 v2 table 0001; FHIR tells words.
        ("sex", "F") => "Female".to_owned(),
        ("sex", "M") => "Male".to_owned(),
        ("sex", "O" | "other") => "Other".to_owned(),
        ("sex", "U" | "unknown") => "Not known".to_owned(),
        _ => match answer.parse::<Date>().ok().filter(|_| is_day) {
            Some(day) => times::birth(day),
            None => spoken(profile, key, answer),
        },
    }
}

/// A phone number as an office writes it, and its extension.
fn told_number(profile: &Profile, told: &str) -> Option<(String, String)> {
    let (plain, extension) = match told.to_lowercase().rsplit_once('x') {
        Some((before, after)) if after.bytes().any(|byte| byte.is_ascii_digit()) => {
            let before = before.trim_end_matches(|letter: char| !letter.is_ascii_digit()).to_owned();
            (before, after.chars().filter(char::is_ascii_digit).collect())
        }
        _ => (told.to_owned(), String::new()),
    };
    let number = contact::phone("phone", &plain, &profile.center.default_region, "en").ok()?;
    Some((number, extension))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::handlers::tests::harbor_valley;

    #[test]
    fn an_answer_that_no_form_asks_for_stands_on_the_page_and_one_that_is_asked_does_not() {
        let profile = harbor_valley();
        let asked = profile.forms.values().flat_map(|form| form.fields()).map(|(_, field)| field.key.clone());
        let asked: Vec<String> = asked.collect();
        let told = [("extra_q", "my notes"), ("another_one", "yes"), ("interpreter", "yes"), ("blank", " ")];
        let told = told.map(|(key, answer)| (key.to_owned(), answer.to_owned()));
        let answers = asked.into_iter().map(|key| (key, "no".to_owned())).chain(told).collect();
        let person = Person { answers, ..Person::default() };
        let shown = |source: Source, of: fn(&Profile, &Facts, &Person) -> Vec<Fact>| {
            let facts = Facts { source: source.into(), ..Facts::default() };
            let shown = of(&profile, &facts, &person).into_iter();
            shown.map(|fact| format!("{}: {}", fact.label, fact.value)).collect::<Vec<_>>()
        };
        assert_eq!(shown(Source::WebForm, extra), ["Another one: yes", "Extra q: my notes"]);
        assert!(shown(Source::Hl7, extra).is_empty() && shown(Source::WebForm, of_office).is_empty());
        assert!(shown(Source::Fhir, of_office).contains(&"Extra q: my notes".to_owned()));
    }

    #[test]
    fn what_an_office_tells_stands_on_the_page_line_by_line_with_the_reason_first_and_nothing_twice() {
        let told = [
            ("medications", "Letrozole 2.5 mg"),
            ("allergies", "Penicillin"),
            ("referral_reason_in_full", "First line\nsecond line"),
            ("an_odd_one", "told"),
            ("insurance", "Testplan, 123"),
            ("message", "First line"),
            ("phone", "206 555 0199"),
            ("referring_phone", "(206) 555-0142 x12"),
            ("contact_phone", "+1 206 5550143"),
            ("referring_fax", "206-555-0144"),
            ("second_phone", "ask at the desk"),
            ("patient_deceased", "yes"),
            ("referral_date", "2027-03-02"),
            ("sex", "F"),
        ];
        let answers = told.map(|(key, answer)| (key.to_owned(), answer.to_owned())).into();
        let facts = Facts { source: Source::Fhir.into(), ..Facts::default() };
        let shown = of_office(&harbor_valley(), &facts, &Person { answers, ..Person::default() });
        let values: Vec<&str> = shown.iter().map(|fact| fact.value.as_str()).collect();
        let reason = "First line\nsecond line";
        let phones = ["206 555 0142 ext. 12", "206 555 0144", "206 555 0143", "ask at the desk"];
        assert_eq!(values[..3], [reason, "Letrozole 2.5 mg", "Penicillin"]);
        assert_eq!(
            (&values[3..7], &values[7..]),
            (&phones[..], &["Testplan, 123", "March 2, 2027", "told", "Female"][..])
        );
        let links: Vec<Option<&str>> = shown[3..7].iter().map(|fact| fact.link.as_deref()).collect();
        assert_eq!(links, [Some("tel:+12065550142;ext=12"), None, Some("tel:+12065550143"), None]);
    }
}
