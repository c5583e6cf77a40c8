//! What a person mends goes the way of its door: under the key that the office would have had there, seen by whoever has to
//! act on it, and never twice.

use causeway_ingestion::Config;
use causeway_ingestion::config::People;
use causeway_proto::inquiry::v1::{
    DecideLinkRequest, Facts, ListLinksRequest, ListRepairsRequest, RepairRow, SetAsideRepairsRequest,
};
use prost::Message as _;
use serde_json::json;
use tonic::Code;

use crate::hl7::{Office, code, referral};
use crate::repair::{open, refused, release, retry, waiting};
use crate::world::{CENTER, World, body, coordinator, eventually};
use crate::{csv, fhir};

fn cancelled(message: &str) -> String {
    message.replace("I12^REF_I12", "I14^REF_I12")
}

async fn waits_for(world: &World, reason: &str) -> RepairRow {
    let found = waiting(world, "waiting").await.into_iter().find(|row| row.reason == reason);
    found.unwrap_or_else(|| panic!("nothing waits for {reason}"))
}

async fn of_door(world: &World, door: &str) -> Vec<RepairRow> {
    let request = ListRepairsRequest { center: CENTER.into(), door: door.into(), ..Default::default() };
    let answer = world.client("portal", Some(coordinator(CENTER))).list_repairs(request).await.expect("a list");
    answer.into_inner().rows
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_referral_that_is_taken_up_again_stays_until_somebody_has_done_so() {
    let world = World::start().await;
    let mut office = Office::calls(&world).await;
    office.ask(&referral("R-1", "REF-1", "Testpatient"), 2).await;
    office.ask(&cancelled(&referral("R-2", "REF-1", "Testpatient")), 2).await;
    office.ask(&referral("R-3", "REF-1", "Testpatient"), 2).await;
    let row = waits_for(&world, "referral_reopened").await;
    for _ in 0..2 {
        assert_eq!(retry(&world, &row.id).await.expect("tried"), "referral_reopened");
        assert_eq!(waits_for(&world, "referral_reopened").await.reference, row.reference);
    }
    assert_eq!(release(&world, &row, &[]).await.expect("asked").outcome, "referral_reopened");
    assert_eq!(waits_for(&world, "referral_reopened").await.id, row.id);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cancellation_is_never_released_as_a_new_inquiry() {
    let world = World::start().await;
    Office::calls(&world).await.ask(&cancelled(&referral("C-1", "REF-1", "Testpatient")), 2).await;
    let row = "RB-9,Testpatient,Nine,1968-07-19,206-555-0142,C50.411,cancelled";
    csv::Office::cedar(&world).taken(csv::list(&[row])).await;
    let nameless = cancelled(&referral("C-2", "REF-2", "Testpatient").replace("Testpatient^Marisol", ""));
    Office::calls(&world).await.ask(&nameless, 2).await;
    let mut rows = waiting(&world, "waiting").await;
    rows.extend(waiting(&world, "refused").await);
    assert_eq!(rows.iter().map(|row| row.door.as_str()).collect::<Vec<_>>(), ["hl7", "csv", "hl7"]);
    for row in rows {
        let shown = open(&world, &row).await;
        assert!(!shown.may_release, "{row:?}");
        let refused = release(&world, &row, &[("name", "Marisol Testpatient")]).await.expect_err("not new");
        assert_eq!(refused.code(), Code::FailedPrecondition, "{refused}");
    }
    assert_eq!(world.count("SELECT count(*) FROM inquiries").await, 0);
    // Of a list as of a message: once its referral has come, it is put to it.
    csv::Office::cedar(&world).taken(csv::list(&[&row.replace("cancelled", "new")])).await;
    let row = of_door(&world, "csv").await.remove(0);
    assert_eq!(retry(&world, &row.id).await.expect("tried"), "referral_cancelled");
    assert!(!of_door(&world, "csv").await[0].reference.is_empty(), "it names its inquiry");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_row_without_a_number_is_released_under_the_key_of_its_door() {
    let world = World::start().await;
    let cedar = csv::Office::cedar(&world);
    let row = |birth: &str| format!(",Testpatient,Marisol,{birth},206-555-0142,C50.411,new");
    cedar.taken(csv::list(&[&row("1968-02-31")])).await;
    let waits = waits_for(&world, "birth_date_impossible").await;
    let shown = open(&world, &waits).await;
    assert!(shown.faults.iter().any(|fault| fault.place == "birth_date"), "{:?}", shown.faults);
    assert_eq!(shown.fields["cancer_area"], "breast", "read like a row that is taken");
    let done = release(&world, &waits, &[("birth_date", "07/19/1968")]).await.expect("released");
    assert_eq!(done.outcome, "accepted");
    let other = cedar.taken(csv::list(&[&row("1968-07-19"), &row("1970-01-02")])).await;
    assert_eq!(csv::counts(&other), [2, 1, 0, 1, 0], "the mended row is known, and compared by a person");
    assert_eq!(waits_for(&world, "referral_changed").await.reference, done.reference);
    assert_eq!(world.count("SELECT count(*) FROM inquiries").await, 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_number_that_is_typed_in_is_the_one_by_which_the_office_knows_it() {
    let world = World::start().await;
    let mut office = Office::calls(&world).await;
    let numberless = referral("N-1", "X", "Testpatient").replace("X^CEDARFM", "");
    office.ask(&numberless.replace("Testpatient^Marisol", ""), 2).await;
    let row = waiting(&world, "refused").await.remove(0);
    let mended = [("name", "Marisol Testpatient"), ("referral_number", "REF-7")];
    let done = release(&world, &row, &mended).await.expect("released");
    assert_eq!(done.outcome, "accepted");
    assert_eq!(code(&office.ask(&referral("N-2", "REF-7", "Testpatient"), 2).await[1]), "AA");
    assert_eq!(world.count("SELECT count(*) FROM inquiries").await, 1, "the office's own is the same referral");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_that_its_sender_mended_is_noticed_and_what_was_released_is_not_refused_again() {
    let world = World::start().await;
    let row = refused(&world, "M-1").await;
    let mut office = Office::calls(&world).await;
    assert_eq!(code(&office.ask(&referral("M-1", "M-1", "Testpatient"), 2).await[1]), "AA");
    assert_eq!(retry(&world, &row.id).await.expect("tried"), "arrived_again");
    assert!(waiting(&world, "refused").await.is_empty());
    assert_eq!(world.count("SELECT count(*) FROM inquiries").await, 1);

    let row = refused(&world, "M-2").await;
    assert_eq!(release(&world, &row, &[("name", "Marisol Testnobody")]).await.expect("released").outcome, "accepted");
    let message = referral("M-2", "M-2", "Testnobody").replace("Testnobody^Marisol", "");
    assert_eq!(code(&office.ask(&message, 2).await[1]), "AA", "it stands");
    assert!(waiting(&world, "refused").await.is_empty());

    let cedar = csv::Office::cedar(&world);
    let nobody = "RB-9,,,1968-07-19,,C50.411,new";
    cedar.taken(csv::list(&[nobody])).await;
    let row = waits_for(&world, "nobody").await;
    let mended = [("name", "Marisol Testnobody"), ("phone", "206-555-0142")];
    assert_eq!(release(&world, &row, &mended).await.expect("released").outcome, "accepted");
    let more = "RB-10,Testpatient,Ten,1968-07-19,206-555-0142,C50.411,new";
    let next = cedar.taken(csv::list(&[nobody, more])).await;
    assert_eq!(csv::counts(&next), [2, 1, 1, 0, 0], "the list of the next day repeats it");
    assert!(waiting(&world, "waiting").await.is_empty());
    assert_eq!(world.count("SELECT count(*) FROM messages WHERE kind = 'CSV row'").await, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_accent_in_a_batch_is_the_same_letter_when_it_is_looked_at_later() {
    let world = World::start().await;
    let message = cancelled(&referral("E-1", "REF-1", "Testpatient")).replace("UNICODE UTF-8", "8859/1");
    let batch = format!("FHS|^~\\&|HUB|CEDARFM\rBHS|^~\\&|HUB|CEDARFM\r{message}BTS|1\rFTS|1\r");
    let bytes: Vec<u8> = batch.replace("Marisol", "Bego?a").bytes().map(|b| if b == b'?' { 0xf1 } else { b }).collect();
    let replies = Office::calls(&world).await.ask_bytes(&bytes, 2).await;
    assert_eq!(code(&replies[1]), "AA");
    let shown = open(&world, &waits_for(&world, "unknown_referral").await).await;
    assert_eq!(shown.fields["name"], "Begoña Testpatient");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answers_of_a_form_that_nobody_could_act_on_are_released_and_tried_again_like_any_other() {
    let world = World::start().await;
    let form = json!({
        "resourceType": "QuestionnaireResponse",
        "identifier": { "system": "https://office.example/form", "value": "F-1" },
        "questionnaire": "https://harborvalley.example/Questionnaire/second-opinion",
        "status": "completed",
        "item": [{ "linkId": "cancer_area", "answer": [{ "valueCoding": { "code": "gi" } }] }],
    });
    assert_eq!(fhir::Office::of(&world).post("/QuestionnaireResponse", &form).await.status, 422);
    let row = waiting(&world, "refused").await.remove(0);
    let shown = open(&world, &row).await;
    assert!(shown.may_release && shown.faults.iter().any(|fault| fault.place == "name"));
    assert!(!shown.may_retry, "nobody could act on it as it stands");
    assert_eq!(retry(&world, &row.id).await.expect("tried"), row.reason);
    let mended =
        [("who", "patient"), ("name", "Marisol Testpatient"), ("phone", "206 555 0142"), ("consent_phone", "yes")];
    assert_eq!(release(&world, &row, &mended).await.expect("released").outcome, "accepted");
    assert_eq!(world.count("SELECT count(*) FROM inquiries WHERE consult_type = 'second_opinion'").await, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_set_aside_is_to_be_mended_by_nobody_and_is_of_the_door_it_came_by() {
    let world = World::start().await;
    world.accepted(&body(&[("phone", "12")])).await;
    Office::calls(&world)
        .await
        .ask(&referral("D-1", "REF-1", "Testpatient").replace("^206^5550199", "^206^12"), 2)
        .await;
    let doors = |rows: Vec<RepairRow>| rows.into_iter().map(|row| row.door).collect::<Vec<_>>();
    assert_eq!(doors(of_door(&world, "").await), ["form", "hl7"]);
    assert_eq!(doors(of_door(&world, "hl7").await), ["hl7"]);
    assert_eq!(doors(of_door(&world, "form").await), ["form"]);
    let request = SetAsideRepairsRequest {
        center: CENTER.into(),
        kind: "inquiry".into(),
        ids: of_door(&world, "").await.into_iter().map(|row| row.id).collect(),
        reason: "test_message".into(),
    };
    let mut client = world.client("portal", Some(coordinator(CENTER)));
    assert_eq!(client.set_aside_repairs(request).await.expect("set aside").into_inner().set_aside.len(), 2);
    let told: Vec<(bool, Vec<u8>)> =
        sqlx::query_as("SELECT needs_repair, facts FROM inquiries").fetch_all(&world.admin).await.expect("both");
    assert_eq!(told.len(), 2);
    for (needs_repair, facts) in told {
        assert!(!needs_repair && !Facts::decode(facts.as_slice()).expect("facts").needs_repair);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_was_mended_is_recognised_by_what_they_are_called_now_and_what_a_person_said_stays() {
    let people = People { per_second: 100_000, look_milliseconds: 50, ..People::default() };
    let world = World::start_with(Config { people, ..Config::default() }).await;
    let ask = async |name: &str, birth: &str, changes: &[(&str, &str)]| {
        let changes = [&[("name", name), ("birth_date", birth)], changes].concat();
        world.accepted(&body(&changes)).await["inquiry_id"].as_str().expect("an id").to_owned()
    };
    let links = async |id: &str| {
        let request =
            ListLinksRequest { center: CENTER.into(), inquiry_ids: vec![id.to_owned()], ..Default::default() };
        let mut client = world.client("portal", Some(coordinator(CENTER)));
        let found = client.list_links(request).await.expect("links").into_inner().inquiries.remove(0);
        found.links.into_iter().map(|link| (link.inquiry_id, link.state)).collect::<Vec<_>>()
    };
    let contact = |phone, email| [("phone", phone), ("email", email)];
    let first = ask("Rosa Testpatient", "1961-03-27", &[]).await;
    let said = ask("Rosa Testpatient", "1961-03-27", &[]).await;
    let wrong = ask("Rosa Testpatient", "1961-03-27", &contact("12", "rosa@example.com")).await;
    let right = ask("Olu Otherperson", "1975-01-02", &contact("206 555 0177", "olu@example.com")).await;
    eventually("all are read and linked", || async { links(&wrong).await.len() == 2 }).await;
    assert!(links(&right).await.is_empty());
    let request = DecideLinkRequest {
        center: CENTER.into(),
        inquiry_id: wrong.clone(),
        other_inquiry_id: said.clone(),
        state: "different".into(),
        ..Default::default()
    };
    world.client("portal", Some(coordinator(CENTER))).decide_link(request).await.expect("said");

    let row = waits_for(&world, "defects").await;
    let mended = [
        ("name", "Olu Otherperson"),
        ("birth_date", "1975-01-02"),
        ("phone", "206 555 0177"),
        ("email", "olu@example.com"),
    ];
    assert_eq!(release(&world, &row, &mended).await.expect("mended").outcome, "mended");
    eventually("they are recognised by what they are called now", || async { links(&right).await.len() == 1 }).await;
    let mut found = links(&wrong).await;
    found.sort();
    let mut expected = [(right, "open".to_owned()), (said.clone(), "different".to_owned())];
    expected.sort();
    assert_eq!(found, expected, "a hint that is none any more is gone, and what a person said stays");
    assert_eq!(links(&first).await, [(said, "open".to_owned())]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_referral_that_a_mended_mapping_takes_brings_its_documents_and_what_overtook_it() {
    let world = World::start().await;
    let line = "sending_facility = \"CEDARFM\"";
    let map = async |values: &str| {
        let mapping =
            format!("{line}\nhl7 = {{ from = {{ cancer_area = [\"ZRF-1\"] }}, unknown_codes = \"park\"{values} }}");
        world.change_profile(CENTER, "feeds.toml", line, &mapping).await;
    };
    map("").await;
    let coded = |id: &str| referral(id, id, "Testpatient") + "OBX|1|ED|X^Y||^^plain^A^Seen today||||||F\rZRF|ONC7\r";
    let mut office = Office::calls(&world).await;
    let mut probe = 0;
    while waiting(&world, "waiting").await.is_empty() {
        probe += 1;
        let id = format!("PROBE-{probe}");
        office.ask(&(referral(&id, &id, "Testpatient") + "ZRF|ONC7\r"), 2).await;
    }
    office.ask(&cancelled(&coded("CODE-1")).replace("|CODE-1|P|", "|CODE-2|P|"), 2).await;
    let report = coded("CODE-1").replace("REF^I12^REF_I12", "ORU^R01").replace("|CODE-1|P|", "|CODE-3|P|");
    office.ask(&report.replace("Seen today", "Seen again"), 2).await;
    office.ask(&coded("CODE-1"), 2).await;
    let count = async || world.count("SELECT count(*) FROM inquiries").await;
    let before = count().await;
    map(", values = { cancer_area = { ONC7 = \"thoracic\" } }").await;
    let row = waiting(&world, "waiting").await.into_iter().rfind(|row| row.reason == "code_unknown").expect("it waits");
    eventually("the mended mapping takes it", || async { retry(&world, &row.id).await.expect("tried") == "accepted" })
        .await;
    assert_eq!(count().await, before + 1);
    let own = "SELECT count(*) FROM documents JOIN messages USING (center_id, message_id) WHERE kind = 'REF^I12'";
    eventually("its document is there", || async { world.count(own).await == 1 }).await;
    eventually("the cancellation waits at it", || async {
        waiting(&world, "waiting")
            .await
            .iter()
            .any(|row| row.reason == "referral_cancelled" && !row.reference.is_empty())
    })
    .await;
    // Whose news are that were sent before their referral stood, a person says.
    let news = waits_for(&world, "attachment").await;
    assert!(news.reference.is_empty() && retry(&world, &news.id).await.expect("tried") == "attachment");
    assert_eq!(count().await, before + 1, "neither is an inquiry of its own");
}
