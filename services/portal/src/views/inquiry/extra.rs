//! What a form of another site told beside the questions of ours: no service reads it, so people do.
//!
//! Deliberately not here: what an office tells of its patients, which has places of its own.

use causeway_funnel::profile::Profile;
use causeway_proto::inquiry::v1::{Facts, Person, Source};

use super::fact;
use crate::pages::Fact;
use crate::views::repairs::{label, spoken};

/// Answers that stand on the page in words of their own.
const SHOWN: [&str; 3] = ["language_told", "interpreter", "called_at"];

/// The answers that no form of the center asks for, in the order of their names.
pub(super) fn extra(profile: &Profile, facts: &Facts, person: &Person) -> Vec<Fact> {
    if facts.source() != Source::WebForm {
        return Vec::new();
    }
    let is_asked = |key: &str| profile.forms.values().any(|form| form.fields().any(|(_, field)| field.key == key));
    let is_extra = |key: &str| !SHOWN.contains(&key) && !is_asked(key);
    let mut told: Vec<_> =
        person.answers.iter().filter(|(key, answer)| is_extra(key) && !answer.trim().is_empty()).collect();
    told.sort();
    told.into_iter().map(|(key, answer)| fact(&label(profile, key), &spoken(profile, key, answer))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::handlers::tests::harbor_valley;

    #[test]
    fn an_answer_that_no_form_asks_for_stands_on_the_page_and_one_that_is_asked_or_of_an_office_does_not() {
        let profile = harbor_valley();
        let asked = profile.forms.values().flat_map(|form| form.fields()).map(|(_, field)| field.key.clone());
        let asked: Vec<String> = asked.collect();
        let told = [("extra_q", "my notes"), ("another_one", "yes"), ("interpreter", "yes"), ("blank", " ")];
        let told = told.map(|(key, answer)| (key.to_owned(), answer.to_owned()));
        let answers = asked.into_iter().map(|key| (key, "no".to_owned())).chain(told).collect();
        let person = Person { answers, ..Person::default() };
        for (source, expected) in
            [(Source::WebForm, &["Another one: yes", "Extra q: my notes"][..]), (Source::Hl7, &[][..])]
        {
            let facts = Facts { source: source.into(), ..Facts::default() };
            let shown = extra(&profile, &facts, &person);
            let shown: Vec<String> = shown.iter().map(|fact| format!("{}: {}", fact.label, fact.value)).collect();
            assert_eq!(shown, expected, "{source:?}");
        }
    }
}
