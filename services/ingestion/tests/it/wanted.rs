//! The documents that the center waits for from an office: told in its Task and to whoever subscribes, and in the answer to its
//! question by HL7, until they came.

use causeway_bus::Outgoing;
use causeway_funnel::stage::Stage;
use causeway_proto::inquiry::v1::{Facts, Source};
use causeway_proto::intake::v1::OfficeRecordsWanted;
use serde_json::{Value, json};

use crate::fhir::{Answer, Office, request};
use crate::hl7::{self, referral};
use crate::journeys::{moved, outgoing, referred, tell};
use crate::subscriptions::{self, Receiver, subscribed};
use crate::validator;
use crate::world::{CENTER, World, eventually, keyed};

/// The desk waits for these from the office.
fn wanted((source, inquiry): (Source, &str), version: i64, kinds: &[&str]) -> Outgoing {
    let facts = Facts { inquiry_id: inquiry.into(), center: CENTER.into(), source: source.into(), ..Facts::default() };
    let kinds = kinds.iter().map(|kind| (*kind).to_owned()).collect();
    outgoing(inquiry, version, &OfficeRecordsWanted { facts: Some(facts), kinds, version, at: 0 })
}

async fn has_heard(world: &World, count: i64) {
    eventually("it is heard", || async { world.count("SELECT count(*) FROM inbox").await == count }).await;
}

fn version(task: &Answer) -> i64 {
    task.body["meta"]["versionId"].as_str().and_then(|version| version.parse().ok()).expect("a version")
}

/// What the documents are called that a Task asks for.
fn asked(task: &Value) -> Vec<&str> {
    let inputs = task["input"].as_array().map(Vec::as_slice).unwrap_or_default();
    inputs.iter().filter_map(|input| input["valueCodeableConcept"]["text"].as_str()).collect()
}

const NOTES: &str = "Notes from your doctor's visits";
const BLOOD: &str = "Results of your last blood tests";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_task_names_what_is_waited_for_until_it_came_and_whoever_subscribes_is_told_of_each_change() {
    let world = subscriptions::world().await;
    let (office, receiver) = (Office::of(&world), Receiver::start().await);
    let hook = subscriptions::id_of(&subscribed(&office, &receiver).await);
    subscriptions::becomes(&office, &hook, "active").await;
    let id = referred(&office, "R-1").await;
    let (task, of) = (format!("/Task/{id}"), (Source::Fhir, id.as_str()));
    let first = office.get(&task).await;
    assert!(first.body["input"].is_null());

    tell(&world, &[wanted(of, 5, &["physician_notes", "blood_tests"])]).await;
    eventually("it is asked", || async { asked(&office.get(&task).await.body).len() == 2 }).await;
    let both = office.get(&task).await;
    assert_eq!((asked(&both.body), version(&both)), (vec![NOTES, BLOOD], version(&first) + 1));
    let words = format!("Received; the center calls the patient; documents are asked of you: {NOTES}; {BLOOD}");
    assert_eq!(both.body["businessStatus"]["text"], words);
    let coding = &both.body["input"][0]["valueCodeableConcept"]["coding"];
    assert_eq!(coding[0], json!({ "system": "http://loinc.org", "code": "11506-3" }));
    let type_of = &both.body["input"][0]["type"]["coding"][0];
    assert_eq!(
        (&type_of["system"], &type_of["code"]),
        (&json!("urn:causeway:task-input"), &json!("requested-document"))
    );
    let since = first.body["meta"]["lastUpdated"].as_str().expect("a time");
    let found = office.get(&format!("/Task?_lastUpdated=gt{since}")).await;
    assert_eq!(asked(&found.body["entry"][0]["resource"]), [NOTES, BLOOD], "{}", found.body);
    eventually("it is told", || async { receiver.numbers() == ["1"] }).await;

    // What is older changes nothing, and what is the same is no change.
    tell(&world, &[wanted(of, 3, &[]), wanted(of, 7, &["physician_notes", "blood_tests"])]).await;
    has_heard(&world, 3).await;
    assert_eq!(world.count("SELECT wanted_version FROM referral_states").await, 7);
    assert_eq!(office.get(&task).await.body, both.body, "to the last letter");

    // The office sends the referral once more with the notes: that waits for a person, and what is asked for stands.
    let mut more = request("R-1", "Testpatient");
    more["note"][0]["text"] = json!("With the notes");
    office.post("/ServiceRequest", &more).await;
    let waits = office.get(&task).await;
    assert_eq!(asked(&waits.body), [NOTES, BLOOD]);
    tell(&world, &[wanted(of, 8, &["blood_tests"])]).await;
    eventually("one came", || async { asked(&office.get(&task).await.body) == [BLOOD] }).await;
    let one = office.get(&task).await;
    tell(&world, &[wanted(of, 9, &[])]).await;
    eventually("all came", || async { office.get(&task).await.body["input"].is_null() }).await;
    let none = office.get(&task).await;
    assert!(!none.body["businessStatus"]["text"].to_string().contains("asked of you"), "{}", none.body);
    assert_eq!(version(&none), version(&one) + 1);
    eventually("each is told", || async { receiver.numbers() == ["1", "2", "3"] }).await;

    // From what has ended nothing is wanted, also where the desk opens it again.
    tell(&world, &[wanted(of, 10, &["imaging"])]).await;
    eventually("asked again", || async { asked(&office.get(&task).await.body).len() == 1 }).await;
    tell(&world, &[moved(of, 11, (Stage::Received, Stage::Closed), "unreachable")]).await;
    eventually("it ends", || async { office.get(&task).await.body["status"] == "failed" }).await;
    let ended = office.get(&task).await;
    assert!(ended.body["input"].is_null(), "{}", ended.body);
    tell(&world, &[wanted(of, 11, &[]), wanted(of, 12, &["imaging"])]).await;
    has_heard(&world, 9).await;
    assert_eq!(office.get(&task).await.body, ended.body, "an end is an end");

    // Of what came by another door no office can ask.
    let form = world.accepted(&keyed("k", &[])).await["inquiry_id"].as_str().expect("an id").to_owned();
    tell(&world, &[wanted((Source::WebForm, &form), 2, &["imaging"])]).await;
    has_heard(&world, 10).await;
    assert_eq!(world.count("SELECT count(*) FROM referral_states").await, 1);
    assert_eq!(world.count("SELECT count(*) FROM parked").await, 0);
    let resources = [first, both, found, waits, one, none, ended].map(|answer| answer.body.to_string());
    if let Err(faults) = validator::judge(&resources) {
        panic!("{faults}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_asks_by_hl7_reads_what_is_waited_for_and_the_same_question_gets_the_same_answer() {
    let world = World::start().await;
    let mut office = hl7::Office::calls(&world).await;
    office.ask(&referral("W-1", "REF-1", "Testpatient"), 2).await;
    let id: String =
        sqlx::query_scalar("SELECT inquiry_id::text FROM inquiries").fetch_one(&world.admin).await.expect("an inquiry");
    let of = (Source::Hl7, id.as_str());
    let question = |name: &str| referral(name, "REF-1", "Testpatient").replace("I12^REF_I12", "I15^REF_I12");
    let before = office.ask(&question("W-2"), 2).await;
    assert!(!before[1].contains("\rNTE|"), "{}", before[1]);

    tell(&world, &[wanted(of, 5, &["physician_notes", "blood_tests", "retired_kind"])]).await;
    has_heard(&world, 1).await;
    let asked = office.ask(&question("W-3"), 2).await;
    let notes = format!(
        "\rNTE|1|L|Document asked of you: {NOTES} (11506-3)|RE^Remark^HL70364\
         \rNTE|2|L|Document asked of you: {BLOOD} (11502-2)|RE^Remark^HL70364\
         \rNTE|3|L|Document asked of you: retired kind|RE^Remark^HL70364\r"
    );
    assert!(asked[1].contains("\rRF1|P^Pending^HL70283|") && asked[1].ends_with(&notes), "{}", asked[1]);
    assert_eq!(office.ask(&question("W-3"), 2).await, asked);

    // What has come is asked for no more; whoever repeats a question reads what it was answered with.
    tell(&world, &[wanted(of, 6, &[])]).await;
    has_heard(&world, 2).await;
    let none = office.ask(&question("W-4"), 2).await;
    assert!(!none[1].contains("\rNTE|"), "{}", none[1]);
    assert_eq!(office.ask(&question("W-3"), 2).await, asked, "as it was answered first");
    assert_eq!(office.ask(&question("W-2"), 2).await, before);
    if let Err(faults) = validator::judge_replies(&[before, asked, none].concat()) {
        panic!("{faults}");
    }
}
