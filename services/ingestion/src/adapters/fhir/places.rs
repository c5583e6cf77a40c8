//! Where in a request an answer came from, and what its sender can do about it.
//!
//! The form's own sentences speak to whoever fills it in; a partner system has elements and no fields. Deliberately not here: what
//! is wrong with an answer (domain).

use super::fault::{Issue, Severity};
use super::outcome::Line;

/// Where the parts of a request stand.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Places {
    /// The ServiceRequest, or the answers of a form.
    pub request: String,
    /// The patient.
    pub patient: String,
    /// Whether it is the answers of a form.
    pub is_form: bool,
    /// Whether somebody else is called for the patient.
    pub is_child: bool,
}

/// One name of an answer that can be wrong, where it came from in the patient, and what to do.
const OF_PATIENT: [(&str, &str, &str); 5] = [
    ("patient_name", "name", "The name can not be read: send family and given name, in letters"),
    ("phone", "telecom", "The phone number can not be read or called: send it with area or country code"),
    ("email", "telecom", "The email address can not be read: send it like name@example.com"),
    ("patient_email", "telecom", "The email address can not be read: send it like name@example.com"),
    ("birth_date", "birthDate", "The birth date can not be read or is not possible: send it as YYYY-MM-DD"),
];
const NO_GUARDIAN: &str =
    "The patient is a child and nobody can be asked for by name: send who speaks for it, as RelatedPerson or contact";
const NO_REACH: &str = "Nothing tells how to reach them: send a phone number or an email address";

impl Places {
    /// What is to be mended in an answer: its key, the code of its fault and the form's own words for it.
    #[must_use]
    pub fn line(&self, (field, code, message): (&str, &str, &str), severity: Severity) -> Line {
        let line = |words: &str, place: String| Line::new(severity, Issue::Value, words).at(place);
        if self.is_form {
            return line(message, format!("{}.item.where(linkId='{field}')", self.request));
        }
        let whose = if self.is_child { ".contact" } else { "" };
        match (field, code) {
            ("phone" | "email" | "contact", "missing" | "reach_missing") => {
                line(NO_REACH, format!("{}{whose}.telecom", self.patient))
            }
            ("name", _) if self.is_child => line(NO_GUARDIAN, format!("{}.contact", self.patient)),
            _ => {
                let field = if field == "name" { "patient_name" } else { field };
                match OF_PATIENT.iter().find(|(name, ..)| *name == field) {
                    Some((_, element, words)) => line(words, format!("{}.{element}", self.patient)),
                    // The name of a question is the center's own.
                    None => {
                        let words = format!(
                            "What the center asks as {field} is not told or can not be read; a person will ask"
                        );
                        line(&words, self.request.clone())
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_of_an_answer_stands_where_it_came_from_in_words_for_a_system() {
        let of = |is_child, is_form| Places {
            request: "Bundle.entry[9].resource".into(),
            patient: "Bundle.entry[0].resource".into(),
            is_form,
            is_child,
        };
        for (places, fault, place, words) in [
            (of(false, false), ("birth_date", "date_unreadable"), "Bundle.entry[0].resource.birthDate", "YYYY-MM-DD"),
            (of(false, false), ("name", "name_unreadable"), "Bundle.entry[0].resource.name", "family and given"),
            (of(true, false), ("name", "missing"), "Bundle.entry[0].resource.contact", "RelatedPerson"),
            (of(true, false), ("patient_name", "name_unreadable"), "Bundle.entry[0].resource.name", "family and given"),
            (of(true, false), ("phone", "reach_missing"), "Bundle.entry[0].resource.contact.telecom", "phone number"),
            (of(false, false), ("phone", "phone_length"), "Bundle.entry[0].resource.telecom", "area or country"),
            (of(false, false), ("site", "missing"), "Bundle.entry[9].resource", "site"),
            (
                of(false, true),
                ("name", "missing"),
                "Bundle.entry[9].resource.item.where(linkId='name')",
                "the form's own words",
            ),
        ] {
            let line = places.line((fault.0, fault.1, "the form's own words"), Severity::Warning);
            assert_eq!(line.expression, place, "{fault:?}");
            assert!(line.words.contains(words), "{fault:?}: {}", line.words);
        }
    }
}
