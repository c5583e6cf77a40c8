//! What of a file is a row: records under their columns, and not titles, totals and blank lines.
//!
//! A line is about somebody where it names them or who speaks for them, or tells a way to reach either, a birth date, a record
//! number or the number of a referral. A word like "total" with nothing but numbers beside it, and a line with one cell filled
//! that is none of these, is what people and printers add. Deliberately not here: what the cells mean (referral).

use std::collections::BTreeMap;

use causeway_funnel::profile::{CsvField, CsvMapping};

use super::cells;
use super::charset::looks_garbled;
use super::fault::Code;
use super::layout::Layout;
use super::records::{Flaw, Record};
use super::referral::{self, Referral, Remark};

/// The fields that hold a name of a person.
const NAMES: [CsvField; 4] =
    [CsvField::PatientName, CsvField::PatientLast, CsvField::PatientFirst, CsvField::ContactName];

/// A record under its columns. PHI: no `Debug`.
pub struct Row<'a> {
    record: &'a Record,
    places: &'a Places,
    constants: &'a BTreeMap<CsvField, String>,
}

/// Column of each field, found once for a file.
#[derive(Debug, Clone)]
pub struct Places {
    by_field: BTreeMap<CsvField, usize>,
    columns: usize,
    header_line: u64,
    is_in_us: bool,
    is_guessed: bool,
}

impl Places {
    /// Of a layout, for a center of a region (`US`).
    #[must_use]
    pub fn of(layout: &Layout, region: &str) -> Self {
        let named = layout.columns.iter().enumerate().filter(|(_, field)| **field != CsvField::Ignored);
        let by_field = named.map(|(at, field)| (*field, at)).collect();
        Self {
            by_field,
            columns: layout.columns.len(),
            header_line: layout.header_line,
            is_in_us: region == "US",
            is_guessed: false,
        }
    }

    /// The same, of a file whose character set was told or had to be guessed.
    #[must_use]
    pub fn guessed(self, is_guessed: bool) -> Self {
        Self { is_guessed, ..self }
    }
}

impl<'a> Row<'a> {
    /// A record under the columns of its file.
    #[must_use]
    pub fn of(record: &'a Record, places: &'a Places, mapping: &'a CsvMapping) -> Self {
        Self { record, places, constants: &mapping.constants }
    }

    /// A field as it was told, without the blanks around it.
    #[must_use]
    pub fn text(&self, field: CsvField) -> &str {
        let told = self.places.by_field.get(&field).map(|at| cells::text(self.record.cell(*at))).unwrap_or_default();
        if told.is_empty() { self.constants.get(&field).map(String::as_str).unwrap_or_default() } else { told }
    }

    /// Whether the center is in the US, and neither the state nor a phone is another country's.
    #[must_use]
    pub fn is_in_us(&self) -> bool {
        let is_abroad = |field| cells::is_abroad(self.text(field));
        self.places.is_in_us && ![CsvField::Phone, CsvField::Phone2, CsvField::ContactPhone].into_iter().any(is_abroad)
    }

    fn is_told(&self, field: CsvField) -> bool {
        self.places.by_field.get(&field).is_some_and(|at| !cells::text(self.record.cell(*at)).is_empty())
    }
}

/// What a record is. PHI: no `Debug`.
pub enum Judged {
    /// Nothing about anybody.
    Skipped,
    /// A row that can't be taken, and the office's number in it as far as it can be seen.
    Broken(Remark, String),
    /// A row that tells of nobody in particular, so that no person could make anything of it either.
    Nameless,
    /// A referral.
    Referral(Box<Referral>),
}

/// Judges a record of a file.
#[must_use]
pub fn judge(record: &Record, places: &Places, mapping: &CsvMapping, today: jiff::civil::Date) -> Judged {
    if record.line <= places.header_line || record.is_empty() && record.flaw.is_none() {
        return Judged::Skipped;
    }
    let row = Row::of(record, places, mapping);
    let number = || cells::whole_number(row.text(CsvField::ReferralId)).to_owned();
    if let Some(flaw) = record.flaw {
        // Behind a quote that went astray no cell can be told from the next.
        let number = if matches!(flaw, Flaw::Nul | Flaw::LetterLost) { number() } else { String::new() };
        return Judged::Broken(Remark::whole(flaw.into()), number);
    }
    let filled: Vec<&str> = record.cells().map(cells::text).filter(|cell| !cell.is_empty()).collect();
    if is_sum(&row, &filled) {
        return Judged::Skipped;
    }
    if !is_about_somebody(&row, filled.len()) {
        return if filled.len() <= 1 { Judged::Skipped } else { Judged::Nameless };
    }
    if record.len() < places.columns {
        return Judged::Broken(Remark::whole(Code::RowShort), number());
    }
    let surplus = (places.columns..record.len()).any(|at| !cells::text(record.cell(at)).is_empty());
    if surplus {
        return Judged::Broken(Remark::whole(Code::RowLong), number());
    }
    match referral::read(&row, mapping, today) {
        Ok(mut referral) => {
            if places.is_guessed {
                let garbled = |field: &CsvField| looks_garbled(row.text(*field));
                let remarks = NAMES.into_iter().filter(garbled).map(|field| Remark::at(Code::CharsetGuessed, field));
                referral.remarks.extend(remarks);
            }
            Judged::Referral(Box::new(referral))
        }
        Err(remark) => Judged::Broken(remark, number()),
    }
}

/// Whether a line is a word like "total" with nothing but numbers and more such words beside it, or such numbers alone.
fn is_sum(row: &Row<'_>, filled: &[&str]) -> bool {
    let is_known = [CsvField::ReferralId, CsvField::PatientRecordNumber].iter().any(|field| row.is_told(*field));
    match filled {
        [first, rest @ ..] if is_word_of_a_sum(first) => {
            rest.iter().all(|cell| is_plain_number(cell) || is_word_of_a_sum(cell))
        }
        _ => !is_known && filled.iter().all(|cell| is_plain_number(cell)),
    }
}

fn is_word_of_a_sum(cell: &str) -> bool {
    let cell = cell.to_ascii_lowercase();
    let words = ["total", "totals", "subtotal", "grand total", "count", "sum", "printed", "page", "end of"];
    // SUM-12 may well be the number of a referral.
    let ends = |rest: &str| rest.is_empty() || rest.starts_with([' ', ':', '=', '(']);
    words.iter().any(|word| cell.strip_prefix(word).is_some_and(ends))
}

/// A number as it stands in a sum: no phone, no date and no record number looks like it.
fn is_plain_number(cell: &str) -> bool {
    let digits = cell.bytes().filter(u8::is_ascii_digit).count();
    (1..=6).contains(&digits) && cell.bytes().all(|byte| byte.is_ascii_digit() || b".,%$ ".contains(&byte))
}

fn is_about_somebody(row: &Row<'_>, filled: usize) -> bool {
    let names = [CsvField::PatientName, CsvField::PatientLast, CsvField::PatientFirst, CsvField::ContactName];
    let is_word = |field: CsvField| row.is_told(field) && !is_plain_number(row.text(field));
    let is_phone = |field: CsvField| row.text(field).bytes().filter(u8::is_ascii_digit).count() >= 7;
    let number = row.text(CsvField::ReferralId);
    // In the first column stand titles as well, alone.
    let is_number = filled > 1 || number.bytes().any(|byte| byte.is_ascii_digit()) && !number.contains(' ');
    names.into_iter().any(is_word)
        || [CsvField::Phone, CsvField::Phone2, CsvField::ContactPhone].into_iter().any(is_phone)
        || row.text(CsvField::Email).contains('@')
        || [CsvField::BirthDate, CsvField::PatientRecordNumber].into_iter().any(|field| row.is_told(field))
        || !number.is_empty() && is_number
}

/// Whether a file ends in the middle of a row: its last line has neither an end nor all its cells.
#[must_use]
pub fn is_cut(last: &Record, places: &Places) -> bool {
    !last.is_ended && !last.is_empty() && last.len() < places.columns && last.line > places.header_line
}
