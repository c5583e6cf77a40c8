//! Which column of a file is which field: delimiter and header, by the mapping of its feed.
//!
//! The delimiter is the one by which the most headers are known. A header line is the first in which at least half of what
//! stands there is known, so titles above it are passed over. Anything else in it that is not known, twice there or lacking
//! keeps the file from being read. Deliberately not here: the mapping itself (the funnel's profile).

use std::collections::BTreeMap;

use causeway_funnel::profile::{CsvField, CsvMapping, plain_header};

use serde::{Deserialize, Serialize};

use super::fault::{Code, FileFault};
use super::records::{Record, Splitter};

/// What may separate cells.
const DELIMITERS: [u8; 4] = [b',', b';', b'\t', b'|'];
/// Lines among which the header must be.
const HEADER_LINES: usize = 30;
/// Longest header that is repeated to people.
const LONGEST_HEADER: usize = 40;

/// How a file is laid out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Layout {
    /// What separates cells.
    pub delimiter: u8,
    /// Field of each column.
    pub columns: Vec<CsvField>,
    /// Line on which the header begins; 0: there is none.
    pub header_line: u64,
}

/// Reads the layout from the beginning of a file; `is_all`: it is the whole file.
///
/// # Errors
/// Why the file is not read.
pub fn detect(head: &str, is_all: bool, mapping: &CsvMapping) -> Result<Layout, FileFault> {
    if head.trim().is_empty() && is_all {
        return Err(FileFault::plain(Code::FileEmpty));
    }
    if mapping.is_without_header() {
        return without_header(head, is_all, mapping);
    }
    let known = mapping.known_headers();
    let candidates = DELIMITERS.iter().filter_map(|delimiter| {
        let header = first_records(head, is_all, *delimiter).into_iter().find(|record| is_header(record, &known))?;
        Some((count_known(&header, &known), *delimiter, header))
    });
    let best = candidates.max_by_key(|(count, delimiter, _)| (*count, std::cmp::Reverse(place(*delimiter))));
    let (_, delimiter, header) = best.ok_or_else(|| FileFault::plain(Code::HeaderMissing))?;
    let columns = columns(&header, &known)?;
    complete(&columns, mapping)?;
    Ok(Layout { delimiter, columns, header_line: header.line })
}

fn place(delimiter: u8) -> usize {
    DELIMITERS.iter().position(|known| *known == delimiter).unwrap_or(DELIMITERS.len())
}

fn without_header(head: &str, is_all: bool, mapping: &CsvMapping) -> Result<Layout, FileFault> {
    let columns = mapping.columns.clone();
    let fitting = |delimiter: u8| {
        first_records(head, is_all, delimiter).iter().filter(|record| record.len() == columns.len()).count()
    };
    let best = DELIMITERS.iter().map(|delimiter| (fitting(*delimiter), *delimiter));
    match best.max_by_key(|(count, delimiter)| (*count, std::cmp::Reverse(place(*delimiter)))) {
        Some((count, delimiter)) if count > 0 => Ok(Layout { delimiter, columns, header_line: 0 }),
        _ => Err(FileFault::at(Code::HeaderMissing, format!("no line has the {} columns", columns.len()))),
    }
}

/// The first records of a file that are not blank.
fn first_records(head: &str, is_all: bool, delimiter: u8) -> Vec<Record> {
    let (mut splitter, mut records) = (Splitter::by(delimiter), Vec::new());
    let mut take = |record: Record| {
        if records.len() < HEADER_LINES && !record.is_empty() {
            records.push(record);
        }
    };
    splitter.push(head, &mut take);
    if is_all {
        splitter.finish(&mut take);
    }
    records
}

fn filled(record: &Record) -> impl Iterator<Item = &str> {
    record.cells().filter(|cell| !cell.trim().is_empty())
}

fn count_known(record: &Record, known: &BTreeMap<String, CsvField>) -> usize {
    filled(record).filter(|cell| known.contains_key(&plain_header(cell))).count()
}

fn is_header(record: &Record, known: &BTreeMap<String, CsvField>) -> bool {
    let count = count_known(record, known);
    count >= 2 && 2 * count >= filled(record).count()
}

fn columns(header: &Record, known: &BTreeMap<String, CsvField>) -> Result<Vec<CsvField>, FileFault> {
    let last = header.cells().enumerate().filter(|(_, cell)| !cell.trim().is_empty()).map(|(at, _)| at).last();
    let (mut columns, mut unknown) = (Vec::with_capacity(header.len()), Vec::new());
    for (at, cell) in header.cells().enumerate() {
        match known.get(&plain_header(cell)) {
            Some(field) => columns.push(*field),
            // Spreadsheets write empty columns behind the last one.
            None if Some(at) > last => columns.push(CsvField::Ignored),
            None => unknown.push((format!("column {}{}", at + 1, quoted(cell)), format!("column {}", at + 1))),
        }
    }
    if !unknown.is_empty() {
        let (told, bare): (Vec<String>, Vec<String>) = unknown.into_iter().unzip();
        return Err(FileFault::telling(Code::HeaderUnknown, &told.join(", "), &bare.join(", ")));
    }
    let doubled =
        columns.iter().enumerate().filter(|(at, field)| **field != CsvField::Ignored && columns[..*at].contains(field));
    let doubled: Vec<String> = doubled.map(|(at, field)| format!("column {} is \"{field}\" again", at + 1)).collect();
    if !doubled.is_empty() {
        return Err(FileFault::at(Code::ColumnDoubled, doubled.join(", ")));
    }
    Ok(columns)
}

/// A header as it is repeated to people. What does not look like one is not: a row may stand in its place.
fn quoted(cell: &str) -> String {
    let text = cell.trim();
    let digits = text.chars().filter(char::is_ascii_digit).count();
    let is_plain = text.chars().all(|letter| letter.is_alphanumeric() || " _-#/.()&'".contains(letter));
    if text.is_empty() {
        " (empty)".to_owned()
    } else if is_plain && digits <= 2 && text.chars().count() <= LONGEST_HEADER {
        format!(" \"{text}\"")
    } else {
        String::new()
    }
}

fn complete(columns: &[CsvField], mapping: &CsvMapping) -> Result<(), FileFault> {
    let missing = mapping.missing(columns);
    if missing.is_empty() {
        return Ok(());
    }
    let names: Vec<String> = missing.iter().map(|field| format!("\"{field}\"")).collect();
    Err(FileFault::at(Code::ColumnMissing, names.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mapping() -> CsvMapping {
        CsvMapping {
            headers: BTreeMap::from([(CsvField::Sex, vec!["M/F".to_owned()])]),
            required: vec![CsvField::ReferralId],
            ignored: vec!["Printed by".to_owned()],
            ..CsvMapping::default()
        }
    }

    fn told(text: &str) -> Result<(u8, usize, u64), FileFault> {
        detect(text, true, &mapping()).map(|layout| (layout.delimiter, layout.columns.len(), layout.header_line))
    }

    #[test]
    fn the_delimiter_is_the_one_by_which_headers_are_known() {
        assert_eq!(told("referral id,patient name,m/f\n"), Ok((b',', 3, 1)));
        assert_eq!(told("Referral_ID;Patient Name\nA;\"Vega, Rosa\"\n"), Ok((b';', 2, 1)));
        assert_eq!(told("referral_id\tpatient_name"), Ok((b'\t', 2, 1)));
        assert_eq!(told("Weekly list, do not forward|\n\nreferral_id|patient_name|printed by\n"), Ok((b'|', 3, 3)));
    }

    #[test]
    fn what_was_not_agreed_keeps_a_file_from_being_read() {
        for (text, code, which) in [
            ("", Code::FileEmpty, "the file is empty"),
            ("Rosa Vega,1961-03-27\n", Code::HeaderMissing, "no line"),
            ("referral_id,patient_name,Shoe size\n", Code::HeaderUnknown, "column 3 \"Shoe size\""),
            ("referral_id,patient_name,rosa@example.com\n", Code::HeaderUnknown, "column 3"),
            ("referral_id,,patient_name\n", Code::HeaderUnknown, "column 2 (empty)"),
            ("patient_name,sex\n", Code::ColumnMissing, "\"referral_id\""),
            ("referral_id,sex\n", Code::ColumnMissing, "\"patient_name\""),
            ("referral_id,patient_name,sex,M/F\n", Code::ColumnDoubled, "column 4 is \"sex\" again"),
        ] {
            let fault = told(text).expect_err(text);
            assert_eq!(fault.code, code, "{text}");
            assert!(fault.detail.contains(which) && !fault.detail.contains("rosa@"), "{}", fault.detail);
            assert!(!fault.bare.contains("Shoe"), "{}", fault.bare);
        }
        assert!(told("referral_id,patient_name,,,\n").is_ok(), "empty columns at the end are nobody's");
    }

    #[test]
    fn a_file_without_header_is_known_by_its_number_of_columns() {
        let mapping =
            CsvMapping { columns: vec![CsvField::ReferralId, CsvField::PatientName], ..CsvMapping::default() };
        let layout = detect("A|Vega, Rosa\nB|Ruiz\n", true, &mapping).expect("read");
        assert_eq!((layout.delimiter, layout.header_line), (b'|', 0));
        assert_eq!(detect("A\n", true, &mapping).expect_err("one column").code, Code::HeaderMissing);
    }
}
