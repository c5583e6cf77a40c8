//! Documents inside a message: OBX segments that hold encapsulated data.
//!
//! A referral with a document that can't be read is a referral all the same, so a bad document is told as a warning and
//! never costs the patient a place in line. Deliberately not here: storing and showing documents.

use std::borrow::Cow;

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use super::fault::{Code, Fault, Location, Oddity, Severity};
use super::message::Message;
use super::segment::Segment;

/// As offices send it: with or without the signs that fill it up.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);
/// First characters of programs in base64: of Windows, of Linux, and scripts that name what runs them.
const PROGRAMS: [&str; 6] = ["TVo", "TVp", "TVq", "TVr", "f0VMR", "IyEv"];

/// Events of MDM by which a document, an addendum or a replacement comes.
const BRINGING: [&str; 6] = ["T01", "T02", "T05", "T06", "T09", "T10"];

/// A document as it was sent. PHI: no `Debug`.
pub struct Document<'a> {
    /// Which OBX it is, counted from 1.
    pub sequence: u32,
    /// What kind of document, coded (OBX-3.1), usually LOINC.
    pub code: Cow<'a, str>,
    /// The same in words (OBX-3.2).
    pub title: Cow<'a, str>,
    /// Format, such as `pdf` (OBX-5.3).
    pub format: Cow<'a, str>,
    /// Its bytes in base64 (OBX-5.5); line breaks may stand in it.
    pub data: Cow<'a, str>,
    /// How final it is (OBX-11, table 0085).
    pub status: Cow<'a, str>,
}

/// The documents of a message.
pub fn of<'m, 'a>(message: &'m Message<'a>) -> impl Iterator<Item = Document<'a>> + use<'m, 'a> {
    message.segments("OBX").zip(1..).filter_map(|(segment, sequence)| read(&segment, sequence))
}

/// Those of them that are to be taken: final, preliminary or corrected ones of a message that brings documents. One that its sender
/// took back, or has not confirmed, is nobody's to rely on.
pub fn valid<'m, 'a>(message: &'m Message<'a>) -> impl Iterator<Item = Document<'a>> + use<'m, 'a> {
    of(message).filter(move |document| brings(message) && document.is_valid())
}

/// Whether a message says nothing but its documents, and all of them are to be taken, so that nobody has to read it.
#[must_use]
pub fn alone(message: &Message<'_>) -> bool {
    let count = message.count("OBX");
    count > 0
        && message.count("NTE") == 0
        && valid(message).count() == count
        && valid(message).all(|document| document.flaw().is_none())
}

/// Whether a message brings documents, as far as its event says so: of those about documents (MDM) some change or cancel one that
/// was sent before. TXA-19 says whether it may be used at all (table 0273).
fn brings(message: &Message<'_>) -> bool {
    if !message.value("MSH", 9, 1).trim().eq_ignore_ascii_case("MDM") {
        return true;
    }
    let (event, available) = (message.value("MSH", 9, 2), message.value("TXA", 19, 1));
    BRINGING.contains(&event.trim()) && ["", "AV"].contains(&available.trim())
}

fn read<'a>(segment: &Segment<'a>, sequence: u32) -> Option<Document<'a>> {
    if !segment.field(2).text().trim().eq_ignore_ascii_case("ED") {
        return None;
    }
    let (what, value) = (segment.field(3).first(), segment.field(5).first());
    let data = value.component(5).text();
    Some(Document {
        sequence,
        code: what.component(1).text(),
        title: what.component(2).text(),
        format: value.component(3).text(),
        data,
        status: segment.field(11).first().text(),
    })
}

impl Document<'_> {
    /// Whether it is final, preliminary or corrected, or does not say.
    #[must_use]
    pub fn is_valid(&self) -> bool {
        ["", "F", "P", "C"].iter().any(|known| self.status.trim().eq_ignore_ascii_case(known))
    }

    /// Why it has to be put aside.
    #[must_use]
    pub fn flaw(&self) -> Option<Oddity> {
        let data = self.data.trim_start();
        if PROGRAMS.iter().any(|program| data.starts_with(program)) {
            return Some(Oddity::DocumentIsProgram);
        }
        let (mut digits, mut padding) = (0_usize, 0_usize);
        for byte in data.bytes().filter(|byte| !byte.is_ascii_whitespace()) {
            match byte {
                b'=' => padding += 1,
                _ if padding > 0 => return Some(Oddity::DocumentUnreadable),
                b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'+' | b'/' => digits += 1,
                _ => return Some(Oddity::DocumentUnreadable),
            }
        }
        let is_whole = digits > 0 && digits % 4 != 1 && padding <= 2;
        (!is_whole).then_some(Oddity::DocumentUnreadable)
    }

    /// What it is when it is unpacked; nothing where it is no base64.
    #[must_use]
    pub fn bytes(&self) -> Option<Vec<u8>> {
        let whole: Vec<u8> = self.data.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
        BASE64.decode(whole).ok().filter(|bytes| !bytes.is_empty())
    }

    /// The warning for its sender.
    #[must_use]
    pub fn warning(&self, flaw: Oddity) -> Fault {
        let words = match flaw {
            Oddity::DocumentIsProgram => "The referral is taken. This attachment is a program and was put aside",
            _ => "The referral is taken. This attachment is not readable: send it again",
        };
        let location = Some(Location { segment: "OBX", sequence: self.sequence, field: 5, component: 5 });
        Fault { location, code: Code::DataType, severity: Severity::Warning, words }
    }
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
    fn a_warning_points_at_its_document() {
        let text = "MSH|^~\\&|A\rOBX|1|ED|X^Y||^^pdf^Base64^%\r";
        let message = Message::parse(text).unwrap_or_else(|why| panic!("{why}"));
        let document = of(&message).next().unwrap();
        assert_eq!((document.code.as_ref(), document.title.as_ref(), document.format.as_ref()), ("X", "Y", "pdf"));
        let warning = document.warning(Oddity::DocumentUnreadable);
        assert_eq!(warning.location.map(|place| place.to_string()).as_deref(), Some("OBX^1^5^1^5"));
        assert_eq!(warning.severity, Severity::Warning);
    }
}
