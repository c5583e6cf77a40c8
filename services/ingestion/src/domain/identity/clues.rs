//! What a person is found by: a few of their parts together, each under a kind of its own.
//!
//! A clue is hashed under a key before it is kept, so it must have too many values to be tried out one by one by who sees
//! hashes: a birth year alone is none. Deliberately not here: the keys (handlers) and how alike two are that share one (score).

use std::fmt::Write as _;

use causeway_funnel::inquiry::AskedBy;
use jiff::civil::Date;

use super::name::{Name, plain, sound};
use crate::domain::person::Person;

/// Changes when the same person would have other clues: then every person is read anew.
pub const VERSION: u32 = 3;

/// The parts of a person that are compared. PHI: no `Debug`.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Identity {
    /// Of the one who needs care; without parts where nobody said it.
    pub name: Name,
    /// As far as it could be read.
    pub birth_date: Option<Date>,
    /// E.164.
    pub phone: Option<String>,
    /// In lower case.
    pub email: Option<String>,
    /// The number under which an office knows the person, with the office's id before it.
    pub number: Option<String>,
    /// House number and postal code, or the whole line without signs.
    pub address: Option<String>,
}

/// A value that people are found by, still in clear. PHI: no `Debug`.
pub struct Clue {
    /// Keeps equal texts of unlike meaning apart.
    pub kind: &'static str,
    /// The parts.
    pub value: String,
}

/// Kind of the clue of the address of who asked, whoever that is.
pub const EMAIL_TO_FIND: &str = "email_to_find";

/// Kind of the clue of the number under which an office knows the person.
pub const NUMBER_CLUE: &str = "number";

/// Key under which the doors keep the number of a person at an office.
const NUMBER: &str = "office_record_number";

impl Identity {
    /// Reads a person as they were sealed; `office`: who referred them.
    #[must_use]
    pub fn of(person: &Person, office: &str) -> Self {
        let said = |text: &str| (!text.trim().is_empty()).then(|| text.to_owned());
        // A caregiver's address is no sign of the patient, but the one that was given for the patient is.
        let email = match person.asked_by {
            AskedBy::Patient => person.email.clone(),
            AskedBy::Caregiver => said(person.given("patient_email")),
            AskedBy::Office => said(person.given("patient_email")).or_else(|| person.email.clone()),
        };
        let number = said(person.given(NUMBER));
        Self {
            name: Name::parse(person.patient()),
            birth_date: person.birth_date,
            phone: person.phone.clone(),
            email: email.map(|email| email.trim().to_lowercase()),
            number: number.filter(|_| !office.is_empty()).map(|number| format!("{office}|{}", plain(&number))),
            address: address(person.given("address")),
        }
    }

    /// What others of the same center are found by: exact ones first.
    #[must_use]
    pub fn clues(&self) -> Vec<Clue> {
        let mut clues = Vec::with_capacity(8);
        let mut put = |kind, value| clues.push(Clue { kind, value });
        if let (Some(birth), true) = (self.birth_date, self.name.is_whole()) {
            put("name_birth", self.name_and_birth(birth));
        }
        self.phone.iter().for_each(|phone| put("phone", phone.clone()));
        self.email.iter().for_each(|email| put("email", email.clone()));
        self.number.iter().for_each(|number| put(NUMBER_CLUE, number.clone()));
        if let Some(birth) = self.birth_date {
            if self.name.is_whole() {
                let sounds = (sound(self.name.long_first()), sound(self.name.family()));
                put("sound_year", format!("{}|{}|{}", sounds.0, sounds.1, birth.year()));
            }
            if let Some(initial) = self.name.first.chars().next() {
                put("birth_initial", format!("{}|{initial}", either_order(birth)));
            }
        }
        self.address.iter().for_each(|address| put("address", format!("{address}|{}", self.name.family())));
        clues
    }

    /// What somebody of the staff finds an inquiry by who knows a name: the sound of the first name and of each of the others, of
    /// whom it is about and of who asked; and the address of who asked. It is no sign that two inquiries are one person's.
    #[must_use]
    pub fn clues_to_find(person: &Person) -> Vec<Clue> {
        let mut clues = Vec::new();
        for name in [person.patient(), person.caregiver()] {
            clues.extend(sounds(&Name::parse(name)));
        }
        let address = person.email.iter().map(|email| email.trim().to_lowercase());
        clues.extend(address.map(|value| Clue { kind: EMAIL_TO_FIND, value }));
        clues
    }

    /// What a sister center recognises the person by: always with the birth date and something of the name.
    #[must_use]
    pub fn clues_for_sisters(&self) -> Vec<Clue> {
        let Some(birth) = self.birth_date else { return Vec::new() };
        let mut clues = Vec::new();
        if self.name.is_whole() {
            clues.push(Clue { kind: "name_birth", value: self.name_and_birth(birth) });
        }
        if let Some(initial) = self.name.first.chars().next() {
            let mut with_birth = |kind, value: &str| {
                clues.push(Clue { kind, value: format!("{value}|{}|{initial}", either_order(birth)) });
            };
            self.phone.iter().for_each(|phone| with_birth("phone_birth", phone));
            self.email.iter().for_each(|email| with_birth("email_birth", email));
        }
        clues
    }

    /// The long first name, the last family name, the birth date: in whatever form, order and case they came.
    fn name_and_birth(&self, birth: Date) -> String {
        format!("{}|{}|{}", self.name.long_first(), self.name.family(), either_order(birth))
    }
}

/// The clues of a name that was typed to find somebody: as it is, and with the family name first.
#[must_use]
pub fn clues_of_a_name(typed: &Name) -> Vec<Clue> {
    let mut clues = sounds(typed);
    for first in &typed.rest {
        clues.extend(sounds(&Name { first: first.clone(), rest: vec![typed.first.clone()], suffix: None }));
    }
    clues
}

fn sounds(name: &Name) -> Vec<Clue> {
    let first = sound(name.long_first());
    // A letter is an initial and tells nobody.
    let others = name.rest.iter().filter(|word| word.chars().count() > 1);
    let clue = |word: &String| Clue { kind: "name_sound", value: format!("{first}|{}", sound(word)) };
    if name.is_whole() { others.map(clue).collect() } else { Vec::new() }
}

/// A date as it is, and the same text for the one whose day and month are exchanged.
fn either_order(date: Date) -> String {
    let (month, day) = (date.month(), date.day());
    let (low, high) = if day <= 12 && day < month { (day, month) } else { (month, day) };
    format!("{:04}-{low:02}-{high:02}", date.year())
}

/// House number and postal code tell a door; without both, the whole of it without signs.
fn address(line: &str) -> Option<String> {
    let plain = plain(line);
    let words: Vec<&str> = plain.split_whitespace().collect();
    if words.len() < 2 {
        return None;
    }
    let is_number = |word: &&&str| word.bytes().all(|byte| byte.is_ascii_digit());
    let postal = words.iter().skip(1).filter(|word| word.len() == 5).rfind(is_number);
    let mut text = String::new();
    match (words.first().filter(|word| is_number(word)), postal) {
        (Some(house), Some(postal)) => {
            let street = words.get(1).copied().unwrap_or_default();
            let _ = write!(text, "{house}|{street}|{postal}");
        }
        _ => text = words.join(" "),
    }
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    fn found(typed: &str, name: &str) -> bool {
        let of = |clues: Vec<Clue>| clues.into_iter().map(|clue| clue.value).collect::<Vec<_>>();
        let (typed, known) = (of(clues_of_a_name(&Name::parse(typed))), of(sounds(&Name::parse(name))));
        typed.iter().any(|clue| known.contains(clue))
    }

    #[test]
    fn a_name_is_found_in_any_order_by_a_short_form_by_its_sound_and_by_one_of_two_family_names() {
        for typed in ["Guadalupe Testpatient Lopez", "Testpatient, Lupe", "lopez guadalupe", "LUPITA TESTPATIENT"] {
            assert!(found(typed, "Guadalupe Testpatient Lopez"), "{typed}");
        }
        assert!(found("Kathryn Smyth", "Katherine Smith"), "as it is heard on the phone");
        for typed in ["Guadalupe", "Testpatient", "Guadalupe Q", "Marta Testpatient", "Lupe Otherperson", ""] {
            assert!(!found(typed, "Guadalupe Testpatient Lopez"), "{typed}");
        }
    }

    fn someone(name: &str, birth: Option<Date>) -> Identity {
        Identity { name: Name::parse(name), birth_date: birth, ..Identity::default() }
    }

    fn value(identity: &Identity, kind: &str) -> Option<String> {
        identity.clues().into_iter().find(|clue| clue.kind == kind).map(|clue| clue.value)
    }

    #[test]
    fn one_person_written_in_many_ways_has_one_clue_of_name_and_birth() {
        let first = someone("Guadalupe Testpatient", Some(date(1961, 3, 4)));
        for (name, birth) in [
            ("TESTPATIENT, LUPE", date(1961, 3, 4)),
            ("Mrs. Lupita M. Testpatient", date(1961, 4, 3)),
            ("Guadalupe Téstpatient Jr", date(1961, 3, 4)),
        ] {
            assert!(value(&someone(name, Some(birth)), "name_birth") == value(&first, "name_birth"), "{name}");
        }
        assert!(
            value(&someone("Ana Testpatient", Some(date(1961, 3, 4))), "name_birth") != value(&first, "name_birth")
        );
    }

    #[test]
    fn nothing_that_few_values_exist_of_is_a_clue() {
        assert!(someone("Ana", None).clues().is_empty());
        assert!(someone("", Some(date(1961, 3, 4))).clues().is_empty());
        assert!(someone("Ana Testpatient", None).clues_for_sisters().is_empty());
        assert_eq!(address("Seattle"), None);
    }

    #[test]
    fn an_address_is_its_door() {
        let door = Some("1200|harbor|98101".to_owned());
        assert_eq!(address("1200 Harbor Avenue, Seattle, WA 98101"), door);
        assert_eq!(address("1200 HARBOR AVE., Seattle WA 98101-4321"), door);
    }
}
