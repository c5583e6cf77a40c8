//! What a file is, told from its bytes, and whether somebody could use it.
//!
//! A name and a browser's word for a type are the sender's to choose, so neither is believed. A file is looked at part by part
//! as it comes, so its length costs no memory: what shows in the first bytes is told before the rest is sent, what shows at the
//! end when all of it was read. Deliberately not here: malware (the scanner), and what a document says.

use causeway_funnel::document::{DocumentFault, DocumentType};
use memchr::memmem;

use super::{pdf, tiff};

/// So many bytes are enough to tell a kind; the mark of DICOM ends at 132, a prolog of XML is longer.
const HEAD: usize = 4096;
/// Where the end of a PDF is looked for.
const TAIL: usize = 2048;
/// Longest mark that may be cut in two by the parts.
const OVERLAP: usize = 64;

/// What was learned of a whole file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seen {
    /// What it is.
    pub kind: DocumentType,
    /// How many pages it has, where they could be counted.
    pub pages: Option<u32>,
}

/// Looks at a file part by part.
#[derive(Default)]
pub struct Examiner {
    head: Vec<u8>,
    tail: Vec<u8>,
    bytes: u64,
    pages: pdf::Pages,
    tiff: tiff::Pages,
    is_locked: bool,
    is_word: bool,
    has_control: bool,
    /// The last bytes of the part before, so that a mark between two parts is seen.
    rest: Vec<u8>,
}

impl Examiner {
    /// Takes the next part.
    pub fn push(&mut self, part: &[u8]) {
        self.bytes += part.len() as u64;
        self.tiff.push(part);
        let wanted = HEAD.saturating_sub(self.head.len()).min(part.len());
        self.head.extend_from_slice(&part[..wanted]);
        match begins(&self.head) {
            Begins::As(DocumentType::Pdf) => {
                self.pages.push(part);
                self.marks_of_pdf(part);
            }
            Begins::Packed => self.marks_of_word(part),
            Begins::Text => self.characters(part),
            _ => {}
        }
        let from = part.len().saturating_sub(TAIL);
        self.tail.extend_from_slice(&part[from..]);
        let old = self.tail.len().saturating_sub(TAIL);
        self.tail.drain(..old);
    }

    /// What shows by now that nobody could use; for telling it before the rest comes.
    #[must_use]
    pub fn fault_so_far(&self) -> Option<DocumentFault> {
        match begins(&self.head) {
            Begins::Not(fault) if self.bytes > 0 => Some(fault),
            // The mark of DICOM stands behind 128 bytes of anything.
            Begins::Text if self.has_control && self.head.len() >= 132 => Some(DocumentFault::Unknown),
            _ => None,
        }
    }

    /// What the whole file is.
    ///
    /// # Errors
    /// Nobody could use it.
    pub fn finish(self) -> Result<Seen, DocumentFault> {
        if self.bytes == 0 {
            return Err(DocumentFault::Empty);
        }
        let plain = |kind| Ok(Seen { kind, pages: None });
        match begins(&self.head) {
            Begins::Not(fault) => Err(fault),
            Begins::As(DocumentType::Pdf) => self.pdf(),
            Begins::As(kind @ DocumentType::Tiff) => Ok(Seen { kind, pages: self.tiff.count() }),
            Begins::As(kind) => plain(kind),
            Begins::Packed if self.is_word => plain(DocumentType::Docx),
            Begins::Packed => Err(DocumentFault::Archive),
            Begins::Text => self.text().and_then(plain),
        }
    }

    fn pdf(self) -> Result<Seen, DocumentFault> {
        // ISO 32000-1, 7.5.5: the last lines are startxref, an offset and %%EOF; readers look for them near the end.
        let ends = [b"%%EOF".as_slice(), b"startxref"].iter().all(|mark| memmem::find(&self.tail, mark).is_some());
        match (self.is_locked, ends) {
            (true, _) => Err(DocumentFault::Locked),
            (false, false) => Err(DocumentFault::Damaged),
            (false, true) => Ok(Seen { kind: DocumentType::Pdf, pages: self.pages.count() }),
        }
    }

    fn text(self) -> Result<DocumentType, DocumentFault> {
        // Texts in UTF-8 and in the tables of Windows are both sent; what is no text holds control characters.
        if self.has_control {
            return Err(DocumentFault::Unknown);
        }
        if self.head.iter().all(u8::is_ascii_whitespace) && self.bytes <= HEAD as u64 {
            return Err(DocumentFault::Empty);
        }
        let start =
            String::from_utf8_lossy(&self.head).trim_start_matches('\u{feff}').trim_start().to_ascii_lowercase();
        if start.starts_with('<') {
            let is_summary = start.contains("clinicaldocument") && start.contains("urn:hl7-org:v3");
            return if is_summary { Ok(DocumentType::Ccda) } else { Err(DocumentFault::Unknown) };
        }
        Ok(DocumentType::Text)
    }

    /// The dictionary of a password, which stands in clear.
    fn marks_of_pdf(&mut self, part: &[u8]) {
        let window = self.window(part);
        for at in memmem::find_iter(&window, b"/Encrypt") {
            let value = window[at + 8..].iter().find(|byte| !byte.is_ascii_whitespace());
            // A reference (12 0 R) or a dictionary; /EncryptMetadata is another key.
            self.is_locked |= value.is_some_and(|value| value.is_ascii_digit() || *value == b'<');
        }
        self.keep(window);
    }

    fn marks_of_word(&mut self, part: &[u8]) {
        let window = self.window(part);
        self.is_word |= memmem::find(&window, b"word/document.xml").is_some();
        self.keep(window);
    }

    fn characters(&mut self, part: &[u8]) {
        self.has_control |= part.iter().any(is_control);
    }

    fn window(&mut self, part: &[u8]) -> Vec<u8> {
        let mut window = std::mem::take(&mut self.rest);
        window.extend_from_slice(part);
        window
    }

    fn keep(&mut self, mut window: Vec<u8>) {
        let old = window.len().saturating_sub(OVERLAP);
        self.rest = window.split_off(old);
    }
}

/// No text holds such a character, in UTF-8 or in the tables of Windows.
const fn is_control(byte: &u8) -> bool {
    matches!(*byte, 0..=8 | 0x0b | 0x0e..=0x1f | 0x7f)
}

/// What the first bytes say.
enum Begins {
    As(DocumentType),
    /// A zip: a word document, if it holds one.
    Packed,
    /// Nothing that is known: a text, if it is one.
    Text,
    Not(DocumentFault),
}

/// By the marks that the formats have at their beginning (PDF may have some bytes before it; ISO 32000-1, annex H 3.4.1).
fn begins(head: &[u8]) -> Begins {
    use Begins::{As, Not, Packed, Text};
    use DocumentFault::{Archive, Locked, Program, Unknown};
    let starts = |marks: &[&[u8]]| marks.iter().any(|mark| head.starts_with(mark));
    let ftyp = head.get(4..8) == Some(b"ftyp");
    let brand = head.get(8..12).unwrap_or_default();
    const HEIF: [&[u8]; 8] = [b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"];
    let is_text = |bytes: &[u8]| !bytes.iter().any(is_control);
    // A text may begin with these letters too.
    let windows = starts(&[b"MZ"]) && !is_text(&head[..head.len().min(64)]);
    if windows || starts(&[b"\x7fELF", b"#!", b"\xcf\xfa\xed\xfe", b"\xce\xfa\xed\xfe", b"\xca\xfe\xba\xbe"]) {
        Not(Program)
    } else if starts(&[b"\xff\xd8\xff"]) {
        As(DocumentType::Jpeg)
    } else if starts(&[b"\x89PNG\r\n\x1a\n"]) {
        As(DocumentType::Png)
    } else if starts(&[b"II*\0", b"MM\0*"]) {
        As(DocumentType::Tiff)
    } else if ftyp && HEIF.contains(&brand) {
        As(DocumentType::Heic)
    } else if head.get(128..132) == Some(b"DICM") {
        As(DocumentType::Dicom)
    } else if starts(&[b"{\\rtf"]) {
        As(DocumentType::Rtf)
    } else if starts(&[b"PK\x03\x04", b"PK\x05\x06"]) {
        Packed
    } else if starts(&[b"Rar!", b"7z\xbc\xaf\x27\x1c", b"\x1f\x8b", b"BZh", b"\xfd7zXZ"]) {
        Not(Archive)
    } else if starts(&[b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"]) {
        // Word documents of before 2007, and newer ones behind a password, are written so.
        Not(Locked)
    } else if memmem::find(&head[..head.len().min(1024)], b"%PDF-").is_some() {
        As(DocumentType::Pdf)
    } else if ftyp || starts(&[b"GIF8", b"RIFF", b"\0\0\x01\0"]) {
        Not(Unknown)
    } else {
        Text
    }
}

#[cfg(test)]
#[path = "document_tests.rs"]
mod tests;
