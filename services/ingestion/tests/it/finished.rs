//! Whatever is parked can be finished by a person: put to its inquiry, taken into it, looked through again. And what is finished is
//! erased in time.

use causeway_ingestion::Config;
use causeway_ingestion::config::People;
use causeway_proto::events::Event as _;
use causeway_proto::inquiry::v1::{
    ApplyMessageRequest, AssignMessageRequest, CancerArea, Facts, InquiryAmended, RepairOutcome, RepairRow,
    RetryFileRequest, SettleMessagesRequest,
};
use prost::Message as _;
use tonic::{Code, Status};

use crate::documents::{listed, pdf};
use crate::documents_of_feeds::{news, obx};
use crate::hl7::{Office, code, referral};
use crate::repair::{open, refused, release, retry, waiting};
use crate::world::{CENTER, OTHER, World, body, coordinator, eventually};
use crate::{csv, fhir};

fn quick() -> Config {
    let people = People { per_second: 100_000, look_milliseconds: 50, ..People::default() };
    Config { people, ..Config::default() }
}

async fn assign(world: &World, id: &str, reference: &str, confirmed: bool) -> Result<RepairOutcome, Status> {
    let request =
        AssignMessageRequest { center: CENTER.into(), message_id: id.into(), reference: reference.into(), confirmed };
    let answer = world.client("portal", Some(coordinator(CENTER))).assign_message(request).await?;
    Ok(answer.into_inner())
}

async fn apply(world: &World, id: &str, fields: &[&str], confirmed: bool) -> Result<RepairOutcome, Status> {
    let fields = fields.iter().map(|key| (*key).to_owned()).collect();
    let request = ApplyMessageRequest { center: CENTER.into(), message_id: id.into(), fields, confirmed };
    let answer = world.client("portal", Some(coordinator(CENTER))).apply_message(request).await?;
    Ok(answer.into_inner())
}

async fn waits_for(world: &World, reason: &str) -> RepairRow {
    let found = waiting(world, "waiting").await.into_iter().find(|row| row.reason == reason);
    found.unwrap_or_else(|| panic!("nothing waits for {reason}"))
}

async fn facts(world: &World) -> Facts {
    let stored: Vec<u8> =
        sqlx::query_scalar("SELECT facts FROM inquiries").fetch_one(&world.admin).await.expect("one inquiry");
    Facts::decode(stored.as_slice()).expect("facts")
}

/// A row whose kept cells look whole, and are not.
const TORN: &str = "RB-4,Test\0patient,Four,1968-07-19,206-555-0142,C50.411,new";

const PARKED: &str = "SELECT count(*) FROM messages WHERE state = 'parked'";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_report_without_a_known_number_is_put_to_its_inquiry_by_a_person_who_is_shown_whose_it_may_be() {
    let world = World::start_with(quick()).await;
    let mut office = Office::calls(&world).await;
    office.ask(&referral("K-1", "REF-1", "Testpatient"), 2).await;
    world.accepted(&body(&[("name", "Olu Otherperson"), ("birth_date", "1975-01-02")])).await;
    // Without the office's number of the patient: by that the index would put it to its inquiry, were it quicker.
    let report = |id: &str, family: &str| {
        let of = ("REF-77", family, "19680719");
        news("MDM^T02^MDM_T02", id, of, &obx(1, "11526-1", &pdf(id, 2_000))).replace("RB1^^^CEDARFM^MR", "")
    };
    assert_eq!(code(&office.ask(&report("K-2", "Testpatient"), 1).await[0]), "AA");
    let row = waits_for(&world, "attachment").await;
    eventually("the person index names the inquiry", || async { open(&world, &row).await.candidates.len() == 1 }).await;
    let shown = open(&world, &row).await;
    let known = &shown.candidates[0];
    assert!(shown.may_assign && !shown.may_release && !shown.may_apply);
    assert_eq!((known.name.as_str(), known.birth_date.as_str()), ("Marisol Testpatient", "1968-07-19"));
    assert!(known.is_same && known.because.contains("same birth date"), "{}", known.because);
    assert_eq!(shown.fields["name"], "Marisol Testpatient", "whom it is about is read, though it refers nobody");
    let looked = "SELECT count(*) FROM audit_log WHERE object_kind = 'inquiry' AND purpose = 'repair'";
    assert!(world.count(looked).await >= 1, "whose name was shown is written down");

    let unknown = assign(&world, &row.id, "HV-NONE", false).await.expect_err("no such inquiry");
    assert_eq!(unknown.code(), Code::InvalidArgument);
    let elsewhere = AssignMessageRequest { center: OTHER.into(), message_id: row.id.clone(), ..Default::default() };
    let elsewhere = world.client("portal", Some(coordinator(OTHER))).assign_message(elsewhere).await;
    assert_eq!(elsewhere.expect_err("none of theirs").code(), Code::InvalidArgument);
    let done = assign(&world, &row.id, &known.reference.to_lowercase(), false).await.expect("assigned");
    assert_eq!((done.outcome.as_str(), done.reference.as_str()), ("assigned", known.reference.as_str()));
    assert_eq!(listed(&world, &done.inquiry_id).await.len(), 1, "its document is there at once");
    assert_eq!(world.count(PARKED).await, 0);
    assert_eq!(world.count("SELECT count(*) FROM audit_log WHERE purpose = 'assign_message'").await, 2);
    assert_eq!(assign(&world, &row.id, &known.reference, false).await.expect("asked").outcome, "not_waiting");

    office.ask(&report("K-3", "Testother"), 1).await;
    let row = waits_for(&world, "attachment").await;
    let differs = assign(&world, &row.id, &done.reference, false).await.expect("asked");
    assert_eq!(differs.outcome, "other_patient");
    assert_eq!((world.count(PARKED).await, listed(&world, &done.inquiry_id).await.len()), (1, 1), "nothing was done");
    let meant = assign(&world, &row.id, &done.reference, true).await.expect("confirmed");
    assert_eq!(meant.outcome, "assigned");
    assert_eq!(listed(&world, &done.inquiry_id).await.len(), 2, "a person said so");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_sent_what_a_person_put_to_an_inquiry_is_not_taken_for_who_referred_it() {
    let world = World::start().await;
    let mut office = Office::calls(&world).await;
    let early =
        news("MDM^T02^MDM_T02", "S-1", ("REF-77", "Testpatient", "19680719"), &obx(1, "11526-1", &pdf("S", 900)));
    office.ask(&early, 1).await;
    let sent = fhir::Office::of(&world).post("/ServiceRequest", &fhir::request("REF-9", "Testpatient")).await;
    assert_eq!(sent.status, 201);
    let row = waits_for(&world, "attachment").await;
    let reference = facts(&world).await.reference;
    let done = assign(&world, &row.id, &reference, true).await.expect("assigned");
    let inquiry = RepairRow { kind: "inquiry".into(), id: done.inquiry_id, ..RepairRow::default() };
    assert_eq!(release(&world, &inquiry, &[("address", "1200 Harbor")]).await.expect("mended").outcome, "mended");
    let told = "SELECT count(*) FROM referral_states WHERE feed = 'sound-imaging-fhir'";
    assert_eq!((world.count(told).await, world.count("SELECT count(*) FROM referral_states").await), (1, 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_of_a_referral_that_has_not_been_found_waits_at_the_inquiry_that_a_person_names() {
    let world = World::start().await;
    let mut office = Office::calls(&world).await;
    office.ask(&referral("L-1", "REF-1", "Testpatient"), 2).await;
    let changed = referral("L-2", "REF-9", "Testpatient").replace("I12^REF_I12", "I13^REF_I12");
    office.ask(&changed.replace("5550199", "5550177"), 2).await;
    let row = waits_for(&world, "unknown_referral").await;
    let reference = facts(&world).await.reference;
    let done = assign(&world, &row.id, &reference, false).await.expect("assigned");
    assert_eq!(done.outcome, "referral_modified", "what it asks for is still to be done");
    let row = waits_for(&world, "referral_modified").await;
    assert_eq!(row.reference, reference);
    assert_eq!(apply(&world, &row.id, &["phone"], false).await.expect("applied").outcome, "applied");
    assert_eq!(world.count(PARKED).await, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_change_says_is_shown_beside_what_stands_and_what_is_chosen_of_it_is_taken_over() {
    let world = World::start_with(quick()).await;
    let mut office = Office::calls(&world).await;
    office.ask(&referral("C-1", "REF-1", "Testpatient"), 2).await;
    let indexed = "SELECT count(*) FROM person_tokens WHERE token IN (SELECT token FROM person_tokens)";
    eventually("the person is read", || async { world.count(indexed).await > 0 }).await;
    let changed = referral("C-2", "REF-1", "Testpatient").replace("I12^REF_I12", "I13^REF_I12");
    let changed = changed.replace("5550199", "5550177").replace("C50.411^IDC right breast", "C34.90^Lung");
    office.ask(&changed, 2).await;
    let row = waits_for(&world, "referral_modified").await;
    let shown = open(&world, &row).await;
    assert!(shown.may_apply && !shown.is_other_patient);
    assert_eq!(shown.standing_kind, "inquiry");
    assert!(shown.standing["phone"].ends_with("5550199") && shown.fields["phone"].ends_with("5550177"));
    assert_eq!((shown.standing["cancer_area"].as_str(), shown.fields["cancer_area"].as_str()), ("breast", "thoracic"));

    for wrong in [&["consent_phone"][..], &["birth_date"], &[]] {
        let refused = apply(&world, &row.id, wrong, false).await.expect_err("not said otherwise");
        assert_eq!(refused.code(), Code::InvalidArgument, "{wrong:?}");
    }
    assert_eq!(world.count(PARKED).await, 1);
    let done = apply(&world, &row.id, &["phone", "cancer_area"], false).await.expect("applied");
    assert_eq!((done.outcome.as_str(), done.routed_by.as_slice()), ("applied", &["cancer_area".to_owned()][..]));
    assert_eq!(facts(&world).await.cancer_area(), CancerArea::Thoracic);
    assert_eq!(world.count(PARKED).await, 0);
    let inquiry = RepairRow { kind: "inquiry".into(), id: done.inquiry_id.clone(), ..RepairRow::default() };
    let mended = open(&world, &inquiry).await;
    assert!(mended.fields["phone"].ends_with("5550177") && mended.fields["message"].contains("breast"));
    let steps = "SELECT count(*) FROM repair_steps WHERE step = 'apply' AND actor = 'ana'";
    assert_eq!(world.count(steps).await, 1);
    assert_eq!(
        world.count("SELECT count(*) FROM audit_log WHERE purpose IN ('apply_message', 'mend_inquiry')").await,
        2
    );
    let again = "SELECT count(*) FROM indexed_people WHERE version = ''";
    eventually("the person index reads them again", || async { world.count(again).await == 0 }).await;
    assert_eq!(apply(&world, &row.id, &["phone"], false).await.expect("asked").outcome, "not_waiting");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_referral_under_a_number_of_another_patient_is_taken_over_only_if_that_is_meant() {
    let world = World::start().await;
    let mut office = Office::calls(&world).await;
    office.ask(&referral("O-1", "REF-1", "Testpatient"), 2).await;
    office.ask(&referral("O-2", "REF-1", "Testother"), 2).await;
    let row = waits_for(&world, "referral_changed").await;
    assert_eq!(apply(&world, &row.id, &["name"], false).await.expect("asked").outcome, "other_patient");
    assert_eq!(world.count(PARKED).await, 1);
    assert_eq!(apply(&world, &row.id, &["name"], true).await.expect("meant").outcome, "applied");

    office.ask(&referral("O-1", "REF-3", "Testthird"), 2).await;
    let row = waits_for(&world, "control_id_reused").await;
    let shown = open(&world, &row).await;
    assert_eq!(shown.standing_kind, "message");
    assert!(shown.standing_raw.contains("Testpatient^Marisol") && shown.raw.contains("Testthird^Marisol"));
    assert_eq!(shown.standing["name"], "Marisol Testpatient");
    assert!(!shown.may_apply, "it is about no inquiry");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_inquiry_is_mended_at_any_time_and_each_answer_is_read_by_its_form() {
    let world = World::start().await;
    let told = world.accepted(&body(&[])).await;
    let id = told["inquiry_id"].as_str().expect("an id").to_owned();
    let row = RepairRow { kind: "inquiry".into(), id, ..RepairRow::default() };
    let shown = open(&world, &row).await;
    assert!(shown.may_release && shown.view.is_empty());
    for (key, wrong) in
        [("phone", "12"), ("language", "Rosa Vega"), ("referring_npi", "1234567890"), ("cancer_area", "toe")]
    {
        let refused = release(&world, &row, &[(key, wrong)]).await.expect_err("can't be read");
        assert_eq!(refused.code(), Code::InvalidArgument, "{key}");
    }
    let mended = [
        ("address", "1200 Harbor Avenue, Seattle, WA 98101"),
        ("insurance", "Testplan, 00-11-22"),
        ("referring_npi", "1234567893"),
        ("language", "Spanish"),
    ];
    let done = release(&world, &row, &mended).await.expect("mended");
    let routed_by = ["language", "nearest_site", "distance_km"].map(str::to_owned);
    assert_eq!((done.outcome.as_str(), done.routed_by.as_slice()), ("mended", &routed_by[..]));
    let known = facts(&world).await;
    assert_eq!(known.language, "es");
    assert_eq!((known.nearest_site.as_str(), known.distance_band.as_str()), ("harbor", "under_10"), "of the address");
    let shown = open(&world, &row).await;
    for (key, answer) in &mended[..3] {
        assert_eq!(shown.fields[*key], *answer);
    }
    assert_eq!(world.count("SELECT count(*) FROM audit_log WHERE purpose = 'mend_inquiry'").await, 1);
    // The others hear what it is now, and which answers those were, but none that ties a person to anything.
    let told: Vec<Vec<u8>> = sqlx::query_scalar("SELECT payload FROM outbox WHERE kind = $1 ORDER BY version")
        .bind(InquiryAmended::KIND)
        .fetch_all(&world.admin)
        .await
        .expect("the outbox");
    let event = InquiryAmended::decode(told[0].as_slice()).expect("readable");
    assert_eq!((told.len(), event.version), (1, 2), "one, and its receipt was the first");
    assert_eq!(event.changed, ["address", "insurance", "language", "referring_npi"]);
    let facts = event.facts.expect("facts");
    assert_eq!((facts.language.as_str(), facts.nearest_site.as_str()), ("es", "harbor"));
    let bytes = String::from_utf8_lossy(&told[0]).into_owned();
    assert!(["Harbor Avenue", "00-11-22", "1234567893"].iter().all(|word| !bytes.contains(word)), "{bytes}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_row_and_a_file_are_taken_once_the_mapping_of_their_feed_is_mended() {
    let world = World::start().await;
    let cedar = csv::Office::cedar(&world);
    let row = |number: &str, birth: &str| format!("{number},Testpatient,Marisol,{birth},206-555-0142,C50.411,new");
    cedar.taken(csv::list(&[&row("RB-1", "19/07/1968"), "RB-2,Testpatient,Two", TORN])).await;
    let waits = waits_for(&world, "birth_date_impossible").await;
    assert!(!open(&world, &waits).await.may_retry, "nothing has changed yet");
    assert_eq!(retry(&world, &waits.id).await.expect("tried"), "birth_date_impossible");
    let short = waits_for(&world, "row_short").await;
    let strange = String::from_utf8(csv::list(&[&row("RB-3", "20/07/1968")])).expect("text");
    let file = cedar.taken(strange.replace("diagnosis_codes", "Shoe size").into_bytes()).await;
    assert_eq!(file["state"], "parked");
    let listed = waits_for(&world, "header_unknown").await;
    assert_eq!((listed.kind.as_str(), listed.door.as_str(), listed.feed.as_str()), ("file", "csv", "cedar-csv"));
    assert!(listed.detail.contains("column 6"), "{}", listed.detail);

    let mended = "dates = \"dmy\"\nignored = [\"Shoe size\"]";
    world.change_profile(CENTER, "feeds.toml", "dates = \"mdy\"", mended).await;
    eventually("the row is taken", || async { retry(&world, &waits.id).await.expect("tried") == "accepted" }).await;
    assert_eq!(retry(&world, &short.id).await.expect("tried"), "row_short", "what is short is short still");
    let torn = waits_for(&world, "nul_byte").await;
    assert_eq!(retry(&world, &torn.id).await.expect("tried"), "nul_byte", "its cells can't be told apart");
    let request = |center: &str| RetryFileRequest { center: center.into(), file_id: listed.id.clone() };
    let elsewhere = world.client("portal", Some(coordinator(OTHER))).retry_file(request(OTHER)).await;
    assert_eq!(elsewhere.expect_err("none of theirs").code(), Code::FailedPrecondition);
    world.client("portal", Some(coordinator(CENTER))).retry_file(request(CENTER)).await.expect("looked through again");
    let done = "SELECT count(*) FROM files WHERE state = 'done'";
    eventually("the file is taken", || async { world.count(done).await == 2 }).await;
    assert_eq!(world.count("SELECT count(*) FROM inquiries").await, 2);
    let again = world.client("portal", Some(coordinator(CENTER))).retry_file(request(CENTER)).await;
    assert_eq!(again.expect_err("it is done").code(), Code::FailedPrecondition);
    assert_eq!(world.count("SELECT count(*) FROM audit_log WHERE purpose = 'retry_file'").await, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_messages_said_is_erased_in_time_but_never_what_waits_for_a_person_or_for_its_documents() {
    let world = World::start_with(Config { erase_look_seconds: 1, ..Config::default() }).await;
    let mut office = Office::calls(&world).await;
    let first = office.ask(&referral("E-1", "REF-1", "Testpatient"), 2).await;
    office.ask(&referral("E-2", "REF-1", "Testother"), 2).await;
    let nameless = refused(&world, "E-3").await;
    let report = news("MDM^T02^MDM_T02", "E-4", ("REF-77", "Testpatient", "19680719"), &obx(1, "11526-1", b"%PDF-1.4"));
    office.ask(&report, 1).await;
    let cedar = csv::Office::cedar(&world);
    let list = csv::list(&["RB-9,Testpatient,Nine,1968-07-19,206-555-0142,C50.411,new"]);
    cedar.taken(list.clone()).await;
    office.ask(&referral("E-5", "REF-5", "Testfifth"), 2).await;
    // As if one of them were taken already, and its documents not yet.
    let old = "UPDATE messages SET changed_at = now() - interval '91 days' WHERE message_id NOT IN \
        (SELECT message_id FROM messages ORDER BY message_id DESC LIMIT 1)";
    sqlx::query("UPDATE messages SET state = 'settled' WHERE reason = 'attachment'")
        .execute(&world.admin)
        .await
        .expect("so");
    sqlx::query(old).execute(&world.admin).await.expect("time passes");
    sqlx::query("UPDATE files SET finished_at = now() - interval '91 days'")
        .execute(&world.admin)
        .await
        .expect("here too");
    let erased = "SELECT count(*) FROM messages WHERE erased_at IS NOT NULL AND sealed = ''";
    eventually("what is over is erased", || async { world.count(erased).await == 2 }).await;
    eventually("the file too", || async { world.count("SELECT count(*) FROM file_parts").await == 0 }).await;
    tokio::time::sleep(std::time::Duration::from_millis(1500)).await;
    assert_eq!(world.count(erased).await, 2, "the parked, the young and the one with documents stay");
    assert!(waiting(&world, "refused").await.is_empty(), "nobody could mend it any more");
    let gone = open(&world, &nameless).await;
    assert!(gone.is_erased && gone.raw.is_empty() && !gone.may_release);

    assert_eq!(office.ask(&referral("E-1", "REF-1", "Testpatient"), 2).await, first, "it is known all the same");
    let again = cedar.taken(list).await;
    assert_eq!(again["state"], "done");
    assert_eq!(world.count("SELECT count(*) FROM inquiries").await, 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_may_not_repair_can_neither_assign_nor_apply_nor_retry_a_file() {
    let world = World::start().await;
    let row = refused(&world, "W-1").await;
    let scheduler = causeway_auth::Actor::staff("sam", "Sam", CENTER, vec![causeway_auth::Role::Scheduler]);
    for actor in [None, Some(scheduler), Some(coordinator(OTHER))] {
        let mut client = world.client("portal", actor);
        let (center, message_id) = (CENTER.to_owned(), row.id.clone());
        let assign = AssignMessageRequest { center, message_id, ..Default::default() };
        let apply = ApplyMessageRequest { center: CENTER.into(), message_id: row.id.clone(), ..Default::default() };
        let file = RetryFileRequest { center: CENTER.into(), file_id: row.id.clone() };
        for refused in [
            client.assign_message(assign).await.map(|_| ()),
            client.apply_message(apply).await.map(|_| ()),
            client.retry_file(file).await.map(|_| ()),
        ] {
            assert_eq!(refused.expect_err("may not").code(), Code::PermissionDenied);
        }
    }
    assert_eq!(assign(&world, &row.id, "HV-1", false).await.expect("asked").outcome, "not_waiting", "it was refused");
}

/// Settles messages; gives what was settled and what names another patient.
pub async fn settle(world: &World, ids: Vec<String>) -> (usize, Vec<String>) {
    let request = SettleMessagesRequest { center: CENTER.into(), message_ids: ids };
    let answer = world.client("portal", Some(coordinator(CENTER))).settle_messages(request).await.expect("asked");
    let answer = answer.into_inner();
    (answer.settled.len(), answer.other_patient)
}
