//! Frames: the same ones however the bytes are cut, none lost without a trace, and each byte looked at once.

use super::*;
use proptest::prelude::*;
use std::time::{Duration, Instant};

/// What one connection brings, in reads of some length, with how it ended.
fn received(bytes: &[u8], reads: &[usize], longest: usize) -> (Vec<(char, Vec<u8>)>, u64) {
    let (mut framer, mut buffer, mut all) = (Framer::with_longest(longest), BytesMut::new(), Vec::new());
    let mut rest = bytes;
    let mut lengths = reads.iter().copied().cycle();
    while !rest.is_empty() {
        let (read, later) = rest.split_at(lengths.next().unwrap_or(rest.len()).clamp(1, rest.len()));
        buffer.extend_from_slice(read);
        rest = later;
        while let Ok(Some(item)) = framer.decode(&mut buffer) {
            all.push(item);
        }
    }
    while let Ok(Some(item)) = framer.decode_eof(&mut buffer) {
        all.push(item);
    }
    assert!(buffer.is_empty(), "nothing is left behind");
    let told = |item: Received| match item {
        Received::Frame(bytes) => ('f', bytes.to_vec()),
        Received::Cut(bytes) => ('c', bytes.to_vec()),
        Received::TooLong(bytes) => ('l', bytes.to_vec()),
    };
    (all.into_iter().map(told).collect(), framer.noise())
}

/// `<` begins a frame, `>` ends it, `/` is a carriage return.
fn told(text: &str) -> String {
    let bytes: Vec<u8> = text.bytes().map(wire).collect();
    let (items, _) = received(&bytes, &[], 8);
    let item =
        |(kind, bytes): (char, Vec<u8>)| format!("{kind}:{}", String::from_utf8_lossy(&bytes).replace('\u{1c}', ">"));
    items.into_iter().map(item).collect::<Vec<_>>().join(" ")
}

fn wire(letter: u8) -> u8 {
    match letter {
        b'<' => START,
        b'>' => END,
        b'/' => RETURN,
        other => other,
    }
}

#[test]
fn frames_are_found_one_after_the_other_with_noise_between() {
    assert_eq!(told("<MSH>/"), "f:MSH");
    assert_eq!(told("<a>/<b>/"), "f:a f:b");
    assert_eq!(told("PING<a>/\n\nxx<b>/yy"), "f:a f:b");
    assert_eq!(received(b"PING\x0ba\x1c\r\n\nxx", &[], 8).1, 6, "line ends are no noise");
}

#[test]
fn an_empty_frame_and_a_repeated_start_are_nothing() {
    assert_eq!(told("<>/"), "");
    assert_eq!(told("<<<<MSH>/"), "f:MSH");
    assert_eq!(told("</>/<a>/"), "f:a");
}

#[test]
fn a_start_inside_a_frame_gives_what_was_cut_as_evidence() {
    assert_eq!(told("<MSH|A<MSH|B>/"), "c:MSH|A f:MSH|B");
    assert_eq!(told("<MSH|A"), "c:MSH|A", "the connection ended in the middle");
}

#[test]
fn an_end_byte_in_the_middle_of_a_text_does_not_end_it() {
    assert_eq!(told("<PET>pos>/"), "f:PET>pos");
    assert_eq!(told("<a>>/"), "f:a>");
}

#[test]
fn the_return_may_be_a_line_feed_or_missing_where_it_is_clear() {
    assert_eq!(told("<a>\n<b>/"), "f:a f:b");
    assert_eq!(told("<a><b>"), "f:a f:b");
}

#[test]
fn a_frame_that_is_too_long_is_told_once_and_the_next_one_is_read() {
    assert_eq!(told("<12345678>/"), "f:12345678");
    assert_eq!(told("<123456789>/<b>/"), "l:12345678 f:b");
    assert_eq!(told("<123456789>x>y>/<b>/"), "l:12345678 f:b");
    assert_eq!(told("<123456789<b>/"), "l:12345678 f:b");
    assert_eq!(told("<123456789"), "l:12345678");
}

#[test]
fn a_framer_knows_whether_somebody_is_in_the_middle_of_a_frame() {
    let (mut framer, mut buffer) = (Framer::default(), BytesMut::from(&b"xx"[..]));
    assert!(matches!(framer.decode(&mut buffer), Ok(None)) && !framer.is_inside());
    buffer.extend_from_slice(b"\x0bMSH\x1c");
    assert!(matches!(framer.decode(&mut buffer), Ok(None)) && framer.is_inside());
    buffer.extend_from_slice(b"\r");
    assert!(matches!(framer.decode(&mut buffer), Ok(Some(_))) && !framer.is_inside());
}

#[test]
fn a_framer_knows_whether_only_the_return_is_missing() {
    let awaits = |text: &[u8]| {
        let (mut framer, mut buffer) = (Framer::default(), BytesMut::from(text));
        assert!(matches!(framer.decode(&mut buffer), Ok(None)));
        framer.awaits_return(&buffer)
    };
    assert!(awaits(b"\x0bMSH\x1c"));
    for other in [&b""[..], b"\x1c", b"\x0b", b"\x0bMSH", b"\x0bMSH\x1cx"] {
        assert!(!awaits(other), "{other:?}");
    }
}

#[test]
fn a_long_frame_that_comes_byte_by_byte_is_looked_at_once() {
    let mut bytes = vec![b'x'; 2 * 1024 * 1024];
    bytes[0] = START;
    bytes.extend_from_slice(&[END, RETURN]);
    let begun = Instant::now();
    let (items, _) = received(&bytes, &[1], LONGEST);
    assert_eq!(items.len(), 1);
    // Looking at all of it for each byte would take hours.
    assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
}

/// Bytes among which marks are frequent.
fn traffic() -> impl Strategy<Value = Vec<u8>> {
    let byte = prop_oneof![3 => Just(START), 3 => Just(END), 3 => Just(RETURN), 1 => Just(b'\n'), 4 => any::<u8>()];
    proptest::collection::vec(byte, 0..200)
}

proptest! {
    #[test]
    fn the_same_bytes_give_the_same_frames_however_they_are_cut(
        bytes in traffic(), reads in proptest::collection::vec(1_usize..9, 1..6), longest in 0_usize..24,
    ) {
        let whole = received(&bytes, &[], longest);
        prop_assert_eq!(&received(&bytes, &reads, longest), &whole);
        prop_assert_eq!(&received(&bytes, &[1], longest), &whole);
        for (kind, content) in whole.0 {
            prop_assert!(kind != 'f' || (!content.contains(&START) && content.len() <= longest));
        }
    }

    #[test]
    fn what_is_put_into_frames_comes_out_of_them(
        messages in proptest::collection::vec("[a-zA-Z|^~&\r]{1,40}x", 1..6), reads in proptest::collection::vec(1_usize..50, 1..4),
    ) {
        let mut wire = BytesMut::new();
        for message in &messages {
            Framer::default().encode(message.as_bytes(), &mut wire).unwrap();
        }
        let (found, noise) = received(&wire, &reads, LONGEST);
        prop_assert_eq!(noise, 0);
        prop_assert_eq!(found, messages.iter().map(|message| ('f', message.as_bytes().to_vec())).collect::<Vec<_>>());
    }
}
