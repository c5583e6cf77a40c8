//! Anything at all may stand in a file: nothing may panic, nothing may grow, and what is in order reads as everywhere.

use causeway_funnel::profile::{CsvField, CsvMapping};
use jiff::civil::date;
use proptest::prelude::*;

use super::charset::{Detector, Text};
use super::layout::detect;
use super::records::{LONGEST, Record, Splitter};
use super::result::{Line, State};
use super::row::{Judged, Places, judge};

const TODAY: jiff::civil::Date = date(2026, 4, 12);

fn mapping() -> CsvMapping {
    CsvMapping { required: vec![CsvField::ReferralId], ..CsvMapping::default() }
}

fn split(text: &str, parts: usize) -> Vec<Record> {
    let (mut splitter, mut all) = (Splitter::by(b','), Vec::new());
    let letters: Vec<char> = text.chars().collect();
    for part in letters.chunks(parts.max(1)) {
        splitter.push(&part.iter().collect::<String>(), |record| all.push(record));
    }
    splitter.finish(|record| all.push(record));
    all
}

/// All that is ever done with the bytes of a file.
fn handle(bytes: &[u8], part: usize) {
    let mut detector = Detector::default();
    bytes.chunks(part).for_each(|part| detector.push(part));
    let charset = detector.finish(encoding_rs::WINDOWS_1252);
    let mut reader = Text::of(charset.encoding);
    let mut text = String::new();
    bytes.chunks(part).for_each(|part| text.push_str(&reader.push(part, false)));
    text.push_str(&reader.push(&[], true));
    let Ok(layout) = detect(&text, true, &mapping()) else { return };
    let places = Places::of(&layout, "US");
    let splitter = Splitter::by(layout.delimiter).with_lost_letters(charset.has_stray_bytes);
    let (mut splitter, mut records) = (splitter, Vec::new());
    splitter.push(&text, |record| records.push(record));
    splitter.finish(|record| records.push(record));
    let lines: Vec<u64> = records.iter().map(|record| record.line).collect();
    assert!(lines.is_sorted_by(|one, next| one < next), "each line once: {lines:?}");
    for record in &records {
        assert!(record.cells().map(str::len).sum::<usize>() <= 3 * LONGEST);
        let mut told = String::new();
        let line = |state, reason, referral_id, remarks| Line {
            line: record.line,
            referral_id,
            state,
            reason,
            reference: "",
            remarks,
        };
        match judge(record, &places, &mapping(), TODAY) {
            Judged::Skipped => continue,
            Judged::Nameless => line(State::Refused, "nobody", "", "").write(&mut told),
            Judged::Broken(remark, number) => line(State::Parked, remark.code.word(), &number, "").write(&mut told),
            Judged::Referral(referral) => line(State::Accepted, "", &referral.referral_id, "").write(&mut told),
        }
        let mut csv = csv::ReaderBuilder::new().has_headers(false).from_reader(told.as_bytes());
        let read = csv.records().next().expect("a line").expect("readable");
        assert_eq!(read.len(), 7, "{told}");
        assert!(!read[1].starts_with(['=', '+', '-', '@']), "{told}");
    }
}

proptest! {
    #[test]
    fn any_bytes_are_taken_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..600), part in 1_usize..64) {
        handle(&bytes, part);
    }

    #[test]
    fn any_cells_under_a_header_are_taken_without_a_panic(
        cells in prop::collection::vec("[ -~\"\\n\\r,;éñ\\x00=+]{0,12}", 0..40), part in 1_usize..64, wide in any::<bool>(),
    ) {
        let mut text = "referral_id,patient_name,birth_date,phone,zip,diagnosis_codes,member_id,address\n".to_owned();
        for row in cells.chunks(8) {
            text.push_str(&row.join(","));
            text.push('\n');
        }
        if wide {
            let wide: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
            handle(&[b"\xff\xfe".as_slice(), &wide].concat(), part);
        } else {
            handle(text.as_bytes(), part);
        }
    }

    #[test]
    fn a_file_in_order_reads_as_the_usual_reader_reads_it(
        rows in prop::collection::vec(prop::collection::vec("[a-zé \",\\n]{0,8}", 2..5), 1..12), part in 1_usize..20,
    ) {
        let mut writer = csv::WriterBuilder::new().flexible(true).from_writer(Vec::new());
        rows.iter().for_each(|row| writer.write_record(row).expect("written"));
        let text = String::from_utf8(writer.into_inner().expect("flushed")).expect("text");
        let read: Vec<Vec<String>> =
            split(&text, part).iter().map(|record| record.cells().map(str::to_owned).collect()).collect();
        prop_assert_eq!(read, rows);
    }

    #[test]
    fn any_text_of_a_date_is_read_without_a_panic(cell in "[0-9/.\\-: A-Za-zé]{0,14}") {
        for order in [causeway_funnel::profile::DateOrder::MonthFirst, causeway_funnel::profile::DateOrder::DayFirst] {
            let _ = super::dates::read(&cell, order, TODAY);
        }
    }
}

#[test]
fn a_file_without_end_of_line_or_quote_is_held_by_no_more_than_one_record() {
    for filler in ["x", "\"", ",", "a\"", "\0"] {
        let text = filler.repeat(4 * LONGEST / filler.len());
        let records = split(&text, 4096);
        let held: usize = records.iter().map(|record| record.cells().map(str::len).sum::<usize>()).sum();
        assert!(held <= LONGEST, "{filler:?}: {held}");
    }
}
