//! The header of a message: who sends what to whom, and which replies they wait for.
//!
//! It is split once, because nearly all of it is needed for each message, and it lends from the text. What goes back to the
//! sender is carried over as they wrote it. Deliberately not here: whether all this is acceptable (intake).

use std::borrow::Cow;

use super::delimiters::Delimiters;
use super::escape::{carried, unescape};
use super::message::Message;
use super::segment::{Line, Segment, part};

/// Fields of a header that anybody asks for.
const FIELDS: usize = 19;

/// The header of a message, or of a batch.
#[derive(Clone)]
pub struct Header<'a> {
    marks: Delimiters,
    /// By number; the first place is not used.
    fields: [&'a str; FIELDS],
    is_response: bool,
}

impl<'a> Header<'a> {
    /// The header of a message.
    #[must_use]
    pub fn of(message: &Message<'a>) -> Self {
        let segment = message.segment("MSH");
        let mut header = Self::split(segment, *message.delimiters());
        header.is_response = message.count("MSA") > 0;
        header
    }

    /// The header of a batch or of a file of batches: the same places, but for the control id.
    pub(super) fn of_batch(line: &'a str, marks: Delimiters) -> Self {
        let mut header = Self::split(Some(Segment::plain(Line::of(line), marks)), marks);
        // The next field is for answers, and some put their own id there.
        let control_id = [11, 12].map(|field| header.fields[field]).into_iter().find(|id| !id.is_empty());
        header.fields[8..].fill("");
        header.fields[10] = control_id.unwrap_or_default();
        header
    }

    /// Whether it tells neither who sent it nor to whom.
    #[must_use]
    pub fn names_nobody(&self) -> bool {
        self.fields[3..=6].iter().all(|field| field.trim().is_empty())
    }

    fn split(segment: Option<Segment<'a>>, marks: Delimiters) -> Self {
        let mut fields = [""; FIELDS];
        let parts = segment.into_iter().flat_map(|segment| segment.parts().skip(1).take(FIELDS - 2));
        fields[2..].iter_mut().zip(parts).for_each(|(field, part)| *field = part);
        Self { marks, fields, is_response: false }
    }

    /// A component as text, without what stands around it.
    fn value(&self, field: usize, component: usize) -> Cow<'a, str> {
        let part = part(part(self.fields[field], self.marks.repetition, 1), self.marks.component, component);
        unescape(part.trim(), &self.marks)
    }

    /// A field in the characters that we write.
    #[must_use]
    pub fn carried(&self, field: usize) -> Cow<'a, str> {
        self.fields.get(field).map_or(Cow::Borrowed(""), |raw| carried(raw, &self.marks))
    }

    /// MSH-3, its first component.
    #[must_use]
    pub fn sending_application(&self) -> Cow<'a, str> {
        self.value(3, 1)
    }

    /// MSH-4, its first component, or the second where the first is empty.
    #[must_use]
    pub fn sending_facility(&self) -> Cow<'a, str> {
        let name = self.value(4, 1);
        if name.is_empty() { self.value(4, 2) } else { name }
    }

    /// MSH-6, its first component, or the second where the first is empty.
    #[must_use]
    pub fn receiving_facility(&self) -> Cow<'a, str> {
        let name = self.value(6, 1);
        if name.is_empty() { self.value(6, 2) } else { name }
    }

    /// Whether MSH-5 names this application, by its name or by its universal id.
    #[must_use]
    pub fn is_for_application(&self, name: &str) -> bool {
        self.names(5, name)
    }

    /// Whether MSH-6 names this facility, by its name or by its universal id.
    #[must_use]
    pub fn is_for_facility(&self, name: &str) -> bool {
        self.names(6, name)
    }

    fn names(&self, field: usize, name: &str) -> bool {
        [1, 2].iter().any(|component| self.value(field, *component).eq_ignore_ascii_case(name))
    }

    /// MSH-7 as it was sent.
    #[must_use]
    pub fn sent_at(&self) -> Cow<'a, str> {
        self.value(7, 1)
    }

    /// MSH-9.1 in capitals, such as `REF`.
    #[must_use]
    pub fn message_type(&self) -> Cow<'a, str> {
        capitals(self.value(9, 1))
    }

    /// MSH-9.2 in capitals, such as `I12`.
    #[must_use]
    pub fn event(&self) -> Cow<'a, str> {
        capitals(self.value(9, 2))
    }

    /// MSH-10 exactly as it was sent.
    #[must_use]
    pub fn control_id(&self) -> &'a str {
        self.fields[10]
    }

    /// MSH-11, its first component: production, training or debugging.
    #[must_use]
    pub fn processing_id(&self) -> Cow<'a, str> {
        self.value(11, 1)
    }

    /// MSH-12, its first component, where there is such a version.
    #[must_use]
    pub fn version(&self) -> Option<Cow<'a, str>> {
        let version = self.value(12, 1);
        let is_one = match version.as_bytes() {
            [b'2', b'.', minor] => minor.is_ascii_digit(),
            [b'2', b'.', minor, b'.', patch] => minor.is_ascii_digit() && patch.is_ascii_digit(),
            _ => false,
        };
        is_one.then_some(version)
    }

    /// Whether it is older than 2.5, in which faults are told in other places.
    #[must_use]
    pub fn is_old(&self) -> bool {
        self.version().is_some_and(|version| version.as_bytes()[2] < b'5')
    }

    /// Whether it answers a message of ours.
    #[must_use]
    pub fn is_response(&self) -> bool {
        self.is_response
    }

    /// Whether it is an acknowledgement, which nobody ever acknowledges.
    #[must_use]
    pub fn is_acknowledgement(&self) -> bool {
        matches!(self.message_type().as_ref(), "ACK" | "MCF")
    }

    /// Whether the sender tells apart "kept" and "worked on".
    #[must_use]
    pub fn is_enhanced(&self) -> bool {
        [15, 16].iter().any(|field| !self.wish(*field).is_empty())
    }

    /// Whether the sender wants to hear that it was kept, or that it was not.
    #[must_use]
    pub fn wants_commit(&self, good: bool) -> bool {
        wanted(&self.wish(15), good)
    }

    /// Whether the sender wants to hear what it led to.
    #[must_use]
    pub fn wants_application(&self, good: bool) -> bool {
        wanted(&self.wish(16), good)
    }

    fn wish(&self, field: usize) -> Cow<'a, str> {
        let wish = self.value(field, 1);
        if wish == "\"\"" { Cow::Borrowed("") } else { capitals(wish) }
    }

    /// The same for a sender who reads one reply, whatever they ask for.
    #[must_use]
    pub fn with_one_reply(mut self) -> Self {
        self.fields[15..=16].fill("");
        self
    }
}

/// Table 0155. A word that is in no table is taken as a wish to hear.
fn wanted(wish: &str, good: bool) -> bool {
    match wish {
        "" | "NE" => false,
        "ER" => !good,
        "SU" => good,
        _ => true,
    }
}

fn capitals(text: Cow<'_, str>) -> Cow<'_, str> {
    if text.bytes().any(|byte| byte.is_ascii_lowercase()) { Cow::Owned(text.to_ascii_uppercase()) } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(text: &str) -> Header<'_> {
        Header::of(&Message::parse(text).unwrap_or_else(|fault| panic!("{fault}")))
    }

    #[test]
    fn a_header_tells_who_sends_what_to_whom() {
        let header = header(
            "MSH|^~\\&|HUB^1.2^ISO| RFM ^123|CW|^2.16.1^ISO|2026|s|ref^i12^REF_I12|RB-1|P^T|2.5.1^USA|||AL|NE|USA|8859/1\r",
        );
        assert_eq!((header.sending_application().as_ref(), header.sending_facility().as_ref()), ("HUB", "RFM"));
        assert!(header.is_for_application("cw") && header.is_for_facility("2.16.1") && !header.is_for_facility("NCC"));
        assert_eq!((header.message_type().as_ref(), header.event().as_ref()), ("REF", "I12"));
        assert_eq!((header.control_id(), header.processing_id().as_ref()), ("RB-1", "P"));
        assert_eq!((header.version().as_deref(), header.carried(18).as_ref()), (Some("2.5.1"), "8859/1"));
        assert_eq!((header.sent_at().as_ref(), header.is_old(), header.is_response()), ("2026", false, false));
    }

    #[test]
    fn a_short_header_is_empty_where_it_ends() {
        let header = header("MSH|^~\\&|HUB|^1.2.3");
        assert_eq!((header.control_id(), header.event().as_ref(), header.version()), ("", "", None));
        assert_eq!(header.sending_facility(), "1.2.3");
        assert!(!header.is_enhanced());
    }

    #[test]
    fn only_versions_that_exist_are_versions() {
        for (told, version, old) in [
            ("2.5.1", Some("2.5.1"), false),
            ("2.3", Some("2.3"), true),
            ("", None, false),
            ("3.0", None, false),
            ("2.é", None, false),
        ] {
            let text = format!("MSH|^~\\&|A|B|C|D|1||REF^I12|1|P|{told}");
            assert_eq!((header(&text).version().as_deref(), header(&text).is_old()), (version, old), "{told}");
        }
    }

    #[test]
    fn each_wish_is_about_success_or_failure() {
        let wishes = |accept: &str, application: &str| {
            let text = format!("MSH|^~\\&|A|B|C|D|1||REF^I12|1|P|2.5.1|||{accept}|{application}");
            let header = header(&text);
            let [good, bad] = [true, false].map(|good| (header.wants_commit(good), header.wants_application(good)));
            (header.is_enhanced(), good, bad)
        };
        assert_eq!(wishes("", ""), (false, (false, false), (false, false)));
        assert_eq!(wishes("AL", "NE"), (true, (true, false), (true, false)));
        assert_eq!(wishes("er", "SU"), (true, (false, true), (true, false)));
        assert_eq!(wishes("\"\"", ""), (false, (false, false), (false, false)));
        assert_eq!(wishes("", "AL"), (true, (false, true), (false, true)));
        assert_eq!(wishes("YES", "NE"), (true, (true, false), (true, false)));
    }

    #[test]
    fn what_goes_back_is_divided_by_the_standard_characters() {
        let header = header("MSH#*@!$#HUB#RFM*123#CW#NCC#1##REF*I12#RB^1*x#P#2.5.1");
        assert_eq!((header.carried(4).as_ref(), header.carried(10).as_ref()), ("RFM^123", r"RB\S\1^x"));
        assert_eq!((header.control_id(), header.carried(99).as_ref()), ("RB^1*x", ""));
    }
}
