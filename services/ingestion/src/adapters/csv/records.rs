//! Text into records, each with the line on which it begins.
//!
//! The rules of quotes are those of RFC 4180, and here they are held to: readers that forgive a stray quote swallow the
//! lines after it into one cell, and nobody is told. So a quote that is misplaced within a line costs that line, and one
//! that may have swallowed others ends the reading there: the rest is for a person. The usual reader does not tell these
//! cases apart, which is why there is one of our own; on files in order it reads the same (property test). Lines end with
//! LF, CR LF or CR. Deliberately not here: what a cell means.

/// Longest record, bytes. A cell that is longer has no end.
pub const LONGEST: usize = 64 * 1024;

/// Most cells of a record.
const MOST_CELLS: usize = 1000;

/// What is wrong with a record as such.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flaw {
    /// A NUL byte stands in it.
    Nul,
    /// A byte of it is no letter in the character set of its file.
    LetterLost,
    /// It has no end within [`LONGEST`], or more cells than any file has columns.
    TooLong,
    /// Text stands behind a closing quote.
    QuoteMisplaced,
    /// A quote is not closed, or only lines later in the middle of other text: this and all after it is put aside.
    QuoteUnbalanced,
}

/// One record. PHI: no `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub struct Record {
    /// The line on which it begins, counted from 1.
    pub line: u64,
    /// What is wrong with it.
    pub flaw: Option<Flaw>,
    /// Whether its line has an end.
    pub is_ended: bool,
    text: String,
    ends: Vec<usize>,
}

impl Record {
    /// Of cells that were kept apart, as if it began on this line.
    #[must_use]
    pub fn of_cells<'c>(line: u64, cells: impl IntoIterator<Item = &'c str>) -> Self {
        let mut record = Self { line, flaw: None, is_ended: true, text: String::new(), ends: Vec::new() };
        for cell in cells {
            record.text.push_str(cell);
            record.ends.push(record.text.len());
        }
        record
    }

    /// Number of cells.
    #[must_use]
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether all cells are empty.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.text.trim().is_empty()
    }

    /// A cell; empty beyond the last.
    #[must_use]
    pub fn cell(&self, at: usize) -> &str {
        let start = at.checked_sub(1).map_or(Some(0), |before| self.ends.get(before).copied());
        let range = start.zip(self.ends.get(at).copied());
        range.and_then(|(start, end)| self.text.get(start..end)).unwrap_or_default()
    }

    /// All cells.
    pub fn cells(&self) -> impl Iterator<Item = &str> {
        (0..self.len()).map(|at| self.cell(at))
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    /// Before the first character of a cell.
    Start,
    /// Behind blanks at the beginning of a cell, which are none of it where a quote follows.
    Blank,
    Plain,
    Quoted,
    /// After a quote that closes, or is the first of two.
    Closed,
    /// To the end of the line, whatever stands there.
    Skip,
    /// To the end of the file.
    Lost,
}

/// Splits text that comes in parts.
pub struct Splitter {
    delimiter: u8,
    state: State,
    text: Vec<u8>,
    ends: Vec<usize>,
    flaw: Option<Flaw>,
    /// The line that is read.
    line: u64,
    /// The line on which the record begins.
    begun: u64,
    /// The line on which the quoted cell begins.
    quoted: u64,
    after_return: bool,
    has_lost_letters: bool,
}

/// What CP/M and DOS put behind the end of a text.
const END_MARK: u8 = 0x1a;

impl Splitter {
    /// For cells that this character separates.
    #[must_use]
    pub fn by(delimiter: u8) -> Self {
        Self {
            delimiter,
            state: State::Start,
            text: Vec::new(),
            ends: Vec::new(),
            flaw: None,
            line: 1,
            begun: 1,
            quoted: 1,
            after_return: false,
            has_lost_letters: false,
        }
    }

    /// Bytes of the file were no letters, and stand as U+FFFD in its text: a record with one of them is flawed.
    #[must_use]
    pub fn with_lost_letters(self, has_lost_letters: bool) -> Self {
        Self { has_lost_letters, ..self }
    }

    /// Takes the next part and hands out the records that end in it.
    pub fn push(&mut self, text: &str, mut take: impl FnMut(Record)) {
        text.bytes().for_each(|byte| self.byte(byte, &mut take));
    }

    /// Hands out what is left at the end of the file.
    pub fn finish(mut self, mut take: impl FnMut(Record)) {
        let begin = self.ends.last().copied().unwrap_or_default();
        while self.state != State::Quoted && self.text.len() > begin && self.text.last() == Some(&END_MARK) {
            self.text.pop();
            if self.text.len() == begin && self.state == State::Plain {
                self.state = State::Start;
            }
        }
        match self.state {
            State::Lost => {}
            State::Quoted => self.lose(&mut take),
            State::Start if self.ends.is_empty() => {}
            _ => self.end_record(false, &mut take),
        }
    }

    fn byte(&mut self, byte: u8, take: &mut impl FnMut(Record)) {
        let is_break = matches!(byte, b'\r' | b'\n');
        let is_second_half = byte == b'\n' && self.after_return;
        self.after_return = byte == b'\r';
        self.line += u64::from(is_break && !is_second_half);
        if byte == 0 && self.state != State::Lost {
            self.flaw.get_or_insert(Flaw::Nul);
        }
        match self.state {
            State::Lost => {}
            State::Quoted if byte == b'"' => self.state = State::Closed,
            State::Quoted => self.keep(byte, take),
            State::Closed if byte == b'"' && !is_second_half => {
                self.state = State::Quoted;
                self.keep(byte, take);
            }
            // The second half of a line's end that was dealt with.
            _ if is_second_half => {}
            _ if is_break => self.end_record(true, take),
            State::Skip => {}
            _ if byte == self.delimiter && self.ends.len() < MOST_CELLS => {
                self.ends.push(self.text.len());
                self.state = State::Start;
            }
            _ if byte == self.delimiter => {
                self.flaw = Some(Flaw::TooLong);
                self.state = State::Skip;
            }
            State::Start | State::Blank if byte == b'"' => {
                self.text.truncate(self.ends.last().copied().unwrap_or_default());
                (self.state, self.quoted) = (State::Quoted, self.line);
            }
            // Blanks before a quote and behind a closing one harm nobody.
            State::Start | State::Blank if byte == b' ' || byte == b'\t' => {
                self.state = State::Blank;
                self.keep(byte, take);
            }
            State::Closed if [b' ', b'\t', END_MARK].contains(&byte) => {}
            State::Closed if self.line > self.quoted => self.lose(take),
            State::Closed => {
                self.flaw = Some(Flaw::QuoteMisplaced);
                self.state = State::Skip;
            }
            State::Start | State::Blank | State::Plain => {
                self.state = State::Plain;
                self.keep(byte, take);
            }
        }
    }

    fn keep(&mut self, byte: u8, take: &mut impl FnMut(Record)) {
        if self.text.len() < LONGEST {
            self.text.push(byte);
        } else if self.state == State::Quoted {
            self.lose(take);
        } else {
            self.flaw = Some(Flaw::TooLong);
            self.state = State::Skip;
        }
    }

    fn lose(&mut self, take: &mut impl FnMut(Record)) {
        self.flaw = Some(Flaw::QuoteUnbalanced);
        self.end_record(true, take);
        self.state = State::Lost;
    }

    fn end_record(&mut self, is_ended: bool, take: &mut impl FnMut(Record)) {
        self.ends.push(self.text.len());
        let text = match String::from_utf8(std::mem::take(&mut self.text)) {
            Ok(text) => text,
            // Only what is too long is cut, and it may be cut within a letter.
            Err(cause) => {
                self.ends.clear();
                let text = String::from_utf8_lossy(cause.as_bytes()).into_owned();
                self.ends.push(text.len());
                text
            }
        };
        let (ends, mut flaw) = (std::mem::take(&mut self.ends), self.flaw.take());
        if self.has_lost_letters && text.contains(char::REPLACEMENT_CHARACTER) {
            flaw.get_or_insert(Flaw::LetterLost);
        }
        take(Record { line: self.begun, flaw, is_ended, text, ends });
        (self.begun, self.state) = (self.line, State::Start);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Line, cells and flaw of each record, whatever the parts.
    fn split(text: &str) -> Vec<(u64, Vec<String>, Option<Flaw>)> {
        let read = |cut: usize| {
            let (mut splitter, mut all) = (Splitter::by(b','), Vec::new());
            let mut take = |record: Record| {
                all.push((record.line, record.cells().map(str::to_owned).collect::<Vec<_>>(), record.flaw));
            };
            splitter.push(&text[..cut], &mut take);
            splitter.push(&text[cut..], &mut take);
            splitter.finish(&mut take);
            all
        };
        let whole = read(0);
        for (cut, _) in text.char_indices() {
            assert_eq!(read(cut), whole, "cut at {cut}");
        }
        whole
    }

    fn cells(text: &str) -> Vec<Vec<String>> {
        split(text).into_iter().map(|(_, cells, _)| cells).collect()
    }

    #[test]
    fn cells_may_hold_delimiters_quotes_and_line_ends() {
        assert_eq!(cells("a,\"b, \"\"c\"\"\r\nd\",\n,x"), [vec!["a", "b, \"c\"\r\nd", ""], vec!["", "x"]]);
        assert_eq!(cells("12\" rifle,\"\" ,\"x\" \n"), [vec!["12\" rifle", "", "x"]]);
    }

    #[test]
    fn blanks_before_a_quote_are_none_of_its_cell() {
        let vega = cells("Q1, \"Vega, Rosa\",\t \"7/19/1968\" , 206 555 0170,  \n \"a\",b\n");
        assert_eq!(vega, [vec!["Q1", "Vega, Rosa", "7/19/1968", " 206 555 0170", "  "], vec!["a", "b"]]);
        assert_eq!(cells("a, 12\" rifle,b\n"), [vec!["a", " 12\" rifle", "b"]], "a quote within text is a letter");
    }

    #[test]
    fn an_end_mark_of_dos_behind_the_last_line_is_none_of_it() {
        for end in ["\x1a", "\x1a\x1a\x1a"] {
            assert_eq!(cells(&format!("a,b\nc,d\n{end}")), [vec!["a", "b"], vec!["c", "d"]]);
            assert_eq!(cells(&format!("a,b\nc,d{end}")), [vec!["a", "b"], vec!["c", "d"]]);
            assert_eq!(cells(&format!("a,b\nc,\"d\"{end}")), [vec!["a", "b"], vec!["c", "d"]]);
        }
        assert_eq!(cells("a\x1ab,c"), [vec!["a\u{1a}b", "c"]], "within a line it is a letter like any other");
    }

    #[test]
    fn a_record_knows_its_line_whatever_ends_the_lines() {
        for end in ["\n", "\r\n", "\r"] {
            let text = ["a", "\"b", "c\"", "", "d", ""].join(end);
            let lines: Vec<u64> = split(&text).into_iter().map(|(line, _, _)| line).collect();
            assert_eq!(lines, [1, 2, 4, 5], "{end:?}");
        }
    }

    #[test]
    fn a_misplaced_quote_costs_its_line_and_one_that_swallows_lines_ends_the_reading() {
        let flaws: Vec<_> = split("\"a\"b,c\nd\n").into_iter().map(|(line, _, flaw)| (line, flaw)).collect();
        assert_eq!(flaws, [(1, Some(Flaw::QuoteMisplaced)), (2, None)]);
        for rest in ["\"open,1\nc,2\n", "\"open,1\nc,\"Okafor\",2\nd\n", "\"open"] {
            let flaws: Vec<_> = split(&format!("a\n{rest}")).into_iter().map(|(line, _, flaw)| (line, flaw)).collect();
            assert_eq!(flaws, [(1, None), (2, Some(Flaw::QuoteUnbalanced))], "{rest}");
        }
    }

    #[test]
    fn what_is_too_long_or_holds_a_nul_is_told() {
        let long = "é".repeat(LONGEST);
        let mut all = Vec::new();
        let mut splitter = Splitter::by(b',');
        splitter.push(&format!("{long}\na\0b\n\"{long}\nx\n"), |record| all.push((record.line, record.flaw)));
        splitter.finish(|record| all.push((record.line, record.flaw)));
        let expected = [(1, Some(Flaw::TooLong)), (2, Some(Flaw::Nul)), (3, Some(Flaw::QuoteUnbalanced))];
        assert_eq!(all, expected);
    }

    #[test]
    fn the_last_line_may_lack_its_end_which_is_told() {
        let mut ended = Vec::new();
        let mut splitter = Splitter::by(b';');
        splitter.push("a;b\nc;", |record| ended.push((record.len(), record.is_ended)));
        splitter.finish(|record| ended.push((record.len(), record.is_ended)));
        assert_eq!(ended, [(2, true), (2, false)]);
    }
}
