//! People: the patient, and who speaks for a child (FHIR R4 Patient, RelatedPerson).
//!
//! Deliberately not here: how names and ways to reach somebody are read (person).

use std::borrow::Cow;

use jiff::civil::Date;

use super::concept::{Concept, identifiers};
use super::date::Day;
use super::element::Element;
use super::fault::{Class, Issue};
use super::person::{Reaches, address, contact, name, words};
use crate::domain::referral::{Contact, Told, is_minor, is_possible_birth, language, put};

const GENDERS: [&str; 4] = ["male", "female", "other", "unknown"];
const INTERPRETER: &str = "http://hl7.org/fhir/StructureDefinition/patient-interpreterRequired";

const NO_NAME: &str = "Patient name is missing: send family and given name";
const NO_WAY: &str = "Nothing tells the patient from others of that name: send the birth date or a phone number";
const NO_DATE: &str = "This is no date: send it as YYYY-MM-DD, or the year or month alone";
const IMPOSSIBLE: &str = "Date of birth is not possible: check it and send the referral anew";
const INEXACT: &str = "The birth date is not told to the day; a person will ask for it";
const DECEASED: &str = "The patient is told to have died; a person will look before anybody calls";

/// A patient. PHI: no `Debug`.
pub struct Patient<'t> {
    /// How to reach them.
    pub own: Contact,
    /// Whether they are surely a child.
    pub is_minor: bool,
    /// Whether they are told to be a woman.
    pub is_female: bool,
    /// Their language, as far as it is told.
    pub language: String,
    element: Element<'t>,
    birth: Option<Day>,
    today: Date,
}

impl<'t> Patient<'t> {
    /// Reads a patient and tells what is missing.
    #[must_use]
    pub fn read(element: &Element<'t>, today: Date) -> Self {
        let own = contact(element, name(element, today), today);
        if own.name.is_empty() {
            element.missing("name", Class::Rule, NO_NAME);
        }
        if !element.has("birthDate") && own.phone.is_empty() && own.email.is_empty() {
            element.missing("birthDate", Class::Rule, NO_WAY);
        }
        let birth = birth(element, today);
        let spoken = element.children("communication");
        let preferred = spoken.iter().find(|one| one.flag("preferred") == Some(true)).or_else(|| spoken.first());
        Self {
            own,
            is_minor: is_minor(birth.map(|day| day.earliest()), today),
            is_female: element.mild_code("gender", &GENDERS) == Some("female"),
            language: preferred.map(|one| tongue(&Concept::below(one, "language"))).unwrap_or_default(),
            element: element.clone(),
            birth,
            today,
        }
    }

    /// The resource itself.
    #[must_use]
    pub fn element(&self) -> &Element<'t> {
        &self.element
    }

    /// Whether one of its numbers is this one, whoever gave either.
    #[must_use]
    pub fn bears(&self, value: &str) -> bool {
        identifiers(&self.element).iter().any(|(number, ..)| number.value == value)
    }

    /// The first who is told beside them with a name, and how they belong together.
    #[must_use]
    pub fn beside(&self) -> Option<(Contact, Concept<'t>)> {
        let told = self.element.children("contact");
        let mut people = told.iter().map(|person| {
            let name = person.child("name").map(|name| words(&name)).unwrap_or_default();
            (contact(person, name, self.today), related(person))
        });
        people.find(|(person, _)| !person.name.is_empty())
    }

    /// Whether two records tell of the same person, as far as they tell.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        let birth = |patient: &Self| patient.birth.map(|day| day.earliest());
        self.own.name == other.own.name && birth(self) == birth(other)
    }

    /// What staff want to see beside the form's answers.
    pub fn around(&self, answers: &mut Told) {
        // What can't be read to the day stays as it was told, for a person to mend.
        put(answers, "birth_date", Cow::Borrowed(self.element.text("birthDate").unwrap_or_default()));
        put(answers, "sex", Cow::Borrowed(self.element.text("gender").unwrap_or_default()));
        let numbers = identifiers(&self.element);
        let record = numbers.iter().find(|(_, kind, _)| kind.has("v2-0203", &["MR"])).or_else(|| numbers.first());
        put(answers, "office_record_number", Cow::Borrowed(record.map_or("", |(number, ..)| number.value)));
        if record.is_none() {
            self.element.notes().oddity("no_record_number");
        }
        put(answers, "address", Cow::Owned(address(&self.element, self.today)));
        let second = Reaches::of(&self.element, self.today).phones.into_iter().nth(1);
        put(answers, "second_phone", Cow::Owned(second.unwrap_or_default()));
        let extensions = self.element.children("extension");
        if extensions.iter().any(|one| one.text("url") == Some(INTERPRETER) && one.flag("valueBoolean") == Some(true)) {
            put(answers, "interpreter", Cow::Borrowed("yes"));
        }
        if self.element.flag("deceasedBoolean") == Some(true) || self.element.has("deceasedDateTime") {
            self.element.warn("", Issue::BusinessRule, DECEASED);
            put(answers, "patient_deceased", Cow::Borrowed("yes"));
        }
    }
}

/// How somebody belongs to the patient.
#[must_use]
pub fn related<'t>(person: &Element<'t>) -> Concept<'t> {
    person.children("relationship").first().map(Concept::of).unwrap_or_default()
}

fn birth(element: &Element<'_>, today: Date) -> Option<Day> {
    let told = element.text("birthDate")?;
    let Some(day) = Day::parse(told) else {
        element.error("birthDate", Issue::Value, Class::Malformed, NO_DATE);
        return None;
    };
    if !is_possible_birth(day.earliest(), today) {
        element.error("birthDate", Issue::Value, Class::Rule, IMPOSSIBLE);
    } else if day.date().is_none() {
        element.warn("birthDate", Issue::Value, INEXACT);
        element.notes().oddity("birth_date");
    }
    Some(day)
}

/// The primary tag of a language, told as `es` or `es-MX`.
fn tongue(told: &Concept<'_>) -> String {
    let code = told.codings.first().map(|coding| coding.code).unwrap_or_default();
    language(code.split('-').next().unwrap_or_default(), told.words())
}
