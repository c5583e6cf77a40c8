//! What a file is, told from its bytes, and whether somebody could use it.
//!
//! A name and a browser's word for a type are the sender's to choose, so neither is believed. A file is looked at part by part
//! as it comes, so its length costs no memory: what shows in the first bytes is told before the rest is sent, what shows at the
//! end when all of it was read. Deliberately not here: malware (the scanner), and what a document says.

use causeway_funnel::document::{DocumentFault, DocumentType};
use memchr::memmem;

use super::{pdf, picture, tiff};

/// So many bytes are enough to tell a kind; the mark of DICOM ends at 132, a prolog of XML is longer.
const HEAD: usize = 4096;
/// How files begin that may be cut so short that they look like a text.
const STARTS: [&[u8]; 6] = [b"%PDF-", b"{\\rtf", b"PK\x03\x04", b"II*\0", b"MM\0*", b"\xff\xd8\xff"];
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
    bytes: u64,
    pages: pdf::Pages,
    tiff: tiff::Pages,
    jpeg: picture::Jpeg,
    heic: picture::Heic,
    is_locked: bool,
    marks: Marks,
    /// Whether the mark of the end came, and nothing of the file's body behind it.
    is_ended: bool,
    has_control: bool,
    /// The first byte of a character of two.
    half: Option<u8>,
    /// The last bytes of the part before, so that a mark between two parts is seen.
    rest: Vec<u8>,
}

/// What the parts of an office file are called, as far as they came.
#[derive(Default)]
struct Marks {
    is_word: bool,
    /// A program is in it, which nobody here runs.
    has_macros: bool,
    is_office: bool,
    is_sealed: bool,
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
            Begins::As(DocumentType::Png) => self.marks_of_png(part),
            Begins::Packed => self.marks_of_zip(part),
            Begins::Compound => self.marks_of_compound(part),
            Begins::Text => self.has_control |= part.iter().any(is_control),
            Begins::Wide(is_big_endian) => self.characters(part, is_big_endian),
            _ => {}
        }
        if self.bytes - part.len() as u64 == 0 || self.head.starts_with(b"\xff\xd8") {
            self.jpeg.push(part);
        }
        self.heic.push(part);
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
            Begins::As(kind @ DocumentType::Tiff) => {
                let ends = tiff::needs(&self.head).is_none_or(|end| end <= self.bytes);
                match self.tiff.has_any() && ends {
                    true => Ok(Seen { kind, pages: self.tiff.count() }),
                    false => Err(DocumentFault::Damaged),
                }
            }
            Begins::As(DocumentType::Jpeg) if !self.jpeg.is_whole() => Err(DocumentFault::Damaged),
            Begins::As(DocumentType::Heic) if !self.heic.is_whole() => Err(DocumentFault::Damaged),
            Begins::As(DocumentType::Png) if !self.is_ended => Err(DocumentFault::Damaged),
            Begins::As(kind) => plain(kind),
            // Of what was cut nobody can tell what it would have been, but that it was an office's shows at its beginning.
            Begins::Packed if !self.is_ended && self.marks.is_office => Err(DocumentFault::Damaged),
            Begins::Packed if self.marks.is_word && self.marks.has_macros => Err(DocumentFault::Office),
            Begins::Packed if self.marks.is_word => plain(DocumentType::Docx),
            Begins::Packed if self.marks.is_office => Err(DocumentFault::Office),
            Begins::Packed => Err(DocumentFault::Archive),
            Begins::Compound => self.compound().and_then(plain),
            Begins::Wide(_) if self.has_control => Err(DocumentFault::Unknown),
            Begins::Wide(_) if self.bytes == 2 => Err(DocumentFault::Empty),
            Begins::Wide(_) if self.half.is_some() => Err(DocumentFault::Damaged),
            Begins::Wide(_) => plain(DocumentType::Text),
            Begins::Text => self.text().and_then(plain),
        }
    }

    /// What Word wrote before 2007 and what was packed behind a password are written alike.
    fn compound(self) -> Result<DocumentType, DocumentFault> {
        // MS-CFB 2.2: where the list of what is in it begins; MS-DOC 2.5.1: whether the text is behind a password.
        let number = |at: usize| {
            self.head.get(at..at + 4).map_or(0, |bytes| bytes.iter().rev().fold(0, |n, b| n << 8 | u64::from(*b)))
        };
        let sector = 1_u64 << self.head.get(30).copied().unwrap_or(9).min(16);
        let is_cut = self.head.len() < 512 || self.bytes < (number(48) + 1) * sector;
        let is_behind = self.head.get(512..514) == Some(b"\xec\xa5") && number(522) & 0x100 != 0;
        match &self.marks {
            Marks { is_sealed: true, .. } => Err(DocumentFault::Locked),
            Marks { is_word: true, .. } if is_behind => Err(DocumentFault::Locked),
            _ if is_cut => Err(DocumentFault::Damaged),
            Marks { is_word: true, .. } => Ok(DocumentType::Doc),
            _ => Err(DocumentFault::Office),
        }
    }

    fn pdf(self) -> Result<Seen, DocumentFault> {
        match (self.is_locked, self.is_ended) {
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
        // So short, it is the beginning of a file of which no more came.
        if STARTS.iter().any(|mark| self.bytes < mark.len() as u64 && mark.starts_with(&self.head)) {
            return Err(DocumentFault::Damaged);
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
        // ISO 32000-1, 7.5.5: the last lines are startxref, an offset and %%EOF. What others wrote behind them, such as a mail
        // server its lines, does no harm, but where objects follow there was to be another end.
        let object = |at: &usize| window[..*at].last().is_some_and(u8::is_ascii_digit);
        let body = memmem::find_iter(&window, b" obj").filter(object).last();
        self.ended(memmem::rfind(&window, b"%%EOF"), body.max(memmem::rfind(&window, b"endobj")));
        self.keep(window);
    }

    /// Whether the end is the last that came of it.
    fn ended(&mut self, end: Option<usize>, body: Option<usize>) {
        if end.is_some() || body.is_some() {
            self.is_ended = end > body;
        }
    }

    fn marks_of_png(&mut self, part: &[u8]) {
        let window = self.window(part);
        // The last chunk, with the sum over it, which is always the same.
        self.is_ended |= memmem::find(&window, b"IEND\xae\x42\x60\x82").is_some();
        self.keep(window);
    }

    fn marks_of_zip(&mut self, part: &[u8]) {
        let window = self.window(part);
        let has = |mark: &[u8]| memmem::find(&window, mark).is_some();
        self.marks.is_word |= has(b"word/document.xml");
        self.marks.has_macros |= has(b"vbaProject.bin");
        self.marks.is_office |= has(b"[Content_Types].xml") || has(b"application/vnd.oasis.opendocument");
        let body = memmem::rfind(&window, b"PK\x03\x04").max(memmem::rfind(&window, b"PK\x01\x02"));
        self.ended(memmem::rfind(&window, b"PK\x05\x06"), body);
        self.keep(window);
    }

    fn marks_of_compound(&mut self, part: &[u8]) {
        let window = self.window(part);
        let wide = |name: &str| name.bytes().flat_map(|byte| [byte, 0]).collect::<Vec<u8>>();
        let has = |name: &str| memmem::find(&window, &wide(name)).is_some();
        self.marks.is_word |= has("WordDocument");
        self.marks.is_sealed |= has("EncryptedPackage");
        self.keep(window);
    }

    /// Characters of two bytes each.
    fn characters(&mut self, part: &[u8], is_big_endian: bool) {
        for byte in part {
            let Some(first) = self.half.take() else {
                self.half = Some(*byte);
                continue;
            };
            let unit = if is_big_endian { [first, *byte] } else { [*byte, first] };
            self.has_control |= unit[0] == 0 && is_control(&unit[1]);
        }
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
    /// A file of an office program of before 2007, or one behind a password.
    Compound,
    /// A text of two bytes a character, which begins with its mark: whether the higher byte comes first.
    Wide(bool),
    /// Nothing that is known: a text, if it is one.
    Text,
    Not(DocumentFault),
}

/// By the marks that the formats have at their beginning (PDF may have some bytes before it; ISO 32000-1, annex H 3.4.1).
fn begins(head: &[u8]) -> Begins {
    use Begins::{As, Compound, Not, Packed, Text, Wide};
    use DocumentFault::{Archive, Picture, Program, Unknown};
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
        Compound
    } else if memmem::find(&head[..head.len().min(1024)], b"%PDF-").is_some() {
        As(DocumentType::Pdf)
    } else if starts(&[b"\xff\xfe", b"\xfe\xff"]) {
        Wide(head.starts_with(b"\xfe"))
    } else if starts(&[b"GIF8"])
        || (starts(&[b"RIFF"]) && head.get(8..12) == Some(b"WEBP"))
        || (ftyp && [b"avif", b"avis"].iter().any(|kind| brand == *kind))
        || (starts(&[b"BM"]) && !is_text(&head[..head.len().min(64)]))
    {
        Not(Picture)
    } else if ftyp || starts(&[b"RIFF", b"\0\0\x01\0"]) {
        Not(Unknown)
    } else {
        Text
    }
}

#[cfg(test)]
#[path = "document_tests.rs"]
mod tests;
