//! Pages of a PDF, also where its page tree lies packed in object streams (ISO 32000-1, 7.5.7), as every newer writer does.
//!
//! The file is looked at part by part as it comes, so its length costs no memory: where an object stream begins it is unpacked on
//! the way and forgotten. Nobody may make us unpack without end, so that there is a most; behind it, and where a stream is packed in a way
//! that is not read here, nothing is counted. Deliberately not here: any other object, and what a page shows.

use flate2::{Decompress, FlushDecompress, Status};
use memchr::memmem;

/// Most bytes that are unpacked of one file.
const MOST_UNPACKED: u64 = 32 * 1024 * 1024;
/// A dictionary of an object stream is shorter than this.
const DICTIONARY: usize = 512;
/// Longest mark that may be cut in two.
const OVERLAP: usize = 64;
/// Bytes that are unpacked at once.
const AT_ONCE: usize = 16 * 1024;

/// Counts pages as a file comes.
#[derive(Default)]
pub struct Pages {
    count: u32,
    is_uncounted: bool,
    unpacked: u64,
    /// The last bytes of what came before, so that a mark between two parts is seen.
    rest: Vec<u8>,
    /// How many bytes of `rest` were counted already.
    seen: usize,
    stream: Option<Stream>,
}

/// An object stream that is being unpacked.
struct Stream {
    inflate: Decompress,
    /// The last bytes that were unpacked.
    rest: Vec<u8>,
}

impl Pages {
    /// Takes the next part.
    pub fn push(&mut self, part: &[u8]) {
        let mut part = part;
        if let Some(stream) = self.stream.take() {
            part = self.unpack(stream, part);
        }
        let mut window = std::mem::take(&mut self.rest);
        window.extend_from_slice(part);
        let mut from = 0;
        while let Some((at, begins)) = packed(&window, from) {
            // In clear is what stands before the packed bytes, with what was counted of it before.
            self.count += pages_in(&window[from..at], self.seen.saturating_sub(from));
            (self.seen, from) = (at, at);
            match begins {
                Begins::Flate => {
                    let stream = Stream { inflate: Decompress::new(true), rest: Vec::new() };
                    let left = self.unpack(stream, &window[at..]).len();
                    from = window.len() - left;
                    self.seen = from;
                }
                // Its objects stand in clear, and are counted as such.
                Begins::Plain => {}
                Begins::Otherwise => self.is_uncounted = true,
            }
            if self.stream.is_some() {
                self.seen = 0;
                return;
            }
        }
        self.count += pages_in(&window[from..], self.seen.saturating_sub(from));
        // A dictionary may be cut in two, so its beginning is kept; it is not counted once more.
        let keep = (window.len() - from).min(2 * DICTIONARY);
        self.rest = window.split_off(window.len() - keep);
        self.seen = self.rest.len();
    }

    /// How many there are, where all could be counted.
    #[must_use]
    pub fn count(&self) -> Option<u32> {
        // A stream that is cut off at the end of the file was not counted as a whole.
        (self.count > 0 && !self.is_uncounted && self.stream.is_none()).then_some(self.count)
    }

    /// Unpacks a stream as far as its bytes came, and gives those behind it.
    fn unpack<'p>(&mut self, mut stream: Stream, mut bytes: &'p [u8]) -> &'p [u8] {
        let mut out = vec![0; AT_ONCE];
        loop {
            let (read, written) = (stream.inflate.total_in(), stream.inflate.total_out());
            let Ok(status) = stream.inflate.decompress(bytes, &mut out, FlushDecompress::None) else {
                self.is_uncounted = true;
                return bytes;
            };
            let read = usize::try_from(stream.inflate.total_in() - read).unwrap_or(bytes.len());
            let written = usize::try_from(stream.inflate.total_out() - written).unwrap_or(0);
            bytes = &bytes[read..];
            self.unpacked += written as u64;
            let old = stream.rest.len();
            stream.rest.extend_from_slice(&out[..written]);
            self.count += pages_in(&stream.rest, old);
            stream.rest.drain(..stream.rest.len().saturating_sub(OVERLAP));
            if self.unpacked > MOST_UNPACKED {
                self.is_uncounted = true;
                return bytes;
            }
            match status {
                Status::StreamEnd => return bytes,
                // All that came was read, and nothing more is held back.
                _ if bytes.is_empty() && written < AT_ONCE => {
                    self.stream = Some(stream);
                    return bytes;
                }
                _ if read == 0 && written == 0 => {
                    self.is_uncounted = true;
                    return bytes;
                }
                _ => {}
            }
        }
    }
}

/// How an object stream is packed.
enum Begins {
    Flate,
    Plain,
    Otherwise,
}

/// Where the bytes of the next object stream begin, behind `from`; nothing where none does, or not all of its dictionary is there.
fn packed(window: &[u8], from: usize) -> Option<(usize, Begins)> {
    for mark in memmem::find_iter(&window[from..], b"/ObjStm").map(|at| from + at) {
        let until = (mark + DICTIONARY).min(window.len());
        let Some(word) = memmem::find(&window[mark..until], b"stream").map(|at| mark + at) else {
            if until < mark + DICTIONARY {
                return None;
            }
            continue;
        };
        // ISO 32000-1, 7.3.8.1: the word is followed by a line feed, or a carriage return and one.
        let at = match window.get(word + 6..word + 8)? {
            [b'\r', b'\n'] => word + 8,
            [b'\n', _] => word + 7,
            _ => continue,
        };
        let begun = memmem::rfind(&window[from..mark], b"obj").map_or(from, |at| from + at);
        let has = |name: &[u8]| memmem::find(&window[begun..word], name).is_some();
        let begins = match (has(b"/Filter"), has(b"/FlateDecode") && !has(b"/Predictor") && !has(b"/ASCII")) {
            (false, _) => Begins::Plain,
            (true, true) => Begins::Flate,
            (true, false) => Begins::Otherwise,
        };
        return Some((at, begins));
    }
    None
}

/// Pages that stand in clear in some bytes, of which the first `seen` were counted before.
fn pages_in(bytes: &[u8], seen: usize) -> u32 {
    let is_page = |at: usize| {
        let Some(skip) = bytes[at + 5..].iter().position(|byte| !byte.is_ascii_whitespace()) else { return false };
        let after = at + 5 + skip;
        // A mark that lies in what was counted was seen then.
        bytes[after..].starts_with(b"/Page")
            && bytes.get(after + 5).is_some_and(|next| !next.is_ascii_alphanumeric())
            && after + 6 > seen
    };
    let found = memmem::find_iter(bytes, b"/Type").filter(|at| is_page(*at)).count();
    u32::try_from(found).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use flate2::Compression;
    use flate2::write::ZlibEncoder;

    use super::*;

    const PAGE: &str = "<</Type /Page /Parent 2 0 R>>";

    fn flat(text: &[u8]) -> Vec<u8> {
        let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(text).expect("packed");
        encoder.finish().expect("packed")
    }

    fn stream(dictionary: &str, bytes: &[u8]) -> Vec<u8> {
        [format!("\n7 0 obj\n<<{dictionary}>>\nstream\n").as_bytes(), bytes, b"\nendstream\nendobj\n"].concat()
    }

    fn counted(parts: usize, bytes: &[u8]) -> Option<u32> {
        let mut pages = Pages::default();
        bytes.chunks(parts).for_each(|part| pages.push(part));
        pages.count()
    }

    /// However a file is cut.
    fn count(bytes: &[u8]) -> Option<u32> {
        let whole = counted(usize::MAX, bytes);
        for parts in [1, 2, 7, 64, 511, 513, 4096] {
            assert_eq!(counted(parts, bytes), whole, "in parts of {parts}");
        }
        whole
    }

    #[test]
    fn pages_are_counted_in_clear_packed_and_both() {
        let clear = format!("%PDF-1.7\n1 0 obj{PAGE}endobj <</Type/Pages/Kids[]>> <</Type/PageLabel>>");
        assert_eq!(count(clear.as_bytes()), Some(1));
        let many = flat(format!("1 0 2 30 {} <</Type/Pages/Count 400>>", PAGE.repeat(400)).as_bytes());
        let packed = stream("/Type/ObjStm/N 401/First 9/Filter/FlateDecode/Length 99", &many);
        assert_eq!(count(&packed), Some(400));
        let last = stream("/Length 9/Filter [/FlateDecode]/N 1/First 4/Type /ObjStm", &flat(PAGE.as_bytes()));
        let both = [clear.as_bytes(), &packed, &last, PAGE.as_bytes(), b" \nstartxref"].concat();
        assert_eq!(count(&both), Some(403));
        let plain = stream("/Type/ObjStm/N 1/First 4/Length 30", PAGE.as_bytes());
        assert_eq!(count(&[plain, last].concat()), Some(2), "one that is not packed");
        let content = stream("/Filter/FlateDecode/Length 9", &flat(PAGE.as_bytes()));
        assert_eq!(count(&content), None, "what is no object stream is not unpacked");
        let talk = format!("% a word about /ObjStm {} {PAGE} ", "and more".repeat(100));
        assert_eq!(count(&[talk.as_bytes(), &packed].concat()), Some(401), "a word is no stream");
    }

    #[test]
    fn where_anything_could_not_be_counted_no_number_is_told() {
        let good = flat(PAGE.as_bytes());
        let named = "/Type/ObjStm/N 1/First 4/Length 9";
        assert_eq!(count(&stream(&format!("{named}/Filter/FlateDecode"), &good)), Some(1));
        for filter in [
            "/Filter/LZWDecode",
            "/Filter[/ASCII85Decode/FlateDecode]",
            "/Filter/FlateDecode/DecodeParms<</Predictor 12>>",
        ] {
            let both = [stream(&format!("{named}{filter}"), &good), PAGE.as_bytes().to_vec(), b" ".to_vec()].concat();
            assert_eq!(count(&both), None, "{filter}");
        }
        let mut broken = flat(PAGE.repeat(50).as_bytes());
        broken[3] ^= 0xff;
        let both = [PAGE.as_bytes(), b" ", &stream(&format!("{named}/Filter/FlateDecode"), &broken)].concat();
        assert_eq!(count(&both), None, "a broken one");
        let whole = stream(&format!("{named}/Filter/FlateDecode"), &good);
        let cut = [PAGE.as_bytes(), b" ", &whole[..whole.len() - 25]].concat();
        assert_eq!(count(&cut), None, "one that is cut off");
    }

    #[test]
    fn nobody_makes_us_unpack_without_end() {
        let bomb = flat(&vec![b' '; usize::try_from(MOST_UNPACKED).expect("small") + 4 * AT_ONCE]);
        let bytes = stream("/Type/ObjStm/N 1/First 4/Filter/FlateDecode/Length 9", &bomb);
        let mut pages = Pages::default();
        for part in bytes.chunks(4096) {
            pages.push(part);
        }
        assert!(pages.unpacked <= MOST_UNPACKED + AT_ONCE as u64, "{}", pages.unpacked);
        assert_eq!(pages.count(), None);
    }
}
