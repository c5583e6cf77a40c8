//! What machines and attackers send, in a process of its own so that nothing else is counted: files that once were or could be trouble
//! for the reader of frames, of HL7 messages, of CSV files, of FHIR bodies and of forms. None may make one of them panic, take long, or
//! take much memory.
//!
//! All files below `tests/corpus` are walked, each whole and cut at many places; then they are damaged at random for as long as
//! `CAUSEWAY_FUZZ_SECONDS` says (2), from the seed `CAUSEWAY_FUZZ_SEED`, which is printed. A file that is found that way is put beside
//! the others. Deliberately not here: what a sender is told (the samples' manifests, the property tests).

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use causeway_funnel::form::{Form, Reading};
use causeway_funnel::profile::{Bundle, CsvField, CsvMapping, Hl7Mapping, Profile};
use causeway_ingestion::adapters::csv::{charset as csv_charset, layout, records, row};
use causeway_ingestion::adapters::fhir::{intake as fhir, json, outcome};
use causeway_ingestion::adapters::hl7::charset;
use causeway_ingestion::adapters::hl7::intake::{self, Expectations, Opened, Unopened};
use causeway_ingestion::adapters::hl7::referral::read_in_part;
use causeway_ingestion::adapters::mllp::{Framer, Received};
use causeway_ingestion::domain::check::check;
use causeway_ingestion::handlers::http;
use jiff::civil::{Date, date};
use jiff::tz::TimeZone;
use tokio_util::codec::Decoder as _;

const TODAY: Date = date(2026, 4, 12);
/// Longest frame here, so that some are longer.
const LONGEST: usize = 64 * 1024;
/// Slowest that one reading of a file of the corpus may be, in a build without optimisation on a busy machine.
const SLOWEST: Duration = Duration::from_secs(10);
/// Most memory that all of it may take beyond what stands before.
const MOST_GROWTH: usize = 64 * 1024 * 1024;
/// Places at which each file is cut.
const CUTS: usize = 64;

/// The most memory that this process ever had, bytes.
fn peak() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux");
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).expect("a peak");
    let kilobytes: usize = line.split_whitespace().nth(1).and_then(|number| number.parse().ok()).expect("a number");
    kilobytes * 1024
}

/// What reads.
struct Readers {
    profile: Profile,
    hl7: Hl7Mapping,
    csv: CsvMapping,
}

impl Readers {
    fn of_a_center() -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy/centers/lakeside");
        let mut bundle = Bundle::new();
        add(&root, &root, &mut bundle);
        let profile = Profile::from_bundle(&bundle).unwrap_or_else(|faults| panic!("{faults:?}"));
        let hl7 = profile.feeds.feeds.iter().find_map(|feed| feed.hl7.clone()).expect("a mapping");
        let csv = CsvMapping { required: vec![CsvField::ReferralId], ..CsvMapping::default() };
        Self { profile, hl7, csv }
    }

    /// Reads bytes as a door does.
    fn read(&self, door: &str, bytes: &[u8]) {
        match door {
            "mllp" => self.frames(bytes),
            "hl7" => self.message(bytes),
            "csv" => self.file(bytes),
            "fhir" => resource(bytes),
            "form" => self.form(bytes),
            other => panic!("there is no door {other}"),
        }
    }

    fn frames(&self, bytes: &[u8]) {
        let mut framer = Framer::with_longest(LONGEST);
        let mut buffer = BytesMut::new();
        let take = |received: Received| match received {
            Received::Frame(frame) | Received::Cut(frame) | Received::TooLong(frame) => {
                assert!(frame.len() <= LONGEST, "a frame is longer than is taken");
                self.message(&frame);
            }
        };
        for part in bytes.chunks(4096) {
            buffer.extend_from_slice(part);
            while let Some(received) = framer.decode(&mut buffer).expect("it never fails") {
                take(received);
            }
        }
        while let Some(received) = framer.decode_eof(&mut buffer).expect("it never fails") {
            take(received);
        }
    }

    fn message(&self, bytes: &[u8]) {
        let decoded = charset::decode(bytes);
        match intake::open(&decoded) {
            Ok(opened) => self.judge(&opened),
            Err(Unopened::Silent(_)) => {}
            Err(Unopened::Batch(batch)) => {
                let all = batch.messages.iter().filter_map(|text| intake::open_text(text, None).ok());
                all.for_each(|opened| self.judge(&opened));
            }
        }
    }

    fn judge(&self, opened: &Opened<'_>) {
        let zone = TimeZone::UTC;
        let mapping = Some(&self.hl7);
        let expected = Expectations {
            receiving_facility: None,
            receiving_application: None,
            processing_id: "P",
            takes_visits: true,
            zone: &zone,
            today: TODAY,
            mapping,
        };
        let _ = opened.classify(&expected);
        let _ = read_in_part(&opened.message, (&zone, TODAY), mapping);
    }

    fn file(&self, bytes: &[u8]) {
        let mut detector = csv_charset::Detector::default();
        bytes.chunks(4096).for_each(|part| detector.push(part));
        let mut reader = csv_charset::Text::of(detector.finish(encoding_rs::WINDOWS_1252).encoding);
        let mut text = String::new();
        bytes.chunks(4096).for_each(|part| text.push_str(&reader.push(part, false)));
        text.push_str(&reader.push(&[], true));
        let Ok(layout) = layout::detect(&text, true, &self.csv) else { return };
        let places = row::Places::of(&layout, "US");
        let mut splitter = records::Splitter::by(layout.delimiter);
        let judge = |record: records::Record| drop(row::judge(&record, &places, &self.csv, TODAY));
        splitter.push(&text, judge);
        splitter.finish(judge);
    }

    fn form(&self, bytes: &[u8]) {
        let read = http::read("lakeside".to_owned(), &::http::HeaderMap::new(), Ok(Bytes::copy_from_slice(bytes)));
        let Ok(http::Told { submission, .. }) = read else { return };
        let forms: Vec<&Form> = self.profile.forms.values().collect();
        for form in forms {
            let reading = Reading { language: "en", region: "US", today: TODAY };
            if let Err(faults) = check(form, &submission.answers, reading, false) {
                assert!(
                    faults.len() <= form.questions.len() + form.consent.ticks.len() + 16,
                    "as many faults as answers"
                );
            }
        }
    }
}

fn resource(bytes: &[u8]) {
    let Ok(body) = json::read(bytes) else { return };
    let expected = fhir::Expectations { today: TODAY, most_entries: 500, hosts: &[], if_none_exist: None };
    let intake = fhir::judge(&body, None, &expected);
    let told = outcome::of(&outcome::lines(&intake.faults)).to_string();
    assert!(told.len() < 256 * 1024, "an answer of {} bytes", told.len());
}

fn add(root: &Path, folder: &Path, bundle: &mut Bundle) {
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            add(root, &path, bundle);
        } else {
            let name = path.strip_prefix(root).expect("inside").to_string_lossy().into_owned();
            bundle.insert(name, std::fs::read_to_string(&path).expect("text"));
        }
    }
}

/// Door, name and bytes of each file.
fn corpus() -> Vec<(String, String, Vec<u8>)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus");
    let mut files = Vec::new();
    for door in std::fs::read_dir(root).expect("the corpus") {
        let door = door.expect("a door").path();
        for file in std::fs::read_dir(&door).expect("a folder") {
            let file = file.expect("a file").path();
            let name = |path: &Path| path.file_name().expect("a name").to_string_lossy().into_owned();
            files.push((name(&door), name(&file), std::fs::read(&file).expect("bytes")));
        }
    }
    files.sort();
    files
}

/// A small generator of numbers that are the same for the same seed.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % u64::try_from(sides.max(1)).expect("small")).expect("small")
    }

    /// Bytes with some of them changed, taken out, doubled or written over by a piece of others.
    fn damage(&mut self, bytes: &[u8], other: &[u8]) -> Vec<u8> {
        const TELLING: &[u8] = b"|^~\\&\r\n\x0b\x1c\"',;:{}[]=+-@#0\x00\xff\xc3MSHPID";
        let mut damaged = bytes.to_vec();
        for _ in 0..=self.roll(24) {
            let at = self.roll(damaged.len() + 1);
            match self.roll(5) {
                0 => damaged.insert(at, TELLING[self.roll(TELLING.len())]),
                1 if at < damaged.len() => damaged[at] = u8::try_from(self.roll(256)).expect("a byte"),
                2 => damaged.truncate(at.max(8)),
                3 => {
                    let piece = damaged[at..].iter().take(self.roll(64)).copied().collect::<Vec<u8>>();
                    damaged.splice(at..at, piece);
                }
                _ => {
                    let from = self.roll(other.len() + 1);
                    let piece: Vec<u8> = other[from..].iter().take(self.roll(200)).copied().collect();
                    damaged.splice(at..at, piece);
                }
            }
        }
        damaged.truncate(128 * 1024);
        damaged
    }
}

fn told<T: std::str::FromStr>(name: &str, otherwise: T) -> T {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(otherwise)
}

/// One test, so that nothing else takes memory beside it.
#[test]
fn whatever_is_in_the_corpus_and_whatever_is_made_of_it_is_read_soon_in_little_memory_and_without_a_panic() {
    let readers = Readers::of_a_center();
    let files = corpus();
    let doors: BTreeMap<&str, usize> = files.iter().fold(BTreeMap::new(), |mut doors, (door, ..)| {
        *doors.entry(door.as_str()).or_default() += 1;
        doors
    });
    assert!(doors.len() == 5 && doors.values().all(|count| *count >= 10), "{doors:?}");
    let before = peak();
    let mut slowest = (Duration::ZERO, String::new());
    for (door, name, bytes) in &files {
        let begun = Instant::now();
        readers.read(door, bytes);
        let took = begun.elapsed();
        assert!(took < SLOWEST, "{door}/{name} took {took:?}");
        slowest = slowest.max((took, format!("{door}/{name}")));
        let step = (bytes.len() / CUTS).max(1);
        (0..bytes.len())
            .step_by(step)
            .filter(|end| bytes.len() <= LONGEST || end % 4 == 0)
            .for_each(|end| readers.read(door, &bytes[..end]));
    }
    println!("{} files, the slowest {slowest:?}, {} KiB more memory", files.len(), (peak() - before) / 1024);

    let seed: u64 = told("CAUSEWAY_FUZZ_SEED", 0x5eed_cafe_0000_0001);
    let seconds: u64 = told("CAUSEWAY_FUZZ_SECONDS", 2);
    let (mut dice, mut rounds) = (Dice(seed.max(1)), 0_u64);
    let end = Instant::now() + Duration::from_secs(seconds);
    while Instant::now() < end {
        let (door, name, bytes) = &files[dice.roll(files.len())];
        let other = &files[dice.roll(files.len())].2;
        let damaged = dice.damage(&bytes[..bytes.len().min(16 * 1024)], other);
        // Kept where it can be found if this is the last thing that is read.
        let place = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("last_of_{door}"));
        std::fs::write(&place, &damaged).expect("written");
        let begun = Instant::now();
        readers.read(door, &damaged);
        assert!(begun.elapsed() < SLOWEST, "made of {door}/{name}, kept in {}", place.display());
        rounds += 1;
    }
    let growth = peak() - before;
    println!("{rounds} damaged ones from the seed {seed}, {} KiB more memory", growth / 1024);
    assert!(rounds > 0 || seconds == 0);
    assert!(growth < MOST_GROWTH, "{} MiB more memory", growth / 1024 / 1024);
}
