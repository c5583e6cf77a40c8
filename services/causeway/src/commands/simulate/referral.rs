//! A referral that a partner office's system sends: a REF^I12 over MLLP to the center's first HL7 feed.
//!
//! The office wants no acknowledgement of receipt and one answer (MSH-15 `NE`, MSH-16 `AL`): the RRI^I12, which names our request
//! number in RF1-11 (HL7 v2.5.1, 11.6.1). The same person gives the same bytes, so a play that is played again changes nothing.
//! Deliberately not here: what else offices may say in a referral (ingestion's samples).

use std::collections::BTreeMap;

use causeway_funnel::profile::{Feed, FeedKind, Profile};
use jiff::Timestamp;
use jiff::civil::date;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::fate::mix;
use super::people::Person;

/// An answer that is longer is none of ours.
const LONGEST: usize = 64 << 10;
/// What a person said that they have, and what a doctor writes for it (ICD-10-CM).
const DIAGNOSES: [(&str, &str, &str); 12] = [
    ("breast", "C50.919", "Malignant neoplasm of unspecified site of unspecified female breast"),
    ("gi", "C18.9", "Malignant neoplasm of colon, unspecified"),
    ("gu", "C61", "Malignant neoplasm of prostate"),
    ("thoracic", "C34.90", "Malignant neoplasm of unspecified part of bronchus or lung"),
    ("gynecologic", "C56.9", "Malignant neoplasm of unspecified ovary"),
    ("hematologic", "C91.10", "Chronic lymphocytic leukemia of B-cell type"),
    ("skin", "C43.9", "Malignant melanoma of skin, unspecified"),
    ("head_and_neck", "C10.9", "Malignant neoplasm of oropharynx, unspecified"),
    ("endocrine", "C73", "Malignant neoplasm of thyroid gland"),
    ("neuro", "C71.9", "Malignant neoplasm of brain, unspecified"),
    ("sarcoma", "C49.9", "Malignant neoplasm of connective and soft tissue, unspecified"),
    ("pediatric", "C91.00", "Acute lymphoblastic leukemia"),
];

/// What the office's system reads in the answer.
#[derive(Debug, PartialEq, Eq)]
pub struct Answered<'a> {
    /// MSA-1.
    pub code: &'a str,
    /// Our request number; empty in a refusal.
    pub reference: &'a str,
    /// MSH-7, to the second: when this very message came first.
    pub heard: &'a str,
}

/// The feed that an office of a center sends referrals by; none: its offices have no HL7.
pub fn feed(profile: &Profile) -> Option<&Feed> {
    let is_plain = |feed: &&Feed| feed.sending_facility.is_some() && feed.certificate_sha256.is_empty();
    let receives = profile.feeds.receiving_facility.is_some();
    profile.feeds.feeds.iter().filter(|_| receives).filter(|feed| feed.kind == FeedKind::Hl7).find(is_plain)
}

/// What a doctor writes for what somebody has: an ICD-10-CM code, and its words.
pub fn diagnosis(who: &Person) -> (&'static str, &'static str) {
    let told = who.answers.get("cancer_area");
    let known = DIAGNOSES.iter().find(|(area, ..)| told.is_some_and(|told| told == area));
    known.map_or(("D49.9", "Neoplasm of unspecified behavior"), |(_, code, text)| (code, text))
}

/// The message about somebody, without its frame.
pub fn message(profile: &Profile, feed: &Feed, who: &Person) -> String {
    let told = |key: &str| who.answers.get(key).map(String::as_str).unwrap_or_default();
    let (sender, center) = (feed.sending_facility.as_deref().unwrap_or_default(), &profile.feeds.receiving_facility);
    let (given, family) = told("name").rsplit_once(' ').unwrap_or(("Testpatient", "Unnamed"));
    // Twenty characters at most (2.14.9.10), and the same for the same person.
    let number = format!("S{:016x}", mix(0, &[&who.key]));
    let minutes = i64::try_from(mix(1, &[&who.key]) % 40_000).unwrap_or_default();
    let sent = date(2026, 1, 5)
        .at(8, 0, 0, 0)
        .saturating_add(jiff::Span::new().minutes(minutes))
        .strftime("%Y%m%d%H%M%S+0000");
    let born: String = told("birth_date").chars().filter(char::is_ascii_digit).collect();
    let born = if born.len() == 8 { born } else { String::new() };
    let (code, text) = diagnosis(who);
    let segments = [
        format!(
            "MSH|^~\\&|OFFICE|{sender}|CAUSEWAY|{center}|{sent}||REF^I12^REF_I12|{number}|P|2.5.1|||NE|AL|USA|UNICODE UTF-8",
            center = center.as_deref().unwrap_or_default()
        ),
        format!("RF1|P^Pending^HL70283|R^Routine^HL70280|Med^Medical^HL70281|||{number}^{sender}"),
        format!("PRD|RP^Referring Provider^HL70286|Testdoctor^Example^^^Dr^MD^L|||{sender}||1234567893^NPI"),
        format!(
            "PID|1||{number}^^^{sender}^MR||{family}^{given}^^^^^L||{born}||||||{phone}^PRN^CP~^NET^Internet^{email}||{language}^^ISO639",
            phone = told("phone"),
            email = told("email"),
            language = who.language,
        ),
        format!("DG1|1||{code}^{text}^I10C|||W"),
        "PR1|1||99243^Consultation^C4".to_owned(),
        "NTE|1|P|Synthetic referral made for a demonstration. Please evaluate and treat.|1R^Primary Reason^HL70364"
            .to_owned(),
    ];
    segments.join("\r") + "\r"
}

/// Sends a message in its frame over a line of its own and waits for the answer.
///
/// # Errors
/// The line broke before the answer was whole, or it is none.
pub async fn ask(address: &str, message: &str) -> std::io::Result<String> {
    let mut line = TcpStream::connect(address).await?;
    line.write_all(format!("\x0b{message}\x1c\r").as_bytes()).await?;
    let mut reply = Vec::with_capacity(1024);
    while !reply.ends_with(b"\x1c\r") {
        if line.read_buf(&mut reply).await? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        if reply.len() > LONGEST {
            return Err(std::io::ErrorKind::InvalidData.into());
        }
    }
    String::from_utf8(reply).map_err(|_| std::io::ErrorKind::InvalidData.into())
}

/// Reads the answer.
pub fn read(reply: &str) -> Answered<'_> {
    let segments: BTreeMap<&str, &str> =
        reply.trim_start_matches('\x0b').split('\r').filter_map(|segment| segment.split_once('|')).rev().collect();
    // The name of the segment is cut off; of MSH the first divider, which is its first field, as well.
    let field = |name: &str, number: usize| {
        let place = number - if name == "MSH" { 2 } else { 1 };
        segments.get(name).and_then(|fields| fields.split('|').nth(place)).unwrap_or_default()
    };
    Answered {
        code: field("MSA", 1),
        reference: field("RF1", 11).split('^').next().unwrap_or_default(),
        heard: field("MSH", 7),
    }
}

/// Whether a message was known before somebody sent it at a time.
pub fn is_repeated(heard: &str, sent: Timestamp) -> bool {
    jiff::fmt::strtime::parse("%Y%m%d%H%M%S%z", heard)
        .and_then(|heard| heard.to_timestamp())
        .is_ok_and(|heard| heard.as_second() < sent.as_second())
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use causeway_ingestion::adapters::hl7::{charset, intake};

    use super::super::people::person;
    use super::*;

    #[test]
    fn the_offices_of_each_demo_center_refer_synthetic_people_in_messages_without_anything_odd() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy/centers");
        for name in ["harbor-valley", "lakeside"] {
            let bundle = crate::commands::center::read(&root.join(name)).expect("files are readable");
            let profile = Profile::from_bundle(&bundle).expect("profile is in order");
            let feed = feed(&profile).expect("an office with HL7");
            for number in 0..200 {
                let who = person(&profile, "a", 1, number);
                let text = message(&profile, feed, &who);
                assert_eq!(text, message(&profile, feed, &person(&profile, "a", 1, number)));
                let decoded = charset::decode(text.as_bytes());
                let Ok(opened) = intake::open(&decoded) else { panic!("a message") };
                assert_eq!(opened.header.sending_facility(), feed.sending_facility.as_deref().unwrap_or_default());
                // Home phone and language of the patient (3.4.2.13, 3.4.2.15).
                let patient = opened.message.segment("PID").expect("a patient");
                let said = |field| patient.field(field).first().component(1).text().into_owned();
                assert_eq!(said(13), who.answers.get("phone").cloned().unwrap_or_default());
                assert_eq!(said(15), who.language);
                let intake = opened.classify(&intake::Expectations {
                    receiving_facility: profile.feeds.receiving_facility.as_deref(),
                    receiving_application: None,
                    processing_id: "P",
                    takes_visits: false,
                    zone: profile.zone(),
                    today: date(2026, 11, 26),
                    mapping: feed.hl7.as_ref(),
                });
                let intake::Topic::Referral(intake::Verb::New, _) = intake.topic else { panic!("a referral: {text}") };
                assert!(
                    text.contains("Testpatient") && intake.verdict.faults.is_empty(),
                    "{:?}",
                    intake.verdict.faults
                );
            }
        }
    }

    #[test]
    fn the_answer_tells_our_number_and_since_when_the_message_is_known() {
        let reply = "\x0bMSH|^~\\&|CAUSEWAY|HARBOR|OFFICE|CEDAR|20261127101500-0800||RRI^I12^RRI_I12|X|P|2.5.1\rMSA|AA|S1\r\
            RF1|P^Pending^HL70283|||||S1^CEDAR|||||HV-7F3K2Q^CAUSEWAY\rPID|1||S1\r\x1c\r";
        let answered = read(reply);
        assert_eq!((answered.code, answered.reference), ("AA", "HV-7F3K2Q"));
        let at = |text: &str| text.parse().expect("a time");
        assert!(is_repeated(answered.heard, at("2026-11-27T18:15:01Z")));
        assert!(!is_repeated(answered.heard, at("2026-11-27T18:15:00.9Z")));
        let refused =
            read("\x0bMSH|^~\\&|CAUSEWAY|HARBOR|||20261127101500-0800||ACK^I12^ACK|X|P|2.5.1\rMSA|AR|S1\r\x1c\r");
        assert_eq!((refused.code, refused.reference), ("AR", ""));
    }
}
