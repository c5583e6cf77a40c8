//! Files of messages: `[FHS] [BHS] {MSH ...} [BTS] [FTS]`, in one frame or in one upload.
//!
//! A file that was cut looks like a shorter one, so its counts decide: where one differs or its trailer is missing, none
//! of the messages is taken, because the office will send the whole file again. Deliberately not here: the messages
//! themselves, which are read one by one like any other (intake).

use super::delimiters::Delimiters;
use super::fault::{Code, Fault};
use super::header::Header;
use super::message::Message;
use super::segment::part;

/// A file of messages. PHI: no `Debug`.
pub struct Batch<'a> {
    /// Who sent it to whom: of the file, else of its first batch, else of its first message. Refusals of all of it go there.
    pub header: Header<'a>,
    /// What stands before the first message.
    pub lead: &'a str,
    /// The text of each message, in their order.
    pub messages: Vec<&'a str>,
    /// Why none of them may be taken.
    pub fault: Option<Fault>,
}

const COUNT: &str = "The count of messages is not the one that the trailer tells: send the whole file again";
const OPEN: &str = "The trailer of the file is missing: send the whole file again";

/// What was counted since a header.
#[derive(Default)]
struct Counted {
    open: bool,
    units: usize,
}

/// Splits a file; none where it does not begin with a usable header of a file or a batch.
#[must_use]
pub fn read(text: &str) -> Option<Batch<'_>> {
    let start = text.find(|character: char| character > ' ' && character != '\u{feff}')?;
    let text = &text[start..];
    let first = text.split(['\r', '\n']).next()?;
    let marks = Delimiters::declared_by_batch(first)?;
    let header = Header::of_batch(first, marks);
    let mut batch = Batch { header, lead: text, messages: Vec::new(), fault: None };
    let (mut file, mut group) = (Counted::default(), Counted::default());
    let mut message = None;
    for (at, line) in lines(text) {
        let Some(name) = control(line) else { continue };
        if let Some(begun) = message.take() {
            batch.messages.push(&text[begun..at]);
        }
        match name {
            Control::File => file.open = true,
            Control::Batch => {
                if batch.header.names_nobody()
                    && let Some(marks) = Delimiters::declared_by_batch(line)
                {
                    batch.header = Header::of_batch(line, marks);
                }
                batch.refuse_if(group.open, OPEN, "BTS");
                group = Counted { open: true, units: 0 };
            }
            Control::Message => {
                if batch.messages.is_empty() {
                    batch.lead = &text[..at];
                }
                message = Some(at);
                group.units += 1;
            }
            Control::BatchEnd => {
                batch.refuse_if(differs(line, group.units), COUNT, "BTS");
                group = Counted::default();
                file.units += 1;
            }
            Control::FileEnd => {
                batch.refuse_if(differs(line, file.units), COUNT, "FTS");
                file = Counted::default();
            }
        }
    }
    batch.messages.extend(message.map(|begun| &text[begun..]));
    batch.refuse_if(group.open, OPEN, "BTS");
    batch.refuse_if(file.open, OPEN, "FTS");
    if batch.header.names_nobody() {
        let mut headers = batch.messages.iter().filter_map(|text| Some(Header::of(&Message::parse(text).ok()?)));
        // An acknowledgement is answered by nobody, or two systems would thank each other for ever.
        batch.header = headers.find(|header| !header.is_acknowledgement()).unwrap_or(batch.header);
    }
    Some(batch)
}

impl Batch<'_> {
    /// The first reason stays.
    fn refuse_if(&mut self, wrong: bool, words: &'static str, segment: &'static str) {
        if wrong {
            self.fault = self.fault.or(Some(Fault::at(segment, 1, Code::Internal, words)));
        }
    }
}

/// A segment that begins or ends something.
enum Control {
    File,
    Batch,
    Message,
    BatchEnd,
    FileEnd,
}

fn control(line: &str) -> Option<Control> {
    let (name, rest) = line.split_at_checked(3)?;
    if rest.bytes().next().is_some_and(|next| !next.is_ascii_punctuation()) {
        return None;
    }
    match name.to_ascii_uppercase().as_str() {
        "FHS" => Some(Control::File),
        "BHS" => Some(Control::Batch),
        "MSH" => Some(Control::Message),
        "BTS" => Some(Control::BatchEnd),
        "FTS" => Some(Control::FileEnd),
        _ => None,
    }
}

/// Lines with the place at which each begins.
fn lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut at = 0;
    text.split(['\r', '\n']).map(move |line| {
        let begun = at;
        at += line.len() + 1;
        (begun, line)
    })
}

/// Whether a trailer tells another count. One that tells none is believed.
fn differs(trailer: &str, counted: usize) -> bool {
    let field = trailer.as_bytes().get(3).copied().unwrap_or(b'|');
    let told = part(trailer, field, 2).trim();
    !told.is_empty() && told.parse() != Ok(counted)
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "FHS|^~\\&|HUB|RFM|CW|NCC|2026||||F1\rBHS|^~\\&|HUB|RFM|CW|NCC|2026|||||B1\r\
        MSH|^~\\&|HUB|RFM|CW|NCC|2026||REF^I12|1|P|2.5.1\rPID|1||7\rMSH#*@!$#HUB#RFM\r\nPID#1\rBTS|2\rFTS|1\r";

    fn fault(text: &str) -> Option<(&'static str, &'static str)> {
        let batch = read(text).unwrap_or_else(|| panic!("no batch"));
        batch.fault.map(|fault| (fault.location.map_or("", |place| place.segment), fault.words))
    }

    #[test]
    fn a_file_gives_its_messages_whole_and_tells_who_sent_it() {
        let batch = read(FILE).unwrap();
        assert_eq!(batch.messages.len(), 2);
        assert!(batch.lead.starts_with("FHS|") && FILE.starts_with(&format!("{}{}", batch.lead, batch.messages[0])));
        assert!(batch.messages[0].starts_with("MSH|") && batch.messages[0].ends_with("PID|1||7\r"));
        assert_eq!(batch.messages[1], "MSH#*@!$#HUB#RFM\r\nPID#1\r");
        assert_eq!((batch.header.control_id(), batch.header.sending_facility().as_ref()), ("F1", "RFM"));
        assert!(batch.fault.is_none() && !batch.header.is_enhanced());
        let group = &FILE[FILE.find("BHS").unwrap()..FILE.find("FTS").unwrap()];
        assert_eq!(read(group).unwrap().header.control_id(), "B1", "some write it one field too far");
    }

    #[test]
    fn a_file_that_was_cut_or_counts_otherwise_is_refused_as_a_whole() {
        assert_eq!(fault(&FILE.replace("BTS|2", "BTS|3")), Some(("BTS", COUNT)));
        assert_eq!(fault(&FILE.replace("BTS|2", "BTS|two")), Some(("BTS", COUNT)));
        assert_eq!(fault(&FILE.replace("FTS|1", "FTS|2")), Some(("FTS", COUNT)));
        assert_eq!(fault(&FILE.replace("BTS|2\r", "")), Some(("FTS", COUNT)));
        assert_eq!(fault(&FILE.replace("FTS|1\r", "")), Some(("FTS", OPEN)));
        assert_eq!(fault(&FILE[..FILE.len() - 12]), Some(("BTS", OPEN)));
    }

    #[test]
    fn a_file_whose_headers_name_nobody_is_its_first_messages_senders() {
        let bare = |text: &str| {
            let is_header = |line: &str| line.starts_with("FHS") || line.starts_with("BHS");
            let lines = text.split('\r').map(|line| if is_header(line) { &line[..8] } else { line });
            lines.collect::<Vec<_>>().join("\r")
        };
        let file = bare(FILE);
        assert!(file.starts_with("FHS|^~\\&\rBHS|^~\\&\rMSH|"), "{file}");
        let batch = read(&file).expect("a file");
        assert_eq!((batch.messages.len(), batch.fault.is_none()), (2, true));
        assert_eq!((batch.header.control_id(), batch.header.sending_facility().as_ref()), ("1", "RFM"));
        assert_eq!(fault(&file.replace("BTS|2", "BTS|3")), Some(("BTS", COUNT)));
        let named = file.replacen("BHS|^~\\&", "BHS|^~\\&|HUB|ELM|CW|NCC|2026||||B7", 1);
        let header = read(&named).expect("a file").header;
        assert_eq!((header.control_id(), header.sending_facility().as_ref()), ("B7", "ELM"));
        let after_an_answer = file.replacen("MSH|", "MSH|^~\\&|HUB|RFM|CW|NCC|2026||ACK|0|P|2.5.1\rMSA|AA|9\rMSH|", 1);
        assert_eq!(read(&after_an_answer).expect("a file").header.control_id(), "1", "nobody answers an answer");
        assert_eq!(read("BHS|^~\\&\rBTS|0\r").expect("an empty batch").messages.len(), 0);
    }

    #[test]
    fn a_trailer_without_a_count_is_believed() {
        assert_eq!(fault(&FILE.replace("BTS|2", "BTS").replace("FTS|1", "FTS|")), None);
        assert_eq!(fault("BHS|^~\\&|A\rBTS|0\r"), None);
    }

    #[test]
    fn without_a_usable_header_it_is_no_file() {
        for text in ["", "BHS", "BHS|^~", "é"] {
            assert!(read(text).is_none(), "{text}");
        }
    }
}
