//! Planted names, phones, addresses and free text turn up nowhere: not in a log, trace, metric, subject, stream file or
//! database file, in clear, base64 or hex. The search itself is proved by switching the sealing off.

use std::path::{Path, PathBuf};

use base64::Engine as _;
use causeway_proto::intake::v1::intake_desk_client::IntakeDeskClient;
use causeway_proto::intake::v1::{InquiryCommand, SaveNoteRequest, UpdateRecordRequest};
use causeway_tests::{Collector, Desk, Installation, eventually, people, planted};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

const MARK: &str = "Zyxwvcanary";

/// The planted string in each form in which it could leak.
fn needles() -> Vec<(String, Vec<u8>)> {
    let mut all = Vec::new();
    for form in [MARK.to_owned(), MARK.to_lowercase(), "2065550187".to_owned(), "206 555 0187".to_owned()] {
        all.push((format!("'{form}' in clear"), form.clone().into_bytes()));
        all.push((format!("'{form}' in hex"), hex::encode(&form).into_bytes()));
        all.push((format!("'{form}' in upper-case hex"), hex::encode_upper(&form).into_bytes()));
        // Where a word stands in base64 depends on what is before it: three shapes, without their uncertain ends.
        for shift in 0..3 {
            let encoded =
                base64::engine::general_purpose::STANDARD.encode([&vec![b' '; shift], form.as_bytes()].concat());
            let inner = encoded.trim_end_matches('=');
            let inner = &inner[(shift * 4).div_ceil(3)..inner.len() - 2];
            all.push((format!("'{form}' in base64, shifted by {shift}"), inner.as_bytes().to_vec()));
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

/// Where a planted string stands, by file; what people receive (the mail) is theirs and is left out.
fn leaks(folder: &Path, more: &[(&str, Vec<u8>)]) -> Vec<String> {
    let mut paths = Vec::new();
    files(folder, &mut paths);
    let mut places: Vec<(String, Vec<u8>)> = paths
        .into_iter()
        .filter(|path| !path.components().any(|part| part.as_os_str() == "mail"))
        .filter_map(|path| Some((path.display().to_string(), std::fs::read(path).ok()?)))
        .collect();
    places.extend(more.iter().map(|(name, bytes)| ((*name).to_owned(), bytes.clone())));
    let mut found = Vec::new();
    for (needle_name, needle) in needles() {
        let finder = memchr::memmem::Finder::new(&needle);
        for (place, bytes) in &places {
            if finder.find(bytes).is_some() {
                found.push(format!("{needle_name}: {place}"));
            }
        }
    }
    found
}

/// Plants one inquiry by form and one by the API, provokes refusals, lets a mail go out, and searches everything.
async fn search(sealing: &str) -> Vec<String> {
    let collector = Collector::start().await;
    let endpoint = format!("runtime.otlp_endpoint={}", collector.endpoint());
    let level = "runtime.log_level=debug,h2=info,hyper=info,async_nats=info";
    let mut installation = Installation::start(&["--set", &endpoint, "--set", level, "--set", sealing]).await;
    let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().expect("a client");
    let form = format!("{}/harbor-valley/forms/second-opinion", installation.address("patient"));
    client.post(&form).form(&planted(MARK)).send().await.expect("the form answers");
    let mut faulty = planted(MARK);
    faulty.insert("email".into(), format!("{MARK} at nowhere"));
    faulty.insert("phone".into(), format!("12 {MARK}"));
    client.post(&form).form(&faulty).send().await.expect("the form answers");
    let api = format!("{}/v1/centers/lakeside/inquiries", installation.address("ingestion_http"));
    for (answers, key) in [(planted(MARK), "k1"), (faulty.clone(), "k1"), (faulty, "k2")] {
        let body = serde_json::json!({ "form": "second-opinion", "language": "en", "answers": answers, "idempotency_key": key });
        client.post(&api).json(&body).send().await.expect("the API answers");
    }
    client.post(&api).body(format!("{{\"answers\": \"{MARK}")).send().await.expect("the API answers");
    client.get(format!("{api}/{MARK}")).send().await.expect("the API answers");
    refer_planted_people(&installation).await;
    list_planted_people(&installation).await;
    work_with_planted_words(&installation).await;
    call_as_planted_people(&installation).await;
    let address = people::email(MARK);
    eventually("a mail went out", 60, async || !installation.mails(&address).await.is_empty()).await;
    let metrics = reqwest::get(format!("{}/metrics", installation.address("operations"))).await.expect("metrics");
    let metrics = metrics.bytes().await.expect("a body").to_vec();
    tokio::time::sleep(std::time::Duration::from_secs(6)).await;
    assert_eq!(installation.stop().await, Some(0));
    leaks(installation.folder(), &[("trace", collector.bytes()), ("metrics", metrics)])
}

/// A phone system tells of calls: one that nobody answered, one that contradicts it, and what can't be taken.
async fn call_as_planted_people(installation: &Installation) {
    let url = format!("{}/v1/centers/harbor-valley/calls", installation.address("ingestion_http"));
    let call = |id: &str, caller: &str, outcome: &str, agent: &str| {
        serde_json::json!({
            "call_id": id, "event": "ended", "direction": "inbound", "queue": "new-patients", "caller": caller, "agent": agent,
            "outcome": outcome, "started_at": "2026-03-04T19:40:00Z", "ended_at": "2026-03-04T19:41:00Z",
        })
    };
    for (body, expected) in [
        (call(MARK, "206 555 0187", "missed", ""), 202),
        (call(MARK, "2065550187", "voicemail", ""), 409),
        (call("2", &format!("{MARK} 2065550187"), "missed", ""), 202),
        (call("3", "2065550187", MARK, &format!("{MARK} <2065550187>")), 422),
    ] {
        let sent = reqwest::Client::new().post(&url).bearer_auth("harbor-phone-demo-key").json(&body).send().await;
        assert_eq!(sent.expect("the door for calls answers").status().as_u16(), expected);
    }
}

/// A partner office's system refers somebody, changes the referral, and sends what can't be taken.
async fn refer_planted_people(installation: &Installation) {
    let mut line = tokio::net::TcpStream::connect(installation.address("mllp")).await.expect("the HL7 door");
    let message = |event: &str, control_id: &str, patient: &str| {
        format!(
            "\x0bMSH|^~\\&|HUB|CEDARFM|CAUSEWAY|HARBORVALLEY|20260412||REF^{event}|{control_id}|P|2.5.1|||AL|AL\r\
             RF1||||||REF-1^CEDARFM\rPRD|RP|Okafor^{MARK}\rPID|1||{MARK}||{patient}||19680719|F|||||2065550187\r\
             NTE|1|P|{MARK} is worried|1R\r\x1c\r"
        )
    };
    let named = format!("{MARK}^Marisol");
    for sent in [
        message("I12", MARK, &named),
        message("I13", "2", &named),
        message("I12", "3", ""),
        message("Z99", "4", &named),
    ] {
        line.write_all(sent.as_bytes()).await.expect("sent");
    }
    let mut heard = Vec::new();
    let read = async {
        while heard.iter().filter(|byte| **byte == 0x1c).count() < 7 {
            if line.read_buf(&mut heard).await.expect("read") == 0 {
                break;
            }
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(30), read).await.expect("all are answered");
    let told =
        String::from_utf8_lossy(&heard).replace(&format!("MSA|CA|{MARK}"), "").replace(&format!("MSA|AA|{MARK}"), "");
    assert!(told.contains("MSA|AA|2") && !told.contains("Marisol"), "{told}");
}

/// A partner office's lists name somebody in every column, change it, break it, and bear the name themselves.
async fn list_planted_people(installation: &Installation) {
    let base = format!(
        "{}/v1/centers/harbor-valley/feeds/cedar-csv",
        installation.address("ingestion_http").trim_end_matches('/')
    );
    let list = |id: &str, name: &str, end: &str| {
        format!(
            "referral_id,patient_last,patient_first,birth_date,phone,email,reason,insurance,comments\n\
             {id},{name},Marisol,1968-07-19,2065550187,{MARK}@example.com,{MARK} is worried,{MARK} Health,=\"{MARK}\"{end}\n"
        )
    };
    let client = reqwest::Client::new();
    for (body, expected) in [
        (list(MARK, MARK, ""), 202),
        (list(MARK, &format!("{MARK}-Vega"), ""), 202),
        (list("4", MARK, ",one,more"), 202),
        (format!("{MARK},2065550187\n"), 202),
        (list("5", &format!("\"{MARK}\nopen"), ""), 202),
        (list("6", MARK, "").replace("comments", MARK), 202),
        (format!("PK\u{3}\u{4}{MARK}"), 415),
    ] {
        let sent = client.post(format!("{base}/csv")).bearer_auth("cedar-demo-key").body(body);
        assert_eq!(sent.send().await.expect("an answer").status().as_u16(), expected);
    }
    let wrong = client.get(format!("{base}/files")).bearer_auth(MARK).send().await.expect("an answer");
    assert_eq!(wrong.status(), 401);
    eventually("the lists are dealt with", 60, async || {
        let listed = client.get(format!("{base}/files")).bearer_auth("cedar-demo-key").send().await.expect("an answer");
        let listed: serde_json::Value = listed.json().await.expect("json");
        let files = listed["files"].as_array().expect("files");
        files.len() == 6 && files.iter().all(|file| ["done", "parked"].contains(&file["state"].as_str().unwrap_or("")))
    })
    .await;
}

/// Staff write names where they may: into the note, into reasons, and into keys of their own.
async fn work_with_planted_words(installation: &Installation) {
    let center = "harbor-valley";
    let channel = || installation.staff("intake-desk", center, "coordinator-1");
    let mut desk = Desk::new(center, channel(), installation.staff("scheduling-sync", center, "coordinator-1"));
    let mut id = None;
    for _ in 0..100 {
        id = desk.worklist().await.first().map(|row| row.inquiry_id.clone());
        if id.is_some() {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    }
    let id = id.expect("the planted inquiry is on the worklist");
    let mut calls = IntakeDeskClient::new(channel());
    let claim = InquiryCommand {
        center: center.to_owned(),
        inquiry_id: id.clone(),
        idempotency_key: format!("claim for {MARK}"),
    };
    calls.claim_inquiry(claim).await.expect("claimed");
    let present = desk.inquiry(&id).await.expect("the inquiry");
    let fields = present.note.iter().filter(|field| field.options.is_empty());
    let note = SaveNoteRequest {
        center: center.to_owned(),
        inquiry_id: id.clone(),
        fields: fields.map(|field| (field.key.clone(), format!("{MARK} said so"))).collect(),
        base_note_version: present.note_version,
    };
    assert!(!note.fields.is_empty(), "the note has a field for words");
    calls.save_note(note).await.expect("saved");
    let kind = present.records.first().expect("a document").kind.clone();
    let waive = UpdateRecordRequest {
        center: center.to_owned(),
        inquiry_id: id,
        kind,
        state: "waived".into(),
        reason: format!("{MARK} has it at home"),
    };
    calls.update_record(waive).await.expect("waived");
}

#[tokio::test(flavor = "multi_thread")]
async fn planted_names_and_texts_are_found_nowhere() {
    let found = search("ingestion.sealing=true").await;
    assert!(found.is_empty(), "leaks:\n{}", found.join("\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_search_finds_them_when_sealing_is_switched_off() {
    let found = search("ingestion.sealing=false").await;
    assert!(found.iter().any(|leak| leak.contains("clear")), "the search is blind: {found:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_search_finds_what_staff_write_when_the_desk_does_not_seal() {
    let found = search("intake_desk.sealing=false").await;
    assert!(found.iter().any(|leak| leak.contains("clear")), "the search is blind: {found:?}");
}
