//! Whole files: each sample by the mapping of a demo center, with what has to become of it.
//!
//! `tests/samples/csv/MANIFEST.csv` says so in words; here it is counted, and why it differs where a demo center does better
//! than the words (a changed row waits for a person instead of overwriting what somebody works on).

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use causeway_funnel::profile::{Bundle, CsvMapping, Profile};
use jiff::civil::date;

use super::charset::{Detector, Text, not_text};
use super::fault::Code;
use super::layout::detect;
use super::records::{Record, Splitter};
use super::row::{Judged, Places, is_cut, judge};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/samples/csv")
}

fn mapping(center: &str, feed: &str) -> CsvMapping {
    fn walk(root: &Path, folder: &Path, bundle: &mut Bundle) {
        for entry in std::fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                walk(root, &path, bundle);
            } else {
                let name = path.strip_prefix(root).expect("inside").to_string_lossy().into_owned();
                bundle.insert(name, std::fs::read_to_string(&path).expect("text"));
            }
        }
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy/centers").join(center);
    let mut bundle = Bundle::new();
    walk(&root, &root, &mut bundle);
    let profile = Profile::from_bundle(&bundle).expect("a profile in order");
    profile.feed(feed).and_then(|feed| feed.csv.clone()).expect("a feed with files")
}

/// What was kept of a feed: what each referral said.
type Kept = HashMap<String, String>;

/// What becomes of a file.
#[derive(Debug, Default, PartialEq, Eq)]
struct Told {
    created: usize,
    unchanged: usize,
    changed: usize,
    cancelled: usize,
    duplicate: usize,
    skipped: usize,
    broken: Vec<(u64, &'static str)>,
    flagged: Vec<&'static str>,
}

fn read(name: &str, mapping: &CsvMapping, kept: &mut Kept) -> Result<Told, Code> {
    let bytes = std::fs::read(folder().join(name)).unwrap_or_else(|cause| panic!("{name}: {cause}"));
    if not_text(&bytes).is_some() {
        return Err(Code::NotText);
    }
    let mut detector = Detector::default();
    detector.push(&bytes);
    let text = Text::of(detector.finish(encoding_rs::WINDOWS_1252).encoding).push(&bytes, true);
    let layout = detect(&text, true, mapping).map_err(|fault| fault.code)?;
    let places = Places::of(&layout, "US");
    let (mut splitter, mut records) = (Splitter::by(layout.delimiter), Vec::<Record>::new());
    splitter.push(&text, |record| records.push(record));
    splitter.finish(|record| records.push(record));
    if records.last().is_some_and(|last| is_cut(last, &places)) {
        return Err(Code::FileCut);
    }
    let (mut told, mut here) = (Told::default(), Vec::new());
    for record in &records {
        match judge(record, &places, mapping, date(2026, 4, 30)) {
            Judged::Skipped => told.skipped += 1,
            Judged::Nameless => told.broken.push((record.line, "nobody")),
            Judged::Broken(remark, _) => told.broken.push((record.line, remark.code.word())),
            Judged::Referral(referral) => {
                let content = format!("{:?}{:?}", referral.answers, referral.urgency);
                if referral.is_cancelled {
                    told.cancelled += 1;
                } else if here.contains(&referral.identity) {
                    told.duplicate += 1;
                } else if let Some(known) = kept.get(&referral.identity) {
                    if *known == content { told.unchanged += 1 } else { told.changed += 1 }
                } else {
                    told.created += 1;
                    told.flagged.extend(referral.remarks.iter().map(|remark| remark.code.word()));
                    kept.insert(referral.identity.clone(), content);
                }
                here.push(referral.identity);
            }
        }
    }
    Ok(told)
}

fn told(name: &str, mapping: &CsvMapping) -> Result<Told, Code> {
    read(name, mapping, &mut Kept::new())
}

fn created(created: usize, skipped: usize) -> Told {
    Told { created, skipped, ..Told::default() }
}

#[test]
fn each_sample_becomes_what_its_manifest_says() {
    let cedar = mapping("harbor-valley", "cedar-csv");
    for (name, expected) in [
        ("RIVERBEND_referrals_20260412_001.csv", Ok(created(12, 1))),
        ("PARTNER3_semicolon_cp1252.csv", Ok(created(3, 1))),
        ("PARTNER4_tab_utf16le.txt", Ok(created(3, 1))),
        ("bad_headers_only.csv", Ok(created(0, 1))),
        ("bad_truncated_upload.csv", Err(Code::FileCut)),
        ("bad_binary_xlsx_named_csv.csv", Err(Code::NotText)),
        // No header that was agreed: a list of another office must not be read by this one's mapping.
        ("PARTNER5_pipe_noheader.txt", Err(Code::HeaderMissing)),
        ("CLINIC2_excel_export.csv", Err(Code::HeaderUnknown)),
        ("bad_unbalanced_quote.csv", Ok(Told { broken: vec![(4, "quote_unbalanced")], ..created(2, 1) })),
        ("bad_short_and_long_rows.csv", Ok(Told { broken: vec![(3, "row_short"), (4, "row_long")], ..created(1, 1) })),
        ("bad_nul_bytes.csv", Ok(Told { broken: vec![(2, "nul_byte")], ..created(11, 1) })),
    ] {
        assert_eq!(told(name, &cedar), expected, "{name}");
    }
    let shore = mapping("lakeside", "north-shore-csv");
    assert_eq!(told("PARTNER5_pipe_noheader.txt", &shore), Ok(created(3, 0)));
}

#[test]
fn a_list_out_of_a_spreadsheet_is_read_as_far_as_it_is_sound() {
    let lake = mapping("lakeside", "lake-clinics-csv");
    let expected = Told {
        created: 2,
        // The same number again, with other words: a person compares them.
        duplicate: 1,
        // Two titles, the header, a blank line and the sum.
        skipped: 5,
        broken: vec![(8, "birth_date_impossible")],
        flagged: vec!["number_damaged", "zip_padded"],
        ..Told::default()
    };
    assert_eq!(told("CLINIC2_excel_export.csv", &lake), Ok(expected));
}

#[test]
fn a_daily_extract_repeats_changes_and_cancels() {
    let (cedar, mut kept) = (mapping("harbor-valley", "cedar-csv"), Kept::new());
    assert_eq!(read("RIVERBEND_referrals_20260412_001.csv", &cedar, &mut kept), Ok(created(12, 1)));
    let again = read("RIVERBEND_referrals_20260412_001_resent.csv", &cedar, &mut kept);
    assert_eq!(again, Ok(Told { unchanged: 12, skipped: 1, ..Told::default() }));
    let next = read("RIVERBEND_referrals_20260413_001.csv", &cedar, &mut kept);
    let expected = Told { created: 1, changed: 1, cancelled: 1, unchanged: 3, skipped: 1, ..Told::default() };
    assert_eq!(next, Ok(expected));
}

#[test]
fn every_sample_is_in_the_manifest_and_in_a_test() {
    let manifest = std::fs::read_to_string(folder().join("MANIFEST.csv")).expect("the manifest");
    let listed: Vec<&str> = manifest.lines().skip(1).filter_map(|line| line.split(',').next()).collect();
    let tests = include_str!("sample_tests.rs");
    for entry in std::fs::read_dir(folder()).expect("the samples") {
        let name = entry.expect("an entry").file_name().to_string_lossy().into_owned();
        let of_a_file =
            ["MANIFEST.csv", "result_report_example.csv"].contains(&name.as_str()) || name.ends_with(".sha256");
        assert!(name == "MANIFEST.csv" || listed.contains(&name.as_str()), "{name} has no expected outcome");
        assert!(of_a_file || tests.contains(&name), "{name} is in no test");
    }
}
