//! Codes in words, and numbers that somebody gave to something (CodeableConcept, Identifier).
//!
//! Deliberately not here: which part of the body a diagnosis code is about (the funnel's diagnosis).

use super::element::Element;
use super::fault::{Class, Issue};

/// ICD-10-CM, under its name in FHIR and those that systems use instead.
const ICD_10: [&str; 4] = [
    "http://hl7.org/fhir/sid/icd-10-cm",
    "http://hl7.org/fhir/sid/icd-10",
    "urn:oid:2.16.840.1.113883.6.90",
    "urn:oid:2.16.840.1.113883.6.3",
];
const ICD_9: [&str; 2] = ["http://hl7.org/fhir/sid/icd-9-cm", "urn:oid:2.16.840.1.113883.6.103"];
const RETIRED: &str = "ICD-9 codes are retired and lead to no team: send ICD-10-CM beside them";
const OTHER_SHAPE: &str = "Nothing of this element can be understood: send coding or text, as FHIR R4 has it";

/// One code of a system.
#[derive(Clone, Copy)]
pub struct Coding<'t> {
    /// Of which system; empty: it does not say.
    pub system: &'t str,
    /// The code.
    pub code: &'t str,
    /// In words.
    pub display: &'t str,
}

/// A concept by codes and in words. PHI: no `Debug`.
#[derive(Default)]
pub struct Concept<'t> {
    /// Its codes.
    pub codings: Vec<Coding<'t>>,
    /// Its words.
    pub text: &'t str,
}

impl<'t> Concept<'t> {
    /// Reads one. R5 has another shape in the same places, of which nothing would be read.
    #[must_use]
    pub fn of(element: &Element<'t>) -> Self {
        if !element.has_any(&["coding", "text", "extension"]) {
            element.error("", Issue::Structure, Class::Malformed, OTHER_SHAPE);
        }
        let read = |coding: &Element<'t>| Coding {
            system: coding.text("system").unwrap_or_default(),
            code: coding.text("code").unwrap_or_default(),
            display: coding.text("display").unwrap_or_default(),
        };
        let codings = element.children("coding").iter().map(read).collect();
        Self { codings, text: element.text("text").unwrap_or_default() }
    }

    /// The concept of an element that may be there.
    #[must_use]
    pub fn below(element: &Element<'t>, name: &'static str) -> Self {
        element.child(name).map(|child| Self::of(&child)).unwrap_or_default()
    }

    /// In words: its own, else those of its codes.
    #[must_use]
    pub fn words(&self) -> &'t str {
        let displays = self.codings.iter().map(|coding| coding.display);
        [self.text].into_iter().chain(displays).find(|words| !words.is_empty()).unwrap_or_default()
    }

    /// Code and words of a diagnosis, for people.
    #[must_use]
    pub fn told(&self) -> String {
        let code = self.diagnoses().next().unwrap_or_default();
        let parts = [code, self.words()];
        let parts: Vec<&str> = parts.into_iter().filter(|part| !part.is_empty()).collect();
        parts.join(", ")
    }

    /// Its codes that can be a diagnosis in ICD-10-CM.
    pub fn diagnoses(&self) -> impl Iterator<Item = &'t str> {
        let is_icd = |coding: &&Coding<'t>| coding.system.is_empty() || ICD_10.contains(&coding.system);
        self.codings.iter().filter(is_icd).map(|coding| coding.code)
    }

    /// Tells of codes that lead nowhere.
    pub fn warn_of_retired(&self, element: &Element<'t>) {
        if self.codings.iter().any(|coding| ICD_9.contains(&coding.system)) {
            element.warn("coding", Issue::CodeInvalid, RETIRED);
        }
    }

    /// Whether it has a code of a system whose name ends so.
    #[must_use]
    pub fn has(&self, system_end: &str, codes: &[&str]) -> bool {
        self.codings.iter().any(|coding| coding.system.ends_with(system_end) && codes.contains(&coding.code))
    }
}

/// A number that somebody gave to something. PHI: no `Debug`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Identifier<'t> {
    /// Who gave it; empty: it does not say.
    pub system: &'t str,
    /// The number.
    pub value: &'t str,
}

/// The numbers of a resource, with the codes of their types and what each is used for.
#[must_use]
pub fn identifiers<'t>(element: &Element<'t>) -> Vec<(Identifier<'t>, Concept<'t>, Option<&'t str>)> {
    let numbers = element.children("identifier");
    let read = |number: &Element<'t>| {
        let value = number.text("value")?;
        let identifier = Identifier { system: number.text("system").unwrap_or_default(), value };
        let usage = number.text("use");
        if usage == Some("old") {
            return None;
        }
        Some((identifier, Concept::below(number, "type"), usage))
    };
    numbers.iter().filter_map(read).collect()
}
