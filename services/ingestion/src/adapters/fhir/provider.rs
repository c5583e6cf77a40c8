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
    let number = identifiers(element).into_iter().find(|(number, _)| NPI.contains(&number.system))?.0.value;
    if is_npi(number) {
        return Some(number);
    }
    element.warn("identifier", Issue::BusinessRule, WRONG_NPI);
    element.notes().oddity("npi");
    None
}

/// Ten digits whose last one is the Luhn check digit after the prefix 80840 of health care in the US (45 CFR 162.406).
fn is_npi(number: &str) -> bool {
    if number.len() != 10 || !number.bytes().all(|byte| byte.is_ascii_digit()) {
        return false;
    }
    let digits = "80840".bytes().chain(number.bytes()).map(|byte| u32::from(byte - b'0'));
    // Fifteen digits: each second one from the right, the check digit not counted, is doubled.
    let weigh = |(at, digit): (usize, u32)| match at % 2 {
        1 if digit > 4 => digit * 2 - 9,
        1 => digit * 2,
        _ => digit,
    };
    digits.enumerate().map(weigh).sum::<u32>() % 10 == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_provider_number_is_known_by_its_check_digit() {
        for right in ["1234567893", "1987000019", "1987000027"] {
            assert!(is_npi(right), "{right}");
        }
        for wrong in ["1234567890", "1234567839", "123456789", "12345678933", "123456789X", "", "１２３４５６７８９３"]
        {
            assert!(!is_npi(wrong), "{wrong}");
        }
    }
}
