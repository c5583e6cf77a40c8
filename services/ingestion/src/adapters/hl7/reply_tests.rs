//! Replies: each sender hears what it waits for, in its own version, and nothing of the patient.

use super::*;
use crate::adapters::hl7::fault::Code;
use crate::adapters::hl7::message::Message;

static ZONE: TimeZone = TimeZone::UTC;
const NO_NAME: Fault = Fault::at("PID", 5, Code::RequiredField, "Patient name is missing");
const NO_EVENT: Fault = Fault::at("MSH", 9, Code::Event, "").in_component(2);

fn signature() -> Signature<'static> {
    Signature { control_id: "CW-1", at: "2026-04-12T15:30:16Z".parse().unwrap(), zone: &ZONE }
}

fn ask(kind: &str, version: &str, wishes: &str) -> String {
    format!(
        "MSH|^~\\&|REFERHUB|RFM^123^NPI|CAUSEWAY|NCC|2026||{kind}|RB-181|P|{version}|||{wishes}||UNICODE UTF-8\rPID|1||7||Doe\r"
    )
}

fn both(text: &str, outcome: Outcome, fault: Option<Fault>) -> (Option<String>, Option<String>) {
    let message = Message::parse(text).unwrap_or_else(|why| panic!("{why}"));
    let (header, verdict) = (Header::of(&message), Verdict { outcome, faults: fault.into_iter().collect() });
    (first(&header, &verdict, signature()), second(&header, &verdict, signature()))
}

/// Code and error number of each of the two replies.
fn codes(wishes: &str, outcome: Outcome) -> (String, String) {
    let (first, second) = both(&ask("REF^I12", "2.5.1", wishes), outcome, Some(NO_NAME));
    let code = |reply: Option<String>| {
        reply.map_or_else(String::new, |text| {
            let reply = Message::parse(&text).unwrap_or_else(|why| panic!("{why}"));
            [reply.value("MSA", 1, 1), reply.value("ERR", 3, 1)].join("")
        })
    };
    (code(first), code(second))
}

#[test]
fn in_original_mode_there_is_one_reply_and_none_where_nothing_could_be_kept() {
    for (outcome, code) in [
        (Outcome::Accepted, "AA101"),
        (Outcome::Error, "AE101"),
        (Outcome::Rejected, "AR101"),
        (Outcome::Unavailable, ""),
    ] {
        assert_eq!(codes("|", outcome), (code.into(), String::new()));
    }
}

#[test]
fn in_enhanced_mode_a_refusal_is_told_once_and_only_to_those_who_want_to_hear() {
    use Outcome::{Accepted, Error, Rejected, Unavailable};
    for (wishes, outcome, first, second) in [
        ("AL|AL", Accepted, "CA", "AA101"),
        ("AL|AL", Error, "CA", "AE101"),
        ("AL|AL", Rejected, "CR101", ""),
        ("AL|AL", Unavailable, "CE101", ""),
        ("AL|NE", Accepted, "CA", ""),
        ("AL|NE", Error, "CE101", ""),
        ("AL|", Error, "CE101", ""),
        ("AL|SU", Error, "CE101", ""),
        ("NE|AL", Accepted, "", "AA101"),
        ("NE|AL", Rejected, "", "AR101"),
        ("ER|ER", Accepted, "", ""),
        ("ER|ER", Error, "", "AE101"),
        ("ER|NE", Error, "CE101", ""),
        ("SU|NE", Rejected, "", ""),
        ("NE|NE", Error, "", ""),
        ("NE|NE", Unavailable, "", ""),
    ] {
        assert_eq!(codes(wishes, outcome), (first.into(), second.into()), "{wishes} {outcome:?}");
    }
}

#[test]
fn a_reply_turns_the_header_round_and_tells_the_control_id() {
    let (first, second) = both(&ask("REF^I12^REF_I12", "2.5.1", "AL|AL"), Outcome::Accepted, None);
    assert_eq!(
        first.as_deref(),
        Some(
            "MSH|^~\\&|CAUSEWAY|NCC|REFERHUB|RFM^123^NPI|20260412153016+0000||ACK^I12^ACK|CW-1|P|2.5.1||||||UNICODE UTF-8\rMSA|CA|RB-181\r"
        )
    );
    assert_eq!(
        second.as_deref(),
        Some(
            "MSH|^~\\&|CAUSEWAY|NCC|REFERHUB|RFM^123^NPI|20260412153016+0000||ACK^I12^ACK|CW-1|P|2.5.1|||NE|NE||UNICODE UTF-8\rMSA|AA|RB-181\r"
        )
    );
}

#[test]
fn an_error_names_its_place_and_what_to_do() {
    let (first, _) = both(&ask("REF^I12", "2.5.1", "|"), Outcome::Error, Some(NO_NAME));
    let expected = "ERR||PID^1^5|101^Required field missing^HL70357|E||||Patient name is missing\r";
    assert!(first.is_some_and(|reply| reply.ends_with(expected)));
    let (first, _) = both(&ask("REF^I99", "2.8", "|"), Outcome::Rejected, Some(NO_EVENT));
    assert!(first.is_some_and(|reply| reply.ends_with("ERR||MSH^1^9^1^2|201^Unsupported event code^HL70357|E\r")));
}

#[test]
fn before_2_5_an_error_stands_where_old_systems_look() {
    let (first, _) = both(&ask("REF^I12", "2.3.1", "|"), Outcome::Error, Some(NO_NAME));
    let first = first.unwrap();
    assert!(first.contains("||ACK^I12|CW-1|P|2.3.1|"), "{first}");
    assert!(
        first.contains("\rMSA|AE|RB-181|Required field missing PID-5|||101^Required field missing^HL70357\r"),
        "{first}"
    );
    assert!(first.ends_with("\rERR|PID^1^5^101&Required field missing&HL70357\r"), "{first}");
    let warning = Fault { severity: Severity::Warning, ..NO_NAME };
    let (first, _) = both(&ask("REF^I12", "2.3.1", "|"), Outcome::Accepted, Some(warning));
    assert!(first.is_some_and(|reply| reply.ends_with("MSA|AA|RB-181\r")), "old replies know no warnings");
}

#[test]
fn an_unknown_version_is_answered_in_2_5_1_and_an_unknown_event_with_none() {
    let (first, _) = both(&ask("REF", "9.9", "|"), Outcome::Accepted, None);
    assert!(first.is_some_and(|reply| reply.contains("||ACK|CW-1|P|2.5.1|")));
}

#[test]
fn an_acknowledgement_is_never_acknowledged_and_an_answer_only_as_kept() {
    for wishes in ["|", "AL|AL"] {
        assert_eq!(both(&ask("ACK^I12", "2.5.1", wishes), Outcome::Error, Some(NO_NAME)), (None, None));
    }
    let answer = |wishes: &str| ask("SRR^S01", "2.5.1", wishes) + "MSA|AA|CW-9\r";
    assert_eq!(both(&answer("|"), Outcome::Accepted, None), (None, None));
    let (first, second) = both(&answer("AL|AL"), Outcome::Accepted, None);
    assert!(first.is_some_and(|reply| reply.contains("MSA|CA|RB-181")) && second.is_none());
    let (first, second) = both(&answer("AL|AL"), Outcome::Error, Some(NO_NAME));
    assert!(first.is_some_and(|reply| reply.contains("MSA|CE|RB-181")) && second.is_none());
}

#[test]
fn what_is_carried_over_can_not_forge_a_segment_or_end_the_frame() {
    let text = "MSH#*@!$#A|B\u{1c}#C#D#E#2026##REF*I|12#X|1\u{b}!X0D!MSA!F!AA#P#2.5.1\r";
    let (first, _) = both(text, Outcome::Accepted, None);
    let first = first.unwrap();
    assert_eq!(first.matches('\r').count(), 2, "{first:?}");
    assert!(first.ends_with("\rMSA|AA|X\\F\\1\\X0B\\\\.br\\MSA#AA\r"), "{first:?}");
    assert!(!first.contains(['\u{1c}', '\u{b}', '\n']), "{first:?}");
}
