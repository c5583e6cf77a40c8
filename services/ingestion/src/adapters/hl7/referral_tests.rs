//! Referrals: what offices really send becomes the answers of a form, and what would harm somebody is refused.

use super::*;
use jiff::civil::date;

const TODAY: Date = date(2026, 4, 12);

const REFERRAL: &str = "MSH|^~\\&|HUB|RFM|CW|NCC|2026||REF^I12|1|P|2.5.1\r\
    RF1|P|A^ASAP^HL70280|Med|WR~SO^Second Opinion|O|RB-REF-77812^RFM|||||CW-7F3K2^CAUSEWAY\r\
    PRD|RT|Lindqvist^Helen\r\
    PRD|RP^Referring Provider|Okafor^Adaeze^N|||^WPN^PH^^1^513^5550142||1234567893^NPI\r\
    PID|1||RB90211^^^RFM^MR||Testpatient^Marisol^Q||19680719|F|||12 Elm St^Apt 4^Riverbend^OH^45011||^PRN^CP^^1^513^5550199~^NET^Internet^m@example.com||es^Spanish\r\
    NK1|1|Testpatient^Luis|SPO||5550177\r\
    IN1|1|BA-HMO^Blue Advantage|00621|Example Blue Plan\r\
    DG1|1||Z80.3^Family history|||W|||||||||2\r\
    DG1|2||C18.7^Sigmoid|Adenocarcinoma ^ sigmoid|20260405|W|||||||||1\r\
    NTE|1|P|Call the mobile~only|RE\r\
    NTE|2|P|Please evaluate.\\.br\\Mornings \\T\\ Spanish|1R^Primary Reason\r";

fn told(text: &str) -> Result<Referral, Vec<Fault>> {
    let message = Message::parse(text).unwrap_or_else(|why| panic!("{why}"));
    read(&message, (&TimeZone::UTC, TODAY), None)
}

fn taken(text: &str) -> Referral {
    told(text).unwrap_or_else(|faults| panic!("{faults:?}"))
}

fn answer(referral: &Referral, key: &str) -> String {
    referral.answers.get(key).cloned().unwrap_or_default()
}

fn with(from: &str, to: &str) -> Referral {
    assert!(REFERRAL.contains(from), "{from}");
    taken(&REFERRAL.replacen(from, to, 1))
}

#[test]
fn a_referral_becomes_the_answers_of_a_form() {
    let referral = taken(REFERRAL);
    for (key, expected) in [
        ("who", "patient"),
        ("name", "Marisol Q Testpatient"),
        ("phone", "+1 513 5550199"),
        ("email", "m@example.com"),
        ("birth_date", "1968-07-19"),
        ("cancer_area", "gi"),
        ("payer", "private"),
        ("insurance", "Example Blue Plan, Blue Advantage"),
        ("office_record_number", "RB90211"),
        ("address", "12 Elm St, Apt 4, Riverbend, OH, 45011"),
        ("referring_doctor", "Adaeze N Okafor"),
        ("referring_npi", "1234567893"),
        ("referring_phone", "+1 513 5550142"),
        ("referral_number", "RB-REF-77812"),
        ("consent_phone", "yes"),
        ("consent_sms", ""),
        ("patient_name", ""),
    ] {
        assert_eq!(answer(&referral, key), expected, "{key}");
    }
    assert_eq!(
        (referral.language.as_str(), referral.urgency, referral.second_opinion),
        ("es", Some(Urgency::Soon), Some(true))
    );
    assert_eq!((referral.identity.as_deref(), referral.reference.as_deref()), (Some("RB-REF-77812"), Some("CW-7F3K2")));
    assert!(referral.oddities.is_empty());
}

#[test]
fn the_reason_begins_with_the_primary_one_and_ends_with_the_diagnoses_in_words() {
    let message = answer(&taken(REFERRAL), "message");
    let expected = "Please evaluate.\nMornings & Spanish\nCall the mobile\nonly\nZ80.3, Family history\nC18.7, Sigmoid, Adenocarcinoma ^ sigmoid";
    assert_eq!(message, expected);
}

#[test]
fn a_long_reason_is_never_cut_silently() {
    let long = "é".repeat(5000);
    let referral = with("Please evaluate.", &long);
    assert!(answer(&referral, "message").contains("[…] (the whole text stands beside this)"));
    assert!(answer(&referral, "referral_reason_in_full").starts_with(&long));
    assert!(answer(&referral, "message").chars().count() < 4000);
}

#[test]
fn a_child_is_never_called_and_goes_to_those_who_treat_children() {
    let referral = with("19680719", "20190301");
    for (key, expected) in [
        ("who", "caregiver"),
        ("name", "Luis Testpatient"),
        ("patient_name", "Marisol Q Testpatient"),
        ("phone", "5550177"),
    ] {
        assert_eq!(answer(&referral, key), expected, "{key}");
    }
    let areas = ["cancer_area", "diagnosis_area", "email", "patient_email"].map(|key| answer(&referral, key));
    assert_eq!(areas, ["pediatric", "gi", "", "m@example.com"]);
    let alone = taken(&REFERRAL.replace("19680719", "20190301").replace("NK1|", "ZNK|"));
    assert_eq!((answer(&alone, "who").as_str(), answer(&alone, "name").as_str()), ("caregiver", ""));
    assert_eq!(answer(&alone, "phone"), "+1 513 5550199", "somebody answers it who can say who speaks for the child");
}

#[test]
fn what_can_not_be_told_exactly_is_left_to_a_person_and_counted() {
    for (birth, kept) in [("1968", "1968"), ("July 1968", "July 1968"), ("", "")] {
        let referral = with("19680719", birth);
        assert_eq!(answer(&referral, "birth_date"), kept);
        assert_eq!(referral.oddities.contains(&Oddity::BirthDate), !birth.is_empty(), "{birth}");
    }
    let nameless = with("RB-REF-77812^RFM", "").oddities;
    assert_eq!(nameless, [Oddity::NoReferralNumber]);
    let old = with("|RB90211^^^RFM^MR|", "||");
    assert_eq!(
        (old.oddities.as_slice(), answer(&old, "office_record_number").as_str()),
        ([Oddity::NoRecordNumber].as_slice(), "")
    );
    assert_eq!(answer(&with("PID|1||RB90211^^^RFM^MR|", "PID|1|RB90211||"), "office_record_number"), "RB90211");
}

#[test]
fn the_number_of_a_referral_is_looked_for_where_offices_put_it() {
    let number = |from: &str, to: &str| with(from, to).identity;
    assert_eq!(number("RB-REF-77812^RFM", "4471").as_deref(), Some("4471"));
    let order = REFERRAL.replace("RB-REF-77812^RFM", "") + "ORC|NW|ORD-2\rOBR|1|ORD-1^RFM\r";
    assert_eq!(taken(&order).identity.as_deref(), Some("ORD-1"));
}

#[test]
fn diagnoses_lead_to_an_area_however_they_are_written() {
    let area = |codes: &[&str]| {
        let all: String = codes.iter().map(|code| format!("DG1|1|{code}\r")).collect();
        let kept: String = REFERRAL.split_inclusive('\r').filter(|line| !line.starts_with("DG1")).collect();
        answer(&taken(&(kept + &all)), "cancer_area")
    };
    assert_eq!(area(&["|C50411^IDC R breast^ICD10"]), "breast");
    assert_eq!(area(&["I10|c34.11|LUNG CA"]), "thoracic");
    assert_eq!(area(&["|^Breast cancer", "|174.9^^I9C", "|254837009^^SCT", "ICD10|C50.4 11 ^x^I10"]), "breast");
    assert_eq!(area(&["|C79.51", "|C61"]), "gu");
    assert_eq!(area(&["|C48.2"]), "gynecologic", "a woman's");
    assert_eq!(area(&[]), "not_sure");
}

#[test]
fn each_word_for_urgency_and_language_is_understood() {
    for (told, urgency) in
        [("S^STAT", Some(Urgency::Urgent)), ("stat", Some(Urgency::Urgent)), ("R", Some(Urgency::Routine)), ("", None)]
    {
        assert_eq!(with("A^ASAP^HL70280", told).urgency, urgency, "{told}");
    }
    for (told, language) in
        [("ENG", "en"), ("^Español", "es"), ("fra", "fr"), ("hmn^Hmong", "hmn"), ("Klingon", ""), ("", ""), ("é!", "")]
    {
        assert_eq!(with("es^Spanish", told).language, language, "{told}");
    }
    let told = with("WR~SO^Second Opinion|O|RB-REF-77812^RFM||||", "AM|O|RB-1||||S");
    assert_eq!(told.second_opinion, Some(true));
    assert_eq!(with("WR~SO^Second Opinion", "WR").second_opinion, Some(false));
    assert_eq!(with("WR~SO^Second Opinion", "").second_opinion, None, "what is not said changes nothing");
}

#[test]
fn a_language_that_no_center_may_speak_is_kept_as_the_office_wrote_it() {
    for (told, kept) in
        [("zh^Chinese", "Chinese"), ("^Mandarin", "Mandarin"), ("hmn", "hmn"), ("es^Spanish", ""), ("", "")]
    {
        assert_eq!(answer(&with("es^Spanish", told), "language_told"), kept, "{told}");
    }
}

#[test]
fn what_an_office_takes_back_is_told_unless_it_says_it_in_another_place() {
    let message = |pid: &str| {
        let text = format!(
            "MSH|^~\\&|HUB|RFM|CW|NCC|2026||REF^I13|1|P|2.5.1\rRF1|P|R||||7||\"\"\rPRD|RP|Okafor\rPID|1||7||Vega^Rosa||{pid}\r"
        );
        let message = Message::parse(&text).unwrap_or_else(|why| panic!("{why}"));
        read(&message, (&TimeZone::UTC, TODAY), None).unwrap_or_else(|faults| panic!("{faults:?}")).removed
    };
    assert_eq!(message("19680719|F|||1 Elm||5550199"), ["referral_expires"]);
    assert_eq!(message("\"\"||||\"\"||\"\""), ["referral_expires", "birth_date", "address", "phone", "email"]);
    assert_eq!(message("19680719|F|||||\"\"|5550188"), ["referral_expires", "email"], "called at work");
}

#[test]
fn each_field_may_stand_in_a_place_of_the_partners_own_which_comes_before_the_standards() {
    for field in Hl7Field::ALL {
        let own = match field {
            Hl7Field::BirthDate => "1970-01-02",
            Hl7Field::CancerArea => "breast",
            Hl7Field::ConsultType => "second_opinion",
            Hl7Field::Urgency => "urgent",
            Hl7Field::Language => "fr",
            Hl7Field::DiagnosisCodes => "C61~C34.11",
            Hl7Field::ReferringNpi | Hl7Field::RequestedNpi => "1987000019",
            Hl7Field::Insurance => "State Medicaid",
            _ => "own",
        };
        let mapping: Hl7Mapping = serde_json::from_str(&format!(r#"{{"from": {{"{field}": ["ZOW-3"]}}}}"#)).unwrap();
        let text = format!("{REFERRAL}ZOW|||{own}\r");
        let message = Message::parse(&text).unwrap_or_else(|why| panic!("{why}"));
        let read =
            read(&message, (&TimeZone::UTC, TODAY), Some(&mapping)).unwrap_or_else(|faults| panic!("{faults:?}"));
        let (found, expected) = match field {
            Hl7Field::PatientName => (answer(&read, "name"), own),
            Hl7Field::Urgency => (read.urgency.map_or("", Urgency::as_str).to_owned(), own),
            Hl7Field::Language => (read.language.clone(), own),
            Hl7Field::DiagnosisCodes => (answer(&read, "cancer_area"), "gu"),
            Hl7Field::Message => (answer(&read, "message").split('\n').next().unwrap_or_default().to_owned(), own),
            _ => (answer(&read, field.as_str()), own),
        };
        assert_eq!(found, expected, "{field}");
        if *field == Hl7Field::Insurance {
            assert_eq!(answer(&read, "payer"), "medicaid");
        }
    }
}

#[test]
fn a_wrong_number_of_a_provider_is_kept_and_counted() {
    let wrong = with("1234567893^NPI", "1234567890^NPI");
    assert_eq!(
        (answer(&wrong, "referring_npi").as_str(), wrong.oddities.as_slice()),
        ("1234567890", [Oddity::ProviderNumber].as_slice())
    );
    let asked = with("PRD|RT|Lindqvist^Helen", "PRD|RT|Lindqvist^Helen|||||99^NPI");
    assert_eq!(
        (answer(&asked, "requested_npi").as_str(), asked.oddities.as_slice()),
        ("99", [Oddity::ProviderNumber].as_slice())
    );
}

#[test]
fn who_else_may_be_called_stands_beside_an_adult_and_is_whom_to_call_for_a_child() {
    let adult = taken(REFERRAL);
    assert_eq!(
        [answer(&adult, "contact_name"), answer(&adult, "contact_phone"), answer(&adult, "contact_relationship")],
        ["Luis Testpatient", "5550177", "SPO"]
    );
    let child = with("19680719", "20190301");
    assert_eq!(
        [answer(&child, "name"), answer(&child, "contact_name"), answer(&child, "contact_relationship")],
        ["Luis Testpatient", "", "SPO"]
    );
}

#[test]
fn the_likeness_of_a_referral_tells_patient_matter_doctor_and_day_and_nothing_else() {
    let own = taken(REFERRAL).likeness;
    for (from, to) in [
        ("RB-REF-77812", "RB-REF-1"),
        ("A^ASAP", "S^STAT"),
        ("Please evaluate", "Please see"),
        ("|1|P|2.5.1", "|2|P|2.5.1"),
    ] {
        assert_eq!(with(from, to).likeness, own, "{from}");
    }
    for (from, to) in [
        ("RB90211", "RB90212"),
        ("Marisol^Q", "Mariana^Q"),
        ("19680719", "19680720"),
        ("C18.7", "C18.8"),
        ("1234567893", "1987000019"),
        ("|2026||REF", "|20260413||REF"),
    ] {
        assert_ne!(with(from, to).likeness, own, "{from}");
    }
}

#[test]
fn each_payer_is_known_by_its_words() {
    for (told, payer) in [("MCR^Medicare Part B", "medicare"), ("MCD^State Medicaid^L", "medicaid"), ("X", "private")] {
        assert_eq!(answer(&with("BA-HMO^Blue Advantage|00621|Example Blue Plan", told), "payer"), payer);
    }
    assert_eq!(answer(&with("BA-HMO^Blue Advantage|00621|Example Blue Plan", ""), "payer"), "not_sure");
}

#[test]
fn what_nobody_could_act_on_or_may_be_another_person_is_refused_with_all_its_faults() {
    let faults = |from: &str, to: &str| {
        let faults = told(&REFERRAL.replace(from, to)).err().unwrap_or_default();
        faults.iter().map(|fault| (fault.code, fault.location.map_or("", |place| place.segment))).collect::<Vec<_>>()
    };
    assert_eq!(faults("PRD|", "ZRD|"), [(Code::SegmentSequence, "PRD")]);
    assert_eq!(faults("PID|", "ZID|"), [(Code::SegmentSequence, "PID")]);
    assert_eq!(faults("NK1|1", "PID|2"), [(Code::SegmentSequence, "PID")]);
    assert_eq!(faults("Testpatient^Marisol^Q", "\"\""), [(Code::RequiredField, "PID")]);
    assert_eq!(faults("19680719", "29680719"), [(Code::DataType, "PID")]);
    assert_eq!(faults("Testpatient^Marisol^Q||19680719", "||29680719").len(), 2);
}
