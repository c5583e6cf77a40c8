//! News that name no referral (ADT, reports under a number of their own) find it by the office's number of the patient, and never
//! another patient's.

use causeway_funnel::stage::Stage;
use causeway_ingestion::Config;
use causeway_ingestion::config::People;
use causeway_proto::inquiry::v1::{RepairRow, Source};
use uuid::Uuid;

use crate::csv;
use crate::documents::{listed, pdf};
use crate::documents_of_feeds::{obx, wait_unpacked};
use crate::hl7::{Office, code, referral};
use crate::journeys::{moved, tell};
use crate::repair::{open, waiting};
use crate::world::{CENTER, World, eventually};

const PATIENT: (&str, &str, &str) = ("RB1", "Testpatient^Marisol", "19680719");

/// A message about a patient whom an office knows by a number, with what else it holds.
fn about((facility, kind, control_id): (&str, &str, &str), patient: (&str, &str, &str), rest: &str) -> String {
    let (number, name, birth) = patient;
    [
        &format!("MSH|^~\\&|HUB|{facility}|CAUSEWAY|HARBORVALLEY|20260413103015-0500||{kind}|{control_id}|P|2.5.1"),
        &format!("PID|1||{number}^^^CEDARFM^MR||{name}||{birth}|F|||||^PRN^CP^^1^206^5550177"),
        rest,
    ]
    .join("\r")
}

fn adt(control_id: &str, patient: (&str, &str, &str)) -> String {
    about(("CEDARFM", "ADT^A08^ADT_A01", control_id), patient, "PV1|1|O\r")
}

async fn world() -> World {
    let people = People { per_second: 100_000, look_milliseconds: 50, look_back_seconds: 1 };
    World::start_with(Config { people, ..Config::default() }).await
}

/// Sends a referral of the patient and waits until the person index knows it.
async fn referred(world: &World, office: &mut Office, number: &str) -> String {
    let before = world.count("SELECT count(*) FROM inquiries").await;
    assert_eq!(code(&office.ask(&referral(number, number, "Testpatient"), 2).await[1]), "AA");
    read(world, before + 1).await;
    let id: Uuid = sqlx::query_scalar("SELECT inquiry_id FROM inquiries ORDER BY inquiry_id DESC LIMIT 1")
        .fetch_one(&world.admin)
        .await
        .expect("an inquiry");
    id.to_string()
}

async fn read(world: &World, people: i64) {
    eventually("all people are read", || async { world.count("SELECT count(*) FROM indexed_people").await == people })
        .await;
}

/// Sends news, which are acknowledged, and gives what waits by them.
async fn told(world: &World, office: &mut Office, message: &str) -> RepairRow {
    let before = waiting(world, "waiting").await;
    assert_eq!(code(&office.ask(message, 1).await[0]), "AA");
    let mut rows = waiting(world, "waiting").await;
    rows.retain(|row| before.iter().all(|known| known.id != row.id));
    assert_eq!(rows.len(), 1, "a person looks at it");
    let row = rows.remove(0);
    assert_eq!(row.reason, "attachment");
    row
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn news_that_name_no_referral_are_of_the_one_inquiry_of_their_patient() {
    let world = world().await;
    let mut office = Office::calls(&world).await;
    let inquiry = referred(&world, &mut office, "REF-1").await;

    let row = told(&world, &mut office, &adt("N-1", PATIENT)).await;
    assert_eq!(row.inquiry_id, inquiry);
    let shown = open(&world, &row).await;
    assert!(!shown.is_other_patient);
    assert_eq!(shown.fields["phone"], "+1 206 5550177", "as it says now");
    assert_eq!(shown.standing["phone"], "+1 206 5550199", "and nothing is overwritten before a person says so");
    let other = ("RB2", "Testpatient^Marisol", "19680719");
    assert_eq!(told(&world, &mut office, &adt("N-2", other)).await.inquiry_id, "", "another number");
    let capitals = ("rb1", "TESTPATIENT^MARISOL^Q", "19680719");
    assert_eq!(told(&world, &mut office, &adt("N-3", capitals)).await.inquiry_id, inquiry, "written otherwise");

    // A laboratory counts its orders by itself.
    let parked = waiting(&world, "waiting").await.len();
    let report = String::from("OBR|1|LAB-4711^CEDARFM|||||20260412\r") + &obx(1, "11526-1", &pdf("by itself", 2_000));
    let sent = about(("CEDARFM", "ORU^R01^ORU_R01", "N-4"), PATIENT, &report);
    assert_eq!(code(&office.ask(&sent, 1).await[0]), "AA");
    wait_unpacked(&world).await;
    let seen = listed(&world, &inquiry).await;
    assert_eq!((seen.len(), seen[0].record_kind.as_str()), (1, "pathology_report"));
    assert_eq!(waiting(&world, "waiting").await.len(), parked, "nobody has to look at what holds a document alone");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn news_that_may_be_of_another_wait_with_those_that_they_may_be_of() {
    let world = world().await;
    let mut office = Office::calls(&world).await;
    let inquiry = referred(&world, &mut office, "REF-1").await;

    for (control_id, patient) in [
        ("O-1", ("RB1", "Testpatient^Marisol", "19680720")),
        ("O-2", ("RB1", "Testpatient^Marisol", "")),
        ("O-3", ("RB1", "Testpatient^Rosa", "19680719")),
        ("O-4", ("RB1", "Testpatient Jr^Marisol", "19680719")),
        ("O-5", ("RB1", "Testother^Marisol", "19680719")),
        ("O-6", ("", "Testpatient^Marisol", "19680719")),
    ] {
        let row = told(&world, &mut office, &adt(control_id, patient)).await;
        assert_eq!(row.inquiry_id, "", "{control_id}");
        let candidates = open(&world, &row).await.candidates;
        assert_eq!(candidates.iter().map(|one| &one.inquiry_id).collect::<Vec<_>>(), [&inquiry], "{control_id}");
    }
    let named = about(("CEDARFM", "ORU^R01^ORU_R01", "O-7"), PATIENT, "RF1||||||REF-77^CEDARFM\r");
    assert_eq!(told(&world, &mut office, &named).await.inquiry_id, "", "it names another referral");

    // Another office counts its patients from one as well.
    let second = "[[feed]]\nid = \"birch-hl7\"\nkind = \"hl7\"\noffice = \"birch-family\"\noffice_name = \"Birch\"\n\
                  sending_facility = \"BIRCHFM\"\nrate_per_minute = 60\n\n[[feed]]\nid = \"cedar-hl7\"";
    world.change_profile(CENTER, "feeds.toml", "[[feed]]\nid = \"cedar-hl7\"", second).await;
    let birch = |control_id: &str| about(("BIRCHFM", "ADT^A08^ADT_A01", control_id), PATIENT, "PV1|1|O\r");
    let mut tries = 0;
    while code(&office.ask(&birch(&format!("P-{tries}")), 1).await[0]) != "AA" {
        tries += 1;
        assert!(tries < 150, "the second office is known");
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    }
    let row = told(&world, &mut office, &birch("O-8")).await;
    assert_eq!((row.feed.as_str(), row.inquiry_id.as_str()), ("birch-hl7", ""));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_several_inquiries_of_a_patient_news_are_of_the_one_that_goes_on() {
    let world = world().await;
    let mut office = Office::calls(&world).await;
    let first = referred(&world, &mut office, "REF-1").await;
    let second = referred(&world, &mut office, "REF-2").await;
    let row = told(&world, &mut office, &adt("S-1", PATIENT)).await;
    assert_eq!(row.inquiry_id, "", "either may be meant");
    assert_eq!(open(&world, &row).await.candidates.len(), 2);

    let closes = |id: &str, version| moved((Source::Hl7, id), version, (Stage::Received, Stage::Closed), "unreachable");
    let is_over = |count| {
        let world = &world;
        async move {
            let over = "SELECT count(*) FROM referral_states WHERE stage = 'closed'";
            eventually("it is heard", || async { world.count(over).await == count }).await;
        }
    };
    tell(&world, &[closes(&first, 2)]).await;
    is_over(1).await;
    assert_eq!(told(&world, &mut office, &adt("S-2", PATIENT)).await.inquiry_id, second);
    tell(&world, &[closes(&second, 2)]).await;
    is_over(2).await;
    assert_eq!(told(&world, &mut office, &adt("S-3", PATIENT)).await.inquiry_id, "", "both are over");

    // What came by a list may be over without that anybody told.
    let list = "referral_id,patient_last,patient_first,birth_date,phone,MRN,diagnosis_codes\n\
                L-1,Testpatient,Marisol,07/19/1968,206-555-0199,RB1,C50.411\n";
    csv::Office::cedar(&world).taken(list.into()).await;
    read(&world, 3).await;
    assert_eq!(told(&world, &mut office, &adt("S-4", PATIENT)).await.inquiry_id, "");
}
