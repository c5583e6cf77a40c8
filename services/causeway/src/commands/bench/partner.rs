//! What partner systems send to the load's doors: referrals by HL7 v2 and FHIR R4, life-like, all different, all made up.
//!
//! They follow the feeds of the demo center Harbor Valley; the test reads them as the doors do. Deliberately absent: what forms
//! send (inquiry), and the odd messages of real systems, which the tests of ingestion play.

use std::fmt::Write as _;

use super::inquiry::{AREA_CODES, FIRST, letters};

/// The key of the demo center's FHIR feed.
pub const FHIR_KEY: &str = "imaging-demo-key";
const DIAGNOSES: [(&str, &str); 4] = [
    ("C50.411", "Malignant neoplasm of upper-outer quadrant of right female breast"),
    ("C34.11", "Malignant neoplasm of upper lobe, right bronchus or lung"),
    ("C18.7", "Malignant neoplasm of sigmoid colon"),
    ("C61", "Malignant neoplasm of prostate"),
];
const REASON: &str = "Found at screening, biopsy done elsewhere. Please evaluate and treat; the patient would like to hear what another \
     team thinks before anything is started, and can come on most mornings.";

/// A person and what they have, by number.
struct Case {
    first: &'static str,
    last: String,
    phone: String,
    born: (u64, u64, u64),
    diagnosis: (&'static str, &'static str),
}

impl Case {
    fn of(number: u64) -> Self {
        Self {
            first: FIRST[(number % FIRST.len() as u64) as usize],
            last: letters(number),
            phone: format!("{} 555 01{:02}", 201 + number / 100 % AREA_CODES, number % 100),
            born: (1935 + number % 65, 1 + number % 12, 1 + number % 28),
            diagnosis: DIAGNOSES[(number / 8 % DIAGNOSES.len() as u64) as usize],
        }
    }
}

/// Writes a REF^I12 in its frame. `run` tells the messages of two runs on one database apart.
pub fn write_hl7(run: &str, number: u64, message: &mut String) {
    let Case { first, last, phone, born: (year, month, day), diagnosis: (code, text) } = Case::of(number);
    // Writing to a text can't fail.
    let _ = write!(
        message,
        "\x0bMSH|^~\\&|HUB|CEDARFM|CAUSEWAY|HARBORVALLEY|20261120103015-0800||REF^I12^REF_I12|{run}{number}|P|2.5.1|||||USA|UNICODE UTF-8\r\
         RF1|P^Pending^HL70283|R^Routine^HL70280|Med^Medical^HL70281|||{run}{number}^CEDARFM|20261120\r\
         PRD|RP^Referring Provider^HL70286|Okafor^Adaeze^^^Dr^MD^L|200 Cedar Way^^Seattle^WA^98101|CEDARFM|^WPN^PH^^1^206^5550142||1234567893^NPI\r\
         CTD|PR^Primary^HL70131|Lindqvist^Nora||CEDARFM|^WPN^PH^^1^206^5550143\r\
         PID|1||{number}^^^CEDARFM^MR||{last}^{first}^^^^^L||{year}{month:02}{day:02}|F|||12 Alder Street^^Seattle^WA^98104||{phone}^PRN^CP~^NET^Internet^{first}.{last}@example.com||en^English^ISO639\r\
         IN1|1|PPO^Preferred^L|{number}|Evergreen Health||||GRP-77||||||||{last}^{first}|SEL\r\
         DG1|1||{code}^{text}^I10C|||W\r\
         PR1|1||99243^Consultation^C4||20261201\r\
         NTE|1|P|{REASON}|1R^Primary Reason^HL70364\r\x1c\r"
    );
}

/// Writes a transaction with a ServiceRequest and what belongs to it.
pub fn write_fhir(run: &str, number: u64, body: &mut String) {
    let Case { first, last, phone, born: (year, month, day), diagnosis: (code, text) } = Case::of(number);
    let urn = |of: u8| format!("urn:uuid:0d3f6f5a-6a40-4e1f-9d2a-{of:012x}");
    let post = |kind: &str| format!("\"request\":{{\"method\":\"POST\",\"url\":\"{kind}\"}}");
    let (patient, doctor, office, coverage, condition) = (urn(1), urn(2), urn(3), urn(4), urn(5));
    let _ = write!(
        body,
        "{{\"resourceType\":\"Bundle\",\"type\":\"transaction\",\"entry\":[\
         {{\"fullUrl\":\"{patient}\",\"resource\":{{\"resourceType\":\"Patient\",\"identifier\":[{{\"system\":\"https://imaging.example/mrn\",\"value\":\"{number}\"}}],\
         \"name\":[{{\"use\":\"official\",\"family\":\"{last}\",\"given\":[\"{first}\"]}}],\"gender\":\"female\",\"birthDate\":\"{year}-{month:02}-{day:02}\",\
         \"telecom\":[{{\"system\":\"phone\",\"value\":\"{phone}\",\"use\":\"mobile\"}},{{\"system\":\"email\",\"value\":\"{first}.{last}@example.com\"}}],\
         \"address\":[{{\"line\":[\"12 Alder Street\"],\"city\":\"Seattle\",\"state\":\"WA\",\"postalCode\":\"98104\"}}]}},{p}}},\
         {{\"fullUrl\":\"{doctor}\",\"resource\":{{\"resourceType\":\"Practitioner\",\"identifier\":[{{\"system\":\"http://hl7.org/fhir/sid/us-npi\",\"value\":\"1234567893\"}}],\
         \"name\":[{{\"family\":\"Okafor\",\"given\":[\"Adaeze\"]}}]}},{d}}},\
         {{\"fullUrl\":\"{office}\",\"resource\":{{\"resourceType\":\"Organization\",\"name\":\"Sound Imaging\"}},{o}}},\
         {{\"fullUrl\":\"{coverage}\",\"resource\":{{\"resourceType\":\"Coverage\",\"status\":\"active\",\"subscriberId\":\"{number}\",\"beneficiary\":{{\"reference\":\"{patient}\"}},\
         \"payor\":[{{\"display\":\"Evergreen Health\"}}]}},{c}}},\
         {{\"fullUrl\":\"{condition}\",\"resource\":{{\"resourceType\":\"Condition\",\"subject\":{{\"reference\":\"{patient}\"}},\
         \"code\":{{\"coding\":[{{\"system\":\"http://hl7.org/fhir/sid/icd-10-cm\",\"code\":\"{code}\",\"display\":\"{text}\"}}]}}}},{n}}},\
         {{\"fullUrl\":\"{request}\",\"resource\":{{\"resourceType\":\"ServiceRequest\",\"status\":\"active\",\"intent\":\"order\",\"priority\":\"routine\",\
         \"identifier\":[{{\"system\":\"https://imaging.example/referral\",\"value\":\"{run}{number}\"}}],\"subject\":{{\"reference\":\"{patient}\"}},\
         \"requester\":{{\"reference\":\"{doctor}\"}},\"insurance\":[{{\"reference\":\"{coverage}\"}}],\"reasonReference\":[{{\"reference\":\"{condition}\"}}],\
         \"code\":{{\"text\":\"Second opinion\"}},\"note\":[{{\"text\":\"{REASON}\"}}]}},{s}}}]}}",
        request = urn(6),
        p = post("Patient"),
        d = post("Practitioner"),
        o = post("Organization"),
        c = post("Coverage"),
        n = post("Condition"),
        s = post("ServiceRequest"),
    );
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use causeway_ingestion::adapters::hl7::{charset, intake};
    use jiff::tz::TimeZone;

    use super::*;

    #[test]
    fn a_message_of_the_benchmark_is_a_referral_without_anything_odd() {
        let mut seen = HashSet::new();
        for number in 0..2000 {
            let mut frame = String::new();
            write_hl7("r", number, &mut frame);
            let message = frame.strip_prefix('\x0b').and_then(|rest| rest.strip_suffix("\x1c\r")).expect("a frame");
            let decoded = charset::decode(message.as_bytes());
            let Ok(opened) = intake::open(&decoded) else { panic!("a message") };
            let intake = opened.classify(&intake::Expectations {
                receiving_facility: Some("HARBORVALLEY"),
                receiving_application: None,
                processing_id: "P",
                takes_visits: false,
                zone: &TimeZone::UTC,
                today: jiff::civil::date(2026, 11, 26),
                mapping: None,
            });
            assert!(matches!(intake.topic, intake::Topic::Referral(intake::Verb::New, _)), "{number}");
            assert!(intake.oddities.is_empty(), "{number}: {:?}", intake.oddities);
            assert!((900..1500).contains(&frame.len()), "{} bytes", frame.len());
            assert!(seen.insert(frame));
        }
    }

    #[test]
    fn a_transaction_of_the_benchmark_is_json_and_no_two_have_one_referral_number() {
        let mut seen = HashSet::new();
        for number in 0..2000 {
            let mut body = String::new();
            write_fhir("r", number, &mut body);
            let body: serde_json::Value = serde_json::from_str(&body).expect("JSON");
            let number = &body["entry"][5]["resource"]["identifier"][0]["value"];
            assert!(seen.insert(number.as_str().expect("a number").to_owned()));
        }
    }
}
