//! How many referral messages one core takes apart in a second of its time, without network and database.
//!
//! Two figures: what a peer's parser does as well (take the message apart, read twelve fields), and what the door does with it (read all
//! of it as a referral, with its names, dates and codes judged). Deliberately absent: the door itself, which is measured as a whole.

use std::fs;
use std::hint::black_box;
use std::time::{Duration, Instant};

use causeway_ingestion::adapters::hl7::intake::{self, Expectations, Topic};
use causeway_ingestion::adapters::hl7::{charset, message::Message};
use jiff::tz::TimeZone;
use serde::Serialize;

use super::partner;

/// The twelve fields: segment, field, component.
const FIELDS: [(&str, usize, usize); 12] = [
    ("MSH", 4, 1),
    ("MSH", 9, 2),
    ("MSH", 10, 1),
    ("RF1", 6, 1),
    ("PRD", 2, 1),
    ("PRD", 7, 1),
    ("PID", 3, 1),
    ("PID", 5, 1),
    ("PID", 5, 2),
    ("PID", 7, 1),
    ("PID", 13, 1),
    ("DG1", 3, 1),
];
const MESSAGES: u64 = 512;
const TIME: Duration = Duration::from_secs(2);

/// Messages for each second of CPU time.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Parsed {
    /// Length of a message, bytes.
    pub bytes: usize,
    /// Taken apart, twelve fields read.
    pub fields_per_cpu_second: f64,
    /// Read and judged as a referral.
    pub referrals_per_cpu_second: f64,
}

/// Measures for some seconds.
pub fn measure() -> Parsed {
    let messages: Vec<Vec<u8>> = (0..MESSAGES).map(message).collect();
    let expected = Expectations {
        receiving_facility: Some("HARBORVALLEY"),
        receiving_application: None,
        processing_id: "P",
        takes_visits: false,
        zone: &TimeZone::UTC,
        today: jiff::civil::date(2026, 11, 26),
        mapping: None,
    };
    Parsed {
        bytes: messages.iter().map(Vec::len).sum::<usize>() / messages.len().max(1),
        fields_per_cpu_second: rate(&messages, fields),
        referrals_per_cpu_second: rate(&messages, |bytes| referral(bytes, &expected)),
    }
}

/// The message with this number, without its frame.
fn message(number: u64) -> Vec<u8> {
    let mut frame = String::new();
    partner::write_hl7("p", number, &mut frame);
    frame.trim_matches(['\x0b', '\x1c', '\r']).as_bytes().to_vec()
}

/// How much was read of it.
fn fields(bytes: &[u8]) -> usize {
    let decoded = charset::decode(bytes);
    let Ok(message) = Message::parse(&decoded.text) else { return 0 };
    FIELDS.iter().map(|(segment, field, component)| message.value(segment, *field, *component).len()).sum()
}

/// One where it is a referral.
fn referral(bytes: &[u8], expected: &Expectations<'_>) -> usize {
    let decoded = charset::decode(bytes);
    let Ok(opened) = intake::open(&decoded) else { return 0 };
    usize::from(matches!(opened.classify(expected).topic, Topic::Referral(..)))
}

fn rate(messages: &[Vec<u8>], take: impl Fn(&[u8]) -> usize) -> f64 {
    let (begun, before, mut count) = (Instant::now(), cpu(), 0_u64);
    while begun.elapsed() < TIME {
        for message in messages {
            black_box(take(black_box(message)));
        }
        count += messages.len() as u64;
    }
    let spent = match (before, cpu()) {
        (Some(before), Some(after)) => after.saturating_sub(before),
        _ => begun.elapsed(),
    };
    count as f64 / spent.as_secs_f64().max(0.001)
}

/// CPU time of this thread; none where the system does not say (then it is taken by the clock).
pub fn cpu() -> Option<Duration> {
    let told = fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    told.split_whitespace().next()?.parse().ok().map(Duration::from_nanos)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_of_the_twelve_fields_is_in_the_message() {
        let bytes = message(7);
        let decoded = charset::decode(&bytes);
        let Ok(read) = Message::parse(&decoded.text) else { panic!("a message") };
        for (segment, field, component) in FIELDS {
            assert!(!read.value(segment, field, component).is_empty(), "{segment}-{field}.{component}");
        }
        assert!(fields(&bytes) > 60);
    }
}
