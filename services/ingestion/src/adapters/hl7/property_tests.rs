//! Anything at all may come over a connection: nothing may panic, and what we write must read back.

use std::path::Path;

use jiff::civil::date;
use jiff::tz::TimeZone;
use proptest::prelude::*;

use super::answer::{self, Answer, Standing};
use super::charset::decode;
use super::delimiters::Delimiters;
use super::escape::{carried, escape, unescape};
use super::intake::{Expectations, Unopened, open, open_text};
use super::message::Message;
use super::reply::{Outcome, Signature, Verdict, first, second};
use super::time::When;

static ZONE: TimeZone = TimeZone::UTC;

/// All that is ever done with the bytes of a frame.
fn handle(bytes: &[u8]) {
    let decoded = decode(bytes);
    match open(&decoded) {
        Ok(opened) => judge(&opened),
        Err(Unopened::Silent(_)) => {}
        Err(Unopened::Batch(batch)) => {
            batch.messages.iter().filter_map(|text| open_text(text, None).ok()).for_each(|opened| judge(&opened));
        }
    }
}

fn judge(opened: &super::intake::Opened<'_>) {
    let (at, today) = ("2026-04-30T15:30:16Z".parse().unwrap(), date(2026, 4, 30));
    let signature = Signature { control_id: "CW-1", at, zone: &ZONE };
    let expected = Expectations {
        receiving_facility: None,
        receiving_application: None,
        processing_id: "P",
        takes_visits: true,
        zone: &ZONE,
        today,
        mapping: None,
    };
    let intake = opened.classify(&expected);
    let answer = Answer { standing: Standing::Pending, reference: "NC-1", remark: "", warnings: &[], wanted: &[] };
    let mut replies = vec![answer::referral(&opened.message, &opened.header, answer, signature)];
    for outcome in [intake.verdict.outcome, Outcome::Unavailable] {
        let verdict = Verdict { outcome, ..intake.verdict.clone() };
        replies.extend([first(&opened.header, &verdict, signature), second(&opened.header, &verdict, signature)]);
    }
    for reply in replies.into_iter().flatten() {
        assert!(Message::parse(&reply).is_ok_and(|read| read.segment("MSA").is_some()), "{reply}");
        assert!(reply.bytes().all(|byte| byte == b'\r' || !byte.is_ascii_control()), "{reply:?}");
    }
}

fn sample(name: &str) -> Vec<u8> {
    std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/samples/hl7v2").join(name)).unwrap()
}

#[test]
fn a_message_that_ends_anywhere_is_handled() {
    let files =
        ["ref_i12_251_full_breast.hl7", "ref_i12_231_minimal_lung.hl7", "dev_custom_delims.hl7", "dev_utf8_bom.hl7"];
    for whole in files.into_iter().chain(["dev_latin1_undeclared.hl7", "batch_fhs_two_refs.hl7"]).map(sample) {
        (0..whole.len()).for_each(|length| handle(&whole[..length]));
    }
}

/// A sample with some bytes replaced, mostly by those that mean something.
fn damaged() -> impl Strategy<Value = Vec<u8>> {
    let file = prop_oneof![
        Just("ref_i12_251_full_breast.hl7"),
        Just("ref_i12_231_minimal_lung.hl7"),
        Just("dev_custom_delims.hl7"),
        Just("dev_latin1_undeclared.hl7"),
        Just("batch_fhs_two_refs.hl7"),
    ];
    let meaning = proptest::sample::select(b"|^~\\&\r\n#*@!$\x0b\x1c\"X.MSHPID09-+\xc3\xa9".to_vec());
    let byte = prop_oneof![4 => meaning, 1 => any::<u8>()];
    let places = proptest::collection::vec((any::<prop::sample::Index>(), byte, 0_u8..3), 1..40);
    (file, places).prop_map(|(file, places)| {
        let mut bytes = sample(file);
        for (place, byte, how) in places {
            let at = place.index(bytes.len());
            match how {
                0 => bytes[at] = byte,
                1 => bytes.insert(at, byte),
                _ => drop(bytes.remove(at)),
            }
        }
        bytes
    })
}

proptest! {
    #[test]
    fn a_damaged_message_is_handled(bytes in damaged()) {
        handle(&bytes);
    }

    #[test]
    fn any_bytes_are_handled(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        handle(&bytes);
        handle(&[b"MSH|^~\\&|".as_slice(), &bytes].concat());
    }

    #[test]
    fn any_text_is_unescaped_and_carried_over(text in any::<String>(), marks in "MSH[!-/:-@]{2,6}A") {
        let _ = unescape(&text, &Delimiters::STANDARD);
        if let Some(own) = Delimiters::declared(&marks) {
            let _ = unescape(&text, &own);
            let over = carried(&text, &own);
            prop_assert!(!over.contains('|') || own.are_standard());
        }
    }

    #[test]
    fn what_is_escaped_reads_back_and_divides_nothing(text in "[^\\x00\r]{0,60}") {
        let mut escaped = String::new();
        escape(&text, &mut escaped);
        prop_assert!(!escaped.contains(['|', '^', '&', '~', '\r', '\n']));
        prop_assert_eq!(unescape(&escaped, &Delimiters::STANDARD), text);
    }

    #[test]
    fn what_is_written_into_a_field_is_read_from_it(text in "[^\\x00\r\"\u{feff}]{0,40}", field in 1_usize..30, component in 1_usize..12) {
        let mut message = String::from("MSH|^~\\&|A\rZZZ");
        message.push_str(&"|".repeat(field));
        message.push_str(&"^".repeat(component - 1));
        escape(text.trim(), &mut message);
        message.push('\r');
        let read = Message::parse(&message).unwrap();
        prop_assert_eq!(read.value("ZZZ", field, component), text.trim());
    }

    #[test]
    fn the_short_way_to_a_value_gives_what_the_long_one_does(
        content in "[|^~&\\\\\"A-C .é]{0,60}", gap in 0_usize..1200, field in 0_usize..24, component in 0_usize..6,
    ) {
        let text = format!("MSH|^~\\&|A\rZZZ|{content}{}{content}\r", "x".repeat(gap));
        let message = Message::parse(&text).unwrap();
        let segment = message.segment("ZZZ").unwrap();
        let long = segment.field(field).first().component(component).text();
        prop_assert_eq!(segment.value(field, component), long.trim_ascii());
        prop_assert_eq!(message.value("ZZZ", field, component), long.trim_ascii());
        let raw: Vec<&str> = text.split('\r').nth(1).unwrap_or_default().trim_ascii().split('|').collect();
        prop_assert_eq!(segment.field(field).raw(), if field == 0 { "" } else { raw.get(field).copied().unwrap_or_default() });
    }

    #[test]
    fn any_text_is_a_time_or_none(text in any::<String>(), like in "[0-9]{1,4}[-/.]?[0-9]{0,2}[-/.]?[0-9]{0,8}[T :.+Z-]?[0-9:.]{0,9}[AaPpM+Z-]{0,2}[0-9:]{0,5}") {
        for text in [&text, &like] {
            if let Some(when) = When::parse(text, &ZONE) {
                prop_assert!(when.date().is_none_or(|day| day == when.earliest()));
            }
        }
    }
}
