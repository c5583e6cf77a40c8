//! Planted names, phones, birth dates, addresses, record numbers and free text, sent by every door, turn up nowhere: not in a log, trace,
//! metric, subject, stream file or database file, in clear, base64 or hex.
//!
//! The search itself is proved twice: by switching the sealing off, when it must find each kind, and by a harmless word that
//! travels the same way and must be found on every surface, because an empty one would pass as a clean one.

mod doors;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use causeway_tests::{Answers, Collector, Installation, eventually, people, planted};
use doors::{
    call_as_planted_people, list_planted_people, refer_planted_people, refer_planted_people_by_fhir,
    upload_planted_papers, work_with_planted_words,
};

const MARK: &str = "Zyxwvcanary";
/// Beside the name: what ties a person to their health as well.
const STREET: &str = "Quibblethorpe";
const RECORD: &str = "ZQX7719034";
const WORDS: &str = "plumbagoscan";

/// Each kind of what is planted, in the forms in which people and systems write it.
fn kinds() -> BTreeMap<&'static str, Vec<String>> {
    let texts = |forms: &[&str]| forms.iter().map(|form| (*form).to_owned()).collect();
    BTreeMap::from([
        ("name", texts(&[MARK, &MARK.to_lowercase()])),
        ("phone", texts(&["2065550187", "206 555 0187"])),
        ("birth date", texts(&["1937-11-23", "11/23/1937", "23 November 1937"])),
        ("street", texts(&[STREET, &STREET.to_lowercase()])),
        ("record number", texts(&[RECORD, &RECORD.to_lowercase()])),
        ("free text", texts(&[WORDS, &WORDS.to_uppercase()])),
    ])
}

/// The forms of what is planted as they could leak: a name for people, the kind, and the bytes.
fn needles() -> Vec<(String, &'static str, Vec<u8>)> {
    let mut all = Vec::new();
    for (kind, form) in kinds().into_iter().flat_map(|(kind, forms)| forms.into_iter().map(move |form| (kind, form))) {
        all.push((format!("'{form}' in clear"), kind, form.clone().into_bytes()));
        all.push((format!("'{form}' in hex"), kind, hex::encode(&form).into_bytes()));
        all.push((format!("'{form}' in upper-case hex"), kind, hex::encode_upper(&form).into_bytes()));
        // Where a word stands in base64 depends on what is before it: three shapes, without their uncertain ends.
        for shift in 0..3 {
            let encoded =
                base64::engine::general_purpose::STANDARD.encode([&vec![b' '; shift], form.as_bytes()].concat());
            let inner = encoded.trim_end_matches('=');
            let inner = &inner[(shift * 4).div_ceil(3)..inner.len() - 2];
            all.push((format!("'{form}' in base64, shifted by {shift}"), kind, inner.as_bytes().to_vec()));
        }
    }
    all
}

fn files(folder: &Path, all: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        match entry.file_type() {
            Ok(kind) if kind.is_dir() => files(&path, all),
            Ok(kind) if kind.is_file() => all.push(path),
            // A data folder that had to move is linked.
            Ok(kind) if kind.is_symlink() && path.is_dir() => files(&path, all),
            _ => {}
        }
    }
}

/// The trace that a planted request belongs to: it travels with all that the request causes, and is nobody's.
const TRACE: &str = "5ca1ab1e0ddba11c0de0c0ffee0ddba1";

/// Where something could leak to, and the word that must be found there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Surface {
    Logs,
    Traces,
    Metrics,
    Subjects,
    Streams,
    Database,
    Documents,
    Settings,
}

impl Surface {
    const ALL: [Self; 8] = [
        Self::Logs,
        Self::Traces,
        Self::Metrics,
        Self::Subjects,
        Self::Streams,
        Self::Database,
        Self::Documents,
        Self::Settings,
    ];

    /// The surface that a file belongs to; none: what people receive (the mail) is theirs.
    fn of(path: &Path) -> Option<Self> {
        let has = |name: &str| path.components().any(|part| part.as_os_str() == name);
        if has("mail") {
            return None;
        }
        Some(match path {
            _ if path.extension().is_some_and(|end| end == "log") => Self::Logs,
            _ if has("nats") => Self::Streams,
            _ if has("postgres") || has("cluster") || has("base") || has("pg_wal") => Self::Database,
            _ if has("files") => Self::Documents,
            _ => Self::Settings,
        })
    }

    /// A harmless word that must stand there.
    fn control(self) -> Vec<u8> {
        match self {
            // The line that tells what became of a partner's list, which holds planted people.
            Self::Logs => b"\"feed\":\"cedar-csv\"".to_vec(),
            Self::Streams | Self::Database => TRACE.as_bytes().to_vec(),
            // On its way to a collector a trace's id is bytes.
            Self::Traces => hex::decode(TRACE).expect("hex"),
            Self::Metrics => b"center=\"harbor-valley\"".to_vec(),
            Self::Subjects => b"causeway.v1.harbor-valley.inquiry.received".to_vec(),
            // Each part of a document begins with the sign of what is sealed, or with that of what is not; the rest tells nothing.
            Self::Documents => Vec::new(),
            Self::Settings => b"[runtime".to_vec(),
        }
    }
}

/// What one search saw.
struct Search {
    /// Where a planted string stands: what, its kind, and where.
    leaks: Vec<(String, &'static str, Surface)>,
    /// Surfaces on which the word that must be there is not.
    blind: Vec<Surface>,
}

impl Search {
    fn told(&self) -> String {
        self.leaks.iter().map(|(what, _, surface)| format!("{what}: {surface:?}")).collect::<Vec<_>>().join("\n")
    }
}

/// Searches the files of an installation and what it told others.
fn look(folder: &Path, more: Vec<(Surface, Vec<u8>)>) -> Search {
    let mut paths = Vec::new();
    files(folder, &mut paths);
    let read = |path: PathBuf| Some((Surface::of(&path)?, path.display().to_string(), std::fs::read(path).ok()?));
    let mut places: Vec<(Surface, String, Vec<u8>)> = paths.into_iter().filter_map(read).collect();
    places.extend(more.into_iter().map(|(surface, bytes)| (surface, format!("{surface:?}"), bytes)));
    let mut leaks = Vec::new();
    for (name, kind, needle) in needles() {
        let finder = memchr::memmem::Finder::new(&needle);
        for (surface, place, bytes) in &places {
            if finder.find(bytes).is_some() {
                leaks.push((format!("{name} in {place}"), kind, *surface));
            }
        }
    }
    let sees = |surface: Surface| {
        let control = surface.control();
        let mut own = places.iter().filter(|(of, _, bytes)| *of == surface && !bytes.is_empty());
        own.any(|(_, _, bytes)| memchr::memmem::find(bytes, &control).is_some())
    };
    Search { leaks, blind: Surface::ALL.into_iter().filter(|surface| !sees(*surface)).collect() }
}

/// A form filled in with all that is planted.
fn told() -> Answers {
    let mut answers = planted(MARK);
    answers.insert("birth_date".into(), "1937-11-23".into());
    answers.insert("message".into(), format!("{WORDS}: {MARK} of 4417 {STREET} Lane, {RECORD}, born 23 November 1937"));
    answers
}

/// Plants one inquiry by form and one by the API, provokes refusals, lets a mail go out, and searches everything.
async fn search(sealing: &str) -> Search {
    let collector = Collector::start().await;
    let endpoint = format!("runtime.otlp_endpoint={}", collector.endpoint());
    let level = "runtime.log_level=debug,h2=info,hyper=info,async_nats=info";
    let json = "runtime.log_format=json";
    let sets = ["--set", &endpoint, "--set", level, "--set", json, "--set", sealing];
    let mut installation = Installation::start(&sets).await;
    let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().expect("a client");
    let form = format!("{}/harbor-valley/forms/second-opinion", installation.address("patient"));
    client.post(&form).form(&told()).send().await.expect("the form answers");
    let mut faulty = told();
    faulty.insert("email".into(), format!("{MARK} at nowhere"));
    faulty.insert("phone".into(), format!("12 {MARK}"));
    client.post(&form).form(&faulty).send().await.expect("the form answers");
    let api = format!("{}/v1/centers/lakeside/inquiries", installation.address("ingestion_http"));
    for (answers, key) in [(told(), "k1"), (faulty.clone(), "k1"), (faulty, "k2")] {
        let body = serde_json::json!({ "form": "second-opinion", "language": "en", "answers": answers, "idempotency_key": key });
        let sent = client.post(&api).header("traceparent", format!("00-{TRACE}-00f067aa0ba902b7-01")).json(&body);
        sent.send().await.expect("the API answers");
    }
    client.post(&api).body(format!("{{\"answers\": \"{MARK}")).send().await.expect("the API answers");
    client.get(format!("{api}/{MARK}")).send().await.expect("the API answers");
    refer_planted_people(&installation).await;
    refer_planted_people_by_fhir(&installation).await;
    list_planted_people(&installation).await;
    work_with_planted_words(&installation).await;
    call_as_planted_people(&installation).await;
    let address = people::email(MARK);
    eventually("a mail went out", 60, async || !installation.mails(&address).await.is_empty()).await;
    upload_planted_papers(&installation, &address).await;
    let subjects = subjects(&installation).await;
    let metrics = reqwest::get(format!("{}/metrics", installation.address("operations"))).await.expect("metrics");
    let metrics = metrics.bytes().await.expect("a body").to_vec();
    tokio::time::sleep(std::time::Duration::from_secs(6)).await;
    assert_eq!(installation.stop().await, Some(0));
    let more = [(Surface::Traces, collector.bytes()), (Surface::Metrics, metrics), (Surface::Subjects, subjects)];
    look(installation.folder(), more.into())
}

/// Every subject that was ever published to, from the outboxes of all services.
async fn subjects(installation: &Installation) -> Vec<u8> {
    let mut all = Vec::new();
    for service in installation.config().databases.keys() {
        let own: Vec<String> = sqlx::query_scalar("SELECT DISTINCT subject FROM outbox")
            .fetch_all(&mut installation.owner(service).await)
            .await
            .expect("the subjects");
        all.extend(own);
    }
    all.join("\n").into_bytes()
}

#[tokio::test(flavor = "multi_thread")]
async fn planted_names_and_texts_are_found_nowhere() {
    let found = search("ingestion.sealing=true").await;
    assert_eq!(
        found.blind,
        Vec::<Surface>::new(),
        "nothing can be said of these: the harmless word is not found there"
    );
    assert!(found.leaks.is_empty(), "leaks:\n{}", found.told());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_search_finds_each_kind_of_them_when_sealing_is_switched_off() {
    let found = search("ingestion.sealing=false").await;
    for kind in kinds().keys() {
        let seen = found.leaks.iter().any(|(what, of, surface)| {
            of == kind && what.contains("in clear") && [Surface::Database, Surface::Documents].contains(surface)
        });
        assert!(seen, "the search is blind for a {kind}:\n{}", found.told());
    }
    let on_disk = found.leaks.iter().any(|(_, _, surface)| *surface == Surface::Documents);
    assert!(on_disk, "the search is blind for what a document says:\n{}", found.told());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_search_finds_what_staff_write_when_the_desk_does_not_seal() {
    let found = search("intake_desk.sealing=false").await;
    assert!(found.leaks.iter().any(|(what, ..)| what.contains("clear")), "the search is blind:\n{}", found.told());
}
