//! Whether a photo or a scan came whole: a JPEG to the end of its picture (ITU T.81, annex B), a HEIC with all of its boxes
//! (ISO 14496-12, 4.2).
//!
//! Both are followed while the file comes, so that its length costs no memory. Phones write more behind a picture, such as the
//! film beside it, and that is nobody's fault. Deliberately not here: what it shows, and kinds whose end has a mark of its own
//! (document).

use memchr::memchr;

/// Follows the segments of a JPEG.
#[derive(Default)]
pub struct Jpeg {
    step: Segment,
    /// Whether the byte before was the first of a marker.
    is_marked: bool,
}

#[derive(Default, Clone, Copy, PartialEq, Eq)]
enum Segment {
    /// Between segments; what stands there and is no marker is passed over, as readers do.
    #[default]
    Between,
    /// Its length is read: whether its picture follows, and the first byte of the length.
    Length(bool, Option<u8>),
    /// It is passed over: whether its picture follows, and how much of it is left.
    Inside(bool, u64),
    /// The picture itself, in which only a marker follows such a byte.
    Picture,
    /// The picture came to its end.
    End,
}

impl Jpeg {
    /// Takes the next part.
    pub fn push(&mut self, mut part: &[u8]) {
        while let Some((byte, rest)) = part.split_first() {
            match self.step {
                Segment::End => return,
                Segment::Inside(is_picture, left) => {
                    let passed = left.min(part.len() as u64);
                    part = &part[usize::try_from(passed).unwrap_or(part.len())..];
                    self.step = match left - passed {
                        0 if is_picture => Segment::Picture,
                        0 => Segment::Between,
                        left => Segment::Inside(is_picture, left),
                    };
                    continue;
                }
                Segment::Length(is_picture, None) => self.step = Segment::Length(is_picture, Some(*byte)),
                Segment::Length(is_picture, Some(first)) => {
                    // The length counts itself.
                    let left = u64::from(u16::from_be_bytes([first, *byte])).saturating_sub(2);
                    self.step = Segment::Inside(is_picture, left.max(1));
                }
                Segment::Between | Segment::Picture if !self.is_marked => {
                    let Some(at) = memchr(0xff, part) else { return };
                    self.is_marked = true;
                    part = &part[at + 1..];
                    continue;
                }
                Segment::Between | Segment::Picture => self.marker(*byte),
            }
            part = rest;
        }
    }

    /// The second byte of a marker.
    fn marker(&mut self, byte: u8) {
        let is_picture = self.step == Segment::Picture;
        // Bytes that fill up, and come before the marker itself.
        self.is_marked = byte == 0xff;
        match byte {
            0xd9 if is_picture => self.step = Segment::End,
            // Stand alone, in the picture or before it.
            0xd0..=0xd9 | 0x00 | 0x01 | 0xff => {}
            0xda => self.step = Segment::Length(true, None),
            // Tables may stand between the scans of one picture.
            _ => self.step = Segment::Length(is_picture, None),
        }
    }

    /// Whether its picture is there to its end.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.step == Segment::End
    }
}

/// Follows the boxes of a HEIC.
#[derive(Default)]
pub struct Heic {
    passed: u64,
    place: u64,
    field: Vec<u8>,
    is_lost: bool,
    has_meta: bool,
    has_data: bool,
}

impl Heic {
    /// Takes the next part.
    pub fn push(&mut self, part: &[u8]) {
        while !self.is_lost {
            let from = self.place + self.field.len() as u64;
            let here = from.checked_sub(self.passed).and_then(|at| usize::try_from(at).ok());
            let Some(at) = here.filter(|at| *at < part.len()) else { break };
            let wanted = if self.field.starts_with(&[0, 0, 0, 1]) && self.field.len() >= 8 { 16 } else { 8 };
            let end = part.len().min(at + wanted - self.field.len());
            self.field.extend_from_slice(&part[at..end]);
            self.take();
        }
        self.passed += part.len() as u64;
    }

    /// Takes the head of a box, if it is whole: four bytes of length, four of kind, and the length again where it is long.
    fn take(&mut self) {
        let number = |bytes: &[u8]| bytes.iter().fold(0_u64, |number, byte| number << 8 | u64::from(*byte));
        let length = match (self.field.len(), self.field.get(..4).map(number)) {
            (8, Some(length)) if length != 1 => length,
            (16, _) => number(&self.field[8..]),
            _ => return,
        };
        self.has_meta |= &self.field[4..8] == b"meta";
        self.has_data |= &self.field[4..8] == b"mdat";
        match self.place.checked_add(length) {
            // No length: it goes on to the end of the file.
            Some(next) if length >= 8 => self.place = next,
            _ => self.is_lost = true,
        }
        self.field.clear();
    }

    /// Whether all that it needs is there, to the end of its last box.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.has_meta && self.has_data && (self.is_lost || self.place <= self.passed)
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A photo with a small one inside, as cameras write it: the end of the small one is not the end of the photo.
    pub fn jpeg() -> Vec<u8> {
        let small = b"\xff\xd8\xff\xda\0\x04\0\0smaller\xff\xd9";
        let length = u16::try_from(small.len() + 2).expect("short").to_be_bytes();
        let inside: [&[u8]; 3] = [b"\xff\xd8\xff\xe1", &length, small];
        let picture = b"\xff\xff\xdb\0\x03\0\xff\xda\0\x04\0\0first\xff\0scan\xff\xd0\xff\xc4\0\x04\xff\xd9\xff\xda\0\x03\0last scan";
        [inside.concat().as_slice(), picture, b"\xff\xd9"].concat()
    }

    /// A photo of a phone, with the length of its last box told in full.
    pub fn heic() -> Vec<u8> {
        b"\0\0\0\x10ftypheic\0\0\0\0\0\0\0\x0cmeta1234\0\0\0\x01mdat\0\0\0\0\0\0\0\x18picture.".to_vec()
    }

    fn jpeg_in(bytes: &[u8], parts: usize) -> bool {
        let mut seen = Jpeg::default();
        bytes.chunks(parts).for_each(|part| seen.push(part));
        seen.is_whole()
    }

    fn heic_in(bytes: &[u8], parts: usize) -> bool {
        let mut seen = Heic::default();
        bytes.chunks(parts).for_each(|part| seen.push(part));
        seen.is_whole()
    }

    #[test]
    fn a_picture_is_whole_at_its_end_however_it_comes_and_nowhere_before() {
        type Whole = fn(&[u8], usize) -> bool;
        for (file, is_whole) in [(jpeg(), jpeg_in as Whole), (heic(), heic_in as Whole)] {
            for parts in [1, 2, 3, 7, 4096] {
                for end in 0..file.len() {
                    assert!(!is_whole(&file[..end], parts), "cut at {end} in parts of {parts}");
                }
                assert!(is_whole(&file, parts), "in parts of {parts}");
                assert!(is_whole(&[file.as_slice(), b"\0\0\0\0 and a film"].concat(), parts), "more behind it");
            }
        }
        assert!(!heic_in(b"\0\0\0\x10ftypheic\0\0\0\0\0\0\0\x0cmeta1234", 8), "no picture in it");
        assert!(heic_in(b"\0\0\0\x0cmeta1234\0\0\0\0mdatpicture", 8), "the last box may go on to the end");
    }
}
