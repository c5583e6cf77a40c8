//! Single rows: what becomes an answer, what is told, and what is not taken.

use jiff::civil::date;

use super::*;
use crate::adapters::csv::layout::detect;
use crate::adapters::csv::records::Splitter;
use crate::adapters::csv::row::{Judged, Places, judge};

const TODAY: Date = date(2026, 4, 30);

fn judged(pairs: &[(&str, &str)]) -> Judged {
    judged_at("US", pairs)
}

fn judged_at(region: &str, pairs: &[(&str, &str)]) -> Judged {
    let quoted = |cell: &str| format!("\"{}\"", cell.replace('"', "\"\""));
    let line = |part: fn(&(&str, &str)) -> String| pairs.iter().map(part).collect::<Vec<_>>().join(",");
    let text = format!(
        "{}\n{}\n",
        line(|pair| pair.0.to_owned()),
        pairs.iter().map(|pair| quoted(pair.1)).collect::<Vec<_>>().join(",")
    );
    let mapping = CsvMapping::default();
    let layout = detect(&text, true, &mapping).unwrap_or_else(|fault| panic!("{}", fault.detail));
    let (mut splitter, mut records) = (Splitter::by(layout.delimiter), Vec::new());
    splitter.push(&text, |record| records.push(record));
    judge(&records[1], &Places::of(&layout, region), &mapping, TODAY)
}

fn referral(pairs: &[(&str, &str)]) -> Referral {
    let base = [("referral_id", "RB-1"), ("patient_last", "Testpatient"), ("patient_first", "Marisol")];
    let base = base.into_iter().filter(|(key, _)| !pairs.iter().any(|(own, _)| own == key));
    let all: Vec<(&str, &str)> = base.chain(pairs.iter().copied()).collect();
    match judged(&all) {
        Judged::Referral(referral) => *referral,
        Judged::Broken(remark, _) => panic!("broken: {remark:?}"),
        Judged::Skipped | Judged::Nameless => panic!("skipped"),
    }
}

fn answer<'a>(referral: &'a Referral, key: &str) -> &'a str {
    referral.answers.get(key).map(String::as_str).unwrap_or_default()
}

fn codes(referral: &Referral) -> Vec<Code> {
    referral.remarks.iter().map(|remark| remark.code).collect()
}

#[test]
fn a_row_becomes_the_answers_of_a_form() {
    let read = referral(&[
        ("birth_date", "1968-07-19"),
        ("sex", "F"),
        ("phone", "(937) 555-0111 x12 cell"),
        ("priority", "URGENT!!"),
        ("diagnosis_codes", "C3411 , R91.1"),
        ("diagnosis", "lung CA"),
        ("reason", "2nd opinion"),
        ("comments", "=HYPERLINK(\"http://evil.example\",\"x\")"),
        ("insurance", "Medicare"),
        ("member_id", "1EG4TE5MK73"),
        ("language", "Spanish"),
        ("interpreter", "Y"),
        ("text_allowed", "Y"),
        ("referring_provider", "Okafor, Adaeze MD"),
        ("referring_npi", "1234567893.0"),
    ]);
    for (key, told) in [
        ("name", "Marisol Testpatient"),
        ("who", "patient"),
        ("birth_date", "1968-07-19"),
        ("phone", "(937) 555-0111"),
        ("phone_as_told", "(937) 555-0111 x12 cell"),
        ("cancer_area", "thoracic"),
        ("message", "2nd opinion\nlung CA\nC34.11, R91.1\n=HYPERLINK(\"http://evil.example\",\"x\")"),
        ("payer", "medicare"),
        ("insurance", "Medicare, 1EG4TE5MK73"),
        ("interpreter", "yes"),
        ("referring_doctor", "Adaeze Okafor MD"),
        ("referring_npi", "1234567893"),
        ("referral_number", "RB-1"),
        ("consent_phone", "yes"),
        ("consent_sms", ""),
    ] {
        assert_eq!(answer(&read, key), told, "{key}");
    }
    assert_eq!((read.urgency, read.second_opinion, read.language.as_str()), (Urgency::Urgent, true, "es"));
    assert_eq!((read.identity.as_str(), codes(&read)), ("RB-1", vec![]));
}

#[test]
fn what_a_spreadsheet_damaged_is_told_and_never_made_up() {
    let read = referral(&[
        ("member_id", "9.98878E+11"),
        ("referring_npi", "1234567890"),
        ("requested_npi", "123"),
        ("zip", "2186"),
        ("referral_date", "soon"),
        ("diagnosis_codes", "mass"),
    ]);
    let expected = [
        Code::DateUnreadable,
        Code::NpiChecksum,
        Code::NpiLength,
        Code::NumberDamaged,
        Code::ZipPadded,
        Code::DiagnosisUnknown,
    ];
    assert_eq!(codes(&read), expected);
    assert_eq!((answer(&read, "address"), answer(&read, "cancer_area")), ("02186", "not_sure"));
}

#[test]
fn without_a_sound_number_a_row_is_known_by_person_and_matter() {
    let read = |id: &str, birth: &str, npi: &str| {
        referral(&[("referral_id", id), ("birth_date", birth), ("referring_npi", npi)])
    };
    let damaged = read("4.471E+08", "1968-07-19", "1");
    assert!(codes(&damaged).contains(&Code::NumberDamaged) && damaged.identity.len() == 32);
    let bare = read("", "7/19/1968", "1");
    assert_eq!(bare.identity, damaged.identity, "however the date is written");
    assert!(codes(&bare).contains(&Code::NoReferralId));
    assert_ne!(bare.identity, read("", "7/19/1968", "2").identity);
    assert_ne!(bare.identity, read("", "7/20/1968", "1").identity);
}

#[test]
fn a_child_is_never_the_one_to_call() {
    let child = [
        ("birth_date", "2019-03-01"),
        ("contact_name", "Rosa Testparent"),
        ("contact_phone", "513-555-0166"),
        ("diagnosis_codes", "C91.00"),
        ("email", "child@example.com"),
    ];
    let read = referral(&child);
    for (key, told) in [
        ("who", "caregiver"),
        ("name", "Rosa Testparent"),
        ("patient_name", "Marisol Testpatient"),
        ("phone", "513-555-0166"),
        ("email", ""),
        ("patient_email", "child@example.com"),
        ("cancer_area", "pediatric"),
        ("diagnosis_area", "hematologic"),
    ] {
        assert_eq!(answer(&read, key), told, "{key}");
    }
}

#[test]
fn a_birth_date_that_is_none_keeps_a_row_from_being_taken_and_words_do_not() {
    for told in ["13/45/1970", "2027-01-01", "1/1/1890", "99999"] {
        let row = judged(&[("referral_id", "1"), ("patient_name", "Lee Testpatient"), ("birth_date", told)]);
        let Judged::Broken(remark, number) = row else { panic!("{told} is taken") };
        assert_eq!((remark.code, number.as_str()), (Code::BirthDateImpossible, "1"), "{told}");
    }
    let read = referral(&[("birth_date", "about 60")]);
    assert_eq!(answer(&read, "birth_date"), "about 60", "as it was told, for a person to mend");
}

#[test]
fn a_withdrawn_row_is_told_from_a_new_one() {
    for (status, is_unknown) in [
        ("Closed", true),
        ("completed", true),
        ("Referred elsewhere", true),
        ("Open/declined", true),
        ("Pending", false),
        ("Scheduled", false),
        ("", false),
        ("CXL", false),
    ] {
        let read = referral(&[("status", status)]);
        assert_eq!(codes(&read).contains(&Code::StatusUnknown), is_unknown, "{status}");
        assert_eq!(read.answers.get("status_told").map(String::as_str), is_unknown.then_some(status), "{status}");
    }
    for (status, is_cancelled) in [
        ("Cancelled", true),
        ("canceled by pt", true),
        ("CXL", true),
        ("Referral cancelled", true),
        ("No longer needed", true),
        ("new", false),
        ("", false),
    ] {
        assert_eq!(referral(&[("status", status)]).is_cancelled, is_cancelled, "{status}");
    }
}

#[test]
fn somebody_who_can_be_reached_is_no_total_whatever_the_number_begins_with() {
    for reach in [("phone", "206 555 0199"), ("email", "jo@example.org")] {
        let row = judged(&[("referral_id", "SUMMIT-7"), ("patient_name", ""), reach]);
        assert!(matches!(row, Judged::Referral(_)), "{reach:?}");
    }
    let row = judged(&[("referral_id", "SUM"), ("patient_name", ""), ("phone", "1204")]);
    assert!(matches!(row, Judged::Skipped), "a sum in the column of phones");
}

#[test]
fn titles_totals_and_lines_of_one_cell_are_no_rows() {
    for row in [
        [("referral_id", "TOTAL"), ("patient_name", ""), ("birth_date", "4")],
        [("referral_id", "Total: 12"), ("patient_name", "12"), ("birth_date", "")],
        [("referral_id", "Printed 4/12/26"), ("patient_name", "Page 1 of 3"), ("birth_date", "")],
        [("referral_id", "Weekly list, do not forward"), ("patient_name", ""), ("birth_date", "")],
        [("referral_id", ""), ("patient_name", "12"), ("birth_date", "4")],
    ] {
        assert!(matches!(judged(&row), Judged::Skipped), "{row:?}");
    }
}

/// Of a row under these headers: `skipped`, `taken`, or why it is not.
fn fate(cells: [&str; 10]) -> &'static str {
    const HEADERS: [&str; 10] = [
        "referral_id",
        "patient_first",
        "patient_last",
        "birth_date",
        "phone",
        "patient_record_number",
        "diagnosis_codes",
        "contact_name",
        "contact_phone",
        "address",
    ];
    let pairs: Vec<(&str, &str)> = HEADERS.into_iter().zip(cells).collect();
    match judged(&pairs) {
        Judged::Skipped => "skipped",
        Judged::Nameless => "nameless",
        Judged::Broken(remark, _) => remark.code.word(),
        Judged::Referral(_) => "taken",
    }
}

#[test]
fn nobody_who_can_be_told_by_anything_is_passed_over() {
    for (cells, expected) in [
        (["", "", "", "2019-07-19", "", "", "C91.0", "Maria Vega", "206 555 0173", "1 Elm St"], "taken"),
        (["", "", "", "1968-07-19", "", "MRN-77", "C50.9", "", "", ""], "nobody"),
        (["SUM-12", "", "", "1968-07-19", "", "MRN-78", "C50.9", "", "", ""], "nobody"),
        (["S-5", "", "", "", "", "", "", "", "", ""], "nobody"),
        (["SUMMIT-7", "", "", "", "", "", "", "", "", ""], "nobody"),
        (["", "", "", "", "", "4471", "", "", "", ""], "nobody"),
        (["", "", "", "1968-07-19", "", "", "", "", "", ""], "nobody"),
        (["", "", "", "25038", "", "", "C50.9", "", "", ""], "nobody"),
        (["", "", "", "", "", "", "C50.9", "Maria Vega", "", ""], "nobody"),
        (["", "", "", "", "", "", "C50.9", "", "206 555 0173", ""], "nobody"),
        (["", "", "Page", "1968-07-19", "", "", "", "", "", ""], "taken"),
        (["Total", "", "", "12", "4", "", "", "", "", "12"], "skipped"),
        (["Total", "", "", "", "206 555 0173", "", "", "", "", ""], "taken"),
        (["Total", "", "", "", "", "MRN-79", "", "", "", ""], "nobody"),
        (["", "", "", "", "", "", "C50.9", "", "", "1 Elm St"], "nameless"),
        (["", "", "", "", "", "", "", "", "", "1 Elm St"], "skipped"),
    ] {
        assert_eq!(fate(cells), expected, "{cells:?}");
    }
}

#[test]
fn a_postal_code_of_another_country_gets_no_zero() {
    for (state, phone, address, is_padded) in [
        ("MA", "617 555 0142", "2186", true),
        ("", "", "2186", true),
        ("Vermont", "", "5401", true),
        ("ZH", "", "8001", false),
        ("Zürich", "", "8001", false),
        ("", "+41 44 668 18 00", "8001", false),
    ] {
        let read = referral(&[("state", state), ("phone", phone), ("zip", address)]);
        assert_eq!(codes(&read).contains(&Code::ZipPadded), is_padded, "{state} {phone} {address}");
        assert_eq!(answer(&read, "address").ends_with(&format!("0{address}")), is_padded, "{state} {phone} {address}");
    }
    let row = [("referral_id", "1"), ("patient_name", "Lee Testpatient"), ("zip", "8001")];
    let Judged::Referral(read) = judged_at("CH", &row) else { panic!("not taken") };
    assert_eq!(answer(&read, "address"), "8001", "at a center in another country");
}
