//! What a mail to staff says: that an inquiry wants them, by its number, and nothing of the person or of what is asked for.
//!
//! In English, as the pages of staff are. Deliberately not here: templates of centers, which are for patients.

use causeway_funnel::profile::Profile;
use causeway_funnel::time_words;
use jiff::Timestamp;

/// Language of the words.
pub const LANGUAGE: &str = "en";

/// Subject and text of a mail about an inquiry, to a colleague.
pub fn words(
    profile: &Profile,
    name: &str,
    (why, reference): (&str, &str),
    due_at: Option<Timestamp>,
) -> (String, String) {
    let due = due_at.map(|at| time_words::words(at, profile.zone(), LANGUAGE));
    let by = due.map_or_else(String::new, |due| format!(" It is due {due}."));
    let (short, long) = match why {
        "due_soon" => ("first contact is due soon", format!("Nobody has tried to reach the person yet.{by}")),
        "review_due_soon" => (
            "the review of its papers is due soon",
            format!("Its papers wait for a reviewer.{by} Please accept them, ask for more, redirect it or decline it."),
        ),
        "review_late" => (
            "the review of its papers is late",
            format!(
                "Its papers wait for a reviewer.{} Please accept them, ask for more, redirect it or decline it.",
                by.replace(" is ", " was ")
            ),
        ),
        "bounced" => (
            "it goes from team to team",
            "It was sent on several times, or came back to a team that had sent it on. Please decide where it stays."
                .to_owned(),
        ),
        _ => (
            "first contact is late",
            format!("Nobody has tried to reach the person in time.{}", by.replace(" is ", " was ")),
        ),
    };
    let subject = format!("{}: inquiry {reference}, {short}", profile.center.short_name);
    let text = format!(
        "Hello {name},\n\nInquiry {reference}: {short}. {long}\n\nOpen it from the worklist by its number. \
         This message names nobody; please do not add names when you pass it on.\n"
    );
    (subject, text)
}

#[cfg(test)]
mod tests {
    use causeway_funnel::profile::{forbidden_phrase, health_word};

    use super::*;
    use crate::samples::{at, profile};

    #[test]
    fn a_mail_to_staff_says_what_is_the_matter_by_number_and_time_and_no_health_word() {
        let center = profile("harbor-valley");
        let due = at("2027-03-05T19:30:00Z");
        for (why, said) in [
            ("due_soon", "It is due Friday, March 5, at 11:30 am."),
            ("late", "It was due Friday, March 5, at 11:30 am."),
            ("bounced", "decide where it stays"),
            ("review_due_soon", "wait for a reviewer. It is due Friday, March 5, at 11:30 am."),
            ("review_late", "wait for a reviewer. It was due Friday, March 5, at 11:30 am."),
        ] {
            let (subject, text) = words(&center, "Dana Whitfield", (why, "HV-7K4M-2QX"), Some(due));
            assert!(subject.contains("HV-7K4M-2QX") && text.contains(said), "{text}");
            assert!(health_word(&subject).is_none() && health_word(&text).is_none(), "{text}");
            assert_eq!(forbidden_phrase(&text), None);
        }
    }
}
