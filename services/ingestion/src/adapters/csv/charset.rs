//! What the bytes of a file are, and its text part by part.
//!
//! Spreadsheets and archives under the name of a CSV file are told by their first bytes. For the rest a byte order mark is
//! believed, then UTF-8 where most of what is not ASCII is, and at last windows-1252, in which every byte is a character. All
//! bytes are looked at before the first is read, because one letter near the end of a file may decide. Deliberately not here:
//! where the bytes are kept.

use encoding_rs::{Decoder, Encoding, UTF_8, UTF_16BE, UTF_16LE, WINDOWS_1252};

/// What a file is that is no text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotText {
    /// An Excel file, old or new.
    Spreadsheet,
    /// A PDF document.
    Pdf,
    /// A compressed file.
    Compressed,
    /// An encrypted file.
    Encrypted,
    /// Text in UTF-32, which nobody sends on purpose.
    Utf32,
}

impl NotText {
    /// A stable word.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Spreadsheet => "spreadsheet",
            Self::Pdf => "pdf",
            Self::Compressed => "compressed",
            Self::Encrypted => "encrypted",
            Self::Utf32 => "utf_32",
        }
    }

    /// What to do.
    #[must_use]
    pub const fn remedy(self) -> &'static str {
        match self {
            Self::Spreadsheet => "this is a spreadsheet under another name; save it as \"CSV UTF-8\" and send that",
            Self::Pdf => "this is a PDF document; export the list as CSV and send that",
            Self::Compressed => "this is a compressed file; unpack it and send the CSV file inside",
            Self::Utf32 => "this is text in UTF-32, which is not read; save it as \"CSV UTF-8\" and send that",
            Self::Encrypted => {
                "this is an encrypted file, which is not opened here; send it as plain CSV over the secured line"
            }
        }
    }
}

/// Bytes of a file's beginning that are enough for [`not_text`].
pub const MAGIC: usize = 32;

/// What a file is, told by its first bytes, if it is no text.
#[must_use]
pub fn not_text(head: &[u8]) -> Option<NotText> {
    const SIGNS: [(&[u8], NotText); 10] = [
        // Its mark begins with that of UTF-16, so it is looked for first.
        (b"\xff\xfe\x00\x00", NotText::Utf32),
        (b"\x00\x00\xfe\xff", NotText::Utf32),
        (b"PK\x03\x04", NotText::Spreadsheet),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", NotText::Spreadsheet),
        (b"%PDF-", NotText::Pdf),
        (b"\x1f\x8b", NotText::Compressed),
        (b"7z\xbc\xaf\x27\x1c", NotText::Compressed),
        (b"BZh", NotText::Compressed),
        (b"-----BEGIN PGP", NotText::Encrypted),
        (b"\x28\xb5\x2f\xfd", NotText::Compressed),
    ];
    SIGNS.iter().find(|(sign, _)| head.starts_with(sign)).map(|(_, what)| *what)
}

/// Looks at all bytes of a file and tells its character set.
#[derive(Default)]
pub struct Detector {
    length: u64,
    marked: Option<&'static Encoding>,
    /// The beginning of a character whose end comes with the next part.
    cut: Vec<u8>,
    /// Characters of several bytes that UTF-8 knows.
    known: u64,
    /// Bytes that are none in UTF-8.
    stray: u64,
}

/// How the bytes of a file are text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Charset {
    /// Their character set.
    pub encoding: &'static Encoding,
    /// Whether some of them are no characters in it.
    pub has_stray_bytes: bool,
    /// Whether the last character is cut.
    pub is_cut: bool,
}

impl Detector {
    /// Takes the next part.
    pub fn push(&mut self, bytes: &[u8]) {
        if self.length == 0 && !bytes.is_empty() {
            self.marked = Encoding::for_bom(bytes).map(|(encoding, _)| encoding).or_else(|| bare_utf16(bytes));
        }
        self.length += u64::try_from(bytes.len()).unwrap_or_default();
        if self.marked.is_some_and(|marked| marked != UTF_8) {
            return;
        }
        let joined;
        let bytes = if self.cut.is_empty() {
            bytes
        } else {
            joined = [self.cut.as_slice(), bytes].concat();
            self.cut.clear();
            &joined
        };
        let mut chunks = bytes.utf8_chunks().peekable();
        while let Some(chunk) = chunks.next() {
            // Of a character of several bytes one alone is no continuation.
            let letters = chunk.valid().bytes().filter(|byte| *byte >= 0xc0).count();
            self.known += u64::try_from(letters).unwrap_or_default();
            let invalid = chunk.invalid();
            let may_go_on = str::from_utf8(invalid).is_err_and(|cause| cause.error_len().is_none());
            if chunks.peek().is_none() && may_go_on {
                self.cut = invalid.to_vec();
            } else {
                self.stray += u64::from(!invalid.is_empty());
            }
        }
    }

    /// The character set of all that was pushed. Where most of what is not ASCII is UTF-8 the rest of it is damage: read as
    /// windows-1252 it would garble every other name. `otherwise`: what it is where its bytes do not tell.
    #[must_use]
    pub fn finish(self, otherwise: &'static Encoding) -> Charset {
        let has_odd_length = !self.length.is_multiple_of(2);
        let is_utf8 = self.marked.is_some() || self.known > self.stray || self.stray == 0 && self.cut.is_empty();
        let (encoding, has_stray_bytes, is_cut) = match self.marked {
            Some(wide) if wide != UTF_8 => (wide, false, has_odd_length),
            _ if is_utf8 => (UTF_8, self.stray > 0, !self.cut.is_empty()),
            _ => (otherwise, otherwise != WINDOWS_1252, false),
        };
        Charset { encoding, has_stray_bytes, is_cut }
    }
}

impl Charset {
    /// Whether nothing but its bytes told which it is, so that letters may be others than were meant.
    #[must_use]
    pub fn is_guessed(encoding: &str) -> bool {
        encoding == WINDOWS_1252.name()
    }
}

/// Whether a name that was read as windows-1252 looks as if it was written in another character set: there is a sign in it that
/// no name has, a capital letter amid small ones, or no plain letter far and wide.
#[must_use]
pub fn looks_garbled(name: &str) -> bool {
    const IN_NAMES: [char; 8] = ['’', '‘', '´', '–', '·', 'ª', 'º', '\u{a0}'];
    const MOST_IN_A_ROW: usize = 2;
    let letters: Vec<char> = name.chars().collect();
    let foreign = |letter: &char| !letter.is_ascii() && !IN_NAMES.contains(letter);
    let at = |place: usize| letters.get(place).copied().unwrap_or(' ');
    let before = |place: usize| place.checked_sub(1).map_or(' ', at);
    let is_odd = |(place, letter): (usize, &char)| {
        let is_amid = before(place).is_alphabetic() && (before(place).is_lowercase() || at(place + 1).is_lowercase());
        foreign(letter) && (!letter.is_alphabetic() || letter.is_uppercase() && is_amid)
    };
    letters.iter().enumerate().any(is_odd) || letters.windows(MOST_IN_A_ROW + 1).any(|row| row.iter().all(foreign))
}

/// UTF-16 without a mark: the first letters of a header are ASCII, so each second byte is zero.
fn bare_utf16(head: &[u8]) -> Option<&'static Encoding> {
    match head.get(..6)? {
        [a, 0, b, 0, c, 0] if ![*a, *b, *c].contains(&0) => Some(UTF_16LE),
        [0, a, 0, b, 0, c] if ![*a, *b, *c].contains(&0) => Some(UTF_16BE),
        _ => None,
    }
}

/// Turns the parts of a file into text. What is no character becomes U+FFFD.
pub struct Text(Decoder);

impl Text {
    /// The text of a file in a character set, without its byte order mark.
    #[must_use]
    pub fn of(encoding: &'static Encoding) -> Self {
        Self(encoding.new_decoder_with_bom_removal())
    }

    /// The text of the next part; a character that is cut comes with the next one.
    pub fn push(&mut self, bytes: &[u8], is_last: bool) -> String {
        let mut text = String::with_capacity(self.0.max_utf8_buffer_length(bytes.len()).unwrap_or(bytes.len()));
        // There is room for all of it, so one call takes everything.
        let _ = self.0.decode_to_string(bytes, &mut text, is_last);
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn detect(parts: &[&[u8]]) -> &'static str {
        let mut detector = Detector::default();
        parts.iter().for_each(|part| detector.push(part));
        detector.finish(WINDOWS_1252).encoding.name()
    }

    #[test]
    fn what_the_bytes_do_not_tell_is_as_the_office_has_agreed_and_a_mark_or_utf8_tells_more() {
        let detect = |bytes: &[u8]| {
            let mut detector = Detector::default();
            detector.push(bytes);
            let charset = detector.finish(encoding_rs::WINDOWS_1250);
            (charset.encoding.name(), Text::of(charset.encoding).push(bytes, true))
        };
        assert_eq!(detect(b"Dvo\xf8\xe1k"), ("windows-1250", "Dvořák".to_owned()));
        assert_eq!(detect("Dvořák".as_bytes()), ("UTF-8", "Dvořák".to_owned()));
        assert_eq!(detect(b"\xff\xfeD\x00").0, "UTF-16LE");
        assert!(!Charset::is_guessed("windows-1250") && Charset::is_guessed("windows-1252"));
    }

    /// Whether bytes are stray, and whether the end is cut, whatever the parts are.
    fn damage(bytes: &[u8]) -> (&'static str, bool, bool) {
        let read = |cut: usize| {
            let mut detector = Detector::default();
            detector.push(&bytes[..cut]);
            detector.push(&bytes[cut..]);
            detector.finish(WINDOWS_1252)
        };
        let whole = read(bytes.len());
        // Less than three letters do not tell UTF-16 by themselves.
        (6..bytes.len()).for_each(|cut| assert_eq!(read(cut), whole, "cut at {cut}"));
        (whole.encoding.name(), whole.has_stray_bytes, whole.is_cut)
    }

    #[test]
    fn a_name_of_another_character_set_looks_garbled_and_none_of_western_europe_does() {
        let names = "Müller,MÜLLER,José Ángel,O’Brien,D'Ávila,Ñuñez,Øystein Åse,Žižka,Noël,Åäkkönen";
        for name in names.split(',') {
            let (bytes, _, _) = WINDOWS_1252.encode(name);
            let (read, _) = WINDOWS_1252.decode_without_bom_handling(&bytes);
            assert!(!looks_garbled(&read), "{name}: {read}");
        }
        for (set, name) in [
            (encoding_rs::MACINTOSH, "Müller"),
            (encoding_rs::MACINTOSH, "José"),
            (encoding_rs::WINDOWS_1250, "Wałęsa"),
            (encoding_rs::SHIFT_JIS, "山田"),
            (encoding_rs::WINDOWS_1251, "Иванов"),
            (encoding_rs::GBK, "王小明"),
        ] {
            let (bytes, _, _) = set.encode(name);
            let (read, _) = WINDOWS_1252.decode_without_bom_handling(&bytes);
            assert!(looks_garbled(&read), "{name}: {read}");
        }
    }

    #[test]
    fn a_stray_byte_in_a_file_of_utf8_garbles_no_other_name_and_a_cut_letter_is_told() {
        let names = "José,Núñez\n".repeat(20).into_bytes();
        let with = |end: &[u8]| damage(&[&names, end].concat());
        assert_eq!(with(b"Zo\xeb\n"), ("UTF-8", true, false));
        assert_eq!(with(b"Zo\xc3"), ("UTF-8", false, true));
        assert_eq!(with(b"Zo\xe2\x82"), ("UTF-8", false, true));
        assert_eq!(with("Zoë\n".as_bytes()), ("UTF-8", false, false));
        assert_eq!(damage(b"\xef\xbb\xbfname\nZo\xeb\n"), ("UTF-8", true, false), "a mark is believed");
        assert_eq!(damage(b"Zo\xeb, Mu\xf1oz, \xc3\xa9\n"), ("windows-1252", false, false), "most is none");
        assert_eq!(damage(b"n\0a\0m\0e\0\n\0x"), ("UTF-16LE", false, true));
        assert_eq!(damage(b"\xff\xfen\0a\0m\0e\0"), ("UTF-16LE", false, false));
    }

    #[test]
    fn a_character_set_is_told_by_its_mark_else_by_all_bytes() {
        assert_eq!(detect(&[]), "UTF-8");
        assert_eq!(detect(&[b"\xef\xbb\xbfname", b"\xff"]), "UTF-8");
        assert_eq!(detect(&[b"\xff\xfen\0"]), "UTF-16LE");
        assert_eq!(detect(&[b"\xfe\xff\0n"]), "UTF-16BE");
        assert_eq!(detect(&[b"n\0a\0m\0e\0"]), "UTF-16LE");
        assert_eq!(detect(&[b"Zo", b"\xc3", b"\xab"]), "UTF-8");
        assert_eq!(detect(&[b"Zo\xc3"]), "windows-1252");
        assert_eq!(detect(&[b"Zo\xeb, Mu\xf1oz"]), "windows-1252");
    }

    #[test]
    fn text_comes_whole_whatever_the_parts_are() {
        for (encoding, bytes) in
            [(UTF_8, "\u{feff}Zoë – ñ".as_bytes().to_vec()), (WINDOWS_1252, b"Zo\xeb \x96 \xf1".to_vec())]
        {
            for cut in 0..=bytes.len() {
                let mut text = Text::of(encoding);
                let whole = text.push(&bytes[..cut], false) + &text.push(&bytes[cut..], true);
                assert_eq!(whole, "Zoë – ñ", "{cut}");
            }
        }
    }

    #[test]
    fn what_is_no_text_is_told_with_a_remedy() {
        for (bytes, word) in [
            (b"PK\x03\x04\x14".as_slice(), Some("spreadsheet")),
            (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", Some("spreadsheet")),
            (b"%PDF-1.7", Some("pdf")),
            (b"\x1f\x8b\x08", Some("compressed")),
            (b"-----BEGIN PGP MESSAGE-----", Some("encrypted")),
            (b"\xff\xfe\x00\x00R\x00\x00\x00", Some("utf_32")),
            (b"\x00\x00\xfe\xff\x00\x00\x00R", Some("utf_32")),
            (b"\xff\xfeR\x00", None),
            (b"PK,name", None),
            (b"", None),
        ] {
            assert_eq!(not_text(bytes).map(NotText::word), word);
        }
    }
}
