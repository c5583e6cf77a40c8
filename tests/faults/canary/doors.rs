//! What is planted, door by door: what is taken, what changes it, and what can't be taken, because a refusal may tell as much.

use std::path::Path;

use causeway_proto::intake::v1::intake_desk_client::IntakeDeskClient;
use causeway_proto::intake::v1::{InquiryCommand, SaveNoteRequest, UpdateRecordRequest};
use causeway_tests::{Desk, Installation, eventually};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::{MARK, RECORD, STREET, WORDS};

/// A partner's system refers somebody by FHIR: as a Bundle, as a request, again with other content, and what can't be taken.
pub async fn refer_planted_people_by_fhir(installation: &Installation) {
    let base = format!("{}/fhir/harbor-valley", installation.address("ingestion_http").trim_end_matches('/'));
    let send = async |path: &str, body: String| {
        let request = reqwest::Client::new().post(format!("{base}{path}")).bearer_auth("imaging-demo-key");
        let request = request.header("content-type", "application/fhir+json").body(body);
        request.send().await.expect("the FHIR door answers").status().as_u16()
    };
    let sample = Path::new(env!("CARGO_MANIFEST_DIR")).join("../services/ingestion/tests/samples/fhir");
    let bundle = std::fs::read_to_string(sample.join("referral_transaction_breast.json")).expect("the sample");
    let bundle = [
        ("Testpatient", MARK),
        ("1968-07-19", "1937-11-23"),
        ("RB90211", RECORD),
        ("12 Elm St", "4417 Quibblethorpe Lane"),
    ]
    .into_iter()
    .fold(bundle, |bundle, (from, to)| bundle.replace(from, to));
    assert_eq!(send("", bundle).await, 200);
    let request = |family: &str, status: &str| {
        serde_json::json!({
            "resourceType": "ServiceRequest", "status": status, "intent": "order",
            "identifier": [{ "system": "https://office.example", "value": RECORD }],
            "contained": [{
                "resourceType": "Patient", "id": "p", "name": [{ "family": family, "given": ["Marisol"] }], "birthDate": "1937-11-23",
                "identifier": [{ "system": "https://office.example/mrn", "value": RECORD }],
                "address": [{ "line": [format!("4417 {STREET} Lane")], "city": "Seattle" }],
                "telecom": [{ "system": "phone", "value": "206 555 0187" }],
            }],
            "subject": { "reference": "#p" }, "code": { "text": format!("{WORDS} of {MARK}") }, "note": [{ "text": WORDS }],
        })
    };
    assert_eq!(send("/ServiceRequest", request(MARK, "active").to_string()).await, 201);
    assert_eq!(send("/ServiceRequest", request(&format!("{MARK}-Vega"), "active").to_string()).await, 200);
    assert!(
        (400..500).contains(&send("/ServiceRequest", request(MARK, WORDS).to_string()).await),
        "a status that there is not"
    );
    assert!((400..500).contains(&send("/ServiceRequest", format!("{{\"{WORDS}\": {RECORD}")).await), "no JSON");
    assert!(
        (400..500).contains(&send(&format!("/{MARK}"), request(MARK, "active").to_string()).await),
        "no such place"
    );
}

/// A patient sends papers by the link in the mail: one that can be read, and one that nobody could use.
pub async fn upload_planted_papers(installation: &Installation, address: &str) {
    let mail = installation.mails(address).await.remove(0);
    let text = mail["text"].as_str().expect("a text");
    let link = &text[text.find("/p/").expect("a signed link")..];
    let link = link.split(|c: char| c.is_whitespace() || c == '"' || c == '>').next().expect("its end");
    let paper = format!(
        "%PDF-1.4\n1 0 obj<</Type/Page>>endobj\n({WORDS}: {MARK}, {RECORD}, born 1937-11-23, 4417 {STREET} Lane)\n{}\n\
         trailer<</Root 1 0 R>>\nstartxref\n9\n%%EOF\n",
        "a".repeat(200)
    );
    let part = |name: &str, kind: &str, content: &str| {
        format!(
            "--frame\r\ncontent-disposition: form-data; name=\"file\"; filename=\"{name}\"\r\ncontent-type: {kind}\r\n\r\n{content}\r\n"
        )
    };
    let body = [
        part(&format!("{MARK} {WORDS}.pdf"), "application/pdf", &paper),
        part(&format!("{RECORD}.exe"), "application/octet-stream", &format!("MZ\u{0}\u{1}\u{2} {MARK} {WORDS}")),
        "--frame--\r\n".to_owned(),
    ]
    .concat();
    let url = format!("{}{link}/records", installation.address("patient"));
    let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().expect("a client");
    let sent = client.post(url).header("content-type", "multipart/form-data; boundary=frame").body(body).send().await;
    let sent = sent.expect("the page answers");
    // What did not come is named to who sent it, on their own page and in no address.
    let status = sent.status();
    let page = sent.text().await.expect("the page");
    assert!(status == 422 && page.contains(".exe"), "{status}");
}

/// A phone system tells of calls: one that nobody answered, one that contradicts it, and one of which much can't be used.
pub async fn call_as_planted_people(installation: &Installation) {
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
        // What can't be used of it is kept as it was told, sealed.
        (call("3", "2065550187", MARK, &format!("{MARK} <2065550187>")), 202),
    ] {
        let sent = reqwest::Client::new().post(&url).bearer_auth("harbor-phone-demo-key").json(&body).send().await;
        assert_eq!(sent.expect("the door for calls answers").status().as_u16(), expected);
    }
}

/// A partner office's system refers somebody, changes the referral, and sends what can't be taken.
pub async fn refer_planted_people(installation: &Installation) {
    let mut line = tokio::net::TcpStream::connect(installation.address("mllp")).await.expect("the HL7 door");
    let message = |event: &str, control_id: &str, patient: &str| {
        format!(
            "\x0bMSH|^~\\&|HUB|CEDARFM|CAUSEWAY|HARBORVALLEY|20260412||REF^{event}|{control_id}|P|2.5.1|||AL|AL\r\
             RF1||||||REF-1^CEDARFM\rPRD|RP|Okafor^{MARK}\rPID|1||{RECORD}||{patient}||19371123|F|||4417 {STREET} Lane^^Seattle^WA^98101||2065550187\r\
             NTE|1|P|{MARK} is worried: {WORDS}, born 1937-11-23|1R\r\x1c\r"
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
pub async fn list_planted_people(installation: &Installation) {
    let base = format!(
        "{}/v1/centers/harbor-valley/feeds/cedar-csv",
        installation.address("ingestion_http").trim_end_matches('/')
    );
    let list = |id: &str, name: &str, end: &str| {
        format!(
            "referral_id,patient_last,patient_first,birth_date,phone,email,reason,insurance,comments\n\
             {id},{name},Marisol,11/23/1937,2065550187,{MARK}@example.com,{MARK} is worried,{MARK} Health,=\"{WORDS} {RECORD} {STREET}\"{end}\n"
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
pub async fn work_with_planted_words(installation: &Installation) {
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
