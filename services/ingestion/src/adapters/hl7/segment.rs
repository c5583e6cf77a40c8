//! A segment and what it is made of: fields, their repetitions, components and parts of components.
//!
//! Each level is a view of the same text and is cut when it is asked for. What is escaped is resolved at the very end, when
//! a part is asked for as text. Nothing here is `Debug`, so that no part of a message is printed by accident. Deliberately
//! not here: what a field means (header, referral).

use std::borrow::Cow;

use super::delimiters::Delimiters;
use super::escape::unescape;
use super::scan;

/// What HL7 sends to say "take out what you have". Not the same as nothing, which says "leave it".
const DELETE: &str = "\"\"";

/// The text of a segment, and its name in capitals.
#[derive(Clone, Copy)]
pub(super) struct Line<'a> {
    pub(super) name: [u8; 3],
    pub(super) text: &'a str,
}

impl<'a> Line<'a> {
    pub(super) fn of(text: &'a str) -> Self {
        let text = bare(text);
        Self { name: name_of(text.as_bytes()).unwrap_or_default(), text }
    }

    pub(super) fn is(&self, name: &str) -> bool {
        self.name.as_slice() == name.as_bytes()
    }
}

/// The name of a segment in capitals: a letter, and two letters or digits.
pub(super) fn name_of(start: &[u8]) -> Option<[u8; 3]> {
    match *start {
        [first, second, third, ..] => {
            let is_name =
                first.is_ascii_alphabetic() && second.is_ascii_alphanumeric() && third.is_ascii_alphanumeric();
            is_name.then(|| [first, second, third].map(|byte| byte.to_ascii_uppercase()))
        }
        _ => None,
    }
}

/// Whether a segment of this name tells what divides the others.
pub(super) fn is_header(name: [u8; 3]) -> bool {
    matches!(&name, b"MSH" | b"BHS" | b"FHS")
}

/// A text without blanks, line ends and what is left of a frame around it.
pub(super) fn bare(text: &str) -> &str {
    let says = |byte: &u8| *byte > b' ';
    let Some(start) = text.bytes().position(|byte| says(&byte)) else { return "" };
    let end = text.as_bytes().iter().rposition(says).map_or(start, |last| last + 1);
    &text[start..end]
}

/// The `n`th part, counted from 1; empty where there are fewer.
pub(super) fn part(text: &str, mark: u8, n: usize) -> &str {
    let rest = match n {
        0 => return "",
        1 => text,
        _ => match scan::after(n - 2, mark, text.as_bytes()) {
            Some(at) => &text[at + 1..],
            None => return "",
        },
    };
    scan::find(mark, rest.as_bytes()).map_or(rest, |at| &rest[..at])
}

/// Parts between dividers.
struct Parts<'a> {
    rest: Option<&'a str>,
    mark: u8,
}

impl<'a> Iterator for Parts<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        let text = self.rest?;
        let at = scan::find(self.mark, text.as_bytes());
        self.rest = at.map(|at| &text[at + 1..]);
        Some(at.map_or(text, |at| &text[..at]))
    }
}

/// Fields whose places are noted. Nearly all that anybody asks for are among them.
const NOTED: usize = 16;

/// A segment. PHI: no `Debug`.
#[derive(Clone, Copy)]
pub struct Segment<'a> {
    line: Line<'a>,
    marks: Delimiters,
    /// How many ends are noted.
    noted: usize,
    /// Where its first parts end, its name being the first of them.
    ends: [u16; NOTED],
}

impl<'a> Segment<'a> {
    /// For one look at it.
    pub(super) fn plain(line: Line<'a>, marks: Delimiters) -> Self {
        Self { line, marks, noted: 0, ends: [0; NOTED] }
    }

    /// For many looks at it: where its first fields end is noted once.
    pub(super) fn noted(line: Line<'a>, marks: Delimiters) -> Self {
        let mut segment = Self::plain(line, marks);
        segment.noted = scan::all(marks.field, line.text.as_bytes(), &mut segment.ends);
        segment
    }

    /// Its name as it was sent.
    #[must_use]
    pub fn name(&self) -> &'a str {
        self.part(0)
    }

    /// Whether it has a name, which is told in capitals and may be sent in small letters.
    #[must_use]
    pub fn is(&self, name: &str) -> bool {
        self.line.is(name)
    }

    /// What stands between its dividers, counted from 0, which is the name.
    fn part(&self, n: usize) -> &'a str {
        let (text, mark, ends) = (self.line.text, self.marks.field, &self.ends[..self.noted]);
        if n > ends.len() {
            return part(text, mark, n + 1);
        }
        let start = if n == 0 { 0 } else { usize::from(ends[n - 1]) + 1 };
        let end = ends.get(n).map(|end| usize::from(*end));
        let end = end.or_else(|| Some(start + scan::find(mark, &text.as_bytes()[start..])?));
        &text[start..end.unwrap_or(text.len())]
    }

    /// A field by its number, counted from 1.
    ///
    /// In a header the divider itself is the first field and the others are the second, so everything moves by one.
    #[must_use]
    pub fn field(&self, n: usize) -> Field<'a> {
        let (text, marks) = match n {
            0 => ("", self.marks),
            1 if is_header(self.line.name) => (self.line.text.get(3..4).unwrap_or_default(), Delimiters::OFF),
            2 if is_header(self.line.name) => (self.part(1), Delimiters::OFF),
            _ => (self.part(n - usize::from(is_header(self.line.name))), self.marks),
        };
        Field { text, marks }
    }

    /// Text of a component of a field's first value, without the blanks around it: in one pass, being asked for so often.
    #[must_use]
    pub fn value(&self, field: usize, component: usize) -> Cow<'a, str> {
        let Field { text: whole, marks } = self.field(field);
        let found = scan::part(marks.component, marks.repetition, whole.as_bytes(), component);
        match text(found.map_or("", |(start, end)| &whole[start..end]), &marks) {
            Cow::Borrowed(text) => Cow::Borrowed(text.trim_ascii()),
            Cow::Owned(text) => Cow::Owned(text.trim_ascii().to_owned()),
        }
    }

    /// The parts between its dividers, its name first.
    pub(super) fn parts(&self) -> impl Iterator<Item = &'a str> + use<'a> {
        Parts { rest: Some(self.line.text), mark: self.marks.field }
    }
}

/// A field. PHI: no `Debug`.
#[derive(Clone, Copy)]
pub struct Field<'a> {
    text: &'a str,
    marks: Delimiters,
}

impl<'a> Field<'a> {
    /// As it was sent.
    #[must_use]
    pub fn raw(&self) -> &'a str {
        self.text
    }

    /// Whether nothing was sent: what is known already stays.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    /// Whether what is known already is to be taken out.
    #[must_use]
    pub fn is_delete(&self) -> bool {
        self.text == DELETE
    }

    /// Its repetitions; one that is empty where nothing was sent.
    pub fn repetitions(&self) -> impl Iterator<Item = Repetition<'a>> + use<'a> {
        let marks = self.marks;
        Parts { rest: Some(self.text), mark: marks.repetition }.map(move |text| Repetition { text, marks })
    }

    /// The first repetition, which is all of the field where it does not repeat.
    #[must_use]
    pub fn first(&self) -> Repetition<'a> {
        Repetition { text: part(self.text, self.marks.repetition, 1), marks: self.marks }
    }

    /// All of it as one text, for a field whose sender knows of no parts.
    #[must_use]
    pub fn text(&self) -> Cow<'a, str> {
        text(self.text, &self.marks)
    }
}

/// One of the values of a field. PHI: no `Debug`.
#[derive(Clone, Copy)]
pub struct Repetition<'a> {
    text: &'a str,
    marks: Delimiters,
}

impl<'a> Repetition<'a> {
    /// As it was sent.
    #[must_use]
    pub fn raw(&self) -> &'a str {
        self.text
    }

    /// A component by its number, counted from 1.
    #[must_use]
    pub fn component(&self, n: usize) -> Component<'a> {
        Component { text: part(self.text, self.marks.component, n), marks: self.marks }
    }

    /// All of it as one text.
    #[must_use]
    pub fn text(&self) -> Cow<'a, str> {
        text(self.text, &self.marks)
    }
}

/// A component. PHI: no `Debug`.
#[derive(Clone, Copy)]
pub struct Component<'a> {
    text: &'a str,
    marks: Delimiters,
}

impl<'a> Component<'a> {
    /// Text of one of its parts, counted from 1.
    #[must_use]
    pub fn subcomponent(&self, n: usize) -> Cow<'a, str> {
        text(part(self.text, self.marks.subcomponent, n), &self.marks)
    }

    /// All of it as one text: people write `Smith & Sons` where it should divide.
    #[must_use]
    pub fn text(&self) -> Cow<'a, str> {
        text(self.text, &self.marks)
    }
}

/// What is to be deleted has no text.
fn text<'a>(raw: &'a str, marks: &Delimiters) -> Cow<'a, str> {
    if raw == DELETE { Cow::Borrowed("") } else { unescape(raw, marks) }
}
