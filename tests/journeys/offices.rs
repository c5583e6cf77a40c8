//! An office that refers by machine hears in its own protocol which documents the center waits for, and no more once it sent them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use causeway_proto::intake::v1::Inquiry;
use causeway_tests::{Desk, Installation, eventually};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

const CENTER: &str = "harbor-valley";
/// A visit note by LOINC, as records.toml of the center knows it.
const NOTE: &str = "11506-3";
const ASKED: &str = "Document asked of you: Notes from your doctor's visits (11506-3)";

/// Sends a message to the HL7 door and gives its reply.
async fn ask(installation: &Installation, message: &str) -> String {
    let mut line = tokio::net::TcpStream::connect(installation.address("mllp")).await.expect("a connection");
    line.write_all(&[b"\x0b", message.as_bytes(), b"\x1c\r"].concat()).await.expect("sent");
    let mut reply = Vec::new();
    while !reply.ends_with(b"\x1c\r") {
        assert_ne!(line.read_buf(&mut reply).await.expect("read"), 0, "the door hung up");
    }
    String::from_utf8(reply).expect("text")
}

fn header(kind: &str, control_id: &str) -> String {
    format!("MSH|^~\\&|HUB|CEDARFM|CAUSEWAY|HARBORVALLEY|20260412103015-0500||{kind}|{control_id}|P|2.5.1")
}

const PATIENT: &str = "PID|1||RB1^^^CEDARFM^MR||Testpatient^Marisol||19680719|F|||||^PRN^CP^^1^206^5550199";

fn referral(event: &str, control_id: &str) -> String {
    [
        &header(&format!("REF^{event}^REF_I12"), control_id),
        "RF1|P|A^ASAP^HL70280|Med||O|REF-1^CEDARFM|20260412",
        "PRD|RP^Referring Provider^HL70286|Okafor^Adaeze^^^Dr^MD^L|||^WPN^PH^^1^206^5550142||1234567893^NPI",
        PATIENT,
        "DG1|1||C50.411^IDC right breast^I10C|||W",
        "",
    ]
    .join("\r")
}

/// Asks where the referral stands until the answer fits, each time by a new question.
async fn answered(installation: &Installation, (name, what): (&str, &str), fits: impl Fn(&str) -> bool) {
    let count = std::sync::atomic::AtomicU32::new(0);
    eventually(what, 60, async || {
        let number = count.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        fits(&ask(installation, &referral("I15", &format!("{name}-{number}"))).await)
    })
    .await;
}

async fn task(installation: &Installation, id: &str) -> Value {
    let url = format!("{}/fhir/{CENTER}/Task/{id}", installation.address("ingestion_http"));
    let asked = reqwest::Client::new().get(url).bearer_auth("imaging-demo-key").send().await.expect("an answer");
    serde_json::from_str(&asked.text().await.expect("a body")).expect("JSON")
}

/// The inquiry that is on the worklist and none of those known before.
async fn arrives(desk: impl Fn() -> Desk, known: &[String]) -> String {
    let new = async || {
        let rows = desk().worklist().await;
        rows.into_iter().map(|row| row.inquiry_id).find(|id| !known.contains(id))
    };
    eventually("it is on the worklist", 60, async || new().await.is_some()).await;
    new().await.expect("a row")
}

fn state<'a>(inquiry: &'a Inquiry, kind: &str) -> &'a str {
    inquiry.records.iter().find(|line| line.kind == kind).map_or("", |line| line.state.as_str())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_staff_ask_of_the_office_is_read_there_and_ends_with_the_document_that_it_sends() {
    let mut installation = Installation::start(&[]).await;
    let desk = || {
        let channel = |service| installation.staff(service, CENTER, "coordinator-1");
        Desk::new(CENTER, channel("intake-desk"), channel("scheduling-sync"))
    };
    ask(&installation, &referral("I12", "A-1")).await;
    let by_hl7 = arrives(desk, &[]).await;
    answered(&installation, ("Q", "nothing is asked yet"), |reply| {
        reply.contains("RRI^I15") && !reply.contains("NTE|")
    })
    .await;
    let asked = desk().ask_for(&by_hl7, &["physician_notes"], "referring_office").await.expect("asked");
    assert_eq!(state(&asked, "physician_notes"), "requested");
    answered(&installation, ("R", "the note is asked for"), |reply| reply.contains(ASKED)).await;

    // The office sends it under the number of its referral.
    let mut report = b"%PDF-1.4\n1 0 obj<</Type/Page>>endobj\n".to_vec();
    report.extend(b"a visit note ".repeat(200));
    report.extend(b"\ntrailer<</Root 1 0 R>>\nstartxref\n9\n%%EOF\n");
    let sent = [
        &header("MDM^T02^MDM_T02", "A-2"),
        PATIENT,
        "OBR|1|REF-1^CEDARFM|||||20260412",
        &format!("OBX|1|ED|{NOTE}^Visit note^LN||HUB^application^pdf^Base64^{}|||||||F", STANDARD.encode(&report)),
        "",
    ]
    .join("\r");
    let reply = ask(&installation, &sent).await;
    assert!(reply.contains("MSA|AA|A-2"), "{reply}");
    eventually("its line is received", 60, async || {
        desk().inquiry(&by_hl7).await.is_ok_and(|inquiry| state(&inquiry, "physician_notes") == "received")
    })
    .await;
    answered(&installation, ("S", "nothing is asked for any more"), |reply| !reply.contains("NTE|")).await;

    // By FHIR its Task says so.
    let request = json!({
        "resourceType": "ServiceRequest", "status": "active", "intent": "order",
        "contained": [{
            "resourceType": "Patient", "id": "p", "name": [{ "family": "Testother", "given": ["Ana"] }],
            "birthDate": "1971-02-03", "telecom": [{ "system": "phone", "value": "206 555 0143" }],
        }],
        "identifier": [{ "system": "https://office.example/referral", "value": "R-1" }],
        "subject": { "reference": "#p" },
        "reasonCode": [{ "coding": [{ "system": "http://hl7.org/fhir/sid/icd-10-cm", "code": "C50.411" }] }],
    });
    let url = format!("{}/fhir/{CENTER}/ServiceRequest", installation.address("ingestion_http"));
    let post = async |request: &serde_json::Value| {
        let posted = reqwest::Client::new().post(&url).bearer_auth("imaging-demo-key");
        let posted = posted.header("content-type", "application/fhir+json").body(request.to_string()).send().await;
        posted.expect("an answer").status().as_u16()
    };
    assert_eq!(post(&request).await, 201);
    let by_fhir = arrives(desk, &[by_hl7]).await;
    desk().ask_for(&by_fhir, &["imaging", "physician_notes"], "referring_office").await.expect("asked");
    let inputs = async || task(&installation, &by_fhir).await["input"].as_array().map_or(0, Vec::len);
    eventually("both are asked for", 60, async || inputs().await == 2).await;
    desk().ask_for(&by_fhir, &["imaging"], "hospital").await.expect("asked");
    eventually("one is asked of somebody else", 60, async || inputs().await == 1).await;
    let told = task(&installation, &by_fhir).await;
    let coding = &told["input"][0]["valueCodeableConcept"]["coding"][0];
    assert_eq!(coding, &json!({ "system": "http://loinc.org", "code": NOTE }), "{told}");
    // The office sends its referral once more, with what was asked for.
    let mut again = request.clone();
    let note = json!({
        "resourceType": "DocumentReference", "id": "d", "status": "current", "subject": { "reference": "#p" },
        "type": { "coding": [{ "system": "http://loinc.org", "code": NOTE }] },
        "content": [{ "attachment": { "contentType": "application/pdf", "data": STANDARD.encode(&report) } }],
    });
    again["contained"].as_array_mut().expect("a list").push(note);
    again["supportingInfo"] = json!([{ "reference": "#d" }]);
    assert_eq!(post(&again).await, 200);
    eventually("nothing is asked for any more", 60, async || inputs().await == 0).await;
    let inquiry = desk().inquiry(&by_fhir).await.expect("the inquiry");
    assert_eq!(state(&inquiry, "physician_notes"), "received");

    assert_eq!(installation.stop().await, Some(0));
    assert_eq!(installation.left_behind(), Vec::<String>::new(), "nothing is left running");
}
