//! What of a file is a row: records under their columns, and not titles, totals and blank lines.
//!
//! A line is about somebody where it has a name, a way to reach them, or a number of a referral; a line with one cell filled,
//! or with nothing of these but a number that begins with a word like "total", is what people and printers add. Deliberately not here: what the cells mean (referral).

use std::collections::BTreeMap;

use causeway_funnel::profile::{CsvField, CsvMapping};

use super::cells;
use super::fault::Code;
use super::layout::Layout;
use super::records::{Flaw, Record};
use super::referral::{self, Referral, Remark};

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
}

impl Places {
    /// Of a layout.
    #[must_use]
    pub fn of(layout: &Layout) -> Self {
        let named = layout.columns.iter().enumerate().filter(|(_, field)| **field != CsvField::Ignored);
        let by_field = named.map(|(at, field)| (*field, at)).collect();
        Self { by_field, columns: layout.columns.len(), header_line: layout.header_line }
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
        let number = if flaw == Flaw::Nul { number() } else { String::new() };
        return Judged::Broken(Remark::whole(flaw.into()), number);
    }
    let filled = record.cells().filter(|cell| !cells::text(cell).is_empty()).count();
    if filled <= 1 && places.columns > 1 || !is_about_somebody(&row) {
        return Judged::Skipped;
    }
    if record.len() < places.columns {
        return Judged::Broken(Remark::whole(Code::RowShort), number());
    }
    let surplus = (places.columns..record.len()).any(|at| !cells::text(record.cell(at)).is_empty());
    if surplus {
        return Judged::Broken(Remark::whole(Code::RowLong), number());
    }
    match referral::read(&row, mapping, today) {
        Ok(referral) => Judged::Referral(Box::new(referral)),
        Err(remark) => Judged::Broken(remark, number()),
    }
}

fn is_about_somebody(row: &Row<'_>) -> bool {
    let names = [CsvField::PatientName, CsvField::PatientLast, CsvField::PatientFirst];
    // A referral may well have a number such as SUMMIT-7: somebody who can be reached is never passed over for it. A total
    // has a few digits in any column.
    let is_phone = |field: CsvField| row.text(field).bytes().filter(u8::is_ascii_digit).count() >= 7;
    let can_be_reached =
        [CsvField::Phone, CsvField::Phone2].into_iter().any(is_phone) || row.text(CsvField::Email).contains('@');
    let number = row.text(CsvField::ReferralId).to_ascii_lowercase();
    let sums = ["total", "subtotal", "grand total", "count", "sum", "printed", "page ", "end of"];
    names.iter().any(|field| row.is_told(*field))
        || can_be_reached
        || !number.is_empty() && !sums.iter().any(|word| number.starts_with(word))
}

/// Whether a file ends in the middle of a row: its last line has neither an end nor all its cells.
#[must_use]
pub fn is_cut(last: &Record, places: &Places) -> bool {
    !last.is_ended && !last.is_empty() && last.len() < places.columns && last.line > places.header_line
}
