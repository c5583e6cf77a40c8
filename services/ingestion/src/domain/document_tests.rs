//! Types of documents by their content: what each kind of file is taken for, and why one is not taken.

use super::*;
use crate::domain::picture::tests::{heic, jpeg};

const PNG: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\0IDAT....\0\0\0\0IEND\xae\x42\x60\x82";
/// A page with one entry behind a strip.
const TIFF: &[u8] = b"II*\0\x0c\0\0\0....\x01\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0";

/// A zip with its end, of a member with a name.
fn zip(name: &str) -> Vec<u8> {
    [b"PK\x03\x04\x14\0", name.as_bytes(), b"....PK\x01\x02", name.as_bytes(), b"PK\x05\x06\0\0"].concat()
}

/// A file of an office program of before 2007: its list, in the second sector, names what is in it. `flags`: of a document of Word.
fn compound(name: &str, flags: u8) -> Vec<u8> {
    let mut file = vec![0; 1536];
    file[..8].copy_from_slice(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1");
    (file[30], file[48]) = (9, 1);
    file[512..514].copy_from_slice(b"\xec\xa5");
    file[523] = flags;
    let name: Vec<u8> = name.bytes().flat_map(|byte| [byte, 0]).collect();
    file[1024..1024 + name.len()].copy_from_slice(&name);
    file
}

fn wide(text: &str, is_big_endian: bool) -> Vec<u8> {
    let bytes = |unit: u16| if is_big_endian { unit.to_be_bytes() } else { unit.to_le_bytes() };
    format!("\u{feff}{text}").encode_utf16().flat_map(bytes).collect()
}

/// A small PDF that is whole; `inside` stands between its head and its end.
fn pdf(inside: &str) -> Vec<u8> {
    format!(
        "%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n{inside}\ntrailer<</Root 1 0 R>>\nstartxref\n9\n%%EOF\n"
    )
    .into_bytes()
}

/// A file, pushed in parts of a length.
fn seen_in(parts: usize, bytes: &[u8]) -> Result<Seen, DocumentFault> {
    let mut examiner = Examiner::default();
    bytes.chunks(parts).for_each(|part| examiner.push(part));
    examiner.finish()
}

fn seen(bytes: &[u8]) -> Result<DocumentType, DocumentFault> {
    seen_in(1 << 20, bytes).map(|seen| seen.kind)
}

#[test]
fn each_kind_is_told_by_its_bytes() {
    let dicom = [&[0_u8; 128][..], b"DICM\x02\0"].concat();
    let summary = b"\xef\xbb\xbf<?xml version=\"1.0\"?>\n<ClinicalDocument xmlns=\"urn:hl7-org:v3\"/>";
    let word = zip("[Content_Types].xml....PK\x03\x04word/document.xml");
    let mail = format!("{}</pre></body>", " a mail server’s own lines".repeat(400));
    let known: [(&[u8], DocumentType); 19] = [
        (&[pdf("").as_slice(), mail.as_bytes()].concat(), DocumentType::Pdf),
        (&compound("WordDocument", 0), DocumentType::Doc),
        (&wide("Hémoglobine 13,2 g/dl\r\n", false), DocumentType::Text),
        (&wide("Hémoglobine 13,2 g/dl\r\n", true), DocumentType::Text),
        (&pdf(""), DocumentType::Pdf),
        (&[b"some bytes before ", pdf("").as_slice()].concat(), DocumentType::Pdf),
        (&jpeg(), DocumentType::Jpeg),
        (&[jpeg().as_slice(), b"ftypisom and the film beside it"].concat(), DocumentType::Jpeg),
        (PNG, DocumentType::Png),
        (&heic(), DocumentType::Heic),
        (
            &heic()
                .iter()
                .enumerate()
                .map(|(at, byte)| *b"mif1".get(at.wrapping_sub(8)).unwrap_or(byte))
                .collect::<Vec<_>>(),
            DocumentType::Heic,
        ),
        (TIFF, DocumentType::Tiff),
        (&dicom, DocumentType::Dicom),
        (&word, DocumentType::Docx),
        (b"{\\rtf1 hello}", DocumentType::Rtf),
        ("Hémoglobine 13,2 g/dl\r\n".as_bytes(), DocumentType::Text),
        (b"BM biopsy: see report\n", DocumentType::Text),
        (b"MZ twins, both well\n", DocumentType::Text),
        (summary, DocumentType::Ccda),
    ];
    for (bytes, kind) in known {
        assert_eq!(seen(bytes), Ok(kind));
    }
}

#[test]
fn what_nobody_could_use_is_told_by_what_it_is() {
    let half_picture = b"\xff\xfe\0\0as thirty-two bits";
    let unusable: [(&[u8], DocumentFault); 35] = [
        (b"%", DocumentFault::Damaged),
        (b"\xff\xd8", DocumentFault::Damaged),
        (b"\xff\xd8\xff\xe0\0\x10JFIF\0", DocumentFault::Damaged),
        (&jpeg()[..jpeg().len() / 2], DocumentFault::Damaged),
        (&PNG[..20], DocumentFault::Damaged),
        (&heic()[..30], DocumentFault::Damaged),
        (&TIFF[..11], DocumentFault::Damaged),
        (b"II*\0\0\0\0\0", DocumentFault::Damaged),
        (&zip("[Content_Types].xml")[..40], DocumentFault::Damaged),
        (&[pdf("").as_slice(), b"\n7 0 obj<</Type/Catalog"].concat(), DocumentFault::Damaged),
        (&compound("WordDocument", 0)[..1000], DocumentFault::Damaged),
        (&compound("WordDocument", 1), DocumentFault::Locked),
        (&compound("Workbook", 0), DocumentFault::Office),
        (&zip("[Content_Types].xml xl/workbook.xml"), DocumentFault::Office),
        (&zip("mimetypeapplication/vnd.oasis.opendocument.text"), DocumentFault::Office),
        (b"RIFF\x10\0\0\0WEBPVP8 ", DocumentFault::Picture),
        (b"BM\x8a\0\0\0\0\0", DocumentFault::Picture),
        (b"\0\0\0\x1cftypavif", DocumentFault::Picture),
        (half_picture, DocumentFault::Unknown),
        (b"RIFF\x10\0\0\0WAVE", DocumentFault::Unknown),
        (&wide("cut", false)[..7], DocumentFault::Damaged),
        (b"", DocumentFault::Empty),
        (b" \n ", DocumentFault::Empty),
        (b"MZ\x90\0", DocumentFault::Program),
        (b"\x7fELF\x02", DocumentFault::Program),
        (b"#!/bin/sh\n", DocumentFault::Program),
        (b"PK\x03\x04\x14\0scan1.jpg", DocumentFault::Archive),
        (b"\x1f\x8b\x08", DocumentFault::Archive),
        (&pdf("5 0 obj<</Filter/Standard>>endobj <</Encrypt 5 0 R>>"), DocumentFault::Locked),
        (&compound("EncryptedPackage", 0), DocumentFault::Locked),
        (&pdf("")[..60], DocumentFault::Damaged),
        (b"GIF89a", DocumentFault::Picture),
        (b"\0\0\0\x18ftypisom", DocumentFault::Unknown),
        (b"<html><script>", DocumentFault::Unknown),
        (b"words and \x01\x02", DocumentFault::Unknown),
    ];
    for (bytes, fault) in unusable {
        assert_eq!(seen(bytes), Err(fault), "{}", String::from_utf8_lossy(&bytes[..bytes.len().min(20)]));
    }
    assert_eq!(seen(&pdf("<</EncryptMetadata true>>")), Ok(DocumentType::Pdf), "another key");
}

#[test]
fn pages_are_counted_and_a_mark_between_two_parts_is_seen_once() {
    let pages = pdf("3 0 obj<</Type/Page>>endobj 4 0 obj<</Type /Page /Parent 2 0 R>>endobj <</Type/Pages/Kids[]>>");
    let locked = pdf("<</Encrypt 5 0 R>>");
    for parts in 1..pages.len() {
        assert_eq!(seen_in(parts, &pages), Ok(Seen { kind: DocumentType::Pdf, pages: Some(2) }), "parts of {parts}");
    }
    for parts in 1..locked.len() {
        assert_eq!(seen_in(parts, &locked), Err(DocumentFault::Locked), "parts of {parts}");
    }
    assert_eq!(seen_in(7, &pdf("")).map(|seen| seen.pages), Ok(None), "what can't be counted is not said to be none");
}

#[test]
fn what_the_first_bytes_show_is_told_before_the_rest_comes() {
    let told = |bytes: &[u8]| {
        let mut examiner = Examiner::default();
        examiner.push(bytes);
        examiner.fault_so_far()
    };
    assert_eq!(told(b"MZ\x90\0"), Some(DocumentFault::Program));
    assert_eq!(told(b"Rar!\x1a\x07"), Some(DocumentFault::Archive));
    assert_eq!(
        (told(b"%PDF-1.7"), told(b"PK\x03\x04"), told(b"")),
        (None, None, None),
        "the end may still make it whole"
    );
}

/// Written by qpdf, with its objects packed as newer writers do.
#[test]
fn the_pages_of_a_packed_pdf_are_counted_and_one_behind_a_password_is_known_as_such() {
    let packed = include_bytes!("../../tests/samples/documents/seven_pages_packed.pdf");
    assert!(memmem::find(packed, b"/Type /Page").is_none(), "no page stands in clear");
    for parts in [1, 100, 1 << 20] {
        assert_eq!(seen_in(parts, packed), Ok(Seen { kind: DocumentType::Pdf, pages: Some(7) }), "{parts}");
    }
    let locked = include_bytes!("../../tests/samples/documents/locked_packed.pdf");
    assert_eq!(seen(locked), Err(DocumentFault::Locked));
    assert_eq!(seen(&packed[..packed.len() - 40]), Err(DocumentFault::Damaged));
}
