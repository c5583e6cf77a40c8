//! Whole messages, from the bytes of a connection to the reply: our own samples with what each is worth, and public ones.
//!
//! `tests/samples/hl7v2/MANIFEST.csv` names the reply that each sample has to get. It tells codes of original mode for what
//! a message led to, so these are compared as for a sender who reads one reply; beside that, each sender gets what it asks
//! for. A refusal for the envelope is AR there and CR in enhanced mode, which is the same refusal told by the first reply.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use bytes::BytesMut;
use jiff::civil::date;
use jiff::tz::TimeZone;
use tokio_util::codec::{Decoder as _, Encoder as _};

use super::answer::{self, Answer, Standing};
use super::charset::decode;
use super::header::Header;
use super::intake::{Expectations, Intake, Opened, Topic, Unopened, Verb, control_id_reused, open, open_text};
use super::message::Message;
use super::reply::{Outcome, Signature, Verdict, first, second};
use crate::adapters::mllp::{Framer, Received};

static ZONE: TimeZone = TimeZone::UTC;

/// Of the patients in the samples, nothing may stand in a reply.
const OF_PATIENTS: [&str; 9] =
    ["estpatient", "ESTPATIENT", "Marisol", "Testchild", "19680719", "Elm St", "5550199", "marisol.t", "Someoneelse"];

fn samples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/samples/hl7v2")
}

fn sample(name: &str) -> Vec<u8> {
    std::fs::read(samples().join(name)).unwrap_or_else(|cause| panic!("{name}: {cause}"))
}

fn expected(receiving_facility: Option<&'static str>) -> Expectations<'static> {
    let today = date(2026, 4, 30);
    Expectations {
        receiving_facility,
        receiving_application: None,
        processing_id: "P",
        takes_visits: true,
        zone: &ZONE,
        today,
        mapping: None,
    }
}

fn signature() -> Signature<'static> {
    Signature { control_id: "CW-1", at: "2026-04-30T15:30:16Z".parse().unwrap(), zone: &ZONE }
}

/// What was kept before, by sender and control id.
type Kept = HashMap<[String; 3], String>;

/// What became of one message.
#[derive(Debug, Default)]
struct Told {
    /// Code and error number, for a sender who reads one reply.
    one: Option<(String, String)>,
    /// Codes of the replies that its sender asked for.
    asked: Vec<String>,
    /// Why there is none.
    silence: String,
}

/// Handles the messages of one frame, as a listener does.
fn handle(frame: &[u8], expected: &Expectations<'_>, kept: &mut Kept) -> Vec<Told> {
    let decoded = decode(frame);
    match open(&decoded) {
        Ok(opened) => vec![message(&opened, expected, kept)],
        Err(Unopened::Silent(silence)) => vec![Told { silence: silence.to_string(), ..Told::default() }],
        Err(Unopened::Batch(batch)) => match batch.fault {
            Some(fault) => vec![replies(&batch.header, &Verdict::refused(Outcome::Error, fault), None)],
            None => {
                let each = batch.messages.iter().map(|text| match open_text(text, decoded.oddity) {
                    Ok(opened) => message(&opened, expected, kept),
                    Err(_) => Told { silence: "a message of a batch".into(), ..Told::default() },
                });
                each.collect()
            }
        },
    }
}

fn message(opened: &Opened<'_>, expected: &Expectations<'_>, kept: &mut Kept) -> Told {
    let intake = opened.classify(expected);
    let sender = opened.sender().map(|part| part.into_owned());
    let content = kept.entry(sender).or_insert_with(|| opened.message.body().to_owned());
    let verdict = if content == opened.message.body() { intake.verdict.clone() } else { control_id_reused() };
    replies(&opened.header, &verdict, Some((&opened.message, &intake)))
}

fn replies(header: &Header<'_>, verdict: &Verdict, about: Option<(&Message<'_>, &Intake)>) -> Told {
    let one = first(&header.clone().with_one_reply(), verdict, signature());
    let asked: Vec<String> =
        [first(header, verdict, signature()), second(header, verdict, signature())].into_iter().flatten().collect();
    let referral = about.filter(|(_, intake)| matches!(intake.topic, Topic::Referral(..)));
    let answer = Answer { standing: Standing::Pending, reference: "NC-1", remark: "", warnings: &[], wanted: &[] };
    let answered = referral.and_then(|(message, _)| answer::referral(message, header, answer, signature()));
    for reply in one.iter().chain(&asked).chain(&answered) {
        check(reply, header);
    }
    Told {
        one: one.as_deref().map(codes),
        asked: asked.iter().map(|reply| codes(reply).0).collect(),
        silence: if asked.is_empty() { "the sender waits for none".into() } else { String::new() },
    }
}

/// Every reply can be read, names the message that it answers, and says nothing of the patient.
fn check(reply: &str, header: &Header<'_>) {
    let read = Message::parse(reply).unwrap_or_else(|why| panic!("{why}: {reply}"));
    let own = Header::of(&read);
    assert_eq!(own.carried(3), header.carried(5), "{reply}");
    assert_eq!(own.carried(6), header.carried(4), "{reply}");
    let answered = read.segment("MSA").map(|segment| segment.field(2).raw().to_owned());
    assert_eq!(answered.as_deref(), Some(header.carried(10).trim_end()), "{reply}");
    assert!(reply.bytes().all(|byte| byte == b'\r' || !byte.is_ascii_control()), "{reply:?}");
    assert!(!OF_PATIENTS.iter().any(|of_patient| reply.contains(of_patient)), "{reply}");
}

fn codes(reply: &str) -> (String, String) {
    let reply = Message::parse(reply).unwrap_or_else(|why| panic!("{why}"));
    let new = reply.value("ERR", 3, 1);
    let code = if new.is_empty() { reply.value("MSA", 6, 1) } else { new };
    (reply.value("MSA", 1, 1).into_owned(), code.into_owned())
}

/// What a connection brings, with the replies to it.
fn connection(bytes: &[u8], expected: &Expectations<'_>, kept: &mut Kept) -> Vec<Told> {
    let (mut framer, mut buffer, mut all) = (Framer::default(), BytesMut::from(bytes), Vec::new());
    loop {
        let item = framer.decode(&mut buffer).unwrap();
        let Some(item) = item.or_else(|| framer.decode_eof(&mut buffer).unwrap()) else { return all };
        match item {
            Received::Frame(frame) => all.extend(handle(&frame, expected, kept)),
            Received::Cut(_) => all.push(Told { silence: "cut".into(), ..Told::default() }),
            Received::TooLong(_) => all.push(Told { silence: "too long".into(), ..Told::default() }),
        }
    }
}

fn framed(message: &[u8]) -> BytesMut {
    let mut frame = BytesMut::new();
    Framer::default().encode(message, &mut frame).unwrap();
    frame
}

struct Row {
    file: String,
    category: String,
    reply: String,
    error: String,
}

fn manifest() -> Vec<Row> {
    let mut reader = csv::Reader::from_path(samples().join("MANIFEST.csv")).unwrap();
    let rows = reader.records().map(|record| {
        let record = record.unwrap();
        let [file, category, reply, error] = [0, 1, 2, 3].map(|at| record[at].to_owned());
        Row { file, category, reply, error }
    });
    rows.collect()
}

#[test]
fn every_sample_gets_the_reply_that_it_is_worth() {
    let expected = expected(Some("NCC"));
    let mut seen = 0;
    for row in manifest().iter().filter(|row| !["outbound", "mllp"].contains(&row.category.as_str())) {
        let mut kept = Kept::new();
        if row.file.starts_with("dev_duplicate") {
            connection(&framed(&sample("ref_i12_251_full_breast.hl7")), &expected, &mut kept);
        }
        let told = connection(&framed(&sample(&row.file)), &expected, &mut kept);
        let one: Vec<_> = told.iter().filter_map(|told| told.one.clone()).collect();
        let asked: Vec<&str> = told.iter().flat_map(|told| &told.asked).map(String::as_str).collect();
        let (file, error) = (row.file.as_str(), row.error.as_str());
        match row.reply.as_str() {
            "AA" => {
                assert_eq!((one[0].0.as_str(), asked.last().copied()), ("AA", Some("AA")), "{file}");
            }
            "AE" => {
                assert_eq!(one, [("AE".to_owned(), error.to_owned())], "{file}");
                assert_eq!(asked, ["CA", "AE"], "{file}");
            }
            "AR" => {
                assert_eq!(one, [("AR".to_owned(), error.to_owned())], "{file}");
                assert_eq!(asked, ["CR"], "{file}");
            }
            "CA" => assert_eq!(asked, ["CA"], "{file}"),
            "-" => assert!(asked.is_empty(), "{file}"),
            "none" => assert!(one.is_empty() && told.iter().all(|told| !told.silence.is_empty()), "{file}"),
            "one per message or one batch ACK" => assert_eq!(asked, ["CA", "AA", "CA", "AA"], "{file}"),
            "AE for the batch" => {
                assert_eq!((one.as_slice(), asked), ([("AE".into(), error.into())].as_slice(), vec!["AE"]), "{file}")
            }
            other => panic!("{file}: a reply of a new kind, {other}"),
        }
        seen += 1;
    }
    assert_eq!(seen, 45);
}

#[test]
fn every_stream_of_frames_gives_the_replies_that_it_is_worth() {
    let replies = |bytes: &[u8]| {
        let told = connection(bytes, &expected(Some("NCC")), &mut Kept::new());
        let asked = told.iter().flat_map(|told| told.asked.clone()).collect::<Vec<_>>();
        (asked, told.iter().filter(|told| told.silence == "cut").count())
    };
    let halves = ["mllp_split_mid_trailer_part1.bin", "mllp_split_mid_trailer_part2.bin"].map(sample);
    assert_eq!(replies(&halves.concat()), (vec!["AA".into(), "CA".into()], 0));
    let (mut framer, mut buffer) = (Framer::default(), BytesMut::from(halves[0].as_slice()));
    assert!(framer.decode(&mut buffer).unwrap().is_none(), "the first half alone gets none yet");
    for (file, codes, cut) in [
        ("mllp_garbage_between.bin", vec!["AA", "CA"], 0),
        ("mllp_restart_inside_frame.bin", vec!["CA"], 1),
        ("mllp_empty_frame.bin", vec![], 0),
        ("mllp_vt_only_keepalive.bin", vec!["AA"], 0),
        ("mllp_fs_in_body.bin", vec!["AA"], 0),
    ] {
        assert_eq!(replies(&sample(file)), (codes.into_iter().map(str::to_owned).collect(), cut), "{file}");
    }
}

#[test]
fn nothing_of_a_sample_is_lost_on_the_way_to_its_referral() {
    let taken = |file: &str| {
        let bytes = sample(file);
        let decoded = decode(&bytes);
        let Ok(opened) = open(&decoded) else { panic!("{file}") };
        match opened.classify(&expected(Some("NCC"))).topic {
            Topic::Referral(verb, referral) => (verb, referral),
            _ => panic!("{file}"),
        }
    };
    let answer = |file: &str, key: &str| taken(file).1.answers.get(key).cloned().unwrap_or_default();
    for (file, key, expected) in [
        ("ref_i12_251_full_breast.hl7", "cancer_area", "breast"),
        ("ref_i12_231_minimal_lung.hl7", "cancer_area", "thoracic"),
        ("ref_i12_231_minimal_lung.hl7", "phone", "(937)555-0111"),
        ("ref_i12_251_peds_heme_guarantor.hl7", "name", "Rosa Testparent"),
        ("ref_i12_251_peds_heme_guarantor.hl7", "patient_name", "Ana Testchild"),
        ("dev_latin1_undeclared.hl7", "name", "María Q Testpatient"),
        ("dev_utf8_bom.hl7", "name", "Zoë 名 Q Testpatient"),
        ("dev_custom_delims.hl7", "phone", "+1 513 5550199"),
        ("dev_lower_case_seg.hl7", "name", "Marisol Q Testpatient"),
        ("dev_iso_timestamp.hl7", "birth_date", "1968-07-19"),
        ("dev_pid2_instead_of_pid3.hl7", "office_record_number", "RB90211"),
        ("dev_icd_forms.hl7", "cancer_area", "breast"),
        ("dev_crlf.hl7", "referral_number", "RB-REF-77812"),
    ] {
        assert_eq!(answer(file, key), expected, "{file} {key}");
    }
    assert!(answer("dev_huge_nte.hl7", "referral_reason_in_full").len() > 80_000);
    let (verb, referral) = taken("ref_i13_251_modify_priority.hl7");
    assert!(verb == Verb::Modify && referral.reference.is_some());
    assert!(
        taken("ref_i14_251_cancel.hl7").0 == Verb::Cancel && taken("ref_i15_251_status_request.hl7").0 == Verb::Status
    );
}

/// Public samples of other projects are not ours to copy; they lie beside the checkout of those who have them.
#[test]
fn every_public_sample_gets_a_reply_or_a_reason() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/samples/hl7v2");
    let mut files = Vec::new();
    walk(&folder, &mut files);
    if files.is_empty() {
        println!("skipped: no samples in {}", folder.display());
        return;
    }
    let (mut replied, mut silent) = (0, 0);
    for file in &files {
        let bytes = std::fs::read(file).unwrap();
        // Some hold whole streams, and all of them are messages in a frame.
        connection(&bytes, &expected(None), &mut Kept::new());
        let told = connection(&framed(&bytes), &expected(None), &mut Kept::new());
        assert!(!told.is_empty() || bytes.iter().all(|byte| *byte <= b' '), "{}", file.display());
        for told in told {
            let is_replied = told.one.is_some() || !told.asked.is_empty();
            assert!(is_replied || !told.silence.is_empty(), "{}", file.display());
            *if is_replied { &mut replied } else { &mut silent } += 1;
        }
    }
    println!("{} files: {replied} replies, {silent} with a reason for none", files.len());
    assert!(replied > files.len() / 2);
}

fn walk(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            walk(&path, files);
        } else if path
            .extension()
            .is_some_and(|extension| ["hl7", "ndhl7", "bin"].iter().any(|known| extension == *known))
        {
            files.push(path);
        }
    }
}
