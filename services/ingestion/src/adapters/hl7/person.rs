//! People in a message: names, ways to reach them, birth dates, and who speaks for a child.
//!
//! Phones and names stand in other places in each version and in each product, and all of them are looked at, because a
//! referral without a way to reach the patient helps nobody. Deliberately not here: whether a phone number or an address
//! is a good one (the funnel's contact).

use std::borrow::Cow;

use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::fault::{Code, Fault};
use super::message::Message;
use super::segment::{Repetition, Segment};
use super::time::When;
use crate::domain::referral::{Contact, is_possible_birth, joined};

/// The one patient of a message.
///
/// # Errors
/// There is none, or more than one.
pub fn patient<'a>(message: &Message<'a>) -> Result<Segment<'a>, Fault> {
    const NONE: Fault = Fault::at("PID", 0, Code::SegmentSequence, "The patient segment PID is missing");
    const MANY: Fault =
        Fault::at("PID", 0, Code::SegmentSequence, "One message must be about one patient: send a message for each");
    const MERGES: Fault = Fault::at(
        "PID",
        0,
        Code::SegmentSequence,
        "One message must be about one patient: send a message for each pair of PID and MRG",
    );
    match (message.count("PID"), message.segment("PID")) {
        (1, Some(patient)) => Ok(patient),
        (0, _) => Err(NONE),
        _ if message.count("MRG") > 1 => Err(MERGES),
        _ => Err(MANY),
    }
}

/// A name as people write it (XPN: family, given, second). Old systems put all of it into the first component.
#[must_use]
pub fn name(segment: &Segment<'_>, field: usize) -> String {
    written(&segment.field(field).first())
}

fn written(name: &Repetition<'_>) -> String {
    let part = |component: usize| name.component(component).subcomponent(1);
    joined(&[part(2), part(3), part(1)], " ")
}

/// Types of names that are another one than that by which somebody is called now: table 0200 alias, maiden, pseudonym, at birth.
const OTHER_NAMES: [&str; 4] = ["A", "M", "S", "B"];

/// The patient's name of several: of the types that are preferred, else the legal one, else the first that is no alias.
#[must_use]
pub fn patient_name(patient: &Segment<'_>, preferred: &[String]) -> String {
    let field = patient.field(5);
    let names = || field.repetitions().filter(|name| !written(name).is_empty());
    let of_kind =
        |wanted: &str| names().find(|name| name.component(7).text().trim_ascii().eq_ignore_ascii_case(wanted));
    let is_other = |name: &Repetition<'_>| {
        OTHER_NAMES.iter().any(|kind| name.component(7).text().trim_ascii().eq_ignore_ascii_case(kind))
    };
    let chosen = preferred.iter().find_map(|kind| of_kind(kind)).or_else(|| of_kind("L"));
    chosen
        .or_else(|| names().find(|name| !is_other(name)))
        .or_else(|| names().next())
        .map(|name| written(&name))
        .unwrap_or_default()
}

/// The ways to reach somebody, the first of each kind.
#[derive(Default)]
pub struct Reaches {
    cell: String,
    home: String,
    work: String,
    /// E-mail.
    pub email: String,
    /// Fax.
    pub fax: String,
}

impl Reaches {
    /// Reads the fields with these numbers.
    #[must_use]
    pub fn of(segment: &Segment<'_>, fields: &[usize]) -> Self {
        let mut found = Self::default();
        for number in fields.iter().flat_map(|field| segment.field(*field).repetitions()) {
            let (target, value) = match Reach::of(&number) {
                Reach::Email(address) => (&mut found.email, address),
                Reach::Cell(number) => (&mut found.cell, number),
                Reach::Phone(number) => (&mut found.home, number),
                Reach::Work(number) => (&mut found.work, number),
                Reach::Fax(number) => (&mut found.fax, number),
                Reach::No => continue,
            };
            if target.is_empty() {
                *target = value;
            }
        }
        found
    }

    /// Numbers to call, the best first: a cell phone, one at home, one at work.
    fn phones(&self) -> impl Iterator<Item = &String> {
        [&self.cell, &self.home, &self.work].into_iter().filter(|number| !number.is_empty())
    }

    /// The number to call.
    #[must_use]
    pub fn phone(&self) -> String {
        self.phones().next().cloned().unwrap_or_default()
    }

    /// The number to call where nobody answers.
    #[must_use]
    pub fn second_phone(&self) -> String {
        self.phones().nth(1).cloned().unwrap_or_default()
    }
}

/// Who somebody is and how to reach them, by the numbers of the fields that tell.
#[must_use]
pub fn contact(segment: &Segment<'_>, name_field: usize, phone_fields: &[usize]) -> Contact {
    let reaches = Reaches::of(segment, phone_fields);
    Contact { name: name(segment, name_field), phone: reaches.phone(), email: reaches.email }
}

/// What one XTN is good for.
enum Reach {
    Email(String),
    Cell(String),
    Phone(String),
    /// At work.
    Work(String),
    Fax(String),
    /// A pager, a modem, or nothing.
    No,
}

impl Reach {
    fn of(number: &Repetition<'_>) -> Self {
        let part = |component: usize| number.component(component).text();
        let address = [4, 1].into_iter().map(part).find(|text| text.contains('@'));
        if let Some(address) = address {
            return Self::Email(address.trim_ascii().to_owned());
        }
        let (equipment, dialled) = (part(3), dialled(&part));
        let is = |kind: &str| equipment.trim_ascii().eq_ignore_ascii_case(kind);
        match dialled {
            _ if ["BP", "MD", "INTERNET"].into_iter().any(is) => Self::No,
            number if number.is_empty() => Self::No,
            number if is("FX") => Self::Fax(number),
            number if is("CP") => Self::Cell(number),
            number if part(2).trim_ascii().eq_ignore_ascii_case("WPN") => Self::Work(number),
            number => Self::Phone(number),
        }
    }
}

/// Country, area and local number; else as it was typed, in the twelfth component or, before 2.3, in the first.
fn dialled<'a>(part: &impl Fn(usize) -> Cow<'a, str>) -> String {
    let local = part(7);
    if local.trim_ascii().is_empty() {
        return [part(12), part(1)]
            .iter()
            .map(|text| text.trim_ascii())
            .find(|text| !text.is_empty())
            .unwrap_or_default()
            .to_owned();
    }
    let country = part(5);
    let country = country.trim_ascii();
    let sign = if country.is_empty() || country.starts_with('+') { "" } else { "+" };
    joined(&[Cow::Owned(format!("{sign}{country}")), part(6), local], " ")
}

/// Who speaks for a child: the guarantor, else next of kin, whoever of them has a name.
#[must_use]
pub fn guardian(message: &Message<'_>) -> Option<Contact> {
    let guarantors = message.segments("GT1").map(|segment| contact(&segment, 3, &[6, 7]));
    let kin = message.segments("NK1").map(|segment| contact(&segment, 2, &[5, 6]));
    guarantors.chain(kin).find(|contact| !contact.name.is_empty())
}

/// A birth date as exact as it was told; none where it can't be read.
///
/// # Errors
/// It is impossible, so that this may be another person's message.
pub fn birth(patient: &Segment<'_>, zone: &TimeZone, today: Date) -> Result<Option<When>, Fault> {
    possible(&patient.value(7, 1), zone, today)
}

/// The same of a text.
///
/// # Errors
/// As above.
pub fn possible(told: &str, zone: &TimeZone, today: Date) -> Result<Option<When>, Fault> {
    const IMPOSSIBLE: Fault =
        Fault::at("PID", 7, Code::DataType, "Date of birth is not possible: check it and send the message anew");
    let Some(birth) = When::parse(told, zone) else {
        return if is_of_a_coming_year(told, today) { Err(IMPOSSIBLE) } else { Ok(None) };
    };
    if is_possible_birth(birth.earliest(), today) { Ok(Some(birth)) } else { Err(IMPOSSIBLE) }
}

/// Whether a date that can't be read lies in a year to come all the same: no other order of its eight digits is a date.
fn is_of_a_coming_year(told: &str, today: Date) -> bool {
    let told = told.trim();
    let year = told.get(..4).and_then(|year| year.parse::<i16>().ok());
    let is_whole = told.len() == 8 && told.bytes().all(|byte| byte.is_ascii_digit());
    is_whole && year.is_some_and(|year| year > today.year() && year < 2100)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::referral::is_minor;
    use jiff::civil::date;

    fn with<T>(segment: &str, read: impl Fn(&Segment<'_>) -> T) -> T {
        let text = format!("MSH|^~\\&|A\r{segment}\r");
        let message = Message::parse(&text).unwrap_or_else(|why| panic!("{why}"));
        let found = message.all().nth(1).unwrap();
        read(&found)
    }

    #[test]
    fn a_name_reads_as_people_write_it() {
        for (told, expected) in [
            ("Testpatient^Marisol^Q^^^^L", "Marisol Q Testpatient"),
            ("Van Hentenryck&van&Hentenryck^Jan", "Jan Van Hentenryck"),
            ("MARISOL TESTPATIENT", "MARISOL TESTPATIENT"),
            ("Doe^Jo~Alias^Jo", "Jo Doe"),
            (" ^ ", ""),
            ("\"\"", ""),
        ] {
            assert_eq!(with(&format!("PID|||||{told}"), |patient| name(patient, 5)), expected, "{told}");
        }
    }

    #[test]
    fn a_phone_is_found_wherever_it_stands_and_a_fax_is_none() {
        for (told, phone, email) in [
            ("^PRN^CP^^1^513^5550199~^NET^Internet^m@example.com", "+1 513 5550199", "m@example.com"),
            ("^PRN^PH^^1^513^5550100~^PRN^CP^^1^513^5550199", "+1 513 5550199", ""),
            ("(937)555-0111", "(937)555-0111", ""),
            ("^WPN^PH^^^^^^^^^(626)555-1234", "(626)555-1234", ""),
            ("^PRN^PH^^^270^6009800", "270 6009800", ""),
            ("^PRN^PH^^+52^55^1234", "+52 55 1234", ""),
            ("m@example.com^NET^Internet", "", "m@example.com"),
            ("^WPN^FX^^1^513^5550143~^BPN^BP^^^^911~^^^", "", ""),
        ] {
            let found = with(&format!("PID|||||||||||||{told}"), |patient| contact(patient, 5, &[13, 14]));
            assert_eq!((found.phone.as_str(), found.email.as_str()), (phone, email), "{told}");
        }
    }

    #[test]
    fn the_name_is_the_legal_one_and_an_alias_only_where_there_is_no_other() {
        let named = |told: &str, preferred: &[&str]| {
            let preferred: Vec<String> = preferred.iter().map(|kind| (*kind).to_owned()).collect();
            with(&format!("PID|||||{told}"), |patient| patient_name(patient, &preferred))
        };
        assert_eq!(named("Doe^Alias^^^^^A~Testpatient^Marisol^^^^^L", &[]), "Marisol Testpatient");
        assert_eq!(named("Doe^Maiden^^^^^M~Testpatient^Marisol", &[]), "Marisol Testpatient");
        assert_eq!(named("Doe^Alias^^^^^A", &[]), "Alias Doe");
        assert_eq!(named("Testpatient^Marisol^^^^^L~Testpatient^Mari^^^^^D", &["D"]), "Mari Testpatient");
        assert_eq!(named("Testpatient^Marisol^^^^^L~Testpatient^Mari^^^^^D", &["T"]), "Marisol Testpatient");
        assert_eq!(named("~^~Testpatient", &[]), "Testpatient");
    }

    #[test]
    fn a_phone_at_work_is_called_last_and_the_next_one_is_kept_beside() {
        let told = "5550100^WPN^PH~5550101^PRN^PH~5550102^WPN^FX~5550103^PRN^CP";
        let found = with(&format!("PID|||||||||||||{told}"), |patient| Reaches::of(patient, &[13, 14]));
        assert_eq!(
            (found.phone(), found.second_phone(), found.fax),
            ("5550103".into(), "5550101".into(), "5550102".into())
        );
    }

    #[test]
    fn a_child_is_spoken_for_by_the_guarantor_or_by_next_of_kin() {
        let speaks = |segments: &str| {
            let text = format!("MSH|^~\\&|A\r{segments}\r");
            let message = Message::parse(&text).unwrap_or_else(|why| panic!("{why}"));
            guardian(&message).map(|contact| (contact.name, contact.phone))
        };
        let kin = "NK1|1|Doe^Ann|MTH||5550100";
        assert_eq!(speaks(&format!("{kin}\rGT1|1||Doe^Bo|||5550101")), Some(("Bo Doe".into(), "5550101".into())));
        assert_eq!(speaks(&format!("{kin}\rGT1|1||^")), Some(("Ann Doe".into(), "5550100".into())));
        assert_eq!(speaks("NK1|1"), None);
    }

    #[test]
    fn an_impossible_birth_is_a_fault_and_an_unreadable_one_is_none() {
        let today = date(2026, 4, 12);
        let read = |told: &str| with(&format!("PID|||||||{told}"), |patient| birth(patient, &TimeZone::UTC, today));
        for possible in ["20260412", "1968", "07/19/1968", "19010412"] {
            assert!(matches!(read(possible), Ok(Some(_))), "{possible}");
        }
        for impossible in ["20260413", "29680719", "2027", "19000411", "1899"] {
            assert!(read(impossible).is_err(), "{impossible}");
        }
        assert!(matches!((read(""), read("July 1968")), (Ok(None), Ok(None))));
        let minor = |told: &str| is_minor(read(told).ok().flatten().map(|birth| birth.earliest()), today);
        assert!(minor("20080413") && minor("2009") && !minor("20080412") && !minor("2008") && !minor("?"));
    }
}
