//! The characters that divide a message, as its own first two fields declare them.
//!
//! All of them are ASCII, so a text can be cut at any of them without cutting a character. Deliberately not here: the
//! cutting (message) and what stands for a divider inside a text (escape).

use std::borrow::Cow;

use memchr::memchr;

/// What divides a message. A divider that was not declared is [`NONE`], which is found in no text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Delimiters {
    /// Between fields.
    pub field: u8,
    /// Between components of a field.
    pub component: u8,
    /// Between repetitions of a field.
    pub repetition: u8,
    /// Around escape sequences.
    pub escape: u8,
    /// Between parts of a component.
    pub subcomponent: u8,
    /// Marks a text that was cut short (from 2.7).
    pub truncation: u8,
}

/// No text in UTF-8 holds this byte.
pub const NONE: u8 = 0xff;

impl Delimiters {
    /// What nearly everybody uses, and all that we write.
    pub const STANDARD: Self =
        Self { field: b'|', component: b'^', repetition: b'~', escape: b'\\', subcomponent: b'&', truncation: NONE };

    /// Divides nothing: for the field that declares the dividers.
    pub const OFF: Self =
        Self { field: NONE, component: NONE, repetition: NONE, escape: NONE, subcomponent: NONE, truncation: NONE };

    /// What a header segment declares in its fourth and the next characters; none where it can't be used.
    #[must_use]
    pub fn declared(header: &str) -> Option<Self> {
        let bytes = header.as_bytes();
        let field = *bytes.get(3)?;
        let coding = bytes.get(4..)?;
        let coding = match &coding[..memchr(field, coding)?] {
            // Written in a program's text, where a backslash stands for itself only when it is doubled.
            [component, repetition, b'\\', b'\\', rest @ ..] => {
                Cow::Owned([&[*component, *repetition, b'\\'], rest].concat())
            }
            coding => Cow::Borrowed(coding),
        };
        let told = |at: usize| coding.get(at).copied().unwrap_or(NONE);
        let fit = |(at, mark): (usize, &u8)| mark.is_ascii_punctuation() && !coding[..at].contains(mark);
        let usable =
            field.is_ascii_punctuation() && (1..=5).contains(&coding.len()) && coding.iter().enumerate().all(fit);
        usable.then(|| Self {
            field,
            component: told(0),
            repetition: told(1),
            escape: told(2),
            subcomponent: told(3),
            truncation: told(4),
        })
    }

    /// The same of the header of a file or of a batch, whose other fields may all be left out, and the divider behind these with them.
    #[must_use]
    pub fn declared_by_batch(header: &str) -> Option<Self> {
        let header = header.trim_end();
        let field = header.as_bytes().get(3).copied().filter(u8::is_ascii_punctuation)?;
        let is_bare = memchr(field, &header.as_bytes()[4..]).is_none();
        match is_bare {
            false => Self::declared(header),
            // One that was cut in them is shorter.
            true if header.len() < "BHS|^~\\&".len() => None,
            true => Self::declared(&format!("{header}{}", char::from(field))),
        }
    }

    /// Whether a text divided by these reads the same when divided by the standard ones.
    #[must_use]
    pub fn are_standard(&self) -> bool {
        Self { truncation: NONE, ..*self } == Self::STANDARD
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_declares_what_divides_it() {
        assert_eq!(Delimiters::declared(r"MSH|^~\&|A"), Some(Delimiters::STANDARD));
        let own = Delimiters::declared("MSH#*@!$#A").unwrap();
        assert_eq!((own.field, own.component, own.repetition), (b'#', b'*', b'@'));
        assert_eq!((own.escape, own.subcomponent, own.truncation), (b'!', b'$', NONE));
        assert_eq!(Delimiters::declared(r"MSH|^~\&#|A").map(|own| own.truncation), Some(b'#'));
        assert!(Delimiters::declared(r"MSH|^~\&#|A").unwrap().are_standard() && !own.are_standard());
    }

    #[test]
    fn the_header_of_a_batch_may_declare_them_and_nothing_else() {
        for header in [r"BHS|^~\&", r"FHS|^~\& ", r"BHS|^~\&|", r"BHS|^~\\&", r"BHS|^~\&|HUB"] {
            assert_eq!(Delimiters::declared_by_batch(header), Some(Delimiters::STANDARD), "{header}");
        }
        for header in ["", "BHS", "BHS|", "BHS|^~", r"BHS|^~\", r"BHS|^^\&", r"BHSA^~\&", "BHS§^~\\&"] {
            assert_eq!(Delimiters::declared_by_batch(header), None, "{header}");
        }
    }

    #[test]
    fn a_backslash_that_a_program_doubled_is_one() {
        assert_eq!(Delimiters::declared(r"MSH|^~\\&|A"), Some(Delimiters::STANDARD));
        assert_eq!(Delimiters::declared(r"MSH|^~\\&#|A").map(|own| own.truncation), Some(b'#'));
        assert_eq!(Delimiters::declared("MSH|^~@@&|A"), None, "another mark is doubled by no language");
    }

    #[test]
    fn what_is_not_declared_divides_nothing() {
        let short = Delimiters::declared("MSH|^~|A").unwrap();
        assert_eq!((short.repetition, short.escape, short.subcomponent), (b'~', NONE, NONE));
    }

    #[test]
    fn a_header_that_is_cut_or_declares_nonsense_is_unusable() {
        let nonsense =
            ["", "MSH", "MSH|", "MSH|^~", r"MSH|^~\&", "MSH||A", r"MSH|^^\&|A", r"MSHA^~\&A", r"MSH|^~\&#+|A"];
        for header in nonsense {
            assert_eq!(Delimiters::declared(header), None, "{header}");
        }
        assert_eq!(Delimiters::declared("MSH§^~\\&§A"), None);
    }
}
