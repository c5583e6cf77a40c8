//! Documents that partners' messages carry: unpacked once, put to their line by their code, never to another patient.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use crate::documents::{Sender, listed, open, pdf, told};
use crate::fhir::{self, KEY};
use crate::finished::settle;
use crate::hl7::{Office, code, referral};
use crate::repair::{self, waiting};
use crate::world::{CENTER, World, coordinator, eventually};

pub fn obx(number: u32, code: &str, bytes: &[u8]) -> String {
    format!("OBX|{number}|ED|{code}^Report^LN||HUB^application^pdf^Base64^{}|||||||F\r", STANDARD.encode(bytes))
}

/// A document about the patient of a referral.
pub fn news(kind: &str, control_id: &str, (number, family, birth): (&str, &str, &str), obx: &str) -> String {
    [
        &format!("MSH|^~\\&|HUB|CEDARFM|CAUSEWAY|HARBORVALLEY|20260413103015-0500||{kind}|{control_id}|P|2.5.1"),
        &format!("PID|1||RB1^^^CEDARFM^MR||{family}^Marisol||{birth}|F"),
        &format!("OBR|1|{number}^CEDARFM|||||20260412"),
        obx,
    ]
    .join("\r")
}

pub async fn wait_unpacked(world: &World) {
    eventually("all is unpacked", || async {
        world.count("SELECT count(*) FROM messages WHERE unpack_at IS NOT NULL AND inquiry_id IS NOT NULL").await == 0
    })
    .await;
}

async fn inquiry(world: &World) -> String {
    let id: uuid::Uuid =
        sqlx::query_scalar("SELECT inquiry_id FROM inquiries").fetch_one(&world.admin).await.expect("an inquiry");
    id.to_string()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn documents_of_a_referral_stand_once_however_often_it_comes_and_what_nobody_could_use_is_shown() {
    let world = World::start().await;
    let mut office = Office::calls(&world).await;
    let report = pdf("Testpatient biopsy", 90_000);
    let carried = |control_id: &str| {
        let scan = b"II*\0\x08\0\0\0\x01\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0";
        let documents = [obx(1, "11526-1", &report), obx(2, "99999-9", scan), obx(3, "11526-1", b"MZ\x90\0program")];
        referral(control_id, "REF-1", "Testpatient") + &documents.concat()
    };
    let first = office.ask(&carried("A-1"), 2).await;
    assert_eq!(code(&first[1]), "AA");
    wait_unpacked(&world).await;
    let inquiry = inquiry(&world).await;
    let seen = listed(&world, &inquiry).await;
    let of = |kind: &str| seen.iter().filter(|one| one.content_type == kind).collect::<Vec<_>>();
    assert_eq!((seen.len(), of("pdf").len(), of("tiff").len()), (3, 1, 1));
    assert_eq!((of("pdf")[0].record_kind.as_str(), of("pdf")[0].title.as_str()), ("pathology_report", "Report"));
    assert_eq!((of("tiff")[0].record_kind.as_str(), of("pdf")[0].feed.as_str()), ("", "cedar-hl7"));
    let refused = seen.iter().find(|one| one.state == "refused").expect("shown");
    assert_eq!(refused.fault, "program");
    assert!(open(&world, &coordinator(CENTER), &of("pdf")[0].document_id).await.expect("opened").1 == report);

    office.ask(&carried("A-1"), 2).await;
    office.ask(&carried("A-2"), 2).await;
    wait_unpacked(&world).await;
    assert_eq!(world.count("SELECT count(*) FROM documents WHERE state NOT IN ('same', 'receiving')").await, 3);
    assert_eq!(told(&world).await.len(), 2, "each told once");
    // A copy that the patient has at home is the same document too.
    let own = Sender::patient(&world, &inquiry).send("imaging", "mine.pdf", &report).await.expect("known");
    assert!(own.repeated && own.record_kind == "pathology_report");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_report_that_comes_later_goes_to_its_referral_and_one_of_another_patient_waits_for_a_person() {
    let world = World::start().await;
    let mut office = Office::calls(&world).await;
    office.ask(&referral("B-1", "REF-2", "Testpatient"), 2).await;
    let patient = ("REF-2", "Testpatient", "19680719");
    let report = news("MDM^T02^MDM_T02", "B-2", patient, &obx(1, "11526-1", &pdf("later", 2_000)));
    assert_eq!(code(&office.ask(&report, 1).await[0]), "AA");
    wait_unpacked(&world).await;
    let inquiry = inquiry(&world).await;
    assert_eq!(listed(&world, &inquiry).await.len(), 1);
    let parked = "SELECT count(*) FROM messages WHERE state = 'parked'";
    assert_eq!(world.count(parked).await, 0, "nobody has to look at what holds a document alone");

    let text = "OBX|2|TX|X^Result||Positive for something\r";
    let both = news("ORU^R01^ORU_R01", "B-3", patient, &(obx(1, "18748-4", &pdf("scan", 2_000)) + text));
    office.ask(&both, 1).await;
    wait_unpacked(&world).await;
    assert_eq!(listed(&world, &inquiry).await.len(), 2);
    assert_eq!(world.count(parked).await, 1, "what else it says is read by a person");

    for (control_id, other) in [
        ("B-4", ("REF-2", "Testother", "19680719")),
        ("B-5", ("REF-2", "Testpatient", "19700101")),
        ("B-6", ("REF-77", "Testpatient", "19680719")),
    ] {
        let stray = news("MDM^T02^MDM_T02", control_id, other, &obx(1, "11526-1", &pdf(control_id, 2_000)));
        // Under a number of the patient that nobody knows.
        office.ask(&stray.replace("|RB1^", "|RB9^"), 1).await;
    }
    wait_unpacked(&world).await;
    assert_eq!(world.count("SELECT count(*) FROM messages WHERE state = 'parked' AND inquiry_id IS NULL").await, 3);
    assert_eq!(listed(&world, &inquiry).await.len(), 2, "another patient's report is put to nobody");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_note_as_text_is_one_document_under_its_code_and_a_text_that_could_be_run_by_a_browser_is_none() {
    let world = World::start().await;
    let mut office = Office::calls(&world).await;
    office.ask(&referral("T-1", "REF-5", "Testpatient"), 2).await;
    let patient = ("REF-5", "Testpatient", "19680719");
    let lines = "OBX|1|TX|11506-3^Progress note^LN||Seen today: \\F\\ stable||||||F\r\
                 OBX|2|FT|11506-3^Progress note^LN||Señora T. \\T\\ family\\.br\\come back||||||F\r";
    assert_eq!(code(&office.ask(&news("MDM^T02^MDM_T02", "T-2", patient, lines), 1).await[0]), "AA");
    wait_unpacked(&world).await;
    let parked = "SELECT count(*) FROM messages WHERE state = 'parked' AND reason = 'attachment'";
    assert_eq!(world.count(parked).await, 0, "nobody has to look at what holds a document alone");
    let inquiry = inquiry(&world).await;
    let seen = listed(&world, &inquiry).await;
    let [note] = seen.as_slice() else { panic!("{seen:?}") };
    assert_eq!(
        (note.record_kind.as_str(), note.content_type.as_str(), note.title.as_str(), note.state.as_str()),
        ("physician_notes", "text", "Progress note", "ready")
    );
    let text = open(&world, &coordinator(CENTER), &note.document_id).await.expect("opened").1;
    assert_eq!(String::from_utf8(text).as_deref(), Ok("Seen today: | stable\nSeñora T. & family\ncome back"));

    let hex = "OBX|1|ED|11526-1^Report^LN||HUB^TEXT^plain^Hex^48656C6C6F||||||F\r\
               OBX|2|ED|11526-1^Report^LN||HUB^TEXT^plain^A^Hello again||||||F\r";
    office.ask(&news("ORU^R01^ORU_R01", "T-3", patient, hex), 1).await;
    wait_unpacked(&world).await;
    let seen = listed(&world, &inquiry).await;
    let reports: Vec<_> = seen.iter().filter(|one| one.record_kind == "pathology_report").collect();
    assert_eq!((reports.len(), world.count(parked).await), (2, 0));
    for report in reports {
        let text = open(&world, &coordinator(CENTER), &report.document_id).await.expect("opened").1;
        assert!([b"Hello".as_slice(), b"Hello again"].contains(&text.as_slice()));
    }

    let page = "OBX|1|TX|11506-3^Progress note^LN||<html><script>alert(1)</script>||||||F\r";
    office.ask(&news("MDM^T02^MDM_T02", "T-4", patient, page), 1).await;
    wait_unpacked(&world).await;
    let seen = listed(&world, &inquiry).await;
    let refused: Vec<_> = seen.iter().filter(|one| one.state == "refused").map(|one| one.fault.as_str()).collect();
    assert_eq!((refused, world.count(parked).await), (vec!["unknown_type"], 1), "and a person sees its message");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_nobody_could_use_after_all_makes_its_message_wait_and_each_damaged_one_is_shown() {
    let world = World::start().await;
    let mut office = Office::calls(&world).await;
    let damaged =
        |number: u32, data: &str| format!("OBX|{number}|ED|11526-1^Report^LN||HUB^application^pdf^Base64^{data}\r");
    let two = damaged(1, "%%%") + &damaged(2, "JVBER");
    office.ask(&(referral("D-1", "REF-3", "Testpatient") + &two), 2).await;
    wait_unpacked(&world).await;
    let inquiry = inquiry(&world).await;
    assert_eq!(listed(&world, &inquiry).await.len(), 2, "one of them is not the other");
    let parked = "SELECT count(*) FROM messages WHERE state = 'parked' AND reason = 'attachment'";
    assert_eq!(world.count(parked).await, 0, "the office was told at once");

    let patient = ("REF-3", "Testpatient", "19680719");
    let locked = obx(1, "11526-1", &pdf("<</Encrypt 5 0 R>>", 400));
    assert_eq!(code(&office.ask(&news("MDM^T02^MDM_T02", "D-2", patient, &locked), 1).await[0]), "AA");
    wait_unpacked(&world).await;
    assert_eq!(world.count(parked).await, 1, "its office believes that it was taken");

    // As if the process fell before it noted that all documents stand.
    let report = news("MDM^T02^MDM_T02", "D-3", patient, &obx(1, "11526-1", &pdf("twice", 2_000)));
    office.ask(&report, 1).await;
    wait_unpacked(&world).await;
    let again = "UPDATE messages SET unpack_at = now()";
    sqlx::query(again).execute(&world.admin).await.expect("once more");
    wait_unpacked(&world).await;
    assert_eq!(world.count("SELECT max(times)::bigint FROM documents WHERE state = 'kept'").await, 1, "it came once");
    assert_eq!(world.count("SELECT count(*) FROM documents").await, 4);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn documents_of_a_changed_referral_reach_it_once_a_person_settled_it_unless_it_is_about_another() {
    let world = World::start().await;
    let mut office = Office::calls(&world).await;
    office.ask(&referral("E-1", "REF-4", "Testpatient"), 2).await;
    let changed = referral("E-2", "REF-4", "Testpatient").replace("Evaluate and treat", "Evaluate soon");
    office.ask(&(changed + &obx(1, "11526-1", &pdf("changed", 2_000))), 2).await;
    let other = referral("E-3", "REF-4", "Testother") + &obx(1, "11526-1", &pdf("other", 2_000));
    office.ask(&other, 2).await;
    let parked: Vec<uuid::Uuid> =
        sqlx::query_scalar("SELECT message_id FROM messages WHERE state = 'parked' AND reason = 'referral_changed'")
            .fetch_all(&world.admin)
            .await
            .expect("messages");
    assert_eq!(parked.len(), 2);
    let inquiry = inquiry(&world).await;
    assert!(listed(&world, &inquiry).await.is_empty(), "a person decides first");
    let (settled, other) = settle(&world, parked.iter().map(uuid::Uuid::to_string).collect()).await;
    assert_eq!((settled, other.len()), (1, 1));
    eventually("the document of the same patient is there", || async { listed(&world, &inquiry).await.len() == 1 })
        .await;
    let row = waiting(&world, "waiting").await.remove(0);
    assert_eq!((&row.id, row.reason.as_str()), (&other[0], "referral_changed"), "it stays where a person sees it");
    assert!(repair::open(&world, &row).await.is_other_patient, "and is told why");

    // As if it had been settled before anybody compared: it comes back, and brings nothing to another patient.
    sqlx::query("UPDATE messages SET state = 'settled', unpack_at = now()")
        .execute(&world.admin)
        .await
        .expect("settled");
    eventually("it is parked again", || async { waiting(&world, "waiting").await.len() == 1 }).await;
    assert_eq!(listed(&world, &inquiry).await.len(), 1, "another patient's report is put to nobody");
    let carried = "SELECT count(*) FROM messages WHERE state = 'parked' AND unpack_at IS NOT NULL";
    assert_eq!(world.count(carried).await, 1, "and is not lost");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn documents_of_a_fhir_referral_are_unpacked_and_an_address_is_kept_and_not_fetched() {
    let world = World::start().await;
    let report = pdf("Testpatient by FHIR", 3_000);
    let document = |attachment: serde_json::Value| {
        json!({ "resourceType": "DocumentReference", "status": "current", "subject": { "reference": "#p" },
            "type": { "coding": [{ "system": "http://loinc.org", "code": "18748-4" }], "text": "Imaging" },
            "content": [{ "attachment": attachment }] })
    };
    let mut body = fhir::request("REF-9", "Testpatient");
    let contained = body["contained"].as_array_mut().expect("a list");
    for (id, mut one) in [
        ("d1", document(json!({ "title": "CT", "data": STANDARD.encode(&report) }))),
        ("d2", document(json!({ "title": "PET", "url": "https://sound-imaging.example/d/7" }))),
    ] {
        one["id"] = json!(id);
        contained.push(one);
    }
    body["supportingInfo"] = json!([{ "reference": "#d1" }, { "reference": "#d2" }]);
    for _ in 0..2 {
        let url = format!("{}/fhir/{CENTER}/ServiceRequest", world.door.http);
        let sent = world.browser.post(url).bearer_auth(KEY).json(&body).send().await.expect("an answer");
        assert!(sent.status().is_success(), "{}", sent.text().await.unwrap_or_default());
    }
    wait_unpacked(&world).await;
    let seen = listed(&world, &inquiry(&world).await).await;
    assert_eq!(seen.len(), 2);
    let (kept, wished) = (seen.iter().find(|one| one.state == "ready"), seen.iter().find(|one| one.state == "wished"));
    let (kept, wished) = (kept.expect("kept"), wished.expect("wished"));
    assert_eq!((kept.record_kind.as_str(), kept.title.as_str(), kept.door.as_str()), ("imaging", "CT", "fhir"));
    assert_eq!((wished.address.as_str(), wished.title.as_str()), ("https://sound-imaging.example/d/7", "PET"));
    assert!(open(&world, &coordinator(CENTER), &kept.document_id).await.expect("opened").1 == report);
    assert!(open(&world, &coordinator(CENTER), &wished.document_id).await.is_err());

    // What was asked for meanwhile comes with the same referral: it is attached, and nobody has to compare anything.
    let mut more = document(json!({ "title": "MRI", "data": STANDARD.encode(pdf("Testpatient once more", 3_000)) }));
    more["id"] = json!("d3");
    body["contained"].as_array_mut().expect("a list").push(more);
    body["supportingInfo"].as_array_mut().expect("a list").push(json!({ "reference": "#d3" }));
    let url = format!("{}/fhir/{CENTER}/ServiceRequest", world.door.http);
    let sent = world.browser.post(url).bearer_auth(KEY).json(&body).send().await.expect("an answer");
    assert_eq!(sent.status(), 200);
    wait_unpacked(&world).await;
    let seen = listed(&world, &inquiry(&world).await).await;
    let mut titles: Vec<&str> = seen.iter().map(|one| one.title.as_str()).collect();
    titles.sort_unstable();
    assert_eq!(titles, ["CT", "MRI", "PET"], "each once");
    assert_eq!(world.count("SELECT count(*) FROM messages WHERE state = 'parked'").await, 0);
}
