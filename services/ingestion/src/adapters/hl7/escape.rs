//! Escape sequences: `\F\` stands for a divider, `\.br\` for a line break, `\X0D\` for bytes.
//!
//! A text without the escape character is lent as it is, and that is nearly every one. What is unknown, unfinished or
//! known to its sender only stays as it was sent: a note that is cut says something else. Deliberately not here: which
//! part of a message is a text (message).

use std::borrow::Cow;

use super::charset;
use super::delimiters::{Delimiters, NONE};
use super::scan::find;

/// Most blank lines or spaces that one layout command may ask for.
const MOST_REPEATED: usize = 80;

/// What one sequence stands for.
enum Meaning {
    /// A character, so many times; zero times where it is about looks only.
    Characters(char, usize),
    /// Bytes in hexadecimal.
    Bytes,
    /// Another character set, or the sender's own: nothing that we could say in its place.
    Kept,
    Unknown,
}

/// The text that a part of a message stands for.
#[must_use]
pub fn unescape<'a>(text: &'a str, marks: &Delimiters) -> Cow<'a, str> {
    if text.as_bytes().contains(&marks.escape) { Cow::Owned(resolve(text, marks)) } else { Cow::Borrowed(text) }
}

fn resolve(text: &str, marks: &Delimiters) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, sequence, after)) = next(rest, marks) {
        plain.push_str(before);
        let whole = &rest[before.len()..rest.len() - after.len()];
        rest = after;
        match meaning(sequence, marks) {
            Meaning::Characters(character, times) => plain.extend(std::iter::repeat_n(character, times)),
            Meaning::Bytes => rest = bytes(sequence, after, marks, &mut plain),
            Meaning::Kept => plain.push_str(whole),
            Meaning::Unknown => {
                // What closes it may open the next one, as in `C:\notes\F\`.
                let closing = whole.len() - 1;
                plain.push_str(&whole[..closing]);
                rest = &text[text.len() - after.len() - 1..];
            }
        }
    }
    plain.push_str(rest);
    plain
}

/// Text before the next sequence, what stands in it, and the text after it.
fn next<'a>(text: &'a str, marks: &Delimiters) -> Option<(&'a str, &'a str, &'a str)> {
    let opening = find(marks.escape, text.as_bytes())?;
    let inside = &text[opening + 1..];
    let closing = find(marks.escape, inside.as_bytes())?;
    Some((&text[..opening], &inside[..closing], &inside[closing + 1..]))
}

fn meaning(sequence: &str, marks: &Delimiters) -> Meaning {
    let mark =
        |declared: u8, usual: u8| Meaning::Characters(char::from(if declared == NONE { usual } else { declared }), 1);
    let bytes = sequence.as_bytes();
    match bytes {
        b"F" => mark(marks.field, b'|'),
        b"S" => mark(marks.component, b'^'),
        b"T" => mark(marks.subcomponent, b'&'),
        b"R" => mark(marks.repetition, b'~'),
        b"E" => mark(marks.escape, b'\\'),
        b"P" => mark(marks.truncation, b'#'),
        b"H" | b"N" => Meaning::Characters(' ', 0),
        [b'.', ..] => layout(&sequence[1..]),
        [b'X' | b'x', digits @ ..] if are_pairs(digits) => Meaning::Bytes,
        [b'C' | b'M', digits @ ..] if are_pairs(digits) => Meaning::Kept,
        [b'Z', own @ ..] if !own.is_empty() && own.iter().all(u8::is_ascii_alphanumeric) => Meaning::Kept,
        _ => Meaning::Unknown,
    }
}

fn are_pairs(digits: &[u8]) -> bool {
    !digits.is_empty() && digits.len().is_multiple_of(2) && digits.iter().all(u8::is_ascii_hexdigit)
}

/// A layout command without its point: its name, and how often or how far.
fn layout(command: &str) -> Meaning {
    let Some((name, told)) = command.split_at_checked(2) else { return Meaning::Unknown };
    let told = told.trim_start_matches([' ', '+', '-']);
    let times = if told.is_empty() { 1 } else { told.parse().unwrap_or(usize::MAX) };
    if times == usize::MAX {
        return Meaning::Unknown;
    }
    match name.to_ascii_lowercase().as_str() {
        "br" if told.is_empty() => Meaning::Characters('\n', 1),
        "sp" => Meaning::Characters('\n', times.min(MOST_REPEATED)),
        "sk" => Meaning::Characters(' ', times.min(MOST_REPEATED)),
        "ce" => Meaning::Characters('\n', 1),
        "in" | "ti" | "fi" | "nf" => Meaning::Characters(' ', 0),
        _ => Meaning::Unknown,
    }
}

/// Writes the text of bytes and gives what comes after them. One character may be spread over sequences that touch.
fn bytes<'a>(first: &str, mut after: &'a str, marks: &Delimiters, plain: &mut String) -> &'a str {
    let mut found = Vec::with_capacity(first.len() / 2);
    pairs(first, &mut found);
    while let Some(("", sequence, later)) = next(after, marks) {
        if !matches!(meaning(sequence, marks), Meaning::Bytes) {
            break;
        }
        pairs(sequence, &mut found);
        after = later;
    }
    let text = charset::undeclared(&found).0;
    let mut last = ' ';
    for character in text.chars() {
        match character {
            // Some systems write two bytes for each character. No text of ours may hold a zero.
            '\0' => continue,
            '\n' if last == '\r' => {}
            '\r' | '\n' => plain.push('\n'),
            other => plain.push(other),
        }
        last = character;
    }
    after
}

/// The bytes of a sequence that begins with `X`.
fn pairs(sequence: &str, found: &mut Vec<u8>) {
    let value = |digit: u8| char::from(digit).to_digit(16).unwrap_or_default() as u8;
    found.extend(sequence.as_bytes()[1..].chunks_exact(2).map(|pair| value(pair[0]) << 4 | value(pair[1])));
}

/// Writes a text into a message that is divided by the standard characters.
pub fn escape(text: &str, out: &mut String) {
    let mut last = ' ';
    for character in text.chars() {
        match character {
            '|' => out.push_str(r"\F\"),
            '^' => out.push_str(r"\S\"),
            '&' => out.push_str(r"\T\"),
            '~' => out.push_str(r"\R\"),
            '\\' => out.push_str(r"\E\"),
            '\n' if last == '\r' => {}
            '\r' | '\n' => out.push_str(r"\.br\"),
            other if other.is_ascii_control() => out.push_str(&format!(r"\X{:02X}\", u32::from(other))),
            other => out.push(other),
        }
        last = character;
    }
}

/// A field as it was sent, divided by the standard characters instead of its message's own.
#[must_use]
pub fn carried<'a>(field: &'a str, marks: &Delimiters) -> Cow<'a, str> {
    // A control character might end the frame of the reply that repeats it.
    if marks.are_standard() && !field.bytes().any(|byte| byte.is_ascii_control()) {
        return Cow::Borrowed(field);
    }
    let mut out = String::with_capacity(field.len());
    let standard = |byte: u8| match byte {
        byte if byte == marks.repetition => Some('~'),
        byte if byte == marks.component => Some('^'),
        byte if byte == marks.subcomponent => Some('&'),
        _ => None,
    };
    let mut rest = field;
    while let Some((at, mark)) = rest.bytes().enumerate().find_map(|(at, byte)| Some((at, standard(byte)?))) {
        escape(&unescape(&rest[..at], marks), &mut out);
        out.push(mark);
        rest = &rest[at + 1..];
    }
    escape(&unescape(rest, marks), &mut out);
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(text: &str) -> Cow<'_, str> {
        unescape(text, &Delimiters::STANDARD)
    }

    #[test]
    fn a_text_without_sequences_is_lent() {
        assert!(matches!(plain("ER+/PR+, 1.8 cm"), Cow::Borrowed(_)));
    }

    #[test]
    fn each_sequence_reads_as_what_it_stands_for() {
        for (sent, read) in [
            (r"a\F\b\S\c\T\d\R\e\E\f\P\g", r"a|b^c&d~e\f#g"),
            (r"Critical \H\value\N\ here", "Critical value here"),
            (r"one.\.br\two\.BR\three", "one.\ntwo\nthree"),
            (r"\.in+4\a\.sp2\b\.sk 3\c\.ce\d\.fi\\.nf\\.ti-2\", "a\n\nb   c\nd"),
            (r"\X21\\X0D0A\x\X000d\y\X0a\", "!\nx\ny\n"),
            (r"\XC3A9\t\XC3\\XA9\ \XE9\", "ét\u{e9} é"),
            (r"X\F\Y\S\Z\R\W\E\Q\T\V\X0D\line2", "X|Y^Z~W\\Q&V\nline2"),
        ] {
            assert_eq!(plain(sent), read, "{sent}");
        }
    }

    #[test]
    fn what_is_unknown_or_unfinished_stays_as_it_was_sent() {
        let unknown = [r"\", r"\\", r"a\", r"\F", r"50\50", r"C:\notes\new", r"\.\", r"\.é\", r"\.br2\", r"\.xx\"];
        let unfit = [r"\X\", r"\X4\", r"\Xae1\", r"\Xé\", r"\é\", r"\.sp99999999999999999999\"];
        let not_ours = [r"\Z99\", r"\C2842\\M824041\x"];
        for kept in unknown.into_iter().chain(unfit).chain(not_ours) {
            assert_eq!(plain(kept), kept);
        }
        assert_eq!(plain(r"C:\notes\F\x"), r"C:\notes|x", "what closes an unknown sequence may open a known one");
    }

    #[test]
    fn a_layout_command_can_not_be_used_to_fill_the_memory() {
        assert_eq!(plain(r"\.sp4294967295\").len(), MOST_REPEATED);
    }

    #[test]
    fn a_sequence_stands_for_what_its_own_message_declares() {
        let own = Delimiters::declared("MSH#*@!$#").unwrap();
        assert_eq!(unescape("Room !F!4 !S! !R! !E! !T!", &own), "Room #4 * @ ! $");
        let short = Delimiters::declared("MSH|^~|").unwrap();
        assert_eq!(unescape(r"a\F\b", &short), r"a\F\b", "without an escape character there are no sequences");
    }

    #[test]
    fn a_field_is_carried_over_with_the_same_parts_in_standard_characters() {
        let own = Delimiters::declared("MSH#*@!$#").unwrap();
        assert_eq!(carried("RB|1*A$B@C!F!", &own), r"RB\F\1^A&B~C#");
        assert_eq!(carried("RB-1^X", &Delimiters::STANDARD), "RB-1^X");
        assert_eq!(carried("RB\u{1c}\n1^X", &Delimiters::STANDARD), r"RB\X1C\\.br\1^X");
    }
}
