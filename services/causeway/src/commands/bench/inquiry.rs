//! What the load generator sends: life-like requests of about one kilobyte, all different, all made up.
//!
//! A request that the door had to mend or refuse would measure something else, so the texts follow the forms of the demo
//! centers; the test proves it with the profiles themselves. Deliberately absent: life-like proportions and times of day,
//! which `causeway simulate` plays.

use std::fmt::Write as _;

use causeway_runtime::Clock;
use uuid::Uuid;

use super::load::Tongue;
use super::partner;

/// A form of a demo center, and what only this form asks.
struct Door {
    center: &'static str,
    form: &'static str,
    languages: [&'static str; 2],
    own_answers: &'static str,
}

const DOORS: [Door; 4] = [
    Door {
        center: "harbor-valley",
        form: "general",
        languages: ["en", "es"],
        own_answers: "\"consult_type\":\"new_consult\",",
    },
    Door { center: "lakeside", form: "second-opinion", languages: ["en", "fr"], own_answers: "" },
    Door {
        center: "harbor-valley",
        form: "second-opinion",
        languages: ["en", "es"],
        own_answers: "\"records_on_hand\":\"some\",",
    },
    Door {
        center: "lakeside",
        form: "general",
        languages: ["en", "fr"],
        own_answers: "\"consult_type\":\"second_opinion\",",
    },
];
const AREAS: [&str; 6] = ["breast", "thoracic", "gi", "gu", "hematologic", "not_sure"];
/// Given names.
pub const FIRST: [&str; 8] = ["Rosa", "Amal", "Ingrid", "Tomas", "Mei", "Kofi", "Elena", "Jonah"];
/// So many area codes of telephone numbers, from 201.
pub const AREA_CODES: u64 = 700;
const MESSAGE: &str = "We have the report from the first hospital and would like to hear what another team thinks. My sister \
     can drive on most days, and mornings are easier than afternoons. Please tell us what to bring and whether the \
     pictures have to be sent before the visit or can come along on a disc. The first \
     appointment there was six weeks ago, nothing was started yet, and we were told that some weeks of thought do no \
     harm. If there is a nurse who can explain the words of the report, a call before the visit would help us a lot.";

/// Makes requests; each number gives another person.
pub struct Inquiries {
    host: String,
    /// Makes the keys of two runs on one database differ.
    run: Uuid,
}

impl Inquiries {
    /// Requests for a host.
    pub fn new(host: String) -> Self {
        Self { host, run: Clock::system().new_id() }
    }

    /// Writes the request with this number over what stands in the buffers: head and body, or a frame.
    pub fn write(&self, tongue: Tongue, number: u64, body: &mut String, request: &mut String) {
        body.clear();
        request.clear();
        let (host, run) = (&self.host, self.run.simple());
        // Writing to a text can't fail.
        let _ = match tongue {
            Tongue::Web => {
                let door = &DOORS[(number % DOORS.len() as u64) as usize];
                write_body(door, number, body);
                write!(
                    request,
                    "POST /v1/centers/{}/inquiries HTTP/1.1\r\nhost: {host}\r\ncontent-type: application/json\r\n\
                     idempotency-key: \"{run}-{number}\"\r\ncontent-length: {}\r\n\r\n{body}",
                    door.center,
                    body.len()
                )
            }
            Tongue::Hl7 => {
                // A control id has twenty characters (HL7 v2.5.1, 2.14.9.10).
                let run = format!("{:08x}", self.run.as_u128() as u32);
                partner::write_hl7(&run, number, request);
                Ok(())
            }
            Tongue::Fhir => {
                partner::write_fhir(&run.to_string(), number, body);
                write!(
                    request,
                    "POST /fhir/harbor-valley HTTP/1.1\r\nhost: {host}\r\ncontent-type: application/fhir+json\r\n\
                     authorization: Bearer {}\r\ncontent-length: {}\r\n\r\n{body}",
                    partner::FHIR_KEY,
                    body.len()
                )
            }
        };
    }
}

fn write_body(door: &Door, number: u64, body: &mut String) {
    // One in five asks in the center's second language, as in the demo.
    let language = door.languages[usize::from(number.is_multiple_of(5))];
    let pick = |list: &[&'static str]| list[(number / 4 % list.len() as u64) as usize];
    let (first, last) = (pick(&FIRST), letters(number));
    let _ = write!(
        body,
        "{{\"form\":\"{form}\",\"language\":\"{language}\",\"answers\":{{{own}\"who\":\"patient\",\
         \"name\":\"{first} {last}\",\"phone\":\"{area} 555 01{line:02}\",\"email\":\"{first}.{last}@example.com\",\
         \"contact_channel\":\"email\",\"best_time\":\"morning\",\"cancer_area\":\"{cancer}\",\"payer\":\"private\",\
         \"birth_date\":\"{month} {day} {year}\",\"message\":\"{MESSAGE}\",\
         \"consent_phone\":\"yes\",\"consent_email\":\"yes\"}},\
         \"attribution\":{{\"landing_page\":\"/care/{form}\",\"campaign\":\"autumn-{campaign}\",\
         \"utm_source\":\"search\",\"utm_medium\":\"cpc\",\"referrer_host\":\"search.example\"}}}}",
        form = door.form,
        own = door.own_answers,
        area = 201 + number / 100 % AREA_CODES,
        line = number % 100,
        cancer = pick(&AREAS),
        month = 1 + number % 12,
        day = 1 + number % 28,
        year = 1935 + number % 65,
        campaign = number % 7,
    );
}

/// A name of letters that differs for each number: a name with digits would have to be mended.
pub fn letters(mut number: u64) -> String {
    let mut name = String::from("Ex");
    loop {
        name.push(char::from(b'a' + (number % 26) as u8));
        number /= 26;
        if number == 0 {
            return name;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, HashSet};
    use std::path::Path;

    use causeway_funnel::form::{Reading, trap_sprung, validate};
    use causeway_funnel::profile::Profile;

    use super::*;
    use crate::commands::center;

    fn profile(name: &str) -> Profile {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy/centers").join(name);
        let bundle = center::read(&folder).expect("the profile is there");
        Profile::from_bundle(&bundle).unwrap_or_else(|_| panic!("the profile of {name} is in order"))
    }

    #[test]
    fn no_request_of_the_benchmark_has_anything_to_mend() {
        for (at, door) in DOORS.iter().enumerate() {
            let profile = profile(door.center);
            let form = profile.form(door.form).expect("the form is there");
            for number in (0..2400).filter(|number| number % DOORS.len() == at) {
                let mut body = String::new();
                write_body(door, number as u64, &mut body);
                let body: serde_json::Value = serde_json::from_str(&body).expect("JSON");
                let given: BTreeMap<String, String> =
                    serde_json::from_value(body["answers"].clone()).expect("answers are texts");
                let reading = Reading {
                    language: body["language"].as_str().expect("a language"),
                    region: "US",
                    today: jiff::civil::date(2026, 11, 24),
                };
                let faults = validate(form, &given, reading).err().unwrap_or_default();
                assert!(faults.is_empty(), "{} {}: {faults:?}", door.center, door.form);
                assert!(!trap_sprung(&given));
            }
        }
    }

    #[test]
    fn requests_are_about_a_kilobyte_and_no_two_have_one_person_or_key() {
        let inquiries = Inquiries::new("127.0.0.1:1".into());
        let (mut body, mut request, mut seen) = (String::new(), String::new(), HashSet::new());
        for number in 0..5000 {
            inquiries.write(Tongue::Web, number, &mut body, &mut request);
            assert!((850..1250).contains(&body.len()), "{} bytes", body.len());
            assert!(request.ends_with(&body) && seen.insert(request.clone()));
        }
    }
}
