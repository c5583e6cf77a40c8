//! Who refers and who is asked for: a doctor in a role at an office (FHIR R4 Practitioner, PractitionerRole, Organization).
//!
//! A wrong provider number is told and not refused: the office is known by its key, and a person can ask. Deliberately not
//! here: which office may send (the center's feeds).

use std::borrow::Cow;

use jiff::civil::Date;

use super::concept::identifiers;
use super::element::Element;
use super::fault::Issue;
use super::person::{Reaches, name};
use super::reference::{Resolver, Target};
use crate::domain::npi;
use crate::domain::referral::{Told, put};

const NPI: [&str; 2] = ["http://hl7.org/fhir/sid/us-npi", "urn:oid:2.16.840.1.113883.4.6"];
const WRONG_NPI: &str = "The check digit of this provider number (NPI) is wrong; the referral is taken without it";
const NOBODY: &str = "Nothing tells who refers; a person will ask the office";

/// Under which keys a provider is told.
#[derive(Clone, Copy)]
struct Keys {
    doctor: &'static str,
    number: &'static str,
    practice: &'static str,
    phone: &'static str,
    fax: &'static str,
}

const REFERRING: Keys = Keys {
    doctor: "referring_doctor",
    number: "referring_npi",
    practice: "referring_practice",
    phone: "referring_phone",
    fax: "referring_fax",
};
const REQUESTED: Keys = Keys {
    doctor: "requested_doctor",
    number: "requested_npi",
    practice: "requested_practice",
    phone: "requested_phone",
    fax: "requested_fax",
};

const MAY: [&str; 6] = ["Practitioner", "PractitionerRole", "Organization", "Patient", "RelatedPerson", "Device"];
const MAY_PERFORM: [&str; 8] = [
    "Practitioner",
    "PractitionerRole",
    "Organization",
    "CareTeam",
    "HealthcareService",
    "Patient",
    "Device",
    "RelatedPerson",
];

/// Reads who refers, and who is asked for, as far as it is told.
pub fn read(request: &Element<'_>, resolver: &Resolver<'_, '_>, today: Date, answers: &mut Told) {
    if request.has("requester") {
        of(resolver.one(request, "requester", &MAY), resolver, (&REFERRING, today), answers);
    } else {
        request.warn("requester", Issue::Required, NOBODY);
    }
    for target in resolver.many(request, "performer", &MAY_PERFORM) {
        let mut one = Told::new();
        of(target, resolver, (&REQUESTED, today), &mut one);
        for (key, told) in one {
            answers.entry(key).and_modify(|before| *before = format!("{before}; {told}")).or_insert(told);
        }
    }
}

fn of(target: Target<'_>, resolver: &Resolver<'_, '_>, (keys, today): (&Keys, Date), answers: &mut Told) {
    let found = match target {
        Target::Found(found) => found,
        Target::Named { display, .. } => return put(answers, keys.doctor, Cow::Borrowed(display)),
        Target::Nowhere => return,
    };
    match found.kind() {
        "PractitionerRole" => role(&found, resolver, (keys, today), answers),
        "Practitioner" => practitioner(&found, (keys, today), answers),
        "Organization" => organization(&found, (keys, today), answers),
        "HealthcareService" | "CareTeam" => {
            put(answers, keys.doctor, Cow::Borrowed(found.text("name").unwrap_or_default()));
        }
        _ => {}
    }
}

/// Checks a resource that tells who refers where it is sent alone, without those that it names.
pub fn alone(resource: &Element<'_>, today: Date) {
    let (mut answers, told) = (Told::new(), (&REFERRING, today));
    match resource.kind() {
        "Practitioner" => practitioner(resource, told, &mut answers),
        "Organization" => organization(resource, told, &mut answers),
        _ => reaches(resource, told, &mut answers),
    }
}

/// The doctor's own phone before that of the role, and that before the office's.
fn role(role: &Element<'_>, resolver: &Resolver<'_, '_>, told: (&Keys, Date), answers: &mut Told) {
    let own = resolver.within(role);
    match own.one(role, "practitioner", &["Practitioner"]) {
        Target::Found(doctor) => practitioner(&doctor, told, answers),
        Target::Named { display, .. } => put(answers, told.0.doctor, Cow::Borrowed(display)),
        Target::Nowhere => {}
    }
    reaches(role, told, answers);
    match own.one(role, "organization", &["Organization"]) {
        Target::Found(office) => organization(&office, told, answers),
        Target::Named { display, .. } => put(answers, told.0.practice, Cow::Borrowed(display)),
        Target::Nowhere => {}
    }
}

fn practitioner(doctor: &Element<'_>, (keys, today): (&Keys, Date), answers: &mut Told) {
    put(answers, keys.doctor, Cow::Owned(name(doctor, today)));
    reaches(doctor, (keys, today), answers);
    if let Some(number) = npi(doctor) {
        put(answers, keys.number, Cow::Borrowed(number));
    }
}

fn organization(office: &Element<'_>, told: (&Keys, Date), answers: &mut Told) {
    put(answers, told.0.practice, Cow::Borrowed(office.text("name").unwrap_or_default()));
    reaches(office, told, answers);
    // Only its check digit is looked at.
    let _ = npi(office);
}

/// Phone and fax, where none was told before.
fn reaches(element: &Element<'_>, (keys, today): (&Keys, Date), answers: &mut Told) {
    let reaches = Reaches::of(element, today);
    for (key, told) in [(keys.phone, reaches.phone()), (keys.fax, reaches.fax)] {
        if !answers.contains_key(key) {
            put(answers, key, Cow::Owned(told));
        }
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
