//! Documents inside a message: OBX segments that hold encapsulated data, and in a message about documents the lines of a text.
//!
//! A referral with a document that can't be read is a referral all the same, so a bad document is told as a warning and
//! never costs the patient a place in line. Deliberately not here: storing and showing documents.

use std::borrow::Cow;

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use super::fault::{Code, Fault, Location, Oddity, Severity};
use super::message::Message;
use super::segment::{Repetition, Segment};

/// As offices send it: with or without the signs that fill it up.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);
/// First characters of programs in base64: of Windows, of Linux, and scripts that name what runs them.
const PROGRAMS: [&str; 6] = ["TVo", "TVp", "TVq", "TVr", "f0VMR", "IyEv"];
/// The same in hexadecimal.
const PROGRAMS_HEX: [&str; 3] = ["4D5A", "7F454C46", "23212F"];

/// Events of MDM by which a document, an addendum or a replacement comes.
const BRINGING: [&str; 6] = ["T01", "T02", "T05", "T06", "T09", "T10"];

/// A document as it was sent. PHI: no `Debug`.
pub struct Document<'a> {
    /// Which OBX it is in, counted from 1.
    pub sequence: u32,
    /// Which of the values of that one it is, counted from 1.
    repetition: u32,
    /// What kind of document, coded (OBX-3.1), usually LOINC.
    pub code: Cow<'a, str>,
    /// The same in words (OBX-3.2).
    pub title: Cow<'a, str>,
    /// Format, such as `pdf` (OBX-5.3).
    pub format: Cow<'a, str>,
    /// What was sent for it (OBX-5.5); line breaks may stand in it. Of a text its lines.
    pub data: Cow<'a, str>,
    /// How final it is (OBX-11, table 0085).
    pub status: Cow<'a, str>,
    /// How its bytes are written in the data.
    written: Written,
    /// Over how many OBX it goes; none of its own where another document stands in the same one before it.
    segments: usize,
}

/// How bytes are written in a message (OBX-5.4, table 0299).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Written {
    /// Also where nothing is said, or something else.
    Base64,
    Hex,
    /// As they are.
    Plain,
    /// As they are, with dividers of the message among them: where the text ends can't be told.
    Divided,
    /// As the lines of a text (OBX-2 TX or FT).
    Lines,
}

/// The documents of a message.
pub fn of<'m, 'a>(message: &'m Message<'a>) -> impl Iterator<Item = Document<'a>> + use<'m, 'a> {
    let holds_texts = is_of_documents(message);
    let mut found: Vec<Document<'a>> = Vec::new();
    for (segment, sequence) in message.segments("OBX").zip(1..) {
        for document in read(&segment, sequence, holds_texts) {
            match found.last_mut().filter(|last| last.goes_on_in(&document)) {
                Some(last) => last.take(&document),
                None => found.push(document),
            }
        }
    }
    found.into_iter()
}

/// Those of them that are to be taken: final, preliminary or corrected ones of a message that brings documents. One that its sender
/// took back, or has not confirmed, is nobody's to rely on; with a referral, which nobody reads again as a whole, the latter is
/// taken and says so in its title.
pub fn valid<'m, 'a>(message: &'m Message<'a>) -> impl Iterator<Item = Document<'a>> + use<'m, 'a> {
    let is_referral = message.value("MSH", 9, 1).trim().eq_ignore_ascii_case("REF");
    let is_taken = move |document: &Document<'a>| document.is_valid() || (is_referral && !document.is_gone());
    of(message).filter(move |document| brings(message) && is_taken(document)).map(Document::with_its_state)
}

/// Whether a message says nothing but its documents, and all of them are to be taken, so that nobody has to read it.
#[must_use]
pub fn alone(message: &Message<'_>) -> bool {
    let count = message.count("OBX");
    count > 0
        && message.count("NTE") == 0
        && valid(message).map(|document| document.segments).sum::<usize>() == count
        && valid(message).all(|document| document.flaw().is_none())
}

/// Whether a message brings documents, as far as its event says so: of those about documents (MDM) some change or cancel one that
/// was sent before. TXA-19 says whether it may be used at all (table 0273).
fn brings(message: &Message<'_>) -> bool {
    if !is_of_documents(message) {
        return true;
    }
    let (event, available) = (message.value("MSH", 9, 2), message.value("TXA", 19, 1));
    BRINGING.contains(&event.trim()) && ["", "AV"].contains(&available.trim())
}

/// Whether it is a message about documents. Elsewhere a text is a result, or a remark, that a person reads where it stands.
fn is_of_documents(message: &Message<'_>) -> bool {
    message.value("MSH", 9, 1).trim().eq_ignore_ascii_case("MDM")
}

/// The documents of a segment: each value of an OBX is one, or all of them are the lines of one.
fn read<'a>(segment: &Segment<'a>, sequence: u32, holds_texts: bool) -> Vec<Document<'a>> {
    let what = segment.field(3).first();
    let document = |repetition, format, data, written| Document {
        sequence,
        repetition,
        code: what.component(1).text(),
        title: what.component(2).text(),
        format,
        data,
        status: segment.field(11).first().text(),
        written,
        segments: usize::from(repetition == 1),
    };
    match segment.field(2).text().trim().to_ascii_uppercase().as_str() {
        "ED" => {
            let values: Vec<Repetition<'a>> = segment.field(5).repetitions().collect();
            let is_none = |value: &Repetition<'_>| value.component(5).text().is_empty();
            // A text as it is may hold the sign that divides documents; what is behind it is none then.
            let is_divided = is_plain(&values[0]) && values.iter().skip(1).any(is_none);
            let kept =
                (1..).zip(values).filter(|(at, value)| *at == 1 || !(is_divided || value.raw().trim().is_empty()));
            let one = |(at, value): (u32, Repetition<'a>)| {
                document(at, value.component(3).text(), value.component(5).text(), written(&value, is_divided))
            };
            kept.map(one).collect()
        }
        "TX" | "FT" if holds_texts => vec![document(1, Cow::Borrowed(""), lines(segment), Written::Lines)],
        _ => Vec::new(),
    }
}

fn is_plain(value: &Repetition<'_>) -> bool {
    value.component(4).text().trim().eq_ignore_ascii_case("A")
}

fn written(value: &Repetition<'_>, is_divided: bool) -> Written {
    if value.component(4).text().trim().eq_ignore_ascii_case("Hex") {
        Written::Hex
    } else if !is_plain(value) {
        Written::Base64
    } else if is_divided || !value.component(6).text().is_empty() {
        Written::Divided
    } else {
        Written::Plain
    }
}

/// A text whose repetitions are its lines.
fn lines<'a>(segment: &Segment<'a>) -> Cow<'a, str> {
    let mut lines = segment.field(5).repetitions().map(|line| line.text());
    let mut text = lines.next().unwrap_or_default();
    for line in lines {
        let text = text.to_mut();
        text.push('\n');
        text.push_str(&line);
    }
    text
}

/// Whether a text can be read by people. What steers a terminal or a printer is none.
fn is_legible(text: &str) -> bool {
    let steers = |sign: char| sign.is_control() && !matches!(sign, '\n' | '\r' | '\t' | '\u{c}');
    !text.trim().is_empty() && !text.contains(steers)
}

impl Document<'_> {
    /// Whether it is final, preliminary or corrected, or does not say.
    #[must_use]
    pub fn is_valid(&self) -> bool {
        ["", "F", "P", "C"].iter().any(|known| self.status.trim().eq_ignore_ascii_case(known))
    }

    /// Whether its sender took it back, or says that it is wrong or was never there.
    #[must_use]
    pub fn is_gone(&self) -> bool {
        ["D", "W", "X", "N"].iter().any(|known| self.status.trim().eq_ignore_ascii_case(known))
    }

    /// Whether it is not verified, partial, pending or ordered alone. Words of later versions (amended, appended, verified) are final.
    #[must_use]
    pub fn is_preliminary(&self) -> bool {
        ["I", "R", "S", "O"].iter().any(|known| self.status.trim().eq_ignore_ascii_case(known))
    }

    /// One that is not final says so in its title.
    fn with_its_state(mut self) -> Self {
        if self.is_preliminary() {
            self.title = Cow::Owned(format!("{} (not final)", self.title).trim_start().to_owned());
        }
        self
    }

    /// Whether the next OBX holds more of the same text: under the same code, or under none.
    fn goes_on_in(&self, next: &Self) -> bool {
        let are_lines = self.written == Written::Lines && next.written == Written::Lines;
        are_lines && ["", self.code.trim()].contains(&next.code.trim()) && self.status.trim() == next.status.trim()
    }

    fn take(&mut self, next: &Self) {
        let text = self.data.to_mut();
        text.push('\n');
        text.push_str(&next.data);
        self.segments += next.segments;
    }

    /// Why it has to be put aside.
    #[must_use]
    pub fn flaw(&self) -> Option<Oddity> {
        let is_whole = match self.written {
            Written::Base64 if self.begins_as(&PROGRAMS, |data, mark| data.starts_with(mark)) => {
                return Some(Oddity::DocumentIsProgram);
            }
            Written::Hex if self.begins_as(&PROGRAMS_HEX, begins) => return Some(Oddity::DocumentIsProgram),
            Written::Base64 => is_base64(&self.data),
            Written::Hex => is_hex(&self.data),
            Written::Plain | Written::Lines => is_legible(&self.data),
            Written::Divided => false,
        };
        (!is_whole).then_some(Oddity::DocumentUnreadable)
    }

    fn begins_as(&self, marks: &[&str], begins: impl Fn(&str, &str) -> bool) -> bool {
        marks.iter().any(|mark| begins(self.data.trim_start(), mark))
    }

    /// What it is when it is unpacked; nothing where it is not what it says.
    #[must_use]
    pub fn bytes(&self) -> Option<Vec<u8>> {
        let packed = || self.data.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect::<Vec<u8>>();
        let bytes = match self.written {
            Written::Base64 => BASE64.decode(packed()).ok(),
            Written::Hex => hex::decode(packed()).ok(),
            Written::Plain | Written::Lines => is_legible(&self.data).then(|| self.data.as_bytes().to_vec()),
            Written::Divided => None,
        };
        bytes.filter(|bytes| !bytes.is_empty())
    }

    /// The warning for its sender.
    #[must_use]
    pub fn warning(&self, flaw: Oddity) -> Fault {
        let words = match flaw {
            Oddity::DocumentTakenBack => {
                "The message is taken. This attachment is marked as taken back (OBX-11) and is not kept"
            }
            Oddity::DocumentNotFinal => {
                "The message is taken. This attachment is not final (OBX-11): send the final one once it is"
            }
            Oddity::DocumentIsProgram => "The message is taken. This attachment is a program and was put aside",
            _ => "The message is taken. This attachment is not readable: send it again",
        };
        let component = if self.written == Written::Lines { 1 } else { 5 };
        let location = Some(Location {
            segment: "OBX",
            sequence: self.sequence,
            field: 5,
            repetition: self.repetition,
            component,
        });
        Fault { location, code: Code::DataType, severity: Severity::Warning, words }
    }
}

fn begins(data: &str, mark: &str) -> bool {
    data.get(..mark.len()).is_some_and(|start| start.eq_ignore_ascii_case(mark))
}

fn is_base64(data: &str) -> bool {
    let (mut digits, mut padding) = (0_usize, 0_usize);
    for byte in data.bytes().filter(|byte| !byte.is_ascii_whitespace()) {
        match byte {
            b'=' => padding += 1,
            _ if padding > 0 => return false,
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'+' | b'/' => digits += 1,
            _ => return false,
        }
    }
    digits > 0 && digits % 4 != 1 && padding <= 2
}

fn is_hex(data: &str) -> bool {
    let mut digits = 0_usize;
    let are_digits = data.bytes().filter(|byte| !byte.is_ascii_whitespace()).all(|byte| {
        digits += 1;
        byte.is_ascii_hexdigit()
    });
    are_digits && digits > 0 && digits.is_multiple_of(2)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flaws(data: &str) -> Vec<(u32, Option<Oddity>)> {
        let text = format!(
            "MSH|^~\\&|A\rOBX|1|ST|85319-2^HER2^LN||Negative\rOBX|2|ED|11526-1^Pathology study^LN||HUB^application^pdf^Base64^{data}|\r"
        );
        let message = Message::parse(&text).unwrap_or_else(|why| panic!("{why}"));
        of(&message).map(|document| (document.sequence, document.flaw())).collect()
    }

    #[test]
    fn a_document_in_base64_is_fine_also_with_line_breaks() {
        for data in ["JVBERi0xLjQ=", "JVBERi0x", r"JVBE\.br\Ri0x", "JVBERi0xLg==", "JVBERi0xLg"] {
            assert_eq!(flaws(data), [(2, None)], "{data}");
        }
    }

    #[test]
    fn what_is_taken_for_a_document_is_unpacked_as_it_was_packed() {
        let unpacked = |data: &str| {
            let text = format!("MSH|^~\\&|A\rOBX|1|ED|X^Y||^^pdf^Base64^{data}|\r");
            let message = Message::parse(&text).unwrap_or_else(|why| panic!("{why}"));
            of(&message).next().and_then(|document| document.bytes())
        };
        for data in ["JVBERi0xLjQ=", "JVBERi0xLjQ", r"JVBE\.br\Ri0xLjQ="] {
            assert_eq!(unpacked(data).as_deref(), Some(b"%PDF-1.4".as_slice()), "{data}");
        }
        assert_eq!(unpacked("%%%"), None);
    }

    #[test]
    fn a_document_that_can_not_be_read_or_could_be_run_is_told() {
        for data in ["", "%%%not base64%%%", "JVBER", "JVBE=Ri0", "JVBE====", "JVBÉ"] {
            assert_eq!(flaws(data), [(2, Some(Oddity::DocumentUnreadable))], "{data}");
        }
        assert_eq!(flaws("TVqQAAMAAAAEAAAA"), [(2, Some(Oddity::DocumentIsProgram))]);
    }

    #[test]
    fn a_document_that_was_taken_back_or_is_not_confirmed_is_not_taken_and_its_message_is_read() {
        let taken = |event: &str, txa: &str, status: &str, rest: &str| {
            let text =
                format!("MSH|^~\\&|A||||||{event}\r{txa}OBX|1|ED|X^Y||^^pdf^Base64^JVBERi0xLjQ=||||||{status}\r{rest}");
            let message = Message::parse(&text).unwrap_or_else(|why| panic!("{why}"));
            (valid(&message).count() == 1, alone(&message))
        };
        for (event, status) in [("ORU^R01", "F"), ("ORU^R01", ""), ("ORU^R01", "c"), ("MDM^T02", "P"), ("MDM^T10", "F")]
        {
            assert_eq!(taken(event, "", status, ""), (true, true), "{event} {status}");
        }
        for (event, status) in
            [("ORU^R01", "W"), ("ORU^R01", "D"), ("ORU^R01", "X"), ("MDM^T11", "F"), ("MDM^T08", "F")]
        {
            assert_eq!(taken(event, "", status, ""), (false, false), "{event} {status}");
        }
        let available = |word: &str| format!("TXA|1{}{word}\r", "|".repeat(18));
        assert_eq!(taken("MDM^T02", &available("AV"), "F", ""), (true, true));
        assert_eq!(taken("MDM^T02", &available("CA"), "F", ""), (false, false), "deleted");
        assert_eq!(taken("MDM^T02", "", "F", "NTE|1||Not our patient\r"), (true, false), "a person reads the note");
        assert_eq!(taken("ORU^R01", "", "F", "OBX|2|TX|X^Y||Positive\r"), (true, false));
    }

    #[test]
    fn a_document_is_written_in_base64_or_as_its_field_says() {
        let sent = |written: &str, data: &str| {
            let text = format!("MSH|^~\\&|A\rOBX|1|ED|X^Y||HUB^TEXT^plain^{written}^{data}|\r");
            let message = Message::parse(&text).unwrap_or_else(|why| panic!("{why}"));
            let document = of(&message).next().unwrap();
            (document.flaw(), document.bytes().map(|bytes| String::from_utf8_lossy(&bytes).into_owned()))
        };
        let plain = |text: &str| (None, Some(text.to_owned()));
        for (written, data) in
            [("Base64", "SGkh"), ("", "SGkh"), ("base64 ", "SGkh"), ("Hex", "486921"), ("HEX", r"48\.br\69 21")]
        {
            assert_eq!(sent(written, data), plain("Hi!"), "{written}");
        }
        assert_eq!(sent("A", r"SGkh \F\ 5 \T\ 6\.br\é"), plain("SGkh | 5 & 6\né"));
        assert_eq!(sent("A", "Smith & Sons"), plain("Smith & Sons"));
        let unreadable = (Some(Oddity::DocumentUnreadable), None);
        for (written, data) in [
            ("Hex", "48692"),
            ("Hex", "SGkh"),
            ("Hex", ""),
            ("A", ""),
            ("A", " "),
            ("A", "a^b"),
            ("A", "a~b"),
            ("A", r"a\X07\"),
        ] {
            assert_eq!(sent(written, data), unreadable, "{written} {data}");
        }
        for (written, data) in [("Hex", "4d5a9000"), ("Hex", " 7F454C4602"), ("Base64", "TVqQAAMAAAAEAAAA")] {
            assert_eq!(sent(written, data).0, Some(Oddity::DocumentIsProgram), "{data}");
        }
    }

    #[test]
    fn the_lines_of_a_text_are_one_document_in_a_message_about_documents_and_read_by_a_person_elsewhere() {
        let read = |event: &str, lines: &str| {
            let text = format!("MSH|^~\\&|A||||||{event}\r{lines}");
            let message = Message::parse(&text).unwrap_or_else(|why| panic!("{why}"));
            let told = |document: Document<'_>| {
                let text = document.bytes().map(|bytes| String::from_utf8(bytes).expect("UTF-8"));
                (document.sequence, document.code.into_owned(), text.unwrap_or_default())
            };
            (valid(&message).map(told).collect::<Vec<_>>(), alone(&message))
        };
        let one = |code: &str, text: &str| (1, code.to_owned(), text.to_owned());
        let lines = "OBX|1|TX|11506-3^Progress note||Seen today.~No pain.||||||F\r\
                     OBX|2|FT|11506-3^Progress note||\\.sp2\\T2 N0 \\T\\ M0\\.br\\Next week||||||F\rOBX|3|tx|||||||||F\r";
        let whole = "Seen today.\nNo pain.\n\n\nT2 N0 & M0\nNext week\n";
        assert_eq!(read("MDM^T02^MDM_T02", lines), (vec![one("11506-3", whole)], true));
        for event in ["ORU^R01", "REF^I12"] {
            assert_eq!(read(event, lines), (vec![], false), "{event}");
        }
        assert_eq!(read("MDM^T11", lines).0, vec![], "taken back");
        let both = "OBX|1|TX|11506-3||Seen\rOBX|2|TX|18748-4||Scan\rOBX|3|ED|18748-4||^^pdf^Base64^SGkh\rOBX|4|TX|18748-4||More\r";
        let (found, is_alone) = read("MDM^T02", both);
        let codes: Vec<_> =
            found.iter().map(|(sequence, code, text)| (*sequence, code.as_str(), text.as_str())).collect();
        let apart = [(1, "11506-3", "Seen"), (2, "18748-4", "Scan"), (3, "18748-4", "Hi!"), (4, "18748-4", "More")];
        assert_eq!((codes.as_slice(), is_alone), (apart.as_slice(), true), "each under its code");
        let taken_back = "OBX|1|TX|11506-3||Seen||||||F\rOBX|2|TX|11506-3||Not seen||||||D\r";
        assert_eq!(
            read("MDM^T02", taken_back),
            (vec![one("11506-3", "Seen")], false),
            "a person reads what was taken back"
        );
        assert!(!read("MDM^T02", "OBX|1|TX|11506-3||\r").1, "nothing in it");
        assert!(!read("MDM^T02", "OBX|1|TX|11506-3||Seen\rOBX|2|NM|8302-2||170\r").1, "a person reads the value");
    }

    #[test]
    fn each_value_of_a_segment_is_a_document_of_its_own() {
        let pdf = |data: &str| format!("HUB^application^pdf^Base64^{data}");
        let read = |values: &[String]| {
            let text = format!("MSH|^~\\&|A||||||ORU^R01\rOBX|1|ED|X^Y||{}||||||F\r", values.join("~"));
            let message = Message::parse(&text).unwrap_or_else(|why| panic!("{why}"));
            let told = |document: Document<'_>| document.bytes().map(|bytes| String::from_utf8(bytes).expect("UTF-8"));
            let place = |document: Document<'_>| {
                document.warning(Oddity::DocumentUnreadable).location.map(|place| place.to_string())
            };
            let (all, flawed) =
                (of(&message).map(told).collect::<Vec<_>>(), of(&message).filter(|one| one.flaw().is_some()));
            (all, flawed.filter_map(place).collect::<Vec<_>>(), alone(&message))
        };
        let some = |texts: &[&str]| texts.iter().map(|text| Some((*text).to_owned())).collect::<Vec<_>>();
        assert_eq!(read(&[pdf("SGkh"), pdf("SG8h")]), (some(&["Hi!", "Ho!"]), vec![], true));
        assert_eq!(read(&[pdf("SGkh"), String::new()]), (some(&["Hi!"]), vec![], true));
        let mixed = [pdf("SGkh"), pdf("%"), "HUB^TEXT^plain^A^a & b".to_owned()];
        let expected = vec![Some("Hi!".to_owned()), None, Some("a & b".to_owned())];
        assert_eq!(read(&mixed), (expected, vec!["OBX^1^5^2^5".to_owned()], false), "each is told of by itself");
        let divided = ["HUB^TEXT^plain^A^a".to_owned(), "b".to_owned()];
        assert_eq!(read(&divided), (vec![None], vec!["OBX^1^5^1^5".to_owned()], false), "a text with the sign in it");
    }

    #[test]
    fn a_warning_points_at_its_document() {
        let text = "MSH|^~\\&|A\rOBX|1|ED|X^Y||^^pdf^Base64^%\r";
        let message = Message::parse(text).unwrap_or_else(|why| panic!("{why}"));
        let document = of(&message).next().unwrap();
        assert_eq!((document.code.as_ref(), document.title.as_ref(), document.format.as_ref()), ("X", "Y", "pdf"));
        let warning = document.warning(Oddity::DocumentUnreadable);
        assert_eq!(warning.location.map(|place| place.to_string()).as_deref(), Some("OBX^1^5^1^5"));
        assert_eq!(warning.severity, Severity::Warning);
        let text = "MSH|^~\\&|A||||||MDM^T02\rOBX|1|NM|X||1\rOBX|2|TX|X^Y||\r";
        let message = Message::parse(text).unwrap_or_else(|why| panic!("{why}"));
        let warning = of(&message).next().unwrap().warning(Oddity::DocumentUnreadable);
        assert_eq!(warning.location.map(|place| place.to_string()).as_deref(), Some("OBX^2^5^1^1"));
    }
}
