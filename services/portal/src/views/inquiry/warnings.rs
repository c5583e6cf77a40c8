//! What to look at before anybody calls: a death, a withdrawal or a change that an office told.
//!
//! Deliberately not here: what is done about it (the page of what waits).

use causeway_auth::Action;
use causeway_proto::inquiry::v1::{Person, WaitingNews};

use super::Looking;
use crate::pages::{Fact, Tone};

impl Looking<'_> {
    /// Each with where it is looked at, for who may.
    pub(super) fn warnings(&self, person: Option<&Person>) -> Vec<Fact> {
        let Some(person) = person else { return Vec::new() };
        let has_died = person.answers.get("patient_deceased").is_some_and(|answer| answer == "yes");
        let mut found: Vec<Fact> = person.waiting.iter().filter_map(|news| self.warning(news)).collect();
        if has_died && person.waiting.iter().all(|news| !news.tells_death) {
            found.insert(0, warning((DIED, Tone::Bad), None));
        }
        found
    }

    fn warning(&self, news: &WaitingNews) -> Option<Fact> {
        Some(warning(
            look_first(news)?,
            self.may(Action::RepairInquiry).then(|| format!("/repairs/{}", news.message_id)),
        ))
    }
}

/// What waits that nobody should call without having looked at, in words.
pub fn look_first(news: &WaitingNews) -> Option<(&'static str, Tone)> {
    match news.reason.as_str() {
        _ if news.tells_death => Some((DIED, Tone::Bad)),
        "referral_cancelled" => Some(("The office has called the referral off: look at it first.", Tone::Bad)),
        "referral_modified" | "referral_changed" | "referral_reopened" => {
            Some(("A change of the office waits: look at it first.", Tone::Warn))
        }
        _ => None,
    }
}

const DIED: &str = "The office says that the patient has died.";

fn warning((text, tone): (&str, Tone), link: Option<String>) -> Fact {
    Fact { label: "Look at it".to_owned(), value: text.to_owned(), link, tone }
}

#[cfg(test)]
mod tests {
    use causeway_auth::Role;

    use super::*;
    use crate::views::inquiry::tests::{page, parts};

    fn told(answers: &[(&str, &str)], waiting: &[(&str, bool)]) -> Vec<(String, Option<String>)> {
        let mut parts = parts();
        let person = Person {
            answers: answers.iter().map(|(key, answer)| ((*key).to_owned(), (*answer).to_owned())).collect(),
            waiting: waiting
                .iter()
                .map(|(reason, tells_death)| WaitingNews {
                    message_id: "m1".into(),
                    reason: (*reason).to_owned(),
                    tells_death: *tells_death,
                })
                .collect(),
            ..Person::default()
        };
        parts.person = Some(Some(person));
        page(&parts, &[Role::Coordinator]).warnings.into_iter().map(|one| (one.value, one.link)).collect()
    }

    #[test]
    fn who_works_an_inquiry_is_told_of_a_death_a_withdrawal_and_a_change_before_they_call() {
        let link = || Some("/repairs/m1".to_owned());
        let off = "The office has called the referral off: look at it first.";
        let change = "A change of the office waits: look at it first.";
        assert_eq!(told(&[], &[("referral_cancelled", false)]), [(off.to_owned(), link())]);
        assert_eq!(told(&[], &[("referral_modified", false)]), [(change.to_owned(), link())]);
        assert_eq!(told(&[("patient_deceased", "yes")], &[]), [(DIED.to_owned(), None)]);
        assert_eq!(told(&[("patient_deceased", "yes")], &[("attachment", true)]), [(DIED.to_owned(), link())]);
        assert!(told(&[("sex", "F")], &[("attachment", false)]).is_empty());
    }

    #[test]
    fn a_language_that_the_center_does_not_speak_is_told_beside_the_birth_date() {
        let mut parts = parts();
        let answers = [("language_told", "Chinese"), ("interpreter", "yes")];
        let answers = answers.map(|(key, answer)| (key.to_owned(), answer.to_owned())).into();
        parts.person = Some(Some(Person { answers, ..Person::default() }));
        let facts = page(&parts, &[Role::Coordinator]).facts;
        let fact = |label: &str| facts.iter().find(|fact| fact.label == label).map(|fact| fact.value.as_str());
        assert_eq!((fact("Speaks"), fact("Interpreter")), (Some("Chinese"), Some("Needed")));
    }
}
