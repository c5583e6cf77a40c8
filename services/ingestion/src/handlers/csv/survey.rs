//! Looks through a whole file before anything is made of it: may it be read by its mapping, is it whole, how many rows are
//! bad?
//!
//! A file with many bad rows is most likely another file than the one that was agreed; taking its good rows would make
//! inquiries of shifted cells. So it is put aside, with the lines that are bad, until somebody says what to do. Deliberately
//! not here: writing anything (worker).

use causeway_funnel::profile::{CsvMapping, Profile};
use encoding_rs::{Encoding, WINDOWS_1252};
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::Files;
use super::reader::{Reader, head};
use crate::adapters::csv::charset::Charset;
use crate::adapters::csv::fault::{Code, FileFault};
use crate::adapters::csv::layout::{Layout, detect};
use crate::adapters::csv::referral::Remark;
use crate::adapters::csv::row::{Judged, Places, is_cut, judge};
use crate::error::Refusal;

/// Most bad rows that are told of a file that is put aside.
const MOST_TOLD: usize = 1000;

/// How a file is read, from its first row to its last.
#[derive(Clone, Serialize, Deserialize)]
pub struct Reading {
    /// Name of its character set.
    pub encoding: String,
    /// Whether some of its bytes are no characters in that.
    #[serde(default)]
    pub has_stray_bytes: bool,
    /// Delimiter and columns.
    pub layout: Layout,
    /// What its columns mean.
    pub mapping: CsvMapping,
}

impl Reading {
    /// Its character set.
    pub fn encoding(&self) -> &'static Encoding {
        Encoding::for_label(self.encoding.as_bytes()).unwrap_or(encoding_rs::UTF_8)
    }

    /// Where each field of its rows stands.
    #[must_use]
    pub fn places(&self, profile: &Profile) -> Places {
        let is_guessed = Charset::is_guessed(&self.encoding);
        Places::of(&self.layout, &profile.center.default_region).guessed(is_guessed)
    }
}

/// A row that can't be taken. PHI: the office's number. No `Debug`.
pub struct Bad {
    /// The line on which it begins.
    pub line: u64,
    /// Why.
    pub remark: Remark,
    /// The office's number, as far as it can be seen.
    pub referral_id: String,
}

/// What was found. No `Debug`.
#[derive(Default)]
pub struct Survey {
    /// Rows.
    pub rows: u64,
    /// Lines that are no rows.
    pub skipped: u64,
    /// Rows that can't be taken.
    pub bad: u64,
    /// The first of them.
    pub told: Vec<Bad>,
    /// Why nothing is to be made of it.
    pub fault: Option<FileFault>,
}

/// The day by which dates of a feed are judged.
pub fn today(files: &Files, profile: &Profile, mapping: &CsvMapping) -> Date {
    let zone = mapping.time_zone.as_deref().and_then(|zone| jiff::tz::TimeZone::get(zone).ok());
    zone.as_ref().unwrap_or(profile.zone()).to_datetime(files.acceptance.clock.now()).date()
}

/// Looks through a file. The reading is given where it may be read at all.
///
/// # Errors
/// It can't be read at the moment.
pub async fn survey(
    files: &Files,
    (center, profile): (&str, &Profile),
    file: (Uuid, i32),
    (mapping, good_rows_wanted): (&CsvMapping, bool),
) -> Result<(Option<Reading>, Survey), Refusal> {
    let head = head(files, center, file, mapping.charset().unwrap_or(WINDOWS_1252)).await?;
    if let Some(what) = head.not_text {
        return Ok((None, Survey { fault: Some(what.into()), ..Survey::default() }));
    }
    let layout = match detect(&head.text, head.is_all, mapping) {
        Ok(layout) => layout,
        Err(fault) => return Ok((None, Survey { fault: Some(fault), ..Survey::default() })),
    };
    let reading = Reading {
        encoding: head.charset.encoding.name().to_owned(),
        has_stray_bytes: head.charset.has_stray_bytes,
        layout,
        mapping: mapping.clone(),
    };
    let fault = head.charset.is_cut.then(|| FileFault::at(Code::FileCut, "its last letter"));
    let mut survey = Survey { fault, ..Survey::default() };
    let (places, today) = (reading.places(profile), today(files, profile, mapping));
    let mut reader = Reader::of(files, center, file, &reading);
    while let Some(records) = reader.next().await? {
        for record in &records {
            if record.line > files.settings.lines {
                survey.fault = Some(FileFault::plain(Code::FileTooLong));
                return Ok((Some(reading), survey));
            }
            if is_cut(record, &places) {
                survey.fault = Some(FileFault::at(Code::FileCut, format!("line {}", record.line)));
            }
            let bad = match judge(record, &places, mapping, today) {
                Judged::Skipped => {
                    survey.skipped += 1;
                    continue;
                }
                Judged::Broken(remark, referral_id) => Some((remark, referral_id)),
                Judged::Referral(_) | Judged::Nameless => None,
            };
            survey.rows += 1;
            if let Some((remark, referral_id)) = bad {
                survey.bad += 1;
                if survey.told.len() < MOST_TOLD {
                    survey.told.push(Bad { line: record.line, remark, referral_id });
                }
            }
        }
    }
    let (few, percent) = (files.settings.bad_rows_from, u64::from(files.settings.bad_rows_percent));
    let is_too_bad = survey.rows >= few && survey.bad * 100 > survey.rows * percent;
    if survey.fault.is_none() && is_too_bad && !good_rows_wanted {
        let share = format!("{} of {} rows", survey.bad, survey.rows);
        survey.fault = Some(FileFault::at(Code::TooManyBadRows, share));
    }
    Ok((Some(reading), survey))
}
