//! What was told beside the questions of the center's forms: no service reads it, so people do.
//!
//! Deliberately not here: what has a place of its own on the page.

use causeway_funnel::profile::Profile;
use causeway_proto::inquiry::v1::{Facts, Person, Source};

use super::fact;
use crate::pages::Fact;
use crate::views::repairs::{label, spoken};

/// Answers that stand on the page in words of their own.
const SHOWN: [&str; 3] = ["language_told", "interpreter", "called_at"];
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
/// What an office tells, as whoever calls wants to see it: why and about what, who refers, what is wished, who pays, the rest.
const ORDER: [&str; 31] = [
    "referral_reason_in_full",
    "diagnosis_area",
    "condition_details",
    "observations",
    "reports",
    "procedures",
    "medications",
    "allergies",
    "family_history",
    "form_answers",
    "documents",
    "attachments",
    "supporting_info",
    "patient_instruction",
    "referring_doctor",
    "referring_practice",
    "referring_phone",
    "referring_fax",
    "office_contact",
    "office_contact_phone",
    "requested_service",
    "requested_doctor",
    "wished_time",
    "contact_name",
    "contact_relationship",
    "contact_phone",
    "payer",
    "insurance",
    "group_number",
    "insured_name",
    "insured_relationship",
];

/// The answers that no form of the center asks for, in the order of their names.
pub(super) fn extra(profile: &Profile, facts: &Facts, person: &Person) -> Vec<Fact> {
    if facts.source() != Source::WebForm {
        return Vec::new();
    }
    let is_asked = |key: &str| profile.forms.values().any(|form| form.fields().any(|(_, field)| field.key == key));
    told(profile, person, |key| !is_asked(key))
}

/// What a partner office sent besides, which no form asks in the same way.
pub(super) fn of_office(profile: &Profile, facts: &Facts, person: &Person) -> Vec<Fact> {
    if !matches!(facts.source(), Source::Hl7 | Source::Fhir | Source::Csv) {
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
    let place = |key: &str| ORDER.iter().position(|known| *known == key).unwrap_or(ORDER.len());
    told.sort_by_key(|(key, _)| (place(key), *key));
    told.into_iter().map(|(key, answer)| fact(&label(profile, key), &spoken(profile, key, answer))).collect()
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
            ("patient_deceased", "yes"),
        ];
        let answers = told.map(|(key, answer)| (key.to_owned(), answer.to_owned())).into();
        let facts = Facts { source: Source::Fhir.into(), ..Facts::default() };
        let shown = of_office(&harbor_valley(), &facts, &Person { answers, ..Person::default() });
        let shown: Vec<&str> = shown.iter().map(|fact| fact.value.as_str()).collect();
        assert_eq!(shown, ["First line\nsecond line", "Letrozole 2.5 mg", "Penicillin", "Testplan, 123", "told"]);
    }
}
