//! From bytes to text, by what the message says of itself and by what it really is.
//!
//! A byte order mark is believed first, then the declared set; where nothing is declared, or the bytes contradict it,
//! strict UTF-8 and after that windows-1252, in which every byte is a character. So every message becomes a text, and the
//! guess is told. The text is lent from the bytes where they are UTF-8 already. Deliberately not here: the bytes as they
//! came, which whoever received them keeps.

use std::borrow::Cow;

use encoding_rs::{Encoding, UTF_8, WINDOWS_1252};
use memchr::memchr;

use super::fault::Oddity;

/// A message as text. PHI: no `Debug`.
pub struct Decoded<'a> {
    /// The text.
    pub text: Cow<'a, str>,
    /// Whether it was not as declared.
    pub oddity: Option<Oddity>,
    /// What it was read by; none: it is ASCII, which all of them read alike.
    encoding: Option<&'static Encoding>,
}

/// Field of a header segment that names the character set.
const CHARACTER_SET: usize = 18;

/// Reads a message as text.
#[must_use]
pub fn decode(bytes: &[u8]) -> Decoded<'_> {
    if let Some(bytes) = bytes.strip_prefix(b"\xef\xbb\xbf") {
        return unless_guessed(bytes, None);
    }
    if let (true, Ok(text)) = (bytes.is_ascii(), str::from_utf8(bytes)) {
        return Decoded { text: Cow::Borrowed(text), oddity: None, encoding: None };
    }
    match Declared::by(bytes) {
        Declared::Utf8 => unless_guessed(bytes, None),
        Declared::Unknown => unless_guessed(bytes, Some(Oddity::CharacterSetUnknown)),
        Declared::Other(encoding) => match encoding.decode_without_bom_handling(bytes) {
            (text, false) => Decoded { text, oddity: None, encoding: Some(encoding) },
            (_, true) => unless_guessed(bytes, Some(Oddity::CharacterSetGuessed)),
        },
    }
}

impl Decoded<'_> {
    /// A reply in the character set of the message that it answers.
    #[must_use]
    pub fn encode<'r>(&self, reply: &'r str) -> Cow<'r, [u8]> {
        if reply.is_ascii() {
            return Cow::Borrowed(reply.as_bytes());
        }
        let declared = || match Declared::by(self.text.as_bytes()) {
            Declared::Other(encoding) => encoding,
            Declared::Utf8 | Declared::Unknown => UTF_8,
        };
        self.encoding.unwrap_or_else(declared).encode(reply).0
    }
}

fn unless_guessed(bytes: &[u8], oddity: Option<Oddity>) -> Decoded<'_> {
    let (text, guessed) = undeclared(bytes);
    let encoding = Some(if guessed { WINDOWS_1252 } else { UTF_8 });
    Decoded { text, oddity: oddity.or(guessed.then_some(Oddity::CharacterSetGuessed)), encoding }
}

/// The text of bytes of which nothing is known, and whether it is a guess.
pub(super) fn undeclared(bytes: &[u8]) -> (Cow<'_, str>, bool) {
    match str::from_utf8(bytes) {
        Ok(text) => (Cow::Borrowed(text), false),
        Err(_) => (WINDOWS_1252.decode_without_bom_handling(bytes).0, true),
    }
}

/// What a message says of its characters.
enum Declared {
    /// UTF-8, nothing, or ASCII, which is a part of it.
    Utf8,
    Other(&'static Encoding),
    Unknown,
}

impl Declared {
    fn by(bytes: &[u8]) -> Self {
        let Some(name) = declared(bytes) else { return Self::Utf8 };
        let name: String =
            name.iter().filter(|byte| byte.is_ascii_alphanumeric()).map(|byte| char::from(*byte)).collect();
        let name = name.to_ascii_uppercase();
        let label = match name.as_str() {
            "" | "ASCII" | "USASCII" | "UTF8" | "UNICODEUTF8" | "UNICODE" => return Self::Utf8,
            "GB180302000" | "GB18030" => "gb18030".to_owned(),
            "BIG5" => "big5".to_owned(),
            "KSX1001" => "euc-kr".to_owned(),
            "WINDOWS1252" | "CP1252" => "windows-1252".to_owned(),
            // Table 0211 writes 8859/1, others ISO-8859-1 or ISO8859/1.
            _ => match name.strip_prefix("ISO").unwrap_or(&name).strip_prefix("8859") {
                Some(part) => format!("iso-8859-{part}"),
                None => return Self::Unknown,
            },
        };
        Encoding::for_label(label.as_bytes()).map_or(Self::Unknown, Self::Other)
    }
}

/// The first of the sets that MSH-18 names. A header is ASCII up to there in all of them.
fn declared(bytes: &[u8]) -> Option<&[u8]> {
    let start = bytes.iter().position(|byte| *byte > b' ')?;
    let header = bytes[start..].split(|byte| matches!(byte, b'\r' | b'\n')).next()?;
    let (field, repetition) = (*header.get(3)?, *header.get(5)?);
    let mut rest = header;
    for _ in 1..CHARACTER_SET {
        rest = &rest[memchr(field, rest)? + 1..];
    }
    let told = &rest[..memchr(field, rest).unwrap_or(rest.len())];
    told.split(|byte| *byte == repetition).next()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(set: &str, name: &[u8]) -> Vec<u8> {
        let header = format!("MSH|^~\\&|A|B|C|D|1||REF^I12|1|P|2.5.1|||AL|AL|USA|{set}|\rPID|1||||");
        [header.as_bytes(), name].concat()
    }

    fn read(set: &str, name: &[u8]) -> (String, Option<Oddity>) {
        let bytes = message(set, name);
        let decoded = decode(&bytes);
        (decoded.text.rsplit('|').next().unwrap_or_default().to_owned(), decoded.oddity)
    }

    #[test]
    fn utf_8_is_lent_whether_it_is_declared_or_not() {
        for set in ["UNICODE UTF-8", "", "utf8", "ASCII", "UNICODE UTF-8~8859/1"] {
            let bytes = message(set, "Zoë 名".as_bytes());
            let decoded = decode(&bytes);
            assert!(matches!(decoded.text, Cow::Borrowed(text) if text.ends_with("Zoë 名")), "{set}");
            assert_eq!(decoded.oddity, None, "{set}");
        }
    }

    #[test]
    fn a_declared_set_is_believed() {
        assert_eq!(
            read("8859/1", b"Mar\xeda \x80"),
            ("María €".into(), None),
            "read as windows-1252, which holds more"
        );
        assert_eq!(read("ISO-8859-1", b"Mar\xeda"), ("María".into(), None));
        assert_eq!(read("8859/2", b"\xa3ukasz"), ("Łukasz".into(), None));
        assert_eq!(read("8859/15", b"\xa4"), ("€".into(), None));
        assert_eq!(read("8859/9", b"Da\xf0"), ("Dağ".into(), None));
        assert_eq!(read("GB 18030-2000", b"\xd6\xd0"), ("中".into(), None));
    }

    #[test]
    fn bytes_that_contradict_what_is_declared_are_guessed_and_nothing_is_lost() {
        assert_eq!(read("", b"Mar\xeda"), ("María".into(), Some(Oddity::CharacterSetGuessed)));
        assert_eq!(read("UNICODE UTF-8", b"Mar\xeda"), ("María".into(), Some(Oddity::CharacterSetGuessed)));
        assert_eq!(read("GB 18030-2000", b"Mar\xff"), ("Marÿ".into(), Some(Oddity::CharacterSetGuessed)));
    }

    #[test]
    fn a_set_that_nobody_knows_is_told() {
        for set in ["ISO IR 999", "8859/12", "8859/99"] {
            assert_eq!(read(set, "María".as_bytes()), ("María".into(), Some(Oddity::CharacterSetUnknown)), "{set}");
            assert_eq!(read(set, b"Mar\xeda"), ("María".into(), Some(Oddity::CharacterSetUnknown)), "{set}");
        }
    }

    #[test]
    fn a_byte_order_mark_is_taken_off_and_believed() {
        let bytes = [b"\xef\xbb\xbf".as_slice(), &message("8859/1", "María".as_bytes())].concat();
        let decoded = decode(&bytes);
        assert!(decoded.text.starts_with("MSH") && decoded.text.ends_with("María") && decoded.oddity.is_none());
    }

    #[test]
    fn a_reply_is_written_as_its_message_was() {
        let (latin, unicode) = (message("8859/1", b""), message("", b""));
        assert_eq!(decode(&latin).encode("María").as_ref(), b"Mar\xeda");
        assert_eq!(decode(&unicode).encode("María").as_ref(), "María".as_bytes());
    }

    #[test]
    fn no_bytes_are_too_odd() {
        for bytes in [b"".as_slice(), b"\r\n", b"MSH", b"MSH|^", b"\xff\xfe\0\0", b"MSH|^~\\&||||||||||||||||\xff"] {
            assert_eq!(decode(bytes).text.is_empty(), bytes.is_empty());
        }
    }
}
