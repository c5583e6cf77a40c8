//! Pages of a TIFF (revision 6.0, section 2): a chain of directories, each of which tells where the next one stands.
//!
//! The chain is followed while the file comes, so that its length costs no memory. That goes forwards alone, as nearly all
//! programs write it; where a directory stands before the one that names it, nothing is counted. Deliberately not here: how many
//! pages are too many (settings).

/// Follows the chain part by part.
#[derive(Default)]
pub struct Pages {
    /// Bytes that came before the next part.
    passed: u64,
    step: Step,
    /// Where the next field stands, and what of it came.
    place: u64,
    field: Vec<u8>,
    is_big_endian: bool,
    pages: u32,
}

/// What is read next.
#[derive(Default, Clone, Copy, PartialEq, Eq)]
enum Step {
    /// The byte order, and where the first directory stands.
    #[default]
    Head,
    /// How many entries a directory has.
    Entries,
    /// Where the next directory stands.
    Next,
    /// The chain came to its end.
    End,
    /// It can not be followed.
    Lost,
}

impl Step {
    const fn length(self) -> usize {
        match self {
            Self::Head => 8,
            Self::Entries => 2,
            Self::Next => 4,
            Self::End | Self::Lost => 0,
        }
    }
}

/// Length of an entry of a directory.
const ENTRY: u64 = 12;

impl Pages {
    /// Takes the next part.
    pub fn push(&mut self, part: &[u8]) {
        loop {
            let length = self.step.length();
            let from = self.place + self.field.len() as u64;
            let here = from.checked_sub(self.passed).and_then(|at| usize::try_from(at).ok());
            let Some(at) = here.filter(|at| length > 0 && *at < part.len()) else { break };
            let end = part.len().min(at + length - self.field.len());
            self.field.extend_from_slice(&part[at..end]);
            if self.field.len() < length {
                break;
            }
            self.take();
            self.field.clear();
        }
        self.passed += part.len() as u64;
    }

    /// How many pages there are, where all of them were seen.
    #[must_use]
    pub fn count(&self) -> Option<u32> {
        (self.step == Step::End).then_some(self.pages)
    }

    /// Whether the chain was followed to a page at least, or can't be followed from here.
    #[must_use]
    pub fn has_any(&self) -> bool {
        self.pages > 0 || self.step == Step::Lost
    }

    /// Takes a field that is whole.
    fn take(&mut self) {
        let after = self.place + self.step.length() as u64;
        match self.step {
            Step::Head => {
                self.is_big_endian = self.field.starts_with(b"MM\0*");
                let is_tiff = self.is_big_endian || self.field.starts_with(b"II*\0");
                match self.number(4) {
                    0 if is_tiff => self.step = Step::End,
                    first => self.go(after, if is_tiff { first } else { 0 }),
                }
            }
            Step::Entries => {
                let entries = self.number(0);
                self.pages = self.pages.saturating_add(u32::from(entries > 0));
                (self.step, self.place) = (Step::Next, after + ENTRY * entries);
            }
            Step::Next => match self.number(0) {
                0 => self.step = Step::End,
                next => self.go(after, next),
            },
            Step::End | Step::Lost => {}
        }
    }

    /// Goes on at a directory, if it stands behind what has come.
    fn go(&mut self, after: u64, place: u64) {
        self.place = place;
        self.step = if place < after { Step::Lost } else { Step::Entries };
    }

    /// The number in the field from a byte on.
    fn number(&self, from: usize) -> u64 {
        let bytes = &self.field[from..];
        let join = |number: u64, byte: &u8| number << 8 | u64::from(*byte);
        if self.is_big_endian { bytes.iter().fold(0, join) } else { bytes.iter().rev().fold(0, join) }
    }
}

/// Where the last strip of the first page ends, as far as the first bytes of a file tell it; programs that write a page before its
/// strips write the places of these at once behind it.
#[must_use]
pub fn needs(head: &[u8]) -> Option<u64> {
    let is_big_endian = head.starts_with(b"MM\0*");
    let number = |at: u64, length: u64| {
        let bytes = head.get(usize::try_from(at).ok()?..usize::try_from(at + length).ok()?)?;
        let join = |number: u64, byte: &u8| number << 8 | u64::from(*byte);
        Some(if is_big_endian { bytes.iter().fold(0, join) } else { bytes.iter().rev().fold(0, join) })
    };
    let directory = number(4, 4)?;
    let (mut offsets, mut lengths) = (None, None);
    for entry in 0..number(directory, 2)? {
        let at = directory + 2 + ENTRY * entry;
        match number(at, 2)? {
            // StripOffsets and TileOffsets; StripByteCounts and TileByteCounts.
            273 | 324 => offsets = Some(at),
            279 | 325 => lengths = Some(at),
            _ => {}
        }
    }
    // The last of its values: of two bytes or four, in the entry itself where there is room.
    let last = |at: u64| {
        let (size, count) = (if number(at + 2, 2)? == 3 { 2 } else { 4 }, number(at + 4, 4)?);
        let first = if size * count <= 4 { at + 8 } else { number(at + 8, 4)? };
        number(first + size * count.checked_sub(1)?, size)
    };
    Some(last(offsets?)? + last(lengths?)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A TIFF of so many pages, each with a strip before its directory of one entry.
    fn tiff(pages: u32, is_big_endian: bool) -> Vec<u8> {
        let short = |number: u16| if is_big_endian { number.to_be_bytes() } else { number.to_le_bytes() };
        let long = |number: u32| if is_big_endian { number.to_be_bytes() } else { number.to_le_bytes() };
        let (strip, directory) = (10_u32, 18_u32);
        let place = |page: u32| 8 + page * (strip + directory) + strip;
        let mut file = if is_big_endian { b"MM\0*".to_vec() } else { b"II*\0".to_vec() };
        file.extend(long(place(0)));
        for page in 0..pages {
            file.extend([7; 10]);
            file.extend(short(1));
            file.extend([0; 12]);
            file.extend(long(if page + 1 < pages { place(page + 1) } else { 0 }));
        }
        file
    }

    fn counted(bytes: &[u8], parts: usize) -> Option<u32> {
        let mut pages = Pages::default();
        bytes.chunks(parts).for_each(|part| pages.push(part));
        pages.count()
    }

    #[test]
    fn pages_are_counted_in_both_byte_orders_however_the_file_is_cut() {
        for (pages, is_big_endian) in [(1, false), (3, false), (3, true), (1500, true)] {
            let file = tiff(pages, is_big_endian);
            for parts in [1, 2, 3, 7, 64, file.len()] {
                assert_eq!(counted(&file, parts), Some(pages), "{pages} pages in parts of {parts}");
            }
        }
    }

    #[test]
    fn a_page_that_stands_before_its_strips_tells_where_they_end() {
        let entry = |tag: u16, kind: u16, count: u32, value: u32| {
            [&tag.to_le_bytes()[..], &kind.to_le_bytes(), &count.to_le_bytes(), &value.to_le_bytes()].concat()
        };
        let head = [b"II*\0".as_slice(), &8_u32.to_le_bytes(), &2_u16.to_le_bytes()].concat();
        let one = [head.clone(), entry(273, 4, 1, 38), entry(279, 3, 1, 100), vec![0; 4]].concat();
        assert_eq!((needs(&one), needs(&one[..20])), (Some(138), None));
        let places: Vec<u8> = [50_u32, 150, 100, 70].iter().flat_map(|one| one.to_le_bytes()).collect();
        let two = [head, entry(273, 4, 2, 38), entry(279, 4, 2, 46), vec![0; 4], places].concat();
        assert_eq!((needs(&two), needs(&two[..48])), (Some(220), None));
    }

    #[test]
    fn a_chain_that_is_cut_goes_back_or_round_is_not_counted() {
        let file = tiff(3, false);
        assert_eq!(counted(&file[..file.len() - 1], 7), None, "cut");
        let mut round = file.clone();
        let last = round.len() - 4;
        round[last..].copy_from_slice(&18_u32.to_le_bytes());
        assert_eq!((counted(&round, 7), counted(&round, round.len())), (None, None));
        assert_eq!(counted(b"%PDF-1.4 and more", 5), None);
    }
}
