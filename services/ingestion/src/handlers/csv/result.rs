//! The result of a file, read page by page, so that a file of any length is told without being held.
//!
//! Deliberately not here: how a line is written (adapters).

use super::{Files, internal, row_context};
use crate::adapters::csv::fault::Code;
use crate::adapters::csv::result::{HEADER, Line, State};
use crate::error::Refusal;
use crate::store::file_rows::{self, Told};
use crate::store::files::Standing;

/// Rows read at once.
const PAGE: i64 = 2000;

/// Where a result goes on.
#[derive(Debug, Clone, Copy, Default)]
pub enum At {
    /// At its beginning.
    #[default]
    First,
    /// Behind a line.
    Behind(i64),
    /// Nowhere.
    End,
}

/// The result of a file of which nothing is kept.
pub fn of_no_file(why: Code) -> String {
    format!("{HEADER}0,,rejected,,{},,\"{}\"\r\n", why.word(), why.message())
}

/// Tells the result of a file page by page.
pub struct Pages<'a> {
    files: &'a Files,
    center: &'a str,
    file: &'a Standing,
    /// Where it goes on.
    pub at: At,
}

impl<'a> Pages<'a> {
    /// From a place on.
    pub fn of(files: &'a Files, center: &'a str, file: &'a Standing, at: At) -> Self {
        Self { files, center, file, at }
    }

    /// The next lines; nothing at the end.
    ///
    /// # Errors
    /// They can't be read at the moment.
    pub async fn next(&mut self) -> Result<Option<String>, Refusal> {
        let after = match self.at {
            At::First => {
                self.at = At::Behind(0);
                return Ok(Some(self.first()?));
            }
            At::Behind(line) => line,
            At::End => return Ok(None),
        };
        let file_id = self.file.file_id;
        let rows = self.files.database.read(self.center, move |tx| {
            Box::pin(async move { Ok::<_, Refusal>(file_rows::page(tx, file_id, after, PAGE).await?) })
        });
        let rows = rows.await?;
        let is_last = i64::try_from(rows.len()).is_ok_and(|count| count < PAGE);
        self.at = rows.last().filter(|_| !is_last).map_or(At::End, |row| At::Behind(row.line));
        if rows.is_empty() {
            return Ok(None);
        }
        let mut text = String::with_capacity(80 * rows.len());
        for row in &rows {
            self.write(row, &mut text)?;
        }
        Ok(Some(text))
    }

    /// The header, and where nothing was made of the file a line about all of it, which is line 0.
    fn first(&self) -> Result<String, Refusal> {
        let mut text = HEADER.to_owned();
        if !self.file.reason.is_empty() {
            let told = self.files.open_heading(self.center, self.file.file_id, &self.file.heading)?.detail;
            let detail = if told.is_empty() { &self.file.detail } else { &told };
            let detail = detail.replace(|letter: char| letter.is_control(), " ").replace('"', "\"\"");
            text.push_str(&format!("0,,parked,,{},,\"{detail}\"\r\n", self.file.reason));
        }
        Ok(text)
    }

    fn write(&self, row: &Told, text: &mut String) -> Result<(), Refusal> {
        let line = u64::try_from(row.line).unwrap_or(0);
        let context = row_context(self.file.file_id, line);
        let number = self.files.acceptance.sealer.open(self.center, &context, &row.sealed).map_err(internal)?;
        let told = Line {
            line,
            referral_id: str::from_utf8(number.expose()).unwrap_or_default(),
            state: State::of(&row.state).unwrap_or(State::Parked),
            reason: &row.reason,
            reference: row.reference.as_deref().unwrap_or_default(),
            remarks: &row.remarks,
        };
        told.write(text);
        Ok(())
    }
}
