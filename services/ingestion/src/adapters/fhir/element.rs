//! Elements of a resource, read by name and type; whatever is wrong is noted with its place, and reading goes on.
//!
//! A reader asks for the elements that it knows and gets values or nothing, so one pass finds all faults. An element that is
//! empty or null counts as not sent (FHIR R4 section 2.6.2 forbids it, and systems send it). Deliberately not here: which
//! elements a resource has.

use super::fault::{Class, Fault, Issue, Severity};
use super::json::{Json, Object};
use super::notes::{Notes, Path, fault_at};
use super::shape;

const NO_TEXT: &str = "A text is expected here: send it in quotes, alone and not as a list";
const NO_FLAG: &str = "Yes or no is expected here: send true or false, without quotes";
const NO_NUMBER: &str = "A number is expected here: send it without quotes";
const NO_OBJECT: &str = "One element with parts is expected here: send it in braces, alone and not as a list";
const NO_LIST: &str = "A list is expected here: send it in square brackets, even if it has one part";
const TWICE: &str = "A name stands twice in this element, so it is not clear what is meant: send each name once";
const UNKNOWN_CODE: &str = "This code is none of the list for it in FHIR R4. Codes are case-sensitive";
/// Why what may turn a meaning round is refused.
pub const MODIFIER: &str =
    "An extension here may turn the meaning round, and this door does not know it: send the request without it";
const RULES: &str = "The request follows rules of its own that this door does not know: send it without implicitRules";

/// An element with parts. PHI: no `Debug`.
#[derive(Clone)]
pub struct Element<'t> {
    object: &'t Object<'t>,
    path: Path,
    notes: &'t Notes,
    is_contained: bool,
}

impl<'t> Element<'t> {
    /// An object at a place.
    #[must_use]
    pub fn new(object: &'t Object<'t>, path: Path, notes: &'t Notes) -> Self {
        let element = Self { object, path, notes, is_contained: false };
        if let Some(name) = object.doubled() {
            element.error(shape::named(name).unwrap_or_default(), Issue::Structure, Class::Malformed, TWICE);
        }
        element
    }

    /// A whole resource: also what a reader has to understand or refuse (FHIR R4 sections 2.4.1.1 and 2.27.1).
    #[must_use]
    pub fn resource(object: &'t Object<'t>, path: Path, notes: &'t Notes) -> Self {
        let element = Self::new(object, path, notes);
        element.refuse_modifiers();
        if element.child("meta").is_some_and(|meta| meta.has("profile")) {
            notes.oddity("profile_not_checked");
        }
        if element.has("implicitRules") {
            element.error("implicitRules", Issue::NotSupported, Class::Rule, RULES);
        }
        element
    }

    /// The resources inside it.
    #[must_use]
    pub fn contained(&self) -> Vec<Self> {
        let inside = self.children("contained").into_iter();
        inside
            .map(|inside| Self { is_contained: true, ..Self::resource(inside.object, inside.path, self.notes) })
            .collect()
    }

    /// How many resources are inside it, whatever they are.
    #[must_use]
    pub fn contained_count(&self) -> usize {
        self.contained_list().len()
    }

    /// The ids of the resources inside it, each with its place.
    pub fn contained_ids(&self) -> impl Iterator<Item = (&'t str, usize)> {
        self.contained_list().iter().enumerate().filter_map(|(at, inside)| match inside {
            Json::Object(inside) => match inside.get("id") {
                Some(Json::Text(id)) if !id.trim().is_empty() => Some((id.trim(), at)),
                _ => None,
            },
            _ => None,
        })
    }

    /// The resource inside it at a place.
    #[must_use]
    pub fn contained_at(&self, at: usize) -> Option<Self> {
        let Json::Object(inside) = self.contained_list().get(at)? else { return None };
        let inside = Self::resource(inside, self.path.item("contained", at), self.notes);
        Some(Self { is_contained: true, ..inside })
    }

    fn contained_list(&self) -> &'t [Json<'t>] {
        match self.object.get("contained") {
            Some(Json::List(list)) => list,
            _ => &[],
        }
    }

    /// Whether it is, or belongs to, a resource inside another one.
    #[must_use]
    pub fn is_contained(&self) -> bool {
        self.is_contained
    }

    /// Refuses extensions that may turn the meaning of the element round, wherever one that is read bears them.
    fn refuse_modifiers(&self) {
        if self.has("modifierExtension") {
            self.error("modifierExtension", Issue::Extension, Class::Rule, MODIFIER);
        }
    }

    /// Where it stands.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Where faults are noted.
    #[must_use]
    pub fn notes(&self) -> &'t Notes {
        self.notes
    }

    /// Its members as they were sent.
    #[must_use]
    pub fn object(&self) -> &'t Object<'t> {
        self.object
    }

    /// The type of the resource that it is; empty: it does not say.
    #[must_use]
    pub fn kind(&self) -> &'t str {
        match self.object.get("resourceType") {
            Some(Json::Text(kind)) => kind,
            _ => "",
        }
    }

    /// Whether something was sent under a name.
    #[must_use]
    pub fn has(&self, name: &'static str) -> bool {
        self.value(name).is_some()
    }

    /// Whether it has any part with one of these names.
    #[must_use]
    pub fn has_any(&self, names: &[&'static str]) -> bool {
        names.iter().any(|name| self.has(name))
    }

    /// What was sent under a name; what is empty was not.
    fn value(&self, name: &'static str) -> Option<&'t Json<'t>> {
        let value = self.object.get(name)?;
        let is_empty = match value {
            Json::Null => true,
            Json::Text(text) => text.trim_ascii().is_empty(),
            Json::List(values) => values.is_empty(),
            Json::Object(object) => object.members().next().is_none(),
            Json::Bool(_) | Json::Number(_) => false,
        };
        if is_empty {
            self.notes.oddity("empty_element");
            return None;
        }
        Some(value)
    }

    /// A text, without blanks around it.
    #[must_use]
    pub fn text(&self, name: &'static str) -> Option<&'t str> {
        match self.value(name)? {
            Json::Text(text) => Some(text.trim()),
            _ => self.malformed(name, NO_TEXT),
        }
    }

    /// Yes or no.
    #[must_use]
    pub fn flag(&self, name: &'static str) -> Option<bool> {
        match self.value(name)? {
            Json::Bool(is) => Some(*is),
            _ => self.malformed(name, NO_FLAG),
        }
    }

    /// A number, as it was written.
    #[must_use]
    pub fn number(&self, name: &'static str) -> Option<&'t str> {
        match self.value(name)? {
            Json::Number(digits) => Some(digits),
            _ => self.malformed(name, NO_NUMBER),
        }
    }

    /// An element below.
    #[must_use]
    pub fn child(&self, name: &'static str) -> Option<Self> {
        match self.value(name)? {
            Json::Object(object) => Some(self.part(object, self.path.down(name))),
            _ => self.malformed(name, NO_OBJECT),
        }
    }

    /// The elements of a list below.
    #[must_use]
    pub fn children(&self, name: &'static str) -> Vec<Self> {
        let Some(value) = self.value(name) else { return Vec::new() };
        let Json::List(values) = value else {
            let _: Option<()> = self.malformed(name, NO_LIST);
            return Vec::new();
        };
        let mut children = Vec::with_capacity(values.len());
        for (index, value) in values.iter().enumerate() {
            let path = self.path.item(name, index);
            match value {
                Json::Object(object) => children.push(self.part(object, path)),
                _ => self.notes.fault(fault_at(&path, Issue::Structure, Class::Malformed, NO_OBJECT)),
            }
        }
        children
    }

    /// The texts of a list below.
    #[must_use]
    pub fn texts(&self, name: &'static str) -> Vec<&'t str> {
        let Some(value) = self.value(name) else { return Vec::new() };
        let Json::List(values) = value else {
            let _: Option<()> = self.malformed(name, NO_LIST);
            return Vec::new();
        };
        let mut texts = Vec::with_capacity(values.len());
        for (index, value) in values.iter().enumerate() {
            match value {
                Json::Text(text) => texts.push(text.trim()),
                // In its place stands an extension of the sibling list.
                Json::Null => {}
                _ => {
                    let path = self.path.item(name, index);
                    self.notes.fault(fault_at(&path, Issue::Structure, Class::Malformed, NO_TEXT));
                }
            }
        }
        texts
    }

    /// A code that steers what is done: one of a list, or it is refused.
    #[must_use]
    pub fn code(&self, name: &'static str, list: &[&'static str]) -> Option<&'static str> {
        let told = self.text(name)?;
        let known = list.iter().find(|code| **code == told).copied();
        if known.is_none() {
            self.error(name, Issue::CodeInvalid, Class::Malformed, UNKNOWN_CODE);
        }
        known
    }

    /// A code without which all goes on: one of a list, or it is told.
    #[must_use]
    pub fn mild_code(&self, name: &'static str, list: &[&'static str]) -> Option<&'static str> {
        let told = self.text(name)?;
        let known = list.iter().find(|code| **code == told).copied();
        if known.is_none() {
            self.warn(name, Issue::CodeInvalid, UNKNOWN_CODE);
        }
        known
    }

    /// Notes that the request is refused for something; an empty name: for the element itself.
    pub fn error(&self, name: &'static str, issue: Issue, class: Class, words: &'static str) {
        self.notes.fault(fault_at(&self.below(name), issue, class, words));
    }

    /// Notes what the sender should know.
    pub fn warn(&self, name: &'static str, issue: Issue, words: &'static str) {
        let fault = fault_at(&self.below(name), issue, Class::Rule, words);
        self.notes.fault(Fault { severity: Severity::Warning, ..fault });
    }

    /// Notes that something must be there.
    pub fn missing(&self, name: &'static str, class: Class, words: &'static str) {
        self.error(name, Issue::Required, class, words);
    }

    fn part(&self, object: &'t Object<'t>, path: Path) -> Self {
        let part = Self { is_contained: self.is_contained, ..Self::new(object, path, self.notes) };
        part.refuse_modifiers();
        part
    }

    fn below(&self, name: &'static str) -> Path {
        if name.is_empty() { self.path.clone() } else { self.path.down(name) }
    }

    fn malformed<T>(&self, name: &'static str, words: &'static str) -> Option<T> {
        self.error(name, Issue::Structure, Class::Malformed, words);
        None
    }
}

#[cfg(test)]
mod tests {
    use super::super::json;
    use super::*;

    fn noted(text: &str, look: impl Fn(&Element<'_>)) -> Vec<(String, &'static str)> {
        let (json, notes) = (json::read(text.as_bytes()).expect("JSON"), Notes::default());
        let Json::Object(object) = &json else { panic!("no object") };
        look(&Element::resource(object, Path::of("Patient"), &notes));
        let (faults, _) = notes.into_parts();
        faults.into_iter().map(|fault| (fault.expression, fault.issue.code())).collect()
    }

    #[test]
    fn values_of_another_type_are_faults_with_their_place_and_reading_goes_on() {
        let text = r#"{"active":"yes","birthDate":1968,"name":{"family":"Doe"},"maritalStatus":[],"telecom":["x",{}],"given":[1,null,"Jo"]}"#;
        let faults = noted(text, |patient| {
            assert!(patient.flag("active").is_none() && patient.text("birthDate").is_none());
            assert!(patient.children("name").is_empty() && patient.child("maritalStatus").is_none());
            assert_eq!((patient.children("telecom").len(), patient.texts("given")), (1, vec!["Jo"]));
            assert!(patient.number("multipleBirthInteger").is_none());
        });
        let places: Vec<&str> = faults.iter().map(|(place, _)| place.as_str()).collect();
        assert_eq!(
            places,
            ["Patient.active", "Patient.birthDate", "Patient.name", "Patient.telecom[0]", "Patient.given[0]"]
        );
        assert!(faults.iter().all(|(_, issue)| *issue == "structure"));
    }

    #[test]
    fn what_must_be_understood_or_refused_is_refused() {
        for (text, place) in [
            (r#"{"modifierExtension":[{"url":"x"}]}"#, "Patient.modifierExtension"),
            (r#"{"implicitRules":"x"}"#, "Patient.implicitRules"),
            (r#"{"active":true,"active":false}"#, "Patient.active"),
            (r#"{"Testpatient":true,"Testpatient":false}"#, "Patient"),
        ] {
            assert_eq!(noted(text, |_| ())[0].0, place);
        }
        assert!(noted(r#"{"extension":[{"url":"x"}],"modifierExtension":[]}"#, |_| ()).is_empty());
        let below = r#"{"contact":[{"modifierExtension":[{"url":"x"}]}],"link":{"modifierExtension":[{"url":"x"}]}}"#;
        let places = noted(below, |patient| {
            assert!(patient.children("contact").len() == 1 && patient.child("link").is_some());
        });
        let expected = ["Patient.contact[0].modifierExtension", "Patient.link.modifierExtension"];
        assert_eq!(places, expected.map(|place| (place.to_owned(), "extension")));
    }
}
