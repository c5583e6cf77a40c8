//! The answer to a file: one line for each row, told by the office's own number and without anything of the patient.
//!
//! Whoever opens it in a spreadsheet must not run what stands in it, so a cell that a spreadsheet would calculate gets an
//! apostrophe before it. Deliberately not here: which rows there are (store).

use std::borrow::Cow;

use causeway_funnel::contact::FaultCode;

use super::fault::Code;

/// The first line.
pub const HEADER: &str = "line,referral_id,result,causeway_id,code,field,message\r\n";

/// What became of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// An inquiry was made of it.
    Accepted,
    /// It is known: an inquiry, or what waits for a person, stands for it.
    Linked,
    /// It waits for a person.
    Parked,
    /// Nobody could act on it.
    Refused,
}

impl State {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Accepted, Self::Linked, Self::Parked, Self::Refused];

    /// The stored word.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Linked => "linked",
            Self::Parked => "parked",
            Self::Refused => "refused",
        }
    }

    /// By its word.
    #[must_use]
    pub fn of(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.word() == word)
    }
}

/// A row of a result.
pub struct Line<'a> {
    /// The line on which the row begins.
    pub line: u64,
    /// The office's own number.
    pub referral_id: &'a str,
    /// What became of it.
    pub state: State,
    /// Why it was not accepted; empty where it was.
    pub reason: &'a str,
    /// The request number of the inquiry that stands for it.
    pub reference: &'a str,
    /// What should be looked at in it: words such as `npi_checksum@referring_npi`, with blanks between.
    pub remarks: &'a str,
}

impl Line<'_> {
    /// The word that offices know.
    #[must_use]
    pub fn word(&self) -> &'static str {
        let code = Code::of(self.reason);
        match (self.state, code) {
            (State::Accepted, _) if self.remarks.is_empty() => "created",
            (State::Accepted, _) => "accepted_with_warning",
            (State::Refused, _) => "rejected",
            (_, Some(Code::Duplicate | Code::DuplicateDiffers)) => "duplicate",
            (State::Linked, None) => "unchanged",
            (_, Some(code)) if !code.is_the_senders() => "parked",
            _ => "rejected",
        }
    }

    /// Writes it.
    pub fn write(&self, text: &mut String) {
        let own = (!self.reason.is_empty()).then_some(self.reason);
        let remarks = || own.into_iter().chain(self.remarks.split_ascii_whitespace());
        let all = |part: fn(&str) -> String| {
            let mut parts: Vec<String> = remarks().map(part).filter(|part| !part.is_empty()).collect();
            parts.dedup();
            parts.join("; ")
        };
        let code = all(|remark| remark.split('@').next().unwrap_or_default().to_owned());
        let field = all(|remark| remark.split_once('@').map(|(_, field)| field.to_owned()).unwrap_or_default());
        let message = all(|remark| message(remark.split('@').next().unwrap_or_default()));
        let line = self.line.to_string();
        for (at, cell) in [line.as_str(), self.referral_id, self.word(), self.reference, &code, &field, &message]
            .into_iter()
            .enumerate()
        {
            if at > 0 {
                text.push(',');
            }
            put(cell, text);
        }
        text.push_str("\r\n");
    }
}

fn message(code: &str) -> String {
    let own = Code::of(code).map(Code::message);
    let answer = || code.parse::<FaultCode>().ok().map(|code| code.label("en"));
    own.or_else(answer).unwrap_or_default().to_owned()
}

/// Writes a cell that no spreadsheet calculates. Of a damaged one only what can be seen is told back, and what may then begin it
/// counts.
fn put(cell: &str, text: &mut String) {
    let is_hidden = |letter: char| letter.is_control() && !['\r', '\n', '\t'].contains(&letter);
    let seen = if cell.contains(is_hidden) { Cow::Owned(cell.replace(is_hidden, "")) } else { Cow::Borrowed(cell) };
    let cell = seen.as_ref();
    let is_formula = cell.starts_with(['=', '+', '-', '@', '\t', '\r']);
    let is_quoted = is_formula || cell.contains([',', '"', '\r', '\n', ';', '\'']);
    if !is_quoted {
        return text.push_str(cell);
    }
    text.push('"');
    if is_formula {
        text.push('\'');
    }
    for letter in cell.chars() {
        if letter == '"' {
            text.push('"');
        }
        text.push(letter);
    }
    text.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(state: State, reason: &str, remarks: &str, referral_id: &str) -> Vec<String> {
        let mut text = HEADER.to_owned();
        Line { line: 7, referral_id, state, reason, reference: "HV-1", remarks }.write(&mut text);
        let mut reader = csv::Reader::from_reader(text.as_bytes());
        let record = reader.records().next().expect("a line").expect("readable");
        record.iter().map(str::to_owned).collect()
    }

    #[test]
    fn a_row_is_told_with_the_words_that_offices_know() {
        let word = |state, reason: &str, remarks: &str| line(state, reason, remarks, "RB-1").swap_remove(2);
        assert_eq!(word(State::Accepted, "", ""), "created");
        assert_eq!(word(State::Accepted, "", "npi_checksum@referring_npi"), "accepted_with_warning");
        assert_eq!(word(State::Linked, "", ""), "unchanged");
        assert_eq!(word(State::Linked, "duplicate", ""), "duplicate");
        assert_eq!(word(State::Parked, "duplicate_differs", ""), "duplicate");
        assert_eq!(word(State::Parked, "referral_changed", ""), "parked");
        assert_eq!(word(State::Linked, "referral_cancelled", ""), "parked");
        assert_eq!(word(State::Parked, "row_short", ""), "rejected");
        assert_eq!(word(State::Linked, "row_short", ""), "rejected");
        assert_eq!(word(State::Refused, "nobody", ""), "rejected");
        assert_eq!(word(State::Parked, "nobody", ""), "parked");
        assert_eq!(word(State::Parked, "birth_date_impossible", "birth_date_impossible@birth_date"), "parked");
    }

    #[test]
    fn each_remark_is_told_with_its_field_and_what_to_do() {
        let cells = line(State::Accepted, "", "npi_checksum@referring_npi phone_length@phone", "RB-1");
        assert_eq!(cells[4], "npi_checksum; phone_length");
        assert_eq!(cells[5], "referring_npi; phone");
        assert!(cells[6].starts_with("fails the check digit; Check the phone number"), "{}", cells[6]);
    }

    #[test]
    fn no_spreadsheet_calculates_a_cell_of_the_result() {
        for (told, written) in [
            ("=HYPERLINK(\"http://x\",\"y\")", "'=HYPERLINK(\"http://x\",\"y\")"),
            ("+1", "'+1"),
            ("-1", "'-1"),
            ("@x", "'@x"),
            ("\tx", "'\tx"),
            ("a\"b\nc", "a\"b\nc"),
            ("RB-1", "RB-1"),
            ("R\0B\u{1b}-1", "RB-1"),
            ("\0=1", "'=1"),
        ] {
            assert_eq!(line(State::Linked, "", "", told)[1], written);
        }
    }

    #[test]
    fn every_word_reads_back_and_every_code_has_words() {
        for code in Code::ALL {
            assert_eq!(Code::of(code.word()), Some(*code));
            assert!(!code.message().is_empty() && !code.word().contains([' ', '@']));
        }
        for state in State::ALL {
            assert_eq!(State::of(state.word()), Some(state));
        }
    }
}
