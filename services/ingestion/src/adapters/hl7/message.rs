//! One message over its text: segments are found once, everything below them when it is asked for.
//!
//! Splitting on demand is what makes this fast: a message has hundreds of parts, and a referral needs some forty of them.
//! A line that can't be a segment belongs to the text of the segment before it, because systems put line breaks into
//! notes, and half a note says something else. Deliberately not here: the parts of a segment (segment).

use std::borrow::Cow;

use memchr::{memchr2, memchr2_iter};

use super::delimiters::Delimiters;
use super::segment::{Line, Segment, bare, is_header, name_of};

/// A text was no message that can be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotAMessage {
    /// There is nothing.
    #[error("the text is empty")]
    Empty,
    /// It does not begin with MSH.
    #[error("there is no MSH segment at the beginning")]
    NoHeader,
    /// It begins with MSH, and its dividers can't be read.
    #[error("the MSH segment does not tell what divides it")]
    Header,
    /// It is a file of messages.
    #[error("it is a batch of messages")]
    Batch,
}

/// A message. PHI: no `Debug`.
#[derive(Clone)]
pub struct Message<'a> {
    segments: Vec<Line<'a>>,
    marks: Delimiters,
    body: &'a str,
    oddly_broken: bool,
}

impl<'a> Message<'a> {
    /// Finds the segments of a text.
    ///
    /// # Errors
    /// The text is not one message.
    pub fn parse(text: &'a str) -> Result<Self, NotAMessage> {
        let text = bare(bare(text).trim_start_matches('\u{feff}'));
        match text.as_bytes().get(..3).and_then(name_of) {
            _ if text.is_empty() => Err(NotAMessage::Empty),
            Some(name) if is_header(name) && name != *b"MSH" => Err(NotAMessage::Batch),
            Some(name) if name == *b"MSH" => {
                let header = memchr2(b'\r', b'\n', text.as_bytes()).map_or(text, |end| &text[..end]);
                let marks = Delimiters::declared(header).ok_or(NotAMessage::Header)?;
                Ok(Self::index(text, marks))
            }
            _ => Err(NotAMessage::NoHeader),
        }
    }

    fn index(text: &'a str, marks: Delimiters) -> Self {
        let bytes = text.as_bytes();
        let mut segments = Vec::with_capacity(24);
        let (mut start, mut returns) = (0, 0);
        for at in memchr2_iter(b'\r', b'\n', bytes) {
            if begins_segment(&bytes[at + 1..], marks.field) {
                segments.push(Line::of(&text[start..at]));
                start = at + 1;
                returns += usize::from(bytes[at] == b'\r');
            }
        }
        segments.push(Line::of(&text[start..]));
        let body = if segments.len() > 1 { bare(&text[segments[0].text.len()..]) } else { "" };
        let oddly_broken = returns + 1 < segments.len();
        Self { segments, marks, body, oddly_broken }
    }

    /// What divides it.
    #[must_use]
    pub fn delimiters(&self) -> &Delimiters {
        &self.marks
    }

    /// Everything after the header: together with type and event it tells a repeat from other content under the same control id.
    #[must_use]
    pub fn body(&self) -> &'a str {
        self.body
    }

    /// The same, whichever line ends and dividers without anything behind them its system writes today.
    #[must_use]
    pub fn said(&self) -> Cow<'a, str> {
        let divider = char::from(self.marks.field);
        let mut said = String::with_capacity(self.body.len());
        for line in self.segments.iter().skip(1) {
            for part in line.text.split(['\r', '\n']).map(str::trim_end).filter(|part| !part.is_empty()) {
                if !said.is_empty() {
                    said.push('\r');
                }
                said.push_str(part);
            }
            said.truncate(said.trim_end_matches(divider).len());
        }
        if said == self.body { Cow::Borrowed(self.body) } else { Cow::Owned(said) }
    }

    /// Whether some segments end in another way than by one carriage return.
    #[must_use]
    pub fn is_oddly_broken(&self) -> bool {
        self.oddly_broken
    }

    /// Whether some name of a segment is not in capitals.
    #[must_use]
    pub fn has_small_names(&self) -> bool {
        self.segments.iter().any(|line| !line.text.as_bytes().starts_with(&line.name))
    }

    /// All segments, in their order.
    pub fn all(&self) -> impl Iterator<Item = Segment<'a>> + '_ {
        self.segments.iter().map(|line| Segment::noted(*line, self.marks))
    }

    /// The segments of a name in capitals, in their order.
    pub fn segments<'s>(&'s self, name: &'s str) -> impl Iterator<Item = Segment<'a>> + 's {
        self.segments.iter().filter(move |line| line.is(name)).map(|line| Segment::noted(*line, self.marks))
    }

    /// The first segment of a name. For more than one field of it this is faster than [`Self::value`].
    #[must_use]
    pub fn segment(&self, name: &str) -> Option<Segment<'a>> {
        self.segments(name).next()
    }

    /// How many segments have a name.
    #[must_use]
    pub fn count(&self, name: &str) -> usize {
        self.segments.iter().filter(|line| line.is(name)).count()
    }

    /// The same as [`Segment::value`] of the first segment of a name; empty where there is none.
    #[must_use]
    pub fn value(&self, segment: &str, field: usize, component: usize) -> Cow<'a, str> {
        let line = self.segments.iter().find(|line| line.is(segment));
        line.map(|line| Segment::plain(*line, self.marks).value(field, component)).unwrap_or_default()
    }
}

/// Whether a line begins with a segment's name and a divider.
fn begins_segment(line: &[u8], field: u8) -> bool {
    let blank = line.iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
    let line = &line[blank..];
    line.get(3) == Some(&field) && name_of(line).is_some()
}

#[cfg(test)]
#[path = "message_tests.rs"]
mod tests;
