//! A referral that a partner office of a demo center sends by FHIR R4, or in a small list.
//!
//! The office of a real center has a key that nobody else knows, so only feeds are used that a key of the demo centers opens.
//! The same person gives the same bytes, so a play that is played again changes nothing. Deliberately not here: HL7 (referral).

use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use causeway_funnel::profile::{Feed, FeedKind, Profile};
use serde_json::{Value, json};

use super::fate::mix;
use super::people::Person;
use super::referral::diagnosis;

/// Keys that stand in the profiles of the demo centers for everybody to read.
const KEYS: [&str; 3] = ["imaging-demo-key", "cedar-demo-key", "lake-demo-key"];
/// The system of an office's own numbers; `.example` belongs to nobody.
const NUMBERS: &str = "https://office.example/referral";
/// What a list tells, each under the field's own name, which every feed knows.
const HEADER: &str =
    "referral_id,patient_name,patient_last,patient_first,birth_date,phone,email,language,diagnosis_codes,reason";
const REASON: &str = "Synthetic referral made for a demonstration. Please evaluate and treat.";
/// How often and how long it is waited for the result of a list: a feed may ask little.
const LOOKS: u32 = 6;
const PAUSE: Duration = Duration::from_secs(3);

/// The feed of a kind by which an office of a center sends, and its key.
pub fn feed(profile: &Profile, kind: FeedKind) -> Option<(&Feed, &'static str)> {
    let opens = |feed: &Feed, key: &&str| {
        feed.key_sha256.as_deref() == Some(hex::encode(digest(&SHA256, key.as_bytes())).as_str())
    };
    let of_kind = profile.feeds.feeds.iter().filter(|feed| feed.kind == kind);
    let mut with_key = of_kind.filter_map(|feed| Some((feed, KEYS.into_iter().find(|key| opens(feed, key))?)));
    with_key.find(|(feed, _)| feed.csv.as_ref().is_none_or(|mapping| !mapping.is_without_header()))
}

/// What an office knows of somebody.
struct Told<'a> {
    number: String,
    given: &'a str,
    family: &'a str,
    /// Empty where it is no date.
    born: &'a str,
    phone: &'a str,
    email: &'a str,
}

impl<'a> Told<'a> {
    fn of(who: &'a Person) -> Self {
        let answer = |key: &str| who.answers.get(key).map(String::as_str).unwrap_or_default();
        let (given, family) = answer("name").rsplit_once(' ').unwrap_or(("Testpatient", "Unnamed"));
        let born = answer("birth_date");
        let is_date = born.len() == 10 && born.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-');
        Self {
            number: format!("S{:016x}", mix(0, &[&who.key])),
            given,
            family,
            born: if is_date { born } else { "" },
            phone: answer("phone"),
            email: answer("email"),
        }
    }
}

/// The transaction about somebody.
pub fn bundle(who: &Person) -> Value {
    let told = Told::of(who);
    let (code, text) = diagnosis(who);
    let telecom: Vec<Value> = [("phone", told.phone), ("email", told.email)]
        .into_iter()
        .filter(|(_, value)| !value.is_empty())
        .map(|(system, value)| json!({ "system": system, "value": value }))
        .collect();
    let mut patient = json!({
        "resourceType": "Patient",
        "name": [{ "family": told.family, "given": told.given.split(' ').collect::<Vec<_>>() }],
        "telecom": telecom,
        "communication": [{ "language": { "coding": [{ "system": "urn:ietf:bcp:47", "code": who.language }] } }],
    });
    if !told.born.is_empty() {
        patient["birthDate"] = told.born.into();
    }
    let urn = |of: u8| format!("urn:uuid:0d3f6f5a-6a40-4e1f-9d2a-{of:012x}");
    let request = json!({
        "resourceType": "ServiceRequest", "status": "active", "intent": "order",
        "identifier": [{ "system": NUMBERS, "value": told.number }],
        "subject": { "reference": urn(1) },
        "reasonCode": [{ "coding": [{ "system": "http://hl7.org/fhir/sid/icd-10-cm", "code": code, "display": text }] }],
        "note": [{ "text": REASON }],
    });
    let entry = |of: u8, resource: Value| {
        let post = json!({ "method": "POST", "url": resource["resourceType"] });
        json!({ "fullUrl": urn(of), "resource": resource, "request": post })
    };
    json!({ "resourceType": "Bundle", "type": "transaction", "entry": [entry(1, patient), entry(2, request)] })
}

/// Our request number in the answer to a transaction, and whether it was known.
pub fn kept(answer: &Value) -> Option<(String, bool)> {
    let response = &answer["entry"][1]["response"];
    let issues = response["outcome"]["issue"].as_array()?;
    let words = issues.iter().find_map(|issue| issue["details"]["text"].as_str()?.split_once("our number "))?.1;
    let number = words.split(';').next().unwrap_or_default().to_owned();
    Some((number, response["status"].as_str().is_some_and(|status| status.starts_with("200"))))
}

/// The list about somebody.
pub fn list(who: &Person) -> String {
    let Told { number, given, family, born, phone, email } = Told::of(who);
    let (language, (code, _)) = (&who.language, diagnosis(who));
    format!("{HEADER}\n{number},{given} {family},{family},{given},{born},{phone},{email},{language},{code},{REASON}\n")
}

/// Uploads a list and waits for its result: our request number, and whether it was known. A word where there is none.
pub async fn upload(web: &reqwest::Client, (door, key): (&str, &str), list: String) -> Result<(String, bool), String> {
    let unreachable =
        |cause: reqwest::Error| if cause.is_timeout() { "no answer in time" } else { "unreachable" }.to_owned();
    let post = web.post(format!("{door}/csv")).bearer_auth(key).header("content-type", "text/csv").body(list);
    let answer = post.send().await.map_err(unreachable)?;
    if !answer.status().is_success() {
        return Err(answer.status().as_u16().to_string());
    }
    let taken: Value = answer.json().await.map_err(|_| "unreadable answer".to_owned())?;
    let place = format!("{door}/files/{}/result", taken["file_id"].as_str().unwrap_or_default());
    for _ in 0..LOOKS {
        tokio::time::sleep(PAUSE).await;
        let answer = web.get(&place).bearer_auth(key).send().await.map_err(unreachable)?;
        if answer.status().is_success() {
            let text = answer.text().await.map_err(unreachable)?;
            return result(&text).map(|number| (number, taken["repeated"] == true));
        }
    }
    Err("no result in time".to_owned())
}

/// Our request number in the result of a list of one, else the word for what became of it.
fn result(text: &str) -> Result<String, String> {
    let cells: Vec<&str> = text.lines().nth(1).unwrap_or_default().split(',').collect();
    match cells.as_slice() {
        [_, _, _, number, ..] if !number.is_empty() => Ok((*number).to_owned()),
        [_, _, word, ..] => Err((*word).to_owned()),
        _ => Err("an empty result".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use causeway_ingestion::adapters::csv::{layout, records, row};
    use causeway_ingestion::adapters::fhir::intake::{self, Topic};
    use causeway_ingestion::adapters::fhir::{json as fhir, referral::Verb};
    use jiff::civil::date;

    use super::super::people::person;
    use super::*;

    fn profile(name: &str) -> Profile {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy/centers");
        let bundle = crate::commands::center::read(&root.join(name)).expect("files are readable");
        Profile::from_bundle(&bundle).expect("profile is in order")
    }

    #[test]
    fn the_offices_of_the_demo_centers_are_found_by_the_keys_that_everybody_may_read() {
        let id = |name: &str, kind| feed(&profile(name), kind).map(|(feed, key)| (feed.id.clone(), key));
        assert_eq!(id("harbor-valley", FeedKind::Fhir), Some(("sound-imaging-fhir".into(), "imaging-demo-key")));
        assert_eq!(id("harbor-valley", FeedKind::Csv), Some(("cedar-csv".into(), "cedar-demo-key")));
        assert_eq!(id("lakeside", FeedKind::Csv), Some(("lake-clinics-csv".into(), "lake-demo-key")));
        assert_eq!(id("lakeside", FeedKind::Fhir), None);
    }

    #[test]
    fn a_bundle_and_a_list_about_anybody_are_referrals() {
        for name in ["harbor-valley", "lakeside"] {
            let profile = profile(name);
            let (feed, _) = feed(&profile, FeedKind::Csv).expect("a feed");
            let mapping = feed.csv.as_ref().expect("a mapping");
            for number in 0..200 {
                let who = person(&profile, "a", 1, number);
                let text = list(&who);
                let layout = layout::detect(&text, true, mapping).expect("the headers are known");
                let (mut splitter, mut all) = (records::Splitter::by(layout.delimiter), Vec::new());
                splitter.push(&text, |record| all.push(record));
                let places = row::Places::of(&layout, &profile.center.default_region);
                let judged = row::judge(&all[1], &places, mapping, date(2026, 11, 26));
                assert!(matches!(judged, row::Judged::Referral(_)), "{text}");

                let body = bundle(&who).to_string();
                let body = fhir::read(body.as_bytes()).unwrap_or_else(|_| panic!("JSON"));
                let expected = intake::Expectations {
                    today: date(2026, 11, 26),
                    most_entries: 100,
                    hosts: &[],
                    if_none_exist: None,
                };
                let intake = intake::judge(&body, None, &expected);
                let Topic::Referral(told) = intake.topic else { panic!("a referral") };
                assert!(matches!(told.verb, Verb::New));
            }
        }
    }

    #[test]
    fn the_answers_tell_our_number() {
        let response = json!({ "status": "200 OK", "outcome": { "issue": [
            { "details": { "text": "Kept under our number HV-7F3K2Q; Task/1 tells what becomes of it" } },
        ] } });
        let answer = json!({ "entry": [{}, { "response": response }] });
        assert_eq!(kept(&answer), Some(("HV-7F3K2Q".to_owned(), true)));
        assert_eq!(kept(&json!({ "resourceType": "OperationOutcome" })), None);
        let of = |line: &str| result(&format!("line,referral_id,result,causeway_id,code,field,message\r\n{line}"));
        assert_eq!(of("2,S1,created,HV-7F3K2Q,,,\r\n"), Ok("HV-7F3K2Q".to_owned()));
        assert_eq!(of("2,S1,parked,,nobody,,\r\n"), Err("parked".to_owned()));
        assert_eq!(of(""), Err("an empty result".to_owned()));
    }
}
