//! Results and allergies that come with a referral (HL7 v2.5.1 sections 7.4.2 and 3.4.6): a line for each, for people.
//!
//! They decide nothing. Deliberately not here: documents in OBX (documents), and messages that bring results alone (news).

use super::message::Message;
use super::segment::{Repetition, Segment};

/// Lines of one kind that are told at most; who sends more sends a record and no referral.
const MOST: usize = 300;
/// Results that were taken back, were never there or are wrong (table 0085).
const GONE: [&str; 4] = ["D", "W", "X", "N"];
/// Values that are documents.
const DOCUMENTS: [&str; 1] = ["ED"];

/// What was found, a line for each OBX.
#[must_use]
pub fn observations(message: &Message<'_>) -> String {
    told(message.segments("OBX").filter_map(|segment| observation(&segment)))
}

/// What the patient does not bear, a line for each AL1.
#[must_use]
pub fn allergies(message: &Message<'_>) -> String {
    let line = |segment: Segment<'_>| {
        let reactions = segment.field(5).repetitions().map(|one| words(&one)).collect::<Vec<_>>();
        let severity = match segment.value(4, 1).to_ascii_uppercase().as_str() {
            "SV" => "severe".to_owned(),
            "MO" => "moderate".to_owned(),
            "MI" => "mild".to_owned(),
            "U" => String::new(),
            other => other.to_lowercase(),
        };
        joined([words(&segment.field(3).first()), severity].into_iter().chain(reactions), ", ")
    };
    told(message.segments("AL1").map(line).filter(|line| !line.is_empty()))
}

/// As many as a person reads, and how many there are besides.
fn told(mut lines: impl Iterator<Item = String>) -> String {
    let mut told: Vec<String> = lines.by_ref().take(MOST).collect();
    let more = lines.count();
    if more > 0 {
        told.push(format!("And {more} more, which are not shown: ask the office"));
    }
    told.join("\n")
}

fn observation(segment: &Segment<'_>) -> Option<String> {
    let kind = segment.value(2, 1).to_ascii_uppercase();
    let status = segment.value(11, 1).to_ascii_uppercase();
    if GONE.contains(&status.as_str()) || DOCUMENTS.contains(&kind.as_str()) {
        return None;
    }
    let value = |one: Repetition<'_>| match kind.as_str() {
        "CE" | "CF" | "CWE" | "CNE" => words(&one),
        // Where a report stands that was not sent along; nobody here fetches it.
        "RP" => {
            let place = one.component(1).text().trim().to_owned();
            if place.is_empty() { String::new() } else { format!("not sent along, ask the office for it ({place})") }
        }
        // A comparator, a number, a sign between, another number.
        "SN" => joined([1, 2, 3, 4].map(|part| one.component(part).text().into_owned()), " "),
        _ => one.text().trim().to_owned(),
    };
    let values = segment.field(5).repetitions().map(value).filter(|value| !value.is_empty());
    let value = values.collect::<Vec<_>>().join("\n");
    if value.is_empty() {
        return None;
    }
    let with_units = joined([value, words(&segment.field(6).first())], " ");
    let flags = segment.field(8).repetitions().map(|one| words(&one)).filter(|flag| !flag.is_empty());
    let usual = segment.value(7, 1);
    let usual = if usual.is_empty() { String::new() } else { format!("usual {usual}") };
    let beside = joined(flags.chain([usual]), ", ");
    let told = if beside.is_empty() { with_units } else { format!("{with_units} ({beside})") };
    let day = segment.value(14, 1);
    let day = match (day.get(..4), day.get(4..6), day.get(6..8)) {
        (Some(year), Some(month), Some(day)) => format!("{year}-{month}-{day}"),
        _ => String::new(),
    };
    let told = joined([told, day], ", ");
    Some(joined([words(&segment.field(3).first()), told], ": "))
}

/// What is not empty of some parts, with something between.
fn joined(parts: impl IntoIterator<Item = String>, between: &str) -> String {
    let parts = parts.into_iter().map(|part| part.trim().to_owned()).filter(|part| !part.is_empty());
    parts.collect::<Vec<_>>().join(between)
}

/// A coded value in words, else its code.
fn words(coded: &Repetition<'_>) -> String {
    let parts = [2, 1].map(|part| coded.component(part).text().trim().to_owned());
    parts.into_iter().find(|text| !text.is_empty()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_and_allergies_are_told_a_line_for_each_and_what_was_taken_back_is_not() {
        let text = "MSH|^~\\&|HUB|RFM|CW|NCC|2026||REF^I12|1|P|2.5.1\rPID|1||7\rAL1|1|DA|PEN^Penicillin|SV|Hives~Swelling\rAL1|2||^Latex\rAL1|3\r\
            OBX|1|TX|DX^Diagnosis||Invasive ductal carcinoma\\.br\\Grade 2||||||F\r\
            OBX|2|NM|CA153^CA 15-3||41.2|U/mL|0-30|H|||F|||20261102\rOBX|3|CWE|16112-5^ER||POS^Positive\r\
            OBX|4|SN|X^Size||>^10|mm\rOBX|5|TX|Y^Wrong||x||||||D\rOBX|6|ED|Z||^^pdf^Base64^SGkh\rOBX|7|ST|E^Empty||\r\
            OBX|8|RP|18748-4^CT report||files/ct.pdf^^AP^pdf||||||F\r";
        let message = Message::parse(text).unwrap_or_else(|why| panic!("{why}"));
        assert_eq!(allergies(&message), "Penicillin, severe, Hives, Swelling\nLatex");
        let expected = "Diagnosis: Invasive ductal carcinoma\nGrade 2\nCA 15-3: 41.2 U/mL (H, usual 0-30), 2026-11-02\n\
            ER: Positive\nSize: > 10 mm\nCT report: not sent along, ask the office for it (files/ct.pdf)";
        assert_eq!(observations(&message), expected);
    }

    #[test]
    fn how_many_are_not_told_is_told() {
        let segments: String = (1..=MOST + 7).map(|at| format!("OBX|{at}|NM|T^Test||{at}\r")).collect();
        let text = format!("MSH|^~\\&|HUB|RFM|CW|NCC|2026||REF^I12|1|P|2.5.1\r{segments}");
        let message = Message::parse(&text).unwrap_or_else(|why| panic!("{why}"));
        let told = observations(&message);
        let last: Vec<&str> = told.lines().rev().take(2).collect();
        assert_eq!(last, ["And 7 more, which are not shown: ask the office", "Test: 300"]);
    }
}
