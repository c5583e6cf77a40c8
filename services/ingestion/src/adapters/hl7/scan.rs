//! Where dividers stand: eight bytes at a time, because most fields are shorter than it takes to call a search.
//!
//! Notes and documents are long, so a stretch without a divider is left to the search after all. Deliberately not here:
//! what is divided (message).

use memchr::memchr;

const WORD: usize = size_of::<u64>();
const ONES: u64 = u64::from_ne_bytes([1; WORD]);
const LOW: u64 = u64::from_ne_bytes([0x7f; WORD]);
/// How far it is faster to look byte by byte.
const NEAR: usize = 16;
/// Words without a divider after which a stretch counts as long.
const LONG: usize = 8;

/// The next place of a mark.
pub fn find(mark: u8, bytes: &[u8]) -> Option<usize> {
    let near = &bytes[..bytes.len().min(NEAR)];
    near.iter().position(|byte| *byte == mark).or_else(|| Some(NEAR + memchr(mark, bytes.get(NEAR..)?)?))
}

/// The place of a mark after so many others of it.
pub fn after(others: usize, mark: u8, bytes: &[u8]) -> Option<usize> {
    let (mut at, mut left, mut bare) = (0, others + 1, 0);
    while let Some(word) = bytes.get(at..).and_then(<[u8]>::first_chunk) {
        let found = matches(mark, u64::from_le_bytes(*word));
        let count = ((found >> 7).wrapping_mul(ONES) >> 56) as usize;
        if count >= left {
            return Some(at + place(found, left));
        }
        left -= count;
        at += WORD;
        bare = if found == 0 { bare + 1 } else { 0 };
        if bare == LONG {
            at += memchr(mark, &bytes[at..])?;
            bare = 0;
        }
    }
    for (at, byte) in bytes.iter().enumerate().skip(at) {
        left -= usize::from(*byte == mark);
        if left == 0 {
            return Some(at);
        }
    }
    None
}

/// Where the `n`th of some parts stands, counted from 1, in a text that ends at another mark.
pub fn part(mark: u8, end: u8, bytes: &[u8], n: usize) -> Option<(usize, usize)> {
    let (mut start, mut left) = (0, n);
    for (at, byte) in bytes.iter().enumerate() {
        if *byte == mark || *byte == end {
            if left == 1 {
                return Some((start, at));
            }
            if *byte == end {
                return None;
            }
            (start, left) = (at + 1, left.saturating_sub(1));
        }
    }
    (left == 1).then_some((start, bytes.len()))
}

/// Notes the first places of a mark, as many as there is room for, and tells how many. It looks only so far as a text of
/// usual length goes, and no farther than the numbers reach.
pub fn all<const N: usize>(mark: u8, bytes: &[u8], places: &mut [u16; N]) -> usize {
    const FAR: usize = 1024;
    let (mut noted, mut base, mut rest) = (0, 0, &bytes[..bytes.len().min(FAR)]);
    while let Some((word, later)) = rest.split_first_chunk::<WORD>() {
        let mut found = matches(mark, u64::from_le_bytes(*word));
        while found != 0 {
            let Some(noting) = places.get_mut(noted) else { return noted };
            *noting = (base + place(found, 1)) as u16;
            found &= found - 1;
            noted += 1;
        }
        (rest, base) = (later, base + WORD);
    }
    for (at, byte) in rest.iter().enumerate() {
        if *byte == mark {
            let Some(noting) = places.get_mut(noted) else { return noted };
            *noting = (base + at) as u16;
            noted += 1;
        }
    }
    noted
}

/// The highest bit of each byte that is the mark.
fn matches(mark: u8, word: u64) -> u64 {
    let other = word ^ (ONES * u64::from(mark));
    !(((other & LOW) + LOW) | other | LOW)
}

/// Which byte holds the `n`th of some bits.
fn place(mut bits: u64, n: usize) -> usize {
    for _ in 1..n {
        bits &= bits - 1;
    }
    bits.trailing_zeros() as usize / WORD
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn each_mark_is_found_where_it_stands(
            bytes in proptest::collection::vec(prop_oneof![2 => Just(b'|'), 1 => Just(b'~'), 17 => any::<u8>()], 0..300), gap in 0_usize..200, n in 1_usize..20,
        ) {
            let bytes = [bytes.as_slice(), &vec![b'x'; gap], &bytes].concat();
            let slow = bytes.iter().enumerate().filter(|(_, byte)| **byte == b'|').nth(n - 1).map(|(at, _)| at);
            prop_assert_eq!(after(n - 1, b'|', &bytes), slow);
            prop_assert_eq!(find(b'|', &bytes), memchr(b'|', &bytes));
            let until = bytes.iter().position(|byte| *byte == b'~').unwrap_or(bytes.len());
            let slow = bytes[..until].split(|byte| *byte == b'|').nth(n - 1);
            let fast = part(b'|', b'~', &bytes, n).map(|(start, end)| &bytes[start..end]);
            prop_assert_eq!(fast, slow);
            let mut places = [0; 8];
            let noted = all(b'|', &bytes, &mut places);
            let near: Vec<u16> = (0..).zip(&bytes).filter(|(_, byte)| **byte == b'|').map(|(at, _)| at).take(8).collect();
            prop_assert_eq!(&places[..noted], &near);
        }
    }

    #[test]
    fn a_part_ends_where_its_text_does() {
        assert_eq!(part(b'^', b'~', b"a^bc~d^e", 2), Some((2, 4)));
        assert_eq!(part(b'^', b'~', b"a^bc~d^e", 3), None);
        assert_eq!(part(b'^', b'~', b"a^bc", 2), Some((2, 4)));
        assert_eq!((part(b'^', b'~', b"", 1), part(b'^', b'~', b"", 2)), (Some((0, 0)), None));
        assert_eq!((part(b'^', b'~', b"a^b", 0), part(b'^', b'~', b"123456789^", 2)), (None, Some((10, 10))));
    }

    #[test]
    fn a_byte_beside_the_mark_is_not_taken_for_it() {
        for other in 0..=u8::MAX {
            let bytes = [other, b'|', other, b'|', other, other, b'|', other, b'|'];
            let first = if other == b'|' { 0 } else { 1 };
            assert_eq!(find(b'|', &bytes), Some(first), "{other}");
            assert_eq!(after(8, b'|', &bytes).is_some(), other == b'|', "{other}");
        }
    }
}
