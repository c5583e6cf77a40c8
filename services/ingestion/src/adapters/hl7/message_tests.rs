//! Messages: whatever ends a segment and whatever divides it, each part is found and none is cut.

use super::*;

fn read(text: &str) -> Message<'_> {
    Message::parse(text).unwrap_or_else(|fault| panic!("{fault}"))
}

const PLAIN: &str = "MSH|^~\\&|HUB|RFM^123^NPI|CAUSEWAY|NCC|20260412||REF^I12^REF_I12|RB-1|P|2.5.1\r\
    RF1|P^Pending|A\r\
    PID|1||7^^^RFM^MR~8^^^X^MI||Van&van&Dam^Marisol|\"\"|19680719|F\r\
    NTE|1||first\r\
    NTE|2||second line\r";

#[test]
fn the_divider_is_the_first_field_of_a_header_and_of_no_other_segment() {
    let message = read(PLAIN);
    let header = message.segment("MSH").unwrap();
    assert_eq!((header.field(1).raw(), header.field(2).raw(), header.field(3).raw()), ("|", "^~\\&", "HUB"));
    assert_eq!((header.field(2).first().component(1).text().as_ref(), header.field(10).raw()), ("^~\\&", "RB-1"));
    assert_eq!((message.value("MSH", 9, 2).as_ref(), message.value("PID", 1, 1).as_ref()), ("I12", "1"));
    assert_eq!((header.field(0).raw(), header.field(99).raw(), header.name()), ("", "", "MSH"));
}

#[test]
fn each_level_is_found_by_its_number_and_what_is_missing_is_empty() {
    let message = read(PLAIN);
    let patient = message.segment("PID").unwrap();
    let ids: Vec<_> = patient.field(3).repetitions().map(|id| id.component(1).text().into_owned()).collect();
    assert_eq!(ids, ["7", "8"]);
    assert_eq!(patient.field(5).first().component(1).subcomponent(1), "Van");
    assert_eq!(patient.field(5).first().component(1).text(), "Van&van&Dam");
    assert_eq!(patient.field(5).first().component(2).text(), "Marisol");
    assert_eq!((message.value("PID", 5, 9), message.value("ZZZ", 1, 1)), (Cow::Borrowed(""), Cow::Borrowed("")));
    assert_eq!(message.segments("NTE").map(|note| note.field(3).text().into_owned()).collect::<Vec<_>>().len(), 2);
}

#[test]
fn nothing_sent_and_a_wish_to_delete_are_told_apart_and_neither_is_a_text() {
    let message = read(PLAIN);
    let patient = message.segment("PID").unwrap();
    assert!(patient.field(6).is_delete() && !patient.field(6).is_empty() && patient.field(6).text().is_empty());
    assert!(patient.field(4).is_empty() && !patient.field(4).is_delete());
}

#[test]
fn segments_end_with_any_line_end_and_the_last_one_with_none() {
    let expected: Vec<_> = read(PLAIN).all().map(|segment| segment.field(1).raw().to_owned()).collect();
    let body = read(PLAIN).body().to_owned();
    for end in ["\n", "\r\n", "\r\r", "\r\n\r\n", "  \r\t"] {
        let text = PLAIN.replace('\r', end);
        for text in [text.as_str(), text.trim_end(), &format!("\u{feff}\r\n{text}\u{1c}\r")] {
            let found: Vec<_> = read(text).all().map(|segment| segment.field(1).raw().to_owned()).collect();
            assert_eq!(found, expected, "{text:?}");
            assert_eq!(read(text).body().replace(end, "\r"), body, "{text:?}");
        }
    }
    assert!(!read(PLAIN).is_oddly_broken() && read(&PLAIN.replace('\r', "\r\n")).is_oddly_broken());
}

#[test]
fn names_are_known_in_either_case_and_only_as_a_whole() {
    let message = read("msh|^~\\&|A\rpid|1||7\rPIX|no\rZPI|Z\r");
    assert_eq!(message.value("PID", 3, 1), "7");
    assert_eq!(message.segments("PID").count(), 1);
    assert_eq!(message.value("ZPI", 1, 1), "Z");
    assert_eq!(message.value("MSH", 3, 1), "A");
}

#[test]
fn a_line_break_inside_a_note_does_not_cut_it() {
    let message = read("MSH|^~\\&|A\rNTE|1||Please see\nCT of 4 May\r\n\r\nand call.\rPID|1||7\r");
    assert_eq!(message.value("NTE", 3, 1), "Please see\nCT of 4 May\r\n\r\nand call.");
    assert_eq!((message.value("PID", 3, 1).as_ref(), message.all().count()), ("7", 3));
}

#[test]
fn any_characters_may_divide_a_message() {
    let message = read("MSH#*@!$#HUB#RFM*123#X#Y#1##REF*I12#RB-60\rPID#1##7***RFM@8##Doe*Jo!F!n\r");
    assert_eq!((message.value("MSH", 10, 1).as_ref(), message.value("MSH", 4, 2).as_ref()), ("RB-60", "123"));
    assert_eq!(message.value("PID", 5, 2), "Jo#n");
    assert_eq!(message.segment("PID").unwrap().field(3).repetitions().count(), 2);
}

#[test]
fn what_is_no_message_says_why() {
    let why = |text| Message::parse(text).err();
    assert_eq!(why(""), Some(NotAMessage::Empty));
    assert_eq!(why("\r\n \u{b}"), Some(NotAMessage::Empty));
    assert_eq!(why("MS"), Some(NotAMessage::NoHeader));
    assert_eq!(why("ééé"), Some(NotAMessage::NoHeader));
    assert_eq!(why("EVN|A01\rPID|1"), Some(NotAMessage::NoHeader));
    assert_eq!(why("MSH|^~"), Some(NotAMessage::Header));
    assert_eq!(why("FHS|^~\\&|A\rMSH|^~\\&|A"), Some(NotAMessage::Batch));
}

#[test]
fn line_ends_and_dividers_without_anything_behind_them_say_nothing() {
    let said = |body: &str| {
        let text = format!("MSH|^~\\&|A\r{body}");
        Message::parse(&text).unwrap_or_else(|why| panic!("{why}")).said().into_owned()
    };
    let usual = "PID|1||7\rNTE|1|P|No pain\nsince May\rDG1|1||C61";
    for same in [
        "PID|1||7\rNTE|1|P|No pain\rsince May\rDG1|1||C61\r",
        "PID|1||7\r\nNTE|1|P|No pain\r\nsince May\r\nDG1|1||C61\r\n",
        "PID|1||7\n\nNTE|1|P|No pain\nsince May\nDG1|1||C61",
        "PID|1||7|||\rNTE|1|P|No pain\nsince May|\rDG1|1||C61||||\r",
    ] {
        assert_eq!(said(same), said(usual), "{same}");
    }
    for other in ["PID|1||7^\rDG1|1||C61", "PID|1||8\rDG1|1||C61", "PID|1||7\rDG1|1||C61|A", "PID|1||7"] {
        assert_ne!(said(other), said("PID|1||7\rDG1|1||C61"), "{other}");
    }
    assert_eq!(said("PID|1||7\rDG1|1||C61\r"), "PID|1||7\rDG1|1||C61", "as most systems write it");
}
