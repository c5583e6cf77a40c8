//! Who refers: a doctor in a role at an office (FHIR R4 Practitioner, PractitionerRole, Organization).
//!
//! A wrong provider number is told and not refused: the office is known by its key, and a person can ask. Deliberately not
//! here: which office may send (the center's feeds).

use std::borrow::Cow;

use super::concept::identifiers;
use super::element::Element;
use super::fault::Issue;
use super::patient::{contact, name};
use super::reference::{Resolver, Target};
use crate::domain::npi;
use crate::domain::referral::{Told, put};

const NPI: [&str; 2] = ["http://hl7.org/fhir/sid/us-npi", "urn:oid:2.16.840.1.113883.4.6"];
const WRONG_NPI: &str = "The check digit of this provider number (NPI) is wrong; the referral is taken without it";
const NOBODY: &str = "Nothing tells who refers; a person will ask the office";

/// Reads who refers, as far as it is told.
pub fn read(request: &Element<'_>, resolver: &Resolver<'_, '_>, answers: &mut Told) {
    const MAY: [&str; 6] = ["Practitioner", "PractitionerRole", "Organization", "Patient", "RelatedPerson", "Device"];
    if !request.has("requester") {
        return request.warn("requester", Issue::Required, NOBODY);
    }
    match resolver.one(request, "requester", &MAY) {
        Target::Found(found) => of(&found, resolver, answers),
        Target::Named { display, .. } => put(answers, "referring_doctor", Cow::Borrowed(display)),
        Target::Nowhere => {}
    }
}

fn of(found: &Element<'_>, resolver: &Resolver<'_, '_>, answers: &mut Told) {
    match found.kind() {
        "PractitionerRole" => role(found, resolver, answers),
        "Practitioner" => practitioner(found, answers),
        "Organization" => organization(found, answers),
        _ => {}
    }
}

/// Checks a resource that tells who refers where it is sent alone, without those that it names.
pub fn alone(resource: &Element<'_>) {
    let mut answers = Told::new();
    match resource.kind() {
        "Practitioner" => practitioner(resource, &mut answers),
        "Organization" => organization(resource, &mut answers),
        _ => phone(resource, &mut answers),
    }
}

/// The doctor's own phone before that of the role, and that before the office's.
fn role(role: &Element<'_>, resolver: &Resolver<'_, '_>, answers: &mut Told) {
    let own = resolver.within(role);
    match own.one(role, "practitioner", &["Practitioner"]) {
        Target::Found(doctor) => practitioner(&doctor, answers),
        Target::Named { display, .. } => put(answers, "referring_doctor", Cow::Borrowed(display)),
        Target::Nowhere => {}
    }
    phone(role, answers);
    if let Some(office) = own.one(role, "organization", &["Organization"]).found() {
        organization(&office, answers);
    }
}

fn practitioner(doctor: &Element<'_>, answers: &mut Told) {
    put(answers, "referring_doctor", Cow::Owned(name(doctor)));
    phone(doctor, answers);
    if let Some(number) = npi(doctor) {
        put(answers, "referring_npi", Cow::Borrowed(number));
    }
}

fn organization(office: &Element<'_>, answers: &mut Told) {
    put(answers, "referring_practice", Cow::Borrowed(office.text("name").unwrap_or_default()));
    phone(office, answers);
    // Only its check digit is looked at.
    let _ = npi(office);
}

fn phone(element: &Element<'_>, answers: &mut Told) {
    if !answers.contains_key("referring_phone") {
        put(answers, "referring_phone", Cow::Owned(contact(element, String::new()).phone));
    }
}

/// The provider number, if its check digit is right.
fn npi<'t>(element: &Element<'t>) -> Option<&'t str> {
    let number = identifiers(element).into_iter().find(|(number, ..)| NPI.contains(&number.system))?.0.value;
    if npi::is_sound(number) {
        return Some(number);
    }
    element.warn("identifier", Issue::BusinessRule, WRONG_NPI);
    element.notes().oddity("npi");
    None
}
