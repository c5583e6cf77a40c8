//! Intake: each kind of message is known, and each refusal comes with the code that its sender can act on.

use super::*;
use crate::adapters::hl7::charset::decode;
use jiff::civil::date;

const REFERRAL: &str = "MSH|^~\\&|HUB|RFM^1.2|CW^9.9|NCC^8.8|2026||REF^I12^REF_I12|RB-1|P|2.5.1\r\
    RF1|P|A||||RB-REF-1\r\
    PRD|RP|Okafor^Adaeze\r\
    PID|1||7||Testpatient^Marisol||19680719|F\r";

static ZONE: TimeZone = TimeZone::UTC;

fn expected() -> Expectations<'static> {
    Expectations {
        receiving_facility: Some("NCC"),
        receiving_application: None,
        processing_id: "P",
        takes_visits: false,
        zone: &ZONE,
        today: date(2026, 4, 12),
        mapping: None,
    }
}

fn judged(text: &str, expected: &Expectations<'_>) -> Intake {
    let decoded = decode(text.as_bytes());
    let opened = open(&decoded).unwrap_or_else(|_| panic!("not opened: {text}"));
    opened.classify(expected)
}

fn refusal(from: &str, to: &str) -> (Outcome, &'static str, String) {
    assert!(REFERRAL.contains(from), "{from}");
    let intake = judged(&REFERRAL.replace(from, to), &expected());
    let fault = intake.verdict.faults.first().copied();
    assert!(matches!(intake.topic, Topic::Refused) || fault.is_none());
    let place = fault.and_then(|fault| fault.location).map(|place| place.to_string());
    (intake.verdict.outcome, fault.map_or("", |fault| fault.code.number()), place.unwrap_or_default())
}

#[test]
fn each_event_of_a_referral_is_known_in_either_case() {
    for (event, verb) in
        [("I12", Verb::New), ("i12", Verb::New), ("I13", Verb::Modify), ("I14", Verb::Cancel), ("I15", Verb::Status)]
    {
        let intake = judged(&REFERRAL.replace("I12^REF_I12", event), &expected());
        assert!(matches!(intake.topic, Topic::Referral(found, _) if found == verb), "{event}");
        assert_eq!((intake.verdict, intake.oddities.len()), (Verdict::ACCEPTED, 0));
    }
}

#[test]
fn the_envelope_is_judged_before_the_letter() {
    assert_eq!(refusal("|RB-1|", "| |"), (Outcome::Rejected, "101", "MSH^1^10".into()));
    assert_eq!(refusal("NCC^8.8", "NDC"), (Outcome::Rejected, "103", "MSH^1^6".into()));
    assert_eq!(refusal("NCC^8.8", ""), (Outcome::Rejected, "103", "MSH^1^6".into()));
    assert_eq!(refusal("|P|2.5.1", "|T|2.5.1"), (Outcome::Rejected, "202", "MSH^1^11".into()));
    assert_eq!(refusal("|P|2.5.1", "||2.5.1"), (Outcome::Rejected, "202", "MSH^1^11".into()));
    assert_eq!(refusal("REF^I12^REF_I12", "MFN^M02"), (Outcome::Rejected, "200", "MSH^1^9^1^1".into()));
    assert_eq!(refusal("REF^I12^REF_I12", ""), (Outcome::Rejected, "200", "MSH^1^9^1^1".into()));
    assert_eq!(refusal("REF^I12^REF_I12", "REF"), (Outcome::Rejected, "201", "MSH^1^9^1^2".into()));
    assert_eq!(refusal("REF^I12^REF_I12", "REF^I99"), (Outcome::Rejected, "201", "MSH^1^9^1^2".into()));
    assert_eq!(refusal("RF1|P", "MSH|^~\\&|HUB"), (Outcome::Error, "100", "MSH^1".into()));
    assert_eq!(refusal("PID|", "ZID|"), (Outcome::Error, "100", "PID^1".into()));
    assert_eq!(refusal("PRD|", "PID|"), (Outcome::Error, "100", "PID^1".into()));
}

#[test]
fn a_center_is_named_by_its_name_or_its_universal_id() {
    for name in ["ncc", "8.8"] {
        let expected =
            Expectations { receiving_facility: Some(name), receiving_application: Some("9.9"), ..expected() };
        assert!(matches!(judged(REFERRAL, &expected).topic, Topic::Referral(..)), "{name}");
    }
    let other = Expectations { receiving_application: Some("LAB"), ..expected() };
    assert_eq!(judged(REFERRAL, &other).verdict, misdirected());
}

#[test]
fn only_a_new_referral_may_come_without_a_number() {
    let without = |event: &str| {
        let text = REFERRAL.replace("I12^REF_I12", event).replace("RB-REF-1", "");
        judged(&text, &expected()).verdict
    };
    assert_eq!(without("I12").outcome, Outcome::Accepted);
    for event in ["I13", "I14", "I15"] {
        assert_eq!(without(event).faults.first().map(|fault| fault.code), Some(Code::RequiredField), "{event}");
    }
    let ours = REFERRAL.replace("I12^REF_I12", "I14").replace("RB-REF-1", "|||||NC-7F3K");
    assert!(matches!(judged(&ours, &expected()).topic, Topic::Referral(Verb::Cancel, _)));
}

#[test]
fn news_of_a_patient_are_attachments_and_news_of_a_visit_are_taken_where_they_are_wanted() {
    for kind in ["ADT^A08", "ORU^R01", "MDM^T02"] {
        let intake = judged(&REFERRAL.replace("REF^I12^REF_I12", kind), &expected());
        assert!(matches!(intake.topic, Topic::Attachment) && intake.verdict == Verdict::ACCEPTED, "{kind}");
    }
    assert_eq!(refusal("REF^I12^REF_I12", "SIU^S12").1, "200");
    let wanted = Expectations { takes_visits: true, ..expected() };
    assert!(matches!(judged(&REFERRAL.replace("REF^I12^REF_I12", "SIU^S12"), &wanted).topic, Topic::Visit));
    let answer = REFERRAL.replace("REF^I12^REF_I12", "SRR^S01") + "MSA|AA|CW-1\r";
    assert!(matches!(judged(&answer, &expected()).topic, Topic::Answer));
}

#[test]
fn a_bad_document_costs_nobody_the_referral() {
    let text = format!("{REFERRAL}OBX|1|ED|X^Y||^^pdf^Base64^%%%\rOBX|2|ED|X^Y||^^pdf^Base64^TVqQAAMA\r");
    let intake = judged(&text, &expected());
    assert!(matches!(intake.topic, Topic::Referral(Verb::New, _)));
    assert_eq!((intake.verdict.outcome, intake.verdict.faults.len()), (Outcome::Accepted, 2));
    assert_eq!(intake.oddities, [Oddity::DocumentUnreadable, Oddity::DocumentIsProgram]);
}

#[test]
fn a_wrong_number_of_a_provider_is_told_to_its_sender_and_refuses_nothing() {
    let text = REFERRAL.replace("PRD|RP|Okafor^Adaeze", "PRD|RP|Okafor^Adaeze|||||1234567890^NPI");
    let intake = judged(&text, &expected());
    assert!(matches!(intake.topic, Topic::Referral(Verb::New, _)) && intake.verdict.outcome == Outcome::Accepted);
    let told: Vec<_> =
        intake.verdict.faults.iter().map(|fault| (fault.severity, fault.location.map(|at| at.to_string()))).collect();
    assert_eq!(told, [(Severity::Warning, Some("PRD^1^7".to_owned()))]);
    assert_eq!(intake.oddities, [Oddity::ProviderNumber]);
}

#[test]
fn a_birth_date_that_can_not_be_read_is_told_to_its_sender_and_one_to_come_is_refused() {
    for birth in ["1968", "19680230", "1968-02-30", "00000000", "2/30/1968", "July 1968", "20121960"] {
        let intake = judged(&REFERRAL.replace("19680719", birth), &expected());
        assert!(matches!(intake.topic, Topic::Referral(Verb::New, _)), "{birth}");
        let told = intake
            .verdict
            .faults
            .iter()
            .map(|fault| (fault.severity, fault.location.map(|at| at.to_string()).unwrap_or_default(), fault.code));
        let warning = (Severity::Warning, "PID^1^7".to_owned(), Code::DataType);
        assert_eq!((intake.verdict.outcome, told.collect::<Vec<_>>()), (Outcome::Accepted, vec![warning]), "{birth}");
        assert_eq!(intake.oddities, [Oddity::BirthDate], "{birth}");
    }
    for event in ["I14", "I15"] {
        let text = REFERRAL.replace("I12^REF_I12", event).replace("19680719", "1968");
        assert!(judged(&text, &expected()).verdict.faults.is_empty(), "{event}: nobody takes it over");
    }
    for birth in ["20991301", "20300230", "20990101"] {
        assert_eq!(refusal("19680719", birth), (Outcome::Error, "102", "PID^1^7".to_owned()), "{birth}");
    }
    assert!(judged(&REFERRAL.replace("19680719", ""), &expected()).verdict.faults.is_empty(), "nothing is not wrong");
}

#[test]
fn what_was_odd_is_told_once() {
    let text = REFERRAL.replace("PID|", "pid|").replace("|2.5.1", "|7").replace('\r', "\n") + "nte|1||a\nnte|2||b\n";
    assert_eq!(judged(&text, &expected()).oddities, [Oddity::LineEnds, Oddity::SegmentCase, Oddity::Version]);
    let latin = [REFERRAL.as_bytes(), b"NTE|1||Mar\xeda"].concat();
    let decoded = decode(&latin);
    let opened = open(&decoded).unwrap_or_else(|_| panic!("not opened"));
    assert_eq!(opened.classify(&expected()).oddities, [Oddity::CharacterSetGuessed]);
}

#[test]
fn what_nobody_could_be_told_about_gets_no_reply_and_a_reason() {
    let silence = |text: &str| match open(&decode(text.as_bytes())) {
        Err(Unopened::Silent(silence)) => Some(silence.to_string()),
        _ => None,
    };
    for (text, reason) in [
        ("", "the text is empty"),
        ("PID|1||7\r", "there is no MSH segment"),
        ("MSH|^~", "does not tell what divides it"),
        ("FHS|^~", "does not tell what divides it"),
        ("MSH|^~\\&|A|B|C|D|1||ACK^I12|1|P|2.5.1\rMSA|AA|7\r", "it is an acknowledgement"),
    ] {
        assert!(silence(text).is_some_and(|told| told.contains(reason)), "{text}");
    }
    let file = decode(b"FHS|^~\\&|HUB\rMSH|^~\\&|A\rFTS|0\r");
    assert!(matches!(open(&file), Err(Unopened::Batch(batch)) if batch.messages.len() == 1));
}

#[test]
fn a_repeat_is_known_by_its_sender_its_control_id_and_what_it_says() {
    let decoded = decode(REFERRAL.as_bytes());
    let opened = open(&decoded).unwrap_or_else(|_| panic!("not opened"));
    assert_eq!(opened.sender(), ["HUB", "RFM^1.2", "RB-1"]);
    assert!(opened.message.body().starts_with("RF1|") && opened.message.body().ends_with("|F"));
    assert_eq!(control_id_reused().faults[0].code, Code::DuplicateKey);
}
