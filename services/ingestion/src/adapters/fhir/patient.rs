//! People: the patient, and who speaks for a child (FHIR R4 Patient, RelatedPerson).
//!
//! Deliberately not here: whether a phone number or an address is a good one (the funnel's contact).

use std::borrow::Cow;

use jiff::civil::Date;

use super::concept::{Concept, identifiers};
use super::date::Day;
use super::element::Element;
use super::fault::{Class, Issue};
use crate::domain::referral::{Contact, Told, is_minor, is_possible_birth, joined, language, put};

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
}

impl<'t> Patient<'t> {
    /// Reads a patient and tells what is missing.
    #[must_use]
    pub fn read(element: &Element<'t>, today: Date) -> Self {
        let own = contact(element, name(element));
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
        }
    }

    /// Who speaks for them, of those that are told in the patient.
    #[must_use]
    pub fn guardian(&self) -> Option<Contact> {
        let told = self.element.children("contact");
        let mut people = told.iter().map(|person| {
            let name = person.child("name").map(|name| words(&name)).unwrap_or_default();
            contact(person, name)
        });
        people.find(|person| !person.name.is_empty())
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
        let address = self.element.children("address").iter().map(address).find(|address| !address.is_empty());
        put(answers, "address", Cow::Owned(address.unwrap_or_default()));
        let extensions = self.element.children("extension");
        if extensions.iter().any(|one| one.text("url") == Some(INTERPRETER) && one.flag("valueBoolean") == Some(true)) {
            put(answers, "interpreter", Cow::Borrowed("yes"));
        }
        if self.element.flag("deceasedBoolean") == Some(true) || self.element.has("deceasedDateTime") {
            self.element.warn("", Issue::BusinessRule, DECEASED);
            put(answers, "deceased", Cow::Borrowed("yes"));
        }
    }
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

/// The name that a resource's person goes by: the official one, else a usual one, else the first that is not old.
#[must_use]
pub fn name(element: &Element<'_>) -> String {
    let names = element.children("name");
    let rank = |name: &Element<'_>| match name.text("use") {
        Some("official") => 0,
        Some("usual") => 1,
        Some("old" | "maiden") => 3,
        _ => 2,
    };
    let best = names.iter().filter(|name| name.has_any(&["family", "given", "text"])).min_by_key(|name| rank(name));
    best.map(words).unwrap_or_default()
}

/// A name as people write it.
fn words(name: &Element<'_>) -> String {
    let mut parts: Vec<Cow<'_, str>> = name.texts("given").into_iter().map(Cow::Borrowed).collect();
    parts.extend(name.text("family").map(Cow::Borrowed));
    let whole = joined(&parts, " ");
    if whole.is_empty() { name.text("text").unwrap_or_default().to_owned() } else { whole }
}

/// The ways to reach somebody: a mobile before another phone, the higher rank before the lower, never a fax or an old one.
#[must_use]
pub fn contact(element: &Element<'_>, name: String) -> Contact {
    let (mut phones, mut email) = (Vec::new(), String::new());
    for point in element.children("telecom") {
        let value = point.text("value").unwrap_or_default();
        if value.is_empty() || point.text("use") == Some("old") {
            continue;
        }
        match point.text("system").unwrap_or_default() {
            "email" => first(&mut email, value),
            "phone" | "sms" | "" if value.contains('@') => first(&mut email, value),
            "phone" | "sms" | "" => {
                let rank = point.number("rank").and_then(|rank| rank.parse::<u32>().ok()).unwrap_or(u32::MAX);
                phones.push((point.text("use") != Some("mobile"), rank, value));
            }
            _ => {}
        }
    }
    let best = phones.iter().min_by_key(|(is_other, rank, _)| (*is_other, *rank));
    Contact { name, phone: best.map(|(_, _, value)| (*value).to_owned()).unwrap_or_default(), email }
}

fn first(target: &mut String, value: &str) {
    if target.is_empty() {
        value.clone_into(target);
    }
}

fn address(element: &Element<'_>) -> String {
    let mut parts = element.texts("line");
    parts.extend(["city", "state", "postalCode"].into_iter().filter_map(|name| element.text(name)));
    let parts: Vec<Cow<'_, str>> = parts.into_iter().map(Cow::Borrowed).collect();
    let whole = joined(&parts, ", ");
    if whole.is_empty() { element.text("text").unwrap_or_default().to_owned() } else { whole }
}

/// The primary tag of a language, told as `es` or `es-MX`.
fn tongue(told: &Concept<'_>) -> String {
    let code = told.codings.first().map(|coding| coding.code).unwrap_or_default();
    language(code.split('-').next().unwrap_or_default(), told.words())
}
